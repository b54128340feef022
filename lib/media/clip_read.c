/*  Reads mezzanines. A clip may come from another machine, so nothing is guessed from it: it is
 *  opened as Matroska, must be whole (its outermost element ends where the file ends), hold one
 *  FFV1 stream of a bounded size, and every slice's checksum is verified before it is decoded (the
 *  decoder itself would paint over a damaged slice and go on).
 */
#include "lib/core/error.h"
#include "lib/core/mem.h"
#include "lib/media/ff.h"

#include <libavutil/crc.h>
#include <libavutil/intreadwrite.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct aut_clip_reader {
    aut_clip_input_t input;
    AVCodecContext *decoder;
    AVFrame *frame;
    char *path;
};

/*  An EBML number of up to 8 bytes; UINT64_MAX for "unknown". Returns its length or 0. */
static int s_vint (const uint8_t *data, size_t size, uint64_t *value)
{
    if (!size || !data[0])
        return 0;
    int len = 1;
    while (!(data[0] & (0x80 >> (len - 1))))
        len++;
    if ((size_t)len > size)
        return 0;
    uint64_t v = data[0] & (0xff >> len), ones = 0xff >> len;
    for (int i = 1; i < len; i++) {
        v = v << 8 | data[i];
        ones = ones << 8 | 0xff;
    }
    *value = v == ones ? UINT64_MAX : v;
    return len;
}

/*  Whether the Matroska segment ends exactly where the file does. */
static int s_check_whole (const char *path)
{
    uint64_t file_size = 0;
    int rc = aut_ff_regular (path, &file_size);
    if (rc < 0)
        return rc;
    uint8_t head[256];
    FILE *file = fopen (path, "rbe");
    if (!file)
        return aut_fail_errno ("%s", path);
    size_t size = fread (head, 1, sizeof head, file);
    fclose (file);
    if (size < 16 || AV_RB32 (head) != 0x1a45dfa3)
        return aut_fail (AUT_ERR_CORRUPT, "%s: not a Matroska file", path);
    uint64_t at = 4, value = 0;
    int len = s_vint (head + at, size - at, &value);
    if (!len || value > sizeof head)
        return aut_fail (AUT_ERR_CORRUPT, "%s: not a Matroska file", path);
    at += (uint64_t)len + value;
    if (at + 12 > size || AV_RB32 (head + at) != 0x18538067)
        return aut_fail (AUT_ERR_CORRUPT, "%s: not a Matroska file", path);
    at += 4;
    len = s_vint (head + at, size - at, &value);
    if (!len || value == UINT64_MAX)
        return aut_fail (AUT_ERR_CORRUPT, "%s: the clip was never finished", path);
    at += (uint64_t)len;
    if (value != file_size - at)
        return aut_fail (AUT_ERR_CORRUPT, "%s: the clip is cut short: %llu bytes of %llu", path,
                         (unsigned long long)file_size, (unsigned long long)(at + value));
    return 0;
}

static int s_read_rate (aut_clip_input_t *self)
{
    int num = self->stream->avg_frame_rate.num, den = self->stream->avg_frame_rate.den;
    AVDictionaryEntry *tag = av_dict_get (self->format->metadata, "RATE", NULL, 0);
    if (tag) {
        int used = 0;
        if (sscanf (tag->value, "%9d/%9d%n", &num, &den, &used) != 2 || tag->value[used])
            return aut_fail (AUT_ERR_CORRUPT, "%s: RATE is not N/D", self->path);
    }
    self->info.rate_num = num;
    self->info.rate_den = den;
    return 0;
}

int aut_clip_input_open (aut_clip_input_t *self, const char *path)
{
    *self = (aut_clip_input_t){.path = path};
    int rc = s_check_whole (path);
    if (rc == 0)
        rc = aut_ff_input_open (&self->format, path, "matroska");
    if (rc < 0)
        return rc;
    self->packet = av_packet_alloc ();
    if (!self->packet)
        return aut_fail (AUT_ERR_NOMEM, "%s: out of memory", path);
    if (self->format->nb_streams != 1 ||
        self->format->streams[0]->codecpar->codec_id != AV_CODEC_ID_FFV1)
        return aut_fail (AUT_ERR_UNSUPPORTED, "%s: not a mezzanine (one FFV1 stream)", path);
    self->stream = self->format->streams[0];
    int width = self->stream->codecpar->width, height = self->stream->codecpar->height;
    self->info.width = width > 0 ? (uint32_t)width : 0;
    self->info.height = height > 0 ? (uint32_t)height : 0;
    rc = s_read_rate (self);
    if (rc == 0)
        rc = aut_clip_format_check (&self->info);
    return rc < 0 ? aut_fail_in (AUT_ERR_CORRUPT, "%s", path) : 0;
}

/*  Walks the slices from the packet's end, as FFV1 level 3 lays them out: each ends with its size
 *  (24 bits), a status byte and a CRC that makes the whole come out as 0. */
static bool s_slices_good (const AVPacket *packet)
{
    const AVCRC *table = av_crc_get_table (AV_CRC_32_IEEE);
    int end = packet->size;
    while (end > 0) {
        if (end < 8)
            return false;
        int size = (int)AV_RB24 (packet->data + end - 8) + 8;
        if (size > end)
            return false;
        end -= size;
        if (av_crc (table, 0, packet->data + end, (size_t)size))
            return false;
    }
    return packet->size > 0;
}

int aut_clip_input_next (aut_clip_input_t *self)
{
    av_packet_unref (self->packet);
    int rc = av_read_frame (self->format, self->packet);
    if (rc == AVERROR_EOF && self->format->pb->error >= 0)
        return 0;
    if (rc < 0)
        return aut_ff_fail (AUT_ERR_CORRUPT, rc, "%s: cannot be read", self->path);
    if (!s_slices_good (self->packet))
        return aut_fail (AUT_ERR_CORRUPT, "%s: a frame is damaged", self->path);
    return 1;
}

