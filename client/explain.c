#include "client/explain.h"
#include "client/query.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define COLUMNS 80
#define INDENT 14 /* of what follows a time */

typedef struct {
    aut_buffer_t *out;
    int64_t day_of_ms; /* the last time that was written: its day need not be said again */
} text_t;

/* What the attempts of a job came to. */
typedef struct {
    unsigned chunks, done, cached, attempts;
    unsigned results[7];
} tally_t;

static const char *const results[7] = {"done",     "failed",    "moved",  "lost",
                                       "released", "cancelled", "running"};

void aut_explain_duration (int64_t ms, aut_buffer_t *out)
{
    int64_t s = ms > 0 ? (ms + 500) / 1000 : 0, tenths = ms > 0 ? (ms + 50) / 100 : 0;
    if (tenths < 100)
        aut_buffer_format (out, "%lld.%lld s", (long long)tenths / 10, (long long)tenths % 10);
    else if (s < 100)
        aut_buffer_format (out, "%lld s", (long long)s);
    else if (s < 3600)
        aut_buffer_format (out, "%lld min %lld s", (long long)s / 60, (long long)s % 60);
    else if (s < 86400)
        aut_buffer_format (out, "%lld h %lld min", (long long)s / 3600, (long long)s / 60 % 60);
    else
        aut_buffer_format (out, "%lld d %lld h", (long long)s / 86400, (long long)s / 3600 % 24);
}

static bool same_day (int64_t a_ms, int64_t b_ms)
{
    time_t a = (time_t)(a_ms / 1000), b = (time_t)(b_ms / 1000);
    struct tm x, y;
    localtime_r (&a, &x);
    localtime_r (&b, &y);
    return x.tm_year == y.tm_year && x.tm_yday == y.tm_yday;
}

/* A line of its own when the day is another than the last one's, then the time of day. */
static void put_time (text_t *self, int64_t ms)
{
    time_t seconds = (time_t)(ms / 1000);
    struct tm tm;
    char text[64];
    localtime_r (&seconds, &tm);
    if (!same_day (ms, self->day_of_ms)) {
        strftime (text, sizeof text, "%a %d %b %Y", &tm);
        aut_buffer_format (self->out, "    %s\n", text);
    }
    self->day_of_ms = ms;
    strftime (text, sizeof text, "%H:%M:%S", &tm);
    aut_buffer_format (self->out, "    %s  ", text);
}

/* Words from column `indent` on, broken at spaces before the last column. */
static void put_wrapped (aut_buffer_t *out, const char *text, size_t column, size_t indent)
{
    aut_buffer_t shown = {0};
    aut_buffer_printable (&shown, text);
    const char *word = shown.data ? shown.data : "";
    while (*word) {
        size_t len = strcspn (word, " "), width = 0;
        for (size_t i = 0; i < len; i++)
            width += ((unsigned char)word[i] & 0xc0) != 0x80;
        if (column > indent && column + width + 1 > COLUMNS) {
            aut_buffer_format (out, "\n%*s", (int)indent, "");
            column = indent;
        } else if (column > indent && out->data[out->size - 1] != ' ') {
            aut_buffer_text (out, " ");
            column++;
        }
        aut_buffer_append (out, word, len);
        column += width;
        word += len + strspn (word + len, " ");
    }
    aut_buffer_clear (&shown);
    aut_buffer_text (out, "\n");
}

static void put_name (aut_buffer_t *out, const json_t *object, const char *key, const char *none)
{
    const char *text = aut_query_text (object, key);
    aut_buffer_printable (out, *text ? text : none);
}

static void put_duration (aut_buffer_t *out, const char *before, int64_t ms)
{
    aut_buffer_text (out, before);
    aut_explain_duration (ms, out);
}

/* ---- attempts -------------------------------------------------------------------------------- */

/* Where, and how it went, in words. `free_ms` is when it could have been handed out. */
static void describe (const json_t *attempt, int64_t free_ms, aut_buffer_t *line)
{
    const char *result = aut_query_text (attempt, "result");
    int64_t assigned = aut_query_int (attempt, "assigned_ms");
    int64_t ended = aut_query_int (attempt, "ended_ms");
    const json_t *seconds = json_object_get (attempt, "seconds");
    aut_buffer_format (line, "#%lld on ", (long long)aut_query_int (attempt, "attempt"));
    aut_buffer_text (line, *aut_query_text (attempt, "node") ? aut_query_text (attempt, "node")
                                                             : "an unknown node");
    if (*aut_query_text (attempt, "device"))
        aut_buffer_format (line, " (%s)", aut_query_text (attempt, "device"));
    if (assigned && free_ms && assigned - free_ms >= 500)
        put_duration (line, ", which it waited for ", assigned - free_ms);
    if (strcmp (result, "done") == 0 && json_is_number (seconds))
        put_duration (line, ": done in ", (int64_t)(json_number_value (seconds) * 1000));
    else if (strcmp (result, "running") == 0)
        aut_buffer_text (line, ": running");
    else if (assigned && ended >= assigned) {
        aut_buffer_format (line, ": %s after ", result);
        aut_explain_duration (ended - assigned, line);
    } else
        aut_buffer_format (line, ": %s", result);
    if (strcmp (result, "moved") == 0)
        aut_buffer_text (line, ", to a device with more memory");
    if (strcmp (result, "lost") == 0)
        aut_buffer_text (line, ": its node went silent or its lease ran out");
    if (strcmp (result, "released") == 0)
        aut_buffer_text (line, ": the node drained");
    if (*aut_query_text (attempt, "code"))
        aut_buffer_format (line, ": %s: %s", aut_query_text (attempt, "code"),
                           aut_query_text (attempt, "message"));
}

