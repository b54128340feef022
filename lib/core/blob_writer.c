/*  A resumable write: bytes are appended to DIR/partial/HASH.SIZE[.OWNER] and hashed as they come.
 *  The partial file is locked by its writer. A second writer of the same file at the same time gets
 *  a temp file of its own, which cannot be resumed.
 *
 *  Before the first byte is written what is there is read: a blob of that name is checked (then
 *  nothing has to come), else a partial file is hashed up to its end. Both can be as large as a
 * blob may be, so it goes in steps of the caller's choice.
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
#define PUSH (8 << 20)    /* so many bytes at a time are given to the disk */
#define BEHIND (32 << 20) /* and waited for when they are so far back */

typedef enum {
    STAGE_CHECK,  /* `found` is hashed, a blob that is there */
    STAGE_RESUME, /* `fd` is hashed, what was written before */
    STAGE_WRITE
} stage_t;

struct aut_blob_writer {
    aut_blobs_t *blobs;
    aut_hash_t hash;
    uint64_t size, offset;
    char owner[AUT_OWNER_SIZE];
    stage_t stage;
    int found;
    uint64_t found_size;
    aut_hasher_t *hasher, *before; /* `before`: without the bytes that are being written */
    uint64_t pushed;               /* what the disk was given */
    aut_partial_t *partial;
    char *path; /* NULL: nothing can be written any more */
    int fd;
    bool resumable;
    bool stored;
};

