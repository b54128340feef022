/*  Files and folders. Everything written here survives a power cut once the call returned. */
#include "lib/core/file.h"

#include "lib/core/buffer.h"
#include "lib/core/error.h"
#include "lib/core/mem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define COPY_SIZE (256 * 1024)
#define DEPTH_MAX 256 /* of folders in aut_dir_remove: one descriptor each */

/*  Reads up to `want` bytes, going on after a signal; the count or −1. */
static ssize_t read_full (int fd, void *data, size_t want)
{
    size_t got = 0;
    while (got < want) {
        ssize_t n = read (fd, (char *)data + got, want - got);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        if (n == 0)
            break;
        got += (size_t)n;
    }
    return (ssize_t)got;
}

int aut_file_write_all (int fd, const void *data, size_t size)
{
    const char *p = data;
    while (size > 0) {
        ssize_t n = write (fd, p, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        p += n;
        size -= (size_t)n;
    }
    return 0;
}

int aut_file_read_fd (int fd, const char *path, size_t max, char **data, size_t *size)
{
    struct stat st;
    *data = NULL;
    *size = 0;
    if (fstat (fd, &st) < 0)
        return aut_fail_errno ("cannot read %s", path);
    if (!S_ISREG (st.st_mode))
        return aut_fail (AUT_ERR_INVALID, "%s is not a regular file", path);
    if ((uint64_t)st.st_size > max)
        return aut_fail (AUT_ERR_TOO_LARGE, "%s has %lld bytes, more than the %zu allowed", path,
                         (long long)st.st_size, max);
    size_t want = (size_t)st.st_size;
    char *bytes = aut_try_alloc (want + 1, 1);
    if (!bytes)
        return AUT_ERR_NOMEM;
    ssize_t got = read_full (fd, bytes, want);
    if (got < 0) {
        free (bytes);
        return aut_fail_errno ("cannot read %s", path);
    }
    bytes[got] = 0;
    *data = bytes;
    *size = (size_t)got;
    return AUT_OK;
}

int aut_file_read (const char *path, size_t max, char **data, size_t *size)
{
    *data = NULL;
    *size = 0;
    /* non-blocking, so that a named pipe is refused instead of waited for */
    int fd = open (path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return aut_fail_errno ("cannot open %s", path);
    int rc = aut_file_read_fd (fd, path, max, data, size);
    close (fd);
    return rc;
}

/*  The folder that holds `path`; the caller frees it. */
static char *folder_of (const char *path)
{
    const char *slash = strrchr (path, '/');
    if (!slash)
        return aut_strdup (".");
    return slash == path ? aut_strdup ("/") : aut_strndup (path, (size_t)(slash - path));
}

/*  A new file beside `path`, whose name (the caller frees it) goes to `temp`. */
static int open_temp (const char *path, char **temp)
{
    static _Atomic unsigned counter;
    for (int tries = 0; tries < 1000; tries++) {
        *temp = aut_sprintf ("%s.tmp-%ld-%u", path, (long)getpid (), counter++);
        int fd = open (*temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (fd >= 0 || errno != EEXIST)
            return fd;
        free (*temp);
        *temp = NULL;
    }
    errno = EEXIST;
    return -1;
}

/*  Ends what open_temp began: makes the bytes durable under `path`, or removes the temp file if
 *  `rc` is an error. Closes `fd` and frees `temp`. */
static int finish_temp (int rc, int fd, char *temp, const char *path)
{
    if (rc == AUT_OK && fsync (fd) < 0)
        rc = aut_fail_errno ("cannot write %s", path);
    if (close (fd) < 0 && rc == AUT_OK)
        rc = aut_fail_errno ("cannot write %s", path);
    if (rc == AUT_OK && rename (temp, path) < 0)
        rc = aut_fail_errno ("cannot rename %s to %s", temp, path);
    if (rc != AUT_OK) {
        unlink (temp);
    } else {
        char *folder = folder_of (path);
        rc = aut_dir_sync (folder);
        free (folder);
    }
    free (temp);
    return rc;
}

int aut_file_write (const char *path, const void *data, size_t size)
{
    char *temp = NULL;
    int fd = open_temp (path, &temp);
    if (fd < 0) {
        free (temp);
        return aut_fail_errno ("cannot create %s", path);
    }
    int rc = AUT_OK;
    if (aut_file_write_all (fd, data, size) < 0)
        rc = aut_fail_errno ("cannot write %s", path);
    return finish_temp (rc, fd, temp, path);
}

static int copy_bytes (int from_fd, int to_fd, const char *from, const char *to)
{
    if (ioctl (to_fd, FICLONE, from_fd) == 0)
        return AUT_OK;
    int rc = AUT_OK;
    char *chunk = aut_calloc (1, COPY_SIZE);
    for (;;) {
        ssize_t n = read_full (from_fd, chunk, COPY_SIZE);
        if (n < 0)
            rc = aut_fail_errno ("cannot read %s", from);
        else if (n > 0 && aut_file_write_all (to_fd, chunk, (size_t)n) < 0)
            rc = aut_fail_errno ("cannot write %s", to);
        if (n <= 0 || rc != AUT_OK)
            break;
    }
    free (chunk);
    return rc;
}

int aut_file_copy (const char *from, const char *to)
{
    int from_fd = open (from, O_RDONLY | O_CLOEXEC);
    if (from_fd < 0)
        return aut_fail_errno ("cannot open %s", from);
    char *temp = NULL;
    int to_fd = open_temp (to, &temp);
    int rc;
    if (to_fd < 0) {
        rc = aut_fail_errno ("cannot create %s", to);
        free (temp);
    } else {
        rc = finish_temp (copy_bytes (from_fd, to_fd, from, to), to_fd, temp, to);
    }
    close (from_fd);
    return rc;
}

static int make_one (const char *path, mode_t mode)
{
    if (mkdir (path, mode) == 0)
        return AUT_OK;
    int saved = errno;
    struct stat st;
    if (saved == EEXIST && stat (path, &st) == 0) {
        if (S_ISDIR (st.st_mode))
            return AUT_OK;
        saved = ENOTDIR;
    }
    errno = saved;
    return aut_fail_errno ("cannot make the folder %s", path);
}

static int make_all (const char *path, mode_t mode)
{
    if (!*path)
        return aut_fail (AUT_ERR_INVALID, "a folder's name is empty");
    char *copy = aut_strdup (path);
    int rc = AUT_OK;
    for (char *p = copy + 1; *p && rc == AUT_OK; p++) {
        if (*p != '/' || p[-1] == '/')
            continue;
        *p = 0;
        struct stat st;
        if (stat (copy, &st) < 0) /* may exist where mkdir would not be allowed */
            rc = make_one (copy, 0755);
        *p = '/';
    }
    if (rc == AUT_OK)
        rc = make_one (copy, mode);
    free (copy);
    return rc;
}

int aut_dir_make (const char *path)
{
    return make_all (path, 0755);
}

int aut_dir_make_private (const char *path)
{
    return make_all (path, 0700);
}

static int remove_below (int parent, const char *name, const char *shown, int depth);

/*  Removes what the folder of descriptor `fd` holds; takes over `fd`. */
static int empty_folder (int fd, const char *shown, int depth)
{
    DIR *dir = fdopendir (fd);
    if (!dir) {
        close (fd);
        return aut_fail_errno ("cannot list %s", shown);
    }
    int rc = AUT_OK;
    while (rc == AUT_OK) {
        errno = 0;
        const struct dirent *entry = readdir (dir);
        if (!entry) {
            if (errno)
                rc = aut_fail_errno ("cannot list %s", shown);
            break;
        }
        if (strcmp (entry->d_name, ".") != 0 && strcmp (entry->d_name, "..") != 0)
            rc = remove_below (dirfd (dir), entry->d_name, shown, depth + 1);
    }
    closedir (dir);
    return rc;
}

static int remove_below (int parent, const char *name, const char *shown, int depth)
{
    if (unlinkat (parent, name, 0) == 0 || errno == ENOENT)
        return AUT_OK;
    if (errno != EISDIR && errno != EPERM)
        return aut_fail_errno ("cannot remove %s in %s", name, shown);
    if (depth > DEPTH_MAX)
        return aut_fail (AUT_ERR_UNSUPPORTED, "%s holds folders more than %d deep", shown,
                         DEPTH_MAX);
    int fd = openat (parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? AUT_OK : aut_fail_errno ("cannot open %s in %s", name, shown);
    int rc = empty_folder (fd, shown, depth);
    if (rc == AUT_OK && unlinkat (parent, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
        rc = aut_fail_errno ("cannot remove %s in %s", name, shown);
    return rc;
}

int aut_dir_remove (const char *path)
{
    return remove_below (AT_FDCWD, path, path, 0);
}

int aut_dir_sync (const char *path)
{
    int fd = open (path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return aut_fail_errno ("cannot open the folder %s", path);
    int rc = AUT_OK;
    /* some file systems cannot sync a folder and say EINVAL: there is nothing more to do there */
    if (fsync (fd) < 0 && errno != EINVAL)
        rc = aut_fail_errno ("cannot sync the folder %s", path);
    close (fd);
    return rc;
}

char *aut_path_join (const char *first, ...)
{
    aut_buffer_t path = {0};
    aut_buffer_text (&path, first);
    va_list args;
    va_start (args, first);
    for (const char *part; (part = va_arg (args, const char *)) != NULL;) {
        if (path.size > 0 && path.data[path.size - 1] != '/')
            aut_buffer_text (&path, "/");
        aut_buffer_text (&path, part);
    }
    va_end (args);
    return aut_buffer_take (&path, NULL);
}

char *aut_path_self_dir (void)
{
    char path[4096];
    ssize_t n = readlink ("/proc/self/exe", path, sizeof (path) - 1);
    if (n <= 0)
        return aut_strdup (".");
    path[n] = 0;
    return folder_of (path);
}

static bool is_program (const char *path)
{
    struct stat st;
    return stat (path, &st) == 0 && S_ISREG (st.st_mode) && access (path, X_OK) == 0;
}

/*  Gives `path` back if it is a program; else frees it and gives NULL. */
static char *keep_program (char *path)
{
    if (is_program (path))
        return path;
    free (path);
    return NULL;
}

char *aut_path_program (const char *name)
{
    char *self = aut_path_self_dir ();
    char *found = keep_program (aut_path_join (self, name, NULL));
    if (!found)
        found = keep_program (aut_path_join (self, "..", "bin", name, NULL));
    free (self);

    const char *rest = getenv ("PATH");
    while (!found && rest && *rest) {
        size_t len = strcspn (rest, ":");
        char *folder = len > 0 ? aut_strndup (rest, len) : aut_strdup (".");
        found = keep_program (aut_path_join (folder, name, NULL));
        free (folder);
        rest += len + (rest[len] == ':');
    }
    if (!found)
        aut_fail (AUT_ERR_NOT_FOUND,
                  "the program %s is neither beside this one nor on PATH: is auteur installed "
                  "completely?",
                  name);
    return found;
}

/*  The user's home folder; the caller frees it. */
static char *home_dir (void)
{
    const char *home = getenv ("HOME");
    if (home && home[0] == '/')
        return aut_strdup (home);
    char store[4096];
    struct passwd entry, *found = NULL;
    if (getpwuid_r (getuid (), &entry, store, sizeof (store), &found) == 0 && found &&
        found->pw_dir && found->pw_dir[0] == '/')
        return aut_strdup (found->pw_dir);
    return aut_strdup (".");
}

char *aut_path_state (const char *leaf)
{
    const char *state = getenv ("XDG_STATE_HOME");
    if (state && state[0] == '/') /* the specification: relative paths are ignored */
        return aut_path_join (state, "auteur", leaf, NULL);
    char *home = home_dir ();
    char *path = aut_path_join (home, ".local", "state", "auteur", leaf, NULL);
    free (home);
    return path;
}

bool aut_file_exists (const char *path)
{
    struct stat st;
    return stat (path, &st) == 0;
}
