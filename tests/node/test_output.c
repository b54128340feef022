/*  What a worker keeps of a chunk: the tests that fail if a tail went through 8 bits, if repeated
 *  frames stayed in the mezzanine, or if rounding were not half up. */
#include "lib/core/error.h"
#include "lib/core/file.h"
#include "lib/core/mem.h"
#include "lib/core/safetensors.h"
#include "lib/media/clip.h"
#include "node/worker/fault.h"
#include "node/worker/output.h"
#include "node/worker/tail.h"

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { W = 20, H = 12, VALUES = W * H * 3 };

static char dir[] = "/tmp/auteur-output-XXXXXX";

static char *in_dir (const char *name)
{
    return aut_path_join (dir, name, NULL);
}

/*  A frame whose values lie between the 256 steps, and tell frames apart. */
static void draw (float *rgb, uint32_t index)
{
    for (size_t i = 0; i < VALUES; i++)
        rgb[i] = ((float)((i * 7 + index * 31) % 250) + 0.25f + (float)index / 64) / 255;
}

static aut_task_spec_t make_spec (uint32_t frames, uint32_t drop, uint32_t keep, uint32_t tail_out)
{
    return (aut_task_spec_t){.model = "m",
                             .prompt = "a lantern",
                             .width = W,
                             .height = H,
                             .rate = {24, 1},
                             .frames = frames,
                             .drop = drop,
                             .keep = keep,
                             .tail_out = tail_out};
}

static aut_hash_t make (const aut_task_spec_t *spec)
{
    float rgb[VALUES];
    aut_output_t *output = NULL;
    aut_hash_t hash;
    ck_assert_msg (aut_output_new (&output, spec, dir) == 0, "%s", aut_error_detail ());
    for (uint32_t i = 0; i < spec->frames; i++) {
        draw (rgb, i);
        ck_assert_msg (aut_output_frame (output, i, rgb) == 0, "%s", aut_error_detail ());
    }
    ck_assert_msg (aut_output_finish (output, &hash) == 0, "%s", aut_error_detail ());
    aut_output_destroy (&output);
    return hash;
}

/*  The mezzanine holds frames drop … drop + keep − 1 and no other, exactly. */
static void check_mezzanine (const aut_task_spec_t *spec, const aut_hash_t *hash)
{
    char *path = in_dir (AUT_OUTPUT_MEZZANINE);
    aut_clip_reader_t *clip = NULL;
    ck_assert_msg (aut_clip_reader_open (&clip, path, 1) == 0, "%s", aut_error_detail ());
    const aut_clip_format_t *format = aut_clip_reader_format (clip);
    ck_assert_uint_eq (format->width, W);
    ck_assert_uint_eq (format->height, H);
    aut_hasher_t *hasher = aut_hasher_new ();
    uint8_t bytes[VALUES], wanted[VALUES];
    float rgb[VALUES];
    for (uint32_t k = 0; k < spec->keep; k++) {
        ck_assert_int_eq (aut_clip_reader_next (clip, bytes), 1);
        draw (rgb, spec->drop + k);
        for (size_t i = 0; i < VALUES; i++)
            wanted[i] = (uint8_t)floor ((double)rgb[i] * 255 + 0.5);
        ck_assert_mem_eq (bytes, wanted, VALUES);
        aut_hasher_update (hasher, wanted, VALUES);
    }
    ck_assert_int_eq (aut_clip_reader_next (clip, bytes), 0);
    aut_hash_t mine = aut_hasher_final (hasher);
    ck_assert (aut_hash_equal (&mine, hash));
    aut_hasher_destroy (&hasher);
    aut_clip_reader_destroy (&clip);
    free (path);
}

/*  The tail holds the last tail_out kept frames, bit for bit as they were made. */
static void check_tail (const aut_task_spec_t *spec)
{
    char *path = in_dir (AUT_OUTPUT_TAIL);
    aut_safetensors_t *file = NULL;
    ck_assert_msg (aut_safetensors_open (&file, path) == 0, "%s", aut_error_detail ());
    const aut_tensor_t *t = aut_safetensors_find (file, "frames");
    ck_assert_ptr_nonnull (t);
    ck_assert_int_eq (t->dtype, AUT_DTYPE_F32);
    ck_assert_uint_eq (t->rank, 4);
    ck_assert_uint_eq (t->shape[0], spec->tail_out);
    float rgb[VALUES];
    for (uint32_t k = 0; k < spec->tail_out; k++) {
        draw (rgb, spec->drop + spec->keep - spec->tail_out + k);
        ck_assert_mem_eq ((const char *)t->data + k * sizeof rgb, rgb, sizeof rgb);
    }
    aut_safetensors_destroy (&file);
    free (path);
}

