/*  One shot, decoded ahead of the composer: decode → fit, scale and convert → queue, and where the
 *  film is faster than the shot: decode → crop and enlarge → interpolate → scale → queue.
 *
 *  Decoding is most of a stitch's work and every frame stands alone, so a few workers decode and
 *  convert whole frames side by side (cheaper than slice threads, which wait for each other in
 * every frame) and deliver them in order: a worker takes the next packet under `lock`, and pushes
 * when `turn` is its frame's number; interpolation needs its frames in order and is done in one's
 * turn. All frames are read, so that a clip with more or fewer than planned is found.
 */
#include "lib/core/error.h"
#include "lib/core/mem.h"
#include "lib/media/ff.h"
#include "lib/media/scale.h"
#include "lib/media/stitch_private.h"

#include <libswscale/swscale.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_WORKERS 4

typedef struct {
    aut_stitch_source_t *source;
    AVCodecContext *decoder;
    struct SwsContext *sws;
    AVPacket *packet;
    AVFrame *native;
    pthread_t thread;
    bool started;
} s_worker_t;

struct aut_source {
    const aut_stitch_t *film;
    const aut_stitch_shot_t *shot;
    aut_frame_pool_t *pool;
    aut_fit_rects_t fit;
    aut_queue_t queue;
    s_worker_t workers[MAX_WORKERS];
    unsigned worker_count;
    pthread_mutex_t lock;
    pthread_cond_t turned;
    /* under `lock` */
    aut_clip_input_t input;
    uint64_t taken; /* packets handed to workers, and ends */
    uint64_t turn;  /* the frame to be delivered next */
    bool over;      /* ended or failed: workers leave */
    /* only by the worker whose turn it is */
    uint64_t next;                    /* the film frame to be pushed next */
    aut_hasher_t *hasher;             /* or NULL */
    uint8_t *row;                     /* one rgb24 row for the hasher */
    aut_retimer_t *retimer;           /* NULL: native frames are shown as they are */
    struct SwsContext *finish;        /* from the retimer's size and format to the film's */
    uint32_t work_width, work_height; /* the retimer's */
};

