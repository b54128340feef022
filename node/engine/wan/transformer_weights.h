/*  The weights of a Wan transformer: their names and shapes, and where each block lies.
 */
#ifndef AUT_ENGINE_WAN_TRANSFORMER_WEIGHTS_H
#define AUT_ENGINE_WAN_TRANSFORMER_WEIGHTS_H

#include "node/engine/config.h"
#include "node/engine/wan/block.h"
#include "node/engine/weights.h"

/*  What is not in a block. Letters as in block.h, and: C in_channels, t h w patch, Q freq_dim,
 *  T text_dim, S 6·D, I image_dim, P pos_embed_len, O out_channels · patch. */
#define WAN_HEAD_TENSORS(X)                                                                        \
    X (patch, "patch_embedding.weight", "DCthw", false, WAN_ALWAYS)                                \
    X (patch_bias, "patch_embedding.bias", "D", false, WAN_ALWAYS)                                 \
    X (time_1, "condition_embedder.time_embedder.linear_1.weight", "DQ", true, WAN_ALWAYS)         \
    X (time_1_bias, "condition_embedder.time_embedder.linear_1.bias", "D", true, WAN_ALWAYS)       \
    X (time_2, "condition_embedder.time_embedder.linear_2.weight", "DD", true, WAN_ALWAYS)         \
    X (time_2_bias, "condition_embedder.time_embedder.linear_2.bias", "D", true, WAN_ALWAYS)       \
    X (time_proj, "condition_embedder.time_proj.weight", "SD", false, WAN_ALWAYS)                  \
    X (time_proj_bias, "condition_embedder.time_proj.bias", "S", false, WAN_ALWAYS)                \
    X (text_1, "condition_embedder.text_embedder.linear_1.weight", "DT", false, WAN_ALWAYS)        \
    X (text_1_bias, "condition_embedder.text_embedder.linear_1.bias", "D", false, WAN_ALWAYS)      \
    X (text_2, "condition_embedder.text_embedder.linear_2.weight", "DD", false, WAN_ALWAYS)        \
    X (text_2_bias, "condition_embedder.text_embedder.linear_2.bias", "D", false, WAN_ALWAYS)      \
    X (image_norm1, "condition_embedder.image_embedder.norm1.weight", "I", true, WAN_IMAGE)        \
    X (image_norm1_bias, "condition_embedder.image_embedder.norm1.bias", "I", true, WAN_IMAGE)     \
    X (image_in, "condition_embedder.image_embedder.ff.net.0.proj.weight", "II", false, WAN_IMAGE) \
    X (image_in_bias, "condition_embedder.image_embedder.ff.net.0.proj.bias", "I", false,          \
       WAN_IMAGE)                                                                                  \
    X (image_out, "condition_embedder.image_embedder.ff.net.2.weight", "DI", false, WAN_IMAGE)     \
    X (image_out_bias, "condition_embedder.image_embedder.ff.net.2.bias", "D", false, WAN_IMAGE)   \
    X (image_norm2, "condition_embedder.image_embedder.norm2.weight", "D", true, WAN_IMAGE)        \
    X (image_norm2_bias, "condition_embedder.image_embedder.norm2.bias", "D", true, WAN_IMAGE)     \
    X (image_position, "condition_embedder.image_embedder.pos_embed", "1PI", false, WAN_POSITION)  \
    X (table, "scale_shift_table", "12D", true, WAN_ALWAYS)                                        \
    X (out, "proj_out.weight", "OD", false, WAN_ALWAYS)                                            \
    X (out_bias, "proj_out.bias", "O", false, WAN_ALWAYS)

typedef struct {
#define WAN_HEAD_FIELD(field, name, shape, fp32, part) tensor_t *field;
    WAN_HEAD_TENSORS (WAN_HEAD_FIELD)
#undef WAN_HEAD_FIELD
} wan_head_t;

/*  Where a block's tensors are. */
typedef struct {
    wan_block_t w;
    bool on_host;
} wan_placed_t;

/*  Reads `config` and what the tensors say of optional parts: a part is there if its tensors are.
 *  Returns config_status. */
int wan_config_read (wan_transformer_config_t *out, config_t *config, const weights_t *weights);

/*  Loads what is not in a block, to the device. Errors stick to the context; what was loaded is
 *  dropped with wan_head_drop in any case. */
void wan_head_load (wan_head_t *self, aten_t *c, weights_t *weights,
                    const wan_transformer_config_t *config, aut_dtype_t dtype);
void wan_head_drop (wan_head_t *self, aten_t *c);

/*  Loads block `index` to the device or the host, in the place of what `self` had, which stays if
 *  that fails. */
void wan_block_load (wan_placed_t *self, aten_t *c, weights_t *weights,
                     const wan_transformer_config_t *config, aut_dtype_t dtype, int64_t index,
                     bool on_host);
/*  Uploads a block that is on the host (in the current scope); an aten_upload_fence must come
 *  before its use. */
wan_block_t wan_block_upload (aten_t *c, const wan_placed_t *placed);
void wan_block_drop (wan_block_t *self, aten_t *c);

/*  Bytes of the head, and of one block. */
uint64_t wan_head_size (const wan_transformer_config_t *config, aut_dtype_t dtype);
uint64_t wan_block_size (const wan_transformer_config_t *config, aut_dtype_t dtype);

#endif
