/*  The loop: take what arrived → step the core → commit → send. The only thread that touches the
 *  core, and the only one that writes to the store.
 *
 *  A commit that the disk refuses is tried again until it works: nothing of its batch is sent
 * before, so nothing that was promised is lost. Meanwhile the loop answers queries, and new work is
 * refused by the sockets. A submission is a batch of its own, so that its refusal reaches its
 * client.
 */
#include "broker/internal.h"

#include "lib/core/error.h"
#include "lib/core/log.h"
#include "lib/core/mem.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

#define LOG "broker"
#define TICK_MS 1000 /* the loop goes round at least so often: health is judged by it */
#define RETRY_MIN_MS 50
#define RETRY_MAX_MS 2000

void aut_in_destroy (void *item)
{
    aut_in_t *in = item;
    if (!in)
        return;
    aut_msg_clear (&in->msg);
    aut_submission_destroy (&in->submission);
    free (in->result);
    free (in->workers);
    free (in->held);
    free (in);
}

void aut_in_offer (aut_in_t *self, aut_broker_t *broker, aut_live_pace_t *pace)
{
    const aut_msg_progress_t *told = &self->msg.progress;
    if (told->preview && aut_live_offer (broker->live, pace, told->preview, told->preview_size,
                                         aut_mono_ms (broker->clock), &self->event.u.task.preview))
        aut_refusals_note (broker->refusals, AUT_REFUSED_RESULT, aut_error_detail ());
    aut_msg_clear (&self->msg);
}

int64_t aut_broker_us (const aut_broker_t *self)
{
    return self->clock == aut_clock_system () ? zclock_usecs () : aut_mono_ms (self->clock) * 1000;
}

static void tick (aut_broker_t *self)
{
    __atomic_store_n (&self->tick_ms, aut_mono_ms (self->clock), __ATOMIC_RELAXED);
}

static bool stopping (aut_broker_t *self, int level)
{
    return __atomic_load_n (&self->stop, __ATOMIC_ACQUIRE) >= level;
}

static void answer_queries (aut_broker_t *self)
{
    void *items[64];
    size_t count = aut_mailbox_take (self->queries, items, 64);
    for (size_t i = 0; i < count; i++) {
        aut_query_t *query = items[i];
        aut_broker_answer (self, query);
        query->done (query, query->ctx);
    }
}

/*  Ends the loop: the store is not ours any more, or broken. */
static void fail (aut_broker_t *self, int code)
{
    aut_log (AUT_LOG_ERROR, LOG, "the broker stops: %s", aut_error_detail ());
    __atomic_store_n (&self->fault, code, __ATOMIC_RELEASE);
}

static bool worth_retrying (int code)
{
    return code == AUT_ERR_NO_SPACE || code == AUT_ERR_IO || code == AUT_ERR_AGAIN ||
           code == AUT_ERR_TIMEOUT || code == AUT_ERR_NOMEM;
}

static int commit_once (aut_broker_t *self, size_t count)
{
    __atomic_store_n (&self->in_commit, 1, __ATOMIC_RELAXED);
    int64_t begin = aut_broker_us (self);
    int rc = aut_store_commit (self->store, self->mutations, count);
    int64_t took = aut_broker_us (self) - begin;
    aut_batch_commit (&self->batch, took);
    aut_meter_add (&self->meters.commit, took);
    __atomic_add_fetch (&self->commit_us, (uint64_t)took, __ATOMIC_RELAXED);
    __atomic_add_fetch (&self->commits, 1, __ATOMIC_RELAXED);
    __atomic_store_n (&self->in_commit, 0, __ATOMIC_RELAXED);
    tick (self);
    return rc;
}

/*  Commits, trying again while the disk refuses; 0 or the code that ends the loop. */
static int commit (aut_broker_t *self, size_t count)
{
    int wait = RETRY_MIN_MS, rc;
    while ((rc = commit_once (self, count)) && worth_retrying (rc) && !stopping (self, 1)) {
        if (!__atomic_exchange_n (&self->store_error, rc, __ATOMIC_ACQ_REL))
            aut_log (AUT_LOG_ERROR, LOG, "cannot commit, no new work is taken until it works: %s",
                     aut_error_detail ());
        aut_mailbox_wait (self->queries, wait);
        answer_queries (self);
        wait = wait * 2 < RETRY_MAX_MS ? wait * 2 : RETRY_MAX_MS;
    }
    if (!rc && __atomic_exchange_n (&self->store_error, 0, __ATOMIC_ACQ_REL))
        aut_log (AUT_LOG_INFO, LOG, "commits work again");
    return rc;
}

