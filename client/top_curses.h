/*  The terminal of the live view: paints pages, reads keys. The only file that knows curses. One
 *  terminal at a time, one thread. LC_CTYPE was set by the caller.
 */
#ifndef AUT_CLIENT_TOP_CURSES_H
#define AUT_CLIENT_TOP_CURSES_H

#include "client/top_screen.h"

typedef struct aut_curses aut_curses_t;

/*  Takes over the terminal at stdin and stdout. AUT_ERR_UNSUPPORTED if there is none, or one that
 *  cannot be painted on. */
int aut_curses_open (aut_curses_t **out, bool color);

/*  Gives the terminal back as it was. Nulls the caller's pointer; NULL is fine. */
void aut_curses_close (aut_curses_t **self_p);

/*  Sets the page's width and height to the terminal's. */
void aut_curses_size (const aut_curses_t *self, aut_screen_t *screen);
void aut_curses_paint (aut_curses_t *self, const aut_screen_t *screen);

/*  The next key within `wait_ms`, as aut_top_key wants it; -1: none, or one without meaning; -2:
 * the terminal has another size now. */
int aut_curses_key (aut_curses_t *self, int wait_ms);

#endif
