/*  What the two halves of aut_source_t share: the reader and the places. */
#ifndef AUT_LIB_FILM_SOURCE_INTERNAL_H
#define AUT_LIB_FILM_SOURCE_INTERNAL_H

#include "lib/film/arena.h"
#include "lib/film/source.h"

#include <stdarg.h>

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

/*  Where and about what a diagnostic is; `hint` is taken. */
typedef struct {
    const aut_node_t *node;
    const char *key; /* of a member of `node`, or NULL */
    uint32_t offset;
    bool warning;
    char *hint;
} aut_note_t;

/*  Adds a diagnostic. */
void aut_source_note (const aut_source_t *self, aut_diags_t *diags, const aut_note_t *note,
                      const char *format, va_list args) __attribute__ ((format (printf, 4, 0)));

#endif
