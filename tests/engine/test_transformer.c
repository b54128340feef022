/*  The Wan transformer: every tap of a forward against the goldens, the ways to save memory against
 *  the plain one, and what is refused. tests/engine/goldens/README.md has the tolerances.
 */
#include "lib/core/error.h"
#include "lib/core/file.h"
#include "lib/core/mem.h"
#include "node/engine/wan/transformer.h"
#include "tests/core/support.h"
#include "tests/engine/suites.h"
#include "tests/engine/support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) ((int)(sizeof (array) / sizeof *(array)))
#define TOLERANCE 5e-5

typedef struct {
    const char *folder, *file;
    int experts;
    bool picture;
} golden_t;

static const golden_t goldens[] = {
    {"wan21-t2v", "golden", 1, false},      {"wan21-i2v", "golden", 1, true},
    {"wan21-flf2v", "golden", 1, true},     {"wan22-ti2v", "golden-t2v", 1, false},
    {"wan22-ti2v", "golden-i2v", 1, false}, {"wan22-a14b-t2v", "golden", 2, false},
    {"wan22-a14b-i2v", "golden", 2, false},
};

/*  A golden, and the inputs of one expert's forward. */
typedef struct {
    aten_t *c;
    aut_safetensors_t *file;
    const char *expert; /* "transformer" or "transformer_2" */
    char *model;        /* its folder */
    float *timesteps;
    wan_transformer_in_t in;
    /* of the comparison */
    const char *which; /* "cond" or "uncond" */
    double worst;
    int seen;
} scene_t;

/*  The golden's tensor "a.b". */
static const aut_tensor_t *find (const scene_t *s, const char *a, const char *b)
{
    char name[256];
    snprintf (name, sizeof name, "%s.%s", a, b);
    return aut_safetensors_find (s->file, name);
}

static tensor_t *given (scene_t *s, const char *a, const char *b)
{
    return tensor_of (s->c, find (s, a, b));
}

static void open_scene (scene_t *s, const golden_t *golden, int expert, const char *which)
{
    *s = (scene_t){.c = open_cpu (1),
                   .file = open_golden (golden->folder, golden->file),
                   .expert = expert ? "transformer_2" : "transformer",
                   .which = which};
    s->model = aut_sprintf (GOLDENS "%s/model/%s", golden->folder, s->expert);
    s->in.latents = given (s, s->expert, "input.hidden_states");
    s->in.text = given (s, strcmp (which, "cond") ? "text.negative" : "text.prompt", "embeds");
    if (golden->picture)
        s->in.image = given (s, "image.clip", "embeds");
    const aut_tensor_t *t = find (s, s->expert, "input.timestep");
    s->timesteps = aut_calloc (t->count, sizeof *s->timesteps);
    for (size_t i = 0; i < t->count; i++)
        s->timesteps[i] = t->dtype == AUT_DTYPE_F32 ? ((const float *)t->data)[i]
                                                    : (float)((const int64_t *)t->data)[i];
    s->in.timesteps = s->timesteps;
    s->in.timestep_count = t->count;
}

static void close_scene (scene_t *s)
{
    free (s->timesteps);
    free (s->model);
    aut_safetensors_destroy (&s->file);
    aten_destroy (&s->c);
}

static wan_transformer_t *open_model (scene_t *s, wan_transformer_options_t options)
{
    wan_transformer_t *model;
    int rc = wan_transformer_open (&model, s->c, s->model, s->expert, &options);
    ck_assert_msg (rc == 0, "%s", aut_error_detail ());
    return model;
}

/*  The values of a forward's result; the caller frees them. */
static float *forward (scene_t *s, wan_transformer_t *model, tap_t *tap, size_t *count)
{
    aten_scope_t scope = aten_open (s->c);
    tensor_t *out = wan_transformer_forward (model, &s->in, tap);
    float *values = floats_of (s->c, out);
    *count = (size_t)aten_count (out);
    aten_close (s->c, scope, NULL);
    return values;
}

/*  ‖a − b‖ / ‖b‖ */
static double distance (const float *a, const float *b, size_t count)
{
    double apart = 0, size = 0;
    for (size_t i = 0; i < count; i++) {
        apart += ((double)a[i] - b[i]) * ((double)a[i] - b[i]);
        size += (double)b[i] * b[i];
    }
    return sqrt (apart / size);
}

