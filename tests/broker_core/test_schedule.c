/*  Which task comes next, and which worker takes it. */
#include "tests/broker_core/suites.h"

#include <stdio.h>
#include <string.h>

static scene_t s;

/*  `rounds` tasks are done one after the other; how many were of `job`. */
static uint32_t share (uint64_t job, uint32_t rounds)
{
    uint32_t count = 0;
    while (rounds)
        for (uint32_t n = 0; n < s.node_count && rounds; n++) {
            if (!s.nodes[n].held_count)
                continue;
            scene_held_t held = s.nodes[n].held[0];
            count += held.job == job;
            scene_done (&s, &s.nodes[n], &held);
            rounds--;
        }
    return count;
}

static uint32_t node_shot (const scene_node_t *node)
{
    return scene_task (&s, node->held[0].token.task)->spec.shot;
}

START_TEST (two_equal_jobs_share_equally)
{
    for (uint32_t nodes = 1; nodes <= 7; nodes += 3) {
        scene_open (&s);
        for (uint32_t i = 0; i < nodes; i++)
            scene_node (&s, "n", 1, 1, 24);
        uint64_t first = scene_submit (&s, 0, 200, 1, 10, "m");
        scene_submit (&s, 0, 200, 1, 10, "m");
        uint32_t got = share (first, 200);
        ck_assert_msg (got >= 90 && got <= 110, "%u nodes: %u of 200", nodes, got);
        scene_check (&s);
        scene_close (&s);
    }
}
END_TEST

/*  What scalers and people look at: each model's own queue, and whether anybody serves it. */
START_TEST (depths_are_by_model_and_class)
{
    aut_core_depth_t depths[8], rest;
    scene_open (&s);
    scene_node (&s, "n", 1, 1, 24);
    scene_submit (&s, 0, 3, 2, 10, "m");
    scene_submit (&s, 0, 2, 1, 10, "nobody-has-this");
    size_t count = aut_core_depths (s.core, depths, 8, &rest);
    ck_assert_uint_eq (count, 2);
    const aut_core_depth_t *m = strcmp (depths[0].model, "m") ? &depths[1] : &depths[0];
    const aut_core_depth_t *other = m == depths ? &depths[1] : &depths[0];
    ck_assert_str_eq (m->class_, "");
    ck_assert_uint_eq (m->tasks[AUT_TASK_LEASED], 1);
    ck_assert_uint_eq (m->tasks[AUT_TASK_READY], 2);
    ck_assert_uint_eq (m->tasks[AUT_TASK_BLOCKED], 3);
    ck_assert (m->served);
    ck_assert_str_eq (other->model, "nobody-has-this");
    ck_assert_uint_eq (other->tasks[AUT_TASK_READY], 2);
    ck_assert (!other->served);
    scene_check (&s);
    scene_close (&s);
}
END_TEST

START_TEST (shares_go_by_cost_not_by_number)
{
    scene_open (&s);
    scene_node (&s, "a", 1, 1, 24);
    uint64_t big = scene_submit (&s, 0, 200, 1, 30, "m");
    scene_submit (&s, 0, 400, 1, 10, "m");
    uint32_t got = share (big, 200);
    ck_assert_msg (got >= 45 && got <= 55, "%u of 200", got);
    scene_close (&s);
}
END_TEST

START_TEST (a_newcomer_starts_level)
{
    scene_open (&s);
    scene_node (&s, "a", 1, 1, 24);
    scene_submit (&s, 0, 400, 1, 10, "m");
    share (0, 100);
    uint64_t late = scene_submit (&s, 0, 400, 1, 10, "m");
    uint32_t got = share (late, 100);
    ck_assert_msg (got >= 45 && got <= 55, "%u of 100", got); /* not 100: no claim on the past */
    scene_close (&s);
}
END_TEST

