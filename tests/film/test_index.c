/*  The index of model artifacts: the shipped one, and each rule broken once. */
#include "lib/film/index.h"
#include "tests/film/support.h"

#include "lib/core/error.h"
#include "lib/core/file.h"
#include "lib/core/mem.h"

#include <stdlib.h>
#include <string.h>

#define HASH "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define ENTRY                                                                                      \
    "{\"id\":\"auteur-mini\",\"version\":\"1.0.0\",\"semanticTags\":[\"video\"],"                  \
    "\"dataset\":{\"id\":\"d\",\"commit\":\"c\",\"url\":\"u\"},\"training\":{\"repo\":\"r\","      \
    "\"commit\":\"c\",\"command\":\"make\"},\"artifact\":{\"filename\":\"f\",\"sha256\":\"" HASH   \
    "\",\"sizeBytes\":1},\"license\":\"Apache-2.0\",\"provenance\":{\"runId\":\"r\",\"metrics\":{" \
    "},"                                                                                           \
    "\"reproducibility\":{\"seed\":-7,\"environment\":{}}},\"more\":1}"
#define INDEX "{\"$schema\":\"./schema.json\",\"models\":[\n" ENTRY "]}"

/*  The index with `from` replaced by `to`. */
static char *change (const char *from, const char *to)
{
    const char *at = strstr (INDEX, from);
    ck_assert_ptr_nonnull (at);
    return aut_sprintf ("%.*s%s%s", (int)(at - INDEX), INDEX, to, at + strlen (from));
}

static int check (const char *text, bool deploy, aut_diags_t *diags)
{
    aut_diags_init (diags, "index.json");
    return aut_index_check (diags, text, strlen (text), deploy);
}

START_TEST (good)
{
    static const char *const changes[][2] = {
        {"\"version\"", "\"version\""},
        {"1.0.0", "10.20.30-rc.1+build-5"},
        {"\"id\":\"auteur-mini\"", "\"chakra\":\"anahata\",\"frequencyHz\":341.3,\"geometry\":"
                                   "{\"pattern\":\"p\",\"dimensions\":3},\"temporalScope\":\"t\","
                                   "\"id\":\"anahata-heart-coherence-v2\""},
    };
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        char *text = change (changes[i][0], changes[i][1]);
        aut_diags_t diags;
        int err = check (text, true, &diags);
        ck_assert_msg (err == 0, "%s: %s", changes[i][1], err ? diags.items[0].message : "");
        aut_diags_clear (&diags);
        free (text);
    }
}
END_TEST

START_TEST (bad)
{
    static const struct {
        const char *from, *to, *path;
    } cases[] = {
        {"\"id\":\"auteur-mini\",", "", "models[0].id"},
        {"auteur-mini", "ab", "models[0].id"},
        {"auteur-mini", "Auteur", "models[0].id"},
        {"auteur-mini", "auteur-", "models[0].id"},
        {"1.0.0", "1.0", "models[0].version"},
        {"1.0.0", "1.0.00", "models[0].version"},
        {"1.0.0", "v1.0.0", "models[0].version"},
        {"1.0.0", "1.0.0-", "models[0].version"},
        {HASH, "abc", "models[0].artifact.sha256"},
        {"\"sizeBytes\":1", "\"sizeBytes\":-1", "models[0].artifact.sizeBytes"},
        {"\"sizeBytes\":1", "\"sizeBytes\":\"1\"", "models[0].artifact.sizeBytes"},
        {"\"license\":\"Apache-2.0\",", "", "models[0].license"},
        {"\"url\":\"u\"", "\"x\":1", "models[0].dataset.url"},
        {"\"metrics\":{}", "\"metrics\":[]", "models[0].provenance.metrics"},
        {"\"more\":1", "\"chakra\":\"heart\"", "models[0].chakra"},
        {"\"more\":1", "\"chakra\":\"ajna\"", "models[0].id"},
        {"\"more\":1", "\"frequencyHz\":10001", "models[0].frequencyHz"},
        {"\"more\":1", "\"geometry\":{\"pattern\":1}", "models[0].geometry.dimensions"},
        {ENTRY, ENTRY "," ENTRY, "models[1].id"},
        {"\"models\"", "\"model\"", "models"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *text = change (cases[i].from, cases[i].to);
        aut_diags_t diags;
        ck_assert_msg (check (text, false, &diags) == AUT_ERR_INVALID, "%s", cases[i].to);
        ck_assert_msg (diags.errors == 1, "%s: %zu errors", cases[i].to, diags.errors);
        ck_assert_str_eq (diags.items[0].path, cases[i].path);
        aut_diags_clear (&diags);
        free (text);
    }
}
END_TEST

START_TEST (placeholders)
{
    char *text = change (HASH, "TODO-STUB-HASH");
    aut_diags_t diags;
    ck_assert_int_eq (check (text, false, &diags), 0);
    ck_assert_uint_eq (diags.warnings, 1);
    ck_assert_str_eq (diags.items[0].path, "models[0].artifact.sha256");
    aut_diags_clear (&diags);
    ck_assert_int_eq (check (text, true, &diags), AUT_ERR_INVALID);
    ck_assert_uint_eq (diags.errors, 1);
    aut_diags_clear (&diags);
    free (text);
}
END_TEST

START_TEST (shipped)
{
    char *text;
    size_t size;
    aut_diags_t diags;
    ck_assert_int_eq (
        aut_file_read (AUTEUR_TEST_DATA "/../models/index.json", 1 << 20, &text, &size), 0);
    ck_assert_int_eq (check (text, true, &diags), 0);
    aut_diags_clear (&diags);
    free (text);
}
END_TEST

int main (void)
{
    const TTest *const tests[] = {good, bad, placeholders, shipped};
    return run_suite ("index", tests, sizeof tests / sizeof *tests);
}
