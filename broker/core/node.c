/*  Nodes: HELLO, silence, drain and goodbye.
 *
 *  A node is one process of one machine, known by its random instance id: the same instance on a
 *  new connection is the same node, another instance of the same name is another node. Lost nodes
 *  stay listed for a while and may come back. Names are made unique among those online.
 */
#include "broker/core/internal.h"

#include <stdio.h>
#include <string.h>

core_node_t *core_node_find (const aut_core_t *self, uint64_t id)
{
    core_node_t *node = NULL;
    HASH_FIND (hh_id, self->by_id, &id, sizeof id, node);
    return node;
}

core_node_t *core_node_by_peer (const aut_core_t *self, uint64_t peer)
{
    core_node_t *node = NULL;
    HASH_FIND (hh_peer, self->by_peer, &peer, sizeof peer, node);
    return node;
}

static bool is_lost (const core_node_t *node)
{
    return node->state == AUT_NODE_LOST;
}

/* ---- tables ---- */

static void name_set (aut_core_t *self, core_node_t *node, const char *name)
{
    core_node_t *other = NULL;
    HASH_FIND (hh_name, self->by_name, name, strlen (name), other);
    snprintf (node->name, sizeof node->name, "%s", name);
    for (unsigned n = 2; other; n++) {
        /* many of one name: the id ends the search */
        if (n < 10)
            snprintf (node->name, sizeof node->name, "%s-%u", name, n);
        else
            snprintf (node->name, sizeof node->name, "%s-%llu", name,
                      (unsigned long long)(node->id + n));
        HASH_FIND (hh_name, self->by_name, node->name, strlen (node->name), other);
    }
    node->key = core_name_key (node->name);
    HASH_ADD_KEYPTR (hh_name, self->by_name, node->name, strlen (node->name), node);
    node->named = true;
}

static void name_drop (aut_core_t *self, core_node_t *node)
{
    if (node->named)
        HASH_DELETE (hh_name, self->by_name, node);
    if (node->unclaimed)
        HASH_DELETE (hh_name, self->by_claim, node);
    node->named = node->unclaimed = false;
}

static void peer_drop (aut_core_t *self, core_node_t *node)
{
    if (node->peer)
        HASH_DELETE (hh_peer, self->by_peer, node);
    node->peer = 0;
}

static void lost_add (aut_core_t *self, core_node_t *node)
{
    node->lost_prev = self->lost_last;
    node->lost_next = NULL;
    if (self->lost_last)
        self->lost_last->lost_next = node;
    else
        self->lost_first = node;
    self->lost_last = node;
}

static void lost_remove (aut_core_t *self, core_node_t *node)
{
    if (self->lost_first == node)
        self->lost_first = node->lost_next;
    if (self->lost_last == node)
        self->lost_last = node->lost_prev;
    if (node->lost_prev)
        node->lost_prev->lost_next = node->lost_next;
    if (node->lost_next)
        node->lost_next->lost_prev = node->lost_prev;
    node->lost_prev = node->lost_next = NULL;
}

/*  A node that is lost so far; NULL when the table is full of others. */
core_node_t *core_node_add (aut_core_t *self, const char *name, const uint8_t *instance)
{
    static const uint8_t none[AUT_CORE_INSTANCE];
    if (self->node_count >= self->config.max_nodes) {
        if (!self->lost_first || self->lost_first->lease_count)
            return NULL;
        core_node_free (self, self->lost_first);
    }
    core_node_t *node = aut_calloc (1, sizeof *node);
    node->id = self->next_node++;
    node->state = AUT_NODE_LOST;
    node->heap_index = AUT_HEAP_NONE;
    node->due = self->now + self->config.lost_keep_ms;
    snprintf (node->name, sizeof node->name, "%s", name);
    node->key = core_name_key (node->name);
    memcpy (node->instance, instance, AUT_CORE_INSTANCE);
    HASH_ADD (hh_id, self->by_id, id, sizeof node->id, node);
    if (memcmp (instance, none, AUT_CORE_INSTANCE)) {
        HASH_ADD (hh_instance, self->by_instance, instance, AUT_CORE_INSTANCE, node);
    } else {
        HASH_ADD_KEYPTR (hh_name, self->by_claim, node->name, strlen (node->name), node);
        node->unclaimed = true;
    }
    self->node_count++;
    self->metrics.nodes[AUT_NODE_LOST]++;
    lost_add (self, node);
    return node;
}

