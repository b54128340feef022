/*  The durable store of a broker: jobs, tasks, leases, results, attempts and events.
 *
 *  An implementation is a const table of functions. There are two: SQLite (WAL, synchronous =
 *  FULL) and memory, under one test suite; PostgreSQL is to be the third, for standby brokers.
 *
 *  Writing: the broker's loop gathers what arrived while the last commit ran and commits it as one
 *  batch, in one transaction. Two fences are checked inside that transaction, so that a broker that
 *  was replaced can change nothing: the store's epoch must still be the one that open gave, and a
 *  result must bear the token (task, attempt, epoch) of the lease that is stored. When commit
 *  returns 0 the batch is on disk; otherwise nothing of it is.
 *
 *  Threads: commit and load belong to one thread at a time; the functions under "Reads" may be
 *  called on any thread, beside a commit, and see whole batches only.
 */
#ifndef AUT_BROKER_STORE_STORE_H
#define AUT_BROKER_STORE_STORE_H

#include "lib/core/hash.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AUT_STORE_SCHEMA 5               /* the newest schema that this build knows */
#define AUT_STORE_USED_MAX 64            /* hashes of inputs recorded with a result */
#define AUT_STORE_INPUTS_MAX 64          /* input files of a task beside its predecessor's tail */
#define AUT_STORE_NAME 128               /* bytes of a node's or device's name, with its 0 */
#define AUT_STORE_INSTANCE 16            /* bytes of a node's instance id */
#define AUT_STORE_OWNER 41               /* bytes of a client's key as text, with its 0 */
#define AUT_STORE_EVENT_BYTES (32 << 20) /* of events that are kept; a little more at times */
#define AUT_STORE_ATTEMPTS_KEPT 64       /* of a task, without a result; a little more at times */
#define AUT_STORE_STORY_KEPT 1000        /* of a job */

/*  As in the core; blocked and ready are not told apart here: both wait. */
typedef enum {
    AUT_STORE_WAITS = 1,
    AUT_STORE_LEASED,
    AUT_STORE_DONE,
    AUT_STORE_FAILED,
    AUT_STORE_CANCELLED
} aut_store_task_state_t;

typedef enum {
    AUT_STORE_JOB_QUEUED,
    AUT_STORE_JOB_RUNNING,
    AUT_STORE_JOB_DONE,
    AUT_STORE_JOB_FAILED,
    AUT_STORE_JOB_CANCELLED
} aut_store_job_state_t;

/*  A blob by name; hash 0: none. */
typedef struct {
    aut_hash_t hash;
    uint64_t size;
} aut_store_blob_t;

/*  A file that a task needs beside its predecessor's tail. */
typedef struct {
    char role[8]; /* "init", "last", "image" */
    aut_store_blob_t blob;
} aut_store_input_t;

/*  How an attempt ended. Stored: values stay. */
typedef enum {
    AUT_STORE_RUNS, /* not yet */
    AUT_STORE_ENDED_DONE,
    AUT_STORE_ENDED_FAILED,
    AUT_STORE_ENDED_MOVED, /* its device had too little memory: on to a bigger one */
    AUT_STORE_ENDED_LOST,  /* its node or lease was */
    AUT_STORE_ENDED_RELEASED,
    AUT_STORE_ENDED_CANCELLED,
    AUT_STORE_ENDED_ADOPTED, /* goes on, under a new token; another entry tells its end */
    AUT_STORE_ENDS
} aut_store_end_t;

/*  What a chunk's execution gave. Strings are "" when unknown. */
typedef struct {
    aut_hash_t key; /* of its task: a commit sets it */
    aut_store_blob_t mezzanine, tail, preview, metadata;
    aut_hash_t used[AUT_STORE_USED_MAX]; /* inputs that it was made from, in order */
    uint32_t used_count;
    double seconds;
    uint64_t peak_bytes;
    char node[AUT_STORE_NAME], device[AUT_STORE_NAME];
    uint32_t attempt;
} aut_store_result_t;

