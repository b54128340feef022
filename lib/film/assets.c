/*  Which paths a storyboard may name, and where they lead. */
#include "lib/film/assets.h"

#include "lib/core/error.h"
#include "lib/core/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LONGEST_PATH 1024

static bool has_control (const char *path)
{
    for (; *path; path++)
        if ((unsigned char)*path < 0x20 || *path == 0x7f)
            return true;
    return false;
}

const char *aut_asset_path_fault (const char *path)
{
    if (!*path)
        return "must name a file";
    if (strlen (path) > LONGEST_PATH)
        return "is longer than 1024 bytes";
    if (*path == '/')
        return "must be relative to the storyboard's folder, not absolute";
    if (strchr (path, '\\'))
        return "must separate folders with /, not with a backslash";
    if (has_control (path))
        return "has a control character";
    for (const char *part = path; part;) {
        const char *slash = strchr (part, '/');
        size_t size = slash ? (size_t)(slash - part) : strlen (part);
        if (size == 2 && memcmp (part, "..", 2) == 0)
            return "must stay below the storyboard's folder: no ..";
        if (size == 0)
            return "has an empty part (// or a / at the end)";
        part = slash ? slash + 1 : NULL;
    }
    return NULL;
}

/*  Whether `path` lies below `dir`, both real. */
static bool is_below (const char *dir, const char *path)
{
    size_t size = strlen (dir);
    if (strcmp (dir, "/") == 0)
        return true;
    return strncmp (dir, path, size) == 0 && path[size] == '/';
}

static int check_file (const char *path)
{
    struct stat info;
    /*  Without O_NONBLOCK a FIFO would hang the check. */
    int fd = open (path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return aut_fail_errno ("cannot be read");
    int err = fstat (fd, &info) ? aut_fail_errno ("cannot be read") : 0;
    if (!err && !S_ISREG (info.st_mode))
        err = aut_fail (AUT_ERR_INVALID, "is not a regular file");
    close (fd);
    return err;
}

int aut_asset_locate (char **real, const char *dir, const char *path)
{
    *real = NULL;
    const char *fault = aut_asset_path_fault (path);
    if (fault)
        return aut_fail (AUT_ERR_INVALID, "%s", fault);
    char *base = realpath (*dir ? dir : ".", NULL);
    if (!base)
        return aut_fail_errno ("the storyboard's folder cannot be read");
    char *joined = aut_sprintf ("%s/%s", base, path);
    char *found = realpath (joined, NULL);
    int err = 0;
    if (!found)
        err = errno == ENOENT ? aut_fail (AUT_ERR_NOT_FOUND, "there is no such file")
                              : aut_fail_errno ("cannot be read");
    else if (!is_below (base, found))
        err = aut_fail (AUT_ERR_DENIED, "leads out of the storyboard's folder");
    else
        err = check_file (found);
    free (joined);
    free (base);
    if (err)
        free (found);
    else
        *real = found;
    return err;
}
