/*  The animatic backend: what its words mean, that its frames are a function of the shot, and that
 *  a chunk starts from the tail it is handed: a wrong, missing or rounded tail shows.
 */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/core/error.h"
#include "lib/core/mem.h"
#include "lib/film/storyboard.h"
#include "node/backends/animatic.h"
#include "node/backends/animatic/scene.h"

#define W 96u
#define H 54u
#define FLOATS ((size_t)W * H * 3)
#define SHOT 40u

/*  --- a sink for frames --- */

typedef struct {
    float *frames;
    size_t floats;
    uint32_t count, stop_at, cancel_at, steps;
} sink_t;

static int take (void *ctx, uint32_t index, const float *rgb)
{
    sink_t *s = ctx;
    ck_assert_uint_eq (index, s->count);
    if (s->stop_at != 0 && index == s->stop_at)
        return AUT_ERR_NO_SPACE;
    s->frames = aut_realloc (s->frames, (size_t)(index + 1) * s->floats, sizeof *s->frames);
    memcpy (s->frames + index * s->floats, rgb, s->floats * sizeof *rgb);
    s->count++;
    return AUT_OK;
}

static int step (void *ctx, uint32_t at, uint32_t steps)
{
    sink_t *s = ctx;
    ck_assert_uint_eq (at, s->count);
    s->steps = steps;
    return AUT_OK;
}

static bool cancelled (void *ctx)
{
    const sink_t *s = ctx;
    return s->cancel_at != 0 && s->count >= s->cancel_at;
}

static int generate (sink_t *sink, const aut_generate_in_t *in)
{
    void *state = NULL;
    aut_generate_out_t out = {.frame = take, .progress = step, .cancelled = cancelled, .ctx = sink};
    ck_assert_int_eq (aut_backend_animatic.load (&state, NULL), 0);
    sink->floats = (size_t)in->spec->width * in->spec->height * 3;
    int rc = aut_backend_animatic.generate (state, in, &out);
    aut_backend_animatic.unload (state);
    return rc;
}

static aut_task_spec_t shot_of (const char *prompt)
{
    return (aut_task_spec_t){.prompt = prompt,
                             .negative = "",
                             .seed = 7,
                             .width = W,
                             .height = H,
                             .rate = {24, 1},
                             .frames = SHOT,
                             .keep = SHOT,
                             .shot_frames = SHOT,
                             .has_camera = true,
                             .camera_size = AUT_CAMERA_WIDE,
                             .camera_move = AUT_MOVE_DOLLY_IN};
}

/*  The frames of a whole shot; the caller frees them. */
static float *frames_of (const aut_task_spec_t *spec)
{
    sink_t sink = {0};
    aut_generate_in_t in = {.spec = spec};
    int rc = generate (&sink, &in);
    ck_assert_msg (rc == 0, "%s", aut_error_detail ());
    ck_assert_uint_eq (sink.count, spec->frames);
    ck_assert_uint_eq (sink.steps, spec->frames);
    return sink.frames;
}

/*  Mean difference of two frames, in 1/255. */
static double apart (const float *a, const float *b, size_t floats)
{
    double sum = 0;
    for (size_t i = 0; i < floats; i++)
        sum += fabs ((double)a[i] - (double)b[i]);
    return 255 * sum / (double)floats;
}

/*  --- words --- */

