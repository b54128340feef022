/*  A node's process: the real session, and around it what node/node.c does (its loop, what it keeps
 *  of each hold), with a connection that breaks. */
#include "tests/sim/sim.h"

#include "lib/core/error.h"
#include "lib/core/mem.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const models[] = {"auteur-animatic", "wan-small"};

/* ---- works ---- */

work_t *node_work (node_t *self, uint64_t hold)
{
    for (work_t *work = self->works; work; work = work->next)
        if (work->hold == hold)
            return work;
    return NULL;
}

static void work_free (node_t *self, work_t *work)
{
    for (work_t **p = &self->works; *p; p = &(*p)->next)
        if (*p == work) {
            *p = work->next;
            break;
        }
    for (size_t i = 0; i < sizeof work->files / sizeof *work->files; i++)
        free (work->files[i].bytes);
    free (work);
}

static work_t *work_new (node_t *self, const aut_session_action_t *action)
{
    const aut_msg_assign_t *assign = action->assign;
    work_t *work = aut_calloc (1, sizeof *work);
    unsigned frames = 0, film = 0, task = 0;
    char key[48];
    work->hold = action->hold;
    work->token = assign->token;
    if (!assign->spec ||
        sscanf ((const char *)assign->spec, "need %" SCNu64 " frames %u film %u task %u",
                &work->need, &frames, &film, &task) != 4)
        sim_complain (self->sim, "an ASSIGN came without its spec");
    work->frames = frames;
    snprintf (key, sizeof key, "film %u task %u", film, task);
    work->key = aut_hash_of (key, strlen (key));
    work->has_input = assign->input_count > 0;
    if (work->has_input)
        work->tail = assign->inputs[0].ref;
    work->next = self->works;
    self->works = work;
    return work;
}

static void forget (node_t *self, uint64_t hold)
{
    work_t *work = node_work (self, hold);
    if (!work)
        return;
    work->forgotten = true;
    if (!work->away)
        work_free (self, work);
}

void node_work_back (node_t *self, work_t *work)
{
    work->away = false;
    if (work->forgotten)
        work_free (self, work);
}

/* ---- the connection ---- */

static void connect_now (sim_t *sim, const sim_event_t *event)
{
    node_t *self = event->obj;
    if (self->gen != event->gen)
        return;
    self->connecting = false;
    self->conn = net_connect (sim, END_NODE, self->index, self->address);
    if (!self->conn)
        node_unplugged (self);
}

void node_unplugged (node_t *self)
{
    self->conn = 0;
    if (self->connecting || !self->session)
        return;
    self->connecting = true;
    sim_at (self->sim, self->sim->now + rng_between (&self->sim->noise, 10, 700), connect_now, self,
            self->gen)
        ->stopped = &self->stopped_until;
}

static void reconnect (node_t *self)
{
    self->address = self->sim->endpoint;
    if (self->conn)
        net_close (self->sim, self->conn);
    else
        node_unplugged (self);
}

/* ---- what the session wants ---- */

/*  A DONE that is not true, in one of several ways. False: nothing to lie about. */
static bool lie (node_t *self, aut_msg_t *msg, aut_hash_t *used)
{
    switch (self->lie->amount % 7) {
    case 0:
        if (!msg->done.used_count)
            return false;
        *used = msg->done.used[0];
        used->bytes[5] ^= 0x20;
        msg->done.used = used;
        return true;
    case 1:
        msg->done.mezzanine.hash.bytes[3] ^= 1;
        return true;
    case 2:
        msg->done.token.attempt++;
        return true;
    case 3:
        msg->done.token.epoch++;
        return true;
    case 4:
        msg->done.token.epoch--;
        return true;
    case 5:
        msg->done.tail.size++;
        return true;
    default:
        msg->done.token.task++;
        for (const work_t *work = self->works; work; work = work->next)
            if (work->token.task == msg->done.token.task)
                return false; /* what it says of its own work, nobody can check */
        return true;
    }
}

