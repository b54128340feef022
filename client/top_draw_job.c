/*  A job's page: its shots, and the chunks of the one that is selected. */
#include "client/top_internal.h"

#include <stdio.h>
#include <string.h>

/* ---- sentences ----------------------------------------------------------------------------- */

/*  "node-a cuda:0", or as much of it as is known. */
static void place_of (const json_t *chunk, char *out, size_t size)
{
    const char *node = aut_top_text (chunk, "node"), *device = aut_top_text (chunk, "device");
    snprintf (out, size, "%.60s%s%.40s", node, *node && *device ? " " : "", device);
}

static const json_t *first_in (const json_t *shot, const char *state)
{
    return aut_top_find (json_object_get (shot, "chunks"), "state", state);
}

/*  Why it is not there, or where it runs; what matters comes first, as a row has little room. */
void aut_top_shot_story (const json_t *shot, char *out, size_t size)
{
    const json_t *failed = first_in (shot, "failed"), *runs = first_in (shot, "leased");
    const char *wait = aut_top_text (shot, "wait");
    const json_t *ready = first_in (shot, "ready");
    char place[120];
    if (!*wait && ready)
        wait = aut_top_text (ready, "wait");
    if (failed) {
        place_of (failed, place, sizeof place);
        snprintf (out, size, "%.400s (chunk %.0f, try %.0f%s%s)",
                  *aut_top_text (failed, "error") ? aut_top_text (failed, "error") : "failed",
                  aut_top_number (failed, "index", 0) + 1, aut_top_number (failed, "attempt", 0),
                  *place ? " on " : "", place);
    } else if (runs) {
        char step[64] = "";
        double steps = aut_top_number (runs, "steps", 0);
        place_of (runs, place, sizeof place);
        if (steps > 0)
            snprintf (step, sizeof step, ", step %.0f/%.0f", aut_top_number (runs, "step", 0),
                      steps);
        snprintf (out, size, "%s%s%s%s", place, step,
                  *aut_top_text (runs, "error") ? ", tried again after: " : "",
                  aut_top_text (runs, "error"));
    } else if (*wait) {
        snprintf (out, size, "%s", wait);
    } else {
        place_of (first_in (shot, "done"), out, size);
    }
}

void aut_top_worker_story (const aut_top_t *self, const json_t *worker, char *out, size_t size)
{
    const json_t *task = aut_top_task_of (self, worker);
    const json_t *job = task ? aut_top_find (self->jobs, "id", aut_top_text (task, "job")) : NULL;
    char left[32];
    *out = 0;
    if (!task)
        return;
    aut_top_time (aut_top_number (task, "left_s", -1), left, sizeof left);
    snprintf (out, size, "%.80s runs shot %.80s chunk %.0f of %.60s (%.80s)%s%s",
              aut_top_text (worker, "device"), aut_top_text (task, "shot"),
              aut_top_number (task, "chunk", 0) + 1, aut_top_text (task, "job"),
              aut_top_text (job, "project"), *left ? ", left " : "", left);
}

/* ---- the strip of chunks ------------------------------------------------------------------- */

typedef struct {
    const char *state, *glyph, *ascii;
} mark_t;

/*  Of several chunks in one column the first of these that is there is shown. */
static const mark_t marks[] = {{"failed", "✗", "X"},  {"leased", "▶", ">"},    {"ready", "□", "o"},
                               {"blocked", "·", "."}, {"cancelled", "-", "-"}, {"done", "■", "#"}};

#define MARKS (sizeof marks / sizeof marks[0])

static size_t mark_of (const json_t *chunk)
{
    const char *state = aut_top_text (chunk, "state");
    size_t i = 0;
    while (i < MARKS - 1 && strcmp (marks[i].state, state) != 0)
        i++;
    return i;
}

static void put_strip (const draw_t *draw, const column_t *column, const row_t *row, int y, int x,
                       int width)
{
    (void)column;
    const json_t *chunks = json_object_get (row->json, "chunks");
    size_t count = json_array_size (chunks), room = (size_t)width;
    size_t columns = count < room ? count : room;
    for (size_t i = 0; i < columns; i++) {
        size_t best = MARKS - 1, end = (i + 1) * count / columns;
        for (size_t c = i * count / columns; c < end; c++) {
            size_t mark = mark_of (json_array_get (chunks, c));
            best = mark < best ? mark : best;
        }
        aut_screen_put (draw->screen, y, x + (int)i, 1, aut_top_state_style (marks[best].state),
                        draw->screen->ascii ? marks[best].ascii : marks[best].glyph);
    }
}

/* ---- the tables ---------------------------------------------------------------------------- */

static void put_shot (const draw_t *draw, const column_t *column, const row_t *row, int y, int x,
                      int width)
{
    (void)column;
    aut_screen_put (draw->screen, y, x, width, AUT_STYLE_PLAIN, row->id);
}

static void put_where (const draw_t *draw, const column_t *column, const row_t *row, int y, int x,
                       int width)
{
    (void)column;
    char text[700];
    const char *state = aut_top_text (row->json, "state");
    aut_top_shot_story (row->json, text, sizeof text);
    aut_style_t style = strcmp (state, "failed") == 0   ? AUT_STYLE_BAD
                        : strcmp (state, "queued") == 0 ? AUT_STYLE_WARN
                                                        : AUT_STYLE_PLAIN;
    aut_screen_put (draw->screen, y, x, width, style, text);
}

