/*  The stitch against the ffmpeg command with the same graph (xfade) and the same x264 settings, in
 *  pairs in one run: time, CPU time, memory. Prints a line of JSON.
 *
 *  bench_stitch [--clips N] [--pairs N] [--keep DIR]
 */
#include "lib/core/buffer.h"
#include "lib/core/error.h"
#include "lib/core/file.h"
#include "lib/core/mem.h"
#include "lib/core/options.h"
#include "lib/media/clip.h"
#include "lib/media/stitch.h"

#include <math.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { WIDTH = 832, HEIGHT = 480, FRAMES = 81, RATE = 16, OVERLAP = 8 };

extern char **environ;

typedef struct {
    double seconds, cpu, mib;
} s_cost_t;

/*  Soft shapes that move, with a grain of ±2: about as hard to code as a model's frames. */
static void s_draw (uint8_t *rgb, int clip, int frame)
{
    uint32_t grain = (uint32_t)(clip * 1000 + frame) * 2654435761u + 1;
    double t = frame / 16.0, cx = WIDTH * (0.5 + 0.35 * sin (t + clip)), cy = HEIGHT * 0.55;
    for (int y = 0; y < HEIGHT; y++) {
        double rows = sin (y * 0.013 + clip) * 40, sway = sin (y * 0.05 + t * 2) * 12;
        for (int x = 0; x < WIDTH; x++, rgb += 3) {
            double d = (x - cx) * (x - cx) + (y - cy) * (y - cy);
            double v = 110 + rows + (d < 9000 ? 60 : 0) + ((x + (int)sway) / 24 % 2 ? 14 : 0);
            for (int c = 0; c < 3; c++) {
                grain = grain * 1664525u + 1013904223u;
                double value = v + c * 12 - clip % 5 * 7 + (int)(grain >> 30) - 1.5;
                rgb[c] = (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
            }
        }
    }
}

static char *s_clip_path (const char *dir, int clip)
{
    return aut_sprintf ("%s/clip%03d.mkv", dir, clip);
}

static int s_generate (const char *dir, int clips)
{
    uint8_t *rgb = aut_calloc (WIDTH * HEIGHT, 3);
    aut_clip_format_t format = {WIDTH, HEIGHT, RATE, 1};
    int rc = 0;
    for (int i = 0; rc == 0 && i < clips; i++) {
        char *path = s_clip_path (dir, i);
        aut_clip_writer_t *writer = NULL;
        rc = aut_clip_writer_open (&writer, path, &format);
        for (int f = 0; rc == 0 && f < FRAMES; f++) {
            s_draw (rgb, i, f);
            rc = aut_clip_writer_frame (writer, rgb);
        }
        if (rc == 0)
            rc = aut_clip_writer_finish (writer, NULL, NULL);
        aut_clip_writer_destroy (&writer);
        free (path);
    }
    free (rgb);
    return rc;
}

/*  What the measured child does. */
static int s_stitch (const char *dir, int clips)
{
    aut_stitch_shot_t *shots = aut_calloc ((size_t)clips, sizeof *shots);
    for (int i = 0; i < clips; i++) {
        shots[i] = (aut_stitch_shot_t){.path = s_clip_path (dir, i),
                                       .rate_num = RATE,
                                       .rate_den = 1,
                                       .native_frames = FRAMES,
                                       .frames = FRAMES};
        if (i) {
            shots[i].transition = AUT_STITCH_DISSOLVE;
            shots[i].transition_frames = OVERLAP;
        }
    }
    aut_stitch_t film;
    aut_stitch_init (&film);
    film.rate_num = RATE;
    film.rate_den = 1;
    film.width = WIDTH;
    film.height = HEIGHT;
    film.shots = shots;
    film.shot_count = (size_t)clips;
    char *path = aut_path_join (dir, "auteur.mp4", NULL);
    int rc = aut_stitch (path, &film, NULL);
    if (rc < 0)
        fprintf (stderr, "%s\n", aut_error_detail ());
    for (int i = 0; i < clips; i++)
        free ((char *)shots[i].path);
    free (path);
    free (shots);
    return rc < 0;
}

typedef struct {
    char **items;
    size_t count, cap;
} s_args_t;

static void s_arg (s_args_t *self, char *text)
{
    self->items = aut_grow (self->items, &self->cap, self->count + 2, sizeof *self->items);
    self->items[self->count++] = text;
    self->items[self->count] = NULL;
}

/*  The command that a person would write for the same film. */
static s_args_t s_ffmpeg (const char *dir, int clips)
{
    s_args_t args = {0};
    aut_buffer_t graph = {0};
    static const char *const head[] = {"ffmpeg", "-v", "error", "-nostdin", "-y"};
    for (size_t i = 0; i < sizeof head / sizeof *head; i++)
        s_arg (&args, aut_strdup (head[i]));
    for (int i = 0; i < clips; i++) {
        s_arg (&args, aut_strdup ("-i"));
        s_arg (&args, s_clip_path (dir, i));
        aut_buffer_format (&graph,
                           "[%d:v]settb=1/%d,setpts=N,scale=out_color_matrix=bt709:out_range=tv,"
                           "format=yuv420p[v%d];",
                           i, RATE, i);
    }
    for (int i = 1; i < clips; i++)
        aut_buffer_format (&graph, "[%s%d][v%d]xfade=transition=fade:duration=%g:offset=%g[x%d]%s",
                           i == 1 ? "v" : "x", i - 1, i, (double)OVERLAP / RATE,
                           (double)(i * (FRAMES - OVERLAP)) / RATE, i, i + 1 < clips ? ";" : "");
    s_arg (&args, aut_strdup ("-filter_complex"));
    s_arg (&args, aut_buffer_take (&graph, NULL));
    s_arg (&args, aut_strdup ("-map"));
    s_arg (&args, aut_sprintf ("[x%d]", clips - 1));
    static const char *const tail[] = {"-c:v",
                                       "libx264",
                                       "-preset",
                                       "veryfast",
                                       "-crf",
                                       "20",
                                       "-g",
                                       "32",
                                       "-threads",
                                       "4",
                                       "-colorspace",
                                       "bt709",
                                       "-color_primaries",
                                       "bt709",
                                       "-color_trc",
                                       "bt709",
                                       "-color_range",
                                       "tv",
                                       "-movflags",
                                       "+faststart"};
    for (size_t i = 0; i < sizeof tail / sizeof *tail; i++)
        s_arg (&args, aut_strdup (tail[i]));
    s_arg (&args, aut_path_join (dir, "ffmpeg.mp4", NULL));
    return args;
}

static void s_args_clear (s_args_t *self)
{
    for (size_t i = 0; i < self->count; i++)
        free (self->items[i]);
    free (self->items);
}

static int s_measure (s_cost_t *cost, const char *program, char **argv)
{
    struct timespec a, b;
    struct rusage usage;
    pid_t pid = 0;
    int status = 0;
    clock_gettime (CLOCK_MONOTONIC, &a);
    if (posix_spawnp (&pid, program, NULL, NULL, argv, environ) != 0 ||
        wait4 (pid, &status, 0, &usage) < 0)
        return aut_fail_errno ("%s", program);
    clock_gettime (CLOCK_MONOTONIC, &b);
    if (status)
        return aut_fail (AUT_ERR_INTERNAL, "%s failed", program);
    cost->seconds = (double)(b.tv_sec - a.tv_sec) + (double)(b.tv_nsec - a.tv_nsec) / 1e9;
    cost->cpu = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
    cost->mib = (double)usage.ru_maxrss / 1024;
    return 0;
}

static int s_pair (const char *dir, int clips, s_cost_t *ours, s_cost_t *theirs)
{
    char count[16];
    snprintf (count, sizeof count, "%d", clips);
    char *self[] = {
        (char *)"bench_stitch", (char *)"--child", (char *)dir, (char *)"--clips", count, NULL};
    s_args_t command = s_ffmpeg (dir, clips);
    int rc = s_measure (ours, "/proc/self/exe", self);
    if (rc == 0)
        rc = s_measure (theirs, "ffmpeg", command.items);
    s_args_clear (&command);
    return rc;
}

static int s_compare (const void *a, const void *b)
{
    double d = *(const double *)a - *(const double *)b;
    return d < 0 ? -1 : d > 0;
}

static double s_median (double *values, int count)
{
    qsort (values, (size_t)count, sizeof *values, s_compare);
    return values[count / 2];
}

static int s_bench (const char *dir, int clips, int pairs)
{
    double *time = aut_calloc ((size_t)pairs, sizeof *time);
    double *memory = aut_calloc ((size_t)pairs, sizeof *memory);
    double *cpu = aut_calloc ((size_t)pairs, sizeof *cpu);
    s_cost_t ours = {0}, theirs = {0};
    int rc = s_generate (dir, clips);
    for (int i = 0; rc == 0 && i < pairs; i++) {
        rc = s_pair (dir, clips, &ours, &theirs);
        if (rc < 0)
            break;
        time[i] = ours.seconds / theirs.seconds;
        memory[i] = ours.mib / theirs.mib;
        cpu[i] = ours.cpu / theirs.cpu;
        fprintf (stderr,
                 "pair %d: auteur %.2f s (cpu %.2f) %.0f MiB, ffmpeg %.2f s (cpu %.2f) %.0f MiB\n",
                 i + 1, ours.seconds, ours.cpu, ours.mib, theirs.seconds, theirs.cpu, theirs.mib);
    }
    if (rc == 0)
        printf ("{\"bench\":\"stitch\",\"clips\":%d,\"frames\":%d,\"size\":\"%dx%d\",\"pairs\":%d,"
                "\"seconds\":%.2f,\"ffmpeg_seconds\":%.2f,\"time_ratio\":%.3f,\"cpu_ratio\":%.3f,"
                "\"mib\":%.0f,\"ffmpeg_mib\":%.0f,\"memory_ratio\":%.3f}\n",
                clips, clips * FRAMES - (clips - 1) * OVERLAP, WIDTH, HEIGHT, pairs, ours.seconds,
                theirs.seconds, s_median (time, pairs), s_median (cpu, pairs), ours.mib, theirs.mib,
                s_median (memory, pairs));
    else
        fprintf (stderr, "%s\n", aut_error_detail ());
    free (time);
    free (memory);
    free (cpu);
    return rc < 0;
}

int main (int argc, char **argv)
{
    int64_t clips = 20, pairs = 3;
    const char *child = NULL, *keep = NULL;
    const aut_opt_t options[] = {
        {"clips", 0, AUT_OPT_INT, &clips, "N", "number of clips (20)", NULL, 2, 500},
        {"pairs", 0, AUT_OPT_INT, &pairs, "N", "number of pairs of runs (3)", NULL, 1, 100},
        {"keep", 0, AUT_OPT_STRING, &keep, "DIR", "work in DIR and leave it", NULL, 0, 0},
        {"child", 0, AUT_OPT_STRING, &child, "DIR", "stitch once (used by itself)", NULL, 0, 0},
        {0},
    };
    const aut_opt_info_t info = {
        .program = "bench_stitch", .usage = "", .about = "The stitch against ffmpeg."};
    size_t operands = 0;
    aut_opt_result_t parsed = aut_options_parse (&info, options, argc, argv, NULL, &operands);
    if (parsed != AUT_OPT_GO)
        return parsed == AUT_OPT_EXIT_OK ? 0 : 2;
    if (child)
        return s_stitch (child, (int)clips);
    char dir[] = "/tmp/auteur-bench-XXXXXX";
    if (keep ? aut_dir_make (keep) < 0 : !mkdtemp (dir))
        return 1;
    int failed = s_bench (keep ? keep : dir, (int)clips, (int)pairs);
    if (!keep)
        aut_dir_remove (dir);
    return failed;
}
