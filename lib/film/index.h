/*  models/index.json: which model artifacts exist, with their hashes and where they come from. The
 *  same rules as models/schema.json, told with line and column, and those that a schema cannot say.
 *  Pure; any thread.
 */
#ifndef AUT_LIB_FILM_INDEX_H
#define AUT_LIB_FILM_INDEX_H

#include "lib/film/diag.h"

#include <stdbool.h>
#include <stddef.h>

/*  What stands in place of a value that is not there yet begins with this. */
#define AUT_INDEX_STUB "TODO-STUB-"

/*  Checks the text of an index, adding every fault to `diags` (sorted on return). Unknown keys are
 *  kept and no fault. A placeholder is a warning, or with `deploy` an error: what is deployed has
 *  none. 0 or AUT_ERR_INVALID. */
int aut_index_check (aut_diags_t *diags, const char *data, size_t size, bool deploy);

#endif
