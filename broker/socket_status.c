/*  The status socket's thread: one JSON question, one JSON answer, never silence.
 *
 *  Questions go to the loop, which answers between batches. One that stays unanswered (a disk that
 *  takes seconds for a commit) is told so; its late answer is dropped.
 */
#include "broker/internal.h"

#include "lib/core/buffer.h"
#include "lib/core/error.h"
#include "lib/core/json.h"
#include "lib/core/mem.h"
#include "lib/core/options.h"

#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#define PATIENCE_MS 5000
/*  Of one peer at a time: who asks and never reads is not to keep the others out. */
#define PEER_QUESTIONS 8

typedef struct pending {
    aut_query_t *query;
    UT_hash_handle hh;
} pending_t;

typedef struct {
    aut_broker_t *broker;
    zsock_t *sock;
    pending_t *pending; /* in order of arrival */
} status_t;

static const char *const kinds[] = {[AUT_QUERY_STATUS] = "status",   [AUT_QUERY_JOBS] = "jobs",
                                    [AUT_QUERY_JOB] = "job",         [AUT_QUERY_NODES] = "nodes",
                                    [AUT_QUERY_METRICS] = "metrics", [AUT_QUERY_EVENTS] = "events",
                                    [AUT_QUERY_EXPLAIN] = "explain", NULL};

static int parse_kind (aut_query_t *query, const char *get)
{
    for (int i = 0; kinds[i]; i++)
        if (strcmp (kinds[i], get) == 0) {
            query->kind = (aut_query_kind_t)i;
            return 0;
        }
    const char *near = aut_nearest (get, kinds);
    return aut_fail (AUT_ERR_INVALID,
                     "\"get\":\"%.64s\" is not known%s%s%s: it is one of status, jobs, job, "
                     "explain, nodes, metrics, events",
                     get, near ? " (did you mean \"" : "", near ? near : "", near ? "\"?)" : "");
}

/*  A whole number ≥ 0 of the question; absent is 0. */
static int parse_number (const json_t *object, const char *key, uint64_t *out)
{
    int64_t value;
    int rc = aut_json_int (object, key, &value);
    if (rc == AUT_ERR_NOT_FOUND)
        return 0;
    if (rc || value < 0)
        return aut_fail (AUT_ERR_INVALID, "\"%s\" must be a whole number from 0 on", key);
    *out = (uint64_t)value;
    return 0;
}

static int parse_object (const json_t *object, aut_query_t *query)
{
    const char *get, *id;
    uint64_t limit = 0;
    if (!json_is_object (object) || aut_json_string (object, "get", &get))
        return aut_fail (AUT_ERR_INVALID, "a question is an object like {\"get\":\"status\"}");
    int rc = parse_kind (query, get);
    if (!rc)
        rc = parse_number (object, "after", &query->after);
    if (!rc)
        rc = parse_number (object, "limit", &limit);
    if (!rc && query->kind == AUT_QUERY_EVENTS)
        rc = parse_number (object, "epoch", &query->epoch);
    query->limit = limit < UINT32_MAX ? (uint32_t)limit : UINT32_MAX;
    if (rc || (query->kind != AUT_QUERY_JOB && query->kind != AUT_QUERY_EXPLAIN))
        return rc;
    if (aut_json_string (object, "id", &id))
        return aut_fail (AUT_ERR_INVALID, "\"%s\" needs the job's \"id\"", get);
    return aut_job_parse (&query->id, id);
}

int aut_query_parse (aut_query_t *query, const char *text)
{
    json_t *json = NULL;
    int rc = aut_json_parse (&json, text, strlen (text), "question");
    if (!rc)
        rc = parse_object (json, query);
    json_decref (json);
    return rc;
}

static void send_error (status_t *self, const aut_peer_t *peer, bool envelope, int code)
{
    aut_buffer_t out = {0};
    aut_buffer_format (&out, "{\"error\":{\"code\":\"%s\",\"message\":", aut_error_text (code));
    aut_buffer_json_string (&out, aut_error_detail ());
    aut_buffer_text (&out, "}}");
    aut_net_send_reply (self->sock, peer, envelope, out.data, out.size);
    aut_buffer_clear (&out);
}

/*  On the loop's thread. Questions under way are fewer than the mailbox holds. */
static void come_back (aut_query_t *query, void *ctx)
{
    if (aut_mailbox_push (ctx, query))
        aut_query_destroy (query);
}

