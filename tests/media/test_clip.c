/*  Mezzanines: exact, counted, bounded. */
#include "lib/core/error.h"
#include "lib/core/file.h"
#include "lib/core/mem.h"
#include "tests/media/fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FORMAT(w, h, n, d)                                                                         \
    (aut_clip_format_t)                                                                            \
    {                                                                                              \
        .width = w, .height = h, .rate_num = n, .rate_den = d                                      \
    }

static const struct {
    uint32_t width, height, frames;
    int32_t num, den;
} s_sizes[] = {
    {2, 2, 2, 16, 1},           {352, 2, 2, 16, 1},   {2, 288, 2, 16, 1},
    {9, 11, 3, 24, 1},          {640, 36, 2, 24, 1},  {1000, 8, 2, 24, 1},
    {8, 1000, 2, 24, 1},        {8, 288, 2, 24, 1},   {352, 9, 2, 24, 1},
    {4096, 26, 2, 24, 1},       {63, 65, 2, 25, 1},   {64, 64, 3, 30, 1},
    {97, 131, 4, 24000, 1001},  {320, 180, 5, 16, 1}, {833, 481, 3, 23, 10},
    {832, 480, 2, 60000, 1001},
};

/*  What goes in comes out, and is what the ffmpeg program reads. */
START_TEST (roundtrip_is_exact)
{
    aut_clip_format_t format =
        FORMAT (s_sizes[_i].width, s_sizes[_i].height, s_sizes[_i].num, s_sizes[_i].den);
    aut_hash_t written, read;
    const char *path = fx_clip ("a.mkv", format, s_sizes[_i].frames, fx_noise, 7, &written);
    size_t size = (size_t)format.width * format.height * 3;
    uint8_t *want = aut_calloc (size, 1), *got = aut_calloc (size, 1);
    aut_clip_reader_t *reader = NULL;
    ck_assert_msg (aut_clip_reader_open (&reader, path, 0) == 0, "%s", aut_error_detail ());
    const aut_clip_format_t *have = aut_clip_reader_format (reader);
    ck_assert_uint_eq (have->width, format.width);
    ck_assert_uint_eq (have->height, format.height);
    ck_assert_int_eq (have->rate_num, format.rate_num);
    ck_assert_int_eq (have->rate_den, format.rate_den);
    for (uint32_t i = 0; i < s_sizes[_i].frames; i++) {
        fx_noise (want, format.width, format.height, i, 7);
        ck_assert_int_eq (aut_clip_reader_next (reader, got), 1);
        ck_assert_mem_eq (want, got, size);
    }
    ck_assert_int_eq (aut_clip_reader_next (reader, got), 0);
    aut_clip_reader_destroy (&reader);
    uint64_t frames = 0;
    ck_assert_int_eq (aut_clip_frames_hash (path, &read, &frames), 0);
    ck_assert_uint_eq (frames, s_sizes[_i].frames);
    ck_assert (aut_hash_equal (&written, &read));
    size_t raw_size = 0;
    char *raw = fx_run (
        &raw_size, "ffmpeg -v error -i '%s' -vsync passthrough -f rawvideo -pix_fmt rgb24 -", path);
    aut_hash_t raw_hash = aut_hash_of (raw, raw_size);
    ck_assert (aut_hash_equal (&written, &raw_hash));
    free (raw);
    free (want);
    free (got);
}
END_TEST

static const struct {
    int32_t num, den;
} s_rates[] = {{16, 1}, {24, 1}, {24000, 1001}, {30000, 1001}, {12, 1}};

/*  Joined chunks hold every frame once, in order, at the exact rate; Matroska's milliseconds do not
 *  count. */
