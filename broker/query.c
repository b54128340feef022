/*  Answers of the status socket and of HTTP, made by the loop between batches: what they say is
 *  committed, and agrees with the event sequence that they name. */
#include "broker/internal.h"

#include "lib/core/error.h"
#include "lib/core/mem.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define JOBS_LIMIT 10000
#define SHOTS_LIMIT 10000
#define NODES_LIMIT 10000
#define EVENTS_LIMIT 1000

void aut_query_destroy (void *item)
{
    aut_query_t *query = item;
    if (query)
        free (query->text);
    free (query);
}

static uint32_t limit_of (const aut_query_t *query, uint32_t most)
{
    return query->limit && query->limit < most ? query->limit : most;
}

static void put_error (aut_buffer_t *out, const char *code, const char *message)
{
    aut_buffer_format (out, "{\"error\":{\"code\":\"%s\",\"message\":", code);
    aut_buffer_json_string (out, message);
    aut_buffer_text (out, "}}");
}

static void put_store (aut_broker_t *self, aut_buffer_t *out)
{
    aut_store_stats_t stats;
    aut_store_stats (self->store, &stats);
    int error = __atomic_load_n (&self->store_error, __ATOMIC_ACQUIRE);
    aut_buffer_format (out,
                       "\"store\":{\"kind\":\"%s\",\"jobs\":%" PRIu64 ",\"tasks\":%" PRIu64
                       ",\"results\":%" PRIu64 ",\"bytes\":%" PRIu64 ",\"commits\":%" PRIu64
                       ",\"state\":\"%s\"}",
                       stats.kind, stats.jobs, stats.tasks, stats.results, stats.bytes,
                       stats.commits, aut_error_text (error));
}

static void answer_status (aut_broker_t *self, aut_buffer_t *out)
{
    const aut_core_metrics_t *m = aut_core_metrics (self->core);
    uint64_t count, bytes;
    aut_blobs_stats (self->blobs, &count, &bytes);
    aut_buffer_format (out,
                       "{\"version\":\"%s\",\"epoch\":%" PRIu64 ",\"uptime_s\":%" PRId64
                       ",\"seq\":%" PRIu64 ",\"jobs\":{",
                       AUTEUR_VERSION, self->endpoints.epoch,
                       (aut_mono_ms (self->clock) - self->started_ms) / 1000, self->ring.seq);
    for (int i = 0; i < AUT_JOB_STATES; i++)
        aut_buffer_format (out, "%s\"%s\":%" PRIu64, i ? "," : "",
                           aut_job_state_text ((aut_job_state_t)i), m->jobs[i]);
    aut_buffer_text (out, "},\"tasks\":{");
    for (int i = 0; i < AUT_TASK_STATES; i++)
        aut_buffer_format (out, "%s\"%s\":%" PRIu64, i ? "," : "",
                           aut_task_state_text ((aut_task_state_t)i), m->tasks[i]);
    aut_buffer_text (out, "},\"nodes\":{");
    for (int i = 0; i < AUT_NODE_STATES; i++)
        aut_buffer_format (out, "%s\"%s\":%" PRIu64, i ? "," : "",
                           aut_node_state_text ((aut_node_state_t)i), m->nodes[i]);
    aut_buffer_format (out, "},\"workers\":{\"idle\":%" PRIu64 ",\"busy\":%" PRIu64 "},",
                       m->workers_idle, m->workers_busy);
    put_store (self, out);
    aut_buffer_format (out, ",\"blobs\":{\"count\":%" PRIu64 ",\"bytes\":%" PRIu64 "}}", count,
                       bytes);
}

/*  Task counts of a job: the core's, or for one that it has let go, the store's. */
static void put_task_counts (aut_broker_t *self, const aut_entry_t *entry, aut_buffer_t *out)
{
    aut_core_job_info_t info;
    uint32_t counts[AUT_TASK_STATES] = {0};
    if (aut_core_job (self->core, entry->id, &info) == 0) {
        memcpy (counts, info.tasks, sizeof counts);
    } else {
        counts[AUT_TASK_DONE] = entry->counts[AUT_STORE_DONE];
        counts[AUT_TASK_FAILED] = entry->counts[AUT_STORE_FAILED];
        counts[AUT_TASK_CANCELLED] = entry->counts[AUT_STORE_CANCELLED];
    }
    aut_buffer_text (out, "\"tasks\":{");
    for (int i = 0; i < AUT_TASK_STATES; i++)
        aut_buffer_format (out, "%s\"%s\":%u", i ? "," : "",
                           aut_task_state_text ((aut_task_state_t)i), counts[i]);
    aut_buffer_text (out, "}");
}

