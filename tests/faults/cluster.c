/*  Brokers and nodes of a campaign: the calm ones, which nobody disturbs, and the others. A broker
 *  that ends is started again at once, at other ports, to which the proxy follows. */
#include "tests/faults/campaign.h"

#include "lib/core/error.h"
#include "lib/core/file.h"
#include "lib/core/json.h"
#include "lib/core/mem.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>

#define LEASE "4"
#define SILENT "1.5"
#define HANG "2"
#define SLOW_FRAME "slow:100" /* leases last long enough to be hit */
#define BROKER_ROOM "size=192m"
#define NODE_ROOM "size=48m"

/*  A small model of the animatic backend: many short chunks, that hang together. */
static const char manifest[] =
    "{\"id\": \"faults-animatic\", \"name\": \"Animatic in short chunks\", \"version\": \"1.0.0\","
    " \"type\": \"video\", \"requirements\": {\"vram\": 0, \"disk_space\": 0},"
    " \"files\": [], \"capabilities\": [\"text-to-video\", \"video-continuation\"],"
    " \"license\": \"Apache-2.0\", \"description\": \"For tests.\", \"auteur\": {"
    "\"backend\": \"animatic\", \"video\": {\"native\": \"film\","
    " \"frames\": {\"multiple\": 1, \"offset\": 0, \"max\": 13},"
    " \"size\": {\"multiple\": 2, \"default\": [64, 36], \"min\": [16, 16], \"max\": [512, 512]},"
    " \"tail\": {\"min\": 1, \"max\": 1}},"
    " \"tiers\": {\"animatic\": {\"steps\": 1, \"guidance\": 1}}, \"precision\": [\"fp32\"]}}\n";

static void write_file (campaign_t *self, const char *path, const char *text)
{
    if (aut_file_write (path, text, strlen (text)) < 0)
        campaign_fail (self, "%s", aut_error_detail ());
}

static void make_dir (campaign_t *self, const char *path, const char *room)
{
    if (aut_dir_make (path) < 0)
        campaign_fail (self, "%s", aut_error_detail ());
    else if (room && mount ("tmpfs", path, "tmpfs", 0, room) < 0)
        self->has_tmpfs = false;
}

/*  endpoints.json of the proxy for one owner. */
static char *write_endpoints (campaign_t *self, unsigned owner, const char *name)
{
    aut_endpoints_t endpoints = {0};
    for (unsigned port = 0; port < AUT_PORT_COUNT; port++) {
        uint16_t number = 0;
        if (links_listen (self->links, owner, (aut_port_t)port, &number) < 0)
            campaign_fail (self, "%s", aut_error_detail ());
        endpoints.url[port] = aut_sprintf ("tcp://127.0.0.1:%u", number);
    }
    char *text = aut_endpoints_json (&endpoints, 1);
    char *path = aut_path_join (self->root, name, NULL);
    write_file (self, path, text);
    free (text);
    aut_endpoints_clear (&endpoints);
    return path;
}

static void prepare_broker (campaign_t *self, broker_t *broker, const char *name, const char *room)
{
    char *log = aut_sprintf ("%s.log", name);
    broker->dir = aut_path_join (self->root, name, NULL);
    broker->log = aut_path_join (self->root, log, NULL);
    broker->endpoints = aut_path_join (broker->dir, "endpoints.json", NULL);
    make_dir (self, broker->dir, room);
    free (log);
}

void cluster_prepare (campaign_t *self)
{
    self->has_tmpfs = true;
    self->links = links_new (view_judge, self);
    self->models = aut_path_join (self->root, "models", NULL);
    char *model = aut_path_join (self->models, "video", "models", "faults-animatic", NULL);
    char *json = aut_path_join (model, "model.json", NULL);
    make_dir (self, model, NULL);
    write_file (self, json, manifest);
    free (json);
    free (model);
    prepare_broker (self, &self->calm, "calm", NULL);
    prepare_broker (self, &self->broker, "broker", BROKER_ROOM);
    for (unsigned i = 0; i < NODES; i++) {
        node_t *node = &self->nodes[i];
        char endpoints[32];
        node->index = i;
        snprintf (node->name, sizeof node->name, "n%u", i);
        node->dir = aut_path_join (self->root, node->name, NULL);
        make_dir (self, node->dir, NODE_ROOM);
        snprintf (endpoints, sizeof endpoints, "n%u.json", i);
        free (write_endpoints (self, i, endpoints));
    }
    self->client_endpoints = write_endpoints (self, CLIENTS, "clients.json");
}

/* ---- brokers ----------------------------------------------------------------------------------
 */

static char *program (const campaign_t *self, const char *name)
{
    return aut_path_join (self->options.bin, name, NULL);
}

