/*  Every rule of the format, broken once: where it is told, and with which words. */
#include "tests/film/support.h"

#include "lib/core/error.h"
#include "lib/core/file.h"
#include "lib/core/mem.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEAD "{\"storyboard\":\"1\",\"project\":\"p\",\n"
/*  Line 3 of what SHOT makes is the shot's members. */
#define SCENES(shots) "\"scenes\":[{\"id\":\"s\",\"shots\":[\n" shots "\n]}]}"
#define SHOT(members) HEAD SCENES ("{\"id\":\"a\",\"prompt\":\"x\"" members "}")
#define TWO(first, second)                                                                         \
    HEAD SCENES ("{\"id\":\"a\",\"prompt\":\"x\"" first                                            \
                 "},\n{\"id\":\"b\",\"prompt\":\"x\"" second "}")
#define FILM(members) HEAD members ",\n" SCENES ("{\"id\":\"a\",\"prompt\":\"x\"}")

/*  The error that must be there: its line, path, a part of its message and of its hint ("" any). */
typedef struct {
    const char *text;
    unsigned line;
    const char *path, *message, *hint;
} case_t;

static const case_t cases[] = {
    /* the document */
    {"", 1, "$", "the file ends here", ""},
    {"[]", 1, "$", "must be an object, not a list", ""},
    {"{}", 1, "storyboard", "is required", ""},
    {"{\n\"storyboard\":\"1\"}", 1, "project", "is required", ""},
    {"{\"storyboard\":\"2\",\"project\":\"p\"}", 1, "storyboard", "\"2\" is not known here", ""},
    {"{\"storyboard\":1,\"project\":\"p\"}", 1, "storyboard", "must be a string, not a number", ""},
    {FILM ("\"$schema\":1"), 2, "$schema", "must be a string", ""},
    {FILM ("\"scene\":[]"), 2, "scene", "unknown key", "\"scenes\""},
    {FILM ("\"titel\":\"t\""), 2, "titel", "unknown key", "\"title\""},
    {FILM ("\"zzzzzz\":1"), 2, "zzzzzz", "unknown key", ""},
    {FILM ("\"title\":null"), 2, "title", "must be a string, not null", ""},
    {FILM ("\"project\":\"q\""), 2, "project", "twice", ""},
    {HEAD "\"scenes\":[]}", 2, "scenes", "at least one scene with one shot", ""},
    {HEAD "\"scenes\":[{\"id\":\"s\",\"shots\":[]}]}", 2, "scenes", "at least one scene", ""},
    {HEAD "\"scenes\":[{\"id\":\"s\"}]}", 2, "scenes[0].shots", "is required", ""},
    {HEAD "\"scenes\":[7]}", 2, "scenes[0]", "must be an object", ""},
    /* project and ids */
    {"{\"storyboard\":\"1\",\"project\":\"My Film\"}", 1, "project", "must be 1 to 63", ""},
    {"{\"storyboard\":\"1\",\"project\":\"-a\"}", 1, "project", "must be 1 to 63", ""},
    {"{\"storyboard\":\"1\",\"project\":\"\"}", 1, "project", "must be 1 to 63", ""},
    {HEAD SCENES ("{\"id\":\".a\",\"prompt\":\"x\"}"), 3, "scenes[0].shots[0].id",
     "must be 1 to 63", ""},
    {HEAD SCENES ("{\"id\":\"a/b\",\"prompt\":\"x\"}"), 3, "scenes[0].shots[0].id", "must be", ""},
    {HEAD SCENES ("{\"id\":\"a\",\"prompt\":\"x\"},\n{\"id\":\"a\",\"prompt\":\"x\"}"), 4,
     "scenes[0].shots[1].id", "earlier shot", ""},
    {HEAD SCENES ("{\"id\":\"aB\",\"prompt\":\"x\"},\n{\"id\":\"Ab\",\"prompt\":\"x\"}"), 4,
     "scenes[0].shots[1].id", "upper and lower case", ""},
    {HEAD "\"scenes\":[{\"id\":\"s\",\"shots\":[{\"id\":\"a\",\"prompt\":\"x\"}]},\n"
          "{\"id\":\"S\",\"shots\":[]}]}",
     3, "scenes[1].id", "earlier scene", ""},
    {FILM (
         "\"ingredients\":[{\"id\":\"k\",\"type\":\"style\",\"name\":\"\",\"description\":\"\"},\n"
         "{\"id\":\"K\",\"type\":\"style\",\"name\":\"\",\"description\":\"\"}]"),
     3, "ingredients[1].id", "earlier ingredient", ""},
    /* ingredients */
    {FILM ("\"ingredients\":[{\"id\":\"k\",\"type\":\"person\",\"name\":\"\","
           "\"description\":\"\"}]"),
     2, "ingredients[0].type", "not one of character, location, object, style", ""},
    {FILM ("\"ingredients\":[{\"id\":\"k\",\"type\":\"Character\",\"name\":\"\","
           "\"description\":\"\"}]"),
     2, "ingredients[0].type", "not one of", "\"character\""},
    {FILM ("\"ingredients\":[{\"id\":\"k\",\"type\":\"style\",\"name\":\"\"}]"), 2,
     "ingredients[0].description", "is required", ""},
    {HEAD "\"ingredients\":[{\"id\":\"keeper\",\"type\":\"style\",\"name\":\"\","
          "\"description\":\"\"}],\n" SCENES (
              "{\"id\":\"a\",\"prompt\":\"x\",\"ingredients\":[\"keper\"]}"),
     4, "scenes[0].shots[0].ingredients[0]", "no ingredient has the id", "\"keeper\""},
    {SHOT (",\"ingredients\":[\"k\"]"), 3, "scenes[0].shots[0].ingredients[0]", "no ingredient",
     ""},
    {SHOT (",\"ingredients\":\"k\""), 3, "scenes[0].shots[0].ingredients", "must be a list", ""},
    {SHOT (",\"ingredients\":[7]"), 3, "scenes[0].shots[0].ingredients[0]", "must be a string", ""},
    /* shots */
    {HEAD SCENES ("{\"id\":\"a\"}"), 3, "scenes[0].shots[0].prompt", "is required", ""},
    {HEAD SCENES ("{\"id\":\"a\",\"prompt\":\" \"}"), 3, "scenes[0].shots[0].prompt", "empty", ""},
    {SHOT (",\"duratoin\":4"), 3, "scenes[0].shots[0].duratoin", "unknown key", "\"duration\""},
    {SHOT (",\n\"duration\":0"), 4, "scenes[0].shots[0].duration", "more than 0 and at most 600",
     ""},
    {SHOT (",\"duration\":-1"), 3, "scenes[0].shots[0].duration", "more than 0", ""},
    {SHOT (",\"duration\":600.001"), 3, "scenes[0].shots[0].duration", "at most 600", ""},
    {SHOT (",\"duration\":1e400"), 3, "scenes[0].shots[0].duration", "at most 600", ""},
    {SHOT (",\"duration\":1e-400"), 3, "scenes[0].shots[0].duration", "digits", ""},
    {SHOT (",\"duration\":\"4\""), 3, "scenes[0].shots[0].duration", "must be a number, not a", ""},
    {SHOT (",\"duration\":0.02"), 3, "scenes[0].shots[0].duration", "no frame", ""},
    {SHOT (",\"camera\":{\"size\":\"close\"}"), 3, "scenes[0].shots[0].camera.size",
     "extreme-close-up", "\"close-up\""},
    {SHOT (",\"camera\":{\"move\":\"dolly_in\"}"), 3, "scenes[0].shots[0].camera.move", "not one",
     "\"dolly-in\""},
    {SHOT (",\"camera\":{\"speed\":1}"), 3, "scenes[0].shots[0].camera.speed", "unknown key", ""},
    {SHOT (",\"seed\":-1"), 3, "scenes[0].shots[0].seed", "at least 0", ""},
    {SHOT (",\"seed\":9223372036854775808"), 3, "scenes[0].shots[0].seed", "at most", ""},
    {SHOT (",\"seed\":1.5"), 3, "scenes[0].shots[0].seed", "whole number", ""},
    {SHOT (",\"steps\":0"), 3, "scenes[0].shots[0].steps", "at least 1", ""},
    {SHOT (",\"guidance\":101"), 3, "scenes[0].shots[0].guidance", "at most 100", ""},
    {SHOT (",\"tier\":\"best\""), 3, "scenes[0].shots[0].tier", "animatic, draft, standard, final",
     ""},
    {SHOT (",\"model\":\"wan2.2-ti2v-5B\""), 3, "scenes[0].shots[0].model", "no model has the id",
     "\"wan2.2-ti2v-5b\""},
    {SHOT (",\"model\":\"sora\""), 3, "scenes[0].shots[0].model", "no model", "auteur-animatic"},
    {SHOT (",\"dialogue\":7"), 3, "scenes[0].shots[0].dialogue", "must be a string", ""},
    /* init and last */
    {SHOT (",\"init\":{\"from\":\"previous\"}"), 3, "scenes[0].shots[0].init.from",
     "first shot has no previous", ""},
    {SHOT (",\"init\":{}"), 3, "scenes[0].shots[0].init", "one of the two", ""},
    {SHOT (",\"init\":{\"from\":\"previous\",\"image\":\"a.png\"}"), 3, "scenes[0].shots[0].init",
     "not both", ""},
    {SHOT (",\"init\":{\"from\":\"prev\"}"), 3, "scenes[0].shots[0].init.from", "it must be",
     "\"previous\""},
    {SHOT (",\"init\":{\"image\":\"/etc/passwd\"}"), 3, "scenes[0].shots[0].init.image",
     "not absolute", ""},
    {SHOT (",\"init\":{\"image\":\"../a.png\"}"), 3, "scenes[0].shots[0].init.image", "no ..", ""},
    {SHOT (",\"init\":{\"image\":\"a/../../b.png\"}"), 3, "scenes[0].shots[0].init.image", "no ..",
     ""},
    {SHOT (",\"init\":{\"image\":\"\"}"), 3, "scenes[0].shots[0].init.image", "name a file", ""},
    {SHOT (",\"init\":{\"image\":\"a\\\\b.png\"}"), 3, "scenes[0].shots[0].init.image", "backslash",
     ""},
    {SHOT (",\"last\":{}"), 3, "scenes[0].shots[0].last.image", "is required", ""},
    {SHOT (",\"last\":{\"from\":\"previous\"}"), 3, "scenes[0].shots[0].last.from", "unknown key",
     ""},
    /* transitions */
    {SHOT (",\"transition\":{\"type\":\"dissolve\",\"duration\":1}"), 3,
     "scenes[0].shots[0].transition.type", "only come in by a cut or a fade", ""},
    {SHOT (",\"transition\":{\"type\":\"fade\",\"duration\":2.01}"), 3,
     "scenes[0].shots[0].transition.duration", "more than half of this shot", ""},
    {TWO ("", ",\"transition\":{\"type\":\"dissolve\"}"), 4,
     "scenes[0].shots[1].transition.duration", "is required for a dissolve", ""},
    {TWO ("", ",\"transition\":{\"type\":\"dissolve\",\"duration\":0}"), 4,
     "scenes[0].shots[1].transition.duration", "more than 0", ""},
    {TWO ("", ",\"transition\":{\"type\":\"cut\",\"duration\":1}"), 4,
     "scenes[0].shots[1].transition.duration", "a cut has no duration", ""},
    {TWO (",\"duration\":1", ",\"transition\":{\"type\":\"wipe\",\"duration\":0.6}"), 4,
     "scenes[0].shots[1].transition.duration", "half of the shot before, which has 1 s", ""},
    {TWO ("", ",\"transition\":{\"type\":\"wipe\",\"duration\":1,\"direction\":\"rigth\"}"), 4,
     "scenes[0].shots[1].transition.direction", "right, left, up, down", "\"right\""},
    {TWO ("", ",\"transition\":{\"duration\":1}"), 4, "scenes[0].shots[1].transition.type",
     "is required", ""},
    {HEAD "\"defaults\":{\"fps\":10,\"duration\":0.3}," SCENES (
         "{\"id\":\"a\",\"prompt\":\"x\",\"transition\":{\"type\":\"fade\",\"duration\":0.15}},\n"
         "{\"id\":\"b\",\"prompt\":\"x\",\"transition\":{\"type\":\"fade\",\"duration\":0.15}}"),
     4, "scenes[0].shots[1].transition.duration", "take 4 frames, but it has 3", ""},
    {HEAD "\"defaults\":{\"transition\":{\"type\":\"dissolve\",\"duration\":1}}," SCENES (
         "{\"id\":\"a\",\"prompt\":\"x\"},\n{\"id\":\"b\",\"prompt\":\"x\",\"duration\":1}"),
     4, "scenes[0].shots[1].transition", "defaults.transition", ""},
    /* defaults */
    {FILM ("\"defaults\":{\"width\":639}"), 2, "defaults.width", "even", ""},
    {FILM ("\"defaults\":{\"height\":0}"), 2, "defaults.height", "at least 16", ""},
    {FILM ("\"defaults\":{\"width\":100000}"), 2, "defaults.width", "at most 8192", ""},
    {FILM ("\"defaults\":{\"fps\":0}"), 2, "defaults.fps", "at least 1", ""},
    {FILM ("\"defaults\":{\"fps\":23.9760239}"), 2, "defaults.fps", "23.976", ""},
    {FILM ("\"defaults\":{\"duration\":601}"), 2, "defaults.duration", "at most 600", ""},
    {FILM ("\"defaults\":{\"model\":\"nope\"}"), 2, "defaults.model", "no model", "known models"},
    {FILM ("\"defaults\":[]"), 2, "defaults", "must be an object", ""},
    /* models */
    {SHOT (",\"model\":\"wan2.1-i2v-14b-480p\""), 3, "scenes[0].shots[0].init",
     "starts from a picture", ""},
    {SHOT (",\"model\":\"wan2.1-t2v-1.3b\",\"init\":{\"image\":\"a.png\"}"), 3,
     "scenes[0].shots[0].init", "cannot start from a picture", ""},
    {SHOT (",\"model\":\"wan2.1-t2v-1.3b\",\"duration\":6"), 3, "scenes[0].shots[0].duration",
     "at most 5.0625 s", ""},
    {SHOT (",\"model\":\"wan2.1-flf2v-14b-720p\",\"init\":{\"image\":\"a.png\"}"), 3,
     "scenes[0].shots[0].last", "give last", ""},
    {TWO ("", ",\"model\":\"wan2.1-t2v-14b\",\"init\":{\"from\":\"previous\"}"), 4,
     "scenes[0].shots[1].init", "cannot", ""},
    {HEAD "\"defaults\":{\"fps\":240,\"duration\":600},"
          "\"scenes\":[{\"id\":\"s\",\"shots\":[{\"id\":\"a\",\"prompt\":\"x\"},"
          "{\"id\":\"b\",\"prompt\":\"x\",\"duration\":0.001}]}]}",
     2, "scenes[0].shots[1].duration", "no frame", ""},
    /* audio */
    {FILM ("\"audio\":[{}]"), 2, "audio[0]", "file or temp", ""},
    {FILM ("\"audio\":[{\"file\":\"a.wav\",\"temp\":\"tone\"}]"), 2, "audio[0]", "not both", ""},
    {FILM ("\"audio\":[{\"temp\":\"noise\"}]"), 2, "audio[0].temp", "tone, silence", ""},
    {FILM ("\"audio\":[{\"temp\":\"tone\",\"loop\":true}]"), 2, "audio[0].loop", "does not go", ""},
    {FILM ("\"audio\":[{\"file\":\"a.wav\",\"start\":-1}]"), 2, "audio[0].start", "at least 0", ""},
    {FILM ("\"audio\":[{\"file\":\"a.wav\",\"loop\":1}]"), 2, "audio[0].loop", "true or false", ""},
    {FILM ("\"audio\":{}"), 2, "audio", "must be a list", ""},
    /* output */
    {FILM ("\"output\":{\"codec\":\"h265 \"}"), 2, "output.codec", "h264, h265, prores, av1",
     "\"h265\""},
    {FILM ("\"output\":{\"quality\":\"best\"}"), 2, "output.quality", "low, medium, high", ""},
    {FILM ("\"output\":{\"upscale\":\"8k\"}"), 2, "output.upscale", "1080p, 2k, 4k", ""},
    {FILM ("\"output\":{\"fit\":\"stretch\"}"), 2, "output.fit", "crop, pad", ""},
    {FILM ("\"output\":{\"burn_in\":\"id\"}"), 2, "output.burn_in", "true, false or a list", ""},
    {FILM ("\"output\":{\"burn_in\":[\"ids\"]}"), 2, "output.burn_in[0]",
     "is not one of id, slugline", "\"id\""},
    {FILM ("\"output\":{\"loudness\":-71}"), 2, "output.loudness", "at least -70", ""},
    {FILM ("\"output\":{\"burnin\":true}"), 2, "output.burnin", "unknown key", "\"burn_in\""},
};

