/*  Failures: three for good, on different nodes, back-off, memory, bars; others go on. */
#include "tests/broker_core/suites.h"

#include <string.h>

static scene_t s;

/*  Any node that holds `task` fails it; others finish what they hold. For `ms` at most. */
static int64_t until_ended (uint64_t task, uint64_t job, int code, int64_t ms)
{
    int64_t start = s.now;
    while (s.now < start + ms && scene_job (&s, job)->state < AUT_JOB_DONE) {
        for (uint32_t i = 0; i < s.node_count; i++) {
            scene_node_t *node = &s.nodes[i];
            if (!node->held_count)
                continue;
            scene_held_t held = node->held[0];
            if (held.token.task == task)
                scene_fail (&s, node, &held, code);
            else
                scene_done (&s, node, &held);
        }
        scene_advance (&s, 100);
    }
    return s.now - start;
}

START_TEST (one_node_whose_worker_always_dies)
{
    scene_open (&s);
    scene_node (&s, "a", 1, 1, 24);
    uint64_t job = scene_submit (&s, 0, 3, 3, 10, "m");
    int64_t took = until_ended (2, job, AUT_ERR_INTERNAL, 200000);
    ck_assert_int_lt (took, 10000); /* 150 s is the promise */
    ck_assert_int_eq (scene_job (&s, job)->state, AUT_JOB_FAILED);
    for (uint64_t task = 1; task <= 9; task++) /* chunk 2 and 3 of shot 1 only */
        ck_assert_int_eq (scene_task (&s, task)->state,
                          task == 2 || task == 3 ? AUT_TASK_FAILED : AUT_TASK_DONE);
    ck_assert_uint_eq (scene_task (&s, 2)->failures, 3);
    ck_assert_uint_eq (scene_task (&s, 2)->attempt, 3);
    ck_assert_uint_eq (scene_task (&s, 3)->attempt, 0);
    aut_core_task_info_t info;
    aut_core_task (s.core, 2, &info);
    ck_assert_str_eq (info.code, "internal");
    ck_assert_str_eq (info.message, "the worker died");
    aut_core_task (s.core, 3, &info);
    ck_assert_ptr_nonnull (strstr (info.message, "starts from"));
    scene_check (&s);
    /* and once more on request */
    scene_retry (&s, job);
    ck_assert_int_eq (scene_job (&s, job)->state, AUT_JOB_RUNNING);
    ck_assert_uint_eq (scene_run (&s), 2);
    ck_assert_int_eq (scene_job (&s, job)->state, AUT_JOB_DONE);
    scene_check (&s);
    scene_close (&s);
}
END_TEST

START_TEST (three_nodes_each_get_a_try)
{
    scene_open (&s);
    for (int i = 0; i < 3; i++)
        scene_node (&s, "n", 1, 1, 24);
    uint64_t job = scene_submit (&s, 0, 1, 1, 10, "m");
    uint32_t tried[3] = {0};
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 3; i++) {
            if (!s.nodes[i].held_count)
                continue;
            scene_held_t held = s.nodes[i].held[0];
            tried[i]++;
            scene_fail (&s, &s.nodes[i], &held, AUT_ERR_INTERNAL);
        }
        scene_advance (&s, 5000);
    }
    for (int i = 0; i < 3; i++)
        ck_assert_uint_eq (tried[i], 1);
    ck_assert_int_eq (scene_job (&s, job)->state, AUT_JOB_FAILED);
    scene_close (&s);
}
END_TEST

START_TEST (a_failed_task_waits_for_another_node_while_there_is_one)
{
    scene_open (&s);
    scene_node_t *a = scene_node (&s, "a", 1, 1, 24), *b = scene_node (&s, "b", 1, 1, 24);
    scene_submit (&s, 0, 2, 1, 10, "m");
    scene_held_t on_a = a->held[0], on_b = b->held[0];
    scene_started (&s, b, &on_b);
    scene_fail (&s, a, &on_a, AUT_ERR_INTERNAL);
    scene_advance (&s, 10000);
    ck_assert_uint_eq (a->held_count, 0); /* idle, but b could take it */
    /* b is lost: now a is the only one */
    b->muted = true;
    scene_advance (&s, 20000);
    ck_assert_uint_eq (a->held_count, 1);
    scene_run (&s);
    scene_check (&s);
    scene_close (&s);
}
END_TEST

