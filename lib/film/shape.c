/*  Model choice, native sizes and the division into chunks; integers only. */
#include "lib/film/shape.h"

#include "lib/core/error.h"
#include "lib/core/mem.h"

#include <stdlib.h>
#include <string.h>

/*  The nearest tier that a model offers: the next lower one, else the next higher. */
static aut_tier_t nearest_tier (const aut_model_t *model, aut_tier_t tier)
{
    for (int i = (int)tier; i >= 0; i--)
        if (model->tiers[i].offered)
            return (aut_tier_t)i;
    for (int i = (int)tier + 1; i < AUT_TIER_COUNT; i++)
        if (model->tiers[i].offered)
            return (aut_tier_t)i;
    return tier;
}

aut_choice_t aut_choose (const aut_storyboard_t *film, const aut_shot_t *shot,
                         const aut_registry_t *registry)
{
    int own = shot ? shot->tier : -1;
    int asked = own >= 0 ? own : film->defaults.tier;
    const char *id = shot && shot->model ? shot->model : film->defaults.model;
    aut_tier_t tier = asked >= 0 ? (aut_tier_t)asked : aut_registry_default_tier (registry);
    aut_choice_t choice = {.tier = tier, .asked = tier};
    if (id) {
        const aut_model_t *other =
            own >= 0 && !shot->model ? aut_registry_tier (registry, tier) : NULL;
        choice.model = aut_registry_find (registry, id);
        if (choice.model && other && !choice.model->tiers[tier].offered)
            choice.model = other;
        if (choice.model)
            choice.tier = nearest_tier (choice.model, tier);
        return choice;
    }
    for (int i = (int)tier; i >= 0 && !choice.model; i--) {
        choice.model = aut_registry_tier (registry, (aut_tier_t)i);
        choice.tier = (aut_tier_t)i;
    }
    choice.lowered = choice.model && choice.tier != tier;
    return choice;
}

/*  |w/h − W/H| as a fraction over h·H; H is the same for all candidates and left out. */
typedef struct {
    uint64_t distance; /* |w·H − h·W| */
    uint32_t w, h;
} candidate_t;

static bool is_better (const candidate_t *a, const candidate_t *b)
{
    if (b->w == 0)
        return true;
    unsigned __int128 left = (unsigned __int128)a->distance * b->h;
    unsigned __int128 right = (unsigned __int128)b->distance * a->h;
    if (left != right)
        return left < right;
    uint64_t area = (uint64_t)a->w * a->h, other = (uint64_t)b->w * b->h;
    return area != other ? area > other : a->w > b->w;
}

static void try_size (const aut_model_t *model, uint32_t width, uint32_t height, candidate_t *best,
                      uint64_t w, uint64_t h)
{
    if (w < model->min_width || w > model->max_width || h < model->min_height ||
        h > model->max_height || w * h > (uint64_t)model->width * model->height)
        return;
    uint64_t left = w * height, right = h * width;
    candidate_t found = {left > right ? left - right : right - left, (uint32_t)w, (uint32_t)h};
    if (is_better (&found, best))
        *best = found;
}

void aut_native_size (const aut_model_t *model, uint32_t width, uint32_t height, uint32_t *w,
                      uint32_t *h)
{
    candidate_t best = {0};
    uint64_t step = model->size_multiple;
    *w = width;
    *h = height;
    if (model->native)
        return;
    /*  For each height the two widths around the wanted aspect, and for each width the two
     *  heights: where bounds cut one of them off, the other finds what is left. */
    for (uint64_t side = step; side <= model->max_width || side <= model->max_height;
         side += step) {
        uint64_t across = side * width / height / step * step;
        uint64_t down = side * height / width / step * step;
        try_size (model, width, height, &best, across ? across : step, side);
        try_size (model, width, height, &best, across + step, side);
        try_size (model, width, height, &best, side, down ? down : step);
        try_size (model, width, height, &best, side, down + step);
    }
    /*  An extreme aspect lies outside all bounds: the corners are nearest. */
    try_size (model, width, height, &best, model->width, model->height);
    for (uint64_t side = step; side <= model->max_width || side <= model->max_height;
         side += step) {
        uint64_t least_h = (model->min_height + step - 1) / step * step;
        uint64_t least_w = (model->min_width + step - 1) / step * step;
        try_size (model, width, height, &best, side, least_h);
        try_size (model, width, height, &best, least_w, side);
    }
    *w = best.w;
    *h = best.h;
}

