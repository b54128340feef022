/*  Who may use this broker: its key, the lists of who is allowed, and ZeroMQ's question at every
 *  handshake (ZAP).
 *
 *  One guard has a thread of its own, which answers the handshakes and looks at the lists ten
 * times a second. A key that was revoked is out by the next look: new connections are refused, and
 * every message of the old ones is checked against the lists as they are (libzmq lets a connection
 * that was accepted go on for ever).
 *
 *  There is one ZAP handler in a process, so one broker with keys. A NULL guard is a broker without
 *  keys: everybody may do everything. Functions without another word may be called on any thread.
 */
#ifndef AUT_BROKER_GUARD_H
#define AUT_BROKER_GUARD_H

#include "lib/core/clock.h"
#include "proto/net.h"

typedef struct aut_guard aut_guard_t;

enum {
    AUT_MAY_NODE = 1,
    AUT_MAY_CLIENT = 2,
    AUT_MAY_OPERATE = 4, /* all jobs, and draining */
    AUT_MAY_VIEW = 8,
    AUT_MAY_ALL = 15
};

typedef struct {
    unsigned roles;
    char name[AUT_KEY_NAME]; /* the first that a list has for this key */
    uint64_t max_jobs, max_bytes;
} aut_who_t;

/*  Counted since the start. */
typedef struct {
    uint64_t handshakes;   /* accepted */
    uint64_t unknown_keys; /* handshakes under a key that no list has */
    uint64_t wrong_roles;  /* handshakes of a known key, for a port that is not its */
    uint64_t messages;     /* messages refused: the key was revoked after the handshake */
    uint64_t reloads;      /* how often the lists were read */
    bool stale;            /* a list cannot be read: the ones from before are in force */
} aut_guard_stats_t;

/*  Reads key and lists from `dir` and starts the thread; `clock` is borrowed. AUT_ERR_NOT_FOUND,
 * AUT_ERR_DENIED, AUT_ERR_INVALID from the files; AUT_ERR_STATE: another broker with keys runs in
 * this process. */
int aut_guard_start (aut_guard_t **out, const char *dir, const aut_clock_t *clock);

/*  After the sockets are closed. NULL is fine. */
void aut_guard_stop (aut_guard_t **self_p);

/*  The broker's own pair, for aut_net_bind_curve; NULL for a NULL guard. */
const aut_keypair_t *aut_guard_pair (const aut_guard_t *self);

/*  What a key may do now; false and no roles if nothing. */
bool aut_guard_who (aut_guard_t *self, const char *key, aut_who_t *out);

/*  Whether the key's roles reach as far as a port: 0, or AUT_ERR_DENIED with the sentence for the
 *  peer, counted and logged at a bounded rate. */
int aut_guard_check (aut_guard_t *self, const char *key, aut_port_t port);

/*  Raised whenever a key has lost a role: whoever keeps peers looks at them again then. */
uint64_t aut_guard_losses (aut_guard_t *self);

void aut_guard_stats (aut_guard_t *self, aut_guard_stats_t *out);

#endif
