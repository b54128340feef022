/*  The store in memory: what SQLite does, without a disk. For tests, the simulator, and as the
 * plain statement of what an implementation must do.
 *
 *  A batch is applied change by change with an undo list; the first refusal undoes it all.
 */
#include "broker/store/memory_internal.h"

#include "lib/core/epoch.h"
#include "lib/core/error.h"
#include "lib/core/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

aut_memory_record_t *aut_memory_job (aut_memory_t *self, uint64_t id)
{
    for (size_t i = 0; i < self->record_count; i++)
        if (self->records[i].job.id == id)
            return &self->records[i];
    return NULL;
}

aut_store_task_t *aut_memory_task (aut_memory_t *self, uint64_t id, aut_memory_record_t **record)
{
    for (size_t i = 0; i < self->record_count; i++) {
        const aut_store_job_t *job = &self->records[i].job;
        if (id >= job->first_task && id - job->first_task < job->task_count) {
            if (record)
                *record = &self->records[i];
            return &self->records[i].tasks[id - job->first_task];
        }
    }
    return NULL;
}

static aut_memory_undo_t *push_undo (aut_memory_t *self)
{
    self->undo = aut_grow (self->undo, &self->undo_cap, self->undo_count + 1, sizeof *self->undo);
    aut_memory_undo_t *undo = &self->undo[self->undo_count++];
    memset (undo, 0, sizeof *undo);
    return undo;
}

static void save_task (aut_memory_t *self, const aut_store_task_t *task)
{
    aut_memory_undo_t *undo = push_undo (self);
    undo->kind = UNDO_TASK;
    undo->task = *task;
}

static void free_record (aut_memory_record_t *record)
{
    for (uint32_t i = 0; i < record->job.shot_count; i++)
        free (record->shots[i]);
    for (uint32_t i = 0; i < record->job.task_count; i++) {
        free ((char *)record->bodies[i].spec);
        free ((aut_store_input_t *)record->bodies[i].inputs);
    }
    free (record->shots);
    free (record->tasks);
    free (record->bodies);
    free (record->about);
    free (record->leased);
}

static void undo_all (aut_memory_t *self)
{
    while (self->undo_count > 0) {
        aut_memory_undo_t *undo = &self->undo[--self->undo_count];
        if (undo->kind == UNDO_TASK)
            *aut_memory_task (self, undo->task.id, NULL) = undo->task;
        else if (undo->kind == UNDO_JOB)
            aut_memory_job (self, undo->job)->job.state = undo->state;
        else if (undo->kind == UNDO_RECORD)
            free_record (&self->records[--self->record_count]);
        else
            self->result_count--;
    }
}

static void copy_body (aut_store_body_t *to, const aut_store_body_t *from)
{
    *to = *from;
    if (from->spec)
        to->spec = aut_strndup (from->spec, from->spec_size);
    aut_store_input_t *inputs = aut_calloc (from->input_count + 1, sizeof *inputs);
    if (from->input_count)
        memcpy (inputs, from->inputs, from->input_count * sizeof *inputs);
    to->inputs = inputs;
}

static void set_text (char *out, size_t size, const char *text)
{
    if (text)
        snprintf (out, size, "%s", text);
}

static void copy_task (aut_store_task_t *to, const aut_store_new_task_t *from)
{
    *to = (aut_store_task_t){
        .id = from->id,
        .job = from->job,
        .ordinal = from->ordinal,
        .shot = from->shot,
        .chunk = from->chunk,
        .key = from->key,
        .predecessor = from->predecessor,
        .upscale = from->upscale,
        .cost = from->cost,
        .result = from->result,
        .memory = from->memory,
        .state = AUT_STORE_WAITS,
    };
    set_text (to->model, sizeof to->model, from->model);
    set_text (to->class_, sizeof to->class_, from->class_);
}

