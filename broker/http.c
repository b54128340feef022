/*  HTTP for people, Prometheus and the kubelet: /healthz /readyz /metrics /status.json, by
 *  libmicrohttpd, one thread per connection and few of them. GET and HEAD only.
 *
 *  /healthz says whether the loop goes round (or sits in a commit: a slow disk must not get a
 * broker killed); /readyz whether new work is taken.
 */
#include "broker/internal.h"

#include "lib/core/buffer.h"
#include "lib/core/error.h"
#include "lib/core/mem.h"

#include <arpa/inet.h>
#include <microhttpd.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#define CONNECTIONS_MAX 64
#define CROWDED 48    /* from here on the oldest connection makes room for the next */
#define GRACE_MS 1000 /* but not one that is younger */
#define IDLE_S 10
#define PATIENCE_S 5
#define HEALTHY_MS 10000

/*  A connection. One that dribbles its request byte by byte is never idle, so its age counts. */
typedef struct {
    int fd; /* −1 = free */
    int64_t since_ms;
    bool asked; /* made a whole request */
} guest_t;

struct aut_http {
    struct MHD_Daemon *daemon;
    aut_broker_t *broker;
    pthread_mutex_t lock; /* of the guests */
    guest_t guests[CONNECTIONS_MAX];
    size_t count;
};

/*  A question to the loop and the thread that waits for it; freed by whoever comes last. */
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

static waiter_t *new_waiter (aut_query_kind_t kind)
{
    waiter_t *waiter = aut_calloc (1, sizeof *waiter);
    pthread_condattr_t attr;
    pthread_condattr_init (&attr);
    pthread_condattr_setclock (&attr, CLOCK_MONOTONIC);
    pthread_mutex_init (&waiter->mutex, NULL);
    pthread_cond_init (&waiter->cond, &attr);
    pthread_condattr_destroy (&attr);
    waiter->query = aut_calloc (1, sizeof *waiter->query);
    waiter->query->kind = kind;
    waiter->query->raw = true;
    waiter->query->done = come_back;
    waiter->query->ctx = waiter;
    return waiter;
}

