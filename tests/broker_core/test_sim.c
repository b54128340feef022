/*  A small simulation of the core alone, for what the simulator of the whole cluster (tests/sim)
 * cannot see from messages and durable bytes: that no room is left unused, and that the core's own
 * view and counters agree with its store at every step. From one seed, jobs, nodes and the faults
 * that the core can see; then quiet, in which everything must end.
 *
 *  AUTEUR_SIM_SEEDS: how many seeds (2,000); AUTEUR_SIM_SEED: only this one.
 */
#include "tests/broker_core/suites.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SEEDS_PER_TEST 50
#define STEPS 300

static scene_t s;

typedef struct {
    uint64_t state;
    uint32_t faults;
} sim_t;

static uint32_t dice (sim_t *sim, uint32_t sides)
{
    sim->state += 0x9e3779b97f4a7c15u;
    uint64_t x = sim->state;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return (uint32_t)((x ^ x >> 31) >> 33) % sides;
}

static const char *const models[] = {"m", "wan", "ltx"};

/* ---- the cast ---- */

/*  A shot's chunks are enlarged: one task more for each of the last `chunks`. */
static uint32_t enlarge (sim_t *sim, aut_core_task_spec_t *tasks, aut_core_cached_t *cached,
                         uint32_t count, uint32_t chunks)
{
    for (uint32_t i = 0; i < chunks; i++) {
        uint32_t from = count - chunks + i, to = count + i;
        tasks[to] = (aut_core_task_spec_t){.shot = tasks[from].shot,
                                           .chunk = chunks + i,
                                           .after = from,
                                           .frames = true,
                                           .cost = 1 + dice (sim, 100),
                                           .model = models[dice (sim, 3)],
                                           .class_ = ""};
        if (!dice (sim, 8)) {
            cached[to].used = dice (sim, 2) ? scene_frames (from + 1, 1) : scene_tail (from + 1, 1);
            cached[to].frames.bytes[0] = 9;
            tasks[to].cached = &cached[to];
        }
    }
    return chunks;
}

static void submit (sim_t *sim)
{
    static const char *const keys[] = {"", "", "one", "two"};
    aut_core_task_spec_t tasks[64];
    aut_core_cached_t cached[64] = {0};
    uint32_t count = 0, shots = 1 + dice (sim, 6);
    const char *model = models[dice (sim, 3)];
    if (s.job_count > 12)
        return;
    for (uint32_t shot = 0; shot < shots; shot++) {
        uint32_t chunks = 1 + dice (sim, 5);
        for (uint32_t j = 0; j < chunks; j++, count++) {
            tasks[count] = (aut_core_task_spec_t){
                .shot = shot,
                .chunk = j,
                .after = j || (shot && !dice (sim, 6)) ? count - 1 : AUT_CORE_NONE,
                .cost = 1 + dice (sim, 100),
                .model = dice (sim, 10) ? model : models[dice (sim, 3)],
                .class_ = dice (sim, 4) ? "cuda" : "",
                .memory = dice (sim, 3) ? 0 : (8 + 8 * dice (sim, 4)) * SCENE_GB};
            if (!dice (sim, 8)) {
                cached[count].used = scene_tail (count, 1);
                cached[count].tail.bytes[0] = 7;
                cached[count].frames.bytes[0] = 8;
                tasks[count].cached = &cached[count];
            }
        }
        if (!dice (sim, 3))
            count += enlarge (sim, tasks, cached, count, chunks);
    }
    scene_submit_tasks (&s, (int32_t)dice (sim, 3) - 1, keys[dice (sim, 4)], tasks, count);
}

static scene_node_t *add_node (sim_t *sim, bool able)
{
    static const char *const names[] = {"a", "b", "c"};
    if (s.node_count == SCENE_NODES)
        return NULL;
    scene_node_t *node = scene_node_new (&s, names[dice (sim, 3)]);
    memcpy (node->models, models, sizeof models);
    node->worker_count = able ? 2 : 1 + dice (sim, 3);
    for (uint32_t i = 0; i < node->worker_count; i++) {
        bool cpu = !able && !dice (sim, 5);
        uint32_t first = able ? 0 : dice (sim, 3);
        node->workers[i] =
            (aut_core_worker_spec_t){.id = i,
                                     .device = cpu ? "cpu" : "cuda:0",
                                     .class_ = cpu ? "cpu" : "cuda",
                                     .memory = (able ? 200 : 8 + 8 * dice (sim, 4)) * SCENE_GB,
                                     .models = node->models + first,
                                     .model_count = able ? 3 : 1 + dice (sim, 3 - first),
                                     .credit = 1 + dice (sim, 2)};
    }
    scene_hello (&s, node);
    return node;
}

static scene_node_t *any_node (sim_t *sim)
{
    for (int i = 0; i < 8; i++) {
        scene_node_t *node = &s.nodes[dice (sim, s.node_count)];
        if (node->alive)
            return node;
    }
    return NULL;
}