static int submit (aut_memory_t *self, const aut_store_submission_t *sub)
{
    for (size_t i = 0; i < self->record_count; i++)
        if (self->records[i].job.id == sub->job.id ||
            (sub->job.idempotency[0] &&
             strcmp (self->records[i].job.idempotency, sub->job.idempotency) == 0))
            return aut_fail (AUT_ERR_EXISTS, "the job or its idempotency key exists");
    self->records =
        aut_grow (self->records, &self->record_cap, self->record_count + 1, sizeof *self->records);
    aut_memory_record_t *record = &self->records[self->record_count++];
    record->job = sub->job;
    record->shots = aut_calloc (sub->job.shot_count + 1, sizeof *record->shots);
    record->about = aut_calloc (sub->job.shot_count + 1, sizeof *record->about);
    record->leased = aut_calloc (sub->job.task_count + 1, sizeof *record->leased);
    for (uint32_t i = 0; i < sub->job.shot_count; i++) {
        aut_store_shot_t *about = &record->about[i];
        record->shots[i] = aut_strdup (sub->shots[i]);
        about->index = i;
        about->frames = sub->about ? sub->about[i].frames : 0;
        set_text (about->id, sizeof about->id, sub->shots[i]);
        set_text (about->scene, sizeof about->scene, sub->about ? sub->about[i].scene : NULL);
    }
    record->tasks = aut_calloc (sub->job.task_count + 1, sizeof *record->tasks);
    record->bodies = aut_calloc (sub->job.task_count + 1, sizeof *record->bodies);
    for (uint32_t i = 0; i < sub->job.task_count; i++) {
        copy_task (&record->tasks[i], &sub->tasks[i]);
        copy_body (&record->bodies[i], &sub->bodies[i]);
    }
    push_undo (self)->kind = UNDO_RECORD;
    return 0;
}

/*  The job's state, and the state of its tasks that are in `from` (two states) or stay. */
static int set_job (aut_memory_t *self, const aut_store_mutation_t *m, aut_store_job_state_t state)
{
    aut_memory_record_t *record = aut_memory_job (self, m->id);
    if (!record)
        return 0;
    aut_memory_undo_t *undo = push_undo (self);
    undo->kind = UNDO_JOB;
    undo->job = m->id;
    undo->state = record->job.state;
    record->job.state = state;
    aut_memory_tell (&self->story, m);
    if (m->kind == AUT_STORE_JOB_STATE)
        return 0;
    bool cancel = m->kind == AUT_STORE_JOB_CANCEL;
    for (uint32_t i = 0; i < record->job.task_count; i++) {
        aut_store_task_t *task = &record->tasks[i];
        bool open = task->state == AUT_STORE_WAITS || task->state == AUT_STORE_LEASED;
        if (task->state == AUT_STORE_DONE || open != cancel)
            continue;
        if (task->state == AUT_STORE_LEASED)
            aut_memory_end (&self->story, task, record->leased[i], m, AUT_STORE_ENDED_CANCELLED);
        save_task (self, task);
        task->state = cancel ? AUT_STORE_CANCELLED : AUT_STORE_WAITS;
        if (!cancel) {
            task->failures = 0;
            task->code[0] = task->message[0] = 0;
        }
    }
    return 0;
}

/*  Whether the change may touch the task: the fences of store.h. */
static bool holds (const aut_store_mutation_t *m, const aut_store_task_t *task)
{
    bool waits = task->state == AUT_STORE_WAITS, leased = task->state == AUT_STORE_LEASED;
    switch (m->kind) {
    case AUT_STORE_LEASE:
        return (waits || leased) && task->attempt + !m->adopted == m->attempt;
    case AUT_STORE_WAIT:
        return leased && task->attempt == m->attempt;
    case AUT_STORE_RESULT:
        return leased && task->attempt == m->attempt && task->epoch == m->epoch;
    case AUT_STORE_CACHED:
        return waits && task->result != 0;
    default:
        return waits || leased;
    }
}

static void set_lease (aut_store_task_t *task, const aut_store_mutation_t *m)
{
    task->state = AUT_STORE_LEASED;
    task->attempt = m->attempt;
    task->epoch = m->epoch;
    set_text (task->node, sizeof task->node, m->node ? m->node : "");
    set_text (task->device, sizeof task->device, m->device ? m->device : "");
    memset (task->instance, 0, sizeof task->instance);
    if (m->instance)
        memcpy (task->instance, m->instance, sizeof task->instance);
}

