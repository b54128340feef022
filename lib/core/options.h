/*  The command line of a program or command, from one table: parsing, --help, --version and
 *  messages that name the option, what it wants and the nearest known name.
 *  GNU rules: --name VALUE, --name=VALUE, "--" ends options; operands may stand anywhere.
 */
#ifndef AUT_LIB_CORE_OPTIONS_H
#define AUT_LIB_CORE_OPTIONS_H

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
} aut_opt_info_t;

typedef enum { AUT_OPT_GO = 0, AUT_OPT_EXIT_OK = 1, AUT_OPT_EXIT_USAGE = 2 } aut_opt_result_t;

/*  Parses argv[1…]. `operands` receives at most max_operands pointers into argv. --help and
 *  --version print on stdout and give AUT_OPT_EXIT_OK; a mistake is told on stderr and gives
 *  AUT_OPT_EXIT_USAGE. */
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