void cluster_start_broker (campaign_t *self, broker_t *broker)
{
    char *path = program (self, "auteur-broker");
    char *models = aut_sprintf ("AUTEUR_MODELS=%s", self->models);
    const char *argv[] = {path,      "--state", broker->dir, "--port", "0",
                          "--lease", LEASE,     "--silent",  SILENT,   NULL};
    const char *env[] = {models, "HF_HUB_CACHE=/nonexistent", NULL};
    broker->ready = false;
    proc_start (&broker->proc, argv, env, broker->log, broker->log);
    free (models);
    free (path);
}

void cluster_start_second (campaign_t *self)
{
    char *path = program (self, "auteur-broker");
    char *log = aut_path_join (self->root, "second.log", NULL);
    const char *argv[] = {path, "--state", self->broker.dir, "--port", "0", NULL};
    remove (log);
    proc_start (&self->second, argv, NULL, log, log);
    free (log);
    free (path);
}

/*  It has to say who has the folder, and to leave everything as it is. */
static void check_second (campaign_t *self, int status)
{
    char *path = aut_path_join (self->root, "second.log", NULL), *text = NULL;
    size_t size = 0;
    bool good = WIFEXITED (status) && WEXITSTATUS (status) == 1 &&
                aut_file_read (path, 1 << 20, &text, &size) == 0 &&
                strstr (text, "another broker (pid ");
    self->second.pid = 0;
    self->second_refused += good;
    if (!good)
        campaign_fail (self, "a second broker on the same state was not refused: %s",
                       text ? text : "it said nothing");
    free (text);
    free (path);
}

static void aim (campaign_t *self, const broker_t *broker)
{
    if (broker != &self->broker)
        return;
    for (unsigned port = 0; port < AUT_PORT_COUNT; port++) {
        const char *url = broker->ready ? broker->at.url[port] : NULL;
        const char *colon = url ? strrchr (url, ':') : NULL;
        links_target (self->links, (aut_port_t)port,
                      colon ? (uint16_t)strtoul (colon + 1, NULL, 10) : 0);
    }
}

static void away (campaign_t *self, broker_t *broker)
{
    broker->ready = false;
    zsock_destroy (&broker->status);
    self->asked = self->answered;
    aim (self, broker);
}

/*  Looks whether a started broker has said where it is. */
static void look_for (campaign_t *self, broker_t *broker)
{
    json_t *root;
    int64_t pid = 0;
    if (broker->ready || !broker->proc.pid || broker->proc.killed || broker->proc.asked ||
        !aut_file_exists (broker->endpoints))
        return;
    if (aut_json_load (&root, broker->endpoints, 1 << 16) < 0)
        return;
    aut_json_int (root, "pid", &pid);
    json_decref (root);
    if (pid != broker->proc.pid)
        return; /* of the one before */
    aut_endpoints_clear (&broker->at);
    if (aut_endpoints_load (&broker->at, broker->endpoints) < 0)
        return;
    broker->ready = true;
    self->asked = self->answered = 0;
    aim (self, broker);
    if (broker->died && broker == &self->broker) {
        times_add (&self->broker_back, self->now - broker->died);
        campaign_note (self, "the broker accepts again after %d ms",
                       (int)(self->now - broker->died));
    }
    broker->died = 0;
}

void cluster_end_broker (campaign_t *self, int signum)
{
    broker_t *broker = &self->broker;
    if (!broker->proc.pid || broker->proc.killed)
        return;
    broker->died = signum == SIGKILL ? self->now : 0;
    proc_signal (&broker->proc, signum);
    away (self, broker);
}

void cluster_kill_broker_now (campaign_t *self)
{
    self->kill_broker = self->second.pid != 0;
    if (!self->kill_broker)
        cluster_end_broker (self, SIGKILL);
}

/* ---- nodes ------------------------------------------------------------------------------------
 */

static void start_node (campaign_t *self, proc_t *proc, const char *name, const char *endpoints,
                        const char *fault)
{
    char *path = program (self, "auteur-node"), *state = aut_path_join (self->root, name, NULL);
    char *log = aut_sprintf ("%s/%s.log", self->root, name);
    char *models = aut_sprintf ("AUTEUR_MODELS=%s", self->models);
    const char *argv[] = {path, "--endpoints", endpoints, "--state",   state, "--name",
                          name, "--device",    "cpu",     "--workers", "1",   "--hang",
                          HANG, "--drain",     "1",       NULL};
    const char *env[] = {models, "HF_HUB_CACHE=/nonexistent", fault, NULL};
    proc_start (proc, argv, env, log, log);
    free (models);
    free (log);
    free (state);
    free (path);
}

void cluster_start_node (campaign_t *self, node_t *node)
{
    if (self->stopping || node->proc.pid)
        return;
    char *endpoints = aut_sprintf ("%s/%s.json", self->root, node->name);
    node->known_as[0] = 0;
    start_node (self, &node->proc, node->name, endpoints, "AUTEUR_TEST_WORKER_FAULT=" SLOW_FRAME);
    free (endpoints);
}

