/*  The artifact service's client.
 *
 *  A transfer is a sequence of attempts. An attempt ends well, with an error that is final, or with
 *  RESTART or BACKOFF: the next one goes on from what the receiver has. Three clocks run: 1 s of
 *  silence asks the service whether it still knows the transfer (after a broker's restart it does
 *  not), `silent_ms` opens the socket anew (a half-open connection), and the caller's patience ends
 *  it all.
 */
#include "proto/artifact.h"

#include "lib/core/clock.h"
#include "lib/core/error.h"
#include "lib/core/mem.h"
#include "proto/artifact_source.h"
#include "proto/net.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SILENT_MS 15000
#define PROBE_MS 1000
#define POLL_MS 100
#define BACKOFF_MS 200
#define CORRUPT_MAX 3
#define CREDIT_STEP (AUT_WINDOW / 8)

/*  How an attempt stands; 0 is done and negative a final error. */
enum { GOING = 1, RESTART = 2, BACKOFF = 3 };

struct aut_artifact_client {
    char *endpoint;
    aut_artifact_options_t options;
    const aut_clock_t *clock;
    zsock_t *sock;
    aut_watch_t *watch;
    aut_curve_t curve;
    uint64_t xfer; /* the number of the current attempt */
    bool contacted;
    int64_t moved_ms;    /* when something last moved, or the transfer began */
    int64_t heard_ms;    /* when a message last came */
    int64_t probe_ms;    /* when the last probe went */
    int64_t asked_ms;    /* when the service's address was last asked for */
    unsigned corrupt;    /* attempts of this transfer that arrived wrong */
    unsigned unanswered; /* PUTs of it in a row that nobody answered */
};

int aut_artifact_client_new (aut_artifact_client_t **out, const char *endpoint,
                             const aut_artifact_options_t *options)
{
    aut_artifact_client_t *self = aut_calloc (1, sizeof *self);
    self->endpoint = aut_strdup (endpoint);
    if (options)
        self->options = *options;
    if (!self->options.silent_ms)
        self->options.silent_ms = SILENT_MS;
    if (self->options.curve)
        self->curve = *self->options.curve;
    self->options.curve = NULL;
    self->clock = aut_clock_system ();
    int rc =
        aut_net_connect_watched (&self->sock, &self->watch, AUT_PORT_DATA, endpoint, &self->curve);
    if (rc)
        aut_artifact_client_destroy (&self);
    *out = self;
    return rc;
}

void aut_artifact_client_destroy (aut_artifact_client_t **self_p)
{
    if (!self_p || !*self_p)
        return;
    aut_artifact_client_t *self = *self_p;
    aut_net_close (&self->sock, &self->watch);
    free (self->endpoint);
    free (self);
    *self_p = NULL;
}

/* ---- waiting -------------------------------------------------------------------------------- */

static void moved (aut_artifact_client_t *self)
{
    self->moved_ms = aut_mono_ms (self->clock);
}

/*  GOING, or why the transfer ends. */
static int check (aut_artifact_client_t *self)
{
    if (self->options.cancelled && self->options.cancelled (self->options.ctx))
        return aut_fail (AUT_ERR_CANCELLED, "the transfer was cancelled");
    int rc = aut_watch_check (self->watch);
    if (rc && !self->contacted && self->options.contact_ms)
        return rc;
    int64_t waited = aut_mono_ms (self->clock) - self->moved_ms;
    if (!self->contacted && self->options.contact_ms && waited > self->options.contact_ms)
        return aut_fail (AUT_ERR_UNREACHABLE, "no artifact service answers at %s within %lld s",
                         self->endpoint, (long long)self->options.contact_ms / 1000);
    if (self->contacted && self->options.patience_ms && waited > self->options.patience_ms)
        return aut_fail (AUT_ERR_TIMEOUT, "the artifact service at %s has been silent for %lld s",
                         self->endpoint, (long long)waited / 1000);
    return GOING;
}

/*  Opens the socket anew: the only way out of a half-open connection. */
static int reopen (aut_artifact_client_t *self)
{
    zsock_set_linger (self->sock, 0);
    aut_net_close (&self->sock, &self->watch);
    int rc = aut_net_connect_watched (&self->sock, &self->watch, AUT_PORT_DATA, self->endpoint,
                                      &self->curve);
    self->heard_ms = self->probe_ms = aut_mono_ms (self->clock);
    return rc ? rc : RESTART;
}

