/*  auteur render: plan, submit, watch, fetch, stitch. */
#include "client/assemble.h"
#include "client/command.h"
#include "client/fetch.h"
#include "client/follow.h"
#include "client/interrupt.h"
#include "client/output.h"
#include "client/query.h"
#include "client/submission.h"
#include "lib/core/error.h"
#include "lib/core/file.h"
#include "lib/core/mem.h"

#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct {
    aut_common_t common;
    const char *film, *outputs, *sheet, *idempotency;
    int64_t priority, workers, sheet_frames;
    bool allow_lower;
} options_t;

typedef struct {
    const options_t *options;
    aut_session_t session;
    aut_film_t film;
    aut_progress_t *progress;
    aut_jobview_t *view;
    char *job, *dir, *path;
    aut_stitch_report_t stitch;
} render_t;

/* Finds out before an hour of rendering that the film cannot be put where it should go. */
static int check_target (const char *path)
{
    if (!path)
        return 0;
    char *copy = aut_strdup (path);
    const char *parent = dirname (copy);
    struct stat info;
    int rc = 0;
    if (access (parent, W_OK) != 0)
        rc = aut_fail (AUT_ERR_INVALID, "the folder %s is not there or cannot be written to",
                       parent);
    else if (stat (path, &info) == 0 && S_ISDIR (info.st_mode))
        rc = aut_fail (AUT_ERR_INVALID, "it is a folder; name the file to write");
    free (copy);
    return rc;
}

/* A killed local render leaves its job behind: it would render again what nobody waits for. */
static int cancel_left_over (render_t *self)
{
    json_t *reply = NULL;
    int rc = aut_query_list (&self->session, "jobs", "jobs", &reply);
    size_t i;
    json_t *job;
    json_array_foreach (json_object_get (reply, "jobs"), i, job)
    {
        const char *id = aut_query_text (job, "id"), *state = aut_query_text (job, "state");
        if (rc == 0 && strcmp (id, self->job) != 0 &&
            (strcmp (state, "queued") == 0 || strcmp (state, "running") == 0))
            rc = aut_client_cancel (self->session.client, id);
        if (rc == AUT_ERR_STATE) /* it has ended since we asked */
            rc = 0;
    }
    json_decref (reply);
    return rc;
}

static void weigh_shot (aut_jobview_t *view, const aut_plan_t *plan, const aut_plan_shot_t *shot)
{
    size_t tasks = shot->chunk_count * (shot->upscaler ? 2 : 1);
    for (size_t i = 0; i < tasks; i++) {
        aut_plan_task_t task = aut_plan_task (plan, shot->first_task + i);
        aut_jobview_weigh (view, shot->shot->id, (uint32_t)i, plan->chunks[task.chunk].keep);
    }
}

static int submit (render_t *self)
{
    const options_t *options = self->options;
    const aut_submission_options_t submission = {.priority = (int32_t)options->priority,
                                                 .idempotency = options->idempotency,
                                                 .allow_lower_tier = options->allow_lower};
    int rc = aut_submission_send (&self->job, &self->session, &self->film, &submission);
    if (rc == 0 && self->session.local)
        rc = cancel_left_over (self);
    if (rc)
        return rc;
    const aut_plan_t *plan = self->film.plan;
    aut_progress_note (self->progress, "Job %s: %zu shot%s in %zu chunk%s, %lld frames at %ux%u.",
                       self->job, plan->shot_count, plan->shot_count == 1 ? "" : "s",
                       plan->chunk_count, plan->chunk_count == 1 ? "" : "s",
                       (long long)plan->frames, plan->width, plan->height);
    self->view = aut_jobview_new (self->job);
    for (size_t s = 0; s < plan->shot_count; s++)
        weigh_shot (self->view, plan, &plan->shots[s]);
    return 0;
}

/* The film of shots that are all there; the stitch, which decodes them anyway, takes their hashes.
 */
