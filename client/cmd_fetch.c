/*  auteur fetch: a job's shots and metadata into a folder. */
#include "client/command.h"
#include "client/fetch.h"
#include "client/interrupt.h"
#include "client/output.h"
#include "client/submission.h"
#include "lib/core/error.h"

#include <stdio.h>
#include <stdlib.h>

static int fetch (const aut_common_t *common, const char *job, const char *dir)
{
    aut_session_t session;
    int rc = aut_session_open (&session, common, AUT_SESSION_READ, 0);
    if (rc)
        return aut_common_fail (rc, "fetch");
    aut_film_t film = {0};
    aut_fetch_report_t report = {0};
    rc = aut_submission_film (&film, &session, job, common->models);
    if (rc == 0) {
        aut_progress_t *progress = aut_progress_new (!common->no_color);
        aut_fetch_t *fetched = NULL;
        rc = aut_fetch (&fetched, &session, job, &film, dir, progress, &report);
        if (rc == 0)
            rc = aut_fetch_describe (fetched, dir, NULL);
        if (rc == 0)
            rc = aut_output_write_film (dir, job, &film, NULL);
        aut_fetch_destroy (&fetched);
        aut_progress_destroy (&progress);
    }
    int code = rc ? aut_common_fail (rc, "fetch %s", job) : AUT_EXIT_DONE;
    if (rc == 0 && report.missing) {
        fprintf (stderr, "auteur: %zu of %zu shots are not done yet and were left out.\n",
                 report.missing, report.missing + report.shots);
        code = report.shots ? AUT_EXIT_PARTIAL : AUT_EXIT_FAILED;
    }
    if (rc == 0 && common->json)
        aut_common_print_json (json_pack ("{s:s, s:s, s:I, s:I}", "job", job, "output", dir,
                                          "shots", (json_int_t)report.shots, "missing",
                                          (json_int_t)report.missing));
    else if (rc == 0)
        printf ("%s: %zu shots. Next: auteur stitch %s -o film.mp4\n", dir, report.shots, dir);
    aut_film_clear (&film);
    aut_session_close (&session);
    return code;
}

int aut_cmd_fetch (int argc, char **argv)
{
    aut_common_t common = AUT_COMMON_DEFAULTS;
    const char *dir = NULL;
    const aut_opt_info_t info = {
        .program = "auteur fetch",
        .usage = "JOB -o DIR",
        .about =
            "Brings a job's finished shots (lossless) and their metadata into DIR, laid out as\n"
            "'render' does. 'auteur stitch DIR -o FILM' makes the film of it.",
        .min_operands = 1,
        .max_operands = 1};
    const aut_opt_t table[] = {
        {"output", 'o', AUT_OPT_STRING, &dir, "DIR", "the folder to fill; required", NULL, 0, 0},
        AUT_OPTIONS_CLUSTER (common),
        AUT_OPTIONS_STATE (common),
        AUT_OPTIONS_MODELS (common),
        AUT_OPTIONS_OUTPUT (common),
        AUT_OPTIONS_END};
    const char *job[1];
    int code = aut_common_parse (&info, table, &common, argc, argv, job, NULL);
    if (code >= 0)
        return code;
    if (!dir) {
        fprintf (stderr, "auteur fetch: name the folder to fill with -o DIR\n");
        return AUT_EXIT_USAGE;
    }
    aut_interrupt_install ();
    return fetch (&common, job[0], dir);
}
