/*  Pictures: what is read, what is refused, and how they are scaled. */
#include "lib/media/picture.h"

#include "lib/core/error.h"
#include "lib/core/file.h"
#include "lib/core/mem.h"
#include "tests/media/fixture.h"

#include <stdlib.h>
#include <string.h>

static aut_picture_t *s_gradient (uint32_t width, uint32_t height)
{
    aut_picture_t *picture = NULL;
    ck_assert_int_eq (aut_picture_new (&picture, width, height), 0);
    for (uint32_t y = 0; y < height; y++)
        for (uint32_t x = 0; x < width; x++) {
            uint8_t *p = picture->rgb + ((size_t)y * width + x) * 3;
            p[0] = (uint8_t)(x * 255 / width);
            p[1] = (uint8_t)(y * 255 / height);
            p[2] = 90;
        }
    return picture;
}

START_TEST (png_is_exact)
{
    static const uint32_t sizes[][2] = {{1, 1}, {7, 3}, {320, 181}};
    for (size_t i = 0; i < 3; i++) {
        aut_picture_t *a = s_gradient (sizes[i][0], sizes[i][1]), *b = NULL;
        ck_assert_int_eq (aut_picture_save_png (a, fx_path ("a.png")), 0);
        ck_assert_msg (aut_picture_load (&b, fx_path ("a.png")) == 0, "%s", aut_error_detail ());
        ck_assert_uint_eq (a->width, b->width);
        ck_assert_uint_eq (a->height, b->height);
        ck_assert_mem_eq (a->rgb, b->rgb, (size_t)a->width * a->height * 3);
        aut_picture_destroy (&a);
        aut_picture_destroy (&b);
    }
}
END_TEST

static const struct {
    const char *name, *options;
    int tolerance;
} s_kinds[] = {
    {"a.jpg", "-q:v 1", 12},
    {"a.webp", "-c:v libwebp -lossless 1", 1},
    {"a.webp", "-quality 98", 14},
    {"a.bmp", "", 0},
    {"a.tiff", "", 0},
    {"a.png", "-pix_fmt rgba", 0},
    {"a.png", "-pix_fmt rgb48", 1},
    {"a.gif", "", 110},
};

START_TEST (kinds_are_read)
{
    aut_picture_t *a = s_gradient (96, 64), *b = NULL;
    ck_assert_int_eq (aut_picture_save_png (a, fx_path ("from.png")), 0);
    const char *path = fx_path (s_kinds[_i].name);
    free (fx_run (NULL, "ffmpeg -v error -y -i '%s' %s '%s'", fx_path ("from.png"),
                  s_kinds[_i].options, path));
    ck_assert_msg (aut_picture_load (&b, path) == 0, "%s", aut_error_detail ());
    ck_assert_uint_eq (b->width, 96);
    ck_assert_uint_eq (b->height, 64);
    int worst = 0;
    for (size_t i = 0; i < 96 * 64 * 3; i++) {
        int d = abs (a->rgb[i] - b->rgb[i]);
        worst = d > worst ? d : worst;
    }
    ck_assert_int_le (worst, s_kinds[_i].tolerance);
    char *why = NULL;
    ck_assert_int_eq (aut_media_probe (path, AUT_MEDIA_IMAGE, &why), 0);
    ck_assert_ptr_null (why);
    /* Half of it is nothing; GIF and WebP may show what is there. */
    char *data = NULL;
    size_t size = 0;
    ck_assert_int_eq (aut_file_read (path, 1 << 24, &data, &size), 0);
    aut_picture_destroy (&b);
    int rc = aut_picture_decode (&b, data, size / 2, "half");
    if (strcmp (path + strlen (path) - 3, "gif") != 0)
        ck_assert_msg (rc == AUT_ERR_CORRUPT, "%s: %d %s", path, rc, aut_error_detail ());
    aut_picture_destroy (&b);
    free (data);
    aut_picture_destroy (&a);
}
END_TEST