/*  A job with one chain gets its turn as soon as its next chunk is ready, among many others. */
START_TEST (a_single_chain_is_not_starved)
{
    scene_open (&s);
    scene_node (&s, "a", 1, 1, 24);
    scene_node (&s, "b", 1, 1, 24);
    scene_submit (&s, 0, 300, 1, 10, "m");
    uint64_t chain = scene_submit (&s, 0, 1, 40, 10, "m");
    uint32_t got = share (chain, 80);
    ck_assert_msg (got >= 36, "%u of 40", got);
    scene_close (&s);
}
END_TEST

START_TEST (priority_overtakes)
{
    scene_open (&s);
    scene_node_t *node = scene_node (&s, "a", 1, 1, 24);
    scene_submit (&s, 0, 50, 1, 10, "m");
    share (0, 5);
    uint64_t urgent = scene_submit (&s, 5, 10, 1, 10, "m");
    uint64_t later = scene_submit (&s, -5, 10, 1, 10, "m");
    share (0, 1); /* the running one is not interrupted */
    ck_assert_uint_eq (share (urgent, 10), 10);
    ck_assert_uint_ne (node->held[0].job, later);
    ck_assert_uint_eq (share (later, 44), 0);
    ck_assert_uint_eq (share (later, 10), 10);
    scene_close (&s);
}
END_TEST

START_TEST (the_longest_chain_goes_first)
{
    /* shots of 1, 4, 2 and 3 chunks */
    static const uint32_t chunks[] = {1, 4, 2, 3};
    aut_core_task_spec_t tasks[10];
    uint32_t count = 0;
    for (uint32_t i = 0; i < 4; i++)
        for (uint32_t j = 0; j < chunks[i]; j++, count++)
            tasks[count] = (aut_core_task_spec_t){.shot = i,
                                                  .chunk = j,
                                                  .after = j ? count - 1 : AUT_CORE_NONE,
                                                  .cost = 10,
                                                  .model = "m"};
    scene_open (&s);
    scene_submit_tasks (&s, 0, NULL, tasks, count);
    scene_node (&s, "a", 2, 1, 24);
    ck_assert_uint_eq (s.done_order[0], 2); /* of shot 1 */
    ck_assert_uint_eq (s.done_order[1], 8); /* of shot 3 */
    scene_run (&s);
    for (uint32_t i = 0; i < count; i++) /* the order of a chain is that of its chunks */
        for (uint32_t j = i + 1; j < count; j++) {
            const aut_core_task_spec_t *a = &tasks[s.done_order[i] - 1];
            const aut_core_task_spec_t *b = &tasks[s.done_order[j] - 1];
            ck_assert (a->shot != b->shot || a->chunk < b->chunk);
        }
    scene_close (&s);
}
END_TEST

START_TEST (a_chunk_prefers_the_node_with_its_tail)
{
    scene_open (&s);
    scene_node_t *nodes[3] = {scene_node (&s, "a", 1, 1, 24), scene_node (&s, "b", 1, 1, 24),
                              scene_node (&s, "c", 1, 1, 24)};
    scene_submit (&s, 0, 3, 8, 10, "m");
    uint32_t same = 0;
    for (int round = 0; round < 8; round++)
        for (int n = 2; n >= 0; n--) {
            scene_held_t held = nodes[n]->held[0];
            scene_done (&s, nodes[n], &held);
            if (round < 7)
                same += nodes[n]->held[0].token.task == held.token.task + 1;
        }
    ck_assert_uint_eq (same, 21);
    scene_close (&s);
}
END_TEST

/*  More shots than workers: each goes on with its own shot while no other is materially longer. */
START_TEST (a_worker_stays_with_its_shot)
{
    scene_open (&s);
    scene_node_t *a = scene_node (&s, "a", 1, 1, 24), *b = scene_node (&s, "b", 1, 1, 24);
    scene_submit (&s, 0, 60, 8, 10, "m");
    for (int i = 0; i < 2; i++) /* chains of 7 and 6 beside those of 8 */
        for (int n = 0; n < 2; n++) {
            scene_node_t *node = n ? b : a;
            scene_held_t held = node->held[0];
            scene_done (&s, node, &held);
            ck_assert_uint_eq (node->held[0].token.task, held.token.task + 1);
        }
    scene_held_t held = a->held[0];
    scene_done (&s, a, &held); /* 5 against 8: another shot is due */
    ck_assert_uint_eq (node_shot (a), 2);
    scene_close (&s);
}
END_TEST

