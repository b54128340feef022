/*  A scene for the core: a store that checks every fence, nodes that hold what they are assigned,
 *  and a clock. Every batch is carried out as an adapter must: mutations first, sends after; what
 *  the scene itself can judge (fences, order, fitness of a worker) it asserts at once.
 */
#ifndef AUT_TESTS_BROKER_CORE_SCENE_H
#define AUT_TESTS_BROKER_CORE_SCENE_H

#include "broker/core/core.h"

#include <check.h>

/*  As ck_assert, but silent while it holds: Check writes to a pipe for each of its own. */
#define NEED(what)                                                                                 \
    do {                                                                                           \
        if (!(what))                                                                               \
            ck_abort_msg ("%s:%d: %s", __FILE__, __LINE__, #what);                                 \
    } while (0)

#define SCENE_NODES 64
#define SCENE_WORKERS 4
#define SCENE_HELD 64
#define SCENE_JOBS 512
#define SCENE_GB 1000000000ull

typedef struct {
    aut_core_task_spec_t spec;
    aut_core_cached_t cached;
    aut_task_state_t state;
    uint32_t attempt, failures, results, ran;
    uint64_t epoch, memory;
    char node[AUT_CORE_NAME], device[32], code[64];
    uint8_t instance[AUT_CORE_INSTANCE];
    uint64_t excluded[AUT_CORE_EXCLUDED];
    uint32_t excluded_count;
    aut_hash_t tail, frames;
} scene_task_t;

typedef struct {
    uint64_t id, first;
    uint32_t count;
    int32_t priority;
    aut_job_state_t state;
    char key[AUT_CORE_IDEMPOTENCY + 1];
    scene_task_t *tasks;
} scene_job_t;

typedef struct {
    aut_core_token_t token;
    uint32_t worker;
    uint64_t job;
    uint32_t ordinal;
    aut_hash_t input;
    bool has_input, started, finished;
} scene_held_t;

typedef struct {
    char name[64], online[AUT_CORE_NAME];
    uint8_t instance[AUT_CORE_INSTANCE];
    uint64_t peer, id; /* id: as the broker welcomed it; 0 after the broker's restart */
    bool alive, refused;
    bool muted; /* neither hears nor speaks */
    bool deaf;  /* speaks, but hears nothing */
    aut_core_worker_spec_t workers[SCENE_WORKERS];
    const char *models[8];
    uint32_t worker_count;
    scene_held_t held[SCENE_HELD];
    uint32_t held_count;
    scene_held_t ghost; /* the last one aborted */
    uint32_t assigned, acked, aborted, adopted, errors;
} scene_node_t;

typedef struct {
    aut_core_t *core;
    aut_core_config_t config;
    aut_core_actions_t out;
    int64_t now;
    uint64_t epoch, next_peer, next_instance;
    scene_job_t jobs[SCENE_JOBS];
    uint32_t job_count;
    scene_node_t nodes[SCENE_NODES];
    uint32_t node_count;
    /* the last answers to a client */
    uint64_t job;
    bool existing;
    int code;
    char message[AUT_CORE_MESSAGE];
    /* switches */
    bool drop_assigns;
    uint64_t trace; /* a hash of every action */
    uint64_t events;
    uint32_t done_order[4096]; /* ids of tasks in the order of their assignment */
    uint32_t done_count;
} scene_t;

void scene_open (scene_t *s);
/*  With config changed by hand after scene_config. */
void scene_config (scene_t *s);
void scene_start (scene_t *s);
void scene_close (scene_t *s);

/*  The broker is killed and comes back with a higher epoch; nodes do not know yet. */
void scene_restart (scene_t *s);

/*  One event as a batch of its own. */
void scene_step (scene_t *s, const aut_core_event_t *event);
/*  Steps, but the process dies before the commit: nothing is stored or sent. */
void scene_step_lost (scene_t *s, const aut_core_event_t *event);

/*  Lets time pass: nodes that live and are not muted ping every second, ticks come when due. */
void scene_advance (scene_t *s, int64_t ms);
void scene_tick (scene_t *s);

/*  `shots` chains of `chunks` tasks with `cost` each on `model`, any class. The job's id. */
uint64_t scene_submit (scene_t *s, int32_t priority, uint32_t shots, uint32_t chunks, uint32_t cost,
                       const char *model);
uint64_t scene_submit_tasks (scene_t *s, int32_t priority, const char *key,
                             const aut_core_task_spec_t *tasks, uint32_t count);
void scene_cancel (scene_t *s, uint64_t job);
void scene_retry (scene_t *s, uint64_t job);
void scene_drain (scene_t *s, const char *name);

/*  A node that offers model "m" on `workers` cuda workers of `gb` GB with `credit`; online. */
scene_node_t *scene_node (scene_t *s, const char *name, uint32_t workers, uint32_t credit,
                          uint64_t gb);
scene_node_t *scene_node_of (scene_t *s, const char *name, const char *class_, uint64_t gb,
                             const char *model);
/*  Without HELLO. */
scene_node_t *scene_node_new (scene_t *s, const char *name);
/*  HELLO on a new connection, with what it holds. */
void scene_hello (scene_t *s, scene_node_t *node);
void scene_ping (scene_t *s, scene_node_t *node);

void scene_started (scene_t *s, scene_node_t *node, const scene_held_t *held);
void scene_progress (scene_t *s, scene_node_t *node, const scene_held_t *held, uint32_t step);
void scene_done (scene_t *s, scene_node_t *node, const scene_held_t *held);
void scene_fail (scene_t *s, scene_node_t *node, const scene_held_t *held, int code);
void scene_release (scene_t *s, scene_node_t *node, const scene_held_t *held);
void scene_bye (scene_t *s, scene_node_t *node);

/*  What a node holds of a task, or NULL. */
scene_held_t *scene_held (scene_node_t *node, uint64_t task);
/*  What its i-th worker holds first, or NULL. */
scene_held_t *scene_on (scene_node_t *node, uint32_t worker);
scene_task_t *scene_task (scene_t *s, uint64_t task);
scene_job_t *scene_job (scene_t *s, uint64_t job);
/*  The tail that a task's attempt gives. */
aut_hash_t scene_tail (uint64_t task, uint32_t attempt);
/*  And the frames. */
aut_hash_t scene_frames (uint64_t task, uint32_t attempt);

/*  Everything that any node holds is done, again and again, until nothing is held; how many. */
uint32_t scene_run (scene_t *s);

/*  The core's own view against the store's, and its counters against a count. */
void scene_check (scene_t *s);

#endif
