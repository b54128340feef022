/*  See task.h. */
#include "node/worker/task.h"

#include "lib/core/buffer.h"
#include "lib/core/clock.h"
#include "lib/core/error.h"
#include "lib/core/file.h"
#include "lib/core/json.h"
#include "lib/core/mem.h"
#include "lib/core/peak.h"
#include "node/worker/fault.h"
#include "node/worker/output.h"
#include "node/worker/preview.h"
#include "node/worker/tail.h"
#include "node/worker/upscale.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PROGRESS_MS 200

typedef struct {
    const aut_worker_env_t *env;
    const aut_worker_task_t *task;
    aut_task_spec_t spec;
    aut_loaded_t *loaded; /* what the task needs: the environment's one or the other */
    aut_tail_t tail;
    aut_picture_t *init, *last;
    aut_picture_t *images; /* one a card; rgb NULL where there is none */
    aut_output_t *output;
    aut_worker_progress_t progress;
    aut_generate_report_t report; /* of a backend that gives one */
    int64_t told_at;
    int64_t preview_at; /* when one was asked for */
} run_t;

static int64_t now_ms (void)
{
    return aut_mono_ms (aut_clock_system ());
}

/*  Inputs */

static const char *find_input (const aut_worker_task_t *task, const char *role, const char *key)
{
    for (size_t i = 0; i < task->input_count; i++)
        if (strcmp (task->inputs[i].role, role) == 0 &&
            (!key || strcmp (task->inputs[i].key, key) == 0))
            return task->inputs[i].path;
    return NULL;
}

/*  A picture by its hash, whatever its role: one file may be the first frame and an ingredient. */
static int load_picture (aut_picture_t **out, const aut_worker_task_t *task, const aut_hash_t *hash)
{
    char hex[AUT_HASH_HEX];
    aut_hash_hex (hash, hex);
    for (size_t i = 0; i < task->input_count; i++)
        if (strcmp (task->inputs[i].key, hex) == 0)
            return aut_picture_load (out, task->inputs[i].path);
    return aut_fail (AUT_ERR_INVALID, "the picture %s is missing from the task's inputs", hex);
}

static int load_cards (run_t *self)
{
    int rc = 0;
    self->images = aut_calloc (self->spec.card_count + 1, sizeof *self->images);
    for (size_t i = 0; i < self->spec.card_count && rc == 0; i++) {
        aut_picture_t *picture = NULL;
        if (!self->spec.cards[i].has_image)
            continue;
        rc = load_picture (&picture, self->task, &self->spec.cards[i].image);
        if (rc < 0)
            break;
        self->images[i] = *picture; /* takes the pixels over */
        picture->rgb = NULL;
        aut_picture_destroy (&picture);
    }
    return rc;
}

static int load_tail (run_t *self)
{
    const aut_task_spec_t *spec = &self->spec;
    if (spec->kind == AUT_TASK_UPSCALE || (!spec->has_after && spec->init != AUT_INIT_AFTER))
        return 0;
    const char *path = find_input (self->task, "tail", NULL);
    if (!path && spec->init == AUT_INIT_AFTER)
        path = find_input (self->task, "init", NULL);
    if (!path)
        return aut_fail (AUT_ERR_INVALID, "the predecessor's tail is missing from the inputs");
    uint32_t want = spec->tail ? spec->tail : 1;
    return aut_tail_read (&self->tail, path, want, spec->width, spec->height);
}

static int load_inputs (run_t *self)
{
    const aut_task_spec_t *spec = &self->spec;
    int rc = load_tail (self);
    if (rc == 0 && spec->init == AUT_INIT_IMAGE)
        rc = load_picture (&self->init, self->task, &spec->init_hash);
    if (rc == 0 && spec->has_last)
        rc = load_picture (&self->last, self->task, &spec->last_hash);
    return rc < 0 ? rc : load_cards (self);
}

/*  The backend's callbacks */

static void tell (run_t *self, bool must)
{
    int64_t now = now_ms ();
    if (!must && now - self->told_at < PROGRESS_MS)
        return;
    self->told_at = now;
    self->env->progress (self->env->ctx, &self->progress);
}

static bool on_cancelled (void *ctx)
{
    const run_t *self = ctx;
    return self->env->cancelled (self->env->ctx);
}

static int on_progress (void *ctx, uint32_t step, uint32_t steps)
{
    run_t *self = ctx;
    self->progress.step = step;
    self->progress.steps = steps;
    tell (self, false);
    return 0;
}

/*  What it is at, as bytes; NULL if there is nothing to see. */
static aut_picture_t *see (uint32_t width, uint32_t height, const float *rgb)
{
    aut_picture_t *picture = NULL;
    if (aut_picture_new (&picture, width, height) < 0)
        return NULL;
    size_t values = (size_t)width * height * 3;
    bool finite = true;
    for (size_t i = 0; i < values && finite; i++) {
        finite = isfinite (rgb[i]);
        picture->rgb[i] = finite ? aut_quantise (rgb[i]) : 0;
    }
    if (!finite)
        aut_picture_destroy (&picture);
    return picture;
}