START_TEST (join_counts_frames)
{
    aut_clip_format_t format = FORMAT (64, 48, s_rates[_i].num, s_rates[_i].den);
    static const uint64_t counts[] = {49, 1, 48, 33};
    const char *clips[4];
    for (size_t i = 0; i < 4; i++) {
        char name[16];
        snprintf (name, sizeof name, "c%zu.mkv", i);
        clips[i] = fx_clip (name, format, counts[i], fx_noise, (uint32_t)i, NULL);
    }
    uint64_t frames = 0;
    const char *joined = fx_path ("joined.mkv");
    ck_assert_msg (aut_clip_join (joined, clips, 4, &frames) == 0, "%s", aut_error_detail ());
    ck_assert_uint_eq (frames, 131);
    aut_clip_format_t info;
    ck_assert_int_eq (aut_clip_info (joined, &info, &frames), 0);
    ck_assert_uint_eq (frames, 131);
    ck_assert_int_eq (info.rate_num, format.rate_num);
    ck_assert_int_eq (info.rate_den, format.rate_den);
    /* The same frames written in one go have the same hash and, packets being copies, bytes. */
    aut_hasher_t *hasher = aut_hasher_new ();
    uint8_t rgb[64 * 48 * 3];
    for (size_t i = 0; i < 4; i++)
        for (uint64_t n = 0; n < counts[i]; n++) {
            fx_noise (rgb, 64, 48, n, (uint32_t)i);
            aut_hasher_update (hasher, rgb, sizeof rgb);
        }
    aut_hash_t want = aut_hasher_final (hasher), got;
    aut_hasher_destroy (&hasher);
    ck_assert_int_eq (aut_clip_frames_hash (joined, &got, NULL), 0);
    ck_assert (aut_hash_equal (&want, &got));
    char *text = fx_run (NULL,
                         "ffprobe -v error -count_packets -show_entries "
                         "stream=avg_frame_rate,nb_read_packets -of csv=p=0 '%s'",
                         joined);
    char expect[64];
    snprintf (expect, sizeof expect, "%d/%d,131\n", (int)format.rate_num, (int)format.rate_den);
    ck_assert_str_eq (text, expect);
    free (text);
}
END_TEST

START_TEST (same_frames_same_bytes)
{
    aut_hash_t a, b;
    aut_hash_file (&a, NULL, fx_clip ("a.mkv", FORMAT (320, 180, 24, 1), 5, fx_noise, 3, NULL));
    aut_hash_file (&b, NULL, fx_clip ("b.mkv", FORMAT (320, 180, 24, 1), 5, fx_noise, 3, NULL));
    ck_assert (aut_hash_equal (&a, &b));
}
END_TEST

START_TEST (join_refuses_what_differs)
{
    static const struct {
        uint32_t width, height;
        int32_t num;
        const char *says;
    } others[] = {{66, 48, 24, "66x48"}, {64, 50, 24, "64x50"}, {64, 48, 25, "25/1"}};
    const char *clips[2] = {fx_clip ("a.mkv", FORMAT (64, 48, 24, 1), 2, fx_noise, 1, NULL)};
    for (size_t i = 0; i < 3; i++) {
        clips[1] = fx_clip ("b.mkv", FORMAT (others[i].width, others[i].height, others[i].num, 1),
                            2, fx_noise, 1, NULL);
        ck_assert_int_eq (aut_clip_join (fx_path ("j.mkv"), clips, 2, NULL), AUT_ERR_INVALID);
        ck_assert_msg (strstr (aut_error_detail (), others[i].says) != NULL, "%s",
                       aut_error_detail ());
        ck_assert (!aut_file_exists (fx_path ("j.mkv")));
        ck_assert (!aut_file_exists (fx_path ("j.mkv.part")));
    }
}
END_TEST

static void s_refused (const char *path)
{
    aut_hash_t hash;
    uint64_t frames = 0;
    int rc = aut_clip_frames_hash (path, &hash, &frames);
    ck_assert_msg (rc == AUT_ERR_CORRUPT, "%d %s", rc, aut_error_detail ());
    ck_assert_ptr_nonnull (strstr (aut_error_detail (), path));
    rc = aut_clip_join (fx_path ("j.mkv"), &path, 1, NULL);
    ck_assert_msg (rc == AUT_ERR_CORRUPT, "%d %s", rc, aut_error_detail ());
}

START_TEST (cut_short_is_refused)
{
    const char *path = fx_clip ("a.mkv", FORMAT (128, 96, 24, 1), 4, fx_noise, 1, NULL);
    char *data = NULL;
    size_t size = 0;
    ck_assert_int_eq (aut_file_read (path, 1 << 20, &data, &size), 0);
    const size_t sizes[] = {0, 3, 40, 300, 900, size / 2, size - 1};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        ck_assert_int_eq (aut_file_write (fx_path ("cut.mkv"), data, sizes[i]), 0);
        s_refused (fx_path ("cut.mkv"));
    }
    free (data);
}
END_TEST

