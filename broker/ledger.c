/*  The ledger of uploads: a file of fixed records, a table of keys, a table of blobs for each. */
#include "broker/ledger.h"

#include "lib/core/buffer.h"
#include "lib/core/error.h"
#include "lib/core/file.h"
#include "lib/core/log.h"
#include "lib/core/mem.h"
#include "proto/artifact_server.h"
#include "proto/keys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uthash.h>

/*  Of a key: what announcements alone may cost in memory and in the file. */
#define BLOBS_MAX 1000000
#define PRUNE 256 /* entries looked at when a key has no room */

/*  As in the file. */
typedef struct {
    char key[AUT_KEY_TEXT - 1];
    uint8_t hash[32];
    uint64_t size; /* in this machine's order: the file does not travel */
} record_t;
_Static_assert(sizeof (record_t) == 80, "the file's format");

typedef struct {
    aut_hash_t hash;
    uint64_t size; /* the largest that was asked for: a lie costs the liar */
    UT_hash_handle hh;
} item_t;

typedef struct {
    char key[AUT_KEY_TEXT];
    uint64_t bytes;
    item_t *items;
    UT_hash_handle hh;
} account_t;

struct aut_ledger {
    aut_blobs_t *blobs;
    account_t *accounts;
    char *path;
    int fd;
};

static account_t *find (aut_ledger_t *self, const char *key)
{
    account_t *account = NULL;
    HASH_FIND_STR (self->accounts, key, account);
    return account;
}

/*  Counts a blob; false if it was counted already. */
static bool add (aut_ledger_t *self, const char *key, const aut_hash_t *hash, uint64_t size)
{
    account_t *account = find (self, key);
    item_t *item = NULL;
    if (!account) {
        account = aut_calloc (1, sizeof *account);
        memcpy (account->key, key, AUT_KEY_TEXT);
        HASH_ADD_STR (self->accounts, key, account);
    }
    HASH_FIND (hh, account->items, hash, sizeof *hash, item);
    if (item && item->size >= size)
        return false;
    if (!item) {
        item = aut_calloc (1, sizeof *item);
        item->hash = *hash;
        HASH_ADD (hh, account->items, hash, sizeof item->hash, item);
    }
    account->bytes += size - item->size;
    item->size = size;
    return true;
}

/*  Whether the disk holds it, or a part of it. */
static bool is_kept (const aut_ledger_t *self, const char *key, const aut_hash_t *hash,
                     uint64_t size)
{
    char owner[AUT_OWNER_SIZE];
    aut_artifact_owner (owner, key);
    return aut_blobs_has (self->blobs, hash, NULL) ||
           aut_blobs_has_partial (self->blobs, hash, size, owner);
}

