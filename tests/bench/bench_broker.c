/*  Durable tasks through a real broker: bench_broker [--seconds S] [--dir DIR]
 *      --workers N --credit N: prints tasks per second, tasks per commit, the part of the time
 *          that went to commits, and the broker's CPU microseconds and switches of threads a task
 *      --nodes N --work-ms MS: dispatch latency
 *
 *  The store is filled with tasks of 256-byte specs, the broker started on it over TCP in a process
 *  of its own, and nodes that do nothing take task after task: a task counts when its result is
 * acknowledged, which is after the fsync of its commit. 1 and 8 nodes of one worker, at credit 1 (a
 * round trip and two commits a task) and 16.
 *
 *  Dispatch: many nodes, the sockets of one process, are connected to a broker in another and busy
 *  for random times. They say STARTED, DONE and, when there was nothing to say for a second, PING.
 *  Measured is the time from a node's DONE to its next ASSIGN, with the commit of the result and of
 *  the lease between them, from when all had their first task on.
 */
#include "broker/internal.h"
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
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define RATE_NODES 100
#define NODES_MAX 4096
#define PING_US 1000000
#define SPEC_SIZE 256

typedef struct {
    zsock_t *sock;
    aut_token_t token;
    int64_t done_us; /* when DONE was said last, 0 = not yet */
    int64_t free_us; /* works until then */
    int64_t said_us;
    bool busy, began;
} node_t;

typedef struct {
    const char *dir;
    aut_broker_t *broker;
    const aut_broker_endpoints_t *endpoints;
    aut_ref_t blob;
    node_t *nodes;
    size_t node_count;
    uint32_t acked;
    double *waits; /* microseconds */
    size_t wait_count, wait_max, began;
    double work_us; /* dispatch: mean of a task's work; 0 = none at all */
    uint64_t seed;
    pid_t pid; /* the broker's, with what to ask it by and where it answers */
    int to, from;
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
    node->said_us = zclock_usecs ();
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

/*  Work begins, or is already done. */
static void assigned (bench_t *bench, node_t *node, const aut_token_t *token)
{
    aut_msg_t started = {.type = AUT_MSG_STARTED, .started.token = *token};
    if (bench->work_us == 0) {
        say_done (bench, node, token);
        return;
    }
    int64_t now = zclock_usecs ();
    if (node->done_us && bench->wait_count < bench->wait_max)
        bench->waits[bench->wait_count++] = (double)(now - node->done_us);
    bench->began += !node->began;
    node->began = node->busy = true;
    node->token = *token;
    node->free_us = now + (int64_t)(bench->work_us * 2 * random_part (&bench->seed));
    say (node, &started);
}

static void serve (bench_t *bench, node_t *node)
{
    aut_received_t in;
    while (aut_net_recv (node->sock, false, &in) == 0) {
        if (in.msg.type == AUT_MSG_ACK)
            bench->acked++;
        else if (in.msg.type == AUT_MSG_PING)
            say (node, &(aut_msg_t){.type = AUT_MSG_PONG});
        else if (in.msg.type == AUT_MSG_ASSIGN)
            assigned (bench, node, &in.msg.assign.token);
        aut_received_clear (&in);
    }
    aut_received_clear (&in);
}

/*  Until so many are acknowledged in all, or for so long. */
static void go_on_until (bench_t *bench, uint32_t acked, int64_t until_us)
{
    zmq_pollitem_t items[RATE_NODES];
    memset (items, 0, sizeof items);
    for (size_t i = 0; i < bench->node_count; i++)
        items[i] =
            (zmq_pollitem_t){.socket = zsock_resolve (bench->nodes[i].sock), .events = ZMQ_POLLIN};
    while (bench->acked < acked && zclock_usecs () < until_us) {
        zmq_poll (items, (int)bench->node_count, 100);
        for (size_t i = 0; i < bench->node_count; i++)
            if (items[i].revents)
                serve (bench, &bench->nodes[i]);
    }
}

/* ---- the broker apart -------------------------------------------------------------------------
 */

/*  What a broker did until now. */
typedef struct {
    int64_t at_us;
    uint64_t commits, commit_us;
    double cpu_us;
    int64_t switches; /* of threads */
} sample_t;

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
}

