/*  The batch: waits for what comes back at once, and for nothing else. */
#include "broker/batch.h"

#include <check.h>
#include <stdlib.h>

#define COMMIT_US 1000

/*  So many rounds: `count` tasks are sent, and are back `turn_us` later. */
static int64_t play (aut_batch_t *batch, int64_t now, int rounds, unsigned count, int64_t turn_us)
{
    static uint64_t task;
    for (int i = 0; i < rounds; i++) {
        aut_batch_commit (batch, COMMIT_US);
        aut_batch_send (batch, now);
        for (unsigned n = 1; n <= count; n++)
            aut_batch_sent (batch, task + n);
        now += turn_us;
        for (unsigned n = 1; n <= count; n++)
            aut_batch_back (batch, task + n, now);
        task += count;
    }
    return now;
}

START_TEST (quick_tasks_are_waited_for)
{
    aut_batch_t batch = {0};
    int64_t wait, now = play (&batch, 1000000, 20, 4, 300);
    aut_batch_send (&batch, now);
    for (uint64_t task = 1001; task <= 1004; task++)
        aut_batch_sent (&batch, task);
    ck_assert_uint_eq (aut_batch_missing (&batch, now + 10, &wait), 4);
    ck_assert_int_eq (wait, 590); /* twice what they take */
    aut_batch_back (&batch, 1002, now + 200);
    ck_assert_uint_eq (aut_batch_missing (&batch, now + 200, &wait), 3);
    ck_assert_uint_eq (aut_batch_missing (&batch, now + 600, &wait), 0);
    ck_assert_int_eq (wait, 0);
}
END_TEST

START_TEST (nothing_is_waited_for_longer_than_a_commit)
{
    aut_batch_t batch = {0};
    int64_t wait, now = play (&batch, 1000000, 20, 4, 900);
    aut_batch_send (&batch, now);
    aut_batch_sent (&batch, 1001);
    ck_assert_uint_eq (aut_batch_missing (&batch, now, &wait), 1);
    ck_assert_int_eq (wait, COMMIT_US);
}
END_TEST

/*  Tasks of a second, and commits of 0.1 s: what is under way is nobody's to wait for. */
START_TEST (slow_tasks_are_not_waited_for)
{
    aut_batch_t batch = {0};
    int64_t wait, now = 1000000;
    for (int i = 0; i < 20; i++)
        aut_batch_commit (&batch, 100000);
    now = play (&batch, now, 100, 8, 1000000);
    aut_batch_send (&batch, now);
    aut_batch_sent (&batch, 100001);
    ck_assert_uint_eq (aut_batch_missing (&batch, now, &wait), 0);
    /* nor those of 50 ms, though such a commit takes longer */
    for (int i = 0; i < 100; i++)
        aut_batch_commit (&batch, 100000);
    now += 1000000;
    aut_batch_send (&batch, now);
    for (uint64_t task = 200001; task <= 200100; task++)
        aut_batch_sent (&batch, task);
    for (uint64_t task = 200001; task <= 200100; task++)
        aut_batch_back (&batch, task, now + 50000);
    aut_batch_send (&batch, now);
    aut_batch_sent (&batch, 300001);
    ck_assert_uint_eq (aut_batch_missing (&batch, now, &wait), 0);
}
END_TEST

/*  Among quick ones, one that takes long is given up after twice their time, and comes late. */
START_TEST (a_straggler_does_not_hold_the_others)
{
    aut_batch_t batch = {0};
    int64_t wait, now = play (&batch, 1000000, 20, 4, 300);
    aut_batch_send (&batch, now);
    aut_batch_sent (&batch, 1001);
    for (int round = 0; round < 2 * AUT_BATCH_SENDS; round++) {
        now = play (&batch, now + 1000, 1, 4, 300);
        ck_assert_uint_eq (aut_batch_missing (&batch, now + 600, &wait), 0);
    }
    aut_batch_back (&batch, 1001, now);  /* its round is forgotten: slow */
    aut_batch_back (&batch, 77777, now); /* never sent */
    ck_assert_uint_lt (batch.quick, 1024);
}
END_TEST

START_TEST (many_tasks_fall_out_of_the_ring)
{
    aut_batch_t batch = {0};
    int64_t wait, now = play (&batch, 1000000, 20, 4, 300);
    aut_batch_send (&batch, now);
    for (uint64_t task = 0; task < 3 * AUT_BATCH_TASKS; task++)
        aut_batch_sent (&batch, 500000 + task);
    for (uint64_t task = 0; task < 3 * AUT_BATCH_TASKS; task++)
        aut_batch_back (&batch, 500000 + task, now + 300);
    ck_assert_uint_le (aut_batch_missing (&batch, now + 300, &wait), 2 * AUT_BATCH_TASKS);
    ck_assert_int_le (wait, COMMIT_US);
}
END_TEST

int main (void)
{
    Suite *suite = suite_create ("batch");
    TCase *tc = tcase_create ("batch");
    suite_add_tcase (suite, tc);
    tcase_add_test (tc, quick_tasks_are_waited_for);
    tcase_add_test (tc, nothing_is_waited_for_longer_than_a_commit);
    tcase_add_test (tc, slow_tasks_are_not_waited_for);
    tcase_add_test (tc, a_straggler_does_not_hold_the_others);
    tcase_add_test (tc, many_tasks_fall_out_of_the_ring);
    SRunner *runner = srunner_create (suite);
    srunner_run_all (runner, CK_ENV);
    int failed = srunner_ntests_failed (runner);
    srunner_free (runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
