/*  Jobs: submit, cancel, retry, their end, and the table of those held. */
#include "broker/core/internal.h"

#include <string.h>

/* ---- the table: slots in the order of ids, which is that of first tasks too ---- */

/*  How many slots have an id (or first task) of at most `value`. */
static size_t slots_upto (const aut_core_t *self, uint64_t value, bool tasks)
{
    size_t low = 0, high = self->slot_count;
    while (low < high) {
        size_t mid = (low + high) / 2;
        if ((tasks ? self->slots[mid].first_task : self->slots[mid].id) <= value)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

core_job_t *core_job_find (const aut_core_t *self, uint64_t id)
{
    size_t at = slots_upto (self, id, false);
    return at && self->slots[at - 1].id == id ? self->slots[at - 1].job : NULL;
}

core_job_t *core_task_find (const aut_core_t *self, uint64_t task, uint32_t *ordinal)
{
    size_t at = slots_upto (self, task, true);
    core_job_t *job = at ? self->slots[at - 1].job : NULL;
    if (!job || task - job->first_task >= job->count)
        return NULL;
    *ordinal = (uint32_t)(task - job->first_task);
    return job;
}

core_job_t *core_job_after (const aut_core_t *self, uint64_t id)
{
    for (size_t at = slots_upto (self, id, false); at < self->slot_count; at++)
        if (self->slots[at].job)
            return self->slots[at].job;
    return NULL;
}

static void slot_add (aut_core_t *self, core_job_t *job)
{
    size_t at = slots_upto (self, job->id, false);
    if (at && self->slots[at - 1].id == job->id) { /* let go before, and back again */
        self->slots[at - 1].job = job;
        self->slot_dead--;
        return;
    }
    self->slots =
        aut_grow (self->slots, &self->slot_cap, self->slot_count + 1, sizeof *self->slots);
    memmove (self->slots + at + 1, self->slots + at, (self->slot_count - at) * sizeof *self->slots);
    self->slots[at] = (core_slot_t){job->id, job->first_task, job};
    self->slot_count++;
}

static void slot_drop (aut_core_t *self, uint64_t id)
{
    self->slots[slots_upto (self, id, false) - 1].job = NULL;
    if (++self->slot_dead <= 16 + self->slot_count / 2)
        return;
    size_t kept = 0;
    for (size_t i = 0; i < self->slot_count; i++)
        if (self->slots[i].job)
            self->slots[kept++] = self->slots[i];
    self->slot_count = kept;
    self->slot_dead = 0;
}

core_job_t *core_job_alloc (aut_core_t *self, uint64_t id, uint64_t first_task, uint32_t count,
                            int32_t priority)
{
    void *memory = aut_try_alloc (count + 1ul, sizeof (core_task_t));
    if (!memory)
        return NULL;
    core_job_t *job = aut_calloc (1, sizeof *job);
    job->id = id;
    job->first_task = first_task;
    job->count = count;
    job->priority = (int16_t)priority;
    job->memory = memory;
    job->items = (core_task_t *)(void *)(((uintptr_t)memory + 63) & ~(uintptr_t)63);
    job->tasks[AUT_TASK_BLOCKED] = count;
    self->metrics.tasks[AUT_TASK_BLOCKED] += count;
    self->metrics.jobs[job->state]++;
    self->job_count++;
    self->task_count += count;
    slot_add (self, job);
    return job;
}

static void ended_remove (aut_core_t *self, core_job_t *job)
{
    if (self->ended_first == job)
        self->ended_first = job->ended_next;
    if (self->ended_last == job)
        self->ended_last = job->ended_prev;
    if (job->ended_prev)
        job->ended_prev->ended_next = job->ended_next;
    if (job->ended_next)
        job->ended_next->ended_prev = job->ended_prev;
    job->ended_prev = job->ended_next = NULL;
}

static void ended_add (aut_core_t *self, core_job_t *job)
{
    job->ended_prev = self->ended_last;
    job->ended_next = NULL;
    if (self->ended_last)
        self->ended_last->ended_next = job;
    else
        self->ended_first = job;
    self->ended_last = job;
}

static bool is_ended (aut_job_state_t state)
{
    return state >= AUT_JOB_DONE;
}

/*  Leases must have ended. */
void core_job_free (aut_core_t *self, core_job_t *job)
{
    if (is_ended (job->state))
        ended_remove (self, job);
    for (uint32_t i = 0; i < job->count; i++) {
        core_task_forget (self, &job->items[i]);
        if (job->items[i].state == AUT_TASK_DONE)
            free (job->items[i].u.tail);
    }
    for (int i = 0; i < AUT_TASK_STATES; i++)
        self->metrics.tasks[i] -= job->tasks[i];
    self->metrics.jobs[job->state]--;
    core_buckets_free (self, job);
    if (job->idempotency)
        HASH_DELETE (hh_key, self->by_key, job);
    self->job_count--;
    self->task_count -= job->count;
    slot_drop (self, job->id);
    free (job->idempotency);
    free (job->suspects);
    free (job->cached);
    free (job->memory);
    free (job);
}

void core_job_settle (aut_core_t *self, core_job_t *job)
{
    if (is_ended (job->state))
        ended_add (self, job);
}

void core_job_discard (aut_core_t *self, core_job_t *job)
{
    /* its first leases and buckets may be there; an ended one is not in the list yet */
    for (uint32_t i = 0; i < job->count; i++)
        if (job->items[i].state == AUT_TASK_LEASED && job->items[i].u.lease)
            core_lease_end (self, job->items[i].u.lease);
    core_job_settle (self, job);
    core_job_free (self, job);
}

int core_job_room (aut_core_t *self, uint32_t tasks)
{
    if (tasks > self->config.max_tasks)
        return aut_fail (AUT_ERR_TOO_LARGE, "a job may have %u tasks here: this one has %u",
                         self->config.max_tasks, tasks);
    while (self->job_count >= self->config.max_jobs ||
           self->task_count + tasks > self->config.max_tasks) {
        if (!self->ended_first)
            return aut_fail (AUT_ERR_AGAIN,
                             "the broker is full (%u jobs, %llu tasks): submit again when some "
                             "have ended",
                             self->job_count, (unsigned long long)self->task_count);
        core_job_free (self, self->ended_first);
    }
    return 0;
}

void core_job_key (aut_core_t *self, core_job_t *job, const char *key)
{
    if (!key || !*key)
        return;
    job->idempotency = aut_strdup (key);
    HASH_ADD_KEYPTR (hh_key, self->by_key, job->idempotency, strlen (job->idempotency), job);
}

void core_job_state (aut_core_t *self, core_job_t *job, aut_job_state_t state, bool tell)
{
    if (is_ended (job->state) && !is_ended (state))
        ended_remove (self, job);
    if (!is_ended (job->state) && is_ended (state))
        ended_add (self, job);
    self->metrics.jobs[job->state]--;
    self->metrics.jobs[state]++;
    job->state = (uint8_t)state;
    if (tell)
        core_emit_job (self, AUT_MUT_JOB_STATE, job);
    core_emit_job (self, AUT_PUB_JOB, job);
}

void core_job_check_end (aut_core_t *self, core_job_t *job)
{
    if (is_ended (job->state) || job->tasks[AUT_TASK_BLOCKED] || job->tasks[AUT_TASK_READY] ||
        job->tasks[AUT_TASK_LEASED])
        return;
    core_job_state (self, job,
                    job->tasks[AUT_TASK_DONE] == job->count ? AUT_JOB_DONE : AUT_JOB_FAILED, true);
}

/* ---- submit ---- */

int core_text_check (const char *text, size_t max, bool required)
{
    size_t size = text ? strnlen (text, max) : 0;
    if (size == max || (required && !size))
        return AUT_ERR_INVALID;
    return 0;
}

/*  Fills in one task; its predecessor's list comes in core_job_link. */
int core_task_spec (aut_core_t *self, core_job_t *job, uint32_t ordinal,
                    const aut_core_task_spec_t *spec)
{
    core_task_t *task = &job->items[ordinal];
    if (spec->after != AUT_CORE_NONE && spec->after >= ordinal)
        return aut_fail (AUT_ERR_INVALID, "task %u starts from task %u, which does not precede it",
                         ordinal, spec->after);
    if (core_text_check (spec->model, AUT_CORE_MODEL, true))
        return aut_fail (AUT_ERR_INVALID, "task %u names no model, or one of a name longer than %d",
                         ordinal, AUT_CORE_MODEL - 1);
    if (spec->frames && spec->after == AUT_CORE_NONE)
        return aut_fail (AUT_ERR_INVALID, "task %u starts from the frames of no task", ordinal);
    int class_ = core_class_get (self, spec->class_);
    if (class_ < 0)
        return aut_fail (AUT_ERR_INVALID, "task %u asks for one device class too many", ordinal);
    int bucket = core_bucket_get (self, job, spec->model, class_, spec->memory);
    if (bucket < 0)
        return bucket;
    task->bucket = (uint16_t)bucket;
    core_bucket_count (job->buckets[bucket], task->state, 1);
    task->after = spec->after;
    task->cost = spec->cost ? spec->cost : 1;
    task->shot = spec->shot;
    task->chunk = spec->chunk;
    task->first_next = task->next_sibling = AUT_CORE_NONE;
    if (spec->frames)
        task->flags |= TASK_FRAMES;
    if (spec->cached) {
        if (!job->cached)
            job->cached = aut_calloc (job->count, sizeof *job->cached);
        job->cached[ordinal] = *spec->cached;
        task->flags |= TASK_CACHED;
    }
    return 0;
}

/*  The lists of those that start from each task, ascending, and the cost of the chains. */
void core_job_link (core_job_t *job)
{
    for (uint32_t i = 0; i < job->count; i++)
        job->items[i].chain = job->items[i].cost;
    for (uint32_t i = job->count; i-- > 0;) {
        core_task_t *task = &job->items[i];
        if (task->after == AUT_CORE_NONE)
            continue;
        core_task_t *before = &job->items[task->after];
        job->chained = true;
        task->next_sibling = before->first_next;
        before->first_next = i;
        uint64_t chain = (uint64_t)before->cost + task->chain;
        if (chain > UINT32_MAX)
            chain = UINT32_MAX;
        if (chain > before->chain)
            before->chain = (uint32_t)chain;
    }
}

/*  Where a newcomer starts: level with those that its groups served last. */
static uint64_t first_vtime (const core_job_t *job)
{
    uint64_t vtime = 0;
    for (uint16_t i = 0; i < job->bucket_count; i++) {
        uint64_t served = job->buckets[i]->group->served[job->priority + AUT_CORE_PRIORITY];
        if (served > vtime)
            vtime = served;
    }
    return vtime;
}

static void emit_submitted (aut_core_t *self, uint64_t reply, uint64_t job, bool existing)
{
    aut_core_action_t *action = core_emit (self, AUT_SEND_SUBMITTED);
    action->u.submitted.reply = reply;
    action->u.submitted.job = job;
    action->u.submitted.existing = existing;
}

static int submit_check (aut_core_t *self, const aut_core_submit_t *submit)
{
    if (!submit->task_count)
        return aut_fail (AUT_ERR_INVALID, "the job has no tasks");
    if (submit->priority < -AUT_CORE_PRIORITY || submit->priority > AUT_CORE_PRIORITY)
        return aut_fail (AUT_ERR_INVALID, "priority %d is outside -%d…%d", submit->priority,
                         AUT_CORE_PRIORITY, AUT_CORE_PRIORITY);
    if (core_text_check (submit->idempotency, AUT_CORE_IDEMPOTENCY + 1, false))
        return aut_fail (AUT_ERR_INVALID, "the idempotency key is longer than %d bytes",
                         AUT_CORE_IDEMPOTENCY);
    return core_job_room (self, submit->task_count);
}

static int submit_build (aut_core_t *self, const aut_core_submit_t *submit, core_job_t **out)
{
    int rc = submit_check (self, submit);
    if (rc)
        return rc;
    core_job_t *job = core_job_alloc (self, self->next_job, self->next_task, submit->task_count,
                                      submit->priority);
    if (!job)
        return AUT_ERR_NOMEM;
    for (uint32_t i = 0; i < job->count && !rc; i++)
        rc = core_task_spec (self, job, i, &submit->tasks[i]);
    if (rc) {
        core_job_free (self, job);
        return rc;
    }
    core_job_link (job);
    core_job_key (self, job, submit->idempotency);
    self->next_job++;
    self->next_task += job->count;
    *out = job;
    return 0;
}

void core_on_submit (aut_core_t *self, const aut_core_submit_t *submit)
{
    core_job_t *job = NULL;
    if (submit->idempotency && *submit->idempotency)
        HASH_FIND (hh_key, self->by_key, submit->idempotency, strlen (submit->idempotency), job);
    if (job) {
        self->metrics.existing++;
        emit_submitted (self, submit->reply, job->id, true);
        return;
    }
    int rc = submit_build (self, submit, &job);
    if (rc) {
        core_emit_reply (self, AUT_SEND_CLIENT_ERROR, submit->reply, rc, aut_error_detail ());
        return;
    }
    self->metrics.submitted++;
    job->vtime = first_vtime (job);
    aut_core_action_t *action = core_emit (self, AUT_MUT_JOB_INSERT);
    action->u.insert.job = job->id;
    action->u.insert.first_task = job->first_task;
    action->u.insert.task_count = job->count;
    action->u.insert.submit = submit;
    emit_submitted (self, submit->reply, job->id, false);
    core_emit_job (self, AUT_PUB_JOB, job);
    for (uint32_t i = 0; i < job->count; i++)
        if (job->items[i].after == AUT_CORE_NONE)
            core_task_unblock (self, job, i, false);
    core_job_check_end (self, job);
}

/* ---- cancel and retry ---- */

static core_job_t *job_or_error (aut_core_t *self, uint64_t reply, uint64_t id)
{
    core_job_t *job = core_job_find (self, id);
    if (!job)
        core_emit_reply (self, AUT_SEND_CLIENT_ERROR, reply, AUT_ERR_NOT_FOUND,
                         core_format (self, "there is no job j%llu", (unsigned long long)id));
    return job;
}

static void cancel_task (aut_core_t *self, core_job_t *job, uint32_t ordinal)
{
    core_task_t *task = &job->items[ordinal];
    if (task->state >= AUT_TASK_DONE)
        return;
    bool leased = task->state == AUT_TASK_LEASED;
    core_lease_t *lease = task->u.lease;
    core_task_forget (self, task);
    if (leased) {
        if (lease->worker && lease->node->state != AUT_NODE_LOST)
            core_emit_token (self, AUT_SEND_ABORT, lease->node->peer, core_lease_token (lease), 0);
        core_lease_end (self, lease);
    }
    core_task_state (self, job, ordinal, AUT_TASK_CANCELLED);
    task->flags &= (uint8_t) ~(TASK_DELAYED | TASK_RECLAIM);
    if (leased)
        core_pub_task (self, job, ordinal, false);
}

void core_on_cancel (aut_core_t *self, uint64_t reply, uint64_t id)
{
    core_job_t *job = job_or_error (self, reply, id);
    if (!job)
        return;
    if (job->state == AUT_JOB_CANCELLED) {
        core_emit_reply (self, AUT_SEND_OK, reply, 0, "");
        return;
    }
    if (is_ended (job->state)) {
        core_emit_reply (self, AUT_SEND_CLIENT_ERROR, reply, AUT_ERR_STATE,
                         core_format (self, "job j%llu has ended already: it is %s",
                                      (unsigned long long)id, aut_job_state_text (job->state)));
        return;
    }
    for (uint32_t i = 0; i < job->count; i++)
        cancel_task (self, job, i);
    core_queue_clear (self, job);
    core_job_state (self, job, AUT_JOB_CANCELLED, false);
    core_emit_job (self, AUT_MUT_JOB_CANCEL, job);
    core_emit_reply (self, AUT_SEND_OK, reply, 0, "");
}

void core_on_retry (aut_core_t *self, uint64_t reply, uint64_t id)
{
    core_job_t *job = job_or_error (self, reply, id);
    if (!job)
        return;
    core_emit_reply (self, AUT_SEND_OK, reply, 0, "");
    if (!job->tasks[AUT_TASK_FAILED] && !job->tasks[AUT_TASK_CANCELLED])
        return;
    bool begun = job->tasks[AUT_TASK_DONE] || job->tasks[AUT_TASK_LEASED];
    core_job_state (self, job, begun ? AUT_JOB_RUNNING : AUT_JOB_QUEUED, false);
    core_emit_job (self, AUT_MUT_JOB_RETRY, job);
    job->suspect_count = job->bar_count = 0;
    for (uint32_t i = 0; i < job->count; i++) {
        core_task_t *task = &job->items[i];
        if (task->state != AUT_TASK_FAILED && task->state != AUT_TASK_CANCELLED)
            continue;
        core_task_forget (self, task);
        task->failures = 0;
        task->flags &= (uint8_t)~TASK_RECLAIM;
        core_task_state (self, job, i, AUT_TASK_BLOCKED);
    }
    for (uint32_t i = 0; i < job->count; i++) {
        const core_task_t *task = &job->items[i];
        if (task->state == AUT_TASK_BLOCKED &&
            (task->after == AUT_CORE_NONE || job->items[task->after].state == AUT_TASK_DONE))
            core_task_unblock (self, job, i, false);
    }
    core_job_check_end (self, job);
}
