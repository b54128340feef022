/*  Events for watchers: made with the batch that they tell of, stored in its transaction, published
 *  after it. On the loop's thread.
 *
 *  A number is given to each event, progress included, and rises over restarts: the store has a
 *  bound that no number passes before a higher one is stored, and the next broker goes on behind
 *  it. So numbers of progress, which is not stored, are never given twice.
 *
 *  Tasks change state by the thousand in a second, so what is stored of them is short: their words
 *  are put back when somebody asks. Progress in them is then 0.
 */
#include "broker/query.h"

#include "lib/core/epoch.h"
#include "lib/core/error.h"
#include "lib/core/mem.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define SET_ASIDE 65536 /* numbers at a time */
#define ANSWER_EVENTS 1000

struct aut_event {
    char *topic, *text;
    uint64_t job;
};

void aut_note_destroy (void *item)
{
    aut_note_t *note = item;
    if (!note)
        return;
    free (note->topic);
    free (note->text);
    free (note);
}

/* ---- the ring ------------------------------------------------------------------------------- */

void aut_ring_init (aut_ring_t *self, uint32_t cap)
{
    *self = (aut_ring_t){.cap = cap, .first = 1};
    self->texts = aut_calloc (cap, sizeof *self->texts);
    self->jobs = aut_calloc (cap, sizeof *self->jobs);
}

static void forget (aut_ring_t *self)
{
    for (size_t i = 0; i < self->ready_count; i++) {
        free (self->ready[i].topic);
        free (self->ready[i].text);
    }
    self->ready_count = 0;
    self->stored.size = 0;
}

void aut_ring_clear (aut_ring_t *self)
{
    forget (self);
    for (uint32_t i = 0; self->texts && i < self->cap; i++)
        free (self->texts[i]);
    free (self->texts);
    free (self->jobs);
    free (self->ready);
    aut_buffer_clear (&self->stored);
    *self = (aut_ring_t){0};
}

int aut_ring_resume (aut_ring_t *self, aut_store_t *store)
{
    int rc = aut_store_event_bound (store, &self->bound);
    if (rc)
        return rc;
    self->seq = self->bound;
    self->first = self->seq + 1;
    return 0;
}

/* ---- making --------------------------------------------------------------------------------- */

/*  Adds an event about `job` (0: none): takes `topic`; `body` are the members after seq, `stored`
 * what stands for them in the store, NULL = not stored. */
static void add (aut_broker_t *self, uint64_t job, char *topic, const char *body,
                 const char *stored)
{
    aut_ring_t *ring = &self->ring;
    uint64_t seq = ring->seq + ring->ready_count + 1;
    ring->ready =
        aut_grow (ring->ready, &ring->ready_cap, ring->ready_count + 1, sizeof *ring->ready);
    ring->ready[ring->ready_count++] = (struct aut_event){
        .topic = topic,
        .text = aut_sprintf ("{\"epoch\":%" PRIu64 ",\"seq\":%" PRIu64 ",%s}",
                             self->endpoints.epoch, seq, body),
        .job = job,
    };
    if (!stored)
        return;
    aut_buffer_format (&ring->stored, "%" PRIu64 " %" PRIu64 " ", job, seq);
    aut_buffer_text (&ring->stored, stored);
    aut_buffer_text (&ring->stored, "\n");
    ring->events.last = seq;
}

static void add_job (aut_broker_t *self, const aut_core_action_t *action)
{
    const aut_entry_t *entry = aut_catalogue_find (self->catalogue, action->u.job.job);
    aut_buffer_t body = {0};
    aut_buffer_format (&body, "\"type\":\"job\",\"job\":\"j%" PRIu64 "\",\"state\":\"%s\"",
                       action->u.job.job, aut_job_state_text (action->u.job.state));
    if (entry) {
        aut_buffer_text (&body, ",\"project\":");
        aut_buffer_json_string (&body, entry->project);
        aut_buffer_format (&body, ",\"shots\":{\"total\":%u,\"done\":%u}", entry->shot_count,
                           entry->shots_done);
    }
    add (self, action->u.job.job, aut_sprintf ("job.j%" PRIu64, action->u.job.job), body.data,
         body.data);
    aut_buffer_clear (&body);
}

/*  What an event says of a task: texts are JSON already; `error` may be NULL. */
typedef struct {
    uint64_t task, job;
    const char *shot, *state, *node, *error;
    uint32_t chunk, attempt, failures, step, steps, frame, frames;
} told_t;

static void put_task (const told_t *told, aut_buffer_t *body)
{
    aut_buffer_format (
        body, "\"type\":\"task\",\"task\":\"t%" PRIu64 "\",\"job\":\"j%" PRIu64 "\",\"shot\":",
        told->task, told->job);
    aut_buffer_json_string (body, told->shot);
    aut_buffer_format (body, ",\"chunk\":%u,\"state\":\"%s\",\"attempt\":%u,\"node\":", told->chunk,
                       told->state, told->attempt);
    aut_buffer_text (body, told->node);
    aut_buffer_format (body, ",\"frame\":%u,\"frames\":%u,\"step\":%u,\"steps\":%u,\"failures\":%u",
                       told->frame, told->frames, told->step, told->steps, told->failures);
    if (strcmp (told->state, aut_task_state_text (AUT_TASK_LEASED)) == 0) {
        aut_buffer_text (body, ",\"progress\":");
        aut_query_put_part (aut_core_part (told->step, told->steps, told->frame, told->frames),
                            body);
    }
    if (told->error) {
        aut_buffer_text (body, ",\"error\":");
        aut_buffer_text (body, told->error);
    }
}

