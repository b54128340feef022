/*  Model folders: which are found, what is read, and how those that are refused are named. */
#include "lib/core/error.h"
#include "lib/core/file.h"
#include "lib/core/mem.h"
#include "node/engine/folder.h"
#include "tests/core/support.h"
#include "tests/engine/suites.h"
#include "tests/engine/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COMMIT "0123456789abcdef0123456789abcdef01234567"

static char *s_dir; /* of the test, in its own process */

static void set_up (void)
{
    s_dir = make_folder ();
    unsetenv ("HF_HOME");
    setenv ("HF_HUB_CACHE", s_dir, 1);
}

static void tear_down (void)
{
    remove_folder (&s_dir);
}

/*  Writes ROOT/NAME with `text`, making its folder. */
static void put (const char *root, const char *name, const char *text)
{
    char *path = aut_path_join (root, name, NULL);
    char *dir = aut_strndup (path, (size_t)(strrchr (path, '/') - path));
    ck_assert_int_eq (aut_dir_make (dir), 0);
    ck_assert_int_eq (aut_file_write (path, text, strlen (text)), 0);
    free (dir);
    free (path);
}

#define COMMON                                                                                     \
    "\"scheduler\":[\"diffusers\",\"UniPCMultistepScheduler\"],"                                   \
    "\"text_encoder\":[\"transformers\",\"UMT5EncoderModel\"],"                                    \
    "\"tokenizer\":[\"transformers\",\"T5TokenizerFast\"],"                                        \
    "\"vae\":[\"diffusers\",\"AutoencoderKLWan\"]"
#define EXPERT "\"transformer\":[\"diffusers\",\"WanTransformer3DModel\"]"
#define EXPERT_2 "\"transformer_2\":[\"diffusers\",\"WanTransformer3DModel\"]"
#define T2V "\"_class_name\":\"WanPipeline\""
#define I2V "\"_class_name\":\"WanImageToVideoPipeline\""
#define CLIP                                                                                       \
    "\"image_encoder\":[\"transformers\",\"CLIPVisionModel\"],"                                    \
    "\"image_processor\":[\"transformers\",\"CLIPImageProcessor\"]"
#define NO_CLIP "\"image_encoder\":[null,null],\"image_processor\":[null,null]"

/*  A folder of every component that any index of these tests names. */
static char *make_model (const char *index)
{
    char *root = aut_path_join (s_dir, "model", NULL);
    put (root, "model_index.json", index);
    put (root, "transformer/config.json", "{\"_class_name\":\"WanTransformer3DModel\"}");
    put (root, "transformer_2/config.json", "{\"_class_name\":\"WanTransformer3DModel\"}");
    put (root, "vae/config.json", "{\"_class_name\":\"AutoencoderKLWan\"}");
    put (root, "text_encoder/config.json", "{\"model_type\":\"umt5\"}");
    put (root, "tokenizer/spiece.model", "x");
    put (root, "scheduler/scheduler_config.json", "{\"_class_name\":\"UniPCMultistepScheduler\"}");
    put (root, "image_encoder/config.json", "{\"model_type\":\"clip_vision_model\"}");
    put (root, "image_processor/preprocessor_config.json", "{}");
    return root;
}

static folder_t *open_model (const char *index)
{
    char *root = make_model (index);
    folder_t *folder = NULL;
    ck_assert_msg (folder_open (&folder, root) == 0, "%s", aut_error_detail ());
    ck_assert_str_eq (folder->path, root);
    ck_assert_str_eq (folder->name, root);
    ck_assert_str_eq (folder->revision, "");
    free (root);
    return folder;
}

