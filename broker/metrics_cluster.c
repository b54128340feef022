/*  What /metrics says of queues and nodes, each bounded in number: what is beyond is added up. */
#include "broker/internal.h"

#include "lib/core/mem.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define QUEUES_MAX 200
#define NODES_MAX 300

static void put_class_and_model (aut_buffer_t *out, const char *name, const aut_core_depth_t *depth)
{
    aut_buffer_format (out, "auteur_%s", name);
    aut_metric_label (out, "{", "class", depth->class_[0] ? depth->class_ : "any");
    aut_metric_label (out, ",", "model", depth->model);
}

void aut_metrics_queues (aut_broker_t *self, aut_buffer_t *out)
{
    static const struct {
        const char *text;
        aut_task_state_t state;
    } states[] = {
        {"ready", AUT_TASK_READY}, {"running", AUT_TASK_LEASED}, {"blocked", AUT_TASK_BLOCKED}};
    aut_core_depth_t *depths = aut_calloc (QUEUES_MAX, sizeof *depths), rest;
    size_t count = aut_core_depths (self->core, depths, QUEUES_MAX, &rest);
    aut_metric_head (
        out, "queue_tasks", "gauge",
        "Tasks by the device class and model that they ask for: ready to run, running, "
        "blocked by the chunk before them.");
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < sizeof states / sizeof *states; j++) {
            put_class_and_model (out, "queue_tasks", &depths[i]);
            aut_metric_label (out, ",", "state", states[j].text);
            aut_buffer_format (out, "} %" PRIu64 "\n", depths[i].tasks[states[j].state]);
        }
    aut_metric_head (out, "queue_served", "gauge",
                     "1 while some node that takes work has such a device with the model.");
    for (size_t i = 0; i < count; i++) {
        put_class_and_model (out, "queue_served", &depths[i]);
        aut_buffer_format (out, "} %d\n", depths[i].served);
    }
    aut_metric_head (out, "queue_unlisted_tasks", "gauge",
                     "Tasks of further classes and models, which are too many to be listed.");
    for (size_t j = 0; j < sizeof states / sizeof *states; j++)
        aut_buffer_format (out, "auteur_queue_unlisted_tasks{state=\"%s\"} %" PRIu64 "\n",
                           states[j].text, rest.tasks[states[j].state]);
    free (depths);
}

/* ---- nodes ----------------------------------------------------------------------------------- */

typedef struct {
    aut_core_node_info_t nodes[NODES_MAX];
    size_t count;
    uint64_t unlisted;
} listed_t;

/*  A name is a series: the node of that name that is there, or else the last that was lost. */
static void list_one (listed_t *self, const aut_core_node_info_t *node)
{
    for (size_t i = 0; node->state == AUT_NODE_LOST && i < self->count; i++)
        if (strcmp (self->nodes[i].name, node->name) == 0) {
            if (self->nodes[i].state == AUT_NODE_LOST)
                self->nodes[i] = *node;
            return;
        }
    if (self->count < NODES_MAX)
        self->nodes[self->count++] = *node;
    else
        self->unlisted++;
}

static void list_nodes (aut_broker_t *self, listed_t *out)
{
    aut_core_node_info_t node = {0};
    while (aut_core_next_node (self->core, node.id, &node) == 0)
        if (node.state != AUT_NODE_LOST)
            list_one (out, &node);
    node.id = 0;
    while (aut_core_next_node (self->core, node.id, &node) == 0)
        if (node.state == AUT_NODE_LOST)
            list_one (out, &node);
}

static void put_node (aut_buffer_t *out, const char *name, const aut_core_node_info_t *node)
{
    aut_buffer_format (out, "auteur_%s", name);
    aut_metric_label (out, "{", "node", node->name);
}

static void put_node_states (const listed_t *list, aut_buffer_t *out)
{
    aut_metric_head (out, "node_state", "gauge", "1 for the state that a node is in.");
    for (size_t i = 0; i < list->count; i++)
        for (int state = 0; state < AUT_NODE_STATES; state++) {
            put_node (out, "node_state", &list->nodes[i]);
            aut_metric_label (out, ",", "state", aut_node_state_text ((aut_node_state_t)state));
            aut_buffer_format (out, "} %d\n", list->nodes[i].state == (aut_node_state_t)state);
        }
}

void aut_metrics_nodes (aut_broker_t *self, aut_buffer_t *out)
{
    listed_t *list = aut_calloc (1, sizeof *list);
    int64_t now = aut_mono_ms (self->clock);
    list_nodes (self, list);
    aut_metric_head (out, "node_heartbeat_age_seconds", "gauge",
                     "How long ago a node was heard of last.");
    for (size_t i = 0; i < list->count; i++) {
        int64_t age = now > list->nodes[i].seen_ms ? now - list->nodes[i].seen_ms : 0;
        put_node (out, "node_heartbeat_age_seconds", &list->nodes[i]);
        aut_buffer_format (out, "} %" PRId64 ".%03u\n", age / 1000, (unsigned)(age % 1000));
    }
    put_node_states (list, out);
    aut_metric_head (out, "node_workers", "gauge", "Workers of a node.");
    for (size_t i = 0; i < list->count; i++) {
        put_node (out, "node_workers", &list->nodes[i]);
        aut_buffer_format (out, "} %u\n", list->nodes[i].workers);
    }
    aut_metric_head (out, "node_leases", "gauge", "Leases that a node has.");
    for (size_t i = 0; i < list->count; i++) {
        put_node (out, "node_leases", &list->nodes[i]);
        aut_buffer_format (out, "} %u\n", list->nodes[i].leases);
    }
    aut_metric_one (out, "nodes_unlisted", "gauge",
                    "Further nodes, which are too many to be listed.", list->unlisted);
    free (list);
}
