#include "tests/broker_core/scene.h"

#include "lib/core/mem.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the store ---- */

scene_job_t *scene_job (scene_t *s, uint64_t job)
{
    for (uint32_t i = 0; i < s->job_count; i++)
        if (s->jobs[i].id == job)
            return &s->jobs[i];
    return NULL;
}

scene_task_t *scene_task (scene_t *s, uint64_t task)
{
    for (uint32_t i = 0; i < s->job_count; i++)
        if (task >= s->jobs[i].first && task < s->jobs[i].first + s->jobs[i].count)
            return &s->jobs[i].tasks[task - s->jobs[i].first];
    return NULL;
}

static scene_task_t *stored (scene_t *s, uint64_t task)
{
    scene_task_t *found = scene_task (s, task);
    NEED (found != NULL);
    return found;
}

aut_hash_t scene_tail (uint64_t task, uint32_t attempt)
{
    aut_hash_t hash = {{1}};
    memcpy (hash.bytes + 8, &task, sizeof task);
    memcpy (hash.bytes + 16, &attempt, sizeof attempt);
    return hash;
}

aut_hash_t scene_frames (uint64_t task, uint32_t attempt)
{
    aut_hash_t hash = scene_tail (task, attempt);
    hash.bytes[0] = 2;
    return hash;
}

/*  What of its predecessor's a task must have been made from. */
static const aut_hash_t *wanted (const scene_task_t *task, const scene_task_t *pred)
{
    return task->spec.frames ? &pred->frames : &pred->tail;
}

static scene_task_t *before (scene_t *s, uint64_t task)
{
    uint32_t after = stored (s, task)->spec.after;
    for (uint32_t i = 0; after != AUT_CORE_NONE && i < s->job_count; i++)
        if (task >= s->jobs[i].first && task < s->jobs[i].first + s->jobs[i].count)
            return &s->jobs[i].tasks[after];
    return NULL;
}

static void store_insert (scene_t *s, const aut_core_action_t *a)
{
    const aut_core_submit_t *submit = a->u.insert.submit;
    NEED (s->job_count < SCENE_JOBS);
    NEED (scene_job (s, a->u.insert.job) == NULL);
    scene_job_t *job = &s->jobs[s->job_count++];
    *job = (scene_job_t){.id = a->u.insert.job,
                         .first = a->u.insert.first_task,
                         .count = a->u.insert.task_count,
                         .priority = submit->priority,
                         .state = AUT_JOB_QUEUED};
    snprintf (job->key, sizeof job->key, "%s", submit->idempotency ? submit->idempotency : "");
    job->tasks = aut_calloc (job->count, sizeof *job->tasks);
    for (uint32_t i = 0; i < job->count; i++) {
        scene_task_t *task = &job->tasks[i];
        task->spec = submit->tasks[i];
        task->state = AUT_TASK_READY;
        task->memory = task->spec.memory;
        if (task->spec.cached) {
            task->cached = *task->spec.cached;
            task->spec.cached = &task->cached;
        }
    }
}

static void store_lease (scene_t *s, const aut_core_action_t *a)
{
    aut_core_token_t token = a->u.lease.token;
    scene_task_t *task = stored (s, token.task), *pred = before (s, token.task);
    NEED (token.epoch == s->epoch);
    NEED (task->state < AUT_TASK_DONE);
    if (a->u.lease.adopted) {
        NEED (token.attempt == task->attempt);
    } else {
        NEED (token.attempt == task->attempt + 1);
        NEED (task->state != AUT_TASK_LEASED);
    }
    if (pred) /* handoff is serial */
        NEED (pred->state == AUT_TASK_DONE);
    task->state = AUT_TASK_LEASED;
    task->attempt = token.attempt;
    task->epoch = token.epoch;
    snprintf (task->node, sizeof task->node, "%s", a->u.lease.node);
    snprintf (task->device, sizeof task->device, "%.31s", a->u.lease.device);
    memcpy (task->instance, a->u.lease.instance, AUT_CORE_INSTANCE);
}

