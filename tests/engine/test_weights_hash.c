/*  Hashes of weights: computed once, kept, and forgotten when a file changes. */
#include "lib/core/error.h"
#include "lib/core/file.h"
#include "lib/core/mem.h"
#include "node/engine/weights_hash.h"
#include "tests/core/support.h"
#include "tests/engine/suites.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* SHA-256 of "abc" (FIPS 180-4, example B.1) and of "abd" */
#define HASH_ABC "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define HASH_ABD "a52d159f262b2c6ddb724a61840befc36eb30c88877a4030b65cbe86298449c9"
#define HASH_ZERO "0000000000000000000000000000000000000000000000000000000000000000"

static char *s_dir, *s_file, *s_cache; /* of the test, in its own process */

static void put (const char *path, const char *text)
{
    ck_assert_int_eq (aut_file_write (path, text, strlen (text)), 0);
}

static void set_up (void)
{
    s_dir = make_folder ();
    s_file = aut_path_join (s_dir, "w.safetensors", NULL);
    s_cache = aut_path_join (s_dir, "cache", "auteur", "hashes.json", NULL);
    put (s_file, "abc");
}

static void tear_down (void)
{
    free (s_cache);
    free (s_file);
    remove_folder (&s_dir);
}

/*  Gives the file this content and the time that every file of the test has. */
static void change (const char *text, long seconds)
{
    struct timespec times[2] = {{.tv_sec = seconds}, {.tv_sec = seconds}};
    put (s_file, text);
    ck_assert_int_eq (utimensat (AT_FDCWD, s_file, times, 0), 0);
}

static void check_hash (const char *cache, const char *expected)
{
    char hex[AUT_HASH_HEX];
    ck_assert_msg (weights_hash (s_file, cache, hex) == 0, "%s", aut_error_detail ());
    ck_assert_str_eq (hex, expected);
}

START_TEST (test_kept)
{
    change ("abc", 1000);
    check_hash (s_cache, HASH_ABC);
    ck_assert (aut_file_exists (s_cache));
    change ("abd", 1000); /* unseen, and so the proof that nothing was hashed again */
    check_hash (s_cache, HASH_ABC);
    check_hash (NULL, HASH_ABD);
    change ("abd", 1001);
    check_hash (s_cache, HASH_ABD);
    change ("abc", 1001);
    check_hash (s_cache, HASH_ABD);
    change ("abcabc", 1001); /* another size */
    char hex[AUT_HASH_HEX];
    ck_assert_int_eq (weights_hash (s_file, s_cache, hex), 0);
    ck_assert_str_ne (hex, HASH_ABD);
    char *link = aut_path_join (s_dir, "link", NULL), linked[AUT_HASH_HEX];
    ck_assert_int_eq (symlink ("w.safetensors", link), 0);
    ck_assert_int_eq (weights_hash (link, s_cache, linked), 0);
    ck_assert_str_eq (linked, hex);
    free (link);
}
END_TEST

/*  Whatever is in the cache's place, the hash is right and the cache is made anew. */
START_TEST (test_bad_cache)
{
    static const char *const bad[] = {
        "",
        "{",
        "[]",
        "{\"version\":2,\"files\":{}}",
        "{\"version\":1}",
        "{\"version\":1,\"files\":[]}",
    };
    char *dir = aut_strndup (s_cache, (size_t)(strrchr (s_cache, '/') - s_cache));
    ck_assert_int_eq (aut_dir_make (dir), 0);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        put (s_cache, bad[i]);
        change ("abc", 1000);
        check_hash (s_cache, HASH_ABC);
        change ("abd", 1000);
        check_hash (s_cache, HASH_ABC);
    }
    /* entries that say nonsense */
    char *real = realpath (s_file, NULL);
    static const char *const entries[] = {
        "7",
        "{\"size\":3,\"mtime_ns\":1000000000000,\"sha256\":\"abc\"}",
        "{\"size\":\"3\",\"mtime_ns\":1000000000000,\"sha256\":\"" HASH_ZERO "\"}",
        "{\"size\":3,\"mtime_ns\":1,\"sha256\":\"" HASH_ZERO "\"}",
        "{\"size\":3,\"mtime_ns\":1000000000000}",
    };
    for (size_t i = 0; i < sizeof entries / sizeof *entries; i++) {
        char *text = aut_sprintf ("{\"version\":1,\"files\":{\"%s\":%s}}", real, entries[i]);
        put (s_cache, text);
        change ("abc", 1000);
        check_hash (s_cache, HASH_ABC);
        free (text);
    }
    free (real);
    free (dir);
    check_hash ("/dev/null/x/hashes.json", HASH_ABC); /* cannot be written: no error */
}
END_TEST

