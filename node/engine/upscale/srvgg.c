/*  SRVGGNetCompact: all work at the input's size.
 *
 *      y = conv (…prelu (conv (prelu (conv (x)))))     3 → F → … → F → 3·r² channels
 *      out = pixel_shuffle (y, r) + x, each pixel repeated r · r times
 *
 *  In a checkpoint the layers are numbered: body.0 is a convolution, body.1 the slopes of its
 *  PReLU, and so on; the last has no slopes.
 */
#include "node/engine/upscale/net.h"

#include "lib/core/error.h"
#include "node/engine/upscale/names.h"

#include <stdio.h>

#define CONVS_MAX UPSCALE_SRVGG_CONVS_MAX
#define FEATURES_MAX 1024

static uint64_t larger (uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/*  How many convolutions there are: body.0, body.2, … */
static size_t count_convs (const weights_t *weights, const char *prefix)
{
    size_t count = 0;
    while (count <= CONVS_MAX && weights_has (weights, "%sbody.%zu.weight", prefix, 2 * count))
        count++;
    return count;
}

/*  The dimensions of a convolution's weight; false if it has none that it could have. */
static bool conv_dims (const weights_t *weights, const char *prefix, size_t index, int64_t dims[8])
{
    char name[64];
    snprintf (name, sizeof name, "%sbody.%zu.weight", prefix, 2 * index);
    return weights_dims (weights, name, dims) == 4;
}

/*  Reads the shape of the whole network; an error is the context's. */
static void measure (net_t *self, const weights_t *weights, const char *prefix)
{
    int64_t first[AUT_TENSOR_RANK_MAX] = {0}, last[AUT_TENSOR_RANK_MAX] = {0};
    size_t convs = count_convs (weights, prefix);
    const char *label = weights_label (weights);
    if (convs < 2 || convs > CONVS_MAX || !conv_dims (weights, prefix, 0, first) ||
        !conv_dims (weights, prefix, convs - 1, last)) {
        aten_fail (self->c, AUT_ERR_UNSUPPORTED,
                   "%s: %sbody.0.weight, %sbody.2.weight, … are not the 2 to %d convolutions of an "
                   "SRVGGNetCompact",
                   label, prefix, prefix, CONVS_MAX);
        return;
    }
    self->facts.features = first[0];
    self->facts.depth = (int64_t)convs - 2;
    for (int64_t scale = 2; scale <= 4; scale++)
        if (last[0] == 3 * scale * scale)
            self->facts.scale = scale;
    if (self->facts.scale == 0)
        aten_fail (self->c, AUT_ERR_UNSUPPORTED,
                   "%s: its last convolution makes %lld channels; 12, 27 and 48 are those of an "
                   "SRVGGNetCompact that enlarges 2, 3 or 4 times",
                   label, (long long)last[0]);
    else if (first[0] < 1 || first[0] > FEATURES_MAX)
        aten_fail (self->c, AUT_ERR_UNSUPPORTED, "%s: %lld features are not 1 to %d", label,
                   (long long)first[0], FEATURES_MAX);
}

static void srvgg_load (net_t *self, weights_t *weights, const char *prefix)
{
    self->facts.architecture = "SRVGGNetCompact";
    measure (self, weights, prefix);
    if (aten_status (self->c))
        return;
    int64_t features = self->facts.features, shuffled = 3 * self->facts.scale * self->facts.scale;
    size_t convs = (size_t)self->facts.depth + 2;
    net_reserve (self, convs, convs - 1);
    for (size_t i = 0; i < convs; i++) {
        char name[UPSCALE_NAME_MAX];
        upscale_srvgg_name (name, 2 * i);
        net_load_conv (self, weights, i, i == 0 ? 3 : features, i + 1 < convs ? features : shuffled,
                       prefix, name);
        if (i + 1 < convs)
            self->slopes[i] = weights_load (weights, self->c, AUT_DTYPE_F32, DIMS (features),
                                            "%sbody.%zu.weight", prefix, 2 * i + 1);
    }
    self->facts.weight_bytes += (uint64_t)(convs - 1) * (uint64_t)features * 4;
    self->facts.reach = (int64_t)convs;
    uint64_t wide = (uint64_t)features, out = (uint64_t)shuffled;
    uint64_t numbers = larger (2 * wide, larger (wide + out, 3 * out)) + 3;
    self->pixel_bytes = numbers * 4;
}

static tensor_t *srvgg_forward (const net_t *self, tensor_t *x)
{
    aten_t *c = self->c;
    aten_scope_t s = aten_open (c);
    tensor_t *y = net_conv (self, 0, x, NULL);
    for (size_t i = 0; i < self->slope_count; i++) {
        tensor_t *bent = aten_prelu (c, y, self->slopes[i]);
        aten_drop (c, &y);
        y = net_conv (self, i + 1, bent, &bent);
    }
    tensor_t *out = aten_pixel_shuffle (c, y, self->facts.scale);
    aten_drop (c, &y);
    out = aten_add_ (c, out, aten_repeat_pixels (c, x, self->facts.scale));
    return aten_close (c, s, out);
}

const net_ops_t net_srvgg = {.load = srvgg_load, .forward = srvgg_forward};
