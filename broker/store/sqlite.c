/*  The SQLite store: committing and loading. Opening and migrating are in sqlite_open.c, reads in
 *  sqlite_read.c.
 *
 *  WAL with synchronous = FULL: a commit that returned is on disk. One batch is one transaction,
 * and both fences are checked in it.
 */
#include "broker/store/sqlite_internal.h"

#include "lib/core/epoch.h"
#include "lib/core/error.h"
#include "lib/core/mem.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int aut_sqlite_fail (sqlite3 *db, const char *what)
{
    int rc = sqlite3_errcode (db);
    /* SQLite keeps the last one: it says nothing of errors that are not the system's. */
    int saved = rc == SQLITE_IOERR || rc == SQLITE_CANTOPEN ? sqlite3_system_errno (db) : 0;
    int code = AUT_ERR_IO;
    if (rc == SQLITE_FULL || saved == ENOSPC || saved == EDQUOT)
        code = AUT_ERR_NO_SPACE;
    else if (rc == SQLITE_CORRUPT || rc == SQLITE_NOTADB)
        code = AUT_ERR_CORRUPT;
    else if (rc == SQLITE_NOMEM)
        code = AUT_ERR_NOMEM;
    else if (rc == SQLITE_CONSTRAINT)
        code = AUT_ERR_EXISTS;
    else if (rc == SQLITE_MISUSE || rc == SQLITE_ERROR)
        code = AUT_ERR_INTERNAL;
    return aut_fail (code, "database: %s: %s", what, sqlite3_errmsg (db));
}

int aut_sqlite_run (sqlite3 *db, sqlite3_stmt *stmt, const char *what)
{
    int rc = sqlite3_step (stmt);
    int result = rc == SQLITE_DONE || rc == SQLITE_ROW ? 0 : aut_sqlite_fail (db, what);
    sqlite3_reset (stmt);
    return result;
}

void aut_bind_int (aut_binder_t *b, uint64_t value)
{
    sqlite3_bind_int64 (b->stmt, ++b->n, (sqlite3_int64)value);
}

void aut_bind_text (aut_binder_t *b, const char *text)
{
    sqlite3_bind_text (b->stmt, ++b->n, text, -1, SQLITE_STATIC);
}

void aut_bind_blob (aut_binder_t *b, const void *data, size_t size)
{
    if (size)
        sqlite3_bind_blob64 (b->stmt, ++b->n, data, size, SQLITE_STATIC);
    else
        sqlite3_bind_null (b->stmt, ++b->n);
}

static void bind_hash (aut_binder_t *b, const aut_hash_t *hash)
{
    aut_bind_blob (b, hash->bytes, aut_hash_is_zero (hash) ? 0 : sizeof hash->bytes);
}

static void bind_ref (aut_binder_t *b, const aut_store_blob_t *ref)
{
    bind_hash (b, &ref->hash);
    aut_bind_int (b, ref->size);
}

static int put_job (aut_sqlite_t *self, const aut_store_job_t *job)
{
    aut_binder_t b = {self->writes[AUT_SQL_PUT_JOB], 0};
    aut_bind_int (&b, job->id);
    aut_bind_text (&b, job->project);
    if (job->idempotency[0])
        aut_bind_text (&b, job->idempotency);
    else
        sqlite3_bind_null (b.stmt, ++b.n);
    aut_bind_int (&b, (uint64_t)(int64_t)job->priority);
    aut_bind_int (&b, (uint64_t)job->created_ms);
    sqlite3_bind_blob64 (b.stmt, ++b.n, job->submission.bytes, 32, SQLITE_STATIC);
    aut_bind_int (&b, job->state);
    aut_bind_int (&b, job->shot_count);
    aut_bind_int (&b, job->first_task);
    aut_bind_int (&b, job->task_count);
    aut_bind_text (&b, job->owner);
    return aut_sqlite_run (self->db, b.stmt, "cannot insert a job");
}