/*  Commits what the core wants stored, then sends: never the other way round. */
static void flush (aut_broker_t *self)
{
    size_t count = aut_broker_mutations (self);
    int rc = count ? commit (self, count) : 0;
    if (rc)
        fail (self, rc);
    else
        aut_broker_perform (self);
    aut_core_actions_clear (&self->actions);
}

/*  Nodes that come and go; one that says goodbye is nothing to warn of. */
static void log_node (const aut_core_action_t *action, bool bye)
{
    aut_log_about_t about = {.node = action->u.node.name};
    bool lost = action->u.node.state == AUT_NODE_LOST;
    aut_log_about (lost && !bye ? AUT_LOG_WARN : AUT_LOG_INFO, LOG, &about, "node %s",
                   lost && bye ? "has left"
                   : lost      ? "is lost: it went silent"
                               : aut_node_state_text (action->u.node.state));
}

static int step (aut_broker_t *self, const aut_core_event_t *event)
{
    size_t from = self->actions.count;
    int rc = aut_core_step (self->core, event, aut_mono_ms (self->clock), &self->actions);
    for (size_t i = from; i < self->actions.count; i++)
        if (self->actions.items[i].kind == AUT_PUB_NODE)
            log_node (&self->actions.items[i], event->kind == AUT_EV_BYE);
    if (rc)
        aut_log (AUT_LOG_WARN, LOG, "event %s: %s", aut_core_event_text (event->kind),
                 aut_error_detail ());
    return rc;
}

static void reply_error (aut_broker_t *self, uint64_t reply, int code)
{
    aut_out_post (self->to_clients, aut_out_error (reply, code, aut_error_detail ()));
}

/*  Whether an action is about this job or one of its tasks. */
static bool concerns (const aut_core_action_t *action, const aut_store_job_t *of)
{
    uint64_t job = of->id;
    switch (action->kind) {
    case AUT_SEND_ABORT:
        return action->u.token.token.task - of->first_task < of->task_count;
    case AUT_MUT_JOB_INSERT:
        return action->u.insert.job == job;
    case AUT_MUT_JOB_STATE:
    case AUT_MUT_JOB_CANCEL:
    case AUT_MUT_JOB_RETRY:
    case AUT_PUB_JOB:
        return action->u.job.job == job;
    case AUT_MUT_TASK_LEASE:
        return action->u.lease.job == job;
    case AUT_MUT_TASK_WAIT:
        return action->u.wait.job == job;
    case AUT_MUT_TASK_CACHED:
        return action->u.cached.job == job;
    case AUT_MUT_TASK_FAILED:
        return action->u.failed.job == job;
    case AUT_SEND_ASSIGN:
        return action->u.assign.job == job;
    case AUT_PUB_TASK:
        return action->u.task.job == job;
    case AUT_SEND_SUBMITTED:
        return action->u.submitted.job == job;
    default:
        return false;
    }
}

/*  The store would not have the job: the core must forget it. Cancelling it there gives its leases
 *  back; whatever names the job is left out, and what remains goes on as usual. The core answers
 *  the cancel to reply 0, which nobody has. */
static void take_back (aut_broker_t *self, const aut_store_job_t *job)
{
    aut_core_event_t event = {.kind = AUT_EV_CANCEL, .u.job = {.job = job->id}};
    step (self, &event);
    aut_catalogue_remove (self->catalogue, job->id);
    size_t kept = 0;
    for (size_t i = 0; i < self->actions.count; i++)
        if (!concerns (&self->actions.items[i], job))
            self->actions.items[kept++] = self->actions.items[i];
    self->actions.count = kept;
    flush (self);
}

/*  A client's bound on jobs that have not ended. */
static int check_quota (aut_broker_t *self, const char *owner)
{
    aut_who_t who;
    aut_guard_who (self->guard, owner, &who);
    uint64_t jobs = who.max_jobs ? aut_catalogue_open_jobs (self->catalogue, owner) : 0;
    if (jobs < who.max_jobs || !who.max_jobs)
        return 0;
    return aut_fail (
        AUT_ERR_NO_SPACE,
        "%s has %llu jobs queued or running, and may have %llu: wait for one to end or "
        "cancel one (the bound is --max-jobs of auteur keys allow)",
        who.name, (unsigned long long)jobs, (unsigned long long)who.max_jobs);
}

