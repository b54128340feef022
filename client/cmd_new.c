/*  auteur new: a storyboard that renders as it stands, to be edited. */
#include "client/command.h"
#include "client/common.h"
#include "client/template.h"

#include <stdio.h>

int aut_cmd_new (int argc, char **argv)
{
    aut_common_t common = AUT_COMMON_DEFAULTS;
    const aut_opt_info_t info = {
        .program = "auteur new",
        .usage = "[FILE]",
        .about =
            "Writes a small storyboard to start from: to FILE, which must not exist yet, or to\n"
            "standard output.\n\n"
            "  auteur new film.json && auteur render film.json",
        .max_operands = 1};
    const aut_opt_t table[] = {AUT_OPTIONS_OUTPUT (common), AUT_OPTIONS_END};
    const char *operands[1] = {NULL};
    int code = aut_common_parse (&info, table, &common, argc, argv, operands, NULL);
    if (code >= 0)
        return code;
    if (!operands[0]) {
        fwrite (aut_template_storyboard, 1, aut_template_storyboard_size, stdout);
        return AUT_EXIT_DONE;
    }
    int rc =
        aut_common_write_new (operands[0], aut_template_storyboard, aut_template_storyboard_size);
    if (rc)
        return aut_common_fail (rc, "%s", operands[0]);
    if (common.json)
        aut_common_print_json (json_pack ("{s:s}", "file", operands[0]));
    else
        printf ("Wrote %s. Next: auteur render %s\n", operands[0], operands[0]);
    return AUT_EXIT_DONE;
}