/*  Whether who asks may see this job. */
static bool may_see (const aut_query_t *query, const aut_entry_t *entry)
{
    return !query->owner[0] || strcmp (query->owner, entry->owner) == 0;
}

/*  Whose it is, by the name in the list of clients. */
static void put_owner (aut_broker_t *self, const aut_entry_t *entry, aut_buffer_t *out)
{
    aut_who_t who;
    if (!entry->owner[0])
        return;
    aut_guard_who (self->guard, entry->owner, &who);
    aut_buffer_text (out, "\"owner\":");
    aut_buffer_json_string (out, who.name[0] ? who.name : entry->owner);
    aut_buffer_text (out, ",");
}

/*  "id" … "tasks" of a job, without the closing brace. */
static void put_job_head (aut_broker_t *self, const aut_entry_t *entry, aut_buffer_t *out)
{
    aut_core_job_info_t info;
    aut_job_state_t state = (aut_job_state_t)entry->state;
    if (aut_core_job (self->core, entry->id, &info) == 0)
        state = info.state;
    time_t seconds = (time_t)(entry->created_ms / 1000);
    struct tm tm;
    char created[32];
    gmtime_r (&seconds, &tm);
    strftime (created, sizeof created, "%Y-%m-%dT%H:%M:%SZ", &tm);
    aut_buffer_format (out, "{\"id\":\"j%" PRIu64 "\",\"project\":", entry->id);
    aut_buffer_json_string (out, entry->project);
    aut_buffer_format (out, ",\"state\":\"%s\",\"priority\":%d,\"created\":\"%s\",",
                       aut_job_state_text (state), entry->priority, created);
    put_owner (self, entry, out);
    put_task_counts (self, entry, out);
}

static void answer_jobs (aut_broker_t *self, const aut_query_t *query, aut_buffer_t *out)
{
    uint32_t limit = limit_of (query, JOBS_LIMIT), count = 0;
    uint64_t after = query->after;
    const aut_entry_t *entry;
    aut_buffer_text (out, "{\"jobs\":[");
    while (count < limit && (entry = aut_catalogue_next (self->catalogue, after))) {
        after = entry->id;
        if (!may_see (query, entry))
            continue;
        aut_buffer_text (out, count++ ? "," : "");
        put_job_head (self, entry, out);
        aut_buffer_format (out, ",\"shots\":{\"total\":%u,\"done\":%u}}", entry->shot_count,
                           entry->shots_done);
    }
    aut_buffer_text (out, "]");
    if (aut_catalogue_next (self->catalogue, after))
        aut_buffer_format (out, ",\"next\":%" PRIu64, after);
    aut_buffer_text (out, "}");
}

/*  One chunk of a listing, wherever it was read. */
typedef struct {
    uint32_t index, attempt;
    aut_task_state_t state;
    const char *node, *error, *wait;
    double progress;
} chunk_t;

static void put_chunk (const chunk_t *chunk, aut_buffer_t *out)
{
    aut_buffer_format (out, "{\"index\":%u,\"state\":\"%s\",\"attempt\":%u,\"node\":", chunk->index,
                       aut_task_state_text (chunk->state), chunk->attempt);
    if (chunk->node[0])
        aut_buffer_json_string (out, chunk->node);
    else
        aut_buffer_text (out, "null");
    /* Thousandths by hand: printf's decimal point follows the locale. */
    unsigned thousandths = (unsigned)(chunk->progress * 1000);
    aut_buffer_format (out, ",\"progress\":%u.%03u,\"error\":", thousandths / 1000,
                       thousandths % 1000);
    if (chunk->error[0])
        aut_buffer_json_string (out, chunk->error);
    else
        aut_buffer_text (out, "null");
    if (chunk->wait[0]) {
        aut_buffer_text (out, ",\"wait\":");
        aut_buffer_json_string (out, chunk->wait);
    }
    aut_buffer_text (out, "}");
}

static double progress_of (const aut_core_task_info_t *info)
{
    if (info->state == AUT_TASK_DONE)
        return 1;
    double done = info->frames ? info->frame : info->step;
    double all = info->frames ? info->frames : info->steps;
    double part = all > 0 ? done / all : 0;
    return part > 1 ? 1 : part;
}

/*  A shot's state from those of its chunks. */
static const char *shot_state (const uint32_t counts[AUT_TASK_STATES], uint32_t total)
{
    if (counts[AUT_TASK_FAILED])
        return "failed";
    if (counts[AUT_TASK_CANCELLED])
        return "cancelled";
    if (counts[AUT_TASK_DONE] == total)
        return "done";
    return counts[AUT_TASK_LEASED] || counts[AUT_TASK_DONE] ? "running" : "queued";
}

