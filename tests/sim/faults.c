/*  The faults of a seed: a list made beforehand, so that one can be left out. Some last for a
 * while, some wait, armed, for the moment in which they hurt. */
#include "tests/sim/sim.h"

#include <inttypes.h>
#include <string.h>

#define FIRST_MS 1000
#define LAST_MS 45000
#define LEAST 5

const char *fault_name (fault_kind_t kind)
{
    static const char *const names[] = {
#define SIM_FAULT_TEXT(name, text) text,
        SIM_FAULTS (SIM_FAULT_TEXT)
#undef SIM_FAULT_TEXT
    };
    return names[kind];
}

void fault_count (sim_t *sim, fault_t *fault)
{
    if (!fault->fired++)
        sim_note (sim, "*** %s", fault_name (fault->kind));
}

fault_t *fault_strike (sim_t *sim, fault_kind_t kind)
{
    fault_t *fault = sim->armed[kind];
    if (!fault)
        return NULL;
    sim->armed[kind] = NULL;
    fault_count (sim, fault);
    return fault;
}

static node_t *node_of (sim_t *sim, const fault_t *fault)
{
    return &sim->nodes[fault->target % sim->node_count];
}

static client_t *client_of (sim_t *sim, const fault_t *fault)
{
    return &sim->clients[fault->target % sim->client_count];
}

/*  Of a node mostly, sometimes of a client. */
static path_t *path_of (sim_t *sim, const fault_t *fault)
{
    return fault->target % 5 ? &node_of (sim, fault)->path : &client_of (sim, fault)->path;
}

static void on_path (sim_t *sim, fault_t *fault)
{
    path_t *path = path_of (sim, fault);
    int64_t end = sim->now + 2000 + fault->amount % 30000;
    switch (fault->kind) {
    case FAULT_PARTITION:
        path->cut_to = path->cut_from = end;
        break;
    case FAULT_ONEWAY_IN:
        path->cut_to = end;
        break;
    case FAULT_ONEWAY_OUT:
        path->cut_from = end;
        break;
    case FAULT_RESET:
        for (uint32_t i = 0; i < sim->conn_count; i++)
            if (sim->conns[i].open && net_path (sim, &sim->conns[i]) == path) {
                fault_count (sim, fault);
                net_close (sim, i + 1);
            }
        return;
    default:
        path->fault = fault;
        path->window = end;
        return; /* counted where it hits a message */
    }
    fault_count (sim, fault);
}

/*  A second broker takes the store while the first one lives on and has its connections. */
static void failover (sim_t *sim, fault_t *fault)
{
    uint32_t living = 0;
    for (uint32_t i = 0; i < SIM_BROKERS; i++)
        living += sim->brokers[i].number != 0;
    if (living != 1)
        return;
    fault_count (sim, fault);
    broker_boot (sim, ++sim->last_address);
    for (uint32_t i = 0; i < sim->node_count; i++) /* some of the nodes follow */
        if (sim->nodes[i].session && (fault->amount >> i & 1))
            net_close (sim, sim->nodes[i].conn);
}

static void on_broker (sim_t *sim, fault_t *fault)
{
    broker_t *broker = broker_newest (sim);
    disk_t *disk = &sim->disk;
    switch (fault->kind) {
    case FAULT_COMMIT_FAILS:
        disk->fails = fault;
        disk->fails_until = sim->now + 500 + fault->amount % 4000;
        break;
    case FAULT_DISK_FULL:
        disk->full = fault;
        disk->full_until = sim->now + 500 + fault->amount % 20000;
        break;
    case FAULT_FAILOVER:
        if (broker)
            failover (sim, fault);
        break;
    case FAULT_BROKER_STOPS:
        if (!broker || broker->stopped_until > sim->now)
            return;
        fault_count (sim, fault);
        broker_stop (broker, fault->amount % 12000);
        break;
    case FAULT_BROKER_STOPPED:
        if (!broker)
            return;
        broker->stopped_until = sim->now + 1000 + fault->amount % 45000;
        fault_count (sim, fault);
        break;
    default:
        if (!broker)
            return;
        broker->wall_step = (int64_t)(fault->amount % 7200000) - 3600000;
        fault_count (sim, fault);
        break;
    }
}

static void on_node (sim_t *sim, fault_t *fault)
{
    node_t *node = node_of (sim, fault);
    if (!node->session)
        return;
    switch (fault->kind) {
    case FAULT_NODE_CRASH:
        node_kill (node);
        break;
    case FAULT_NODE_CRASH_SENDING:
        node->crash_sending = fault;
        return;
    case FAULT_NODE_STOPPED:
        node->stopped_until = sim->now + 1000 + fault->amount % 40000;
        break;
    case FAULT_NODE_FULL:
        node->full = fault;
        node->full_until = sim->now + 5000 + fault->amount % 20000;
        return;
    case FAULT_WORKER_LYING:
        node->lie = fault;
        return;
    case FAULT_NODE_OFFER:
        node_offer (node, true);
        break;
    default:
        node_event (node,
                    &(aut_session_event_t){.type = AUT_SESSION_DRAIN,
                                           .within_ms = (int64_t)(fault->amount % 6000) - 1000});
        break;
    }
    fault_count (sim, fault);
}

