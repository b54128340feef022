/*  Pictures in and out of memory. A file is recognised by its first bytes and handed whole to that
 *  one decoder: no demuxer, no guessing by name, nothing else of FFmpeg is reachable.
 *
 *  JPEG and PNG have end marks, which decoders do not insist on; we do, so that half a download is
 *  not taken for a picture.
 */
#include "lib/media/picture.h"

#include "lib/core/error.h"
#include "lib/core/file.h"
#include "lib/core/mem.h"
#include "lib/media/ff.h"
#include "lib/media/scale.h"

#include <libavutil/imgutils.h>
#include <libavutil/pixdesc.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define MAX_FILE (256u << 20)

typedef struct {
    const char *name, *magic;
    size_t magic_size;
    const char *second; /* more magic at offset 8, or NULL */
    enum AVCodecID codec;
    const char *end; /* must occur in the last bytes, or NULL */
    size_t end_size;
} s_kind_t;

static const s_kind_t s_kinds[] = {
    {"PNG", "\x89PNG\r\n\x1a\n", 8, NULL, AV_CODEC_ID_PNG, "IEND", 4},
    {"JPEG", "\xff\xd8\xff", 3, NULL, AV_CODEC_ID_MJPEG, "\xff\xd9", 2},
    {"WebP", "RIFF", 4, "WEBP", AV_CODEC_ID_WEBP, NULL, 0},
    {"BMP", "BM", 2, NULL, AV_CODEC_ID_BMP, NULL, 0},
    {"TIFF", "II*\0", 4, NULL, AV_CODEC_ID_TIFF, NULL, 0},
    {"TIFF", "MM\0*", 4, NULL, AV_CODEC_ID_TIFF, NULL, 0},
    {"GIF", "GIF8", 4, NULL, AV_CODEC_ID_GIF, NULL, 0},
};

static const s_kind_t *s_sniff (const uint8_t *data, size_t size)
{
    for (size_t i = 0; i < sizeof s_kinds / sizeof *s_kinds; i++) {
        const s_kind_t *kind = &s_kinds[i];
        if (size < 16 || memcmp (data, kind->magic, kind->magic_size) != 0)
            continue;
        if (kind->second && memcmp (data + 8, kind->second, 4) != 0)
            continue;
        return kind;
    }
    return NULL;
}

int aut_picture_new (aut_picture_t **out, uint32_t width, uint32_t height)
{
    *out = NULL;
    if (!width || !height)
        return aut_fail (AUT_ERR_INVALID, "a picture of %ux%u pixels", width, height);
    if (width > AUT_PICTURE_MAX_SIDE || height > AUT_PICTURE_MAX_SIDE ||
        (uint64_t)width * height > AUT_PICTURE_MAX_PIXELS)
        return aut_fail (AUT_ERR_TOO_LARGE,
                         "a picture of %ux%u pixels: at most %u a side and %u million are taken",
                         width, height, AUT_PICTURE_MAX_SIDE, AUT_PICTURE_MAX_PIXELS >> 20);
    uint8_t *rgb = aut_try_alloc ((size_t)width * height, 3);
    if (!rgb)
        return AUT_ERR_NOMEM;
    aut_picture_t *self = aut_calloc (1, sizeof *self);
    *self = (aut_picture_t){.width = width, .height = height, .rgb = rgb};
    *out = self;
    return 0;
}

void aut_picture_destroy (aut_picture_t **self_p)
{
    if (!*self_p)
        return;
    free ((*self_p)->rgb);
    free (*self_p);
    *self_p = NULL;
}

/*  Before a frame's memory is taken: the header may say anything. */
static int s_bounded_buffer (AVCodecContext *c, AVFrame *frame, int flags)
{
    if ((int64_t)frame->width * frame->height > AUT_PICTURE_MAX_PIXELS)
        return AVERROR (EINVAL);
    return avcodec_default_get_buffer2 (c, frame, flags);
}

