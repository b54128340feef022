/*  The judge: what messages say, against what is durable. */
#include "tests/sim/oracle_internal.h"

#include "lib/core/epoch.h"
#include "lib/core/error.h"
#include "lib/core/mem.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

oracle_t *oracle_new (const oracle_config_t *config)
{
    oracle_t *self = aut_calloc (1, sizeof *self);
    self->config = *config;
    return self;
}

void oracle_destroy (oracle_t **self_p)
{
    oracle_t *self = *self_p;
    if (!self)
        return;
    for (size_t i = 0; i < self->job_count; i++)
        free (self->jobs[i].tasks);
    free (self->jobs);
    free (self->talks);
    free (self->results);
    free (self);
    *self_p = NULL;
}

void ora_complain (oracle_t *self, const char *format, ...)
{
    char text[400];
    va_list args;
    if (self->complained)
        return;
    self->complained = true;
    va_start (args, format);
    vsnprintf (text, sizeof text, format, args);
    va_end (args);
    self->config.complain (self->config.ctx, text);
}

/* ---- finding ---- */

ora_job_t *ora_job (const oracle_t *self, uint64_t id)
{
    for (size_t i = 0; i < self->job_count; i++)
        if (self->jobs[i].id == id)
            return &self->jobs[i];
    return NULL;
}

ora_task_t *ora_task (const oracle_t *self, uint64_t id, ora_job_t **job)
{
    for (size_t i = 0; i < self->job_count; i++)
        if (id >= self->jobs[i].first && id < self->jobs[i].first + self->jobs[i].count) {
            if (job)
                *job = &self->jobs[i];
            return &self->jobs[i].tasks[id - self->jobs[i].first];
        }
    return NULL;
}

static ora_job_t *job_named (const oracle_t *self, const char *name)
{
    return name[0] == 'j' ? ora_job (self, strtoull (name + 1, NULL, 10)) : NULL;
}

uint64_t oracle_job_of (const oracle_t *self, uint64_t task)
{
    ora_job_t *job = NULL;
    return ora_task (self, task, &job) ? job->id : 0;
}

static ora_talk_t *talk_on (const oracle_t *self, uint32_t conn)
{
    for (size_t i = self->talk_count; i-- > 0;)
        if (self->talks[i].conn == conn)
            return &self->talks[i];
    return NULL;
}

ora_talk_t *ora_talk (const oracle_t *self, uint64_t epoch, const uint8_t *instance)
{
    for (size_t i = self->talk_count; i-- > 0;)
        if (self->talks[i].epoch == epoch && !memcmp (self->talks[i].instance, instance, 16))
            return &self->talks[i];
    return NULL;
}

const ora_worker_t *ora_worker (const ora_talk_t *talk, const char *device)
{
    for (uint32_t i = 0; i < talk->worker_count; i++)
        if (!strcmp (talk->workers[i].device, device))
            return &talk->workers[i];
    return NULL;
}

bool ora_fits (const ora_worker_t *worker, const ora_task_t *task)
{
    bool model = false;
    for (uint32_t i = 0; i < worker->model_count; i++)
        model |= !strcmp (worker->models[i], task->model);
    return model && worker->memory >= task->memory &&
           (!task->class_[0] || !strcmp (task->class_, worker->class_));
}

ora_claim_t *ora_claim (ora_task_t *task, uint32_t attempt, uint64_t epoch, const uint8_t *instance,
                        bool make)
{
    for (uint32_t i = 0; i < task->claim_count; i++)
        if (task->claims[i].attempt == attempt && task->claims[i].epoch == epoch &&
            !memcmp (task->claims[i].instance, instance, 16))
            return &task->claims[i];
    if (!make || task->claim_count == ORA_CLAIMS)
        return NULL;
    ora_claim_t *claim = &task->claims[task->claim_count++];
    *claim = (ora_claim_t){.attempt = attempt, .epoch = epoch};
    memcpy (claim->instance, instance, 16);
    return claim;
}

static const ora_token_t *leased_once (const ora_task_t *task, uint32_t attempt, uint64_t epoch)
{
    for (uint32_t i = 0; i < task->token_count; i++)
        if (task->tokens[i].attempt == attempt && task->tokens[i].epoch == epoch)
            return &task->tokens[i];
    return NULL;
}

