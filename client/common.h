/*  What every command shares: the options on cluster, folders and output, and small habits of
 *  telling errors.
 */
#ifndef AUT_CLIENT_COMMON_H
#define AUT_CLIENT_COMMON_H

#include "lib/core/options.h"

#include <jansson.h>
#include <stdbool.h>

typedef struct {
    const char *broker;    /* --broker, NULL = none */
    const char *endpoints; /* --endpoints FILE, NULL = none */
    const char *state;     /* --state DIR, NULL = the default of a local render */
    const char *models;    /* --models DIR[:DIR…] */
    const char *keys;
    const char *log_level, *log_format;
    double timeout; /* seconds, < 0 = without limit */
    bool insecure, no_color, json;
} aut_common_t;

#define AUT_COMMON_DEFAULTS                                                                        \
    {                                                                                              \
        .log_level = "warn", .log_format = "text", .timeout = -1                                   \
    }

/*  Rows for an option table. `c` is an aut_common_t. */
#define AUT_OPTIONS_CLUSTER(c)                                                                     \
    {"broker",                                                                                     \
     0,                                                                                            \
     AUT_OPT_STRING,                                                                               \
     &(c).broker,                                                                                  \
     "HOST[:PORT]",                                                                                \
     "the cluster's broker; PORT is the client socket's (7700), the others follow",                \
     "AUTEUR_BROKER",                                                                              \
     0,                                                                                            \
     0},                                                                                           \
        {"endpoints",    0,      AUT_OPT_STRING,                                                   \
         &(c).endpoints, "FILE", "a broker's endpoints.json, instead of --broker",                 \
         NULL,           0,      0},                                                               \
        {"keys",        0,     AUT_OPT_STRING,                                                     \
         &(c).keys,     "DIR", "this machine's keys ($XDG_CONFIG_HOME/auteur/keys)",               \
         "AUTEUR_KEYS", 0,     0},                                                                 \
        {"insecure",    0,    AUT_OPT_FLAG,                                                        \
         &(c).insecure, NULL, "connect without keys, also to another machine",                     \
         NULL,          0,    0},                                                                  \
    {                                                                                              \
        "timeout", 0, AUT_OPT_NUMBER, &(c).timeout, "SECONDS",                                     \
            "give up waiting for the broker after so long (default: never, once reached)", NULL,   \
            -1, 1000000000                                                                         \
    }
#define AUT_OPTIONS_STATE(c)                                                                       \
    {                                                                                              \
        "state", 0, AUT_OPT_STRING, &(c).state, "DIR",                                             \
            "where work without a broker is kept (default $XDG_STATE_HOME/auteur/local)",          \
            "AUTEUR_STATE", 0, 0                                                                   \
    }
#define AUT_OPTIONS_MODELS(c)                                                                      \
    {                                                                                              \
        "models", 0, AUT_OPT_STRING, &(c).models, "DIR[:DIR...]",                                  \
            "look for models here first, before the shipped ones", "AUTEUR_MODELS", 0, 0           \
    }
#define AUT_OPTIONS_OUTPUT(c)                                                                      \
    {"json", 0, AUT_OPT_FLAG, &(c).json, NULL, "print the result as JSON", NULL, 0, 0},            \
        {"no-color", 0, AUT_OPT_FLAG, &(c).no_color, NULL, "no colour", NULL, 0, 0},               \
        {"log-level",    0,       AUT_OPT_STRING,                                                  \
         &(c).log_level, "LEVEL", "debug, info, warn or error, on stderr (default warn)",          \
         NULL,           0,       0},                                                              \
    {                                                                                              \
        "log-format", 0, AUT_OPT_STRING, &(c).log_format, "FORMAT", "text or json (default text)", \
            NULL, 0, 0                                                                             \
    }
#define AUT_OPTIONS_END                                                                            \
    {                                                                                              \
        NULL, 0, AUT_OPT_FLAG, NULL, NULL, NULL, NULL, 0, 0                                        \
    }

/*  Parses a command's line. Gives -1 to go on, else the exit code to return at once. `operands`
 *  has room for info->max_operands. Applies the log options. */
int aut_common_parse (const aut_opt_info_t *info, const aut_opt_t *table,
                      const aut_common_t *common, int argc, char **argv, const char **operands,
                      size_t *count);

/*  Whether --broker or --endpoints names a cluster. */
bool aut_common_has_cluster (const aut_common_t *common);

/*  Where local state is: --state or the default. The caller frees it. */
char *aut_common_state (const aut_common_t *common);

/*  Says "auteur: CONTEXT: <the thread's error>" and gives the exit code that fits `code`. */
int aut_common_fail (int code, const char *format, ...) __attribute__ ((format (printf, 2, 3)));

/*  Writes a file that must not exist yet; AUT_ERR_INVALID if it does or cannot be made. */
int aut_common_write_new (const char *path, const void *data, size_t size);

/*  Prints a JSON value on stdout, in one line, and releases it. */
void aut_common_print_json (json_t *value);

#endif
