/*  The film's encoder and file, on a thread of its own. A codec is one row of the table.
 *
 *  Everything that decides bytes is fixed here and told in the report: preset, CRF, GOP and the
 *  number of threads, which never follows the machine.
 */
#include "lib/core/buffer.h"
#include "lib/core/error.h"
#include "lib/core/mem.h"
#include "lib/media/ff.h"
#include "lib/media/stitch_private.h"

#include <libavfilter/avfilter.h>
#include <libavutil/opt.h>
#include <libavutil/pixdesc.h>
#include <libswscale/swscale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    int crf;
    const char *preset;
} s_level_t;

typedef struct {
    const char *name, *encoder, *muxer;
    const char *extension; /* of the film's name, without the dot */
    uint32_t tag;          /* the sample entry that players want, or 0 */
    enum AVPixelFormat pixels;
    int profile;         /* of the encoder; -99 as libavcodec has it for none */
    const char *private; /* "KEY=VALUE" for the encoder's own options, or NULL */
    /* by aut_stitch_quality_t, [DEFAULT] = medium; without a preset there is one quality */
    s_level_t levels[AUT_STITCH_QUALITY_HIGH + 1];
} s_codec_t;

/*  CRFs of a codec look about alike in a row: x265's are some 2 to 4, SVT-AV1's some 10 to 15 above
 *  x264's. What an encoder decides by the number of cores is fixed. */
static const s_codec_t s_codecs[] = {
    {.name = "h264",
     .encoder = "libx264",
     .muxer = "mp4",
     .extension = "mp4",
     .pixels = AV_PIX_FMT_YUV420P,
     .profile = FF_PROFILE_UNKNOWN,
     .levels = {[AUT_STITCH_QUALITY_DEFAULT] = {20, "veryfast"},
                [AUT_STITCH_QUALITY_LOW] = {27, "veryfast"},
                [AUT_STITCH_QUALITY_MEDIUM] = {20, "veryfast"},
                [AUT_STITCH_QUALITY_HIGH] = {16, "medium"}}},
    {.name = "h265",
     .encoder = "libx265",
     .muxer = "mp4",
     .extension = "mp4",
     .tag = MKTAG ('h', 'v', 'c', '1'),
     .pixels = AV_PIX_FMT_YUV420P,
     .profile = FF_PROFILE_UNKNOWN,
     .private = "x265-params=log-level=error:info=0:frame-threads=2",
     .levels = {[AUT_STITCH_QUALITY_DEFAULT] = {23, "fast"},
                [AUT_STITCH_QUALITY_LOW] = {29, "veryfast"},
                [AUT_STITCH_QUALITY_MEDIUM] = {23, "fast"},
                [AUT_STITCH_QUALITY_HIGH] = {18, "medium"}}},
    {.name = "prores",
     .encoder = "prores_ks",
     .muxer = "mov",
     .extension = "mov",
     .tag = MKTAG ('a', 'p', 'c', 'h'),
     .pixels = AV_PIX_FMT_YUV422P10,
     .profile = FF_PROFILE_PRORES_HQ,
     .private = "vendor=apl0"},
    {.name = "av1",
     .encoder = "libsvtav1",
     .muxer = "mp4",
     .extension = "mp4",
     .pixels = AV_PIX_FMT_YUV420P,
     .profile = FF_PROFILE_UNKNOWN,
     .private = "svtav1-params=lp=4",
     .levels = {[AUT_STITCH_QUALITY_DEFAULT] = {32, "9"},
                [AUT_STITCH_QUALITY_LOW] = {42, "10"},
                [AUT_STITCH_QUALITY_MEDIUM] = {32, "9"},
                [AUT_STITCH_QUALITY_HIGH] = {24, "7"}}},
};

struct aut_encoder {
    const aut_stitch_t *film;
    const s_codec_t *codec;
    aut_ff_output_t output;
    AVCodecContext *encoder;
    AVPacket *packet;
    struct SwsContext *convert; /* NULL: the codec takes the stitch's own format */
    AVFrame *converted;
    aut_stitch_sound_t *sound; /* NULL: none */
    aut_stitch_text_t *text;   /* NULL: none */
    aut_queue_t queue;
    pthread_t thread;
    bool started;
};

static const s_codec_t *s_find (const char *name)
{
    for (size_t i = 0; i < sizeof s_codecs / sizeof *s_codecs; i++)
        if (strcmp (s_codecs[i].name, name ? name : "h264") == 0)
            return &s_codecs[i];
    return NULL;
}

