/*  Starting and stopping a broker: state directory, store, core, threads, in that order and back.
 */
#include "broker/internal.h"

#include "broker/planner.h"
#include "lib/core/error.h"
#include "lib/core/file.h"
#include "lib/core/log.h"
#include "lib/core/mem.h"
#include "proto/client.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOG "broker"
#define HEALTHY_MS 10000

void aut_broker_options_init (aut_broker_options_t *options)
{
    *options = (aut_broker_options_t){
        .transport = AUT_BROKER_TCP,
        .bind = "127.0.0.1",
        .port = AUT_PORT,
        .http_port = -1,
        .prefix = "auteur",
        .lease_ms = 30000,
        .silent_ms = 15000,
        .event_ring = 65536,
    };
}

/*  The caller frees it. Port 0 is whichever is free. */
static char *tcp_url (const char *host, int port)
{
    bool v6 = strchr (host, ':') && host[0] != '[';
    const char *open = v6 ? "[" : "", *close = v6 ? "]" : "";
    return port ? aut_sprintf ("tcp://%s%s%s:%d", open, host, close, port)
                : aut_sprintf ("tcp://%s%s%s:*", open, host, close);
}

static bool is_loopback (const char *bind)
{
    char *url = tcp_url (bind, 0);
    bool local = aut_endpoint_is_local (url);
    free (url);
    return local;
}

static int check_options (const aut_broker_options_t *o)
{
    if (!o->state_dir || !o->state_dir[0])
        return aut_fail (AUT_ERR_INVALID, "a broker needs a state directory");
    if (o->lease_ms <= 0 || o->silent_ms <= 0)
        return aut_fail (AUT_ERR_INVALID, "--lease and --silent must be above 0");
    if (o->transport == AUT_BROKER_INPROC)
        return 0;
    if (o->port < 0 || o->port > 65531)
        return aut_fail (AUT_ERR_INVALID, "--port must be 0 … 65531, as five ports follow it");
    return 0;
}

/*  The folder of keys, or NULL to go without: what --keys names; else, on an address that others
 *  can reach, the default one. The caller frees it. */
static char *keys_dir (const aut_broker_options_t *o)
{
    bool named = o->keys_dir && o->keys_dir[0];
    if (o->transport == AUT_BROKER_INPROC || o->insecure)
        return NULL;
    if (named)
        return aut_strdup (o->keys_dir);
    return is_loopback (o->bind) ? NULL : aut_keys_default_dir ();
}

static int start_guard (aut_broker_t *self)
{
    const aut_broker_options_t *o = &self->options;
    char *dir = keys_dir (o);
    if (!dir)
        return 0;
    int rc = aut_guard_start (&self->guard, dir, self->clock);
    if (rc == AUT_ERR_NOT_FOUND && !(o->keys_dir && o->keys_dir[0]))
        rc = aut_fail (AUT_ERR_DENIED,
                       "--bind %s is open to the network and needs keys, and there are none in %s: "
                       "run auteur keys new --keys %s as the broker's user (or name another folder "
                       "by keys), or add --insecure if everybody who can reach it may use it",
                       o->bind, dir, dir);
    else if (rc == AUT_ERR_NOT_FOUND) {
        char *why = aut_strdup (aut_error_detail ());
        rc = aut_fail (AUT_ERR_DENIED, "--keys: %s", why);
        free (why);
    }
    if (!rc)
        snprintf (self->endpoints.key, sizeof self->endpoints.key, "%s",
                  aut_guard_pair (self->guard)->public_key);
    free (dir);
    return rc;
}

/* ---- state ---------------------------------------------------------------------------------- */

static int open_store (aut_broker_t *self)
{
    aut_store_t *store;
    int rc = aut_store_open_sqlite (&store, self->state_dir);
    if (rc)
        return rc;
    self->store =
        self->options.wrap_store ? self->options.wrap_store (self->options.wrap_ctx, store) : store;
    self->endpoints.epoch = aut_store_epoch (self->store);
    return 0;
}