static ora_request_t *request_of (oracle_t *self, uint32_t conn, uint64_t req)
{
    for (uint32_t i = 0; i < ORA_REQUESTS; i++)
        if (self->requests[i].conn == conn && self->requests[i].req == req)
            return &self->requests[i];
    return NULL;
}

void ora_check_blob (oracle_t *self, const aut_ref_t *ref, const char *what, uint64_t task)
{
    size_t size;
    const uint8_t *bytes = self->config.blob (self->config.ctx, &ref->hash, &size);
    aut_hash_t hash = bytes ? aut_hash_of (bytes, size) : (aut_hash_t){{0}};
    if (!bytes || size != ref->size)
        ora_complain (self, "the %s of t%" PRIu64 " is not in the store", what, task);
    else if (!aut_hash_equal (&hash, &ref->hash))
        ora_complain (self, "the %s of t%" PRIu64 " does not match its name", what, task);
}

/* ---- brokers ---- */

void oracle_opened (oracle_t *self, int64_t now, uint64_t epoch)
{
    self->now = now;
    if (self->epoch && !aut_epoch_earlier (self->epoch, epoch))
        ora_complain (self, "the epoch was not raised when the store was opened");
    self->epoch = epoch;
}

void oracle_broker_ended (oracle_t *self, uint64_t epoch, int code)
{
    if (code != AUT_ERR_FENCED || epoch == self->epoch)
        ora_complain (self, "a broker ended by itself: %s: %s", aut_error_text (code),
                      aut_error_detail ());
}

static ora_talk_t *talk_add (oracle_t *self, uint32_t conn)
{
    self->talks =
        aut_grow (self->talks, &self->talk_cap, self->talk_count + 1, sizeof *self->talks);
    ora_talk_t *talk = &self->talks[self->talk_count++];
    *talk = (ora_talk_t){.conn = conn};
    return talk;
}

/*  What was sent on it may still be taken in. */
void oracle_conn_closed (oracle_t *self, uint32_t conn)
{
    ora_talk_t *talk = talk_on (self, conn);
    if (!talk)
        talk = talk_add (self, conn);
    talk->closed = true;
}

void oracle_damaged (oracle_t *self)
{
    self->damaged = true;
}

void oracle_queue (oracle_t *self, const char *what, size_t count, size_t bound)
{
    if (count > bound)
        ora_complain (self, "%zu entries wait in %s, whose bound is %zu", count, what, bound);
}

bool oracle_blob_used (const oracle_t *self, const aut_hash_t *name)
{
    for (size_t i = 0; i < self->job_count; i++)
        for (uint32_t k = 0; k < self->jobs[i].count; k++) {
            const ora_task_t *task = &self->jobs[i].tasks[k];
            if (task->results &&
                (aut_hash_equal (&task->tail, name) || aut_hash_equal (&task->mezzanine, name)))
                return true;
        }
    return false;
}

/* ---- what a broker takes in ---- */

static void note_workers (ora_talk_t *talk, const aut_msg_hello_t *hello)
{
    talk->worker_count = 0;
    for (size_t i = 0; i < hello->worker_count && i < ORA_WORKERS; i++) {
        const aut_msg_worker_t *from = &hello->workers[i];
        ora_worker_t *to = &talk->workers[talk->worker_count++];
        *to = (ora_worker_t){.id = from->id, .credit = from->credit, .memory = from->memory};
        snprintf (to->device, sizeof to->device, "%s", from->device);
        snprintf (to->class_, sizeof to->class_, "%s", from->class_);
        for (size_t m = 0; m < from->model_count && m < 4; m++)
            snprintf (to->models[to->model_count++], sizeof to->models[0], "%s", from->models[m]);
    }
}

static bool offers (const ora_talk_t *talk, const ora_task_t *task)
{
    for (uint32_t w = 0; w < talk->worker_count; w++)
        for (uint32_t m = 0; m < talk->workers[w].model_count; m++)
            if (!strcmp (talk->workers[w].models[m], task->model))
                return true;
    return false;
}

