/*  See live.h. A ring and a table under one mutex; everything in them is small. */
#include "broker/live.h"

#include "lib/core/error.h"
#include "lib/core/file.h"
#include "lib/core/mem.h"
#include "proto/message.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <uthash.h>

#define OFFERED 256
#define KEPT 512
#define SIDE_MAX 2048 /* pixels */
#define PACE_MS 50
#define BURST_MS 1000

typedef struct {
    aut_hash_t hash;
    char *data; /* NULL: none */
    size_t size;
} picture_t;

typedef struct {
    uint64_t task;
    picture_t now, before;
    UT_hash_handle hh;
} chunk_t;

struct aut_live {
    pthread_mutex_t mutex;
    picture_t offered[OFFERED];
    size_t next;
    chunk_t *chunks; /* by task */
};

aut_live_t *aut_live_new (void)
{
    aut_live_t *self = aut_calloc (1, sizeof *self);
    pthread_mutex_init (&self->mutex, NULL);
    return self;
}

static void clear (picture_t *picture)
{
    free (picture->data);
    *picture = (picture_t){0};
}

static void drop (aut_live_t *self, chunk_t *chunk)
{
    HASH_DEL (self->chunks, chunk);
    clear (&chunk->now);
    clear (&chunk->before);
    free (chunk);
}

void aut_live_destroy (aut_live_t **self_p)
{
    aut_live_t *self = *self_p;
    chunk_t *chunk, *next;
    if (!self)
        return;
    *self_p = NULL;
    HASH_ITER (hh, self->chunks, chunk, next)
    drop (self, chunk);
    for (size_t i = 0; i < OFFERED; i++)
        clear (&self->offered[i]);
    pthread_mutex_destroy (&self->mutex);
    free (self);
}

/* ---- what nodes offer ------------------------------------------------------------------------ */

static uint32_t number_at (const uint8_t *bytes)
{
    uint32_t value;
    memcpy (&value, bytes, sizeof value);
    return ntohl (value);
}

/*  A PNG from its first byte to its last: whole chunks, the header first, the end last. What the
 *  pixels are is for those who decode it. */
static bool is_png (const uint8_t *data, size_t size)
{
    static const char front[] = "\x89PNG\r\n\x1a\n\0\0\0\rIHDR";
    size_t at = 8;
    if (size < 33 || memcmp (data, front, sizeof front - 1) != 0)
        return false;
    uint32_t width = number_at (data + 16), height = number_at (data + 20);
    if (!width || !height || width > SIDE_MAX || height > SIDE_MAX)
        return false;
    while (size - at >= 12) {
        uint32_t length = number_at (data + at);
        if (length > size - at - 12)
            return false;
        bool end = memcmp (data + at + 4, "IEND", 4) == 0;
        at += 12 + (size_t)length;
        if (end)
            return at == size;
    }
    return false;
}

int aut_live_offer (aut_live_t *self, aut_live_pace_t *pace, const void *data, size_t size,
                    int64_t now_ms, aut_hash_t *hash)
{
    *hash = (aut_hash_t){{0}};
    if (now_ms < pace->due_ms)
        return 0;
    if (pace->due_ms < now_ms - BURST_MS)
        pace->due_ms = now_ms - BURST_MS;
    pace->due_ms += PACE_MS;
    if (size > AUT_PREVIEW_MAX || !is_png (data, size))
        return aut_fail (AUT_ERR_INVALID, "the preview of a running chunk is no PNG of at most "
                                          "2048×2048 pixels and 60 KiB");
    *hash = aut_hash_of (data, size);
    char *copy = aut_realloc (NULL, size, 1);
    memcpy (copy, data, size);
    pthread_mutex_lock (&self->mutex);
    picture_t *picture = &self->offered[self->next++ % OFFERED];
    clear (picture);
    *picture = (picture_t){*hash, copy, size};
    pthread_mutex_unlock (&self->mutex);
    return 0;
}

/* ---- what is kept ---------------------------------------------------------------------------- */

static chunk_t *find (aut_live_t *self, uint64_t task)
{
    chunk_t *chunk;
    HASH_FIND (hh, self->chunks, &task, sizeof task, chunk);
    return chunk;
}

static bool is (const picture_t *picture, const aut_hash_t *hash)
{
    return picture->data && aut_hash_equal (&picture->hash, hash);
}