/*  Sends the whole file as one packet and takes the first frame. */
static int s_decode_frame (AVFrame *frame, const s_kind_t *kind, const uint8_t *data, size_t size,
                           const char *what)
{
    const AVCodec *codec = avcodec_find_decoder (kind->codec);
    if (!codec)
        return aut_fail (AUT_ERR_UNSUPPORTED, "%s: this FFmpeg cannot read %s", what, kind->name);
    AVCodecContext *c = avcodec_alloc_context3 (codec);
    AVPacket *packet = av_packet_alloc ();
    int rc = c && packet ? av_new_packet (packet, (int)size) : AVERROR (ENOMEM);
    if (rc == 0) {
        memcpy (packet->data, data, size);
        c->thread_count = 1;
        /* Above our limit, so that a picture slightly too large is told its size. */
        c->max_pixels = (int64_t)AUT_PICTURE_MAX_PIXELS * 2;
        c->get_buffer2 = s_bounded_buffer;
        c->err_recognition = AV_EF_CRCCHECK | AV_EF_BITSTREAM | AV_EF_BUFFER;
        if (kind->codec != AV_CODEC_ID_TIFF) /* whose own encoder's files it would refuse */
            c->err_recognition |= AV_EF_EXPLODE;
        rc = avcodec_open2 (c, codec, NULL);
    }
    if (rc == 0)
        rc = avcodec_send_packet (c, packet);
    if (rc == 0 || rc == AVERROR_EOF)
        rc = avcodec_receive_frame (c, frame);
    if (rc == AVERROR (EAGAIN)) {
        avcodec_send_packet (c, NULL);
        rc = avcodec_receive_frame (c, frame);
    }
    int width = c ? c->width : 0, height = c ? c->height : 0;
    av_packet_free (&packet);
    avcodec_free_context (&c);
    if (rc < 0 && (int64_t)width * height > AUT_PICTURE_MAX_PIXELS)
        return aut_fail (AUT_ERR_TOO_LARGE, "%s: %dx%d pixels; at most %u million are taken", what,
                         width, height, AUT_PICTURE_MAX_PIXELS >> 20);
    if (rc < 0)
        return aut_ff_fail (AUT_ERR_CORRUPT, rc, "%s: a damaged, cut short or too large %s", what,
                            kind->name);
    if (frame->decode_error_flags || (frame->flags & AV_FRAME_FLAG_CORRUPT))
        return aut_fail (AUT_ERR_CORRUPT, "%s: a damaged %s", what, kind->name);
    return 0;
}

static int s_check_end (const s_kind_t *kind, const uint8_t *data, size_t size, const char *what)
{
    if (!kind->end)
        return 0;
    /* Some cameras and editors add bytes after the end mark. */
    size_t from = size > (64u << 10) ? size - (64u << 10) : kind->magic_size;
    if (!memmem (data + from, size - from, kind->end, kind->end_size))
        return aut_fail (AUT_ERR_CORRUPT, "%s: the %s is cut short", what, kind->name);
    return 0;
}

/*  What EXIF orientation 2…8 asks for, one pixel at a time. */
static int s_upright (aut_picture_t **picture, int orientation)
{
    if (orientation < 2 || orientation > 8)
        return 0;
    const aut_picture_t *from = *picture;
    bool turned = orientation >= 5;
    aut_picture_t *to = NULL;
    int rc = aut_picture_new (&to, turned ? from->height : from->width,
                              turned ? from->width : from->height);
    if (rc < 0)
        return rc;
    bool flip_x = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
    bool flip_y = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
    for (uint32_t y = 0; y < to->height; y++)
        for (uint32_t x = 0; x < to->width; x++) {
            uint32_t sx = turned ? y : x, sy = turned ? x : y;
            if (flip_x)
                sx = from->width - 1 - sx;
            if (flip_y)
                sy = from->height - 1 - sy;
            memcpy (to->rgb + ((size_t)y * to->width + x) * 3,
                    from->rgb + ((size_t)sy * from->width + sx) * 3, 3);
        }
    aut_picture_destroy (picture);
    *picture = to;
    return 0;
}

