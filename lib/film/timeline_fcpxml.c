/*  FCPXML 1.10, after Apple's "FCPXML Reference" (developer.apple.com/documentation/
 *  professional_video_applications/fcpxml_reference).
 */
#include "lib/core/timecode.h"
#include "lib/film/timeline.h"

#include <inttypes.h>
#include <string.h>

/*  An attribute, with everything escaped that XML does not take as it is; control characters, which
 *  it takes in no form, become spaces. */
static void put_attribute (aut_buffer_t *out, const char *name, const char *text)
{
    aut_buffer_format (out, " %s=\"", name);
    for (; *text; text++) {
        unsigned char byte = (unsigned char)*text;
        if (strchr ("&<>\"", byte))
            aut_buffer_format (out, "&#%u;", byte);
        else
            aut_buffer_append (out, byte < 0x20 || byte == 0x7f ? " " : text, 1);
    }
    aut_buffer_text (out, "\"");
}

static void put_seconds (aut_buffer_t *out, const char *name, int64_t frames, aut_rational_t rate)
{
    aut_rational_t seconds;
    if (frames == 0 || aut_rational_make (&seconds, frames * rate.den, rate.num))
        seconds = (aut_rational_t){0, 1};
    if (seconds.den == 1)
        aut_buffer_format (out, " %s=\"%" PRId64 "s\"", name, seconds.num);
    else
        aut_buffer_format (out, " %s=\"%" PRId64 "/%" PRId64 "s\"", name, seconds.num, seconds.den);
}

static void put_time (const aut_timeline_t *self, aut_buffer_t *out, const char *name,
                      int64_t frames)
{
    put_seconds (out, name, frames, self->plan->rate);
}

static void put_format (aut_buffer_t *out, const char *id, aut_rational_t rate, uint32_t width,
                        uint32_t height)
{
    aut_buffer_format (out, "        <format id=\"%s\"", id);
    put_seconds (out, "frameDuration", 1, rate);
    aut_buffer_format (out, " width=\"%u\" height=\"%u\" colorSpace=\"1-1-1 (Rec. 709)\"/>\n",
                       width, height);
}

static void put_resources (const aut_timeline_t *self, aut_buffer_t *out)
{
    const aut_plan_t *plan = self->plan;
    aut_buffer_text (out, "    <resources>\n");
    put_format (out, "r0", plan->rate, plan->width, plan->height);
    aut_buffer_text (out, "        <effect id=\"dissolve\" name=\"Cross Dissolve\" "
                          "uid=\"FxPlug:4731E73A-8DAC-4113-9A30-AE85B1761265\"/>\n");
    for (size_t i = 0; i < self->count; i++) {
        const aut_plan_shot_t *shot = self->clips[i].shot;
        aut_buffer_format (out, "        <asset id=\"a%zu\"", i + 1);
        put_attribute (out, "name", shot->shot->id);
        aut_buffer_text (out, " start=\"0s\"");
        put_time (self, out, "duration", shot->frames);
        aut_buffer_format (out,
                           " hasVideo=\"1\" videoSources=\"1\" format=\"r0\">\n"
                           "            <media-rep kind=\"original-media\" "
                           "src=\"shots/%s.mkv\"/>\n        </asset>\n",
                           shot->shot->id);
    }
    aut_buffer_text (out, "    </resources>\n");
}

static void put_transition (const aut_timeline_t *self, aut_buffer_t *out,
                            const aut_timeline_clip_t *clip)
{
    static const char *const names[] = {[AUT_TRANSITION_CUT] = "Cut",
                                        [AUT_TRANSITION_DISSOLVE] = "Cross Dissolve",
                                        [AUT_TRANSITION_FADE] = "Fade To Color",
                                        [AUT_TRANSITION_WIPE] = "Wipe"};
    aut_buffer_text (out, "                        <transition");
    put_attribute (out, "name", names[clip->shot->transition]);
    put_time (self, out, "offset", clip->at - clip->before);
    put_time (self, out, "duration", clip->before + clip->after);
    if (clip->shot->transition !=
        AUT_TRANSITION_DISSOLVE) { /* its look is the editor's to choose */
        aut_buffer_text (out, "/>\n");
        return;
    }
    aut_buffer_text (out, ">\n                            <filter-video ref=\"dissolve\" "
                          "name=\"Cross Dissolve\"/>\n"
                          "                        </transition>\n");
}

static void put_clip (const aut_timeline_t *self, aut_buffer_t *out, size_t index)
{
    const aut_timeline_clip_t *clip = &self->clips[index];
    const char *format =
        aut_timecode_drops (self->plan->rate.num, self->plan->rate.den) ? "DF" : "NDF";
    if (clip->before + clip->after > 0)
        put_transition (self, out, clip);
    aut_buffer_format (out, "                        <asset-clip ref=\"a%zu\"", index + 1);
    put_attribute (out, "name", clip->shot->shot->id);
    put_time (self, out, "offset", clip->at);
    put_time (self, out, "start", clip->in);
    put_time (self, out, "duration", clip->frames);
    aut_buffer_format (out,
                       " format=\"r0\" tcFormat=\"%s\">\n"
                       "                            <marker",
                       format);
    put_time (self, out, "start", clip->in);
    put_time (self, out, "duration", 1);
    put_attribute (out, "value", clip->shot->shot->id);
    put_attribute (out, "note", clip->shot->shot->prompt);
    aut_buffer_text (out, "/>\n                        </asset-clip>\n");
}

void aut_timeline_fcpxml (const aut_timeline_t *self, aut_buffer_t *out)
{
    const aut_storyboard_t *film = self->plan->film;
    const char *title = film->title ? film->title : film->project;
    aut_buffer_text (out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!DOCTYPE fcpxml>\n"
                          "<fcpxml version=\"1.10\">\n");
    put_resources (self, out);
    aut_buffer_text (out, "    <library>\n        <event");
    put_attribute (out, "name", film->project);
    aut_buffer_text (out, ">\n            <project");
    put_attribute (out, "name", title);
    aut_buffer_text (out, ">\n                <sequence format=\"r0\"");
    put_time (self, out, "duration", self->plan->frames);
    aut_buffer_format (out, " tcStart=\"0s\" tcFormat=\"%s\">\n                    <spine>\n",
                       aut_timecode_drops (self->plan->rate.num, self->plan->rate.den) ? "DF"
                                                                                       : "NDF");
    for (size_t i = 0; i < self->count; i++)
        put_clip (self, out, i);
    aut_buffer_text (out, "                    </spine>\n                </sequence>\n"
                          "            </project>\n        </event>\n    </library>\n</fcpxml>\n");
}
