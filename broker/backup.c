/*  A consistent copy of a state directory, also of one that is in use: first the database, by
 *  SQLite's own backup in one step (a reader of the log, which keeps no writer waiting), then the
 *  artifacts. A broker never deletes an artifact, so whatever the copy of the database names is
 *  there when the artifacts are copied.
 *
 *  What is being made is DIR.partial; a lock on it keeps a second one away. Artifacts come there by
 *  temp file and rename, so one that is there is whole and need not come again; the database is
 *  made anew by every run.
 */
#include "broker/broker.h"

#include "broker/store/store.h"
#include "lib/core/error.h"
#include "lib/core/file.h"
#include "lib/core/hash.h"
#include "lib/core/log.h"
#include "lib/core/mem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define SHARDS 256
#define NAME (2 * sizeof (aut_hash_t) - 2) /* of a blob in its shard, in hex */

typedef struct {
    char *from, *to, *previous; /* folders of blobs; `previous` may be NULL */
    void (*progress) (void *ctx, const aut_broker_copied_t *copied);
    void *ctx;
    aut_broker_copied_t *done;
} backup_t;

/*  AUT_ERR_EXISTS if `to` is there with something in it. */
static int check_target (const char *to)
{
    DIR *dir = opendir (to);
    const struct dirent *entry;
    bool any = false;
    if (!dir)
        return errno == ENOENT ? 0 : aut_fail_errno ("--backup %s", to);
    while (!any && (entry = readdir (dir)))
        any = strcmp (entry->d_name, ".") != 0 && strcmp (entry->d_name, "..") != 0;
    closedir (dir);
    return any ? aut_fail (AUT_ERR_EXISTS, "--backup %s is not empty", to) : 0;
}

/* ---- artifacts ------------------------------------------------------------------------------- */

static bool is_whole (const char *path, const aut_hash_t *hash, uint64_t *size)
{
    aut_hash_t found;
    return aut_hash_file (&found, size, path) == 0 && aut_hash_equal (&found, hash);
}

/*  One blob; a damaged one is told and left out, as no copy can mend it. */
static int copy_blob (const backup_t *self, const char *from, const char *to, const char *previous,
                      const aut_hash_t *hash)
{
    uint64_t size = 0;
    aut_broker_copied_t *done = self->done;
    if (aut_file_exists (to) && is_whole (to, hash, &size)) {
        done->kept++;
    } else if (previous && is_whole (previous, hash, &size) &&
               (unlink (to) == 0 || errno == ENOENT) && link (previous, to) == 0) {
        done->linked++;
    } else {
        int rc = aut_file_copy (from, to);
        if (rc)
            return rc;
        if (!is_whole (to, hash, &size)) {
            aut_log (AUT_LOG_WARN, "broker", "backup: %s is damaged and was left out", from);
            done->damaged++;
            return unlink (to) ? aut_fail_errno ("cannot remove %s", to) : 0;
        }
        done->copied++;
    }
    done->bytes += size;
    return 0;
}

/*  The hash of blob `name` in `shard`; false for what is no blob's name (a temp file). */
static bool blob_hash (aut_hash_t *hash, unsigned shard, const char *name)
{
    char hex[2 * sizeof (aut_hash_t) + 1];
    if (strlen (name) != NAME)
        return false;
    snprintf (hex, sizeof hex, "%02x%s", shard & 0xff, name);
    return aut_hash_parse (hash, hex) == 0;
}

/*  Calls `each` for the blobs of a shard, a folder of that is not there has none. */
static int walk_shard (const backup_t *self, unsigned shard,
                       int (*each) (const backup_t *, const char *, const char *,
                                    const aut_hash_t *))
{
    char name[3];
    snprintf (name, sizeof name, "%02x", shard & 0xff);
    char *folder = aut_path_join (self->from, name, NULL);
    DIR *dir = opendir (folder);
    int rc = dir || errno == ENOENT ? 0 : aut_fail_errno ("cannot read %s", folder);
    const struct dirent *entry;
    while (!rc && dir && (entry = readdir (dir))) {
        aut_hash_t hash;
        if (blob_hash (&hash, shard, entry->d_name))
            rc = each (self, name, entry->d_name, &hash);
    }
    if (dir)
        closedir (dir);
    free (folder);
    return rc;
}

static int count_one (const backup_t *self, const char *shard, const char *name,
                      const aut_hash_t *hash)
{
    (void)shard;
    (void)name;
    (void)hash;
    self->done->found++;
    return 0;
}

static int copy_one (const backup_t *self, const char *shard, const char *name,
                     const aut_hash_t *hash)
{
    char *from = aut_path_join (self->from, shard, name, NULL);
    char *to = aut_path_join (self->to, shard, name, NULL);
    char *previous = self->previous ? aut_path_join (self->previous, shard, name, NULL) : NULL;
    int rc = copy_blob (self, from, to, previous, hash);
    if (!rc && self->progress)
        self->progress (self->ctx, self->done);
    free (from);
    free (to);
    free (previous);
    return rc;
}