/*  The fence: the lease that is stored, and no result before. */
static void store_result (scene_t *s, const aut_core_action_t *a)
{
    aut_core_token_t token = a->u.result.token;
    scene_task_t *task = stored (s, token.task), *pred = before (s, token.task);
    NEED (task->state == AUT_TASK_LEASED);
    NEED (task->attempt == token.attempt);
    NEED (task->epoch == token.epoch);
    NEED (!strcmp (task->node, a->u.result.node));
    NEED (task->results == 0);
    if (pred) {
        const aut_core_done_t *done = a->u.result.done;
        bool used = false;
        for (uint32_t i = 0; i < done->used_count; i++)
            used |= aut_hash_equal (&done->used[i], wanted (task, pred));
        NEED (used);
    }
    task->results++;
    task->ran++;
    task->tail = a->u.result.done->tail;
    task->frames = a->u.result.done->frames;
    task->state = AUT_TASK_DONE;
}

static void store_cached (scene_t *s, const aut_core_action_t *a)
{
    scene_task_t *task = stored (s, a->u.cached.task), *pred = before (s, a->u.cached.task);
    NEED (task->spec.cached != NULL);
    NEED (task->state == AUT_TASK_READY);
    if (pred) {
        NEED (pred->state == AUT_TASK_DONE);
        NEED (aut_hash_equal (wanted (task, pred), &task->cached.used));
    }
    task->tail = task->cached.tail;
    task->frames = task->cached.frames;
    task->results++;
    task->state = AUT_TASK_DONE;
}

static void store_wait (scene_t *s, const aut_core_action_t *a)
{
    scene_task_t *task = stored (s, a->u.wait.task);
    NEED (task->state == AUT_TASK_LEASED);
    NEED (task->attempt == a->u.wait.attempt);
    task->state = AUT_TASK_READY;
    task->failures = a->u.wait.failures;
    task->memory = a->u.wait.memory;
    snprintf (task->code, sizeof task->code, "%s", a->u.wait.code ? a->u.wait.code : "");
    memcpy (task->excluded, a->u.wait.excluded, sizeof task->excluded);
    task->excluded_count = a->u.wait.excluded_count;
}

static void store_failed (scene_t *s, const aut_core_action_t *a)
{
    scene_task_t *task = stored (s, a->u.failed.task);
    NEED (task->state == AUT_TASK_LEASED || task->state == AUT_TASK_READY);
    task->state = AUT_TASK_FAILED;
    task->failures = a->u.failed.failures;
    snprintf (task->code, sizeof task->code, "%s", a->u.failed.code);
}

static void store_job (scene_t *s, const aut_core_action_t *a)
{
    scene_job_t *job = scene_job (s, a->u.job.job);
    NEED (job != NULL);
    for (uint32_t i = 0; i < job->count; i++) {
        scene_task_t *task = &job->tasks[i];
        bool again = task->state == AUT_TASK_FAILED || task->state == AUT_TASK_CANCELLED;
        if (a->kind == AUT_MUT_JOB_CANCEL && task->state < AUT_TASK_DONE)
            task->state = AUT_TASK_CANCELLED;
        if (a->kind == AUT_MUT_JOB_RETRY && again) {
            task->state = AUT_TASK_READY;
            task->failures = task->excluded_count = 0;
            task->code[0] = 0;
        }
        if (a->kind == AUT_MUT_JOB_STATE && a->u.job.state >= AUT_JOB_DONE)
            NEED (task->state >= AUT_TASK_DONE);
        if (a->kind == AUT_MUT_JOB_STATE && a->u.job.state == AUT_JOB_DONE)
            NEED (task->state == AUT_TASK_DONE);
    }
    job->state = a->u.job.state;
}

static void store (scene_t *s, const aut_core_action_t *a)
{
    static void (*const table[]) (scene_t *, const aut_core_action_t *) = {
        [AUT_MUT_JOB_INSERT] = store_insert,  [AUT_MUT_JOB_STATE] = store_job,
        [AUT_MUT_JOB_CANCEL] = store_job,     [AUT_MUT_JOB_RETRY] = store_job,
        [AUT_MUT_TASK_LEASE] = store_lease,   [AUT_MUT_TASK_WAIT] = store_wait,
        [AUT_MUT_TASK_RESULT] = store_result, [AUT_MUT_TASK_CACHED] = store_cached,
        [AUT_MUT_TASK_FAILED] = store_failed,
    };
    table[a->kind](s, a);
}

/* ---- nodes ---- */

