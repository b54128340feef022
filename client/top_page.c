/*  The live view's page: head, foot, help, and what is between them. */
#include "client/top_internal.h"
#include "lib/core/epoch.h"

#include <stdio.h>
#include <string.h>

#define SAID_MS 8000

/* ---- head and foot ------------------------------------------------------------------------- */

/*  "2 running, 1 queued": the counts of an object that are not 0. */
static int draw_counts (const draw_t *draw, int y, int x, const char *title, const char *key)
{
    char text[200];
    size_t len = 0;
    const char *name;
    json_t *value;
    json_object_foreach (json_object_get (draw->top->status, key), name, value)
    {
        long long count = json_integer_value (value);
        if (count <= 0 || len >= sizeof text)
            continue;
        len += (size_t)snprintf (text + len, sizeof text - len, "%s%lld %.20s", len ? ", " : "",
                                 count, name);
    }
    int room = draw->screen->width - x;
    if (room < 12)
        return x;
    x += aut_screen_put (draw->screen, y, x, room, AUT_STYLE_DIM, title);
    x += aut_screen_put (draw->screen, y, x, draw->screen->width - x, AUT_STYLE_PLAIN,
                         len ? text : "none");
    return x + 2;
}

static void draw_head (const draw_t *draw)
{
    const aut_top_t *top = draw->top;
    char text[300], up[32], right[80] = "";
    int width = draw->screen->width;
    double uptime = aut_top_number (top->status, "uptime_s", -1);
    if (uptime >= 0 && draw->now_ms > top->status_ms) /* as of the last answer, and going on */
        uptime += (double)((top->down ? top->down_ms : draw->now_ms) - top->status_ms) / 1000;
    if (top->down)
        snprintf (right, sizeof right, "%s no answer for %llds, trying",
                  draw->screen->ascii ? "!" : "⚠", (long long)(draw->now_ms - top->down_ms) / 1000);
    if (top->status)
        snprintf (text, sizeof text, "%s   auteur-broker %s   up %s   epoch " AUT_EPOCH_TEXT,
                  top->broker, aut_top_text (top->status, "version"),
                  aut_top_time (uptime, up, sizeof up), AUT_EPOCH_ARGS (top->epoch));
    else
        snprintf (text, sizeof text, "%s   asking ...", top->broker);
    int used = aut_screen_width (right);
    aut_screen_put (draw->screen, 0, 0, width - (used ? used + 1 : 0), AUT_STYLE_TITLE, text);
    aut_screen_put_right (draw->screen, 0, 0, width, AUT_STYLE_BAD, right);
    int x = draw_counts (draw, 1, 0, "jobs ", "jobs");
    x = draw_counts (draw, 1, x, "chunks ", "tasks");
    if (width >= AUT_TOP_WIDE) {
        x = draw_counts (draw, 1, x, "nodes ", "nodes");
        draw_counts (draw, 1, x, "devices ", "workers");
    }
}

/*  What there is to say of the selected row: a table has no room for sentences. */
static void tell_picked (const aut_top_t *top, char *out, size_t size)
{
    const row_t *row = aut_top_picked (top, top->focus);
    *out = 0;
    if (!row)
        return;
    if (top->focus == PANE_SHOTS)
        aut_top_shot_story (row->json, out, size);
    else if (top->focus == PANE_NODES || top->focus == PANE_WORKERS)
        aut_top_worker_story (top, row->part, out, size);
    else if (*aut_top_text (row->json, "wait"))
        snprintf (out, size, "%s: %s", row->id, aut_top_text (row->json, "wait"));
}

static const char *keys_of (const aut_top_t *top)
{
    switch (top->page) {
    case PAGE_JOB:
        return "Esc back  c cancel this job  s sort  r reverse  / filter  ? help";
    case PAGE_NODE:
        return "Esc back  Enter its job  d drain this node  ? help";
    default:
        return top->focus == PANE_NODES
                   ? "Enter open  d drain  Tab jobs  s sort  r reverse  / filter  ? help  q quit"
                   : "Enter open  c cancel  Tab nodes  s sort  r reverse  / filter  ? help  q quit";
    }
}

