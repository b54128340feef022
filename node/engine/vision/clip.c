/*  CLIP's vision tower: a Vision Transformer (Dosovitskiy et al., arXiv 2010.11929) with one more
 *  layer norm in front (Radford et al., arXiv 2103.00020, section 2.4).
 *
 *      x = [class; patches of p × p pixels, projected] + positions
 *      x = norm (x)
 *      x = x + attention (norm_1 (x)),  x = x + fc2 (act (fc1 (norm_2 (x))))     for each layer
 *
 *  Wan conditions on what goes into the last layer, so that layer is not even loaded.
 */
#include "node/engine/vision/clip.h"

#include "lib/core/error.h"
#include "lib/core/file.h"
#include "lib/core/mem.h"
#include "node/engine/config.h"
#include "node/engine/weights.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LAYERS_MAX 256

/*  X (field, name, dimensions): each has a weight (dimensions) and a bias (the first of them). */
#define LAYER_PARTS(X)                                                                             \
    X (norm_1, "layer_norm1", width)                                                               \
    X (q, "self_attn.q_proj", width, width)                                                        \
    X (k, "self_attn.k_proj", width, width)                                                        \
    X (v, "self_attn.v_proj", width, width)                                                        \
    X (out, "self_attn.out_proj", width, width)                                                    \
    X (norm_2, "layer_norm2", width)                                                               \
    X (fc1, "mlp.fc1", hidden, width)                                                              \
    X (fc2, "mlp.fc2", width, hidden)

typedef struct {
    tensor_t *weight, *bias;
} part_t;

typedef struct {
#define LAYER_FIELD(field, name, ...) part_t field;
    LAYER_PARTS (LAYER_FIELD)
#undef LAYER_FIELD
} layer_t;

typedef enum { ACT_GELU, ACT_QUICK_GELU, ACT_GELU_TANH } act_t;

struct clip {
    aten_t *c;
    weights_t *weights;
    const char *prefix; /* of every name: what published files have and newer ones have not */
    int64_t width, heads, hidden, layer_count, image_size, patch_size, patches;
    double eps;
    act_t act;
    tensor_t *class_embedding, *patch_embedding, *positions;
    part_t norm; /* in front of the layers */
    layer_t layers[LAYERS_MAX];
};

/* ---- opening ------------------------------------------------------------------------------ */

static void read_act (clip_t *self, config_t *config)
{
    static const struct {
        const char *name;
        act_t act;
    } acts[] = {{"gelu", ACT_GELU},
                {"quick_gelu", ACT_QUICK_GELU},
                {"gelu_new", ACT_GELU_TANH},
                {"gelu_pytorch_tanh", ACT_GELU_TANH}};
    const char *name = config_string (config, "hidden_act", "quick_gelu");
    for (size_t i = 0; i < sizeof acts / sizeof *acts; i++)
        if (strcmp (name, acts[i].name) == 0) {
            self->act = acts[i].act;
            return;
        }
    config_fail (config, "hidden_act",
                 "\"%.40s\" is not supported, only gelu, quick_gelu and gelu_new are", name);
}

static int check_config (clip_t *self, config_t *config)
{
    const char *family = config_string (config, "model_type", "clip_vision_model");
    if (strcmp (family, "clip_vision_model") != 0)
        config_fail (config, "model_type", "\"%.40s\" is not supported, only clip_vision_model is",
                     family);
    if (config_status (config))
        return config_status (config);
    if (self->width % self->heads)
        return config_fail (config, "num_attention_heads", "%lld does not divide hidden_size %lld",
                            (long long)self->heads, (long long)self->width);
    if (self->patch_size > self->image_size)
        return config_fail (config, "patch_size", "%lld is larger than image_size %lld",
                            (long long)self->patch_size, (long long)self->image_size);
    int64_t side = self->image_size / self->patch_size;
    self->patches = side * side;
    return self->patches <= 65536
               ? 0
               : config_fail (config, "patch_size", "%lld × %lld patches are too many",
                              (long long)side, (long long)side);
}

