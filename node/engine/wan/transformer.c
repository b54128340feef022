/*  The Wan transformer: see transformer.h. A forward reads as the paper does: patches, conditions,
 *  blocks, output. Blocks may lie on the device or on the host, each for itself; those on the host
 *  are uploaded one ahead of the computation.
 */
#include "node/engine/wan/transformer.h"

#include "lib/core/error.h"
#include "lib/core/mem.h"
#include "node/engine/wan/transformer_weights.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define IMAGE_EPS 1e-5 /* of the picture's layer norms, whatever the config says */
#define TEXT_ROWS_SHOWN 64
#define FOLD_TOKENS_MIN 512 /* below, there is nothing to gain by folding the text's padding */

struct wan_transformer {
    aten_t *c;
    weights_t *weights;
    wan_transformer_config_t config;
    wan_transformer_options_t options;
    wan_head_t head;
    wan_placed_t *blocks;
    wan_rope_t rope;
};

/* ---- opening ----------------------------------------------------------------------------------
 */

static int read_config (wan_transformer_t *self, const char *folder, const char *label)
{
    config_t *config = NULL;
    int rc = config_open_in (&config, folder, label, "config.json");
    if (rc == 0)
        rc = wan_config_read (&self->config, config, self->weights);
    config_close (&config);
    return rc;
}

int wan_transformer_read_config (wan_transformer_config_t *out, const char *folder,
                                 const char *label)
{
    wan_transformer_t self = {0};
    int rc = weights_open (&self.weights, folder, label);
    if (rc == 0)
        rc = read_config (&self, folder, label);
    weights_close (&self.weights);
    *out = self.config;
    return rc;
}

int wan_transformer_open (wan_transformer_t **out, aten_t *c, const char *folder, const char *label,
                          const wan_transformer_options_t *options)
{
    *out = NULL;
    if (options->dtype != AUT_DTYPE_F32 && options->dtype != AUT_DTYPE_BF16)
        return aut_fail (AUT_ERR_UNSUPPORTED, "%s: runs in F32 or BF16, not in %s", label,
                         aut_dtype_text (options->dtype));
    wan_transformer_t *self = aut_calloc (1, sizeof *self);
    self->c = c;
    self->options = *options;
    int rc = weights_open (&self->weights, folder, label);
    if (rc == 0)
        rc = read_config (self, folder, label);
    if (rc == 0) {
        self->blocks = aut_calloc ((size_t)self->config.layers, sizeof *self->blocks);
        wan_head_load (&self->head, c, self->weights, &self->config, options->dtype);
        rc = wan_transformer_replan (self, options);
    }
    if (rc != 0)
        wan_transformer_close (&self);
    *out = self;
    return rc;
}

void wan_transformer_close (wan_transformer_t **self_p)
{
    wan_transformer_t *self = *self_p;
    if (!self)
        return;
    for (int64_t i = 0; self->blocks && i < self->config.layers; i++)
        wan_block_drop (&self->blocks[i].w, self->c);
    wan_head_drop (&self->head, self->c);
    wan_rope_drop (&self->rope, self->c);
    weights_close (&self->weights);
    free (self->blocks);
    free (self);
    *self_p = NULL;
}

const wan_transformer_config_t *wan_transformer_config (const wan_transformer_t *self)
{
    return &self->config;
}

uint64_t wan_transformer_size (const wan_transformer_t *self)
{
    uint64_t layers = (uint64_t)self->config.layers;
    uint64_t resident = self->options.offload && layers > 2 ? 2 : layers;
    return wan_head_size (&self->config, self->options.dtype) +
           resident * wan_block_size (&self->config, self->options.dtype);
}

int wan_transformer_replan (wan_transformer_t *self, const wan_transformer_options_t *options)
{
    if (options->dtype != self->options.dtype)
        return aut_fail (AUT_ERR_INVALID, "%s: the type of an open model cannot change",
                         weights_label (self->weights));
    if (options->attention_slice < 0)
        return aut_fail (AUT_ERR_INVALID, "%s: a slice of %lld rows of attention",
                         weights_label (self->weights), (long long)options->attention_slice);
    self->options = *options;
    for (int64_t i = 0; i < self->config.layers && aten_status (self->c) == 0; i++) {
        wan_placed_t *block = &self->blocks[i];
        if (!block->w.table || block->on_host != options->offload)
            wan_block_load (block, self->c, self->weights, &self->config, options->dtype, i,
                            options->offload);
    }
    return aten_status (self->c);
}