static const struct {
    const char *prompt;
    anm_place_t place;
    anm_time_t time;
    anm_weather_t weather;
    int figures, things;
} readings[] = {
    {"the lighthouse stands alone above a darkening sea", ANM_PLACE_COAST, ANM_TIME_DUSK,
     ANM_WEATHER_CLEAR, 0, 1},
    {"two women walk through a forest at night, heavy rain", ANM_PLACE_FOREST, ANM_TIME_NIGHT,
     ANM_WEATHER_RAIN, 2, 0},
    {"a rider crosses the DUNES at sunset", ANM_PLACE_DESERT, ANM_TIME_DUSK, ANM_WEATHER_CLEAR, 1,
     0},
    {"snowy mountains above a valley at noon", ANM_PLACE_MOUNTAIN, ANM_TIME_DAY, ANM_WEATHER_CLEAR,
     0, 0},
    {"INT. KITCHEN. a child reads a book in the morning", ANM_PLACE_ROOM, ANM_TIME_DAWN,
     ANM_WEATHER_CLEAR, 1, 1},
    {"a red circle moves right over a blue background", ANM_PLACE_STAGE, ANM_TIME_DAY,
     ANM_WEATHER_CLEAR, 0, 1},
    {"the queen enters the castle hall", ANM_PLACE_HALL, ANM_TIME_DUSK, ANM_WEATHER_CLEAR, 1, 0},
    {"a yellow square and a green ring", ANM_PLACE_STAGE, ANM_TIME_DAY, ANM_WEATHER_CLEAR, 0, 2},
    {"a couple on a beach at golden hour", ANM_PLACE_COAST, ANM_TIME_GOLDEN, ANM_WEATHER_CLEAR, 2,
     0},
    {"a bearded king by the fire in a cave", ANM_PLACE_HALL, ANM_TIME_DUSK, ANM_WEATHER_CLEAR, 1,
     1},
    {"", ANM_PLACE_STAGE, ANM_TIME_DAY, ANM_WEATHER_CLEAR, 0, 0},
    {"\xe7\x81\xaf\xe5\x8f\xb0 \xd0\xbc\xd0\xb0\xd1\x8f\xd0\xba \xff\xfe", ANM_PLACE_STAGE,
     ANM_TIME_DAY, ANM_WEATHER_CLEAR, 0, 0},
};

START_TEST (reads_words)
{
    anm_scene_t s;
    anm_scene_read (&s, readings[_i].prompt, NULL, 0, ANM_SIZE_WIDE, NULL, 0);
    ck_assert_int_eq (s.place, readings[_i].place);
    ck_assert_int_eq (s.time, readings[_i].time);
    ck_assert_int_eq (s.weather, readings[_i].weather);
    ck_assert_int_eq (s.figures, readings[_i].figures);
    ck_assert_int_eq (s.things, readings[_i].things);
}
END_TEST

START_TEST (reads_colours_and_cards)
{
    anm_scene_t s;
    const anm_words_t cards[] = {
        {ANM_CARD_CHARACTER, "an old keeper with a white beard, navy wool coat, brass lantern"},
        {ANM_CARD_LOCATION, "a white stone lighthouse with a red gallery"},
        {ANM_CARD_LOCATION, "INT. LAMP ROOM - NIGHT"}};
    anm_scene_read (&s, "muted teal and amber palette. he climbs the stair", cards, 3,
                    ANM_SIZE_MEDIUM, "low angle", 0);
    ck_assert_int_eq (s.figures, 1);
    ck_assert_uint_eq (s.figure[0].wears & (ANM_WEARS_BEARD | ANM_WEARS_COAT | ANM_HOLDS_LANTERN),
                       ANM_WEARS_BEARD | ANM_WEARS_COAT | ANM_HOLDS_LANTERN);
    ck_assert (s.figure[0].cloth.b > s.figure[0].cloth.r); /* navy */
    ck_assert (s.figure[0].hair.r > 0.9f);                 /* white */
    ck_assert_int_eq (s.figure[0].goes, ANM_GOES_UP);
    ck_assert_int_eq (s.tints, 2);
    ck_assert_int_eq (s.time, ANM_TIME_NIGHT);
    ck_assert (s.interior && s.things == 0 && s.height < 0);
    anm_scene_read (&s, "a dark red ball moves left over a pale green background", NULL, 0,
                    ANM_SIZE_WIDE, NULL, 0);
    ck_assert (s.plain && s.has_ground && s.ground.g > s.ground.r);
    ck_assert (s.thing[0].coloured && s.thing[0].color.r > 2 * s.thing[0].color.g);
    ck_assert_int_eq (s.thing[0].goes, ANM_GOES_LEFT);
}
END_TEST

