#include "client/local.h"
#include "broker/broker.h"
#include "lib/core/error.h"
#include "lib/core/file.h"
#include "lib/core/mem.h"
#include "node/node.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

struct aut_local {
    int lock;
    char *prefix;
    aut_broker_t *broker;
    aut_node_daemon_t *node;
};

static void pause_ms (long ms)
{
    struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    nanosleep (&time, NULL);
}

/* The kernel drops the lock with the process, so a killed render never blocks the next one. */
static int take_lock (aut_local_t *self, const aut_local_options_t *options)
{
    char *path = aut_path_join (options->state, "render.lock", NULL);
    self->lock = open (path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    int rc = self->lock < 0 ? aut_fail_errno ("cannot open %s", path) : 0;
    bool told = false;
    while (rc == 0 && flock (self->lock, LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK && errno != EINTR)
            rc = aut_fail_errno ("cannot lock %s", path);
        else if (!options->node)
            rc = aut_fail (AUT_ERR_STATE, "a render is running on %s; wait for it to end",
                           options->state);
        else if (options->cancelled && options->cancelled (options->ctx))
            rc = aut_fail (AUT_ERR_CANCELLED, "interrupted while waiting for another render");
        if (rc == 0 && !told)
            fprintf (stderr, "Another render is running on %s; waiting for it to end.\n",
                     options->state);
        told = true;
        pause_ms (100);
    }
    free (path);
    return rc;
}

static int start_broker (aut_local_t *self, const aut_local_options_t *options)
{
    char *state = aut_path_join (options->state, "broker", NULL);
    aut_broker_options_t broker;
    aut_broker_options_init (&broker);
    broker.state_dir = state;
    broker.transport = AUT_BROKER_INPROC;
    broker.prefix = self->prefix;
    broker.models = options->models;
    int rc = aut_broker_start (&self->broker, &broker);
    free (state);
    return rc;
}

static int start_node (aut_local_t *self, const aut_local_options_t *options)
{
    const aut_broker_endpoints_t *endpoints = aut_broker_endpoints (self->broker);
    char *state = aut_path_join (options->state, "node", NULL);
    aut_node_options_t node;
    aut_node_options_init (&node);
    node.node_endpoint = endpoints->node;
    node.data_endpoint = endpoints->data;
    node.state_dir = state;
    node.name = "local";
    node.models = options->models;
    node.workers = options->workers;
    int rc = aut_node_start (&self->node, &node);
    free (state);
    return rc;
}

int aut_local_start (aut_local_t **out, const aut_local_options_t *options)
{
    *out = NULL;
    int rc = aut_dir_make (options->state);
    if (rc)
        return rc;
    aut_local_t *self = aut_calloc (1, sizeof *self);
    self->prefix = aut_sprintf ("auteur-%ld", (long)getpid ());
    rc = take_lock (self, options);
    if (rc == 0)
        rc = start_broker (self, options);
    if (rc == 0 && options->node)
        rc = start_node (self, options);
    if (rc) {
        aut_local_stop (&self);
        return rc;
    }
    *out = self;
    return 0;
}

const char *aut_local_prefix (const aut_local_t *self)
{
    return self->prefix;
}

void aut_local_stop (aut_local_t **self_p)
{
    aut_local_t *self = *self_p;
    if (!self)
        return;
    aut_node_stop (&self->node, 0);
    aut_broker_stop (&self->broker, 0);
    if (self->lock >= 0)
        close (self->lock);
    free (self->prefix);
    free (self);
    *self_p = NULL;
}
