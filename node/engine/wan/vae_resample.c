/*  The changes of size and frame rate, and the shortcuts around them: see vae_blocks.h. */
#include "node/engine/wan/vae_blocks.h"

#include <stdio.h>

#define NAME_MAX_LEN 160

/*  The greatest common divisor of two numbers, not both 0; at least 1. */
static int64_t gcd (int64_t a, int64_t b)
{
    while (b != 0) {
        int64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a > 0 ? a : 1;
}

/*  The convolution over time of a resampling that has one. */
static void load_time (vae_conv_t *out, vae_loader_t *from, int64_t channels, int64_t o, bool timed,
                       const char *name)
{
    char part[NAME_MAX_LEN];
    snprintf (part, sizeof part, "%s.time_conv", name);
    if (timed)
        vae_conv_load (out, from, channels, o, 1, part);
    else
        vae_loader_refuse (from, "temperal_downsample", "%s.weight", part);
}

/*  A 3 × 3 weight, in a scope. */
static tensor_t *load_3x3 (vae_loader_t *from, int64_t channels, int64_t o, const char *name)
{
    tensor_t *kept = weights_load (from->weights, from->c, AUT_DTYPE_F32, DIMS (o, channels, 3, 3),
                                   "%s.resample.1.weight", name);
    tensor_t *weight = aten_clone (from->c, kept);
    aten_drop (from->c, &kept);
    return weight;
}

/*  A weight (O, I, kh, kw) in the model's type with its channels innermost, kept. */
static tensor_t *finish_weight (vae_loader_t *from, tensor_t *weight)
{
    aten_t *c = from->c;
    tensor_t *inner = aten_permute (c, aten_to (c, weight, from->dtype), DIMS (0, 2, 3, 1));
    inner = aten_permute (c, aten_contiguous (c, inner), DIMS (0, 3, 1, 2));
    return aten_keep (c, inner);
}

/* ---- down ------------------------------------------------------------------------------------ */

void vae_down_load (vae_down_t *out, vae_loader_t *from, int64_t channels, bool timed,
                    const char *name)
{
    aten_scope_t s = aten_open (from->c);
    out->weight = finish_weight (from, load_3x3 (from, channels, channels, name));
    out->bias = weights_load (from->weights, from->c, from->dtype, DIMS (channels),
                              "%s.resample.1.bias", name);
    out->timed = timed;
    load_time (&out->time, from, channels, channels, timed, name);
    aten_close (from->c, s, NULL);
}

void vae_down_drop (vae_down_t *down, aten_t *c)
{
    aten_drop (c, &down->weight);
    aten_drop (c, &down->bias);
    vae_conv_drop (&down->time, c);
}

/*  Every second frame sees itself, the one before and the one after it: the last frame of the chunk
 *  before is all the history there is. */
static tensor_t *halve_rate (vae_run_t *run, const vae_conv_t *time, tensor_t *x)
{
    aten_t *c = run->c;
    tensor_t **slot = &run->state->slot[time->slot];
    tensor_t *last = aten_narrow (c, x, 2, aten_dim (x, 2) - 1, 1);
    tensor_t *y = x;
    if (run->state->chunk > 0)
        y = aten_conv3d (c, aten_cat (c, 2, 2, (tensor_t *const[]){*slot, x}), time->weight,
                         time->bias, (const int64_t[]){2, 1, 1}, (const int64_t[]){0, 0, 0});
    aten_assign (c, slot, aten_clone (c, last));
    return y;
}

tensor_t *vae_down (vae_run_t *run, const vae_down_t *down, tensor_t *x)
{
    aten_t *c = run->c;
    aten_scope_t s = aten_open (c);
    tensor_t *padded = aten_pad (c, vae_pictures (c, x), DIMS (0, 1, 0, 1)); // right and below
    aten_drop (c, &x);
    tensor_t *y = vae_video (c, aten_conv2d (c, padded, down->weight, down->bias,
                                             (const int64_t[]){2, 2}, (const int64_t[]){0, 0}));
    if (down->timed)
        y = halve_rate (run, &down->time, y);
    return aten_close (c, s, y);
}

/* ---- up -------------------------------------------------------------------------------------- */

/*  Along one dimension of a weight (of 3 entries), what a pixel at an even (0) or odd (1) place of
 *  the enlarged picture sees of the small one: two neighbours, one of them twice. */
static tensor_t *fold (aten_t *c, tensor_t *weight, int dim, int odd)
{
    tensor_t *w[3];
    for (int i = 0; i < 3; i++)
        w[i] = aten_narrow (c, weight, dim, i, 1);
    tensor_t *first = odd ? aten_add (c, w[0], w[1]) : w[0];
    tensor_t *second = odd ? w[2] : aten_add (c, w[1], w[2]);
    return aten_cat (c, dim, 2, (tensor_t *const[]){first, second});
}

void vae_up_load (vae_up_t *out, vae_loader_t *from, int64_t channels, int64_t o, bool timed,
                  const char *name)
{
    aten_t *c = from->c;
    aten_scope_t s = aten_open (c);
    tensor_t *weight = load_3x3 (from, channels, o, name);
    tensor_t *kept =
        weights_load (from->weights, c, from->dtype, DIMS (o), "%s.resample.1.bias", name);
    tensor_t *parts[4];
    for (int i = 0; i < 4; i++)
        parts[i] = fold (c, fold (c, weight, 2, i / 2), 3, i % 2);
    out->weight = finish_weight (from, aten_cat (c, 0, 4, parts));
    out->bias = aten_keep (c, aten_cat (c, 0, 4, (tensor_t *const[]){kept, kept, kept, kept}));
    aten_drop (c, &kept);
    out->timed = timed;
    load_time (&out->time, from, channels, 2 * channels, timed, name);
    aten_close (c, s, NULL);
}

void vae_up_drop (vae_up_t *up, aten_t *c)
{
    aten_drop (c, &up->weight);
    aten_drop (c, &up->bias);
    vae_conv_drop (&up->time, c);
}

/*  The two halves of the channels become two frames in a row. */
static tensor_t *double_rate (vae_run_t *run, const vae_conv_t *time, tensor_t *x)
{
    aten_t *c = run->c;
    int64_t channels = aten_dim (x, 1), frames = aten_dim (x, 2);
    int64_t height = aten_dim (x, 3), width = aten_dim (x, 4);
    aten_scope_t s = aten_open (c);
    tensor_t *y = vae_channels_last (c, vae_conv (run, time, NULL, x)); // (1, t, H, W, 2·C)
    y = aten_reshape (c, y, DIMS (frames, height, width, 2, channels));
    y = aten_permute (c, y, DIMS (0, 3, 1, 2, 4));
    y = aten_reshape (c, y, DIMS (1, 2 * frames, height, width, channels));
    return aten_close (c, s, vae_channels_first (c, y));
}

tensor_t *vae_up (vae_run_t *run, const vae_up_t *up, tensor_t *x)
{
    aten_t *c = run->c;
    aten_scope_t s = aten_open (c);
    if (up->timed && run->state->chunk > 0)
        x = double_rate (run, &up->time, x);
    int64_t frames = aten_dim (x, 2), height = aten_dim (x, 3), width = aten_dim (x, 4);
    int64_t channels = aten_count (up->bias) / 4;
    /* (T, 4·O, H + 1, W + 1): even pixels are where their first neighbour is one before */
    tensor_t *parts = aten_conv2d (c, vae_pictures (c, x), up->weight, up->bias,
                                   (const int64_t[]){1, 1}, (const int64_t[]){1, 1});
    aten_drop (c, &x);
    tensor_t *y = vae_empty (c, aten_dtype (parts), channels, frames, 2 * height, 2 * width);
    tensor_t *pictures = vae_pictures (c, y);
    for (int64_t i = 0; i < 4; i++) {
        int64_t row = i / 2, column = i % 2;
        tensor_t *part = aten_narrow (c, parts, 1, i * channels, channels);
        part = aten_narrow (c, aten_narrow (c, part, 2, row, height), 3, column, width);
        tensor_t *place = aten_slice (c, pictures, 2, row, 2 * height, 2);
        aten_copy_into (c, aten_slice (c, place, 3, column, 2 * width, 2), part);
    }
    return aten_close (c, s, y);
}

/* ---- shortcuts ------------------------------------------------------------------------------- */

/*  Both ways a block of `factor` values of the large video (time, row, column) is one value of
 *  the small one, in so many channels. The large one may lack its first frames. */
typedef struct {
    tensor_t *large, *small; /* views of the same frames, rows and columns; NULL: no frame */
} pair_t;

/*  The values at `phase` of each block, and what they belong to. */
static pair_t pick (aten_t *c, const vae_stage_shape_t *shape, tensor_t *large, tensor_t *small,
                    int64_t phase)
{
    int64_t time = shape->timed ? 2 : 1, side = shape->sized ? 2 : 1;
    int64_t row = phase / side % side, column = phase % side;
    int64_t frames = aten_dim (large, 2), of = aten_dim (small, 2);
    int64_t first = phase / (side * side) - (of * time - frames);
    int64_t skipped = first < 0 ? 1 : 0;
    if (of - skipped < 1)
        return (pair_t){0};
    tensor_t *view = aten_slice (c, large, 2, first + skipped * time, frames, time);
    view = aten_slice (c, view, 3, row, aten_dim (large, 3), side);
    view = aten_slice (c, view, 4, column, aten_dim (large, 4), side);
    return (pair_t){view, aten_narrow (c, small, 2, skipped, of - skipped)};
}

/*  Value v of the large video is phase v % factor in channel v / factor; `group` such values in a
 *  row are averaged to one channel. The pattern repeats after `period` channels of y. */
void vae_shortcut_down (aten_t *c, const vae_stage_shape_t *shape, tensor_t *y, tensor_t *x)
{
    aten_scope_t s = aten_open (c);
    int64_t factor = shape->factor, in = aten_dim (x, 1), out = aten_dim (y, 1);
    int64_t group = out ? in * factor / out : 1;
    int64_t period = factor / gcd (group, factor);
    for (int64_t v = 0; v < period * group && out; v++) {
        pair_t pair = pick (c, shape, x, y, v % factor);
        if (!pair.large)
            continue;
        tensor_t *from = aten_slice (c, pair.large, 1, v / factor, in, period * group / factor);
        tensor_t *to = aten_slice (c, pair.small, 1, v / group, out, period);
        aten_add_ (c, to, aten_div_scalar (c, from, (double)group));
    }
    aten_close (c, s, NULL);
}

/*  Value v of the large video is made of channel v / repeats of the small one. */
void vae_shortcut_up (aten_t *c, const vae_stage_shape_t *shape, tensor_t *y, tensor_t *x)
{
    aten_scope_t s = aten_open (c);
    int64_t factor = shape->factor, in = aten_dim (x, 1), out = aten_dim (y, 1);
    int64_t repeats = in ? out * factor / in : 1;
    int64_t period = repeats / gcd (repeats, factor);
    for (int64_t v = 0; v < period * factor && in; v++) {
        pair_t pair = pick (c, shape, y, x, v % factor);
        if (!pair.large)
            continue;
        tensor_t *from = aten_slice (c, pair.small, 1, v / repeats, in, period * factor / repeats);
        tensor_t *to = aten_slice (c, pair.large, 1, v / factor, out, period);
        aten_add_ (c, to, from);
    }
    aten_close (c, s, NULL);
}