/* ---- goldens ------------------------------------------------------------------------------ */

static void compare (void *ctx, const char *name, aten_t *c, tensor_t *t)
{
    scene_t *s = ctx;
    const aut_tensor_t *expected = find (s, s->expert, name);
    if (!expected)
        return; /* the goldens have the output alone of the second forward */
    ck_assert_uint_eq (aten_rank (t), expected->rank);
    for (uint32_t i = 0; i < expected->rank; i++)
        ck_assert_msg (aten_dim (t, (int)i) == (int64_t)expected->shape[i],
                       "%s.%s: dimension %u is %lld and not %llu", s->expert, name, i,
                       (long long)aten_dim (t, (int)i), (unsigned long long)expected->shape[i]);
    float *values = floats_of (c, t);
    for (size_t i = 0; i < expected->count; i++) {
        double off = fabs ((double)values[i] - (double)((const float *)expected->data)[i]);
        ck_assert_msg (off <= TOLERANCE, "%s.%s[%zu] is off by %g", s->expert, name, i, off);
    }
    free (values);
    s->seen++;
}

static int count_expected (const scene_t *s)
{
    char prefix[64];
    int length = snprintf (prefix, sizeof prefix, "%s.%s.", s->expert, s->which), count = 0;
    for (size_t i = 0; i < aut_safetensors_count (s->file); i++)
        count += strncmp (aut_safetensors_at (s->file, i)->name, prefix, (size_t)length) == 0;
    return count;
}

static void one_goldens_are_met (int i)
{
    static const char *const which[] = {"cond", "uncond"};
    for (int expert = 0; expert < goldens[i].experts; expert++)
        for (int w = 0; w < 2; w++) {
            scene_t s;
            size_t count;
            open_scene (&s, &goldens[i], expert, which[w]);
            tap_t tap = {.seen = compare, .ctx = &s};
            size_t before = tap_enter (&tap, "%s", which[w]);
            wan_transformer_t *model =
                open_model (&s, (wan_transformer_options_t){.dtype = AUT_DTYPE_F32});
            free (forward (&s, model, &tap, &count));
            tap_leave (&tap, before);
            ck_assert_int_gt (s.seen, 0);
            ck_assert_int_eq (s.seen, count_expected (&s));
            wan_transformer_close (&model);
            close_scene (&s);
        }
}

START_TEST (goldens_are_met)
{
    each_case (COUNT (goldens), one_goldens_are_met);
}
END_TEST

static void one_bf16_is_near (int i)
{
    scene_t s;
    size_t count;
    open_scene (&s, &goldens[i], 0, "cond");
    wan_transformer_t *model =
        open_model (&s, (wan_transformer_options_t){.dtype = AUT_DTYPE_BF16});
    float *values = forward (&s, model, NULL, &count);
    const aut_tensor_t *expected = find (&s, s.expert, "cond.output");
    ck_assert_uint_eq (count, expected->count);
    double off = distance (values, expected->data, count);
    ck_assert_msg (off <= 1e-2, "%g", off);
    ck_assert_msg (off > 1e-4, "%g: was this bf16 at all?", off);
    free (values);
    wan_transformer_close (&model);
    close_scene (&s);
}

START_TEST (bf16_is_near)
{
    each_case (COUNT (goldens), one_bf16_is_near);
}
END_TEST

/* ---- the ways to save memory -------------------------------------------------------------- */

/*  Uploading block after block gives the very same bytes, and so does going back. */
START_TEST (offload_is_exact)
{
    scene_t s;
    size_t count;
    wan_transformer_options_t plan = {.dtype = _i ? AUT_DTYPE_BF16 : AUT_DTYPE_F32};
    open_scene (&s, &goldens[2], 0, "cond");
    wan_transformer_t *model = open_model (&s, plan);
    float *plain = forward (&s, model, NULL, &count);
    plan.offload = true;
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq (wan_transformer_replan (model, &plan), 0);
        float *other = forward (&s, model, NULL, &count);
        ck_assert_mem_eq (other, plain, count * sizeof *plain);
        free (other);
        plan.offload = !plan.offload;
    }
    wan_transformer_close (&model);
    plan.offload = true;
    model = open_model (&s, plan);
    float *other = forward (&s, model, NULL, &count);
    ck_assert_mem_eq (other, plain, count * sizeof *plain);
    free (other);
    free (plain);
    wan_transformer_close (&model);
    close_scene (&s);
}
END_TEST

