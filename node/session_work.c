/*  Workers and transfers: how a hold comes from FETCHING to FINISHED or FAILED. */
#include "node/session_internal.h"

#include "lib/core/error.h"
#include "lib/core/log.h"
#include "lib/core/mem.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define RETRY_MS 500 /* first wait after a failed transfer */
#define RETRY_MAX_MS 15000
#define TRANSFER_TRIES 5 /* of failures that waiting does not cure */
#define RESTART_MS 200   /* a worker's second restart; the first one is at once */
#define RESTART_MAX_MS 10000
#define START_MS 60000 /* from its start to a worker's HELLO */
#define START_TRIES 3  /* starts without a HELLO of the worker, then its tasks fail */

/*  Workers */

worker_t *ses_find_worker (const aut_session_t *self, uint32_t id)
{
    for (size_t i = 0; i < self->options.worker_count; i++)
        if (self->workers[i].info.id == id)
            return &self->workers[i];
    return NULL;
}

void ses_start_worker (aut_session_t *self, worker_t *worker)
{
    worker->state = WORKER_STARTING;
    worker->up = false;
    worker->start_at = self->now + START_MS;
    ses_act (self, AUT_ACT_START_WORKER, worker->info.id, 0);
}

void ses_kill_worker (aut_session_t *self, worker_t *worker)
{
    if (worker->state == WORKER_DOWN || worker->state == WORKER_KILLED)
        return;
    worker->state = WORKER_KILLED;
    ses_act (self, AUT_ACT_KILL_WORKER, worker->info.id, 0);
}

/*  Gives an idle worker the oldest task that is ready for it. */
void ses_schedule (aut_session_t *self, worker_t *worker)
{
    if (worker->state != WORKER_IDLE || self->exited)
        return;
    for (size_t i = 0; i < self->hold_count; i++) {
        hold_t *hold = self->holds[i];
        if (hold->state != HOLD_QUEUED || &self->workers[hold->worker] != worker)
            continue;
        hold->state = HOLD_RUNNING;
        hold->due = self->now + self->options.load_ms;
        worker->state = WORKER_BUSY;
        worker->hold = hold->id;
        ses_log (hold, AUT_LOG_DEBUG, "runs on worker %" PRIu32, worker->info.id);
        ses_act (self, AUT_ACT_RUN, worker->info.id, hold->id);
        ses_tell (self, hold);
        return;
    }
}

void ses_worker_up (aut_session_t *self, worker_t *worker)
{
    if (worker->state != WORKER_STARTING)
        return;
    worker->state = WORKER_IDLE;
    worker->up = true;
    worker->failed_starts = 0;
    ses_schedule (self, worker);
}

/*  A worker that never came up cannot be waited for for ever: its tasks go elsewhere. */
static void fail_queued (aut_session_t *self, const worker_t *worker, const char *text)
{
    char *why = aut_sprintf ("worker %" PRIu32 " does not start: %s", worker->info.id, text);
    for (size_t i = 0; i < self->hold_count; i++) {
        hold_t *hold = self->holds[i];
        if (hold->state == HOLD_QUEUED && &self->workers[hold->worker] == worker)
            ses_fail_hold (self, hold, AUT_ERR_INTERNAL, why);
    }
    free (why);
}

static void lost_hold (aut_session_t *self, hold_t *hold, const char *text)
{
    if (hold->aborting) {
        ses_forget (self, hold);
        return;
    }
    char *why;
    if (hold->overdue)
        why = aut_sprintf ("the worker reported nothing for too long and was stopped (%s)", text);
    else
        why = aut_sprintf ("the worker died: %s", text);
    ses_fail_hold (self, hold, hold->overdue ? AUT_ERR_TIMEOUT : AUT_ERR_INTERNAL, why);
    free (why);
}

void ses_worker_down (aut_session_t *self, worker_t *worker, const char *text)
{
    if (worker->state == WORKER_DOWN)
        return;
    hold_t *hold = worker->hold ? ses_find_hold (self, worker->hold) : NULL;
    worker->state = WORKER_DOWN;
    worker->hold = 0;
    worker->start_at = self->now + (worker->backoff ? ses_jitter (self, worker->backoff) : 0);
    worker->backoff = worker->backoff ? worker->backoff * 2 : RESTART_MS;
    if (worker->backoff > RESTART_MAX_MS)
        worker->backoff = RESTART_MAX_MS;
    if (!worker->up)
        worker->failed_starts++;
    if (hold)
        lost_hold (self, hold, text);
    if (worker->failed_starts >= START_TRIES)
        fail_queued (self, worker, text);
}

/*  The hold that an event from a worker is about, if it is the one that it runs. */
static hold_t *running (const aut_session_t *self, const worker_t *worker, uint64_t id)
{
    hold_t *hold = worker && worker->hold == id ? ses_find_hold (self, id) : NULL;
    return hold && hold->state == HOLD_RUNNING ? hold : NULL;
}

