/*  The client socket's thread: commands in, answers out.
 *
 *  A command becomes an event with a reply handle, and the answer finds its way back by it. Results
 *  and models are answered here at once, from the store's committed state and the registry.
 */
#include "broker/internal.h"

#include "broker/planner.h"
#include "lib/core/error.h"
#include "lib/core/log.h"
#include "lib/core/mem.h"

#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#define REPLIES_MAX 4096      /* commands that may wait for their answer */
#define REPLY_PATIENCE 600000 /* ms after which a handle is given up: its client will ask again */
#define MODELS_PAGE_BYTES (40 << 10)

typedef struct {
    uint64_t handle;
    aut_peer_t peer;
    uint64_t req;
    int64_t since_ms;
    UT_hash_handle hh;
} reply_t;

typedef struct {
    aut_broker_t *broker;
    zsock_t *sock;
    reply_t *replies; /* in order of arrival */
    uint64_t next_handle;
} client_t;

static void send_error (client_t *self, const aut_peer_t *peer, uint64_t req, int code)
{
    aut_net_send_error_to (self->sock, peer, req, 0, code);
}

static void forget (client_t *self, reply_t *reply)
{
    HASH_DEL (self->replies, reply);
    free (reply);
}

/*  A handle for an answer that will come, or 0 with AUT_ERR_AGAIN. */
static uint64_t expect (client_t *self, const aut_peer_t *peer, uint64_t req)
{
    if (HASH_COUNT (self->replies) >= REPLIES_MAX) {
        int64_t now = aut_mono_ms (self->broker->clock);
        if (now - self->replies->since_ms < REPLY_PATIENCE) {
            aut_fail (AUT_ERR_AGAIN, "the broker is busy with %d commands: try again later",
                      REPLIES_MAX);
            return 0;
        }
        forget (self, self->replies);
    }
    reply_t *reply = aut_calloc (1, sizeof *reply);
    reply->handle = ++self->next_handle;
    reply->peer = *peer;
    reply->req = req;
    reply->since_ms = aut_mono_ms (self->broker->clock);
    HASH_ADD (hh, self->replies, handle, sizeof reply->handle, reply);
    return reply->handle;
}

static void drop (client_t *self, uint64_t handle)
{
    reply_t *reply;
    HASH_FIND (hh, self->replies, &handle, sizeof handle, reply);
    if (reply)
        forget (self, reply);
}

/*  Why nothing that needs a commit can be taken now; 0 if it can. */
static int refusal (client_t *self)
{
    int error = __atomic_load_n (&self->broker->store_error, __ATOMIC_ACQUIRE);
    if (__atomic_load_n (&self->broker->stop, __ATOMIC_ACQUIRE))
        return aut_fail (AUT_ERR_AGAIN, "the broker is stopping: try again later");
    if (!error)
        return 0;
    return aut_fail (error,
                     "the broker cannot write its database in %s (%s): nothing new is taken "
                     "until that works again",
                     self->broker->state_dir, aut_error_text (error));
}

static int do_submit (client_t *self, aut_received_t *in)
{
    int rc = refusal (self);
    if (rc)
        return rc;
    uint64_t handle = expect (self, &in->peer, in->msg.submit.req);
    if (!handle)
        return AUT_ERR_AGAIN;
    aut_plan_request_t *request = aut_calloc (1, sizeof *request);
    request->reply = handle;
    memcpy (request->owner, in->user, sizeof request->owner);
    request->msg = in->msg;
    memset (&in->msg, 0, sizeof in->msg);
    uint64_t req = request->msg.submit.req;
    rc = aut_mailbox_push (self->broker->plans, request);
    if (rc) {
        in->msg.submit.req = req;
        aut_plan_request_destroy (request);
        drop (self, handle);
    }
    return rc;
}

static int post_event (client_t *self, aut_in_t *item, uint64_t handle)
{
    int rc = aut_mailbox_push (self->broker->inbox, item);
    if (rc) {
        drop (self, handle);
        aut_in_destroy (item);
    }
    return rc;
}

/*  0 if this client may act on the job. A plain one's are its own: of others it is told what it is
 *  told of jobs that there are not. */
static int check_owner (client_t *self, const char *user, uint64_t id)
{
    aut_who_t who;
    aut_store_job_t job;
    aut_guard_who (self->broker->guard, user, &who);
    if (who.roles & AUT_MAY_OPERATE)
        return 0;
    int rc = aut_store_job (self->broker->store, id, &job);
    if (!rc && strcmp (job.owner, user) != 0)
        rc = aut_fail (AUT_ERR_NOT_FOUND, "there is no job j%llu", (unsigned long long)id);
    return rc;
}

