/*  Durable tasks through a real broker: bench_broker [--seconds S] [--dir DIR]
 *                                        bench_broker --workers N --credit N: prints one number
 *
 *  The store is filled with tasks of 256-byte specs, the broker started on it over TCP, and nodes
 *  that do nothing take task after task: a task counts when its result is acknowledged, which is
 *  after the fsync of its commit. 1 and 8 nodes of one worker, at credit 1 (a round trip and two
 *  commits a task) and 16.
 *
 *  Dispatch: 100 nodes are connected and busy for random times; the time from a node's DONE to its
 *  next ASSIGN, with the commit of the result and of the lease between them.
 */
#include "broker/broker.h"
#include "broker/store/store.h"
#include "lib/core/error.h"
#include "lib/core/file.h"
#include "lib/core/log.h"
#include "lib/core/mem.h"
#include "lib/core/options.h"
#include "proto/client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NODES_MAX 128
#define SPEC_SIZE 256

typedef struct {
    zsock_t *sock;
    aut_token_t token;
    int64_t done_us; /* when DONE was said last, 0 = not yet */
    int64_t free_us; /* works until then */
    bool busy;
} node_t;

typedef struct {
    const char *dir;
    aut_broker_t *broker;
    const aut_broker_endpoints_t *endpoints;
    aut_ref_t blob;
    node_t nodes[NODES_MAX];
    size_t node_count;
    uint32_t acked;
    double *waits; /* microseconds */
    size_t wait_count, wait_max;
} bench_t;

static void check (int rc)
{
    if (rc == 0)
        return;
    fprintf (stderr, "bench_broker: %s\n", aut_error_detail ());
    exit (1);
}

/* ---- the store, filled ------------------------------------------------------------------------
 */

static void fill (const char *dir, uint32_t count)
{
    aut_store_t *store;
    const char *shots[] = {"shot"};
    char *spec = aut_calloc (1, SPEC_SIZE + 1);
    aut_store_new_task_t *tasks = aut_calloc (count, sizeof *tasks);
    aut_store_body_t *bodies = aut_calloc (count, sizeof *bodies);
    memset (spec, 'x', SPEC_SIZE);
    check (aut_store_open_sqlite (&store, dir));
    for (uint32_t i = 0; i < count; i++) {
        tasks[i] = (aut_store_new_task_t){.id = 1 + i,
                                          .job = 1,
                                          .ordinal = i,
                                          .chunk = i,
                                          .cost = 1,
                                          .key = aut_hash_of (&i, sizeof i),
                                          .model = "m",
                                          .class_ = ""};
        bodies[i] = (aut_store_body_t){.spec = spec, .spec_size = SPEC_SIZE};
    }
    aut_store_submission_t sub = {.shots = shots, .tasks = tasks, .bodies = bodies};
    sub.job = (aut_store_job_t){
        .id = 1, .project = "bench", .shot_count = 1, .first_task = 1, .task_count = count};
    sub.job.submission = aut_hash_of ("bench", 5);
    aut_store_mutation_t m = {.kind = AUT_STORE_SUBMIT, .submission = &sub};
    check (aut_store_commit (store, &m, 1));
    aut_store_destroy (&store);
    free (tasks);
    free (bodies);
    free (spec);
}

/* ---- nodes that do nothing --------------------------------------------------------------------
 */

static void say (node_t *node, const aut_msg_t *msg)
{
    int rc;
    while ((rc = aut_net_send (node->sock, msg, NULL, 0)) == AUT_ERR_AGAIN)
        usleep (1000);
    check (rc);
}

static void say_done (bench_t *bench, node_t *node, const aut_token_t *token)
{
    aut_msg_t msg = {.type = AUT_MSG_DONE};
    msg.done.token = *token;
    msg.done.mezzanine = msg.done.metadata = bench->blob;
    msg.done.device = "cpu";
    node->done_us = zclock_usecs ();
    say (node, &msg);
}

