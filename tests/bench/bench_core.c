/*  What an event costs the core with 1 k and with 1 M tasks queued, in the same run: the events are
 *  what a busy broker sees, STARTED, PROGRESS, DONE and the assignment that follows it, on 64
 *  workers. Two shapes: many jobs of a thousand chunks (chains of ten), and one job of all.
 *
 *  Then with 1,000 and 10,000 nodes, where each also says PING once a task, and time goes on so
 * that every node is heard once in 10 seconds and what is due is ticked.
 */
#include "broker/core/core.h"
#include "lib/core/mem.h"
#include "tests/bench/bench_hello.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define WORKERS 64
#define NODES_MAX 10000
#define CHAIN 10
#define ROUNDS 40000     /* tasks of a run */
#define HEARD_MS 10000.0 /* every node, once in so long */

typedef struct {
    aut_core_token_t token;
    aut_hash_t input;
} held_t;

typedef struct {
    aut_core_t *core;
    aut_core_actions_t out;
    held_t held[NODES_MAX];
    uint32_t nodes;
    double now;
    uint64_t events, assigned;
} bench_t;

static double seconds (void)
{
    struct timespec time;
    clock_gettime (CLOCK_THREAD_CPUTIME_ID, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/*  As an adapter: looks at every action, does nothing with most. */
static void step (bench_t *bench, const aut_core_event_t *event)
{
    aut_core_actions_clear (&bench->out);
    if (aut_core_step (bench->core, event, (int64_t)bench->now, &bench->out))
        exit (EXIT_FAILURE);
    bench->events++;
    for (size_t i = 0; i < bench->out.count; i++) {
        const aut_core_action_t *action = &bench->out.items[i];
        if (action->kind != AUT_SEND_ASSIGN)
            continue;
        held_t *held = &bench->held[action->u.assign.peer - 1];
        held->token = action->u.assign.token;
        held->input = action->u.assign.input;
        bench->assigned++;
    }
}

static void submit (bench_t *bench, uint32_t count)
{
    aut_core_task_spec_t *tasks = aut_calloc (count, sizeof *tasks);
    for (uint32_t i = 0; i < count; i++)
        tasks[i] = (aut_core_task_spec_t){.shot = i / CHAIN,
                                          .chunk = i % CHAIN,
                                          .after = i % CHAIN ? i - 1 : AUT_CORE_NONE,
                                          .cost = 100 + i / CHAIN * 7919 % 64,
                                          .model = "m",
                                          .class_ = "cuda",
                                          .memory = 1000};
    aut_core_event_t event = {.kind = AUT_EV_SUBMIT};
    event.u.submit = (aut_core_submit_t){.tasks = tasks, .task_count = count};
    step (bench, &event);
    free (tasks);
}

static void hello (bench_t *bench, uint64_t peer)
{
    bench_hello_t said;
    bench_hello (&said, peer);
    step (bench, &said.event);
}

static void one_task (bench_t *bench, uint64_t peer)
{
    held_t held = bench->held[peer - 1];
    aut_core_event_t event = {.kind = AUT_EV_STARTED, .peer = peer};
    event.u.task.token = held.token;
    step (bench, &event);
    event.kind = AUT_EV_PROGRESS;
    event.u.task.step = 1;
    step (bench, &event);
    event.kind = AUT_EV_DONE;
    event.u.task.done = (aut_core_done_t){.used = &held.input, .used_count = 1};
    memcpy (event.u.task.done.tail.bytes, &held.token.task, sizeof held.token.task);
    event.u.task.done.tail.bytes[31] = 1;
    step (bench, &event);
}

/*  What a large cluster says beside: each node that it is there, and the clock. */
static void beside (bench_t *bench, uint64_t peer)
{
    aut_core_event_t event = {.kind = AUT_EV_PING, .peer = peer};
    step (bench, &event);
    event = (aut_core_event_t){.kind = AUT_EV_TICK};
    if ((int64_t)bench->now >= aut_core_deadline (bench->core))
        step (bench, &event);
}

/*  ns per event with `jobs` × `count` tasks queued; those done are replaced by new jobs. */
static double run (uint32_t nodes, uint32_t jobs, uint32_t count)
{
    bench_t *bench = aut_calloc (1, sizeof *bench);
    aut_core_config_t config;
    aut_core_config_init (&config);
    config.max_nodes = NODES_MAX;
    bench->core = aut_core_new (&config);
    for (uint32_t i = 0; i < jobs; i++)
        submit (bench, count);
    for (uint64_t peer = 1; peer <= nodes; peer++)
        hello (bench, peer);
    uint64_t submitted = (uint64_t)jobs * count, events = 0, left = ROUNDS, peer = 0;
    double spent = 0;
    while (left) {
        /* refilling is not measured: it is linear in what is submitted */
        while (submitted - bench->assigned + 1000 <= (uint64_t)jobs * count) {
            submit (bench, 1000);
            submitted += 1000;
        }
        uint64_t before = bench->events;
        double start = seconds ();
        for (uint64_t i = 0; i < 500 && left; i++, left--) {
            bench->now += nodes > WORKERS ? HEARD_MS / nodes : 1;
            if (nodes > WORKERS)
                beside (bench, 1 + peer % nodes);
            one_task (bench, 1 + peer++ % nodes);
        }
        spent += seconds () - start;
        events += bench->events - before;
    }
    const aut_core_metrics_t *metrics = aut_core_metrics (bench->core);
    if (metrics->results != ROUNDS || metrics->lost_nodes)
        exit (EXIT_FAILURE);
    aut_core_destroy (&bench->core);
    aut_core_actions_destroy (&bench->out);
    free (bench);
    return spent / (double)events * 1e9;
}

static double best_of (int times, uint32_t nodes, uint32_t jobs, uint32_t count)
{
    double best = 1e18;
    for (int i = 0; i < times; i++) {
        double ns = run (nodes, jobs, count);
        if (ns < best)
            best = ns;
    }
    return best;
}

int main (void)
{
    double small = best_of (3, WORKERS, 2, 1000);
    double many = best_of (3, WORKERS, 1000, 1000);
    double one = best_of (3, WORKERS, 1, 1000000);
    printf ("1 k queued tasks                %7.0f ns per event\n", small);
    printf ("1 M queued tasks in 1,000 jobs  %7.0f ns per event, %.2f x\n", many, many / small);
    printf ("1 M queued tasks in one job     %7.0f ns per event, %.2f x\n", one, one / small);
    double base = best_of (3, 1000, 10, 1000);
    double tasks = best_of (3, 1000, 1000, 1000);
    double nodes = best_of (3, 10000, 200, 1000);
    double both = best_of (3, 10000, 1000, 1000);
    printf ("1,000 nodes, 10 k queued tasks  %7.0f ns per event\n", base);
    printf ("1,000 nodes, 1 M queued tasks   %7.0f ns per event, %.2f x\n", tasks, tasks / base);
    printf ("10,000 nodes, 200 k queued      %7.0f ns per event, %.2f x\n", nodes, nodes / base);
    printf ("10,000 nodes, 1 M queued tasks  %7.0f ns per event, %.2f x\n", both, both / base);
    return EXIT_SUCCESS;
}
