/*  A transformer block: see block.h. The video's batch entries are independent, so each is handled
 *  for itself as x (1, N, D).
 */
#include "node/engine/wan/block.h"

/*  Elements of the feed-forward's inner layer at a time: enough rows to keep a matrix product
 *  busy, few enough that the layer is small beside the tokens. */
#define FFN_ELEMENTS_CPU (4 << 20)
#define FFN_ELEMENTS_CUDA (192 << 20)
#define SLICE_ROWS_MIN 256

/*  The six parts of a modulation, in the order of the table. */
enum { SHIFT, SCALE, GATE, FFN_SHIFT, FFN_SCALE, FFN_GATE };

static tensor_t *part (aten_t *c, tensor_t *modulation, int index)
{
    return aten_squeeze (c, aten_narrow (c, modulation, 1, index, 1), 1);
}

/*  `rows` (1, D) or (n, D) to (1, 1, D) or (1, n, D). */
static tensor_t *batched (aten_t *c, tensor_t *rows)
{
    return aten_unsqueeze (c, rows, 0);
}

tensor_t *wan_modulate (aten_t *c, const wan_step_t *step, tensor_t *x, int64_t start,
                        tensor_t *shift, tensor_t *scale)
{
    const wan_times_t *times = step->times;
    double eps = step->config->eps;
    int64_t count = aten_dim (x, 1);
    aten_scope_t scope = aten_open (c);
    tensor_t *out = NULL;
    for (int64_t at = 0, rows; at < count; at += rows) {
        rows = wan_times_piece (times, start + at, count - at);
        tensor_t *piece = aten_norm_modulate (
            c, aten_narrow (c, x, 1, at, rows),
            batched (c, wan_times_rows (times, c, shift, start + at, rows)),
            batched (c, wan_times_rows (times, c, scale, start + at, rows)), eps);
        if (rows == count)
            return aten_close (c, scope, piece);
        if (!out)
            out = aten_empty (c, aten_dtype (x), DIMS (1, count, aten_dim (x, 2)));
        aten_copy_into (c, aten_narrow (c, out, 1, at, rows), piece);
        aten_drop (c, &piece);
    }
    return aten_close (c, scope, out);
}

/*  x += y·gate for the tokens from `start` on: x, y (1, n, D); gate (times->count, D) fp32. */
static void add_gated (aten_t *c, const wan_step_t *step, tensor_t *x, tensor_t *y, int64_t start,
                       tensor_t *gate)
{
    int64_t count = aten_dim (x, 1);
    aten_scope_t scope = aten_open (c);
    for (int64_t at = 0, rows; at < count; at += rows) {
        rows = wan_times_piece (step->times, start + at, count - at);
        aten_gate_add_ (c, aten_narrow (c, x, 1, at, rows), aten_narrow (c, y, 1, at, rows),
                        batched (c, wan_times_rows (step->times, c, gate, start + at, rows)));
    }
    aten_close (c, scope, NULL);
}

/*  (1, n, D) as heads (1, H, n, D/H), a view. */
static tensor_t *split_heads (aten_t *c, const wan_step_t *step, tensor_t *x)
{
    tensor_t *heads =
        aten_reshape (c, x, DIMS (1, aten_dim (x, 1), step->config->heads, step->config->head_dim));
    return aten_permute (c, heads, DIMS (0, 2, 1, 3));
}

static tensor_t *join_heads (aten_t *c, tensor_t *x)
{
    int64_t rows = aten_dim (x, 2);
    return aten_reshape (c, aten_permute (c, x, DIMS (0, 2, 1, 3)), DIMS (1, rows, -1));
}

/*  Heads of x·wᵀ + b → (1, H, n, D/H); with `norm` (D), RMS-normalised over all heads together. */
static tensor_t *project (aten_t *c, const wan_step_t *step, tensor_t *x, tensor_t *w, tensor_t *b,
                          tensor_t *norm)
{
    aten_scope_t scope = aten_open (c);
    tensor_t *y = aten_linear (c, x, w, b);
    if (norm)
        y = aten_rms_norm (c, y, norm, step->config->eps);
    return aten_close (c, scope, split_heads (c, step, y));
}

/*  The same, then turned by the tokens' places. */
static tensor_t *project_rope (aten_t *c, const wan_step_t *step, tensor_t *x, tensor_t *w,
                               tensor_t *b, tensor_t *norm)
{
    aten_scope_t scope = aten_open (c);
    tensor_t *y = aten_linear (c, x, w, b);
    y = aten_norm_rope_ (c, y, norm, step->rope->cos, step->rope->sin, step->config->eps);
    return aten_close (c, scope, split_heads (c, step, y));
}

/*  Attention with the queries in slices: each one's result takes its place in q, which is returned.
 *  The same numbers as at once, but for the order of sums. */
static tensor_t *attend_sliced (aten_t *c, tensor_t *q, tensor_t *k, tensor_t *v, int64_t slice)
{
    int64_t count = aten_dim (q, 2);
    for (int64_t at = 0, rows; at < count; at += rows) {
        rows = count - at < slice ? count - at : slice;
        aten_scope_t scope = aten_open (c);
        tensor_t *some = aten_narrow (c, q, 2, at, rows);
        aten_copy_into (c, some, aten_attention (c, some, k, v, NULL, 0));
        aten_close (c, scope, NULL);
    }
    return q;
}

/*  Adds the self-attention of x (1, N, D) to x. Nothing is kept longer than it is needed: here is
 *  where a forward's memory peaks, with x, q, k, v and y. */
