/*  Following a job to its end: a snapshot, then events; after a gap a snapshot again. */
#ifndef AUT_CLIENT_FOLLOW_H
#define AUT_CLIENT_FOLLOW_H

#include "client/connect.h"
#include "client/jobview.h"
#include "client/progress.h"

/*  Shows progress until the job has ended. 0 when it has (ask aut_jobview_state how),
 *  AUT_ERR_CANCELLED on an interrupt, AUT_ERR_NOT_FOUND for an unknown job,
 *  AUT_ERR_STATE when a local job needs what this machine's node has not, or the connection's
 *  errors. With `json`, every event of the job is also printed on stdout, one a line; the last line
 *  always tells how the job ended. */
int aut_follow (aut_session_t *session, aut_jobview_t *view, const char *job,
                aut_progress_t *progress, bool json);

/*  The exit code of an ended job: 0 done, 1 failed or cancelled, 4 failed with some shots done. */
int aut_follow_exit_code (const aut_jobview_t *view);

/*  Names on stderr every shot that is not there, and why. */
void aut_follow_report (const aut_jobview_t *view, const char *job);

#endif
