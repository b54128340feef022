/*  What the SQLite store keeps so that somebody may ask later: the attempts at tasks, what became
 * of jobs, and events of state changes.
 *
 *  All of it is written in the transaction of the change. An attempt that made a result costs no
 *  row (its times stand with the result). Events are one row a commit; what is beyond their bound
 * of bytes goes in steps of TRIM_STEP, found by walking over what goes.
 */
#include "broker/store/sqlite_internal.h"

#include "lib/core/error.h"

#define TRIM_STEP (256 << 10)

/* ---- writes, on the loop's connection -------------------------------------------------------- */

int aut_sqlite_end_attempt (aut_sqlite_t *self, const aut_store_mutation_t *m, aut_store_end_t end)
{
    bool tells = end == AUT_STORE_ENDED_FAILED || end == AUT_STORE_ENDED_MOVED;
    aut_binder_t b = {self->writes[AUT_SQL_END_ATTEMPT], 0};
    aut_bind_int (&b, m->id);
    aut_bind_int (&b, (uint64_t)m->at_ms);
    aut_bind_int (&b, end);
    aut_bind_text (&b, tells ? m->code : NULL);
    aut_bind_text (&b, tells ? m->message : NULL);
    return aut_sqlite_run (self->db, b.stmt, "cannot note an attempt's end");
}

/*  A node that takes a task and gives it back, over and over, makes nothing grow. */
int aut_sqlite_trim_attempts (aut_sqlite_t *self, const aut_store_mutation_t *m)
{
    if (m->attempt <= AUT_STORE_ATTEMPTS_KEPT && !m->adopted)
        return 0;
    aut_binder_t b = {self->writes[AUT_SQL_TRIM_ATTEMPTS], 0};
    aut_bind_int (&b, m->id);
    aut_bind_int (&b, AUT_STORE_ATTEMPTS_KEPT - 1);
    return aut_sqlite_run (self->db, b.stmt, "cannot let old attempts go");
}

int aut_sqlite_cancel_attempts (aut_sqlite_t *self, const aut_store_mutation_t *m)
{
    aut_binder_t b = {self->writes[AUT_SQL_CANCEL_ATTEMPTS], 0};
    aut_bind_int (&b, m->id);
    aut_bind_int (&b, (uint64_t)m->at_ms);
    return aut_sqlite_run (self->db, b.stmt, "cannot note the attempts' end");
}

int aut_sqlite_tell (aut_sqlite_t *self, const aut_store_mutation_t *m)
{
    aut_store_told_t what = aut_store_told (m);
    if (!what)
        return 0;
    aut_binder_t b = {self->writes[AUT_SQL_PUT_STORY], 0};
    aut_bind_int (&b, m->id);
    aut_bind_int (&b, (uint64_t)m->at_ms);
    aut_bind_int (&b, what);
    int rc = aut_sqlite_run (self->db, b.stmt, "cannot note what became of a job");
    if (rc)
        return rc;
    aut_binder_t old = {self->writes[AUT_SQL_TRIM_STORY], 0};
    aut_bind_int (&old, m->id);
    aut_bind_int (&old, AUT_STORE_STORY_KEPT - 1);
    return aut_sqlite_run (self->db, old.stmt, "cannot let a job's old story go");
}

static int trim (aut_sqlite_t *self)
{
    uint64_t cut = self->next_events.total - AUT_STORE_EVENT_BYTES;
    aut_binder_t b = {self->writes[AUT_SQL_TRIM_EVENTS], 0};
    aut_bind_int (&b, cut);
    self->next_events.gone = cut;
    return aut_sqlite_run (self->db, b.stmt, "cannot let old events go");
}

int aut_sqlite_put_events (aut_sqlite_t *self, const aut_store_events_t *events)
{
    int rc = 0;
    if (events->bound) {
        aut_binder_t b = {self->writes[AUT_SQL_SET_BOUND], 0};
        aut_bind_int (&b, events->bound);
        rc = aut_sqlite_run (self->db, b.stmt, "cannot set numbers of events aside");
    }
    if (rc || !events->size)
        return rc;
    aut_binder_t b = {self->writes[AUT_SQL_PUT_EVENTS], 0};
    aut_bind_int (&b, events->last);
    aut_bind_int (&b, self->next_events.last);
    aut_bind_int (&b, self->epoch);
    aut_bind_int (&b, self->next_events.total + events->size);
    aut_bind_blob (&b, events->text, events->size);
    rc = aut_sqlite_run (self->db, b.stmt, "cannot store events");
    self->next_events.last = events->last;
    self->next_events.total += events->size;
    if (!rc && self->next_events.total - self->next_events.gone > AUT_STORE_EVENT_BYTES + TRIM_STEP)
        rc = trim (self);
    return rc;
}

