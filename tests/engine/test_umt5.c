/*  The text encoder against the reference's tensors, and folders that are refused. */
#include "lib/core/error.h"
#include "lib/core/file.h"
#include "lib/core/mem.h"
#include "lib/core/safetensors.h"
#include "node/engine/text/umt5.h"
#include "tests/core/support.h"
#include "tests/engine/suites.h"
#include "tests/engine/support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(a) (sizeof (a) / sizeof *(a))
#define ENCODER GOLDENS "wan21-t2v/model/text_encoder"
#define TOLERANCE 5e-5
#define LENGTH 512

static aten_t *c;
static char *folder;

static void set_up (void)
{
    c = open_cpu (1);
    folder = make_folder ();
}

static void tear_down (void)
{
    aten_destroy (&c);
    remove_folder (&folder);
}

static umt5_t *open_folder (const char *path, aut_dtype_t dtype, bool stream)
{
    umt5_options_t options = {.dtype = dtype, .stream = stream};
    umt5_t *model = NULL;
    ck_assert_msg (umt5_open (&model, c, path, "text_encoder", &options) == 0, "%s",
                   aut_error_detail ());
    return model;
}

static float *encode (umt5_t *model, const int32_t *ids, size_t count, size_t length)
{
    size_t size = length * (size_t)umt5_width (model) * sizeof (float);
    float *out = aut_calloc (1, size);
    aten_scope_t scope = aten_open (c);
    tensor_t *y = umt5_encode (model, ids, count, length);
    ck_assert_msg (aten_status (c) == 0, "%s", aut_error_detail ());
    ck_assert (aten_has_dims (y, DIMS (1, (int64_t)length, umt5_width (model))));
    ck_assert_int_eq (aten_read (c, y, AUT_DTYPE_F32, out, size), 0);
    aten_close (c, scope, NULL);
    return out;
}

/* ---- goldens ------------------------------------------------------------------------------ */

static const struct {
    const char *name, *run, *text;
} goldens[] = {
    {"wan21-t2v", "golden", "prompt"},      {"wan21-t2v", "golden", "negative"},
    {"wan21-i2v", "golden", "prompt"},      {"wan21-i2v", "golden", "negative"},
    {"wan21-flf2v", "golden", "prompt"},    {"wan22-a14b-t2v", "golden", "prompt"},
    {"wan22-a14b-i2v", "golden", "prompt"}, {"wan22-ti2v", "golden-t2v", "prompt"},
    {"wan22-ti2v", "golden-i2v", "prompt"},
};

typedef struct {
    aut_safetensors_t *file;
    int32_t ids[LENGTH];
    size_t count;
    const float *embeds; /* (1, LENGTH, D) */
    size_t size;         /* elements */
} golden_t;

static const aut_tensor_t *need (const golden_t *self, const char *text, const char *what)
{
    char *name = aut_sprintf ("text.%s.%s", text, what);
    const aut_tensor_t *t = need_tensor (self->file, name);
    free (name);
    return t;
}

static golden_t open_run (size_t index)
{
    golden_t self = {.file = open_golden (goldens[index].name, goldens[index].run)};
    const char *text = goldens[index].text;
    const aut_tensor_t *ids = need (&self, text, "ids"), *mask = need (&self, text, "mask");
    const aut_tensor_t *embeds = need (&self, text, "embeds");
    ck_assert_uint_eq (ids->count, LENGTH);
    for (size_t i = 0; i < LENGTH; i++) {
        int64_t id, real;
        memcpy (&id, (const char *)ids->data + i * sizeof id, sizeof id);
        memcpy (&real, (const char *)mask->data + i * sizeof real, sizeof real);
        self.ids[i] = (int32_t)id;
        self.count += real != 0;
    }
    self.embeds = embeds->data;
    self.size = embeds->count;
    return self;
}

static umt5_t *open_model (size_t index, aut_dtype_t dtype, bool stream)
{
    char *path = aut_sprintf (GOLDENS "%s/model/text_encoder", goldens[index].name);
    umt5_t *model = open_folder (path, dtype, stream);
    free (path);
    return model;
}

static void check_golden (size_t index, bool stream)
{
    golden_t golden = open_run (index);
    umt5_t *model = open_model (index, AUT_DTYPE_F32, stream);
    float *y = encode (model, golden.ids, golden.count, LENGTH);
    ck_assert_uint_eq (golden.size, LENGTH * (size_t)umt5_width (model));
    for (size_t i = 0; i < golden.size; i++)
        ck_assert_double_le (fabs ((double)y[i] - (double)golden.embeds[i]), TOLERANCE);
    for (size_t i = golden.count * (size_t)umt5_width (model); i < golden.size; i++)
        ck_assert_float_eq (y[i], 0.0f);
    free (y);
    umt5_close (&model);
    ck_assert_ptr_null (model);
    aut_safetensors_destroy (&golden.file);
}

static void one_goldens_are_met (int i)
{
    check_golden ((size_t)i, false);
}

START_TEST (goldens_are_met)
{
    each_case_anew (COUNT (goldens), one_goldens_are_met, set_up, tear_down);
}
END_TEST

