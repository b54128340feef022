/*  The planner. Shots in order: shape, prompt, chunks; then each chunk's spec, whose hash is its
 * key and stands in the spec of the chunk that goes on from it. Specs are not kept: they are
 * written again when somebody asks, from the same struct.
 */
#include "lib/film/plan.h"

#include "lib/core/error.h"
#include "lib/core/mem.h"
#include "lib/film/prompt.h"
#include "lib/film/shape.h"
#include "lib/film/upscale.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_WARNINGS 100
#define MAX_CARDS 64
/*  Frames between a shot's own are found at its size, and not beyond this (lib/media). */
#define MAX_RETIMED (1920 * 1088)

typedef struct {
    aut_plan_t *plan;
    const aut_registry_t *registry;
    aut_shaper_t shaper;
    size_t chunk_cap, warning_cap;
    uint64_t prompt_bytes;
    aut_buffer_t spec; /* reused for every key */
} planner_t;

static void warn (planner_t *self, const char *format, ...) __attribute__ ((format (printf, 2, 3)));

/*  Adds a warning once. */
static void warn (planner_t *self, const char *format, ...)
{
    aut_plan_t *plan = self->plan;
    char *text = NULL;
    va_list args;
    va_start (args, format);
    if (vasprintf (&text, format, args) < 0)
        text = NULL;
    va_end (args);
    bool known = !text || plan->warning_count == MAX_WARNINGS;
    for (size_t i = 0; i < plan->warning_count && !known; i++)
        known = strcmp (plan->warnings[i], text) == 0;
    if (known) {
        free (text);
        return;
    }
    plan->warnings =
        aut_grow (plan->warnings, &self->warning_cap, plan->warning_count + 1, sizeof (char *));
    plan->warnings[plan->warning_count++] = text;
}

static void warn_tier (planner_t *self, const aut_choice_t *choice, bool written)
{
    if (choice->lowered) {
        self->plan->lowered = true;
        warn (self, "tier \"%s\": no model for it ships or is found; planned as \"%s\"",
              aut_tiers[choice->asked], aut_tiers[choice->tier]);
    } else if (written && choice->tier != choice->asked)
        warn (self, "model %s has no tier \"%s\"; planned as \"%s\"", choice->model->id,
              aut_tiers[choice->asked], aut_tiers[choice->tier]);
}

/*  Everything that decides a chunk's frames, with the memory that it borrows. */
typedef struct {
    aut_task_spec_t spec;
    char guidance[AUT_DECIMAL_TEXT];
    aut_card_t cards[MAX_CARDS];
    aut_task_file_t *files;
} spec_box_t;

static void fill_files (spec_box_t *box, const aut_model_t *model)
{
    size_t count = 0;
    if (model->file_count == 0)
        return;
    box->files = aut_calloc (model->file_count, sizeof *box->files);
    for (size_t i = 0; i < model->file_count; i++)
        if (model->files[i].has_hash)
            box->files[count++] = (aut_task_file_t){model->files[i].name, model->files[i].hash};
    box->spec.files = box->files;
    box->spec.file_count = count;
}

/*  What only a backend that draws looks at: others have it in their prompt. */
static void fill_drawing (spec_box_t *box, const aut_shot_t *shot, const aut_scene_t *scene)
{
    aut_task_spec_t *spec = &box->spec;
    spec->has_camera = shot->camera.node != NULL;
    spec->camera_size = shot->camera.size;
    spec->camera_move = shot->camera.move;
    spec->camera_angle = shot->camera.angle;
    spec->cards = box->cards;
    for (size_t i = 0; i < shot->ingredient_ids.count && i < MAX_CARDS; i++) {
        const aut_ingredient_t *from = shot->ingredients[i];
        box->cards[spec->card_count++] = (aut_card_t){.type = from->type,
                                                      .description = from->description,
                                                      .has_image = from->image != NULL,
                                                      .image = from->image_hash};
    }
    /* the slugline says where and when: a place like any other */
    if (scene->slugline && scene->slugline[0] && spec->card_count < MAX_CARDS)
        box->cards[spec->card_count++] =
            (aut_card_t){.type = AUT_INGREDIENT_LOCATION, .description = scene->slugline};
}