static const int64_t slices[] = {1, 5, 16, 47, 48, 1000};

static void one_slices_are_equal (int i)
{
    scene_t s;
    size_t count;
    wan_transformer_options_t plan = {.dtype = AUT_DTYPE_F32};
    open_scene (&s, &goldens[0], 0, "cond");
    wan_transformer_t *model = open_model (&s, plan);
    float *plain = forward (&s, model, NULL, &count);
    plan.attention_slice = slices[i];
    ck_assert_int_eq (wan_transformer_replan (model, &plan), 0);
    float *other = forward (&s, model, NULL, &count);
    ck_assert_double_le (distance (other, plain, count), 1e-6);
    free (other);
    free (plain);
    wan_transformer_close (&model);
    close_scene (&s);
}

START_TEST (slices_are_equal)
{
    each_case (COUNT (slices), one_slices_are_equal);
}
END_TEST

/*  Two blocks and the rest: what is said is what is allocated. */
START_TEST (size_is_what_it_takes)
{
    scene_t s;
    open_scene (&s, &goldens[1], 0, "cond");
    wan_transformer_t *model = open_model (&s, (wan_transformer_options_t){.dtype = AUT_DTYPE_F32});
    aten_memory_t memory;
    uint64_t resident = wan_transformer_size (model), file = 0;
    aut_safetensors_t *weights;
    char *path = aut_sprintf ("%s/diffusion_pytorch_model.safetensors", s.model);
    ck_assert_int_eq (aut_safetensors_open (&weights, path), 0);
    for (size_t i = 0; i < aut_safetensors_count (weights); i++)
        file += aut_safetensors_at (weights, i)->size;
    ck_assert_uint_eq (resident, file);
    aut_safetensors_destroy (&weights);
    free (path);
    wan_transformer_close (&model);
    /* what becomes bf16 is allocated; what stays fp32 lies in the mapped file */
    aten_memory (s.c, &memory);
    uint64_t before = memory.allocated;
    model = open_model (&s, (wan_transformer_options_t){.dtype = AUT_DTYPE_BF16});
    aten_memory (s.c, &memory);
    ck_assert_uint_ge (memory.allocated - before, wan_transformer_size (model) * 3 / 4);
    ck_assert_uint_le (memory.allocated - before, wan_transformer_size (model) + 4096);
    wan_transformer_close (&model);
    aten_memory (s.c, &memory);
    ck_assert_uint_eq (memory.allocated, before);
    close_scene (&s);
}
END_TEST

/*  Padding is folded into one row of text; a last row that is not quite zero forbids it. */
START_TEST (padding_is_folded)
{
    scene_t s;
    size_t count;
    aten_memory_t memory[2];
    float *values[2];
    open_scene (&s, &goldens[0], 0, "cond");
    wan_transformer_t *model = open_model (&s, (wan_transformer_options_t){.dtype = AUT_DTYPE_F32});
    s.in.latents = aten_randn (s.c, 5, DIMS (1, 16, 3, 28, 28));
    for (int i = 0; i < 2; i++) {
        aten_memory_reset (s.c);
        values[i] = forward (&s, model, NULL, &count);
        aten_memory (s.c, &memory[i]);
        tensor_t *last = aten_narrow (s.c, s.in.text, 1, 511, 1);
        aten_copy_into (s.c, last, aten_full (s.c, 1e-30, AUT_DTYPE_F32, DIMS (1)));
    }
    ck_assert_double_le (distance (values[0], values[1], count), 2e-6);
    ck_assert_uint_lt (memory[0].peak, memory[1].peak);
    free (values[0]);
    free (values[1]);
    wan_transformer_close (&model);
    close_scene (&s);
}
END_TEST

/* ---- times -------------------------------------------------------------------------------- */

/*  The same time for each token is the same as one time. */
START_TEST (a_time_per_token)
{
    scene_t s;
    size_t count;
    open_scene (&s, &goldens[0], 0, "cond");
    wan_transformer_t *model = open_model (&s, (wan_transformer_options_t){.dtype = AUT_DTYPE_F32});
    float *plain = forward (&s, model, NULL, &count);
    float times[48];
    for (int i = 0; i < COUNT (times); i++)
        times[i] = s.timesteps[0];
    s.in.timesteps = times;
    s.in.timestep_count = 48;
    float *other = forward (&s, model, NULL, &count);
    ck_assert_mem_eq (other, plain, count * sizeof *plain);
    times[47] = 0;
    free (other);
    other = forward (&s, model, NULL, &count);
    ck_assert_double_gt (distance (other, plain, count), 1e-4);
    free (other);
    free (plain);
    wan_transformer_close (&model);
    close_scene (&s);
}
END_TEST

