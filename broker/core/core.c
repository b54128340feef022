/*  The core's life, its clock, and the dispatch of events. The rest: job.c and task.c (what is to
 * be done), queue.c (in which order), offer.c and worker.c (by whom), dispatch.c (matching),
 * lease.c (who does it), node.c and claim.c (nodes and what they hold), restore.c, query.c. */
#include "broker/core/internal.h"

#include <string.h>

static const char *const job_states[AUT_JOB_STATES] = {"queued", "running", "done", "failed",
                                                       "cancelled"};
static const char *const task_states[AUT_TASK_STATES] = {"blocked", "ready",  "leased",
                                                         "done",    "failed", "cancelled"};
static const char *const node_states[AUT_NODE_STATES] = {"online", "draining", "lost"};

const char *aut_job_state_text (aut_job_state_t state)
{
    return (unsigned)state < AUT_JOB_STATES ? job_states[state] : "unknown";
}

const char *aut_task_state_text (aut_task_state_t state)
{
    return (unsigned)state < AUT_TASK_STATES ? task_states[state] : "unknown";
}

const char *aut_node_state_text (aut_node_state_t state)
{
    return (unsigned)state < AUT_NODE_STATES ? node_states[state] : "unknown";
}

static int parse (const char *const *names, int count, const char *text)
{
    for (int i = 0; i < count; i++)
        if (!strcmp (names[i], text))
            return i;
    return aut_fail (AUT_ERR_INVALID, "\"%.40s\" is no state", text);
}

int aut_job_state_parse (aut_job_state_t *state, const char *text)
{
    int at = parse (job_states, AUT_JOB_STATES, text);
    if (at < 0)
        return at;
    *state = (aut_job_state_t)at;
    return 0;
}

int aut_task_state_parse (aut_task_state_t *state, const char *text)
{
    int at = parse (task_states, AUT_TASK_STATES, text);
    if (at < 0)
        return at;
    *state = (aut_task_state_t)at;
    return 0;
}

/* ---- life ---- */

void aut_core_config_init (aut_core_config_t *config)
{
    *config = (aut_core_config_t){.epoch = 1,
                                  .next_job = 1,
                                  .next_task = 1,
                                  .lease_ms = 30000,
                                  .silent_ms = 15000,
                                  .ping_ms = 1000,
                                  .stall_ms = 900000,
                                  .run_ms = 86400000,
                                  .backoff_ms = 1000,
                                  .backoff_max_ms = 30000,
                                  .lost_keep_ms = 3600000,
                                  .max_failures = 3,
                                  .max_jobs = 100000,
                                  .max_tasks = 8000000,
                                  .max_nodes = 20000,
                                  .max_workers = 64,
                                  .max_credit = 16,
                                  .max_models = 4096,
                                  .max_worker_models = 256,
                                  .max_held = 1024};
}

#define BOUND(field)                                                                               \
    if (!self->config.field)                                                                       \
    self->config.field = defaults.field

static void config_complete (aut_core_t *self)
{
    aut_core_config_t defaults;
    aut_core_config_init (&defaults);
    BOUND (epoch);
    BOUND (next_job);
    BOUND (next_task);
    BOUND (lease_ms);
    BOUND (silent_ms);
    BOUND (ping_ms);
    BOUND (stall_ms);
    BOUND (backoff_ms);
    BOUND (backoff_max_ms);
    BOUND (lost_keep_ms);
    BOUND (max_failures);
    BOUND (max_jobs);
    BOUND (max_tasks);
    BOUND (max_nodes);
    BOUND (max_workers);
    BOUND (max_credit);
    BOUND (max_models);
    BOUND (max_worker_models);
    BOUND (max_held);
    if (self->config.max_failures > UINT8_MAX)
        self->config.max_failures = UINT8_MAX;
    if (self->config.max_workers > 4096) /* an offer's order has 12 bits for them */
        self->config.max_workers = 4096;
}

/*  Ties are broken by numbers, never by addresses: the same events give the same order. */
static int compare_leases (const void *a, const void *b)
{
    const core_lease_t *one = a, *two = b;
    if (one->due != two->due)
        return one->due < two->due ? -1 : 1;
    uint64_t first = one->job->first_task + one->ordinal;
    uint64_t second = two->job->first_task + two->ordinal;
    return first < second ? -1 : first > second;
}

static int compare_troubles (const void *a, const void *b)
{
    const core_trouble_t *one = a, *two = b;
    if (one->due != two->due)
        return one->due < two->due ? -1 : 1;
    uint64_t first = one->job->first_task + one->ordinal;
    uint64_t second = two->job->first_task + two->ordinal;
    return first < second ? -1 : first > second;
}

static int compare_nodes (const void *a, const void *b)
{
    const core_node_t *one = a, *two = b;
    if (one->due != two->due)
        return one->due < two->due ? -1 : 1;
    return one->id < two->id ? -1 : one->id > two->id;
}

aut_core_t *aut_core_new (const aut_core_config_t *config)
{
    aut_core_t *self = aut_calloc (1, sizeof *self);
    self->config = *config;
    config_complete (self);
    self->next_job = self->config.next_job;
    self->next_task = self->config.next_task;
    self->next_node = 1;
    self->metrics.class_count = 1; /* "", any */
    aut_heap_init (&self->leases, compare_leases, offsetof (core_lease_t, heap_index));
    aut_heap_init (&self->silence, compare_nodes, offsetof (core_node_t, heap_index));
    aut_heap_init (&self->delayed, compare_troubles, offsetof (core_trouble_t, heap_index));
    return self;
}

static void free_node (aut_core_t *self, core_node_t *node)
{
    while (node->leases)
        core_lease_end (self, node->leases);
    core_node_free (self, node);
}

