/*  Open addressing, at most two thirds full. Several results of one key lie in one run. */
#include "broker/store/keys.h"

#include "lib/core/mem.h"

#include <stdlib.h>
#include <string.h>

#define CAP_MIN 1024 /* a power of two, as every size */

struct aut_keys_slot {
    uint64_t key; /* its first bytes: they are spread evenly, so they are the place, too */
    uint64_t id;  /* 0 = free */
};

static uint64_t first_of (const aut_hash_t *key)
{
    uint64_t first;
    memcpy (&first, key->bytes, sizeof first);
    return first;
}

static void put (aut_keys_t *self, uint64_t key, uint64_t id)
{
    size_t at = key & (self->cap - 1);
    while (self->slots[at].id)
        at = (at + 1) & (self->cap - 1);
    self->slots[at].key = key;
    self->slots[at].id = id;
}

static void grow (aut_keys_t *self)
{
    aut_keys_t next = {.cap = self->cap ? 2 * self->cap : CAP_MIN, .count = self->count};
    next.slots = aut_calloc (next.cap, sizeof *next.slots);
    for (size_t i = 0; i < self->cap; i++)
        if (self->slots[i].id)
            put (&next, self->slots[i].key, self->slots[i].id);
    free (self->slots);
    *self = next;
}

void aut_keys_add (aut_keys_t *self, const aut_hash_t *key, uint64_t id)
{
    if (self->count >= self->cap / 3 * 2)
        grow (self);
    put (self, first_of (key), id);
    self->count++;
}

uint64_t aut_keys_find (const aut_keys_t *self, const aut_hash_t *key, uint64_t below)
{
    uint64_t found = 0, first = first_of (key);
    if (!self->cap)
        return 0;
    for (size_t at = first & (self->cap - 1); self->slots[at].id; at = (at + 1) & (self->cap - 1))
        if (self->slots[at].key == first && self->slots[at].id < below &&
            self->slots[at].id > found)
            found = self->slots[at].id;
    return found;
}

void aut_keys_clear (aut_keys_t *self)
{
    free (self->slots);
    memset (self, 0, sizeof *self);
}
