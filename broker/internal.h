/*  Shared by the broker's own files; nobody else includes it.
 *
 *  Threads and what flows between them:
 *
 *      client ──┐                       ┌──> client     (messages to clients)
 *      node   ──┼──> inbox ──> LOOP ────┼──> node       (messages to nodes)
 *      planner ─┘               │       └──> events     (texts to publish)
 *      status, HTTP ──> queries ┘  → the query's own way back
 *
 *  Only the loop touches core, store writes and catalogue. A socket's thread never waits for the
 *  loop: when the inbox is full it stops reading its socket, so the loop may wait for a socket
 *  thread's mailbox without a cycle.
 */
#ifndef AUT_BROKER_INTERNAL_H
#define AUT_BROKER_INTERNAL_H

#include "broker/batch.h"
#include "broker/broker.h"
#include "broker/catalogue.h"
#include "broker/core/core.h"
#include "broker/door.h"
#include "broker/guard.h"
#include "broker/live.h"
#include "broker/mailbox.h"
#include "broker/meters.h"
#include "broker/store/store.h"
#include "lib/core/blob.h"
#include "lib/core/buffer.h"
#include "lib/film/registry.h"
#include "proto/net.h"

#include <pthread.h>

#define AUT_BROKER_INBOX 8192   /* events that may wait for the loop; also the largest batch */
#define AUT_BROKER_OUTBOX 65536 /* messages that may wait for a socket's thread */
#define AUT_BROKER_QUERIES 256
#define AUT_BROKER_PLANS 64  /* submissions that may wait for the planner */
#define AUT_BROKER_PLANNED 4 /* planned ones, up to 100 MB each, that may wait for the loop */

/*  A planned submission on its way to the store. */
typedef struct {
    aut_store_submission_t store; /* ids are filled in when the core has given them */
    aut_core_submit_t core;
    void *hold; /* owns everything that the two point to (planner.c) */
} aut_submission_t;

void aut_submission_destroy (aut_submission_t **self_p);

/*  The job that was accepted under an idempotency key as stored (planner.c): `*job`, 0 when there
 * is none or the key is NULL or "". AUT_ERR_EXISTS when it is the job of another submission. Any
 * thread. */
int aut_submission_known (aut_broker_t *broker, const char *key, const aut_hash_t *submission,
                          uint64_t *job);

/*  Something for the loop. The event points into `msg`, `result` and the arrays. */
typedef struct {
    aut_core_event_t event;
    int64_t at_us; /* when it came; of nodes' words alone */
    aut_msg_t msg;
    aut_store_result_t *result;
    aut_core_worker_spec_t *workers;
    aut_core_held_t *held;
    aut_submission_t *submission;
} aut_in_t;

void aut_in_destroy (void *item);
/*  Sends the picture of a PROGRESS its own way, so that the loop's queue stays small; a wrong one
 * is left out. Any thread. */
void aut_in_offer (aut_in_t *self, struct aut_broker *broker, aut_live_pace_t *pace);

/*  A message for a socket's thread: `to` is a peer or a reply handle; `owned` is freed after it was
 *  sent, and is what hand-built messages point to. */
typedef struct {
    uint64_t to;
    aut_msg_t msg;
    void *owned[4];
} aut_out_t;

void aut_out_destroy (void *item);
/*  An ERROR to `to`; the text is cut to what the wire takes. */
aut_out_t *aut_out_error (uint64_t to, int code, const char *message);
/*  A SUBMITTED to `to`. */
aut_out_t *aut_out_submitted (uint64_t to, uint64_t job, bool existing);
/*  Hands it to a socket's thread, waiting while that is behind; frees it when the broker ends. */
void aut_out_post (aut_mailbox_t *mailbox, aut_out_t *out);

/*  A text for the events' thread. */
typedef struct {
    char *topic, *text;
    size_t size;
    int64_t made_us;
} aut_note_t;

void aut_note_destroy (void *item);

typedef enum {
    AUT_QUERY_STATUS,
    AUT_QUERY_JOBS,
    AUT_QUERY_JOB,
    AUT_QUERY_NODES,
    AUT_QUERY_METRICS,
    AUT_QUERY_EVENTS,
    AUT_QUERY_EXPLAIN
} aut_query_kind_t;

