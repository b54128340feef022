/*  The threads of the data socket (the artifact service) and of the events' XPUB. */
#include "broker/internal.h"
#include "broker/ledger.h"

#include "lib/core/error.h"
#include "lib/core/log.h"
#include "lib/core/mem.h"
#include "proto/artifact_server.h"

#include <stdlib.h>

#define LOG "broker"
#define BIND_TRIES 100 /* with the short pause; then with the long one, for ever */
#define BIND_PAUSE_MS 10
#define BIND_RETRY_MS 1000
#define SUBSCRIPTIONS 4096 /* taken before events are published again */

/*  The data thread's own. */
typedef struct {
    aut_broker_t *broker;
    aut_ledger_t *ledger; /* NULL without keys */
} data_t;

static int may_transfer (void *ctx, const char *user)
{
    data_t *self = ctx;
    return aut_guard_check (self->broker->guard, user, AUT_PORT_DATA);
}

/*  What nodes bring are results: only clients have a quota. */
static int may_put (void *ctx, const char *user, const aut_hash_t *hash, uint64_t size)
{
    data_t *self = ctx;
    aut_who_t who;
    if (!self->ledger || !aut_guard_who (self->broker->guard, user, &who) ||
        (who.roles & AUT_MAY_NODE))
        return 0;
    return aut_ledger_take (self->ledger, user, who.name, hash, size, who.max_bytes);
}

static void heard (void *ctx, int fd, bool good)
{
    data_t *self = ctx;
    aut_broker_t *broker = self->broker;
    aut_door_heard (broker->door, fd);
    if (!good)
        aut_refusals_note (broker->refusals, AUT_REFUSED_MESSAGE, aut_error_detail ());
}

/*  Pictures of running chunks are fetched like blobs. */
static int open_live (void *ctx, const aut_hash_t *hash, int *fd, uint64_t *size)
{
    data_t *self = ctx;
    return aut_live_open (self->broker->live, hash, fd, size);
}

void aut_data_socket (zsock_t *pipe, void *args)
{
    aut_actor_args_t *a = args;
    aut_broker_t *broker = a->broker;
    zsock_t *sock = a->sock;
    aut_artifact_server_t *server = NULL;
    data_t self = {.broker = broker};
    int rc = aut_artifact_server_new (&server, broker->blobs, NULL, NULL, NULL);
    if (!rc && broker->guard)
        rc = aut_ledger_open (&self.ledger, broker->state_dir, broker->blobs);
    if (rc)
        aut_log (AUT_LOG_ERROR, LOG, "artifact service: %s", aut_error_detail ());
    else
        aut_artifact_server_guard (server, &(aut_artifact_guard_t){.check = may_transfer,
                                                                   .put = may_put,
                                                                   .heard = heard,
                                                                   .open = open_live,
                                                                   .ctx = &self});
    zsock_signal (pipe, rc ? 1 : 0);
    while (!rc && !aut_artifact_server_step (server, sock, pipe, 1000, broker->clock)) {
        aut_artifact_stats_t stats;
        aut_artifact_server_stats (server, &stats);
        __atomic_store_n (&broker->data_received, stats.received, __ATOMIC_RELAXED);
        __atomic_store_n (&broker->data_sent, stats.sent, __ATOMIC_RELAXED);
        aut_refusals_reach (broker->refusals, AUT_REFUSED_TRANSFER, stats.refused,
                            "an upload or download");
        __atomic_store_n (&broker->data_stored, stats.stored, __ATOMIC_RELAXED);
    }
    aut_artifact_server_destroy (&server);
    aut_ledger_close (&self.ledger);
    aut_socket_close (&sock);
}

static void publish (aut_broker_t *broker, zsock_t *sock)
{
    void *items[256];
    size_t count = aut_mailbox_take (broker->to_events, items, 256);
    for (size_t i = 0; i < count; i++) {
        aut_note_t *note = items[i];
        /* A watcher that is too slow loses it here and fills the gap by its sequence number. */
        if (sock)
            aut_net_publish (sock, note->topic, note->text, note->size);
        aut_meter_add (&broker->meters.event_lag, aut_broker_us (broker) - note->made_us);
        aut_note_destroy (note);
    }
}

