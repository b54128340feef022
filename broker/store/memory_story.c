/*  The story in memory: plain lists, searched from end to end. */
#include "broker/store/memory_story.h"

#include "lib/core/error.h"
#include "lib/core/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

aut_memory_mark_t aut_memory_mark (const aut_memory_story_t *self)
{
    return (aut_memory_mark_t){self->attempt_count, self->made_count, self->told_count,
                               self->row_count,     self->last,       self->bound};
}

void aut_memory_undo (aut_memory_story_t *self, const aut_memory_mark_t *mark)
{
    self->attempt_count = mark->attempts;
    self->made_count = mark->made;
    self->told_count = mark->told;
    self->last = mark->last;
    self->bound = mark->bound;
    while (self->row_count > mark->rows) {
        self->bytes -= self->rows[--self->row_count].size;
        free (self->rows[self->row_count].text);
    }
}

void aut_memory_story_clear (aut_memory_story_t *self)
{
    for (size_t i = self->row_first; i < self->row_count; i++)
        free (self->rows[i].text);
    free (self->rows);
    free (self->attempts);
    free (self->made);
    free (self->told);
    *self = (aut_memory_story_t){0};
}

void aut_memory_end (aut_memory_story_t *self, const aut_store_task_t *task, int64_t assigned_ms,
                     const aut_store_mutation_t *m, aut_store_end_t end)
{
    bool tells = end == AUT_STORE_ENDED_FAILED || end == AUT_STORE_ENDED_MOVED;
    self->attempts = aut_grow (self->attempts, &self->attempt_cap, self->attempt_count + 1,
                               sizeof *self->attempts);
    aut_memory_attempt_t *out = &self->attempts[self->attempt_count++];
    *out = (aut_memory_attempt_t){.task = task->id,
                                  .attempt = task->attempt,
                                  .end = end,
                                  .assigned_ms = assigned_ms,
                                  .ended_ms = m->at_ms};
    memcpy (out->node, task->node, sizeof out->node);
    memcpy (out->device, task->device, sizeof out->device);
    snprintf (out->code, sizeof out->code, "%s", tells && m->code ? m->code : "");
    snprintf (out->message, sizeof out->message, "%s", tells && m->message ? m->message : "");
}

void aut_memory_made (aut_memory_story_t *self, const aut_store_task_t *task, int64_t assigned_ms,
                      const aut_store_mutation_t *m)
{
    self->made = aut_grow (self->made, &self->made_cap, self->made_count + 1, sizeof *self->made);
    self->made[self->made_count++] = (aut_memory_made_t){task->id, assigned_ms, m->at_ms};
}

void aut_memory_tell (aut_memory_story_t *self, const aut_store_mutation_t *m)
{
    aut_store_told_t what = aut_store_told (m);
    if (!what)
        return;
    self->told = aut_grow (self->told, &self->told_cap, self->told_count + 1, sizeof *self->told);
    self->told[self->told_count++] = (aut_memory_told_t){m->id, {m->at_ms, what}};
}

/*  Their places stay, so that a mark holds. */
static void trim (aut_memory_story_t *self)
{
    while (self->bytes > AUT_STORE_EVENT_BYTES && self->row_first + 1 < self->row_count) {
        aut_memory_row_t *row = &self->rows[self->row_first++];
        self->bytes -= row->size;
        free (row->text);
        *row = (aut_memory_row_t){0};
    }
}

void aut_memory_put_events (aut_memory_story_t *self, uint64_t epoch,
                            const aut_store_events_t *events)
{
    if (events->bound)
        self->bound = events->bound;
    if (!events->size)
        return;
    trim (self); /* before: what a refused batch brought must not have pushed others out */
    self->rows = aut_grow (self->rows, &self->row_cap, self->row_count + 1, sizeof *self->rows);
    self->rows[self->row_count++] = (aut_memory_row_t){
        events->last, self->last, epoch, aut_strndup (events->text, events->size), events->size};
    self->last = events->last;
    self->bytes += events->size;
}

aut_memory_made_t aut_memory_maker (const aut_memory_story_t *self, uint64_t result)
{
    return result && result <= self->made_count ? self->made[result - 1] : (aut_memory_made_t){0};
}

static int by_task (const void *a, const void *b)
{
    const aut_memory_attempt_t *const *x = a, *const *y = b;
    if ((*x)->task != (*y)->task)
        return (*x)->task < (*y)->task ? -1 : 1;
    if ((*x)->attempt != (*y)->attempt)
        return (*x)->attempt < (*y)->attempt ? -1 : 1;
    return *x < *y ? -1 : *x > *y; /* in the order they ended */
}

int aut_memory_attempts (const aut_memory_story_t *self, uint64_t first, uint64_t end,
                         aut_store_attempt_fn *each, void *ctx)
{
    const aut_memory_attempt_t **found = aut_calloc (self->attempt_count + 1, sizeof *found);
    size_t count = 0;
    int rc = 0;
    for (size_t i = 0; i < self->attempt_count; i++)
        if (self->attempts[i].task >= first && self->attempts[i].task < end)
            found[count++] = &self->attempts[i];
    qsort (found, count, sizeof *found, by_task);
    for (size_t i = 0; rc >= 0 && i < count; i++) {
        const aut_memory_attempt_t *a = found[i];
        size_t later = i + AUT_STORE_ATTEMPTS_KEPT;
        if (later < count && found[later]->task == a->task)
            continue; /* as if it had been let go */
        rc = each (ctx, &(aut_store_attempt_t){.task = a->task,
                                               .maker = a->task,
                                               .attempt = a->attempt,
                                               .end = a->end,
                                               .assigned_ms = a->assigned_ms,
                                               .ended_ms = a->ended_ms,
                                               .node = a->node,
                                               .device = a->device,
                                               .code = a->code,
                                               .message = a->message});
    }
    free (found);
    return rc;
}

uint32_t aut_memory_told (const aut_memory_story_t *self, uint64_t job, uint32_t limit,
                          aut_store_story_t *items)
{
    uint32_t count = 0, skip = 0;
    for (size_t i = 0; i < self->told_count; i++)
        skip += self->told[i].job == job;
    limit = limit < AUT_STORE_STORY_KEPT ? limit : AUT_STORE_STORY_KEPT;
    skip = skip > limit ? skip - limit : 0;
    for (size_t i = 0; i < self->told_count; i++)
        if (self->told[i].job == job && (skip == 0 || skip-- == 0))
            items[count++] = self->told[i].item;
    return count;
}

static int tell_row (const aut_memory_row_t *row, uint64_t after, aut_store_event_fn *each,
                     void *ctx)
{
    const char *line = row->text, *end = row->text + row->size, *members;
    uint64_t job, seq;
    size_t size;
    int rc = 0;
    while (rc >= 0 && (line = aut_store_event_line (line, end, &job, &seq, &members, &size)))
        if (seq > after)
            rc = each (ctx, row->epoch, job, seq, members, size);
    return rc < 0 ? rc : 0;
}

int aut_memory_events (const aut_memory_story_t *self, uint64_t after, aut_store_event_fn *each,
                       void *ctx)
{
    size_t i = self->row_first;
    while (i < self->row_count && self->rows[i].last <= after)
        i++;
    if (i < self->row_count && self->rows[i].prev > after)
        return aut_fail (AUT_ERR_NOT_FOUND, "these events are not kept any more");
    int rc = 0;
    for (; !rc && i < self->row_count; i++)
        rc = tell_row (&self->rows[i], after, each, ctx);
    return rc;
}
