#include "lib/core/heap.h"

#include "lib/core/mem.h"

#include <stdint.h>
#include <stdlib.h>

static size_t *index_of (const aut_heap_t *self, const void *item)
{
    return (size_t *)(void *)((uintptr_t)item + self->index_offset);
}

static void place (aut_heap_t *self, size_t at, void *item)
{
    self->items[at] = item;
    *index_of (self, item) = at;
}

static void sift_up (aut_heap_t *self, size_t at, void *item)
{
    while (at > 0) {
        size_t parent = (at - 1) / 2;
        if (self->compare (item, self->items[parent]) >= 0)
            break;
        place (self, at, self->items[parent]);
        at = parent;
    }
    place (self, at, item);
}

static void sift_down (aut_heap_t *self, size_t at, void *item)
{
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= self->count)
            break;
        if (child + 1 < self->count &&
            self->compare (self->items[child + 1], self->items[child]) < 0)
            child++;
        if (self->compare (item, self->items[child]) <= 0)
            break;
        place (self, at, self->items[child]);
        at = child;
    }
    place (self, at, item);
}

void aut_heap_init (aut_heap_t *self, aut_heap_compare_fn compare, size_t index_offset)
{
    *self = (aut_heap_t){.compare = compare, .index_offset = index_offset};
}

void aut_heap_clear (aut_heap_t *self)
{
    for (size_t i = 0; i < self->count; i++)
        *index_of (self, self->items[i]) = AUT_HEAP_NONE;
    free (self->items);
    self->items = NULL;
    self->count = self->cap = 0;
}

void aut_heap_push (aut_heap_t *self, void *item)
{
    self->items = aut_grow (self->items, &self->cap, self->count + 1, sizeof (*self->items));
    self->count++;
    sift_up (self, self->count - 1, item);
}

void *aut_heap_top (const aut_heap_t *self)
{
    return self->count > 0 ? self->items[0] : NULL;
}

void *aut_heap_pop (aut_heap_t *self)
{
    void *top = aut_heap_top (self);
    if (top)
        aut_heap_remove (self, top);
    return top;
}

void aut_heap_update (aut_heap_t *self, void *item)
{
    if (!aut_heap_contains (self, item))
        return;
    sift_up (self, *index_of (self, item), item);
    sift_down (self, *index_of (self, item), item);
}

void aut_heap_remove (aut_heap_t *self, void *item)
{
    if (!aut_heap_contains (self, item))
        return;
    size_t at = *index_of (self, item);
    void *last = self->items[--self->count];
    *index_of (self, item) = AUT_HEAP_NONE;
    if (last == item)
        return;
    place (self, at, last);
    aut_heap_update (self, last);
}

bool aut_heap_contains (const aut_heap_t *self, const void *item)
{
    size_t at = *index_of (self, item);
    return at < self->count && self->items[at] == item;
}