int aut_stitch_codec_check (const char *codec)
{
    const s_codec_t *found = s_find (codec);
    if (found && avcodec_find_encoder_by_name (found->encoder))
        return 0;
    aut_buffer_t list = {0};
    for (size_t i = 0; i < sizeof s_codecs / sizeof *s_codecs; i++)
        if (avcodec_find_encoder_by_name (s_codecs[i].encoder)) {
            aut_buffer_text (&list, list.size ? ", " : "");
            aut_buffer_text (&list, s_codecs[i].name);
        }
    char *names = aut_buffer_take (&list, NULL);
    int rc = found
                 ? aut_fail (AUT_ERR_UNSUPPORTED,
                             "codec \"%s\" needs the encoder %s, which this FFmpeg has not; there "
                             "is: %s",
                             codec, found->encoder, names)
                 : aut_fail (AUT_ERR_UNSUPPORTED, "codec \"%s\" is not known; there is: %s", codec,
                             names);
    free (names);
    return rc;
}

const char *aut_stitch_extension (const char *codec)
{
    const s_codec_t *found = s_find (codec);
    return found ? found->extension : s_codecs[0].extension;
}

/*  The encoder's own options. */
static void s_set_private (AVCodecContext *c, const s_codec_t *codec, const s_level_t *level)
{
    const char *equals = codec->private ? strchr (codec->private, '=') : NULL;
    if (equals) {
        char *key = aut_strndup (codec->private, (size_t)(equals - codec->private));
        av_opt_set (c->priv_data, key, equals + 1, 0);
        free (key);
    }
    if (!level->preset)
        return;
    av_opt_set (c->priv_data, "preset", level->preset, 0);
    av_opt_set (c->priv_data, "crf",
                (char[]){(char)('0' + level->crf / 10), (char)('0' + level->crf % 10), 0}, 0);
}

/*  From the stitch's frames to what the codec takes, if that is another format. */
static int s_converter_open (aut_encoder_t *self)
{
    const AVCodecContext *c = self->encoder;
    if (c->pix_fmt == AV_PIX_FMT_YUV420P)
        return 0;
    AVFrame *frame = self->converted = av_frame_alloc ();
    self->convert =
        sws_getContext (c->width, c->height, AV_PIX_FMT_YUV420P, c->width, c->height, c->pix_fmt,
                        SWS_BICUBIC | SWS_ACCURATE_RND | SWS_BITEXACT, NULL, NULL, NULL);
    if (!frame || !self->convert)
        return aut_fail (AUT_ERR_NOMEM, "out of memory");
    frame->format = c->pix_fmt;
    frame->width = c->width;
    frame->height = c->height;
    frame->color_range = c->color_range;
    frame->colorspace = c->colorspace;
    frame->color_primaries = c->color_primaries;
    frame->color_trc = c->color_trc;
    return av_frame_get_buffer (frame, 0) < 0 ? aut_fail (AUT_ERR_NOMEM, "out of memory") : 0;
}

static int s_encoder_open (aut_encoder_t *self, aut_stitch_report_t *report)
{
    const aut_stitch_t *film = self->film;
    const s_level_t *level = &self->codec->levels[film->quality];
    const AVCodec *codec = avcodec_find_encoder_by_name (self->codec->encoder);
    AVCodecContext *c = self->encoder = codec ? avcodec_alloc_context3 (codec) : NULL;
    if (!c)
        return aut_fail (AUT_ERR_UNSUPPORTED, "this FFmpeg has no encoder %s",
                         self->codec->encoder);
    c->width = (int)report->width;
    c->height = (int)report->height;
    c->pix_fmt = self->codec->pixels;
    c->time_base = (AVRational){film->rate_den, film->rate_num};
    c->framerate = (AVRational){film->rate_num, film->rate_den};
    c->sample_aspect_ratio = (AVRational){1, 1};
    c->color_range = AVCOL_RANGE_MPEG;
    c->colorspace = AVCOL_SPC_BT709;
    c->color_primaries = AVCOL_PRI_BT709;
    c->color_trc = AVCOL_TRC_BT709;
    c->chroma_sample_location = AVCHROMA_LOC_LEFT;
    /* A key frame every two seconds, so that players can be scrubbed. */
    c->gop_size = 2 * film->rate_num / film->rate_den;
    if (c->gop_size < 1)
        c->gop_size = 1;
    c->thread_count = (int)report->threads;
    c->flags |= AV_CODEC_FLAG_BITEXACT | AV_CODEC_FLAG_GLOBAL_HEADER;
    if (strcmp (self->codec->encoder, "libsvtav1") == 0)
        setenv ("SVT_LOG", "1", 0); /* the only way to keep its banner off stderr; 1: errors */
    c->profile = self->codec->profile;
    c->codec_tag = self->codec->tag;
    s_set_private (c, self->codec, level);
    int rc = avcodec_open2 (c, codec, NULL);
    if (rc < 0)
        return aut_ff_fail (AUT_ERR_INVALID, rc, "%s refuses %ux%u at %d/%d", self->codec->encoder,
                            report->width, report->height, (int)film->rate_num,
                            (int)film->rate_den);
    report->crf = level->crf;
    snprintf (report->codec, sizeof report->codec, "%s", self->codec->name);
    snprintf (report->encoder, sizeof report->encoder, "%s", self->codec->encoder);
    snprintf (report->preset, sizeof report->preset, "%s", level->preset ? level->preset : "");
    snprintf (report->parameters, sizeof report->parameters,
              "preset=%s crf=%d keyint=%d threads=%u pix_fmt=%s bt709 tv%s%s",
              level->preset ? level->preset : "none", level->crf, c->gop_size, report->threads,
              av_get_pix_fmt_name (c->pix_fmt), self->codec->private ? " " : "",
              self->codec->private ? self->codec->private : "");
    return s_converter_open (self);
}

