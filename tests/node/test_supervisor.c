/*  Real processes: how a worker starts, speaks, dies, and that none outlives its node. */
#include "lib/core/clock.h"
#include "lib/core/error.h"
#include "lib/core/log.h"
#include "node/supervisor.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define WORKER AUTEUR_BIN_DIR "/auteur-worker"
#define PATIENCE_MS 60000

static int64_t now_ms (void)
{
    return aut_mono_ms (aut_clock_system ());
}

static aut_child_t *start_worker (void)
{
    char parent[24];
    snprintf (parent, sizeof parent, "%d", (int)getpid ());
    const char *argv[] = {"auteur-worker", "--device", "cpu", "--parent", parent, NULL};
    aut_child_t *child = NULL;
    ck_assert_msg (aut_child_start (&child, WORKER, argv, "worker") == 0, "%s",
                   aut_error_detail ());
    return child;
}

static void wait_fd (int fd)
{
    struct pollfd item = {.fd = fd, .events = POLLIN};
    ck_assert_int_eq (poll (&item, 1, PATIENCE_MS), 1);
}

static void expect (aut_child_t *child, aut_worker_msg_t *msg, aut_worker_type_t type)
{
    int rc;
    while ((rc = aut_child_receive (child, msg)) == AUT_ERR_AGAIN)
        wait_fd (aut_child_control_fd (child));
    ck_assert_msg (rc == 0, "%s", aut_error_detail ());
    ck_assert_int_eq (msg->type, type);
}

static void expect_hello (aut_child_t *child)
{
    aut_worker_msg_t msg = {0};
    expect (child, &msg, AUT_WORKER_HELLO);
    ck_assert_uint_eq (msg.hello.pid, (uint64_t)aut_child_pid (child));
    ck_assert_str_eq (msg.hello.device, "cpu");
    aut_worker_msg_clear (&msg);
}

static int wait_end (aut_child_t *child)
{
    int status = 0;
    int64_t until = now_ms () + PATIENCE_MS;
    while (!aut_child_ended (child, &status)) {
        ck_assert_int_lt (now_ms (), until);
        aut_child_tick (child, now_ms ());
        struct pollfd item = {.fd = aut_child_exit_fd (child), .events = POLLIN};
        poll (&item, 1, 50);
    }
    return status;
}

/*  Also true for a zombie, so only for processes that are not our children. */
static bool exists (pid_t pid)
{
    return kill (pid, 0) == 0 || errno != ESRCH;
}

static void wait_gone (pid_t pid)
{
    int64_t until = now_ms () + PATIENCE_MS;
    while (exists (pid)) {
        ck_assert_msg (now_ms () < until, "process %d is still there", (int)pid);
        poll (NULL, 0, 5);
    }
}

START_TEST (test_hello_and_quit)
{
    aut_child_t *child = start_worker ();
    expect_hello (child);
    int status;
    ck_assert (!aut_child_ended (child, &status));
    aut_worker_msg_t quit = {.type = AUT_WORKER_QUIT};
    ck_assert_int_eq (aut_child_send (child, &quit), 0);
    status = wait_end (child);
    ck_assert (WIFEXITED (status) && WEXITSTATUS (status) == 0);
    aut_child_destroy (&child);
    ck_assert_ptr_null (child);
}
END_TEST

/*  As the process sees it: one of the variables that it was started with. */
static bool was_told (aut_child_t *child, const char *variable)
{
    char path[64], text[65536];
    snprintf (path, sizeof path, "/proc/%d/environ", (int)aut_child_pid (child));
    FILE *file = fopen (path, "r");
    ck_assert_ptr_nonnull (file);
    size_t length = fread (text, 1, sizeof text - 1, file);
    fclose (file);
    text[length] = 0;
    for (const char *at = text; at < text + length; at += strlen (at) + 1)
        if (strcmp (at, variable) == 0)
            return true;
    return false;
}

/*  Its threads do not spin for long, unless the operator says how they wait. */
START_TEST (test_threads_sleep)
{
    unsetenv ("OMP_WAIT_POLICY");
    unsetenv ("GOMP_SPINCOUNT");
    aut_child_t *child = start_worker ();
    expect_hello (child);
    ck_assert (was_told (child, "GOMP_SPINCOUNT=10000"));
    aut_child_destroy (&child);
    setenv ("OMP_WAIT_POLICY", "active", 1);
    child = start_worker ();
    expect_hello (child);
    ck_assert (was_told (child, "OMP_WAIT_POLICY=active"));
    ck_assert (!was_told (child, "GOMP_SPINCOUNT=10000"));
    aut_child_destroy (&child);
    unsetenv ("OMP_WAIT_POLICY");
}
END_TEST

