/*  The reads of the SQLite store: any thread, on the second connection, under its mutex. */
#include "broker/store/sqlite_internal.h"

#include "lib/core/error.h"
#include "lib/core/file.h"
#include "lib/core/mem.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define RESULT_COLUMNS 15 /* of AUT_SQL_RESULT_COLUMNS */

void aut_sqlite_text (sqlite3_stmt *stmt, int column, char *out, size_t size)
{
    const char *text = (const char *)sqlite3_column_text (stmt, column);
    size_t len = text ? strlen (text) : 0;
    if (len >= size)
        len = size - 1;
    if (len)
        memcpy (out, text, len);
    out[len] = 0;
}

void aut_sqlite_hash (sqlite3_stmt *stmt, int column, aut_hash_t *out)
{
    memset (out, 0, sizeof *out);
    if (sqlite3_column_bytes (stmt, column) == (int)sizeof out->bytes)
        memcpy (out->bytes, sqlite3_column_blob (stmt, column), sizeof out->bytes);
}

void aut_sqlite_used (sqlite3_stmt *stmt, int column, aut_store_result_t *out)
{
    size_t bytes = (size_t)sqlite3_column_bytes (stmt, column);
    if (bytes > sizeof out->used)
        bytes = sizeof out->used;
    if (bytes)
        memcpy (out->used, sqlite3_column_blob (stmt, column), bytes);
    out->used_count = (uint32_t)(bytes / sizeof *out->used);
}

void aut_sqlite_read_job (sqlite3_stmt *stmt, aut_store_job_t *job)
{
    memset (job, 0, sizeof *job);
    job->id = (uint64_t)sqlite3_column_int64 (stmt, 0);
    aut_sqlite_text (stmt, 1, job->project, sizeof job->project);
    aut_sqlite_text (stmt, 2, job->idempotency, sizeof job->idempotency);
    job->priority = sqlite3_column_int (stmt, 3);
    job->created_ms = sqlite3_column_int64 (stmt, 4);
    aut_sqlite_hash (stmt, 5, &job->submission);
    job->state = (aut_store_job_state_t)sqlite3_column_int (stmt, 6);
    job->shot_count = (uint32_t)sqlite3_column_int64 (stmt, 7);
    job->first_task = (uint64_t)sqlite3_column_int64 (stmt, 8);
    job->task_count = (uint32_t)sqlite3_column_int64 (stmt, 9);
    aut_sqlite_text (stmt, 10, job->owner, sizeof job->owner);
}

static void read_ref (sqlite3_stmt *stmt, int column, aut_store_blob_t *out)
{
    aut_sqlite_hash (stmt, column, &out->hash);
    out->size = (uint64_t)sqlite3_column_int64 (stmt, column + 1);
}

static void read_result (sqlite3_stmt *stmt, aut_store_result_t *r)
{
    memset (r, 0, sizeof *r);
    aut_sqlite_hash (stmt, 0, &r->key);
    read_ref (stmt, 1, &r->mezzanine);
    read_ref (stmt, 3, &r->tail);
    read_ref (stmt, 5, &r->preview);
    read_ref (stmt, 7, &r->metadata);
    aut_sqlite_used (stmt, 9, r);
    r->seconds = sqlite3_column_double (stmt, 10);
    r->peak_bytes = (uint64_t)sqlite3_column_int64 (stmt, 11);
    aut_sqlite_text (stmt, 12, r->node, sizeof r->node);
    aut_sqlite_text (stmt, 13, r->device, sizeof r->device);
    r->attempt = (uint32_t)sqlite3_column_int64 (stmt, 14);
}

sqlite3_stmt *aut_sqlite_begin (aut_sqlite_t *self, int which)
{
    pthread_mutex_lock (&self->mutex);
    return self->reads[which];
}

int aut_sqlite_end (aut_sqlite_t *self, sqlite3_stmt *stmt, int rc)
{
    sqlite3_reset (stmt);
    pthread_mutex_unlock (&self->mutex);
    return rc;
}

/*  Steps to the one row: 0, AUT_ERR_NOT_FOUND or SQLite's error. */
static int one_row (aut_sqlite_t *self, sqlite3_stmt *stmt, const char *what)
{
    int step = sqlite3_step (stmt);
    if (step == SQLITE_ROW)
        return 0;
    if (step == SQLITE_DONE)
        return aut_fail (AUT_ERR_NOT_FOUND, "%s: no such thing in the database", what);
    return aut_sqlite_fail (self->reader, what);
}

static int read_number (aut_sqlite_t *self, int which, uint64_t *out)
{
    sqlite3_stmt *stmt = aut_sqlite_begin (self, which);
    int rc = one_row (self, stmt, "a number");
    if (!rc)
        *out = (uint64_t)sqlite3_column_int64 (stmt, 0);
    return aut_sqlite_end (self, stmt, rc);
}