START_TEST (transparency_is_over_black)
{
    free (fx_run (NULL,
                  "ffmpeg -v error -y -f lavfi -i color=red@0.5:s=8x8,format=rgba -frames:v 1 "
                  "'%s'",
                  fx_path ("t.png")));
    aut_picture_t *picture = NULL;
    ck_assert_int_eq (aut_picture_load (&picture, fx_path ("t.png")), 0);
    ck_assert_int_ge (picture->rgb[0], 124);
    ck_assert_int_le (picture->rgb[0], 130);
    ck_assert_int_le (picture->rgb[1], 2);
    aut_picture_destroy (&picture);
}
END_TEST

/*  An EXIF block with only the orientation, put behind the JPEG's first marker. */
START_TEST (exif_turns_upright)
{
    aut_picture_t *a = NULL, *b = NULL;
    ck_assert_int_eq (aut_picture_new (&a, 64, 32), 0);
    for (size_t i = 0; i < 64 * 32; i++) /* left half red, right half blue */
        a->rgb[i * 3 + (i % 64 < 32 ? 0 : 2)] = 255;
    ck_assert_int_eq (aut_picture_save_png (a, fx_path ("a.png")), 0);
    aut_picture_destroy (&a);
    free (fx_run (NULL, "ffmpeg -v error -y -i '%s' -q:v 1 '%s'", fx_path ("a.png"),
                  fx_path ("a.jpg")));
    char *jpeg = NULL;
    size_t size = 0;
    ck_assert_int_eq (aut_file_read (fx_path ("a.jpg"), 1 << 20, &jpeg, &size), 0);
    uint8_t exif[] = {0xff, 0xe1, 0, 34,   'E', 'x', 'i', 'f', 0, 0, 'M', 'M', 0, 42, 0, 0, 0, 8,
                      0,    1,    1, 0x12, 0,   3,   0,   0,   0, 1, 0,   6,   0, 0,  0, 0, 0, 0};
    char *turned = aut_calloc (size + sizeof exif, 1);
    memcpy (turned, jpeg, 2);
    memcpy (turned + 2, exif, sizeof exif);
    memcpy (turned + 2 + sizeof exif, jpeg + 2, size - 2);
    /* 6: the camera was turned, row 0 is the right side: red comes to the top. */
    int rc = aut_picture_decode (&b, turned, size + sizeof exif, "turned");
    ck_assert_msg (rc == 0, "%s", aut_error_detail ());
    ck_assert_uint_eq (b->width, 32);
    ck_assert_uint_eq (b->height, 64);
    ck_assert_int_gt (b->rgb[(8 * 32 + 16) * 3], 200);
    ck_assert_int_gt (b->rgb[(56 * 32 + 16) * 3 + 2], 200);
    aut_picture_destroy (&b);
    free (turned);
    free (jpeg);
}
END_TEST

START_TEST (hostile_is_refused)
{
    char *why = NULL;
    /* A PNG that says 60000 × 60000, header right, checksum right. */
    static const uint8_t huge[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n', 0,    0, 0,    13,
                                   'I',  'H', 'D', 'R', 0,    0,    0xea, 0x60, 0,    0, 0xea, 0x60,
                                   8,    2,   0,   0,   0,    0xd4, 0x9a, 0x3c, 0xf5, 0, 0,    0,
                                   0,    'I', 'E', 'N', 'D',  0xae, 0x42, 0x60, 0x82};
    static const struct {
        const char *what;
        const void *data;
        size_t size;
        int code;
    } files[] = {
        {"huge", huge, sizeof huge, 0},
        {"empty", "", 0, AUT_ERR_UNSUPPORTED},
        {"magic", "\x89PNG\r\n\x1a\n", 8, AUT_ERR_UNSUPPORTED},
        {"text", "#EXTM3U\nfile:///etc/passwd\n", 26, AUT_ERR_UNSUPPORTED},
        {"svg", "<svg xmlns='http://www.w3.org/2000/svg'/>", 40, AUT_ERR_UNSUPPORTED},
        {"jpeg", "\xff\xd8\xff\xe0 and then nothing that is one", 34, AUT_ERR_CORRUPT},
        {"webp",
         "RIFF\x10\0\0\0WEBPVP8 \x04\0\0\0"
         "abcd",
         24, AUT_ERR_CORRUPT},
    };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        aut_picture_t *picture = NULL;
        int rc = aut_picture_decode (&picture, files[i].data, files[i].size, files[i].what);
        ck_assert_msg (rc < 0 && (!files[i].code || rc == files[i].code), "%s: %d %s",
                       files[i].what, rc, aut_error_detail ());
        ck_assert_ptr_null (picture);
        ck_assert_int_eq (aut_file_write (fx_path ("f"), files[i].data, files[i].size), 0);
        ck_assert_int_lt (aut_media_probe (fx_path ("f"), AUT_MEDIA_IMAGE, &why), 0);
        ck_assert_ptr_null (strstr (why, fx_path ("f")));
        free (why);
        ck_assert_int_lt (aut_media_probe (fx_path ("f"), AUT_MEDIA_AUDIO, &why), 0);
        free (why);
    }
    ck_assert_int_eq (aut_media_probe ("/dev/zero", AUT_MEDIA_IMAGE, NULL), AUT_ERR_INVALID);
    ck_assert_int_eq (aut_media_probe ("/tmp", AUT_MEDIA_AUDIO, NULL), AUT_ERR_INVALID);
    aut_picture_t *picture = NULL;
    ck_assert_int_eq (aut_picture_new (&picture, 16384, 16384), AUT_ERR_TOO_LARGE);
    ck_assert_int_eq (aut_picture_new (&picture, 0, 4), AUT_ERR_INVALID);
}
END_TEST