START_TEST (test_bad_task_fails)
{
    aut_child_t *child = start_worker ();
    expect_hello (child);
    aut_worker_msg_t msg = {.type = AUT_WORKER_TASK,
                            .task = {.id = 9,
                                     .spec = (const uint8_t *)"{\"kind\":\"nonsense\"}",
                                     .spec_size = 19,
                                     .out_dir = "/nonexistent"}};
    ck_assert_int_eq (aut_child_send (child, &msg), 0);
    expect (child, &msg, AUT_WORKER_FAIL);
    ck_assert_uint_eq (msg.fail.id, 9);
    ck_assert_str_eq (msg.fail.code, "invalid");
    aut_worker_msg_clear (&msg);
    int status;
    ck_assert_msg (!aut_child_ended (child, &status), "a bad task ended the worker");
    aut_child_destroy (&child);
}
END_TEST

START_TEST (test_crash_is_seen)
{
    aut_child_t *child = start_worker ();
    expect_hello (child);
    kill (aut_child_pid (child), SIGSEGV);
    int status = wait_end (child);
    char text[64];
    ck_assert (aut_child_status_text (status, text, sizeof text) == text);
    /* A sanitizer turns the signal into an exit of its own. */
    ck_assert_msg (strstr (text, "signal 11") || strstr (text, "exit"), "%s", text);
    aut_child_destroy (&child);
}
END_TEST

START_TEST (test_end_of_stream_ends_it)
{
    aut_child_t *child = start_worker ();
    expect_hello (child);
    shutdown (aut_child_control_fd (child), SHUT_RDWR);
    int status = wait_end (child);
    ck_assert (WIFEXITED (status) && WEXITSTATUS (status) == 0);
    aut_child_destroy (&child);
}
END_TEST

START_TEST (test_nonsense_ends_it)
{
    aut_child_t *child = start_worker ();
    expect_hello (child);
    static const char junk[] = "\xff\xff\xff\xffjunk";
    ck_assert_int_eq (send (aut_child_control_fd (child), junk, 8, MSG_NOSIGNAL), 8);
    int status = wait_end (child);
    ck_assert (WIFEXITED (status) && WEXITSTATUS (status) == 1);
    aut_child_destroy (&child);
}
END_TEST

/*  A process of its own that starts a worker and is then killed; `keep` (or −1) is the far end of a
 *  socket that stays open all the same. Gives the worker's pid through a pipe. */
static pid_t start_elsewhere (pid_t *worker)
{
    int fds[2];
    ck_assert_int_eq (pipe (fds), 0);
    pid_t node = fork ();
    if (node == 0) {
        aut_child_t *child = start_worker ();
        expect_hello (child);
        pid_t pid = aut_child_pid (child);
        ssize_t n = write (fds[1], &pid, sizeof pid);
        (void)n;
        for (;;)
            pause ();
    }
    ck_assert_int_gt (node, 0);
    wait_fd (fds[0]);
    ck_assert_int_eq (read (fds[0], worker, sizeof *worker), sizeof *worker);
    close (fds[0]);
    close (fds[1]);
    return node;
}

START_TEST (test_dies_with_its_node)
{
    pid_t worker;
    pid_t node = start_elsewhere (&worker);
    ck_assert (exists (worker));
    kill (node, SIGKILL);
    waitpid (node, NULL, 0);
    wait_gone (worker);
}
END_TEST

/*  The stream's other end stays open here, so only the death signal can end it. */
START_TEST (test_death_signal)
{
    int control[2], fds[2];
    ck_assert_int_eq (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, control), 0);
    ck_assert_int_eq (pipe (fds), 0);
    pid_t node = fork ();
    if (node == 0) {
        char parent[24];
        snprintf (parent, sizeof parent, "%d", (int)getpid ());
        pid_t pid = fork ();
        if (pid == 0) {
            dup2 (control[1], AUT_WORKER_FD);
            execl (WORKER, "auteur-worker", "--parent", parent, (char *)NULL);
            _exit (127);
        }
        ssize_t n = write (fds[1], &pid, sizeof pid);
        (void)n;
        for (;;)
            pause ();
    }
    close (control[1]);
    pid_t worker;
    ck_assert_int_eq (read (fds[0], &worker, sizeof worker), sizeof worker);
    wait_fd (control[0]); /* its HELLO: the death signal is set */
    kill (node, SIGKILL);
    waitpid (node, NULL, 0);
    wait_gone (worker);
    close (control[0]);
}
END_TEST

