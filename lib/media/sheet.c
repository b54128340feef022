/*  The contact sheet. Two passes: heights of rows and labels are simple sums, so the page is laid
 * out first; then each thumbnail is read, scaled and put in place, and the words are drawn at the
 * end. One reader is kept while cells follow each other in the same file.
 */
#include "lib/media/sheet.h"

#include "lib/core/error.h"
#include "lib/core/mem.h"
#include "lib/media/ff.h"
#include "lib/media/overlay.h"
#include "lib/media/scale.h"

#include <libswscale/swscale.h>
#include <stdlib.h>
#include <string.h>

#define FAR 120 /* frames; nearer ones are reached by decoding what lies between */

typedef struct {
    const aut_sheet_t *sheet;
    uint32_t cell_width, cell_height, columns, gap, line;
    uint32_t width, height;
    aut_picture_t *page;
    aut_overlay_t *words;
    /* the open film or clip */
    AVFormatContext *format;
    AVCodecContext *decoder;
    AVFrame *frame;
    AVPacket *packet;
    const char *path;
    uint64_t index; /* of the frame in `frame` + 1; 0 = none yet */
    bool sent_end;
    aut_picture_t *still; /* shown instead, or NULL */
} s_sheet_t;

static void s_close (s_sheet_t *self)
{
    avformat_close_input (&self->format);
    avcodec_free_context (&self->decoder);
    av_frame_free (&self->frame);
    av_packet_free (&self->packet);
    aut_picture_destroy (&self->still);
    self->path = NULL;
}

/*  A mezzanine is checked as such; anything else must be a film as the stitch makes them. */
static int s_open (s_sheet_t *self, const char *path)
{
    s_close (self);
    aut_clip_input_t clip;
    int rc = aut_clip_input_open (&clip, path);
    aut_clip_input_clear (&clip);
    bool film = rc == AUT_ERR_CORRUPT;
    if (rc < 0 && !film)
        return rc;
    rc = aut_ff_input_open (&self->format, path, film ? "mov" : "matroska");
    if (rc < 0)
        return rc;
    enum AVCodecID id =
        self->format->nb_streams ? self->format->streams[0]->codecpar->codec_id : AV_CODEC_ID_NONE;
    if (film ? id != AV_CODEC_ID_H264 && id != AV_CODEC_ID_HEVC && id != AV_CODEC_ID_PRORES &&
                   id != AV_CODEC_ID_AV1
             : id != AV_CODEC_ID_FFV1)
        return aut_fail (AUT_ERR_UNSUPPORTED, "%s: neither a mezzanine nor a film", path);
    const AVCodec *codec = avcodec_find_decoder (id);
    self->decoder = codec ? avcodec_alloc_context3 (codec) : NULL;
    self->frame = av_frame_alloc ();
    self->packet = av_packet_alloc ();
    if (!self->decoder || !self->frame || !self->packet)
        return aut_fail (AUT_ERR_NOMEM, "out of memory");
    avcodec_parameters_to_context (self->decoder, self->format->streams[0]->codecpar);
    self->decoder->thread_count = 2;
    self->decoder->max_pixels = AUT_PICTURE_MAX_PIXELS;
    rc = avcodec_open2 (self->decoder, codec, NULL);
    self->path = path;
    self->index = 0;
    self->sent_end = false;
    return rc < 0 ? aut_ff_fail (AUT_ERR_CORRUPT, rc, "%s", path) : 0;
}

/*  1 and the next frame in self->frame, 0 at the end. The last frame stays when there is no other.
 */
static int s_next (s_sheet_t *self)
{
    AVFrame *frame = av_frame_alloc ();
    int rc;
    if (!frame)
        return AVERROR (ENOMEM);
    while ((rc = avcodec_receive_frame (self->decoder, frame)) == AVERROR (EAGAIN) &&
           !self->sent_end) {
        rc = av_read_frame (self->format, self->packet);
        self->sent_end = rc < 0;
        if (self->sent_end || self->packet->stream_index == 0)
            rc = avcodec_send_packet (self->decoder, self->sent_end ? NULL : self->packet);
        av_packet_unref (self->packet);
        if (rc < 0)
            break;
    }
    if (rc == 0) {
        av_frame_unref (self->frame);
        av_frame_move_ref (self->frame, frame);
        self->index++;
    }
    av_frame_free (&frame);
    if (rc == 0)
        return 1;
    return rc == AVERROR_EOF ? 0 : aut_ff_fail (AUT_ERR_CORRUPT, rc, "%s", self->path);
}

