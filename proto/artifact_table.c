/*  The artifact service's table of transfers: places, turns, and what is kept of uploads whose
 *  transfer ended.
 */
#include "proto/artifact_table.h"

#include "lib/core/error.h"
#include "lib/core/mem.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- bodies on their way ----------------------------------------------------------------------
 */

struct aut_flight {
    aut_tally_t *tallies[2];
    size_t size;
};

aut_tally_t *aut_tally_new (void)
{
    aut_tally_t *self = aut_calloc (1, sizeof *self);
    atomic_init (&self->bytes, 0);
    atomic_init (&self->refs, 1);
    return self;
}

void aut_tally_unref (aut_tally_t **self_p)
{
    aut_tally_t *self = *self_p;
    if (self && atomic_fetch_sub (&self->refs, 1) == 1)
        free (self);
    *self_p = NULL;
}

aut_flight_t *aut_flight_new (aut_tally_t *of_account, aut_tally_t *of_all, size_t size)
{
    aut_flight_t *self = aut_calloc (1, sizeof *self);
    self->tallies[0] = of_account;
    self->tallies[1] = of_all;
    self->size = size;
    for (size_t i = 0; i < 2; i++) {
        atomic_fetch_add (&self->tallies[i]->refs, 1);
        atomic_fetch_add (&self->tallies[i]->bytes, size);
    }
    return self;
}

void aut_flight_land (aut_flight_t *self)
{
    if (!self)
        return;
    for (size_t i = 0; i < 2; i++) {
        atomic_fetch_sub (&self->tallies[i]->bytes, self->size);
        aut_tally_unref (&self->tallies[i]);
    }
    free (self);
}

/* ---- accounts ---------------------------------------------------------------------------------
 */

/*  A short name of a key that a file's name may hold. */
void aut_artifact_owner (char owner[AUT_OWNER_SIZE], const char *user)
{
    char hex[AUT_HASH_HEX];
    aut_hash_t hash = aut_hash_of (user, strlen (user));
    aut_hash_hex (&hash, hex);
    memset (owner, 0, AUT_OWNER_SIZE);
    if (user[0])
        memcpy (owner, hex, AUT_OWNER_SIZE - 1);
}

aut_account_t *aut_account_of (aut_artifact_server_t *self, const aut_from_t *from)
{
    aut_account_key_t key;
    aut_account_t *account;
    memset (&key, 0, sizeof key);
    key.user = from->user[0] != 0;
    key.name.size = key.user ? (uint8_t)strlen (from->user) : from->peer->size;
    memcpy (key.name.bytes, key.user ? (const void *)from->user : from->peer->bytes, key.name.size);
    HASH_FIND (hh, self->accounts, &key, sizeof key, account);
    if (account)
        return account;
    account = aut_calloc (1, sizeof *account);
    account->key = key;
    account->tally = aut_tally_new ();
    aut_artifact_owner (account->owner, from->user);
    HASH_ADD (hh, self->accounts, key, sizeof account->key, account);
    return account;
}

/*  One that has bytes on their way is kept, or it could begin anew. */
void aut_accounts_sweep (aut_artifact_server_t *self)
{
    aut_account_t *account, *next;
    HASH_ITER (hh, self->accounts, account, next)
    {
        if (account->transfers || atomic_load (&account->tally->bytes))
            continue;
        HASH_DEL (self->accounts, account);
        aut_tally_unref (&account->tally);
        free (account);
    }
}

/* ---- transfers --------------------------------------------------------------------------------
 */

aut_transfer_t *aut_transfer_find (aut_artifact_server_t *self, const aut_peer_t *peer,
                                   uint64_t xfer)
{
    aut_transfer_key_t key;
    memset (&key, 0, sizeof key);
    key.peer.size = peer->size;
    memcpy (key.peer.bytes, peer->bytes, peer->size);
    key.xfer = xfer;
    aut_transfer_t *t;
    HASH_FIND (hh, self->transfers, &key, sizeof key, t);
    return t;
}

void aut_transfer_drop (aut_artifact_server_t *self, aut_transfer_t *t, int64_t now_ms)
{
    HASH_DEL (self->transfers, t);
    t->account->transfers--;
    aut_upload_park (self, t, now_ms);
    aut_hasher_destroy (&t->hasher);
    if (t->fd >= 0)
        close (t->fd);
    free (t->piece);
    free (t);
}

