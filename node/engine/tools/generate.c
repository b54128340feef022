/*  auteur-generate: one model, one clip, no cluster. The engine makes the frames, lib/media writes
 *  them as a lossless mezzanine; this file is the command line, the progress and the defaults.
 *
 *  The clip grows beside its name (CLIP.mkv.part) and gets it when it is whole, so an interrupt
 *  leaves nothing behind. The first one is heard between steps, the second one ends at once.
 */
#include "lib/core/clock.h"
#include "lib/core/error.h"
#include "lib/core/file.h"
#include "lib/core/json.h"
#include "lib/core/mem.h"
#include "lib/core/options.h"
#include "lib/film/registry.h"
#include "lib/media/clip.h"
#include "lib/media/picture.h"
#include "node/engine/engine.h"
#include "node/engine/tools/tool.h"

#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LINE_MS 2000 /* in a pipe, progress is told no more often than this */

static const char about[] =
    "Makes one clip with one model and writes it as a lossless Matroska (FFV1). No cluster is\n"
    "needed.\n"
    "\n"
    "MODEL is a diffusers folder of the Wan family, or ORG/NAME[@REVISION] in the Hugging Face\n"
    "cache. What is not said comes from the folder's model.json, or else from the family: Wan 2.2\n"
    "TI2V makes 121 frames of 1280 x 704 at 24 fps, the others 81 frames of 832 x 480 at 16 fps.\n"
    "Sizes are multiples of 16 (TI2V: 32), frames 1 + 4k. With --image and no size, the clip has "
    "the picture's shape and about as many\n"
    "pixels.\n"
    "\n"
    "The same model, options and seed give the same clip on the same kind of device. On a CPU a\n"
    "clip takes hours: begin with --width 320 --height 192 --frames 17 --steps 10.\n"
    "\n"
    "Examples:\n"
    "  auteur-generate --model Wan-AI/Wan2.1-T2V-1.3B-Diffusers \\\n"
    "      --prompt 'A lighthouse in a storm, waves over the rail' --seed 7 -o lighthouse.mkv\n"
    "  auteur-generate --model ./Wan2.2-TI2V-5B-Diffusers --vram-limit 12G \\\n"
    "      --image still.png --prompt 'The camera rises over the roofs' -o roofs.mkv\n"
    "  ffplay lighthouse.mkv";

typedef struct {
    const char *model, *prompt, *negative, *image, *last, *fit, *device, *dtype, *vram_limit, *out;
    int64_t width, height, frames, steps, seed, threads;
    double guidance, guidance_2, flow_shift, fps;
    bool json;
} arguments_t;

/*  What the model is made for. */
typedef struct {
    double width, height, fps, guidance;
    int64_t frames, steps;
} native_t;

/*  A clip on its way. */
typedef struct {
    const arguments_t *args;
    engine_t *engine;
    const char *device;
    native_t native;
    engine_request_t request;
    engine_report_t report;
    aut_picture_t *first, *last;
    aut_clip_format_t format;
    aut_clip_writer_t *clip;
    aut_hash_t hash;
    uint8_t *rgb; /* one frame */
    bool terminal;
    bool line_open;      /* the terminal's line has no end yet */
    int64_t began, told; /* milliseconds: the first step's end, the last line */
} clip_t;

/* ---- interrupts ------------------------------------------------------------------------------ */

/*  A signal handler has nothing else to look at. */
static volatile sig_atomic_t interrupted;
static char partial[4096];

static void on_signal (int number)
{
    (void)number;
    if (interrupted) {
        unlink (partial);
        _exit (EXIT_INTERRUPTED);
    }
    interrupted = 1;
}

static void catch_signals (const char *out)
{
    struct sigaction action = {.sa_handler = on_signal};
    snprintf (partial, sizeof partial, "%s.part", out);
    sigaction (SIGINT, &action, NULL);
    sigaction (SIGTERM, &action, NULL);
    signal (SIGPIPE, SIG_IGN);
}

/* ---- progress -------------------------------------------------------------------------------- */

static int64_t now_ms (void)
{
    return aut_mono_ms (aut_clock_system ());
}

