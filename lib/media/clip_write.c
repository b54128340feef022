/*  Writes mezzanines: FFV1 level 3, every frame a key frame, Golomb coder and the small context:
 *  measured at 832×480 they decode twice as fast as the range coder, at the same size, and decoding
 *  is most of a stitch's work. Slices let the decoder use several threads.
 */
#include "lib/core/error.h"
#include "lib/core/mem.h"
#include "lib/media/ff.h"

#include <libavutil/opt.h>
#include <stdlib.h>
#include <string.h>

struct aut_clip_writer {
    aut_ff_output_t output;
    AVCodecContext *encoder;
    AVFrame *frame;
    AVPacket *packet;
    aut_hasher_t *hasher;
    aut_clip_format_t format;
    uint64_t sent, written;
    char *path;
};

int aut_clip_format_check (aut_clip_format_t *format)
{
    /* Above 352×288 there are several slices, and one of a single row or column does not survive
     * FFmpeg 5.1. */
    uint32_t least = format->width <= 352 && format->height <= 288 ? 2 : 8;
    if (format->width < least || format->height < least || format->width > 16384 ||
        format->height > 16384)
        return aut_fail (AUT_ERR_INVALID, "a clip of %ux%u pixels: sides are %u to 16384",
                         format->width, format->height, least);
    if (format->rate_num <= 0 || format->rate_den <= 0)
        return aut_fail (AUT_ERR_INVALID,
                         "a clip at %d/%d frames per second: both must be positive",
                         (int)format->rate_num, (int)format->rate_den);
    int num = format->rate_num, den = format->rate_den;
    av_reduce (&num, &den, num, den, INT32_MAX);
    format->rate_num = num;
    format->rate_den = den;
    return 0;
}

int aut_clip_output_start (aut_ff_output_t *self, const char *path, const AVCodecParameters *params,
                           const aut_clip_format_t *format)
{
    int rc = aut_ff_output_open (self, path, "matroska");
    if (rc < 0)
        return rc;
    AVStream *stream = avformat_new_stream (self->format, NULL);
    if (!stream)
        return aut_fail (AUT_ERR_NOMEM, "%s: out of memory", path);
    char *rate = aut_sprintf ("%d/%d", (int)format->rate_num, (int)format->rate_den);
    av_dict_set (&self->format->metadata, "RATE", rate, 0);
    free (rate);
    stream->avg_frame_rate = stream->r_frame_rate =
        (AVRational){format->rate_num, format->rate_den};
    stream->time_base = av_inv_q (stream->avg_frame_rate);
    rc = avcodec_parameters_copy (stream->codecpar, params);
    if (rc >= 0)
        rc = avformat_write_header (self->format, NULL);
    if (rc < 0)
        return aut_ff_fail (AUT_ERR_IO, rc, "%s: cannot be written", path);
    self->header = true;
    return 0;
}

int aut_clip_output_packet (aut_ff_output_t *self, AVPacket *packet, uint64_t index,
                            const aut_clip_format_t *format)
{
    AVRational frame = {format->rate_den, format->rate_num};
    AVRational base = self->format->streams[0]->time_base;
    packet->stream_index = 0;
    packet->pos = -1;
    packet->pts = packet->dts = av_rescale_q ((int64_t)index, frame, base);
    packet->duration = av_rescale_q ((int64_t)index + 1, frame, base) - packet->pts;
    int rc = av_write_frame (self->format, packet);
    av_packet_unref (packet);
    if (rc >= 0 && self->format->pb->error < 0)
        rc = self->format->pb->error;
    return rc < 0 ? aut_ff_fail (AUT_ERR_IO, rc, "%s: cannot be written", self->path) : 0;
}

static int s_encoder_open (aut_clip_writer_t *self)
{
    const AVCodec *codec = avcodec_find_encoder (AV_CODEC_ID_FFV1);
    AVCodecContext *c = self->encoder = codec ? avcodec_alloc_context3 (codec) : NULL;
    if (!c)
        return aut_fail (AUT_ERR_UNSUPPORTED, "this FFmpeg has no FFV1 encoder");
    c->width = (int)self->format.width;
    c->height = (int)self->format.height;
    c->pix_fmt = AV_PIX_FMT_BGR0;
    c->time_base = (AVRational){self->format.rate_den, self->format.rate_num};
    c->framerate = (AVRational){self->format.rate_num, self->format.rate_den};
    c->sample_aspect_ratio = (AVRational){1, 1};
    c->level = 3;
    c->gop_size = 1;
    /* FFV1's encoder wants at least four slices above 352×288. More let a decoder use more
     * threads; small frames are not worth the headers. */
    uint64_t area = (uint64_t)self->format.width * self->format.height;
    bool small = self->format.width <= 352 && self->format.height <= 288;
    c->slices = area >= 100000 ? 12 : small && area < 8192 ? 1 : 4;
    c->thread_count = 2;
    c->thread_type = FF_THREAD_SLICE;
    c->flags |= AV_CODEC_FLAG_BITEXACT;
    av_opt_set_int (c->priv_data, "slicecrc", 1, 0);
    av_opt_set_int (c->priv_data, "coder", 0, 0);
    av_opt_set_int (c->priv_data, "context", 0, 0);
    int rc = avcodec_open2 (c, codec, NULL);
    return rc < 0 ? aut_ff_fail (AUT_ERR_INTERNAL, rc, "%s: FFV1 encoder", self->path) : 0;
}

