/*  Shared by the files of the SQLite store; nobody else includes it.
 *
 *  Two connections: `db` writes and belongs to the loop; `reader` answers the reads of any thread
 *  under `mutex`. WAL lets both work at once, and a reader sees whole commits only.
 */
#ifndef AUT_BROKER_STORE_SQLITE_INTERNAL_H
#define AUT_BROKER_STORE_SQLITE_INTERNAL_H

#include "broker/store/keys.h"
#include "broker/store/store.h"

#include <pthread.h>
#include <sqlite3.h>

/*  X (name, SQL) of the writing connection. */
#define AUT_SQL_WRITES(X)                                                                          \
    X (BEGIN, "BEGIN IMMEDIATE")                                                                   \
    X (COMMIT, "COMMIT")                                                                           \
    X (ROLLBACK, "ROLLBACK")                                                                       \
    X (EPOCH, "SELECT value FROM meta WHERE key = 'epoch'")                                        \
    X (PUT_JOB,                                                                                    \
       "INSERT INTO jobs (id, project, idempotency, priority, created_ms, submission, "            \
       "state, shot_count, first_task, task_count, owner) VALUES (?,?,?,?,?,?,?,?,?,?,?)")         \
    X (PUT_SHOT, "INSERT INTO shots (job, idx, id, scene, frames) VALUES (?,?,?,?,?)")             \
    X (PUT_TASK, "INSERT INTO tasks (id, job, ordinal, shot, chunk, key, predecessor, model, "     \
                 "class, cost, result, state, memory, attempt, epoch, failures, node, device, "    \
                 "instance, code, message, upscale) VALUES (?,?,?,?,?,?,?,?,?,?,?,1,?,0,0,0,'',"   \
                 "'',NULL,'','',?)")                                                               \
    X (PUT_BODY, "INSERT INTO bodies (task, spec, spec_hash, spec_size, inputs) "                  \
                 "VALUES (?,?,?,?,?)")                                                             \
    X (SET_JOB, "UPDATE jobs SET state = ?2 WHERE id = ?1")                                        \
    X (CANCEL_TASKS, "UPDATE tasks SET state = 5 WHERE id >= (SELECT first_task FROM jobs WHERE "  \
                     "id = ?1) AND id < (SELECT first_task + task_count FROM jobs WHERE id = ?1) " \
                     "AND state IN (1, 2)")                                                        \
    X (RETRY_TASKS, "UPDATE tasks SET state = 1, failures = 0, code = '', message = '' WHERE id "  \
                    ">= (SELECT first_task FROM jobs WHERE id = ?1) AND id < (SELECT first_task "  \
                    "+ task_count FROM jobs WHERE id = ?1) AND state IN (4, 5)")                   \
    X (LEASE,                                                                                      \
       "UPDATE tasks SET state = 2, attempt = ?2, epoch = ?3, node = ?4, device = ?5, "            \
       "instance = ?6, leased_ms = ?7 WHERE id = ?1 AND attempt = ?2 - 1 AND state IN (1, 2)")     \
    X (ADOPT, "UPDATE tasks SET state = 2, epoch = ?3, node = ?4, device = ?5, instance = ?6 "     \
              "WHERE id = ?1 AND attempt = ?2 AND state IN (1, 2)")                                \
    X (WAIT, "UPDATE tasks SET state = 1, failures = ?3, memory = ?4, "                            \
             "code = coalesce (?5, code), message = coalesce (?6, message) "                       \
             "WHERE id = ?1 AND attempt = ?2 AND state = 2")                                       \
    X (PUT_RESULT, "INSERT INTO results (task, key, mezzanine, mezzanine_size, tail, tail_size, "  \
                   "preview, preview_size, metadata, metadata_size, used, seconds, peak_bytes, "   \
                   "node, device, attempt, ended_ms, assigned_ms) SELECT ?1,key,?,?,?,?,?,?,?,?,?" \
                   ",?,?,?,?,?,?,leased_ms FROM tasks WHERE id = ?1")                              \
    X (FINISH, "UPDATE tasks SET state = 3, code = '', message = '', result = ?4 "                 \
               "WHERE id = ?1 AND attempt = ?2 AND epoch = ?3 AND state = 2")                      \
    X (TAKE_OVER, "UPDATE tasks SET state = 3, code = '', message = '' "                           \
                  "WHERE id = ?1 AND state = 1 AND result != 0")                                   \
    X (FAIL, "UPDATE tasks SET state = 4, failures = ?2, code = coalesce (?3, code), "             \
             "message = coalesce (?4, message) WHERE id = ?1 AND state IN (1, 2)")                 \
    X (END_ATTEMPT,                                                                                \
       "INSERT OR REPLACE INTO attempts SELECT id, attempt, ?2, ?3, leased_ms, node, device, "     \
       "coalesce (?4, ''), coalesce (?5, '') FROM tasks WHERE id = ?1 AND (state = 2 OR ?3 = 7)")  \
    X (CANCEL_ATTEMPTS,                                                                            \
       "INSERT OR REPLACE INTO attempts SELECT id, attempt, ?2, 6, leased_ms, node, device, '', "  \
       "'' FROM tasks WHERE id >= (SELECT first_task FROM jobs WHERE id = ?1) AND id < (SELECT "   \
       "first_task + task_count FROM jobs WHERE id = ?1) AND state = 2")                           \
    X (TRIM_ATTEMPTS,                                                                              \
       "DELETE FROM attempts WHERE task = ?1 AND (attempt, ended_ms, result) < (SELECT attempt, "  \
       "ended_ms, result FROM attempts WHERE task = ?1 ORDER BY attempt DESC, ended_ms DESC, "     \
       "result DESC LIMIT 1 OFFSET ?2)")                                                           \
    X (PUT_STORY, "INSERT INTO story (job, at_ms, what) VALUES (?,?,?)")                           \
    X (TRIM_STORY, "DELETE FROM story WHERE job = ?1 AND id < (SELECT id FROM story WHERE job = "  \
                   "?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)")                                       \
    X (PUT_EVENTS, "INSERT INTO events (seq, prev, epoch, total, body) VALUES (?,?,?,?,?)")        \
    X (SET_BOUND, "UPDATE meta SET value = ?1 WHERE key = 'events'")                               \
    X (TRIM_EVENTS, "DELETE FROM events WHERE seq < (SELECT seq FROM events WHERE total >= ?1 "    \
                    "ORDER BY seq LIMIT 1)")                                                       \
    X (TASK_KEY, "SELECT key FROM tasks WHERE id = ?")                                             \
    X (LOAD_JOBS, "SELECT " AUT_SQL_JOB_COLUMNS " FROM jobs WHERE ?1 = 0 OR id = ?1 ORDER BY id")  \
    X (LOAD_SHOTS, "SELECT idx, id FROM shots WHERE job = ? ORDER BY idx")                         \
    X (LOAD_TASKS, "SELECT t.id, t.job, t.ordinal, t.shot, t.chunk, t.key, t.predecessor, "        \
                   "t.model, t.class, t.cost, t.result, t.state, t.memory, t.attempt, t.epoch, "   \
                   "t.failures, t.node, t.device, t.instance, t.code, t.message, r.id, r.tail, "   \
                   "r.tail_size, r.used, t.upscale, r.mezzanine, r.mezzanine_size FROM tasks t "   \
                   "LEFT JOIN results r ON r.id = t.result "                                       \
                   "WHERE t.id >= ? AND t.id < ? ORDER BY t.id")