static void join (bench_t *bench, node_t *node, size_t number, uint32_t credit)
{
    static const char *const models[] = {"m"};
    aut_msg_worker_t worker = {
        .device = "cpu", .class_ = "cpu", .memory = 1 << 30, .models = models, .model_count = 1};
    aut_msg_t msg = {.type = AUT_MSG_HELLO};
    char name[32];
    worker.credit = credit;
    snprintf (name, sizeof name, "bench%zu", number);
    msg.hello.name = name;
    memcpy (msg.hello.instance, &number, sizeof number);
    msg.hello.version = "bench";
    msg.hello.workers = &worker;
    msg.hello.worker_count = 1;
    memset (node, 0, sizeof *node);
    check (aut_net_connect (&node->sock, AUT_PORT_NODE, bench->endpoints->node));
    say (node, &msg);
}

static double random_part (uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (double)(*state >> 40) / (double)(1u << 24);
}

static void take (bench_t *bench, node_t *node, const aut_msg_t *msg, int64_t work_us,
                  uint64_t *seed)
{
    if (msg->type == AUT_MSG_ACK)
        bench->acked++;
    if (msg->type == AUT_MSG_PING)
        say (node, &(aut_msg_t){.type = AUT_MSG_PONG});
    if (msg->type != AUT_MSG_ASSIGN)
        return;
    if (work_us == 0) {
        say_done (bench, node, &msg->assign.token);
        return;
    }
    int64_t now = zclock_usecs ();
    if (node->done_us && bench->wait_count < bench->wait_max)
        bench->waits[bench->wait_count++] = (double)(now - node->done_us);
    node->token = msg->assign.token;
    node->busy = true;
    node->free_us = now + (int64_t)((double)work_us * 2 * random_part (seed));
}

static void serve (bench_t *bench, node_t *node, int64_t work_us, uint64_t *seed)
{
    aut_received_t in;
    while (aut_net_recv (node->sock, false, &in) == 0) {
        take (bench, node, &in.msg, work_us, seed);
        aut_received_clear (&in);
    }
    aut_received_clear (&in);
}

/*  When work ends: what the next node needs to be woken for, in ms. */
static long finish_work (bench_t *bench)
{
    int64_t now = zclock_usecs (), next = now + 100000;
    for (size_t i = 0; i < bench->node_count; i++) {
        node_t *node = &bench->nodes[i];
        if (node->busy && node->free_us <= now) {
            node->busy = false;
            say_done (bench, node, &node->token);
        } else if (node->busy && node->free_us < next) {
            next = node->free_us;
        }
    }
    return (long)((next - now + 999) / 1000);
}

/*  Until so many are acknowledged in all, or for so long. */
static void go_on_until (bench_t *bench, uint32_t acked, int64_t until_us, int64_t work_us)
{
    zmq_pollitem_t items[NODES_MAX];
    uint64_t seed = 1;
    memset (items, 0, sizeof items);
    for (size_t i = 0; i < bench->node_count; i++)
        items[i] =
            (zmq_pollitem_t){.socket = zsock_resolve (bench->nodes[i].sock), .events = ZMQ_POLLIN};
    while (bench->acked < acked && zclock_usecs () < until_us) {
        long wait = work_us ? finish_work (bench) : 100;
        zmq_poll (items, (int)bench->node_count, wait);
        for (size_t i = 0; i < bench->node_count; i++)
            if (items[i].revents)
                serve (bench, &bench->nodes[i], work_us, &seed);
    }
}

/* ---- runs -------------------------------------------------------------------------------------
 */

static void begin (bench_t *bench, char *dir, uint32_t tasks)
{
    aut_broker_options_t options;
    aut_artifact_client_t *artifacts;
    check (mkdtemp (dir) ? 0 : aut_fail_errno ("cannot make %s", dir));
    fill (dir, tasks);
    aut_broker_options_init (&options);
    options.state_dir = dir;
    options.port = 0;
    check (aut_broker_start (&bench->broker, &options));
    bench->endpoints = aut_broker_endpoints (bench->broker);
    check (aut_artifact_client_new (&artifacts, bench->endpoints->data, NULL));
    check (aut_artifact_put_bytes (artifacts, &bench->blob, "clip", 4));
    aut_artifact_client_destroy (&artifacts);
    bench->acked = 0;
}

static void end (bench_t *bench, char *dir)
{
    for (size_t i = 0; i < bench->node_count; i++)
        zsock_destroy (&bench->nodes[i].sock);
    aut_broker_stop (&bench->broker, 0);
    check (aut_dir_remove (dir));
}

