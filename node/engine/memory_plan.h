/*  The memory plan: which rung of the ladder (engine.h) a clip begins on, from what the models and
 *  their activations take and what the device has.
 */
#ifndef AUT_ENGINE_MEMORY_PLAN_H
#define AUT_ENGINE_MEMORY_PLAN_H

#include "node/engine/engine.h"
#include "node/engine/wan/transformer.h"

/*  Bytes, estimated. */
typedef struct {
    uint64_t text, clip, expert, vae; /* weights; `expert` is one */
    uint64_t experts;                 /* how many */
    uint64_t forward, forward_sliced; /* activations of a transformer forward */
    uint64_t decode, decode_tiled;    /* activations of a decode */
} memory_need_t;

/*  Fills in the weights, which are a model's: from the headers of its files. */
void memory_weigh (memory_need_t *need, const folder_t *folder, aut_dtype_t dtype);

/*  Fills in the activations, which are a clip's. */
void memory_work (memory_need_t *need, const wan_transformer_config_t *transformer,
                  aut_dtype_t dtype, int64_t tokens, int64_t width, int64_t height);

/*  The first rung that fits in `bytes`; ENGINE_OFFLOAD if none does. 0 bytes = no limit. */
engine_rung_t memory_plan (const memory_need_t *need, uint64_t bytes);

#endif
