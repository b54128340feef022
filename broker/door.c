/*  See door.h. What it knows of a connection is kept by descriptor; the peer's port tells when a
 *  descriptor has become another connection. Between looking and cutting, ZeroMQ may close a
 *  descriptor and another connection get it: that one is cut and comes back.
 */
#include "broker/door.h"

#include "lib/core/error.h"
#include "lib/core/mem.h"
#include "proto/monitor.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>

#define FDS 65536
#define LOOK_MS 100
#define LOOK_SHARE 3 /* of the time a look took, to pause before the next */
#define DRAIN                                                                                      \
    (64 << 10) /* bytes a second that count for nothing where messages are not told of             \
                */
#define CONNECTIONS_MAX 8192

/*  The start of the kernel's struct tcp_info, of which the C library knows a part. */
typedef struct {
    uint8_t bytes[8];
    uint32_t words[24];
    uint64_t pacing, pacing_max, acked, received;
} tcp_count_t;

typedef struct {
    uint64_t seen;    /* bytes that the kernel has received, at the last look */
    uint64_t waiting; /* of them since the last whole message */
    int64_t since_ms;
    uint16_t peer_port;
    bool spoke;    /* has sent a whole message */
    uint8_t heard; /* atomic: a whole message came since the last look */
} connection_t;

typedef struct {
    uint16_t number;
    uint64_t waiting_max;
    bool adds_up; /* what it has heard stays: subscriptions */
    void *events; /* PAIR of a monitor, or NULL */
} server_t;

struct aut_door {
    aut_refusals_t *refusals;
    const aut_clock_t *clock;
    server_t servers[AUT_PORT_COUNT];
    connection_t *connections; /* FDS of them */
    int *silent;               /* descriptors, of one look */
    size_t silent_count, connection_count, connections_max;
    int64_t looked_ms;
    int stop; /* atomic */
    pthread_t thread;
    bool running;
};

/*  What may wait of one connection: what a port's water mark lets through while its thread is busy
 *  (64 messages of 1 MiB on the data socket), and as much again. Subscribers say little, and each
 *  byte of a subscription becomes tens of bytes of ZeroMQ's tables. */
static const uint64_t waiting_max[AUT_PORT_COUNT] = {
    [AUT_PORT_CLIENT] = 64 << 20, [AUT_PORT_NODE] = 64 << 20,  [AUT_PORT_DATA] = 128 << 20,
    [AUT_PORT_STATUS] = 64 << 20, [AUT_PORT_EVENTS] = 1 << 20,
};

aut_door_t *aut_door_new (aut_refusals_t *refusals, const aut_clock_t *clock)
{
    aut_door_t *self = aut_calloc (1, sizeof *self);
    self->refusals = refusals;
    self->clock = clock;
    self->connections = aut_calloc (FDS, sizeof *self->connections);
    self->silent = aut_calloc (FDS, sizeof *self->silent);
    return self;
}

void aut_door_heard (aut_door_t *self, int fd)
{
    if (self && fd >= 0 && fd < FDS)
        __atomic_store_n (&self->connections[fd].heard, 1, __ATOMIC_RELAXED);
}

int aut_door_watch (aut_door_t *self, zsock_t *sock, aut_port_t port, bool monitor)
{
    server_t *server = &self->servers[port];
    const char *endpoint = zsock_endpoint (sock);
    const char *colon = endpoint ? strrchr (endpoint, ':') : NULL;
    server->number = colon ? (uint16_t)strtoul (colon + 1, NULL, 10) : 0;
    server->waiting_max = waiting_max[port];
    server->adds_up = port == AUT_PORT_EVENTS;
    if (!monitor)
        return 0;
    server->events =
        aut_monitor_open (sock, ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL |
                                    ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL | ZMQ_EVENT_DISCONNECTED);
    return server->events ? 0 : AUT_ERR_IO;
}

/* ---- handshakes ------------------------------------------------------------------------------ */

/*  A descriptor is forgotten here and not when it is used again: a message may be told of before
 * the event of its connection is read. */
