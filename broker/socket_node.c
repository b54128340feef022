/*  The node socket's thread: sessions, heartbeats, and messages between nodes and the loop.
 *
 *  A session is a ROUTER route that said HELLO. Its number is what the core calls a peer. Pings are
 *  answered here, so that nodes see a living broker through a slow commit; that they were heard
 *  reaches the core as a list, before its clock. When the loop's inbox is full this thread stops
 *  reading: the nodes' words then wait in their sockets, and silence counts for nobody.
 */
#include "broker/internal.h"

#include "lib/core/error.h"
#include "lib/core/log.h"
#include "lib/core/mem.h"

#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#define LOG "broker"
#define SESSIONS_MAX 8192
#define HOLDER_SESSIONS 256 /* of them, of one key */
#define LIES_MAX 3          /* refused results of a session, until each is a failed attempt */
#define ROUND 512           /* messages read before the others get their turn */

/*  Who has sessions: a key, or without keys an address of another machine. Nobody has all. */
typedef struct {
    char who[AUT_KEY_TEXT];
    unsigned sessions;
    UT_hash_handle hh;
} holder_t;

typedef struct {
    uint64_t peer; /* our number */
    aut_peer_t route;
    char key[AUT_KEY_TEXT];              /* that the handshake proved; "" without keys */
    holder_t *holder;                    /* NULL: nobody in particular */
    uint8_t instance[AUT_CORE_INSTANCE]; /* of the process, as its HELLO had it */
    int64_t heard_ms, told_ms; /* last word of the node; last time the loop was told of it */
    int64_t spoke_ms;          /* last word to the node */
    uint64_t seen_round;       /* of the list of those heard that it is on */
    unsigned lies;             /* results that were refused */
    aut_live_pace_t pace;      /* of the pictures that it offers */
    UT_hash_handle by_peer, by_route;
} session_t;

typedef struct {
    aut_broker_t *broker;
    zsock_t *sock;
    session_t *peers, *routes;
    holder_t *holders;
    uint64_t next_peer;
    int64_t ping_ms, silent_ms, next_beat;
    bool unheard;    /* something was posted that the loop was not woken for */
    uint64_t losses; /* of keys, when the sessions were last looked at */
} node_t;

/* ---- sessions ------------------------------------------------------------------------------- */

static session_t *find_route (node_t *self, const aut_peer_t *route)
{
    session_t *session;
    HASH_FIND (by_route, self->routes, route, AUT_PEER_ROUTE, session);
    return session;
}

/*  NULL for who is on this machine and has no key. `add`: also if nothing is held yet. */
static holder_t *find_holder (node_t *self, const aut_received_t *in, bool add)
{
    char who[AUT_KEY_TEXT] = "";
    holder_t *holder = NULL;
    const aut_net_link_t *link = &in->peer.link;
    if (in->user[0])
        memcpy (who, in->user, strlen (in->user));
    else if (link->known && !aut_net_link_is_local (link))
        memcpy (who + 1, link->address, sizeof link->address); /* no key begins with 0 */
    else
        return NULL;
    HASH_FIND (hh, self->holders, who, sizeof who, holder);
    if (!holder && add) {
        holder = aut_calloc (1, sizeof *holder);
        memcpy (holder->who, who, sizeof who);
        HASH_ADD (hh, self->holders, who, sizeof holder->who, holder);
    }
    return holder;
}

static session_t *add_session (node_t *self, const aut_received_t *in)
{
    session_t *session = aut_calloc (1, sizeof *session);
    session->peer = ++self->next_peer;
    session->route = in->peer;
    memcpy (session->key, in->user, sizeof session->key);
    session->holder = find_holder (self, in, true);
    if (session->holder)
        session->holder->sessions++;
    session->spoke_ms = session->heard_ms = session->told_ms = aut_mono_ms (self->broker->clock);
    HASH_ADD (by_peer, self->peers, peer, sizeof session->peer, session);
    HASH_ADD (by_route, self->routes, route, AUT_PEER_ROUTE, session);
    return session;
}

