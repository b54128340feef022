/*  Every ZeroMQ option that auteur sets, and messages as frames.
 *
 *  Why these: ZeroMQ's own defaults never give up lingering, never notice a half-open connection,
 *  queue for peers that are not there and take frames of any size. Water marks count messages, so
 *  the data socket's is small; byte credit is what bounds its memory.
 */
#include "proto/net.h"

#include "lib/core/error.h"
#include "lib/core/mem.h"
#include "proto/watch.h"

#include <netinet/in.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>

#define LINGER_MS 1000
#define RECONNECT_MS 100
#define RECONNECT_MAX_MS 4000
#define CONNECT_TIMEOUT_MS 5000 /* the system's own would be minutes */
#define CONTROL_FRAME_MAX                                                                          \
    (2 * AUT_CONTROL_MAX)          /* above the norm, so that we can say what is wrong */
#define REPLY_FRAME_MAX (64 << 20) /* a snapshot of the status socket */
/* Questions are far smaller, but the status socket owes strangers an answer, also to garbage. */
#define QUESTION_FRAME_MAX (16 << 20)

static const struct {
    const char *name, *role;
    int server_type, client_type;
    int hwm;          /* messages per peer */
    int server_frame; /* largest frame that the server takes, bytes */
    int client_frame;
    int heartbeat_ms; /* ZMTP ping; a peer silent for four of them is cut off */
} ports[AUT_PORT_COUNT] = {
    [AUT_PORT_CLIENT] = {"client", "client", ZMQ_ROUTER, ZMQ_DEALER, 1000, CONTROL_FRAME_MAX,
                         CONTROL_FRAME_MAX, 5000},
    [AUT_PORT_NODE] = {"node", "node", ZMQ_ROUTER, ZMQ_DEALER, 4000, CONTROL_FRAME_MAX,
                       CONTROL_FRAME_MAX, 3000},
    [AUT_PORT_DATA] = {"data", "client|node", ZMQ_ROUTER, ZMQ_DEALER, 64, AUT_BODY_MAX,
                       AUT_BODY_MAX, 10000},
    [AUT_PORT_STATUS] = {"status", "client", ZMQ_ROUTER, ZMQ_DEALER, 100, QUESTION_FRAME_MAX,
                         REPLY_FRAME_MAX, 5000},
    [AUT_PORT_EVENTS] = {"events", "viewer", ZMQ_XPUB, ZMQ_SUB, 10000, 1024, CONTROL_FRAME_MAX,
                         5000},
};

const char *aut_port_name (aut_port_t port)
{
    return ports[port].name;
}

const char *aut_port_role (aut_port_t port)
{
    return ports[port].role;
}

static void init_once (void)
{
    zsys_handler_set (NULL);
    zsys_set_io_threads (2);
    zsys_init ();
}

void aut_net_init (void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once (&once, init_once);
}

/*  How the end of a connection is noticed that nobody closed. The nodes' server leaves it to TCP:
 *  libzmq ends a timer by looking for it among all of its I/O thread's, so that pings of ZMTP to N
 *  peers cost N² steps. */
static void set_heartbeat (zsock_t *sock, aut_port_t port, int type)
{
    int every = ports[port].heartbeat_ms;
    if (port == AUT_PORT_NODE && type == ports[port].server_type) {
        zsock_set_tcp_keepalive (sock, 1);
        zsock_set_tcp_keepalive_idle (sock, every / 1000);
        zsock_set_tcp_keepalive_intvl (sock, every / 1000);
        zsock_set_tcp_keepalive_cnt (sock, 3);
        zsock_set_tcp_maxrt (sock, 4 * every);
    } else {
        zsock_set_heartbeat_ivl (sock, every);
        zsock_set_heartbeat_timeout (sock, 4 * every);
    }
}

