/*  The broker is killed and comes back: nothing accepted is lost, and work that runs is adopted. */
#include "lib/core/epoch.h"
#include "tests/broker_core/suites.h"

#include <string.h>

static scene_t s;

START_TEST (running_attempts_are_adopted)
{
    scene_open (&s);
    scene_node_t *a = scene_node (&s, "a", 2, 1, 24);
    uint64_t job = scene_submit (&s, 0, 4, 3, 10, "m");
    scene_started (&s, a, &a->held[0]);
    scene_held_t old = a->held[0];
    scene_restart (&s);
    scene_check (&s);
    scene_hello (&s, a);
    ck_assert_uint_eq (a->adopted, 2);
    ck_assert_uint_eq (a->held_count, 2);
    ck_assert_uint_eq (a->held[0].token.attempt, 1); /* the same attempt, a new epoch */
    ck_assert_uint_eq (a->held[0].token.epoch, 2);
    ck_assert_uint_eq (aut_core_metrics (s.core)->adopted, 2);
    scene_check (&s);
    /* under the old token nothing is taken; the node is told again */
    scene_done (&s, a, &old);
    ck_assert_int_eq (scene_task (&s, old.token.task)->state, AUT_TASK_LEASED);
    ck_assert_uint_eq (a->adopted, 3);
    ck_assert_uint_eq (a->aborted, 0);
    ck_assert_uint_eq (scene_run (&s), 12);
    ck_assert_int_eq (scene_job (&s, job)->state, AUT_JOB_DONE);
    scene_check (&s);
    scene_close (&s);
}
END_TEST

START_TEST (a_finished_result_is_taken_under_the_new_token)
{
    scene_open (&s);
    scene_node_t *a = scene_node (&s, "a", 1, 1, 24);
    scene_submit (&s, 0, 1, 2, 10, "m");
    a->held[0].finished = true; /* its DONE went to the broker that died */
    scene_restart (&s);
    scene_hello (&s, a);
    ck_assert_uint_eq (a->adopted, 1);
    ck_assert_uint_eq (scene_run (&s), 2);
    ck_assert_uint_eq (scene_task (&s, 1)->attempt, 1);
    scene_close (&s);
}
END_TEST

START_TEST (a_committed_result_is_acknowledged_after_a_restart)
{
    scene_open (&s);
    scene_node_t *a = scene_node (&s, "a", 1, 1, 24);
    scene_submit (&s, 0, 1, 1, 10, "m");
    scene_held_t held = a->held[0];
    scene_done (&s, a, &held);
    a->held[a->held_count++] = held; /* the ACK got lost */
    a->held[0].finished = true;
    scene_restart (&s);
    scene_hello (&s, a);
    ck_assert_uint_eq (a->acked, 2);
    ck_assert_uint_eq (a->held_count, 0);
    ck_assert_uint_eq (scene_task (&s, 1)->results, 1);
    scene_close (&s);
}
END_TEST

START_TEST (what_was_not_committed_did_not_happen)
{
    scene_open (&s);
    scene_node_t *a = scene_node (&s, "a", 1, 1, 24);
    uint64_t job = scene_submit (&s, 0, 1, 2, 10, "m");
    aut_hash_t input = {{0}};
    aut_core_event_t event = {.kind = AUT_EV_DONE, .peer = a->peer};
    event.u.task.token = a->held[0].token;
    event.u.task.done =
        (aut_core_done_t){.tail = scene_tail (1, 1), .used = &input, .used_count = 0};
    scene_step_lost (&s, &event); /* killed between the step and the commit */
    ck_assert_int_eq (scene_task (&s, 1)->state, AUT_TASK_LEASED);
    scene_hello (&s, a);
    ck_assert_uint_eq (scene_run (&s), 2);
    ck_assert_int_eq (scene_job (&s, job)->state, AUT_JOB_DONE);
    scene_check (&s);
    scene_close (&s);
}
END_TEST

START_TEST (leases_that_nobody_claims_are_run_again)
{
    scene_open (&s);
    scene_node_t *a = scene_node (&s, "a", 1, 1, 24);
    scene_submit (&s, 0, 1, 1, 10, "m");
    a->muted = true;
    scene_restart (&s);
    scene_node_t *b = scene_node (&s, "b", 1, 1, 24);
    scene_advance (&s, 29000);
    ck_assert_uint_eq (b->held_count, 0);
    scene_advance (&s, 2000);
    ck_assert_uint_eq (b->held_count, 1);
    ck_assert_uint_eq (b->held[0].token.attempt, 2);
    ck_assert_uint_eq (scene_task (&s, 1)->failures, 0);
    scene_hello (&s, a); /* too late */
    ck_assert_uint_eq (a->held_count, 0);
    ck_assert_uint_eq (a->aborted, 1);
    scene_check (&s);
    scene_close (&s);
}
END_TEST

