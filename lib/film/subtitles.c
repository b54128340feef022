#include "lib/film/subtitles.h"

#include "lib/core/mem.h"
#include "lib/film/timeline.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define COLUMNS 42
#define LINES 2
#define CALM 15 /* characters a second */

/*  A line of a dialogue, borrowed from it. */
typedef struct {
    const char *text;
    size_t size;
    int64_t characters;
} line_t;

typedef struct {
    line_t *lines;
    size_t count, cap;
} lines_t;

/*  Columns of a character: East Asian wide ones take two. */
static unsigned columns_of (unsigned code)
{
    return (code >= 0x1100 && code <= 0x115f) || (code >= 0x2e80 && code <= 0xa4cf) ||
                   (code >= 0xac00 && code <= 0xd7a3) || (code >= 0xf900 && code <= 0xfaff) ||
                   (code >= 0xfe30 && code <= 0xfe6f) || (code >= 0xff00 && code <= 0xff60) ||
                   (code >= 0x1f300 && code <= 0x1faff) || (code >= 0x20000 && code <= 0x3fffd)
               ? 2
               : 1;
}

static void add_line (lines_t *self, const char *text, size_t size, int64_t characters)
{
    while (size && text[size - 1] == ' ')
        size--;
    if (!size)
        return;
    if (self->count == self->cap) {
        self->cap = self->cap ? 2 * self->cap : 8;
        self->lines = aut_realloc (self->lines, self->cap, sizeof *self->lines);
    }
    self->lines[self->count++] = (line_t){text, size, characters};
}

/*  Width in columns. */
static size_t width_of (const char *text, size_t size)
{
    size_t width = 0;
    unsigned code;
    for (size_t at = 0, step; at < size; at += step) {
        step = aut_utf8_next (text + at, size - at, &code);
        step = step ? step : 1;
        width += columns_of (code);
    }
    return width;
}

/*  Breaks a paragraph into lines of about the same length, after spaces or between wide characters,
 * or anywhere in a word that is wider than a line. */
static void wrap (lines_t *self, const char *text, size_t size)
{
    size_t rest = width_of (text, size);
    while (size) {
        while (size && *text == ' ') {
            text++;
            size--;
            rest -= rest > 0;
        }
        size_t lines = (rest + COLUMNS - 1) / COLUMNS, aim = lines ? (rest + lines - 1) / lines : 0;
        size_t at = 0, width = 0, break_at = 0, break_width = 0;
        int64_t characters = 0, break_characters = 0;
        unsigned code = 0;
        for (size_t step; at < size; at += step) {
            step = aut_utf8_next (text + at, size - at, &code);
            step = step ? step : 1;
            unsigned columns = columns_of (code);
            if (at && (text[at] == ' ' || columns == 2)) {
                if (break_at && width > aim)
                    break;
                break_at = at, break_width = width, break_characters = characters;
            }
            if (width + columns > COLUMNS)
                break;
            width += columns;
            characters++;
        }
        if (at < size && break_at)
            at = break_at, width = break_width, characters = break_characters;
        add_line (self, text, at, characters);
        text += at;
        size -= at;
        rest = rest > width ? rest - width : 0;
    }
}

/*  The lines of a dialogue; its own line breaks stay. */
static lines_t lines_of (const char *dialogue)
{
    lines_t lines = {0};
    while (*dialogue) {
        size_t size = strcspn (dialogue, "\r\n");
        wrap (&lines, dialogue, size);
        dialogue += size;
        dialogue += strspn (dialogue, "\r\n");
    }
    return lines;
}

/*  characters / speed seconds in frames, rounded up. */
static int64_t frames_for (int64_t characters, int64_t speed, aut_rational_t rate)
{
    int64_t den = speed * rate.den;
    return (characters * rate.num + den - 1) / den;
}

/*  Time to read so much calmly, and half a second to look up; at least a second and a half. */
static int64_t wanted (int64_t characters, aut_rational_t rate)
{
    int64_t frames = frames_for (characters, CALM, rate) + rate.num / (2 * rate.den);
    int64_t least = 3 * rate.num / (2 * rate.den);
    return frames > least ? frames : least;
}

static void add_cue (aut_subtitles_t *self, size_t shot, int64_t start, int64_t end,
                     const line_t *lines, size_t count)
{
    aut_buffer_t text = {0};
    for (size_t i = 0; i < count; i++) {
        aut_buffer_text (&text, i ? "\n" : "");
        for (size_t k = 0; k < lines[i].size;
             k++) /* a tab or other control would confuse players */
            aut_buffer_append (&text,
                               (unsigned char)lines[i].text[k] < 0x20 ? " " : lines[i].text + k, 1);
    }
    if (self->count % 64 == 0)
        self->cues = aut_realloc (self->cues, self->count + 64, sizeof *self->cues);
    self->cues[self->count++] = (aut_subtitle_t){shot, start, end, aut_buffer_take (&text, NULL)};
}

