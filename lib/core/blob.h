/*  The blob store: immutable files named by the SHA-256 of their content, DIR/ab/cdef….
 *
 *  A put is temp file → fsync → rename → fsync directory, so a name that exists is whole. Reads
 *  are verified: a blob whose bytes do not match is moved aside (DIR/corrupt/) and reported as
 *  AUT_ERR_CORRUPT, never returned. Interrupted uploads stay in DIR/partial/ and can be resumed.
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

/*  A resumable write of a blob whose hash and size are known beforehand. */
int aut_blob_writer_open (aut_blob_writer_t **out, aut_blobs_t *blobs, const aut_hash_t *hash,
                          uint64_t size);
/*  How many bytes are there already: the offset to go on from. */
uint64_t aut_blob_writer_offset (const aut_blob_writer_t *self);
/*  Appends; AUT_ERR_INVALID past the announced size. */
int aut_blob_writer_write (aut_blob_writer_t *self, const void *data, size_t size);
/*  Checks the hash and stores durably; AUT_ERR_CORRUPT deletes what was received. */
int aut_blob_writer_commit (aut_blob_writer_t *self);
/*  Ends the writer. Without a commit the partial file is kept for a later resume. */
void aut_blob_writer_destroy (aut_blob_writer_t **self_p);

#endif