static int put_task (aut_sqlite_t *self, const aut_store_new_task_t *task)
{
    aut_binder_t b = {self->writes[AUT_SQL_PUT_TASK], 0};
    aut_bind_int (&b, task->id);
    aut_bind_int (&b, task->job);
    aut_bind_int (&b, task->ordinal);
    aut_bind_int (&b, task->shot);
    aut_bind_int (&b, task->chunk);
    sqlite3_bind_blob64 (b.stmt, ++b.n, task->key.bytes, 32, SQLITE_STATIC);
    aut_bind_int (&b, task->predecessor);
    aut_bind_text (&b, task->model);
    aut_bind_text (&b, task->class_);
    aut_bind_int (&b, task->cost);
    aut_bind_int (&b, task->result);
    aut_bind_int (&b, task->memory);
    aut_bind_int (&b, task->upscale);
    return aut_sqlite_run (self->db, b.stmt, "cannot insert a task");
}

static int put_body (aut_sqlite_t *self, uint64_t task, const aut_store_body_t *body)
{
    aut_binder_t b = {self->writes[AUT_SQL_PUT_BODY], 0};
    aut_bind_int (&b, task);
    aut_bind_blob (&b, body->spec, body->spec ? body->spec_size : 0);
    bind_ref (&b, &body->spec_blob);
    aut_bind_blob (&b, body->inputs, body->input_count * sizeof *body->inputs);
    return aut_sqlite_run (self->db, b.stmt, "cannot insert a spec");
}

static int put_submission (aut_sqlite_t *self, const aut_store_submission_t *sub)
{
    int rc = put_job (self, &sub->job);
    for (uint32_t i = 0; !rc && i < sub->job.shot_count; i++) {
        aut_binder_t b = {self->writes[AUT_SQL_PUT_SHOT], 0};
        aut_bind_int (&b, sub->job.id);
        aut_bind_int (&b, i);
        aut_bind_text (&b, sub->shots[i]);
        aut_bind_text (&b, sub->about && sub->about[i].scene ? sub->about[i].scene : "");
        aut_bind_int (&b, sub->about ? sub->about[i].frames : 0);
        rc = aut_sqlite_run (self->db, b.stmt, "cannot insert a shot");
    }
    for (uint32_t i = 0; !rc && i < sub->job.task_count; i++) {
        rc = put_task (self, &sub->tasks[i]);
        if (!rc)
            rc = put_body (self, sub->tasks[i].id, &sub->bodies[i]);
    }
    return rc;
}

/*  Runs an update of one task whose WHERE is its fence. */
static int run_fenced (aut_sqlite_t *self, aut_binder_t *b, const aut_store_mutation_t *m,
                       const char *what)
{
    int rc = aut_sqlite_run (self->db, b->stmt, what);
    if (!rc && sqlite3_changes (self->db) != 1)
        rc = aut_fail (AUT_ERR_FENCED,
                       "%s: task t%llu, attempt %u, epoch " AUT_EPOCH_TEXT " is not what is stored",
                       what, (unsigned long long)m->id, m->attempt, AUT_EPOCH_ARGS (m->epoch));
    return rc;
}

static int set_job (aut_sqlite_t *self, const aut_store_mutation_t *m, aut_store_job_state_t state)
{
    aut_binder_t b = {self->writes[AUT_SQL_SET_JOB], 0};
    aut_bind_int (&b, m->id);
    aut_bind_int (&b, state);
    int rc = aut_sqlite_run (self->db, b.stmt, "cannot update a job");
    return rc ? rc : aut_sqlite_tell (self, m);
}

static int set_tasks (aut_sqlite_t *self, int which, const aut_store_mutation_t *m)
{
    aut_binder_t b = {self->writes[which], 0};
    aut_bind_int (&b, m->id);
    return aut_sqlite_run (self->db, b.stmt, "cannot update a job's tasks");
}

static int lease (aut_sqlite_t *self, const aut_store_mutation_t *m)
{
    int rc = m->adopted ? aut_sqlite_end_attempt (self, m, AUT_STORE_ENDED_ADOPTED) : 0;
    if (rc)
        return rc;
    aut_binder_t b = {self->writes[m->adopted ? AUT_SQL_ADOPT : AUT_SQL_LEASE], 0};
    aut_bind_int (&b, m->id);
    aut_bind_int (&b, m->attempt);
    aut_bind_int (&b, m->epoch);
    aut_bind_text (&b, m->node ? m->node : "");
    aut_bind_text (&b, m->device ? m->device : "");
    aut_bind_blob (&b, m->instance, m->instance ? AUT_STORE_INSTANCE : 0);
    if (!m->adopted)
        aut_bind_int (&b, (uint64_t)m->at_ms);
    rc = run_fenced (self, &b, m, "cannot lease");
    return rc ? rc : aut_sqlite_trim_attempts (self, m);
}

