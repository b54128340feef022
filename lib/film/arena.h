/*  Memory of one document: many small pieces, freed at once. One thread at a time.
 */
#ifndef AUT_LIB_FILM_ARENA_H
#define AUT_LIB_FILM_ARENA_H

#include <stddef.h>

typedef struct aut_arena aut_arena_t;

aut_arena_t *aut_arena_new (void);
void aut_arena_destroy (aut_arena_t **self_p);
/*  Zeroed memory for `count` elements of `size` bytes, aligned for anything; ends the process when
 *  there is none left, so sizes are bounded by the caller. */
void *aut_arena_alloc (aut_arena_t *self, size_t count, size_t size);
/*  A terminated copy of `size` bytes. */
char *aut_arena_text (aut_arena_t *self, const char *text, size_t size);

#endif