static int stitch (render_t *self, const aut_fetch_t *fetched)
{
    aut_hash_t *hashes = aut_calloc (self->film.plan->shot_count, sizeof *hashes);
    self->path = self->options->film ? aut_strdup (self->options->film)
                                     : aut_path_join (self->dir, "assembled",
                                                      aut_assemble_name (&self->film), NULL);
    int rc =
        aut_assemble (&self->film, self->dir, self->path, hashes, self->progress, &self->stitch);
    if (rc == 0 && self->options->sheet)
        rc = aut_assemble_sheet (&self->film, self->dir, self->path, self->options->sheet,
                                 (unsigned)self->options->sheet_frames);
    if (rc == 0)
        rc = aut_assemble_pictures (&self->film, self->dir, self->path, self->progress);
    if (rc == 0)
        rc = aut_fetch_describe (fetched, self->dir, hashes);
    free (hashes);
    return rc;
}

static int fetch_and_stitch (render_t *self)
{
    aut_fetch_report_t report;
    aut_fetch_t *fetched = NULL;
    int rc = aut_output_create (&self->dir, self->options->outputs, self->film.film->project);
    if (rc == 0)
        rc = aut_fetch (&fetched, &self->session, self->job, &self->film, self->dir, self->progress,
                        &report);
    if (rc == 0)
        rc =
            report.missing ? aut_fetch_describe (fetched, self->dir, NULL) : stitch (self, fetched);
    if (rc == 0)
        rc = aut_output_write_film (self->dir, self->job, &self->film,
                                    report.missing ? NULL : &self->stitch);
    aut_fetch_destroy (&fetched);
    return rc;
}

static void print_result (const render_t *self)
{
    const aut_plan_t *plan = self->film.plan;
    double seconds = (double)plan->frames * (double)plan->rate.den / (double)plan->rate.num;
    bool whole = self->path != NULL;
    if (self->options->common.json)
        aut_common_print_json (
            json_pack ("{s:s, s:s, s:s?, s:s?, s:I, s:I, s:I, s:f, s:I, s:I}", "job", self->job,
                       "state", aut_jobview_state (self->view), "film", self->path, "output",
                       self->dir, "shots", (json_int_t)plan->shot_count, "shots_done",
                       (json_int_t)aut_jobview_shots_done (self->view), "frames",
                       (json_int_t)plan->frames, "duration", seconds, "width",
                       (json_int_t)self->stitch.width, "height", (json_int_t)self->stitch.height));
    else if (whole)
        printf ("%s: %zu shots, %lld frames, %.1f s, %ux%u\n", self->path, plan->shot_count,
                (long long)plan->frames, seconds, self->stitch.width, self->stitch.height);
    else if (self->dir)
        fprintf (stderr, "The shots that are done are in %s/shots.\n", self->dir);
}

/* The first thing an interrupt does is to stop the cluster's work on this film. A folder that is
 * only half filled goes: the next render fetches all of it again. */
static int interrupted (render_t *self, bool finished)
{
    aut_progress_end (self->progress);
    if (self->dir && !finished)
        aut_dir_remove (self->dir);
    if (self->job && self->view && !aut_jobview_ended (self->view)) {
        if (aut_session_cancel_now (&self->session, self->job) == 0)
            fprintf (stderr,
                     "auteur: interrupted; job %s is cancelled, finished chunks are kept.\n",
                     self->job);
        else
            fprintf (stderr,
                     "auteur: interrupted; job %s could not be cancelled (%s). Do it with: "
                     "auteur cancel %s\n",
                     self->job, aut_error_detail (), self->job);
    } else {
        fprintf (stderr, "auteur: interrupted\n");
    }
    return AUT_EXIT_INTERRUPTED;
}

static int run (render_t *self)
{
    int rc = submit (self);
    if (rc == 0)
        rc = aut_follow (&self->session, self->view, self->job, self->progress, false);
    int code = AUT_EXIT_FAILED;
    if (rc == 0) {
        code = aut_follow_exit_code (self->view);
        if (code != AUT_EXIT_DONE)
            aut_follow_report (self->view, self->job);
        if (code == AUT_EXIT_DONE || code == AUT_EXIT_PARTIAL)
            rc = fetch_and_stitch (self);
    }
    if (aut_interrupted ())
        return interrupted (self, rc == 0);
    if (rc)
        return aut_common_fail (rc, "render");
    print_result (self);
    return code;
}

