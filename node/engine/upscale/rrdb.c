/*  RRDBNet, the generator of ESRGAN (Wang et al., arXiv 1809.00219, section 3.1), × 4:
 *
 *      dense (x) = x + 0.2 · conv5 ([x, y1 … y4]),    yi = lrelu (convi ([x, y1 … yi−1]))
 *      rrdb (x)  = x + 0.2 · dense3 (dense2 (dense1 (x)))
 *      y = conv_first (x),  y = y + conv_body (rrdbs (y))
 *      out = conv_last (lrelu (conv_hr (up2 (up1 (y))))),   upi (y) = lrelu (conv_upi (2 · y))
 *
 *  with lrelu (x) = x > 0 ? x : 0.2·x, and 2 · y repeating each pixel 2 · 2 times.
 */
#include "node/engine/upscale/net.h"

#include "lib/core/error.h"
#include "node/engine/upscale/names.h"

#include <stdio.h>

#define SLOPE 0.2
#define SHARE 0.2
#define FEATURES_MAX 512
#define BLOCKS_MAX UPSCALE_RRDB_BLOCKS_MAX
#define DENSE_CONVS UPSCALE_RRDB_DENSE
#define BLOCK_CONVS UPSCALE_RRDB_BLOCK

enum { TAIL_BODY, TAIL_UP1, TAIL_UP2, TAIL_HR, TAIL_LAST };

