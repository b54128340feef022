/*  The store in memory: what it kept for later, read. */
#include "broker/store/memory_internal.h"

/*  The attempt that made a task's result: a cached one's stands with the task that it was made for.
 */
static int give_done (aut_memory_t *self, const aut_store_task_t *task, aut_store_attempt_fn *each,
                      void *ctx)
{
    if (task->state != AUT_STORE_DONE || !task->result)
        return 0;
    const aut_store_result_t *result = &self->results[task->result - 1];
    aut_store_attempt_t out = {.task = task->id,
                               .attempt = result->attempt,
                               .end = AUT_STORE_ENDED_DONE,
                               .node = result->node,
                               .device = result->device,
                               .code = "",
                               .message = "",
                               .seconds = result->seconds,
                               .preview = result->preview.hash};
    aut_memory_made_t made = aut_memory_maker (&self->story, task->result);
    out.maker = made.task;
    out.assigned_ms = made.assigned_ms;
    out.ended_ms = made.ended_ms;
    return each (ctx, &out);
}

static int give_running (const aut_memory_record_t *record, const aut_store_task_t *task,
                         aut_store_attempt_fn *each, void *ctx)
{
    aut_store_attempt_t out = {.task = task->id,
                               .maker = task->id,
                               .attempt = task->attempt,
                               .assigned_ms = record->leased[task->ordinal],
                               .node = task->node,
                               .device = task->device,
                               .code = "",
                               .message = ""};
    return task->state == AUT_STORE_LEASED ? each (ctx, &out) : 0;
}

int aut_memory_read_attempts (aut_store_t *store, uint64_t first, uint64_t end, bool all,
                              aut_store_attempt_fn *each, void *ctx)
{
    aut_memory_t *self = (aut_memory_t *)store;
    const aut_store_task_t *task;
    aut_memory_record_t *record;
    int rc = 0;
    pthread_mutex_lock (&self->mutex);
    for (uint64_t id = first; rc >= 0 && id < end && (task = aut_memory_task (self, id, NULL));
         id++)
        rc = give_done (self, task, each, ctx);
    if (rc >= 0 && all)
        rc = aut_memory_attempts (&self->story, first, end, each, ctx);
    for (uint64_t id = first; rc >= 0 && all && id < end; id++)
        if ((task = aut_memory_task (self, id, &record)))
            rc = give_running (record, task, each, ctx);
    pthread_mutex_unlock (&self->mutex);
    return rc < 0 ? rc : 0;
}

int aut_memory_read_shots (aut_store_t *store, uint64_t job, uint32_t after, uint32_t limit,
                           aut_store_shot_t *shots, uint32_t *count)
{
    aut_memory_t *self = (aut_memory_t *)store;
    *count = 0;
    pthread_mutex_lock (&self->mutex);
    const aut_memory_record_t *record = aut_memory_job (self, job);
    for (uint32_t i = after; record && i < record->job.shot_count && *count < limit; i++)
        shots[(*count)++] = record->about[i];
    pthread_mutex_unlock (&self->mutex);
    return 0;
}

int aut_memory_read_story (aut_store_t *store, uint64_t job, uint32_t limit,
                           aut_store_story_t *items, uint32_t *count)
{
    aut_memory_t *self = (aut_memory_t *)store;
    pthread_mutex_lock (&self->mutex);
    *count = aut_memory_told (&self->story, job, limit, items);
    pthread_mutex_unlock (&self->mutex);
    return 0;
}

int aut_memory_read_events (aut_store_t *store, uint64_t after, aut_store_event_fn *each, void *ctx)
{
    aut_memory_t *self = (aut_memory_t *)store;
    pthread_mutex_lock (&self->mutex);
    int rc = aut_memory_events (&self->story, after, each, ctx);
    pthread_mutex_unlock (&self->mutex);
    return rc;
}

int aut_memory_read_bound (aut_store_t *store, uint64_t *bound)
{
    aut_memory_t *self = (aut_memory_t *)store;
    pthread_mutex_lock (&self->mutex);
    *bound = self->story.bound;
    pthread_mutex_unlock (&self->mutex);
    return 0;
}
