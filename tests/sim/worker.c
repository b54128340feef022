/*  A node's workers, which run tasks well or badly, and the transfers of blobs to and from the
 *  broker's store (the artifact service is not run: a blob comes whole, or does not). */
#include "tests/sim/sim.h"

#include "lib/core/error.h"
#include "lib/core/mem.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static sim_event_t *later (node_t *node, int64_t ms, sim_event_fn fn, uint64_t a, uint64_t b)
{
    sim_event_t *event = sim_at (node->sim, node->sim->now + ms, fn, node, node->gen);
    event->stopped = &node->stopped_until;
    event->a = a;
    event->b = b;
    return event;
}

static worker_t *worker_of (const sim_event_t *event)
{
    node_t *node = event->obj;
    worker_t *worker = &node->workers[event->a];
    return node->gen == event->gen && node->session && worker->gen == event->b ? worker : NULL;
}

static void down (node_t *node, worker_t *worker, const char *text)
{
    worker->up = worker->dying = false;
    worker->hold = 0;
    worker->gen++;
    node_event (node, &(aut_session_event_t){
                          .type = AUT_SESSION_WORKER_DOWN, .worker = worker->id, .text = text});
}

static void on_down (sim_t *sim, const sim_event_t *event)
{
    worker_t *worker = worker_of (event);
    (void)sim;
    if (worker)
        down (event->obj, worker, "signal 9");
}

static void on_up (sim_t *sim, const sim_event_t *event)
{
    worker_t *worker = worker_of (event);
    node_t *node = event->obj;
    if (!worker)
        return;
    if (sim->now < worker->flapping_until) {
        if (worker->fault)
            fault_count (sim, worker->fault);
        down (node, worker, "exit 1");
        return;
    }
    worker->up = true;
    node_event (node, &(aut_session_event_t){.type = AUT_SESSION_WORKER_UP, .worker = worker->id});
}

void worker_start (node_t *node, uint32_t id)
{
    worker_t *worker = &node->workers[id];
    worker->gen++;
    worker->hold = 0;
    worker->dying = false;
    later (node, rng_between (&node->sim->noise, 20, 600), on_up, id, worker->gen);
}

void worker_kill (node_t *node, uint32_t id)
{
    worker_t *worker = &node->workers[id];
    worker->dying = true;
    worker->gen++;
    later (node, rng_between (&node->sim->noise, 1, 40), on_down, id, worker->gen);
}

/* ---- running ---- */

static void fail (node_t *node, worker_t *worker, int code, const char *text)
{
    aut_session_event_t event = {.type = AUT_SESSION_TASK_FAILED,
                                 .worker = worker->id,
                                 .hold = worker->hold,
                                 .code = code,
                                 .text = text};
    worker->hold = 0;
    worker->gen++;
    node_event (node, &event);
}

static void make_file (work_t *work, int i, const node_t *node, const char *what)
{
    char hex[AUT_HASH_HEX], key[AUT_HASH_HEX];
    work->files[i].bytes =
        aut_sprintf ("%s %s from %s by %s-%u %" PRIu64, what, aut_hash_hex (&work->key, key),
                     work->has_input ? aut_hash_hex (&work->read, hex) : "-", node->name,
                     node->index, node->made);
    size_t size = strlen (work->files[i].bytes);
    work->files[i].ref = (aut_ref_t){aut_hash_of (work->files[i].bytes, size), size};
}

static void finish (node_t *node, worker_t *worker)
{
    work_t *work = node_work (node, worker->hold);
    aut_worker_result_t result = {.id = worker->hold, .seconds = 1};
    aut_session_event_t event = {
        .type = AUT_SESSION_RESULT, .worker = worker->id, .hold = worker->hold, .result = &result};
    node->made++;
    make_file (work, 0, node, "mezzanine");
    make_file (work, 1, node, "tail");
    make_file (work, 2, node, "metadata");
    worker->hold = 0;
    worker->gen++;
    node_event (node, &event);
}