/*  A socket with the options of both sides. */
static zsock_t *new_socket (aut_port_t port, int type, int frame_max, const char *endpoint)
{
    aut_net_init ();
    zsock_t *sock = zsock_new (type);
    if (!sock)
        return NULL;
    /* bulk data has an I/O thread of its own, so that it never delays a heartbeat */
    zsock_set_affinity (sock, port == AUT_PORT_DATA ? 2 : 1);
    zsock_set_linger (sock, LINGER_MS);
    zsock_set_sndhwm (sock, ports[port].hwm);
    zsock_set_rcvhwm (sock, ports[port].hwm);
    zsock_set_maxmsgsize (sock, frame_max);
    set_heartbeat (sock, port, type);
    if (strchr (endpoint, '['))
        zsock_set_ipv6 (sock, 1);
    return sock;
}

static int no_socket (const char *endpoint)
{
    return aut_fail (AUT_ERR_IO, "cannot make a socket for %s: %s", endpoint,
                     zmq_strerror (zmq_errno ()));
}

int aut_net_bind (zsock_t **out, aut_port_t port, const char *endpoint)
{
    return aut_net_bind_curve (out, port, endpoint, NULL);
}

int aut_net_bind_curve (zsock_t **out, aut_port_t port, const char *endpoint,
                        const aut_keypair_t *pair)
{
    *out = NULL;
    int type = ports[port].server_type;
    zsock_t *sock = new_socket (port, type, ports[port].server_frame, endpoint);
    if (!sock)
        return no_socket (endpoint);
    if (type == ZMQ_ROUTER)
        zsock_set_router_mandatory (sock, 1);
    else {
        zsock_set_xpub_verbose (sock, 1); /* each subscription says that its connection is in use */
        /* Subscriptions are bounded by bytes (broker/door.c). libzmq 4.3.4 ends the process if a
         * connection breaks while a full pipe keeps it from being read and a heartbeat falls due:
         * a flood of subscriptions, each of which takes long, would be enough. */
        zsock_set_rcvhwm (sock, 0);
    }
    zsock_set_backlog (sock, 1024);
    if (pair) {
        zsock_set_curve_server (sock, 1);
        zsock_set_curve_publickey (sock, pair->public_key);
        zsock_set_curve_secretkey (sock, pair->secret_key);
        zsock_set_zap_domain (sock, ports[port].name);
    }
    if (zsock_bind (sock, "%s", endpoint) < 0) {
        int error = zmq_errno ();
        zsock_destroy (&sock);
        return aut_fail (AUT_ERR_IO, "cannot listen on %s: %s", endpoint, zmq_strerror (error));
    }
    *out = sock;
    return 0;
}

/*  A client socket that is not connected yet. */
static int new_client (zsock_t **out, aut_port_t port, const char *endpoint,
                       const aut_curve_t *curve)
{
    int type = ports[port].client_type;
    zsock_t *sock = new_socket (port, type, ports[port].client_frame, endpoint);
    if (!sock)
        return no_socket (endpoint);
    zsock_set_reconnect_ivl (sock, RECONNECT_MS);
    zsock_set_reconnect_ivl_max (sock, RECONNECT_MAX_MS);
    zsock_set_connect_timeout (sock, CONNECT_TIMEOUT_MS);
    if (type == ZMQ_DEALER)
        zsock_set_immediate (sock, 1);
    if (curve && curve->server_key[0]) {
        zsock_set_curve_serverkey (sock, curve->server_key);
        zsock_set_curve_publickey (sock, curve->own.public_key);
        zsock_set_curve_secretkey (sock, curve->own.secret_key);
    }
    *out = sock;
    return 0;
}

int aut_net_connect (zsock_t **out, aut_port_t port, const char *endpoint)
{
    return aut_net_connect_curve (out, port, endpoint, NULL);
}

int aut_net_connect_curve (zsock_t **out, aut_port_t port, const char *endpoint,
                           const aut_curve_t *curve)
{
    return aut_net_connect_watched (out, NULL, port, endpoint, curve);
}

