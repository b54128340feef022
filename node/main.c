/*  auteur-node: the node as a daemon in the foreground. Everything but the command line and the
 *  signals is node/node.h. */
#include "lib/core/error.h"
#include "lib/core/file.h"
#include "lib/core/log.h"
#include "lib/core/mem.h"
#include "lib/core/options.h"
#include "node/health.h"
#include "node/node.h"
#include "proto/client.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum {
    EXIT_DONE = 0,
    EXIT_FAILED = 1,
    EXIT_USAGE = 2,
    EXIT_UNREACHABLE = 3,
    EXIT_INTERRUPTED = 130
};

typedef struct {
    const char *broker, *endpoints, *state, *name, *models, *cache_size, *vram_limit, *keys, *probe;
    const char *log_level, *log_format;
    aut_opt_list_t devices;
    int64_t workers, credit, hang;
    double drain;
    bool insecure, no_color;
} arguments_t;

static const char about[] =
    "Runs tasks for a broker: starts one worker process for each device, fetches what the tasks "
    "need and returns what they make. Goes on by itself when the broker was away.\n"
    "\n"
    "SIGTERM or SIGINT drains: a running chunk may finish within --drain seconds, else it is given "
    "back. A second one leaves at once. SIGHUP looks for models again.\n"
    "\n"
    "Example: auteur-node --broker render1:7700 --device cuda:0 --state /var/lib/auteur/node";

static int set_up_log (const arguments_t *args)
{
    aut_log_level_t level;
    aut_log_format_t format;
    int rc = aut_log_parse_level (&level, args->log_level);
    if (rc == 0)
        rc = aut_log_parse_format (&format, args->log_format);
    if (rc == 0)
        aut_log_setup (level, format);
    return rc;
}

static int find_broker (const arguments_t *args, aut_endpoints_t *endpoints,
                        aut_node_options_t *options)
{
    options->endpoints_file = args->endpoints;
    if (args->endpoints) /* stronger than AUTEUR_BROKER in the environment */
        return 0;
    if (!args->broker)
        return aut_fail (AUT_ERR_INVALID, "say which broker: --broker HOST[:BASE] or "
                                          "--endpoints FILE");
    int rc = aut_endpoints_parse (endpoints, args->broker);
    options->node_endpoint = endpoints->url[AUT_PORT_NODE];
    options->data_endpoint = endpoints->url[AUT_PORT_DATA];
    return rc;
}

static int fill_options (const arguments_t *args, aut_endpoints_t *endpoints,
                         aut_node_options_t *options)
{
    int rc = set_up_log (args);
    if (rc == 0 && args->cache_size)
        rc = aut_options_bytes (&options->cache_size, "--cache-size", args->cache_size);
    if (rc == 0 && args->vram_limit)
        rc = aut_options_bytes (&options->vram_limit, "--vram-limit", args->vram_limit);
    if (rc == 0 && (args->drain < 0 || args->drain > 1e6))
        rc = aut_fail (AUT_ERR_INVALID, "--drain: %g is not between 0 and 1000000", args->drain);
    if (rc == 0)
        rc = find_broker (args, endpoints, options);
    options->state_dir = args->state;
    options->name = args->name;
    options->keys = args->keys;
    options->insecure = args->insecure;
    options->devices = args->devices.items;
    options->device_count = args->devices.count;
    options->workers = (uint32_t)args->workers;
    options->credit = (uint32_t)args->credit;
    options->hang_ms = (uint32_t)(args->hang * 1000);
    options->models = args->models;
    options->drain_ms = (uint32_t)(args->drain * 1000);
    return rc;
}

/*  Until the node has ended: a signal drains, a second one stops at once. */
static int serve (aut_node_daemon_t *node, int signals)
{
    bool draining = false;
    for (;;) {
        struct pollfd items[2] = {{.fd = signals, .events = POLLIN},
                                  {.fd = aut_node_fd (node), .events = POLLIN}};
        if (poll (items, 2, -1) < 0 && errno != EINTR)
            return EXIT_FAILED;
        if (items[1].revents)
            return EXIT_DONE;
        struct signalfd_siginfo info;
        if (read (signals, &info, sizeof info) != sizeof info)
            continue;
        if (info.ssi_signo == SIGHUP) {
            aut_node_reload (node);
            continue;
        }
        if (draining)
            return EXIT_INTERRUPTED;
        draining = true;
        aut_log (AUT_LOG_INFO, "node", "draining; a second signal leaves at once");
        aut_node_drain (node);
    }
}

/*  Before any thread starts, so that all inherit the mask and signals come to the descriptor. */
static int catch_signals (void)
{
    sigset_t set;
    sigemptyset (&set);
    sigaddset (&set, SIGTERM);
    sigaddset (&set, SIGINT);
    sigaddset (&set, SIGHUP);
    sigprocmask (SIG_BLOCK, &set, NULL);
    signal (SIGPIPE, SIG_IGN);
    return signalfd (-1, &set, SFD_CLOEXEC);
}

/*  For the probes of a container. */
static int probe (const arguments_t *args)
{
    char *state = args->state ? NULL : aut_path_state ("node");
    int rc = aut_health_probe (args->state ? args->state : state, args->probe);
    if (rc)
        fprintf (stderr, "auteur-node: %s\n", aut_error_detail ());
    free (state);
    return rc == AUT_ERR_INVALID ? EXIT_USAGE : rc ? EXIT_FAILED : EXIT_DONE;
}

