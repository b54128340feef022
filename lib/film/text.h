/*  Fast pieces of JSON text, the same in every locale. Canonical as aut_json_canonical writes them.
 */
#ifndef AUT_LIB_FILM_TEXT_H
#define AUT_LIB_FILM_TEXT_H

#include "lib/core/buffer.h"
#include "lib/core/hash.h"
#include "lib/film/rational.h"

void aut_put_text (aut_buffer_t *out, const char *text);
void aut_put_integer (aut_buffer_t *out, uint64_t value);
void aut_put_decimal (aut_buffer_t *out, aut_decimal_t value);
/*  A JSON string with its quotes; `text` is valid UTF-8. */
void aut_put_string (aut_buffer_t *out, const char *text);
/*  64 hex digits in quotes. */
void aut_put_hash (aut_buffer_t *out, const aut_hash_t *hash);
/*  "key": before a value; keys need no escapes. */
void aut_put_key (aut_buffer_t *out, const char *key);

#endif
