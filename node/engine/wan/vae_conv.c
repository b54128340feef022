/*  Causal convolutions: see vae_conv.h.
 *
 *  A convolution's input, the window, is written once: history, then the normed chunk, straight
 *  into one piece of memory; the zeros around a picture are the kernel's own. The first frame of a
 *  stream has zeros for history, so only the last slice of the weight counts: a 2D convolution, a
 *  third of the work with the same result.
 */
#include "node/engine/wan/vae_conv.h"

#include "lib/core/error.h"
#include "lib/core/mem.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define HISTORY 2        /* frames before a chunk that a convolution sees */
#define NORM_FLOOR 1e-12 /* the least length that a norm divides by */

void vae_state_init (vae_state_t *state, size_t count)
{
    *state = (vae_state_t){.count = count, .slot = aut_calloc (count, sizeof (tensor_t *))};
}

void vae_state_clear (vae_state_t *state, aten_t *c)
{
    for (size_t i = 0; i < state->count; i++)
        aten_drop (c, &state->slot[i]);
    free (state->slot);
    *state = (vae_state_t){0};
}

void vae_loader_refuse (vae_loader_t *from, const char *why, const char *format, ...)
{
    char name[160];
    va_list args;
    va_start (args, format);
    vsnprintf (name, sizeof name, format, args);
    va_end (args);
    if (weights_has (from->weights, "%s", name))
        aten_fail (from->c, AUT_ERR_CORRUPT,
                   "%s: there is a tensor %s that config.json (%s) does "
                   "not call for: config and weights are of different models",
                   weights_label (from->weights), name, why);
}

/* ---- layout ---------------------------------------------------------------------------------- */

tensor_t *vae_channels_last (aten_t *c, tensor_t *x)
{
    return aten_permute (c, x, DIMS (0, 2, 3, 4, 1));
}

tensor_t *vae_channels_first (aten_t *c, tensor_t *x)
{
    return aten_permute (c, x, DIMS (0, 4, 1, 2, 3));
}

tensor_t *vae_pictures (aten_t *c, tensor_t *x)
{
    return aten_permute (c, aten_squeeze (c, x, 0), DIMS (1, 0, 2, 3));
}

tensor_t *vae_video (aten_t *c, tensor_t *pictures)
{
    return aten_unsqueeze (c, aten_permute (c, pictures, DIMS (1, 0, 2, 3)), 0);
}

tensor_t *vae_empty (aten_t *c, aut_dtype_t dtype, int64_t channels, int64_t frames, int64_t height,
                     int64_t width)
{
    return vae_channels_first (c, aten_empty (c, dtype, DIMS (1, frames, height, width, channels)));
}

/* ---- norm ------------------------------------------------------------------------------------ */

void vae_norm_load (vae_norm_t *out, vae_loader_t *from, int64_t channels, int64_t spread,
                    const char *name)
{
    const int64_t dims[4] = {channels, 1, 1, 1};
    out->gamma = weights_load (from->weights, from->c, from->dtype, (size_t)(1 + spread), dims,
                               "%s.gamma", name);
    aten_assign (from->c, &out->gamma, aten_reshape (from->c, out->gamma, DIMS (channels)));
}

void vae_norm_drop (vae_norm_t *norm, aten_t *c)
{
    aten_drop (c, &norm->gamma);
}

/*  The mean of squares is ‖x‖²/C: √C is in it. The floor is where both divide by nearly zero. */
void vae_norm_into (aten_t *c, const vae_norm_t *norm, tensor_t *target, tensor_t *x)
{
    double channels = (double)aten_count (norm->gamma);
    aten_rms_norm_into (c, vae_channels_last (c, target), vae_channels_last (c, x), norm->gamma,
                        NORM_FLOOR * NORM_FLOOR / fmax (channels, 1));
}

/* ---- causal convolution ---------------------------------------------------------------------- */

void vae_conv_load (vae_conv_t *out, vae_loader_t *from, int64_t in, int64_t o, int64_t side,
                    const char *name)
{
    aten_t *c = from->c;
    aten_scope_t s = aten_open (c);
    out->weight = weights_load (from->weights, c, from->dtype, DIMS (o, in, 3, side, side),
                                "%s.weight", name);
    out->bias = weights_load (from->weights, c, from->dtype, DIMS (o), "%s.bias", name);
    aten_assign (c, &out->weight, aten_channels_last_3d (c, out->weight));
    out->pad = side / 2;
    out->slot = from->slots++;
    aten_close (c, s, NULL);
}

void vae_conv_drop (vae_conv_t *conv, aten_t *c)
{
    aten_drop (c, &conv->weight);
    aten_drop (c, &conv->bias);
}

