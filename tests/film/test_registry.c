/*  Manifests: what ships, what is refused, and which model serves a tier. */
#include "tests/film/support.h"

#include "lib/core/error.h"
#include "lib/core/file.h"
#include "lib/core/mem.h"

#include <stdlib.h>
#include <string.h>

#define VIDEO                                                                                      \
    "\"video\":{\"fps\":8,\"frames\":{\"multiple\":4,\"offset\":1,\"max\":17},"                    \
    "\"size\":{\"multiple\":16,\"default\":[96,64]},\"tail\":{\"min\":1,\"max\":5}}"
#define TIERS "\"tiers\":{\"draft\":{\"steps\":12,\"guidance\":4.5}}"
#define MANIFEST(id, video, tiers)                                                                 \
    "{\"id\":\"" id "\",\"name\":\"M\",\"version\":\"1.2.3\",\"type\":\"video\","                  \
    "\"capabilities\":[\"text-to-video\",\"new-thing\"],\"license\":\"Apache-2.0\","               \
    "\"future\":{},\"auteur\":{\"backend\":\"wan\"," video "," tiers "}}"

START_TEST (shipped)
{
    static const char *const ids[] = {
        "auteur-animatic",     "wan2.1-flf2v-14b-720p", "wan2.1-i2v-14b-480p",
        "wan2.1-i2v-14b-720p", "wan2.1-t2v-1.3b",       "wan2.1-t2v-14b",
        "wan2.2-i2v-a14b",     "wan2.2-t2v-a14b",       "wan2.2-ti2v-5b"};
    aut_registry_t *registry = aut_registry_new ();
    ck_assert_int_eq (aut_registry_add_dir (registry, AUTEUR_TEST_DATA "/../models"), 0);
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        const aut_model_t *model = aut_registry_find (registry, ids[i]);
        ck_assert_ptr_nonnull (model);
        ck_assert (model->video);
        ck_assert_int_eq (model->available, i == 0);
    }
    const aut_model_t *five = aut_registry_find (registry, "wan2.2-ti2v-5b");
    ck_assert_uint_eq (five->width, 1280);
    ck_assert_uint_eq (five->height, 704);
    ck_assert_uint_eq (five->memory, 12000000000u);
    ck_assert_str_eq (five->revision, "1.0.0");
    ck_assert_ptr_null (aut_registry_find (registry, "nope"));
    /* the draft model's weights ship once they are trained */
    const aut_model_t *mini = aut_registry_find (registry, "auteur-mini");
    ck_assert (!mini || mini->available);
    ck_assert_ptr_eq (aut_registry_tier (registry, AUT_TIER_DRAFT), mini);
    ck_assert_int_eq (aut_registry_default_tier (registry),
                      mini ? AUT_TIER_DRAFT : AUT_TIER_ANIMATIC);
    ck_assert_str_eq (aut_registry_tier (registry, AUT_TIER_ANIMATIC)->id, "auteur-animatic");
    aut_registry_destroy (&registry);
}
END_TEST

