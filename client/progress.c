#include "client/progress.h"
#include "lib/core/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define BAR_WIDTH 24
#define DRAW_EVERY_MS 100

struct aut_progress {
    bool tty, color;
    int lines; /* live lines on the screen now */
    int64_t drawn_ms, began_ms;
    double began_fraction;
    int step_tenth;
    int64_t step_began_ms;
    char step_name[32];
};

aut_progress_t *aut_progress_new (bool color)
{
    aut_progress_t *self = aut_calloc (1, sizeof *self);
    const char *terminal = getenv ("TERM");
    self->tty = isatty (STDERR_FILENO) && terminal && strcmp (terminal, "dumb") != 0;
    self->color = self->tty && color && !getenv ("NO_COLOR");
    self->began_ms = -1;
    self->step_tenth = -1;
    return self;
}

void aut_progress_destroy (aut_progress_t **self_p)
{
    if (*self_p)
        aut_progress_end (*self_p);
    free (*self_p);
    *self_p = NULL;
}

void aut_progress_end (aut_progress_t *self)
{
    if (self->lines)
        fprintf (stderr, "\r\033[%dA\033[J", self->lines);
    self->lines = 0;
    fflush (stderr);
}

void aut_progress_note (aut_progress_t *self, const char *format, ...)
{
    aut_progress_end (self);
    va_list args;
    va_start (args, format);
    vfprintf (stderr, format, args);
    va_end (args);
    fputc ('\n', stderr);
}

static void format_left (char *text, size_t size, double seconds)
{
    if (seconds < 0 || seconds > 359999)
        snprintf (text, size, "--:--");
    else if (seconds < 3600)
        snprintf (text, size, "%d:%02d left", (int)seconds / 60, (int)seconds % 60);
    else
        snprintf (text, size, "%d:%02d:%02d left", (int)seconds / 3600, (int)seconds / 60 % 60,
                  (int)seconds % 60);
}

static void print_bar (const aut_progress_t *self, double fraction)
{
    int full = (int)(fraction * BAR_WIDTH + 0.5);
    fputs (self->color ? "\033[36m" : "", stderr);
    for (int i = 0; i < BAR_WIDTH; i++)
        fputs (i < full ? "━" : self->color ? "\033[2m─" : "─", stderr);
    fputs (self->color ? "\033[0m" : "", stderr);
}

void aut_progress_change (aut_progress_t *self, const aut_jobview_t *view,
                          const aut_view_change_t *change)
{
    if (!change->shot || change->before == change->after)
        return;
    const aut_view_shot_t *shot = change->shot;
    const aut_view_chunk_t *chunk = &shot->chunks[change->chunk];
    /* A chunk that goes back to ready with an error was tried and failed: worth a line anywhere. */
    char name[AUT_VIEW_NAME];
    aut_jobview_name (shot, change->chunk, true, name);
    bool retried = change->before == AUT_VIEW_LEASED && change->after != AUT_VIEW_DONE;
    if (change->after == AUT_VIEW_FAILED)
        aut_progress_note (self, "%s: %s failed: %s", shot->id, name,
                           chunk->error ? chunk->error : "no reason was given");
    else if (retried && chunk->error)
        aut_progress_note (self, "%s: %s is tried again: %s", shot->id, name, chunk->error);
    else if (!self->tty && change->after == AUT_VIEW_DONE)
        fprintf (stderr, "%s: %s done%s%s, %.0f %% of the film\n", shot->id, name,
                 *chunk->node ? " on " : "", chunk->node, aut_jobview_fraction (view) * 100);
}

/* The time left for a shot, from the pace of its running chunk; negative when not known yet. */
static double shot_seconds_left (const aut_view_shot_t *shot, int64_t now_ms)
{
    double left = 0, pace = 0;
    for (uint32_t c = 0; c < shot->chunk_count; c++) {
        const aut_view_chunk_t *chunk = &shot->chunks[c];
        if (chunk->state == AUT_VIEW_DONE)
            continue;
        left += chunk->weight * (1 - chunk->progress);
        if (chunk->state == AUT_VIEW_LEASED && chunk->progress > 0 && now_ms > chunk->started_ms)
            pace = chunk->weight * chunk->progress / ((double)(now_ms - chunk->started_ms) / 1000);
    }
    return pace > 0 ? left / pace : -1;
}