static void put_shot (const aut_entry_t *entry, uint32_t shot, const uint32_t *counts,
                      uint32_t total, const aut_buffer_t *chunks, aut_buffer_t *out)
{
    aut_buffer_text (out, "{\"id\":");
    aut_buffer_json_string (out, entry->shots[shot]);
    aut_buffer_format (out, ",\"state\":\"%s\",\"chunks\":[", shot_state (counts, total));
    if (chunks->size)
        aut_buffer_append (out, chunks->data, chunks->size);
    aut_buffer_text (out, "]}");
}

/*  The chunks of one shot as the core has them. */
static void put_shot_of_core (aut_broker_t *self, const aut_entry_t *entry, uint32_t shot,
                              aut_buffer_t *out)
{
    uint32_t counts[AUT_TASK_STATES] = {0}, total = 0;
    uint32_t first = entry->shot_first[shot], end = entry->shot_first[shot + 1];
    aut_buffer_t chunks = {0};
    for (uint32_t i = first; i < end; i++) {
        aut_core_task_info_t info;
        char wait[256] = "";
        if (aut_core_task (self->core, entry->first_task + i, &info))
            continue;
        if (info.state == AUT_TASK_READY)
            aut_core_wait_text (&info, wait, sizeof wait);
        counts[info.state]++;
        aut_buffer_text (&chunks, total++ ? "," : "");
        chunk_t chunk = {info.chunk,   info.attempt, info.state,         info.node,
                         info.message, wait,         progress_of (&info)};
        put_chunk (&chunk, &chunks);
    }
    put_shot (entry, shot, counts, total, &chunks, out);
    aut_buffer_clear (&chunks);
}

/*  The same for a job that ended long ago, from the store. */
static void put_shot_of_store (aut_broker_t *self, const aut_entry_t *entry, uint32_t shot,
                               aut_buffer_t *out)
{
    uint32_t counts[AUT_TASK_STATES] = {0}, total = 0;
    uint32_t at = entry->shot_first[shot], end = entry->shot_first[shot + 1];
    aut_store_item_t *item = aut_calloc (1, sizeof *item);
    aut_buffer_t chunks = {0};
    for (uint32_t got = 1; at < end && got; at++) {
        if (aut_store_items (self->store, entry->id, at, 1, item, &got) || got == 0)
            break;
        aut_task_state_t state = (aut_task_state_t)item->state;
        counts[state]++;
        aut_buffer_text (&chunks, total++ ? "," : "");
        chunk_t chunk = {item->chunk, item->attempt,         state, item->node, item->message,
                         "",          state == AUT_TASK_DONE};
        put_chunk (&chunk, &chunks);
    }
    put_shot (entry, shot, counts, total, &chunks, out);
    aut_buffer_clear (&chunks);
    free (item);
}

static void answer_job (aut_broker_t *self, const aut_query_t *query, aut_buffer_t *out)
{
    const aut_entry_t *entry = aut_catalogue_find (self->catalogue, query->id);
    aut_core_job_info_t info;
    if (!entry || !may_see (query, entry)) {
        char *message = aut_sprintf ("there is no job j%" PRIu64, query->id);
        put_error (out, "not-found", message);
        free (message);
        return;
    }
    bool held = aut_core_job (self->core, entry->id, &info) == 0;
    uint64_t limit = limit_of (query, SHOTS_LIMIT), shot = query->after;
    put_job_head (self, entry, out);
    aut_store_job_t stored;
    char hex[AUT_HASH_HEX];
    if (aut_store_job (self->store, entry->id, &stored) == 0)
        aut_buffer_format (out, ",\"submission\":\"%s\"", aut_hash_hex (&stored.submission, hex));
    aut_buffer_format (out, ",\"seq\":%" PRIu64 ",\"shots\":[", self->ring.seq);
    for (; shot < entry->shot_count && shot - query->after < limit; shot++) {
        aut_buffer_text (out, shot > query->after ? "," : "");
        if (held)
            put_shot_of_core (self, entry, (uint32_t)shot, out);
        else
            put_shot_of_store (self, entry, (uint32_t)shot, out);
    }
    aut_buffer_text (out, "]");
    if (shot < entry->shot_count)
        aut_buffer_format (out, ",\"next\":%" PRIu64, shot);
    aut_buffer_text (out, "}");
}

