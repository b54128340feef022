/*  The artifact service: a table of transfers, each an upload (a resumable blob writer) or a
 * download (a file and a position).
 *
 *  An upload may have AUT_WINDOW bytes under way: PUT grants them, and as bytes are written CREDIT
 *  gives them back. A sender that goes beyond its credit loses the transfer: credit is what bounds
 *  the memory of both sides, so it is checked, not hoped for. A download is hashed as it is read,
 * and its last piece leaves only if the whole content was right.
 */
#include "proto/artifact_server.h"

#include "lib/core/error.h"
#include "lib/core/log.h"
#include "lib/core/mem.h"
#include "proto/artifact.h"
#include "proto/artifact_step.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uthash.h>

#define TRANSFERS 128
#define PEER_TRANSFERS 8
#define BLOB_MAX (UINT64_C (64) << 30)
#define IDLE_MS 60000
#define STALE_MS 2000 /* another PUT of the same blob takes a transfer this quiet over */
#define CREDIT_STEP (AUT_WINDOW / 8) /* credit goes back in pieces of at least this */
#define TICK_PIECES 16               /* pieces of all downloads sent in one tick */
#define RETRY_MS 2                   /* until a full socket is tried again */
#define SWEEP_MS 1000

typedef struct {
    aut_peer_t peer;
    uint64_t xfer;
} transfer_key_t;

typedef struct {
    UT_hash_handle hh;
    transfer_key_t key;
    aut_peer_t peer; /* with the connection that began it: nobody else gets its bytes */
    aut_hash_t hash;
    uint64_t size;
    uint64_t credit; /* bytes that the sending side may still send */
    int64_t seen_ms;

    aut_blob_writer_t *writer; /* of an upload, else NULL */

    int fd; /* of a download, else -1 */
    aut_hasher_t *hasher;
    uint64_t start, read, sent; /* first byte wanted; bytes hashed; position of the peer */
    bool right;                 /* the whole content had its hash */
    void *piece;                /* read and not yet sent */
    size_t piece_size;

    aut_msg_t answer; /* not yet sent; its type is 0 if there is none */
    char text[AUT_TEXT_MAX + 1];
    bool ending; /* nothing is left but to send `answer` */
    bool gone;   /* the peer is not there any more */
} transfer_t;

struct aut_artifact_server {
    aut_blobs_t *blobs;
    aut_artifact_limits_t limits;
    aut_artifact_send_fn *send;
    void *ctx;
    aut_artifact_guard_t guard;
    transfer_t *transfers;
    char *scratch; /* AUT_CHUNK bytes, for what is only hashed */
    aut_artifact_stats_t stats;
};

int aut_artifact_server_new (aut_artifact_server_t **out, aut_blobs_t *blobs,
                             const aut_artifact_limits_t *limits, aut_artifact_send_fn *send,
                             void *ctx)
{
    aut_artifact_server_t *self = aut_calloc (1, sizeof *self);
    self->blobs = blobs;
    if (limits)
        self->limits = *limits;
    if (!self->limits.transfers)
        self->limits.transfers = TRANSFERS;
    if (!self->limits.peer_transfers)
        self->limits.peer_transfers = PEER_TRANSFERS;
    if (!self->limits.blob_max)
        self->limits.blob_max = BLOB_MAX;
    if (!self->limits.idle_ms)
        self->limits.idle_ms = IDLE_MS;
    self->send = send ? send : aut_artifact_socket_send;
    self->ctx = ctx;
    self->scratch = aut_calloc (1, AUT_CHUNK);
    *out = self;
    return 0;
}

static void drop (aut_artifact_server_t *self, transfer_t *t)
{
    HASH_DEL (self->transfers, t);
    aut_blob_writer_destroy (&t->writer);
    aut_hasher_destroy (&t->hasher);
    if (t->fd >= 0)
        close (t->fd);
    free (t->piece);
    free (t);
}

void aut_artifact_server_destroy (aut_artifact_server_t **self_p)
{
    if (!self_p || !*self_p)
        return;
    aut_artifact_server_t *self = *self_p;
    transfer_t *t, *next;
    HASH_ITER (hh, self->transfers, t, next)
    drop (self, t);
    free (self->scratch);
    free (self);
    *self_p = NULL;
}

/* ---- answers -------------------------------------------------------------------------------- */

