/*  What SQLite could do alone: bench_ceiling --per-commit T: prints tasks per second.
 *
 *  The row changes that the broker makes for a task (its lease, its result, its end; the events of
 *  all of a commit's are one row) with as many tasks a commit as the broker had (bench_broker
 * --workers prints that), WAL and synchronous = FULL, in one thread: no messages, no core, no
 * fences, no epoch, no threads. The tables are those of the broker; the statements are the bare
 * minimum that changes the same columns.
 */
#include "broker/store/schema.h"
#include "lib/core/clock.h"
#include "lib/core/file.h"
#include "lib/core/mem.h"
#include "lib/core/options.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EVENT_BYTES 360 /* a task's, as the broker stores them */

static sqlite3 *open_at (const char *path)
{
    sqlite3 *db;
    if (sqlite3_open (path, &db) != SQLITE_OK) {
        fprintf (stderr, "bench_ceiling: %s\n", sqlite3_errmsg (db));
        exit (EXIT_FAILURE);
    }
    return db;
}

static void run (sqlite3 *db, const char *sql)
{
    if (sqlite3_exec (db, sql, NULL, NULL, NULL) == SQLITE_OK)
        return;
    fprintf (stderr, "bench_ceiling: %s: %s\n", sql, sqlite3_errmsg (db));
    exit (EXIT_FAILURE);
}

static sqlite3_stmt *prepare (sqlite3 *db, const char *sql)
{
    sqlite3_stmt *stmt;
    if (sqlite3_prepare_v2 (db, sql, -1, &stmt, NULL) != SQLITE_OK) {
        fprintf (stderr, "bench_ceiling: %s: %s\n", sql, sqlite3_errmsg (db));
        exit (EXIT_FAILURE);
    }
    return stmt;
}

static void step (sqlite3 *db, sqlite3_stmt *stmt)
{
    if (sqlite3_step (stmt) != SQLITE_DONE || sqlite3_reset (stmt) != SQLITE_OK) {
        fprintf (stderr, "bench_ceiling: %s\n", sqlite3_errmsg (db));
        exit (EXIT_FAILURE);
    }
}

static void fill (sqlite3 *db, int64_t tasks)
{
    char sql[1200];
    run (db, "PRAGMA journal_mode = WAL");
    run (db, "PRAGMA synchronous = FULL; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -65536; "
             "PRAGMA journal_size_limit = 67108864");
    run (db, AUT_SCHEMA_1);
    run (db, AUT_SCHEMA_2);
    run (db, AUT_SCHEMA_3);
    run (db, AUT_SCHEMA_4);
    snprintf (sql, sizeof sql,
              "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %lld) "
              "INSERT INTO tasks SELECT i, 1, i - 1, 0, i - 1, randomblob (32), 0, 'm', '', 1, 0, "
              "1, 0, 0, 0, 0, '', '', NULL, '', '', 0 FROM n",
              (long long)tasks);
    run (db, sql);
    run (db, "INSERT INTO bodies SELECT id, zeroblob (256), NULL, 0, NULL FROM tasks");
    run (db, "PRAGMA wal_checkpoint (TRUNCATE)");
}

typedef struct {
    sqlite3_stmt *begin, *commit, *lease, *result, *finish, *events;
} statements_t;

static void one (sqlite3 *db, const statements_t *s, int64_t task)
{
    uint8_t hash[32];
    memset (hash, 7, sizeof hash);
    sqlite3_bind_int64 (s->lease, 1, task);
    sqlite3_bind_blob (s->lease, 2, hash, 16, SQLITE_STATIC);
    step (db, s->lease);
    sqlite3_bind_int64 (s->result, 1, task);
    sqlite3_bind_blob (s->result, 2, hash, 32, SQLITE_STATIC);
    step (db, s->result);
    sqlite3_bind_int64 (s->finish, 1, task);
    sqlite3_bind_int64 (s->finish, 2, sqlite3_last_insert_rowid (db));
    step (db, s->finish);
}

