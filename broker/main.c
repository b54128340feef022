/*  auteur-broker: the command line around broker/broker.h. */
#include "broker/broker.h"

#include "lib/core/clock.h"
#include "lib/core/epoch.h"
#include "lib/core/error.h"
#include "lib/core/file.h"
#include "lib/core/json.h"
#include "lib/core/log.h"
#include "lib/core/notify.h"
#include "lib/core/options.h"
#include "proto/net.h"

#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define LOG "broker"

typedef struct {
    const char *state, *bind, *http_bind, *backup, *previous, *keys, *models;
    const char *log_level, *log_format;
    int64_t port, http_port, key_nodes;
    double lease, silent;
    bool insecure, no_color, json;
    char *default_state;
} values_t;

#define OPTIONS 18

static void fill_table (aut_opt_t table[OPTIONS], values_t *v)
{
    const aut_opt_t options[OPTIONS] = {
        {"state", 0, AUT_OPT_STRING, &v->state, "DIR",
         "durable state: database and artifacts ($XDG_STATE_HOME/auteur/broker)", "AUTEUR_STATE", 0,
         0},
        {"bind", 0, AUT_OPT_STRING, &v->bind, "ADDR", "address to listen on (127.0.0.1)", NULL, 0,
         0},
        {"port", 0, AUT_OPT_INT, &v->port, "BASE",
         "first of the five sockets' ports, 0 = every port a free one (7700)", NULL, 0, 65531},
        {"http-port", 0, AUT_OPT_INT, &v->http_port, "N", "port of HTTP (BASE+80)", NULL, -1,
         65535},
        {"lease", 0, AUT_OPT_NUMBER, &v->lease, "SECONDS",
         "a task goes to another node after so long without news of its own (30)", NULL, 0, 0},
        {"silent", 0, AUT_OPT_NUMBER, &v->silent, "SECONDS",
         "a node that says nothing for so long is lost (15)", NULL, 0, 0},
        {"backup", 0, AUT_OPT_STRING, &v->backup, "DIR",
         "copy the state into the new folder DIR and exit; a broker may be running on it", NULL, 0,
         0},
        {"previous", 0, AUT_OPT_STRING, &v->previous, "DIR",
         "with --backup: an older backup on the same file system; what it has is linked, not "
         "copied",
         NULL, 0, 0},
        {"models", 0, AUT_OPT_STRING, &v->models, "DIR[:DIR...]",
         "folders with model manifests, before the shipped ones", "AUTEUR_MODELS", 0, 0},
        {"http-bind", 0, AUT_OPT_STRING, &v->http_bind, "ADDR",
         "address of HTTP, which knows no keys (--bind; with keys 127.0.0.1)", NULL, 0, 0},
        {"keys", 0, AUT_OPT_STRING, &v->keys, "DIR",
         "keys of this broker and lists of who is allowed; needed on any address but loopback "
         "($XDG_CONFIG_HOME/auteur/keys; auteur keys --help)",
         "AUTEUR_KEYS", 0, 0},
        {"nodes-per-key", 0, AUT_OPT_INT, &v->key_nodes, "N",
         "nodes that one key may have here at a time; without keys, an address (256)", NULL, 1,
         8192},
        {"insecure", 0, AUT_OPT_FLAG, &v->insecure, NULL,
         "go without keys: everybody in who can reach the address", NULL, 0, 0},
        {"log-level", 0, AUT_OPT_STRING, &v->log_level, "LEVEL", "debug, info, warn, error (info)",
         NULL, 0, 0},
        {"log-format", 0, AUT_OPT_STRING, &v->log_format, "FORMAT", "text or json (text)", NULL, 0,
         0},
        {"no-color", 0, AUT_OPT_FLAG, &v->no_color, NULL, "no colour (there is none anyway)", NULL,
         0, 0},
        {"json", 0, AUT_OPT_FLAG, &v->json, NULL,
         "print what --backup did, or the settings, as JSON", NULL, 0, 0},
        {NULL, 0, AUT_OPT_FLAG, NULL, NULL, NULL, NULL, 0, 0},
    };
    memcpy (table, options, sizeof options);
}

