/*  The stitch: every frame of the film is where and what it should be, read back by ffmpeg. */
#include "lib/core/error.h"
#include "lib/core/file.h"
#include "lib/core/mem.h"
#include "lib/media/scale.h"
#include "lib/media/stitch_private.h"
#include "tests/media/fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const aut_clip_format_t s_small = {96, 64, 24, 1};

static aut_stitch_shot_t s_shot (const char *path, aut_clip_format_t format, uint64_t native,
                                 uint64_t frames)
{
    return (aut_stitch_shot_t){.path = path,
                               .id = "S",
                               .rate_num = format.rate_num,
                               .rate_den = format.rate_den,
                               .native_frames = native,
                               .frames = frames};
}

static aut_stitch_t s_film (const aut_stitch_shot_t *shots, size_t count)
{
    aut_stitch_t film;
    aut_stitch_init (&film);
    film.rate_num = 24;
    film.rate_den = 1;
    film.width = 96;
    film.height = 64;
    film.quality = AUT_STITCH_QUALITY_HIGH;
    film.shots = shots;
    film.shot_count = count;
    return film;
}

static fx_film_t s_make (const aut_stitch_t *film, aut_stitch_report_t *report)
{
    const char *path = fx_path ("film.mp4");
    ck_assert_msg (aut_stitch (path, film, report) == 0, "%s", aut_error_detail ());
    fx_film_t made = fx_film (path);
    ck_assert_uint_eq (made.count, aut_stitch_frames (film));
    return made;
}

#define NEAR(a, b, tolerance) ck_assert_int_le (abs ((int)(a) - (int)(b)), tolerance)

/*  Limited-range luma of an RGB grey. */
static int s_luma (double grey)
{
    return (int)(16 + grey * 219 / 255 + 0.5);
}

START_TEST (colours_are_bt709)
{
    /* 0xRRGGBB and what BT.709, limited range, makes of it */
    static const int cases[][4] = {
        {0xffffff, 235, 128, 128}, {0x000000, 16, 128, 128}, {0xff0000, 63, 102, 240},
        {0x00ff00, 173, 42, 26},   {0x0000ff, 32, 240, 118}, {0x808080, 126, 128, 128},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *clip = fx_clip ("c.mkv", s_small, 3, fx_flat, (uint32_t)cases[i][0], NULL);
        aut_stitch_shot_t shot = s_shot (clip, s_small, 3, 3);
        aut_stitch_t film = s_film (&shot, 1);
        fx_film_t made = s_make (&film, NULL);
        for (int plane = 0; plane < 3; plane++)
            NEAR (fx_at (&made, 1, plane, 48, 32), cases[i][1 + plane], 1);
        fx_film_clear (&made);
        /* and the same when it is scaled */
        film.out_width = 192;
        film.out_height = 128;
        made = s_make (&film, NULL);
        for (int plane = 0; plane < 3; plane++)
            NEAR (fx_at (&made, 1, plane, 96, 64), cases[i][1 + plane], 1);
        fx_film_clear (&made);
    }
}
END_TEST

START_TEST (subtitles_are_a_stream)
{
    const char *clip = fx_clip ("c.mkv", s_small, 60, fx_count, 0, NULL);
    aut_stitch_shot_t shot = s_shot (clip, s_small, 60, 60);
    aut_stitch_t film = s_film (&shot, 1);
    const aut_stitch_cue_t cues[] = {{6, 24, "One & <two>\nthree"}, {48, 60, "題"}};
    film.cues = cues;
    film.cue_count = 2;
    fx_film_t made = s_make (&film, NULL);
    fx_film_clear (&made);
    char *text = fx_run (NULL,
                         "ffprobe -v error -select_streams s:0 -show_entries "
                         "stream=codec_name,duration -of csv=p=0 '%s'",
                         fx_path ("film.mp4"));
    ck_assert_str_eq (text, "mov_text,2.500000\n");
    free (text);
    text = fx_run (NULL, "ffmpeg -v error -i '%s' -map 0:s -f webvtt -", fx_path ("film.mp4"));
    ck_assert_msg (strstr (text, "00:00.250 --> 00:01.000\n") != NULL, "%s", text);
    ck_assert_ptr_nonnull (strstr (text, "three\n"));
    ck_assert_msg (strstr (text, "00:02.000 --> 00:02.500\n") != NULL, "%s", text);
    ck_assert_ptr_nonnull (strstr (text, "題\n"));
    free (text);
}
END_TEST