/*  Goes to the last key frame before `frame`, when that is far; its time says which it is. */
static void s_jump (s_sheet_t *self, uint64_t frame)
{
    AVStream *stream = self->format->streams[0];
    AVRational rate = stream->avg_frame_rate;
    if (frame < self->index + FAR || rate.num <= 0 || rate.den <= 0)
        return;
    int64_t at = av_rescale_q ((int64_t)frame, av_inv_q (rate), stream->time_base);
    if (av_seek_frame (self->format, 0, at, AVSEEK_FLAG_BACKWARD) < 0)
        return;
    avcodec_flush_buffers (self->decoder);
    self->sent_end = false;
    if (s_next (self) <= 0 || self->frame->pts == AV_NOPTS_VALUE)
        return;
    self->index = (uint64_t)av_rescale_q (self->frame->pts, stream->time_base, av_inv_q (rate)) + 1;
}

static int s_seek (s_sheet_t *self, const aut_sheet_cell_t *cell)
{
    int rc = 0;
    if (cell->still) {
        s_close (self);
        return aut_picture_load (&self->still, cell->path);
    }
    if (!self->path || strcmp (self->path, cell->path) != 0 || self->index > cell->frame + 1)
        rc = s_open (self, cell->path);
    if (rc >= 0)
        s_jump (self, cell->frame);
    while (rc >= 0 && self->index <= cell->frame) {
        rc = s_next (self);
        if (rc == 0)
            break;
    }
    if (rc >= 0 && !self->index)
        return aut_fail (AUT_ERR_CORRUPT, "%s: no frames", cell->path);
    return rc < 0 ? rc : 0;
}

static int s_still (s_sheet_t *self, uint32_t x, uint32_t y)
{
    aut_picture_t *small = NULL;
    size_t row = (size_t)self->cell_width * 3, page = (size_t)self->page->width * 3;
    int rc =
        aut_picture_scale (&small, self->still, self->cell_width, self->cell_height, AUT_SCALE_PAD);
    for (uint32_t i = 0; rc == 0 && i < self->cell_height; i++)
        memcpy (self->page->rgb + (y + i) * page + (size_t)x * 3, small->rgb + i * row, row);
    aut_picture_destroy (&small);
    return rc;
}

static int s_thumbnail (s_sheet_t *self, uint32_t x, uint32_t y)
{
    const AVFrame *f = self->frame;
    if (self->still)
        return s_still (self, x, y);
    aut_fit_rects_t fit = aut_scale_fit ((uint32_t)f->width, (uint32_t)f->height, self->cell_width,
                                         self->cell_height, AUT_SCALE_PAD, 0);
    struct SwsContext *sws = sws_getContext (
        f->width, f->height, f->format, (int)fit.target.width, (int)fit.target.height,
        AV_PIX_FMT_RGB24, SWS_LANCZOS | SWS_ACCURATE_RND | SWS_FULL_CHR_H_INT, NULL, NULL, NULL);
    if (!sws)
        return aut_fail (AUT_ERR_UNSUPPORTED, "%s: cannot be scaled", self->path);
    const int *matrix = sws_getCoefficients (SWS_CS_ITU709);
    sws_setColorspaceDetails (sws, matrix, f->format == AV_PIX_FMT_BGR0, matrix, 1, 0, 1 << 16,
                              1 << 16);
    size_t row = (size_t)self->page->width * 3;
    uint8_t *to[4] = {self->page->rgb + (y + fit.target.y) * row + (size_t)(x + fit.target.x) * 3};
    int stride[4] = {(int)row};
    sws_scale (sws, (const uint8_t *const *)f->data, f->linesize, 0, f->height, to, stride);
    sws_freeContext (sws);
    return 0;
}

static void s_write (s_sheet_t *self, const char *words, uint32_t x, uint32_t y, uint32_t width,
                     double size, bool bold, uint32_t color)
{
    if (!words || !*words)
        return;
    char line[128];
    size_t len = strnlen (words, sizeof line - 4);
    while (len && ((unsigned char)words[len] & 0xc0) == 0x80)
        len--;
    memcpy (line, words, len);
    memcpy (line + len, words[len] ? "…" : "", words[len] ? sizeof "…" : 1);
    aut_overlay_text_t text = {.text = line,
                               .anchor = 7,
                               .left = x,
                               .right = 0,
                               .edge = y,
                               .size = size,
                               .bold = bold,
                               .color = color};
    /* On one line: shorter until it fits. */
    while (len > 4 && (uint32_t)aut_overlay_measure (self->words, &text).width > width) {
        len -= len / 10 + 1;
        while (len && ((unsigned char)line[len] & 0xc0) == 0x80)
            len--;
        memcpy (line + len, "…", sizeof "…");
    }
    aut_overlay_add (self->words, &text);
}

static uint32_t s_lines (const s_sheet_t *self, const aut_sheet_row_t *row)
{
    return (uint32_t)((row->cell_count + self->columns - 1) / self->columns);
}

