/*  The store's folder:
 *
 *      DIR/ab/cdef…     blobs; all 256 folders are made at open, so a put syncs only one folder
 *      DIR/tmp/         files being written by a put; orphans are removed at the next open
 *      DIR/partial/     uploads that can be resumed (blob_writer.c)
 *      DIR/corrupt/     what failed its check, for a person to look at
 *
 *  The order of last use survives a restart in the files' modification times. Nothing is locked
 *  during I/O: blobs never change, and a reader holds a descriptor that outlives an eviction.
 */
#include "lib/core/blob.h"

#include "lib/core/blob_store.h"
#include "lib/core/error.h"
#include "lib/core/file.h"
#include "lib/core/log.h"
#include "lib/core/mem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define READ_SIZE (256 * 1024)
#define ORPHAN_SECONDS 60               /* a temp file this old without a lock has no owner */
#define PARTIAL_SECONDS (7 * 24 * 3600) /* an upload not resumed for so long is given up */

/* ---- paths ---------------------------------------------------------------------------------- */

char *aut_blobs_path_of (const aut_blobs_t *self, const aut_hash_t *hash)
{
    char hex[AUT_HASH_HEX];
    aut_hash_hex (hash, hex);
    return aut_sprintf ("%s/%.2s/%s", self->dir, hex, hex + 2);
}

static int sync_folder_of (const aut_blobs_t *self, const aut_hash_t *hash)
{
    char *folder = aut_sprintf ("%s/%02x", self->dir, hash->bytes[0]);
    int rc = aut_dir_sync (folder);
    free (folder);
    return rc;
}

/* ---- open ----------------------------------------------------------------------------------- */

typedef struct {
    aut_hash_t hash;
    uint64_t size;
    struct timespec used;
} found_t;

typedef struct {
    found_t *items;
    size_t count, cap;
} found_list_t;

static int compare_found (const void *a, const void *b)
{
    const found_t *x = a, *y = b;
    if (x->used.tv_sec != y->used.tv_sec)
        return x->used.tv_sec < y->used.tv_sec ? -1 : 1;
    if (x->used.tv_nsec != y->used.tv_nsec)
        return x->used.tv_nsec < y->used.tv_nsec ? -1 : 1;
    return memcmp (&x->hash, &y->hash, sizeof (x->hash));
}