static const struct {
    const char *codec, *film, *lines[4];
} s_codecs[] = {
    {"h264", "film.mp4", {"codec_name=h264", "codec_tag_string=avc1", "pix_fmt=yuv420p", ""}},
    {"h265", "film.mp4", {"codec_name=hevc", "codec_tag_string=hvc1", "pix_fmt=yuv420p", ""}},
    {"prores",
     "film.mov",
     {"codec_name=prores", "codec_tag_string=apch", "pix_fmt=yuv422p10le", "profile=HQ"}},
    {"av1", "film.mp4", {"codec_name=av1", "codec_tag_string=av01", "pix_fmt=yuv420p", ""}},
};

START_TEST (every_codec)
{
    const char *clip = fx_clip ("c.mkv", s_small, 20, fx_count, 0, NULL);
    aut_stitch_shot_t shot = s_shot (clip, s_small, 20, 20);
    aut_stitch_t film = s_film (&shot, 1);
    film.codec = s_codecs[_i].codec;
    if (aut_stitch_codec_check (film.codec)) { /* said with what there is */
        ck_assert_ptr_nonnull (strstr (aut_error_detail (), "there is: h264"));
        return;
    }
    ck_assert_str_eq (aut_stitch_extension (film.codec), strrchr (s_codecs[_i].film, '.') + 1);
    const char *path = fx_path (s_codecs[_i].film), *again = fx_path ("again.film");
    ck_assert_msg (aut_stitch (path, &film, NULL) == 0, "%s", aut_error_detail ());
    char *text = fx_run (NULL,
                         "ffprobe -v error -select_streams v:0 -show_entries stream=codec_name,"
                         "profile,codec_tag_string,pix_fmt,color_range,color_space,color_transfer,"
                         "color_primaries -of default=nk=0:nw=1 '%s'",
                         path);
    for (size_t i = 0; i < 4; i++)
        ck_assert_msg (strstr (text, s_codecs[_i].lines[i]) != NULL, "%s not in\n%s",
                       s_codecs[_i].lines[i], text);
    ck_assert_ptr_nonnull (strstr (text, "color_space=bt709"));
    ck_assert_ptr_nonnull (strstr (text, "color_transfer=bt709"));
    ck_assert_ptr_nonnull (strstr (text, "color_primaries=bt709"));
    free (text);
    fx_film_t made = fx_film (path);
    ck_assert_uint_eq (made.count, 20);
    for (uint64_t i = 0; i < 20; i++)
        NEAR (fx_at (&made, i, 0, 48, 32), s_luma (40 + 4 * (double)i), 3);
    fx_film_clear (&made);
    ck_assert_int_eq (aut_stitch (again, &film, NULL), 0);
    free (fx_run (NULL, "cmp '%s' '%s'", path, again));
}
END_TEST

START_TEST (an_unknown_codec_names_what_there_is)
{
    ck_assert_int_eq (aut_stitch_codec_check ("vp9"), AUT_ERR_UNSUPPORTED);
    ck_assert_ptr_nonnull (strstr (aut_error_detail (), "\"vp9\" is not known; there is: h264"));
}
END_TEST

static size_t s_find (const char *data, size_t size, const char *what)
{
    const char *at = memmem (data, size, what, 4);
    ck_assert_ptr_nonnull (at);
    return (size_t)(at - data);
}

