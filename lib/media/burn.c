/*  The burn-in's layout. What a shot is stands top left (id, slugline), when and of what top right
 *  (timecode, model, seed), what should be seen below left (prompt), what is said above that in the
 *  middle, as a subtitle. All lengths follow the picture's shorter side, so that it looks the same
 * at any size; heights are measured, so that nothing covers anything else.
 */
#include "lib/core/error.h"
#include "lib/core/mem.h"
#include "lib/core/timecode.h"
#include "lib/media/overlay.h"
#include "lib/media/stitch_private.h"

#include <stdlib.h>
#include <string.h>

#define LONGEST 800 /* bytes of a text that are considered at all */

#define WHITE 0xf4f4f0
#define AMBER 0xffc95c
#define GREY 0xcfd3da

struct aut_burner {
    const aut_stitch_t *film;
    aut_overlay_t *overlay;
    const aut_stitch_shot_t *shot; /* whose words are laid out */
    double width, height, unit;    /* unit: a hundredth of the shorter side */
};

int aut_burner_new (aut_burner_t **out, const aut_stitch_t *film, uint32_t width, uint32_t height)
{
    *out = NULL;
    aut_burner_t *self = aut_calloc (1, sizeof *self);
    self->film = film;
    self->width = width;
    self->height = height;
    self->unit = (width < height ? width : height) / 100.0;
    int rc = aut_overlay_new (&self->overlay, width, height);
    if (rc < 0)
        aut_burner_destroy (&self);
    *out = self;
    return rc;
}

void aut_burner_destroy (aut_burner_t **self_p)
{
    if (!*self_p)
        return;
    aut_overlay_destroy (&(*self_p)->overlay);
    free (*self_p);
    *self_p = NULL;
}

/*  Cuts `words` to at most `len` bytes, at a space if one is near, never inside a character. */
static void s_shorten (char *words, size_t len)
{
    while (len && ((unsigned char)words[len] & 0xc0) == 0x80)
        len--;
    size_t space = len;
    while (space > 0 && words[space] != ' ' && len - space < 24)
        space--;
    if (space > 0 && words[space] == ' ')
        len = space;
    memcpy (words + len, "…", sizeof "…");
}

/*  By how much a text is too high or too wide for its place; 1 or more when it fits. */
static double s_room (const aut_burner_t *self, const aut_overlay_text_t *text,
                      const aut_overlay_size_t *size, double max)
{
    double width = self->width - text->left - text->right + 2 * text->padding + 2;
    double high = size->height > max ? max / size->height : 1;
    double wide = size->width > width ? width / size->width : 1;
    return high < wide ? high : wide;
}

/*  Adds a text that is at most `max` pixels high and as wide as its margins leave, shortened with
 * an ellipsis if need be; gives the room it takes. */
static aut_overlay_size_t s_add_bounded (aut_burner_t *self, aut_overlay_text_t *text, double max)
{
    /* No script has letters so narrow that more than five bytes fit in a square of its size. */
    double squares = (self->width - text->left - text->right) * max / (text->size * text->size);
    size_t most = squares > 0 && squares * 5 < LONGEST ? (size_t)(squares * 5) + 8 : LONGEST;
    size_t len = strnlen (text->text, most + 1);
    char *words = aut_calloc (len + sizeof "…", 1);
    memcpy (words, text->text, len);
    if (len > most)
        s_shorten (words, len = most);
    text->text = words;
    aut_overlay_size_t size = aut_overlay_measure (self->overlay, text);
    double room = s_room (self, text, &size, max);
    while (room < 1 && len > 4) {
        /* Towards what fits, in a few steps. */
        len = (size_t)((double)len * (room > 0.9 ? 0.9 : room < 0.3 ? 0.3 : room + 0.05));
        s_shorten (words, len);
        size = aut_overlay_measure (self->overlay, text);
        room = s_room (self, text, &size, max);
    }
    aut_overlay_add (self->overlay, text);
    free (words);
    return size;
}

static bool s_wants (const aut_burner_t *self, unsigned field, const char *text)
{
    return (self->film->burn_in & field) && text && *text;
}