void aut_core_destroy (aut_core_t **self_p)
{
    aut_core_t *self = *self_p;
    if (!self)
        return;
    *self_p = NULL;
    while (self->by_id)
        free_node (self, self->by_id);
    for (core_group_t *group; (group = core_group_clean (self));)
        core_group_unref (self, group);
    while (self->restoring) {
        core_job_t *job = self->restoring;
        self->restoring = job->ended_next;
        job->ended_next = NULL;
        core_job_discard (self, job);
    }
    for (core_job_t *job; (job = core_job_after (self, 0));)
        core_job_free (self, job);
    aut_heap_clear (&self->leases);
    aut_heap_clear (&self->silence);
    aut_heap_clear (&self->delayed);
    free (self->slots);
    free (self->freed);
    free (self->work);
    free (self);
}

/* ---- time ---- */

/*  While nodes are online the adapter ticks at least so often. A much longer gap means that the
 *  broker itself was stopped: its nodes then get their time again. */
static int64_t tick_ms (const aut_core_t *self)
{
    return self->config.silent_ms / 3;
}

static void advance (aut_core_t *self, int64_t now_ms)
{
    if (self->stepped && now_ms > self->now + 2 * tick_ms (self) && self->silence.count)
        self->resumed = now_ms;
    if (now_ms > self->now)
        self->now = now_ms;
    self->stepped = true;
}

static int64_t sooner (int64_t a, int64_t b)
{
    return a < b ? a : b;
}

int64_t aut_core_deadline (const aut_core_t *self)
{
    int64_t deadline = AUT_CORE_NEVER;
    const core_lease_t *lease = aut_heap_top (&self->leases);
    const core_node_t *node = aut_heap_top (&self->silence);
    const core_trouble_t *trouble = aut_heap_top (&self->delayed);
    if (lease)
        deadline = sooner (deadline, lease->due);
    if (node)
        deadline = sooner (deadline, sooner (node->due, self->now + tick_ms (self)));
    if (trouble)
        deadline = sooner (deadline, trouble->due);
    if (self->lost_first && !self->lost_first->lease_count)
        deadline = sooner (deadline, self->lost_first->due);
    return deadline;
}

static void on_tick (aut_core_t *self)
{
    core_trouble_t *trouble;
    core_nodes_tick (self);
    core_leases_tick (self);
    while ((trouble = aut_heap_top (&self->delayed)) && trouble->due <= self->now) {
        aut_heap_pop (&self->delayed);
        core_queue_push (self, trouble->job, trouble->ordinal);
    }
}

/* ---- events ---- */

static void on_node_event (aut_core_t *self, const aut_core_event_t *event)
{
    core_node_t *node = core_node_by_peer (self, event->peer);
    if (!node || node->state == AUT_NODE_LOST) {
        if (event->kind != AUT_EV_GONE && event->kind != AUT_EV_BYE)
            core_emit_reply (self, AUT_SEND_NODE_ERROR, event->peer, AUT_ERR_STATE,
                             "the broker does not know this node (any more): say HELLO");
        return;
    }
    if (event->kind == AUT_EV_GONE) {
        node->gone = true;
        core_node_able (self, node);
        return;
    }
    if (event->kind == AUT_EV_BYE) {
        core_on_bye (self, node);
        return;
    }
    core_node_seen (self, node);
    if (event->kind == AUT_EV_PING)
        core_emit_token (self, AUT_SEND_PONG, node->peer, (aut_core_token_t){0}, 0);
    else if (event->kind != AUT_EV_PONG)
        core_on_task (self, event, node);
}

/*  Only what an adapter could get wrong; the bounds of what peers say are checked by the handlers,
 *  which answer them. */
static int event_check (const aut_core_event_t *event)
{
    if ((unsigned)event->kind >= AUT_EV_KINDS)
        return aut_fail (AUT_ERR_INVALID, "event kind %d does not exist", (int)event->kind);
    if (event->kind >= AUT_EV_HELLO && event->kind <= AUT_EV_GONE && !event->peer)
        return aut_fail (AUT_ERR_INVALID, "a node's event has no peer");
    if (event->kind == AUT_EV_FAIL && (!event->u.task.code || !event->u.task.message))
        return aut_fail (AUT_ERR_INVALID, "FAIL has no code or message");
    if (event->kind == AUT_EV_DRAIN && !event->u.drain.name)
        return aut_fail (AUT_ERR_INVALID, "DRAIN names no node");
    if (event->kind == AUT_EV_SUBMIT && event->u.submit.task_count && !event->u.submit.tasks)
        return aut_fail (AUT_ERR_INVALID, "SUBMIT has no tasks");
    return 0;
}

int aut_core_step (aut_core_t *self, const aut_core_event_t *event, int64_t now_ms,
                   aut_core_actions_t *out)
{
    int rc = event_check (event);
    if (rc)
        return rc;
    self->out = out;
    self->metrics.events++;
    advance (self, now_ms);
    switch (event->kind) {
    case AUT_EV_SUBMIT:
        core_on_submit (self, &event->u.submit);
        break;
    case AUT_EV_CANCEL:
        core_on_cancel (self, event->u.job.reply, event->u.job.job);
        break;
    case AUT_EV_RETRY:
        core_on_retry (self, event->u.job.reply, event->u.job.job);
        break;
    case AUT_EV_DRAIN:
        core_on_drain (self, event->u.drain.reply, event->u.drain.name);
        break;
    case AUT_EV_HELLO:
        core_on_hello (self, event->peer, &event->u.hello);
        break;
    case AUT_EV_TICK:
        on_tick (self);
        break;
    default:
        on_node_event (self, event);
        break;
    }
    core_dispatch (self);
    self->out = NULL;
    return 0;
}
