/*  Uploads of the artifact service. One may have AUT_WINDOW bytes under way: PUT grants them, and
 * as bytes are written CREDIT gives them back. A sender that goes beyond its credit loses the
 * transfer.
 *
 *  Before GO what is there already is read, a partial file or the whole blob, which can be tens of
 *  GiB: in slices, PREPARE_TURN bytes in a round, between the others' messages. A transfer that
 * ends on the way is parked with the state of its hash, so a client that loses its patience and
 * asks again goes on where the reading was.
 */
#include "lib/core/error.h"
#include "proto/artifact_table.h"

#include <string.h>

#define STALE_MS 2000 /* another PUT of the same blob takes a transfer this quiet over */
#define CREDIT_STEP (AUT_WINDOW / 8) /* credit goes back in pieces of at least this */
#define PREPARE_SLICE (UINT64_C (1) << 20)
#define PREPARE_TURN (UINT64_C (8) << 20)

/*  Ends uploads of the same blob by the same owner whose peer is gone or silent, so that their
 *  partial file can be gone on with: after a reconnect the old name of a node is one of these. */
static void release_stale (aut_artifact_server_t *self, const aut_from_t *from,
                           const aut_hash_t *hash)
{
    const aut_account_t *account = aut_account_of (self, from);
    aut_msg_t ping = {.type = AUT_MSG_PING};
    aut_transfer_t *t, *next;
    HASH_ITER (hh, self->transfers, t, next)
    {
        if (!t->writer || !aut_hash_equal (&t->hash, hash) ||
            strcmp (t->account->owner, account->owner) != 0)
            continue;
        int rc = self->send (self->ctx, &t->peer, &ping, NULL, 0, NULL);
        if ((rc && rc != AUT_ERR_AGAIN) || from->now_ms - t->seen_ms > STALE_MS)
            aut_transfer_drop (self, t, from->now_ms);
    }
}

static void commit (aut_artifact_server_t *self, aut_transfer_t *t)
{
    int rc = aut_blob_writer_commit (t->writer);
    aut_blob_writer_destroy (&t->writer);
    if (rc) {
        aut_transfer_fail (self, t, rc);
        return;
    }
    self->stats.stored++;
    aut_msg_t msg = {.type = AUT_MSG_STORED, .stored = {t->key.xfer, t->hash}};
    aut_transfer_answer_last (self, t, &msg);
}

/*  Bytes that may be granted beyond what is there and under way. */
static uint64_t grantable (const aut_transfer_t *t)
{
    uint64_t window = AUT_WINDOW - t->credit;
    uint64_t left = t->size - aut_blob_writer_offset (t->writer) - t->credit;
    return window < left ? window : left;
}

/*  Tells the sender from where to go on. A PUT that is repeated during its own upload gets here
 *  too: all DATA sent before it has been handled, so credit starts anew. */
static void go (aut_artifact_server_t *self, aut_transfer_t *t, int64_t now_ms)
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
    aut_transfer_flush (self, t);
}

/*  Reads a slice of what is there, and goes on when that was the last. */
static void prepare (aut_artifact_server_t *self, aut_transfer_t *t, uint64_t *budget,
                     int64_t now_ms)
{
    uint64_t slice = *budget < PREPARE_SLICE ? *budget : PREPARE_SLICE, left = slice;
    int rc = aut_blob_writer_prepare (t->writer, &left);
    *budget -= slice - left;
    if (rc == AUT_ERR_AGAIN)
        return;
    t->preparing = false;
    if (rc) {
        aut_blob_writer_destroy (&t->writer);
        aut_transfer_fail (self, t, rc);
    } else
        go (self, t, now_ms);
}

static bool wants_to_read (const aut_artifact_server_t *self, const aut_transfer_t *t)
{
    (void)self;
    return t->preparing && !t->ending && !t->gone;
}

bool aut_uploads_prepare (aut_artifact_server_t *self, int64_t now_ms)
{
    uint64_t budget = PREPARE_TURN;
    self->put_budget = PREPARE_TURN;
    while (budget) {
        aut_transfer_t *t = aut_transfer_turn (self, wants_to_read);
        if (!t)
            return false;
        prepare (self, t, &budget, now_ms);
    }
    return true;
}