static void fill_anchors (aut_task_spec_t *spec, const aut_plan_t *plan,
                          const aut_plan_shot_t *shot, const aut_plan_chunk_t *chunk)
{
    const aut_anchor_t *init = &shot->shot->init;
    bool all = shot->model->native;
    bool last = chunk->index + 1 == shot->chunk_count;
    if (init->image && (all || chunk->index == 0)) {
        spec->init = AUT_INIT_IMAGE;
        spec->init_hash = init->image_hash;
    } else if (init->from_previous >= 0 && chunk->index == 0 && chunk->after != AUT_PLAN_NONE) {
        spec->init = AUT_INIT_AFTER;
        spec->init_hash = plan->chunks[chunk->after].key;
    }
    spec->has_last = shot->use_last && (all || last);
    if (spec->has_last)
        spec->last_hash = shot->shot->last.image_hash;
}

static void fill_spec (spec_box_t *box, const aut_plan_t *plan, const aut_plan_chunk_t *chunk)
{
    const aut_plan_shot_t *shot = &plan->shots[chunk->shot];
    memset (box, 0, offsetof (spec_box_t, cards));
    box->files = NULL;
    box->spec = (aut_task_spec_t){
        .model = shot->model->id,
        .revision = shot->model->revision,
        .prompt = shot->prompt,
        .negative = shot->negative,
        .seed = chunk->seed,
        .width = shot->native_width,
        .height = shot->native_height,
        .rate = shot->native_rate,
        .frames = chunk->frames,
        .drop = chunk->drop,
        .keep = chunk->keep,
        .steps = shot->steps,
        .guidance = aut_decimal_text (shot->guidance, box->guidance),
        .shot_frames = shot->native_frames,
        .first_frame = chunk->first,
        .chunk = chunk->index,
        .camera_size = -1,
        .camera_move = -1,
        .has_after = chunk->after != AUT_PLAN_NONE,
        .tail = chunk->tail,
        .tail_out = chunk->tail_out,
    };
    if (chunk->after != AUT_PLAN_NONE)
        box->spec.after = plan->chunks[chunk->after].key;
    fill_files (box, shot->model);
    if (strcmp (shot->model->backend, "animatic") == 0) {
        fill_drawing (box, shot->shot, shot->scene);
        /* one composition for the whole shot, however it is cut into chunks */
        box->spec.seed = plan->chunks[shot->first_chunk].seed;
    }
    fill_anchors (&box->spec, plan, shot, chunk);
}

void aut_plan_spec (const aut_plan_t *self, size_t ordinal, aut_buffer_t *out)
{
    spec_box_t box;
    fill_spec (&box, self, &self->chunks[ordinal]);
    aut_task_spec_write (&box.spec, out);
    free (box.files);
}

void aut_plan_upscale_spec (const aut_plan_t *self, size_t chunk, aut_buffer_t *out)
{
    const aut_plan_chunk_t *from = &self->chunks[chunk];
    const aut_plan_shot_t *shot = &self->shots[from->shot];
    const aut_output_t *output = &self->film->output;
    /* frames of the film's own shape get no bars, whatever the rounding to even sides */
    bool same =
        (uint64_t)shot->native_width * self->height == (uint64_t)self->width * shot->native_height;
    spec_box_t box;
    box.files = NULL;
    box.spec = (aut_task_spec_t){
        .kind = AUT_TASK_UPSCALE,
        .fit = output->fit == AUT_FIT_PAD && !same ? AUT_FIT_PAD : AUT_FIT_CROP,
        .model = shot->upscaler->id,
        .revision = shot->upscaler->revision,
        .prompt = "",
        .negative = "",
        .guidance = "0",
        .width = shot->upscale_width,
        .height = shot->upscale_height,
        .rate = shot->native_rate,
        .frames = from->keep,
        .keep = from->keep,
        .shot_frames = from->keep,
        .steps = 1,
        .has_after = true,
        .after = from->key,
    };
    fill_files (&box, shot->upscaler);
    aut_task_spec_write (&box.spec, out);
    free (box.files);
}

aut_plan_task_t aut_plan_task (const aut_plan_t *self, size_t ordinal)
{
    size_t low = 0, high = self->shot_count;
    while (high - low > 1) {
        size_t mid = low + (high - low) / 2;
        if (self->shots[mid].first_task > ordinal)
            high = mid;
        else
            low = mid;
    }
    const aut_plan_shot_t *shot = &self->shots[low];
    size_t place = ordinal - shot->first_task;
    bool upscale = place >= shot->chunk_count;
    return (aut_plan_task_t){.chunk =
                                 shot->first_chunk + (upscale ? place - shot->chunk_count : place),
                             .upscale = upscale};
}

size_t aut_plan_ordinal (const aut_plan_t *self, aut_plan_task_t task)
{
    const aut_plan_chunk_t *chunk = &self->chunks[task.chunk];
    const aut_plan_shot_t *shot = &self->shots[chunk->shot];
    return shot->first_task + (task.upscale ? shot->chunk_count : 0) + chunk->index;
}