static void put_attempt (text_t *self, const json_t *attempt, int64_t free_ms)
{
    int64_t assigned = aut_query_int (attempt, "assigned_ms");
    aut_buffer_t line = {0};
    describe (attempt, free_ms, &line);
    if (assigned)
        put_time (self, assigned);
    else
        aut_buffer_format (self->out, "%*s", INDENT, "");
    put_wrapped (self->out, line.data, INDENT, INDENT);
    aut_buffer_clear (&line);
}

static bool is_adoption (const json_t *attempt)
{
    return strcmp (aut_query_text (attempt, "result"), "adopted") == 0;
}

/* Brokers that went away while it ran, once its last entry was told. */
static void put_adoptions (text_t *self, const json_t *attempts, size_t at)
{
    size_t i;
    json_t *attempt;
    int64_t number = aut_query_int (json_array_get (attempts, at), "attempt");
    for (i = at + 1; i < json_array_size (attempts); i++)
        if (!is_adoption (json_array_get (attempts, i)) &&
            aut_query_int (json_array_get (attempts, i), "attempt") == number)
            return;
    json_array_foreach (attempts, i, attempt)
    {
        if (!is_adoption (attempt) || aut_query_int (attempt, "attempt") != number)
            continue;
        put_time (self, aut_query_int (attempt, "ended_ms"));
        aut_buffer_format (self->out, "#%lld went on when the broker was back\n",
                           (long long)number);
    }
}

static void count (tally_t *tally, const json_t *chunk)
{
    size_t i;
    json_t *attempt;
    tally->chunks++;
    tally->done += strcmp (aut_query_text (chunk, "state"), "done") == 0;
    tally->cached += json_is_object (json_object_get (chunk, "cached"));
    json_array_foreach (json_object_get (chunk, "attempts"), i, attempt)
    {
        for (size_t r = 0; r < sizeof results / sizeof *results; r++)
            if (strcmp (aut_query_text (attempt, "result"), results[r]) == 0) {
                tally->results[r]++;
                tally->attempts++;
            }
    }
}

/* ---- chunks and shots ------------------------------------------------------------------------ */

static void put_cached (text_t *self, const json_t *cached)
{
    aut_buffer_t line = {0};
    aut_buffer_text (&line, "taken over: made before");
    if (*aut_query_text (cached, "job"))
        aut_buffer_format (&line, " for %s", aut_query_text (cached, "job"));
    if (*aut_query_text (cached, "node"))
        aut_buffer_format (&line, " on %s", aut_query_text (cached, "node"));
    aut_buffer_format (self->out, "%*s", INDENT, "");
    put_wrapped (self->out, line.data, INDENT, INDENT);
    aut_buffer_clear (&line);
}

static bool is_upscale (const json_t *chunk)
{
    return strcmp (aut_query_text (chunk, "kind"), "upscale") == 0;
}

/* Gives when it was done, 0 if it is not: the next one could begin then. `made` chunks are counted
 * apart, before it. */
static int64_t put_chunk (text_t *self, const json_t *chunk, json_int_t made, int64_t free_ms)
{
    size_t i;
    json_t *attempt;
    const char *state = aut_query_text (chunk, "state"), *wait = aut_query_text (chunk, "wait");
    int64_t ended = 0;
    aut_buffer_format (self->out, "  %s %lld  ", is_upscale (chunk) ? "upscale" : "chunk",
                       (long long)(aut_query_int (chunk, "index") - made + 1));
    aut_buffer_printable (self->out, strcmp (state, "leased") == 0 ? "running" : state);
    if (*wait) {
        aut_buffer_text (self->out, ": ");
        aut_buffer_printable (self->out, wait);
    }
    aut_buffer_text (self->out, "\n");
    const json_t *cached = json_object_get (chunk, "cached");
    if (json_is_object (cached))
        put_cached (self, cached);
    const json_t *attempts = json_object_get (chunk, "attempts");
    json_array_foreach (attempts, i, attempt)
    {
        if (is_adoption (attempt))
            continue;
        put_attempt (self, attempt, free_ms);
        put_adoptions (self, attempts, i);
        free_ms = ended = aut_query_int (attempt, "ended_ms");
    }
    /* a task that failed with the one it starts from was never tried */
    const char *error = aut_query_text (chunk, "error");
    if (i == 0 && *error && strcmp (state, "failed") == 0) {
        aut_buffer_format (self->out, "%*s", INDENT, "");
        put_wrapped (self->out, "never tried: the task that it starts from failed", INDENT, INDENT);
    }
    return strcmp (state, "done") == 0 ? ended : 0;
}