/*  Takes up where the last row stands. */
int aut_sqlite_events_open (aut_sqlite_t *self)
{
    static const char *const sql[] = {
        "SELECT seq, total FROM events ORDER BY seq DESC LIMIT 1",
        "SELECT seq, total - length (body) FROM events ORDER BY seq LIMIT 1"};
    for (int i = 0; i < 2; i++) {
        sqlite3_stmt *stmt = NULL;
        if (sqlite3_prepare_v2 (self->db, sql[i], -1, &stmt, NULL) != SQLITE_OK)
            return aut_sqlite_fail (self->db, "cannot read the events");
        int step = sqlite3_step (stmt);
        if (step == SQLITE_ROW && i == 0) {
            self->events.last = (uint64_t)sqlite3_column_int64 (stmt, 0);
            self->events.total = (uint64_t)sqlite3_column_int64 (stmt, 1);
        } else if (step == SQLITE_ROW) {
            self->events.gone = (uint64_t)sqlite3_column_int64 (stmt, 1);
        }
        int rc = step == SQLITE_ROW || step == SQLITE_DONE
                     ? 0
                     : aut_sqlite_fail (self->db, "cannot read the events");
        sqlite3_finalize (stmt);
        if (rc)
            return rc;
    }
    return 0;
}

/* ---- reads, on any thread -------------------------------------------------------------------- */

static const char *text_at (sqlite3_stmt *stmt, int column)
{
    const char *text = (const char *)sqlite3_column_text (stmt, column);
    return text ? text : "";
}

static void read_attempt (sqlite3_stmt *stmt, aut_store_attempt_t *out)
{
    out->task = (uint64_t)sqlite3_column_int64 (stmt, 0);
    out->attempt = (uint32_t)sqlite3_column_int64 (stmt, 1);
    out->end = (aut_store_end_t)sqlite3_column_int (stmt, 2);
    out->assigned_ms = sqlite3_column_int64 (stmt, 3);
    out->ended_ms = sqlite3_column_int64 (stmt, 4);
    out->node = text_at (stmt, 5);
    out->device = text_at (stmt, 6);
    out->code = text_at (stmt, 7);
    out->message = text_at (stmt, 8);
    out->seconds = sqlite3_column_double (stmt, 9);
    aut_sqlite_hash (stmt, 10, &out->preview);
    out->maker = (uint64_t)sqlite3_column_int64 (stmt, 11);
}

static int walk_attempts (aut_sqlite_t *self, int which, uint64_t first, uint64_t end,
                          aut_store_attempt_fn *each, void *ctx)
{
    int rc = 0, step = SQLITE_DONE;
    sqlite3_stmt *stmt = aut_sqlite_begin (self, which);
    sqlite3_bind_int64 (stmt, 1, (sqlite3_int64)first);
    sqlite3_bind_int64 (stmt, 2, (sqlite3_int64)end);
    while (rc >= 0 && (step = sqlite3_step (stmt)) == SQLITE_ROW) {
        aut_store_attempt_t attempt;
        read_attempt (stmt, &attempt);
        rc = each (ctx, &attempt);
    }
    if (rc >= 0)
        rc = step == SQLITE_DONE ? 0 : aut_sqlite_fail (self->reader, "cannot read the attempts");
    return aut_sqlite_end (self, stmt, rc);
}

int aut_sqlite_attempts (aut_store_t *store, uint64_t first, uint64_t end, bool all,
                         aut_store_attempt_fn *each, void *ctx)
{
    static const int reads[] = {AUT_SQL_DONE_ATTEMPTS, AUT_SQL_ENDED_ATTEMPTS,
                                AUT_SQL_RUNNING_ATTEMPTS};
    int rc = 0;
    for (int i = 0; !rc && i < (all ? 3 : 1); i++)
        rc = walk_attempts ((aut_sqlite_t *)store, reads[i], first, end, each, ctx);
    return rc;
}