static void takes_hello (oracle_t *self, uint64_t epoch, uint32_t conn,
                         const aut_msg_hello_t *hello)
{
    ora_talk_t *talk = talk_on (self, conn);
    if (!talk || !talk->epoch) {
        const ora_talk_t *before = ora_talk (self, epoch, hello->instance);
        ora_talk_t old = before ? *before : (ora_talk_t){0};
        if (!talk)
            talk = talk_add (self, conn);
        talk->epoch = epoch; /* the same process, it may be, on another connection */
        memcpy (talk->name, old.name, sizeof talk->name);
        talk->drained = old.drained;
        talk->asked = old.asked;
    }
    if (hello->held_count > self->config.max_holds)
        ora_complain (self, "%s holds %zu attempts, its bound is %u", hello->name,
                      hello->held_count, self->config.max_holds);
    memcpy (talk->instance, hello->instance, 16);
    note_workers (talk, hello);
    talk->held_count = 0;
    for (size_t i = 0; i < hello->held_count && i < ORA_HELD; i++) {
        const aut_msg_held_t *held = &hello->held[i];
        const ora_task_t *task = ora_task (self, held->task, NULL);
        talk->held[talk->held_count++] = (ora_held_t){
            held->task, held->epoch, held->attempt,
            task && offers (talk, task) && task->state == ORA_LEASED &&
                task->attempt == held->attempt && !memcmp (task->instance, hello->instance, 16) &&
                !talk->hellos && aut_epoch_same_broker (held->epoch, epoch)};
    }
    talk->hellos++;
    talk->hello_after = self->durables;
    talk->welcomed = talk->released = talk->idle = false;
}

/*  Whether the node has just said, in a HELLO whose consequences are not durable yet, that it does
 * not hold this attempt: then the broker may have let it go before its failure came. */
static bool just_let_go (const oracle_t *self, const ora_talk_t *talk, const aut_token_t *token)
{
    if (!talk->hellos || talk->hello_after != self->durables)
        return false;
    for (size_t i = 0; i < talk->held_count; i++)
        if (talk->held[i].task == token->task && talk->held[i].attempt == token->attempt)
            return false;
    return true;
}

static void takes_word (oracle_t *self, ora_talk_t *talk, const aut_msg_t *msg)
{
    const aut_token_t *token = &msg->ack.token;
    ora_task_t *task = ora_task (self, token->task, NULL);
    ora_claim_t *claim =
        task ? ora_claim (task, token->attempt, token->epoch, talk->instance, true) : NULL;
    if (msg->type == AUT_MSG_RELEASE)
        talk->released = true;
    if (!claim)
        return;
    claim->taken = talk->epoch;
    if (msg->type == AUT_MSG_DONE) {
        claim->done = true;
        claim->mezzanine = msg->done.mezzanine.hash;
    } else if (msg->type == AUT_MSG_RELEASE) {
        claim->released = true;
    } else if (msg->type == AUT_MSG_FAIL) {
        bool current = task->state == ORA_LEASED && task->attempt == token->attempt &&
                       task->epoch == token->epoch && !memcmp (task->instance, talk->instance, 16);
        if (current && !claim->failed && !just_let_go (self, talk, token) &&
            aut_error_code (msg->fail.code) != AUT_ERR_DEVICE_MEMORY) {
            task->failed_at = self->now;
            claim->counts = true;
        }
        claim->failed = true;
    }
}

static void takes_request (oracle_t *self, uint32_t conn, const aut_msg_t *msg)
{
    ora_request_t *request = &self->requests[self->request_count++ % ORA_REQUESTS];
    *request = (ora_request_t){
        .conn = conn, .req = msg->ok.req, .type = msg->type, .after = self->durables};
    const char *text = msg->type == AUT_MSG_SUBMIT  ? msg->submit.idempotency
                       : msg->type == AUT_MSG_DRAIN ? msg->drain.node
                                                    : msg->cancel.job;
    snprintf (request->text, sizeof request->text, "%s", text ? text : "");
    if (msg->type == AUT_MSG_SUBMIT)
        request->submission = msg->submit.submission.hash;
    for (size_t i = 0; msg->type == AUT_MSG_DRAIN && i < self->talk_count; i++)
        self->talks[i].asked |= !strcmp (self->talks[i].name, request->text);
}

