/*  See link.h. A broker that refuses a key ends a socket for good; the session's reconnections open
 *  others, and one that finds the key allowed goes on as if nothing had been. */
#include "node/link.h"

#include "lib/core/error.h"
#include "lib/core/log.h"
#include "lib/core/mem.h"

#include <stdlib.h>
#include <string.h>

#define REFUSED_MS 8000 /* a node that was never let in gives up after so long */
#define TELL_MS 60000

static int choose_keys (aut_node_link_t *self, const char *key)
{
    aut_endpoints_t broker = {.name = self->node_endpoint, .key = (char *)key};
    broker.url[AUT_PORT_CLIENT] = self->node_endpoint;
    aut_curve_t chosen;
    int rc = aut_curve_choose (&chosen, self->keys, self->insecure, &broker);
    if (!rc)
        self->curve = chosen; /* else the old keys stay: no keys would be a plain connection */
    return rc;
}

/*  Addresses and keys as they are now. A restarted broker rewrites its file. */
static int look_up (aut_node_link_t *self)
{
    aut_endpoints_t found = {0};
    int rc = 0;
    if (self->endpoints_file && aut_endpoints_load (&found, self->endpoints_file) == 0) {
        free (self->node_endpoint);
        free (self->data_endpoint);
        self->node_endpoint = aut_strdup (found.url[AUT_PORT_NODE]);
        self->data_endpoint = aut_strdup (found.url[AUT_PORT_DATA]);
    }
    if (self->node_endpoint)
        rc = choose_keys (self, found.key);
    aut_endpoints_clear (&found);
    return rc;
}

int aut_node_link_init (aut_node_link_t *self, const aut_node_options_t *options)
{
    *self = (aut_node_link_t){.insecure = options->insecure};
    self->node_endpoint = aut_strdup (options->node_endpoint);
    self->data_endpoint = aut_strdup (options->data_endpoint);
    self->endpoints_file = aut_strdup (options->endpoints_file);
    self->keys = aut_strdup (options->keys);
    return look_up (self);
}

void aut_node_link_clear (aut_node_link_t *self)
{
    aut_net_close (&self->sock, &self->watch);
    free (self->node_endpoint);
    free (self->data_endpoint);
    free (self->endpoints_file);
    free (self->keys);
    free (self->fault_text);
    memset (self, 0, sizeof *self);
}

void aut_node_link_connect (aut_node_link_t *self)
{
    /* what the old socket was told stays known, though its watch goes */
    aut_net_close (&self->sock, &self->watch);
    int rc = look_up (self);
    if (rc == 0 && self->node_endpoint)
        rc = aut_net_connect_watched (&self->sock, &self->watch, AUT_PORT_NODE, self->node_endpoint,
                                      &self->curve);
    if (rc)
        aut_log (AUT_LOG_ERROR, "node", "%s", aut_error_detail ());
}

bool aut_node_link_check (aut_node_link_t *self, bool online, int64_t now_ms)
{
    if (online) {
        self->was_online = true;
        self->refused_ms = 0;
    }
    int rc = aut_watch_check (self->watch);
    const char *hint = rc || online ? NULL : aut_watch_hint (self->watch);
    if (hint) /* no proof, so it goes on asking */
        aut_fail (AUT_ERR_UNREACHABLE, "%s", hint);
    else if (rc == 0)
        return false;
    if (!self->refused_ms)
        self->refused_ms = now_ms;
    if (rc && !self->was_online && now_ms - self->refused_ms >= REFUSED_MS) {
        self->fault = rc;
        self->fault_text = aut_strdup (aut_error_detail ());
        return true;
    }
    if (!self->told_ms || now_ms - self->told_ms >= TELL_MS) {
        aut_log (AUT_LOG_WARN, "node", "%s", aut_error_detail ());
        self->told_ms = now_ms;
    }
    return false;
}

int aut_node_link_fault (const aut_node_link_t *self)
{
    return self->fault ? aut_fail (self->fault, "%s", self->fault_text) : 0;
}
