/*  The diffusion transformer of the Wan family (arXiv 2503.20314): noisy latents, a time and a
 *  context to the velocity.
 */
#ifndef AUT_ENGINE_WAN_TRANSFORMER_H
#define AUT_ENGINE_WAN_TRANSFORMER_H

#include "node/engine/shim/aten.h"
#include "node/engine/tap.h"

#define WAN_TOKENS_MAX (1 << 21) /* 720p of 2,000 frames: a bound for sizes from outside */

typedef struct wan_transformer wan_transformer_t;

typedef struct {
    int64_t heads, head_dim, layers, ffn_dim, freq_dim, text_dim;
    int64_t in_channels, out_channels;
    int64_t patch[3]; /* time, height, width */
    int64_t rope_max;
    double eps;
    bool cross_norm;       /* norm2 */
    int64_t image_dim;     /* 0: no image context */
    int64_t added_kv_dim;  /* 0: no second key and value */
    int64_t pos_embed_len; /* 0: no position embedding of the image tokens */
} wan_transformer_config_t;

typedef struct {
    aut_dtype_t dtype; /* AUT_DTYPE_F32 or AUT_DTYPE_BF16, with the reference's fp32 islands */
    bool offload;      /* blocks stay on the host and are uploaded two at a time */
    int64_t attention_slice; /* query rows of self-attention at a time; 0 = all */
} wan_transformer_options_t;

/*  Reads config and headers: what the model is, without its weights. Errors as weights_open and
 *  config_status. */
int wan_transformer_read_config (wan_transformer_config_t *out, const char *folder,
                                 const char *label);

/*  Reads config and headers, then loads the weights. Errors as weights_open and config_status; a
 *  tensor whose shape contradicts the config is named. Freed with wan_transformer_close, before its
 *  context. */
int wan_transformer_open (wan_transformer_t **out, aten_t *c, const char *folder, const char *label,
                          const wan_transformer_options_t *options);
void wan_transformer_close (wan_transformer_t **self_p);
const wan_transformer_config_t *wan_transformer_config (const wan_transformer_t *self);
/*  Bytes that opening with these options puts on the device, without the activations. */
uint64_t wan_transformer_size (const wan_transformer_t *self);
/*  Changes the plan of an open transformer: how much stays on the device, attention in slices. The
 *  same numbers come out. */
int wan_transformer_replan (wan_transformer_t *self, const wan_transformer_options_t *options);

/*  What a forward is given. */
typedef struct {
    tensor_t *latents;      /* (B, C, T, h, w), fp32 or the model's dtype */
    const float *timesteps; /* one for all (count 1), or one per token in the order (t, h, w) */
    size_t timestep_count;
    tensor_t *text;  /* (B, L, text_dim) */
    tensor_t *image; /* (n, M, image_dim): the rows of n pictures follow each other; or NULL */
} wan_transformer_in_t;

/*  → the velocity (B, C_out, T, h, w) in the model's dtype. Taps: patch_embedding, rope.{cos,sin},
 *  embed.{temb,timestep_proj,text,image}, block.NN, output. Errors stick to the context. */
tensor_t *wan_transformer_forward (wan_transformer_t *self, const wan_transformer_in_t *in,
                                   tap_t *tap);

#endif