START_TEST (a_waiting_task_comes_back_when_the_other_node_drains)
{
    scene_open (&s);
    scene_node_t *a = scene_node (&s, "a", 1, 1, 24), *b = scene_node (&s, "b", 1, 1, 24);
    scene_submit (&s, 0, 2, 1, 10, "m");
    scene_held_t held = a->held[0];
    scene_started (&s, b, &b->held[0]);
    scene_fail (&s, a, &held, AUT_ERR_INTERNAL);
    scene_advance (&s, 10000);
    ck_assert_uint_eq (a->held_count, 0);
    scene_drain (&s, "b");
    ck_assert_uint_eq (a->held_count, 1);
    ck_assert_uint_eq (b->held_count, 1);
    scene_close (&s);
}
END_TEST

START_TEST (others_pass_a_task_that_waits_for_another_node)
{
    scene_open (&s);
    scene_node_t *a = scene_node (&s, "a", 1, 1, 24), *b = scene_node (&s, "b", 1, 1, 24);
    scene_submit (&s, 0, 2, 1, 10, "m");
    scene_started (&s, b, &b->held[0]);
    uint64_t low = scene_submit (&s, -1, 5, 1, 10, "m");
    scene_held_t held = a->held[0];
    scene_fail (&s, a, &held, AUT_ERR_INTERNAL);
    for (int i = 0; i < 5; i++) {
        ck_assert_uint_eq (a->held_count, 1);
        ck_assert_uint_eq (a->held[0].job, low);
        scene_advance (&s, 2000);
        held = a->held[0];
        scene_done (&s, a, &held);
    }
    held = b->held[0];
    scene_done (&s, b, &held);
    ck_assert_uint_eq (b->held_count, 1);
    ck_assert_uint_eq (b->held[0].job, 1);
    scene_close (&s);
}
END_TEST

START_TEST (back_off_grows_and_is_the_same_each_time)
{
    int64_t waits[2][4];
    for (int run = 0; run < 2; run++) {
        scene_config (&s);
        s.config.max_failures = 5;
        scene_start (&s);
        scene_node_t *a = scene_node (&s, "a", 1, 1, 24);
        scene_submit (&s, 0, 1, 1, 10, "m");
        for (int i = 0; i < 4; i++) {
            scene_held_t held = a->held[0];
            scene_fail (&s, a, &held, AUT_ERR_INTERNAL);
            ck_assert_uint_eq (a->held_count, 0);
            aut_core_task_info_t info;
            aut_core_task (s.core, 1, &info);
            ck_assert_int_eq (info.wait, AUT_WAIT_BACKOFF);
            waits[run][i] = info.wait_ms;
            int64_t base = 1000ll << i;
            ck_assert_int_ge (info.wait_ms, base);
            ck_assert_int_le (info.wait_ms, base + base / 4);
            scene_advance (&s, info.wait_ms - 1);
            ck_assert_uint_eq (a->held_count, 0);
            scene_advance (&s, 1);
            ck_assert_uint_eq (a->held_count, 1);
        }
        scene_close (&s);
    }
    ck_assert_mem_eq (waits[0], waits[1], sizeof waits[0]);
}
END_TEST

