/*  The life of one task: blocked → ready → leased → done | failed | cancelled; its failures, its
 *  back-off and what follows for the tasks that start from it. */
#include "broker/core/internal.h"

#include <string.h>

void core_task_state (aut_core_t *self, core_job_t *job, uint32_t ordinal, aut_task_state_t state)
{
    core_task_t *task = &job->items[ordinal];
    core_bucket_t *bucket = job->buckets[task->bucket];
    uint64_t *leased = &self->metrics.classes[bucket->group->class_].leased;
    core_bucket_count (bucket, task->state, -1);
    core_bucket_count (bucket, state, 1);
    *leased -= task->state == AUT_TASK_LEASED;
    *leased += state == AUT_TASK_LEASED;
    job->tasks[task->state]--;
    self->metrics.tasks[task->state]--;
    task->state = (uint8_t)state;
    job->tasks[state]++;
    self->metrics.tasks[state]++;
}

core_trouble_t *core_task_trouble (aut_core_t *self, core_job_t *job, uint32_t ordinal)
{
    (void)self;
    core_task_t *task = &job->items[ordinal];
    if (!task->trouble) {
        task->trouble = aut_calloc (1, sizeof *task->trouble);
        task->trouble->job = job;
        task->trouble->ordinal = ordinal;
        task->trouble->heap_index = AUT_HEAP_NONE;
    }
    return task->trouble;
}

void core_task_forget (aut_core_t *self, core_task_t *task)
{
    core_trouble_t *trouble = task->trouble;
    if (!trouble)
        return;
    aut_heap_remove (&self->delayed, trouble);
    free (trouble->code);
    free (trouble->message);
    free (trouble);
    task->trouble = NULL;
}

void core_trouble_text (core_trouble_t *trouble, const char *code, const char *message)
{
    free (trouble->code);
    free (trouble->message);
    trouble->code = aut_strndup (code, strnlen (code, AUT_CORE_NAME - 1));
    trouble->message = aut_strndup (message, strnlen (message, AUT_CORE_MESSAGE - 1));
}

void core_task_set_tail (core_job_t *job, uint32_t ordinal, const aut_hash_t *tail,
                         const aut_hash_t *frames, uint64_t node)
{
    core_task_t *task = &job->items[ordinal];
    task->u.tail = NULL;
    if (task->first_next == AUT_CORE_NONE)
        return; /* nobody will ask */
    task->u.tail = aut_calloc (1, sizeof *task->u.tail);
    *task->u.tail = (core_tail_t){*tail, *frames, node};
}

const core_tail_t *core_task_input (const core_job_t *job, const core_task_t *task)
{
    if (task->after == AUT_CORE_NONE || job->items[task->after].state != AUT_TASK_DONE)
        return NULL;
    return job->items[task->after].u.tail;
}

const aut_hash_t *core_task_wants (const core_task_t *task, const core_tail_t *input)
{
    return task->flags & TASK_FRAMES ? &input->frames : &input->hash;
}

bool core_task_lacks (const core_job_t *job, const core_task_t *task, const aut_hash_t *tail,
                      const aut_hash_t *frames)
{
    const core_tail_t made = {.hash = *tail, .frames = *frames};
    for (uint32_t next = task->first_next; next != AUT_CORE_NONE;
         next = job->items[next].next_sibling)
        if (aut_hash_is_zero (core_task_wants (&job->items[next], &made)))
            return true;
    return false;
}

void core_task_drop_input (core_job_t *job, const core_task_t *task)
{
    if (task->after == AUT_CORE_NONE)
        return;
    core_task_t *before = &job->items[task->after];
    if (before->state != AUT_TASK_DONE || task->next_sibling != AUT_CORE_NONE ||
        &job->items[before->first_next] != task)
        return; /* not the only one: it stays as long as the job */
    free (before->u.tail);
    before->u.tail = NULL;
}

static void work_add (aut_core_t *self, uint32_t ordinal)
{
    self->work = aut_grow (self->work, &self->work_cap, self->work_count + 1, sizeof *self->work);
    self->work[self->work_count++] = ordinal;
}

static void work_add_next (aut_core_t *self, const core_job_t *job, uint32_t ordinal)
{
    for (uint32_t next = job->items[ordinal].first_next; next != AUT_CORE_NONE;
         next = job->items[next].next_sibling)
        if (job->items[next].state == AUT_TASK_BLOCKED)
            work_add (self, next);
}

