/*  See health.h. */
#include "node/health.h"

#include "lib/core/error.h"
#include "lib/core/file.h"
#include "lib/core/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define ALIVE "alive"
#define READY "ready"
#define TOUCH_MS 2000

int aut_health_open (aut_health_t *self, const char *state_dir)
{
    char *path = aut_path_join (state_dir, ALIVE, NULL);
    *self = (aut_health_t){.ready = aut_path_join (state_dir, READY, NULL)};
    unlink (self->ready);
    unlink (path); /* an old one would say for a while that the loop goes round already */
    self->alive = open (path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
    int rc = self->alive < 0 ? aut_fail_errno ("cannot make %s", path) : 0;
    /* made, but not yet seen alive */
    const struct timespec never[2] = {{0}, {0}};
    if (rc == 0)
        futimens (self->alive, never);
    else {
        free (self->ready);
        self->ready = NULL;
    }
    free (path);
    return rc;
}

/*  The broker takes or leaves us: seldom. */
static void set_ready (aut_health_t *self, bool ready)
{
    int fd = -1;
    if (!ready)
        unlink (self->ready);
    else if ((fd = open (self->ready, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644)) < 0)
        aut_log (AUT_LOG_WARN, "node", "cannot make %s: %s; probes will not see it ready",
                 self->ready, strerror (errno));
    if (fd >= 0)
        close (fd);
    self->is_ready = ready;
}

void aut_health_tick (aut_health_t *self, bool ready, int64_t now_ms)
{
    if (self->alive < 0)
        return;
    if (now_ms >= self->due_ms) {
        futimens (self->alive, NULL);
        self->due_ms = now_ms + TOUCH_MS;
    }
    if (ready != self->is_ready)
        set_ready (self, ready);
}

void aut_health_close (aut_health_t *self)
{
    if (self->alive < 0)
        return;
    unlink (self->ready);
    close (self->alive);
    free (self->ready);
    *self = (aut_health_t){.alive = -1};
}

/*  Seconds since the loop was seen, or a negative code. A clock that was set back counts as well.
 */
static int64_t silence (const char *path)
{
    struct stat st;
    struct timespec now;
    if (stat (path, &st))
        return aut_fail (AUT_ERR_STATE, "there is no %s: no node runs there, or it is starting",
                         path);
    clock_gettime (CLOCK_REALTIME, &now);
    int64_t age = (int64_t)now.tv_sec - st.st_mtim.tv_sec;
    return age < 0 ? -age : age;
}

int aut_health_probe (const char *state_dir, const char *what)
{
    bool ready = strcmp (what, "ready") == 0;
    if (!ready && strcmp (what, "live") != 0)
        return aut_fail (AUT_ERR_INVALID, "--probe: \"%s\" is neither live nor ready", what);
    char *path = aut_path_join (state_dir, ALIVE, NULL);
    int64_t age = silence (path);
    int rc = age < 0 ? (int)age : 0;
    if (age > AUT_HEALTH_STALE_S)
        rc = aut_fail (AUT_ERR_STATE, "the node's loop was not seen for more than %d s (%s)",
                       AUT_HEALTH_STALE_S, path);
    free (path);
    path = aut_path_join (state_dir, READY, NULL);
    if (rc == 0 && ready && !aut_file_exists (path))
        rc = aut_fail (AUT_ERR_STATE, "the node takes no work: it waits for its broker, or drains");
    free (path);
    return rc;
}