/*  0 if this client is an operator. */
static int check_operator (client_t *self, const char *user)
{
    aut_who_t who;
    aut_guard_who (self->broker->guard, user, &who);
    if (who.roles & AUT_MAY_OPERATE)
        return 0;
    return aut_fail (AUT_ERR_DENIED,
                     "%s is no operator here, and only operators drain nodes: on the broker's "
                     "machine, auteur keys allow --as operator %s '%s'",
                     who.name, who.name, user);
}

static int do_job (client_t *self, aut_received_t *in, aut_core_event_kind_t kind)
{
    uint64_t job, handle;
    int rc = refusal (self);
    if (!rc)
        rc = aut_job_parse (&job, in->msg.cancel.job);
    if (!rc)
        rc = check_owner (self, in->user, job);
    if (rc)
        return rc;
    if (!(handle = expect (self, &in->peer, in->msg.cancel.req)))
        return AUT_ERR_AGAIN;
    aut_in_t *item = aut_calloc (1, sizeof *item);
    item->event.kind = kind;
    item->event.u.job.reply = handle;
    item->event.u.job.job = job;
    return post_event (self, item, handle);
}

static int do_drain (client_t *self, aut_received_t *in)
{
    int rc = check_operator (self, in->user);
    if (rc)
        return rc;
    uint64_t handle = expect (self, &in->peer, in->msg.drain.req);
    if (!handle)
        return AUT_ERR_AGAIN;
    aut_in_t *item = aut_calloc (1, sizeof *item);
    item->event.kind = AUT_EV_DRAIN;
    item->event.u.drain.reply = handle;
    item->msg = in->msg;
    memset (&in->msg, 0, sizeof in->msg);
    item->event.u.drain.name = item->msg.drain.node;
    return post_event (self, item, handle);
}

static aut_ref_t ref_of (const aut_store_blob_t *blob)
{
    return (aut_ref_t){blob->hash, blob->size};
}

static void fill_result (aut_msg_result_t *out, const aut_store_item_t *item)
{
    const aut_store_result_t *r = &item->result;
    out->ordinal = (uint64_t)item->ordinal + 1;
    out->shot = item->shot;
    out->chunk = item->chunk;
    out->key = item->key;
    out->state = aut_task_state_text ((aut_task_state_t)item->state);
    out->attempt = item->has_result ? r->attempt : item->attempt;
    out->cached = item->has_result && item->attempt == 0;
    if (item->has_result) {
        out->node = r->node[0] ? r->node : NULL;
        out->device = r->device[0] ? r->device : NULL;
        out->seconds = r->seconds;
        out->peak_bytes = r->peak_bytes;
        out->mezzanine = ref_of (&r->mezzanine);
        out->tail = ref_of (&r->tail);
        out->preview = ref_of (&r->preview);
        out->metadata = ref_of (&r->metadata);
    } else if (item->node[0]) {
        out->node = item->node;
    }
    if (item->message[0])
        out->error = item->message;
}

/*  `after` counts from 1 like the ordinals on the wire: it is the next one's place from 0. */
static int do_results (client_t *self, aut_received_t *in)
{
    const aut_msg_results_t *request = &in->msg.results;
    uint64_t id;
    uint32_t limit = request->limit < AUT_PAGE_MAX ? request->limit : AUT_PAGE_MAX, count = 0;
    aut_store_job_t job;
    int rc = aut_job_parse (&id, request->job);
    if (!rc)
        rc = check_owner (self, in->user, id);
    if (!rc)
        rc = aut_store_job (self->broker->store, id, &job);
    if (rc)
        return rc;
    aut_store_item_t *items = aut_calloc (AUT_PAGE_MAX, sizeof *items);
    aut_msg_result_t *results = aut_calloc (AUT_PAGE_MAX, sizeof *results);
    rc = aut_store_items (self->broker->store, id, request->after, limit, items, &count);
    for (uint32_t i = 0; i < count; i++)
        fill_result (&results[i], &items[i]);
    aut_msg_t reply = {.type = AUT_MSG_RESULTS_PAGE};
    reply.results_page.req = request->req;
    reply.results_page.job = request->job;
    reply.results_page.state = aut_job_state_text ((aut_job_state_t)job.state);
    uint64_t next = request->after + count;
    reply.results_page.next = count && next < job.task_count ? next : 0;
    reply.results_page.items = results;
    reply.results_page.item_count = count;
    if (!rc)
        rc = aut_net_send_to (self->sock, &in->peer, &reply, NULL, 0);
    free (items);
    free (results);
    return rc == AUT_ERR_UNREACHABLE ? 0 : rc;
}

