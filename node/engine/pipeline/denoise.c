/*  From noise to latents: for each σ the transformer's velocity, guided, and the scheduler's step.
 *
 *  Classifier-free guidance (arXiv 2207.12598): v = u + s·(c − u), in the model's type. With two
 *  experts (Wan 2.2 A14B) the first takes the noisy steps, t ≥ boundary_ratio·1000, the second the
 *  rest, with a guidance of its own.
 */
#include "node/engine/pipeline/pipeline.h"

#include "lib/core/error.h"
#include "lib/core/mem.h"

#include <stdio.h>
#include <stdlib.h>

static size_t expert_of (const run_t *run, double t)
{
    const folder_t *folder = run->stages->folder;
    return folder->boundary_ratio > 0 &&
           t < folder->boundary_ratio * scheduler_range (run->scheduler);
}

static double guidance_of (const run_t *run, size_t expert)
{
    const engine_request_t *r = run->request;
    return expert && r->guidance_2 > 0 ? r->guidance_2 : r->guidance;
}

void pipeline_timestep (run_t *run, double t)
{
    run->timestep_count = 1;
    run->timesteps = aut_realloc (run->timesteps, 1, sizeof *run->timesteps);
    run->timesteps[0] = (float)t;
}

void pipeline_token_timesteps (run_t *run, double t, int64_t fixed, const int64_t patch[3])
{
    const int64_t *d = run->latent_dims;
    int64_t frame = (d[3] / patch[1]) * (d[4] / patch[2]), frames = d[2] / patch[0];
    run->timestep_count = (size_t)(frame * frames);
    run->timesteps = aut_realloc (run->timesteps, run->timestep_count, sizeof *run->timesteps);
    for (size_t i = 0; i < run->timestep_count; i++)
        run->timesteps[i] = (int64_t)i / frame * patch[0] < fixed ? 0.0f : (float)t;
}

/*  What the model is told, as the reference's tensor: (1) of whole numbers, or (1, N) fp32. */
static void show_timesteps (run_t *run)
{
    aten_t *c = run->c;
    if (!tap_wants (run->tap, "input.timestep"))
        return;
    aten_scope_t s = aten_open (c);
    tensor_t *t;
    int64_t n = (int64_t)run->timestep_count;
    if (run->stages->folder->expand_timesteps)
        t = aten_from_host (c, run->timesteps, AUT_DTYPE_F32, DIMS (1, n));
    else
        t = aten_from_host (c, run->timesteps, AUT_DTYPE_F32, DIMS (1));
    if (n == 1 && scheduler_is_integer (run->scheduler))
        t = aten_to (c, t, AUT_DTYPE_I64);
    tap (run->tap, c, t, "input.timestep");
    aten_close (c, s, NULL);
}

/*  One forward, seen under `branch` ("cond") if anybody shall see it. */
static tensor_t *velocity (run_t *run, wan_transformer_t *model, tensor_t *input, tensor_t *text,
                           tap_t *tap, const char *branch)
{
    wan_transformer_in_t in = {
        .latents = input,
        .timesteps = run->timesteps,
        .timestep_count = run->timestep_count,
        .text = text,
        .image = run->image,
    };
    size_t at = tap_enter (tap, "%s", branch);
    tensor_t *v = wan_transformer_forward (model, &in, tap);
    tap_leave (tap, at);
    return v;
}

/*  x_σ(i) → x_σ(i + 1). Each expert's first forward is seen. */
static tensor_t *step (run_t *run, size_t i, tensor_t *latents, bool seen[2])
{
    aten_t *c = run->c;
    double t = scheduler_timestep (run->scheduler, i);
    size_t expert = expert_of (run, t);
    wan_transformer_t *model = stages_expert (run->stages, expert);
    if (!model)
        return NULL;
    tap_t *tap_here = seen[expert] ? NULL : run->tap;
    aten_scope_t s = aten_open (c);
    size_t at = tap_enter (tap_here, expert ? "transformer_2" : "transformer");

    tensor_t *x = run->pipeline->input (run, latents, t);
    tap (tap_here, c, x, "input.hidden_states");
    if (tap_here)
        show_timesteps (run);
    tensor_t *v = velocity (run, model, x, run->prompt, tap_here, "cond");
    if (run->guided) {
        tensor_t *u = velocity (run, model, x, run->negative, tap_here, "uncond");
        v = aten_mul_scalar (c, aten_sub (c, v, u), guidance_of (run, expert));
        v = aten_add_ (c, v, u);
    }
    tap_leave (tap_here, at);

    /* looked at before the step, which may be made again only if all until its end is */
    if (v && !aten_is_finite (c, v) && aten_status (c) == 0)
        aten_fail (c, AUT_ERR_CORRUPT,
                   "%s: the latents are not finite after step %zu of %zu: the weights are damaged, "
                   "or do not fit %s arithmetic",
                   expert ? "transformer_2" : "transformer", i + 1,
                   scheduler_steps (run->scheduler),
                   run->stages->dtype == AUT_DTYPE_BF16 ? "bf16" : "fp32");
    tensor_t *next = scheduler_step (run->scheduler, i, v, latents);
    seen[expert] = seen[expert] || aten_status (c) == 0;
    pipeline_preview (run, i, latents, v);
    return aten_close (c, s, next);
}