/*  Top right: timecode, model, seed. Returns the width taken. */
static double s_right (aut_burner_t *self, const aut_stitch_shot_t *shot,
                       const aut_overlay_text_t *look)
{
    aut_overlay_text_t text = *look;
    text.anchor = 9;
    double widest = 0, gap = self->unit * 0.6;
    if (self->film->burn_in & AUT_STITCH_BURN_TIMECODE) {
        text.text = "00:00:00:00";
        text.mono = text.bold = true;
        text.size = self->unit * 4.6;
        aut_overlay_size_t size = aut_overlay_measure (self->overlay, &text);
        aut_overlay_add_live (self->overlay, &text);
        text.edge += size.height + gap;
        widest = size.width;
    }
    text.mono = text.bold = false;
    text.size = self->unit * 3.6;
    text.color = GREY;
    text.left = self->width * 0.5;
    char *seed = aut_sprintf ("seed %llu", (unsigned long long)shot->seed);
    const char *lines[] = {s_wants (self, AUT_STITCH_BURN_MODEL, shot->model) ? shot->model : NULL,
                           self->film->burn_in & AUT_STITCH_BURN_SEED ? seed : NULL};
    for (size_t i = 0; i < 2; i++) {
        if (!lines[i])
            continue;
        text.text = lines[i];
        aut_overlay_size_t size = s_add_bounded (self, &text, self->height * 0.1);
        text.edge += size.height + gap;
        widest = size.width > widest ? size.width : widest;
    }
    free (seed);
    return widest;
}

static void s_left (aut_burner_t *self, const aut_stitch_shot_t *shot,
                    const aut_overlay_text_t *look, double taken)
{
    aut_overlay_text_t text = *look;
    text.anchor = 7;
    text.right = look->right + taken + self->unit * 3;
    if (s_wants (self, AUT_STITCH_BURN_ID, shot->id)) {
        text.text = shot->id;
        text.bold = true;
        text.size = self->unit * 5.4;
        text.color = AMBER;
        text.edge += s_add_bounded (self, &text, self->height * 0.16).height + self->unit * 0.6;
    }
    if (s_wants (self, AUT_STITCH_BURN_SLUGLINE, shot->slugline)) {
        text.text = shot->slugline;
        text.bold = false;
        text.size = self->unit * 3.9;
        text.color = WHITE;
        s_add_bounded (self, &text, self->height * 0.14);
    }
}

static void s_bottom (aut_burner_t *self, const aut_stitch_shot_t *shot,
                      const aut_overlay_text_t *look)
{
    aut_overlay_text_t text = *look;
    if (s_wants (self, AUT_STITCH_BURN_PROMPT, shot->prompt)) {
        text.text = shot->prompt;
        text.anchor = 1;
        text.size = self->unit * 3.9;
        text.edge += s_add_bounded (self, &text, self->height * 0.2).height + self->unit * 2;
    }
    if (s_wants (self, AUT_STITCH_BURN_DIALOGUE, shot->dialogue)) {
        text.text = shot->dialogue;
        text.anchor = 2;
        text.size = self->unit * 6.2;
        text.bold = true;
        text.box = false;
        text.left = text.right = self->width * 0.1;
        s_add_bounded (self, &text, self->height * 0.3);
    }
}

static void s_layout (aut_burner_t *self, const aut_stitch_shot_t *shot)
{
    double margin = self->unit * 4.5;
    aut_overlay_text_t look = {.left = margin,
                               .right = margin,
                               .edge = margin,
                               .box = true,
                               .padding = self->unit * 1.1,
                               .color = WHITE};
    aut_overlay_clear (self->overlay);
    s_left (self, shot, &look, s_right (self, shot, &look));
    s_bottom (self, shot, &look);
    self->shot = shot;
}

int aut_burner_draw (aut_burner_t *self, AVFrame *frame, const aut_stitch_shot_t *shot, uint64_t n)
{
    if (shot != self->shot)
        s_layout (self, shot);
    if (self->film->burn_in & AUT_STITCH_BURN_TIMECODE) {
        char text[AUT_TIMECODE_SIZE];
        aut_timecode (text, n, self->film->rate_num, self->film->rate_den);
        aut_overlay_set_live (self->overlay, text);
    }
    aut_overlay_draw_frame (self->overlay, frame);
    return 0;
}
