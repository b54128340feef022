/*  Matching ready tasks with workers that have room.
 *
 *  What holds between steps: no worker with room is left with a ready task that it may take. A step
 *  breaks this only where it marked something: a worker that got room looks for the best task
 *  (priority, fairness, chain; among equals one whose tail it holds), a group that got tasks looks
 *  for workers (the tail's holder, one with the model loaded, the smallest that suffices; idle ones
 *  before those that would only queue it).
 *
 *  A task that failed on a node is kept from it while another could take it, and so is a whole job
 *  by a bar. Behind such a candidate at most CORE_LOOKAHEAD others are looked at.
 */
#include "broker/core/internal.h"

typedef struct {
    core_bucket_t *bucket;
    uint32_t ordinal;
    bool here; /* the worker's node holds its tail */
} choice_t;

void core_worker_freed (aut_core_t *self, core_worker_t *worker)
{
    if (worker->freed || worker->load >= worker->credit || !worker->node->able)
        return;
    worker->freed = true;
    self->freed =
        aut_grow (self->freed, &self->freed_cap, self->freed_count + 1, sizeof *self->freed);
    self->freed[self->freed_count++] =
        (core_freed_t){worker->node->id, (uint32_t)(worker - worker->node->workers)};
}

/* ---- who may take what ---- */

static bool excluded (const core_task_t *task, uint64_t key)
{
    const core_trouble_t *trouble = task->trouble;
    for (uint32_t i = 0; trouble && i < trouble->excluded_count; i++)
        if (trouble->excluded[i] == key)
            return true;
    return false;
}

static bool barred (const core_job_t *job, uint64_t key)
{
    for (uint32_t i = 0; job->bar_count && i < job->suspect_count; i++)
        if (job->suspects[i].node == key)
            return job->suspects[i].tasks >= CORE_BAR_TASKS;
    return false;
}

/*  Runs through the devices that could take it; those kept out are few, so it ends soon. */
bool core_able_elsewhere (aut_core_t *self, const core_bucket_t *bucket, const core_task_t *task,
                          uint64_t except, uint64_t memory)
{
    const core_group_t *group = bucket->group;
    bool any = !*self->metrics.classes[group->class_].name;
    for (uint32_t class_ = 0; class_ < self->metrics.class_count; class_++) {
        if (!any && class_ != group->class_)
            continue;
        core_offer_t *offer = core_offer_first (group->model->roots[class_], memory, OFFER_FULL);
        for (int i = 0; offer && i < 512; i++, offer = core_offer_next (offer, OFFER_FULL)) {
            uint64_t key = offer->worker->node->key;
            if (key != except && offer->worker->credit && !barred (bucket->job, key) &&
                !(task && excluded (task, key)))
                return true;
        }
    }
    return false;
}

static bool job_allowed (aut_core_t *self, const core_bucket_t *bucket, uint64_t key)
{
    return !barred (bucket->job, key) ||
           !core_able_elsewhere (self, bucket, NULL, key, bucket->group->memory);
}

static bool task_allowed (aut_core_t *self, const core_bucket_t *bucket, const core_task_t *task,
                          uint64_t key)
{
    return !excluded (task, key) ||
           !core_able_elsewhere (self, bucket, task, key, bucket->group->memory);
}

/* ---- the best task for a worker ---- */

/*  Takes the first of a frontier of heap places. */
static uint32_t frontier_pop_entries (const core_bucket_t *bucket, uint32_t *frontier,
                                      uint32_t *count)
{
    uint32_t least = 0;
    for (uint32_t i = 1; i < *count; i++)
        if (bucket->entries[frontier[i]] < bucket->entries[frontier[least]])
            least = i;
    uint32_t at = frontier[least];
    frontier[least] = frontier[--*count];
    return at;
}

/*  The first task of the bucket that the node may take, AUT_CORE_NONE if there is none. */
static uint32_t bucket_first (aut_core_t *self, const core_bucket_t *bucket,
                              const core_node_t *node)
{
    uint32_t frontier[3 * CORE_LOOKAHEAD + 4], count = 1;
    frontier[0] = 0;
    for (int looks = 0; count && looks < CORE_LOOKAHEAD; looks++) {
        uint32_t at = frontier_pop_entries (bucket, frontier, &count);
        uint32_t ordinal = core_key_ordinal (bucket->entries[at]);
        if (core_key_valid (bucket, bucket->entries[at]) &&
            task_allowed (self, bucket, &bucket->job->items[ordinal], node->key))
            return ordinal;
        for (uint32_t i = 4 * at + 1; i <= 4 * at + 4 && i < bucket->count; i++)
            frontier[count++] = i;
    }
    return AUT_CORE_NONE;
}