/*  Whether the shot's frames are enlarged on a node, by what and how far. */
static void set_upscale (const planner_t *self, aut_plan_shot_t *shot)
{
    const aut_plan_t *plan = self->plan;
    uint32_t width = plan->out_width, height = plan->out_height;
    bool between = plan->rate.num * shot->native_rate.den > shot->native_rate.num * plan->rate.den;
    if (between && (uint64_t)width * height > MAX_RETIMED)
        aut_upscale_size (AUT_UPSCALE_1080P, plan->width, plan->height, &width, &height);
    if (width == plan->width || (shot->native_width >= width && shot->native_height >= height))
        return;
    aut_rational_t times = {width, shot->native_width};
    shot->upscaler = aut_upscale_choose (self->registry, times, shot->model->native);
    shot->upscale_width = width;
    shot->upscale_height = height;
}

static int add_chunks (planner_t *self, size_t index, const aut_shape_t *shape)
{
    aut_plan_t *plan = self->plan;
    aut_plan_shot_t *shot = &plan->shots[index];
    aut_division_t division = {
        .model = shot->model, .left = shape->native_frames, .available = shape->tail};
    aut_division_chunk_t part;
    size_t tasks = shape->chunk_count * (shot->upscaler ? 2u : 1u);
    shot->first_chunk = plan->chunk_count;
    shot->first_task = plan->task_count;
    if (plan->task_count + tasks > AUT_PLAN_MAX_TASKS)
        return aut_fail (AUT_ERR_TOO_LARGE, "the film has more than %d tasks: cut it into several",
                         AUT_PLAN_MAX_TASKS);
    plan->task_count += tasks;
    while (aut_division_next (&division, &part)) {
        bool follows = part.index > 0 || part.drop > 0;
        plan->chunks =
            aut_grow (plan->chunks, &self->chunk_cap, plan->chunk_count + 1, sizeof *plan->chunks);
        aut_plan_chunk_t *chunk = &plan->chunks[plan->chunk_count];
        *chunk = (aut_plan_chunk_t){
            .shot = index,
            .index = part.index,
            .frames = part.frames,
            .drop = part.drop,
            .keep = part.keep,
            .first = part.first,
            .tail = part.drop,
            .tail_out = part.tail_out,
            .seed = aut_chunk_seed (shot->seed, shot->shot->id, part.index),
            .after = follows ? plan->chunk_count - 1 : AUT_PLAN_NONE,
        };
        plan->chunk_count++;
        shot->chunk_count++;
    }
    /*  A chunk's spec says whether it is the shot's last, so keys come when all are known. */
    for (size_t i = shot->first_chunk; i < plan->chunk_count; i++) {
        self->spec.size = 0;
        aut_plan_spec (plan, i, &self->spec);
        plan->chunks[i].key = aut_task_key (self->spec.data, self->spec.size);
    }
    for (size_t i = shot->first_chunk; shot->upscaler && i < plan->chunk_count; i++) {
        self->spec.size = 0;
        aut_plan_upscale_spec (plan, i, &self->spec);
        plan->chunks[i].upscale_key = aut_task_key (self->spec.data, self->spec.size);
    }
    return 0;
}

static void set_parameters (const aut_storyboard_t *film, const aut_shape_t *shape,
                            aut_plan_shot_t *out)
{
    const aut_shot_t *shot = out->shot;
    const aut_defaults_t *defaults = &film->defaults;
    const aut_model_tier_t *tier = &shape->choice.model->tiers[shape->choice.tier];
    out->model = shape->choice.model;
    out->tier = shape->choice.tier;
    out->frames = shape->frames;
    out->native_width = shape->width;
    out->native_height = shape->height;
    out->native_frames = shape->native_frames;
    out->native_rate = shape->rate;
    out->native_fps = shape->fps;
    out->use_last = shape->use_last;
    out->seed = (uint64_t)(shot->seed.set ? shot->seed.units : defaults->seed.units);
    out->steps = shot->steps.set       ? (uint32_t)shot->steps.units
                 : defaults->steps.set ? (uint32_t)defaults->steps.units
                                       : tier->steps;
    out->guidance = shot->guidance.set       ? shot->guidance
                    : defaults->guidance.set ? defaults->guidance
                                             : tier->guidance;
}

