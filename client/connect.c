#include "client/connect.h"
#include "client/interrupt.h"
#include "lib/core/error.h"
#include "lib/core/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define CANCEL_MS 2000
#define CONTACT_MS 12000 /* then a broker that was never reached is named, well within 15 s */

static void on_connection (void *ctx, bool up)
{
    (void)ctx;
    if (up)
        fprintf (stderr, "The broker is back.\n");
    else
        fprintf (stderr, "The broker does not answer; waiting for it (work goes on by itself).\n");
}

static int open_local (aut_session_t *self, const aut_common_t *common, aut_session_mode_t mode,
                       uint32_t workers)
{
    self->state = aut_common_state (common);
    aut_local_options_t options = {.state = self->state,
                                   .models = common->models,
                                   .node = mode == AUT_SESSION_RENDER,
                                   .workers = workers,
                                   .cancelled = aut_interrupt_cancelled};
    if (mode == AUT_SESSION_READ && access (self->state, F_OK) != 0)
        return aut_fail (AUT_ERR_INVALID,
                         "nothing was rendered on this machine yet (%s is not there); "
                         "name a cluster with --broker HOST",
                         self->state);
    int rc = aut_local_start (&self->local, &options);
    if (rc == 0)
        aut_endpoints_inproc (&self->endpoints, aut_local_prefix (self->local));
    return rc;
}

int aut_session_open (aut_session_t *out, const aut_common_t *common, aut_session_mode_t mode,
                      uint32_t workers)
{
    *out = (aut_session_t){0};
    aut_net_init ();
    int rc;
    if (common->endpoints && *common->endpoints)
        out->endpoints_file = common->endpoints;
    if (out->endpoints_file)
        rc = aut_endpoints_load (&out->endpoints, common->endpoints);
    else if (common->broker && *common->broker)
        rc = aut_endpoints_parse (&out->endpoints, common->broker);
    else if (mode == AUT_SESSION_CLUSTER_ONLY)
        rc = aut_fail (AUT_ERR_INVALID,
                       "this needs a broker: name it with --broker HOST[:PORT] or AUTEUR_BROKER");
    else
        rc = open_local (out, common, mode, workers);
    aut_client_options_t options = {.contact_ms = CONTACT_MS,
                                    .endpoints_file = out->endpoints_file,
                                    .cancelled = aut_interrupt_cancelled,
                                    .connection = on_connection};
    if (common->timeout >= 0) {
        options.timeout_ms = (int64_t)(common->timeout * 1000) + 1;
        if (options.timeout_ms < CONTACT_MS)
            options.contact_ms = options.timeout_ms;
    }
    if (rc == 0)
        rc = aut_curve_choose (&out->curve, common->keys, common->insecure, &out->endpoints);
    options.curve = &out->curve;
    if (rc == 0)
        rc = aut_client_new (&out->client, &out->endpoints, &options);
    if (rc)
        aut_session_close (out);
    return rc;
}

void aut_session_close (aut_session_t *self)
{
    aut_client_destroy (&self->client);
    aut_endpoints_clear (&self->endpoints);
    aut_local_stop (&self->local);
    free (self->state);
    self->state = NULL;
}

int aut_session_cancel_now (aut_session_t *self, const char *job)
{
    /* The session's own client answers every call with "interrupted" by now. */
    aut_client_t *client = NULL;
    aut_endpoints_t now;
    if (self->endpoints_file && aut_endpoints_load (&now, self->endpoints_file) == 0) {
        aut_endpoints_clear (&self->endpoints);
        self->endpoints = now;
    }
    const aut_client_options_t options = {
        .contact_ms = CANCEL_MS, .timeout_ms = CANCEL_MS, .curve = &self->curve};
    int rc = aut_client_new (&client, &self->endpoints, &options);
    if (rc == 0)
        rc = aut_client_cancel (client, job);
    aut_client_destroy (&client);
    return rc;
}