int aut_picture_decode (aut_picture_t **out, const void *data, size_t size, const char *what)
{
    *out = NULL;
    aut_ff_init ();
    if (size > MAX_FILE)
        return aut_fail (AUT_ERR_TOO_LARGE, "%s: a picture file of more than 256 MiB", what);
    const s_kind_t *kind = s_sniff (data, size);
    if (!kind)
        return aut_fail (AUT_ERR_UNSUPPORTED,
                         "%s: not a picture (PNG, JPEG, WebP, BMP, TIFF and GIF are read)", what);
    int rc = s_check_end (kind, data, size, what);
    if (rc < 0)
        return rc;
    AVFrame *frame = av_frame_alloc ();
    if (!frame)
        return aut_fail (AUT_ERR_NOMEM, "%s: out of memory", what);
    rc = s_decode_frame (frame, kind, data, size, what);
    if (rc == 0) {
        rc = aut_picture_new (out, (uint32_t)frame->width, (uint32_t)frame->height);
        if (rc < 0)
            aut_fail_in (rc, "%s", what);
    }
    if (rc == 0)
        rc = aut_scale_to_rgb (*out, frame);
    if (rc == 0 && kind->codec == AV_CODEC_ID_MJPEG) {
        AVDictionaryEntry *tag = av_dict_get (frame->metadata, "Orientation", NULL, 0);
        rc = s_upright (out, tag ? (int)strtol (tag->value, NULL, 10) : 1);
    }
    av_frame_free (&frame);
    if (rc < 0)
        aut_picture_destroy (out);
    return rc;
}

int aut_picture_load (aut_picture_t **out, const char *path)
{
    *out = NULL;
    uint64_t bytes = 0;
    int rc = aut_ff_regular (path, &bytes);
    if (rc < 0)
        return rc;
    if (bytes > MAX_FILE)
        return aut_fail (AUT_ERR_TOO_LARGE, "%s: a picture file of more than 256 MiB", path);
    char *data = NULL;
    size_t size = 0;
    rc = aut_file_read (path, MAX_FILE, &data, &size);
    if (rc == 0)
        rc = aut_picture_decode (out, data, size, path);
    free (data);
    return rc;
}

static int s_encode_png (const aut_picture_t *self, AVPacket *packet)
{
    const AVCodec *codec = avcodec_find_encoder (AV_CODEC_ID_PNG);
    AVCodecContext *c = codec ? avcodec_alloc_context3 (codec) : NULL;
    AVFrame *frame = av_frame_alloc ();
    int rc = c && frame ? 0 : AVERROR (ENOMEM);
    if (rc == 0) {
        c->width = frame->width = (int)self->width;
        c->height = frame->height = (int)self->height;
        c->pix_fmt = frame->format = AV_PIX_FMT_RGB24;
        c->time_base = (AVRational){1, 1};
        c->thread_count = 1;
        c->flags |= AV_CODEC_FLAG_BITEXACT;
        rc = avcodec_open2 (c, codec, NULL);
    }
    if (rc == 0) {
        av_image_fill_arrays (frame->data, frame->linesize, self->rgb, AV_PIX_FMT_RGB24,
                              frame->width, frame->height, 1);
        rc = avcodec_send_frame (c, frame);
    }
    if (rc == 0)
        rc = avcodec_send_frame (c, NULL);
    if (rc == 0)
        rc = avcodec_receive_packet (c, packet);
    av_frame_free (&frame);
    avcodec_free_context (&c);
    return rc < 0 ? aut_ff_fail (AUT_ERR_INTERNAL, rc, "PNG encoder") : 0;
}

int aut_picture_png (const aut_picture_t *self, uint8_t **data, size_t *size)
{
    aut_ff_init ();
    *data = NULL;
    AVPacket *packet = av_packet_alloc ();
    int rc = packet ? s_encode_png (self, packet) : aut_fail (AUT_ERR_NOMEM, "out of memory");
    if (rc == 0) {
        *size = (size_t)packet->size;
        *data = aut_try_alloc (*size, 1);
        if (*data)
            memcpy (*data, packet->data, *size);
        else
            rc = AUT_ERR_NOMEM;
    }
    av_packet_free (&packet);
    return rc;
}

int aut_picture_save_png (const aut_picture_t *self, const char *path)
{
    uint8_t *data = NULL;
    size_t size = 0;
    int rc = aut_picture_png (self, &data, &size);
    if (rc == 0)
        rc = aut_file_write (path, data, size);
    free (data);
    return rc;
}