static void set_failure (aut_store_task_t *task, const aut_store_mutation_t *m)
{
    task->failures = m->failures;
    set_text (task->code, sizeof task->code, m->code);
    set_text (task->message, sizeof task->message, m->message);
}

static void add_result (aut_memory_t *self, aut_store_task_t *task,
                        const aut_store_result_t *result)
{
    self->results =
        aut_grow (self->results, &self->result_cap, self->result_count + 1, sizeof *self->results);
    self->results[self->result_count] = *result;
    self->results[self->result_count++].key = task->key;
    push_undo (self)->kind = UNDO_RESULT;
    task->result = self->result_count;
}

static int set_task (aut_memory_t *self, const aut_store_mutation_t *m)
{
    aut_memory_record_t *record;
    aut_store_task_t *task = aut_memory_task (self, m->id, &record);
    if (!task || !holds (m, task))
        return aut_fail (AUT_ERR_FENCED,
                         "task t%llu, attempt %u, epoch " AUT_EPOCH_TEXT " is not what is stored",
                         (unsigned long long)m->id, m->attempt, AUT_EPOCH_ARGS (m->epoch));
    int64_t *leased = &record->leased[task->ordinal];
    bool adopted = m->kind == AUT_STORE_LEASE && m->adopted;
    if (adopted || (m->end && task->state == AUT_STORE_LEASED))
        aut_memory_end (&self->story, task, *leased, m, adopted ? AUT_STORE_ENDED_ADOPTED : m->end);
    save_task (self, task);
    if (m->kind == AUT_STORE_LEASE) {
        if (!adopted)
            *leased = m->at_ms;
        set_lease (task, m);
    } else if (m->kind == AUT_STORE_WAIT) {
        task->state = AUT_STORE_WAITS;
        task->memory = m->memory;
        set_failure (task, m);
    } else if (m->kind == AUT_STORE_FAIL) {
        task->state = AUT_STORE_FAILED;
        set_failure (task, m);
    } else {
        if (m->kind == AUT_STORE_RESULT) {
            add_result (self, task, m->result);
            aut_memory_made (&self->story, task, *leased, m);
        }
        task->state = AUT_STORE_DONE;
        task->code[0] = task->message[0] = 0;
    }
    return 0;
}

static int apply (aut_memory_t *self, const aut_store_mutation_t *m)
{
    switch (m->kind) {
    case AUT_STORE_SUBMIT:
        return submit (self, m->submission);
    case AUT_STORE_JOB_STATE:
    case AUT_STORE_JOB_RETRY:
        return set_job (self, m, m->job_state);
    case AUT_STORE_JOB_CANCEL:
        return set_job (self, m, AUT_STORE_JOB_CANCELLED);
    case AUT_STORE_EVENTS:
        aut_memory_put_events (&self->story, self->epoch, m->events);
        return 0;
    default:
        return set_task (self, m);
    }
}

static int memory_commit (aut_store_t *store, const aut_store_mutation_t *batch, size_t count)
{
    aut_memory_t *self = (aut_memory_t *)store;
    pthread_mutex_lock (&self->mutex);
    self->undo_count = 0;
    aut_memory_mark_t mark = aut_memory_mark (&self->story);
    int rc = 0;
    for (size_t i = 0; !rc && i < count; i++)
        rc = apply (self, &batch[i]);
    if (rc) {
        undo_all (self);
        aut_memory_undo (&self->story, &mark);
    } else {
        self->commits++;
    }
    pthread_mutex_unlock (&self->mutex);
    return rc;
}