void aut_clip_input_clear (aut_clip_input_t *self)
{
    av_packet_free (&self->packet);
    avformat_close_input (&self->format);
}

int aut_clip_decoder_open (AVCodecContext **out, const aut_clip_input_t *input, unsigned threads)
{
    const AVCodec *codec = avcodec_find_decoder (AV_CODEC_ID_FFV1);
    AVCodecContext *c = codec ? avcodec_alloc_context3 (codec) : NULL;
    int rc = c ? avcodec_parameters_to_context (c, input->stream->codecpar) : AVERROR (ENOMEM);
    if (rc >= 0) {
        c->thread_type = FF_THREAD_SLICE;
        c->thread_count = (int)threads;
        /* The decoder allocates with some rows and columns to spare. */
        c->max_pixels = (int64_t)(input->info.width + 128) * (input->info.height + 128);
        rc = avcodec_open2 (c, codec, NULL);
    }
    if (rc < 0) {
        avcodec_free_context (&c);
        return aut_ff_fail (AUT_ERR_CORRUPT, rc, "%s: FFV1 decoder", input->path);
    }
    *out = c;
    return 0;
}

int aut_clip_decode (AVCodecContext *decoder, const aut_clip_input_t *input, const AVPacket *packet,
                     AVFrame *frame)
{
    int rc = avcodec_send_packet (decoder, packet);
    if (rc >= 0)
        rc = avcodec_receive_frame (decoder, frame);
    if (rc < 0)
        return aut_ff_fail (AUT_ERR_CORRUPT, rc, "%s: a frame is damaged", input->path);
    if (frame->format != AV_PIX_FMT_BGR0)
        return aut_fail (AUT_ERR_UNSUPPORTED, "%s: not a mezzanine: its frames are not bgr0",
                         input->path);
    if (frame->width != (int)input->info.width || frame->height != (int)input->info.height)
        return aut_fail (AUT_ERR_CORRUPT, "%s: its frames change in size", input->path);
    return 0;
}

int aut_clip_reader_open (aut_clip_reader_t **out, const char *path, unsigned threads)
{
    *out = NULL;
    aut_clip_reader_t *self = aut_calloc (1, sizeof *self);
    self->path = aut_strdup (path);
    self->frame = av_frame_alloc ();
    int rc = aut_clip_input_open (&self->input, self->path);
    if (rc == 0)
        rc = aut_clip_decoder_open (&self->decoder, &self->input, threads ? threads : 2);
    if (rc == 0 && !self->frame)
        rc = aut_fail (AUT_ERR_NOMEM, "%s: out of memory", path);
    if (rc < 0)
        aut_clip_reader_destroy (&self);
    *out = self;
    return rc;
}

const aut_clip_format_t *aut_clip_reader_format (const aut_clip_reader_t *self)
{
    return &self->input.info;
}

int aut_clip_reader_next_native (aut_clip_reader_t *self, const AVFrame **frame)
{
    int rc = aut_clip_input_next (&self->input);
    if (rc != 1)
        return rc;
    rc = aut_clip_decode (self->decoder, &self->input, self->input.packet, self->frame);
    *frame = self->frame;
    return rc < 0 ? rc : 1;
}

int aut_clip_reader_next (aut_clip_reader_t *self, uint8_t *rgb)
{
    const AVFrame *frame = NULL;
    int rc = aut_clip_reader_next_native (self, &frame);
    if (rc != 1 || !frame)
        return rc;
    size_t row = (size_t)frame->width * 3;
    for (int y = 0; y < frame->height; y++)
        aut_ff_row_rgb (rgb + (size_t)y * row, frame->data[0] + (ptrdiff_t)y * frame->linesize[0],
                        (uint32_t)frame->width);
    return 1;
}

void aut_clip_reader_destroy (aut_clip_reader_t **self_p)
{
    aut_clip_reader_t *self = *self_p;
    if (!self)
        return;
    avcodec_free_context (&self->decoder);
    av_frame_free (&self->frame);
    aut_clip_input_clear (&self->input);
    free (self->path);
    free (self);
    *self_p = NULL;
}

int aut_clip_info (const char *path, aut_clip_format_t *format, uint64_t *frames)
{
    aut_clip_input_t input;
    uint64_t count = 0;
    int rc = aut_clip_input_open (&input, path);
    while (rc >= 0 && (rc = aut_clip_input_next (&input)) == 1)
        count++;
    if (rc == 0 && format)
        *format = input.info;
    if (rc == 0 && frames)
        *frames = count;
    aut_clip_input_clear (&input);
    return rc;
}

int aut_clip_frames_hash (const char *path, aut_hash_t *frames_sha256, uint64_t *frames)
{
    aut_clip_reader_t *reader = NULL;
    int rc = aut_clip_reader_open (&reader, path, 0);
    if (rc < 0 || !reader)
        return rc;
    size_t size = (size_t)reader->input.info.width * reader->input.info.height * 3;
    uint8_t *rgb = aut_try_alloc (size, 1);
    aut_hasher_t *hasher = aut_hasher_new ();
    uint64_t count = 0;
    rc = rgb ? 0 : AUT_ERR_NOMEM;
    while (rc >= 0 && (rc = aut_clip_reader_next (reader, rgb)) == 1) {
        aut_hasher_update (hasher, rgb, size);
        count++;
    }
    if (rc == 0)
        *frames_sha256 = aut_hasher_final (hasher);
    if (rc == 0 && frames)
        *frames = count;
    aut_hasher_destroy (&hasher);
    free (rgb);
    aut_clip_reader_destroy (&reader);
    return rc;
}