static int render (const options_t *options, const char *file)
{
    render_t self = {.options = options};
    const aut_common_t *common = &options->common;
    int rc = check_target (options->film);
    if (rc)
        return aut_common_fail (rc, "%s", options->film);
    rc = check_target (options->sheet);
    if (rc)
        return aut_common_fail (rc, "%s", options->sheet);
    if (aut_common_has_cluster (common)) {
        rc = aut_session_open (&self.session, common, AUT_SESSION_RENDER, 0);
        if (rc)
            return aut_common_fail (rc, "render");
    }
    int code = aut_film_open (&self.film, file, common->models, self.session.client);
    if (code < 0)
        code = aut_film_check_tier (&self.film, options->allow_lower);
    if (code < 0 && (rc = aut_assemble_check (&self.film, options->film)) != 0) {
        aut_common_fail (rc, "%s", file);
        code = AUT_EXIT_USAGE;
    }
    if (code < 0 && !self.session.client) {
        rc = aut_session_open (&self.session, common, AUT_SESSION_RENDER,
                               (uint32_t)options->workers);
        if (rc)
            code = aut_common_fail (rc, "render");
    }
    if (code < 0) {
        self.progress = aut_progress_new (!common->no_color);
        code = run (&self);
        aut_progress_destroy (&self.progress);
    }
    aut_jobview_destroy (&self.view);
    aut_session_close (&self.session);
    aut_film_clear (&self.film);
    free (self.job);
    free (self.dir);
    free (self.path);
    return code;
}

int aut_cmd_render (int argc, char **argv)
{
    options_t options = {.common = AUT_COMMON_DEFAULTS, .outputs = "outputs", .sheet_frames = 1};
    const aut_opt_info_t info = {
        .program = "auteur render",
        .usage = "STORYBOARD [-o FILM]",
        .about =
            "Makes the film: plans the storyboard, generates its shots, fetches and stitches "
            "them.\n"
            "Without a broker this machine does the work; a render that was stopped goes on where "
            "it was.\n\n"
            "  auteur render film.json                     into "
            "outputs/PROJECT/…/assembled/film.mp4\n"
            "  auteur render film.json -o film.mp4 --broker render-farm",
        .min_operands = 1,
        .max_operands = 1};
    const aut_opt_t table[] = {
        {"output", 'o', AUT_OPT_STRING, &options.film, "FILM",
         "where the film goes (default: into the output folder)", NULL, 0, 0},
        {"outputs", 0, AUT_OPT_STRING, &options.outputs, "DIR",
         "where output folders are made (default outputs)", NULL, 0, 0},
        {"sheet", 0, AUT_OPT_STRING, &options.sheet, "PNG",
         "also write a contact sheet of the film", NULL, 0, 0},
        {"sheet-frames", 0, AUT_OPT_INT, &options.sheet_frames, "N",
         "pictures of each shot on the sheet (1)", NULL, 1, 9},
        {"priority", 'p', AUT_OPT_INT, &options.priority, "N",
         "-100 … 100; higher runs first (default 0)", NULL, -100, 100},
        {"idempotency-key", 0, AUT_OPT_STRING, &options.idempotency, "K",
         "rendering again with the same key joins the same job", NULL, 0, 0},
        {"workers", 0, AUT_OPT_INT, &options.workers, "N",
         "worker processes of a local render (default by cores)", NULL, 0, 64},
        {"allow-lower-tier", 0, AUT_OPT_FLAG, &options.allow_lower, NULL,
         "render with the next lower tier where a tier has no model", NULL, 0, 0},
        AUT_OPTIONS_CLUSTER (options.common),
        AUT_OPTIONS_STATE (options.common),
        AUT_OPTIONS_MODELS (options.common),
        AUT_OPTIONS_OUTPUT (options.common),
        AUT_OPTIONS_END};
    const char *file[1];
    int code = aut_common_parse (&info, table, &options.common, argc, argv, file, NULL);
    if (code >= 0)
        return code;
    aut_interrupt_install ();
    return render (&options, file[0]);
}
