/*  Words on the film: timecode, plain text that stays plain, the layout's bounds, the sheet. */
#include "lib/core/error.h"
#include "lib/core/file.h"
#include "lib/core/mem.h"
#include "lib/core/timecode.h"
#include "lib/media/overlay.h"
#include "lib/media/picture.h"
#include "lib/media/sheet.h"
#include "lib/media/stitch_private.h"
#include "tests/media/fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    uint64_t frame;
    int32_t num, den;
    const char *text;
} s_codes[] = {
    {0, 24, 1, "00:00:00:00"},           {23, 24, 1, "00:00:00:23"},
    {86400, 24, 1, "01:00:00:00"},       {1440, 24000, 1001, "00:01:00:00"},
    {17, 16, 1, "00:00:01:01"},          {1799, 30000, 1001, "00:00:59;29"},
    {1800, 30000, 1001, "00:01:00;02"},  {3597, 30000, 1001, "00:01:59;29"},
    {3598, 30000, 1001, "00:02:00;02"},  {17981, 30000, 1001, "00:09:59;29"},
    {17982, 30000, 1001, "00:10:00;00"}, {107892, 30000, 1001, "01:00:00;00"},
    {3599, 60000, 1001, "00:00:59;59"},  {3600, 60000, 1001, "00:01:00;04"},
    {35964, 60000, 1001, "00:10:00;00"}, {1800, 30, 1, "00:01:00:00"},
};

START_TEST (timecodes)
{
    char text[AUT_TIMECODE_SIZE];
    ck_assert_str_eq (aut_timecode (text, s_codes[_i].frame, s_codes[_i].num, s_codes[_i].den),
                      s_codes[_i].text);
}
END_TEST

START_TEST (markup_is_plain)
{
    aut_overlay_t *overlay = NULL;
    ck_assert_int_eq (aut_overlay_new (&overlay, 800, 400), 0);
    aut_overlay_text_t text = {.anchor = 7, .size = 24, .color = 0xffffff};
    static const char *const pairs[][2] = {
        /* the second would be as wide as the first if its markup were obeyed */
        {"word", "{\\b0}word"}, {"word", "word{comment}"}, {"aword", "a\\hword"},
        {"word", "\\{word"},    {"word", "w\\\\\\\\ord"},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        text.text = pairs[i][0];
        int plain = aut_overlay_measure (overlay, &text).width;
        text.text = pairs[i][1];
        ck_assert_int_gt (aut_overlay_measure (overlay, &text).width, plain + 3);
    }
    text.text = "(one)\r\n(two)";
    int lines = aut_overlay_measure (overlay, &text).height;
    text.text = "(one)\\N(two)\\n";
    ck_assert_int_lt (aut_overlay_measure (overlay, &text).height, lines * 3 / 4);
    text.text = "\x01\x02";
    ck_assert_int_eq (aut_overlay_measure (overlay, &text).width, 0);
    aut_overlay_destroy (&overlay);
}
END_TEST

static const aut_clip_format_t s_format = {320, 180, 24, 1};

static aut_stitch_t s_film (const aut_stitch_shot_t *shots, size_t count, unsigned burn_in)
{
    aut_stitch_t film;
    aut_stitch_init (&film);
    film.rate_num = 24;
    film.rate_den = 1;
    film.width = 320;
    film.height = 180;
    film.shots = shots;
    film.shot_count = count;
    film.burn_in = burn_in;
    return film;
}

static fx_film_t s_make (const aut_stitch_t *film)
{
    ck_assert_msg (aut_stitch (fx_path ("film.mp4"), film, NULL) == 0, "%s", aut_error_detail ());
    return fx_film (fx_path ("film.mp4"));
}

/*  How many luma samples of a rectangle are far from the flat clip's. */
static int s_drawn (const fx_film_t *film, uint64_t frame, uint32_t x, uint32_t y, uint32_t w,
                    uint32_t h)
{
    int count = 0, flat = 16 + 128 * 219 / 255;
    for (uint32_t row = y; row < y + h; row++)
        for (uint32_t col = x; col < x + w; col++)
            count += abs (fx_at (film, frame, 0, col, row) - flat) > 12;
    return count;
}