/*  Acknowledged tasks per second. */
static double run_rate (bench_t *bench, double limit_s, size_t nodes, uint32_t credit)
{
    char *dir = aut_sprintf ("%s/aut-bench-XXXXXX", bench->dir);
    uint32_t tasks = (uint32_t)(20000 * (limit_s + 1));
    begin (bench, dir, tasks);
    bench->node_count = nodes;
    for (size_t i = 0; i < nodes; i++)
        join (bench, &bench->nodes[i], i + 1, credit);
    go_on_until (bench, tasks / 10, zclock_usecs () + 300000, 0); /* warm up */
    int64_t from = zclock_usecs ();
    uint32_t before = bench->acked;
    go_on_until (bench, tasks, from + (int64_t)(limit_s * 1e6), 0);
    double seconds = (double)(zclock_usecs () - from) / 1e6;
    double rate = (bench->acked - before) / seconds;
    end (bench, dir);
    free (dir);
    return rate;
}

static void print_rate (bench_t *bench, double limit_s, size_t nodes, uint32_t credit)
{
    double rate = run_rate (bench, limit_s, nodes, credit);
    printf ("broker  %zu worker%s credit %2u   %8.0f durable tasks/s\n", nodes,
            nodes > 1 ? "s" : " ", credit, rate);
    fflush (stdout);
}

static int compare (const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void run_dispatch (bench_t *bench, double limit_s)
{
    uint32_t tasks = (uint32_t)(2000 * (limit_s + 1));
    char *dir = aut_sprintf ("%s/aut-bench-XXXXXX", bench->dir);
    begin (bench, dir, tasks);
    bench->node_count = 100;
    bench->wait_max = tasks;
    bench->wait_count = 0;
    bench->waits = aut_calloc (tasks, sizeof *bench->waits);
    for (size_t i = 0; i < bench->node_count; i++)
        join (bench, &bench->nodes[i], i + 1, 1);
    int64_t from = zclock_usecs ();
    go_on_until (bench, tasks, from + (int64_t)(limit_s * 1e6), 200000);
    double seconds = (double)(zclock_usecs () - from) / 1e6;
    qsort (bench->waits, bench->wait_count, sizeof *bench->waits, compare);
    printf ("broker  100 nodes, %.0f dispatches/s: DONE to next ASSIGN p50 %.2f ms, p99 %.2f ms\n",
            bench->acked / seconds, bench->waits[bench->wait_count / 2] / 1000,
            bench->waits[bench->wait_count * 99 / 100] / 1000);
    end (bench, dir);
    free (bench->waits);
    free (dir);
}

int main (int argc, char **argv)
{
    double seconds = 5;
    int64_t workers = 0, credit = 1;
    const char *dir = getenv ("TMPDIR");
    const aut_opt_info_t info = {.program = "bench_broker",
                                 .usage = "[OPTION...]",
                                 .about = "Durable tasks/s and dispatch latency of a real broker."};
    const aut_opt_t table[] = {
        {"seconds", 0, AUT_OPT_NUMBER, &seconds, "S", "length of a run (5)", NULL, 0, 0},
        {"workers", 0, AUT_OPT_INT, &workers, "N", "one run with so many nodes: prints tasks/s",
         NULL, 1, 100},
        {"credit", 0, AUT_OPT_INT, &credit, "N", "of that run's workers (1)", NULL, 1, 16},
        {"dir", 0, AUT_OPT_STRING, &dir, "DIR", "where the state lies ($TMPDIR or /tmp)", NULL, 0,
         0},
        {NULL, 0, AUT_OPT_FLAG, NULL, NULL, NULL, NULL, 0, 0}};
    size_t operands = 0;
    aut_opt_result_t result = aut_options_parse (&info, table, argc, argv, NULL, &operands);
    if (result != AUT_OPT_GO)
        return result == AUT_OPT_EXIT_OK ? 0 : 2;
    aut_log_setup (AUT_LOG_ERROR, AUT_LOG_TEXT);
    aut_net_init ();
    bench_t bench = {.dir = dir ? dir : "/tmp"};
    if (workers) {
        printf ("%.0f\n", run_rate (&bench, seconds, (size_t)workers, (uint32_t)credit));
        return 0;
    }
    print_rate (&bench, seconds, 1, 1);
    print_rate (&bench, seconds, 8, 1);
    print_rate (&bench, seconds, 1, 16);
    print_rate (&bench, seconds, 8, 16);
    run_dispatch (&bench, seconds * 2);
    return 0;
}