START_TEST (streaming_changes_nothing)
{
    check_golden ((size_t)_i, true);
}
END_TEST

START_TEST (bf16_is_near)
{
    golden_t golden = open_run ((size_t)_i);
    umt5_t *model = open_model ((size_t)_i, AUT_DTYPE_BF16, false);
    float *y = encode (model, golden.ids, golden.count, LENGTH);
    double error = 0, norm = 0;
    for (size_t i = 0; i < golden.size; i++) {
        double difference = (double)y[i] - (double)golden.embeds[i];
        error += difference * difference;
        norm += (double)golden.embeds[i] * (double)golden.embeds[i];
    }
    ck_assert_double_le (sqrt (error / norm), 1.2e-2); /* transformers in bf16: 9.9e-3 */
    ck_assert_double_gt (error / norm, 1e-6);          /* it did run in bf16 */
    free (y);
    umt5_close (&model);
    aut_safetensors_destroy (&golden.file);
}
END_TEST

/*  The steps are rounded as transformers rounds them in bf16: what it makes of the first golden's
 *  last word differs from fp32 by 1.4e-2, and from this by less than a tenth of that. */
START_TEST (bf16_rounds_alike)
{
    static const float expected[] = {0.4394531f,  0.5351562f,  0.4042969f, -0.1376953f,
                                     0.0649414f,  0.2734375f,  -0.984375f, 0.0244141f,
                                     0.6445312f,  -0.4453125f, 0.0859375f, -0.6953125f,
                                     -0.1660156f, -0.0603027f, -0.109375f, 0.7421875f};
    golden_t golden = open_run (0);
    umt5_t *model = open_model (0, AUT_DTYPE_BF16, false);
    float *y = encode (model, golden.ids, golden.count, LENGTH);
    const float *row = y + (golden.count - 2) * (size_t)umt5_width (model);
    double error = 0, norm = 0;
    for (size_t i = 0; i < COUNT (expected); i++) {
        error += pow ((double)row[i] - (double)expected[i], 2);
        norm += pow ((double)expected[i], 2);
    }
    ck_assert_double_le (sqrt (error / norm), 1.5e-3);
    free (y);
    umt5_close (&model);
    aut_safetensors_destroy (&golden.file);
}
END_TEST

/*  Distances far beyond what a golden's prompt has; numbers from transformers' UMT5EncoderModel. */
START_TEST (long_texts_are_met)
{
    static const struct {
        size_t row;
        float values[4];
    } expected[] = {
        {0, {1.0332772f, 0.2575859f, 0.5734794f, -0.0615647f}},
        {57, {0.9583498f, -0.5641767f, -0.5709238f, 0.2323505f}},
        {399, {-0.888316f, -0.4451305f, 0.4859457f, 0.0262722f}},
    };
    int32_t ids[400];
    for (int32_t i = 0; i < 400; i++)
        ids[i] = 4 + (i * 37) % 890;
    umt5_t *model = open_folder (ENCODER, AUT_DTYPE_F32, false);
    float *y = encode (model, ids, 400, 400);
    for (size_t i = 0; i < COUNT (expected); i++)
        for (size_t k = 0; k < 4; k++)
            ck_assert_float_eq_tol (y[expected[i].row * (size_t)umt5_width (model) + k],
                                    expected[i].values[k], (float)TOLERANCE);
    free (y);
    umt5_close (&model);
}
END_TEST

/* ---- folders ------------------------------------------------------------------------------ */

/*  Copies the golden encoder's weights, one tensor under another name or left out (NULL). */
static void put_weights (const char *tensor, const char *name)
{
    aut_safetensors_t *file;
    char *path = aut_path_join (folder, "model.safetensors", NULL);
    ck_assert_int_eq (aut_safetensors_open (&file, ENCODER "/model.safetensors"), 0);
    size_t count = 0;
    aut_tensor_t *tensors = aut_calloc (aut_safetensors_count (file), sizeof *tensors);
    for (size_t i = 0; i < aut_safetensors_count (file); i++) {
        aut_tensor_t t = *aut_safetensors_at (file, i);
        bool meant = tensor && strcmp (t.name, tensor) == 0;
        t.name = meant ? name : t.name;
        if (t.name)
            tensors[count++] = t;
    }
    ck_assert_int_eq (aut_safetensors_write (path, tensors, count), 0);
    aut_safetensors_destroy (&file);
    free (tensors);
    free (path);
}

#define CONFIG(heads, d_kv, layers, more)                                                          \
    "{\"model_type\":\"umt5\",\"feed_forward_proj\":\"gated-gelu\",\"d_model\":64,\"d_ff\":96,"    \
    "\"num_heads\":" #heads ",\"d_kv\":" #d_kv ",\"num_layers\":" #layers more "}"

static void put_config (const char *text)
{
    char *path = aut_path_join (folder, "config.json", NULL);
    ck_assert_int_eq (aut_file_write (path, text, strlen (text)), 0);
    free (path);
}