/*  A cached result counts only if it was made from what the predecessor committed. */
static bool cached_counts (const core_job_t *job, const core_task_t *task, uint32_t ordinal)
{
    if (!(task->flags & TASK_CACHED))
        return false;
    const aut_core_cached_t *cached = &job->cached[ordinal];
    const core_tail_t *input = core_task_input (job, task);
    if (task->after != AUT_CORE_NONE &&
        (!input || !aut_hash_equal (&cached->used, core_task_wants (task, input))))
        return false;
    return !core_task_lacks (job, task, &cached->tail, &cached->frames);
}

static void unblock_one (aut_core_t *self, core_job_t *job, uint32_t ordinal, bool publish)
{
    core_task_t *task = &job->items[ordinal];
    if (cached_counts (job, task, ordinal)) {
        core_task_state (self, job, ordinal, AUT_TASK_DONE);
        core_task_set_tail (job, ordinal, &job->cached[ordinal].tail, &job->cached[ordinal].frames,
                            0);
        core_task_drop_input (job, task);
        core_task_forget (self, task);
        self->metrics.cached++;
        aut_core_action_t *action = core_emit (self, AUT_MUT_TASK_CACHED);
        action->u.cached.job = job->id;
        action->u.cached.task = job->first_task + ordinal;
        core_pub_task (self, job, ordinal, false);
        work_add_next (self, job, ordinal);
        return;
    }
    core_task_state (self, job, ordinal, AUT_TASK_READY);
    core_queue_push (self, job, ordinal);
    if (publish)
        core_pub_task (self, job, ordinal, false);
}

static void unblock_work (aut_core_t *self, core_job_t *job, bool publish)
{
    for (size_t i = 0; i < self->work_count; i++)
        unblock_one (self, job, self->work[i], publish);
    self->work_count = 0;
}

void core_task_unblock (aut_core_t *self, core_job_t *job, uint32_t ordinal, bool publish)
{
    work_add (self, ordinal);
    unblock_work (self, job, publish);
}

void core_task_release_next (aut_core_t *self, core_job_t *job, uint32_t ordinal)
{
    work_add_next (self, job, ordinal);
    unblock_work (self, job, true);
}

void core_emit_wait (aut_core_t *self, const core_job_t *job, uint32_t ordinal, aut_core_end_t end,
                     const core_node_t *node)
{
    const core_task_t *task = &job->items[ordinal];
    const core_trouble_t *trouble = task->trouble;
    aut_core_action_t *action = core_emit (self, AUT_MUT_TASK_WAIT);
    action->u.wait.job = job->id;
    action->u.wait.task = job->first_task + ordinal;
    action->u.wait.attempt = task->attempt;
    action->u.wait.failures = task->failures;
    action->u.wait.end = end;
    action->u.wait.node = core_text (self, node->name);
    action->u.wait.memory = job->buckets[task->bucket]->group->memory;
    action->u.wait.code = trouble && trouble->code ? core_text (self, trouble->code) : NULL;
    action->u.wait.message = core_text (self, trouble ? trouble->message : NULL);
    action->u.wait.excluded_count = trouble ? trouble->excluded_count : 0;
    if (trouble)
        memcpy (action->u.wait.excluded, trouble->excluded, sizeof trouble->excluded);
}

void core_task_again (aut_core_t *self, core_job_t *job, uint32_t ordinal, aut_core_end_t end,
                      const core_node_t *node)
{
    core_task_state (self, job, ordinal, AUT_TASK_READY);
    core_queue_push (self, job, ordinal);
    core_emit_wait (self, job, ordinal, end, node);
    core_pub_task (self, job, ordinal, false);
}

int core_task_set_memory (aut_core_t *self, core_job_t *job, uint32_t ordinal, uint64_t memory)
{
    core_task_t *task = &job->items[ordinal];
    const core_group_t *group = job->buckets[task->bucket]->group;
    int bucket = core_bucket_get (self, job, group->model->name, group->class_, memory);
    if (bucket < 0)
        return bucket;
    if (bucket != task->bucket)
        task->flags &= (uint8_t)~TASK_QUEUED; /* an entry left in the old bucket is stale */
    core_bucket_count (job->buckets[task->bucket], task->state, -1);
    core_bucket_count (job->buckets[bucket], task->state, 1);
    task->bucket = (uint16_t)bucket;
    return 0;
}

/*  A device without enough memory is nobody's failure while there is a bigger one. */
static bool moved_to_bigger (aut_core_t *self, core_job_t *job, uint32_t ordinal, uint64_t memory)
{
    core_task_t *task = &job->items[ordinal];
    const core_bucket_t *bucket = job->buckets[task->bucket];
    core_trouble_t *trouble = core_task_trouble (self, job, ordinal);
    if (!memory || memory == UINT64_MAX || memory < bucket->group->memory ||
        trouble->raises == CORE_OOM_RAISES ||
        !core_able_elsewhere (self, bucket, NULL, 0, memory + 1) ||
        core_task_set_memory (self, job, ordinal, memory + 1))
        return false;
    trouble->raises++;
    return true;
}