static void on_worker (sim_t *sim, fault_t *fault)
{
    node_t *node = node_of (sim, fault);
    worker_t *worker = &node->workers[fault->amount % node->worker_count];
    worker->fault = fault;
    if (fault->kind != FAULT_WORKER_FLAPPING || !node->session)
        return;
    worker->flapping_until = sim->now + 3000 + fault->amount % 12000;
    worker_kill (node, worker->id);
}

static void on_client (sim_t *sim, fault_t *fault)
{
    client_t *client = client_of (sim, fault);
    if (!client->conn || (fault->kind == FAULT_CLIENT_CRASH && client->step == JOB_ENDED))
        return;
    fault_count (sim, fault);
    client_act (sim, client, fault->kind);
}

/*  A byte of a blob that a committed result names. */
static void rot (sim_t *sim, fault_t *fault)
{
    disk_t *disk = &sim->disk;
    for (size_t i = 0; i < disk->blob_count; i++) {
        sim_blob_t *blob = &disk->blobs[(i + fault->amount) % disk->blob_count];
        if (blob->aside || !oracle_blob_used (sim->oracle, &blob->name))
            continue;
        blob->bytes[blob->size / 2] ^= 1;
        oracle_damaged (sim->oracle);
        fault_count (sim, fault);
        return;
    }
}

static void begin (sim_t *sim, const sim_event_t *event)
{
    fault_t *fault = event->obj;
    if (!fault->on || sim->healed)
        return;
    if (fault->kind <= FAULT_RESET)
        on_path (sim, fault);
    else if (fault->kind >= FAULT_COMMIT_FAILS && fault->kind <= FAULT_WALL_STEP)
        on_broker (sim, fault);
    else if (fault->kind == FAULT_BLOB_ROT)
        rot (sim, fault);
    else if ((fault->kind >= FAULT_NODE_CRASH && fault->kind <= FAULT_NODE_OFFER) ||
             fault->kind == FAULT_WORKER_LYING)
        on_node (sim, fault);
    else if (fault->kind >= FAULT_WORKER_SLOW && fault->kind <= FAULT_WORKER_MEMORY)
        on_worker (sim, fault);
    else if (fault->kind == FAULT_CLIENT_TWICE || fault->kind >= FAULT_CLIENT_CRASH ||
             fault->kind == FAULT_OPERATOR_DRAIN)
        on_client (sim, fault);
    else
        sim->armed[fault->kind] = fault;
}

void faults_make (sim_t *sim)
{
    sim->fault_count = 10 + rng_below (&sim->plan, 9);
    for (uint32_t i = 0; i < sim->fault_count; i++) {
        fault_t *fault = &sim->faults[i];
        fault->kind = (fault_kind_t)rng_below (&sim->plan, FAULT_KINDS);
        fault->at = rng_between (&sim->plan, FIRST_MS, LAST_MS);
        fault->target = rng_below (&sim->plan, 1000);
        fault->amount = rng_below (&sim->plan, 1u << 30);
        sim_at (sim, fault->at, begin, fault, 0);
    }
}

static uint32_t fired (const sim_t *sim)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < sim->fault_count; i++)
        count += sim->faults[i].fired;
    return count;
}

/*  A seed whose faults mostly missed gets a few that cannot. */
static void top_up (sim_t *sim)
{
    for (uint32_t i = 0; fired (sim) < LEAST && i < sim->node_count; i++) {
        if (!sim->nodes[i].session || sim->fault_count == SIM_FAULTS_MAX)
            continue;
        fault_t *fault = &sim->faults[sim->fault_count++];
        *fault = (fault_t){.kind = FAULT_NODE_CRASH, .at = sim->now, .target = i};
        fault_count (sim, fault);
        node_kill (&sim->nodes[i]);
    }
}

void faults_heal (sim_t *sim)
{
    bool all = true;
    for (uint32_t i = 0; i < sim->fault_count; i++)
        all &= sim->faults[i].on;
    if (all)
        top_up (sim);
    sim_note (sim, "---- the faults end");
    sim->healed = true;
    memset (sim->armed, 0, sizeof sim->armed);
    sim->disk.full_until = sim->disk.fails_until = 0;
    broker_t *owner = broker_owner (sim);
    for (uint32_t i = 0; i < SIM_BROKERS; i++)
        if (sim->brokers[i].number && &sim->brokers[i] != owner)
            broker_kill (&sim->brokers[i]);
    if (!owner)
        broker_restart_later (sim, 500);
    for (uint32_t i = 0; i < sim->client_count; i++)
        sim->clients[i].path = (path_t){0};
    for (uint32_t i = 0; i < sim->node_count; i++) {
        node_t *node = &sim->nodes[i];
        node->path = (path_t){0};
        node->full_until = 0;
        node->lie = node->crash_sending = NULL;
        if (node->less) /* the others are not to say HELLO for it */
            node_offer (node, false);
        for (uint32_t w = 0; w < node->worker_count; w++) {
            node->workers[w].fault = NULL;
            node->workers[w].flapping_until = 0;
        }
        if (node->drained)
            node_kill (node); /* the operator starts it again */
    }
}