static int wait_again (aut_sqlite_t *self, const aut_store_mutation_t *m)
{
    int rc = aut_sqlite_end_attempt (self, m, m->end);
    if (rc)
        return rc;
    aut_binder_t b = {self->writes[AUT_SQL_WAIT], 0};
    aut_bind_int (&b, m->id);
    aut_bind_int (&b, m->attempt);
    aut_bind_int (&b, m->failures);
    aut_bind_int (&b, m->memory);
    aut_bind_text (&b, m->code);
    aut_bind_text (&b, m->message);
    return run_fenced (self, &b, m, "cannot take a lease back");
}

static int finish_cached (aut_sqlite_t *self, const aut_store_mutation_t *m)
{
    aut_binder_t b = {self->writes[AUT_SQL_TAKE_OVER], 0};
    aut_bind_int (&b, m->id);
    return run_fenced (self, &b, m, "cannot take over a result");
}

static int fail_task (aut_sqlite_t *self, const aut_store_mutation_t *m)
{
    int rc = m->end ? aut_sqlite_end_attempt (self, m, m->end) : 0;
    if (rc)
        return rc;
    aut_binder_t b = {self->writes[AUT_SQL_FAIL], 0};
    aut_bind_int (&b, m->id);
    aut_bind_int (&b, m->failures);
    aut_bind_text (&b, m->code);
    aut_bind_text (&b, m->message);
    return run_fenced (self, &b, m, "cannot fail a task");
}

static int put_result (aut_sqlite_t *self, const aut_store_mutation_t *m)
{
    const aut_store_result_t *r = m->result;
    aut_binder_t b = {self->writes[AUT_SQL_PUT_RESULT], 0};
    aut_bind_int (&b, m->id);
    bind_ref (&b, &r->mezzanine);
    bind_ref (&b, &r->tail);
    bind_ref (&b, &r->preview);
    bind_ref (&b, &r->metadata);
    aut_bind_blob (&b, r->used, r->used_count * sizeof *r->used);
    sqlite3_bind_double (b.stmt, ++b.n, r->seconds);
    aut_bind_int (&b, r->peak_bytes);
    aut_bind_text (&b, r->node);
    aut_bind_text (&b, r->device);
    aut_bind_int (&b, r->attempt);
    aut_bind_int (&b, (uint64_t)m->at_ms);
    return aut_sqlite_run (self->db, b.stmt, "cannot insert a result");
}

/*  The result that was inserted last will be found by its task's key. */
static int note_key (aut_sqlite_t *self, uint64_t task)
{
    sqlite3_stmt *stmt = self->writes[AUT_SQL_TASK_KEY];
    aut_sqlite_made_t made = {.id = (uint64_t)sqlite3_last_insert_rowid (self->db)};
    sqlite3_bind_int64 (stmt, 1, (sqlite3_int64)task);
    int step = sqlite3_step (stmt);
    if (step == SQLITE_ROW) {
        aut_sqlite_hash (stmt, 0, &made.key);
        self->made =
            aut_grow (self->made, &self->made_cap, self->made_count + 1, sizeof *self->made);
        self->made[self->made_count++] = made;
    }
    sqlite3_reset (stmt);
    return step == SQLITE_ROW || step == SQLITE_DONE
               ? 0
               : aut_sqlite_fail (self->db, "cannot read a task's key");
}

static int finish (aut_sqlite_t *self, const aut_store_mutation_t *m)
{
    int rc = put_result (self, m);
    if (!rc)
        rc = note_key (self, m->id);
    if (rc)
        return rc;
    aut_binder_t b = {self->writes[AUT_SQL_FINISH], 0};
    aut_bind_int (&b, m->id);
    aut_bind_int (&b, m->attempt);
    aut_bind_int (&b, m->epoch);
    aut_bind_int (&b, (uint64_t)sqlite3_last_insert_rowid (self->db));
    return run_fenced (self, &b, m, "cannot store a result");
}

