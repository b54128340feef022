/*  The durable side. The store is the one in memory, behind a wrapper that fences by the epoch, as
 *  SQLite's does, takes its time, fails and dies as faults say, and writes a record of each batch,
 *  which is what the oracle reads. All brokers of a seed share it, also a stale one. */
#include "tests/sim/sim.h"

#include "lib/core/epoch.h"
#include "lib/core/error.h"
#include "lib/core/mem.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    aut_store_t store;
    sim_t *sim;
    broker_t *broker;
    uint64_t number; /* of the process that opened it */
    uint64_t epoch;
} handle_t;

static aut_store_t *inner (aut_store_t *self)
{
    return ((handle_t *)self)->sim->disk.memory;
}

static int dead (handle_t *self, const char *when)
{
    sim_note (self->sim, "broker %" PRIu64 " dies %s its commit", self->number, when);
    self->broker->dying = true;
    self->broker->self->stop = 2;
    return aut_fail (AUT_ERR_FENCED, "the process is gone");
}

/*  A commit takes a moment, in which the other threads go on. */
static void take_time (handle_t *self)
{
    co_t *co = co_current ();
    if (!co)
        return;
    co->wait = CO_SLEEP;
    co->until = self->sim->now + rng_between (&self->sim->noise, 1, 4);
    co_yield (co);
}

static int refuse (sim_t *sim)
{
    disk_t *disk = &sim->disk;
    if (sim->now < disk->full_until) {
        fault_count (sim, disk->full);
        return aut_fail (AUT_ERR_NO_SPACE, "the disk is full");
    }
    if (sim->now < disk->fails_until && rng_below (&sim->noise, 2)) {
        fault_count (sim, disk->fails);
        return aut_fail (AUT_ERR_IO, "the disk does not write");
    }
    return 0;
}

static int commit (aut_store_t *store, const aut_store_mutation_t *batch, size_t count)
{
    handle_t *self = (handle_t *)store;
    sim_t *sim = self->sim;
    disk_t *disk = &sim->disk;
    if (self->broker->dying)
        return aut_fail (AUT_ERR_FENCED, "the process is gone");
    if (fault_strike (sim, FAULT_CRASH_BEFORE_COMMIT))
        return dead (self, "before");
    take_time (self);
    if (self->broker->dying)
        return aut_fail (AUT_ERR_FENCED, "the process is gone");
    int rc = refuse (sim);
    if (rc)
        return rc;
    if (disk->epoch != self->epoch)
        return aut_fail (AUT_ERR_FENCED, "the store belongs to epoch " AUT_EPOCH_TEXT,
                         AUT_EPOCH_ARGS (disk->epoch));
    if (fault_strike (sim, FAULT_CRASH_TORN_COMMIT))
        return dead (self, "in"); /* a record without its end is none */
    rc = aut_store_commit (disk->memory, batch, count);
    if (rc)
        return rc;
    disk->log.size = 0;
    disk_log (&disk->log, self->epoch, batch, count);
    sim_mix (sim, disk->log.data, disk->log.size);
    oracle_durable (sim->oracle, sim->now, disk->log.data, disk->log.size);
    if (fault_strike (sim, FAULT_CRASH_AFTER_COMMIT))
        return dead (self, "after");
    return 0;
}

static void destroy (aut_store_t **self_p)
{
    free (*self_p);
    *self_p = NULL;
}

static uint64_t epoch (const aut_store_t *self)
{
    return ((const handle_t *)self)->epoch;
}

static int next_ids (aut_store_t *self, uint64_t *job, uint64_t *task)
{
    return aut_store_next_ids (inner (self), job, task);
}

static int load (aut_store_t *self, uint64_t job, const aut_store_visitor_t *visitor)
{
    return aut_store_load (inner (self), job, visitor);
}

static int body (aut_store_t *self, uint64_t task, aut_store_body_t *out, void **hold)
{
    return aut_store_body (inner (self), task, out, hold);
}

static int result (aut_store_t *self, uint64_t task, aut_store_result_t *out)
{
    return aut_store_result (inner (self), task, out);
}

static int cached (aut_store_t *self, const aut_hash_t *key, uint64_t *id, aut_store_result_t *out)
{
    return aut_store_cached (inner (self), key, id, out);
}