/* ---- what is refused ---------------------------------------------------------------------- */

/*  A copy of a golden's transformer, whose config or weights a test then changes. */
static char *copy_model (scene_t *s)
{
    static const char *const names[] = {"config.json", "diffusion_pytorch_model.safetensors"};
    char *folder = make_folder ();
    for (int i = 0; i < 2; i++) {
        char *from = aut_path_join (s->model, names[i], NULL);
        char *to = aut_path_join (folder, names[i], NULL);
        ck_assert_int_eq (aut_file_copy (from, to), 0);
        free (from);
        free (to);
    }
    free (s->model);
    s->model = aut_strdup (folder);
    return folder;
}

/*  Replaces the first `from` in config.json. */
static void edit_config (const char *folder, const char *from, const char *to)
{
    char *path = aut_path_join (folder, "config.json", NULL), *text;
    size_t size;
    ck_assert_int_eq (aut_file_read (path, 1 << 20, &text, &size), 0);
    char *at = strstr (text, from);
    ck_assert_msg (at, "%s", from);
    char *edited = aut_sprintf ("%.*s%s%s", (int)(at - text), text, to, at + strlen (from));
    ck_assert_int_eq (aut_file_write (path, edited, strlen (edited)), 0);
    free (edited);
    free (text);
    free (path);
}

static void expect_refused (scene_t *s, int code, const char *detail)
{
    wan_transformer_options_t options = {.dtype = AUT_DTYPE_F32};
    wan_transformer_t *model;
    int rc = wan_transformer_open (&model, s->c, s->model, s->expert, &options);
    ck_assert_int_eq (rc, code);
    ck_assert_ptr_null (model);
    ck_assert_msg (strstr (aut_error_detail (), detail), "\"%s\" does not say \"%s\"",
                   aut_error_detail (), detail);
}

static const struct {
    const char *from, *to;
    int code;
    const char *detail;
} configs[] = {
    {"\"num_attention_heads\": 2", "\"num_attention_heads\": 0", AUT_ERR_INVALID,
     "transformer/config.json: num_attention_heads"},
    {"\"num_attention_heads\": 2", "\"num_attention_heads\": 513", AUT_ERR_INVALID,
     "num_attention_heads"},
    {"\"attention_head_dim\": 44", "\"attention_head_dim\": 43", AUT_ERR_INVALID,
     "attention_head_dim: 43 is odd"},
    {"\"attention_head_dim\": 44", "\"attention_head_dim\": 1026", AUT_ERR_INVALID,
     "attention_head_dim"},
    {"\"attention_head_dim\": 44", "\"attention_head_dim\": 22", AUT_ERR_CORRUPT,
     "patch_embedding.weight"},
    {"\"num_layers\": 2", "\"num_layers\": 1001", AUT_ERR_INVALID, "num_layers"},
    {"\"num_layers\": 2", "\"num_layers\": 3", AUT_ERR_CORRUPT, "blocks.2.scale_shift_table"},
    {"\"ffn_dim\": 112", "\"ffn_dim\": 113", AUT_ERR_CORRUPT, "blocks.0.ffn.net.0.proj.weight"},
    {"\"text_dim\": 48", "\"text_dim\": 4096", AUT_ERR_CORRUPT,
     "condition_embedder.text_embedder.linear_1.weight"},
    {"\"out_channels\": 16", "\"out_channels\": 17", AUT_ERR_CORRUPT, "proj_out.weight"},
    {"rms_norm_across_heads", "layer_norm", AUT_ERR_INVALID, "qk_norm: \"layer_norm\""},
    {"\"patch_size\"", "\"patch_size\": [1, 2], \"was\"", AUT_ERR_INVALID, "patch_size"},
    {"\"patch_size\"", "\"patch_size\": [1, 2, 0], \"was\"", AUT_ERR_INVALID, "patch_size"},
};

