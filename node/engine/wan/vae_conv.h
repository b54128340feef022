/*  The convolutions of the Wan autoencoders, over time with a memory.
 *
 *  A video goes through in chunks. A causal convolution sees the two frames before a chunk, which
 *  it left in its slot of the stream's state: frames before the first are zero. A state belongs to
 *  one stream of chunks (with tiles there is one per tile), the layers themselves are immutable.
 *
 *  Activations are (1, C, T, H, W), laid out with the channels innermost (channels_last_3d): there
 *  a frame is one piece of memory, norms and 1×1 convolutions are over the last dimension, and the
 *  kernels of oneDNN and cuDNN take it without reordering. A layer **consumes** its input `x`: it
 *  is freed as soon as it is not needed.
 */
#ifndef AUT_ENGINE_WAN_VAE_CONV_H
#define AUT_ENGINE_WAN_VAE_CONV_H

#include "node/engine/shim/aten.h"
#include "node/engine/tap.h"
#include "node/engine/weights.h"

/*  What the layers remember of one stream. */
typedef struct {
    int64_t chunk;   /* chunks done */
    size_t count;    /* of slots */
    tensor_t **slot; /* kept tensors; NULL: nothing yet */
} vae_state_t;

void vae_state_init (vae_state_t *state, size_t count);
void vae_state_clear (vae_state_t *state, aten_t *c);

/*  One pass through a half of the autoencoder. */
typedef struct {
    aten_t *c;
    vae_state_t *state;
    tap_t *tap; /* may be NULL */
} vae_run_t;

/*  Where layers come from; hands out the slots. */
typedef struct {
    weights_t *weights;
    aten_t *c;
    aut_dtype_t dtype;
    size_t slots;
} vae_loader_t;

/*  Fails in the context if a tensor is there that the config knows nothing of: a model with more
 *  layers than its config tells would load and make noise. `why` names the key. */
void vae_loader_refuse (vae_loader_t *from, const char *why, const char *format, ...)
    __attribute__ ((format (printf, 3, 4)));

/*  x / ‖x‖₂ · √C · gamma over the channels. */
typedef struct {
    tensor_t *gamma; /* (C) */
} vae_norm_t;

/*  `spread`: the trailing dimensions of 1 that gamma is stored with. */
void vae_norm_load (vae_norm_t *out, vae_loader_t *from, int64_t channels, int64_t spread,
                    const char *name);
void vae_norm_drop (vae_norm_t *norm, aten_t *c);
/*  Writes norm (x) into `target`, of x's dimensions. */
void vae_norm_into (aten_t *c, const vae_norm_t *norm, tensor_t *target, tensor_t *x);

/*  A causal convolution of 3 frames: each sees itself and the two before it. */
typedef struct {
    tensor_t *weight, *bias; /* (O, I, 3, side, side), (O) */
    int64_t pad;             /* side / 2, zeros around the picture */
    size_t slot;
} vae_conv_t;

/*  `side` is 3, or 1 for a convolution over time alone. */
void vae_conv_load (vae_conv_t *out, vae_loader_t *from, int64_t in, int64_t o, int64_t side,
                    const char *name);
void vae_conv_drop (vae_conv_t *conv, aten_t *c);
/*  silu (norm (x)), or x where `norm` is NULL, through the convolution: x (1, I, t, H, W) →
 *  (1, O, t, H, W). */
tensor_t *vae_conv (vae_run_t *run, const vae_conv_t *conv, const vae_norm_t *norm, tensor_t *x);
/*  The same, but x stays. */
tensor_t *vae_conv_of (vae_run_t *run, const vae_conv_t *conv, const vae_norm_t *norm, tensor_t *x);

/*  A convolution of single values: a matrix over the channels. */
typedef struct {
    tensor_t *weight, *bias; /* (O, I), (O) */
} vae_point_t;

/*  `spread`: the trailing dimensions of 1 of the stored weight, 2 or 3. */
void vae_point_load (vae_point_t *out, vae_loader_t *from, int64_t in, int64_t o, int64_t spread,
                     const char *name);
void vae_point_drop (vae_point_t *point, aten_t *c);
tensor_t *vae_point (aten_t *c, const vae_point_t *point, tensor_t *x);

/*  (1, C, T, H, W) ↔ (1, T, H, W, C), views. */
tensor_t *vae_channels_last (aten_t *c, tensor_t *x);
tensor_t *vae_channels_first (aten_t *c, tensor_t *x);
/*  (1, C, T, H, W) ↔ pictures (T, C, H, W), views. */
tensor_t *vae_pictures (aten_t *c, tensor_t *x);
tensor_t *vae_video (aten_t *c, tensor_t *pictures);
/*  Room for (1, C, T, H, W), not set, channels innermost. */
tensor_t *vae_empty (aten_t *c, aut_dtype_t dtype, int64_t channels, int64_t frames, int64_t height,
                     int64_t width);

#endif