static int idempotent (aut_store_t *self, const char *key, uint64_t *job)
{
    return aut_store_idempotent (inner (self), key, job);
}

static int job_of (aut_store_t *self, uint64_t id, aut_store_job_t *out)
{
    return aut_store_job (inner (self), id, out);
}

static int items (aut_store_t *self, uint64_t job, uint64_t after, uint32_t limit,
                  aut_store_item_t *out, uint32_t *count)
{
    return aut_store_items (inner (self), job, after, limit, out, count);
}

static int stats (aut_store_t *self, aut_store_stats_t *out)
{
    return aut_store_stats (inner (self), out);
}

static int attempts (aut_store_t *self, uint64_t first, uint64_t end, bool all,
                     aut_store_attempt_fn *each, void *ctx)
{
    return aut_store_attempts (inner (self), first, end, all, each, ctx);
}

static int shots (aut_store_t *self, uint64_t job, uint32_t after, uint32_t limit,
                  aut_store_shot_t *out, uint32_t *count)
{
    return aut_store_shots (inner (self), job, after, limit, out, count);
}

static int story (aut_store_t *self, uint64_t job, uint32_t limit, aut_store_story_t *out,
                  uint32_t *count)
{
    return aut_store_story (inner (self), job, limit, out, count);
}

static int events (aut_store_t *self, uint64_t after, aut_store_event_fn *each, void *ctx)
{
    return aut_store_events (inner (self), after, each, ctx);
}

static int event_bound (aut_store_t *self, uint64_t *bound)
{
    return aut_store_event_bound (inner (self), bound);
}

static const aut_store_ops_t ops = {
    .destroy = destroy,
    .epoch = epoch,
    .next_ids = next_ids,
    .commit = commit,
    .load = load,
    .body = body,
    .result = result,
    .cached = cached,
    .idempotent = idempotent,
    .job = job_of,
    .items = items,
    .stats = stats,
    .attempts = attempts,
    .shots = shots,
    .story = story,
    .events = events,
    .event_bound = event_bound,
};

aut_store_t *disk_open (sim_t *sim, broker_t *broker)
{
    disk_t *disk = &sim->disk;
    if (!disk->memory && aut_store_open_memory (&disk->memory))
        abort ();
    handle_t *self = aut_calloc (1, sizeof *self);
    self->store.ops = &ops;
    self->sim = sim;
    self->broker = broker;
    self->number = broker->number;
    if (aut_store_next_epoch (disk->epoch, &self->epoch))
        abort ();
    disk->epoch = self->epoch;
    oracle_opened (sim->oracle, sim->now, self->epoch);
    return &self->store;
}

/* ---- blobs ---- */

sim_blob_t *disk_blob (sim_t *sim, const aut_hash_t *name)
{
    disk_t *disk = &sim->disk;
    for (size_t i = disk->blob_count; i-- > 0;)
        if (!disk->blobs[i].aside && aut_hash_equal (&disk->blobs[i].name, name))
            return &disk->blobs[i];
    return NULL;
}

int disk_put (sim_t *sim, const aut_hash_t *name, const void *bytes, size_t size)
{
    disk_t *disk = &sim->disk;
    aut_hash_t hash = aut_hash_of (bytes, size);
    if (disk_blob (sim, name))
        return 0;
    int rc = refuse (sim);
    if (rc)
        return rc;
    if (!aut_hash_equal (&hash, name))
        return aut_fail (AUT_ERR_CORRUPT, "the bytes differ from their name");
    disk->blobs =
        aut_grow (disk->blobs, &disk->blob_cap, disk->blob_count + 1, sizeof *disk->blobs);
    sim_blob_t *blob = &disk->blobs[disk->blob_count++];
    *blob = (sim_blob_t){.name = *name, .size = size, .bytes = aut_calloc (1, size + 1)};
    memcpy (blob->bytes, bytes, size);
    return 0;
}

void disk_clear (sim_t *sim)
{
    disk_t *disk = &sim->disk;
    for (size_t i = 0; i < disk->blob_count; i++)
        free (disk->blobs[i].bytes);
    free (disk->blobs);
    aut_buffer_clear (&disk->log);
    aut_store_destroy (&disk->memory);
}
