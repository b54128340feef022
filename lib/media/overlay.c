#include "lib/media/overlay.h"

#include "lib/core/buffer.h"
#include "lib/core/error.h"
#include "lib/core/log.h"
#include "lib/core/mem.h"

#include <ass/ass.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct aut_overlay {
    ASS_Library *library;
    ASS_Renderer *renderer;
    ASS_Track *track;   /* texts that stay */
    ASS_Track *live;    /* the text that changes from frame to frame */
    ASS_Track *scratch; /* for measuring */
    /* What stays is drawn once and kept: libass would shape it again for each frame, and search all
     * fonts again for letters that none of them has. */
    ASS_Image *kept;
    size_t kept_count, kept_cap;
    bool stale;
};

/* What is not seen of a film's length: events last for ever, and are drawn at time 0. */
#define FOREVER 1000000000LL

/* As libass has colours: red, green, blue, transparency. */
#define BOX_COLOR 0x0b0d1260u

static void s_message (int level, const char *format, va_list args, void *ctx)
    __attribute__ ((format (printf, 2, 0)));

static void s_message (int level, const char *format, va_list args, void *ctx)
{
    (void)ctx;
    char line[256];
    if (level > 2)
        return;
    vsnprintf (line, sizeof line, format, args);
    aut_log (AUT_LOG_DEBUG, "libass", "%s", line);
}

static ASS_Track *s_track (ASS_Library *library, uint32_t width, uint32_t height)
{
    ASS_Track *track = ass_new_track (library);
    if (!track)
        return NULL;
    track->track_type = TRACK_TYPE_ASS;
    track->PlayResX = (int)width;
    track->PlayResY = (int)height;
    track->WrapStyle = 0;
    track->ScaledBorderAndShadow = 1;
    ass_track_set_feature (track, ASS_FEATURE_WRAP_UNICODE, 1);
    ass_track_set_feature (track, ASS_FEATURE_BIDI_BRACKETS, 1);
    return track;
}

int aut_overlay_new (aut_overlay_t **out, uint32_t width, uint32_t height)
{
    *out = NULL;
    aut_overlay_t *self = aut_calloc (1, sizeof *self);
    self->library = ass_library_init ();
    if (self->library) {
        ass_set_message_cb (self->library, s_message, NULL);
        self->renderer = ass_renderer_init (self->library);
        self->track = s_track (self->library, width, height);
        self->live = s_track (self->library, width, height);
        self->scratch = s_track (self->library, width, height);
    }
    if (!self->renderer || !self->track || !self->live || !self->scratch) {
        aut_overlay_destroy (&self);
        return aut_fail (AUT_ERR_UNSUPPORTED, "libass could not be started");
    }
    ass_set_frame_size (self->renderer, (int)width, (int)height);
    ass_set_storage_size (self->renderer, (int)width, (int)height);
    ass_set_pixel_aspect (self->renderer, 1.0);
    ass_set_cache_limits (self->renderer, 4000, 16);
    ass_set_fonts (self->renderer, NULL, "sans-serif", ASS_FONTPROVIDER_AUTODETECT, NULL, 1);
    *out = self;
    return 0;
}

static void s_clear (ASS_Track *track)
{
    ass_flush_events (track);
    for (int i = 0; i < track->n_styles; i++)
        ass_free_style (track, i);
    track->n_styles = 0;
}

static void s_forget (aut_overlay_t *self)
{
    for (size_t i = 0; i < self->kept_count; i++)
        free (self->kept[i].bitmap);
    self->kept_count = 0;
    self->stale = true;
}

void aut_overlay_clear (aut_overlay_t *self)
{
    s_clear (self->track);
    s_clear (self->live);
    s_forget (self);
}

/*  Plain words as ASS text: braces escaped, line ends as \N, and a backslash that would begin an
 *  escape is parted from the next letter by a word joiner, which has no width. */
static char *s_escape (const char *words)
{
    aut_buffer_t text = {0};
    for (const char *p = words; *p; p++) {
        unsigned char c = (unsigned char)*p;
        if (c == '{' || c == '}')
            aut_buffer_append (&text, (char[]){'\\', *p}, 2);
        else if (c == '\\')
            aut_buffer_text (&text, "\\\xe2\x81\xa0");
        else if (c == '\n')
            aut_buffer_text (&text, "\\N");
        else if (c == '\t')
            aut_buffer_append (&text, " ", 1);
        else if (c >= 0x20 && c != 0x7f)
            aut_buffer_append (&text, p, 1);
    }
    return aut_buffer_take (&text, NULL);
}

