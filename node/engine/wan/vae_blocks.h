/*  The blocks of the Wan autoencoders: residual block, attention within a frame, the middle that
 *  both halves have, and the change of size and frame rate. Layout and ownership of activations as
 *  in vae_conv.h: a block consumes x, and gives a tensor of (1, C, T, H, W).
 */
#ifndef AUT_ENGINE_WAN_VAE_BLOCKS_H
#define AUT_ENGINE_WAN_VAE_BLOCKS_H

#include "node/engine/wan/vae_config.h"
#include "node/engine/wan/vae_conv.h"

/*  x (or a 1×1 convolution of it) + conv (silu (norm (conv (silu (norm (x)))))) */
typedef struct {
    vae_norm_t norm1, norm2;
    vae_conv_t conv1, conv2;
    bool widens; /* in ≠ out */
    vae_point_t shortcut;
} vae_res_t;

void vae_res_load (vae_res_t *out, vae_loader_t *from, int64_t in, int64_t o, const char *name);
void vae_res_drop (vae_res_t *res, aten_t *c);
tensor_t *vae_res (vae_run_t *run, const vae_res_t *res, tensor_t *x);

/*  Self-attention of one head over the pixels of each frame, added to x. */
typedef struct {
    vae_norm_t norm;
    vae_point_t qkv, proj;
} vae_attention_t;

void vae_attention_load (vae_attention_t *out, vae_loader_t *from, int64_t channels,
                         const char *name);
void vae_attention_drop (vae_attention_t *attention, aten_t *c);
tensor_t *vae_attention (vae_run_t *run, const vae_attention_t *attention, tensor_t *x);

/*  Residual block, attention, residual block. */
typedef struct {
    vae_res_t before, after;
    vae_attention_t attention;
} vae_middle_t;

void vae_middle_load (vae_middle_t *out, vae_loader_t *from, int64_t channels, const char *name);
void vae_middle_drop (vae_middle_t *middle, aten_t *c);
tensor_t *vae_middle (vae_run_t *run, const vae_middle_t *middle, tensor_t *x);

/*  Half the side by a strided convolution, and half the frames by a strided convolution over time,
 *  which a stream's first chunk (of one frame) passes by. */
typedef struct {
    tensor_t *weight, *bias; /* (C, C, 3, 3), (C) */
    bool timed;
    vae_conv_t time; /* (C, C, 3, 1, 1) */
} vae_down_t;

void vae_down_load (vae_down_t *out, vae_loader_t *from, int64_t channels, bool timed,
                    const char *name);
void vae_down_drop (vae_down_t *down, aten_t *c);
tensor_t *vae_down (vae_run_t *run, const vae_down_t *down, tensor_t *x);

/*  Twice the frames by a causal convolution over time to twice the channels, which a stream's first
 *  chunk passes by without being remembered; then twice the side by repeating pixels, and a
 *  convolution.
 *
 *  Repeating pixels and convolving 3 × 3 is done as one: each of the four pixels that come from one
 *  sees only 2 × 2 different ones, with sums of the weights (4/9 of the work, and the enlarged
 *  picture is never made). */
typedef struct {
    tensor_t *weight, *bias; /* (4·O, C, 2, 2), (4·O): output pixel (row, column) of a 2 × 2 */
    bool timed;
    vae_conv_t time; /* (2·C, C, 3, 1, 1) */
} vae_up_t;

void vae_up_load (vae_up_t *out, vae_loader_t *from, int64_t channels, int64_t o, bool timed,
                  const char *name);
void vae_up_drop (vae_up_t *up, aten_t *c);
tensor_t *vae_up (vae_run_t *run, const vae_up_t *up, tensor_t *x);

/*  2.2's shortcuts around a stage: y += x brought to y's size without weights. Values of space and
 *  time become channels, or the reverse; where the channels do not fit, neighbours are averaged or
 *  repeated. x stays, y is changed. A chunk whose frames are too few for the factor (the first) has
 *  zeros before it on the way down, and loses its first frames on the way up. */
void vae_shortcut_down (aten_t *c, const vae_stage_shape_t *shape, tensor_t *y, tensor_t *x);
void vae_shortcut_up (aten_t *c, const vae_stage_shape_t *shape, tensor_t *y, tensor_t *x);

#endif
