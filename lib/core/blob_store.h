/*  What blob.c and blob_writer.c share. Internal to lib/core. */
#ifndef AUT_LIB_CORE_BLOB_STORE_H
#define AUT_LIB_CORE_BLOB_STORE_H

#include "lib/core/blob.h"
#include "lib/core/blob_index.h"
#include "lib/core/blob_partials.h"
#include "lib/core/hash_aide.h"

struct aut_blobs {
    char *dir;
    uint64_t capacity; /* 0 = without limit */
    aut_blob_index_t *index;
    aut_partials_t *partials;
    aut_hash_aide_t *aide; /* hashes while a writer writes */
};

/*  The path of a blob in the store; the caller frees it. */
char *aut_blobs_path_of (const aut_blobs_t *self, const aut_hash_t *hash);

/*  Moves a blob that failed its check out of the way; AUT_ERR_CORRUPT. */
int aut_blobs_quarantine (aut_blobs_t *self, const aut_hash_t *hash);

/*  Makes sure that a checked blob, open as `fd`, is on the disk with its name: whoever wrote it may
 *  not have synced yet. */
bool aut_blobs_settle (const aut_blobs_t *self, const aut_hash_t *hash, int fd);

/*  A new file under DIR/tmp, locked so that no other process takes it for an orphan. Its name goes
 *  to `path` (the caller frees it), its descriptor to `fd`. */
int aut_blobs_open_temp (aut_blobs_t *self, char **path, int *fd);

/*  Makes a whole, checked file the blob `hash`: fsync, rename from `path`, fsync of the folder;
 *  then evicts what is above the capacity. */
int aut_blobs_adopt (aut_blobs_t *self, const aut_hash_t *hash, uint64_t size, int fd,
                     const char *path);

/*  Whether a verified blob is there already; then it is durable when this returns true. */
bool aut_blobs_present (aut_blobs_t *self, const aut_hash_t *hash);

#endif
