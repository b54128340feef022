/*  What passed through the proxy, and what the broker says: together they tell who holds a lease.
 *  Traps are sprung here, in the moment in which a message is about to pass. */
#include "tests/faults/promise.h"

#include "lib/core/error.h"
#include "lib/core/mem.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define ASK_MS 100
#define ANSWER_MS 1500 /* then the socket is opened anew */
#define FRESH_MS 700   /* an answer counts for so long, but while the broker is away */

/* ---- holds ------------------------------------------------------------------------------------
 */

static hold_t *find (node_t *node, const aut_token_t *token)
{
    for (size_t i = 0; i < node->hold_count; i++)
        if (node->holds[i].token.task == token->task &&
            node->holds[i].token.attempt == token->attempt)
            return &node->holds[i];
    return NULL;
}

static void add (node_t *node, const aut_token_t *token, bool started, bool done)
{
    hold_t *hold = find (node, token);
    if (!hold && node->hold_count < HOLDS_MAX)
        hold = &node->holds[node->hold_count++];
    if (hold)
        *hold = (hold_t){.token = *token, .started = started, .done = done};
}

static void drop (node_t *node, const aut_token_t *token)
{
    hold_t *hold = find (node, token);
    if (hold)
        *hold = node->holds[--node->hold_count];
}

void view_forget_node (campaign_t *self, node_t *node)
{
    for (size_t i = 0; i < node->hold_count; i++) {
        const hold_t *hold = &node->holds[i];
        bool lost = node->proc.killed && hold->started && !hold->done &&
                    promise_is_current (self, &hold->token);
        if (lost)
            campaign_note (self, "t%" PRIu64 " lost with %s", hold->token.task, node->name);
        if (lost && self->loss_count < LOSSES_MAX) {
            loss_t *loss = &self->losses[self->loss_count++];
            *loss = (loss_t){.task = hold->token.task, .attempt = hold->token.attempt};
            loss->at = self->now;
            snprintf (loss->node, sizeof loss->node, "%s", node->known_as);
        }
    }
    node->hold_count = 0;
    node->seen_task = 0;
    node->online = false;
    node->trap = TRAP_NONE;
}

static void recovered (campaign_t *self, const aut_token_t *token)
{
    for (size_t i = 0; i < self->loss_count; i++) {
        if (self->losses[i].task != token->task || self->losses[i].attempt >= token->attempt)
            continue;
        times_add (&self->node_lost, self->now - self->losses[i].at);
        campaign_note (self, "t%" PRIu64 " runs again after %d ms", token->task,
                       (int)(self->now - self->losses[i].at));
        self->losses[i--] = self->losses[--self->loss_count];
    }
}

/*  Another attempt came first, or the dead one's result had arrived. */
static void forget_losses (campaign_t *self, uint64_t task)
{
    for (size_t i = 0; i < self->loss_count; i++)
        if (self->losses[i].task == task)
            self->losses[i--] = self->losses[--self->loss_count];
}

static void leased_again (campaign_t *self, const node_t *node, const aut_token_t *token)
{
    for (size_t i = 0; i < self->loss_count; i++)
        if (self->losses[i].task == token->task)
            campaign_note (self, "t%" PRIu64 " is leased again, to %s, after %d ms", token->task,
                           node->name, (int)(self->now - self->losses[i].at));
}

static void failed (campaign_t *self, const aut_token_t *token)
{
    if (token->task == self->failed_task && token->attempt == self->failed_attempt)
        return; /* said again */
    self->failed_task = token->task;
    self->failed_attempt = token->attempt;
    if (token->task >= 1 << 20)
        return;
    size_t had = self->failures_cap;
    self->failures = aut_grow (self->failures, &self->failures_cap, token->task + 1, 1);
    memset (self->failures + had, 0, self->failures_cap - had);
    self->failures[token->task]++;
}

unsigned view_failures (const campaign_t *self, uint64_t task)
{
    return task < self->failures_cap ? self->failures[task] : 0;
}

const hold_t *view_lease (const campaign_t *self, const node_t *node)
{
    bool away = !self->broker.ready || self->broker.proc.stopped;
    bool known = away || self->now - self->answered <= FRESH_MS;
    for (size_t i = 0; known && node->proc.pid && i < node->hold_count; i++)
        if (node->holds[i].token.task == node->seen_task)
            return &node->holds[i];
    return NULL;
}

unsigned view_leases (const campaign_t *self)
{
    unsigned leases = 0;
    for (unsigned i = 0; i < NODES; i++)
        leases += view_lease (self, &self->nodes[i]) != NULL;
    return leases;
}