/*  Its leases must have ended. */
void core_node_free (aut_core_t *self, core_node_t *node)
{
    static const uint8_t none[AUT_CORE_INSTANCE];
    if (is_lost (node))
        lost_remove (self, node);
    else
        core_workers_count (self, node, false);
    aut_heap_remove (&self->silence, node);
    name_drop (self, node);
    peer_drop (self, node);
    if (memcmp (node->instance, none, AUT_CORE_INSTANCE))
        HASH_DELETE (hh_instance, self->by_instance, node);
    HASH_DELETE (hh_id, self->by_id, node);
    core_workers_free (self, node->workers, node->worker_count);
    self->metrics.nodes[node->state]--;
    self->node_count--;
    free (node);
}

/* ---- states ---- */

static void node_state (aut_core_t *self, core_node_t *node, aut_node_state_t state)
{
    if (node->state == state)
        return;
    if (is_lost (node))
        lost_remove (self, node);
    if (is_lost (node) || state == AUT_NODE_LOST)
        core_workers_count (self, node, is_lost (node));
    self->metrics.nodes[node->state]--;
    self->metrics.nodes[state]++;
    node->state = (uint8_t)state;
    if (state == AUT_NODE_LOST)
        lost_add (self, node);
    core_pub_node (self, node);
}

/*  What could have gone to it alone, or not to others as long as it was there, is looked at anew.
 */
static void groups_touched (aut_core_t *self, const core_node_t *node)
{
    for (uint32_t i = 0; i < node->worker_count; i++)
        for (uint32_t j = 0; j < node->workers[i].offer_count; j++)
            for (core_group_t *group = node->workers[i].offers[j].model->active; group;
                 group = group->active_next)
                core_group_dirty (self, group);
}

void core_node_able (aut_core_t *self, core_node_t *node)
{
    bool held_back = node->drained || node->released;
    bool able = !is_lost (node) && !held_back && !node->gone;
    if (!is_lost (node))
        node_state (self, node, held_back ? AUT_NODE_DRAINING : AUT_NODE_ONLINE);
    if (able == node->able)
        return;
    node->able = able;
    for (uint32_t i = 0; i < node->worker_count; i++) {
        core_worker_t *worker = &node->workers[i];
        for (uint32_t j = 0; j < worker->offer_count; j++)
            if (able)
                core_offer_link (&worker->offers[j]);
            else
                core_offer_unlink (&worker->offers[j]);
        if (able)
            core_worker_freed (self, worker);
    }
    if (!able)
        groups_touched (self, node);
}

void core_node_seen (aut_core_t *self, core_node_t *node)
{
    node->seen = self->now;
    if (node->gone) {
        node->gone = false;
        core_node_able (self, node);
    }
}

static void leases_lost (aut_core_t *self, core_node_t *node, bool reclaim)
{
    while (node->leases) {
        self->metrics.lost_leases++;
        core_lease_lost (self, node->leases, reclaim);
    }
}

static void node_lost (aut_core_t *self, core_node_t *node)
{
    aut_heap_remove (&self->silence, node);
    name_drop (self, node);
    node_state (self, node, AUT_NODE_LOST);
    node->due = self->now + self->config.lost_keep_ms;
    core_node_able (self, node);
    leases_lost (self, node, true);
    self->metrics.lost_nodes++;
}

void core_nodes_tick (aut_core_t *self)
{
    core_node_t *node;
    while ((node = aut_heap_top (&self->silence)) && node->due <= self->now) {
        int64_t seen = node->seen > self->resumed ? node->seen : self->resumed;
        node->due = seen + self->config.silent_ms;
        if (node->due <= self->now)
            node_lost (self, node);
        else
            aut_heap_update (&self->silence, node);
    }
    while ((node = self->lost_first) && node->due <= self->now && !node->lease_count)
        core_node_free (self, node);
}

void core_on_bye (aut_core_t *self, core_node_t *node)
{
    aut_heap_remove (&self->silence, node);
    name_drop (self, node);
    node_state (self, node, AUT_NODE_LOST);
    core_node_able (self, node);
    leases_lost (self, node, false);
    core_node_free (self, node);
}

void core_on_drain (aut_core_t *self, uint64_t reply, const char *name)
{
    core_node_t *node = NULL;
    HASH_FIND (hh_name, self->by_name, name, strlen (name), node);
    if (!node) {
        core_emit_reply (self, AUT_SEND_CLIENT_ERROR, reply, AUT_ERR_NOT_FOUND,
                         core_format (self, "there is no node \"%.100s\" online", name));
        return;
    }
    node->drained = true;
    core_node_able (self, node);
    core_emit_reply (self, AUT_SEND_OK, reply, 0, "");
}

