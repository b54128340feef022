/*  See upscale.h. */
#include "node/worker/upscale.h"

#include "lib/core/error.h"
#include "lib/core/mem.h"
#include "lib/film/storyboard.h"
#include "lib/media/clip.h"
#include "lib/media/picture.h"

#include <inttypes.h>

static int check_clip (const aut_task_spec_t *spec, const char *path,
                       const aut_clip_format_t *format)
{
    uint64_t frames = 0;
    int rc = aut_clip_info (path, NULL, &frames);
    if (rc < 0)
        return aut_fail_in (rc, "the frames to be enlarged");
    if (frames != spec->frames)
        return aut_fail (AUT_ERR_INVALID,
                         "%" PRIu64 " frames are there to be enlarged, not %" PRIu32, frames,
                         spec->frames);
    if ((int64_t)format->rate_num * spec->rate.den != spec->rate.num * (int64_t)format->rate_den)
        return aut_fail (AUT_ERR_INVALID, "the frames to be enlarged have another rate");
    return 0;
}

/*  The frame at its new size; `*out` is the caller's. */
static int enlarge (const aut_task_spec_t *spec, const aut_picture_t *frame,
                    const aut_loaded_t *upscaler, const aut_upscale_out_t *out,
                    aut_picture_t **enlarged)
{
    aut_picture_t *learned = NULL;
    int rc = 0;
    *enlarged = NULL;
    uint32_t factor = upscaler->model->upscale;
    if (factor > 1)
        rc =
            upscaler->backend->upscale (upscaler->state, frame, out->cancelled, out->ctx, &learned);
    if (rc == 0 && learned &&
        (learned->width != frame->width * factor || learned->height != frame->height * factor))
        rc = aut_fail (AUT_ERR_INVALID,
                       "the weights of model %s enlarge to %ux%u, its manifest says %u times",
                       spec->model, learned->width, learned->height, factor);
    if (rc == 0)
        rc = aut_picture_scale (enlarged, learned ? learned : frame, spec->width, spec->height,
                                spec->fit == AUT_FIT_PAD ? AUT_SCALE_PAD : AUT_SCALE_COVER);
    aut_picture_destroy (&learned);
    return rc;
}

static int enlarge_all (const aut_task_spec_t *spec, aut_clip_reader_t *clip, aut_picture_t *frame,
                        const aut_loaded_t *upscaler, const aut_upscale_out_t *out)
{
    int rc = 0;
    for (uint32_t i = 0; i < spec->frames && rc == 0; i++) {
        aut_picture_t *enlarged = NULL;
        if (out->cancelled (out->ctx))
            return aut_fail (AUT_ERR_CANCELLED, "cancelled");
        int got = aut_clip_reader_next (clip, frame->rgb);
        if (got <= 0)
            return got < 0 ? got : aut_fail (AUT_ERR_CORRUPT, "frames to be enlarged are missing");
        rc = enlarge (spec, frame, upscaler, out, &enlarged);
        if (rc == 0)
            rc = out->frame (out->ctx, i, enlarged->rgb);
        aut_picture_destroy (&enlarged);
    }
    return rc;
}

int aut_upscale_clip (const aut_task_spec_t *spec, const char *path, const aut_loaded_t *upscaler,
                      const aut_upscale_out_t *out)
{
    aut_clip_reader_t *clip = NULL;
    aut_picture_t *frame = NULL;
    if (!upscaler->model->upscale || (upscaler->model->upscale > 1 && !upscaler->backend->upscale))
        return aut_fail (AUT_ERR_INVALID, "model %s does not enlarge frames", spec->model);
    int rc = aut_clip_reader_open (&clip, path, upscaler->device.threads);
    if (rc == 0) {
        const aut_clip_format_t *format = aut_clip_reader_format (clip);
        rc = check_clip (spec, path, format);
        if (rc == 0)
            rc = aut_picture_new (&frame, format->width, format->height);
    }
    if (rc == 0)
        rc = enlarge_all (spec, clip, frame, upscaler, out);
    aut_picture_destroy (&frame);
    aut_clip_reader_destroy (&clip);
    return rc;
}
