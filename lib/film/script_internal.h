/*  What the two readers of scripts share. */
#ifndef AUT_LIB_FILM_SCRIPT_INTERNAL_H
#define AUT_LIB_FILM_SCRIPT_INTERNAL_H

#include "lib/film/script.h"

/*  A line of the text without its line break. What stood in notes and boneyards is not in it. */
typedef struct {
    const char *text;
    uint32_t size, number; /* bytes; from 1 */
} aut_line_t;

typedef struct {
    uint32_t line;
    const char *text;
} aut_script_note_t;

/*  The text's lines, with the notes that were taken out of them. */
typedef struct {
    char *text; /* what the lines point into */
    aut_line_t *items;
    size_t count, cap;
    aut_script_note_t *notes;
    size_t note_count, note_cap;
} aut_lines_t;

/*  Checks the bytes and cuts them into lines: no byte-order mark, line breaks of any kind, with
 *  `marks` also no boneyards and notes (a line of which nothing else is left is left out). Notes'
 *  texts are in `arena`. */
int aut_lines_read (aut_lines_t *out, aut_arena_t *arena, const char *data, size_t size,
                    bool marks);
void aut_lines_clear (aut_lines_t *self);

aut_script_t *aut_script_new (void);
/*  Adds an element, with the text of `size` bytes less emphasis and less space at its ends. The
 *  pointer lives until the next one is added. */
aut_script_element_t *aut_script_add (aut_script_t *self, aut_script_kind_t kind, uint32_t line,
                                      const char *text, size_t size);
/*  AUT_ERR_INVALID when a line is longer than `most` bytes. */
int aut_script_check_line (const aut_line_t *line, size_t most, const char *what);

/*  A copy without space at its ends and without marks of emphasis; a line's end ends every pair.
 *  A mark after a backslash is a letter. */
char *aut_script_plain (aut_arena_t *arena, const char *text, size_t size);

/*  Moves `text` and `size` past spaces and tabs at both ends. */
void aut_trim (const char **text, size_t *size);

/*  Whether a line opens a scene by its first word: INT, EXT, EST, INT./EXT, INT/EXT, I/E. */
bool aut_is_slugline (const char *text, size_t size);

#endif
