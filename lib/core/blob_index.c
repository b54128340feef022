/*  Entries that are there and not pinned stand in a list in order of use, so that the one to evict
 *  is found without a scan; pinned ones stand outside it.
 */
#include "lib/core/blob_index.h"

#include "lib/core/mem.h"

#include <pthread.h>
#include <stdlib.h>
#include <uthash.h>
#include <utlist.h>

typedef struct entry {
    aut_hash_t hash;
    uint64_t size;
    uint32_t pins;
    bool present;
    bool listed;
    struct entry *prev, *next;
    UT_hash_handle hh;
} entry_t;

struct aut_blob_index {
    pthread_mutex_t lock;
    entry_t *entries; /* hash map */
    entry_t *by_use;  /* list, least recently used first */
    uint64_t count, bytes;
};

aut_blob_index_t *aut_blob_index_new (void)
{
    aut_blob_index_t *self = aut_calloc (1, sizeof (*self));
    pthread_mutex_init (&self->lock, NULL);
    return self;
}

void aut_blob_index_destroy (aut_blob_index_t **self_p)
{
    if (!self_p || !*self_p)
        return;
    aut_blob_index_t *self = *self_p;
    entry_t *entry, *next;
    HASH_ITER (hh, self->entries, entry, next)
    {
        HASH_DEL (self->entries, entry);
        free (entry);
    }
    pthread_mutex_destroy (&self->lock);
    free (self);
    *self_p = NULL;
}

static entry_t *find (aut_blob_index_t *self, const aut_hash_t *hash)
{
    entry_t *entry;
    HASH_FIND (hh, self->entries, hash, sizeof (*hash), entry);
    return entry;
}

static entry_t *find_or_add (aut_blob_index_t *self, const aut_hash_t *hash)
{
    entry_t *entry = find (self, hash);
    if (!entry) {
        entry = aut_calloc (1, sizeof (*entry));
        entry->hash = *hash;
        HASH_ADD (hh, self->entries, hash, sizeof (entry->hash), entry);
    }
    return entry;
}

static void unlist (aut_blob_index_t *self, entry_t *entry)
{
    if (entry->listed)
        DL_DELETE (self->by_use, entry);
    entry->listed = false;
}

/*  Puts the entry at the end of the list if it may be evicted. */
static void enlist (aut_blob_index_t *self, entry_t *entry)
{
    unlist (self, entry);
    if (entry->present && entry->pins == 0) {
        DL_APPEND (self->by_use, entry);
        entry->listed = true;
    }
}

static void set_absent (aut_blob_index_t *self, entry_t *entry)
{
    unlist (self, entry);
    if (entry->present) {
        self->count--;
        self->bytes -= entry->size;
    }
    entry->present = false;
    if (entry->pins == 0) {
        HASH_DEL (self->entries, entry);
        free (entry);
    }
}

void aut_blob_index_used (aut_blob_index_t *self, const aut_hash_t *hash, uint64_t size)
{
    pthread_mutex_lock (&self->lock);
    entry_t *entry = find_or_add (self, hash);
    if (entry->present)
        self->bytes -= entry->size;
    else
        self->count++;
    entry->present = true;
    entry->size = size;
    self->bytes += size;
    enlist (self, entry);
    pthread_mutex_unlock (&self->lock);
}

void aut_blob_index_gone (aut_blob_index_t *self, const aut_hash_t *hash)
{
    pthread_mutex_lock (&self->lock);
    entry_t *entry = find (self, hash);
    if (entry)
        set_absent (self, entry);
    pthread_mutex_unlock (&self->lock);
}

void aut_blob_index_pin (aut_blob_index_t *self, const aut_hash_t *hash)
{
    pthread_mutex_lock (&self->lock);
    entry_t *entry = find_or_add (self, hash);
    entry->pins++;
    unlist (self, entry);
    pthread_mutex_unlock (&self->lock);
}

void aut_blob_index_unpin (aut_blob_index_t *self, const aut_hash_t *hash)
{
    pthread_mutex_lock (&self->lock);
    entry_t *entry = find (self, hash);
    if (entry && entry->pins > 0 && --entry->pins == 0) {
        if (entry->present)
            enlist (self, entry);
        else
            set_absent (self, entry);
    }
    pthread_mutex_unlock (&self->lock);
}

bool aut_blob_index_evict (aut_blob_index_t *self, uint64_t capacity, const aut_hash_t *keep,
                           aut_blob_index_remove_fn remove_file, void *ctx)
{
    pthread_mutex_lock (&self->lock);
    entry_t *oldest = self->bytes > capacity ? self->by_use : NULL;
    if (oldest && keep && aut_hash_equal (&oldest->hash, keep))
        oldest = oldest->next;
    if (oldest) {
        remove_file (ctx, &oldest->hash);
        set_absent (self, oldest);
    }
    pthread_mutex_unlock (&self->lock);
    return oldest != NULL;
}

void aut_blob_index_stats (aut_blob_index_t *self, uint64_t *count, uint64_t *bytes)
{
    pthread_mutex_lock (&self->lock);
    if (count)
        *count = self->count;
    if (bytes)
        *bytes = self->bytes;
    pthread_mutex_unlock (&self->lock);
}