static const aut_diag_t *find (const aut_diags_t *diags, const case_t *wanted)
{
    for (size_t i = 0; i < diags->count; i++)
        if (!diags->items[i].warning && strcmp (diags->items[i].path, wanted->path) == 0 &&
            strstr (diags->items[i].message, wanted->message))
            return &diags->items[i];
    return NULL;
}

START_TEST (each_rule_is_told)
{
    aut_registry_t *registry = open_registry ();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const case_t *wanted = &cases[i];
        aut_diags_t diags;
        aut_storyboard_t *film;
        aut_buffer_t text = {0};
        aut_diags_init (&diags, "f");
        int err = aut_storyboard_read (&film, &diags, wanted->text, strlen (wanted->text), registry,
                                       NULL);
        aut_diags_text (&diags, false, &text);
        const aut_diag_t *found = find (&diags, wanted);
        ck_assert_msg (err == AUT_ERR_INVALID && !film, "accepted: %s", wanted->text);
        ck_assert_msg (found != NULL, "%s\nwants %s: %s, has\n%s", wanted->text, wanted->path,
                       wanted->message, text.data);
        ck_assert_msg (found->line == wanted->line, "%s\nis told on line %u", wanted->text,
                       found->line);
        ck_assert_msg (!*wanted->hint || (found->hint && strstr (found->hint, wanted->hint)),
                       "%s\nhint %s", wanted->text, found->hint ? found->hint : "none");
        aut_buffer_clear (&text);
        aut_diags_clear (&diags);
    }
    aut_registry_destroy (&registry);
}
END_TEST

