/*  Peers that were heard since the loop asked last: a list under a mutex. A peer stands on it once,
 *  so it is bounded by the sessions also while the loop waits for a disk that is full. */
#include "broker/internal.h"

#include "lib/core/mem.h"

#include <stdlib.h>

struct aut_peers {
    pthread_mutex_t mutex;
    uint64_t *items;
    size_t count, cap;
    uint64_t round; /* how often it was taken, + 1 */
};

aut_peers_t *aut_peers_new (void)
{
    aut_peers_t *self = aut_calloc (1, sizeof *self);
    pthread_mutex_init (&self->mutex, NULL);
    self->round = 1;
    return self;
}

void aut_peers_destroy (aut_peers_t **self_p)
{
    aut_peers_t *self = *self_p;
    if (!self)
        return;
    pthread_mutex_destroy (&self->mutex);
    free (self->items);
    free (self);
    *self_p = NULL;
}

void aut_peers_add (aut_peers_t *self, uint64_t peer, uint64_t *round)
{
    pthread_mutex_lock (&self->mutex);
    if (*round != self->round) {
        self->items = aut_grow (self->items, &self->cap, self->count + 1, sizeof *self->items);
        self->items[self->count++] = peer;
        *round = self->round;
    }
    pthread_mutex_unlock (&self->mutex);
}

size_t aut_peers_take (aut_peers_t *self, uint64_t **out)
{
    pthread_mutex_lock (&self->mutex);
    size_t count = self->count;
    *out = self->items;
    self->items = NULL;
    self->count = self->cap = 0;
    self->round++;
    pthread_mutex_unlock (&self->mutex);
    return count;
}
