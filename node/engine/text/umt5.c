/*  The encoder half of T5 (Raffel et al., arXiv 1910.10683, section 2.1; the gated feed-forward of
 *  T5 1.1: Shazeer, arXiv 2002.05202; UMT5: Chung et al., arXiv 2304.09151).
 *
 *      x = table[ids]
 *      x = x + attention (rms (x))         no 1/√d: the initialisation took care of it
 *      x = x + wo (gelu (wi_0 (rms (x))) · wi_1 (rms (x)))
 *
 *  Positions enter as a bias on the attention scores alone: the distance between key and query is
 *  put into one of a few buckets, one per distance nearby and logarithmically wider ones further
 *  off, and each bucket has a number per head. UMT5 has such a table in every layer, T5 in the
 *  first, for all.
 *
 *  Padding costs next to nothing here: what comes out at padded queries is set to zero, so only the
 *  real tokens are run. Their keys are padded, and masked, in the attention alone: of the same
 *  length as the reference's, its sums are rounded alike, which counts in bf16.
 *
 *  UMT5-XXL is 11 GB in bf16 and is run once. The embedding (2 GB) stays in the file, from which
 *  the rows of the prompt are read; with `stream` each layer is on the device only while it runs.
 */
#include "node/engine/text/umt5.h"

#include "lib/core/error.h"
#include "lib/core/file.h"
#include "lib/core/mem.h"
#include "node/engine/config.h"
#include "node/engine/weights.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define LAYERS_MAX 256
#define TOKENS_MAX 8192 /* position buckets are tokens² */
#define HIDDEN (-3e38)  /* a score that no softmax hears of, in fp32 as in bf16 */

/*  X (field, name below encoder.block.N, dimensions) */
#define LAYER_TENSORS(X)                                                                           \
    X (norm_1, "layer.0.layer_norm", width)                                                        \
    X (q, "layer.0.SelfAttention.q", inner, width)                                                 \
    X (k, "layer.0.SelfAttention.k", inner, width)                                                 \
    X (v, "layer.0.SelfAttention.v", inner, width)                                                 \
    X (o, "layer.0.SelfAttention.o", width, inner)                                                 \
    X (norm_2, "layer.1.layer_norm", width)                                                        \
    X (wi_0, "layer.1.DenseReluDense.wi_0", hidden, width)                                         \
    X (wi_1, "layer.1.DenseReluDense.wi_1", hidden, width)                                         \
    X (wo, "layer.1.DenseReluDense.wo", width, hidden)

typedef struct {
#define LAYER_FIELD(field, name, ...) tensor_t *field;
    LAYER_TENSORS (LAYER_FIELD)
#undef LAYER_FIELD
    tensor_t *bias; /* (buckets, heads); NULL: the first layer's */
} layer_t;

struct umt5 {
    aten_t *c;
    weights_t *weights;
    aut_dtype_t dtype;
    bool stream;
    bool bias_per_layer;
    int64_t vocabulary; /* rows of the embedding; 0 = as many as there are */
    int64_t width, heads, head_dim, hidden, layer_count, buckets, distance_max;
    double eps;
    const char *table; /* the embedding's name */
    tensor_t *final_norm;
    tensor_t *shared_bias; /* T5's one table */
    layer_t layers[LAYERS_MAX];
};

/* ---- opening ------------------------------------------------------------------------------ */

static void read_family (umt5_t *self, config_t *config)
{
    const char *family = config_string (config, "model_type", "umt5");
    self->bias_per_layer = strcmp (family, "umt5") == 0;
    if (!self->bias_per_layer && strcmp (family, "t5") != 0)
        config_fail (config, "model_type", "\"%.40s\" is not supported, only umt5 and t5 are",
                     family);
    const char *feed_forward = config_string (config, "feed_forward_proj", "relu");
    if (strcmp (feed_forward, "gated-gelu") != 0)
        config_fail (config, "feed_forward_proj", "\"%.40s\" is not supported, only gated-gelu is",
                     feed_forward);
}