/*  A task: first what the submission fixes, then what changes. */
typedef struct {
    uint64_t id, job;
    uint32_t ordinal;     /* place in its job, from 0: id = the job's first_task + ordinal */
    uint32_t shot, chunk; /* index of the shot in the job; of the chunk in the shot */
    aut_hash_t key;
    uint64_t predecessor; /* task id that it starts from, 0 = none */
    bool upscale;         /* from its frames, to enlarge them; else from its tail */
    char model[256];
    char class_[32]; /* device class, "" = any */
    uint32_t cost;   /* frames × steps */
    uint64_t result; /* its result; of a task that waits: one with its key that it may take
                        over; 0 = none */

    aut_store_task_state_t state;
    uint64_t memory;  /* bytes a device must have; grows after out-of-memory */
    uint32_t attempt; /* of the newest lease, 0 = never leased */
    uint64_t epoch;   /* of the newest lease */
    uint32_t failures;
    char node[AUT_STORE_NAME], device[AUT_STORE_NAME]; /* that have the lease, or had it last */
    uint8_t instance[AUT_STORE_INSTANCE];
    char code[32], message[512]; /* the last failure, "" = none */
} aut_store_task_t;

/*  The part of a task that is read when it is handed out. */
typedef struct {
    const char *spec; /* canonical JSON; NULL when it is in spec_blob */
    size_t spec_size;
    aut_store_blob_t spec_blob;
    const aut_store_input_t *inputs;
    uint32_t input_count;
} aut_store_body_t;

typedef struct {
    uint64_t id;
    char project[128];
    char idempotency[176];       /* "" = none; of a client with a key, "KEY:its own" */
    char owner[AUT_STORE_OWNER]; /* the client's public key; "" = everybody's */
    int32_t priority;
    int64_t created_ms;    /* wall clock */
    aut_hash_t submission; /* the submission blob */
    aut_store_job_state_t state;
    uint32_t shot_count;
    uint64_t first_task;
    uint32_t task_count;
} aut_store_job_t;

/*  A task as it is submitted: the fixed part of aut_store_task_t. It waits. */
typedef struct {
    uint64_t id, job;
    uint32_t ordinal, shot, chunk, cost;
    aut_hash_t key;
    uint64_t predecessor, result, memory;
    bool upscale;
    const char *model, *class_;
} aut_store_new_task_t;

/*  What else is known of a shot when it is submitted. */
typedef struct {
    const char *scene; /* its scene's id, or NULL */
    uint32_t frames;   /* native ones that its chunks keep, 0 = unknown */
} aut_store_new_shot_t;

/*  A whole submission. `bodies` runs beside `tasks`. */
typedef struct {
    aut_store_job_t job;
    const char *const *shots;          /* shot ids, job.shot_count of them */
    const aut_store_new_shot_t *about; /* beside `shots`, or NULL */
    const aut_store_new_task_t *tasks;
    const aut_store_body_t *bodies;
} aut_store_submission_t;

/*  The changes, and what each checks inside the transaction. A fence that does not hold refuses the
 *  whole batch with AUT_ERR_FENCED. */
typedef enum {
    AUT_STORE_SUBMIT,     /* `submission`; AUT_ERR_EXISTS if the idempotency key is taken */
    AUT_STORE_JOB_STATE,  /* `id` → `job_state` */
    AUT_STORE_JOB_CANCEL, /* `id`; its tasks that wait or are leased → cancelled */
    AUT_STORE_JOB_RETRY, /* `id` → `job_state`; its failed and cancelled tasks → waiting, clean */
    AUT_STORE_LEASE,     /* `id` (task) gets lease `attempt`, `epoch`, `node`, `device`, `instance`;
                            the stored attempt must be the one before (`adopted`: the same, leased
                            or given up since), and the task not ended */
    AUT_STORE_WAIT,      /* leased → waiting; the stored attempt must be `attempt` */
    AUT_STORE_RESULT, /* leased → done by `result`; the stored lease must be `attempt`, `epoch` */
    AUT_STORE_CACHED, /* waiting → done by the result that the submission linked */
    AUT_STORE_FAIL,   /* waiting or leased → failed */
    AUT_STORE_EVENTS  /* `events`; at most one in a batch */
} aut_store_mutation_kind_t;

