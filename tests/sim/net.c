/*  Connections: ordered and whole until a fault says otherwise. A message is encoded when it is
 * sent and decoded by whoever takes it in. */
#include "tests/sim/sim.h"

#include "lib/core/error.h"
#include "lib/core/mem.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

conn_t *net_conn (sim_t *sim, uint32_t conn)
{
    return conn && conn <= sim->conn_count ? &sim->conns[conn - 1] : NULL;
}

path_t *net_path (sim_t *sim, const conn_t *conn)
{
    return conn->kind == END_NODE ? &sim->nodes[conn->end].path : &sim->clients[conn->end].path;
}

bool net_reaches (sim_t *sim, const path_t *path, bool to)
{
    return sim->now >= (to ? path->cut_to : path->cut_from);
}

uint32_t net_connect (sim_t *sim, end_kind_t kind, uint32_t end, uint32_t address)
{
    broker_t *broker = broker_at (sim, address);
    conn_t conn = {.open = true, .kind = kind, .end = end};
    const path_t *path = net_path (sim, &conn);
    if (!broker || !net_reaches (sim, path, true) || !net_reaches (sim, path, false))
        return 0;
    conn.broker = broker->number;
    conn.id = (uint32_t)sim->conn_count + 1;
    sim->conns = aut_grow (sim->conns, &sim->conn_cap, sim->conn_count + 1, sizeof *sim->conns);
    sim->conns[sim->conn_count++] = conn;
    return conn.id;
}

void net_close (sim_t *sim, uint32_t id)
{
    conn_t *conn = net_conn (sim, id);
    if (!conn || !conn->open)
        return;
    conn->open = false;
    oracle_conn_closed (sim->oracle, id);
    if (conn->kind == END_NODE && sim->nodes[conn->end].conn == id)
        node_unplugged (&sim->nodes[conn->end]);
    else if (conn->kind == END_CLIENT && sim->clients[conn->end].conn == id)
        client_unplugged (&sim->clients[conn->end]);
}

void net_close_all (sim_t *sim, uint64_t broker)
{
    for (uint32_t i = 0; i < sim->conn_count; i++)
        if (sim->conns[i].open && sim->conns[i].broker == broker)
            net_close (sim, i + 1);
}

/* ---- letters ---- */

void letters_push (letters_t *self, uint32_t conn, const uint8_t *bytes, size_t size)
{
    if (self->head && self->head + self->count == self->cap) {
        memmove (self->items, self->items + self->head, self->count * sizeof *self->items);
        self->head = 0;
    }
    self->items =
        aut_grow (self->items, &self->cap, self->head + self->count + 1, sizeof *self->items);
    letter_t *letter = &self->items[self->head + self->count++];
    *letter = (letter_t){.conn = conn, .size = size, .bytes = aut_realloc (NULL, 1, size)};
    memcpy (letter->bytes, bytes, size);
}

bool letters_pop (letters_t *self, letter_t *out)
{
    if (!self->count)
        return false;
    *out = self->items[self->head++];
    if (--self->count == 0)
        self->head = 0;
    return true;
}

void letters_clear (letters_t *self)
{
    letter_t letter;
    while (letters_pop (self, &letter))
        free (letter.bytes);
    free (self->items);
    *self = (letters_t){0};
}

/* ---- delivery ---- */

static void arrive (sim_t *sim, const sim_event_t *event)
{
    conn_t *conn = net_conn (sim, (uint32_t)event->a);
    bool to = event->b;
    if (!conn->open)
        return;
    sim_mix (sim, &event->at, sizeof event->at);
    sim_mix (sim, event->bytes, event->size);
    if (!net_reaches (sim, net_path (sim, conn), to))
        return;
    if (to) {
        broker_t *broker = broker_find (sim, conn->broker);
        letters_push (&broker->in[conn->kind == END_NODE ? ROLE_NODE : ROLE_CLIENT], conn->id,
                      event->bytes, event->size);
        broker_run (broker);
    } else if (conn->kind == END_NODE) {
        node_message (&sim->nodes[conn->end], event->bytes, event->size);
    } else {
        client_message (&sim->clients[conn->end], event->bytes, event->size);
    }
}

static void post (sim_t *sim, const conn_t *conn, bool to, int64_t at, const uint8_t *bytes,
                  size_t size)
{
    sim_event_t *event = sim_at (sim, at, arrive, NULL, 0);
    event->a = conn->id;
    event->b = to;
    event->size = size;
    event->bytes = aut_realloc (NULL, 1, size);
    memcpy (event->bytes, bytes, size);
    if (to)
        event->stopped = NULL; /* a stopped broker's sockets still fill */
    else
        event->stopped = conn->kind == END_NODE ? &sim->nodes[conn->end].stopped_until
                                                : &sim->clients[conn->end].stopped_until;
}

