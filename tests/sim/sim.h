/*  What the files of the simulator share. Nobody else includes this.
 *
 *  One thread, one seed, one world: the real broker (its loop, core, store in memory and the
 * threads of its sockets, as coroutines) and real node sessions, on a simulated network, disk and
 * clock, with simulated workers and clients. The linker puts our functions where the broker would
 * call ZeroMQ, poll, the blob store's files and the log (wraps.c), so its own sources run as they
 * are.
 *
 *      main.c     seeds, processes, figures, minimising a seed that fails
 *      world.c    time: the queue of what happens, the phases of a seed
 *      faults.c   the list of faults that a seed makes, and when each strikes
 *      net.c      connections and what becomes of messages on them
 *      broker.c   broker processes; co.c coroutines; wraps.c the seam; plan.c stands for the
 * planner disk.c     the durable side: the store with its log, and blobs node.c     node processes
 * around the session; worker.c their workers and transfers client.c   clients oracle*.c  the judge:
 * sees messages and durable bytes, and shares only oracle.h
 *
 *  Time is in milliseconds. Everything random comes from the seed: `plan` makes the world and its
 *  faults, `noise` how long things take, so that a seed without one of its faults is still much the
 *  same story.
 */
#ifndef AUT_TESTS_SIM_SIM_H
#define AUT_TESTS_SIM_SIM_H

#include "broker/internal.h"
#include "node/session.h"
#include "tests/sim/oracle.h"

#include <ucontext.h>

#define SIM_NODES 6
#define SIM_CLIENTS 4
#define SIM_BROKERS 3 /* processes at a time: the one, a stale one, and one that is ending */
#define SIM_FAULTS_MAX 32
#define SIM_GB 1000000000ull

#define SIM_PING_MS 2000
#define SIM_SILENT_MS 15000
#define SIM_LEASE_MS 30000
#define SIM_STALL_MS 60000
#define SIM_RUN_MS 300000
#define SIM_BACKOFF_MS 1000
#define SIM_MAX_FAILURES 3
#define SIM_MAX_JOBS 6
#define SIM_MAX_TASKS 80
#define SIM_INBOX 48
#define SIM_HOLDS 6

/*  X (NAME, "name") */
#define SIM_FAULTS(X)                                                                              \
    X (DELAY, "delay")                                                                             \
    X (REORDER, "reorder")                                                                         \
    X (DUPLICATE, "duplicate")                                                                     \
    X (DROP, "drop")                                                                               \
    X (PARTITION, "partition")                                                                     \
    X (ONEWAY_IN, "one-way to broker")                                                             \
    X (ONEWAY_OUT, "one-way from broker")                                                          \
    X (RESET, "connection reset")                                                                  \
    X (CRASH_BEFORE_COMMIT, "crash before commit")                                                 \
    X (CRASH_TORN_COMMIT, "crash in torn commit")                                                  \
    X (CRASH_AFTER_COMMIT, "crash after commit")                                                   \
    X (CRASH_BEFORE_ACK, "crash before ack")                                                       \
    X (CRASH_AFTER_ACK, "crash after ack")                                                         \
    X (COMMIT_FAILS, "failed write")                                                               \
    X (DISK_FULL, "disk full")                                                                     \
    X (BROKER_STOPPED, "broker stopped")                                                           \
    X (FAILOVER, "failover, stale broker")                                                         \
    X (BROKER_STOPS, "broker stops in order")                                                      \
    X (WALL_STEP, "clock step")                                                                    \
    X (BLOB_CORRUPT, "blob corrupted on the way")                                                  \
    X (BLOB_ROT, "blob corrupted on disk")                                                         \
    X (BLOB_TORN, "upload torn")                                                                   \
    X (NODE_CRASH, "node crash")                                                                   \
    X (NODE_CRASH_SENDING, "node crash at a send")                                                 \
    X (NODE_STOPPED, "node stopped")                                                               \
    X (NODE_FULL, "node disk full")                                                                \
    X (NODE_DRAIN, "node drains")                                                                  \
    X (NODE_OFFER, "node offers other models")                                                     \
    X (OPERATOR_DRAIN, "operator drains node")                                                     \
    X (WORKER_SLOW, "worker slow")                                                                 \
    X (WORKER_HUNG, "worker hung")                                                                 \
    X (WORKER_LYING, "worker lies")                                                                \
    X (WORKER_FLAPPING, "worker flaps")                                                            \
    X (WORKER_CRASH, "worker crash")                                                               \
    X (WORKER_FAILS, "worker fails")                                                               \
    X (WORKER_MEMORY, "out of memory")                                                             \
    X (CLIENT_TWICE, "submit twice")                                                               \
    X (CLIENT_CANCEL, "cancel at the worst moment")                                                \
    X (CLIENT_RETRY, "retry at the worst moment")                                                  \
    X (CLIENT_CRASH, "client crash")                                                               \
    X (CLIENT_FLOOD, "client floods")