/*  Events of one batch, to be told again to watchers that missed them. Their numbers rise from
 *  batch to batch, also over restarts. The store does not read MEMBERS. */
typedef struct {
    uint64_t last;    /* number of the last one in `text` */
    uint64_t bound;   /* numbers up to this are spent, told or not; 0 = as before */
    const char *text; /* lines "JOB SEQ MEMBERS\n": the job's number or 0, the event's, and what
                         the broker keeps of the rest, in one line */
    size_t size;      /* 0: only the bound */
} aut_store_events_t;

/*  One change. Pointers are borrowed for the commit; texts may be NULL for "". */
typedef struct {
    aut_store_mutation_kind_t kind;
    uint64_t id; /* of the job or task */
    aut_store_job_state_t job_state;
    uint32_t attempt;
    uint64_t epoch;
    bool adopted;
    const char *node, *device;
    const uint8_t *instance;
    uint32_t failures;
    uint64_t memory;
    const char *code, *message;
    const aut_store_result_t *result;
    const aut_store_submission_t *submission;
    const aut_store_events_t *events;
    int64_t at_ms;       /* wall clock: what it is told to have happened at */
    aut_store_end_t end; /* WAIT, FAIL: of the attempt, if the task was leased */
} aut_store_mutation_t;

/*  Receives what is stored, jobs by id, each followed by its tasks by ordinal. `result` is the one
 *  that the task links to (done by it, or could be), or NULL; of it only `mezzanine`, `tail` and
 * `used` are set. A negative return ends the walk. The structs are borrowed for the call. `job` may
 * say AUT_STORE_SKIP to be spared the job's tasks. */
#define AUT_STORE_SKIP 1
typedef struct {
    void *ctx;
    int (*job) (void *ctx, const aut_store_job_t *job, const char *const *shots);
    int (*task) (void *ctx, const aut_store_task_t *task, const aut_store_result_t *result);
} aut_store_visitor_t;

/*  A task as listings show it. */
typedef struct {
    uint64_t task;
    uint32_t ordinal, shot_index, chunk;
    bool upscale;
    char shot[64];
    aut_hash_t key;
    aut_store_task_state_t state;
    bool has_result; /* it is done */
    aut_store_result_t result;
    char code[32], message[512];
    char node[AUT_STORE_NAME], device[AUT_STORE_NAME];
    uint32_t attempt, cost;
    char model[256];
} aut_store_item_t;

/*  An attempt at a task, for its story. Texts are borrowed for the call that gives it out. */
typedef struct {
    uint64_t task;
    uint32_t attempt;
    aut_store_end_t end;
    int64_t assigned_ms, ended_ms; /* wall clock; 0 = unknown, or not ended */
    const char *node, *device;
    const char *code, *message; /* "" unless it failed or moved */
    double seconds;             /* DONE: of work, as the node measured it */
    aut_hash_t preview;         /* DONE: zero = none */
    uint64_t maker; /* DONE: the task that it was made for: another one's, if it was cached */
} aut_store_attempt_t;

/*  Gets one; a negative return ends the walk. */
typedef int (aut_store_attempt_fn) (void *ctx, const aut_store_attempt_t *attempt);

/*  A shot as it was submitted. */
typedef struct {
    uint32_t index, frames; /* frames 0 = unknown */
    char id[64], scene[64]; /* scene "" = unknown */
} aut_store_shot_t;