START_TEST (bad_manifests)
{
    static const struct {
        const char *text, *wanted;
    } cases[] = {
        {"", "ends here"},
        {"{}", "id: is required"},
        {MANIFEST ("a b", VIDEO, TIERS), "id: must be"},
        {MANIFEST ("a", "\"video\":{}", TIERS), "auteur.video.frames: is required"},
        {MANIFEST ("a", VIDEO, "\"x\":1"), "auteur.tiers: at least one"},
        {MANIFEST ("a",
                   "\"video\":{\"frames\":{\"multiple\":4,\"offset\":1,\"max\":17},\"size\":"
                   "{\"multiple\":16,\"default\":[96,64]}}",
                   TIERS),
         "auteur.video.fps: a rate is needed"},
        {MANIFEST ("a",
                   "\"video\":{\"native\":\"film\",\"fps\":8,\"frames\":{\"multiple\":4,\"offset\":"
                   "1,\"max\":17},\"size\":{\"multiple\":16,\"default\":[96,64]}}",
                   TIERS),
         "not both"},
        {MANIFEST ("a",
                   "\"video\":{\"fps\":8,\"frames\":{\"multiple\":0,\"offset\":1,\"max\":17},"
                   "\"size\":{\"multiple\":16,\"default\":[96,64]}}",
                   TIERS),
         "auteur.video.frames.multiple: must be at least 1"},
        {MANIFEST ("a",
                   "\"video\":{\"fps\":8,\"frames\":{\"multiple\":4,\"offset\":9,\"max\":5},"
                   "\"size\":{\"multiple\":16,\"default\":[96,64]}}",
                   TIERS),
         "no frame count at all"},
        {MANIFEST ("a",
                   "\"video\":{\"fps\":8,\"frames\":{\"multiple\":4,\"offset\":1,\"max\":17},"
                   "\"size\":{\"multiple\":16,\"default\":[96,63]}}",
                   TIERS),
         "multiples of 16"},
        {MANIFEST ("a",
                   "\"video\":{\"fps\":8,\"frames\":{\"multiple\":4,\"offset\":1,\"max\":17},"
                   "\"size\":{\"multiple\":16,\"default\":[96]}}",
                   TIERS),
         "[width, height]"},
        {MANIFEST (
             "a",
             "\"video\":{\"fps\":8,\"frames\":{\"multiple\":4,\"offset\":1,\"max\":17},"
             "\"size\":{\"multiple\":16,\"default\":[96,64]},\"tail\":{\"min\":1,\"max\":17}}",
             TIERS),
         "less than frames.max"},
        {MANIFEST ("a",
                   "\"files\":[{\"name\":\"../w\",\"hash\":\"sha256:00\"}],"
                   "\"video\":{\"fps\":8,\"frames\":{\"multiple\":4,\"offset\":1,\"max\":17},"
                   "\"size\":{\"multiple\":16,\"default\":[96,64]},\"tail\":{\"min\":6,\"max\":5}}",
                   TIERS),
         "is more than max"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        aut_registry_t *registry = aut_registry_new ();
        int err = aut_registry_add (registry, "m", cases[i].text, strlen (cases[i].text), true);
        ck_assert_int_eq (err, AUT_ERR_INVALID);
        ck_assert_uint_ge (aut_registry_warning_count (registry), 1);
        ck_assert_msg (strstr (aut_registry_warning (registry, 0), cases[i].wanted) != NULL,
                       "case %zu: %s", i, aut_registry_warning (registry, 0));
        ck_assert_uint_eq (aut_registry_count (registry), 0);
        aut_registry_destroy (&registry);
    }
}
END_TEST

START_TEST (from_memory)
{
    static const char text[] = MANIFEST ("mini", VIDEO, TIERS);
    aut_registry_t *registry = open_registry ();
    ck_assert_int_eq (aut_registry_add (registry, "m", text, strlen (text), false), 0);
    const aut_model_t *mini = aut_registry_find (registry, "mini");
    ck_assert_uint_eq (mini->tiers[AUT_TIER_DRAFT].steps, 12);
    ck_assert (aut_model_can (mini, AUT_CAPABILITY_TEXT_TO_VIDEO));
    ck_assert_ptr_null (aut_registry_tier (registry, AUT_TIER_DRAFT));
    /* a second one with weights makes the first one available */
    ck_assert_int_eq (aut_registry_add (registry, "m", text, strlen (text), true), AUT_ERR_EXISTS);
    ck_assert_ptr_eq (aut_registry_tier (registry, AUT_TIER_DRAFT), mini);
    ck_assert_int_eq (aut_registry_default_tier (registry), AUT_TIER_DRAFT);
    aut_registry_destroy (&registry);
}
END_TEST

#define NEEDS(id, gigabytes)                                                                       \
    "{\"id\":\"" id "\",\"name\":\"M\",\"version\":\"1.0.0\",\"type\":\"video\","                  \
    "\"requirements\":{\"vram\":" gigabytes "},\"capabilities\":[\"text-to-video\"],"              \
    "\"license\":\"Apache-2.0\",\"auteur\":{\"backend\":\"wan\"," VIDEO                            \
    ",\"tiers\":{\"draft\":{\"steps\":1,\"guidance\":1},\"final\":{\"steps\":2,\"guidance\":1}}}}"

/*  A draft is for any machine: weights that need a GPU do not make it the default, nor do they take
 *  it over, wherever they lie. */
START_TEST (draft_needs_no_gpu)
{
    static const char large[] = NEEDS ("large", "24"), larger[] = NEEDS ("larger", "80");
    static const char small[] = NEEDS ("small", "0");
    aut_registry_t *registry = open_registry ();
    ck_assert_int_eq (aut_registry_add (registry, "m", large, strlen (large), true), 0);
    ck_assert_str_eq (aut_registry_tier (registry, AUT_TIER_DRAFT)->id, "large");
    ck_assert_int_eq (aut_registry_default_tier (registry), AUT_TIER_ANIMATIC);
    ck_assert_int_eq (aut_registry_add_dir (registry, "/nonexistent"), 0); /* the next place */
    ck_assert_int_eq (aut_registry_add (registry, "m", small, strlen (small), true), 0);
    ck_assert_int_eq (aut_registry_add (registry, "m", larger, strlen (larger), true), 0);
    ck_assert_str_eq (aut_registry_tier (registry, AUT_TIER_DRAFT)->id, "small");
    ck_assert_int_eq (aut_registry_default_tier (registry), AUT_TIER_DRAFT);
    ck_assert_str_eq (aut_registry_tier (registry, AUT_TIER_FINAL)->id, "large");
    /* a program without the engine */
    aut_registry_forget_backend (registry, "wan");
    ck_assert_ptr_null (aut_registry_tier (registry, AUT_TIER_DRAFT));
    ck_assert (!aut_registry_find (registry, "small")->available);
    ck_assert_str_eq (aut_registry_tier (registry, AUT_TIER_ANIMATIC)->id, "auteur-animatic");
    ck_assert_int_eq (aut_registry_default_tier (registry), AUT_TIER_ANIMATIC);
    aut_registry_destroy (&registry);
}
END_TEST

static void put (const char *dir, const char *id, const char *name, const char *text)
{
    char *folder = aut_path_join (dir, "video", "models", id, NULL);
    char *path = aut_path_join (folder, name, NULL);
    ck_assert_int_eq (aut_dir_make (folder), 0);
    ck_assert_int_eq (aut_file_write (path, text, strlen (text)), 0);
    free (folder);
    free (path);
}

START_TEST (folders)
{
    static const char hashed[] = MANIFEST ("b", "\"x\":1," VIDEO, TIERS);
    char dir[] = "/tmp/auteur-film-XXXXXX";
    ck_assert_ptr_nonnull (mkdtemp (dir));
    put (dir, "a", "model.json", MANIFEST ("a", VIDEO, TIERS));
    put (dir, "a", "model_index.json", "{}");
    put (dir, "b", "model.json", hashed);
    put (dir, "c", "model.json", "{\n\"id\":7}");
    put (dir, "d", "model.json", MANIFEST ("e", VIDEO, TIERS));
    put (dir, "f", "notes.txt", "no manifest");
    char *list = aut_sprintf ("/nonexistent::%s", dir);
    aut_registry_t *registry;
    ck_assert_int_eq (aut_registry_open (&registry, list), 0);
    ck_assert (aut_registry_find (registry, "a")->available);
    ck_assert (!aut_registry_find (registry, "b")->available);
    ck_assert_ptr_null (aut_registry_find (registry, "c"));
    ck_assert_ptr_null (aut_registry_find (registry, "e"));
    ck_assert_ptr_nonnull (aut_registry_find (registry, "auteur-animatic"));
    ck_assert_str_eq (aut_registry_tier (registry, AUT_TIER_DRAFT)->id, "a");
    bool placed = false, named = false;
    for (size_t i = 0; i < aut_registry_warning_count (registry); i++) {
        placed |=
            strstr (aut_registry_warning (registry, i), "c/model.json:2:6: id: must be") != NULL;
        named |= strstr (aut_registry_warning (registry, i), "must be the folder's name") != NULL;
    }
    ck_assert (placed && named);
    aut_registry_destroy (&registry);
    ck_assert_int_eq (aut_dir_remove (dir), 0);
    free (list);
}
END_TEST

#define INDEX(pipeline, tokens) "{\"_class_name\":\"" pipeline "\",\"expand_timesteps\":" tokens "}"

static void write_file (const char *text, const char *dir, const char *part, const char *name)
{
    char *folder = aut_path_join (dir, part, NULL), *path = aut_path_join (folder, name, NULL);
    ck_assert_int_eq (aut_dir_make (folder), 0);
    ck_assert_int_eq (aut_file_write (path, text, strlen (text)), 0);
    free (folder);
    free (path);
}

/*  A diffusers folder, as far as a manifest is derived from it. */
static void put_folder (const char *dir, const char *index, const char *vae)
{
    write_file (index, dir, ".", "model_index.json");
    write_file ("{\"num_attention_heads\":24,\"attention_head_dim\":128,\"patch_size\":[1,2,2]}",
                dir, "transformer", "config.json");
    write_file ("0123456789", dir, "transformer", "a.safetensors");
    write_file (vae, dir, "vae", "config.json");
    write_file ("{}", dir, "scheduler", "scheduler_config.json");
}

#define VAE_22 "{\"patch_size\":2,\"dim_mult\":[1,2,4,4],\"temperal_downsample\":[false,true,true]}"
#define VAE_21 "{\"z_dim\":16}"

static void check_ti2v (const aut_model_t *model)
{
    ck_assert_ptr_nonnull (model);
    ck_assert (model->available);
    ck_assert_str_eq (model->backend, "wan");
    ck_assert_int_eq ((int)model->rate.num, 24);
    ck_assert_uint_eq (model->width, 1280);
    ck_assert_uint_eq (model->height, 704);
    ck_assert_uint_eq (model->size_multiple, 32);
    ck_assert_uint_eq (model->frames_multiple, 4);
    ck_assert_uint_eq (model->frames_max, 121);
    ck_assert_uint_eq (model->tail_max, 5);
    ck_assert (aut_model_can (model, AUT_CAPABILITY_IMAGE_TO_VIDEO));
    ck_assert_uint_eq (model->precisions, 1u << AUT_PRECISION_BF16 | 1u << AUT_PRECISION_FP32);
}

/*  Folders without a manifest: on the search path, and as an entry of it. */
START_TEST (derived)
{
    char dir[] = "/tmp/auteur-film-XXXXXX";
    ck_assert_ptr_nonnull (mkdtemp (dir));
    char *tiny = aut_path_join (dir, "video", "models", "tiny one", NULL);
    char *other = aut_path_join (dir, "video", "models", "other", NULL);
    char *itself = aut_path_join (dir, "itself", NULL);
    put_folder (tiny, INDEX ("WanPipeline", "true"), VAE_22);
    put_folder (other, INDEX ("FluxPipeline", "false"), VAE_21);
    put_folder (itself, INDEX ("WanImageToVideoPipeline", "false"), VAE_21);
    char *list = aut_sprintf ("%s:%s/", dir, itself);
    aut_registry_t *registry;
    ck_assert_int_eq (aut_registry_open (&registry, list), 0);
    const aut_model_t *model = aut_registry_find (registry, "tiny-one");
    check_ti2v (model);
    ck_assert_str_eq (model->weights, tiny);
    ck_assert_ptr_eq (aut_registry_find (registry, tiny), model);
    ck_assert_int_eq (strncmp (model->revision, "0.0.0+", 6), 0);
    ck_assert_ptr_null (aut_registry_find (registry, "other"));
    bool told = false;
    for (size_t i = 0; i < aut_registry_warning_count (registry); i++)
        told |= strstr (aut_registry_warning (registry, i), "supported: WanPipeline") != NULL;
    ck_assert (told);
    model = aut_registry_find (registry, "itself");
    ck_assert_ptr_nonnull (model);
    ck_assert_uint_eq (model->size_multiple, 16);
    ck_assert_uint_eq (model->tail_max, 1);
    ck_assert (!aut_model_can (model, AUT_CAPABILITY_TEXT_TO_VIDEO));
    /* other weights are another revision */
    char *before = aut_sprintf ("%s", aut_registry_find (registry, "tiny-one")->revision);
    aut_registry_destroy (&registry);
    write_file ("01234567890", tiny, "transformer", "a.safetensors");
    ck_assert_int_eq (aut_registry_open (&registry, list), 0);
    ck_assert_str_ne (before, aut_registry_find (registry, "tiny-one")->revision);
    aut_registry_destroy (&registry);
    ck_assert_int_eq (aut_dir_remove (dir), 0);
    free (before);
    free (list);
    free (tiny);
    free (other);
    free (itself);
}
END_TEST

#define COMMIT "0123456789abcdef0123456789abcdef01234567"
#define SOURCED(id, source)                                                                        \
    "{\"id\":\"" id "\",\"name\":\"M\",\"version\":\"1.2.3\",\"type\":\"video\","                  \
    "\"capabilities\":[\"text-to-video\"],\"license\":\"Apache-2.0\","                             \
    "\"auteur\":{\"backend\":\"wan\",\"source\":\"" source "\"," VIDEO "," TIERS "}}"

static char *put_cached (const char *cache, const char *folder, const char *index)
{
    char *repository = aut_path_join (cache, folder, NULL);
    char *snapshot = aut_path_join (repository, "snapshots", COMMIT, NULL);
    put_folder (snapshot, index, VAE_22);
    write_file (COMMIT, repository, "refs", "main");
    free (repository);
    return snapshot;
}

/*  Weights elsewhere: below the manifest, and in the Hugging Face cache. */
START_TEST (sources)
{
    char dir[] = "/tmp/auteur-film-XXXXXX";
    ck_assert_ptr_nonnull (mkdtemp (dir));
    char *cache = aut_path_join (dir, "hub", NULL);
    setenv ("HF_HUB_CACHE", cache, 1);
    free (put_cached (cache, "models--Org--Pic", INDEX ("FluxPipeline", "false")));
    free (put_cached (cache, "models--Org--Known", INDEX ("WanPipeline", "true")));
    char *snapshot = put_cached (cache, "models--Org--New", INDEX ("WanPipeline", "true"));
    put (dir, "a", "model.json", SOURCED ("a", "weights"));
    put (dir, "b", "model.json", SOURCED ("b", "hf:Org/Known"));
    put (dir, "c", "model.json", SOURCED ("c", "hf:Org/Absent"));
    char *weights = aut_path_join (dir, "video", "models", "a", "weights", NULL);
    put_folder (weights, INDEX ("WanPipeline", "true"), VAE_22);
    aut_registry_t *registry;
    ck_assert_int_eq (aut_registry_open (&registry, dir), 0);
    ck_assert_str_eq (aut_registry_find (registry, "a")->weights, weights);
    const aut_model_t *known = aut_registry_find (registry, "b");
    ck_assert (known->available);
    ck_assert_str_eq (known->revision, "1.2.3");
    ck_assert_ptr_eq (aut_registry_find (registry, "Org/Known"), known);
    ck_assert (!aut_registry_find (registry, "c")->available);
    ck_assert_ptr_null (aut_registry_find (registry, "Org--Known"));
    ck_assert_ptr_null (aut_registry_find (registry, "Org--Pic"));
    const aut_model_t *model = aut_registry_find (registry, "Org--New");
    check_ti2v (model);
    ck_assert_str_eq (model->weights, snapshot);
    ck_assert_str_eq (model->revision, COMMIT);
    ck_assert_ptr_eq (aut_registry_find (registry, "Org/New"), model);
    ck_assert_ptr_eq (aut_registry_find (registry, "Org/New@" COMMIT), model);
    ck_assert_ptr_null (aut_registry_find (registry, "Org/New@main"));
    ck_assert_ptr_null (aut_registry_find (registry, "Org/Ne"));
    aut_registry_destroy (&registry);
    ck_assert_int_eq (aut_dir_remove (dir), 0);
    free (snapshot);
    free (weights);
    free (cache);
}
END_TEST

int main (void)
{
    const TTest *const tests[] = {shipped, bad_manifests, from_memory, draft_needs_no_gpu,
                                  folders, derived,       sources};
    return run_suite ("registry", tests, sizeof tests / sizeof *tests);
}