static int copy_blobs (const backup_t *self)
{
    int rc = aut_dir_make (self->to);
    for (unsigned shard = 0; !rc && shard < SHARDS; shard++)
        rc = walk_shard (self, shard, count_one);
    for (unsigned shard = 0; !rc && shard < SHARDS; shard++) {
        char name[3];
        snprintf (name, sizeof name, "%02x", shard & 0xff);
        char *folder = aut_path_join (self->to, name, NULL);
        rc = aut_dir_make (folder);
        if (!rc)
            rc = walk_shard (self, shard, copy_one);
        if (!rc)
            rc = aut_dir_sync (folder); /* for links */
        free (folder);
    }
    return rc ? rc : aut_dir_sync (self->to);
}

/* ---- the whole ------------------------------------------------------------------------------- */

static int copy_database (const char *state_dir, const char *to)
{
    static const char *const names[] = {"auteur.db", "auteur.db-journal", "auteur.db-wal",
                                        "auteur.db-shm"};
    int rc = 0;
    for (size_t i = 0; !rc && i < sizeof names / sizeof *names; i++) {
        char *path = aut_path_join (to, names[i], NULL);
        if (unlink (path) && errno != ENOENT)
            rc = aut_fail_errno ("cannot remove %s", path);
        free (path);
    }
    char *database = aut_path_join (to, "auteur.db", NULL);
    if (!rc)
        rc = aut_store_copy_sqlite (state_dir, database);
    free (database);
    return rc;
}

/*  Who has uploaded what, for the clients' quotas. */
static int copy_ledger (const char *state_dir, const char *to)
{
    char *from = aut_path_join (state_dir, "uploads", NULL);
    char *copy = aut_path_join (to, "uploads", NULL);
    int rc = aut_file_exists (from) ? aut_file_copy (from, copy) : 0;
    free (from);
    free (copy);
    return rc;
}

static int fill (const char *state_dir, const char *partial, backup_t *self)
{
    self->from = aut_path_join (state_dir, "blobs", NULL);
    self->to = aut_path_join (partial, "blobs", NULL);
    int rc = copy_database (state_dir, partial);
    if (!rc)
        rc = copy_ledger (state_dir, partial);
    if (!rc)
        rc = copy_blobs (self);
    if (!rc)
        rc = aut_dir_sync (partial);
    free (self->from);
    free (self->to);
    return rc;
}

/*  Makes DIR.partial, or goes on with the one that is there, and holds it by a lock. */
static int take_partial (const char *partial, int *lock)
{
    int rc = aut_dir_make_private (partial);
    if (rc)
        return rc;
    *lock = open (partial, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (*lock < 0)
        return aut_fail_errno ("cannot open %s", partial);
    if (flock (*lock, LOCK_EX | LOCK_NB))
        return aut_fail (AUT_ERR_EXISTS, "another backup is being made in %s", partial);
    return 0;
}

static int give_name (const char *partial, const char *to)
{
    /* An empty folder gives way, unless something is mounted there. */
    if (rename (partial, to))
        return errno == EBUSY
                   ? aut_fail (AUT_ERR_EXISTS,
                               "--backup %s is a mount point: name a new folder in it", to)
                   : aut_fail_errno ("cannot rename %s to %s", partial, to);
    char *above = aut_path_join (to, "..", NULL);
    int rc = aut_dir_sync (above);
    free (above);
    return rc;
}

/*  "DIR" of "DIR/": its neighbour is DIR.partial. */
static char *without_slashes (const char *path)
{
    size_t size = strlen (path);
    while (size > 1 && path[size - 1] == '/')
        size--;
    return aut_strndup (path, size);
}

static int find_previous (backup_t *self, const char *previous)
{
    if (!previous)
        return 0;
    self->previous = aut_path_join (previous, "blobs", NULL);
    return aut_file_exists (self->previous)
               ? 0
               : aut_fail (AUT_ERR_NOT_FOUND, "--previous %s is no backup: there is no %s",
                           previous, self->previous);
}

int aut_broker_backup (const char *state_dir, const char *to, const char *previous,
                       void (*progress) (void *ctx, const aut_broker_copied_t *copied), void *ctx,
                       aut_broker_copied_t *out)
{
    char *target = without_slashes (to), *partial = aut_sprintf ("%s.partial", target);
    char *database = aut_path_join (state_dir, "auteur.db", NULL);
    backup_t self = {.progress = progress, .ctx = ctx, .done = out};
    int lock = -1;
    *out = (aut_broker_copied_t){0};
    int rc = check_target (target);
    if (!rc && !aut_file_exists (database))
        rc = aut_fail (AUT_ERR_NOT_FOUND, "there is no database %s", database);
    if (!rc)
        rc = find_previous (&self, previous);
    if (!rc)
        rc = take_partial (partial, &lock);
    if (!rc)
        rc = fill (state_dir, partial, &self);
    if (!rc)
        rc = give_name (partial, target);
    if (lock >= 0)
        close (lock);
    free (self.previous);
    free (database);
    free (partial);
    free (target);
    return rc;
}
