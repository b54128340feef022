/*  Shared by the files of the SQLite store; nobody else includes it.
 *
 *  Two connections: `db` writes and belongs to the loop; `reader` answers the reads of any thread
 *  under `mutex`. WAL lets both work at once, and a reader sees whole commits only.
 */
#ifndef AUT_BROKER_STORE_SQLITE_INTERNAL_H
#define AUT_BROKER_STORE_SQLITE_INTERNAL_H

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
    X (PUT_SHOT, "INSERT INTO shots (job, idx, id) VALUES (?,?,?)")                                \
    X (PUT_TASK, "INSERT INTO tasks (id, job, ordinal, shot, chunk, key, predecessor, model, "     \
                 "class, cost, result, state, memory, attempt, epoch, failures, node, device, "    \
                 "instance, code, message) VALUES (?,?,?,?,?,?,?,?,?,?,?,1,?,0,0,0,'','',NULL,"    \
                 "'','')")                                                                         \
    X (PUT_BODY, "INSERT INTO bodies (task, spec, spec_hash, spec_size, inputs) "                  \
                 "VALUES (?,?,?,?,?)")                                                             \
    X (SET_JOB, "UPDATE jobs SET state = ?2 WHERE id = ?1")                                        \
    X (CANCEL_TASKS, "UPDATE tasks SET state = 5 WHERE id >= (SELECT first_task FROM jobs WHERE "  \
                     "id = ?1) AND id < (SELECT first_task + task_count FROM jobs WHERE id = ?1) " \
                     "AND state IN (1, 2)")                                                        \
    X (RETRY_TASKS, "UPDATE tasks SET state = 1, failures = 0, code = '', message = '' WHERE id "  \
                    ">= (SELECT first_task FROM jobs WHERE id = ?1) AND id < (SELECT first_task "  \
                    "+ task_count FROM jobs WHERE id = ?1) AND state IN (4, 5)")                   \
    X (LEASE, "UPDATE tasks SET state = 2, attempt = ?2, epoch = ?3, node = ?4, device = ?5, "     \
              "instance = ?6 WHERE id = ?1 AND attempt = ?2 - 1 AND state IN (1, 2)")              \
    X (ADOPT, "UPDATE tasks SET state = 2, epoch = ?3, node = ?4, device = ?5, instance = ?6 "     \
              "WHERE id = ?1 AND attempt = ?2 AND state IN (1, 2)")                                \
    X (WAIT, "UPDATE tasks SET state = 1, failures = ?3, memory = ?4, "                            \
             "code = coalesce (?5, code), message = coalesce (?6, message) "                       \
             "WHERE id = ?1 AND attempt = ?2 AND state = 2")                                       \
    X (PUT_RESULT, "INSERT INTO results (task, key, mezzanine, mezzanine_size, tail, tail_size, "  \
                   "preview, preview_size, metadata, metadata_size, used, seconds, peak_bytes, "   \
                   "node, device, attempt) VALUES (?1,coalesce ((SELECT key FROM tasks "           \
                   "WHERE id = ?1), x''),?,?,?,?,?,?,?,?,?,?,?,?,?,?)")                            \
    X (FINISH, "UPDATE tasks SET state = 3, code = '', message = '', result = ?4 "                 \
               "WHERE id = ?1 AND attempt = ?2 AND epoch = ?3 AND state = 2")                      \
    X (TAKE_OVER, "UPDATE tasks SET state = 3, code = '', message = '' "                           \
                  "WHERE id = ?1 AND state = 1 AND result != 0")                                   \
    X (FAIL, "UPDATE tasks SET state = 4, failures = ?2, code = coalesce (?3, code), "             \
             "message = coalesce (?4, message) WHERE id = ?1 AND state IN (1, 2)")                 \
    X (LOAD_JOBS, "SELECT " AUT_SQL_JOB_COLUMNS " FROM jobs WHERE ?1 = 0 OR id = ?1 ORDER BY id")  \
    X (LOAD_SHOTS, "SELECT idx, id FROM shots WHERE job = ? ORDER BY idx")                         \
    X (LOAD_TASKS, "SELECT t.id, t.job, t.ordinal, t.shot, t.chunk, t.key, t.predecessor, "        \
                   "t.model, t.class, t.cost, t.result, t.state, t.memory, t.attempt, t.epoch, "   \
                   "t.failures, t.node, t.device, t.instance, t.code, t.message, r.id, r.tail, "   \
                   "r.tail_size, r.used FROM tasks t LEFT JOIN results r ON r.id = t.result "      \
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
    X (BY_KEY, "SELECT " AUT_SQL_RESULT_COLUMNS                                                    \
               ", r.id FROM results r WHERE r.key = ? ORDER BY r.id DESC LIMIT 1")                 \
    X (IDEMPOTENT, "SELECT id FROM jobs WHERE idempotency = ?")                                    \
    X (ITEMS,                                                                                      \
       "SELECT " AUT_SQL_RESULT_COLUMNS                                                            \
       ", t.id, t.ordinal, t.shot, t.chunk, t.key, t.state, t.code, t.message, t.node, "           \
       "t.device, t.attempt, s.id, r.id FROM jobs j JOIN tasks t ON t.id >= j.first_task + ?2 "    \
       "AND t.id < j.first_task + j.task_count "                                                   \
       "LEFT JOIN shots s ON s.job = j.id AND s.idx = t.shot "                                     \
       "LEFT JOIN results r ON r.id = t.result WHERE j.id = ?1 ORDER BY t.id LIMIT ?3")            \
    X (JOB, "SELECT " AUT_SQL_JOB_COLUMNS " FROM jobs WHERE id = ?")

enum {
#define AUT_SQL_ENUM(name, sql) AUT_SQL_##name,
    AUT_SQL_WRITES (AUT_SQL_ENUM) AUT_SQL_WRITE_COUNT
};
enum {
    AUT_SQL_READS (AUT_SQL_ENUM) AUT_SQL_READ_COUNT
#undef AUT_SQL_ENUM
};

typedef struct {
    aut_store_t store;
    sqlite3 *db, *reader;
    sqlite3_stmt *writes[AUT_SQL_WRITE_COUNT];
    sqlite3_stmt *reads[AUT_SQL_READ_COUNT];
    pthread_mutex_t mutex; /* guards reader and reads */
    uint64_t epoch;
    uint64_t commits;              /* atomic */
    uint64_t jobs, tasks, results; /* atomic: rows, kept as running counts */
    char *path, *wal_path;
} aut_sqlite_t;

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

/*  Column helpers: text is cut to the field, a hash of another length reads as zero. */
void aut_sqlite_text (sqlite3_stmt *stmt, int column, char *out, size_t size);
void aut_sqlite_hash (sqlite3_stmt *stmt, int column, aut_hash_t *out);
void aut_sqlite_used (sqlite3_stmt *stmt, int column, aut_store_result_t *out);
/*  A row of AUT_SQL_JOB_COLUMNS. */
void aut_sqlite_read_job (sqlite3_stmt *stmt, aut_store_job_t *job);

#endif