void oracle_broker_takes (oracle_t *self, int64_t now, uint64_t epoch, uint32_t conn,
                          const uint8_t *bytes, size_t size)
{
    aut_msg_t msg = {0};
    ora_talk_t *talk = talk_on (self, conn);
    self->now = now;
    if (talk && now - talk->heard > self->config.silent_ms / 2)
        talk->welcomed = false; /* it may count as lost, until its next HELLO */
    if (aut_msg_decode (&msg, bytes, AUT_HEAD_SIZE, bytes + AUT_HEAD_SIZE, size - AUT_HEAD_SIZE)) {
        ora_complain (self, "a message on the way to the broker is none");
        aut_msg_clear (&msg);
        return;
    }
    if (msg.type == AUT_MSG_HELLO)
        takes_hello (self, epoch, conn, &msg.hello);
    else if (msg.type == AUT_MSG_SUBMIT || msg.type == AUT_MSG_CANCEL ||
             msg.type == AUT_MSG_RETRY || msg.type == AUT_MSG_DRAIN)
        takes_request (self, conn, &msg);
    else if (talk && msg.type == AUT_MSG_BYE)
        talk->left = true;
    else if (talk && msg.type >= AUT_MSG_STARTED && msg.type <= AUT_MSG_RELEASE)
        takes_word (self, talk, &msg);
    talk = talk_on (self, conn);
    if (talk)
        talk->heard = now;
    aut_msg_clear (&msg);
}

/* ---- what a broker says ---- */

/*  Whether a CANCEL of the job went into the same record as that HELLO: what was running is given
 * up, even if a RETRY in the same record lets it wait again. */
static bool cancelled_beside (const oracle_t *self, const ora_talk_t *talk, const ora_job_t *job)
{
    for (size_t i = 0; i < ORA_REQUESTS; i++) {
        const ora_request_t *request = &self->requests[i];
        if (request->type == AUT_MSG_CANCEL && request->after == talk->hello_after &&
            job_named (self, request->text) == job)
            return true;
    }
    return false;
}

static void says_welcome (oracle_t *self, uint64_t epoch, ora_talk_t *talk,
                          const aut_msg_welcome_t *welcome)
{
    if (welcome->epoch != epoch)
        ora_complain (self, "a WELCOME names another epoch than its broker's");
    snprintf (talk->name, sizeof talk->name, "%s", welcome->name);
    if (talk->hellos)
        talk->hellos--;
    talk->welcomed = !talk->hellos;
    for (uint32_t i = 0; talk->welcomed && epoch == self->epoch && i < talk->held_count; i++) {
        ora_held_t *held = &talk->held[i];
        ora_job_t *job = NULL;
        ora_task_t *task = ora_task (self, held->task, &job);
        const ora_claim_t *claim =
            task ? ora_claim (task, held->attempt, held->epoch, talk->instance, false) : NULL;
        if (held->must_go_on && task && task->state == ORA_WAITS &&
            task->attempt == held->attempt && !(claim && (claim->failed || claim->released)) &&
            !cancelled_beside (self, talk, job))
            ora_complain (self, "t%" PRIu64 " was given up although its node still has it",
                          task->id);
        held->must_go_on = false;
    }
}

static void says_assign (oracle_t *self, uint64_t epoch, const ora_talk_t *talk,
                         const aut_msg_assign_t *assign)
{
    const aut_token_t *token = &assign->token;
    const ora_task_t *task = ora_task (self, token->task, NULL);
    const ora_token_t *lease = task ? leased_once (task, token->attempt, token->epoch) : NULL;
    const ora_task_t *before = task && task->before ? ora_task (self, task->before, NULL) : NULL;
    if (!lease || token->epoch != epoch)
        ora_complain (self,
                      "t%" PRIu64 ", attempt %u, is assigned, but that lease was never "
                      "durable",
                      token->task, token->attempt);
    else if (!talk || memcmp (lease->instance, talk->instance, 16) != 0)
        ora_complain (self, "t%" PRIu64 " is assigned to another node than the one it is leased to",
                      token->task);
    else if (before && (!before->results || !assign->input_count ||
                        !aut_hash_equal (&assign->inputs[0].ref.hash, &before->tail)))
        ora_complain (self, "t%" PRIu64 " is assigned with another tail than the committed one",
                      token->task);
}