static void show_schedule (run_t *run)
{
    aten_t *c = run->c;
    if (!tap_wants (run->tap, "scheduler.timesteps") && !tap_wants (run->tap, "scheduler.sigmas"))
        return;
    int64_t n = (int64_t)scheduler_steps (run->scheduler);
    double values[SCHEDULER_STEPS_MAX + 1];
    aten_scope_t s = aten_open (c);
    for (int64_t i = 0; i < n; i++)
        values[i] = scheduler_timestep (run->scheduler, (size_t)i);
    tensor_t *t = aten_from_host (c, values, AUT_DTYPE_F64, DIMS (n));
    bool integer = scheduler_is_integer (run->scheduler);
    tap (run->tap, c, aten_to (c, t, integer ? AUT_DTYPE_I64 : AUT_DTYPE_F32),
         "scheduler.timesteps");
    for (int64_t i = 0; i <= n; i++)
        values[i] = scheduler_sigma (run->scheduler, (size_t)i);
    t = aten_from_host (c, values, AUT_DTYPE_F64, DIMS (n + 1));
    tap (run->tap, c, aten_to (c, t, AUT_DTYPE_F32), "scheduler.sigmas");
    aten_close (c, s, NULL);
}

/*  After an error: true if the step shall be made again, one rung down. */
bool pipeline_step_down (run_t *run)
{
    aten_t *c = run->c;
    if (aten_status (c) != AUT_ERR_DEVICE_MEMORY)
        return false;
    char *why = aut_strdup (aut_error_detail ());
    aten_clear (c);
    bool down = stages_step_down (run->stages);
    if (!down) {
        aten_fail (c, AUT_ERR_DEVICE_MEMORY, "%s; nothing is left to free", why);
    } else if (run->events->notice) {
        char *text = aut_sprintf ("out of memory (%s): going on with '%s'", why,
                                  engine_rung_name (run->stages->rung));
        run->events->notice (run->events->ctx, text);
        free (text);
    }
    free (why);
    return down;
}

static int after_step (run_t *run, size_t done)
{
    const engine_events_t *e = run->events;
    int rc = 0;
    if (e->progress)
        rc = e->progress (e->ctx, done, scheduler_steps (run->scheduler));
    if (rc == 0 && e->cancelled && e->cancelled (e->ctx))
        rc = aut_fail (AUT_ERR_CANCELLED, "cancelled after step %zu of %zu", done,
                       scheduler_steps (run->scheduler));
    return rc;
}

/*  The noise, kept. */
static tensor_t *noise (run_t *run)
{
    tensor_t *x;
    do
        x = aten_keep (run->c, aten_randn (run->c, run->request->seed, 5, run->latent_dims));
    while (!x && pipeline_step_down (run));
    return x;
}

/*  The pipeline's last touch on the latents, which it takes over. */
static tensor_t *finish (run_t *run, tensor_t *latents)
{
    aten_t *c = run->c;
    tensor_t *final = latents;
    if (!run->pipeline->finish)
        return latents;
    do {
        aten_scope_t s = aten_open (c);
        final = aten_keep (c, run->pipeline->finish (run, latents));
        aten_close (c, s, NULL);
    } while (!final && pipeline_step_down (run));
    if (final && final != latents)
        aten_drop (c, &latents);
    return final ? final : latents;
}

tensor_t *pipeline_denoise (run_t *run)
{
    aten_t *c = run->c;
    bool seen[2] = {false, false};
    show_schedule (run);
    tensor_t *latents = noise (run);
    tap (run->tap, c, latents, "latents.initial");
    size_t steps = scheduler_steps (run->scheduler);
    for (size_t i = 0; i < steps && aten_status (c) == 0;) {
        tensor_t *next = step (run, i, latents, seen);
        if (aten_status (c)) {
            if (pipeline_step_down (run))
                continue;
            break;
        }
        aten_assign (c, &latents, next);
        tap (run->tap, c, latents, "latents.step.%02zu", i);
        aten_fail_code (c, after_step (run, ++i));
    }
    if (aten_status (c) == 0)
        latents = finish (run, latents);
    tap (run->tap, c, latents, "latents.final");
    return latents;
}
