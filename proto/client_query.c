/*  Queries on the status socket: ask, and ask again on a new socket after silence. A query has no
 *  number, so the old socket is closed first: a late answer can then not be taken for a new one. */
#include "lib/core/error.h"
#include "lib/core/json.h"
#include "lib/core/mem.h"
#include "proto/client_internal.h"

#include <string.h>

#define FIRST_WAIT_MS 3000
#define WAIT_MAX_MS 30000
#define AGAIN_MS 200
#define AGAIN_MAX 150 /* half a minute */

/*  Sends the envelope and the text; AUT_ERR_AGAIN if nobody is connected. */
static int send_query (aut_client_t *self, const char *text)
{
    int rc;
    if (!self->status) {
        rc = aut_net_connect_watched (&self->status, &self->status_watch, AUT_PORT_STATUS,
                                      self->endpoints.url[AUT_PORT_STATUS], &self->curve);
        if (rc)
            return rc;
    }
    void *sock = zsock_resolve (self->status);
    do
        rc = zmq_send (sock, "", 0, ZMQ_DONTWAIT | ZMQ_SNDMORE);
    while (rc < 0 && zmq_errno () == EINTR);
    if (rc < 0)
        return AUT_ERR_AGAIN;
    zmq_send (sock, text, strlen (text), ZMQ_DONTWAIT);
    return 0;
}

/*  Waits for the reply until `until_ms`: 0, AUT_ERR_AGAIN, or why the call ends. */
static int await (aut_client_t *self, const aut_call_t *call, int64_t until_ms, zmq_msg_t *frame)
{
    void *sock = zsock_resolve (self->status);
    while (aut_mono_ms (self->clock) < until_ms) {
        while (zmq_msg_recv (frame, sock, ZMQ_DONTWAIT) >= 0)
            if (zmq_msg_size (frame) && !zmq_msg_more (frame))
                return 0;
        int rc = aut_client_check (self, call);
        if (rc)
            return rc;
        if (aut_client_moved (self))
            break;
        aut_net_wait (self->status, NULL, AUT_CLIENT_POLL_MS);
    }
    return AUT_ERR_AGAIN;
}

/*  The reply as JSON; {"error":{"code","message"}} becomes a failure. */
static int parse_reply (zmq_msg_t *frame, json_t **reply)
{
    json_t *root;
    int rc = aut_json_parse (&root, zmq_msg_data (frame), zmq_msg_size (frame), "status reply");
    if (rc)
        return rc;
    const json_t *error = json_object_get (root, "error");
    if (!error) {
        *reply = root;
        return 0;
    }
    const char *code = "", *message = "no message";
    aut_json_string (error, "code", &code);
    aut_json_string (error, "message", &message);
    rc = aut_fail (strcmp (code, "gone") == 0 ? AUT_ERR_NOT_FOUND : aut_error_code (code), "%s",
                   message);
    json_decref (root);
    return rc;
}

/*  Asks until there is an answer, which may be a refusal. */
static int ask (aut_client_t *self, const char *request, int64_t deadline_ms, json_t **reply)
{
    aut_call_t call;
    aut_client_begin (self, &call, AUT_PORT_STATUS);
    call.deadline_ms = deadline_ms;
    int64_t wait_ms = FIRST_WAIT_MS;
    zmq_msg_t frame;
    zmq_msg_init (&frame);
    *reply = NULL;
    int rc = 0;
    for (bool answered = false; rc == 0 && !answered;) {
        rc = send_query (self, request);
        if (rc && rc != AUT_ERR_AGAIN)
            break;
        bool sent = rc == 0;
        int64_t until = aut_mono_ms (self->clock) + (sent ? wait_ms : AUT_CLIENT_POLL_MS);
        rc = await (self, &call, until, &frame);
        answered = rc == 0;
        if (answered || rc != AUT_ERR_AGAIN)
            break;
        if (sent) {
            aut_net_close (&self->status, &self->status_watch);
            wait_ms = 2 * wait_ms < WAIT_MAX_MS ? 2 * wait_ms : WAIT_MAX_MS;
        }
        if (aut_mono_ms (self->clock) - call.start_ms >= FIRST_WAIT_MS)
            aut_client_silent (self);
        rc = aut_client_check (self, &call);
    }
    if (rc == 0) {
        aut_client_up (self);
        rc = parse_reply (&frame, reply);
    } else
        aut_net_close (&self->status, &self->status_watch);
    zmq_msg_close (&frame);
    return rc;
}

/*  A broker that has too many questions says so: that is a reason to ask later, no failure. */
int aut_client_query_until (aut_client_t *self, const char *request, int64_t deadline_ms,
                            json_t **reply)
{
    int rc = ask (self, request, deadline_ms, reply);
    for (int tries = 1; rc == AUT_ERR_AGAIN && tries < AGAIN_MAX; tries++) {
        if (deadline_ms && aut_mono_ms (self->clock) >= deadline_ms)
            break;
        aut_net_wait (self->status, NULL, AGAIN_MS);
        rc = ask (self, request, deadline_ms, reply);
    }
    return rc;
}

int aut_client_query (aut_client_t *self, const char *request, json_t **reply)
{
    return aut_client_query_until (self, request, 0, reply);
}