typedef enum {
#define SIM_FAULT_ENUM(name, text) FAULT_##name,
    SIM_FAULTS (SIM_FAULT_ENUM)
#undef SIM_FAULT_ENUM
        FAULT_KINDS
} fault_kind_t;

typedef struct {
    uint64_t state;
} rng_t;

uint64_t rng_next (rng_t *self);
/*  0 … sides − 1 */
uint32_t rng_below (rng_t *self, uint32_t sides);
int64_t rng_between (rng_t *self, int64_t low, int64_t high);

typedef struct sim sim_t;
typedef struct sim_event sim_event_t;
typedef void (*sim_event_fn) (sim_t *sim, const sim_event_t *event);

/*  Something that will happen. `gen`: of the object that it is for; the handler looks. */
struct sim_event {
    int64_t at;
    uint64_t seq;
    sim_event_fn fn;
    const int64_t *stopped; /* until then whom it is for does not run: it waits */
    void *obj;
    uint64_t gen, a, b;
    uint8_t *bytes; /* owned by the queue */
    size_t size;
};

typedef struct {
    fault_kind_t kind;
    bool on, armed;
    int64_t at;
    uint32_t target, amount;
    uint32_t fired;
} fault_t;

/*  ---- network ---- */

/*  Whose end a connection is, beside the broker's. */
typedef enum { END_NODE, END_CLIENT } end_kind_t;

/*  The state of the way between one node or client and the brokers. Times: until when. */
typedef struct {
    int64_t cut_to, cut_from; /* partition, by direction: to the broker, from it */
    int64_t window;           /* of the next four */
    fault_t *fault;           /* which it is, by its kind */
} path_t;

typedef struct {
    uint32_t id;
    bool open;
    end_kind_t kind;
    uint32_t end;    /* index of the node or client */
    uint64_t broker; /* number of the process */
    int64_t last_to, last_from;
} conn_t;

/*  A message that waits in a socket's queue. */
typedef struct {
    uint32_t conn;
    uint8_t *bytes;
    size_t size;
} letter_t;

typedef struct {
    letter_t *items;
    size_t head, count, cap;
} letters_t;

/*  ---- coroutines ---- */

typedef struct broker broker_t;

typedef enum { CO_DONE, CO_NEW, CO_POLL, CO_SOCKET, CO_SLEEP } co_wait_t;

typedef struct {
    ucontext_t context, *back;
    void *stack;
    void (*run) (broker_t *broker, int role);
    broker_t *broker;
    int role;
    co_wait_t wait;
    struct pollfd *fds;
    unsigned long fd_count;
    aut_mailbox_t *mailbox;
    int64_t until;
    void *fake; /* the sanitizer's */
} co_t;

enum { ROLE_LOOP, ROLE_NODE, ROLE_CLIENT, ROLE_COUNT };

void co_start (co_t *self, broker_t *broker, int role, void (*run) (broker_t *, int));
/*  Runs until it waits again or ends. */
void co_resume (co_t *self);
/*  In a coroutine: back to who resumed it. */
void co_yield (co_t *self);
/*  The one that runs, or NULL. */
co_t *co_current (void);
/*  Frees the stacks that are kept for the next ones. */
void co_clear (void);

/*  ---- broker ---- */

struct broker {
    sim_t *sim;
    uint64_t number; /* of the process, > 0 while there is one */
    bool dying;      /* killed: nothing it does counts any more */
    bool stopping;   /* it was asked to end */
    uint32_t address;
    int64_t stopped_until, wall_step;
    aut_clock_t clock;
    aut_broker_t *self;
    co_t co[ROLE_COUNT];
    letters_t in[ROLE_COUNT];
    int64_t wake_at; /* of the queue's event */
    uint64_t plan_seen;
};

