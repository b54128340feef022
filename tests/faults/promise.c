/*  See promise.h. Tasks are numbered from 1 by the one state folder of a campaign. */
#include "tests/faults/promise.h"

#include "lib/core/mem.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define TASKS_MAX (1u << 20)

static promise_t *find (campaign_t *self, uint64_t task)
{
    if (task >= TASKS_MAX) {
        campaign_fail (self, "a task has the number %" PRIu64, task);
        task = 0;
    }
    size_t had = self->promises_cap;
    self->promises =
        aut_grow (self->promises, &self->promises_cap, task + 1, sizeof *self->promises);
    memset (self->promises + had, 0, (self->promises_cap - had) * sizeof *self->promises);
    return &self->promises[task];
}

void promise_acked (campaign_t *self, const aut_token_t *token)
{
    promise_t *promise = find (self, token->task);
    if (promise->acked && promise->acked != token->attempt + 1)
        campaign_fail (self, "task t%" PRIu64 ": attempts %u and %u were both acknowledged",
                       token->task, promise->acked - 1, token->attempt);
    promise->acked = token->attempt + 1;
}

void promise_leased (campaign_t *self, const node_t *node, const aut_token_t *token)
{
    promise_t *promise = find (self, token->task);
    uint32_t attempt = token->attempt < ATTEMPTS_TOLD ? token->attempt : ATTEMPTS_TOLD - 1;
    bool told = promise->told & 1u << attempt;
    /*  A message that was held up by a fault may come after the next attempt's: no harm, its token
     * is worth nothing by then. */
    bool late = !told && promise->leased > token->attempt;
    if (promise->acked && !late)
        campaign_fail (self,
                       "task t%" PRIu64 " was leased again (attempt %u) after the result of "
                       "attempt %u had been acknowledged",
                       token->task, token->attempt, promise->acked - 1);
    else if (told && token->attempt < ATTEMPTS_TOLD &&
             (promise->to[attempt].node != node->index ||
              promise->to[attempt].start != node->proc.count))
        campaign_fail (self,
                       "task t%" PRIu64
                       " was leased as attempt %u twice, the second time to %s: the "
                       "number was not committed first",
                       token->task, token->attempt, node->name);
    promise->told |= 1u << attempt;
    promise->to[attempt].node = node->index;
    promise->to[attempt].start = node->proc.count;
    if (!late)
        promise->leased = token->attempt + 1;
}

bool promise_is_current (campaign_t *self, const aut_token_t *token)
{
    const promise_t *promise = find (self, token->task);
    return !promise->acked && promise->leased == token->attempt + 1;
}

void promise_submitted (campaign_t *self, film_t *film, const char *job)
{
    if (film->promised[0] && strcmp (film->promised, job) != 0)
        campaign_fail (self, "film %u was promised job %s, and then %s", film->index,
                       film->promised, job);
    snprintf (film->promised, sizeof film->promised, "%s", job);
}

void promise_check_jobs (campaign_t *self)
{
    unsigned begun = 0;
    for (unsigned i = 0; i < self->film_count; i++)
        begun += self->films[i].stage == FILM_SAME;
    for (unsigned i = 0; i < self->film_count; i++) {
        const film_t *film = &self->films[i];
        if (film->stage != FILM_SAME)
            continue;
        unsigned long number = film->job[0] == 'j' ? strtoul (film->job + 1, NULL, 10) : 0;
        if (strcmp (film->job, film->promised) != 0)
            campaign_fail (self, "film %u was promised job %s and got %s", film->index,
                           film->promised, film->job);
        if (number < 1 || number > begun)
            campaign_fail (self, "film %u is job %s, but there are %u films: one has two jobs",
                           film->index, film->job, begun);
    }
}
