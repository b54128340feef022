/*  Leases: granting and ending them, what nodes say about them, and their deadlines.
 *
 *  A lease lives by the news of its node: any traffic renews it once the node has spoken of the
 *  attempt (STARTED, PROGRESS, a HELLO that lists it). Until then only its grant counts, so that an
 *  ASSIGN lost on the way does not bind the task for ever; behind another task of the same worker
 *  it may wait. Deadlines are looked at lazily: news only moves them, and the heap learns of it
 *  when the old one comes up.
 */
#include "broker/core/internal.h"

#define PREVIEW_MS 1000 /* at least between two pictures of a lease */

aut_core_token_t core_lease_token (const core_lease_t *lease)
{
    return (aut_core_token_t){lease->job->first_task + lease->ordinal, lease->attempt,
                              lease->epoch};
}

static core_worker_t *worker_busy_otherwise (const core_lease_t *lease)
{
    if (!lease->worker || lease->worker->load < 2)
        return NULL;
    for (const core_lease_t *other = lease->node->leases; other; other = other->next)
        if (other != lease && other->worker == lease->worker && other->confirmed)
            return lease->worker;
    return NULL;
}

static int64_t later (int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/*  When news of it was had last. */
static int64_t lease_news (const aut_core_t *self, const core_lease_t *lease)
{
    int64_t news = later (lease->granted, self->resumed);
    if (lease->confirmed || worker_busy_otherwise (lease))
        news = later (news, lease->node->seen);
    else if (lease->worker) /* its turn came when the one before it ended */
        news = later (news, lease->worker->changed);
    return news;
}

static int64_t lease_stall (const aut_core_t *self, const core_lease_t *lease)
{
    int64_t last = later (lease->progress_ms, self->resumed);
    if (!lease->started) { /* adopted, and nothing heard of it since */
        if (!lease->confirmed || !lease->worker || worker_busy_otherwise (lease))
            return AUT_CORE_NEVER;
        return later (last, lease->worker->changed) + self->config.stall_ms;
    }
    int64_t stall = last + self->config.stall_ms;
    int64_t run = self->config.run_ms ? lease->started_ms + self->config.run_ms : AUT_CORE_NEVER;
    return stall < run ? stall : run;
}

static int64_t lease_deadline (const aut_core_t *self, const core_lease_t *lease)
{
    int64_t news = lease_news (self, lease) + self->config.lease_ms;
    int64_t stall = lease_stall (self, lease);
    return news < stall ? news : stall;
}

void core_lease_due (aut_core_t *self, core_lease_t *lease)
{
    lease->due = lease_deadline (self, lease);
    aut_heap_update (&self->leases, lease);
}

core_lease_t *core_lease_grant (aut_core_t *self, core_job_t *job, uint32_t ordinal,
                                core_node_t *node, core_worker_t *worker, uint64_t epoch)
{
    core_task_t *task = &job->items[ordinal];
    core_lease_t *lease = aut_calloc (1, sizeof *lease);
    lease->job = job;
    lease->ordinal = ordinal;
    lease->attempt = task->attempt;
    lease->epoch = epoch;
    lease->node = node;
    lease->granted = lease->progress_ms = self->now;
    lease->prev = node->leases_last;
    if (node->leases_last)
        node->leases_last->next = lease;
    else
        node->leases = lease;
    node->leases_last = lease;
    node->lease_count++;
    lease->heap_index = AUT_HEAP_NONE;
    lease->due = self->now + self->config.lease_ms;
    aut_heap_push (&self->leases, lease);
    lease->worker = worker;
    if (worker)
        core_worker_load (self, worker, 1);
    core_task_state (self, job, ordinal, AUT_TASK_LEASED);
    task->flags &= (uint8_t)~TASK_RECLAIM;
    task->u.lease = lease;
    return lease;
}

void core_lease_end (aut_core_t *self, core_lease_t *lease)
{
    core_node_t *node = lease->node;
    lease->job->items[lease->ordinal].u.lease = NULL;
    if (lease->prev)
        lease->prev->next = lease->next;
    else
        node->leases = lease->next;
    if (lease->next)
        lease->next->prev = lease->prev;
    else
        node->leases_last = lease->prev;
    node->lease_count--;
    aut_heap_remove (&self->leases, lease);
    if (lease->worker) {
        core_worker_load (self, lease->worker, -1);
        core_worker_freed (self, lease->worker);
    }
    free (lease->device);
    free (lease);
}

void core_lease_lost (aut_core_t *self, core_lease_t *lease, bool reclaim)
{
    core_lease_back (self, lease, reclaim, AUT_ENDED_LOST);
}

void core_lease_back (aut_core_t *self, core_lease_t *lease, bool reclaim, aut_core_end_t end)
{
    core_job_t *job = lease->job;
    uint32_t ordinal = lease->ordinal;
    core_task_t *task = &job->items[ordinal];
    const core_node_t *node = lease->node;
    uint64_t holder = node->id;
    core_lease_end (self, lease);
    /* the job stays charged for it: one whose work always gets lost must not hold up the others */
    if (reclaim) {
        task->flags |= TASK_RECLAIM;
        task->u.holder = holder;
    }
    core_task_again (self, job, ordinal, end, node);
}

void core_emit_lease (aut_core_t *self, const core_lease_t *lease, bool adopted)
{
    aut_core_action_t *action = core_emit (self, AUT_MUT_TASK_LEASE);
    action->u.lease.token = core_lease_token (lease);
    action->u.lease.job = lease->job->id;
    action->u.lease.adopted = adopted;
    action->u.lease.node = core_text (self, lease->node->name);
    action->u.lease.device = core_text (self, lease->worker ? lease->worker->device : NULL);
    for (int i = 0; i < AUT_CORE_INSTANCE; i++)
        action->u.lease.instance[i] = lease->node->instance[i];
}

/*  The attempt failed by itself, as opposed to getting lost. */
static void lease_failed (aut_core_t *self, core_lease_t *lease, const char *code,
                          const char *message)
{
    core_job_t *job = lease->job;
    core_node_t *node = lease->node;
    uint32_t ordinal = lease->ordinal;
    uint64_t memory = lease->worker ? lease->worker->memory : 0;
    core_lease_end (self, lease);
    core_task_failed (self, job, ordinal, node, memory, code, message);
}

/* ---- what nodes say ---- */

static void on_started (aut_core_t *self, core_lease_t *lease)
{
    if (lease->started)
        return;
    lease->started = true;
    lease->started_ms = lease->progress_ms = self->now;
    core_lease_due (self, lease);
    core_pub_task (self, lease->job, lease->ordinal, true);
}

/*  One too soon after the last is not taken: the adapter may forget it at once. */
static void note_preview (aut_core_t *self, core_lease_t *lease, const aut_hash_t *preview)
{
    bool first = aut_hash_is_zero (&lease->preview);
    if (aut_hash_is_zero (preview) || (!first && self->now - lease->preview_ms < PREVIEW_MS))
        return;
    lease->preview = *preview;
    lease->preview_ms = self->now;
}

static void on_progress (aut_core_t *self, core_lease_t *lease, const aut_core_event_t *event)
{
    on_started (self, lease);
    note_preview (self, lease, &event->u.task.preview);
    if (lease->step == event->u.task.step && lease->frame == event->u.task.frame)
        return; /* a worker that hangs may still repeat itself */
    lease->progress_ms = self->now;
    lease->step = event->u.task.step;
    lease->steps = event->u.task.steps;
    lease->frame = event->u.task.frame;
    lease->frames = event->u.task.frames;
    if (!lease->first_ms) {
        lease->first_ms = self->now;
        lease->first_part = aut_core_part (lease->step, lease->steps, lease->frame, lease->frames);
    }
    core_pub_task (self, lease->job, lease->ordinal, true);
}

/*  NULL, or what is wrong with a result. */
static const char *done_fault (const core_job_t *job, uint32_t ordinal, const aut_core_done_t *done)
{
    const core_task_t *task = &job->items[ordinal];
    const core_tail_t *input = core_task_input (job, task);
    bool used = !input;
    for (uint32_t i = 0; i < done->used_count && !used; i++)
        used = aut_hash_equal (&done->used[i], core_task_wants (task, input));
    if (!used)
        return task->flags & TASK_FRAMES
                   ? "the result was made from other frames than those committed before it"
                   : "the result was made from another tail than the one committed before it";
    if (core_task_lacks (job, task, &done->tail, &done->frames))
        return "the result has no tail or frames, and other tasks start from it";
    return NULL;
}

/*  How long its work took, for the next ones' time left. */
static void note_pace (aut_core_t *self, const core_lease_t *lease)
{
    const core_task_t *task = &lease->job->items[lease->ordinal];
    core_model_t *model = lease->job->buckets[task->bucket]->group->model;
    if (lease->started && !lease->adopted && lease->worker)
        aut_pace_add (&model->paces[lease->worker->class_],
                      (double)(self->now - lease->started_ms) / 1000, task->cost);
}

/*  So that the node finds what it could go on with, without a search. */
static void note_recent (const core_job_t *job, uint32_t ordinal, core_node_t *node)
{
    uint32_t next = job->items[ordinal].first_next;
    for (int i = 0; next != AUT_CORE_NONE && i < CORE_RECENT / 4; i++) {
        node->recent[node->recent_next++ % CORE_RECENT] = (core_recent_t){job->id, next};
        next = job->items[next].next_sibling;
    }
}

static void on_done (aut_core_t *self, core_lease_t *lease, const aut_core_done_t *done)
{
    core_job_t *job = lease->job;
    core_node_t *node = lease->node;
    uint32_t ordinal = lease->ordinal;
    aut_core_token_t token = core_lease_token (lease);
    const char *fault = done_fault (job, ordinal, done);
    if (fault) {
        core_emit_token (self, AUT_SEND_ABORT, node->peer, token, 0);
        lease_failed (self, lease, aut_error_text (AUT_ERR_INVALID), fault);
        return;
    }
    aut_core_action_t *action = core_emit (self, AUT_MUT_TASK_RESULT);
    action->u.result.token = token;
    action->u.result.job = job->id;
    action->u.result.node = core_text (self, node->name);
    action->u.result.device = core_text (self, lease->worker ? lease->worker->device : NULL);
    action->u.result.done = done;
    core_emit_token (self, AUT_SEND_ACK, node->peer, token, 0);
    note_pace (self, lease);
    core_lease_end (self, lease);
    core_task_state (self, job, ordinal, AUT_TASK_DONE);
    core_task_set_tail (job, ordinal, &done->tail, &done->frames, node->id);
    core_task_drop_input (job, &job->items[ordinal]);
    core_task_succeeded (self, job, ordinal, node->key);
    self->metrics.results++;
    core_pub_task (self, job, ordinal, false);
    note_recent (job, ordinal, node);
    core_task_release_next (self, job, ordinal);
    core_job_check_end (self, job);
}

static void on_release (aut_core_t *self, core_lease_t *lease, core_node_t *node)
{
    core_emit_token (self, AUT_SEND_ACK, node->peer, core_lease_token (lease), 0);
    self->metrics.released++;
    node->released = true; /* it would only give the next one back too */
    core_node_able (self, node);
    core_lease_back (self, lease, false, AUT_ENDED_RELEASED);
}

static void on_current (aut_core_t *self, const aut_core_event_t *event, core_lease_t *lease)
{
    lease->confirmed = true;
    switch (event->kind) {
    case AUT_EV_STARTED:
        on_started (self, lease);
        break;
    case AUT_EV_PROGRESS:
        on_progress (self, lease, event);
        break;
    case AUT_EV_DONE:
        on_done (self, lease, &event->u.task.done);
        break;
    case AUT_EV_FAIL:
        core_emit_token (self, AUT_SEND_ACK, lease->node->peer, event->u.task.token, 0);
        lease_failed (self, lease, event->u.task.code, event->u.task.message);
        break;
    default:
        on_release (self, lease, lease->node);
        break;
    }
}

/*  The fence: only the current token of the node's own lease changes anything. One of another
 *  broker names no task of ours. */
void core_on_task (aut_core_t *self, const aut_core_event_t *event, core_node_t *node)
{
    const aut_core_token_t *token = &event->u.task.token;
    uint32_t ordinal = 0;
    bool ours = aut_epoch_same_broker (token->epoch, self->config.epoch);
    core_job_t *job = ours ? core_task_find (self, token->task, &ordinal) : NULL;
    const core_task_t *task = job ? &job->items[ordinal] : NULL;
    if (task && task->state == AUT_TASK_LEASED && task->u.lease->node == node &&
        task->attempt == token->attempt) {
        core_lease_t *lease = task->u.lease;
        if (lease->epoch == token->epoch && lease->worker) {
            on_current (self, event, lease);
            return;
        }
        if (lease->epoch > token->epoch && lease->worker) {
            /* adopted, but the node has not heard of it yet */
            core_emit_token (self, AUT_SEND_ADOPT, node->peer, *token, lease->epoch);
            return;
        }
    }
    if (task && task->state == AUT_TASK_DONE && task->attempt == token->attempt) {
        core_emit_token (self, AUT_SEND_ACK, node->peer, *token, 0);
        return;
    }
    self->metrics.stale++;
    core_emit_token (self, AUT_SEND_ABORT, node->peer, *token, 0);
}

/* ---- deadlines ---- */

static void lease_expired (aut_core_t *self, core_lease_t *lease)
{
    if (!lease->worker) { /* its node did not come back after the restart, so far */
        self->metrics.lost_leases++;
        core_lease_lost (self, lease, true);
        return;
    }
    if (lease_stall (self, lease) <= self->now) {
        core_emit_token (self, AUT_SEND_ABORT, lease->node->peer, core_lease_token (lease), 0);
        lease_failed (self, lease, aut_error_text (AUT_ERR_TIMEOUT),
                      "the attempt made no progress, or ran too long");
        return;
    }
    self->metrics.lost_leases++;
    bool silent = lease->confirmed; /* else the ASSIGN may never have arrived */
    if (!silent)
        core_emit_token (self, AUT_SEND_ABORT, lease->node->peer, core_lease_token (lease), 0);
    core_lease_lost (self, lease, silent);
}

void core_leases_tick (aut_core_t *self)
{
    core_lease_t *lease;
    while ((lease = aut_heap_top (&self->leases)) && lease->due <= self->now) {
        int64_t due = lease_deadline (self, lease);
        if (due <= self->now) {
            lease_expired (self, lease);
        } else {
            lease->due = due;
            aut_heap_update (&self->leases, lease);
        }
    }
}