static void one_configs_are_refused (int i)
{
    scene_t s;
    open_scene (&s, &goldens[2], 0, "cond");
    char *folder = copy_model (&s);
    edit_config (folder, configs[i].from, configs[i].to);
    expect_refused (&s, configs[i].code, configs[i].detail);
    remove_folder (&folder);
    close_scene (&s);
}

START_TEST (configs_are_refused)
{
    each_case (COUNT (configs), one_configs_are_refused);
}
END_TEST

/*  The parts that a config leaves out are there if their tensors are; what it does not say has the
 * reference's defaults. */
START_TEST (parts_are_found)
{
    scene_t s;
    size_t count;
    open_scene (&s, &goldens[2], 0, "cond");
    char *folder = copy_model (&s);
    edit_config (folder, "\"image_dim\": 32", "\"image_dim\": null");
    edit_config (folder, "\"added_kv_proj_dim\": 88", "\"added_kv_proj_dim\": null");
    edit_config (folder, "\"pos_embed_seq_len\": 34", "\"pos_embed_seq_len\": null");
    edit_config (folder, "\"patch_size\"", "\"was\"");
    edit_config (folder, "\"eps\"", "\"was_eps\"");
    edit_config (folder, "\"qk_norm\"", "\"was_norm\"");
    edit_config (folder, "\"cross_attn_norm\"", "\"was_cross\"");
    edit_config (folder, "\"out_channels\"", "\"was_out\"");
    wan_transformer_t *model = open_model (&s, (wan_transformer_options_t){.dtype = AUT_DTYPE_F32});
    ck_assert_int_eq (wan_transformer_config (model)->image_dim, 32);
    ck_assert_int_eq (wan_transformer_config (model)->pos_embed_len, 34);
    ck_assert_int_eq (wan_transformer_config (model)->out_channels, 16);
    float *values = forward (&s, model, NULL, &count);
    const aut_tensor_t *expected = find (&s, s.expert, "cond.output");
    ck_assert_double_le (distance (values, expected->data, count), 1e-5);
    free (values);
    wan_transformer_close (&model);
    remove_folder (&folder);
    close_scene (&s);
}
END_TEST

/*  One NaN in the last block. */
START_TEST (weights_are_finite)
{
    static const char name[] = "blocks.1.ffn.net.2.weight";
    scene_t s;
    open_scene (&s, &goldens[2], 0, "cond");
    char *folder = copy_model (&s);
    char *path = aut_path_join (folder, "diffusion_pytorch_model.safetensors", NULL), *bytes;
    size_t size;
    aut_safetensors_t *file;
    ck_assert_int_eq (aut_file_read (path, 64 << 20, &bytes, &size), 0);
    ck_assert_int_eq (aut_safetensors_parse (&file, bytes, size, "weights"), 0);
    const aut_tensor_t *t = aut_safetensors_find (file, name);
    ck_assert_ptr_nonnull (t);
    memcpy (bytes + ((const char *)t->data - bytes) + 400, "\0\0\xC0\x7F", 4);
    aut_safetensors_destroy (&file);
    ck_assert_int_eq (aut_file_write (path, bytes, size), 0);
    expect_refused (&s, AUT_ERR_CORRUPT, name);
    free (bytes);
    free (path);
    remove_folder (&folder);
    close_scene (&s);
}
END_TEST

enum { LATENTS, TEXT, NO_IMAGE, ONE_IMAGE, TIME_COUNT, TIME_VALUE };

static const struct {
    int what;
    int64_t dims[5];
    const char *detail;
} inputs[] = {
    {LATENTS, {1, 16, 5, 6, 4}, "transformer: takes latents of 36 channels"},
    {LATENTS, {1, 36, 5, 7, 4}, "7 latent height: must be a multiple of 2"},
    {LATENTS, {1, 36, 1025, 2, 2}, "1025 latent frames: must be a multiple of 1, at most 1024"},
    {LATENTS, {1, 36, 1024, 2048, 2048}, "1073741824 tokens"},
    {TEXT, {1, 512, 47}, "text of 48 channels"},
    {TEXT, {2, 512, 48}, "for one or for all"},
    {NO_IMAGE, {0}, "needs the embedding of a picture"},
    {ONE_IMAGE, {0}, "17 rows of pictures where 34 have a place"},
    {TIME_COUNT, {0}, "2 timesteps"},
    {TIME_VALUE, {0}, "timestep 0 is not a number"},
};