static int run (const arguments_t *args)
{
    aut_endpoints_t endpoints = {0};
    aut_node_options_t options;
    aut_node_daemon_t *node = NULL;
    aut_node_options_init (&options);
    int code = EXIT_USAGE;
    int signals = catch_signals ();
    int rc = fill_options (args, &endpoints, &options);
    char *state = options.state_dir ? NULL : aut_path_state ("node");
    if (state)
        options.state_dir = state;
    if (rc == 0)
        rc = aut_node_start (&node, &options);
    if (rc == 0) {
        code = serve (node, signals);
        rc = code == EXIT_DONE ? aut_node_fault (node) : 0;
        if (rc) {
            fprintf (stderr, "auteur-node: %s\n", aut_error_detail ());
            code = EXIT_UNREACHABLE;
        }
        aut_node_stop (&node, 0);
    } else {
        fprintf (stderr, "auteur-node: %s\n", aut_error_detail ());
        code = rc == AUT_ERR_INVALID || rc == AUT_ERR_NOT_FOUND || rc == AUT_ERR_UNSUPPORTED ||
                       rc == AUT_ERR_DENIED
                   ? EXIT_USAGE
               : rc == AUT_ERR_UNREACHABLE ? EXIT_UNREACHABLE
                                           : EXIT_FAILED;
    }
    free (state);
    aut_endpoints_clear (&endpoints);
    close (signals);
    return code;
}

int main (int argc, char **argv)
{
    arguments_t args = {
        .drain = 10, .credit = 1, .hang = 300, .log_level = "info", .log_format = "text"};
    const aut_opt_t table[] = {
        {"broker", 0, AUT_OPT_STRING, &args.broker, "[tcp://]HOST[:BASE]",
         "the broker; BASE is its client port (7700)", "AUTEUR_BROKER", 0, 0},
        {"endpoints", 0, AUT_OPT_STRING, &args.endpoints, "FILE",
         "the broker's endpoints.json, in place of --broker", NULL, 0, 0},
        {"state", 0, AUT_OPT_STRING, &args.state, "DIR",
         "folder of the cache ($XDG_STATE_HOME/auteur/node)", "AUTEUR_STATE", 0, 0},
        {"name", 0, AUT_OPT_STRING, &args.name, "NAME", "how it is listed (the host's name)", NULL,
         0, 0},
        {"device", 0, AUT_OPT_LIST, &args.devices, "auto|cpu|cuda:N",
         "a device to use; may be repeated (auto)", NULL, 0, 0},
        {"workers", 0, AUT_OPT_INT, &args.workers, "N",
         "worker processes on the cpu (by cores and memory)", NULL, 0, 64},
        {"credit", 0, AUT_OPT_INT, &args.credit, "N",
         "tasks that a worker takes ahead, the running one included (1)", NULL, 1, 64},
        {"models", 0, AUT_OPT_STRING, &args.models, "DIR[:DIR...]",
         "where models are looked for before the shipped ones", "AUTEUR_MODELS", 0, 0},
        {"cache-size", 0, AUT_OPT_STRING, &args.cache_size, "BYTES",
         "bytes of artifacts to keep, with K, M, G or T; 0 is no limit (16G)", NULL, 0, 0},
        {"vram-limit", 0, AUT_OPT_STRING, &args.vram_limit, "BYTES",
         "device memory that a model may take, with K, M, G or T; one that needs more runs in "
         "parts "
         "(all there is)",
         "AUTEUR_VRAM_LIMIT", 0, 0},
        {"drain", 0, AUT_OPT_NUMBER, &args.drain, "SECONDS",
         "how long a running chunk may go on at the end (10)", NULL, 0, 0},
        {"hang", 0, AUT_OPT_INT, &args.hang, "SECONDS",
         "a worker that reports nothing for so long is killed (300)", NULL, 1, 1000000},
        {"probe", 0, AUT_OPT_STRING, &args.probe, "live|ready",
         "ask the node of this --state if its loop goes round, or if it takes work; exit 0 or 1",
         NULL, 0, 0},
        {"keys", 0, AUT_OPT_STRING, &args.keys, "DIR",
         "this node's keys ($XDG_CONFIG_HOME/auteur/keys; auteur keys --help)", "AUTEUR_KEYS", 0,
         0},
        {"insecure", 0, AUT_OPT_FLAG, &args.insecure, NULL,
         "connect without keys, also beyond this machine", NULL, 0, 0},
        {"log-level", 0, AUT_OPT_STRING, &args.log_level, "LEVEL",
         "debug, info, warn or error (info)", NULL, 0, 0},
        {"log-format", 0, AUT_OPT_STRING, &args.log_format, "text|json", "form of the log (text)",
         NULL, 0, 0},
        {"no-color", 0, AUT_OPT_FLAG, &args.no_color, NULL, "no colour (there is none)", NULL, 0,
         0},
        {0}};
    const aut_opt_info_t info = {
        .program = "auteur-node", .usage = "--broker HOST[:BASE]", .about = about};
    switch (aut_options_parse (&info, table, argc, argv, NULL, NULL)) {
    case AUT_OPT_EXIT_OK:
        return ferror (stdout) ? EXIT_FAILED : EXIT_DONE;
    case AUT_OPT_EXIT_USAGE:
        return EXIT_USAGE;
    default:
        break;
    }
    int code = args.probe ? probe (&args) : run (&args);
    aut_options_clear (table);
    return code;
}