static int open_state (aut_broker_t *self)
{
    int rc = aut_dir_make_private (self->state_dir);
    if (!rc)
        rc = aut_broker_lock (&self->lock_fd, self->state_dir);
    if (rc)
        return rc;
    /* What an earlier broker left says nothing about this one. */
    char *endpoints = aut_path_join (self->state_dir, "endpoints.json", NULL);
    if (unlink (endpoints) && errno != ENOENT)
        rc = aut_fail_errno ("cannot remove %s", endpoints);
    free (endpoints);
    if (!rc)
        rc = open_store (self);
    if (!rc) {
        char *blobs = aut_path_join (self->state_dir, "blobs", NULL);
        rc = aut_blobs_open (&self->blobs, blobs, 0);
        free (blobs);
    }
    if (!rc)
        rc = aut_registry_open (&self->registry, self->options.models);
    for (size_t i = 0; !rc && i < aut_registry_warning_count (self->registry); i++)
        aut_log (AUT_LOG_WARN, LOG, "%s", aut_registry_warning (self->registry, i));
    return rc;
}

static int make_core (aut_broker_t *self)
{
    aut_core_config_t config;
    aut_core_config_init (&config);
    config.epoch = self->endpoints.epoch;
    config.lease_ms = self->options.lease_ms;
    config.silent_ms = self->options.silent_ms;
    config.ping_ms = self->options.ping_ms;
    int rc = aut_store_next_ids (self->store, &config.next_job, &config.next_task);
    if (rc)
        return rc;
    self->core = aut_core_new (&config);
    self->catalogue = aut_catalogue_new ();
    return aut_broker_restore (self);
}

static int make_mailboxes (aut_broker_t *self)
{
    self->seen = aut_peers_new ();
    self->live = aut_live_new ();
    self->inbox = aut_mailbox_new (AUT_BROKER_INBOX);
    self->queries = aut_mailbox_new (2 * AUT_BROKER_QUERIES);
    self->plans = aut_mailbox_new (AUT_BROKER_PLANS);
    self->planned = aut_mailbox_new (AUT_BROKER_PLANNED);
    self->to_clients = aut_mailbox_new (AUT_BROKER_OUTBOX);
    self->to_nodes = aut_mailbox_new (AUT_BROKER_OUTBOX);
    self->to_events = aut_mailbox_new (AUT_BROKER_OUTBOX);
    self->to_status = aut_mailbox_new (2 * AUT_BROKER_QUERIES);
    bool all = self->inbox && self->queries && self->plans && self->planned && self->to_clients &&
               self->to_nodes && self->to_events && self->to_status;
    return all ? 0 : AUT_ERR_IO;
}

/* ---- sockets -------------------------------------------------------------------------------- */

/*  The address that programs on this machine reach a wildcard by. */
static void make_reachable (char *url, size_t size)
{
    static const char *const wild[][2] = {{"tcp://0.0.0.0:", "tcp://127.0.0.1:"},
                                          {"tcp://[::]:", "tcp://[::1]:"},
                                          {"tcp://*:", "tcp://127.0.0.1:"}};
    for (size_t i = 0; i < sizeof wild / sizeof *wild; i++) {
        size_t len = strlen (wild[i][0]);
        if (strncmp (url, wild[i][0], len) == 0) {
            char *text = aut_sprintf ("%s%s", wild[i][1], url + len);
            snprintf (url, size, "%s", text);
            free (text);
            return;
        }
    }
}