/*  Opens the writer of a new upload. Little that is there is read at once. */
static void begin_upload (aut_artifact_server_t *self, const aut_from_t *from,
                          const aut_msg_put_t *put)
{
    release_stale (self, from, &put->hash);
    aut_transfer_t *t = aut_transfer_begin (self, from, put->xfer);
    if (!t)
        return;
    t->hash = put->hash;
    t->size = put->size;
    t->writer = aut_upload_unpark (self, t);
    int rc = t->writer ? 0
                       : aut_blob_writer_begin (&t->writer, self->blobs, &put->hash, put->size,
                                                t->account->owner);
    if (rc) {
        aut_transfer_fail (self, t, rc);
        return;
    }
    t->preparing = true;
    prepare (self, t, &self->put_budget, from->now_ms);
}

void aut_upload_put (aut_artifact_server_t *self, const aut_from_t *from, const aut_msg_put_t *put)
{
    if (put->size > self->limits.blob_max) {
        aut_transfer_refuse (
            self, from->peer, put->xfer,
            aut_fail (AUT_ERR_TOO_LARGE, "a blob of %llu bytes, at most %llu are taken",
                      (unsigned long long)put->size, (unsigned long long)self->limits.blob_max));
        return;
    }
    aut_transfer_t *t = aut_transfer_find (self, from->peer, put->xfer);
    if (!t || !t->writer || t->ending || t->size != put->size ||
        !aut_hash_equal (&t->hash, &put->hash))
        begin_upload (self, from, put);
    else if (!t->preparing)
        go (self, t, from->now_ms);
}

void aut_upload_replenish (aut_artifact_server_t *self, aut_transfer_t *t)
{
    if (!t->writer || t->preparing || t->answer.type || t->ending)
        return;
    uint64_t bytes = grantable (t);
    uint64_t left = t->size - aut_blob_writer_offset (t->writer);
    if (bytes == 0 || (bytes < CREDIT_STEP && bytes + t->credit < left))
        return;
    t->credit += bytes;
    t->answer = (aut_msg_t){.type = AUT_MSG_CREDIT, .credit = {t->key.xfer, bytes}};
    aut_transfer_flush (self, t);
}

/*  0 if these bytes may be written now. */
static int check_data (const aut_transfer_t *t, uint64_t offset, size_t size)
{
    uint64_t expected = aut_blob_writer_offset (t->writer);
    if (t->preparing)
        return aut_fail (AUT_ERR_STATE, "DATA before GO: PUT again");
    if (offset != expected)
        return aut_fail (AUT_ERR_STATE, "DATA at %llu, expected %llu: PUT again",
                         (unsigned long long)offset, (unsigned long long)expected);
    if (size == 0 || size > t->credit)
        return aut_fail (AUT_ERR_INVALID, "DATA of %zu bytes with a credit of %llu", size,
                         (unsigned long long)t->credit);
    return 0;
}

void aut_upload_data (aut_artifact_server_t *self, const aut_from_t *from,
                      const aut_msg_data_t *data, const void *body, size_t size)
{
    aut_transfer_t *t = aut_transfer_find (self, from->peer, data->xfer);
    if (t && t->ending)
        return;
    if (!t || !t->writer) {
        aut_transfer_refuse (self, from->peer, data->xfer,
                             aut_fail (AUT_ERR_STATE, "no such upload is under way: PUT again"));
        return;
    }
    t->seen_ms = from->now_ms;
    int rc = check_data (t, data->offset, size);
    if (rc)
        aut_upload_park (self, t, from->now_ms); /* what is there can be gone on with */
    else
        rc = aut_blob_writer_write (t->writer, body, size);
    if (rc) {
        aut_blob_writer_destroy (&t->writer);
        aut_transfer_fail (self, t, rc);
        return;
    }
    t->credit -= size;
    self->stats.received += size;
    if (aut_blob_writer_offset (t->writer) == t->size)
        commit (self, t);
    else
        aut_upload_replenish (self, t);
}
