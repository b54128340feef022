/*  See link.h. A connection is two pipes; a pipe reads bytes until a unit of ZMTP is whole, asks
 *  the judge, and queues it as a segment with the time at which it may go on. */
#include "tests/faults/link.h"

#include "lib/core/error.h"
#include "lib/core/mem.h"
#include "tests/faults/zmtp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define READ_BYTES (64 << 10)
#define QUEUE_MAX (4 << 20) /* unsent bytes of a pipe beyond which it reads no more */
#define THROTTLE_TICK_MS 20
#define NEVER INT64_MAX

typedef struct segment {
    struct segment *next;
    size_t size, done;
    int64_t due;
    uint8_t data[];
} segment_t;

typedef struct {
    aut_buffer_t in;
    zmtp_t parser;
    segment_t *first, *last;
    size_t queued;
    bool mute, eof, halve;
    int64_t paid_ms; /* throttled: until when bytes were allowed */
} pipe_t;

typedef struct listener {
    struct listener *next;
    unsigned owner;
    aut_port_t port;
    int fd;
    int64_t delay_ms, delay_until, rate_until;
    size_t rate;
    int64_t dark_until;
    size_t item;
} listener_t;

typedef struct conn {
    struct conn *next;
    listener_t *listener;
    int fd[2]; /* the peer's, the broker's; a pipe's source is fd[dir] */
    bool connecting, dead;
    int64_t cut_at;
    pipe_t pipes[2];
    size_t item[2];
} conn_t;

struct links {
    link_judge_fn judge;
    void *ctx;
    listener_t *listeners;
    conn_t *conns;
    uint16_t target[AUT_PORT_COUNT];
    size_t polled; /* items of the last links_items */
};

links_t *links_new (link_judge_fn judge, void *ctx)
{
    links_t *self = aut_calloc (1, sizeof *self);
    self->judge = judge;
    self->ctx = ctx;
    return self;
}

static struct sockaddr_in loopback (uint16_t number)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons (number), .sin_addr = {htonl (INADDR_LOOPBACK)}};
}

int links_listen (links_t *self, unsigned owner, aut_port_t port, uint16_t *number)
{
    struct sockaddr_in address = loopback (0);
    socklen_t size = sizeof address;
    int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || bind (fd, (struct sockaddr *)&address, size) < 0 || listen (fd, 64) < 0 ||
        getsockname (fd, (struct sockaddr *)&address, &size) < 0) {
        int rc = aut_fail_errno ("cannot listen on loopback");
        if (fd >= 0)
            close (fd);
        return rc;
    }
    listener_t *listener = aut_calloc (1, sizeof *listener);
    *listener = (listener_t){.next = self->listeners, .owner = owner, .port = port, .fd = fd};
    self->listeners = listener;
    *number = ntohs (address.sin_port);
    return 0;
}

void links_target (links_t *self, aut_port_t port, uint16_t number)
{
    self->target[port] = number;
}

/* ---- connections ------------------------------------------------------------------------------
 */