int aut_net_connect_watched (zsock_t **out, aut_watch_t **watch, aut_port_t port,
                             const char *endpoint, const aut_curve_t *curve)
{
    zsock_t *sock = NULL;
    *out = NULL;
    int rc = new_client (&sock, port, endpoint, curve);
    if (!rc && watch)
        rc = aut_watch_new (watch, sock, port, endpoint, curve);
    if (!rc && zsock_connect (sock, "%s", endpoint) < 0)
        rc = aut_fail (AUT_ERR_INVALID, "cannot connect to %s: %s", endpoint,
                       zmq_strerror (zmq_errno ()));
    if (rc)
        aut_net_close (&sock, watch);
    *out = sock;
    return rc;
}

/* ---- connections ---------------------------------------------------------------------------- */

/*  A connection that is gone already has port 0, which none has. */
static void read_link (aut_net_link_t *out, int fd)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    struct sockaddr_storage peer = {0};
    socklen_t size = sizeof peer;
    memset (out, 0, sizeof *out);
    if (fd < 0)
        return;
    out->known = 1;
    out->fd = fd;
    if (getpeername (fd, (struct sockaddr *)&peer, &size) < 0)
        return;
    if (peer.ss_family == AF_INET) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)&peer;
        memcpy (out->address, mapped, sizeof mapped);
        memcpy (out->address + sizeof mapped, &v4->sin_addr, 4);
        out->port = ntohs (v4->sin_port);
    } else if (peer.ss_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&peer;
        memcpy (out->address, &v6->sin6_addr, sizeof out->address);
        out->port = ntohs (v6->sin6_port);
    }
}

static bool link_holds (const aut_net_link_t *link)
{
    aut_net_link_t now;
    if (!link->known)
        return true;
    read_link (&now, link->fd);
    return now.port && memcmp (&now, link, sizeof now) == 0;
}

bool aut_net_link_is_local (const aut_net_link_t *self)
{
    static const uint8_t v4[13] = {[10] = 0xff, [11] = 0xff, [12] = 127};
    static const uint8_t v6[16] = {[15] = 1};
    return memcmp (self->address, v4, sizeof v4) == 0 || memcmp (self->address, v6, sizeof v6) == 0;
}

bool aut_peer_equal (const aut_peer_t *a, const aut_peer_t *b)
{
    return a->size == b->size && memcmp (a->bytes, b->bytes, a->size) == 0;
}

/* ---- send ----------------------------------------------------------------------------------- */

/*  One frame; never blocks. */
static int send_frame (void *sock, const void *data, size_t size, bool more)
{
    int rc;
    do
        rc = zmq_send (sock, data, size, ZMQ_DONTWAIT | (more ? ZMQ_SNDMORE : 0));
    while (rc < 0 && zmq_errno () == EINTR);
    return rc < 0 ? -1 : 0;
}

/*  What the first frame's failure means. Later frames of a message do not fail for fullness. */
static int send_failure (void)
{
    int error = zmq_errno ();
    if (error == EAGAIN)
        return aut_fail (AUT_ERR_AGAIN, "the socket takes no message now");
    if (error == EHOSTUNREACH)
        return aut_fail (AUT_ERR_UNREACHABLE, "the peer is gone");
    return aut_fail (AUT_ERR_IO, "cannot send: %s", zmq_strerror (error));
}

/*  The frame that says to whom. */
static int send_route (void *sock, const aut_peer_t *peer)
{
    if (!link_holds (&peer->link))
        return aut_fail (AUT_ERR_UNREACHABLE, "the peer's connection is gone");
    return send_frame (sock, peer->bytes, peer->size, true) ? send_failure () : 0;
}

typedef struct {
    void *data;
    size_t size;
    void (*done) (void *body, void *hint); /* NULL: copy */
    void *hint;
} body_t;

