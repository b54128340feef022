/*  One shot on its own thread: decode → retime → fit, scale and convert → queue.
 *
 *  A native frame that is shown several times is converted once and pushed as references. All
 * native frames are read, so that a clip with more or fewer than planned is found.
 */
#include "lib/core/error.h"
#include "lib/core/mem.h"
#include "lib/media/ff.h"
#include "lib/media/scale.h"
#include "lib/media/stitch_private.h"

#include <libswscale/swscale.h>
#include <stdlib.h>
#include <string.h>

struct aut_source {
    const aut_stitch_t *film;
    const aut_stitch_shot_t *shot;
    aut_frame_pool_t *pool;
    aut_clip_reader_t *reader;
    aut_fit_rects_t fit;
    struct SwsContext *sws;
    aut_hasher_t *hasher; /* or NULL */
    uint8_t *row;         /* one rgb24 row for the hasher */
    aut_queue_t queue;
    pthread_t thread;
    bool started;
};

/*  The fit is decided between clip and film; an upscaled output only scales it. */
static aut_fit_rects_t s_fit (const aut_source_t *self, const aut_clip_format_t *clip)
{
    const aut_stitch_t *film = self->film;
    uint32_t width = (uint32_t)self->pool->width, height = (uint32_t)self->pool->height;
    if (film->fit == AUT_STITCH_FIT_PAD) {
        /* A clip of the film's own shape has no bars, whatever the output's rounding. */
        if ((uint64_t)clip->width * film->height == (uint64_t)film->width * clip->height)
            return aut_scale_fit (clip->width, clip->height, width, height, AUT_SCALE_STRETCH, 1);
        return aut_scale_fit (clip->width, clip->height, width, height, AUT_SCALE_PAD, 1);
    }
    aut_fit_rects_t fit =
        aut_scale_fit (clip->width, clip->height, film->width, film->height, AUT_SCALE_COVER, 1);
    fit.target = (aut_rect_t){0, 0, width, height};
    return fit;
}

static int s_scaler (aut_source_t *self)
{
    const aut_rect_t *s = &self->fit.source, *t = &self->fit.target;
    bool same = s->width == t->width && s->height == t->height;
    int flags = (same ? SWS_BICUBIC : SWS_LANCZOS) | SWS_ACCURATE_RND;
    if (!same)
        flags |= SWS_FULL_CHR_H_INP;
    self->sws = sws_getContext ((int)s->width, (int)s->height, AV_PIX_FMT_BGR0, (int)t->width,
                                (int)t->height, AV_PIX_FMT_YUV420P, flags, NULL, NULL, NULL);
    if (!self->sws)
        return aut_fail (AUT_ERR_UNSUPPORTED, "cannot scale %ux%u to %ux%u", s->width, s->height,
                         t->width, t->height);
    const int *matrix = sws_getCoefficients (SWS_CS_ITU709);
    sws_setColorspaceDetails (self->sws, matrix, 1, matrix, 0, 0, 1 << 16, 1 << 16);
    return 0;
}

static AVFrame *s_convert (aut_source_t *self, const AVFrame *native)
{
    AVFrame *frame = aut_frame_pool_get (self->pool);
    if (!frame)
        return NULL;
    const aut_rect_t *s = &self->fit.source, *t = &self->fit.target;
    if (t->width != (uint32_t)frame->width || t->height != (uint32_t)frame->height)
        aut_mix_black (frame);
    const uint8_t *from[4] = {native->data[0] + (ptrdiff_t)s->y * native->linesize[0] +
                              (ptrdiff_t)s->x * 4};
    int from_stride[4] = {native->linesize[0]};
    uint8_t *to[4] = {frame->data[0] + (ptrdiff_t)t->y * frame->linesize[0] + t->x};
    for (int c = 1; c < 3; c++)
        to[c] = frame->data[c] + (ptrdiff_t)(t->y / 2) * frame->linesize[c] + t->x / 2;
    sws_scale (self->sws, from, from_stride, 0, (int)s->height, to, frame->linesize);
    return frame;
}

static void s_hash (aut_source_t *self, const AVFrame *native)
{
    uint32_t width = (uint32_t)native->width;
    for (int y = 0; y < native->height; y++) {
        aut_ff_row_rgb (self->row, native->data[0] + (ptrdiff_t)y * native->linesize[0], width);
        aut_hasher_update (self->hasher, self->row, (size_t)width * 3);
    }
}