/* ---- what happens ---- */

static void work (sim_t *sim, scene_node_t *node)
{
    if (!node->held_count)
        return;
    scene_held_t *at = &node->held[dice (sim, node->held_count)], held = *at;
    uint32_t what = dice (sim, 20);
    if (node->muted) {
        at->finished |= what < 5;
    } else if (what < 3) {
        scene_started (&s, node, &held);
    } else if (what < 7) {
        scene_progress (&s, node, &held, dice (sim, 100));
    } else if (what < 15) {
        at->finished = true;
        scene_done (&s, node, &held);
        if (what == 14) /* the message comes twice */
            scene_done (&s, node, &held);
    } else if (what < 17) {
        scene_fail (&s, node, &held, what == 15 ? AUT_ERR_INTERNAL : AUT_ERR_DEVICE_MEMORY);
        sim->faults++;
    } else if (what == 17 && node->ghost.token.task) {
        scene_done (&s, node, &node->ghost);
        scene_fail (&s, node, &node->ghost, AUT_ERR_INTERNAL);
    } else if (what == 18) {
        held.input.bytes[3] ^= 0x40; /* lies about its input */
        scene_done (&s, node, &held);
    } else if (what == 19) {
        scene_release (&s, node, &held);
    }
}

/*  On a new connection, with everything that it has finished sent again. */
static void reconnect (scene_node_t *node)
{
    scene_hello (&s, node);
    for (uint32_t i = 0; i < node->held_count;) {
        scene_held_t held = node->held[i];
        if (held.finished)
            scene_done (&s, node, &held);
        if (i < node->held_count && node->held[i].token.task == held.token.task)
            i++;
    }
}

static void lose_commit (sim_t *sim, scene_node_t *node)
{
    if (node->muted || !node->held_count)
        return;
    scene_held_t held = node->held[dice (sim, node->held_count)];
    aut_core_event_t event = {.kind = dice (sim, 2) ? AUT_EV_DONE : AUT_EV_FAIL,
                              .peer = node->peer};
    event.u.task.token = held.token;
    if (event.kind == AUT_EV_DONE)
        event.u.task.done =
            (aut_core_done_t){.tail = scene_tail (held.token.task, held.token.attempt),
                              .used = &held.input,
                              .used_count = held.has_input};
    else
        event.u.task.code = event.u.task.message = "internal";
    scene_step_lost (&s, &event);
}

static void fault (sim_t *sim)
{
    scene_node_t *node = any_node (sim);
    if (!node)
        return;
    sim->faults++;
    switch (dice (sim, 10)) {
    case 0:
        node->muted = true;
        if (dice (sim, 2))
            scene_step (&s, &(aut_core_event_t){.kind = AUT_EV_GONE, .peer = node->peer});
        break;
    case 1:
        node->deaf = !node->muted;
        break;
    case 2: /* killed; the supervisor starts it again some time */
        node->alive = false;
        if (dice (sim, 2))
            add_node (sim, false);
        break;
    case 3:
        if (!node->muted)
            scene_bye (&s, node);
        break;
    case 4:
        scene_restart (&s);
        break;
    case 5:
        lose_commit (sim, node);
        break;
    case 6:
        s.drop_assigns = true;
        break;
    case 7:
        scene_drain (&s, node->online);
        break;
    case 8:
        node->held_count /= 2; /* forgets, as after a bug of its own */
        scene_hello (&s, node);
        break;
    default:
        s.now += dice (sim, 40000); /* the broker is stopped for a while */
        break;
    }
}

static void client (sim_t *sim)
{
    uint64_t job = 1 + dice (sim, s.job_count + 1);
    switch (dice (sim, 6)) {
    case 0:
        scene_cancel (&s, job);
        break;
    case 1:
        scene_retry (&s, job);
        break;
    default:
        submit (sim);
        break;
    }
}

static void sim_step (sim_t *sim)
{
    uint32_t what = dice (sim, 100);
    scene_node_t *node = any_node (sim);
    if (what < 60) {
        if (node)
            work (sim, node);
    } else if (what < 78) {
        s.drop_assigns = false;
        scene_advance (&s, dice (sim, 3000));
    } else if (what < 84) {
        client (sim);
    } else if (what < 90) {
        if (node)
            reconnect (node);
    } else if (what < 93) {
        add_node (sim, false);
    } else {
        fault (sim);
    }
}

/* ---- judgement ---- */

/*  No worker with room beside a ready task that it may take. Barred and excluded ones are left out:
 *  whom they wait for is the core's to know. */