static void send_body (void *sock, const body_t *body)
{
    if (!body->done) {
        send_frame (sock, body->data, body->size, false);
        return;
    }
    zmq_msg_t frame;
    if (zmq_msg_init_data (&frame, body->data, body->size, body->done, body->hint) < 0) {
        send_frame (sock, body->data, body->size, false);
        body->done (body->data, body->hint);
        return;
    }
    int rc;
    do
        rc = zmq_msg_send (&frame, sock, ZMQ_DONTWAIT);
    while (rc < 0 && zmq_errno () == EINTR);
    if (rc < 0)
        zmq_msg_close (&frame);
}

/*  Frames: [peer] head map [body]. Only the first can be refused; a peer that leaves in between
 *  loses the message, as it would a moment later. */
static int send_message (zsock_t *zsock, const aut_peer_t *peer, const aut_msg_t *msg,
                         const body_t *body)
{
    uint8_t head[AUT_HEAD_SIZE];
    aut_buffer_t map = {0};
    int rc = aut_msg_encode (msg, head, &map);
    if (rc == 0 && (body->data != NULL) != aut_msg_has_body (msg->type))
        rc = aut_fail (AUT_ERR_INTERNAL, "%s: body given to the wrong message",
                       aut_msg_name (msg->type));
    if (rc == 0 && body->size > AUT_BODY_MAX)
        rc = aut_fail (AUT_ERR_TOO_LARGE, "%s: a body of %zu bytes", aut_msg_name (msg->type),
                       body->size);
    void *sock = zsock_resolve (zsock);
    if (rc == 0 && peer)
        rc = send_route (sock, peer);
    if (rc == 0 && send_frame (sock, head, sizeof head, true) && !peer)
        rc = send_failure ();
    if (rc == 0) {
        send_frame (sock, map.data, map.size, body->data != NULL);
        if (body->data)
            send_body (sock, body);
    }
    aut_buffer_clear (&map);
    return rc;
}

int aut_net_send (zsock_t *sock, const aut_msg_t *msg, const void *body, size_t body_size)
{
    body_t b = {(void *)body, body_size, NULL, NULL};
    return send_message (sock, NULL, msg, &b);
}

int aut_net_send_to (zsock_t *sock, const aut_peer_t *peer, const aut_msg_t *msg, const void *body,
                     size_t body_size)
{
    body_t b = {(void *)body, body_size, NULL, NULL};
    return send_message (sock, peer, msg, &b);
}

int aut_net_send_body_to (zsock_t *sock, const aut_peer_t *peer, const aut_msg_t *msg, void *body,
                          size_t body_size, void (*done) (void *body, void *hint), void *hint)
{
    body_t b = {body, body_size, done, hint};
    return send_message (sock, peer, msg, &b);
}

int aut_net_send_error_to (zsock_t *sock, const aut_peer_t *peer, uint64_t req, uint64_t xfer,
                           int code)
{
    char text[AUT_TEXT_MAX + 1];
    aut_msg_t msg = {.type = AUT_MSG_ERROR,
                     .error = {req, xfer, aut_error_text (code),
                               aut_msg_clip (text, sizeof text, aut_error_detail ())}};
    return aut_net_send_to (sock, peer, &msg, NULL, 0);
}

/* ---- receive -------------------------------------------------------------------------------- */

/*  Receives one frame into an initialised `frame`; -1 when nothing is there. */
static int recv_frame (void *sock, zmq_msg_t *frame)
{
    int rc;
    do
        rc = zmq_msg_recv (frame, sock, ZMQ_DONTWAIT);
    while (rc < 0 && zmq_errno () == EINTR);
    return rc < 0 ? -1 : 0;
}

#define FRAMES_MAX 3

/*  Receives up to `max` frames; `extra` counts what came after them. Returns how many are in
 *  `frames`, all of which are initialised; 0 when nothing was there. */
