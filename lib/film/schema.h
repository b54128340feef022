/*  A table as a JSON Schema (draft-07, the newest that editors read whole), for `auteur schema`. */
#ifndef AUT_LIB_FILM_SCHEMA_H
#define AUT_LIB_FILM_SCHEMA_H

#include "lib/film/table.h"

#include <jansson.h>

/*  The schema of documents that aut_table_read accepts, made from what it reads by; a document that
 *  it refuses for structure (keys, kinds, bounds, patterns, rules between members) the schema
 * refuses too. Bounds in bytes become the same number of characters. What a table does not say (ids
 * that must be unique, files that must be there) a schema cannot either. The caller decrefs. */
json_t *aut_schema_new (const aut_table_t *table, const char *title);

#endif