static void close_reset (int *fd)
{
    struct linger now = {.l_onoff = 1, .l_linger = 0};
    if (*fd < 0)
        return;
    setsockopt (*fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close (*fd);
    *fd = -1;
}

static void drop_pipe (pipe_t *pipe)
{
    aut_buffer_clear (&pipe->in);
    for (segment_t *s = pipe->first, *next; s; s = next) {
        next = s->next;
        free (s);
    }
    *pipe = (pipe_t){0};
}

/*  Freed in the next pump. */
static void reset (conn_t *conn)
{
    close_reset (&conn->fd[0]);
    close_reset (&conn->fd[1]);
    conn->dead = true;
}

static void close_well (conn_t *conn)
{
    for (int i = 0; i < 2; i++) {
        if (conn->fd[i] >= 0)
            close (conn->fd[i]);
        conn->fd[i] = -1;
    }
    conn->dead = true;
}

static void sweep (links_t *self)
{
    for (conn_t **p = &self->conns; *p;) {
        conn_t *conn = *p;
        if (!conn->dead) {
            p = &conn->next;
            continue;
        }
        *p = conn->next;
        drop_pipe (&conn->pipes[0]);
        drop_pipe (&conn->pipes[1]);
        free (conn);
    }
}

static void accept_one (links_t *self, listener_t *listener, int64_t now)
{
    int peer = accept4 (listener->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (peer < 0)
        return;
    struct sockaddr_in address = loopback (self->target[listener->port]);
    int one = 1, broker = -1, rc = -1;
    if (self->target[listener->port])
        broker = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (broker >= 0)
        rc = connect (broker, (struct sockaddr *)&address, sizeof address);
    if (rc < 0 && (broker < 0 || errno != EINPROGRESS)) {
        close_reset (&peer);
        close_reset (&broker);
        return;
    }
    setsockopt (peer, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    setsockopt (broker, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    conn_t *conn = aut_calloc (1, sizeof *conn);
    *conn = (conn_t){.next = self->conns,
                     .listener = listener,
                     .fd = {peer, broker},
                     .connecting = rc < 0,
                     .cut_at = NEVER};
    if (listener->dark_until > now) {
        conn->pipes[0].mute = conn->pipes[1].mute = true;
        conn->cut_at = listener->dark_until;
    }
    self->conns = conn;
}

/* ---- bytes ------------------------------------------------------------------------------------
 */

static void push (conn_t *conn, pipe_t *pipe, const void *data, size_t size, int64_t now)
{
    const listener_t *listener = conn->listener;
    segment_t *segment = aut_calloc (1, sizeof *segment + size);
    memcpy (segment->data, data, size);
    segment->size = size;
    segment->due = now < listener->delay_until ? now + listener->delay_ms : now;
    if (pipe->last)
        pipe->last->next = segment;
    else
        pipe->first = segment;
    pipe->last = segment;
    pipe->queued += size;
}

static bool is_parsed (aut_port_t port)
{
    return port == AUT_PORT_CLIENT || port == AUT_PORT_NODE || port == AUT_PORT_DATA;
}

static link_verdict_t judge (links_t *self, const conn_t *conn, link_dir_t dir,
                             const zmtp_unit_t *unit)
{
    aut_msg_t msg;
    link_verdict_t verdict = LINK_PASS;
    if (!unit->message || unit->head_size != AUT_HEAD_SIZE)
        return verdict;
    if (aut_msg_decode (&msg, unit->head, unit->head_size, unit->map, unit->map_size) == 0)
        verdict = self->judge (self->ctx, conn->listener->owner, conn->listener->port, dir, &msg);
    aut_msg_clear (&msg);
    return verdict;
}

static void flush (conn_t *conn, link_dir_t dir, int64_t now);

/*  Everything that is whole goes to the queue. */
static void digest (links_t *self, conn_t *conn, link_dir_t dir, int64_t now)
{
    pipe_t *pipe = &conn->pipes[dir];
    const uint8_t *data = (const uint8_t *)pipe->in.data;
    size_t at = 0;
    while (at < pipe->in.size && !conn->dead) {
        zmtp_unit_t unit = {0};
        size_t size = is_parsed (conn->listener->port)
                          ? zmtp_next (&pipe->parser, data + at, pipe->in.size - at, &unit)
                          : pipe->in.size - at;
        if (size == 0)
            break;
        link_verdict_t verdict = judge (self, conn, dir, &unit);
        if (unit.message && pipe->halve)
            verdict = LINK_HALF;
        if (verdict == LINK_PASS) {
            push (conn, pipe, data + at, size, now);
        } else {
            if (verdict == LINK_HALF) {
                push (conn, pipe, data + at, size / 2, now);
                flush (conn, dir, now);
            }
            reset (conn);
        }
        at += size;
    }
    if (!conn->dead && at) {
        memmove (pipe->in.data, pipe->in.data + at, pipe->in.size - at);
        pipe->in.size -= at;
    }
}

static void take (links_t *self, conn_t *conn, link_dir_t dir, int64_t now)
{
    static const size_t max = READ_BYTES;
    char bytes[READ_BYTES];
    pipe_t *pipe = &conn->pipes[dir];
    ssize_t n = recv (conn->fd[dir], bytes, max, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        pipe->eof = true;
        if (n < 0 && !pipe->mute)
            reset (conn);
        return;
    }
    if (pipe->mute)
        return;
    aut_buffer_append (&pipe->in, bytes, (size_t)n);
    digest (self, conn, dir, now);
}

/*  How much may go now. */
static size_t allowance (const listener_t *listener, pipe_t *pipe, int64_t now)
{
    if (now >= listener->rate_until)
        return SIZE_MAX;
    if (pipe->paid_ms == 0 || pipe->paid_ms > now)
        pipe->paid_ms = now;
    int64_t ms = now - pipe->paid_ms;
    if (ms < THROTTLE_TICK_MS)
        return 0;
    pipe->paid_ms = now;
    return listener->rate * (size_t)ms / 1000 + 1;
}

static void flush (conn_t *conn, link_dir_t dir, int64_t now)
{
    pipe_t *pipe = &conn->pipes[dir];
    if (!pipe->first || pipe->first->due > now || conn->connecting)
        return;
    size_t may = allowance (conn->listener, pipe, now);
    while (pipe->first && pipe->first->due <= now && may) {
        segment_t *s = pipe->first;
        size_t want = s->size - s->done < may ? s->size - s->done : may;
        ssize_t n = send (conn->fd[!dir], s->data + s->done, want, MSG_NOSIGNAL);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (n < 0) {
            reset (conn);
            return;
        }
        s->done += (size_t)n;
        may -= (size_t)n;
        pipe->queued -= (size_t)n;
        if (s->done == s->size) {
            pipe->first = s->next;
            if (!pipe->first)
                pipe->last = NULL;
            free (s);
        }
    }
}

/* ---- polling ----------------------------------------------------------------------------------
 */

size_t links_items (links_t *self, zmq_pollitem_t *items, size_t max)
{
    size_t n = 0;
    for (listener_t *l = self->listeners; l && n < max; l = l->next) {
        l->item = n;
        items[n++] = (zmq_pollitem_t){.fd = l->fd, .events = ZMQ_POLLIN};
    }
    for (conn_t *c = self->conns; c; c = c->next)
        for (int i = 0; i < 2; i++) {
            const pipe_t *from = &c->pipes[i];
            short events = 0;
            if (!from->eof && from->queued < QUEUE_MAX && !c->connecting)
                events |= ZMQ_POLLIN;
            if (i == 1 && c->connecting)
                events |= ZMQ_POLLOUT; /* else what is left over is tried again by the clock */
            c->item[i] = max;
            if (events == 0 || n == max)
                continue;
            c->item[i] = n;
            items[n++] = (zmq_pollitem_t){.fd = c->fd[i], .events = events};
        }
    self->polled = n;
    return n;
}

static void pump_conn (links_t *self, conn_t *conn, const zmq_pollitem_t *items, int64_t now)
{
    if (conn->dead)
        return;
    if (now >= conn->cut_at) {
        reset (conn);
        return;
    }
    if (conn->connecting && conn->item[1] < self->polled && items[conn->item[1]].revents) {
        int error = 0;
        socklen_t size = sizeof error;
        getsockopt (conn->fd[1], SOL_SOCKET, SO_ERROR, &error, &size);
        conn->connecting = false;
        if (error) {
            reset (conn);
            return;
        }
    }
    for (int dir = 0; dir < 2 && !conn->dead; dir++) {
        if (conn->item[dir] < self->polled && (items[conn->item[dir]].revents & ~ZMQ_POLLOUT))
            take (self, conn, dir, now);
        if (!conn->dead)
            flush (conn, dir, now);
    }
    bool over = (conn->pipes[0].eof && !conn->pipes[0].first) ||
                (conn->pipes[1].eof && !conn->pipes[1].first);
    bool mute = conn->pipes[0].mute || conn->pipes[1].mute;
    if (!conn->dead && over && !mute)
        close_well (conn);
}

void links_pump (links_t *self, const zmq_pollitem_t *items, int64_t now)
{
    for (conn_t *c = self->conns; c; c = c->next)
        pump_conn (self, c, items, now);
    sweep (self);
    for (listener_t *l = self->listeners; l; l = l->next)
        if (l->item < self->polled && items[l->item].revents)
            accept_one (self, l, now);
    self->polled = 0;
}

/* ---- faults -----------------------------------------------------------------------------------
 */

#define EACH_CONN(c, self, o, p)                                                                   \
    for (conn_t *c = (self)->conns; c; c = c->next)                                                \
        if (!c->dead && c->listener->owner == (o) && c->listener->port == (p))

unsigned links_reset (links_t *self, unsigned owner, aut_port_t port)
{
    unsigned hit = 0;
    EACH_CONN (c, self, owner, port)
    {
        reset (c);
        hit++;
    }
    return hit;
}

unsigned links_truncate (links_t *self, unsigned owner, aut_port_t port)
{
    unsigned hit = 0;
    EACH_CONN (c, self, owner, port)
    {
        c->pipes[0].halve = c->pipes[1].halve = true;
        hit++;
    }
    return hit;
}

unsigned links_half_open (links_t *self, unsigned owner, aut_port_t port, bool up, bool down,
                          int64_t until)
{
    unsigned hit = 0;
    EACH_CONN (c, self, owner, port)
    {
        c->pipes[LINK_UP].mute |= up;
        c->pipes[LINK_DOWN].mute |= down;
        c->cut_at = until;
        hit++;
    }
    return hit;
}

static listener_t *find_listener (links_t *self, unsigned owner, aut_port_t port)
{
    listener_t *l = self->listeners;
    while (l && (l->owner != owner || l->port != port))
        l = l->next;
    return l;
}

static unsigned count (links_t *self, unsigned owner, aut_port_t port)
{
    unsigned hit = 0;
    EACH_CONN (c, self, owner, port)
    hit++;
    return hit;
}

unsigned links_delay (links_t *self, unsigned owner, aut_port_t port, int64_t ms, int64_t until)
{
    listener_t *listener = find_listener (self, owner, port);
    listener->delay_ms = ms;
    listener->delay_until = until;
    return count (self, owner, port);
}

unsigned links_throttle (links_t *self, unsigned owner, aut_port_t port, size_t bytes_per_s,
                         int64_t until)
{
    listener_t *listener = find_listener (self, owner, port);
    listener->rate = bytes_per_s;
    listener->rate_until = until;
    return count (self, owner, port);
}

unsigned links_dark (links_t *self, unsigned owner, int64_t until)
{
    unsigned hit = 0;
    for (listener_t *l = self->listeners; l; l = l->next)
        if (l->owner == owner) {
            l->dark_until = until;
            hit += links_half_open (self, owner, l->port, true, true, until);
        }
    return hit;
}

void links_heal (links_t *self)
{
    for (listener_t *l = self->listeners; l; l = l->next)
        l->delay_until = l->rate_until = l->dark_until = 0;
    for (conn_t *c = self->conns; c; c = c->next) {
        c->pipes[0].halve = c->pipes[1].halve = false;
        if (!c->dead && (c->pipes[0].mute || c->pipes[1].mute))
            reset (c);
    }
}

void links_destroy (links_t **self_p)
{
    links_t *self = *self_p;
    if (!self)
        return;
    *self_p = NULL;
    for (conn_t *c = self->conns; c; c = c->next)
        reset (c);
    sweep (self);
    for (listener_t *l = self->listeners, *next; l; l = next) {
        next = l->next;
        close (l->fd);
        free (l);
    }
    free (self);
}