START_TEST (all_at_once_in_order)
{
    static const char text[] = HEAD "\"defaults\":{\"width\":3,\"fps\":999},\n" SCENES (
        "{\"id\":\"a\",\"prompt\":\"\",\"duration\":0,\"seed\":-1},\n{\"id\":\"a\"}");
    static const char wanted[] =
        "f:2:21: defaults.width: must be at least 16 and at most 8192, not 3\n"
        "f:2:29: defaults.fps: must be at least 1 and at most 240, not 999\n"
        "f:4:20: scenes[0].shots[0].prompt: must not be empty\n"
        "f:4:34: scenes[0].shots[0].duration: must be more than 0 and at most 600, not 0\n"
        "f:4:43: scenes[0].shots[0].seed: must be at least 0 and at most 9223372036854775807, not "
        "-1\n"
        "f:5:1: scenes[0].shots[1].prompt: is required in a shot\n"
        "f:5:7: scenes[0].shots[1].id: \"a\" is the id of an earlier shot\n";
    aut_registry_t *registry = open_registry ();
    aut_diags_t diags;
    aut_storyboard_t *film;
    aut_buffer_t out = {0};
    aut_diags_init (&diags, "f");
    ck_assert_int_eq (aut_storyboard_read (&film, &diags, text, strlen (text), registry, NULL),
                      AUT_ERR_INVALID);
    aut_diags_text (&diags, false, &out);
    ck_assert_str_eq (out.data, wanted);
    aut_buffer_clear (&out);
    aut_diags_clear (&diags);
    aut_registry_destroy (&registry);
}
END_TEST