/*  Something that happened to a job as a whole. Values stay. */
typedef enum {
    AUT_STORE_TOLD_RUNNING = 1,
    AUT_STORE_TOLD_DONE,
    AUT_STORE_TOLD_FAILED,
    AUT_STORE_TOLD_CANCELLED,
    AUT_STORE_TOLD_RETRIED
} aut_store_told_t;
typedef struct {
    int64_t at_ms;
    aut_store_told_t what;
} aut_store_story_t;

/*  Gets one stored event; the text is borrowed. A negative return ends the walk. */
typedef int (aut_store_event_fn) (void *ctx, uint64_t epoch, uint64_t job, uint64_t seq,
                                  const char *members, size_t size);

typedef struct {
    uint64_t jobs, tasks, results; /* rows */
    uint64_t bytes;                /* of the database with its log; 0 for memory */
    uint64_t commits;              /* by this handle */
    const char *kind;              /* "sqlite", "memory" */
} aut_store_stats_t;

typedef struct aut_store aut_store_t;

/*  All slots MUST be set. */
typedef struct {
    void (*destroy) (aut_store_t **self_p);
    uint64_t (*epoch) (const aut_store_t *self);
    /*  The next free ids: jobs and tasks are numbered from 1, never reused. */
    int (*next_ids) (aut_store_t *self, uint64_t *job, uint64_t *task);
    int (*commit) (aut_store_t *self, const aut_store_mutation_t *batch, size_t count);
    int (*load) (aut_store_t *self, uint64_t job, const aut_store_visitor_t *visitor);

    int (*body) (aut_store_t *self, uint64_t task, aut_store_body_t *body, void **hold);
    int (*result) (aut_store_t *self, uint64_t task, aut_store_result_t *result);
    int (*cached) (aut_store_t *self, const aut_hash_t *key, uint64_t *id,
                   aut_store_result_t *result);
    int (*idempotent) (aut_store_t *self, const char *key, uint64_t *job);
    int (*job) (aut_store_t *self, uint64_t id, aut_store_job_t *job);
    int (*items) (aut_store_t *self, uint64_t job, uint64_t after, uint32_t limit,
                  aut_store_item_t *items, uint32_t *count);
    int (*stats) (aut_store_t *self, aut_store_stats_t *stats);
    int (*attempts) (aut_store_t *self, uint64_t first, uint64_t end, bool all,
                     aut_store_attempt_fn *each, void *ctx);
    int (*shots) (aut_store_t *self, uint64_t job, uint32_t after, uint32_t limit,
                  aut_store_shot_t *shots, uint32_t *count);
    int (*story) (aut_store_t *self, uint64_t job, uint32_t limit, aut_store_story_t *items,
                  uint32_t *count);
    int (*events) (aut_store_t *self, uint64_t after, aut_store_event_fn *each, void *ctx);
    int (*event_bound) (aut_store_t *self, uint64_t *bound);
} aut_store_ops_t;

/*  An implementation's struct begins with this. */
struct aut_store {
    const aut_store_ops_t *ops;
};

/*  The epoch that follows `last` in a store (lib/core/epoch.h): the next start of the same broker,
 *  or the first of a new identity where there is none yet (0, and epochs from before there were
 *  identities) or its starts are used up. Whoever works under an older identity loses its leases,
 *  as after a long absence; the jobs stay. AUT_ERR_IO: no random bytes. */
int aut_store_next_epoch (uint64_t last, uint64_t *next);

/*  Opens DIR/auteur.db, making or migrating it, and durably takes the next epoch.
 *  AUT_ERR_VERSION: written by a newer auteur; AUT_ERR_CORRUPT: not our database. */
int aut_store_open_sqlite (aut_store_t **out, const char *dir);

/*  A store that lives as long as its handle. */
int aut_store_open_memory (aut_store_t **out);

/*  Closes; nulls the caller's pointer. */
void aut_store_destroy (aut_store_t **self_p);

