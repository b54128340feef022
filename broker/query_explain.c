/*  `{"get":"explain"}`: the story of a job, as the store has it: what became of it, and every
 * attempt at every chunk. */
#include "broker/query.h"

#include "lib/core/error.h"
#include "lib/core/mem.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define SHOTS_LIMIT 500
#define CHUNKS_LIMIT 1000 /* of a page of several shots */
#define STORY_LIMIT AUT_STORE_STORY_KEPT
#define ITEMS 64

static const char *const ends[AUT_STORE_ENDS] = {
    [AUT_STORE_RUNS] = "running",
    [AUT_STORE_ENDED_DONE] = "done",
    [AUT_STORE_ENDED_FAILED] = "failed",
    [AUT_STORE_ENDED_MOVED] = "moved",
    [AUT_STORE_ENDED_LOST] = "lost",
    [AUT_STORE_ENDED_RELEASED] = "released",
    [AUT_STORE_ENDED_CANCELLED] = "cancelled",
    [AUT_STORE_ENDED_ADOPTED] = "adopted",
};

static const char *const told[] = {
    [AUT_STORE_TOLD_RUNNING] = "running", [AUT_STORE_TOLD_DONE] = "done",
    [AUT_STORE_TOLD_FAILED] = "failed",   [AUT_STORE_TOLD_CANCELLED] = "cancelled",
    [AUT_STORE_TOLD_RETRIED] = "retried",
};

/*  What the attempts at one task have come to so far, as JSON. */
typedef struct {
    aut_buffer_t ended, last; /* `last`: the one that made its result, or runs */
    aut_buffer_t cached;
} attempts_t;

typedef struct {
    aut_broker_t *broker;
    const aut_query_t *query;
    const aut_entry_t *entry;
    uint32_t first, count; /* ordinals of the page */
    attempts_t *attempts;  /* from there on */
    aut_core_forecast_t *forecasts;
} explain_t;

static void put_ms (int64_t ms, aut_buffer_t *out)
{
    if (ms > 0)
        aut_buffer_format (out, "%" PRId64, ms);
    else
        aut_buffer_text (out, "null");
}

/*  A result that was made for another task. Whose job that is, is told to those who may see it. */
static void put_cached (const explain_t *self, const aut_store_attempt_t *a, aut_buffer_t *out)
{
    const aut_entry_t *entry = aut_catalogue_of_task (self->broker->catalogue, a->maker);
    if (entry && aut_query_may_see (self->query, entry))
        aut_buffer_format (out, "{\"job\":\"j%" PRIu64 "\",\"task\":\"t%" PRIu64 "\",\"node\":",
                           entry->id, a->maker);
    else
        aut_buffer_text (out, "{\"job\":null,\"task\":null,\"node\":");
    aut_query_put_text (out, a->node);
    aut_buffer_text (out, ",\"device\":");
    aut_query_put_text (out, a->device);
    aut_buffer_text (out, "}");
}

static void put_attempt (const aut_store_attempt_t *a, aut_buffer_t *out)
{
    aut_buffer_format (out, "%s{\"attempt\":%u,\"node\":", out->size ? "," : "", a->attempt);
    aut_query_put_text (out, a->node);
    aut_buffer_text (out, ",\"device\":");
    aut_query_put_text (out, a->device);
    aut_buffer_text (out, ",\"assigned_ms\":");
    put_ms (a->assigned_ms, out);
    aut_buffer_text (out, ",\"ended_ms\":");
    put_ms (a->ended_ms, out);
    aut_buffer_format (out, ",\"result\":\"%s\",\"code\":",
                       (unsigned)a->end < AUT_STORE_ENDS ? ends[a->end] : "unknown");
    aut_query_put_text (out, a->code);
    aut_buffer_text (out, ",\"message\":");
    aut_query_put_text (out, a->message);
    aut_buffer_text (out, ",\"seconds\":");
    if (a->end == AUT_STORE_ENDED_DONE)
        aut_query_put_part (a->seconds, out);
    else
        aut_buffer_text (out, "null");
    aut_buffer_text (out, "}");
}

