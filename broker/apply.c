/*  What the core decided, carried out: its mutations in the store's terms, and after the commit the
 *  messages. Events are made before it and published after it (events.c). On the loop's thread. */
#include "broker/internal.h"

#include "lib/core/error.h"
#include "lib/core/log.h"
#include "lib/core/mem.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define LOG "broker"
#define POSTS 64 /* messages to nodes after which their thread is told */

/* ---- the catalogue -------------------------------------------------------------------------- */

static void add_to_catalogue (aut_broker_t *self, const aut_submission_t *sub)
{
    aut_entry_t *entry = aut_catalogue_add (self->catalogue, &sub->store.job, sub->store.shots);
    for (uint32_t i = 0; i < sub->store.job.task_count; i++)
        aut_entry_add_task (entry, i, sub->store.tasks[i].shot, AUT_STORE_WAITS);
    aut_entry_end (entry);
}

static void note_mutation (aut_broker_t *self, const aut_core_action_t *action)
{
    aut_entry_t *entry;
    switch (action->kind) {
    case AUT_MUT_JOB_INSERT:
        add_to_catalogue (self, action->u.insert.submit->cookie);
        break;
    case AUT_MUT_JOB_STATE:
    case AUT_MUT_JOB_CANCEL:
    case AUT_MUT_JOB_RETRY:
        entry = aut_catalogue_find (self->catalogue, action->u.job.job);
        if (entry)
            entry->state = action->kind == AUT_MUT_JOB_CANCEL
                               ? AUT_STORE_JOB_CANCELLED
                               : (aut_store_job_state_t)action->u.job.state;
        break;
    case AUT_MUT_TASK_RESULT:
        entry = aut_catalogue_find (self->catalogue, action->u.result.job);
        if (entry)
            aut_entry_done (entry, action->u.result.token.task);
        break;
    case AUT_MUT_TASK_CACHED:
        entry = aut_catalogue_find (self->catalogue, action->u.cached.job);
        if (entry)
            aut_entry_done (entry, action->u.cached.task);
        break;
    default:
        break;
    }
}

/* ---- mutations ------------------------------------------------------------------------------ */

/*  The submission's ids, now that the core has chosen them. */
static const aut_store_submission_t *fill_ids (const aut_core_action_t *action)
{
    aut_submission_t *sub = action->u.insert.submit->cookie;
    aut_store_new_task_t *tasks = (aut_store_new_task_t *)sub->store.tasks;
    sub->store.job.id = action->u.insert.job;
    sub->store.job.first_task = action->u.insert.first_task;
    for (uint32_t i = 0; i < sub->store.job.task_count; i++) {
        uint32_t after = sub->core.tasks[i].after;
        tasks[i].job = sub->store.job.id;
        tasks[i].id = sub->store.job.first_task + i;
        tasks[i].predecessor = after == AUT_CORE_NONE ? 0 : sub->store.job.first_task + after;
    }
    return &sub->store;
}

static void set_result (aut_store_mutation_t *m, const aut_core_action_t *action)
{
    aut_store_result_t *result = (aut_store_result_t *)action->u.result.done->artifacts;
    snprintf (result->node, sizeof result->node, "%s", action->u.result.node);
    if (!result->device[0])
        snprintf (result->device, sizeof result->device, "%s", action->u.result.device);
    result->attempt = action->u.result.token.attempt;
    m->kind = AUT_STORE_RESULT;
    m->id = action->u.result.token.task;
    m->attempt = action->u.result.token.attempt;
    m->epoch = action->u.result.token.epoch;
    m->result = result;
}

static void set_lease (aut_store_mutation_t *m, const aut_core_action_t *action)
{
    m->kind = AUT_STORE_LEASE;
    m->id = action->u.lease.token.task;
    m->attempt = action->u.lease.token.attempt;
    m->epoch = action->u.lease.token.epoch;
    m->adopted = action->u.lease.adopted;
    m->node = action->u.lease.node;
    m->device = action->u.lease.device;
    m->instance = action->u.lease.instance;
}