static const struct {
    uint32_t frames, drop, keep, tail_out;
} chunks[] = {
    {5, 0, 5, 1}, {5, 1, 4, 1}, {9, 1, 6, 1}, {9, 5, 4, 4},
    {9, 2, 3, 3}, {1, 0, 1, 1}, {3, 0, 3, 0},
};

START_TEST (test_chunk)
{
    aut_task_spec_t spec =
        make_spec (chunks[_i].frames, chunks[_i].drop, chunks[_i].keep, chunks[_i].tail_out);
    aut_hash_t hash = make (&spec);
    check_mezzanine (&spec, &hash);
    char *tail = in_dir (AUT_OUTPUT_TAIL), *preview = in_dir (AUT_OUTPUT_PREVIEW);
    if (spec.tail_out)
        check_tail (&spec);
    else
        ck_assert (!aut_file_exists (tail));
    ck_assert (aut_file_exists (preview));
    free (tail);
    free (preview);
}
END_TEST

START_TEST (test_equal_bytes)
{
    aut_task_spec_t spec = make_spec (4, 1, 3, 1);
    static const char *const files[] = {AUT_OUTPUT_MEZZANINE, AUT_OUTPUT_TAIL, AUT_OUTPUT_PREVIEW};
    aut_hash_t before[3], after[3];
    for (int round = 0; round < 2; round++) {
        make (&spec);
        for (size_t i = 0; i < 3; i++) {
            char *path = in_dir (files[i]);
            ck_assert_int_eq (aut_hash_file (round ? &after[i] : &before[i], NULL, path), 0);
            free (path);
        }
    }
    ck_assert_mem_eq (before, after, sizeof before);
}
END_TEST

START_TEST (test_rounding)
{
    static const struct {
        float value;
        uint8_t byte;
    } cases[] = {{0, 0},
                 {1, 255},
                 {-0.5f, 0},
                 {1.5f, 255},
                 {0.5f / 255, 1},
                 {0.4999f / 255, 0},
                 {127.5f / 255, 128},
                 {0.5f, 128},
                 {254.51f / 255, 255},
                 {254.49f / 255, 254}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        ck_assert_msg (aut_quantise (cases[i].value) == cases[i].byte, "%g became %d, not %d",
                       (double)cases[i].value, aut_quantise (cases[i].value), cases[i].byte);
    for (int b = 0; b < 256; b++)
        ck_assert_int_eq (aut_quantise ((float)b / 255), b);
}
END_TEST

START_TEST (test_bad_frames)
{
    aut_task_spec_t spec = make_spec (3, 0, 3, 1);
    float rgb[VALUES];
    aut_hash_t hash;
    aut_output_t *output = NULL;
    draw (rgb, 0);
    ck_assert_int_eq (aut_output_new (&output, &spec, dir), 0);
    ck_assert_int_eq (aut_output_frame (output, 1, rgb), AUT_ERR_INVALID);
    ck_assert_int_eq (aut_output_frame (output, 0, rgb), 0);
    ck_assert_int_eq (aut_output_frame (output, 0, rgb), AUT_ERR_INVALID);
    ck_assert_int_eq (aut_output_finish (output, &hash), AUT_ERR_INVALID);
    rgb[17] = NAN;
    ck_assert_int_eq (aut_output_frame (output, 1, rgb), AUT_ERR_CORRUPT);
    aut_output_destroy (&output);
}
END_TEST

static void write_tail (const char *path, uint32_t count, uint32_t width, uint32_t height,
                        float (*value) (uint32_t k, uint32_t x, uint32_t y))
{
    aut_tail_t tail = {.count = count, .width = width, .height = height};
    tail.rgb = aut_calloc ((size_t)count * width * height * 3, sizeof (float));
    for (uint32_t k = 0; k < count; k++)
        for (uint32_t y = 0; y < height; y++)
            for (uint32_t x = 0; x < width; x++)
                for (uint32_t c = 0; c < 3; c++)
                    tail.rgb[(((size_t)k * height + y) * width + x) * 3 + c] = value (k, x, y);
    ck_assert_int_eq (aut_tail_write (&tail, path), 0);
    aut_tail_clear (&tail);
}

static float odd_value (uint32_t k, uint32_t x, uint32_t y)
{
    return (float)(k + 1) / 7 * (float)(x + 1) / 31 * (float)(y + 1) / 29;
}

static float bad_value (uint32_t k, uint32_t x, uint32_t y)
{
    return k == 0 && x == 1 && y == 1 ? NAN : 0.5f;
}

static float ramp (uint32_t k, uint32_t x, uint32_t y)
{
    (void)k;
    (void)y;
    return (float)x / 64;
}

START_TEST (test_tail_read)
{
    char *path = in_dir ("read.safetensors");
    aut_tail_t tail;
    write_tail (path, 3, 16, 8, odd_value);
    ck_assert_int_eq (aut_tail_read (&tail, path, 2, 16, 8), 0);
    ck_assert_uint_eq (tail.count, 2);
    float wanted = odd_value (1, 4, 5); /* the last two of three: k starts at 1 */
    ck_assert_mem_eq (&tail.rgb[(5 * 16 + 4) * 3], &wanted, sizeof wanted);
    aut_tail_clear (&tail);
    ck_assert_int_eq (aut_tail_read (&tail, path, 9, 16, 8), 0);
    ck_assert_uint_eq (tail.count, 3);
    aut_tail_clear (&tail);
    write_tail (path, 1, 16, 8, bad_value);
    ck_assert_int_eq (aut_tail_read (&tail, path, 1, 16, 8), AUT_ERR_CORRUPT);
    ck_assert_ptr_null (tail.rgb);
    ck_assert_int_eq (aut_file_write (path, "junk", 4), 0);
    ck_assert_int_lt (aut_tail_read (&tail, path, 1, 16, 8), 0);
    free (path);
}
END_TEST

/*  A shot that starts from another one's last frame may have another size. */
START_TEST (test_tail_resize)
{
    static const uint32_t sizes[][2] = {{32, 16}, {8, 4}, {16, 4}, {7, 13}, {1, 1}};
    char *path = in_dir ("resize.safetensors");
    write_tail (path, 1, 16, 8, ramp);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        uint32_t w = sizes[i][0], h = sizes[i][1];
        aut_tail_t tail;
        ck_assert_int_eq (aut_tail_read (&tail, path, 1, w, h), 0);
        for (uint32_t y = 0; y < h; y++)
            for (uint32_t x = 1; x + 1 < w; x++) {
                float v = tail.rgb[(y * w + x) * 3];
                double at = ((x + 0.5) * 16 / w - 0.5) / 64;
                ck_assert_msg (fabs ((double)v - at) < 0.01, "%ux%u at %u: %g, not %g", w, h, x,
                               (double)v, at);
            }
        aut_tail_clear (&tail);
    }
    free (path);
}
END_TEST

