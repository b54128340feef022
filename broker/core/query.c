/*  Snapshots for status: each is O(log n) or bounded by a node's size, none touches the queues. */
#include "broker/core/internal.h"

#include <stdio.h>
#include <string.h>

static void job_info (const core_job_t *job, aut_core_job_info_t *out)
{
    out->id = job->id;
    out->first_task = job->first_task;
    out->task_count = job->count;
    out->priority = job->priority;
    out->state = job->state;
    memcpy (out->tasks, job->tasks, sizeof out->tasks);
}

int aut_core_job (const aut_core_t *self, uint64_t id, aut_core_job_info_t *out)
{
    const core_job_t *job = core_job_find (self, id);
    if (!job)
        return AUT_ERR_NOT_FOUND;
    job_info (job, out);
    return 0;
}

int aut_core_next_job (const aut_core_t *self, uint64_t after, aut_core_job_info_t *out)
{
    const core_job_t *job = core_job_after (self, after);
    if (!job)
        return AUT_ERR_NOT_FOUND;
    job_info (job, out);
    return 0;
}

/*  A node online that meets the demand, but takes no more work; NULL if there is none. */
static const core_node_t *drains (const aut_core_t *self, const core_group_t *group)
{
    bool any = !*self->metrics.classes[group->class_].name;
    if (!self->metrics.nodes[AUT_NODE_DRAINING])
        return NULL;
    for (const core_node_t *node = self->by_id; node; node = node->hh_id.next) {
        if (node->state != AUT_NODE_DRAINING)
            continue;
        for (uint32_t i = 0; i < node->worker_count; i++) {
            const core_worker_t *worker = &node->workers[i];
            if (worker->memory < group->memory || (!any && worker->class_ != group->class_))
                continue;
            for (uint32_t k = 0; k < worker->offer_count; k++)
                if (worker->offers[k].model == group->model)
                    return node;
        }
    }
    return NULL;
}

/*  What keeps a ready task from running: the first demand that no node online meets. */
static aut_core_wait_t wait_of (const aut_core_t *self, const core_group_t *group,
                                const char **name)
{
    bool any = !*self->metrics.classes[group->class_].name, model = false, class_ = false;
    for (uint32_t i = 0; i < self->metrics.class_count; i++) {
        core_offer_t *root = group->model->roots[i];
        model |= root != NULL;
        if (!root || (!any && i != group->class_))
            continue;
        class_ = true;
        if (core_offer_first (root, group->memory, OFFER_FULL))
            return AUT_WAIT_WORKER;
    }
    if (!self->metrics.nodes[AUT_NODE_ONLINE] && !self->metrics.nodes[AUT_NODE_DRAINING])
        return AUT_WAIT_NODE;
    const core_node_t *node = drains (self, group);
    if (node) {
        *name = node->name;
        return AUT_WAIT_DRAIN;
    }
    return !model ? AUT_WAIT_MODEL : !class_ ? AUT_WAIT_CLASS : AUT_WAIT_MEMORY;
}

static void task_wait (const aut_core_t *self, const core_task_t *task, const core_group_t *group,
                       aut_core_task_info_t *out)
{
    if (task->state == AUT_TASK_BLOCKED) {
        out->wait = AUT_WAIT_TASK;
    } else if (task->state == AUT_TASK_READY && (task->flags & TASK_DELAYED) && task->trouble) {
        out->wait = AUT_WAIT_BACKOFF;
        out->wait_ms = task->trouble->due > self->now ? task->trouble->due - self->now : 0;
    } else if (task->state == AUT_TASK_READY) {
        out->wait = wait_of (self, group, &out->node);
    }
}

static void task_lease (const core_lease_t *lease, aut_core_task_info_t *out)
{
    out->node = lease->node->name;
    if (lease->worker)
        out->device = lease->worker->device;
    else if (lease->device)
        out->device = lease->device;
    out->leased_ms = lease->granted;
    out->step = lease->step;
    out->steps = lease->steps;
    out->frame = lease->frame;
    out->frames = lease->frames;
    out->preview = lease->preview;
}

int aut_core_task (const aut_core_t *self, uint64_t id, aut_core_task_info_t *out)
{
    uint32_t ordinal = 0;
    const core_job_t *job = core_task_find (self, id, &ordinal);
    if (!job)
        return AUT_ERR_NOT_FOUND;
    const core_task_t *task = &job->items[ordinal];
    const core_group_t *group = job->buckets[task->bucket]->group;
    *out = (aut_core_task_info_t){.id = id,
                                  .job = job->id,
                                  .ordinal = ordinal,
                                  .shot = task->shot,
                                  .chunk = task->chunk,
                                  .upscale = task->flags & TASK_FRAMES,
                                  .state = task->state,
                                  .attempt = task->attempt,
                                  .failures = task->failures,
                                  .node = "",
                                  .device = "",
                                  .code = "",
                                  .message = "",
                                  .model = group->model->name,
                                  .class_ = self->metrics.classes[group->class_].name,
                                  .memory = group->memory};
    if (task->after != AUT_CORE_NONE)
        out->after = job->first_task + task->after;
    if (task->state == AUT_TASK_LEASED)
        task_lease (task->u.lease, out);
    /* The store has given it the failure's own words, and after a restart they are here, too. */
    if (task->state == AUT_TASK_FAILED && task->after != AUT_CORE_NONE &&
        job->items[task->after].state == AUT_TASK_FAILED) {
        out->message = "the task that it starts from failed";
    } else if (task->trouble && task->trouble->code) {
        out->code = task->trouble->code;
        out->message = task->trouble->message;
    }
    task_wait (self, task, group, out);
    return 0;
}