static scene_node_t *node_at (scene_t *s, uint64_t peer)
{
    for (uint32_t i = 0; i < s->node_count; i++)
        if (s->nodes[i].alive && !s->nodes[i].muted && !s->nodes[i].deaf &&
            s->nodes[i].peer == peer)
            return &s->nodes[i];
    return NULL;
}

scene_held_t *scene_held (scene_node_t *node, uint64_t task)
{
    for (uint32_t i = 0; i < node->held_count; i++)
        if (node->held[i].token.task == task)
            return &node->held[i];
    return NULL;
}

scene_held_t *scene_on (scene_node_t *node, uint32_t worker)
{
    for (uint32_t i = 0; i < node->held_count; i++)
        if (node->held[i].worker == worker)
            return &node->held[i];
    return NULL;
}

static scene_held_t *held_by_token (scene_node_t *node, aut_core_token_t token)
{
    scene_held_t *held = scene_held (node, token.task);
    return held && held->token.attempt == token.attempt && held->token.epoch == token.epoch ? held
                                                                                            : NULL;
}

static void drop (scene_node_t *node, scene_held_t *held)
{
    size_t at = (size_t)(held - node->held);
    memmove (held, held + 1, (node->held_count - at - 1) * sizeof *held);
    node->held_count--;
}

static void on_assign (scene_t *s, const aut_core_action_t *a)
{
    scene_task_t *task = stored (s, a->u.assign.token.task);
    scene_task_t *pred = before (s, a->u.assign.token.task);
    scene_node_t *node = node_at (s, a->u.assign.peer);
    /* committed before it is sent */
    NEED (task->state == AUT_TASK_LEASED);
    NEED (task->attempt == a->u.assign.token.attempt);
    NEED (task->epoch == a->u.assign.token.epoch);
    NEED ((pred != NULL) == (a->u.assign.after != 0));
    NEED (a->u.assign.frames == task->spec.frames);
    if (pred)
        NEED (aut_hash_equal (&a->u.assign.input, wanted (task, pred)));
    if (s->done_count < sizeof s->done_order / sizeof *s->done_order)
        s->done_order[s->done_count++] = (uint32_t)a->u.assign.token.task;
    if (!node || s->drop_assigns)
        return;
    const aut_core_worker_spec_t *worker = NULL;
    for (uint32_t i = 0; i < node->worker_count; i++)
        if (node->workers[i].id == a->u.assign.worker)
            worker = &node->workers[i];
    NEED (worker != NULL);
    NEED (worker->memory >= task->memory);
    if (task->spec.class_ && *task->spec.class_)
        NEED (!strcmp (worker->class_, task->spec.class_));
    bool offered = false;
    for (uint32_t i = 0; i < worker->model_count; i++)
        offered |= !strcmp (worker->models[i], task->spec.model);
    NEED (offered);
    NEED (node->held_count < SCENE_HELD);
    node->assigned++;
    node->held[node->held_count++] = (scene_held_t){.token = a->u.assign.token,
                                                    .worker = a->u.assign.worker,
                                                    .job = a->u.assign.job,
                                                    .ordinal = a->u.assign.ordinal,
                                                    .input = a->u.assign.input,
                                                    .has_input = pred != NULL};
}

static void on_token (scene_t *s, const aut_core_action_t *a)
{
    scene_node_t *node = node_at (s, a->u.token.peer);
    scene_held_t *held = node ? held_by_token (node, a->u.token.token) : NULL;
    if (!node || a->kind == AUT_SEND_PONG)
        return;
    node->acked += a->kind == AUT_SEND_ACK;
    node->aborted += a->kind == AUT_SEND_ABORT;
    node->adopted += a->kind == AUT_SEND_ADOPT;
    if (!held)
        return;
    if (a->kind == AUT_SEND_ADOPT) {
        scene_task_t *task = stored (s, a->u.token.token.task);
        NEED (task->epoch == a->u.token.new_epoch);
        NEED (task->attempt == a->u.token.token.attempt);
        held->token.epoch = a->u.token.new_epoch;
        return;
    }
    if (a->kind == AUT_SEND_ABORT)
        node->ghost = *held;
    drop (node, held);
}

