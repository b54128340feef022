/*  How near the core's order of work comes to the best possible: bench_makespan [--films N]
 *
 *  Films of 200 shots, each a chain of 1 to 12 chunks of different sizes, run on 16 nodes of one
 *  worker by the real core in simulated time: a task takes its cost, give or take a tenth that the
 *  core does not know of, divided by its node's speed. Every film comes from its seed.
 *
 *  The bound that no schedule can beat: the longest chain on the fastest node, or all work divided
 *  by the speed of all nodes, whichever is more, both of the times that the tasks really took.
 * (With nodes of different speeds the second is sharper than it looks: it lets every node work to
 * the last moment.) Printed is bound / makespan, of all films the median and the worst.
 */
#include "broker/core/core.h"
#include "lib/core/mem.h"
#include "lib/core/options.h"
#include "tests/bench/bench_hello.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NODES 16
#define SHOTS 200
#define CHUNKS 12
#define TASKS (SHOTS * CHUNKS)
#define AIM 0.95

typedef struct {
    const char *name;
    double speeds[4];   /* of nodes 0, 4, 8, 12; 1, 5, 9, 13; … */
    uint32_t long_shot; /* chunks of one shot that is longer than all others, 0 = none */
} shape_t;

static const shape_t shapes[] = {
    {"16 nodes alike", {1, 1, 1, 1}, 0},
    {"16 nodes of speeds 1 and 2", {1, 2, 1, 2}, 0},
    {"16 nodes of speeds 1, 1.5, 2 and 4", {1, 1.5, 2, 4}, 0},
    {"16 nodes alike, one shot as long as the film", {1, 1, 1, 1}, 80}};

typedef struct {
    aut_core_token_t token;
    double ends; /* ms; < 0 = idle */
} node_t;

typedef struct {
    aut_core_t *core;
    aut_core_actions_t out;
    aut_core_task_spec_t tasks[TASKS];
    double real[TASKS]; /* ms at speed 1 */
    uint32_t count, done;
    node_t nodes[NODES];
    const shape_t *shape;
    uint64_t seed;
    double now;
} film_t;

static double part (film_t *film)
{
    film->seed = film->seed * 6364136223846793005u + 1442695040888963407u;
    return (double)(film->seed >> 40) / (double)(1u << 24);
}

static double speed (const film_t *film, size_t node)
{
    return film->shape->speeds[node % 4];
}

/*  Also what an adapter would send: a node that gets a task works on it from now on. */
static void step (film_t *film, const aut_core_event_t *event)
{
    aut_core_actions_clear (&film->out);
    if (aut_core_step (film->core, event, (int64_t)film->now, &film->out))
        exit (EXIT_FAILURE);
    for (size_t i = 0; i < film->out.count; i++) {
        const aut_core_action_t *action = &film->out.items[i];
        if (action->kind != AUT_SEND_ASSIGN)
            continue;
        size_t at = action->u.assign.peer - 1;
        film->nodes[at].token = action->u.assign.token;
        film->nodes[at].ends = film->now + film->real[action->u.assign.ordinal] / speed (film, at);
    }
}

/*  A chunk has 33 to 81 frames of 20 to 50 steps; a shot's are alike but for its last. */
static void make (film_t *film)
{
    film->count = 0;
    for (uint32_t shot = 0; shot < SHOTS; shot++) {
        uint32_t chunks = 1 + (uint32_t)(part (film) * part (film) * CHUNKS);
        uint32_t frames = 33 + 16 * (uint32_t)(part (film) * 4), steps = 20;
        steps += 10 * (uint32_t)(part (film) * 4);
        if (shot == SHOTS / 2 && film->shape->long_shot)
            chunks = film->shape->long_shot;
        for (uint32_t i = 0; i < chunks && film->count < TASKS; i++, film->count++) {
            uint32_t cost = (i + 1 < chunks ? 81 : frames) * steps;
            film->real[film->count] = cost * (0.9 + 0.2 * part (film));
            film->tasks[film->count] =
                (aut_core_task_spec_t){.shot = shot,
                                       .chunk = i,
                                       .after = i ? film->count - 1 : AUT_CORE_NONE,
                                       .cost = cost,
                                       .model = "m",
                                       .class_ = "cuda",
                                       .memory = 1000};
        }
    }
}

static void hello (film_t *film, uint64_t peer)
{
    bench_hello_t said;
    bench_hello (&said, peer);
    film->nodes[peer - 1].ends = -1;
    step (film, &said.event);
}