static int read_config (umt5_t *self, const char *folder, const char *label)
{
    config_t *config = NULL;
    int rc = config_open_in (&config, folder, label, "config.json");
    if (rc)
        return rc;
    read_family (self, config);
    self->width = config_need_int (config, "d_model", 1, 65536);
    self->vocabulary = config_int (config, "vocab_size", 0, 1, 1 << 24);
    self->head_dim = config_need_int (config, "d_kv", 1, 65536);
    self->heads = config_need_int (config, "num_heads", 1, 512);
    self->hidden = config_need_int (config, "d_ff", 1, 1 << 20);
    self->layer_count = config_need_int (config, "num_layers", 1, LAYERS_MAX);
    self->buckets = config_int (config, "relative_attention_num_buckets", 32, 4, 4096);
    self->distance_max = config_int (config, "relative_attention_max_distance", 128, 2, 1 << 20);
    self->eps = config_number (config, "layer_norm_epsilon", 1e-6, 1e-12, 1);
    if (self->distance_max <= self->buckets / 4)
        config_fail (config, "relative_attention_max_distance",
                     "%lld is too short for %lld buckets", (long long)self->distance_max,
                     (long long)self->buckets);
    rc = config_status (config);
    config_close (&config);
    return rc;
}

/*  The embedding has the config's rows; that may be more than the tokenizer has ids. An id beyond
 * it is found when its row is read. */
static int find_table (umt5_t *self)
{
    static const char *const names[] = {"shared.weight", "encoder.embed_tokens.weight"};
    int64_t dims[AUT_TENSOR_RANK_MAX];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        size_t rank = weights_dims (self->weights, names[i], dims);
        if (rank == 0)
            continue;
        if (rank != 2)
            return aut_fail (AUT_ERR_CORRUPT, "%s: %s: expected 2 dimensions, found %zu",
                             weights_label (self->weights), names[i], rank);
        if (dims[1] != self->width || (self->vocabulary && dims[0] != self->vocabulary))
            return aut_fail (
                AUT_ERR_CORRUPT,
                "%s: %s: expected (%lld, %lld) as config.json says, found (%lld, %lld)",
                weights_label (self->weights), names[i],
                (long long)(self->vocabulary ? self->vocabulary : dims[0]), (long long)self->width,
                (long long)dims[0], (long long)dims[1]);
        self->table = names[i];
        return 0;
    }
    return aut_fail (AUT_ERR_CORRUPT, "%s: neither %s nor %s is there",
                     weights_label (self->weights), names[0], names[1]);
}

static tensor_t *load_bias (umt5_t *self, int64_t index)
{
    return weights_load (self->weights, self->c, self->dtype, DIMS (self->buckets, self->heads),
                         "encoder.block.%lld.layer.0.SelfAttention.relative_attention_bias.weight",
                         (long long)index);
}

static void load_layer (umt5_t *self, int64_t index)
{
    layer_t *layer = &self->layers[index];
    int64_t width = self->width, hidden = self->hidden, inner = self->heads * self->head_dim;
#define LAYER_LOAD(field, name, ...)                                                               \
    layer->field = weights_load (self->weights, self->c, self->dtype, DIMS (__VA_ARGS__),          \
                                 "encoder.block.%lld." name ".weight", (long long)index);
    LAYER_TENSORS (LAYER_LOAD)
#undef LAYER_LOAD
    layer->bias = self->bias_per_layer ? load_bias (self, index) : NULL;
}

static void drop_layer (umt5_t *self, int64_t index)
{
    layer_t *layer = &self->layers[index];
#define LAYER_DROP(field, name, ...) aten_drop (self->c, &layer->field);
    LAYER_TENSORS (LAYER_DROP)
#undef LAYER_DROP
    aten_drop (self->c, &layer->bias);
}

static int load (umt5_t *self)
{
    self->final_norm = weights_load (self->weights, self->c, self->dtype, DIMS (self->width),
                                     "encoder.final_layer_norm.weight");
    if (!self->bias_per_layer)
        self->shared_bias = load_bias (self, 0);
    for (int64_t i = 0; i < self->layer_count && !self->stream && !aten_status (self->c); i++)
        load_layer (self, i);
    return aten_status (self->c);
}