/*  Pushes native frame number `index` for every film frame that shows it. */
static int s_show (aut_source_t *self, const AVFrame *native, uint64_t index, uint64_t *next)
{
    AVFrame *frame = NULL;
    int rc = 0;
    while (rc == 0 && *next < self->shot->frames &&
           aut_stitch_native_index (self->film, self->shot, *next) == index) {
        if (!frame)
            frame = s_convert (self, native);
        AVFrame *ref = frame ? av_frame_clone (frame) : NULL;
        rc = ref ? aut_queue_push (&self->queue, ref) : aut_fail (AUT_ERR_NOMEM, "out of memory");
        ++*next;
    }
    av_frame_free (&frame);
    return rc;
}

static int s_run (aut_source_t *self)
{
    uint64_t read = 0, next = 0;
    for (;;) {
        const AVFrame *native = NULL;
        int rc = aut_clip_reader_next_native (self->reader, &native);
        if (rc < 0)
            return rc;
        if (rc == 0)
            break;
        if (read == self->shot->native_frames)
            return aut_fail (AUT_ERR_INVALID, "%s: more than the planned %llu frames",
                             self->shot->path, (unsigned long long)read);
        if (self->hasher)
            s_hash (self, native);
        rc = s_show (self, native, read++, &next);
        if (rc < 0)
            return rc;
    }
    if (read != self->shot->native_frames)
        return aut_fail (AUT_ERR_INVALID, "%s: %llu frames, but %llu are planned", self->shot->path,
                         (unsigned long long)read, (unsigned long long)self->shot->native_frames);
    if (self->hasher)
        *self->shot->native_sha256 = aut_hasher_final (self->hasher);
    return 0;
}

static void *s_thread (void *arg)
{
    aut_source_t *self = arg;
    int rc = s_run (self);
    /* The decoder's memory is not needed any more, while the queue is still being emptied. */
    aut_clip_reader_destroy (&self->reader);
    aut_queue_end (&self->queue, rc);
    return NULL;
}

static int s_open (aut_source_t *self)
{
    const aut_stitch_shot_t *shot = self->shot;
    int rc = aut_clip_reader_open (&self->reader, shot->path, 0);
    if (rc < 0)
        return rc;
    const aut_clip_format_t *clip = aut_clip_reader_format (self->reader);
    if ((int64_t)clip->rate_num * shot->rate_den != (int64_t)shot->rate_num * clip->rate_den)
        return aut_fail (AUT_ERR_INVALID, "%s: has %d/%d frames per second, but %d/%d are planned",
                         shot->path, (int)clip->rate_num, (int)clip->rate_den, (int)shot->rate_num,
                         (int)shot->rate_den);
    self->fit = s_fit (self, clip);
    if (shot->native_sha256) {
        self->hasher = aut_hasher_new ();
        self->row = aut_calloc (clip->width, 3);
    }
    return s_scaler (self);
}

int aut_source_start (aut_source_t **out, const aut_stitch_t *film, const aut_stitch_shot_t *shot,
                      aut_frame_pool_t *pool)
{
    *out = NULL;
    aut_source_t *self = aut_calloc (1, sizeof *self);
    self->film = film;
    self->shot = shot;
    self->pool = pool;
    aut_queue_init (&self->queue);
    int rc = s_open (self);
    if (rc == 0 && pthread_create (&self->thread, NULL, s_thread, self) != 0)
        rc = aut_fail (AUT_ERR_AGAIN, "no thread to be had");
    self->started = rc == 0;
    if (rc < 0)
        aut_source_destroy (&self);
    *out = self;
    return rc;
}

int aut_source_next (aut_source_t *self, AVFrame **frame)
{
    int rc = aut_queue_pop (&self->queue, frame);
    if (rc == 0)
        return aut_fail (AUT_ERR_INTERNAL, "%s: ended early", self->shot->path);
    return rc < 0 ? rc : 0;
}

int aut_source_finish (aut_source_t *self)
{
    AVFrame *frame = NULL;
    int rc = aut_queue_pop (&self->queue, &frame);
    av_frame_free (&frame);
    return rc == 1 ? aut_fail (AUT_ERR_INTERNAL, "%s: frames left over", self->shot->path) : rc;
}

void aut_source_destroy (aut_source_t **self_p)
{
    aut_source_t *self = *self_p;
    if (!self)
        return;
    aut_queue_stop (&self->queue, 0);
    if (self->started)
        pthread_join (self->thread, NULL);
    aut_queue_clear (&self->queue);
    aut_clip_reader_destroy (&self->reader);
    sws_freeContext (self->sws);
    aut_hasher_destroy (&self->hasher);
    free (self->row);
    free (self);
    *self_p = NULL;
}
