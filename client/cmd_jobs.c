/*  auteur jobs: what the broker has, one line a job. */
#include "client/command.h"
#include "client/explain.h"
#include "client/interrupt.h"
#include "client/query.h"
#include "lib/core/error.h"

#include <stdio.h>

/* What a broker wrote, in its column. */
static void print_text (const json_t *job, const char *key)
{
    aut_buffer_t text = {0};
    aut_buffer_printable (&text, aut_query_text (job, key));
    printf ("%s", text.data ? text.data : "");
    aut_buffer_clear (&text);
}

static void print_job (const json_t *job)
{
    const json_t *shots = json_object_get (job, "shots"), *left = json_object_get (job, "left_s");
    aut_buffer_t time = {0};
    char done[32];
    snprintf (done, sizeof done, "%lld/%lld", (long long)aut_query_int (shots, "done"),
              (long long)aut_query_int (shots, "total"));
    if (json_is_integer (left))
        aut_explain_duration (1000 * json_integer_value (left), &time);
    printf ("%-8s %-10s %4lld %9s %4.0f%% %12s  ", aut_query_text (job, "id"),
            aut_query_text (job, "state"), (long long)aut_query_int (job, "priority"), done,
            100 * json_number_value (json_object_get (job, "progress")),
            time.data ? time.data : "");
    print_text (job, "project");
    if (*aut_query_text (job, "wait")) {
        printf (": ");
        print_text (job, "wait");
    }
    printf ("\n");
    aut_buffer_clear (&time);
}

static void print_jobs (const json_t *jobs)
{
    if (json_array_size (jobs) == 0) {
        printf ("No jobs.\n");
        return;
    }
    printf ("%-8s %-10s %4s %9s %5s %12s  %s\n", "JOB", "STATE", "PRIO", "SHOTS", "DONE", "LEFT",
            "PROJECT");
    size_t i;
    json_t *job;
    json_array_foreach (jobs, i, job)
    {
        print_job (job);
    }
}

int aut_cmd_jobs (int argc, char **argv)
{
    aut_common_t common = AUT_COMMON_DEFAULTS;
    const aut_opt_info_t info = {.program = "auteur jobs",
                                 .usage = "[--json]",
                                 .about = "Lists jobs: of the cluster, or without one those that "
                                          "were rendered on this machine.\n"
                                          "LEFT is worked out from what was measured so far; a job "
                                          "that does not run says why."};
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
