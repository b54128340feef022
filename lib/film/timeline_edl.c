/*  CMX 3600, as editors read it today: one line an event, source and record times as timecode,
 * names in comments. A transition is an event of two lines: where the old clip stands, then the new
 * one with the transition's kind and length, from the transition's first frame on.
 */
#include "lib/core/timecode.h"
#include "lib/film/timeline.h"

#include <inttypes.h>

/*  SMPTE ST 258's plain wipes, 1 (left to right) and 2 (top to bottom); + 100 runs one backwards.
 */
static const char *const wipes[] = {[AUT_DIRECTION_RIGHT] = "W001",
                                    [AUT_DIRECTION_LEFT] = "W101",
                                    [AUT_DIRECTION_UP] = "W102",
                                    [AUT_DIRECTION_DOWN] = "W002"};

/*  One line whatever the text: line breaks and control characters become spaces. */
static void put_line (aut_buffer_t *out, const char *label, const char *text)
{
    aut_buffer_text (out, label);
    for (; *text; text++) {
        unsigned char byte = (unsigned char)*text;
        aut_buffer_append (out, byte < 0x20 || byte == 0x7f ? " " : text, 1);
    }
    aut_buffer_text (out, "\n");
}

static void put_time (const aut_timeline_t *self, aut_buffer_t *out, int64_t frame)
{
    char text[AUT_TIMECODE_SIZE];
    aut_timecode (text, (uint64_t)frame, self->plan->rate.num, self->plan->rate.den);
    aut_buffer_format (out, " %s", text);
}

/*  Frames source … source + frames of a clip at `record` of the film. */
static void put_event (const aut_timeline_t *self, aut_buffer_t *out, size_t number,
                       const char *kind, int64_t length, int64_t source, int64_t record,
                       int64_t frames)
{
    aut_buffer_format (out, "%03zu  AX       V     %-4s ", number, kind);
    if (length)
        aut_buffer_format (out, "%03" PRId64, length);
    else
        aut_buffer_text (out, "   ");
    put_time (self, out, source);
    put_time (self, out, source + frames);
    put_time (self, out, record);
    put_time (self, out, record + frames);
    aut_buffer_text (out, "\n");
}

static void put_names (const aut_timeline_t *self, aut_buffer_t *out, size_t index)
{
    const aut_timeline_clip_t *clip = &self->clips[index];
    const char *id = clip->shot->shot->id;
    if (clip->before + clip->after > 0) {
        put_line (out, "* FROM CLIP NAME: ", self->clips[index - 1].shot->shot->id);
        put_line (out, "* TO CLIP NAME: ", id);
    } else {
        put_line (out, "* FROM CLIP NAME: ", id);
    }
    aut_buffer_format (out, "* SOURCE FILE: shots/%s.mkv\n", id);
    put_line (out, "* PROMPT: ", clip->shot->shot->prompt);
    if (clip->shot->transition == AUT_TRANSITION_WIPE)
        put_line (out, "* A WIPE, ITS EDGE MOVES ", aut_directions[clip->shot->direction]);
    if (clip->shot->transition == AUT_TRANSITION_FADE && clip->shot->transition_frames)
        aut_buffer_format (out,
                           index ? "* A FADE THROUGH BLACK, %" PRId64 " FRAMES\n"
                                 : "* A FADE IN FROM BLACK, %" PRId64 " FRAMES\n",
                           clip->shot->transition_frames);
}

void aut_timeline_edl (const aut_timeline_t *self, aut_buffer_t *out)
{
    const aut_storyboard_t *film = self->plan->film;
    bool drops = aut_timecode_drops (self->plan->rate.num, self->plan->rate.den);
    put_line (out, "TITLE: ", film->title ? film->title : film->project);
    aut_buffer_format (out, "FCM: %sDROP FRAME\n\n", drops ? "" : "NON-");
    for (size_t i = 0; i < self->count; i++) {
        const aut_timeline_clip_t *clip = &self->clips[i];
        int64_t overlap = clip->before + clip->after;
        int64_t start = clip->at - clip->before, in = clip->in - clip->before;
        int64_t end = clip->at + clip->frames; /* where the next one's transition begins */
        if (i + 1 < self->count)
            end -= self->clips[i + 1].before;
        if (overlap) {
            const aut_timeline_clip_t *old = &self->clips[i - 1];
            put_event (self, out, i + 1, "C", 0, start - old->at + old->in, start, 0);
            put_event (self, out, i + 1,
                       clip->shot->transition == AUT_TRANSITION_WIPE ? wipes[clip->shot->direction]
                                                                     : "D",
                       overlap, in, start, end - start);
        } else {
            put_event (self, out, i + 1, "C", 0, in, start, end - start);
        }
        put_names (self, out, i);
    }
}
