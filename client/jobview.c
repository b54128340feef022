#include "client/jobview.h"
#include "lib/core/buffer.h"
#include "lib/core/error.h"
#include "lib/core/json.h"
#include "lib/core/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#define MAX_CHUNKS 100000 /* of one shot; a broker that says more is not believed */

/* A shot's entry in the table of names. */
typedef struct {
    aut_view_shot_t *shot;
    UT_hash_handle hh;
} entry_t;

struct aut_jobview {
    char *job;
    char state[16];
    entry_t *by_id;
    aut_view_shot_t **shots;
    size_t count, cap, done_shots;
    double weight_total, weight_done;
};

static const char *const state_names[] = {"blocked", "ready",  "leased",
                                          "done",    "failed", "cancelled"};

static bool parse_state (aut_view_state_t *state, const char *text)
{
    for (size_t i = 0; text && i < sizeof state_names / sizeof state_names[0]; i++)
        if (strcmp (text, state_names[i]) == 0) {
            *state = (aut_view_state_t)i;
            return true;
        }
    return false;
}

char *aut_jobview_name (const aut_view_shot_t *shot, uint32_t index, bool of,
                        char name[AUT_VIEW_NAME])
{
    bool upscale = shot->made && index >= shot->made;
    uint32_t first = upscale ? shot->made : 0;
    uint32_t count = upscale || !shot->made ? shot->chunk_count - first : shot->made;
    int size =
        snprintf (name, AUT_VIEW_NAME, "%s %u", upscale ? "upscale" : "chunk", index - first + 1);
    if (of)
        snprintf (name + size, AUT_VIEW_NAME - (size_t)size, " of %u", count);
    return name;
}

aut_jobview_t *aut_jobview_new (const char *job)
{
    aut_jobview_t *self = aut_calloc (1, sizeof *self);
    self->job = aut_strdup (job);
    return self;
}

void aut_jobview_destroy (aut_jobview_t **self_p)
{
    aut_jobview_t *self = *self_p;
    if (!self)
        return;
    HASH_CLEAR (hh, self->by_id);
    for (size_t i = 0; i < self->count; i++) {
        aut_view_shot_t *shot = self->shots[i];
        for (uint32_t c = 0; c < shot->chunk_count; c++)
            free (shot->chunks[c].error);
        free (shot->chunks);
        free (shot->hash_handle);
        free (shot->id);
        free (shot);
    }
    free (self->shots);
    free (self->job);
    free (self);
    *self_p = NULL;
}

static aut_view_shot_t *find_shot (aut_jobview_t *self, const char *id)
{
    entry_t *entry = NULL;
    HASH_FIND_STR (self->by_id, id, entry);
    return entry ? entry->shot : NULL;
}

static aut_view_shot_t *need_shot (aut_jobview_t *self, const char *id)
{
    aut_view_shot_t *shot = find_shot (self, id);
    if (shot)
        return shot;
    shot = aut_calloc (1, sizeof *shot);
    shot->id = aut_strdup (id);
    entry_t *entry = aut_calloc (1, sizeof *entry);
    entry->shot = shot;
    shot->hash_handle = entry;
    HASH_ADD_KEYPTR (hh, self->by_id, shot->id, strlen (shot->id), entry);
    self->shots = aut_grow (self->shots, &self->cap, self->count + 1, sizeof *self->shots);
    self->shots[self->count++] = shot;
    return shot;
}

static aut_view_chunk_t *need_chunk (aut_jobview_t *self, aut_view_shot_t *shot, uint32_t index)
{
    while (shot->chunk_count <= index) {
        shot->chunks =
            aut_realloc (shot->chunks, (size_t)shot->chunk_count + 1, sizeof *shot->chunks);
        shot->chunks[shot->chunk_count++] = (aut_view_chunk_t){.weight = 1};
        self->weight_total += 1;
        if (shot->done_count + 1 == shot->chunk_count && shot->done_count > 0)
            self->done_shots--;
    }
    return &shot->chunks[index];
}

void aut_jobview_weigh (aut_jobview_t *self, const char *shot_id, uint32_t index, uint32_t frames)
{
    aut_view_chunk_t *chunk = need_chunk (self, need_shot (self, shot_id), index);
    self->weight_total += (double)frames - chunk->weight;
    if (chunk->state == AUT_VIEW_DONE)
        self->weight_done += (double)frames - chunk->weight;
    chunk->weight = frames;
}

static void set_state (aut_jobview_t *self, aut_view_shot_t *shot, aut_view_chunk_t *chunk,
                       aut_view_state_t state, int64_t now_ms)
{
    if (chunk->state == AUT_VIEW_DONE && state != AUT_VIEW_DONE) {
        if (shot->done_count-- == shot->chunk_count)
            self->done_shots--;
        self->weight_done -= chunk->weight;
    } else if (chunk->state != AUT_VIEW_DONE && state == AUT_VIEW_DONE) {
        if (++shot->done_count == shot->chunk_count)
            self->done_shots++;
        self->weight_done += chunk->weight;
    }
    if (state == AUT_VIEW_LEASED && chunk->state != AUT_VIEW_LEASED)
        chunk->started_ms = now_ms;
    if (state != AUT_VIEW_LEASED)
        chunk->progress = 0;
    chunk->state = state;
}

/* Text that a node wrote, for a terminal: nothing in it moves the cursor or hides other text. */
static char *shown_text (const char *text)
{
    aut_buffer_t shown = {0};
    aut_buffer_printable (&shown, text);
    return aut_buffer_take (&shown, NULL);
}

