/*  The two halves of a Wan autoencoder: stages of residual blocks and changes of size.
 */
#ifndef AUT_ENGINE_WAN_VAE_CODER_H
#define AUT_ENGINE_WAN_VAE_CODER_H

#include "node/engine/wan/vae_blocks.h"

/*  Residual blocks, then a change of size and rate; in 2.2 with a shortcut around all. */
typedef struct {
    vae_stage_shape_t shape;
    size_t blocks;
    vae_res_t block[VAE_RES_BLOCKS_MAX];
    bool
        attends; /* attention behind each block (2.1's encoder, where its config has attn_scales) */
    vae_attention_t attention[VAE_RES_BLOCKS_MAX];
    vae_down_t down; /* where shape.sized: one of them */
    vae_up_t up;
    bool shortcut;
} vae_stage_t;

typedef struct {
    bool loaded;
    size_t stages, slots; /* slots: of a stream's state */
    /* The encoder's stages before this one, and the decoder's from it on, keep the frame rate. */
    size_t split;
    vae_stage_t stage[VAE_STAGES_MAX];
    vae_conv_t conv_in, conv_out;
    vae_middle_t middle; /* the encoder's last, the decoder's first */
    vae_norm_t norm_out;
    vae_point_t quant; /* the encoder's end (the mean's half of it), the decoder's beginning */
} vae_coder_t;

void vae_encoder_load (vae_coder_t *out, const vae_config_t *config, vae_loader_t *from);
void vae_decoder_load (vae_coder_t *out, const vae_config_t *config, vae_loader_t *from);
void vae_coder_drop (vae_coder_t *coder, aten_t *c);

/*  A chunk of a stream through a half; both consume x and count the chunk. `coder_t` is what tiles
 *  call.
 *  Encoder: 1 frame first, `temporal` later, (1, 3·p², t, H/p, W/p) → (1, z, 1, h, w), the mean.
 *  Decoder: a latent frame (1, z, 1, h, w) → 1 frame first, `temporal` later, in patches as above.
 *  Taps of the decoder: conv_in, mid_block, up_blocks.N (as far as the rate changes),
 *  conv_out below "decoder.chunk.K". */
typedef tensor_t *(*vae_code_t) (vae_run_t *run, const vae_coder_t *coder, tensor_t *x);
tensor_t *vae_encode_chunk (vae_run_t *run, const vae_coder_t *encoder, tensor_t *x);
tensor_t *vae_decode_chunk (vae_run_t *run, const vae_coder_t *decoder, tensor_t *x);

#endif
