/*  auteur-node: the node as a daemon in the foreground. Everything but the command line and the
 *  signals is node/node.h. */
#include "lib/core/clock.h"
#include "lib/core/error.h"
#include "lib/core/file.h"
#include "lib/core/log.h"
#include "lib/core/notify.h"
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

#define BEAT_MS 200

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
    bool insecure, no_color, json;
    char *default_state;
} arguments_t;

static const char about[] =
    "Runs tasks for a broker: starts one worker process for each device, fetches what the tasks "
    "need and returns what they make. Goes on by itself when the broker was away.\n"
    "\n"
    "SIGTERM or SIGINT drains: a running chunk may finish within --drain seconds, else it is given "
    "back. A second one leaves at once. SIGHUP looks for models again.\n"
    "\n"
    "Examples:\n"
    "  auteur-node --broker render1:7700 --device cuda:0 --state /var/cache/auteur\n"
    "  auteur-node --config /etc/auteur/node.conf --print-config";

/*  A default that depends on the machine. */
static void resolve (void *ctx)
{
    arguments_t *args = ctx;
    if (!args->state || !*args->state)
        args->state = args->default_state = aut_path_state ("node");
}

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

/*  What the service manager hears, several times a second. */
static void tell (aut_notify_t *notify, const aut_node_daemon_t *node, bool draining)
{
    bool online = aut_node_is_online (node);
    aut_notify_watchdog (notify, aut_node_is_well (node), aut_mono_ms (aut_clock_system ()));
    if (draining) {
        aut_notify_status (notify, "drains: what runs may finish");
        aut_notify_stopping (notify);
    } else if (online) {
        aut_notify_status (notify, "online");
        aut_notify_ready (notify);
    } else if (aut_node_is_refused (node)) {
        aut_notify_status (notify, "is refused by the broker: the log says why, and what to run");
    } else {
        aut_notify_status (notify, "looks for the broker");
    }
}