/*  --- frames --- */

START_TEST (every_place_and_size_draws)
{
    static const char *const places[] = {"a boat on the sea in a storm at night, lightning",
                                         "a man on a beach, rocks",
                                         "a calm lake at dawn, fog",
                                         "a camel in the desert",
                                         "a girl in the forest, snow",
                                         "a horse in a meadow, golden hour",
                                         "a monk on a mountain",
                                         "a cabin in the tundra",
                                         "a city skyline at dusk",
                                         "a car in a street, rain",
                                         "a cat in a room at night",
                                         "a boy in a long corridor",
                                         "a woman on the stairs",
                                         "an astronaut in space",
                                         "a diver underwater",
                                         "a balloon in the sky",
                                         "three blue stars and a ring",
                                         "someone"};
    aut_task_spec_t spec = shot_of (places[_i]);
    spec.shot_frames = 24;
    spec.frames = spec.keep = 2;
    spec.first_frame = 11;
    for (int size = -1; size <= AUT_CAMERA_EXTREME_CLOSE_UP; size++) {
        spec.camera_size = size;
        spec.camera_move = (_i + size + 1) % (AUT_MOVE_HANDHELD + 1);
        spec.camera_angle = size == AUT_CAMERA_FULL   ? "dutch"
                            : size == AUT_CAMERA_WIDE ? "high"
                                                      : NULL;
        float *frames = frames_of (&spec);
        float low = 1, high = 0;
        for (size_t i = 0; i < 2 * FLOATS; i++) {
            ck_assert (frames[i] >= 0.0f && frames[i] <= 1.0f);
            low = fminf (low, frames[i]);
            high = fmaxf (high, frames[i]);
        }
        ck_assert_msg (high - low > 0.15f, "%s at size %d is flat", places[_i], size);
        free (frames);
    }
}
END_TEST

START_TEST (odd_shapes)
{
    static const uint32_t sizes[][2] = {{2, 2}, {16, 90}, {54, 96}, {300, 40}};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        aut_task_spec_t spec = shot_of ("a man walks in a street at night");
        spec.width = sizes[i][0];
        spec.height = sizes[i][1];
        spec.frames = spec.keep = spec.shot_frames = 1;
        spec.camera_move = (int)i;
        free (frames_of (&spec));
    }
}
END_TEST

START_TEST (same_spec_same_frames)
{
    aut_task_spec_t spec = shot_of ("a woman in a red dress by the sea at dawn, rain");
    float *a = frames_of (&spec), *b = frames_of (&spec);
    ck_assert_mem_eq (a, b, SHOT * FLOATS * sizeof *a);
    free (b);
    spec.seed++;
    b = frames_of (&spec);
    ck_assert (apart (a, b, FLOATS) > 1);
    free (a);
    free (b);
}
END_TEST

START_TEST (shape_moves_right)
{
    aut_task_spec_t spec = shot_of ("a red circle moves right over a blue background");
    spec.camera_move = AUT_MOVE_STATIC;
    float *frames = frames_of (&spec);
    double before = -1;
    for (uint32_t f = 0; f < SHOT; f += 13) {
        double sum = 0, weight = 0;
        for (size_t i = 0; i < FLOATS; i += 3) {
            const float *px = frames + f * FLOATS + i;
            if (px[0] > 0.6f && px[2] < 0.4f) {
                sum += (double)(i / 3 % W);
                weight++;
            }
        }
        ck_assert (weight > 20);
        ck_assert (sum / weight > before + 2);
        before = sum / weight;
    }
    free (frames);
}
END_TEST