static void put_workers (aut_broker_t *self, uint64_t node, aut_buffer_t *out)
{
    aut_core_worker_info_t worker;
    for (uint32_t i = 0; aut_core_worker (self->core, node, i, &worker) == 0; i++) {
        aut_buffer_format (out, "%s{\"id\":%u,\"device\":", i ? "," : "", worker.id);
        aut_buffer_json_string (out, worker.device);
        aut_buffer_format (out, ",\"state\":\"%s\",\"memory\":%" PRIu64 ",\"model\":",
                           worker.load ? "busy" : "idle", worker.memory);
        aut_buffer_json_string (out, worker.model);
        if (worker.task)
            aut_buffer_format (out, ",\"task\":\"t%" PRIu64 "\"}", worker.task);
        else
            aut_buffer_text (out, ",\"task\":null}");
    }
}

static void answer_nodes (aut_broker_t *self, const aut_query_t *query, aut_buffer_t *out)
{
    uint32_t limit = limit_of (query, NODES_LIMIT), count = 0;
    uint64_t after = query->after;
    int64_t now = aut_mono_ms (self->clock);
    aut_core_node_info_t node;
    aut_buffer_text (out, "{\"nodes\":[");
    while (count < limit && aut_core_next_node (self->core, after, &node) == 0) {
        after = node.id;
        aut_buffer_text (out, count++ ? ",{\"name\":" : "{\"name\":");
        aut_buffer_json_string (out, node.name);
        aut_buffer_format (out, ",\"state\":\"%s\",\"seen_s\":%" PRId64 ",\"workers\":[",
                           aut_node_state_text (node.state), (now - node.seen_ms) / 1000);
        put_workers (self, node.id, out);
        aut_buffer_text (out, "]}");
    }
    aut_buffer_text (out, "]");
    if (aut_core_next_node (self->core, after, &node) == 0)
        aut_buffer_format (out, ",\"next\":%" PRIu64, after);
    aut_buffer_text (out, "}");
}

/*  Whether an event about this job is none of the asker's business. */
static bool hides (aut_broker_t *self, const aut_query_t *query, uint64_t job)
{
    if (!query->owner[0] || !job)
        return false;
    const aut_entry_t *entry = aut_catalogue_find (self->catalogue, job);
    return !entry || !may_see (query, entry);
}

static void answer_events (aut_broker_t *self, const aut_query_t *query, aut_buffer_t *out)
{
    const aut_ring_t *ring = &self->ring;
    uint64_t oldest = ring->seq >= ring->cap ? ring->seq - ring->cap + 1 : 1;
    if (query->after > ring->seq || query->after + 1 < oldest) {
        put_error (out, "gone", "these events are not kept any more: take a snapshot");
        return;
    }
    uint64_t last = query->after + limit_of (query, EVENTS_LIMIT);
    if (last > ring->seq)
        last = ring->seq;
    bool first = true;
    aut_buffer_text (out, "{\"events\":[");
    for (uint64_t seq = query->after + 1; seq <= last; seq++) {
        bool hidden = hides (self, query, ring->jobs[seq % ring->cap]);
        if (hidden && seq < last)
            continue;
        aut_buffer_text (out, first ? "" : ",");
        first = false;
        if (hidden) /* so that the watcher's place moves on */
            aut_buffer_format (out, "{\"epoch\":%" PRIu64 ",\"seq\":%" PRIu64 "}",
                               self->endpoints.epoch, seq);
        else
            aut_buffer_text (out, ring->texts[seq % ring->cap]);
    }
    aut_buffer_format (out, "],\"seq\":%" PRIu64 ",\"epoch\":%" PRIu64 "}", ring->seq,
                       self->endpoints.epoch);
}

static void answer_metrics (aut_broker_t *self, const aut_query_t *query, aut_buffer_t *out)
{
    if (query->raw) {
        aut_broker_metrics (self, out);
        return;
    }
    aut_buffer_t text = {0};
    aut_broker_metrics (self, &text);
    aut_buffer_text (out, "{\"text\":");
    aut_buffer_json_string (out, text.data ? text.data : "");
    aut_buffer_text (out, "}");
    aut_buffer_clear (&text);
}

void aut_broker_answer (aut_broker_t *self, aut_query_t *query)
{
    aut_buffer_t out = {0};
    switch (query->kind) {
    case AUT_QUERY_STATUS:
        answer_status (self, &out);
        break;
    case AUT_QUERY_JOBS:
        answer_jobs (self, query, &out);
        break;
    case AUT_QUERY_JOB:
        answer_job (self, query, &out);
        break;
    case AUT_QUERY_NODES:
        answer_nodes (self, query, &out);
        break;
    case AUT_QUERY_METRICS:
        answer_metrics (self, query, &out);
        break;
    case AUT_QUERY_EVENTS:
        answer_events (self, query, &out);
        break;
    }
    query->text = aut_buffer_take (&out, &query->size);
    __atomic_add_fetch (&self->queries_answered, 1, __ATOMIC_RELAXED);
}