static void free_worker (aut_session_t *self, worker_t *worker)
{
    worker->hold = 0;
    if (worker->state == WORKER_BUSY)
        worker->state = WORKER_IDLE;
    ses_schedule (self, worker);
}

/*  Results go before pictures, which are dropped then, not kept. */
static bool is_uploading (const aut_session_t *self)
{
    for (size_t i = 0; i < self->hold_count; i++)
        if (self->holds[i]->state == HOLD_UPLOADING)
            return true;
    return false;
}

void ses_on_progress (aut_session_t *self, worker_t *worker, const aut_session_event_t *event)
{
    hold_t *hold = running (self, worker, event->hold);
    if (!hold || hold->aborting)
        return;
    /*  Until something is made, the model may still be on its way from the disk. */
    int64_t due = self->now + self->options.hang_ms;
    bool made = event->progress->step > 0 || event->progress->frame > 0;
    if (made || due > hold->due)
        hold->due = due;
    if (!self->online || !hold->confirmed)
        return;
    aut_msg_t msg = {.type = AUT_MSG_PROGRESS};
    msg.progress = (aut_msg_progress_t){.token = hold->token,
                                        .step = event->progress->step,
                                        .steps = event->progress->steps,
                                        .frame = event->progress->frame,
                                        .frames = event->progress->frames};
    if (event->progress->preview && !is_uploading (self)) {
        msg.progress.preview = event->progress->preview;
        msg.progress.preview_size = event->progress->preview_size;
    }
    ses_send_msg (self, &msg);
}

void ses_on_result (aut_session_t *self, worker_t *worker, const aut_session_event_t *event)
{
    hold_t *hold = running (self, worker, event->hold);
    if (!hold)
        return;
    worker->backoff = 0;
    if (hold->aborting) {
        hold->state = HOLD_FINISHED;
        ses_forget (self, hold);
    } else {
        hold->seconds = event->result->seconds;
        hold->peak_bytes = event->result->peak_bytes;
        hold->tries = 0;
        ses_upload (self, hold);
    }
    free_worker (self, worker);
}

void ses_on_task_failed (aut_session_t *self, worker_t *worker, const aut_session_event_t *event)
{
    hold_t *hold = running (self, worker, event->hold);
    if (!hold)
        return;
    if (hold->aborting)
        ses_forget (self, hold);
    else
        ses_fail_hold (self, hold, event->code, event->text);
    free_worker (self, worker);
}

/*  Transfers */

/*  What passes by itself: a broker that is away, or whose disk somebody will clear. A result waits
 *  for that, as making it anew costs more; but a fetch fails for our own disk, and another node's
 *  may have room. */
static bool passes (int code, bool fetch)
{
    return code == AUT_ERR_UNREACHABLE || code == AUT_ERR_TIMEOUT || code == AUT_ERR_AGAIN ||
           code == AUT_ERR_CANCELLED || (code == AUT_ERR_NO_SPACE && !fetch);
}

static void transfer_failed (aut_session_t *self, hold_t *hold, const aut_session_event_t *event)
{
    bool fetch = event->type == AUT_SESSION_FETCH_FAILED;
    if (!passes (event->code, fetch) && ++hold->tries >= TRANSFER_TRIES) {
        ses_fail_hold (self, hold, event->code, event->text);
        return;
    }
    int64_t wait = (int64_t)RETRY_MS << (hold->tries < 6 ? hold->tries : 6);
    hold->due = self->now + ses_jitter (self, wait < RETRY_MAX_MS ? wait : RETRY_MAX_MS);
    ses_log (hold, AUT_LOG_WARN, "a transfer will be tried again: %s", event->text);
}

void ses_on_transfer (aut_session_t *self, const aut_session_event_t *event)
{
    hold_t *hold = ses_find_hold (self, event->hold);
    bool fetch = event->type == AUT_SESSION_FETCHED || event->type == AUT_SESSION_FETCH_FAILED;
    if (!hold || hold->state != (fetch ? HOLD_FETCHING : HOLD_UPLOADING) || hold->due)
        return;
    worker_t *worker = &self->workers[hold->worker];
    switch (event->type) {
    case AUT_SESSION_FETCHED:
        hold->state = HOLD_QUEUED;
        if (worker->failed_starts >= START_TRIES)
            fail_queued (self, worker, "it ended at once several times; see the node's log");
        ses_schedule (self, worker);
        break;
    case AUT_SESSION_UPLOADED:
        hold->state = HOLD_FINISHED;
        hold->refs = *event->refs;
        ses_log (hold, AUT_LOG_DEBUG, "done, took %.1f s", hold->seconds);
        hold->due = self->now + SES_REPEAT_MS;
        ses_tell (self, hold);
        break;
    default:
        transfer_failed (self, hold, event);
        break;
    }
}
