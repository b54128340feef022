/*  The strings are sorted; those that share their first n bytes with the text are a range, which
 *  each further byte narrows by two binary searches. A table by first byte does the first step.
 */
#include "node/engine/text/prefixes.h"

#include "lib/core/error.h"
#include "lib/core/mem.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct prefixes {
    size_t count;
    size_t first[257]; /* where the strings with this first byte begin */
    prefix_t strings[];
};

typedef struct {
    prefix_t string;
    size_t order;
} entry_t;

static int compare (const void *a_, const void *b_)
{
    const entry_t *a = a_, *b = b_;
    size_t shorter = a->string.size < b->string.size ? a->string.size : b->string.size;
    int order = memcmp (a->string.text, b->string.text, shorter);
    if (order)
        return order;
    if (a->string.size != b->string.size)
        return a->string.size < b->string.size ? -1 : 1;
    return a->order < b->order ? -1 : 1;
}

static bool same (const prefix_t *a, const prefix_t *b)
{
    return a->size == b->size && memcmp (a->text, b->text, a->size) == 0;
}

int prefixes_new (prefixes_t **out, const prefix_t *strings, size_t count)
{
    *out = NULL;
    entry_t *sorted = aut_try_alloc (count + 1, sizeof *sorted);
    prefixes_t *self = aut_try_alloc (1, sizeof *self + count * sizeof *self->strings);
    if (!sorted || !self) {
        free (sorted);
        free (self);
        return AUT_ERR_NOMEM;
    }
    for (size_t i = 0; i < count; i++) {
        sorted[i] = (entry_t){strings[i], i};
        if (strings[i].size == 0) {
            free (sorted);
            free (self);
            return aut_fail (AUT_ERR_INVALID, "string %zu is empty", i);
        }
    }
    qsort (sorted, count, sizeof *sorted, compare);
    for (size_t i = 0; i < count; i++) {
        if (self->count && same (&self->strings[self->count - 1], &sorted[i].string))
            self->count--;
        self->strings[self->count++] = sorted[i].string;
    }
    free (sorted);
    for (size_t i = 0; i < self->count; i++)
        self->first[(unsigned char)self->strings[i].text[0] + 1] = i + 1;
    for (size_t byte = 1; byte <= 256; byte++)
        if (self->first[byte] < self->first[byte - 1])
            self->first[byte] = self->first[byte - 1];
    *out = self;
    return 0;
}

void prefixes_destroy (prefixes_t **self_p)
{
    free (*self_p);
    *self_p = NULL;
}

prefix_search_t prefixes_search (const prefixes_t *self, const char *text, size_t size)
{
    prefix_search_t search = {.text = text, .size = size};
    if (size) {
        unsigned char byte = (unsigned char)text[0];
        search.depth = 1;
        search.low = self->first[byte];
        search.high = self->first[byte + 1];
    }
    return search;
}

/*  The first string in [low, high) whose byte at `depth` is at least `byte`; a string that ends
 *  there comes before all. */
static size_t lower_bound (const prefixes_t *self, size_t low, size_t high, size_t depth,
                           unsigned byte)
{
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const prefix_t *at = &self->strings[middle];
        if (at->size <= depth || (unsigned char)at->text[depth] < byte)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

const prefix_t *prefixes_next (const prefixes_t *self, prefix_search_t *search)
{
    while (search->low < search->high) {
        const prefix_t *at = &self->strings[search->low];
        if (at->size == search->depth) {
            search->low++;
            return at;
        }
        if (search->depth == search->size)
            return NULL;
        unsigned byte = (unsigned char)search->text[search->depth];
        search->low = lower_bound (self, search->low, search->high, search->depth, byte);
        search->high = lower_bound (self, search->low, search->high, search->depth, byte + 1);
        search->depth++;
    }
    return NULL;
}

const prefix_t *prefixes_find (const prefixes_t *self, const char *text, size_t size)
{
    prefix_search_t search = prefixes_search (self, text, size);
    for (const prefix_t *at; (at = prefixes_next (self, &search));)
        if (at->size == size)
            return at;
    return NULL;
}
