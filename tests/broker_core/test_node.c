/*  HELLO, names, instances, drain, release, goodbye, and the bounds of what nodes may say. */
#include "tests/broker_core/suites.h"

#include <string.h>

static scene_t s;

START_TEST (names_are_unique_among_those_online)
{
    scene_open (&s);
    scene_node_t *a = scene_node (&s, "gpu", 1, 1, 24), *b = scene_node (&s, "gpu", 1, 1, 24);
    scene_node_t *c = scene_node (&s, "gpu", 1, 1, 24);
    ck_assert_str_eq (a->online, "gpu");
    ck_assert_str_eq (b->online, "gpu-2");
    ck_assert_str_eq (c->online, "gpu-3");
    scene_bye (&s, a);
    scene_node_t *d = scene_node (&s, "gpu", 1, 1, 24);
    ck_assert_str_eq (d->online, "gpu");
    scene_hello (&s, b); /* a reconnect keeps its name */
    ck_assert_str_eq (b->online, "gpu-2");
    for (int i = 0; i < 20; i++)
        scene_node (&s, "gpu", 1, 1, 24);
    scene_check (&s);
    aut_core_node_info_t info;
    ck_assert_int_eq (aut_core_node_by_name (s.core, "gpu-3", &info), 0);
    ck_assert_int_eq (aut_core_node_by_name (s.core, "nobody", &info), AUT_ERR_NOT_FOUND);
    scene_close (&s);
}
END_TEST

START_TEST (the_same_instance_is_the_same_node)
{
    scene_open (&s);
    scene_node_t *a = scene_node (&s, "a", 2, 1, 24);
    scene_submit (&s, 0, 2, 1, 1, "m");
    scene_started (&s, a, &a->held[0]);
    scene_hello (&s, a);
    ck_assert_uint_eq (aut_core_metrics (s.core)->nodes[AUT_NODE_ONLINE], 1);
    ck_assert_uint_eq (a->held_count, 2);
    ck_assert_uint_eq (a->held[0].token.attempt, 1);
    ck_assert_uint_eq (a->assigned, 2);
    scene_check (&s);
    scene_run (&s);
    scene_check (&s);
    scene_close (&s);
}
END_TEST

START_TEST (another_instance_is_another_node)
{
    scene_open (&s);
    scene_node_t *a = scene_node (&s, "a", 1, 1, 24);
    scene_submit (&s, 0, 1, 1, 1, "m");
    a->muted = true; /* killed; the process starts again under the same name */
    scene_node_t *again = scene_node (&s, "a", 1, 1, 24);
    ck_assert_str_eq (again->online, "a-2");
    ck_assert_uint_eq (again->held_count, 0); /* the old one has it until it is silent too long */
    scene_advance (&s, 16000);
    ck_assert_uint_eq (again->held_count, 1);
    ck_assert_uint_eq (scene_task (&s, 1)->failures, 0);
    scene_check (&s);
    scene_close (&s);
}
END_TEST

START_TEST (what_a_hello_does_not_list_is_run_again)
{
    scene_open (&s);
    scene_node_t *a = scene_node (&s, "a", 2, 1, 24);
    scene_submit (&s, 0, 2, 1, 1, "m");
    a->held_count = 1; /* forgets the second */
    scene_hello (&s, a);
    ck_assert_uint_eq (a->held_count, 2);
    ck_assert_uint_eq (a->held[0].token.attempt, 1);
    ck_assert_uint_eq (a->held[1].token.attempt, 2);
    ck_assert_uint_eq (scene_task (&s, 2)->failures, 0);
    scene_check (&s);
    scene_close (&s);
}
END_TEST