/*  The chunk's worker says goodbye; of two idle nodes the one with the tail takes over, though the
 *  other has the smaller device. */
START_TEST (a_requeued_chunk_goes_to_the_node_with_its_tail)
{
    scene_open (&s);
    scene_node_t *a = scene_node (&s, "a", 1, 1, 80), *b = scene_node (&s, "b", 1, 1, 80);
    scene_submit (&s, 0, 1, 2, 10, "m");
    scene_node_t *holder = a->held_count ? a : b, *other = a->held_count ? b : a;
    scene_drain (&s, other->online);
    scene_submit (&s, 9, 1, 1, 10, "m");
    scene_node_t *third = scene_node (&s, "third", 1, 1, 80);
    scene_held_t urgent = third->held[0];
    scene_submit (&s, 9, 1, 1, 10, "m");
    scene_held_t held = holder->held[0];
    scene_done (&s, holder, &held); /* takes what is urgent */
    scene_done (&s, third, &urgent);
    ck_assert_uint_eq (third->held[0].token.task, 2);
    held = holder->held[0];
    scene_done (&s, holder, &held);
    ck_assert_uint_eq (holder->held_count, 0);
    scene_node_t *small = scene_node (&s, "small", 1, 1, 8);
    scene_submit (&s, 9, 2, 1, 10, "m"); /* so that both have the model loaded */
    scene_held_t on_small = small->held[0], on_holder = holder->held[0];
    scene_done (&s, small, &on_small);
    scene_done (&s, holder, &on_holder);
    scene_bye (&s, third);
    ck_assert_uint_eq (small->held_count, 0);
    ck_assert_uint_eq (holder->held[0].token.task, 2);
    scene_check (&s);
    scene_close (&s);
}
END_TEST

/*  A job that had nothing to run meanwhile has no claim on what others got. */
START_TEST (a_share_is_not_saved_up)
{
    aut_core_task_spec_t tasks[101];
    for (uint32_t i = 0; i <= 100; i++)
        tasks[i] = (aut_core_task_spec_t){.after = i ? 0 : AUT_CORE_NONE, .cost = 10, .model = "m"};
    scene_open (&s);
    scene_node_t *a = scene_node (&s, "a", 1, 1, 24);
    uint64_t star = scene_submit_tasks (&s, 0, NULL, tasks, 101);
    scene_held_t held = a->held[0];
    scene_fail (&s, a, &held, AUT_ERR_INTERNAL);
    scene_submit (&s, 0, 400, 1, 10, "m");
    share (0, 100);
    scene_advance (&s, 2000);
    uint32_t got = share (star, 60);
    ck_assert_msg (got >= 27 && got <= 33, "%u of 60", got);
    scene_close (&s);
}
END_TEST

/*  A job whose work kills its nodes gets no more than its share of them. */
START_TEST (lost_work_does_not_hold_up_others)
{
    scene_open (&s);
    uint64_t killer = scene_submit (&s, 0, 100, 1, 10, "m");
    scene_submit (&s, 0, 100, 1, 10, "m");
    for (int i = 0; i < 20; i++) {
        scene_node_t *node = scene_node (&s, "n", 1, 1, 24);
        scene_held_t held = node->held[0];
        if (held.job != killer)
            scene_done (&s, node, &held);
        scene_bye (&s, node);
    }
    uint32_t killed = 0;
    for (uint32_t i = 0; i < s.done_count; i++)
        killed += s.done_order[i] <= 100;
    ck_assert_msg (killed * 10 >= s.done_count * 4 && killed * 10 <= s.done_count * 6, "%u of %u",
                   killed, s.done_count);
    scene_check (&s);
    scene_close (&s);
}
END_TEST

