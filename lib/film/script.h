/*  A screenplay as a list of elements, read from Fountain (fountain.io/syntax) or from plain text.
 *
 *  Reading is one pass over bounded memory, in linear time for any input; what is not valid UTF-8
 *  is refused with its line. A script is immutable once read and owns all of its texts.
 */
#ifndef AUT_LIB_FILM_SCRIPT_H
#define AUT_LIB_FILM_SCRIPT_H

#include "lib/film/arena.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AUT_SCRIPT_MAX_BYTES (4u << 20)
#define AUT_SCRIPT_MAX_CUE 100   /* bytes of a character's or a transition's line */
#define AUT_SCRIPT_MAX_LINE 2000 /* bytes of a heading, section, synopsis or centred line */
#define AUT_SCRIPT_MAX_NOTE 16000

typedef enum {
    AUT_SCRIPT_HEADING, /* number */
    AUT_SCRIPT_ACTION,  /* a paragraph, its line breaks kept */
    AUT_SCRIPT_CUE,     /* who speaks what follows; extension, dual */
    AUT_SCRIPT_PARENTHETICAL,
    AUT_SCRIPT_DIALOGUE, /* a line of a speech */
    AUT_SCRIPT_LYRICS,
    AUT_SCRIPT_TRANSITION,
    AUT_SCRIPT_CENTRED,
    AUT_SCRIPT_SECTION, /* depth */
    AUT_SCRIPT_SYNOPSIS,
    AUT_SCRIPT_NOTE,
    AUT_SCRIPT_PAGE_BREAK
} aut_script_kind_t;

/*  Texts are without marks of emphasis, markers (. ! @ ~ > < # = ^) and indentation; never NULL but
 *  for the last two. */
typedef struct {
    aut_script_kind_t kind;
    uint32_t line;  /* from 1 */
    uint32_t depth; /* of a section, from 1 */
    bool forced;    /* by a marker */
    bool dual;      /* this cue's speech is at the same time as the one before */
    bool spoken;    /* lyrics that belong to a cue */
    const char *text;
    const char *number;    /* of a scene, or NULL */
    const char *extension; /* of a cue, "V.O.", several joined by ", "; or NULL */
} aut_script_element_t;

typedef struct {
    const char *key, *value; /* lines of a value joined by line breaks */
    uint32_t line;
} aut_script_title_t;

typedef struct {
    aut_arena_t *arena;
    aut_script_title_t *titles; /* the title page */
    size_t title_count, title_cap;
    aut_script_element_t *elements;
    size_t count, cap;
} aut_script_t;

/*  0, or AUT_ERR_INVALID (not UTF-8, NUL, a heading that is too long, with the line named) or
 *  AUT_ERR_TOO_LARGE. `data` is not kept. The caller destroys the script. Pure. */
int aut_fountain_read (aut_script_t **out, const char *data, size_t size);

/*  Plain text: a paragraph is an action, a line with # before it, one that is underlined with ===
 * or
 *  ---, or one in capitals alone, is a heading. A first heading of level 1 that others follow is
 *  the title. Errors as above. Pure. */
int aut_plain_read (aut_script_t **out, const char *data, size_t size);

/*  Whether a text looks like Fountain: it has a title page, or scene headings and speeches. */
bool aut_fountain_looks_like (const char *data, size_t size);

void aut_script_destroy (aut_script_t **self_p);

#endif
