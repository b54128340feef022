/*  Sockets: every ZeroMQ default in one place, and messages over DEALER and ROUTER.
 *
 *  aut_net_init comes before anything else of ZeroMQ in a process. A socket belongs to one thread.
 *  No call here blocks except where it says so: a full socket is AUT_ERR_AGAIN. A send that
 *  succeeded is not a delivery: every command has an answer in the application.
 */
#ifndef AUT_PROTO_NET_H
#define AUT_PROTO_NET_H

#include "proto/keys.h"
#include "proto/message.h"

#include <czmq.h>
#include <stddef.h>

#define AUT_PORT 7700 /* the client socket's; the others follow in the order of aut_port_t */

typedef enum {
    AUT_PORT_CLIENT,
    AUT_PORT_NODE,
    AUT_PORT_DATA,
    AUT_PORT_STATUS,
    AUT_PORT_EVENTS,
    AUT_PORT_COUNT
} aut_port_t;

/*  "client", "node", "data", "status", "events": the keys of endpoints.json. */
const char *aut_port_name (aut_port_t port);

/*  The role that a key needs for the port, as --as of auteur keys allow takes it; "client|node"
 *  where two will do. */
const char *aut_port_role (aut_port_t port);

/*  Takes the signals away from CZMQ and sets the process's I/O threads. Call it before the first
 *  socket of the process (zactor_new makes one, too); calling again does nothing. */
void aut_net_init (void);

/*  Server sockets: bound, MANDATORY, HANDOVER off, with the water marks and frame limits of the
 *  port. `endpoint` may end in ":*" (a free port); zsock_endpoint () tells which. The caller
 *  destroys the socket with zsock_destroy. AUT_ERR_IO naming the endpoint if it cannot be bound. */
int aut_net_bind (zsock_t **out, aut_port_t port, const char *endpoint);

/*  The same as a CURVE server under `pair` (NULL: without). Who may connect is for the process's
 *  ZAP handler to say, in the domain aut_port_name (port); without a handler everybody is let in,
 *  so the receiver checks the key of each message (aut_received_t.user). */
int aut_net_bind_curve (zsock_t **out, aut_port_t port, const char *endpoint,
                        const aut_keypair_t *pair);

/*  Client sockets: a DEALER (client, node, data, status) or SUB (events) that connects and goes on
 *  trying with back-off. AUT_ERR_INVALID for a bad address. */
int aut_net_connect (zsock_t **out, aut_port_t port, const char *endpoint);

/*  The same with CURVE, if `curve` is not NULL and has keys. */
int aut_net_connect_curve (zsock_t **out, aut_port_t port, const char *endpoint,
                           const aut_curve_t *curve);

/*  What comes of a connecting socket's handshakes. A refusal ends a socket's attempts for good
 *  (ZeroMQ's way): whoever wants to go on opens another. On the socket's thread. */
typedef struct aut_watch aut_watch_t;

/*  As aut_net_connect_curve, with a watch from the first attempt on. */
int aut_net_connect_watched (zsock_t **out, aut_watch_t **watch, aut_port_t port,
                             const char *endpoint, const aut_curve_t *curve);

/*  0, or AUT_ERR_UNREACHABLE once the broker has refused this socket, with a sentence that says why
 *  and what to run where. NULL is fine. */
int aut_watch_check (aut_watch_t *self);

/*  What is likely wrong if nobody has answered for long, or NULL; until the next call. */
const char *aut_watch_hint (aut_watch_t *self);

/*  Closes a watched socket and its watch; nulls both pointers, either may be NULL. */
void aut_net_close (zsock_t **sock, aut_watch_t **watch);

/*  Which connection it was: the descriptor and the other end's address. */
typedef struct {
    uint8_t address[16]; /* IPv6, or IPv4 mapped into it */
    int32_t fd;
    uint16_t port;
    uint16_t known; /* 0: nothing is known, as within a process */
} aut_net_link_t;

