/*  Transitions on limited-range YUV. Mixing YUV linearly is mixing RGB code values linearly, as the
 *  one is a linear function of the other; so this needs no way back to RGB.
 */
#include "lib/media/stitch_private.h"

#include <string.h>

#define ONE 65536u

static int s_rows (const AVFrame *frame, int plane)
{
    return plane ? (frame->height + 1) / 2 : frame->height;
}

static int s_columns (const AVFrame *frame, int plane)
{
    return plane ? (frame->width + 1) / 2 : frame->width;
}

void aut_mix_black (AVFrame *frame)
{
    for (int p = 0; p < 3; p++)
        for (int y = 0; y < s_rows (frame, p); y++)
            memset (frame->data[p] + (ptrdiff_t)y * frame->linesize[p], p ? 128 : 16,
                    (size_t)s_columns (frame, p));
}

static void s_mix_row (uint8_t *restrict out, const uint8_t *restrict a, const uint8_t *restrict b,
                       int count, uint32_t share)
{
    for (int x = 0; x < count; x++)
        out[x] = (uint8_t)((a[x] * (ONE - share) + b[x] * share + ONE / 2) >> 16);
}

static void s_dim_row (uint8_t *restrict out, const uint8_t *restrict a, int count, uint32_t share,
                       uint32_t black)
{
    for (int x = 0; x < count; x++)
        out[x] = (uint8_t)((a[x] * share + black * (ONE - share) + ONE / 2) >> 16);
}

static void s_dissolve (AVFrame *out, const AVFrame *from, const AVFrame *to, uint32_t share)
{
    for (int p = 0; p < 3; p++)
        for (int y = 0; y < s_rows (out, p); y++)
            s_mix_row (out->data[p] + (ptrdiff_t)y * out->linesize[p],
                       from->data[p] + (ptrdiff_t)y * from->linesize[p],
                       to->data[p] + (ptrdiff_t)y * to->linesize[p], s_columns (out, p), share);
}

static void s_dim (AVFrame *out, const AVFrame *from, uint32_t share)
{
    for (int p = 0; p < 3; p++)
        for (int y = 0; y < s_rows (out, p); y++)
            s_dim_row (out->data[p] + (ptrdiff_t)y * out->linesize[p],
                       from->data[p] + (ptrdiff_t)y * from->linesize[p], s_columns (out, p), share,
                       p ? 128 : 16);
}

/*  A rectangle of `from`, given in luma pixels, all even. */
static void s_copy (AVFrame *out, const AVFrame *from, int x, int y, int width, int height)
{
    for (int p = 0; p < 3; p++) {
        int shift = p ? 1 : 0;
        for (int row = y >> shift; row < (y + height) >> shift; row++)
            memcpy (out->data[p] + (ptrdiff_t)row * out->linesize[p] + (x >> shift),
                    from->data[p] + (ptrdiff_t)row * from->linesize[p] + (x >> shift),
                    (size_t)(width >> shift));
    }
}

/*  `share` of `size`, to an even pixel so that luma and chroma have the same edge. */
static int s_edge (int size, uint32_t k, uint32_t n)
{
    return (int)(((uint64_t)size * k + n) / (2 * (uint64_t)n)) * 2;
}

static void s_wipe (AVFrame *out, const AVFrame *from, const AVFrame *to, aut_stitch_wipe_t wipe,
                    uint32_t k, uint32_t n)
{
    int w = out->width, h = out->height;
    bool across = wipe == AUT_STITCH_WIPE_RIGHT || wipe == AUT_STITCH_WIPE_LEFT;
    int e = s_edge (across ? w : h, k, n);
    switch (wipe) {
    case AUT_STITCH_WIPE_RIGHT:
        s_copy (out, to, 0, 0, e, h);
        s_copy (out, from, e, 0, w - e, h);
        break;
    case AUT_STITCH_WIPE_LEFT:
        s_copy (out, from, 0, 0, w - e, h);
        s_copy (out, to, w - e, 0, e, h);
        break;
    case AUT_STITCH_WIPE_DOWN:
        s_copy (out, to, 0, 0, w, e);
        s_copy (out, from, 0, e, w, h - e);
        break;
    case AUT_STITCH_WIPE_UP:
        s_copy (out, from, 0, 0, w, h - e);
        s_copy (out, to, 0, h - e, w, e);
        break;
    }
}

static uint32_t s_share (uint64_t k, uint64_t n)
{
    return (uint32_t)((k * ONE + n / 2) / n);
}

void aut_mix (AVFrame *out, const AVFrame *from, const AVFrame *to, aut_stitch_transition_t type,
              aut_stitch_wipe_t wipe, uint32_t k, uint32_t n)
{
    if (!from) /* in from black, over the whole duration */
        s_dim (out, to, s_share (k, n));
    else if (type == AUT_STITCH_WIPE)
        s_wipe (out, from, to, wipe, k, n);
    else if (type != AUT_STITCH_FADE)
        s_dissolve (out, from, to, s_share (k, n));
    else if (2 * (uint64_t)k < n)
        s_dim (out, from, s_share (n - 2 * (uint64_t)k, n));
    else
        s_dim (out, to, s_share (2 * (uint64_t)k - n, n));
}
