/*  Plans: golden ones, and what they must and must not depend on.
 *
 *  The golden plans (data/NAME.plan) were checked by an independent program: frames, starts, native
 *  sizes by search, lattice and sums of chunks, seeds, and keys as the SHA-256 of sorted JSON.
 */
#include "tests/film/support.h"

#include "lib/core/error.h"
#include "lib/core/mem.h"

#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static void check_golden (const char *name)
{
    aut_registry_t *registry = open_registry ();
    char *file = aut_sprintf ("%s.json", name), *golden = aut_sprintf ("%s.plan", name);
    char *text = read_data (file), *wanted = read_data (golden);
    char *found = plan_json (registry, text);
    wanted[strcspn (wanted, "\n")] = 0;
    ck_assert_str_eq (found, wanted);
    free (found);
    free (wanted);
    free (text);
    free (golden);
    free (file);
    aut_registry_destroy (&registry);
}

START_TEST (golden)
{
    static const char *const names[] = {"minimal", "lighthouse", "long-take", "everything"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        check_golden (names[i]);
}
END_TEST

START_TEST (any_locale_folder_and_zone)
{
    static const char *const locales[] = {"de_DE.UTF-8", "tr_TR.UTF-8", "fr_FR.UTF-8", "C", ""};
    ck_assert_int_eq (setenv ("TZ", "Pacific/Kiritimati", 1), 0);
    tzset ();
    ck_assert_int_eq (chdir ("/"), 0);
    for (size_t i = 0; i < sizeof locales / sizeof *locales; i++)
        if (setlocale (LC_ALL, locales[i]))
            check_golden ("everything");
}
END_TEST

#define FILM(head, first, second)                                                                  \
    "{\"storyboard\":\"1\",\"project\":\"p\"," head "\"scenes\":[{\"id\":\"s\",\"shots\":[" first  \
    "," second "]}]}"
#define A "{\"id\":\"a\",\"prompt\":\"x\"}"
#define B "{\"id\":\"b\",\"prompt\":\"y\"}"
#define MODEL "\"model\":\"wan2.2-ti2v-5b\","
#define C(members) "{\"id\":\"c\",\"prompt\":\"z\"," members "\"duration\":6}"

/*  The keys of a shot's chunks, joined. */
static char *keys (const char *text, const char *shot)
{
    aut_registry_t *registry = open_registry ();
    aut_storyboard_t *film;
    aut_plan_t *plan = plan_good (registry, text, &film);
    aut_buffer_t out = {0};
    for (size_t i = 0; i < plan->chunk_count; i++) {
        char hex[AUT_HASH_HEX];
        if (strcmp (plan->shots[plan->chunks[i].shot].shot->id, shot) == 0)
            aut_buffer_text (&out, aut_hash_hex (&plan->chunks[i].key, hex));
    }
    ck_assert_uint_gt (out.size, 0);
    aut_plan_destroy (&plan);
    aut_storyboard_destroy (&film);
    aut_registry_destroy (&registry);
    return aut_buffer_take (&out, NULL);
}

static bool same_keys (const char *one, const char *other, const char *shot)
{
    char *a = keys (one, shot), *b = keys (other, shot);
    bool same = strcmp (a, b) == 0;
    free (a);
    free (b);
    return same;
}

START_TEST (keys_leave_out)
{
    static const char *const others[] = {
        FILM ("\"title\":\"T\",\"x\":{\"k\":1},", A, B),
        FILM ("", B, A),
        "{\"storyboard\":\"1\",\"project\":\"other\",\"scenes\":[{\"id\":\"t\","
        "\"shots\":[" A "]},{\"id\":\"u\",\"shots\":[" B "]}]}",
        FILM ("\"output\":{\"upscale\":\"4k\"},\"audio\":[{\"temp\":\"tone\"}],", A, B),
        FILM ("", "{\"id\":\"a\",\"prompt\":\"x\",\"dialogue\":\"d\",\"sound\":\"s\",\"x\":1}", B),
        FILM ("\"defaults\":{\"transition\":{\"type\":\"dissolve\",\"duration\":1}},", A, B),
        FILM ("", "{\"id\":\"a\",\"prompt\":\"x\",\"duration\":4.0}", B),
        FILM ("", "{\"id\":\"a\",\"prompt\":\"x\",\"seed\":0,\"tier\":\"animatic\"}", B),
        FILM ("\"defaults\":{\"fps\":24.0,\"guidance\":1.0},", A, B),
        FILM ("\"ingredients\":[{\"id\":\"k\",\"type\":\"style\",\"name\":\"\",\"description\":"
              "\"d\"}],",
              A, B),
        FILM ("", A, C ("")),
    };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        ck_assert_msg (same_keys (FILM ("", A, B), others[i], "a"), "%s", others[i]);
}
END_TEST

START_TEST (keys_take_in)
{
    static const char *const others[] = {
        FILM ("\"defaults\":{\"seed\":1},", A, B),
        FILM ("\"defaults\":{\"width\":640},", A, B),
        FILM ("\"defaults\":{\"height\":640},", A, B),
        FILM ("\"defaults\":{\"fps\":25},", A, B),
        FILM ("\"defaults\":{\"fps\":23.976},", A, B),
        FILM ("\"defaults\":{\"duration\":5},", A, B),
        FILM ("\"defaults\":{\"steps\":2},", A, B),
        FILM ("\"defaults\":{\"guidance\":2},", A, B),
        FILM ("\"defaults\":{" MODEL "\"seed\":0},", A, B),
        FILM ("\"style\":{\"prompt\":\"s\"},", A, B),
        FILM ("\"style\":{\"negative\":\"s\"},", A, B),
        FILM ("", "{\"id\":\"a\",\"prompt\":\"X\"}", B),
        FILM ("", "{\"id\":\"a\",\"prompt\":\"x\",\"seed\":9}", B),
        FILM ("", "{\"id\":\"a\",\"prompt\":\"x\",\"negative\":\"n\"}", B),
        FILM ("", "{\"id\":\"a\",\"prompt\":\"x\",\"camera\":{\"move\":\"pan-left\"}}", B),
        FILM ("", "{\"id\":\"a\",\"prompt\":\"x\",\"init\":{\"image\":\"a.png\"}}", B),
        FILM ("", "{\"id\":\"a\",\"prompt\":\"x\",\"last\":{\"image\":\"a.png\"}}", B),
        FILM ("", B, "{\"id\":\"a\",\"prompt\":\"x\",\"init\":{\"from\":\"previous\"}}"),
    };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        ck_assert_msg (!same_keys (FILM ("", A, B), others[i], "a"), "%s", others[i]);
}
END_TEST

/*  A shot that starts from the one before changes with it; others do not. */
START_TEST (previous_hands_on)
{
    static const char one[] = FILM ("", A, C ("\"init\":{\"from\":\"previous\"},") "," B);
    static const char other[] = FILM ("", "{\"id\":\"a\",\"prompt\":\"changed\"}",
                                      C ("\"init\":{\"from\":\"previous\"},") "," B);
    ck_assert (!same_keys (one, other, "a"));
    ck_assert (!same_keys (one, other, "c"));
    ck_assert (same_keys (one, other, "b"));
}
END_TEST

/*  The content of a picture decides, not its name. */
static int by_name (void *ctx, const char *path, aut_asset_kind_t kind, aut_hash_t *hash)
{
    (void)kind;
    *hash = aut_hash_of (ctx, path[0] == 'a' ? 1 : 2);
    return 0;
}

static aut_hash_t picture_key (const char *path, const char *content)
{
    aut_registry_t *registry = open_registry ();
    aut_storyboard_t *film;
    aut_plan_t *plan;
    aut_diags_t diags;
    aut_assets_t assets = {by_name, (void *)content};
    char *text =
        aut_sprintf ("{\"storyboard\":\"1\",\"project\":\"p\",\"scenes\":[{\"id\":\"s\","
                     "\"shots\":[{\"id\":\"a\",\"prompt\":\"x\",\"init\":{\"image\":\"%s\"}}]"
                     "}]}",
                     path);
    aut_diags_init (&diags, "f");
    ck_assert_int_eq (aut_storyboard_read (&film, &diags, text, strlen (text), registry, &assets),
                      0);
    ck_assert_int_eq (aut_plan_new (&plan, film, registry), 0);
    aut_hash_t key = plan->chunks[0].key;
    aut_plan_destroy (&plan);
    aut_storyboard_destroy (&film);
    aut_diags_clear (&diags);
    aut_registry_destroy (&registry);
    free (text);
    return key;
}

START_TEST (pictures_by_content)
{
    aut_hash_t one = picture_key ("a.png", "xy"), moved = picture_key ("a/b.png", "xz");
    aut_hash_t other = picture_key ("b.png", "xy"), changed = picture_key ("a.png", "yy");
    ck_assert (aut_hash_equal (&one, &moved));
    ck_assert (!aut_hash_equal (&one, &other));
    ck_assert (!aut_hash_equal (&one, &changed));
}
END_TEST

#define MINI(available)                                                                            \
    "{\"id\":\"small-draft\",\"name\":\"M\",\"version\":\"1\",\"type\":\"video\","                 \
    "\"capabilities\":[\"text-to-video\",\"image-to-video\"],\"license\":\"Apache-2.0\","          \
    "\"files\":[{\"name\":\"w\",\"hash\":\"sha256:" available                                      \
    "\"}],\"auteur\":{\"backend\":\"wan\","                                                        \
    "\"video\":{\"fps\":8,\"frames\":{\"multiple\":4,\"offset\":1,\"max\":17},\"size\":"           \
    "{\"multiple\":16,\"default\":[96,64]},\"tail\":{\"min\":1,\"max\":5}},"                       \
    "\"tiers\":{\"draft\":{\"steps\":20,\"guidance\":4.5}}}}"
#define HEX_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define HEX_B "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab"

START_TEST (a_small_model_by_manifest_alone)
{
    static const char *const manifests[] = {MINI (HEX_A), MINI (HEX_B)};
    static const char text[] =
        FILM ("\"defaults\":{\"model\":\"small-draft\",\"duration\":2},", A, C (""));
    aut_hash_t key[2];
    for (int i = 0; i < 2; i++) {
        aut_registry_t *registry = open_registry ();
        aut_storyboard_t *film;
        ck_assert_int_eq (
            aut_registry_add (registry, "m", manifests[i], strlen (manifests[i]), false), 0);
        aut_plan_t *plan = plan_good (registry, text, &film);
        ck_assert_uint_eq (plan->width, 96);
        ck_assert_uint_eq (plan->height, 64);
        ck_assert_uint_eq (plan->shots[0].chunk_count, 1);
        ck_assert_uint_eq (plan->chunks[0].frames, 17);
        ck_assert_uint_eq (plan->chunks[0].keep, 16);
        /* 6 s are 48 frames at 8 a second: 17, then twice 12 kept of 17, then the rest */
        ck_assert_uint_eq (plan->shots[1].native_frames, 48);
        ck_assert_uint_eq (plan->shots[1].chunk_count, 4);
        ck_assert_uint_eq (plan->chunks[2].drop, 5);
        ck_assert_uint_eq (plan->warning_count, 0);
        ck_assert (!plan->lowered);
        key[i] = plan->chunks[0].key;
        aut_plan_destroy (&plan);
        aut_storyboard_destroy (&film);
        aut_registry_destroy (&registry);
    }
    ck_assert_msg (!aut_hash_equal (&key[0], &key[1]), "declared hashes are part of the key");
}
END_TEST

START_TEST (lower_tiers_are_told)
{
    aut_registry_t *registry = open_registry ();
    aut_storyboard_t *film;
    aut_plan_t *plan =
        plan_good (registry, FILM ("\"defaults\":{\"tier\":\"final\"},", A, B), &film);
    ck_assert (plan->lowered);
    ck_assert_uint_eq (plan->warning_count, 1);
    ck_assert_str_eq (plan->warnings[0],
                      "tier \"final\": no model for it ships or is found; planned as \"animatic\"");
    aut_plan_destroy (&plan);
    aut_storyboard_destroy (&film);
    aut_registry_destroy (&registry);
}
END_TEST

START_TEST (prompts)
{
    static const struct {
        const char *style, *shot, *prompt, *negative;
    } cases[] = {
        {"", ",\"negative\":\"n\"", "x", "n"},
        {"\"prompt\":\"s\",\"negative\":\"t\"", "", "s. x", "t"},
        {"\"prompt\":\"s.\",\"negative\":\"t\"", ",\"negative\":\"n\"", "s. x", "n, t"},
        {"\"prompt\":\"  s \"", "", "  s . x", ""},
        {"\"prompt\":\"s:\"",
         ",\"camera\":{\"size\":\"extreme-close-up\",\"move\":\"zoom-out\",\"angle\":\"low\","
         "\"notes\":\"slow!\"},\"ingredients\":[\"o\",\"c\",\"l\"]",
         "s: x. extreme close-up, low, camera zooms out, slow! a cup. Bo: a man; a room", ""},
        {"", ",\"camera\":{\"notes\":\"\"}", "x", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        aut_registry_t *registry = open_registry ();
        aut_storyboard_t *film;
        char *body = aut_sprintf (
            "\"style\":{%s},\"ingredients\":[{\"id\":\"c\",\"type\":\"character\",\"name\":\"Bo\","
            "\"description\":\"a man;\"},{\"id\":\"o\",\"type\":\"object\",\"name\":\"\","
            "\"description\":\"a cup\"},{\"id\":\"l\",\"type\":\"location\",\"name\":\"Room\","
            "\"description\":\"a room\"}],\"scenes\":[{\"id\":\"s\",\"shots\":[{\"id\":\"a\","
            "\"prompt\":\"x\"%s}]}]",
            cases[i].style, cases[i].shot);
        char *text = wrap (body);
        aut_plan_t *plan = plan_good (registry, text, &film);
        ck_assert_str_eq (plan->shots[0].prompt, cases[i].prompt);
        ck_assert_str_eq (plan->shots[0].negative, cases[i].negative);
        aut_plan_destroy (&plan);
        aut_storyboard_destroy (&film);
        aut_registry_destroy (&registry);
        free (text);
        free (body);
    }
}
END_TEST

int main (void)
{
    const TTest *const tests[] = {golden,
                                  any_locale_folder_and_zone,
                                  keys_leave_out,
                                  keys_take_in,
                                  previous_hands_on,
                                  pictures_by_content,
                                  a_small_model_by_manifest_alone,
                                  lower_tiers_are_told,
                                  prompts};
    return run_suite ("plan", tests, sizeof tests / sizeof *tests);
}