/*  The fit is decided between clip and film; an upscaled output only scales it. */
static aut_fit_rects_t s_fit (const aut_stitch_source_t *self, const aut_clip_format_t *clip)
{
    const aut_stitch_t *film = self->film;
    uint32_t width = (uint32_t)self->pool->width, height = (uint32_t)self->pool->height;
    if (self->shot->fitted)
        return aut_scale_fit (clip->width, clip->height, width, height, AUT_SCALE_STRETCH, 1);
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

/*  From full-range bgr0 or limited-range YUV to the latter; Lanczos where the size changes. */
static int s_scaler (struct SwsContext **out, enum AVPixelFormat from, uint32_t from_width,
                     uint32_t from_height, enum AVPixelFormat to, uint32_t to_width,
                     uint32_t to_height)
{
    bool same = from_width == to_width && from_height == to_height;
    int flags = (same ? SWS_BICUBIC : SWS_LANCZOS) | SWS_ACCURATE_RND;
    if (!same)
        flags |= SWS_FULL_CHR_H_INP;
    *out = sws_getContext ((int)from_width, (int)from_height, from, (int)to_width, (int)to_height,
                           to, flags, NULL, NULL, NULL);
    if (!*out)
        return aut_fail (AUT_ERR_UNSUPPORTED, "cannot scale %ux%u to %ux%u", from_width,
                         from_height, to_width, to_height);
    const int *matrix = sws_getCoefficients (SWS_CS_ITU709);
    sws_setColorspaceDetails (*out, matrix, from == AV_PIX_FMT_BGR0, matrix, 0, 0, 1 << 16,
                              1 << 16);
    return 0;
}

static int s_worker_scaler (s_worker_t *worker)
{
    const aut_stitch_source_t *self = worker->source;
    const aut_rect_t *s = &self->fit.source, *t = &self->fit.target;
    if (self->retimer)
        return s_scaler (&worker->sws, AV_PIX_FMT_BGR0, s->width, s->height, AV_PIX_FMT_YUV444P,
                         self->work_width, self->work_height);
    return s_scaler (&worker->sws, AV_PIX_FMT_BGR0, s->width, s->height, AV_PIX_FMT_YUV420P,
                     t->width, t->height);
}

/*  `height` rows of planes at `from` into the film's frame, bars around them. */
static AVFrame *s_place (const aut_stitch_source_t *self, struct SwsContext *sws,
                         const uint8_t *const from[4], const int stride[4], uint32_t height)
{
    AVFrame *frame = aut_frame_pool_get (self->pool);
    if (!frame)
        return NULL;
    const aut_rect_t *t = &self->fit.target;
    if (t->width != (uint32_t)frame->width || t->height != (uint32_t)frame->height)
        aut_mix_black (frame);
    uint8_t *to[4] = {frame->data[0] + (ptrdiff_t)t->y * frame->linesize[0] + t->x};
    for (int c = 1; c < 3; c++)
        to[c] = frame->data[c] + (ptrdiff_t)(t->y / 2) * frame->linesize[c] + t->x / 2;
    sws_scale (sws, from, stride, 0, (int)height, to, frame->linesize);
    return frame;
}

/*  The native frame in the film's size and format, or in the retimer's; NULL without memory. */
static AVFrame *s_convert (const s_worker_t *worker)
{
    const aut_stitch_source_t *self = worker->source;
    const AVFrame *native = worker->native;
    const aut_rect_t *s = &self->fit.source;
    const uint8_t *const from[4] = {native->data[0] + (ptrdiff_t)s->y * native->linesize[0] +
                                    (ptrdiff_t)s->x * 4};
    const int stride[4] = {native->linesize[0]};
    if (!self->retimer)
        return s_place (self, worker->sws, from, stride, s->height);
    AVFrame *frame = av_frame_alloc ();
    if (!frame)
        return NULL;
    frame->format = AV_PIX_FMT_YUV444P;
    frame->width = (int)self->work_width;
    frame->height = (int)self->work_height;
    if (av_frame_get_buffer (frame, 0) < 0)
        av_frame_free (&frame);
    else
        sws_scale (worker->sws, from, stride, 0, (int)s->height, frame->data, frame->linesize);
    return frame;
}

static void s_hash (aut_stitch_source_t *self, const AVFrame *native)
{
    uint32_t width = (uint32_t)native->width;
    for (int y = 0; y < native->height; y++) {
        aut_ff_row_rgb (self->row, native->data[0] + (ptrdiff_t)y * native->linesize[0], width);
        aut_hasher_update (self->hasher, self->row, (size_t)width * 3);
    }
}

/*  Whether the shot shows native frame `index` at all: film frames are in order, so the first one
 *  that is not before it decides. */
static bool s_shown (const aut_stitch_source_t *self, uint64_t index)
{
    const aut_stitch_shot_t *shot = self->shot;
    if (self->retimer)
        return true;
    uint64_t low = 0, high = shot->frames;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if (aut_stitch_native_index (self->film, shot, middle) < index)
            low = middle + 1;
        else
            high = middle;
    }
    return low < shot->frames && aut_stitch_native_index (self->film, shot, low) == index;
}

/*  Takes the next packet; 1, 0 at the end, or an error. `index` is its frame's number. */
static int s_take (s_worker_t *worker, uint64_t *index)
{
    aut_stitch_source_t *self = worker->source;
    pthread_mutex_lock (&self->lock);
    int rc = self->over ? 0 : aut_clip_input_next (&self->input);
    /* The end has a number too, so that only one worker reports it. */
    *index = self->taken++;
    if (rc == 1) {
        av_packet_unref (worker->packet);
        av_packet_move_ref (worker->packet, self->input.packet);
    }
    pthread_mutex_unlock (&self->lock);
    return rc;
}

/*  Waits for the turn of frame `index`; false when there is nothing more to do. */
static bool s_wait (aut_stitch_source_t *self, uint64_t index)
{
    pthread_mutex_lock (&self->lock);
    while (self->turn != index && !self->over)
        pthread_cond_wait (&self->turned, &self->lock);
    bool go = !self->over;
    pthread_mutex_unlock (&self->lock);
    return go;
}

static void s_pass (aut_stitch_source_t *self, bool over)
{
    pthread_mutex_lock (&self->lock);
    self->turn++;
    self->over = self->over || over;
    pthread_cond_broadcast (&self->turned);
    pthread_mutex_unlock (&self->lock);
}