static const char about[] =
    "Takes storyboards from clients, hands their chunks to nodes and keeps the results.\n"
    "Runs in the foreground; SIGTERM stops it, and it goes on where it was when started\n"
    "again. When it accepts connections it writes STATE/endpoints.json and logs \"ready\".\n"
    "\n"
    "A backup is a state folder: restore it by starting a broker on it (a copy of it).\n"
    "\n"
    "Examples:\n"
    "  auteur-broker --state /srv/auteur --bind 0.0.0.0 --keys /etc/auteur/broker-keys\n"
    "  auteur-broker --config /etc/auteur/broker.conf --print-config\n"
    "  auteur-broker --state /srv/auteur --backup /backup/monday";

/*  Defaults that depend on the machine or on other settings. */
static void resolve (void *ctx)
{
    values_t *v = ctx;
    if (!v->state || !*v->state)
        v->state = v->default_state = aut_path_state ("broker");
    if (v->http_port < 0)
        v->http_port = v->port ? v->port + 80 : 0;
}

/* ---- running -------------------------------------------------------------------------------- */

static void set_signals (sigset_t *set)
{
    sigemptyset (set);
    sigaddset (set, SIGTERM);
    sigaddset (set, SIGINT);
    sigaddset (set, SIGHUP);
    pthread_sigmask (SIG_BLOCK, set, NULL);
    signal (SIGPIPE, SIG_IGN);
}

/*  Waits for a second signal while the first one's stop runs: it leaves at once. */
static void *wait_impatient (void *ctx)
{
    int number;
    sigwait (ctx, &number);
    _exit (1);
}

static int run_until_signal (aut_broker_t *broker, sigset_t *set, aut_notify_t *notify)
{
    const struct timespec beat = {.tv_nsec = 200000000};
    int number;
    do {
        aut_notify_watchdog (notify, aut_broker_is_well (broker),
                             aut_mono_ms (aut_clock_system ()));
        number = sigtimedwait (set, NULL, &beat);
    } while ((number < 0 || number == SIGHUP) && aut_broker_fault (broker) == 0);
    if (number < 0) {
        aut_log (AUT_LOG_ERROR, LOG, "stopped: %s", aut_error_text (aut_broker_fault (broker)));
        return 1;
    }
    aut_log (AUT_LOG_INFO, LOG, "stopping on signal %d; again to leave at once", number);
    return 0;
}

static void fill_options (aut_broker_options_t *options, const values_t *v)
{
    aut_broker_options_init (options);
    options->state_dir = v->state;
    options->bind = v->bind;
    options->port = (int)v->port;
    options->http_port = (int)v->http_port;
    options->lease_ms = (int64_t)(v->lease * 1000);
    options->silent_ms = (int64_t)(v->silent * 1000);
    options->models = v->models;
    options->keys_dir = v->keys;
    options->http_bind = v->http_bind;
    options->insecure = v->insecure;
    options->key_nodes = (uint32_t)v->key_nodes;
}

static int serve (aut_broker_t *broker, sigset_t *set, aut_notify_t *notify)
{
    const aut_broker_endpoints_t *e = aut_broker_endpoints (broker);
    pthread_t impatient;
    aut_log (AUT_LOG_INFO, LOG, "ready: %s, %s, epoch " AUT_EPOCH_TEXT, e->client, e->http,
             AUT_EPOCH_ARGS (e->epoch));
    aut_notify_status (notify, "accepts on %s, %s", e->client, e->http);
    aut_notify_ready (notify);
    int rc = run_until_signal (broker, set, notify);
    if (pthread_create (&impatient, NULL, wait_impatient, set) == 0)
        pthread_detach (impatient);
    aut_notify_stopping (notify);
    aut_notify_status (notify, "stops; what runs on nodes goes on");
    aut_broker_stop (&broker, 0);
    return rc;
}

static int run (const values_t *v)
{
    sigset_t set;
    aut_broker_options_t options;
    aut_broker_t *broker;
    aut_notify_t *notify = aut_notify_new ();
    set_signals (&set);
    fill_options (&options, v);
    int rc = aut_broker_start (&broker, &options);
    if (rc) {
        fprintf (stderr, "auteur-broker: %s\n", aut_error_detail ());
        aut_notify_status (notify, "%s", aut_error_detail ());
        rc = rc == AUT_ERR_INVALID || rc == AUT_ERR_DENIED ? 2 : 1;
    } else {
        rc = serve (broker, &set, notify);
    }
    aut_notify_destroy (&notify);
    return rc;
}

/* ---- backup ---------------------------------------------------------------------------------- */

