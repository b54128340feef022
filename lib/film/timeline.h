/*  A plan as editors see it: clips end to end, with transitions over their cuts; and its forms in
 * the editors' formats. Pure functions.
 *
 *  In the film two shots overlap by a transition of T frames, over which the new one comes in. In a
 *  timeline both clips are cut in the middle of the overlap: ⌊T/2⌋ frames of it lie before the cut,
 *  beyond the start of the new clip, and the others after it, beyond the end of the old one. So the
 *  clips' lengths add up to the film's.
 */
#ifndef AUT_LIB_FILM_TIMELINE_H
#define AUT_LIB_FILM_TIMELINE_H

#include "lib/film/plan.h"

/*  All counts are frames of the film. */
typedef struct {
    const aut_plan_shot_t *shot;
    int64_t at;            /* its first frame in the film */
    int64_t in;            /* its first frame in the shot */
    int64_t frames;        /* how long it is */
    int64_t before, after; /* of the transition into it: frames before and after the cut */
} aut_timeline_clip_t;

typedef struct {
    const aut_plan_t *plan; /* borrowed */
    aut_timeline_clip_t *clips;
    size_t count;
} aut_timeline_t;

aut_timeline_t *aut_timeline_new (const aut_plan_t *plan);
void aut_timeline_destroy (aut_timeline_t **self_p);

/*  The forms that there are, terminated by a NULL name. Media are named relative to the output
 *  folder: "shots/ID.mkv". A shot's picture that fades in at the film's start has no transition in
 *  any of them, as there is nothing before it: a note says it. */
typedef struct {
    const char *name;  /* "otio" */
    const char *title; /* "OpenTimelineIO" */
    void (*write) (const aut_timeline_t *self, aut_buffer_t *out);
} aut_timeline_form_t;
extern const aut_timeline_form_t aut_timeline_forms[];

/*  OpenTimelineIO JSON (schemas Timeline.1, Track.1, Clip.2, Transition.1, Marker.2): pictures, a
 *  track for each sound, a marker at each shot; prompt, seed and model in metadata["auteur"].
 * Sounds are named as in the storyboard; how long a file is, is not known here. */
void aut_timeline_otio (const aut_timeline_t *self, aut_buffer_t *out);

/*  CMX 3600 edit decision list. Dissolves and wipes are events of their own kind; a fade through
 *  black, which the format lacks, is a dissolve with a comment. */
void aut_timeline_edl (const aut_timeline_t *self, aut_buffer_t *out);

/*  FCPXML 1.10, times as exact fractions of a second. */
void aut_timeline_fcpxml (const aut_timeline_t *self, aut_buffer_t *out);

#endif