static int apply (aut_sqlite_t *self, const aut_store_mutation_t *m)
{
    int rc;
    switch (m->kind) {
    case AUT_STORE_SUBMIT:
        return put_submission (self, m->submission);
    case AUT_STORE_JOB_STATE:
        return set_job (self, m, m->job_state);
    case AUT_STORE_JOB_CANCEL:
        rc = set_job (self, m, AUT_STORE_JOB_CANCELLED);
        if (!rc)
            rc = aut_sqlite_cancel_attempts (self, m);
        return rc ? rc : set_tasks (self, AUT_SQL_CANCEL_TASKS, m);
    case AUT_STORE_JOB_RETRY:
        rc = set_job (self, m, m->job_state);
        return rc ? rc : set_tasks (self, AUT_SQL_RETRY_TASKS, m);
    case AUT_STORE_LEASE:
        return lease (self, m);
    case AUT_STORE_WAIT:
        return wait_again (self, m);
    case AUT_STORE_RESULT:
        return finish (self, m);
    case AUT_STORE_CACHED:
        return finish_cached (self, m);
    case AUT_STORE_FAIL:
        return fail_task (self, m);
    case AUT_STORE_EVENTS:
        return aut_sqlite_put_events (self, m->events);
    }
    return aut_fail (AUT_ERR_INTERNAL, "unknown mutation %d", (int)m->kind);
}

static int check_epoch (aut_sqlite_t *self)
{
    sqlite3_stmt *stmt = self->writes[AUT_SQL_EPOCH];
    if (sqlite3_step (stmt) != SQLITE_ROW) {
        sqlite3_reset (stmt);
        return aut_sqlite_fail (self->db, "cannot read the epoch");
    }
    uint64_t epoch = (uint64_t)sqlite3_column_int64 (stmt, 0);
    sqlite3_reset (stmt);
    if (epoch == self->epoch)
        return 0;
    return aut_fail (AUT_ERR_FENCED,
                     "the store is at epoch " AUT_EPOCH_TEXT ", ours is " AUT_EPOCH_TEXT
                     ": another broker took it",
                     AUT_EPOCH_ARGS (epoch), AUT_EPOCH_ARGS (self->epoch));
}

/*  SQLite rolls back by itself after some errors; then there is nothing left to roll back. */
static void roll_back (aut_sqlite_t *self)
{
    if (!sqlite3_get_autocommit (self->db))
        sqlite3_step (self->writes[AUT_SQL_ROLLBACK]);
    sqlite3_reset (self->writes[AUT_SQL_ROLLBACK]);
}

static void count_rows (aut_sqlite_t *self, const aut_store_mutation_t *batch, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (batch[i].kind == AUT_STORE_SUBMIT) {
            __atomic_add_fetch (&self->jobs, 1, __ATOMIC_RELAXED);
            __atomic_add_fetch (&self->tasks, batch[i].submission->job.task_count,
                                __ATOMIC_RELAXED);
        } else if (batch[i].kind == AUT_STORE_RESULT) {
            __atomic_add_fetch (&self->results, 1, __ATOMIC_RELAXED);
        }
    __atomic_add_fetch (&self->commits, 1, __ATOMIC_RELAXED);
}

/*  From now on the batch's results are found by their keys. */
static void publish_keys (aut_sqlite_t *self)
{
    if (!self->made_count)
        return;
    pthread_mutex_lock (&self->mutex);
    for (size_t i = 0; i < self->made_count; i++)
        aut_keys_add (&self->keys, &self->made[i].key, self->made[i].id);
    pthread_mutex_unlock (&self->mutex);
}