static void spoil (scene_t *s, int what, const int64_t dims[5])
{
    tensor_t *zero = aten_zeros (s->c, AUT_DTYPE_F32, DIMS (1)); /* expanded: no memory */
    if (what == LATENTS)
        s->in.latents = aten_expand (s->c, zero, 5, dims);
    else if (what == TEXT)
        s->in.text = aten_expand (s->c, zero, 3, dims);
    else if (what == NO_IMAGE)
        s->in.image = NULL;
    else if (what == ONE_IMAGE)
        s->in.image = aten_narrow (s->c, s->in.image, 0, 0, 1);
    else if (what == TIME_COUNT)
        s->in.timestep_count = 2;
    else
        s->timesteps[0] = NAN;
}

/*  Each is an error of the context, not a crash; after it is cleared the model works as before. */
static void one_inputs_are_refused (int i)
{
    scene_t s;
    size_t count;
    open_scene (&s, &goldens[2], 0, "cond");
    wan_transformer_t *model = open_model (&s, (wan_transformer_options_t){.dtype = AUT_DTYPE_F32});
    wan_transformer_in_t in = s.in;
    float time = s.timesteps[0];
    spoil (&s, inputs[i].what, inputs[i].dims);
    ck_assert_ptr_null (wan_transformer_forward (model, &s.in, NULL));
    ck_assert_int_eq (aten_status (s.c), AUT_ERR_INVALID);
    ck_assert_msg (strstr (aut_error_detail (), inputs[i].detail), "%s", aut_error_detail ());
    aten_clear (s.c);
    s.in = in;
    s.timesteps[0] = time;
    float *values = forward (&s, model, NULL, &count);
    const aut_tensor_t *expected = find (&s, s.expert, "cond.output");
    ck_assert_double_le (distance (values, expected->data, count), 1e-5);
    free (values);
    wan_transformer_close (&model);
    close_scene (&s);
}

START_TEST (inputs_are_refused)
{
    each_case (COUNT (inputs), one_inputs_are_refused);
}
END_TEST

/*  Too little memory is an error of its own kind, which leaves nothing behind. */
START_TEST (memory_runs_out)
{
    scene_t s;
    aten_options_t options = {.device = "cpu", .threads = 1};
    aten_memory_t memory;
    open_scene (&s, &goldens[0], 0, "cond");
    wan_transformer_t *model = open_model (&s, (wan_transformer_options_t){.dtype = AUT_DTYPE_F32});
    wan_transformer_close (&model);
    aten_memory (s.c, &memory);
    /* The inputs fit once more, and then not even the text's embedding of 512 KiB. */
    options.memory_limit = 2 * memory.allocated + (400 << 10);
    aten_t *c = s.c;
    ck_assert_int_eq (aten_new (&s.c, &options), 0);
    s.in.latents = given (&s, s.expert, "input.hidden_states");
    s.in.text = given (&s, "text.prompt", "embeds");
    model = open_model (&s, (wan_transformer_options_t){.dtype = AUT_DTYPE_F32});
    for (int i = 0; i < 2; i++) {
        aten_scope_t scope = aten_open (s.c);
        ck_assert_ptr_null (wan_transformer_forward (model, &s.in, NULL));
        ck_assert_int_eq (aten_status (s.c), AUT_ERR_DEVICE_MEMORY);
        aten_close (s.c, scope, NULL);
        aten_clear (s.c);
    }
    wan_transformer_close (&model);
    aten_destroy (&c);
    close_scene (&s);
}
END_TEST

TCase *suite_transformer (void)
{
    TCase *tc = tcase_create ("transformer");
    tcase_set_timeout (tc, 120);
    tcase_add_test (tc, goldens_are_met);
    tcase_add_test (tc, bf16_is_near);
    tcase_add_loop_test (tc, offload_is_exact, 0, 2);
    tcase_add_test (tc, slices_are_equal);
    tcase_add_test (tc, size_is_what_it_takes);
    tcase_add_test (tc, padding_is_folded);
    tcase_add_test (tc, a_time_per_token);
    tcase_add_test (tc, configs_are_refused);
    tcase_add_test (tc, parts_are_found);
    tcase_add_test (tc, weights_are_finite);
    tcase_add_test (tc, inputs_are_refused);
    tcase_add_test (tc, memory_runs_out);
    return tc;
}
