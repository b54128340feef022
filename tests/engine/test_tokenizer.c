/*  The tokenizer against the reference's ids, in every layout of the folder that is published, and
 *  folders that are refused.
 */
#include "lib/core/error.h"
#include "lib/core/file.h"
#include "lib/core/json.h"
#include "lib/core/mem.h"
#include "node/engine/text/charsmap.h"
#include "node/engine/text/grapheme.h"
#include "node/engine/text/spiece.h"
#include "node/engine/text/tokenizer.h"
#include "tests/core/support.h"
#include "tests/engine/suites.h"
#include "tests/engine/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(a) (sizeof (a) / sizeof *(a))
#define GOLDEN GOLDENS "wan21-t2v/model/tokenizer"

static char *folder;

static void set_up (void)
{
    folder = make_folder ();
}

static void tear_down (void)
{
    remove_folder (&folder);
}

static void take (const char *name)
{
    char *from = aut_path_join (GOLDEN, name, NULL), *to = aut_path_join (folder, name, NULL);
    ck_assert_int_eq (aut_file_copy (from, to), 0);
    free (from);
    free (to);
}

static void put (const char *name, const char *text)
{
    char *path = aut_path_join (folder, name, NULL);
    ck_assert_int_eq (aut_file_write (path, text, strlen (text)), 0);
    free (path);
}

static tokenizer_t *open_folder (const char *path)
{
    tokenizer_t *t = NULL;
    ck_assert_msg (tokenizer_open (&t, path, "tokenizer") == 0, "%s", aut_error_detail ());
    return t;
}

static void check_ids (const tokenizer_t *t, const char *text, size_t max, const json_t *expected)
{
    int32_t *ids = NULL;
    size_t count = 0;
    ck_assert_int_eq (tokenizer_encode (t, text, max, &ids, &count), 0);
    ck_assert_msg (count == json_array_size (expected), "\"%.60s\": %zu ids, %zu expected", text,
                   count, json_array_size (expected));
    for (size_t i = 0; i < count; i++) {
        int32_t id = (int32_t)json_integer_value (json_array_get (expected, i));
        ck_assert_msg (ids[i] == id, "\"%.60s\": id %zu is %d, not %d", text, i, ids[i], id);
    }
    free (ids);
}

static json_t *load_json (const char *path)
{
    json_t *json = NULL;
    ck_assert_msg (aut_json_load (&json, path, 8u << 20) == 0, "%s", aut_error_detail ());
    return json;
}

/* ---- ids ---------------------------------------------------------------------------------- */

/*  Which files a folder has beside spiece.model. */
static const char *const layouts[][4] = {
    {"tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"},
    {"tokenizer.json"},
    {"tokenizer_config.json", "special_tokens_map.json"},
    {"tokenizer_config.json"},
    {"special_tokens_map.json"},
};

static void one_goldens_are_equal (int number)
{
    take ("spiece.model");
    for (size_t i = 0; layouts[number][i]; i++)
        take (layouts[number][i]);
    tokenizer_t *t = open_folder (folder);
    json_t *tokens = load_json (GOLDENS "tokens.json"), *entry;
    json_t *strings = json_object_get (tokens, "strings");
    size_t i;
    ck_assert_uint_ge (json_array_size (strings), 60);
    json_array_foreach (strings, i, entry)
    {
        check_ids (t, json_string_value (json_object_get (entry, "cleaned")), 512,
                   json_object_get (entry, "ids"));
    }
    ck_assert_int_eq (tokenizer_pad_id (t), 0);
    json_decref (tokens);
    tokenizer_close (&t);
    ck_assert_ptr_null (t);
}

START_TEST (goldens_are_equal)
{
    each_case_anew (COUNT (layouts), one_goldens_are_equal, set_up, tear_down);
}
END_TEST

