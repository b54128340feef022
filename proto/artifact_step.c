/*  The artifact service over a ROUTER: one round of the data thread's loop. */
#include "proto/artifact_step.h"

#include "lib/core/error.h"

#include <stdlib.h>

#define STEP_MESSAGES 32 /* messages handled before downloads get their turn */

static void free_body (void *body, void *hint)
{
    free (body);
    aut_flight_land (hint);
}

int aut_artifact_socket_send (void *ctx, const aut_peer_t *peer, const aut_msg_t *msg, void *body,
                              size_t body_size, aut_flight_t *flight)
{
    if (!body)
        return aut_net_send_to (ctx, peer, msg, NULL, 0);
    return aut_net_send_body_to (ctx, peer, msg, body, body_size, free_body, flight);
}

/*  Handles what has come, at most STEP_MESSAGES; true if there may be more. */
static bool receive_some (aut_artifact_server_t *self, zsock_t *router, const aut_clock_t *clock)
{
    for (int i = 0; i < STEP_MESSAGES; i++) {
        aut_received_t in;
        int rc = aut_net_recv (router, true, &in);
        bool all = false;
        if (rc != AUT_ERR_AGAIN)
            aut_artifact_server_heard (self, in.fd, rc == 0);
        int refusal = rc ? 0 : aut_artifact_server_ask (self, in.user, &in.msg, &all);
        if (refusal) {
            aut_artifact_server_refuse (self, &in.peer, &in.msg, refusal, all);
        } else if (rc == 0) {
            size_t size;
            const void *body = aut_received_body (&in, &size);
            aut_artifact_server_message (self, &in.peer, in.user, &in.msg, body, size,
                                         aut_mono_ms (clock));
        } else if (rc != AUT_ERR_AGAIN && in.msg.type)
            aut_net_send_to (router, &in.peer, &in.msg, NULL, 0);
        aut_received_clear (&in);
        if (rc == AUT_ERR_AGAIN)
            return false;
    }
    return true;
}

bool aut_artifact_server_step (aut_artifact_server_t *self, zsock_t *router, zsock_t *wake,
                               int wait_ms, const aut_clock_t *clock)
{
    aut_artifact_server_use (self, router);
    bool more = receive_some (self, router, clock);
    int next = aut_artifact_server_tick (self, aut_mono_ms (clock));
    if (more || next < wait_ms)
        wait_ms = more ? 0 : next;
    if (!more)
        aut_net_wait (router, wake, wait_ms);
    return wake && (zsock_events (wake) & ZMQ_POLLIN);
}