/* ---- messages ---------------------------------------------------------------------------------
 */

/*  A trap catches: counted, because of what it waited for. */
static link_verdict_t spring (campaign_t *self, node_t *node)
{
    link_verdict_t verdict = LINK_SWALLOW;
    faults_count (self, node->trap_kind, true, node->name);
    switch (node->trap) {
    case TRAP_ACK_KILL:
        node->sprung = true;
        break;
    case TRAP_DONE_BROKER:
        verdict = LINK_PASS;
        self->kill_broker = true; /* when the bytes have gone */
        break;
    case TRAP_ACK_BROKER:
        cluster_kill_broker_now (self);
        break;
    case TRAP_DONE_HALF:
        verdict = LINK_HALF;
        break;
    default:
        break;
    }
    node->trap = TRAP_NONE;
    return verdict;
}

static link_verdict_t from_node (campaign_t *self, node_t *node, const aut_msg_t *msg)
{
    hold_t *hold;
    switch (msg->type) {
    case AUT_MSG_HELLO:
        node->hold_count = 0;
        for (size_t i = 0; i < msg->hello.held_count; i++) {
            const aut_msg_held_t *held = &msg->hello.held[i];
            aut_token_t token = {held->task, held->attempt, held->epoch};
            add (node, &token, true, held->finished);
        }
        break;
    case AUT_MSG_STARTED:
        if ((hold = find (node, &msg->started.token)))
            hold->started = true;
        recovered (self, &msg->started.token);
        break;
    case AUT_MSG_PROGRESS: /* its STARTED may have been lost */
        recovered (self, &msg->progress.token);
        break;
    case AUT_MSG_DONE:
        recovered (self, &msg->done.token);
        hold = find (node, &msg->done.token);
        if (hold && node->trap == TRAP_DONE_HALF)
            return spring (self, node);
        if (hold)
            hold->done = true;
        if (hold && node->trap == TRAP_DONE_BROKER)
            return spring (self, node);
        break;
    case AUT_MSG_FAIL:
        if ((hold = find (node, &msg->fail.token)))
            hold->done = false; /* the ACK that comes is not a result's */
        failed (self, &msg->fail.token);
        break;
    case AUT_MSG_RELEASE:
        if ((hold = find (node, &msg->release.token)))
            hold->done = false;
        break;
    default:
        break;
    }
    return LINK_PASS;
}

static link_verdict_t to_node (campaign_t *self, node_t *node, const aut_msg_t *msg)
{
    hold_t *hold;
    switch (msg->type) {
    case AUT_MSG_WELCOME:
        node->online = true;
        snprintf (node->known_as, sizeof node->known_as, "%s", msg->welcome.name);
        break;
    case AUT_MSG_ASSIGN:
        promise_leased (self, node, &msg->assign.token);
        if (node->trap == TRAP_ASSIGN_LOST)
            return spring (self, node);
        leased_again (self, node, &msg->assign.token);
        add (node, &msg->assign.token, false, false);
        break;
    case AUT_MSG_ADOPT:
        if (node->trap == TRAP_ADOPT_LOST)
            return spring (self, node);
        if ((hold = find (node, &msg->adopt.token)))
            hold->token.epoch = msg->adopt.new_epoch;
        break;
    case AUT_MSG_ACK:
        hold = find (node, &msg->ack.token);
        if (hold && hold->done) {
            promise_acked (self, &msg->ack.token);
            forget_losses (self, msg->ack.token.task);
        }
        if (hold && hold->done &&
            (node->trap == TRAP_ACK_LOST || node->trap == TRAP_ACK_KILL ||
             node->trap == TRAP_ACK_BROKER))
            return spring (self, node);
        drop (node, &msg->ack.token);
        break;
    case AUT_MSG_ABORT:
        drop (node, &msg->abort.token);
        break;
    default:
        break;
    }
    return LINK_PASS;
}

/*  The answer to a submission: committed, and on its way. */
static link_verdict_t to_client (campaign_t *self, const aut_msg_t *msg)
{
    static const char *const kinds[] = {"", "submit-ack-lost", "submit-ack-client-kill",
                                        "submit-ack-broker-kill"};
    if (msg->type != AUT_MSG_SUBMITTED)
        return LINK_PASS;
    for (unsigned i = 0; i < self->film_count; i++) /* one at a time */
        if (self->films[i].stage == FILM_SUBMIT)
            promise_submitted (self, &self->films[i], msg->submitted.job);
    if (!self->submit_trap)
        return LINK_PASS;
    faults_count (self, faults_kind (kinds[self->submit_trap]), true, "a client");
    self->submit_sprung = self->submit_trap == 2;
    if (self->submit_trap == 3)
        cluster_kill_broker_now (self);
    self->submit_trap = 0;
    return LINK_SWALLOW;
}

