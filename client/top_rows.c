/*  The lists of the live view: rows from the snapshots, filtered, sorted, and the selected one
 * found again. */
#include "client/top_internal.h"
#include "lib/core/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    sort_t by;
    const char *name;
    bool downwards; /* the greatest first, as long as it is not reversed */
} sort_kind_t;

#define SORTS 5
static const sort_kind_t sorts[PANES][SORTS] = {
    [PANE_JOBS] = {{SORT_STATE, "state", false},
                   {SORT_NUMBER, "newest", true},
                   {SORT_NAME, "project", false},
                   {SORT_PROGRESS, "progress", true},
                   {SORT_LEFT, "time left", false}},
    [PANE_NODES] = {{SORT_NAME, "name", false}, {SORT_STATE, "state", false}},
    [PANE_SHOTS] = {{SORT_NUMBER, "film", false},
                    {SORT_STATE, "state", false},
                    {SORT_PROGRESS, "progress", true},
                    {SORT_LEFT, "time left", false}},
    [PANE_WORKERS] = {{SORT_NUMBER, "number", false}}};

const char *aut_top_sort_name (const aut_top_t *self, pane_id_t pane)
{
    return sorts[pane][self->panes[pane].sort].name;
}

void aut_top_sort_next (aut_top_t *self, pane_id_t id)
{
    pane_t *pane = &self->panes[id];
    pane->sort = pane->sort + 1 < SORTS && sorts[id][pane->sort + 1].name ? pane->sort + 1 : 0;
    self->stale = true;
}

/* ---- making them --------------------------------------------------------------------------- */

/*  What an operator looks for comes first. */
static int rank_of (const char *state)
{
    static const char *const order[] = {"lost",   "draining", "running", "failed",   "queued",
                                        "online", "busy",     "done",    "cancelled"};
    int rank = 0;
    while (rank < (int)(sizeof order / sizeof order[0]) && strcmp (state, order[rank]) != 0)
        rank++;
    return rank;
}

/*  Whether `needle` is in `text`, whatever the case of ASCII letters. */
static bool has (const char *text, const char *needle)
{
    return !*needle || strcasestr (text, needle) != NULL;
}

static bool job_matches (const row_t *row, const char *filter)
{
    return has (row->id, filter) || has (row->name, filter) ||
           has (aut_top_text (row->json, "state"), filter) ||
           has (aut_top_text (row->json, "owner"), filter) ||
           has (aut_top_text (row->json, "wait"), filter);
}

static bool node_matches (const row_t *row, const char *filter)
{
    return has (row->id, filter) || has (aut_top_text (row->json, "state"), filter) ||
           has (aut_top_text (row->part, "device"), filter) ||
           has (aut_top_text (row->part, "model"), filter);
}

static bool shot_matches (const row_t *row, const char *filter)
{
    size_t c;
    json_t *chunk;
    bool found = has (row->id, filter) || has (aut_top_text (row->json, "state"), filter) ||
                 has (aut_top_text (row->json, "wait"), filter);
    json_array_foreach (json_object_get (row->json, "chunks"), c, chunk) found =
        found || has (aut_top_text (chunk, "node"), filter) ||
        has (aut_top_text (chunk, "error"), filter);
    return found;
}

static void add (pane_t *pane, bool (*matches) (const row_t *row, const char *filter),
                 const row_t *row)
{
    pane->all++;
    if (!matches (row, pane->filter))
        return;
    pane->rows = aut_grow (pane->rows, &pane->cap, pane->count + 1, sizeof *pane->rows);
    pane->rows[pane->count++] = *row;
}

/*  "j12" → 12: jobs are numbered in the order of their submission. */
static size_t number_of (const char *id)
{
    unsigned long long number = *id ? strtoull (id + 1, NULL, 10) : 0;
    return (size_t)number;
}

static void list_jobs (aut_top_t *self, pane_t *pane)
{
    size_t i;
    json_t *job;
    json_array_foreach (self->jobs, i, job)
    {
        const char *id = aut_top_text (job, "id");
        row_t row = {.id = id,
                     .name = aut_top_text (job, "project"),
                     .json = job,
                     .number = number_of (id),
                     .rank = rank_of (aut_top_text (job, "state")),
                     .progress = aut_top_progress (job),
                     .left = aut_top_number (job, "left_s", -1)};
        add (pane, job_matches, &row);
    }
}

