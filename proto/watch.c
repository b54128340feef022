/*  What a broker says to a connection before the first message: a socket's monitor.
 *
 *  A refused handshake is silence to a DEALER, so this is the only way to tell "no broker there"
 *  from "a broker that does not know this key".
 */
#include "proto/watch.h"

#include "lib/core/error.h"
#include "lib/core/mem.h"
#include "proto/monitor.h"

#include <stdlib.h>
#include <string.h>

#define EVENTS                                                                                     \
    (ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH |                             \
     ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL)
#define CUT_OFF_MAX 3 /* handshakes cut off one after another until our key is suspected */

struct aut_watch {
    void *events; /* PAIR */
    aut_port_t port;
    char *endpoint, *own_key, *server_key, *dir; /* keys: "" without CURVE */
    unsigned cut_off;
    char *refusal; /* the sentence, once there is one */
    char *hint;
};

static void destroy (aut_watch_t *self)
{
    if (self->events)
        zmq_close (self->events);
    free (self->endpoint);
    free (self->own_key);
    free (self->server_key);
    free (self->dir);
    free (self->refusal);
    free (self->hint);
    free (self);
}

int aut_watch_new (aut_watch_t **out, zsock_t *sock, aut_port_t port, const char *endpoint,
                   const aut_curve_t *curve)
{
    aut_watch_t *self = aut_calloc (1, sizeof *self);
    bool keys = curve && curve->server_key[0];
    self->port = port;
    self->endpoint = aut_strdup (endpoint);
    self->own_key = aut_strdup (keys ? curve->own.public_key : "");
    self->server_key = aut_strdup (keys ? curve->server_key : "");
    self->dir = aut_strdup (keys ? curve->dir : "");
    *out = self;
    if (strncmp (endpoint, "inproc:", 7) == 0)
        return 0; /* there are no handshakes within a process */
    self->events = aut_monitor_open (sock, EVENTS);
    return self->events ? 0 : AUT_ERR_IO;
}

void aut_net_close (zsock_t **sock, aut_watch_t **watch)
{
    if (watch && *watch) {
        if ((*watch)->events && *sock)
            zmq_socket_monitor (zsock_resolve (*sock), NULL, 0);
        destroy (*watch);
        *watch = NULL;
    }
    zsock_destroy (sock);
}

/* ---- what the events mean ------------------------------------------------------------------- */

static char *auth_text (const aut_watch_t *self, uint32_t status)
{
    const char *role = aut_port_role (self->port);
    if (status == 500) /* ours: the key is known in another role */
        return aut_sprintf ("the broker at %s (its %s port) knows this key, but not in a role that "
                            "may use this port. On its machine: auteur keys allow --as %s NAME "
                            "'%s'",
                            self->endpoint, aut_port_name (self->port), role, self->own_key);
    return aut_sprintf ("the broker at %s (its %s port) does not know this key. On its machine: "
                        "auteur keys allow --as %s NAME '%s'",
                        self->endpoint, aut_port_name (self->port), role, self->own_key);
}

static char *mismatch_text (const aut_watch_t *self)
{
    if (self->own_key[0])
        return aut_sprintf ("the broker at %s (its %s port) runs without keys, and this connection "
                            "has them: start the broker with --keys DIR, or connect with "
                            "--insecure",
                            self->endpoint, aut_port_name (self->port));
    return aut_sprintf ("the broker at %s (its %s port) requires keys. Here: auteur keys new and "
                        "auteur keys allow --as broker NAME 'KEY', with the KEY that auteur keys "
                        "show prints on the broker's machine; there: auteur keys allow --as %s "
                        "NAME 'KEY', with the key that new printed",
                        self->endpoint, aut_port_name (self->port), aut_port_role (self->port));
}

static char *cut_off_text (const aut_watch_t *self)
{
    return aut_sprintf ("something at %s (the %s port) takes connections, but not under the "
                        "broker's key that is known here, %s: compare it with auteur keys show on "
                        "the broker's machine, and mend it with auteur keys allow --as broker "
                        "NAME 'KEY' --keys %s",
                        self->endpoint, aut_port_name (self->port), self->server_key, self->dir);
}

static void take_event (aut_watch_t *self, unsigned event, uint32_t value)
{
    if (event == ZMQ_EVENT_HANDSHAKE_SUCCEEDED)
        self->cut_off = 0;
    if (self->refusal)
        return;
    if (event == ZMQ_EVENT_HANDSHAKE_FAILED_AUTH)
        self->refusal = auth_text (self, value);
    else if (event == ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL &&
             value == ZMQ_PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH)
        self->refusal = mismatch_text (self);
    else if (event == ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL)
        self->cut_off++; /* also of a broker that was killed: no proof */
}

int aut_watch_check (aut_watch_t *self)
{
    unsigned event;
    uint32_t value;
    while (self && self->events && aut_monitor_read (self->events, &event, &value))
        take_event (self, event, value);
    return self && self->refusal ? aut_fail (AUT_ERR_UNREACHABLE, "%s", self->refusal) : 0;
}

const char *aut_watch_hint (aut_watch_t *self)
{
    if (!self || !self->own_key[0] || self->cut_off < CUT_OFF_MAX)
        return NULL;
    free (self->hint);
    self->hint = cut_off_text (self);
    return self->hint;
}
