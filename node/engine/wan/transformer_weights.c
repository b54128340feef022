/*  Weights of the transformer: see transformer_weights.h. One table names every tensor with its
 *  shape; loading, uploading, freeing and counting walk over it.
 */
#include "node/engine/wan/transformer_weights.h"

#include "lib/core/error.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

#define HEADS_MAX 512
#define HEAD_DIM_MAX 1024
#define LAYERS_MAX 1000
#define FFN_MAX (1 << 20)
#define CHANNELS_MAX 4096
#define TOKENS_MAX (1 << 20)
#define PATCH_MAX 16

typedef enum { WAN_ALWAYS, WAN_CROSS_NORM, WAN_ADDED_KV, WAN_IMAGE, WAN_POSITION } wan_part_t;

typedef struct {
    const char *name;
    const char *shape;
    size_t offset; /* of the tensor_t * in its struct */
    bool fp32;     /* whatever the model's type is */
    wan_part_t part;
} entry_t;

#define BLOCK_ENTRY(field, name, shape, fp32, part)                                                \
    {name, shape, offsetof (wan_block_t, field), fp32, part},
static const entry_t block_table[] = {WAN_BLOCK_TENSORS (BLOCK_ENTRY)};
#define BLOCK_TENSORS (sizeof block_table / sizeof *block_table)

#define HEAD_ENTRY(field, name, shape, fp32, part)                                                 \
    {name, shape, offsetof (wan_head_t, field), fp32, part},
static const entry_t head_table[] = {WAN_HEAD_TENSORS (HEAD_ENTRY)};
#define HEAD_TENSORS (sizeof head_table / sizeof *head_table)

static tensor_t **slot (void *owner, const entry_t *entry)
{
    return (tensor_t **)((char *)owner + entry->offset);
}

static bool has_part (const wan_transformer_config_t *config, wan_part_t part)
{
    switch (part) {
    case WAN_CROSS_NORM:
        return config->cross_norm;
    case WAN_ADDED_KV:
        return config->added_kv_dim > 0;
    case WAN_IMAGE:
        return config->image_dim > 0;
    case WAN_POSITION:
        return config->pos_embed_len > 0;
    case WAN_ALWAYS:
        break;
    }
    return true;
}

static int64_t extent (const wan_transformer_config_t *config, char letter)
{
    int64_t width = config->heads * config->head_dim;
    const int64_t *patch = config->patch;
    switch (letter) {
    case 'D':
        return width;
    case 'S':
        return 6 * width;
    case 'F':
        return config->ffn_dim;
    case 'A':
        return config->added_kv_dim;
    case 'C':
        return config->in_channels;
    case 'O':
        return config->out_channels * patch[0] * patch[1] * patch[2];
    case 't':
        return patch[0];
    case 'h':
        return patch[1];
    case 'w':
        return patch[2];
    case 'Q':
        return config->freq_dim;
    case 'T':
        return config->text_dim;
    case 'I':
        return config->image_dim;
    case 'P':
        return config->pos_embed_len;
    default:
        return letter - '0';
    }
}

static size_t dims_of (const wan_transformer_config_t *config, const char *shape,
                       int64_t dims[AUT_TENSOR_RANK_MAX])
{
    size_t rank = strlen (shape);
    for (size_t i = 0; i < rank; i++)
        dims[i] = extent (config, shape[i]);
    return rank;
}

/* ---- config -----------------------------------------------------------------------------------
 */

static void read_patch (wan_transformer_config_t *out, config_t *config)
{
    size_t count = config_ints (config, "patch_size", out->patch, 3, 1, PATCH_MAX);
    if (count == 0)
        memcpy (out->patch, (int64_t[]){1, 2, 2}, sizeof out->patch);
    else if (count != 3)
        config_fail (config, "patch_size", "has %zu numbers where 3 are needed", count);
}

/*  null means "as many as in_channels", a missing key 16: the tensor tells the two apart. */
static void read_out_channels (wan_transformer_config_t *out, config_t *config,
                               const weights_t *weights)
{
    int64_t dims[AUT_TENSOR_RANK_MAX];
    out->out_channels = config_int (config, "out_channels", 0, 0, CHANNELS_MAX);
    if (out->out_channels > 0)
        return;
    out->out_channels = out->in_channels;
    if (!config_has (config, "out_channels") &&
        weights_dims (weights, "proj_out.weight", dims) == 2 &&
        dims[0] == 16 * out->patch[0] * out->patch[1] * out->patch[2])
        out->out_channels = 16;
}

/*  The last dimension of a tensor of this rank, in 1 … `most`; 0 if there is no such tensor. */
static int64_t last_dim (const weights_t *weights, const char *name, size_t rank, int64_t most)
{
    int64_t dims[AUT_TENSOR_RANK_MAX];
    if (weights_dims (weights, name, dims) != rank)
        return 0;
    return dims[rank - 1] >= 1 && dims[rank - 1] <= most ? dims[rank - 1] : 0;
}

static void find_parts (wan_transformer_config_t *out, config_t *config, const weights_t *weights)
{
    int64_t dims[AUT_TENSOR_RANK_MAX];
    const char *image = "condition_embedder.image_embedder.ff.net.0.proj.weight";
    const char *position = "condition_embedder.image_embedder.pos_embed";
    if (weights_has (weights, "%s", image)) {
        out->image_dim = last_dim (weights, image, 2, FFN_MAX);
        if (out->image_dim == 0) /* so that loading names the tensor */
            out->image_dim = config_int (config, "image_dim", 1280, 1, FFN_MAX);
    }
    /* It takes what the image embedder makes; a tensor of another shape is named when it loads. */
    if (out->image_dim > 0 && weights_has (weights, "blocks.0.attn2.add_k_proj.weight"))
        out->added_kv_dim = out->heads * out->head_dim;
    if (out->image_dim > 0 && weights_dims (weights, position, dims) == 3 && dims[1] >= 1 &&
        dims[1] <= TOKENS_MAX)
        out->pos_embed_len = dims[1];
    if (out->image_dim == 0 && weights_has (weights, "blocks.0.attn2.add_k_proj.weight"))
        config_fail (config, "image_dim", "the weights have add_k_proj but no image_embedder");
}

