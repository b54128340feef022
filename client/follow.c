#include "client/follow.h"
#include "client/command.h"
#include "client/interrupt.h"
#include "client/query.h"
#include "lib/core/clock.h"
#include "lib/core/error.h"
#include "lib/core/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EVENT_WAIT_MS 100
#define SNAPSHOT_EVERY_MS 30000 /* in case of a quiet job: events alone should do */
#define QUIET_MS 5000           /* without any event: time to ask what the job waits for */

typedef struct {
    aut_session_t *session;
    aut_jobview_t *view;
    aut_progress_t *progress;
    const char *job;
    bool json, told_end;
    int64_t snapshot_ms, event_ms;
    bool goes_on;   /* some chunk waits for its turn only */
    char lack[256]; /* what no node online has and the job needs; "" if nothing */
} follow_t;

/* The first reason that only another node can end: "no node with model…", "no device with…". */
static void note_lack (follow_t *self, const json_t *reply)
{
    size_t s, c;
    json_t *shot, *chunk;
    json_array_foreach (json_object_get (reply, "shots"), s, shot)
    {
        json_array_foreach (json_object_get (shot, "chunks"), c, chunk)
        {
            const char *wait = json_string_value (json_object_get (chunk, "wait"));
            if (strcmp (aut_query_text (chunk, "state"), "blocked") == 0)
                continue; /* waits for another one, whose reason counts */
            if (wait && strncmp (wait, "no ", 3) != 0)
                self->goes_on |= *wait != 0;
            else if (wait && !*self->lack)
                snprintf (self->lack, sizeof self->lack, "%s", wait);
        }
    }
}

/* One page of the job's shots, from shot `*after` on; `*after` is then the next page's, 0 at the
 * end. */
static int take_page (follow_t *self, json_int_t *after)
{
    const char *job = self->job;
    json_t *reply = NULL;
    int rc = aut_query_job (self->session, job, *after, 0, &reply);
    if (rc == 0)
        rc = aut_jobview_snapshot (self->view, reply, aut_mono_ms (aut_clock_system ()));
    if (rc == 0)
        note_lack (self, reply);
    json_int_t next = json_integer_value (json_object_get (reply, "next"));
    if (rc == 0 && next != 0 && next <= *after)
        rc = aut_fail (AUT_ERR_INVALID, "the broker pages job %s backwards", job);
    *after = next;
    json_decref (reply);
    return rc;
}

static int take_snapshot (follow_t *self)
{
    json_int_t after = 0;
    int rc;
    self->snapshot_ms = aut_mono_ms (aut_clock_system ());
    self->goes_on = false;
    *self->lack = 0;
    do
        rc = take_page (self, &after);
    while (rc == 0 && after != 0);
    return rc;
}

static void take_event (follow_t *self, json_t *event)
{
    aut_view_change_t change;
    self->event_ms = aut_mono_ms (aut_clock_system ());
    aut_jobview_event (self->view, event, self->event_ms, &change);
    aut_progress_change (self->progress, self->view, &change);
    const char *about = json_string_value (json_object_get (event, "job"));
    if (self->json && about && strcmp (about, self->job) == 0) {
        aut_common_print_json (json_incref (event));
        fflush (stdout);
        self->told_end = aut_jobview_ended (self->view);
    }
}

static bool is_leased (const aut_jobview_t *view)
{
    for (size_t s = 0; s < aut_jobview_shots (view); s++)
        for (uint32_t c = 0; c < aut_jobview_shot (view, s)->chunk_count; c++)
            if (aut_jobview_shot (view, s)->chunks[c].state == AUT_VIEW_LEASED)
                return true;
    return false;
}

/* Nothing has come for a while: says what is missing. A cluster may get a node that has it; a local
 * render has its one node, and would wait for ever (its workers may be slow to start, so that only
 * the second look counts). */
