/*  Shared by options.c, which parses, and options_print.c, which shows; nobody else includes it. */
#ifndef AUT_LIB_CORE_OPTIONS_INTERNAL_H
#define AUT_LIB_CORE_OPTIONS_INTERNAL_H

#include "lib/core/options.h"

/*  Where a value is from; a greater one is stronger. */
typedef enum { AUT_FROM_DEFAULT, AUT_FROM_FILE, AUT_FROM_ENVIRONMENT, AUT_FROM_FLAG } aut_from_t;

typedef struct {
    aut_from_t from;
    int line; /* of the file */
} aut_origin_t;

#define AUT_VARIABLE_SIZE 96

/*  The variable that an option is read from: its own, else AUTEUR_NAME where there are settings;
 *  "" for none. */
void aut_option_variable (const aut_opt_info_t *info, const aut_opt_t *opt,
                          char out[AUT_VARIABLE_SIZE]);

/*  Whether only the command line may have it. */
bool aut_option_only_here (const aut_opt_info_t *info, const char *name);

void aut_options_print_help (const aut_opt_info_t *info, const aut_opt_t *table);

/*  What is in force, and why: as a settings file, or as JSON. `origins` has an item for each row of
 *  the table. */
void aut_options_print_config (const aut_opt_info_t *info, const aut_opt_t *table,
                               const aut_origin_t *origins, bool json);

#endif