/*  Every single truncation and many flips of a PNG and a JPEG end in an error or a picture. */
START_TEST (damage_never_crashes)
{
    aut_picture_t *a = s_gradient (24, 16), *b = NULL;
    ck_assert_int_eq (aut_picture_save_png (a, fx_path ("a.png")), 0);
    aut_picture_destroy (&a);
    free (fx_run (NULL, "ffmpeg -v error -y -i '%s' '%s'", fx_path ("a.png"), fx_path ("a.jpg")));
    static const char *const names[] = {"a.png", "a.jpg"};
    for (size_t f = 0; f < 2; f++) {
        char *data = NULL;
        size_t size = 0;
        ck_assert_int_eq (aut_file_read (fx_path (names[f]), 1 << 20, &data, &size), 0);
        for (size_t cut = 0; cut < size; cut++) {
            ck_assert_int_lt (aut_picture_decode (&b, data, cut, "cut"), 0);
            ck_assert_ptr_null (b);
        }
        for (size_t at = 0; at < size; at++) {
            data[at] ^= (char)(1 << at % 8);
            aut_picture_decode (&b, data, size, "flip");
            aut_picture_destroy (&b);
            data[at] ^= (char)(1 << at % 8);
        }
        free (data);
    }
}
END_TEST

START_TEST (scale_modes)
{
    aut_picture_t *a = NULL, *b = NULL;
    ck_assert_int_eq (aut_picture_new (&a, 200, 100), 0);
    for (size_t i = 0; i < 200 * 100; i++) /* a white middle third */
        memset (a->rgb + i * 3, i % 200 >= 50 && i % 200 < 150 ? 255 : 60, 3);
    ck_assert_int_eq (aut_picture_scale (&b, a, 100, 100, AUT_SCALE_STRETCH), 0);
    ck_assert_int_eq (b->rgb[(50 * 100 + 5) * 3], 60);
    ck_assert_int_eq (b->rgb[(50 * 100 + 50) * 3], 255);
    aut_picture_destroy (&b);
    ck_assert_int_eq (aut_picture_scale (&b, a, 100, 100, AUT_SCALE_COVER), 0);
    ck_assert_int_eq (b->rgb[(50 * 100 + 5) * 3], 255);
    ck_assert_int_eq (b->rgb[(50 * 100 + 95) * 3], 255);
    aut_picture_destroy (&b);
    ck_assert_int_eq (aut_picture_scale (&b, a, 100, 100, AUT_SCALE_PAD), 0);
    ck_assert_int_eq (b->rgb[(10 * 100 + 50) * 3], 0);
    ck_assert_int_eq (b->rgb[(50 * 100 + 50) * 3], 255);
    ck_assert_int_eq (b->rgb[(50 * 100 + 5) * 3], 60);
    aut_picture_destroy (&b);
    ck_assert_int_eq (aut_picture_scale (&b, a, 333, 77, AUT_SCALE_COVER), 0);
    aut_picture_destroy (&b);
    aut_picture_destroy (&a);
}
END_TEST