/*  Goes to where the service is now: RESTART if that is another place, else GOING. The old socket
 *  stays until there is a new one, so that a bad address costs nothing. */
static int follow (aut_artifact_client_t *self)
{
    zsock_t *sock;
    aut_watch_t *watch;
    self->asked_ms = aut_mono_ms (self->clock);
    const char *now_at =
        self->options.whereabouts ? self->options.whereabouts (self->options.ctx) : NULL;
    if (!now_at || strcmp (now_at, self->endpoint) == 0 ||
        aut_net_connect_watched (&sock, &watch, AUT_PORT_DATA, now_at, &self->curve))
        return GOING;
    free (self->endpoint);
    self->endpoint = aut_strdup (now_at);
    zsock_set_linger (self->sock, 0);
    aut_net_close (&self->sock, &self->watch);
    self->sock = sock;
    self->watch = watch;
    self->heard_ms = self->probe_ms = aut_mono_ms (self->clock);
    return RESTART;
}

/*  Waits a moment for a message, or for room to send. GOING, RESTART after long silence, or why the
 *  transfer ends. */
static int wait_moment (aut_artifact_client_t *self, bool to_send)
{
    zmq_pollitem_t item = {.socket = zsock_resolve (self->sock),
                           .events = (short)(ZMQ_POLLIN | (to_send ? ZMQ_POLLOUT : 0))};
    if (zmq_poll (&item, 1, POLL_MS) <= 0) {
        int rc = check (self);
        if (rc != GOING)
            return rc;
    }
    int64_t now = aut_mono_ms (self->clock);
    if (now - self->heard_ms > self->options.silent_ms)
        return reopen (self);
    if (now - self->heard_ms >= PROBE_MS && now - self->asked_ms >= PROBE_MS)
        return follow (self);
    return GOING;
}

/*  Sends a control message, waiting for room. */
static int send_control (aut_artifact_client_t *self, const aut_msg_t *msg)
{
    for (;;) {
        int rc = aut_net_send (self->sock, msg, NULL, 0);
        if (rc == 0)
            return GOING;
        if (rc != AUT_ERR_AGAIN)
            return rc;
        rc = wait_moment (self, true);
        if (rc != GOING)
            return rc;
    }
}

/*  Takes one message of this attempt: GOING and its type in `in`, or AUT_ERR_AGAIN. Others are
 *  dropped. */
static int receive (aut_artifact_client_t *self, aut_received_t *in)
{
    for (;;) {
        int rc = aut_net_recv (self->sock, false, in);
        if (rc == AUT_ERR_AGAIN)
            return rc;
        self->heard_ms = self->probe_ms = aut_mono_ms (self->clock);
        if (!self->contacted)
            moved (self);
        self->contacted = true;
        /* ERROR, GO, DATA, CREDIT and STORED; a refusal without a transfer is about us too */
        bool error = rc == 0 && in->msg.type == AUT_MSG_ERROR;
        if (rc == 0 && !error && in->msg.type >= AUT_MSG_PUT && in->msg.close.xfer == self->xfer)
            return GOING;
        if (error && (in->msg.error.xfer == self->xfer || in->msg.error.xfer == 0))
            return GOING;
        aut_received_clear (in);
    }
}

/*  Whether it has been quiet for long enough to ask. */
static bool probe_due (aut_artifact_client_t *self)
{
    int64_t now = aut_mono_ms (self->clock);
    if (now - self->probe_ms < PROBE_MS)
        return false;
    self->probe_ms = now;
    return true;
}

/*  What an ERROR of the service means for the attempt. */
static int on_error (aut_artifact_client_t *self, const aut_msg_error_t *error)
{
    int code = aut_error_code (error->code);
    if (code == AUT_ERR_AGAIN)
        return BACKOFF;
    if (code == AUT_ERR_STATE || (code == AUT_ERR_CORRUPT && ++self->corrupt < CORRUPT_MAX))
        return RESTART;
    return aut_fail (code, "artifact service: %s", error->message);
}

static void tell_progress (aut_artifact_client_t *self, uint64_t done, uint64_t size)
{
    moved (self);
    if (self->options.progress)
        self->options.progress (self->options.ctx, done, size);
}