/*  In a full table: takes a place from the account that has most, if it has more than this one
 * would have then. Its client comes back and goes on. */
static bool displace (aut_artifact_server_t *self, const aut_account_t *account, int64_t now_ms)
{
    aut_transfer_t *found = NULL;
    for (aut_transfer_t *t = self->transfers; t; t = t->hh.next)
        if (!found || t->account->transfers > found->account->transfers ||
            (t->account == found->account && t->seen_ms < found->seen_ms))
            found = t;
    if (!found || found->account->transfers <= account->transfers + 1)
        return false;
    aut_transfer_refuse (self, &found->peer, found->key.xfer,
                         aut_fail (AUT_ERR_AGAIN, "others wait for their turn: try again later"));
    aut_transfer_drop (self, found, now_ms);
    return true;
}

aut_transfer_t *aut_transfer_begin (aut_artifact_server_t *self, const aut_from_t *from,
                                    uint64_t xfer)
{
    aut_account_t *account = aut_account_of (self, from);
    aut_transfer_t *t = aut_transfer_find (self, from->peer, xfer);
    if (t)
        aut_transfer_drop (self, t, from->now_ms);
    uint32_t of_peer = 0;
    for (t = self->transfers; t; t = t->hh.next)
        of_peer += aut_peer_equal (&t->key.peer, from->peer);
    if (of_peer >= self->limits.peer_transfers ||
        (HASH_COUNT (self->transfers) >= self->limits.transfers &&
         !displace (self, account, from->now_ms))) {
        aut_transfer_refuse (
            self, from->peer, xfer,
            aut_fail (AUT_ERR_AGAIN, "too many transfers at once: try again later"));
        return NULL;
    }
    t = aut_calloc (1, sizeof *t);
    t->key.peer.size = from->peer->size;
    memcpy (t->key.peer.bytes, from->peer->bytes, from->peer->size);
    t->key.xfer = xfer;
    t->peer = *from->peer;
    t->account = account;
    t->fd = -1;
    t->seen_ms = from->now_ms;
    account->transfers++;
    HASH_ADD (hh, self->transfers, key, sizeof t->key, t);
    return t;
}

aut_transfer_t *aut_transfer_turn (aut_artifact_server_t *self,
                                   bool (*wants) (const aut_artifact_server_t *self,
                                                  const aut_transfer_t *t))
{
    aut_transfer_t *found = NULL;
    for (aut_transfer_t *t = self->transfers; t; t = t->hh.next)
        if (wants (self, t) && (!found || t->account->turn < found->account->turn ||
                                (t->account == found->account && t->turn < found->turn)))
            found = t;
    if (found)
        found->turn = found->account->turn = ++self->turns;
    return found;
}

/* ---- parked uploads ---------------------------------------------------------------------------
 */

void aut_upload_park (aut_artifact_server_t *self, aut_transfer_t *t, int64_t now_ms)
{
    aut_parked_t *place = &self->parked[0];
    if (!t->writer || aut_blob_writer_offset (t->writer) == 0) {
        aut_blob_writer_destroy (&t->writer);
        return;
    }
    for (size_t i = 0; i < AUT_PARKED_MAX && place->writer; i++)
        if (!self->parked[i].writer || self->parked[i].since_ms < place->since_ms)
            place = &self->parked[i];
    aut_blob_writer_destroy (&place->writer);
    *place =
        (aut_parked_t){.writer = t->writer, .hash = t->hash, .size = t->size, .since_ms = now_ms};
    memcpy (place->owner, t->account->owner, sizeof place->owner);
    t->writer = NULL;
}

aut_blob_writer_t *aut_upload_unpark (aut_artifact_server_t *self, const aut_transfer_t *t)
{
    for (size_t i = 0; i < AUT_PARKED_MAX; i++) {
        aut_parked_t *place = &self->parked[i];
        if (!place->writer || place->size != t->size || !aut_hash_equal (&place->hash, &t->hash) ||
            strcmp (place->owner, t->account->owner) != 0)
            continue;
        aut_blob_writer_t *writer = place->writer;
        place->writer = NULL;
        return writer;
    }
    return NULL;
}

void aut_parked_sweep (aut_artifact_server_t *self, int64_t before_ms)
{
    for (size_t i = 0; i < AUT_PARKED_MAX; i++)
        if (self->parked[i].writer && self->parked[i].since_ms < before_ms)
            aut_blob_writer_destroy (&self->parked[i].writer);
}
