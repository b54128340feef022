/*  Commands that ask the status socket one thing and print it. */
#ifndef AUT_CLIENT_QUERY_H
#define AUT_CLIENT_QUERY_H

#include "client/connect.h"

/*  Asks for a listing, all pages of it joined: `what` is "jobs" or "nodes", `list` the key of the
 *  array in the answer. The caller decrefs `*out`, an object with only that key. */
int aut_query_list (aut_session_t *session, const char *what, const char *list, json_t **out);

/*  Asks for one job with up to `limit` (0: as many as fit) of its shots from index `after` on. The
 *  caller decrefs `*out`. AUT_ERR_INVALID for what cannot be a job id, AUT_ERR_NOT_FOUND. */
int aut_query_job (aut_session_t *session, const char *job, int64_t after, int64_t limit,
                   json_t **out);

/*  The same for `what`, "job" or "explain". */
int aut_query_about (aut_session_t *session, const char *what, const char *job, int64_t after,
                     int64_t limit, json_t **out);

/*  A string member of an object for a table, "" when absent. */
const char *aut_query_text (const json_t *object, const char *key);

/*  An integer member, 0 when absent. */
int64_t aut_query_int (const json_t *object, const char *key);

#endif