/*  Sends what waits in `t->answer`; keeps it if the socket is full. */
static void flush_answer (aut_artifact_server_t *self, transfer_t *t)
{
    if (!t->answer.type)
        return;
    int rc = self->send (self->ctx, &t->peer, &t->answer, NULL, 0);
    if (rc == AUT_ERR_AGAIN)
        return;
    t->answer = (aut_msg_t){0};
    if (rc)
        t->gone = true;
}

static void answer_last (aut_artifact_server_t *self, transfer_t *t, const aut_msg_t *msg)
{
    t->answer = *msg;
    t->ending = true;
    flush_answer (self, t);
}

/*  Ends a transfer with an ERROR from this thread's last failure. */
static void fail_transfer (aut_artifact_server_t *self, transfer_t *t, int code)
{
    aut_msg_t msg = {
        .type = AUT_MSG_ERROR,
        .error = {.xfer = t->key.xfer,
                  .code = aut_error_text (code),
                  .message = aut_msg_clip (t->text, sizeof t->text, aut_error_detail ())}};
    self->stats.refused++;
    answer_last (self, t, &msg);
}

/*  An ERROR about something that is no transfer of ours; tried once. */
static void refuse (aut_artifact_server_t *self, const aut_peer_t *peer, uint64_t xfer, int code)
{
    char text[AUT_TEXT_MAX + 1];
    aut_msg_t msg = {.type = AUT_MSG_ERROR,
                     .error = {.xfer = xfer,
                               .code = aut_error_text (code),
                               .message = aut_msg_clip (text, sizeof text, aut_error_detail ())}};
    self->stats.refused++;
    self->send (self->ctx, peer, &msg, NULL, 0);
}

/* ---- the table ------------------------------------------------------------------------------ */

static transfer_t *find (aut_artifact_server_t *self, const aut_peer_t *peer, uint64_t xfer)
{
    transfer_key_t key;
    memset (&key, 0, sizeof key);
    key.peer.size = peer->size;
    memcpy (key.peer.bytes, peer->bytes, peer->size);
    key.xfer = xfer;
    transfer_t *t;
    HASH_FIND (hh, self->transfers, &key, sizeof key, t);
    return t;
}

/*  A new transfer, or NULL after refusing it. A number that is used again means that the peer gave
 *  the old transfer up. */
static transfer_t *begin (aut_artifact_server_t *self, const aut_peer_t *peer, uint64_t xfer,
                          int64_t now_ms)
{
    transfer_t *t = find (self, peer, xfer);
    if (t)
        drop (self, t);
    uint32_t of_peer = 0;
    for (t = self->transfers; t; t = t->hh.next)
        of_peer += aut_peer_equal (&t->key.peer, peer);
    if (of_peer >= self->limits.peer_transfers ||
        HASH_COUNT (self->transfers) >= self->limits.transfers) {
        refuse (self, peer, xfer,
                aut_fail (AUT_ERR_AGAIN, "too many transfers at once: try again later"));
        return NULL;
    }
    t = aut_calloc (1, sizeof *t);
    t->key.peer.size = peer->size;
    memcpy (t->key.peer.bytes, peer->bytes, peer->size);
    t->key.xfer = xfer;
    t->peer = *peer;
    t->fd = -1;
    t->seen_ms = now_ms;
    HASH_ADD (hh, self->transfers, key, sizeof t->key, t);
    return t;
}

/*  Ends uploads of the same blob whose peer is gone or silent, so that their partial file can be
 * gone on with: after a reconnect the old name of the same node is one of these. */
static void release_stale (aut_artifact_server_t *self, const aut_hash_t *hash, int64_t now_ms)
{
    aut_msg_t ping = {.type = AUT_MSG_PING};
    transfer_t *t, *next;
    HASH_ITER (hh, self->transfers, t, next)
    {
        if (!t->writer || !aut_hash_equal (&t->hash, hash))
            continue;
        int rc = self->send (self->ctx, &t->peer, &ping, NULL, 0);
        if ((rc && rc != AUT_ERR_AGAIN) || now_ms - t->seen_ms > STALE_MS)
            drop (self, t);
    }
}

/* ---- uploads -------------------------------------------------------------------------------- */

static void commit (aut_artifact_server_t *self, transfer_t *t)
{
    int rc = aut_blob_writer_commit (t->writer);
    aut_blob_writer_destroy (&t->writer);
    if (rc) {
        fail_transfer (self, t, rc);
        return;
    }
    self->stats.stored++;
    aut_msg_t msg = {.type = AUT_MSG_STORED, .stored = {t->key.xfer, t->hash}};
    answer_last (self, t, &msg);
}

