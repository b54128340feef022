#include "client/top_curses.h"
#include "client/top.h"
#include "lib/core/error.h"
#include "lib/core/mem.h"

#include <curses.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct aut_curses {
    SCREEN *terminal;
    attr_t styles[AUT_STYLES];
};

static void choose_styles (aut_curses_t *self, bool color)
{
    static const short colors[AUT_STYLES] = {[AUT_STYLE_GOOD] = COLOR_GREEN,
                                             [AUT_STYLE_BUSY] = COLOR_CYAN,
                                             [AUT_STYLE_WARN] = COLOR_YELLOW,
                                             [AUT_STYLE_BAD] = COLOR_RED};
    self->styles[AUT_STYLE_TITLE] = A_BOLD;
    self->styles[AUT_STYLE_DIM] = A_DIM;
    self->styles[AUT_STYLE_BAD] = A_BOLD;
    if (!color || !has_colors () || start_color () == ERR || use_default_colors () == ERR)
        return;
    for (short i = 0; i < (short)AUT_STYLES; i++)
        if (colors[i]) {
            init_pair (i, colors[i], -1);
            self->styles[i] |= (attr_t)COLOR_PAIR (i);
        }
}

int aut_curses_open (aut_curses_t **out, bool color)
{
    *out = NULL;
    const char *kind = getenv ("TERM");
    if (!isatty (STDIN_FILENO) || !isatty (STDOUT_FILENO) || !kind || !*kind)
        return aut_fail (AUT_ERR_UNSUPPORTED, "this is no terminal");
    set_escdelay (25);
    SCREEN *terminal = newterm (NULL, stdout, stdin);
    if (!terminal)
        return aut_fail (AUT_ERR_UNSUPPORTED, "nothing is known of a terminal of the kind '%s'",
                         kind);
    aut_curses_t *self = aut_calloc (1, sizeof *self);
    self->terminal = terminal;
    cbreak (); /* Ctrl-C and Ctrl-Z stay signals */
    noecho ();
    nonl ();
    keypad (stdscr, TRUE);
    curs_set (0);
    choose_styles (self, color);
    *out = self;
    return 0;
}

void aut_curses_close (aut_curses_t **self_p)
{
    aut_curses_t *self = *self_p;
    if (!self)
        return;
    endwin ();
    delscreen (self->terminal);
    free (self);
    *self_p = NULL;
}

void aut_curses_size (const aut_curses_t *self, aut_screen_t *screen)
{
    (void)self;
    aut_screen_reset (screen, COLS, LINES);
}

/*  One run of cells of the same looks; gives the column after it. */
static int paint_run (const aut_curses_t *self, const aut_cell_t *cells, int row, int col,
                      int width)
{
    char text[1024];
    size_t len = 0;
    const aut_cell_t *first = &cells[col];
    int end = col;
    while (end < width && cells[end].style == first->style &&
           cells[end].reverse == first->reverse) {
        size_t more = strlen (cells[end].text);
        if (len + more >= sizeof text)
            break;
        memcpy (text + len, cells[end].text, more);
        len += more;
        end++;
    }
    attr_t look = self->styles[first->style];
    attrset ((int)(first->reverse ? (look & ~A_DIM) | A_REVERSE : look));
    mvaddnstr (row, col, text, (int)len);
    return end;
}

void aut_curses_paint (aut_curses_t *self, const aut_screen_t *screen)
{
    erase ();
    for (int row = 0; row < screen->height && row < LINES; row++) {
        const aut_cell_t *cells = &screen->cells[(size_t)row * (size_t)screen->width];
        for (int col = 0; col < screen->width && col < COLS;)
            col = paint_run (self, cells, row, col, screen->width);
    }
    attrset (A_NORMAL);
    refresh ();
}

static int meaning_of (wint_t key)
{
    switch (key) {
    case KEY_UP:
        return AUT_KEY_UP;
    case KEY_DOWN:
        return AUT_KEY_DOWN;
    case KEY_PPAGE:
        return AUT_KEY_PAGE_UP;
    case KEY_NPAGE:
        return AUT_KEY_PAGE_DOWN;
    case KEY_HOME:
        return AUT_KEY_HOME;
    case KEY_END:
        return AUT_KEY_END;
    case KEY_ENTER:
        return AUT_KEY_ENTER;
    case KEY_BACKSPACE:
    case KEY_DC:
        return AUT_KEY_BACKSPACE;
    case KEY_RESIZE:
        return -2;
    default:
        return -1;
    }
}

int aut_curses_key (aut_curses_t *self, int wait_ms)
{
    (void)self;
    wint_t key = 0;
    timeout (wait_ms);
    int kind = get_wch (&key);
    if (kind == ERR)
        return -1;
    if (kind == KEY_CODE_YES)
        return meaning_of (key);
    if (key == '\r' || key == '\n')
        return AUT_KEY_ENTER;
    return key == 8 ? AUT_KEY_BACKSPACE : (int)key;
}