START_TEST (tags_and_layout)
{
    const char *clip = fx_clip ("c.mkv", s_small, 12, fx_count, 0, NULL);
    aut_stitch_shot_t shots[2] = {s_shot (clip, s_small, 12, 12), s_shot (clip, s_small, 12, 12)};
    aut_stitch_t film = s_film (shots, 2);
    const aut_stitch_chapter_t chapters[] = {{"INT. ONE", 0}, {"EXT. TWO & <3>", 12}};
    film.title = "Ein Titel – 題";
    film.chapters = chapters;
    film.chapter_count = 2;
    film.rate_num = 24000;
    film.rate_den = 1001;
    aut_stitch_report_t report;
    fx_film_t made = s_make (&film, &report);
    fx_film_clear (&made);
    ck_assert_uint_eq (report.frames, 24);
    ck_assert_uint_eq (report.threads, 4);
    ck_assert_str_eq (report.encoder, "libx264");
    const char *path = fx_path ("film.mp4");
    char *text = fx_run (NULL,
                         "ffprobe -v error -select_streams v:0 -show_entries "
                         "stream=codec_name,pix_fmt,color_range,color_space,color_transfer,"
                         "color_primaries,sample_aspect_ratio,r_frame_rate,avg_frame_rate,"
                         "nb_frames -show_entries format_tags=title -of default=nk=0:nw=1 '%s'",
                         path);
    static const char *const lines[] = {
        "codec_name=h264",          "pix_fmt=yuv420p",
        "color_range=tv",           "color_space=bt709",
        "color_transfer=bt709",     "color_primaries=bt709",
        "sample_aspect_ratio=1:1",  "nb_frames=24",
        "r_frame_rate=24000/1001",  "avg_frame_rate=24000/1001",
        "TAG:title=Ein Titel – 題",
    };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        ck_assert_msg (strstr (text, lines[i]) != NULL, "%s not in\n%s", lines[i], text);
    free (text);
    text = fx_run (NULL, "ffprobe -v error -show_chapters -of csv '%s'", path);
    ck_assert_ptr_nonnull (strstr (text, "INT. ONE"));
    ck_assert_ptr_nonnull (strstr (text, "EXT. TWO & <3>"));
    free (text);
    char *data = NULL;
    size_t size = 0;
    ck_assert_int_eq (aut_file_read (path, 1 << 24, &data, &size), 0);
    ck_assert_uint_lt (s_find (data, size, "moov"), s_find (data, size, "mdat"));
    free (data);
}
END_TEST

START_TEST (dissolve_mixes_linearly)
{
    const char *a = fx_clip ("a.mkv", s_small, 20, fx_flat, 0x282828, NULL);
    const char *b = fx_clip ("b.mkv", s_small, 20, fx_flat, 0xc8c8c8, NULL);
    aut_stitch_shot_t shots[2] = {s_shot (a, s_small, 20, 20), s_shot (b, s_small, 20, 20)};
    shots[1].transition = AUT_STITCH_DISSOLVE;
    shots[1].transition_frames = 8;
    aut_stitch_t film = s_film (shots, 2);
    fx_film_t made = s_make (&film, NULL);
    ck_assert_uint_eq (made.count, 32);
    for (uint64_t n = 0; n < 32; n++) {
        double k = n < 12 ? 0 : n >= 20 ? 8 : (double)(n - 12);
        NEAR (fx_at (&made, n, 0, 48, 32), s_luma (40 + 160 * k / 8), 1);
    }
    NEAR (fx_at (&made, 16, 0, 48, 32), s_luma (120), 1); /* half and half */
    fx_film_clear (&made);
}
END_TEST

START_TEST (fade_goes_through_black)
{
    const char *a = fx_clip ("a.mkv", s_small, 20, fx_flat, 0xa0a0a0, NULL);
    const char *b = fx_clip ("b.mkv", s_small, 20, fx_flat, 0xc8c8c8, NULL);
    aut_stitch_shot_t shots[2] = {s_shot (a, s_small, 20, 20), s_shot (b, s_small, 20, 20)};
    for (size_t i = 0; i < 2; i++) {
        shots[i].transition = AUT_STITCH_FADE;
        shots[i].transition_frames = 8;
    }
    aut_stitch_t film = s_film (shots, 2);
    fx_film_t made = s_make (&film, NULL);
    ck_assert_uint_eq (made.count, 32);
    for (uint64_t n = 0; n < 32; n++) {
        double want = n < 8    ? 160 * (double)n / 8
                      : n < 12 ? 160
                      : n < 16 ? 160 - 160 * (double)(n - 12) / 4
                      : n < 20 ? 200 * (double)(n - 16) / 4
                               : 200;
        NEAR (fx_at (&made, n, 0, 48, 32), s_luma (want), 1);
    }
    NEAR (fx_at (&made, 0, 0, 48, 32), 16, 1);
    NEAR (fx_at (&made, 16, 0, 48, 32), 16, 1);
    fx_film_clear (&made);
}
END_TEST