START_TEST (a_much_longer_chain_beats_affinity)
{
    aut_core_task_spec_t tasks[8] = {{.after = AUT_CORE_NONE, .cost = 100, .model = "m"},
                                     {.after = 0, .cost = 1, .model = "m"}};
    for (uint32_t i = 2; i < 8; i++) /* a chain of 60 that begins after the first is taken */
        tasks[i] = (aut_core_task_spec_t){
            .after = i > 2 ? i - 1 : AUT_CORE_NONE, .cost = 10, .model = "m"};
    scene_open (&s);
    scene_node_t *node = scene_node (&s, "a", 1, 1, 24);
    scene_submit_tasks (&s, 0, NULL, tasks, 8);
    scene_held_t held = node->held[0];
    ck_assert_uint_eq (held.token.task, 1);
    scene_done (&s, node, &held);
    ck_assert_uint_eq (node->held[0].token.task, 3);
    scene_close (&s);
}
END_TEST

START_TEST (requirements_are_met)
{
    scene_open (&s);
    scene_node_t *cpu = scene_node_of (&s, "cpu", "cpu", 64, "m");
    scene_node_t *small = scene_node_of (&s, "small", "cuda", 24, "m");
    scene_node_t *big = scene_node_of (&s, "big", "cuda", 80, "m");
    scene_node_t *other = scene_node_of (&s, "other", "cuda", 80, "other");
    aut_core_task_spec_t tasks[5] = {{.model = "m", .class_ = "cuda", .memory = 20 * SCENE_GB},
                                     {.model = "m", .class_ = "cuda", .memory = 48 * SCENE_GB},
                                     {.model = "other", .class_ = ""},
                                     {.model = "m", .class_ = "cpu"},
                                     {.model = "m", .class_ = "cuda", .memory = 200 * SCENE_GB}};
    for (int i = 0; i < 5; i++) {
        tasks[i].after = AUT_CORE_NONE;
        tasks[i].cost = 10;
    }
    scene_submit_tasks (&s, 0, NULL, tasks, 5);
    ck_assert_uint_eq (small->held[0].token.task, 1); /* the smallest that suffices */
    ck_assert_uint_eq (big->held[0].token.task, 2);
    ck_assert_uint_eq (other->held[0].token.task, 3);
    ck_assert_uint_eq (cpu->held[0].token.task, 4);
    aut_core_task_info_t info;
    char text[128];
    aut_core_task (s.core, 5, &info);
    ck_assert_int_eq (info.wait, AUT_WAIT_MEMORY);
    ck_assert_str_eq (aut_core_wait_text (&info, text, sizeof text), "no device with 200 GB");
    scene_check (&s);
    scene_close (&s);
}
END_TEST

START_TEST (a_waiting_task_says_why)
{
    aut_core_task_spec_t tasks[] = {{.after = AUT_CORE_NONE, .model = "none"},
                                    {.after = 0, .model = "m"},
                                    {.after = AUT_CORE_NONE, .model = "m", .class_ = "tpu"},
                                    {.after = AUT_CORE_NONE, .model = "m", .cost = 9},
                                    {.after = AUT_CORE_NONE, .model = "m", .cost = 2}};
    static const struct {
        aut_core_wait_t wait;
        const char *text;
    } want[] = {{AUT_WAIT_MODEL, "no node with model none"},
                {AUT_WAIT_TASK, ""},
                {AUT_WAIT_CLASS, "no tpu device with model m"},
                {AUT_WAIT_NONE, ""},
                {AUT_WAIT_WORKER, "is next: waits for a free device"}};
    scene_open (&s);
    scene_node (&s, "a", 1, 1, 24);
    scene_submit_tasks (&s, 0, NULL, tasks, 5);
    for (uint32_t i = 0; i < 5; i++) {
        aut_core_task_info_t info;
        char text[128];
        ck_assert_int_eq (aut_core_task (s.core, i + 1, &info), 0);
        ck_assert_msg (info.wait == want[i].wait, "task %u: %d", i + 1, (int)info.wait);
        ck_assert_str_eq (aut_core_wait_text (&info, text, sizeof text), want[i].text);
    }
    aut_core_task_info_t info;
    aut_core_task (s.core, 2, &info);
    ck_assert_uint_eq (info.after, 1);
    ck_assert_int_eq (aut_core_task (s.core, 6, &info), AUT_ERR_NOT_FOUND);
    ck_assert_int_eq (aut_core_task (s.core, 0, &info), AUT_ERR_NOT_FOUND);
    scene_close (&s);
}
END_TEST

