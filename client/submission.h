/*  Giving a storyboard to a broker: its bytes, pictures and sounds are uploaded, then named. */
#ifndef AUT_CLIENT_SUBMISSION_H
#define AUT_CLIENT_SUBMISSION_H

#include "client/film.h"

typedef struct {
    int32_t priority;        /* -100 … 100 */
    const char *idempotency; /* or NULL */
    bool allow_lower_tier;
} aut_submission_options_t;

/*  Uploads and submits; `job` is the caller's to free. The connection's and the broker's errors. */
int aut_submission_send (char **job, aut_session_t *session, const aut_film_t *film,
                         const aut_submission_options_t *options);

/*  Fetches what was submitted as `job` and plans it, with the models of the search path `models`
 *  and, on a cluster, those of the broker. The caller clears `*out` in every case. */
int aut_submission_film (aut_film_t *out, aut_session_t *session, const char *job,
                         const char *models);

/*  {"path": hex} of all files that a film names; a new reference. */
json_t *aut_submission_assets (const aut_film_t *film);

#endif
