/*  The memory plan: see memory_plan.h. The factors were fitted to published peaks
 * (Wan 2.1 1.3B: 4.4 GB of transformer with 2.8 GB of weights at 832 × 480 × 81; its autoencoder: 8
 * GB) and need only be about right: a rung that turns out too high is left on the way. */
#include "node/engine/memory_plan.h"

#include "node/engine/weights.h"

#include <stdlib.h>

#define PIXEL_BYTES 20000 /* activations of a decode, for each pixel of a frame */
#define TILE_PIXELS (256 * 256)
#define SLICED_SHARE 0.8 /* of a forward's activations are left with attention in slices */

/*  Bytes of a component's weights as they are loaded: files of fp32 take half of it in bf16. */
static uint64_t weigh (const folder_t *folder, folder_component_t component, aut_dtype_t dtype)
{
    if (!folder->present[component])
        return 0;
    weights_t *weights = NULL;
    char *path = folder_path (folder, component);
    uint64_t size = weights_open (&weights, path, folder_label (component)) == 0
                        ? weights_size_as (weights, dtype)
                        : folder_size (folder, component);
    weights_close (&weights);
    free (path);
    return size;
}

void memory_weigh (memory_need_t *need, const folder_t *folder, aut_dtype_t dtype)
{
    need->text = weigh (folder, FOLDER_TEXT_ENCODER, dtype);
    need->clip = weigh (folder, FOLDER_IMAGE_ENCODER, AUT_DTYPE_F32);
    need->expert = weigh (folder, FOLDER_TRANSFORMER, dtype);
    need->experts = folder->present[FOLDER_TRANSFORMER_2] ? 2 : 1;
    need->vae = weigh (folder, FOLDER_VAE, AUT_DTYPE_F32);
}

void memory_work (memory_need_t *need, const wan_transformer_config_t *t, aut_dtype_t dtype,
                  int64_t tokens, int64_t width, int64_t height)
{
    double bytes = (double)aut_dtype_size (dtype), dim = (double)(t->heads * t->head_dim);
    uint64_t tiled = (uint64_t)TILE_PIXELS * PIXEL_BYTES;
    need->forward = (uint64_t)((double)tokens * bytes * (10.0 * dim + 2.0 * (double)t->ffn_dim));
    need->forward_sliced = (uint64_t)(SLICED_SHARE * (double)need->forward);
    need->decode = (uint64_t)(width * height) * PIXEL_BYTES;
    need->decode_tiled = need->decode < tiled ? need->decode : tiled;
}

static uint64_t most (uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

engine_rung_t memory_plan (const memory_need_t *n, uint64_t bytes)
{
    if (bytes == 0)
        return ENGINE_KEEP;
    uint64_t room = bytes / 10 * 9;
    uint64_t decode = n->vae + n->decode, tiles = n->vae + n->decode_tiled;
    if (n->text + n->clip + n->experts * n->expert + n->vae + most (n->forward, n->decode) <= room)
        return ENGINE_KEEP;
    if (most (most (n->text, n->expert + n->forward), decode) <= room)
        return ENGINE_STAGES;
    if (most (n->expert + n->forward, tiles) <= room)
        return ENGINE_TILES;
    if (most (n->expert + n->forward_sliced, tiles) <= room)
        return ENGINE_SLICES;
    return ENGINE_OFFLOAD;
}
