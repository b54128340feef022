/*  A restart: core and catalogue from the store. Before the loop starts, or on its thread.
 *
 *  Jobs that go on come first, so that they fit whatever the core's bounds are; ended ones follow
 *  as far as there is room (a retry brings the others back by itself).
 */
#include "broker/internal.h"

#include "lib/core/epoch.h"
#include "lib/core/error.h"
#include "lib/core/log.h"
#include "lib/core/mem.h"

#include <string.h>

#define LOG "broker"

typedef struct {
    aut_broker_t *broker;
    bool ended;          /* which jobs this walk is for */
    bool list;           /* fill the catalogue as well */
    bool core;           /* this job's tasks go to the core */
    bool full;           /* the core takes no more */
    aut_entry_t *entry;  /* this job's, if it is being listed */
    aut_store_job_t job; /* this job */
} walk_t;

static bool has_ended (aut_store_job_state_t state)
{
    return state == AUT_STORE_JOB_DONE || state == AUT_STORE_JOB_FAILED ||
           state == AUT_STORE_JOB_CANCELLED;
}

static void finish_entry (walk_t *walk)
{
    if (walk->entry)
        aut_entry_end (walk->entry);
    walk->entry = NULL;
}

static int to_core (walk_t *walk, const aut_store_job_t *job)
{
    aut_core_job_restore_t restore = {
        .id = job->id,
        .first_task = job->first_task,
        .task_count = job->task_count,
        .priority = job->priority,
        .state = (aut_job_state_t)job->state,
    };
    int rc = aut_core_restore_job (walk->broker->core, &restore);
    walk->core = rc == 0;
    if (rc == AUT_ERR_AGAIN && walk->ended) {
        walk->full = true;
        return 0;
    }
    return rc ? aut_fail_in (rc, "job j%llu of the store", (unsigned long long)job->id) : 0;
}

static int take_job (void *ctx, const aut_store_job_t *job, const char *const *shots)
{
    walk_t *walk = ctx;
    finish_entry (walk);
    walk->core = false;
    if (walk->list && has_ended (job->state) != walk->ended)
        return AUT_STORE_SKIP;
    walk->job = *job;
    int rc = walk->full ? 0 : to_core (walk, job);
    if (!rc && walk->list)
        walk->entry = aut_catalogue_add (walk->broker->catalogue, job, shots);
    return rc;
}

static aut_task_state_t core_state (aut_store_task_state_t state)
{
    switch (state) {
    case AUT_STORE_LEASED:
        return AUT_TASK_LEASED;
    case AUT_STORE_DONE:
        return AUT_TASK_DONE;
    case AUT_STORE_FAILED:
        return AUT_TASK_FAILED;
    case AUT_STORE_CANCELLED:
        return AUT_TASK_CANCELLED;
    default:
        return AUT_TASK_READY;
    }
}

static int take_task (void *ctx, const aut_store_task_t *task, const aut_store_result_t *result)
{
    walk_t *walk = ctx;
    if (walk->entry)
        aut_entry_add_task (walk->entry, task->ordinal, task->shot, task->state);
    if (!walk->core)
        return 0;
    aut_core_cached_t cached = {0};
    aut_core_task_restore_t restore = {
        .spec = {.shot = task->shot,
                 .chunk = task->chunk,
                 .after = task->predecessor ? (uint32_t)(task->predecessor - walk->job.first_task)
                                            : AUT_CORE_NONE,
                 .cost = task->cost,
                 .model = task->model,
                 .class_ = task->class_,
                 .memory = task->memory,
                 .frames = task->upscale},
        .state = core_state (task->state),
        .attempt = task->attempt,
        .failures = task->failures,
        .epoch = task->epoch,
        .node = task->node,
        .device = task->device,
        .code = task->code[0] ? task->code : NULL,
        .message = task->message[0] ? task->message : NULL,
    };
    memcpy (restore.instance, task->instance, sizeof restore.instance);
    if (result) {
        restore.tail = cached.tail = result->tail.hash;
        restore.frames = cached.frames = result->mezzanine.hash;
        if (result->used_count)
            cached.used = result->used[0];
        if (task->state != AUT_STORE_DONE)
            restore.spec.cached = &cached;
    }
    int rc = aut_core_restore_task (walk->broker->core, task->job, task->ordinal, &restore);
    return rc ? aut_fail_in (rc, "task t%llu of the store", (unsigned long long)task->id) : 0;
}

int aut_broker_restore (aut_broker_t *self)
{
    walk_t walk = {.broker = self, .list = true};
    aut_store_visitor_t visitor = {&walk, take_job, take_task};
    int rc = aut_ring_resume (&self->ring, self->store);
    self->published = self->ring.seq; /* what was stored before is news to who comes back */
    if (!rc)
        rc = aut_store_load (self->store, 0, &visitor);
    finish_entry (&walk);
    if (rc)
        return rc;
    walk.ended = true;
    rc = aut_store_load (self->store, 0, &visitor);
    finish_entry (&walk);
    if (rc)
        return rc;
    aut_log (AUT_LOG_INFO, LOG, "epoch " AUT_EPOCH_TEXT ", %zu jobs in the store",
             AUT_EPOCH_ARGS (aut_store_epoch (self->store)), aut_catalogue_count (self->catalogue));
    return aut_core_restore_end (self->core, aut_mono_ms (self->clock), &self->actions);
}

int aut_broker_restore_job (aut_broker_t *self, uint64_t job)
{
    walk_t walk = {.broker = self};
    aut_store_visitor_t visitor = {&walk, take_job, take_task};
    int rc = aut_store_load (self->store, job, &visitor);
    return rc ? rc : aut_core_restore_end (self->core, aut_mono_ms (self->clock), &self->actions);
}
