/*  Bringing a job's results home: chunks' mezzanines joined into shots, with their metadata. */
#ifndef AUT_CLIENT_FETCH_H
#define AUT_CLIENT_FETCH_H

#include "client/film.h"
#include "client/progress.h"

typedef struct {
    size_t shots;   /* brought */
    size_t missing; /* not done, or not all chunks */
} aut_fetch_report_t;

typedef struct aut_fetch aut_fetch_t;

/*  Fetches every finished shot of `job` into DIR/shots. `film` is the job's storyboard, planned,
 * and must outlive the result, which the caller destroys (NULL on error). Shots that are not
 * finished are counted, not an error. An interrupt gives AUT_ERR_CANCELLED. */
int aut_fetch (aut_fetch_t **out, aut_session_t *session, const char *job, const aut_film_t *film,
               const char *dir, aut_progress_t *progress, aut_fetch_report_t *report);

/*  Writes DIR/metadata/shots for the shots that were fetched. `hashes`: of every shot's native
 *  frames, where the stitch took them; NULL: the shots are decoded for it. */
int aut_fetch_describe (const aut_fetch_t *self, const char *dir, const aut_hash_t *hashes);

void aut_fetch_destroy (aut_fetch_t **self_p);

#endif
