/*  Task specs: one text for one spec, strict reading, and the seeds. */
#include "tests/film/support.h"

#include "lib/core/error.h"
#include "lib/core/json.h"
#include "lib/core/mem.h"

#include <stdlib.h>
#include <string.h>

static const char *const films[] = {"lighthouse.json", "long-take.json", "minimal.json",
                                    "everything.json"};

/*  Every spec of the samples is canonical JSON, reads back, and has the key that the plan says. */
START_TEST (specs_of_plans)
{
    aut_registry_t *registry = open_registry ();
    for (size_t i = 0; i < sizeof films / sizeof *films; i++) {
        char *text = read_data (films[i]);
        aut_storyboard_t *film;
        aut_plan_t *plan = plan_good (registry, text, &film);
        for (size_t j = 0; j < plan->chunk_count; j++) {
            aut_buffer_t out = {0};
            aut_task_spec_t spec;
            json_t *json;
            size_t size;
            aut_plan_spec (plan, j, &out);
            aut_hash_t key = aut_task_key (out.data, out.size);
            ck_assert (aut_hash_equal (&key, &plan->chunks[j].key));
            ck_assert_int_eq (aut_json_parse (&json, out.data, out.size, "spec"), 0);
            char *canonical = aut_json_canonical (json, &size);
            ck_assert_str_eq (canonical, out.data);
            int err = aut_task_spec_parse (&spec, out.data, out.size);
            ck_assert_msg (err == 0, "%s", aut_error_detail ());
            ck_assert_str_eq (spec.model, plan->shots[plan->chunks[j].shot].model->id);
            ck_assert_uint_eq (spec.keep, plan->chunks[j].keep);
            aut_task_spec_clear (&spec);
            free (canonical);
            json_decref (json);
            aut_buffer_clear (&out);
        }
        aut_plan_destroy (&plan);
        aut_storyboard_destroy (&film);
        free (text);
    }
    aut_registry_destroy (&registry);
}
END_TEST

static const char good[] =
    "{\"after\":null,\"camera\":{\"angle\":null,\"move\":\"pan-left\",\"size\":null},\"cards\":[{"
    "\"description\":\"a\\n\\u001F\\\"b\",\"image\":null,\"type\":\"style\"}],\"chunk\":0,\"drop\":"
    "0,"
    "\"first_frame\":0,\"frames\":5,\"guidance\":\"5\",\"height\":64,\"init\":null,\"keep\":4,"
    "\"kind\":\"generate\",\"last\":null,\"model\":{\"files\":[],\"id\":\"m\",\"revision\":\"1\"},"
    "\"negative\":\"\",\"prompt\":\"x\",\"rate\":[24,1],\"seed\":\"9223372036854775807\","
    "\"shot_frames\":4,\"steps\":1,\"tail\":0,\"tail_out\":1,\"width\":64}";