#define AUT_SQL_JOB_COLUMNS                                                                        \
    "id, project, idempotency, priority, created_ms, submission, state, shot_count, first_task, "  \
    "task_count, owner"

#define AUT_SQL_RESULT_COLUMNS                                                                     \
    "r.key, r.mezzanine, r.mezzanine_size, r.tail, r.tail_size, r.preview, r.preview_size, "       \
    "r.metadata, r.metadata_size, r.used, r.seconds, r.peak_bytes, r.node, r.device, r.attempt"

/*  X (name, SQL) of the reading connection. */
#define AUT_SQL_READS(X)                                                                           \
    X (NEXT_JOB, "SELECT coalesce (max (id), 0) + 1 FROM jobs")                                    \
    X (NEXT_TASK, "SELECT coalesce (max (first_task + task_count), 1) FROM jobs")                  \
    X (BODY, "SELECT spec, spec_hash, spec_size, inputs FROM bodies WHERE task = ?")               \
    X (RESULT, "SELECT " AUT_SQL_RESULT_COLUMNS                                                    \
               " FROM tasks t JOIN results r ON r.id = t.result WHERE t.id = ?")                   \
    X (BY_KEY,                                                                                     \
       "SELECT " AUT_SQL_RESULT_COLUMNS ", r.id FROM results r WHERE r.id = ?1 AND r.key = ?2")    \
    X (IDEMPOTENT, "SELECT id FROM jobs WHERE idempotency = ?")                                    \
    X (ITEMS, "SELECT " AUT_SQL_RESULT_COLUMNS                                                     \
              ", t.id, t.ordinal, t.shot, t.chunk, t.upscale, t.key, t.state, t.code, t.message, " \
              "t.node, t.device, t.attempt, t.cost, t.model, s.id, r.id FROM jobs j JOIN tasks t " \
              "ON t.id "                                                                           \
              ">= j.first_task + ?2 "                                                              \
              "AND t.id < j.first_task + j.task_count "                                            \
              "LEFT JOIN shots s ON s.job = j.id AND s.idx = t.shot "                              \
              "LEFT JOIN results r ON r.id = t.result WHERE j.id = ?1 ORDER BY t.id LIMIT ?3")     \
    X (JOB, "SELECT " AUT_SQL_JOB_COLUMNS " FROM jobs WHERE id = ?")                               \
    X (DONE_ATTEMPTS,                                                                              \
       "SELECT t.id, r.attempt, 1, r.assigned_ms, r.ended_ms, r.node, r.device, '', '', "          \
       "r.seconds, r.preview, r.task FROM tasks t JOIN results r ON r.id = t.result "              \
       "WHERE t.id >= ?1 AND t.id < ?2 AND t.state = 3 ORDER BY t.id")                             \
    X (ENDED_ATTEMPTS,                                                                             \
       "SELECT task, attempt, result, assigned_ms, ended_ms, node, device, code, message, 0, "     \
       "NULL, task FROM attempts WHERE task >= ?1 AND task < ?2 "                                  \
       "ORDER BY task, attempt, ended_ms, result")                                                 \
    X (RUNNING_ATTEMPTS,                                                                           \
       "SELECT id, attempt, 0, leased_ms, 0, node, device, '', '', 0, NULL, id FROM tasks "        \
       "WHERE id >= ?1 AND id < ?2 AND state = 2 ORDER BY id")                                     \
    X (SHOTS, "SELECT idx, frames, id, scene FROM shots WHERE job = ?1 AND idx >= ?2 "             \
              "ORDER BY idx LIMIT ?3")                                                             \
    X (STORY, "SELECT at_ms, what FROM (SELECT id, at_ms, what FROM story WHERE job = ?1 "         \
              "ORDER BY id DESC LIMIT ?2) ORDER BY id")                                            \
    X (EVENTS, "SELECT seq, prev, epoch, body FROM events WHERE seq > ?1 ORDER BY seq")            \
    X (EVENT_BOUND, "SELECT value FROM meta WHERE key = 'events'")

