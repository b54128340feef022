/*  The broker's core: a pure state machine, (state, event, now) → actions.
 *
 *  It opens no socket or file and reads no clock; the same events at the same times give the same
 *  actions. The adapter (the broker's loop, a test, the simulator) turns messages into events,
 *  calls aut_core_step for each, and then carries the actions out in this order:
 *
 *      drain the queue → step each event → commit ALL mutations of the batch in one transaction
 *      that checks the epoch → only then perform the sends and publishes, in their order.
 *
 *  Mutations come with what the store must check (the fence). A commit that fails leaves the core
 *  ahead of the store: destroy the core and restore a new one from the store (nodes say HELLO
 *  again and are adopted). Assignments are sent after their commit, so a lease that a node knows
 *  of is always in the store.
 *
 *  Ids: the core numbers jobs, and a job's tasks get consecutive ids (first_task + ordinal). Peers
 *  are the adapter's own numbers, > 0, for connections of nodes (never reused while one lives);
 * replies are the adapter's handles of a waiting client and are answered within the same step, so
 * the core keeps none.
 *
 *  Cost: O(log n) per event in tasks, jobs and nodes; SUBMIT, CANCEL and RETRY are linear in the
 *  job's own tasks. Every table is bounded by the configuration; what does not fit is refused with
 *  AUT_ERR_AGAIN. Not thread-safe: one thread owns a core.
 */
#ifndef AUT_BROKER_CORE_CORE_H
#define AUT_BROKER_CORE_CORE_H

#include "lib/core/error.h"
#include "lib/core/hash.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AUT_CORE_NONE UINT32_MAX /* "no ordinal" */
#define AUT_CORE_NEVER INT64_MAX /* a deadline that does not come */
#define AUT_CORE_INSTANCE 16     /* bytes of a node's instance id */
#define AUT_CORE_NAME 128        /* longest node name, device or class kept, with its 0 */
#define AUT_CORE_MODEL 256       /* longest model id, with its 0 */
#define AUT_CORE_MESSAGE 512     /* longest error message kept, with its 0 */
#define AUT_CORE_IDEMPOTENCY 128 /* longest idempotency key, without its 0 */
#define AUT_CORE_PRIORITY 100    /* priorities go from -100 to 100 */
#define AUT_CORE_EXCLUDED 8      /* nodes remembered as having failed a task */

typedef struct aut_core aut_core_t;

typedef enum {
    AUT_JOB_QUEUED,
    AUT_JOB_RUNNING,
    AUT_JOB_DONE,
    AUT_JOB_FAILED,
    AUT_JOB_CANCELLED,
    AUT_JOB_STATES
} aut_job_state_t;

/*  Blocked and ready need not be told apart in the store (both are "waits"): they follow from the
 *  predecessor. Mutations use AUT_TASK_READY for both. */
typedef enum {
    AUT_TASK_BLOCKED,
    AUT_TASK_READY,
    AUT_TASK_LEASED,
    AUT_TASK_DONE,
    AUT_TASK_FAILED,
    AUT_TASK_CANCELLED,
    AUT_TASK_STATES
} aut_task_state_t;

typedef enum {
    AUT_NODE_ONLINE,
    AUT_NODE_DRAINING,
    AUT_NODE_LOST,
    AUT_NODE_STATES
} aut_node_state_t;

/*  The stable words ("queued", "leased", "online"); "unknown" outside the enum. */
const char *aut_job_state_text (aut_job_state_t state);
const char *aut_task_state_text (aut_task_state_t state);
const char *aut_node_state_text (aut_node_state_t state);
/*  The reverse; 0 or AUT_ERR_INVALID. */
int aut_job_state_parse (aut_job_state_t *state, const char *text);
int aut_task_state_parse (aut_task_state_t *state, const char *text);

/*  The fencing token of one attempt. */
typedef struct {
    uint64_t task;
    uint32_t attempt;
    uint64_t epoch;
} aut_core_token_t;

/* ---- configuration ------------------------------------------------------------------------ */

