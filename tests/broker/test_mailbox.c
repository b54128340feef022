/*  The bounded mailbox: order, refusal when full, waiting writers, closing. */
#include "broker/mailbox.h"

#include "lib/core/error.h"

#include <check.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>

START_TEST (keeps_order_and_says_again)
{
    aut_mailbox_t *box = aut_mailbox_new (3);
    int items[4];
    void *out[4];
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq (aut_mailbox_push (box, &items[i]), 0);
    ck_assert_int_eq (aut_mailbox_push (box, &items[3]), AUT_ERR_AGAIN);
    ck_assert (aut_mailbox_wait (box, 0));
    ck_assert_uint_eq (aut_mailbox_take (box, out, 2), 2);
    ck_assert_ptr_eq (out[0], &items[0]);
    ck_assert_ptr_eq (out[1], &items[1]);
    ck_assert (aut_mailbox_wait (box, 0)); /* one is left: still readable */
    ck_assert_int_eq (aut_mailbox_push (box, &items[3]), 0);
    ck_assert_uint_eq (aut_mailbox_take (box, out, 4), 2);
    ck_assert_ptr_eq (out[1], &items[3]);
    ck_assert (!aut_mailbox_wait (box, 0));
    aut_mailbox_wake (box);
    ck_assert (aut_mailbox_wait (box, 0));
    aut_mailbox_destroy (&box, NULL);
    ck_assert_ptr_null (box);
}
END_TEST

static void *push_many (void *ctx)
{
    for (uintptr_t i = 1; i <= 20000; i++)
        if (aut_mailbox_push_wait (ctx, (void *)i))
            return NULL;
    return ctx;
}

START_TEST (waiting_writers_lose_nothing)
{
    aut_mailbox_t *box = aut_mailbox_new (16);
    pthread_t threads[3];
    uintptr_t sum = 0, count = 0;
    void *out[8];
    for (int i = 0; i < 3; i++)
        pthread_create (&threads[i], NULL, push_many, box);
    while (count < 60000) {
        ck_assert (aut_mailbox_wait (box, 60000));
        size_t n = aut_mailbox_take (box, out, 8);
        for (size_t i = 0; i < n; i++)
            sum += (uintptr_t)out[i];
        count += n;
    }
    for (int i = 0; i < 3; i++)
        pthread_join (threads[i], NULL);
    ck_assert_uint_eq (sum, 3ull * 20000 * 20001 / 2);
    aut_mailbox_destroy (&box, NULL);
}
END_TEST

START_TEST (closing_frees_writers)
{
    aut_mailbox_t *box = aut_mailbox_new (1);
    pthread_t thread;
    void *result = box;
    pthread_create (&thread, NULL, push_many, box);
    ck_assert (aut_mailbox_wait (box, 60000));
    aut_mailbox_close (box);
    pthread_join (thread, &result);
    ck_assert_ptr_null (result);
    ck_assert_int_eq (aut_mailbox_push (box, box), AUT_ERR_CANCELLED);
    aut_mailbox_destroy (&box, NULL);
}
END_TEST

/*  Quiet items are found together, once told of. */
START_TEST (quiet_items_wake_once_told)
{
    aut_mailbox_t *box = aut_mailbox_new (3);
    int items[3];
    void *out[3];
    ck_assert_int_eq (aut_mailbox_push_quiet (box, &items[0]), 0);
    ck_assert_int_eq (aut_mailbox_push_wait_quiet (box, &items[1]), 0);
    ck_assert (!aut_mailbox_wait (box, 0));
    aut_mailbox_tell (box);
    ck_assert (aut_mailbox_wait (box, 0));
    ck_assert_uint_eq (aut_mailbox_take (box, out, 3), 2);
    aut_mailbox_tell (box); /* nothing is there */
    ck_assert (!aut_mailbox_wait (box, 0));
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq (aut_mailbox_push_quiet (box, &items[i]), 0);
    ck_assert (aut_mailbox_wait (box, 0)); /* a full one does not wait to be told of */
    ck_assert_int_eq (aut_mailbox_push_quiet (box, &items[0]), AUT_ERR_AGAIN);
    aut_mailbox_destroy (&box, NULL);
}
END_TEST

/*  A reader that wants three is not woken for two, and takes what is there when its time is up. */
START_TEST (gathering_reader_wakes_for_what_it_wants)
{
    aut_mailbox_t *box = aut_mailbox_new (8);
    int items[4];
    void *out[8];
    aut_mailbox_gather (box, 3, 0);
    aut_mailbox_push (box, &items[0]);
    aut_mailbox_push (box, &items[1]);
    ck_assert (!aut_mailbox_wait (box, 0));
    aut_mailbox_push (box, &items[2]);
    ck_assert (aut_mailbox_wait (box, 0));
    aut_mailbox_gather (box, 3, 600000000); /* they are there: no wait */
    ck_assert_uint_eq (aut_mailbox_take (box, out, 8), 3);
    aut_mailbox_gather (box, 2, 1);
    aut_mailbox_push (box, &items[3]);
    ck_assert_uint_eq (aut_mailbox_take (box, out, 8), 1);
    aut_mailbox_push (box, &items[0]);
    ck_assert (aut_mailbox_wait (box, 0)); /* as always again */
    aut_mailbox_destroy (&box, NULL);
}
END_TEST

int main (void)
{
    Suite *suite = suite_create ("mailbox");
    TCase *tc = tcase_create ("mailbox");
    tcase_set_timeout (tc, 120);
    tcase_add_test (tc, keeps_order_and_says_again);
    tcase_add_test (tc, waiting_writers_lose_nothing);
    tcase_add_test (tc, closing_frees_writers);
    tcase_add_test (tc, quiet_items_wake_once_told);
    tcase_add_test (tc, gathering_reader_wakes_for_what_it_wants);
    suite_add_tcase (suite, tc);
    SRunner *runner = srunner_create (suite);
    srunner_run_all (runner, CK_NORMAL);
    int failed = srunner_ntests_failed (runner);
    srunner_free (runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