static int memory_load (aut_store_t *store, uint64_t id, const aut_store_visitor_t *visitor)
{
    aut_memory_t *self = (aut_memory_t *)store;
    int rc = 0;
    if (id && !aut_memory_job (self, id))
        return aut_fail (AUT_ERR_NOT_FOUND, "there is no job j%llu", (unsigned long long)id);
    for (size_t i = 0; rc >= 0 && i < self->record_count; i++) {
        const aut_memory_record_t *record = &self->records[i];
        if (id && record->job.id != id)
            continue;
        rc = visitor->job (visitor->ctx, &record->job, (const char *const *)record->shots);
        for (uint32_t k = 0; rc == 0 && k < record->job.task_count; k++) {
            const aut_store_task_t *task = &record->tasks[k];
            rc = visitor->task (visitor->ctx, task,
                                task->result ? &self->results[task->result - 1] : NULL);
        }
    }
    return rc < 0 ? rc : 0;
}

static uint64_t memory_epoch (const aut_store_t *store)
{
    return ((const aut_memory_t *)store)->epoch;
}

static int memory_next_ids (aut_store_t *store, uint64_t *job, uint64_t *task)
{
    aut_memory_t *self = (aut_memory_t *)store;
    *job = *task = 1;
    for (size_t i = 0; i < self->record_count; i++) {
        const aut_store_job_t *j = &self->records[i].job;
        if (j->id >= *job)
            *job = j->id + 1;
        if (j->first_task + j->task_count > *task)
            *task = j->first_task + j->task_count;
    }
    return 0;
}

static int memory_body (aut_store_t *store, uint64_t id, aut_store_body_t *body, void **hold)
{
    aut_memory_t *self = (aut_memory_t *)store;
    aut_memory_record_t *record;
    *hold = NULL;
    pthread_mutex_lock (&self->mutex);
    aut_store_task_t *task = aut_memory_task (self, id, &record);
    if (task) {
        const aut_store_body_t *from = &record->bodies[task->ordinal];
        size_t inputs = from->input_count * sizeof *from->inputs;
        char *block = aut_calloc (1, inputs + from->spec_size + 1);
        if (inputs)
            memcpy (block, from->inputs, inputs);
        if (from->spec)
            memcpy (block + inputs, from->spec, from->spec_size);
        *body = *from;
        body->inputs = (const aut_store_input_t *)block;
        body->spec = from->spec ? block + inputs : NULL;
        *hold = block;
    }
    pthread_mutex_unlock (&self->mutex);
    return task ? 0
                : aut_fail (AUT_ERR_NOT_FOUND, "there is no task t%llu", (unsigned long long)id);
}

static int memory_result (aut_store_t *store, uint64_t id, aut_store_result_t *result)
{
    aut_memory_t *self = (aut_memory_t *)store;
    pthread_mutex_lock (&self->mutex);
    const aut_store_task_t *task = aut_memory_task (self, id, NULL);
    bool found = task && task->result;
    if (found)
        *result = self->results[task->result - 1];
    pthread_mutex_unlock (&self->mutex);
    return found ? 0
                 : aut_fail (AUT_ERR_NOT_FOUND, "task t%llu has no result", (unsigned long long)id);
}

static int memory_cached (aut_store_t *store, const aut_hash_t *key, uint64_t *id,
                          aut_store_result_t *result)
{
    aut_memory_t *self = (aut_memory_t *)store;
    int rc = AUT_ERR_NOT_FOUND;
    pthread_mutex_lock (&self->mutex);
    for (size_t i = self->result_count; rc && i-- > 0;)
        if (aut_hash_equal (&self->results[i].key, key)) {
            *id = i + 1;
            *result = self->results[i];
            rc = 0;
        }
    pthread_mutex_unlock (&self->mutex);
    return rc ? aut_fail (rc, "no result has this key") : 0;
}

static int memory_idempotent (aut_store_t *store, const char *key, uint64_t *job)
{
    aut_memory_t *self = (aut_memory_t *)store;
    int rc = AUT_ERR_NOT_FOUND;
    pthread_mutex_lock (&self->mutex);
    for (size_t i = 0; i < self->record_count; i++)
        if (key[0] && strcmp (self->records[i].job.idempotency, key) == 0) {
            *job = self->records[i].job.id;
            rc = 0;
        }
    pthread_mutex_unlock (&self->mutex);
    return rc ? aut_fail (rc, "no job has this idempotency key") : 0;
}

