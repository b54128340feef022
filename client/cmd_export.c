/*  auteur export: a job's timeline for an editing program. */
#include "client/command.h"
#include "client/submission.h"
#include "lib/core/error.h"
#include "lib/core/file.h"
#include "lib/film/timeline.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const aut_timeline_form_t *find_form (const char *name)
{
    const char *names[8] = {0};
    size_t i = 0;
    for (; aut_timeline_forms[i].name; i++) {
        if (name && strcmp (aut_timeline_forms[i].name, name) == 0)
            return &aut_timeline_forms[i];
        names[i] = aut_timeline_forms[i].name;
    }
    const char *near = name ? aut_nearest (name, names) : NULL;
    fprintf (stderr,
             name ? "auteur export: --to %s is not known"
                  : "auteur export: say which form with --to",
             name);
    fprintf (stderr, near ? "; did you mean %s?\n" : "\n", near);
    for (i = 0; aut_timeline_forms[i].name; i++)
        fprintf (stderr, "  --to %-7s %s\n", aut_timeline_forms[i].name,
                 aut_timeline_forms[i].title);
    return NULL;
}

/*  The storyboard of a job, planned. */
static int load_job (aut_film_t *film, const aut_common_t *common, const char *job)
{
    aut_session_t session;
    int rc = aut_session_open (&session, common, AUT_SESSION_READ, 0);
    if (rc)
        return rc;
    rc = aut_submission_film (film, &session, job, common->models);
    aut_session_close (&session);
    return rc;
}

static int write_out (const aut_timeline_form_t *form, const aut_film_t *film, const char *path)
{
    aut_buffer_t out = {0};
    aut_timeline_t *timeline = aut_timeline_new (film->plan);
    form->write (timeline, &out);
    int rc = path ? aut_file_write (path, out.data, out.size) : 0;
    if (!path)
        fwrite (out.data, 1, out.size, stdout);
    aut_timeline_destroy (&timeline);
    aut_buffer_clear (&out);
    return rc;
}

int aut_cmd_export (int argc, char **argv)
{
    aut_common_t common = AUT_COMMON_DEFAULTS;
    const char *path = NULL, *to = NULL;
    const aut_opt_info_t info = {
        .program = "auteur export",
        .usage = "JOB --to otio|edl|fcpxml [-o FILE]",
        .about =
            "Writes a job's film as a timeline for an editing program: a clip for each shot, "
            "named\n"
            "by its id, with its transitions centred on the cuts. Media are named relative to the\n"
            "job's output folder (shots/ID.mkv), so put FILE there:\n\n"
            "  auteur fetch j1 -o film && auteur export j1 --to otio -o film/film.otio",
        .min_operands = 1,
        .max_operands = 1};
    const aut_opt_t table[] = {{"to", 0, AUT_OPT_STRING, &to, "FORM",
                                "otio (OpenTimelineIO), edl (CMX 3600) or fcpxml (1.10)", NULL, 0,
                                0},
                               {"output", 'o', AUT_OPT_STRING, &path, "FILE",
                                "the file to write (default: standard output)", NULL, 0, 0},
                               AUT_OPTIONS_CLUSTER (common),
                               AUT_OPTIONS_STATE (common),
                               AUT_OPTIONS_MODELS (common),
                               AUT_OPTIONS_OUTPUT (common),
                               AUT_OPTIONS_END};
    const char *job[1];
    int code = aut_common_parse (&info, table, &common, argc, argv, job, NULL);
    if (code >= 0)
        return code;
    const aut_timeline_form_t *form = find_form (to);
    if (!form)
        return AUT_EXIT_USAGE;
    aut_film_t film = {0};
    int rc = load_job (&film, &common, job[0]);
    if (rc == 0)
        rc = write_out (form, &film, path);
    code = rc ? aut_common_fail (rc, "export %s", job[0]) : AUT_EXIT_DONE;
    if (rc == 0 && path && common.json)
        aut_common_print_json (
            json_pack ("{s:s, s:s, s:s}", "job", job[0], "file", path, "form", form->name));
    else if (rc == 0 && path)
        printf ("%s: %zu shots, %lld frames (%s)\n", path, film.plan->shot_count,
                (long long)film.plan->frames, form->title);
    aut_film_clear (&film);
    return code;
}