static int read_config (clip_t *self, const char *folder, const char *label)
{
    config_t *config = NULL;
    int rc = config_open_in (&config, folder, label, "config.json");
    if (rc)
        return rc;
    self->width = config_int (config, "hidden_size", 768, 1, 65536);
    self->heads = config_int (config, "num_attention_heads", 12, 1, 512);
    self->hidden = config_int (config, "intermediate_size", 3072, 1, 1 << 20);
    self->layer_count = config_int (config, "num_hidden_layers", 12, 1, LAYERS_MAX);
    self->image_size = config_int (config, "image_size", 224, 1, 8192);
    self->patch_size = config_int (config, "patch_size", 32, 1, 8192);
    self->eps = config_number (config, "layer_norm_eps", 1e-5, 1e-12, 1);
    config_int (config, "num_channels", 3, 3, 3);
    read_act (self, config);
    rc = check_config (self, config);
    config_close (&config);
    return rc;
}

static part_t load_part (clip_t *self, size_t rank, const int64_t *dims, const char *name)
{
    part_t part;
    part.weight = weights_load (self->weights, self->c, AUT_DTYPE_F32, rank, dims, "%s%s.weight",
                                self->prefix, name);
    part.bias = weights_load (self->weights, self->c, AUT_DTYPE_F32, 1, dims, "%s%s.bias",
                              self->prefix, name);
    return part;
}

static void load_layer (clip_t *self, int64_t index)
{
    layer_t *layer = &self->layers[index];
    int64_t width = self->width, hidden = self->hidden;
    char name[80];
#define LAYER_LOAD(field, text, ...)                                                               \
    snprintf (name, sizeof name, "encoder.layers.%d.%s", (int)index, text);                        \
    layer->field = load_part (self, DIMS (__VA_ARGS__), name);
    LAYER_PARTS (LAYER_LOAD)
#undef LAYER_LOAD
}

static int load (clip_t *self)
{
    static const char with[] = "vision_model.";
    self->prefix = weights_has (self->weights, "%spre_layrnorm.weight", with) ? with : "";
    weights_t *w = self->weights;
    int64_t side = self->patch_size;
    self->class_embedding = weights_load (w, self->c, AUT_DTYPE_F32, DIMS (self->width),
                                          "%sembeddings.class_embedding", self->prefix);
    self->patch_embedding =
        weights_load (w, self->c, AUT_DTYPE_F32, DIMS (self->width, 3, side, side),
                      "%sembeddings.patch_embedding.weight", self->prefix);
    self->positions =
        weights_load (w, self->c, AUT_DTYPE_F32, DIMS (1 + self->patches, self->width),
                      "%sembeddings.position_embedding.weight", self->prefix);
    self->norm = load_part (self, DIMS (self->width), "pre_layrnorm"); /* the name is theirs */
    for (int64_t i = 0; i < self->layer_count - 1 && !aten_status (self->c); i++)
        load_layer (self, i);
    return aten_status (self->c);
}

int clip_open (clip_t **out, aten_t *c, const char *folder, const char *label)
{
    *out = NULL;
    clip_t *self = aut_calloc (1, sizeof *self);
    self->c = c;
    int rc = read_config (self, folder, label);
    if (rc == 0)
        rc = weights_open (&self->weights, folder, label);
    if (rc == 0)
        rc = load (self);
    if (rc)
        clip_close (&self);
    *out = self;
    return rc;
}

static void drop_part (clip_t *self, part_t *part)
{
    aten_drop (self->c, &part->weight);
    aten_drop (self->c, &part->bias);
}

void clip_close (clip_t **self_p)
{
    clip_t *self = *self_p;
    if (!self)
        return;
    for (int64_t i = 0; i < self->layer_count; i++) {
        layer_t *layer = &self->layers[i];
#define LAYER_DROP(field, name, ...) drop_part (self, &layer->field);
        LAYER_PARTS (LAYER_DROP)
#undef LAYER_DROP
    }
    drop_part (self, &self->norm);
    aten_drop (self->c, &self->positions);
    aten_drop (self->c, &self->patch_embedding);
    aten_drop (self->c, &self->class_embedding);
    weights_close (&self->weights);
    free (self);
    *self_p = NULL;
}

int64_t clip_width (const clip_t *self)
{
    return self->width;
}

int64_t clip_image_size (const clip_t *self)
{
    return self->image_size;
}

/* ---- running ------------------------------------------------------------------------------ */

static tensor_t *linear (clip_t *self, tensor_t *x, part_t part)
{
    return aten_linear (self->c, x, part.weight, part.bias);
}