/*  "2 h 5 min", "3 min 20 s", "4.2 s" */
static void time_text (char text[32], double seconds)
{
    int64_t whole = (int64_t)(seconds + 0.5);
    if (seconds < 10)
        snprintf (text, 32, "%.1f s", seconds);
    else if (whole < 60)
        snprintf (text, 32, "%" PRId64 " s", whole);
    else if (whole < 3600)
        snprintf (text, 32, "%" PRId64 " min %" PRId64 " s", whole / 60, whole % 60);
    else
        snprintf (text, 32, "%" PRId64 " h %" PRId64 " min", whole / 3600, whole % 3600 / 60);
}

/*  One line that is drawn over on a terminal; in a pipe a line now and then, and the last one. */
static void tell (clip_t *self, const char *text, bool final)
{
    int64_t now = now_ms ();
    if (self->terminal) {
        fprintf (stderr, "\r\033[K%s", text);
        self->line_open = true;
    } else if (final || now - self->told >= LINE_MS) {
        fprintf (stderr, "%s\n", text);
        self->told = now;
    }
    fflush (stderr);
}

static void end_line (clip_t *self)
{
    if (self->line_open)
        fputc ('\n', stderr);
    self->line_open = false;
}

/*  The first step has the loading of the weights in it, so a step's time is of those after it. */
static int on_progress (void *ctx, size_t step, size_t steps)
{
    clip_t *self = ctx;
    char text[160], each[32], left[32];
    int64_t now = now_ms ();
    if (step <= 1)
        self->began = now;
    if (step <= 1 || step >= steps) {
        snprintf (text, sizeof text, "step %zu of %zu", step, steps);
    } else {
        double seconds = (double)(now - self->began) / 1000 / (double)(step - 1);
        time_text (each, seconds);
        time_text (left, seconds * (double)(steps - step));
        snprintf (text, sizeof text, "step %zu of %zu, %s a step, %s left", step, steps, each,
                  left);
    }
    tell (self, text, step == steps);
    return 0;
}

static bool on_cancelled (void *ctx)
{
    (void)ctx;
    return interrupted != 0;
}

static void on_notice (void *ctx, const char *text)
{
    end_line (ctx);
    fprintf (stderr, "auteur-generate: %s\n", text);
}

static int on_frame (void *ctx, int64_t index, const float *rgb)
{
    clip_t *self = ctx;
    size_t count = (size_t)self->format.width * self->format.height * 3;
    unsigned bad = 0;
    for (size_t i = 0; i < count; i++) {
        double v = (double)rgb[i];
        bad |= !isfinite (v);
        self->rgb[i] = (uint8_t)(v > 0 ? (v < 1 ? v * 255 + 0.5 : 255) : 0);
    }
    if (bad)
        return aut_fail (AUT_ERR_CORRUPT, "frame %" PRId64 " has values that are not finite",
                         index);
    char text[64];
    snprintf (text, sizeof text, "frame %" PRId64 " of %" PRId64, index + 1, self->request.frames);
    tell (self, text, index + 1 == self->request.frames);
    return aut_clip_writer_frame (self->clip, self->rgb);
}

/* ---- the request ----------------------------------------------------------------------------- */

/*  The multiple of `by` nearest to `value`, at least one. */
static int64_t on_lattice (double value, int64_t by)
{
    int64_t count = (int64_t)(value / (double)by + 0.5);
    return (count > 0 ? count : 1) * by;
}

/*  From the manifest beside the weights if there is one, else from the family. */
static int learn_native (clip_t *self)
{
    const folder_t *folder = engine_folder (self->engine);
    bool tokens = folder->expand_timesteps;
    self->native =
        tokens ? (native_t){1280, 704, 24, 5, 121, 50} : (native_t){832, 480, 16, 5, 81, 50};
    char *path = aut_sprintf ("%s/model.json", folder->path), *text = NULL;
    size_t size = 0;
    aut_registry_t *registry = aut_registry_new ();
    int rc =
        access (path, F_OK) == 0 ? aut_file_read (path, AUT_MANIFEST_MAX_BYTES, &text, &size) : 0;
    if (rc == 0 && text)
        rc = aut_registry_add (registry, path, text, size, true);
    const aut_model_t *model = rc == 0 && text ? aut_registry_at (registry, 0) : NULL;
    if (model && model->video && !model->native) {
        const aut_model_tier_t *tier = &model->tiers[AUT_TIER_STANDARD];
        if (!tier->offered)
            tier = &model->tiers[AUT_TIER_DRAFT];
        double guidance = (double)tier->guidance.units / pow (10, (double)tier->guidance.scale);
        self->native = (native_t){.width = model->width,
                                  .height = model->height,
                                  .fps = (double)model->rate.num / (double)model->rate.den,
                                  .frames = model->frames_max,
                                  .guidance = tier->offered ? guidance : 5,
                                  .steps = tier->offered ? tier->steps : 50};
    }
    aut_registry_destroy (&registry);
    free (text);
    free (path);
    return rc;
}

