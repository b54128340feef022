/*  The client library's handle and its commands.
 *
 *  A request is sent, and sent again each RESEND_MS without an answer: the broker may have been
 *  restarted after taking it in, and every request may be repeated. After several repeats the
 * socket is opened anew, for a connection that is dead without having been closed.
 */
#include "lib/core/error.h"
#include "lib/core/mem.h"
#include "proto/client_internal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define CONTACT_MS 15000
#define RESEND_MS 3000
#define REOPEN_AFTER 5 /* repeats */
#define BACKOFF_MS 250
#define LOOK_MS 1000

int aut_client_new (aut_client_t **out, const aut_endpoints_t *endpoints,
                    const aut_client_options_t *options)
{
    aut_client_t *self = aut_calloc (1, sizeof *self);
    aut_endpoints_copy (&self->endpoints, endpoints);
    if (options)
        self->options = *options;
    self->endpoints_file = aut_strdup (self->options.endpoints_file);
    self->options.endpoints_file = NULL;
    if (self->options.curve)
        self->curve = *self->options.curve;
    self->options.curve = NULL;
    if (!self->options.contact_ms)
        self->options.contact_ms = CONTACT_MS;
    self->clock = aut_clock_system ();
    self->looked_ms = aut_mono_ms (self->clock);
    *out = self;
    return 0;
}

void aut_client_destroy (aut_client_t **self_p)
{
    if (!self_p || !*self_p)
        return;
    aut_client_t *self = *self_p;
    aut_artifact_client_destroy (&self->artifacts);
    aut_net_close (&self->commands, &self->commands_watch);
    aut_net_close (&self->status, &self->status_watch);
    zsock_destroy (&self->events);
    json_decref (self->fetched);
    aut_endpoints_clear (&self->endpoints);
    free (self->endpoints_file);
    free (self);
    *self_p = NULL;
}

static bool artifacts_cancelled (void *ctx)
{
    const aut_client_t *self = ctx;
    return self->options.cancelled && self->options.cancelled (self->options.ctx);
}

static const char *data_address (void *ctx)
{
    aut_client_t *self = ctx;
    aut_client_moved (self);
    return self->endpoints.url[AUT_PORT_DATA];
}

int aut_client_artifacts (aut_client_t *self, aut_artifact_client_t **out)
{
    aut_artifact_options_t options = {.contact_ms = self->options.contact_ms,
                                      .patience_ms = self->options.timeout_ms,
                                      .cancelled = artifacts_cancelled,
                                      .whereabouts = data_address,
                                      .curve = &self->curve,
                                      .ctx = self};
    int rc = 0;
    if (!self->artifacts)
        rc = aut_artifact_client_new (&self->artifacts, self->endpoints.url[AUT_PORT_DATA],
                                      &options);
    *out = self->artifacts;
    return rc;
}

/* ---- a call's limits --------------------------------------------------------------------------
 */

void aut_client_begin (aut_client_t *self, aut_call_t *call, aut_port_t port)
{
    *call = (aut_call_t){.start_ms = aut_mono_ms (self->clock), .port = port};
}

/*  Why nobody has answered so far: what the handshakes say, or the silence. */
static int unreached (aut_client_t *self, const char *url, aut_port_t port)
{
    const char *hint = aut_watch_hint (self->commands_watch);
    if (!hint)
        hint = aut_watch_hint (self->status_watch);
    if (hint)
        return aut_fail (AUT_ERR_UNREACHABLE, "%s", hint);
    return aut_fail (AUT_ERR_UNREACHABLE,
                     "no broker answers at %s within %lld s (asked on its %s port, %s): is "
                     "auteur-broker running there?",
                     self->endpoints.name ? self->endpoints.name : url,
                     (long long)(self->options.contact_ms + 999) / 1000, aut_port_name (port), url);
}

int aut_client_check (aut_client_t *self, const aut_call_t *call)
{
    if (self->options.cancelled && self->options.cancelled (self->options.ctx))
        return aut_fail (AUT_ERR_CANCELLED, "interrupted");
    int rc = aut_watch_check (self->commands_watch);
    if (!rc)
        rc = aut_watch_check (self->status_watch);
    if (rc)
        return rc;
    int64_t now = aut_mono_ms (self->clock), waited = now - call->start_ms;
    const char *url = self->endpoints.url[call->port];
    if (!self->contacted && waited >= self->options.contact_ms)
        return unreached (self, url, call->port);
    if (call->deadline_ms && now >= call->deadline_ms)
        return aut_fail (AUT_ERR_TIMEOUT, "no answer from %s yet", url);
    if (self->contacted && self->options.timeout_ms && waited >= self->options.timeout_ms)
        return aut_fail (AUT_ERR_TIMEOUT, "the broker at %s has not answered for %lld s", url,
                         (long long)waited / 1000);
    return 0;
}

