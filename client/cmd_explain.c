/*  auteur explain: the story of a job, from the broker's store. */
#include "client/command.h"
#include "client/explain.h"
#include "client/interrupt.h"
#include "client/query.h"
#include "lib/core/error.h"

#include <stdio.h>
#include <string.h>

/* All pages as one. */
static int get_story (aut_session_t *session, const char *job, json_t **out)
{
    json_int_t after = 0;
    int rc = 0;
    *out = NULL;
    do {
        json_t *reply = NULL;
        rc = aut_query_about (session, "explain", job, after, 0, &reply);
        json_int_t next = json_integer_value (json_object_get (reply, "next"));
        if (rc == 0 && next != 0 && next <= after)
            rc = aut_fail (AUT_ERR_INVALID, "the broker pages job %s backwards", job);
        after = next;
        if (rc == 0 && *out)
            json_array_extend (json_object_get (*out, "shots"), json_object_get (reply, "shots"));
        else if (rc == 0)
            *out = json_incref (reply);
        json_decref (reply);
    } while (rc == 0 && after != 0);
    if (*out)
        json_object_del (*out, "next");
    return rc;
}

/* Leaves one shot. */
static int narrow (json_t *story, const char *job, const char *id)
{
    json_t *shots = json_object_get (story, "shots");
    for (size_t i = json_array_size (shots); i-- > 0;)
        if (strcmp (aut_query_text (json_array_get (shots, i), "id"), id) != 0)
            json_array_remove (shots, i);
    if (json_array_size (shots))
        return 0;
    return aut_fail (AUT_ERR_NOT_FOUND, "job %s has no shot \"%.64s\"", job, id);
}

static void print (json_t *story, bool json)
{
    aut_buffer_t text = {0};
    if (json) {
        aut_common_print_json (json_incref (story));
        return;
    }
    aut_explain_text (story, &text);
    fputs (text.data, stdout);
    aut_buffer_clear (&text);
}

int aut_cmd_explain (int argc, char **argv)
{
    aut_common_t common = AUT_COMMON_DEFAULTS;
    const char *job[1], *shot = NULL;
    const aut_opt_info_t info = {
        .program = "auteur explain",
        .usage = "JOB [--shot ID] [--json]",
        .about =
            "Tells the story of a job: when it was submitted, what became of it, and for each\n"
            "chunk every attempt with its node, device, time and, if it failed, the reason; and\n"
            "why what has not run yet waits. Of the cluster, or without one of a job that was\n"
            "rendered on this machine. Times are the local clock's.",
        .min_operands = 1,
        .max_operands = 1};
    const aut_opt_t table[] = {
        AUT_OPTIONS_CLUSTER (common),
        AUT_OPTIONS_STATE (common),
        {"shot", 0, AUT_OPT_STRING, &shot, "ID", "of this shot alone", NULL, 0, 0},
        AUT_OPTIONS_OUTPUT (common),
        AUT_OPTIONS_END};
    int code = aut_common_parse (&info, table, &common, argc, argv, job, NULL);
    if (code >= 0)
        return code;
    aut_interrupt_install ();
    aut_session_t session;
    json_t *story = NULL;
    int rc = aut_session_open (&session, &common, AUT_SESSION_READ, 0);
    if (rc == 0)
        rc = get_story (&session, job[0], &story);
    if (rc == 0 && shot)
        rc = narrow (story, job[0], shot);
    if (rc == 0)
        print (story, common.json);
    code = rc ? aut_common_fail (rc, "explain") : AUT_EXIT_DONE;
    json_decref (story);
    aut_session_close (&session);
    return code;
}
