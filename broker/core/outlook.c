/*  What a job has before it: how far it is, how long it will take, and for whom its tasks wait. One
 *  walk over its tasks, for status; nothing here changes anything.
 *
 *  Time left: what runs goes on at its own measured pace; what waits takes the mean that its model
 *  took on the devices that could have it. It begins when its predecessor is done, or those that
 * are ready before it are through the workers that can take them, of which each job that waits
 * there has its share. Where more chains go on than there are workers, all of them are the slower.
 */
#include "broker/core/internal.h"

#include <stdlib.h>
#include <string.h>

/*  What is the same for all tasks of a bucket. */
typedef struct {
    double pace;    /* seconds for a unit of cost, negative = unknown */
    double workers; /* this job's part of those that can take it */
    double ahead;   /* seconds of work of those that run, or are ready and came so far */
    uint32_t count; /* of them */
    uint32_t heads; /* all that run or are ready: chains that go on */
    double all;     /* seconds of everything that is open */
    double known;   /* measurements of what runs now, while there is no mean yet: their sum */
    uint32_t known_count;
} lane_t;

typedef struct {
    const aut_core_t *core;
    const core_job_t *job;
    lane_t *lanes;
    aut_core_forecast_t *forecasts; /* by ordinal */
    aut_core_outlook_t *out;
    double cost, done;
} walk_t;

static aut_pace_run_t run_of (const core_lease_t *lease)
{
    aut_pace_run_t run = {.since_ms = lease->started ? lease->started_ms : lease->granted};
    if (!lease->first_ms)
        return run;
    run.first_ms = lease->first_ms;
    run.first_part = lease->first_part;
    run.part_ms = lease->progress_ms;
    run.part = aut_core_part (lease->step, lease->steps, lease->frame, lease->frames);
    return run;
}

static uint32_t count_offers (const core_offer_t *offer, uint64_t memory)
{
    if (!offer)
        return 0;
    uint32_t left = offer->memory >= memory ? count_offers (offer->left, memory) : 0;
    return left + (offer->memory >= memory) + count_offers (offer->right, memory);
}

/*  Workers that can take the group's tasks, and the mean pace of those that were measured. */
static double count_workers (const aut_core_t *self, const core_group_t *group, double *pace)
{
    bool any = !*self->metrics.classes[group->class_].name;
    double workers = 0, measured = 0, speed = 0;
    for (uint32_t i = 0; i < self->metrics.class_count; i++) {
        if (!any && i != group->class_)
            continue;
        double count = count_offers (group->model->roots[i], group->memory);
        double unit = aut_pace_of (&group->model->paces[i], 1);
        workers += count;
        if (unit < 0)
            continue;
        if (count == 0)
            count = 1e-9; /* nobody now: better than nothing */
        measured += count;
        speed += count * unit;
    }
    *pace = measured > 0 ? speed / measured : -1;
    return workers;
}

static void open_lanes (walk_t *walk)
{
    const core_job_t *job = walk->job;
    walk->lanes = aut_calloc (job->bucket_count + 1u, sizeof *walk->lanes);
    for (uint32_t i = 0; i < job->bucket_count; i++) {
        const core_bucket_t *bucket = job->buckets[i];
        uint32_t others = bucket->group->count;
        if (core_bucket_in_turn (bucket))
            others--;
        walk->lanes[i].workers =
            count_workers (walk->core, bucket->group, &walk->lanes[i].pace) / (1 + others);
    }
    /* Before the first is done, what runs says how fast it goes. */
    for (uint32_t i = 0; i < job->count; i++) {
        const core_task_t *task = &job->items[i];
        if (task->state != AUT_TASK_LEASED)
            continue;
        aut_pace_run_t run = run_of (task->u.lease);
        double whole = aut_pace_whole (&run);
        lane_t *lane = &walk->lanes[task->bucket];
        if (whole >= 0) {
            lane->known += whole / task->cost;
            lane->known_count++;
        }
    }
    for (uint32_t i = 0; i < job->bucket_count; i++) {
        lane_t *lane = &walk->lanes[i];
        if (lane->pace < 0 && lane->known_count)
            lane->pace = lane->known / lane->known_count;
    }
}

static double own_left (const walk_t *walk, const core_task_t *task)
{
    double pace = walk->lanes[task->bucket].pace;
    double whole = pace < 0 ? -1 : pace * task->cost;
    if (task->state != AUT_TASK_LEASED)
        return whole;
    aut_pace_run_t run = run_of (task->u.lease);
    return aut_pace_left (&run, whole, walk->core->now);
}

static double max (double a, double b)
{
    return a > b ? a : b;
}

/*  Seconds until an open task is done, negative when not known. */
static double until (walk_t *walk, const core_task_t *task, double own)
{
    lane_t *lane = &walk->lanes[task->bucket];
    double start = 0;
    if (own < 0)
        return -1;
    lane->all += own;
    if (task->state == AUT_TASK_LEASED)
        return own;
    if (lane->workers <= 0)
        return -1;
    if (task->state == AUT_TASK_BLOCKED) {
        own *= max (1, lane->heads / lane->workers);
    } else {
        start = lane->count < lane->workers ? 0 : lane->ahead / lane->workers;
        lane->ahead += own;
        lane->count++;
    }
    if (task->after != AUT_CORE_NONE && walk->job->items[task->after].state != AUT_TASK_DONE) {
        double before = walk->forecasts[task->after].until_s;
        if (before < 0)
            return -1;
        start = max (start, before);
    }
    return start + own;
}