typedef struct {
    uint64_t epoch;             /* this broker's, > 0, raised in the store at each start;
                                   lib/core/epoch.h. Tokens of another identity are stale */
    uint64_t next_job;          /* first free job number, > 0 */
    uint64_t next_task;         /* first free task id, > 0 */
    int64_t lease_ms;           /* life of a lease without news of its node; 30,000 */
    int64_t silent_ms;          /* a node that says nothing for so long is lost; 15,000 */
    int64_t ping_ms;            /* told to nodes; 1,000 */
    int64_t stall_ms;           /* a started task without progress for so long failed; 900,000 */
    int64_t run_ms;             /* longest attempt; 86,400,000; 0 = no bound */
    int64_t backoff_ms;         /* wait after the first failure, doubled for each further; 1,000 */
    int64_t backoff_max_ms;     /* 30,000 */
    int64_t lost_keep_ms;       /* how long a lost node stays listed; 3,600,000 */
    uint32_t max_failures;      /* failed attempts that fail a task; 3 */
    uint32_t max_jobs;          /* jobs held, ended ones included (the oldest ended give way) */
    uint32_t max_tasks;         /* tasks held */
    uint32_t max_nodes;         /* nodes held, lost ones included (the oldest lost give way) */
    uint32_t max_workers;       /* per node */
    uint32_t max_credit;        /* per worker */
    uint32_t max_models;        /* distinct model ids known at a time */
    uint32_t max_worker_models; /* per worker */
    uint32_t max_held;          /* entries of a HELLO's held list */
} aut_core_config_t;

/*  Fills in the defaults, with epoch, next_job and next_task 1. */
void aut_core_config_init (aut_core_config_t *config);

/* ---- events ------------------------------------------------------------------------------- */
/*  Everything an event points to is only read, and must live until the batch is committed and
 *  sent, as actions may point into it (they say so). */

/*  A result from an earlier run of the same key. The task becomes done by it, without running,
 *  once its predecessor is done with exactly the tail or frames `used` (ignored without one). */
typedef struct {
    aut_hash_t used;   /* what of the predecessor it was made from */
    aut_hash_t tail;   /* its own tail; zero if it has none */
    aut_hash_t frames; /* its own frames */
} aut_core_cached_t;

typedef struct {
    uint32_t shot;      /* index of the shot in its plan; for queries only */
    uint32_t chunk;     /* index in the shot; for queries only */
    uint32_t after;     /* ordinal of the predecessor, smaller than its own, or AUT_CORE_NONE */
    uint32_t cost;      /* frames × steps or any other measure of work; 0 counts as 1 */
    const char *model;  /* model id that a worker must offer */
    const char *class_; /* device class, "" or NULL = any */
    uint64_t memory;    /* bytes the device must have; 0 = any */
    bool frames; /* it starts from the predecessor's frames (to enlarge them), not its tail */
    const aut_core_cached_t *cached; /* or NULL */
} aut_core_task_spec_t;

typedef struct {
    uint64_t reply;          /* answered with SUBMITTED or CLIENT_ERROR */
    const char *idempotency; /* "" or NULL = none. The adapter asks the store first whether an
                                older job, no longer held here, has the same key */
    int32_t priority;        /* -100…100, higher first */
    const aut_core_task_spec_t *tasks;
    uint32_t task_count;
    void *cookie; /* comes back in the JOB_INSERT mutation */
} aut_core_submit_t;

typedef struct {
    uint32_t id;        /* unique in the node */
    const char *device; /* "cuda:0" */
    const char *class_; /* "cuda" */
    uint64_t memory;    /* bytes */
    const char *const *models;
    uint32_t model_count;
    uint32_t credit; /* leases it takes at a time; 0 = none for now */
} aut_core_worker_spec_t;

typedef struct {
    aut_core_token_t token;
    bool finished;
} aut_core_held_t;

typedef struct {
    const char *name;
    uint8_t instance[AUT_CORE_INSTANCE];
    const aut_core_worker_spec_t *workers;
    uint32_t worker_count;
    const aut_core_held_t *held;
    uint32_t held_count;
} aut_core_hello_t;

/*  Before the event: the adapter checked that the blobs are in the store. */
typedef struct {
    aut_hash_t tail;        /* zero = none; needed if another task starts from it */
    aut_hash_t frames;      /* the same of its frames */
    const aut_hash_t *used; /* inputs as the node used them; what it starts from among them */
    uint32_t used_count;
    const void *artifacts; /* the adapter's own record (references, seconds…); comes back in the
                              TASK_RESULT mutation */
} aut_core_done_t;