const char *aut_core_wait_text (const aut_core_task_info_t *task, char *text, size_t size)
{
    double gigabytes = (double)task->memory / 1e9;
    switch (task->wait) {
    case AUT_WAIT_BACKOFF:
        snprintf (text, size, "backing off after a failure, again in %lld s",
                  (long long)(task->wait_ms + 999) / 1000);
        break;
    case AUT_WAIT_NODE:
        snprintf (text, size, "no node is connected");
        break;
    case AUT_WAIT_DRAIN:
        snprintf (text, size, "only node %s could take it, and it drains", task->node);
        break;
    case AUT_WAIT_MODEL:
        snprintf (text, size, "no node with model %s", task->model);
        break;
    case AUT_WAIT_CLASS:
        snprintf (text, size, "no %s device with model %s", task->class_, task->model);
        break;
    case AUT_WAIT_MEMORY:
        snprintf (text, size, "no device with %.*f GB", gigabytes < 10 ? 1 : 0, gigabytes);
        break;
    case AUT_WAIT_WORKER:
        snprintf (text, size, "is next: waits for a free device");
        break;
    default:
        snprintf (text, size, "%s", "");
        break;
    }
    return text;
}

static void node_info (const core_node_t *node, aut_core_node_info_t *out)
{
    out->id = node->id;
    out->name = node->name;
    out->state = node->state;
    out->workers = node->worker_count;
    out->leases = node->lease_count;
    out->seen_ms = node->seen;
}

int aut_core_node (const aut_core_t *self, uint64_t id, aut_core_node_info_t *out)
{
    const core_node_t *node = core_node_find (self, id);
    if (!node)
        return AUT_ERR_NOT_FOUND;
    node_info (node, out);
    return 0;
}

int aut_core_node_by_name (const aut_core_t *self, const char *name, aut_core_node_info_t *out)
{
    core_node_t *node = NULL;
    HASH_FIND (hh_name, self->by_name, name, strlen (name), node);
    if (!node)
        return AUT_ERR_NOT_FOUND;
    node_info (node, out);
    return 0;
}

/*  uthash keeps the order of insertion, which is that of the ids. */
int aut_core_next_node (const aut_core_t *self, uint64_t after, aut_core_node_info_t *out)
{
    const core_node_t *node = after ? core_node_find (self, after) : NULL;
    if (node) {
        node = node->hh_id.next;
    } else { /* from the start, or the one asked after is gone */
        node = self->by_id;
        while (node && node->id <= after)
            node = node->hh_id.next;
    }
    if (!node)
        return AUT_ERR_NOT_FOUND;
    node_info (node, out);
    return 0;
}

int aut_core_worker (const aut_core_t *self, uint64_t id, uint32_t index,
                     aut_core_worker_info_t *out)
{
    const core_node_t *node = core_node_find (self, id);
    if (!node || index >= node->worker_count)
        return AUT_ERR_NOT_FOUND;
    const core_worker_t *worker = &node->workers[index];
    *out = (aut_core_worker_info_t){.id = worker->id,
                                    .device = worker->device,
                                    .class_ = self->metrics.classes[worker->class_].name,
                                    .memory = worker->memory,
                                    .credit = worker->credit,
                                    .load = worker->load,
                                    .model = worker->loaded ? worker->loaded->name : ""};
    for (const core_lease_t *lease = node->leases; lease; lease = lease->next)
        if (lease->worker == worker) {
            out->task = lease->job->first_task + lease->ordinal;
            break;
        }
    return 0;
}

const aut_core_metrics_t *aut_core_metrics (const aut_core_t *self)
{
    return &self->metrics;
}

/*  The model's requirements of one class, whatever memory they ask for; false if there is none. */
static bool depth_of (const aut_core_t *self, const core_model_t *model, uint32_t class_,
                      aut_core_depth_t *out)
{
    bool any = !*self->metrics.classes[class_].name, found = false;
    *out = (aut_core_depth_t){.model = model->name, .class_ = self->metrics.classes[class_].name};
    for (const core_group_t *group = model->groups; group; group = group->next) {
        if (group->class_ != class_)
            continue;
        found = true;
        for (int state = 0; state < AUT_TASK_STATES; state++)
            out->tasks[state] += group->tasks[state];
    }
    for (uint32_t i = 0; found && i < self->metrics.class_count; i++)
        out->served |= model->roots[i] && (any || i == class_);
    return found;
}

size_t aut_core_depths (const aut_core_t *self, aut_core_depth_t *out, size_t max,
                        aut_core_depth_t *rest)
{
    aut_core_depth_t one;
    size_t count = 0;
    memset (rest, 0, sizeof *rest);
    for (const core_model_t *model = self->models; model; model = model->hh.next)
        for (uint32_t class_ = 0; class_ < self->metrics.class_count; class_++) {
            if (!depth_of (self, model, class_, &one))
                continue;
            if (count < max)
                out[count++] = one;
            else
                for (int state = 0; state < AUT_TASK_STATES; state++)
                    rest->tasks[state] += one.tasks[state];
        }
    return count;
}

uint64_t aut_core_demand_of_memory (const aut_core_t *self)
{
    uint64_t count = 0;
    for (const core_model_t *model = self->models; model; model = model->hh.next)
        for (const core_group_t *group = model->groups; group; group = group->next)
            if (group->memory && !*self->metrics.classes[group->class_].name)
                count += group->tasks[AUT_TASK_READY] + group->tasks[AUT_TASK_LEASED];
    return count;
}