/*  What is not said of the size: the model's number of pixels, in the shape of the picture. */
static void choose_size (clip_t *self)
{
    const engine_facts_t *facts = engine_facts (self->engine);
    const arguments_t *args = self->args;
    double width = self->native.width, height = self->native.height;
    double shape =
        self->first ? (double)self->first->width / (double)self->first->height : width / height;
    double area = width * height;
    if (args->width && !args->height)
        area = (double)args->width * (double)args->width / shape;
    else if (args->height)
        area = (double)args->height * (double)args->height * shape;
    self->request.width =
        args->width ? args->width : on_lattice (sqrt (area * shape), facts->width_multiple);
    self->request.height =
        args->height ? args->height : on_lattice (sqrt (area / shape), facts->height_multiple);
    int64_t by = facts->frames_multiple, most = self->native.frames - facts->frames_offset;
    self->request.frames = args->frames ? args->frames : facts->frames_offset + most / by * by;
}

/*  Frames a second as a fraction: 23.976 and its like are 24000/1001 …, others a number of
 *  thousandths. */
static int choose_rate (clip_t *self)
{
    double fps = self->args->fps == 0 ? self->native.fps : self->args->fps;
    double whole = floor (fps + 0.5);
    if (!(fps >= 1 && fps <= 240))
        return aut_fail (AUT_ERR_INVALID, "--fps: %g is not between 1 and 240", fps);
    self->format.rate_num = (int32_t)whole;
    self->format.rate_den = 1;
    if (fps != whole) {
        bool ntsc = fabs (fps - whole * 1000 / 1001) < 0.005;
        self->format.rate_num = (int32_t)(ntsc ? whole * 1000 : fps * 1000 + 0.5);
        self->format.rate_den = ntsc ? 1001 : 1000;
    }
    return 0;
}

static int load_picture (aut_picture_t **out, const char *path)
{
    return path ? aut_picture_load (out, path) : 0;
}

/*  Cuts a picture to the clip's shape, unless it shall be squeezed into it, as diffusers does. */
static int give_picture (engine_picture_t *out, aut_picture_t **picture, const clip_t *self)
{
    if (!*picture)
        return 0;
    if (strcmp (self->args->fit, "crop") == 0) {
        aut_picture_t *cut = NULL;
        int rc = aut_picture_crop (&cut, *picture, self->format.width, self->format.height);
        if (rc)
            return rc;
        aut_picture_destroy (picture);
        *picture = cut;
    }
    *out = (engine_picture_t){
        .u8 = (*picture)->rgb, .width = (*picture)->width, .height = (*picture)->height};
    return 0;
}

static int make_request (clip_t *self)
{
    const arguments_t *args = self->args;
    int rc = learn_native (self);
    self->request =
        (engine_request_t){.prompt = args->prompt,
                           .negative = args->negative,
                           .steps = (size_t)(args->steps ? args->steps : self->native.steps),
                           .guidance = args->guidance < 0 ? self->native.guidance : args->guidance,
                           .guidance_2 = args->guidance_2,
                           .flow_shift = args->flow_shift,
                           .seed = (uint64_t)args->seed};
    if (rc == 0)
        rc = load_picture (&self->first, args->image);
    if (rc == 0)
        rc = load_picture (&self->last, args->last);
    if (rc)
        return rc;
    choose_size (self);
    rc = choose_rate (self);
    self->format.width = (uint32_t)self->request.width;
    self->format.height = (uint32_t)self->request.height;
    if (rc == 0)
        rc = give_picture (&self->request.first, &self->first, self);
    if (rc == 0)
        rc = give_picture (&self->request.last, &self->last, self);
    return rc;
}

/* ---- the clip -------------------------------------------------------------------------------- */

