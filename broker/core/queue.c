/*  Models, requirement groups, and the queues of ready tasks: group → jobs by (priority, virtual
 *  time, id) → tasks by (longest remaining chain, ordinal). */
#include "broker/core/internal.h"

#include <string.h>

core_model_t *core_model_get (aut_core_t *self, const char *name)
{
    core_model_t *model = NULL;
    HASH_FIND_STR (self->models, name, model);
    if (!model) {
        if (HASH_COUNT (self->models) >= self->config.max_models)
            return NULL;
        model = aut_calloc (1, sizeof *model);
        model->name = aut_strdup (name);
        HASH_ADD_KEYPTR (hh, self->models, model->name, strlen (model->name), model);
    }
    model->refs++;
    return model;
}

void core_model_put (aut_core_t *self, core_model_t *model)
{
    if (--model->refs)
        return;
    HASH_DEL (self->models, model);
    free (model->name);
    free (model);
}

int core_class_get (aut_core_t *self, const char *name)
{
    aut_core_metrics_t *metrics = &self->metrics;
    if (!name)
        name = "";
    for (uint32_t i = 0; i < metrics->class_count; i++)
        if (!strcmp (metrics->classes[i].name, name))
            return (int)i;
    if (metrics->class_count == AUT_CORE_CLASSES || strlen (name) >= sizeof metrics->classes->name)
        return AUT_ERR_AGAIN;
    memcpy (metrics->classes[metrics->class_count].name, name, strlen (name) + 1);
    return (int)metrics->class_count++;
}

static core_group_t *group_get (aut_core_t *self, const char *name, int class_, uint64_t memory)
{
    core_model_t *model = core_model_get (self, name);
    if (!model)
        return NULL;
    core_group_t **place = &model->groups;
    while (*place && ((*place)->class_ != class_ || (*place)->memory != memory))
        place = &(*place)->next;
    core_group_t *group = *place;
    if (group) {
        core_model_put (self, model);
    } else {
        group = *place = aut_calloc (1, sizeof *group);
        group->model = model;
        group->class_ = (uint8_t)class_;
        group->memory = memory;
        group->spare_slot = AUT_CORE_NONE;
    }
    group->refs++;
    return group;
}

static void group_put (aut_core_t *self, core_group_t *group)
{
    /* one in the step's list of dirty groups lives until core_dispatch has emptied that */
    if (--group->refs || group->dirty)
        return;
    core_group_t **place = &group->model->groups;
    while (*place != group)
        place = &(*place)->next;
    *place = group->next;
    core_model_put (self, group->model);
    free (group->turns);
    free (group->places);
    free (group);
}

void core_group_dirty (aut_core_t *self, core_group_t *group)
{
    if (group->dirty)
        return;
    group->dirty = true;
    group->refs++;
    group->dirty_next = NULL;
    if (self->dirty_last)
        self->dirty_last->dirty_next = group;
    else
        self->dirty_first = group;
    self->dirty_last = group;
}

core_group_t *core_group_clean (aut_core_t *self)
{
    core_group_t *group = self->dirty_first;
    if (!group)
        return NULL;
    self->dirty_first = group->dirty_next;
    if (!self->dirty_first)
        self->dirty_last = NULL;
    group->dirty = false;
    return group;
}

void core_group_unref (aut_core_t *self, core_group_t *group)
{
    group_put (self, group);
}

int core_bucket_get (aut_core_t *self, core_job_t *job, const char *model, int class_,
                     uint64_t memory)
{
    for (uint16_t i = 0; i < job->bucket_count; i++) {
        const core_group_t *group = job->buckets[i]->group;
        if (group->class_ == class_ && group->memory == memory &&
            !strcmp (group->model->name, model))
            return i;
    }
    if (job->bucket_count == CORE_JOB_BUCKETS)
        return aut_fail (AUT_ERR_AGAIN, "a job has at most %d different requirements of devices",
                         CORE_JOB_BUCKETS);
    core_group_t *group = group_get (self, model, class_, memory);
    if (!group)
        return aut_fail (AUT_ERR_AGAIN, "the broker knows %u models already: no room for \"%s\"",
                         self->config.max_models, model);
    core_bucket_t *bucket = aut_calloc (1, sizeof *bucket);
    bucket->job = job;
    bucket->group = group;
    core_slot_take (bucket);
    job->buckets = aut_realloc (job->buckets, job->bucket_count + 1u, sizeof *job->buckets);
    job->buckets[job->bucket_count] = bucket;
    return job->bucket_count++;
}