/*  The cues of a shot's lines from frame `start` on, for `frames`, in shares by length. */
static void add_cues (aut_subtitles_t *self, size_t shot, const lines_t *lines, int64_t start,
                      int64_t frames, int64_t characters)
{
    int64_t before = 0;
    for (size_t i = 0; i < lines->count; i += LINES) {
        size_t count = lines->count - i < LINES ? lines->count - i : LINES;
        int64_t from = start + frames * before / characters;
        for (size_t k = 0; k < count; k++)
            before += lines->lines[i + k].characters;
        int64_t to = start + frames * before / characters;
        if (to > from)
            add_cue (self, shot, from, to, lines->lines + i, count);
    }
}

static void add_shot (aut_subtitles_t *self, size_t index, const aut_timeline_clip_t *clip)
{
    const aut_plan_shot_t *shot = clip->shot;
    const aut_rational_t rate = self->plan->rate;
    lines_t lines = lines_of (shot->shot->dialogue);
    int64_t characters = 0, start = clip->at, room = clip->frames;
    for (size_t i = 0; i < lines.count; i++)
        characters += lines.lines[i].characters;
    int64_t needed = frames_for (characters, AUT_SUBTITLE_SPEED, rate);
    if (needed > room) { /* into the transitions, where nobody else speaks */
        const aut_subtitle_t *last = self->count ? &self->cues[self->count - 1] : NULL;
        bool next = index + 1 < self->plan->shot_count && shot[1].shot->dialogue;
        int64_t end = next ? clip->at + clip->frames : shot->start_frame + shot->frames;
        start = last && last->end > shot->start_frame ? last->end : shot->start_frame;
        room = end - start;
        self->hasty += needed > room;
    }
    int64_t calm = wanted (characters, rate);
    if (characters)
        add_cues (self, index, &lines, start, calm < room ? calm : room, characters);
    free (lines.lines);
}

aut_subtitles_t *aut_subtitles_new (const aut_plan_t *plan)
{
    aut_subtitles_t *self = aut_calloc (1, sizeof *self);
    aut_timeline_t *timeline = aut_timeline_new (plan);
    self->plan = plan;
    for (size_t i = 0; i < plan->shot_count; i++)
        if (plan->shots[i].shot->dialogue)
            add_shot (self, i, &timeline->clips[i]);
    aut_timeline_destroy (&timeline);
    return self;
}

void aut_subtitles_destroy (aut_subtitles_t **self_p)
{
    aut_subtitles_t *self = *self_p;
    if (!self)
        return;
    for (size_t i = 0; i < self->count; i++)
        free (self->cues[i].text);
    free (self->cues);
    free (self);
    *self_p = NULL;
}

/*  "HH:MM:SS,mmm" of a frame, to the nearest millisecond. */
static void put_time (const aut_subtitles_t *self, aut_buffer_t *out, int64_t frame, char point)
{
    const aut_rational_t rate = self->plan->rate;
    int64_t ms = (2000 * frame * rate.den + rate.num) / (2 * rate.num);
    aut_buffer_format (out, "%02" PRId64 ":%02" PRId64 ":%02" PRId64 "%c%03" PRId64, ms / 3600000,
                       ms / 60000 % 60, ms / 1000 % 60, point, ms % 1000);
}

static void put_times (const aut_subtitles_t *self, aut_buffer_t *out, const aut_subtitle_t *cue,
                       char point)
{
    put_time (self, out, cue->start, point);
    aut_buffer_text (out, " --> ");
    put_time (self, out, cue->end, point);
    aut_buffer_text (out, "\n");
}

void aut_subtitles_srt (const aut_subtitles_t *self, aut_buffer_t *out)
{
    for (size_t i = 0; i < self->count; i++) {
        aut_buffer_format (out, "%s%zu\n", i ? "\n" : "", i + 1);
        put_times (self, out, &self->cues[i], ',');
        aut_buffer_text (out, self->cues[i].text);
        aut_buffer_text (out, "\n");
    }
}

void aut_subtitles_vtt (const aut_subtitles_t *self, aut_buffer_t *out)
{
    aut_buffer_text (out, "WEBVTT\n");
    for (size_t i = 0; i < self->count; i++) {
        aut_buffer_text (out, "\n");
        put_times (self, out, &self->cues[i], '.');
        for (const char *text = self->cues[i].text; *text; text++)
            if (*text == '&')
                aut_buffer_text (out, "&amp;");
            else if (*text == '<')
                aut_buffer_text (out, "&lt;");
            else if (*text == '>')
                aut_buffer_text (out, "&gt;");
            else
                aut_buffer_append (out, text, 1);
        aut_buffer_text (out, "\n");
    }
}