START_TEST (wipe_moves_its_edge)
{
    static const struct {
        aut_stitch_wipe_t wipe;
        uint32_t new_x, new_y, old_x, old_y; /* a quarter of the way through */
    } cases[] = {
        {AUT_STITCH_WIPE_RIGHT, 4, 32, 90, 32},
        {AUT_STITCH_WIPE_LEFT, 90, 32, 4, 32},
        {AUT_STITCH_WIPE_DOWN, 48, 4, 48, 58},
        {AUT_STITCH_WIPE_UP, 48, 58, 48, 4},
    };
    const char *a = fx_clip ("a.mkv", s_small, 16, fx_flat, 0x303030, NULL);
    const char *b = fx_clip ("b.mkv", s_small, 16, fx_flat, 0xd0d0d0, NULL);
    for (size_t i = 0; i < 4; i++) {
        aut_stitch_shot_t shots[2] = {s_shot (a, s_small, 16, 16), s_shot (b, s_small, 16, 16)};
        shots[1].transition = AUT_STITCH_WIPE;
        shots[1].transition_frames = 8;
        shots[1].wipe = cases[i].wipe;
        aut_stitch_t film = s_film (shots, 2);
        fx_film_t made = s_make (&film, NULL);
        NEAR (fx_at (&made, 8, 0, cases[i].new_x, cases[i].new_y), s_luma (48), 2);
        NEAR (fx_at (&made, 10, 0, cases[i].new_x, cases[i].new_y), s_luma (208), 3);
        NEAR (fx_at (&made, 10, 0, cases[i].old_x, cases[i].old_y), s_luma (48), 3);
        /* the edge is in the middle halfway */
        bool across = cases[i].wipe <= AUT_STITCH_WIPE_LEFT;
        int before = fx_at (&made, 12, 0, across ? 44 : 48, across ? 32 : 28);
        int after = fx_at (&made, 12, 0, across ? 51 : 48, across ? 32 : 35);
        ck_assert_int_gt (abs (before - after), 100);
        NEAR (fx_at (&made, 16, 0, cases[i].old_x, cases[i].old_y), s_luma (208), 3);
        fx_film_clear (&made);
    }
}
END_TEST

/*  Exactly, without an encoder between: all k of every length on two random frames. */
START_TEST (mixing_is_exact)
{
    aut_frame_pool_t pool;
    ck_assert_int_eq (aut_frame_pool_init (&pool, 34, 22), 0);
    AVFrame *a = aut_frame_pool_get (&pool), *b = aut_frame_pool_get (&pool);
    AVFrame *out = aut_frame_pool_get (&pool);
    for (int p = 0; p < 3; p++)
        for (int y = 0; y < (p ? 11 : 22); y++) {
            fx_noise (a->data[p] + y * a->linesize[p], p ? 5 : 11, 1, (uint64_t)y, 1);
            fx_noise (b->data[p] + y * b->linesize[p], p ? 5 : 11, 1, (uint64_t)y, 2);
        }
    for (uint32_t n = 1; n <= 40; n++)
        for (uint32_t k = 0; k < n; k++) {
            aut_mix (out, a, b, AUT_STITCH_DISSOLVE, AUT_STITCH_WIPE_RIGHT, k, n);
            for (int y = 0; y < 22; y++)
                for (int x = 0; x < 33; x++) {
                    int p = a->data[0][y * a->linesize[0] + x];
                    int q = b->data[0][y * b->linesize[0] + x];
                    double want = p + (double)(q - p) * k / n;
                    double got = out->data[0][y * out->linesize[0] + x];
                    ck_assert (got >= want - 0.5001 - 0.004 && got <= want + 0.5001 + 0.004);
                    if (2 * k == n)
                        ck_assert_int_eq ((int)got, (p + q + 1) / 2);
                    if (k == 0)
                        ck_assert_int_eq ((int)got, p);
                }
        }
    av_frame_free (&a);
    av_frame_free (&b);
    av_frame_free (&out);
    aut_frame_pool_clear (&pool);
}
END_TEST

static const struct {
    int32_t from_num, from_den, to_num, to_den;
    uint64_t native, frames;
} s_retimes[] = {
    {16, 1, 24, 1, 33, 49},       {24, 1, 16, 1, 48, 32}, {16, 1, 16, 1, 40, 40},
    {16, 1, 24000, 1001, 33, 48}, {24, 1, 30, 1, 24, 30}, {8, 1, 60000, 1001, 9, 60},
    {16, 1, 24, 1, 1, 1},         {24, 1, 12, 1, 25, 13},
};

/*  A film that is not faster shows the native frame whose span holds the middle of its own. A
 *  faster one is at j / rate, between the two native frames there, and at last holds the last. */