static void draw_foot (const draw_t *draw)
{
    aut_top_t *top = draw->top;
    int y = draw->screen->height - 2, width = draw->screen->width;
    char text[700];
    if (!top->said_ms)
        top->said_ms = draw->now_ms;
    if (*top->said && draw->now_ms - top->said_ms < SAID_MS) {
        aut_screen_put (draw->screen, y, 0, width, top->said_style, top->said);
    } else {
        tell_picked (top, text, sizeof text);
        aut_screen_put (draw->screen, y, 0, width, AUT_STYLE_PLAIN, text);
    }
    aut_style_t style = AUT_STYLE_WARN;
    if (top->ask == ASK_CANCEL) {
        json_t *job = aut_top_find (top->jobs, "id", top->asked);
        snprintf (text, sizeof text, "Cancel job %s (%.100s)? Running chunks are stopped. y/n",
                  top->asked, aut_top_text (job, "project"));
    } else if (top->ask == ASK_DRAIN) {
        snprintf (text, sizeof text, "Drain node %s? It finishes what it runs, gets no more. y/n",
                  top->asked);
    } else if (top->ask == ASK_FILTER) {
        snprintf (text, sizeof text, "Show only: %s_   Enter keeps, Esc clears",
                  top->panes[top->focus].filter);
    } else {
        snprintf (text, sizeof text, "%s", keys_of (top));
        style = AUT_STYLE_DIM;
    }
    aut_screen_put (draw->screen, y + 1, 0, width, style, text);
    if (style == AUT_STYLE_WARN)
        aut_screen_select (draw->screen, y + 1);
}

/* ---- help and the whole page --------------------------------------------------------------- */

static void draw_help (const draw_t *draw)
{
    static const char *const lines[] = {
        "Up Down j k      select; PgUp PgDn g G in steps and to the ends",
        "Tab              jobs or nodes",
        "Enter            open the job or node",
        "Esc              back; takes a filter away first",
        "q                back, or quit from the first page; Ctrl-C quits anywhere",
        "",
        "s  r             sort by something else; reverse",
        "/                show only what has these letters in name, state, node or reason",
        "",
        "c                cancel the job (asks first)",
        "d                drain the node: it gets no more work (asks first)",
        "",
        "Chunks of a shot, in order:"};
    int y = 3;
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
        aut_screen_put (draw->screen, y++, 2, draw->screen->width - 2, AUT_STYLE_PLAIN, lines[i]);
    aut_screen_put (
        draw->screen, y++, 2, draw->screen->width - 2, AUT_STYLE_PLAIN,
        draw->screen->ascii
            ? "# done   > runs   o could run   . waits for another   X failed   - cancelled"
            : "■ done   ▶ runs   □ could run   · waits for another   ✗ failed   - cancelled");
    aut_screen_put (draw->screen, draw->screen->height - 1, 0, draw->screen->width, AUT_STYLE_DIM,
                    "Any key goes back.");
}

void aut_top_draw (aut_top_t *self, aut_screen_t *screen, int64_t now_ms, bool live)
{
    draw_t draw = {self, screen, now_ms, live};
    aut_screen_reset (screen, screen->width, screen->height);
    aut_top_rows (self);
    draw_head (&draw);
    int bottom = live ? screen->height - 2 : screen->height;
    if (self->help) {
        draw_help (&draw);
        return;
    }
    if (self->page == PAGE_JOB)
        aut_top_draw_job (&draw, 3, bottom);
    else if (self->page == PAGE_NODE)
        aut_top_draw_node (&draw, 3, bottom);
    else
        aut_top_draw_overview (&draw, 3, bottom);
    if (live)
        draw_foot (&draw);
}
