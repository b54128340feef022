/*  Leases: the fence, renewal, silence, stalls, and what comes back late. */
#include "lib/core/epoch.h"
#include "tests/broker_core/suites.h"

#include <string.h>

static scene_t s;

static uint64_t metric_stale (void)
{
    return aut_core_metrics (s.core)->stale;
}

START_TEST (a_stale_attempt_never_commits)
{
    scene_open (&s);
    scene_node_t *a = scene_node (&s, "a", 1, 1, 24);
    scene_node_t *b = scene_node (&s, "b", 1, 1, 24);
    scene_submit (&s, 0, 1, 1, 1, "m");
    scene_node_t *first = a->held_count ? a : b, *second = a->held_count ? b : a;
    scene_held_t old = first->held[0];
    first->muted = true;
    scene_advance (&s, 20000);
    ck_assert_uint_eq (second->held_count, 1);
    ck_assert_uint_eq (second->held[0].token.attempt, 2);
    ck_assert_uint_eq (scene_task (&s, 1)->failures, 0); /* a lost node is no failure */
    /* it comes back with its result, which is of no use any more */
    scene_hello (&s, first);
    ck_assert_uint_eq (first->aborted, 1);
    scene_done (&s, first, &old);
    ck_assert_int_eq (scene_task (&s, 1)->state, AUT_TASK_LEASED);
    ck_assert_uint_eq (metric_stale (), 2);
    /* nor can it use the other's token */
    scene_done (&s, first, &second->held[0]);
    ck_assert_int_eq (scene_task (&s, 1)->state, AUT_TASK_LEASED);
    scene_held_t current = second->held[0];
    scene_done (&s, second, &current);
    ck_assert_int_eq (scene_task (&s, 1)->state, AUT_TASK_DONE);
    ck_assert_uint_eq (scene_task (&s, 1)->results, 1);
    scene_check (&s);
    scene_close (&s);
}
END_TEST

START_TEST (every_field_of_the_token_counts)
{
    scene_open (&s);
    scene_node_t *a = scene_node (&s, "a", 1, 1, 24);
    scene_submit (&s, 0, 1, 1, 1, "m");
    for (int i = 0; i < 6; i++) {
        scene_held_t wrong = a->held[0];
        wrong.token.task += i == 0 ? 1 : i == 1 ? 1000 : 0;
        wrong.token.attempt += i == 2 ? 1 : i == 3 ? (uint32_t)-1 : 0;
        wrong.token.epoch += i == 4 ? 1 : 0;
        if (i == 5)
            wrong.token.task = 0;
        scene_done (&s, a, &wrong);
        scene_fail (&s, a, &wrong, AUT_ERR_INTERNAL);
        scene_release (&s, a, &wrong);
        ck_assert_int_eq (scene_task (&s, 1)->state, AUT_TASK_LEASED);
        ck_assert_uint_eq (scene_task (&s, 1)->failures, 0);
        ck_assert_ptr_nonnull (scene_held (a, 1));
    }
    scene_close (&s);
}
END_TEST

/*  Another broker counts its tasks, attempts and starts as ours does; a node brings what it had
 *  from there. None of it is anything of ours, whether its number is lower or higher. */