typedef enum {
    /* clients */
    AUT_EV_SUBMIT,
    AUT_EV_CANCEL, /* job, reply → OK or CLIENT_ERROR */
    AUT_EV_RETRY,  /* job, reply */
    AUT_EV_DRAIN,  /* name, reply: the node gets no more work */
    /* nodes: `peer` says who; one that did not say HELLO gets NODE_ERROR "state" */
    AUT_EV_HELLO,
    AUT_EV_PING, /* any traffic counts; answered with PONG */
    AUT_EV_PONG, /* the node's answer to a PING of the adapter: traffic, no answer */
    AUT_EV_STARTED,
    AUT_EV_PROGRESS,
    AUT_EV_DONE,
    AUT_EV_FAIL,
    AUT_EV_RELEASE, /* the lease comes back, and the node gets no more work until its next HELLO */
    AUT_EV_BYE,
    AUT_EV_GONE, /* the adapter saw the connection end: the node is lost at its silence
                    deadline unless it says HELLO again */
    /* time */
    AUT_EV_TICK, /* now ≥ aut_core_deadline: drain the sockets first, so that a broker that
                    slept does not take its nodes for lost */
    AUT_EV_KINDS
} aut_core_event_kind_t;

typedef struct {
    aut_core_event_kind_t kind;
    uint64_t peer; /* events of nodes */
    union {
        aut_core_submit_t submit;
        struct {
            uint64_t reply;
            uint64_t job;
        } job; /* CANCEL, RETRY */
        struct {
            uint64_t reply;
            const char *name;
        } drain;
        aut_core_hello_t hello;
        struct {
            aut_core_token_t token;
            uint32_t step, steps, frame, frames; /* PROGRESS */
            aut_hash_t preview;                  /* PROGRESS; zero = none */
            aut_core_done_t done;                /* DONE */
            const char *code, *message;          /* FAIL; code is an aut_error_text */
        } task;                                  /* STARTED, PROGRESS, DONE, FAIL, RELEASE */
    } u;
} aut_core_event_t;

/* ---- actions ------------------------------------------------------------------------------ */

typedef enum {
    /* Mutations: one transaction per batch, in order, refused as a whole (AUT_ERR_FENCED) if the
       stored epoch is not the core's. */
    AUT_MUT_JOB_INSERT, /* .insert: the job with all its tasks, from submit->cookie */
    AUT_MUT_JOB_STATE,  /* .job */
    AUT_MUT_JOB_CANCEL, /* .job: job and all its tasks that are not done or failed → cancelled */
    AUT_MUT_JOB_RETRY, /* .job: job → .job.state; its failed and cancelled tasks → waiting, with
                          no failures, error or lease (attempt and memory stay) */
    AUT_MUT_TASK_LEASE, /* .lease: fence: stored attempt == attempt − 1, or == attempt if adopted;
                           the task is not done */
    AUT_MUT_TASK_WAIT,  /* .wait: leased → waiting again. Fence: stored attempt == attempt */
    AUT_MUT_TASK_RESULT, /* .result: leased → done. Fence: the stored lease has this task, attempt
                            and epoch */
    AUT_MUT_TASK_CACHED, /* .cached: waiting → done by the result stored for the same key */
    AUT_MUT_TASK_FAILED, /* .failed: for good */
    /* To clients */
    AUT_SEND_SUBMITTED,    /* .submitted */
    AUT_SEND_OK,           /* .reply */
    AUT_SEND_CLIENT_ERROR, /* .reply */
    /* To nodes */
    AUT_SEND_WELCOME,    /* .welcome */
    AUT_SEND_ASSIGN,     /* .assign */
    AUT_SEND_ACK,        /* .token */
    AUT_SEND_ABORT,      /* .token */
    AUT_SEND_ADOPT,      /* .token: the old one; .token.new_epoch */
    AUT_SEND_PONG,       /* .token.peer */
    AUT_SEND_NODE_ERROR, /* .reply with reply = peer */
    /* Events for watchers */
    AUT_PUB_JOB,  /* .job */
    AUT_PUB_TASK, /* .task */
    AUT_PUB_NODE, /* .node */
    AUT_ACTION_KINDS
} aut_core_action_kind_t;

/*  Why a leased task waits again. */
typedef enum {
    AUT_ENDED_FAILED,
    AUT_ENDED_MOVED, /* too little device memory: on to a bigger one */
    AUT_ENDED_LOST,  /* with its node or lease */
    AUT_ENDED_RELEASED
} aut_core_end_t;