static const char *shot_of (const aut_entry_t *entry, uint32_t shot)
{
    return entry && shot < entry->shot_count ? entry->shots[shot] : "";
}

static void add_task (aut_broker_t *self, const aut_core_action_t *action)
{
    const aut_entry_t *entry = aut_catalogue_find (self->catalogue, action->u.task.job);
    const char *message = action->u.task.message;
    /* Watchers that are far behind can do without progress; a sequence number is not spent on it.
     */
    if (action->u.task.progress && aut_mailbox_count (self->to_events) > AUT_BROKER_OUTBOX / 2)
        return;
    aut_buffer_t body = {0}, stored = {0}, node = {0}, error = {0};
    aut_buffer_json_string (&node, action->u.task.node ? action->u.task.node : "");
    if (message && message[0])
        aut_buffer_json_string (&error, message);
    told_t told = {action->u.task.task,
                   action->u.task.job,
                   shot_of (entry, action->u.task.shot),
                   aut_task_state_text (action->u.task.state),
                   node.data,
                   error.data,
                   action->u.task.chunk,
                   action->u.task.attempt,
                   action->u.task.failures,
                   action->u.task.step,
                   action->u.task.steps,
                   action->u.task.frame,
                   action->u.task.frames};
    put_task (&told, &body);
    if (!action->u.task.progress)
        aut_buffer_format (&stored, "T%" PRIu64 " %u %u %s %u %u %s%s%s", told.task,
                           action->u.task.shot, told.chunk, told.state, told.attempt, told.failures,
                           told.node, told.error ? "\t" : "", told.error ? told.error : "");
    add (self, told.job, aut_sprintf ("task.t%" PRIu64, told.task), body.data, stored.data);
    aut_buffer_clear (&body);
    aut_buffer_clear (&stored);
    aut_buffer_clear (&node);
    aut_buffer_clear (&error);
}

/*  The words of a stored event again. */
static void put_stored (aut_broker_t *self, uint64_t job, const char *members, size_t size,
                        aut_buffer_t *out)
{
    char *text = aut_strndup (members, size), state[16] = "";
    told_t told = {.job = job, .state = state};
    uint32_t shot = 0;
    int rest = 0;
    if (text[0] == 'T' &&
        sscanf (text, "T%" SCNu64 " %u %u %15s %u %u %n", &told.task, &shot, &told.chunk, state,
                &told.attempt, &told.failures, &rest) == 6 &&
        rest > 0) {
        char *tab = strchr (text + rest, '\t'); /* JSON has no tab in a string */
        if (tab)
            *tab = 0;
        told.shot = shot_of (aut_catalogue_find (self->catalogue, job), shot);
        told.node = text + rest;
        told.error = tab ? tab + 1 : NULL;
        put_task (&told, out);
    } else {
        aut_buffer_text (out, text);
    }
    free (text);
}

static void add_node (aut_broker_t *self, const aut_core_action_t *action)
{
    aut_buffer_t body = {0};
    aut_buffer_text (&body, "\"type\":\"node\",\"node\":");
    aut_buffer_json_string (&body, action->u.node.name);
    aut_buffer_format (&body, ",\"state\":\"%s\"", aut_node_state_text (action->u.node.state));
    add (self, 0, aut_sprintf ("node.%s", action->u.node.name), body.data, body.data);
    aut_buffer_clear (&body);
}

const aut_store_events_t *aut_events_prepare (aut_broker_t *self)
{
    aut_ring_t *ring = &self->ring;
    forget (ring);
    for (size_t i = 0; i < self->actions.count; i++) {
        const aut_core_action_t *action = &self->actions.items[i];
        if (action->kind == AUT_PUB_JOB)
            add_job (self, action);
        else if (action->kind == AUT_PUB_TASK)
            add_task (self, action);
        else if (action->kind == AUT_PUB_NODE)
            add_node (self, action);
    }
    uint64_t last = ring->seq + ring->ready_count;
    ring->events.bound = last > ring->bound ? last + SET_ASIDE : 0;
    ring->events.text = ring->stored.data;
    ring->events.size = ring->stored.size;
    return ring->events.size || ring->events.bound ? &ring->events : NULL;
}

