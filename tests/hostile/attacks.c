/*  See attacks.h. */
#include "tests/hostile/attacks.h"

#include "lib/core/error.h"
#include "lib/core/mem.h"
#include "proto/monitor.h"
#include "tests/broker/harness.h"
#include "tests/hostile/raw.h"

#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define MIB ((size_t)1 << 20)

static uint64_t next_random (attack_t *self)
{
    uint64_t z = (self->random += UINT64_C (0x9E3779B97F4A7C15));
    z = (z ^ (z >> 30)) * UINT64_C (0xBF58476D1CE4E5B9);
    return z ^ (z >> 27);
}

static uint16_t port_at (const attack_t *self, size_t i)
{
    return i < AUT_PORT_COUNT ? raw_port (self->stage->endpoints.url[i]) : self->stage->http;
}

/*  A DEALER or SUB without any of our bounds. */
static void *dealer (attack_t *self, aut_port_t port, int type)
{
    int one = 1, none = 0, hwm = 1;
    void *sock = zmq_socket (zsys_init (), type);
    ck_assert_ptr_nonnull (sock);
    zmq_setsockopt (sock, ZMQ_LINGER, &none, sizeof none);
    zmq_setsockopt (sock, ZMQ_RCVHWM, &hwm, sizeof hwm);
    if (self->stage->keys) {
        aut_curve_t curve = stage_curve (self->stage, type == ZMQ_SUB ? "viewer" : "mallory");
        zmq_setsockopt (sock, ZMQ_SNDHWM, type == ZMQ_SUB ? &none : &hwm, sizeof hwm);
        zmq_setsockopt (sock, ZMQ_CURVE_SERVERKEY, curve.server_key, AUT_KEY_TEXT - 1);
        zmq_setsockopt (sock, ZMQ_CURVE_PUBLICKEY, curve.own.public_key, AUT_KEY_TEXT - 1);
        zmq_setsockopt (sock, ZMQ_CURVE_SECRETKEY, curve.own.secret_key, AUT_KEY_TEXT - 1);
    }
    zmq_setsockopt (sock, ZMQ_IMMEDIATE, &one, sizeof one);
    ck_assert_int_eq (zmq_connect (sock, self->stage->endpoints.url[port]), 0);
    return sock;
}

/*  libzmq takes new connections in, and tells them of subscriptions, only when it is called. */
static void go_on (void *sock)
{
    int events;
    size_t size = sizeof events;
    zmq_getsockopt (sock, ZMQ_EVENTS, &events, &size);
}

static void hold (attack_t *self, int fd)
{
    if (fd < 0)
        return;
    if (self->held_count == HELD_MAX) {
        size_t at = next_random (self) % HELD_MAX;
        close (self->held[at]);
        self->held[at] = fd;
        return;
    }
    self->held[self->held_count++] = fd;
}

void attack_close (attack_t *self)
{
    while (self->held_count)
        close (self->held[--self->held_count]);
    while (self->socket_count)
        zmq_close (self->sockets[--self->socket_count]);
}

/*  What the others are compared with. */
static void nobody (attack_t *self)
{
    (void)self;
    poll (NULL, 0, 20);
}

/* ---- bytes that are no protocol -------------------------------------------------------------- */

static void random_bytes (attack_t *self)
{
    uint64_t bytes[1024];
    for (size_t i = 0; i < sizeof bytes / sizeof *bytes; i++)
        bytes[i] = next_random (self);
    for (size_t port = 0; port <= AUT_PORT_COUNT; port++, self->attempts++) {
        int fd = raw_dial (port_at (self, port));
        if (self->round % 2) /* a greeting that is right, and then noise */
            raw_send (fd, "\xff\0\0\0\0\0\0\0\1\x7f\3\0NULL", 16);
        raw_send (fd, bytes, 1 + next_random (self) % sizeof bytes);
        close (fd);
    }
}