static void says_ack (oracle_t *self, ora_talk_t *talk, const aut_token_t *token)
{
    ora_task_t *task = ora_task (self, token->task, NULL);
    const ora_claim_t *claim =
        task && talk ? ora_claim (task, token->attempt, token->epoch, talk->instance, false) : NULL;
    if (!task) {
        ora_complain (self, "t%" PRIu64 " is acknowledged, which is no task", token->task);
        return;
    }
    if (task->state == ORA_LEASED && task->attempt == token->attempt && task->epoch == token->epoch)
        ora_complain (self, "t%" PRIu64 ", attempt %u, is acknowledged before that is durable",
                      token->task, token->attempt);
    else if (claim && claim->done && !claim->failed && !claim->released &&
             (task->state != ORA_DONE || task->attempt != token->attempt))
        ora_complain (self, "the result of t%" PRIu64 " is acknowledged, but not durable",
                      token->task);
    if (claim && claim->released)
        talk->idle = true;
    if (claim && claim->counts && task->acked_attempt < token->attempt &&
        task->retried < token->attempt) {
        task->acked_attempt = token->attempt;
        task->acked_failures++;
    }
}

static void says_submitted (oracle_t *self, uint32_t conn, const aut_msg_submitted_t *submitted)
{
    const ora_job_t *job = job_named (self, submitted->job);
    const ora_request_t *request = request_of (self, conn, submitted->req);
    if (!job)
        ora_complain (self, "%s is accepted, but not durable", submitted->job);
    else if (request && (strcmp (request->text, job->key) != 0 ||
                         !aut_hash_equal (&request->submission, &job->submission)))
        ora_complain (self, "%s is told to a client that submitted something else", submitted->job);
}

static void says_ok (oracle_t *self, uint64_t epoch, uint32_t conn, uint64_t req)
{
    const ora_request_t *request = request_of (self, conn, req);
    if (!request)
        return;
    const ora_job_t *job = job_named (self, request->text);
    if (request->type == AUT_MSG_CANCEL && (!job || !job->was_cancelled))
        ora_complain (self, "%s is said to be cancelled, but that is not durable", request->text);
    for (size_t i = 0; request->type == AUT_MSG_DRAIN && i < self->talk_count; i++)
        if (self->talks[i].epoch == epoch && !strcmp (self->talks[i].name, request->text) &&
            self->talks[i].welcomed && !self->talks[i].closed && !self->talks[i].left)
            self->talks[i].drained = true;
}

static const char *const state_names[] = {"", "ready", "leased", "done", "failed", "cancelled"};

static void says_results (oracle_t *self, const aut_msg_results_page_t *page)
{
    static const char *const jobs[] = {"queued", "running", "done", "failed", "cancelled"};
    const ora_job_t *job = job_named (self, page->job);
    if (!job || strcmp (jobs[job->state], page->state) != 0) {
        ora_complain (self, "%s is said to be %s, which is not what is durable", page->job,
                      page->state);
        return;
    }
    for (size_t i = 0; i < page->item_count; i++) {
        const aut_msg_result_t *item = &page->items[i];
        if (item->ordinal < 1 || item->ordinal > job->count) {
            ora_complain (self, "a result of %s that it does not have", page->job);
            return;
        }
        const ora_task_t *task = &job->tasks[item->ordinal - 1];
        if (strcmp (state_names[task->state], item->state) != 0 ||
            (task->state == ORA_DONE && !aut_hash_equal (&task->mezzanine, &item->mezzanine.hash)))
            ora_complain (self, "t%" PRIu64 " is told as %s, which is not what is durable",
                          task->id, item->state);
    }
}

