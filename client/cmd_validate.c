/*  auteur validate: every mistake at once. */
#include "client/command.h"
#include "client/film.h"
#include "lib/core/error.h"

#include <stdio.h>

int aut_cmd_validate (int argc, char **argv)
{
    aut_common_t common = AUT_COMMON_DEFAULTS;
    const aut_opt_info_t info = {
        .program = "auteur validate",
        .usage = "STORYBOARD [--json]",
        .about =
            "Checks a storyboard, its pictures and its sounds. Every error is named as\n"
            "FILE:LINE:COLUMN: PATH: MESSAGE on stderr; exit code 0 means there is none, 2 that "
            "there are.",
        .min_operands = 1,
        .max_operands = 1};
    const aut_opt_t table[] = {AUT_OPTIONS_MODELS (common), AUT_OPTIONS_OUTPUT (common),
                               AUT_OPTIONS_END};
    const char *file[1];
    int code = aut_common_parse (&info, table, &common, argc, argv, file, NULL);
    if (code >= 0)
        return code;
    aut_film_t film;
    int rc = aut_film_load (&film, file[0], common.models, NULL);
    if (rc == 0 && film.film && film.diags.errors == 0)
        rc = aut_film_plan (&film);
    aut_buffer_t text = {0};
    if (rc) {
        code = aut_common_fail (rc, "%s", file[0]);
    } else if (common.json) {
        aut_diags_json (&film.diags, &text);
        puts (text.data);
        code = film.film ? AUT_EXIT_DONE : AUT_EXIT_USAGE;
    } else if (!film.film) {
        aut_diags_text (&film.diags, false, &text);
        fputs (text.data, stderr);
        code = AUT_EXIT_USAGE;
    } else {
        aut_film_print_warnings (&film);
        printf ("%s is valid: %zu shots, %lld frames\n", file[0], film.plan->shot_count,
                (long long)film.plan->frames);
        code = AUT_EXIT_DONE;
    }
    aut_buffer_clear (&text);
    aut_film_clear (&film);
    return code;
}
