/*  auteur new: a storyboard that renders as it stands, to be edited. */
#include "client/command.h"
#include "client/common.h"
#include "client/template.h"
#include "lib/core/error.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int write_new_file (const char *path)
{
    /* O_EXCL: a storyboard that somebody wrote is never overwritten. */
    int fd = open (path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd < 0 && errno == EEXIST)
        return aut_fail (AUT_ERR_INVALID, "it exists and is left as it is; choose another name");
    if (fd < 0) {
        aut_fail_errno ("cannot create it");
        return AUT_ERR_INVALID;
    }
    ssize_t written = write (fd, aut_template_storyboard, aut_template_storyboard_size);
    int failed = written != (ssize_t)aut_template_storyboard_size;
    if (failed)
        aut_fail_errno ("cannot write it");
    if (close (fd) != 0 && !failed)
        failed = aut_fail_errno ("cannot write it");
    if (failed)
        unlink (path);
    return failed ? AUT_ERR_IO : 0;
}

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
    int rc = write_new_file (operands[0]);
    if (rc)
        return aut_common_fail (rc, "%s", operands[0]);
    if (common.json)
        aut_common_print_json (json_pack ("{s:s}", "file", operands[0]));
    else
        printf ("Wrote %s. Next: auteur render %s\n", operands[0], operands[0]);
    return AUT_EXIT_DONE;
}
