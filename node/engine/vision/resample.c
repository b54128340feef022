/*  Weights are made once per axis and shared by all rows (columns), as integers, so that the passes
 *  are integer loops over whole rows. The double arithmetic below is written in the one order of
 *  operations that gives Pillow's integers: do not simplify it.
 *
 *  Sums fit 32 bits: near a border the filter is cut off and its rest scaled up to a sum of 1,
 * which makes the positive weights at most 1.29 (Lanczos) together, and 1.29 * 255 * 2^22 < 2^31.
 */
#include "node/engine/vision/resample.h"

#include "lib/core/error.h"
#include "lib/core/mem.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define FRACTION_BITS 22
#define HALF (1 << (FRACTION_BITS - 1))

/*  One axis: output pixel i is the sum over t < count of weights[i * taps + t] * input[first + t].
 */
typedef struct {
    int32_t first, count;
} span_t;

typedef struct {
    span_t *spans;    /* (out) */
    int32_t *weights; /* (out, taps) */
    size_t taps;
} axis_t;

typedef struct {
    double (*at) (double x);
    double support; /* zero outside [-support, support] */
} kernel_t;

static double sinc (double x)
{
    if (x == 0.0)
        return 1.0;
    x = x * M_PI;
    return sin (x) / x;
}

static double lanczos_at (double x)
{
    return x >= -3.0 && x < 3.0 ? sinc (x) * sinc (x / 3) : 0.0;
}

static double bilinear_at (double x)
{
    x = fabs (x);
    return x < 1.0 ? 1.0 - x : 0.0;
}

static double bicubic_at (double x)
{
    const double a = -0.5;
    x = fabs (x);
    if (x < 1.0)
        return ((a + 2.0) * x - (a + 3.0)) * x * x + 1;
    if (x < 2.0)
        return (((x - 5) * x + 8) * x - 4) * a;
    return 0.0;
}

static const kernel_t kernels[] = {
    [AUT_RESAMPLE_LANCZOS] = {lanczos_at, 3.0},
    [AUT_RESAMPLE_BILINEAR] = {bilinear_at, 1.0},
    [AUT_RESAMPLE_BICUBIC] = {bicubic_at, 2.0},
};

static int32_t to_fixed (double weight)
{
    double scaled = weight * (1 << FRACTION_BITS);
    return (int32_t)(weight < 0 ? scaled - 0.5 : scaled + 0.5);
}

/*  The weights of one output pixel whose centre is `centre` on the input's axis; `real` has room
 *  for all taps. */
static span_t weigh (int32_t *weights, double *real, const kernel_t *kernel, double centre,
                     double widen, uint32_t in)
{
    double reach = kernel->support * widen, shrink = 1.0 / widen, sum = 0.0;
    int32_t first = (int32_t)(centre - reach + 0.5), end = (int32_t)(centre + reach + 0.5);
    if (first < 0)
        first = 0;
    if (end > (int32_t)in)
        end = (int32_t)in;
    int32_t count = end - first;
    for (int32_t t = 0; t < count; t++) {
        real[t] = kernel->at ((t + first - centre + 0.5) * shrink);
        sum += real[t];
    }
    for (int32_t t = 0; t < count; t++)
        weights[t] = to_fixed (sum != 0.0 ? real[t] / sum : real[t]);
    return (span_t){first, count};
}

static void axis_clear (axis_t *self)
{
    free (self->spans);
    free (self->weights);
    *self = (axis_t){0};
}

static int axis_init (axis_t *self, const kernel_t *kernel, uint32_t in, uint32_t out)
{
    double scale = (double)in / out, widen = scale < 1.0 ? 1.0 : scale;
    self->taps = (size_t)ceil (kernel->support * widen) * 2 + 1;
    self->spans = aut_try_alloc (out, sizeof *self->spans);
    self->weights = aut_try_alloc (out * self->taps, sizeof *self->weights);
    double *real = aut_try_alloc (self->taps, sizeof *real);
    int rc = self->spans && self->weights && real ? AUT_OK : AUT_ERR_NOMEM;
    for (uint32_t i = 0; rc == AUT_OK && i < out; i++)
        self->spans[i] =
            weigh (self->weights + i * self->taps, real, kernel, (i + 0.5) * scale, widen, in);
    free (real);
    return rc;
}

static uint8_t to_u8 (int32_t sum)
{
    int32_t value = sum >> FRACTION_BITS; /* rounds down, also below zero */
    return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
}

/*  One row: `in` (w0, 3) to `out` (w, 3). */
static void resample_row (uint8_t *out, const uint8_t *in, const axis_t *axis, uint32_t w)
{
    for (uint32_t x = 0; x < w; x++, out += 3) {
        const int32_t *weight = axis->weights + x * axis->taps;
        const uint8_t *pixel = in + (size_t)axis->spans[x].first * 3;
        int32_t r = HALF, g = HALF, b = HALF;
        for (int32_t t = 0; t < axis->spans[x].count; t++, pixel += 3) {
            r += pixel[0] * weight[t];
            g += pixel[1] * weight[t];
            b += pixel[2] * weight[t];
        }
        out[0] = to_u8 (r);
        out[1] = to_u8 (g);
        out[2] = to_u8 (b);
    }
}