uint32_t aut_lattice_most (const aut_model_t *model)
{
    uint32_t offset = model->frames_offset, multiple = model->frames_multiple;
    if (model->frames_max < offset)
        return 0;
    return offset + (model->frames_max - offset) / multiple * multiple;
}

uint32_t aut_lattice_up (const aut_model_t *model, uint32_t frames)
{
    uint64_t offset = model->frames_offset, multiple = model->frames_multiple;
    uint64_t wanted = frames ? frames : 1;
    uint64_t steps = wanted > offset ? (wanted - offset + multiple - 1) / multiple : 0;
    uint64_t found = offset + steps * multiple;
    return found <= model->frames_max ? (uint32_t)found : 0;
}

uint32_t aut_tail_taken (const aut_model_t *model, uint32_t available)
{
    uint32_t most = model->tail_max < available ? model->tail_max : available;
    uint32_t offset = model->frames_offset, multiple = model->frames_multiple;
    if (model->tail_max == 0 || most < model->tail_min)
        return 0;
    uint32_t found = most < offset ? 0 : offset + (most - offset) / multiple * multiple;
    return found >= model->tail_min && found > 0 ? found : model->tail_min;
}

/*  The fewest chunks that keep `frames`, of which the first one starts with `tail` frames and the
 *  others with `next`. */
static uint32_t chunks_for (uint32_t most, uint32_t frames, uint32_t tail, uint32_t next)
{
    uint32_t first = most - tail;
    if (frames <= first)
        return 1;
    return 1 + (frames - first + (most - next) - 1) / (most - next);
}

bool aut_division_next (aut_division_t *self, aut_division_chunk_t *chunk)
{
    const aut_model_t *model = self->model;
    uint32_t most = aut_lattice_most (model);
    uint32_t drop = self->available ? aut_tail_taken (model, self->available) : 0;
    uint32_t next = aut_tail_taken (model, most);
    if (self->left == 0 || most <= drop || (self->index > 0 && drop == 0))
        return false;
    if (self->left > most - drop && (next == 0 || next >= most))
        return false;
    uint32_t count = chunks_for (most, self->left, drop, next);
    uint64_t made = (uint64_t)self->left + drop + (uint64_t)(count - 1) * next;
    uint32_t frames = aut_lattice_up (model, (uint32_t)((made + count - 1) / count));
    if (frames == 0)
        frames = most;
    uint32_t keep = count == 1 ? self->left : frames - drop;
    uint32_t leaves = model->tail_max ? model->tail_max : 1;
    *chunk = (aut_division_chunk_t){.index = self->index,
                                    .first = self->first,
                                    .frames = frames,
                                    .drop = drop,
                                    .keep = keep,
                                    .tail_out = leaves < keep ? leaves : keep};
    self->index++;
    self->first += keep;
    self->left -= keep;
    self->available = chunk->tail_out;
    return true;
}

bool aut_shaper_init (aut_shaper_t *self, const aut_storyboard_t *film,
                      const aut_registry_t *registry)
{
    *self = (aut_shaper_t){.film = film, .registry = registry};
    self->choice = aut_choose (film, NULL, registry);
    const aut_model_t *model = self->choice.model;
    if (!model || !model->video)
        return false;
    self->width = film->defaults.width.set ? (uint32_t)film->defaults.width.units : model->width;
    self->height =
        film->defaults.height.set ? (uint32_t)film->defaults.height.units : model->height;
    /*  A model's lattice may be odd; the film's sides are even. */
    self->width += self->width % 2;
    self->height += self->height % 2;
    return true;
}

static void find_size (aut_shaper_t *self, aut_shape_t *shape)
{
    const aut_model_t *model = shape->choice.model;
    for (size_t i = 0; i < sizeof self->sizes / sizeof *self->sizes; i++)
        if (self->sizes[i].model == model) {
            shape->width = self->sizes[i].width;
            shape->height = self->sizes[i].height;
            return;
        }
    aut_native_size (model, self->width, self->height, &shape->width, &shape->height);
    size_t at = self->next_size++ % (sizeof self->sizes / sizeof *self->sizes);
    self->sizes[at].model = model;
    self->sizes[at].width = shape->width;
    self->sizes[at].height = shape->height;
}