/*  Lets the service forget the attempt, if that is possible now; keeps the error's sentence. */
static void send_close (aut_artifact_client_t *self)
{
    aut_msg_t msg = {.type = AUT_MSG_CLOSE, .close = {self->xfer}};
    if (self->xfer && (zsock_events (self->sock) & ZMQ_POLLOUT))
        aut_net_send (self->sock, &msg, NULL, 0);
}

/*  After an attempt: 0 or an error ends the transfer, GOING means once more. */
static int after_attempt (aut_artifact_client_t *self, int rc)
{
    int64_t until = aut_mono_ms (self->clock) + (rc == BACKOFF ? BACKOFF_MS : 0);
    if (rc <= 0) {
        if (rc < 0)
            send_close (self);
        return rc;
    }
    for (;;) {
        rc = check (self);
        int64_t now = aut_mono_ms (self->clock);
        if (rc != GOING || now >= until)
            return rc;
        zclock_sleep ((int)(until - now < POLL_MS ? until - now : POLL_MS));
    }
}

static void begin (aut_artifact_client_t *self)
{
    follow (self);
    moved (self);
    self->heard_ms = self->probe_ms = self->moved_ms;
    self->corrupt = self->unanswered = 0;
}

/* ---- upload --------------------------------------------------------------------------------- */

typedef struct {
    const aut_source_t *source;
    bool going; /* GO came after the last PUT */
    int64_t put_ms;
    uint64_t offset, credit;
} upload_t;

static int send_put (aut_artifact_client_t *self, upload_t *up)
{
    aut_msg_t put = {.type = AUT_MSG_PUT, .put = {self->xfer, up->source->hash, up->source->size}};
    up->going = false;
    up->credit = 0;
    int rc = send_control (self, &put);
    up->put_ms = aut_mono_ms (self->clock);
    return rc;
}

/*  Whether the PUT or its GO got lost with a connection: then another attempt asks again, under
 *  another number, so that no answer can be taken for that of the wrong PUT. The wait doubles, as
 *  the service may only be slow. */
static bool put_lost (aut_artifact_client_t *self, const upload_t *up)
{
    int64_t wait = (int64_t)PROBE_MS << (self->unanswered < 4 ? self->unanswered : 4);
    if (up->going || aut_mono_ms (self->clock) - up->put_ms < wait)
        return false;
    self->unanswered++;
    send_close (self);
    return true;
}

/*  Handles what has come: GOING, or how the attempt ends. */
static int receive_upload (aut_artifact_client_t *self, upload_t *up)
{
    aut_received_t in;
    int rc;
    while ((rc = receive (self, &in)) == GOING) {
        const aut_msg_t *msg = &in.msg;
        if (msg->type == AUT_MSG_STORED)
            rc = 0;
        else if (msg->type == AUT_MSG_ERROR)
            rc = on_error (self, &msg->error);
        else if (msg->type == AUT_MSG_GO && !up->going) {
            up->going = true;
            self->unanswered = 0;
            up->credit = msg->go.credit;
            up->offset = msg->go.offset;
            if (up->offset > up->source->size)
                rc = aut_fail (AUT_ERR_INVALID, "artifact service: GO beyond the blob");
            else
                tell_progress (self, up->offset, up->source->size);
        } else if (msg->type == AUT_MSG_CREDIT && up->going) {
            up->credit += msg->credit.bytes;
            tell_progress (self, up->offset, up->source->size);
        }
        aut_received_clear (&in);
        if (rc != GOING)
            return rc;
    }
    return rc == AUT_ERR_AGAIN ? GOING : rc;
}

static void free_body (void *body, void *hint)
{
    (void)hint;
    free (body);
}

/*  Bytes that can be sent now in one piece. */
static size_t sendable (const upload_t *up)
{
    uint64_t left = up->source->size - up->offset;
    uint64_t size = left < AUT_CHUNK ? left : AUT_CHUNK;
    return up->going ? (size_t)(size < up->credit ? size : up->credit) : 0;
}

