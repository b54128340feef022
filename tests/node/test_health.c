/*  What probes see of a node: not before its loop went round, not after it stopped doing so, and
 *  ready only while it says so. */
#include "lib/core/error.h"
#include "lib/core/file.h"
#include "node/health.h"

#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static char dir[64];

static void setup (void)
{
    snprintf (dir, sizeof dir, "/tmp/auteur-health.XXXXXX");
    ck_assert_ptr_nonnull (mkdtemp (dir));
}

static void teardown (void)
{
    aut_dir_remove (dir);
}

static void expect (int live, int ready)
{
    ck_assert_int_eq (aut_health_probe (dir, "live"), live);
    ck_assert_int_eq (aut_health_probe (dir, "ready"), ready);
}

/*  DIR/alive was touched so many seconds ago. */
static void last_seen (int seconds)
{
    char *path = aut_path_join (dir, "alive", NULL);
    const struct timespec then = {.tv_sec = time (NULL) - seconds};
    ck_assert_int_eq (utimensat (AT_FDCWD, path, (struct timespec[]){then, then}, 0), 0);
    free (path);
}

START_TEST (a_loop_is_seen)
{
    aut_health_t health;
    expect (AUT_ERR_STATE, AUT_ERR_STATE);
    ck_assert_int_eq (aut_health_open (&health, dir), 0);
    expect (AUT_ERR_STATE, AUT_ERR_STATE);
    aut_health_tick (&health, false, 1000);
    expect (0, AUT_ERR_STATE);
    ck_assert_ptr_nonnull (strstr (aut_error_detail (), "takes no work"));
    aut_health_tick (&health, true, 1001);
    expect (0, 0);
    aut_health_tick (&health, false, 1002);
    expect (0, AUT_ERR_STATE);
    aut_health_close (&health);
    ck_assert_int_lt (aut_health_open (&health, "/nonexistent/folder"), 0); /* and nothing leaks */
    aut_health_close (&health);
}
END_TEST

START_TEST (a_loop_that_stands_is_seen)
{
    aut_health_t health;
    ck_assert_int_eq (aut_health_open (&health, dir), 0);
    aut_health_tick (&health, true, 1000);
    last_seen (AUT_HEALTH_STALE_S + 5);
    expect (AUT_ERR_STATE, AUT_ERR_STATE);
    aut_health_tick (&health, true, 60000);
    expect (0, 0);
    last_seen (-3600); /* the clock was set back */
    expect (AUT_ERR_STATE, AUT_ERR_STATE);
    aut_health_close (&health);
}
END_TEST

/*  A container that starts again has its folder from before. */
START_TEST (what_a_killed_node_left_does_not_count)
{
    aut_health_t killed, next;
    ck_assert_int_eq (aut_health_open (&killed, dir), 0);
    aut_health_tick (&killed, true, 1000);
    expect (0, 0);
    ck_assert_int_eq (aut_health_open (&next, dir), 0);
    expect (AUT_ERR_STATE, AUT_ERR_STATE);
    aut_health_tick (&next, false, 1000);
    expect (0, AUT_ERR_STATE);
    aut_health_close (&next);
    aut_health_close (&killed);
}
END_TEST

START_TEST (another_word_is_refused)
{
    ck_assert_int_eq (aut_health_probe (dir, "liveness"), AUT_ERR_INVALID);
}
END_TEST

int main (void)
{
    Suite *suite = suite_create ("health");
    TCase *tcase = tcase_create ("health");
    tcase_add_checked_fixture (tcase, setup, teardown);
    tcase_add_test (tcase, a_loop_is_seen);
    tcase_add_test (tcase, a_loop_that_stands_is_seen);
    tcase_add_test (tcase, what_a_killed_node_left_does_not_count);
    tcase_add_test (tcase, another_word_is_refused);
    suite_add_tcase (suite, tcase);
    SRunner *runner = srunner_create (suite);
    srunner_run_all (runner, CK_ENV);
    int failed = srunner_ntests_failed (runner);
    srunner_free (runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
