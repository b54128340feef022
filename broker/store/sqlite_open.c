/*  Opening the SQLite store: connections and their settings, migrations, the epoch. */
#include "broker/store/schema.h"
#include "broker/store/sqlite_internal.h"

#include "lib/core/clock.h"
#include "lib/core/error.h"
#include "lib/core/file.h"
#include "lib/core/mem.h"

#include <stdlib.h>

#define BUSY_MS 5000 /* another process reads, or takes a backup */

static const char *const write_sql[] = {
#define SQL(name, text) text,
    AUT_SQL_WRITES (SQL)};
static const char *const read_sql[] = {AUT_SQL_READS (SQL)};
#undef SQL

static const char *const migrations[] = {AUT_SCHEMA_1, AUT_SCHEMA_2, AUT_SCHEMA_3, AUT_SCHEMA_4,
                                         AUT_SCHEMA_5};

static int run_text (sqlite3 *db, const char *sql, const char *what)
{
    return sqlite3_exec (db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : aut_sqlite_fail (db, what);
}

/*  One number of a query; `absent` when there is no row. */
static int query_int (sqlite3 *db, const char *sql, int64_t absent, int64_t *out)
{
    sqlite3_stmt *stmt = NULL;
    if (sqlite3_prepare_v2 (db, sql, -1, &stmt, NULL) != SQLITE_OK)
        return aut_sqlite_fail (db, "cannot read the database");
    int step = sqlite3_step (stmt);
    *out = step == SQLITE_ROW ? sqlite3_column_int64 (stmt, 0) : absent;
    int rc = step == SQLITE_ROW || step == SQLITE_DONE
                 ? 0
                 : aut_sqlite_fail (db, "cannot read the database");
    sqlite3_finalize (stmt);
    return rc;
}

static int schema_version (aut_sqlite_t *self, int64_t *version)
{
    int64_t tables = 0, ours = 0;
    *version = 0;
    int rc = query_int (self->db, "SELECT count (*) FROM sqlite_master", 0, &tables);
    if (!rc)
        rc = query_int (self->db, "PRAGMA application_id", 0, &ours);
    if (rc || tables == 0)
        return rc;
    if (ours != AUT_SQLITE_APPLICATION_ID)
        return aut_fail (AUT_ERR_CORRUPT, "%s is not a database of auteur; move it away",
                         self->path);
    return query_int (self->db, "SELECT max (version) FROM migrations", 0, version);
}

static int migrate_to (aut_sqlite_t *self, int64_t version)
{
    char *mark = aut_sprintf ("INSERT INTO migrations VALUES (%lld, %lld)", (long long)version,
                              (long long)aut_wall_ms (aut_clock_system ()));
    int rc = run_text (self->db, "BEGIN IMMEDIATE", "cannot migrate");
    if (!rc)
        rc = run_text (self->db,
                       "CREATE TABLE IF NOT EXISTS migrations "
                       "(version INTEGER PRIMARY KEY, applied_ms INTEGER NOT NULL)",
                       "cannot migrate");
    if (!rc)
        rc = run_text (self->db, migrations[version - 1], "cannot migrate");
    if (!rc)
        rc = run_text (self->db, mark, "cannot migrate");
    if (!rc)
        rc = run_text (self->db, "COMMIT", "cannot migrate");
    if (rc)
        sqlite3_exec (self->db, "ROLLBACK", NULL, NULL, NULL);
    free (mark);
    return rc;
}

static int migrate (aut_sqlite_t *self)
{
    int64_t version;
    int rc = schema_version (self, &version);
    if (rc)
        return rc;
    if (version > AUT_STORE_SCHEMA)
        return aut_fail (AUT_ERR_VERSION,
                         "%s has schema %lld, this auteur knows up to %d: use a newer auteur",
                         self->path, (long long)version, AUT_STORE_SCHEMA);
    if (version == 0) {
        char *sql = aut_sprintf ("PRAGMA application_id = %d", AUT_SQLITE_APPLICATION_ID);
        rc = run_text (self->db, sql, "cannot make the database");
        free (sql);
    }
    for (int64_t next = version + 1; !rc && next <= AUT_STORE_SCHEMA; next++)
        rc = migrate_to (self, next);
    return rc;
}

static int open_connections (aut_sqlite_t *self)
{
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_FULLMUTEX;
    if (sqlite3_open_v2 (self->path, &self->db, flags, NULL) != SQLITE_OK)
        return aut_sqlite_fail (self->db, self->path);
    sqlite3_busy_timeout (self->db, BUSY_MS);
    int rc = run_text (self->db,
                       "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; "
                       "PRAGMA temp_store = MEMORY; PRAGMA cache_size = -65536; "
                       "PRAGMA journal_size_limit = 67108864",
                       self->path);
    if (!rc)
        rc = migrate (self);
    if (rc)
        return rc;
    flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX;
    if (sqlite3_open_v2 (self->path, &self->reader, flags, NULL) != SQLITE_OK)
        return aut_sqlite_fail (self->reader, self->path);
    sqlite3_busy_timeout (self->reader, BUSY_MS);
    return run_text (self->reader, "PRAGMA query_only = ON; PRAGMA cache_size = -16384",
                     self->path);
}

static int prepare (sqlite3 *db, const char *const *sql, sqlite3_stmt **stmts, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (sqlite3_prepare_v3 (db, sql[i], -1, SQLITE_PREPARE_PERSISTENT, &stmts[i], NULL) !=
            SQLITE_OK)
            return aut_sqlite_fail (db, sql[i]);
    return 0;
}

/*  No migration is needed for the identity: an epoch from before there was one says so itself, and
 *  an older auteur that opens the database later just counts on. */
static int take_epoch (aut_sqlite_t *self)
{
    int64_t last = 0;
    uint64_t epoch = 0;
    int rc = run_text (self->db, "BEGIN IMMEDIATE", "cannot take an epoch");
    if (!rc)
        rc = query_int (self->db, "SELECT value FROM meta WHERE key = 'epoch'", 0, &last);
    if (!rc)
        rc = aut_store_next_epoch ((uint64_t)last, &epoch);
    char *sql =
        aut_sprintf ("UPDATE meta SET value = %llu WHERE key = 'epoch'", (unsigned long long)epoch);
    if (!rc)
        rc = run_text (self->db, sql, "cannot take an epoch");
    if (!rc)
        rc = run_text (self->db, "COMMIT", "cannot take an epoch");
    if (rc)
        sqlite3_exec (self->db, "ROLLBACK", NULL, NULL, NULL);
    else
        self->epoch = epoch;
    free (sql);
    return rc;
}

static int count_all (aut_sqlite_t *self)
{
    int64_t jobs = 0, tasks = 0, results = 0;
    int rc = query_int (self->db, "SELECT count (*) FROM jobs", 0, &jobs);
    if (!rc)
        rc = query_int (self->db, "SELECT coalesce (sum (task_count), 0) FROM jobs", 0, &tasks);
    if (!rc)
        rc = query_int (self->db, "SELECT coalesce (max (id), 0) FROM results", 0, &results);
    if (!rc) {
        self->jobs = (uint64_t)jobs;
        self->tasks = (uint64_t)tasks;
        self->results = (uint64_t)results;
    }
    return rc;
}

/*  Results are found by their keys in memory (keys.h). */
static int load_keys (aut_sqlite_t *self)
{
    sqlite3_stmt *stmt = NULL;
    if (sqlite3_prepare_v2 (self->db, "SELECT id, key FROM results", -1, &stmt, NULL) != SQLITE_OK)
        return aut_sqlite_fail (self->db, "cannot read the results' keys");
    int step;
    while ((step = sqlite3_step (stmt)) == SQLITE_ROW) {
        aut_hash_t key;
        aut_sqlite_hash (stmt, 1, &key);
        aut_keys_add (&self->keys, &key, (uint64_t)sqlite3_column_int64 (stmt, 0));
    }
    int rc = step == SQLITE_DONE ? 0 : aut_sqlite_fail (self->db, "cannot read the results' keys");
    sqlite3_finalize (stmt);
    return rc;
}

int aut_store_open_sqlite (aut_store_t **out, const char *dir)
{
    *out = NULL;
    int rc = aut_dir_make_private (dir);
    if (rc)
        return rc;
    aut_sqlite_t *self = aut_calloc (1, sizeof *self);
    self->store.ops = &aut_sqlite_ops;
    pthread_mutex_init (&self->mutex, NULL);
    self->path = aut_path_join (dir, "auteur.db", NULL);
    self->wal_path = aut_sprintf ("%s-wal", self->path);
    rc = open_connections (self);
    if (!rc)
        rc = prepare (self->db, write_sql, self->writes, AUT_SQL_WRITE_COUNT);
    if (!rc)
        rc = prepare (self->reader, read_sql, self->reads, AUT_SQL_READ_COUNT);
    if (!rc)
        rc = take_epoch (self);
    if (!rc)
        rc = count_all (self);
    if (!rc)
        rc = aut_sqlite_events_open (self);
    if (!rc)
        rc = load_keys (self);
    aut_store_t *store = &self->store;
    if (rc)
        aut_sqlite_destroy (&store);
    *out = store;
    return rc;
}
