/*  What keys do in the live view. Questions take all keys until they are answered. */
#include "client/top_internal.h"

#include <stdio.h>
#include <string.h>

static void go_to (aut_top_t *self, page_t page, pane_id_t focus)
{
    self->page = page;
    self->focus = focus;
    self->stale = true;
}

/*  One page back. */
static void go_back (aut_top_t *self)
{
    if (self->page == PAGE_NODE)
        go_to (self, PAGE_OVERVIEW, PANE_NODES);
    else if (self->back == PAGE_NODE)
        go_to (self, PAGE_NODE, PANE_WORKERS);
    else
        go_to (self, PAGE_OVERVIEW, PANE_JOBS);
}

/*  Esc takes a filter away first, as it hides things. */
static void escape (aut_top_t *self)
{
    pane_t *pane = &self->panes[self->focus];
    if (*pane->filter) {
        *pane->filter = 0;
        self->stale = true;
    } else if (self->page != PAGE_OVERVIEW) {
        go_back (self);
    }
}

static void open_picked (aut_top_t *self)
{
    const row_t *row = aut_top_picked (self, self->focus);
    if (!row)
        return;
    if (self->focus == PANE_JOBS) {
        aut_top_open (self, row->id);
    } else if (self->focus == PANE_NODES) {
        snprintf (self->open_node, sizeof self->open_node, "%s", row->id);
        go_to (self, PAGE_NODE, PANE_WORKERS);
    } else if (self->focus == PANE_WORKERS) {
        const char *job = aut_top_text (aut_top_task_of (self, row->part), "job");
        if (*job)
            aut_top_open (self, job);
    }
}

/*  The job that `c` is about: the open one, else the selected one. */
static const char *job_meant (const aut_top_t *self)
{
    if (self->page == PAGE_JOB)
        return self->open_job;
    const row_t *row = self->focus == PANE_JOBS ? aut_top_picked (self, PANE_JOBS) : NULL;
    return row ? row->id : "";
}

static const char *node_meant (const aut_top_t *self)
{
    if (self->page == PAGE_NODE)
        return self->open_node;
    const row_t *row = self->focus == PANE_NODES ? aut_top_picked (self, PANE_NODES) : NULL;
    return row ? row->id : "";
}

static void ask (aut_top_t *self, ask_t what, const char *about, const char *else_say)
{
    if (self->down) {
        aut_top_say (self, AUT_STYLE_BAD, "Not now: the broker does not answer.", 0);
    } else if (!*about) {
        aut_top_say (self, AUT_STYLE_WARN, else_say, 0);
    } else {
        self->ask = what;
        snprintf (self->asked, sizeof self->asked, "%s", about);
    }
}

/*  On the overview the selection goes on from the last job to the first node, and back. */
static void move (aut_top_t *self, int64_t by)
{
    pane_t *pane = &self->panes[self->focus];
    int64_t to = (int64_t)pane->at + by;
    if (self->focus == PANE_JOBS && by == 1 && to >= (int64_t)pane->count &&
        self->panes[PANE_NODES].count) {
        self->focus = PANE_NODES;
        to = 0;
    } else if (self->focus == PANE_NODES && by == -1 && to < 0 && self->panes[PANE_JOBS].count) {
        self->focus = PANE_JOBS;
        to = (int64_t)self->panes[PANE_JOBS].count - 1;
    }
    aut_top_pick (self, self->focus, to);
}

static bool move_key (aut_top_t *self, int key)
{
    switch (key) {
    case AUT_KEY_UP:
    case 'k':
        move (self, -1);
        return true;
    case AUT_KEY_DOWN:
    case 'j':
        move (self, 1);
        return true;
    case AUT_KEY_PAGE_UP:
        move (self, -10);
        return true;
    case AUT_KEY_PAGE_DOWN:
        move (self, 10);
        return true;
    case AUT_KEY_HOME:
    case 'g':
        aut_top_pick (self, self->focus, 0);
        return true;
    case AUT_KEY_END:
    case 'G':
        aut_top_pick (self, self->focus, INT64_MAX);
        return true;
    default:
        return false;
    }
}

static size_t encode (char out[5], int key)
{
    unsigned code = (unsigned)key;
    size_t len = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    static const unsigned char lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
    for (size_t i = len; i-- > 1; code >>= 6)
        out[i] = (char)(0x80 | (code & 0x3f));
    out[0] = (char)(lead[len] | code);
    out[len] = 0;
    return len;
}

static void filter_key (aut_top_t *self, int key)
{
    char *filter = self->panes[self->focus].filter;
    size_t len = strlen (filter);
    self->stale = true;
    if (key == AUT_KEY_ENTER) {
        self->ask = ASK_NOTHING;
    } else if (key == AUT_KEY_ESC) {
        *filter = 0;
        self->ask = ASK_NOTHING;
    } else if (key == AUT_KEY_BACKSPACE) {
        while (len && ((unsigned char)filter[--len] & 0xc0) == 0x80)
            ;
        filter[len] = 0;
    } else if (key >= ' ' && key < AUT_KEY_UP && key != AUT_KEY_BACKSPACE) {
        char typed[5];
        size_t more = encode (typed, key);
        if (len + more < AUT_TOP_FILTER)
            memcpy (filter + len, typed, more + 1);
    }
}

static aut_top_deed_t answer_key (aut_top_t *self, int key, const char **name)
{
    ask_t asked = self->ask;
    self->ask = ASK_NOTHING;
    if (key == 'y' || key == 'Y') {
        *name = self->asked;
        return asked == ASK_CANCEL ? AUT_TOP_CANCEL : AUT_TOP_DRAIN;
    }
    aut_top_say (self, AUT_STYLE_PLAIN, "Nothing was done.", 0);
    return AUT_TOP_NOTHING;
}

static void other_key (aut_top_t *self, int key)
{
    bool overview = self->page == PAGE_OVERVIEW;
    switch (key) {
    case AUT_KEY_ENTER:
        open_picked (self);
        break;
    case AUT_KEY_TAB:
        if (overview)
            self->focus = self->focus == PANE_JOBS ? PANE_NODES : PANE_JOBS;
        break;
    case 's':
        aut_top_sort_next (self, self->focus);
        break;
    case 'r':
        self->panes[self->focus].reverse = !self->panes[self->focus].reverse;
        self->stale = true;
        break;
    case 'c':
        ask (self, ASK_CANCEL, job_meant (self), "Select a job first: c cancels it.");
        break;
    case 'd':
        ask (self, ASK_DRAIN, node_meant (self), "Select a node first (Tab): d drains it.");
        break;
    case '/':
        self->ask = ASK_FILTER;
        break;
    case '?':
        self->help = true;
        break;
    default:
        break;
    }
}

aut_top_deed_t aut_top_key (aut_top_t *self, int key, const char **name)
{
    aut_top_rows (self);
    *self->said = 0;
    if (self->help) {
        self->help = false;
        return AUT_TOP_NOTHING;
    }
    if (self->ask == ASK_FILTER) {
        filter_key (self, key);
        return AUT_TOP_NOTHING;
    }
    if (self->ask != ASK_NOTHING)
        return answer_key (self, key, name);
    if (key == 'q' && self->page == PAGE_OVERVIEW)
        return AUT_TOP_QUIT;
    if (key == 'q')
        go_back (self);
    else if (key == AUT_KEY_ESC)
        escape (self);
    else if (!move_key (self, key))
        other_key (self, key);
    return AUT_TOP_NOTHING;
}
