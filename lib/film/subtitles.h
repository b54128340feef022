/*  Subtitles of a plan's dialogue: when each is shown, how it is wrapped, and the files that
 * players read. Pure functions.
 *
 *  A shot's dialogue is shown from its cut on, for as long as it takes to read at 15 characters a
 *  second and a half more, but not past the next cut; only where that leaves less than it takes at
 * 20 a second it is also shown in the shot's transitions, if nobody speaks there. A cue has at most
 * two lines of 42 columns (BBC Subtitle Guidelines and Netflix's Timed Text Style Guide use 37 to
 * 42 and 17 to 20 a second); what is longer is shown as several, in shares of time by length. No
 * cue leaves its shot.
 */
#ifndef AUT_LIB_FILM_SUBTITLES_H
#define AUT_LIB_FILM_SUBTITLES_H

#include "lib/film/plan.h"

#define AUT_SUBTITLE_SPEED 20 /* characters a second that can still be read */

typedef struct {
    size_t shot;        /* in the plan */
    int64_t start, end; /* frames of the film; start < end */
    char *text;         /* one or two lines, plain */
} aut_subtitle_t;

typedef struct {
    const aut_plan_t *plan; /* borrowed */
    aut_subtitle_t *cues;   /* in order of time */
    size_t count;
    size_t hasty; /* shots whose dialogue is too long to be read in them */
} aut_subtitles_t;

aut_subtitles_t *aut_subtitles_new (const aut_plan_t *plan);
void aut_subtitles_destroy (aut_subtitles_t **self_p);

/*  SubRip, with the text as it is. */
void aut_subtitles_srt (const aut_subtitles_t *self, aut_buffer_t *out);
/*  WebVTT (w3.org/TR/webvtt1), with &, < and > escaped. */
void aut_subtitles_vtt (const aut_subtitles_t *self, aut_buffer_t *out);

#endif