static int take_quiet (follow_t *self, int64_t now)
{
    bool asked = self->snapshot_ms >= self->event_ms + QUIET_MS;
    if (asked ? now - self->snapshot_ms < SNAPSHOT_EVERY_MS : now - self->event_ms < QUIET_MS)
        return 0;
    int rc = take_snapshot (self);
    if (rc || !*self->lack || self->goes_on || is_leased (self->view))
        return rc;
    if (!asked)
        aut_progress_note (self->progress, "Waiting: %s.", self->lack);
    else if (self->session->local)
        return aut_fail (AUT_ERR_STATE,
                         "job %s cannot go on here: %s. 'auteur models' lists what this machine "
                         "has; --broker names a cluster",
                         self->job, self->lack);
    return 0;
}

/* One event, or the wait for one. */
static int follow_once (follow_t *self)
{
    if (aut_interrupted ())
        return aut_fail (AUT_ERR_CANCELLED, "interrupted");
    json_t *event = NULL;
    int rc = aut_client_events_next (self->session->client, EVENT_WAIT_MS, &event);
    int64_t now = aut_mono_ms (aut_clock_system ());
    if (rc == 0)
        take_event (self, event);
    json_decref (event);
    if (rc == AUT_ERR_STATE)
        rc = take_snapshot (self);
    else if (rc == AUT_ERR_TIMEOUT)
        rc = take_quiet (self, now);
    if (rc == 0)
        aut_progress_draw (self->progress, self->view, now);
    return rc;
}

int aut_follow (aut_session_t *session, aut_jobview_t *view, const char *job,
                aut_progress_t *progress, bool json)
{
    follow_t self = {.session = session,
                     .view = view,
                     .progress = progress,
                     .job = job,
                     .json = json,
                     .event_ms = aut_mono_ms (aut_clock_system ())};
    int rc = aut_client_events_start (session->client);
    if (rc == 0)
        rc = take_snapshot (&self);
    while (rc == 0 && !aut_jobview_ended (view))
        rc = follow_once (&self);
    aut_progress_end (progress);
    /* a job that had ended before sends no event more, and its end is the result */
    if (rc == 0 && json && !self.told_end)
        aut_common_print_json (json_pack ("{s:s, s:s, s:s}", "type", "job", "job", job, "state",
                                          aut_jobview_state (view)));
    return rc;
}

int aut_follow_exit_code (const aut_jobview_t *view)
{
    const char *state = aut_jobview_state (view);
    if (strcmp (state, "done") == 0)
        return AUT_EXIT_DONE;
    if (strcmp (state, "failed") == 0 && aut_jobview_shots_done (view) > 0)
        return AUT_EXIT_PARTIAL;
    return AUT_EXIT_FAILED;
}

static const aut_view_chunk_t *first_missing (const aut_view_shot_t *shot, uint32_t *index)
{
    for (*index = 0; *index < shot->chunk_count; (*index)++)
        if (shot->chunks[*index].state != AUT_VIEW_DONE)
            return &shot->chunks[*index];
    return NULL;
}

void aut_follow_report (const aut_jobview_t *view, const char *job)
{
    size_t missing = aut_jobview_shots (view) - aut_jobview_shots_done (view);
    if (strcmp (aut_jobview_state (view), "cancelled") == 0)
        fprintf (stderr, "auteur: job %s was cancelled; %zu of %zu shots are done.\n", job,
                 aut_jobview_shots_done (view), aut_jobview_shots (view));
    else if (missing)
        fprintf (stderr, "auteur: job %s failed: %zu of %zu shots are missing.\n", job, missing,
                 aut_jobview_shots (view));
    for (size_t i = 0; i < aut_jobview_shots (view) && missing; i++) {
        uint32_t index;
        char name[AUT_VIEW_NAME];
        const aut_view_shot_t *shot = aut_jobview_shot (view, i);
        const aut_view_chunk_t *chunk = first_missing (shot, &index);
        if (chunk && chunk->state == AUT_VIEW_FAILED)
            fprintf (stderr, "  %s: %s failed on %s after %u attempts: %s\n", shot->id,
                     aut_jobview_name (shot, index, false, name), *chunk->node ? chunk->node : "?",
                     chunk->attempt, chunk->error ? chunk->error : "no reason was given");
        else if (chunk)
            fprintf (stderr, "  %s: not made%s\n", shot->id, chunk->error ? chunk->error : "");
    }
}