int aut_sqlite_shots (aut_store_t *store, uint64_t job, uint32_t after, uint32_t limit,
                      aut_store_shot_t *shots, uint32_t *count)
{
    aut_sqlite_t *self = (aut_sqlite_t *)store;
    sqlite3_stmt *stmt = aut_sqlite_begin (self, AUT_SQL_SHOTS);
    sqlite3_bind_int64 (stmt, 1, (sqlite3_int64)job);
    sqlite3_bind_int64 (stmt, 2, after);
    sqlite3_bind_int64 (stmt, 3, limit);
    int step = SQLITE_DONE;
    *count = 0;
    while (*count < limit && (step = sqlite3_step (stmt)) == SQLITE_ROW) {
        aut_store_shot_t *shot = &shots[(*count)++];
        shot->index = (uint32_t)sqlite3_column_int64 (stmt, 0);
        shot->frames = (uint32_t)sqlite3_column_int64 (stmt, 1);
        aut_sqlite_text (stmt, 2, shot->id, sizeof shot->id);
        aut_sqlite_text (stmt, 3, shot->scene, sizeof shot->scene);
    }
    int rc = step == SQLITE_DONE || step == SQLITE_ROW
                 ? 0
                 : aut_sqlite_fail (self->reader, "cannot read the shots");
    return aut_sqlite_end (self, stmt, rc);
}

int aut_sqlite_story (aut_store_t *store, uint64_t job, uint32_t limit, aut_store_story_t *items,
                      uint32_t *count)
{
    aut_sqlite_t *self = (aut_sqlite_t *)store;
    sqlite3_stmt *stmt = aut_sqlite_begin (self, AUT_SQL_STORY);
    sqlite3_bind_int64 (stmt, 1, (sqlite3_int64)job);
    sqlite3_bind_int64 (stmt, 2, limit);
    int step = SQLITE_DONE;
    *count = 0;
    while (*count < limit && (step = sqlite3_step (stmt)) == SQLITE_ROW) {
        items[*count].at_ms = sqlite3_column_int64 (stmt, 0);
        items[(*count)++].what = (aut_store_told_t)sqlite3_column_int (stmt, 1);
    }
    int rc = step == SQLITE_DONE || step == SQLITE_ROW
                 ? 0
                 : aut_sqlite_fail (self->reader, "cannot read what became of a job");
    return aut_sqlite_end (self, stmt, rc);
}

/*  Hands out a row's events after `after`. */
static int tell_row (sqlite3_stmt *stmt, uint64_t after, aut_store_event_fn *each, void *ctx)
{
    uint64_t epoch = (uint64_t)sqlite3_column_int64 (stmt, 2), job, seq;
    const char *line = sqlite3_column_blob (stmt, 3), *members;
    const char *end = line + sqlite3_column_bytes (stmt, 3);
    size_t size;
    int rc = 0;
    while (rc >= 0 && (line = aut_store_event_line (line, end, &job, &seq, &members, &size)))
        if (seq > after)
            rc = each (ctx, epoch, job, seq, members, size);
    return rc < 0 ? rc : 0;
}

int aut_sqlite_events (aut_store_t *store, uint64_t after, aut_store_event_fn *each, void *ctx)
{
    aut_sqlite_t *self = (aut_sqlite_t *)store;
    sqlite3_stmt *stmt = aut_sqlite_begin (self, AUT_SQL_EVENTS);
    sqlite3_bind_int64 (stmt, 1, (sqlite3_int64)after);
    int rc = 0, step = SQLITE_DONE;
    bool first = true;
    while (!rc && (step = sqlite3_step (stmt)) == SQLITE_ROW) {
        if (first && (uint64_t)sqlite3_column_int64 (stmt, 1) > after)
            rc = aut_fail (AUT_ERR_NOT_FOUND, "these events are not kept any more");
        else
            rc = tell_row (stmt, after, each, ctx);
        first = false;
    }
    if (!rc && step != SQLITE_DONE)
        rc = aut_sqlite_fail (self->reader, "cannot read the events");
    return aut_sqlite_end (self, stmt, rc);
}

int aut_sqlite_event_bound (aut_store_t *store, uint64_t *bound)
{
    aut_sqlite_t *self = (aut_sqlite_t *)store;
    sqlite3_stmt *stmt = aut_sqlite_begin (self, AUT_SQL_EVENT_BOUND);
    int rc = sqlite3_step (stmt) == SQLITE_ROW
                 ? 0
                 : aut_sqlite_fail (self->reader, "cannot read the number of the last event");
    if (!rc)
        *bound = (uint64_t)sqlite3_column_int64 (stmt, 0);
    return aut_sqlite_end (self, stmt, rc);
}