static void forget (aut_door_t *self, aut_port_t port, uint32_t fd)
{
    bool tells = port != AUT_PORT_STATUS && port != AUT_PORT_EVENTS;
    if (fd >= FDS)
        return;
    connection_t *connection = &self->connections[fd];
    bool heard = __atomic_exchange_n (&connection->heard, 0, __ATOMIC_RELAXED);
    if (tells && !heard && !connection->spoke)
        aut_refusals_note (self->refusals, AUT_REFUSED_SPEECHLESS,
                           "a connection that ended before its first message");
    connection->spoke = false;
    connection->peer_port = 0;
    connection->seen = connection->waiting = 0;
}

static void take_events (aut_door_t *self, const server_t *server, aut_port_t port)
{
    char text[128];
    unsigned event;
    uint32_t value;
    while (aut_monitor_read (server->events, &event, &value)) {
        if (event == ZMQ_EVENT_DISCONNECTED) {
            forget (self, port, value);
            continue;
        }
        snprintf (text, sizeof text, "a connection to the %s port that is no ZeroMQ of ours",
                  aut_port_name (port));
        aut_refusals_note (self->refusals, AUT_REFUSED_HANDSHAKE, text);
    }
}

/*  Monitors are read as they speak: ZeroMQ's I/O thread waits for a reader that does not. */
static void wait_and_count (aut_door_t *self, long timeout_ms)
{
    zmq_pollitem_t items[AUT_PORT_COUNT];
    int count = 0;
    for (int i = 0; i < AUT_PORT_COUNT; i++)
        if (self->servers[i].events)
            items[count++] =
                (zmq_pollitem_t){.socket = self->servers[i].events, .events = ZMQ_POLLIN};
    zmq_poll (items, count, timeout_ms);
    for (int i = 0; i < AUT_PORT_COUNT; i++)
        if (self->servers[i].events)
            take_events (self, &self->servers[i], (aut_port_t)i);
}

/* ---- connections ----------------------------------------------------------------------------- */

static uint16_t port_of (const struct sockaddr_storage *address)
{
    if (address->ss_family == AF_INET)
        return ntohs (((const struct sockaddr_in *)address)->sin_port);
    if (address->ss_family == AF_INET6)
        return ntohs (((const struct sockaddr_in6 *)address)->sin6_port);
    return 0;
}

/*  The server that a descriptor is a connection of, and its peer's port and bytes; or NULL. */
static server_t *find_server (aut_door_t *self, int fd, uint16_t *peer_port, uint64_t *received)
{
    struct sockaddr_storage ours = {0}, theirs = {0};
    tcp_count_t info;
    socklen_t ours_size = sizeof ours, theirs_size = sizeof theirs, info_size = sizeof info;
    if (getsockname (fd, (struct sockaddr *)&ours, &ours_size) < 0)
        return NULL;
    uint16_t number = port_of (&ours);
    server_t *server = NULL;
    for (int i = 0; i < AUT_PORT_COUNT && number && !server; i++)
        if (self->servers[i].number == number)
            server = &self->servers[i];
    if (!server || getpeername (fd, (struct sockaddr *)&theirs, &theirs_size) < 0 ||
        getsockopt (fd, IPPROTO_TCP, TCP_INFO, &info, &info_size) < 0 || info_size < sizeof info)
        return NULL;
    *peer_port = port_of (&theirs);
    *received = info.received;
    return server;
}

static void cut (aut_door_t *self, int fd, aut_refused_t why, const char *detail)
{
    shutdown (fd, SHUT_RDWR);
    aut_refusals_note (self->refusals, why, detail);
    self->connections[fd].waiting = 0;
}

