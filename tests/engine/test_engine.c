/*  The engine over several clips: each is made on the rung of the memory ladder that it needs,
 *  whatever was loaded for the one before; and requests that are refused before anything is loaded.
 */
#include "lib/core/error.h"
#include "lib/core/mem.h"
#include "node/engine/engine.h"
#include "node/engine/memory_plan.h"
#include "tests/engine/suites.h"
#include "tests/engine/support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define LIMIT ((uint64_t)2 << 30) /* by the plan 288 x 288 pixels fit whole; 320 go in tiles */

typedef struct {
    float *rgb;
    size_t frame; /* floats of one */
    int64_t frames;
} clip_t;

static int on_frame (void *ctx, int64_t index, const float *rgb)
{
    clip_t *clip = ctx;
    ck_assert_int_eq (index, clip->frames);
    clip->frames++;
    clip->rgb = aut_realloc (clip->rgb, (size_t)clip->frames * clip->frame, sizeof *clip->rgb);
    memcpy (clip->rgb + (size_t)index * clip->frame, rgb, clip->frame * sizeof *rgb);
    return 0;
}

static engine_t *open_model (const char *model, uint64_t limit)
{
    engine_t *engine = NULL;
    engine_options_t options = {.model = model,
                                .device = "cpu",
                                .dtype = AUT_DTYPE_F32,
                                .threads = 1,
                                .memory_limit = limit};
    ck_assert_msg (engine_open (&engine, &options) == 0, "%s", aut_error_detail ());
    return engine;
}

static engine_request_t request_of (int64_t side)
{
    return (engine_request_t){.prompt = "a fox",
                              .width = side,
                              .height = side,
                              .frames = 5,
                              .steps = 1,
                              .guidance = 1,
                              .seed = 7};
}

static clip_t make (engine_t *engine, int64_t side, engine_rung_t rung)
{
    clip_t clip = {.frame = (size_t)(side * side * 3)};
    engine_request_t request = request_of (side);
    engine_events_t events = {.frame = on_frame, .ctx = &clip};
    engine_report_t report;
    ck_assert_msg (engine_generate (engine, &request, &events, &report) == 0, "%s",
                   aut_error_detail ());
    ck_assert_int_eq (clip.frames, request.frames);
    ck_assert_int_eq (report.rung, rung);
    return clip;
}

static double difference (const clip_t *a, const clip_t *b)
{
    double most = 0;
    for (size_t i = 0; i < (size_t)a->frames * a->frame; i++)
        most = fmax (most, fabs ((double)a->rgb[i] - (double)b->rgb[i]));
    return most;
}

/*  A large clip, then one that need not go in tiles: nothing of the first one's rung is left. */
START_TEST (test_rungs_of_clips)
{
    const char *model = GOLDENS "wan21-t2v/model";
    engine_t *warm = open_model (model, LIMIT), *fresh = open_model (model, LIMIT);
    clip_t tiled = make (warm, 320, ENGINE_TILES), after = make (warm, 288, ENGINE_KEEP);
    clip_t whole = make (fresh, 288, ENGINE_KEEP), again = make (fresh, 320, ENGINE_TILES);
    ck_assert_double_eq (difference (&after, &whole), 0);
    ck_assert_double_eq (difference (&tiled, &again), 0);
    clip_t *const clips[] = {&tiled, &after, &whole, &again};
    for (size_t i = 0; i < sizeof clips / sizeof *clips; i++)
        free (clips[i]->rgb);
    engine_close (&warm);
    engine_close (&fresh);
}
END_TEST

/*  The plan counts what is loaded, in whatever type the files are. */
START_TEST (test_weights_weighed)
{
    folder_t *folder = NULL;
    ck_assert_int_eq (folder_open (&folder, GOLDENS "wan21-i2v/model"), 0);
    memory_need_t f32 = {0}, bf16 = {0};
    memory_weigh (&f32, folder, AUT_DTYPE_F32);
    memory_weigh (&bf16, folder, AUT_DTYPE_BF16);
    ck_assert_uint_gt (bf16.text, 0);
    ck_assert_uint_gt (bf16.expert, 0);
    ck_assert_uint_eq (f32.text, 2 * bf16.text);
    ck_assert_uint_eq (f32.expert, 2 * bf16.expert);
    ck_assert_uint_eq (f32.vae, bf16.vae);
    ck_assert_uint_eq (f32.clip, bf16.clip);
    folder_close (&folder);
}
END_TEST

static void refuse (engine_t *engine, const engine_request_t *request, const char *said)
{
    engine_events_t events = {0};
    ck_assert_int_eq (engine_generate (engine, request, &events, NULL), AUT_ERR_INVALID);
    ck_assert_msg (strstr (aut_error_detail (), said) != NULL, "%s", aut_error_detail ());
}

START_TEST (test_refused)
{
    engine_t *engine = open_model (GOLDENS "wan21-i2v/model", 0);
    static const float floats[3] = {0};
    static const uint8_t bytes[3] = {0};
    engine_request_t r = request_of (64);
    refuse (engine, &r, "needs a first picture");
    r.first = (engine_picture_t){.f32 = floats, .width = 1, .height = 1};
    refuse (engine, &r, "first picture: one of floats");
    r.first = (engine_picture_t){.u8 = bytes, .width = 1, .height = INT64_MAX};
    refuse (engine, &r, "first picture: 1 x");
    r.first = (engine_picture_t){.u8 = bytes, .width = 1, .height = 1};
    r.last = (engine_picture_t){.u8 = bytes};
    refuse (engine, &r, "last picture: 0 x 0");
    r = request_of (8192);
    r.frames = 4001;
    refuse (engine, &r, "tokens are more than");
    engine_close (&engine);
}
END_TEST

TCase *suite_engine (void)
{
    TCase *tc = tcase_create ("engine");
    tcase_set_timeout (tc, 120);
    tcase_add_test (tc, test_rungs_of_clips);
    tcase_add_test (tc, test_weights_weighed);
    tcase_add_test (tc, test_refused);
    return tc;
}
