/*  Adoption: what a node still holds, against what the core knows.
 *
 *  The current attempt of a task goes on, under the same attempt number. When its token is of an
 *  earlier epoch (the broker was restarted) or its lease was given up meanwhile without anyone else
 *  getting the task, a new lease is committed first and the node is told the new epoch. Everything
 *  else is acknowledged (committed already) or aborted (stale). What another broker gave it, one
 *  whose place this one has taken, is stale whatever its numbers say: they count other tasks.
 */
#include "broker/core/internal.h"

#include <string.h>

static bool offers_model (const core_worker_t *worker, const core_model_t *model)
{
    for (uint32_t i = 0; i < worker->offer_count; i++)
        if (worker->offers[i].model == model)
            return true;
    return false;
}

/*  The HELLO does not say which worker runs it: the device that the store remembers, else one
 *  with room, else any that has the model. */
static core_worker_t *worker_for (const core_node_t *node, const core_job_t *job, uint32_t ordinal,
                                  const char *device)
{
    const core_model_t *model = job->buckets[job->items[ordinal].bucket]->group->model;
    core_worker_t *best = NULL;
    int best_rank = 0;
    for (uint32_t i = 0; i < node->worker_count; i++) {
        core_worker_t *worker = &node->workers[i];
        if (!offers_model (worker, model))
            continue;
        int rank =
            1 + (worker->load < worker->credit) + 2 * (device && !strcmp (device, worker->device));
        if (rank > best_rank) {
            best = worker;
            best_rank = rank;
        }
    }
    return best;
}

static void abort_held (aut_core_t *self, const core_node_t *node, aut_core_token_t token)
{
    self->metrics.stale++;
    core_emit_token (self, AUT_SEND_ABORT, node->peer, token, 0);
}

/*  The node's own lease: kept as it is, or taken over from an earlier epoch. */
static void claim_lease (aut_core_t *self, core_node_t *node, core_lease_t *lease,
                         aut_core_token_t token)
{
    if (!lease->worker) {
        lease->worker = worker_for (node, lease->job, lease->ordinal, lease->device);
        if (!lease->worker) {
            abort_held (self, node, token);
            return; /* not listed, as far as the rest is concerned: it will be lost */
        }
        core_worker_load (self, lease->worker, 1);
    }
    lease->hello = self->hellos;
    lease->confirmed = true;
    if (lease->epoch != self->config.epoch) {
        lease->epoch = self->config.epoch;
        lease->granted = lease->progress_ms = self->now;
        lease->adopted = true;
        core_emit_lease (self, lease, true);
        self->metrics.adopted++;
        core_pub_task (self, lease->job, lease->ordinal, false);
    }
    if (token.epoch != lease->epoch)
        core_emit_token (self, AUT_SEND_ADOPT, node->peer, token, lease->epoch);
    core_lease_due (self, lease);
}

/*  The lease was lost, but nobody else has got the task since. */
static void reclaim (aut_core_t *self, core_node_t *node, core_job_t *job, uint32_t ordinal,
                     aut_core_token_t token)
{
    core_worker_t *worker = worker_for (node, job, ordinal, NULL);
    if (!worker) {
        abort_held (self, node, token);
        return;
    }
    core_lease_t *lease = core_lease_grant (self, job, ordinal, node, worker, self->config.epoch);
    core_queue_take (self, job, ordinal);
    lease->hello = self->hellos;
    lease->confirmed = lease->adopted = true;
    core_emit_lease (self, lease, true);
    self->metrics.adopted++;
    if (token.epoch != lease->epoch)
        core_emit_token (self, AUT_SEND_ADOPT, node->peer, token, lease->epoch);
    core_pub_task (self, job, ordinal, false);
}

static void claim_one (aut_core_t *self, core_node_t *node, aut_core_token_t token)
{
    uint32_t ordinal = 0;
    core_job_t *job = core_task_find (self, token.task, &ordinal);
    const core_task_t *task = job ? &job->items[ordinal] : NULL;
    if (!task || task->attempt != token.attempt || token.epoch > self->config.epoch ||
        !aut_epoch_same_broker (token.epoch, self->config.epoch))
        abort_held (self, node, token);
    else if (task->state == AUT_TASK_LEASED && task->u.lease->node == node)
        claim_lease (self, node, task->u.lease, token);
    else if (task->state == AUT_TASK_READY && (task->flags & TASK_RECLAIM) &&
             task->u.holder == node->id)
        reclaim (self, node, job, ordinal, token);
    else if (task->state == AUT_TASK_DONE)
        core_emit_token (self, AUT_SEND_ACK, node->peer, token, 0);
    else
        abort_held (self, node, token);
}

void core_claim (aut_core_t *self, core_node_t *node, const aut_core_held_t *held, uint32_t count)
{
    self->hellos++;
    for (uint32_t i = 0; i < count; i++)
        claim_one (self, node, held[i].token);
    core_lease_t *next;
    for (core_lease_t *lease = node->leases; lease; lease = next) {
        next = lease->next;
        if (lease->hello == self->hellos)
            continue;
        self->metrics.lost_leases++;
        core_lease_lost (self, lease, false);
    }
}