/*  Sends one piece, if the socket has room. */
static int send_piece (aut_artifact_client_t *self, upload_t *up, size_t size)
{
    if (!(zsock_events (self->sock) & ZMQ_POLLOUT))
        return GOING;
    char *body = aut_realloc (NULL, size, 1);
    int rc = aut_source_read (up->source, up->offset, body, size);
    if (rc == 0) {
        aut_msg_t data = {.type = AUT_MSG_DATA,
                          .data = {.xfer = self->xfer,
                                   .offset = up->offset,
                                   .last = up->offset + size == up->source->size}};
        rc = aut_net_send_body_to (self->sock, NULL, &data, body, size, free_body, NULL);
    }
    if (rc) {
        free (body);
        return rc == AUT_ERR_AGAIN ? GOING : rc;
    }
    up->offset += size;
    up->credit -= size;
    return GOING;
}

static int upload_attempt (aut_artifact_client_t *self, const aut_source_t *source)
{
    upload_t up = {.source = source};
    self->xfer++;
    int rc = send_put (self, &up);
    while (rc == GOING) {
        rc = receive_upload (self, &up);
        size_t size = sendable (&up);
        if (rc == GOING && size)
            rc = send_piece (self, &up, size);
        size = sendable (&up);
        bool room = size && (zsock_events (self->sock) & ZMQ_POLLOUT);
        if (rc == GOING && !room)
            rc = wait_moment (self, size > 0);
        /* while the answer to a PUT is due, one more PUT could only confuse its offset */
        if (rc == GOING && up.going && !size && probe_due (self))
            rc = send_put (self, &up);
        else if (rc == GOING && put_lost (self, &up))
            rc = RESTART;
    }
    return rc;
}

static int upload (aut_artifact_client_t *self, const aut_source_t *source)
{
    int rc;
    begin (self);
    do
        rc = after_attempt (self, upload_attempt (self, source));
    while (rc == GOING);
    if (rc)
        return aut_fail_in (rc, "upload");
    tell_progress (self, source->size, source->size);
    return 0;
}

static void set_ref (aut_ref_t *ref, const aut_source_t *source)
{
    if (ref)
        *ref = (aut_ref_t){source->hash, source->size};
}

int aut_artifact_put_bytes (aut_artifact_client_t *self, aut_ref_t *ref, const void *data,
                            size_t size)
{
    aut_source_t source = {.hash = aut_hash_of (data, size), .size = size, .data = data, .fd = -1};
    set_ref (ref, &source);
    return upload (self, &source);
}

int aut_artifact_put_file (aut_artifact_client_t *self, aut_ref_t *ref, const char *path)
{
    aut_source_t source = {.fd = -1};
    int rc = aut_hash_file (&source.hash, &source.size, path);
    if (rc)
        return rc;
    source.fd = open (path, O_RDONLY | O_CLOEXEC);
    if (source.fd < 0)
        return aut_fail_errno ("cannot open %s", path);
    set_ref (ref, &source);
    rc = upload (self, &source);
    close (source.fd);
    return rc ? aut_fail_in (rc, "%s", path) : 0;
}

int aut_artifact_put_blob (aut_artifact_client_t *self, aut_ref_t *ref, aut_blobs_t *blobs,
                           const aut_hash_t *hash)
{
    aut_source_t source = {.hash = *hash, .fd = -1};
    int rc = aut_blobs_open_raw (blobs, hash, &source.fd, &source.size);
    if (rc)
        return rc;
    set_ref (ref, &source);
    rc =
        upload (self, &source); /* the service checks the hash: no pass of our own over the bytes */
    close (source.fd);
    int fd;
    if (rc == AUT_ERR_CORRUPT && aut_blobs_open_read (blobs, hash, &fd, NULL) == 0)
        close (fd);
    return rc;
}

/* ---- download ------------------------------------------------------------------------------- */

typedef struct {
    aut_sink_t *sink;
    uint64_t granted; /* up to which byte the service may send */
} download_t;

/*  Keeps AUT_WINDOW bytes granted ahead of what has come. */
static int grant (aut_artifact_client_t *self, download_t *down)
{
    const aut_sink_t *sink = down->sink;
    uint64_t target =
        sink->size - sink->offset < AUT_WINDOW ? sink->size : sink->offset + AUT_WINDOW;
    if (down->granted >= target)
        return GOING;
    uint64_t bytes = target - down->granted;
    if (bytes < CREDIT_STEP && target < sink->size)
        return GOING;
    aut_msg_t credit = {.type = AUT_MSG_CREDIT, .credit = {self->xfer, bytes}};
    int rc = aut_net_send (self->sock, &credit, NULL, 0);
    if (rc == AUT_ERR_AGAIN)
        return GOING; /* not granted yet: tried again after the next message or moment */
    if (rc == 0)
        down->granted = target;
    return rc ? rc : GOING;
}