/*  The loop's answer; NULL when it does not come in time. The caller frees. */
static char *ask (aut_broker_t *broker, aut_query_kind_t kind, size_t *size)
{
    waiter_t *waiter = new_waiter (kind);
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

static enum MHD_Result reply (struct MHD_Connection *connection, unsigned status, const char *type,
                              char *text, size_t size)
{
    struct MHD_Response *response =
        MHD_create_response_from_buffer (size, text, MHD_RESPMEM_MUST_FREE);
    if (!response) {
        free (text);
        return MHD_NO;
    }
    MHD_add_response_header (response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    MHD_add_response_header (response, "Cache-Control", "no-store");
    MHD_add_response_header (response, "X-Content-Type-Options", "nosniff");
    if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
        MHD_add_response_header (response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
    enum MHD_Result result = MHD_queue_response (connection, status, response);
    MHD_destroy_response (response);
    return result;
}

static enum MHD_Result reply_text (struct MHD_Connection *connection, unsigned status,
                                   const char *text)
{
    return reply (connection, status, "text/plain; charset=utf-8", aut_strdup (text),
                  strlen (text));
}

static enum MHD_Result healthz (aut_broker_t *broker, struct MHD_Connection *connection)
{
    int64_t age =
        aut_mono_ms (broker->clock) - __atomic_load_n (&broker->tick_ms, __ATOMIC_RELAXED);
    bool well = __atomic_load_n (&broker->fault, __ATOMIC_ACQUIRE) == 0 &&
                (age < HEALTHY_MS || __atomic_load_n (&broker->in_commit, __ATOMIC_RELAXED));
    return reply_text (connection, well ? 200 : 503,
                       well ? "ok\n" : "the loop does not go round\n");
}

static enum MHD_Result readyz (aut_broker_t *broker, struct MHD_Connection *connection)
{
    int error = __atomic_load_n (&broker->store_error, __ATOMIC_ACQUIRE);
    if (__atomic_load_n (&broker->fault, __ATOMIC_ACQUIRE))
        return reply_text (connection, 503, "the broker has stopped\n");
    if (__atomic_load_n (&broker->stop, __ATOMIC_ACQUIRE))
        return reply_text (connection, 503, "the broker is stopping\n");
    if (error)
        return reply_text (connection, 503, "the database cannot be written\n");
    return reply_text (connection, 200, "ok\n");
}

static enum MHD_Result from_loop (aut_broker_t *broker, struct MHD_Connection *connection,
                                  aut_query_kind_t kind, const char *type)
{
    size_t size = 0;
    char *text = ask (broker, kind, &size);
    if (!text)
        return reply_text (connection, 503, "the broker is busy writing its database\n");
    return reply (connection, 200, type, text, size);
}

/* ---- connections ----------------------------------------------------------------------------- */

/*  With the lock. */
static void make_room (struct aut_http *self, int64_t now)
{
    guest_t *oldest = NULL;
    for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
        guest_t *guest = &self->guests[i];
        if (guest->fd >= 0 && (!oldest || guest->since_ms < oldest->since_ms))
            oldest = guest;
    }
    if (oldest && now - oldest->since_ms >= GRACE_MS)
        shutdown (oldest->fd, SHUT_RDWR);
}

static void come (struct aut_http *self, struct MHD_Connection *connection, void **context)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info (connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    int64_t now = aut_mono_ms (self->broker->clock);
    if (++self->count >= CROWDED)
        make_room (self, now);
    for (size_t i = 0; info && i < CONNECTIONS_MAX; i++)
        if (self->guests[i].fd < 0) {
            self->guests[i] = (guest_t){.fd = info->connect_fd, .since_ms = now};
            *context = &self->guests[i];
            return;
        }
}

static void on_connection (void *ctx, struct MHD_Connection *connection, void **context,
                           enum MHD_ConnectionNotificationCode code)
{
    struct aut_http *self = ctx;
    bool asked = true;
    pthread_mutex_lock (&self->lock);
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        come (self, connection, context);
    } else {
        guest_t *guest = *context;
        self->count--;
        if (guest) {
            asked = guest->asked;
            guest->fd = -1;
        }
    }
    pthread_mutex_unlock (&self->lock);
    if (!asked)
        aut_refusals_note (self->broker->refusals, AUT_REFUSED_HTTP,
                           "a connection that made no request");
}

static void note_request (struct aut_http *self, struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info (connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    pthread_mutex_lock (&self->lock);
    if (info && info->socket_context)
        ((guest_t *)info->socket_context)->asked = true;
    pthread_mutex_unlock (&self->lock);
}

/* ---- requests -------------------------------------------------------------------------------- */

static enum MHD_Result serve (void *ctx, struct MHD_Connection *connection, const char *url,
                              const char *method, const char *version, const char *upload,
                              size_t *upload_size, void **state)
{
    struct aut_http *self = ctx;
    aut_broker_t *broker = self->broker;
    static const char seen = 0;
    (void)version;
    (void)upload;
    /* Called first with the head alone, then with what was sent along: that is not wanted. */
    if (*state == NULL) {
        *state = (void *)&seen;
        note_request (self, connection);
        return MHD_YES;
    }
    if (*upload_size) {
        *upload_size = 0;
        return MHD_YES;
    }
    if (strcmp (method, "GET") != 0 && strcmp (method, "HEAD") != 0)
        return reply_text (connection, MHD_HTTP_METHOD_NOT_ALLOWED, "only GET and HEAD\n");
    if (strcmp (url, "/healthz") == 0)
        return healthz (broker, connection);
    if (strcmp (url, "/readyz") == 0)
        return readyz (broker, connection);
    if (strcmp (url, "/metrics") == 0)
        return from_loop (broker, connection, AUT_QUERY_METRICS,
                          "text/plain; version=0.0.4; charset=utf-8");
    if (strcmp (url, "/status.json") == 0)
        return from_loop (broker, connection, AUT_QUERY_STATUS, "application/json");
    return reply_text (connection, MHD_HTTP_NOT_FOUND,
                       "not found: there are /healthz /readyz /metrics /status.json\n");
}

static int resolve (const char *bind, int port, struct sockaddr_storage *address, bool *v6)
{
    char service[16];
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE}, *found = NULL;
    snprintf (service, sizeof service, "%d", port);
    const char *host = strcmp (bind, "*") == 0 ? NULL : bind;
    if (getaddrinfo (host, service, &hints, &found) || !found)
        return aut_fail (AUT_ERR_INVALID, "--bind %s is no address", bind);
    memcpy (address, found->ai_addr, found->ai_addrlen);
    *v6 = found->ai_family == AF_INET6;
    freeaddrinfo (found);
    return 0;
}

int aut_http_start (struct aut_http **out, aut_broker_t *broker, const char *bind, int port,
                    int *bound_port)
{
    struct sockaddr_storage address;
    bool v6 = false;
    *out = NULL;
    int rc = resolve (bind, port, &address, &v6);
    if (rc)
        return rc;
    unsigned flags = MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_THREAD_PER_CONNECTION |
                     MHD_USE_POLL | MHD_USE_ITC | (v6 ? MHD_USE_IPv6 : 0u);
    struct aut_http *self = aut_calloc (1, sizeof *self);
    self->broker = broker;
    pthread_mutex_init (&self->lock, NULL);
    for (size_t i = 0; i < CONNECTIONS_MAX; i++)
        self->guests[i].fd = -1;
    self->daemon = MHD_start_daemon (
        flags, (uint16_t)port, NULL, NULL, serve, self, MHD_OPTION_SOCK_ADDR, &address,
        MHD_OPTION_NOTIFY_CONNECTION, on_connection, self, MHD_OPTION_CONNECTION_LIMIT,
        (unsigned)CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_S,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)(32 << 10), MHD_OPTION_END);
    if (!self->daemon) {
        aut_http_stop (&self);
        return aut_fail (AUT_ERR_EXISTS, "cannot listen for HTTP on %s port %d: is it taken?", bind,
                         port);
    }
    const union MHD_DaemonInfo *info =
        MHD_get_daemon_info (self->daemon, MHD_DAEMON_INFO_BIND_PORT);
    *bound_port = info ? info->port : port;
    *out = self;
    return 0;
}

void aut_http_stop (struct aut_http **self_p)
{
    if (!*self_p)
        return;
    if ((*self_p)->daemon)
        MHD_stop_daemon ((*self_p)->daemon);
    pthread_mutex_destroy (&(*self_p)->lock);
    free (*self_p);
    *self_p = NULL;
}