/*  libavformat keeps chapters as an array of its own memory. */
static int s_chapters (aut_encoder_t *self)
{
    const aut_stitch_t *film = self->film;
    AVFormatContext *format = self->output.format;
    if (!film->chapter_count)
        return 0;
    format->chapters = av_calloc (film->chapter_count, sizeof *format->chapters);
    if (!format->chapters)
        return aut_fail (AUT_ERR_NOMEM, "out of memory");
    uint64_t end = aut_stitch_frames (film);
    for (size_t i = film->chapter_count; i-- > 0;) {
        const aut_stitch_chapter_t *from = &film->chapters[i];
        AVChapter *chapter = av_mallocz (sizeof *chapter);
        if (!chapter)
            return aut_fail (AUT_ERR_NOMEM, "out of memory");
        chapter->id = (int64_t)i;
        chapter->time_base = self->encoder->time_base;
        chapter->start = (int64_t)from->start_frame;
        chapter->end = (int64_t)end;
        end = from->start_frame;
        av_dict_set (&chapter->metadata, "title", from->title ? from->title : "", 0);
        format->chapters[i] = chapter;
        format->nb_chapters = (unsigned)film->chapter_count;
    }
    return 0;
}

static int s_output_open (aut_encoder_t *self, const char *path, aut_stitch_report_t *report)
{
    int rc = aut_ff_output_open (&self->output, path, self->codec->muxer);
    if (rc < 0)
        return rc;
    AVFormatContext *format = self->output.format;
    AVStream *stream = avformat_new_stream (format, NULL);
    if (!stream)
        return aut_fail (AUT_ERR_NOMEM, "out of memory");
    avcodec_parameters_from_context (stream->codecpar, self->encoder);
    stream->codecpar->codec_tag = self->codec->tag;
    stream->time_base = self->encoder->time_base;
    stream->avg_frame_rate = stream->r_frame_rate = self->encoder->framerate;
    stream->sample_aspect_ratio = (AVRational){1, 1};
    if (self->film->title && *self->film->title)
        av_dict_set (&format->metadata, "title", self->film->title, 0);
    rc = s_chapters (self);
    if (rc == 0 && self->film->sound)
        rc = aut_stitch_sound_open (&self->sound, self->film, &self->output, report);
    if (rc == 0 && self->film->cue_count)
        rc = aut_stitch_text_open (&self->text, self->film, &self->output);
    if (rc < 0)
        return rc;
    AVDictionary *options = NULL;
    av_dict_set (&options, "movflags", "+faststart", 0);
    rc = avformat_write_header (format, &options);
    av_dict_free (&options);
    self->output.header = rc >= 0;
    return rc < 0 ? aut_ff_fail (AUT_ERR_IO, rc, "%s: cannot be written", path) : 0;
}

static int s_drain (aut_encoder_t *self)
{
    AVStream *stream = self->output.format->streams[0];
    for (;;) {
        int rc = avcodec_receive_packet (self->encoder, self->packet);
        if (rc == AVERROR (EAGAIN) || rc == AVERROR_EOF)
            return 0;
        if (rc < 0)
            return aut_ff_fail (AUT_ERR_INTERNAL, rc, "%s", self->codec->encoder);
        self->packet->duration = 1;
        self->packet->stream_index = 0;
        av_packet_rescale_ts (self->packet, self->encoder->time_base, stream->time_base);
        rc = aut_ff_output_packet (&self->output, self->packet);
        if (rc < 0)
            return rc;
    }
}

