/*  The command line of a program or command, from one table: parsing, --help, --version and
 *  messages that name the option, what it wants and the nearest known name.
 *  GNU rules: --name VALUE, --name=VALUE, "--" ends options; operands may stand anywhere.
 *
 *  A program with `config` in its info can be told everything in three ways: by the option, by the
 *  variable AUTEUR_NAME, and in a settings file (lib/core/config.h), where an option is stronger
 *  than a variable, and that is stronger than the file. It gets the options --config FILE and
 *  --print-config by it.
 */
#ifndef AUT_LIB_CORE_OPTIONS_H
#define AUT_LIB_CORE_OPTIONS_H

#include "lib/core/config.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum {
    AUT_OPT_FLAG,
    AUT_OPT_STRING,
    AUT_OPT_INT,
    AUT_OPT_NUMBER,
    AUT_OPT_LIST
} aut_opt_kind_t;

/*  AUT_OPT_LIST collects every occurrence. */
typedef struct {
    const char **items;
    size_t count;
} aut_opt_list_t;

typedef struct {
    const char *name; /* without dashes; NULL ends the table */
    char letter;      /* short form or 0 */
    aut_opt_kind_t kind;
    void *value; /* bool, const char *, int64_t, double or aut_opt_list_t, preset to the default */
    const char *arg;  /* the value's name in --help, "DIR" */
    const char *help; /* one sentence, with the default */
    const char *env;  /* environment variable read when the option is absent, or NULL */
    int64_t min, max; /* for INT and NUMBER; both 0 = no bound */
} aut_opt_t;

typedef struct {
    const char *program; /* "auteur render" */
    const char *usage;   /* "STORYBOARD [-o FILM]" */
    const char *about;   /* what it does, a paragraph or more with examples */
    size_t min_operands, max_operands;
    /*  Settings by file and variable as well: NULL for none, else empty. It owns what values from
     *  there point to: aut_config_clear it when they are no longer used. */
    aut_config_t *config;
    const char *const *only_here; /* names that are no settings ("backup"), NULL at the end, or
                                   * NULL: only the command line may have them */
    /*  Fills in defaults that depend on other settings, before --print-config shows them, or NULL.
     */
    void (*resolve) (void *ctx);
    void *ctx;
} aut_opt_info_t;

typedef enum { AUT_OPT_GO = 0, AUT_OPT_EXIT_OK = 1, AUT_OPT_EXIT_USAGE = 2 } aut_opt_result_t;

/*  Parses argv[1…], then variables, then the settings file. `operands` receives at most
 *  max_operands pointers into argv. --help, --version and --print-config (as JSON where the table
 *  has --json and it is given) print on stdout and give AUT_OPT_EXIT_OK; a mistake is told on
 *  stderr and gives AUT_OPT_EXIT_USAGE. A settings file named "-PATH" may be absent. */
aut_opt_result_t aut_options_parse (const aut_opt_info_t *info, const aut_opt_t *table, int argc,
                                    char **argv, const char **operands, size_t *operand_count);

/*  Frees the arrays of AUT_OPT_LIST values. */
void aut_options_clear (const aut_opt_t *table);

/*  "16G": a number of bytes, or one with K, M, G or T (powers of 1024) and perhaps a B after it.
 *  AUT_ERR_INVALID names `option` ("--cache-size"). */
int aut_options_bytes (uint64_t *out, const char *option, const char *text);

/*  The name in `names` (NULL-terminated) nearest to `text` by edit distance, or NULL if none is
 *  near (more than a third of the letters differ). */
const char *aut_nearest (const char *text, const char *const *names);

#endif