static void submit (aut_broker_t *self, aut_in_t *in)
{
    const aut_submission_t *sub = in->submission;
    uint64_t reply = in->event.u.submit.reply, existing;
    flush (self);
    /* Once more: since the planner asked, another SUBMIT may have taken the key. */
    int known = aut_submission_known (self, sub->store.job.idempotency, &sub->store.job.submission,
                                      &existing);
    if (known) {
        reply_error (self, reply, known);
        return;
    }
    if (existing) {
        aut_out_post (self->to_clients, aut_out_submitted (reply, existing, true));
        return;
    }
    known = check_quota (self, sub->store.job.owner);
    if (known) {
        reply_error (self, reply, known);
        return;
    }
    if (step (self, &in->event)) {
        reply_error (self, reply, AUT_ERR_INVALID);
        return;
    }
    size_t count = aut_broker_mutations (self);
    int rc = count ? commit_once (self, count) : 0;
    if (!rc) {
        aut_broker_perform (self);
        aut_core_actions_clear (&self->actions);
    } else if (worth_retrying (rc)) {
        aut_fail_in (rc, "the job was not taken, as it cannot be stored; submit it again later");
        aut_log (AUT_LOG_ERROR, LOG, "%s", aut_error_detail ());
        reply_error (self, reply, rc);
        take_back (self, &sub->store.job);
    } else {
        fail (self, rc);
    }
}

/*  A retry makes a job that has ended one more of its owner's. */
static int check_retry (aut_broker_t *self, uint64_t job)
{
    const aut_entry_t *entry = aut_catalogue_find (self->catalogue, job);
    bool going = entry->state == AUT_STORE_JOB_QUEUED || entry->state == AUT_STORE_JOB_RUNNING;
    return going ? 0 : check_quota (self, entry->owner);
}

/*  Jobs that ended long ago are only in the store; a retry brings one back. */
static bool bring_back (aut_broker_t *self, const aut_core_event_t *event)
{
    aut_core_job_info_t info;
    uint64_t job = event->u.job.job;
    int rc = 0;
    if (!aut_catalogue_find (self->catalogue, job)) {
        /* The core may still remember one that could not be stored. */
        rc = aut_fail (AUT_ERR_NOT_FOUND, "there is no job j%llu", (unsigned long long)job);
    } else if (event->kind == AUT_EV_RETRY && (rc = check_retry (self, job))) {
        /* its detail says why */
    } else if (aut_core_job (self->core, job, &info)) {
        flush (self); /* how it ended may not be stored yet */
        rc = self->fault ? self->fault : aut_broker_restore_job (self, job);
    }
    if (rc)
        reply_error (self, event->u.job.reply, rc);
    return rc == 0;
}

/*  Pictures of running chunks. Which is whose is the core's to say: it has judged the token. */

static bool is_latest (void *ctx, uint64_t task, const aut_hash_t *hash)
{
    aut_core_task_info_t info;
    aut_broker_t *self = ctx;
    return aut_core_task (self->core, task, &info) == 0 && aut_hash_equal (&info.preview, hash);
}

static void keep_picture (aut_broker_t *self, const aut_core_event_t *event)
{
    const aut_hash_t *hash = &event->u.task.preview;
    if (!aut_hash_is_zero (hash) && is_latest (self, event->u.task.token.task, hash))
        aut_live_keep (self->live, event->u.task.token.task, hash);
}

static void forget_pictures (aut_broker_t *self)
{
    int64_t now = aut_mono_ms (self->clock);
    if (now - self->swept_ms < TICK_MS)
        return;
    self->swept_ms = now;
    aut_live_sweep (self->live, is_latest, self);
}

static void handle (aut_broker_t *self, aut_in_t *in)
{
    aut_core_event_kind_t kind = in->event.kind;
    void *slot;
    if (kind == AUT_EV_SUBMIT) {
        submit (self, in);
        aut_mailbox_take (self->planned, &slot, 1);
    } else if ((kind != AUT_EV_RETRY && kind != AUT_EV_CANCEL) || bring_back (self, &in->event)) {
        step (self, &in->event);
    }
    if (kind == AUT_EV_PROGRESS)
        keep_picture (self, &in->event);
    if (kind == AUT_EV_DONE || kind == AUT_EV_FAIL)
        aut_batch_back (&self->batch, in->event.u.task.token.task, in->at_us);
}