static void draw_shot (aut_progress_t *self, const aut_view_shot_t *shot, int64_t now_ms)
{
    double total = 0, fraction = aut_jobview_shot_fraction (shot);
    const char *node = "";
    for (uint32_t c = 0; c < shot->chunk_count; c++) {
        total += shot->chunks[c].weight;
        if (shot->chunks[c].state == AUT_VIEW_LEASED)
            node = shot->chunks[c].node;
    }
    char left[32];
    format_left (left, sizeof left, shot_seconds_left (shot, now_ms));
    fprintf (stderr, "  %-12.24s ", shot->id);
    print_bar (self, fraction);
    fprintf (stderr, " %4.0f/%.0f %3.0f %%  %-13s %.20s\033[K\n", fraction * total, total,
             fraction * 100, left, node);
    self->lines++;
}

static bool is_active (const aut_view_shot_t *shot)
{
    for (uint32_t c = 0; c < shot->chunk_count; c++)
        if (shot->chunks[c].state == AUT_VIEW_LEASED)
            return true;
    return false;
}

static int screen_rows (void)
{
    struct winsize size;
    return ioctl (STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 4 ? size.ws_row : 24;
}

void aut_progress_draw (aut_progress_t *self, const aut_jobview_t *view, int64_t now_ms)
{
    double fraction = aut_jobview_fraction (view);
    if (self->began_ms < 0) {
        self->began_ms = now_ms;
        self->began_fraction = fraction;
    }
    if (!self->tty || now_ms - self->drawn_ms < DRAW_EVERY_MS)
        return;
    self->drawn_ms = now_ms;
    aut_progress_end (self);
    int room = screen_rows () - 3;
    for (size_t i = 0; i < aut_jobview_shots (view) && room > 0; i++)
        if (is_active (aut_jobview_shot (view, i))) {
            draw_shot (self, aut_jobview_shot (view, i), now_ms);
            room--;
        }
    char left[32];
    double gained = fraction - self->began_fraction;
    double elapsed = (double)(now_ms - self->began_ms) / 1000;
    format_left (left, sizeof left, gained > 0.005 ? elapsed * (1 - fraction) / gained : -1);
    fprintf (stderr, "  %-12s ", "film");
    print_bar (self, fraction);
    fprintf (stderr, " %zu/%zu shots %3.0f %%  %s\033[K\n", aut_jobview_shots_done (view),
             aut_jobview_shots (view), fraction * 100, left);
    self->lines++;
    fflush (stderr);
}

void aut_progress_step (aut_progress_t *self, const char *what, uint64_t done, uint64_t total,
                        int64_t now_ms)
{
    if (strcmp (self->step_name, what) != 0) {
        snprintf (self->step_name, sizeof self->step_name, "%s", what);
        self->step_began_ms = now_ms;
        self->step_tenth = -1;
    }
    double fraction = total ? (double)done / (double)total : 1;
    int tenth = (int)(fraction * 10);
    if (!self->tty) {
        if (tenth > self->step_tenth && tenth > 0)
            fprintf (stderr, "%s: %d %%\n", what, tenth * 10);
        self->step_tenth = tenth;
        return;
    }
    if (now_ms - self->drawn_ms < DRAW_EVERY_MS && done < total)
        return;
    self->drawn_ms = now_ms;
    aut_progress_end (self);
    char left[32];
    double elapsed = (double)(now_ms - self->step_began_ms) / 1000;
    format_left (left, sizeof left, fraction > 0.01 ? elapsed * (1 - fraction) / fraction : -1);
    fprintf (stderr, "  %-12s ", what);
    print_bar (self, fraction);
    fprintf (stderr, " %3.0f %%  %s\033[K\n", fraction * 100, left);
    self->lines++;
    fflush (stderr);
}