static void drop_session (node_t *self, session_t *session)
{
    /* The analyzer does not see that a session is always in both tables. */
    HASH_DELETE (by_peer, self->peers, session);   /* NOLINT(clang-analyzer-*) */
    HASH_DELETE (by_route, self->routes, session); /* NOLINT(clang-analyzer-*) */
    if (session->holder && --session->holder->sessions == 0) {
        HASH_DEL (self->holders, session->holder);
        free (session->holder);
    }
    free (session);
}

/*  Hands an event over; when the loop is behind it waits, serving nobody else meanwhile but the
 *  outgoing mailbox, on which the loop may wait. */
static void post (node_t *self, aut_in_t *in);

static void end_session (node_t *self, session_t *session, aut_core_event_kind_t kind)
{
    aut_in_t *in = aut_calloc (1, sizeof *in);
    in->event.kind = kind;
    in->event.peer = session->peer;
    drop_session (self, session);
    post (self, in);
}

static void tell_gone (node_t *self, session_t *session)
{
    end_session (self, session, AUT_EV_GONE);
}

/*  Its key was revoked: as if it had said BYE, its leases are given back at once. */
static void shut_out (node_t *self, session_t *session)
{
    end_session (self, session, AUT_EV_BYE);
}

static int send_to (node_t *self, session_t *session, const aut_msg_t *msg)
{
    int rc = aut_net_send_to (self->sock, &session->route, msg, NULL, 0);
    if (!rc)
        session->spoke_ms = aut_mono_ms (self->broker->clock);
    return rc;
}

/* ---- out ------------------------------------------------------------------------------------ */

/*  One message of the loop. A node that takes nothing more is as good as gone: it says HELLO again
 *  when it is back, and is told everything anew. */
static void send_out (node_t *self, aut_out_t *out, aut_peers_t *gone)
{
    session_t *session;
    HASH_FIND (by_peer, self->peers, &out->to, sizeof out->to, session);
    uint64_t round = 0;
    int rc = session ? send_to (self, session, &out->msg) : 0;
    if (rc == AUT_ERR_UNREACHABLE || rc == AUT_ERR_AGAIN)
        aut_peers_add (gone, session->peer, &round);
    else if (rc)
        aut_log (AUT_LOG_ERROR, LOG, "cannot send %s to a node: %s", aut_msg_name (out->msg.type),
                 aut_error_detail ());
    aut_out_destroy (out);
}

static void send_waiting (node_t *self)
{
    void *items[ROUND];
    aut_peers_t *gone = aut_peers_new ();
    size_t count = aut_mailbox_take (self->broker->to_nodes, items, ROUND);
    for (size_t i = 0; i < count; i++)
        send_out (self, items[i], gone);
    uint64_t *peers;
    size_t lost = aut_peers_take (gone, &peers);
    for (size_t i = 0; i < lost; i++) {
        session_t *session;
        HASH_FIND (by_peer, self->peers, &peers[i], sizeof peers[i], session);
        if (session)
            tell_gone (self, session);
    }
    free (peers);
    aut_peers_destroy (&gone);
}

/* ---- in ------------------------------------------------------------------------------------- */

static void beat (node_t *self);

/*  Traffic of a node: the loop hears of it now and then, more often than silence could count. */
static void heard (node_t *self, session_t *session)
{
    int64_t now = aut_mono_ms (self->broker->clock);
    session->heard_ms = now;
    if (now - session->told_ms < self->silent_ms / 8)
        return;
    session->told_ms = now;
    aut_peers_add (self->broker->seen, session->peer, &session->seen_round);
}

