/*  A look at what the noise is becoming: the model's guess of the end, x₀ = x_σ − σ·v, of which one
 *  latent frame is decoded, as a picture of its own. Of a clip from text that is the first; where
 *  the first ones were given, the one in the middle.
 *
 *  It takes part in nothing: what fails here is forgotten, with all further previews of the clip,
 *  and no model is freed for it. So there are none below the ladder's first rung, where the
 *  autoencoder would have to make room for the transformer again.
 */
#include "node/engine/pipeline/pipeline.h"

#include "lib/core/mem.h"

#include <stdlib.h>

/*  (1, 3, 1, H, W) in [−1, 1] → the listener's picture */
static int show (void *ctx, aten_t *c, int64_t first, tensor_t *frames)
{
    run_t *run = ctx;
    int64_t h = aten_dim (frames, 3), w = aten_dim (frames, 4);
    size_t size = (size_t)(h * w * 3);
    if (first != 0)
        return 0;
    float *rgb = aut_calloc (size, sizeof *rgb);
    aten_scope_t s = aten_open (c);
    tensor_t *x = aten_permute (c, aten_narrow (c, frames, 2, 0, 1), DIMS (0, 2, 3, 4, 1));
    x = aten_add_scalar (c, aten_mul_scalar (c, x, 0.5), 0.5);
    int rc = aten_read (c, aten_clamp (c, x, 0.0, 1.0), AUT_DTYPE_F32, rgb, size * sizeof *rgb);
    aten_close (c, s, NULL);
    if (rc == 0)
        run->events->preview (run->events->ctx, w, h, rgb);
    free (rgb);
    return rc;
}

static int64_t latent_frame (const run_t *run)
{
    const engine_request_t *r = run->request;
    bool given = r->first.u8 || r->first.f32 || r->tail;
    return given ? run->latent_dims[2] / 2 : 0;
}

void pipeline_preview (run_t *run, size_t i, tensor_t *latents, tensor_t *velocity)
{
    const engine_events_t *e = run->events;
    aten_t *c = run->c;
    if (run->blind || !e->preview || run->stages->rung != ENGINE_KEEP || aten_status (c) ||
        i + 1 >= scheduler_steps (run->scheduler) || !e->preview_due (e->ctx))
        return;
    aten_scope_t s = aten_open (c);
    wan_vae_t *vae = stages_vae (run->stages, run->stages->vae_encodes);
    if (vae) {
        int64_t at = latent_frame (run);
        tensor_t *x = aten_to (c, aten_narrow (c, latents, 2, at, 1), AUT_DTYPE_F32);
        tensor_t *v = aten_to (c, aten_narrow (c, velocity, 2, at, 1), AUT_DTYPE_F32);
        double sigma = scheduler_sigma (run->scheduler, i);
        x = aten_sub (c, x, aten_mul_scalar (c, v, sigma));
        wan_vae_decode (vae, wan_vae_denormalise (vae, x), show, run, NULL);
    }
    aten_close (c, s, NULL);
    run->blind = aten_status (c) != 0;
    aten_clear (c);
}