/*  A question to the loop. It goes back by `done`, which may not block for long; whoever asked owns
 *  it again then. */
typedef struct aut_query {
    aut_query_kind_t kind;
    uint64_t id, after;
    uint64_t epoch;              /* EVENTS: that `after` is of; 0 = not said */
    uint32_t limit;              /* 0 = the kind's default */
    char owner[AUT_STORE_OWNER]; /* "" = everybody's jobs, else this client's alone */
    char *text;                  /* the answer */
    size_t size;
    bool raw; /* METRICS: the text itself rather than JSON */
    void (*done) (struct aut_query *self, void *ctx);
    void *ctx;
    /* of the status socket */
    aut_peer_t peer;
    bool envelope, late;
    int64_t asked_ms;
} aut_query_t;

void aut_query_destroy (void *item);

/*  The last events, for watchers that missed some: a ring of texts by sequence number; and those of
 *  the batch at work, which are published once it is committed. Belongs to the loop (events.c). */
typedef struct {
    char **texts;
    uint64_t *jobs; /* that they are about, 0 = none */
    uint32_t cap;
    uint64_t seq;   /* of the newest, 0 = none yet */
    uint64_t first; /* of this broker: earlier ones are in the store only */
    uint64_t bound; /* numbers up to this are set aside in the store */

    struct aut_event *ready;
    size_t ready_count, ready_cap;
    aut_buffer_t stored; /* lines of aut_store_events_t */
    aut_store_events_t events;
} aut_ring_t;

void aut_ring_init (aut_ring_t *self, uint32_t cap);
void aut_ring_clear (aut_ring_t *self);
/*  Goes on where the store's last broker may have stopped. */
int aut_ring_resume (aut_ring_t *self, aut_store_t *store);

/*  A lease whose ASSIGN could not be made, as something it needs is gone: the loop fails the
 *  attempt in its next round, so that the task ends after its attempts. */
typedef struct {
    uint64_t peer;
    aut_core_token_t token;
    int code;
    char *message;
} aut_unfit_t;

typedef struct aut_peers aut_peers_t; /* peers.c */

struct aut_broker {
    /* fixed after start */
    char *state_dir, *prefix, *bind;
    aut_broker_options_t options;
    const aut_clock_t *clock;
    aut_broker_endpoints_t endpoints;
    aut_blobs_t *blobs;
    aut_registry_t *registry;
    int lock_fd;
    aut_guard_t *guard; /* NULL: without keys */
    int64_t started_ms;

    /* the loop's own */
    aut_store_t *store; /* its reads: any thread */
    aut_core_t *core;
    aut_catalogue_t *catalogue;
    aut_core_actions_t actions;
    aut_store_mutation_t *mutations;
    size_t mutation_cap;
    aut_unfit_t *unfit;
    size_t unfit_count, unfit_cap;
    aut_ring_t ring;
    aut_batch_t batch;
    size_t unheard;   /* messages to nodes of which their thread was not told yet */
    int64_t swept_ms; /* when pictures of chunks that ended were last looked for */

    /* between threads */
    aut_refusals_t *refusals;
    aut_door_t *door; /* NULL within a process */
    aut_mailbox_t *inbox, *queries, *plans, *to_clients, *to_nodes, *to_events, *to_status;
    aut_mailbox_t *planned; /* an item for each submission in the inbox, taken with it */
    aut_peers_t *seen;      /* peers that were heard since the loop asked last */
    aut_live_t *live;       /* pictures of chunks that run */
    int stop;               /* atomic: 1 = finish and end, 2 = end now */
    int fault;              /* atomic: an aut_err_t that ended the loop */
    int store_error;        /* atomic: commits fail at the moment with this code */
    int in_commit;          /* atomic */
    int64_t tick_ms;        /* atomic: when the loop last went round */
    int64_t stop_by_ms;
    uint64_t published; /* atomic: seq of the newest event, for those who look for news */
    uint64_t queries_answered, commit_us, commits; /* atomic, for metrics */
    aut_meters_t meters;

    /* threads */
    zactor_t *client_actor, *node_actor, *data_actor, *status_actor, *events_actor;
    pthread_t loop_thread, planner_thread;
    bool loop_running, planner_running;
    struct aut_http *http;
    uint64_t data_received, data_sent, data_stored; /* atomic: bodies in bytes, blobs */
    int events_down;                                /* atomic: nobody can subscribe now */
};