/*  Changes tokenizer.json as vary () of make_token_cases.py. */
static void vary (json_t *tokenizer, const json_t *variant)
{
    json_t *added = json_object_get (variant, "added");
    json_t *before = json_object_get (variant, "pre_tokenizer");
    if (added)
        json_array_extend (json_object_get (tokenizer, "added_tokens"), added);
    if (before)
        json_object_set (tokenizer, "pre_tokenizer", before);
    if (json_object_get (variant, "normalizer")) {
        json_t *steps = json_object_get (json_object_get (tokenizer, "normalizer"), "normalizers");
        json_object_set (tokenizer, "normalizer", json_array_get (steps, 0));
    }
    if (!json_object_get (variant, "byte_fallback"))
        return;
    json_t *model = json_object_get (tokenizer, "model");
    json_object_set_new (model, "byte_fallback", json_true ());
    for (int byte = 0; byte < 256; byte++) {
        char name[8];
        snprintf (name, sizeof name, "<0x%02X>", (unsigned)byte);
        json_array_append_new (json_object_get (model, "vocab"), json_pack ("[s, f]", name, 0.0));
    }
}

static void put_json (const char *name, const json_t *json)
{
    char *text = json_dumps (json, JSON_COMPACT);
    put (name, text);
    free (text);
}

static void one_variants_are_equal (int number)
{
    json_t *variants = load_json (AUTEUR_TEST_DATA "/engine/token_cases.json");
    const json_t *variant = json_array_get (variants, (size_t)number);
    json_t *tokenizer = load_json (GOLDEN "/tokenizer.json");
    ck_assert_uint_eq (json_array_size (variants), 6);
    vary (tokenizer, variant);
    put_json ("tokenizer.json", tokenizer);
    take ("spiece.model");
    tokenizer_t *t = open_folder (folder);
    size_t i;
    json_t *entry;
    json_array_foreach (json_object_get (variant, "strings"), i, entry)
    {
        check_ids (t, json_string_value (json_object_get (entry, "text")), 4096,
                   json_object_get (entry, "ids"));
    }
    tokenizer_close (&t);
    json_decref (tokenizer);
    json_decref (variants);
}

START_TEST (variants_are_equal)
{
    each_case_anew (6, one_variants_are_equal, set_up, tear_down);
}
END_TEST

/*  Older folders have added_tokens.json: a special token there is taken from the text as it stands,
 *  any other from the normalised text. */
START_TEST (older_folders_are_read)
{
    take ("spiece.model");
    put ("special_tokens_map.json",
         "{\"eos_token\": \"</s>\", \"pad_token\": {\"content\": \"<pad>\"}}");
    put ("added_tokens.json", "{\"[X]\": 950}");
    tokenizer_t *t = open_folder (folder);
    int32_t *ids;
    size_t count;
    ck_assert_int_eq (tokenizer_encode (t, "</s>\xEF\xBC\xBBX\xEF\xBC\xBD<pad>", 9, &ids, &count),
                      0);
    ck_assert_uint_eq (count, 4);
    ck_assert_int_eq (ids[0], 1);
    ck_assert_int_eq (ids[1], 950);
    ck_assert_int_eq (ids[2], 0);
    ck_assert_int_eq (ids[3], 1);
    free (ids);
    tokenizer_close (&t);
}
END_TEST

START_TEST (long_texts_are_cut)
{
    tokenizer_t *t = open_folder (GOLDEN);
    int32_t *all, *some;
    size_t count, cut;
    const char *text = "The red fox runs through fresh snow </s><extra_id_0> and away.";
    ck_assert_int_eq (tokenizer_encode (t, text, 512, &all, &count), 0);
    ck_assert_uint_gt (count, 10);
    for (size_t max = 1; max < count; max++) {
        ck_assert_int_eq (tokenizer_encode (t, text, max, &some, &cut), 0);
        ck_assert_uint_eq (cut, max);
        ck_assert_mem_eq (some, all, (max - 1) * sizeof *some);
        ck_assert_int_eq (some[max - 1], 1);
        free (some);
    }
    free (all);
    tokenizer_close (&t);
}
END_TEST

START_TEST (bad_texts_are_refused)
{
    tokenizer_t *t = open_folder (GOLDEN);
    int32_t *ids;
    size_t count;
    ck_assert_int_eq (tokenizer_encode (t, "a\xFFz", 8, &ids, &count), AUT_ERR_INVALID);
    ck_assert_ptr_nonnull (strstr (aut_error_detail (), "byte 1"));
    ck_assert_ptr_null (ids);
    ck_assert_int_eq (tokenizer_encode (t, "a", 0, &ids, &count), AUT_ERR_INVALID);
    size_t size = (1u << 20) + 1;
    char *text = aut_calloc (size + 1, 1);
    memset (text, 'a', size);
    ck_assert_int_eq (tokenizer_encode (t, text, 8, &ids, &count), AUT_ERR_TOO_LARGE);
    text[size - 1] = '\0';
    ck_assert_int_eq (tokenizer_encode (t, text, 8, &ids, &count), 0);
    ck_assert_uint_eq (count, 8);
    free (ids);
    free (text);
    tokenizer_close (&t);
}
END_TEST