static const aut_store_end_t ended_as[] = {[AUT_ENDED_FAILED] = AUT_STORE_ENDED_FAILED,
                                           [AUT_ENDED_MOVED] = AUT_STORE_ENDED_MOVED,
                                           [AUT_ENDED_LOST] = AUT_STORE_ENDED_LOST,
                                           [AUT_ENDED_RELEASED] = AUT_STORE_ENDED_RELEASED};

static void set_failure (aut_store_mutation_t *m, const aut_core_action_t *action)
{
    if (action->kind == AUT_MUT_TASK_WAIT) {
        m->kind = AUT_STORE_WAIT;
        m->id = action->u.wait.task;
        m->attempt = action->u.wait.attempt;
        m->failures = action->u.wait.failures;
        m->memory = action->u.wait.memory;
        m->end = ended_as[action->u.wait.end];
        m->code = action->u.wait.code;
        m->message = action->u.wait.message;
    } else {
        m->kind = AUT_STORE_FAIL;
        m->id = action->u.failed.task;
        m->failures = action->u.failed.failures;
        m->end = action->u.failed.cause == action->u.failed.task ? AUT_STORE_ENDED_FAILED
                                                                 : AUT_STORE_RUNS;
        m->code = action->u.failed.code;
        m->message = action->u.failed.message;
    }
}

static void set_job (aut_store_mutation_t *m, const aut_core_action_t *action)
{
    m->kind = action->kind == AUT_MUT_JOB_STATE    ? AUT_STORE_JOB_STATE
              : action->kind == AUT_MUT_JOB_CANCEL ? AUT_STORE_JOB_CANCEL
                                                   : AUT_STORE_JOB_RETRY;
    m->id = action->u.job.job;
    m->job_state = (aut_store_job_state_t)action->u.job.state;
}

static void convert (aut_store_mutation_t *m, const aut_core_action_t *action)
{
    memset (m, 0, sizeof *m);
    switch (action->kind) {
    case AUT_MUT_JOB_INSERT:
        m->kind = AUT_STORE_SUBMIT;
        m->submission = fill_ids (action);
        break;
    case AUT_MUT_TASK_LEASE:
        set_lease (m, action);
        break;
    case AUT_MUT_TASK_RESULT:
        set_result (m, action);
        break;
    case AUT_MUT_TASK_CACHED:
        m->kind = AUT_STORE_CACHED;
        m->id = action->u.cached.task;
        break;
    case AUT_MUT_TASK_WAIT:
    case AUT_MUT_TASK_FAILED:
        set_failure (m, action);
        break;
    default:
        set_job (m, action);
        break;
    }
}

size_t aut_broker_mutations (aut_broker_t *self)
{
    size_t count = 0;
    int64_t now = aut_wall_ms (self->clock);
    for (size_t i = 0; i < self->actions.count; i++) {
        const aut_core_action_t *action = &self->actions.items[i];
        if (!aut_core_is_mutation (action->kind))
            continue;
        self->mutations =
            aut_grow (self->mutations, &self->mutation_cap, count + 2, sizeof *self->mutations);
        convert (&self->mutations[count], action);
        self->mutations[count++].at_ms = now;
        note_mutation (self, action); /* after: a new job has its numbers now */
    }
    const aut_store_events_t *events = aut_events_prepare (self);
    if (events) {
        self->mutations =
            aut_grow (self->mutations, &self->mutation_cap, count + 1, sizeof *self->mutations);
        self->mutations[count++] =
            (aut_store_mutation_t){.kind = AUT_STORE_EVENTS, .events = events};
    }
    return count;
}

/* ---- messages ------------------------------------------------------------------------------- */

static aut_out_t *new_out (uint64_t to, aut_msg_type_t type)
{
    aut_out_t *out = aut_calloc (1, sizeof *out);
    out->to = to;
    out->msg.type = type;
    return out;
}