static int bind_one (aut_broker_t *self, aut_port_t port, zsock_t **sock, char *url, size_t size)
{
    char *endpoint;
    const aut_broker_options_t *o = &self->options;
    if (o->transport == AUT_BROKER_INPROC)
        endpoint = aut_sprintf ("inproc://%s-%s", self->prefix, aut_port_name (port));
    else
        endpoint = tcp_url (self->bind, o->port ? o->port + (int)port : 0);
    int rc = aut_net_bind_curve (sock, port, endpoint, aut_guard_pair (self->guard));
    if (!rc && self->door)
        rc = aut_door_watch (self->door, *sock, port, true);
    if (!rc) {
        const char *bound = zsock_endpoint (*sock);
        snprintf (url, size, "%s", bound && bound[0] ? bound : endpoint);
        make_reachable (url, size);
    }
    free (endpoint);
    return rc;
}

static int start_actor (aut_broker_t *self, aut_port_t port, zactor_fn *run, zactor_t **actor,
                        char *url, size_t size)
{
    aut_actor_args_t args = {.broker = self};
    int rc = bind_one (self, port, &args.sock, url, size);
    if (rc)
        return rc;
    *actor = zactor_new (run, &args);
    return *actor ? 0 : aut_fail (AUT_ERR_IO, "cannot start a thread");
}

static int start_http (aut_broker_t *self)
{
    const aut_broker_options_t *o = &self->options;
    int bound = 0, port = o->http_port;
    if (o->transport == AUT_BROKER_INPROC)
        return 0;
    if (port < 0)
        port = o->port ? o->port + 80 : 0;
    const char *bind = o->http_bind ? o->http_bind : self->guard ? "127.0.0.1" : self->bind;
    int rc = aut_http_start (&self->http, self, bind, port, &bound);
    if (rc)
        return rc;
    char *url = tcp_url (bind, bound);
    char reachable[256];
    snprintf (reachable, sizeof reachable, "%s", url);
    make_reachable (reachable, sizeof reachable);
    snprintf (self->endpoints.http, sizeof self->endpoints.http, "http://%.200s",
              reachable + strlen ("tcp://"));
    free (url);
    return 0;
}

static int start_threads (aut_broker_t *self)
{
    aut_broker_endpoints_t *e = &self->endpoints;
    int rc = start_actor (self, AUT_PORT_EVENTS, aut_events_socket, &self->events_actor, e->events,
                          sizeof e->events);
    if (!rc)
        rc = start_actor (self, AUT_PORT_DATA, aut_data_socket, &self->data_actor, e->data,
                          sizeof e->data);
    if (!rc)
        rc = start_actor (self, AUT_PORT_STATUS, aut_status_socket, &self->status_actor, e->status,
                          sizeof e->status);
    if (!rc)
        rc = start_actor (self, AUT_PORT_NODE, aut_node_socket, &self->node_actor, e->node,
                          sizeof e->node);
    if (!rc)
        rc = start_actor (self, AUT_PORT_CLIENT, aut_client_socket, &self->client_actor, e->client,
                          sizeof e->client);
    if (!rc)
        rc = start_http (self);
    if (!rc && self->door)
        rc = aut_door_start (self->door);
    if (rc)
        return rc;
    if (pthread_create (&self->loop_thread, NULL, aut_loop_run, self))
        return aut_fail (AUT_ERR_IO, "cannot start a thread");
    self->loop_running = true;
    if (pthread_create (&self->planner_thread, NULL, aut_planner_run, self))
        return aut_fail (AUT_ERR_IO, "cannot start a thread");
    self->planner_running = true;
    return 0;
}

static int write_endpoints (aut_broker_t *self)
{
    const aut_broker_endpoints_t *e = &self->endpoints;
    if (self->options.transport == AUT_BROKER_INPROC)
        return 0;
    aut_endpoints_t out = {
        .url = {[AUT_PORT_CLIENT] = (char *)e->client,
                [AUT_PORT_NODE] = (char *)e->node,
                [AUT_PORT_DATA] = (char *)e->data,
                [AUT_PORT_STATUS] = (char *)e->status,
                [AUT_PORT_EVENTS] = (char *)e->events},
        .http = (char *)e->http,
        .key = e->key[0] ? (char *)e->key : NULL,
        .epoch = e->epoch,
    };
    char *text = aut_endpoints_json (&out, (uint64_t)getpid ());
    char *path = aut_path_join (self->state_dir, "endpoints.json", NULL);
    int rc = aut_file_write (path, text, strlen (text));
    free (path);
    free (text);
    return rc;
}