START_TEST (a_hello_may_change_the_workers)
{
    scene_open (&s);
    scene_node_t *a = scene_node (&s, "a", 2, 1, 24);
    scene_submit (&s, 0, 4, 1, 1, "m");
    a->worker_count = 1; /* a device is gone, with what it ran */
    scene_held_t kept = *scene_on (a, 0);
    a->held[0] = kept;
    a->held_count = 1;
    scene_hello (&s, a);
    scene_check (&s);
    ck_assert_uint_eq (a->held_count, 1);
    a->worker_count = 2;
    scene_hello (&s, a);
    ck_assert_uint_eq (a->held_count, 2);
    scene_check (&s);
    a->workers[0].credit = a->workers[1].credit = 0; /* wants no more */
    scene_hello (&s, a);
    ck_assert_uint_eq (scene_run (&s), 2);
    ck_assert_uint_eq (a->held_count, 0);
    scene_check (&s);
    scene_close (&s);
}
END_TEST

START_TEST (a_drained_node_gets_no_more)
{
    scene_open (&s);
    scene_node_t *a = scene_node (&s, "a", 1, 1, 24);
    uint64_t job = scene_submit (&s, 0, 3, 1, 1, "m");
    scene_drain (&s, "a");
    ck_assert_int_eq (s.code, 0);
    ck_assert_uint_eq (a->held_count, 1); /* what runs may finish */
    ck_assert_uint_eq (scene_run (&s), 1);
    ck_assert_uint_eq (aut_core_metrics (s.core)->nodes[AUT_NODE_DRAINING], 1);
    scene_hello (&s, a); /* a reconnect does not undo it */
    ck_assert_uint_eq (a->held_count, 0);
    scene_check (&s);
    aut_core_task_info_t info;
    aut_core_task (s.core, 2, &info);
    ck_assert_int_eq (info.wait, AUT_WAIT_DRAIN);
    ck_assert_str_eq (info.node, "a");
    scene_drain (&s, "nobody");
    ck_assert_int_eq (s.code, AUT_ERR_NOT_FOUND);
    scene_node (&s, "b", 1, 1, 24);
    ck_assert_uint_eq (scene_run (&s), 2);
    ck_assert_int_eq (scene_job (&s, job)->state, AUT_JOB_DONE);
    scene_close (&s);
}
END_TEST

START_TEST (a_released_task_goes_on_elsewhere_at_once)
{
    scene_open (&s);
    scene_node_t *a = scene_node (&s, "a", 1, 1, 24), *b = scene_node (&s, "b", 1, 1, 24);
    scene_submit (&s, 0, 2, 1, 1, "m");
    scene_held_t held = b->held[0];
    scene_done (&s, b, &held);
    ck_assert_uint_eq (b->held_count, 0);
    held = a->held[0];
    scene_release (&s, a, &held);
    ck_assert_uint_eq (a->acked, 1);
    ck_assert_uint_eq (b->held_count, 1);
    ck_assert_uint_eq (b->held[0].token.attempt, 2);
    ck_assert_uint_eq (scene_task (&s, held.token.task)->failures, 0);
    scene_submit (&s, 0, 1, 1, 1, "m");
    ck_assert_uint_eq (a->held_count, 0); /* it is leaving */
    scene_bye (&s, a);
    ck_assert_uint_eq (scene_run (&s), 2);
    scene_check (&s);
    scene_close (&s);
}
END_TEST

START_TEST (a_goodbye_gives_everything_back)
{
    scene_open (&s);
    scene_node_t *a = scene_node (&s, "a", 2, 2, 24);
    scene_submit (&s, 0, 6, 1, 1, "m");
    ck_assert_uint_eq (a->held_count, 4);
    scene_bye (&s, a);
    scene_check (&s);
    ck_assert_uint_eq (aut_core_metrics (s.core)->tasks[AUT_TASK_READY], 6);
    ck_assert_uint_eq (aut_core_metrics (s.core)->nodes[AUT_NODE_LOST], 0);
    scene_node (&s, "b", 2, 2, 24);
    ck_assert_uint_eq (scene_run (&s), 6);
    scene_close (&s);
}
END_TEST

