/*  The vision tower against the reference's tensors, and folders that are refused. */
#include "lib/core/error.h"
#include "lib/core/file.h"
#include "lib/core/mem.h"
#include "lib/core/safetensors.h"
#include "node/engine/vision/clip.h"
#include "tests/core/support.h"
#include "tests/engine/suites.h"
#include "tests/engine/support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(a) (sizeof (a) / sizeof *(a))
#define ENCODER GOLDENS "wan21-i2v/model/image_encoder"
#define TOLERANCE 5e-5
#define PREFIX "vision_model."

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

/* ---- goldens ------------------------------------------------------------------------------ */

/*  The golden's pictures through the encoder of `path`: (n, 17, 32), freed by the caller. */
static float *encode (const char *path, const aut_safetensors_t *golden)
{
    const aut_tensor_t *pixels = aut_safetensors_find (golden, "image.clip.pixels");
    const aut_tensor_t *embeds = aut_safetensors_find (golden, "image.clip.embeds");
    ck_assert_ptr_nonnull (pixels);
    ck_assert_ptr_nonnull (embeds);
    clip_t *clip = NULL;
    ck_assert_msg (clip_open (&clip, c, path, "image_encoder") == 0, "%s", aut_error_detail ());
    ck_assert_int_eq (clip_width (clip), (int64_t)embeds->shape[2]);
    ck_assert_int_eq (clip_image_size (clip), (int64_t)pixels->shape[3]);
    aten_scope_t scope = aten_open (c);
    tensor_t *x = aten_from_host (
        c, pixels->data, AUT_DTYPE_F32,
        DIMS ((int64_t)pixels->shape[0], 3, clip_image_size (clip), clip_image_size (clip)));
    tensor_t *y = clip_encode (clip, x);
    ck_assert_msg (aten_status (c) == 0, "%s", aut_error_detail ());
    ck_assert (aten_has_dims (
        y, DIMS ((int64_t)embeds->shape[0], (int64_t)embeds->shape[1], clip_width (clip))));
    float *out = aut_calloc (1, embeds->size);
    ck_assert_int_eq (aten_read (c, y, AUT_DTYPE_F32, out, embeds->size), 0);
    aten_close (c, scope, NULL);
    clip_close (&clip);
    ck_assert_ptr_null (clip);
    return out;
}

static void check_golden (const char *path, const char *name)
{
    aut_safetensors_t *golden = open_golden (name, "golden");
    const aut_tensor_t *embeds = aut_safetensors_find (golden, "image.clip.embeds");
    const float *expected = embeds->data;
    float *y = encode (path, golden);
    for (size_t i = 0; i < embeds->count; i++)
        ck_assert_double_le (fabs ((double)y[i] - (double)expected[i]), TOLERANCE);
    free (y);
    aut_safetensors_destroy (&golden);
}

START_TEST (goldens_are_met)
{
    static const char *const names[] = {"wan21-i2v", "wan21-flf2v"};
    char *path = aut_sprintf (GOLDENS "%s/model/image_encoder", names[_i]);
    check_golden (path, names[_i]);
    free (path);
}
END_TEST

/* ---- folders ------------------------------------------------------------------------------ */

/*  Copies the golden encoder's weights, without the prefix of the names if `bare`, and without one
 *  of the tensors. */
static void put_weights (bool bare, const char *without)
{
    aut_safetensors_t *file;
    char *path = aut_path_join (folder, "model.safetensors", NULL);
    ck_assert_int_eq (aut_safetensors_open (&file, ENCODER "/model.safetensors"), 0);
    size_t count = 0;
    aut_tensor_t *tensors = aut_calloc (aut_safetensors_count (file), sizeof *tensors);
    for (size_t i = 0; i < aut_safetensors_count (file); i++) {
        aut_tensor_t t = *aut_safetensors_at (file, i);
        ck_assert_int_eq (strncmp (t.name, PREFIX, strlen (PREFIX)), 0);
        const char *name = t.name + strlen (PREFIX);
        if (without && strstr (name, without))
            continue;
        t.name = bare ? name : t.name;
        tensors[count++] = t;
    }
    ck_assert_int_eq (aut_safetensors_write (path, tensors, count), 0);
    aut_safetensors_destroy (&file);
    free (tensors);
    free (path);
}

#define CONFIG(heads, layers, patch, act)                                                          \
    "{\"model_type\":\"clip_vision_model\",\"hidden_size\":32,\"intermediate_size\":64,"           \
    "\"num_attention_heads\":" #heads ",\"num_hidden_layers\":" #layers ",\"image_size\":56,"      \
    "\"patch_size\":" #patch ",\"hidden_act\":\"" act "\"}"

static void put_config (const char *text)
{
    char *path = aut_path_join (folder, "config.json", NULL);
    ck_assert_int_eq (aut_file_write (path, text, strlen (text)), 0);
    free (path);
}

START_TEST (names_without_prefix)
{
    put_weights (true, NULL);
    put_config (CONFIG (2, 3, 14, "gelu"));
    check_golden (folder, "wan21-i2v");
}
END_TEST