/*  Adds the blobs of DIR/xx to the list. */
static int scan_folder (const aut_blobs_t *self, unsigned byte, found_list_t *list)
{
    char *path = aut_sprintf ("%s/%02x", self->dir, byte);
    DIR *dir = opendir (path);
    int rc = dir ? AUT_OK : aut_fail_errno ("cannot list %s", path);
    const struct dirent *entry;
    while (dir && (entry = readdir (dir)) != NULL) {
        char hex[AUT_HASH_HEX];
        found_t found;
        struct stat st;
        if (strlen (entry->d_name) != AUT_HASH_HEX - 3)
            continue;
        snprintf (hex, sizeof (hex), "%02x%.62s", byte & 0xFF, entry->d_name);
        if (aut_hash_parse (&found.hash, hex) != AUT_OK ||
            fstatat (dirfd (dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
            !S_ISREG (st.st_mode))
            continue;
        found.size = (uint64_t)st.st_size;
        found.used = st.st_mtim;
        list->items = aut_grow (list->items, &list->cap, list->count + 1, sizeof (found_t));
        list->items[list->count++] = found;
    }
    if (dir)
        closedir (dir);
    free (path);
    return rc;
}

static int scan (aut_blobs_t *self)
{
    found_list_t list = {0};
    int rc = AUT_OK;
    for (unsigned byte = 0; byte < 256 && rc == AUT_OK; byte++)
        rc = scan_folder (self, byte, &list);
    if (list.count > 1)
        qsort (list.items, list.count, sizeof (found_t), compare_found);
    for (size_t i = 0; i < list.count; i++)
        aut_blob_index_used (self->index, &list.items[i].hash, list.items[i].size);
    free (list.items);
    return rc;
}

/*  Removes files of DIR/leaf that are older than `seconds` and that no process has locked. */
static void sweep (const aut_blobs_t *self, const char *leaf, time_t seconds)
{
    char *path = aut_path_join (self->dir, leaf, NULL);
    DIR *dir = opendir (path);
    const struct dirent *entry;
    while (dir && (entry = readdir (dir)) != NULL) {
        struct stat st;
        int fd =
            openat (dirfd (dir), entry->d_name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
        if (fd < 0)
            continue;
        if (fstat (fd, &st) == 0 && S_ISREG (st.st_mode) &&
            st.st_mtim.tv_sec + seconds < time (NULL) && flock (fd, LOCK_EX | LOCK_NB) == 0)
            unlinkat (dirfd (dir), entry->d_name, 0);
        close (fd);
    }
    if (dir)
        closedir (dir);
    free (path);
}

static int make_folders (const aut_blobs_t *self)
{
    static const char *const leaves[] = {"tmp", "partial", "corrupt"};
    int rc = aut_dir_make (self->dir);
    for (size_t i = 0; i < 3 + 256 && rc == AUT_OK; i++) {
        char *path = i < 3 ? aut_path_join (self->dir, leaves[i], NULL)
                           : aut_sprintf ("%s/%02x", self->dir, (unsigned)(i - 3));
        if (mkdir (path, 0755) < 0 && errno != EEXIST)
            rc = aut_fail_errno ("cannot make the folder %s", path);
        free (path);
    }
    return rc == AUT_OK ? aut_dir_sync (self->dir) : rc;
}

int aut_blobs_open (aut_blobs_t **out, const char *dir, uint64_t capacity)
{
    *out = NULL;
    aut_blobs_t *self = aut_calloc (1, sizeof (*self));
    self->dir = aut_strdup (dir);
    self->capacity = capacity;
    self->index = aut_blob_index_new ();
    self->aide = aut_hash_aide_new ();
    int rc = make_folders (self);
    if (rc == AUT_OK) {
        sweep (self, "tmp", ORPHAN_SECONDS);
        sweep (self, "partial", PARTIAL_SECONDS);
        rc = aut_partials_new (&self->partials, dir);
    }
    if (rc == AUT_OK)
        rc = scan (self);
    if (rc != AUT_OK) {
        aut_blobs_destroy (&self);
        return aut_fail_in (rc, "blob store");
    }
    *out = self;
    return AUT_OK;
}

void aut_blobs_destroy (aut_blobs_t **self_p)
{
    if (!self_p || !*self_p)
        return;
    aut_blobs_t *self = *self_p;
    aut_blob_index_destroy (&self->index);
    aut_partials_destroy (&self->partials);
    aut_hash_aide_destroy (&self->aide);
    free (self->dir);
    free (self);
    *self_p = NULL;
}

/* ---- write ---------------------------------------------------------------------------------- */

int aut_blobs_open_temp (aut_blobs_t *self, char **path, int *fd)
{
    static _Atomic unsigned counter;
    do {
        *path = aut_sprintf ("%s/tmp/%ld-%u", self->dir, (long)getpid (), counter++);
        *fd = open (*path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
        if (*fd >= 0)
            break;
        int rc = errno == EEXIST ? AUT_OK : aut_fail_errno ("cannot create %s", *path);
        free (*path);
        *path = NULL;
        if (rc != AUT_OK)
            return rc;
    } while (true);
    flock (*fd, LOCK_EX | LOCK_NB); /* nobody else knows the file yet */
    return AUT_OK;
}

static void remove_evicted (void *ctx, const aut_hash_t *hash)
{
    char *path = aut_blobs_path_of (ctx, hash);
    if (unlink (path) < 0 && errno != ENOENT)
        aut_log (AUT_LOG_WARN, "blobs", "cannot evict %s: %s", path, strerror (errno));
    free (path);
}

static void evict (aut_blobs_t *self, const aut_hash_t *keep)
{
    while (self->capacity > 0 &&
           aut_blob_index_evict (self->index, self->capacity, keep, remove_evicted, self))
        continue;
}

int aut_blobs_adopt (aut_blobs_t *self, const aut_hash_t *hash, uint64_t size, int fd,
                     const char *path)
{
    if (fsync (fd) < 0)
        return aut_fail_errno ("cannot write %s", path);
    char *final = aut_blobs_path_of (self, hash);
    int rc = AUT_OK;
    if (rename (path, final) < 0)
        rc = aut_fail_errno ("cannot rename %s to %s", path, final);
    free (final);
    if (rc == AUT_OK)
        rc = sync_folder_of (self, hash);
    if (rc == AUT_OK) {
        aut_blob_index_used (self->index, hash, size);
        evict (self, hash);
    }
    return rc;
}

int aut_blobs_put (aut_blobs_t *self, aut_hash_t *hash, const void *data, size_t size)
{
    *hash = aut_hash_of (data, size);
    if (aut_blobs_present (self, hash))
        return AUT_OK;
    char *path;
    int fd;
    int rc = aut_blobs_open_temp (self, &path, &fd);
    if (rc != AUT_OK)
        return rc;
    if (aut_file_write_all (fd, data, size) < 0)
        rc = aut_fail_errno ("cannot write %s", path);
    else
        rc = aut_blobs_adopt (self, hash, size, fd, path);
    if (rc != AUT_OK)
        unlink (path);
    close (fd);
    free (path);
    return rc;
}

/*  Copies what `from_fd` holds to `to_fd`, hashing what it copies. */
static int copy_hashed (int from_fd, const char *from, int to_fd, const char *to, aut_hash_t *hash,
                        uint64_t *size)
{
    int rc = AUT_OK;
    char *chunk = aut_calloc (1, READ_SIZE);
    aut_hasher_t *hasher = aut_hasher_new ();
    *size = 0;
    while (rc == AUT_OK) {
        ssize_t n = read (from_fd, chunk, READ_SIZE);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            rc = aut_fail_errno ("cannot read %s", from);
        if (n <= 0)
            break;
        aut_hasher_update (hasher, chunk, (size_t)n);
        *size += (uint64_t)n;
        if (aut_file_write_all (to_fd, chunk, (size_t)n) < 0)
            rc = aut_fail_errno ("cannot write %s", to);
    }
    *hash = aut_hasher_final (hasher);
    aut_hasher_destroy (&hasher);
    free (chunk);
    return rc;
}

int aut_blobs_put_file (aut_blobs_t *self, aut_hash_t *hash, uint64_t *size, const char *path)
{
    int from = open (path, O_RDONLY | O_CLOEXEC);
    if (from < 0)
        return aut_fail_errno ("cannot open %s", path);
    char *temp;
    int fd;
    int rc = aut_blobs_open_temp (self, &temp, &fd);
    if (rc != AUT_OK) {
        close (from);
        return rc;
    }
    uint64_t bytes = 0;
    bool renamed = false;
    rc = copy_hashed (from, path, fd, temp, hash, &bytes);
    if (rc == AUT_OK && !aut_blobs_present (self, hash)) {
        rc = aut_blobs_adopt (self, hash, bytes, fd, temp);
        renamed = rc == AUT_OK;
    }
    if (!renamed)
        unlink (temp);
    if (size)
        *size = bytes;
    close (fd);
    close (from);
    free (temp);
    return rc;
}

/* ---- read ----------------------------------------------------------------------------------- */

int aut_blobs_quarantine (aut_blobs_t *self, const aut_hash_t *hash)
{
    char hex[AUT_HASH_HEX];
    aut_hash_hex (hash, hex);
    char *path = aut_blobs_path_of (self, hash);
    char *aside = aut_sprintf ("%s/corrupt/%s", self->dir, hex);
    if (rename (path, aside) < 0)
        unlink (path);
    free (path);
    aut_blob_index_gone (self->index, hash);
    aut_log (AUT_LOG_WARN, "blobs", "blob %s does not match its hash: moved to %s", hex, aside);
    int rc = aut_fail (AUT_ERR_CORRUPT,
                       "blob %s on disk does not match its hash (moved to %s): the disk may be "
                       "failing",
                       hex, aside);
    free (aside);
    return rc;
}

/*  Whether the content of `fd` has this hash; AUT_ERR_CORRUPT (without a sentence) if not. Reads by
 *  position and leaves the descriptor at 0. */
static int verify (int fd, const aut_hash_t *hash, const char *path)
{
    char *chunk = aut_calloc (1, READ_SIZE);
    aut_hasher_t *hasher = aut_hasher_new ();
    int rc = AUT_OK;
    for (off_t at = 0; rc == AUT_OK;) {
        ssize_t n = pread (fd, chunk, READ_SIZE, at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EIO) /* a bad sector: as good as wrong bytes */
            rc = AUT_ERR_CORRUPT;
        else if (n < 0)
            rc = aut_fail_errno ("cannot read %s", path);
        if (n <= 0)
            break;
        aut_hasher_update (hasher, chunk, (size_t)n);
        at += n;
    }
    aut_hash_t got = aut_hasher_final (hasher);
    aut_hasher_destroy (&hasher);
    free (chunk);
    if (rc == AUT_OK && !aut_hash_equal (&got, hash))
        rc = AUT_ERR_CORRUPT;
    return rc;
}

static int open_checked (aut_blobs_t *self, const aut_hash_t *hash, const char *path, bool check,
                         int *out, uint64_t *size)
{
    char hex[AUT_HASH_HEX];
    struct stat st;
    int fd = open (path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        if (errno != ENOENT)
            return aut_fail_errno ("cannot open %s", path);
        aut_blob_index_gone (self->index, hash);
        return aut_fail (AUT_ERR_NOT_FOUND, "blob %s is not in %s", aut_hash_hex (hash, hex),
                         self->dir);
    }
    int rc = fstat (fd, &st) < 0 ? aut_fail_errno ("cannot read %s", path) : AUT_OK;
    if (rc == AUT_OK && check)
        rc = verify (fd, hash, path);
    if (rc != AUT_OK) {
        close (fd);
        return rc == AUT_ERR_CORRUPT ? aut_blobs_quarantine (self, hash) : rc;
    }
    if (self->capacity > 0)
        futimens (fd, NULL); /* the order of use, for the next open */
    aut_blob_index_used (self->index, hash, (uint64_t)st.st_size);
    *out = fd;
    if (size)
        *size = (uint64_t)st.st_size;
    return AUT_OK;
}

int aut_blobs_open_read (aut_blobs_t *self, const aut_hash_t *hash, int *fd, uint64_t *size)
{
    *fd = -1;
    char *path = aut_blobs_path_of (self, hash);
    int rc = open_checked (self, hash, path, true, fd, size);
    free (path);
    return rc;
}

int aut_blobs_open_raw (aut_blobs_t *self, const aut_hash_t *hash, int *fd, uint64_t *size)
{
    *fd = -1;
    char *path = aut_blobs_path_of (self, hash);
    int rc = open_checked (self, hash, path, false, fd, size);
    free (path);
    return rc;
}

bool aut_blobs_present (aut_blobs_t *self, const aut_hash_t *hash)
{
    int fd;
    if (!aut_blobs_has (self, hash, NULL) || aut_blobs_open_read (self, hash, &fd, NULL) != AUT_OK)
        return false;
    bool durable = aut_blobs_settle (self, hash, fd);
    close (fd);
    return durable;
}

bool aut_blobs_settle (const aut_blobs_t *self, const aut_hash_t *hash, int fd)
{
    return fsync (fd) == 0 && sync_folder_of (self, hash) == AUT_OK;
}

bool aut_blobs_has (aut_blobs_t *self, const aut_hash_t *hash, uint64_t *size)
{
    struct stat st;
    char *path = aut_blobs_path_of (self, hash);
    bool there = stat (path, &st) == 0 && S_ISREG (st.st_mode);
    free (path);
    if (there && size)
        *size = (uint64_t)st.st_size;
    return there;
}

int aut_blobs_read (aut_blobs_t *self, const aut_hash_t *hash, uint64_t max, char **data,
                    size_t *size)
{
    *data = NULL;
    *size = 0;
    uint64_t bytes = 0;
    if (aut_blobs_has (self, hash, &bytes) && bytes > max)
        return aut_fail (AUT_ERR_TOO_LARGE,
                         "a blob of %llu bytes is larger than the %llu allowed here",
                         (unsigned long long)bytes, (unsigned long long)max);
    char hex[AUT_HASH_HEX];
    char *path = aut_blobs_path_of (self, hash);
    int rc = aut_file_read (path, (size_t)max, data, size);
    if (rc == AUT_ERR_NOT_FOUND) {
        aut_blob_index_gone (self->index, hash);
        rc = aut_fail (rc, "blob %s is not in %s", aut_hash_hex (hash, hex), self->dir);
    } else if (rc == AUT_OK) {
        aut_hash_t got = aut_hash_of (*data, *size);
        if (!aut_hash_equal (&got, hash)) {
            free (*data);
            *data = NULL;
            *size = 0;
            rc = aut_blobs_quarantine (self, hash);
        } else {
            if (self->capacity > 0)
                utimensat (AT_FDCWD, path, NULL, 0);
            aut_blob_index_used (self->index, hash, *size);
        }
    }
    free (path);
    return rc;
}

int aut_blobs_path (aut_blobs_t *self, const aut_hash_t *hash, char **path)
{
    int fd;
    *path = NULL;
    int rc = aut_blobs_open_read (self, hash, &fd, NULL);
    if (rc != AUT_OK)
        return rc;
    close (fd);
    *path = aut_blobs_path_of (self, hash);
    return AUT_OK;
}

/* ---- the rest ------------------------------------------------------------------------------- */

int aut_blobs_remove (aut_blobs_t *self, const aut_hash_t *hash)
{
    int rc = AUT_OK;
    char *path = aut_blobs_path_of (self, hash);
    if (unlink (path) < 0)
        rc = aut_fail_errno ("cannot remove %s", path);
    if (rc == AUT_OK || rc == AUT_ERR_NOT_FOUND)
        aut_blob_index_gone (self->index, hash);
    free (path);
    return rc;
}

void aut_blobs_pin (aut_blobs_t *self, const aut_hash_t *hash)
{
    aut_blob_index_pin (self->index, hash);
}

void aut_blobs_unpin (aut_blobs_t *self, const aut_hash_t *hash)
{
    aut_blob_index_unpin (self->index, hash);
}

void aut_blobs_stats (aut_blobs_t *self, uint64_t *count, uint64_t *bytes)
{
    aut_blob_index_stats (self->index, count, bytes);
}

void aut_blobs_bound_partials (aut_blobs_t *self, const aut_partial_bounds_t *bounds)
{
    aut_partials_bound (self->partials, bounds);
}

bool aut_blobs_sweep_partials (aut_blobs_t *self)
{
    return aut_partials_sweep (self->partials);
}

void aut_blobs_partial_stats (aut_blobs_t *self, uint64_t *count, uint64_t *bytes)
{
    aut_partials_stats (self->partials, count, bytes);
}

bool aut_blobs_has_partial (aut_blobs_t *self, const aut_hash_t *hash, uint64_t size,
                            const char *owner)
{
    char name[AUT_PARTIAL_NAME];
    char *path =
        aut_path_join (self->dir, "partial", aut_partial_name (name, hash, size, owner), NULL);
    bool there = aut_file_exists (path);
    free (path);
    return there;
}