static int set_transition (planner_t *self, size_t index, aut_plan_shot_t *out)
{
    const aut_storyboard_t *film = self->plan->film;
    const aut_transition_t *transition = aut_storyboard_transition (film, index);
    out->transition = AUT_TRANSITION_CUT;
    out->direction = AUT_DIRECTION_RIGHT;
    if (transition->type <= AUT_TRANSITION_CUT)
        return 0;
    int err = aut_frames_round (&out->transition_frames, transition->duration, film->rate);
    if (err || out->transition_frames == 0) {
        warn (self, "shot %s: its transition is shorter than half a frame: a cut", out->shot->id);
        return err;
    }
    out->transition = (aut_transition_type_t)transition->type;
    if (transition->direction >= 0)
        out->direction = (aut_direction_t)transition->direction;
    return 0;
}

/*  Where the shot starts in the film, and how far the film goes with it. */
static void place (aut_plan_t *plan, size_t index)
{
    aut_plan_shot_t *shot = &plan->shots[index];
    int64_t overlap = index ? shot->transition_frames : 0;
    shot->start_frame = plan->frames - overlap;
    plan->frames = shot->start_frame + shot->frames;
}

static int shape_fault (const aut_shot_t *shot, aut_shape_fault_t *fault)
{
    int err = aut_fail (AUT_ERR_INVALID, "shot %s: %s", shot->id,
                        fault->error ? fault->error : "no model can make it");
    free (fault->error);
    free (fault->warning);
    return err;
}

static int add_shot (planner_t *self, size_t index, const aut_shape_t *previous, aut_shape_t *shape)
{
    aut_plan_t *plan = self->plan;
    const aut_storyboard_t *film = plan->film;
    aut_plan_shot_t *out = &plan->shots[index];
    aut_shape_fault_t fault;
    out->shot = film->shots[index];
    out->scene = (const aut_scene_t *)film->scenes.items + out->shot->scene;
    aut_shape_shot (&self->shaper, index, previous, shape, &fault);
    if (!shape->good)
        return shape_fault (out->shot, &fault);
    if (fault.warning)
        warn (self, "shot %s: %s", out->shot->id, fault.warning);
    free (fault.warning);
    warn_tier (self, &shape->choice, out->shot->tier >= 0 || film->defaults.tier >= 0);
    set_parameters (film, shape, out);
    out->prompt = aut_prompt_compile (film, out->shot);
    out->negative = aut_prompt_negative (film, out->shot);
    self->prompt_bytes += strlen (out->prompt) + strlen (out->negative);
    if (self->prompt_bytes > AUT_PLAN_MAX_PROMPTS)
        return aut_fail (AUT_ERR_TOO_LARGE, "the film's prompts have more than %u MiB",
                         AUT_PLAN_MAX_PROMPTS >> 20);
    int err = set_transition (self, index, out);
    place (plan, index);
    set_upscale (self, out);
    return err ? err : add_chunks (self, index, shape);
}

int aut_plan_new (aut_plan_t **out, const aut_storyboard_t *film, const aut_registry_t *registry)
{
    aut_plan_t *plan = aut_calloc (1, sizeof *plan);
    planner_t planner = {.plan = plan, .registry = registry};
    aut_shape_t shapes[2] = {{0}};
    int err = 0;
    *out = NULL;
    plan->film = film;
    plan->rate = film->rate;
    plan->fps = film->fps;
    plan->shots = aut_calloc (film->shot_count + 1, sizeof *plan->shots);
    plan->shot_count = film->shot_count;
    if (!aut_shaper_init (&planner.shaper, film, registry))
        err = aut_fail (AUT_ERR_NOT_FOUND, "no model is found that could make the film");
    else {
        plan->width = planner.shaper.width;
        plan->height = planner.shaper.height;
        aut_upscale_size (film->output.node ? film->output.upscale : -1, plan->width, plan->height,
                          &plan->out_width, &plan->out_height);
        plan->tier = planner.shaper.choice.tier;
        warn_tier (&planner, &planner.shaper.choice, film->defaults.tier >= 0);
    }
    for (size_t i = 0; i < film->shot_count && !err; i++)
        err = add_shot (&planner, i, i ? &shapes[(i - 1) % 2] : NULL, &shapes[i % 2]);
    aut_buffer_clear (&planner.spec);
    if (err)
        aut_plan_destroy (&plan);
    *out = plan;
    return err;
}

void aut_plan_destroy (aut_plan_t **self_p)
{
    if (!self_p || !*self_p)
        return;
    aut_plan_t *self = *self_p;
    for (size_t i = 0; i < self->shot_count; i++) {
        free (self->shots[i].prompt);
        free (self->shots[i].negative);
    }
    for (size_t i = 0; i < self->warning_count; i++)
        free (self->warnings[i]);
    free (self->warnings);
    free (self->shots);
    free (self->chunks);
    free (self);
    *self_p = NULL;
}
