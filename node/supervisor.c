/*  See supervisor.h. posix_spawn cannot set PDEATHSIG and a death signal would fire when the
 *  spawning thread ends, so the sure sign for the worker is end-of-file on descriptor 3. */
#include "node/supervisor.h"

#include "lib/core/buffer.h"
#include "lib/core/error.h"
#include "lib/core/log.h"
#include "lib/core/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define FIRST_FREE_FD 10 /* sources of the spawn's dup2 lie above its targets */
#define SEND_MAX ((size_t)4 << 20)
#define LINE_MAX_BYTES 4096
#define READS_MAX 64 /* of the log at once: more than a pipe holds, and others have their turn */

struct aut_child {
    pid_t pid; /* 0 once reaped */
    int control, log, exit;
    int status;
    bool ended;
    int64_t kill_at; /* when SIGKILL follows; 0 = no kill is under way */
    aut_buffer_t out;
    size_t out_done;
    aut_worker_stream_t in;
    aut_buffer_t line;
    char *label;
};

static void close_fd (int *fd)
{
    if (*fd >= 0)
        close (*fd);
    *fd = -1;
}

/*  Moves `*fd` above the descriptors that the child's dup2 calls will overwrite. */
static int lift_fd (int *fd)
{
    int up = fcntl (*fd, F_DUPFD_CLOEXEC, FIRST_FREE_FD);
    if (up < 0)
        return aut_fail_errno ("cannot duplicate a descriptor for a worker");
    close (*fd);
    *fd = up;
    return 0;
}

static int set_nonblocking (int fd)
{
    int flags = fcntl (fd, F_GETFL);
    if (flags < 0 || fcntl (fd, F_SETFL, flags | O_NONBLOCK) < 0)
        return aut_fail_errno ("cannot set a worker's descriptor non-blocking");
    return 0;
}

static int make_channels (int control[2], int log[2])
{
    if (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, control) < 0) {
        control[0] = control[1] = -1;
        return aut_fail_errno ("cannot make a worker's control socket");
    }
    if (pipe2 (log, O_CLOEXEC) < 0) {
        log[0] = log[1] = -1;
        return aut_fail_errno ("cannot make a worker's log pipe");
    }
    int rc = set_nonblocking (control[0]);
    if (rc == 0)
        rc = set_nonblocking (log[0]);
    if (rc == 0)
        rc = lift_fd (&control[1]);
    if (rc == 0)
        rc = lift_fd (&log[1]);
    return rc;
}

/*  The worker starts with default signals, none blocked, whatever this program has set. */
static void fill_attributes (posix_spawnattr_t *attr)
{
    sigset_t none, all;
    sigemptyset (&none);
    sigfillset (&all);
    posix_spawnattr_setsigmask (attr, &none);
    posix_spawnattr_setsigdefault (attr, &all);
    posix_spawnattr_setpgroup (attr, 0);
    posix_spawnattr_setflags (attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
                                        POSIX_SPAWN_SETPGROUP);
}

/*  The environment, and how long a worker's threads spin before they sleep: left to itself OpenMP
 *  spins for milliseconds, and where other programs want the cores, that for which it waits does
 * not run meanwhile. The strings are not owned. */
static char **worker_environment (void)
{
    static char spin[] = "GOMP_SPINCOUNT=10000";
    size_t count = 0;
    while (environ[count])
        count++;
    char **out = aut_calloc (count + 2, sizeof *out);
    memcpy (out, environ, count * sizeof *out);
    if (!getenv ("GOMP_SPINCOUNT") && !getenv ("OMP_WAIT_POLICY"))
        out[count] = spin;
    return out;
}

