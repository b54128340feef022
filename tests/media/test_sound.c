/*  The film's sound: what is mixed, when, how loud; every file format; the stream in the film. */
#include "lib/core/error.h"
#include "lib/core/file.h"
#include "lib/media/picture.h"
#include "tests/media/fixture.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*  A sound made by the ffmpeg program from an expression of lavfi's. */
static const char *s_sound (const char *name, const char *source, const char *options)
{
    const char *path = fx_path (name);
    free (fx_run (NULL, "ffmpeg -v error -y -f lavfi -i \"%s\" %s '%s'", source, options, path));
    return path;
}

/*  A constant: what is done to it can be read off every sample. */
static const char *s_constant (const char *name, double value, double seconds)
{
    char source[128];
    snprintf (source, sizeof source, "aevalsrc=%.4f|%.4f:s=48000:d=%.4f", value, value, seconds);
    return s_sound (name, source, "-c:a pcm_f32le");
}

/*  All of a mix; the caller frees. */
static float *s_mix (const aut_sound_t *sound, double *loudness, double *gain)
{
    aut_sound_mix_t *mix;
    size_t total = (size_t)aut_sound_samples (sound), got = 0, more = 0;
    ck_assert_msg (aut_sound_mix_open (&mix, sound, NULL, NULL) == 0, "%s", aut_error_detail ());
    float *samples = calloc (total + 100, 2 * sizeof *samples), rest[2];
    while (got < total) { /* in odd pieces */
        size_t want = total - got < 1111 ? total - got : 1111;
        ck_assert_int_eq (aut_sound_mix_read (mix, samples + 2 * got, want, &more), 0);
        ck_assert_uint_eq (more, want);
        got += more;
    }
    ck_assert_int_eq (aut_sound_mix_read (mix, rest, 1, &more), 0);
    ck_assert_uint_eq (more, 0);
    if (loudness)
        *loudness = aut_sound_mix_loudness (mix);
    if (gain)
        *gain = aut_sound_mix_gain (mix);
    aut_sound_mix_close (&mix);
    return samples;
}

/*  The same without its gain, which is chosen so low that nothing is limited. */
static float *s_mix_plain (aut_sound_t *sound)
{
    double gain;
    sound->loudness = -50;
    float *samples = s_mix (sound, NULL, &gain);
    for (size_t i = 0; i < 2 * aut_sound_samples (sound); i++)
        samples[i] /= (float)pow (10, gain / 20);
    return samples;
}

/*  Integrated loudness of raw stereo floats, by the ffmpeg program. */
static double s_loudness (const float *samples, size_t count)
{
    const char *path = fx_path ("raw.f32");
    ck_assert_int_eq (aut_file_write (path, (const char *)samples, count * 2 * sizeof *samples), 0);
    char *text =
        fx_run (NULL,
                "ffmpeg -hide_banner -f f32le -ar 48000 -ac 2 -i '%s' -af ebur128 -f null - "
                "2>&1 | grep 'I:' | tail -1",
                path);
    double value = strtod (strstr (text, "I:") + 2, NULL);
    free (text);
    return value;
}

static aut_sound_t s_sound_of (const aut_sound_track_t *tracks, size_t count, double seconds)
{
    return (aut_sound_t){
        .tracks = tracks, .track_count = count, .seconds = seconds, .loudness = -16};
}

#define NEAR(a, b, tolerance) ck_assert_double_eq_tol (a, b, tolerance)
#define AT(seconds) samples[2 * (size_t)((seconds)*48000)]