static void post (node_t *self, aut_in_t *in)
{
    int rc;
    while ((rc = aut_mailbox_push_quiet (self->broker->inbox, in)) == AUT_ERR_AGAIN) {
        void *items[ROUND];
        size_t count = 0;
        if (aut_mailbox_wait (self->broker->to_nodes, 5))
            count = aut_mailbox_take (self->broker->to_nodes, items, ROUND);
        for (size_t i = 0; i < count; i++) {
            aut_out_t *out = items[i];
            session_t *session;
            HASH_FIND (by_peer, self->peers, &out->to, sizeof out->to, session);
            if (session)
                send_to (self, session, &out->msg);
            aut_out_destroy (out);
        }
        beat (self);
        /* We are not listening: everybody counts as heard. */
        for (session_t *s = self->peers; s; s = s->by_peer.next)
            heard (self, s);
    }
    if (rc)
        aut_in_destroy (in);
    else
        self->unheard = true;
}

/*  The loop is woken once for all that was posted to it. */
static void wake_loop (node_t *self)
{
    if (self->unheard)
        aut_mailbox_tell (self->broker->inbox);
    self->unheard = false;
}

/*  The core knows a node by these bytes. With keys they are made from the key that the handshake
 *  proved and what the process drew: nobody can be a node of another key, and machines that share
 *  a key are still several nodes. */
static void set_identity (aut_core_hello_t *to, const char *key, const uint8_t *instance)
{
    uint8_t text[AUT_KEY_TEXT + AUT_CORE_INSTANCE] = {0};
    memcpy (to->instance, instance, sizeof to->instance);
    if (!key[0])
        return;
    memcpy (text, key, strlen (key));
    memcpy (text + AUT_KEY_TEXT, instance, AUT_CORE_INSTANCE);
    aut_hash_t hash = aut_hash_of (text, sizeof text);
    memcpy (to->instance, hash.bytes, sizeof to->instance);
}

static void fill_hello (aut_in_t *in, const char *key)
{
    const aut_msg_hello_t *hello = &in->msg.hello;
    aut_core_hello_t *to = &in->event.u.hello;
    in->workers = aut_calloc (hello->worker_count + 1, sizeof *in->workers);
    in->held = aut_calloc (hello->held_count + 1, sizeof *in->held);
    for (size_t i = 0; i < hello->worker_count; i++) {
        const aut_msg_worker_t *from = &hello->workers[i];
        in->workers[i] = (aut_core_worker_spec_t){
            .id = from->id,
            .device = from->device,
            .class_ = from->class_,
            .memory = from->memory,
            .models = from->models,
            .model_count = (uint32_t)from->model_count,
            .credit = from->credit,
        };
    }
    for (size_t i = 0; i < hello->held_count; i++) {
        const aut_msg_held_t *from = &hello->held[i];
        in->held[i].token = (aut_core_token_t){from->task, from->attempt, from->epoch};
        in->held[i].finished = from->finished;
    }
    to->name = hello->name;
    set_identity (to, key, hello->instance);
    to->workers = in->workers;
    to->worker_count = (uint32_t)hello->worker_count;
    to->held = in->held;
    to->held_count = (uint32_t)hello->held_count;
}

static aut_store_blob_t blob_of (const aut_ref_t *ref)
{
    return (aut_store_blob_t){ref->hash, ref->size};
}

/*  Whether a result's file is stored, with the size that was told. */
static int check_blob (node_t *self, const aut_ref_t *ref, const char *what)
{
    uint64_t size;
    char hex[AUT_HASH_HEX];
    if (!aut_ref_present (ref))
        return 0;
    if (!aut_blobs_has (self->broker->blobs, &ref->hash, &size))
        return aut_fail (AUT_ERR_NOT_FOUND,
                         "the %s %s is not in the artifact store: upload it first", what,
                         aut_hash_hex (&ref->hash, hex));
    if (size != ref->size)
        return aut_fail (AUT_ERR_INVALID, "the %s %s has %llu bytes, not %llu", what,
                         aut_hash_hex (&ref->hash, hex), (unsigned long long)size,
                         (unsigned long long)ref->size);
    return 0;
}

