/*  A format described by tables: key, kind, bounds and meaning of every member. One table drives
 *  the check of a document, the reading into structs, and the printing of a JSON Schema.
 */
#ifndef AUT_LIB_FILM_TABLE_H
#define AUT_LIB_FILM_TABLE_H

#include "lib/film/arena.h"
#include "lib/film/source.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum {
    AUT_FIELD_STRING,  /* const char *, NULL when absent */
    AUT_FIELD_INTEGER, /* aut_decimal_t with scale 0 */
    AUT_FIELD_NUMBER,  /* aut_decimal_t */
    AUT_FIELD_BOOL,    /* int: -1 absent, 0, 1 */
    AUT_FIELD_ENUM,    /* int: -1 absent, else the index in `names` */
    AUT_FIELD_OBJECT,  /* the struct of `table` in place; its node is NULL when absent */
    AUT_FIELD_LIST,    /* aut_list_t of `table` structs */
    AUT_FIELD_STRINGS, /* aut_list_t of const char * */
    AUT_FIELD_FLAGS,   /* aut_flags_t: true (all of `names`), false, or a list of some */
    AUT_FIELD_NODE     /* const aut_node_t *: any value, looked at by hand; NULL when absent */
} aut_field_kind_t;

typedef enum {
    AUT_PATTERN_NONE,
    AUT_PATTERN_TEXT,    /* not empty nor only white space */
    AUT_PATTERN_PROJECT, /* [a-z0-9][a-z0-9-]{0,62} */
    AUT_PATTERN_ID,      /* [A-Za-z0-9][A-Za-z0-9._-]{0,62} */
    AUT_PATTERN_PATH,    /* a relative path that names something below its folder */
    AUT_PATTERN_HASH     /* sha256:<64 hex> */
} aut_pattern_t;

typedef struct {
    void *items;
    size_t count;
} aut_list_t;

typedef struct {
    bool set;      /* it was written */
    unsigned bits; /* 1 << the index in `names` */
} aut_flags_t;

struct aut_table;

typedef struct {
    const char *key;
    aut_field_kind_t kind;
    size_t offset; /* in the table's struct */
    bool required;
    bool above_min;   /* NUMBER: strictly above min */
    bool even;        /* INTEGER */
    bool nullable;    /* null counts as absent */
    int64_t min, max; /* INTEGER and NUMBER, when max > min */
    size_t limit;     /* most items of a list, most bytes of a string; 0: the document's bound */
    aut_pattern_t pattern;
    const char *const *names;      /* ENUM, FLAGS: values, NULL-terminated */
    const struct aut_table *table; /* OBJECT, LIST */
    const char *doc;               /* meaning, one sentence */
    const char *fallback;          /* the default, in words */
} aut_field_t;

/*  What must hold between members of an object. */
typedef enum {
    AUT_RULE_ONE_OF,   /* exactly one of `key` and `other` is there */
    AUT_RULE_NOT_WITH, /* `key` does not go with `other` */
    AUT_RULE_UNLESS,   /* the number `key` is there and above 0; but absent or 0 where the
                          enumeration `other` is `value` */
    AUT_RULE_SOME      /* some object in the list `key` has something in its list `other` */
} aut_rule_kind_t;

typedef struct {
    aut_rule_kind_t kind;
    const char *key, *other;
    const char *value; /* UNLESS; of SOME, what is told to be needed */
} aut_rule_t;

/*  Every struct starts with `const aut_node_t *node`. */
typedef struct aut_table {
    const char *name;
    size_t size; /* of the struct */
    bool open;   /* unknown keys are allowed (manifests); else they are errors, but for "x" */
    const aut_field_t *fields;
    size_t count;
    const aut_rule_t *rules; /* told of beside the fields' own faults */
    size_t rule_count;
} aut_table_t;

/*  Checks `node` against the table and fills `out` (of table->size bytes); every fault goes to
 *  `diags`, and what is faulty is left absent. Strings are borrowed from the source. */
void aut_table_read (const aut_table_t *table, const aut_source_t *source, aut_diags_t *diags,
                     aut_arena_t *arena, const aut_node_t *node, void *out);

/*  "did you mean "NAME"?" on the heap for the nearest of `count` names (`stride` bytes apart, each
 *  starting with a const char *), or NULL. Spends from `budget` (cells of the edit distance), so
 *  that many faults in a large document stay linear; NULL: no bound. */
char *aut_nearest_hint (const char *text, const void *names, size_t count, size_t stride,
                        uint64_t *budget);

#endif
