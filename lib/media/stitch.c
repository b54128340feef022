/*  The composer: takes scaled frames from the one or two open shots, mixes them, draws the words
 * and hands them to the encoder. Three kinds of threads, joined by queues of four frames, so that
 *  decoding, composing and encoding overlap and memory stays the same for any film.
 */
#include "lib/media/stitch.h"

#include "lib/core/error.h"
#include "lib/core/mem.h"
#include "lib/media/stitch_private.h"

#include <stdlib.h>

/* A shot's decoder starts this many frames before it is needed. */
#define AHEAD 6

typedef struct {
    const aut_stitch_t *film;
    aut_frame_pool_t pool;
    aut_stitch_source_t *current, *next;
    aut_encoder_t *encoder;
    aut_burner_t *burn; /* NULL without burn-in */
    uint64_t done, total;
} s_stitch_t;

static int s_no_memory (void)
{
    return aut_fail (AUT_ERR_NOMEM, "out of memory");
}

/*  A frame that may be drawn on: itself, or a copy if someone else shows it too. */
static int s_writable (s_stitch_t *self, AVFrame **frame)
{
    if (av_frame_is_writable (*frame))
        return 0;
    AVFrame *copy = aut_frame_pool_get (&self->pool);
    if (!copy || av_frame_copy (copy, *frame) < 0) {
        av_frame_free (&copy);
        return s_no_memory ();
    }
    av_frame_free (frame);
    *frame = copy;
    return 0;
}

static int s_emit (s_stitch_t *self, AVFrame *frame, const aut_stitch_shot_t *shot)
{
    int rc = 0;
    if (self->burn) {
        rc = s_writable (self, &frame);
        if (rc == 0)
            rc = aut_burner_draw (self->burn, frame, shot, self->done);
    }
    if (rc < 0) {
        av_frame_free (&frame);
        return rc;
    }
    rc = aut_encoder_push (self->encoder, frame);
    if (rc < 0)
        return rc;
    self->done++;
    if (self->film->progress)
        self->film->progress (self->film->ctx, self->done, self->total);
    return 0;
}

/*  Replaces *frame by frame `k` of the transition into `shot`, `to` over *frame (NULL: black). */
static int s_transition (s_stitch_t *self, AVFrame **frame, const AVFrame *from, const AVFrame *to,
                         const aut_stitch_shot_t *shot, uint64_t k)
{
    AVFrame *mixed = aut_frame_pool_get (&self->pool);
    if (!mixed)
        return s_no_memory ();
    aut_mix (mixed, from, to, shot->transition, shot->wipe, (uint32_t)k, shot->transition_frames);
    av_frame_free (frame);
    *frame = mixed;
    return 0;
}

/*  Film frame `j` of shot `i`, alone or in the overlap with the next one. */
static int s_compose (s_stitch_t *self, size_t i, uint64_t j, uint64_t overlap)
{
    const aut_stitch_shot_t *shot = &self->film->shots[i], *shown = shot;
    AVFrame *frame = NULL, *other = NULL;
    int rc = aut_stitch_source_next (self->current, &frame);
    if (rc == 0 && i == 0 && j < shot->transition_frames)
        rc = s_transition (self, &frame, NULL, frame, shot, j);
    if (rc == 0 && j + overlap >= shot->frames) {
        uint64_t k = j + overlap - shot->frames;
        rc = aut_stitch_source_next (self->next, &other);
        if (rc == 0)
            rc = s_transition (self, &frame, frame, other, shot + 1, k);
        /* Words change with the picture that has the greater share. */
        if (2 * k >= overlap)
            shown = shot + 1;
        av_frame_free (&other);
    }
    if (rc == 0)
        return s_emit (self, frame, shown);
    av_frame_free (&frame);
    return rc;
}

static int s_shot (s_stitch_t *self, size_t i)
{
    const aut_stitch_t *film = self->film;
    const aut_stitch_shot_t *shot = &film->shots[i];
    bool more = i + 1 < film->shot_count;
    uint64_t overlap = more ? shot[1].transition_frames : 0;
    for (uint64_t j = i ? shot->transition_frames : 0; j < shot->frames; j++) {
        if (film->cancelled && film->cancelled (film->ctx))
            return aut_fail (AUT_ERR_CANCELLED, "the stitch was cancelled");
        int rc = 0;
        if (more && !self->next && j + overlap + AHEAD >= shot->frames)
            rc = aut_stitch_source_start (&self->next, film, shot + 1, &self->pool);
        if (rc == 0)
            rc = s_compose (self, i, j, overlap);
        if (rc < 0)
            return rc;
    }
    int rc = aut_stitch_source_finish (self->current);
    /* A shot that lies wholly in its transitions has not been looked ahead from. */
    if (rc == 0 && more && !self->next)
        rc = aut_stitch_source_start (&self->next, film, shot + 1, &self->pool);
    aut_stitch_source_destroy (&self->current);
    self->current = self->next;
    self->next = NULL;
    return rc;
}

static int s_open (s_stitch_t *self, const char *path, aut_stitch_report_t *report)
{
    int rc = aut_frame_pool_init (&self->pool, (int)report->width, (int)report->height);
    if (rc == 0 && self->film->burn_in)
        rc = aut_burner_new (&self->burn, self->film, report->width, report->height);
    if (rc == 0)
        rc = aut_stitch_source_start (&self->current, self->film, &self->film->shots[0],
                                      &self->pool);
    if (rc == 0)
        rc = aut_encoder_start (&self->encoder, path, self->film, report);
    return rc;
}

int aut_stitch (const char *path, const aut_stitch_t *film, aut_stitch_report_t *report)
{
    int rc = aut_stitch_check (film);
    if (rc < 0)
        return rc;
    aut_stitch_report_t made = {
        .frames = aut_stitch_frames (film),
        .width = film->out_width ? film->out_width : film->width,
        .height = film->out_height ? film->out_height : film->height,
        .threads = film->threads ? film->threads : 4,
    };
    s_stitch_t self = {.film = film, .total = made.frames};
    rc = s_open (&self, path, &made);
    for (size_t i = 0; rc == 0 && i < film->shot_count; i++)
        rc = s_shot (&self, i);
    if (rc == 0)
        rc = aut_encoder_finish (self.encoder);
    aut_stitch_source_destroy (&self.current);
    aut_stitch_source_destroy (&self.next);
    aut_encoder_destroy (&self.encoder);
    aut_burner_destroy (&self.burn);
    aut_frame_pool_clear (&self.pool);
    if (rc == 0 && report)
        *report = made;
    return rc;
}
