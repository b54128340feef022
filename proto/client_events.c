/*  Events in order and without gaps.
 *
 *  Published events can be lost: the subscription starts late, a queue is full, the connection
 * breaks. Every event has the broker's epoch and a number; a hole in the numbers, or a second of
 * silence, asks the status socket for what came after the last one. All topics are subscribed to,
 * because a filter would look like holes. A broker that started again numbers on, and answers what
 * its predecessors stored, so that a watcher misses no change of state by its restart.
 */
#include "lib/core/epoch.h"
#include "lib/core/error.h"
#include "lib/core/json.h"
#include "lib/core/mem.h"
#include "proto/client_internal.h"

#include <stdlib.h>

#define QUIET_MS 1000     /* of silence until the broker is asked */
#define QUERY_MIN_MS 1000 /* a question may take this long beyond the caller's wait */

/*  Takes the place from a snapshot. */
static int take_place (aut_client_t *self, int64_t deadline_ms)
{
    json_t *reply;
    int64_t epoch, seq;
    int rc = aut_client_query_until (self, "{\"get\":\"status\"}", deadline_ms, &reply);
    if (rc)
        return rc;
    if (aut_json_int (reply, "epoch", &epoch) || aut_json_int (reply, "seq", &seq) || epoch < 0 ||
        seq < 0)
        rc = aut_fail (AUT_ERR_INVALID, "the broker's status has no epoch and seq");
    else {
        self->epoch = (uint64_t)epoch;
        self->seq = (uint64_t)seq;
    }
    json_decref (reply);
    json_decref (self->fetched);
    self->fetched = NULL;
    self->asked_ms = aut_mono_ms (self->clock);
    return rc;
}

int aut_client_subscribe (zsock_t **out, const aut_client_t *self, const aut_endpoints_t *endpoints)
{
    int rc =
        aut_net_connect_curve (out, AUT_PORT_EVENTS, endpoints->url[AUT_PORT_EVENTS], &self->curve);
    if (rc == 0)
        zsock_set_subscribe (*out, "");
    return rc;
}

int aut_client_events_start (aut_client_t *self)
{
    if (!self->events) {
        int rc = aut_client_subscribe (&self->events, self, &self->endpoints);
        if (rc)
            return rc;
    }
    return take_place (self, 0);
}

/*  Reads epoch and seq of an event. */
static bool read_place (const json_t *event, uint64_t *epoch, uint64_t *seq)
{
    int64_t e, s;
    if (aut_json_int (event, "epoch", &e) || aut_json_int (event, "seq", &s) || e < 0 || s < 0)
        return false;
    *epoch = (uint64_t)e;
    *seq = (uint64_t)s;
    return true;
}

/*  Events before now are lost for good: go on from here. */
static int lost (aut_client_t *self, int64_t deadline_ms)
{
    int rc = take_place (self, deadline_ms);
    return rc ? rc : aut_fail (AUT_ERR_STATE, "events were lost: take a snapshot");
}

/*  Asks for what came after the last event. */
static int fetch (aut_client_t *self, int64_t deadline_ms)
{
    json_t *reply;
    char *request = aut_sprintf ("{\"get\":\"events\",\"after\":%llu,\"epoch\":%llu}",
                                 (unsigned long long)self->seq, (unsigned long long)self->epoch);
    int rc = aut_client_query_until (self, request, deadline_ms, &reply);
    free (request);
    if (rc == AUT_ERR_NOT_FOUND)
        return lost (self, deadline_ms);
    if (rc)
        return rc;
    self->asked_ms = aut_mono_ms (self->clock);
    int64_t epoch = (int64_t)self->epoch, seq = (int64_t)self->seq, next = -1;
    aut_json_int (reply, "epoch", &epoch);
    aut_json_int (reply, "seq", &seq);
    aut_json_int (reply, "next", &next);
    json_decref (self->fetched);
    self->fetched = json_incref (json_object_get (reply, "events"));
    self->fetched_at = 0;
    self->fetched_next = next > 0 ? (uint64_t)next : 0;
    /* What is still to be asked for may be of the broker that our place is of. */
    self->fetched_epoch = next < seq ? self->epoch : (uint64_t)epoch;
    json_decref (reply);
    /* A broker that does not say how far its answer goes keeps no events beyond its own epoch. */
    bool ours = (uint64_t)epoch == self->epoch ||
                (next >= 0 && aut_epoch_earlier (self->epoch, (uint64_t)epoch));
    if (!ours || (uint64_t)seq < self->seq)
        return lost (self, deadline_ms);
    if (next >= 0 && next < seq)
        self->asked_ms -= QUIET_MS; /* there is more: ask at once */
    return 0;
}