/*  A line a second at most. */
static void show_progress (void *ctx, const aut_broker_copied_t *copied)
{
    int64_t *last_ms = ctx, now = aut_mono_ms (aut_clock_system ());
    if (now - *last_ms < 1000)
        return;
    *last_ms = now;
    fprintf (stderr, "auteur-broker: %" PRIu64 " of %" PRIu64 " artifacts, %" PRIu64 " MiB\n",
             copied->copied + copied->linked + copied->kept, copied->found, copied->bytes >> 20);
}

static void print_copied (const values_t *v, const aut_broker_copied_t *c)
{
    uint64_t whole = c->copied + c->linked + c->kept;
    if (!v->json) {
        printf ("%s: the database and %" PRIu64 " artifacts of %" PRIu64 " bytes (%" PRIu64
                " copied, %" PRIu64 " linked, %" PRIu64 " there already)\n",
                v->backup, whole, c->bytes, c->copied, c->linked, c->kept);
        return;
    }
    json_t *json = json_pack ("{s:s, s:I, s:I, s:I, s:I, s:I, s:I}", "backup", v->backup,
                              "artifacts", (json_int_t)whole, "bytes", (json_int_t)c->bytes,
                              "copied", (json_int_t)c->copied, "linked", (json_int_t)c->linked,
                              "kept", (json_int_t)c->kept, "damaged", (json_int_t)c->damaged);
    char *text = json_dumps (json, JSON_COMPACT | JSON_PRESERVE_ORDER);
    puts (text ? text : "{}");
    free (text);
    json_decref (json);
}

static int run_backup (const values_t *v)
{
    int64_t last_ms = aut_mono_ms (aut_clock_system ());
    aut_broker_copied_t copied;
    int rc = aut_broker_backup (v->state, v->backup, v->previous, show_progress, &last_ms, &copied);
    if (rc) {
        fprintf (stderr, "auteur-broker: %s\n", aut_error_detail ());
        return rc == AUT_ERR_EXISTS || rc == AUT_ERR_NOT_FOUND || rc == AUT_ERR_INVALID ? 2 : 1;
    }
    print_copied (v, &copied);
    return fflush (stdout) || ferror (stdout) ? 1 : 0;
}

/* ---- the command line ------------------------------------------------------------------------ */

static int set_logs (const values_t *v)
{
    aut_log_level_t level;
    aut_log_format_t format;
    int rc = aut_log_parse_level (&level, v->log_level);
    if (!rc)
        rc = aut_log_parse_format (&format, v->log_format);
    if (!rc)
        aut_log_setup (level, format);
    return rc;
}

static int run_options (values_t *v)
{
    int rc = set_logs (v);
    if (!rc && (v->lease <= 0 || v->silent <= 0 || v->lease > 1e9 || v->silent > 1e9))
        rc = aut_fail (AUT_ERR_INVALID, "--lease and --silent must be above 0 and below 1e9");
    if (!rc && v->previous && !v->backup)
        rc = aut_fail (AUT_ERR_INVALID, "--previous goes with --backup DIR");
    if (rc) {
        fprintf (stderr, "auteur-broker: %s\n", aut_error_detail ());
        return 2;
    }
    resolve (v);
    return v->backup ? run_backup (v) : run (v);
}

/*  Each connection is a descriptor, and systems give 1,024 unless asked for more. */
static void raise_descriptors (void)
{
    struct rlimit limit;
    if (getrlimit (RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit (RLIMIT_NOFILE, &limit);
    }
}

int main (int argc, char **argv)
{
    values_t v = {.bind = "127.0.0.1",
                  .port = AUT_PORT,
                  .http_port = -1,
                  .key_nodes = 256,
                  .lease = 30,
                  .silent = 15,
                  .log_level = "info",
                  .log_format = "text"};
    static const char *const only_here[] = {"backup", "previous", "json", NULL};
    aut_config_t config = {0};
    const aut_opt_info_t info = {.program = "auteur-broker",
                                 .usage = "[OPTION...]",
                                 .about = about,
                                 .config = &config,
                                 .only_here = only_here,
                                 .resolve = resolve,
                                 .ctx = &v};
    aut_opt_t table[OPTIONS];
    raise_descriptors ();
    fill_table (table, &v);
    aut_opt_result_t result = aut_options_parse (&info, table, argc, argv, NULL, NULL);
    int code = result == AUT_OPT_GO        ? run_options (&v)
               : result == AUT_OPT_EXIT_OK ? ferror (stdout) != 0
                                           : 2;
    aut_options_clear (table);
    aut_config_clear (&config);
    free (v.default_state);
    return code;
}