static int64_t step_ms (node_t *node, const worker_t *worker)
{
    int64_t ms = rng_between (&node->sim->noise, 100, 1900);
    return worker->fault && worker->fault->kind == FAULT_WORKER_SLOW ? ms * 12 : ms;
}

/*  A PNG that is all frame, of another width each time. */
static void add_picture (aut_worker_progress_t *progress, uint8_t png[45])
{
    static const uint8_t bytes[45] = "\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\0\0\0\0\1"
                                     "\x8\x2\0\0\0\0\0\0\0\0\0\0\0IEND\xae\x42\x60\x82";
    memcpy (png, bytes, sizeof bytes);
    png[19] = (uint8_t)(progress->frame % 250 + 1);
    progress->preview = png;
    progress->preview_size = sizeof bytes;
}

static void on_frame (sim_t *sim, const sim_event_t *event);

static void struck (node_t *node, worker_t *worker, fault_kind_t kind)
{
    sim_t *sim = node->sim;
    fault_t *fault = worker->fault;
    if (kind != FAULT_WORKER_SLOW)
        worker->fault = NULL;
    if (kind != FAULT_WORKER_SLOW || !worker->frame)
        fault_count (sim, fault);
    if (kind == FAULT_WORKER_HUNG) {
        worker->hung = true;
        worker->gen++;
    } else if (kind == FAULT_WORKER_CRASH) {
        down (node, worker, "signal 11");
    } else if (kind == FAULT_WORKER_MEMORY) {
        fail (node, worker, AUT_ERR_DEVICE_MEMORY, "out of memory");
    } else if (kind == FAULT_WORKER_FAILS) {
        fail (node, worker, AUT_ERR_INTERNAL, "a tensor has no value");
    }
}

static void on_frame (sim_t *sim, const sim_event_t *event)
{
    worker_t *worker = worker_of (event);
    node_t *node = event->obj;
    work_t *work = worker ? node_work (node, worker->hold) : NULL;
    (void)sim;
    if (!work)
        return;
    if (work->need > worker->memory) {
        fail (node, worker, AUT_ERR_DEVICE_MEMORY, "the device is too small");
        return;
    }
    fault_kind_t kind = worker->fault ? worker->fault->kind : FAULT_KINDS;
    bool now = kind == FAULT_WORKER_SLOW || 2 * worker->frame >= work->frames;
    uint64_t gen = worker->gen;
    if (kind != FAULT_KINDS && kind != FAULT_WORKER_FLAPPING && now)
        struck (node, worker, kind);
    if (!node->session || worker->gen != gen || worker->hung)
        return;
    if (++worker->frame >= work->frames) {
        if (worker->fault && worker->fault->kind == FAULT_WORKER_SLOW)
            worker->fault = NULL;
        finish (node, worker);
        return;
    }
    aut_worker_progress_t progress = {.id = worker->hold,
                                      .frame = worker->frame,
                                      .frames = work->frames,
                                      .step = worker->frame,
                                      .steps = work->frames};
    uint8_t png[45];
    add_picture (&progress, png);
    later (node, step_ms (node, worker), on_frame, worker->id, worker->gen);
    node_event (node, &(aut_session_event_t){.type = AUT_SESSION_PROGRESS,
                                             .worker = worker->id,
                                             .hold = worker->hold,
                                             .progress = &progress});
}

void worker_run (node_t *node, uint32_t id, uint64_t hold)
{
    worker_t *worker = &node->workers[id];
    if (!worker->up)
        return;
    worker->hold = hold;
    worker->frame = 0;
    worker->hung = false;
    worker->gen++;
    later (node, step_ms (node, worker), on_frame, id, worker->gen);
}

static void on_cancelled (sim_t *sim, const sim_event_t *event)
{
    worker_t *worker = worker_of (event);
    (void)sim;
    if (worker && worker->hold)
        fail (event->obj, worker, AUT_ERR_CANCELLED, "cancelled");
}

void worker_cancel (node_t *node, uint32_t id, uint64_t hold)
{
    worker_t *worker = &node->workers[id];
    if (worker->hold != hold || worker->hung || worker->dying)
        return; /* one that hangs does not hear it */
    later (node, rng_between (&node->sim->noise, 1, 300), on_cancelled, id, worker->gen);
}

