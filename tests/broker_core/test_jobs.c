/*  Submit, idempotency, bounds, cached results, cancel and retry. */
#include "tests/broker_core/suites.h"

#include <string.h>

static scene_t s;

START_TEST (a_job_runs_to_its_end)
{
    scene_open (&s);
    uint64_t job = scene_submit (&s, 0, 3, 4, 10, "m");
    ck_assert_uint_eq (job, 1);
    ck_assert_int_eq (scene_job (&s, job)->state, AUT_JOB_QUEUED);
    scene_node (&s, "a", 1, 1, 24);
    ck_assert_int_eq (scene_job (&s, job)->state, AUT_JOB_RUNNING);
    ck_assert_uint_eq (scene_run (&s), 12);
    ck_assert_int_eq (scene_job (&s, job)->state, AUT_JOB_DONE);
    scene_check (&s);
    ck_assert_uint_eq (scene_submit (&s, 0, 1, 1, 1, "m"), 2);
    ck_assert_uint_eq (scene_job (&s, 2)->first, 13);
    scene_close (&s);
}
END_TEST

START_TEST (the_same_key_gives_the_same_job)
{
    scene_open (&s);
    aut_core_task_spec_t task = {.after = AUT_CORE_NONE, .model = "m"};
    uint64_t first = scene_submit_tasks (&s, 0, "once", &task, 1);
    ck_assert (!s.existing);
    ck_assert_uint_eq (scene_submit_tasks (&s, 0, "once", &task, 1), first);
    ck_assert (s.existing);
    ck_assert_uint_eq (s.job_count, 1);
    ck_assert_uint_ne (scene_submit_tasks (&s, 0, "twice", &task, 1), first);
    scene_restart (&s);
    ck_assert_uint_eq (scene_submit_tasks (&s, 0, "once", &task, 1), first);
    ck_assert (s.existing);
    scene_check (&s);
    scene_close (&s);
}
END_TEST

START_TEST (what_makes_no_sense_is_refused)
{
    char longest[AUT_CORE_MODEL + 1];
    memset (longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = 0;
    const struct {
        aut_core_task_spec_t task;
        int32_t priority;
        uint32_t count;
        const char *key;
        int code;
    } table[] = {
        {{.after = AUT_CORE_NONE, .model = "m"}, 0, 0, NULL, AUT_ERR_INVALID},
        {{.after = AUT_CORE_NONE, .model = "m"}, 101, 1, NULL, AUT_ERR_INVALID},
        {{.after = AUT_CORE_NONE, .model = "m"}, -101, 1, NULL, AUT_ERR_INVALID},
        {{.after = AUT_CORE_NONE, .model = ""}, 0, 1, NULL, AUT_ERR_INVALID},
        {{.after = AUT_CORE_NONE, .model = NULL}, 0, 1, NULL, AUT_ERR_INVALID},
        {{.after = AUT_CORE_NONE, .model = longest}, 0, 1, NULL, AUT_ERR_INVALID},
        {{.after = 0, .model = "m"}, 0, 1, NULL, AUT_ERR_INVALID},
        {{.after = 5, .model = "m"}, 0, 1, NULL, AUT_ERR_INVALID},
        {{.after = AUT_CORE_NONE, .model = "m"}, 0, 1, longest, AUT_ERR_INVALID},
        {{.after = AUT_CORE_NONE, .model = "m", .class_ = "a-very-long-class-name"},
         0,
         1,
         NULL,
         AUT_ERR_INVALID},
        {{.after = AUT_CORE_NONE, .model = "m"}, 100, 1, NULL, 0},
        {{.after = AUT_CORE_NONE, .model = "m"}, -100, 1, NULL, 0},
    };
    scene_open (&s);
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        scene_submit_tasks (&s, table[i].priority, table[i].key, &table[i].task, table[i].count);
        ck_assert_msg (s.code == table[i].code, "row %zu: code %d, %s", i, s.code, s.message);
        ck_assert (s.code == 0 || s.message[0]);
    }
    ck_assert_uint_eq (s.job_count, 2);
    scene_check (&s);
    scene_close (&s);
}
END_TEST

