/*  output.upscale: sizes, which model enlarges, and the tasks that a plan gets by it. */
#include "lib/film/upscale.h"
#include "tests/film/support.h"

#include "lib/core/error.h"
#include "lib/core/json.h"
#include "lib/core/mem.h"

#include <stdlib.h>
#include <string.h>

START_TEST (sizes)
{
    static const struct {
        int which;
        uint32_t w, h, out_w, out_h;
    } cases[] = {
        {AUT_UPSCALE_1080P, 832, 480, 1872, 1080},   {AUT_UPSCALE_1080P, 1280, 720, 1920, 1080},
        {AUT_UPSCALE_2K, 1280, 720, 2560, 1440},     {AUT_UPSCALE_4K, 832, 480, 3744, 2160},
        {AUT_UPSCALE_1080P, 480, 832, 624, 1080},    {AUT_UPSCALE_4K, 1280, 704, 3840, 2112},
        {AUT_UPSCALE_1080P, 1998, 1080, 1998, 1080}, {-1, 832, 480, 832, 480},
        {AUT_UPSCALE_1080P, 1920, 1080, 1920, 1080}, {AUT_UPSCALE_4K, 0, 0, 0, 0},
        {AUT_UPSCALE_1080P, 16, 1080, 16, 1080},     {AUT_UPSCALE_1080P, 1920, 2, 1920, 2},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint32_t w = 1, h = 1;
        aut_upscale_size (cases[i].which, cases[i].w, cases[i].h, &w, &h);
        ck_assert_uint_eq (w, cases[i].out_w);
        ck_assert_uint_eq (h, cases[i].out_h);
    }
}
END_TEST

static void add (aut_registry_t *registry, const char *id, unsigned factor, bool here)
{
    char *json = aut_sprintf ("{\"id\":\"%s\",\"name\":\"U\",\"version\":\"1\",\"type\":\"image\","
                              "\"capabilities\":[\"upscale\"],\"license\":\"MIT\",\"auteur\":{"
                              "\"backend\":\"%s\",\"upscale\":{\"factor\":%u}}}",
                              id, factor > 1 ? "upscaler" : "lanczos", factor);
    int err = aut_registry_add (registry, id, json, strlen (json), here);
    ck_assert_msg (err == 0 || err == AUT_ERR_EXISTS, "%s", aut_error_detail ());
    free (json);
}

/*  The id of what enlarges so many times, or "". */
static const char *chosen (const aut_registry_t *registry, int64_t num, int64_t den, bool drawn)
{
    const aut_model_t *model = aut_upscale_choose (registry, (aut_rational_t){num, den}, drawn);
    return model ? model->id : "";
}

START_TEST (choice)
{
    aut_registry_t *registry = open_registry ();
    ck_assert_str_eq (chosen (registry, 2, 1, false), "");
    add (registry, "up-4", 4, false); /* its weights are not here */
    ck_assert_str_eq (chosen (registry, 2, 1, false), "");
    add (registry, "lanczos", 1, true);
    ck_assert_str_eq (chosen (registry, 2, 1, false), "lanczos");
    add (registry, "up-4", 4, true);
    add (registry, "up-2", 2, true);
    ck_assert_str_eq (chosen (registry, 3, 2, false), "up-2");
    ck_assert_str_eq (chosen (registry, 2, 1, false), "up-2");
    ck_assert_str_eq (chosen (registry, 201, 100, false), "up-4");
    ck_assert_str_eq (chosen (registry, 20, 1, false), "up-4"); /* the rest by lanczos */
    ck_assert_str_eq (chosen (registry, 2, 1, true), "lanczos");
    add (registry, "a-4", 4, true);
    ck_assert_str_eq (chosen (registry, 4, 1, false), "a-4");
    aut_registry_destroy (&registry);
}
END_TEST

static aut_registry_t *with_lanczos (void)
{
    aut_registry_t *registry = open_registry ();
    add (registry, "lanczos", 1, true);
    ck_assert_uint_eq (aut_registry_find (registry, "lanczos")->upscale, 1);
    return registry;
}