static int say (node_t *self, const aut_msg_t *msg)
{
    sim_t *sim = self->sim;
    aut_msg_t out = *msg;
    aut_hash_t used;
    bool crash = self->crash_sending && msg->type != AUT_MSG_PING && msg->type != AUT_MSG_PONG &&
                 msg->type != AUT_MSG_HELLO;
    if (self->dying)
        return 0;
    if (crash) {
        fault_count (sim, self->crash_sending);
        self->dying = true;
        if (self->crash_sending->amount & 1)
            return 0;
    }
    if (msg->type == AUT_MSG_DONE && self->lie && self->conn && lie (self, &out, &used)) {
        fault_count (sim, self->lie);
        sim_note (sim, "%s lies (%u)", self->name, self->lie->amount % 7);
        self->lie = NULL;
        self->lying = true;
        int rc = net_send (sim, self->conn, true, &out);
        self->lying = false;
        return rc;
    }
    return net_send (sim, self->conn, true, msg);
}

static int act (void *ctx, const aut_session_action_t *action)
{
    node_t *self = ctx;
    work_t *work = node_work (self, action->hold);
    switch (action->type) {
    case AUT_ACT_SEND:
        return say (self, action->message);
    case AUT_ACT_RECONNECT:
        reconnect (self);
        break;
    case AUT_ACT_START_WORKER:
        worker_start (self, action->worker);
        break;
    case AUT_ACT_KILL_WORKER:
        worker_kill (self, action->worker);
        break;
    case AUT_ACT_FETCH:
        transfer_fetch (self, work ? work : work_new (self, action));
        break;
    case AUT_ACT_RUN:
        worker_run (self, action->worker, action->hold);
        break;
    case AUT_ACT_CANCEL:
        worker_cancel (self, action->worker, action->hold);
        break;
    case AUT_ACT_UPLOAD:
        if (work && !work->away)
            transfer_upload (self, work);
        break;
    case AUT_ACT_FORGET:
        forget (self, action->hold);
        break;
    case AUT_ACT_EXIT:
        self->leaving = true;
        break;
    }
    return 0;
}

/* ---- life ---- */

static void wake (sim_t *sim, const sim_event_t *event)
{
    node_t *self = event->obj;
    if (self->gen != event->gen || !self->session)
        return;
    if (self->wake_at <= event->at)
        self->wake_at = 0;
    if (sim->now + self->offset >= aut_session_deadline (self->session))
        node_event (self, &(aut_session_event_t){.type = AUT_SESSION_TICK});
    else
        node_schedule (self);
}

void node_schedule (node_t *self)
{
    int64_t at = aut_session_deadline (self->session) - self->offset;
    if (at <= self->sim->now)
        at = self->sim->now + 1;
    if (self->wake_at && self->wake_at <= at)
        return;
    self->wake_at = at;
    sim_at (self->sim, at, wake, self, self->gen)->stopped = &self->stopped_until;
}

static void start_again (sim_t *sim, const sim_event_t *event)
{
    node_t *self = event->obj;
    if (self->gen == event->gen && !self->session)
        node_start (sim, self);
}

void node_kill (node_t *self)
{
    sim_t *sim = self->sim;
    if (!self->session)
        return;
    sim_note (sim, "%s is gone", self->name);
    node_clear (self);
    sim_at (sim, sim->now + rng_between (&sim->noise, 500, 15000), start_again, self, self->gen);
}

void node_clear (node_t *self)
{
    aut_session_destroy (&self->session);
    self->gen++;
    if (self->conn)
        net_close (self->sim, self->conn);
    self->conn = 0;
    self->connecting = self->dying = self->leaving = self->drained = self->less = false;
    self->lie = self->crash_sending = NULL;
    while (self->works)
        work_free (self, self->works);
}