void aut_out_destroy (void *item)
{
    aut_out_t *out = item;
    if (!out)
        return;
    for (size_t i = 0; i < sizeof out->owned / sizeof *out->owned; i++)
        free (out->owned[i]);
    free (out);
}

void aut_out_post (aut_mailbox_t *mailbox, aut_out_t *out)
{
    if (aut_mailbox_push_wait (mailbox, out))
        aut_out_destroy (out);
}

static void tell_nodes (aut_broker_t *self)
{
    if (self->unheard)
        aut_mailbox_tell (self->to_nodes);
    self->unheard = 0;
}

/*  To a node; their thread is woken for many at once. */
static void post_to_node (aut_broker_t *self, aut_out_t *out)
{
    if (aut_mailbox_push_wait_quiet (self->to_nodes, out)) {
        aut_out_destroy (out);
        return;
    }
    if (++self->unheard >= POSTS)
        tell_nodes (self);
}

aut_out_t *aut_out_error (uint64_t to, int code, const char *message)
{
    aut_out_t *out = new_out (to, AUT_MSG_ERROR);
    size_t len = strlen (message);
    if (len > AUT_TEXT_MAX)
        for (len = AUT_TEXT_MAX; len > 0 && ((unsigned char)message[len] & 0xc0) == 0x80; len--)
            continue; /* not inside a character */
    char *text = aut_strndup (message, len);
    out->owned[0] = text;
    out->msg.error.code = aut_error_text (code);
    out->msg.error.message = text;
    return out;
}

aut_out_t *aut_out_submitted (uint64_t to, uint64_t job, bool existing)
{
    aut_out_t *out = new_out (to, AUT_MSG_SUBMITTED);
    char *text = aut_sprintf ("j%" PRIu64, job);
    out->owned[0] = text;
    out->msg.submitted.job = text;
    out->msg.submitted.existing = existing;
    return out;
}

static void send_reply (aut_broker_t *self, const aut_core_action_t *action)
{
    uint64_t to = action->u.reply.reply;
    const char *message = action->u.reply.message ? action->u.reply.message : "";
    if (action->kind == AUT_SEND_NODE_ERROR)
        post_to_node (self, aut_out_error (to, action->u.reply.code, message));
    else
        aut_out_post (self->to_clients, action->kind == AUT_SEND_OK
                                            ? new_out (to, AUT_MSG_OK)
                                            : aut_out_error (to, action->u.reply.code, message));
}

static void send_welcome (aut_broker_t *self, const aut_core_action_t *action)
{
    aut_out_t *out = new_out (action->u.welcome.peer, AUT_MSG_WELCOME);
    char *name = aut_strdup (action->u.welcome.name);
    out->owned[0] = name;
    out->msg.welcome.node = action->u.welcome.node;
    out->msg.welcome.name = name;
    out->msg.welcome.epoch = action->u.welcome.epoch;
    out->msg.welcome.ping_ms = (uint32_t)action->u.welcome.ping_ms;
    out->msg.welcome.silent_ms = (uint32_t)action->u.welcome.silent_ms;
    out->msg.welcome.lease_ms = (uint32_t)action->u.welcome.lease_ms;
    post_to_node (self, out);
}

static aut_token_t token_of (const aut_core_token_t *token)
{
    return (aut_token_t){token->task, token->attempt, token->epoch};
}

static void send_token (aut_broker_t *self, const aut_core_action_t *action)
{
    uint64_t peer = action->u.token.peer;
    aut_out_t *out;
    if (action->kind == AUT_SEND_PONG) {
        out = new_out (peer, AUT_MSG_PONG);
    } else if (action->kind == AUT_SEND_ADOPT) {
        out = new_out (peer, AUT_MSG_ADOPT);
        out->msg.adopt.token = token_of (&action->u.token.token);
        out->msg.adopt.new_epoch = action->u.token.new_epoch;
    } else if (action->kind == AUT_SEND_ACK) {
        out = new_out (peer, AUT_MSG_ACK);
        out->msg.ack.token = token_of (&action->u.token.token);
    } else {
        out = new_out (peer, AUT_MSG_ABORT);
        out->msg.abort.token = token_of (&action->u.token.token);
    }
    post_to_node (self, out);
}