static void end (bench_t *bench, char *dir)
{
    aut_broker_stop (&bench->broker, 0);
    check (aut_dir_remove (dir));
}

static sample_t look (const bench_t *bench)
{
    struct rusage usage;
    getrusage (RUSAGE_SELF, &usage);
    return (sample_t){
        .at_us = zclock_usecs (),
        .commits = __atomic_load_n (&bench->broker->commits, __ATOMIC_RELAXED),
        .commit_us = __atomic_load_n (&bench->broker->commit_us, __ATOMIC_RELAXED),
        .cpu_us = 1e6 * (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                  (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec),
        .switches = usage.ru_nvcsw + usage.ru_nivcsw,
    };
}

/*  A sample for each byte, until our end of the pipe is closed. */
static void serve_samples (const bench_t *bench, int in, int out)
{
    char byte;
    while (read (in, &byte, 1) == 1) {
        sample_t sample = look (bench);
        if (write (out, &sample, sizeof sample) != (ssize_t)sizeof sample)
            return;
    }
}

/*  A broker in a process of its own, as the other queues are. Forks, so it comes before anything of
 *  ZeroMQ. */
static void begin_apart (bench_t *bench, char *dir, uint32_t tasks)
{
    static aut_broker_endpoints_t endpoints;
    int up[2], down[2];
    check (pipe (up) || pipe (down) ? aut_fail_errno ("cannot make a pipe") : 0);
    bench->pid = fork ();
    if (bench->pid == 0) {
        close (down[1]);
        begin (bench, dir, tasks);
        if (write (up[1], bench->endpoints, sizeof endpoints) == (ssize_t)sizeof endpoints &&
            write (up[1], &bench->blob, sizeof bench->blob) == (ssize_t)sizeof bench->blob)
            serve_samples (bench, down[0], up[1]);
        end (bench, dir);
        exit (0);
    }
    close (up[1]);
    close (down[0]);
    if (bench->pid < 0 || read (up[0], &endpoints, sizeof endpoints) != (ssize_t)sizeof endpoints ||
        read (up[0], &bench->blob, sizeof bench->blob) != (ssize_t)sizeof bench->blob)
        check (aut_fail (AUT_ERR_IO, "the broker does not start"));
    bench->endpoints = &endpoints;
    bench->from = up[0];
    bench->to = down[1];
    bench->acked = 0;
}

static sample_t ask (const bench_t *bench)
{
    sample_t sample;
    if (write (bench->to, "", 1) != 1 ||
        read (bench->from, &sample, sizeof sample) != (ssize_t)sizeof sample)
        check (aut_fail (AUT_ERR_IO, "the broker ended"));
    return sample;
}

static int end_apart (bench_t *bench)
{
    int status = 1;
    close (bench->to);
    waitpid (bench->pid, &status, 0);
    close (bench->from);
    for (size_t i = 0; i < bench->node_count; i++)
        zsock_destroy (&bench->nodes[i].sock);
    return status;
}

/* ---- tasks per second -------------------------------------------------------------------------
 */

/*  Prints acknowledged tasks per second, and what the broker did for them. */
static int run_rate (bench_t *bench, double limit_s, size_t nodes, uint32_t credit, bool terse)
{
    char *dir = aut_sprintf ("%s/aut-bench-XXXXXX", bench->dir);
    uint32_t tasks = (uint32_t)(40000 * (limit_s + 1));
    begin_apart (bench, dir, tasks);
    aut_net_init ();
    for (size_t i = 0; i < nodes; i++)
        join (bench, &bench->nodes[i], i + 1, credit);
    bench->node_count = nodes;
    go_on_until (bench, tasks / 10, zclock_usecs () + 300000); /* warm up */
    uint32_t before = bench->acked;
    sample_t from = ask (bench);
    go_on_until (bench, tasks, from.at_us + (int64_t)(limit_s * 1e6));
    sample_t to = ask (bench);
    double seconds = (double)(to.at_us - from.at_us) / 1e6, done = bench->acked - before;
    double commits = (double)(to.commits - from.commits);
    double in = (double)(to.commit_us - from.commit_us) / 1e6 / seconds;
    double cpu = (to.cpu_us - from.cpu_us) / done;
    double switches = (double)(to.switches - from.switches) / done;
    double per_commit = commits > 0 ? done / commits : 0;
    if (terse)
        printf ("%.0f %.2f %.2f %.0f %.1f\n", done / seconds, per_commit, in, cpu, switches);
    else
        printf ("broker  %zu worker%s credit %2u   %8.0f durable tasks/s, %.1f a commit, %.0f %% "
                "of the time in commits, %.0f us of CPU and %.1f switches of threads a task\n",
                nodes, nodes > 1 ? "s" : " ", credit, done / seconds, per_commit, in * 100, cpu,
                switches);
    free (dir);
    return end_apart (bench);
}

/*  In a process of its own, as a broker is forked before anything of ZeroMQ. */
static int print_rate (bench_t *bench, double limit_s, size_t nodes, uint32_t credit)
{
    int status = 1;
    pid_t pid = fork ();
    if (pid == 0) {
        status = run_rate (bench, limit_s, nodes, credit, false);
        fflush (stdout);
        exit (status != 0);
    }
    if (pid > 0)
        waitpid (pid, &status, 0);
    return status;
}

static int compare (const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* ---- dispatch ---------------------------------------------------------------------------------
 */

/*  What is due: work that ends, and a PING of those that have long said nothing. Sending may take
 *  the sign that something came, so they look. */
static int due (bench_t *bench)
{
    int64_t now = zclock_usecs (), next = now + 20000;
    for (size_t i = 0; i < bench->node_count; i++) {
        node_t *node = &bench->nodes[i];
        bool done = node->busy && node->free_us <= now;
        if (done) {
            node->busy = false;
            say_done (bench, node, &node->token);
        } else if (now - node->said_us >= PING_US) {
            say (node, &(aut_msg_t){.type = AUT_MSG_PING});
        } else {
            if (node->busy && node->free_us < next)
                next = node->free_us;
            continue;
        }
        serve (bench, node);
    }
    return (int)((next - now + 999) / 1000);
}

static void dispatch_until (bench_t *bench, int epoll, size_t began, int64_t until_us)
{
    struct epoll_event events[256];
    while (bench->began < began && zclock_usecs () < until_us) {
        int count = epoll_wait (epoll, events, 256, due (bench));
        for (int i = 0; i < count; i++)
            serve (bench, &bench->nodes[events[i].data.u32]);
    }
}

static void watch (bench_t *bench, int epoll, size_t i)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = (uint32_t)i};
    int fd = zsock_fd (bench->nodes[i].sock);
    check (epoll_ctl (epoll, EPOLL_CTL_ADD, fd, &event) ? aut_fail_errno ("cannot watch") : 0);
}