START_TEST (test_plain)
{
    folder_t *f = open_model ("{" T2V "," COMMON "," EXPERT ",\"transformer_2\":[null,null],"
                              "\"boundary_ratio\":null,\"expand_timesteps\":true,\"x\":3}");
    ck_assert_int_eq (f->pipeline, FOLDER_WAN);
    ck_assert (f->boundary_ratio == 0.0 && f->expand_timesteps);
    ck_assert (f->present[FOLDER_TRANSFORMER] && f->present[FOLDER_TOKENIZER]);
    ck_assert (!f->present[FOLDER_TRANSFORMER_2] && !f->present[FOLDER_IMAGE_ENCODER]);
    ck_assert_str_eq (f->class_name[FOLDER_SCHEDULER], "UniPCMultistepScheduler");
    ck_assert_ptr_null (f->class_name[FOLDER_IMAGE_ENCODER]);
    ck_assert_str_eq (folder_label (FOLDER_TEXT_ENCODER), "text_encoder");
    char *path = folder_path (f, FOLDER_VAE);
    ck_assert_ptr_nonnull (strstr (path, "/model/vae"));
    free (path);
    folder_close (&f);
    ck_assert_ptr_null (f);
    folder_close (&f);
}
END_TEST

START_TEST (test_image_and_experts)
{
    folder_t *f = open_model ("{" I2V "," COMMON "," EXPERT "," CLIP "}");
    ck_assert_int_eq (f->pipeline, FOLDER_WAN_IMAGE);
    ck_assert (f->present[FOLDER_IMAGE_ENCODER] && f->present[FOLDER_IMAGE_PROCESSOR]);
    folder_close (&f);
    f = open_model ("{" I2V "," COMMON "," EXPERT "," EXPERT_2 "," NO_CLIP
                    ",\"boundary_ratio\":0.9}");
    ck_assert (f->boundary_ratio == 0.9 && f->present[FOLDER_TRANSFORMER_2]);
    ck_assert (!f->present[FOLDER_IMAGE_ENCODER]);
    folder_close (&f);
    /* without a boundary a second expert is never used */
    f = open_model ("{" T2V "," COMMON "," EXPERT "," EXPERT_2 "}");
    ck_assert (!f->present[FOLDER_TRANSFORMER_2] && !f->class_name[FOLDER_TRANSFORMER_2]);
    folder_close (&f);
}
END_TEST

static const struct {
    const char *index;
    int code;
    const char *says;
} refused[] = {
    {"", AUT_ERR_INVALID, "model_index.json:"},
    {"[]", AUT_ERR_INVALID, "model_index.json: is not a JSON object"},
    {"{\"_class_name\"", AUT_ERR_INVALID, "model_index.json:1:"},
    {"{" COMMON "," EXPERT "}", AUT_ERR_INVALID, "_class_name: is missing"},
    {"{\"_class_name\":7}", AUT_ERR_INVALID, "_class_name"},
    {"{\"_class_name\":\"FluxPipeline\"}", AUT_ERR_UNSUPPORTED,
     "FluxPipeline is not supported; supported: WanPipeline, WanImageToVideoPipeline"},
    {"{\"_class_name\":\"\\u001b[2J\"}", AUT_ERR_UNSUPPORTED, "\\x1b[2J is not supported"},
    {"{" T2V "," COMMON ",\"transformer\":[\"diffusers\",\"FluxTransformer2DModel\"]}",
     AUT_ERR_UNSUPPORTED, "transformer: FluxTransformer2DModel is not supported; supported: Wan"},
    {"{" T2V "," EXPERT ",\"text_encoder\":[\"transformers\",\"T5EncoderModel\"]}",
     AUT_ERR_UNSUPPORTED, "text_encoder: T5EncoderModel is not supported; supported: UMT5"},
    {"{" T2V "," COMMON "," EXPERT ",\"controlnet\":[\"diffusers\",\"ControlNetModel\"]}",
     AUT_ERR_UNSUPPORTED, "the component: controlnet is not supported; supported: transformer,"},
    {"{" T2V "," COMMON "}", AUT_ERR_INVALID, "model_index.json: transformer: is missing"},
    {"{" T2V "," COMMON ",\"transformer\":[null,null]," EXPERT_2 ",\"boundary_ratio\":1}",
     AUT_ERR_INVALID, "model_index.json: transformer: is missing"},
    {"{" T2V "," EXPERT "}", AUT_ERR_INVALID, "vae: is missing"},
    {"{" T2V "," COMMON ",\"transformer\":[\"diffusers\"]}", AUT_ERR_INVALID,
     "transformer: is not [library, class]"},
    {"{" T2V "," COMMON ",\"transformer\":[1,2]}", AUT_ERR_INVALID, "is not [library, class]"},
    {"{" T2V "," COMMON "," EXPERT ",\"boundary_ratio\":0.9}", AUT_ERR_INVALID,
     "transformer_2: is missing, and boundary_ratio needs it"},
    {"{" T2V "," COMMON "," EXPERT "," EXPERT_2 ",\"boundary_ratio\":1.5}", AUT_ERR_INVALID,
     "boundary_ratio: is not a number in 0"},
    {"{" T2V "," COMMON "," EXPERT ",\"boundary_ratio\":\"0.9\"}", AUT_ERR_INVALID,
     "boundary_ratio"},
    {"{" T2V "," COMMON "," EXPERT ",\"expand_timesteps\":1}", AUT_ERR_INVALID,
     "expand_timesteps: is not true or false"},
    {"{" I2V "," COMMON "," EXPERT ",\"image_encoder\":[\"transformers\",\"CLIPVisionModel\"]}",
     AUT_ERR_INVALID, "image_processor: is missing, and image_encoder needs it"},
};

