/*  What the files of the core share. Nothing outside broker/core includes this.
 *
 *  Memory: jobs own their tasks (one compact array each) and buckets; nodes own their workers;
 *  leases belong to their node's list. Pointers between them are cleared by whoever frees, and
 *  whatever may outlive its target (excluded nodes, holders of tails) is kept by number.
 *
 *  Order of a step: the event changes states and marks what may now be matched (workers that got
 *  room, groups that got tasks); core_dispatch then matches them, at the end of the step.
 */
#ifndef AUT_BROKER_CORE_INTERNAL_H
#define AUT_BROKER_CORE_INTERNAL_H

#include "broker/core/core.h"
#include "broker/core/pace.h"
#include "lib/core/epoch.h"
#include "lib/core/heap.h"
#include "lib/core/mem.h"

/*  A full table must not end the process in uthash: it allocates little and bounded. */
#include <uthash.h>

#define CORE_LEVELS (2 * AUT_CORE_PRIORITY + 1)
#define CORE_LOOKAHEAD 32 /* candidates looked at behind one that a worker may not take */
#define CORE_RECENT 16    /* tasks per node that start from what it made last */
#define CORE_SUSPECTS 32  /* nodes per job whose failures are watched */
#define CORE_BAR_TASKS 3  /* different tasks that bar a node */
#define CORE_OOM_RAISES 8 /* out-of-memory moves before it counts as a failure */
#define CORE_JOB_BUCKETS 256

typedef struct core_job core_job_t;
typedef struct core_bucket core_bucket_t;
typedef struct core_group core_group_t;
typedef struct core_model core_model_t;
typedef struct core_offer core_offer_t;
typedef struct core_worker core_worker_t;
typedef struct core_node core_node_t;
typedef struct core_lease core_lease_t;
typedef struct core_trouble core_trouble_t;

enum {
    TASK_QUEUED = 1,  /* its bucket's heap has an entry for it */
    TASK_DELAYED = 2, /* ready, but waits out its back-off */
    TASK_RECLAIM = 4, /* ready after a lost lease that its holder may still come back with */
    TASK_CACHED = 8,  /* the job's `cached` has a result for it */
    TASK_LOADED = 16, /* restored */
    TASK_FRAMES = 32  /* it starts from the frames of its predecessor, not from the tail */
};

/*  What others start from. */
typedef struct {
    aut_hash_t hash, frames; /* of the tail and of the frames; zero = none */
    uint64_t node;           /* id of the node that made it, 0 = unknown */
} core_tail_t;

/*  One cache line each: with a million of them, every one touched is a miss. */
typedef struct {
    _Alignas(64) uint32_t after, first_next, next_sibling; /* ordinals; the tree of handoffs */
    uint32_t cost;
    uint32_t chain; /* cost of the longest chain that begins here */
    uint32_t attempt;
    uint32_t shot, chunk;
    union {
        core_lease_t *lease; /* LEASED */
        uint64_t holder;     /* RECLAIM: node id */
        core_tail_t *tail;   /* DONE: owned; NULL once nobody will ask for it */
    } u;
    core_trouble_t *trouble; /* failures so far, or NULL */
    uint16_t bucket;         /* index in the job */
    uint8_t state, failures, flags;
} core_task_t;

/*  The part of a task's life that most tasks never have. */
struct core_trouble {
    core_job_t *job;
    uint32_t ordinal;
    uint32_t raises; /* of the memory requirement */
    int64_t due;     /* end of the back-off */
    size_t heap_index;
    uint64_t excluded[AUT_CORE_EXCLUDED];
    uint32_t excluded_count;
    char *code, *message;
};

typedef struct {
    uint64_t node; /* key */
    uint32_t tasks;
} core_suspect_t;

struct core_job {
    uint64_t id, first_task, vtime;
    uint32_t count;
    uint16_t bucket_count;
    int16_t priority;
    uint8_t state;
    bool restoring;
    uint32_t queued; /* ready and not delayed */
    uint32_t tasks[AUT_TASK_STATES];
    core_task_t *items;
    core_bucket_t **buckets;
    bool chained; /* some task starts from another */
    uint32_t suspect_count, bar_count;
    core_suspect_t *suspects;  /* NULL, or CORE_SUSPECTS of them */
    aut_core_cached_t *cached; /* NULL if no task has one */
    void *memory;              /* of items, before they were aligned */
    core_job_t *ended_prev, *ended_next;
    char *idempotency;
    UT_hash_handle hh_key;
};

