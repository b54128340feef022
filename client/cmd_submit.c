/*  auteur submit: a storyboard to the broker, and on with other things. */
#include "client/command.h"
#include "client/interrupt.h"
#include "client/submission.h"
#include "lib/core/error.h"

#include <stdio.h>
#include <stdlib.h>

typedef struct {
    aut_common_t common;
    int64_t priority;
    const char *idempotency;
    bool allow_lower;
} options_t;

static int submit (const options_t *options, const char *file)
{
    aut_session_t session;
    int rc = aut_session_open (&session, &options->common, AUT_SESSION_CLUSTER_ONLY, 0);
    if (rc)
        return aut_common_fail (rc, "submit");
    aut_film_t film;
    char *job = NULL;
    int code = aut_film_open (&film, file, options->common.models, session.client);
    if (code < 0)
        code = aut_film_check_tier (&film, options->allow_lower);
    if (code < 0) {
        const aut_submission_options_t submission = {.priority = (int32_t)options->priority,
                                                     .idempotency = options->idempotency,
                                                     .allow_lower_tier = options->allow_lower};
        rc = aut_submission_send (&job, &session, &film, &submission);
        code = rc ? aut_common_fail (rc, "submit %s", file) : AUT_EXIT_DONE;
    }
    if (code == AUT_EXIT_DONE && options->common.json)
        aut_common_print_json (json_pack ("{s:s}", "job", job));
    else if (code == AUT_EXIT_DONE)
        printf ("%s\n", job);
    free (job);
    aut_film_clear (&film);
    aut_session_close (&session);
    return code;
}

int aut_cmd_submit (int argc, char **argv)
{
    options_t options = {.common = AUT_COMMON_DEFAULTS};
    const aut_opt_info_t info = {
        .program = "auteur submit",
        .usage = "STORYBOARD --broker HOST [--priority N] [--idempotency-key K]",
        .about =
            "Gives a storyboard to the cluster and prints the job's id. Once it is printed, the "
            "job\n"
            "is durable: it survives the broker's restart.\n\n"
            "  job=$(auteur submit film.json) && auteur watch $job && auteur fetch $job -o out",
        .min_operands = 1,
        .max_operands = 1};
    const aut_opt_t table[] = {
        {"priority", 'p', AUT_OPT_INT, &options.priority, "N",
         "-100 … 100; higher runs first (default 0)", NULL, -100, 100},
        {"idempotency-key", 0, AUT_OPT_STRING, &options.idempotency, "K",
         "submitting again with the same key gives the same job", NULL, 0, 0},
        {"allow-lower-tier", 0, AUT_OPT_FLAG, &options.allow_lower, NULL,
         "render with the next lower tier where a tier has no model", NULL, 0, 0},
        AUT_OPTIONS_CLUSTER (options.common),
        AUT_OPTIONS_MODELS (options.common),
        AUT_OPTIONS_OUTPUT (options.common),
        AUT_OPTIONS_END};
    const char *file[1];
    int code = aut_common_parse (&info, table, &options.common, argc, argv, file, NULL);
    if (code >= 0)
        return code;
    aut_interrupt_install ();
    return submit (&options, file[0]);
}