START_TEST (a_late_node_takes_up_what_still_waits)
{
    scene_open (&s);
    scene_node_t *a = scene_node (&s, "a", 1, 1, 24);
    scene_submit (&s, 0, 1, 1, 10, "m");
    a->muted = true;
    scene_restart (&s);
    scene_advance (&s, 100000);
    ck_assert_int_eq (scene_task (&s, 1)->state, AUT_TASK_READY);
    scene_hello (&s, a);
    ck_assert_uint_eq (a->adopted, 1);
    ck_assert_uint_eq (a->held[0].token.attempt, 1);
    ck_assert_uint_eq (a->held[0].token.epoch, 2);
    ck_assert_uint_eq (scene_run (&s), 1);
    scene_check (&s);
    scene_close (&s);
}
END_TEST

START_TEST (another_instance_does_not_inherit)
{
    scene_open (&s);
    scene_node_t *a = scene_node (&s, "a", 1, 1, 24);
    scene_submit (&s, 0, 1, 1, 10, "m");
    scene_held_t held = a->held[0];
    a->alive = false;
    scene_restart (&s);
    scene_node_t *again = scene_node_new (&s, "a");
    again->held[again->held_count++] = held;
    scene_hello (&s, again);
    ck_assert_uint_eq (again->aborted, 1);
    ck_assert_uint_eq (again->adopted, 0);
    scene_check (&s);
    scene_close (&s);
}
END_TEST

START_TEST (without_a_stored_instance_the_name_claims)
{
    scene_open (&s);
    scene_node_t *a = scene_node (&s, "a", 1, 1, 24);
    scene_submit (&s, 0, 1, 1, 10, "m");
    memset (scene_task (&s, 1)->instance, 0, AUT_CORE_INSTANCE);
    scene_restart (&s);
    scene_hello (&s, a);
    ck_assert_uint_eq (a->adopted, 1);
    ck_assert_uint_eq (scene_run (&s), 1);
    scene_check (&s);
    scene_close (&s);
}
END_TEST

START_TEST (an_adopted_attempt_that_hangs_is_noticed)
{
    scene_open (&s);
    scene_node_t *a = scene_node (&s, "a", 1, 1, 24);
    scene_submit (&s, 0, 1, 1, 10, "m");
    scene_started (&s, a, &a->held[0]);
    scene_restart (&s);
    scene_hello (&s, a);
    scene_advance (&s, 890000);
    ck_assert_uint_eq (scene_task (&s, 1)->failures, 0);
    scene_advance (&s, 20000);
    ck_assert_uint_eq (scene_task (&s, 1)->failures, 1);
    scene_close (&s);
}
END_TEST

START_TEST (two_restarts_in_a_row)
{
    scene_open (&s);
    scene_node_t *a = scene_node (&s, "a", 1, 1, 24);
    scene_submit (&s, 0, 1, 3, 10, "m");
    scene_restart (&s);
    scene_restart (&s);
    scene_hello (&s, a);
    ck_assert_uint_eq (a->held[0].token.epoch, 3);
    ck_assert_uint_eq (a->held[0].token.attempt, 1);
    scene_restart (&s); /* adopted, but its next HELLO comes with the token of epoch 3 */
    scene_hello (&s, a);
    ck_assert_uint_eq (a->held[0].token.epoch, 4);
    ck_assert_uint_eq (scene_run (&s), 3);
    scene_check (&s);
    scene_close (&s);
}
END_TEST

/*  A state that gets a new identity (a copy, one from before there were identities): the jobs go
 *  on; what ran under the old one is dropped and run again, at once. */