static int fill_done (node_t *self, aut_in_t *in)
{
    const aut_msg_done_t *done = &in->msg.done;
    int rc = check_blob (self, &done->mezzanine, "mezzanine");
    if (!rc)
        rc = check_blob (self, &done->tail, "tail");
    if (!rc)
        rc = check_blob (self, &done->preview, "preview");
    if (!rc)
        rc = check_blob (self, &done->metadata, "metadata");
    if (rc)
        return rc;
    aut_store_result_t *result = in->result = aut_calloc (1, sizeof *result);
    result->mezzanine = blob_of (&done->mezzanine);
    result->tail = blob_of (&done->tail);
    result->preview = blob_of (&done->preview);
    result->metadata = blob_of (&done->metadata);
    result->used_count =
        (uint32_t)(done->used_count < AUT_STORE_USED_MAX ? done->used_count : AUT_STORE_USED_MAX);
    if (result->used_count)
        memcpy (result->used, done->used, result->used_count * sizeof *result->used);
    result->seconds = done->seconds;
    result->peak_bytes = done->peak_bytes;
    snprintf (result->device, sizeof result->device, "%s", done->device ? done->device : "");
    in->event.u.task.done = (aut_core_done_t){.tail = done->tail.hash,
                                              .frames = done->mezzanine.hash,
                                              .used = done->used,
                                              .used_count = (uint32_t)done->used_count,
                                              .artifacts = result};
    return 0;
}

static aut_core_token_t core_token (const aut_token_t *token)
{
    return (aut_core_token_t){token->task, token->attempt, token->epoch};
}

/*  The message as the core's event. */
static int fill_event (node_t *self, session_t *session, aut_in_t *in)
{
    const aut_msg_t *msg = &in->msg;
    aut_core_event_t *event = &in->event;
    switch (msg->type) {
    case AUT_MSG_HELLO:
        event->kind = AUT_EV_HELLO;
        fill_hello (in, session->key);
        return 0;
    case AUT_MSG_STARTED:
        event->kind = AUT_EV_STARTED;
        event->u.task.token = core_token (&msg->started.token);
        return 0;
    case AUT_MSG_PROGRESS:
        event->kind = AUT_EV_PROGRESS;
        event->u.task.token = core_token (&msg->progress.token);
        event->u.task.step = msg->progress.step;
        event->u.task.steps = msg->progress.steps;
        event->u.task.frame = msg->progress.frame;
        event->u.task.frames = msg->progress.frames;
        aut_in_offer (in, self->broker, &session->pace);
        return 0;
    case AUT_MSG_DONE:
        event->kind = AUT_EV_DONE;
        event->u.task.token = core_token (&msg->done.token);
        return fill_done (self, in);
    case AUT_MSG_FAIL:
        event->kind = AUT_EV_FAIL;
        event->u.task.token = core_token (&msg->fail.token);
        event->u.task.code = msg->fail.code;
        event->u.task.message = msg->fail.message;
        return 0;
    case AUT_MSG_RELEASE:
        event->kind = AUT_EV_RELEASE;
        event->u.task.token = core_token (&msg->release.token);
        return 0;
    case AUT_MSG_BYE:
        event->kind = AUT_EV_BYE;
        return 0;
    default:
        return aut_fail (AUT_ERR_UNSUPPORTED, "%s is no message of the node socket",
                         aut_msg_name (msg->type));
    }
}

static void send_error (node_t *self, session_t *session, int code)
{
    aut_net_send_error_to (self->sock, &session->route, 0, 0, code);
    session->spoke_ms = aut_mono_ms (self->broker->clock);
}

/*  A result that does not hold may be mended; from a node that goes on like this it is a failed
 *  attempt, so that the core gives the task to others. */
static bool fail_liar (session_t *session, aut_in_t *in)
{
    if (in->msg.type != AUT_MSG_DONE || ++session->lies < LIES_MAX)
        return false;
    in->event.kind = AUT_EV_FAIL;
    in->event.u.task.code = aut_error_text (AUT_ERR_CORRUPT);
    in->event.u.task.message = "its node says that it is done, and the files are not there";
    return true;
}