/*  The next fetched event, or NULL. */
static json_t *next_fetched (aut_client_t *self)
{
    while (self->fetched_at < json_array_size (self->fetched)) {
        json_t *event = json_array_get (self->fetched, self->fetched_at++);
        uint64_t epoch, seq;
        if (read_place (event, &epoch, &seq) && seq > self->seq &&
            (epoch == self->epoch || aut_epoch_earlier (self->epoch, epoch))) {
            self->seq = seq;
            self->epoch = epoch;
            return json_incref (event);
        }
    }
    if (self->fetched && self->fetched_next > self->seq)
        self->seq = self->fetched_next; /* the numbers in between were progress */
    if (self->fetched && self->fetched_next && aut_epoch_earlier (self->epoch, self->fetched_epoch))
        self->epoch = self->fetched_epoch;
    json_decref (self->fetched);
    self->fetched = NULL;
    return NULL;
}

/*  One published event, or NULL when nothing is there; what is malformed is dropped. */
static json_t *receive_event (aut_client_t *self)
{
    void *sock = zsock_resolve (self->events);
    json_t *event = NULL;
    zmq_msg_t frame;
    zmq_msg_init (&frame);
    while (!event && zmq_msg_recv (&frame, sock, ZMQ_DONTWAIT) >= 0)
        if (!zmq_msg_more (&frame) &&
            aut_json_parse (&event, zmq_msg_data (&frame), zmq_msg_size (&frame), "event"))
            event = NULL;
    zmq_msg_close (&frame);
    return event;
}

/*  Gives out the next published event if it is the next in order: 0 with or without `event`, or
 *  what a hole led to. */
static int next_published (aut_client_t *self, int64_t deadline_ms, json_t **event)
{
    json_t *got;
    while ((got = receive_event (self))) {
        uint64_t epoch, seq;
        if (!read_place (got, &epoch, &seq) || (epoch == self->epoch && seq <= self->seq) ||
            aut_epoch_earlier (epoch, self->epoch)) {
            json_decref (got);
            continue;
        }
        aut_client_up (self);
        self->asked_ms = aut_mono_ms (self->clock);
        if (epoch == self->epoch && seq == self->seq + 1) {
            self->seq = seq;
            *event = got;
            return 0;
        }
        json_decref (got);
        return aut_epoch_same_broker (epoch, self->epoch) ? fetch (self, deadline_ms)
                                                          : lost (self, deadline_ms);
    }
    return 0;
}

int aut_client_events_next (aut_client_t *self, int timeout_ms, json_t **event)
{
    *event = NULL;
    if (!self->events)
        return aut_fail (AUT_ERR_STATE, "events were not started");
    int64_t end = aut_mono_ms (self->clock) + timeout_ms;
    int64_t query_end = end + QUERY_MIN_MS;
    for (;;) {
        *event = next_fetched (self);
        if (*event)
            return 0;
        int rc = next_published (self, query_end, event);
        if (rc || *event)
            return rc;
        if (self->fetched)
            continue;
        if (self->options.cancelled && self->options.cancelled (self->options.ctx))
            return aut_fail (AUT_ERR_CANCELLED, "interrupted");
        int64_t now = aut_mono_ms (self->clock);
        if (now - self->asked_ms >= QUIET_MS) {
            rc = fetch (self, query_end);
            if (rc)
                return rc;
            if (self->fetched)
                continue;
        }
        if (now >= end)
            return aut_fail (AUT_ERR_TIMEOUT, "no event yet");
        int64_t left = end - now;
        aut_net_wait (self->events, NULL,
                      (int)(left < AUT_CLIENT_POLL_MS ? left : AUT_CLIENT_POLL_MS));
    }
}
