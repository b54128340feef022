/*  auteur sheet: one picture of a job's shots. */
#include "client/assemble.h"
#include "client/command.h"
#include "client/fetch.h"
#include "client/interrupt.h"
#include "client/submission.h"
#include "lib/core/error.h"
#include "lib/core/file.h"
#include "lib/core/mem.h"

#include <stdio.h>
#include <stdlib.h>

typedef struct {
    aut_common_t common;
    const char *job;
    char *path;
    int64_t each;
} options_t;

/*  The job's finished shots in the folder `dir`, and their sheet. */
static int write_sheet (const options_t *options, aut_session_t *session, const char *dir,
                        aut_fetch_report_t *report)
{
    aut_film_t film = {0};
    aut_fetch_t *fetched = NULL;
    aut_progress_t *progress = aut_progress_new (!options->common.no_color);
    int rc = aut_submission_film (&film, session, options->job, options->common.models);
    if (rc == 0)
        rc = aut_fetch (&fetched, session, options->job, &film, dir, progress, report);
    if (rc == 0 && !report->shots)
        rc = aut_fail (AUT_ERR_STATE, "no shot of it is done yet");
    if (rc == 0)
        rc = aut_assemble_sheet (&film, dir, NULL, options->path, (unsigned)options->each);
    aut_fetch_destroy (&fetched);
    aut_progress_destroy (&progress);
    aut_film_clear (&film);
    return rc;
}

static int run (const options_t *options)
{
    const char *tmp = getenv ("TMPDIR");
    char *dir = aut_path_join (tmp && *tmp ? tmp : "/tmp", "auteur-sheet-XXXXXX", NULL);
    aut_session_t session;
    aut_fetch_report_t report = {0};
    int rc = aut_session_open (&session, &options->common, AUT_SESSION_READ, 0);
    if (rc == 0 && !mkdtemp (dir))
        rc = aut_fail_errno ("cannot make %s", dir);
    if (rc == 0) {
        rc = write_sheet (options, &session, dir, &report);
        aut_dir_remove (dir);
    }
    aut_session_close (&session);
    free (dir);
    if (rc)
        return aut_common_fail (rc, "sheet %s", options->job);
    if (options->common.json)
        aut_common_print_json (json_pack ("{s:s, s:s, s:I, s:I}", "job", options->job, "file",
                                          options->path, "shots", (json_int_t)report.shots,
                                          "missing", (json_int_t)report.missing));
    else
        printf ("%s: %zu of %zu shots\n", options->path, report.shots,
                report.shots + report.missing);
    return AUT_EXIT_DONE;
}

int aut_cmd_sheet (int argc, char **argv)
{
    options_t options = {.common = AUT_COMMON_DEFAULTS, .each = 1};
    const char *path = NULL;
    const aut_opt_info_t info = {
        .program = "auteur sheet",
        .usage = "JOB [-o PNG]",
        .about = "Writes a contact sheet of a job: one picture with a row of shots for each scene. "
                 "Shots\n"
                 "that are not done yet are left out. 'render' and 'stitch' write one of the film "
                 "beside\n"
                 "it; this is for a job that is still running, or whose film is elsewhere.",
        .min_operands = 1,
        .max_operands = 1};
    const aut_opt_t table[] = {
        {"output", 'o', AUT_OPT_STRING, &path, "PNG", "the file to write (default JOB-sheet.png)",
         NULL, 0, 0},
        {"frames", 0, AUT_OPT_INT, &options.each, "N", "pictures of each shot (1)", NULL, 1, 9},
        AUT_OPTIONS_CLUSTER (options.common),
        AUT_OPTIONS_STATE (options.common),
        AUT_OPTIONS_MODELS (options.common),
        AUT_OPTIONS_OUTPUT (options.common),
        AUT_OPTIONS_END};
    const char *job[1];
    int code = aut_common_parse (&info, table, &options.common, argc, argv, job, NULL);
    if (code >= 0)
        return code;
    aut_interrupt_install ();
    options.job = job[0];
    options.path = path ? aut_strdup (path) : aut_sprintf ("%s-sheet.png", job[0]);
    code = run (&options);
    free (options.path);
    return code;
}