static unsigned count_of (const status_t *self, const aut_peer_t *peer)
{
    unsigned count = 0;
    for (const pending_t *p = self->pending; p; p = p->hh.next)
        count += aut_peer_equal (&p->query->peer, peer);
    return count;
}

static int ask (status_t *self, aut_query_t *query)
{
    if (count_of (self, &query->peer) >= PEER_QUESTIONS)
        return aut_fail (AUT_ERR_AGAIN, "%d questions of yours are under way: wait for an answer",
                         PEER_QUESTIONS);
    if (HASH_COUNT (self->pending) >= AUT_BROKER_QUERIES)
        return aut_fail (AUT_ERR_AGAIN, "the broker has %d questions to answer: try again",
                         AUT_BROKER_QUERIES);
    query->done = come_back;
    query->ctx = self->broker->to_status;
    query->asked_ms = aut_mono_ms (self->broker->clock);
    pending_t *pending = aut_calloc (1, sizeof *pending);
    pending->query = query;
    HASH_ADD_PTR (self->pending, query, pending);
    int rc = aut_mailbox_push (self->broker->queries, query);
    if (rc) {
        HASH_DEL (self->pending, pending);
        free (pending);
    }
    return rc;
}

static void receive (status_t *self)
{
    for (int i = 0; i < 64; i++) {
        aut_peer_t peer;
        bool envelope = false;
        char *text = NULL, user[AUT_KEY_TEXT];
        int fd, rc = aut_net_recv_query_of (self->sock, &peer, user, &fd, &envelope, &text);
        if (rc == AUT_ERR_AGAIN)
            return;
        aut_door_heard (self->broker->door, fd);
        if (!rc)
            rc = aut_guard_check (self->broker->guard, user, AUT_PORT_STATUS);
        aut_query_t *query = aut_calloc (1, sizeof *query);
        aut_who_t who;
        aut_guard_who (self->broker->guard, user, &who);
        if (!(who.roles & (AUT_MAY_OPERATE | AUT_MAY_VIEW)))
            memcpy (query->owner, user, sizeof query->owner);
        query->peer = peer;
        query->envelope = envelope;
        if (!rc)
            rc = aut_query_parse (query, text);
        if (!rc)
            rc = ask (self, query);
        if (rc) {
            aut_refusals_note (self->broker->refusals, AUT_REFUSED_QUESTION, aut_error_detail ());
            send_error (self, &peer, envelope, rc);
            aut_query_destroy (query);
        }
        free (text);
    }
}

static void answer (status_t *self)
{
    void *items[64];
    size_t count = aut_mailbox_take (self->broker->to_status, items, 64);
    for (size_t i = 0; i < count; i++) {
        aut_query_t *query = items[i];
        pending_t *pending;
        HASH_FIND_PTR (self->pending, &query, pending);
        if (pending) {
            HASH_DEL (self->pending, pending);
            free (pending);
        }
        if (!query->late && query->text)
            aut_net_send_reply (self->sock, &query->peer, query->envelope, query->text,
                                query->size);
        else if (!query->late) {
            aut_fail (AUT_ERR_AGAIN, "the broker is stopping: try again later");
            send_error (self, &query->peer, query->envelope, AUT_ERR_AGAIN);
        }
        aut_query_destroy (query);
    }
}

/*  Tells those who waited too long. The query itself comes back from the loop later. */
static void expire (status_t *self)
{
    int64_t now = aut_mono_ms (self->broker->clock);
    for (pending_t *p = self->pending; p; p = p->hh.next) {
        if (p->query->late || now - p->query->asked_ms < PATIENCE_MS)
            continue;
        p->query->late = true;
        aut_fail (AUT_ERR_TIMEOUT, "the broker is busy writing its database: try again later");
        send_error (self, &p->query->peer, p->query->envelope, AUT_ERR_TIMEOUT);
    }
}

void aut_status_socket (zsock_t *pipe, void *args)
{
    aut_actor_args_t *a = args;
    status_t self = {.broker = a->broker, .sock = a->sock};
    zsock_signal (pipe, 0);
    for (;;) {
        unsigned bits =
            aut_socket_wait (self.sock, pipe, self.broker->to_status, self.pending ? 1000 : -1);
        if (bits & 4)
            answer (&self);
        if (bits & 1)
            receive (&self);
        if (bits & 2)
            break;
        expire (&self);
    }
    answer (&self);
    pending_t *pending, *next;
    HASH_ITER (hh, self.pending, pending, next)
    {
        HASH_DEL (self.pending, pending);
        free (pending);
    }
    aut_socket_close (&self.sock);
}
