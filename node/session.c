/*  See session.h. Everything the node says about a hold is idempotent, so the rule for every doubt
 *  (a broker that was away, an answer that did not come) is to say it again. */
#include "node/session_internal.h"

#include "lib/core/error.h"
#include "lib/core/log.h"
#include "lib/core/mem.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/*  Time */

static void tick_hold (aut_session_t *self, hold_t *hold)
{
    if (!hold->due || self->now < hold->due)
        return;
    worker_t *worker = &self->workers[hold->worker];
    switch (hold->state) {
    case HOLD_RUNNING:
        if (!hold->aborting)
            hold->overdue = true;
        hold->due = 0;
        ses_kill_worker (self, worker);
        break;
    case HOLD_FETCHING:
        hold->due = 0;
        ses_act (self, AUT_ACT_FETCH, 0, hold->id);
        break;
    case HOLD_UPLOADING:
        ses_upload (self, hold);
        break;
    case HOLD_FINISHED: /* no ACK: perhaps a blob is missing there, and finding out is cheap */
        hold->due = self->now + SES_REPEAT_MS;
        if (self->online && hold->confirmed)
            ses_upload (self, hold);
        break;
    case HOLD_FAILED:
        hold->due = self->now + SES_REPEAT_MS;
        ses_tell (self, hold);
        break;
    case HOLD_QUEUED:
        break;
    }
}

static void tick_workers (aut_session_t *self)
{
    for (size_t i = 0; i < self->options.worker_count; i++) {
        worker_t *worker = &self->workers[i];
        if (worker->state == WORKER_DOWN && self->now >= worker->start_at && !self->draining)
            ses_start_worker (self, worker);
        else if (worker->state == WORKER_STARTING && self->now >= worker->start_at)
            ses_kill_worker (self, worker);
    }
}

/*  Draining */

/*  Gives back what has not begun; with `all` also what runs. */
static void release_holds (aut_session_t *self, bool all)
{
    for (size_t i = self->hold_count; i-- > 0;) {
        hold_t *hold = self->holds[i];
        bool waits = hold->state == HOLD_FETCHING || hold->state == HOLD_QUEUED;
        bool runs = hold->state == HOLD_RUNNING;
        if (!waits && !(all && runs))
            continue;
        if (!hold->aborting)
            ses_release (self, &hold->token);
        if (runs) {
            ses_log (hold, AUT_LOG_INFO, "given back unfinished");
            self->workers[hold->worker].hold = 0;
            ses_kill_worker (self, &self->workers[hold->worker]);
        }
        ses_forget (self, hold);
    }
}

/*  A second drain can only be in more of a hurry. */
static void on_drain (aut_session_t *self, int64_t within_ms)
{
    bool at_once = within_ms < 0;
    int64_t drain_at = self->now + (at_once ? 0 : within_ms);
    int64_t flush_at = at_once ? self->now : drain_at + self->options.flush_ms;
    if (!self->draining || drain_at < self->drain_at)
        self->drain_at = drain_at;
    if (!self->draining || flush_at < self->flush_at)
        self->flush_at = flush_at;
    self->draining = true;
    release_holds (self, false);
}

static void check_drain (aut_session_t *self)
{
    if (!self->draining || self->exited)
        return;
    if (self->now >= self->drain_at)
        release_holds (self, true);
    if (self->hold_count && self->now < self->flush_at)
        return;
    ses_send_msg (self, &(aut_msg_t){.type = AUT_MSG_BYE});
    self->exited = true;
    ses_act (self, AUT_ACT_EXIT, 0, 0);
}

/*  The interface */

static void on_tick (aut_session_t *self)
{
    ses_tick_link (self);
    for (size_t i = 0; i < self->hold_count; i++)
        tick_hold (self, self->holds[i]);
    tick_workers (self);
}

static void on_start (aut_session_t *self)
{
    for (size_t i = 0; i < self->options.worker_count; i++)
        ses_start_worker (self, &self->workers[i]);
    ses_say_hello (self);
}

/*  The strings were copied here, so dropping the const of the borrowed view is right. */
static void free_text (const char *text)
{
    union {
        const char *in;
        char *out;
    } view = {.in = text};
    free (view.out);
}

static void free_models (aut_msg_worker_t *info)
{
    for (size_t m = 0; m < info->model_count; m++)
        free_text (info->models[m]);
    free ((void *)info->models);
}

static void copy_models (aut_msg_worker_t *to, const aut_msg_worker_t *from)
{
    const char **models = aut_calloc (from->model_count + 1, sizeof *models);
    for (size_t i = 0; i < from->model_count; i++)
        models[i] = aut_strdup (from->models[i]);
    to->models = models;
    to->model_count = from->model_count;
}

/*  What is assigned already stays: the worker itself says if it cannot run it any more. */
static void on_offer (aut_session_t *self, const aut_session_event_t *event)
{
    for (size_t i = 0; i < event->worker_count; i++) {
        worker_t *worker = ses_find_worker (self, event->workers[i].id);
        if (!worker)
            continue;
        free_models (&worker->info);
        copy_models (&worker->info, &event->workers[i]);
    }
    if (self->online)
        ses_say_hello (self);
    else
        self->offer_due = true;
}

