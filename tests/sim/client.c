/*  Clients: each uploads a submission, submits it under its key until it is told a job, and asks
 * for the results until the job has ended; beside that what faults make them do. */
#include "tests/sim/sim.h"

#include "lib/core/error.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REPEAT_MS 3000

static void tick (sim_t *sim, const sim_event_t *event);

static void tick_in (client_t *self, int64_t ms)
{
    sim_event_t *event = sim_at (self->sim, self->sim->now + ms, tick, self, self->gen);
    event->stopped = &self->stopped_until;
}

static void connect_now (sim_t *sim, const sim_event_t *event)
{
    client_t *self = event->obj;
    self->connecting = false;
    self->address = sim->endpoint;
    self->conn = net_connect (sim, END_CLIENT, self->index, self->address);
    if (!self->conn)
        client_unplugged (self);
}

void client_unplugged (client_t *self)
{
    self->conn = 0;
    if (self->connecting)
        return;
    self->connecting = true;
    sim_at (self->sim, self->sim->now + rng_between (&self->sim->noise, 10, 900), connect_now, self,
            0);
}

void client_start (sim_t *sim, client_t *self)
{
    snprintf (self->key, sizeof self->key, "key-%u", self->index);
    snprintf (self->text, sizeof self->text, "film %u", rng_below (&sim->plan, 12));
    self->submission = aut_hash_of (self->text, strlen (self->text));
    self->priority = (int32_t)rng_below (&sim->plan, 3) - 1;
    self->req = 100;
    self->asks = 5000000;
    client_unplugged (self);
    tick_in (self, self->at);
}

static void submit (client_t *self, const char *key, const char *text, uint64_t req)
{
    aut_msg_t msg = {.type = AUT_MSG_SUBMIT};
    aut_hash_t hash = aut_hash_of (text, strlen (text));
    if (disk_put (self->sim, &hash, text, strlen (text)))
        return;
    msg.submit = (aut_msg_submit_t){.req = req,
                                    .submission = {hash, strlen (text)},
                                    .priority = self->priority,
                                    .idempotency = key,
                                    .project = "sim"};
    net_send (self->sim, self->conn, true, &msg);
}

static void command (client_t *self, aut_msg_type_t type)
{
    aut_msg_t msg = {.type = type};
    msg.cancel = (aut_msg_cancel_t){++self->asks, self->job};
    if (self->job[0])
        net_send (self->sim, self->conn, true, &msg);
}

static void ask_results (client_t *self)
{
    aut_msg_t msg = {.type = AUT_MSG_RESULTS};
    msg.results = (aut_msg_results_t){++self->asks, self->job, self->after, 8};
    self->asked = self->sim->now;
    net_send (self->sim, self->conn, true, &msg);
}

static void tick (sim_t *sim, const sim_event_t *event)
{
    client_t *self = event->obj;
    if (self->gen != event->gen || self->step == JOB_ENDED)
        return;
    if (self->step == JOB_PLANNED) {
        self->step = JOB_SENT;
        self->req++;
        self->asked = -REPEAT_MS;
    }
    if (self->step == JOB_SENT && sim->now - self->asked >= REPEAT_MS) {
        self->asked = sim->now;
        submit (self, self->key, self->text, self->req);
    } else if (self->step == JOB_TAKEN) {
        ask_results (self);
    }
    tick_in (self, rng_between (&sim->noise, 1500, 4000));
}

/* ---- what it is told ---- */

static void on_page (client_t *self, const aut_msg_results_page_t *page)
{
    bool ended = !strcmp (page->state, "done") || !strcmp (page->state, "failed") ||
                 !strcmp (page->state, "cancelled");
    if (page->req != self->asks || self->step != JOB_TAKEN)
        return;
    self->after = page->next;
    if (page->next) {
        ask_results (self);
        return;
    }
    if (!ended)
        return;
    if (!strcmp (page->state, "failed") && self->retries++ < 2) {
        command (self, AUT_MSG_RETRY);
        return;
    }
    sim_note (self->sim, "client %u sees that %s is %s", self->index, self->job, page->state);
    self->step = JOB_ENDED;
}

