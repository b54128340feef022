/*  Downloads of the artifact service: a file and a position. One is hashed as it is read, and its
 *  last piece leaves only if the whole content was right.
 *
 *  Pieces are sent one at a time, the account that had none for longest first. What ZeroMQ holds
 * for peers that read slowly or not at all is counted: beyond a bound an account, and all together,
 * get no more until some of it has gone, however many connections and transfers they begin.
 */
#include "lib/core/error.h"
#include "lib/core/mem.h"
#include "proto/artifact_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TICK_PIECES 16 /* pieces of all downloads sent in one round */

void aut_download_get (aut_artifact_server_t *self, const aut_from_t *from,
                       const aut_msg_get_t *get)
{
    aut_transfer_t *t = aut_transfer_begin (self, from, get->xfer);
    if (!t)
        return;
    t->hash = get->hash;
    int rc = aut_blobs_open_raw (self->blobs, &get->hash, &t->fd, &t->size);
    if (rc == AUT_ERR_NOT_FOUND && self->guard.open)
        rc = self->guard.open (self->guard.ctx, &get->hash, &t->fd, &t->size);
    if (rc == 0 && get->offset > t->size)
        rc = aut_fail (AUT_ERR_INVALID, "GET from %llu of a blob of %llu bytes",
                       (unsigned long long)get->offset, (unsigned long long)t->size);
    if (rc) {
        aut_transfer_fail (self, t, rc);
        return;
    }
    t->hasher = aut_hasher_new ();
    t->start = t->sent = get->offset;
    t->credit = get->credit < AUT_WINDOW ? get->credit : AUT_WINDOW;
}

void aut_download_credit (aut_artifact_server_t *self, const aut_from_t *from,
                          const aut_msg_credit_t *credit)
{
    aut_transfer_t *t = aut_transfer_find (self, from->peer, credit->xfer);
    if (t && t->ending)
        return;
    if (!t || t->fd < 0) {
        /* often the last piece and this message crossed, and nobody waits for the answer */
        aut_transfer_refuse (self, from->peer, credit->xfer,
                             aut_fail (AUT_ERR_STATE, "no such download is under way: GET again"));
        return;
    }
    t->seen_ms = from->now_ms;
    uint64_t room = AUT_WINDOW - t->credit;
    t->credit += credit->bytes < room ? credit->bytes : room;
}

/*  Reads and hashes the next `size` bytes of a download. */
static int read_piece (aut_artifact_server_t *self, aut_transfer_t *t, char *buffer, size_t size)
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
static int prepare_piece (aut_artifact_server_t *self, aut_transfer_t *t)
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

/*  Whether ZeroMQ may hold one more piece for the account: it may have one in any case. */
static bool has_room (const aut_artifact_server_t *self, const aut_account_t *account)
{
    uint64_t mine = atomic_load (&account->tally->bytes), all = atomic_load (&self->tally->bytes);
    return mine == 0 || (mine + AUT_CHUNK <= self->limits.account_queue &&
                         all + AUT_CHUNK <= self->limits.queue);
}

static bool could_send (const aut_transfer_t *t)
{
    return t->fd >= 0 && !t->ending && !t->gone && (t->piece || t->credit > 0);
}

static bool wants_to_send (const aut_artifact_server_t *self, const aut_transfer_t *t)
{
    return could_send (t) && !t->full && has_room (self, t->account);
}

/*  Sends what `t` has ready; keeps it if the socket is full. */
static void send_piece (aut_artifact_server_t *self, aut_transfer_t *t, int64_t now_ms)
{
    aut_msg_t msg = {.type = AUT_MSG_DATA,
                     .data = {.xfer = t->key.xfer,
                              .offset = t->sent,
                              .size = t->size,
                              .last = t->sent + t->piece_size == t->size}};
    aut_flight_t *flight = aut_flight_new (t->account->tally, self->tally, t->piece_size);
    int rc = self->send (self->ctx, &t->peer, &msg, t->piece, t->piece_size, flight);
    if (rc) {
        aut_flight_land (flight);
        t->full = rc == AUT_ERR_AGAIN;
        t->gone = rc != AUT_ERR_AGAIN;
        return;
    }
    t->piece = NULL;
    t->seen_ms = now_ms;
    t->sent += t->piece_size;
    t->credit -= t->piece_size;
    self->stats.sent += t->piece_size;
    t->ending = msg.data.last;
}

/*  One piece of a download, or a part of what is only hashed. */
static void pump (aut_artifact_server_t *self, aut_transfer_t *t, int64_t now_ms)
{
    int rc = t->piece ? 0 : prepare_piece (self, t);
    if (rc) {
        free (t->piece);
        t->piece = NULL;
        aut_transfer_fail (self, t, rc);
    } else if (t->piece)
        send_piece (self, t, now_ms);
}

aut_pump_t aut_downloads_pump (aut_artifact_server_t *self, int64_t now_ms)
{
    aut_transfer_t *t;
    bool held_up = false;
    for (t = self->transfers; t; t = t->hh.next)
        t->full = false;
    for (int pieces = 0; pieces < TICK_PIECES; pieces++) {
        t = aut_transfer_turn (self, wants_to_send);
        if (!t)
            break;
        pump (self, t, now_ms);
    }
    for (t = self->transfers; t; t = t->hh.next) {
        if (wants_to_send (self, t))
            return AUT_PUMP_MORE;
        held_up = held_up || could_send (t);
    }
    return held_up ? AUT_PUMP_FULL : AUT_PUMP_IDLE;
}