int umt5_open (umt5_t **out, aten_t *c, const char *folder, const char *label,
               const umt5_options_t *options)
{
    *out = NULL;
    if (options->dtype != AUT_DTYPE_F32 && options->dtype != AUT_DTYPE_BF16)
        return aut_fail (AUT_ERR_UNSUPPORTED, "%s: runs in F32 or BF16, not in %s", label,
                         aut_dtype_text (options->dtype));
    umt5_t *self = aut_calloc (1, sizeof *self);
    self->c = c;
    self->dtype = options->dtype;
    self->stream = options->stream;
    int rc = read_config (self, folder, label);
    if (rc == 0)
        rc = weights_open (&self->weights, folder, label);
    if (rc == 0)
        rc = find_table (self);
    if (rc == 0)
        rc = load (self);
    if (rc)
        umt5_close (&self);
    *out = self;
    return rc;
}

void umt5_close (umt5_t **self_p)
{
    umt5_t *self = *self_p;
    if (!self)
        return;
    for (int64_t i = 0; i < self->layer_count; i++)
        drop_layer (self, i);
    aten_drop (self->c, &self->shared_bias);
    aten_drop (self->c, &self->final_norm);
    weights_close (&self->weights);
    free (self);
    *self_p = NULL;
}

int64_t umt5_width (const umt5_t *self)
{
    return self->width;
}

/* ---- running ------------------------------------------------------------------------------ */

/*  The bucket of a distance key − query: half of them for keys behind, half for keys ahead; of each
 *  half, half for exact distances and half for logarithmic ranges up to `distance_max`. The
 *  logarithm is fp32, as the models were trained: where it is a whole number, its last bit tells
 *  the bucket. */
static int64_t bucket (const umt5_t *self, int64_t distance)
{
    int64_t half = self->buckets / 2, exact = half / 2;
    int64_t first = distance > 0 ? half : 0, far = distance < 0 ? -distance : distance;
    if (far < exact)
        return first + far;
    float range = (float)log ((double)self->distance_max / (double)exact);
    float ratio = logf ((float)far / (float)exact) / range;
    int64_t step = exact + (int64_t)(ratio * (float)(half - exact));
    return first + (step < half ? step : half - 1);
}

/*  (N, N) int64: the bucket of each query (row) and key. */
static tensor_t *buckets (umt5_t *self, int64_t n)
{
    int64_t *at = aut_try_alloc ((size_t)(n * n + 2 * n), sizeof *at);
    if (!at) {
        aten_fail_code (self->c, AUT_ERR_NOMEM);
        return NULL;
    }
    int64_t *of = at + n * n + n; /* of[d], −n < d < n */
    for (int64_t d = 1 - n; d < n; d++)
        of[d] = bucket (self, d);
    for (int64_t query = 0; query < n; query++)
        memcpy (at + query * n, of - query, (size_t)n * sizeof *at);
    tensor_t *t = aten_from_host (self->c, at, AUT_DTYPE_I64, DIMS (n, n));
    free (at);
    return t;
}

/*  x / √(mean (x²) + eps) in fp32, rounded to the model's type, then times the weight. */
static tensor_t *norm (umt5_t *self, tensor_t *x, tensor_t *weight)
{
    aten_t *c = self->c;
    x = aten_to (c, x, AUT_DTYPE_F32);
    tensor_t *mean = aten_mean (c, aten_mul (c, x, x), -1, true);
    x = aten_mul (c, x, aten_rsqrt (c, aten_add_scalar (c, mean, self->eps)));
    return aten_mul (c, aten_to (c, x, self->dtype), weight);
}

/*  (1, N, H·d) → (1, H, N, d) */
static tensor_t *split_heads (umt5_t *self, tensor_t *x)
{
    x = aten_reshape (self->c, x, DIMS (1, -1, self->heads, self->head_dim));
    return aten_permute (self->c, x, DIMS (0, 2, 1, 3));
}

/*  The bias of `at` (N, N), and what hides the padding behind it: (1, H, N, N + padding) */
static tensor_t *attention_bias (umt5_t *self, const layer_t *w, tensor_t *at, int64_t padding)
{
    aten_t *c = self->c;
    tensor_t *table = self->bias_per_layer ? w->bias : self->shared_bias;
    tensor_t *bias = aten_embedding (c, table, at); /* (N, N, H) */
    bias = aten_unsqueeze (c, aten_permute (c, bias, DIMS (2, 0, 1)), 0);
    bias = aten_contiguous (c, bias);
    if (padding == 0)
        return bias;
    int64_t n = aten_dim (at, 0);
    tensor_t *hide = aten_full (c, HIDDEN, self->dtype, DIMS (1, self->heads, n, padding));
    return aten_cat (c, 3, 2, (tensor_t *[]){bias, hide});
}

