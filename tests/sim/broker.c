/*  A broker's process: what broker/broker.c starts, without files and ports. The loop and the
 *  threads of the node and client sockets are the broker's own, each a coroutine; they run, in an
 *  order that the dice choose, until all of them wait. A kill makes every wait return and every
 *  write and send fail, so that they end by themselves and free what they have. */
#include "tests/sim/sim.h"

#include "broker/planner.h"
#include "lib/core/epoch.h"
#include "lib/core/error.h"
#include "lib/core/mem.h"

#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#define OUTBOX 4096
#define RING 16
#define PASSES 10000 /* of a broker that never waits */

static int64_t mono (void *ctx)
{
    const broker_t *self = ctx;
    return self->sim->now + (int64_t)self->number * 1000000;
}

static int64_t wall (void *ctx)
{
    const broker_t *self = ctx;
    return 1700000000000 + self->sim->now + self->wall_step;
}

broker_t *broker_find (sim_t *sim, uint64_t number)
{
    for (uint32_t i = 0; i < SIM_BROKERS; i++)
        if (number && sim->brokers[i].number == number)
            return &sim->brokers[i];
    return NULL;
}

broker_t *broker_newest (sim_t *sim)
{
    broker_t *newest = NULL;
    for (uint32_t i = 0; i < SIM_BROKERS; i++)
        if (sim->brokers[i].number && !sim->brokers[i].dying &&
            (!newest || sim->brokers[i].number > newest->number))
            newest = &sim->brokers[i];
    return newest;
}

broker_t *broker_owner (sim_t *sim)
{
    broker_t *newest = broker_newest (sim);
    return newest && newest->self->endpoints.epoch == sim->disk.epoch ? newest : NULL;
}

broker_t *broker_at (sim_t *sim, uint32_t address)
{
    for (uint32_t i = 0; i < SIM_BROKERS; i++)
        if (sim->brokers[i].number && !sim->brokers[i].dying && sim->brokers[i].address == address)
            return &sim->brokers[i];
    return NULL;
}

/* ---- life ---- */

static void run_loop (broker_t *self, int role)
{
    (void)role;
    aut_loop_run (self->self);
}

static void run_socket (broker_t *self, int role)
{
    aut_actor_args_t args = {.broker = self->self};
    if (role == ROLE_NODE)
        aut_node_socket (NULL, &args);
    else
        aut_client_socket (NULL, &args);
}

static void make_mailboxes (aut_broker_t *self)
{
    self->seen = aut_peers_new ();
    self->live = aut_live_new ();
    self->inbox = aut_mailbox_new (SIM_INBOX);
    self->queries = aut_mailbox_new (8);
    self->plans = aut_mailbox_new (8);
    self->planned = aut_mailbox_new (AUT_BROKER_PLANNED);
    self->to_clients = aut_mailbox_new (OUTBOX);
    self->to_nodes = aut_mailbox_new (OUTBOX);
    self->to_events = aut_mailbox_new (OUTBOX);
}

static int make_core (aut_broker_t *self)
{
    aut_core_config_t config;
    aut_core_config_init (&config);
    config.epoch = self->endpoints.epoch;
    config.lease_ms = self->options.lease_ms;
    config.silent_ms = self->options.silent_ms;
    config.ping_ms = self->options.ping_ms;
    config.stall_ms = SIM_STALL_MS;
    config.run_ms = SIM_RUN_MS;
    config.backoff_ms = SIM_BACKOFF_MS;
    config.max_failures = SIM_MAX_FAILURES;
    config.max_jobs = SIM_MAX_JOBS;
    config.max_tasks = SIM_MAX_TASKS;
    int rc = aut_store_next_ids (self->store, &config.next_job, &config.next_task);
    self->core = aut_core_new (&config);
    self->catalogue = aut_catalogue_new ();
    return rc ? rc : aut_broker_restore (self);
}

void broker_boot (sim_t *sim, uint32_t address)
{
    broker_t *self = NULL;
    for (uint32_t i = 0; i < SIM_BROKERS && !self; i++)
        if (!sim->brokers[i].number)
            self = &sim->brokers[i];
    if (!self)
        return;
    *self = (broker_t){.sim = sim, .number = ++sim->last_broker, .address = address};
    self->clock = (aut_clock_t){mono, wall, self};
    aut_broker_t *broker = self->self = aut_calloc (1, sizeof *broker);
    broker->clock = &self->clock;
    broker->options.ping_ms = SIM_PING_MS;
    broker->options.silent_ms = SIM_SILENT_MS;
    broker->options.lease_ms = SIM_LEASE_MS;
    broker->lock_fd = -1;
    aut_ring_init (&broker->ring, RING);
    broker->state_dir = aut_strdup ("disk");
    make_mailboxes (broker);
    broker->store = disk_open (sim, self);
    broker->endpoints.epoch = aut_store_epoch (broker->store);
    sim_note (sim, "broker %" PRIu64 " starts, epoch " AUT_EPOCH_TEXT ", address %u", self->number,
              AUT_EPOCH_ARGS (broker->endpoints.epoch), address);
    int rc = make_core (broker);
    if (rc)
        sim_complain (sim, "a broker cannot start from its store: %s", aut_error_detail ());
    co_start (&self->co[ROLE_LOOP], self, ROLE_LOOP, run_loop);
    co_start (&self->co[ROLE_NODE], self, ROLE_NODE, run_socket);
    co_start (&self->co[ROLE_CLIENT], self, ROLE_CLIENT, run_socket);
    sim->endpoint = address;
    broker_run (self);
}

