/*  Text and image to video: Wan 2.2 TI2V 5B and its family.
 *
 *  One model for both: every token has a timestep of its own. What is known (a first picture, or
 * the tail of the chunk before: K = 1 + 4·m frames, so 1 + m latent frames) stands in the first
 * latent frames, where the timestep is 0; the rest is denoised around it.
 */
#include "node/engine/pipeline/pipeline.h"

#define TAIL_MAX 33 /* frames: more would leave little of a chunk */

static void ti2v_facts (const stages_t *stages, engine_facts_t *facts)
{
    (void)stages;
    facts->text_only = true;
    facts->first_frame = true;
    facts->tail_max = TAIL_MAX;
}

/*  A video that lies in one tensor, as the encoder asks for it. */
static tensor_t *known_frames (void *ctx, aten_t *c, int64_t first, int64_t count)
{
    return aten_narrow (c, ctx, 2, first, count);
}

/*  The known frames' latents (1, 48, 1 + m, h, w). */
static tensor_t *make_condition (run_t *run)
{
    aten_t *c = run->c;
    const engine_request_t *r = run->request;
    wan_vae_t *vae = stages_vae (run->stages, true);
    if (!vae)
        return NULL;
    aten_scope_t s = aten_open (c);
    tensor_t *known = r->tail ? pipeline_tail (run, r->tail, r->tail_frames)
                              : pipeline_picture (run, &r->first, "image");
    tensor_t *mean =
        wan_vae_encode (vae, aten_dim (known, 2), r->height, r->width, known_frames, known, NULL);
    return aten_close (c, s, wan_vae_normalise (vae, mean));
}

/*  (1, 1, T, h, w): 0 where the condition stands. */
static void show_mask (run_t *run)
{
    aten_t *c = run->c;
    const int64_t *d = run->latent_dims;
    if (!tap_wants (run->tap, "condition.first_frame_mask"))
        return;
    aten_scope_t s = aten_open (c);
    tensor_t *mask = aten_full (c, 1.0, AUT_DTYPE_F32, DIMS (1, 1, d[2], d[3], d[4]));
    tensor_t *zero = aten_zeros (c, AUT_DTYPE_F32, DIMS (1));
    aten_copy_into (c, aten_narrow (c, mask, 2, 0, run->fixed_frames), zero);
    tap (run->tap, c, mask, "condition.first_frame_mask");
    aten_close (c, s, NULL);
}

static int ti2v_prepare (run_t *run)
{
    aten_t *c = run->c;
    const engine_request_t *r = run->request;
    if (!r->tail && !r->first.u8 && !r->first.f32)
        return aten_status (c);
    if (!run->condition)
        run->condition = aten_keep (c, make_condition (run));
    run->fixed_frames = aten_dim (run->condition, 2);
    tap (run->tap, c, run->condition, "condition");
    if (aten_status (c) == 0)
        show_mask (run);
    return aten_status (c);
}

/*  The condition in the place of the first latent frames: (1 − m)·condition + m·latents. */
static tensor_t *ti2v_finish (run_t *run, tensor_t *latents)
{
    aten_t *c = run->c;
    if (!run->condition)
        return latents;
    int64_t fixed = run->fixed_frames, rest = aten_dim (latents, 2) - fixed;
    tensor_t *parts[] = {run->condition, aten_narrow (c, latents, 2, fixed, rest)};
    return aten_cat (c, 2, 2, parts);
}

static tensor_t *ti2v_input (run_t *run, tensor_t *latents, double t)
{
    pipeline_token_timesteps (run, t, run->fixed_frames, run->stages->transformer_config.patch);
    return ti2v_finish (run, latents);
}

const pipeline_t pipeline_wan_ti2v = {
    .name = "text and image to video",
    .facts = ti2v_facts,
    .prepare = ti2v_prepare,
    .input = ti2v_input,
    .finish = ti2v_finish,
};
