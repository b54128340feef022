/*  HTTP for people, Prometheus and the kubelet, by libmicrohttpd, one thread per connection and few
 *  of them. GET and HEAD only, and nothing that changes anything.
 *
 *  Whoever reaches the port may read counts. The dashboard's pages tell of films: of a broker with
 *  keys they are for connections from its own machine, as HTTP knows no keys; and there, as on any
 *  port that listens on loopback alone, for requests that name loopback (a page from elsewhere
 * whose name was made to lead here, or to the near end of a tunnel, does not).
 */
#include "broker/http_internal.h"

#include "lib/core/error.h"
#include "lib/core/mem.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#define CROWDED 48    /* from here on the oldest connection makes room for the next */
#define GRACE_MS 1000 /* but not one that is younger */

/* ---- connections ----------------------------------------------------------------------------- */

/*  With the lock. */
static void make_room (struct aut_http *self, int64_t now)
{
    aut_guest_t *oldest = NULL;
    for (size_t i = 0; i < AUT_HTTP_CONNECTIONS; i++) {
        aut_guest_t *guest = &self->guests[i];
        if (guest->fd >= 0 && !guest->stream && (!oldest || guest->since_ms < oldest->since_ms))
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
    for (size_t i = 0; info && i < AUT_HTTP_CONNECTIONS; i++)
        if (self->guests[i].fd < 0) {
            self->guests[i] = (aut_guest_t){.fd = info->connect_fd, .since_ms = now};
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
        aut_guest_t *guest = *context;
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

aut_guest_t *aut_http_guest (struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info (connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info ? info->socket_context : NULL;
}

static void note_request (struct aut_http *self, struct MHD_Connection *connection)
{
    aut_guest_t *guest = aut_http_guest (connection);
    pthread_mutex_lock (&self->lock);
    if (guest)
        guest->asked = true;
    pthread_mutex_unlock (&self->lock);
}

/* ---- requests -------------------------------------------------------------------------------- */

static bool from_here (struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info (connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    const struct sockaddr *address = info ? info->client_addr : NULL;
    if (address && address->sa_family == AF_INET) {
        const struct sockaddr_in *v4 = (const void *)address;
        return ntohl (v4->sin_addr.s_addr) >> 24 == 127;
    }
    if (address && address->sa_family == AF_INET6) {
        const struct in6_addr *v6 =
            &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr;
        return IN6_IS_ADDR_LOOPBACK (v6) || (IN6_IS_ADDR_V4MAPPED (v6) && v6->s6_addr[12] == 127);
    }
    return false;
}

/*  What is wrong with who asks for a page that tells of films; NULL if nothing is. */
static const char *objection (struct aut_http *self, struct MHD_Connection *connection)
{
    const char *host = MHD_lookup_connection_value (connection, MHD_HEADER_KIND, "Host");
    bool keys = self->broker->guard != NULL;
    if (keys && !from_here (connection))
        return "HTTP knows no keys, so jobs and pictures are for connections from the broker's own "
               "machine: come by ssh -L, kubectl port-forward, or a proxy there that asks who you "
               "are\n";
    if ((self->local || keys) && !aut_route_host_is_local (host))
        return "this page is asked for as localhost, 127.0.0.1 or [::1]\n";
    return NULL;
}

static enum MHD_Result answer (struct aut_http *self, struct MHD_Connection *connection,
                               const char *url)
{
    aut_route_t route;
    const aut_route_args_t args = {
        .id = MHD_lookup_connection_value (connection, MHD_GET_ARGUMENT_KIND, "id"),
        .after = MHD_lookup_connection_value (connection, MHD_GET_ARGUMENT_KIND, "after"),
        .limit = MHD_lookup_connection_value (connection, MHD_GET_ARGUMENT_KIND, "limit"),
        .task = MHD_lookup_connection_value (connection, MHD_GET_ARGUMENT_KIND, "task"),
        .last_event = MHD_lookup_connection_value (connection, MHD_HEADER_KIND, "Last-Event-ID"),
    };
    int rc = aut_route_parse (&route, url, &args);
    if (rc == AUT_ERR_NOT_FOUND)
        return aut_http_reply_text (connection, MHD_HTTP_NOT_FOUND,
                                    "not found: there are / /healthz /readyz /metrics /status.json "
                                    "/jobs.json /job.json?id=j1 /nodes.json /events\n");
    if (rc) {
        char text[256];
        snprintf (text, sizeof text, "%s\n", aut_error_detail ());
        return aut_http_reply_text (connection, MHD_HTTP_BAD_REQUEST, text);
    }
    const char *why = aut_route_is_private (&route) ? objection (self, connection) : NULL;
    if (why)
        return aut_http_reply_text (connection, MHD_HTTP_FORBIDDEN, why);
    return aut_http_page (self, connection, &route);
}

static enum MHD_Result serve (void *ctx, struct MHD_Connection *connection, const char *url,
                              const char *method, const char *version, const char *upload,
                              size_t *upload_size, void **state)
{
    struct aut_http *self = ctx;
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
        return aut_http_reply_text (connection, MHD_HTTP_METHOD_NOT_ALLOWED, "only GET and HEAD\n");
    return answer (self, connection, url);
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

static bool is_loopback (const struct sockaddr_storage *address)
{
    if (address->ss_family == AF_INET6)
        return IN6_IS_ADDR_LOOPBACK (
            &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr);
    return ntohl (((const struct sockaddr_in *)(const void *)address)->sin_addr.s_addr) >> 24 ==
           127;
}

/*  Waits on it are by the clock that nobody sets. */
static void init_ending (pthread_cond_t *cond)
{
    pthread_condattr_t attr;
    pthread_condattr_init (&attr);
    pthread_condattr_setclock (&attr, CLOCK_MONOTONIC);
    pthread_cond_init (cond, &attr);
    pthread_condattr_destroy (&attr);
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
    self->local = is_loopback (&address);
    pthread_mutex_init (&self->lock, NULL);
    init_ending (&self->ending);
    for (size_t i = 0; i < AUT_HTTP_CONNECTIONS; i++)
        self->guests[i].fd = -1;
    self->daemon = MHD_start_daemon (
        flags, (uint16_t)port, NULL, NULL, serve, self, MHD_OPTION_SOCK_ADDR, &address,
        MHD_OPTION_NOTIFY_CONNECTION, on_connection, self, MHD_OPTION_CONNECTION_LIMIT,
        (unsigned)AUT_HTTP_CONNECTIONS, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)AUT_HTTP_IDLE_S,
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
    aut_http_streams_end (*self_p);
    if ((*self_p)->daemon)
        MHD_stop_daemon ((*self_p)->daemon);
    pthread_cond_destroy (&(*self_p)->ending);
    pthread_mutex_destroy (&(*self_p)->lock);
    free (*self_p);
    *self_p = NULL;
}