START_TEST (moves_are_eased)
{
    aut_task_spec_t spec = shot_of ("a lighthouse above the sea");
    spec.camera_move = _i;
    spec.camera_size = AUT_CAMERA_FULL;
    float *f = frames_of (&spec);
    double first = apart (f, f + FLOATS, FLOATS), most = 0;
    for (uint32_t i = SHOT / 2 - 4; i < SHOT / 2 + 4; i++)
        most = fmax (most, apart (f + i * FLOATS, f + (i + 1) * FLOATS, FLOATS));
    ck_assert_msg (first < 0.75 * most, "move %d starts with %.3f, then %.3f", _i, first, most);
    free (f);
}
END_TEST

/*  --- the handoff --- */

/*  The second chunk of a shot, from frame `at`, with this tail. */
static float *second_chunk (const aut_task_spec_t *whole, uint32_t at, const float *tail)
{
    aut_task_spec_t spec = *whole;
    sink_t sink = {0};
    spec.has_after = true;
    spec.chunk = 1;
    spec.first_frame = at;
    spec.drop = spec.tail = 1;
    spec.keep = SHOT - at;
    spec.frames = spec.keep + 1;
    aut_generate_in_t in = {.spec = &spec, .tail = tail, .tail_frames = 1};
    ck_assert_int_eq (generate (&sink, &in), 0);
    ck_assert_uint_eq (sink.count, spec.frames);
    return sink.frames;
}

START_TEST (cut_shots_are_seamless)
{
    static const char *const prompts[] = {"a man with a lantern walks through a forest at night",
                                          "waves on the sea, snow, a gull crosses the frame"};
    for (size_t i = 0; i < 2; i++) {
        aut_task_spec_t spec = shot_of (prompts[i]);
        float *whole = frames_of (&spec);
        for (uint32_t at = 7; at < SHOT; at += 15) {
            const float *tail = whole + (at - 1) * FLOATS;
            float *part = second_chunk (&spec, at, tail);
            ck_assert_mem_eq (part, tail, FLOATS * sizeof *part);
            ck_assert_mem_eq (part + FLOATS, whole + at * FLOATS,
                              (SHOT - at) * FLOATS * sizeof *part);
            free (part);
        }
        free (whole);
    }
}
END_TEST

/*  The step over the seam against the largest step within the chunk. */
static double jump (const float *whole, const float *part, uint32_t at)
{
    double seam = apart (whole + (at - 1) * FLOATS, part + FLOATS, FLOATS), inside = 0;
    for (uint32_t i = 1; i + 1 < SHOT - at; i++)
        inside = fmax (inside, apart (part + i * FLOATS, part + (i + 1) * FLOATS, FLOATS));
    return seam / inside;
}

START_TEST (wrong_tail_shows)
{
    const uint32_t at = 20;
    aut_task_spec_t spec = shot_of ("a woman in a red dress in a meadow at noon");
    float *whole = frames_of (&spec);
    float *right = second_chunk (&spec, at, whole + (at - 1) * FLOATS);
    ck_assert (jump (whole, right, at) < 1.5);
    free (right);
    float *grey = aut_calloc (FLOATS, sizeof *grey);
    const float *wrong[] = {grey, whole, whole + (SHOT - 1) * FLOATS};
    for (size_t i = 0; i < 3; i++) {
        float *part = second_chunk (&spec, at, wrong[i]);
        ck_assert_msg (jump (whole, part, at) > 2, "wrong tail %zu: %.2f", i,
                       jump (whole, part, at));
        /* it finds its way back to the shot */
        ck_assert_mem_eq (part + (SHOT - at) * FLOATS, whole + (SHOT - 1) * FLOATS,
                          FLOATS * sizeof *part);
        free (part);
    }
    free (grey);
    free (whole);
}
END_TEST

