/*  Shared by the files of the store in memory; nobody else includes it. */
#ifndef AUT_BROKER_STORE_MEMORY_INTERNAL_H
#define AUT_BROKER_STORE_MEMORY_INTERNAL_H

#include "broker/store/memory_story.h"

#include <pthread.h>

typedef struct {
    aut_store_job_t job;
    char **shots;
    aut_store_task_t *tasks;
    aut_store_body_t *bodies;
    aut_store_shot_t *about;
    int64_t *leased; /* by ordinal: when the lease that a task has, or had last, began */
} aut_memory_record_t;

/*  How to take one change back: a task's or a job's old value, or "the last record goes". */
typedef struct {
    enum { UNDO_TASK, UNDO_JOB, UNDO_RECORD, UNDO_RESULT } kind;
    aut_store_task_t task;
    uint64_t job;
    aut_store_job_state_t state;
} aut_memory_undo_t;

typedef struct {
    aut_store_t store;
    pthread_mutex_t mutex;
    aut_memory_record_t *records; /* by job id */
    size_t record_count, record_cap;
    aut_store_result_t *results; /* id − 1 */
    size_t result_count, result_cap;
    aut_memory_undo_t *undo;
    size_t undo_count, undo_cap;
    aut_memory_story_t story;
    uint64_t commits, epoch;
} aut_memory_t;

/*  By id, or NULL; under the mutex. */
aut_memory_record_t *aut_memory_job (aut_memory_t *self, uint64_t id);
aut_store_task_t *aut_memory_task (aut_memory_t *self, uint64_t id, aut_memory_record_t **record);

/*  The reads of the story (memory_read.c). */
int aut_memory_read_attempts (aut_store_t *store, uint64_t first, uint64_t end, bool all,
                              aut_store_attempt_fn *each, void *ctx);
int aut_memory_read_shots (aut_store_t *store, uint64_t job, uint32_t after, uint32_t limit,
                           aut_store_shot_t *shots, uint32_t *count);
int aut_memory_read_story (aut_store_t *store, uint64_t job, uint32_t limit,
                           aut_store_story_t *items, uint32_t *count);
int aut_memory_read_events (aut_store_t *store, uint64_t after, aut_store_event_fn *each,
                            void *ctx);
int aut_memory_read_bound (aut_store_t *store, uint64_t *bound);

#endif