/*  Bytes that may be granted beyond what is there and under way. */
static uint64_t grantable (const transfer_t *t)
{
    uint64_t window = AUT_WINDOW - t->credit;
    uint64_t left = t->size - aut_blob_writer_offset (t->writer) - t->credit;
    return window < left ? window : left;
}

/*  Opens the writer of a new upload; NULL if it was refused. */
static transfer_t *begin_upload (aut_artifact_server_t *self, const aut_peer_t *peer,
                                 const aut_msg_put_t *put, int64_t now_ms)
{
    release_stale (self, &put->hash, now_ms);
    transfer_t *t = begin (self, peer, put->xfer, now_ms);
    if (!t)
        return NULL;
    t->hash = put->hash;
    t->size = put->size;
    int rc = aut_blob_writer_open (&t->writer, self->blobs, &put->hash, put->size);
    if (rc) {
        fail_transfer (self, t, rc);
        return NULL;
    }
    return t;
}

/*  Tells the sender from where to go on. A PUT that is repeated during its own upload gets here
 * too: all DATA sent before it has been handled, so credit starts anew. */
static void go (aut_artifact_server_t *self, transfer_t *t, int64_t now_ms)
{
    uint64_t offset = aut_blob_writer_offset (t->writer);
    t->seen_ms = now_ms;
    if (offset == t->size) {
        commit (self, t);
        return;
    }
    t->credit = 0;
    t->credit = grantable (t);
    t->answer = (aut_msg_t){.type = AUT_MSG_GO, .go = {t->key.xfer, offset, t->credit}};
    flush_answer (self, t);
}

static void handle_put (aut_artifact_server_t *self, const aut_peer_t *peer,
                        const aut_msg_put_t *put, int64_t now_ms)
{
    if (put->size > self->limits.blob_max) {
        refuse (self, peer, put->xfer,
                aut_fail (AUT_ERR_TOO_LARGE, "a blob of %llu bytes, at most %llu are taken",
                          (unsigned long long)put->size,
                          (unsigned long long)self->limits.blob_max));
        return;
    }
    transfer_t *t = find (self, peer, put->xfer);
    if (!t || !t->writer || t->ending || t->size != put->size ||
        !aut_hash_equal (&t->hash, &put->hash))
        t = begin_upload (self, peer, put, now_ms);
    if (t)
        go (self, t, now_ms);
}

/*  Gives credit back once enough has been written, or at the end of what the answer slot held up.
 */
static void replenish (aut_artifact_server_t *self, transfer_t *t)
{
    if (!t->writer || t->answer.type || t->ending)
        return;
    uint64_t bytes = grantable (t);
    uint64_t left = t->size - aut_blob_writer_offset (t->writer);
    if (bytes == 0 || (bytes < CREDIT_STEP && bytes + t->credit < left))
        return;
    t->credit += bytes;
    t->answer = (aut_msg_t){.type = AUT_MSG_CREDIT, .credit = {t->key.xfer, bytes}};
    flush_answer (self, t);
}

static void handle_data (aut_artifact_server_t *self, const aut_peer_t *peer,
                         const aut_msg_data_t *data, const void *body, size_t size, int64_t now_ms)
{
    transfer_t *t = find (self, peer, data->xfer);
    if (t && t->ending)
        return;
    if (!t || !t->writer) {
        refuse (self, peer, data->xfer,
                aut_fail (AUT_ERR_STATE, "no such upload is under way: PUT again"));
        return;
    }
    t->seen_ms = now_ms;
    int rc = 0;
    if (data->offset != aut_blob_writer_offset (t->writer))
        rc = aut_fail (AUT_ERR_STATE, "DATA at %llu, expected %llu: PUT again",
                       (unsigned long long)data->offset,
                       (unsigned long long)aut_blob_writer_offset (t->writer));
    else if (size == 0 || size > t->credit)
        rc = aut_fail (AUT_ERR_INVALID, "DATA of %zu bytes with a credit of %llu", size,
                       (unsigned long long)t->credit);
    else
        rc = aut_blob_writer_write (t->writer, body, size);
    if (rc) {
        aut_blob_writer_destroy (&t->writer); /* what is there can be gone on with */
        fail_transfer (self, t, rc);
        return;
    }
    t->credit -= size;
    self->stats.received += size;
    if (aut_blob_writer_offset (t->writer) == t->size)
        commit (self, t);
    else
        replenish (self, t);
}

/* ---- downloads ------------------------------------------------------------------------------ */