static const column_t shot_columns[] = {
    {"SHOT", 10, 20, 0, false, put_shot},      {"STATE", 9, 9, 0, false, aut_top_put_state},
    {"CHUNKS", 8, 24, 0, false, put_strip},    {"PROGRESS", 12, 20, 0, false, aut_top_put_progress},
    {"LEFT", 7, 8, 0, true, aut_top_put_left}, {"WHERE, OR WHY NOT", -1, -1, 0, false, put_where}};

static void draw_job_head (const draw_t *draw, int y)
{
    const aut_top_t *top = draw->top;
    const json_t *job = top->job;
    char text[300], left[40];
    int width = draw->screen->width;
    int x = aut_screen_put (draw->screen, y, 0, width, AUT_STYLE_TITLE, "JOB ");
    x += aut_screen_put (draw->screen, y, x, width - x, AUT_STYLE_TITLE, top->open_job) + 2;
    if (!job) {
        aut_screen_put (draw->screen, y, x, width - x, AUT_STYLE_DIM, "asking ...");
        return;
    }
    const char *state = aut_top_text (job, "state");
    x += aut_screen_put (draw->screen, y, x, width - x, aut_top_state_style (state), state) + 2;
    aut_top_time (aut_top_number (job, "left_s", -1), left, sizeof left);
    snprintf (text, sizeof text, "%.120s  %.0f%%%s%s  priority %.0f%s%.60s",
              aut_top_text (job, "project"), aut_top_progress (job) * 100, *left ? "  left " : "",
              left, aut_top_number (job, "priority", 0),
              *aut_top_text (job, "owner") ? "  of " : "", aut_top_text (job, "owner"));
    aut_screen_put (draw->screen, y, x, width - x, AUT_STYLE_PLAIN, text);
}

/*  "#2 leased  try 1  gpu-a cuda:0  step 12/30 40%  32s, left 48s  …" */
static void chunk_line (const json_t *chunk, char *out, size_t size)
{
    char try[32] = "", place[120], step[64] = "", took[40], left[40];
    double attempt = aut_top_number (chunk, "attempt", 0);
    double steps = aut_top_number (chunk, "steps", 0);
    bool runs = strcmp (aut_top_text (chunk, "state"), "leased") == 0;
    place_of (chunk, place, sizeof place);
    if (attempt > 0)
        snprintf (try, sizeof try, "try %.0f  ", attempt);
    if (runs && steps > 0)
        snprintf (step, sizeof step, "  step %.0f/%.0f", aut_top_number (chunk, "step", 0), steps);
    if (runs)
        snprintf (step + strlen (step), sizeof step - strlen (step), "  %.0f%%",
                  aut_top_progress (chunk) * 100);
    aut_top_time (aut_top_number (chunk, "seconds", -1), took, sizeof took);
    aut_top_time (runs ? aut_top_number (chunk, "left_s", -1) : -1, left, sizeof left);
    const char *error = aut_top_text (chunk, "error"), *wait = aut_top_text (chunk, "wait");
    snprintf (out, size, "%s%s%s%s%s%s%s%s%s", try, place, step, *took ? "  " : "", took,
              *left ? ", left " : "", left, (*error || *wait) && attempt > 0 ? "  " : "",
              *error ? error : wait);
}

/*  The chunks of the selected shot, from the first that is not done if they are many. */
static void draw_chunks (const draw_t *draw, const json_t *shot, int top, int bottom)
{
    const json_t *chunks = json_object_get (shot, "chunks");
    size_t count = json_array_size (chunks), room = (size_t)(bottom - top - 1), first = 0;
    char text[700];
    while (first + room < count &&
           strcmp (aut_top_text (json_array_get (chunks, first), "state"), "done") == 0)
        first++;
    int x = aut_screen_put (draw->screen, top, 0, draw->screen->width, AUT_STYLE_TITLE, "CHUNKS ");
    snprintf (text, sizeof text, "of shot %.100s, %zu%s", aut_top_text (shot, "id"), count,
              count > room ? ", not all are shown" : "");
    aut_screen_put (draw->screen, top, x, draw->screen->width - x, AUT_STYLE_DIM, text);
    for (size_t i = 0; i < room && first + i < count; i++) {
        const json_t *chunk = json_array_get (chunks, first + i);
        const char *state = aut_top_text (chunk, "state");
        int y = top + 1 + (int)i;
        snprintf (text, sizeof text, "#%zu", first + i + 1);
        aut_screen_put (draw->screen, y, 2, 5, AUT_STYLE_PLAIN, text);
        aut_screen_put (draw->screen, y, 8, 9, aut_top_state_style (state), state);
        chunk_line (chunk, text, sizeof text);
        aut_screen_put (draw->screen, y, 18, draw->screen->width - 18, AUT_STYLE_PLAIN, text);
    }
}

void aut_top_draw_job (const draw_t *draw, int top, int bottom)
{
    const row_t *row = aut_top_picked (draw->top, PANE_SHOTS);
    draw_job_head (draw, top);
    int all = bottom - top - 2;
    int chunks = row ? (int)json_array_size (json_object_get (row->json, "chunks")) + 1 : 0;
    if (chunks > all * 2 / 5 || chunks < 0)
        chunks = all * 2 / 5;
    if (!row || chunks < 2)
        chunks = 0;
    aut_top_draw_pane (draw, PANE_SHOTS, "SHOTS", shot_columns,
                       sizeof shot_columns / sizeof shot_columns[0], top + 2,
                       bottom - chunks - (chunks > 0));
    int under = top + 4 + (int)draw->top->panes[PANE_SHOTS].count + 1;
    if (under > bottom - chunks || under < top)
        under = bottom - chunks;
    if (chunks)
        draw_chunks (draw, row->json, under, under + chunks);
}
