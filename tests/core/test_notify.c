/*  What a service manager hears: a real socket, by path and by abstract name. */
#include "lib/core/notify.h"

#include "lib/core/file.h"
#include "lib/core/mem.h"
#include "tests/core/support.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static char *folder;

static void begin (void)
{
    folder = make_folder ();
}

static void end (void)
{
    remove_folder (&folder);
}

static char *test_path (const char *name)
{
    return aut_path_join (folder, name, NULL);
}

/*  Listens under `name` as systemd does, and sets NOTIFY_SOCKET. */
static int listen_as (const char *name)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t size = strlen (name);
    ck_assert_uint_lt (size, sizeof address.sun_path);
    memcpy (address.sun_path, name, size);
    if (name[0] == '@')
        address.sun_path[0] = 0;
    int fd = socket (AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    socklen_t length =
        (socklen_t)(offsetof (struct sockaddr_un, sun_path) + size + (name[0] != '@'));
    ck_assert_int_eq (bind (fd, (struct sockaddr *)&address, length), 0);
    setenv ("NOTIFY_SOCKET", name, 1);
    return fd;
}

/*  A datagram on a local socket is there when sendto has returned. */
static void expect (int fd, const char *text)
{
    char got[1024];
    ssize_t n = recv (fd, got, sizeof got - 1, MSG_DONTWAIT);
    ck_assert_msg (n >= 0, "nothing came in place of %s", text);
    got[n] = 0;
    ck_assert_str_eq (got, text);
}

static void expect_nothing (int fd)
{
    char got[1024];
    ck_assert_int_lt (recv (fd, got, sizeof got, MSG_DONTWAIT), 0);
}

START_TEST (says_all)
{
    char *name = _i ? aut_sprintf ("@auteur-test-%ld", (long)getpid ()) : test_path ("notify");
    int fd = listen_as (name);
    setenv ("WATCHDOG_USEC", "4000000", 1);
    aut_notify_t *self = aut_notify_new ();
    ck_assert_ptr_null (getenv ("NOTIFY_SOCKET"));
    ck_assert_ptr_null (getenv ("WATCHDOG_USEC"));
    aut_notify_status (self, "looks for %s", "a\nb");
    expect (fd, "STATUS=looks for a\\nb");
    aut_notify_status (self, "looks for %s", "a\nb");
    expect_nothing (fd);
    aut_notify_ready (self);
    aut_notify_ready (self);
    expect (fd, "READY=1");
    expect_nothing (fd);
    /* The first at once, then at half of the patience, and never for one who is not well. */
    aut_notify_watchdog (self, false, 9000);
    expect_nothing (fd);
    aut_notify_watchdog (self, true, 10000);
    expect (fd, "WATCHDOG=1");
    aut_notify_watchdog (self, true, 11999);
    expect_nothing (fd);
    aut_notify_watchdog (self, false, 12000);
    expect_nothing (fd);
    aut_notify_watchdog (self, true, 12001);
    expect (fd, "WATCHDOG=1");
    aut_notify_stopping (self);
    aut_notify_stopping (self);
    expect (fd, "STOPPING=1");
    expect_nothing (fd);
    close (fd); /* a manager that is gone is no harm */
    aut_notify_status (self, "more");
    aut_notify_destroy (&self);
    ck_assert_ptr_null (self);
    free (name);
}
END_TEST

START_TEST (keeps_still_unasked)
{
    char *name = test_path ("quiet");
    int fd = listen_as (name);
    setenv ("WATCHDOG_USEC", "1000000", 1);
    setenv ("WATCHDOG_PID", "1", 1); /* another process is watched */
    aut_notify_t *self = aut_notify_new ();
    aut_notify_watchdog (self, true, 1000);
    expect_nothing (fd);
    aut_notify_destroy (&self);
    static const char *const bad[] = {"", "@", "relative", "/"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        setenv ("NOTIFY_SOCKET", bad[i], 1);
        self = aut_notify_new ();
        aut_notify_ready (self);
        aut_notify_destroy (&self);
    }
    char longer[200];
    memset (longer, '/', sizeof longer - 1);
    longer[sizeof longer - 1] = 0;
    setenv ("NOTIFY_SOCKET", longer, 1);
    self = aut_notify_new ();
    aut_notify_ready (self);
    aut_notify_destroy (&self);
    self = aut_notify_new (); /* the variable is gone */
    aut_notify_ready (self);
    aut_notify_status (self, "x");
    aut_notify_destroy (&self);
    expect_nothing (fd);
    close (fd);
    free (name);
}
END_TEST

int main (void)
{
    TCase *tests = tcase_create ("notify");
    tcase_add_checked_fixture (tests, begin, end);
    tcase_add_loop_test (tests, says_all, 0, 2);
    tcase_add_test (tests, keeps_still_unasked);
    return run_case (tests);
}
