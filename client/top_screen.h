/*  A page of text for a terminal, made without one: a grid of character cells with styles. What is
 *  put on it is clipped by display width, and nothing from outside can reach the terminal as a
 *  control character: all text passes aut_screen_put. The caller has set LC_CTYPE; where that is no
 *  UTF-8, what is not ASCII becomes '?'.
 */
#ifndef AUT_CLIENT_TOP_SCREEN_H
#define AUT_CLIENT_TOP_SCREEN_H

#include <stdbool.h>
#include <stdint.h>

#define AUT_SCREEN_MAX_WIDTH 500
#define AUT_SCREEN_MAX_HEIGHT 200

typedef enum {
    AUT_STYLE_PLAIN,
    AUT_STYLE_TITLE, /* of a section, and column heads */
    AUT_STYLE_DIM,
    AUT_STYLE_GOOD, /* done, online */
    AUT_STYLE_BUSY, /* runs */
    AUT_STYLE_WARN, /* waits, drains, a question */
    AUT_STYLE_BAD,  /* failed, lost */
    AUT_STYLES
} aut_style_t;

/*  One column. A wide character has width 2 and the cell after it width 0. */
typedef struct {
    char text[20]; /* UTF-8, terminated: a character and what combines with it */
    uint8_t width, style;
    bool reverse;
} aut_cell_t;

typedef struct {
    int width, height;
    bool ascii; /* the locale has no block characters */
    aut_cell_t *cells;
} aut_screen_t;

/*  Makes the page blank, at the size given or the nearest that is possible (20 × 6 to the bounds
 *  above). Zero-initialise before the first call; aut_screen_clear frees. */
void aut_screen_reset (aut_screen_t *self, int width, int height);
void aut_screen_clear (aut_screen_t *self);

/*  Puts `text` at a place, at most `width` columns of it (what is cut ends in "…"), and gives the
 *  columns used. Outside the page it does nothing. */
int aut_screen_put (aut_screen_t *self, int row, int col, int width, aut_style_t style,
                    const char *text);

/*  The same with its end at column `col` + `width`. */
void aut_screen_put_right (aut_screen_t *self, int row, int col, int width, aut_style_t style,
                           const char *text);

/*  Columns that a text takes, not clipped. */
int aut_screen_width (const char *text);

/*  A bar of `width` columns, `part` (0…1) of it full. */
void aut_screen_bar (aut_screen_t *self, int row, int col, int width, aut_style_t style,
                     double part);

/*  Swaps the colours of a whole row: what is selected. */
void aut_screen_select (aut_screen_t *self, int row);

/*  The page as text, a line for each row without the blanks at its end; the caller frees it. */
char *aut_screen_text (const aut_screen_t *self);

#endif