/*  The middle, pixel for pixel. */
START_TEST (crop_keeps_pixels)
{
    aut_picture_t *a = s_gradient (200, 100), *b = NULL;
    const struct {
        uint32_t width, height, wanted_width, wanted_height, x, y;
    } cases[] = {{64, 64, 100, 100, 50, 0},
                 {16, 4, 200, 50, 0, 25},
                 {4, 2, 200, 100, 0, 0},
                 {1, 8192, 1, 100, 99, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ck_assert_int_eq (aut_picture_crop (&b, a, cases[i].width, cases[i].height), 0);
        ck_assert_uint_eq (b->width, cases[i].wanted_width);
        ck_assert_uint_eq (b->height, cases[i].wanted_height);
        for (uint32_t y = 0; y < b->height; y++)
            ck_assert_mem_eq (b->rgb + (size_t)y * b->width * 3,
                              a->rgb + ((size_t)(y + cases[i].y) * 200 + cases[i].x) * 3,
                              (size_t)b->width * 3);
        aut_picture_destroy (&b);
    }
    ck_assert_int_eq (aut_picture_crop (&b, a, 0, 4), AUT_ERR_INVALID);
    ck_assert_ptr_null (b);
    aut_picture_destroy (&a);
}
END_TEST

START_TEST (sounds_are_probed)
{
    static const char *const names[] = {"a.wav", "a.mp3", "a.flac", "a.ogg",
                                        "a.m4a", "a.aac", "a.aiff"};
    char *why = NULL;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *path = fx_path (names[i]);
        free (fx_run (NULL, "ffmpeg -v error -y -f lavfi -i sine=d=1.5 '%s'", path));
        int rc = aut_media_probe (path, AUT_MEDIA_AUDIO, &why);
        ck_assert_msg (rc == 0, "%s: %s", names[i], why);
        ck_assert_int_eq (aut_media_probe (path, AUT_MEDIA_IMAGE, &why), AUT_ERR_UNSUPPORTED);
        free (why);
        char *data = NULL;
        size_t size = 0;
        ck_assert_int_eq (aut_file_read (path, 1 << 22, &data, &size), 0);
        ck_assert_int_eq (aut_file_write (fx_path ("cut"), data, 40), 0);
        ck_assert_int_lt (aut_media_probe (fx_path ("cut"), AUT_MEDIA_AUDIO, NULL), 0);
        free (data);
    }
    aut_picture_t *picture = s_gradient (8, 8);
    ck_assert_int_eq (aut_picture_save_png (picture, fx_path ("p.png")), 0);
    aut_picture_destroy (&picture);
    ck_assert_int_eq (aut_media_probe (fx_path ("p.png"), AUT_MEDIA_AUDIO, &why),
                      AUT_ERR_UNSUPPORTED);
    free (why);
    ck_assert_int_eq (aut_media_probe (fx_path ("none"), AUT_MEDIA_AUDIO, NULL), AUT_ERR_NOT_FOUND);
}
END_TEST

int main (void)
{
    Suite *suite = suite_create ("picture");
    TCase *tests = tcase_create ("picture");
    tcase_set_timeout (tests, 120);
    tcase_add_checked_fixture (tests, fx_setup, fx_teardown);
    tcase_add_test (tests, png_is_exact);
    tcase_add_loop_test (tests, kinds_are_read, 0, sizeof s_kinds / sizeof *s_kinds);
    tcase_add_test (tests, transparency_is_over_black);
    tcase_add_test (tests, exif_turns_upright);
    tcase_add_test (tests, hostile_is_refused);
    tcase_add_test (tests, damage_never_crashes);
    tcase_add_test (tests, scale_modes);
    tcase_add_test (tests, crop_keeps_pixels);
    tcase_add_test (tests, sounds_are_probed);
    suite_add_tcase (suite, tests);
    SRunner *runner = srunner_create (suite);
    srunner_run_all (runner, CK_NORMAL);
    int failed = srunner_ntests_failed (runner);
    srunner_free (runner);
    return failed ? 1 : 0;
}