static void tell (aut_client_t *self, bool up)
{
    if (self->options.connection)
        self->options.connection (self->options.ctx, up);
}

void aut_client_up (aut_client_t *self)
{
    self->contacted = true;
    if (self->down)
        tell (self, true);
    self->down = false;
}

void aut_client_silent (aut_client_t *self)
{
    if (self->contacted && !self->down) {
        self->down = true;
        tell (self, false);
    }
}

/* ---- a broker that moves ----------------------------------------------------------------------
 */

static bool same_places (const aut_endpoints_t *a, const aut_endpoints_t *b)
{
    for (unsigned i = 0; i < AUT_PORT_COUNT; i++)
        if (strcmp (a->url[i], b->url[i]) != 0)
            return false;
    return true;
}

bool aut_client_moved (aut_client_t *self)
{
    int64_t now = aut_mono_ms (self->clock);
    if (!self->endpoints_file || now - self->looked_ms < LOOK_MS)
        return false;
    self->looked_ms = now;
    aut_endpoints_t found;
    if (aut_endpoints_load (&found, self->endpoints_file))
        return false; /* while the broker is away the file is, too */
    zsock_t *events = NULL;
    if (same_places (&found, &self->endpoints) ||
        (self->events && aut_client_subscribe (&events, self, &found))) {
        aut_endpoints_clear (&found);
        return false;
    }
    aut_endpoints_clear (&self->endpoints);
    self->endpoints = found;
    aut_net_close (&self->commands, &self->commands_watch);
    aut_net_close (&self->status, &self->status_watch);
    zsock_destroy (&self->events);
    self->events = events;
    return true;
}

/* ---- requests ---------------------------------------------------------------------------------
 */

/*  An answer to request `req`, or AUT_ERR_AGAIN; others are late answers and dropped. */
static int receive (aut_client_t *self, uint64_t req, aut_received_t *in)
{
    for (;;) {
        int rc = aut_net_recv (self->commands, false, in);
        if (rc == AUT_ERR_AGAIN)
            return rc;
        uint64_t answered = in->msg.type == AUT_MSG_ERROR ? in->msg.error.req : in->msg.ok.req;
        bool refused = in->msg.type == AUT_MSG_ERROR && answered == 0;
        if (rc == 0 && (answered == req || refused))
            return 0;
        aut_received_clear (in);
    }
}

/*  Sends `msg`, or does nothing if nobody is connected; opens the socket anew after many repeats.
 */
static int send_again (aut_client_t *self, const aut_msg_t *msg, unsigned repeats)
{
    if (repeats && repeats % REOPEN_AFTER == 0)
        aut_net_close (&self->commands, &self->commands_watch);
    if (!self->commands) {
        int rc = aut_net_connect_watched (&self->commands, &self->commands_watch, AUT_PORT_CLIENT,
                                          self->endpoints.url[AUT_PORT_CLIENT], &self->curve);
        if (rc)
            return rc;
    }
    return aut_net_send (self->commands, msg, NULL, 0);
}

/*  Waits for the answer until it is time to send again: 0 and `in`, AUT_ERR_AGAIN, or why the call
 *  ends. */
static int await (aut_client_t *self, const aut_call_t *call, uint64_t req, int64_t until_ms,
                  aut_received_t *in)
{
    while (aut_mono_ms (self->clock) < until_ms) {
        int rc = receive (self, req, in);
        if (rc != AUT_ERR_AGAIN)
            return rc;
        rc = aut_client_check (self, call);
        if (rc)
            return rc;
        if (aut_client_moved (self))
            break;
        aut_net_wait (self->commands, NULL, AUT_CLIENT_POLL_MS);
    }
    return AUT_ERR_AGAIN;
}

/*  Sleeps in the rhythm of the poll while the call may go on. */
static int pause_call (aut_client_t *self, const aut_call_t *call)
{
    zclock_sleep (BACKOFF_MS);
    return aut_client_check (self, call);
}

/*  Sends a request and gives its answer of type `wanted`; the caller clears `in` after 0. */
static int request (aut_client_t *self, const aut_msg_t *msg, aut_msg_type_t wanted,
                    aut_received_t *in)
{
    aut_call_t call;
    aut_client_begin (self, &call, AUT_PORT_CLIENT);
    int rc = 0;
    for (unsigned repeats = 0; rc == 0;) {
        bool sent = false;
        rc = send_again (self, msg, repeats);
        if (rc == 0)
            sent = true;
        else if (rc != AUT_ERR_AGAIN)
            return rc;
        int64_t until = aut_mono_ms (self->clock) + (sent ? RESEND_MS : AUT_CLIENT_POLL_MS);
        rc = await (self, &call, self->req, until, in);
        if (rc == 0) {
            aut_client_up (self);
            if (in->msg.type == wanted)
                return 0;
            rc = in->msg.type == AUT_MSG_ERROR
                     ? aut_fail (aut_error_code (in->msg.error.code), "%s", in->msg.error.message)
                     : aut_fail (AUT_ERR_INVALID, "the broker answered %s with %s",
                                 aut_msg_name (msg->type), aut_msg_name (in->msg.type));
            aut_received_clear (in);
            if (rc != AUT_ERR_AGAIN) /* AGAIN: its queue is full */
                return rc;
            rc = pause_call (self, &call);
        } else if (rc == AUT_ERR_AGAIN) {
            repeats += sent;
            if (aut_mono_ms (self->clock) - call.start_ms >= RESEND_MS)
                aut_client_silent (self);
            rc = aut_client_check (self, &call);
        }
    }
    return rc;
}

