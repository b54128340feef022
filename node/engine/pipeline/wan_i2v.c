/*  Image to video, and first and last frame to video: Wan 2.1 I2V and FLF2V 14B, Wan 2.2 I2V A14B
 *  (arXiv 2503.20314, §5.1).
 *
 *  The transformer is given the noisy latents, a mask of what is known, and the latents of a video
 *  that holds the pictures and is empty (0) elsewhere, side by side: 16 + 4 + 16 channels. Wan 2.1
 *  also attends to CLIP's view of the pictures.
 */
#include "node/engine/pipeline/pipeline.h"

#include "lib/core/error.h"

#include <string.h>

static void i2v_facts (const stages_t *stages, engine_facts_t *facts)
{
    facts->first_frame = true;
    /* without CLIP any I2V model takes a last picture; with it, one that has two pictures'
     * positions was trained for two, and the others accept them as the reference does */
    facts->last_frame = true;
    facts->tail_max = 1;
    (void)stages;
}

typedef struct {
    tensor_t *first, *last; /* (1, 3, 1, H, W); last may be NULL */
    int64_t frames, height, width;
} video_t;

/*  The video [first, 0, …, 0, last], as the encoder asks for it. */
static tensor_t *video_frames (void *ctx, aten_t *c, int64_t first, int64_t count)
{
    const video_t *v = ctx;
    aten_scope_t s = aten_open (c);
    tensor_t *x = aten_zeros (c, AUT_DTYPE_F32, DIMS (1, 3, count, v->height, v->width));
    if (first == 0)
        aten_copy_into (c, aten_narrow (c, x, 2, 0, 1), v->first);
    if (v->last && first + count == v->frames)
        aten_copy_into (c, aten_narrow (c, x, 2, count - 1, 1), v->last);
    return aten_close (c, s, x);
}

/*  (1, 4, T, h, w): of each latent frame, which of its 4 frames are known. The first frame stands
 *  for a whole latent frame, so it fills all four. */
static tensor_t *known_mask (run_t *run, bool last)
{
    aten_t *c = run->c;
    const int64_t *d = run->latent_dims;
    int64_t per_latent = run->stages->vae_config.temporal;
    aten_scope_t s = aten_open (c);
    tensor_t *mask = aten_zeros (c, AUT_DTYPE_F32, DIMS (1, per_latent, d[2], d[3], d[4]));
    tensor_t *one = aten_full (c, 1.0, AUT_DTYPE_F32, DIMS (1, 1, 1, 1, 1));
    aten_copy_into (c, aten_narrow (c, mask, 2, 0, 1), one);
    if (last) {
        tensor_t *end = aten_narrow (c, mask, 2, d[2] - 1, 1);
        aten_copy_into (c, aten_narrow (c, end, 1, per_latent - 1, 1), one);
    }
    return aten_close (c, s, mask);
}

/*  Condition (1, 4 + 16, T, h, w): mask, then latents. */
static tensor_t *make_condition (run_t *run, const engine_picture_t *first,
                                 const engine_picture_t *last)
{
    aten_t *c = run->c;
    const engine_request_t *r = run->request;
    wan_vae_t *vae = stages_vae (run->stages, true);
    if (!vae)
        return NULL;
    aten_scope_t s = aten_open (c);
    video_t video = {.frames = r->frames, .height = r->height, .width = r->width};
    video.first = pipeline_picture (run, first, "image");
    if (last)
        video.last = pipeline_picture (run, last, "last_image");
    tensor_t *mean =
        wan_vae_encode (vae, r->frames, r->height, r->width, video_frames, &video, NULL);
    mean = wan_vae_normalise (vae, mean);
    tensor_t *parts[] = {known_mask (run, last != NULL), mean};
    return aten_close (c, s, aten_cat (c, 1, 2, parts));
}

static int i2v_prepare (run_t *run)
{
    aten_t *c = run->c;
    const engine_request_t *r = run->request;
    const engine_picture_t tail = {.f32 = r->tail, .width = r->width, .height = r->height};
    const engine_picture_t *first = r->tail ? &tail : &r->first;
    const engine_picture_t *last = r->last.u8 || r->last.f32 ? &r->last : NULL;
    if (run->stages->transformer_config.image_dim > 0) {
        const engine_picture_t *both[] = {first, last};
        pipeline_encode_clip (run, both, last ? 2 : 1);
    }
    if (!run->condition)
        run->condition = aten_keep (c, make_condition (run, first, last));
    tap (run->tap, c, run->condition, "condition");
    return aten_status (c);
}

/*  (1, 16 + 4 + 16, T, h, w) */
static tensor_t *i2v_input (run_t *run, tensor_t *latents, double t)
{
    pipeline_timestep (run, t);
    tensor_t *parts[] = {latents, run->condition};
    return aten_cat (run->c, 1, 2, parts);
}

const pipeline_t pipeline_wan_i2v = {
    .name = "image to video",
    .facts = i2v_facts,
    .prepare = i2v_prepare,
    .input = i2v_input,
};