static void look_at (aut_door_t *self, int fd, int64_t now, uint64_t drain)
{
    uint16_t peer_port = 0;
    uint64_t received = 0;
    connection_t *connection = &self->connections[fd];
    const server_t *server = find_server (self, fd, &peer_port, &received);
    if (!server)
        return;
    bool heard = __atomic_exchange_n (&connection->heard, 0, __ATOMIC_RELAXED);
    if (connection->peer_port != peer_port || received < connection->seen) {
        connection->peer_port = peer_port;
        connection->since_ms = now;
        connection->spoke = false;
        connection->seen = connection->waiting = 0;
    }
    connection->waiting += received - connection->seen;
    connection->waiting -= connection->waiting < drain ? connection->waiting : drain;
    connection->seen = received;
    if (heard) {
        connection->waiting = server->adds_up ? connection->waiting : 0;
        connection->spoke = true;
    }
    self->connection_count++;
    if (!connection->spoke)
        self->silent[self->silent_count++] = fd;
    if (connection->waiting > server->waiting_max) {
        char text[128];
        snprintf (text, sizeof text,
                  "a connection to port %u sent %" PRIu64 " MiB without ending a message",
                  (unsigned)server->number, connection->waiting >> 20);
        cut (self, fd, AUT_REFUSED_FLOOD, text);
    }
}

/*  The one that has been silent for longest, of those left. */
static int take_oldest (aut_door_t *self)
{
    size_t oldest = 0;
    for (size_t i = 1; i < self->silent_count; i++)
        if (self->connections[self->silent[i]].since_ms <
            self->connections[self->silent[oldest]].since_ms)
            oldest = i;
    int fd = self->silent[oldest];
    self->silent[oldest] = self->silent[--self->silent_count];
    return fd;
}

static void make_room (aut_door_t *self)
{
    for (size_t n = self->connection_count; n > self->connections_max && self->silent_count > 0;
         n--)
        cut (self, take_oldest (self), AUT_REFUSED_CROWD,
             "a silent connection, as there are too many");
}

static void look (aut_door_t *self)
{
    int64_t now = aut_mono_ms (self->clock);
    uint64_t drain = (uint64_t)(now - self->looked_ms) * DRAIN / 1000;
    DIR *folder = opendir ("/proc/self/fd");
    self->silent_count = self->connection_count = 0;
    for (const struct dirent *item; folder && (item = readdir (folder));) {
        char *end = NULL;
        unsigned long fd = strtoul (item->d_name, &end, 10);
        if (end != item->d_name && fd < FDS && fd != (unsigned long)dirfd (folder))
            look_at (self, (int)fd, now, drain);
    }
    if (folder)
        closedir (folder);
    self->looked_ms = now;
    make_room (self);
}

/* ---- life ------------------------------------------------------------------------------------ */

static void *run (void *arg)
{
    aut_door_t *self = arg;
    int64_t next = aut_mono_ms (self->clock);
    self->looked_ms = next;
    while (!__atomic_load_n (&self->stop, __ATOMIC_ACQUIRE)) {
        int64_t now = aut_mono_ms (self->clock);
        if (now >= next) {
            look (self);
            aut_refusals_tell_rest (self->refusals);
            int64_t took = aut_mono_ms (self->clock) - now;
            next = now + (took * LOOK_SHARE > LOOK_MS ? took * LOOK_SHARE : LOOK_MS);
            now += took;
        }
        wait_and_count (self, next > now ? (long)(next - now < LOOK_MS ? next - now : LOOK_MS) : 0);
    }
    for (int i = 0; i < AUT_PORT_COUNT; i++)
        if (self->servers[i].events)
            zmq_close (self->servers[i].events);
    return NULL;
}

int aut_door_start (aut_door_t *self)
{
    struct rlimit limit;
    self->connections_max = CONNECTIONS_MAX;
    /* The other half is for files, and for those that come between two looks. */
    if (getrlimit (RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < 2 * CONNECTIONS_MAX)
        self->connections_max = limit.rlim_cur / 2;
    if (pthread_create (&self->thread, NULL, run, self))
        return aut_fail (AUT_ERR_IO, "cannot start a thread");
    self->running = true;
    return 0;
}

void aut_door_stop (aut_door_t **self_p)
{
    aut_door_t *self = *self_p;
    if (!self)
        return;
    *self_p = NULL;
    __atomic_store_n (&self->stop, 1, __ATOMIC_RELEASE);
    if (self->running)
        pthread_join (self->thread, NULL);
    else
        for (int i = 0; i < AUT_PORT_COUNT; i++)
            if (self->servers[i].events)
                zmq_close (self->servers[i].events);
    free (self->connections);
    free (self->silent);
    free (self);
}