/*  A job in its group's heap. */
typedef struct {
    uint64_t rank; /* priority and virtual time */
    uint64_t id;
    core_bucket_t *bucket;
    uint32_t slot; /* the bucket's, so that moving it touches only the table */
} core_turn_t;

/*  The ready tasks of one job with one requirement. Entries may be stale (task taken by affinity or
 *  cancelled): they are dropped when they come up. */
struct core_bucket {
    core_job_t *job;
    core_group_t *group;
    uint64_t *entries; /* heap of core_key () */
    uint32_t count, cap;
    uint32_t ready; /* entries that are not stale */
    uint32_t slot;  /* in the group's table of places */
    uint32_t tasks[AUT_TASK_STATES];
};

/*  Everything that has the same requirement. */
struct core_group {
    core_model_t *model;
    uint8_t class_;
    bool dirty;
    uint64_t memory;
    uint32_t refs;      /* buckets */
    core_turn_t *turns; /* heap of those with ready tasks */
    uint32_t count, cap;
    uint32_t *places; /* of each bucket's slot in the heap, AUT_CORE_NONE = not in it */
    uint32_t slot_count, slot_cap;
    uint32_t spare_slot; /* of the free ones; each names the next in `places` */
    core_group_t *next, *dirty_next;
    core_group_t *active_prev, *active_next;
    uint64_t tasks[AUT_TASK_STATES]; /* of its buckets */
    uint64_t served[CORE_LEVELS];    /* virtual time of the last start, per priority */
};

struct core_model {
    char *name;
    uint32_t refs;                         /* offers and groups */
    core_group_t *groups;                  /* all that a held job asks for */
    core_group_t *active;                  /* those with ready tasks */
    aut_pace_t paces[AUT_CORE_CLASSES];    /* as measured, by the device's class */
    core_offer_t *roots[AUT_CORE_CLASSES]; /* of workers that can be given work, per class */
    UT_hash_handle hh;
};

/*  How free a worker is; smaller is better. */
enum { OFFER_LOADED, OFFER_IDLE, OFFER_PARTIAL, OFFER_FULL, OFFER_NONE };

/*  "This worker can run this model": a node of the model's treap, ordered by memory. Each knows
 *  the freest state below it, so that the smallest free device that suffices is found in O(log n).
 */
struct core_offer {
    core_offer_t *parent, *left, *right;
    core_worker_t *worker;
    core_model_t *model;
    uint64_t memory, order; /* key */
    uint32_t weight;
    uint8_t state, best;
    bool linked;
};

struct core_worker {
    core_node_t *node;
    core_offer_t *offers;
    uint32_t offer_count;
    uint32_t id, credit, load;
    uint8_t class_;
    bool freed; /* in the step's list */
    uint64_t memory;
    core_model_t *loaded; /* the model it ran last; only compared */
    int64_t changed;      /* when its load did */
    char *device;
};

/*  A task that starts from what a node made lately. */
typedef struct {
    uint64_t job;
    uint32_t ordinal;
} core_recent_t;

struct core_node {
    uint64_t id, peer, key; /* key: hash of the name */
    char name[AUT_CORE_NAME];
    uint8_t instance[AUT_CORE_INSTANCE];
    uint8_t state;
    bool able;      /* its offers are linked */
    bool drained;   /* by the operator */
    bool released;  /* drains by itself, until its next HELLO */
    bool gone;      /* connection ended */
    bool named;     /* in the table of names online */
    bool unclaimed; /* restored without an instance id: claimed by name */
    core_worker_t *workers;
    uint32_t worker_count, lease_count;
    core_lease_t *leases; /* doubly linked, oldest first */
    core_lease_t *leases_last;
    core_recent_t recent[CORE_RECENT]; /* a ring */
    uint32_t recent_next;
    int64_t seen, due;
    size_t heap_index;
    core_node_t *lost_prev, *lost_next;
    UT_hash_handle hh_id, hh_peer, hh_instance, hh_name;
};

struct core_lease {
    core_job_t *job;
    core_node_t *node;
    core_worker_t *worker; /* NULL until a restored one is claimed */
    core_lease_t *prev, *next;
    uint64_t epoch;
    uint32_t ordinal, attempt;
    bool confirmed; /* the node has spoken of it */
    bool started;
    uint64_t hello; /* number of the HELLO that listed it last */
    int64_t granted, started_ms, progress_ms, due;
    uint32_t step, steps, frame, frames;
    aut_hash_t preview; /* the latest, zero = none; and when it came */
    int64_t preview_ms;
    bool adopted;      /* its beginning was not seen */
    double first_part; /* how far it was by its first news, and when */
    int64_t first_ms;
    size_t heap_index;
    char *device; /* restored ones only, until claimed */
};