START_TEST (control_characters_are_escaped)
{
    static const char text[] = "{\"a\\u001b[2J\\n\":1}";
    aut_registry_t *registry = open_registry ();
    aut_diags_t diags;
    aut_storyboard_t *film;
    aut_buffer_t out = {0};
    aut_diags_init (&diags, "f\n\033.json");
    aut_storyboard_read (&film, &diags, text, strlen (text), registry, NULL);
    aut_diags_text (&diags, false, &out);
    ck_assert_ptr_null (strchr (out.data, '\033'));
    ck_assert_ptr_nonnull (
        strstr (out.data, "f\\n\\x1b.json:1:2: [\"a\\x1b[2J\\n\"]: unknown key"));
    out.size = 0;
    aut_diags_json (&diags, &out);
    ck_assert_ptr_null (strchr (out.data, '\033'));
    ck_assert_ptr_eq (strstr (out.data,
                              "{\"valid\":false,\"errors\":[{\"file\":\"f\\n\\u001b.json\","
                              "\"line\":1,\"column\":"),
                      out.data);
    aut_buffer_clear (&out);
    aut_diags_clear (&diags);
    aut_registry_destroy (&registry);
}
END_TEST

/*  What the format allows, each in one film. */
static const char *const good[] = {
    SHOT (""),
    "\xef\xbb\xbf" SHOT (""),
    "{\r\n\"storyboard\":\"1\",\r\n\"project\":\"p\",\r\n\"scenes\":[{\"id\":\"s\",\"shots\":"
    "[{\"id\":\"a\",\"prompt\":\"x\"}]}]}\r\n",
    HEAD
    "\"$schema\":\"s\",\"x\":{\"any\":[1,null]},\"style\":{\"x\":1},\"defaults\":{\"x\":[]},"
    "\"output\":{\"x\":null,\"burn_in\":true},\"ingredients\":[{\"id\":\"k\",\"type\":\"style\","
    "\"name\":\"\",\"description\":\"d\",\"x\":1}],\"audio\":[{\"temp\":\"tone\",\"x\":2}],"
    "\"scenes\":[{\"id\":\"s\",\"x\":1,\"shots\":[{\"id\":\"a\",\"prompt\":\"x\",\"x\":1,"
    "\"camera\":{\"x\":1},\"init\":{\"image\":\"a.png\",\"x\":1},\"last\":{\"image\":\"a\","
    "\"x\":1},\"transition\":{\"type\":\"cut\",\"x\":1}}]}]}",
    FILM ("\"defaults\":{\"fps\":23.976,\"width\":64.0,\"height\":4.8e1,\"duration\":600}"),
    FILM ("\"defaults\":{\"transition\":{\"type\":\"dissolve\",\"duration\":1}}"),
    TWO ("", ",\"transition\":{\"type\":\"dissolve\",\"duration\":2}"),
    TWO (",\"transition\":{\"type\":\"fade\",\"duration\":2}",
         ",\"transition\":{\"type\":\"wipe\",\"duration\":2}"),
    TWO ("", ",\"init\":{\"from\":\"previous\"}"),
    SHOT (",\"seed\":9223372036854775807,\"guidance\":0,\"steps\":1000"),
    SHOT (",\"init\":{\"image\":\"..hidden/a.png\"}"),
    SHOT (",\"model\":\"wan2.2-ti2v-5b\",\"init\":{\"image\":\"a.png\"},\"duration\":30"),
    HEAD "\"scenes\":[{\"id\":\"s\",\"shots\":[{\"id\":\"s\",\"prompt\":\"x\"}]},"
         "{\"id\":\"t\",\"shots\":[]}]}",
    FILM ("\"audio\":[{\"file\":\"a/b.wav\",\"start\":1.5,\"gain_db\":-6,\"fade_in\":1,"
          "\"fade_out\":2,\"loop\":true}]"),
    FILM ("\"output\":{\"codec\":\"av1\",\"quality\":\"high\",\"upscale\":\"4k\",\"fit\":\"pad\","
          "\"burn_in\":[\"id\",\"seed\"],\"loudness\":-23}"),
};