/*  What the convolution reads: history and chunk, or the first frame of a stream alone. */
static tensor_t *make_window (vae_run_t *run, const vae_conv_t *conv, const vae_norm_t *norm,
                              tensor_t *x)
{
    aten_t *c = run->c;
    tensor_t *past = run->state->slot[conv->slot];
    int64_t frames = aten_dim (x, 2), known = past ? aten_dim (past, 2) : 0;
    int64_t before = known || frames > 1 ? HISTORY : 0;
    aten_scope_t s = aten_open (c);
    tensor_t *window = vae_empty (c, aten_dtype (x), aten_dim (x, 1), before + frames,
                                  aten_dim (x, 3), aten_dim (x, 4));
    if (known < before)
        aten_copy_into (c, aten_narrow (c, window, 2, 0, before - known),
                        aten_zeros (c, aten_dtype (x), DIMS (1)));
    if (known)
        aten_copy_into (c, aten_narrow (c, window, 2, before - known, known), past);
    tensor_t *chunk = aten_narrow (c, window, 2, before, frames);
    if (norm) {
        vae_norm_into (c, norm, chunk, x);
        aten_silu_ (c, chunk);
    } else {
        aten_copy_into (c, chunk, x);
    }
    return aten_close (c, s, window);
}

/*  Leaves the last two frames for the next chunk. */
static void remember (vae_run_t *run, const vae_conv_t *conv, tensor_t *window)
{
    aten_t *c = run->c;
    tensor_t **slot = &run->state->slot[conv->slot];
    int64_t frames = aten_dim (window, 2);
    if (frames < HISTORY) {
        aten_assign (c, slot, window);
        return;
    }
    tensor_t *last = aten_narrow (c, window, 2, frames - HISTORY, HISTORY);
    if (aten_dim (*slot, 2) == HISTORY)
        aten_copy_into (c, *slot, last);
    else
        aten_assign (c, slot, aten_clone (c, last));
}

/*  A frame before which all is zero meets the last slice of the weight alone. */
static tensor_t *convolve_first (aten_t *c, const vae_conv_t *conv, tensor_t *window)
{
    tensor_t *slice = aten_squeeze (c, aten_narrow (c, conv->weight, 2, HISTORY, 1), 2);
    tensor_t *y = aten_conv2d (c, vae_pictures (c, window), slice, conv->bias,
                               (const int64_t[]){1, 1}, (const int64_t[]){conv->pad, conv->pad});
    return vae_video (c, y);
}

static tensor_t *convolve (vae_run_t *run, const vae_conv_t *conv, tensor_t *window)
{
    aten_t *c = run->c;
    aten_scope_t s = aten_open (c);
    tensor_t *y =
        aten_dim (window, 2) == 1
            ? convolve_first (c, conv, window)
            : aten_conv3d (c, window, conv->weight, conv->bias, (const int64_t[]){1, 1, 1},
                           (const int64_t[]){0, conv->pad, conv->pad});
    return aten_close (c, s, y);
}

tensor_t *vae_conv_of (vae_run_t *run, const vae_conv_t *conv, const vae_norm_t *norm, tensor_t *x)
{
    aten_scope_t s = aten_open (run->c);
    tensor_t *window = make_window (run, conv, norm, x);
    tensor_t *y = convolve (run, conv, window);
    remember (run, conv, window);
    return aten_close (run->c, s, y);
}

tensor_t *vae_conv (vae_run_t *run, const vae_conv_t *conv, const vae_norm_t *norm, tensor_t *x)
{
    aten_scope_t s = aten_open (run->c);
    tensor_t *window = make_window (run, conv, norm, x);
    aten_drop (run->c, &x);
    tensor_t *y = convolve (run, conv, window);
    remember (run, conv, window);
    return aten_close (run->c, s, y);
}

/* ---- 1 × 1 ----------------------------------------------------------------------------------- */

void vae_point_load (vae_point_t *out, vae_loader_t *from, int64_t in, int64_t o, int64_t spread,
                     const char *name)
{
    const int64_t dims[5] = {o, in, 1, 1, 1};
    out->weight = weights_load (from->weights, from->c, from->dtype, (size_t)(2 + spread), dims,
                                "%s.weight", name);
    out->bias = weights_load (from->weights, from->c, from->dtype, DIMS (o), "%s.bias", name);
    aten_assign (from->c, &out->weight, aten_reshape (from->c, out->weight, DIMS (o, in)));
}

void vae_point_drop (vae_point_t *point, aten_t *c)
{
    aten_drop (c, &point->weight);
    aten_drop (c, &point->bias);
}

tensor_t *vae_point (aten_t *c, const vae_point_t *point, tensor_t *x)
{
    tensor_t *y = aten_linear (c, vae_channels_last (c, x), point->weight, point->bias);
    return vae_channels_first (c, y);
}