void broker_boot (sim_t *sim, uint32_t address);
/*  From outside its coroutines. */
void broker_kill (broker_t *self);
/*  Asks it to end within so long, as a SIGTERM does. */
void broker_stop (broker_t *self, int64_t within_ms);
/*  Lets it do what it can now. */
void broker_run (broker_t *self);
broker_t *broker_find (sim_t *sim, uint64_t number);
/*  The newest that lives, or NULL. */
broker_t *broker_newest (sim_t *sim);
/*  The one that the store belongs to, or NULL. */
broker_t *broker_owner (sim_t *sim);
broker_t *broker_at (sim_t *sim, uint32_t address);
void broker_restart_later (sim_t *sim, int64_t ms);
/*  From wraps.c */
int broker_receive (broker_t *self, int role, aut_received_t *in);
int broker_send (broker_t *self, const aut_peer_t *peer, const aut_msg_t *msg);
/*  plan.c: what waits for the planner becomes submissions. */
void plan_serve (broker_t *self);
void plan_submission_destroy (aut_submission_t **self_p);

/*  ---- disk ---- */

typedef struct {
    aut_hash_t name;
    uint8_t *bytes;
    size_t size;
    bool aside; /* found corrupt, and moved away */
} sim_blob_t;

typedef struct {
    aut_store_t *memory;
    uint64_t epoch;
    aut_buffer_t log; /* the record that is being written */
    sim_blob_t *blobs;
    size_t blob_count, blob_cap;
    int64_t full_until, fails_until;
    fault_t *full, *fails;
} disk_t;

/*  The store of a broker: takes the next epoch. */
aut_store_t *disk_open (sim_t *sim, broker_t *broker);
/*  Writes a record of the batch (disk_log.c); the oracle reads it. */
void disk_log (aut_buffer_t *log, uint64_t epoch, const aut_store_mutation_t *batch, size_t count);
void disk_clear (sim_t *sim);
/*  0, or what the broker's artifact service would say. The bytes are checked against the name. */
int disk_put (sim_t *sim, const aut_hash_t *name, const void *bytes, size_t size);
sim_blob_t *disk_blob (sim_t *sim, const aut_hash_t *name);

/*  ---- node ---- */

typedef struct work {
    struct work *next;
    uint64_t hold;
    aut_token_t token;
    uint64_t need; /* bytes of memory that it takes */
    uint32_t frames;
    aut_hash_t key;
    aut_ref_t tail; /* input */
    bool has_input, away, forgotten;
    aut_hash_t read; /* of the input's bytes as they came */
    struct {
        aut_ref_t ref;
        char *bytes;
    } files[3]; /* mezzanine, tail, metadata */
} work_t;

typedef struct {
    uint32_t id;
    bool up, hung;
    bool dying; /* killed: it says nothing more, and ends */
    uint64_t gen, hold;
    uint32_t frame;
    fault_t *fault; /* the next task meets it */
    int64_t flapping_until;
    uint64_t memory;
} worker_t;

typedef struct {
    sim_t *sim;
    uint32_t index;
    char name[16];
    bool dying, leaving, drained, lying, less;
    uint64_t gen;
    int64_t stopped_until, offset, wake_at;
    aut_session_t *session;
    uint8_t instance[16];
    uint32_t address, conn;
    bool connecting;
    path_t path;
    worker_t workers[2];
    uint32_t worker_count;
    aut_msg_worker_t infos[2];
    work_t *works;
    int64_t full_until;
    fault_t *full, *lie, *crash_sending;
    uint64_t made; /* results so far: no two are alike */
} node_t;

void node_make (sim_t *sim, uint32_t i);
void node_start (sim_t *sim, node_t *self);
void node_kill (node_t *self);
void node_event (node_t *self, const aut_session_event_t *event);
void node_message (node_t *self, const uint8_t *bytes, size_t size);
/*  Its workers offer what they have, or `less` of it, from now on. */
void node_offer (node_t *self, bool less);
/*  Its connection has ended. */
void node_unplugged (node_t *self);
void node_clear (node_t *self);
work_t *node_work (node_t *self, uint64_t hold);
void node_schedule (node_t *self);
/*  A transfer has given it back. */
void node_work_back (node_t *self, work_t *work);
/*  worker.c */
void worker_start (node_t *node, uint32_t id);
void worker_kill (node_t *node, uint32_t id);
void worker_run (node_t *node, uint32_t id, uint64_t hold);
void worker_cancel (node_t *node, uint32_t id, uint64_t hold);
void transfer_fetch (node_t *node, work_t *work);
void transfer_upload (node_t *node, work_t *work);