START_TEST (good_ones_pass)
{
    aut_registry_t *registry = open_registry ();
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        aut_storyboard_t *film;
        aut_plan_t *plan = plan_good (registry, good[i], &film);
        aut_plan_destroy (&plan);
        aut_storyboard_destroy (&film);
    }
    aut_registry_destroy (&registry);
}
END_TEST

/*  A resolver that knows one picture, and counts. */
static int count_resolve (void *ctx, const char *path, aut_asset_kind_t kind, aut_hash_t *hash)
{
    ++*(int *)ctx;
    if (strcmp (path, "a.png") != 0)
        return aut_fail (AUT_ERR_NOT_FOUND, "there is no such file");
    if (kind != AUT_ASSET_IMAGE)
        return aut_fail (AUT_ERR_INVALID, "is no sound");
    memset (hash->bytes, 0xab, sizeof hash->bytes);
    return 0;
}

START_TEST (assets_are_resolved_once)
{
    static const char text[] = HEAD "\"audio\":[{\"file\":\"a.png\"}]," SCENES (
        "{\"id\":\"a\",\"prompt\":\"x\",\"init\":{\"image\":\"a.png\"}},\n"
        "{\"id\":\"b\",\"prompt\":\"x\",\"init\":{\"image\":\"b.png\"}},\n"
        "{\"id\":\"c\",\"prompt\":\"x\",\"init\":{\"image\":\"b.png\"},"
        "\"last\":{\"image\":\"a.png\"}}");
    aut_registry_t *registry = open_registry ();
    aut_diags_t diags;
    aut_storyboard_t *film;
    int calls = 0;
    aut_assets_t assets = {count_resolve, &calls};
    aut_diags_init (&diags, "f");
    aut_storyboard_read (&film, &diags, text, strlen (text), registry, &assets);
    ck_assert_int_eq (calls, 3);
    ck_assert_uint_eq (diags.errors, 3);
    ck_assert_str_eq (diags.items[0].path, "audio[0].file");
    ck_assert_str_eq (diags.items[0].message, "\"a.png\": is no sound");
    ck_assert_str_eq (diags.items[1].path, "scenes[0].shots[1].init.image");
    ck_assert_uint_eq (diags.items[2].line, 5);
    aut_diags_clear (&diags);
    aut_registry_destroy (&registry);
}
END_TEST