START_TEST (strict)
{
    static const struct {
        const char *from, *to, *wanted; /* a change of the good text, and what is said */
    } cases[] = {
        {"{\"after\"", " {\"after\"", "not canonical"},
        {"\"steps\":1", "\"steps\":1.0", "not canonical"},
        {"\"frames\":5,\"g", "\"frames\":5e0,\"g", "not canonical"},
        {"\"width\":64", "\"width\":64,\"x\":1", "not canonical"},
        {"\"width\":64", "\"width\":64,\"y\":1", "unknown key"},
        {"\"width\":64", "\"width\":0", "width"},
        {"\"width\":64", "\"width\":100000", "width"},
        {"\"height\":64,", "", "height: is required"},
        {"\"keep\":4", "\"keep\":6", "drop and keep"},
        {"\"keep\":4", "\"keep\":5", "beyond its shot"},
        {"\"keep\":4", "\"keep\":0", "keep"},
        {"\"tail\":0", "\"tail\":1", "do not go together"},
        {"\"drop\":0", "\"drop\":1", "do not go together"},
        {"\"tail_out\":1", "\"tail_out\":5", "tail_out"},
        {"9223372036854775807", "9223372036854775808", "2^63"},
        {"9223372036854775807", "-1", "2^63"},
        {"9223372036854775807", "1e3", "not canonical"},
        {"[24,1]", "[24,0]", "rate"},
        {"[24,1]", "[24]", "rate"},
        {"[24,1]", "24", "rate"},
        {"\"guidance\":\"5\"", "\"guidance\":\"five\"", "guidance"},
        {"generate", "enlarge", "kind"},
        {"generate", "upscale", "after and fit"},
        {"\"frames\":5,\"g", "\"fit\":\"crop\",\"frames\":5,\"g", "fit is for"},
        {"pan-left", "pan", "camera.move"},
        {"\"init\":null", "\"init\":{\"after\":null,\"image\":null}", "must be a string"},
        {"\"init\":null", "\"init\":{}", "one thing each"},
        {"\"init\":null", "\"init\":{\"image\":\"ab\"}", "64 hex"},
        {"\"after\":null", "\"after\":\"zz\"", "64 hex"},
        {"\"type\":\"style\"", "\"type\":\"thing\"", "cards[0].type"},
        {"\"files\":[]", "\"files\":[{\"hash\":\"\",\"name\":\"../a\"}]", "no .."},
        {"\"prompt\":\"x\"", "\"prompt\":null", "prompt: must be a string"},
    };
    aut_task_spec_t spec;
    ck_assert_int_eq (aut_task_spec_parse (&spec, good, strlen (good)), 0);
    ck_assert_str_eq (spec.cards[0].description, "a\n\x1f\"b");
    ck_assert_uint_eq (spec.seed, INT64_MAX);
    ck_assert_int_eq (spec.camera_move, AUT_MOVE_PAN_LEFT);
    ck_assert_int_eq (spec.camera_size, -1);
    aut_task_spec_clear (&spec);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *at = strstr (good, cases[i].from);
        ck_assert_ptr_nonnull (at);
        char *text = aut_sprintf ("%.*s%s%s", (int)(at - good), good, cases[i].to,
                                  at + strlen (cases[i].from));
        ck_assert_int_eq (aut_task_spec_parse (&spec, text, strlen (text)), AUT_ERR_INVALID);
        ck_assert_msg (strstr (aut_error_detail (), cases[i].wanted) != NULL, "%s: %s", cases[i].to,
                       aut_error_detail ());
        ck_assert_ptr_null (spec.arena);
        free (text);
    }
}
END_TEST

/*  Values from an independent program (Python's hashlib). */
START_TEST (seeds)
{
    static const struct {
        uint64_t seed;
        const char *id;
        uint32_t chunk;
        uint64_t wanted;
    } cases[] = {
        {0u, "a", 0, 7468761380043517834u},
        {0u, "a", 1, 3280906783363856413u},
        {7u, "take", 11, 2963222421217596273u},
        {1871u, "s1-01", 0, 3132443754482228511u},
        {9223372036854775807u, "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
         999999, 3451112891474348178u},
        {42u, "Shot_1.b-c", 2, 7637700961199435199u},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        ck_assert_uint_eq (aut_chunk_seed (cases[i].seed, cases[i].id, cases[i].chunk),
                           cases[i].wanted);
}
END_TEST

START_TEST (images)
{
    aut_card_t cards[] = {{.description = "", .has_image = true, .image = {{1}}},
                          {.description = ""},
                          {.description = "", .has_image = true, .image = {{2}}}};
    aut_task_spec_t spec = {.init = AUT_INIT_IMAGE,
                            .init_hash = {{2}},
                            .has_last = true,
                            .last_hash = {{3}},
                            .cards = cards,
                            .card_count = 3};
    aut_hash_t out[4];
    ck_assert_uint_eq (aut_task_spec_images (&spec, out, 4), 3);
    ck_assert_uint_eq (out[0].bytes[0], 2);
    ck_assert_uint_eq (out[1].bytes[0], 3);
    ck_assert_uint_eq (out[2].bytes[0], 1);
    spec.init = AUT_INIT_AFTER;
    ck_assert_uint_eq (aut_task_spec_images (&spec, out, 4), 3);
    ck_assert_uint_eq (out[0].bytes[0], 3);
}
END_TEST

int main (void)
{
    const TTest *const tests[] = {specs_of_plans, strict, seeds, images};
    return run_suite ("task", tests, sizeof tests / sizeof *tests);
}
