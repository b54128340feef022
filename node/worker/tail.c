/*  See tail.h. */
#include "node/worker/tail.h"

#include "lib/core/error.h"
#include "lib/core/mem.h"
#include "lib/core/safetensors.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define TAIL_MAX_SIDE 8192
#define TAIL_MAX_FRAMES 1024

/*  One axis of a resampling: each output pixel is a weighted mean of the inputs that lie under it
 *  (shrinking) or of its two neighbours (growing). */
static void axis_weights (uint32_t in, uint32_t out, uint32_t at, uint32_t *first, uint32_t *last,
                          double *centre, double *reach)
{
    double scale = (double)in / out;
    *centre = (at + 0.5) * scale - 0.5;
    *reach = scale > 1 ? scale : 1;
    double low = ceil (*centre - *reach), high = floor (*centre + *reach);
    *first = low < 0 ? 0 : (uint32_t)low;
    *last = high > in - 1 ? in - 1 : (uint32_t)high;
}

static double weight (uint32_t at, double centre, double reach)
{
    double w = 1 - fabs (at - centre) / reach;
    return w > 0 ? w : 0;
}

/*  Resamples lines of `count` pixels: pixel p of line l is in[l·line + p·step]. */
static void resample_axis (float *out, const float *in, uint32_t lines, size_t in_line,
                           size_t out_line, size_t step, uint32_t in_count, uint32_t out_count)
{
    for (uint32_t p = 0; p < out_count; p++) {
        uint32_t first, last;
        double centre, reach;
        axis_weights (in_count, out_count, p, &first, &last, &centre, &reach);
        for (uint32_t l = 0; l < lines; l++) {
            double sum[3] = {0}, total = 0;
            for (uint32_t q = first; q <= last; q++) {
                double w = weight (q, centre, reach);
                const float *pixel = in + l * in_line + q * step;
                total += w;
                for (int c = 0; c < 3; c++)
                    sum[c] += w * (double)pixel[c];
            }
            for (int c = 0; c < 3; c++)
                out[l * out_line + p * step + (size_t)c] = (float)(sum[c] / total);
        }
    }
}

/*  Horizontally into a frame of the new width, then vertically. */
static int resample (float *out, uint32_t width, uint32_t height, const float *in,
                     uint32_t in_width, uint32_t in_height)
{
    float *middle = aut_try_alloc ((size_t)in_height * width * 3, sizeof *middle);
    if (!middle)
        return AUT_ERR_NOMEM;
    resample_axis (middle, in, in_height, (size_t)in_width * 3, (size_t)width * 3, 3, in_width,
                   width);
    resample_axis (out, middle, width, 3, 3, (size_t)width * 3, in_height, height);
    free (middle);
    return 0;
}

static bool is_tail (const aut_tensor_t *t)
{
    return t && t->dtype == AUT_DTYPE_F32 && t->rank == 4 && t->shape[0] >= 1 &&
           t->shape[0] <= TAIL_MAX_FRAMES && t->shape[1] >= 1 && t->shape[1] <= TAIL_MAX_SIDE &&
           t->shape[2] >= 1 && t->shape[2] <= TAIL_MAX_SIDE && t->shape[3] == 3;
}

static bool in_range (const float *values, size_t count)
{
    unsigned bad = 0;
    for (size_t i = 0; i < count; i++)
        bad |= !(values[i] >= 0 && values[i] <= 1); /* true for a NaN */
    return !bad;
}

static int take_frames (aut_tail_t *out, const aut_tensor_t *t, const char *path)
{
    uint32_t in_height = (uint32_t)t->shape[1], in_width = (uint32_t)t->shape[2];
    size_t in_size = (size_t)in_height * in_width * 3;
    size_t out_size = (size_t)out->height * out->width * 3;
    const char *from = (const char *)t->data;
    float *frame = aut_try_alloc (in_size, sizeof *frame);
    out->rgb = aut_try_alloc (out->count * out_size, sizeof *out->rgb);
    int rc = frame && out->rgb ? 0 : AUT_ERR_NOMEM;
    for (uint32_t k = 0; k < out->count && rc == 0; k++) {
        size_t index = t->shape[0] - out->count + k;
        memcpy (frame, from + index * in_size * sizeof *frame, in_size * sizeof *frame);
        float *to = out->rgb + k * out_size;
        if (!in_range (frame, in_size))
            rc = aut_fail (AUT_ERR_CORRUPT, "%s: the tail has values outside 0…1", path);
        else if (in_height == out->height && in_width == out->width)
            memcpy (to, frame, in_size * sizeof *frame);
        else
            rc = resample (to, out->width, out->height, frame, in_width, in_height);
    }
    free (frame);
    return rc;
}

int aut_tail_read (aut_tail_t *out, const char *path, uint32_t want, uint32_t width,
                   uint32_t height)
{
    *out = (aut_tail_t){.width = width, .height = height};
    aut_safetensors_t *file = NULL;
    int rc = aut_safetensors_open (&file, path);
    if (rc < 0)
        return rc;
    const aut_tensor_t *t = aut_safetensors_find (file, "frames");
    if (is_tail (t)) {
        out->count = want < t->shape[0] ? want : (uint32_t)t->shape[0];
        rc = take_frames (out, t, path);
    } else {
        rc = aut_fail (AUT_ERR_CORRUPT, "%s is no tail: it has no tensor frames, F32 (K, H, W, 3)",
                       path);
    }
    aut_safetensors_destroy (&file);
    if (rc < 0)
        aut_tail_clear (out);
    return rc;
}

int aut_tail_write (const aut_tail_t *self, const char *path)
{
    aut_tensor_t t = {.name = "frames",
                      .dtype = AUT_DTYPE_F32,
                      .rank = 4,
                      .shape = {self->count, self->height, self->width, 3},
                      .data = self->rgb};
    return aut_safetensors_write (path, &t, 1);
}

void aut_tail_clear (aut_tail_t *self)
{
    free (self->rgb);
    *self = (aut_tail_t){0};
}
