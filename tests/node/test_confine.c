/*  That a confined worker really cannot: each case is a process of its own that gives up what a
 *  worker gives up, and then tries. What this kernel lacks is skipped, and said. And that the
 *  program does it: the kernel's own word about a running worker, in /proc.
 */
#include "lib/core/error.h"
#include "lib/core/file.h"
#include "lib/core/mem.h"
#include "lib/media/picture.h"
#include "node/supervisor.h"
#include "node/worker/confine.h"

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATIENCE_MS 60000
#define SIDE 32

static char dir[64];
static char *work, *inputs, *secret, *input;

static void set_up (void)
{
    aut_picture_t *picture = NULL;
    snprintf (dir, sizeof dir, "/tmp/auteur-confine-XXXXXX");
    ck_assert_ptr_nonnull (mkdtemp (dir));
    work = aut_path_join (dir, "work", NULL);
    inputs = aut_path_join (dir, "inputs", NULL);
    secret = aut_path_join (dir, "id_ed25519", NULL);
    input = aut_path_join (inputs, "picture", NULL);
    ck_assert_int_eq (aut_dir_make (work), 0);
    ck_assert_int_eq (aut_dir_make (inputs), 0);
    ck_assert_int_eq (aut_file_write (secret, "key", 3), 0);
    ck_assert_int_eq (aut_picture_new (&picture, SIDE, SIDE), 0);
    ck_assert_int_eq (aut_picture_save_png (picture, input), 0);
    aut_picture_destroy (&picture);
}

static void tear_down (void)
{
    ck_assert_int_eq (aut_dir_remove (dir), 0);
    free (work);
    free (inputs);
    free (secret);
    free (input);
}

/*  0 if it worked, else its errno. */
static int try_open (const char *path, int flags)
{
    int fd = open (path, flags | O_CLOEXEC, 0600);
    if (fd < 0)
        return errno;
    close (fd);
    return 0;
}

static int try_socket (int domain, int type)
{
    int fd = socket (domain, type, 0);
    if (fd < 0)
        return errno;
    close (fd);
    return 0;
}

static int read_secret (void)
{
    return try_open (secret, O_RDONLY);
}

static int write_beside (void)
{
    char path[128];
    snprintf (path, sizeof path, "%s/left-here", dir);
    return try_open (path, O_WRONLY | O_CREAT);
}

static int write_input (void)
{
    return try_open (input, O_WRONLY);
}

static int cut_input (void)
{
    return truncate (input, 0) < 0 ? errno : 0;
}

static int remove_input (void)
{
    return unlink (input) < 0 ? errno : 0;
}

/*  The node reads the worker's results: a link would lead it where the worker may not go. */
static int link_secret (void)
{
    char path[128];
    snprintf (path, sizeof path, "%s/mezzanine.mkv", work);
    return symlink (secret, path) < 0 ? errno : 0;
}

static int hard_link_secret (void)
{
    char path[128];
    snprintf (path, sizeof path, "%s/hard.mkv", work);
    return link (secret, path) < 0 ? errno : 0;
}

static int open_secret_to_others (void)
{
    return chmod (secret, 0644) < 0 ? errno : 0;
}

/*  By the number, as libraries that are younger than our headers call it. */
static int open_secret_by_number (void)
{
    return syscall (452, AT_FDCWD, secret, 0644, 0) < 0 ? errno : 0;
}

static int list_home (void)
{
    return try_open (dir, O_RDONLY | O_DIRECTORY);
}

static int read_passwords (void)
{
    return try_open ("/etc/passwd", O_RDONLY);
}

static int run_program (void)
{
    pid_t pid = fork ();
    if (pid == 0) {
        execl ("/bin/true", "true", (char *)NULL);
        _exit (errno);
    }
    int status = 0;
    waitpid (pid, &status, 0);
    return WEXITSTATUS (status);
}

static int open_tcp (void)
{
    return try_socket (AF_INET, SOCK_STREAM);
}

static int open_udp6 (void)
{
    return try_socket (AF_INET6, SOCK_DGRAM);
}

static int open_local (void)
{
    return try_socket (AF_UNIX, SOCK_STREAM);
}

static int new_namespace (void)
{
    return unshare (CLONE_NEWUSER) < 0 ? errno : 0;
}

static int signal_node (void)
{
    return kill (getppid (), 0) < 0 ? errno : 0;
}