static uint64_t larger (uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/*  The first dimensions of a convolution, in (out, in); false if there is none. */
static bool conv_dims (const weights_t *weights, const char *prefix, const char *name,
                       int64_t dims[AUT_TENSOR_RANK_MAX])
{
    char full[96];
    snprintf (full, sizeof full, "%s%s.weight", prefix, name);
    return weights_dims (weights, full, dims) == 4;
}

static void measure (net_t *self, const weights_t *weights, const char *prefix)
{
    int64_t first[AUT_TENSOR_RANK_MAX] = {0}, dense[AUT_TENSOR_RANK_MAX] = {0};
    const char *label = weights_label (weights);
    int64_t blocks = 0;
    while (blocks <= BLOCKS_MAX &&
           weights_has (weights, "%sbody.%d.rdb1.conv1.weight", prefix, (int)blocks))
        blocks++;
    self->facts.scale = 4;
    self->facts.depth = blocks;
    if (!conv_dims (weights, prefix, "conv_first", first) || blocks < 1 || blocks > BLOCKS_MAX ||
        !conv_dims (weights, prefix, "body.0.rdb1.conv1", dense))
        aten_fail (self->c, AUT_ERR_UNSUPPORTED,
                   "%s: %sconv_first.weight, %sbody.0.rdb1.conv1.weight, … are not an RRDBNet of 1 "
                   "to %d blocks",
                   label, prefix, prefix, BLOCKS_MAX);
    else if (first[1] == 12 || first[1] == 48)
        aten_fail (self->c, AUT_ERR_UNSUPPORTED,
                   "%s: conv_first takes %lld channels, as RRDBNets that enlarge 2 times or not at "
                   "all do; only those that enlarge 4 times are supported",
                   label, (long long)first[1]);
    else if (first[0] < 1 || first[0] > FEATURES_MAX || dense[0] < 1 || dense[0] > FEATURES_MAX)
        aten_fail (self->c, AUT_ERR_UNSUPPORTED,
                   "%s: %lld features and %lld more with each convolution are not 1 to %d", label,
                   (long long)first[0], (long long)dense[0], FEATURES_MAX);
    self->facts.features = first[0];
    self->grow = dense[0];
}

/*  All numbers that are there at once, for each input pixel. */
static uint64_t numbers (const net_t *self)
{
    uint64_t f = (uint64_t)self->facts.features, g = (uint64_t)self->grow;
    uint64_t body = 3 + 4 * f + 2 * (f + 4 * g) + f;
    uint64_t up = 3 + 16 * 2 * f + 4 * f;
    return larger (body, up);
}

static void rrdb_load (net_t *self, weights_t *weights, const char *prefix)
{
    self->facts.architecture = "RRDBNet";
    measure (self, weights, prefix);
    if (aten_status (self->c))
        return;
    int64_t f = self->facts.features, g = self->grow;
    size_t blocks = (size_t)self->facts.depth, in_blocks = blocks * BLOCK_CONVS;
    size_t convs = 1 + in_blocks + UPSCALE_RRDB_TAIL;
    net_reserve (self, convs, 0);
    for (size_t i = 0; i < convs; i++) {
        char name[UPSCALE_NAME_MAX];
        int64_t in = i == 0 ? 3 : f, out = i + 1 == convs ? 3 : f;
        if (i > 0 && i <= in_blocks) {
            int64_t k = (int64_t)((i - 1) % DENSE_CONVS);
            in = f + k * g;
            out = k + 1 < DENSE_CONVS ? g : f;
        }
        upscale_rrdb_name (name, i, blocks);
        net_load_conv (self, weights, i, in, out, prefix, name);
    }
    self->facts.reach = (int64_t)(2 + in_blocks + 4); /* those at larger sizes count less */
    self->pixel_bytes = numbers (self) * 4;
}

/*  x stays; `at` is the first of the block's convolutions. */
static tensor_t *dense (const net_t *self, size_t at, tensor_t *x)
{
    aten_t *c = self->c;
    aten_scope_t s = aten_open (c);
    tensor_t *seen[DENSE_CONVS] = {x};
    for (size_t i = 0; i + 1 < DENSE_CONVS; i++) {
        tensor_t *all = i == 0 ? x : aten_cat (c, 1, i + 1, seen);
        seen[i + 1] =
            aten_leaky_relu_ (c, net_conv (self, at + i, all, i == 0 ? NULL : &all), SLOPE);
    }
    tensor_t *all = aten_cat (c, 1, DENSE_CONVS, seen);
    for (size_t i = 1; i < DENSE_CONVS; i++)
        aten_drop (c, &seen[i]);
    tensor_t *y = net_conv (self, at + DENSE_CONVS - 1, all, &all);
    return aten_close (c, s, aten_add_scaled (c, x, y, SHARE));
}

static tensor_t *block (const net_t *self, size_t at, tensor_t *x)
{
    aten_t *c = self->c;
    aten_scope_t s = aten_open (c);
    tensor_t *y = dense (self, at, x);
    for (size_t i = 1; i < 3; i++) {
        tensor_t *next = dense (self, at + i * DENSE_CONVS, y);
        aten_drop (c, &y);
        y = next;
    }
    return aten_close (c, s, aten_add_scaled (c, x, y, SHARE));
}

/*  Twice as large, and convolution `at`. Frees y. */
static tensor_t *enlarge (const net_t *self, size_t at, tensor_t *y)
{
    tensor_t *large = aten_repeat_pixels (self->c, y, 2);
    aten_drop (self->c, &y);
    return aten_leaky_relu_ (self->c, net_conv (self, at, large, &large), SLOPE);
}

static tensor_t *rrdb_forward (const net_t *self, tensor_t *x)
{
    aten_t *c = self->c;
    aten_scope_t s = aten_open (c);
    size_t tail = 1 + (size_t)self->facts.depth * BLOCK_CONVS;
    tensor_t *first = net_conv (self, 0, x, NULL), *y = first;
    for (size_t at = 1; at < tail && !aten_status (c); at += BLOCK_CONVS) {
        tensor_t *next = block (self, at, y);
        if (y != first)
            aten_drop (c, &y);
        y = next;
    }
    y = aten_add_ (c, net_conv (self, tail + TAIL_BODY, y, &y), first);
    aten_drop (c, &first);
    y = enlarge (self, tail + TAIL_UP1, y);
    y = enlarge (self, tail + TAIL_UP2, y);
    y = aten_leaky_relu_ (c, net_conv (self, tail + TAIL_HR, y, &y), SLOPE);
    return aten_close (c, s, net_conv (self, tail + TAIL_LAST, y, &y));
}

const net_ops_t net_rrdb = {.load = rrdb_load, .forward = rrdb_forward};
