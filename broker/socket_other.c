/*  The threads of the data socket (the artifact service) and of the events' XPUB. */
#include "broker/internal.h"
#include "broker/ledger.h"

#include "lib/core/error.h"
#include "lib/core/log.h"
#include "lib/core/mem.h"
#include "proto/artifact_server.h"

#include <stdlib.h>

#define LOG "broker"
#define BIND_TRIES 500
#define BIND_PAUSE_MS 10

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
        aut_artifact_server_guard (
            server, &(aut_artifact_guard_t){
                        .check = may_transfer, .put = may_put, .heard = heard, .ctx = &self});
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
        aut_note_destroy (note);
    }
}

/*  A subscriber cannot be cut off alone, and one whose key was revoked would listen for ever: all
 *  are, by a new socket at the same address. Those that may come back do so by themselves within
 *  moments and ask the status socket for what they missed. */
static void bind_anew (aut_broker_t *broker, zsock_t **sock)
{
    char *endpoint = aut_strdup (zsock_endpoint (*sock));
    int rc = AUT_ERR_IO;
    zsock_set_linger (*sock, 0);
    zsock_unbind (*sock, "%s", endpoint);
    aut_socket_close (sock);
    for (int tries = 0; rc && tries < BIND_TRIES; tries++) {
        rc = aut_net_bind_curve (sock, AUT_PORT_EVENTS, endpoint, aut_guard_pair (broker->guard));
        if (rc)
            zclock_sleep (BIND_PAUSE_MS); /* the old one is being closed */
    }
    if (rc)
        aut_log (AUT_LOG_ERROR, LOG, "events are not published any more: %s", aut_error_detail ());
    free (endpoint);
}

void aut_events_socket (zsock_t *pipe, void *args)
{
    aut_actor_args_t *a = args;
    aut_broker_t *broker = a->broker;
    zsock_t *sock = a->sock;
    uint64_t losses = aut_guard_losses (broker->guard);
    zsock_signal (pipe, 0);
    for (;;) {
        unsigned bits = aut_socket_wait (sock, pipe, broker->to_events,
                                         broker->guard ? AUT_BROKER_LOOK_MS : -1);
        if (sock && aut_guard_losses (broker->guard) != losses) {
            losses = aut_guard_losses (broker->guard);
            bind_anew (broker, &sock);
            bits &= ~1u;
        }
        if (bits & 4)
            publish (broker, sock);
        if (bits & 1) {
            /* Subscriptions are the socket's own business: read and let go. */
            zframe_t *frame = zframe_recv (sock);
            zframe_destroy (&frame);
        }
        if (bits & 2)
            break;
    }
    publish (broker, sock);
    aut_socket_close (&sock);
}
