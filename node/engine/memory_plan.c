/*  The memory plan: see memory_plan.h. The factors were fitted to published peaks
 * (Wan 2.1 1.3B: 4.4 GB of transformer with 2.8 GB of weights at 832 × 480 × 81; its autoencoder: 8
 * GB) and need only be about right: a rung that turns out too high is left on the way. */
#include "node/engine/memory_plan.h"

#include "node/engine/weights.h"

#include <stdlib.h>
#include <string.h>

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

void memory_need (memory_need_t *out, const folder_t *folder, aut_dtype_t dtype,
                  const wan_transformer_config_t *t, const wan_vae_config_t *vae, int64_t width,
                  int64_t height, int64_t frames)
{
    double bytes = (double)aut_dtype_size (dtype), dim = (double)(t->heads * t->head_dim);
    double latent_frames = 1.0 + (double)(frames - 1) / (double)vae->temporal;
    int64_t rows = height / vae->spatial / t->patch[1];
    int64_t columns = width / vae->spatial / t->patch[2];
    double tokens = latent_frames * (double)(rows * columns);
    memset (out, 0, sizeof *out);
    out->text = weigh (folder, FOLDER_TEXT_ENCODER, dtype);
    out->clip = weigh (folder, FOLDER_IMAGE_ENCODER, AUT_DTYPE_F32);
    out->expert = weigh (folder, FOLDER_TRANSFORMER, dtype);
    out->experts = folder->present[FOLDER_TRANSFORMER_2] ? 2 : 1;
    out->vae = weigh (folder, FOLDER_VAE, AUT_DTYPE_F32);
    out->block = out->expert / (uint64_t)(t->layers > 0 ? t->layers : 1);
    out->forward = (uint64_t)(tokens * bytes * (10.0 * dim + 2.0 * (double)t->ffn_dim));
    out->forward_sliced = (uint64_t)(SLICED_SHARE * (double)out->forward);
    out->decode = (uint64_t)(width * height) * PIXEL_BYTES;
    uint64_t tiled = (uint64_t)TILE_PIXELS * PIXEL_BYTES;
    out->decode_tiled = out->decode < tiled ? out->decode : tiled;
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