typedef struct {
    uint64_t id, first_task;
    core_job_t *job; /* NULL once let go */
} core_slot_t;

typedef struct {
    uint64_t node;
    uint32_t worker;
} core_freed_t;

struct aut_core {
    aut_core_config_t config;
    aut_core_metrics_t metrics;
    aut_core_actions_t *out; /* of the running step */
    int64_t now, resumed;
    bool stepped;

    core_slot_t *slots; /* by id, which is also by first_task */
    size_t slot_count, slot_cap, slot_dead;
    uint32_t job_count;
    uint64_t task_count;
    core_job_t *by_key;
    core_job_t *ended_first, *ended_last;
    uint64_t next_job, next_task;

    core_model_t *models;
    core_group_t *dirty_first, *dirty_last;
    core_freed_t *freed;
    size_t freed_count, freed_cap;
    uint32_t *work; /* scratch of ordinals */
    size_t work_count, work_cap;

    core_node_t *by_id, *by_peer, *by_instance, *by_name;
    core_node_t *by_claim; /* unclaimed ones, by name */
    core_job_t *restoring; /* linked by ended_next */
    core_node_t *lost_first, *lost_last;
    uint32_t node_count;
    uint64_t next_node, hellos;

    aut_heap_t leases;  /* by due */
    aut_heap_t silence; /* nodes by due */
    aut_heap_t delayed; /* troubles by due */
};

/* ---- actions.c ---- */
aut_core_action_t *core_emit (aut_core_t *self, aut_core_action_kind_t kind);
/*  A copy that lives as long as the actions; "" for NULL. */
const char *core_text (aut_core_t *self, const char *text);
const char *core_format (aut_core_t *self, const char *format, ...)
    __attribute__ ((format (printf, 2, 3)));
void core_emit_reply (aut_core_t *self, aut_core_action_kind_t kind, uint64_t to, int code,
                      const char *message);
void core_emit_token (aut_core_t *self, aut_core_action_kind_t kind, uint64_t peer,
                      aut_core_token_t token, uint64_t new_epoch);
void core_emit_job (aut_core_t *self, aut_core_action_kind_t kind, const core_job_t *job);
void core_pub_task (aut_core_t *self, const core_job_t *job, uint32_t ordinal, bool progress);
void core_pub_node (aut_core_t *self, const core_node_t *node);

/* ---- offer.c ---- */
void core_offer_link (core_offer_t *offer);
void core_offer_unlink (core_offer_t *offer);
void core_offer_set (core_offer_t *offer, uint8_t state);
/*  The first with at least `memory` bytes and a state of at most `state`; NULL if there is none. */
core_offer_t *core_offer_first (core_offer_t *root, uint64_t memory, uint8_t state);
/*  The one after it, in the same sense. */
core_offer_t *core_offer_next (core_offer_t *offer, uint8_t state);
uint64_t core_mix (uint64_t x);
uint64_t core_name_key (const char *name);

/* ---- heaps.c ---- */
void core_entries_push (core_bucket_t *bucket, uint64_t key);
void core_entries_pop (core_bucket_t *bucket);
core_turn_t core_turn_of (core_bucket_t *bucket);
void core_turns_put (core_bucket_t *bucket);
void core_turns_remove (core_bucket_t *bucket);
void core_slot_take (core_bucket_t *bucket);
void core_slot_give (core_bucket_t *bucket);

static inline bool core_bucket_in_turn (const core_bucket_t *bucket)
{
    return bucket->group->places[bucket->slot] != AUT_CORE_NONE;
}

static inline bool core_turn_before (core_turn_t a, core_turn_t b)
{
    return a.rank != b.rank ? a.rank < b.rank : a.id < b.id;
}

/* ---- queue.c ---- */
core_model_t *core_model_get (aut_core_t *self, const char *name);
void core_model_put (aut_core_t *self, core_model_t *model);
/*  The number of a class, or negative when there are too many. */
int core_class_get (aut_core_t *self, const char *name);
/*  The job's bucket for a requirement; negative: AUT_ERR_AGAIN. */
int core_bucket_get (aut_core_t *self, core_job_t *job, const char *model, int class_,
                     uint64_t memory);
