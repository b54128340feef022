/*  What a service manager is told: that we are ready, what we do, and that we are alive. This is
 *  the protocol of sd_notify(3), a datagram of NAME=VALUE lines to the socket $NOTIFY_SOCKET names;
 *  without that variable nothing is sent. It never fails and never waits: a manager that does not
 *  listen is no reason to stop.
 *
 *  Not thread-safe: one thread at a time.
 */
#ifndef AUT_LIB_CORE_NOTIFY_H
#define AUT_LIB_CORE_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>

typedef struct aut_notify aut_notify_t;

/*  Reads $NOTIFY_SOCKET, $WATCHDOG_USEC and $WATCHDOG_PID, and takes them out of the environment,
 *  so that no child speaks in our name: call it before threads start. Never NULL. */
aut_notify_t *aut_notify_new (void);
void aut_notify_destroy (aut_notify_t **self_p);

/*  READY=1, once however often it is called. */
void aut_notify_ready (aut_notify_t *self);
/*  STOPPING=1, likewise. */
void aut_notify_stopping (aut_notify_t *self);
/*  STATUS=…, one line for people; the same text as the last time is not sent again. */
void aut_notify_status (aut_notify_t *self, const char *format, ...)
    __attribute__ ((format (printf, 2, 3)));

/*  WATCHDOG=1 if the manager watches, half of its patience has passed since the last one, and
 *  `well`. Who is not well is not spoken for: it is asked again at the next call. */
void aut_notify_watchdog (aut_notify_t *self, bool well, int64_t now_ms);

#endif
