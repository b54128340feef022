/*  Whether a file is the picture or sound it is said to be: it is decoded, with limits. */
#include "lib/core/error.h"
#include "lib/core/mem.h"
#include "lib/media/ff.h"
#include "lib/media/picture.h"

#include <libavutil/intreadwrite.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int s_probe_image (const char *path)
{
    aut_picture_t *picture = NULL;
    int rc = aut_picture_load (&picture, path);
    aut_picture_destroy (&picture);
    return rc;
}

/*  The demuxer for a sound's first bytes, or NULL. Guessing is not left to FFmpeg, which would also
 *  offer playlists and other formats that open further files. */
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

/*  Decodes about a second; the first damaged packets are what a wrong file shows. */
static int s_decode_second (AVFormatContext *format, int index, const char *path)
{
    const AVCodecParameters *params = format->streams[index]->codecpar;
    const AVCodec *codec = avcodec_find_decoder (params->codec_id);
    AVCodecContext *c = codec ? avcodec_alloc_context3 (codec) : NULL;
    AVPacket *packet = av_packet_alloc ();
    AVFrame *frame = av_frame_alloc ();
    int64_t samples = 0, packets = 0;
    int rc = c && packet && frame ? avcodec_parameters_to_context (c, params)
                                  : AVERROR_DECODER_NOT_FOUND;
    if (rc >= 0)
        rc = avcodec_open2 (c, codec, NULL);
    while (rc >= 0 && samples < params->sample_rate && packets++ < 1000) {
        rc = av_read_frame (format, packet);
        if (rc < 0)
            break;
        if (packet->stream_index == index) {
            rc = avcodec_send_packet (c, packet);
            while (rc >= 0 && (rc = avcodec_receive_frame (c, frame)) >= 0)
                samples += frame->nb_samples;
            if (rc == AVERROR (EAGAIN))
                rc = 0;
        }
        av_packet_unref (packet);
    }
    av_frame_free (&frame);
    av_packet_free (&packet);
    avcodec_free_context (&c);
    if (samples > 0)
        return 0;
    return rc < 0 && rc != AVERROR_EOF
               ? aut_ff_fail (AUT_ERR_CORRUPT, rc, "%s: the sound cannot be decoded", path)
               : aut_fail (AUT_ERR_CORRUPT, "%s: no sound in it", path);
}

static int s_probe_audio (const char *path)
{
    int rc = aut_ff_regular (path, NULL);
    if (rc < 0)
        return rc;
    uint8_t head[16];
    FILE *file = fopen (path, "rbe");
    if (!file)
        return aut_fail_errno ("%s", path);
    size_t size = fread (head, 1, sizeof head, file);
    fclose (file);
    const char *demuxer = s_sniff (head, size);
    if (!demuxer)
        return aut_fail (AUT_ERR_UNSUPPORTED,
                         "%s: not a sound (WAV, MP3, FLAC, Ogg, AAC, M4A and AIFF are read)", path);
    AVFormatContext *format = NULL;
    rc = aut_ff_input_open (&format, path, demuxer);
    if (rc < 0)
        return rc;
    format->probesize = 4 << 20;
    format->max_analyze_duration = AV_TIME_BASE;
    rc = avformat_find_stream_info (format, NULL);
    int index = rc < 0 ? rc : av_find_best_stream (format, AVMEDIA_TYPE_AUDIO, -1, -1, NULL, 0);
    if (index < 0)
        rc = aut_fail (AUT_ERR_CORRUPT, "%s: no sound in it", path);
    else
        rc = s_decode_second (format, index, path);
    avformat_close_input (&format);
    return rc;
}

int aut_media_probe (const char *path, aut_media_kind_t kind, char **why)
{
    if (why)
        *why = NULL;
    int rc = kind == AUT_MEDIA_IMAGE ? s_probe_image (path) : s_probe_audio (path);
    if (rc < 0 && why) {
        const char *detail = aut_error_detail ();
        size_t len = strlen (path);
        if (strncmp (detail, path, len) == 0 && strncmp (detail + len, ": ", 2) == 0)
            detail += len + 2;
        *why = aut_strdup (detail);
    }
    return rc;
}