void core_buckets_free (aut_core_t *self, core_job_t *job);
/*  Puts a ready task up for work / takes it out again. */
void core_queue_push (aut_core_t *self, core_job_t *job, uint32_t ordinal);
void core_queue_take (aut_core_t *self, core_job_t *job, uint32_t ordinal);
void core_queue_clear (aut_core_t *self, core_job_t *job);
/*  A task of this state comes in (1) or goes (-1): the queues' depths. */
static inline void core_bucket_count (core_bucket_t *bucket, unsigned state, int change)
{
    bucket->tasks[state] += (uint32_t)change;
    bucket->group->tasks[state] += (uint64_t)(int64_t)change;
}
/*  After the job's virtual time changed. */
void core_queue_reorder (core_job_t *job);
/*  Marks a group as having tasks to match / takes the next marked one, which is then to be given
 *  back by core_group_unref. */
void core_group_dirty (aut_core_t *self, core_group_t *group);
core_group_t *core_group_clean (aut_core_t *self);
void core_group_unref (aut_core_t *self, core_group_t *group);

/*  Longest chain first, then ordinal. */
static inline uint64_t core_key (const core_task_t *task, uint32_t ordinal)
{
    return (uint64_t)(UINT32_MAX - task->chain) << 32 | ordinal;
}

static inline uint32_t core_key_ordinal (uint64_t key)
{
    return (uint32_t)key;
}

/*  Whether an entry still stands for a task that waits in this bucket. */
static inline bool core_key_valid (const core_bucket_t *bucket, uint64_t key)
{
    const core_job_t *job = bucket->job;
    const core_task_t *task = &job->items[core_key_ordinal (key)];
    return task->state == AUT_TASK_READY && !(task->flags & TASK_DELAYED) &&
           job->buckets[task->bucket] == bucket;
}

/* ---- dispatch.c ---- */
void core_dispatch (aut_core_t *self);
void core_worker_freed (aut_core_t *self, core_worker_t *worker);
/*  Whether any worker that can be given work, but those of `except` (a node key, 0 = none), meets
 *  the bucket's group with at least `memory` bytes. */
bool core_able_elsewhere (aut_core_t *self, const core_bucket_t *bucket, const core_task_t *task,
                          uint64_t except, uint64_t memory);

/* ---- job.c ---- */
void core_on_submit (aut_core_t *self, const aut_core_submit_t *submit);
void core_on_cancel (aut_core_t *self, uint64_t reply, uint64_t job);
void core_on_retry (aut_core_t *self, uint64_t reply, uint64_t job);
core_job_t *core_job_find (const aut_core_t *self, uint64_t id);
/*  The first held with a greater id; NULL at the end. */
core_job_t *core_job_after (const aut_core_t *self, uint64_t id);
/*  By the id of a task; NULL if there is no such task. */
core_job_t *core_task_find (const aut_core_t *self, uint64_t task, uint32_t *ordinal);
void core_job_free (aut_core_t *self, core_job_t *job);
/*  Makes room for a job, letting the oldest ended ones go; 0 or AUT_ERR_AGAIN. */
int core_job_room (aut_core_t *self, uint32_t tasks);
core_job_t *core_job_alloc (aut_core_t *self, uint64_t id, uint64_t first_task, uint32_t count,
                            int32_t priority);
void core_job_link (core_job_t *job);
/*  A restored job takes its place: among the ended, if it is / a half restored one goes again. */
void core_job_settle (aut_core_t *self, core_job_t *job);
void core_job_discard (aut_core_t *self, core_job_t *job);
void core_job_key (aut_core_t *self, core_job_t *job, const char *key);
void core_job_state (aut_core_t *self, core_job_t *job, aut_job_state_t state, bool tell);
void core_job_check_end (aut_core_t *self, core_job_t *job);
int core_task_spec (aut_core_t *self, core_job_t *job, uint32_t ordinal,
                    const aut_core_task_spec_t *spec);
int core_text_check (const char *text, size_t max, bool required);

/* ---- task.c ---- */
void core_task_state (aut_core_t *self, core_job_t *job, uint32_t ordinal, aut_task_state_t state);
core_trouble_t *core_task_trouble (aut_core_t *self, core_job_t *job, uint32_t ordinal);
void core_task_forget (aut_core_t *self, core_task_t *task);
void core_trouble_text (core_trouble_t *trouble, const char *code, const char *message);
/*  The predecessor is done (or there is none): ready, or done by its cached result, and then on
 *  to those that start from it. */