/*  The full disk was felt: by the store, or by an upload. */
static void heard_error (campaign_t *self, const char *code)
{
    if (!self->asks_store || self->store_full || aut_error_code (code) != AUT_ERR_NO_SPACE)
        return;
    self->store_full = true;
    self->full_seen++;
}

link_verdict_t view_judge (void *ctx, unsigned owner, aut_port_t port, link_dir_t dir,
                           const aut_msg_t *msg)
{
    campaign_t *self = ctx;
    if (msg->type == AUT_MSG_ERROR)
        heard_error (self, msg->error.code);
    if (owner == CLIENTS)
        return dir == LINK_DOWN ? to_client (self, msg) : LINK_PASS;
    node_t *node = &self->nodes[owner];
    if (port == AUT_PORT_NODE)
        return dir == LINK_UP ? from_node (self, node, msg) : to_node (self, node, msg);
    if (port == AUT_PORT_DATA && msg->type == AUT_MSG_STORED && node->trap == TRAP_STORED_LOST &&
        node->hold_count)
        return spring (self, node);
    return LINK_PASS;
}

/* ---- the status socket ------------------------------------------------------------------------
 */

void view_ask (campaign_t *self)
{
    broker_t *broker = &self->broker;
    if (!broker->ready || (self->asked && self->now - self->asked < ASK_MS))
        return;
    if (self->asked > self->answered && self->now - self->asked < ANSWER_MS)
        return;
    if (self->asked > self->answered)
        zsock_destroy (&broker->status);
    if (!broker->status &&
        aut_net_connect (&broker->status, AUT_PORT_STATUS, broker->at.url[AUT_PORT_STATUS]) < 0)
        return;
    bool store = self->asks_store && self->asks++ % 2 == 0;
    const char *text = store ? "{\"get\":\"status\"}" : "{\"get\":\"nodes\"}";
    if (zmq_send (zsock_resolve (broker->status), text, strlen (text), ZMQ_DONTWAIT) > 0)
        self->asked = self->now;
}

/*  The worker of a node that is at work: its task's number. */
static uint64_t busy_task (const json_t *node)
{
    size_t i;
    json_t *worker;
    json_array_foreach (json_object_get (node, "workers"), i, worker)
    {
        const char *task = json_string_value (json_object_get (worker, "task"));
        if (task && *task == 't')
            return strtoull (task + 1, NULL, 10);
    }
    return 0;
}

static void notice_loss (campaign_t *self, const char *name)
{
    for (size_t i = 0; i < self->loss_count; i++) {
        loss_t *loss = &self->losses[i];
        if (loss->noticed || strcmp (loss->node, name) != 0)
            continue;
        loss->noticed = true;
        times_add (&self->node_noticed, self->now - loss->at);
    }
}

static void take_nodes (campaign_t *self, const json_t *nodes)
{
    size_t i;
    json_t *entry;
    for (unsigned n = 0; n < NODES; n++)
        self->nodes[n].seen_task = 0;
    json_array_foreach (nodes, i, entry)
    {
        const char *name = json_string_value (json_object_get (entry, "name"));
        const char *state = json_string_value (json_object_get (entry, "state"));
        bool lost = !state || strcmp (state, "lost") == 0;
        if (name && lost)
            notice_loss (self, name);
        for (unsigned n = 0; name && !lost && n < NODES; n++)
            if (strcmp (self->nodes[n].known_as, name) == 0)
                self->nodes[n].seen_task = busy_task (entry);
    }
}

static void take_store (campaign_t *self, const json_t *store)
{
    const char *state = json_string_value (json_object_get (store, "state"));
    if (state)
        heard_error (self, state);
}

void view_hear (campaign_t *self)
{
    zmq_msg_t frame;
    broker_t *broker = &self->broker;
    if (!broker->status)
        return;
    zmq_msg_init (&frame);
    while (zmq_msg_recv (&frame, zsock_resolve (broker->status), ZMQ_DONTWAIT) >= 0) {
        json_t *reply = json_loadb (zmq_msg_data (&frame), zmq_msg_size (&frame), 0, NULL);
        self->answered = self->now;
        if (json_is_array (json_object_get (reply, "nodes")))
            take_nodes (self, json_object_get (reply, "nodes"));
        if (json_object_get (reply, "store"))
            take_store (self, json_object_get (reply, "store"));
        json_decref (reply);
    }
    zmq_msg_close (&frame);
}