START_TEST (retime_picks_frames)
{
    aut_clip_format_t format = {96, 64, s_retimes[_i].from_num, s_retimes[_i].from_den};
    uint64_t native = s_retimes[_i].native;
    const char *a = fx_clip ("a.mkv", format, native, fx_count, 0, NULL);
    aut_stitch_shot_t shot = s_shot (a, format, native, s_retimes[_i].frames);
    aut_stitch_t film = s_film (&shot, 1);
    film.rate_num = s_retimes[_i].to_num;
    film.rate_den = s_retimes[_i].to_den;
    fx_film_t made = s_make (&film, NULL);
    double ratio = (double)format.rate_num / format.rate_den * film.rate_den / film.rate_num;
    bool between = ratio < 1;
    for (uint64_t n = 0; n < made.count; n++) {
        double want =
            between ? (double)n * ratio : (double)(uint64_t)(((double)n + 0.5) * ratio + 1e-9);
        if (want > (double)(native - 1))
            want = (double)(native - 1);
        NEAR (fx_at (&made, n, 0, 48, 32), s_luma (40 + 4 * want), 1);
    }
    fx_film_clear (&made);
}
END_TEST

/*  A white square of 20 on black that goes 6 to the right each frame; `seed` is where it begins. */
static void s_moving (uint8_t *rgb, uint32_t width, uint32_t height, uint64_t frame, uint32_t seed)
{
    uint64_t left = seed + 6 * frame;
    for (uint32_t y = 0; y < height; y++)
        for (uint32_t x = 0; x < width; x++)
            memset (rgb + ((size_t)y * width + x) * 3,
                    y >= 22 && y < 42 && x >= left && x < left + 20 ? 255 : 0, 3);
}

/*  Of the row in the middle: what is bright in all, its centre, and how much is neither nor. */
static void s_measure (const fx_film_t *made, uint64_t frame, double *sum, double *centre,
                       uint32_t *grey)
{
    *sum = *centre = *grey = 0;
    for (uint32_t x = 0; x < made->width; x++) {
        int luma = fx_at (made, frame, 0, x, made->height / 2);
        double light = (luma - 16) / 219.0;
        *sum += light;
        *centre += light * (x + 0.5);
        *grey += light > 0.25 && light < 0.75;
    }
    *centre /= *sum;
}

/*  Between two native frames what moves is on its way, once: not in both places. */
START_TEST (retime_moves_things)
{
    aut_clip_format_t format = {96, 64, 8, 1};
    const char *a = fx_clip ("a.mkv", format, 9, s_moving, 10, NULL);
    aut_stitch_shot_t shot = s_shot (a, format, 9, 27);
    aut_stitch_t film = s_film (&shot, 1);
    fx_film_t made = s_make (&film, NULL);
    for (uint64_t n = 0; n < 27; n++) {
        double sum, centre, at = n < 24 ? (double)n / 3 : 8;
        uint32_t grey;
        s_measure (&made, n, &sum, &centre, &grey);
        ck_assert_msg (sum > 18 && sum < 22, "frame %d: %g bright pixels", (int)n, sum);
        ck_assert_msg (centre > 20 + 6 * at - 1.2 && centre < 20 + 6 * at + 1.2,
                       "frame %d: centre at %g, not %g", (int)n, centre, 20 + 6 * at);
        ck_assert_msg (grey <= 4, "frame %d: %u pixels are neither black nor white", (int)n, grey);
    }
    fx_film_clear (&made);
}
END_TEST

/*  Sizes that interpolation is hardest for, and shots shorter than what it looks ahead. */
START_TEST (retime_of_odd_things)
{
    static const struct {
        uint32_t width, height;
        uint64_t native, frames;
    } cases[] = {{2, 2, 5, 15},     {97, 65, 3, 9},  {16, 300, 4, 12}, {640, 20, 2, 6},
                 {600, 50, 2, 100}, {64, 96, 30, 1}, {96, 64, 2, 2}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        aut_clip_format_t format = {cases[i].width, cases[i].height, 8, 1};
        const char *path = fx_clip ("o.mkv", format, cases[i].native, fx_count, 0, NULL);
        aut_stitch_shot_t shot = s_shot (path, format, cases[i].native, cases[i].frames);
        aut_stitch_t film = s_film (&shot, 1);
        film.fit = i % 2 ? AUT_STITCH_FIT_PAD : AUT_STITCH_FIT_CROP;
        fx_film_t made = s_make (&film, NULL);
        double end = (double)(made.count - 1) / 3, most = (double)(cases[i].native - 1);
        NEAR (fx_at (&made, 0, 0, 48, 32), s_luma (40), 1);
        NEAR (fx_at (&made, made.count - 1, 0, 48, 32), s_luma (40 + 4 * (end < most ? end : most)),
              1);
        fx_film_clear (&made);
    }
}
END_TEST