/*  Until the node has ended: a signal drains, a second one stops at once. */
static int serve (aut_node_daemon_t *node, int signals, aut_notify_t *notify)
{
    bool draining = false;
    for (;;) {
        struct pollfd items[2] = {{.fd = signals, .events = POLLIN},
                                  {.fd = aut_node_fd (node), .events = POLLIN}};
        tell (notify, node, draining);
        int ready = poll (items, 2, BEAT_MS);
        if (ready < 0 && errno != EINTR)
            return EXIT_FAILED;
        if (ready > 0 && items[1].revents)
            return EXIT_DONE;
        struct signalfd_siginfo info;
        if (ready <= 0 || read (signals, &info, sizeof info) != sizeof info)
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
    int rc = aut_health_probe (args->state, args->probe);
    if (rc)
        fprintf (stderr, "auteur-node: %s\n", aut_error_detail ());
    return rc == AUT_ERR_INVALID ? EXIT_USAGE : rc ? EXIT_FAILED : EXIT_DONE;
}

static int exit_code_of (int rc)
{
    switch (rc) {
    case AUT_ERR_INVALID:
    case AUT_ERR_NOT_FOUND:
    case AUT_ERR_UNSUPPORTED:
    case AUT_ERR_DENIED:
        return EXIT_USAGE;
    case AUT_ERR_UNREACHABLE:
        return EXIT_UNREACHABLE;
    default:
        return EXIT_FAILED;
    }
}

static int run (const arguments_t *args)
{
    aut_notify_t *notify = aut_notify_new (); /* before there are threads */
    aut_endpoints_t endpoints = {0};
    aut_node_options_t options;
    aut_node_daemon_t *node = NULL;
    aut_node_options_init (&options);
    int code = EXIT_USAGE;
    int signals = catch_signals ();
    int rc = fill_options (args, &endpoints, &options);
    if (rc == 0)
        rc = aut_node_start (&node, &options);
    if (rc == 0) {
        code = serve (node, signals, notify);
        rc = code == EXIT_DONE ? aut_node_fault (node) : 0;
        if (rc) {
            fprintf (stderr, "auteur-node: %s\n", aut_error_detail ());
            code = EXIT_UNREACHABLE;
        }
        aut_node_stop (&node, 0);
    } else {
        fprintf (stderr, "auteur-node: %s\n", aut_error_detail ());
        aut_notify_status (notify, "%s", aut_error_detail ());
        code = exit_code_of (rc);
    }
    aut_notify_destroy (&notify);
    aut_endpoints_clear (&endpoints);
    close (signals);
    return code;
}

#define OPTIONS 20

static void fill_table (aut_opt_t table[OPTIONS], arguments_t *args)
{
    const aut_opt_t options[] = {
        {"broker", 0, AUT_OPT_STRING, &args->broker, "[tcp://]HOST[:BASE]",
         "the broker; BASE is its client port (7700)", "AUTEUR_BROKER", 0, 0},
        {"endpoints", 0, AUT_OPT_STRING, &args->endpoints, "FILE",
         "the broker's endpoints.json, in place of --broker", NULL, 0, 0},
        {"state", 0, AUT_OPT_STRING, &args->state, "DIR",
         "folder of the cache ($XDG_STATE_HOME/auteur/node)", "AUTEUR_STATE", 0, 0},
        {"name", 0, AUT_OPT_STRING, &args->name, "NAME", "how it is listed (the host's name)", NULL,
         0, 0},
        {"device", 0, AUT_OPT_LIST, &args->devices, "auto|cpu|cuda:N",
         "a device to use; may be repeated (auto)", NULL, 0, 0},
        {"workers", 0, AUT_OPT_INT, &args->workers, "N",
         "worker processes on the cpu (by cores and memory)", NULL, 0, 64},
        {"credit", 0, AUT_OPT_INT, &args->credit, "N",
         "tasks that a worker takes ahead, the running one included (1)", NULL, 1, 64},
        {"models", 0, AUT_OPT_STRING, &args->models, "DIR[:DIR...]",
         "where models are looked for before the shipped ones", "AUTEUR_MODELS", 0, 0},
        {"cache-size", 0, AUT_OPT_STRING, &args->cache_size, "BYTES",
         "bytes of artifacts to keep, with K, M, G or T; 0 is no limit (16G)", NULL, 0, 0},
        {"vram-limit", 0, AUT_OPT_STRING, &args->vram_limit, "BYTES",
         "device memory that a model may take, with K, M, G or T; one that needs more runs in "
         "parts "
         "(all there is)",
         "AUTEUR_VRAM_LIMIT", 0, 0},
        {"drain", 0, AUT_OPT_NUMBER, &args->drain, "SECONDS",
         "how long a running chunk may go on at the end (10)", NULL, 0, 0},
        {"hang", 0, AUT_OPT_INT, &args->hang, "SECONDS",
         "a worker that reports nothing for so long is killed (300)", NULL, 1, 1000000},
        {"probe", 0, AUT_OPT_STRING, &args->probe, "live|ready",
         "ask the node of this --state if its loop goes round, or if it takes work; exit 0 or 1",
         NULL, 0, 0},
        {"keys", 0, AUT_OPT_STRING, &args->keys, "DIR",
         "this node's keys ($XDG_CONFIG_HOME/auteur/keys; auteur keys --help)", "AUTEUR_KEYS", 0,
         0},
        {"insecure", 0, AUT_OPT_FLAG, &args->insecure, NULL,
         "connect without keys, also beyond this machine", NULL, 0, 0},
        {"log-level", 0, AUT_OPT_STRING, &args->log_level, "LEVEL",
         "debug, info, warn or error (info)", NULL, 0, 0},
        {"log-format", 0, AUT_OPT_STRING, &args->log_format, "text|json", "form of the log (text)",
         NULL, 0, 0},
        {"no-color", 0, AUT_OPT_FLAG, &args->no_color, NULL, "no colour (there is none)", NULL, 0,
         0},
        {"json", 0, AUT_OPT_FLAG, &args->json, NULL, "print the settings as JSON", NULL, 0, 0},
        {0}};
    _Static_assert(sizeof options == OPTIONS * sizeof *table, "as many rows as OPTIONS");
    memcpy (table, options, sizeof options);
}

int main (int argc, char **argv)
{
    arguments_t args = {.drain = 10,
                        .credit = 1,
                        .hang = 300,
                        .cache_size = "16G",
                        .log_level = "info",
                        .log_format = "text"};
    aut_opt_t table[OPTIONS];
    /* --endpoints is stronger than the broker's address wherever that is from: so it cannot come
     * from a weaker place. */
    static const char *const only_here[] = {"endpoints", "probe", "json", NULL};
    aut_config_t config = {0};
    const aut_opt_info_t info = {.program = "auteur-node",
                                 .usage = "--broker HOST[:BASE]",
                                 .about = about,
                                 .config = &config,
                                 .only_here = only_here,
                                 .resolve = resolve,
                                 .ctx = &args};
    int code;
    fill_table (table, &args);
    switch (aut_options_parse (&info, table, argc, argv, NULL, NULL)) {
    case AUT_OPT_EXIT_OK:
        code = ferror (stdout) ? EXIT_FAILED : EXIT_DONE;
        break;
    case AUT_OPT_EXIT_USAGE:
        code = EXIT_USAGE;
        break;
    default:
        resolve (&args);
        code = args.probe ? probe (&args) : run (&args);
    }
    aut_options_clear (table);
    aut_config_clear (&config);
    free (args.default_state);
    return code;
}