START_TEST (fields_have_their_places)
{
    const char *clip = fx_clip ("a.mkv", s_format, 4, fx_flat, 0x808080, NULL);
    aut_stitch_shot_t shot = {.path = clip,
                              .id = "S1",
                              .rate_num = 24,
                              .rate_den = 1,
                              .native_frames = 4,
                              .frames = 4,
                              .slugline = "INT. HERE",
                              .prompt = "what is seen",
                              .dialogue = "Well.",
                              .model = "m",
                              .seed = 3};
    static const struct {
        unsigned field;
        uint32_t x, y; /* the quarter of the picture that it is in */
    } cases[] = {{AUT_STITCH_BURN_ID, 0, 0},         {AUT_STITCH_BURN_SLUGLINE, 0, 0},
                 {AUT_STITCH_BURN_TIMECODE, 160, 0}, {AUT_STITCH_BURN_MODEL, 160, 0},
                 {AUT_STITCH_BURN_SEED, 160, 0},     {AUT_STITCH_BURN_PROMPT, 0, 90},
                 {AUT_STITCH_BURN_DIALOGUE, 80, 90}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        aut_stitch_t film = s_film (&shot, 1, cases[i].field);
        fx_film_t made = s_make (&film);
        int inside = s_drawn (&made, 1, cases[i].x, cases[i].y, 160, 90);
        ck_assert_int_gt (inside, 40);
        ck_assert_int_eq (inside, s_drawn (&made, 1, 0, 0, 320, 180));
        fx_film_clear (&made);
    }
    aut_stitch_t film = s_film (&shot, 1, 0);
    fx_film_t made = s_make (&film);
    ck_assert_int_eq (s_drawn (&made, 1, 0, 0, 320, 180), 0);
    fx_film_clear (&made);
}
END_TEST

START_TEST (words_change_with_the_picture)
{
    const char *clip = fx_clip ("a.mkv", s_format, 10, fx_flat, 0x808080, NULL);
    aut_stitch_shot_t shots[2] = {
        {.path = clip, .rate_num = 24, .rate_den = 1, .native_frames = 10, .frames = 10},
        {.path = clip, .rate_num = 24, .rate_den = 1, .native_frames = 10, .frames = 10}};
    shots[1].transition = AUT_STITCH_DISSOLVE;
    shots[1].transition_frames = 6;
    shots[0].id = shots[1].id = "S";
    shots[1].dialogue = "Now me.";
    aut_stitch_t film = s_film (shots, 2, AUT_STITCH_BURN_DIALOGUE);
    fx_film_t made = s_make (&film);
    ck_assert_uint_eq (made.count, 14);
    for (uint64_t n = 0; n < 14; n++)
        ck_assert_int_eq (s_drawn (&made, n, 0, 0, 320, 180) > 100, n >= 7);
    fx_film_clear (&made);
}
END_TEST

/*  Whatever is written and however small or tall the film: no crash, nothing outside, a film. */
START_TEST (any_text_any_size)
{
    static const uint32_t sizes[][2] = {{16, 16}, {64, 480}, {640, 36}, {180, 320}};
    char *longest = aut_calloc (65537, 1);
    memset (longest, 'W', 65536);
    char *words = aut_calloc (65537, 1);
    for (size_t i = 0; i < 65536; i += 8)
        memcpy (words + i, "\xe6\xbc\xa2 {\\N} ", 8);
    const char *const texts[] = {"", "{", "\\", "\xff\xfe\x80", longest, words, "مرحبا\nשלום"};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        aut_clip_format_t format = {sizes[s][0], sizes[s][1], 24, 1};
        const char *clip = fx_clip ("a.mkv", format, 1, fx_flat, 0x808080, NULL);
        aut_stitch_shot_t shots[7];
        for (size_t i = 0; i < 7; i++)
            shots[i] = (aut_stitch_shot_t){.path = clip,
                                           .rate_num = 24,
                                           .rate_den = 1,
                                           .native_frames = 1,
                                           .frames = 1,
                                           .id = texts[i],
                                           .slugline = texts[(i + 1) % 7],
                                           .prompt = texts[(i + 2) % 7],
                                           .dialogue = texts[(i + 3) % 7],
                                           .model = texts[i],
                                           .seed = UINT64_MAX / 2};
        aut_stitch_t film = s_film (shots, 7, AUT_STITCH_BURN_ALL);
        film.width = sizes[s][0];
        film.height = sizes[s][1];
        fx_film_t made = s_make (&film);
        ck_assert_uint_eq (made.count, 7);
        fx_film_clear (&made);
    }
    free (longest);
    free (words);
}
END_TEST

