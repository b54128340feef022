/*  The threads of the data socket (the artifact service) and of the events' XPUB. */
#include "broker/internal.h"

#include "lib/core/error.h"
#include "lib/core/log.h"
#include "proto/artifact_server.h"

#define LOG "broker"

void aut_data_socket (zsock_t *pipe, void *args)
{
    aut_actor_args_t *a = args;
    aut_broker_t *broker = a->broker;
    zsock_t *sock = a->sock;
    aut_artifact_server_t *server = NULL;
    int rc = aut_artifact_server_new (&server, broker->blobs, NULL, NULL, NULL);
    if (rc)
        aut_log (AUT_LOG_ERROR, LOG, "artifact service: %s", aut_error_detail ());
    zsock_signal (pipe, rc ? 1 : 0);
    while (server && !aut_artifact_server_step (server, sock, pipe, 1000, broker->clock)) {
        aut_artifact_stats_t stats;
        aut_artifact_server_stats (server, &stats);
        __atomic_store_n (&broker->data_received, stats.received, __ATOMIC_RELAXED);
        __atomic_store_n (&broker->data_sent, stats.sent, __ATOMIC_RELAXED);
        __atomic_store_n (&broker->data_stored, stats.stored, __ATOMIC_RELAXED);
    }
    aut_artifact_server_destroy (&server);
    zsock_destroy (&sock);
}

static void publish (aut_broker_t *broker, zsock_t *sock)
{
    void *items[256];
    size_t count = aut_mailbox_take (broker->to_events, items, 256);
    for (size_t i = 0; i < count; i++) {
        aut_note_t *note = items[i];
        /* A watcher that is too slow loses it here and fills the gap by its sequence number. */
        aut_net_publish (sock, note->topic, note->text, note->size);
        aut_note_destroy (note);
    }
}

void aut_events_socket (zsock_t *pipe, void *args)
{
    aut_actor_args_t *a = args;
    aut_broker_t *broker = a->broker;
    zsock_t *sock = a->sock;
    zsock_signal (pipe, 0);
    for (;;) {
        unsigned bits = aut_socket_wait (sock, pipe, broker->to_events, -1);
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
    zsock_destroy (&sock);
}
