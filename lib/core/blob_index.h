/*  What a blob store remembers of its folder: sizes, order of use and pins. Internal to lib/core.
 *
 *  The folder is the truth (other processes may add and remove blobs); this index follows it and
 *  serves eviction and the running count. It has its own lock and does no I/O.
 */
#ifndef AUT_LIB_CORE_BLOB_INDEX_H
#define AUT_LIB_CORE_BLOB_INDEX_H

#include "lib/core/hash.h"

typedef struct aut_blob_index aut_blob_index_t;

aut_blob_index_t *aut_blob_index_new (void);
void aut_blob_index_destroy (aut_blob_index_t **self_p);

/*  The blob is there with `size` bytes and was used just now. */
void aut_blob_index_used (aut_blob_index_t *self, const aut_hash_t *hash, uint64_t size);
/*  The blob is gone; its pins stay. */
void aut_blob_index_gone (aut_blob_index_t *self, const aut_hash_t *hash);

void aut_blob_index_pin (aut_blob_index_t *self, const aut_hash_t *hash);
void aut_blob_index_unpin (aut_blob_index_t *self, const aut_hash_t *hash);

/*  Removes the file of a blob; must not call the index. */
typedef void (*aut_blob_index_remove_fn) (void *ctx, const aut_hash_t *hash);

/*  If more than `capacity` bytes are there: takes the blob used longest ago that is not pinned and
 *  is not `keep` out of the index and calls `remove_file` for it; else false. Nobody can pin the
 *  blob in between: who has pinned one finds its file there, or gone, but never about to go. */
bool aut_blob_index_evict (aut_blob_index_t *self, uint64_t capacity, const aut_hash_t *keep,
                           aut_blob_index_remove_fn remove_file, void *ctx);

void aut_blob_index_stats (aut_blob_index_t *self, uint64_t *count, uint64_t *bytes);

#endif