static int open_engine (clip_t *self)
{
    const arguments_t *args = self->args;
    self->device = args->device;
    if (strcmp (args->device, "auto") == 0)
        self->device = aten_cuda_count () > 0 ? "cuda:0" : "cpu";
    engine_options_t options = {
        .model = args->model, .device = self->device, .threads = (int)args->threads};
    bool cpu = strcmp (self->device, "cpu") == 0;
    int rc = tool_dtype (&options.dtype, args->dtype ? args->dtype : cpu ? "fp32" : "bf16");
    if (rc == 0 && args->vram_limit)
        rc = aut_options_bytes (&options.memory_limit, "--vram-limit", args->vram_limit);
    return rc ? rc : engine_open (&self->engine, &options);
}

static int make_clip (clip_t *self)
{
    const engine_events_t events = {.frame = on_frame,
                                    .progress = on_progress,
                                    .cancelled = on_cancelled,
                                    .notice = on_notice,
                                    .ctx = self};
    int rc = aut_clip_writer_open (&self->clip, self->args->out, &self->format);
    if (rc)
        return rc;
    self->rgb = aut_try_alloc ((size_t)self->format.width * self->format.height, 3);
    rc = self->rgb ? engine_generate (self->engine, &self->request, &events, &self->report)
                   : AUT_ERR_NOMEM;
    end_line (self);
    if (rc == 0)
        rc = aut_clip_writer_finish (self->clip, NULL, &self->hash);
    return rc;
}

static json_t *result_json (const clip_t *self, double total)
{
    const engine_request_t *r = &self->request;
    const engine_report_t *report = &self->report;
    char hex[AUT_HASH_HEX];
    return json_pack (
        "{s:s, s:I, s:I, s:I, s:f, s:[i,i], s:I, s:I, s:f, s:s, s:s, s:I, s:{s:f, s:f, s:f, s:f}, "
        "s:s}",
        "file", self->args->out, "width", (json_int_t)r->width, "height", (json_int_t)r->height,
        "frames", (json_int_t)r->frames, "fps",
        (double)self->format.rate_num / (double)self->format.rate_den, "rate",
        (int)self->format.rate_num, (int)self->format.rate_den, "seed", (json_int_t)r->seed,
        "steps", (json_int_t)r->steps, "guidance", r->guidance, "device", self->device, "rung",
        engine_rung_name (report->rung), "peak_bytes", (json_int_t)report->peak_bytes, "seconds",
        "text", report->text_seconds, "denoise", report->denoise_seconds, "decode",
        report->decode_seconds, "total", total, "frames_sha256", aut_hash_hex (&self->hash, hex));
}

static int say_result (const clip_t *self, double total)
{
    char time[32];
    if (self->args->json) {
        json_t *json = result_json (self, total);
        char *text = json ? json_dumps (json, JSON_PRESERVE_ORDER | JSON_REAL_PRECISION (9)) : NULL;
        printf ("%s\n", text ? text : "");
        free (text);
        json_decref (json);
    } else {
        time_text (time, total);
        printf ("%s: %" PRId64 " frames of %" PRId64 " x %" PRId64 " at %g fps, seed %" PRIu64
                ", made in %s\n",
                self->args->out, self->request.frames, self->request.width, self->request.height,
                (double)self->format.rate_num / (double)self->format.rate_den, self->request.seed,
                time);
    }
    return fflush (stdout) || ferror (stdout)
               ? aut_fail (AUT_ERR_IO, "standard output cannot be written")
               : 0;
}

static int check_arguments (const arguments_t *args)
{
    if (!args->model || !args->prompt || !args->out)
        return aut_fail (AUT_ERR_INVALID, "say --model, --prompt and -o; --help shows examples");
    if (strcmp (args->fit, "crop") != 0 && strcmp (args->fit, "stretch") != 0)
        return aut_fail (AUT_ERR_INVALID, "--fit: '%s' is neither crop nor stretch", args->fit);
    return 0;
}

static int run (const arguments_t *args)
{
    clip_t self = {.args = args, .terminal = isatty (STDERR_FILENO) == 1};
    int64_t began = now_ms ();
    int rc = check_arguments (args);
    if (rc == 0) {
        catch_signals (args->out);
        rc = open_engine (&self);
    }
    if (rc == 0)
        rc = make_request (&self);
    if (rc == 0)
        rc = make_clip (&self);
    if (rc == 0)
        rc = say_result (&self, (double)(now_ms () - began) / 1000);
    int code = tool_report ("auteur-generate", rc);
    aut_clip_writer_destroy (&self.clip);
    aut_picture_destroy (&self.first);
    aut_picture_destroy (&self.last);
    engine_close (&self.engine);
    free (self.rgb);
    return code;
}

