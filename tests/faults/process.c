/*  See process.h. fork and not posix_spawn, which cannot set a death signal. */
#include "tests/faults/process.h"

#include "lib/core/mem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

void proc_adopt_orphans (void)
{
    prctl (PR_SET_CHILD_SUBREAPER, 1);
}

static void redirect (int fd, const char *path)
{
    int file = open (path, O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (file < 0 || dup2 (file, fd) < 0)
        _exit (127);
    close (file);
}

/*  Our environment with `more`; made before the fork, after which nothing may be allocated. */
static const char **environment (const char *const *more)
{
    size_t count = 0, added = 0;
    while (environ[count])
        count++;
    while (more && more[added])
        added++;
    const char **env = aut_calloc (count + added + 1, sizeof *env);
    size_t n = 0;
    for (size_t i = 0; i < count; i++) {
        bool replaced = false;
        for (size_t k = 0; k < added; k++)
            replaced |= strncmp (environ[i], more[k], strcspn (more[k], "=") + 1) == 0;
        if (!replaced)
            env[n++] = environ[i];
    }
    for (size_t k = 0; k < added; k++)
        env[n++] = more[k];
    return env;
}

static void become (const char *const *argv, const char *const *env, const char *out,
                    const char *log)
{
    sigset_t none;
    struct rlimit no_core = {0, 0};
    union {
        const char *const *in;
        char *const *out;
    } args = {.in = argv}, vars = {.in = env};
    setpgid (0, 0);
    prctl (PR_SET_PDEATHSIG, SIGKILL);
    sigemptyset (&none);
    sigprocmask (SIG_SETMASK, &none, NULL);
    setrlimit (RLIMIT_CORE, &no_core);
    redirect (STDIN_FILENO, "/dev/null");
    redirect (STDOUT_FILENO, out);
    redirect (STDERR_FILENO, log);
    execve (args.out[0], args.out, vars.out);
    _exit (127);
}

void proc_start (proc_t *self, const char *const *argv, const char *const *env, const char *out,
                 const char *log)
{
    unsigned started = self->count;
    const char **vars = environment (env);
    pid_t pid = fork ();
    if (pid == 0)
        become (argv, vars, out, log);
    free (vars);
    if (pid < 0) {
        perror ("faults: fork");
        exit (2);
    }
    setpgid (pid, pid);
    *self = (proc_t){.pid = pid, .count = started + 1};
}

void proc_signal (proc_t *self, int signum)
{
    if (!self->pid)
        return;
    self->killed |= signum == SIGKILL;
    self->asked |= signum == SIGTERM;
    self->stopped = signum == SIGSTOP || (self->stopped && signum != SIGCONT);
    kill (self->pid, signum);
}

pid_t proc_reap (int *status)
{
    pid_t pid;
    do
        pid = waitpid (-1, status, WNOHANG);
    while (pid < 0 && errno == EINTR);
    return pid > 0 ? pid : 0;
}

/*  Parent, state and name of a process. */
static bool look (pid_t pid, pid_t *parent, char *state, char name[32])
{
    char path[64], line[512] = "";
    snprintf (path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *file = fopen (path, "re");
    if (!file)
        return false;
    size_t size = fread (line, 1, sizeof line - 1, file);
    fclose (file);
    line[size] = 0;
    char *open = strchr (line, '('), *close = strrchr (line, ')');
    int up = 0;
    if (!open || !close || sscanf (close + 1, " %c %d", state, &up) != 2)
        return false;
    *close = 0;
    snprintf (name, 32, "%s", open + 1);
    *parent = up;
    return true;
}

typedef bool (*each_fn) (void *ctx, pid_t pid, pid_t parent, char state, const char *name);

static void each_process (each_fn each, void *ctx)
{
    DIR *dir = opendir ("/proc");
    const struct dirent *entry;
    while (dir && (entry = readdir (dir))) {
        pid_t pid = (pid_t)strtol (entry->d_name, NULL, 10), parent;
        char state, name[32];
        if (pid > 0 && look (pid, &parent, &state, name) && !each (ctx, pid, parent, state, name))
            break;
    }
    if (dir)
        closedir (dir);
}

typedef struct {
    pid_t parent, found;
    const char *name;
    bool kill;
    unsigned count;
} search_t;

static bool is_it (void *ctx, pid_t pid, pid_t parent, char state, const char *name)
{
    search_t *search = ctx;
    if (parent != search->parent || state == 'Z' || strcmp (name, search->name) != 0)
        return true;
    search->found = pid;
    return false;
}

pid_t proc_child (pid_t parent, const char *name)
{
    search_t search = {.parent = parent, .name = name};
    each_process (is_it, &search);
    return search.found;
}

bool proc_is_child (pid_t pid, pid_t parent)
{
    pid_t up;
    char state, name[32];
    return look (pid, &up, &state, name) && up == parent && state != 'Z';
}

static bool is_ours (void *ctx, pid_t pid, pid_t parent, char state, const char *name)
{
    search_t *search = ctx;
    if (parent != search->parent || state == 'Z')
        return true;
    search->count++;
    if (search->kill)
        kill (pid, SIGKILL);
    else
        printf ("still there: process %d (%s)\n", (int)pid, name);
    return true;
}

unsigned proc_children (bool kill_them)
{
    search_t search = {.parent = getpid (), .kill = kill_them};
    each_process (is_ours, &search);
    return search.count;
}

const char *proc_status_text (int status, char *text, size_t size)
{
    if (WIFSIGNALED (status))
        snprintf (text, size, "signal %d", WTERMSIG (status));
    else
        snprintf (text, size, "exit %d", WEXITSTATUS (status));
    return text;
}