/*  A picture that cannot be made is none: the chunk goes on. */
static void on_preview (void *ctx, uint32_t width, uint32_t height, const float *rgb)
{
    run_t *self = ctx;
    uint8_t *data = NULL;
    size_t size = 0;
    aut_picture_t *picture = see (width, height, rgb);
    if (picture && aut_preview_png (&data, &size, picture) == 0) {
        self->progress.preview = data;
        self->progress.preview_size = size;
        tell (self, true);
        self->progress.preview = NULL;
        self->progress.preview_size = 0;
    }
    free (data);
    aut_picture_destroy (&picture);
    aut_preview_made (&self->env->loaded->previews, self->preview_at, now_ms ());
}

static bool on_preview_due (void *ctx)
{
    run_t *self = ctx;
    self->preview_at = now_ms ();
    return aut_preview_is_due (&self->env->loaded->previews, self->preview_at);
}

static int on_frame (void *ctx, uint32_t index, const float *rgb)
{
    run_t *self = ctx;
    if (on_cancelled (self))
        return aut_fail (AUT_ERR_CANCELLED, "cancelled");
    int rc = aut_fault_before_frame (self->env->fault, self->spec.prompt, index, self->spec.frames);
    if (rc == 0)
        rc = aut_output_frame (self->output, index, rgb);
    self->progress.frame = index + 1;
    tell (self, false);
    if (rc == 0 && on_preview_due (self))
        on_preview (self, self->spec.width, self->spec.height, rgb);
    return rc;
}

static int generate_once (run_t *self)
{
    aut_loaded_t *loaded = self->loaded;
    aut_generate_in_t in = {.spec = &self->spec,
                            .tail = self->tail.rgb,
                            .tail_frames = self->tail.count,
                            .init = self->init,
                            .last = self->last,
                            .images = self->images,
                            .image_count = self->spec.card_count};
    aut_generate_out_t out = {.frame = on_frame,
                              .progress = on_progress,
                              .cancelled = on_cancelled,
                              .preview_due = on_preview_due,
                              .preview = on_preview,
                              .ctx = self};
    self->progress.step = self->progress.frame = 0;
    aut_preview_begin (&loaded->previews, now_ms ());
    aut_output_destroy (&self->output);
    int rc = aut_output_new (&self->output, &self->spec, self->task->out_dir);
    tell (self, true);
    return rc < 0 ? rc : loaded->backend->generate (loaded->state, &in, &out);
}

static int on_enlarged (void *ctx, uint32_t index, const uint8_t *rgb)
{
    run_t *self = ctx;
    int rc = aut_fault_before_frame (self->env->fault, "upscale", index, self->spec.frames);
    if (rc == 0)
        rc = aut_output_bytes (self->output, index, rgb);
    self->progress.frame = index + 1;
    tell (self, false);
    return rc;
}

static int upscale_once (run_t *self, const char *path)
{
    aut_upscale_out_t out = {.frame = on_enlarged, .cancelled = on_cancelled, .ctx = self};
    self->progress.step = self->progress.frame = 0;
    aut_output_destroy (&self->output);
    int rc = aut_output_new (&self->output, &self->spec, self->task->out_dir);
    tell (self, true);
    return rc < 0 ? rc : aut_upscale_clip (&self->spec, path, self->loaded, &out);
}

/*  On a device that is full of another model that one goes, and comes back when it is needed. */
static int upscale (run_t *self)
{
    const char *path = find_input (self->task, "frames", NULL);
    if (!path)
        return aut_fail (AUT_ERR_INVALID, "the frames to be enlarged are missing from the inputs");
    int rc = upscale_once (self, path);
    if (rc == AUT_ERR_DEVICE_MEMORY && self->env->loaded->model) {
        aut_loaded_clear (self->env->loaded);
        rc = upscale_once (self, path);
    }
    return rc;
}

static int generate (run_t *self)
{
    const aut_loaded_t *loaded = self->loaded;
    if (!loaded->backend->generate)
        return aut_fail (AUT_ERR_INVALID, "model %s makes no video", self->spec.model);
    int rc = generate_once (self);
    if (rc == AUT_ERR_DEVICE_MEMORY && loaded->backend->trim) {
        loaded->backend->trim (loaded->state);
        rc = generate_once (self);
    }
    return rc;
}

/*  Figures */

/*  Canonical JSON has integers and strings only. */
static char *write_seconds (char text[32], double seconds)
{
    snprintf (text, 32, "%" PRId64 ".%03d", (int64_t)seconds,
              (int)((seconds - (double)(int64_t)seconds) * 1000));
    return text;
}