/* ---- life ----------------------------------------------------------------------------------- */

static void stop_actors (aut_broker_t *self)
{
    zactor_destroy (&self->client_actor);
    zactor_destroy (&self->node_actor);
    zactor_destroy (&self->status_actor);
    zactor_destroy (&self->data_actor);
    zactor_destroy (&self->events_actor);
}

static void free_mailboxes (aut_broker_t *self)
{
    aut_mailbox_destroy (&self->inbox, aut_in_destroy);
    aut_mailbox_destroy (&self->plans, aut_plan_request_destroy);
    aut_mailbox_destroy (&self->planned, NULL);
    aut_mailbox_destroy (&self->to_clients, aut_out_destroy);
    aut_mailbox_destroy (&self->to_nodes, aut_out_destroy);
    aut_mailbox_destroy (&self->to_events, aut_note_destroy);
    aut_mailbox_destroy (&self->to_status, aut_query_destroy);
    aut_mailbox_destroy (&self->queries, aut_query_destroy);
    aut_peers_destroy (&self->seen);
    aut_live_destroy (&self->live);
}

static void destroy (aut_broker_t *self)
{
    if (self->loop_running)
        pthread_join (self->loop_thread, NULL);
    if (self->planner_running)
        pthread_join (self->planner_thread, NULL);
    aut_http_stop (&self->http);
    stop_actors (self);
    aut_guard_stop (&self->guard);
    aut_door_stop (&self->door);
    aut_refusals_destroy (&self->refusals);
    free_mailboxes (self);
    aut_core_actions_destroy (&self->actions);
    aut_core_destroy (&self->core);
    aut_catalogue_destroy (&self->catalogue);
    aut_store_destroy (&self->store);
    aut_registry_destroy (&self->registry);
    aut_blobs_destroy (&self->blobs);
    aut_ring_clear (&self->ring);
    free (self->mutations);
    for (size_t i = 0; i < self->unfit_count; i++)
        free (self->unfit[i].message);
    free (self->unfit);
    if (self->lock_fd >= 0)
        close (self->lock_fd);
    free (self->state_dir);
    free (self->prefix);
    free (self->bind);
    free (self);
}

static void ask_to_stop (aut_broker_t *self, int level)
{
    __atomic_store_n (&self->stop, level, __ATOMIC_RELEASE);
    aut_mailbox_wake (self->inbox);
    aut_mailbox_wake (self->queries);
    aut_mailbox_wake (self->plans);
}

static aut_broker_t *new_broker (const aut_broker_options_t *options)
{
    aut_broker_t *self = aut_calloc (1, sizeof *self);
    self->options = *options;
    self->state_dir = aut_strdup (options->state_dir);
    self->prefix = aut_strdup (options->prefix ? options->prefix : "auteur");
    self->bind = aut_strdup (options->bind ? options->bind : "127.0.0.1");
    self->options.state_dir = self->state_dir;
    self->options.prefix = self->prefix;
    self->options.bind = self->bind;
    self->clock = options->clock ? options->clock : aut_clock_system ();
    self->lock_fd = -1;
    self->started_ms = self->tick_ms = aut_mono_ms (self->clock);
    self->refusals = aut_refusals_new (self->clock);
    if (options->transport == AUT_BROKER_TCP)
        self->door = aut_door_new (self->refusals, self->clock);
    if (self->options.ping_ms <= 0)
        self->options.ping_ms = options->silent_ms / 5 < 1000 ? options->silent_ms / 5 : 1000;
    if (self->options.ping_ms < 1)
        self->options.ping_ms = 1;
    aut_ring_init (&self->ring, options->event_ring ? options->event_ring : 65536);
    return self;
}

