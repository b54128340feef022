#include "lib/media/sound_filter.h"

#include "lib/core/error.h"
#include "lib/core/mem.h"
#include "lib/media/ff.h"
#include "lib/media/sound_track.h"

#include <libavfilter/avfilter.h>
#include <libavfilter/buffersink.h>
#include <libavfilter/buffersrc.h>
#include <libavutil/channel_layout.h>
#include <stdlib.h>
#include <string.h>

struct aut_sound_filter {
    AVFilterGraph *graph;
    AVFilterContext *source, *sink;
    AVFrame *out;
    int64_t at; /* samples put in */
};

/*  source → chain → sink. */
static int s_link (aut_sound_filter_t *self, const char *chain)
{
    AVFilterInOut *inputs = avfilter_inout_alloc (), *outputs = avfilter_inout_alloc ();
    int rc = inputs && outputs ? 0 : AVERROR (ENOMEM);
    if (rc == 0) {
        *outputs = (AVFilterInOut){.name = av_strdup ("in"), .filter_ctx = self->source};
        *inputs = (AVFilterInOut){.name = av_strdup ("out"), .filter_ctx = self->sink};
        rc = avfilter_graph_parse_ptr (self->graph, chain, &inputs, &outputs, NULL);
    }
    avfilter_inout_free (&inputs);
    avfilter_inout_free (&outputs);
    return rc < 0 ? rc : avfilter_graph_config (self->graph, NULL);
}

int aut_sound_filter_open (aut_sound_filter_t **out, const char *chain)
{
    char format[96];
    snprintf (format, sizeof format,
              "time_base=1/%d:sample_rate=%d:sample_fmt=flt:channel_layout=stereo", AUT_SOUND_RATE,
              AUT_SOUND_RATE);
    aut_sound_filter_t *self = aut_calloc (1, sizeof *self);
    aut_ff_init ();
    self->graph = avfilter_graph_alloc ();
    self->out = av_frame_alloc ();
    int rc = self->graph && self->out ? 0 : AVERROR (ENOMEM);
    if (rc == 0) {
        self->graph->nb_threads = 1;
        rc = avfilter_graph_create_filter (&self->source, avfilter_get_by_name ("abuffer"), "in",
                                           format, NULL, self->graph);
    }
    if (rc >= 0)
        rc = avfilter_graph_create_filter (&self->sink, avfilter_get_by_name ("abuffersink"), "out",
                                           NULL, NULL, self->graph);
    char *whole = aut_sprintf ("%s,aformat=sample_fmts=flt:channel_layouts=stereo", chain);
    if (rc >= 0)
        rc = s_link (self, whole);
    free (whole);
    if (rc < 0) {
        aut_sound_filter_close (&self);
        return aut_ff_fail (AUT_ERR_UNSUPPORTED, rc, "this FFmpeg cannot filter by \"%s\"", chain);
    }
    *out = self;
    return 0;
}

static AVFrame *s_frame (const float *samples, size_t count)
{
    const AVChannelLayout stereo = AV_CHANNEL_LAYOUT_STEREO;
    AVFrame *frame = av_frame_alloc ();
    if (!frame)
        return NULL;
    frame->format = AV_SAMPLE_FMT_FLT;
    frame->sample_rate = AUT_SOUND_RATE;
    frame->nb_samples = (int)count;
    if (av_channel_layout_copy (&frame->ch_layout, &stereo) < 0 ||
        av_frame_get_buffer (frame, 0) < 0) {
        av_frame_free (&frame);
        return NULL;
    }
    memcpy (frame->data[0], samples, count * AUT_SOUND_CHANNELS * sizeof *samples);
    return frame;
}

int aut_sound_filter_push (aut_sound_filter_t *self, const float *samples, size_t count)
{
    AVFrame *frame = count ? s_frame (samples, count) : NULL;
    if (count && !frame)
        return aut_fail (AUT_ERR_NOMEM, "out of memory");
    if (frame)
        frame->pts = self->at;
    self->at += (int64_t)count;
    int rc = av_buffersrc_add_frame (self->source, frame);
    av_frame_free (&frame);
    return rc < 0 ? aut_ff_fail (AUT_ERR_INTERNAL, rc, "the sound's filters") : 0;
}

int aut_sound_filter_pull (aut_sound_filter_t *self, const AVFrame **frame)
{
    av_frame_unref (self->out);
    int rc = av_buffersink_get_frame (self->sink, self->out);
    if (rc == AVERROR (EAGAIN) || rc == AVERROR_EOF)
        return 0;
    if (rc < 0)
        return aut_ff_fail (AUT_ERR_INTERNAL, rc, "the sound's filters");
    *frame = self->out;
    return 1;
}

void aut_sound_filter_close (aut_sound_filter_t **self_p)
{
    aut_sound_filter_t *self = *self_p;
    if (!self)
        return;
    av_frame_free (&self->out);
    avfilter_graph_free (&self->graph);
    free (self);
    *self_p = NULL;
}