static void check_no_room_wasted (void)
{
    if (aut_core_metrics (s.core)->barred)
        return;
    for (uint32_t n = 0; n < s.node_count; n++) {
        const scene_node_t *node = &s.nodes[n];
        aut_core_node_info_t info;
        if (!node->alive || node->muted || !node->id || aut_core_node (s.core, node->id, &info) ||
            info.state != AUT_NODE_ONLINE || info.workers != node->worker_count)
            continue;
        for (uint32_t w = 0; w < info.workers; w++) {
            aut_core_worker_info_t worker;
            NEED (aut_core_worker (s.core, info.id, w, &worker) == 0);
            if (worker.load >= worker.credit)
                continue;
            for (uint32_t j = 0; j < s.job_count; j++)
                for (uint32_t t = 0; t < s.jobs[j].count; t++) {
                    aut_core_task_info_t task;
                    if (s.jobs[j].tasks[t].excluded_count ||
                        aut_core_task (s.core, s.jobs[j].first + t, &task) ||
                        task.wait != AUT_WAIT_WORKER || task.memory > worker.memory ||
                        (*task.class_ && strcmp (task.class_, worker.class_) != 0))
                        continue;
                    for (uint32_t m = 0; m < node->workers[w].model_count; m++)
                        if (!strcmp (node->workers[w].models[m], task.model))
                            ck_abort_msg ("worker %u of %s idles beside task %llu", w, node->online,
                                          (unsigned long long)task.id);
                }
        }
    }
}

/*  The faults stop: everyone who lives comes back, one able node more, and all that is held gets
 *  done. Then every job must end. */
static void quiet (sim_t *sim)
{
    s.drop_assigns = false;
    for (uint32_t i = 0; i < s.node_count; i++)
        if (s.nodes[i].alive)
            reconnect (&s.nodes[i]);
    if (s.node_count == SCENE_NODES) {
        scene_node_t *node = &s.nodes[0];
        node->alive = false;
        s.node_count--;
    }
    add_node (sim, true);
    uint32_t open = 1;
    for (int round = 0; open && round < 1000; round++) {
        scene_run (&s);
        scene_advance (&s, 1000);
        open = 0;
        for (uint32_t i = 0; i < s.job_count; i++)
            open += s.jobs[i].state < AUT_JOB_DONE;
    }
    NEED (open == 0);
    for (uint32_t i = 0; i < s.job_count; i++)
        for (uint32_t j = 0; j < s.jobs[i].count; j++) {
            const scene_task_t *task = &s.jobs[i].tasks[j];
            NEED (task->results == (task->state == AUT_TASK_DONE));
            NEED (task->state >= AUT_TASK_DONE);
        }
}

static uint64_t sim_run (uint64_t seed, uint32_t *faults)
{
    sim_t sim = {.state = seed * 0x2545f4914f6cdd1du + 1};
    scene_config (&s);
    s.config.stall_ms = 100000;
    s.config.run_ms = 500000;
    s.config.max_models = 16;
    scene_start (&s);
    for (int i = 0; i < 3; i++)
        add_node (&sim, false);
    submit (&sim);
    submit (&sim);
    for (int i = 0; i < STEPS; i++) {
        sim_step (&sim);
        if (i % 8 == 0) {
            scene_check (&s);
            check_no_room_wasted ();
        }
    }
    quiet (&sim);
    scene_check (&s);
    check_no_room_wasted ();
    uint64_t trace = s.trace;
    *faults += sim.faults;
    scene_close (&s);
    return trace;
}

static uint64_t number_from (const char *name, uint64_t otherwise)
{
    const char *text = getenv (name);
    return text ? strtoull (text, NULL, 10) : otherwise;
}

START_TEST (everything_ends_whatever_happens)
{
    uint64_t only = number_from ("AUTEUR_SIM_SEED", 0),
             total = number_from ("AUTEUR_SIM_SEEDS", 2000);
    uint64_t first = only ? only : (uint64_t)_i * SEEDS_PER_TEST + 1;
    uint64_t step = total / (2000 / SEEDS_PER_TEST);
    uint64_t last = only ? only : first + SEEDS_PER_TEST - 1;
    uint32_t faults = 0;
    if (!only && step != SEEDS_PER_TEST) {
        first = (uint64_t)_i * step + 1;
        last = first + step - 1;
    }
    for (uint64_t seed = first; seed <= last; seed++)
        sim_run (seed, &faults);
    if (!only && last >= first + 9)
        ck_assert_uint_gt (faults, 10 * (last - first));
}
END_TEST

START_TEST (the_same_seed_gives_the_same_trace)
{
    uint32_t faults = 0;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        uint64_t trace = sim_run (seed, &faults);
        void *shift = malloc (seed * 1000); /* other addresses */
        ck_assert_uint_eq (sim_run (seed, &faults), trace);
        free (shift);
    }
}
END_TEST

TCase *suite_sim (void)
{
    TCase *tc = tcase_create ("sim");
    tcase_add_loop_test (tc, everything_ends_whatever_happens, 0, 2000 / SEEDS_PER_TEST);
    tcase_add_test (tc, the_same_seed_gives_the_same_trace);
    return tc;
}
