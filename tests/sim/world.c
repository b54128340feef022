/*  Time and the phases of a seed: the world is made, faults strike while work goes on, then all is
 *  made whole and everything must come to an end. */
#include "tests/sim/sim.h"

#include "lib/core/error.h"
#include "lib/core/mem.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FAULTS_MS 50000     /* while faults may strike */
#define PATIENCE_MS 1500000 /* after that, until everything has ended */
#define EVENTS_MAX 400000   /* a world that goes round in circles */
#define LEAST_EVENTS 300

static sim_t *running;

sim_t *sim_running (void)
{
    return running;
}

/* ---- dice ---- */

uint64_t rng_next (rng_t *self)
{
    self->state += 0x9e3779b97f4a7c15u;
    uint64_t x = self->state;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

uint32_t rng_below (rng_t *self, uint32_t sides)
{
    return (uint32_t)((rng_next (self) >> 32) * sides >> 32);
}

int64_t rng_between (rng_t *self, int64_t low, int64_t high)
{
    return low + (int64_t)rng_below (self, (uint32_t)(high - low + 1));
}

/* ---- the trace ---- */

void sim_mix (sim_t *sim, const void *bytes, size_t size)
{
    const uint8_t *at = bytes;
    uint64_t hash = sim->trace;
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ at[i]) * 0x100000001b3u;
    sim->trace = hash;
}

void sim_note (sim_t *sim, const char *format, ...)
{
    if (!sim->verbose)
        return;
    va_list args;
    va_start (args, format);
    printf ("%8.3f ", (double)sim->now / 1000);
    vprintf (format, args);
    printf ("\n");
    va_end (args);
}

void sim_complain (sim_t *sim, const char *format, ...)
{
    if (sim->failed)
        return;
    va_list args;
    va_start (args, format);
    vsnprintf (sim->complaint, sizeof sim->complaint, format, args);
    va_end (args);
    sim->failed = sim->complaint;
    sim_note (sim, "!!! %s", sim->complaint);
}

static void complain_text (void *ctx, const char *text)
{
    sim_complain (ctx, "%s", text);
}

/* ---- the queue: a heap by time, then by order of arrival ---- */

static bool before (const sim_event_t *a, const sim_event_t *b)
{
    return a->at != b->at ? a->at < b->at : a->seq < b->seq;
}

static size_t sift_up (sim_t *sim, size_t i)
{
    for (; i && before (&sim->queue[i], &sim->queue[(i - 1) / 2]); i = (i - 1) / 2) {
        sim_event_t other = sim->queue[i];
        sim->queue[i] = sim->queue[(i - 1) / 2];
        sim->queue[(i - 1) / 2] = other;
    }
    return i;
}

static void sift_down (sim_t *sim, size_t i)
{
    for (;;) {
        size_t least = i;
        for (size_t child = 2 * i + 1; child <= 2 * i + 2 && child < sim->queue_count; child++)
            if (before (&sim->queue[child], &sim->queue[least]))
                least = child;
        if (least == i)
            return;
        sim_event_t other = sim->queue[i];
        sim->queue[i] = sim->queue[least];
        sim->queue[least] = other;
        i = least;
    }
}

sim_event_t *sim_at (sim_t *sim, int64_t at, sim_event_fn fn, void *obj, uint64_t gen)
{
    sim->queue = aut_grow (sim->queue, &sim->queue_cap, sim->queue_count + 1, sizeof *sim->queue);
    sim->queue[sim->queue_count] = (sim_event_t){
        .at = at < sim->now ? sim->now : at, .seq = ++sim->seq, .fn = fn, .obj = obj, .gen = gen};
    size_t place = sift_up (sim, sim->queue_count++);
    return &sim->queue[place];
}

static sim_event_t take (sim_t *sim)
{
    sim_event_t event = sim->queue[0];
    sim->queue[0] = sim->queue[--sim->queue_count];
    sift_down (sim, 0);
    return event;
}

static void go (sim_t *sim)
{
    sim_event_t event = take (sim);
    if (event.stopped && *event.stopped > event.at) { /* in its order, when it goes on */
        uint64_t seq = event.seq;
        sim_event_t *later = sim_at (sim, *event.stopped, event.fn, event.obj, event.gen);
        int64_t at = later->at;
        *later = event;
        later->at = at;
        later->seq = seq;
        sift_up (sim, (size_t)(later - sim->queue));
        return;
    }
    sim->now = event.at;
    sim->events++;
    event.fn (sim, &event);
    free (event.bytes);
}

/* ---- phases ---- */

