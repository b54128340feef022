/*  Internal to lib/media: a bounded queue of frames between two threads, and the pool they come
 * from.
 *
 *  The producer ends it with or without an error; the consumer may stop it, upon which pushes give
 *  AUT_ERR_CANCELLED. An error's sentence travels with it, because sentences belong to threads.
 */
#ifndef AUT_LIB_MEDIA_QUEUE_H
#define AUT_LIB_MEDIA_QUEUE_H

#include <libavutil/buffer.h>
#include <libavutil/frame.h>
#include <pthread.h>
#include <stdbool.h>

#define AUT_QUEUE_CAP 4

typedef struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    AVFrame *items[AUT_QUEUE_CAP];
    unsigned head, count;
    bool ended, stopped;
    int error;
    char *detail;
} aut_queue_t;

void aut_queue_init (aut_queue_t *self);
/*  Both threads must be done with it. */
void aut_queue_clear (aut_queue_t *self);
/*  Takes the frame over, waits while full; 0 or AUT_ERR_CANCELLED when stopped. */
int aut_queue_push (aut_queue_t *self, AVFrame *frame);
/*  1 and a frame that the caller frees, 0 at the end, or the producer's error. */
int aut_queue_pop (aut_queue_t *self, AVFrame **frame);
/*  By the producer: no more frames; `error` is 0 or a code whose sentence this thread holds. */
void aut_queue_end (aut_queue_t *self, int error);
/*  By the consumer: pushes fail from now on; an error is kept for `aut_queue_error`. */
void aut_queue_stop (aut_queue_t *self, int error);
/*  The error given to end or stop, its sentence set for the calling thread; or 0. */
int aut_queue_error (aut_queue_t *self);

/*  Frames of 8-bit 4:2:0 in one size, reused. May be used by several threads. */
typedef struct {
    AVBufferPool *buffers;
    int width, height, stride, chroma_stride;
} aut_frame_pool_t;

int aut_frame_pool_init (aut_frame_pool_t *self, int width, int height);
/*  A writable frame with undefined content, tagged BT.709, limited range; NULL without memory. */
AVFrame *aut_frame_pool_get (aut_frame_pool_t *self);
void aut_frame_pool_clear (aut_frame_pool_t *self);

#endif