static int sqlite_commit (aut_store_t *store, const aut_store_mutation_t *batch, size_t count)
{
    aut_sqlite_t *self = (aut_sqlite_t *)store;
    self->made_count = 0;
    int rc = aut_sqlite_run (self->db, self->writes[AUT_SQL_BEGIN], "cannot begin");
    if (!rc)
        rc = check_epoch (self);
    self->next_events = self->events;
    for (size_t i = 0; !rc && i < count; i++)
        rc = apply (self, &batch[i]);
    if (!rc)
        rc = aut_sqlite_run (self->db, self->writes[AUT_SQL_COMMIT], "cannot commit");
    if (rc) {
        roll_back (self);
        return rc;
    }
    self->events = self->next_events;
    count_rows (self, batch, count);
    publish_keys (self);
    return 0;
}

static void read_task (sqlite3_stmt *stmt, aut_store_task_t *task)
{
    memset (task, 0, sizeof *task);
    task->id = (uint64_t)sqlite3_column_int64 (stmt, 0);
    task->job = (uint64_t)sqlite3_column_int64 (stmt, 1);
    task->ordinal = (uint32_t)sqlite3_column_int64 (stmt, 2);
    task->shot = (uint32_t)sqlite3_column_int64 (stmt, 3);
    task->chunk = (uint32_t)sqlite3_column_int64 (stmt, 4);
    aut_sqlite_hash (stmt, 5, &task->key);
    task->predecessor = (uint64_t)sqlite3_column_int64 (stmt, 6);
    aut_sqlite_text (stmt, 7, task->model, sizeof task->model);
    aut_sqlite_text (stmt, 8, task->class_, sizeof task->class_);
    task->cost = (uint32_t)sqlite3_column_int64 (stmt, 9);
    task->result = (uint64_t)sqlite3_column_int64 (stmt, 10);
    task->state = (aut_store_task_state_t)sqlite3_column_int (stmt, 11);
    task->memory = (uint64_t)sqlite3_column_int64 (stmt, 12);
    task->attempt = (uint32_t)sqlite3_column_int64 (stmt, 13);
    task->epoch = (uint64_t)sqlite3_column_int64 (stmt, 14);
    task->failures = (uint32_t)sqlite3_column_int64 (stmt, 15);
    aut_sqlite_text (stmt, 16, task->node, sizeof task->node);
    aut_sqlite_text (stmt, 17, task->device, sizeof task->device);
    if (sqlite3_column_bytes (stmt, 18) == AUT_STORE_INSTANCE)
        memcpy (task->instance, sqlite3_column_blob (stmt, 18), AUT_STORE_INSTANCE);
    aut_sqlite_text (stmt, 19, task->code, sizeof task->code);
    aut_sqlite_text (stmt, 20, task->message, sizeof task->message);
    task->upscale = sqlite3_column_int (stmt, 25) != 0;
}

/*  The linked result's frames, tail and inputs, when there is one. */
static const aut_store_result_t *read_link (sqlite3_stmt *stmt, aut_store_result_t *result)
{
    if (sqlite3_column_type (stmt, 21) == SQLITE_NULL)
        return NULL;
    aut_sqlite_hash (stmt, 22, &result->tail.hash);
    result->tail.size = (uint64_t)sqlite3_column_int64 (stmt, 23);
    aut_sqlite_used (stmt, 24, result);
    aut_sqlite_hash (stmt, 26, &result->mezzanine.hash);
    result->mezzanine.size = (uint64_t)sqlite3_column_int64 (stmt, 27);
    return result;
}

/*  The shot ids of a job as one block: the pointers, then the characters. */
static int load_shots (aut_sqlite_t *self, const aut_store_job_t *job, char ***out)
{
    sqlite3_stmt *stmt = self->writes[AUT_SQL_LOAD_SHOTS];
    sqlite3_bind_int64 (stmt, 1, (sqlite3_int64)job->id);
    char **shots = aut_calloc ((size_t)job->shot_count + 1, sizeof *shots);
    int rc;
    while ((rc = sqlite3_step (stmt)) == SQLITE_ROW) {
        sqlite3_int64 i = sqlite3_column_int64 (stmt, 0);
        if (i >= 0 && i < job->shot_count && !shots[i])
            shots[i] = aut_strdup ((const char *)sqlite3_column_text (stmt, 1));
    }
    rc = rc == SQLITE_DONE ? 0 : aut_sqlite_fail (self->db, "cannot read the shots");
    sqlite3_reset (stmt);
    for (uint32_t i = 0; i < job->shot_count; i++)
        if (!shots[i])
            shots[i] = aut_strdup ("");
    *out = shots;
    return rc;
}