START_TEST (nothing_of_another_broker_counts)
{
    const uint64_t ours = (UINT64_C (7) << AUT_EPOCH_START_BITS) + 1;
    const uint64_t others[] = {1, ours - AUT_EPOCH_STARTS - 1, ours + AUT_EPOCH_STARTS + 1,
                               ours + (UINT64_C (1) << 52), UINT64_MAX};
    scene_config (&s);
    s.epoch = ours;
    scene_start (&s);
    scene_node_t *a = scene_node (&s, "a", 1, 1, 24);
    scene_submit (&s, 0, 1, 2, 1, "m");
    ck_assert_uint_eq (a->held[0].token.epoch, ours);
    for (uint32_t i = 0; i < sizeof others / sizeof *others; i++) {
        scene_held_t wrong = a->held[0];
        wrong.token.epoch = others[i];
        scene_started (&s, a, &wrong);
        scene_progress (&s, a, &wrong, 1);
        scene_done (&s, a, &wrong);
        scene_fail (&s, a, &wrong, AUT_ERR_INTERNAL);
        scene_release (&s, a, &wrong);
        ck_assert_int_eq (scene_task (&s, 1)->state, AUT_TASK_LEASED);
        ck_assert_uint_eq (scene_task (&s, 1)->failures, 0);
        ck_assert_uint_eq (a->aborted, 5 * (i + 1)); /* told each time, never ADOPT or ACK */
        ck_assert_uint_eq (metric_stale (), 5 * (i + 1));
    }
    ck_assert_uint_eq (a->adopted + a->acked, 0);
    /* it comes back with the other's work instead of ours: that is dropped, ours given again */
    for (uint32_t i = 0; i < sizeof others / sizeof *others; i++) {
        uint32_t aborted = a->aborted;
        a->held[0].token.epoch = others[i];
        a->held[0].finished = true;
        scene_hello (&s, a);
        ck_assert_uint_eq (a->aborted, aborted + 1);
        ck_assert_uint_eq (a->held_count, 1);
        ck_assert_uint_eq (a->held[0].token.epoch, ours);
        ck_assert_uint_eq (a->held[0].token.attempt, i + 2);
        ck_assert_uint_eq (scene_task (&s, 1)->results, 0);
    }
    /* nor is it acknowledged when ours of the same number is done */
    scene_held_t held = a->held[0];
    scene_done (&s, a, &held);
    uint32_t acked = a->acked;
    held.token.epoch = others[0];
    scene_done (&s, a, &held);
    ck_assert_uint_eq (a->acked, acked);
    ck_assert_uint_eq (scene_run (&s), 1);
    ck_assert_uint_eq (scene_task (&s, 1)->results, 1);
    scene_check (&s);
    scene_close (&s);
}
END_TEST

START_TEST (a_second_done_is_acknowledged_again)
{
    scene_open (&s);
    scene_node_t *a = scene_node (&s, "a", 1, 1, 24);
    scene_submit (&s, 0, 1, 1, 1, "m");
    scene_held_t held = a->held[0];
    for (int i = 1; i <= 3; i++) {
        scene_done (&s, a, &held);
        ck_assert_uint_eq (a->acked, i);
    }
    ck_assert_uint_eq (scene_task (&s, 1)->results, 1);
    ck_assert_uint_eq (metric_stale (), 0);
    scene_close (&s);
}
END_TEST

START_TEST (a_result_from_another_tail_is_refused)
{
    scene_open (&s);
    scene_node_t *a = scene_node (&s, "a", 1, 1, 24);
    scene_submit (&s, 0, 1, 2, 1, "m");
    scene_held_t held = a->held[0];
    scene_done (&s, a, &held);
    held = a->held[0];
    ck_assert_uint_eq (held.token.task, 2);
    held.input.bytes[0] ^= 1;
    scene_done (&s, a, &held);
    ck_assert_int_eq (scene_task (&s, 2)->state, AUT_TASK_READY);
    ck_assert_uint_eq (scene_task (&s, 2)->failures, 1);
    ck_assert_uint_eq (a->aborted, 1);
    scene_advance (&s, 3000);
    scene_run (&s);
    ck_assert_int_eq (scene_job (&s, 1)->state, AUT_JOB_DONE);
    scene_close (&s);
}
END_TEST

START_TEST (a_result_without_a_needed_tail_is_refused)
{
    scene_open (&s);
    scene_node_t *a = scene_node (&s, "a", 1, 1, 24);
    scene_submit (&s, 0, 1, 2, 1, "m");
    aut_core_event_t event = {.kind = AUT_EV_DONE, .peer = a->peer};
    event.u.task.token = a->held[0].token;
    scene_step (&s, &event);
    ck_assert_int_eq (scene_task (&s, 1)->state, AUT_TASK_READY);
    ck_assert_uint_eq (scene_task (&s, 1)->failures, 1);
    scene_close (&s);
}
END_TEST

