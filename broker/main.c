/*  auteur-broker: the command line around broker/broker.h. */
#include "broker/broker.h"

#include "lib/core/epoch.h"
#include "lib/core/error.h"
#include "lib/core/file.h"
#include "lib/core/json.h"
#include "lib/core/log.h"
#include "lib/core/mem.h"
#include "lib/core/options.h"
#include "proto/net.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define LOG "broker"
#define CONFIG_MAX (1 << 20)

typedef struct {
    const char *state, *bind, *http_bind, *config, *backup, *keys, *models, *log_level, *log_format;
    int64_t port, http_port;
    double lease, silent;
    bool insecure, no_color;
} values_t;

#define OPTIONS 16

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
        {"config", 0, AUT_OPT_STRING, &v->config, "FILE",
         "a JSON object of these options' names; the command line wins", NULL, 0, 0},
        {"backup", 0, AUT_OPT_STRING, &v->backup, "DIR",
         "copy the state into the new folder DIR and exit; a broker may be running on it", NULL, 0,
         0},
        {"models", 0, AUT_OPT_STRING, &v->models, "DIR[:DIR...]",
         "folders with model manifests, before the shipped ones", "AUTEUR_MODELS", 0, 0},
        {"http-bind", 0, AUT_OPT_STRING, &v->http_bind, "ADDR",
         "address of HTTP, which knows no keys (--bind; with keys 127.0.0.1)", NULL, 0, 0},
        {"keys", 0, AUT_OPT_STRING, &v->keys, "DIR",
         "keys of this broker and lists of who is allowed; needed on any address but loopback "
         "($XDG_CONFIG_HOME/auteur/keys; auteur keys --help)",
         "AUTEUR_KEYS", 0, 0},
        {"insecure", 0, AUT_OPT_FLAG, &v->insecure, NULL,
         "go without keys: everybody in who can reach the address", NULL, 0, 0},
        {"log-level", 0, AUT_OPT_STRING, &v->log_level, "LEVEL", "debug, info, warn, error (info)",
         NULL, 0, 0},
        {"log-format", 0, AUT_OPT_STRING, &v->log_format, "FORMAT", "text or json (text)", NULL, 0,
         0},
        {"no-color", 0, AUT_OPT_FLAG, &v->no_color, NULL, "no colour (there is none anyway)", NULL,
         0, 0},
        {NULL, 0, AUT_OPT_FLAG, NULL, NULL, NULL, NULL, 0, 0},
    };
    memcpy (table, options, sizeof options);
}

static const aut_opt_info_t info = {
    .program = "auteur-broker",
    .usage = "[OPTION...]",
    .about =
        "Takes storyboards from clients, hands their chunks to nodes and keeps the results.\n"
        "Runs in the foreground; SIGTERM stops it, and it goes on where it was when started\n"
        "again. When it accepts connections it writes STATE/endpoints.json and logs \"ready\".\n"
        "\n"
        "A --config file holds the same names: {\"port\": 7700, \"bind\": \"127.0.0.1\", "
        "\"lease\": 30}",
    .min_operands = 0,
    .max_operands = 0,
};

/* ---- configuration file --------------------------------------------------------------------- */

static int set_option (const aut_opt_t *option, const json_t *value)
{
    if (option->kind == AUT_OPT_FLAG && json_is_boolean (value))
        *(bool *)option->value = json_is_true (value);
    else if (option->kind == AUT_OPT_STRING && json_is_string (value))
        *(const char **)option->value = json_string_value (value);
    else if (option->kind == AUT_OPT_INT && json_is_integer (value))
        *(int64_t *)option->value = json_integer_value (value);
    else if (option->kind == AUT_OPT_NUMBER && json_is_number (value))
        *(double *)option->value = json_number_value (value);
    else
        return aut_fail (AUT_ERR_INVALID, "\"%s\" has a value of the wrong kind", option->name);
    return 0;
}

static int set_named (const aut_opt_t *table, const char *name, const json_t *value)
{
    const char *names[OPTIONS] = {0};
    for (size_t i = 0; table[i].name; i++) {
        if (strcmp (table[i].name, name) == 0)
            return set_option (&table[i], value);
        names[i] = table[i].name;
    }
    const char *near = aut_nearest (name, names);
    return aut_fail (AUT_ERR_INVALID, "\"%s\" is no option%s%s%s", name,
                     near ? ", did you mean \"" : "", near ? near : "", near ? "\"?" : "");
}

