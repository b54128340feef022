/*  The table of partial files. Owners have sums of their own; what to remove is looked for by a
 * walk over the table, which happens only at a bound or at a calm sweep.
 */
#include "lib/core/blob_partials.h"

#include "lib/core/error.h"
#include "lib/core/file.h"
#include "lib/core/log.h"
#include "lib/core/mem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <uthash.h>

#define AGE_S (7 * 24 * 3600)
#define COUNT 4096
#define OWNER_COUNT 256
#define BYTES (UINT64_C (512) << 30)
#define OWNER_BYTES (UINT64_C (128) << 30)

typedef struct {
    char name[AUT_OWNER_SIZE];
    uint32_t count;
    uint64_t bytes;
    UT_hash_handle hh;
} owner_t;

struct aut_partial {
    char name[AUT_PARTIAL_NAME]; /* "" of a file that cannot be resumed: not in the map */
    owner_t *owner;
    uint64_t bytes;
    int64_t used_s; /* last written, by the wall clock as in the file's time */
    bool writing;
    UT_hash_handle hh;
};

struct aut_partials {
    pthread_mutex_t lock;
    char *dir;
    aut_partial_bounds_t bounds;
    aut_partial_t *entries;
    owner_t *owners;
    uint32_t count;
    uint64_t bytes;
};

char *aut_partial_name (char name[AUT_PARTIAL_NAME], const aut_hash_t *hash, uint64_t size,
                        const char *owner)
{
    char hex[AUT_HASH_HEX];
    snprintf (name, AUT_PARTIAL_NAME, "%s.%llu%s%.16s", aut_hash_hex (hash, hex),
              (unsigned long long)size, owner[0] ? "." : "", owner);
    return name;
}

static owner_t *owner_of (aut_partials_t *self, const char *name)
{
    owner_t *owner;
    HASH_FIND_STR (self->owners, name, owner);
    if (!owner) {
        owner = aut_calloc (1, sizeof *owner);
        snprintf (owner->name, sizeof owner->name, "%s", name);
        HASH_ADD_STR (self->owners, name, owner);
    }
    return owner;
}

static void forget_idle_owner (aut_partials_t *self, owner_t *owner)
{
    if (owner->count)
        return;
    HASH_DEL (self->owners, owner);
    free (owner);
}

static aut_partial_t *add (aut_partials_t *self, const char *name, const char *owner,
                           uint64_t bytes)
{
    aut_partial_t *entry = aut_calloc (1, sizeof *entry);
    snprintf (entry->name, sizeof entry->name, "%s", name ? name : "");
    entry->owner = owner_of (self, owner);
    entry->bytes = bytes;
    entry->owner->count++;
    entry->owner->bytes += bytes;
    self->count++;
    self->bytes += bytes;
    if (name)
        HASH_ADD_STR (self->entries, name, entry);
    return entry;
}

static void forget (aut_partials_t *self, aut_partial_t *entry)
{
    entry->owner->count--;
    entry->owner->bytes -= entry->bytes;
    self->count--;
    self->bytes -= entry->bytes;
    forget_idle_owner (self, entry->owner);
    if (entry->name[0])
        HASH_DEL (self->entries, entry);
    free (entry);
}

/*  One that was listed: its owner is what comes after the second dot. */
static void list_one (aut_partials_t *self, const char *name, const struct stat *st)
{
    const char *dot = strchr (name, '.');
    if (dot)
        dot = strchr (dot + 1, '.');
    aut_partial_t *entry =
        add (self, name, dot && strlen (dot + 1) < AUT_OWNER_SIZE ? dot + 1 : "", 0);
    entry->used_s = st->st_mtim.tv_sec;
    entry->bytes = (uint64_t)st->st_size;
    entry->owner->bytes += entry->bytes;
    self->bytes += entry->bytes;
}

