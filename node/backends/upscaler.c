#include "node/backends/upscaler.h"

#include "lib/core/error.h"
#include "lib/core/mem.h"
#include "node/backends/wan_probe.h"
#include "node/engine/upscaler.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct {
    upscaler_t *engine;
    char memory[48]; /* of the last frame, for the report */
} state_t;

static int upscaler_probe (const aut_model_ref_t *model)
{
    return aut_upscaler_probe (model);
}

static void upscaler_unload (void *state)
{
    state_t *self = state;
    if (!self)
        return;
    upscaler_close (&self->engine);
    free (self);
}

static int upscaler_load (void **state, const aut_model_ref_t *model)
{
    *state = NULL;
    int rc = aut_upscaler_probe (model);
    if (rc < 0)
        return rc;
    const upscaler_options_t options = {.model = model->weights,
                                        .device = model->device->name,
                                        .threads = (int)model->device->threads,
                                        .memory_limit = model->device->memory_limit};
    state_t *self = aut_calloc (1, sizeof *self);
    rc = upscaler_open (&self->engine, &options);
    if (rc < 0)
        upscaler_unload (self);
    else
        *state = self;
    return rc;
}

/*  Tiles are what a frame takes seconds for, and the engine does not stop between them: a
 * cancellation is seen before the frame. */
static int upscaler_upscale (void *state, const aut_picture_t *frame, bool (*cancelled) (void *ctx),
                             void *ctx, aut_picture_t **out)
{
    state_t *self = state;
    int64_t scale = upscaler_facts (self->engine)->scale;
    *out = NULL;
    if (cancelled && cancelled (ctx))
        return aut_fail (AUT_ERR_CANCELLED, "cancelled");
    if (frame->width > UPSCALER_SIDE_MAX / scale || frame->height > UPSCALER_SIDE_MAX / scale)
        return aut_fail (AUT_ERR_TOO_LARGE, "%ux%u cannot be enlarged %" PRId64 " times",
                         frame->width, frame->height, scale);
    int rc = aut_picture_new (out, frame->width * (uint32_t)scale, frame->height * (uint32_t)scale);
    if (rc == 0)
        rc = upscaler_frame_u8 (self->engine, frame->rgb, frame->width, frame->height, (*out)->rgb);
    if (rc < 0)
        aut_picture_destroy (out);
    return rc;
}

static void upscaler_tell (const void *state, aut_generate_report_t *out)
{
    state_t *self = (state_t *)state;
    upscaler_report_t report;
    upscaler_report (self->engine, &report);
    snprintf (self->memory, sizeof self->memory, "%" PRId64 "x%" PRId64 " tiles", report.columns,
              report.rows);
    *out = (aut_generate_report_t){.revision = "",
                                   .weights = "",
                                   .precision = "fp32",
                                   .memory = self->memory,
                                   .peak_bytes = report.peak_bytes};
}

const aut_backend_t aut_backend_upscaler = {
    .name = "upscaler",
    .probe = upscaler_probe,
    .load = upscaler_load,
    .upscale = upscaler_upscale,
    .unload = upscaler_unload,
    .report = upscaler_tell,
};
