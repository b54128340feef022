/*  Workers of other people's queues, driven as ours are: bench_peer --queue redis|beanstalkd --port
 * P
 *      --fill N              puts N tasks of 256 bytes in, many at a time
 *      --workers W           W workers take task after task; prints tasks per second
 *
 *  A worker is a connection with one task in flight. It says that its task is done and asks for the
 *  next in one write, which is the cheapest that these protocols allow (our nodes do the same with
 *  DONE and the ASSIGN that follows); with --calls it waits for the first answer before it asks, as
 *  a program does that calls a client library's functions. redis: BLMOVE from the queue to a list
 * of the worker's own, LREM from there when done. beanstalkd: reserve, delete. A task counts when
 * its LREM or delete is answered. --processes divides the workers, so that the client is not what
 * limits the server.
 */
#include "lib/core/clock.h"
#include "lib/core/mem.h"
#include "lib/core/options.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define TASK_SIZE 256
#define WORKERS_MAX 64
#define FILL_AT_ONCE 64

typedef struct {
    int fd, number;
    char in[4096];
    size_t have;
    uint32_t answers; /* still to come before the next question */
    bool told;        /* --calls: said that the task is done, and did not ask yet */
    char id[32];      /* beanstalkd: of the task in hand */
} worker_t;

typedef struct {
    bool redis, calls;
    int port;
    char task[TASK_SIZE + 1];
} peer_t;

static void die (const char *what)
{
    fprintf (stderr, "bench_peer: %s: %s\n", what, errno ? strerror (errno) : "unexpected");
    exit (EXIT_FAILURE);
}

static int connect_to (int port)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons ((uint16_t)port)};
    int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
    to.sin_addr.s_addr = htonl (INADDR_LOOPBACK);
    if (fd < 0 || connect (fd, (struct sockaddr *)&to, sizeof to))
        die ("cannot connect");
    setsockopt (fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return fd;
}

static void send_all (int fd, const char *data, size_t size)
{
    while (size) {
        ssize_t sent = write (fd, data, size);
        if (sent <= 0)
            die ("cannot send");
        data += sent;
        size -= (size_t)sent;
    }
}

/*  Says that the task in hand is done, if there is one, and asks for the next; one after the other
 *  with --calls. */
static void ask (const peer_t *peer, worker_t *worker, bool in_hand)
{
    char out[1024];
    int size = 0;
    bool done = in_hand && !worker->told, next = !done || !peer->calls;
    worker->told = !next;
    if (peer->redis) {
        char list[32];
        int length = snprintf (list, sizeof list, "worker%d", worker->number);
        if (done)
            size = snprintf (out, sizeof out,
                             "*4\r\n$4\r\nLREM\r\n$%d\r\n%s\r\n$1\r\n1\r\n$%d\r\n%s\r\n", length,
                             list, TASK_SIZE, peer->task);
        if (next)
            size +=
                snprintf (out + size, sizeof out - (size_t)size,
                          "*6\r\n$6\r\nBLMOVE\r\n$5\r\ntasks\r\n$%d\r\n%s\r\n$4\r\nLEFT\r\n$5\r\n"
                          "RIGHT\r\n$1\r\n0\r\n",
                          length, list);
    } else {
        if (done)
            size = snprintf (out, sizeof out, "delete %s\r\n", worker->id);
        if (next)
            size += snprintf (out + size, sizeof out - (size_t)size, "reserve\r\n");
    }
    worker->answers = (done ? 1 : 0) + (next ? 1 : 0);
    send_all (worker->fd, out, (size_t)size);
}

/*  Takes one answer from the buffer: 0 if it is not there as a whole, else 1 for "done" and 2 for a
 *  task. */
static int answer (const peer_t *peer, worker_t *worker)
{
    char *end = memchr (worker->in, '\n', worker->have);
    if (!end)
        return 0;
    size_t size = (size_t)(end - worker->in) + 1, body = 0;
    int kind;
    if (strncmp (worker->in, peer->redis ? ":1\r" : "DELETED\r", 3) == 0) {
        kind = 1;
    } else if (peer->redis ? sscanf (worker->in, "$%zu", &body) == 1
                           : sscanf (worker->in, "RESERVED %31s %zu", worker->id, &body) == 2) {
        kind = 2;
        size += body + 2;
    } else {
        errno = 0;
        fprintf (stderr, "bench_peer: %.*s", (int)size, worker->in);
        die ("answer");
    }
    if (body > sizeof worker->in - 64)
        die ("a task too long");
    if (worker->have < size)
        return 0;
    worker->have -= size;
    memmove (worker->in, worker->in + size, worker->have);
    return kind;
}

static void serve (const peer_t *peer, worker_t *worker, uint64_t *count)
{
    ssize_t got = read (worker->fd, worker->in + worker->have, sizeof worker->in - worker->have);
    if (got <= 0)
        die ("cannot receive");
    worker->have += (size_t)got;
    int kind;
    while (worker->answers && (kind = answer (peer, worker))) {
        if (kind == 1)
            __atomic_add_fetch (count, 1, __ATOMIC_RELAXED);
        if (--worker->answers == 0)
            ask (peer, worker, true);
    }
}