START_TEST (test_missing)
{
    char hex[AUT_HASH_HEX];
    ck_assert_int_eq (weights_hash ("/nonexistent/w", s_cache, hex), AUT_ERR_NOT_FOUND);
    ck_assert_ptr_nonnull (strstr (aut_error_detail (), "/nonexistent/w"));
    ck_assert_int_ne (weights_hash (s_dir, s_cache, hex), 0);
    /* a file that is gone is forgotten when the next one is added */
    check_hash (s_cache, HASH_ABC);
    char *other = aut_path_join (s_dir, "other", NULL), *text = NULL;
    size_t size = 0;
    put (other, "abd");
    ck_assert_int_eq (unlink (s_file), 0);
    ck_assert_int_eq (weights_hash (other, s_cache, hex), 0);
    ck_assert_int_eq (aut_file_read (s_cache, 4096, &text, &size), 0);
    ck_assert (strstr (text, "/other") && !strstr (text, "w.safetensors"));
    free (text);
    free (other);
}
END_TEST

START_TEST (test_place)
{
    setenv ("XDG_CACHE_HOME", "/c", 1);
    char *path = weights_hash_cache ();
    ck_assert_str_eq (path, "/c/auteur/weights-hashes.json");
    free (path);
    setenv ("XDG_CACHE_HOME", "relative", 1);
    setenv ("HOME", "/h", 1);
    path = weights_hash_cache ();
    ck_assert_str_eq (path, "/h/.cache/auteur/weights-hashes.json");
    free (path);
    unsetenv ("HOME");
    ck_assert_ptr_null (weights_hash_cache ());
}
END_TEST

static void copy_file (const char *from, const char *to, const char *name)
{
    char *source = aut_path_join (from, name, NULL), *target = aut_path_join (to, name, NULL);
    char *dir = aut_strndup (target, (size_t)(strrchr (target, '/') - target));
    ck_assert_int_eq (aut_dir_make (dir), 0);
    ck_assert_int_eq (aut_file_copy (source, target), 0);
    free (dir);
    free (target);
    free (source);
}

static void hash_model (const char *path, char hex[AUT_HASH_HEX])
{
    folder_t *folder = NULL;
    ck_assert_msg (folder_open (&folder, path) == 0, "%s", aut_error_detail ());
    ck_assert_msg (weights_hash_model (folder, s_cache, hex) == 0, "%s", aut_error_detail ());
    folder_close (&folder);
}

/*  The hash of a model does not depend on where it is, but on every file that is used. */
START_TEST (test_model)
{
    static const char *const names[] = {
        "model_index.json",
        "scheduler/scheduler_config.json",
        "text_encoder/config.json",
        "tokenizer/spiece.model",
        "transformer/config.json",
        "vae/config.json",
        "vae/diffusion_pytorch_model.safetensors",
    };
    char hex[3][AUT_HASH_HEX];
    char *golden = aut_path_join (AUTEUR_TEST_DATA, "engine/goldens/wan21-t2v/model", NULL);
    for (int i = 0; i < 2; i++) {
        char *to = aut_sprintf ("%s/model-%d", s_dir, i);
        for (size_t k = 0; k < sizeof names / sizeof *names; k++)
            copy_file (golden, to, names[k]);
        hash_model (to, hex[i]);
        free (to);
    }
    ck_assert_str_eq (hex[0], hex[1]);
    char *model = aut_path_join (s_dir, "model-1", NULL);
    char *readme = aut_path_join (model, "README.md", NULL);
    char *hidden = aut_path_join (model, "vae", ".hidden", NULL);
    char *added = aut_path_join (model, "vae", "x", NULL);
    put (readme, "x");
    put (hidden, "x");
    hash_model (model, hex[2]);
    ck_assert_str_eq (hex[0], hex[2]);
    put (added, "x");
    hash_model (model, hex[2]);
    ck_assert_str_ne (hex[0], hex[2]);
    free (added);
    free (hidden);
    free (readme);
    free (model);
    free (golden);
}
END_TEST

TCase *suite_weights_hash (void)
{
    TCase *tests = tcase_create ("weights_hash");
    tcase_add_checked_fixture (tests, set_up, tear_down);
    tcase_add_test (tests, test_kept);
    tcase_add_test (tests, test_bad_cache);
    tcase_add_test (tests, test_missing);
    tcase_add_test (tests, test_place);
    tcase_add_test (tests, test_model);
    return tests;
}