/*  The events thread's own. */
typedef struct {
    aut_broker_t *broker;
    zsock_t *sock; /* NULL while the port cannot be had */
    char *endpoint;
    unsigned tries; /* to have it back, in vain */
    int64_t next_try;
    uint64_t losses; /* of keys, when the subscribers were last cut */
} events_t;

static void bind_again (events_t *self)
{
    aut_broker_t *broker = self->broker;
    int64_t now = aut_mono_ms (broker->clock);
    if (self->sock || now < self->next_try)
        return;
    int rc = aut_net_bind_curve (&self->sock, AUT_PORT_EVENTS, self->endpoint,
                                 aut_guard_pair (broker->guard));
    if (rc && ++self->tries == BIND_TRIES)
        aut_log (AUT_LOG_ERROR, LOG, "events are not published: %s; it is tried again every second",
                 aut_error_detail ());
    else if (!rc && self->tries >= BIND_TRIES)
        aut_log (AUT_LOG_INFO, LOG, "events are published again");
    self->next_try = now + (self->tries < BIND_TRIES ? BIND_PAUSE_MS : BIND_RETRY_MS);
    __atomic_store_n (&broker->events_down, self->sock == NULL, __ATOMIC_RELAXED);
}

/*  A subscriber cannot be cut off alone, and one whose key was revoked would listen for ever: all
 *  are, by a new socket at the same address. Those that may come back do so by themselves within
 *  moments and ask the status socket for what they missed. */
static void cut_all (events_t *self)
{
    uint64_t losses = aut_guard_losses (self->broker->guard);
    if (!self->sock || losses == self->losses)
        return;
    self->losses = losses;
    zsock_set_linger (self->sock, 0);
    zsock_unbind (self->sock, "%s", self->endpoint);
    aut_socket_close (&self->sock);
    self->tries = 0;
    self->next_try = 0;
}

/*  Subscriptions are the socket's own business: they say that somebody is there, and go. */
static void take_subscriptions (events_t *self)
{
    int rc = 0;
    for (int i = 0; rc >= 0 && i < SUBSCRIPTIONS; i++) {
        zmq_msg_t frame;
        zmq_msg_init (&frame);
        rc = zmq_msg_recv (&frame, zsock_resolve (self->sock), ZMQ_DONTWAIT);
        if (rc >= 0)
            aut_door_heard (self->broker->door, zmq_msg_get (&frame, ZMQ_SRCFD));
        zmq_msg_close (&frame);
    }
}

/*  How long to wait, and for what: while the old socket is being closed, events wait; if the port
 *  cannot be had, they go to nobody. */
static unsigned wait_for_events (events_t *self, zsock_t *pipe)
{
    aut_broker_t *broker = self->broker;
    if (self->sock)
        return aut_socket_wait (self->sock, pipe, broker->to_events,
                                broker->guard ? AUT_BROKER_LOOK_MS : -1);
    bool soon = self->tries < BIND_TRIES;
    return aut_socket_wait (NULL, pipe, soon ? NULL : broker->to_events,
                            soon ? BIND_PAUSE_MS : BIND_RETRY_MS);
}

void aut_events_socket (zsock_t *pipe, void *args)
{
    aut_actor_args_t *a = args;
    events_t self = {.broker = a->broker, .sock = a->sock};
    self.losses = aut_guard_losses (self.broker->guard);
    self.endpoint = aut_strdup (zsock_endpoint (self.sock));
    zsock_signal (pipe, 0);
    for (;;) {
        unsigned bits = wait_for_events (&self, pipe);
        if (bits & 1)
            take_subscriptions (&self);
        cut_all (&self);
        bind_again (&self);
        if (bits & 4)
            publish (self.broker, self.sock);
        if (bits & 2)
            break;
    }
    publish (self.broker, self.sock);
    aut_socket_close (&self.sock);
    free (self.endpoint);
}