/*  ZMTP of the past and the future, and mechanisms that are not ours. */
static void wrong_greetings (attack_t *self)
{
    static const char *const mechanisms[] = {"PLAIN", "GSSAPI", "CURVE", "NONSENSE"};
    for (size_t port = 0; port < AUT_PORT_COUNT; port++, self->attempts++) {
        uint8_t greeting[64] = {0xff, [8] = 1, [9] = 0x7f};
        const char *mechanism = mechanisms[next_random (self) % 4];
        int fd = raw_dial (port_at (self, port));
        greeting[10] = self->round % 3 ? 3 : (uint8_t)(next_random (self) % 250 + 4);
        memcpy (greeting + 12, mechanism, strlen (mechanism));
        raw_send (fd, greeting, sizeof greeting);
        hold (self, fd);
    }
}

/*  Other versions of ours, types that are not there, and the wrong number of frames. */
static void wrong_messages (attack_t *self)
{
    static const struct {
        const char *bytes;
        size_t size;
    } heads[] = {{"AUT2\x10", 5}, {"AUT0\x10", 5}, {"HTTP/", 5},     {"AUT1\xff", 5},
                 {"AUT1", 4},     {"", 0},         {"AUT1\x10x", 6}, {"AUT1\x25", 5}};
    static const aut_port_t ports[] = {AUT_PORT_CLIENT, AUT_PORT_NODE, AUT_PORT_DATA};
    if (!self->socket_count)
        for (size_t i = 0; i < 3; i++)
            self->sockets[self->socket_count++] = dealer (self, ports[i], ZMQ_DEALER);
    for (size_t i = 0; i < 3; i++)
        for (size_t k = 0; k < sizeof heads / sizeof *heads; k++) {
            uint64_t map = next_random (self);
            int rc = zmq_send (self->sockets[i], heads[k].bytes, heads[k].size,
                               ZMQ_DONTWAIT | (k % 2 ? ZMQ_SNDMORE : 0));
            self->attempts += rc >= 0;
            if (k % 2 && rc >= 0)
                zmq_send (self->sockets[i], &map, sizeof map, ZMQ_DONTWAIT);
        }
}

/* ---- sizes ----------------------------------------------------------------------------------- */

/*  A frame that says that it is of 2^62 bytes, and one that really is of 32 MiB. */
static void huge_frames (attack_t *self)
{
    static uint8_t zeros[64 << 10];
    static const uint64_t sizes[] = {UINT64_C (1) << 62, UINT64_MAX, 32 << 20, 17 << 20};
    for (size_t port = 0; port < AUT_PORT_EVENTS; port++, self->attempts++) {
        uint8_t head[9] = {2};
        uint64_t size = sizes[(self->round + port) % 4];
        int fd = raw_dial (port_at (self, port));
        if (fd < 0)
            continue;
        for (int i = 0; i < 8; i++)
            head[1 + i] = (uint8_t)(size >> (56 - 8 * i));
        if (raw_handshake (fd) == 0 && raw_send (fd, head, sizeof head) == sizeof head)
            for (size_t sent = 0; sent < 32 * MIB && sent < size; sent += sizeof zeros)
                if (raw_send (fd, zeros, sizeof zeros) < sizeof zeros)
                    break;
        close (fd);
    }
}

/*  One message of frames without end, as fast as they go. libzmq would keep such a message to
 *  itself, so this is by hand: flags 3 are "more" and "8 bytes of length follow". */
static void endless_message (attack_t *self)
{
    static uint8_t frame[9 + (64 << 10)] = {3, 0, 0, 0, 0, 0, 1, 0, 0};
    for (size_t i = 0; i < 4; i++) {
        if (self->held_count <= i) {
            self->held[self->held_count++] = -1;
            self->attempts++;
        }
        if (self->held[i] < 0) {
            self->held[i] = raw_dial (port_at (self, i));
            raw_handshake (self->held[i]);
        }
        for (size_t sent = 0; sent < 8 * MIB; sent += sizeof frame)
            if (raw_send (self->held[i], frame, sizeof frame) < sizeof frame) {
                close (self->held[i]); /* cut: again */
                self->held[i] = -1;
                self->attempts++;
                break;
            }
    }
}

