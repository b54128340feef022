/*  What both halves of the autoencoder share. */
#include "node/engine/wan/vae_coder.h"

static void drop_stage (vae_stage_t *stage, aten_t *c)
{
    for (size_t j = 0; j < VAE_RES_BLOCKS_MAX; j++) {
        vae_res_drop (&stage->block[j], c);
        vae_attention_drop (&stage->attention[j], c);
    }
    vae_down_drop (&stage->down, c);
    vae_up_drop (&stage->up, c);
}

void vae_coder_drop (vae_coder_t *coder, aten_t *c)
{
    for (size_t i = 0; i < VAE_STAGES_MAX; i++)
        drop_stage (&coder->stage[i], c);
    vae_conv_drop (&coder->conv_in, c);
    vae_conv_drop (&coder->conv_out, c);
    vae_middle_drop (&coder->middle, c);
    vae_norm_drop (&coder->norm_out, c);
    vae_point_drop (&coder->quant, c);
    *coder = (vae_coder_t){0};
}