static void one_refused (int i)
{
    char *root = make_model (refused[i].index);
    folder_t *folder = NULL;
    ck_assert_int_eq (folder_open (&folder, root), refused[i].code);
    ck_assert_msg (strstr (aut_error_detail (), refused[i].says) != NULL, "%s",
                   aut_error_detail ());
    ck_assert_ptr_null (folder);
    free (root);
}

START_TEST (test_refused)
{
    each_case_anew (sizeof refused / sizeof *refused, one_refused, set_up, tear_down);
}
END_TEST

static const struct {
    const char *name, *text; /* a file of the model, and what it holds then (NULL: it is gone) */
    int code;
    const char *says;
} broken[] = {
    {"model_index.json", NULL, AUT_ERR_NOT_FOUND, "model_index.json is missing (looked for "},
    {"vae/config.json", NULL, AUT_ERR_NOT_FOUND, "vae/config.json is missing (looked for "},
    {"vae", NULL, AUT_ERR_NOT_FOUND, "there is no folder "},
    {"tokenizer", NULL, AUT_ERR_NOT_FOUND, "tokenizer/spiece.model is missing"},
    {"tokenizer/spiece.model", NULL, AUT_ERR_NOT_FOUND, "tokenizer/spiece.model is missing"},
    {"scheduler/scheduler_config.json", NULL, AUT_ERR_NOT_FOUND,
     "scheduler/scheduler_config.json is missing"},
    {"image_processor/preprocessor_config.json", NULL, AUT_ERR_NOT_FOUND,
     "image_processor/preprocessor_config.json is missing"},
    {"vae/config.json", "{", AUT_ERR_INVALID, "vae/config.json:1:"},
    {"vae/config.json", "{\"_class_name\":\"AutoencoderKL\"}", AUT_ERR_UNSUPPORTED,
     "vae/config.json: _class_name: AutoencoderKL is not supported; supported: AutoencoderKLWan"},
    {"vae/config.json", "{\"_class_name\":1}", AUT_ERR_INVALID, "_class_name: 1 is not a string"},
    {"text_encoder/config.json", "{\"model_type\":\"t5\"}", AUT_ERR_UNSUPPORTED,
     "text_encoder/config.json: model_type: t5 is not supported"},
    {"scheduler/scheduler_config.json", "{\"_class_name\":\"DDIMScheduler\"}", AUT_ERR_UNSUPPORTED,
     "DDIMScheduler"},
};

static void one_broken (int i)
{
    char *root = make_model ("{" I2V "," COMMON "," EXPERT "," CLIP "}");
    char *path = aut_path_join (root, broken[i].name, NULL);
    folder_t *folder = NULL;
    if (broken[i].text)
        put (root, broken[i].name, broken[i].text);
    else
        ck_assert_int_eq (aut_dir_remove (path), 0);
    ck_assert_int_eq (folder_open (&folder, root), broken[i].code);
    ck_assert_msg (strstr (aut_error_detail (), broken[i].says) != NULL, "%s", aut_error_detail ());
    ck_assert_ptr_null (folder);
    free (path);
    free (root);
}