START_TEST (sheet_of_clips_and_film)
{
    const char *grey = fx_clip ("a.mkv", s_format, 8, fx_flat, 0x808080, NULL);
    const char *red = fx_clip ("b.mkv", s_format, 8, fx_flat, 0xff0000, NULL);
    aut_stitch_shot_t shots[2] = {
        {.path = grey, .rate_num = 24, .rate_den = 1, .native_frames = 8, .frames = 8},
        {.path = red, .rate_num = 24, .rate_den = 1, .native_frames = 8, .frames = 8}};
    aut_stitch_t film = s_film (shots, 2, 0);
    ck_assert_int_eq (aut_stitch (fx_path ("film.mp4"), &film, NULL), 0);
    const char *path = fx_path ("film.mp4");
    const aut_sheet_cell_t cells[] = {
        {path, 2, "one", false}, {path, 12, "two", false}, {red, 3, NULL, false}};
    const aut_sheet_row_t rows[] = {{"SCENE", cells, 3}, {NULL, cells, 1}};
    aut_sheet_t sheet = {.title = "Film", .cell_width = 160, .rows = rows, .row_count = 2};
    const char *png = fx_path ("sheet.png");
    ck_assert_msg (aut_sheet_write (png, &sheet) == 0, "%s", aut_error_detail ());
    aut_picture_t *page = NULL;
    ck_assert_int_eq (aut_picture_load (&page, png), 0);
    ck_assert_uint_eq (page->width, 3 * 170 + 10);
    int found[2] = {0, 0};
    for (size_t i = 0; i < (size_t)page->width * page->height; i++) {
        const uint8_t *p = page->rgb + i * 3;
        found[0] += abs (p[0] - 128) < 4 && abs (p[1] - 128) < 4 && abs (p[2] - 128) < 4;
        found[1] += p[0] > 245 && p[1] < 10 && p[2] < 10;
    }
    ck_assert_int_ge (found[0], 2 * 160 * 88);
    ck_assert_int_ge (found[1], 2 * 160 * 88);
    aut_picture_destroy (&page);
    const aut_sheet_cell_t gone = {fx_path ("none.mkv"), 0, NULL, false};
    const aut_sheet_row_t bad = {NULL, &gone, 1};
    sheet.rows = &bad;
    sheet.row_count = 1;
    ck_assert_int_eq (aut_sheet_write (fx_path ("x.png"), &sheet), AUT_ERR_NOT_FOUND);
    sheet.row_count = 0;
    ck_assert_int_eq (aut_sheet_write (fx_path ("x.png"), &sheet), AUT_ERR_INVALID);
    ck_assert (!aut_file_exists (fx_path ("x.png")));
}
END_TEST

/*  Pictures beside clips; one of another shape has bars. */
START_TEST (sheet_of_stills)
{
    const char *red = fx_clip ("b.mkv", s_format, 8, fx_flat, 0xff0000, NULL);
    const char *still = fx_path ("still.png");
    aut_picture_t *picture = NULL, *page = NULL;
    ck_assert_int_eq (aut_picture_new (&picture, 40, 40), 0);
    for (size_t i = 0; i < (size_t)40 * 40; i++)
        picture->rgb[i * 3 + 2] = 255;
    ck_assert_int_eq (aut_picture_save_png (picture, still), 0);
    aut_picture_destroy (&picture);
    const aut_sheet_cell_t cells[] = {{.path = red, .frame = 3, .label = "clip"},
                                      {.path = still, .still = true, .label = "still"},
                                      {.path = red, .frame = 4}};
    const aut_sheet_row_t row = {.cells = cells, .cell_count = 3};
    const aut_sheet_t sheet = {.cell_width = 160, .rows = &row, .row_count = 1};
    const char *png = fx_path ("sheet.png");
    ck_assert_msg (aut_sheet_write (png, &sheet) == 0, "%s", aut_error_detail ());
    ck_assert_int_eq (aut_picture_load (&page, png), 0);
    int reds = 0, blues = 0;
    for (size_t i = 0; i < (size_t)page->width * page->height; i++) {
        const uint8_t *p = page->rgb + i * 3;
        reds += p[0] > 245 && p[1] < 10 && p[2] < 10;
        blues += p[0] < 10 && p[1] < 10 && p[2] > 245;
    }
    ck_assert_int_ge (reds, 2 * 160 * 88);
    ck_assert_int_ge (blues, 85 * 85);
    ck_assert_int_le (blues, 92 * 92);
    aut_picture_destroy (&page);
    const aut_sheet_cell_t gone = {.path = fx_path ("none.png"), .still = true};
    const aut_sheet_row_t bad = {.cells = &gone, .cell_count = 1};
    const aut_sheet_t none = {.rows = &bad, .row_count = 1};
    ck_assert_int_eq (aut_sheet_write (png, &none), AUT_ERR_NOT_FOUND);
}
END_TEST

