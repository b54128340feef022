/*  The log's records: plain bytes in the machine's order, read again by oracle_log.c. */
#include "tests/sim/sim.h"

#include <string.h>

static void put (aut_buffer_t *log, const void *value, size_t size)
{
    aut_buffer_append (log, value, size);
}

static void put_u64 (aut_buffer_t *log, uint64_t value)
{
    put (log, &value, sizeof value);
}

static void put_text (aut_buffer_t *log, const char *text)
{
    put_u64 (log, text ? strlen (text) : 0);
    if (text)
        put (log, text, strlen (text));
}

static void put_hash (aut_buffer_t *log, const aut_hash_t *hash)
{
    put (log, hash->bytes, sizeof hash->bytes);
}

static void put_blob (aut_buffer_t *log, const aut_store_blob_t *blob)
{
    put_hash (log, &blob->hash);
    put_u64 (log, blob->size);
}

static void put_result (aut_buffer_t *log, const aut_store_result_t *result)
{
    put_blob (log, &result->mezzanine);
    put_blob (log, &result->tail);
    put_blob (log, &result->metadata);
    put_u64 (log, result->used_count);
    for (uint32_t i = 0; i < result->used_count; i++)
        put_hash (log, &result->used[i]);
}

static void put_submission (aut_buffer_t *log, const aut_store_submission_t *sub)
{
    put_u64 (log, sub->job.id);
    put_text (log, sub->job.idempotency);
    put_hash (log, &sub->job.submission);
    put_u64 (log, sub->job.first_task);
    put_u64 (log, sub->job.task_count);
    for (uint32_t i = 0; i < sub->job.task_count; i++) {
        const aut_store_new_task_t *task = &sub->tasks[i];
        put_u64 (log, task->id);
        put_u64 (log, task->predecessor);
        put_u64 (log, task->result);
        put_u64 (log, task->memory);
        put_hash (log, &task->key);
        put_text (log, task->model);
        put_text (log, task->class_);
    }
}

void disk_log (aut_buffer_t *log, uint64_t epoch, const aut_store_mutation_t *batch, size_t count)
{
    static const uint8_t nobody[AUT_STORE_INSTANCE];
    put_u64 (log, epoch);
    put_u64 (log, count);
    for (size_t i = 0; i < count; i++) {
        const aut_store_mutation_t *m = &batch[i];
        put_u64 (log, m->kind);
        put_u64 (log, m->id);
        put_u64 (log, m->job_state);
        put_u64 (log, m->attempt);
        put_u64 (log, m->epoch);
        put_u64 (log, m->adopted);
        put_u64 (log, m->failures);
        put_u64 (log, m->memory);
        put (log, m->instance ? m->instance : nobody, AUT_STORE_INSTANCE);
        put_text (log, m->device);
        put_text (log, m->code);
        put_text (log, m->message);
        put_u64 (log, m->result != NULL);
        if (m->result)
            put_result (log, m->result);
        put_u64 (log, m->submission != NULL);
        if (m->submission)
            put_submission (log, m->submission);
    }
}