#define FILM(defaults, output)                                                                     \
    "{\"storyboard\":\"1\",\"project\":\"p\",\"defaults\":{" defaults "\"duration\":5},"           \
    "\"output\":{" output "},\"scenes\":[{\"id\":\"s\",\"shots\":[{\"id\":\"a\",\"prompt\":\"x\"}" \
    ",{\"id\":\"b\",\"prompt\":\"y\",\"init\":{\"from\":\"previous\"}}]}]}"
#define SMALL "\"tier\":\"animatic\",\"width\":320,\"height\":180,"

/*  Every task's spec has the key that the plan says, reads back, and starts from a task before it.
 */
static void check_tasks (const aut_plan_t *plan)
{
    for (size_t i = 0; i < plan->task_count; i++) {
        aut_plan_task_t task = aut_plan_task (plan, i);
        const aut_plan_chunk_t *chunk = &plan->chunks[task.chunk];
        const aut_plan_shot_t *shot = &plan->shots[chunk->shot];
        aut_buffer_t text = {0};
        aut_task_spec_t spec;
        ck_assert_uint_eq (aut_plan_ordinal (plan, task), i);
        if (task.upscale)
            aut_plan_upscale_spec (plan, task.chunk, &text);
        else
            aut_plan_spec (plan, task.chunk, &text);
        aut_hash_t key = aut_task_key (text.data, text.size);
        ck_assert (aut_hash_equal (&key, task.upscale ? &chunk->upscale_key : &chunk->key));
        int err = aut_task_spec_parse (&spec, text.data, text.size);
        ck_assert_msg (err == 0, "%s", aut_error_detail ());
        ck_assert_int_eq (spec.kind, task.upscale ? AUT_TASK_UPSCALE : AUT_TASK_GENERATE);
        if (task.upscale) {
            ck_assert (aut_hash_equal (&spec.after, &chunk->key));
            ck_assert_uint_eq (spec.frames, chunk->keep);
            ck_assert_uint_eq (spec.width, shot->upscale_width);
            ck_assert_uint_eq (spec.height, shot->upscale_height);
        }
        aut_task_spec_clear (&spec);
        aut_buffer_clear (&text);
    }
}

START_TEST (tasks)
{
    aut_registry_t *registry = with_lanczos ();
    aut_storyboard_t *film, *plain_film;
    aut_plan_t *plan = plan_good (registry, FILM (SMALL, "\"upscale\":\"1080p\""), &film);
    aut_plan_t *plain = plan_good (registry, FILM (SMALL, ""), &plain_film);
    ck_assert_uint_eq (plan->chunk_count, 6); /* 120 frames of at most 49, twice */
    ck_assert_uint_eq (plan->task_count, 12);
    ck_assert_uint_eq (plan->out_width, 1920);
    ck_assert_uint_eq (plan->width, 320);
    ck_assert_uint_eq (plan->shots[1].first_task, 6);
    ck_assert_uint_eq (aut_plan_task (plan, 3).chunk, 0);
    ck_assert (aut_plan_task (plan, 3).upscale);
    ck_assert_uint_eq (aut_plan_task (plan, 6).chunk, 3);
    check_tasks (plan);
    ck_assert_uint_eq (plain->task_count, 6);
    check_tasks (plain);
    for (size_t i = 0; i < 6; i++) /* what is generated is the same */
        ck_assert (aut_hash_equal (&plan->chunks[i].key, &plain->chunks[i].key));
    aut_plan_destroy (&plain);
    aut_storyboard_destroy (&plain_film);
    aut_plan_destroy (&plan);
    aut_storyboard_destroy (&film);
    aut_registry_destroy (&registry);
}
END_TEST

#define SLOW                                                                                       \
    "{\"id\":\"slow\",\"name\":\"S\",\"version\":\"1\",\"type\":\"video\","                        \
    "\"capabilities\":[\"text-to-video\",\"image-to-video\"],\"license\":\"MIT\",\"auteur\":{"     \
    "\"backend\":\"wan\",\"video\":{\"fps\":8,\"frames\":{\"multiple\":4,\"offset\":1,"            \
    "\"max\":17},\"size\":{\"multiple\":16,\"default\":[96,64]},\"tail\":{\"min\":1,\"max\":5}},"  \
    "\"tiers\":{\"draft\":{\"steps\":2,\"guidance\":1}}}}"

