#include "client/follow.h"
#include "client/command.h"
#include "client/interrupt.h"
#include "lib/core/clock.h"
#include "lib/core/error.h"
#include "lib/core/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EVENT_WAIT_MS 100
#define SNAPSHOT_EVERY_MS 30000 /* in case of a quiet job: events alone should do */

/* One page of the job's shots, from shot `*after` on; `*after` is then the next page's, 0 at the
 * end. */
static int take_page (aut_session_t *session, aut_jobview_t *view, const char *job,
                      json_int_t *after)
{
    json_t *request = json_pack ("{s:s, s:s, s:I}", "get", "job", "id", job, "after", *after);
    char *text = json_dumps (request, JSON_COMPACT);
    json_decref (request);
    if (!text)
        return aut_fail (AUT_ERR_INVALID, "'%s' is not a job id", job);
    json_t *reply = NULL;
    int rc = aut_client_query (session->client, text, &reply);
    free (text);
    if (rc == 0)
        rc = aut_jobview_snapshot (view, reply, aut_mono_ms (aut_clock_system ()));
    json_int_t next = json_integer_value (json_object_get (reply, "next"));
    if (rc == 0 && next != 0 && next <= *after)
        rc = aut_fail (AUT_ERR_INVALID, "the broker pages job %s backwards", job);
    *after = next;
    json_decref (reply);
    return rc;
}

static int take_snapshot (aut_session_t *session, aut_jobview_t *view, const char *job)
{
    json_int_t after = 0;
    int rc;
    do
        rc = take_page (session, view, job, &after);
    while (rc == 0 && after != 0);
    return rc;
}

static void take_event (aut_jobview_t *view, const char *job, aut_progress_t *progress,
                        json_t *event, bool json)
{
    aut_view_change_t change;
    aut_jobview_event (view, event, aut_mono_ms (aut_clock_system ()), &change);
    aut_progress_change (progress, view, &change);
    const char *about = json_string_value (json_object_get (event, "job"));
    if (json && about && strcmp (about, job) == 0) {
        aut_common_print_json (json_incref (event));
        fflush (stdout);
    }
}

int aut_follow (aut_session_t *session, aut_jobview_t *view, const char *job,
                aut_progress_t *progress, bool json)
{
    int rc = aut_client_events_start (session->client);
    if (rc == 0)
        rc = take_snapshot (session, view, job);
    int64_t snapshot_ms = aut_mono_ms (aut_clock_system ());
    while (rc == 0 && !aut_jobview_ended (view)) {
        if (aut_interrupted ())
            return aut_fail (AUT_ERR_CANCELLED, "interrupted");
        json_t *event = NULL;
        rc = aut_client_events_next (session->client, EVENT_WAIT_MS, &event);
        int64_t now = aut_mono_ms (aut_clock_system ());
        if (rc == 0)
            take_event (view, job, progress, event, json);
        json_decref (event);
        if (rc == AUT_ERR_STATE ||
            (rc == AUT_ERR_TIMEOUT && now - snapshot_ms > SNAPSHOT_EVERY_MS)) {
            rc = take_snapshot (session, view, job);
            snapshot_ms = now;
        } else if (rc == AUT_ERR_TIMEOUT) {
            rc = 0;
        }
        if (rc == 0)
            aut_progress_draw (progress, view, now);
    }
    aut_progress_end (progress);
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
        const aut_view_chunk_t *chunk = first_missing (aut_jobview_shot (view, i), &index);
        if (chunk && chunk->state == AUT_VIEW_FAILED)
            fprintf (stderr, "  %s: chunk %u failed on %s after %u attempts: %s\n",
                     aut_jobview_shot (view, i)->id, index + 1, *chunk->node ? chunk->node : "?",
                     chunk->attempt, chunk->error ? chunk->error : "no reason was given");
        else if (chunk)
            fprintf (stderr, "  %s: not made%s\n", aut_jobview_shot (view, i)->id,
                     chunk->error ? chunk->error : "");
    }
}
