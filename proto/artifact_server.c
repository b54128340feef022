/*  The artifact service: messages, answers and time. Its parts are the table of transfers
 *  (artifact_table.c), uploads and downloads.
 *
 *  Credit is what bounds the memory of both sides, so it is checked, not hoped for. What one peer
 *  may make the thread do at a time is bounded, too: a message is handled with at most 1 MiB read
 * or written, and the rest waits for its turn in the ticks.
 */
#include "proto/artifact_server.h"

#include "lib/core/error.h"
#include "lib/core/log.h"
#include "lib/core/mem.h"
#include "proto/artifact_step.h"
#include "proto/artifact_table.h"

#include <stdlib.h>
#include <string.h>

#define TRANSFERS 128
#define PEER_TRANSFERS 8
#define BLOB_MAX (UINT64_C (64) << 30)
#define IDLE_MS 60000
#define QUEUE (UINT64_C (512) << 20)
#define ACCOUNT_QUEUE (UINT64_C (256) << 20)
#define PUT_BUDGET (UINT64_C (8) << 20) /* of the first round */
#define RETRY_MS 2                      /* until a full socket is tried again */
#define SWEEP_MS 1000

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
    if (!self->limits.queue)
        self->limits.queue = QUEUE;
    if (!self->limits.account_queue)
        self->limits.account_queue = ACCOUNT_QUEUE;
    self->send = send ? send : aut_artifact_socket_send;
    self->ctx = ctx;
    self->put_budget = PUT_BUDGET;
    self->tally = aut_tally_new ();
    self->scratch = aut_calloc (1, AUT_CHUNK);
    *out = self;
    return 0;
}

void aut_artifact_server_destroy (aut_artifact_server_t **self_p)
{
    if (!self_p || !*self_p)
        return;
    aut_artifact_server_t *self = *self_p;
    aut_transfer_t *t, *next;
    aut_account_t *account, *next_account;
    HASH_ITER (hh, self->transfers, t, next)
    aut_transfer_drop (self, t, 0);
    aut_parked_sweep (self, INT64_MAX);
    HASH_ITER (hh, self->accounts, account, next_account)
    {
        HASH_DEL (self->accounts, account);
        aut_tally_unref (&account->tally);
        free (account);
    }
    aut_tally_unref (&self->tally);
    free (self->scratch);
    free (self);
    *self_p = NULL;
}

/* ---- answers -------------------------------------------------------------------------------- */

void aut_transfer_flush (aut_artifact_server_t *self, aut_transfer_t *t)
{
    if (!t->answer.type)
        return;
    int rc = self->send (self->ctx, &t->peer, &t->answer, NULL, 0, NULL);
    if (rc == AUT_ERR_AGAIN)
        return;
    t->answer = (aut_msg_t){0};
    if (rc)
        t->gone = true;
}

void aut_transfer_answer_last (aut_artifact_server_t *self, aut_transfer_t *t, const aut_msg_t *msg)
{
    t->answer = *msg;
    t->ending = true;
    aut_transfer_flush (self, t);
}

void aut_transfer_fail (aut_artifact_server_t *self, aut_transfer_t *t, int code)
{
    aut_msg_t msg = {
        .type = AUT_MSG_ERROR,
        .error = {.xfer = t->key.xfer,
                  .code = aut_error_text (code),
                  .message = aut_msg_clip (t->text, sizeof t->text, aut_error_detail ())}};
    self->stats.refused++;
    aut_transfer_answer_last (self, t, &msg);
}

void aut_transfer_refuse (aut_artifact_server_t *self, const aut_peer_t *peer, uint64_t xfer,
                          int code)
{
    char text[AUT_TEXT_MAX + 1];
    aut_msg_t msg = {.type = AUT_MSG_ERROR,
                     .error = {.xfer = xfer,
                               .code = aut_error_text (code),
                               .message = aut_msg_clip (text, sizeof text, aut_error_detail ())}};
    self->stats.refused++;
    self->send (self->ctx, peer, &msg, NULL, 0, NULL);
}

/* ---- messages and time ----------------------------------------------------------------------- */

void aut_artifact_server_message (aut_artifact_server_t *self, const aut_peer_t *peer,
                                  const char *user, const aut_msg_t *msg, const void *body,
                                  size_t body_size, int64_t now_ms)
{
    const aut_from_t from = {peer, user, now_ms};
    aut_msg_t pong = {.type = AUT_MSG_PONG};
    aut_transfer_t *t;
    switch (msg->type) {
    case AUT_MSG_PUT:
        aut_upload_put (self, &from, &msg->put);
        break;
    case AUT_MSG_DATA:
        aut_upload_data (self, &from, &msg->data, body, body_size);
        break;
    case AUT_MSG_GET:
        aut_download_get (self, &from, &msg->get);
        break;
    case AUT_MSG_CREDIT:
        aut_download_credit (self, &from, &msg->credit);
        break;
    case AUT_MSG_CLOSE:
        t = aut_transfer_find (self, peer, msg->close.xfer);
        if (t)
            aut_transfer_drop (self, t, now_ms);
        break;
    case AUT_MSG_PING:
        self->send (self->ctx, peer, &pong, NULL, 0, NULL);
        break;
    case AUT_MSG_PONG:
    case AUT_MSG_ERROR:
        break;
    default:
        aut_transfer_refuse (self, peer, 0,
                             aut_fail (AUT_ERR_UNSUPPORTED, "%s does not belong on the data socket",
                                       aut_msg_name (msg->type)));
    }
}

/*  Tries again what a full socket held up, and drops what has ended, lost its peer or gone quiet.
 */
static bool sweep (aut_artifact_server_t *self, int64_t now_ms)
{
    bool waiting = false;
    aut_transfer_t *t, *next;
    HASH_ITER (hh, self->transfers, t, next)
    {
        aut_transfer_flush (self, t);
        aut_upload_replenish (self, t);
        if (t->gone || (t->ending && !t->answer.type) || now_ms - t->seen_ms > self->limits.idle_ms)
            aut_transfer_drop (self, t, now_ms);
        else
            waiting = waiting || t->answer.type;
    }
    aut_accounts_sweep (self);
    aut_parked_sweep (self, now_ms - self->limits.idle_ms);
    if (now_ms - self->swept_ms >= SWEEP_MS) { /* calmly: one file at a time */
        self->swept_ms = now_ms;
        aut_blobs_sweep_partials (self->blobs);
    }
    return waiting;
}

int aut_artifact_server_tick (aut_artifact_server_t *self, int64_t now_ms)
{
    bool full = sweep (self, now_ms);
    bool reading = aut_uploads_prepare (self, now_ms);
    aut_pump_t pumped = aut_downloads_pump (self, now_ms);
    if (reading || pumped == AUT_PUMP_MORE)
        return 0;
    return full || pumped == AUT_PUMP_FULL ? RETRY_MS : SWEEP_MS;
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
    aut_transfer_t *t, *next;
    aut_transfer_refuse (self, peer, msg->type >= AUT_MSG_PUT ? msg->close.xfer : 0, code);
    HASH_ITER (hh, self->transfers, t, next)
    if (all && aut_peer_equal (&t->key.peer, peer))
        aut_transfer_drop (self, t, 0);
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
    stats->queued = atomic_load (&self->tally->bytes);
}