int main (int argc, char **argv)
{
    arguments_t args = {.fit = "crop", .device = "auto", .guidance = -1, .negative = ""};
    const aut_opt_t table[] = {
        {"model", 'm', AUT_OPT_STRING, &args.model, "MODEL",
         "a diffusers folder, or ORG/NAME in the Hugging Face cache", NULL, 0, 0},
        {"prompt", 'p', AUT_OPT_STRING, &args.prompt, "TEXT", "what is seen", NULL, 0, 0},
        {"negative", 'n', AUT_OPT_STRING, &args.negative, "TEXT", "what shall not be seen", NULL, 0,
         0},
        {"image", 'i', AUT_OPT_STRING, &args.image, "FILE", "the first frame", NULL, 0, 0},
        {"last", 0, AUT_OPT_STRING, &args.last, "FILE", "the last frame", NULL, 0, 0},
        {"fit", 0, AUT_OPT_STRING, &args.fit, "crop|stretch",
         "how a picture of another shape becomes a frame (crop)", NULL, 0, 0},
        {"width", 0, AUT_OPT_INT, &args.width, "PIXELS", "of the clip", NULL, 1, 8192},
        {"height", 0, AUT_OPT_INT, &args.height, "PIXELS", "of the clip", NULL, 1, 8192},
        {"frames", 0, AUT_OPT_INT, &args.frames, "N", "how many", NULL, 1, 100000},
        {"steps", 0, AUT_OPT_INT, &args.steps, "N", "of denoising; more is slower and finer", NULL,
         1, 1000},
        {"guidance", 0, AUT_OPT_NUMBER, &args.guidance, "SCALE",
         "how closely the prompt is followed; 1 or less: without, twice as fast", NULL, 0, 1000},
        {"guidance-2", 0, AUT_OPT_NUMBER, &args.guidance_2, "SCALE",
         "the same for the second expert of A14B models (as --guidance)", NULL, 0, 1000},
        {"flow-shift", 0, AUT_OPT_NUMBER, &args.flow_shift, "SHIFT",
         "where the steps lie: 3 suits 480p, 5 suits 720p (the folder's)", NULL, 0, 1000},
        {"seed", 0, AUT_OPT_INT, &args.seed, "N", "of the noise (0)", NULL, 0, INT64_MAX},
        {"fps", 0, AUT_OPT_NUMBER, &args.fps, "RATE", "frames a second (16; TI2V: 24)", NULL, 0, 0},
        {"device", 'd', AUT_OPT_STRING, &args.device, "DEVICE",
         "cpu, cuda:N or auto, which is a GPU if there is one (auto)", NULL, 0, 0},
        {"dtype", 0, AUT_OPT_STRING, &args.dtype, "TYPE",
         "fp32 or bf16 (fp32 on the cpu, bf16 on CUDA)", NULL, 0, 0},
        {"threads", 0, AUT_OPT_INT, &args.threads, "N", "on the cpu (one for each core)", NULL, 0,
         1024},
        {"vram-limit", 0, AUT_OPT_STRING, &args.vram_limit, "BYTES",
         "device memory to stay within, with K, M, G or T (all there is)", "AUTEUR_VRAM_LIMIT", 0,
         0},
        {"json", 0, AUT_OPT_FLAG, &args.json, NULL, "print the result as JSON", NULL, 0, 0},
        {"output", 'o', AUT_OPT_STRING, &args.out, "CLIP.mkv", "where to write", NULL, 0, 0},
        {NULL, 0, AUT_OPT_FLAG, NULL, NULL, NULL, NULL, 0, 0},
    };
    const aut_opt_info_t info = {.program = "auteur-generate",
                                 .usage = "--model MODEL --prompt TEXT [--image FILE] -o CLIP.mkv",
                                 .about = about};
    aut_opt_result_t parsed = aut_options_parse (&info, table, argc, argv, NULL, NULL);
    if (parsed == AUT_OPT_EXIT_OK)
        return ferror (stdout) ? EXIT_FAILED : EXIT_DONE;
    return parsed == AUT_OPT_GO ? run (&args) : EXIT_USAGE;
}
