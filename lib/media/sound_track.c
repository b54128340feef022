#include "lib/media/sound_track.h"

#include "lib/core/error.h"
#include "lib/core/mem.h"
#include "lib/media/ff.h"

#include <libavutil/channel_layout.h>
#include <libswresample/swresample.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct aut_sound_track_reader {
    char *path;
    AVFormatContext *format;
    AVCodecContext *decoder;
    SwrContext *convert;
    AVChannelLayout layout; /* what `convert` was made for, with its rate and format */
    int rate, sample_format;
    AVPacket *packet;
    AVFrame *frame;
    int stream;
    float *data; /* decoded and not yet asked for: samples at … have */
    size_t at, have, cap;
    bool any;            /* something was decoded */
    bool drained, ended; /* the file has no packets left; nor has the decoder */
};

static const char *s_sniff (const uint8_t *d, size_t size)
{
    if (size < 12)
        return NULL;
    if ((!memcmp (d, "RIFF", 4) || !memcmp (d, "RF64", 4)) && !memcmp (d + 8, "WAVE", 4))
        return "wav";
    if (!memcmp (d, "FORM", 4) && (!memcmp (d + 8, "AIFF", 4) || !memcmp (d + 8, "AIFC", 4)))
        return "aiff";
    if (!memcmp (d, "fLaC", 4))
        return "flac";
    if (!memcmp (d, "OggS", 4))
        return "ogg";
    if (!memcmp (d + 4, "ftyp", 4))
        return "mov";
    if (!memcmp (d, "ID3", 3))
        return "mp3";
    if (d[0] == 0xff && (d[1] & 0xf6) == 0xf0)
        return "aac";
    if (d[0] == 0xff && (d[1] & 0xe0) == 0xe0)
        return "mp3";
    return NULL;
}

static int s_demuxer_of (const char **out, const char *path)
{
    uint8_t head[16];
    int rc = aut_ff_regular (path, NULL);
    if (rc < 0)
        return rc;
    FILE *file = fopen (path, "rbe");
    if (!file)
        return aut_fail_errno ("%s", path);
    size_t size = fread (head, 1, sizeof head, file);
    fclose (file);
    *out = s_sniff (head, size);
    return *out ? 0
                : aut_fail (AUT_ERR_UNSUPPORTED,
                            "%s: not a sound (WAV, MP3, FLAC, Ogg, AAC, M4A and AIFF are read)",
                            path);
}

static int s_open_decoder (aut_sound_reader_t *self)
{
    self->format->probesize = 4 << 20;
    self->format->max_analyze_duration = AV_TIME_BASE;
    int rc = avformat_find_stream_info (self->format, NULL);
    self->stream =
        rc < 0 ? rc : av_find_best_stream (self->format, AVMEDIA_TYPE_AUDIO, -1, -1, NULL, 0);
    if (self->stream < 0)
        return aut_fail (AUT_ERR_CORRUPT, "%s: no sound in it", self->path);
    AVStream *stream = self->format->streams[self->stream];
    const AVCodec *codec = avcodec_find_decoder (stream->codecpar->codec_id);
    self->decoder = codec ? avcodec_alloc_context3 (codec) : NULL;
    self->packet = av_packet_alloc ();
    self->frame = av_frame_alloc ();
    rc = self->decoder && self->packet && self->frame
             ? avcodec_parameters_to_context (self->decoder, stream->codecpar)
             : AVERROR_DECODER_NOT_FOUND;
    if (rc >= 0) {
        self->decoder->pkt_timebase = stream->time_base; /* for what is to be skipped */
        rc = avcodec_open2 (self->decoder, codec, NULL);
    }
    return rc < 0 ? aut_ff_fail (AUT_ERR_CORRUPT, rc, "%s: the sound cannot be decoded", self->path)
                  : 0;
}

int aut_sound_reader_open (aut_sound_reader_t **out, const char *path)
{
    const char *demuxer = NULL;
    *out = NULL;
    int rc = s_demuxer_of (&demuxer, path);
    if (rc < 0)
        return rc;
    aut_sound_reader_t *self = aut_calloc (1, sizeof *self);
    self->path = aut_strdup (path);
    rc = aut_ff_input_open (&self->format, path, demuxer);
    if (rc == 0)
        rc = s_open_decoder (self);
    if (rc < 0)
        aut_sound_reader_close (&self);
    *out = self;
    return rc;
}

