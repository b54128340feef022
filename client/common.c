#include "client/common.h"
#include "client/command.h"
#include "lib/core/buffer.h"
#include "lib/core/error.h"
#include "lib/core/file.h"
#include "lib/core/log.h"
#include "lib/core/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int aut_common_parse (const aut_opt_info_t *info, const aut_opt_t *table,
                      const aut_common_t *common, int argc, char **argv, const char **operands,
                      size_t *count)
{
    size_t operand_count = 0;
    aut_opt_result_t result = aut_options_parse (info, table, argc, argv, operands, &operand_count);
    if (count)
        *count = operand_count;
    if (result == AUT_OPT_EXIT_OK)
        return AUT_EXIT_DONE;
    if (result == AUT_OPT_EXIT_USAGE)
        return AUT_EXIT_USAGE;
    aut_log_level_t level;
    aut_log_format_t format;
    if (aut_log_parse_level (&level, common->log_level) ||
        aut_log_parse_format (&format, common->log_format)) {
        fprintf (stderr, "%s: %s\n", info->program, aut_error_detail ());
        return AUT_EXIT_USAGE;
    }
    aut_log_setup (level, format);
    return -1;
}

bool aut_common_has_cluster (const aut_common_t *common)
{
    return (common->broker && *common->broker) || (common->endpoints && *common->endpoints);
}

char *aut_common_state (const aut_common_t *common)
{
    return common->state && *common->state ? aut_strdup (common->state) : aut_path_state ("local");
}

static int exit_code_of (int code)
{
    switch (code) {
    case 0:
        return AUT_EXIT_DONE;
    case AUT_ERR_INVALID:
    case AUT_ERR_NOT_FOUND:
    case AUT_ERR_TOO_LARGE:
    case AUT_ERR_DENIED:
        return AUT_EXIT_USAGE;
    case AUT_ERR_UNREACHABLE:
        return AUT_EXIT_UNREACHABLE;
    case AUT_ERR_CANCELLED:
        return AUT_EXIT_INTERRUPTED;
    default:
        return AUT_EXIT_FAILED;
    }
}

int aut_common_fail (int code, const char *format, ...)
{
    va_list args;
    va_start (args, format);
    fprintf (stderr, "auteur: ");
    vfprintf (stderr, format, args);
    va_end (args);
    aut_buffer_t detail = {0};
    aut_buffer_printable (&detail, aut_error_detail ()); /* a broker's words may be in it */
    fprintf (stderr, ": %s\n", detail.data);
    aut_buffer_clear (&detail);
    return exit_code_of (code);
}

int aut_common_write_new (const char *path, const void *data, size_t size)
{
    /* O_EXCL: a storyboard that somebody wrote is never overwritten. */
    int fd = open (path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd < 0 && errno == EEXIST)
        return aut_fail (AUT_ERR_INVALID, "it exists and is left as it is; choose another name");
    if (fd < 0) {
        aut_fail_errno ("cannot create it");
        return AUT_ERR_INVALID;
    }
    int failed = aut_file_write_all (fd, data, size) ? aut_fail_errno ("cannot write it") : 0;
    if (close (fd) != 0 && !failed)
        failed = aut_fail_errno ("cannot write it");
    if (failed)
        unlink (path);
    return failed ? AUT_ERR_IO : 0;
}

void aut_common_print_json (json_t *value)
{
    char *text = json_dumps (value, JSON_COMPACT | JSON_PRESERVE_ORDER);
    if (text)
        puts (text);
    free (text);
    json_decref (value);
}
