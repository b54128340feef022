/*  Enlarging the frames of a chunk: each by the upscaler's factor, and from there to the task's
 * size by Lanczos; what of another shape hangs over is cut off or padded, nothing is stretched. */
#ifndef AUT_NODE_WORKER_UPSCALE_H
#define AUT_NODE_WORKER_UPSCALE_H

#include "node/worker/model.h"

/*  What the frames go to; callbacks run on the calling thread. */
typedef struct {
    /*  Takes frame `index` (0 … spec->frames − 1, in order), borrowed. 0, or an error that ends it.
     */
    int (*frame) (void *ctx, uint32_t index, const uint8_t *rgb);
    bool (*cancelled) (void *ctx);
    void *ctx;
} aut_upscale_out_t;

/*  Reads the mezzanine at `path` and gives its frames out, enlarged by `upscaler`, which has the
 *  spec's model loaded. AUT_ERR_INVALID for a clip that is not of spec->frames frames at
 * spec->rate, AUT_ERR_CORRUPT, or the backend's error. */
int aut_upscale_clip (const aut_task_spec_t *spec, const char *path, const aut_loaded_t *upscaler,
                      const aut_upscale_out_t *out);

#endif