START_TEST (pings_keep_a_lease_that_the_node_spoke_of)
{
    scene_open (&s);
    scene_node_t *a = scene_node (&s, "a", 1, 1, 24);
    scene_submit (&s, 0, 1, 1, 1, "m");
    scene_started (&s, a, &a->held[0]);
    scene_advance (&s, 600000);
    ck_assert_uint_eq (a->held[0].token.attempt, 1);
    ck_assert_uint_eq (aut_core_metrics (s.core)->lost_leases, 0);
    scene_check (&s);
    scene_close (&s);
}
END_TEST

START_TEST (an_assignment_that_never_arrived_is_repeated)
{
    scene_open (&s);
    scene_node_t *a = scene_node (&s, "a", 1, 1, 24);
    s.drop_assigns = true;
    scene_submit (&s, 0, 1, 1, 1, "m");
    s.drop_assigns = false;
    ck_assert_uint_eq (a->held_count, 0);
    scene_advance (&s, 29000);
    ck_assert_uint_eq (a->held_count, 0);
    scene_advance (&s, 2000);
    ck_assert_uint_eq (a->held_count, 1);
    ck_assert_uint_eq (a->held[0].token.attempt, 2);
    ck_assert_uint_eq (scene_task (&s, 1)->failures, 0);
    scene_close (&s);
}
END_TEST

START_TEST (a_prefetched_task_waits_behind_a_running_one)
{
    scene_open (&s);
    scene_node_t *a = scene_node (&s, "a", 1, 2, 24);
    scene_submit (&s, 0, 2, 1, 1, "m");
    ck_assert_uint_eq (a->held_count, 2);
    scene_started (&s, a, &a->held[0]);
    scene_advance (&s, 310000);
    ck_assert_uint_eq (aut_core_metrics (s.core)->lost_leases, 0);
    scene_held_t held = a->held[0];
    scene_done (&s, a, &held);
    ck_assert_uint_eq (a->held_count, 1);
    scene_advance (&s, 25000); /* its time begins now */
    ck_assert_uint_eq (a->held[0].token.attempt, 1);
    scene_advance (&s, 35000); /* nothing holds it back now, and the node does not speak of it */
    ck_assert_uint_gt (a->held[0].token.attempt, 1);
    scene_close (&s);
}
END_TEST

START_TEST (a_silent_node_is_lost_and_its_work_goes_on)
{
    scene_open (&s);
    scene_node_t *a = scene_node (&s, "a", 1, 1, 24);
    scene_submit (&s, 0, 1, 3, 1, "m");
    scene_held_t held = a->held[0];
    scene_done (&s, a, &held);
    scene_started (&s, a, &a->held[0]);
    a->muted = true;
    scene_node_t *b = scene_node (&s, "b", 1, 1, 24);
    scene_advance (&s, 14000);
    ck_assert_uint_eq (b->held_count, 0);
    scene_advance (&s, 2000);
    ck_assert_uint_eq (b->held_count, 1);
    ck_assert_uint_eq (b->held[0].token.task, 2);
    ck_assert_uint_eq (aut_core_metrics (s.core)->lost_nodes, 1);
    ck_assert_uint_eq (aut_core_metrics (s.core)->nodes[AUT_NODE_LOST], 1);
    ck_assert_uint_eq (scene_run (&s), 2);
    ck_assert_uint_eq (scene_task (&s, 2)->failures, 0);
    scene_check (&s);
    scene_close (&s);
}
END_TEST

START_TEST (lost_work_is_taken_up_again_if_nobody_else_has_it)
{
    scene_open (&s);
    scene_node_t *a = scene_node (&s, "a", 1, 1, 24);
    scene_submit (&s, 0, 1, 1, 1, "m");
    scene_started (&s, a, &a->held[0]);
    a->muted = true;
    scene_advance (&s, 60000);
    ck_assert_int_eq (scene_task (&s, 1)->state, AUT_TASK_READY);
    scene_hello (&s, a);
    ck_assert_uint_eq (a->aborted, 0);
    ck_assert_uint_eq (a->held_count, 1);
    ck_assert_uint_eq (a->held[0].token.attempt, 1);
    ck_assert_int_eq (scene_task (&s, 1)->state, AUT_TASK_LEASED);
    scene_check (&s);
    ck_assert_uint_eq (scene_run (&s), 1);
    scene_close (&s);
}
END_TEST