/*  Messages of thousands of small frames, that do end. */
static void many_frames (attack_t *self)
{
    for (size_t i = 0; i < 4; i++) {
        if (self->socket_count < 4)
            self->sockets[self->socket_count++] = dealer (self, (aut_port_t)i, ZMQ_DEALER);
        int frames = 0;
        while (frames < 5000 && zmq_send (self->sockets[i], "AUT1\x10", 5,
                                          ZMQ_DONTWAIT | (frames < 4999 ? ZMQ_SNDMORE : 0)) >= 0)
            frames++;
        self->attempts += frames == 5000;
    }
}

static void keep (void *data, void *hint)
{
    (void)data;
    (void)hint;
}

/*  One after another, for good. */
static void send_large (void *sock, int frames, uint64_t *sent)
{
    static char frame[64 << 10];
    for (;;) {
        for (int i = 0; i < frames; i++) {
            zmq_msg_t msg;
            zmq_msg_init_data (&msg, frame, sizeof frame, keep, NULL);
            if (zmq_msg_send (&msg, sock, i < frames - 1 ? ZMQ_SNDMORE : 0) < 0)
                zmq_msg_close (&msg);
        }
        __atomic_add_fetch (sent, 1, __ATOMIC_RELAXED);
    }
}

typedef struct {
    pid_t pids[2];
    uint64_t *sent; /* shared with them */
} senders_t;

/*  Whole messages of 500 MiB and more, by somebody whose key is allowed: a client, which may use
 *  both ports. In processes of their own, which are killed: libzmq's own assertions do not take it
 *  well when a socket is closed amid such a message. */