/*  When it arrives; 0: it never does. `again`: and a second time then. */
static int64_t fate (sim_t *sim, conn_t *conn, bool to, int64_t *again)
{
    path_t *path = net_path (sim, conn);
    int64_t at = sim->now + rng_between (&sim->noise, 1, 12);
    int64_t *last = to ? &conn->last_to : &conn->last_from;
    bool hit = path->fault && sim->now < path->window && rng_below (&sim->noise, 100) < 40;
    fault_kind_t kind = hit ? path->fault->kind : FAULT_KINDS;
    if (hit)
        fault_count (sim, path->fault);
    if (kind == FAULT_DROP)
        return 0;
    if (kind == FAULT_REORDER)
        return at + rng_between (&sim->noise, 0, 400); /* past those that follow */
    if (kind == FAULT_DELAY)
        at += rng_between (&sim->noise, 100, 6000);
    if (at <= *last)
        at = *last + 1;
    *last = at;
    if (kind == FAULT_DUPLICATE)
        *again = at + rng_between (&sim->noise, 1, 3000);
    return at;
}

static void describe (sim_t *sim, const conn_t *conn, bool to, const aut_msg_t *msg, int64_t at)
{
    char what[96] = "";
    bool token =
        msg->type == AUT_MSG_ASSIGN || msg->type == AUT_MSG_STARTED || msg->type == AUT_MSG_DONE ||
        msg->type == AUT_MSG_FAIL || msg->type == AUT_MSG_ACK || msg->type == AUT_MSG_ABORT ||
        msg->type == AUT_MSG_ADOPT || msg->type == AUT_MSG_RELEASE || msg->type == AUT_MSG_PROGRESS;
    if (token)
        snprintf (what, sizeof what, " t%" PRIu64 ".%u.%" PRIu64, msg->ack.token.task,
                  msg->ack.token.attempt, msg->ack.token.epoch & 0xff);
    else if (msg->type == AUT_MSG_ERROR)
        snprintf (what, sizeof what, " %s: %.60s", msg->error.code, msg->error.message);
    else if (msg->type == AUT_MSG_HELLO)
        snprintf (what, sizeof what, " holds %zu", msg->hello.held_count);
    else if (msg->type == AUT_MSG_SUBMITTED)
        snprintf (what, sizeof what, " %s", msg->submitted.job);
    sim_note (sim, "%s %u %s broker %" PRIu64 ": %s%s%s",
              conn->kind == END_NODE ? "node" : "client", conn->end, to ? "->" : "<-", conn->broker,
              aut_msg_name (msg->type), what, at ? "" : " (lost)");
}

int net_send (sim_t *sim, uint32_t id, bool to, const aut_msg_t *msg)
{
    conn_t *conn = net_conn (sim, id);
    aut_buffer_t bytes = {0};
    uint8_t head[AUT_HEAD_SIZE];
    int64_t again = 0;
    if (!conn || !conn->open)
        return to ? AUT_ERR_AGAIN : AUT_ERR_UNREACHABLE;
    aut_buffer_append (&bytes, "\0\0\0\0\0", AUT_HEAD_SIZE);
    int rc = aut_msg_encode (msg, head, &bytes);
    if (rc) {
        sim_complain (sim, "%s cannot be encoded: %s", aut_msg_name (msg->type),
                      aut_error_detail ());
        aut_buffer_clear (&bytes);
        return rc;
    }
    memcpy (bytes.data, head, AUT_HEAD_SIZE);
    if (to && conn->kind == END_NODE && !sim->nodes[conn->end].lying)
        oracle_node_sends (sim->oracle, sim->nodes[conn->end].instance, (const uint8_t *)bytes.data,
                           bytes.size);
    int64_t at = fate (sim, conn, to, &again);
    if (sim->verbose && msg->type != AUT_MSG_PING && msg->type != AUT_MSG_PONG)
        describe (sim, conn, to, msg, at);
    if (at)
        post (sim, conn, to, at, (const uint8_t *)bytes.data, bytes.size);
    if (again)
        post (sim, conn, to, again, (const uint8_t *)bytes.data, bytes.size);
    aut_buffer_clear (&bytes);
    return 0;
}