static void take (node_t *self, session_t *session, aut_received_t *received)
{
    aut_in_t *in = aut_calloc (1, sizeof *in);
    in->at_us = aut_broker_us (self->broker);
    in->msg = received->msg;
    memset (&received->msg, 0, sizeof received->msg);
    in->event.peer = session->peer;
    int rc = fill_event (self, session, in);
    if (rc) {
        aut_refusals_note (self->broker->refusals, AUT_REFUSED_RESULT, aut_error_detail ());
        send_error (self, session, rc);
        if (!fail_liar (session, in)) {
            aut_in_destroy (in);
            return;
        }
    }
    bool bye = in->event.kind == AUT_EV_BYE;
    if (in->event.kind == AUT_EV_HELLO)
        memcpy (session->instance, in->msg.hello.instance, sizeof session->instance);
    post (self, in);
    if (bye)
        drop_session (self, session);
}

/*  The session of a holder that gives way to a new one: that of the same process before it
 *  connected again, else the one that was silent for longest, if the core counts it as lost. */
static session_t *find_old (node_t *self, const holder_t *holder, const uint8_t *instance)
{
    session_t *old = NULL;
    for (session_t *s = self->peers; s; s = s->by_peer.next) {
        if (s->holder == holder && memcmp (s->instance, instance, sizeof s->instance) == 0)
            return s;
        if (s->holder == holder && (!old || s->heard_ms < old->heard_ms))
            old = s;
    }
    int64_t now = aut_mono_ms (self->broker->clock);
    return old && now - old->heard_ms > self->silent_ms ? old : NULL;
}

/*  Whether there is room for the session that a HELLO asks for. */
static int make_room (node_t *self, const aut_received_t *in)
{
    uint32_t max = self->broker->options.key_nodes;
    const holder_t *holder = find_holder (self, in, false);
    if (HASH_CNT (by_peer, self->peers) >= SESSIONS_MAX)
        return aut_fail (AUT_ERR_AGAIN, "the broker has %d nodes already", SESSIONS_MAX);
    if (!max)
        max = HOLDER_SESSIONS;
    if (!holder || holder->sessions < max)
        return 0;
    session_t *old = find_old (self, holder, in->msg.hello.instance);
    if (old) {
        tell_gone (self, old);
        return 0;
    }
    return aut_fail (AUT_ERR_AGAIN,
                     "%u nodes of this %s are here already, and no more are taken: give the others "
                     "keys of their own, or start the broker with --nodes-per-key",
                     max, in->user[0] ? "key" : "address");
}

/*  A word from a route that has no session: only HELLO makes one. */
static void greet (node_t *self, aut_received_t *in)
{
    int rc;
    if (in->msg.type == AUT_MSG_ERROR || in->msg.type == AUT_MSG_BYE)
        return;
    if (in->msg.type != AUT_MSG_HELLO)
        rc = aut_fail (AUT_ERR_STATE, "this broker does not know you: say HELLO first");
    else if (!(rc = make_room (self, in))) {
        take (self, add_session (self, in), in);
        return;
    } else
        aut_refusals_note (self->broker->refusals, AUT_REFUSED_CROWD, aut_error_detail ());
    aut_net_send_error_to (self->sock, &in->peer, 0, 0, rc);
}

static void receive_one (node_t *self, aut_received_t *in)
{
    session_t *session = find_route (self, &in->peer);
    int rc = aut_guard_check (self->broker->guard, in->user, AUT_PORT_NODE);
    if (rc) {
        if (session)
            shut_out (self, session);
        aut_net_send_error_to (self->sock, &in->peer, 0, 0, rc);
        return;
    }
    if (session && strcmp (session->key, in->user) != 0) {
        tell_gone (self, session); /* a peer may name its own route: this one is somebody else */
        session = NULL;
    }
    if (!session) {
        greet (self, in);
        return;
    }
    heard (self, session);
    if (in->msg.type == AUT_MSG_PING)
        send_to (self, session, &(aut_msg_t){.type = AUT_MSG_PONG});
    else if (in->msg.type != AUT_MSG_PONG && in->msg.type != AUT_MSG_ERROR)
        take (self, session, in);
}