/*  Nodes connect a few at a time, as they would. */
static void join_all (bench_t *bench, size_t nodes, int epoll)
{
    aut_net_init ();
    zsys_set_max_sockets (2 * NODES_MAX);
    for (size_t i = 0; i < nodes; i++) {
        join (bench, &bench->nodes[i], i + 1, 1);
        bench->node_count = i + 1;
        watch (bench, epoll, i);
        if (i % 20 == 19)
            dispatch_until (bench, epoll, nodes + 1, zclock_usecs () + 5000);
    }
    dispatch_until (bench, epoll, nodes, zclock_usecs () + 60000000);
    if (bench->began < nodes)
        check (aut_fail (AUT_ERR_TIMEOUT, "%zu of %zu nodes got a task", bench->began, nodes));
}

static double at (const bench_t *bench, double part)
{
    return bench->waits[(size_t)((double)(bench->wait_count - 1) * part)] / 1000;
}

static void tell_dispatch (bench_t *bench, size_t nodes, const sample_t *from, const sample_t *to)
{
    double seconds = (double)(to->at_us - from->at_us) / 1e6, count = (double)bench->wait_count;
    double commits = (double)(to->commits - from->commits);
    double in = (double)(to->commit_us - from->commit_us) / 1e6;
    qsort (bench->waits, bench->wait_count, sizeof *bench->waits, compare);
    printf ("broker  %.0f commits/s, %.2f ms each, %.0f %% of the time; %.0f us of CPU and %.1f "
            "switches of threads a dispatch\n",
            commits / seconds, commits > 0 ? in * 1e3 / commits : 0, in / seconds * 100,
            (to->cpu_us - from->cpu_us) / count, (double)(to->switches - from->switches) / count);
    printf ("broker  %zu nodes, %.0f dispatches/s: DONE to next ASSIGN p50 %.2f ms, p99 %.2f ms, "
            "most %.2f ms\n",
            nodes, count / seconds, at (bench, 0.5), at (bench, 0.99), at (bench, 1));
}