static void handle_get (aut_artifact_server_t *self, const aut_peer_t *peer,
                        const aut_msg_get_t *get, int64_t now_ms)
{
    transfer_t *t = begin (self, peer, get->xfer, now_ms);
    if (!t)
        return;
    t->hash = get->hash;
    int rc = aut_blobs_open_raw (self->blobs, &get->hash, &t->fd, &t->size);
    if (rc == 0 && get->offset > t->size)
        rc = aut_fail (AUT_ERR_INVALID, "GET from %llu of a blob of %llu bytes",
                       (unsigned long long)get->offset, (unsigned long long)t->size);
    if (rc) {
        fail_transfer (self, t, rc);
        return;
    }
    t->hasher = aut_hasher_new ();
    t->start = t->sent = get->offset;
    t->credit = get->credit < AUT_WINDOW ? get->credit : AUT_WINDOW;
}

static void handle_credit (aut_artifact_server_t *self, const aut_peer_t *peer,
                           const aut_msg_credit_t *credit, int64_t now_ms)
{
    transfer_t *t = find (self, peer, credit->xfer);
    if (t && t->ending)
        return;
    if (!t || t->fd < 0) {
        /* often the last piece and this message crossed, and nobody waits for the answer */
        refuse (self, peer, credit->xfer,
                aut_fail (AUT_ERR_STATE, "no such download is under way: GET again"));
        return;
    }
    t->seen_ms = now_ms;
    uint64_t room = AUT_WINDOW - t->credit;
    t->credit += credit->bytes < room ? credit->bytes : room;
}

/*  Reads and hashes the next `size` bytes of a download. */
static int read_piece (aut_artifact_server_t *self, transfer_t *t, char *buffer, size_t size)
{
    for (size_t at = 0; at < size;) {
        ssize_t n = pread (t->fd, buffer + at, size - at, (off_t)(t->read + at));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno != EIO)
            return aut_fail_errno ("cannot read a blob");
        if (n <= 0) { /* shorter than it was: the hash will say so */
            memset (buffer + at, 0, size - at);
            break;
        }
        at += (size_t)n;
    }
    aut_hasher_update (t->hasher, buffer, size);
    t->read += size;
    if (t->read < t->size || t->right)
        return 0;
    aut_hash_t got = aut_hasher_final (t->hasher);
    t->right = aut_hash_equal (&got, &t->hash);
    if (t->right)
        return 0;
    int fd;
    int rc = aut_blobs_open_read (self->blobs, &t->hash, &fd, NULL); /* moves it aside */
    if (rc)
        return rc;
    close (fd);
    return aut_fail (AUT_ERR_CORRUPT, "a blob read differently twice: the disk may be failing");
}

/*  Prepares the next piece of a download, or a part of the bytes before its offset, which are only
 *  hashed. */
static int prepare_piece (aut_artifact_server_t *self, transfer_t *t)
{
    if (t->read < t->start) {
        uint64_t left = t->start - t->read;
        return read_piece (self, t, self->scratch, left < AUT_CHUNK ? (size_t)left : AUT_CHUNK);
    }
    uint64_t left = t->size - t->read;
    uint64_t size = left < AUT_CHUNK ? left : AUT_CHUNK;
    if (size > t->credit)
        size = t->credit;
    t->piece = aut_realloc (NULL, size ? (size_t)size : 1, 1);
    t->piece_size = (size_t)size;
    memset (t->piece, 0, size ? 0 : 1);
    return read_piece (self, t, t->piece, (size_t)size);
}

typedef enum { PUMP_IDLE, PUMP_MORE, PUMP_FULL } pump_t;

/*  Sends one piece of a download if credit allows. */
static pump_t pump (aut_artifact_server_t *self, transfer_t *t, int64_t now_ms)
{
    if (t->fd < 0 || t->ending || t->gone)
        return PUMP_IDLE;
    if (!t->piece) {
        if (t->credit == 0)
            return PUMP_IDLE;
        int rc = prepare_piece (self, t);
        if (rc) {
            free (t->piece);
            t->piece = NULL;
            fail_transfer (self, t, rc);
            return PUMP_IDLE;
        }
        if (!t->piece)
            return PUMP_MORE;
    }
    aut_msg_t msg = {.type = AUT_MSG_DATA,
                     .data = {.xfer = t->key.xfer,
                              .offset = t->sent,
                              .size = t->size,
                              .last = t->sent + t->piece_size == t->size}};
    int rc = self->send (self->ctx, &t->peer, &msg, t->piece, t->piece_size);
    if (rc == AUT_ERR_AGAIN)
        return PUMP_FULL;
    if (rc) {
        t->gone = true;
        return PUMP_IDLE;
    }
    t->piece = NULL;
    t->seen_ms = now_ms;
    t->sent += t->piece_size;
    t->credit -= t->piece_size;
    self->stats.sent += t->piece_size;
    t->ending = msg.data.last;
    return PUMP_MORE;
}