/*  Peers that were heard: any thread adds, the loop takes all. */
aut_peers_t *aut_peers_new (void);
void aut_peers_destroy (aut_peers_t **self_p);
/*  `round` is the peer's own, 0 at first: it says whether the peer is on the list already. */
void aut_peers_add (aut_peers_t *self, uint64_t peer, uint64_t *round);
/*  Swaps the list out; the caller frees it. */
size_t aut_peers_take (aut_peers_t *self, uint64_t **out);

/*  The loop (loop.c), on its thread until stop or a fault. */
void *aut_loop_run (void *broker);
/*  Fills core and catalogue from the store (restore.c). */
int aut_broker_restore (aut_broker_t *self);
/*  One job back into the core, which had let it go. */
int aut_broker_restore_job (aut_broker_t *self, uint64_t job);
/*  The batch's mutations for the store (apply.c), the catalogue's changes and the events made with
 *  them; counts them. */
size_t aut_broker_mutations (aut_broker_t *self);
/*  Logs what is committed of jobs and attempts (log.c). */
void aut_broker_log (aut_broker_t *self);
/*  Sends what is committed, in order, then publishes it (apply.c). */
void aut_broker_perform (aut_broker_t *self);
/*  Answers one query (query.c). */
void aut_broker_answer (aut_broker_t *self, aut_query_t *query);
/*  Whether new work is taken: NULL, or why not. Any thread. */
const char *aut_broker_objects (const aut_broker_t *self);
/*  The Prometheus text (metrics.c, and its part on queues and nodes, metrics_cluster.c). */
void aut_broker_metrics (aut_broker_t *self, aut_buffer_t *out);
void aut_metrics_queues (aut_broker_t *self, aut_buffer_t *out);
void aut_metrics_nodes (aut_broker_t *self, aut_buffer_t *out);
/*  The events of the batch, numbered; what is to be stored of them, or NULL (events.c). A batch
 * that was prepared before and not published is forgotten. */
const aut_store_events_t *aut_events_prepare (aut_broker_t *self);
/*  Publishes them, after their commit. */
void aut_events_publish (aut_broker_t *self);
/*  Answers `{"get":"events"}`. */
void aut_events_answer (aut_broker_t *self, const aut_query_t *query, aut_buffer_t *out);

/*  Microseconds of the broker's clock; of the system's, finer than its milliseconds. */
int64_t aut_broker_us (const aut_broker_t *self);

/*  Threads (zactor functions take the broker). */
void aut_client_socket (zsock_t *pipe, void *broker);
void aut_node_socket (zsock_t *pipe, void *broker);
void aut_data_socket (zsock_t *pipe, void *broker);
void aut_status_socket (zsock_t *pipe, void *broker);
void aut_events_socket (zsock_t *pipe, void *broker);
void *aut_planner_run (void *broker);

/*  What travels to a socket's thread beside the broker: its bound socket. */
typedef struct {
    aut_broker_t *broker;
    zsock_t *sock;
} aut_actor_args_t;

/*  HTTP (http.c). */
int aut_http_start (struct aut_http **out, aut_broker_t *broker, const char *bind, int port,
                    int *bound_port);
void aut_http_stop (struct aut_http **self_p);

/*  What a question on the status socket asks (socket_status.c); AUT_ERR_INVALID and others say what
 *  is wrong with it. */
int aut_query_parse (aut_query_t *query, const char *text);

/*  The lock on a state directory (lock.c): AUT_ERR_STATE names who has it. */
int aut_broker_lock (int *fd, const char *state_dir);

/*  "j12" → 12; AUT_ERR_NOT_FOUND for anything else, as no such job can exist. */
int aut_job_parse (uint64_t *id, const char *text);

/*  Waits for any of socket, pipe and mailbox; gives bits 1, 2, 4. */
unsigned aut_socket_wait (zsock_t *sock, zsock_t *pipe, aut_mailbox_t *mailbox, int timeout_ms);

/*  Closes a server socket of ours, its monitor first. */
void aut_socket_close (zsock_t **sock);

/*  How often a thread looks whether a key was revoked, when nothing else wakes it; -1 without keys.
 */
#define AUT_BROKER_LOOK_MS 100

#endif