static void self_attention (aten_t *c, const wan_block_t *w, const wan_step_t *step, tensor_t *x,
                            tensor_t *modulation)
{
    aten_scope_t scope = aten_open (c);
    tensor_t *n =
        wan_modulate (c, step, x, 0, part (c, modulation, SHIFT), part (c, modulation, SCALE));
    tensor_t *q = project_rope (c, step, n, w->self_q, w->self_q_bias, w->self_norm_q);
    tensor_t *k = project_rope (c, step, n, w->self_k, w->self_k_bias, w->self_norm_k);
    tensor_t *v = project (c, step, n, w->self_v, w->self_v_bias, NULL);
    aten_drop (c, &n);
    bool sliced = step->attention_slice > 0 && step->attention_slice < aten_dim (x, 1);
    tensor_t *y = sliced ? attend_sliced (c, q, k, v, step->attention_slice)
                         : aten_attention (c, q, k, v, NULL, 0);
    if (!sliced)
        aten_drop (c, &q);
    aten_drop (c, &k);
    aten_drop (c, &v);
    y = aten_linear (c, join_heads (c, y), w->self_out, w->self_out_bias);
    add_gated (c, step, x, y, 0, part (c, modulation, GATE));
    aten_close (c, scope, NULL);
}

/*  Keys and values of the contexts, (1, H, L, D/H). */
typedef struct {
    tensor_t *k, *v;
    tensor_t *image_k, *image_v; /* NULL without a second pair */
} context_t;

static context_t make_context (aten_t *c, const wan_block_t *w, const wan_step_t *step,
                               tensor_t *text)
{
    context_t made = {0};
    if (step->image && w->image_k) {
        made.image_k = project (c, step, step->image, w->image_k, w->image_k_bias, w->image_norm_k);
        made.image_v = project (c, step, step->image, w->image_v, w->image_v_bias, NULL);
    } else if (step->image) {
        text = aten_cat (c, 1, 2, (tensor_t *const[]){step->image, text});
    }
    made.k = project (c, step, text, w->cross_k, w->cross_k_bias, w->cross_norm_k);
    made.v = project (c, step, text, w->cross_v, w->cross_v_bias, NULL);
    return made;
}

/*  Adds the cross-attention of x (1, r, D) to x. */
static void cross_attention (aten_t *c, const wan_block_t *w, const wan_step_t *step, tensor_t *x,
                             const context_t *context)
{
    aten_scope_t scope = aten_open (c);
    tensor_t *n = x;
    if (w->norm2) {
        n = aten_to (c, x, AUT_DTYPE_F32);
        n = aten_layer_norm (c, n, w->norm2, w->norm2_bias, step->config->eps);
        n = aten_to (c, n, aten_dtype (x));
    }
    tensor_t *q = project (c, step, n, w->cross_q, w->cross_q_bias, w->cross_norm_q);
    tensor_t *y = aten_attention (c, q, context->k, context->v, step->text_weight, 0);
    if (context->image_k)
        y = aten_add_ (c, y, aten_attention (c, q, context->image_k, context->image_v, NULL, 0));
    aten_add_ (c, x, aten_linear (c, join_heads (c, y), w->cross_out, w->cross_out_bias));
    aten_close (c, scope, NULL);
}

/*  Adds the feed-forward of x (1, r, D), the tokens from `start` on, to x. */
static void feed_forward (aten_t *c, const wan_block_t *w, const wan_step_t *step, tensor_t *x,
                          int64_t start, tensor_t *modulation)
{
    aten_scope_t scope = aten_open (c);
    tensor_t *h = wan_modulate (c, step, x, start, part (c, modulation, FFN_SHIFT),
                                part (c, modulation, FFN_SCALE));
    h = aten_linear_gelu_tanh (c, h, w->ffn_in, w->ffn_in_bias);
    h = aten_linear (c, h, w->ffn_out, w->ffn_out_bias);
    add_gated (c, step, x, h, start, part (c, modulation, FFN_GATE));
    aten_close (c, scope, NULL);
}

/*  Rows at a time for what works token by token: equal slices below the bound. */
static int64_t slice_rows (const aten_t *c, const wan_step_t *step, int64_t count)
{
    int64_t elements = aten_is_cuda (c) ? FFN_ELEMENTS_CUDA : FFN_ELEMENTS_CPU;
    int64_t most = elements / step->config->ffn_dim;
    if (most < SLICE_ROWS_MIN)
        most = SLICE_ROWS_MIN;
    int64_t slices = (count + most - 1) / most;
    return slices > 0 ? (count + slices - 1) / slices : 1;
}

void wan_block_forward (aten_t *c, const wan_block_t *w, const wan_step_t *step, tensor_t *x)
{
    int64_t count = aten_dim (x, 1), slice = slice_rows (c, step, count);
    aten_scope_t scope = aten_open (c);
    tensor_t *modulation = aten_add (c, w->table, step->time); /* (times, 6, D) */
    for (int64_t b = 0; b < aten_dim (x, 0); b++) {
        aten_scope_t entry = aten_open (c);
        tensor_t *one = aten_narrow (c, x, 0, b, 1);
        int64_t of_text = aten_dim (step->text, 0) > 1 ? b : 0;
        self_attention (c, w, step, one, modulation);
        context_t context = make_context (c, w, step, aten_narrow (c, step->text, 0, of_text, 1));
        for (int64_t at = 0; at < count; at += slice) {
            int64_t rows = count - at < slice ? count - at : slice;
            aten_scope_t inner = aten_open (c);
            tensor_t *piece = aten_narrow (c, one, 1, at, rows);
            cross_attention (c, w, step, piece, &context);
            feed_forward (c, w, step, piece, at, modulation);
            aten_close (c, inner, NULL);
        }
        aten_close (c, entry, NULL);
    }
    aten_close (c, scope, NULL);
}