/*  What comes out is what goes into the last layer: that one need not be there. */
START_TEST (last_layer_is_not_read)
{
    put_weights (false, "layers.2.");
    put_config (CONFIG (2, 3, 14, "gelu"));
    check_golden (folder, "wan21-i2v");
}
END_TEST

/*  The golden's model with another activation; numbers from transformers' CLIPVisionModel. */
static const struct {
    const char *config;
    struct {
        size_t row;
        float values[4];
    } rows[3];
} activations[] = {
    {CONFIG (2, 3, 14, "quick_gelu"),
     {{0, {1.3660709f, -1.2983047f, -2.3509221f, 0.2100058f}},
      {7, {1.5226047f, -2.9384751f, -1.4670669f, 1.6229951f}},
      {16, {2.2160583f, -1.9001765f, -0.3859633f, 0.5112615f}}}},
    {CONFIG (2, 3, 14, "gelu_new"),
     {{0, {1.3532667f, -1.3111597f, -2.3476267f, 0.2031136f}},
      {7, {1.5199043f, -2.9603822f, -1.4580481f, 1.6133257f}},
      {16, {2.2347031f, -1.9058098f, -0.3962765f, 0.5364f}}}},
};

static void one_activations_are_met (int number)
{
    aut_safetensors_t *golden = open_golden ("wan21-i2v", "golden");
    put_weights (false, NULL);
    put_config (activations[number].config);
    float *y = encode (folder, golden);
    for (size_t i = 0; i < COUNT (activations[number].rows); i++)
        for (size_t k = 0; k < 4; k++)
            ck_assert_float_eq_tol (y[activations[number].rows[i].row * 32 + k],
                                    activations[number].rows[i].values[k], (float)TOLERANCE);
    free (y);
    aut_safetensors_destroy (&golden);
}

START_TEST (activations_are_met)
{
    each_case_anew (COUNT (activations), one_activations_are_met, set_up, tear_down);
}
END_TEST

static const struct {
    const char *config, *without, *says;
    int code;
} refused[] = {
    {CONFIG (0, 3, 14, "gelu"), NULL, "num_attention_heads", AUT_ERR_INVALID},
    {CONFIG (3, 3, 14, "gelu"), NULL, "does not divide", AUT_ERR_INVALID},
    {CONFIG (2, 1000000000, 14, "gelu"), NULL, "num_hidden_layers", AUT_ERR_INVALID},
    {CONFIG (2, 3, 0, "gelu"), NULL, "patch_size", AUT_ERR_INVALID},
    {CONFIG (2, 3, 57, "gelu"), NULL, "patch_size", AUT_ERR_INVALID},
    {CONFIG (2, 3, 14, "relu"), NULL, "hidden_act", AUT_ERR_INVALID},
    {"{\"model_type\":\"siglip\"}", NULL, "siglip", AUT_ERR_INVALID},
    {CONFIG (2, 3, 8, "gelu"), NULL, "patch_embedding", AUT_ERR_CORRUPT},
    {CONFIG (2, 5, 14, "gelu"), NULL, "encoder.layers.3", AUT_ERR_CORRUPT},
    {CONFIG (2, 3, 14, "gelu"), "class_embedding", "class_embedding", AUT_ERR_CORRUPT},
    {CONFIG (2, 3, 14, "gelu"), "layers.1.mlp.fc2.bias", "layers.1.mlp.fc2.bias", AUT_ERR_CORRUPT},
};

static void one_bad_folders_are_refused (int i)
{
    clip_t *clip = NULL;
    put_weights (false, refused[i].without);
    put_config (refused[i].config);
    ck_assert_int_eq (clip_open (&clip, c, folder, "image_encoder"), refused[i].code);
    ck_assert_ptr_null (clip);
    ck_assert_msg (strstr (aut_error_detail (), refused[i].says), "%s", aut_error_detail ());
    ck_assert_msg (strstr (aut_error_detail (), "image_encoder"), "%s", aut_error_detail ());
}

START_TEST (bad_folders_are_refused)
{
    each_case_anew (COUNT (refused), one_bad_folders_are_refused, set_up, tear_down);
}
END_TEST

START_TEST (other_sizes_are_refused)
{
    clip_t *clip = NULL;
    ck_assert_int_eq (clip_open (&clip, c, ENCODER, "image_encoder"), 0);
    aten_scope_t scope = aten_open (c);
    tensor_t *x = aten_zeros (c, AUT_DTYPE_F32, DIMS (1, 3, 56, 55));
    ck_assert_ptr_null (clip_encode (clip, x));
    ck_assert_int_eq (aten_status (c), AUT_ERR_INVALID);
    ck_assert_ptr_nonnull (strstr (aut_error_detail (), "(n, 3, 56, 56)"));
    aten_close (c, scope, NULL);
    clip_close (&clip);
}
END_TEST

TCase *suite_clip (void)
{
    TCase *tc = tcase_create ("clip");
    tcase_add_checked_fixture (tc, set_up, tear_down);
    tcase_add_loop_test (tc, goldens_are_met, 0, 2);
    tcase_add_test (tc, names_without_prefix);
    tcase_add_test (tc, last_layer_is_not_read);
    tcase_add_test (tc, activations_are_met);
    tcase_add_test (tc, bad_folders_are_refused);
    tcase_add_test (tc, other_sizes_are_refused);
    return tc;
}