/*  What the backend tells of its run; NULL from one that tells nothing. */
static json_t *engine_json (const aut_generate_report_t *report)
{
    char seconds[3][32];
    const double stages[3] = {report->text_seconds, report->denoise_seconds,
                              report->decode_seconds};
    for (size_t i = 0; i < 3; i++)
        write_seconds (seconds[i], stages[i]);
    return json_pack ("{s:s, s:s, s:s, s:s, s:I, s:{s:s, s:s, s:s}}", "weights_revision",
                      report->revision, "weights_sha256", report->weights, "precision",
                      report->precision, "memory", report->memory, "peak_bytes",
                      (json_int_t)report->peak_bytes, "seconds", "text", seconds[0], "denoise",
                      seconds[1], "decode", seconds[2]);
}

static int write_metadata (const run_t *self, const aut_hash_t *frames, double seconds,
                           uint64_t peak)
{
    char hex[AUT_HASH_HEX], text[32];
    const aut_loaded_t *loaded = self->loaded;
    json_t *files = json_array ();
    for (size_t i = 0; i < self->spec.file_count; i++) {
        char file[AUT_HASH_HEX];
        json_array_append_new (files,
                               json_pack ("{s:s, s:s}", "name", self->spec.files[i].name, "hash",
                                          aut_hash_hex (&self->spec.files[i].hash, file)));
    }
    json_t *value =
        json_pack ("{s:s, s:s, s:I, s:I, s:{s:s, s:s, s:o}, s:s}", "seconds",
                   write_seconds (text, seconds), "device", loaded->device.name, "peak_bytes",
                   (json_int_t)peak, "frames", (json_int_t)self->spec.keep, "model", "id",
                   self->spec.model, "revision", self->spec.revision ? self->spec.revision : "",
                   "files", files, "frames_sha256", aut_hash_hex (frames, hex));
    if (!value)
        return aut_fail (AUT_ERR_INTERNAL, "a result's metadata cannot be written");
    if (loaded->backend->report)
        json_object_set_new (value, "engine", engine_json (&self->report));
    size_t size;
    char *json = aut_json_canonical (value, &size);
    char *path = aut_path_join (self->task->out_dir, AUT_OUTPUT_METADATA, NULL);
    int rc = aut_file_write (path, json, size);
    free (path);
    free (json);
    json_decref (value);
    return rc;
}

static int finish (run_t *self, int64_t began, aut_worker_result_t *result)
{
    aut_hash_t frames;
    int rc = aut_output_finish (self->output, &frames);
    if (rc < 0)
        return rc;
    self->progress.frame = self->progress.frames;
    tell (self, true);
    *result = (aut_worker_result_t){.id = self->task->id,
                                    .mezzanine = AUT_OUTPUT_MEZZANINE,
                                    .metadata = AUT_OUTPUT_METADATA,
                                    .tail = self->spec.tail_out ? AUT_OUTPUT_TAIL : NULL,
                                    .preview = AUT_OUTPUT_PREVIEW,
                                    .seconds = (double)(now_ms () - began) / 1000,
                                    .peak_bytes = aut_peak_bytes ()};
    const aut_loaded_t *loaded = self->loaded;
    if (loaded->backend->report)
        loaded->backend->report (loaded->state, &self->report);
    if (self->report.peak_bytes && strcmp (loaded->device.name, "cpu") != 0)
        result->peak_bytes = self->report.peak_bytes; /* the device's is what is scarce */
    return write_metadata (self, &frames, result->seconds, result->peak_bytes);
}

static void clear (run_t *self)
{
    aut_output_destroy (&self->output);
    for (size_t i = 0; self->images && i < self->spec.card_count; i++)
        free (self->images[i].rgb);
    free (self->images);
    aut_picture_destroy (&self->init);
    aut_picture_destroy (&self->last);
    aut_tail_clear (&self->tail);
    aut_task_spec_clear (&self->spec);
}

int aut_worker_run (const aut_worker_env_t *env, const aut_worker_task_t *task,
                    aut_worker_result_t *result)
{
    run_t self = {.env = env, .task = task, .progress = {.id = task->id}};
    int rc = aut_task_spec_parse (&self.spec, (const char *)task->spec, task->spec_size);
    if (rc < 0)
        return rc;
    int64_t began = now_ms ();
    aut_peak_reset ();
    self.loaded = self.spec.kind == AUT_TASK_UPSCALE ? env->upscaler : env->loaded;
    self.progress.frames = self.spec.frames;
    self.progress.steps = self.spec.steps;
    rc = load_inputs (&self);
    if (rc == 0)
        rc = aut_loaded_ensure (self.loaded, &self.spec);
    if (rc == 0)
        rc = self.spec.kind == AUT_TASK_UPSCALE ? upscale (&self) : generate (&self);
    if (rc == 0)
        rc = finish (&self, began, result);
    clear (&self);
    return rc;
}