/*  Ends the writing: the file is closed and forgotten; not `kept`, its name has gone already. */
static void let_go (aut_blob_writer_t *self, bool kept)
{
    aut_partials_end (self->blobs->partials, &self->partial, kept);
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

/*  Opens the file to write to, and has it counted. */
static int open_target (aut_blob_writer_t *self)
{
    char name[AUT_PARTIAL_NAME];
    struct stat st = {0};
    aut_partial_name (name, &self->hash, self->size, self->owner);
    self->path = aut_path_join (self->blobs->dir, "partial", name, NULL);
    self->fd = open_partial (self->path);
    self->resumable = self->fd >= 0;
    self->stage = STAGE_RESUME;
    if (!self->resumable) {
        free (self->path);
        int rc = aut_blobs_open_temp (self->blobs, &self->path, &self->fd);
        if (rc != AUT_OK)
            return rc;
    } else if (fstat (self->fd, &st) < 0)
        return aut_fail_errno ("cannot read %s", self->path);
    int rc = aut_partials_begin (self->blobs->partials, &self->partial,
                                 self->resumable ? name : NULL, self->owner, (uint64_t)st.st_size);
    if (rc != AUT_OK && st.st_size == 0) {
        unlink (self->path);
        let_go (self, false);
    }
    return rc;
}

int aut_blob_writer_begin (aut_blob_writer_t **out, aut_blobs_t *blobs, const aut_hash_t *hash,
                           uint64_t size, const char *owner)
{
    *out = NULL;
    if (size > INT64_MAX)
        return aut_fail (AUT_ERR_INVALID, "a blob of %llu bytes is not possible",
                         (unsigned long long)size);
    size_t length = strspn (owner, "0123456789abcdef");
    if (owner[length] || length >= AUT_OWNER_SIZE)
        return aut_fail (AUT_ERR_INVALID, "the owner of a blob is at most 16 hex digits");
    aut_blob_writer_t *self = aut_calloc (1, sizeof (*self));
    self->blobs = blobs;
    self->hash = *hash;
    self->size = size;
    memcpy (self->owner, owner, length);
    self->fd = self->found = -1;
    self->hasher = aut_hasher_new ();
    int rc = AUT_OK;
    if (aut_blobs_open_raw (blobs, hash, &self->found, &self->found_size) == AUT_OK)
        self->stage = STAGE_CHECK;
    else
        rc = open_target (self);
    if (rc != AUT_OK)
        aut_blob_writer_destroy (&self);
    *out = self;
    return rc;
}

/* ---- what is there --------------------------------------------------------------------------- */

/*  Hashes the next bytes of `fd` at `self->offset`, at most `*budget` and at most what a blob of
 *  `size` bytes has left and one more. Returns their number, 0 at the end, −1 for a bad sector (as
 *  good as wrong bytes), −2 for an error. */
static ssize_t hash_some (aut_blob_writer_t *self, int fd, uint64_t size, char *chunk,
                          uint64_t *budget)
{
    uint64_t want = size - self->offset + 1;
    if (want > READ_SIZE)
        want = READ_SIZE;
    if (want > *budget)
        want = *budget;
    ssize_t n;
    do
        n = pread (fd, chunk, (size_t)want, (off_t)self->offset);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return errno == EIO ? -1 : -2;
    if ((uint64_t)n > size - self->offset)
        return -1;
    aut_hasher_update (self->hasher, chunk, (size_t)n);
    self->offset += (uint64_t)n;
    *budget -= (uint64_t)n;
    return n;
}

/*  The end of the check: what is there is the blob, or has been moved aside. */
static int check_done (aut_blob_writer_t *self, bool readable)
{
    aut_hash_t got = aut_hasher_final (self->hasher);
    bool right = readable && aut_hash_equal (&got, &self->hash);
    uint64_t size = self->offset;
    self->offset = 0;
    if (!right)
        aut_blobs_quarantine (self->blobs, &self->hash);
    else if (size != self->size)
        return aut_fail (AUT_ERR_INVALID, "this blob has %llu bytes, not %llu",
                         (unsigned long long)size, (unsigned long long)self->size);
    /* it may have been removed while it was read */
    if (right && aut_blobs_has (self->blobs, &self->hash, NULL) &&
        aut_blobs_settle (self->blobs, &self->hash, self->found)) {
        self->offset = self->size;
        self->stored = true;
        self->stage = STAGE_WRITE;
        return AUT_OK;
    }
    return open_target (self);
}

static int check_some (aut_blob_writer_t *self, char *chunk, uint64_t *budget)
{
    ssize_t n = hash_some (self, self->found, self->found_size, chunk, budget);
    if (n == -2)
        return aut_fail_errno ("cannot read a blob");
    return n > 0 ? AUT_OK : check_done (self, n == 0);
}

static int resume_some (aut_blob_writer_t *self, char *chunk, uint64_t *budget)
{
    ssize_t n = self->resumable ? hash_some (self, self->fd, self->size, chunk, budget) : 0;
    if (n > 0)
        return AUT_OK;
    if (n == -2)
        return aut_fail_errno ("cannot read %s", self->path);
    if (n == -1) { /* this can be no part of the blob */
        aut_hasher_final (self->hasher);
        self->offset = 0;
    }
    if (ftruncate (self->fd, (off_t)self->offset) < 0 ||
        lseek (self->fd, (off_t)self->offset, SEEK_SET) < 0)
        return aut_fail_errno ("cannot write %s", self->path);
    self->stage = STAGE_WRITE;
    self->pushed = self->offset;
    return aut_partials_resize (self->blobs->partials, self->partial, self->offset);
}

int aut_blob_writer_prepare (aut_blob_writer_t *self, uint64_t *budget)
{
    int rc = AUT_OK;
    char *chunk = NULL;
    while (rc == AUT_OK && self->stage != STAGE_WRITE && *budget) {
        if (!chunk)
            chunk = aut_realloc (NULL, READ_SIZE, 1);
        rc = self->stage == STAGE_CHECK ? check_some (self, chunk, budget)
                                        : resume_some (self, chunk, budget);
    }
    free (chunk);
    if (rc == AUT_OK && self->stage != STAGE_WRITE)
        return AUT_ERR_AGAIN;
    if (self->stage != STAGE_CHECK && self->found >= 0) {
        close (self->found);
        self->found = -1;
    }
    return rc;
}

int aut_blob_writer_open (aut_blob_writer_t **out, aut_blobs_t *blobs, const aut_hash_t *hash,
                          uint64_t size)
{
    uint64_t budget = UINT64_MAX;
    int rc = aut_blob_writer_begin (out, blobs, hash, size, "");
    if (rc == AUT_OK)
        rc = aut_blob_writer_prepare (*out, &budget);
    if (rc != AUT_OK)
        aut_blob_writer_destroy (out);
    return rc;
}

uint64_t aut_blob_writer_offset (const aut_blob_writer_t *self)
{
    return self->offset;
}

/* ---- writing --------------------------------------------------------------------------------- */

/*  Back to what is hashed, so that writing can go on when there is space again. */
static void take_back (aut_blob_writer_t *self)
{
    if (ftruncate (self->fd, (off_t)self->offset) < 0 ||
        lseek (self->fd, (off_t)self->offset, SEEK_SET) < 0)
        unlink (self->path);
    aut_partials_resize (self->blobs->partials, self->partial, self->offset);
}

/*  Writes and hashes side by side; the hash is as before if the bytes could not be written. */
static int write_hashed (aut_blob_writer_t *self, const void *data, size_t size)
{
    aut_hash_aide_t *aide = self->blobs->aide;
    if (!self->before)
        self->before = aut_hasher_new ();
    aut_hasher_copy (self->before, self->hasher);
    bool beside = aut_hash_aide_begin (aide, self->hasher, data, size);
    int rc = aut_file_write_all (self->fd, data, size) < 0
                 ? aut_fail_errno ("cannot write %s", self->path)
                 : AUT_OK;
    if (beside)
        aut_hash_aide_end (aide);
    else if (rc == AUT_OK)
        aut_hasher_update (self->hasher, data, size);
    if (rc != AUT_OK)
        aut_hasher_copy (self->hasher, self->before);
    return rc;
}

/*  Has the disk take what was written. What fails here would be missing in the commit's fsync: the
 *  system tells of it once. File systems that cannot do this do without. */
static int push_out (aut_blob_writer_t *self)
{
    const unsigned all =
        SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER;
    int rc = 0;
    while (rc == 0 && self->offset - self->pushed >= PUSH) {
        rc = sync_file_range (self->fd, (off_t)self->pushed, PUSH, SYNC_FILE_RANGE_WRITE);
        self->pushed += PUSH;
        if (rc == 0 && self->pushed >= BEHIND + PUSH)
            rc = sync_file_range (self->fd, (off_t)(self->pushed - BEHIND - PUSH), PUSH, all);
    }
    if (rc == 0 || (errno != EIO && errno != ENOSPC && errno != EDQUOT))
        return AUT_OK;
    rc = aut_fail_errno ("cannot write %s", self->path);
    unlink (self->path); /* nobody knows what is on the disk */
    let_go (self, false);
    return rc;
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
    int rc = aut_partials_resize (self->blobs->partials, self->partial, self->offset + size);
    if (rc != AUT_OK)
        return rc;
    rc = write_hashed (self, data, size);
    if (rc != AUT_OK) {
        take_back (self);
        return rc;
    }
    self->offset += size;
    return push_out (self);
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
    let_go (self, false);
    return rc;
}

void aut_blob_writer_destroy (aut_blob_writer_t **self_p)
{
    if (!self_p || !*self_p)
        return;
    aut_blob_writer_t *self = *self_p;
    if (self->path && !self->resumable)
        unlink (self->path);
    let_go (self, self->resumable);
    if (self->found >= 0)
        close (self->found);
    aut_hasher_destroy (&self->hasher);
    aut_hasher_destroy (&self->before);
    free (self);
    *self_p = NULL;
}