static void carry_out (scene_t *s, const aut_core_action_t *a)
{
    scene_node_t *node;
    switch (a->kind) {
    case AUT_SEND_SUBMITTED:
        s->job = a->u.submitted.job;
        s->existing = a->u.submitted.existing;
        s->code = 0;
        NEED (scene_job (s, s->job) != NULL);
        break;
    case AUT_SEND_OK:
    case AUT_SEND_CLIENT_ERROR:
        s->code = a->u.reply.code;
        snprintf (s->message, sizeof s->message, "%s", a->u.reply.message);
        break;
    case AUT_SEND_WELCOME:
        if ((node = node_at (s, a->u.welcome.peer))) {
            node->id = a->u.welcome.node;
            snprintf (node->online, sizeof node->online, "%s", a->u.welcome.name);
        }
        break;
    case AUT_SEND_NODE_ERROR:
        s->code = a->u.reply.code;
        snprintf (s->message, sizeof s->message, "%s", a->u.reply.message);
        if ((node = node_at (s, a->u.reply.reply))) {
            node->refused = true;
            node->errors++;
        }
        break;
    case AUT_SEND_ASSIGN:
        on_assign (s, a);
        break;
    case AUT_SEND_ACK:
    case AUT_SEND_ABORT:
    case AUT_SEND_ADOPT:
    case AUT_SEND_PONG:
        on_token (s, a);
        break;
    default:
        break;
    }
}

/*  What goes into the trace is what an observer could see. */
static void trace (scene_t *s, const aut_core_action_t *a)
{
    uint64_t values[4] = {a->kind};
    if (a->kind == AUT_SEND_ASSIGN || a->kind == AUT_MUT_TASK_LEASE) {
        values[1] = a->kind == AUT_SEND_ASSIGN ? a->u.assign.token.task : a->u.lease.token.task;
        values[2] = a->kind == AUT_SEND_ASSIGN ? a->u.assign.peer : a->u.lease.token.attempt;
        values[3] = a->kind == AUT_SEND_ASSIGN ? a->u.assign.worker : a->u.lease.job;
    } else if (a->kind >= AUT_SEND_ACK && a->kind <= AUT_SEND_ADOPT) {
        values[1] = a->u.token.token.task;
        values[2] = a->u.token.peer;
    } else if (a->kind == AUT_PUB_TASK) {
        values[1] = a->u.task.task;
        values[2] = a->u.task.state;
        values[3] = a->u.task.failures;
    }
    for (int i = 0; i < 4; i++)
        s->trace = (s->trace ^ values[i]) * 0x100000001b3u + 0x9e3779b97f4a7c15u;
}

void scene_step (scene_t *s, const aut_core_event_t *event)
{
    s->events++;
    aut_core_actions_clear (&s->out);
    NEED (aut_core_step (s->core, event, s->now, &s->out) == 0);
    for (size_t i = 0; i < s->out.count; i++) {
        trace (s, &s->out.items[i]);
        if (aut_core_is_mutation (s->out.items[i].kind))
            store (s, &s->out.items[i]);
    }
    for (size_t i = 0; i < s->out.count; i++)
        if (!aut_core_is_mutation (s->out.items[i].kind))
            carry_out (s, &s->out.items[i]);
}

void scene_step_lost (scene_t *s, const aut_core_event_t *event)
{
    aut_core_actions_clear (&s->out);
    NEED (aut_core_step (s->core, event, s->now, &s->out) == 0);
    scene_restart (s);
}

/* ---- life ---- */

void scene_config (scene_t *s)
{
    memset (s, 0, sizeof *s);
    aut_core_config_init (&s->config);
    s->now = 1000000;
    s->epoch = 1;
    s->next_peer = 1;
    s->next_instance = 1;
    s->trace = 0xcbf29ce484222325u;
}

void scene_start (scene_t *s)
{
    s->config.epoch = s->epoch;
    s->core = aut_core_new (&s->config);
}

void scene_open (scene_t *s)
{
    scene_config (s);
    scene_start (s);
}

void scene_close (scene_t *s)
{
    aut_core_destroy (&s->core);
    NEED (s->core == NULL);
    aut_core_actions_destroy (&s->out);
    for (uint32_t i = 0; i < s->job_count; i++)
        free (s->jobs[i].tasks);
}