START_TEST (tracks_stand_where_they_are_put)
{
    const char *path = s_constant ("c.wav", 0.25, 1);
    const aut_sound_track_t tracks[] = {
        {.path = path, .start = 0.5, .fade_in = 0.2, .fade_out = 0.4},
        {.path = path, .start = 1.25, .gain_db = -6.0206},
        {.path = path, .start = 2.9, .loop = true},
        {.path = path, .start = 9}};
    aut_sound_t sound = s_sound_of (tracks, 4, 4);
    float *samples = s_mix_plain (&sound);
    NEAR (AT (0.49), 0, 1e-6);
    NEAR (AT (0.6), 0.125, 1e-3); /* half in */
    NEAR (AT (0.8), 0.25, 1e-4);
    NEAR (AT (1.2), 0.1875, 1e-3); /* three quarters, going out */
    NEAR (AT (1.4), 0.0625 + 0.125, 1e-3);
    NEAR (AT (1.51), 0.125, 1e-3);
    NEAR (AT (2.24), 0.125, 1e-3);
    NEAR (AT (2.26), 0, 1e-6);
    NEAR (AT (2.95), 0.25, 1e-4);
    NEAR (AT (3.95), 0.25, 1e-4); /* around */
    free (samples);
}
END_TEST

START_TEST (a_loop_fades_out_at_the_films_end)
{
    const aut_sound_track_t track = {
        .path = s_constant ("c.wav", 0.5, 0.03), .loop = true, .fade_out = 1};
    aut_sound_t sound = s_sound_of (&track, 1, 3);
    float *samples = s_mix_plain (&sound);
    NEAR (AT (0.01), 0.5, 1e-3);
    NEAR (AT (1.99), 0.5, 1e-3);
    NEAR (AT (2.5), 0.25, 1e-3);
    NEAR (AT (2.9999), 0, 1e-3);
    free (samples);
}
END_TEST

START_TEST (one_gain_brings_it_to_its_loudness)
{
    const char *path = s_sound ("a.wav", "anoisesrc=c=pink:r=44100:d=6:a=0.05:seed=1", "-ac 1");
    const aut_sound_track_t tracks[] = {{.path = path}, {.path = path, .start = 2, .gain_db = -12}};
    aut_sound_t sound = s_sound_of (tracks, 2, 6);
    double loudness, gain;
    float *samples = s_mix (&sound, &loudness, &gain);
    NEAR (s_loudness (samples, 6 * 48000), -16, 0.2);
    NEAR (loudness + gain, -16, 1e-6);
    free (samples);
    sound.loudness = -30;
    samples = s_mix (&sound, NULL, NULL);
    NEAR (s_loudness (samples, 6 * 48000), -30, 0.2);
    free (samples);
}
END_TEST

START_TEST (peaks_are_limited_and_stay_in_their_place)
{
    /* quiet noise, and a click each second that the gain would take far above full scale */
    const char *path = s_sound (
        "clicks.wav", "aevalsrc=0.004*(2*random(0)-1)+0.9*lt(mod(t\\,1)\\,0.0001):s=48000:d=5",
        "-ac 2 -c:a pcm_f32le");
    const aut_sound_track_t track = {.path = path};
    aut_sound_t sound = s_sound_of (&track, 1, 5);
    double gain;
    float *samples = s_mix (&sound, NULL, &gain);
    ck_assert_double_gt (gain, 6);
    for (size_t second = 1; second < 5; second++) {
        size_t loudest = 0;
        for (size_t i = second * 48000 - 4800; i < second * 48000 + 4800; i++)
            if (fabsf (samples[2 * i]) > fabsf (samples[2 * loudest]) || !loudest)
                loudest = i;
        ck_assert_uint_ge (loudest, second * 48000 - 1);
        ck_assert_uint_le (loudest, second * 48000 + 6);
    }
    for (size_t i = 0; i < 5 * 48000 * 2; i++)
        ck_assert_float_le (fabsf (samples[i]), 0.8913f);
    free (samples);
}
END_TEST

START_TEST (silence_stays_silence)
{
    aut_sound_t sound = s_sound_of (NULL, 0, 0.5);
    double loudness, gain;
    float *samples = s_mix (&sound, &loudness, &gain);
    ck_assert_double_le (loudness, -70);
    for (size_t i = 0; i < 48000; i++)
        ck_assert_float_eq (samples[i], 0);
    free (samples);
}
END_TEST