START_TEST (idle_workers_come_before_prefetch)
{
    scene_open (&s);
    scene_node_t *a = scene_node (&s, "a", 1, 3, 24);
    scene_node_t *b = scene_node (&s, "b", 2, 2, 24);
    scene_submit (&s, 0, 3, 1, 10, "m");
    ck_assert_uint_eq (a->held_count, 1);
    ck_assert_uint_eq (b->held_count, 2);
    scene_submit (&s, 0, 10, 1, 10, "m");
    ck_assert_uint_eq (a->held_count, 3);
    ck_assert_uint_eq (b->held_count, 4);
    scene_check (&s);
    ck_assert_uint_eq (scene_run (&s), 13);
    scene_check (&s);
    scene_close (&s);
}
END_TEST

START_TEST (a_loaded_model_is_preferred)
{
    scene_open (&s);
    scene_node_t *a = scene_node_new (&s, "a"), *b = scene_node_new (&s, "b");
    for (int i = 0; i < 2; i++) {
        scene_node_t *node = i ? b : a;
        node->models[0] = "x";
        node->models[1] = "y";
        node->worker_count = 1;
        node->workers[0] = (aut_core_worker_spec_t){.device = "cuda:0",
                                                    .class_ = "cuda",
                                                    .memory = 24 * SCENE_GB,
                                                    .models = node->models,
                                                    .model_count = 2,
                                                    .credit = 1};
        scene_hello (&s, node);
    }
    scene_submit (&s, 0, 1, 1, 1, "x");
    scene_submit (&s, 0, 1, 1, 1, "y");
    scene_node_t *with_y = a->held[0].job == 2 ? a : b;
    scene_run (&s);
    for (int i = 0; i < 4; i++) {
        uint64_t job = scene_submit (&s, 0, 1, 1, 1, "y");
        ck_assert_uint_eq (with_y->held[0].job, job);
        scene_run (&s);
    }
    scene_close (&s);
}
END_TEST

/*  200 shots of mixed chains over 16 nodes of different speeds: near the bound max (critical path,
 *  work / capacity). Time is counted in units of cost. */
START_TEST (the_makespan_is_near_its_bound)
{
    static const uint32_t speeds[4] = {1, 2, 3, 4};
    static aut_core_task_spec_t tasks[2000];
    static int64_t free_at[16];
    uint32_t count = 0, seed = 1;
    uint64_t work = 0, capacity = 0;
    scene_open (&s);
    for (uint32_t shot = 0; shot < 200; shot++) {
        uint32_t chunks = 1 + (seed = seed * 1103515245 + 12345) / 65536 % 9;
        for (uint32_t j = 0; j < chunks; j++, count++) {
            tasks[count] = (aut_core_task_spec_t){.shot = shot,
                                                  .chunk = j,
                                                  .after = j ? count - 1 : AUT_CORE_NONE,
                                                  .cost = 120,
                                                  .model = "m"};
            work += 120;
        }
    }
    scene_submit_tasks (&s, 0, NULL, tasks, count);
    for (uint32_t i = 0; i < 16; i++) {
        scene_node (&s, "n", 1, 1, 24);
        capacity += speeds[i % 4];
        free_at[i] = 120 / speeds[i % 4];
    }
    int64_t end = 0;
    for (;;) { /* the node that is ready first, is done first */
        int first = -1;
        for (int i = 0; i < 16; i++)
            if (s.nodes[i].held_count && (first < 0 || free_at[i] < free_at[first]))
                first = i;
        if (first < 0)
            break;
        end = free_at[first];
        scene_held_t held = s.nodes[first].held[0];
        uint32_t before[16];
        for (int i = 0; i < 16; i++)
            before[i] = s.nodes[i].held_count;
        before[first] = 0;
        scene_done (&s, &s.nodes[first], &held);
        for (int i = 0; i < 16; i++)
            if (s.nodes[i].held_count > before[i])
                free_at[i] = end + 120 / speeds[i % 4];
    }
    double bound = (double)work / (double)capacity;
    ck_assert_int_eq (scene_job (&s, 1)->state, AUT_JOB_DONE);
    ck_assert_msg (bound / (double)end >= 0.95, "bound %.0f, took %lld", bound, (long long)end);
    scene_close (&s);
}
END_TEST