/*  Texts of an ASSIGN: the inputs and the hex keys that they point to, in one block. */
typedef struct {
    char job[24];
    aut_msg_input_t *inputs;
    char (*keys)[AUT_HASH_HEX];
} assign_texts_t;

static assign_texts_t *new_texts (size_t inputs)
{
    assign_texts_t *self =
        aut_calloc (1, sizeof *self + inputs * (sizeof *self->inputs + sizeof *self->keys));
    self->inputs = (aut_msg_input_t *)(self + 1);
    self->keys = (char (*)[AUT_HASH_HEX]) (self->inputs + inputs);
    return self;
}

/*  Whether the blob is there as it was: a node could only find out in vain. */
static int check_blob (aut_broker_t *self, const aut_hash_t *hash, uint64_t size, const char *what)
{
    uint64_t there;
    char hex[AUT_HASH_HEX];
    if (!aut_blobs_has (self->blobs, hash, &there))
        return aut_fail (AUT_ERR_NOT_FOUND, "%s is missing in the broker's store: blob %.12s", what,
                         aut_hash_hex (hash, hex));
    if (there != size)
        return aut_fail (AUT_ERR_CORRUPT,
                         "%s has %" PRIu64 " of %" PRIu64 " bytes in the broker's store: blob "
                         "%.12s",
                         what, there, size, aut_hash_hex (hash, hex));
    return 0;
}

/*  What the task starts from: the tail of its predecessor, or its frames. */
static int add_made (aut_broker_t *self, const aut_core_action_t *action, aut_msg_assign_t *msg,
                     assign_texts_t *texts)
{
    bool frames = action->u.assign.frames;
    aut_store_result_t result;
    char what[64];
    snprintf (what, sizeof what, "the %s of task t%" PRIu64, frames ? "frames" : "tail",
              action->u.assign.after);
    int rc = aut_store_result (self->store, action->u.assign.after, &result);
    if (rc)
        return aut_fail_in (rc, "%s", what);
    uint64_t size = frames ? result.mezzanine.size : result.tail.size;
    rc = check_blob (self, &action->u.assign.input, size, what);
    if (rc)
        return rc;
    aut_msg_input_t *input = &texts->inputs[msg->input_count];
    input->role = frames ? "frames" : "tail";
    input->key = aut_hash_hex (&result.key, texts->keys[msg->input_count++]);
    input->ref = (aut_ref_t){action->u.assign.input, size};
    return 0;
}

static int add_inputs (aut_broker_t *self, const aut_store_body_t *body, aut_msg_assign_t *msg,
                       assign_texts_t *texts)
{
    for (uint32_t i = 0; i < body->input_count && msg->input_count < AUT_INPUTS_MAX; i++) {
        const aut_store_input_t *from = &body->inputs[i];
        char what[64];
        snprintf (what, sizeof what, "the \"%.32s\" picture", from->role);
        int rc = check_blob (self, &from->blob.hash, from->blob.size, what);
        if (rc)
            return rc;
        aut_msg_input_t *input = &texts->inputs[msg->input_count];
        input->role = from->role;
        input->key = aut_hash_hex (&from->blob.hash, texts->keys[msg->input_count++]);
        input->ref = (aut_ref_t){from->blob.hash, from->blob.size};
    }
    return 0;
}