enum {
#define AUT_SQL_ENUM(name, sql) AUT_SQL_##name,
    AUT_SQL_WRITES (AUT_SQL_ENUM) AUT_SQL_WRITE_COUNT
};
enum {
    AUT_SQL_READS (AUT_SQL_ENUM) AUT_SQL_READ_COUNT
#undef AUT_SQL_ENUM
};

/*  A result, and whose key it is found by. */
typedef struct {
    aut_hash_t key;
    uint64_t id;
} aut_sqlite_made_t;

typedef struct {
    aut_store_t store;
    sqlite3 *db, *reader;
    sqlite3_stmt *writes[AUT_SQL_WRITE_COUNT];
    sqlite3_stmt *reads[AUT_SQL_READ_COUNT];
    pthread_mutex_t mutex; /* guards reader, reads and keys */
    aut_keys_t keys;       /* of the results that are committed */
    aut_sqlite_made_t *made;
    size_t made_count, made_cap; /* results of the batch that is being committed */
    uint64_t epoch;
    uint64_t commits;              /* atomic */
    uint64_t jobs, tasks, results; /* atomic: rows, kept as running counts */
    char *path, *wal_path;
    /* of events, committed and as the running transaction leaves them: the last number, the bytes
       of all that were ever stored, and of those that are gone */
    struct {
        uint64_t last, total, gone;
    } events, next_events;
} aut_sqlite_t;

