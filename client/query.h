/*  Commands that ask the status socket one thing and print it. */
#ifndef AUT_CLIENT_QUERY_H
#define AUT_CLIENT_QUERY_H

#include "client/connect.h"

/*  Asks for a listing, all pages of it joined: `what` is "jobs" or "nodes", `list` the key of the
 *  array in the answer. The caller decrefs `*out`, an object with only that key. */
int aut_query_list (aut_session_t *session, const char *what, const char *list, json_t **out);

/*  A string member of an object for a table, "" when absent. */
const char *aut_query_text (const json_t *object, const char *key);

/*  An integer member, 0 when absent. */
int64_t aut_query_int (const json_t *object, const char *key);

#endif