static void restore_job (scene_t *s, const scene_job_t *job)
{
    aut_core_job_restore_t from = {.id = job->id,
                                   .first_task = job->first,
                                   .task_count = job->count,
                                   .priority = job->priority,
                                   .state = job->state,
                                   .idempotency = job->key};
    NEED (aut_core_restore_job (s->core, &from) == 0);
    for (uint32_t i = 0; i < job->count; i++) {
        const scene_task_t *task = &job->tasks[i];
        aut_core_task_restore_t t = {.spec = task->spec,
                                     .state = task->state,
                                     .attempt = task->attempt,
                                     .failures = task->failures,
                                     .epoch = task->epoch,
                                     .node = task->node,
                                     .device = task->device,
                                     .excluded = task->excluded,
                                     .excluded_count = task->excluded_count,
                                     .tail = task->tail,
                                     .frames = task->frames,
                                     .code = task->code,
                                     .message = "stored"};
        t.spec.memory = task->memory;
        memcpy (t.instance, task->instance, AUT_CORE_INSTANCE);
        NEED (aut_core_restore_task (s->core, job->id, i, &t) == 0);
    }
}

void scene_restart (scene_t *s)
{
    aut_core_destroy (&s->core);
    s->epoch++;
    scene_start (s);
    for (uint32_t i = 0; i < s->job_count; i++)
        restore_job (s, &s->jobs[i]);
    aut_core_actions_clear (&s->out);
    NEED (aut_core_restore_end (s->core, s->now, &s->out) == 0);
    for (size_t i = 0; i < s->out.count; i++)
        if (aut_core_is_mutation (s->out.items[i].kind))
            store (s, &s->out.items[i]);
    for (size_t i = 0; i < s->out.count; i++)
        if (!aut_core_is_mutation (s->out.items[i].kind))
            carry_out (s, &s->out.items[i]);
    /* every connection is new */
    for (uint32_t i = 0; i < s->node_count; i++) {
        s->nodes[i].peer = s->next_peer++;
        s->nodes[i].id = 0;
    }
}

void scene_tick (scene_t *s)
{
    scene_step (s, &(aut_core_event_t){.kind = AUT_EV_TICK});
}

void scene_advance (scene_t *s, int64_t ms)
{
    int64_t end = s->now + ms;
    while (s->now < end) {
        int64_t next = s->now - s->now % 1000 + 1000;
        int64_t due = aut_core_deadline (s->core);
        if (due < next)
            next = due > s->now ? due : s->now;
        if (next > end)
            next = end;
        s->now = next;
        if (s->now % 1000 == 0)
            for (uint32_t i = 0; i < s->node_count; i++)
                if (s->nodes[i].alive && !s->nodes[i].muted)
                    scene_ping (s, &s->nodes[i]);
        if (aut_core_deadline (s->core) <= s->now)
            scene_tick (s);
        NEED (aut_core_deadline (s->core) > s->now);
    }
}

/* ---- clients ---- */

uint64_t scene_submit_tasks (scene_t *s, int32_t priority, const char *key,
                             const aut_core_task_spec_t *tasks, uint32_t count)
{
    aut_core_event_t event = {.kind = AUT_EV_SUBMIT};
    event.u.submit = (aut_core_submit_t){
        .reply = 7, .idempotency = key, .priority = priority, .tasks = tasks, .task_count = count};
    s->job = 0;
    scene_step (s, &event);
    return s->job;
}

uint64_t scene_submit (scene_t *s, int32_t priority, uint32_t shots, uint32_t chunks, uint32_t cost,
                       const char *model)
{
    aut_core_task_spec_t *tasks = aut_calloc ((size_t)shots * chunks, sizeof *tasks);
    for (uint32_t i = 0; i < shots * chunks; i++)
        tasks[i] = (aut_core_task_spec_t){.shot = i / chunks,
                                          .chunk = i % chunks,
                                          .after = i % chunks ? i - 1 : AUT_CORE_NONE,
                                          .cost = cost,
                                          .model = model,
                                          .class_ = ""};
    uint64_t job = scene_submit_tasks (s, priority, NULL, tasks, shots * chunks);
    free (tasks);
    return job;
}

void scene_cancel (scene_t *s, uint64_t job)
{
    aut_core_event_t event = {.kind = AUT_EV_CANCEL, .u.job = {7, job}};
    scene_step (s, &event);
}

void scene_retry (scene_t *s, uint64_t job)
{
    aut_core_event_t event = {.kind = AUT_EV_RETRY, .u.job = {7, job}};
    scene_step (s, &event);
}