START_TEST (test_broken)
{
    each_case_anew (sizeof broken / sizeof *broken, one_broken, set_up, tear_down);
}
END_TEST

/*  A snapshot as the hub's programs leave it: files are links to blobs. */
static void make_snapshot (const char *ref)
{
    char *root = make_model ("{" T2V "," COMMON "," EXPERT "}");
    char *hub = aut_path_join (s_dir, "models--Org.x--a_model-1", NULL);
    char *snapshots = aut_path_join (hub, "snapshots", NULL);
    char *snapshot = aut_path_join (snapshots, COMMIT, NULL);
    ck_assert_int_eq (aut_dir_make (snapshots), 0);
    ck_assert_int_eq (rename (root, snapshot), 0);
    char *index = aut_path_join (snapshot, "model_index.json", NULL);
    char *blob = aut_path_join (hub, "blobs", "abc", NULL);
    put (hub, "blobs/abc", "");
    ck_assert_int_eq (rename (index, blob), 0);
    ck_assert_int_eq (symlink ("../../blobs/abc", index), 0);
    char *name = aut_path_join ("refs", ref, NULL);
    put (hub, name, COMMIT "\n");
    free (name);
    free (blob);
    free (index);
    free (snapshot);
    free (snapshots);
    free (hub);
    free (root);
}

static void check_found (const char *model)
{
    folder_t *folder = NULL;
    ck_assert_msg (folder_open (&folder, model) == 0, "%s: %s", model, aut_error_detail ());
    ck_assert_str_eq (folder->name, model);
    ck_assert_str_eq (folder->revision, COMMIT);
    ck_assert_ptr_nonnull (strstr (folder->path, "/snapshots/" COMMIT));
    folder_close (&folder);
}

START_TEST (test_hub)
{
    make_snapshot ("main");
    check_found ("Org.x/a_model-1");
    check_found ("hf:Org.x/a_model-1");
    check_found ("Org.x/a_model-1@main");
    check_found ("Org.x/a_model-1@" COMMIT);

    /* $HF_HOME/hub, $XDG_CACHE_HOME/huggingface/hub, ~/.cache/huggingface/hub */
    unsetenv ("HF_HUB_CACHE");
    unsetenv ("XDG_CACHE_HOME");
    char *cache = aut_path_join (s_dir, "home", ".cache", NULL);
    char *hf = aut_path_join (cache, "huggingface", NULL);
    char *hub = aut_path_join (hf, "hub", NULL);
    char *home = aut_path_join (s_dir, "home", NULL);
    ck_assert_int_eq (aut_dir_make (hf), 0);
    ck_assert_int_eq (symlink (s_dir, hub), 0);
    setenv ("HOME", home, 1);
    check_found ("Org.x/a_model-1");
    setenv ("HOME", "/nonexistent", 1);
    setenv ("XDG_CACHE_HOME", cache, 1);
    check_found ("Org.x/a_model-1");
    setenv ("XDG_CACHE_HOME", "/nonexistent", 1);
    setenv ("HF_HOME", hf, 1);
    check_found ("Org.x/a_model-1");
    free (home);
    free (hub);
    free (hf);
    free (cache);
}
END_TEST

START_TEST (test_hub_ref_with_slash)
{
    make_snapshot ("refs/pr/3");
    check_found ("Org.x/a_model-1@refs/pr/3");
    folder_t *folder = NULL;
    ck_assert_int_eq (folder_open (&folder, "Org.x/a_model-1"), AUT_ERR_NOT_FOUND);
    ck_assert_ptr_nonnull (strstr (aut_error_detail (), "refs/main"));
}
END_TEST