/*  Takes one piece: GOING, 0 when the blob is whole, or how the attempt ends. */
static int take_piece (aut_artifact_client_t *self, download_t *down, aut_received_t *in)
{
    aut_sink_t *sink = down->sink;
    const aut_msg_data_t *data = &in->msg.data;
    size_t size;
    const void *body = aut_received_body (in, &size);
    if (!sink->open) {
        int rc = aut_sink_open (sink, data->size);
        if (rc)
            return rc;
        if (sink->offset)
            return RESTART; /* an earlier download left something: go on from there */
    }
    if (data->size != sink->size || data->offset != sink->offset)
        return RESTART;
    int rc = aut_sink_write (sink, body, size);
    if (rc)
        return rc;
    tell_progress (self, sink->offset, sink->size);
    if (!data->last)
        return GOING;
    if (sink->offset != sink->size)
        return RESTART;
    rc = aut_sink_commit (sink);
    if (rc == AUT_ERR_CORRUPT && ++self->corrupt < CORRUPT_MAX)
        return RESTART;
    return rc;
}

static int receive_download (aut_artifact_client_t *self, download_t *down)
{
    aut_received_t in;
    int rc;
    while ((rc = receive (self, &in)) == GOING) {
        if (in.msg.type == AUT_MSG_DATA)
            rc = take_piece (self, down, &in);
        else if (in.msg.type == AUT_MSG_ERROR)
            rc = on_error (self, &in.msg.error);
        aut_received_clear (&in);
        if (rc == GOING && down->sink->open)
            rc = grant (self, down);
        if (rc != GOING)
            return rc;
    }
    return rc == AUT_ERR_AGAIN ? GOING : rc;
}

static int download_attempt (aut_artifact_client_t *self, aut_sink_t *sink)
{
    /* while the size is unknown a part of the blob may be here already: ask for one piece first */
    download_t down = {.sink = sink};
    down.granted = sink->offset + (sink->open ? AUT_WINDOW : AUT_CHUNK);
    self->xfer++;
    aut_msg_t get = {.type = AUT_MSG_GET,
                     .get = {self->xfer, sink->hash, sink->offset, down.granted - sink->offset}};
    aut_msg_t probe = {.type = AUT_MSG_CREDIT, .credit = {self->xfer, 1}};
    int rc = send_control (self, &get);
    while (rc == GOING) {
        rc = receive_download (self, &down);
        if (rc == GOING && sink->open)
            rc = grant (self, &down);
        if (rc == GOING)
            rc = wait_moment (self, false);
        if (rc == GOING && probe_due (self))
            rc = send_control (self, &probe);
    }
    if (rc == RESTART)
        send_close (self);
    return rc;
}

static int download (aut_artifact_client_t *self, aut_sink_t *sink)
{
    int rc;
    begin (self);
    do
        rc = after_attempt (self, download_attempt (self, sink));
    while (rc == GOING);
    char hex[AUT_HASH_HEX];
    return rc ? aut_fail_in (rc, "download of %.12s…", aut_hash_hex (&sink->hash, hex)) : 0;
}

int aut_artifact_get_blob (aut_artifact_client_t *self, aut_blobs_t *blobs, const aut_hash_t *hash)
{
    if (aut_blobs_has (blobs, hash, NULL))
        return 0;
    aut_sink_t sink = {.kind = AUT_SINK_BLOB, .hash = *hash, .blobs = blobs};
    int rc = download (self, &sink);
    aut_sink_clear (&sink);
    return rc;
}

int aut_artifact_get_file (aut_artifact_client_t *self, const char *path, const aut_hash_t *hash)
{
    aut_sink_t sink = {.kind = AUT_SINK_FILE, .hash = *hash, .path = path};
    int rc = download (self, &sink);
    aut_sink_clear (&sink);
    return rc;
}

int aut_artifact_get_bytes (aut_artifact_client_t *self, const aut_hash_t *hash, uint64_t max,
                            char **data, size_t *size)
{
    aut_sink_t sink = {.kind = AUT_SINK_BYTES, .hash = *hash, .max = max};
    int rc = download (self, &sink);
    if (rc == 0)
        *data = aut_buffer_take (&sink.bytes, size);
    aut_sink_clear (&sink);
    return rc;
}