static tensor_t *norm (clip_t *self, tensor_t *x, part_t part)
{
    return aten_layer_norm (self->c, x, part.weight, part.bias, self->eps);
}

/*  x·σ (1.702 x), the approximation that CLIP was trained with, by way of silu (x) = x·σ (x). */
static tensor_t *quick_gelu (aten_t *c, tensor_t *x)
{
    return aten_div_scalar (c, aten_silu (c, aten_mul_scalar (c, x, 1.702)), 1.702);
}

static tensor_t *activate (clip_t *self, tensor_t *x)
{
    switch (self->act) {
    case ACT_QUICK_GELU:
        return quick_gelu (self->c, x);
    case ACT_GELU_TANH:
        return aten_gelu_tanh (self->c, x);
    case ACT_GELU:
        break;
    }
    return aten_gelu (self->c, x);
}

/*  pixels (n, 3, S, S) → (n, 1 + P, D) */
static tensor_t *embed (clip_t *self, tensor_t *pixels)
{
    aten_t *c = self->c;
    int64_t n = aten_dim (pixels, 0), stride[2] = {self->patch_size, self->patch_size};
    static const int64_t padding[2] = {0, 0};
    tensor_t *x = aten_conv2d (c, pixels, self->patch_embedding, NULL, stride, padding);
    x = aten_reshape (c, x, DIMS (n, self->width, self->patches)); /* from (n, D, S/p, S/p) */
    x = aten_permute (c, x, DIMS (0, 2, 1));
    tensor_t *class = aten_reshape (c, self->class_embedding, DIMS (1, 1, self->width));
    class = aten_expand (c, class, DIMS (n, -1, -1));
    x = aten_cat (c, 1, 2, (tensor_t *[]){class, x});
    return aten_add (c, x, self->positions);
}

/*  (n, N, D) → (n, H, N, D/H) */
static tensor_t *split_heads (clip_t *self, tensor_t *x)
{
    int64_t head_dim = self->width / self->heads;
    x = aten_reshape (self->c, x, DIMS (aten_dim (x, 0), -1, self->heads, head_dim));
    return aten_permute (self->c, x, DIMS (0, 2, 1, 3));
}

static tensor_t *attention (clip_t *self, const layer_t *w, tensor_t *x)
{
    aten_t *c = self->c;
    int64_t n = aten_dim (x, 0);
    tensor_t *q = split_heads (self, linear (self, x, w->q));
    tensor_t *k = split_heads (self, linear (self, x, w->k));
    tensor_t *v = split_heads (self, linear (self, x, w->v));
    x = aten_attention (c, q, k, v, NULL, 0);
    x = aten_permute (c, x, DIMS (0, 2, 1, 3));
    x = aten_reshape (c, x, DIMS (n, -1, self->width));
    return linear (self, x, w->out);
}

static tensor_t *feed_forward (clip_t *self, const layer_t *w, tensor_t *x)
{
    return linear (self, activate (self, linear (self, x, w->fc1)), w->fc2);
}

static tensor_t *run_layer (clip_t *self, const layer_t *w, tensor_t *x)
{
    aten_t *c = self->c;
    aten_scope_t scope = aten_open (c);
    x = aten_add (c, x, attention (self, w, norm (self, x, w->norm_1)));
    x = aten_add (c, x, feed_forward (self, w, norm (self, x, w->norm_2)));
    return aten_close (c, scope, x);
}

tensor_t *clip_encode (clip_t *self, tensor_t *pixels)
{
    aten_t *c = self->c;
    if (pixels && !aten_has_dims (pixels, DIMS (-1, 3, self->image_size, self->image_size)))
        return aten_fail (c, AUT_ERR_INVALID, "%s: pictures must be (n, 3, %lld, %lld)",
                          weights_label (self->weights), (long long)self->image_size,
                          (long long)self->image_size);
    aten_scope_t scope = aten_open (c);
    tensor_t *x = norm (self, embed (self, aten_to (c, pixels, AUT_DTYPE_F32)), self->norm);
    for (int64_t i = 0; i < self->layer_count - 1 && !aten_status (c); i++)
        x = run_layer (self, &self->layers[i], x);
    return aten_close (c, scope, x);
}
