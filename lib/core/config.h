/*  Settings files. A file has a setting a line, under the names of the program's options:
 *
 *      # a comment
 *      bind = 0.0.0.0
 *      models = "/srv/models #2"      # quoted where blanks or a # belong to the value
 *
 *  A file whose first character is '{' is a JSON object of the same names instead. This file knows
 *  no names: lib/core/options.h does, and says which setting is wrong in which line.
 */
#ifndef AUT_LIB_CORE_CONFIG_H
#define AUT_LIB_CORE_CONFIG_H

#include <stddef.h>

typedef struct {
    char *name, *value;
    int line; /* from 1 */
} aut_config_entry_t;

/*  What was read; zero-initialise it. Values live until aut_config_clear. */
typedef struct {
    char *path; /* NULL: there is no file */
    aut_config_entry_t *entries;
    size_t count, cap;
} aut_config_t;

/*  Reads the settings in `size` bytes of `text`. `path` names them in errors and in the result.
 *  AUT_ERR_INVALID says "PATH:LINE: what is wrong". Clear `out` whatever comes back. */
int aut_config_parse (aut_config_t *out, const char *path, const char *text, size_t size);

/*  As above, from a file of at most 64 KiB. */
int aut_config_load (aut_config_t *out, const char *path);

/*  Adds an entry of another origin (a list from the environment), so that its text lives as long;
 *  gives the copy of `value`. */
const char *aut_config_keep (aut_config_t *self, const char *name, const char *value, size_t size,
                             int line);

void aut_config_clear (aut_config_t *self);

#endif