START_TEST (a_failure_takes_those_that_start_from_it)
{
    /* shot 0: tasks 1-2; shot 1 starts from it: 3-4; shot 2 stands alone: 5 */
    aut_core_task_spec_t tasks[5] = {
        {.after = AUT_CORE_NONE, .model = "m", .shot = 0},
        {.after = 0, .model = "m", .shot = 0, .chunk = 1},
        {.after = 1, .model = "m", .shot = 1},
        {.after = 2, .model = "m", .shot = 1, .chunk = 1},
        {.after = AUT_CORE_NONE, .model = "m", .shot = 2},
    };
    scene_open (&s);
    scene_node (&s, "a", 1, 1, 24);
    uint64_t job = scene_submit_tasks (&s, 0, NULL, tasks, 5);
    until_ended (1, job, AUT_ERR_INTERNAL, 100000);
    ck_assert_int_eq (scene_job (&s, job)->state, AUT_JOB_FAILED);
    for (uint64_t task = 1; task <= 4; task++)
        ck_assert_int_eq (scene_task (&s, task)->state, AUT_TASK_FAILED);
    ck_assert_int_eq (scene_task (&s, 5)->state, AUT_TASK_DONE);
    scene_check (&s);
    scene_close (&s);
}
END_TEST

START_TEST (out_of_memory_goes_to_a_bigger_device)
{
    scene_open (&s);
    scene_node_t *small = scene_node (&s, "small", 1, 1, 24);
    scene_node_t *big = scene_node (&s, "big", 1, 1, 80);
    scene_submit (&s, 0, 1, 1, 10, "m");
    ck_assert_uint_eq (small->held_count, 1);
    scene_held_t held = small->held[0];
    scene_fail (&s, small, &held, AUT_ERR_DEVICE_MEMORY);
    ck_assert_uint_eq (big->held_count, 1); /* at once */
    ck_assert_uint_eq (scene_task (&s, 1)->failures, 0);
    ck_assert_uint_eq (scene_task (&s, 1)->memory, 24 * SCENE_GB + 1);
    ck_assert_uint_eq (aut_core_metrics (s.core)->out_of_memory, 1);
    /* the demand outlives a restart */
    scene_restart (&s);
    scene_check (&s);
    scene_hello (&s, small);
    ck_assert_uint_eq (small->held_count, 0);
    scene_hello (&s, big);
    ck_assert_uint_eq (scene_run (&s), 1);
    scene_check (&s);
    scene_close (&s);
}
END_TEST

START_TEST (out_of_memory_on_the_biggest_is_a_failure)
{
    scene_open (&s);
    scene_node (&s, "a", 1, 1, 24);
    uint64_t job = scene_submit (&s, 0, 1, 1, 10, "m");
    int64_t took = until_ended (1, job, AUT_ERR_DEVICE_MEMORY, 100000);
    ck_assert_int_lt (took, 20000);
    ck_assert_int_eq (scene_job (&s, job)->state, AUT_JOB_FAILED);
    ck_assert_str_eq (scene_task (&s, 1)->code, "device-memory");
    ck_assert_uint_eq (scene_task (&s, 1)->memory, 0);
    scene_close (&s);
}
END_TEST

START_TEST (out_of_memory_waits_for_a_bigger_device_that_left)
{
    scene_open (&s);
    scene_node_t *small = scene_node (&s, "small", 1, 1, 24);
    scene_node_t *big = scene_node (&s, "big", 1, 1, 80);
    scene_submit (&s, 0, 1, 1, 10, "m");
    scene_held_t held = small->held[0];
    scene_fail (&s, small, &held, AUT_ERR_DEVICE_MEMORY);
    scene_bye (&s, big);
    ck_assert_uint_eq (small->held_count, 0);
    aut_core_task_info_t info;
    aut_core_task (s.core, 1, &info);
    ck_assert_int_eq (info.wait, AUT_WAIT_MEMORY);
    scene_node (&s, "bigger", 1, 1, 141);
    ck_assert_uint_eq (scene_run (&s), 1);
    scene_check (&s);
    scene_close (&s);
}
END_TEST

/*  Node "bad" fails everything of the job, "good" succeeds. */
static void make_barred (scene_node_t *bad, scene_node_t *good, uint32_t tasks)
{
    for (uint32_t i = 0; i < tasks; i++) {
        ck_assert_uint_eq (bad->held_count, 1);
        scene_held_t held = bad->held[0];
        scene_fail (&s, bad, &held, AUT_ERR_INTERNAL);
        for (int j = 0; j < 50 && scene_task (&s, held.token.task)->state != AUT_TASK_DONE; j++) {
            scene_advance (&s, 500);
            scene_held_t other = good->held[0];
            scene_done (&s, good, &other);
        }
    }
}

