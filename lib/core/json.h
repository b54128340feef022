/*  Small helpers on jansson: typed reads with a clear error, and the canonical form.
 *  For JSON whose positions matter (storyboards) see lib/film.
 */
#ifndef AUT_LIB_CORE_JSON_H
#define AUT_LIB_CORE_JSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*  Parses `size` bytes strictly: duplicate keys, NUL, trailing text and depth > 64 are refused.
 *  `what` names the source in the error. The caller decrefs. */
int aut_json_parse (json_t **out, const char *data, size_t size, const char *what);
/*  As above, from a file of at most `max` bytes. */
int aut_json_load (json_t **out, const char *path, size_t max);

/*  Typed reads of `object[key]`: 0, AUT_ERR_NOT_FOUND when absent or null, AUT_ERR_INVALID for
 *  another type. Strings are borrowed from the object. */
int aut_json_string (const json_t *object, const char *key, const char **out);
int aut_json_int (const json_t *object, const char *key, int64_t *out);
int aut_json_number (const json_t *object, const char *key, double *out);
int aut_json_bool (const json_t *object, const char *key, bool *out);

/*  Canonical text: keys sorted, no spaces, UTF-8 as it is; the same bytes in every locale. The
 *  caller frees. Integers and strings only where bytes matter. */
char *aut_json_canonical (const json_t *value, size_t *size);

#endif