int aut_sqlite_next_ids (aut_store_t *store, uint64_t *job, uint64_t *task)
{
    aut_sqlite_t *self = (aut_sqlite_t *)store;
    int rc = read_number (self, AUT_SQL_NEXT_JOB, job);
    return rc ? rc : read_number (self, AUT_SQL_NEXT_TASK, task);
}

/*  What a body's pointers show, in one block. */
typedef struct {
    aut_store_input_t inputs[AUT_STORE_INPUTS_MAX];
    char spec[];
} hold_t;

static void copy_body (sqlite3_stmt *stmt, aut_store_body_t *body, void **hold)
{
    size_t size = (size_t)sqlite3_column_bytes (stmt, 0);
    hold_t *h = aut_calloc (1, sizeof *h + size + 1);
    memset (body, 0, sizeof *body);
    if (sqlite3_column_type (stmt, 0) != SQLITE_NULL) {
        memcpy (h->spec, sqlite3_column_blob (stmt, 0), size);
        body->spec = h->spec;
        body->spec_size = size;
    }
    read_ref (stmt, 1, &body->spec_blob);
    size_t bytes = (size_t)sqlite3_column_bytes (stmt, 3);
    if (bytes > sizeof h->inputs)
        bytes = sizeof h->inputs;
    if (bytes)
        memcpy (h->inputs, sqlite3_column_blob (stmt, 3), bytes);
    body->inputs = h->inputs;
    body->input_count = (uint32_t)(bytes / sizeof *h->inputs);
    *hold = h;
}

int aut_sqlite_body (aut_store_t *store, uint64_t task, aut_store_body_t *body, void **hold)
{
    aut_sqlite_t *self = (aut_sqlite_t *)store;
    sqlite3_stmt *stmt = aut_sqlite_begin (self, AUT_SQL_BODY);
    sqlite3_bind_int64 (stmt, 1, (sqlite3_int64)task);
    *hold = NULL;
    int rc = one_row (self, stmt, "the spec of a task");
    if (!rc)
        copy_body (stmt, body, hold);
    return aut_sqlite_end (self, stmt, rc);
}

int aut_sqlite_result (aut_store_t *store, uint64_t task, aut_store_result_t *result)
{
    aut_sqlite_t *self = (aut_sqlite_t *)store;
    sqlite3_stmt *stmt = aut_sqlite_begin (self, AUT_SQL_RESULT);
    sqlite3_bind_int64 (stmt, 1, (sqlite3_int64)task);
    int rc = one_row (self, stmt, "the result of a task");
    if (!rc)
        read_result (stmt, result);
    return aut_sqlite_end (self, stmt, rc);
}

int aut_sqlite_cached (aut_store_t *store, const aut_hash_t *key, uint64_t *id,
                       aut_store_result_t *result)
{
    aut_sqlite_t *self = (aut_sqlite_t *)store;
    sqlite3_stmt *stmt = aut_sqlite_begin (self, AUT_SQL_BY_KEY);
    uint64_t found = INT64_MAX;
    int rc = aut_fail (AUT_ERR_NOT_FOUND, "a cached result: there is none of this key");
    sqlite3_bind_blob64 (stmt, 2, key->bytes, sizeof key->bytes, SQLITE_STATIC);
    while (rc == AUT_ERR_NOT_FOUND && (found = aut_keys_find (&self->keys, key, found)) > 0) {
        sqlite3_reset (stmt);
        sqlite3_bind_int64 (stmt, 1, (sqlite3_int64)found);
        rc = one_row (self, stmt, "a cached result");
    }
    if (!rc) {
        read_result (stmt, result);
        *id = (uint64_t)sqlite3_column_int64 (stmt, RESULT_COLUMNS);
    }
    return aut_sqlite_end (self, stmt, rc);
}

int aut_sqlite_idempotent (aut_store_t *store, const char *key, uint64_t *job)
{
    aut_sqlite_t *self = (aut_sqlite_t *)store;
    sqlite3_stmt *stmt = aut_sqlite_begin (self, AUT_SQL_IDEMPOTENT);
    sqlite3_bind_text (stmt, 1, key, -1, SQLITE_STATIC);
    int rc = one_row (self, stmt, "an idempotency key");
    if (!rc)
        *job = (uint64_t)sqlite3_column_int64 (stmt, 0);
    return aut_sqlite_end (self, stmt, rc);
}