START_TEST (test_fault_hook)
{
    ck_assert_int_eq (aut_fault_before_frame (NULL, "a lantern", 4, 8), 0);
    ck_assert_int_eq (aut_fault_before_frame ("", "a lantern", 4, 8), 0);
    ck_assert_int_eq (aut_fault_before_frame ("oom:boat", "a lantern", 4, 8), 0);
    ck_assert_int_eq (aut_fault_before_frame ("oom:lantern", "a lantern", 3, 8), 0);
    ck_assert_int_eq (aut_fault_before_frame ("oom:lantern", "a lantern", 4, 8),
                      AUT_ERR_DEVICE_MEMORY);
    ck_assert_int_eq (aut_fault_before_frame ("die:boat;slow:1:;oom:", "a lantern", 4, 8),
                      AUT_ERR_DEVICE_MEMORY);
}
END_TEST

START_TEST (test_fault_dies)
{
    aut_fault_before_frame ("oom:boat;die:lantern", "a lantern", 4, 8);
}
END_TEST

static void make_dir (void)
{
    memset (dir + sizeof dir - 7, 'X', 6);
    ck_assert_ptr_nonnull (mkdtemp (dir));
}

static void remove_dir (void)
{
    aut_dir_remove (dir);
}

int main (void)
{
    Suite *suite = suite_create ("worker output");
    TCase *tcase = tcase_create ("output");
    tcase_set_timeout (tcase, 120);
    tcase_add_checked_fixture (tcase, make_dir, remove_dir);
    tcase_add_loop_test (tcase, test_chunk, 0, sizeof chunks / sizeof chunks[0]);
    tcase_add_test (tcase, test_equal_bytes);
    tcase_add_test (tcase, test_rounding);
    tcase_add_test (tcase, test_bad_frames);
    tcase_add_test (tcase, test_tail_read);
    tcase_add_test (tcase, test_tail_resize);
    tcase_add_test (tcase, test_fault_hook);
    tcase_add_exit_test (tcase, test_fault_dies, 70);
    suite_add_tcase (suite, tcase);
    SRunner *runner = srunner_create (suite);
    srunner_run_all (runner, CK_NORMAL);
    int failed = srunner_ntests_failed (runner);
    srunner_free (runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
