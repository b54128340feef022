/*  The live view's overview and a node's page. */
#include "client/top_internal.h"

#include <stdio.h>
#include <string.h>

/* ---- the overview -------------------------------------------------------------------------- */

static void put_id (const draw_t *draw, const column_t *column, const row_t *row, int y, int x,
                    int width)
{
    (void)column;
    aut_screen_put (draw->screen, y, x, width, AUT_STYLE_PLAIN, row->id);
}

static void put_name (const draw_t *draw, const column_t *column, const row_t *row, int y, int x,
                      int width)
{
    (void)column;
    aut_screen_put (draw->screen, y, x, width, AUT_STYLE_PLAIN, row->name);
}

static void put_owner (const draw_t *draw, const column_t *column, const row_t *row, int y, int x,
                       int width)
{
    (void)column;
    aut_screen_put (draw->screen, y, x, width, AUT_STYLE_DIM, aut_top_text (row->json, "owner"));
}

static void put_priority (const draw_t *draw, const column_t *column, const row_t *row, int y,
                          int x, int width)
{
    (void)column;
    char text[32];
    snprintf (text, sizeof text, "%.0f", aut_top_number (row->json, "priority", 0));
    aut_screen_put_right (draw->screen, y, x, width, AUT_STYLE_PLAIN, text);
}

static void put_shots (const draw_t *draw, const column_t *column, const row_t *row, int y, int x,
                       int width)
{
    (void)column;
    char text[64];
    const json_t *shots = json_object_get (row->json, "shots");
    snprintf (text, sizeof text, "%.0f/%.0f", aut_top_number (shots, "done", 0),
              aut_top_number (shots, "total", 0));
    aut_screen_put_right (draw->screen, y, x, width, AUT_STYLE_PLAIN, text);
}

/*  Where there is no column for the reason, it stands in the place of a bar that is empty and of
 * the time left. */
static bool shows_reason (const draw_t *draw, const row_t *row)
{
    return draw->screen->width < AUT_TOP_WIDE && *aut_top_text (row->json, "wait") &&
           !(row->progress > 0);
}

static void put_job_left (const draw_t *draw, const column_t *column, const row_t *row, int y,
                          int x, int width)
{
    if (!shows_reason (draw, row))
        aut_top_put_left (draw, column, row, y, x, width);
}

static void put_job_progress (const draw_t *draw, const column_t *column, const row_t *row, int y,
                              int x, int width)
{
    if (shows_reason (draw, row))
        aut_screen_put (draw->screen, y, x, draw->screen->width - x, AUT_STYLE_WARN,
                        aut_top_text (row->json, "wait"));
    else
        aut_top_put_progress (draw, column, row, y, x, width);
}

static void put_wait (const draw_t *draw, const column_t *column, const row_t *row, int y, int x,
                      int width)
{
    (void)column;
    aut_screen_put (draw->screen, y, x, width, AUT_STYLE_WARN, aut_top_text (row->json, "wait"));
}

static void put_created (const draw_t *draw, const column_t *column, const row_t *row, int y, int x,
                         int width)
{
    (void)column;
    aut_screen_put (draw->screen, y, x, width, AUT_STYLE_DIM, aut_top_text (row->json, "created"));
}

static void put_device (const draw_t *draw, const column_t *column, const row_t *row, int y, int x,
                        int width)
{
    (void)column;
    aut_screen_put (draw->screen, y, x, width, AUT_STYLE_PLAIN, aut_top_text (row->part, "device"));
}

static void put_memory (const draw_t *draw, const column_t *column, const row_t *row, int y, int x,
                        int width)
{
    (void)column;
    char text[32] = "";
    double bytes = aut_top_number (row->part, "memory", 0);
    if (bytes > 0)
        snprintf (text, sizeof text, "%.0f GB", bytes / 1e9);
    aut_screen_put_right (draw->screen, y, x, width, AUT_STYLE_PLAIN, text);
}

static void put_model (const draw_t *draw, const column_t *column, const row_t *row, int y, int x,
                       int width)
{
    (void)column;
    aut_screen_put (draw->screen, y, x, width, AUT_STYLE_PLAIN, aut_top_text (row->part, "model"));
}

static void put_does (const draw_t *draw, const column_t *column, const row_t *row, int y, int x,
                      int width)
{
    (void)column;
    const char *state = row->part ? aut_top_text (row->part, "state") : "";
    if (strcmp (aut_top_text (row->json, "state"), "lost") != 0)
        aut_screen_put (draw->screen, y, x, width, aut_top_state_style (state), state);
}

static void put_task (const draw_t *draw, const column_t *column, const row_t *row, int y, int x,
                      int width)
{
    (void)column;
    char text[200];
    const json_t *task = aut_top_task_of (draw->top, row->part);
    if (task)
        snprintf (text, sizeof text, "%.40s %.100s chunk %.0f", aut_top_text (task, "job"),
                  aut_top_text (task, "shot"), aut_top_number (task, "chunk", 0) + 1);
    else
        snprintf (text, sizeof text, "%.40s", aut_top_text (row->part, "task"));
    aut_screen_put (draw->screen, y, x, width, AUT_STYLE_PLAIN, text);
}

static void put_task_progress (const draw_t *draw, const column_t *column, const row_t *row, int y,
                               int x, int width)
{
    const json_t *task = aut_top_task_of (draw->top, row->part);
    row_t runs = {.json = row->part, .progress = aut_top_progress (task)};
    if (task)
        aut_top_put_progress (draw, column, &runs, y, x, width);
}

