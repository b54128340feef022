/*  See transfer.h. One queue in, one queue out, a descriptor to poll; the artifact client belongs
 * to the thread and lives as long as the broker's address stays the same. */
#include "node/transfer.h"

#include "lib/core/error.h"
#include "lib/core/file.h"
#include "lib/core/log.h"
#include "lib/core/mem.h"
#include "lib/film/task.h"
#include "proto/artifact.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define PATIENCE_MS 30000

typedef struct {
    aut_work_t *first, *last;
} queue_t;

struct aut_transfer {
    pthread_t thread;
    pthread_mutex_t lock; /* of what stands up to `endpoint` */
    pthread_cond_t wake;
    queue_t in, out;
    bool stop;
    char *endpoint;
    aut_curve_t curve;
    atomic_bool interrupt; /* the transfer under way is to end: stop, or the broker moved */
    int ready;             /* eventfd */
    aut_blobs_t *cache;
    /* the thread's own */
    aut_artifact_client_t *client;
    char *client_endpoint;
    aut_curve_t client_curve;
    aut_work_t *current;
};

static void push (queue_t *queue, aut_work_t *work)
{
    work->next = NULL;
    if (queue->last)
        queue->last->next = work;
    else
        queue->first = work;
    queue->last = work;
}

static aut_work_t *pop (queue_t *queue)
{
    aut_work_t *work = queue->first;
    if (work) {
        queue->first = work->next;
        if (!queue->first)
            queue->last = NULL;
        work->next = NULL;
    }
    return work;
}

static bool cancelled (void *ctx)
{
    aut_transfer_t *self = ctx;
    return atomic_load (&self->interrupt) || atomic_load (&self->current->cancelled);
}

static bool same_keys (const aut_curve_t *a, const aut_curve_t *b)
{
    return strcmp (a->server_key, b->server_key) == 0 &&
           strcmp (a->own.public_key, b->own.public_key) == 0;
}

/*  The client for the address as it is now. */
static int ensure_client (aut_transfer_t *self)
{
    pthread_mutex_lock (&self->lock);
    bool same = self->client_endpoint && strcmp (self->client_endpoint, self->endpoint) == 0 &&
                same_keys (&self->client_curve, &self->curve);
    if (!same) {
        free (self->client_endpoint);
        self->client_endpoint = aut_strdup (self->endpoint);
        self->client_curve = self->curve;
    }
    if (!self->stop)
        atomic_store (&self->interrupt, false);
    pthread_mutex_unlock (&self->lock);
    if (self->client && same)
        return 0;
    aut_artifact_client_destroy (&self->client);
    aut_artifact_options_t options = {.patience_ms = PATIENCE_MS,
                                      .cancelled = cancelled,
                                      .curve = &self->client_curve,
                                      .ctx = self};
    return aut_artifact_client_new (&self->client, self->client_endpoint, &options);
}

static int fetch_spec (aut_transfer_t *self, aut_work_t *work)
{
    if (work->spec)
        return 0;
    if (!aut_ref_present (&work->spec_ref))
        return aut_fail (AUT_ERR_INVALID, "the assignment has no spec");
    return aut_artifact_get_bytes (self->client, &work->spec_ref.hash, AUT_TASK_SPEC_MAX,
                                   &work->spec, &work->spec_size);
}

/*  Pinned first, so that it cannot be evicted between arriving and being used. A cached blob that
 *  turns out damaged was moved aside by the store and is fetched anew. */
static int fetch_input (aut_transfer_t *self, aut_work_input_t *input)
{
    if (!input->pinned) {
        aut_blobs_pin (self->cache, &input->ref.hash);
        input->pinned = true;
    }
    free (input->path);
    input->path = NULL;
    int rc = AUT_ERR_NOT_FOUND;
    for (int tries = 0; tries < 2 && rc != 0; tries++) {
        rc = aut_artifact_get_blob (self->client, self->cache, &input->ref.hash);
        if (rc < 0)
            return aut_fail_in (rc, "input %s", input->role);
        rc = aut_blobs_path (self->cache, &input->ref.hash, &input->path);
    }
    return rc;
}

static int fetch (aut_transfer_t *self, aut_work_t *work)
{
    int rc = aut_dir_remove (work->dir);
    if (rc == 0)
        rc = aut_dir_make (work->dir);
    if (rc == 0)
        rc = fetch_spec (self, work);
    for (size_t i = 0; i < work->input_count && rc == 0; i++)
        rc = fetch_input (self, &work->inputs[i]);
    return rc;
}

/*  A result goes into the cache too: the next chunk of the shot likely runs here. */
static int keep_file (aut_transfer_t *self, aut_work_file_t *file)
{
    if (file->pinned)
        return 0;
    int rc = aut_hash_file (&file->ref.hash, &file->ref.size, file->path);
    if (rc < 0)
        return rc;
    aut_blobs_pin (self->cache, &file->ref.hash);
    file->pinned = true;
    aut_hash_t hash;
    uint64_t size;
    file->cached = aut_blobs_put_file (self->cache, &hash, &size, file->path) == 0;
    if (!file->cached)
        aut_log (AUT_LOG_WARN, "node", "a result is not cached: %s", aut_error_detail ());
    else if (!aut_hash_equal (&hash, &file->ref.hash))
        return aut_fail (AUT_ERR_CORRUPT, "%s changed while it was read", file->path);
    return 0;
}