static int take_attempt (void *ctx, const aut_store_attempt_t *a)
{
    explain_t *self = ctx;
    uint64_t place = a->task - self->entry->first_task - self->first;
    if (place >= self->count)
        return 0;
    attempts_t *attempts = &self->attempts[place];
    if (a->end == AUT_STORE_ENDED_DONE && a->maker != a->task)
        put_cached (self, a, &attempts->cached);
    else if (a->end == AUT_STORE_ENDED_DONE || a->end == AUT_STORE_RUNS)
        put_attempt (a, &attempts->last);
    else
        put_attempt (a, &attempts->ended);
    return 0;
}

static void put_attempts (const attempts_t *attempts, aut_buffer_t *out)
{
    aut_buffer_text (out, ",\"cached\":");
    aut_buffer_text (out, attempts->cached.size ? attempts->cached.data : "null");
    aut_buffer_text (out, ",\"attempts\":[");
    if (attempts->ended.size)
        aut_buffer_append (out, attempts->ended.data, attempts->ended.size);
    if (attempts->ended.size && attempts->last.size)
        aut_buffer_text (out, ",");
    if (attempts->last.size)
        aut_buffer_append (out, attempts->last.data, attempts->last.size);
    aut_buffer_text (out, "]}");
}

static aut_task_state_t put_chunk (const explain_t *self, const aut_store_item_t *item,
                                   aut_buffer_t *out)
{
    aut_core_task_info_t info;
    aut_task_state_t state = (aut_task_state_t)item->state;
    char wait[256] = "";
    if (self->forecasts && aut_core_task (self->broker->core, item->task, &info) == 0) {
        state = info.state;
        aut_query_wait (self->broker, self->entry, &info, self->forecasts[item->ordinal].before,
                        wait, sizeof wait);
    }
    aut_buffer_format (out, "{\"index\":%u,\"task\":\"t%" PRIu64 "\",%s\"model\":", item->chunk,
                       item->task, item->upscale ? "\"kind\":\"upscale\"," : "");
    aut_query_put_text (out, item->model);
    aut_buffer_format (out, ",\"state\":\"%s\",\"wait\":", aut_task_state_text (state));
    aut_query_put_text (out, wait);
    aut_buffer_text (out, ",\"error\":");
    aut_query_put_text (out, item->message);
    put_attempts (&self->attempts[item->ordinal - self->first], out);
    return state;
}

static void put_shot (const explain_t *self, uint32_t index, const aut_store_shot_t *about,
                      aut_buffer_t *out)
{
    const aut_entry_t *entry = self->entry;
    uint32_t counts[AUT_TASK_STATES] = {0}, total = 0;
    uint32_t at = entry->shot_first[index], end = entry->shot_first[index + 1];
    aut_store_item_t *items = aut_calloc (ITEMS, sizeof *items);
    aut_buffer_t chunks = {0};
    for (uint32_t got = 1; at < end && got; at += got) {
        uint32_t want = end - at < ITEMS ? end - at : ITEMS;
        if (aut_store_items (self->broker->store, entry->id, at, want, items, &got))
            break;
        for (uint32_t i = 0; i < got; i++) {
            aut_buffer_text (&chunks, total++ ? "," : "");
            counts[put_chunk (self, &items[i], &chunks)]++;
        }
    }
    free (items);
    aut_buffer_text (out, "{\"id\":");
    aut_buffer_json_string (out, entry->shots[index]);
    aut_buffer_text (out, ",\"scene\":");
    aut_query_put_text (out, about ? about->scene : "");
    aut_buffer_text (out, ",\"frames\":");
    if (about && about->frames)
        aut_buffer_format (out, "%u", about->frames);
    else
        aut_buffer_text (out, "null");
    aut_buffer_format (out, ",\"state\":\"%s\",\"chunks\":[", aut_query_shot_state (counts, total));
    if (chunks.size)
        aut_buffer_append (out, chunks.data, chunks.size);
    aut_buffer_text (out, "]}");
    aut_buffer_clear (&chunks);
}

