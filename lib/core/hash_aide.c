/*  One task in a slot: free → waiting → taken (by the thread) → done → free, or waiting → free when
 *  its owner takes it back.
 */
#include "lib/core/hash_aide.h"

#include "lib/core/mem.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#define WORTH (64 * 1024) /* bytes that take longer than to wake a thread */

typedef enum { SLOT_FREE, SLOT_WAITING, SLOT_TAKEN, SLOT_DONE } slot_t;

struct aut_hash_aide {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    pthread_t thread;
    bool started, useless, stop;
    slot_t slot;
    aut_hasher_t *hasher;
    const void *data;
    size_t size;
};

aut_hash_aide_t *aut_hash_aide_new (void)
{
    aut_hash_aide_t *self = aut_calloc (1, sizeof *self);
    pthread_mutex_init (&self->lock, NULL);
    pthread_cond_init (&self->changed, NULL);
    self->useless = sysconf (_SC_NPROCESSORS_ONLN) < 2;
    return self;
}

static void *run (void *arg)
{
    aut_hash_aide_t *self = arg;
    pthread_mutex_lock (&self->lock);
    while (!self->stop) {
        if (self->slot != SLOT_WAITING) {
            pthread_cond_wait (&self->changed, &self->lock);
            continue;
        }
        self->slot = SLOT_TAKEN;
        pthread_mutex_unlock (&self->lock);
        aut_hasher_update (self->hasher, self->data, self->size);
        pthread_mutex_lock (&self->lock);
        self->slot = SLOT_DONE;
        pthread_cond_broadcast (&self->changed);
    }
    pthread_mutex_unlock (&self->lock);
    return NULL;
}

/*  Signals are for the threads that were there before. */
static void start (aut_hash_aide_t *self)
{
    sigset_t all, before;
    sigfillset (&all);
    pthread_sigmask (SIG_SETMASK, &all, &before);
    self->started = pthread_create (&self->thread, NULL, run, self) == 0;
    self->useless = !self->started;
    pthread_sigmask (SIG_SETMASK, &before, NULL);
}

void aut_hash_aide_destroy (aut_hash_aide_t **self_p)
{
    aut_hash_aide_t *self = *self_p;
    if (!self)
        return;
    pthread_mutex_lock (&self->lock);
    self->stop = true;
    pthread_cond_broadcast (&self->changed);
    pthread_mutex_unlock (&self->lock);
    if (self->started)
        pthread_join (self->thread, NULL);
    pthread_cond_destroy (&self->changed);
    pthread_mutex_destroy (&self->lock);
    free (self);
    *self_p = NULL;
}

bool aut_hash_aide_begin (aut_hash_aide_t *self, aut_hasher_t *hasher, const void *data,
                          size_t size)
{
    if (size < WORTH)
        return false;
    pthread_mutex_lock (&self->lock);
    if (!self->started && !self->useless)
        start (self);
    bool begun = self->started && self->slot == SLOT_FREE;
    if (begun) {
        self->slot = SLOT_WAITING;
        self->hasher = hasher;
        self->data = data;
        self->size = size;
        pthread_cond_broadcast (&self->changed);
    }
    pthread_mutex_unlock (&self->lock);
    return begun;
}

void aut_hash_aide_end (aut_hash_aide_t *self)
{
    pthread_mutex_lock (&self->lock);
    bool mine = self->slot == SLOT_WAITING;
    if (mine)
        self->slot = SLOT_TAKEN;
    while (!mine && self->slot != SLOT_DONE)
        pthread_cond_wait (&self->changed, &self->lock);
    if (mine) {
        pthread_mutex_unlock (&self->lock);
        aut_hasher_update (self->hasher, self->data, self->size);
        pthread_mutex_lock (&self->lock);
    }
    self->slot = SLOT_FREE;
    pthread_mutex_unlock (&self->lock);
}