static int load_job (aut_sqlite_t *self, const aut_store_job_t *job,
                     const aut_store_visitor_t *visitor)
{
    char **shots;
    int rc = load_shots (self, job, &shots);
    if (!rc)
        rc = visitor->job (visitor->ctx, job, (const char *const *)shots);
    for (uint32_t i = 0; i < job->shot_count; i++)
        free (shots[i]);
    free (shots);
    if (rc)
        return rc == AUT_STORE_SKIP ? 0 : rc;
    sqlite3_stmt *stmt = self->writes[AUT_SQL_LOAD_TASKS];
    sqlite3_bind_int64 (stmt, 1, (sqlite3_int64)job->first_task);
    sqlite3_bind_int64 (stmt, 2, (sqlite3_int64)(job->first_task + job->task_count));
    aut_store_result_t result = {0};
    int step = SQLITE_DONE;
    while (!rc && (step = sqlite3_step (stmt)) == SQLITE_ROW) {
        aut_store_task_t task;
        read_task (stmt, &task);
        rc = visitor->task (visitor->ctx, &task, read_link (stmt, &result));
    }
    if (!rc && step != SQLITE_DONE)
        rc = aut_sqlite_fail (self->db, "cannot read the tasks");
    sqlite3_reset (stmt);
    return rc;
}

static int sqlite_load (aut_store_t *store, uint64_t id, const aut_store_visitor_t *visitor)
{
    aut_sqlite_t *self = (aut_sqlite_t *)store;
    sqlite3_stmt *stmt = self->writes[AUT_SQL_LOAD_JOBS];
    sqlite3_bind_int64 (stmt, 1, (sqlite3_int64)id);
    int rc = 0, step = SQLITE_DONE;
    bool any = false;
    while (!rc && (step = sqlite3_step (stmt)) == SQLITE_ROW) {
        aut_store_job_t job;
        aut_sqlite_read_job (stmt, &job);
        any = true;
        rc = load_job (self, &job, visitor);
    }
    if (!rc && step != SQLITE_DONE)
        rc = aut_sqlite_fail (self->db, "cannot read the jobs");
    sqlite3_reset (stmt);
    if (!rc && id && !any)
        rc = aut_fail (AUT_ERR_NOT_FOUND, "there is no job j%llu", (unsigned long long)id);
    return rc;
}

static uint64_t sqlite_epoch (const aut_store_t *store)
{
    return ((const aut_sqlite_t *)store)->epoch;
}

void aut_sqlite_destroy (aut_store_t **self_p)
{
    aut_sqlite_t *self = (aut_sqlite_t *)*self_p;
    if (!self)
        return;
    for (size_t i = 0; i < AUT_SQL_WRITE_COUNT; i++)
        sqlite3_finalize (self->writes[i]);
    for (size_t i = 0; i < AUT_SQL_READ_COUNT; i++)
        sqlite3_finalize (self->reads[i]);
    sqlite3_close (self->reader);
    sqlite3_close (self->db);
    pthread_mutex_destroy (&self->mutex);
    aut_keys_clear (&self->keys);
    free (self->made);
    free (self->path);
    free (self->wal_path);
    free (self);
    *self_p = NULL;
}

const aut_store_ops_t aut_sqlite_ops = {
    .destroy = aut_sqlite_destroy,
    .epoch = sqlite_epoch,
    .next_ids = aut_sqlite_next_ids,
    .commit = sqlite_commit,
    .load = sqlite_load,
    .body = aut_sqlite_body,
    .result = aut_sqlite_result,
    .cached = aut_sqlite_cached,
    .idempotent = aut_sqlite_idempotent,
    .items = aut_sqlite_items,
    .stats = aut_sqlite_stats,
    .job = aut_sqlite_job,
    .attempts = aut_sqlite_attempts,
    .shots = aut_sqlite_shots,
    .story = aut_sqlite_story,
    .events = aut_sqlite_events,
    .event_bound = aut_sqlite_event_bound,
};