int wan_config_read (wan_transformer_config_t *out, config_t *config, const weights_t *weights)
{
    *out = (wan_transformer_config_t){
        .heads = config_int (config, "num_attention_heads", 40, 1, HEADS_MAX),
        .head_dim = config_int (config, "attention_head_dim", 128, 2, HEAD_DIM_MAX),
        .layers = config_int (config, "num_layers", 40, 1, LAYERS_MAX),
        .ffn_dim = config_int (config, "ffn_dim", 13824, 1, FFN_MAX),
        .freq_dim = config_int (config, "freq_dim", 256, 2, 1 << 16),
        .text_dim = config_int (config, "text_dim", 4096, 1, 1 << 16),
        .in_channels = config_int (config, "in_channels", 16, 1, CHANNELS_MAX),
        .rope_max = config_int (config, "rope_max_seq_len", 1024, 1, TOKENS_MAX),
        .eps = config_number (config, "eps", 1e-6, 0, 1),
        .cross_norm = config_bool (config, "cross_attn_norm", true),
    };
    if (out->head_dim % 2 != 0)
        config_fail (config, "attention_head_dim", "%lld is odd: rotary positions turn pairs",
                     (long long)out->head_dim);
    const char *norm = config_string (config, "qk_norm", "rms_norm_across_heads");
    if (norm && strcmp (norm, "rms_norm_across_heads") != 0)
        config_fail (config, "qk_norm", "\"%.40s\" is not known; \"rms_norm_across_heads\" is",
                     norm);
    read_patch (out, config);
    read_out_channels (out, config, weights);
    if (config_status (config) == 0)
        find_parts (out, config, weights);
    return config_status (config);
}

/* ---- loading ----------------------------------------------------------------------------------
 */

void wan_head_load (wan_head_t *self, aten_t *c, weights_t *weights,
                    const wan_transformer_config_t *config, aut_dtype_t dtype)
{
    int64_t dims[AUT_TENSOR_RANK_MAX];
    for (const entry_t *at = head_table; at < head_table + HEAD_TENSORS; at++)
        if (has_part (config, at->part))
            *slot (self, at) =
                weights_load (weights, c, at->fp32 ? AUT_DTYPE_F32 : dtype,
                              dims_of (config, at->shape, dims), dims, "%s", at->name);
}

void wan_head_drop (wan_head_t *self, aten_t *c)
{
    for (const entry_t *at = head_table; at < head_table + HEAD_TENSORS; at++)
        aten_drop (c, slot (self, at));
}

void wan_block_load (wan_placed_t *self, aten_t *c, weights_t *weights,
                     const wan_transformer_config_t *config, aut_dtype_t dtype, int64_t index,
                     bool on_host)
{
    int64_t dims[AUT_TENSOR_RANK_MAX];
    wan_block_t w = {0};
    for (const entry_t *at = block_table; at < block_table + BLOCK_TENSORS; at++) {
        if (!has_part (config, at->part))
            continue;
        aut_dtype_t type = at->fp32 ? AUT_DTYPE_F32 : dtype;
        size_t rank = dims_of (config, at->shape, dims);
        *slot (&w, at) = on_host ? weights_load_host (weights, c, type, rank, dims,
                                                      "blocks.%lld.%s", (long long)index, at->name)
                                 : weights_load (weights, c, type, rank, dims, "blocks.%lld.%s",
                                                 (long long)index, at->name);
    }
    if (aten_status (c) == 0) {
        wan_block_drop (&self->w, c);
        *self = (wan_placed_t){w, on_host};
    } else {
        wan_block_drop (&w, c);
    }
}

wan_block_t wan_block_upload (aten_t *c, const wan_placed_t *placed)
{
    wan_placed_t from = *placed;
    wan_block_t w = {0};
    for (const entry_t *at = block_table; at < block_table + BLOCK_TENSORS; at++) {
        tensor_t *host = *slot (&from.w, at);
        *slot (&w, at) = host ? aten_upload (c, host, aten_dtype (host)) : NULL;
    }
    return w;
}

void wan_block_drop (wan_block_t *self, aten_t *c)
{
    for (const entry_t *at = block_table; at < block_table + BLOCK_TENSORS; at++)
        aten_drop (c, slot (self, at));
}

/* ---- counting ---------------------------------------------------------------------------------
 */

static uint64_t size_of (const wan_transformer_config_t *config, aut_dtype_t dtype,
                         const entry_t *table, size_t count)
{
    uint64_t size = 0;
    for (const entry_t *at = table; at < table + count; at++) {
        uint64_t elements = 1;
        for (const char *letter = at->shape; *letter; letter++)
            elements *= (uint64_t)extent (config, *letter);
        if (has_part (config, at->part))
            size += elements * aut_dtype_size (at->fp32 ? AUT_DTYPE_F32 : dtype);
    }
    return size;
}

uint64_t wan_head_size (const wan_transformer_config_t *config, aut_dtype_t dtype)
{
    return size_of (config, dtype, head_table, HEAD_TENSORS);
}

uint64_t wan_block_size (const wan_transformer_config_t *config, aut_dtype_t dtype)
{
    return size_of (config, dtype, block_table, BLOCK_TENSORS);
}
