/*  Who has stored what: the bytes that each client has uploaded, for its quota.
 *
 *  A blob that is new counts for the key that first began to upload it, with its whole size from
 *  then on; one that the broker has already costs nobody anything. The file STATE/uploads has 80
 *  bytes for each (key, hash, size) and is appended to without fsync: a power cut may forget the
 *  last ones. Entries of blobs that are not there (any more), not even in part, go when a broker
 *  starts and when a key has no room left. One thread.
 */
#ifndef AUT_BROKER_LEDGER_H
#define AUT_BROKER_LEDGER_H

#include "lib/core/blob.h"

typedef struct aut_ledger aut_ledger_t;

/*  `blobs` is borrowed. AUT_ERR_IO, AUT_ERR_NO_SPACE from the disk. A file that is damaged at its
 *  end is cut there. */
int aut_ledger_open (aut_ledger_t **out, const char *state_dir, aut_blobs_t *blobs);
void aut_ledger_close (aut_ledger_t **self_p);

/*  0 if `key` may upload this blob with `max` bytes in all (0 = no bound), which is then counted;
 *  AUT_ERR_NO_SPACE with a sentence for `name` otherwise. */
int aut_ledger_take (aut_ledger_t *self, const char *key, const char *name, const aut_hash_t *hash,
                     uint64_t size, uint64_t max);

/*  What a key has stored. */
uint64_t aut_ledger_bytes (aut_ledger_t *self, const char *key);

#endif