static bool nothing_left (sim_t *sim)
{
    for (uint32_t i = 0; i < sim->client_count; i++)
        if (sim->clients[i].step != JOB_ENDED)
            return false;
    for (uint32_t i = 0; i < sim->node_count; i++)
        if (!sim->nodes[i].session || aut_session_holds (sim->nodes[i].session))
            return false;
    return oracle_all_ended (sim->oracle);
}

static void run_until (sim_t *sim, int64_t end, bool may_end)
{
    while (!sim->failed && sim->queue_count && sim->queue[0].at <= end) {
        go (sim);
        if (may_end && nothing_left (sim))
            return;
        if (sim->events > EVENTS_MAX)
            sim_complain (sim, "the world goes round in circles: %" PRIu64 " events by %.1f s",
                          sim->events, (double)sim->now / 1000);
    }
}

static void make_world (sim_t *sim)
{
    broker_boot (sim, sim->endpoint = ++sim->last_address);
    sim->node_count = 3 + rng_below (&sim->plan, 3);
    for (uint32_t i = 0; i < sim->node_count; i++)
        node_make (sim, i);
    sim->client_count = 2 + rng_below (&sim->plan, 3);
    for (uint32_t i = 0; i < sim->client_count; i++) {
        client_t *client = &sim->clients[i];
        client->sim = sim;
        client->index = i;
        client->at = i < 2 ? rng_between (&sim->plan, 0, 3000)
                           : rng_between (&sim->plan, 1000, FAULTS_MS / 2);
        client_start (sim, client);
    }
}

static const uint8_t *blob_bytes (void *ctx, const aut_hash_t *name, size_t *size)
{
    const sim_blob_t *blob = disk_blob (ctx, name);
    if (blob)
        *size = blob->size;
    return blob ? blob->bytes : NULL;
}

static void judge_end (sim_t *sim)
{
    if (sim->failed)
        return;
    oracle_finish (sim->oracle);
    for (uint32_t i = 0; i < sim->node_count; i++)
        if (!sim->failed && (!sim->nodes[i].session || aut_session_holds (sim->nodes[i].session)))
            sim_complain (sim, "%s still holds an attempt long after the last fault",
                          sim->nodes[i].name);
    for (uint32_t i = 0; i < sim->client_count; i++)
        if (sim->clients[i].step != JOB_ENDED)
            sim_complain (sim, "client %u never saw the end of %s", i,
                          sim->clients[i].job[0] ? sim->clients[i].job : "its submission");
    if (!sim->failed && sim->events < LEAST_EVENTS)
        sim_complain (sim, "only %" PRIu64 " events", sim->events);
}

static void close_world (sim_t *sim)
{
    for (uint32_t i = 0; i < SIM_BROKERS; i++)
        if (sim->brokers[i].number)
            broker_kill (&sim->brokers[i]);
    for (uint32_t i = 0; i < sim->node_count; i++)
        node_clear (&sim->nodes[i]);
    while (sim->queue_count)
        free (sim->queue[--sim->queue_count].bytes);
    disk_clear (sim);
    oracle_destroy (&sim->oracle);
}

bool sim_run (sim_t *sim, uint64_t seed, uint64_t off, bool verbose)
{
    memset (sim, 0, sizeof *sim);
    running = sim;
    sim->seed = seed;
    sim->verbose = verbose;
    sim->trace = 0xcbf29ce484222325u;
    sim->plan.state = seed * 0x2545f4914f6cdd1du + 1;
    sim->noise.state = sim->plan.state ^ 0x5555;
    sim->random.state = sim->plan.state ^ 0x7777;
    oracle_config_t config = {.silent_ms = SIM_SILENT_MS,
                              .lease_ms = SIM_LEASE_MS,
                              .backoff_ms = SIM_BACKOFF_MS,
                              .max_failures = SIM_MAX_FAILURES,
                              .max_jobs = SIM_MAX_JOBS,
                              .max_tasks = SIM_MAX_TASKS,
                              .max_holds = SIM_HOLDS,
                              .blob = blob_bytes,
                              .complain = complain_text,
                              .ctx = sim};
    sim->oracle = oracle_new (&config);
    make_world (sim);
    faults_make (sim);
    for (uint32_t i = 0; i < sim->fault_count; i++)
        sim->faults[i].on = !(off >> i & 1);
    run_until (sim, FAULTS_MS, false);
    if (!sim->failed)
        faults_heal (sim);
    run_until (sim, sim->now + PATIENCE_MS, true);
    judge_end (sim);
    close_world (sim);
    return !sim->failed;
}

void sim_clear (sim_t *sim)
{
    free (sim->queue);
    free (sim->conns);
    sim->queue = NULL;
    sim->conns = NULL;
}
