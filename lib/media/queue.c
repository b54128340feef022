#include "lib/media/queue.h"

#include "lib/core/error.h"
#include "lib/core/mem.h"

#include <stdlib.h>

void aut_queue_init (aut_queue_t *self)
{
    *self = (aut_queue_t){0};
    pthread_mutex_init (&self->lock, NULL);
    pthread_cond_init (&self->changed, NULL);
}

void aut_queue_clear (aut_queue_t *self)
{
    for (; self->count; self->count--) {
        av_frame_free (&self->items[self->head]);
        self->head = (self->head + 1) % AUT_QUEUE_CAP;
    }
    free (self->detail);
    pthread_cond_destroy (&self->changed);
    pthread_mutex_destroy (&self->lock);
}

int aut_queue_push (aut_queue_t *self, AVFrame *frame)
{
    pthread_mutex_lock (&self->lock);
    while (self->count == AUT_QUEUE_CAP && !self->stopped)
        pthread_cond_wait (&self->changed, &self->lock);
    bool stopped = self->stopped;
    if (!stopped) {
        self->items[(self->head + self->count++) % AUT_QUEUE_CAP] = frame;
        pthread_cond_signal (&self->changed);
    }
    pthread_mutex_unlock (&self->lock);
    if (stopped) {
        av_frame_free (&frame);
        return aut_fail (AUT_ERR_CANCELLED, "stopped");
    }
    return 0;
}

int aut_queue_pop (aut_queue_t *self, AVFrame **frame)
{
    *frame = NULL;
    pthread_mutex_lock (&self->lock);
    while (!self->count && !self->ended)
        pthread_cond_wait (&self->changed, &self->lock);
    if (self->count) {
        *frame = self->items[self->head];
        self->head = (self->head + 1) % AUT_QUEUE_CAP;
        self->count--;
        pthread_cond_signal (&self->changed);
    }
    pthread_mutex_unlock (&self->lock);
    return *frame ? 1 : aut_queue_error (self);
}

static void s_finish (aut_queue_t *self, bool *flag, int error)
{
    pthread_mutex_lock (&self->lock);
    *flag = true;
    if (error && !self->error) {
        self->error = error;
        self->detail = aut_strdup (aut_error_detail ());
    }
    pthread_cond_broadcast (&self->changed);
    pthread_mutex_unlock (&self->lock);
}

void aut_queue_end (aut_queue_t *self, int error)
{
    s_finish (self, &self->ended, error);
}

void aut_queue_stop (aut_queue_t *self, int error)
{
    s_finish (self, &self->stopped, error);
}

int aut_queue_error (aut_queue_t *self)
{
    pthread_mutex_lock (&self->lock);
    int error = self->error ? aut_fail (self->error, "%s", self->detail) : 0;
    pthread_mutex_unlock (&self->lock);
    return error;
}

/*  Rows start at multiples of 64 bytes and planes have some slack, as SIMD code reads past ends. */
int aut_frame_pool_init (aut_frame_pool_t *self, int width, int height)
{
    *self = (aut_frame_pool_t){.width = width, .height = height};
    self->stride = (width + 63) & ~63;
    self->chroma_stride = ((width + 1) / 2 + 63) & ~63;
    size_t rows = (size_t)(height + 1) & ~(size_t)1;
    size_t size = rows * (size_t)self->stride + rows * (size_t)self->chroma_stride + 256;
    self->buffers = av_buffer_pool_init (size, NULL);
    return self->buffers ? 0 : aut_fail (AUT_ERR_NOMEM, "out of memory");
}

AVFrame *aut_frame_pool_get (aut_frame_pool_t *self)
{
    AVFrame *frame = av_frame_alloc ();
    AVBufferRef *buffer = frame ? av_buffer_pool_get (self->buffers) : NULL;
    if (!buffer) {
        av_frame_free (&frame);
        return NULL;
    }
    size_t rows = (size_t)(self->height + 1) & ~(size_t)1;
    uint8_t *base = (uint8_t *)(((uintptr_t)buffer->data + 63) & ~(uintptr_t)63);
    frame->buf[0] = buffer;
    frame->data[0] = base;
    frame->data[1] = base + rows * (size_t)self->stride;
    frame->data[2] = frame->data[1] + rows / 2 * (size_t)self->chroma_stride;
    frame->linesize[0] = self->stride;
    frame->linesize[1] = frame->linesize[2] = self->chroma_stride;
    frame->width = self->width;
    frame->height = self->height;
    frame->format = AV_PIX_FMT_YUV420P;
    frame->color_range = AVCOL_RANGE_MPEG;
    frame->colorspace = AVCOL_SPC_BT709;
    frame->color_primaries = AVCOL_PRI_BT709;
    frame->color_trc = AVCOL_TRC_BT709;
    frame->chroma_location = AVCHROMA_LOC_LEFT;
    frame->sample_aspect_ratio = (AVRational){1, 1};
    return frame;
}

void aut_frame_pool_clear (aut_frame_pool_t *self)
{
    av_buffer_pool_uninit (&self->buffers);
}