/*  0xRRGGBB and transparency as libass has it: RRGGBBTT. */
static uint32_t s_color (uint32_t rgb, unsigned transparency)
{
    return rgb << 8 | transparency;
}

static void s_style (ASS_Style *style, const aut_overlay_text_t *text)
{
    static const int vertical[3] = {0, 8, 4}; /* libass: bottom, middle, top */
    style->Name = aut_strdup ("auteur");
    style->FontName = aut_strdup (text->mono ? "monospace" : "sans-serif");
    style->FontSize = text->size;
    style->Bold = text->bold ? -1 : 0;
    style->PrimaryColour = style->SecondaryColour = s_color (text->color, 0);
    style->OutlineColour = s_color (0, 0x20);
    style->BackColour = BOX_COLOR;
    style->ScaleX = style->ScaleY = 1.0;
    style->BorderStyle = text->box ? 4 : 1;
    style->Outline = text->box ? 0 : text->size / 14;
    style->Shadow = text->box ? text->padding : 0;
    style->Alignment = vertical[(text->anchor - 1) / 3] | ((text->anchor - 1) % 3 + 1);
    style->MarginL = (int)lround (text->left);
    style->MarginR = (int)lround (text->right);
    style->MarginV = (int)lround (text->edge);
    style->Encoding = -1; /* the direction of the text itself */
    style->treat_fontname_as_pattern = 0;
}

static void s_add (ASS_Track *track, const aut_overlay_text_t *text)
{
    int style = ass_alloc_style (track);
    int number = ass_alloc_event (track);
    s_style (&track->styles[style], text);
    ASS_Event *event = &track->events[number];
    event->Start = 0;
    event->Duration = FOREVER;
    event->Layer = event->ReadOrder = number; /* own layers: libass moves none away from another */
    event->Style = style;
    event->Name = aut_strdup ("");
    event->Effect = aut_strdup ("");
    event->Text = s_escape (text->text);
}

void aut_overlay_add (aut_overlay_t *self, const aut_overlay_text_t *text)
{
    s_add (self->track, text);
    s_forget (self);
}

void aut_overlay_add_live (aut_overlay_t *self, const aut_overlay_text_t *text)
{
    s_clear (self->live);
    s_add (self->live, text);
}

void aut_overlay_set_live (aut_overlay_t *self, const char *words)
{
    if (!self->live->n_events)
        return;
    ASS_Event *event = &self->live->events[0];
    free (event->Text);
    event->Text = s_escape (words);
}

aut_overlay_size_t aut_overlay_measure (aut_overlay_t *self, const aut_overlay_text_t *text)
{
    s_clear (self->scratch);
    s_add (self->scratch, text);
    int change = 0, x0 = 0, y0 = 0, x1 = 0, y1 = 0;
    bool any = false;
    for (ASS_Image *i = ass_render_frame (self->renderer, self->scratch, 0, &change); i;
         i = i->next) {
        /* Glyphs lie in bitmaps with room to spare; a box is exact. */
        if (!i->w || !i->h || (text->box && i->color != BOX_COLOR))
            continue;
        x0 = !any || i->dst_x < x0 ? i->dst_x : x0;
        y0 = !any || i->dst_y < y0 ? i->dst_y : y0;
        x1 = !any || i->dst_x + i->w > x1 ? i->dst_x + i->w : x1;
        y1 = !any || i->dst_y + i->h > y1 ? i->dst_y + i->h : y1;
        any = true;
    }
    s_clear (self->scratch);
    return (aut_overlay_size_t){x0, y0, x1 - x0, y1 - y0};
}

static unsigned s_div255 (unsigned v)
{
    return (v * 257 + 257 * 127) >> 16;
}

/*  One plane of one bitmap; step is the distance of samples in `out`. */
static void s_blend (uint8_t *out, ptrdiff_t stride, int step, const ASS_Image *image,
                     unsigned value)
{
    unsigned opacity = 255 - (image->color & 0xff);
    for (int y = 0; y < image->h; y++) {
        uint8_t *row = out + (image->dst_y + y) * stride + (ptrdiff_t)image->dst_x * step;
        const uint8_t *mask = image->bitmap + (ptrdiff_t)y * image->stride;
        for (int x = 0; x < image->w; x++, row += step) {
            unsigned share = s_div255 (mask[x] * opacity);
            if (share)
                *row = (uint8_t)s_div255 (*row * (255 - share) + value * share);
        }
    }
}

