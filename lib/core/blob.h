/*  The blob store: immutable files named by the SHA-256 of their content, DIR/ab/cdef….
 *
 *  A put is temp file → fsync → rename → fsync directory, so a name that exists is whole. Reads
 *  are verified: a blob whose bytes do not match is moved aside (DIR/corrupt/) and reported as
 *  AUT_ERR_CORRUPT, never returned. Interrupted uploads stay in DIR/partial/ and can be resumed;
 *  how many of them is bounded (aut_partial_bounds_t).
 *  Safe for several threads and processes on one folder; a handle may be shared by threads.
 */
#ifndef AUT_LIB_CORE_BLOB_H
#define AUT_LIB_CORE_BLOB_H

#include "lib/core/hash.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct aut_blobs aut_blobs_t;
typedef struct aut_blob_writer aut_blob_writer_t;

/*  Opens DIR, making it. `capacity` in bytes, 0 = without limit: above it, put evicts the blobs
 *  that were used longest ago and are not pinned. */
int aut_blobs_open (aut_blobs_t **out, const char *dir, uint64_t capacity);
void aut_blobs_destroy (aut_blobs_t **self_p);

/*  Stores a buffer or (by copy) a file; gives its hash. */
int aut_blobs_put (aut_blobs_t *self, aut_hash_t *hash, const void *data, size_t size);
int aut_blobs_put_file (aut_blobs_t *self, aut_hash_t *hash, uint64_t *size, const char *path);

/*  Whether the blob is there (not verified); `size` may be NULL. */
bool aut_blobs_has (aut_blobs_t *self, const aut_hash_t *hash, uint64_t *size);

/*  Opens for reading after verifying the whole content; gives a descriptor that the caller closes.
 */
int aut_blobs_open_read (aut_blobs_t *self, const aut_hash_t *hash, int *fd, uint64_t *size);

/*  Opens without verifying, for a reader that hashes what it reads (a transfer, whose receiver
 * checks too). One who finds a difference calls aut_blobs_open_read, which moves the blob aside. */
int aut_blobs_open_raw (aut_blobs_t *self, const aut_hash_t *hash, int *fd, uint64_t *size);

/*  The whole content, verified, at most `max` bytes, with a terminating 0 added; the caller frees.
 */
int aut_blobs_read (aut_blobs_t *self, const aut_hash_t *hash, uint64_t max, char **data,
                    size_t *size);

/*  The path of a blob, for programs that take a file (FFmpeg, a worker); the caller frees it. The
 *  file is verified first. */
int aut_blobs_path (aut_blobs_t *self, const aut_hash_t *hash, char **path);

int aut_blobs_remove (aut_blobs_t *self, const aut_hash_t *hash);

/*  A pinned blob is not evicted. Pins count and live as long as the handle. */
void aut_blobs_pin (aut_blobs_t *self, const aut_hash_t *hash);
void aut_blobs_unpin (aut_blobs_t *self, const aut_hash_t *hash);

/*  Number of blobs and bytes, kept as a running count. */
void aut_blobs_stats (aut_blobs_t *self, uint64_t *count, uint64_t *bytes);

/*  What is kept of writes that were begun and not finished; 0 means the default. What goes first is
 *  what was left longest ago, and never what is being written. */
typedef struct {
    int64_t age_s;               /* not written for so long, it is given up; 7 days */
    uint32_t count, owner_count; /* 4096 in all, 256 of an owner */
    uint64_t bytes, owner_bytes; /* 512 GiB in all, 128 GiB of an owner */
} aut_partial_bounds_t;

#define AUT_OWNER_SIZE 17 /* at most 16 hex digits and the terminator */

void aut_blobs_bound_partials (aut_blobs_t *self, const aut_partial_bounds_t *bounds);
/*  Removes at most one unfinished write that is too old or beyond the bounds; true if it did. For
 *  calling now and then. */
bool aut_blobs_sweep_partials (aut_blobs_t *self);
/*  Files and bytes of unfinished writes, those under way included. */
void aut_blobs_partial_stats (aut_blobs_t *self, uint64_t *count, uint64_t *bytes);
bool aut_blobs_has_partial (aut_blobs_t *self, const aut_hash_t *hash, uint64_t size,
                            const char *owner);

/*  A resumable write of a blob whose hash and size are known beforehand. What an earlier write left
 *  is gone on with if hash, size and `owner` (lower-case hex digits or "") are the same: nobody can
 *  spoil what another owner has begun. Reads what is there: see aut_blob_writer_prepare.
 *  AUT_ERR_AGAIN, AUT_ERR_NO_SPACE beyond the bounds; AUT_ERR_INVALID for a size that a blob which
 * is there does not have. */
int aut_blob_writer_open (aut_blob_writer_t **out, aut_blobs_t *blobs, const aut_hash_t *hash,
                          uint64_t size);
/*  The same in steps, for a thread that has others to serve: `begin` reads nothing, and until
 *  `prepare` has returned 0 nothing else may be called but destroy. Each call of it reads and
 * hashes at most `*budget` bytes, which it takes off there: AUT_ERR_AGAIN (without a sentence) if
 * there is more, 0 if writing can begin, else an error that ends the writer. */
int aut_blob_writer_begin (aut_blob_writer_t **out, aut_blobs_t *blobs, const aut_hash_t *hash,
                           uint64_t size, const char *owner);
int aut_blob_writer_prepare (aut_blob_writer_t *self, uint64_t *budget);
/*  How many bytes are there already: the offset to go on from. */
uint64_t aut_blob_writer_offset (const aut_blob_writer_t *self);
/*  Appends; AUT_ERR_INVALID past the announced size, AUT_ERR_NO_SPACE beyond the bounds. */
int aut_blob_writer_write (aut_blob_writer_t *self, const void *data, size_t size);
/*  Checks the hash and stores durably; AUT_ERR_CORRUPT deletes what was received. */
int aut_blob_writer_commit (aut_blob_writer_t *self);
/*  Ends the writer. Without a commit the partial file is kept for a later resume. */
void aut_blob_writer_destroy (aut_blob_writer_t **self_p);

#endif