/* ---- folders ------------------------------------------------------------------------------ */

#define TOKENIZER(normalizer, pre_tokenizer, model)                                                \
    "{\"normalizer\":" normalizer ",\"pre_tokenizer\":" pre_tokenizer ",\"model\":" model "}"
#define PRECOMPILED "{\"type\":\"Precompiled\"}"
#define SPACE "{\"type\":\"Metaspace\",\"replacement\":\"\xE2\x96\x81\"}"

static const struct {
    const char *file, *text, *says;
    int code;
} refused[] = {
    {"tokenizer.json", "[]", "tokenizer.json", AUT_ERR_INVALID},
    {"tokenizer.json", "{", "tokenizer.json", AUT_ERR_INVALID},
    {"tokenizer.json", "{}", "normalizer", AUT_ERR_UNSUPPORTED},
    {"tokenizer.json", TOKENIZER ("{\"type\":\"NFC\"}", SPACE, "{}"), "normalizer",
     AUT_ERR_UNSUPPORTED},
    {"tokenizer.json", TOKENIZER (PRECOMPILED, "{\"type\":\"ByteLevel\"}", "{}"), "pre_tokenizer",
     AUT_ERR_UNSUPPORTED},
    {"tokenizer.json", TOKENIZER (PRECOMPILED, SPACE, "{\"type\":\"BPE\"}"), "BPE",
     AUT_ERR_UNSUPPORTED},
    {"tokenizer.json", TOKENIZER (PRECOMPILED, SPACE, "{\"type\":\"Unigram\",\"vocab\":[[1,2]]}"),
     "piece 0", AUT_ERR_CORRUPT},
    {"tokenizer.json", TOKENIZER (PRECOMPILED, SPACE, "{\"type\":\"Unigram\",\"vocab\":[[\"a\"]]}"),
     "entry 0", AUT_ERR_INVALID},
    {"tokenizer.json", TOKENIZER (PRECOMPILED, SPACE, "{\"type\":\"Unigram\",\"unk_id\":16000000}"),
     "unknown", AUT_ERR_INVALID},
    {"tokenizer_config.json", "{\"extra_ids\": 1000000000}", "extra_ids", AUT_ERR_INVALID},
    {"tokenizer_config.json", "{\"eos_token\": \"<end>\"}", "end token", AUT_ERR_CORRUPT},
    {"tokenizer_config.json", "{\"added_tokens_decoder\": {\"x\": {}}}", "\"x\"", AUT_ERR_INVALID},
    {"tokenizer_config.json", "{\"added_tokens_decoder\": {\"-1\": {\"content\": \"a\"}}}",
     "added token -1", AUT_ERR_INVALID},
    {"tokenizer_config.json", "{\"added_tokens_decoder\": {\"7\": {}}}", "no content",
     AUT_ERR_INVALID},
    {"tokenizer_config.json",
     "{\"added_tokens_decoder\": {\"7\": {\"content\": \"a\", \"single_word\": true}}}",
     "single_word", AUT_ERR_UNSUPPORTED},
    {"added_tokens.json", "{\"a\": \"b\"}", "added_tokens.json", AUT_ERR_INVALID},
    {"spiece.model", "no model", "spiece.model", AUT_ERR_CORRUPT},
};

static void one_bad_folders_are_refused (int i)
{
    tokenizer_t *t = NULL;
    take ("spiece.model");
    put (refused[i].file, refused[i].text);
    ck_assert_int_eq (tokenizer_open (&t, folder, "tokenizer"), refused[i].code);
    ck_assert_ptr_null (t);
    ck_assert_msg (strstr (aut_error_detail (), refused[i].says), "%s", aut_error_detail ());
}

START_TEST (bad_folders_are_refused)
{
    each_case_anew (COUNT (refused), one_bad_folders_are_refused, set_up, tear_down);
}
END_TEST

