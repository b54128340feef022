/*  The SQL of the SQLite store's schema, one text a version. A released text never changes: a new
 *  version is a new entry that alters what is there.
 */
#ifndef AUT_BROKER_STORE_SCHEMA_H
#define AUT_BROKER_STORE_SCHEMA_H

/*  "AUTR" in a database's header says that it is ours. */
#define AUT_SQLITE_APPLICATION_ID 0x41555452

/*  A task's spec stands in a table of its own, so that the row that every lease rewrites is small.
 */
#define AUT_SCHEMA_1                                                                               \
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;"              \
    "INSERT INTO meta VALUES ('epoch', 0);"                                                        \
    "CREATE TABLE jobs (id INTEGER PRIMARY KEY, project TEXT NOT NULL, idempotency TEXT UNIQUE, "  \
    "  priority INTEGER NOT NULL, created_ms INTEGER NOT NULL, submission BLOB NOT NULL, "         \
    "  state INTEGER NOT NULL, shot_count INTEGER NOT NULL, first_task INTEGER NOT NULL, "         \
    "  task_count INTEGER NOT NULL);"                                                              \
    "CREATE TABLE shots (job INTEGER NOT NULL, idx INTEGER NOT NULL, id TEXT NOT NULL, "           \
    "  PRIMARY KEY (job, idx)) WITHOUT ROWID;"                                                     \
    "CREATE TABLE tasks (id INTEGER PRIMARY KEY, job INTEGER NOT NULL, ordinal INTEGER NOT NULL, " \
    "  shot INTEGER NOT NULL, chunk INTEGER NOT NULL, key BLOB NOT NULL, "                         \
    "  predecessor INTEGER NOT NULL, model TEXT NOT NULL, class TEXT NOT NULL, "                   \
    "  cost INTEGER NOT NULL, result INTEGER NOT NULL, state INTEGER NOT NULL, "                   \
    "  memory INTEGER NOT NULL, attempt INTEGER NOT NULL, epoch INTEGER NOT NULL, "                \
    "  failures INTEGER NOT NULL, node TEXT NOT NULL, device TEXT NOT NULL, instance BLOB, "       \
    "  code TEXT NOT NULL, message TEXT NOT NULL);"                                                \
    "CREATE TABLE bodies (task INTEGER PRIMARY KEY, spec BLOB, spec_hash BLOB, "                   \
    "  spec_size INTEGER NOT NULL, inputs BLOB);"                                                  \
    "CREATE TABLE results (id INTEGER PRIMARY KEY, task INTEGER NOT NULL, key BLOB NOT NULL, "     \
    "  mezzanine BLOB, mezzanine_size INTEGER NOT NULL, tail BLOB, tail_size INTEGER NOT NULL, "   \
    "  preview BLOB, preview_size INTEGER NOT NULL, metadata BLOB, "                               \
    "  metadata_size INTEGER NOT NULL, used BLOB, seconds REAL NOT NULL, "                         \
    "  peak_bytes INTEGER NOT NULL, node TEXT NOT NULL, device TEXT NOT NULL, "                    \
    "  attempt INTEGER NOT NULL);"                                                                 \
    "CREATE INDEX results_key ON results (key);"

/*  Whose job it is: the client's public key, '' for jobs of a broker without keys. */
#define AUT_SCHEMA_2 "ALTER TABLE jobs ADD COLUMN owner TEXT NOT NULL DEFAULT '';"

/*  What people ask later: when a lease began, how every attempt ended (one that made a result
 * stands with it), what became of jobs, what shots are; and the events of state changes, a row a
 * commit, each with the number of the row before it and the bytes of all rows up to it. */
#define AUT_SCHEMA_3                                                                               \
    "ALTER TABLE tasks ADD COLUMN leased_ms INTEGER NOT NULL DEFAULT 0;"                           \
    "ALTER TABLE results ADD COLUMN assigned_ms INTEGER NOT NULL DEFAULT 0;"                       \
    "ALTER TABLE results ADD COLUMN ended_ms INTEGER NOT NULL DEFAULT 0;"                          \
    "ALTER TABLE shots ADD COLUMN scene TEXT NOT NULL DEFAULT '';"                                 \
    "ALTER TABLE shots ADD COLUMN frames INTEGER NOT NULL DEFAULT 0;"                              \
    "CREATE TABLE attempts (task INTEGER NOT NULL, attempt INTEGER NOT NULL, "                     \
    "  ended_ms INTEGER NOT NULL, result INTEGER NOT NULL, assigned_ms INTEGER NOT NULL, "         \
    "  node TEXT NOT NULL, device TEXT NOT NULL, code TEXT NOT NULL, message TEXT NOT NULL, "      \
    "  PRIMARY KEY (task, attempt, ended_ms, result)) WITHOUT ROWID;"                              \
    "CREATE TABLE story (id INTEGER PRIMARY KEY, job INTEGER NOT NULL, at_ms INTEGER NOT NULL, "   \
    "  what INTEGER NOT NULL);"                                                                    \
    "CREATE INDEX story_job ON story (job);"                                                       \
    "CREATE TABLE events (seq INTEGER PRIMARY KEY, prev INTEGER NOT NULL, "                        \
    "  epoch INTEGER NOT NULL, total INTEGER NOT NULL, body BLOB NOT NULL);"                       \
    "INSERT INTO meta VALUES ('events', 0);"

/*  Keys are found in memory (keys.h): this index was another page to rewrite for each result. */
#define AUT_SCHEMA_4 "DROP INDEX IF EXISTS results_key;"

/*  Tasks that enlarge the frames of the one that they start from. */
#define AUT_SCHEMA_5 "ALTER TABLE tasks ADD COLUMN upscale INTEGER NOT NULL DEFAULT 0;"

#endif