/*  For ever: the parent ends it. */
static void work (const peer_t *peer, int first, int workers, uint64_t *count)
{
    worker_t *all = aut_calloc ((size_t)workers, sizeof *all);
    struct pollfd *fds = aut_calloc ((size_t)workers, sizeof *fds);
    for (int i = 0; i < workers; i++) {
        all[i].number = first + i;
        all[i].fd = connect_to (peer->port);
        fds[i] = (struct pollfd){.fd = all[i].fd, .events = POLLIN};
        ask (peer, &all[i], false);
    }
    while (poll (fds, (nfds_t)workers, -1) > 0)
        for (int i = 0; i < workers; i++)
            if (fds[i].revents)
                serve (peer, &all[i], count);
    die ("poll");
}

/*  How many were done by now; ends the bench if a worker has ended. */
static uint64_t done_after (double seconds, const uint64_t *count)
{
    struct timespec wait = {(time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9)};
    nanosleep (&wait, NULL);
    if (waitpid (-1, NULL, WNOHANG) > 0)
        die ("a worker ended");
    return __atomic_load_n (count, __ATOMIC_RELAXED);
}

static double run (const peer_t *peer, int workers, int processes, double seconds)
{
    pid_t pids[WORKERS_MAX];
    uint64_t *count =
        mmap (NULL, sizeof *count, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (count == MAP_FAILED)
        die ("mmap");
    for (int i = 0; i < processes; i++) {
        int first = workers * i / processes, last = workers * (i + 1) / processes;
        if ((pids[i] = fork ()) == 0)
            work (peer, first, last - first, count);
    }
    uint64_t from = done_after (0.3, count); /* warm up */
    int64_t begin = aut_mono_ms (aut_clock_system ());
    uint64_t to = done_after (seconds, count);
    double spent = (double)(aut_mono_ms (aut_clock_system ()) - begin) / 1e3;
    for (int i = 0; i < processes; i++) {
        kill (pids[i], SIGKILL);
        waitpid (pids[i], NULL, 0);
    }
    return (double)(to - from) / spent;
}

static void fill (const peer_t *peer, int64_t tasks)
{
    char one[TASK_SIZE + 64], answers[4096];
    int fd = connect_to (peer->port);
    int size = peer->redis
                   ? snprintf (one, sizeof one, "*3\r\n$5\r\nRPUSH\r\n$5\r\ntasks\r\n$%d\r\n%s\r\n",
                               TASK_SIZE, peer->task)
                   : snprintf (one, sizeof one, "put 0 0 600 %d\r\n%s\r\n", TASK_SIZE, peer->task);
    char *many = aut_calloc (FILL_AT_ONCE, (size_t)size);
    for (int i = 0; i < FILL_AT_ONCE; i++)
        memcpy (many + (size_t)i * (size_t)size, one, (size_t)size);
    for (int64_t left = tasks; left > 0;) {
        int64_t now = left < FILL_AT_ONCE ? left : FILL_AT_ONCE, lines = 0;
        send_all (fd, many, (size_t)now * (size_t)size);
        while (lines < now) {
            ssize_t got = read (fd, answers, sizeof answers);
            if (got <= 0)
                die ("cannot receive");
            for (ssize_t i = 0; i < got; i++)
                lines += answers[i] == '\n';
        }
        left -= now;
    }
    free (many);
    close (fd);
}

int main (int argc, char **argv)
{
    double seconds = 2;
    int64_t port = 0, workers = 1, processes = 0, tasks = 0;
    const aut_opt_info_t info = {.program = "bench_peer",
                                 .usage = "--queue redis|beanstalkd --port P [OPTION...]",
                                 .about = "Drives another queue as our nodes drive the broker."};
    const char *name = "";
    bool calls = false;
    const aut_opt_t table[] = {
        {"queue", 0, AUT_OPT_STRING, &name, "NAME", "redis or beanstalkd", NULL, 0, 0},
        {"port", 0, AUT_OPT_INT, &port, "P", "where it listens on loopback", NULL, 1, 65535},
        {"fill", 0, AUT_OPT_INT, &tasks, "N", "put N tasks in, and end", NULL, 1, 10000000},
        {"calls", 0, AUT_OPT_FLAG, &calls, NULL, "one command at a time", NULL, 0, 0},
        {"seconds", 0, AUT_OPT_NUMBER, &seconds, "S", "length of the run (2)", NULL, 0, 0},
        {"workers", 0, AUT_OPT_INT, &workers, "N", "connections (1)", NULL, 1, WORKERS_MAX},
        {"processes", 0, AUT_OPT_INT, &processes, "N", "that share them (one each)", NULL, 1,
         WORKERS_MAX},
        {NULL, 0, AUT_OPT_FLAG, NULL, NULL, NULL, NULL, 0, 0}};
    size_t operands = 0;
    aut_opt_result_t result = aut_options_parse (&info, table, argc, argv, NULL, &operands);
    if (result != AUT_OPT_GO)
        return result == AUT_OPT_EXIT_OK ? 0 : 2;
    peer_t peer = {.redis = strcmp (name, "redis") == 0, .calls = calls, .port = (int)port};
    if ((!peer.redis && strcmp (name, "beanstalkd") != 0) || !port) {
        fprintf (stderr, "bench_peer: say --queue redis or beanstalkd, and --port\n");
        return 2;
    }
    memset (peer.task, 'x', TASK_SIZE);
    if (!processes || processes > workers)
        processes = workers;
    if (tasks)
        fill (&peer, tasks);
    else
        printf ("%.0f\n", run (&peer, (int)workers, (int)processes, seconds));
    return 0;
}
