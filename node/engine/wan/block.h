/*  One block of the Wan transformer (arXiv 2503.20314, §4.2; adaLN of DiT, arXiv 2212.09748):
 *  self-attention over all tokens, cross-attention to text and picture, feed-forward. All but the
 *  self-attention works token by token, so it runs in slices of tokens, in place, and the memory of
 *  its wide layers does not grow with the video.
 */
#ifndef AUT_ENGINE_WAN_BLOCK_H
#define AUT_ENGINE_WAN_BLOCK_H

#include "node/engine/shim/aten.h"
#include "node/engine/wan/rope.h"
#include "node/engine/wan/times.h"
#include "node/engine/wan/transformer.h"

/*  X (field, name below "blocks.N.", shape, kept in fp32, which models have it)
 *  A shape has a letter or digit for each dimension: D width, F ffn_dim, A added_kv_dim. */
#define WAN_BLOCK_TENSORS(X)                                                                       \
    X (table, "scale_shift_table", "16D", true, WAN_ALWAYS)                                        \
    X (self_q, "attn1.to_q.weight", "DD", false, WAN_ALWAYS)                                       \
    X (self_q_bias, "attn1.to_q.bias", "D", false, WAN_ALWAYS)                                     \
    X (self_k, "attn1.to_k.weight", "DD", false, WAN_ALWAYS)                                       \
    X (self_k_bias, "attn1.to_k.bias", "D", false, WAN_ALWAYS)                                     \
    X (self_v, "attn1.to_v.weight", "DD", false, WAN_ALWAYS)                                       \
    X (self_v_bias, "attn1.to_v.bias", "D", false, WAN_ALWAYS)                                     \
    X (self_out, "attn1.to_out.0.weight", "DD", false, WAN_ALWAYS)                                 \
    X (self_out_bias, "attn1.to_out.0.bias", "D", false, WAN_ALWAYS)                               \
    X (self_norm_q, "attn1.norm_q.weight", "D", false, WAN_ALWAYS)                                 \
    X (self_norm_k, "attn1.norm_k.weight", "D", false, WAN_ALWAYS)                                 \
    X (norm2, "norm2.weight", "D", true, WAN_CROSS_NORM)                                           \
    X (norm2_bias, "norm2.bias", "D", true, WAN_CROSS_NORM)                                        \
    X (cross_q, "attn2.to_q.weight", "DD", false, WAN_ALWAYS)                                      \
    X (cross_q_bias, "attn2.to_q.bias", "D", false, WAN_ALWAYS)                                    \
    X (cross_k, "attn2.to_k.weight", "DD", false, WAN_ALWAYS)                                      \
    X (cross_k_bias, "attn2.to_k.bias", "D", false, WAN_ALWAYS)                                    \
    X (cross_v, "attn2.to_v.weight", "DD", false, WAN_ALWAYS)                                      \
    X (cross_v_bias, "attn2.to_v.bias", "D", false, WAN_ALWAYS)                                    \
    X (cross_out, "attn2.to_out.0.weight", "DD", false, WAN_ALWAYS)                                \
    X (cross_out_bias, "attn2.to_out.0.bias", "D", false, WAN_ALWAYS)                              \
    X (cross_norm_q, "attn2.norm_q.weight", "D", false, WAN_ALWAYS)                                \
    X (cross_norm_k, "attn2.norm_k.weight", "D", false, WAN_ALWAYS)                                \
    X (image_k, "attn2.add_k_proj.weight", "DA", false, WAN_ADDED_KV)                              \
    X (image_k_bias, "attn2.add_k_proj.bias", "D", false, WAN_ADDED_KV)                            \
    X (image_v, "attn2.add_v_proj.weight", "DA", false, WAN_ADDED_KV)                              \
    X (image_v_bias, "attn2.add_v_proj.bias", "D", false, WAN_ADDED_KV)                            \
    X (image_norm_k, "attn2.norm_added_k.weight", "D", false, WAN_ADDED_KV)                        \
    X (ffn_in, "ffn.net.0.proj.weight", "FD", false, WAN_ALWAYS)                                   \
    X (ffn_in_bias, "ffn.net.0.proj.bias", "F", false, WAN_ALWAYS)                                 \
    X (ffn_out, "ffn.net.2.weight", "DF", false, WAN_ALWAYS)                                       \
    X (ffn_out_bias, "ffn.net.2.bias", "D", false, WAN_ALWAYS)

typedef struct {
#define WAN_BLOCK_FIELD(field, name, shape, fp32, part) tensor_t *field;
    WAN_BLOCK_TENSORS (WAN_BLOCK_FIELD)
#undef WAN_BLOCK_FIELD
} wan_block_t;

/*  What all blocks of a forward share. */
typedef struct {
    const wan_transformer_config_t *config;
    int64_t attention_slice; /* query rows of self-attention at a time; 0 = all */
    const wan_rope_t *rope;
    const wan_times_t *times;
    tensor_t *time;        /* (times->count, 6, D) fp32 */
    tensor_t *text;        /* (B or 1, L, D) */
    tensor_t *text_weight; /* (1, 1, 1, L) fp32, added to the scores of text's rows; or NULL */
    tensor_t *image;       /* (1, M, D), or NULL */
} wan_step_t;

/*  Takes x (B, N, D), contiguous and owned by the caller alone, through one block, in place. Errors
 *  stick to the context. */
void wan_block_forward (aten_t *c, const wan_block_t *w, const wan_step_t *step, tensor_t *x);

/*  layer_norm (x)·(1 + scale) + shift for the tokens from `start` on: x (1, n, D); shift, scale
 *  (times->count, D) fp32 → (1, n, D) in x's type. */
tensor_t *wan_modulate (aten_t *c, const wan_step_t *step, tensor_t *x, int64_t start,
                        tensor_t *shift, tensor_t *scale);

#endif