/*  The key of what enlarges the first chunk. */
static aut_hash_t first_key (const char *text)
{
    aut_registry_t *registry = with_lanczos ();
    aut_storyboard_t *film;
    ck_assert_int_eq (aut_registry_add (registry, "slow", SLOW, strlen (SLOW), true), 0);
    aut_plan_t *plan = plan_good (registry, text, &film);
    aut_hash_t key = plan->chunks[0].upscale_key;
    ck_assert (!aut_hash_is_zero (&key));
    aut_plan_destroy (&plan);
    aut_storyboard_destroy (&film);
    aut_registry_destroy (&registry);
    return key;
}

START_TEST (keys)
{
    aut_hash_t key = first_key (FILM (SMALL, "\"upscale\":\"1080p\""));
    aut_hash_t same = first_key (FILM (SMALL, "\"upscale\":\"1080p\",\"codec\":\"prores\""));
    aut_hash_t larger = first_key (FILM (SMALL, "\"upscale\":\"2k\""));
    aut_hash_t padded = first_key (FILM (SMALL, "\"upscale\":\"1080p\",\"fit\":\"pad\""));
#define OTHER_SHAPE "\"model\":\"slow\",\"fps\":8,\"width\":112,\"height\":64,"
    aut_hash_t slow = first_key (FILM (OTHER_SHAPE, "\"upscale\":\"1080p\""));
    aut_hash_t bars = first_key (FILM (OTHER_SHAPE, "\"upscale\":\"1080p\",\"fit\":\"pad\""));
    aut_hash_t other = first_key (FILM (SMALL "\"seed\":2,", "\"upscale\":\"1080p\""));
    ck_assert (aut_hash_equal (&key, &same));
    ck_assert (!aut_hash_equal (&key, &larger));
    ck_assert (aut_hash_equal (&key, &padded)); /* it has the film's shape */
    ck_assert (!aut_hash_equal (&slow, &bars));
    ck_assert (!aut_hash_equal (&key, &other));
}
END_TEST

/*  A film faster than its model is interpolated at the enlarged size, which has a bound. */
START_TEST (interpolated_shots_stop_at_1080p)
{
    static const struct {
        const char *text;
        uint32_t out_w, w, h;
    } cases[] = {
        {FILM ("\"model\":\"slow\",\"fps\":24,", "\"upscale\":\"4k\""), 3240, 1620, 1080},
        {FILM ("\"model\":\"slow\",\"fps\":8,", "\"upscale\":\"4k\""), 3240, 3240, 2160},
        {FILM ("\"model\":\"slow\",\"fps\":24,", "\"upscale\":\"1080p\""), 1620, 1620, 1080},
    };
    aut_registry_t *registry = with_lanczos ();
    ck_assert_int_eq (aut_registry_add (registry, "slow", SLOW, strlen (SLOW), true), 0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        aut_storyboard_t *film;
        aut_plan_t *plan = plan_good (registry, cases[i].text, &film);
        ck_assert_uint_eq (plan->out_width, cases[i].out_w);
        ck_assert_uint_eq (plan->shots[0].upscale_width, cases[i].w);
        ck_assert_uint_eq (plan->shots[0].upscale_height, cases[i].h);
        aut_plan_destroy (&plan);
        aut_storyboard_destroy (&film);
    }
    aut_registry_destroy (&registry);
}
END_TEST

/*  Without an upscaler, and in a film that has the size already, nothing is planned. */
START_TEST (nothing_to_do)
{
    aut_registry_t *registry = open_registry (), *lanczos = with_lanczos ();
    aut_storyboard_t *films[3];
    aut_plan_t *plans[3] = {
        plan_good (registry, FILM (SMALL, "\"upscale\":\"1080p\""), &films[0]),
        plan_good (lanczos, FILM (SMALL, ""), &films[1]),
        plan_good (lanczos, FILM ("\"width\":1920,\"height\":1080,", "\"upscale\":\"1080p\""),
                   &films[2])};
    for (size_t i = 0; i < 3; i++) {
        ck_assert_uint_eq (plans[i]->task_count, plans[i]->chunk_count);
        ck_assert_ptr_null (plans[i]->shots[0].upscaler);
        ck_assert_uint_eq (plans[i]->out_width, i == 1 ? 320 : 1920);
        aut_plan_destroy (&plans[i]);
        aut_storyboard_destroy (&films[i]);
    }
    aut_registry_destroy (&registry);
    aut_registry_destroy (&lanczos);
}
END_TEST