/*  The file's strings live as long as `json`, which the caller decrefs. */
static int load_config (const aut_opt_t *table, const char *path, json_t **json)
{
    const char *name;
    json_t *value;
    int rc = aut_json_load (json, path, CONFIG_MAX);
    if (!rc && !json_is_object (*json))
        rc = aut_fail (AUT_ERR_INVALID, "it is no JSON object");
    if (rc)
        return aut_fail_in (rc, "--config %s", path);
    json_object_foreach (*json, name, value)
    {
        rc = set_named (table, name, value);
        if (rc)
            return aut_fail_in (rc, "--config %s", path);
    }
    return 0;
}

static const char *find_config (int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strncmp (argv[i], "--config=", 9) == 0)
            return argv[i] + 9;
        if (strcmp (argv[i], "--config") == 0 && i + 1 < argc)
            return argv[i + 1];
    }
    return NULL;
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

static int run_until_signal (aut_broker_t *broker, sigset_t *set)
{
    const struct timespec beat = {.tv_nsec = 200000000};
    int number;
    do
        number = sigtimedwait (set, NULL, &beat);
    while ((number < 0 || number == SIGHUP) && aut_broker_fault (broker) == 0);
    if (number < 0) {
        aut_log (AUT_LOG_ERROR, LOG, "stopped: %s", aut_error_text (aut_broker_fault (broker)));
        return 1;
    }
    aut_log (AUT_LOG_INFO, LOG, "stopping on signal %d; again to leave at once", number);
    return 0;
}

static int run (const values_t *v)
{
    sigset_t set;
    aut_broker_options_t options;
    aut_broker_t *broker;
    pthread_t impatient;
    set_signals (&set);
    aut_broker_options_init (&options);
    options.state_dir = v->state;
    options.bind = v->bind;
    options.port = (int)v->port;
    options.http_port = (int)v->http_port;
    options.lease_ms = (int64_t)(v->lease * 1000);
    options.silent_ms = (int64_t)(v->silent * 1000);
    options.models = v->models;
    options.keys_dir = v->keys;
    options.http_bind = v->http_bind;
    options.insecure = v->insecure;
    int rc = aut_broker_start (&broker, &options);
    if (rc) {
        fprintf (stderr, "auteur-broker: %s\n", aut_error_detail ());
        return rc == AUT_ERR_INVALID || rc == AUT_ERR_DENIED ? 2 : 1;
    }
    const aut_broker_endpoints_t *e = aut_broker_endpoints (broker);
    aut_log (AUT_LOG_INFO, LOG, "ready: %s, %s, epoch " AUT_EPOCH_TEXT, e->client, e->http,
             AUT_EPOCH_ARGS (e->epoch));
    rc = run_until_signal (broker, &set);
    if (pthread_create (&impatient, NULL, wait_impatient, &set) == 0)
        pthread_detach (impatient);
    aut_broker_stop (&broker, 0);
    return rc;
}

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
    if (rc) {
        fprintf (stderr, "auteur-broker: %s\n", aut_error_detail ());
        return 2;
    }
    char *state = v->state ? NULL : aut_path_state ("broker");
    if (state)
        v->state = state;
    int result;
    if (v->backup) {
        rc = aut_broker_backup (v->state, v->backup);
        result = rc == 0 ? 0 : rc == AUT_ERR_EXISTS || rc == AUT_ERR_NOT_FOUND ? 2 : 1;
        if (rc)
            fprintf (stderr, "auteur-broker: %s\n", aut_error_detail ());
    } else {
        result = run (v);
    }
    free (state);
    return result;
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
                  .lease = 30,
                  .silent = 15,
                  .log_level = "info",
                  .log_format = "text"};
    aut_opt_t table[OPTIONS];
    json_t *config = NULL;
    size_t operands = 0;
    raise_descriptors ();
    fill_table (table, &v);
    const char *path = find_config (argc, argv);
    if (path && load_config (table, path, &config)) {
        fprintf (stderr, "auteur-broker: %s\n", aut_error_detail ());
        json_decref (config);
        return 2;
    }
    aut_opt_result_t result = aut_options_parse (&info, table, argc, argv, NULL, &operands);
    int code = result == AUT_OPT_GO        ? run_options (&v)
               : result == AUT_OPT_EXIT_OK ? ferror (stdout) != 0
                                           : 2;
    aut_options_clear (table);
    json_decref (config);
    return code;
}