/*  Crossings of zero from below between two times: its pitch. */
static int s_hertz (const float *samples, double from, double to)
{
    int count = 0;
    for (size_t i = (size_t)(from * 48000) + 1; i < (size_t)(to * 48000); i++)
        count += samples[2 * i - 2] < 0 && samples[2 * i] >= 0;
    return (int)lround (count / (to - from));
}

START_TEST (a_tone_marks_the_cuts)
{
    const aut_sound_track_t track = {0};
    const double cuts[] = {0, 1.5};
    aut_sound_t sound = s_sound_of (&track, 1, 3);
    sound.cuts = cuts;
    sound.cut_count = 2;
    float *samples = s_mix (&sound, NULL, NULL);
    NEAR (s_hertz (samples, 0, 0.1), 2000, 15);
    NEAR (s_hertz (samples, 0.2, 1.4), 1000, 5);
    NEAR (s_hertz (samples, 1.5, 1.6), 2000, 15);
    NEAR (s_hertz (samples, 1.7, 2.9), 1000, 5);
    free (samples);
    const aut_sound_track_t two[] = {{0}, {0}}; /* both mark them */
    sound.tracks = two;
    sound.track_count = 2;
    float *both = s_mix_plain (&sound);
    sound.track_count = 1;
    samples = s_mix_plain (&sound);
    for (size_t i = 0; i < 2 * aut_sound_samples (&sound); i++)
        NEAR (both[i], 2 * samples[i], 1e-3);
    free (both);
    free (samples);
}
END_TEST

static const struct {
    const char *name, *options;
} s_formats[] = {
    {"s.wav", ""},
    {"s8.wav", "-c:a pcm_u8 -ar 8000 -ac 1"},
    {"s.flac", ""},
    {"s.mp3", "-c:a libmp3lame -b:a 192k"},
    {"s.ogg", "-c:a libvorbis"},
    {"s.opus.ogg", "-c:a libopus"},
    {"s.m4a", "-c:a aac"},
    {"s.aac", "-c:a aac -f adts"},
    {"s.aiff", ""},
    {"six.flac", "-ac 6"},
};

START_TEST (every_format_is_read)
{
    const char *path =
        s_sound (s_formats[_i].name, "sine=f=1000:r=48000:d=2", s_formats[_i].options);
    const aut_sound_track_t track = {.path = path};
    aut_sound_t sound = s_sound_of (&track, 1, 3);
    float *samples = s_mix (&sound, NULL, NULL);
    NEAR (s_hertz (samples, 0.2, 1.8), 1000, 5);
    for (size_t i = (size_t)(2.15 * 48000); i < 3 * 48000; i++) /* it has ended */
        NEAR (samples[2 * i], 0, 0.01);
    free (samples);
}
END_TEST

START_TEST (what_is_no_sound_is_refused)
{
    const char *text = fx_path ("text.wav");
    aut_sound_mix_t *mix;
    ck_assert_int_eq (aut_file_write (text, "RIFF....WAVEnothing more than this", 34), 0);
    const aut_sound_track_t track = {.path = text};
    aut_sound_t sound = s_sound_of (&track, 1, 1);
    ck_assert_int_eq (aut_sound_mix_open (&mix, &sound, NULL, NULL), AUT_ERR_CORRUPT);
    ck_assert_ptr_null (mix);
    ck_assert_ptr_nonnull (strstr (aut_error_detail (), "text.wav"));
    const aut_sound_track_t other = {
        .path = fx_clip ("c.mkv", (aut_clip_format_t){96, 64, 24, 1}, 2, fx_count, 0, NULL)};
    sound.tracks = &other;
    ck_assert_int_eq (aut_sound_mix_open (&mix, &sound, NULL, NULL), AUT_ERR_UNSUPPORTED);
}
END_TEST

