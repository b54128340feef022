/*  Scaling of pictures, and where a picture lies in a frame of another shape. */
#include "lib/core/error.h"
#include "lib/media/ff.h"
#include "lib/media/scale.h"

#include <libavutil/pixdesc.h>
#include <libswscale/swscale.h>
#include <string.h>

static uint32_t s_round_div (uint64_t a, uint64_t b)
{
    return (uint32_t)((a + b / 2) / b);
}

static uint32_t s_at_most (uint32_t value, uint32_t max)
{
    return value < 1 ? 1 : value > max ? max : value;
}

/*  The largest size of the shape width × height inside the box, at most the box. */
static void s_inside (uint32_t *w, uint32_t *h, uint32_t width, uint32_t height, uint32_t box_w,
                      uint32_t box_h)
{
    *w = box_w;
    *h = box_h;
    if ((uint64_t)width * box_h > (uint64_t)box_w * height)
        *h = s_at_most (s_round_div ((uint64_t)box_w * height, width), box_h);
    else
        *w = s_at_most (s_round_div ((uint64_t)box_h * width, height), box_w);
}

aut_fit_rects_t aut_scale_fit (uint32_t width, uint32_t height, uint32_t to_width,
                               uint32_t to_height, aut_scale_t mode, int even)
{
    aut_fit_rects_t fit = {{0, 0, width, height}, {0, 0, to_width, to_height}};
    if (mode == AUT_SCALE_COVER) {
        s_inside (&fit.source.width, &fit.source.height, to_width, to_height, width, height);
        fit.source.x = (width - fit.source.width) / 2;
        fit.source.y = (height - fit.source.height) / 2;
    }
    if (mode == AUT_SCALE_PAD) {
        aut_rect_t *t = &fit.target;
        s_inside (&t->width, &t->height, width, height, to_width, to_height);
        if (even) {
            t->width = t->width < 2 ? 2 : (t->width + 1) & ~1u;
            t->height = t->height < 2 ? 2 : (t->height + 1) & ~1u;
        }
        t->x = (to_width - t->width) / 2;
        t->y = (to_height - t->height) / 2;
        if (even) {
            t->x &= ~1u;
            t->y &= ~1u;
        }
    }
    return fit;
}

/*  Lays premultiplied colour over black, in place, for rgba rows. */
static void s_flatten (uint8_t *rgb, const uint8_t *rgba, size_t pixels)
{
    for (size_t i = 0; i < pixels; i++, rgb += 3, rgba += 4)
        for (int c = 0; c < 3; c++)
            rgb[c] = (uint8_t)((rgba[c] * rgba[3] + 127) / 255);
}

static struct SwsContext *s_context (const AVFrame *frame, enum AVPixelFormat to)
{
    int flags = SWS_LANCZOS | SWS_ACCURATE_RND | SWS_FULL_CHR_H_INT | SWS_FULL_CHR_H_INP;
    struct SwsContext *sws =
        sws_getContext (frame->width, frame->height, frame->format, frame->width, frame->height, to,
                        flags, NULL, NULL, NULL);
    const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get (frame->format);
    if (sws && desc && !(desc->flags & AV_PIX_FMT_FLAG_RGB)) {
        /* JPEG and WebP are BT.601, as is swscale's default; only the range varies. */
        int full = frame->color_range == AVCOL_RANGE_JPEG || strncmp (desc->name, "yuvj", 4) == 0 ||
                   desc->nb_components < 3;
        const int *matrix = sws_getCoefficients (SWS_CS_ITU601);
        sws_setColorspaceDetails (sws, matrix, full, matrix, 1, 0, 1 << 16, 1 << 16);
    }
    return sws;
}

