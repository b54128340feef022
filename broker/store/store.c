/*  The store's functions, handed to the implementation. */
#include "broker/store/store.h"

#include "lib/core/epoch.h"
#include "lib/core/error.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

int aut_store_next_epoch (uint64_t last, uint64_t *next)
{
    uint64_t before = aut_epoch_broker (last);
    uint32_t identity = 0;
    if (before && before <= UINT32_MAX && (last & AUT_EPOCH_STARTS) < AUT_EPOCH_STARTS) {
        *next = last + 1;
        return 0;
    }
    while (!identity || identity == before)
        if (getrandom (&identity, sizeof identity, 0) != (ssize_t)sizeof identity)
            return aut_fail_errno ("cannot draw random bytes for the broker's identity");
    *next = (uint64_t)identity << AUT_EPOCH_START_BITS | 1;
    return 0;
}

void aut_store_destroy (aut_store_t **self_p)
{
    if (*self_p)
        (*self_p)->ops->destroy (self_p);
}

uint64_t aut_store_epoch (const aut_store_t *self)
{
    return self->ops->epoch (self);
}

int aut_store_next_ids (aut_store_t *self, uint64_t *job, uint64_t *task)
{
    return self->ops->next_ids (self, job, task);
}

int aut_store_commit (aut_store_t *self, const aut_store_mutation_t *batch, size_t count)
{
    return self->ops->commit (self, batch, count);
}

int aut_store_load (aut_store_t *self, uint64_t job, const aut_store_visitor_t *visitor)
{
    return self->ops->load (self, job, visitor);
}

int aut_store_body (aut_store_t *self, uint64_t task, aut_store_body_t *body, void **hold)
{
    return self->ops->body (self, task, body, hold);
}

int aut_store_result (aut_store_t *self, uint64_t task, aut_store_result_t *result)
{
    return self->ops->result (self, task, result);
}

int aut_store_cached (aut_store_t *self, const aut_hash_t *key, uint64_t *id,
                      aut_store_result_t *result)
{
    return self->ops->cached (self, key, id, result);
}

int aut_store_idempotent (aut_store_t *self, const char *key, uint64_t *job)
{
    return self->ops->idempotent (self, key, job);
}

int aut_store_items (aut_store_t *self, uint64_t job, uint64_t after, uint32_t limit,
                     aut_store_item_t *items, uint32_t *count)
{
    return self->ops->items (self, job, after, limit, items, count);
}

int aut_store_stats (aut_store_t *self, aut_store_stats_t *stats)
{
    return self->ops->stats (self, stats);
}

int aut_store_job (aut_store_t *self, uint64_t id, aut_store_job_t *job)
{
    return self->ops->job (self, id, job);
}

int aut_store_attempts (aut_store_t *self, uint64_t first, uint64_t end, bool all,
                        aut_store_attempt_fn *each, void *ctx)
{
    return self->ops->attempts (self, first, end, all, each, ctx);
}

int aut_store_shots (aut_store_t *self, uint64_t job, uint32_t after, uint32_t limit,
                     aut_store_shot_t *shots, uint32_t *count)
{
    return self->ops->shots (self, job, after, limit, shots, count);
}

int aut_store_story (aut_store_t *self, uint64_t job, uint32_t limit, aut_store_story_t *items,
                     uint32_t *count)
{
    return self->ops->story (self, job, limit, items, count);
}

int aut_store_events (aut_store_t *self, uint64_t after, aut_store_event_fn *each, void *ctx)
{
    return self->ops->events (self, after, each, ctx);
}

int aut_store_event_bound (aut_store_t *self, uint64_t *bound)
{
    return self->ops->event_bound (self, bound);
}

aut_store_told_t aut_store_told (const aut_store_mutation_t *mutation)
{
    static const aut_store_told_t told[] = {[AUT_STORE_JOB_RUNNING] = AUT_STORE_TOLD_RUNNING,
                                            [AUT_STORE_JOB_DONE] = AUT_STORE_TOLD_DONE,
                                            [AUT_STORE_JOB_FAILED] = AUT_STORE_TOLD_FAILED,
                                            [AUT_STORE_JOB_CANCELLED] = AUT_STORE_TOLD_CANCELLED};
    if (mutation->kind == AUT_STORE_JOB_CANCEL)
        return AUT_STORE_TOLD_CANCELLED;
    return mutation->kind == AUT_STORE_JOB_RETRY ? AUT_STORE_TOLD_RETRIED
                                                 : told[mutation->job_state];
}

const char *aut_store_event_line (const char *line, const char *end, uint64_t *job, uint64_t *seq,
                                  const char **members, size_t *size)
{
    const char *newline = line < end ? memchr (line, '\n', (size_t)(end - line)) : NULL;
    const char *space = newline ? memchr (line, ' ', (size_t)(newline - line)) : NULL;
    char *at;
    if (!space || space == line || !isdigit ((unsigned char)space[1]))
        return NULL; /* not ours */
    *job = strtoull (line, NULL, 10);
    *seq = strtoull (space, &at, 10); /* the newline ends it at the latest */
    at += *at == ' ';
    *members = at;
    *size = (size_t)(newline - at);
    return newline + 1;
}
