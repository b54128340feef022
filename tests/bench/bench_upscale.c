/*  An upscaler on a picture that pans: bench_upscale MODEL [THREADS]. For it and for Lanczos:
 *
 *    PSNR     against the picture as it would be at that size
 *    flicker  mean absolute difference, in levels of 255, of a frame from the one before it, which
 *             is warped as the picture moved (by whole pixels of the large frame, so the warp is
 *             exact). What is there besides 0 was made by the upscaler, or by noise
 *    speed    seconds a frame, and millions of pixels made a second
 */
#include "lib/core/error.h"
#include "lib/core/mem.h"
#include "node/engine/upscaler.h"
#include "node/engine/vision/resample.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { WIDTH = 240, HEIGHT = 136, FRAMES = 8, MOVE_X = 3, MOVE_Y = 1, EDGE = 16 };

static int64_t scale, wide, high; /* of what is made */

typedef struct {
    double error, flicker, seconds;
    uint8_t *before;
} tally_t;

static double now (void)
{
    struct timespec time;
    clock_gettime (CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

/*  The scene at a place, in pixels of the large picture × 4 / scale: a disc, a ring, bars, a board
 *  and waves on a gradient. */
static double scene (double x, double y, int channel)
{
    double value = 90 + 0.08 * x + 0.12 * y * (channel - 1) + 14 * sin (x / 23 + y / 31 + channel);
    double d = hypot (x - 250, y - 210), e = hypot (x - 640, y - 300);
    if (d < 120)
        value = channel == 0 ? 220 : 70 + 0.2 * y;
    if (e < 150 && e > 128)
        value = 235 - 60 * channel;
    if (x > 420 && x < 560 && y > 60 && y < 200)
        value = ((int)floor (x / 14) + (int)floor (y / 14)) % 2 ? 40 : 200;
    if (fabs (x * 0.5 - y + 150) < 7)
        value = channel == 2 ? 240 : 30;
    return value;
}

/*  Frame `index` of the large picture. */
static void draw (uint8_t *out, int index)
{
    double unit = 4.0 / (double)scale;
    for (int64_t y = 0; y < high; y++)
        for (int64_t x = 0; x < wide; x++)
            for (int ch = 0; ch < 3; ch++) {
                double sum = 0;
                for (int k = 0; k < 4; k++)
                    sum += scene (((double)(x + index * MOVE_X) + 0.25 + 0.5 * (k % 2)) * unit,
                                  ((double)(y + index * MOVE_Y) + 0.25 + 0.5 * (k / 2)) * unit, ch);
                *out++ = (uint8_t)fmin (fmax (sum / 4 + 0.5, 0), 255);
            }
}

/*  The mean of each scale × scale pixels, with noise of a few levels. */
static void shrink (uint8_t *out, const uint8_t *large, uint64_t *state, double noise)
{
    for (int64_t y = 0; y < HEIGHT; y++)
        for (int64_t x = 0; x < WIDTH; x++)
            for (int ch = 0; ch < 3; ch++) {
                int64_t sum = 0;
                for (int64_t k = 0; k < scale * scale; k++)
                    sum += large[((y * scale + k / scale) * wide + x * scale + k % scale) * 3 + ch];
                double drawn = -1.5; /* near normal: the sum of three */
                for (int k = 0; k < 3; k++) {
                    *state = *state * 6364136223846793005u + 1442695040888963407u;
                    drawn += (double)(*state >> 40) / (1 << 24);
                }
                double value = (double)sum / (double)(scale * scale) + 2 * noise * drawn;
                *out++ = (uint8_t)fmin (fmax (value + 0.5, 0), 255);
            }
}

/*  Adds a frame to its tally; the frame is kept. */
static void count (tally_t *tally, uint8_t *made, const uint8_t *true_frame)
{
    double error = 0, moved = 0;
    int64_t pixels = 0;
    for (int64_t y = EDGE; y < high - EDGE; y++)
        for (int64_t x = EDGE * 3; x < (wide - EDGE) * 3; x++, pixels++) {
            double d = (double)made[y * wide * 3 + x] - true_frame[y * wide * 3 + x];
            error += d * d;
            if (tally->before)
                moved += fabs ((double)made[y * wide * 3 + x] -
                               tally->before[(y + MOVE_Y) * wide * 3 + x + MOVE_X * 3]);
        }
    tally->error += error / (double)pixels / FRAMES;
    tally->flicker += moved / (double)pixels / (FRAMES - 1);
    free (tally->before);
    tally->before = made;
}

static void show (const char *name, tally_t *tally)
{
    double seconds = tally->seconds / FRAMES;
    printf ("   %-10s PSNR %5.2f dB  flicker %.3f  %.3f s a frame  %.2f Mpixel/s\n", name,
            10 * log10 (255.0 * 255.0 / tally->error), tally->flicker, seconds,
            (double)(wide * high) / seconds / 1e6);
    free (tally->before);
}

/*  Both on the same frames. */
static int run (upscaler_t *self, double noise)
{
    size_t size = (size_t)(wide * high) * 3;
    tally_t learned = {0}, lanczos = {0}, truth = {0};
    uint8_t *large = aut_calloc (size, 1), *small = aut_calloc ((size_t)WIDTH * HEIGHT * 3, 1);
    uint64_t state = 1;
    int rc = 0;
    for (int i = 0; i < FRAMES && rc == 0; i++) {
        uint8_t *made = aut_calloc (size, 1), *other = NULL, *kept = aut_calloc (size, 1);
        draw (large, i);
        shrink (small, large, &state, noise);
        double begin = now ();
        rc = upscaler_frame_u8 (self, small, WIDTH, HEIGHT, made);
        learned.seconds += now () - begin;
        begin = now ();
        if (rc == 0)
            rc = aut_resample_u8 (&other, small, WIDTH, HEIGHT, (uint32_t)wide, (uint32_t)high,
                                  AUT_RESAMPLE_LANCZOS);
        lanczos.seconds += now () - begin;
        memcpy (kept, large, size);
        if (rc == 0) {
            count (&learned, made, large);
            count (&lanczos, other, large);
            count (&truth, kept, large);
        }
    }
    if (rc == 0) {
        printf (
            "%d x %d to %lld x %lld, panning %d, %d pixels a frame, noise %.0f of 255; the true "
            "frames' flicker is %.3f\n",
            WIDTH, HEIGHT, (long long)wide, (long long)high, MOVE_X, MOVE_Y, noise, truth.flicker);
        show ("learned", &learned);
        show ("lanczos", &lanczos);
        free (truth.before);
    }
    free (large);
    free (small);
    return rc;
}

int main (int argc, char **argv)
{
    upscaler_t *self = NULL;
    const upscaler_options_t options = {.model = argc > 1 ? argv[1] : "",
                                        .threads = argc > 2 ? (int)strtol (argv[2], NULL, 10) : 1};
    int rc = upscaler_open (&self, &options);
    if (rc == 0) {
        const upscaler_facts_t *facts = upscaler_facts (self);
        scale = facts->scale;
        wide = WIDTH * scale;
        high = HEIGHT * scale;
        printf ("%s x %lld, %lld features, depth %lld, %.2f MiB of weights, %d threads\n",
                facts->architecture, (long long)scale, (long long)facts->features,
                (long long)facts->depth, (double)facts->weight_bytes / 1048576, options.threads);
        rc = run (self, 0);
        if (rc == 0)
            rc = run (self, 2);
        upscaler_report_t report;
        upscaler_report (self, &report);
        printf ("   peak of tensors %.1f MiB\n", (double)report.peak_bytes / 1048576);
    }
    if (rc)
        fprintf (stderr, "bench_upscale: %s\n", aut_error_detail ());
    upscaler_close (&self);
    return rc ? EXIT_FAILURE : EXIT_SUCCESS;
}
