/*  What the architectures share: see net.h. */
#include "node/engine/upscale/net.h"

#include "lib/core/error.h"
#include "lib/core/mem.h"

#include <stdlib.h>

/*  Real-ESRGAN's training code wraps a checkpoint so; the average is the one that is used. */
static const char *const prefixes[] = {"params_ema.", "params.", "model.", ""};

void net_reserve (net_t *self, size_t convs, size_t slopes)
{
    self->convs = aut_calloc (convs, sizeof *self->convs);
    self->slopes = aut_calloc (slopes + 1, sizeof (tensor_t *));
    self->conv_count = convs;
    self->slope_count = slopes;
}

void net_load_conv (net_t *self, weights_t *weights, size_t index, int64_t in, int64_t out,
                    const char *prefix, const char *name)
{
    net_conv_t *conv = &self->convs[index];
    conv->weight = weights_load (weights, self->c, AUT_DTYPE_F32, DIMS (out, in, 3, 3),
                                 "%s%s.weight", prefix, name);
    conv->bias =
        weights_load (weights, self->c, AUT_DTYPE_F32, DIMS (out), "%s%s.bias", prefix, name);
    self->facts.weight_bytes += (uint64_t)(aten_count (conv->weight) + aten_count (conv->bias)) * 4;
}

tensor_t *net_conv (const net_t *self, size_t index, tensor_t *x, tensor_t **x_p)
{
    static const int64_t stride[2] = {1, 1}, padding[2] = {1, 1};
    const net_conv_t *conv = &self->convs[index];
    tensor_t *y = aten_conv2d (self->c, x, conv->weight, conv->bias, stride, padding);
    if (x_p)
        aten_drop (self->c, x_p);
    return y;
}

static int unknown (const weights_t *weights)
{
    if (weights_has (weights, "model.0.weight"))
        return aut_fail (AUT_ERR_UNSUPPORTED,
                         "%s: has the names of the first ESRGAN's weights (model.0.weight, …); "
                         "convert them to those of Real-ESRGAN (conv_first.weight, …)",
                         weights_label (weights));
    return aut_fail (AUT_ERR_UNSUPPORTED,
                     "%s: is of no architecture that upscales here: there is neither "
                     "body.0.weight (SRVGGNetCompact) nor conv_first.weight (RRDBNet), also not "
                     "after params_ema., params. or model.",
                     weights_label (weights));
}

static int load (net_t *self, weights_t *weights, const char *prefix)
{
    aten_scope_t scope = aten_open (self->c);
    self->ops->load (self, weights, prefix);
    aten_close (self->c, scope, NULL);
    size_t wanted = 2 * self->conv_count + self->slope_count;
    size_t found = weights_count_below (weights, prefix);
    if (aten_status (self->c) == AUT_OK && found != wanted)
        aten_fail (self->c, AUT_ERR_UNSUPPORTED,
                   "%s: has %zu tensors%s%s, and %s of its shape has %zu: it is a variant that is "
                   "not supported",
                   weights_label (weights), found, *prefix ? " in " : "", prefix,
                   self->facts.architecture, wanted);
    return aten_status (self->c);
}

int net_open (net_t **out, aten_t *c, weights_t *weights)
{
    *out = NULL;
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++) {
        bool rrdb = weights_has (weights, "%sconv_first.weight", prefixes[i]);
        if (!rrdb && !weights_has (weights, "%sbody.0.weight", prefixes[i]))
            continue;
        net_t *self = aut_calloc (1, sizeof *self);
        self->c = c;
        self->ops = rrdb ? &net_rrdb : &net_srvgg;
        int rc = load (self, weights, prefixes[i]);
        if (rc)
            net_close (&self);
        *out = self;
        return rc;
    }
    return unknown (weights);
}

void net_close (net_t **self_p)
{
    net_t *self = *self_p;
    if (!self)
        return;
    for (size_t i = 0; i < self->conv_count; i++) {
        aten_drop (self->c, &self->convs[i].weight);
        aten_drop (self->c, &self->convs[i].bias);
    }
    for (size_t i = 0; i < self->slope_count; i++)
        aten_drop (self->c, &self->slopes[i]);
    free (self->convs);
    free (self->slopes);
    free (self);
    *self_p = NULL;
}