/*  Strings belong to the actions and live until they are cleared. */
typedef struct {
    aut_core_action_kind_t kind;
    union {
        struct {
            uint64_t job, first_task;
            uint32_t task_count;
            const aut_core_submit_t *submit; /* in the event */
        } insert;
        struct {
            uint64_t job;
            aut_job_state_t state;
        } job;
        struct {
            aut_core_token_t token; /* the new one */
            uint64_t job;
            bool adopted;     /* same attempt, new epoch */
            const char *node; /* name */
            const char *device;
            uint8_t instance[AUT_CORE_INSTANCE];
        } lease;
        struct {
            uint64_t job, task;
            uint32_t attempt;
            uint32_t failures;
            aut_core_end_t end; /* of the attempt */
            const char *node;   /* that had it */
            uint64_t memory;    /* what the device must have from now on */
            const char *code;   /* last failure, NULL if it was none */
            const char *message;
            uint64_t excluded[AUT_CORE_EXCLUDED]; /* nodes where it failed (hashes of names) */
            uint32_t excluded_count;
        } wait;
        struct {
            aut_core_token_t token;
            uint64_t job;
            const char *node;
            const char *device;
            const aut_core_done_t *done; /* in the event */
        } result;
        struct {
            uint64_t job, task;
        } cached;
        struct {
            uint64_t job, task;
            uint32_t failures;
            uint64_t cause;   /* the task whose failure it is, itself or one it starts from */
            uint32_t attempt; /* its last, 0 = never tried */
            const char *node; /* where the cause failed last */
            const char *code;
            const char *message;
        } failed;
        struct {
            uint64_t reply, job;
            bool existing;
        } submitted;
        struct {
            uint64_t reply;      /* or peer, for NODE_ERROR */
            int code;            /* aut_err_t; 0 for OK */
            const char *message; /* "" for OK */
        } reply;
        struct {
            uint64_t peer, node;
            const char *name; /* made unique among those online */
            uint64_t epoch;
            int64_t ping_ms, silent_ms, lease_ms;
        } welcome;
        struct {
            uint64_t peer;
            aut_core_token_t token;
            uint32_t worker;
            int64_t lease_ms;
            uint64_t job;
            uint32_t ordinal;
            uint64_t after;   /* task id of the predecessor, 0 = none */
            bool frames;      /* it starts from that one's frames, else from its tail */
            aut_hash_t input; /* these, as they were committed; the first of the inputs */
        } assign;
        struct {
            uint64_t peer;
            aut_core_token_t token;
            uint64_t new_epoch; /* ADOPT */
        } token;
        struct {
            uint64_t job, task;
            uint32_t ordinal, shot, chunk;
            aut_task_state_t state;
            uint32_t attempt, failures;
            uint32_t step, steps, frame, frames;
            const char *node;    /* "" when none */
            const char *message; /* last error, "" when none */
            bool progress;       /* nothing but progress changed: may be thinned out */
        } task;
        struct {
            uint64_t node;
            const char *name;
            aut_node_state_t state;
        } node;
    } u;
} aut_core_action_t;

typedef struct aut_core_arena aut_core_arena_t;

/*  Zero-initialise. Steps append to it, so one list serves a whole batch. */
typedef struct {
    aut_core_action_t *items;
    size_t count, cap;
    aut_core_arena_t *arena;
} aut_core_actions_t;

/*  Empties the list for the next batch, keeping its memory; destroy frees it. */
void aut_core_actions_clear (aut_core_actions_t *self);
void aut_core_actions_destroy (aut_core_actions_t *self);

/*  Whether an action belongs in the transaction (else it follows it). */
static inline bool aut_core_is_mutation (aut_core_action_kind_t kind)
{
    return kind <= AUT_MUT_TASK_FAILED;
}

/*  Stable names of kinds for logs and traces ("TASK_LEASE"). */
const char *aut_core_action_text (aut_core_action_kind_t kind);
const char *aut_core_event_text (aut_core_event_kind_t kind);

/* ---- life --------------------------------------------------------------------------------- */

/*  Never NULL. The configuration is copied; zero bounds are taken from the defaults. */
aut_core_t *aut_core_new (const aut_core_config_t *config);
void aut_core_destroy (aut_core_t **self_p);

/*  Takes one event at `now_ms` (monotonic; a smaller one than before counts as the same) and
 *  appends what is to be done. 0, or AUT_ERR_INVALID for an event that no adapter may make (an
 *  unknown kind, a NULL where text is due); refusals of the peers' own requests are actions. */