void aut_events_publish (aut_broker_t *self)
{
    aut_ring_t *ring = &self->ring;
    for (size_t i = 0; i < ring->ready_count; i++) {
        struct aut_event *event = &ring->ready[i];
        aut_note_t *note = aut_calloc (1, sizeof *note);
        ring->seq++;
        note->topic = event->topic;
        note->text = event->text;
        note->size = strlen (note->text);
        note->made_us = aut_broker_us (self);
        char **slot = &ring->texts[ring->seq % ring->cap];
        free (*slot);
        *slot = aut_strdup (note->text);
        ring->jobs[ring->seq % ring->cap] = event->job;
        __atomic_store_n (&self->published, ring->seq, __ATOMIC_RELEASE);
        if (aut_mailbox_push_wait_quiet (self->to_events, note))
            aut_note_destroy (note);
    }
    if (ring->ready_count)
        aut_mailbox_tell (self->to_events);
    if (ring->events.bound)
        ring->bound = ring->events.bound;
    ring->ready_count = 0; /* their texts are the mailbox's */
    ring->stored.size = 0;
    ring->events.bound = 0;
}

/* ---- answering ------------------------------------------------------------------------------ */

/*  An answer under way. */
typedef struct {
    aut_broker_t *broker;
    const aut_query_t *query;
    aut_buffer_t *out;
    uint64_t limit, count, last;
    bool full, any;
} replay_t;

/*  Whether an event about this job is none of the asker's business. */
static bool hides (const replay_t *self, uint64_t job)
{
    if (!self->query->owner[0] || !job)
        return false;
    const aut_entry_t *entry = aut_catalogue_find (self->broker->catalogue, job);
    return !entry || strcmp (self->query->owner, entry->owner) != 0;
}

static void put_place (replay_t *self, uint64_t epoch, uint64_t seq)
{
    aut_buffer_format (self->out, "%s{\"epoch\":%" PRIu64 ",\"seq\":%" PRIu64, self->any ? "," : "",
                       epoch, seq);
    self->any = true;
}

static int replay (void *ctx, uint64_t epoch, uint64_t job, uint64_t seq, const char *members,
                   size_t size)
{
    replay_t *self = ctx;
    if (self->count == self->limit) {
        self->full = true;
        return AUT_ERR_AGAIN; /* enough */
    }
    self->last = seq;
    self->count++;
    if (hides (self, job))
        return 0;
    put_place (self, epoch, seq);
    aut_buffer_text (self->out, ",");
    put_stored (self->broker, job, members, size, self->out);
    aut_buffer_text (self->out, "}");
    return 0;
}

/*  What is older than the ring: state changes alone, as they are stored. */
static int from_store (replay_t *self)
{
    int rc = aut_store_events (self->broker->store, self->query->after, replay, self);
    if (rc && !self->full)
        return rc;
    if (!self->full) /* all that is stored is in it, so the rest was progress */
        self->last = self->broker->ring.seq;
    return 0;
}

static void from_ring (replay_t *self)
{
    const aut_ring_t *ring = &self->broker->ring;
    uint64_t after = self->query->after;
    self->last = ring->seq - after < self->limit ? ring->seq : after + self->limit;
    for (uint64_t seq = after + 1; seq <= self->last; seq++) {
        if (!hides (self, ring->jobs[seq % ring->cap])) {
            aut_buffer_text (self->out, self->any ? "," : "");
            aut_buffer_text (self->out, ring->texts[seq % ring->cap]);
            self->any = true;
        } else if (seq == self->last) { /* so that an older watcher's place moves on */
            put_place (self, self->broker->endpoints.epoch, seq);
            aut_buffer_text (self->out, "}");
        }
    }
}

/*  Whether the place is one that this broker or its predecessors gave out. */
static bool knows (const aut_broker_t *self, const aut_query_t *query)
{
    uint64_t ours = self->endpoints.epoch;
    return query->after <= self->ring.seq &&
           (!query->epoch || query->epoch == ours || aut_epoch_earlier (query->epoch, ours));
}

void aut_events_answer (aut_broker_t *self, const aut_query_t *query, aut_buffer_t *out)
{
    const aut_ring_t *ring = &self->ring;
    uint64_t oldest = ring->seq >= ring->cap ? ring->seq - ring->cap + 1 : 1;
    replay_t replay = {self, query, out, ANSWER_EVENTS, 0, 0, false, false};
    int rc = knows (self, query) ? 0 : AUT_ERR_NOT_FOUND;
    if (query->limit && query->limit < replay.limit)
        replay.limit = query->limit;
    size_t begin = out->size;
    aut_buffer_text (out, "{\"events\":[");
    if (!rc && query->after + 1 >= (oldest > ring->first ? oldest : ring->first))
        from_ring (&replay);
    else if (!rc)
        rc = from_store (&replay);
    if (rc) {
        out->size = begin;
        aut_query_put_error (out, rc == AUT_ERR_NOT_FOUND ? "gone" : aut_error_text (rc),
                             rc == AUT_ERR_NOT_FOUND
                                 ? "these events are not kept any more: take a snapshot"
                                 : aut_error_detail ());
        return;
    }
    aut_buffer_format (out, "],\"next\":%" PRIu64 ",\"seq\":%" PRIu64 ",\"epoch\":%" PRIu64 "}",
                       replay.last, ring->seq, self->endpoints.epoch);
}