int aut_scale_to_rgb (aut_picture_t *picture, const AVFrame *frame)
{
    const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get (frame->format);
    bool alpha = desc && (desc->flags & (AV_PIX_FMT_FLAG_ALPHA | AV_PIX_FMT_FLAG_PAL));
    AVFrame *rgba = NULL;
    struct SwsContext *sws = s_context (frame, alpha ? AV_PIX_FMT_RGBA : AV_PIX_FMT_RGB24);
    if (!sws)
        return aut_fail (AUT_ERR_UNSUPPORTED, "pictures of pixel format %s are not read",
                         desc ? desc->name : "?");
    int rc = 0;
    if (alpha) {
        rgba = av_frame_alloc ();
        if (rgba) {
            rgba->width = frame->width;
            rgba->height = frame->height;
            rgba->format = AV_PIX_FMT_RGBA;
        }
        if (!rgba || av_frame_get_buffer (rgba, 0) < 0)
            rc = aut_fail (AUT_ERR_NOMEM, "out of memory");
    }
    size_t row = (size_t)picture->width * 3;
    if (rc == 0) {
        uint8_t *data[4] = {alpha ? rgba->data[0] : picture->rgb};
        int stride[4] = {alpha ? rgba->linesize[0] : (int)row};
        sws_scale (sws, (const uint8_t *const *)frame->data, frame->linesize, 0, frame->height,
                   data, stride);
    }
    for (uint32_t y = 0; rc == 0 && alpha && y < picture->height; y++)
        s_flatten (picture->rgb + y * row, rgba->data[0] + (ptrdiff_t)y * rgba->linesize[0],
                   picture->width);
    av_frame_free (&rgba);
    sws_freeContext (sws);
    return rc;
}

int aut_picture_scale (aut_picture_t **out, const aut_picture_t *self, uint32_t width,
                       uint32_t height, aut_scale_t mode)
{
    int rc = aut_picture_new (out, width, height);
    if (rc < 0)
        return rc;
    aut_fit_rects_t fit = aut_scale_fit (self->width, self->height, width, height, mode, 0);
    struct SwsContext *sws = sws_getContext (
        (int)fit.source.width, (int)fit.source.height, AV_PIX_FMT_RGB24, (int)fit.target.width,
        (int)fit.target.height, AV_PIX_FMT_RGB24,
        SWS_LANCZOS | SWS_ACCURATE_RND | SWS_FULL_CHR_H_INT | SWS_FULL_CHR_H_INP, NULL, NULL, NULL);
    if (!sws) {
        aut_picture_destroy (out);
        return aut_fail (AUT_ERR_UNSUPPORTED, "cannot scale %ux%u to %ux%u", self->width,
                         self->height, width, height);
    }
    size_t from_row = (size_t)self->width * 3, to_row = (size_t)width * 3;
    const uint8_t *from[4] = {self->rgb + fit.source.y * from_row + (size_t)fit.source.x * 3};
    uint8_t *to[4] = {(*out)->rgb + fit.target.y * to_row + (size_t)fit.target.x * 3};
    int from_stride[4] = {(int)from_row}, to_stride[4] = {(int)to_row};
    sws_scale (sws, from, from_stride, 0, (int)fit.source.height, to, to_stride);
    sws_freeContext (sws);
    return 0;
}

int aut_picture_crop (aut_picture_t **out, const aut_picture_t *self, uint32_t width,
                      uint32_t height)
{
    *out = NULL;
    if (width == 0 || height == 0)
        return aut_fail (AUT_ERR_INVALID, "a picture cannot be cut to the shape %ux%u", width,
                         height);
    aut_rect_t part =
        aut_scale_fit (self->width, self->height, width, height, AUT_SCALE_COVER, 0).source;
    int rc = aut_picture_new (out, part.width, part.height);
    size_t from_row = (size_t)self->width * 3, to_row = (size_t)part.width * 3;
    for (uint32_t y = 0; rc == 0 && y < part.height; y++)
        memcpy ((*out)->rgb + y * to_row, self->rgb + (part.y + y) * from_row + (size_t)part.x * 3,
                to_row);
    return rc;
}