static int run_dispatch (bench_t *bench, double seconds, size_t nodes, double work_ms)
{
    uint32_t tasks = (uint32_t)((double)nodes * 1000 / work_ms * (seconds + 60));
    char *dir = aut_sprintf ("%s/aut-bench-XXXXXX", bench->dir);
    int epoll = epoll_create1 (EPOLL_CLOEXEC);
    begin_apart (bench, dir, tasks);
    bench->work_us = work_ms * 1000;
    bench->wait_max = tasks;
    bench->waits = aut_calloc (tasks, sizeof *bench->waits);
    join_all (bench, nodes, epoll);
    bench->wait_count = 0;
    sample_t from = ask (bench);
    dispatch_until (bench, epoll, nodes + 1, from.at_us + (int64_t)(seconds * 1e6));
    sample_t to = ask (bench);
    if (bench->wait_count)
        tell_dispatch (bench, nodes, &from, &to);
    int status = end_apart (bench);
    close (epoll);
    free (bench->waits);
    free (dir);
    return status || !bench->wait_count;
}

static void raise_files (void)
{
    struct rlimit limit;
    if (getrlimit (RLIMIT_NOFILE, &limit))
        return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit (RLIMIT_NOFILE, &limit);
}

int main (int argc, char **argv)
{
    double seconds = 5, work_ms = 1000;
    int64_t workers = 0, credit = 1, nodes = 0;
    const char *dir = getenv ("TMPDIR");
    const aut_opt_info_t info = {.program = "bench_broker",
                                 .usage = "[OPTION...]",
                                 .about = "Durable tasks/s and dispatch latency of a real broker."};
    const aut_opt_t table[] = {
        {"seconds", 0, AUT_OPT_NUMBER, &seconds, "S", "length of a run (5)", NULL, 0, 0},
        {"workers", 0, AUT_OPT_INT, &workers, "N", "one run with so many nodes: prints tasks/s",
         NULL, 1, RATE_NODES},
        {"nodes", 0, AUT_OPT_INT, &nodes, "N", "dispatch latency with so many nodes", NULL, 1,
         NODES_MAX},
        {"work-ms", 0, AUT_OPT_NUMBER, &work_ms, "MS", "what their tasks take on average (1000)",
         NULL, 0, 0},
        {"credit", 0, AUT_OPT_INT, &credit, "N", "of that run's workers (1)", NULL, 1, 16},
        {"dir", 0, AUT_OPT_STRING, &dir, "DIR", "where the state lies ($TMPDIR or /tmp)", NULL, 0,
         0},
        {NULL, 0, AUT_OPT_FLAG, NULL, NULL, NULL, NULL, 0, 0}};
    size_t operands = 0;
    aut_opt_result_t result = aut_options_parse (&info, table, argc, argv, NULL, &operands);
    if (result != AUT_OPT_GO)
        return result == AUT_OPT_EXIT_OK ? 0 : 2;
    aut_log_setup (AUT_LOG_ERROR, AUT_LOG_TEXT);
    raise_files ();
    bench_t bench = {.dir = dir ? dir : "/tmp", .seed = 1};
    bench.nodes = aut_calloc (NODES_MAX, sizeof *bench.nodes);
    if (nodes)
        return run_dispatch (&bench, seconds, (size_t)nodes, work_ms > 1 ? work_ms : 1);
    if (workers)
        return run_rate (&bench, seconds, (size_t)workers, (uint32_t)credit, true) != 0;
    int failed = print_rate (&bench, seconds, 1, 1);
    failed |= print_rate (&bench, seconds, 8, 1);
    failed |= print_rate (&bench, seconds, 1, 16);
    failed |= print_rate (&bench, seconds, 8, 16);
    return failed != 0;
}