int aut_core_step (aut_core_t *self, const aut_core_event_t *event, int64_t now_ms,
                   aut_core_actions_t *out);

/*  When the next TICK is due, AUT_CORE_NEVER if nothing waits for time. */
int64_t aut_core_deadline (const aut_core_t *self);

/* ---- restore ------------------------------------------------------------------------------ */
/*  At start, from the store: for each job restore_job and then restore_task for each of its tasks,
 *  jobs in any order; then restore_end. The same calls bring an ended job back that the core has
 *  let go (aut_core_job says NOT_FOUND), before a RETRY of it. Ended jobs need not be restored. */

typedef struct {
    uint64_t id, first_task;
    uint32_t task_count;
    int32_t priority;
    aut_job_state_t state;
    const char *idempotency; /* or NULL */
} aut_core_job_restore_t;

typedef struct {
    aut_core_task_spec_t spec; /* spec.memory: as last told by TASK_WAIT, if it was */
    aut_task_state_t state;    /* READY for anything that waits */
    uint32_t attempt;
    uint32_t failures;
    uint64_t epoch;                      /* LEASED: of the stored lease; of another identity than
                                            the core's: the task waits again at once */
    const char *node;                    /* LEASED: name */
    const char *device;                  /* LEASED; or NULL */
    uint8_t instance[AUT_CORE_INSTANCE]; /* LEASED; all 0 if not stored: then claimed by name */
    const uint64_t *excluded;            /* as last told by TASK_WAIT */
    uint32_t excluded_count;
    aut_hash_t tail, frames;    /* DONE */
    const char *code, *message; /* last failure, or NULL */
} aut_core_task_restore_t;

/*  0, AUT_ERR_EXISTS, AUT_ERR_INVALID, or AUT_ERR_AGAIN when the tables are full. */
int aut_core_restore_job (aut_core_t *self, const aut_core_job_restore_t *job);
/*  0, or AUT_ERR_NOT_FOUND (the job, the ordinal), AUT_ERR_INVALID. Ordinals ascend from 0. */
int aut_core_restore_task (aut_core_t *self, uint64_t job, uint32_t ordinal,
                           const aut_core_task_restore_t *task);
/*  Queues what is ready and gives restored leases lease_ms to be claimed by their node's HELLO. */
int aut_core_restore_end (aut_core_t *self, int64_t now_ms, aut_core_actions_t *out);

/* ---- queries: snapshots for status, on the owner's thread ---------------------------------- */

typedef struct {
    uint64_t id, first_task;
    uint32_t task_count;
    int32_t priority;
    aut_job_state_t state;
    uint32_t tasks[AUT_TASK_STATES];
} aut_core_job_info_t;

/*  Why a task is not running. */
typedef enum {
    AUT_WAIT_NONE,    /* leased or ended */
    AUT_WAIT_TASK,    /* blocked: waits for task `after` */
    AUT_WAIT_BACKOFF, /* failed, tried again in `wait_ms` */
    AUT_WAIT_NODE,    /* no node is online */
    AUT_WAIT_DRAIN,   /* only nodes that drain could take it: `node` is one */
    AUT_WAIT_MODEL,   /* no node online offers `model` */
    AUT_WAIT_CLASS,   /* none of those has a device of `class_` */
    AUT_WAIT_MEMORY,  /* none of those has `memory` bytes */
    AUT_WAIT_WORKER,  /* those that could take it are busy */
    AUT_WAITS
} aut_core_wait_t;

/*  Strings live until the next step. */
typedef struct {
    uint64_t id, job;
    uint32_t ordinal, shot, chunk;
    bool upscale; /* it starts from the frames of `after` */
    aut_task_state_t state;
    uint32_t attempt, failures;
    uint64_t after;     /* task id, 0 = none */
    const char *node;   /* LEASED, or it waits as this one drains: name, else "" */
    const char *device; /* LEASED, else "" */
    int64_t leased_ms;  /* LEASED: since when, on the core's clock */
    uint32_t step, steps, frame, frames;
    aut_hash_t preview;         /* LEASED: of the latest picture that its node told, zero = none */
    const char *code, *message; /* last failure, "" when none */
    aut_core_wait_t wait;
    int64_t wait_ms;            /* BACKOFF */
    const char *model, *class_; /* requirement */
    uint64_t memory;
} aut_core_task_info_t;