static size_t recv_frames (void *sock, zmq_msg_t *frames, size_t max, size_t *extra)
{
    size_t count = 0;
    *extra = 0;
    for (size_t i = 0; i < max; i++)
        zmq_msg_init (&frames[i]);
    while (count < max && recv_frame (sock, &frames[count]) == 0)
        if (!zmq_msg_more (&frames[count++]))
            return count;
    if (count == max) {
        zmq_msg_t rest;
        zmq_msg_init (&rest);
        while (recv_frame (sock, &rest) == 0) {
            ++*extra;
            if (!zmq_msg_more (&rest))
                break;
        }
        zmq_msg_close (&rest);
    }
    return count;
}

static void close_frames (zmq_msg_t *frames, size_t max)
{
    for (size_t i = 0; i < max; i++)
        zmq_msg_close (&frames[i]);
}

/*  Reads a ROUTER's first frame into `peer`; false when nothing is there. */
static bool recv_peer (void *sock, aut_peer_t *peer, bool *more)
{
    zmq_msg_t frame;
    zmq_msg_init (&frame);
    bool got = recv_frame (sock, &frame) == 0;
    if (got) {
        size_t size = zmq_msg_size (&frame);
        peer->size = (uint8_t)(size < sizeof peer->bytes ? size : sizeof peer->bytes);
        memcpy (peer->bytes, zmq_msg_data (&frame), peer->size);
        *more = zmq_msg_more (&frame);
    }
    zmq_msg_close (&frame);
    return got;
}

/*  Who sent it, which the handshake has proved. libzmq 4.3.4 has it on every frame but, after a
 *  poll, on a ROUTER's first one. */
static void note_user (zmq_msg_t *frame, char user[AUT_KEY_TEXT])
{
    const char *id = zmq_msg_gets (frame, "User-Id");
    user[0] = 0;
    if (id && strlen (id) < AUT_KEY_TEXT)
        memcpy (user, id, strlen (id) + 1);
}

/*  Makes `in->msg` the ERROR that answers a message refused for its frames. */
static void answer_frames (aut_received_t *in, int code)
{
    uint64_t req = 0, xfer = 0;
    if (in->msg.type >= AUT_MSG_PUT)
        xfer = in->msg.close.xfer;
    else if (in->msg.type >= AUT_MSG_SUBMIT && in->msg.type <= AUT_MSG_MODELS_PAGE)
        req = in->msg.ok.req;
    aut_msg_clear (&in->msg);
    in->msg.type = AUT_MSG_ERROR;
    in->msg.error = (aut_msg_error_t){req, xfer, aut_error_text (code),
                                      "wrong number of frames: head and map, and one body of at "
                                      "most 1 MiB for DATA alone"};
}

int aut_net_recv (zsock_t *zsock, bool router, aut_received_t *in)
{
    memset (in, 0, sizeof *in);
    void *sock = zsock_resolve (zsock);
    bool more = true;
    if (router && !recv_peer (sock, &in->peer, &more))
        return AUT_ERR_AGAIN;
    zmq_msg_t frames[FRAMES_MAX];
    size_t extra, count = recv_frames (sock, frames, more ? FRAMES_MAX : 0, &extra);
    if (count == 0 && !router) {
        close_frames (frames, FRAMES_MAX);
        return AUT_ERR_AGAIN;
    }
    int rc;
    in->fd = count ? zmq_msg_get (&frames[0], ZMQ_SRCFD) : -1;
    if (router)
        read_link (&in->peer.link, in->fd);
    if (count)
        note_user (&frames[0], in->user);
    if (!more || count == 0) {
        rc = aut_fail (AUT_ERR_INVALID, "a message without frames");
        answer_frames (in, rc);
    } else
        rc = aut_msg_decode (&in->msg, zmq_msg_data (&frames[0]), zmq_msg_size (&frames[0]),
                             count > 1 ? zmq_msg_data (&frames[1]) : "",
                             count > 1 ? zmq_msg_size (&frames[1]) : 0);
    size_t wanted = rc == 0 && aut_msg_has_body (in->msg.type) ? 3 : 2;
    if (rc == 0 && (count != wanted || extra || zmq_msg_size (&frames[2]) > AUT_BODY_MAX)) {
        rc = aut_fail (AUT_ERR_INVALID, "%s: %zu frames", aut_msg_name (in->msg.type),
                       count + extra);
        answer_frames (in, rc);
    }
    if (rc == 0 && wanted == 3) {
        zmq_msg_init (&in->body_frame);
        zmq_msg_move (&in->body_frame, &frames[2]);
        in->has_body = true;
    }
    if (more)
        close_frames (frames, FRAMES_MAX);
    return rc;
}