START_TEST (a_node_whose_connection_ended_gets_nothing_until_it_speaks)
{
    scene_open (&s);
    scene_node_t *a = scene_node (&s, "a", 1, 1, 24);
    scene_step (&s, &(aut_core_event_t){.kind = AUT_EV_GONE, .peer = a->peer});
    scene_submit (&s, 0, 1, 1, 1, "m");
    ck_assert_uint_eq (a->held_count, 0);
    scene_ping (&s, a);
    ck_assert_uint_eq (a->held_count, 1);
    scene_check (&s);
    scene_close (&s);
}
END_TEST

START_TEST (strangers_are_asked_to_say_hello)
{
    static const aut_core_event_kind_t kinds[] = {AUT_EV_PING, AUT_EV_STARTED, AUT_EV_PROGRESS,
                                                  AUT_EV_DONE, AUT_EV_FAIL,    AUT_EV_RELEASE,
                                                  AUT_EV_PONG};
    scene_open (&s);
    scene_node_t *a = scene_node_new (&s, "a");
    a->peer = 77;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        aut_core_event_t event = {.kind = kinds[i], .peer = 77};
        event.u.task.code = event.u.task.message = "";
        scene_step (&s, &event);
        ck_assert_uint_eq (a->errors, i + 1);
        ck_assert_int_eq (s.code, AUT_ERR_STATE);
    }
    scene_step (&s, &(aut_core_event_t){.kind = AUT_EV_BYE, .peer = 77});
    scene_step (&s, &(aut_core_event_t){.kind = AUT_EV_GONE, .peer = 77});
    ck_assert_uint_eq (a->errors, 7);
    scene_close (&s);
}
END_TEST

START_TEST (a_hello_is_bounded)
{
    scene_config (&s);
    s.config.max_workers = 2;
    s.config.max_worker_models = 3;
    s.config.max_held = 4;
    s.config.max_nodes = 2;
    s.config.max_models = 3;
    scene_start (&s);
    for (int i = 0; i < 8; i++) {
        scene_node_t *node = scene_node_new (&s, i == 5 ? "" : "n");
        for (int j = 0; j < 8; j++)
            node->models[j] = i == 4   ? ""
                              : i == 7 ? (const char *[]){"1", "2", "3", "4"}[j % 4]
                                       : "m";
        node->worker_count = i == 0 ? 3 : 2;
        for (uint32_t j = 0; j < SCENE_WORKERS; j++)
            node->workers[j] = (aut_core_worker_spec_t){.id = i == 1 ? 7 : j,
                                                        .device = "cuda:0",
                                                        .class_ = i == 2 ? "" : "cuda",
                                                        .models = node->models + (i == 7 ? j : 0),
                                                        .model_count = i == 3   ? 4
                                                                       : i == 7 ? 3
                                                                                : 1,
                                                        .credit = 1};
        node->held_count = i == 6 ? 5 : 0;
        scene_hello (&s, node);
        ck_assert_msg (node->refused, "case %d", i);
        ck_assert_uint_eq (aut_core_metrics (s.core)->nodes[AUT_NODE_LOST], 0);
    }
    scene_node (&s, "a", 1, 1, 24);
    scene_node (&s, "b", 1, 1, 24);
    scene_node_t *c = scene_node (&s, "c", 1, 1, 24);
    ck_assert (c->refused);
    ck_assert_int_eq (s.code, AUT_ERR_AGAIN);
    s.nodes[8].muted = true;
    scene_advance (&s, 20000);
    scene_hello (&s, c); /* the lost one gives way */
    ck_assert (!c->refused);
    scene_check (&s);
    scene_close (&s);
}
END_TEST

START_TEST (an_instance_must_be_given)
{
    scene_open (&s);
    scene_node_t *a = scene_node_new (&s, "a");
    memset (a->instance, 0, sizeof a->instance);
    scene_hello (&s, a);
    ck_assert (a->refused);
    scene_close (&s);
}
END_TEST