START_TEST (a_new_identity_adopts_nothing)
{
    scene_open (&s);
    scene_node_t *a = scene_node (&s, "a", 2, 1, 24);
    uint64_t job = scene_submit (&s, 0, 2, 2, 10, "m");
    a->held[0].finished = true;
    s.epoch = UINT64_C (9) << AUT_EPOCH_START_BITS;
    scene_restart (&s);
    ck_assert_int_eq (scene_task (&s, a->held[0].token.task)->state, AUT_TASK_READY);
    ck_assert_uint_eq (aut_core_metrics (s.core)->lost_leases, 2);
    scene_check (&s);
    scene_hello (&s, a);
    ck_assert_uint_eq (a->adopted, 0);
    ck_assert_uint_eq (a->aborted, 2);
    ck_assert_uint_eq (a->held_count, 2);
    for (uint32_t i = 0; i < 2; i++) {
        ck_assert_uint_eq (a->held[i].token.attempt, 2);
        ck_assert_uint_eq (a->held[i].token.epoch, s.epoch);
        ck_assert_uint_eq (scene_task (&s, a->held[i].token.task)->failures, 0);
    }
    ck_assert_uint_eq (scene_run (&s), 4);
    ck_assert_int_eq (scene_job (&s, job)->state, AUT_JOB_DONE);
    scene_check (&s);
    scene_close (&s);
}
END_TEST

START_TEST (a_lost_adoption_is_told_again)
{
    scene_open (&s);
    scene_node_t *a = scene_node (&s, "a", 1, 1, 24);
    scene_submit (&s, 0, 1, 1, 10, "m");
    scene_held_t old = a->held[0];
    scene_restart (&s);
    scene_hello (&s, a);
    a->held[0] = old; /* the ADOPT did not arrive, and it connects again */
    scene_hello (&s, a);
    ck_assert_uint_eq (a->held[0].token.epoch, 2);
    ck_assert_uint_eq (aut_core_metrics (s.core)->adopted, 1);
    ck_assert_uint_eq (scene_run (&s), 1);
    scene_close (&s);
}
END_TEST

START_TEST (states_and_failures_outlive_a_restart)
{
    scene_open (&s);
    scene_node_t *a = scene_node (&s, "a", 1, 1, 24);
    uint64_t first = scene_submit (&s, 3, 2, 2, 10, "m");
    uint64_t second = scene_submit (&s, 0, 2, 2, 10, "m");
    scene_held_t held = a->held[0];
    scene_fail (&s, a, &held, AUT_ERR_INTERNAL);
    scene_cancel (&s, second);
    scene_restart (&s);
    scene_check (&s);
    ck_assert_uint_eq (scene_task (&s, held.token.task)->failures, 1);
    ck_assert_int_eq (scene_job (&s, second)->state, AUT_JOB_CANCELLED);
    scene_hello (&s, a);
    scene_run (&s);
    ck_assert_int_eq (scene_job (&s, first)->state, AUT_JOB_DONE);
    scene_retry (&s, second);
    ck_assert_uint_eq (scene_run (&s), 4);
    ck_assert_uint_eq (scene_submit (&s, 0, 1, 1, 1, "m"), 3); /* ids go on */
    ck_assert_uint_eq (scene_job (&s, 3)->first, 9);
    scene_check (&s);
    scene_close (&s);
}
END_TEST

/*  However a job ended: it stays so, its numbers too, and only a retry makes it go on. */
START_TEST (ended_jobs_stay_ended)
{
    scene_open (&s);
    scene_node_t *a = scene_node (&s, "a", 1, 1, 24);
    uint64_t done = scene_submit (&s, 0, 1, 1, 1, "m");
    scene_run (&s);
    uint64_t failed = scene_submit (&s, 0, 1, 2, 1, "m"); /* what follows fails with it */
    for (int i = 0; i < 3; i++) {
        for (int waits = 0; a->held_count == 0 && waits < 1000; waits++)
            scene_advance (&s, 1000);
        ck_assert_uint_eq (a->held_count, 1);
        scene_held_t held = a->held[0];
        scene_fail (&s, a, &held, AUT_ERR_INTERNAL);
    }
    ck_assert_int_eq (scene_job (&s, failed)->state, AUT_JOB_FAILED);
    uint64_t cancelled = scene_submit (&s, 0, 2, 2, 1, "m");
    scene_cancel (&s, cancelled);
    const uint64_t jobs[] = {done, failed, cancelled};
    const aut_job_state_t states[] = {AUT_JOB_DONE, AUT_JOB_FAILED, AUT_JOB_CANCELLED};
    aut_core_job_info_t before[3], after;
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq (aut_core_job (s.core, jobs[i], &before[i]), 0);
    for (int restarts = 0; restarts < 2; restarts++) {
        scene_restart (&s);
        scene_hello (&s, a);
        scene_check (&s);
        ck_assert_uint_eq (a->held_count, 0);
        for (int i = 0; i < 3; i++) {
            ck_assert_int_eq (aut_core_job (s.core, jobs[i], &after), 0);
            ck_assert_int_eq (after.state, states[i]);
            ck_assert_mem_eq (after.tasks, before[i].tasks, sizeof after.tasks);
        }
    }
    scene_cancel (&s, cancelled);
    ck_assert_int_eq (s.code, 0);
    ck_assert_int_eq (scene_job (&s, cancelled)->state, AUT_JOB_CANCELLED);
    a->aborted = 0;
    scene_retry (&s, failed);
    scene_retry (&s, failed); /* said again: nothing is taken back or given out twice */
    ck_assert_int_eq (s.code, 0);
    ck_assert_uint_eq (a->held_count, 1);
    ck_assert_uint_eq (a->aborted, 0);
    ck_assert_uint_eq (scene_run (&s), 2);
    ck_assert_int_eq (scene_job (&s, failed)->state, AUT_JOB_DONE);
    scene_close (&s);
}
END_TEST