void aut_received_clear (aut_received_t *in)
{
    aut_msg_clear (&in->msg);
    if (in->has_body)
        zmq_msg_close (&in->body_frame);
    in->has_body = false;
}

const void *aut_received_body (aut_received_t *in, size_t *size)
{
    *size = in->has_body ? zmq_msg_size (&in->body_frame) : 0;
    return in->has_body ? zmq_msg_data (&in->body_frame) : NULL;
}

/* ---- status and events ----------------------------------------------------------------------- */

int aut_net_recv_query (zsock_t *router, aut_peer_t *peer, bool *envelope, char **text)
{
    char user[AUT_KEY_TEXT];
    int fd;
    return aut_net_recv_query_of (router, peer, user, &fd, envelope, text);
}

int aut_net_recv_query_of (zsock_t *router, aut_peer_t *peer, char user[AUT_KEY_TEXT], int *fd,
                           bool *envelope, char **text)
{
    memset (peer, 0, sizeof *peer);
    user[0] = 0;
    *fd = -1;
    *text = NULL;
    *envelope = false;
    void *sock = zsock_resolve (router);
    bool more = false;
    if (!recv_peer (sock, peer, &more))
        return AUT_ERR_AGAIN;
    if (!more)
        return aut_fail (AUT_ERR_INVALID, "a query is one frame of JSON");
    zmq_msg_t frames[2];
    size_t extra, count = recv_frames (sock, frames, 2, &extra);
    zmq_msg_t *body = &frames[0];
    if (count) {
        note_user (body, user);
        *fd = zmq_msg_get (body, ZMQ_SRCFD);
        read_link (&peer->link, *fd);
    }
    if (count == 2 && zmq_msg_size (body) == 0) {
        *envelope = true;
        body = &frames[1];
        count--;
    }
    int rc = 0;
    if (count != 1 || extra)
        rc = aut_fail (AUT_ERR_INVALID, "a query is one frame of JSON");
    else if (zmq_msg_size (body) > AUT_CONTROL_MAX)
        rc = aut_fail (AUT_ERR_TOO_LARGE, "a query of %zu bytes, at most %d are allowed",
                       zmq_msg_size (body), AUT_CONTROL_MAX);
    else
        *text = aut_strndup (zmq_msg_data (body), zmq_msg_size (body));
    close_frames (frames, 2);
    return rc;
}

int aut_net_send_reply (zsock_t *router, const aut_peer_t *peer, bool envelope, const char *text,
                        size_t size)
{
    void *sock = zsock_resolve (router);
    int rc = send_route (sock, peer);
    if (rc)
        return rc;
    if (envelope)
        send_frame (sock, "", 0, true);
    send_frame (sock, text, size, false);
    return 0;
}

int aut_net_publish (zsock_t *xpub, const char *topic, const char *text, size_t size)
{
    void *sock = zsock_resolve (xpub);
    if (send_frame (sock, topic, strlen (topic), true))
        return send_failure ();
    send_frame (sock, text, size, false);
    return 0;
}

bool aut_net_wait (zsock_t *sock, zsock_t *wake, int timeout_ms)
{
    zmq_pollitem_t items[2] = {{.socket = zsock_resolve (sock), .events = ZMQ_POLLIN}};
    if (wake)
        items[1] = (zmq_pollitem_t){.socket = zsock_resolve (wake), .events = ZMQ_POLLIN};
    return zmq_poll (items, wake ? 2 : 1, timeout_ms) > 0;
}