START_TEST (tables_are_bounded_and_ended_jobs_give_way)
{
    scene_config (&s);
    s.config.max_jobs = 3;
    s.config.max_tasks = 10;
    scene_start (&s);
    scene_submit (&s, 0, 11, 1, 1, "m");
    ck_assert_int_eq (s.code, AUT_ERR_TOO_LARGE);
    uint64_t first = scene_submit (&s, 0, 4, 1, 1, "m");
    scene_submit (&s, 0, 4, 1, 1, "m");
    scene_submit (&s, 0, 4, 1, 1, "m");
    ck_assert_int_eq (s.code, AUT_ERR_AGAIN);
    scene_cancel (&s, first);
    ck_assert_int_eq (s.code, 0);
    ck_assert_uint_ne (scene_submit (&s, 0, 4, 1, 1, "m"), 0);
    aut_core_job_info_t info;
    ck_assert_int_eq (aut_core_job (s.core, first, &info), AUT_ERR_NOT_FOUND);
    scene_retry (&s, first);
    ck_assert_int_eq (s.code, AUT_ERR_NOT_FOUND);
    ck_assert_int_eq (aut_core_next_job (s.core, 0, &info), 0);
    ck_assert_uint_eq (info.id, 2);
    ck_assert_int_eq (aut_core_next_job (s.core, 3, &info), AUT_ERR_NOT_FOUND);
    scene_close (&s);
}
END_TEST

START_TEST (a_job_let_go_comes_back_for_a_retry)
{
    scene_config (&s);
    s.config.max_jobs = 1;
    scene_start (&s);
    uint64_t first = scene_submit (&s, 0, 1, 2, 1, "m");
    scene_cancel (&s, first);
    uint64_t second = scene_submit (&s, 0, 1, 1, 1, "m");
    scene_cancel (&s, second);
    const scene_job_t *job = scene_job (&s, first);
    aut_core_job_restore_t from = {
        .id = first, .first_task = job->first, .task_count = job->count, .state = job->state};
    ck_assert_int_eq (aut_core_restore_job (s.core, &from), 0);
    ck_assert_int_eq (aut_core_restore_job (s.core, &from), AUT_ERR_EXISTS);
    for (uint32_t i = 0; i < job->count; i++) {
        aut_core_task_restore_t task = {.spec = job->tasks[i].spec, .state = job->tasks[i].state};
        ck_assert_int_eq (aut_core_restore_task (s.core, first, i, &task), 0);
    }
    aut_core_actions_clear (&s.out);
    ck_assert_int_eq (aut_core_restore_end (s.core, s.now, &s.out), 0);
    ck_assert_uint_eq (s.out.count, 0);
    scene_retry (&s, first);
    ck_assert_int_eq (s.code, 0);
    scene_node (&s, "a", 1, 1, 24);
    ck_assert_uint_eq (scene_run (&s), 2);
    ck_assert_int_eq (scene_job (&s, first)->state, AUT_JOB_DONE);
    scene_close (&s);
}
END_TEST

START_TEST (cancel_aborts_and_ends_the_job)
{
    scene_open (&s);
    scene_node_t *node = scene_node (&s, "a", 2, 1, 24);
    uint64_t job = scene_submit (&s, 0, 3, 2, 1, "m");
    uint64_t other = scene_submit (&s, -5, 1, 1, 1, "m");
    ck_assert_uint_eq (node->held_count, 2);
    scene_held_t held = node->held[0];
    scene_cancel (&s, job);
    ck_assert_int_eq (s.code, 0);
    ck_assert_uint_eq (node->aborted, 2);
    ck_assert_int_eq (scene_job (&s, job)->state, AUT_JOB_CANCELLED);
    /* what the node sends afterwards changes nothing, and the worker went to the other job */
    scene_done (&s, node, &held);
    ck_assert_int_eq (scene_task (&s, held.token.task)->state, AUT_TASK_CANCELLED);
    ck_assert_uint_eq (node->held_count, 1);
    ck_assert_uint_eq (node->held[0].job, other);
    scene_cancel (&s, job);
    ck_assert_int_eq (s.code, 0);
    scene_check (&s);
    scene_run (&s);
    scene_cancel (&s, other);
    ck_assert_int_eq (s.code, AUT_ERR_STATE);
    scene_cancel (&s, 99);
    ck_assert_int_eq (s.code, AUT_ERR_NOT_FOUND);
    ck_assert_ptr_nonnull (strstr (s.message, "j99"));
    scene_close (&s);
}
END_TEST