/*  A ROUTER's name for a peer: to be compared and sent to, nothing else. Peers may choose their
 *  route, also one that somebody had before them, so it goes with the connection that it was when
 *  the message came: nothing is sent to another one. The first AUT_PEER_ROUTE bytes, the route, are
 *  usable as a hash key (unused bytes are 0). */
typedef struct {
    uint8_t size;
    uint8_t bytes[255];
    aut_net_link_t link;
} aut_peer_t;

#define AUT_PEER_ROUTE offsetof (aut_peer_t, link)

/*  Whether it is an address of this machine to itself. */
bool aut_net_link_is_local (const aut_net_link_t *self);

/*  The same route; the connections may be different ones. */
bool aut_peer_equal (const aut_peer_t *a, const aut_peer_t *b);

/*  Sends one message on a DEALER. `body` is for DATA only (else NULL, 0); it is copied. 0,
 *  AUT_ERR_AGAIN if the socket is full or nobody is connected, or an encoding error. */
int aut_net_send (zsock_t *sock, const aut_msg_t *msg, const void *body, size_t body_size);

/*  The same on a ROUTER to one peer. AUT_ERR_UNREACHABLE if the peer is gone, also if another
 *  connection has its route now. */
int aut_net_send_to (zsock_t *sock, const aut_peer_t *peer, const aut_msg_t *msg, const void *body,
                     size_t body_size);

/*  As aut_net_send_to without copying, on a DEALER with `peer` NULL: `body` is freed by `done
 * (body, hint)`, on any thread, once it is sent; on failure it stays the caller's. */
int aut_net_send_body_to (zsock_t *sock, const aut_peer_t *peer, const aut_msg_t *msg, void *body,
                          size_t body_size, void (*done) (void *body, void *hint), void *hint);

/*  Answers with an ERROR made from `code` and this thread's aut_error_detail (). */
int aut_net_send_error_to (zsock_t *sock, const aut_peer_t *peer, uint64_t req, uint64_t xfer,
                           int code);

/*  One received message; clear it after use. */
typedef struct {
    aut_peer_t peer;         /* of a ROUTER; else size 0 */
    char user[AUT_KEY_TEXT]; /* the sender's public key; "" without CURVE */
    aut_msg_t msg;
    zmq_msg_t body_frame;
    bool has_body;
    int fd; /* of the connection that it came through, for counting alone; −1 without one */
} aut_received_t;

/*  Receives from a DEALER (`router` false) or ROUTER. AUT_ERR_AGAIN when nothing is there. Any
 * other error means that a message came and was refused: `in->msg` is then the ERROR that answers
 * it (the caller sends it to `in->peer`, or drops it if what came was itself an ERROR: type 0).
 * Needs a clear in every case. */
int aut_net_recv (zsock_t *sock, bool router, aut_received_t *in);
void aut_received_clear (aut_received_t *in);
const void *aut_received_body (aut_received_t *in, size_t *size);

/*  The status socket: one frame of JSON each way, with or without REQ's empty frame (`envelope`
 *  remembers which). The text is terminated and the caller's to free. AUT_ERR_AGAIN when nothing is
 *  there, AUT_ERR_INVALID or AUT_ERR_TOO_LARGE for what is not one frame of ≤ 64 KiB. */
int aut_net_recv_query (zsock_t *router, aut_peer_t *peer, bool *envelope, char **text);
/*  The same with the sender's public key ("" without CURVE) and the connection's descriptor, for
 *  counting alone (−1 without one). */
int aut_net_recv_query_of (zsock_t *router, aut_peer_t *peer, char user[AUT_KEY_TEXT], int *fd,
                           bool *envelope, char **text);
int aut_net_send_reply (zsock_t *router, const aut_peer_t *peer, bool envelope, const char *text,
                        size_t size);

/*  Publishes one event on an XPUB. */
int aut_net_publish (zsock_t *xpub, const char *topic, const char *text, size_t size);

/*  Waits until the socket (or `wake`, which may be NULL) can be read, at most `timeout_ms` (-1 =
 * for ever). True if something can be read. */
bool aut_net_wait (zsock_t *sock, zsock_t *wake, int timeout_ms);

#endif