static void put_seen (const draw_t *draw, const column_t *column, const row_t *row, int y, int x,
                      int width)
{
    (void)column;
    char text[32];
    aut_screen_put_right (
        draw->screen, y, x, width, AUT_STYLE_DIM,
        aut_top_time (aut_top_number (row->json, "seen_s", -1), text, sizeof text));
}

static const column_t job_columns[] = {{"JOB", 7, 8, 0, false, put_id},
                                       {"STATE", 9, 9, 0, false, aut_top_put_state},
                                       {"PROJECT", -1, -3, 0, false, put_name},
                                       {"OWNER", 12, 12, 130, false, put_owner},
                                       {"PRIO", 4, 4, AUT_TOP_WIDE, true, put_priority},
                                       {"SHOTS", 9, 9, 0, true, put_shots},
                                       {"PROGRESS", 16, 20, 0, false, put_job_progress},
                                       {"LEFT", 8, 8, 0, true, put_job_left},
                                       {"WAITS", 0, -4, AUT_TOP_WIDE, false, put_wait},
                                       {"SUBMITTED", 20, 20, 160, false, put_created}};

static const column_t node_columns[] = {
    {"NODE", -3, -3, 0, false, put_name},
    {"STATE", 9, 9, 0, false, aut_top_put_state},
    {"DEVICE", 10, -3, 0, false, put_device},
    {"MEMORY", 7, 7, AUT_TOP_WIDE, true, put_memory},
    {"DOES", 5, 5, 0, false, put_does},
    {"MODEL", -3, -3, 0, false, put_model},
    {"RUNS", -3, -3, 0, false, put_task},
    {"PROGRESS", 11, 16, AUT_TOP_WIDE, false, put_task_progress},
    {"SEEN", 6, 6, AUT_TOP_WIDE, true, put_seen}};

/*  Lines that a pane would fill: its heads, and at least one below them. */
static int lines_of (const pane_t *pane)
{
    size_t rows = pane->count < AUT_SCREEN_MAX_HEIGHT ? pane->count : AUT_SCREEN_MAX_HEIGHT;
    return (int)(rows ? rows : 1) + 2;
}

void aut_top_draw_overview (const draw_t *draw, int top, int bottom)
{
    const aut_top_t *self = draw->top;
    int all = bottom - top;
    int nodes = lines_of (&self->panes[PANE_NODES]), jobs = lines_of (&self->panes[PANE_JOBS]);
    /* Nodes get what they need up to two fifths, or what jobs leave over. */
    int most = all - 1 - jobs > all * 2 / 5 ? all - 1 - jobs : all * 2 / 5;
    nodes = nodes < most ? nodes : most;
    int middle = top + jobs + 1 < bottom - nodes ? top + jobs + 1 : bottom - nodes;
    aut_top_draw_pane (draw, PANE_JOBS, "JOBS", job_columns,
                       sizeof job_columns / sizeof job_columns[0], top, middle - 1);
    aut_top_draw_pane (draw, PANE_NODES, "NODES AND DEVICES", node_columns,
                       sizeof node_columns / sizeof node_columns[0], middle, bottom);
    if (self->jobs && !self->panes[PANE_JOBS].all)
        aut_screen_put (draw->screen, top + 2, 2, draw->screen->width - 2, AUT_STYLE_DIM,
                        "No jobs. Give it one with: auteur submit film.json");
    if (self->nodes && !self->panes[PANE_NODES].all)
        aut_screen_put (draw->screen, middle + 2, 2, draw->screen->width - 2, AUT_STYLE_WARN,
                        "No nodes: nothing can run. Start one with: auteur-node --broker HOST");
}

static const column_t worker_columns[] = {
    {"DEVICE", -2, -3, 0, false, put_device}, {"MEMORY", 7, 7, 0, true, put_memory},
    {"DOES", 5, 5, 0, false, put_does},       {"MODEL", -3, -3, 0, false, put_model},
    {"RUNS", -3, -3, 0, false, put_task},     {"PROGRESS", 11, 20, 0, false, put_task_progress}};

void aut_top_draw_node (const draw_t *draw, int top, int bottom)
{
    const aut_top_t *self = draw->top;
    const json_t *node = aut_top_find (self->nodes, "name", self->open_node);
    const char *state = aut_top_text (node, "state");
    char text[100], seen[32];
    int x = aut_screen_put (draw->screen, top, 0, draw->screen->width, AUT_STYLE_TITLE, "NODE ");
    x += aut_screen_put (draw->screen, top, x, draw->screen->width - x, AUT_STYLE_TITLE,
                         self->open_node);
    x += 2;
    x += aut_screen_put (draw->screen, top, x, draw->screen->width - x, aut_top_state_style (state),
                         node ? state : "is not there any more");
    snprintf (text, sizeof text, "  heard of %s ago",
              aut_top_time (aut_top_number (node, "seen_s", 0), seen, sizeof seen));
    if (node)
        aut_screen_put (draw->screen, top, x, draw->screen->width - x, AUT_STYLE_DIM, text);
    aut_top_draw_pane (draw, PANE_WORKERS, "DEVICES", worker_columns,
                       sizeof worker_columns / sizeof worker_columns[0], top + 2, bottom);
}