/* ---- conditions -------------------------------------------------------------------------------
 */

/*  Linear, activation, linear: the shape of every embedder. */
static tensor_t *two_layers (aten_t *c, tensor_t *x, tensor_t *const w[4],
                             tensor_t *(*activation) (aten_t *, tensor_t *))
{
    aten_scope_t scope = aten_open (c);
    x = activation (c, aten_linear (c, x, w[0], w[1]));
    return aten_close (c, scope, aten_linear (c, x, w[2], w[3]));
}

/*  The times' embedding (count, D) in the model's type, and from it the blocks' modulation
 *  (count, 6·D). */
static tensor_t *embed_times (wan_transformer_t *self, const wan_times_t *times, tensor_t **temb)
{
    aten_t *c = self->c;
    const wan_head_t *w = &self->head;
    tensor_t *const layers[] = {w->time_1, w->time_1_bias, w->time_2, w->time_2_bias};
    tensor_t *x = wan_times_embed (times, c, self->config.freq_dim);
    *temb = aten_to (c, two_layers (c, x, layers, aten_silu), self->options.dtype);
    return aten_linear (c, aten_silu (c, *temb), w->time_proj, w->time_proj_bias);
}

/*  Rows of text (B, L, text_dim) up to the last that is not zero; all where they cannot be seen. */
static int64_t used_rows (const tensor_t *text)
{
    int64_t batch = aten_dim (text, 0), rows = aten_dim (text, 1), width = aten_dim (text, 2);
    const float *data = aten_dtype (text) == AUT_DTYPE_F32 ? aten_host_data (text) : NULL;
    int64_t used = data ? 0 : rows;
    for (int64_t b = 0; data && b < batch; b++)
        for (int64_t row = rows; row > used; row--) {
            const float *at = data + (b * rows + row - 1) * width;
            int64_t i = 0;
            while (i < width && at[i] == 0)
                i++;
            if (i < width)
                used = row;
        }
    return used;
}

/*  The padding's rows of text are zero, so all of them have the same key and the same value. One of
 *  them will do, if its score is raised by the logarithm of how many it stands for: the softmax is
 *  the same. Gives the rows to keep, and the weights (1, 1, 1, rows) if they are not all. Only in
 *  fp32 on the CPU: kernels of CUDA are faster without a mask. */
static int64_t fold_padding (wan_transformer_t *self, const wan_transformer_in_t *in,
                             int64_t tokens, tensor_t **weight)
{
    aten_t *c = self->c;
    int64_t rows = aten_dim (in->text, 1);
    bool joined = in->image && self->config.added_kv_dim == 0;
    int64_t used = tokens < FOLD_TOKENS_MIN || joined || aten_is_cuda (c) ||
                           self->options.dtype != AUT_DTYPE_F32
                       ? rows
                       : used_rows (in->text);
    *weight = NULL;
    if (rows - used < 2)
        return rows;
    tensor_t *parts[] = {
        aten_zeros (c, AUT_DTYPE_F32, DIMS (1, 1, 1, used)),
        aten_full (c, log ((double)(rows - used)), AUT_DTYPE_F32, DIMS (1, 1, 1, 1))};
    *weight = aten_cat (c, 3, 2, parts);
    return used + 1;
}

static tensor_t *embed_text (wan_transformer_t *self, tensor_t *text)
{
    const wan_head_t *w = &self->head;
    tensor_t *const layers[] = {w->text_1, w->text_1_bias, w->text_2, w->text_2_bias};
    return two_layers (self->c, aten_to (self->c, text, self->options.dtype), layers,
                       aten_gelu_tanh);
}