START_TEST (a_node_that_fails_what_others_do_is_barred)
{
    scene_open (&s);
    scene_node_t *bad = scene_node (&s, "bad", 1, 1, 24);
    scene_node_t *good = scene_node (&s, "good", 1, 1, 24);
    uint64_t job = scene_submit (&s, 0, 300, 1, 10, "m");
    make_barred (bad, good, 3);
    ck_assert_uint_eq (aut_core_metrics (s.core)->barred, 1);
    scene_held_t held = bad->held[0];
    scene_done (&s, bad, &held);
    ck_assert_uint_eq (bad->held_count, 0);
    uint64_t other = scene_submit (&s, -50, 1, 1, 10, "m"); /* the bar is for that job alone */
    ck_assert_uint_eq (bad->held[0].job, other);
    /* and holds only while another could do it */
    held = bad->held[0];
    scene_done (&s, bad, &held);
    good->muted = true;
    scene_advance (&s, 16000);
    ck_assert_uint_eq (bad->held_count, 1);
    ck_assert_uint_eq (bad->held[0].job, job);
    scene_check (&s);
    scene_close (&s);
}
END_TEST

START_TEST (a_bad_task_does_not_bar_nodes)
{
    scene_open (&s);
    for (int i = 0; i < 3; i++)
        scene_node (&s, "n", 1, 1, 24);
    uint64_t job = scene_submit (&s, 0, 20, 1, 10, "m");
    until_ended (1, job, AUT_ERR_INTERNAL, 100000);
    ck_assert_uint_eq (aut_core_metrics (s.core)->barred, 0);
    ck_assert_uint_eq (aut_core_metrics (s.core)->tasks[AUT_TASK_DONE], 19);
    scene_close (&s);
}
END_TEST

START_TEST (exclusions_outlive_a_restart)
{
    scene_open (&s);
    scene_node_t *a = scene_node (&s, "a", 1, 1, 24), *b = scene_node (&s, "b", 1, 1, 24);
    scene_submit (&s, 0, 1, 1, 10, "m");
    scene_node_t *first = a->held_count ? a : b, *second = a->held_count ? b : a;
    scene_held_t held = first->held[0];
    scene_fail (&s, first, &held, AUT_ERR_INTERNAL);
    scene_restart (&s);
    scene_hello (&s, second);
    scene_held_t given = second->held[0];
    scene_release (&s, second, &given);
    scene_hello (&s, first);
    scene_hello (&s, second);
    ck_assert_uint_eq (second->held_count + first->held_count, 1);
    scene_check (&s);
    scene_run (&s);
    scene_close (&s);
}
END_TEST

TCase *suite_fail (void)
{
    TCase *tc = tcase_create ("fail");
    tcase_add_test (tc, one_node_whose_worker_always_dies);
    tcase_add_test (tc, three_nodes_each_get_a_try);
    tcase_add_test (tc, a_failed_task_waits_for_another_node_while_there_is_one);
    tcase_add_test (tc, a_waiting_task_comes_back_when_the_other_node_drains);
    tcase_add_test (tc, others_pass_a_task_that_waits_for_another_node);
    tcase_add_test (tc, back_off_grows_and_is_the_same_each_time);
    tcase_add_test (tc, a_failure_takes_those_that_start_from_it);
    tcase_add_test (tc, out_of_memory_goes_to_a_bigger_device);
    tcase_add_test (tc, out_of_memory_on_the_biggest_is_a_failure);
    tcase_add_test (tc, out_of_memory_waits_for_a_bigger_device_that_left);
    tcase_add_test (tc, a_node_that_fails_what_others_do_is_barred);
    tcase_add_test (tc, a_bad_task_does_not_bar_nodes);
    tcase_add_test (tc, exclusions_outlive_a_restart);
    return tc;
}
