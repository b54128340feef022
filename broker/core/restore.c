/*  Building the core from the store. Tasks come in one by one, and restore_end puts them to work:
 *  what is ready is queued, leases wait for their nodes to claim them. */
#include "broker/core/internal.h"

#include <string.h>

int aut_core_restore_job (aut_core_t *self, const aut_core_job_restore_t *from)
{
    if (!from->id || !from->first_task || !from->task_count ||
        (unsigned)from->state >= AUT_JOB_STATES || from->priority < -AUT_CORE_PRIORITY ||
        from->priority > AUT_CORE_PRIORITY ||
        core_text_check (from->idempotency, AUT_CORE_IDEMPOTENCY + 1, false))
        return aut_fail (AUT_ERR_INVALID, "the store's job j%llu makes no sense",
                         (unsigned long long)from->id);
    if (core_job_find (self, from->id))
        return aut_fail (AUT_ERR_EXISTS, "job j%llu is there already",
                         (unsigned long long)from->id);
    int rc = core_job_room (self, from->task_count);
    if (rc)
        return rc;
    core_job_t *job =
        core_job_alloc (self, from->id, from->first_task, from->task_count, from->priority);
    if (!job)
        return AUT_ERR_NOMEM;
    core_job_key (self, job, from->idempotency);
    /* what it was is set again in restore_end, when its tasks are known */
    self->metrics.jobs[job->state]--;
    job->state = (uint8_t)from->state;
    self->metrics.jobs[job->state]++;
    job->restoring = true;
    job->ended_next = self->restoring;
    self->restoring = job;
    if (self->next_job <= from->id)
        self->next_job = from->id + 1;
    if (self->next_task < from->first_task + from->task_count)
        self->next_task = from->first_task + from->task_count;
    return 0;
}

static int restore_lease (aut_core_t *self, core_job_t *job, uint32_t ordinal,
                          const aut_core_task_restore_t *from)
{
    static const uint8_t none[AUT_CORE_INSTANCE];
    core_node_t *node = NULL;
    if (core_text_check (from->node, AUT_CORE_NAME, true))
        return aut_fail (AUT_ERR_INVALID, "the store's lease of task %u of j%llu names no node",
                         ordinal, (unsigned long long)job->id);
    if (memcmp (from->instance, none, AUT_CORE_INSTANCE))
        HASH_FIND (hh_instance, self->by_instance, from->instance, AUT_CORE_INSTANCE, node);
    else
        HASH_FIND (hh_name, self->by_claim, from->node, strlen (from->node), node);
    if (!node)
        node = core_node_add (self, from->node, from->instance);
    if (!node) { /* more nodes than the configuration allows now: it is run again */
        core_task_state (self, job, ordinal, AUT_TASK_BLOCKED);
        return 0;
    }
    core_lease_t *lease = core_lease_grant (self, job, ordinal, node, NULL, from->epoch);
    if (from->device)
        lease->device = aut_strndup (from->device, AUT_CORE_NAME - 1);
    return 0;
}

static void restore_trouble (aut_core_t *self, core_job_t *job, uint32_t ordinal,
                             const aut_core_task_restore_t *from)
{
    if (from->state == AUT_TASK_DONE ||
        (!from->failures && !from->excluded_count && !(from->code && *from->code)))
        return;
    core_trouble_t *trouble = core_task_trouble (self, job, ordinal);
    core_trouble_text (trouble, from->code ? from->code : "", from->message ? from->message : "");
    for (uint32_t i = 0; i < from->excluded_count && i < AUT_CORE_EXCLUDED; i++)
        trouble->excluded[trouble->excluded_count++] = from->excluded[i];
}

/*  Tails are kept until it is known who starts from them. */
static void restore_tail (core_job_t *job, uint32_t ordinal, const aut_core_task_restore_t *from)
{
    core_task_t *task = &job->items[ordinal];
    task->u.tail = aut_calloc (1, sizeof *task->u.tail);
    task->u.tail->hash = from->tail;
    task->u.tail->frames = from->frames;
}