/* ---- transfers ---- */

static void report (node_t *node, work_t *work, aut_session_event_type_t good,
                    aut_session_event_type_t bad, int code)
{
    aut_result_refs_t refs = {.mezzanine = work->files[0].ref,
                              .tail = work->files[1].ref,
                              .metadata = work->files[2].ref};
    aut_session_event_t event = {.type = code ? bad : good,
                                 .hold = work->hold,
                                 .code = code,
                                 .text = code ? aut_error_detail () : "",
                                 .refs = &refs};
    bool forgotten = work->forgotten;
    node_work_back (node, work);
    if (!forgotten)
        node_event (node, &event);
}

/*  0 if the broker's data socket answers. */
static int reach (node_t *node)
{
    const broker_t *broker = broker_at (node->sim, node->address);
    if (!broker || broker->stopped_until > node->sim->now ||
        !net_reaches (node->sim, &node->path, true) || !net_reaches (node->sim, &node->path, false))
        return aut_fail (AUT_ERR_TIMEOUT, "the broker does not answer");
    return 0;
}

static int fetch_now (node_t *node, work_t *work)
{
    sim_t *sim = node->sim;
    int rc = reach (node);
    if (rc || !work->has_input)
        return rc;
    if (sim->now < node->full_until) {
        fault_count (sim, node->full);
        return aut_fail (AUT_ERR_NO_SPACE, "the node's disk is full");
    }
    sim_blob_t *blob = disk_blob (sim, &work->tail.hash);
    if (!blob)
        return aut_fail (AUT_ERR_NOT_FOUND, "the broker has no such blob");
    work->read = aut_hash_of (blob->bytes, blob->size);
    if (!aut_hash_equal (&work->read, &work->tail.hash)) {
        blob->aside = true;
        return aut_fail (AUT_ERR_CORRUPT, "the blob was corrupt, and is moved aside");
    }
    if (fault_strike (sim, FAULT_BLOB_CORRUPT))
        return aut_fail (AUT_ERR_CORRUPT, "the bytes were changed on the way");
    return 0;
}

static void on_fetched (sim_t *sim, const sim_event_t *event)
{
    node_t *node = event->obj;
    work_t *work = node->gen == event->gen ? node_work (node, event->a) : NULL;
    (void)sim;
    if (work)
        report (node, work, AUT_SESSION_FETCHED, AUT_SESSION_FETCH_FAILED, fetch_now (node, work));
}

static int upload_now (node_t *node, work_t *work)
{
    sim_t *sim = node->sim;
    int rc = reach (node);
    for (size_t i = 0; !rc && i < sizeof work->files / sizeof *work->files; i++) {
        const char *bytes = work->files[i].bytes;
        size_t size = work->files[i].ref.size;
        if (fault_strike (sim, FAULT_BLOB_TORN))
            return aut_fail (AUT_ERR_IO, "the upload broke off");
        if (fault_strike (sim, FAULT_BLOB_CORRUPT)) {
            bytes = "something else";
            size = strlen (bytes);
        }
        rc = disk_put (sim, &work->files[i].ref.hash, bytes, size);
    }
    return rc;
}

static void on_uploaded (sim_t *sim, const sim_event_t *event)
{
    node_t *node = event->obj;
    work_t *work = node->gen == event->gen ? node_work (node, event->a) : NULL;
    (void)sim;
    if (work)
        report (node, work, AUT_SESSION_UPLOADED, AUT_SESSION_UPLOAD_FAILED,
                upload_now (node, work));
}

void transfer_fetch (node_t *node, work_t *work)
{
    work->away = true;
    later (node, rng_between (&node->sim->noise, 3, reach (node) ? 4000 : 150), on_fetched,
           work->hold, 0);
}

void transfer_upload (node_t *node, work_t *work)
{
    work->away = true;
    later (node, rng_between (&node->sim->noise, 3, reach (node) ? 4000 : 250), on_uploaded,
           work->hold, 0);
}