static int fill_assign (aut_broker_t *self, const aut_core_action_t *action, aut_out_t *out)
{
    aut_msg_assign_t *msg = &out->msg.assign;
    aut_store_body_t body;
    int rc = aut_store_body (self->store, action->u.assign.token.task, &body, &out->owned[1]);
    if (rc)
        return aut_fail_in (rc, "the task's description");
    size_t inputs = body.input_count + 1; /* what it starts from, too */
    assign_texts_t *texts = new_texts (inputs < AUT_INPUTS_MAX ? inputs : AUT_INPUTS_MAX);
    out->owned[0] = texts;
    if (!body.spec)
        rc = check_blob (self, &body.spec_blob.hash, body.spec_blob.size, "the task's description");
    if (!rc && action->u.assign.after)
        rc = add_made (self, action, msg, texts);
    if (!rc)
        rc = add_inputs (self, &body, msg, texts);
    if (rc)
        return rc;
    snprintf (texts->job, sizeof texts->job, "j%" PRIu64, action->u.assign.job);
    msg->token = token_of (&action->u.assign.token);
    msg->worker = action->u.assign.worker;
    msg->lease_ms = (uint32_t)action->u.assign.lease_ms;
    msg->job = texts->job;
    msg->spec = (const uint8_t *)body.spec;
    msg->spec_size = body.spec ? body.spec_size : 0;
    msg->spec_ref = (aut_ref_t){body.spec_blob.hash, body.spec_blob.size};
    msg->inputs = texts->inputs;
    return 0;
}

static void note_unfit (aut_broker_t *self, const aut_core_action_t *action, int code)
{
    self->unfit =
        aut_grow (self->unfit, &self->unfit_cap, self->unfit_count + 1, sizeof *self->unfit);
    self->unfit[self->unfit_count++] = (aut_unfit_t){
        .peer = action->u.assign.peer,
        .token = action->u.assign.token,
        .code = code,
        .message = aut_sprintf ("cannot hand out the task: %s", aut_error_detail ()),
    };
}

static void send_assign (aut_broker_t *self, const aut_core_action_t *action)
{
    aut_out_t *out = new_out (action->u.assign.peer, AUT_MSG_ASSIGN);
    int rc = fill_assign (self, action, out);
    if (rc) {
        /* The lease is committed: it ends as an attempt that failed. */
        char job[24];
        snprintf (job, sizeof job, "j%" PRIu64, action->u.assign.job);
        aut_log_about_t about = {.job = job,
                                 .task = action->u.assign.token.task,
                                 .attempt = action->u.assign.token.attempt};
        aut_log_about (AUT_LOG_ERROR, LOG, &about, "cannot hand out the task: %s",
                       aut_error_detail ());
        note_unfit (self, action, rc);
        aut_out_destroy (out);
        return;
    }
    post_to_node (self, out);
    aut_batch_sent (&self->batch, action->u.assign.token.task);
}

/* ---- all of it ------------------------------------------------------------------------------ */

static void perform (aut_broker_t *self, const aut_core_action_t *action)
{
    switch (action->kind) {
    case AUT_SEND_SUBMITTED:
        aut_out_post (self->to_clients,
                      aut_out_submitted (action->u.submitted.reply, action->u.submitted.job,
                                         action->u.submitted.existing));
        break;
    case AUT_SEND_OK:
    case AUT_SEND_CLIENT_ERROR:
    case AUT_SEND_NODE_ERROR:
        send_reply (self, action);
        break;
    case AUT_SEND_WELCOME:
        send_welcome (self, action);
        break;
    case AUT_SEND_ASSIGN:
        send_assign (self, action);
        break;
    case AUT_SEND_ACK:
    case AUT_SEND_ABORT:
    case AUT_SEND_ADOPT:
    case AUT_SEND_PONG:
        send_token (self, action);
        break;
    case AUT_MUT_TASK_RESULT:
        aut_meters_chunk (&self->meters, action->u.result.device,
                          ((const aut_store_result_t *)action->u.result.done->artifacts)->seconds);
        break;
    default:
        break;
    }
}

void aut_broker_perform (aut_broker_t *self)
{
    if (self->actions.count)
        aut_batch_send (&self->batch, aut_broker_us (self));
    aut_broker_log (self);
    for (size_t i = 0; i < self->actions.count; i++)
        perform (self, &self->actions.items[i]);
    tell_nodes (self);
    aut_events_publish (self);
}