/*  Takes what is there; then, if tasks come back by themselves within the time of a commit, those
 *  that are on their way (batch.h). How many it took: at most the array's size. */
static size_t take_in (aut_broker_t *self, void **items)
{
    size_t count = 0, more;
    bool waited = false;
    do {
        more = aut_mailbox_take (self->inbox, items + count, AUT_BROKER_INBOX - count);
        for (size_t i = 0; i < more && !self->fault; i++)
            handle (self, items[count + i]);
        count += more;
        int64_t wait_us;
        size_t missing = self->actions.count && !(waited && !more)
                             ? aut_batch_missing (&self->batch, aut_broker_us (self), &wait_us)
                             : 0;
        if (!missing || self->fault || stopping (self, 1) || count == AUT_BROKER_INBOX)
            break;
        aut_mailbox_gather (self->inbox, missing, wait_us);
        waited = true;
    } while (true);
    return count;
}

/*  Nodes that only pinged: told before the time, so that a slow commit makes no node lost. */
static void hear (aut_broker_t *self)
{
    uint64_t *peers;
    size_t count = aut_peers_take (self->seen, &peers);
    for (size_t i = 0; i < count; i++) {
        aut_core_event_t event = {.kind = AUT_EV_PONG, .peer = peers[i]};
        step (self, &event);
    }
    free (peers);
}

/*  Fails the attempts that could not be handed out. */
static void fail_unfit (aut_broker_t *self)
{
    for (size_t i = 0; i < self->unfit_count; i++) {
        aut_unfit_t *unfit = &self->unfit[i];
        aut_core_event_t event = {.kind = AUT_EV_FAIL,
                                  .peer = unfit->peer,
                                  .u.task = {.token = unfit->token,
                                             .code = aut_error_text (unfit->code),
                                             .message = unfit->message}};
        step (self, &event);
        free (unfit->message);
    }
    self->unfit_count = 0;
}

static void wait_for_work (aut_broker_t *self)
{
    if (self->unfit_count)
        return;
    int64_t deadline = aut_core_deadline (self->core), now = aut_mono_ms (self->clock);
    int64_t wait = deadline - now < TICK_MS ? deadline - now : TICK_MS;
    struct pollfd fds[] = {{.fd = aut_mailbox_fd (self->inbox), .events = POLLIN},
                           {.fd = aut_mailbox_fd (self->queries), .events = POLLIN}};
    poll (fds, 2, wait < 0 ? 0 : (int)wait);
}

static bool drained (aut_broker_t *self)
{
    const aut_core_metrics_t *metrics = aut_core_metrics (self->core);
    return stopping (self, 2) || metrics->tasks[AUT_TASK_LEASED] == 0 ||
           aut_mono_ms (self->clock) >= self->stop_by_ms;
}

static void go_round (aut_broker_t *self, void **items)
{
    wait_for_work (self);
    tick (self);
    fail_unfit (self);
    size_t count = take_in (self, items);
    if (self->fault == 0) {
        hear (self);
        if (aut_mono_ms (self->clock) >= aut_core_deadline (self->core))
            step (self, &(aut_core_event_t){.kind = AUT_EV_TICK});
        flush (self);
        forget_pictures (self);
        answer_queries (self);
    }
    for (size_t i = 0; i < count; i++)
        aut_in_destroy (items[i]);
}

void *aut_loop_run (void *broker)
{
    aut_broker_t *self = broker;
    void **items = aut_calloc (AUT_BROKER_INBOX, sizeof *items);
    while (!self->fault && !(stopping (self, 1) && drained (self)))
        go_round (self, items);
    free (items);
    /* Whoever asked and is still waiting gets no answer from us: give the queries back empty. */
    aut_mailbox_close (self->inbox);
    aut_mailbox_close (self->planned);
    aut_mailbox_close (self->queries);
    void *query;
    while (aut_mailbox_take (self->queries, &query, 1) == 1)
        ((aut_query_t *)query)->done (query, ((aut_query_t *)query)->ctx);
    return NULL;
}