static void check_locate (const char *dir, const char *path, int wanted)
{
    char *real;
    int err = aut_asset_locate (&real, dir, path);
    ck_assert_msg (err == wanted, "%s: %d %s", path, err, err ? aut_error_detail () : "");
    ck_assert (!err == (real != NULL));
    free (real);
}

START_TEST (files_stay_below_their_folder)
{
    char dir[] = "/tmp/auteur-film-XXXXXX";
    ck_assert_ptr_nonnull (mkdtemp (dir));
    char *below = aut_path_join (dir, "film", NULL), *inside = aut_path_join (below, "in", NULL);
    char *file = aut_path_join (inside, "a.png", NULL), *out = aut_path_join (dir, "o.png", NULL);
    char *link_in = aut_path_join (below, "in.png", NULL);
    char *link_out = aut_path_join (below, "out.png", NULL);
    char *fifo = aut_path_join (below, "fifo", NULL);
    ck_assert_int_eq (aut_dir_make (inside), 0);
    ck_assert_int_eq (aut_file_write (file, "x", 1), 0);
    ck_assert_int_eq (aut_file_write (out, "x", 1), 0);
    ck_assert_int_eq (symlink ("in/a.png", link_in), 0);
    ck_assert_int_eq (symlink ("../o.png", link_out), 0);
    ck_assert_int_eq (mkfifo (fifo, 0600), 0);
    check_locate (below, "in/a.png", 0);
    check_locate (below, "in.png", 0);
    check_locate (below, "out.png", AUT_ERR_DENIED);
    check_locate (below, "in", AUT_ERR_INVALID);
    check_locate (below, "fifo", AUT_ERR_INVALID);
    check_locate (below, "none.png", AUT_ERR_NOT_FOUND);
    check_locate (below, "../o.png", AUT_ERR_INVALID);
    ck_assert_int_eq (aut_dir_remove (dir), 0);
    free (below);
    free (inside);
    free (file);
    free (out);
    free (link_in);
    free (link_out);
    free (fifo);
}
END_TEST