START_TEST (another_node_cannot_take_up_what_it_never_had)
{
    scene_open (&s);
    scene_node_t *a = scene_node (&s, "a", 1, 1, 24);
    scene_submit (&s, 0, 1, 1, 1, "m");
    a->muted = true;
    scene_advance (&s, 20000);
    scene_node_t *b = scene_node (&s, "b", 1, 0, 24); /* without credit it gets nothing itself */
    b->held[b->held_count++] = a->held[0];
    scene_hello (&s, b);
    ck_assert_uint_eq (b->aborted, 1);
    ck_assert_int_eq (scene_task (&s, 1)->state, AUT_TASK_READY);
    scene_close (&s);
}
END_TEST

START_TEST (a_hung_worker_is_a_failure)
{
    scene_config (&s);
    s.config.stall_ms = 60000;
    scene_start (&s);
    scene_node_t *a = scene_node (&s, "a", 1, 1, 24);
    scene_submit (&s, 0, 1, 1, 1, "m");
    scene_started (&s, a, &a->held[0]);
    for (uint32_t i = 1; i <= 5; i++) { /* progress keeps it */
        scene_advance (&s, 50000);
        scene_progress (&s, a, &a->held[0], i);
    }
    ck_assert_uint_eq (scene_task (&s, 1)->failures, 0);
    for (int i = 0; i < 5; i++) { /* the same progress again does not */
        scene_advance (&s, 11000);
        if (a->held_count)
            scene_progress (&s, a, &a->held[0], 5);
    }
    scene_advance (&s, 10000);
    ck_assert_uint_eq (scene_task (&s, 1)->failures, 1);
    ck_assert_str_eq (scene_task (&s, 1)->code, "timeout");
    ck_assert_uint_eq (a->aborted, 1);
    scene_close (&s);
}
END_TEST

START_TEST (an_attempt_may_not_run_for_ever)
{
    scene_config (&s);
    s.config.run_ms = 100000;
    scene_start (&s);
    scene_node_t *a = scene_node (&s, "a", 1, 1, 24);
    scene_submit (&s, 0, 1, 1, 1, "m");
    scene_started (&s, a, &a->held[0]);
    for (uint32_t i = 1; i < 100 && a->held_count && a->held[0].token.attempt == 1; i++) {
        scene_progress (&s, a, &a->held[0], i);
        scene_advance (&s, 2000);
    }
    ck_assert_uint_eq (scene_task (&s, 1)->failures, 1);
    scene_close (&s);
}
END_TEST

START_TEST (a_broker_that_slept_does_not_blame_its_nodes)
{
    scene_open (&s);
    scene_node_t *a = scene_node (&s, "a", 1, 1, 24);
    scene_submit (&s, 0, 1, 1, 1, "m");
    scene_started (&s, a, &a->held[0]);
    scene_advance (&s, 10000);
    s.now += 3600000; /* SIGSTOP … SIGCONT */
    scene_tick (&s);
    ck_assert_uint_eq (aut_core_metrics (s.core)->lost_nodes, 0);
    scene_advance (&s, 60000);
    ck_assert_uint_eq (aut_core_metrics (s.core)->lost_nodes, 0);
    ck_assert_uint_eq (a->held[0].token.attempt, 1);
    a->muted = true;
    scene_advance (&s, 16000);
    ck_assert_uint_eq (aut_core_metrics (s.core)->lost_nodes, 1);
    scene_close (&s);
}
END_TEST

START_TEST (time_does_not_run_backwards)
{
    scene_open (&s);
    scene_node_t *a = scene_node (&s, "a", 1, 1, 24);
    scene_submit (&s, 0, 1, 1, 1, "m");
    s.now -= 500000;
    scene_tick (&s);
    scene_started (&s, a, &a->held[0]);
    s.now += 500000;
    scene_advance (&s, 60000);
    ck_assert_uint_eq (aut_core_metrics (s.core)->lost_leases, 0);
    scene_close (&s);
}
END_TEST