static const picture_t *find_in (const chunk_t *chunk, const aut_hash_t *hash)
{
    if (chunk && is (&chunk->now, hash))
        return &chunk->now;
    return chunk && is (&chunk->before, hash) ? &chunk->before : NULL;
}

static bool keep (aut_live_t *self, uint64_t task, picture_t *picture)
{
    chunk_t *chunk = find (self, task);
    if (!chunk) {
        if (HASH_COUNT (self->chunks) >= KEPT)
            return false;
        chunk = aut_calloc (1, sizeof *chunk);
        chunk->task = task;
        HASH_ADD (hh, self->chunks, task, sizeof chunk->task, chunk);
    }
    if (is (&chunk->now, &picture->hash))
        return true; /* a picture that stands still: the one before stays, too */
    clear (&chunk->before);
    chunk->before = chunk->now;
    chunk->now = *picture;
    *picture = (picture_t){0};
    return true;
}

bool aut_live_keep (aut_live_t *self, uint64_t task, const aut_hash_t *hash)
{
    bool kept = false, found = false;
    pthread_mutex_lock (&self->mutex);
    for (size_t i = 0; i < OFFERED && !found; i++) {
        found = is (&self->offered[i], hash);
        kept = found && keep (self, task, &self->offered[i]);
    }
    pthread_mutex_unlock (&self->mutex);
    return kept;
}

bool aut_live_has (aut_live_t *self, uint64_t task, const aut_hash_t *hash)
{
    pthread_mutex_lock (&self->mutex);
    const chunk_t *chunk = find (self, task);
    bool has = chunk && is (&chunk->now, hash);
    pthread_mutex_unlock (&self->mutex);
    return has;
}

/*  A copy; the mutex is held. */
static int copy (const picture_t *picture, char **data, size_t *size)
{
    if (!picture)
        return aut_fail (AUT_ERR_NOT_FOUND, "there is no such preview any more");
    *data = aut_realloc (NULL, picture->size, 1);
    memcpy (*data, picture->data, picture->size);
    *size = picture->size;
    return 0;
}

int aut_live_read (aut_live_t *self, uint64_t task, const aut_hash_t *hash, char **data,
                   size_t *size)
{
    pthread_mutex_lock (&self->mutex);
    int rc = copy (find_in (find (self, task), hash), data, size);
    pthread_mutex_unlock (&self->mutex);
    return rc;
}

static int read_any (aut_live_t *self, const aut_hash_t *hash, char **data, size_t *size)
{
    const picture_t *picture = NULL;
    pthread_mutex_lock (&self->mutex);
    for (const chunk_t *chunk = self->chunks; chunk && !picture; chunk = chunk->hh.next)
        picture = find_in (chunk, hash);
    int rc = copy (picture, data, size);
    pthread_mutex_unlock (&self->mutex);
    return rc;
}

int aut_live_open (aut_live_t *self, const aut_hash_t *hash, int *fd, uint64_t *size)
{
    char *data = NULL;
    size_t bytes = 0;
    int rc = read_any (self, hash, &data, &bytes);
    if (rc)
        return rc;
    *size = bytes;
    *fd = memfd_create ("preview", MFD_CLOEXEC);
    if (*fd < 0)
        rc = aut_fail_errno ("cannot make a file of a preview");
    else if (aut_file_write_all (*fd, data, bytes)) {
        rc = aut_fail_errno ("cannot make a file of a preview");
        close (*fd);
        *fd = -1;
    }
    free (data);
    return rc;
}

void aut_live_sweep (aut_live_t *self,
                     bool (*runs) (void *ctx, uint64_t task, const aut_hash_t *hash), void *ctx)
{
    chunk_t *chunk, *next;
    pthread_mutex_lock (&self->mutex);
    HASH_ITER (hh, self->chunks, chunk, next)
    if (!runs (ctx, chunk->task, &chunk->now.hash))
        drop (self, chunk);
    pthread_mutex_unlock (&self->mutex);
}

size_t aut_live_count (aut_live_t *self)
{
    pthread_mutex_lock (&self->mutex);
    size_t count = HASH_COUNT (self->chunks);
    pthread_mutex_unlock (&self->mutex);
    return count;
}