void core_buckets_free (aut_core_t *self, core_job_t *job)
{
    for (uint16_t i = 0; i < job->bucket_count; i++) {
        core_bucket_t *bucket = job->buckets[i];
        core_turns_remove (bucket);
        core_slot_give (bucket);
        for (int state = 0; state < AUT_TASK_STATES; state++)
            bucket->group->tasks[state] -= bucket->tasks[state];
        group_put (self, bucket->group);
        free (bucket->entries);
        free (bucket);
    }
    free (job->buckets);
    job->buckets = NULL;
    job->bucket_count = 0;
}

/* ---- what is up for work ---- */

/*  The entry on top goes; its task may be entered again. */
static void entry_drop (core_bucket_t *bucket)
{
    core_task_t *task = &bucket->job->items[core_key_ordinal (bucket->entries[0])];
    if (bucket->job->buckets[task->bucket] == bucket)
        task->flags &= (uint8_t)~TASK_QUEUED;
    core_entries_pop (bucket);
}

/*  Puts the bucket in or out of its group's heap, and drops stale entries from the top. */
static void bucket_settle (core_bucket_t *bucket)
{
    if (!bucket->ready) {
        while (bucket->count) {
            /* in any order: the last is the cheapest */
            core_task_t *task =
                &bucket->job->items[core_key_ordinal (bucket->entries[--bucket->count])];
            if (bucket->job->buckets[task->bucket] == bucket)
                task->flags &= (uint8_t)~TASK_QUEUED;
        }
        core_turns_remove (bucket);
        return;
    }
    while (!core_key_valid (bucket, bucket->entries[0]))
        entry_drop (bucket);
    if (!core_bucket_in_turn (bucket))
        core_turns_put (bucket);
}

/*  A job that had nothing to run does not save up its share. */
static void catch_up (core_job_t *job, const core_group_t *group)
{
    uint64_t served = group->served[job->priority + AUT_CORE_PRIORITY];
    if (job->queued || job->tasks[AUT_TASK_LEASED] || job->vtime >= served)
        return;
    job->vtime = served;
    core_queue_reorder (job);
}

void core_queue_push (aut_core_t *self, core_job_t *job, uint32_t ordinal)
{
    core_task_t *task = &job->items[ordinal];
    core_bucket_t *bucket = job->buckets[task->bucket];
    catch_up (job, bucket->group);
    task->flags &= (uint8_t)~TASK_DELAYED;
    if (!(task->flags & TASK_QUEUED)) {
        task->flags |= TASK_QUEUED;
        core_entries_push (bucket, core_key (task, ordinal));
    }
    bucket->ready++;
    job->queued++;
    self->metrics.classes[bucket->group->class_].ready++;
    bucket_settle (bucket);
    core_group_dirty (self, bucket->group);
}

/*  Call after the task's state has changed, so that its entry is stale. */
void core_queue_take (aut_core_t *self, core_job_t *job, uint32_t ordinal)
{
    core_bucket_t *bucket = job->buckets[job->items[ordinal].bucket];
    bucket->ready--;
    job->queued--;
    self->metrics.classes[bucket->group->class_].ready--;
    bucket_settle (bucket);
}

/*  The whole job leaves the queues; its tasks' states are already changed. */
void core_queue_clear (aut_core_t *self, core_job_t *job)
{
    for (uint16_t i = 0; i < job->bucket_count; i++) {
        core_bucket_t *bucket = job->buckets[i];
        self->metrics.classes[bucket->group->class_].ready -= bucket->ready;
        job->queued -= bucket->ready;
        bucket->ready = 0;
        bucket_settle (bucket);
    }
}

void core_queue_reorder (core_job_t *job)
{
    for (uint16_t i = 0; i < job->bucket_count; i++)
        if (core_bucket_in_turn (job->buckets[i]))
            core_turns_put (job->buckets[i]);
}
