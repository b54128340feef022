/*  Residual block, attention and the middle: see vae_blocks.h. */
#include "node/engine/wan/vae_blocks.h"

#include <stdio.h>

#define NAME_MAX_LEN 160

/*  Gives `buffer` with `name`.`part`. */
static const char *join (char buffer[NAME_MAX_LEN], const char *name, const char *part)
{
    snprintf (buffer, NAME_MAX_LEN, "%s.%s", name, part);
    return buffer;
}

void vae_res_load (vae_res_t *out, vae_loader_t *from, int64_t in, int64_t o, const char *name)
{
    char part[NAME_MAX_LEN];
    vae_norm_load (&out->norm1, from, in, 3, join (part, name, "norm1"));
    vae_conv_load (&out->conv1, from, in, o, 3, join (part, name, "conv1"));
    vae_norm_load (&out->norm2, from, o, 3, join (part, name, "norm2"));
    vae_conv_load (&out->conv2, from, o, o, 3, join (part, name, "conv2"));
    out->widens = in != o;
    join (part, name, "conv_shortcut");
    if (out->widens)
        vae_point_load (&out->shortcut, from, in, o, 3, part);
    else
        vae_loader_refuse (from, "dim_mult, base_dim", "%s.weight", part);
}

void vae_res_drop (vae_res_t *res, aten_t *c)
{
    vae_norm_drop (&res->norm1, c);
    vae_conv_drop (&res->conv1, c);
    vae_norm_drop (&res->norm2, c);
    vae_conv_drop (&res->conv2, c);
    vae_point_drop (&res->shortcut, c);
}

tensor_t *vae_res (vae_run_t *run, const vae_res_t *res, tensor_t *x)
{
    aten_t *c = run->c;
    aten_scope_t s = aten_open (c);
    tensor_t *h = vae_conv_of (run, &res->conv1, &res->norm1, x);
    h = vae_conv (run, &res->conv2, &res->norm2, h);
    tensor_t *y = aten_add_ (c, h, res->widens ? vae_point (c, &res->shortcut, x) : x);
    aten_drop (c, &x);
    return aten_close (c, s, y);
}

void vae_attention_load (vae_attention_t *out, vae_loader_t *from, int64_t channels,
                         const char *name)
{
    char part[NAME_MAX_LEN];
    vae_norm_load (&out->norm, from, channels, 2, join (part, name, "norm"));
    vae_point_load (&out->qkv, from, channels, 3 * channels, 2, join (part, name, "to_qkv"));
    vae_point_load (&out->proj, from, channels, channels, 2, join (part, name, "proj"));
}

void vae_attention_drop (vae_attention_t *attention, aten_t *c)
{
    vae_norm_drop (&attention->norm, c);
    vae_point_drop (&attention->qkv, c);
    vae_point_drop (&attention->proj, c);
}

tensor_t *vae_attention (vae_run_t *run, const vae_attention_t *attention, tensor_t *x)
{
    aten_t *c = run->c;
    int64_t channels = aten_dim (x, 1), frames = aten_dim (x, 2);
    int64_t height = aten_dim (x, 3), width = aten_dim (x, 4);
    aten_scope_t s = aten_open (c);
    tensor_t *h = vae_empty (c, aten_dtype (x), channels, frames, height, width);
    vae_norm_into (c, &attention->norm, h, x);
    tensor_t *qkv = vae_channels_last (c, vae_point (c, &attention->qkv, h));
    qkv = aten_reshape (c, qkv, DIMS (frames, 1, height * width, 3 * channels));
    tensor_t *q = aten_narrow (c, qkv, 3, 0, channels);
    tensor_t *k = aten_narrow (c, qkv, 3, channels, channels);
    tensor_t *v = aten_narrow (c, qkv, 3, 2 * channels, channels);
    h = aten_attention (c, q, k, v, NULL, 0); // (T, 1, H·W, C)
    h = aten_reshape (c, h, DIMS (1, frames, height, width, channels));
    h = vae_point (c, &attention->proj, vae_channels_first (c, h));
    h = aten_add_ (c, h, x);
    aten_drop (c, &x);
    return aten_close (c, s, h);
}

void vae_middle_load (vae_middle_t *out, vae_loader_t *from, int64_t channels, const char *name)
{
    char part[NAME_MAX_LEN];
    vae_res_load (&out->before, from, channels, channels, join (part, name, "resnets.0"));
    vae_attention_load (&out->attention, from, channels, join (part, name, "attentions.0"));
    vae_res_load (&out->after, from, channels, channels, join (part, name, "resnets.1"));
}

void vae_middle_drop (vae_middle_t *middle, aten_t *c)
{
    vae_res_drop (&middle->before, c);
    vae_attention_drop (&middle->attention, c);
    vae_res_drop (&middle->after, c);
}

tensor_t *vae_middle (vae_run_t *run, const vae_middle_t *middle, tensor_t *x)
{
    x = vae_res (run, &middle->before, x);
    x = vae_attention (run, &middle->attention, x);
    return vae_res (run, &middle->after, x);
}
