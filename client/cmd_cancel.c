/*  auteur cancel and auteur retry: one word to the broker about a job. */
#include "client/command.h"
#include "client/connect.h"
#include "client/interrupt.h"
#include "client/query.h"
#include "lib/core/error.h"

#include <stdio.h>

/* What the job's state is now: a retry of a job that is done leaves it done. */
static int ask_state (aut_session_t *session, const char *job, char *state, size_t size)
{
    json_t *reply = NULL;
    int rc = aut_query_job (session, job, 0, 1, &reply);
    snprintf (state, size, "%s", aut_query_text (reply, "state"));
    json_decref (reply);
    return rc;
}

static int tell (const aut_opt_info_t *info, int argc, char **argv, aut_session_mode_t mode,
                 int (*command) (aut_client_t *client, const char *job))
{
    aut_common_t common = AUT_COMMON_DEFAULTS;
    const aut_opt_t table[] = {AUT_OPTIONS_CLUSTER (common), AUT_OPTIONS_STATE (common),
                               AUT_OPTIONS_OUTPUT (common), AUT_OPTIONS_END};
    const char *job[1];
    int code = aut_common_parse (info, table, &common, argc, argv, job, NULL);
    if (code >= 0)
        return code;
    aut_interrupt_install ();
    aut_session_t session;
    int rc = aut_session_open (&session, &common, mode, 0);
    if (rc == 0)
        rc = command (session.client, job[0]);
    char state[32] = "";
    if (rc == 0)
        rc = ask_state (&session, job[0], state, sizeof state);
    if (rc)
        code = aut_common_fail (rc, "%s", argv[0]);
    else if (common.json)
        aut_common_print_json (json_pack ("{s:s, s:s}", "job", job[0], "state", state));
    else
        printf ("Job %s: %s.\n", job[0], state);
    aut_session_close (&session);
    return rc ? code : AUT_EXIT_DONE;
}

int aut_cmd_cancel (int argc, char **argv)
{
    const aut_opt_info_t info = {
        .program = "auteur cancel",
        .usage = "JOB",
        .about = "Stops a job: running chunks are aborted, finished ones are kept for later jobs.",
        .min_operands = 1,
        .max_operands = 1};
    return tell (&info, argc, argv, AUT_SESSION_READ, aut_client_cancel);
}

int aut_cmd_retry (int argc, char **argv)
{
    const aut_opt_info_t info = {
        .program = "auteur retry",
        .usage = "JOB",
        .about = "Runs a job's failed and cancelled shots again; what is done stays.\n"
                 "Without a broker, just run 'auteur render' again.",
        .min_operands = 1,
        .max_operands = 1};
    return tell (&info, argc, argv, AUT_SESSION_CLUSTER_ONLY, aut_client_retry);
}