static int s_no_memory (void)
{
    return aut_fail (AUT_ERR_NOMEM, "out of memory");
}

/*  Hands `frame` (taken over, may be NULL: no memory) to the composer. */
static int s_push (aut_stitch_source_t *self, AVFrame *frame)
{
    self->next++;
    return frame ? aut_queue_push (&self->queue, frame) : s_no_memory ();
}

/*  Gives the retimer a native frame, or once more the last one, and passes on what it makes. */
static int s_interpolate (aut_stitch_source_t *self, const AVFrame *frame)
{
    AVFrame *made = av_frame_alloc ();
    int rc = made ? aut_retimer_push (self->retimer, frame) : s_no_memory ();
    while (rc == 0 && (rc = aut_retimer_pull (self->retimer, made)) == 1) {
        rc = 0;
        if (self->next < self->shot->frames)
            rc = s_push (self, s_place (self, self->finish, (const uint8_t *const *)made->data,
                                        made->linesize, self->work_height));
        av_frame_unref (made);
    }
    av_frame_free (&made);
    return rc;
}

/*  Pushes frame `index`, converted as `frame` (NULL if it is not shown), as often as it is shown.
 */
static int s_deliver (s_worker_t *worker, const AVFrame *frame, uint64_t index)
{
    aut_stitch_source_t *self = worker->source;
    if (index >= self->shot->native_frames)
        return aut_fail (AUT_ERR_INVALID, "%s: more than the planned %llu frames", self->shot->path,
                         (unsigned long long)index);
    if (self->hasher)
        s_hash (self, worker->native);
    if (self->retimer)
        return frame ? s_interpolate (self, frame) : s_no_memory ();
    int rc = 0;
    while (rc == 0 && self->next < self->shot->frames &&
           aut_stitch_native_index (self->film, self->shot, self->next) == index)
        rc = s_push (self, frame ? av_frame_clone (frame) : NULL);
    return rc;
}

/*  After the last frame, which was number `count` − 1. */
static int s_end (aut_stitch_source_t *self, uint64_t count)
{
    const aut_stitch_shot_t *shot = self->shot;
    if (count != shot->native_frames)
        return aut_fail (AUT_ERR_INVALID, "%s: %llu frames, but %llu are planned", shot->path,
                         (unsigned long long)count, (unsigned long long)shot->native_frames);
    if (self->hasher)
        *shot->native_sha256 = aut_hasher_final (self->hasher);
    int rc = 0;
    while (rc == 0 && self->retimer && self->next < shot->frames)
        rc = s_interpolate (self, NULL);
    return rc;
}

static void *s_thread (void *arg)
{
    s_worker_t *worker = arg;
    aut_stitch_source_t *self = worker->source;
    for (bool over = false; !over;) {
        uint64_t index = 0;
        AVFrame *frame = NULL;
        int rc = s_take (worker, &index);
        bool last = rc != 1;
        if (rc == 1)
            rc = aut_clip_decode (worker->decoder, &self->input, worker->packet, worker->native);
        if (rc == 0 && !last && s_shown (self, index))
            frame = s_convert (worker);
        if (!s_wait (self, index)) {
            av_frame_free (&frame);
            return NULL;
        }
        if (rc == 0)
            rc = last ? s_end (self, index) : s_deliver (worker, frame, index);
        av_frame_free (&frame);
        over = last || rc < 0;
        if (over)
            aut_queue_end (&self->queue, rc);
        s_pass (self, over);
    }
    return NULL;
}

static int s_worker_start (aut_stitch_source_t *self)
{
    s_worker_t *worker = &self->workers[self->worker_count];
    worker->source = self;
    worker->packet = av_packet_alloc ();
    worker->native = av_frame_alloc ();
    self->worker_count++;
    int rc = worker->packet && worker->native ? s_worker_scaler (worker) : s_no_memory ();
    if (rc == 0)
        rc = aut_clip_decoder_open (&worker->decoder, &self->input, 1);
    if (rc == 0 && pthread_create (&worker->thread, NULL, s_thread, worker) != 0)
        rc = aut_fail (AUT_ERR_AGAIN, "no thread to be had");
    worker->started = rc == 0;
    return rc;
}