static void list_workers (pane_t *pane, const json_t *node)
{
    const json_t *workers = json_object_get (node, "workers");
    const char *name = aut_top_text (node, "name");
    size_t count = json_array_size (workers);
    for (size_t w = 0; w < (count ? count : 1); w++) {
        row_t row = {.id = name,
                     .name = name,
                     .json = node,
                     .part = json_array_get (workers, w),
                     .number = w,
                     .rank = rank_of (aut_top_text (node, "state")),
                     .left = -1};
        add (pane, node_matches, &row);
    }
}

static void list_shots (aut_top_t *self, pane_t *pane)
{
    size_t i;
    json_t *shot;
    json_array_foreach (json_object_get (self->job, "shots"), i, shot)
    {
        const char *id = aut_top_text (shot, "id");
        row_t row = {.id = id,
                     .name = id,
                     .json = shot,
                     .number = i,
                     .rank = rank_of (aut_top_text (shot, "state")),
                     .progress = aut_top_progress (shot),
                     .left = aut_top_number (shot, "left_s", -1)};
        add (pane, shot_matches, &row);
    }
}

/* ---- order --------------------------------------------------------------------------------- */

static int by_value (double a, double b)
{
    return (a > b) - (a < b);
}

/*  What is not known comes last. */
static double time_of (const row_t *row)
{
    return row->left < 0 ? 1e18 : row->left;
}

typedef struct {
    const sort_kind_t *kind;
    bool reverse;
    bool newest; /* equals: the later one first */
} order_t;

static int compare (const void *a, const void *b, void *ctx)
{
    const row_t *x = a, *y = b;
    const order_t *order = ctx;
    int found = 0;
    switch (order->kind->by) {
    case SORT_STATE:
        found = by_value (x->rank, y->rank);
        break;
    case SORT_NUMBER:
        found = by_value ((double)x->number, (double)y->number);
        break;
    case SORT_NAME:
        found = strcasecmp (x->name, y->name);
        break;
    case SORT_PROGRESS:
        found = by_value (x->progress, y->progress);
        break;
    case SORT_LEFT:
        found = by_value (time_of (x), time_of (y));
        break;
    }
    if (order->kind->downwards != order->reverse)
        found = -found;
    if (!found && order->kind->by == SORT_STATE)
        found = strcmp (x->name, y->name) * !order->newest;
    if (!found)
        found = by_value ((double)x->number, (double)y->number) * (order->newest ? -1 : 1);
    return found;
}

/* ---- the selection ------------------------------------------------------------------------- */

const row_t *aut_top_picked (const aut_top_t *self, pane_id_t id)
{
    const pane_t *pane = &self->panes[id];
    return pane->at < pane->count ? &pane->rows[pane->at] : NULL;
}

static void note_picked (pane_t *pane)
{
    const row_t *row = pane->at < pane->count ? &pane->rows[pane->at] : NULL;
    snprintf (pane->picked, sizeof pane->picked, "%s", row ? row->id : "");
    pane->picked_part = row && row->part ? row->number : 0;
}

void aut_top_pick (aut_top_t *self, pane_id_t id, int64_t at)
{
    pane_t *pane = &self->panes[id];
    int64_t last = (int64_t)pane->count - 1;
    at = at > last ? last : at;
    pane->at = (size_t)(at < 0 ? 0 : at);
    note_picked (pane);
}

/*  Rows have moved: the selection goes with its row, or stays where it was if that is gone. */
static void find_picked (pane_t *pane)
{
    for (size_t i = 0; *pane->picked && i < pane->count; i++) {
        const row_t *row = &pane->rows[i];
        if (strcmp (row->id, pane->picked) == 0 &&
            (!row->part || row->number == pane->picked_part)) {
            pane->at = i;
            return;
        }
    }
    if (pane->at >= pane->count)
        pane->at = pane->count ? pane->count - 1 : 0;
    note_picked (pane);
}

void aut_top_rows (aut_top_t *self)
{
    if (!self->stale)
        return;
    self->stale = false;
    for (size_t i = 0; i < PANES; i++)
        self->panes[i].count = self->panes[i].all = 0;
    size_t n;
    json_t *node;
    list_jobs (self, &self->panes[PANE_JOBS]);
    json_array_foreach (self->nodes, n, node) list_workers (&self->panes[PANE_NODES], node);
    list_shots (self, &self->panes[PANE_SHOTS]);
    node = aut_top_find (self->nodes, "name", self->open_node);
    if (node && *self->open_node)
        list_workers (&self->panes[PANE_WORKERS], node);
    for (size_t i = 0; i < PANES; i++) {
        pane_t *pane = &self->panes[i];
        order_t order = {&sorts[i][pane->sort], pane->reverse, i == PANE_JOBS};
        if (pane->count)
            qsort_r (pane->rows, pane->count, sizeof *pane->rows, compare, &order);
        find_picked (pane);
    }
}
