/*  Processes of a campaign: started in groups of their own, reaped, stopped and killed by pid.
 *
 *  They die with the program that started them, however it ends (PR_SET_PDEATHSIG; SIGKILL ends a
 *  stopped process, too), and what they leave behind becomes this program's child and is found.
 */
#ifndef TESTS_FAULTS_PROCESS_H
#define TESTS_FAULTS_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

typedef struct {
    pid_t pid;      /* 0 = not running */
    bool killed;    /* SIGKILL was sent by us */
    bool asked;     /* SIGTERM was sent by us: it has to end well */
    bool stopped;   /* SIGSTOP was sent by us */
    unsigned count; /* starts so far */
} proc_t;

/*  Once, before the first start and before any thread: orphans come to this program. */
void proc_adopt_orphans (void);

/*  Starts `argv` with `env` (NULL-terminated "NAME=VALUE" pairs) added to the environment; standard
 *  output is appended to `out` and standard error to `log`. Ends the program if it cannot. */
void proc_start (proc_t *self, const char *const *argv, const char *const *env, const char *out,
                 const char *log);

/*  Sends a signal if it runs, and notes it. */
void proc_signal (proc_t *self, int signum);

/*  Reaps one child that has ended; gives its pid and status, 0 if there is none. */
pid_t proc_reap (int *status);

/*  The first child of `parent` whose program is called `name`; 0 if there is none. */
pid_t proc_child (pid_t parent, const char *name);

/*  Whether `pid` is still that child. */
bool proc_is_child (pid_t pid, pid_t parent);

/*  How many children this program has, zombies not counted; with `kill_them` they get SIGKILL. */
unsigned proc_children (bool kill_them);

/*  "exit 3" or "signal 9" in `text`, which is returned. */
const char *proc_status_text (int status, char *text, size_t size);

#endif
