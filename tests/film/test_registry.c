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
    aut_registry_t *registry = open_registry ();
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
    ck_assert_int_eq (aut_registry_default_tier (registry), AUT_TIER_ANIMATIC);
    ck_assert_ptr_null (aut_registry_tier (registry, AUT_TIER_DRAFT));
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

int main (void)
{
    const TTest *const tests[] = {shipped, bad_manifests, from_memory, folders};
    return run_suite ("registry", tests, sizeof tests / sizeof *tests);
}