START_TEST (demand_is_counted_per_class)
{
    aut_core_task_spec_t tasks[3] = {{.after = AUT_CORE_NONE, .model = "m", .class_ = "cuda"},
                                     {.after = AUT_CORE_NONE, .model = "m", .class_ = "cuda"},
                                     {.after = AUT_CORE_NONE, .model = "m", .class_ = "cpu"}};
    scene_open (&s);
    scene_node (&s, "a", 1, 1, 24);
    scene_submit_tasks (&s, 0, NULL, tasks, 3);
    const aut_core_metrics_t *metrics = aut_core_metrics (s.core);
    for (uint32_t i = 0; i < metrics->class_count; i++) {
        bool cuda = !strcmp (metrics->classes[i].name, "cuda");
        bool cpu = !strcmp (metrics->classes[i].name, "cpu");
        ck_assert_uint_eq (metrics->classes[i].ready, cuda || cpu);
        ck_assert_uint_eq (metrics->classes[i].leased, cuda);
    }
    scene_cancel (&s, 1);
    for (uint32_t i = 0; i < metrics->class_count; i++)
        ck_assert_uint_eq (metrics->classes[i].ready + metrics->classes[i].leased, 0);
    scene_close (&s);
}
END_TEST

/*  Tasks that name no class but ask for memory are a GPU's, waiting or running. */
START_TEST (demand_of_memory_is_counted)
{
    aut_core_task_spec_t tasks[3] = {{.after = AUT_CORE_NONE, .model = "m", .memory = 8},
                                     {.after = AUT_CORE_NONE, .model = "m", .memory = 80},
                                     {.after = AUT_CORE_NONE, .model = "m"}};
    scene_open (&s);
    scene_submit_tasks (&s, 0, NULL, tasks, 3);
    ck_assert_uint_eq (aut_core_demand_of_memory (s.core), 2);
    scene_node (&s, "a", 1, 1, 24);
    ck_assert_uint_eq (aut_core_demand_of_memory (s.core), 2);
    scene_cancel (&s, 1);
    ck_assert_uint_eq (aut_core_demand_of_memory (s.core), 0);
    scene_close (&s);
}
END_TEST

TCase *suite_schedule (void)
{
    TCase *tc = tcase_create ("schedule");
    tcase_add_test (tc, two_equal_jobs_share_equally);
    tcase_add_test (tc, depths_are_by_model_and_class);
    tcase_add_test (tc, shares_go_by_cost_not_by_number);
    tcase_add_test (tc, a_newcomer_starts_level);
    tcase_add_test (tc, a_single_chain_is_not_starved);
    tcase_add_test (tc, priority_overtakes);
    tcase_add_test (tc, the_longest_chain_goes_first);
    tcase_add_test (tc, a_chunk_prefers_the_node_with_its_tail);
    tcase_add_test (tc, a_worker_stays_with_its_shot);
    tcase_add_test (tc, a_requeued_chunk_goes_to_the_node_with_its_tail);
    tcase_add_test (tc, a_share_is_not_saved_up);
    tcase_add_test (tc, lost_work_does_not_hold_up_others);
    tcase_add_test (tc, a_much_longer_chain_beats_affinity);
    tcase_add_test (tc, requirements_are_met);
    tcase_add_test (tc, a_waiting_task_says_why);
    tcase_add_test (tc, idle_workers_come_before_prefetch);
    tcase_add_test (tc, a_loaded_model_is_preferred);
    tcase_add_test (tc, the_makespan_is_near_its_bound);
    tcase_add_test (tc, demand_is_counted_per_class);
    tcase_add_test (tc, demand_of_memory_is_counted);
    return tc;
}