/*  The mask's value at luma pixel (x, y) of the frame, 0 outside. */
static unsigned s_mask (const ASS_Image *image, int x, int y)
{
    x -= image->dst_x;
    y -= image->dst_y;
    if (x < 0 || y < 0 || x >= image->w || y >= image->h)
        return 0;
    return image->bitmap[(ptrdiff_t)y * image->stride + x];
}

static void s_blend_chroma (AVFrame *frame, const ASS_Image *image, unsigned u, unsigned v)
{
    unsigned opacity = 255 - (image->color & 0xff);
    int x1 = (image->dst_x + image->w + 1) / 2, y1 = (image->dst_y + image->h + 1) / 2;
    for (int y = image->dst_y / 2; y < y1; y++) {
        uint8_t *pu = frame->data[1] + (ptrdiff_t)y * frame->linesize[1];
        uint8_t *pv = frame->data[2] + (ptrdiff_t)y * frame->linesize[2];
        for (int x = image->dst_x / 2; x < x1; x++) {
            unsigned sum = s_mask (image, 2 * x, 2 * y) + s_mask (image, 2 * x + 1, 2 * y) +
                           s_mask (image, 2 * x, 2 * y + 1) + s_mask (image, 2 * x + 1, 2 * y + 1);
            unsigned share = s_div255 ((sum + 2) / 4 * opacity);
            if (!share)
                continue;
            pu[x] = (uint8_t)s_div255 (pu[x] * (255 - share) + u * share);
            pv[x] = (uint8_t)s_div255 (pv[x] * (255 - share) + v * share);
        }
    }
}

static void s_draw_yuv (AVFrame *frame, const ASS_Image *image)
{
    double r = image->color >> 24, g = image->color >> 16 & 0xff, b = image->color >> 8 & 0xff;
    double y = 0.2126 * r + 0.7152 * g + 0.0722 * b; /* BT.709 */
    long u = lround (128 + (b - y) / 1.8556 * 224 / 255);
    long v = lround (128 + (r - y) / 1.5748 * 224 / 255);
    s_blend (frame->data[0], frame->linesize[0], 1, image, (unsigned)lround (16 + y * 219 / 255));
    s_blend_chroma (frame, image, (unsigned)u, (unsigned)v);
}

static ASS_Image *s_render (aut_overlay_t *self, ASS_Track *track)
{
    int change = 0;
    return track->n_events ? ass_render_frame (self->renderer, track, 0, &change) : NULL;
}

static void s_keep (aut_overlay_t *self)
{
    if (!self->stale)
        return;
    self->stale = false;
    for (const ASS_Image *i = s_render (self, self->track); i; i = i->next) {
        if (!i->w || !i->h)
            continue;
        self->kept = aut_grow (self->kept, &self->kept_cap, self->kept_count + 1, sizeof *i);
        ASS_Image *copy = &self->kept[self->kept_count++];
        *copy = *i;
        copy->stride = i->w;
        copy->bitmap = aut_calloc ((size_t)i->w, (size_t)i->h);
        for (int y = 0; y < i->h; y++)
            memcpy (copy->bitmap + (ptrdiff_t)y * i->w, i->bitmap + (ptrdiff_t)y * i->stride,
                    (size_t)i->w);
    }
}

void aut_overlay_draw_frame (aut_overlay_t *self, AVFrame *frame)
{
    s_keep (self);
    for (size_t i = 0; i < self->kept_count; i++)
        s_draw_yuv (frame, &self->kept[i]);
    for (const ASS_Image *i = s_render (self, self->live); i; i = i->next)
        if (i->w && i->h)
            s_draw_yuv (frame, i);
}

void aut_overlay_draw_picture (aut_overlay_t *self, aut_picture_t *picture)
{
    s_keep (self);
    for (size_t i = 0; i < self->kept_count; i++)
        for (int c = 0; c < 3; c++)
            s_blend (picture->rgb + c, (ptrdiff_t)picture->width * 3, 3, &self->kept[i],
                     self->kept[i].color >> (24 - 8 * c) & 0xff);
}

void aut_overlay_destroy (aut_overlay_t **self_p)
{
    aut_overlay_t *self = *self_p;
    if (!self)
        return;
    if (self->track)
        ass_free_track (self->track);
    if (self->live)
        ass_free_track (self->live);
    if (self->scratch)
        ass_free_track (self->scratch);
    s_forget (self);
    free (self->kept);
    if (self->renderer)
        ass_renderer_done (self->renderer);
    if (self->library)
        ass_library_done (self->library);
    free (self);
    *self_p = NULL;
}
