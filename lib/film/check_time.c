/*  Rules in time: the film's rate, shots' frames, transitions between them, and whether the models
 *  can make the shots. All of it in exact numbers, as the planner counts.
 */
#include "lib/film/shape.h"
#include "lib/film/storyboard_internal.h"

#include "lib/core/error.h"
#include "lib/core/mem.h"
#include "lib/film/plan.h"
#include "lib/film/prompt.h"

#include <stdlib.h>

#define SHOWN_MODELS 12

/*  Gives film->rate; false after a fault. */
static bool check_rate (aut_check_t *self)
{
    aut_storyboard_t *film = self->film;
    const aut_defaults_t *defaults = &film->defaults;
    film->rate = (aut_rational_t){24, 1};
    film->fps = aut_decimal_int (24);
    if (!defaults->fps.set)
        return !defaults->node || !aut_node_get (defaults->node, "fps");
    film->fps = defaults->fps;
    if (aut_rate_of (&film->rate, defaults->fps) == 0)
        return true;
    aut_source_error_member (self->source, self->diags, defaults->node, "fps", NULL,
                             "must be a rate of at most three decimals: for NTSC rates write "
                             "23.976, 29.97 or 59.94");
    return false;
}

/*  Whether a member is as written or absent: not there but faulty. */
static bool is_sound (const aut_node_t *object, const char *key, aut_decimal_t value)
{
    return value.set || !object || !aut_node_get (object, key);
}

/*  Frames of shot `index` in the film, 0 after a fault (told of here or before). */
static int64_t check_frames (aut_check_t *self, size_t index)
{
    const aut_storyboard_t *film = self->film;
    const aut_shot_t *shot = film->shots[index];
    int64_t frames = 0;
    if (!is_sound (shot->node, "duration", shot->duration) ||
        !is_sound (film->defaults.node, "duration", film->defaults.duration))
        return 0;
    if (aut_frames_round (&frames, aut_storyboard_duration (film, index), film->rate) ||
        frames == 0)
        aut_source_error_member (self->source, self->diags, shot->node, "duration", NULL,
                                 "the shot has no frame: it is shorter than half a frame");
    return frames;
}

/*  Where a fault of the transition into a shot is told: at its own, or at the shot. */
static void transition_error (aut_check_t *self, const aut_shot_t *shot, const char *key,
                              char *message)
{
    const aut_node_t *own = shot->transition.node;
    if (own)
        aut_source_error_member (self->source, self->diags, own, key, NULL, "%s", message);
    else
        aut_source_error_member (self->source, self->diags, shot->node, "transition", NULL,
                                 "%s (from defaults.transition)", message);
    free (message);
}

static aut_decimal_t twice (aut_decimal_t value)
{
    value.units *= 2; /* at most 600 s: it fits, but for absurd numbers of decimals */
    return value;
}

/*  The frames of the transition into shot `index`, with its own rules checked. */
static int64_t check_transition (aut_check_t *self, size_t index)
{
    const aut_storyboard_t *film = self->film;
    const aut_shot_t *shot = film->shots[index];
    const aut_transition_t *transition = aut_storyboard_transition (film, index);
    char text[AUT_DECIMAL_TEXT];
    int64_t frames = 0;
    if (transition->type <= AUT_TRANSITION_CUT)
        return 0;
    if (index == 0 && transition->type != AUT_TRANSITION_FADE) {
        transition_error (self, shot, "type",
                          aut_strdup ("the first shot can only come in by a cut or a fade"));
        return 0;
    }
    if (!transition->duration.set || transition->duration.units > INT64_MAX / 2 ||
        aut_frames_round (&frames, transition->duration, film->rate))
        return 0;
    for (size_t i = index ? index - 1 : 0; i <= index; i++) {
        aut_decimal_t seconds = aut_storyboard_duration (film, i);
        if (aut_decimal_compare (twice (transition->duration), seconds) <= 0)
            continue;
        transition_error (self, shot, "duration",
                          aut_sprintf ("is more than half of %s, which has %s s",
                                       i == index ? "this shot" : "the shot before",
                                       aut_decimal_text (seconds, text)));
        return 0;
    }
    return frames;
}

/*  In frames, what overlaps at a shot's two ends must not meet. */
static void check_overlaps (aut_check_t *self, const int64_t *frames, const int64_t *overlaps)
{
    const aut_storyboard_t *film = self->film;
    for (size_t i = 0; i < film->shot_count; i++) {
        int64_t out = i + 1 < film->shot_count ? overlaps[i + 1] : 0;
        if (frames[i] == 0 || overlaps[i] + out <= frames[i])
            continue;
        const aut_shot_t *shot = film->shots[out ? i + 1 : i];
        transition_error (
            self, shot, "duration",
            aut_sprintf ("the transitions into and out of shot \"%s\" take %lld frames, but it has "
                         "%lld",
                         film->shots[i]->id ? film->shots[i]->id : "",
                         (long long)(overlaps[i] + out), (long long)frames[i]));
    }
}