static void put_shots (explain_t *self, uint32_t from, uint32_t to, aut_buffer_t *out)
{
    const aut_entry_t *entry = self->entry;
    aut_broker_t *broker = self->broker;
    uint32_t known = 0;
    self->first = entry->shot_first[from];
    self->count = entry->shot_first[to] - self->first;
    self->attempts = aut_calloc (self->count + 1u, sizeof *self->attempts);
    aut_store_shot_t *shots = aut_calloc (to - from + 1u, sizeof *shots);
    aut_store_shots (broker->store, entry->id, from, to - from, shots, &known);
    aut_store_attempts (broker->store, entry->first_task + self->first,
                        entry->first_task + self->first + self->count, true, take_attempt, self);
    for (uint32_t i = from; i < to; i++) {
        aut_buffer_text (out, i > from ? "," : "");
        put_shot (self, i, i - from < known ? &shots[i - from] : NULL, out);
    }
    for (uint32_t i = 0; i < self->count; i++) {
        aut_buffer_clear (&self->attempts[i].ended);
        aut_buffer_clear (&self->attempts[i].last);
        aut_buffer_clear (&self->attempts[i].cached);
    }
    free (self->attempts);
    free (shots);
}

/*  When it ended, and all that became of it. */
static void put_story (const explain_t *self, bool ended, aut_buffer_t *out)
{
    aut_store_story_t *items = aut_calloc (STORY_LIMIT, sizeof *items);
    uint32_t count = 0;
    aut_store_story (self->broker->store, self->entry->id, STORY_LIMIT, items, &count);
    aut_buffer_format (out, ",\"submitted_ms\":%" PRId64 ",\"ended_ms\":", self->entry->created_ms);
    put_ms (ended && count ? items[count - 1].at_ms : 0, out);
    aut_buffer_format (out, ",\"story\":[{\"at_ms\":%" PRId64 ",\"what\":\"submitted\"}",
                       self->entry->created_ms);
    for (uint32_t i = 0; i < count; i++)
        if ((unsigned)items[i].what < sizeof told / sizeof *told && told[items[i].what])
            aut_buffer_format (out, ",{\"at_ms\":%" PRId64 ",\"what\":\"%s\"}", items[i].at_ms,
                               told[items[i].what]);
    aut_buffer_text (out, "]");
    free (items);
}

void aut_query_explain (aut_broker_t *self, const aut_query_t *query, aut_buffer_t *out)
{
    explain_t explain = {
        .broker = self, .query = query, .entry = aut_query_find (self, query, out)};
    const aut_entry_t *entry = explain.entry;
    aut_core_outlook_t outlook;
    aut_core_job_info_t info;
    aut_store_job_t stored;
    char hex[AUT_HASH_HEX];
    size_t budget = entry ? entry->task_count : 0;
    if (!entry)
        return;
    uint32_t limit = aut_query_limit (query, SHOTS_LIMIT);
    uint32_t from = query->after < entry->shot_count ? (uint32_t)query->after : entry->shot_count;
    uint32_t to = entry->shot_count - from < limit ? entry->shot_count : from + limit;
    while (to > from + 1 && entry->shot_first[to] - entry->shot_first[from] > CHUNKS_LIMIT)
        to--;
    bool held = aut_core_job (self->core, entry->id, &info) == 0;
    if (held) {
        explain.forecasts = aut_calloc (entry->task_count + 1u, sizeof *explain.forecasts);
        aut_core_outlook (self->core, entry->id, &outlook, explain.forecasts);
        aut_core_turns (self->core, entry->id, explain.forecasts);
    }
    aut_query_put_job (self, entry, out);
    aut_query_put_outlook (self, entry, &budget, out);
    if (aut_store_job (self->store, entry->id, &stored) == 0)
        aut_buffer_format (out, ",\"submission\":\"%s\"", aut_hash_hex (&stored.submission, hex));
    put_story (&explain, held ? info.state >= AUT_JOB_DONE : true, out);
    aut_buffer_text (out, ",\"shots\":[");
    put_shots (&explain, from, to, out);
    aut_buffer_text (out, "]");
    if (to < entry->shot_count)
        aut_buffer_format (out, ",\"next\":%u", to);
    aut_buffer_text (out, "}");
    free (explain.forecasts);
}