static const char *port_in (const char *url)
{
    const char *colon = strrchr (url, ':');
    return colon ? colon + 1 : url;
}

/*  Says what is open to whom. */
static void tell_openness (const aut_broker_t *self)
{
    const aut_broker_endpoints_t *e = &self->endpoints;
    if (self->options.transport != AUT_BROKER_TCP)
        return;
    if (self->guard)
        aut_log (AUT_LOG_INFO, LOG, "keys are required; this broker's public key is %s", e->key);
    else if (!is_loopback (self->bind))
        aut_log (AUT_LOG_WARN, LOG,
                 "INSECURE: everybody who can reach %s may submit, read and cancel every job, take "
                 "part as a node, and read and store files, unencrypted. Open are the ports %s "
                 "(clients), %s (nodes), %s (files), %s (status), %s (events) and %s (HTTP)",
                 self->bind, port_in (e->client), port_in (e->node), port_in (e->data),
                 port_in (e->status), port_in (e->events), port_in (e->http));
    const char *http = self->options.http_bind;
    if (http && !is_loopback (http) && (self->guard || is_loopback (self->bind)))
        aut_log (AUT_LOG_WARN, LOG,
                 "HTTP knows no keys: everybody who can reach %s may read counts%s at port %s",
                 http, self->guard ? "" : ", jobs and their previews", port_in (e->http));
}

int aut_broker_start (aut_broker_t **out, const aut_broker_options_t *options)
{
    *out = NULL;
    int rc = check_options (options);
    if (rc)
        return rc;
    aut_net_init ();
    aut_broker_t *self = new_broker (options);
    rc = make_mailboxes (self);
    if (!rc)
        rc = start_guard (self); /* who is refused for his keys leaves no state behind */
    if (!rc)
        rc = open_state (self);
    if (!rc)
        rc = make_core (self);
    if (!rc)
        rc = start_threads (self);
    if (!rc)
        rc = write_endpoints (self);
    if (rc) {
        char *detail = aut_strdup (aut_error_detail ());
        if (self->inbox && self->queries && self->plans)
            ask_to_stop (self, 2);
        destroy (self);
        aut_fail (rc, "%s", detail);
        free (detail);
        return rc;
    }
    tell_openness (self);
    *out = self;
    return 0;
}

const aut_broker_endpoints_t *aut_broker_endpoints (const aut_broker_t *self)
{
    return &self->endpoints;
}

int aut_broker_fault (const aut_broker_t *self)
{
    return __atomic_load_n (&self->fault, __ATOMIC_ACQUIRE);
}

bool aut_broker_is_well (const aut_broker_t *self)
{
    int64_t age = aut_mono_ms (self->clock) - __atomic_load_n (&self->tick_ms, __ATOMIC_RELAXED);
    return aut_broker_fault (self) == 0 &&
           (age < HEALTHY_MS || __atomic_load_n (&self->in_commit, __ATOMIC_RELAXED));
}

/*  Ours, that is: a broker that was fenced leaves its successor's alone. */
static void remove_endpoints (aut_broker_t *self)
{
    aut_endpoints_t found;
    char *path = aut_path_join (self->state_dir, "endpoints.json", NULL);
    if (aut_endpoints_load (&found, path) == 0) {
        if (found.epoch == self->endpoints.epoch)
            unlink (path);
        aut_endpoints_clear (&found);
    }
    free (path);
}

void aut_broker_stop (aut_broker_t **self_p, int64_t drain_ms)
{
    aut_broker_t *self = *self_p;
    if (!self)
        return;
    self->stop_by_ms = aut_mono_ms (self->clock) + (drain_ms > 0 ? drain_ms : 0);
    ask_to_stop (self, 1);
    if (self->options.transport == AUT_BROKER_TCP)
        remove_endpoints (self);
    destroy (self);
    *self_p = NULL;
}

void aut_broker_hurry (aut_broker_t *self)
{
    ask_to_stop (self, 2);
}