static tensor_t *norm_fp32 (aten_t *c, tensor_t *x, tensor_t *weight, tensor_t *bias)
{
    tensor_t *y = aten_layer_norm (c, aten_to (c, x, AUT_DTYPE_F32), weight, bias, IMAGE_EPS);
    return aten_to (c, y, aten_dtype (x));
}

/*  (n, M, image_dim) → (1, n·M, D), or NULL without a picture. */
static tensor_t *embed_image (wan_transformer_t *self, tensor_t *image)
{
    if (!image)
        return NULL;
    aten_t *c = self->c;
    const wan_head_t *w = &self->head;
    tensor_t *const layers[] = {w->image_in, w->image_in_bias, w->image_out, w->image_out_bias};
    aten_scope_t scope = aten_open (c);
    tensor_t *x = aten_reshape (c, aten_to (c, image, self->options.dtype),
                                DIMS (1, -1, self->config.image_dim));
    if (w->image_position)
        x = aten_add (c, x, w->image_position);
    x = norm_fp32 (c, x, w->image_norm1, w->image_norm1_bias);
    x = two_layers (c, x, layers, aten_gelu);
    return aten_close (c, scope, norm_fp32 (c, x, w->image_norm2, w->image_norm2_bias));
}

/*  The embedding of the distinct times as the reference has it: one row, or one per token. */
static void tap_times (aten_t *c, const tap_t *tap_, const wan_times_t *times, size_t given,
                       tensor_t *rows, const char *name)
{
    if (!tap_wants (tap_, "%s", name))
        return;
    aten_scope_t scope = aten_open (c);
    if (given > 1) {
        rows = wan_times_rows (times, c, rows, 0, times->tokens);
        rows = aten_expand (c, aten_unsqueeze (c, rows, 0), DIMS (1, times->tokens, -1));
    }
    tap (tap_, c, rows, "%s", name);
    aten_close (c, scope, NULL);
}

static void tap_text (wan_transformer_t *self, tensor_t *text, const tap_t *tap_)
{
    aten_t *c = self->c;
    int64_t rows = aten_dim (text, 1);
    aten_scope_t scope = aten_open (c);
    text = aten_narrow (c, text, 1, 0, rows < TEXT_ROWS_SHOWN ? rows : TEXT_ROWS_SHOWN);
    tap (tap_, c, embed_text (self, text), "embed.text");
    aten_close (c, scope, NULL);
}

/*  Fills in what the blocks share and shows it. */
static void embed (wan_transformer_t *self, const wan_transformer_in_t *in, wan_step_t *step,
                   tensor_t **temb, const tap_t *tap_)
{
    aten_t *c = self->c;
    tensor_t *projected = embed_times (self, step->times, temb);
    tap_times (c, tap_, step->times, in->timestep_count, *temb, "embed.temb");
    tap_times (c, tap_, step->times, in->timestep_count, projected, "embed.timestep_proj");
    step->time =
        aten_to (c, aten_reshape (c, projected, DIMS (step->times->count, 6, -1)), AUT_DTYPE_F32);
    int64_t rows = fold_padding (self, in, step->times->tokens, &step->text_weight);
    step->text = embed_text (self, aten_narrow (c, in->text, 1, 0, rows));
    step->image = embed_image (self, in->image);
    if (tap_wants (tap_, "embed.text"))
        tap_text (self, in->text, tap_);
    tap (tap_, c, step->image, "embed.image");
}

/* ---- the forward ------------------------------------------------------------------------------
 */