static void drop_tails (core_job_t *job)
{
    for (uint32_t i = 0; i < job->count; i++) {
        core_task_t *task = &job->items[i];
        if (task->state != AUT_TASK_DONE)
            continue;
        core_task_drop_input (job, task);
        if (task->first_next == AUT_CORE_NONE) {
            free (task->u.tail);
            task->u.tail = NULL;
        }
    }
}

int aut_core_restore_task (aut_core_t *self, uint64_t id, uint32_t ordinal,
                           const aut_core_task_restore_t *from)
{
    core_job_t *job = core_job_find (self, id);
    if (!job || !job->restoring || ordinal >= job->count)
        return aut_fail (AUT_ERR_NOT_FOUND, "there is no task %u of j%llu to restore", ordinal,
                         (unsigned long long)id);
    core_task_t *task = &job->items[ordinal];
    if ((unsigned)from->state >= AUT_TASK_STATES || (task->flags & TASK_LOADED) ||
        (ordinal && !(job->items[ordinal - 1].flags & TASK_LOADED)))
        return aut_fail (AUT_ERR_INVALID, "task %u of j%llu is restored twice or out of order",
                         ordinal, (unsigned long long)id);
    int rc = core_task_spec (self, job, ordinal, &from->spec);
    if (rc)
        return rc;
    task->flags |= TASK_LOADED;
    task->attempt = from->attempt;
    task->failures = from->failures < UINT8_MAX ? (uint8_t)from->failures : UINT8_MAX;
    restore_trouble (self, job, ordinal, from);
    switch (from->state) {
    case AUT_TASK_LEASED:
        return restore_lease (self, job, ordinal, from);
    case AUT_TASK_DONE:
        restore_tail (job, ordinal, from);
        core_task_state (self, job, ordinal, from->state);
        return 0;
    case AUT_TASK_FAILED:
    case AUT_TASK_CANCELLED:
        core_task_state (self, job, ordinal, from->state);
        return 0;
    default:
        return 0; /* blocked until restore_end */
    }
}

/*  It waits for its node. Under a new identity that one cannot come: its token is worth nothing. */
static void end_lease (aut_core_t *self, core_lease_t *lease)
{
    lease->granted = lease->progress_ms = self->now;
    lease->node->due = self->now + self->config.lost_keep_ms;
    if (aut_epoch_same_broker (lease->epoch, self->config.epoch)) {
        core_lease_due (self, lease);
        return;
    }
    self->metrics.lost_leases++;
    core_lease_lost (self, lease, false);
}

static void end_job (aut_core_t *self, core_job_t *job)
{
    for (uint32_t i = 0; i < job->count; i++) {
        const core_task_t *task = &job->items[i];
        const core_task_t *before = task->after == AUT_CORE_NONE ? NULL : &job->items[task->after];
        if (task->state == AUT_TASK_LEASED) {
            end_lease (self, task->u.lease);
        } else if (task->state == AUT_TASK_BLOCKED && (!before || before->state == AUT_TASK_DONE)) {
            core_task_unblock (self, job, i, false);
        }
    }
}

int aut_core_restore_end (aut_core_t *self, int64_t now_ms, aut_core_actions_t *out)
{
    self->out = out;
    if (now_ms > self->now)
        self->now = now_ms;
    core_job_t *list = NULL, *next;
    /* linked newest first: turn it round, so that the order is that of the calls */
    for (core_job_t *job = self->restoring; job; job = next) {
        next = job->ended_next;
        job->ended_next = list;
        list = job;
    }
    self->restoring = NULL;
    for (core_job_t *job = list; job; job = next) {
        next = job->ended_next;
        job->ended_next = NULL;
        job->restoring = false;
        if (job->items[job->count - 1].flags & TASK_LOADED) {
            core_job_settle (self, job);
            core_job_link (job);
            drop_tails (job);
            if (job->state < AUT_JOB_DONE) {
                end_job (self, job);
                core_job_check_end (self, job);
            }
        } else {
            core_job_discard (self, job);
        }
    }
    core_dispatch (self);
    self->out = NULL;
    return 0;
}
