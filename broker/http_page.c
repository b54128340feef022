/*  The pages: health, counts, and what the dashboard is made of. See http_internal.h. */
#include "broker/http_internal.h"

#include "lib/core/buffer.h"
#include "lib/core/error.h"
#include "lib/core/mem.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PATIENCE_S 5
#define PREVIEW_MAX (4 << 20) /* bytes: a worker's is below 300 KB */
#define JSON "application/json"

/*  Nothing from elsewhere, no inline code or style, and in nobody's frame. */
#define POLICY                                                                                     \
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "                    \
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

/* ---- questions to the loop ------------------------------------------------------------------- */

/*  A question and the thread that waits for it; freed by whoever comes last. */
typedef struct {
    pthread_mutex_t mutex;
    pthread_cond_t cond;
    aut_query_t *query;
    bool done, given_up;
} waiter_t;

static void free_waiter (waiter_t *waiter)
{
    pthread_mutex_destroy (&waiter->mutex);
    pthread_cond_destroy (&waiter->cond);
    aut_query_destroy (waiter->query);
    free (waiter);
}

static void come_back (aut_query_t *query, void *ctx)
{
    waiter_t *waiter = ctx;
    (void)query;
    pthread_mutex_lock (&waiter->mutex);
    waiter->done = true;
    bool last = waiter->given_up;
    pthread_cond_signal (&waiter->cond);
    pthread_mutex_unlock (&waiter->mutex);
    if (last)
        free_waiter (waiter);
}

static waiter_t *new_waiter (const aut_query_t *query)
{
    waiter_t *waiter = aut_calloc (1, sizeof *waiter);
    pthread_condattr_t attr;
    pthread_condattr_init (&attr);
    pthread_condattr_setclock (&attr, CLOCK_MONOTONIC);
    pthread_mutex_init (&waiter->mutex, NULL);
    pthread_cond_init (&waiter->cond, &attr);
    pthread_condattr_destroy (&attr);
    waiter->query = aut_calloc (1, sizeof *waiter->query);
    *waiter->query = *query;
    waiter->query->raw = true;
    waiter->query->done = come_back;
    waiter->query->ctx = waiter;
    return waiter;
}

char *aut_http_ask (aut_broker_t *broker, const aut_query_t *query, size_t *size)
{
    waiter_t *waiter = new_waiter (query);
    char *text = NULL;
    if (aut_mailbox_push (broker->queries, waiter->query)) {
        free_waiter (waiter);
        return NULL;
    }
    struct timespec until;
    clock_gettime (CLOCK_MONOTONIC, &until);
    until.tv_sec += PATIENCE_S;
    pthread_mutex_lock (&waiter->mutex);
    while (!waiter->done && pthread_cond_timedwait (&waiter->cond, &waiter->mutex, &until) == 0)
        continue;
    bool done = waiter->done;
    waiter->given_up = !done;
    pthread_mutex_unlock (&waiter->mutex);
    if (!done)
        return NULL;
    text = waiter->query->text;
    *size = waiter->query->size;
    waiter->query->text = NULL;
    free_waiter (waiter);
    return text;
}

/* ---- answers --------------------------------------------------------------------------------- */

void aut_http_headers (struct MHD_Response *response)
{
    MHD_add_response_header (response, "X-Content-Type-Options", "nosniff");
    MHD_add_response_header (response, "Content-Security-Policy", POLICY);
    MHD_add_response_header (response, "Referrer-Policy", "no-referrer");
    MHD_add_response_header (response, "X-Frame-Options", "DENY");
    MHD_add_response_header (response, "Cross-Origin-Resource-Policy", "same-origin");
}