static void receive (node_t *self)
{
    for (int i = 0; i < ROUND; i++) {
        aut_received_t in;
        int rc = aut_net_recv (self->sock, true, &in);
        if (rc != AUT_ERR_AGAIN)
            aut_door_heard (self->broker->door, in.fd);
        if (rc == 0)
            receive_one (self, &in);
        else if (rc != AUT_ERR_AGAIN) {
            aut_refusals_note (self->broker->refusals, AUT_REFUSED_MESSAGE, aut_error_detail ());
            if (in.msg.type)
                aut_net_send_to (self->sock, &in.peer, &in.msg, NULL, 0);
        }
        aut_received_clear (&in);
        if (rc == AUT_ERR_AGAIN)
            return;
    }
}

/* ---- time ----------------------------------------------------------------------------------- */

/*  Says PING to nodes that were told nothing for a while. */
static void beat (node_t *self)
{
    int64_t now = aut_mono_ms (self->broker->clock);
    if (now < self->next_beat)
        return;
    self->next_beat = now + self->ping_ms;
    for (session_t *s = self->peers, *next; s; s = next) {
        next = s->by_peer.next;
        if (now - s->spoke_ms >= self->ping_ms)
            send_to (self, s, &(aut_msg_t){.type = AUT_MSG_PING});
    }
}

/*  Sessions that were silent for much longer than the core waits are forgotten. */
static void expire (node_t *self)
{
    int64_t now = aut_mono_ms (self->broker->clock);
    for (session_t *s = self->peers, *next; s; s = next) {
        next = s->by_peer.next;
        if (now - s->heard_ms > 4 * self->silent_ms)
            tell_gone (self, s);
    }
}

/*  After a key was revoked: nodes of such keys are out also if they say nothing. */
static void look_at_keys (node_t *self)
{
    uint64_t losses = aut_guard_losses (self->broker->guard);
    if (losses == self->losses)
        return;
    self->losses = losses;
    for (session_t *s = self->peers, *next; s; s = next) {
        aut_who_t who;
        next = s->by_peer.next;
        aut_guard_who (self->broker->guard, s->key, &who);
        if (!(who.roles & AUT_MAY_NODE))
            shut_out (self, s);
    }
}

void aut_node_socket (zsock_t *pipe, void *args)
{
    aut_actor_args_t *a = args;
    node_t self = {.broker = a->broker, .sock = a->sock};
    self.ping_ms = a->broker->options.ping_ms;
    self.silent_ms = a->broker->options.silent_ms;
    self.losses = aut_guard_losses (a->broker->guard);
    zsock_signal (pipe, 0);
    for (;;) {
        int64_t wait = self.next_beat - aut_mono_ms (self.broker->clock);
        wait = wait < 0 ? 0 : wait > self.ping_ms ? self.ping_ms : wait;
        if (self.broker->guard && wait > AUT_BROKER_LOOK_MS)
            wait = AUT_BROKER_LOOK_MS;
        unsigned bits = aut_socket_wait (self.sock, pipe, self.broker->to_nodes, (int)wait);
        if (bits & 4)
            send_waiting (&self);
        if (bits & 1)
            receive (&self);
        if (bits & 2)
            break;
        look_at_keys (&self);
        if (aut_mono_ms (self.broker->clock) >= self.next_beat) {
            beat (&self);
            expire (&self);
        }
        wake_loop (&self);
    }
    send_waiting (&self);
    while (self.peers)
        drop_session (&self, self.peers);
    aut_socket_close (&self.sock);
}