/*  The epoch that open took. */
uint64_t aut_store_epoch (const aut_store_t *self);
int aut_store_next_ids (aut_store_t *self, uint64_t *job, uint64_t *task);

/*  Commits `count` mutations, all or none. AUT_ERR_FENCED: the epoch is not ours any more, or a
 *  result's token is not that of the stored lease. AUT_ERR_EXISTS: idempotency key.
 * AUT_ERR_NO_SPACE, AUT_ERR_IO: the disk; the same batch may be tried again. */
int aut_store_commit (aut_store_t *self, const aut_store_mutation_t *batch, size_t count);

/*  Walks everything, for a restart; with `job` ≠ 0 that job only (AUT_ERR_NOT_FOUND). */
int aut_store_load (aut_store_t *self, uint64_t job, const aut_store_visitor_t *visitor);

/*  Reads (any thread). AUT_ERR_NOT_FOUND when there is no such thing. */

/*  What a task is handed out with. `*hold` owns what `body` points to; the caller frees it. */
int aut_store_body (aut_store_t *self, uint64_t task, aut_store_body_t *body, void **hold);
/*  The committed result of a task. */
int aut_store_result (aut_store_t *self, uint64_t task, aut_store_result_t *result);
/*  The newest result of any task with this key, and its id. */
int aut_store_cached (aut_store_t *self, const aut_hash_t *key, uint64_t *id,
                      aut_store_result_t *result);
/*  The job that was accepted under an idempotency key. */
int aut_store_idempotent (aut_store_t *self, const char *key, uint64_t *job);
int aut_store_job (aut_store_t *self, uint64_t id, aut_store_job_t *job);
/*  Up to `limit` tasks of a job from ordinal `after` on; 0 items at the end. */
int aut_store_items (aut_store_t *self, uint64_t job, uint64_t after, uint32_t limit,
                     aut_store_item_t *items, uint32_t *count);
int aut_store_stats (aut_store_t *self, aut_store_stats_t *stats);
/*  The attempts at the tasks `first` … `end` − 1: those that made a result, then with `all` those
 *  that ended otherwise and then those that run; each by task and in the order they ended. */
int aut_store_attempts (aut_store_t *self, uint64_t first, uint64_t end, bool all,
                        aut_store_attempt_fn *each, void *ctx);
/*  Up to `limit` shots of a job from index `after` on. */
int aut_store_shots (aut_store_t *self, uint64_t job, uint32_t after, uint32_t limit,
                     aut_store_shot_t *shots, uint32_t *count);
/*  The newest `limit` entries, oldest first. */
int aut_store_story (aut_store_t *self, uint64_t job, uint32_t limit, aut_store_story_t *items,
                     uint32_t *count);
/*  The stored events after number `after`, in order. AUT_ERR_NOT_FOUND: some of those are not kept
 *  any more. */
int aut_store_events (aut_store_t *self, uint64_t after, aut_store_event_fn *each, void *ctx);
/*  Numbers up to this may have been told. */
int aut_store_event_bound (aut_store_t *self, uint64_t *bound);
/*  What a change of a job's state is told as in its story, 0 = not at all. For implementations. */
aut_store_told_t aut_store_told (const aut_store_mutation_t *mutation);
/*  Takes a line of aut_store_events_t apart, up to `end`: the next line, or NULL when there was
 * none.
 */
const char *aut_store_event_line (const char *line, const char *end, uint64_t *job, uint64_t *seq,
                                  const char **members, size_t *size);

/*  A consistent copy of DIR's database into the new file `path`, while a broker may use it. Takes
 *  no epoch of it; the copy has none, so that its first broker gets an identity of its own: both
 * may go on from here, each with other tasks under the same numbers. AUT_ERR_NOT_FOUND when there
 * is no database. */
int aut_store_copy_sqlite (const char *dir, const char *path);

#endif
