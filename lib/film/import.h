/*  A script → a storyboard, by fixed rules (docs/import.md): what a person would do first by hand.
 *  The same script gives the same bytes, and what comes out passes the check of storyboards.
 *  Linear time but for the sorting of names. Pure.
 */
#ifndef AUT_LIB_FILM_IMPORT_H
#define AUT_LIB_FILM_IMPORT_H

#include "lib/core/buffer.h"
#include "lib/film/rational.h"
#include "lib/film/script.h"

#define AUT_IMPORT_MAX_SHOTS 20000
#define AUT_IMPORT_MAX_NAMES 5000 /* of characters, and of locations */

typedef struct {
    const char *name; /* the file's, without folder and ending: names a project without a title */
    const char *form; /* "fountain" or "text", told under x */
    const char *tier; /* one of aut_tiers */
    aut_decimal_t fps;
    bool slugs; /* every heading is a place, as in Fountain; else only those with INT. or EXT. */
} aut_import_options_t;

typedef struct {
    size_t scenes, shots, characters, locations;
    double seconds;        /* the shots' */
    aut_buffer_t warnings; /* a line each, ended by a line break */
} aut_import_report_t;

/*  Appends the storyboard to `out`. AUT_ERR_INVALID when there is nothing to film, or more than
 *  fits. The report's buffer is the caller's to clear, also after an error. */
int aut_import_script (aut_buffer_t *out, aut_import_report_t *report, const aut_script_t *script,
                       const aut_import_options_t *options);

/*  [a-z0-9-] of at most 48 bytes from a name, accents taken off; "" when nothing is left. For
 *  projects and ids; the caller frees it. */
char *aut_import_slug (const char *text);

#endif
