/*  Diagnostics: everything that is wrong with a document, each with its place, so that a user can
 *  mend all of it at once. A list belongs to one thread at a time.
 */
#ifndef AUT_LIB_FILM_DIAG_H
#define AUT_LIB_FILM_DIAG_H

#include "lib/core/buffer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*  More errors than this are counted, not kept. */
#define AUT_DIAGS_MAX 100000

typedef struct {
    bool warning;
    uint32_t line, column; /* from 1; columns count characters (code points), not bytes */
    uint32_t offset;       /* in bytes from the start of the text */
    uint32_t order;        /* in which it was found */
    char *path;            /* "scenes[0].shots[1].duration", "$" for the whole document */
    char *message;
    char *hint; /* or NULL */
} aut_diag_t;

typedef struct {
    char *file; /* as the user named it */
    aut_diag_t *items;
    size_t count, cap;
    uint64_t hint_budget;    /* what searching near names may still cost, see aut_nearest_hint */
    size_t errors, warnings; /* all that were found, also those beyond AUT_DIAGS_MAX */
} aut_diags_t;

/*  Prepares an empty list for `file` (copied). */
void aut_diags_init (aut_diags_t *self, const char *file);
void aut_diags_clear (aut_diags_t *self);

/*  Adds one; takes ownership of `path`, `message` and `hint` (heap strings; hint may be NULL). */
void aut_diags_add (aut_diags_t *self, bool warning, uint32_t offset, uint32_t line,
                    uint32_t column, char *path, char *message, char *hint);

/*  Sorts by place in the text; equal places keep their order. */
void aut_diags_sort (aut_diags_t *self);

/*  Appends "F:LINE:COL: PATH: message (hint)\n" for every error (or, with `warnings`, for every
 *  warning, "warning: " before the message). Control characters are escaped. */
void aut_diags_text (const aut_diags_t *self, bool warnings, aut_buffer_t *out);

/*  Appends {"valid":bool,"errors":[{"file","line","column","path","message","hint"}]}, no newline;
 *  a missing hint is null. Warnings are not in it. */
void aut_diags_json (const aut_diags_t *self, aut_buffer_t *out);

#endif