START_TEST (a_store_that_makes_no_sense_is_refused)
{
    scene_open (&s);
    aut_core_job_restore_t job = {.id = 1, .first_task = 1, .task_count = 2};
    aut_core_task_restore_t task = {.spec = {.after = AUT_CORE_NONE, .model = "m"}};
    aut_core_job_restore_t wrong = job;
    wrong.task_count = 0;
    ck_assert_int_eq (aut_core_restore_job (s.core, &wrong), AUT_ERR_INVALID);
    wrong = job;
    wrong.state = AUT_JOB_STATES;
    ck_assert_int_eq (aut_core_restore_job (s.core, &wrong), AUT_ERR_INVALID);
    ck_assert_int_eq (aut_core_restore_task (s.core, 1, 0, &task), AUT_ERR_NOT_FOUND);
    ck_assert_int_eq (aut_core_restore_job (s.core, &job), 0);
    ck_assert_int_eq (aut_core_restore_task (s.core, 1, 1, &task), AUT_ERR_INVALID);
    task.spec.after = 0;
    ck_assert_int_eq (aut_core_restore_task (s.core, 1, 0, &task), AUT_ERR_INVALID);
    task.spec.after = AUT_CORE_NONE;
    task.state = AUT_TASK_LEASED; /* by nobody */
    ck_assert_int_eq (aut_core_restore_task (s.core, 1, 0, &task), AUT_ERR_INVALID);
    scene_close (&s); /* half restored */
    scene_open (&s);
    ck_assert_int_eq (aut_core_restore_job (s.core, &job), 0);
    task.node = "a";
    task.instance[0] = 1;
    ck_assert_int_eq (aut_core_restore_task (s.core, 1, 0, &task), 0);
    ck_assert_int_eq (aut_core_restore_end (s.core, 0, &s.out), 0); /* one task short */
    aut_core_job_info_t info;
    ck_assert_int_eq (aut_core_job (s.core, 1, &info), AUT_ERR_NOT_FOUND);
    scene_check (&s);
    scene_close (&s);
}
END_TEST

TCase *suite_restore (void)
{
    TCase *tc = tcase_create ("restore");
    tcase_add_test (tc, running_attempts_are_adopted);
    tcase_add_test (tc, a_finished_result_is_taken_under_the_new_token);
    tcase_add_test (tc, a_committed_result_is_acknowledged_after_a_restart);
    tcase_add_test (tc, what_was_not_committed_did_not_happen);
    tcase_add_test (tc, leases_that_nobody_claims_are_run_again);
    tcase_add_test (tc, a_late_node_takes_up_what_still_waits);
    tcase_add_test (tc, another_instance_does_not_inherit);
    tcase_add_test (tc, without_a_stored_instance_the_name_claims);
    tcase_add_test (tc, an_adopted_attempt_that_hangs_is_noticed);
    tcase_add_test (tc, two_restarts_in_a_row);
    tcase_add_test (tc, a_new_identity_adopts_nothing);
    tcase_add_test (tc, a_lost_adoption_is_told_again);
    tcase_add_test (tc, states_and_failures_outlive_a_restart);
    tcase_add_test (tc, ended_jobs_stay_ended);
    tcase_add_test (tc, a_store_that_makes_no_sense_is_refused);
    return tc;
}