START_TEST (test_not_found)
{
    static const struct {
        const char *model;
        int code;
        const char *says;
    } cases[] = {
        {"Org.x/other", AUT_ERR_NOT_FOUND, "models--Org.x--other); download it"},
        {"Org.x/a_model-1@v2", AUT_ERR_NOT_FOUND, "refs/v2)"},
        {"Org.x/a_model-1@ffffffffffffffffffffffffffffffffffffffff", AUT_ERR_NOT_FOUND,
         "/snapshots/ffff"},
        {"Org.x/a_model-1@bad", AUT_ERR_CORRUPT, "does not hold a commit"},
        {"/nonexistent/model", AUT_ERR_NOT_FOUND, "/nonexistent/model: there is no such folder"},
        {"", AUT_ERR_NOT_FOUND, "there is no such folder"},
        {"model", AUT_ERR_NOT_FOUND, "there is no such folder"},
        {"../x", AUT_ERR_NOT_FOUND, "there is no such folder"},
        {"hf:../x", AUT_ERR_INVALID, "is not a model's name"},
        {"hf:a/..", AUT_ERR_INVALID, "is not a model's name"},
        {"hf:a/b/c", AUT_ERR_INVALID, "is not a model's name"},
        {"hf:a--b/c", AUT_ERR_INVALID, "is not a model's name"},
        {"hf:a/b@", AUT_ERR_INVALID, "is not a model's name"},
        {"hf:a/b@../../x", AUT_ERR_INVALID, "is not a model's name"},
        {"hf:a/b@x/../../y", AUT_ERR_INVALID, "is not a model's name"},
        {"hf:a/b@x//y", AUT_ERR_INVALID, "is not a model's name"},
        {"hf:a/b@/etc", AUT_ERR_INVALID, "is not a model's name"},
        {"hf:a/b@x/", AUT_ERR_INVALID, "is not a model's name"},
        {"hf:a b/c", AUT_ERR_INVALID, "is not a model's name"},
        {"/dev/null", AUT_ERR_INVALID, "is not a folder"},
    };
    make_snapshot ("main");
    put (s_dir, "models--Org.x--a_model-1/refs/bad", "../../../etc");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        folder_t *folder = NULL;
        int rc = folder_open (&folder, cases[i].model);
        ck_assert_msg (rc == cases[i].code && strstr (aut_error_detail (), cases[i].says),
                       "%s: %d: %s", cases[i].model, rc, aut_error_detail ());
        ck_assert_ptr_null (folder);
    }
}
END_TEST

/*  The folders of the goldens are in the layout of the published ones. */
START_TEST (test_goldens)
{
    static const struct {
        const char *name;
        folder_pipeline_t pipeline;
        bool clip, experts, expand;
    } cases[] = {
        {"wan21-t2v", FOLDER_WAN, false, false, false},
        {"wan21-i2v", FOLDER_WAN_IMAGE, true, false, false},
        {"wan21-flf2v", FOLDER_WAN_IMAGE, true, false, false},
        {"wan22-ti2v", FOLDER_WAN, false, false, true},
        {"wan22-a14b-t2v", FOLDER_WAN, false, true, false},
        {"wan22-a14b-i2v", FOLDER_WAN_IMAGE, false, true, false},
    };
    size_t seen = 0;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *path =
            aut_path_join (AUTEUR_TEST_DATA, "engine/goldens", cases[i].name, "model", NULL);
        folder_t *f = NULL;
        if (aut_file_exists (path)) {
            seen++;
            ck_assert_msg (folder_open (&f, path) == 0, "%s", aut_error_detail ());
            ck_assert_int_eq (f->pipeline, cases[i].pipeline);
            ck_assert_int_eq (f->present[FOLDER_IMAGE_ENCODER], cases[i].clip);
            ck_assert_int_eq (f->present[FOLDER_TRANSFORMER_2], cases[i].experts);
            ck_assert_int_eq (f->boundary_ratio > 0.0, cases[i].experts);
            ck_assert_int_eq (f->expand_timesteps, cases[i].expand);
            folder_close (&f);
        }
        free (path);
    }
    ck_assert_uint_gt (seen, 0);
}
END_TEST

TCase *suite_folder (void)
{
    TCase *tests = tcase_create ("folder");
    tcase_add_checked_fixture (tests, set_up, tear_down);
    tcase_add_test (tests, test_plain);
    tcase_add_test (tests, test_image_and_experts);
    tcase_add_test (tests, test_refused);
    tcase_add_test (tests, test_broken);
    tcase_add_test (tests, test_hub);
    tcase_add_test (tests, test_hub_ref_with_slash);
    tcase_add_test (tests, test_not_found);
    tcase_add_test (tests, test_goldens);
    return tests;
}