START_TEST (retime_covers_the_shot)
{
    /* Ten minutes from 59.94 to 16: first, last, and never backwards. */
    aut_stitch_shot_t shot = {.rate_num = 60000, .rate_den = 1001, .native_frames = 35964};
    aut_stitch_t film = {.rate_num = 16, .rate_den = 1};
    uint64_t last = 0;
    for (uint64_t n = 0; n < 9600; n++) {
        uint64_t at = aut_stitch_native_index (&film, &shot, n);
        ck_assert_uint_ge (at, last + (n ? 3 : 1));
        ck_assert_uint_le (at, last + 4);
        last = at;
    }
    ck_assert_uint_ge (last, 35961);
}
END_TEST

START_TEST (shapes_are_cropped_or_padded)
{
    /* A clip twice as wide as high in a square film: black left, white middle, grey right. */
    aut_clip_format_t format = {192, 96, 24, 1};
    const char *path = fx_path ("wide.mkv");
    uint8_t *rgb = aut_calloc (192 * 96, 3);
    for (size_t i = 0; i < 192 * 96; i++)
        memset (rgb + i * 3, i % 192 < 40 ? 60 : i % 192 < 152 ? 230 : 120, 3);
    aut_clip_writer_t *writer = NULL;
    ck_assert_int_eq (aut_clip_writer_open (&writer, path, &format), 0);
    ck_assert_int_eq (aut_clip_writer_frame (writer, rgb), 0);
    ck_assert_int_eq (aut_clip_writer_finish (writer, NULL, NULL), 0);
    aut_clip_writer_destroy (&writer);
    free (rgb);
    aut_stitch_shot_t shot = s_shot (path, format, 1, 1);
    aut_stitch_t film = s_film (&shot, 1);
    film.width = film.height = 96;
    fx_film_t made = s_make (&film, NULL);
    NEAR (fx_at (&made, 0, 0, 2, 48), s_luma (230), 2);
    NEAR (fx_at (&made, 0, 0, 93, 48), s_luma (230), 2);
    fx_film_clear (&made);
    film.fit = AUT_STITCH_FIT_PAD;
    made = s_make (&film, NULL);
    NEAR (fx_at (&made, 0, 0, 48, 4), 16, 1);
    NEAR (fx_at (&made, 0, 0, 48, 91), 16, 1);
    NEAR (fx_at (&made, 0, 0, 5, 48), s_luma (60), 2);
    NEAR (fx_at (&made, 0, 0, 48, 48), s_luma (230), 2);
    NEAR (fx_at (&made, 0, 0, 90, 48), s_luma (120), 2);
    fx_film_clear (&made);
}
END_TEST

