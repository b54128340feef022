/*  The live view's data: snapshots are kept as they came, events change them in place. */
#include "client/top_internal.h"
#include "lib/core/epoch.h"
#include "lib/core/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

aut_top_t *aut_top_new (const char *broker)
{
    aut_top_t *self = aut_calloc (1, sizeof *self);
    self->broker = aut_strdup (strncmp (broker, "tcp://", 6) == 0 ? broker + 6 : broker);
    self->tasks = json_object ();
    self->stale = true;
    return self;
}

void aut_top_destroy (aut_top_t **self_p)
{
    aut_top_t *self = *self_p;
    if (!self)
        return;
    json_decref (self->status);
    json_decref (self->jobs);
    json_decref (self->nodes);
    json_decref (self->job);
    json_decref (self->tasks);
    for (size_t i = 0; i < PANES; i++)
        free (self->panes[i].rows);
    free (self->broker);
    free (self);
    *self_p = NULL;
}

const char *aut_top_text (const json_t *object, const char *key)
{
    const char *text = json_string_value (json_object_get (object, key));
    return text ? text : "";
}

double aut_top_number (const json_t *object, const char *key, double missing)
{
    const json_t *value = json_object_get (object, key);
    return json_is_number (value) ? json_number_value (value) : missing;
}

json_t *aut_top_find (json_t *list, const char *key, const char *value)
{
    size_t i;
    json_t *item;
    json_array_foreach (list, i,
                        item) if (strcmp (aut_top_text (item, key), value) == 0) return item;
    return NULL;
}

double aut_top_progress (const json_t *thing)
{
    double part = aut_top_number (thing, "progress", -1);
    if (part >= 0)
        return part < 1 ? part : 1;
    const json_t *tasks = json_object_get (thing, "tasks");
    const json_t *chunks = json_object_get (thing, "chunks");
    double done = 0, all = 0;
    const char *key;
    json_t *value;
    size_t i;
    json_object_foreach ((json_t *)tasks, key, value)
    {
        all += json_number_value (value);
        done += strcmp (key, "done") == 0 ? json_number_value (value) : 0;
    }
    json_array_foreach (chunks, i, value)
    {
        all += 1;
        done += aut_top_progress (value);
    }
    return all > 0 && done >= 0 && done <= all ? done / all : 0;
}

/* ---- snapshots ----------------------------------------------------------------------------- */

static void replace (aut_top_t *self, json_t **slot, const json_t *value)
{
    json_decref (*slot);
    *slot = json_incref ((json_t *)value);
    self->stale = true;
}

void aut_top_take_status (aut_top_t *self, const json_t *status, int64_t now_ms)
{
    if (!json_is_object (status))
        return;
    int64_t epoch = (int64_t)aut_top_number (status, "epoch", 0);
    if (self->epoch && epoch != self->epoch) {
        char text[160];
        bool same = aut_epoch_same_broker ((uint64_t)epoch, (uint64_t)self->epoch);
        snprintf (text, sizeof text, "%s: epoch " AUT_EPOCH_TEXT " follows " AUT_EPOCH_TEXT,
                  same ? "The broker was started anew" : "Another broker is in its place",
                  AUT_EPOCH_ARGS (epoch), AUT_EPOCH_ARGS (self->epoch));
        aut_top_say (self, AUT_STYLE_WARN, text, now_ms);
        json_object_clear (self->tasks);
    }
    self->epoch = epoch;
    self->status_ms = now_ms;
    replace (self, &self->status, status);
}

void aut_top_take_jobs (aut_top_t *self, const json_t *reply)
{
    const json_t *jobs = json_object_get (reply, "jobs");
    if (json_is_array (jobs))
        replace (self, &self->jobs, jobs);
}

void aut_top_take_nodes (aut_top_t *self, const json_t *reply)
{
    const json_t *nodes = json_object_get (reply, "nodes");
    if (json_is_array (nodes))
        replace (self, &self->nodes, nodes);
}

/*  What runs, by its task's id: for the nodes, whose workers say no more than that. */
static void remember (aut_top_t *self, const char *task, const char *job, const char *shot,
                      const json_t *chunk, double index)
{
    if (!*task)
        return;
    if (strcmp (aut_top_text (chunk, "state"), "leased") != 0) {
        json_object_del (self->tasks, task);
        return;
    }
    json_t *known = json_object_get (self->tasks, task);
    if (!known) {
        if (json_object_size (self->tasks) >= AUT_TOP_TASKS_MAX)
            json_object_clear (self->tasks); /* ends that were never heard of */
        known = json_object ();
        json_object_set_new (self->tasks, task, known);
    }
    json_object_set_new (known, "job", json_string (job));
    json_object_set_new (known, "shot", json_string (shot));
    json_object_set_new (known, "chunk", json_integer ((json_int_t)index));
    double done = aut_top_number (chunk, "progress", -1);
    double frames = aut_top_number (chunk, "frames", 0), steps = aut_top_number (chunk, "steps", 0);
    if (done < 0 && frames > 0)
        done = aut_top_number (chunk, "frame", 0) / frames;
    else if (done < 0 && steps > 0)
        done = aut_top_number (chunk, "step", 0) / steps;
    json_object_set_new (known, "progress", json_real (done >= 0 && done <= 1 ? done : 0));
    json_object_set (known, "left_s", json_object_get (chunk, "left_s"));
}