START_TEST (retry_revives_what_was_cancelled)
{
    scene_open (&s);
    scene_node_t *node = scene_node (&s, "a", 1, 1, 24);
    uint64_t job = scene_submit (&s, 0, 2, 2, 1, "m");
    scene_held_t first = node->held[0];
    scene_done (&s, node, &first);
    scene_cancel (&s, job);
    scene_retry (&s, job);
    ck_assert_int_eq (s.code, 0);
    ck_assert_int_eq (scene_job (&s, job)->state, AUT_JOB_RUNNING);
    scene_check (&s);
    ck_assert_uint_eq (scene_run (&s), 3); /* what was done stays done */
    ck_assert_int_eq (scene_job (&s, job)->state, AUT_JOB_DONE);
    scene_retry (&s, job);
    ck_assert_int_eq (s.code, 0);
    ck_assert_int_eq (scene_job (&s, job)->state, AUT_JOB_DONE);
    scene_check (&s);
    scene_close (&s);
}
END_TEST

START_TEST (retry_and_cancel_again_and_again)
{
    scene_open (&s);
    scene_node (&s, "a", 2, 2, 24);
    uint64_t job = scene_submit (&s, 0, 5, 3, 1, "m");
    for (int i = 0; i < 20; i++) {
        scene_cancel (&s, job);
        scene_check (&s);
        scene_retry (&s, job);
        scene_check (&s);
    }
    ck_assert_uint_eq (scene_run (&s), 15);
    ck_assert_int_eq (scene_job (&s, job)->state, AUT_JOB_DONE);
    scene_close (&s);
}
END_TEST

/*  A chain of three whose results are cached, one of them made from another tail. */
START_TEST (cached_results_count_by_their_inputs)
{
    aut_core_cached_t cached[3] = {
        {.tail = {{1}}}, {.used = {{1}}, .tail = {{2}}}, {.used = {{9}}, .tail = {{3}}}};
    aut_core_task_spec_t tasks[3];
    for (uint32_t i = 0; i < 3; i++)
        tasks[i] = (aut_core_task_spec_t){
            .after = i ? i - 1 : AUT_CORE_NONE, .model = "m", .cached = &cached[i]};
    scene_open (&s);
    uint64_t job = scene_submit_tasks (&s, 0, NULL, tasks, 3);
    ck_assert_int_eq (scene_task (&s, 1)->state, AUT_TASK_DONE);
    ck_assert_int_eq (scene_task (&s, 2)->state, AUT_TASK_DONE);
    ck_assert_int_eq (scene_task (&s, 3)->state, AUT_TASK_READY);
    scene_check (&s);
    scene_restart (&s);
    scene_check (&s);
    scene_node (&s, "a", 1, 1, 24);
    ck_assert_uint_eq (scene_run (&s), 1);
    ck_assert_int_eq (scene_job (&s, job)->state, AUT_JOB_DONE);

    cached[2].used = cached[1].tail;
    job = scene_submit_tasks (&s, 0, NULL, tasks, 3);
    ck_assert_int_eq (scene_job (&s, job)->state, AUT_JOB_DONE); /* nothing ran */
    ck_assert_uint_eq (aut_core_metrics (s.core)->cached, 3);
    scene_check (&s);
    scene_close (&s);
}
END_TEST

/*  One shot is edited: it and the one that starts from it run again, and the chunk behind only if
 *  the new tail differs. */
START_TEST (a_new_tail_runs_what_follows)
{
    aut_core_cached_t cached = {.used = {{1}}, .tail = {{2}}};
    aut_core_task_spec_t tasks[2] = {{.after = AUT_CORE_NONE, .model = "m"},
                                     {.after = 0, .model = "m", .cached = &cached}};
    scene_open (&s);
    scene_node_t *node = scene_node (&s, "a", 1, 1, 24);
    scene_submit_tasks (&s, 0, NULL, tasks, 2);
    scene_held_t held = node->held[0];
    scene_done (&s, node, &held); /* gives another tail than {1} */
    ck_assert_uint_eq (scene_run (&s), 1);
    cached.used = scene_tail (3, 1); /* as the first task of the next job will give */
    scene_submit_tasks (&s, 0, NULL, tasks, 2);
    ck_assert_uint_eq (scene_run (&s), 1);
    ck_assert_int_eq (scene_task (&s, 4)->state, AUT_TASK_DONE);
    ck_assert_uint_eq (scene_task (&s, 4)->ran, 0);
    scene_check (&s);
    scene_close (&s);
}
END_TEST

/*  Two chunks and what enlarges them: that waits for its own chunk only, gets its frames and not
 * its tail, and a chunk with nothing but that behind it needs no tail. */