/*  Reads the file and writes it anew without what is gone. */
static int load (aut_ledger_t *self)
{
    record_t record;
    aut_buffer_t kept = {0};
    ssize_t got;
    size_t lines = 0;
    int fd = open (self->path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        return 0;
    if (fd < 0)
        return aut_fail_errno ("cannot open %s", self->path);
    while ((got = read (fd, &record, sizeof record)) == (ssize_t)sizeof record) {
        char key[AUT_KEY_TEXT] = "";
        aut_hash_t hash;
        uint64_t size = record.size;
        lines++;
        memcpy (key, record.key, sizeof record.key);
        memcpy (hash.bytes, record.hash, sizeof hash.bytes);
        if (!aut_key_check (key) && is_kept (self, key, &hash, size)) {
            aut_blobs_has (self->blobs, &hash, &size); /* the size that it really has */
            if (add (self, key, &hash, size))
                aut_buffer_append (&kept, &record, sizeof record);
        }
    }
    close (fd);
    int rc = 0;
    if (got || kept.size != lines * sizeof record)
        rc = aut_file_write (self->path, kept.data ? kept.data : "", kept.size);
    aut_buffer_clear (&kept);
    return rc;
}

int aut_ledger_open (aut_ledger_t **out, const char *state_dir, aut_blobs_t *blobs)
{
    aut_ledger_t *self = aut_calloc (1, sizeof *self);
    self->blobs = blobs;
    self->path = aut_path_join (state_dir, "uploads", NULL);
    self->fd = -1;
    int rc = load (self);
    if (!rc) {
        self->fd = open (self->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        if (self->fd < 0)
            rc = aut_fail_errno ("cannot open %s", self->path);
    }
    if (rc)
        aut_ledger_close (&self);
    *out = self;
    return rc;
}

void aut_ledger_close (aut_ledger_t **self_p)
{
    aut_ledger_t *self = *self_p;
    account_t *account, *next_account;
    if (!self)
        return;
    HASH_ITER (hh, self->accounts, account, next_account)
    {
        item_t *item, *next;
        HASH_ITER (hh, account->items, item, next)
        {
            HASH_DEL (account->items, item);
            free (item);
        }
        HASH_DEL (self->accounts, account);
        free (account);
    }
    if (self->fd >= 0)
        close (self->fd);
    free (self->path);
    free (self);
    *self_p = NULL;
}

uint64_t aut_ledger_bytes (aut_ledger_t *self, const char *key)
{
    const account_t *account = find (self, key);
    return account ? account->bytes : 0;
}

/*  Forgets entries of what was given up meanwhile. Looks at a few only; the next ones are at the
 *  front then. */
static void prune (aut_ledger_t *self, const char *key)
{
    account_t *account = find (self, key);
    for (size_t looked = 0; account && account->items && looked < PRUNE; looked++) {
        item_t *item = account->items;
        HASH_DEL (account->items, item);
        if (is_kept (self, key, &item->hash, item->size)) {
            HASH_ADD (hh, account->items, hash, sizeof item->hash, item);
        } else {
            account->bytes -= item->size;
            free (item);
        }
    }
}

/*  What is counted for this blob already. */
static uint64_t counted (aut_ledger_t *self, const char *key, const aut_hash_t *hash)
{
    account_t *account = find (self, key);
    item_t *item = NULL;
    if (account)
        HASH_FIND (hh, account->items, hash, sizeof *hash, item);
    return item ? item->size : 0;
}

/*  A record that is there in part, on a full disk, would make garbage of all that follow it. */
static void note (aut_ledger_t *self, const record_t *record)
{
    struct stat st;
    bool known = fstat (self->fd, &st) == 0;
    if (aut_file_write_all (self->fd, record, sizeof *record) == 0)
        return;
    aut_log (AUT_LOG_WARN, "broker", "cannot note an upload in %s: %s", self->path,
             strerror (errno));
    if (known && ftruncate (self->fd, st.st_size))
        aut_log (AUT_LOG_WARN, "broker", "cannot cut %s: %s", self->path, strerror (errno));
}

int aut_ledger_take (aut_ledger_t *self, const char *key, const char *name, const aut_hash_t *hash,
                     uint64_t size, uint64_t max)
{
    record_t record = {.size = size};
    uint64_t known = counted (self, key, hash), bytes = aut_ledger_bytes (self, key) - known;
    if (size <= known || aut_blobs_has (self->blobs, hash, NULL))
        return 0;
    if (max && (size > max || bytes > max - size)) {
        prune (self, key);
        known = counted (self, key, hash);
        bytes = aut_ledger_bytes (self, key) - known;
    }
    if (max && (size > max || bytes > max - size))
        return aut_fail (AUT_ERR_NO_SPACE,
                         "%s has %llu bytes stored and may have %llu: these %llu are too many (the "
                         "bound is --max-bytes of auteur keys allow)",
                         name, (unsigned long long)bytes, (unsigned long long)max,
                         (unsigned long long)size);
    const account_t *account = find (self, key);
    if (!known && account && HASH_COUNT (account->items) >= BLOBS_MAX)
        return aut_fail (AUT_ERR_NO_SPACE,
                         "%s has begun to upload %d files, and more are not kept "
                         "account of",
                         name, BLOBS_MAX);
    add (self, key, hash, size);
    memcpy (record.key, key, sizeof record.key);
    memcpy (record.hash, hash->bytes, sizeof record.hash);
    note (self, &record);
    return 0;
}
