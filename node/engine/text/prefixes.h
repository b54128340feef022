/*  A set of byte strings that tells which of them a text begins with. */
#ifndef AUT_ENGINE_TEXT_PREFIXES_H
#define AUT_ENGINE_TEXT_PREFIXES_H

#include <stddef.h>
#include <stdint.h>

typedef struct {
    const char *text; /* borrowed: outlives the set */
    size_t size;      /* > 0 */
    int32_t value;
} prefix_t;

typedef struct prefixes prefixes_t;

/*  A set of `count` strings; of equal ones the last counts. Freed with prefixes_destroy.
 *  AUT_ERR_INVALID for an empty string, AUT_ERR_NOMEM. Immutable: any thread may search it. */
int prefixes_new (prefixes_t **out, const prefix_t *strings, size_t count);
void prefixes_destroy (prefixes_t **self_p);

/*  A search through the strings that `text` begins with, the shortest first. */
typedef struct {
    const char *text;
    size_t size, depth, low, high;
} prefix_search_t;

prefix_search_t prefixes_search (const prefixes_t *self, const char *text, size_t size);
/*  The next one, or NULL. */
const prefix_t *prefixes_next (const prefixes_t *self, prefix_search_t *search);
/*  The one that equals `text`, or NULL. */
const prefix_t *prefixes_find (const prefixes_t *self, const char *text, size_t size);

#endif