int aut_clip_writer_open (aut_clip_writer_t **out, const char *path,
                          const aut_clip_format_t *format)
{
    *out = NULL;
    aut_ff_init ();
    aut_clip_writer_t *self = aut_calloc (1, sizeof *self);
    self->format = *format;
    self->path = aut_strdup (path);
    self->hasher = aut_hasher_new ();
    self->frame = av_frame_alloc ();
    self->packet = av_packet_alloc ();
    AVCodecParameters *params = avcodec_parameters_alloc ();
    int rc = aut_clip_format_check (&self->format);
    if (rc == 0 && (!self->frame || !self->packet || !params))
        rc = aut_fail (AUT_ERR_NOMEM, "%s: out of memory", path);
    if (rc == 0)
        rc = s_encoder_open (self);
    if (rc == 0) {
        avcodec_parameters_from_context (params, self->encoder);
        rc = aut_clip_output_start (&self->output, path, params, &self->format);
    }
    avcodec_parameters_free (&params);
    if (rc < 0) {
        aut_clip_writer_destroy (&self);
        return rc;
    }
    *out = self;
    return 0;
}

static int s_drain (aut_clip_writer_t *self)
{
    for (;;) {
        int rc = avcodec_receive_packet (self->encoder, self->packet);
        if (rc == AVERROR (EAGAIN) || rc == AVERROR_EOF)
            return 0;
        if (rc < 0)
            return aut_ff_fail (AUT_ERR_INTERNAL, rc, "%s: FFV1 encoder", self->path);
        rc = aut_clip_output_packet (&self->output, self->packet, self->written, &self->format);
        if (rc < 0)
            return rc;
        self->written++;
    }
}

static void s_fill (AVFrame *frame, const uint8_t *rgb)
{
    for (int y = 0; y < frame->height; y++) {
        uint8_t *out = frame->data[0] + (ptrdiff_t)y * frame->linesize[0];
        for (int x = 0; x < frame->width; x++, out += 4, rgb += 3) {
            out[0] = rgb[2];
            out[1] = rgb[1];
            out[2] = rgb[0];
            out[3] = 0;
        }
    }
}

int aut_clip_writer_frame (aut_clip_writer_t *self, const uint8_t *rgb)
{
    av_frame_unref (self->frame);
    self->frame->format = AV_PIX_FMT_BGR0;
    self->frame->width = (int)self->format.width;
    self->frame->height = (int)self->format.height;
    int rc = av_frame_get_buffer (self->frame, 0);
    if (rc < 0)
        return aut_fail (AUT_ERR_NOMEM, "%s: out of memory", self->path);
    s_fill (self->frame, rgb);
    aut_hasher_update (self->hasher, rgb, (size_t)self->format.width * self->format.height * 3);
    self->frame->pts = (int64_t)self->sent++;
    rc = avcodec_send_frame (self->encoder, self->frame);
    if (rc < 0)
        return aut_ff_fail (AUT_ERR_INTERNAL, rc, "%s: FFV1 encoder", self->path);
    return s_drain (self);
}

int aut_clip_writer_finish (aut_clip_writer_t *self, uint64_t *frames, aut_hash_t *frames_sha256)
{
    if (!self->sent)
        return aut_fail (AUT_ERR_INVALID, "%s: a clip without a frame", self->path);
    int rc = avcodec_send_frame (self->encoder, NULL);
    if (rc < 0)
        return aut_ff_fail (AUT_ERR_STATE, rc, "%s: finished twice", self->path);
    rc = s_drain (self);
    if (rc < 0)
        return rc;
    if (self->written != self->sent)
        return aut_fail (AUT_ERR_INTERNAL, "%s: the encoder lost frames", self->path);
    aut_hash_t hash = aut_hasher_final (self->hasher);
    if (frames_sha256)
        *frames_sha256 = hash;
    if (frames)
        *frames = self->written;
    return aut_ff_output_commit (&self->output);
}

void aut_clip_writer_destroy (aut_clip_writer_t **self_p)
{
    aut_clip_writer_t *self = *self_p;
    if (!self)
        return;
    aut_ff_output_clear (&self->output);
    avcodec_free_context (&self->encoder);
    av_frame_free (&self->frame);
    av_packet_free (&self->packet);
    aut_hasher_destroy (&self->hasher);
    free (self->path);
    free (self);
    *self_p = NULL;
}