/*  Doubled for each failure; up to a quarter more by a jitter that the task and attempt fix. */
static int64_t backoff (const aut_core_t *self, const core_job_t *job, uint32_t ordinal)
{
    const core_task_t *task = &job->items[ordinal];
    int64_t wait = self->config.backoff_ms;
    for (uint8_t i = 1; i < task->failures && wait < self->config.backoff_max_ms; i++)
        wait *= 2;
    if (wait > self->config.backoff_max_ms)
        wait = self->config.backoff_max_ms;
    uint64_t dice = core_mix (job->first_task + ordinal + ((uint64_t)task->attempt << 40));
    return wait + (int64_t)(dice % ((uint64_t)wait / 4 + 1));
}

static void fail_for_good (aut_core_t *self, core_job_t *job, uint32_t ordinal,
                           const core_node_t *node)
{
    const char *code = core_text (self, job->items[ordinal].trouble->code);
    const char *message = core_text (self, job->items[ordinal].trouble->message);
    const char *name = core_text (self, node->name);
    uint64_t cause = job->first_task + ordinal;
    work_add (self, ordinal);
    for (size_t i = 0; i < self->work_count; i++) {
        uint32_t at = self->work[i];
        core_task_state (self, job, at, AUT_TASK_FAILED);
        aut_core_action_t *action = core_emit (self, AUT_MUT_TASK_FAILED);
        action->u.failed.job = job->id;
        action->u.failed.task = job->first_task + at;
        action->u.failed.failures = job->items[at].failures;
        action->u.failed.cause = cause;
        action->u.failed.attempt = job->items[at].attempt;
        action->u.failed.node = name;
        action->u.failed.code = code;
        action->u.failed.message = message;
        self->metrics.failed++;
        core_pub_task (self, job, at, false);
        work_add_next (self, job, at);
    }
    self->work_count = 0;
    core_job_check_end (self, job);
}

void core_task_failed (aut_core_t *self, core_job_t *job, uint32_t ordinal, core_node_t *node,
                       uint64_t device_memory, const char *code, const char *message)
{
    core_task_t *task = &job->items[ordinal];
    core_trouble_t *trouble = core_task_trouble (self, job, ordinal);
    core_trouble_text (trouble, code, message);
    if (aut_error_code (code) == AUT_ERR_DEVICE_MEMORY) {
        self->metrics.out_of_memory++;
        if (moved_to_bigger (self, job, ordinal, device_memory)) {
            self->metrics.moved++;
            core_task_again (self, job, ordinal, AUT_ENDED_MOVED, node);
            return;
        }
    }
    self->metrics.failures++;
    task->failures++;
    bool known = false;
    for (uint32_t i = 0; i < trouble->excluded_count; i++)
        known |= trouble->excluded[i] == node->key;
    if (!known && trouble->excluded_count < AUT_CORE_EXCLUDED)
        trouble->excluded[trouble->excluded_count++] = node->key;
    if (task->failures >= self->config.max_failures) {
        fail_for_good (self, job, ordinal, node);
        return;
    }
    core_task_state (self, job, ordinal, AUT_TASK_READY);
    task->flags |= TASK_DELAYED;
    trouble->due = self->now + backoff (self, job, ordinal);
    aut_heap_push (&self->delayed, trouble);
    core_emit_wait (self, job, ordinal, AUT_ENDED_FAILED, node);
    core_pub_task (self, job, ordinal, false);
}

/*  One more task that failed on a node and went well on another. */
static void suspect (aut_core_t *self, core_job_t *job, uint64_t key)
{
    uint32_t i = 0;
    if (!job->suspects)
        job->suspects = aut_calloc (CORE_SUSPECTS, sizeof *job->suspects);
    while (i < job->suspect_count && job->suspects[i].node != key)
        i++;
    if (i == CORE_SUSPECTS)
        return;
    if (i == job->suspect_count)
        job->suspects[job->suspect_count++] = (core_suspect_t){.node = key};
    if (++job->suspects[i].tasks == CORE_BAR_TASKS) {
        job->bar_count++;
        self->metrics.barred++;
    }
}

void core_task_succeeded (aut_core_t *self, core_job_t *job, uint32_t ordinal, uint64_t node_key)
{
    core_task_t *task = &job->items[ordinal];
    const core_trouble_t *trouble = task->trouble;
    for (uint32_t i = 0; trouble && i < trouble->excluded_count; i++)
        if (trouble->excluded[i] != node_key)
            suspect (self, job, trouble->excluded[i]);
    core_task_forget (self, task);
}