static int memory_job (aut_store_t *store, uint64_t id, aut_store_job_t *job)
{
    aut_memory_t *self = (aut_memory_t *)store;
    pthread_mutex_lock (&self->mutex);
    const aut_memory_record_t *record = aut_memory_job (self, id);
    if (record)
        *job = record->job;
    pthread_mutex_unlock (&self->mutex);
    return record ? 0
                  : aut_fail (AUT_ERR_NOT_FOUND, "there is no job j%llu", (unsigned long long)id);
}

static void make_item (aut_memory_t *self, const aut_memory_record_t *record,
                       const aut_store_task_t *task, aut_store_item_t *item)
{
    memset (item, 0, sizeof *item);
    item->task = task->id;
    item->ordinal = task->ordinal;
    item->shot_index = task->shot;
    item->chunk = task->chunk;
    item->upscale = task->upscale;
    set_text (item->shot, sizeof item->shot,
              task->shot < record->job.shot_count ? record->shots[task->shot] : "");
    item->key = task->key;
    item->state = task->state;
    set_text (item->code, sizeof item->code, task->code);
    set_text (item->message, sizeof item->message, task->message);
    set_text (item->node, sizeof item->node, task->node);
    set_text (item->device, sizeof item->device, task->device);
    item->attempt = task->attempt;
    item->cost = task->cost;
    set_text (item->model, sizeof item->model, task->model);
    item->has_result = task->state == AUT_STORE_DONE && task->result;
    if (item->has_result)
        item->result = self->results[task->result - 1];
}

static int memory_items (aut_store_t *store, uint64_t job, uint64_t after, uint32_t limit,
                         aut_store_item_t *items, uint32_t *count)
{
    aut_memory_t *self = (aut_memory_t *)store;
    *count = 0;
    pthread_mutex_lock (&self->mutex);
    const aut_memory_record_t *record = aut_memory_job (self, job);
    for (uint64_t i = after; record && i < record->job.task_count && *count < limit; i++)
        make_item (self, record, &record->tasks[i], &items[(*count)++]);
    pthread_mutex_unlock (&self->mutex);
    return 0;
}

static int memory_stats (aut_store_t *store, aut_store_stats_t *stats)
{
    aut_memory_t *self = (aut_memory_t *)store;
    pthread_mutex_lock (&self->mutex);
    *stats = (aut_store_stats_t){.jobs = self->record_count,
                                 .results = self->result_count,
                                 .commits = self->commits,
                                 .kind = "memory"};
    for (size_t i = 0; i < self->record_count; i++)
        stats->tasks += self->records[i].job.task_count;
    pthread_mutex_unlock (&self->mutex);
    return 0;
}

static void memory_destroy (aut_store_t **self_p)
{
    aut_memory_t *self = (aut_memory_t *)*self_p;
    if (!self)
        return;
    for (size_t i = 0; i < self->record_count; i++)
        free_record (&self->records[i]);
    free (self->records);
    free (self->results);
    free (self->undo);
    aut_memory_story_clear (&self->story);
    pthread_mutex_destroy (&self->mutex);
    free (self);
    *self_p = NULL;
}

static const aut_store_ops_t memory_ops = {
    .destroy = memory_destroy,
    .epoch = memory_epoch,
    .next_ids = memory_next_ids,
    .commit = memory_commit,
    .load = memory_load,
    .body = memory_body,
    .result = memory_result,
    .cached = memory_cached,
    .idempotent = memory_idempotent,
    .job = memory_job,
    .items = memory_items,
    .stats = memory_stats,
    .attempts = aut_memory_read_attempts,
    .shots = aut_memory_read_shots,
    .story = aut_memory_read_story,
    .events = aut_memory_read_events,
    .event_bound = aut_memory_read_bound,
};

int aut_store_open_memory (aut_store_t **out)
{
    uint64_t epoch;
    *out = NULL;
    int rc = aut_store_next_epoch (0, &epoch);
    if (rc)
        return rc;
    aut_memory_t *self = aut_calloc (1, sizeof *self);
    self->store.ops = &memory_ops;
    self->epoch = epoch;
    pthread_mutex_init (&self->mutex, NULL);
    *out = &self->store;
    return 0;
}
