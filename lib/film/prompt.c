/*  The prompt compiler; its rules stand in the header. One walk over the parts serves both the text
 *  and its size.
 */
#include "lib/film/prompt.h"

#include <string.h>

typedef struct {
    aut_buffer_t *out; /* NULL: only count */
    size_t size;
    char last; /* byte written, 0 at the beginning */
} writer_t;

static void put (writer_t *self, const char *text)
{
    size_t size = strlen (text);
    if (size == 0)
        return;
    if (self->out)
        aut_buffer_append (self->out, text, size);
    self->size += size;
    self->last = text[size - 1];
}

/*  Begins a part: what stands between it and the one before. */
static void begin (writer_t *self)
{
    if (self->last)
        put (self, strchr (".!?,;:", self->last) ? " " : ". ");
}

static bool is_written (const char *text)
{
    return text && *text;
}

static void put_camera (writer_t *self, const aut_camera_t *camera)
{
    static const char *const sizes[] = {"extreme wide shot", "wide shot", "full shot",
                                        "medium shot",       "close-up",  "extreme close-up"};
    static const char *const moves[] = {
        "static camera",     "camera pans left",  "camera pans right",  "camera tilts up",
        "camera tilts down", "camera dollies in", "camera dollies out", "tracking shot",
        "camera zooms in",   "camera zooms out",  "handheld camera"};
    const char *words[] = {camera->size >= 0 ? sizes[camera->size] : NULL, camera->angle,
                           camera->move >= 0 ? moves[camera->move] : NULL, camera->notes};
    bool first = true;
    for (size_t i = 0; camera->node && i < sizeof words / sizeof *words; i++) {
        if (!is_written (words[i]))
            continue;
        if (first)
            begin (self);
        else
            put (self, ", ");
        put (self, words[i]);
        first = false;
    }
}

static void put_ingredient (writer_t *self, const aut_ingredient_t *ingredient)
{
    bool named =
        ingredient->type == AUT_INGREDIENT_CHARACTER || ingredient->type == AUT_INGREDIENT_OBJECT;
    if (!is_written (ingredient->description))
        return;
    begin (self);
    if (named && is_written (ingredient->name)) {
        put (self, ingredient->name);
        put (self, ": ");
    }
    put (self, ingredient->description);
}

static size_t compile (const aut_storyboard_t *film, const aut_shot_t *shot, aut_buffer_t *out)
{
    writer_t writer = {.out = out};
    if (is_written (film->style.prompt))
        put (&writer, film->style.prompt);
    if (is_written (shot->prompt)) {
        begin (&writer);
        put (&writer, shot->prompt);
    }
    put_camera (&writer, &shot->camera);
    for (size_t i = 0; i < shot->ingredient_ids.count; i++)
        if (shot->ingredients[i])
            put_ingredient (&writer, shot->ingredients[i]);
    return writer.size;
}

char *aut_prompt_compile (const aut_storyboard_t *film, const aut_shot_t *shot)
{
    aut_buffer_t out = {0};
    compile (film, shot, &out);
    return aut_buffer_take (&out, NULL);
}

char *aut_prompt_negative (const aut_storyboard_t *film, const aut_shot_t *shot)
{
    aut_buffer_t out = {0};
    if (is_written (shot->negative))
        aut_buffer_text (&out, shot->negative);
    if (is_written (film->style.negative)) {
        aut_buffer_text (&out, out.size ? ", " : "");
        aut_buffer_text (&out, film->style.negative);
    }
    return aut_buffer_take (&out, NULL);
}

size_t aut_prompt_size (const aut_storyboard_t *film, const aut_shot_t *shot)
{
    size_t size = compile (film, shot, NULL);
    const char *own = shot->negative, *style = film->style.negative;
    return size + (own ? strlen (own) : 0) + (style ? strlen (style) : 0) + 2;
}
