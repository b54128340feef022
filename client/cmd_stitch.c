/*  auteur stitch: a fetched folder becomes a film. */
#include "client/assemble.h"
#include "client/command.h"
#include "client/interrupt.h"
#include "client/output.h"
#include "lib/core/error.h"
#include "lib/core/json.h"
#include "lib/core/mem.h"

#include <stdio.h>
#include <stdlib.h>

int aut_cmd_stitch (int argc, char **argv)
{
    aut_common_t common = AUT_COMMON_DEFAULTS;
    const char *path = NULL, *sheet = NULL;
    const aut_opt_info_t info = {
        .program = "auteur stitch",
        .usage = "DIR -o FILM",
        .about =
            "Assembles the shots of a folder that 'auteur fetch' or 'render' made into a film.",
        .min_operands = 1,
        .max_operands = 1};
    const aut_opt_t table[] = {{"output", 'o', AUT_OPT_STRING, &path, "FILM",
                                "the film, an .mp4 (ProRes: .mov); required", NULL, 0, 0},
                               {"sheet", 0, AUT_OPT_STRING, &sheet, "PNG",
                                "also write a contact sheet of the film", NULL, 0, 0},
                               AUT_OPTIONS_MODELS (common),
                               AUT_OPTIONS_OUTPUT (common),
                               AUT_OPTIONS_END};
    const char *dir[1];
    int code = aut_common_parse (&info, table, &common, argc, argv, dir, NULL);
    if (code >= 0)
        return code;
    if (!path) {
        fprintf (stderr, "auteur stitch: name the film with -o FILM\n");
        return AUT_EXIT_USAGE;
    }
    aut_interrupt_install ();
    aut_film_t film;
    aut_stitch_report_t report;
    int rc = aut_output_load (&film, dir[0], common.models);
    if (rc == 0)
        rc = aut_assemble_check (&film, path);
    if (rc == 0) {
        aut_progress_t *progress = aut_progress_new (!common.no_color);
        rc = aut_assemble (&film, dir[0], path, NULL, progress, &report);
        if (rc == 0)
            rc = aut_assemble_pictures (&film, dir[0], path, progress);
        aut_progress_destroy (&progress);
    }
    if (rc == 0 && sheet)
        rc = aut_assemble_sheet (&film, dir[0], path, sheet, 1);
    if (rc)
        code = aut_common_fail (rc, "stitch %s", dir[0]);
    else if (common.json)
        aut_common_print_json (
            json_pack ("{s:s, s:I}", "film", path, "frames", (json_int_t)report.frames));
    else
        printf ("%s: %llu frames, %ux%u\n", path, (unsigned long long)report.frames, report.width,
                report.height);
    aut_film_clear (&film);
    return rc ? code : AUT_EXIT_DONE;
}
