/*  What a shot becomes: its model and tier, its native size, rate and frames, and its chunks. The
 *  check of a storyboard and the planner share these rules. Pure functions; any thread.
 */
#ifndef AUT_LIB_FILM_SHAPE_H
#define AUT_LIB_FILM_SHAPE_H

#include "lib/film/storyboard.h"

typedef struct {
    const aut_model_t *model; /* NULL: none can serve */
    aut_tier_t tier, asked;   /* asked: before it was lowered for want of a model */
    bool lowered;
} aut_choice_t;

/*  The film's model (without a shot) or a shot's. The id is the shot's, else the defaults'; without
 *  either it is the model that serves the tier, or the best lower tier that has one. A model that
 *  is named and lacks the tier is used at its nearest one, the next lower first. A tier written in
 *  a shot goes before the default model, if that model lacks it and another one serves it. */
aut_choice_t aut_choose (const aut_storyboard_t *film, const aut_shot_t *shot,
                         const aut_registry_t *registry);

/*  The size on the model's lattice nearest in aspect (|w/h − W/H|) to width × height, and among
 *  equals the largest, with no more area than the model's default. A native model takes all. */
void aut_native_size (const aut_model_t *model, uint32_t width, uint32_t height, uint32_t *w,
                      uint32_t *h);

/*  The most frames of one call, and the least number ≥ `frames` that a call can make (0: none). */
uint32_t aut_lattice_most (const aut_model_t *model);
uint32_t aut_lattice_up (const aut_model_t *model, uint32_t frames);

/*  How many of `available` frames of a predecessor the model takes: the most on its frame lattice,
 *  within its tail's bounds; 0 when it cannot go on from them. */
uint32_t aut_tail_taken (const aut_model_t *model, uint32_t available);

/*  One chunk after another: as few as possible, the frames that their calls make as even as the
 *  lattice lets them; the last one keeps what is left. */
typedef struct {
    const aut_model_t *model;
    uint32_t left;      /* native frames still to be kept */
    uint32_t available; /* frames of tail that the next chunk may take */
    uint32_t first;     /* place of the next kept frame in the shot */
    uint32_t index;
} aut_division_t;

typedef struct {
    uint32_t index, first, frames, drop, keep, tail_out;
} aut_division_chunk_t;

/*  False at the end (left is 0), or when the model cannot go on (left is not 0). */
bool aut_division_next (aut_division_t *self, aut_division_chunk_t *chunk);

/*  Per film; zero-initialise, then aut_shaper_init. */
typedef struct {
    const aut_storyboard_t *film;
    const aut_registry_t *registry;
    aut_choice_t choice;    /* the film's */
    uint32_t width, height; /* the film's */
    struct {
        const aut_model_t *model;
        uint32_t width, height;
    } sizes[8]; /* native sizes found so far */
    size_t next_size;
} aut_shaper_t;

typedef struct {
    bool good; /* what follows is set */
    aut_choice_t choice;
    int64_t frames; /* in the film */
    uint32_t width, height, native_frames;
    aut_rational_t rate;
    aut_decimal_t fps;
    bool use_last; /* the model ends on the shot's last picture */
    uint32_t tail; /* frames of the previous shot's tail in the first chunk */
    uint32_t chunk_count, last_keep, last_tail_out;
} aut_shape_t;

/*  Why a shot cannot be made, or what of it is left out: about the shot's member `key`. */
typedef struct {
    const char *key;
    char *error, *warning; /* heap strings or NULL */
} aut_shape_fault_t;

/*  False when no model serves the film at all. */
bool aut_shaper_init (aut_shaper_t *self, const aut_storyboard_t *film,
                      const aut_registry_t *registry);

/*  Shapes shot `index`; `previous` is the shape of the shot before (NULL for the first). The
 *  fault's strings are the caller's to free. */
void aut_shape_shot (aut_shaper_t *self, size_t index, const aut_shape_t *previous,
                     aut_shape_t *out, aut_shape_fault_t *fault);

#endif