void cluster_kill_node (campaign_t *self, node_t *node)
{
    proc_signal (&node->proc, SIGKILL);
    view_forget_node (self, node);
}

void cluster_start_calm (campaign_t *self)
{
    cluster_start_broker (self, &self->calm);
    start_node (self, &self->calm_nodes[0], "calm-1", self->calm.endpoints, NULL);
    start_node (self, &self->calm_nodes[1], "calm-2", self->calm.endpoints, NULL);
}

/* ---- ends -------------------------------------------------------------------------------------
 */

static void start_later (campaign_t *self, unsigned who, int64_t value)
{
    (void)value;
    cluster_start_node (self, &self->nodes[who]);
}

/*  What ended, ended because we wanted it so, and well if it was asked to. */
static void check_end (campaign_t *self, proc_t *proc, const char *name, int status)
{
    char text[64];
    proc->pid = 0;
    proc->stopped = false;
    if (proc->killed && WIFSIGNALED (status) && WTERMSIG (status) == SIGKILL)
        return;
    if (proc->asked && WIFEXITED (status) && WEXITSTATUS (status) == 0)
        return;
    campaign_fail (self, "%s ended with %s%s", name, proc_status_text (status, text, sizeof text),
                   proc->asked ? " after SIGTERM" : ", by itself");
}

bool cluster_ended (campaign_t *self, pid_t pid, int status)
{
    for (unsigned i = 0; i < NODES; i++) {
        node_t *node = &self->nodes[i];
        if (node->proc.pid != pid)
            continue;
        bool killed = node->proc.killed;
        check_end (self, &node->proc, node->name, status);
        if (!killed)
            view_forget_node (self, node);
        node->free_at = INT64_MAX; /* until it is back */
        campaign_later (self, dice_range (&self->dice, 0, 400), start_later, i, 0);
        return true;
    }
    for (int i = 0; i < 2; i++)
        if (self->calm_nodes[i].pid == pid) {
            check_end (self, &self->calm_nodes[i], "a node of the undisturbed run", status);
            return true;
        }
    if (self->calm.proc.pid == pid) {
        check_end (self, &self->calm.proc, "the broker of the undisturbed run", status);
        return true;
    }
    if (self->second.pid && self->second.pid == pid) {
        check_second (self, status);
        return true;
    }
    if (self->broker.proc.pid != pid)
        return false;
    check_end (self, &self->broker.proc, "the broker", status);
    away (self, &self->broker);
    if (!self->stopping)
        cluster_start_broker (self, &self->broker);
    return true;
}

void cluster_pump (campaign_t *self)
{
    if (self->kill_broker && !self->second.pid) { /* which would get the lock */
        cluster_end_broker (self, SIGKILL);
        self->kill_broker = false;
    }
    look_for (self, &self->calm);
    look_for (self, &self->broker);
    for (unsigned i = 0; i < NODES; i++) {
        node_t *node = &self->nodes[i];
        if (node->sprung)
            cluster_kill_node (self, node);
        node->sprung = false;
        if (node->free_at == INT64_MAX && node->online)
            node->free_at = self->now + 200;
    }
}

static bool stop (proc_t *proc)
{
    if (!proc->pid)
        return true;
    if (!proc->asked)
        proc_signal (proc, SIGTERM);
    return false;
}

bool cluster_stop (campaign_t *self)
{
    bool nodes = true;
    self->stopping = true;
    for (unsigned i = 0; i < NODES; i++)
        nodes &= stop (&self->nodes[i].proc);
    nodes &= stop (&self->calm_nodes[0]);
    nodes &= stop (&self->calm_nodes[1]);
    if (!nodes)
        return false;
    return (stop (&self->broker.proc) & stop (&self->calm.proc)) != 0;
}

static void clear_broker (broker_t *broker)
{
    proc_signal (&broker->proc, SIGKILL);
    zsock_destroy (&broker->status);
    aut_endpoints_clear (&broker->at);
    if (broker->dir)
        umount2 (broker->dir, MNT_DETACH);
    free (broker->dir);
    free (broker->log);
    free (broker->endpoints);
}

void cluster_clear (campaign_t *self)
{
    clear_broker (&self->calm);
    clear_broker (&self->broker);
    for (int i = 0; i < 2; i++)
        proc_signal (&self->calm_nodes[i], SIGKILL);
    for (unsigned i = 0; i < NODES; i++) {
        node_t *node = &self->nodes[i];
        proc_signal (&node->proc, SIGKILL);
        if (node->dir)
            umount2 (node->dir, MNT_DETACH);
        free (node->dir);
    }
    links_destroy (&self->links);
    free (self->client_endpoints);
    free (self->models);
}