START_TEST (odd_sizes_fit)
{
    static const uint32_t sizes[][2] = {{97, 65}, {33, 121}, {201, 17}, {16, 16}, {95, 64}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (int pad = 0; pad < 2; pad++) {
            aut_clip_format_t format = {sizes[i][0], sizes[i][1], 24, 1};
            const char *path = fx_clip ("o.mkv", format, 2, fx_flat, 0x64c832, NULL);
            aut_stitch_shot_t shot = s_shot (path, format, 2, 2);
            aut_stitch_t film = s_film (&shot, 1);
            film.fit = pad ? AUT_STITCH_FIT_PAD : AUT_STITCH_FIT_CROP;
            film.out_width = 130;
            film.out_height = 86;
            fx_film_t made = s_make (&film, NULL);
            NEAR (fx_at (&made, 0, 0, 64, 42), 157, 4);
            fx_film_clear (&made);
        }
}
END_TEST

/*  A transition that rounds to nothing is a cut; the smallest film there is. */
START_TEST (smallest_things)
{
    aut_clip_format_t format = {2, 2, 24, 1};
    const char *path = fx_clip ("o.mkv", format, 1, fx_flat, 0x64c832, NULL);
    aut_stitch_shot_t shots[2] = {s_shot (path, format, 1, 1), s_shot (path, format, 1, 1)};
    shots[1].transition = AUT_STITCH_DISSOLVE;
    aut_stitch_t film = s_film (shots, 2);
    film.width = film.height = 2;
    fx_film_t made = s_make (&film, NULL);
    ck_assert_uint_eq (made.count, 2);
    fx_film_clear (&made);
}
END_TEST

/*  Many short shots with every kind of transition, some wholly inside their transitions; counted,
 *  twice the same bytes, and the native hashes on the way. */
START_TEST (long_chain_is_deterministic)
{
    enum { SHOTS = 24 };
    aut_stitch_shot_t shots[SHOTS];
    aut_hash_t hashes[SHOTS], want;
    aut_clip_format_t formats[2] = {{96, 64, 16, 1}, {130, 90, 24, 1}};
    const char *clips[2] = {fx_clip ("n.mkv", formats[0], 6, fx_noise, 1, &want),
                            fx_clip ("m.mkv", formats[1], 9, fx_count, 1, NULL)};
    for (size_t i = 0; i < SHOTS; i++) {
        shots[i] = s_shot (clips[i % 2], formats[i % 2], i % 2 ? 9 : 6, 9);
        if (!i)
            continue;
        shots[i].transition = (aut_stitch_transition_t)(i % 4);
        shots[i].transition_frames = i % 4 ? (i % 4 == 1 ? 4 : i % 4 == 2 ? 5 : 1) : 0;
        shots[i].wipe = (aut_stitch_wipe_t)(i / 4 % 4);
        shots[i].native_sha256 = &hashes[i];
    }
    aut_stitch_t film = s_film (shots, SHOTS);
    film.burn_in = AUT_STITCH_BURN_ALL;
    uint64_t frames = aut_stitch_frames (&film);
    ck_assert_uint_eq (frames, 24 * 9 - 6 * (4 + 5 + 1));
    aut_hash_t first, second;
    fx_film_t made = s_make (&film, NULL);
    fx_film_clear (&made);
    ck_assert_int_eq (aut_hash_file (&first, NULL, fx_path ("film.mp4")), 0);
    ck_assert_int_eq (aut_stitch (fx_path ("again.mp4"), &film, NULL), 0);
    ck_assert_int_eq (aut_hash_file (&second, NULL, fx_path ("again.mp4")), 0);
    ck_assert (aut_hash_equal (&first, &second));
    for (size_t i = 2; i < SHOTS; i += 2)
        ck_assert (aut_hash_equal (&hashes[i], &want));
}
END_TEST

static bool s_cancel (void *ctx)
{
    int *left = ctx;
    return --*left <= 0;
}

static void s_nothing_left (void)
{
    ck_assert (!aut_file_exists (fx_path ("film.mp4")));
    ck_assert (!aut_file_exists (fx_path ("film.mp4.part")));
}

START_TEST (failures_leave_no_film)
{
    const char *clip = fx_clip ("a.mkv", s_small, 30, fx_noise, 1, NULL);
    char *data = NULL;
    size_t size = 0;
    ck_assert_int_eq (aut_file_read (clip, 1 << 24, &data, &size), 0);
    data[size / 2] ^= 4;
    ck_assert_int_eq (aut_file_write (fx_path ("bad.mkv"), data, size), 0);
    free (data);
    const char *path = fx_path ("film.mp4");
    aut_stitch_shot_t good = s_shot (clip, s_small, 30, 30);
    aut_stitch_shot_t cases[] = {good, good, good, good, good};
    static const int codes[] = {AUT_ERR_CORRUPT, AUT_ERR_NOT_FOUND, AUT_ERR_INVALID,
                                AUT_ERR_INVALID, AUT_ERR_INVALID};
    static const char *const says[] = {"bad.mkv", "none.mkv", "31 are planned", "planned 29",
                                       "16/1"};
    cases[0].path = fx_path ("bad.mkv");
    cases[1].path = fx_path ("none.mkv");
    cases[2].native_frames = 31;
    cases[3].native_frames = 29;
    cases[4].rate_num = 16;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        aut_stitch_shot_t shots[2] = {good, cases[i]};
        aut_stitch_t film = s_film (shots, 2);
        int rc = aut_stitch (path, &film, NULL);
        ck_assert_msg (rc == codes[i], "%zu: %d %s", i, rc, aut_error_detail ());
        ck_assert_msg (strstr (aut_error_detail (), says[i]) != NULL, "%s", aut_error_detail ());
        s_nothing_left ();
    }
    int left = 20;
    aut_stitch_t film = s_film (&good, 1);
    film.cancelled = s_cancel;
    film.ctx = &left;
    ck_assert_int_eq (aut_stitch (path, &film, NULL), AUT_ERR_CANCELLED);
    s_nothing_left ();
    film = s_film (&good, 1);
    ck_assert_int_lt (aut_stitch ("/nonexistent/film.mp4", &film, NULL), 0);
    film.codec = "vp9";
    ck_assert_int_eq (aut_stitch (path, &film, NULL), AUT_ERR_UNSUPPORTED);
    ck_assert_ptr_nonnull (strstr (aut_error_detail (), "h264"));
    s_nothing_left ();
}
END_TEST