START_TEST (progress_is_told_and_kept_in_memory)
{
    scene_open (&s);
    scene_node_t *a = scene_node (&s, "a", 1, 1, 24);
    scene_submit (&s, 0, 1, 1, 1, "m");
    scene_progress (&s, a, &a->held[0], 42);
    aut_core_task_info_t info;
    ck_assert_int_eq (aut_core_task (s.core, 1, &info), 0);
    ck_assert_uint_eq (info.step, 42);
    ck_assert_uint_eq (info.steps, 100);
    ck_assert_str_eq (info.node, "a");
    ck_assert_str_eq (info.device, "cuda:0");
    for (size_t i = 0; i < s.out.count; i++)
        ck_assert (!aut_core_is_mutation (s.out.items[i].kind));
    scene_close (&s);
}
END_TEST

static aut_hash_t told (scene_node_t *node, const scene_held_t *held, uint8_t picture)
{
    aut_core_task_info_t info;
    aut_core_event_t event = {.kind = AUT_EV_PROGRESS, .peer = node->peer};
    event.u.task.token = held->token;
    event.u.task.preview.bytes[0] = picture;
    scene_step (&s, &event);
    ck_assert_int_eq (aut_core_task (s.core, 1, &info), 0);
    return info.preview;
}

/*  Kept with the lease and gone with it; one a second; only by who holds it. */
START_TEST (a_picture_is_the_leases)
{
    aut_core_task_info_t info;
    scene_open (&s);
    scene_node_t *a = scene_node (&s, "a", 1, 1, 24), *b = scene_node (&s, "b", 1, 1, 24);
    scene_submit (&s, 0, 1, 1, 1, "m");
    scene_held_t held = a->held_count ? a->held[0] : b->held[0], wrong = held;
    scene_node_t *owner = a->held_count ? a : b, *other = a->held_count ? b : a;
    wrong.token.attempt++;
    ck_assert_uint_eq (told (owner, &held, 0).bytes[0], 0);
    ck_assert_uint_eq (told (other, &held, 9).bytes[0], 0);
    ck_assert_uint_eq (told (owner, &wrong, 9).bytes[0], 0);
    ck_assert_uint_eq (told (owner, &held, 1).bytes[0], 1);
    ck_assert_uint_eq (told (owner, &held, 2).bytes[0], 1); /* too soon */
    scene_advance (&s, 1000);
    ck_assert_uint_eq (told (owner, &held, 3).bytes[0], 3);
    ck_assert_uint_eq (told (owner, &held, 0).bytes[0], 3); /* none is no news */
    for (size_t i = 0; i < s.out.count; i++)
        ck_assert (!aut_core_is_mutation (s.out.items[i].kind));
    scene_fail (&s, owner, &held, AUT_ERR_INTERNAL);
    ck_assert_int_eq (aut_core_task (s.core, 1, &info), 0);
    ck_assert (aut_hash_is_zero (&info.preview));
    scene_close (&s);
}
END_TEST

TCase *suite_lease (void)
{
    TCase *tc = tcase_create ("lease");
    tcase_add_test (tc, a_stale_attempt_never_commits);
    tcase_add_test (tc, every_field_of_the_token_counts);
    tcase_add_test (tc, nothing_of_another_broker_counts);
    tcase_add_test (tc, a_second_done_is_acknowledged_again);
    tcase_add_test (tc, a_result_from_another_tail_is_refused);
    tcase_add_test (tc, a_result_without_a_needed_tail_is_refused);
    tcase_add_test (tc, pings_keep_a_lease_that_the_node_spoke_of);
    tcase_add_test (tc, an_assignment_that_never_arrived_is_repeated);
    tcase_add_test (tc, a_prefetched_task_waits_behind_a_running_one);
    tcase_add_test (tc, a_silent_node_is_lost_and_its_work_goes_on);
    tcase_add_test (tc, lost_work_is_taken_up_again_if_nobody_else_has_it);
    tcase_add_test (tc, another_node_cannot_take_up_what_it_never_had);
    tcase_add_test (tc, a_hung_worker_is_a_failure);
    tcase_add_test (tc, an_attempt_may_not_run_for_ever);
    tcase_add_test (tc, a_broker_that_slept_does_not_blame_its_nodes);
    tcase_add_test (tc, time_does_not_run_backwards);
    tcase_add_test (tc, progress_is_told_and_kept_in_memory);
    tcase_add_test (tc, a_picture_is_the_leases);
    return tc;
}