/* Takes what a chunk's JSON says, in a snapshot or an event: both use the same keys. */
static void apply_chunk (aut_jobview_t *self, aut_view_shot_t *shot, uint32_t index,
                         const json_t *json, int64_t now_ms)
{
    aut_view_chunk_t *chunk = need_chunk (self, shot, index);
    const char *text;
    int64_t number, total;
    double progress;
    aut_view_state_t state;
    if (aut_json_string (json, "kind", &text) == 0 && strcmp (text, "upscale") == 0 &&
        (!shot->made || index < shot->made))
        shot->made = index;
    if (aut_json_string (json, "state", &text) == 0 && parse_state (&state, text))
        set_state (self, shot, chunk, state, now_ms);
    if (aut_json_int (json, "attempt", &number) == 0)
        chunk->attempt = (uint32_t)number;
    if (aut_json_string (json, "node", &text) == 0) {
        char *shown = shown_text (text);
        snprintf (chunk->node, sizeof chunk->node, "%s", shown);
        free (shown);
    }
    if (aut_json_string (json, "error", &text) == 0 && *text) {
        free (chunk->error);
        chunk->error = shown_text (text);
    }
    if (chunk->state != AUT_VIEW_LEASED)
        return;
    if (aut_json_number (json, "progress", &progress) == 0 && progress >= 0 && progress <= 1)
        chunk->progress = progress;
    else if (aut_json_int (json, "frame", &number) == 0 &&
             aut_json_int (json, "frames", &total) == 0 && total > 0 && number <= total)
        chunk->progress = (double)number / (double)total;
}

int aut_jobview_snapshot (aut_jobview_t *self, const json_t *job, int64_t now_ms)
{
    const char *state;
    const json_t *shots = json_object_get (job, "shots");
    if (aut_json_string (job, "state", &state) || !json_is_array (shots))
        return aut_fail (AUT_ERR_INVALID, "the broker's answer on job %s is not a job", self->job);
    snprintf (self->state, sizeof self->state, "%s", state);
    size_t i;
    json_t *shot_json;
    json_array_foreach (shots, i, shot_json)
    {
        const char *id;
        const json_t *chunks = json_object_get (shot_json, "chunks");
        if (aut_json_string (shot_json, "id", &id) || json_array_size (chunks) > MAX_CHUNKS)
            return aut_fail (AUT_ERR_INVALID, "shot %zu of job %s has no id or chunks", i,
                             self->job);
        aut_view_shot_t *shot = need_shot (self, id);
        for (size_t c = 0; c < json_array_size (chunks); c++)
            apply_chunk (self, shot, (uint32_t)c, json_array_get (chunks, c), now_ms);
    }
    return 0;
}

void aut_jobview_event (aut_jobview_t *self, const json_t *event, int64_t now_ms,
                        aut_view_change_t *change)
{
    aut_view_change_t ignored;
    if (!change)
        change = &ignored;
    *change = (aut_view_change_t){0};
    const char *type, *job, *text;
    int64_t index;
    if (aut_json_string (event, "type", &type) || aut_json_string (event, "job", &job) ||
        strcmp (job, self->job) != 0)
        return;
    if (strcmp (type, "job") == 0 && aut_json_string (event, "state", &text) == 0)
        snprintf (self->state, sizeof self->state, "%s", text);
    if (strcmp (type, "task") != 0 || aut_json_string (event, "shot", &text) ||
        aut_json_int (event, "chunk", &index) || index < 0 || index >= MAX_CHUNKS)
        return;
    aut_view_shot_t *shot = need_shot (self, text);
    change->shot = shot;
    change->chunk = (uint32_t)index;
    change->before = need_chunk (self, shot, change->chunk)->state;
    apply_chunk (self, shot, change->chunk, event, now_ms);
    change->after = shot->chunks[index].state;
}

const char *aut_jobview_state (const aut_jobview_t *self)
{
    return self->state;
}

bool aut_jobview_ended (const aut_jobview_t *self)
{
    return strcmp (self->state, "done") == 0 || strcmp (self->state, "failed") == 0 ||
           strcmp (self->state, "cancelled") == 0;
}

size_t aut_jobview_shots (const aut_jobview_t *self)
{
    return self->count;
}

const aut_view_shot_t *aut_jobview_shot (const aut_jobview_t *self, size_t index)
{
    return self->shots[index];
}

size_t aut_jobview_shots_done (const aut_jobview_t *self)
{
    return self->done_shots;
}

double aut_jobview_shot_fraction (const aut_view_shot_t *shot)
{
    double total = 0, done = 0;
    for (uint32_t c = 0; c < shot->chunk_count; c++) {
        const aut_view_chunk_t *chunk = &shot->chunks[c];
        total += chunk->weight;
        done += chunk->weight * (chunk->state == AUT_VIEW_DONE ? 1 : chunk->progress);
    }
    return total > 0 ? done / total : 0;
}

double aut_jobview_fraction (const aut_jobview_t *self)
{
    double done = self->weight_done;
    for (size_t i = 0; i < self->count; i++)
        if (self->shots[i]->done_count < self->shots[i]->chunk_count)
            for (uint32_t c = 0; c < self->shots[i]->chunk_count; c++)
                done += self->shots[i]->chunks[c].weight * self->shots[i]->chunks[c].progress;
    return self->weight_total > 0 ? done / self->weight_total : 0;
}
