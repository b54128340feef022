/*  auteur jobs: what the broker has, one line a job. */
#include "client/command.h"
#include "client/interrupt.h"
#include "client/query.h"
#include "lib/core/error.h"

#include <stdio.h>

static void print_jobs (const json_t *jobs)
{
    if (json_array_size (jobs) == 0) {
        printf ("No jobs.\n");
        return;
    }
    printf ("%-8s %-10s %4s %9s  %s\n", "JOB", "STATE", "PRIO", "SHOTS", "PROJECT");
    size_t i;
    json_t *job;
    json_array_foreach (jobs, i, job)
    {
        const json_t *shots = json_object_get (job, "shots");
        char done[32];
        snprintf (done, sizeof done, "%lld/%lld", (long long)aut_query_int (shots, "done"),
                  (long long)aut_query_int (shots, "total"));
        printf ("%-8s %-10s %4lld %9s  %s\n", aut_query_text (job, "id"),
                aut_query_text (job, "state"), (long long)aut_query_int (job, "priority"), done,
                aut_query_text (job, "project"));
    }
}

int aut_cmd_jobs (int argc, char **argv)
{
    aut_common_t common = AUT_COMMON_DEFAULTS;
    const aut_opt_info_t info = {.program = "auteur jobs",
                                 .usage = "[--json]",
                                 .about = "Lists jobs: of the cluster, or without one those that "
                                          "were rendered on this machine."};
    const aut_opt_t table[] = {AUT_OPTIONS_CLUSTER (common), AUT_OPTIONS_STATE (common),
                               AUT_OPTIONS_OUTPUT (common), AUT_OPTIONS_END};
    int code = aut_common_parse (&info, table, &common, argc, argv, NULL, NULL);
    if (code >= 0)
        return code;
    aut_interrupt_install ();
    aut_session_t session;
    json_t *reply = NULL;
    int rc = aut_session_open (&session, &common, AUT_SESSION_READ, 0);
    if (rc == 0)
        rc = aut_query_list (&session, "jobs", "jobs", &reply);
    code = rc ? aut_common_fail (rc, "jobs") : AUT_EXIT_DONE;
    if (rc == 0 && common.json)
        aut_common_print_json (json_incref (reply));
    else if (rc == 0)
        print_jobs (json_object_get (reply, "jobs"));
    json_decref (reply);
    aut_session_close (&session);
    return code;
}