/*  It was orphaned before it could set the death signal. */
START_TEST (test_wrong_parent_leaves)
{
    const char *argv[] = {"auteur-worker", "--parent", "1", NULL};
    aut_child_t *child = NULL;
    ck_assert_int_eq (aut_child_start (&child, WORKER, argv, "worker"), 0);
    int status = wait_end (child);
    ck_assert (WIFEXITED (status) && WEXITSTATUS (status) == 0);
    aut_child_destroy (&child);
}
END_TEST

START_TEST (test_kill_escalates)
{
    const char *argv[] = {"sh", "-c", "trap '' TERM; echo deaf; while :; do sleep 1; done", NULL};
    aut_child_t *child = NULL;
    ck_assert_int_eq (aut_child_start (&child, "/bin/sh", argv, "worker"), 0);
    wait_fd (aut_child_log_fd (child)); /* the trap is set */
    aut_child_kill (child, now_ms ());
    int status = wait_end (child);
    ck_assert (WIFSIGNALED (status) && WTERMSIG (status) == SIGKILL);
    aut_child_destroy (&child);
}
END_TEST

START_TEST (test_group_goes_too)
{
    const char *argv[] = {"sh", "-c", "sleep 1000 & echo $! >&3; wait", NULL};
    aut_child_t *child = NULL;
    ck_assert_int_eq (aut_child_start (&child, "/bin/sh", argv, "worker"), 0);
    wait_fd (aut_child_control_fd (child));
    char text[32] = "";
    ck_assert_int_gt (recv (aut_child_control_fd (child), text, sizeof text - 1, 0), 0);
    pid_t grandchild = (pid_t)strtol (text, NULL, 10);
    prctl (PR_SET_CHILD_SUBREAPER, 1);
    aut_child_destroy (&child);
    ck_assert_int_eq (waitpid (grandchild, NULL, 0), grandchild);
}
END_TEST

/*  Nothing of this program leaks into the worker but the three streams and descriptor 3. */
START_TEST (test_descriptors)
{
    int leaky =
        fcntl (STDERR_FILENO, F_DUPFD, 50); /* without CLOEXEC, as a library might open one */
    const char *argv[] = {"sh", "-c", "exec ls /proc/self/fd >&3", NULL};
    aut_child_t *child = NULL;
    ck_assert_int_eq (aut_child_start (&child, "/bin/sh", argv, "worker"), 0);
    wait_end (child);
    char text[128] = "";
    ck_assert_int_gt (recv (aut_child_control_fd (child), text, sizeof text - 1, 0), 0);
    ck_assert_msg (strcmp (text, "0\n1\n2\n3\n4\n") == 0, "%s", text); /* 4: ls reads it */
    aut_child_destroy (&child);
    close (leaky);
}
END_TEST

START_TEST (test_no_program)
{
    const char *argv[] = {"nothing", NULL};
    aut_child_t *child = NULL;
    ck_assert_int_eq (aut_child_start (&child, "/nonexistent/worker", argv, "worker"),
                      AUT_ERR_NOT_FOUND);
    ck_assert_ptr_null (child);
}
END_TEST

/*  Children of others are theirs to wait for. */
START_TEST (test_waits_only_for_its_own)
{
    pid_t other = fork ();
    if (other == 0)
        _exit (7);
    aut_child_t *child = start_worker ();
    expect_hello (child);
    aut_child_destroy (&child);
    int status = 0;
    ck_assert_int_eq (waitpid (other, &status, 0), other);
    ck_assert_int_eq (WEXITSTATUS (status), 7);
}
END_TEST

int main (void)
{
    aut_log_setup (AUT_LOG_ERROR, AUT_LOG_TEXT);
    Suite *suite = suite_create ("node supervisor");
    TCase *tcase = tcase_create ("supervisor");
    tcase_set_timeout (tcase, 120);
    tcase_add_test (tcase, test_hello_and_quit);
    tcase_add_test (tcase, test_bad_task_fails);
    tcase_add_test (tcase, test_crash_is_seen);
    tcase_add_test (tcase, test_end_of_stream_ends_it);
    tcase_add_test (tcase, test_nonsense_ends_it);
    tcase_add_test (tcase, test_dies_with_its_node);
    tcase_add_test (tcase, test_death_signal);
    tcase_add_test (tcase, test_wrong_parent_leaves);
    tcase_add_test (tcase, test_kill_escalates);
    tcase_add_test (tcase, test_group_goes_too);
    tcase_add_test (tcase, test_descriptors);
    tcase_add_test (tcase, test_threads_sleep);
    tcase_add_test (tcase, test_no_program);
    tcase_add_test (tcase, test_waits_only_for_its_own);
    suite_add_tcase (suite, tcase);
    SRunner *runner = srunner_create (suite);
    srunner_run_all (runner, CK_NORMAL);
    int failed = srunner_ntests_failed (runner);
    srunner_free (runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
