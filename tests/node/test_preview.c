/*  Pictures of a chunk that is being made: when they come, how big they are, and that the result is
 *  the same to the last byte with them and without. */
#include "lib/core/buffer.h"
#include "lib/core/error.h"
#include "lib/core/file.h"
#include "lib/core/hash.h"
#include "lib/core/mem.h"
#include "node/worker/output.h"
#include "node/worker/task.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILES 3

START_TEST (pace)
{
    aut_preview_pace_t p = {0};
    aut_preview_begin (&p, 1000);
    ck_assert (!aut_preview_is_due (&p, 5999)); /* none in the first seconds */
    ck_assert (aut_preview_is_due (&p, 6000));
    aut_preview_made (&p, 6000, 6100);
    ck_assert (!aut_preview_is_due (&p, 11099));
    ck_assert (aut_preview_is_due (&p, 11100));
    aut_preview_made (&p, 11100, 12100); /* a second each: at most one in twenty */
    ck_assert (!aut_preview_is_due (&p, 32099));
    ck_assert (aut_preview_is_due (&p, 32100));
    aut_preview_begin (&p, 40000); /* nor does the next chunk pay more */
    ck_assert (!aut_preview_is_due (&p, 59999));
    ck_assert (aut_preview_is_due (&p, 60000));
    p = (aut_preview_pace_t){.every = -1};
    aut_preview_begin (&p, 0);
    ck_assert (!aut_preview_is_due (&p, INT64_MAX));
}
END_TEST

static aut_picture_t *draw (uint32_t width, uint32_t height, bool noise)
{
    aut_picture_t *picture = NULL;
    ck_assert_int_eq (aut_picture_new (&picture, width, height), 0);
    uint32_t random = 12345;
    for (size_t i = 0; i < (size_t)width * height * 3; i++) {
        random = random * 1664525 + 1013904223;
        picture->rgb[i] = noise ? (uint8_t)(random >> 24) : (uint8_t)(i / width);
    }
    return picture;
}

static const struct {
    uint32_t width, height;
    bool noise;
    uint32_t seen; /* width; 0 = less than 320 */
} pictures[] = {
    {1280, 720, false, 320}, {320, 180, false, 320}, {64, 48, true, 64},
    {320, 180, true, 0},     {320, 569, true, 0},    {8000, 1, false, 320},
};

START_TEST (small)
{
    aut_picture_t *picture = draw (pictures[_i].width, pictures[_i].height, pictures[_i].noise);
    aut_picture_t *back = NULL;
    uint8_t *data = NULL;
    size_t size = 0;
    ck_assert_msg (aut_preview_png (&data, &size, picture) == 0, "%s", aut_error_detail ());
    ck_assert_uint_le (size, AUT_PREVIEW_MAX);
    ck_assert_int_eq (aut_picture_decode (&back, data, size, "the preview"), 0);
    if (pictures[_i].seen)
        ck_assert_uint_eq (back->width, pictures[_i].seen);
    else
        ck_assert (back->width < 320 && back->width >= 75);
    aut_picture_destroy (&picture);
    aut_picture_destroy (&back);
    free (data);
}
END_TEST

/* ---- a worker's task ------------------------------------------------------------------------- */

typedef struct {
    uint32_t pictures;
    aut_hash_t last;
    bool differ;
} seen_t;

static void on_progress (void *ctx, const aut_worker_progress_t *progress)
{
    seen_t *seen = ctx;
    aut_picture_t *picture = NULL;
    if (!progress->preview)
        return;
    ck_assert_int_eq (
        aut_picture_decode (&picture, progress->preview, progress->preview_size, "a preview"), 0);
    ck_assert_uint_eq (picture->width, 64);
    aut_picture_destroy (&picture);
    aut_hash_t hash = aut_hash_of (progress->preview, progress->preview_size);
    seen->differ |= seen->pictures && !aut_hash_equal (&hash, &seen->last);
    seen->last = hash;
    seen->pictures++;
}

static bool never (void *ctx)
{
    (void)ctx;
    return false;
}

static char *spec_text (size_t *size)
{
    aut_registry_t *registry = NULL;
    ck_assert_int_eq (aut_registry_open (&registry, NULL), 0);
    const aut_model_t *model = aut_registry_find (registry, "auteur-animatic");
    ck_assert_ptr_nonnull (model);
    aut_task_spec_t spec = {.model = "auteur-animatic",
                            .revision = model->revision,
                            .prompt = "a white lighthouse above a darkening sea",
                            .negative = "",
                            .seed = 7,
                            .width = 64,
                            .height = 48,
                            .rate = {24, 1},
                            .frames = 49,
                            .keep = 49,
                            .steps = 1,
                            .guidance = "1",
                            .shot_frames = 49,
                            .has_camera = true,
                            .camera_size = -1,
                            .camera_move = -1,
                            .tail_out = 1};
    aut_buffer_t text = {0};
    aut_task_spec_write (&spec, &text);
    aut_registry_destroy (&registry);
    return aut_buffer_take (&text, size);
}

/*  Runs the chunk with a picture every `every` ms. */
static void run (int64_t every, seen_t *seen, aut_hash_t made[FILES])
{
    static const char *const files[FILES] = {AUT_OUTPUT_MEZZANINE, AUT_OUTPUT_TAIL,
                                             AUT_OUTPUT_PREVIEW};
    char dir[] = "/tmp/auteur-preview.XXXXXX";
    ck_assert_ptr_nonnull (mkdtemp (dir));
    aut_loaded_t loaded = {.device = {.name = "cpu", .threads = 1}, .previews = {.every = every}};
    aut_worker_env_t env = {.loaded = &loaded,
                            .fault = "slow:20:",
                            .cancelled = never,
                            .progress = on_progress,
                            .ctx = seen};
    aut_worker_task_t task = {.id = 1, .out_dir = dir};
    char *spec = spec_text (&task.spec_size);
    aut_worker_result_t result;
    task.spec = (const uint8_t *)spec;
    ck_assert_msg (aut_worker_run (&env, &task, &result) == 0, "%s", aut_error_detail ());
    for (int i = 0; i < FILES; i++) {
        char *path = aut_path_join (dir, files[i], NULL);
        ck_assert_int_eq (aut_hash_file (&made[i], NULL, path), 0);
        free (path);
    }
    free (spec);
    aut_loaded_clear (&loaded);
    aut_dir_remove (dir);
}

START_TEST (frames_stay_as_they_are)
{
    aut_hash_t without[FILES], with[FILES], first[FILES];
    seen_t none = {0}, some = {0}, first_seconds = {0};
    run (-1, &none, without);
    run (1, &some, with);
    ck_assert_uint_eq (none.pictures, 0);
    ck_assert_uint_ge (some.pictures, 2);
    ck_assert (some.differ);
    ck_assert_mem_eq (without, with, sizeof with);
    run (INT64_MAX / 4, &first_seconds, first);
    ck_assert_uint_eq (first_seconds.pictures, 0);
    ck_assert_mem_eq (without, first, sizeof first);
}
END_TEST

int main (void)
{
    Suite *suite = suite_create ("preview");
    TCase *tc = tcase_create ("preview");
    tcase_set_timeout (tc, 120);
    tcase_add_test (tc, pace);
    tcase_add_loop_test (tc, small, 0, sizeof pictures / sizeof *pictures);
    tcase_add_test (tc, frames_stay_as_they_are);
    suite_add_tcase (suite, tc);
    SRunner *runner = srunner_create (suite);
    srunner_run_all (runner, CK_ENV);
    int failed = srunner_ntests_failed (runner);
    srunner_free (runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