/* When a chunk of the shot was done, 0 if it is not or was taken over. */
static int64_t done_ms (const json_t *shot, size_t index)
{
    const json_t *attempts =
        json_object_get (json_array_get (json_object_get (shot, "chunks"), index), "attempts");
    size_t count = json_array_size (attempts);
    return count ? aut_query_int (json_array_get (attempts, count - 1), "ended_ms") : 0;
}

static void put_shot (text_t *self, const json_t *shot, int64_t submitted_ms)
{
    size_t i;
    json_t *chunk;
    json_int_t made = 0;
    int64_t free_ms = submitted_ms;
    aut_buffer_text (self->out, "\n");
    put_name (self->out, shot, "id", "?");
    aut_buffer_text (self->out, "  ");
    put_name (self->out, shot, "state", "?");
    if (*aut_query_text (shot, "scene")) {
        aut_buffer_text (self->out, ", scene ");
        put_name (self->out, shot, "scene", "");
    }
    if (aut_query_int (shot, "frames") > 0)
        aut_buffer_format (self->out, ", %lld frames", (long long)aut_query_int (shot, "frames"));
    aut_buffer_text (self->out, "\n");
    json_array_foreach (json_object_get (shot, "chunks"), i, chunk)
    {
        if (!is_upscale (chunk)) {
            free_ms = put_chunk (self, chunk, 0, free_ms);
            made = aut_query_int (chunk, "index") + 1;
        } else {
            put_chunk (self, chunk, made, done_ms (shot, i - (size_t)made));
        }
    }
}

/* ---- the job --------------------------------------------------------------------------------- */

/* What became of it, a line each. */
static void put_story (text_t *self, const json_t *story)
{
    size_t i;
    json_t *item;
    int64_t submitted = aut_query_int (story, "submitted_ms");
    json_array_foreach (json_object_get (story, "story"), i, item)
    {
        int64_t at = aut_query_int (item, "at_ms");
        put_time (self, at);
        put_name (self->out, item, "what", "?");
        if (i == 0 && *aut_query_text (story, "owner")) {
            aut_buffer_text (self->out, " by ");
            put_name (self->out, story, "owner", "");
        }
        if (i == 0 && aut_query_int (story, "priority"))
            aut_buffer_format (self->out, ", priority %lld",
                               (long long)aut_query_int (story, "priority"));
        if (i > 0 && at >= submitted)
            put_duration (self->out, " after ", at - submitted);
        aut_buffer_text (self->out, "\n");
    }
}

static void put_tally (text_t *self, const tally_t *tally)
{
    aut_buffer_format (self->out, "  %u of %u chunks done", tally->done, tally->chunks);
    if (tally->cached)
        aut_buffer_format (self->out, ", %u of them taken over", tally->cached);
    if (tally->attempts)
        aut_buffer_format (self->out, "; %u attempt%s:", tally->attempts,
                           tally->attempts == 1 ? "" : "s");
    const char *comma = "";
    for (size_t r = 0; r < sizeof results / sizeof *results; r++)
        if (tally->results[r]) {
            aut_buffer_format (self->out, "%s %u %s", comma, tally->results[r], results[r]);
            comma = ",";
        }
    aut_buffer_text (self->out, "\n");
}

void aut_explain_text (const json_t *story, aut_buffer_t *out)
{
    text_t self = {.out = out};
    tally_t tally = {0};
    size_t i, k;
    json_t *shot, *chunk;
    const json_t *left = json_object_get (story, "left_s");
    aut_buffer_text (out, "Job ");
    put_name (out, story, "id", "?");
    aut_buffer_text (out, "  ");
    put_name (out, story, "project", "");
    aut_buffer_text (out, ": ");
    put_name (out, story, "state", "?");
    if (*aut_query_text (story, "wait")) {
        aut_buffer_text (out, ", ");
        put_name (out, story, "wait", "");
    }
    if (json_is_integer (left)) {
        put_duration (out, ", some ", json_integer_value (left) * 1000);
        aut_buffer_text (out, " left");
    }
    aut_buffer_text (out, "\n");
    put_story (&self, story);
    json_array_foreach (json_object_get (story, "shots"), i, shot)
    {
        json_array_foreach (json_object_get (shot, "chunks"), k, chunk)
        {
            count (&tally, chunk);
        }
    }
    put_tally (&self, &tally);
    json_array_foreach (json_object_get (story, "shots"), i, shot)
    {
        put_shot (&self, shot, aut_query_int (story, "submitted_ms"));
    }
}
