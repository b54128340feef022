/*  The broker as a library: takes storyboards from clients, divides them into tasks, hands the
 *  tasks to nodes under leases and keeps every promise in its store.
 *
 *  One broker is a set of threads around the pure state machine of broker/core: one for each
 *  socket, one that plans submissions, one for HTTP, and the loop, which alone owns the core and
 *  the store. `auteur-broker` is this library with a command line; `auteur render` starts the same
 *  over inproc://.
 *
 *  The process must have called zsys_handler_set (NULL) before, and must not fork afterwards
 *  (posix_spawn is fine).
 */
#ifndef AUT_BROKER_BROKER_H
#define AUT_BROKER_BROKER_H

#include "lib/core/clock.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct aut_broker aut_broker_t;

typedef enum {
    AUT_BROKER_TCP,   /* sockets at bind:port … port + 4, HTTP at http_port */
    AUT_BROKER_INPROC /* inproc://PREFIX-client, …; no HTTP, no endpoints.json */
} aut_broker_transport_t;

struct aut_store;

/*  Initialise with aut_broker_options_init, then change what differs. Strings are borrowed until
 *  aut_broker_start returns. */
typedef struct {
    const char *state_dir; /* database, blobs, lock and endpoints.json; required */
    aut_broker_transport_t transport;
    const char *bind;   /* TCP: the address to listen on; "127.0.0.1" */
    int port;           /* TCP: the client socket's port, 0 = every port a free one; 7700 */
    int http_port;      /* TCP: −1 = port + 80 (0 with port 0), else this one */
    const char *prefix; /* INPROC: unique in the process; "auteur" */
    int64_t lease_ms;   /* a lease ends so long after the node's last word on it; 30000 */
    int64_t silent_ms;  /* a node that says nothing for so long is lost; 15000 */
    int64_t ping_ms;    /* how often both sides speak at least; 0 = a fifth of silent_ms ≤ 1 s */
    const char *models; /* DIR[:DIR…] looked through before the shipped models, or NULL */
    const char *keys_dir;  /* CURVE keys and allow-lists; NULL = without keys on loopback, else the
                              default folder (proto/keys.h) */
    bool insecure;         /* without keys, whatever the address */
    uint32_t key_nodes;    /* nodes at a time of one key, or address without keys; 0 = 256 */
    const char *http_bind; /* TCP: NULL = `bind`, with keys 127.0.0.1: HTTP knows no keys */
    const aut_clock_t *clock; /* NULL = the machine's */
    uint32_t event_ring;      /* how many events are kept with progress; 65536 */
    /*  Tests: wraps the store that the broker opened; may be NULL. The wrapper owns `inner`. */
    struct aut_store *(*wrap_store) (void *ctx, struct aut_store *inner);
    void *wrap_ctx;
} aut_broker_options_t;

void aut_broker_options_init (aut_broker_options_t *options);

/*  Where a running broker listens. Owned by the broker; valid until it is stopped. `http` is ""
 *  when there is none. */
typedef struct {
    char client[256], node[256], data[256], status[256], events[256], http[256];
    char key[48]; /* the broker's public key; "" without keys */
    uint64_t epoch;
} aut_broker_endpoints_t;

/*  Starts a broker and returns when it accepts connections. Any thread.
 *  AUT_ERR_STATE: another broker (named with its pid and host) has the state directory;
 *  AUT_ERR_DENIED: the bind address needs keys or `insecure`, or the keys are open to others;
 *  AUT_ERR_INVALID also for malformed keys; AUT_ERR_VERSION: the database is of
 *  a newer auteur; AUT_ERR_IO, AUT_ERR_NO_SPACE, AUT_ERR_CORRUPT from the disk; AUT_ERR_EXISTS: a
 *  port is taken. */
int aut_broker_start (aut_broker_t **out, const aut_broker_options_t *options);

const aut_broker_endpoints_t *aut_broker_endpoints (const aut_broker_t *self);

/*  0 while the broker works; else the code with which its loop ended by itself (AUT_ERR_FENCED:
 *  another broker took the store). It then serves nothing and waits to be stopped. Any thread. */
int aut_broker_fault (const aut_broker_t *self);

/*  Whether the broker's loop goes round, or sits in a commit: a slow disk is no reason to kill it.
 *  What /healthz says. Any thread. */
bool aut_broker_is_well (const aut_broker_t *self);

/*  Stops: takes no new jobs, for `drain_ms` still takes the results of what nodes run (at once when
 *  nothing runs), then closes. What is unfinished goes on when a broker is started on the same
 *  state: nodes keep their chunks and are adopted. Any thread; nulls the caller's pointer; NULL is
 *  fine. */
void aut_broker_stop (aut_broker_t **self_p, int64_t drain_ms);

/*  Shortens the drain of a stop under way on another thread, to none. Any thread. */
void aut_broker_hurry (aut_broker_t *self);

/*  What a backup has done so far. */
typedef struct {
    uint64_t found;   /* artifacts in the state directory */
    uint64_t copied;  /* of them */
    uint64_t linked;  /* to those of the previous backup */
    uint64_t kept;    /* copied by a run before this one, which was interrupted */
    uint64_t damaged; /* left out, as their bytes are not those that they are named by */
    uint64_t bytes;   /* of all but the damaged ones */
} aut_broker_copied_t;

/*  A consistent copy of a state directory (database, blobs and the ledger of uploads) into `to`,
 *  which must not exist or be empty, while a broker may be running on it. It grows as `to`.partial
 *  and has its name when it is whole and durable; one that was interrupted is gone on with. Every
 *  blob is read and compared with its hash. `previous` (may be NULL) is an older backup, to whose
 *  blobs hard links are made where they are whole; it may be removed later.
 *  `progress` (may be NULL) is called after each blob, on this thread. AUT_ERR_EXISTS: `to` holds
 *  something, or another backup is being made into it; AUT_ERR_NOT_FOUND: there is no database or
 *  no previous backup; AUT_ERR_IO, AUT_ERR_NO_SPACE. */
int aut_broker_backup (const char *state_dir, const char *to, const char *previous,
                       void (*progress) (void *ctx, const aut_broker_copied_t *copied), void *ctx,
                       aut_broker_copied_t *out);

#endif