/*  As bucket_first, but rather one that starts from what the node made lately, if its chain is not
 *  materially (a quarter) shorter. */
static uint32_t bucket_pick (aut_core_t *self, const core_bucket_t *bucket, const core_node_t *node,
                             bool *here)
{
    const core_job_t *job = bucket->job;
    uint32_t best = bucket_first (self, bucket, node);
    uint32_t chain = best == AUT_CORE_NONE ? 0 : job->items[best].chain;
    *here = false;
    for (uint32_t i = 0; job->chained && i < CORE_RECENT; i++) {
        const core_recent_t *recent = &node->recent[i];
        if (recent->job != job->id)
            continue;
        const core_task_t *task = &job->items[recent->ordinal];
        if (!core_key_valid (bucket, core_key (task, recent->ordinal)) ||
            task->chain < chain - chain / 4 || (*here && task->chain <= job->items[best].chain) ||
            !task_allowed (self, bucket, task, node->key))
            continue;
        best = recent->ordinal;
        *here = true;
    }
    return best;
}

static uint32_t frontier_pop_turns (const core_group_t *group, uint32_t *frontier, uint32_t *count)
{
    uint32_t least = 0;
    for (uint32_t i = 1; i < *count; i++)
        if (core_turn_before (group->turns[frontier[i]], group->turns[frontier[least]]))
            least = i;
    uint32_t at = frontier[least];
    frontier[least] = frontier[--*count];
    return at;
}

static bool group_pick (aut_core_t *self, const core_group_t *group, const core_node_t *node,
                        choice_t *choice)
{
    uint32_t frontier[3 * CORE_LOOKAHEAD + 4], count = group->count ? 1 : 0;
    frontier[0] = 0;
    for (int looks = 0; count && looks < CORE_LOOKAHEAD; looks++) {
        uint32_t at = frontier_pop_turns (group, frontier, &count);
        core_bucket_t *bucket = group->turns[at].bucket;
        if (job_allowed (self, bucket, node->key)) {
            choice->bucket = bucket;
            choice->ordinal = bucket_pick (self, bucket, node, &choice->here);
            if (choice->ordinal != AUT_CORE_NONE)
                return true;
        }
        for (uint32_t i = 4 * at + 1; i <= 4 * at + 4 && i < group->count; i++)
            frontier[count++] = i;
    }
    return false;
}

static bool better (const choice_t *a, const choice_t *b)
{
    core_turn_t first = core_turn_of (a->bucket), second = core_turn_of (b->bucket);
    if (first.id != second.id)
        return core_turn_before (first, second);
    const core_task_t *one = &a->bucket->job->items[a->ordinal];
    const core_task_t *two = &b->bucket->job->items[b->ordinal];
    if (a->here != b->here) {
        const core_task_t *near = a->here ? one : two, *far = a->here ? two : one;
        return a->here == (near->chain >= far->chain - far->chain / 4);
    }
    return one->chain != two->chain ? one->chain > two->chain : a->ordinal < b->ordinal;
}

static bool group_fits (const aut_core_t *self, const core_group_t *group,
                        const core_worker_t *worker)
{
    return group->memory <= worker->memory &&
           (group->class_ == worker->class_ || !*self->metrics.classes[group->class_].name);
}