static void visit (walk_t *walk, uint32_t ordinal)
{
    const core_task_t *task = &walk->job->items[ordinal];
    aut_core_forecast_t *forecast = &walk->forecasts[ordinal];
    aut_core_outlook_t *out = walk->out;
    forecast->cost = task->cost;
    forecast->left_s = forecast->until_s = -1;
    walk->cost += task->cost;
    if (task->state == AUT_TASK_DONE) {
        walk->done += task->cost;
        return;
    }
    if (task->state > AUT_TASK_DONE)
        return;
    if (task->state == AUT_TASK_LEASED) {
        const core_lease_t *l = task->u.lease;
        walk->done += task->cost * aut_core_part (l->step, l->steps, l->frame, l->frames);
        out->running++;
    } else if (!out->waits) {
        out->waits = walk->job->first_task + ordinal;
    }
    forecast->left_s = own_left (walk, task);
    forecast->until_s = until (walk, task, forecast->left_s);
    if (forecast->until_s < 0)
        out->left_s = -1;
    else if (out->left_s >= 0)
        out->left_s = max (out->left_s, forecast->until_s);
    out->open++;
}

int aut_core_outlook (const aut_core_t *self, uint64_t id, aut_core_outlook_t *out,
                      aut_core_forecast_t *forecasts)
{
    const core_job_t *job = core_job_find (self, id);
    *out = (aut_core_outlook_t){.left_s = -1};
    if (!job)
        return AUT_ERR_NOT_FOUND;
    walk_t walk = {.core = self, .job = job, .out = out, .forecasts = forecasts};
    if (!forecasts)
        walk.forecasts = aut_calloc (job->count + 1u, sizeof *walk.forecasts);
    out->left_s = 0;
    open_lanes (&walk);
    for (uint32_t i = 0; i < job->count; i++) { /* these hold their workers, wherever they stand */
        lane_t *lane = &walk.lanes[job->items[i].bucket];
        bool leased = job->items[i].state == AUT_TASK_LEASED;
        lane->heads += leased || job->items[i].state == AUT_TASK_READY;
        lane->count += leased;
        if (leased)
            lane->ahead += max (own_left (&walk, &job->items[i]), 0);
    }
    for (uint32_t i = 0; i < job->count; i++)
        visit (&walk, i);
    for (uint32_t i = 0; i < job->bucket_count && out->left_s >= 0; i++)
        if (walk.lanes[i].workers > 0)
            out->left_s = max (out->left_s, walk.lanes[i].all / walk.lanes[i].workers);
    if (!out->open)
        out->left_s = -1;
    out->progress = walk.cost > 0 ? walk.done / walk.cost : 0;
    free (walk.lanes);
    if (!forecasts)
        free (walk.forecasts);
    return 0;
}

/* ---- turns ---------------------------------------------------------------------------------- */

static int by_key (const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

static int larger_first (const void *a, const void *b)
{
    const uint32_t *x = a, *y = b;
    return *x > *y ? -1 : *x < *y;
}

/*  Ready tasks of jobs that go first: all of those of a higher priority (the result), and one for
 *  one those of the same, whose numbers go to `equals`, the largest first. */
static uint64_t rivals (const core_bucket_t *bucket, uint32_t *equals, uint32_t *equal_count)
{
    const core_group_t *group = bucket->group;
    uint64_t higher = 0;
    *equal_count = 0;
    for (uint32_t i = 0; i < group->count; i++) {
        const core_bucket_t *other = group->turns[i].bucket;
        if (other == bucket || other->job->priority < bucket->job->priority)
            continue;
        if (other->job->priority > bucket->job->priority)
            higher += other->ready;
        else
            equals[(*equal_count)++] = other->ready;
    }
    qsort (equals, *equal_count, sizeof *equals, larger_first);
    return higher;
}

static void turns_of (const core_bucket_t *bucket, aut_core_forecast_t *forecasts)
{
    uint64_t *keys = aut_calloc (bucket->count + 1u, sizeof *keys);
    uint32_t *equals = aut_calloc (bucket->group->count + 1u, sizeof *equals);
    uint32_t count = 0, equal_count;
    uint64_t before = rivals (bucket, equals, &equal_count);
    for (uint32_t i = 0; i < bucket->count; i++)
        if (core_key_valid (bucket, bucket->entries[i]))
            keys[count++] = bucket->entries[i];
    qsort (keys, count, sizeof *keys, by_key);
    for (uint32_t i = 0; i < count; i++) {
        while (equal_count && equals[equal_count - 1] < i + 1)
            equal_count--; /* those had fewer: all of theirs are counted */
        before += equal_count;
        forecasts[core_key_ordinal (keys[i])].before =
            before < UINT32_MAX ? (uint32_t)before : UINT32_MAX;
        before++;
    }
    free (keys);
    free (equals);
}

int aut_core_turns (const aut_core_t *self, uint64_t id, aut_core_forecast_t *forecasts)
{
    const core_job_t *job = core_job_find (self, id);
    if (!job)
        return AUT_ERR_NOT_FOUND;
    for (uint32_t i = 0; i < job->bucket_count; i++)
        turns_of (job->buckets[i], forecasts);
    return 0;
}