enum MHD_Result aut_http_reply (struct MHD_Connection *connection, unsigned status,
                                const char *type, char *text, size_t size, bool kept)
{
    struct MHD_Response *response =
        MHD_create_response_from_buffer (size, text, MHD_RESPMEM_MUST_FREE);
    if (!response) {
        free (text);
        return MHD_NO;
    }
    aut_http_headers (response);
    MHD_add_response_header (response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    MHD_add_response_header (response, "Cache-Control",
                             kept ? "private, max-age=31536000, immutable" : "no-store");
    if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
        MHD_add_response_header (response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
    if (status == MHD_HTTP_SERVICE_UNAVAILABLE)
        MHD_add_response_header (response, "Retry-After", "5");
    enum MHD_Result result = MHD_queue_response (connection, status, response);
    MHD_destroy_response (response);
    return result;
}

enum MHD_Result aut_http_reply_text (struct MHD_Connection *connection, unsigned status,
                                     const char *text)
{
    return aut_http_reply (connection, status, "text/plain; charset=utf-8", aut_strdup (text),
                           strlen (text), false);
}

/* ---- pages ----------------------------------------------------------------------------------- */

static enum MHD_Result healthz (aut_broker_t *broker, struct MHD_Connection *connection)
{
    bool well = aut_broker_is_well (broker);
    return aut_http_reply_text (connection, well ? 200 : 503,
                                well ? "ok\n" : "the loop does not go round\n");
}

const char *aut_broker_objects (const aut_broker_t *self)
{
    if (__atomic_load_n (&self->fault, __ATOMIC_ACQUIRE))
        return "the broker has stopped\n";
    if (__atomic_load_n (&self->stop, __ATOMIC_ACQUIRE))
        return "the broker is stopping\n";
    if (__atomic_load_n (&self->store_error, __ATOMIC_ACQUIRE))
        return "the database cannot be written\n";
    return NULL;
}

static enum MHD_Result readyz (aut_broker_t *broker, struct MHD_Connection *connection)
{
    const char *why = aut_broker_objects (broker);
    return aut_http_reply_text (connection, why ? 503 : 200, why ? why : "ok\n");
}

static enum MHD_Result from_loop (aut_broker_t *broker, struct MHD_Connection *connection,
                                  const aut_route_t *route, aut_query_kind_t kind, const char *type)
{
    static const char none[] = "{\"error\":{\"code\":\"not-found\"";
    aut_query_t query = {
        .kind = kind, .id = route->id, .after = route->after, .limit = route->limit};
    size_t size = 0;
    char *text = aut_http_ask (broker, &query, &size);
    if (!text)
        return aut_http_reply_text (connection, 503, "the broker is busy writing its database\n");
    bool found = strncmp (text, none, sizeof none - 1) != 0;
    return aut_http_reply (connection, found ? 200 : 404, type, text, size, false);
}

static enum MHD_Result web_file (struct MHD_Connection *connection, const char *name)
{
    const aut_web_file_t *file = aut_web_files;
    while (file->name && strcmp (file->name, name) != 0)
        file++;
    if (!file->name)
        return aut_http_reply_text (connection, 404, "not found\n");
    char *copy = aut_calloc (1, file->size + 1);
    memcpy (copy, file->data, file->size);
    return aut_http_reply (connection, 200, file->type, copy, file->size, false);
}

/*  Only what is the preview of that task, in the store or while it runs, and only a PNG: blobs that
 *  are named by their hash alone are nobody's here. */
static enum MHD_Result preview (aut_broker_t *broker, struct MHD_Connection *connection,
                                const aut_route_t *route)
{
    static const char magic[] = "\x89PNG\r\n\x1a\n";
    aut_store_result_t *result = aut_calloc (1, sizeof *result);
    char *data = NULL;
    size_t size = 0;
    bool its = aut_store_result (broker->store, route->task, result) == 0 &&
               aut_hash_equal (&result->preview.hash, &route->hash);
    free (result);
    int rc = its ? aut_blobs_read (broker->blobs, &route->hash, PREVIEW_MAX, &data, &size)
                 : aut_live_read (broker->live, route->task, &route->hash, &data, &size);
    if (rc || size < sizeof magic - 1 || memcmp (data, magic, sizeof magic - 1) != 0) {
        free (data);
        return aut_http_reply_text (connection, 404, "not found: no such preview\n");
    }
    return aut_http_reply (connection, 200, "image/png", data, size, true);
}

enum MHD_Result aut_http_page (struct aut_http *self, struct MHD_Connection *connection,
                               const aut_route_t *route)
{
    aut_broker_t *broker = self->broker;
    switch (route->page) {
    case AUT_PAGE_HEALTHZ:
        return healthz (broker, connection);
    case AUT_PAGE_READYZ:
        return readyz (broker, connection);
    case AUT_PAGE_METRICS:
        return from_loop (broker, connection, route, AUT_QUERY_METRICS,
                          "text/plain; version=0.0.4; charset=utf-8");
    case AUT_PAGE_STATUS:
        return from_loop (broker, connection, route, AUT_QUERY_STATUS, JSON);
    case AUT_PAGE_JOBS:
        return from_loop (broker, connection, route, AUT_QUERY_JOBS, JSON);
    case AUT_PAGE_JOB:
        return from_loop (broker, connection, route, AUT_QUERY_JOB, JSON);
    case AUT_PAGE_NODES:
        return from_loop (broker, connection, route, AUT_QUERY_NODES, JSON);
    case AUT_PAGE_FILE:
        return web_file (connection, route->file);
    case AUT_PAGE_PREVIEW:
        return preview (broker, connection, route);
    default:
        return aut_http_stream (self, connection, route);
    }
}
