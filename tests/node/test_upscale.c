/*  Tasks that enlarge: frame by frame what lib/media's Lanczos makes of what the upscaler made,
 *  sizes and shapes, and inputs that are not what the task says. */
#include "lib/core/error.h"
#include "lib/core/file.h"
#include "lib/core/mem.h"
#include "lib/film/storyboard.h"
#include "lib/media/clip.h"
#include "node/worker/task.h"
#include "node/worker/upscale.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WIDTH 48
#define HEIGHT 32
#define FRAMES 3
#define BYTES ((size_t)WIDTH * HEIGHT * 3)

static char dir[] = "/tmp/auteur-upscale.XXXXXX";
static char *input;

/*  Something with edges that differs in every frame. */
static void draw (uint8_t *rgb, unsigned frame)
{
    for (unsigned y = 0; y < HEIGHT; y++)
        for (unsigned x = 0; x < WIDTH; x++)
            for (unsigned c = 0; c < 3; c++)
                rgb[(y * WIDTH + x) * 3 + c] =
                    (uint8_t)((x / 5 + y / 3 + frame) % 2 ? 20 * c + 3 * y : 255 - 4 * x);
}

static void set_up (void)
{
    uint8_t rgb[BYTES];
    aut_clip_writer_t *clip;
    const aut_clip_format_t format = {WIDTH, HEIGHT, 12, 1};
    ck_assert_ptr_nonnull (mkdtemp (dir));
    input = aut_path_join (dir, "input.mkv", NULL);
    ck_assert_int_eq (aut_clip_writer_open (&clip, input, &format), 0);
    for (unsigned i = 0; i < FRAMES; i++) {
        draw (rgb, i);
        ck_assert_int_eq (aut_clip_writer_frame (clip, rgb), 0);
    }
    ck_assert_int_eq (aut_clip_writer_finish (clip, NULL, NULL), 0);
    aut_clip_writer_destroy (&clip);
}

static void tear_down (void)
{
    aut_dir_remove (dir);
    free (input);
    memcpy (dir + strlen (dir) - 6, "XXXXXX", 6);
}

static aut_task_spec_t spec_of (uint32_t width, uint32_t height, int fit)
{
    return (aut_task_spec_t){.kind = AUT_TASK_UPSCALE,
                             .fit = fit,
                             .model = "lanczos",
                             .revision = "1.0.0",
                             .prompt = "",
                             .negative = "",
                             .guidance = "0",
                             .width = width,
                             .height = height,
                             .rate = {12, 1},
                             .frames = FRAMES,
                             .keep = FRAMES,
                             .shot_frames = FRAMES,
                             .steps = 1,
                             .has_after = true,
                             .after = {{1}}};
}

static bool never (void *ctx)
{
    (void)ctx;
    return false;
}

static bool always (void *ctx)
{
    (void)ctx;
    return true;
}

static void ignore (void *ctx, const aut_worker_progress_t *progress)
{
    (void)ctx;
    ck_assert_uint_le (progress->frame, progress->frames);
}

static int run (const aut_task_spec_t *spec, const char *role, bool (*cancelled) (void *))
{
    aut_loaded_t loaded = {.models = AUTEUR_TEST_DATA "/../models", .device = {.name = "cpu"}};
    aut_loaded_t upscaler = loaded;
    const aut_worker_env_t env = {
        .loaded = &loaded, .upscaler = &upscaler, .cancelled = cancelled, .progress = ignore};
    aut_buffer_t text = {0};
    aut_task_spec_write (spec, &text);
    aut_worker_input_t inputs[] = {{.role = role, .key = "k", .path = input}};
    const aut_worker_task_t task = {.id = 1,
                                    .spec = (const uint8_t *)text.data,
                                    .spec_size = text.size,
                                    .inputs = inputs,
                                    .input_count = 1,
                                    .out_dir = dir};
    aut_worker_result_t result = {0};
    int rc = aut_worker_run (&env, &task, &result);
    if (rc == 0) {
        ck_assert_str_eq (result.mezzanine, "mezzanine.mkv");
        ck_assert_ptr_null (result.tail);
    }
    if (spec->kind == AUT_TASK_UPSCALE)
        ck_assert_ptr_null (loaded.model); /* what makes frames was left alone */
    aut_loaded_clear (&upscaler);
    aut_loaded_clear (&loaded);
    aut_buffer_clear (&text);
    return rc;
}

static void check_frames (uint32_t width, uint32_t height, aut_scale_t mode)
{
    char *path = aut_path_join (dir, "mezzanine.mkv", NULL);
    uint8_t from[BYTES], *rgb = aut_calloc ((size_t)width * height, 3);
    aut_clip_reader_t *clip;
    ck_assert_int_eq (aut_clip_reader_open (&clip, path, 1), 0);
    ck_assert_uint_eq (aut_clip_reader_format (clip)->width, width);
    ck_assert_uint_eq (aut_clip_reader_format (clip)->height, height);
    for (unsigned i = 0; i < FRAMES; i++) {
        aut_picture_t small = {WIDTH, HEIGHT, from}, *wanted;
        draw (from, i);
        ck_assert_int_eq (aut_picture_scale (&wanted, &small, width, height, mode), 0);
        ck_assert_int_eq (aut_clip_reader_next (clip, rgb), 1);
        ck_assert_mem_eq (rgb, wanted->rgb, (size_t)width * height * 3);
        aut_picture_destroy (&wanted);
    }
    ck_assert_int_eq (aut_clip_reader_next (clip, rgb), 0);
    aut_clip_reader_destroy (&clip);
    free (rgb);
    free (path);
}