void core_task_unblock (aut_core_t *self, core_job_t *job, uint32_t ordinal, bool publish);
/*  Those that start from a task that is done. */
void core_task_release_next (aut_core_t *self, core_job_t *job, uint32_t ordinal);
void core_task_set_tail (core_job_t *job, uint32_t ordinal, const aut_hash_t *tail,
                         const aut_hash_t *frames, uint64_t node);
const core_tail_t *core_task_input (const core_job_t *job, const core_task_t *task);
/*  That of the two in `input` that the task starts from. */
const aut_hash_t *core_task_wants (const core_task_t *task, const core_tail_t *input);
/*  Whether a result lacks something that another task starts from. */
bool core_task_lacks (const core_job_t *job, const core_task_t *task, const aut_hash_t *tail,
                      const aut_hash_t *frames);
/*  The task is done: its predecessor's tail goes, if it was the only one that starts from it. */
void core_task_drop_input (core_job_t *job, const core_task_t *task);
/*  The attempt of a task (leased no more) failed on `node`. */
void core_task_failed (aut_core_t *self, core_job_t *job, uint32_t ordinal, core_node_t *node,
                       uint64_t device_memory, const char *code, const char *message);
/*  The task (leased no more) waits for work again; nobody's fault. */
void core_task_again (aut_core_t *self, core_job_t *job, uint32_t ordinal, aut_core_end_t end,
                      const core_node_t *node);
void core_task_succeeded (aut_core_t *self, core_job_t *job, uint32_t ordinal, uint64_t node_key);
void core_emit_wait (aut_core_t *self, const core_job_t *job, uint32_t ordinal, aut_core_end_t end,
                     const core_node_t *node);
int core_task_set_memory (aut_core_t *self, core_job_t *job, uint32_t ordinal, uint64_t memory);

/* ---- lease.c ---- */
core_lease_t *core_lease_grant (aut_core_t *self, core_job_t *job, uint32_t ordinal,
                                core_node_t *node, core_worker_t *worker, uint64_t epoch);
/*  Ends a lease; the task's state is the caller's to set. */
void core_lease_end (aut_core_t *self, core_lease_t *lease);
/*  Nobody's fault: the task waits again. With `reclaim` its holder may come back with it. */
void core_lease_lost (aut_core_t *self, core_lease_t *lease, bool reclaim);
void core_lease_back (aut_core_t *self, core_lease_t *lease, bool reclaim, aut_core_end_t end);
void core_lease_due (aut_core_t *self, core_lease_t *lease);
aut_core_token_t core_lease_token (const core_lease_t *lease);
void core_emit_lease (aut_core_t *self, const core_lease_t *lease, bool adopted);
void core_on_task (aut_core_t *self, const aut_core_event_t *event, core_node_t *node);
void core_leases_tick (aut_core_t *self);

/* ---- node.c ---- */
void core_on_hello (aut_core_t *self, uint64_t peer, const aut_core_hello_t *hello);
void core_on_bye (aut_core_t *self, core_node_t *node);
void core_on_drain (aut_core_t *self, uint64_t reply, const char *name);
core_node_t *core_node_by_peer (const aut_core_t *self, uint64_t peer);
core_node_t *core_node_find (const aut_core_t *self, uint64_t id);
core_node_t *core_node_add (aut_core_t *self, const char *name, const uint8_t *instance);
void core_node_seen (aut_core_t *self, core_node_t *node);
/*  Links or unlinks its offers as its state and flags say. */
void core_node_able (aut_core_t *self, core_node_t *node);
void core_node_free (aut_core_t *self, core_node_t *node);
void core_nodes_tick (aut_core_t *self);

/* ---- worker.c ---- */
void core_worker_load (aut_core_t *self, core_worker_t *worker, int change);
void core_worker_loaded (core_worker_t *worker, core_model_t *model);
void core_workers_count (aut_core_t *self, const core_node_t *node, bool in);
void core_workers_free (aut_core_t *self, core_worker_t *workers, uint32_t count);
int core_workers_build (aut_core_t *self, core_node_t *node, const aut_core_hello_t *hello,
                        core_worker_t **out);
int core_hello_check (const aut_core_t *self, const aut_core_hello_t *hello);

/* ---- claim.c ---- */
/*  What a HELLO says the node still holds: kept, adopted, acknowledged or aborted; leases that it
 *  does not list are lost. */
void core_claim (aut_core_t *self, core_node_t *node, const aut_core_held_t *held, uint32_t count);

#endif
