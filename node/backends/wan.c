/*  The engine as a backend: what a chunk's spec becomes.
 *
 *    size, frames, steps, seed, prompt, negative, guidance
 *                   as they are; the flow's shift is the folder's
 *    a tail         its last K = 1 + k·m frames, as many as the model takes; float to float,
 *                   never 8 bits
 *    init.image     the part from its middle that has the clip's shape, which the engine resizes
 *                   as the reference does: never squeezed
 *    last           the same, as the last picture
 *    cards          are in the prompt already; their pictures are not used
 *
 *  A model runs in bf16 on CUDA and in fp32 on the CPU, if its manifest has both. The engine loads
 *  each part when a chunk first needs it, and goes down its own ladder when memory is short; what
 *  comes out of here as AUT_ERR_DEVICE_MEMORY is for a bigger device.
 */
#include "node/backends/wan.h"

#include "lib/core/error.h"
#include "lib/core/log.h"
#include "lib/core/mem.h"
#include "lib/film/rational.h"
#include "node/backends/wan_probe.h"
#include "node/engine/engine.h"
#include "node/engine/weights_hash.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
    engine_t *engine;
    aut_dtype_t dtype;
    char weights[AUT_HASH_HEX];
    engine_report_t report; /* of the last chunk */
} wan_t;

/*  One call of generate. */
typedef struct {
    const aut_generate_in_t *in;
    const aut_generate_out_t *out;
    engine_request_t request;
    aut_picture_t *first, *last; /* cut to shape, or NULL */
} job_t;

/* ---- loading --------------------------------------------------------------------------------- */

static aut_dtype_t choose_dtype (const aut_model_ref_t *model)
{
    bool fp32 = !model->precisions || model->precisions >> AUT_PRECISION_FP32 & 1u;
    bool bf16 = !model->precisions || model->precisions >> AUT_PRECISION_BF16 & 1u;
    bool cpu = strcmp (model->device->name, "cpu") == 0;
    return (cpu && fp32) || !bf16 ? AUT_DTYPE_F32 : AUT_DTYPE_BF16;
}

static void wan_unload (void *state)
{
    wan_t *self = state;
    if (!self)
        return;
    engine_close (&self->engine);
    free (self);
}

static int wan_load (void **state, const aut_model_ref_t *model)
{
    *state = NULL;
    int rc = aut_wan_probe (model);
    if (rc < 0)
        return rc;
    wan_t *self = aut_calloc (1, sizeof *self);
    self->dtype = choose_dtype (model);
    engine_options_t options = {.model = model->weights,
                                .device = model->device->name,
                                .dtype = self->dtype,
                                .threads = (int)model->device->threads,
                                .memory_limit = model->device->memory_limit};
    rc = engine_open (&self->engine, &options);
    if (rc == 0) {
        char *cache = weights_hash_cache ();
        rc = weights_hash_model (engine_folder (self->engine), cache, self->weights);
        free (cache);
    }
    if (rc < 0)
        wan_unload (self);
    else
        *state = self;
    return rc;
}

static void wan_trim (void *state)
{
    wan_t *self = state;
    engine_trim (self->engine);
}

/* ---- from spec to request -------------------------------------------------------------------- */

static int read_guidance (double *out, const char *text)
{
    aut_decimal_t value = {0};
    int rc = text ? aut_decimal_parse (&value, text, strlen (text)) : 0;
    if (rc < 0)
        return aut_fail_in (rc, "guidance");
    *out = (double)value.units;
    for (int i = 0; i < value.scale; i++)
        *out /= 10;
    return 0;
}

/*  A picture's middle in the clip's shape. The same shape is left alone, so that nothing but the
 *  engine's own resize touches it. */
static int take_picture (engine_picture_t *out, aut_picture_t **cut, const aut_picture_t *picture,
                         const aut_task_spec_t *spec)
{
    const aut_picture_t *use = picture;
    if (!picture)
        return 0;
    if ((uint64_t)picture->width * spec->height != (uint64_t)picture->height * spec->width) {
        int rc = aut_picture_crop (cut, picture, spec->width, spec->height);
        if (rc < 0)
            return rc;
        use = *cut;
    }
    *out = (engine_picture_t){.u8 = use->rgb, .width = use->width, .height = use->height};
    return 0;
}

/*  The last frames of the tail that the model takes. What the worker drops from the clip must be
 * what the clip repeats, or frames would be lost at the seam. */