static int upload (aut_transfer_t *self, aut_work_t *work)
{
    int rc = 0;
    for (size_t i = 0; i < AUT_FILE_COUNT && rc == 0; i++) {
        aut_work_file_t *file = &work->files[i];
        if (!file->path)
            continue;
        rc = keep_file (self, file);
        if (rc == 0 && file->cached && aut_blobs_has (self->cache, &file->ref.hash, NULL))
            rc = aut_artifact_put_blob (self->client, &file->ref, self->cache, &file->ref.hash);
        else if (rc == 0)
            rc = aut_artifact_put_file (self->client, &file->ref, file->path);
    }
    return rc;
}

static void carry_out (aut_transfer_t *self, aut_work_t *work)
{
    bool up = work->done == AUT_SESSION_UPLOADED;
    self->current = work;
    int rc = ensure_client (self);
    if (rc == 0)
        rc = up ? upload (self, work) : fetch (self, work);
    self->current = NULL;
    free (work->text);
    work->text = NULL;
    work->code = rc;
    if (rc < 0) {
        work->done = up ? AUT_SESSION_UPLOAD_FAILED : AUT_SESSION_FETCH_FAILED;
        work->text = aut_strdup (aut_error_detail ());
    }
}

static void *run (void *arg)
{
    aut_transfer_t *self = arg;
    pthread_mutex_lock (&self->lock);
    while (!self->stop) {
        aut_work_t *work = pop (&self->in);
        if (!work) {
            pthread_cond_wait (&self->wake, &self->lock);
            continue;
        }
        pthread_mutex_unlock (&self->lock);
        carry_out (self, work);
        pthread_mutex_lock (&self->lock);
        push (&self->out, work);
        uint64_t one = 1;
        ssize_t n = write (self->ready, &one, sizeof one);
        (void)n; /* a full counter is readable all the same */
    }
    pthread_mutex_unlock (&self->lock);
    aut_artifact_client_destroy (&self->client); /* its socket belongs to this thread */
    return NULL;
}

aut_transfer_t *aut_transfer_new (const char *endpoint, aut_blobs_t *cache)
{
    aut_transfer_t *self = aut_calloc (1, sizeof *self);
    self->ready = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
    self->endpoint = aut_strdup (endpoint);
    self->cache = cache;
    atomic_init (&self->interrupt, false);
    pthread_mutex_init (&self->lock, NULL);
    pthread_cond_init (&self->wake, NULL);
    int err = self->ready < 0 ? -1 : pthread_create (&self->thread, NULL, run, self);
    if (err == 0)
        return self;
    aut_fail (AUT_ERR_IO, "cannot start a transfer thread");
    if (self->ready >= 0)
        close (self->ready);
    pthread_mutex_destroy (&self->lock);
    pthread_cond_destroy (&self->wake);
    free (self->endpoint);
    free (self);
    return NULL;
}

static void hand_over (aut_transfer_t *self, aut_work_t *work, aut_session_event_type_t done)
{
    work->done = done;
    pthread_mutex_lock (&self->lock);
    push (&self->in, work);
    pthread_cond_signal (&self->wake);
    pthread_mutex_unlock (&self->lock);
}

void aut_transfer_fetch (aut_transfer_t *self, aut_work_t *work)
{
    hand_over (self, work, AUT_SESSION_FETCHED);
}

void aut_transfer_upload (aut_transfer_t *self, aut_work_t *work)
{
    hand_over (self, work, AUT_SESSION_UPLOADED);
}

void aut_transfer_move (aut_transfer_t *self, const char *endpoint, const aut_curve_t *curve)
{
    static const aut_curve_t none;
    const aut_curve_t *keys = curve ? curve : &none;
    pthread_mutex_lock (&self->lock);
    if (strcmp (self->endpoint, endpoint) != 0 || !same_keys (&self->curve, keys)) {
        self->curve = *keys;
        free (self->endpoint);
        self->endpoint = aut_strdup (endpoint);
        atomic_store (&self->interrupt, true);
    }
    pthread_mutex_unlock (&self->lock);
}

int aut_transfer_fd (const aut_transfer_t *self)
{
    return self->ready;
}

aut_work_t *aut_transfer_next (aut_transfer_t *self)
{
    uint64_t count;
    pthread_mutex_lock (&self->lock);
    aut_work_t *work = pop (&self->out);
    if (!self->out.first) {
        ssize_t n = read (self->ready, &count, sizeof count);
        (void)n; /* nothing to read is fine */
    }
    pthread_mutex_unlock (&self->lock);
    return work;
}

void aut_transfer_stop (aut_transfer_t *self)
{
    pthread_mutex_lock (&self->lock);
    if (self->stop) {
        pthread_mutex_unlock (&self->lock);
        return;
    }
    self->stop = true;
    atomic_store (&self->interrupt, true);
    pthread_cond_signal (&self->wake);
    pthread_mutex_unlock (&self->lock);
    pthread_join (self->thread, NULL);
    for (aut_work_t *work; (work = pop (&self->in));)
        push (&self->out, work);
}

void aut_transfer_destroy (aut_transfer_t **self_p)
{
    aut_transfer_t *self = *self_p;
    if (!self)
        return;
    *self_p = NULL;
    aut_transfer_stop (self);
    close (self->ready);
    pthread_mutex_destroy (&self->lock);
    pthread_cond_destroy (&self->wake);
    free (self->endpoint);
    free (self->client_endpoint);
    free (self);
}
