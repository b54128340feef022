/*  A binary heap of pointers whose elements know their own place, so that any of them can be moved
 *  or removed in O(log n). One element sits in at most as many heaps as it has index fields.
 */
#ifndef AUT_LIB_CORE_HEAP_H
#define AUT_LIB_CORE_HEAP_H

#include <stdbool.h>
#include <stddef.h>

#define AUT_HEAP_NONE ((size_t)-1) /* the index of an element that is not in the heap */

/*  Negative if `a` comes out before `b`. Must be a total order for a reproducible heap. */
typedef int (*aut_heap_compare_fn) (const void *a, const void *b);

typedef struct {
    void **items;
    size_t count, cap;
    aut_heap_compare_fn compare;
    size_t index_offset; /* offsetof the element's size_t index field */
} aut_heap_t;

/*  Prepares an empty heap; elements' index fields must start as AUT_HEAP_NONE. */
void aut_heap_init (aut_heap_t *self, aut_heap_compare_fn compare, size_t index_offset);
/*  Frees the heap's own memory, not the elements. */
void aut_heap_clear (aut_heap_t *self);
void aut_heap_push (aut_heap_t *self, void *item);
void *aut_heap_top (const aut_heap_t *self); /* NULL when empty */
void *aut_heap_pop (aut_heap_t *self);       /* NULL when empty */
/*  Restores the order after `item`'s key changed. */
void aut_heap_update (aut_heap_t *self, void *item);
/*  Takes `item` out; nothing happens if it is not in. */
void aut_heap_remove (aut_heap_t *self, void *item);
bool aut_heap_contains (const aut_heap_t *self, const void *item);

#endif
