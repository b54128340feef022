/*  JSON with positions: a strict reader that keeps for every key and value where it stands, and
 *  every number as its text. Strict means: UTF-8, one value, nothing after it, no duplicate keys,
 *  no NUL, NaN or Infinity, no lone surrogates. A byte-order mark and CRLF are fine. One pass,
 *  linear time, everything bounded. A document is immutable once read: any thread may use it.
 */
#ifndef AUT_LIB_FILM_SOURCE_H
#define AUT_LIB_FILM_SOURCE_H

#include "lib/film/diag.h"
#include "lib/film/rational.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AUT_SOURCE_MAX_BYTES (32u << 20)
#define AUT_SOURCE_MAX_DEPTH 64
#define AUT_SOURCE_MAX_STRING (64u << 10) /* bytes of a string or key after unescaping */

typedef enum {
    AUT_NODE_NULL,
    AUT_NODE_BOOL,
    AUT_NODE_NUMBER,
    AUT_NODE_STRING,
    AUT_NODE_ARRAY,
    AUT_NODE_OBJECT
} aut_node_kind_t;

typedef struct aut_node aut_node_t;
struct aut_node {
    aut_node_kind_t kind;
    bool faulty;         /* a string with a fault that has been named: nothing more is said of it */
    uint32_t offset;     /* of the value in the text */
    uint32_t key_offset; /* of its key, when its parent is an object */
    uint32_t index;      /* among its siblings, from 0 */
    const char *key;     /* NULL in an array */
    const char *text;    /* string: unescaped; number: as written; bool: "true" or "false" */
    uint32_t size;       /* bytes of `text`; members of an array or object */
    const aut_node_t *parent, *first, *next;
};

typedef struct aut_source aut_source_t;

/*  Reads `size` bytes. Faults go to `diags` with the path where they are. A fault of syntax ends
 *  the reading; others (a duplicate key, a bad escape, an overlong string) do not. 0, or
 *  AUT_ERR_INVALID when there was any; `*out` is NULL only after a fault of syntax, otherwise the
 *  document (the second of two equal keys left out), which the caller destroys. */
int aut_source_parse (aut_source_t **out, aut_diags_t *diags, const char *data, size_t size);
/*  The same with another bound on strings, for texts that lib/film wrote itself. */
int aut_source_parse_long (aut_source_t **out, aut_diags_t *diags, const char *data, size_t size,
                           size_t max_string);
void aut_source_destroy (aut_source_t **self_p);

const aut_node_t *aut_source_root (const aut_source_t *self);

/*  The member of an object, or NULL. */
const aut_node_t *aut_node_get (const aut_node_t *object, const char *key);
bool aut_node_bool (const aut_node_t *node);
/*  As aut_decimal_parse, for a number node. */
int aut_node_decimal (const aut_node_t *node, aut_decimal_t *out);

/*  Line and column, both from 1, of a byte offset. */
void aut_source_place (const aut_source_t *self, uint32_t offset, uint32_t *line, uint32_t *column);

/*  The path of a node ("scenes[0].shots[1]"), with ".key" added when `key` is not NULL; the caller
 *  frees it. */
char *aut_node_path (const aut_node_t *node, const char *key);

/*  Adds a diagnostic about a value; about one of its keys (also one that is missing: then at the
 *  object); `at_key` puts it at the node's key. `hint` is taken (heap string or NULL). */
void aut_source_error (const aut_source_t *self, aut_diags_t *diags, const aut_node_t *node,
                       char *hint, const char *format, ...) __attribute__ ((format (printf, 5, 6)));
void aut_source_error_key (const aut_source_t *self, aut_diags_t *diags, const aut_node_t *node,
                           char *hint, const char *format, ...)
    __attribute__ ((format (printf, 5, 6)));
void aut_source_error_member (const aut_source_t *self, aut_diags_t *diags,
                              const aut_node_t *object, const char *key, char *hint,
                              const char *format, ...) __attribute__ ((format (printf, 6, 7)));
void aut_source_warn (const aut_source_t *self, aut_diags_t *diags, const aut_node_t *node,
                      char *hint, const char *format, ...) __attribute__ ((format (printf, 5, 6)));
void aut_source_warn_member (const aut_source_t *self, aut_diags_t *diags, const aut_node_t *object,
                             const char *key, char *hint, const char *format, ...)
    __attribute__ ((format (printf, 6, 7)));

#endif