static int read_node_memory (void)
{
    char path[64];
    snprintf (path, sizeof path, "/proc/%d/mem", (int)getppid ());
    return try_open (path, O_RDONLY);
}

static int grow_file (void)
{
    char path[128];
    snprintf (path, sizeof path, "%s/huge", work);
    int fd = open (path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    int got = fd >= 0 && ftruncate (fd, (off_t)65 << 30) < 0 ? errno : 0;
    if (fd >= 0)
        close (fd);
    return got;
}

static int keep_core (void)
{
    struct rlimit limit;
    return getrlimit (RLIMIT_CORE, &limit) == 0 && limit.rlim_max == 0 ? EPERM : 0;
}

enum { BY_FILES = 1, BY_FILTER = 2, BY_SCOPE = 4, ALWAYS = 0 };

static const struct {
    const char *what;
    int (*attempt) (void);
    int refused; /* errno that says so; -1: any */
    int needs;
} attempts[] = {
    {"reading a key beside its folders", read_secret, EACCES, BY_FILES},
    {"writing beside its folder", write_beside, EACCES, BY_FILES},
    {"writing to an input", write_input, EACCES, BY_FILES},
    {"truncating an input", cut_input, EACCES, BY_FILES},
    {"removing an input", remove_input, EACCES, BY_FILES},
    {"a symbolic link to a key in its folder", link_secret, EACCES, BY_FILES},
    {"a hard link to a key in its folder", hard_link_secret, -1, BY_FILES},
    {"listing the folder above", list_home, EACCES, BY_FILES},
    {"reading /etc/passwd", read_passwords, EACCES, BY_FILES},
    {"the memory of its node", read_node_memory, -1, BY_FILES},
    {"opening a key to others", open_secret_to_others, EPERM, BY_FILTER},
    {"the same by the newer call", open_secret_by_number, EPERM, BY_FILTER},
    {"running a program", run_program, -1, BY_FILES},
    {"TCP", open_tcp, EPERM, BY_FILTER},
    {"UDP over IPv6", open_udp6, EPERM, BY_FILTER},
    {"a local socket", open_local, EPERM, BY_FILTER},
    {"a user namespace", new_namespace, EPERM, BY_FILTER},
    {"a signal to its node", signal_node, EPERM, BY_SCOPE},
    {"a file of 65 GiB", grow_file, EFBIG, ALWAYS},
    {"a core dump", keep_core, EPERM, ALWAYS},
};

static const char *lacking (const aut_confined_t *here, int needs)
{
    if ((needs & BY_FILES) && here->landlock < 3)
        return "this kernel has no Landlock (ABI 3)";
    if ((needs & BY_FILTER) && !here->filter)
        return "this kernel has no seccomp filters";
    if ((needs & BY_SCOPE) && !here->signals)
        return "this kernel has no Landlock (ABI 6)";
    return NULL;
}

static aut_confine_t *confine (bool cuda)
{
    const aut_worker_places_t places = {.work = work, .inputs = inputs, .cuda = cuda};
    return aut_worker_confine (&places, NULL);
}

/*  Before, each attempt would succeed: else its refusal later would prove nothing. */
START_TEST (confined_cannot)
{
    aut_confined_t here;
    aut_confine_probe (&here);
    const char *why = lacking (&here, attempts[_i].needs);
    if (why) {
        printf ("SKIPPED: %s: %s\n", attempts[_i].what, why);
        return;
    }
    pid_t pid = fork ();
    if (pid == 0) {
        aut_confine_t *list = confine (false);
        int got = attempts[_i].attempt ();
        aut_confine_destroy (&list);
        _exit (got);
    }
    int status = 0;
    ck_assert_int_eq (waitpid (pid, &status, 0), pid);
    ck_assert_msg (WIFEXITED (status) && WEXITSTATUS (status) != 0, "%s: worked",
                   attempts[_i].what);
    if (attempts[_i].refused > 0)
        ck_assert_msg (WEXITSTATUS (status) == attempts[_i].refused, "%s: %s", attempts[_i].what,
                       strerror (WEXITSTATUS (status)));
}
END_TEST

/*  The attempts that change nothing, by a process that is not confined. */
START_TEST (unconfined_can)
{
    ck_assert_int_eq (read_secret (), 0);
    ck_assert_int_eq (write_input (), 0);
    ck_assert_int_eq (list_home (), 0);
    ck_assert_int_eq (read_passwords (), 0);
    ck_assert_int_eq (run_program (), 0);
    ck_assert_int_eq (open_tcp (), 0);
    ck_assert_int_eq (open_local (), 0);
    ck_assert_int_eq (signal_node (), 0);
    ck_assert_int_eq (link_secret (), 0);
}
END_TEST

static void *thread_main (void *arg)
{
    *(int *)arg = 1;
    return NULL;
}

/*  0, or the line that failed. */
static int do_work (void)
{
    char *made = aut_path_join (work, "7", "frame.png", NULL);
    char *folder = aut_path_join (work, "7", NULL);
    aut_picture_t *picture = NULL;
    pthread_t thread;
    int ran = 0, line = 0;
    if (aut_picture_load (&picture, input) < 0 || picture->width != SIDE)
        line = __LINE__;
    else if (aut_dir_make (folder) < 0 || aut_picture_save_png (picture, made) < 0)
        line = __LINE__;
    else if (aut_dir_remove (folder) < 0)
        line = __LINE__;
    else if (pthread_create (&thread, NULL, thread_main, &ran) || pthread_join (thread, NULL))
        line = __LINE__;
    else if (!ran || try_open ("/proc/self/status", O_RDONLY) ||
             try_open ("/proc/self/clear_refs", O_WRONLY) || try_open ("/dev/urandom", O_RDONLY))
        line = __LINE__;
    aut_picture_destroy (&picture);
    free (made);
    free (folder);
    return line;
}

START_TEST (confined_can_work)
{
    pid_t pid = fork ();
    if (pid == 0) {
        aut_confine_t *list = confine (_i);
        int line = do_work ();
        if (line)
            fprintf (stderr, "line %d: %s\n", line, aut_error_detail ());
        aut_confine_destroy (&list);
        _exit (line != 0);
    }
    int status = 0;
    ck_assert_int_eq (waitpid (pid, &status, 0), pid);
    ck_assert_int_eq (status, 0);
}
END_TEST

static int status_number (pid_t pid, const char *field)
{
    char path[64], line[256];
    int value = -1;
    snprintf (path, sizeof path, "/proc/%d/status", (int)pid);
    FILE *file = fopen (path, "re");
    while (file && fgets (line, sizeof line, file))
        if (strncmp (line, field, strlen (field)) == 0)
            value = (int)strtol (line + strlen (field), NULL, 10);
    if (file)
        fclose (file);
    return value;
}

START_TEST (program_is_confined)
{
    aut_confined_t here;
    aut_confine_probe (&here);
    char parent[24];
    snprintf (parent, sizeof parent, "%d", (int)getpid ());
    const char *argv[] = {"auteur-worker", "--device", "cpu",      "--parent", parent,
                          "--work",        work,       "--inputs", inputs,     NULL};
    aut_child_t *child = NULL;
    aut_worker_msg_t msg = {0};
    ck_assert_int_eq (aut_child_start (&child, AUTEUR_BIN_DIR "/auteur-worker", argv, "worker"), 0);
    while (aut_child_receive (child, &msg) == AUT_ERR_AGAIN) {
        struct pollfd item = {.fd = aut_child_control_fd (child), .events = POLLIN};
        ck_assert_int_eq (poll (&item, 1, PATIENCE_MS), 1);
    }
    ck_assert_int_eq (msg.type, AUT_WORKER_HELLO);
    aut_worker_msg_clear (&msg);
    ck_assert_int_eq (status_number (aut_child_pid (child), "NoNewPrivs:"), 1);
    ck_assert_int_eq (status_number (aut_child_pid (child), "Seccomp:"), here.filter ? 2 : 0);
    aut_child_destroy (&child);
}
END_TEST

int main (void)
{
    Suite *suite = suite_create ("confine");
    TCase *tc = tcase_create ("confine");
    tcase_add_checked_fixture (tc, set_up, tear_down);
    tcase_add_loop_test (tc, confined_cannot, 0, sizeof attempts / sizeof *attempts);
    tcase_add_test (tc, unconfined_can);
    tcase_add_loop_test (tc, confined_can_work, 0, 2);
    tcase_add_test (tc, program_is_confined);
    suite_add_tcase (suite, tc);
    SRunner *runner = srunner_create (suite);
    srunner_run_all (runner, CK_NORMAL);
    int failed = srunner_ntests_failed (runner);
    srunner_free (runner);
    return failed != 0;
}