/*  Film frames between native ones. */
static int s_open_retimer (aut_stitch_source_t *self)
{
    const aut_rect_t *s = &self->fit.source, *t = &self->fit.target;
    uint32_t times = aut_retimer_enlarge (s->width, s->height);
    self->work_width = s->width * times;
    self->work_height = s->height * times;
    int rc = aut_retimer_new (&self->retimer, self->film, self->shot, self->work_width,
                              self->work_height);
    if (rc < 0)
        return rc;
    return s_scaler (&self->finish, AV_PIX_FMT_YUV444P, self->work_width, self->work_height,
                     AV_PIX_FMT_YUV420P, t->width, t->height);
}

static int s_open (aut_stitch_source_t *self)
{
    const aut_stitch_shot_t *shot = self->shot;
    int rc = aut_clip_input_open (&self->input, shot->path);
    if (rc < 0)
        return rc;
    const aut_clip_format_t *clip = &self->input.info;
    if ((int64_t)clip->rate_num * shot->rate_den != (int64_t)shot->rate_num * clip->rate_den)
        return aut_fail (AUT_ERR_INVALID, "%s: has %d/%d frames per second, but %d/%d are planned",
                         shot->path, (int)clip->rate_num, (int)clip->rate_den, (int)shot->rate_num,
                         (int)shot->rate_den);
    self->fit = s_fit (self, clip);
    if (shot->native_sha256) {
        self->hasher = aut_hasher_new ();
        self->row = aut_calloc (clip->width, 3);
    }
    if (aut_retimer_serves (self->film, shot))
        rc = s_open_retimer (self);
    /* Their number does not change a byte, so it may follow the machine. */
    long cores = sysconf (_SC_NPROCESSORS_ONLN);
    unsigned count = cores > MAX_WORKERS ? MAX_WORKERS : cores < 2 ? 1 : (unsigned)cores;
    for (unsigned i = 0; rc == 0 && i < count; i++)
        rc = s_worker_start (self);
    return rc;
}

int aut_stitch_source_start (aut_stitch_source_t **out, const aut_stitch_t *film,
                             const aut_stitch_shot_t *shot, aut_frame_pool_t *pool)
{
    *out = NULL;
    aut_stitch_source_t *self = aut_calloc (1, sizeof *self);
    self->film = film;
    self->shot = shot;
    self->pool = pool;
    aut_queue_init (&self->queue);
    pthread_mutex_init (&self->lock, NULL);
    pthread_cond_init (&self->turned, NULL);
    int rc = s_open (self);
    if (rc < 0)
        aut_stitch_source_destroy (&self);
    *out = self;
    return rc;
}

int aut_stitch_source_next (aut_stitch_source_t *self, AVFrame **frame)
{
    int rc = aut_queue_pop (&self->queue, frame);
    if (rc == 0)
        return aut_fail (AUT_ERR_INTERNAL, "%s: ended early", self->shot->path);
    return rc < 0 ? rc : 0;
}

int aut_stitch_source_finish (aut_stitch_source_t *self)
{
    AVFrame *frame = NULL;
    int rc = aut_queue_pop (&self->queue, &frame);
    av_frame_free (&frame);
    return rc == 1 ? aut_fail (AUT_ERR_INTERNAL, "%s: frames left over", self->shot->path) : rc;
}

void aut_stitch_source_destroy (aut_stitch_source_t **self_p)
{
    aut_stitch_source_t *self = *self_p;
    if (!self)
        return;
    aut_queue_stop (&self->queue, 0);
    pthread_mutex_lock (&self->lock);
    self->over = true;
    pthread_cond_broadcast (&self->turned);
    pthread_mutex_unlock (&self->lock);
    for (unsigned i = 0; i < self->worker_count; i++) {
        s_worker_t *worker = &self->workers[i];
        if (worker->started)
            pthread_join (worker->thread, NULL);
        avcodec_free_context (&worker->decoder);
        sws_freeContext (worker->sws);
        av_packet_free (&worker->packet);
        av_frame_free (&worker->native);
    }
    aut_queue_clear (&self->queue);
    aut_clip_input_clear (&self->input);
    pthread_cond_destroy (&self->turned);
    pthread_mutex_destroy (&self->lock);
    aut_hasher_destroy (&self->hasher);
    aut_retimer_destroy (&self->retimer);
    sws_freeContext (self->finish);
    free (self->row);
    free (self);
    *self_p = NULL;
}
