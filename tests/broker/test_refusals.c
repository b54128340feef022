/*  What is refused is told at a bounded rate, and what was left untold is told when the time for it
 *  has come, also if nobody is refused any more. */
#include "broker/guard.h"
#include "broker/refusals.h"
#include "tests/broker/harness.h"

#include "lib/core/error.h"
#include "lib/core/file.h"
#include "lib/core/mem.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define INTERVAL_MS 10000

static int64_t now = 1000000; /* atomic: the guard's thread asks, too */
static char *dir, *log_path;

static int64_t read_clock (void *ctx)
{
    (void)ctx;
    return __atomic_load_n (&now, __ATOMIC_SEQ_CST);
}

static const aut_clock_t hand = {read_clock, read_clock, NULL};

static void wait_in_vain (int64_t ms)
{
    __atomic_add_fetch (&now, ms, __ATOMIC_SEQ_CST);
}

/*  Check forks for each test: its stderr may go to a file. */
static void setup (void)
{
    dir = make_dir ();
    log_path = aut_path_join (dir, "log", NULL);
    int fd = open (log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    ck_assert_int_eq (dup2 (fd, STDERR_FILENO), STDERR_FILENO);
    close (fd);
}

static void teardown (void)
{
    free (log_path);
    drop_dir (dir);
}

static unsigned told (const char *what)
{
    char *text = NULL;
    size_t size;
    unsigned count = 0;
    OK (aut_file_read (log_path, 1 << 20, &text, &size));
    for (const char *at = text; (at = strstr (at, what)); at++)
        count++;
    free (text);
    return count;
}

START_TEST (the_rest_of_a_flood_is_told)
{
    aut_refusals_t *refusals = aut_refusals_new (&hand);
    for (int i = 0; i < 5; i++)
        aut_refusals_note (refusals, AUT_REFUSED_FLOOD, "too much");
    aut_refusals_tell_rest (refusals);
    ck_assert_uint_eq (told ("refused"), 1);
    wait_in_vain (INTERVAL_MS);
    aut_refusals_tell_rest (refusals);
    ck_assert_uint_eq (told ("refused (flood): 4 more"), 1);
    wait_in_vain (INTERVAL_MS);
    aut_refusals_tell_rest (refusals);
    ck_assert_uint_eq (told ("refused"), 2);
    ck_assert_uint_eq (aut_refusals_count (refusals, AUT_REFUSED_FLOOD), 5);
    aut_refusals_destroy (&refusals);
}
END_TEST

START_TEST (the_guard_tells_the_rest_by_itself)
{
    aut_keypair_t pair;
    aut_guard_t *guard;
    char *keys = make_dir ();
    OK (aut_keypair_new (&pair));
    OK (aut_keypair_save (&pair, keys));
    OK (aut_guard_start (&guard, keys, &hand));
    for (int i = 0; i < 25; i++)
        ck_assert_int_eq (aut_guard_check (guard, pair.public_key, AUT_PORT_NODE), AUT_ERR_DENIED);
    unsigned lines = told ("is refused");
    ck_assert_uint_ge (lines, 1);
    ck_assert_uint_lt (lines, 25);
    wait_in_vain (INTERVAL_MS);
    char *rest = aut_sprintf ("%u more connections or messages", 25 - lines);
    for (int64_t end = zclock_mono () + PATIENCE_MS; !told (rest) && zclock_mono () < end;)
        zclock_sleep (20);
    ck_assert_uint_eq (told (rest), 1);
    aut_guard_stop (&guard);
    free (rest);
    drop_dir (keys);
}
END_TEST

int main (void)
{
    Suite *suite = suite_create ("refusals");
    TCase *tc = tcase_create ("log");
    tcase_set_timeout (tc, 120);
    tcase_add_checked_fixture (tc, setup, teardown);
    tcase_add_test (tc, the_rest_of_a_flood_is_told);
    tcase_add_test (tc, the_guard_tells_the_rest_by_itself);
    suite_add_tcase (suite, tc);
    SRunner *runner = srunner_create (suite);
    srunner_run_all (runner, CK_NORMAL);
    int failed = srunner_ntests_failed (runner);
    srunner_free (runner);
    return failed ? 1 : 0;
}