START_TEST (contradictions_are_refused)
{
    const char *clip = fx_clip ("a.mkv", s_small, 8, fx_noise, 1, NULL);
    aut_stitch_shot_t good = s_shot (clip, s_small, 8, 8);
    for (int i = 0; i < 8; i++) {
        aut_stitch_shot_t shots[2] = {good, good};
        aut_stitch_t film = s_film (shots, 2);
        shots[1].transition = AUT_STITCH_DISSOLVE;
        shots[1].transition_frames = 4;
        switch (i) {
        case 0:
            shots[1].transition_frames = 9;
            break;
        case 1:
            shots[1].transition = AUT_STITCH_CUT;
            break;
        case 2:
            shots[0].transition = AUT_STITCH_WIPE, shots[0].transition_frames = 2;
            break;
        case 3:
            shots[0].transition = AUT_STITCH_FADE, shots[0].transition_frames = 5;
            break;
        case 4:
            film.width = 97;
            break;
        case 5:
            film.rate_num = 0;
            break;
        case 6:
            film.shot_count = 0;
            break;
        default:
            shots[0].frames = 0;
            break;
        }
        ck_assert_int_eq (aut_stitch (fx_path ("film.mp4"), &film, NULL), AUT_ERR_INVALID);
        s_nothing_left ();
    }
}
END_TEST

static void s_progress (void *ctx, uint64_t done, uint64_t total)
{
    uint64_t *last = ctx;
    ck_assert_uint_eq (done, *last + 1);
    ck_assert_uint_eq (total, 30);
    *last = done;
}

START_TEST (progress_counts_frames)
{
    const char *clip = fx_clip ("a.mkv", s_small, 30, fx_noise, 1, NULL);
    aut_stitch_shot_t shot = s_shot (clip, s_small, 30, 30);
    aut_stitch_t film = s_film (&shot, 1);
    uint64_t last = 0;
    film.progress = s_progress;
    film.ctx = &last;
    ck_assert_int_eq (aut_stitch (fx_path ("film.mp4"), &film, NULL), 0);
    ck_assert_uint_eq (last, 30);
}
END_TEST

int main (void)
{
    Suite *suite = suite_create ("stitch");
    TCase *tests = tcase_create ("stitch");
    tcase_set_timeout (tests, 120);
    tcase_add_checked_fixture (tests, fx_setup, fx_teardown);
    tcase_add_test (tests, colours_are_bt709);
    tcase_add_loop_test (tests, every_codec, 0, sizeof s_codecs / sizeof *s_codecs);
    tcase_add_test (tests, subtitles_are_a_stream);
    tcase_add_test (tests, an_unknown_codec_names_what_there_is);
    tcase_add_test (tests, tags_and_layout);
    tcase_add_test (tests, dissolve_mixes_linearly);
    tcase_add_test (tests, fade_goes_through_black);
    tcase_add_test (tests, wipe_moves_its_edge);
    tcase_add_test (tests, mixing_is_exact);
    tcase_add_loop_test (tests, retime_picks_frames, 0, sizeof s_retimes / sizeof *s_retimes);
    tcase_add_test (tests, retime_covers_the_shot);
    tcase_add_test (tests, retime_moves_things);
    tcase_add_test (tests, retime_of_odd_things);
    tcase_add_test (tests, shapes_are_cropped_or_padded);
    tcase_add_test (tests, odd_sizes_fit);
    tcase_add_test (tests, smallest_things);
    tcase_add_test (tests, long_chain_is_deterministic);
    tcase_add_test (tests, failures_leave_no_film);
    tcase_add_test (tests, contradictions_are_refused);
    tcase_add_test (tests, progress_counts_frames);
    suite_add_tcase (suite, tests);
    SRunner *runner = srunner_create (suite);
    srunner_run_all (runner, CK_NORMAL);
    int failed = srunner_ntests_failed (runner);
    srunner_free (runner);
    return failed ? 1 : 0;
}