static char *model_hint (aut_check_t *self, const char *id)
{
    char *hint = aut_registry_hint (self->registry, id, &self->diags->hint_budget);
    size_t count = aut_registry_count (self->registry);
    if (hint || count == 0 || count > SHOWN_MODELS)
        return hint;
    aut_buffer_t out = {0};
    for (size_t i = 0; i < count; i++) {
        aut_buffer_text (&out, i ? ", " : "known models: ");
        aut_buffer_text (&out, aut_registry_at (self->registry, i)->id);
    }
    return aut_buffer_take (&out, NULL);
}

/*  Whether `object.model` is known and makes video; true when it is absent. */
static bool check_model (aut_check_t *self, const aut_node_t *object, const char *id)
{
    if (!object || !id)
        return !object || !aut_node_get (object, "model");
    const aut_model_t *model = aut_registry_find (self->registry, id);
    if (!model)
        aut_source_error_member (self->source, self->diags, object, "model", model_hint (self, id),
                                 "no model has the id \"%.64s\"", id);
    else if (!model->video)
        aut_source_error_member (self->source, self->diags, object, "model", NULL,
                                 "model %s makes no video", id);
    return model && model->video;
}

static void tell_fault (aut_check_t *self, const aut_shot_t *shot, aut_shape_fault_t *fault)
{
    if (fault->error)
        aut_source_error_member (self->source, self->diags, shot->node, fault->key, NULL, "%s",
                                 fault->error);
    else if (fault->warning)
        aut_source_warn_member (self->source, self->diags, shot->node, fault->key, NULL, "%s",
                                fault->warning);
    free (fault->error);
    free (fault->warning);
}

/*  What the models can make of the shots. */
static void check_shapes (aut_check_t *self, const int64_t *frames, bool default_model)
{
    const aut_storyboard_t *film = self->film;
    aut_shaper_t shaper;
    aut_shape_t shapes[2] = {{0}};
    uint64_t tasks = 0;
    bool ready = default_model && aut_shaper_init (&shaper, film, self->registry);
    if (default_model && !ready)
        aut_source_error_member (self->source, self->diags, film->node, "defaults", NULL,
                                 "no model is found that could make the film: check --models");
    for (size_t i = 0; i < film->shot_count; i++) {
        const aut_shot_t *shot = film->shots[i];
        aut_shape_t *shape = &shapes[i % 2];
        aut_shape_fault_t fault;
        *shape = (aut_shape_t){0};
        bool model = check_model (self, shot->node, shot->model);
        if (!ready || !model || frames[i] == 0 || tasks > AUT_PLAN_MAX_TASKS)
            continue;
        aut_shape_shot (&shaper, i, i ? &shapes[(i - 1) % 2] : NULL, shape, &fault);
        tell_fault (self, shot, &fault);
        tasks += shape->chunk_count;
    }
    if (tasks > AUT_PLAN_MAX_TASKS)
        aut_source_error_member (self->source, self->diags, film->node, "scenes", NULL,
                                 "the film has more than %d chunks: cut it into several",
                                 AUT_PLAN_MAX_TASKS);
}

static void check_prompts (aut_check_t *self)
{
    const aut_storyboard_t *film = self->film;
    uint64_t total = 0;
    for (size_t i = 0; i < film->shot_count; i++) {
        size_t size = aut_prompt_size (film, film->shots[i]);
        total += size;
        if (size > AUT_PROMPT_MAX)
            aut_source_error_member (self->source, self->diags, film->shots[i]->node, "prompt",
                                     NULL,
                                     "with style, camera and ingredients it has %zu bytes; at most "
                                     "%u are allowed",
                                     size, AUT_PROMPT_MAX);
    }
    if (total > AUT_PLAN_MAX_PROMPTS)
        aut_source_error_member (self->source, self->diags, film->node, "scenes", NULL,
                                 "all prompts together, with style and ingredients, have more than "
                                 "%u MiB",
                                 AUT_PLAN_MAX_PROMPTS >> 20);
}

void aut_check_time (aut_check_t *self)
{
    const aut_storyboard_t *film = self->film;
    int64_t *frames = aut_calloc (film->shot_count + 1, sizeof *frames);
    int64_t *overlaps = aut_calloc (film->shot_count + 1, sizeof *overlaps);
    bool default_model = check_model (self, film->defaults.node, film->defaults.model);
    if (check_rate (self))
        for (size_t i = 0; i < film->shot_count; i++)
            frames[i] = check_frames (self, i);
    for (size_t i = 0; i < film->shot_count; i++)
        if (frames[i] && (i == 0 || frames[i - 1]))
            overlaps[i] = check_transition (self, i);
    check_overlaps (self, frames, overlaps);
    check_shapes (self, frames, default_model);
    check_prompts (self);
    free (frames);
    free (overlaps);
}