START_TEST (tail_through_eight_bits_shows)
{
    const uint32_t at = 20;
    aut_task_spec_t spec = shot_of ("a boat on the sea at sunset");
    float *whole = frames_of (&spec), *rounded = aut_calloc (FLOATS, sizeof *rounded);
    const float *tail = whole + (at - 1) * FLOATS;
    size_t fractions = 0, differ = 0;
    for (size_t i = 0; i < FLOATS; i++) {
        rounded[i] = floorf (tail[i] * 255.0f + 0.5f) / 255.0f;
        fractions += rounded[i] != tail[i];
    }
    ck_assert (fractions > FLOATS / 2); /* frames are float indeed */
    float *part = second_chunk (&spec, at, rounded);
    for (size_t i = 0; i < FLOATS; i++)
        differ += part[FLOATS + i] != whole[at * FLOATS + i];
    ck_assert (differ > FLOATS / 2);
    free (part);
    free (rounded);
    free (whole);
}
END_TEST

START_TEST (missing_tail_is_refused)
{
    sink_t sink = {0};
    aut_task_spec_t spec = shot_of ("x");
    aut_generate_in_t in = {.spec = &spec};
    spec.has_after = true;
    ck_assert_int_eq (generate (&sink, &in), AUT_ERR_INVALID);
    ck_assert_ptr_nonnull (strstr (aut_error_detail (), "tail"));
    spec.has_after = false;
    spec.init = AUT_INIT_AFTER;
    ck_assert_int_eq (generate (&sink, &in), AUT_ERR_INVALID);
    ck_assert_uint_eq (sink.count, 0);
}
END_TEST

START_TEST (starts_from_the_shot_before)
{
    aut_task_spec_t before = shot_of ("a balloon in the sky at dawn");
    aut_task_spec_t spec = shot_of ("a man in a room at night");
    float *held = frames_of (&before), *own = frames_of (&spec);
    const float *tail = held + (SHOT - 1) * FLOATS;
    sink_t sink = {0};
    aut_generate_in_t in = {.spec = &spec, .tail = tail, .tail_frames = 1};
    spec.init = AUT_INIT_AFTER;
    spec.has_after = true;
    spec.drop = spec.tail = 1;
    spec.frames = SHOT + 1;
    ck_assert_int_eq (generate (&sink, &in), 0);
    ck_assert_mem_eq (sink.frames, tail, FLOATS * sizeof *tail);
    double whole_way = apart (tail, own, FLOATS);
    for (uint32_t i = 0; i < SHOT; i++) /* no jump on the way */
        ck_assert (apart (sink.frames + i * FLOATS, sink.frames + (i + 1) * FLOATS, FLOATS) <
                   0.2 * whole_way);
    ck_assert (apart (sink.frames + FLOATS, tail, FLOATS) < 1.5);
    ck_assert_mem_eq (sink.frames + SHOT * FLOATS, own + (SHOT - 1) * FLOATS, FLOATS * sizeof *own);
    free (sink.frames);
    free (held);
    free (own);
}
END_TEST

/*  --- pictures --- */

/*  Four quarters of different colours. */
static aut_picture_t quarters (uint32_t width, uint32_t height, unsigned turn)
{
    aut_picture_t p = {width, height, aut_calloc ((size_t)width * height, 3)};
    for (uint32_t y = 0; y < height; y++)
        for (uint32_t x = 0; x < width; x++)
            p.rgb[3 * ((size_t)y * width + x) + (turn + (2 * x >= width) + (2 * y >= height)) % 3] =
                220;
    return p;
}

static double likeness (const float *frame, const aut_picture_t *p)
{
    double sum = 0;
    for (uint32_t y = 0; y < H; y++)
        for (uint32_t x = 0; x < W; x++)
            for (uint32_t c = 0; c < 3; c++) {
                size_t at = 3 * ((size_t)(y * p->height / H) * p->width + x * p->width / W);
                sum += fabs ((double)frame[3 * (y * W + x) + c] - p->rgb[at + c] / 255.0);
            }
    return 255 * sum / (double)FLOATS;
}