static void assign (aut_core_t *self, core_bucket_t *bucket, uint32_t ordinal,
                    core_worker_t *worker)
{
    core_job_t *job = bucket->job;
    core_task_t *task = &job->items[ordinal];
    uint64_t *served = &bucket->group->served[job->priority + AUT_CORE_PRIORITY];
    if (job->vtime > *served)
        *served = job->vtime;
    job->vtime += task->cost;
    task->attempt++;
    core_lease_t *lease =
        core_lease_grant (self, job, ordinal, worker->node, worker, self->config.epoch);
    core_queue_take (self, job, ordinal);
    core_queue_reorder (job);
    if (job->state == AUT_JOB_QUEUED)
        core_job_state (self, job, AUT_JOB_RUNNING, true);
    if (!(task->flags & TASK_FRAMES)) /* an upscaler is loaded beside what makes frames */
        core_worker_loaded (worker, bucket->group->model);
    core_emit_lease (self, lease, false);
    self->metrics.assigned++;

    const core_tail_t *input = core_task_input (job, task);
    aut_core_action_t *action = core_emit (self, AUT_SEND_ASSIGN);
    action->u.assign.peer = worker->node->peer;
    action->u.assign.token = core_lease_token (lease);
    action->u.assign.worker = worker->id;
    action->u.assign.lease_ms = self->config.lease_ms;
    action->u.assign.job = job->id;
    action->u.assign.ordinal = ordinal;
    action->u.assign.after = input ? job->first_task + task->after : 0;
    action->u.assign.frames = task->flags & TASK_FRAMES;
    action->u.assign.input = input ? *core_task_wants (task, input) : (aut_hash_t){{0}};
    core_pub_task (self, job, ordinal, false);
}

/*  One task for a worker with room, if there is one. */
static bool worker_take (aut_core_t *self, core_worker_t *worker)
{
    choice_t best = {0}, choice;
    if (worker->load >= worker->credit || !worker->node->able)
        return false;
    for (uint32_t i = 0; i < worker->offer_count; i++) {
        for (core_group_t *group = worker->offers[i].model->active; group;
             group = group->active_next) {
            if (!group_fits (self, group, worker) ||
                (best.bucket && core_turn_before (core_turn_of (best.bucket), group->turns[0])) ||
                !group_pick (self, group, worker->node, &choice))
                continue;
            if (!best.bucket || better (&choice, &best))
                best = choice;
        }
    }
    if (!best.bucket)
        return false;
    assign (self, best.bucket, best.ordinal, worker);
    return true;
}

/* ---- the best worker for a task ---- */

static bool worker_offers (const core_worker_t *worker, const core_model_t *model, uint8_t *state)
{
    for (uint32_t i = 0; i < worker->offer_count; i++)
        if (worker->offers[i].model == model) {
            *state = worker->offers[i].state;
            return true;
        }
    return false;
}

/*  On the node that holds the tail, when it is idle. */
static core_worker_t *worker_at_tail (aut_core_t *self, const core_bucket_t *bucket,
                                      const core_task_t *task)
{
    const core_tail_t *input = core_task_input (bucket->job, task);
    core_node_t *node = input ? core_node_find (self, input->node) : NULL;
    core_worker_t *found = NULL;
    uint8_t state, found_state = OFFER_PARTIAL;
    if (!node || !node->able || !job_allowed (self, bucket, node->key) ||
        !task_allowed (self, bucket, task, node->key))
        return NULL;
    for (uint32_t i = 0; i < node->worker_count; i++) {
        core_worker_t *worker = &node->workers[i];
        if (group_fits (self, bucket->group, worker) &&
            worker_offers (worker, bucket->group->model, &state) && state < found_state) {
            found = worker;
            found_state = state;
        }
    }
    return found;
}

static core_worker_t *worker_in_state (aut_core_t *self, const core_bucket_t *bucket,
                                       const core_task_t *task, uint8_t state)
{
    const core_group_t *group = bucket->group;
    core_offer_t *best = NULL;
    bool any = !*self->metrics.classes[group->class_].name;
    for (uint32_t class_ = 0; class_ < self->metrics.class_count; class_++) {
        if (!any && class_ != group->class_)
            continue;
        core_offer_t *offer = core_offer_first (group->model->roots[class_], group->memory, state);
        for (int i = 0; offer && i < CORE_LOOKAHEAD; i++) {
            uint64_t key = offer->worker->node->key;
            if (job_allowed (self, bucket, key) && task_allowed (self, bucket, task, key))
                break;
            offer = core_offer_next (offer, state);
        }
        if (offer && (!best || offer->state < best->state ||
                      (offer->state == best->state && offer->memory < best->memory)))
            best = offer;
    }
    return best ? best->worker : NULL;
}