void aut_top_take_job (aut_top_t *self, const json_t *job)
{
    const char *id = aut_top_text (job, "id");
    const json_t *shots = json_object_get (job, "shots");
    if (!json_is_array (shots) || strcmp (id, self->open_job) != 0)
        return;
    size_t s, c;
    json_t *shot, *chunk;
    json_array_foreach (shots, s, shot)
    {
        json_array_foreach (json_object_get (shot, "chunks"), c, chunk)
            remember (self, aut_top_text (chunk, "task"), id, aut_top_text (shot, "id"), chunk,
                      aut_top_number (chunk, "index", 0));
    }
    replace (self, &self->job, job);
}

/* ---- events -------------------------------------------------------------------------------- */

static void copy (json_t *to, const json_t *from, const char *key)
{
    json_t *value = json_object_get (from, key);
    if (value)
        json_object_set (to, key, value);
}

static void take_job_event (aut_top_t *self, const json_t *event)
{
    const char *id = aut_top_text (event, "job");
    if (self->job && strcmp (aut_top_text (self->job, "id"), id) == 0)
        copy (self->job, event, "state");
    if (!self->jobs || !*id)
        return;
    json_t *job = aut_top_find (self->jobs, "id", id);
    if (!job) {
        job = json_pack ("{s:s}", "id", id);
        json_array_append_new (self->jobs, job);
    }
    copy (job, event, "state");
    copy (job, event, "project");
    copy (job, event, "shots");
}

/*  The chunk's own figures go with the attempt; what an event does not say waits for the next
 *  snapshot. */
static void take_chunk_event (json_t *chunk, const json_t *event)
{
    static const char *const keys[] = {"state", "attempt", "node", "step", "steps", "error"};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        copy (chunk, event, keys[i]);
    const char *state = aut_top_text (event, "state");
    double frames = aut_top_number (event, "frames", 0), steps = aut_top_number (event, "steps", 0);
    double part = frames > 0  ? aut_top_number (event, "frame", 0) / frames
                  : steps > 0 ? aut_top_number (event, "step", 0) / steps
                              : 0;
    if (strcmp (state, "done") == 0)
        part = 1;
    json_object_set_new (chunk, "progress", json_real (part >= 0 && part <= 1 ? part : 0));
    if (strcmp (state, "ready") != 0 && strcmp (state, "blocked") != 0)
        json_object_del (chunk, "wait");
    if (strcmp (state, "leased") != 0)
        json_object_del (chunk, "left_s");
}

static void take_task_event (aut_top_t *self, const json_t *event)
{
    const char *job = aut_top_text (event, "job"), *shot_id = aut_top_text (event, "shot");
    double index = aut_top_number (event, "chunk", -1);
    remember (self, aut_top_text (event, "task"), job, shot_id, event, index);
    if (!self->job || strcmp (aut_top_text (self->job, "id"), job) != 0)
        return;
    json_t *shot = aut_top_find (json_object_get (self->job, "shots"), "id", shot_id);
    json_t *chunks = json_object_get (shot, "chunks");
    if (index >= 0 && index < (double)json_array_size (chunks))
        take_chunk_event (json_array_get (chunks, (size_t)index), event);
}

void aut_top_take_event (aut_top_t *self, const json_t *event)
{
    const char *type = aut_top_text (event, "type");
    self->stale = true;
    if (strcmp (type, "job") == 0)
        take_job_event (self, event);
    else if (strcmp (type, "task") == 0)
        take_task_event (self, event);
    else if (strcmp (type, "node") == 0) {
        json_t *node = aut_top_find (self->nodes, "name", aut_top_text (event, "node"));
        if (node)
            copy (node, event, "state");
    }
}

const json_t *aut_top_task_of (const aut_top_t *self, const json_t *worker)
{
    const char *task = aut_top_text (worker, "task");
    const json_t *known = *task ? json_object_get (self->tasks, task) : NULL;
    return !known && *task && *aut_top_text (worker, "job") ? worker : known;
}

/* ---- the rest ------------------------------------------------------------------------------ */

void aut_top_connection (aut_top_t *self, bool up, int64_t now_ms)
{
    if (up && self->down)
        aut_top_say (self, AUT_STYLE_GOOD, "The broker is back.", now_ms);
    if (!up && !self->down)
        self->down_ms = now_ms;
    self->down = !up;
}

void aut_top_say (aut_top_t *self, aut_style_t style, const char *text, int64_t now_ms)
{
    snprintf (self->said, sizeof self->said, "%s", text);
    self->said_style = style;
    self->said_ms = now_ms;
}

void aut_top_open (aut_top_t *self, const char *job)
{
    if (strcmp (self->open_job, job) != 0) {
        json_decref (self->job);
        self->job = NULL;
        pane_t *pane = &self->panes[PANE_SHOTS];
        *pane = (pane_t){.rows = pane->rows, .cap = pane->cap, .sort = pane->sort};
    }
    snprintf (self->open_job, sizeof self->open_job, "%s", job);
    self->back = self->page;
    self->page = PAGE_JOB;
    self->focus = PANE_SHOTS;
    self->stale = true;
}

const char *aut_top_job (const aut_top_t *self)
{
    return self->page == PAGE_JOB ? self->open_job : NULL;
}