START_TEST (missing_model_is_named)
{
    tokenizer_t *t = NULL;
    take ("tokenizer.json");
    ck_assert_int_eq (tokenizer_open (&t, folder, "tokenizer"), AUT_ERR_NOT_FOUND);
    ck_assert_ptr_nonnull (strstr (aut_error_detail (), "tokenizer/spiece.model is missing"));
}
END_TEST

/*  A model file that is cut anywhere, or damaged, is refused or opens: no more is asked. */
START_TEST (damaged_models_do_no_harm)
{
    char *data, *path = aut_path_join (folder, "spiece.model", NULL);
    size_t size;
    ck_assert_int_eq (aut_file_read (GOLDEN "/spiece.model", 1u << 20, &data, &size), 0);
    uint32_t random = 1;
    for (int i = 0; i < 60; i++) {
        char *copy = aut_strndup ("", 0);
        copy = aut_realloc (copy, size, 1);
        memcpy (copy, data, size);
        for (int k = 0; k < 20; k++) {
            random = random * 1664525u + 1013904223u;
            copy[(random >> 8) % (i % 2 ? size : 9000)] = (char)(random >> 3);
        }
        size_t length = i % 3 ? size : (random >> 4) % size;
        spiece_t specs;
        charsmap_t *map = NULL;
        if (spiece_read (&specs, copy, length, "x") == 0 &&
            charsmap_new (&map, specs.charsmap, specs.charsmap_size, "x") == 0) {
            aut_buffer_t out = {0};
            charsmap_apply (map, "a\xEF\xBC\xA1\xC2\xBD\xCC\x81 \xE3\x81\x8B", 13, &out);
            aut_buffer_clear (&out);
        }
        charsmap_destroy (&map);
        free (copy);
    }
    free (data);
    free (path);
}
END_TEST

/* ---- grapheme clusters -------------------------------------------------------------------- */

/*  Examples of the rules of UAX #29; the bytes of the first cluster. */
static const struct {
    const char *text;
    size_t bytes;
} clusters[] = {
    {"ab", 1},
    {"\r\nx", 2},                                            /* GB3 */
    {"\n\r", 1},                                             /* GB4 */
    {"a\n", 1},                                              /* GB5 */
    {"\xE1\x84\x80\xE1\x85\xA1\xE1\x86\xA8\xE1\x84\x80", 9}, /* GB6–8: L V T | L */
    {"\xEA\xB0\x80\xE1\x86\xA8\xEA\xB0\x80", 6},             /* LV T | LV */
    {"e\xCC\x81\xCC\x82z", 5},                               /* GB9 */
    {"\xE0\xA4\x95\xE0\xA4\xBEz", 6},                        /* GB9a */
    {"\xD8\x80z", 3},                                        /* GB9b */
    {"\xE0\xA4\x95\xE0\xA5\x8D\xE0\xA4\xA4z", 9},            /* GB9c */
    {"\xE0\xA4\x95\xE0\xA4\xA4", 3},                         /* no linker */
    {"\xF0\x9F\x91\xA9\xE2\x80\x8D\xF0\x9F\x9A\x80z", 11},   /* GB11 */
    {"a\xE2\x80\x8D\xF0\x9F\x9A\x80", 4},                    /* no pictograph */
    {"\xF0\x9F\x87\xA6\xF0\x9F\x87\xA7\xF0\x9F\x87\xA8\xF0\x9F\x87\xA9", 8}, /* GB12 */
};

static void one_clusters_are_found (int i)
{
    ck_assert_uint_eq (aut_grapheme_next (clusters[i].text, strlen (clusters[i].text)),
                       clusters[i].bytes);
}

START_TEST (clusters_are_found)
{
    each_case (COUNT (clusters), one_clusters_are_found);
}
END_TEST

TCase *suite_tokenizer (void)
{
    TCase *tc = tcase_create ("tokenizer");
    tcase_add_checked_fixture (tc, set_up, tear_down);
    tcase_add_test (tc, goldens_are_equal);
    tcase_add_test (tc, variants_are_equal);
    tcase_add_test (tc, older_folders_are_read);
    tcase_add_test (tc, long_texts_are_cut);
    tcase_add_test (tc, bad_texts_are_refused);
    tcase_add_test (tc, bad_folders_are_refused);
    tcase_add_test (tc, missing_model_is_named);
    tcase_add_test (tc, damaged_models_do_no_harm);
    tcase_add_test (tc, clusters_are_found);
    return tc;
}
