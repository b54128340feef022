/*  Measured paces, and what they say of the time left; whose turn comes before. */
#include "tests/broker_core/suites.h"

#include "broker/core/pace.h"

#include <math.h>
#include <string.h>

static scene_t s;

static bool near (double a, double b)
{
    return fabs (a - b) < 1e-6;
}

START_TEST (a_pace_is_a_running_mean)
{
    aut_pace_t pace = {0};
    ck_assert (aut_pace_of (&pace, 5) < 0);
    aut_pace_add (&pace, 10, 0); /* none of these says anything */
    aut_pace_add (&pace, -1, 5);
    aut_pace_add (&pace, NAN, 5);
    ck_assert (aut_pace_of (&pace, 5) < 0);
    aut_pace_add (&pace, 10, 5);
    ck_assert (near (aut_pace_of (&pace, 5), 10));
    aut_pace_add (&pace, 20, 5);
    ck_assert (near (aut_pace_of (&pace, 5), 15));
    for (int i = 0; i < 200; i++)
        aut_pace_add (&pace, 5, 5);
    ck_assert (aut_pace_of (&pace, 5) < 5.01); /* the old is forgotten */
}
END_TEST

START_TEST (parts)
{
    static const struct {
        uint32_t step, steps, frame, frames;
        double part;
    } cases[] = {{0, 0, 0, 0, 0},       {0, 0, 5, 10, 0.5},    {0, 20, 0, 10, 0},
                 {10, 20, 0, 10, 0.45}, {20, 20, 5, 10, 0.95}, {20, 20, 10, 10, 1},
                 {5, 10, 0, 0, 0.5},    {99, 10, 99, 10, 1},   {0, 20, 10, 10, 1}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        ck_assert_msg (
            near (aut_core_part (cases[i].step, cases[i].steps, cases[i].frame, cases[i].frames),
                  cases[i].part),
            "case %zu", i);
}
END_TEST

START_TEST (a_run_says_what_it_has_left)
{
    aut_pace_run_t run = {.since_ms = 1000};
    ck_assert (aut_pace_left (&run, -1, 5000) < 0);        /* nothing is known */
    ck_assert (near (aut_pace_left (&run, 10, 5000), 6));  /* by the others' mean */
    ck_assert (near (aut_pace_left (&run, 10, 50000), 0)); /* late */
    run = (aut_pace_run_t){0.1, 0.1, 3000, 3000, 1000};
    ck_assert (aut_pace_whole (&run) < 0); /* once is no pace */
    run = (aut_pace_run_t){0.1, 0.6, 3000, 8000, 1000};
    ck_assert (near (aut_pace_whole (&run), 10));
    ck_assert (near (aut_pace_left (&run, 99, 8000), 4)); /* its own news count */
    ck_assert (near (aut_pace_left (&run, 99, 9000), 3));
    ck_assert (near (aut_pace_left (&run, 99, 90000), 0));
}
END_TEST

static aut_core_outlook_t outlook (uint64_t job, aut_core_forecast_t *forecasts)
{
    aut_core_outlook_t out;
    if (forecasts)
        memset (forecasts, 0, 16 * sizeof *forecasts);
    ck_assert_int_eq (aut_core_outlook (s.core, job, &out, forecasts), 0);
    return out;
}

/*  The worker's oldest task takes `ms`. */
static void work (scene_node_t *node, int64_t ms)
{
    scene_held_t held = node->held[0];
    scene_started (&s, node, &held);
    scene_advance (&s, ms);
    scene_done (&s, node, &held);
}

START_TEST (time_left_comes_from_what_was_measured)
{
    aut_core_forecast_t f[16];
    scene_open (&s);
    uint64_t job = scene_submit (&s, 0, 2, 3, 10, "m"); /* two chains of three */
    aut_core_outlook_t out = outlook (job, f);
    ck_assert (out.left_s < 0 && out.progress < 1e-9 && out.running == 0);
    ck_assert_uint_eq (out.open, 6);
    ck_assert_uint_eq (out.waits, scene_job (&s, job)->first);
    scene_node_t *a = scene_node (&s, "a", 1, 1, 24);
    out = outlook (job, f);
    ck_assert (out.left_s < 0); /* before anything was measured */
    ck_assert_uint_eq (out.running, 1);
    work (a, 20000);
    out = outlook (job, f);
    ck_assert (near (out.progress, 1.0 / 6));
    ck_assert_msg (near (out.left_s, 100), "%f", out.left_s); /* five of 20 s, one worker */
    ck_assert (f[0].left_s < 0 && f[0].until_s < 0);          /* it has ended */
    scene_node (&s, "b", 1, 1, 24);
    out = outlook (job, f);
    ck_assert_uint_eq (out.running, 2);
    ck_assert_msg (out.left_s >= 59.9 && out.left_s < 61, "%f", out.left_s); /* a chain of three */
    scene_drain (&s, "a");
    scene_drain (&s, "b");
    out = outlook (job, f);
    ck_assert (out.left_s < 0); /* nobody takes the rest */
    scene_cancel (&s, job);
    out = outlook (job, f);
    ck_assert (out.left_s < 0 && out.open == 0 && out.waits == 0);
    ck_assert_int_eq (aut_core_outlook (s.core, 99, &out, NULL), AUT_ERR_NOT_FOUND);
    scene_check (&s);
    scene_close (&s);
}
END_TEST

/*  Before the first task is done, its steps say how long it will take. */
START_TEST (progress_counts_before_the_first_result)
{
    aut_core_forecast_t f[16];
    scene_open (&s);
    scene_node_t *a = scene_node (&s, "a", 1, 1, 24);
    uint64_t job = scene_submit (&s, 0, 2, 1, 10, "m");
    scene_started (&s, a, &a->held[0]);
    scene_advance (&s, 5000);
    scene_progress (&s, a, &a->held[0], 2);
    scene_advance (&s, 4000);
    scene_progress (&s, a, &a->held[0], 4);
    aut_core_task_info_t info;
    aut_core_task (s.core, 1, &info);
    double part = aut_core_part (info.step, info.steps, info.frame, info.frames);
    aut_core_outlook_t out = outlook (job, f);
    ck_assert (part > 0 && near (out.progress, part / 2));
    double whole = 4 / (part / 2); /* the second half of what is done took 4 s */
    ck_assert_msg (near (f[0].left_s, whole * (1 - part)), "%f", f[0].left_s);
    ck_assert_msg (near (f[1].left_s, whole), "%f", f[1].left_s);
    ck_assert_msg (near (f[1].until_s, whole * (1 - part) + whole), "%f", f[1].until_s);
    ck_assert (near (out.left_s, f[1].until_s));
    scene_check (&s);
    scene_close (&s);
}
END_TEST

START_TEST (an_adopted_attempt_is_no_measure)
{
    scene_open (&s);
    scene_node_t *a = scene_node (&s, "a", 1, 1, 24);
    uint64_t job = scene_submit (&s, 0, 1, 2, 10, "m");
    scene_started (&s, a, &a->held[0]);
    scene_restart (&s);
    scene_hello (&s, a);
    work (a, 1000);
    ck_assert (outlook (job, NULL).left_s < 0); /* its beginning was not seen */
    work (a, 7000);
    scene_check (&s);
    scene_close (&s);
}
END_TEST

START_TEST (turns_count_those_before)
{
    aut_core_forecast_t f[16] = {0};
    scene_open (&s);
    scene_node (&s, "a", 1, 1, 24);
    scene_submit (&s, 0, 1, 1, 10, "m"); /* runs */
    uint64_t mine = scene_submit (&s, 0, 4, 1, 10, "m");
    ck_assert_int_eq (aut_core_turns (s.core, mine, f), 0);
    for (uint32_t i = 0; i < 4; i++)
        ck_assert_uint_eq (f[i].before, i);
    scene_submit (&s, 0, 2, 1, 10, "m"); /* an equal: one for one, as long as it has some */
    ck_assert_int_eq (aut_core_turns (s.core, mine, f), 0);
    static const uint32_t with_equal[] = {1, 3, 4, 5};
    for (uint32_t i = 0; i < 4; i++)
        ck_assert_uint_eq (f[i].before, with_equal[i]);
    scene_submit (&s, 5, 3, 1, 10, "m"); /* a better one: all of it */
    scene_submit (&s, -5, 3, 1, 10, "m");
    ck_assert_int_eq (aut_core_turns (s.core, mine, f), 0);
    for (uint32_t i = 0; i < 4; i++)
        ck_assert_uint_eq (f[i].before, with_equal[i] + 3);
    ck_assert_int_eq (aut_core_turns (s.core, 99, f), AUT_ERR_NOT_FOUND);
    scene_check (&s);
    scene_close (&s);
}
END_TEST

START_TEST (without_nodes_that_is_the_reason)
{
    aut_core_task_info_t info;
    char text[128];
    scene_open (&s);
    scene_submit (&s, 0, 1, 1, 10, "m");
    aut_core_task (s.core, 1, &info);
    ck_assert_int_eq (info.wait, AUT_WAIT_NODE);
    ck_assert_str_eq (aut_core_wait_text (&info, text, sizeof text), "no node is connected");
    scene_node_t *a = scene_node (&s, "a", 1, 1, 24);
    scene_held_t held = a->held[0];
    scene_fail (&s, a, &held, AUT_ERR_INTERNAL);
    aut_core_task (s.core, 1, &info);
    ck_assert_int_eq (info.wait, AUT_WAIT_BACKOFF);
    aut_core_wait_text (&info, text, sizeof text);
    ck_assert_msg (strncmp (text, "backing off after a failure, again in ", 38) == 0, "%s", text);
    scene_drain (&s, "a");
    scene_advance (&s, 60000);
    aut_core_task (s.core, 1, &info);
    ck_assert_str_eq (aut_core_wait_text (&info, text, sizeof text),
                      "only node a could take it, and it drains");
    scene_check (&s);
    scene_close (&s);
}
END_TEST

TCase *suite_outlook (void)
{
    TCase *tc = tcase_create ("outlook");
    tcase_add_test (tc, a_pace_is_a_running_mean);
    tcase_add_test (tc, parts);
    tcase_add_test (tc, a_run_says_what_it_has_left);
    tcase_add_test (tc, time_left_comes_from_what_was_measured);
    tcase_add_test (tc, progress_counts_before_the_first_result);
    tcase_add_test (tc, an_adopted_attempt_is_no_measure);
    tcase_add_test (tc, turns_count_those_before);
    tcase_add_test (tc, without_nodes_that_is_the_reason);
    return tc;
}