/* ---- messages and time ----------------------------------------------------------------------- */

void aut_artifact_server_message (aut_artifact_server_t *self, const aut_peer_t *peer,
                                  const aut_msg_t *msg, const void *body, size_t body_size,
                                  int64_t now_ms)
{
    aut_msg_t pong = {.type = AUT_MSG_PONG};
    transfer_t *t;
    switch (msg->type) {
    case AUT_MSG_PUT:
        handle_put (self, peer, &msg->put, now_ms);
        break;
    case AUT_MSG_DATA:
        handle_data (self, peer, &msg->data, body, body_size, now_ms);
        break;
    case AUT_MSG_GET:
        handle_get (self, peer, &msg->get, now_ms);
        break;
    case AUT_MSG_CREDIT:
        handle_credit (self, peer, &msg->credit, now_ms);
        break;
    case AUT_MSG_CLOSE:
        t = find (self, peer, msg->close.xfer);
        if (t)
            drop (self, t);
        break;
    case AUT_MSG_PING:
        self->send (self->ctx, peer, &pong, NULL, 0);
        break;
    case AUT_MSG_PONG:
    case AUT_MSG_ERROR:
        break;
    default:
        refuse (self, peer, 0,
                aut_fail (AUT_ERR_UNSUPPORTED, "%s does not belong on the data socket",
                          aut_msg_name (msg->type)));
    }
}

/*  Tries again what a full socket held up, and drops what has ended, lost its peer or gone quiet.
 */
static bool sweep (aut_artifact_server_t *self, int64_t now_ms)
{
    bool waiting = false;
    transfer_t *t, *next;
    HASH_ITER (hh, self->transfers, t, next)
    {
        flush_answer (self, t);
        replenish (self, t);
        if (t->gone || (t->ending && !t->answer.type) || now_ms - t->seen_ms > self->limits.idle_ms)
            drop (self, t);
        else
            waiting = waiting || t->answer.type;
    }
    return waiting;
}

int aut_artifact_server_tick (aut_artifact_server_t *self, int64_t now_ms)
{
    bool full = sweep (self, now_ms), more = true;
    for (int pieces = 0; more && pieces < TICK_PIECES;) {
        more = false;
        for (transfer_t *t = self->transfers; t; t = t->hh.next) {
            pump_t pumped = pump (self, t, now_ms);
            full = full || pumped == PUMP_FULL;
            more = more || pumped == PUMP_MORE;
            pieces += pumped == PUMP_MORE;
        }
    }
    return more ? 0 : full ? RETRY_MS : SWEEP_MS;
}

void aut_artifact_server_guard (aut_artifact_server_t *self, const aut_artifact_guard_t *guard)
{
    self->guard = *guard;
}

int aut_artifact_server_ask (const aut_artifact_server_t *self, const char *user,
                             const aut_msg_t *msg, bool *all)
{
    const aut_artifact_guard_t *guard = &self->guard;
    int rc = guard->check ? guard->check (guard->ctx, user) : 0;
    *all = rc != 0;
    if (!rc && guard->put && msg->type == AUT_MSG_PUT)
        rc = guard->put (guard->ctx, user, &msg->put.hash, msg->put.size);
    return rc;
}

void aut_artifact_server_heard (const aut_artifact_server_t *self, int fd, bool good)
{
    if (self->guard.heard)
        self->guard.heard (self->guard.ctx, fd, good);
}

void aut_artifact_server_refuse (aut_artifact_server_t *self, const aut_peer_t *peer,
                                 const aut_msg_t *msg, int code, bool all)
{
    transfer_t *t, *next;
    refuse (self, peer, msg->type >= AUT_MSG_PUT ? msg->close.xfer : 0, code);
    HASH_ITER (hh, self->transfers, t, next)
    if (all && aut_peer_equal (&t->key.peer, peer))
        drop (self, t);
}

void aut_artifact_server_use (aut_artifact_server_t *self, zsock_t *router)
{
    if (self->send == aut_artifact_socket_send)
        self->ctx = router;
}

void aut_artifact_server_stats (const aut_artifact_server_t *self, aut_artifact_stats_t *stats)
{
    *stats = self->stats;
    stats->transfers = HASH_COUNT (self->transfers);
}