START_TEST (told)
{
    aut_registry_t *registry = with_lanczos ();
    char *text = plan_json (registry, FILM (SMALL, "\"upscale\":\"1080p\""));
    json_t *json;
    ck_assert_int_eq (aut_json_parse (&json, text, strlen (text), "plan"), 0);
    ck_assert_int_eq (json_integer_value (json_object_get (json, "tasks")), 6);
    ck_assert_int_eq (json_integer_value (json_object_get (json, "width")), 320);
    const json_t *film = json_object_get (json, "upscale");
    ck_assert_int_eq (json_integer_value (json_object_get (film, "width")), 1920);
    ck_assert_int_eq (json_integer_value (json_object_get (film, "height")), 1080);
    ck_assert_int_eq (json_integer_value (json_object_get (film, "tasks")), 6);
    const json_t *shot = json_array_get (json_object_get (json, "shots"), 1);
    const json_t *upscale = json_object_get (shot, "upscale");
    ck_assert_str_eq (json_string_value (json_object_get (upscale, "model")), "lanczos");
    ck_assert_int_eq (json_integer_value (json_object_get (upscale, "factor")), 1);
    ck_assert_int_eq (json_integer_value (json_object_get (upscale, "tasks")), 3);
    json_decref (json);
    free (text);
    text = plan_json (registry, FILM (SMALL, ""));
    ck_assert_ptr_null (strstr (text, "upscale"));
    free (text);
    aut_registry_destroy (&registry);
}
END_TEST

START_TEST (strict)
{
    static const char good[] =
        "{\"after\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\","
        "\"camera\":null,\"cards\":[],\"chunk\":0,\"drop\":0,\"first_frame\":0,\"fit\":\"crop\","
        "\"frames\":4,\"guidance\":\"0\",\"height\":64,\"init\":null,\"keep\":4,\"kind\":"
        "\"upscale\","
        "\"last\":null,\"model\":{\"files\":[],\"id\":\"lanczos\",\"revision\":\"1\"},"
        "\"negative\":\"\",\"prompt\":\"\",\"rate\":[24,1],\"seed\":\"0\",\"shot_frames\":4,"
        "\"steps\":1,\"tail\":0,\"tail_out\":0,\"width\":64}";
    static const struct {
        const char *from, *to, *wanted;
    } cases[] = {
        {"\"fit\":\"crop\",", "", "after and fit"},
        {"\"crop\"", "\"stretch\"", "fit"},
        {"\"chunk\":0", "\"chunk\":1", "says only"},
        {"\"keep\":4", "\"keep\":3", "says only"},
        {"\"shot_frames\":4", "\"shot_frames\":5", "says only"},
        {"\"seed\":\"0\"", "\"seed\":\"1\"", "says only"},
        {"\"prompt\":\"\"", "\"prompt\":\"x\"", "says only"},
        {"\"tail_out\":0", "\"tail_out\":1", "says only"},
        {"\"steps\":1", "\"steps\":2", "says only"},
    };
    aut_task_spec_t spec;
    ck_assert_int_eq (aut_task_spec_parse (&spec, good, strlen (good)), 0);
    aut_task_spec_clear (&spec);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *at = strstr (good, cases[i].from);
        char *text = aut_sprintf ("%.*s%s%s", (int)(at - good), good, cases[i].to,
                                  at + strlen (cases[i].from));
        ck_assert_int_eq (aut_task_spec_parse (&spec, text, strlen (text)), AUT_ERR_INVALID);
        ck_assert_msg (strstr (aut_error_detail (), cases[i].wanted) != NULL, "%s: %s", cases[i].to,
                       aut_error_detail ());
        free (text);
    }
}
END_TEST

int main (void)
{
    const TTest *const tests[] = {
        sizes, choice, tasks, keys, interpolated_shots_stop_at_1080p, nothing_to_do, told, strict};
    return run_suite ("upscale", tests, sizeof tests / sizeof *tests);
}
