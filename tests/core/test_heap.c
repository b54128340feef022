/*  The heap against a plain array, over random operations. */
#include "lib/core/heap.h"

#include "tests/core/support.h"

#include <stdint.h>

#define COUNT 200

typedef struct {
    uint64_t key, id;
    size_t index;
} item_t;

static int compare (const void *a, const void *b)
{
    const item_t *x = a, *y = b;
    if (x->key != y->key)
        return x->key < y->key ? -1 : 1;
    return x->id < y->id ? -1 : x->id > y->id;
}

static uint64_t next_random (uint64_t *state)
{
    *state = *state * UINT64_C (6364136223846793005) + UINT64_C (1442695040888963407);
    return *state >> 33;
}

static const item_t *least (const item_t *items, const aut_heap_t *heap)
{
    const item_t *best = NULL;
    for (size_t i = 0; i < COUNT; i++)
        if (aut_heap_contains (heap, &items[i]) && (!best || compare (&items[i], best) < 0))
            best = &items[i];
    return best;
}

START_TEST (random_operations)
{
    item_t items[COUNT];
    uint64_t random = (uint64_t)_i * 7919 + 1;
    size_t inside = 0;
    aut_heap_t heap;
    aut_heap_init (&heap, compare, offsetof (item_t, index));
    for (size_t i = 0; i < COUNT; i++)
        items[i] = (item_t){.id = i, .index = AUT_HEAP_NONE};

    for (int step = 0; step < 5000; step++) {
        item_t *item = &items[next_random (&random) % COUNT];
        bool in = aut_heap_contains (&heap, item);
        switch (next_random (&random) % 4) {
        case 0:
            if (!in) {
                item->key = next_random (&random) % 50; /* many equal keys */
                aut_heap_push (&heap, item);
                inside++;
            }
            break;
        case 1:
            aut_heap_remove (&heap, item);
            inside -= in;
            break;
        case 2:
            if (in)
                item->key = next_random (&random) % 50;
            aut_heap_update (&heap, item);
            break;
        default: {
            const item_t *wanted = least (items, &heap);
            ck_assert_ptr_eq (aut_heap_top (&heap), wanted);
            ck_assert_ptr_eq (aut_heap_pop (&heap), wanted);
            inside -= wanted != NULL;
            if (wanted)
                ck_assert_uint_eq (wanted->index, AUT_HEAP_NONE);
        }
        }
        ck_assert_uint_eq (heap.count, inside);
    }
    const item_t *before = NULL;
    for (const item_t *item; (item = aut_heap_pop (&heap)) != NULL; before = item)
        ck_assert (!before || compare (before, item) < 0);
    aut_heap_clear (&heap);
}
END_TEST

START_TEST (clear_lets_go_of_items)
{
    item_t item = {.index = AUT_HEAP_NONE};
    aut_heap_t heap;
    aut_heap_init (&heap, compare, offsetof (item_t, index));
    ck_assert_ptr_null (aut_heap_top (&heap));
    ck_assert_ptr_null (aut_heap_pop (&heap));
    aut_heap_push (&heap, &item);
    aut_heap_clear (&heap);
    ck_assert_uint_eq (item.index, AUT_HEAP_NONE);
    ck_assert (!aut_heap_contains (&heap, &item));
    aut_heap_push (&heap, &item);
    ck_assert_ptr_eq (aut_heap_top (&heap), &item);
    aut_heap_clear (&heap);
}
END_TEST

int main (void)
{
    TCase *tests = tcase_create ("heap");
    tcase_add_loop_test (tests, random_operations, 0, 20);
    tcase_add_test (tests, clear_lets_go_of_items);
    return run_case (tests);
}