/*  Frame number `n`, or NULL at the end; FFmpeg's result. */
static int s_send (aut_encoder_t *self, AVFrame *frame, int64_t n)
{
    if (frame && self->convert) {
        int rc = av_frame_make_writable (self->converted);
        if (rc >= 0)
            rc = sws_scale (self->convert, (const uint8_t *const *)frame->data, frame->linesize, 0,
                            frame->height, self->converted->data, self->converted->linesize);
        if (rc < 0)
            return rc;
        frame = self->converted;
    }
    if (frame) {
        frame->pts = n;
        frame->pict_type = AV_PICTURE_TYPE_NONE;
    }
    return avcodec_send_frame (self->encoder, frame);
}

static int s_run (aut_encoder_t *self)
{
    for (int64_t n = 0;; n++) {
        AVFrame *frame = NULL;
        int rc = aut_queue_pop (&self->queue, &frame);
        if (rc < 0)
            return rc;
        if (frame && self->text && (rc = aut_stitch_text_until (self->text, (uint64_t)n)) < 0) {
            av_frame_free (&frame);
            return rc;
        }
        rc = s_send (self, frame, n);
        bool last = !frame;
        av_frame_free (&frame);
        if (rc < 0)
            return aut_ff_fail (AUT_ERR_INTERNAL, rc, "%s", self->codec->encoder);
        rc = s_drain (self);
        if (rc == 0 && self->sound)
            rc = last ? aut_stitch_sound_finish (self->sound)
                      : aut_stitch_sound_until (self->sound, (double)(n + 1) *
                                                                 av_q2d (self->encoder->time_base));
        if (rc < 0 || last)
            return rc;
    }
}

static void *s_thread (void *arg)
{
    aut_encoder_t *self = arg;
    int rc = s_run (self);
    aut_queue_stop (&self->queue, rc);
    return NULL;
}

static void s_versions (aut_stitch_report_t *report)
{
    snprintf (report->versions, sizeof report->versions,
              "libavcodec %u libavformat %u libswscale %u libavfilter %u", avcodec_version (),
              avformat_version (), swscale_version (), avfilter_version ());
}

int aut_encoder_start (aut_encoder_t **out, const char *path, const aut_stitch_t *film,
                       aut_stitch_report_t *report)
{
    *out = NULL;
    aut_ff_init ();
    aut_encoder_t *self = aut_calloc (1, sizeof *self);
    self->film = film;
    self->codec = s_find (film->codec);
    self->packet = av_packet_alloc ();
    aut_queue_init (&self->queue);
    s_versions (report);
    int rc = self->codec && self->packet ? s_encoder_open (self, report)
                                         : aut_fail (AUT_ERR_UNSUPPORTED, "no such codec");
    if (rc == 0)
        rc = s_output_open (self, path, report);
    if (rc == 0 && pthread_create (&self->thread, NULL, s_thread, self) != 0)
        rc = aut_fail (AUT_ERR_AGAIN, "no thread to be had");
    self->started = rc == 0;
    if (rc < 0)
        aut_encoder_destroy (&self);
    *out = self;
    return rc;
}

int aut_encoder_push (aut_encoder_t *self, AVFrame *frame)
{
    int rc = aut_queue_push (&self->queue, frame);
    if (rc == 0)
        return 0;
    int why = aut_queue_error (&self->queue);
    return why ? why : rc;
}

static void s_join (aut_encoder_t *self, int error)
{
    if (!self->started)
        return;
    aut_queue_end (&self->queue, error);
    pthread_join (self->thread, NULL);
    self->started = false;
}

int aut_encoder_finish (aut_encoder_t *self)
{
    s_join (self, 0);
    int rc = aut_queue_error (&self->queue);
    return rc < 0 ? rc : aut_ff_output_commit (&self->output);
}

void aut_encoder_destroy (aut_encoder_t **self_p)
{
    aut_encoder_t *self = *self_p;
    if (!self)
        return;
    s_join (self, AUT_ERR_CANCELLED);
    aut_stitch_sound_close (&self->sound);
    aut_stitch_text_close (&self->text);
    aut_ff_output_clear (&self->output);
    avcodec_free_context (&self->encoder);
    av_packet_free (&self->packet);
    av_frame_free (&self->converted);
    sws_freeContext (self->convert);
    aut_queue_clear (&self->queue);
    free (self);
    *self_p = NULL;
}