/*  All columns at once, a row of sums at a time: `in` (h0, stride) to `out` (h, stride). */
static void resample_columns (uint8_t *out, const uint8_t *in, int32_t *sums, const axis_t *axis,
                              uint32_t h, size_t stride)
{
    for (uint32_t y = 0; y < h; y++, out += stride) {
        const int32_t *weight = axis->weights + y * axis->taps;
        const uint8_t *row = in + (size_t)axis->spans[y].first * stride;
        for (size_t i = 0; i < stride; i++)
            sums[i] = HALF;
        for (int32_t t = 0; t < axis->spans[y].count; t++, row += stride)
            for (size_t i = 0; i < stride; i++)
                sums[i] += row[i] * weight[t];
        for (size_t i = 0; i < stride; i++)
            out[i] = to_u8 (sums[i]);
    }
}

static int check (uint32_t w0, uint32_t h0, uint32_t w, uint32_t h, aut_resample_filter_t filter)
{
    if (filter != AUT_RESAMPLE_LANCZOS && filter != AUT_RESAMPLE_BILINEAR &&
        filter != AUT_RESAMPLE_BICUBIC)
        return aut_fail (AUT_ERR_UNSUPPORTED,
                         "resize: filter %d is none of Lanczos (1), bilinear (2), bicubic (3)",
                         (int)filter);
    if (w0 == 0 || h0 == 0 || w == 0 || h == 0)
        return aut_fail (AUT_ERR_INVALID, "resize: %ux%u to %ux%u: a side is empty", w0, h0, w, h);
    uint32_t side = AUT_RESAMPLE_SIDE_MAX;
    if (w0 > side || h0 > side || w > side || h > side ||
        (uint64_t)w0 * h0 > AUT_RESAMPLE_PIXELS_MAX || (uint64_t)w * h > AUT_RESAMPLE_PIXELS_MAX ||
        (uint64_t)w * h0 > AUT_RESAMPLE_PIXELS_MAX)
        return aut_fail (AUT_ERR_TOO_LARGE,
                         "resize: %ux%u to %ux%u: a side may be %u and an image %u Mi pixels: give "
                         "a smaller image",
                         w0, h0, w, h, side, AUT_RESAMPLE_PIXELS_MAX >> 20);
    return AUT_OK;
}

static int resample_x (uint8_t **out, const uint8_t *rgb, uint32_t w0, uint32_t h, uint32_t w,
                       const kernel_t *kernel)
{
    axis_t axis = {0};
    int rc = axis_init (&axis, kernel, w0, w);
    *out = rc == AUT_OK ? aut_try_alloc ((size_t)w * h, 3) : NULL;
    for (size_t y = 0; *out && y < h; y++)
        resample_row (*out + y * w * 3, rgb + y * w0 * 3, &axis, w);
    axis_clear (&axis);
    return *out ? AUT_OK : AUT_ERR_NOMEM;
}

static int resample_y (uint8_t **out, const uint8_t *rgb, uint32_t w, uint32_t h0, uint32_t h,
                       const kernel_t *kernel)
{
    axis_t axis = {0};
    size_t stride = (size_t)w * 3;
    int rc = axis_init (&axis, kernel, h0, h);
    int32_t *sums = rc == AUT_OK ? aut_try_alloc (stride, sizeof *sums) : NULL;
    *out = sums ? aut_try_alloc (stride, h) : NULL;
    if (*out)
        resample_columns (*out, rgb, sums, &axis, h, stride);
    free (sums);
    axis_clear (&axis);
    return *out ? AUT_OK : AUT_ERR_NOMEM;
}

static int copy (uint8_t **out, const uint8_t *rgb, uint32_t w, uint32_t h)
{
    *out = aut_try_alloc ((size_t)w * h, 3);
    if (!*out)
        return AUT_ERR_NOMEM;
    memcpy (*out, rgb, (size_t)w * h * 3);
    return AUT_OK;
}

/*  Both passes round to 8 bits, so their order shows. Since version 13 Pillow filters columns first
 *  when the height shrinks by more than twice what the width does. */
static bool columns_first (uint32_t w0, uint32_t h0, uint32_t w, uint32_t h)
{
    return h < h0 && (int64_t)h0 - h > 2 * ((int64_t)w0 - w);
}

int aut_resample_u8 (uint8_t **out, const uint8_t *rgb, uint32_t w0, uint32_t h0, uint32_t w,
                     uint32_t h, aut_resample_filter_t filter)
{
    *out = NULL;
    int rc = check (w0, h0, w, h, filter);
    if (rc != AUT_OK)
        return rc;
    const kernel_t *kernel = &kernels[filter];
    if (w == w0 && h == h0)
        return copy (out, rgb, w, h);
    if (w == w0)
        return resample_y (out, rgb, w, h0, h, kernel);
    if (h == h0)
        return resample_x (out, rgb, w0, h, w, kernel);
    bool y_first = columns_first (w0, h0, w, h);
    uint8_t *half = NULL;
    rc = y_first ? resample_y (&half, rgb, w0, h0, h, kernel)
                 : resample_x (&half, rgb, w0, h0, w, kernel);
    if (rc == AUT_OK)
        rc = y_first ? resample_x (out, half, w0, h, w, kernel)
                     : resample_y (out, half, w, h0, h, kernel);
    free (half);
    return rc;
}