void aut_session_step (aut_session_t *self, const aut_session_event_t *event, int64_t now_ms)
{
    self->now = now_ms;
    if (self->exited)
        return;
    worker_t *worker = ses_find_worker (self, event->worker);
    switch (event->type) {
    case AUT_SESSION_START:
        on_start (self);
        break;
    case AUT_SESSION_MESSAGE:
        ses_on_message (self, event->message);
        break;
    case AUT_SESSION_WORKER_UP:
        if (worker)
            ses_worker_up (self, worker);
        break;
    case AUT_SESSION_WORKER_DOWN:
        if (worker)
            ses_worker_down (self, worker, event->text ? event->text : "");
        break;
    case AUT_SESSION_PROGRESS:
        ses_on_progress (self, worker, event);
        break;
    case AUT_SESSION_RESULT:
        ses_on_result (self, worker, event);
        break;
    case AUT_SESSION_TASK_FAILED:
        ses_on_task_failed (self, worker, event);
        break;
    case AUT_SESSION_FETCHED:
    case AUT_SESSION_FETCH_FAILED:
    case AUT_SESSION_UPLOADED:
    case AUT_SESSION_UPLOAD_FAILED:
        ses_on_transfer (self, event);
        break;
    case AUT_SESSION_OFFER:
        on_offer (self, event);
        break;
    case AUT_SESSION_DRAIN:
        on_drain (self, event->within_ms);
        break;
    case AUT_SESSION_TICK:
        on_tick (self);
        break;
    }
    check_drain (self);
}

static void sooner (int64_t *due, int64_t at)
{
    if (at < *due)
        *due = at;
}

int64_t aut_session_deadline (const aut_session_t *self)
{
    int64_t due = self->online ? self->ping_at : self->hello_at;
    if (self->draining)
        sooner (&due, self->now < self->drain_at ? self->drain_at : self->flush_at);
    for (size_t i = 0; i < self->hold_count; i++)
        if (self->holds[i]->due)
            sooner (&due, self->holds[i]->due);
    for (size_t i = 0; i < self->options.worker_count && !self->draining; i++)
        if (self->workers[i].state == WORKER_DOWN || self->workers[i].state == WORKER_STARTING)
            sooner (&due, self->workers[i].start_at);
    return due;
}

size_t aut_session_holds (const aut_session_t *self)
{
    return self->hold_count;
}

bool aut_session_online (const aut_session_t *self)
{
    return self->online;
}

bool aut_session_takes_work (const aut_session_t *self)
{
    return self->online && !self->draining;
}

static void copy_worker (aut_msg_worker_t *to, const aut_msg_worker_t *from)
{
    *to = *from;
    to->device = aut_strdup (from->device);
    to->class_ = aut_strdup (from->class_);
    copy_models (to, from);
}

static void set_defaults (aut_session_options_t *options)
{
    size_t credit = 0;
    for (size_t i = 0; i < options->worker_count; i++)
        credit += options->workers[i].credit;
    if (!options->hold_max)
        options->hold_max = (uint32_t)(4 * credit);
    if (options->hold_max > AUT_HELD_MAX)
        options->hold_max = AUT_HELD_MAX;
    options->hang_ms = options->hang_ms ? options->hang_ms : 300000;
    options->load_ms = options->load_ms ? options->load_ms : 900000;
    options->cancel_ms = options->cancel_ms ? options->cancel_ms : 5000;
    options->flush_ms = options->flush_ms ? options->flush_ms : 2000;
}

aut_session_t *aut_session_new (const aut_session_options_t *options, aut_session_act_fn fn,
                                void *ctx)
{
    aut_session_t *self = aut_calloc (1, sizeof *self);
    self->options = *options;
    set_defaults (&self->options);
    self->options.name = aut_strdup (options->name);
    self->options.version = aut_strdup (options->version);
    self->options.workers = NULL;
    self->act = fn;
    self->ctx = ctx;
    self->random = options->seed ? options->seed : 0x9e3779b97f4a7c15u;
    self->ping_ms = 1000;
    self->workers = aut_calloc (options->worker_count + 1, sizeof *self->workers);
    for (size_t i = 0; i < options->worker_count; i++)
        copy_worker (&self->workers[i].info, &options->workers[i]);
    self->holds = aut_calloc (self->options.hold_max + 1, sizeof (hold_t *));
    return self;
}

void aut_session_destroy (aut_session_t **self_p)
{
    aut_session_t *self = *self_p;
    if (!self)
        return;
    *self_p = NULL;
    for (size_t i = 0; i < self->hold_count; i++)
        ses_free_hold (self->holds[i]);
    for (size_t i = 0; i < self->options.worker_count; i++) {
        aut_msg_worker_t *info = &self->workers[i].info;
        free_models (info);
        free_text (info->device);
        free_text (info->class_);
    }
    free (self->holds);
    free (self->workers);
    free_text (self->options.name);
    free_text (self->options.version);
    free (self);
}
