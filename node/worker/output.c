/*  See output.h. */
#include "node/worker/output.h"

#include "lib/core/error.h"
#include "lib/core/file.h"
#include "lib/core/mem.h"
#include "lib/media/clip.h"
#include "lib/media/picture.h"
#include "node/worker/preview.h"
#include "node/worker/tail.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct aut_output {
    const aut_task_spec_t *spec;
    const char *dir;
    uint32_t next; /* index of the frame that is due */
    size_t values; /* of one frame */
    aut_clip_writer_t *clip;
    uint8_t *rgb;    /* one frame in bytes */
    uint8_t *middle; /* the preview's frame */
    aut_tail_t tail;
};

uint8_t aut_quantise (float value)
{
    float clamped = value < 0 ? 0 : value > 1 ? 1 : value;
    /* In double: in float, 0.5 + 255·v rounds values just below a half upwards. */
    return (uint8_t)((double)clamped * 255 + 0.5);
}

int aut_output_new (aut_output_t **out, const aut_task_spec_t *spec, const char *dir)
{
    aut_output_t *self = aut_calloc (1, sizeof *self);
    *out = NULL;
    self->spec = spec;
    self->dir = dir;
    self->values = (size_t)spec->width * spec->height * 3;
    self->rgb = aut_try_alloc (self->values, 1);
    self->middle = aut_try_alloc (self->values, 1);
    self->tail =
        (aut_tail_t){.count = spec->tail_out, .width = spec->width, .height = spec->height};
    if (spec->tail_out)
        self->tail.rgb = aut_try_alloc (self->values * spec->tail_out, sizeof (float));
    int rc = self->rgb && self->middle && (self->tail.rgb || !spec->tail_out) ? 0 : AUT_ERR_NOMEM;
    if (rc == 0) {
        aut_clip_format_t format = {.width = spec->width,
                                    .height = spec->height,
                                    .rate_num = (int32_t)spec->rate.num,
                                    .rate_den = (int32_t)spec->rate.den};
        char *path = aut_path_join (dir, AUT_OUTPUT_MEZZANINE, NULL);
        rc = aut_clip_writer_open (&self->clip, path, &format);
        free (path);
    }
    if (rc < 0)
        aut_output_destroy (&self);
    else
        *out = self;
    return rc;
}

/*  Bytes of a frame, and with `clamped` (may be NULL) its floats within [0, 1]. */
static int convert (aut_output_t *self, const float *rgb, float *clamped)
{
    unsigned bad = 0;
    for (size_t i = 0; i < self->values; i++)
        bad |= !isfinite (rgb[i]);
    if (bad)
        return aut_fail (AUT_ERR_CORRUPT,
                         "the backend made a frame with values that are not finite");
    for (size_t i = 0; i < self->values; i++)
        self->rgb[i] = aut_quantise (rgb[i]);
    for (size_t i = 0; clamped && i < self->values; i++)
        clamped[i] = rgb[i] < 0 ? 0 : rgb[i] > 1 ? 1 : rgb[i];
    return 0;
}

int aut_output_frame (aut_output_t *self, uint32_t index, const float *rgb)
{
    const aut_task_spec_t *spec = self->spec;
    if (index != self->next || index >= spec->frames)
        return aut_fail (AUT_ERR_INVALID, "the backend gave frame %" PRIu32 ", due was %" PRIu32,
                         index, self->next);
    self->next++;
    if (index < spec->drop || index - spec->drop >= spec->keep)
        return 0;
    uint32_t kept = index - spec->drop;
    uint32_t tail_first = spec->keep - spec->tail_out;
    float *tail = kept >= tail_first && self->tail.rgb
                      ? self->tail.rgb + (kept - tail_first) * self->values
                      : NULL;
    int rc = convert (self, rgb, tail);
    if (rc < 0)
        return rc;
    if (kept == spec->keep / 2)
        memcpy (self->middle, self->rgb, self->values);
    return aut_clip_writer_frame (self->clip, self->rgb);
}

int aut_output_bytes (aut_output_t *self, uint32_t index, const uint8_t *rgb)
{
    const aut_task_spec_t *spec = self->spec;
    if (index != self->next || index >= spec->keep || spec->drop || spec->tail_out)
        return aut_fail (AUT_ERR_INVALID, "frame %" PRIu32 " was given, due was %" PRIu32, index,
                         self->next);
    self->next++;
    if (index == spec->keep / 2)
        memcpy (self->middle, rgb, self->values);
    return aut_clip_writer_frame (self->clip, rgb);
}

static int write_preview (const aut_output_t *self)
{
    aut_picture_t whole = {
        .width = self->spec->width, .height = self->spec->height, .rgb = self->middle};
    aut_picture_t *small = NULL;
    char *path = aut_path_join (self->dir, AUT_OUTPUT_PREVIEW, NULL);
    int rc = aut_preview_scale (&small, &whole);
    if (rc == 0)
        rc = aut_picture_save_png (small, path);
    aut_picture_destroy (&small);
    free (path);
    return rc;
}

int aut_output_finish (aut_output_t *self, aut_hash_t *frames_sha256)
{
    uint64_t frames = 0;
    if (self->next != self->spec->frames)
        return aut_fail (AUT_ERR_INVALID, "the backend made %" PRIu32 " of %" PRIu32 " frames",
                         self->next, self->spec->frames);
    int rc = aut_clip_writer_finish (self->clip, &frames, frames_sha256);
    if (rc == 0 && frames != self->spec->keep)
        rc = aut_fail (AUT_ERR_INTERNAL, "the mezzanine has %" PRIu64 " frames and not %" PRIu32,
                       frames, self->spec->keep);
    if (rc == 0 && self->tail.rgb) {
        char *path = aut_path_join (self->dir, AUT_OUTPUT_TAIL, NULL);
        rc = aut_tail_write (&self->tail, path);
        free (path);
    }
    return rc < 0 ? rc : write_preview (self);
}

void aut_output_destroy (aut_output_t **self_p)
{
    aut_output_t *self = *self_p;
    if (!self)
        return;
    *self_p = NULL;
    aut_clip_writer_destroy (&self->clip);
    aut_tail_clear (&self->tail);
    free (self->rgb);
    free (self->middle);
    free (self);
}