START_TEST (pictures_open_and_close)
{
    aut_picture_t init = quarters (2 * W, 2 * H, 0), last = quarters (2 * W, 2 * H, 1);
    aut_task_spec_t spec = shot_of ("anything");
    spec.camera_move = AUT_MOVE_ZOOM_IN;
    spec.init = AUT_INIT_IMAGE;
    spec.has_last = true;
    sink_t sink = {0};
    aut_generate_in_t in = {.spec = &spec, .init = &init, .last = &last};
    ck_assert_int_eq (generate (&sink, &in), 0);
    const float *end = sink.frames + (SHOT - 1) * FLOATS;
    ck_assert (likeness (sink.frames, &init) < 12);
    ck_assert (likeness (sink.frames, &last) > 40);
    ck_assert (likeness (end, &last) < 12);
    for (uint32_t i = 1; i < SHOT; i++)
        ck_assert (apart (sink.frames + i * FLOATS, sink.frames + (i - 1) * FLOATS, FLOATS) < 15);
    free (sink.frames);
    free (init.rgb);
    free (last.rgb);
}
END_TEST

START_TEST (ingredient_picture_stands_for_the_shot)
{
    aut_picture_t images[2] = {{0}, quarters (77, 200, 2)};
    aut_card_t cards[2] = {
        {.type = AUT_INGREDIENT_CHARACTER, .description = "a man"},
        {.type = AUT_INGREDIENT_LOCATION, .description = "a place", .has_image = true}};
    aut_task_spec_t spec = shot_of ("a man in a place");
    spec.cards = cards;
    spec.card_count = 2;
    spec.camera_move = AUT_MOVE_PAN_LEFT;
    sink_t sink = {0};
    aut_generate_in_t in = {.spec = &spec, .images = images, .image_count = 2};
    ck_assert_int_eq (generate (&sink, &in), 0);
    const float *px = sink.frames + 3 * (size_t)(H / 4 * W + W / 8);
    ck_assert (px[2] > 0.7f && px[0] < 0.2f);
    free (sink.frames);
    free (images[1].rgb);
}
END_TEST

START_TEST (stops_when_told)
{
    aut_task_spec_t spec = shot_of ("a man in a street");
    aut_generate_in_t in = {.spec = &spec};
    sink_t sink = {.cancel_at = 3};
    ck_assert_int_eq (generate (&sink, &in), AUT_ERR_CANCELLED);
    ck_assert_uint_eq (sink.count, 3);
    free (sink.frames);
    sink = (sink_t){.stop_at = 2};
    ck_assert_int_eq (generate (&sink, &in), AUT_ERR_NO_SPACE);
    free (sink.frames);
}
END_TEST

int main (void)
{
    Suite *suite = suite_create ("animatic");
    TCase *tc = tcase_create ("all");
    tcase_set_timeout (tc, 240);
    tcase_add_loop_test (tc, reads_words, 0, sizeof readings / sizeof readings[0]);
    tcase_add_test (tc, reads_colours_and_cards);
    tcase_add_loop_test (tc, every_place_and_size_draws, 0, 18);
    tcase_add_test (tc, odd_shapes);
    tcase_add_test (tc, same_spec_same_frames);
    tcase_add_test (tc, shape_moves_right);
    tcase_add_loop_test (tc, moves_are_eased, AUT_MOVE_PAN_LEFT, AUT_MOVE_HANDHELD);
    tcase_add_test (tc, cut_shots_are_seamless);
    tcase_add_test (tc, wrong_tail_shows);
    tcase_add_test (tc, tail_through_eight_bits_shows);
    tcase_add_test (tc, missing_tail_is_refused);
    tcase_add_test (tc, starts_from_the_shot_before);
    tcase_add_test (tc, pictures_open_and_close);
    tcase_add_test (tc, ingredient_picture_stands_for_the_shot);
    tcase_add_test (tc, stops_when_told);
    suite_add_tcase (suite, tc);
    SRunner *runner = srunner_create (suite);
    srunner_run_all (runner, CK_NORMAL);
    int failed = srunner_ntests_failed (runner);
    srunner_free (runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