static int take_tail (job_t *job, const engine_facts_t *facts)
{
    const aut_generate_in_t *in = job->in;
    const aut_task_spec_t *spec = in->spec;
    if (!in->tail || in->tail_frames == 0) {
        if (spec->has_after || spec->init == AUT_INIT_AFTER)
            return aut_fail (AUT_ERR_INVALID,
                             "the chunk goes on from another one, but there is no tail");
        return 0;
    }
    int64_t most = in->tail_frames;
    if (most > facts->tail_max)
        most = facts->tail_max;
    if (most >= spec->frames)
        most = (int64_t)spec->frames - 1;
    if (most < 1)
        return aut_fail (AUT_ERR_INVALID,
                         facts->tail_max < 1
                             ? "this model makes clips from text alone and cannot go "
                               "on from another one"
                             : "a chunk of one frame cannot go on from another one");
    int64_t by = facts->frames_multiple, count = 1 + (most - 1) / by * by;
    if (spec->drop > count || (spec->drop > 0 && (spec->drop - 1) % by != 0))
        return aut_fail (
            AUT_ERR_INVALID,
            "%u frames of the chunk before shall be repeated, and this model repeats "
            "1 + %lld·k, at most %lld of the %u there are: its manifest's tail does not "
            "fit its weights",
            spec->drop, (long long)by, (long long)count, in->tail_frames);
    if (spec->drop > 0)
        count = spec->drop;
    size_t frame = (size_t)spec->width * spec->height * 3;
    job->request.tail = in->tail + (size_t)(in->tail_frames - count) * frame;
    job->request.tail_frames = count;
    return 0;
}

static int make_request (job_t *job, const engine_facts_t *facts)
{
    const aut_task_spec_t *spec = job->in->spec;
    job->request = (engine_request_t){.prompt = spec->prompt,
                                      .negative = spec->negative,
                                      .width = spec->width,
                                      .height = spec->height,
                                      .frames = spec->frames,
                                      .steps = spec->steps,
                                      .seed = spec->seed};
    int rc = read_guidance (&job->request.guidance, spec->guidance);
    if (rc == 0)
        rc = take_tail (job, facts);
    if (rc == 0 && !job->request.tail)
        rc = take_picture (&job->request.first, &job->first, job->in->init, spec);
    if (rc == 0)
        rc = take_picture (&job->request.last, &job->last, job->in->last, spec);
    return rc;
}

/* ---- the engine's events --------------------------------------------------------------------- */

static int on_frame (void *ctx, int64_t index, const float *rgb)
{
    const aut_generate_out_t *out = ((const job_t *)ctx)->out;
    return out->frame (out->ctx, (uint32_t)index, rgb);
}

static int on_progress (void *ctx, size_t step, size_t steps)
{
    const aut_generate_out_t *out = ((const job_t *)ctx)->out;
    return out->progress ? out->progress (out->ctx, (uint32_t)step, (uint32_t)steps) : 0;
}

static bool on_cancelled (void *ctx)
{
    const aut_generate_out_t *out = ((const job_t *)ctx)->out;
    return out->cancelled && out->cancelled (out->ctx);
}

static bool on_preview_due (void *ctx)
{
    const aut_generate_out_t *out = ((const job_t *)ctx)->out;
    return out->preview_due && out->preview_due (out->ctx);
}

static void on_preview (void *ctx, int64_t width, int64_t height, const float *rgb)
{
    const aut_generate_out_t *out = ((const job_t *)ctx)->out;
    out->preview (out->ctx, (uint32_t)width, (uint32_t)height, rgb);
}

static void on_notice (void *ctx, const char *text)
{
    (void)ctx;
    aut_log (AUT_LOG_WARN, "engine", "%s", text);
}

static int wan_generate (void *state, const aut_generate_in_t *in, const aut_generate_out_t *out)
{
    wan_t *self = state;
    job_t job = {.in = in, .out = out};
    engine_events_t events = {.frame = on_frame,
                              .progress = on_progress,
                              .cancelled = on_cancelled,
                              .preview_due = on_preview_due,
                              .preview = on_preview,
                              .notice = on_notice,
                              .ctx = &job};
    self->report = (engine_report_t){0};
    int rc = make_request (&job, engine_facts (self->engine));
    if (rc == 0)
        rc = engine_generate (self->engine, &job.request, &events, &self->report);
    aut_picture_destroy (&job.first);
    aut_picture_destroy (&job.last);
    return rc;
}

static void wan_report (const void *state, aut_generate_report_t *out)
{
    const wan_t *self = state;
    const engine_report_t *report = &self->report;
    *out = (aut_generate_report_t){.revision = engine_folder (self->engine)->revision,
                                   .weights = self->weights,
                                   .precision = self->dtype == AUT_DTYPE_BF16 ? "bf16" : "fp32",
                                   .memory = engine_rung_name (report->rung),
                                   .peak_bytes = report->peak_bytes,
                                   .text_seconds = report->text_seconds,
                                   .denoise_seconds = report->denoise_seconds,
                                   .decode_seconds = report->decode_seconds};
}

const aut_backend_t aut_backend_wan = {
    .name = "wan",
    .probe = aut_wan_probe,
    .load = wan_load,
    .generate = wan_generate,
    .unload = wan_unload,
    .trim = wan_trim,
    .report = wan_report,
};