START_TEST (frames_are_enlarged_chunk_by_chunk)
{
    const aut_core_task_spec_t tasks[4] = {
        {.after = AUT_CORE_NONE, .model = "m", .cost = 9},
        {.after = 0, .model = "m", .cost = 9},
        {.after = 0, .model = "up", .frames = true},
        {.after = 1, .model = "up", .frames = true},
    };
    scene_open (&s);
    scene_node_t *a = scene_node (&s, "a", 1, 1, 24);
    scene_node_t *b = scene_node_new (&s, "b");
    b->models[0] = "up";
    b->worker_count = 1;
    b->workers[0] = (aut_core_worker_spec_t){.device = "cpu",
                                             .class_ = "cpu",
                                             .memory = SCENE_GB,
                                             .models = b->models,
                                             .model_count = 1,
                                             .credit = 1};
    scene_hello (&s, b);
    uint64_t job = scene_submit_tasks (&s, 0, NULL, tasks, 4);
    ck_assert_uint_eq (b->held_count, 0); /* never offered what it does not know */
    scene_held_t held = a->held[0];
    scene_done (&s, a, &held);
    ck_assert_uint_eq (a->held[0].token.task, 2);
    ck_assert_uint_eq (b->held[0].token.task, 3); /* beside the second chunk */
    aut_hash_t frames = scene_frames (1, 1), tail = scene_tail (1, 1);
    ck_assert (aut_hash_equal (&b->held[0].input, &frames));
    held = b->held[0];
    held.input = tail;
    scene_done (&s, b, &held); /* made from the tail: refused */
    ck_assert_uint_eq (scene_task (&s, 3)->failures, 1);
    aut_core_event_t event = {.kind = AUT_EV_DONE, .peer = a->peer};
    event.u.task.token = a->held[0].token;
    event.u.task.done = (aut_core_done_t){
        .frames = scene_frames (2, 1), .used = &tail, .used_count = 1}; /* and no tail */
    scene_step (&s, &event);
    ck_assert_int_eq (scene_task (&s, 2)->state, AUT_TASK_DONE);
    scene_restart (&s);
    scene_check (&s);
    scene_hello (&s, b);
    scene_advance (&s, 60000);
    scene_run (&s);
    ck_assert_int_eq (scene_job (&s, job)->state, AUT_JOB_DONE);
    scene_check (&s);
    scene_close (&s);
}
END_TEST

START_TEST (enlarged_results_count_by_the_frames)
{
    aut_core_cached_t cached[2] = {{.frames = {{5}}}, {.used = {{5}}, .frames = {{6}}}};
    aut_core_task_spec_t tasks[2] = {
        {.after = AUT_CORE_NONE, .model = "m", .cached = &cached[0]},
        {.after = 0, .model = "m", .frames = true, .cached = &cached[1]}};
    scene_open (&s);
    uint64_t job = scene_submit_tasks (&s, 0, NULL, tasks, 2);
    ck_assert_int_eq (scene_job (&s, job)->state, AUT_JOB_DONE);
    cached[1].used.bytes[0] = 4; /* of other frames */
    job = scene_submit_tasks (&s, 0, NULL, tasks, 2);
    ck_assert_int_eq (scene_task (&s, 3)->state, AUT_TASK_DONE);
    ck_assert_int_eq (scene_task (&s, 4)->state, AUT_TASK_READY);
    scene_node (&s, "a", 1, 1, 24);
    ck_assert_uint_eq (scene_run (&s), 1);
    ck_assert_int_eq (scene_job (&s, job)->state, AUT_JOB_DONE);
    tasks[0].after = AUT_CORE_NONE, tasks[0].frames = true;
    scene_submit_tasks (&s, 0, NULL, tasks, 1);
    ck_assert_int_eq (s.code, AUT_ERR_INVALID); /* the frames of no task */
    scene_check (&s);
    scene_close (&s);
}
END_TEST

TCase *suite_jobs (void)
{
    TCase *tc = tcase_create ("jobs");
    tcase_add_test (tc, a_job_runs_to_its_end);
    tcase_add_test (tc, the_same_key_gives_the_same_job);
    tcase_add_test (tc, what_makes_no_sense_is_refused);
    tcase_add_test (tc, tables_are_bounded_and_ended_jobs_give_way);
    tcase_add_test (tc, a_job_let_go_comes_back_for_a_retry);
    tcase_add_test (tc, cancel_aborts_and_ends_the_job);
    tcase_add_test (tc, retry_revives_what_was_cancelled);
    tcase_add_test (tc, retry_and_cancel_again_and_again);
    tcase_add_test (tc, cached_results_count_by_their_inputs);
    tcase_add_test (tc, a_new_tail_runs_what_follows);
    tcase_add_test (tc, frames_are_enlarged_chunk_by_chunk);
    tcase_add_test (tc, enlarged_results_count_by_the_frames);
    return tc;
}