/*  A converter for frames like this one; a stream may change between two. */
static int s_prepare (aut_sound_reader_t *self)
{
    const AVFrame *frame = self->frame;
    if (self->convert && self->rate == frame->sample_rate && self->sample_format == frame->format &&
        av_channel_layout_compare (&self->layout, &frame->ch_layout) == 0)
        return 0;
    AVChannelLayout stereo = AV_CHANNEL_LAYOUT_STEREO, from = {0};
    if (frame->ch_layout.order == AV_CHANNEL_ORDER_UNSPEC)
        av_channel_layout_default (&from, frame->ch_layout.nb_channels);
    else if (av_channel_layout_copy (&from, &frame->ch_layout) < 0)
        return aut_fail (AUT_ERR_NOMEM, "out of memory");
    swr_free (&self->convert);
    int rc = swr_alloc_set_opts2 (&self->convert, &stereo, AV_SAMPLE_FMT_FLT, AUT_SOUND_RATE, &from,
                                  frame->format, frame->sample_rate, 0, NULL);
    if (rc >= 0)
        rc = swr_init (self->convert);
    av_channel_layout_uninit (&from);
    if (rc >= 0)
        rc = av_channel_layout_copy (&self->layout, &frame->ch_layout);
    self->rate = frame->sample_rate;
    self->sample_format = frame->format;
    return rc < 0 ? aut_ff_fail (AUT_ERR_UNSUPPORTED, rc, "%s: its channels cannot be mixed",
                                 self->path)
                  : 0;
}

/*  What the converter makes of `frame`, or with NULL what it still holds, into the empty buffer. */
static int s_convert (aut_sound_reader_t *self, const AVFrame *frame)
{
    if (!self->convert)
        return 0;
    int room = swr_get_out_samples (self->convert, frame ? frame->nb_samples : 0);
    if (room < 0 || room > 1 << 24)
        return aut_fail (AUT_ERR_CORRUPT, "%s: a packet of %d samples", self->path, room);
    if ((size_t)room > self->cap) {
        self->cap = (size_t)room;
        self->data = aut_realloc (self->data, self->cap, AUT_SOUND_CHANNELS * sizeof *self->data);
    }
    uint8_t *to[] = {(uint8_t *)self->data};
    int made =
        swr_convert (self->convert, to, room, frame ? (const uint8_t **)frame->extended_data : NULL,
                     frame ? frame->nb_samples : 0);
    if (made < 0)
        return aut_ff_fail (AUT_ERR_CORRUPT, made, "%s: the sound cannot be decoded", self->path);
    self->at = 0;
    self->have = (size_t)made;
    self->any |= made > 0;
    return 0;
}

/*  Gives the decoder another packet of the sound's, or tells it that there is none. */
static int s_feed (aut_sound_reader_t *self)
{
    int rc = av_read_frame (self->format, self->packet);
    if (rc < 0) { /* cut off or damaged beyond: what was read so far counts */
        self->drained = true;
        avcodec_send_packet (self->decoder, NULL);
        return 0;
    }
    if (self->packet->stream_index == self->stream)
        avcodec_send_packet (self->decoder, self->packet);
    av_packet_unref (self->packet);
    return 0;
}

/*  Fills the empty buffer with the next decoded frame; `ended` when there is none. */
static int s_decode (aut_sound_reader_t *self)
{
    for (;;) {
        int rc = avcodec_receive_frame (self->decoder, self->frame);
        if (rc == AVERROR (EAGAIN) && !self->drained) {
            s_feed (self);
            continue;
        }
        if (rc == AVERROR_EOF || (rc < 0 && self->drained)) {
            self->ended = true;
            return s_convert (self, NULL);
        }
        if (rc < 0) /* a damaged packet */
            continue;
        rc = s_prepare (self);
        if (rc == 0)
            rc = s_convert (self, self->frame);
        av_frame_unref (self->frame);
        return rc;
    }
}

int aut_sound_reader_read (aut_sound_reader_t *self, float *samples, size_t count, size_t *got)
{
    *got = 0;
    while (*got < count) {
        if (self->at == self->have) {
            if (self->ended)
                break;
            int rc = s_decode (self);
            if (rc < 0)
                return rc;
            continue;
        }
        size_t take = self->have - self->at < count - *got ? self->have - self->at : count - *got;
        memcpy (samples + *got * AUT_SOUND_CHANNELS, self->data + self->at * AUT_SOUND_CHANNELS,
                take * AUT_SOUND_CHANNELS * sizeof *samples);
        self->at += take;
        *got += take;
    }
    return self->any ? 0 : aut_fail (AUT_ERR_CORRUPT, "%s: no sound in it", self->path);
}

void aut_sound_reader_close (aut_sound_reader_t **self_p)
{
    aut_sound_reader_t *self = *self_p;
    if (!self)
        return;
    swr_free (&self->convert);
    av_channel_layout_uninit (&self->layout);
    av_frame_free (&self->frame);
    av_packet_free (&self->packet);
    avcodec_free_context (&self->decoder);
    avformat_close_input (&self->format);
    free (self->data);
    free (self->path);
    free (self);
    *self_p = NULL;
}
