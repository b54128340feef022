/*  From latents to frames, handed on as they come. */
#include "node/engine/pipeline/pipeline.h"

#include "lib/core/error.h"
#include "lib/core/mem.h"

#include <stdlib.h>

typedef struct {
    run_t *run;
    int64_t delivered; /* frames that events->frame has had */
    float *rgb;        /* room for the frames of one call */
    size_t room;
} sink_t;

static int deliver (sink_t *sink, int64_t first, int64_t count, size_t frame_size)
{
    const engine_events_t *e = sink->run->events;
    for (int64_t i = 0; i < count; i++) {
        /* a decode that began again one rung down gives the first frames once more */
        if (first + i < sink->delivered)
            continue;
        if (e->cancelled && e->cancelled (e->ctx))
            return aut_fail (AUT_ERR_CANCELLED, "cancelled at frame %lld", (long long)(first + i));
        int rc = e->frame ? e->frame (e->ctx, first + i, sink->rgb + (size_t)i * frame_size) : 0;
        if (rc)
            return rc;
        sink->delivered = first + i + 1;
    }
    return 0;
}

/*  (1, 3, n, H, W) in [−1, 1] → n frames (H, W, 3) in [0, 1] on the host */
static int take (void *ctx, aten_t *c, int64_t first, tensor_t *frames)
{
    sink_t *sink = ctx;
    run_t *run = sink->run;
    if (first >= sink->delivered)
        tap (run->tap, c, frames, "vae.decode.output");
    int64_t n = aten_dim (frames, 2), h = aten_dim (frames, 3), w = aten_dim (frames, 4);
    size_t frame_size = (size_t)(h * w * 3), size = (size_t)n * frame_size;
    if (size > sink->room) {
        sink->rgb = aut_realloc (sink->rgb, size, sizeof *sink->rgb);
        sink->room = size;
    }
    aten_scope_t s = aten_open (c);
    tensor_t *x = aten_permute (c, frames, DIMS (0, 2, 3, 4, 1)); /* (1, n, H, W, 3) */
    x = aten_add_scalar (c, aten_mul_scalar (c, x, 0.5), 0.5);
    int rc = aten_read (c, aten_clamp (c, x, 0.0, 1.0), AUT_DTYPE_F32, sink->rgb,
                        size * sizeof *sink->rgb);
    aten_close (c, s, NULL);
    return rc ? rc : deliver (sink, first, n, frame_size);
}

int pipeline_decode (run_t *run, tensor_t *latents)
{
    aten_t *c = run->c;
    sink_t sink = {.run = run};
    do {
        wan_vae_t *vae = stages_vae (run->stages, run->stages->vae_encodes);
        aten_scope_t s = aten_open (c);
        if (vae) {
            tensor_t *x = wan_vae_denormalise (vae, latents);
            tap (run->tap, c, x, "vae.decode.input");
            wan_vae_decode (vae, x, take, &sink, NULL);
        }
        aten_close (c, s, NULL);
    } while (aten_status (c) && pipeline_step_down (run));
    free (sink.rgb);
    return aten_status (c);
}