/*  What is given, against what the model takes. Everything later relies on it. */
static bool check_input (wan_transformer_t *self, const wan_transformer_in_t *in)
{
    aten_t *c = self->c;
    const wan_transformer_config_t *config = &self->config;
    const char *label = weights_label (self->weights);
    static const char axis[3][8] = {"frames", "height", "width"};
    if (!in->latents || !in->text || !in->timesteps) {
        aten_fail (c, AUT_ERR_INVALID, "%s: needs latents, text and timesteps", label);
        return false;
    }
    int64_t batch = aten_dim (in->latents, 0);
    if (!aten_has_dims (in->latents, DIMS (-1, config->in_channels, -1, -1, -1)) || batch < 1)
        aten_fail (c, AUT_ERR_INVALID, "%s: takes latents of %lld channels", label,
                   (long long)config->in_channels);
    for (int i = 0; i < 3; i++) {
        int64_t size = aten_dim (in->latents, 2 + i);
        if (size < 1 || size % config->patch[i] != 0 || size / config->patch[i] > config->rope_max)
            aten_fail (c, AUT_ERR_INVALID,
                       "%s: %lld latent %s: must be a multiple of %lld, at most %lld", label,
                       (long long)size, axis[i], (long long)config->patch[i],
                       (long long)(config->patch[i] * config->rope_max));
    }
    int64_t tokens = 1;
    for (int i = 0; i < 3 && aten_status (c) == 0; i++)
        tokens *= aten_dim (in->latents, 2 + i) / config->patch[i];
    if (tokens > WAN_TOKENS_MAX)
        aten_fail (c, AUT_ERR_INVALID, "%s: %lld tokens are more than %d", label, (long long)tokens,
                   WAN_TOKENS_MAX);
    if (!aten_has_dims (in->text, DIMS (-1, -1, config->text_dim)) || aten_dim (in->text, 1) < 1 ||
        (aten_dim (in->text, 0) != 1 && aten_dim (in->text, 0) != batch))
        aten_fail (c, AUT_ERR_INVALID, "%s: takes text of %lld channels, for one or for all", label,
                   (long long)config->text_dim);
    if (in->image && config->image_dim == 0)
        aten_fail (c, AUT_ERR_INVALID, "%s: takes no embedding of a picture", label);
    else if (in->image && !aten_has_dims (in->image, DIMS (-1, -1, config->image_dim)))
        aten_fail (c, AUT_ERR_INVALID, "%s: takes a picture's embedding of %lld channels", label,
                   (long long)config->image_dim);
    else if (!in->image && config->added_kv_dim > 0)
        aten_fail (c, AUT_ERR_INVALID, "%s: needs the embedding of a picture", label);
    int64_t rows = in->image ? aten_dim (in->image, 0) * aten_dim (in->image, 1) : 0;
    if (in->image && config->pos_embed_len > 0 && rows != config->pos_embed_len)
        aten_fail (c, AUT_ERR_INVALID, "%s: %lld rows of pictures where %lld have a place", label,
                   (long long)rows, (long long)config->pos_embed_len);
    return aten_status (c) == 0;
}

/*  (B, C, T, h, w) → (B, N, D), contiguous. */
static tensor_t *patchify (wan_transformer_t *self, tensor_t *latents, const tap_t *tap_)
{
    aten_t *c = self->c;
    const wan_head_t *w = &self->head;
    aten_scope_t scope = aten_open (c);
    tensor_t *x = aten_to (c, latents, self->options.dtype);
    x = aten_conv3d (c, x, w->patch, w->patch_bias, self->config.patch, (int64_t[]){0, 0, 0});
    tap (tap_, c, x, "patch_embedding");
    x = aten_reshape (c, x, DIMS (aten_dim (x, 0), aten_dim (x, 1), -1));
    return aten_close (c, scope, aten_contiguous (c, aten_permute (c, x, DIMS (0, 2, 1))));
}

static void run_blocks (wan_transformer_t *self, const wan_step_t *step, tensor_t *x,
                        const tap_t *tap_)
{
    aten_t *c = self->c;
    aten_scope_t scope = aten_open (c);
    wan_block_t next = {0};
    if (self->blocks[0].on_host)
        next = wan_block_upload (c, &self->blocks[0]);
    for (int64_t i = 0; i < self->config.layers && aten_status (c) == 0; i++) {
        wan_block_t uploaded = next;
        next = (wan_block_t){0};
        if (self->blocks[i].on_host)
            aten_upload_fence (c);
        if (i + 1 < self->config.layers && self->blocks[i + 1].on_host) {
            /* The host is far ahead of a GPU. Did it not wait for block i − 1 here, whose memory is
             * free only then, it would soon have all of them uploaded. */
            aten_sync (c);
            next = wan_block_upload (c, &self->blocks[i + 1]);
        }
        wan_block_forward (c, self->blocks[i].on_host ? &uploaded : &self->blocks[i].w, step, x);
        wan_block_drop (&uploaded, c);
        tap (tap_, c, x, "block.%02lld", (long long)i);
    }
    aten_close (c, scope, NULL);
}

