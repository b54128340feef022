/*  Blocks that double up to a limit; a piece larger than a block gets a block of its own. */
#include "lib/film/arena.h"

#include "lib/core/mem.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define ALIGN 16u
#define FIRST_BLOCK ((size_t)4 << 10)
#define LARGEST_BLOCK ((size_t)1 << 20)

typedef struct block {
    struct block *next;
    size_t size, used; /* of the bytes behind this header */
} block_t;

struct aut_arena {
    block_t *blocks;
    size_t next_size;
};

_Static_assert(sizeof (block_t) % 8 == 0, "the bytes behind a block's header are aligned");
#define HEADER ((sizeof (block_t) + ALIGN - 1) / ALIGN * ALIGN)

aut_arena_t *aut_arena_new (void)
{
    aut_arena_t *self = aut_calloc (1, sizeof *self);
    self->next_size = FIRST_BLOCK;
    return self;
}

void aut_arena_destroy (aut_arena_t **self_p)
{
    if (!self_p || !*self_p)
        return;
    for (block_t *block = (*self_p)->blocks; block;) {
        block_t *next = block->next;
        free (block);
        block = next;
    }
    free (*self_p);
    *self_p = NULL;
}

static block_t *add_block (aut_arena_t *self, size_t need)
{
    size_t size = self->next_size;
    if (size < LARGEST_BLOCK)
        self->next_size *= 2;
    if (size < need)
        size = need;
    block_t *block = aut_calloc (1, HEADER + size);
    block->size = size;
    /*  A piece with a block of its own goes behind the current block, which stays in use. */
    if (self->blocks && need > LARGEST_BLOCK / 4) {
        block->next = self->blocks->next;
        self->blocks->next = block;
    } else {
        block->next = self->blocks;
        self->blocks = block;
    }
    return block;
}

static void *take (aut_arena_t *self, size_t bytes, size_t align)
{
    block_t *block = self->blocks;
    size_t at = block ? (block->used + align - 1) / align * align : 0;
    if (!block || at > block->size || block->size - at < bytes) {
        block = add_block (self, bytes);
        at = block->used;
    }
    block->used = at + bytes;
    return (char *)block + HEADER + at;
}

void *aut_arena_alloc (aut_arena_t *self, size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow (count, size, &bytes))
        bytes = SIZE_MAX / 2; /* aut_calloc ends the process, as for any size it cannot give */
    return take (self, bytes ? bytes : 1, ALIGN);
}

char *aut_arena_text (aut_arena_t *self, const char *text, size_t size)
{
    char *copy = take (self, size + 1, 1);
    if (size)
        memcpy (copy, text, size);
    copy[size] = 0;
    return copy;
}