void scene_drain (scene_t *s, const char *name)
{
    aut_core_event_t event = {.kind = AUT_EV_DRAIN, .u.drain = {7, name}};
    scene_step (s, &event);
}

/* ---- what nodes say ---- */

scene_node_t *scene_node_new (scene_t *s, const char *name)
{
    NEED (s->node_count < SCENE_NODES);
    scene_node_t *node = &s->nodes[s->node_count++];
    *node = (scene_node_t){.alive = true};
    snprintf (node->name, sizeof node->name, "%s", name);
    uint64_t instance = s->next_instance++;
    memcpy (node->instance, &instance, sizeof instance);
    return node;
}

scene_node_t *scene_node (scene_t *s, const char *name, uint32_t workers, uint32_t credit,
                          uint64_t gb)
{
    static const char *const devices[] = {"cuda:0", "cuda:1", "cuda:2", "cuda:3"};
    scene_node_t *node = scene_node_new (s, name);
    node->worker_count = workers;
    node->models[0] = "m";
    for (uint32_t i = 0; i < workers; i++)
        node->workers[i] = (aut_core_worker_spec_t){.id = i,
                                                    .device = devices[i],
                                                    .class_ = "cuda",
                                                    .memory = gb * SCENE_GB,
                                                    .models = node->models,
                                                    .model_count = 1,
                                                    .credit = credit};
    scene_hello (s, node);
    return node;
}

scene_node_t *scene_node_of (scene_t *s, const char *name, const char *class_, uint64_t gb,
                             const char *model)
{
    scene_node_t *node = scene_node_new (s, name);
    node->worker_count = 1;
    node->models[0] = model;
    node->workers[0] =
        (aut_core_worker_spec_t){.id = 0,
                                 .device = !strcmp (class_, "cpu") ? "cpu" : "cuda:0",
                                 .class_ = class_,
                                 .memory = gb * SCENE_GB,
                                 .models = node->models,
                                 .model_count = 1,
                                 .credit = 1};
    scene_hello (s, node);
    return node;
}

void scene_hello (scene_t *s, scene_node_t *node)
{
    aut_core_held_t held[SCENE_HELD];
    for (uint32_t i = 0; i < node->held_count; i++)
        held[i] = (aut_core_held_t){node->held[i].token, node->held[i].finished};
    node->peer = s->next_peer++;
    node->muted = node->deaf = node->refused = false;
    aut_core_event_t event = {.kind = AUT_EV_HELLO, .peer = node->peer};
    event.u.hello = (aut_core_hello_t){.name = node->name,
                                       .workers = node->workers,
                                       .worker_count = node->worker_count,
                                       .held = held,
                                       .held_count = node->held_count};
    memcpy (event.u.hello.instance, node->instance, AUT_CORE_INSTANCE);
    scene_step (s, &event);
}

void scene_ping (scene_t *s, scene_node_t *node)
{
    scene_step (s, &(aut_core_event_t){.kind = AUT_EV_PING, .peer = node->peer});
}

static aut_core_event_t task_event (aut_core_event_kind_t kind, const scene_node_t *node,
                                    const scene_held_t *held)
{
    aut_core_event_t event = {.kind = kind, .peer = node->peer};
    event.u.task.token = held->token;
    return event;
}

void scene_started (scene_t *s, scene_node_t *node, const scene_held_t *held)
{
    aut_core_event_t event = task_event (AUT_EV_STARTED, node, held);
    scene_step (s, &event);
}

void scene_progress (scene_t *s, scene_node_t *node, const scene_held_t *held, uint32_t step)
{
    aut_core_event_t event = task_event (AUT_EV_PROGRESS, node, held);
    event.u.task.step = step;
    event.u.task.steps = 100;
    scene_step (s, &event);
}

void scene_done (scene_t *s, scene_node_t *node, const scene_held_t *held)
{
    aut_hash_t input = held->input;
    aut_core_event_t event = task_event (AUT_EV_DONE, node, held);
    const scene_task_t *task = scene_task (s, held->token.task);
    event.u.task.done =
        (aut_core_done_t){.frames = scene_frames (held->token.task, held->token.attempt),
                          .used = &input,
                          .used_count = held->has_input};
    if (!task || !task->spec.frames) /* what is enlarged has no tail */
        event.u.task.done.tail = scene_tail (held->token.task, held->token.attempt);
    scene_step (s, &event);
}