static void free_broker (aut_broker_t *self)
{
    aut_mailbox_destroy (&self->inbox, aut_in_destroy);
    aut_mailbox_destroy (&self->plans, aut_plan_request_destroy);
    aut_mailbox_destroy (&self->planned, NULL);
    aut_mailbox_destroy (&self->to_clients, aut_out_destroy);
    aut_mailbox_destroy (&self->to_nodes, aut_out_destroy);
    aut_mailbox_destroy (&self->to_events, aut_note_destroy);
    aut_mailbox_destroy (&self->queries, aut_query_destroy);
    aut_peers_destroy (&self->seen);
    aut_live_destroy (&self->live);
    aut_core_actions_destroy (&self->actions);
    aut_core_destroy (&self->core);
    aut_catalogue_destroy (&self->catalogue);
    aut_store_destroy (&self->store);
    aut_ring_clear (&self->ring);
    free (self->mutations);
    for (size_t i = 0; i < self->unfit_count; i++)
        free (self->unfit[i].message);
    free (self->unfit);
    free (self->state_dir);
    free (self);
}

void broker_kill (broker_t *self)
{
    sim_t *sim = self->sim;
    uint64_t number = self->number;
    sim_note (sim, "broker %" PRIu64 " is gone", number);
    self->dying = true;
    self->self->stop = 2;
    if (!self->self->fault)
        self->self->fault = AUT_ERR_CANCELLED;
    aut_mailbox_close (self->self->inbox);
    for (int role = 0; role < ROLE_COUNT; role++)
        for (int i = 0; self->co[role].wait != CO_DONE && i < PASSES; i++)
            co_resume (&self->co[role]);
    free_broker (self->self);
    for (int role = 0; role < ROLE_COUNT; role++)
        letters_clear (&self->in[role]);
    self->number = 0;
    net_close_all (sim, number);
}

void broker_stop (broker_t *self, int64_t within_ms)
{
    aut_broker_t *broker = self->self;
    self->stopping = true;
    broker->stop_by_ms = aut_mono_ms (&self->clock) + within_ms;
    broker->stop = 1;
    aut_mailbox_wake (broker->inbox);
    broker_run (self);
}

static void restart (sim_t *sim, const sim_event_t *event)
{
    (void)event;
    sim->restarting = false;
    if (broker_owner (sim))
        return;
    bool moves = rng_below (&sim->noise, 4) == 0;
    broker_boot (sim, moves ? ++sim->last_address : sim->endpoint);
}

void broker_restart_later (sim_t *sim, int64_t ms)
{
    if (sim->restarting)
        return;
    sim->restarting = true;
    sim_at (sim, sim->now + ms, restart, NULL, 0);
}

/* ---- running ---- */

static bool runnable (co_t *co)
{
    const broker_t *self = co->broker;
    switch (co->wait) {
    case CO_DONE:
        return false;
    case CO_NEW:
        return true;
    case CO_POLL:
        return self->dying || co->until <= self->sim->now || poll (co->fds, co->fd_count, 0) > 0;
    case CO_SOCKET:
        return self->dying || co->until <= self->sim->now || self->in[co->role].count ||
               aut_mailbox_count (co->mailbox);
    default:
        return self->dying || co->until <= self->sim->now;
    }
}

static void wake (sim_t *sim, const sim_event_t *event)
{
    broker_t *self = event->obj;
    if (self->number != event->gen)
        return;
    if (self->wake_at <= event->at)
        self->wake_at = 0;
    if (!sim->failed)
        broker_run (self);
}

static void sleep_until (broker_t *self, int64_t at)
{
    if (at == INT64_MAX || (self->wake_at && self->wake_at <= at))
        return;
    self->wake_at = at;
    sim_at (self->sim, at, wake, self, self->number)->stopped = &self->stopped_until;
}

/*  What its watchers would get, and how full its queues are. */
static void drain_events (broker_t *self)
{
    void *items[64];
    size_t count;
    oracle_queue (self->sim->oracle, "inbox", aut_mailbox_count (self->self->inbox), SIM_INBOX);
    oracle_queue (self->sim->oracle, "to_nodes", aut_mailbox_count (self->self->to_nodes), OUTBOX);
    while ((count = aut_mailbox_take (self->self->to_events, items, 64)))
        for (size_t i = 0; i < count; i++)
            aut_note_destroy (items[i]);
}