/*  Sizes, from the first cell's shape. */
static int s_plan (s_sheet_t *self)
{
    const aut_sheet_t *sheet = self->sheet;
    self->cell_width = sheet->cell_width ? sheet->cell_width : 320;
    self->columns = sheet->columns ? sheet->columns : 5;
    self->gap = self->cell_width / 24 + 4;
    self->line = self->cell_width / 13 + 8;
    uint64_t height = self->gap + (sheet->title ? self->line * 2 : 0);
    uint64_t widest = 0;
    const aut_sheet_cell_t *first = NULL;
    for (size_t i = 0; i < sheet->row_count; i++) {
        const aut_sheet_row_t *row = &sheet->rows[i];
        if (row->cell_count && !first)
            first = row->cells;
        widest = row->cell_count > widest ? row->cell_count : widest;
    }
    if (!first)
        return aut_fail (AUT_ERR_INVALID, "a contact sheet without pictures");
    if (widest < self->columns)
        self->columns = (uint32_t)widest;
    int rc = s_seek (self, first);
    if (rc < 0)
        return rc;
    uint32_t wide = self->still ? self->still->width : (uint32_t)self->frame->width;
    uint32_t high = self->still ? self->still->height : (uint32_t)self->frame->height;
    self->cell_height = (uint32_t)((uint64_t)self->cell_width * high / wide);
    if (!self->cell_height || self->cell_height > AUT_PICTURE_MAX_SIDE)
        return aut_fail (AUT_ERR_INVALID, "%s: an odd shape for a thumbnail", first->path);
    for (size_t i = 0; i < sheet->row_count; i++)
        height += (sheet->rows[i].title ? self->line + self->gap / 2 : 0) +
                  (uint64_t)s_lines (self, &sheet->rows[i]) *
                      (self->cell_height + self->line + self->gap) +
                  self->gap / 2;
    uint64_t width = (uint64_t)self->columns * (self->cell_width + self->gap) + self->gap;
    if (width > AUT_PICTURE_MAX_SIDE || height > AUT_PICTURE_MAX_SIDE)
        return aut_fail (AUT_ERR_TOO_LARGE, "the contact sheet would be too large");
    self->width = (uint32_t)width;
    self->height = (uint32_t)height;
    return 0;
}

static int s_row (s_sheet_t *self, const aut_sheet_row_t *row, uint32_t *y)
{
    if (row->title) {
        s_write (self, row->title, self->gap, *y, self->width - 2 * self->gap, self->line * 0.85,
                 true, 0xffc95c);
        *y += self->line + self->gap / 2;
    }
    for (size_t i = 0; i < row->cell_count; i++) {
        uint32_t column = (uint32_t)(i % self->columns);
        if (i && !column)
            *y += self->cell_height + self->line + self->gap;
        uint32_t x = self->gap + column * (self->cell_width + self->gap);
        int rc = s_seek (self, &row->cells[i]);
        if (rc == 0)
            rc = s_thumbnail (self, x, *y);
        if (rc < 0)
            return rc;
        s_write (self, row->cells[i].label, x, *y + self->cell_height + self->line / 6,
                 self->cell_width, self->line * 0.75, false, 0xd8dbe0);
    }
    if (row->cell_count)
        *y += self->cell_height + self->line + self->gap;
    *y += self->gap / 2;
    return 0;
}

static int s_page (s_sheet_t *self)
{
    int rc = aut_picture_new (&self->page, self->width, self->height);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < (size_t)self->width * self->height; i++)
        memcpy (self->page->rgb + i * 3, (uint8_t[]){0x14, 0x16, 0x1b}, 3);
    rc = aut_overlay_new (&self->words, self->width, self->height);
    uint32_t y = self->gap;
    if (rc == 0 && self->sheet->title) {
        s_write (self, self->sheet->title, self->gap, y, self->width - 2 * self->gap,
                 self->line * 1.4, true, 0xf4f4f0);
        y += self->line * 2;
    }
    for (size_t i = 0; rc == 0 && i < self->sheet->row_count; i++)
        rc = s_row (self, &self->sheet->rows[i], &y);
    if (rc == 0)
        aut_overlay_draw_picture (self->words, self->page);
    return rc;
}

int aut_sheet_write (const char *path, const aut_sheet_t *sheet)
{
    s_sheet_t self = {.sheet = sheet};
    int rc = s_plan (&self);
    if (rc == 0)
        rc = s_page (&self);
    if (rc == 0)
        rc = aut_picture_save_png (self.page, path);
    aut_picture_destroy (&self.page);
    aut_overlay_destroy (&self.words);
    s_close (&self);
    return rc;
}

int aut_sheet_frame (const char *path, const char *film, uint64_t frame)
{
    s_sheet_t self = {0};
    const aut_sheet_cell_t cell = {.path = film, .frame = frame};
    int rc = s_seek (&self, &cell);
    if (rc == 0) {
        self.cell_width = (uint32_t)self.frame->width;
        self.cell_height = (uint32_t)self.frame->height;
        rc = aut_picture_new (&self.page, self.cell_width, self.cell_height);
    }
    if (rc == 0)
        rc = s_thumbnail (&self, 0, 0);
    if (rc == 0)
        rc = aut_picture_save_png (self.page, path);
    aut_picture_destroy (&self.page);
    s_close (&self);
    return rc;
}
