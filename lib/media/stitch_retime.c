/*  Motion interpolation: what a shot whose native rate is below the film's shows between two native
 *  frames. FFmpeg's minterpolate finds where blocks of 16 pixels went and moves them there in part;
 *  where it finds nothing it mixes the two frames.
 *
 *  Film frame j is the picture at j / rate: native frame i stands at i / native rate as it is, the
 *  ones between are made, and after the last one it stands still. Tried by eye on auteur-mini's
 *  shots and on sharp shapes, 8 to 24 frames a second: mixing alone shows everything that moves
 *  twice. Small pictures are enlarged for this first, since in 96x64 a block is as large as what
 *  moves; 384x256 was as clean as the film's own size. Very small sides and very large pictures,
 *  which would take 300 bytes a pixel, are mixed.
 */
#include "lib/core/error.h"
#include "lib/core/mem.h"
#include "lib/media/ff.h"
#include "lib/media/stitch_private.h"

#include <libavfilter/avfilter.h>
#include <libavfilter/buffersink.h>
#include <libavfilter/buffersrc.h>
#include <stdlib.h>

#define ENLARGED (384 * 256) /* pixels that a small picture is enlarged to, at most */
#define LEAST_SIDE 32        /* two blocks */
#define MOST_PIXELS (1920 * 1088)
#define MOST_TERM 1000000 /* of a rate: storyboards and manifests have no larger ones */

struct aut_retimer {
    AVFilterGraph *graph;
    AVFilterContext *source, *sink;
    AVFrame *last; /* the native frame that came last */
    int64_t pushed, pulled;
};

bool aut_retimer_serves (const aut_stitch_t *film, const aut_stitch_shot_t *shot)
{
    return shot->native_frames > 1 &&
           (int64_t)film->rate_num * shot->rate_den > (int64_t)shot->rate_num * film->rate_den;
}

uint32_t aut_retimer_enlarge (uint32_t width, uint32_t height)
{
    uint32_t times = 1;
    while ((uint64_t)width * height * (times + 1) * (times + 1) <= ENLARGED)
        times++;
    return times;
}

static int s_link (aut_retimer_t *self, const char *in, const char *options)
{
    AVFilterContext *filter = NULL;
    int rc = avfilter_graph_create_filter (&self->source, avfilter_get_by_name ("buffer"), "in", in,
                                           NULL, self->graph);
    const AVFilter *interpolate = avfilter_get_by_name ("minterpolate");
    if (!interpolate)
        return aut_fail (AUT_ERR_UNSUPPORTED, "this FFmpeg has no minterpolate: a film faster than "
                                              "its models needs a build with --enable-gpl");
    if (rc >= 0)
        rc = avfilter_graph_create_filter (&filter, interpolate, "retime", options, NULL,
                                           self->graph);
    if (rc >= 0)
        rc = avfilter_graph_create_filter (&self->sink, avfilter_get_by_name ("buffersink"), "out",
                                           NULL, NULL, self->graph);
    if (rc >= 0)
        rc = avfilter_link (self->source, 0, filter, 0);
    if (rc >= 0)
        rc = avfilter_link (filter, 0, self->sink, 0);
    if (rc >= 0)
        rc = avfilter_graph_config (self->graph, NULL);
    return rc < 0 ? aut_ff_fail (AUT_ERR_UNSUPPORTED, rc, "cannot interpolate frames") : 0;
}

int aut_retimer_new (aut_retimer_t **out, const aut_stitch_t *film, const aut_stitch_shot_t *shot,
                     uint32_t width, uint32_t height)
{
    *out = NULL;
    if (film->rate_num > MOST_TERM || film->rate_den > MOST_TERM || shot->rate_num > MOST_TERM ||
        shot->rate_den > MOST_TERM)
        return aut_fail (AUT_ERR_INVALID, "shot %s: from %d/%d to %d/%d frames per second",
                         shot->id ? shot->id : "", (int)shot->rate_num, (int)shot->rate_den,
                         (int)film->rate_num, (int)film->rate_den);
    aut_retimer_t *self = aut_calloc (1, sizeof *self);
    bool moves =
        width >= LEAST_SIDE && height >= LEAST_SIDE && (uint64_t)width * height <= MOST_PIXELS;
    char *in = aut_sprintf ("width=%u:height=%u:pix_fmt=%d:time_base=%d/%d:sar=1/1", width, height,
                            (int)AV_PIX_FMT_YUV444P, (int)shot->rate_den, (int)shot->rate_num);
    char *options = aut_sprintf ("fps=%d/%d:scd=none:mi_mode=%s", (int)film->rate_num,
                                 (int)film->rate_den, moves ? "mci" : "blend");
    self->graph = avfilter_graph_alloc ();
    self->last = av_frame_alloc ();
    int rc = self->graph && self->last ? 0 : aut_fail (AUT_ERR_NOMEM, "out of memory");
    if (rc == 0) {
        self->graph->nb_threads = 1;
        rc = s_link (self, in, options);
    }
    free (in);
    free (options);
    if (rc < 0)
        aut_retimer_destroy (&self);
    *out = self;
    return rc;
}

int aut_retimer_push (aut_retimer_t *self, const AVFrame *frame)
{
    int rc = 0;
    if (frame) {
        av_frame_unref (self->last);
        rc = av_frame_ref (self->last, frame);
    }
    self->last->pts = self->pushed++;
    if (rc >= 0)
        rc = av_buffersrc_write_frame (self->source, self->last);
    return rc < 0 ? aut_ff_fail (AUT_ERR_INTERNAL, rc, "cannot interpolate frames") : 0;
}

int aut_retimer_pull (aut_retimer_t *self, AVFrame *frame)
{
    int rc = av_buffersink_get_frame_flags (self->sink, frame, 0);
    if (rc == AVERROR (EAGAIN) || rc == AVERROR_EOF)
        return 0;
    if (rc < 0)
        return aut_ff_fail (AUT_ERR_INTERNAL, rc, "cannot interpolate frames");
    if (frame->pts != self->pulled++)
        return aut_fail (AUT_ERR_INTERNAL, "interpolation made frame %lld where %lld belongs",
                         (long long)frame->pts, (long long)self->pulled - 1);
    return 1;
}

void aut_retimer_destroy (aut_retimer_t **self_p)
{
    aut_retimer_t *self = *self_p;
    if (!self)
        return;
    avfilter_graph_free (&self->graph);
    av_frame_free (&self->last);
    free (self);
    *self_p = NULL;
}