static double bound (const film_t *film)
{
    double work = 0, chain = 0, longest = 0, all = 0, fastest = 0;
    for (uint32_t i = 0; i < film->count; i++) {
        work += film->real[i];
        chain = film->tasks[i].chunk ? chain + film->real[i] : film->real[i];
        longest = chain > longest ? chain : longest;
    }
    for (size_t i = 0; i < NODES; i++) {
        all += speed (film, i);
        fastest = speed (film, i) > fastest ? speed (film, i) : fastest;
    }
    return work / all > longest / fastest ? work / all : longest / fastest;
}

/*  The next task to end does. */
static void finish_one (film_t *film, uint64_t first_task)
{
    size_t next = NODES;
    for (size_t i = 0; i < NODES; i++)
        if (film->nodes[i].ends >= 0 &&
            (next == NODES || film->nodes[i].ends < film->nodes[next].ends))
            next = i;
    if (next == NODES) {
        fprintf (stderr, "bench_makespan: %u tasks left and nobody works\n",
                 film->count - film->done);
        exit (EXIT_FAILURE);
    }
    node_t *node = &film->nodes[next];
    uint64_t before = node->token.task - 1;
    aut_hash_t input = aut_hash_of (&before, sizeof before);
    bool chained = film->tasks[node->token.task - first_task].after != AUT_CORE_NONE;
    film->now = node->ends;
    node->ends = -1;
    film->done++;
    aut_core_event_t event = {.kind = AUT_EV_DONE, .peer = next + 1};
    event.u.task.token = node->token;
    event.u.task.done = (aut_core_done_t){.used = &input, .used_count = chained ? 1 : 0};
    event.u.task.done.tail = aut_hash_of (&node->token.task, sizeof node->token.task);
    step (film, &event);
}

static double run (const shape_t *shape, uint64_t seed)
{
    film_t *film = aut_calloc (1, sizeof *film);
    aut_core_config_t config;
    aut_core_config_init (&config);
    config.silent_ms = config.lease_ms = config.stall_ms = config.run_ms = INT64_MAX / 8;
    film->core = aut_core_new (&config);
    film->shape = shape;
    film->seed = seed * 0x9e3779b97f4a7c15u;
    for (uint64_t peer = 1; peer <= NODES; peer++)
        hello (film, peer);
    make (film);
    aut_core_event_t event = {.kind = AUT_EV_SUBMIT};
    event.u.submit = (aut_core_submit_t){.tasks = film->tasks, .task_count = film->count};
    step (film, &event);
    while (film->done < film->count)
        finish_one (film, config.next_task);
    if (aut_core_metrics (film->core)->results != film->count) {
        fprintf (stderr, "bench_makespan: the core counts other results\n");
        exit (EXIT_FAILURE);
    }
    double ratio = bound (film) / film->now;
    aut_core_destroy (&film->core);
    aut_core_actions_destroy (&film->out);
    free (film);
    return ratio;
}

static int compare (const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

int main (int argc, char **argv)
{
    int64_t films = 100;
    const aut_opt_info_t info = {.program = "bench_makespan",
                                 .usage = "[OPTION...]",
                                 .about = "The core's schedules against the best possible."};
    const aut_opt_t table[] = {
        {"films", 0, AUT_OPT_INT, &films, "N", "films of each kind (100)", NULL, 1, 100000},
        {NULL, 0, AUT_OPT_FLAG, NULL, NULL, NULL, NULL, 0, 0}};
    size_t operands = 0;
    aut_opt_result_t result = aut_options_parse (&info, table, argc, argv, NULL, &operands);
    if (result != AUT_OPT_GO)
        return result == AUT_OPT_EXIT_OK ? 0 : 2;
    double *ratios = aut_calloc ((size_t)films, sizeof *ratios);
    int missed = 0;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        for (int64_t film = 0; film < films; film++)
            ratios[film] = run (&shapes[i], (uint64_t)film + 1);
        qsort (ratios, (size_t)films, sizeof *ratios, compare);
        printf ("%-46s bound / makespan: median %.3f, worst of %lld %.3f\n", shapes[i].name,
                ratios[films / 2], (long long)films, ratios[0]);
        missed += ratios[0] < AIM;
    }
    free (ratios);
    return missed ? EXIT_FAILURE : EXIT_SUCCESS;
}
