/*  What the files of the live view share: the last snapshots as JSON, kept current by events, and
 *  the lists that are made of them. Rows borrow from the snapshots and live until the next one.
 */
#ifndef AUT_CLIENT_TOP_INTERNAL_H
#define AUT_CLIENT_TOP_INTERNAL_H

#include "client/top.h"

#define AUT_TOP_NAME 160
#define AUT_TOP_FILTER 64
#define AUT_TOP_TASKS_MAX 20000 /* running tasks that are remembered from events */

typedef enum { PAGE_OVERVIEW, PAGE_JOB, PAGE_NODE } page_t;
typedef enum { PANE_JOBS, PANE_NODES, PANE_SHOTS, PANE_WORKERS, PANES } pane_id_t;
typedef enum { ASK_NOTHING, ASK_CANCEL, ASK_DRAIN, ASK_FILTER } ask_t;
typedef enum {
    SORT_STATE,
    SORT_NUMBER, /* the job's number; a shot's place in the film */
    SORT_NAME,   /* project; node */
    SORT_PROGRESS,
    SORT_LEFT,
} sort_t;

typedef struct {
    const char *id;     /* job, shot or node */
    const char *name;   /* what sorting by name goes by */
    const json_t *json; /* the job, shot or node */
    const json_t *part; /* a node's worker, or NULL */
    size_t number;      /* of the job; place of a shot; place of a worker in its node */
    int rank;           /* of the state: what needs a look first */
    double progress;    /* 0…1 */
    double left;        /* seconds; negative: not known */
} row_t;

typedef struct {
    row_t *rows;
    size_t count, cap;
    size_t all;                /* before the filter */
    size_t at, first;          /* the selected row, the first one on the page */
    char picked[AUT_TOP_NAME]; /* the selected row's id and part: it stays picked as rows move */
    size_t picked_part;
    size_t sort; /* index of the pane's sorts */
    bool reverse;
    char filter[AUT_TOP_FILTER];
} pane_t;

struct aut_top {
    char *broker;
    json_t *status, *jobs, *nodes, *job; /* the last of each, or NULL; arrays but status and job */
    json_t *tasks;                       /* "t5": {"job","shot","chunk",…} of what runs */
    page_t page, back;                   /* where Esc leads from a job's page */
    pane_id_t focus;
    pane_t panes[PANES];
    char open_job[AUT_TOP_NAME], open_node[AUT_TOP_NAME];
    bool stale; /* rows are to be made again */
    bool help;
    ask_t ask;
    char asked[AUT_TOP_NAME]; /* whom the question is about */
    char said[512];
    aut_style_t said_style;
    int64_t said_ms; /* when first drawn, or 0 */
    bool down;
    int64_t down_ms, status_ms;
    int64_t epoch;
};

/* ---- top_rows.c ---- */

/*  Makes the rows of all panes again if something has changed. */
void aut_top_rows (aut_top_t *self);
/*  The selected row, or NULL. */
const row_t *aut_top_picked (const aut_top_t *self, pane_id_t pane);
/*  Selects row `at` of a pane, or the nearest there is. */
void aut_top_pick (aut_top_t *self, pane_id_t pane, int64_t at);
/*  What the pane is sorted by, in a word. */
const char *aut_top_sort_name (const aut_top_t *self, pane_id_t pane);
void aut_top_sort_next (aut_top_t *self, pane_id_t pane);

/* ---- top_model.c ---- */

/*  A string or number of an object; "" and `missing` where it is absent or of another type. */
const char *aut_top_text (const json_t *object, const char *key);
double aut_top_number (const json_t *object, const char *key, double missing);
/*  What a worker runs: {"job","shot","chunk",…}, or NULL if it is not known. */
const json_t *aut_top_task_of (const aut_top_t *self, const json_t *worker);
/*  0…1, of a job, shot or chunk. */
double aut_top_progress (const json_t *thing);
/*  The job of that id in the listing, or NULL. */
json_t *aut_top_find (json_t *list, const char *key, const char *value);

/* ---- top_draw.c, top_draw_job.c ---- */

typedef struct {
    aut_top_t *top;
    aut_screen_t *screen;
    int64_t now_ms;
    bool live;
} draw_t;

typedef struct column {
    const char *title;
    int width, wide; /* columns at 80 and at 110 or more; negative: a share of what is left over */
    int from;        /* the narrowest page that it is on */
    bool right;      /* flush right */
    void (*put) (const draw_t *draw, const struct column *column, const row_t *row, int y, int x,
                 int width);
} column_t;

#define AUT_TOP_WIDE 110

/*  A pane in rows `top` to `bottom` (not included): its head, the columns' heads, its rows. */
void aut_top_draw_pane (const draw_t *draw, pane_id_t pane, const char *title,
                        const column_t *columns, size_t count, int top, int bottom);
void aut_top_draw_overview (const draw_t *draw, int top, int bottom);
void aut_top_draw_job (const draw_t *draw, int top, int bottom);
void aut_top_draw_node (const draw_t *draw, int top, int bottom);

/* cells that several tables have */
void aut_top_put_state (const draw_t *draw, const column_t *column, const row_t *row, int y, int x,
                        int width);
void aut_top_put_progress (const draw_t *draw, const column_t *column, const row_t *row, int y,
                           int x, int width);
void aut_top_put_left (const draw_t *draw, const column_t *column, const row_t *row, int y, int x,
                       int width);
aut_style_t aut_top_state_style (const char *state);
/*  A time for people, "3m 12s"; "" for a negative one. */
const char *aut_top_time (double seconds, char *out, size_t size);
/*  In one sentence, what there is to say of a shot or worker. */
void aut_top_shot_story (const json_t *shot, char *out, size_t size);
void aut_top_worker_story (const aut_top_t *self, const json_t *worker, char *out, size_t size);

#endif
