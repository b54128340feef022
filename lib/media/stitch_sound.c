/*  The film's sound stream: the mix as AAC, encoded as far as the pictures are. */
#include "lib/core/error.h"
#include "lib/core/mem.h"
#include "lib/media/ff.h"
#include "lib/media/stitch_private.h"

#include <libavutil/channel_layout.h>
#include <stdlib.h>

#define BITS_A_SECOND 192000

struct aut_stitch_sound {
    aut_sound_mix_t *mix;
    aut_ff_output_t *output;
    AVCodecContext *encoder;
    AVStream *stream;
    AVFrame *frame;
    AVPacket *packet;
    float *samples; /* interleaved, a frame of the encoder's */
    int64_t at;     /* samples encoded */
    bool ended;
};

static int s_encoder_open (aut_stitch_sound_t *self)
{
    const AVChannelLayout stereo = AV_CHANNEL_LAYOUT_STEREO;
    const AVCodec *codec = avcodec_find_encoder (AV_CODEC_ID_AAC);
    AVCodecContext *c = self->encoder = codec ? avcodec_alloc_context3 (codec) : NULL;
    if (!c)
        return aut_fail (AUT_ERR_UNSUPPORTED, "this FFmpeg has no encoder for AAC");
    c->sample_rate = AUT_SOUND_RATE;
    c->sample_fmt = AV_SAMPLE_FMT_FLTP;
    c->bit_rate = BITS_A_SECOND;
    c->time_base = (AVRational){1, AUT_SOUND_RATE};
    c->flags |= AV_CODEC_FLAG_BITEXACT | AV_CODEC_FLAG_GLOBAL_HEADER;
    c->thread_count = 1;
    int rc = av_channel_layout_copy (&c->ch_layout, &stereo);
    if (rc >= 0)
        rc = avcodec_open2 (c, codec, NULL);
    return rc < 0 ? aut_ff_fail (AUT_ERR_UNSUPPORTED, rc, "the encoder for AAC cannot be opened")
                  : 0;
}

static int s_stream_add (aut_stitch_sound_t *self)
{
    AVStream *stream = self->stream = avformat_new_stream (self->output->format, NULL);
    if (!stream || avcodec_parameters_from_context (stream->codecpar, self->encoder) < 0)
        return aut_fail (AUT_ERR_NOMEM, "out of memory");
    stream->time_base = self->encoder->time_base;
    return 0;
}

static int s_frame_alloc (aut_stitch_sound_t *self)
{
    self->packet = av_packet_alloc ();
    AVFrame *frame = self->frame = av_frame_alloc ();
    if (!frame || !self->packet)
        return aut_fail (AUT_ERR_NOMEM, "out of memory");
    frame->format = self->encoder->sample_fmt;
    frame->sample_rate = AUT_SOUND_RATE;
    frame->nb_samples = self->encoder->frame_size;
    self->samples =
        aut_calloc ((size_t)frame->nb_samples * AUT_SOUND_CHANNELS, sizeof *self->samples);
    if (av_channel_layout_copy (&frame->ch_layout, &self->encoder->ch_layout) < 0 ||
        av_frame_get_buffer (frame, 0) < 0)
        return aut_fail (AUT_ERR_NOMEM, "out of memory");
    return 0;
}

int aut_stitch_sound_open (aut_stitch_sound_t **out, const aut_stitch_t *film,
                           aut_ff_output_t *output, aut_stitch_report_t *report)
{
    aut_stitch_sound_t *self = aut_calloc (1, sizeof *self);
    self->output = output;
    int rc = aut_sound_mix_open (&self->mix, film->sound, film->cancelled, film->ctx);
    if (rc == 0)
        rc = s_encoder_open (self);
    if (rc == 0)
        rc = s_stream_add (self);
    if (rc == 0)
        rc = s_frame_alloc (self);
    if (rc == 0) {
        report->has_sound = true;
        report->sound_loudness = aut_sound_mix_loudness (self->mix);
        report->sound_gain = aut_sound_mix_gain (self->mix);
    } else {
        aut_stitch_sound_close (&self);
    }
    *out = self;
    return rc;
}

static int s_drain (aut_stitch_sound_t *self)
{
    for (;;) {
        int rc = avcodec_receive_packet (self->encoder, self->packet);
        if (rc == AVERROR (EAGAIN) || rc == AVERROR_EOF)
            return 0;
        if (rc < 0)
            return aut_ff_fail (AUT_ERR_INTERNAL, rc, "the encoder for AAC");
        self->packet->stream_index = self->stream->index;
        av_packet_rescale_ts (self->packet, self->encoder->time_base, self->stream->time_base);
        rc = aut_ff_output_packet (self->output, self->packet);
        if (rc < 0)
            return rc;
    }
}

/*  Encodes the next frame's worth; at the mix's end what is left, and flushes. */
static int s_encode (aut_stitch_sound_t *self)
{
    size_t count = 0, most = (size_t)self->encoder->frame_size;
    int rc = aut_sound_mix_read (self->mix, self->samples, most, &count);
    if (rc == 0 && av_frame_make_writable (self->frame) < 0)
        rc = aut_fail (AUT_ERR_NOMEM, "out of memory");
    if (rc < 0)
        return rc;
    self->ended = count < most;
    for (size_t i = 0; i < count * AUT_SOUND_CHANNELS; i++)
        ((float *)(void *)self->frame->data[i % AUT_SOUND_CHANNELS])[i / AUT_SOUND_CHANNELS] =
            self->samples[i];
    self->frame->nb_samples = (int)count;
    self->frame->pts = self->at;
    self->at += (int64_t)count;
    int sent = count ? avcodec_send_frame (self->encoder, self->frame) : 0;
    if (sent >= 0 && self->ended) {
        rc = s_drain (self);
        sent = avcodec_send_frame (self->encoder, NULL);
    }
    if (sent < 0)
        return aut_ff_fail (AUT_ERR_INTERNAL, sent, "the encoder for AAC");
    return rc ? rc : s_drain (self);
}

int aut_stitch_sound_until (aut_stitch_sound_t *self, double seconds)
{
    int rc = 0;
    while (rc == 0 && !self->ended && (double)self->at < seconds * AUT_SOUND_RATE)
        rc = s_encode (self);
    return rc;
}

int aut_stitch_sound_finish (aut_stitch_sound_t *self)
{
    int rc = 0;
    while (rc == 0 && !self->ended)
        rc = s_encode (self);
    return rc;
}

void aut_stitch_sound_close (aut_stitch_sound_t **self_p)
{
    aut_stitch_sound_t *self = *self_p;
    if (!self)
        return;
    aut_sound_mix_close (&self->mix);
    avcodec_free_context (&self->encoder);
    av_frame_free (&self->frame);
    av_packet_free (&self->packet);
    free (self->samples);
    free (self);
    *self_p = NULL;
}