/* ---- commands ---------------------------------------------------------------------------------
 */

int aut_client_submit (aut_client_t *self, const aut_ref_t *submission, const char *project,
                       int32_t priority, const char *idempotency, char **job, bool *existing)
{
    char own[33];
    *job = NULL;
    if (!idempotency) {
        uint8_t bytes[16];
        if (getrandom (bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
            return aut_fail_errno ("cannot make an idempotency key");
        for (size_t i = 0; i < sizeof bytes; i++)
            snprintf (own + 2 * i, 3, "%02x", bytes[i]);
        idempotency = own;
    }
    aut_msg_t msg = {
        .type = AUT_MSG_SUBMIT,
        .submit = {++self->req, *submission, priority, idempotency, project},
    };
    aut_received_t in;
    int rc = request (self, &msg, AUT_MSG_SUBMITTED, &in);
    if (rc)
        return rc;
    *job = aut_strdup (in.msg.submitted.job);
    if (existing)
        *existing = in.msg.submitted.existing;
    aut_received_clear (&in);
    return 0;
}

/*  A request that is answered with OK. */
static int plain_request (aut_client_t *self, const aut_msg_t *msg)
{
    aut_received_t in;
    int rc = request (self, msg, AUT_MSG_OK, &in);
    if (rc == 0)
        aut_received_clear (&in);
    return rc;
}

int aut_client_cancel (aut_client_t *self, const char *job)
{
    aut_msg_t msg = {.type = AUT_MSG_CANCEL, .cancel = {++self->req, job}};
    return plain_request (self, &msg);
}

int aut_client_retry (aut_client_t *self, const char *job)
{
    aut_msg_t msg = {.type = AUT_MSG_RETRY, .retry = {++self->req, job}};
    return plain_request (self, &msg);
}

int aut_client_drain (aut_client_t *self, const char *node)
{
    aut_msg_t msg = {.type = AUT_MSG_DRAIN, .drain = {++self->req, node}};
    return plain_request (self, &msg);
}

int aut_client_results (aut_client_t *self, const char *job,
                        int (*each) (void *ctx, const aut_msg_result_t *result), void *ctx,
                        char **state)
{
    uint64_t after = 0;
    int rc = 0;
    if (state)
        *state = NULL;
    do {
        aut_msg_t msg = {.type = AUT_MSG_RESULTS,
                         .results = {++self->req, job, after, AUT_PAGE_MAX}};
        aut_received_t in;
        rc = request (self, &msg, AUT_MSG_RESULTS_PAGE, &in);
        if (rc)
            break;
        const aut_msg_results_page_t *page = &in.msg.results_page;
        for (size_t i = 0; i < page->item_count && rc == 0; i++)
            rc = each (ctx, &page->items[i]);
        if (page->next && page->next <= after)
            rc = aut_fail (AUT_ERR_INVALID, "the broker's pages of results go backwards");
        after = page->next;
        if (state && rc == 0) {
            free (*state);
            *state = aut_strdup (page->state);
        }
        aut_received_clear (&in);
    } while (rc == 0 && after);
    if (rc && state) {
        free (*state);
        *state = NULL;
    }
    return rc;
}

int aut_client_models (aut_client_t *self, int (*each) (void *ctx, const char *manifest), void *ctx)
{
    uint64_t after = 0;
    int rc = 0;
    do {
        aut_msg_t msg = {.type = AUT_MSG_MODELS, .models = {++self->req, after}};
        aut_received_t in;
        rc = request (self, &msg, AUT_MSG_MODELS_PAGE, &in);
        if (rc)
            break;
        const aut_msg_models_page_t *page = &in.msg.models_page;
        for (size_t i = 0; i < page->item_count && rc == 0; i++)
            rc = each (ctx, page->items[i]);
        if (page->next && page->next <= after)
            rc = aut_fail (AUT_ERR_INVALID, "the broker's pages of models go backwards");
        after = page->next;
        aut_received_clear (&in);
    } while (rc == 0 && after);
    return rc;
}
