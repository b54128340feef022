/*  What the parts of the storyboard share. */
#ifndef AUT_LIB_FILM_STORYBOARD_INTERNAL_H
#define AUT_LIB_FILM_STORYBOARD_INTERNAL_H

#include "lib/film/storyboard.h"

/*  A storyboard with the memory that it lies in. */
typedef struct {
    aut_storyboard_t film; /* first: a pointer to it is one to this */
    aut_arena_t *arena;
    aut_source_t *source;
} aut_storyboard_box_t;

/*  The work of one check. */
typedef struct {
    aut_storyboard_t *film;
    aut_arena_t *arena;
    const aut_source_t *source;
    aut_diags_t *diags;
    const aut_registry_t *registry;
    const aut_assets_t *assets; /* or NULL */
} aut_check_t;

/*  Rules between the members: ids and references. Fills what they find. */
void aut_check_members (aut_check_t *self);
/*  Rules in time: rate, frames, transitions, and what the models can make. */
void aut_check_time (aut_check_t *self);
/*  Resolves every picture and sound. */
void aut_check_assets (aut_check_t *self);

#endif
