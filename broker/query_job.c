/*  `{"get":"job"}`: a job with its shots and chunks, how far each is, what it has left and why it
 *  does not run.
 *
 *  What goes on is the core's, and how done chunks were made is the store's, read in one walk for
 *  the page; jobs that the core has let go are the store's altogether. */
#include "broker/query.h"

#include "lib/core/error.h"
#include "lib/core/mem.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define SHOTS_LIMIT 10000
#define ITEMS 64 /* rows at a time */

/* ---- what other answers have too ------------------------------------------------------------- */

bool aut_query_may_see (const aut_query_t *query, const aut_entry_t *entry)
{
    return !query->owner[0] || strcmp (query->owner, entry->owner) == 0;
}

const aut_entry_t *aut_query_find (aut_broker_t *self, const aut_query_t *query, aut_buffer_t *out)
{
    const aut_entry_t *entry = aut_catalogue_find (self->catalogue, query->id);
    if (entry && aut_query_may_see (query, entry))
        return entry;
    char *message = aut_sprintf ("there is no job j%" PRIu64, query->id);
    aut_query_put_error (out, "not-found", message);
    free (message);
    return NULL;
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

void aut_query_put_job (aut_broker_t *self, const aut_entry_t *entry, aut_buffer_t *out)
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

const char *aut_query_shot_state (const uint32_t counts[AUT_TASK_STATES], uint32_t total)
{
    if (counts[AUT_TASK_FAILED])
        return "failed";
    if (counts[AUT_TASK_CANCELLED])
        return "cancelled";
    if (counts[AUT_TASK_DONE] == total)
        return "done";
    return counts[AUT_TASK_LEASED] || counts[AUT_TASK_DONE] ? "running" : "queued";
}

void aut_query_wait (aut_broker_t *self, const aut_entry_t *entry, const aut_core_task_info_t *info,
                     uint32_t before, char *text, size_t size)
{
    aut_core_task_info_t after;
    if (info->wait == AUT_WAIT_TASK && aut_core_task (self->core, info->after, &after) == 0 &&
        after.shot < entry->shot_count)
        snprintf (text, size, "waits for %s chunk %u", entry->shots[after.shot], after.chunk + 1);
    else if (info->wait == AUT_WAIT_WORKER && before)
        snprintf (text, size, "waits for its turn: %u task%s before it", before,
                  before == 1 ? "" : "s");
    else
        aut_core_wait_text (info, text, size);
}

static void put_figures (double progress, double left_s, const char *wait, aut_buffer_t *out)
{
    aut_buffer_text (out, ",\"progress\":");
    aut_query_put_part (progress, out);
    aut_buffer_text (out, ",\"left_s\":");
    aut_query_put_seconds (out, left_s);
    aut_buffer_text (out, ",\"wait\":");
    aut_query_put_text (out, wait);
}

/*  Of a job whose outlook is known; `forecasts` may be NULL. */
static void put_outlook (aut_broker_t *self, const aut_entry_t *entry,
                         const aut_core_outlook_t *outlook, const aut_core_forecast_t *forecasts,
                         aut_buffer_t *out)
{
    aut_core_task_info_t info;
    char wait[256] = "";
    if (!outlook->running && outlook->waits && !aut_core_task (self->core, outlook->waits, &info))
        aut_query_wait (self, entry, &info,
                        forecasts ? forecasts[outlook->waits - entry->first_task].before : 0, wait,
                        sizeof wait);
    put_figures (outlook->progress, outlook->left_s, wait, out);
}

void aut_query_put_outlook (aut_broker_t *self, const aut_entry_t *entry, size_t *budget,
                            aut_buffer_t *out)
{
    aut_core_job_info_t info;
    aut_core_outlook_t outlook;
    double all = entry->task_count ? entry->task_count : 1;
    bool held = aut_core_job (self->core, entry->id, &info) == 0;
    double done = held ? info.tasks[AUT_TASK_DONE] : entry->counts[AUT_STORE_DONE];
    if (!held || info.state >= AUT_JOB_DONE || *budget < entry->task_count ||
        aut_core_outlook (self->core, entry->id, &outlook, NULL)) {
        put_figures (done / all, -1, "", out);
        return;
    }
    *budget -= entry->task_count;
    put_outlook (self, entry, &outlook, NULL, out);
}

/* ---- one job --------------------------------------------------------------------------------- */

/*  How a done chunk was made. */
typedef struct {
    char *node, *device;
    double seconds;
    aut_hash_t preview;
    bool known;
} made_t;

/*  An answer under way: the shots `from` … `to` − 1 of a job. */
typedef struct {
    aut_broker_t *broker;
    const aut_entry_t *entry;
    uint32_t from, to;
    uint32_t first;                 /* ordinal of the page's first task */
    made_t *made;                   /* from there on */
    aut_core_forecast_t *forecasts; /* of the whole job; NULL: the core has let it go */
    aut_store_shot_t *shots;        /* of the page */
    uint32_t shot_count;
    int64_t now;
} page_t;

/*  One chunk of a listing, wherever it was read. */
typedef struct {
    uint64_t task;
    uint32_t index, attempt, step, steps;
    bool upscale;
    aut_task_state_t state;
    const char *node, *device, *error, *wait;
    double progress, seconds, left_s;
    aut_hash_t preview; /* zero = none */
} chunk_t;

/*  What the chunks of a shot add up to. */
typedef struct {
    uint32_t counts[AUT_TASK_STATES], total;
    double cost, done, left_s;
    bool unknown; /* when it ends */
    char wait[256];
    aut_buffer_t chunks;
} shot_t;

static int note_made (void *ctx, const aut_store_attempt_t *attempt)
{
    page_t *page = ctx;
    made_t *made = &page->made[attempt->task - page->entry->first_task - page->first];
    made->known = true;
    made->node = aut_strdup (attempt->node);
    made->device = aut_strdup (attempt->device);
    made->seconds = attempt->seconds;
    made->preview = attempt->preview;
    return 0;
}

static void put_chunk (const chunk_t *chunk, aut_buffer_t *out)
{
    char hex[AUT_HASH_HEX] = "";
    aut_buffer_format (
        out, "{\"index\":%u,\"task\":\"t%" PRIu64 "\",\"state\":\"%s\",\"attempt\":%u,\"node\":",
        chunk->index, chunk->task, aut_task_state_text (chunk->state), chunk->attempt);
    aut_query_put_text (out, chunk->node);
    aut_buffer_text (out, ",\"device\":");
    aut_query_put_text (out, chunk->device);
    aut_buffer_text (out, ",\"progress\":");
    aut_query_put_part (chunk->progress, out);
    if (chunk->state == AUT_TASK_LEASED && chunk->steps)
        aut_buffer_format (out, ",\"step\":%u,\"steps\":%u", chunk->step, chunk->steps);
    aut_buffer_text (out, ",\"seconds\":");
    if (chunk->seconds < 0)
        aut_buffer_text (out, "null");
    else
        aut_query_put_part (chunk->seconds, out);
    aut_buffer_text (out, ",\"left_s\":");
    aut_query_put_seconds (out, chunk->left_s);
    aut_buffer_text (out, ",\"preview\":");
    aut_query_put_text (
        out, aut_hash_is_zero (&chunk->preview) ? "" : aut_hash_hex (&chunk->preview, hex));
    aut_buffer_text (out, ",\"error\":");
    aut_query_put_text (out, chunk->error);
    aut_buffer_text (out, ",\"wait\":");
    aut_query_put_text (out, chunk->wait);
    aut_buffer_text (out, chunk->upscale ? ",\"kind\":\"upscale\"}" : "}");
}

/*  Completes a chunk by how it was made, and adds it to its shot. */
static void add_chunk (const page_t *page, shot_t *shot, chunk_t *chunk, double cost)
{
    uint32_t ordinal = (uint32_t)(chunk->task - page->entry->first_task);
    const made_t *made = &page->made[ordinal - page->first];
    if (chunk->state == AUT_TASK_DONE && made->known) {
        chunk->node = made->node;
        chunk->device = made->device;
        chunk->seconds = made->seconds;
        chunk->preview = made->preview;
    }
    shot->counts[chunk->state]++;
    shot->cost += cost;
    shot->done += cost * chunk->progress;
    if (!shot->wait[0])
        snprintf (shot->wait, sizeof shot->wait, "%s", chunk->wait);
    if (page->forecasts && chunk->state < AUT_TASK_DONE) {
        double until = page->forecasts[ordinal].until_s;
        shot->unknown |= until < 0;
        if (until > shot->left_s)
            shot->left_s = until;
    }
    aut_buffer_text (&shot->chunks, shot->total++ ? "," : "");
    put_chunk (chunk, &shot->chunks);
}

/*  The chunks of one shot as the core has them. */
static void add_of_core (const page_t *page, uint32_t ordinal, shot_t *shot)
{
    aut_broker_t *broker = page->broker;
    const aut_core_forecast_t *forecast = &page->forecasts[ordinal];
    aut_core_task_info_t info;
    char wait[256];
    if (aut_core_task (broker->core, page->entry->first_task + ordinal, &info))
        return;
    aut_query_wait (broker, page->entry, &info, forecast->before, wait, sizeof wait);
    bool leased = info.state == AUT_TASK_LEASED;
    chunk_t chunk = {
        .task = info.id,
        .index = info.chunk,
        .upscale = info.upscale,
        .attempt = info.attempt,
        .step = info.step,
        .steps = info.steps,
        .state = info.state,
        .node = leased ? info.node : "",
        .device = leased ? info.device : "",
        .error = info.message,
        .wait = wait,
        .progress = info.state == AUT_TASK_DONE
                        ? 1
                        : aut_core_part (info.step, info.steps, info.frame, info.frames),
        .seconds = leased ? (double)(page->now - info.leased_ms) / 1000 : -1,
        .left_s = forecast->left_s,
    };
    if (leased && chunk.seconds < 0)
        chunk.seconds = 0;
    if (leased && aut_live_has (broker->live, info.id, &info.preview))
        chunk.preview = info.preview;
    add_chunk (page, shot, &chunk, forecast->cost);
}

/*  The same for a job that ended long ago, from the store. */
static void add_of_store (const page_t *page, const aut_store_item_t *item, shot_t *shot)
{
    aut_task_state_t state = (aut_task_state_t)item->state;
    bool done = state == AUT_TASK_DONE;
    chunk_t chunk = {.task = item->task,
                     .index = item->chunk,
                     .upscale = item->upscale,
                     .attempt = item->attempt,
                     .state = state,
                     .node = item->node,
                     .device = item->device,
                     .error = item->message,
                     .wait = "",
                     .progress = done,
                     .seconds = -1,
                     .left_s = -1};
    add_chunk (page, shot, &chunk, item->cost);
}

static void add_chunks (const page_t *page, uint32_t index, shot_t *shot)
{
    const aut_entry_t *entry = page->entry;
    uint32_t at = entry->shot_first[index], end = entry->shot_first[index + 1];
    if (page->forecasts) {
        for (; at < end; at++)
            add_of_core (page, at, shot);
        return;
    }
    aut_store_item_t *items = aut_calloc (ITEMS, sizeof *items);
    for (uint32_t got = 1; at < end && got; at += got) {
        uint32_t want = end - at < ITEMS ? end - at : ITEMS;
        if (aut_store_items (page->broker->store, entry->id, at, want, items, &got))
            break;
        for (uint32_t i = 0; i < got; i++)
            add_of_store (page, &items[i], shot);
    }
    free (items);
}

static void put_shot (const page_t *page, uint32_t index, aut_buffer_t *out)
{
    const aut_store_shot_t *about = NULL;
    shot_t shot = {0};
    if (index - page->from < page->shot_count)
        about = &page->shots[index - page->from];
    add_chunks (page, index, &shot);
    bool ended = shot.counts[AUT_TASK_DONE] + shot.counts[AUT_TASK_FAILED] +
                     shot.counts[AUT_TASK_CANCELLED] ==
                 shot.total;
    aut_buffer_text (out, "{\"id\":");
    aut_buffer_json_string (out, page->entry->shots[index]);
    aut_buffer_text (out, ",\"scene\":");
    aut_query_put_text (out, about ? about->scene : "");
    aut_buffer_format (
        out, ",\"state\":\"%s\",\"frames\":", aut_query_shot_state (shot.counts, shot.total));
    if (about && about->frames)
        aut_buffer_format (out, "%u", about->frames);
    else
        aut_buffer_text (out, "null");
    put_figures (shot.cost > 0 ? shot.done / shot.cost : 0,
                 ended || shot.unknown || !page->forecasts ? -1 : shot.left_s,
                 ended || shot.counts[AUT_TASK_LEASED] ? "" : shot.wait, out);
    aut_buffer_text (out, ",\"chunks\":[");
    if (shot.chunks.size)
        aut_buffer_append (out, shot.chunks.data, shot.chunks.size);
    aut_buffer_text (out, "]}");
    aut_buffer_clear (&shot.chunks);
}

static void open_page (page_t *page, const aut_query_t *query)
{
    const aut_entry_t *entry = page->entry;
    uint32_t limit = aut_query_limit (query, SHOTS_LIMIT);
    page->now = aut_mono_ms (page->broker->clock);
    page->from = query->after < entry->shot_count ? (uint32_t)query->after : entry->shot_count;
    page->to = entry->shot_count - page->from < limit ? entry->shot_count : page->from + limit;
    page->first = entry->shot_first[page->from];
    uint32_t end = entry->shot_first[page->to];
    page->made = aut_calloc (end - page->first + 1u, sizeof *page->made);
    page->shots = aut_calloc (page->to - page->from + 1u, sizeof *page->shots);
    aut_store_attempts (page->broker->store, entry->first_task + page->first,
                        entry->first_task + end, false, note_made, page);
    aut_store_shots (page->broker->store, entry->id, page->from, page->to - page->from, page->shots,
                     &page->shot_count);
}

static void close_page (page_t *page)
{
    uint32_t end = page->entry->shot_first[page->to];
    for (uint32_t i = 0; i < end - page->first; i++) {
        free (page->made[i].node);
        free (page->made[i].device);
    }
    free (page->made);
    free (page->shots);
    free (page->forecasts);
}

void aut_query_answer_job (aut_broker_t *self, const aut_query_t *query, aut_buffer_t *out)
{
    page_t page = {.broker = self, .entry = aut_query_find (self, query, out)};
    const aut_entry_t *entry = page.entry;
    aut_core_outlook_t outlook;
    aut_store_job_t stored;
    char hex[AUT_HASH_HEX];
    size_t budget = 0;
    if (!entry)
        return;
    open_page (&page, query);
    page.forecasts = aut_calloc (entry->task_count + 1u, sizeof *page.forecasts);
    bool held = aut_core_outlook (self->core, entry->id, &outlook, page.forecasts) == 0;
    if (held && outlook.open) {
        aut_core_turns (self->core, entry->id, page.forecasts);
    } else if (!held) {
        free (page.forecasts);
        page.forecasts = NULL;
    }
    aut_query_put_job (self, entry, out);
    if (held)
        put_outlook (self, entry, &outlook, page.forecasts, out);
    else
        aut_query_put_outlook (self, entry, &budget, out);
    if (aut_store_job (self->store, entry->id, &stored) == 0)
        aut_buffer_format (out, ",\"submission\":\"%s\"", aut_hash_hex (&stored.submission, hex));
    aut_buffer_format (out, ",\"seq\":%" PRIu64 ",\"shots\":[", self->ring.seq);
    for (uint32_t shot = page.from; shot < page.to; shot++) {
        aut_buffer_text (out, shot > page.from ? "," : "");
        put_shot (&page, shot, out);
    }
    aut_buffer_text (out, "]");
    if (page.to < entry->shot_count)
        aut_buffer_format (out, ",\"next\":%u", page.to);
    aut_buffer_text (out, "}");
    close_page (&page);
}
