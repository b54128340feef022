/*  The lock on a state directory: flock on STATE/lock, which the system gives back however the
 *  process ends. The file's text says who has it. */
#include "broker/internal.h"

#include "lib/core/error.h"
#include "lib/core/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

/*  AUT_ERR_STATE with what the owner wrote. */
static int refused (int fd, const char *state_dir)
{
    char owner[256] = "";
    ssize_t size = pread (fd, owner, sizeof owner - 1, 0);
    owner[size > 0 ? size : 0] = 0;
    owner[strcspn (owner, "\n")] = 0;
    return aut_fail (AUT_ERR_STATE,
                     "another broker (%s) has %s: stop it, or use another --state directory",
                     owner[0] ? owner : "unknown", state_dir);
}

static int write_owner (int fd, const char *path)
{
    char host[128] = "", text[256];
    gethostname (host, sizeof host - 1);
    int size = snprintf (text, sizeof text, "pid %ld on %s\n", (long)getpid (), host);
    if (ftruncate (fd, 0) || pwrite (fd, text, (size_t)size, 0) != size)
        return aut_fail_errno ("cannot write %s", path);
    return 0;
}

int aut_broker_lock (int *fd, const char *state_dir)
{
    char *path = aut_path_join (state_dir, "lock", NULL);
    int rc = 0;
    *fd = open (path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (*fd < 0)
        rc = aut_fail_errno ("cannot open %s", path);
    else if (flock (*fd, LOCK_EX | LOCK_NB))
        rc = errno == EWOULDBLOCK ? refused (*fd, state_dir)
                                  : aut_fail_errno ("cannot lock %s", path);
    else
        rc = write_owner (*fd, path);
    if (rc && *fd >= 0) {
        close (*fd);
        *fd = -1;
    }
    free (path);
    return rc;
}
