/*  auteur watch: follows a job to its end. */
#include "client/command.h"
#include "client/follow.h"
#include "client/interrupt.h"
#include "lib/core/error.h"

#include <stdio.h>

int aut_cmd_watch (int argc, char **argv)
{
    aut_common_t common = AUT_COMMON_DEFAULTS;
    const aut_opt_info_t info = {
        .program = "auteur watch",
        .usage = "JOB [--json]",
        .about =
            "Shows a job's progress until it has ended. Stopping to watch does not stop the job.\n"
            "--json prints each event as one line of JSON.",
        .min_operands = 1,
        .max_operands = 1};
    const aut_opt_t table[] = {AUT_OPTIONS_CLUSTER (common), AUT_OPTIONS_STATE (common),
                               AUT_OPTIONS_MODELS (common), AUT_OPTIONS_OUTPUT (common),
                               AUT_OPTIONS_END};
    const char *job[1];
    int code = aut_common_parse (&info, table, &common, argc, argv, job, NULL);
    if (code >= 0)
        return code;
    aut_interrupt_install ();
    aut_session_t session;
    int rc = aut_session_open (&session, &common, AUT_SESSION_READ, 0);
    if (rc)
        return aut_common_fail (rc, "watch");
    aut_jobview_t *view = aut_jobview_new (job[0]);
    aut_progress_t *progress = aut_progress_new (!common.no_color);
    rc = aut_follow (&session, view, job[0], progress, common.json);
    aut_progress_destroy (&progress);
    if (rc == 0) {
        code = aut_follow_exit_code (view);
        if (code == AUT_EXIT_DONE && !common.json)
            printf ("Job %s is done: %zu shots. Next: auteur fetch %s -o DIR\n", job[0],
                    aut_jobview_shots (view), job[0]);
        else if (code != AUT_EXIT_DONE)
            aut_follow_report (view, job[0]);
    } else {
        code = aut_common_fail (rc, "watch");
    }
    aut_jobview_destroy (&view);
    aut_session_close (&session);
    return code;
}