START_TEST (other_table_name)
{
    put_weights ("shared.weight", "encoder.embed_tokens.weight");
    put_config (CONFIG (4, 16, 3, ));
    golden_t golden = open_run (0);
    umt5_t *model = open_folder (folder, AUT_DTYPE_F32, false);
    float *y = encode (model, golden.ids, golden.count, golden.count);
    for (size_t i = 0; i < golden.count * (size_t)umt5_width (model); i++)
        ck_assert_double_le (fabs ((double)y[i] - (double)golden.embeds[i]), TOLERANCE);
    free (y);
    umt5_close (&model);
    aut_safetensors_destroy (&golden.file);
}
END_TEST

static const struct {
    const char *config, *tensor, *says;
    int code;
} refused[] = {
    {CONFIG (0, 16, 3, ), NULL, "num_heads", AUT_ERR_INVALID},
    {CONFIG (513, 16, 3, ), NULL, "num_heads", AUT_ERR_INVALID},
    {CONFIG (4, -16, 3, ), NULL, "d_kv", AUT_ERR_INVALID},
    {CONFIG (4, 16, 1000000000, ), NULL, "num_layers", AUT_ERR_INVALID},
    {CONFIG (4, 16, 3, ",\"relative_attention_num_buckets\":1"), NULL, "num_buckets",
     AUT_ERR_INVALID},
    {CONFIG (4, 16, 3, ",\"relative_attention_max_distance\":8"), NULL, "max_distance",
     AUT_ERR_INVALID},
    {"{\"model_type\":\"umt5\",\"feed_forward_proj\":\"relu\"}", NULL, "only gated-gelu",
     AUT_ERR_INVALID},
    {"{\"model_type\":\"llama\"}", NULL, "llama", AUT_ERR_INVALID},
    {CONFIG (5, 16, 3, ), NULL, "encoder.block.0.layer.0", AUT_ERR_CORRUPT},
    {CONFIG (4, 16, 4, ), NULL, "encoder.block.3", AUT_ERR_CORRUPT},
    {CONFIG (4, 16, 3, ",\"relative_attention_num_buckets\":64"), NULL, "relative_attention_bias",
     AUT_ERR_CORRUPT},
    {CONFIG (4, 16, 3, ), "shared.weight", "shared.weight", AUT_ERR_CORRUPT},
    {CONFIG (4, 16, 3, ), "encoder.final_layer_norm.weight", "encoder.final_layer_norm.weight",
     AUT_ERR_CORRUPT},
};

static void one_bad_folders_are_refused (int i)
{
    umt5_options_t options = {.dtype = AUT_DTYPE_F32};
    umt5_t *model = NULL;
    put_weights (refused[i].tensor, NULL);
    put_config (refused[i].config);
    ck_assert_int_eq (umt5_open (&model, c, folder, "text_encoder", &options), refused[i].code);
    ck_assert_ptr_null (model);
    ck_assert_msg (strstr (aut_error_detail (), refused[i].says), "%s", aut_error_detail ());
    ck_assert_msg (strstr (aut_error_detail (), "text_encoder"), "%s", aut_error_detail ());
}

START_TEST (bad_folders_are_refused)
{
    each_case_anew (COUNT (refused), one_bad_folders_are_refused, set_up, tear_down);
}
END_TEST

START_TEST (bad_calls_are_refused)
{
    umt5_options_t options = {.dtype = AUT_DTYPE_F16};
    umt5_t *model = NULL;
    ck_assert_int_eq (umt5_open (&model, c, ENCODER, "text_encoder", &options),
                      AUT_ERR_UNSUPPORTED);
    model = open_folder (ENCODER, AUT_DTYPE_F32, true);
    int32_t ids[3] = {5, 904, 1}; /* the table has 904 rows */
    ck_assert_ptr_null (umt5_encode (model, ids, 3, 3));
    ck_assert_int_ne (aten_status (c), 0);
    ck_assert_ptr_nonnull (strstr (aut_error_detail (), "904"));
    static const size_t counts[][2] = {{0, 3}, {3, 2}, {3, 100000}};
    for (size_t i = 0; i < COUNT (counts); i++) {
        aten_clear (c);
        ck_assert_ptr_null (umt5_encode (model, ids, counts[i][0], counts[i][1]));
        ck_assert_int_eq (aten_status (c), AUT_ERR_INVALID);
    }
    aten_clear (c);
    umt5_close (&model);
}
END_TEST

TCase *suite_umt5 (void)
{
    TCase *tc = tcase_create ("umt5");
    tcase_add_checked_fixture (tc, set_up, tear_down);
    tcase_add_test (tc, goldens_are_met);
    tcase_add_loop_test (tc, streaming_changes_nothing, 0, 2);
    tcase_add_loop_test (tc, bf16_is_near, 0, 3);
    tcase_add_test (tc, bf16_rounds_alike);
    tcase_add_test (tc, long_texts_are_met);
    tcase_add_test (tc, other_table_name);
    tcase_add_test (tc, bad_folders_are_refused);
    tcase_add_test (tc, bad_calls_are_refused);
    return tc;
}