/*  Mean difference of two pictures of one size. */
static double s_apart (const aut_picture_t *a, const aut_picture_t *b)
{
    uint64_t sum = 0;
    size_t size = (size_t)a->width * a->height * 3;
    ck_assert_uint_eq (a->width, b->width);
    for (size_t i = 0; i < size; i++)
        sum += (uint64_t)abs (a->rgb[i] - b->rgb[i]);
    return (double)sum / (double)size;
}

START_TEST (a_frame_far_into_a_film)
{
    const aut_clip_format_t format = {96, 64, 24, 1};
    const char *clip = fx_clip ("c.mkv", format, 200, fx_noise, 7, NULL);
    const aut_stitch_shot_t shot = {.path = clip,
                                    .id = "S",
                                    .rate_num = 24,
                                    .rate_den = 1,
                                    .native_frames = 200,
                                    .frames = 200};
    aut_stitch_t film;
    aut_stitch_init (&film);
    film.rate_num = 24;
    film.rate_den = 1;
    film.width = 96;
    film.height = 64;
    film.quality = AUT_STITCH_QUALITY_HIGH;
    film.shots = &shot;
    film.shot_count = 1;
    const char *movie = fx_path ("film.mp4"), *one = fx_path ("one.png"),
               *two = fx_path ("two.png");
    ck_assert_int_eq (aut_stitch (movie, &film, NULL), 0);
    static const unsigned frames[] = {0, 119, 121, 170, 199};
    for (size_t i = 0; i < sizeof frames / sizeof *frames; i++) {
        aut_picture_t *a, *b;
        ck_assert_int_eq (aut_sheet_frame (one, movie, frames[i]), 0);
        ck_assert_int_eq (aut_sheet_frame (two, clip, frames[i]), 0);
        ck_assert_int_eq (aut_picture_load (&a, one), 0);
        ck_assert_int_eq (aut_picture_load (&b, two), 0);
        double right = s_apart (a, b); /* noise loses much of its colour in 4:2:0 */
        aut_picture_destroy (&b);
        ck_assert_int_eq (aut_sheet_frame (two, clip, frames[i] ^ 1), 0);
        ck_assert_int_eq (aut_picture_load (&b, two), 0);
        ck_assert_double_gt (s_apart (a, b), right + 10);
        aut_picture_destroy (&a);
        aut_picture_destroy (&b);
    }
    ck_assert_int_eq (aut_sheet_frame (one, fx_path ("none.mp4"), 0), AUT_ERR_NOT_FOUND);
}
END_TEST

int main (void)
{
    Suite *suite = suite_create ("burn");
    TCase *tests = tcase_create ("burn");
    tcase_set_timeout (tests, 120);
    tcase_add_checked_fixture (tests, fx_setup, fx_teardown);
    tcase_add_loop_test (tests, timecodes, 0, sizeof s_codes / sizeof *s_codes);
    tcase_add_test (tests, markup_is_plain);
    tcase_add_test (tests, fields_have_their_places);
    tcase_add_test (tests, words_change_with_the_picture);
    tcase_add_test (tests, any_text_any_size);
    tcase_add_test (tests, sheet_of_clips_and_film);
    tcase_add_test (tests, sheet_of_stills);
    tcase_add_test (tests, a_frame_far_into_a_film);
    suite_add_tcase (suite, tests);
    SRunner *runner = srunner_create (suite);
    srunner_run_all (runner, CK_NORMAL);
    int failed = srunner_ntests_failed (runner);
    srunner_free (runner);
    return failed ? 1 : 0;
}
