/*  The film's subtitle stream: 3GPP timed text, which FFmpeg calls mov_text. A sample is its text's
 *  length (16 bits, big endian) and the text in UTF-8; the muxer fills the time between two with
 * empty ones.
 */
#include "lib/core/error.h"
#include "lib/core/mem.h"
#include "lib/media/ff.h"
#include "lib/media/stitch_private.h"

#include <libavutil/intreadwrite.h>
#include <stdlib.h>
#include <string.h>

/*  The sample description of 3GPP TS 26.245, 5.16: centred at the bottom, white sans-serif of 5 %
 * of the height. Flags, alignments, background; the box (top, left, bottom, right), set by the
 * player; the style (all characters, font 1, size 18, white); a table of one font. */
static const uint8_t s_description[] = {
    0, 0, 0, 0,  1,   0xff, 0,   0,   0,    0,                /* flags, justification, background */
    0, 0, 0, 0,  0,   0,    0,   0,                           /* box */
    0, 0, 0, 0,  0,   1,    0,   18,  0xff, 0xff, 0xff, 0xff, /* style */
    0, 0, 0, 18, 'f', 't',  'a', 'b', 0,    1,    0,    1,    5, 'A', 'r', 'i', 'a', 'l',
};

struct aut_stitch_text {
    const aut_stitch_t *film;
    aut_ff_output_t *output;
    AVStream *stream;
    size_t next; /* cue */
};

int aut_stitch_text_open (aut_stitch_text_t **out, const aut_stitch_t *film,
                          aut_ff_output_t *output)
{
    AVStream *stream = avformat_new_stream (output->format, NULL);
    *out = NULL;
    if (!stream)
        return aut_fail (AUT_ERR_NOMEM, "out of memory");
    AVCodecParameters *p = stream->codecpar;
    p->codec_type = AVMEDIA_TYPE_SUBTITLE;
    p->codec_id = AV_CODEC_ID_MOV_TEXT;
    p->extradata = av_mallocz (sizeof s_description + AV_INPUT_BUFFER_PADDING_SIZE);
    if (!p->extradata)
        return aut_fail (AUT_ERR_NOMEM, "out of memory");
    memcpy (p->extradata, s_description, sizeof s_description);
    p->extradata_size = sizeof s_description;
    stream->time_base = (AVRational){film->rate_den, film->rate_num};
    aut_stitch_text_t *self = aut_calloc (1, sizeof *self);
    *self = (aut_stitch_text_t){.film = film, .output = output, .stream = stream};
    *out = self;
    return 0;
}

static int s_write (aut_stitch_text_t *self, const aut_stitch_cue_t *cue)
{
    size_t size = strlen (cue->text);
    AVPacket *packet = av_packet_alloc ();
    if (!packet || size > UINT16_MAX || av_new_packet (packet, (int)size + 2) < 0) {
        av_packet_free (&packet);
        return aut_fail (AUT_ERR_TOO_LARGE, "a subtitle of %zu bytes", size);
    }
    AV_WB16 (packet->data, size);
    memcpy (packet->data + 2, cue->text, size);
    packet->stream_index = self->stream->index;
    packet->pts = packet->dts = (int64_t)cue->start;
    packet->duration = (int64_t)(cue->end - cue->start);
    packet->flags = AV_PKT_FLAG_KEY;
    av_packet_rescale_ts (packet, (AVRational){self->film->rate_den, self->film->rate_num},
                          self->stream->time_base);
    int rc = aut_ff_output_packet (self->output, packet);
    av_packet_free (&packet);
    return rc;
}

int aut_stitch_text_until (aut_stitch_text_t *self, uint64_t frame)
{
    int rc = 0;
    while (rc == 0 && self->next < self->film->cue_count &&
           self->film->cues[self->next].start <= frame)
        rc = s_write (self, &self->film->cues[self->next++]);
    return rc;
}

void aut_stitch_text_close (aut_stitch_text_t **self_p)
{
    free (*self_p);
    *self_p = NULL;
}
