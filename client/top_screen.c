#include "client/top_screen.h"
#include "lib/core/buffer.h"
#include "lib/core/mem.h"

#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#define MIN_WIDTH 20
#define MIN_HEIGHT 6

static const aut_cell_t blank = {.text = " ", .width = 1};

static int within (int value, int least, int most)
{
    return value < least ? least : value > most ? most : value;
}

void aut_screen_reset (aut_screen_t *self, int width, int height)
{
    width = within (width, MIN_WIDTH, AUT_SCREEN_MAX_WIDTH);
    height = within (height, MIN_HEIGHT, AUT_SCREEN_MAX_HEIGHT);
    if (!self->cells || width != self->width || height != self->height) {
        free (self->cells);
        self->cells = aut_calloc ((size_t)width * (size_t)height, sizeof *self->cells);
        self->width = width;
        self->height = height;
    }
    self->ascii = wcwidth (0x2588) != 1; /* a full block */
    for (size_t i = 0; i < (size_t)width * (size_t)height; i++)
        self->cells[i] = blank;
}

void aut_screen_clear (aut_screen_t *self)
{
    free (self->cells);
    *self = (aut_screen_t){0};
}

static aut_cell_t *cell_at (const aut_screen_t *self, int row, int col)
{
    return &self->cells[(size_t)row * (size_t)self->width + (size_t)col];
}

/*  The next character of a text without control characters, its length, and its columns here; what
 *  the locale cannot show is '?'. */
static size_t next_character (const char *text, char out[8], int *width)
{
    unsigned code = 0;
    size_t len = aut_utf8_next (text, strlen (text), &code);
    *width = len ? wcwidth ((wchar_t)code) : -1;
    if (*width < 0) {
        memcpy (out, "?", 2);
        *width = 1;
        return len ? len : 1;
    }
    memcpy (out, text, len);
    out[len] = 0;
    return len;
}

static int width_of (const char *text)
{
    int all = 0;
    while (*text) {
        char character[8];
        int width;
        text += next_character (text, character, &width);
        all = all > AUT_SCREEN_MAX_WIDTH * 2 ? all : all + width;
    }
    return all;
}

int aut_screen_width (const char *text)
{
    aut_buffer_t shown = {0};
    aut_buffer_printable (&shown, text);
    int width = width_of (shown.data);
    aut_buffer_clear (&shown);
    return width;
}

/*  A mark that combines goes into the cell of its character, as long as there is room. */
static void combine (aut_screen_t *self, int row, int col, const char *mark)
{
    aut_cell_t *cell = cell_at (self, row, col);
    if (cell->width == 0 && col > 0)
        cell--;
    size_t have = strlen (cell->text), more = strlen (mark);
    if (have + more < sizeof cell->text)
        memcpy (cell->text + have, mark, more + 1);
}

/*  Puts what is printable already; `room` columns are on the page. */
static int put_shown (aut_screen_t *self, int row, int col, int room, aut_style_t style,
                      const char *text)
{
    bool cut = width_of (text) > room;
    int used = 0, most = cut ? room - 1 : room;
    while (*text) {
        char character[8];
        int width;
        text += next_character (text, character, &width);
        if (width == 0 && used > 0)
            combine (self, row, col + used - 1, character);
        if (width == 0)
            continue;
        if (used + width > most)
            break;
        aut_cell_t *cell = cell_at (self, row, col + used);
        *cell = (aut_cell_t){.width = (uint8_t)width, .style = (uint8_t)style};
        memcpy (cell->text, character, sizeof character);
        if (width == 2)
            cell[1] = (aut_cell_t){.style = (uint8_t)style};
        used += width;
    }
    if (cut) {
        aut_cell_t *cell = cell_at (self, row, col + used++);
        *cell = (aut_cell_t){.width = 1, .style = (uint8_t)style};
        memcpy (cell->text, self->ascii ? "~" : "…", self->ascii ? 2 : sizeof "…");
    }
    return used;
}

int aut_screen_put (aut_screen_t *self, int row, int col, int width, aut_style_t style,
                    const char *text)
{
    if (row < 0 || row >= self->height || col < 0 || col >= self->width || width <= 0 || !*text)
        return 0;
    int room = width < self->width - col ? width : self->width - col;
    aut_buffer_t shown = {0};
    aut_buffer_printable (&shown, text);
    int used = put_shown (self, row, col, room, style, shown.data);
    aut_buffer_clear (&shown);
    return used;
}

void aut_screen_put_right (aut_screen_t *self, int row, int col, int width, aut_style_t style,
                           const char *text)
{
    int wants = aut_screen_width (text);
    if (wants > width)
        wants = width;
    aut_screen_put (self, row, col + width - wants, wants, style, text);
}

void aut_screen_bar (aut_screen_t *self, int row, int col, int width, aut_style_t style,
                     double part)
{
    static const char *const eighths[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
    if (!(part >= 0))
        part = 0;
    int full = (int)((part < 1 ? part : 1) * width * 8);
    for (int i = 0; i < width; i++) {
        int here = full - i * 8;
        const char *glyph = here >= 8 ? self->ascii ? "#" : "█" : self->ascii ? "." : "░";
        if (here > 0 && here < 8 && !self->ascii)
            glyph = eighths[here];
        aut_screen_put (self, row, col + i, 1, here > 0 ? style : AUT_STYLE_DIM, glyph);
    }
}

void aut_screen_select (aut_screen_t *self, int row)
{
    for (int col = 0; row >= 0 && row < self->height && col < self->width; col++)
        cell_at (self, row, col)->reverse = true;
}

char *aut_screen_text (const aut_screen_t *self)
{
    aut_buffer_t out = {0};
    for (int row = 0; row < self->height; row++) {
        int end = self->width;
        while (end > 0 && strcmp (cell_at (self, row, end - 1)->text, " ") == 0)
            end--;
        for (int col = 0; col < end; col++)
            aut_buffer_text (&out, cell_at (self, row, col)->text);
        aut_buffer_text (&out, "\n");
    }
    return aut_buffer_take (&out, NULL);
}