static void reap (broker_t *self)
{
    sim_t *sim = self->sim;
    int fault = self->self->fault;
    if (!self->dying && !self->stopping)
        oracle_broker_ended (sim->oracle, self->self->endpoints.epoch, fault);
    broker_kill (self);
    broker_restart_later (sim, rng_between (&sim->noise, 500, 4000));
}

void broker_run (broker_t *self)
{
    sim_t *sim = self->sim;
    if (self->stopped_until > sim->now) {
        sleep_until (self, self->stopped_until);
        return;
    }
    for (int pass = 0, idle = 0; idle < ROLE_COUNT && !self->dying; pass++) {
        co_t *co = &self->co[rng_below (&sim->noise, ROLE_COUNT)];
        for (idle = 0; idle < ROLE_COUNT && !runnable (co); idle++)
            co = &self->co[(co->role + 1) % ROLE_COUNT];
        if (idle < ROLE_COUNT)
            co_resume (co);
        if (self->self->fault || self->co[ROLE_LOOP].wait == CO_DONE)
            break;
        plan_serve (self);
        drain_events (self);
        if (pass > PASSES)
            sim_complain (sim, "a broker's threads never wait");
        if (sim->failed)
            break;
    }
    if (sim->failed)
        return;
    if (self->dying || self->self->fault || self->co[ROLE_LOOP].wait == CO_DONE) {
        reap (self);
        return;
    }
    int64_t at = INT64_MAX;
    for (int role = 0; role < ROLE_COUNT; role++)
        if (self->co[role].until < at)
            at = self->co[role].until;
    sleep_until (self, at);
}

/* ---- messages ---- */

static aut_peer_t peer_of (uint32_t conn)
{
    aut_peer_t peer = {.size = 5};
    memcpy (peer.bytes + 1, &conn, sizeof conn);
    return peer;
}

int broker_receive (broker_t *self, int role, aut_received_t *in)
{
    letter_t letter;
    if (self->dying || !letters_pop (&self->in[role], &letter))
        return aut_fail (AUT_ERR_AGAIN, "nothing is there");
    in->peer = peer_of (letter.conn);
    int rc = aut_msg_decode (&in->msg, letter.bytes, AUT_HEAD_SIZE, letter.bytes + AUT_HEAD_SIZE,
                             letter.size - AUT_HEAD_SIZE);
    oracle_broker_takes (self->sim->oracle, self->sim->now, self->self->endpoints.epoch,
                         letter.conn, letter.bytes, letter.size);
    free (letter.bytes);
    return rc;
}

static bool is_ack (aut_msg_type_t type)
{
    return type == AUT_MSG_ACK || type == AUT_MSG_SUBMITTED || type == AUT_MSG_ADOPT ||
           type == AUT_MSG_ASSIGN || type == AUT_MSG_OK;
}

static void judge_send (broker_t *self, uint32_t conn, const aut_msg_t *msg)
{
    aut_buffer_t bytes = {0};
    uint8_t head[AUT_HEAD_SIZE];
    aut_buffer_append (&bytes, "\0\0\0\0\0", AUT_HEAD_SIZE);
    if (!aut_msg_encode (msg, head, &bytes)) {
        memcpy (bytes.data, head, AUT_HEAD_SIZE);
        oracle_broker_sends (self->sim->oracle, self->sim->now, self->self->endpoints.epoch, conn,
                             (const uint8_t *)bytes.data, bytes.size);
    }
    aut_buffer_clear (&bytes);
}

static void die (broker_t *self)
{
    self->dying = true;
    self->self->stop = 2;
    self->self->fault = AUT_ERR_CANCELLED;
}

int broker_send (broker_t *self, const aut_peer_t *peer, const aut_msg_t *msg)
{
    sim_t *sim = self->sim;
    uint32_t conn;
    memcpy (&conn, peer->bytes + 1, sizeof conn);
    if (self->dying)
        return aut_fail (AUT_ERR_UNREACHABLE, "the process is gone");
    if (is_ack (msg->type) && fault_strike (sim, FAULT_CRASH_BEFORE_ACK)) {
        sim_note (sim, "broker %" PRIu64 " dies before its %s", self->number,
                  aut_msg_name (msg->type));
        die (self);
        return AUT_ERR_UNREACHABLE;
    }
    if (msg->type != AUT_MSG_PING && msg->type != AUT_MSG_PONG)
        judge_send (self, conn, msg);
    int rc = net_send (sim, conn, false, msg);
    if (rc)
        aut_fail (rc, "the peer is gone");
    if (msg->type == AUT_MSG_ASSIGN || msg->type == AUT_MSG_ACK || msg->type == AUT_MSG_ADOPT)
        client_moment (sim, oracle_job_of (sim->oracle, msg->ack.token.task));
    if (is_ack (msg->type) && fault_strike (sim, FAULT_CRASH_AFTER_ACK)) {
        sim_note (sim, "broker %" PRIu64 " dies after its %s", self->number,
                  aut_msg_name (msg->type));
        die (self);
    }
    return rc;
}
