/*  What the two halves of aut_source_t share: the reader and the places. */
#ifndef AUT_LIB_FILM_SOURCE_INTERNAL_H
#define AUT_LIB_FILM_SOURCE_INTERNAL_H

#include "lib/film/arena.h"
#include "lib/film/source.h"

struct aut_source {
    aut_arena_t *arena;
    char *text; /* a copy of the input */
    uint32_t size;
    uint32_t start;        /* of the JSON, behind a byte-order mark */
    const uint32_t *lines; /* offsets at which lines start */
    uint32_t line_count;
    const uint32_t *points; /* characters before every POINT_STEP-th byte */
    const aut_node_t *root;
};

/*  Fills `lines` and `points`. */
void aut_source_index (aut_source_t *self);

#endif