/*  Binds parameters one after another. */
typedef struct {
    sqlite3_stmt *stmt;
    int n;
} aut_binder_t;

void aut_bind_int (aut_binder_t *b, uint64_t value);
void aut_bind_text (aut_binder_t *b, const char *text);
void aut_bind_blob (aut_binder_t *b, const void *data, size_t size);

/*  Records SQLite's own words and maps its code to ours. */
int aut_sqlite_fail (sqlite3 *db, const char *what);

/*  Runs a statement that gives no row, and resets it. */
int aut_sqlite_run (sqlite3 *db, sqlite3_stmt *stmt, const char *what);

/*  Its table of functions, and the first of them (sqlite.c). */
extern const aut_store_ops_t aut_sqlite_ops;
void aut_sqlite_destroy (aut_store_t **self_p);

/*  The reads of the vtable (sqlite_read.c). */
int aut_sqlite_next_ids (aut_store_t *store, uint64_t *job, uint64_t *task);
int aut_sqlite_body (aut_store_t *store, uint64_t task, aut_store_body_t *body, void **hold);
int aut_sqlite_result (aut_store_t *store, uint64_t task, aut_store_result_t *result);
int aut_sqlite_cached (aut_store_t *store, const aut_hash_t *key, uint64_t *id,
                       aut_store_result_t *result);
int aut_sqlite_idempotent (aut_store_t *store, const char *key, uint64_t *job);
int aut_sqlite_items (aut_store_t *store, uint64_t job, uint64_t after, uint32_t limit,
                      aut_store_item_t *items, uint32_t *count);
int aut_sqlite_stats (aut_store_t *store, aut_store_stats_t *stats);
int aut_sqlite_job (aut_store_t *store, uint64_t id, aut_store_job_t *job);

/*  What is kept for its story (sqlite_story.c): events, attempts, what became of a job. */
int aut_sqlite_events_open (aut_sqlite_t *self);
int aut_sqlite_put_events (aut_sqlite_t *self, const aut_store_events_t *events);
/*  The attempt of the task `m->id` has ended so, if it is leased. */
int aut_sqlite_end_attempt (aut_sqlite_t *self, const aut_store_mutation_t *m, aut_store_end_t end);
int aut_sqlite_cancel_attempts (aut_sqlite_t *self, const aut_store_mutation_t *m);
/*  The task `m->id` was leased: of its attempts that have ended the oldest go. */
int aut_sqlite_trim_attempts (aut_sqlite_t *self, const aut_store_mutation_t *m);
/*  A job changes to a state that is worth telling. */
int aut_sqlite_tell (aut_sqlite_t *self, const aut_store_mutation_t *m);
int aut_sqlite_attempts (aut_store_t *store, uint64_t first, uint64_t end, bool all,
                         aut_store_attempt_fn *each, void *ctx);
int aut_sqlite_shots (aut_store_t *store, uint64_t job, uint32_t after, uint32_t limit,
                      aut_store_shot_t *shots, uint32_t *count);
int aut_sqlite_story (aut_store_t *store, uint64_t job, uint32_t limit, aut_store_story_t *items,
                      uint32_t *count);
int aut_sqlite_events (aut_store_t *store, uint64_t after, aut_store_event_fn *each, void *ctx);
int aut_sqlite_event_bound (aut_store_t *store, uint64_t *bound);

/*  Begins a read: locks and hands out the statement; end resets it and unlocks (sqlite_read.c). */
sqlite3_stmt *aut_sqlite_begin (aut_sqlite_t *self, int which);
int aut_sqlite_end (aut_sqlite_t *self, sqlite3_stmt *stmt, int rc);

/*  Column helpers: text is cut to the field, a hash of another length reads as zero. */
void aut_sqlite_text (sqlite3_stmt *stmt, int column, char *out, size_t size);
void aut_sqlite_hash (sqlite3_stmt *stmt, int column, aut_hash_t *out);
void aut_sqlite_used (sqlite3_stmt *stmt, int column, aut_store_result_t *out);
/*  A row of AUT_SQL_JOB_COLUMNS. */
void aut_sqlite_read_job (sqlite3_stmt *stmt, aut_store_job_t *job);

#endif
