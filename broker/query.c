/*  Answers of the status socket and of HTTP, made by the loop between batches: what they say is
 *  committed, and agrees with the event sequence that they name. One job is in query_job.c, its
 *  story in query_explain.c. */
#include "broker/query.h"

#include "lib/core/error.h"
#include "lib/core/mem.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define JOBS_LIMIT 10000
#define NODES_LIMIT 10000
#define OUTLOOK_BUDGET 200000 /* tasks that a list of jobs may look at */

void aut_query_destroy (void *item)
{
    aut_query_t *query = item;
    if (query)
        free (query->text);
    free (query);
}

uint32_t aut_query_limit (const aut_query_t *query, uint32_t most)
{
    return query->limit && query->limit < most ? query->limit : most;
}

void aut_query_put_error (aut_buffer_t *out, const char *code, const char *message)
{
    aut_buffer_format (out, "{\"error\":{\"code\":\"%s\",\"message\":", code);
    aut_buffer_json_string (out, message);
    aut_buffer_text (out, "}}");
}

void aut_query_put_text (aut_buffer_t *out, const char *text)
{
    if (text && text[0])
        aut_buffer_json_string (out, text);
    else
        aut_buffer_text (out, "null");
}

void aut_query_put_seconds (aut_buffer_t *out, double seconds)
{
    if (seconds < 0)
        aut_buffer_text (out, "null");
    else
        aut_buffer_format (out, "%" PRIu64,
                           seconds < 1e15 ? (uint64_t)(seconds + 0.5) : (uint64_t)1e15);
}

/*  Thousandths by hand: printf's decimal point follows the locale. */
void aut_query_put_part (double part, aut_buffer_t *out)
{
    uint64_t thousandths = part > 0 ? (uint64_t)(part * 1000) : 0;
    aut_buffer_format (out, "%" PRIu64 ".%03u", thousandths / 1000, (unsigned)(thousandths % 1000));
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

static void answer_jobs (aut_broker_t *self, const aut_query_t *query, aut_buffer_t *out)
{
    uint32_t limit = aut_query_limit (query, JOBS_LIMIT), count = 0;
    uint64_t after = query->after;
    const aut_entry_t *entry;
    size_t budget = OUTLOOK_BUDGET;
    aut_buffer_text (out, "{\"jobs\":[");
    while (count < limit && (entry = aut_catalogue_next (self->catalogue, after))) {
        after = entry->id;
        if (!aut_query_may_see (query, entry))
            continue;
        aut_buffer_text (out, count++ ? "," : "");
        aut_query_put_job (self, entry, out);
        aut_query_put_outlook (self, entry, &budget, out);
        aut_buffer_format (out, ",\"shots\":{\"total\":%u,\"done\":%u}}", entry->shot_count,
                           entry->shots_done);
    }
    aut_buffer_text (out, "]");
    if (aut_catalogue_next (self->catalogue, after))
        aut_buffer_format (out, ",\"next\":%" PRIu64, after);
    aut_buffer_text (out, "}");
}

/*  What a worker runs: the task's name for all, what it is of for those who may see that job. */
static void put_worker_task (aut_broker_t *self, const aut_query_t *query, uint64_t id,
                             aut_buffer_t *out)
{
    aut_core_task_info_t task;
    const aut_entry_t *entry = NULL;
    aut_buffer_format (out, ",\"task\":\"t%" PRIu64 "\"", id);
    if (aut_core_task (self->core, id, &task) == 0)
        entry = aut_catalogue_find (self->catalogue, task.job);
    if (!entry || !aut_query_may_see (query, entry) || task.shot >= entry->shot_count)
        return;
    aut_buffer_format (out, ",\"job\":\"j%" PRIu64 "\",\"shot\":", task.job);
    aut_buffer_json_string (out, entry->shots[task.shot]);
    aut_buffer_format (out, ",\"chunk\":%u,\"progress\":", task.chunk);
    aut_query_put_part (aut_core_part (task.step, task.steps, task.frame, task.frames), out);
}

static void put_workers (aut_broker_t *self, const aut_query_t *query, uint64_t node,
                         aut_buffer_t *out)
{
    aut_core_worker_info_t worker;
    for (uint32_t i = 0; aut_core_worker (self->core, node, i, &worker) == 0; i++) {
        aut_buffer_format (out, "%s{\"id\":%u,\"device\":", i ? "," : "", worker.id);
        aut_buffer_json_string (out, worker.device);
        aut_buffer_format (out, ",\"state\":\"%s\",\"memory\":%" PRIu64 ",\"model\":",
                           worker.load ? "busy" : "idle", worker.memory);
        aut_buffer_json_string (out, worker.model);
        if (worker.task)
            put_worker_task (self, query, worker.task, out);
        else
            aut_buffer_text (out, ",\"task\":null");
        aut_buffer_text (out, "}");
    }
}

static void answer_nodes (aut_broker_t *self, const aut_query_t *query, aut_buffer_t *out)
{
    uint32_t limit = aut_query_limit (query, NODES_LIMIT), count = 0;
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
        put_workers (self, query, node.id, out);
        aut_buffer_text (out, "]}");
    }
    aut_buffer_text (out, "]");
    if (aut_core_next_node (self->core, after, &node) == 0)
        aut_buffer_format (out, ",\"next\":%" PRIu64, after);
    aut_buffer_text (out, "}");
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
        aut_query_answer_job (self, query, &out);
        break;
    case AUT_QUERY_NODES:
        answer_nodes (self, query, &out);
        break;
    case AUT_QUERY_METRICS:
        answer_metrics (self, query, &out);
        break;
    case AUT_QUERY_EVENTS:
        aut_events_answer (self, query, &out);
        break;
    case AUT_QUERY_EXPLAIN:
        aut_query_explain (self, query, &out);
        break;
    }
    query->text = aut_buffer_take (&out, &query->size);
    __atomic_add_fetch (&self->queries_answered, 1, __ATOMIC_RELAXED);
}