/*  x (B, N, D) → (B, C, T, h, w) */
static tensor_t *unpatchify (wan_transformer_t *self, const wan_step_t *step, tensor_t *x,
                             tensor_t *temb, const int64_t grid[3])
{
    aten_t *c = self->c;
    const int64_t *p = self->config.patch;
    int64_t batch = aten_dim (x, 0), channels = self->config.out_channels;
    aten_scope_t scope = aten_open (c);
    temb = aten_unsqueeze (c, aten_to (c, temb, AUT_DTYPE_F32), 1);
    tensor_t *mod = aten_add (c, self->head.table, temb); /* (times, 2, D) */
    tensor_t *shift = aten_squeeze (c, aten_narrow (c, mod, 1, 0, 1), 1);
    tensor_t *scale = aten_squeeze (c, aten_narrow (c, mod, 1, 1, 1), 1);
    tensor_t **outs = aut_calloc ((size_t)batch, sizeof *outs);
    for (int64_t b = 0; b < batch; b++) {
        aten_scope_t entry = aten_open (c);
        tensor_t *y = wan_modulate (c, step, aten_narrow (c, x, 0, b, 1), 0, shift, scale);
        outs[b] = aten_close (c, entry, aten_linear (c, y, self->head.out, self->head.out_bias));
    }
    tensor_t *y = batch == 1 ? outs[0] : aten_cat (c, 0, (size_t)batch, outs);
    free (outs);
    y = aten_reshape (c, y, DIMS (batch, grid[0], grid[1], grid[2], p[0], p[1], p[2], channels));
    y = aten_permute (c, y, DIMS (0, 7, 1, 4, 2, 5, 3, 6));
    y = aten_contiguous (c, y);
    return aten_close (
        c, scope,
        aten_reshape (c, y,
                      DIMS (batch, channels, grid[0] * p[0], grid[1] * p[1], grid[2] * p[2])));
}

static tensor_t *forward (wan_transformer_t *self, const wan_transformer_in_t *in,
                          const wan_times_t *times, const int64_t grid[3], const tap_t *tap_)
{
    aten_t *c = self->c;
    wan_step_t step = {.config = &self->config,
                       .attention_slice = self->options.attention_slice,
                       .rope = &self->rope,
                       .times = times};
    tensor_t *temb = NULL;
    aten_scope_t scope = aten_open (c);
    wan_rope_prepare (&self->rope, c, self->config.head_dim, grid);
    tap (tap_, c, self->rope.cos, "rope.cos");
    tap (tap_, c, self->rope.sin, "rope.sin");
    tensor_t *x = patchify (self, in->latents, tap_);
    embed (self, in, &step, &temb, tap_);
    run_blocks (self, &step, x, tap_);
    tensor_t *out = unpatchify (self, &step, x, temb, grid);
    tap (tap_, c, out, "output");
    return aten_close (c, scope, out);
}

tensor_t *wan_transformer_forward (wan_transformer_t *self, const wan_transformer_in_t *in,
                                   tap_t *tap)
{
    aten_t *c = self->c;
    if (aten_status (c) != 0 || !check_input (self, in))
        return NULL;
    int64_t grid[3], tokens = 1;
    for (int i = 0; i < 3; i++) {
        grid[i] = aten_dim (in->latents, 2 + i) / self->config.patch[i];
        tokens *= grid[i];
    }
    wan_times_t times;
    int rc = wan_times_make (&times, in->timesteps, in->timestep_count, tokens);
    if (rc != 0) {
        aten_fail_code (c, aut_fail_in (rc, "%s", weights_label (self->weights)));
        return NULL;
    }
    tensor_t *out = forward (self, in, &times, grid, tap);
    wan_times_free (&times);
    return out;
}
