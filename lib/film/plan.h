/*  The planner: storyboard and manifests → shots, chunks, frames, prompts, seeds and task keys.
 *  A pure function in rational arithmetic: the same input gives the same plan on every machine.
 *  A plan is immutable; any thread may read it.
 */
#ifndef AUT_LIB_FILM_PLAN_H
#define AUT_LIB_FILM_PLAN_H

#include "lib/core/buffer.h"
#include "lib/film/storyboard.h"
#include "lib/film/task.h"

#define AUT_PLAN_MAX_TASKS 1000000
#define AUT_PLAN_MAX_PROMPTS (512u << 20) /* bytes of all compiled prompts */
#define AUT_PLAN_NONE ((size_t)-1)

typedef struct {
    size_t shot;                 /* index in the plan */
    uint32_t index;              /* in its shot */
    uint32_t frames, drop, keep; /* native, see task.h */
    uint32_t first;              /* place of the first kept frame in the shot */
    uint32_t tail, tail_out;
    uint64_t seed;
    aut_hash_t key;
    size_t after;           /* the predecessor's place in the plan's chunks, or AUT_PLAN_NONE */
    aut_hash_t upscale_key; /* of the task that enlarges its frames, if its shot has an upscaler */
} aut_plan_chunk_t;

typedef struct {
    const aut_shot_t *shot;
    const aut_scene_t *scene;
    const aut_model_t *model;
    aut_tier_t tier;
    int64_t frames;      /* in the film */
    int64_t start_frame; /* its first frame in the film, overlap included */
    uint32_t native_width, native_height, native_frames;
    aut_rational_t native_rate;
    aut_decimal_t native_fps;
    char *prompt, *negative;
    bool use_last; /* the shot's last picture is one that its model can end on */
    uint64_t seed; /* the shot's, before chunks */
    uint32_t steps;
    aut_decimal_t guidance;
    aut_transition_type_t transition; /* into this shot */
    aut_direction_t direction;
    int64_t transition_frames;
    size_t first_chunk; /* place in the plan's chunks */
    size_t chunk_count;
    const aut_model_t *upscaler; /* what enlarges its frames on a node, or NULL */
    uint32_t upscale_width, upscale_height;
    size_t first_task; /* ordinal: its chunks' tasks first, then those that enlarge them */
} aut_plan_shot_t;

typedef struct {
    const aut_storyboard_t *film;   /* borrowed, as is the registry whose models are used */
    uint32_t width, height;         /* the film's */
    uint32_t out_width, out_height; /* of the file: the film's, or what output.upscale makes */
    aut_rational_t rate;
    aut_decimal_t fps; /* as written */
    int64_t frames;
    aut_tier_t tier; /* the film's, after lowering */
    aut_plan_shot_t *shots;
    size_t shot_count;
    aut_plan_chunk_t *chunks; /* of all shots, in order */
    size_t chunk_count;
    size_t task_count; /* chunks, and once more those that are enlarged */
    char **warnings;
    size_t warning_count;
    bool lowered; /* a tier was planned as a lower one: render and submit ask before */
} aut_plan_t;

/*  What a task is for. */
typedef struct {
    size_t chunk; /* place in the plan's chunks */
    bool upscale; /* it enlarges the chunk's frames; else it makes them */
} aut_plan_task_t;

/*  Plans a checked storyboard. `film` and `registry` must be those that it was checked with, and
 *  outlive the plan. 0, or AUT_ERR_TOO_LARGE (more than AUT_PLAN_MAX_TASKS tasks or 512 MiB of
 *  prompts), AUT_ERR_INVALID when a rule that needs the model is broken. */
int aut_plan_new (aut_plan_t **out, const aut_storyboard_t *film, const aut_registry_t *registry);
void aut_plan_destroy (aut_plan_t **self_p);

/*  Appends `auteur plan --json`: one line, no newline at its end. */
void aut_plan_json (const aut_plan_t *self, aut_buffer_t *out);
/*  Appends the plan for people. */
void aut_plan_text (const aut_plan_t *self, aut_buffer_t *out);

/*  Appends the canonical task spec of a chunk; its SHA-256 is the chunk's key. */
void aut_plan_spec (const aut_plan_t *self, size_t chunk, aut_buffer_t *out);
/*  The same of the task that enlarges it, whose shot must have an upscaler. */
void aut_plan_upscale_spec (const aut_plan_t *self, size_t chunk, aut_buffer_t *out);

/*  Tasks are numbered from 0 to task_count − 1; a shot's stand together, shots in order. */
aut_plan_task_t aut_plan_task (const aut_plan_t *self, size_t ordinal);
size_t aut_plan_ordinal (const aut_plan_t *self, aut_plan_task_t task);

#endif