static core_worker_t *worker_for (aut_core_t *self, const core_bucket_t *bucket,
                                  const core_task_t *task)
{
    core_worker_t *worker = worker_at_tail (self, bucket, task);
    for (uint8_t state = OFFER_LOADED; !worker && state <= OFFER_PARTIAL; state++)
        worker = worker_in_state (self, bucket, task, state);
    return worker;
}

static bool group_has_room (const aut_core_t *self, const core_group_t *group)
{
    bool any = !*self->metrics.classes[group->class_].name;
    for (uint32_t class_ = 0; class_ < self->metrics.class_count; class_++)
        if ((any || class_ == group->class_) &&
            core_offer_first (group->model->roots[class_], group->memory, OFFER_PARTIAL))
            return true;
    return false;
}

/*  Gives one task of the bucket away. */
static bool bucket_give (aut_core_t *self, core_bucket_t *bucket)
{
    uint32_t frontier[3 * CORE_LOOKAHEAD + 4], count = 1;
    frontier[0] = 0;
    for (int looks = 0; count && looks < CORE_LOOKAHEAD; looks++) {
        uint32_t at = frontier_pop_entries (bucket, frontier, &count);
        uint32_t ordinal = core_key_ordinal (bucket->entries[at]);
        if (core_key_valid (bucket, bucket->entries[at])) {
            const core_task_t *task = &bucket->job->items[ordinal];
            core_worker_t *worker = worker_for (self, bucket, task);
            if (worker) {
                assign (self, bucket, ordinal, worker);
                return true;
            }
        }
        for (uint32_t i = 4 * at + 1; i <= 4 * at + 4 && i < bucket->count; i++)
            frontier[count++] = i;
    }
    return false;
}

/*  Gives one task of the group away, the first in order that a worker with room may take. */
static bool group_give (aut_core_t *self, core_group_t *group)
{
    uint32_t frontier[3 * CORE_LOOKAHEAD + 4], count = group->count ? 1 : 0;
    if (!count || !group_has_room (self, group))
        return false;
    frontier[0] = 0;
    for (int looks = 0; count && looks < CORE_LOOKAHEAD; looks++) {
        uint32_t at = frontier_pop_turns (group, frontier, &count);
        if (bucket_give (self, group->turns[at].bucket))
            return true;
        for (uint32_t i = 4 * at + 1; i <= 4 * at + 4 && i < group->count; i++)
            frontier[count++] = i;
    }
    return false;
}

/* ---- the end of a step ---- */

static core_worker_t *freed_at (aut_core_t *self, size_t i)
{
    core_node_t *node = core_node_find (self, self->freed[i].node);
    if (!node || self->freed[i].worker >= node->worker_count)
        return NULL;
    return &node->workers[self->freed[i].worker];
}

/*  Several groups may compete for the same workers: each time, the one whose first task comes
 *  first gives. They are a handful: those that this step touched. */
static void give_groups (aut_core_t *self)
{
    core_group_t *list = NULL, **place, *group;
    for (core_group_t **end = &list; (group = core_group_clean (self)); end = &group->dirty_next) {
        *end = group;
        group->dirty_next = NULL;
    }
    while (list) {
        core_group_t **best = NULL;
        choice_t top = {0}, other = {0};
        for (place = &list; *place; place = &(*place)->dirty_next) {
            if (!(*place)->count)
                continue;
            other.bucket = (*place)->turns[0].bucket;
            other.ordinal = core_key_ordinal (other.bucket->entries[0]);
            if (!best || better (&other, &top)) {
                best = place;
                top = other;
            }
        }
        if (best && group_give (self, *best))
            continue;
        place = best ? best : &list;
        group = *place;
        *place = group->dirty_next;
        core_group_unref (self, group);
    }
}

void core_dispatch (aut_core_t *self)
{
    core_worker_t *worker;
    for (size_t i = 0; i < self->freed_count; i++)
        if ((worker = freed_at (self, i)) && !worker->load)
            worker_take (self, worker);
    give_groups (self);
    for (size_t i = 0; i < self->freed_count; i++) {
        if (!(worker = freed_at (self, i)))
            continue;
        while (worker_take (self, worker))
            ;
        worker->freed = false;
    }
    self->freed_count = 0;
}
