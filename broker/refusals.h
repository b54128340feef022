/*  What was refused and why: a counter for each reason, for /metrics, and a log that a flood does
 * not fill: a reason is told at most once in ten seconds, with the number of those left untold.
 *
 *  Any thread; a NULL pointer counts nothing.
 */
#ifndef AUT_BROKER_REFUSALS_H
#define AUT_BROKER_REFUSALS_H

#include "lib/core/clock.h"

typedef enum {
    AUT_REFUSED_HANDSHAKE,  /* a connection that does not speak ZMTP, or another security */
    AUT_REFUSED_SPEECHLESS, /* a connection that ended before its first whole message */
    AUT_REFUSED_MESSAGE,    /* frames that are no message of ours */
    AUT_REFUSED_REQUEST,    /* a client's message that cannot be granted */
    AUT_REFUSED_QUESTION,   /* what is no question of the status socket */
    AUT_REFUSED_RESULT,     /* a node's message that does not hold, such as a result not stored */
    AUT_REFUSED_TRANSFER,   /* blobs: wrong bytes, too many, out of order */
    AUT_REFUSED_HTTP,       /* connections to HTTP that were no request, or had to make room */
    AUT_REFUSED_FLOOD,      /* connections cut for what they sent without ending a message */
    AUT_REFUSED_CROWD, /* silent connections cut, and nodes not taken, as there were too many */
    AUT_REFUSED_REASONS
} aut_refused_t;

typedef struct aut_refusals aut_refusals_t;

aut_refusals_t *aut_refusals_new (const aut_clock_t *clock);
void aut_refusals_destroy (aut_refusals_t **self_p);

/*  Counts one, and perhaps logs it with `detail`. */
void aut_refusals_note (aut_refusals_t *self, aut_refused_t reason, const char *detail);

/*  Raises a counter that another module keeps to `total`; logs the growth in the same way. */
void aut_refusals_reach (aut_refusals_t *self, aut_refused_t reason, uint64_t total,
                         const char *detail);

/*  Logs what a flood left untold when its ten seconds are over; to be called now and then. */
void aut_refusals_tell_rest (aut_refusals_t *self);

uint64_t aut_refusals_count (const aut_refusals_t *self, aut_refused_t reason);

/*  "handshake", …: the label in /metrics. */
const char *aut_refused_text (aut_refused_t reason);

#endif
