/*  A bounded queue between threads whose reader can poll: many writers, one reader, pointers.
 *
 *  It never drops and never grows: a full queue says AUT_ERR_AGAIN, or makes the writer wait,
 *  whichever the writer asks for. The reader polls a descriptor (an eventfd) beside its sockets.
 */
#ifndef AUT_BROKER_MAILBOX_H
#define AUT_BROKER_MAILBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct aut_mailbox aut_mailbox_t;

/*  A queue of at most `capacity` items; NULL with the error recorded when the system has no
 *  descriptor left. */
aut_mailbox_t *aut_mailbox_new (size_t capacity);

/*  Calls `destroy` (may be NULL) on what is left; nulls the caller's pointer. */
void aut_mailbox_destroy (aut_mailbox_t **self_p, void (*destroy) (void *item));

/*  Hands `item` over; AUT_ERR_AGAIN when full (the caller keeps it). Any thread. */
int aut_mailbox_push (aut_mailbox_t *self, void *item);

/*  As above, waiting while the queue is full; AUT_ERR_CANCELLED once it is closed. Only for
 *  writers on which the reader never waits. */
int aut_mailbox_push_wait (aut_mailbox_t *self, void *item);

/*  The same without waking the reader, unless the queue is full: whoever has several items ends
 * with aut_mailbox_wake, so that they are found together. */
int aut_mailbox_push_quiet (aut_mailbox_t *self, void *item);
int aut_mailbox_push_wait_quiet (aut_mailbox_t *self, void *item);

/*  Takes at most `max` items in order, without waiting; how many. Reader only. */
size_t aut_mailbox_take (aut_mailbox_t *self, void **items, size_t max);

/*  Readable while items wait. Reader only. */
int aut_mailbox_fd (const aut_mailbox_t *self);

/*  Waits for items, at most `timeout_ms` (−1 = without limit); whether there are any. */
bool aut_mailbox_wait (aut_mailbox_t *self, int timeout_ms);

/*  Waits until `count` items are there, at most `timeout_us`; fewer do not wake the reader, which
 *  looks with aut_mailbox_take in any case. Reader only. */
void aut_mailbox_gather (aut_mailbox_t *self, size_t count, int64_t timeout_us);

size_t aut_mailbox_count (aut_mailbox_t *self);

/*  Wakes the reader if as many items are there as it waits for. Any thread. */
void aut_mailbox_tell (aut_mailbox_t *self);

/*  Wakes the reader without an item. Any thread. */
void aut_mailbox_wake (aut_mailbox_t *self);

/*  From now on pushes fail and waiting writers return. Any thread. */
void aut_mailbox_close (aut_mailbox_t *self);

#endif