void node_event (node_t *self, const aut_session_event_t *event)
{
    if (!self->session)
        return;
    aut_session_step (self->session, event, self->sim->now + self->offset);
    if (self->dying || self->leaving)
        node_kill (self);
    else
        node_schedule (self);
}

void node_message (node_t *self, const uint8_t *bytes, size_t size)
{
    aut_msg_t msg = {0};
    if (!self->session)
        return;
    int rc =
        aut_msg_decode (&msg, bytes, AUT_HEAD_SIZE, bytes + AUT_HEAD_SIZE, size - AUT_HEAD_SIZE);
    if (rc)
        sim_complain (self->sim, "%s cannot read a message: %s", self->name, aut_error_detail ());
    else
        node_event (self, &(aut_session_event_t){.type = AUT_SESSION_MESSAGE, .message = &msg});
    aut_msg_clear (&msg);
}

void node_offer (node_t *self, bool less)
{
    self->less = less;
    aut_msg_worker_t infos[2] = {self->infos[0], self->infos[1]};
    for (uint32_t w = 0; less && w < self->worker_count; w++)
        infos[w].model_count = w;
    node_event (self, &(aut_session_event_t){.type = AUT_SESSION_OFFER,
                                             .workers = infos,
                                             .worker_count = self->worker_count});
}

void node_start (sim_t *sim, node_t *self)
{
    for (int i = 0; i < 16; i++)
        self->instance[i] = (uint8_t)rng_below (&sim->random, 256);
    self->instance[0] = (uint8_t)(self->index + 1);
    self->offset = rng_between (&sim->noise, 0, 1000000);
    self->wake_at = 0;
    self->address = sim->endpoint;
    for (uint32_t w = 0; w < self->worker_count; w++) {
        self->workers[w].up = false;
        self->workers[w].hold = 0;
        self->workers[w].gen++;
    }
    aut_session_options_t options = {.name = self->name,
                                     .version = "sim",
                                     .workers = self->infos,
                                     .worker_count = self->worker_count,
                                     .hold_max = SIM_HOLDS,
                                     .hang_ms = 20000,
                                     .load_ms = 25000,
                                     .cancel_ms = 3000,
                                     .flush_ms = 2000,
                                     .seed = rng_next (&sim->random)};
    memcpy (options.instance, self->instance, sizeof options.instance);
    self->session = aut_session_new (&options, act, self);
    sim_note (sim, "%s starts", self->name);
    node_unplugged (self);
    node_event (self, &(aut_session_event_t){.type = AUT_SESSION_START});
}

/*  The first node can do everything, so that nothing waits for a device that does not exist. */
void node_make (sim_t *sim, uint32_t i)
{
    static const uint64_t sizes[] = {24, 48, 80};
    static const char *const devices[] = {"cuda:0", "cuda:1"};
    node_t *self = &sim->nodes[i];
    self->sim = sim;
    self->index = i;
    /* Some machines are called the same. */
    snprintf (self->name, sizeof self->name, "node-%u",
              i == 2 && rng_below (&sim->plan, 3) == 0 ? 1 : i);
    self->worker_count = 1 + rng_below (&sim->plan, 2);
    for (uint32_t w = 0; w < self->worker_count; w++) {
        bool all = i == 0, cpu = !all && rng_below (&sim->plan, 4) == 0;
        uint32_t first = all ? 0 : rng_below (&sim->plan, 2);
        self->workers[w].id = w;
        self->workers[w].memory = (all ? 80 : sizes[rng_below (&sim->plan, 3)]) * SIM_GB;
        self->infos[w] = (aut_msg_worker_t){.id = w,
                                            .device = cpu ? (w ? "cpu:1" : "cpu") : devices[w],
                                            .class_ = cpu ? "cpu" : "cuda",
                                            .memory = self->workers[w].memory,
                                            .models = models + first,
                                            .model_count = 2 - first,
                                            .credit = 1 + rng_below (&sim->plan, 2)};
    }
    node_start (sim, self);
}