/*  What is left of a string with a fault is not judged as well. */
START_TEST (a_faulty_string_is_one_error)
{
    static const char *const texts[] = {
        HEAD SCENES ("{\"id\":\"a\",\"prompt\":\"\\ud800\"}"),
        HEAD SCENES ("{\"id\":\"a\",\"prompt\":\"\xff\"}"),
        HEAD SCENES ("{\"id\":\"\\u0000\",\"prompt\":\"x\"}"),
    };
    aut_registry_t *registry = open_registry ();
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        aut_diags_t diags;
        aut_storyboard_t *film;
        aut_diags_init (&diags, "f");
        int err = aut_storyboard_read (&film, &diags, texts[i], strlen (texts[i]), registry, NULL);
        ck_assert_int_eq (err, AUT_ERR_INVALID);
        ck_assert_msg (diags.errors == 1, "%s: %zu errors", texts[i], diags.errors);
        aut_diags_clear (&diags);
    }
    aut_registry_destroy (&registry);
}
END_TEST

/*  A hundred thousand faults, each with a name to look for, must not take long or much. */
START_TEST (many_errors_stay_cheap)
{
    aut_registry_t *registry = open_registry ();
    aut_buffer_t text = {0};
    aut_diags_t diags;
    aut_storyboard_t *film;
    aut_buffer_text (&text, "{\"storyboard\":\"1\",\"project\":\"p\",\"scenes\":[");
    for (int i = 0; i < 400000; i++)
        aut_buffer_text (&text, i ? ",{\"ids\":\"s\"}" : "{\"ids\":\"s\"}");
    aut_buffer_text (&text, "]}");
    aut_diags_init (&diags, "f");
    ck_assert_int_eq (aut_storyboard_read (&film, &diags, text.data, text.size, registry, NULL),
                      AUT_ERR_INVALID);
    text.size = 0;
    aut_buffer_clear (&text);
    aut_diags_clear (&diags);

    /* and with shots, below the limits of the lists */
    aut_buffer_text (&text, "{\"storyboard\":\"1\",\"project\":\"p\",\"scenes\":[{\"id\":\"s\","
                            "\"shots\":[");
    for (int i = 0; i < 100000; i++)
        aut_buffer_format (&text, "%s{\"id\":\"%d\",\"promt\":\"x\",\"duration\":0,\"tier\":\"f\"}",
                           i ? "," : "", i);
    aut_buffer_text (&text, "]}]}");
    aut_diags_init (&diags, "f");
    ck_assert_int_eq (aut_storyboard_read (&film, &diags, text.data, text.size, registry, NULL),
                      AUT_ERR_INVALID);
    ck_assert_uint_eq (diags.errors, 400000);
    ck_assert_uint_eq (diags.count, AUT_DIAGS_MAX);
    aut_diags_clear (&diags);
    aut_buffer_clear (&text);
    aut_registry_destroy (&registry);
}
END_TEST

int main (void)
{
    const TTest *const tests[] = {
        each_rule_is_told,      all_at_once_in_order,        control_characters_are_escaped,
        good_ones_pass,         assets_are_resolved_once,    files_stay_below_their_folder,
        many_errors_stay_cheap, a_faulty_string_is_one_error};
    return run_suite ("storyboard", tests, sizeof tests / sizeof *tests);
}
