/*  What the files of the artifact service share: transfers, whose they are, and parked uploads.
 *  Internal to proto/.
 *
 *  Whatever is scarce (places in the table, turns, memory that queues hold) is shared out among
 *  accounts, not transfers: an account is a key, or without keys a connection. Who opens many
 *  connections with one key gets no more than who opens one.
 */
#ifndef AUT_PROTO_ARTIFACT_TABLE_H
#define AUT_PROTO_ARTIFACT_TABLE_H

#include "lib/core/blob.h"
#include "proto/artifact.h"
#include "proto/artifact_server.h"

#include <stdatomic.h>
#include <uthash.h>

#define AUT_PARKED_MAX 32

/*  Bytes that ZeroMQ holds; each body on its way has a reference. */
typedef struct {
    _Atomic uint64_t bytes;
    atomic_uint refs;
} aut_tally_t;

typedef struct {
    bool user; /* `name` is a key, else a peer */
    aut_peer_t name;
} aut_account_key_t;

typedef struct {
    UT_hash_handle hh;
    aut_account_key_t key;
    char owner[AUT_OWNER_SIZE]; /* of its partial files */
    uint32_t transfers;
    uint64_t turn; /* when it last had one */
    aut_tally_t *tally;
} aut_account_t;

typedef struct {
    aut_peer_t peer; /* the route alone */
    uint64_t xfer;
} aut_transfer_key_t;

typedef struct {
    UT_hash_handle hh;
    aut_transfer_key_t key;
    aut_peer_t peer; /* with the connection that began it: nobody else gets its bytes */
    aut_account_t *account;
    aut_hash_t hash;
    uint64_t size;
    uint64_t credit; /* bytes that the sending side may still send */
    int64_t seen_ms;
    uint64_t turn;

    aut_blob_writer_t *writer; /* of an upload, else NULL */
    bool preparing;            /* it reads what is there; GO or STORED comes after that */

    int fd; /* of a download, else -1 */
    aut_hasher_t *hasher;
    uint64_t start, read, sent; /* first byte wanted; bytes hashed; position of the peer */
    bool right;                 /* the whole content had its hash */
    void *piece;                /* read and not yet sent */
    size_t piece_size;
    bool full; /* the socket refused `piece` in this round */

    aut_msg_t answer; /* not yet sent; its type is 0 if there is none */
    char text[AUT_TEXT_MAX + 1];
    bool ending; /* nothing is left but to send `answer` */
    bool gone;   /* the peer is not there any more */
} aut_transfer_t;

/*  An upload whose transfer ended, with the state of its hash, so that going on with it costs no
 *  reading. */
typedef struct {
    aut_blob_writer_t *writer; /* NULL: an empty place */
    aut_hash_t hash;
    uint64_t size;
    char owner[AUT_OWNER_SIZE];
    int64_t since_ms;
} aut_parked_t;

struct aut_artifact_server {
    aut_blobs_t *blobs;
    aut_artifact_limits_t limits;
    aut_artifact_send_fn *send;
    void *ctx;
    aut_artifact_guard_t guard;
    aut_transfer_t *transfers;
    aut_account_t *accounts;
    aut_parked_t parked[AUT_PARKED_MAX];
    uint64_t turns;
    uint64_t put_budget; /* bytes that the PUTs of this round may still have read at once */
    int64_t swept_ms;    /* when partial files were last swept */
    aut_tally_t *tally;  /* of all accounts */
    char *scratch;       /* AUT_CHUNK bytes, for what is only hashed */
    aut_artifact_stats_t stats;
};

/*  Who a message is from. */
typedef struct {
    const aut_peer_t *peer;
    const char *user; /* "" without CURVE */
    int64_t now_ms;
} aut_from_t;

/* ---- the table (artifact_table.c) --------------------------------------------------------------
 */

aut_transfer_t *aut_transfer_find (aut_artifact_server_t *self, const aut_peer_t *peer,
                                   uint64_t xfer);
/*  A new transfer, or NULL after refusing it. A number that is used again means that the peer gave
 *  the old transfer up. */
aut_transfer_t *aut_transfer_begin (aut_artifact_server_t *self, const aut_from_t *from,
                                    uint64_t xfer);
/*  Forgets a transfer; what came of an upload can be gone on with. */
void aut_transfer_drop (aut_artifact_server_t *self, aut_transfer_t *t, int64_t now_ms);

/*  The transfer that `wants` and whose account had no turn for longest; its turn is now. NULL if
 *  none wants. */
aut_transfer_t *aut_transfer_turn (aut_artifact_server_t *self,
                                   bool (*wants) (const aut_artifact_server_t *self,
                                                  const aut_transfer_t *t));

/*  An account of this name, made if it is not there. */
aut_account_t *aut_account_of (aut_artifact_server_t *self, const aut_from_t *from);
void aut_accounts_sweep (aut_artifact_server_t *self);

/*  Keeps an upload's writer for later, or takes one that fits out again (NULL: none). */
void aut_upload_park (aut_artifact_server_t *self, aut_transfer_t *t, int64_t now_ms);
aut_blob_writer_t *aut_upload_unpark (aut_artifact_server_t *self, const aut_transfer_t *t);
/*  Lets those go that were parked before `before_ms`. */
void aut_parked_sweep (aut_artifact_server_t *self, int64_t before_ms);

aut_tally_t *aut_tally_new (void);
void aut_tally_unref (aut_tally_t **self_p);
/*  A body of `size` bytes goes on its way; aut_flight_land ends it. */
aut_flight_t *aut_flight_new (aut_tally_t *of_account, aut_tally_t *of_all, size_t size);

/* ---- answers (artifact_server.c) ---------------------------------------------------------------
 */

/*  Sends what waits in `t->answer`; keeps it if the socket is full. */
void aut_transfer_flush (aut_artifact_server_t *self, aut_transfer_t *t);
void aut_transfer_answer_last (aut_artifact_server_t *self, aut_transfer_t *t,
                               const aut_msg_t *msg);
/*  Ends a transfer with an ERROR from this thread's last failure. */
void aut_transfer_fail (aut_artifact_server_t *self, aut_transfer_t *t, int code);
/*  An ERROR about something that is no transfer of ours; tried once. */
void aut_transfer_refuse (aut_artifact_server_t *self, const aut_peer_t *peer, uint64_t xfer,
                          int code);

/* ---- uploads (artifact_upload.c) and downloads (artifact_download.c)
 * ----------------------------- */

void aut_upload_put (aut_artifact_server_t *self, const aut_from_t *from, const aut_msg_put_t *put);
void aut_upload_data (aut_artifact_server_t *self, const aut_from_t *from,
                      const aut_msg_data_t *data, const void *body, size_t size);
/*  Gives credit back once enough has been written, or at the end of what the answer slot held up.
 */
void aut_upload_replenish (aut_artifact_server_t *self, aut_transfer_t *t);
/*  Reads on in what is there, for a bounded time; true if there is more to read. */
bool aut_uploads_prepare (aut_artifact_server_t *self, int64_t now_ms);

void aut_download_get (aut_artifact_server_t *self, const aut_from_t *from,
                       const aut_msg_get_t *get);
void aut_download_credit (aut_artifact_server_t *self, const aut_from_t *from,
                          const aut_msg_credit_t *credit);
typedef enum { AUT_PUMP_IDLE, AUT_PUMP_MORE, AUT_PUMP_FULL } aut_pump_t;
/*  Sends pieces, a bounded number in turn: whether it is worth calling again, now or later. */
aut_pump_t aut_downloads_pump (aut_artifact_server_t *self, int64_t now_ms);

#endif
