/*  What the store in memory keeps so that somebody may ask later: attempts, what became of jobs,
 *  events. Lists that only grow, so that a mark takes a refused batch back. Under the store's
 * mutex.
 */
#ifndef AUT_BROKER_STORE_MEMORY_STORY_H
#define AUT_BROKER_STORE_MEMORY_STORY_H

#include "broker/store/store.h"

/*  An attempt that ended without a result. */
typedef struct {
    uint64_t task;
    uint32_t attempt;
    aut_store_end_t end;
    int64_t assigned_ms, ended_ms;
    char node[AUT_STORE_NAME], device[AUT_STORE_NAME], code[32], message[512];
} aut_memory_attempt_t;

/*  What made a result, by the result's place. */
typedef struct {
    uint64_t task;
    int64_t assigned_ms, ended_ms;
} aut_memory_made_t;

typedef struct {
    uint64_t job;
    aut_store_story_t item;
} aut_memory_told_t;

/*  The events of one commit. */
typedef struct {
    uint64_t last, prev, epoch;
    char *text;
    size_t size;
} aut_memory_row_t;

typedef struct {
    aut_memory_attempt_t *attempts;
    aut_memory_made_t *made;
    aut_memory_told_t *told;
    aut_memory_row_t *rows;
    size_t attempt_count, attempt_cap, made_count, made_cap, told_count, told_cap;
    size_t row_first, row_count, row_cap; /* rows before row_first are gone */
    size_t bytes;                         /* of those that are there */
    uint64_t last, bound;
} aut_memory_story_t;

typedef struct {
    size_t attempts, made, told, rows;
    uint64_t last, bound;
} aut_memory_mark_t;

aut_memory_mark_t aut_memory_mark (const aut_memory_story_t *self);
void aut_memory_undo (aut_memory_story_t *self, const aut_memory_mark_t *mark);
void aut_memory_story_clear (aut_memory_story_t *self);

/*  The leased task's attempt ends so, by `m`. */
void aut_memory_end (aut_memory_story_t *self, const aut_store_task_t *task, int64_t assigned_ms,
                     const aut_store_mutation_t *m, aut_store_end_t end);
/*  The task's attempt made the newest result. */
void aut_memory_made (aut_memory_story_t *self, const aut_store_task_t *task, int64_t assigned_ms,
                      const aut_store_mutation_t *m);
void aut_memory_tell (aut_memory_story_t *self, const aut_store_mutation_t *m);
void aut_memory_put_events (aut_memory_story_t *self, uint64_t epoch,
                            const aut_store_events_t *events);

/*  Reads, as store.h has them. `result` counts from 1. */
aut_memory_made_t aut_memory_maker (const aut_memory_story_t *self, uint64_t result);
int aut_memory_attempts (const aut_memory_story_t *self, uint64_t first, uint64_t end,
                         aut_store_attempt_fn *each, void *ctx);
uint32_t aut_memory_told (const aut_memory_story_t *self, uint64_t job, uint32_t limit,
                          aut_store_story_t *items);
int aut_memory_events (const aut_memory_story_t *self, uint64_t after, aut_store_event_fn *each,
                       void *ctx);

#endif
