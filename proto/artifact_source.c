/*  The ends of a transfer: memory, a file, or a blob. */
#include "proto/artifact_source.h"

#include "lib/core/error.h"
#include "lib/core/file.h"
#include "lib/core/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int aut_source_read (const aut_source_t *self, uint64_t offset, void *buffer, size_t size)
{
    if (self->data) {
        memcpy (buffer, self->data + offset, size);
        return 0;
    }
    for (size_t at = 0; at < size;) {
        ssize_t n = pread (self->fd, (char *)buffer + at, size - at, (off_t)(offset + at));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return aut_fail_errno ("cannot read what is to be uploaded");
        if (n == 0)
            return aut_fail (AUT_ERR_CORRUPT, "the file became shorter during its upload");
        at += (size_t)n;
    }
    return 0;
}

/*  The folder of `path`, which the caller frees. */
static char *folder_of (const char *path)
{
    const char *slash = strrchr (path, '/');
    if (!slash)
        return aut_strdup (".");
    return slash == path ? aut_strdup ("/") : aut_strndup (path, (size_t)(slash - path));
}

static int open_temp (aut_sink_t *self)
{
    self->temp = aut_sprintf ("%s.XXXXXX", self->path);
    self->fd = mkostemp (self->temp, O_CLOEXEC);
    if (self->fd >= 0) {
        if (fchmod (self->fd, 0644) == 0)
            return 0;
        close (self->fd);
        unlink (self->temp);
    }
    int rc = aut_fail_errno ("cannot write beside %s", self->path);
    free (self->temp);
    self->temp = NULL;
    return rc;
}

int aut_sink_open (aut_sink_t *self, uint64_t size)
{
    int rc = 0;
    self->size = size;
    self->offset = 0;
    switch (self->kind) {
    case AUT_SINK_BLOB:
        rc = aut_blob_writer_open (&self->writer, self->blobs, &self->hash, size);
        if (rc == 0)
            self->offset = aut_blob_writer_offset (self->writer);
        break;
    case AUT_SINK_FILE:
        rc = open_temp (self);
        break;
    case AUT_SINK_BYTES:
        if (size > self->max)
            rc = aut_fail (AUT_ERR_TOO_LARGE, "a blob of %llu bytes, at most %llu are wanted",
                           (unsigned long long)size, (unsigned long long)self->max);
        break;
    }
    if (rc == 0 && self->kind != AUT_SINK_BLOB && !self->hasher)
        self->hasher = aut_hasher_new ();
    self->open = rc == 0;
    return rc;
}

static int write_file (aut_sink_t *self, const char *data, size_t size)
{
    return aut_file_write_all (self->fd, data, size)
               ? aut_fail_errno ("cannot write %s", self->temp)
               : 0;
}

int aut_sink_write (aut_sink_t *self, const void *data, size_t size)
{
    int rc = 0;
    if (size > self->size - self->offset)
        return aut_fail (AUT_ERR_CORRUPT, "more bytes came than the blob has");
    if (self->kind == AUT_SINK_BLOB)
        rc = aut_blob_writer_write (self->writer, data, size);
    else if (self->kind == AUT_SINK_FILE)
        rc = write_file (self, data, size);
    else
        aut_buffer_append (&self->bytes, data, size);
    if (rc)
        return rc;
    if (self->hasher)
        aut_hasher_update (self->hasher, data, size);
    self->offset += size;
    return 0;
}

static int commit_file (aut_sink_t *self)
{
    if (fsync (self->fd) < 0 || rename (self->temp, self->path) < 0)
        return aut_fail_errno ("cannot write %s", self->path);
    free (self->temp);
    self->temp = NULL;
    char *folder = folder_of (self->path);
    int rc = aut_dir_sync (folder);
    free (folder);
    return rc;
}

/*  Lets go of everything but a buffer's content. */
static void close_all (aut_sink_t *self)
{
    if (!self->open)
        return;
    aut_blob_writer_destroy (&self->writer);
    if (self->kind == AUT_SINK_FILE)
        close (self->fd);
    if (self->temp)
        unlink (self->temp);
    free (self->temp);
    self->temp = NULL;
    aut_hasher_destroy (&self->hasher);
    self->open = false;
    self->offset = 0;
}

int aut_sink_commit (aut_sink_t *self)
{
    int rc = 0;
    if (self->kind == AUT_SINK_BLOB)
        rc = aut_blob_writer_commit (self->writer);
    else {
        aut_hash_t got = aut_hasher_final (self->hasher);
        if (!aut_hash_equal (&got, &self->hash))
            rc = aut_fail (AUT_ERR_CORRUPT, "the bytes that came do not have their hash");
        else if (self->kind == AUT_SINK_FILE)
            rc = commit_file (self);
    }
    if (rc)
        aut_buffer_clear (&self->bytes);
    close_all (self);
    return rc;
}

void aut_sink_clear (aut_sink_t *self)
{
    close_all (self);
    aut_buffer_clear (&self->bytes);
}