/*  What the model asks of the shot's pictures. */
static void check_pictures (const aut_shot_t *shot, aut_shape_t *shape, aut_shape_fault_t *fault)
{
    const aut_model_t *model = shape->choice.model;
    bool image = aut_model_can (model, AUT_CAPABILITY_IMAGE_TO_VIDEO);
    bool both = aut_model_can (model, AUT_CAPABILITY_FIRST_LAST_FRAME);
    bool starts = shot->init.node && (shot->init.image || shot->init.from_previous >= 0);
    fault->key = "init";
    if (!starts && shot->init.node)
        return; /* faulty: told of elsewhere */
    if (!starts && !aut_model_can (model, AUT_CAPABILITY_TEXT_TO_VIDEO))
        fault->error = aut_sprintf ("model %s starts from a picture: give init", model->id);
    else if (starts && shot->init.image && !image && !both)
        fault->error = aut_sprintf ("model %s cannot start from a picture", model->id);
    else if (shot->init.from_previous >= 0 && model->tail_max == 0)
        fault->error = aut_sprintf ("model %s cannot go on from another shot", model->id);
    if (fault->error)
        return;
    fault->key = "last";
    shape->use_last = shot->last.image && both;
    if (!shot->last.node && !image && both && starts && !model->native)
        fault->error =
            aut_sprintf ("model %s goes from one picture to another: give last", model->id);
    else if (shot->last.image && !both)
        fault->warning =
            aut_sprintf ("model %s cannot end on a picture: last is left out", model->id);
}

/*  Divides the shot, to learn how many chunks there are and what the last one leaves. */
static void count_chunks (aut_shape_t *shape, uint32_t available, aut_shape_fault_t *fault)
{
    const aut_model_t *model = shape->choice.model;
    aut_division_t division = {
        .model = model, .left = shape->native_frames, .available = available};
    aut_division_chunk_t chunk;
    while (aut_division_next (&division, &chunk)) {
        if (chunk.index == 0)
            shape->tail = chunk.drop;
        shape->chunk_count++;
        shape->last_keep = chunk.keep;
        shape->last_tail_out = chunk.tail_out;
    }
    bool image = aut_model_can (model, AUT_CAPABILITY_IMAGE_TO_VIDEO);
    bool text = aut_model_can (model, AUT_CAPABILITY_TEXT_TO_VIDEO);
    if (division.left == 0 && (shape->chunk_count <= 1 || image || text))
        return;
    char most[AUT_DECIMAL_TEXT];
    fault->key = "duration";
    fault->error = aut_sprintf (
        "model %s makes at most %s s at once and cannot go on from there: make the shot shorter, "
        "or cut it in two",
        model->id,
        aut_decimal_text (aut_frames_seconds (aut_lattice_most (model), shape->rate), most));
}

/*  How many frames of the previous shot's tail the model may take: between shots of unlike rate or
 *  size only the fewest, since their motion does not fit. 0 and an error when there are too few. */
static uint32_t tail_between (const aut_shape_t *shape, const aut_shape_t *previous,
                              aut_shape_fault_t *fault)
{
    const aut_model_t *model = shape->choice.model;
    bool alike = previous->choice.model == model && previous->width == shape->width &&
                 previous->height == shape->height;
    uint32_t available = previous->last_tail_out;
    if (!alike && available > model->tail_min)
        available = model->tail_min;
    if (aut_tail_taken (model, available) > 0)
        return available;
    fault->key = "init";
    fault->error = aut_sprintf ("model %s needs %u frames of the previous shot, which leaves %u",
                                model->id, model->tail_min, available);
    return 0;
}

void aut_shape_shot (aut_shaper_t *self, size_t index, const aut_shape_t *previous,
                     aut_shape_t *out, aut_shape_fault_t *fault)
{
    const aut_storyboard_t *film = self->film;
    const aut_shot_t *shot = film->shots[index];
    int64_t native = 0;
    uint32_t available = 0;
    *out = (aut_shape_t){.choice = aut_choose (film, shot, self->registry)};
    *fault = (aut_shape_fault_t){0};
    const aut_model_t *model = out->choice.model;
    if (!model || !model->video)
        return;
    out->rate = model->native ? film->rate : model->rate;
    out->fps = model->native ? film->fps : model->fps;
    find_size (self, out);
    aut_decimal_t seconds = aut_storyboard_duration (film, index);
    if (aut_frames_round (&out->frames, seconds, film->rate) || out->frames == 0 ||
        aut_frames_ceil (&native, seconds, out->rate))
        return;
    out->native_frames = (uint32_t)native;
    check_pictures (shot, out, fault);
    if (!fault->error && shot->init.from_previous >= 0 && previous && previous->good)
        available = tail_between (out, previous, fault);
    else if (shot->init.from_previous >= 0)
        return; /* the first shot, or one after a faulty one */
    if (!fault->error)
        count_chunks (out, available, fault);
    out->good = !fault->error;
}
