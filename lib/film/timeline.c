#include "lib/film/timeline.h"

#include "lib/core/mem.h"

#include <stdlib.h>

const aut_timeline_form_t aut_timeline_forms[] = {
    {"otio", "OpenTimelineIO", aut_timeline_otio},
    {"edl", "CMX 3600 edit decision list", aut_timeline_edl},
    {"fcpxml", "Final Cut Pro XML 1.10", aut_timeline_fcpxml},
    {NULL, NULL, NULL},
};

aut_timeline_t *aut_timeline_new (const aut_plan_t *plan)
{
    aut_timeline_t *self = aut_calloc (1, sizeof *self);
    int64_t at = 0;
    self->plan = plan;
    self->count = plan->shot_count;
    self->clips = aut_calloc (self->count, sizeof *self->clips);
    for (size_t i = 0; i < self->count; i++) {
        const aut_plan_shot_t *shot = &plan->shots[i];
        aut_timeline_clip_t *clip = &self->clips[i];
        int64_t overlap = i ? shot->transition_frames : 0; /* the first shot's fade has none */
        int64_t next = i + 1 < self->count ? plan->shots[i + 1].transition_frames : 0;
        *clip =
            (aut_timeline_clip_t){.shot = shot, .at = at, .in = overlap / 2, .before = overlap / 2};
        clip->after = overlap - clip->before;
        clip->frames = shot->frames - clip->in - (next - next / 2);
        at += clip->frames;
    }
    return self;
}

void aut_timeline_destroy (aut_timeline_t **self_p)
{
    if (!*self_p)
        return;
    free ((*self_p)->clips);
    free (*self_p);
    *self_p = NULL;
}