/*  A flipped bit anywhere in a frame is found by its slice's checksum. */
START_TEST (damage_is_refused)
{
    const char *path = fx_clip ("a.mkv", FORMAT (320, 200, 24, 1), 4, fx_noise, 1, NULL);
    char *data = NULL;
    size_t size = 0;
    ck_assert_int_eq (aut_file_read (path, 4 << 20, &data, &size), 0);
    for (size_t at = 20000; at < size - 1000; at += size / 13) {
        data[at] ^= 0x10;
        ck_assert_int_eq (aut_file_write (fx_path ("bad.mkv"), data, size), 0);
        s_refused (fx_path ("bad.mkv"));
        data[at] ^= 0x10;
    }
    free (data);
}
END_TEST

START_TEST (other_files_are_refused)
{
    free (fx_run (NULL, "ffmpeg -v error -f lavfi -i testsrc=d=0.2:s=64x64 -c:v libx264 -y '%s'",
                  fx_path ("h264.mkv")));
    free (fx_run (NULL,
                  "ffmpeg -v error -f lavfi -i testsrc=d=0.2:s=64x64 -pix_fmt yuv420p -level 3 "
                  "-slicecrc 1 -c:v ffv1 -y '%s'",
                  fx_path ("yuv.mkv")));
    aut_hash_t hash;
    int rc = aut_clip_frames_hash (fx_path ("h264.mkv"), &hash, NULL);
    ck_assert_msg (rc == AUT_ERR_UNSUPPORTED, "%s", aut_error_detail ());
    rc = aut_clip_frames_hash (fx_path ("yuv.mkv"), &hash, NULL);
    ck_assert_msg (rc == AUT_ERR_UNSUPPORTED, "%s", aut_error_detail ());
    ck_assert_int_eq (aut_clip_frames_hash (fx_path ("none.mkv"), &hash, NULL), AUT_ERR_NOT_FOUND);
    ck_assert_int_eq (aut_clip_frames_hash ("/tmp", &hash, NULL), AUT_ERR_INVALID);
    ck_assert_int_eq (aut_file_write (fx_path ("text.mkv"), "a text of some length, no clip", 30),
                      0);
    ck_assert_int_eq (aut_clip_frames_hash (fx_path ("text.mkv"), &hash, NULL), AUT_ERR_CORRUPT);
}
END_TEST

START_TEST (unfinished_leaves_nothing)
{
    aut_clip_writer_t *writer = NULL;
    aut_clip_format_t format = FORMAT (16, 16, 24, 1);
    uint8_t rgb[16 * 16 * 3] = {0};
    ck_assert_int_eq (aut_clip_writer_open (&writer, fx_path ("x.mkv"), &format), 0);
    ck_assert_int_eq (aut_clip_writer_finish (writer, NULL, NULL), AUT_ERR_INVALID);
    ck_assert_int_eq (aut_clip_writer_frame (writer, rgb), 0);
    aut_clip_writer_destroy (&writer);
    ck_assert (!aut_file_exists (fx_path ("x.mkv")));
    ck_assert (!aut_file_exists (fx_path ("x.mkv.part")));
    static const aut_clip_format_t bad[] = {{0, 16, 24, 1},     {16, 1, 24, 1}, {353, 7, 24, 1},
                                            {16, 20000, 24, 1}, {16, 16, 0, 1}, {16, 16, 24, -1}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        ck_assert_int_eq (aut_clip_writer_open (&writer, fx_path ("x.mkv"), &bad[i]),
                          AUT_ERR_INVALID);
        ck_assert_ptr_null (writer);
    }
    ck_assert_int_lt (aut_clip_writer_open (&writer, "/nonexistent/x.mkv", &format), 0);
}
END_TEST

int main (void)
{
    Suite *suite = suite_create ("clip");
    TCase *tests = tcase_create ("clip");
    tcase_set_timeout (tests, 120);
    tcase_add_checked_fixture (tests, fx_setup, fx_teardown);
    tcase_add_loop_test (tests, roundtrip_is_exact, 0, sizeof s_sizes / sizeof *s_sizes);
    tcase_add_loop_test (tests, join_counts_frames, 0, sizeof s_rates / sizeof *s_rates);
    tcase_add_test (tests, same_frames_same_bytes);
    tcase_add_test (tests, join_refuses_what_differs);
    tcase_add_test (tests, cut_short_is_refused);
    tcase_add_test (tests, damage_is_refused);
    tcase_add_test (tests, other_files_are_refused);
    tcase_add_test (tests, unfinished_leaves_nothing);
    suite_add_tcase (suite, tests);
    SRunner *runner = srunner_create (suite);
    srunner_run_all (runner, CK_NORMAL);
    int failed = srunner_ntests_failed (runner);
    srunner_free (runner);
    return failed ? 1 : 0;
}