/*  x (1, N, D), at (N, N) → (1, N, D) */
static tensor_t *attention (umt5_t *self, const layer_t *w, tensor_t *x, tensor_t *at,
                            int64_t padding)
{
    aten_t *c = self->c;
    tensor_t *q = split_heads (self, aten_linear (c, x, w->q, NULL)); /* (1, H, N, d) */
    tensor_t *k = split_heads (self, aten_linear (c, x, w->k, NULL));
    tensor_t *v = split_heads (self, aten_linear (c, x, w->v, NULL));
    tensor_t *bias = attention_bias (self, w, at, padding);
    k = aten_pad (c, k, DIMS (0, 0, 0, padding));
    v = aten_pad (c, v, DIMS (0, 0, 0, padding));
    x = aten_attention (c, q, k, v, bias, 1.0); /* (1, H, N, d) */
    x = aten_permute (c, x, DIMS (0, 2, 1, 3));
    x = aten_reshape (c, x, DIMS (1, -1, self->heads * self->head_dim));
    return aten_linear (c, x, w->o, NULL);
}

/*  ½·x·(1 + tanh (√(2/π)·(x + 0.044715·x³))), each step rounded to the model's type as in the
 *  model's own code: a fused one is more exact, and in bf16 4e-3 away from it after two layers. */
static tensor_t *gelu (umt5_t *self, tensor_t *x)
{
    aten_t *c = self->c;
    tensor_t *cube = aten_mul (c, aten_mul (c, x, x), x);
    tensor_t *y = aten_add (c, x, aten_mul_scalar (c, cube, 0.044715));
    y = aten_tanh (c, aten_mul_scalar (c, y, 0.79788456080286535588));
    return aten_mul (c, aten_mul_scalar (c, x, 0.5), aten_add_scalar (c, y, 1.0));
}

/*  x (1, N, D) → (1, N, D) */
static tensor_t *feed_forward (umt5_t *self, const layer_t *w, tensor_t *x)
{
    aten_t *c = self->c;
    tensor_t *gate = gelu (self, aten_linear (c, x, w->wi_0, NULL)); /* (1, N, F) */
    x = aten_mul (c, gate, aten_linear (c, x, w->wi_1, NULL));
    return aten_linear (c, x, w->wo, NULL);
}

static tensor_t *run_layer (umt5_t *self, const layer_t *w, tensor_t *x, tensor_t *at,
                            int64_t padding)
{
    aten_t *c = self->c;
    aten_scope_t scope = aten_open (c);
    x = aten_add (c, x, attention (self, w, norm (self, x, w->norm_1), at, padding));
    x = aten_add (c, x, feed_forward (self, w, norm (self, x, w->norm_2)));
    return aten_close (c, scope, x);
}

static tensor_t *run (umt5_t *self, const int32_t *ids, int64_t count, int64_t padding)
{
    aten_t *c = self->c;
    tensor_t *at = buckets (self, count);
    tensor_t *x = weights_rows (self->weights, c, self->dtype, ids, (size_t)count, self->table);
    x = aten_keep (c, aten_reshape (c, x, DIMS (1, count, self->width)));
    for (int64_t i = 0; i < self->layer_count && !aten_status (c); i++) {
        if (self->stream)
            load_layer (self, i);
        aten_assign (c, &x, run_layer (self, &self->layers[i], x, at, padding));
        if (self->stream)
            drop_layer (self, i);
    }
    tensor_t *last = norm (self, x, self->final_norm);
    aten_drop (c, &x);
    return last;
}

tensor_t *umt5_encode (umt5_t *self, const int32_t *ids, size_t count, size_t length)
{
    aten_t *c = self->c;
    if (count == 0 || count > length || length > TOKENS_MAX)
        return aten_fail (c, AUT_ERR_INVALID, "%s: %zu tokens in %zu places: 1 … %d are possible",
                          weights_label (self->weights), count, length, TOKENS_MAX);
    aten_scope_t scope = aten_open (c);
    int64_t padding = (int64_t)(length - count);
    tensor_t *x = run (self, ids, (int64_t)count, padding); /* (1, N, D) */
    x = aten_pad (c, x, DIMS (0, 0, 0, padding));           /* (1, L, D) */
    return aten_close (c, scope, x);
}