/*  ---- client ---- */

typedef enum { JOB_PLANNED, JOB_SENT, JOB_TAKEN, JOB_ENDED } client_step_t;

typedef struct {
    sim_t *sim;
    uint32_t index;
    uint64_t gen;
    int64_t at; /* when it begins */
    client_step_t step;
    char key[32], job[32], text[64]; /* text: the submission */
    aut_hash_t submission;
    int32_t priority;
    uint64_t req, asks, floods; /* numbers of SUBMIT, of other requests, of a flood's */
    uint64_t after;
    int64_t asked, stopped_until;
    uint32_t conn, address;
    bool connecting;
    path_t path;
    char state[16];
    uint32_t retries;
} client_t;

void client_start (sim_t *sim, client_t *self);
void client_message (client_t *self, const uint8_t *bytes, size_t size);
void client_unplugged (client_t *self);
/*  The armed faults of clients: something of `job` has just happened. */
void client_moment (sim_t *sim, uint64_t job);
void client_act (sim_t *sim, client_t *self, fault_kind_t kind);

/*  ---- the world ---- */

struct sim {
    uint64_t seed;
    rng_t plan, noise, random;
    int64_t now;
    uint64_t seq, events, trace;
    bool verbose, healed;
    const char *failed; /* "" = it never ended; NULL = no complaint */
    char complaint[512];
    sim_event_t *queue;
    size_t queue_count, queue_cap;

    fault_t faults[SIM_FAULTS_MAX];
    uint32_t fault_count;
    fault_t *armed[FAULT_KINDS];

    conn_t *conns;
    size_t conn_count, conn_cap;
    broker_t brokers[SIM_BROKERS];
    uint64_t last_broker;
    uint32_t endpoint, last_address; /* what endpoints.json says */
    bool restarting;
    disk_t disk;
    node_t nodes[SIM_NODES];
    uint32_t node_count;
    client_t clients[SIM_CLIENTS];
    uint32_t client_count;
    oracle_t *oracle;
};

/*  Runs a seed. `off`: faults left out, a bit each. True if the oracle had no complaint. */
bool sim_run (sim_t *sim, uint64_t seed, uint64_t off, bool verbose);
/*  Frees what a run left for questions. */
void sim_clear (sim_t *sim);
/*  The complaint that ends the run; the first one counts. */
void sim_complain (sim_t *sim, const char *format, ...) __attribute__ ((format (printf, 2, 3)));
sim_event_t *sim_at (sim_t *sim, int64_t at, sim_event_fn fn, void *obj, uint64_t gen);
void sim_note (sim_t *sim, const char *format, ...) __attribute__ ((format (printf, 2, 3)));
/*  Into the hash of the trace. */
void sim_mix (sim_t *sim, const void *bytes, size_t size);
/*  Until nothing is queued, or the time is up. */
sim_t *sim_running (void);

/*  faults.c */
const char *fault_name (fault_kind_t kind);
void faults_make (sim_t *sim);
void faults_heal (sim_t *sim);
/*  If a fault of this kind is armed, it strikes: takes it. */
fault_t *fault_strike (sim_t *sim, fault_kind_t kind);
void fault_count (sim_t *sim, fault_t *fault);

/*  net.c */
uint32_t net_connect (sim_t *sim, end_kind_t kind, uint32_t end, uint32_t address);
void net_close (sim_t *sim, uint32_t conn);
void net_close_all (sim_t *sim, uint64_t broker);
/*  `to`: to the broker. 0, or AUT_ERR_AGAIN if there is no connection. */
int net_send (sim_t *sim, uint32_t conn, bool to, const aut_msg_t *msg);
conn_t *net_conn (sim_t *sim, uint32_t conn);
path_t *net_path (sim_t *sim, const conn_t *conn);
bool net_reaches (sim_t *sim, const path_t *path, bool to);
void letters_push (letters_t *self, uint32_t conn, const uint8_t *bytes, size_t size);
bool letters_pop (letters_t *self, letter_t *out);
void letters_clear (letters_t *self);

#endif
