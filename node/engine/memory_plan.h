/*  The memory plan: which rung of the ladder (engine.h) a clip begins on, from what the models and
 *  their activations take and what the device has.
 */
#ifndef AUT_ENGINE_MEMORY_PLAN_H
#define AUT_ENGINE_MEMORY_PLAN_H

#include "node/engine/engine.h"
#include "node/engine/wan/transformer.h"
#include "node/engine/wan/vae.h"

/*  Bytes, estimated. */
typedef struct {
    uint64_t text, clip, expert, vae; /* weights; `expert` is one */
    uint64_t experts;                 /* how many */
    uint64_t forward, forward_sliced; /* activations of a transformer forward */
    uint64_t block;                   /* one transformer block's weights */
    uint64_t decode, decode_tiled;    /* activations of a decode */
} memory_need_t;

/*  What a clip needs on a model: from the shapes of weights and latents. */
void memory_need (memory_need_t *out, const folder_t *folder, aut_dtype_t dtype,
                  const wan_transformer_config_t *transformer, const wan_vae_config_t *vae,
                  int64_t width, int64_t height, int64_t frames);

/*  The first rung that fits in `bytes`; ENGINE_OFFLOAD if none does. 0 bytes = no limit. */
engine_rung_t memory_plan (const memory_need_t *need, uint64_t bytes);

#endif