static void says_token (oracle_t *self, uint64_t epoch, ora_talk_t *talk, const aut_msg_t *msg)
{
    const ora_task_t *task = ora_task (self, msg->ack.token.task, NULL);
    if (msg->type == AUT_MSG_ADOPT) {
        if (!task || msg->adopt.new_epoch != epoch ||
            !leased_once (task, msg->adopt.token.attempt, epoch))
            ora_complain (self, "t%" PRIu64 " is adopted, but that is not durable",
                          msg->adopt.token.task);
        return;
    }
    if (epoch == self->epoch && task && talk && task->state == ORA_LEASED &&
        task->attempt == msg->abort.token.attempt && task->epoch == msg->abort.token.epoch &&
        !memcmp (task->instance, talk->instance, 16))
        ora_complain (self, "t%" PRIu64 " is aborted under its current token",
                      msg->abort.token.task);
    for (uint32_t i = 0; talk && i < talk->held_count; i++)
        if (talk->held[i].task == msg->abort.token.task)
            talk->held[i].must_go_on = false;
}

void oracle_broker_sends (oracle_t *self, int64_t now, uint64_t epoch, uint32_t conn,
                          const uint8_t *bytes, size_t size)
{
    aut_msg_t msg = {0};
    ora_talk_t *talk = talk_on (self, conn);
    self->now = now;
    if (aut_msg_decode (&msg, bytes, AUT_HEAD_SIZE, bytes + AUT_HEAD_SIZE, size - AUT_HEAD_SIZE))
        ora_complain (self, "the broker sends what is no message");
    else if (msg.type == AUT_MSG_WELCOME && talk)
        says_welcome (self, epoch, talk, &msg.welcome);
    else if (msg.type == AUT_MSG_ASSIGN)
        says_assign (self, epoch, talk, &msg.assign);
    else if (msg.type == AUT_MSG_ACK)
        says_ack (self, talk, &msg.ack.token);
    else if (msg.type == AUT_MSG_ADOPT || msg.type == AUT_MSG_ABORT)
        says_token (self, epoch, talk, &msg);
    else if (msg.type == AUT_MSG_SUBMITTED)
        says_submitted (self, conn, &msg.submitted);
    else if (msg.type == AUT_MSG_OK)
        says_ok (self, epoch, conn, msg.ok.req);
    else if (msg.type == AUT_MSG_RESULTS_PAGE)
        says_results (self, &msg.results_page);
    if (msg.type == AUT_MSG_ACK || msg.type == AUT_MSG_ABORT)
        ora_answered (self, talk, &msg.ack.token);
    aut_msg_clear (&msg);
}

/* ---- the end ---- */

bool ora_ended (const ora_job_t *job)
{
    return job->state >= ORA_JOB_DONE;
}

bool oracle_all_ended (oracle_t *self)
{
    for (size_t i = 0; i < self->job_count; i++)
        if (!ora_ended (&self->jobs[i]))
            return false;
    return true;
}

/*  Files are lost for good only where one was damaged. */
static void check_reason (oracle_t *self, const ora_job_t *job)
{
    for (uint32_t k = 0; k < job->count && !self->damaged; k++) {
        const char *code = job->tasks[k].code;
        if (job->tasks[k].state == ORA_FAILED &&
            (!strcmp (code, "not-found") || !strcmp (code, "corrupt")))
            ora_complain (self, "t%" PRIu64 " failed for good with %s, and nothing was damaged",
                          job->tasks[k].id, code);
    }
}

void oracle_finish (oracle_t *self)
{
    static const char *const names[] = {"", "waits", "leased", "done", "failed", "cancelled"};
    for (size_t i = 0; i < self->job_count; i++) {
        const ora_job_t *job = &self->jobs[i];
        bool reason = job->state != ORA_JOB_FAILED;
        if (!reason)
            check_reason (self, job);
        for (uint32_t k = 0; k < job->count; k++) {
            const ora_task_t *task = &job->tasks[k];
            if (!ora_ended (job) && task->state < ORA_DONE)
                ora_complain (self,
                              "j%" PRIu64 " never ended: its t%" PRIu64 " is %s (attempt %u, %u "
                              "failures, memory %" PRIu64 ")",
                              job->id, task->id, names[task->state], task->attempt, task->failures,
                              task->memory);
            reason |= task->state == ORA_FAILED && task->code[0];
        }
        if (!ora_ended (job))
            ora_complain (self, "j%" PRIu64 " never ended", job->id);
        if (!reason)
            ora_complain (self, "j%" PRIu64 " failed without a reason", job->id);
    }
}
