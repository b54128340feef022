/*  Shows a job's progress on stderr: on a terminal one line per active shot, redrawn in place; in
 *  a pipe plain lines when a chunk ends.
 */
#ifndef AUT_CLIENT_PROGRESS_H
#define AUT_CLIENT_PROGRESS_H

#include "client/jobview.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct aut_progress aut_progress_t;

/*  `color` is honoured only on a terminal. */
aut_progress_t *aut_progress_new (bool color);
void aut_progress_destroy (aut_progress_t **self_p);

/*  Tells of a change. In a pipe this prints; on a terminal the next draw shows it. */
void aut_progress_change (aut_progress_t *self, const aut_jobview_t *view,
                          const aut_view_change_t *change);

/*  Redraws on a terminal, at most ten times a second; nothing in a pipe. */
void aut_progress_draw (aut_progress_t *self, const aut_jobview_t *view, int64_t now_ms);

/*  A line that stays, such as "broker is back"; the live lines are drawn below it again. */
void aut_progress_note (aut_progress_t *self, const char *format, ...)
    __attribute__ ((format (printf, 2, 3)));

/*  One step with its own count ("stitching", 120 of 480 frames): a live line on a terminal; in a
 *  pipe a line at each tenth. */
void aut_progress_step (aut_progress_t *self, const char *what, uint64_t done, uint64_t total,
                        int64_t now_ms);

/*  Takes the live lines away. */
void aut_progress_end (aut_progress_t *self);

#endif