static int do_models (client_t *self, aut_received_t *in)
{
    const aut_registry_t *registry = self->broker->registry;
    size_t count = aut_registry_count (registry), at = (size_t)in->msg.models.after, bytes = 0;
    const char *items[AUT_MODELS_MAX];
    aut_msg_t reply = {.type = AUT_MSG_MODELS_PAGE};
    reply.models_page.req = in->msg.models.req;
    reply.models_page.items = items;
    for (; at < count && reply.models_page.item_count < AUT_MODELS_MAX; at++) {
        const aut_model_t *model = aut_registry_at (registry, at);
        const char *json = model->json;
        size_t size = strlen (json);
        /* Only what can be rendered with: a client chooses the models of its tiers among these. */
        if (!model->available || size > AUT_MANIFEST_MAX)
            continue;
        if (bytes && bytes + size > MODELS_PAGE_BYTES)
            break;
        bytes += size;
        items[reply.models_page.item_count++] = json;
    }
    reply.models_page.next = at < count ? at : 0;
    int rc = aut_net_send_to (self->sock, &in->peer, &reply, NULL, 0);
    return rc == AUT_ERR_UNREACHABLE ? 0 : rc;
}

static int dispatch (client_t *self, aut_received_t *in)
{
    switch (in->msg.type) {
    case AUT_MSG_SUBMIT:
        return do_submit (self, in);
    case AUT_MSG_CANCEL:
        return do_job (self, in, AUT_EV_CANCEL);
    case AUT_MSG_RETRY:
        return do_job (self, in, AUT_EV_RETRY);
    case AUT_MSG_RESULTS:
        return do_results (self, in);
    case AUT_MSG_DRAIN:
        return do_drain (self, in);
    case AUT_MSG_MODELS:
        return do_models (self, in);
    default:
        return aut_fail (AUT_ERR_UNSUPPORTED, "%s is no message of the client socket",
                         aut_msg_name (in->msg.type));
    }
}

/*  The request's number, for an error about it: it is the first member of every command. */
static uint64_t req_of (const aut_msg_t *msg)
{
    return msg->type == AUT_MSG_PING || msg->type == AUT_MSG_PONG ? 0 : msg->ok.req;
}

static void receive (client_t *self)
{
    for (int i = 0; i < 256; i++) {
        aut_received_t in;
        int rc = aut_net_recv (self->sock, true, &in);
        if (rc == AUT_ERR_AGAIN) {
            aut_received_clear (&in);
            return;
        }
        aut_door_heard (self->broker->door, in.fd);
        if (rc) {
            aut_refusals_note (self->broker->refusals, AUT_REFUSED_MESSAGE, aut_error_detail ());
            if (in.msg.type)
                aut_net_send_to (self->sock, &in.peer, &in.msg, NULL, 0);
        } else if ((rc = aut_guard_check (self->broker->guard, in.user, AUT_PORT_CLIENT))) {
            send_error (self, &in.peer, req_of (&in.msg), rc);
        } else if (in.msg.type == AUT_MSG_PING) {
            aut_net_send_to (self->sock, &in.peer, &(aut_msg_t){.type = AUT_MSG_PONG}, NULL, 0);
        } else if (in.msg.type != AUT_MSG_PONG && in.msg.type != AUT_MSG_ERROR) {
            uint64_t req = req_of (&in.msg);
            rc = dispatch (self, &in);
            if (rc) {
                aut_refusals_note (self->broker->refusals, AUT_REFUSED_REQUEST,
                                   aut_error_detail ());
                send_error (self, &in.peer, req, rc);
            }
        }
        aut_received_clear (&in);
    }
}

static void set_req (aut_msg_t *msg, uint64_t req)
{
    if (msg->type == AUT_MSG_SUBMITTED)
        msg->submitted.req = req;
    else if (msg->type == AUT_MSG_OK)
        msg->ok.req = req;
    else
        msg->error.req = req;
}

static void answer (client_t *self)
{
    void *items[256];
    size_t count = aut_mailbox_take (self->broker->to_clients, items, 256);
    for (size_t i = 0; i < count; i++) {
        aut_out_t *out = items[i];
        reply_t *reply;
        HASH_FIND (hh, self->replies, &out->to, sizeof out->to, reply);
        if (reply) {
            set_req (&out->msg, reply->req);
            /* A client that is gone asks again when it is back: commands may be repeated. */
            if (aut_net_send_to (self->sock, &reply->peer, &out->msg, NULL, 0))
                aut_log (AUT_LOG_DEBUG, "broker", "an answer was not sent: %s",
                         aut_error_detail ());
            forget (self, reply);
        }
        aut_out_destroy (out);
    }
}

void aut_client_socket (zsock_t *pipe, void *args)
{
    aut_actor_args_t *a = args;
    client_t self = {.broker = a->broker, .sock = a->sock};
    zsock_signal (pipe, 0);
    for (;;) {
        unsigned bits = aut_socket_wait (self.sock, pipe, self.broker->to_clients, -1);
        if (bits & 4)
            answer (&self);
        if (bits & 1)
            receive (&self);
        if (bits & 2)
            break;
    }
    answer (&self);
    while (self.replies)
        forget (&self, self.replies);
    aut_socket_close (&self.sock);
}