/*  The events of a commit's tasks: each is leased and done. */
static void tell (sqlite3 *db, const statements_t *s, int64_t tasks)
{
    sqlite3_bind_zeroblob (s->events, 1, (int)(tasks * EVENT_BYTES));
    step (db, s->events);
}

/*  `per_commit` need not be whole: commits of both neighbours take turns. */
static double measure (sqlite3 *db, int64_t tasks, double per_commit, double seconds)
{
    statements_t s = {
        prepare (db, "BEGIN IMMEDIATE"),
        prepare (db, "COMMIT"),
        prepare (db, "UPDATE tasks SET state = 2, attempt = attempt + 1, epoch = 1048577, "
                     "node = 'bench1', device = 'cpu', instance = ?2 WHERE id = ?1"),
        prepare (db, "INSERT INTO results (task, key, mezzanine, mezzanine_size, tail_size, "
                     "preview_size, metadata, metadata_size, seconds, peak_bytes, node, device, "
                     "attempt) SELECT ?1, key, ?2, 4, 0, 0, ?2, 4, 0, 0, 'bench1', 'cpu', 1 FROM "
                     "tasks WHERE id = ?1"),
        prepare (db, "UPDATE tasks SET state = 3, result = ?2 WHERE id = ?1"),
        prepare (db, "INSERT INTO events (prev, epoch, total, body) VALUES (1, 1048577, 1, ?1)")};
    int64_t begin = aut_mono_ms (aut_clock_system ()), now = begin, task = 0;
    double due = 0;
    while (now - begin < (int64_t)(seconds * 1e3) && task < tasks) {
        int64_t before = task;
        step (db, s.begin);
        for (due += per_commit; due >= 1 && task < tasks; due -= 1)
            one (db, &s, ++task);
        tell (db, &s, task - before);
        step (db, s.commit);
        now = aut_mono_ms (aut_clock_system ());
    }
    sqlite3_finalize (s.begin);
    sqlite3_finalize (s.commit);
    sqlite3_finalize (s.lease);
    sqlite3_finalize (s.result);
    sqlite3_finalize (s.finish);
    sqlite3_finalize (s.events);
    return (double)task / ((double)(now - begin) / 1e3);
}

int main (int argc, char **argv)
{
    double seconds = 2, per_commit = 1;
    const char *dir = getenv ("TMPDIR");
    const aut_opt_info_t info = {.program = "bench_ceiling",
                                 .usage = "[OPTION...]",
                                 .about = "The row changes of the broker's tasks in bare SQLite."};
    const aut_opt_t table[] = {
        {"seconds", 0, AUT_OPT_NUMBER, &seconds, "S", "length of the run (2)", NULL, 0, 0},
        {"per-commit", 0, AUT_OPT_NUMBER, &per_commit, "T", "tasks a commit (1)", NULL, 0, 0},
        {"dir", 0, AUT_OPT_STRING, &dir, "DIR", "where the database lies ($TMPDIR or /tmp)", NULL,
         0, 0},
        {NULL, 0, AUT_OPT_FLAG, NULL, NULL, NULL, NULL, 0, 0}};
    size_t operands = 0;
    aut_opt_result_t result = aut_options_parse (&info, table, argc, argv, NULL, &operands);
    if (result != AUT_OPT_GO)
        return result == AUT_OPT_EXIT_OK ? 0 : 2;
    if (per_commit < 1)
        per_commit = 1;
    char *at = aut_sprintf ("%s/aut-ceiling-XXXXXX", dir ? dir : "/tmp");
    if (!mkdtemp (at)) {
        perror ("bench_ceiling");
        return EXIT_FAILURE;
    }
    char *path = aut_path_join (at, "ceiling.db", NULL);
    sqlite3 *db = open_at (path);
    int64_t tasks = (int64_t)(40000 * (seconds + 1));
    fill (db, tasks);
    sync (); /* what the loading left to write is not its cost */
    printf ("%.0f\n", measure (db, tasks, per_commit, seconds));
    sqlite3_close (db);
    aut_dir_remove (at);
    free (path);
    free (at);
    return EXIT_SUCCESS;
}
