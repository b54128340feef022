/*  The bounded queue: a ring under a mutex, with an eventfd for the reader and a condition for
 *  writers that wait. */
#include "broker/mailbox.h"

#include "lib/core/error.h"
#include "lib/core/mem.h"

#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct aut_mailbox {
    pthread_mutex_t mutex;
    pthread_cond_t room;
    void **ring;
    size_t cap, head, count;
    size_t wanted; /* a push that makes so many wakes the reader */
    bool closed;
    int fd;
};

aut_mailbox_t *aut_mailbox_new (size_t capacity)
{
    int fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (fd < 0) {
        aut_fail_errno ("cannot make an eventfd for a mailbox");
        return NULL;
    }
    aut_mailbox_t *self = aut_calloc (1, sizeof *self);
    self->ring = aut_calloc (capacity, sizeof *self->ring);
    self->cap = capacity;
    self->wanted = 1;
    self->fd = fd;
    pthread_mutex_init (&self->mutex, NULL);
    pthread_cond_init (&self->room, NULL);
    return self;
}

void aut_mailbox_destroy (aut_mailbox_t **self_p, void (*destroy) (void *item))
{
    aut_mailbox_t *self = *self_p;
    if (!self)
        return;
    for (size_t i = 0; destroy && i < self->count; i++)
        destroy (self->ring[(self->head + i) % self->cap]);
    close (self->fd);
    pthread_cond_destroy (&self->room);
    pthread_mutex_destroy (&self->mutex);
    free (self->ring);
    free (self);
    *self_p = NULL;
}

void aut_mailbox_wake (aut_mailbox_t *self)
{
    uint64_t one = 1;
    /* The counter cannot overflow in practice, and EAGAIN would mean that the reader is awake. */
    ssize_t rc = write (self->fd, &one, sizeof one);
    (void)rc;
}

/*  Whether the reader is to be woken: for the number that it wants, and when it must make room. */
static bool put (aut_mailbox_t *self, void *item, bool quiet)
{
    self->ring[(self->head + self->count++) % self->cap] = item;
    return (self->count == self->wanted && !quiet) || self->count == self->cap;
}

static int push (aut_mailbox_t *self, void *item, bool wait, bool quiet)
{
    pthread_mutex_lock (&self->mutex);
    while (wait && !self->closed && self->count == self->cap)
        pthread_cond_wait (&self->room, &self->mutex);
    int rc = self->closed ? AUT_ERR_CANCELLED : self->count == self->cap ? AUT_ERR_AGAIN : 0;
    bool wake = !rc && put (self, item, quiet);
    pthread_mutex_unlock (&self->mutex);
    if (wake)
        aut_mailbox_wake (self);
    if (rc == AUT_ERR_AGAIN)
        return aut_fail (rc, "the broker is busy: a mailbox of %zu is full", self->cap);
    return rc ? aut_fail (rc, "the broker is stopping") : 0;
}

int aut_mailbox_push (aut_mailbox_t *self, void *item)
{
    return push (self, item, false, false);
}

int aut_mailbox_push_quiet (aut_mailbox_t *self, void *item)
{
    return push (self, item, false, true);
}

int aut_mailbox_push_wait (aut_mailbox_t *self, void *item)
{
    return push (self, item, true, false);
}

int aut_mailbox_push_wait_quiet (aut_mailbox_t *self, void *item)
{
    return push (self, item, true, true);
}

size_t aut_mailbox_take (aut_mailbox_t *self, void **items, size_t max)
{
    uint64_t ticks;
    ssize_t rc = read (self->fd, &ticks, sizeof ticks);
    (void)rc;
    pthread_mutex_lock (&self->mutex);
    size_t n = self->count < max ? self->count : max;
    for (size_t i = 0; i < n; i++)
        items[i] = self->ring[(self->head + i) % self->cap];
    self->head = (self->head + n) % self->cap;
    self->count -= n;
    self->wanted = 1;
    bool left = self->count > 0;
    pthread_cond_broadcast (&self->room);
    pthread_mutex_unlock (&self->mutex);
    if (left)
        aut_mailbox_wake (self);
    return n;
}

int aut_mailbox_fd (const aut_mailbox_t *self)
{
    return self->fd;
}

bool aut_mailbox_wait (aut_mailbox_t *self, int timeout_ms)
{
    struct pollfd item = {.fd = self->fd, .events = POLLIN};
    return poll (&item, 1, timeout_ms) > 0;
}

void aut_mailbox_tell (aut_mailbox_t *self)
{
    pthread_mutex_lock (&self->mutex);
    bool wake = self->count >= self->wanted;
    pthread_mutex_unlock (&self->mutex);
    if (wake)
        aut_mailbox_wake (self);
}

/*  The counter is emptied first: what rang already is not what is waited for. */
void aut_mailbox_gather (aut_mailbox_t *self, size_t count, int64_t timeout_us)
{
    uint64_t ticks;
    struct pollfd item = {.fd = self->fd, .events = POLLIN};
    struct timespec time = {timeout_us / 1000000, timeout_us % 1000000 * 1000};
    ssize_t rc = read (self->fd, &ticks, sizeof ticks);
    (void)rc;
    pthread_mutex_lock (&self->mutex);
    self->wanted = count < self->cap ? count : self->cap;
    bool there = self->count >= self->wanted || self->closed;
    pthread_mutex_unlock (&self->mutex);
    if (!there)
        ppoll (&item, 1, &time, NULL);
}

size_t aut_mailbox_count (aut_mailbox_t *self)
{
    pthread_mutex_lock (&self->mutex);
    size_t count = self->count;
    pthread_mutex_unlock (&self->mutex);
    return count;
}

void aut_mailbox_close (aut_mailbox_t *self)
{
    pthread_mutex_lock (&self->mutex);
    self->closed = true;
    pthread_cond_broadcast (&self->room);
    pthread_mutex_unlock (&self->mutex);
    aut_mailbox_wake (self);
}