static void read_item (sqlite3_stmt *stmt, aut_store_item_t *item)
{
    int c = RESULT_COLUMNS;
    memset (item, 0, sizeof *item);
    item->task = (uint64_t)sqlite3_column_int64 (stmt, c++);
    item->ordinal = (uint32_t)sqlite3_column_int64 (stmt, c++);
    item->shot_index = (uint32_t)sqlite3_column_int64 (stmt, c++);
    item->chunk = (uint32_t)sqlite3_column_int64 (stmt, c++);
    item->upscale = sqlite3_column_int (stmt, c++) != 0;
    aut_sqlite_hash (stmt, c++, &item->key);
    item->state = (aut_store_task_state_t)sqlite3_column_int (stmt, c++);
    aut_sqlite_text (stmt, c++, item->code, sizeof item->code);
    aut_sqlite_text (stmt, c++, item->message, sizeof item->message);
    aut_sqlite_text (stmt, c++, item->node, sizeof item->node);
    aut_sqlite_text (stmt, c++, item->device, sizeof item->device);
    item->attempt = (uint32_t)sqlite3_column_int64 (stmt, c++);
    item->cost = (uint32_t)sqlite3_column_int64 (stmt, c++);
    aut_sqlite_text (stmt, c++, item->model, sizeof item->model);
    aut_sqlite_text (stmt, c++, item->shot, sizeof item->shot);
    /* A cached result is linked from the start, but counts only once its task is done. */
    item->has_result =
        item->state == AUT_STORE_DONE && sqlite3_column_type (stmt, c) != SQLITE_NULL;
    if (item->has_result)
        read_result (stmt, &item->result);
}

int aut_sqlite_job (aut_store_t *store, uint64_t id, aut_store_job_t *job)
{
    aut_sqlite_t *self = (aut_sqlite_t *)store;
    sqlite3_stmt *stmt = aut_sqlite_begin (self, AUT_SQL_JOB);
    sqlite3_bind_int64 (stmt, 1, (sqlite3_int64)id);
    int step = sqlite3_step (stmt), rc = 0;
    if (step == SQLITE_ROW)
        aut_sqlite_read_job (stmt, job);
    else if (step == SQLITE_DONE)
        rc = aut_fail (AUT_ERR_NOT_FOUND, "there is no job j%llu", (unsigned long long)id);
    else
        rc = aut_sqlite_fail (self->reader, "cannot read a job");
    return aut_sqlite_end (self, stmt, rc);
}

int aut_sqlite_items (aut_store_t *store, uint64_t job, uint64_t after, uint32_t limit,
                      aut_store_item_t *items, uint32_t *count)
{
    aut_sqlite_t *self = (aut_sqlite_t *)store;
    *count = 0;
    int rc = 0;
    sqlite3_stmt *stmt = aut_sqlite_begin (self, AUT_SQL_ITEMS);
    sqlite3_bind_int64 (stmt, 1, (sqlite3_int64)job);
    sqlite3_bind_int64 (stmt, 2, (sqlite3_int64)after);
    sqlite3_bind_int64 (stmt, 3, limit);
    int step = SQLITE_DONE;
    while (*count < limit && (step = sqlite3_step (stmt)) == SQLITE_ROW)
        read_item (stmt, &items[(*count)++]);
    if (step != SQLITE_ROW && step != SQLITE_DONE)
        rc = aut_sqlite_fail (self->reader, "cannot read the results");
    return aut_sqlite_end (self, stmt, rc);
}

int aut_sqlite_stats (aut_store_t *store, aut_store_stats_t *stats)
{
    aut_sqlite_t *self = (aut_sqlite_t *)store;
    struct stat info;
    *stats = (aut_store_stats_t){
        .jobs = __atomic_load_n (&self->jobs, __ATOMIC_RELAXED),
        .tasks = __atomic_load_n (&self->tasks, __ATOMIC_RELAXED),
        .results = __atomic_load_n (&self->results, __ATOMIC_RELAXED),
        .commits = __atomic_load_n (&self->commits, __ATOMIC_RELAXED),
        .kind = "sqlite",
    };
    if (stat (self->path, &info) == 0)
        stats->bytes += (uint64_t)info.st_size;
    if (stat (self->wal_path, &info) == 0)
        stats->bytes += (uint64_t)info.st_size;
    return 0;
}

static int copy_database (sqlite3 *from, sqlite3 *to, const char *path)
{
    sqlite3_backup *backup = sqlite3_backup_init (to, "main", from, "main");
    int step = backup ? sqlite3_backup_step (backup, -1) : SQLITE_ERROR;
    if (backup)
        sqlite3_backup_finish (backup);
    if (step == SQLITE_DONE)
        step = sqlite3_exec (to, "UPDATE meta SET value = 0 WHERE key = 'epoch'", NULL, NULL, NULL);
    return step == SQLITE_OK ? 0 : aut_sqlite_fail (to, path);
}

int aut_store_copy_sqlite (const char *dir, const char *path)
{
    char *source = aut_path_join (dir, "auteur.db", NULL);
    sqlite3 *from = NULL, *to = NULL;
    int rc = 0;
    if (!aut_file_exists (source))
        rc = aut_fail (AUT_ERR_NOT_FOUND, "there is no database %s", source);
    /* Not read-only: a reader of a WAL database must be able to make its shared-memory file. */
    else if (sqlite3_open_v2 (source, &from, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK)
        rc = aut_sqlite_fail (from, source);
    else if (sqlite3_open_v2 (path, &to, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL) !=
             SQLITE_OK)
        rc = aut_sqlite_fail (to, path);
    if (!rc) {
        sqlite3_busy_timeout (from, 5000);
        rc = copy_database (from, to, path);
    }
    sqlite3_close (to);
    sqlite3_close (from);
    free (source);
    return rc;
}
