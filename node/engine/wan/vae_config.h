/*  What a Wan autoencoder is made of: vae/config.json, checked.
 *
 *  Both published families are told by the config: 2.1 (z 16, 8×, plain blocks) and 2.2's
 *  "high compression" one (z 48, 16×: pictures in patches of 2×2, and blocks with a shortcut around
 *  their resampling). Every combination of the keys is taken that makes a consistent model.
 */
#ifndef AUT_ENGINE_WAN_VAE_CONFIG_H
#define AUT_ENGINE_WAN_VAE_CONFIG_H

#include "node/engine/wan/vae.h"

#define VAE_STAGES_MAX 8
#define VAE_RES_BLOCKS_MAX 16
#define VAE_CHUNK_MAX (1 << (VAE_STAGES_MAX - 1)) /* frames of a latent frame */

typedef struct {
    wan_vae_config_t face; /* what callers see */
    int64_t encoder_dim, decoder_dim;
    size_t stages; /* of each half; all but the last change the size */
    int64_t mult[VAE_STAGES_MAX];
    bool temporal[VAE_STAGES_MAX];  /* whether encoder stage i halves the frame rate */
    int64_t res_blocks;             /* a stage of the encoder; the decoder has one more */
    bool attention[VAE_STAGES_MAX]; /* behind each residual block of encoder stage i (2.1 only) */
    bool residual;                  /* 2.2's blocks */
    int64_t patch;                  /* pixels of a patch's side, 1 = none */
    int64_t pixel_channels;         /* 3·patch²: what the encoder takes and the decoder gives */
} vae_config_t;

/*  One stage of a half: residual blocks of `in` → `out` channels, then, if `sized`, a change of the
 *  picture's side by 2 and, if `timed`, of the frame rate by 2, to `result` channels. */
typedef struct {
    int64_t in, out, result;
    bool sized, timed;
    int64_t factor; /* values that its change of size and rate makes of one, or one of: 1, 4 or 8 */
} vae_stage_shape_t;

/*  Stage `i` in the order of computation: the decoder begins where the encoder ends. */
vae_stage_shape_t vae_encoder_stage (const vae_config_t *config, size_t i);
vae_stage_shape_t vae_decoder_stage (const vae_config_t *config, size_t i);

/*  Reads `folder`/config.json; `label` as in weights_open. Errors as config_status. */
int vae_config_read (vae_config_t *out, const char *folder, const char *label);

#endif
