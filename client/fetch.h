/*  Bringing a job's results home: chunks' mezzanines joined into shots, with their metadata. */
#ifndef AUT_CLIENT_FETCH_H
#define AUT_CLIENT_FETCH_H

#include "client/film.h"
#include "client/progress.h"

typedef struct {
    size_t shots;   /* brought */
    size_t missing; /* not done, or not all chunks */
} aut_fetch_report_t;

/*  Fetches every finished shot of `job` into DIR/shots and DIR/metadata/shots. `film` is the job's
 *  storyboard, planned. Shots that are not finished are counted, not an error. `cancelled` by an
 *  interrupt gives AUT_ERR_CANCELLED. */
int aut_fetch (aut_session_t *session, const char *job, const aut_film_t *film, const char *dir,
               aut_progress_t *progress, aut_fetch_report_t *report);

#endif