/* ---- HELLO ---- */

/*  The node that speaks: known by its instance, restored without one, or new. */
static core_node_t *hello_node (aut_core_t *self, const aut_core_hello_t *hello)
{
    core_node_t *node = NULL;
    HASH_FIND (hh_instance, self->by_instance, hello->instance, AUT_CORE_INSTANCE, node);
    if (node)
        return node;
    HASH_FIND (hh_name, self->by_claim, hello->name, strlen (hello->name), node);
    if (!node)
        return core_node_add (self, hello->name, hello->instance);
    name_drop (self, node);
    memcpy (node->instance, hello->instance, AUT_CORE_INSTANCE);
    HASH_ADD (hh_instance, self->by_instance, instance, AUT_CORE_INSTANCE, node);
    return node;
}

/*  Leases move to the workers of the same ids; those without one lose theirs, so that the claims
 *  that follow place them anew or give them up. */
static void workers_replace (aut_core_t *self, core_node_t *node, core_worker_t *workers,
                             uint32_t count)
{
    for (core_lease_t *lease = node->leases; lease; lease = lease->next) {
        core_worker_t *old = lease->worker;
        lease->worker = NULL;
        for (uint32_t i = 0; old && i < count; i++)
            if (workers[i].id == old->id) {
                lease->worker = &workers[i];
                workers[i].load++;
            }
    }
    core_workers_free (self, node->workers, node->worker_count);
    node->workers = workers;
    node->worker_count = count;
    for (uint32_t i = 0; i < count; i++)
        core_worker_loaded (&workers[i], NULL);
}

static void hello_online (aut_core_t *self, core_node_t *node, uint64_t peer,
                          const aut_core_hello_t *hello, core_worker_t *workers)
{
    if (!is_lost (node))
        core_workers_count (self, node, false);
    node->able = false;
    workers_replace (self, node, workers, hello->worker_count);
    if (!is_lost (node))
        core_workers_count (self, node, true);
    peer_drop (self, node);
    node->peer = peer;
    HASH_ADD (hh_peer, self->by_peer, peer, sizeof node->peer, node);
    node->gone = node->released = false;
    node->seen = self->now;
    if (!node->named)
        name_set (self, node, hello->name);
    node_state (self, node, node->drained ? AUT_NODE_DRAINING : AUT_NODE_ONLINE);
    node->due = self->now + self->config.silent_ms;
    if (aut_heap_contains (&self->silence, node))
        aut_heap_update (&self->silence, node);
    else
        aut_heap_push (&self->silence, node);
}

static void emit_welcome (aut_core_t *self, const core_node_t *node)
{
    aut_core_action_t *action = core_emit (self, AUT_SEND_WELCOME);
    action->u.welcome.peer = node->peer;
    action->u.welcome.node = node->id;
    action->u.welcome.name = core_text (self, node->name);
    action->u.welcome.epoch = self->config.epoch;
    action->u.welcome.ping_ms = self->config.ping_ms;
    action->u.welcome.silent_ms = self->config.silent_ms;
    action->u.welcome.lease_ms = self->config.lease_ms;
}

void core_on_hello (aut_core_t *self, uint64_t peer, const aut_core_hello_t *hello)
{
    core_node_t *before = core_node_by_peer (self, peer);
    core_worker_t *workers = NULL;
    uint64_t next = self->next_node;
    int rc = core_hello_check (self, hello);
    core_node_t *node = rc ? NULL : hello_node (self, hello);
    if (!rc && !node)
        rc = aut_fail (AUT_ERR_AGAIN, "the broker has %u nodes already", self->node_count);
    if (!rc)
        rc = core_workers_build (self, node, hello, &workers);
    if (rc) {
        core_emit_reply (self, AUT_SEND_NODE_ERROR, peer, rc, aut_error_detail ());
        if (node && node->id >= next)
            core_node_free (self, node);
        return;
    }
    if (before && before != node) { /* another process took the connection over */
        peer_drop (self, before);
        if (!is_lost (before))
            node_lost (self, before);
    }
    hello_online (self, node, peer, hello, workers);
    emit_welcome (self, node);
    core_claim (self, node, hello->held, hello->held_count);
    core_node_able (self, node);
    groups_touched (self, node);
}
