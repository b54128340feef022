/*  The artifact service: what the data socket's thread runs over a blob store.
 *
 *  The logic is fed with messages and a time and sends through a callback, so that tests drive it
 *  without a socket; aut_artifact_server_step is the loop over a real ROUTER. Nothing waits for a
 *  peer: what a socket refuses is tried again at the next tick, and a peer that is gone loses its
 *  transfers (an upload's bytes stay in the store for a resume). One thread.
 */
#ifndef AUT_PROTO_ARTIFACT_SERVER_H
#define AUT_PROTO_ARTIFACT_SERVER_H

#include "lib/core/blob.h"
#include "lib/core/clock.h"
#include "proto/net.h"

typedef struct aut_artifact_server aut_artifact_server_t;

/*  Zero means the default. An account is a key, or without keys a connection. */
typedef struct {
    uint32_t transfers;      /* overall, shared out among accounts; 128 */
    uint32_t peer_transfers; /* of one connection; 8 */
    uint64_t blob_max;       /* bytes; 64 GiB */
    int64_t idle_ms;         /* a transfer without traffic is dropped; 60000 */
    uint64_t queue;          /* bytes sent and not yet taken by the peers' systems; 512 MiB */
    uint64_t account_queue;  /* of those, an account's; 256 MiB */
} aut_artifact_limits_t;

/*  A body on its way. */
typedef struct aut_flight aut_flight_t;
/*  The body is not held any more; on any thread, NULL is fine. */
void aut_flight_land (aut_flight_t *self);

/*  Sends a message; must not block. When it returns 0, it takes over `body` (from malloc, may be
 *  NULL) and calls aut_flight_land once that is freed. AUT_ERR_AGAIN: try later; anything else: the
 *  peer is gone. */
typedef int (aut_artifact_send_fn) (void *ctx, const aut_peer_t *peer, const aut_msg_t *msg,
                                    void *body, size_t body_size, aut_flight_t *flight);

typedef struct {
    uint32_t transfers;       /* now */
    uint64_t received, sent;  /* body bytes since the start */
    uint64_t stored, refused; /* uploads committed; requests answered with an ERROR */
    uint64_t queued;          /* bytes that ZeroMQ holds now */
} aut_artifact_stats_t;

/*  The owner of what `user` has begun to upload, as the blob store's partial files name it. */
void aut_artifact_owner (char owner[AUT_OWNER_SIZE], const char *user);

/*  Who may use the service; without one, everybody. Both give 0, or a code with its sentence for
 *  the peer. `user` is the key that the connection proved, "" without CURVE. */
typedef struct {
    int (*check) (void *ctx, const char *user); /* asked for each message */
    int (*put) (void *ctx, const char *user, const aut_hash_t *hash, uint64_t size);
    void (*heard) (void *ctx, int fd, bool good); /* told of each message and of what is none */
    /*  MAY. Opens what the blob store has not, for a GET; the server closes it. */
    int (*open) (void *ctx, const aut_hash_t *hash, int *fd, uint64_t *size);
    void *ctx;
} aut_artifact_guard_t;

/*  `blobs` is borrowed and must outlive the server; `limits` may be NULL. */
int aut_artifact_server_new (aut_artifact_server_t **out, aut_blobs_t *blobs,
                             const aut_artifact_limits_t *limits, aut_artifact_send_fn *send,
                             void *ctx);
void aut_artifact_server_destroy (aut_artifact_server_t **self_p);

/*  For aut_artifact_server_step; copied. */
void aut_artifact_server_guard (aut_artifact_server_t *self, const aut_artifact_guard_t *guard);

/*  Refuses a message with an ERROR of `code` and this thread's sentence; with `all` the peer's
 *  transfers end, too. */
void aut_artifact_server_refuse (aut_artifact_server_t *self, const aut_peer_t *peer,
                                 const aut_msg_t *msg, int code, bool all);

/*  Handles one message of `peer`, whose connection proved `user` ("" without CURVE). */
void aut_artifact_server_message (aut_artifact_server_t *self, const aut_peer_t *peer,
                                  const char *user, const aut_msg_t *msg, const void *body,
                                  size_t body_size, int64_t now_ms);

/*  Sends what credit allows, reads what uploads are to go on with, both a bounded amount and in
 * turn among accounts, drops idle transfers and, one a second, unfinished uploads that are too old
 * or too many. Returns in how many ms it wants to be called again: 0 = at once, there is more to
 * do. */
int aut_artifact_server_tick (aut_artifact_server_t *self, int64_t now_ms);

void aut_artifact_server_stats (const aut_artifact_server_t *self, aut_artifact_stats_t *stats);

/*  One round of a data thread: waits at most `wait_ms` for `router` (a ROUTER of aut_net_bind) or
 *  `wake` (may be NULL; never read here), handles what came, ticks. `ctx` of the server is ignored:
 *  for this use create it with send = NULL. Returns true if `wake` can be read. */
bool aut_artifact_server_step (aut_artifact_server_t *self, zsock_t *router, zsock_t *wake,
                               int wait_ms, const aut_clock_t *clock);

#endif