static void large_messages (attack_t *self)
{
    static const aut_port_t ports[] = {AUT_PORT_CLIENT, AUT_PORT_DATA};
    senders_t *senders = self->peer;
    if (!senders) {
        self->peer = senders = aut_calloc (1, sizeof *senders);
        senders->sent = mmap (NULL, sizeof *senders->sent, PROT_READ | PROT_WRITE,
                              MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        ck_assert_ptr_ne (senders->sent, MAP_FAILED);
    }
    for (size_t i = 0; i < 2; i++) {
        if (senders->pids[i] && waitpid (senders->pids[i], NULL, WNOHANG) == 0)
            continue;
        senders->pids[i] = fork ();
        if (senders->pids[i] == 0) {
            prctl (PR_SET_PDEATHSIG, SIGKILL);
            send_large (dealer (self, ports[i], ZMQ_DEALER), 8000, senders->sent);
        }
    }
    self->attempts = __atomic_load_n (senders->sent, __ATOMIC_RELAXED);
    poll (NULL, 0, 50);
}

static void end_large_messages (attack_t *self)
{
    senders_t *senders = self->peer;
    for (size_t i = 0; senders && i < 2; i++) {
        kill (senders->pids[i], SIGKILL);
        waitpid (senders->pids[i], NULL, 0);
    }
    if (senders)
        munmap (senders->sent, sizeof *senders->sent);
    free (senders);
}

/* ---- numbers --------------------------------------------------------------------------------- */

/*  Somebody honest, who subscribed before all others and says nothing more. */
typedef struct {
    zsock_t *sub;
    void *monitor;
} watcher_t;

static watcher_t *new_watcher (attack_t *self)
{
    watcher_t *watcher = aut_calloc (1, sizeof *watcher);
    aut_curve_t curve = stage_curve (self->stage, "viewer");
    unsigned event;
    uint32_t value;
    bool there = false;
    OK (aut_net_connect_curve (&watcher->sub, AUT_PORT_EVENTS,
                               self->stage->endpoints.url[AUT_PORT_EVENTS], &curve));
    watcher->monitor =
        aut_monitor_open (watcher->sub, ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_CONNECTED);
    ck_assert_ptr_nonnull (watcher->monitor);
    zsock_set_subscribe (watcher->sub, "");
    /* what it hears says that its subscription has come */
    for (int64_t end = stage_now_ms () + PATIENCE_MS; !there && stage_now_ms () < end;) {
        stage_film (self->stage);
        while (!stage_film_done (self->stage))
            there = aut_net_wait (watcher->sub, NULL, 50) || there;
    }
    ck_assert_msg (there, "a watcher hears nothing");
    while (aut_monitor_read (watcher->monitor, &event, &value))
        continue;
    return watcher;
}

static void end_crowd (attack_t *self)
{
    watcher_t *watcher = self->peer;
    unsigned event;
    uint32_t value;
    if (!watcher)
        return;
    ck_assert_msg (!aut_monitor_read (watcher->monitor, &event, &value),
                   "a watcher was cut off with the silent ones");
    zmq_socket_monitor (zsock_resolve (watcher->sub), NULL, 0);
    zmq_close (watcher->monitor);
    zsock_destroy (&watcher->sub);
    free (watcher);
}

/*  Connections that say nothing, half of them after the greeting. */
static void crowd (attack_t *self)
{
    if (!self->peer)
        self->peer = new_watcher (self);
    for (int i = 0; i < 100; i++, self->attempts++) {
        int fd = raw_dial (port_at (self, (size_t)i % AUT_PORT_COUNT));
        if (i % 2)
            raw_send (fd, "\xff\0\0\0\0\0\0\0\1\x7f", 10);
        hold (self, fd);
    }
}

/*  Peers that ask and ask and never read: the queues of answers are what grows. */
static void slow_readers (attack_t *self)
{
    static const char *const questions[] = {"{\"get\":\"metrics\"}", "{\"get\":\"events\"}"};
    if (self->socket_count < 60) {
        void *sub = dealer (self, AUT_PORT_EVENTS, ZMQ_SUB);
        zmq_setsockopt (sub, ZMQ_SUBSCRIBE, "", 0);
        self->sockets[self->socket_count++] = sub;
        self->sockets[self->socket_count++] = dealer (self, AUT_PORT_STATUS, ZMQ_DEALER);
        self->sockets[self->socket_count++] = dealer (self, AUT_PORT_CLIENT, ZMQ_DEALER);
    }
    aut_msg_t models = {.type = AUT_MSG_MODELS, .models = {.req = self->round + 1}};
    uint8_t head[AUT_HEAD_SIZE];
    aut_buffer_t map = {0};
    OK (aut_msg_encode (&models, head, &map));
    for (size_t i = 0; i + 2 < self->socket_count; i += 3) {
        go_on (self->sockets[i]);
        for (int k = 0; k < 20; k++) {
            const char *question = questions[k % 2];
            if (zmq_send (self->sockets[i + 1], question, strlen (question), ZMQ_DONTWAIT) > 0)
                self->attempts++;
            if (zmq_send (self->sockets[i + 2], head, sizeof head, ZMQ_DONTWAIT | ZMQ_SNDMORE) > 0)
                zmq_send (self->sockets[i + 2], map.data, map.size, ZMQ_DONTWAIT);
        }
    }
    aut_buffer_clear (&map);
}

/*  Topics without end. Who is cut off connects again and sends them all at once; after 20,000 of
 *  them another subscriber takes its place. */
static void endless_subscriptions (attack_t *self)
{
    if (self->round % 40 == 0)
        attack_close (self);
    while (self->socket_count < 2)
        self->sockets[self->socket_count++] = dealer (self, AUT_PORT_EVENTS, ZMQ_SUB);
    for (int i = 0; i < 1000; i++, self->attempts++) {
        uint64_t topic[4];
        for (size_t k = 0; k < 4; k++)
            topic[k] = next_random (self);
        zmq_setsockopt (self->sockets[i % 2], ZMQ_SUBSCRIBE, topic, sizeof topic);
    }
    for (size_t i = 0; i < 2; i++)
        go_on (self->sockets[i]);
    poll (NULL, 0, 20);
}

/* ---- liars ----------------------------------------------------------------------------------- */

static aut_ref_t made_up (attack_t *self)
{
    aut_ref_t ref = {.size = 1 + next_random (self) % 100000};
    for (size_t i = 0; i < sizeof ref.hash.bytes; i++)
        ref.hash.bytes[i] = (uint8_t)next_random (self);
    return ref;
}

/*  A node that takes every task and says at once that it is done, with files that nobody has. */
static void lying_node (attack_t *self)
{
    node_t *node = self->peer;
    if (!node) {
        self->peer = node = new_node (&self->stage->endpoints, "liar", 1, 1);
        join (node);
    }
    aut_received_t in;
    aut_msg_t ping = {.type = AUT_MSG_PING};
    aut_net_send (node->sock, &ping, NULL, 0);
    while (hear (node, 20, &in)) {
        if (in.msg.type == AUT_MSG_ASSIGN) {
            aut_token_t token = in.msg.assign.token;
            say_done_with (node, &token, made_up (self), made_up (self), NULL);
            self->attempts++;
        }
        aut_received_clear (&in);
    }
}

static void end_lying_node (attack_t *self)
{
    node_t *node = self->peer;
    if (node)
        drop_node (&node);
}

typedef struct {
    zsock_t *sock;
    uint64_t xfer, offset, credit;
} upload_t;

static void send_data (attack_t *self, upload_t *upload)
{
    static uint8_t body[512 << 10];
    while (upload->credit >= sizeof body) {
        aut_msg_t data = {.type = AUT_MSG_DATA,
                          .data = {.xfer = upload->xfer, .offset = upload->offset}};
        body[0] = (uint8_t)next_random (self);
        if (aut_net_send (upload->sock, &data, body, sizeof body) < 0)
            return;
        upload->offset += sizeof body;
        upload->credit -= sizeof body;
    }
}

/*  An upload of a blob that never ends: after 48 MiB another one is begun, also of a size that
 *  a quota allows. Small ones between them have bytes that are not their name's. */
static void endless_upload (attack_t *self)
{
    upload_t *upload = self->peer;
    aut_received_t in;
    if (!upload) {
        self->peer = upload = aut_calloc (1, sizeof *upload);
        aut_curve_t curve = stage_curve (self->stage, "mallory");
        OK (aut_net_connect_curve (&upload->sock, AUT_PORT_DATA,
                                   self->stage->endpoints.url[AUT_PORT_DATA], &curve));
    }
    if (upload->xfer == 0 || upload->offset > 48 * MIB) {
        aut_ref_t ref = made_up (self);
        aut_msg_t close = {.type = AUT_MSG_CLOSE, .close = {.xfer = upload->xfer}};
        aut_msg_t put = {.type = AUT_MSG_PUT, .put = {.xfer = upload->xfer + 1, .hash = ref.hash}};
        static const uint64_t sizes[] = {512 << 10, UINT64_C (64) << 30, 512 << 10, 100 << 20};
        put.put.size = sizes[self->attempts % 4];
        if (upload->xfer)
            aut_net_send (upload->sock, &close, NULL, 0);
        if (aut_net_send (upload->sock, &put, NULL, 0) < 0)
            return;
        *upload = (upload_t){.sock = upload->sock, .xfer = upload->xfer + 1};
        self->attempts++;
    }
    for (int waited = 0; waited < 2; waited++) {
        int rc = aut_net_recv (upload->sock, false, &in);
        if (rc == 0 && in.msg.type == AUT_MSG_GO)
            upload->credit = in.msg.go.credit;
        else if (rc == 0 && in.msg.type == AUT_MSG_CREDIT)
            upload->credit += in.msg.credit.bytes;
        else if (rc == 0 && in.msg.type == AUT_MSG_ERROR)
            upload->offset = UINT64_MAX;
        aut_received_clear (&in);
        if (rc == 0 && upload->offset != UINT64_MAX)
            send_data (self, upload);
        if (rc == AUT_ERR_AGAIN)
            aut_net_wait (upload->sock, NULL, 10);
    }
}

static void end_upload (attack_t *self)
{
    upload_t *upload = self->peer;
    uint64_t used = stage_disk (self->stage);
    if (upload)
        zsock_destroy (&upload->sock);
    free (upload);
    ck_assert_msg (!self->stage->keys || used < STAGE_QUOTA + 16 * MIB,
                   "%" PRIu64 " MiB are stored, beyond the quota", used >> 20);
}

/* ---- HTTP ------------------------------------------------------------------------------------ */

/*  Requests that come a byte at a time, from more connections than there is room for; and the
 *  probes must be answered meanwhile. */
static void slowloris (attack_t *self)
{
    char answer[512];
    int status = 0;
    for (int i = 0; i < 10 && self->held_count < 200; i++, self->attempts++) {
        int fd = raw_dial (self->stage->http);
        raw_send (fd, "GET /metrics HTTP/1.1\r\nHost: x\r\nX-A: ", 38);
        hold (self, fd);
    }
    for (size_t i = 0; i < self->held_count; i++)
        if (send (self->held[i], "b", 1, MSG_NOSIGNAL) < 0) {
            close (self->held[i]);
            self->held[i] = self->held[--self->held_count];
        }
    int64_t until = stage_now_ms () + PATIENCE_MS;
    do
        stage_http (self->stage, "/healthz", answer, sizeof answer, &status);
    while (status != 200 && stage_now_ms () < until);
    ck_assert_msg (status == 200, "the probes are kept out");
}

/*  A header of 256 KiB, and a thousand headers. */
static void giant_headers (attack_t *self)
{
    static char text[256 << 10];
    memset (text, 'a', sizeof text);
    for (int i = 0; i < 4; i++, self->attempts++) {
        int fd = raw_dial (self->stage->http);
        if (i % 2)
            for (size_t at = 0; at + 8 < sizeof text; at += 8)
                memcpy (text + at, "X-A: b\r\n", 8);
        raw_send (fd, "GET /healthz HTTP/1.1\r\nHost: x\r\nX-B: ", 38);
        raw_send (fd, text, sizeof text);
        close (fd);
    }
}

const attack_kind_t attack_kinds[] = {
    {"nobody", nobody, NULL, 10, NULL, 64, 0, false},
    {"random bytes", random_bytes, NULL, 50, "handshake", 128, 0, false},
    {"wrong greetings", wrong_greetings, NULL, 50, "handshake", 128, 0, false},
    {"wrong messages", wrong_messages, NULL, 50, "message", 128, 0, false},
    {"huge frames", huge_frames, NULL, 10, "speechless", 256, 0, false},
    {"endless messages", endless_message, NULL, 200, "flood", 1024, 0, false},
    {"messages of 5,000 frames", many_frames, NULL, 50, "message", 512, 0, false},
    {"thousands of connections", crowd, end_crowd, 60, "crowd", 512, 4096, false},
    {"slow readers", slow_readers, NULL, 50, NULL, 512, 0, false},
    {"a node that lies", lying_node, end_lying_node, 20, "result", 128, 0, false},
    {"endless uploads", endless_upload, end_upload, 200, "transfer", 128, 0, false},
    {"HTTP byte by byte", slowloris, NULL, 12, "http", 128, 0, false},
    {"HTTP with giant headers", giant_headers, NULL, 30, "http", 128, 0, false},
    {"random bytes, keys required", random_bytes, NULL, 50, "handshake", 128, 0, true},
    {"wrong greetings, keys required", wrong_greetings, NULL, 50, "handshake", 128, 0, true},
    {"endless messages, keys required", endless_message, NULL, 50, "handshake", 64, 0, true},
    {"messages of 500 MiB by a key-holder", large_messages, end_large_messages, 200, "flood", 768,
     0, true},
    {"thousands of connections, keys required", crowd, end_crowd, 60, "crowd", 512, 4096, true},
    {"endless subscriptions by a key-holder", endless_subscriptions, NULL, 100, "flood", 512, 0,
     true},
    {"endless uploads by a key-holder", endless_upload, end_upload, 300, "transfer", 128, 0, true},
};
const size_t attack_kind_count = sizeof attack_kinds / sizeof *attack_kinds;