void scene_fail (scene_t *s, scene_node_t *node, const scene_held_t *held, int code)
{
    aut_core_event_t event = task_event (AUT_EV_FAIL, node, held);
    event.u.task.code = aut_error_text (code);
    event.u.task.message = "the worker died";
    scene_step (s, &event);
}

void scene_release (scene_t *s, scene_node_t *node, const scene_held_t *held)
{
    aut_core_event_t event = task_event (AUT_EV_RELEASE, node, held);
    scene_step (s, &event);
}

void scene_bye (scene_t *s, scene_node_t *node)
{
    scene_step (s, &(aut_core_event_t){.kind = AUT_EV_BYE, .peer = node->peer});
    node->alive = false;
    node->held_count = 0;
}

uint32_t scene_run (scene_t *s)
{
    uint32_t done = 0;
    for (bool some = true; some;) {
        some = false;
        for (uint32_t i = 0; i < s->node_count; i++) {
            scene_node_t *node = &s->nodes[i];
            if (!node->alive || node->muted || !node->held_count)
                continue;
            scene_held_t held = node->held[0];
            scene_done (s, node, &held);
            some = true;
            done++;
        }
    }
    return done;
}

/* ---- the core's own view ---- */

/*  The queues' depths add up to the tasks of the store, however the list is cut. */
static void check_depths (const scene_t *s, const uint64_t tasks[AUT_TASK_STATES])
{
    for (size_t max = 1; max <= 64; max += 63) {
        aut_core_depth_t depths[64], rest;
        size_t count = aut_core_depths (s->core, depths, max, &rest);
        NEED (count <= max);
        for (int i = 0; i < AUT_TASK_STATES; i++) {
            uint64_t sum = rest.tasks[i];
            for (size_t j = 0; j < count; j++)
                sum += depths[j].tasks[i];
            NEED (sum == tasks[i]);
        }
    }
}

void scene_check (scene_t *s)
{
    const aut_core_metrics_t *metrics = aut_core_metrics (s->core);
    uint64_t tasks[AUT_TASK_STATES] = {0}, jobs[AUT_JOB_STATES] = {0};
    for (uint32_t i = 0; i < s->job_count; i++) {
        const scene_job_t *job = &s->jobs[i];
        aut_core_job_info_t info;
        NEED (aut_core_job (s->core, job->id, &info) == 0);
        NEED (info.state == job->state);
        jobs[info.state]++;
        uint32_t count[AUT_TASK_STATES] = {0};
        for (uint32_t j = 0; j < job->count; j++) {
            aut_core_task_info_t task;
            NEED (aut_core_task (s->core, job->first + j, &task) == 0);
            aut_task_state_t state = task.state == AUT_TASK_BLOCKED ? AUT_TASK_READY : task.state;
            NEED (state == job->tasks[j].state);
            NEED (task.failures == job->tasks[j].failures);
            NEED (task.attempt == job->tasks[j].attempt);
            NEED (task.memory == job->tasks[j].memory);
            count[task.state]++;
            tasks[task.state]++;
        }
        for (int j = 0; j < AUT_TASK_STATES; j++)
            NEED (info.tasks[j] == count[j]);
    }
    for (int i = 0; i < AUT_TASK_STATES; i++)
        NEED (metrics->tasks[i] == tasks[i]);
    check_depths (s, tasks);
    for (int i = 0; i < AUT_JOB_STATES; i++)
        NEED (metrics->jobs[i] == jobs[i]);

    uint64_t nodes[AUT_NODE_STATES] = {0}, idle = 0, busy = 0, leased = 0;
    aut_core_node_info_t node = {0};
    while (!aut_core_next_node (s->core, node.id, &node)) {
        nodes[node.state]++;
        leased += node.leases;
        for (uint32_t i = 0; node.state != AUT_NODE_LOST && i < node.workers; i++) {
            aut_core_worker_info_t worker;
            NEED (aut_core_worker (s->core, node.id, i, &worker) == 0);
            worker.load ? busy++ : idle++;
        }
    }
    for (int i = 0; i < AUT_NODE_STATES; i++)
        NEED (metrics->nodes[i] == nodes[i]);
    NEED (metrics->workers_idle == idle);
    NEED (metrics->workers_busy == busy);
    NEED (metrics->tasks[AUT_TASK_LEASED] == leased);
}