/*  What is before a task. */
typedef struct {
    uint32_t cost;
    uint32_t before; /* ready tasks, of any job, whose turn is before this one's (turns only) */
    double left_s;   /* seconds of its own work left; negative: nothing was measured, or it ended */
    double until_s;  /* seconds until it is done, as far as can be seen; negative: not known */
} aut_core_forecast_t;

/*  And before a job. */
typedef struct {
    double progress; /* 0 … 1, by cost */
    double left_s;   /* seconds until all that is open is done; negative: not known, or it ended */
    uint32_t open, running; /* tasks that have not ended; those that are leased */
    uint64_t waits;         /* the first that is open and not leased, 0 = none */
} aut_core_outlook_t;

typedef struct {
    uint64_t id;
    const char *name;
    aut_node_state_t state;
    uint32_t workers;
    uint32_t leases;
    int64_t seen_ms; /* last heard of */
} aut_core_node_info_t;

typedef struct {
    uint32_t id;
    const char *device, *class_;
    uint64_t memory;
    uint32_t credit, load; /* leases it may have, and has */
    uint64_t task;         /* the oldest of them, 0 = idle */
    const char *model;     /* that it ran last, "" = none */
} aut_core_worker_info_t;

/*  0 or AUT_ERR_NOT_FOUND. */
int aut_core_job (const aut_core_t *self, uint64_t job, aut_core_job_info_t *out);
int aut_core_task (const aut_core_t *self, uint64_t task, aut_core_task_info_t *out);
int aut_core_node (const aut_core_t *self, uint64_t node, aut_core_node_info_t *out);
int aut_core_node_by_name (const aut_core_t *self, const char *name, aut_core_node_info_t *out);
int aut_core_worker (const aut_core_t *self, uint64_t node, uint32_t index,
                     aut_core_worker_info_t *out);
/*  Linear in the job's tasks: their number of `forecasts` (zeroed; NULL = not wanted) and the
 * job's.
 */
int aut_core_outlook (const aut_core_t *self, uint64_t job, aut_core_outlook_t *out,
                      aut_core_forecast_t *forecasts);
/*  Fills in `before` of those that are ready. */
int aut_core_turns (const aut_core_t *self, uint64_t job, aut_core_forecast_t *forecasts);
/*  The first with an id greater than `after` (0 = from the start); AUT_ERR_NOT_FOUND at the end. */
int aut_core_next_job (const aut_core_t *self, uint64_t after, aut_core_job_info_t *out);
int aut_core_next_node (const aut_core_t *self, uint64_t after, aut_core_node_info_t *out);

/*  The waiting reason as a phrase ("no node with model wan-2.2", "no device with 80 GB"), "" for
 *  NONE and TASK (the adapter knows the shot's name); returns `text`. */
const char *aut_core_wait_text (const aut_core_task_info_t *task, char *text, size_t size);

#define AUT_CORE_CLASSES 8 /* distinct device classes, "any" included */

/*  Running counts. The first three are of what the core holds now; the rest count since start. */
typedef struct {
    uint64_t jobs[AUT_JOB_STATES];
    uint64_t tasks[AUT_TASK_STATES];
    uint64_t nodes[AUT_NODE_STATES];
    uint64_t workers_idle, workers_busy;
    struct {
        char name[16];          /* "" = any */
        uint64_t ready, leased; /* demand, for a scaler */
    } classes[AUT_CORE_CLASSES];
    uint32_t class_count;
    uint64_t events, submitted, existing, assigned, results, cached, failures, failed, lost_leases,
        lost_nodes, adopted, aborted, released, stale, out_of_memory, moved, barred, refused;
} aut_core_metrics_t;

const aut_core_metrics_t *aut_core_metrics (const aut_core_t *self);

/*  How much work there is for one model on one class of devices ("" = any). */
typedef struct {
    const char *model, *class_; /* live until the next step */
    uint64_t tasks[AUT_TASK_STATES];
    bool served; /* some node that takes work has such a device with the model */
} aut_core_depth_t;

/*  Of every model and class that a held job asks for, in no order; at most `max`, and what is left
 *  over is added up in `rest`. Linear in the different requirements, not in tasks. */
size_t aut_core_depths (const aut_core_t *self, aut_core_depth_t *out, size_t max,
                        aut_core_depth_t *rest);

/*  Of the tasks of class "any" that are ready or leased, those that ask for device memory. Any
 *  device that has it will do, but a scaler takes them for a GPU's. Linear as above. */
uint64_t aut_core_demand_of_memory (const aut_core_t *self);

#endif