START_TEST (lost_nodes_are_listed_for_a_while)
{
    scene_open (&s);
    scene_node_t *a = scene_node (&s, "a", 1, 1, 24);
    scene_node (&s, "b", 1, 1, 24);
    a->muted = true;
    scene_advance (&s, 20000);
    aut_core_node_info_t info;
    ck_assert_int_eq (aut_core_next_node (s.core, 0, &info), 0);
    ck_assert_int_eq (info.state, AUT_NODE_LOST);
    ck_assert_str_eq (info.name, "a");
    scene_advance (&s, 3600000);
    ck_assert_int_eq (aut_core_next_node (s.core, 0, &info), 0);
    ck_assert_str_eq (info.name, "b");
    ck_assert_uint_eq (aut_core_metrics (s.core)->nodes[AUT_NODE_LOST], 0);
    scene_check (&s);
    scene_close (&s);
}
END_TEST

START_TEST (an_adapters_mistakes_are_told)
{
    scene_open (&s);
    static const aut_core_event_t wrong[] = {{.kind = AUT_EV_KINDS},
                                             {.kind = AUT_EV_PING},
                                             {.kind = AUT_EV_FAIL, .peer = 1},
                                             {.kind = AUT_EV_DRAIN},
                                             {.kind = AUT_EV_SUBMIT, .u.submit.task_count = 1}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        ck_assert_int_eq (aut_core_step (s.core, &wrong[i], 0, &s.out), AUT_ERR_INVALID);
    ck_assert_str_eq (aut_core_event_text (AUT_EV_HELLO), "HELLO");
    ck_assert_str_eq (aut_core_action_text (AUT_PUB_NODE), "PUB_NODE");
    for (int i = 0; i < AUT_ACTION_KINDS; i++)
        ck_assert_ptr_nonnull (aut_core_action_text ((aut_core_action_kind_t)i));
    for (int i = 0; i < AUT_EV_KINDS; i++)
        ck_assert_ptr_nonnull (aut_core_event_text ((aut_core_event_kind_t)i));
    aut_task_state_t task;
    aut_job_state_t job;
    ck_assert_int_eq (aut_task_state_parse (&task, "leased"), 0);
    ck_assert_int_eq (task, AUT_TASK_LEASED);
    ck_assert_int_eq (aut_job_state_parse (&job, "cancelled"), 0);
    ck_assert_int_eq (job, AUT_JOB_CANCELLED);
    ck_assert_int_eq (aut_job_state_parse (&job, "leased"), AUT_ERR_INVALID);
    ck_assert_str_eq (aut_node_state_text (AUT_NODE_LOST), "lost");
    scene_close (&s);
}
END_TEST

TCase *suite_node (void)
{
    TCase *tc = tcase_create ("node");
    tcase_add_test (tc, names_are_unique_among_those_online);
    tcase_add_test (tc, the_same_instance_is_the_same_node);
    tcase_add_test (tc, another_instance_is_another_node);
    tcase_add_test (tc, what_a_hello_does_not_list_is_run_again);
    tcase_add_test (tc, a_hello_may_change_the_workers);
    tcase_add_test (tc, a_drained_node_gets_no_more);
    tcase_add_test (tc, a_released_task_goes_on_elsewhere_at_once);
    tcase_add_test (tc, a_goodbye_gives_everything_back);
    tcase_add_test (tc, a_node_whose_connection_ended_gets_nothing_until_it_speaks);
    tcase_add_test (tc, strangers_are_asked_to_say_hello);
    tcase_add_test (tc, a_hello_is_bounded);
    tcase_add_test (tc, an_instance_must_be_given);
    tcase_add_test (tc, lost_nodes_are_listed_for_a_while);
    tcase_add_test (tc, an_adapters_mistakes_are_told);
    return tc;
}
