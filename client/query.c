#include "client/query.h"
#include "lib/core/error.h"
#include "lib/core/json.h"
#include "lib/core/mem.h"

#include <stdlib.h>

#define MAX_PAGES 100000

int aut_query_list (aut_session_t *session, const char *what, const char *list, json_t **out)
{
    json_t *all = json_array ();
    json_t *after = NULL;
    int rc = 0;
    for (int page = 0; rc == 0 && page < MAX_PAGES; page++) {
        json_t *request = json_pack ("{s:s}", "get", what);
        if (after)
            json_object_set_new (request, "after", after);
        after = NULL;
        char *text = aut_json_canonical (request, NULL);
        json_decref (request);
        json_t *reply = NULL;
        rc = aut_client_query (session->client, text, &reply);
        free (text);
        json_t *items = json_object_get (reply, list);
        if (rc == 0 && !json_is_array (items))
            rc = aut_fail (AUT_ERR_INVALID, "the broker's answer has no \"%s\"", list);
        if (rc == 0)
            json_array_extend (all, items);
        /* A broker pages long listings: "next" is where the following page begins. */
        json_t *next = json_object_get (reply, "next");
        if (rc == 0 && next && !json_is_null (next))
            after = json_incref (next);
        json_decref (reply);
        if (!after)
            break;
    }
    json_decref (after);
    *out = rc ? NULL : json_pack ("{s:o}", list, all);
    if (rc)
        json_decref (all);
    return rc;
}

int aut_query_job (aut_session_t *session, const char *job, int64_t after, int64_t limit,
                   json_t **out)
{
    return aut_query_about (session, "job", job, after, limit, out);
}

int aut_query_about (aut_session_t *session, const char *what, const char *job, int64_t after,
                     int64_t limit, json_t **out)
{
    *out = NULL;
    json_t *request =
        json_pack ("{s:s, s:s, s:I}", "get", what, "id", job, "after", (json_int_t)after);
    if (!request)
        return aut_fail (AUT_ERR_INVALID, "that is not a job id: it is not UTF-8");
    if (limit > 0)
        json_object_set_new (request, "limit", json_integer (limit));
    char *text = aut_json_canonical (request, NULL);
    json_decref (request);
    int rc = aut_client_query (session->client, text, out);
    free (text);
    return rc;
}

const char *aut_query_text (const json_t *object, const char *key)
{
    const char *text = json_string_value (json_object_get (object, key));
    return text ? text : "";
}

int64_t aut_query_int (const json_t *object, const char *key)
{
    return json_integer_value (json_object_get (object, key));
}
