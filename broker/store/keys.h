/*  Which results a task key has, in memory.
 *
 *  Keys are hashes, so an index of them on disk rewrites another page for every result: in a commit
 *  of many results that was most of what was written. Here a result takes 16 bytes and as much room
 *  to grow. What is compared are the first 64 bits: whoever asks compares the key that is stored
 *  with the result, and asks on. Callers lock.
 */
#ifndef AUT_BROKER_STORE_KEYS_H
#define AUT_BROKER_STORE_KEYS_H

#include "lib/core/hash.h"

#include <stddef.h>
#include <stdint.h>

/*  Zero-initialise. */
typedef struct {
    struct aut_keys_slot *slots;
    size_t cap, count;
} aut_keys_t;

/*  Adds a result; ids are not 0. */
void aut_keys_add (aut_keys_t *self, const aut_hash_t *key, uint64_t id);

/*  The largest id below `below` that is likely to have the key, 0 = none. */
uint64_t aut_keys_find (const aut_keys_t *self, const aut_hash_t *key, uint64_t below);

void aut_keys_clear (aut_keys_t *self);

#endif
