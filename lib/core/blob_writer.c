/*  A resumable write: bytes are appended to DIR/partial/HASH and hashed as they come; a resume
 * reads back and hashes what is there. The partial file is locked by its writer. A second writer of
 * the same blob at the same time gets a temp file of its own, which cannot be resumed.
 */
#include "lib/core/blob_store.h"
#include "lib/core/error.h"
#include "lib/core/file.h"
#include "lib/core/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define READ_SIZE (256 * 1024)

struct aut_blob_writer {
    aut_blobs_t *blobs;
    aut_hash_t hash;
    uint64_t size, offset;
    aut_hasher_t *hasher;
    char *path; /* NULL: nothing can be written any more */
    int fd;
    bool resumable;
    bool stored;
};

/*  Ends the writing: the file is closed and forgotten, but not removed. */
static void let_go (aut_blob_writer_t *self)
{
    if (self->fd >= 0)
        close (self->fd);
    self->fd = -1;
    free (self->path);
    self->path = NULL;
}

/*  Locks the partial file; −1 if another writer has it. */
static int open_partial (const char *path)
{
    for (;;) {
        int fd = open (path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
        if (fd < 0)
            return -1;
        struct stat mine, named;
        if (flock (fd, LOCK_EX | LOCK_NB) < 0 || fstat (fd, &mine) < 0) {
            close (fd);
            return -1;
        }
        /* its last writer may have committed or removed it between our open and our lock */
        if (stat (path, &named) == 0 && named.st_ino == mine.st_ino && named.st_dev == mine.st_dev)
            return fd;
        close (fd);
    }
}

/*  Hashes what an earlier writer left; starts anew if that cannot be a part of this blob. */
static int resume (aut_blob_writer_t *self)
{
    int rc = AUT_OK;
    char *chunk = aut_calloc (1, READ_SIZE);
    for (;;) {
        ssize_t n = pread (self->fd, chunk, READ_SIZE, (off_t)self->offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno != EIO)
            rc = aut_fail_errno ("cannot read %s", self->path);
        if (n < 0 || (uint64_t)n > self->size - self->offset) {
            aut_hasher_final (self->hasher);
            self->offset = 0;
            break;
        }
        if (n == 0)
            break;
        aut_hasher_update (self->hasher, chunk, (size_t)n);
        self->offset += (uint64_t)n;
    }
    free (chunk);
    if (rc == AUT_OK && ftruncate (self->fd, (off_t)self->offset) < 0)
        rc = aut_fail_errno ("cannot write %s", self->path);
    if (rc == AUT_OK && lseek (self->fd, (off_t)self->offset, SEEK_SET) < 0)
        rc = aut_fail_errno ("cannot write %s", self->path);
    return rc;
}

int aut_blob_writer_open (aut_blob_writer_t **out, aut_blobs_t *blobs, const aut_hash_t *hash,
                          uint64_t size)
{
    *out = NULL;
    if (size > INT64_MAX)
        return aut_fail (AUT_ERR_INVALID, "a blob of %llu bytes is not possible",
                         (unsigned long long)size);
    aut_blob_writer_t *self = aut_calloc (1, sizeof (*self));
    self->blobs = blobs;
    self->hash = *hash;
    self->size = size;
    self->fd = -1;
    int rc = AUT_OK;
    if (aut_blobs_present (blobs, hash)) {
        self->offset = size;
        self->stored = true;
    } else {
        self->hasher = aut_hasher_new ();
        self->path = aut_blobs_partial_path (blobs, hash);
        self->fd = open_partial (self->path);
        self->resumable = self->fd >= 0;
        if (self->resumable) {
            rc = resume (self);
        } else {
            free (self->path);
            rc = aut_blobs_open_temp (blobs, &self->path, &self->fd);
        }
    }
    if (rc != AUT_OK)
        aut_blob_writer_destroy (&self);
    *out = self;
    return rc;
}

uint64_t aut_blob_writer_offset (const aut_blob_writer_t *self)
{
    return self->offset;
}

int aut_blob_writer_write (aut_blob_writer_t *self, const void *data, size_t size)
{
    if (size > self->size - self->offset)
        return aut_fail (AUT_ERR_INVALID, "more bytes than the %llu announced",
                         (unsigned long long)self->size);
    if (size == 0)
        return AUT_OK;
    if (!self->path)
        return aut_fail (AUT_ERR_STATE, "this write has failed before: open it again");
    if (aut_file_write_all (self->fd, data, size) < 0) {
        int rc = aut_fail_errno ("cannot write %s", self->path);
        /* back to what is hashed, so that writing can go on when there is space again */
        if (ftruncate (self->fd, (off_t)self->offset) < 0 ||
            lseek (self->fd, (off_t)self->offset, SEEK_SET) < 0)
            unlink (self->path);
        return rc;
    }
    aut_hasher_update (self->hasher, data, size);
    self->offset += size;
    return AUT_OK;
}

int aut_blob_writer_commit (aut_blob_writer_t *self)
{
    if (self->stored)
        return AUT_OK;
    if (!self->path)
        return aut_fail (AUT_ERR_STATE, "this write has failed before: open it again");
    if (self->offset != self->size)
        return aut_fail (AUT_ERR_STATE, "only %llu of %llu bytes have come",
                         (unsigned long long)self->offset, (unsigned long long)self->size);
    char hex[AUT_HASH_HEX];
    aut_hash_t got = aut_hasher_final (self->hasher);
    int rc;
    if (!aut_hash_equal (&got, &self->hash))
        rc = aut_fail (AUT_ERR_CORRUPT, "the bytes that came do not have the hash %s: send again",
                       aut_hash_hex (&self->hash, hex));
    else
        rc = aut_blobs_adopt (self->blobs, &self->hash, self->size, self->fd, self->path);
    if (rc != AUT_OK)
        unlink (self->path); /* after a failed fsync nobody knows what is on the disk */
    self->stored = rc == AUT_OK;
    let_go (self);
    return rc;
}

void aut_blob_writer_destroy (aut_blob_writer_t **self_p)
{
    if (!self_p || !*self_p)
        return;
    aut_blob_writer_t *self = *self_p;
    if (self->path && !self->resumable)
        unlink (self->path);
    let_go (self);
    aut_hasher_destroy (&self->hasher);
    free (self);
    *self_p = NULL;
}