int aut_partials_new (aut_partials_t **out, const char *dir)
{
    aut_partials_t *self = aut_calloc (1, sizeof *self);
    struct stat st;
    pthread_mutex_init (&self->lock, NULL);
    self->dir = aut_path_join (dir, "partial", NULL);
    aut_partials_bound (self, &(aut_partial_bounds_t){0});
    DIR *folder = opendir (self->dir);
    int rc = folder ? AUT_OK : aut_fail_errno ("cannot list %s", self->dir);
    const struct dirent *file;
    while (folder && (file = readdir (folder)) != NULL)
        if (strlen (file->d_name) < AUT_PARTIAL_NAME &&
            fstatat (dirfd (folder), file->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
            S_ISREG (st.st_mode))
            list_one (self, file->d_name, &st);
    if (folder)
        closedir (folder);
    if (rc)
        aut_partials_destroy (&self);
    *out = self;
    return rc;
}

void aut_partials_destroy (aut_partials_t **self_p)
{
    aut_partials_t *self = *self_p;
    aut_partial_t *entry, *next;
    if (!self)
        return;
    HASH_ITER (hh, self->entries, entry, next)
    forget (self, entry);
    pthread_mutex_destroy (&self->lock);
    free (self->dir);
    free (self);
    *self_p = NULL;
}

void aut_partials_bound (aut_partials_t *self, const aut_partial_bounds_t *bounds)
{
    pthread_mutex_lock (&self->lock);
    self->bounds = (aut_partial_bounds_t){
        .age_s = bounds->age_s ? bounds->age_s : AGE_S,
        .count = bounds->count ? bounds->count : COUNT,
        .owner_count = bounds->owner_count ? bounds->owner_count : OWNER_COUNT,
        .bytes = bounds->bytes ? bounds->bytes : BYTES,
        .owner_bytes = bounds->owner_bytes ? bounds->owner_bytes : OWNER_BYTES};
    pthread_mutex_unlock (&self->lock);
}

/* ---- removing -------------------------------------------------------------------------------- */

/*  The one that was left longest ago, of `owner` or (NULL) of anybody. */
static aut_partial_t *oldest (aut_partials_t *self, const owner_t *owner)
{
    aut_partial_t *found = NULL;
    for (aut_partial_t *entry = self->entries; entry; entry = entry->hh.next)
        if (!entry->writing && (!owner || entry->owner == owner) &&
            (!found || entry->used_s < found->used_s))
            found = entry;
    return found;
}

/*  Removes a file nobody writes. False if another process does, or it cannot be removed: then it
 *  counts as used now, so that the next one is tried. */
static bool remove_one (aut_partials_t *self, aut_partial_t *entry)
{
    char *path = aut_path_join (self->dir, entry->name, NULL);
    int fd = open (path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    bool gone = fd < 0 ? errno == ENOENT : flock (fd, LOCK_EX | LOCK_NB) == 0 && unlink (path) == 0;
    if (fd >= 0)
        close (fd);
    free (path);
    if (gone)
        forget (self, entry);
    else
        entry->used_s = time (NULL);
    return gone;
}

/*  Makes room for one more file (`files` 1) or more bytes of `owner`: false if there is none. */
static bool make_room (aut_partials_t *self, const owner_t *owner, uint32_t files, uint64_t bytes)
{
    const aut_partial_bounds_t *bounds = &self->bounds;
    for (uint32_t tries = self->count + 1; tries; tries--) {
        bool own = owner->count + files > bounds->owner_count ||
                   owner->bytes + bytes > bounds->owner_bytes;
        bool all = self->count + files > bounds->count || self->bytes + bytes > bounds->bytes;
        if (!own && !all)
            return true;
        aut_partial_t *entry = oldest (self, owner);
        if (!entry && !own)
            entry = oldest (self, NULL);
        if (!entry)
            return false;
        remove_one (self, entry);
    }
    return false;
}

bool aut_partials_sweep (aut_partials_t *self)
{
    pthread_mutex_lock (&self->lock);
    const aut_partial_bounds_t *bounds = &self->bounds;
    aut_partial_t *entry = oldest (self, NULL);
    bool removed = entry &&
                   (entry->used_s + bounds->age_s < time (NULL) || self->count > bounds->count ||
                    self->bytes > bounds->bytes) &&
                   remove_one (self, entry);
    pthread_mutex_unlock (&self->lock);
    return removed;
}

/* ---- writing --------------------------------------------------------------------------------- */

/*  A sum is held before room is made, so that its owner stays. */
int aut_partials_begin (aut_partials_t *self, aut_partial_t **out, const char *name,
                        const char *owner, uint64_t bytes)
{
    aut_partial_t *entry = NULL;
    int rc = AUT_OK;
    pthread_mutex_lock (&self->lock);
    if (name)
        HASH_FIND_STR (self->entries, name, entry);
    if (!entry) {
        entry = add (self, name, owner, 0);
        entry->writing = true;
        if (!make_room (self, entry->owner, 0, bytes)) {
            forget (self, entry);
            entry = NULL;
            rc = aut_fail (AUT_ERR_AGAIN, "too many unfinished transfers at once: try again later");
        }
    }
    if (entry) {
        entry->writing = true;
        entry->owner->bytes += bytes - entry->bytes;
        self->bytes += bytes - entry->bytes;
        entry->bytes = bytes;
    }
    pthread_mutex_unlock (&self->lock);
    *out = entry;
    return rc;
}

int aut_partials_resize (aut_partials_t *self, aut_partial_t *partial, uint64_t bytes)
{
    int rc = AUT_OK;
    pthread_mutex_lock (&self->lock);
    if (bytes > partial->bytes && !make_room (self, partial->owner, 0, bytes - partial->bytes))
        rc = aut_fail (AUT_ERR_NO_SPACE,
                       "%llu bytes of unfinished transfers are kept already: finish those first",
                       (unsigned long long)partial->owner->bytes);
    else {
        partial->owner->bytes += bytes - partial->bytes;
        self->bytes += bytes - partial->bytes;
        partial->bytes = bytes;
    }
    pthread_mutex_unlock (&self->lock);
    return rc;
}

void aut_partials_end (aut_partials_t *self, aut_partial_t **partial_p, bool kept)
{
    aut_partial_t *partial = *partial_p;
    if (!partial)
        return;
    pthread_mutex_lock (&self->lock);
    partial->writing = false;
    partial->used_s = time (NULL);
    if (!kept || !partial->name[0])
        forget (self, partial);
    pthread_mutex_unlock (&self->lock);
    *partial_p = NULL;
}

void aut_partials_stats (aut_partials_t *self, uint64_t *count, uint64_t *bytes)
{
    pthread_mutex_lock (&self->lock);
    *count = self->count;
    *bytes = self->bytes;
    pthread_mutex_unlock (&self->lock);
}
