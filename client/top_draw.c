/*  Tables of the live view, and the cells that several of them have. */
#include "client/top_internal.h"

#include <stdio.h>
#include <string.h>

/* ---- cells --------------------------------------------------------------------------------- */

aut_style_t aut_top_state_style (const char *state)
{
    static const struct {
        const char *state;
        aut_style_t style;
    } styles[] = {
        {"running", AUT_STYLE_BUSY}, {"busy", AUT_STYLE_BUSY},     {"leased", AUT_STYLE_BUSY},
        {"done", AUT_STYLE_GOOD},    {"online", AUT_STYLE_GOOD},   {"queued", AUT_STYLE_WARN},
        {"ready", AUT_STYLE_WARN},   {"draining", AUT_STYLE_WARN}, {"failed", AUT_STYLE_BAD},
        {"lost", AUT_STYLE_BAD},     {"idle", AUT_STYLE_DIM},      {"cancelled", AUT_STYLE_DIM},
        {"blocked", AUT_STYLE_DIM}};
    for (size_t i = 0; i < sizeof styles / sizeof styles[0]; i++)
        if (strcmp (state, styles[i].state) == 0)
            return styles[i].style;
    return AUT_STYLE_PLAIN;
}

const char *aut_top_time (double seconds, char *out, size_t size)
{
    long long s = seconds < 1e9 ? (long long)(seconds + 0.5) : 1000000000;
    *out = 0;
    if (!(seconds >= 0))
        return out;
    if (s < 60)
        snprintf (out, size, "%llds", s);
    else if (s < 3600)
        snprintf (out, size, "%lldm %02llds", s / 60, s % 60);
    else if (s < 48 * 3600)
        snprintf (out, size, "%lldh %02lldm", s / 3600, s / 60 % 60);
    else
        snprintf (out, size, "%lldd %02lldh", s / 86400, s / 3600 % 24);
    return out;
}

void aut_top_put_state (const draw_t *draw, const column_t *column, const row_t *row, int y, int x,
                        int width)
{
    (void)column;
    const char *state = aut_top_text (row->json, "state");
    aut_screen_put (draw->screen, y, x, width, aut_top_state_style (state), state);
}

void aut_top_put_progress (const draw_t *draw, const column_t *column, const row_t *row, int y,
                           int x, int width)
{
    (void)column;
    char percent[8];
    const char *state = aut_top_text (row->json, "state");
    aut_style_t style = aut_top_state_style (state);
    double part = strcmp (state, "done") == 0 ? 1 : row->progress;
    snprintf (percent, sizeof percent, "%d%%", (int)(part * 100));
    if (width > 7)
        aut_screen_bar (draw->screen, y, x, width - 5,
                        style == AUT_STYLE_WARN ? AUT_STYLE_BUSY : style, part);
    aut_screen_put_right (draw->screen, y, x, width, AUT_STYLE_PLAIN, percent);
}

void aut_top_put_left (const draw_t *draw, const column_t *column, const row_t *row, int y, int x,
                       int width)
{
    (void)column;
    char text[32];
    aut_screen_put_right (draw->screen, y, x, width, AUT_STYLE_PLAIN,
                          aut_top_time (row->left, text, sizeof text));
}

/* ---- tables -------------------------------------------------------------------------------- */

static int fixed_width (const draw_t *draw, const column_t *column)
{
    return draw->screen->width >= AUT_TOP_WIDE ? column->wide : column->width;
}

/*  Widths of the columns that are on this page, 0 for the others. */
static void share_out (const draw_t *draw, const column_t *columns, size_t count, int *widths)
{
    int left = draw->screen->width - 2, shares = 0;
    for (size_t i = 0; i < count; i++) {
        int width = fixed_width (draw, &columns[i]);
        bool on = draw->screen->width >= columns[i].from;
        widths[i] = on ? width : 0;
        shares -= on && width < 0 ? width : 0;
        left -= on ? (width > 0 ? width : 0) + 1 : 0;
    }
    for (size_t i = 0; i < count; i++) {
        if (widths[i] >= 0)
            continue;
        int part = left > 0 ? left * -widths[i] / shares : 1;
        shares += widths[i];
        left -= part;
        widths[i] = part;
    }
}

static void draw_row (const draw_t *draw, const column_t *columns, size_t count, const int *widths,
                      const row_t *row, int y)
{
    int x = 2;
    for (size_t i = 0; i < count; i++) {
        if (!widths[i])
            continue;
        if (row)
            columns[i].put (draw, &columns[i], row, y, x, widths[i]);
        else if (columns[i].right)
            aut_screen_put_right (draw->screen, y, x, widths[i], AUT_STYLE_DIM, columns[i].title);
        else
            aut_screen_put (draw->screen, y, x, widths[i], AUT_STYLE_DIM, columns[i].title);
        x += widths[i] + 1;
    }
}

/*  "JOBS 12 of 40 · by state, reversed · only 'abc'" */
static void draw_title (const draw_t *draw, pane_id_t id, const char *title, int y)
{
    const aut_top_t *top = draw->top;
    const pane_t *pane = &top->panes[id];
    char text[256], of[32] = "";
    bool asks = top->ask == ASK_FILTER && top->focus == id;
    if (pane->all != pane->count)
        snprintf (of, sizeof of, " of %zu", pane->all);
    int used = aut_screen_put (draw->screen, y, 0, draw->screen->width, AUT_STYLE_TITLE, title);
    bool sorts = id != PANE_WORKERS;
    snprintf (text, sizeof text, " %zu%s%s%s%s%s%s%s", pane->count, of, sorts ? ", by " : "",
              sorts ? aut_top_sort_name (top, id) : "", pane->reverse ? " reversed" : "",
              *pane->filter ? ", only '" : "", pane->filter, *pane->filter ? "'" : "");
    aut_screen_put (draw->screen, y, used, draw->screen->width - used,
                    asks ? AUT_STYLE_WARN : AUT_STYLE_DIM, text);
}

/*  Scrolls so that the selected row is on the page. */
static void scroll (pane_t *pane, size_t room)
{
    if (pane->at < pane->first)
        pane->first = pane->at;
    if (pane->at >= pane->first + room)
        pane->first = pane->at - room + 1;
    if (pane->first + room > pane->count)
        pane->first = pane->count > room ? pane->count - room : 0;
}

void aut_top_draw_pane (const draw_t *draw, pane_id_t id, const char *title,
                        const column_t *columns, size_t count, int top, int bottom)
{
    int widths[16] = {0};
    pane_t *pane = &draw->top->panes[id];
    int room = bottom - top - 2;
    if (room < 1 || count > 16)
        return;
    draw_title (draw, id, title, top);
    share_out (draw, columns, count, widths);
    draw_row (draw, columns, count, widths, NULL, top + 1);
    scroll (pane, (size_t)room);
    for (size_t i = 0; i < (size_t)room && pane->first + i < pane->count; i++) {
        int y = top + 2 + (int)i;
        draw_row (draw, columns, count, widths, &pane->rows[pane->first + i], y);
        if (!draw->live || draw->top->focus != id || pane->first + i != pane->at)
            continue;
        aut_screen_put (draw->screen, y, 0, 1, AUT_STYLE_TITLE, ">");
        aut_screen_select (draw->screen, y);
    }
    size_t below = pane->count - pane->first;
    if (below > (size_t)room) {
        char more[40];
        snprintf (more, sizeof more, " %zu more below ", below - (size_t)room);
        aut_screen_put_right (draw->screen, top, 0, draw->screen->width, AUT_STYLE_DIM, more);
    }
}