static bool s_cancelled (void *ctx)
{
    (void)ctx;
    return true;
}

START_TEST (measuring_can_be_cancelled)
{
    const aut_sound_track_t track = {0};
    aut_sound_t sound = s_sound_of (&track, 1, 100);
    aut_sound_mix_t *mix;
    ck_assert_int_eq (aut_sound_mix_open (&mix, &sound, s_cancelled, NULL), AUT_ERR_CANCELLED);
}
END_TEST

START_TEST (the_film_has_it)
{
    const aut_clip_format_t format = {96, 64, 24, 1};
    const char *clip = fx_clip ("c.mkv", format, 60, fx_count, 0, NULL);
    const aut_stitch_shot_t shot = {
        .path = clip, .id = "S", .rate_num = 24, .rate_den = 1, .native_frames = 60, .frames = 60};
    const aut_sound_track_t track = {.path = s_sound ("a.flac", "sine=f=440:r=48000:d=2", "")};
    const aut_sound_t sound = s_sound_of (&track, 1, 2.5);
    aut_stitch_t film;
    aut_stitch_init (&film);
    film.rate_num = 24;
    film.rate_den = 1;
    film.width = 96;
    film.height = 64;
    film.shots = &shot;
    film.shot_count = 1;
    film.sound = &sound;
    aut_stitch_report_t report;
    const char *path = fx_path ("film.mp4");
    ck_assert_msg (aut_stitch (path, &film, &report) == 0, "%s", aut_error_detail ());
    ck_assert (report.has_sound);
    char *text = fx_run (NULL,
                         "ffprobe -v error -show_entries stream=codec_name,sample_rate,channels,"
                         "duration,start_time -of csv=p=0 '%s'",
                         path);
    const char *line = strstr (text, "aac,48000,2,0.000000,");
    ck_assert_msg (line != NULL, "%s", text);
    NEAR (strtod (line + 21, NULL), 2.5, 1.0 / 24);
    free (text);
    size_t size;
    float *samples = (float *)(void *)fx_run (
        &size, "ffmpeg -v error -i '%s' -map 0:a -f f32le -ar 48000 -ac 2 -", path);
    NEAR (size / 8.0 / 48000, 2.5, 1024.0 / 48000 + 1e-6);
    NEAR (s_hertz (samples, 0.1, 1.9), 440, 3);
    for (size_t i = (size_t)(2.1 * 48000); i < (size_t)(2.45 * 48000); i++)
        NEAR (samples[2 * i], 0, 0.01);
    free (samples);
    fx_film_t made = fx_film (path);
    ck_assert_uint_eq (made.count, 60);
    fx_film_clear (&made);
}
END_TEST

int main (void)
{
    Suite *suite = suite_create ("sound");
    TCase *tests = tcase_create ("sound");
    tcase_add_checked_fixture (tests, fx_setup, fx_teardown);
    tcase_add_test (tests, tracks_stand_where_they_are_put);
    tcase_add_test (tests, a_loop_fades_out_at_the_films_end);
    tcase_add_test (tests, one_gain_brings_it_to_its_loudness);
    tcase_add_test (tests, peaks_are_limited_and_stay_in_their_place);
    tcase_add_test (tests, silence_stays_silence);
    tcase_add_test (tests, a_tone_marks_the_cuts);
    tcase_add_loop_test (tests, every_format_is_read, 0, sizeof s_formats / sizeof *s_formats);
    tcase_add_test (tests, what_is_no_sound_is_refused);
    tcase_add_test (tests, measuring_can_be_cancelled);
    tcase_add_test (tests, the_film_has_it);
    suite_add_tcase (suite, tests);
    SRunner *runner = srunner_create (suite);
    srunner_run_all (runner, CK_ENV);
    int failed = srunner_ntests_failed (runner);
    srunner_free (runner);
    return failed != 0;
}