static void on_error (client_t *self, const aut_msg_error_t *error)
{
    if (self->step != JOB_SENT || error->req != self->req)
        return;
    int code = aut_error_code (error->code);
    if (code == AUT_ERR_EXISTS || code == AUT_ERR_INVALID || code == AUT_ERR_INTERNAL)
        sim_complain (self->sim, "a good submission is refused: %s: %s", error->code,
                      error->message);
    self->req++; /* another request, later */
}

void client_message (client_t *self, const uint8_t *bytes, size_t size)
{
    aut_msg_t msg = {0};
    int rc =
        aut_msg_decode (&msg, bytes, AUT_HEAD_SIZE, bytes + AUT_HEAD_SIZE, size - AUT_HEAD_SIZE);
    if (rc) {
        sim_complain (self->sim, "a client cannot read a message: %s", aut_error_detail ());
    } else if (msg.type == AUT_MSG_SUBMITTED) {
        if (self->step == JOB_SENT && msg.submitted.req == self->req) {
            self->step = JOB_TAKEN;
            snprintf (self->job, sizeof self->job, "%s", msg.submitted.job);
        }
    } else if (msg.type == AUT_MSG_RESULTS_PAGE) {
        on_page (self, &msg.results_page);
    } else if (msg.type == AUT_MSG_ERROR) {
        on_error (self, &msg.error);
    }
    aut_msg_clear (&msg);
}

/* ---- faults ---- */

static void drain_node (client_t *self, const char *name)
{
    aut_msg_t msg = {.type = AUT_MSG_DRAIN};
    msg.drain = (aut_msg_drain_t){++self->asks, name};
    net_send (self->sim, self->conn, true, &msg);
}

static void flood (client_t *self)
{
    char key[48], text[32];
    for (uint32_t i = 0; i < 8; i++) {
        snprintf (key, sizeof key, "flood-%u-%u-%" PRId64, self->index, i, self->sim->now);
        snprintf (text, sizeof text, "film %u", rng_below (&self->sim->noise, 12));
        submit (self, key, text, 1000000 + self->floods++);
    }
}

void client_act (sim_t *sim, client_t *self, fault_kind_t kind)
{
    switch (kind) {
    case FAULT_CLIENT_TWICE:
        submit (self, self->key, self->text, self->step == JOB_SENT ? self->req : 2000000);
        submit (self, self->key, self->text, 2000001);
        break;
    case FAULT_CLIENT_CANCEL:
        command (self, AUT_MSG_CANCEL);
        break;
    case FAULT_CLIENT_RETRY:
        command (self, AUT_MSG_CANCEL);
        command (self, AUT_MSG_RETRY);
        break;
    case FAULT_CLIENT_CRASH: /* it forgets that it was told a job */
        self->gen++;
        self->job[0] = 0;
        self->after = 0;
        self->step = JOB_PLANNED;
        net_close (sim, self->conn);
        tick_in (self, rng_between (&sim->noise, 100, 5000));
        break;
    case FAULT_OPERATOR_DRAIN:
        sim->nodes[1].drained = true;
        drain_node (self, sim->nodes[1].name);
        break;
    default:
        flood (self);
        break;
    }
}

/*  When something of a job is on its way, its client may change its mind. */
void client_moment (sim_t *sim, uint64_t job)
{
    char name[32];
    snprintf (name, sizeof name, "j%" PRIu64, job);
    for (uint32_t i = 0; i < sim->client_count; i++) {
        client_t *self = &sim->clients[i];
        if (!self->conn || strcmp (self->job, name) != 0 || self->step == JOB_ENDED)
            continue;
        if (fault_strike (sim, FAULT_CLIENT_CANCEL))
            client_act (sim, self, FAULT_CLIENT_CANCEL);
        else if (fault_strike (sim, FAULT_CLIENT_RETRY))
            client_act (sim, self, FAULT_CLIENT_RETRY);
    }
}