static int spawn (pid_t *pid, const char *program, const char *const *argv, int control, int log)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attr;
    posix_spawn_file_actions_init (&actions);
    posix_spawnattr_init (&attr);
    fill_attributes (&attr);
    posix_spawn_file_actions_addopen (&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    /* stdout is the client's result stream: what a library prints there belongs in the log. */
    posix_spawn_file_actions_adddup2 (&actions, log, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2 (&actions, log, STDERR_FILENO);
    posix_spawn_file_actions_adddup2 (&actions, control, AUT_WORKER_FD);
    posix_spawn_file_actions_addclosefrom_np (&actions, AUT_WORKER_FD + 1);
    /* The prototype lacks const; posix_spawn does not write to argv. */
    union {
        const char *const *in;
        char *const *out;
    } args = {.in = argv};
    char **variables = worker_environment ();
    int err = posix_spawn (pid, program, &actions, &attr, args.out, variables);
    free (variables);
    posix_spawnattr_destroy (&attr);
    posix_spawn_file_actions_destroy (&actions);
    if (err == 0)
        return 0;
    errno = err;
    return aut_fail_errno ("cannot start the worker %s", program);
}

int aut_child_start (aut_child_t **out, const char *program, const char *const *argv,
                     const char *label)
{
    int control[2] = {-1, -1}, log[2] = {-1, -1};
    pid_t pid = 0;
    *out = NULL;
    int rc = make_channels (control, log);
    if (rc == 0)
        rc = spawn (&pid, program, argv, control[1], log[1]);
    close_fd (&control[1]);
    close_fd (&log[1]);
    if (rc < 0) {
        close_fd (&control[0]);
        close_fd (&log[0]);
        return rc;
    }
    aut_child_t *self = aut_calloc (1, sizeof *self);
    self->pid = pid;
    self->control = control[0];
    self->log = log[0];
    self->exit = (int)syscall (SYS_pidfd_open, pid, 0); /* sets CLOEXEC itself */
    self->label = aut_strdup (label);
    *out = self;
    return 0;
}

int aut_child_control_fd (const aut_child_t *self)
{
    return self->control;
}

int aut_child_log_fd (const aut_child_t *self)
{
    return self->log;
}

int aut_child_exit_fd (const aut_child_t *self)
{
    return self->exit;
}

pid_t aut_child_pid (const aut_child_t *self)
{
    return self->pid;
}

bool aut_child_wants_write (const aut_child_t *self)
{
    return self->control >= 0 && self->out_done < self->out.size;
}

int aut_child_flush (aut_child_t *self)
{
    while (aut_child_wants_write (self)) {
        ssize_t n = send (self->control, self->out.data + self->out_done,
                          self->out.size - self->out_done, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            return 0;
        if (n < 0)
            return aut_fail_errno ("%s does not take commands", self->label);
        self->out_done += (size_t)n;
    }
    aut_buffer_clear (&self->out);
    self->out_done = 0;
    return 0;
}

int aut_child_send (aut_child_t *self, const aut_worker_msg_t *msg)
{
    if (self->control < 0)
        return aut_fail (AUT_ERR_IO, "%s has closed its control socket", self->label);
    if (self->out.size - self->out_done > SEND_MAX)
        return aut_fail (AUT_ERR_AGAIN, "%s does not read its commands", self->label);
    int rc = aut_worker_encode (msg, &self->out);
    return rc < 0 ? rc : aut_child_flush (self);
}

int aut_child_receive (aut_child_t *self, aut_worker_msg_t *out)
{
    if (self->control < 0)
        return aut_fail (AUT_ERR_IO, "%s has closed its control socket", self->label);
    int rc = aut_worker_recv (self->control, &self->in, out);
    if (rc == 0 || rc == AUT_ERR_AGAIN)
        return rc;
    close_fd (&self->control);
    return rc == AUT_ERR_NOT_FOUND ? AUT_ERR_IO : rc;
}

static void log_line (aut_child_t *self)
{
    if (self->line.size)
        aut_log (AUT_LOG_INFO, "worker", "%s: %.*s", self->label, (int)self->line.size,
                 self->line.data);
    aut_buffer_clear (&self->line);
}

void aut_child_pump_log (aut_child_t *self)
{
    char bytes[LINE_MAX_BYTES];
    for (int reads = 0; self->log >= 0 && reads < READS_MAX; reads++) {
        ssize_t n = read (self->log, bytes, sizeof bytes);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            return;
        if (n <= 0) {
            log_line (self);
            close_fd (&self->log);
            return;
        }
        for (ssize_t i = 0; i < n; i++) {
            if (bytes[i] == '\n' || self->line.size >= LINE_MAX_BYTES)
                log_line (self);
            if (bytes[i] != '\n')
                aut_buffer_append (&self->line, &bytes[i], 1);
        }
    }
}

/*  The group exists as soon as posix_spawn has returned. */
static void signal_group (const aut_child_t *self, int signum)
{
    if (self->pid > 0 && kill (-self->pid, signum) < 0)
        kill (self->pid, signum);
}

void aut_child_kill (aut_child_t *self, int64_t now_ms)
{
    if (self->ended || self->kill_at)
        return;
    self->kill_at = now_ms + AUT_CHILD_GRACE_MS;
    signal_group (self, SIGTERM);
}

void aut_child_tick (aut_child_t *self, int64_t now_ms)
{
    if (!self->ended && self->kill_at && now_ms >= self->kill_at)
        signal_group (self, SIGKILL);
}

bool aut_child_ended (aut_child_t *self, int *status)
{
    if (!self->ended) {
        int s = 0;
        pid_t got = waitpid (self->pid, &s, WNOHANG);
        if (got == 0 || (got < 0 && errno == EINTR))
            return false;
        self->status = got < 0 ? 0 : s;
        self->ended = true;
        aut_child_pump_log (self);
    }
    *status = self->status;
    return true;
}

char *aut_child_status_text (int status, char *text, size_t size)
{
    const char *name = WIFSIGNALED (status) ? sigdescr_np (WTERMSIG (status)) : NULL;
    if (WIFSIGNALED (status))
        snprintf (text, size, "signal %d (%s%s)", WTERMSIG (status), name ? name : "?",
                  WTERMSIG (status) == SIGKILL ? "; the system may have run out of memory" : "");
    else
        snprintf (text, size, "exit %d", WEXITSTATUS (status));
    return text;
}

void aut_child_destroy (aut_child_t **self_p)
{
    aut_child_t *self = *self_p;
    if (!self)
        return;
    *self_p = NULL;
    close_fd (&self->control);
    int status;
    if (!aut_child_ended (self, &status)) {
        signal_group (self, SIGKILL);
        while (waitpid (self->pid, &status, 0) < 0 && errno == EINTR)
            continue;
    }
    aut_child_pump_log (self);
    close_fd (&self->log);
    close_fd (&self->exit);
    aut_buffer_clear (&self->out);
    aut_buffer_clear (&self->line);
    aut_worker_stream_clear (&self->in);
    free (self->label);
    free (self);
}