START_TEST (every_frame_by_lanczos)
{
    static const struct {
        uint32_t width, height;
        int fit;
    } cases[] = {{192, 128, AUT_FIT_CROP}, {202, 118, AUT_FIT_CROP}, {202, 118, AUT_FIT_PAD}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        aut_task_spec_t spec = spec_of (cases[i].width, cases[i].height, cases[i].fit);
        int rc = run (&spec, "frames", never);
        ck_assert_msg (rc == 0, "%s", aut_error_detail ());
        check_frames (spec.width, spec.height,
                      spec.fit == AUT_FIT_PAD ? AUT_SCALE_PAD : AUT_SCALE_COVER);
    }
}
END_TEST

START_TEST (what_is_not_as_the_task_says)
{
    aut_task_spec_t more = spec_of (96, 64, 0), rate = more, model = more, other = more;
    more.frames = more.keep = more.shot_frames = FRAMES + 1;
    ck_assert_int_eq (run (&more, "frames", never), AUT_ERR_INVALID);
    ck_assert_ptr_nonnull (strstr (aut_error_detail (), "3 frames are there"));
    rate.rate = (aut_rational_t){24, 1};
    ck_assert_int_eq (run (&rate, "frames", never), AUT_ERR_INVALID);
    model.model = "auteur-animatic";
    ck_assert_int_eq (run (&model, "frames", never), AUT_ERR_INVALID);
    ck_assert_ptr_nonnull (strstr (aut_error_detail (), "does not enlarge"));
    other.revision = "2";
    ck_assert_int_eq (run (&other, "frames", never), AUT_ERR_VERSION);
    ck_assert_int_eq (run (&more, "tail", never), AUT_ERR_INVALID);
    more = spec_of (96, 64, 0);
    ck_assert_int_eq (run (&more, "frames", always), AUT_ERR_CANCELLED);
    /* and the other way round: an upscaler makes no video */
    more.kind = AUT_TASK_GENERATE;
    more.has_after = false;
    ck_assert_int_eq (run (&more, "frames", never), AUT_ERR_INVALID);
}
END_TEST

/*  A learned upscaler's place: doubles every pixel. */
static int twice (void *state, const aut_picture_t *frame, bool (*cancelled) (void *), void *ctx,
                  aut_picture_t **out)
{
    (void)cancelled;
    (void)ctx;
    ++*(int *)state;
    ck_assert_int_eq (aut_picture_new (out, frame->width * 2, frame->height * 2), 0);
    for (uint32_t y = 0; y < frame->height * 2; y++)
        for (uint32_t x = 0; x < frame->width * 2; x++)
            memcpy ((*out)->rgb + ((size_t)y * frame->width * 2 + x) * 3,
                    frame->rgb + ((size_t)(y / 2) * frame->width + x / 2) * 3, 3);
    return 0;
}

static int compare (void *ctx, uint32_t index, const uint8_t *rgb)
{
    const aut_task_spec_t *spec = ctx;
    uint8_t from[BYTES];
    int calls = 0;
    aut_picture_t small = {WIDTH, HEIGHT, from}, *doubled, *wanted;
    draw (from, index);
    twice (&calls, &small, NULL, NULL, &doubled);
    ck_assert_int_eq (
        aut_picture_scale (&wanted, doubled, spec->width, spec->height, AUT_SCALE_COVER), 0);
    ck_assert_mem_eq (rgb, wanted->rgb, (size_t)spec->width * spec->height * 3);
    aut_picture_destroy (&wanted);
    aut_picture_destroy (&doubled);
    return 0;
}

START_TEST (a_learned_one_first)
{
    int calls = 0;
    const aut_backend_t backend = {.name = "twice", .upscale = twice};
    const aut_model_t model = {.id = "twice", .upscale = 2};
    const aut_loaded_t loaded = {
        .backend = &backend, .model = &model, .state = &calls, .device = {.name = "cpu"}};
    aut_task_spec_t spec = spec_of (150, 98, AUT_FIT_CROP);
    const aut_upscale_out_t out = {.frame = compare, .cancelled = never, .ctx = &spec};
    ck_assert_int_eq (aut_upscale_clip (&spec, input, &loaded, &out), 0);
    ck_assert_int_eq (calls, FRAMES);
    const aut_model_t lies = {.id = "twice", .upscale = 4};
    const aut_loaded_t other = {.backend = &backend, .model = &lies, .state = &calls};
    ck_assert_int_eq (aut_upscale_clip (&spec, input, &other, &out), AUT_ERR_INVALID);
    ck_assert_ptr_nonnull (strstr (aut_error_detail (), "manifest says 4 times"));
}
END_TEST

int main (void)
{
    Suite *suite = suite_create ("upscale");
    TCase *tcase = tcase_create ("upscale");
    tcase_add_checked_fixture (tcase, set_up, tear_down);
    tcase_set_timeout (tcase, 120);
    tcase_add_test (tcase, every_frame_by_lanczos);
    tcase_add_test (tcase, what_is_not_as_the_task_says);
    tcase_add_test (tcase, a_learned_one_first);
    suite_add_tcase (suite, tcase);
    SRunner *runner = srunner_create (suite);
    srunner_run_all (runner, CK_NORMAL);
    int failed = srunner_ntests_failed (runner);
    srunner_free (runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
