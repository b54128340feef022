/*  Artifacts against raw ZeroMQ, in one run: bench_artifact [--size MIB] [--dir DIR] [--curve]
 *
 *  raw: DEALER → ROUTER over loopback TCP with the artifact service's message sizes and options,
 * and nothing else. With --curve both are encrypted. upload and download: the real client and
 * service, hashed at both ends and stored durably. Beside them what bounds them on this machine:
 * SHA-256, and writing a file with fsync.
 */
#include "lib/core/error.h"
#include "lib/core/file.h"
#include "lib/core/mem.h"
#include "lib/core/options.h"
#include "proto/artifact.h"
#include "proto/artifact_server.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS 5

typedef struct {
    char *dir;
    size_t size;
    char *bytes;
    aut_hash_t hash;
    zsock_t *router;
    aut_artifact_server_t *server;
    aut_blobs_t *server_blobs, *client_blobs;
    atomic_bool stop;
    aut_keypair_t pair; /* with --curve: the service's */
    aut_curve_t curve;  /* the client's */
    const aut_keypair_t *server_keys;
} bench_t;

static double seconds (void)
{
    struct timespec now;
    clock_gettime (CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/*  Ends the bench with the reason of a failure. */
static void need (int rc, const char *what)
{
    if (rc == 0)
        return;
    fprintf (stderr, "bench_artifact: %s: %s\n", what, aut_error_detail ());
    exit (EXIT_FAILURE);
}

static int compare_doubles (const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/*  CPU seconds of the whole process: both ends and ZeroMQ's threads. */
static double cpu_seconds (void)
{
    struct timespec now;
    clock_gettime (CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

typedef struct {
    double rate; /* MB/s, the median */
    double cpu;  /* CPU seconds per GB */
} figure_t;

static figure_t measure (bench_t *bench, double (*once) (bench_t *bench, int round))
{
    double taken[ROUNDS], cpu = cpu_seconds ();
    for (int i = 0; i < ROUNDS; i++)
        taken[i] = once (bench, i);
    cpu = cpu_seconds () - cpu;
    qsort (taken, ROUNDS, sizeof *taken, compare_doubles);
    return (figure_t){(double)bench->size / 1e6 / taken[ROUNDS / 2],
                      cpu / ROUNDS / ((double)bench->size / 1e9)};
}

static void print (const char *what, figure_t figure, const figure_t *raw)
{
    printf ("  %-18s %6.0f MB/s  %5.2f CPU-s/GB", what, figure.rate, figure.cpu);
    if (raw)
        printf ("  %.2f of raw", figure.rate / raw->rate);
    printf ("\n");
}

/* ---- raw --------------------------------------------------------------------------------------
 */

static void *receive_raw (void *arg)
{
    bench_t *bench = arg;
    void *sock = zsock_resolve (bench->router);
    size_t total = 0;
    zmq_msg_t frame;
    zmq_msg_init (&frame);
    while (total < bench->size) {
        if (zmq_msg_recv (&frame, sock, 0) < 0)
            break;
        if (!zmq_msg_more (&frame))
            total += zmq_msg_size (&frame);
    }
    zmq_msg_close (&frame);
    return NULL;
}

static void free_body (void *body, void *hint)
{
    (void)hint;
    free (body);
}

static void bind_router (bench_t *bench)
{
    need (
        aut_net_bind_curve (&bench->router, AUT_PORT_DATA, "tcp://127.0.0.1:*", bench->server_keys),
        "bind");
}

static aut_artifact_client_t *new_client (bench_t *bench)
{
    aut_artifact_client_t *client;
    const aut_artifact_options_t options = {.curve = &bench->curve};
    need (aut_artifact_client_new (&client, zsock_endpoint (bench->router), &options), "client");
    return client;
}

static double raw_once (bench_t *bench, int round)
{
    (void)round;
    zsock_t *dealer;
    pthread_t thread;
    bind_router (bench);
    need (aut_net_connect_curve (&dealer, AUT_PORT_DATA, zsock_endpoint (bench->router),
                                 &bench->curve),
          "connect");
    void *sock = zsock_resolve (dealer);
    pthread_create (&thread, NULL, receive_raw, bench);
    double start = seconds ();
    for (size_t at = 0; at < bench->size; at += AUT_CHUNK) {
        size_t size = bench->size - at < AUT_CHUNK ? bench->size - at : AUT_CHUNK;
        zmq_msg_t body;
        char *copy = aut_realloc (NULL, size, 1);
        memcpy (copy, bench->bytes + at, size);
        zmq_msg_init_data (&body, copy, size, free_body, NULL);
        zmq_send (sock, "AUT1\x42", AUT_HEAD_SIZE, ZMQ_SNDMORE);
        zmq_send (sock, "\x82\xa4xfer\x01\xa6offset\x00", 14, ZMQ_SNDMORE);
        zmq_msg_send (&body, sock, 0);
    }
    pthread_join (thread, NULL);
    double taken = seconds () - start;
    zsock_destroy (&dealer);
    zsock_destroy (&bench->router);
    return taken;
}

/* ---- the service ------------------------------------------------------------------------------
 */

static void *serve (void *arg)
{
    bench_t *bench = arg;
    while (!atomic_load (&bench->stop))
        aut_artifact_server_step (bench->server, bench->router, NULL, 20, aut_clock_system ());
    return NULL;
}

static double upload_once (bench_t *bench, int round)
{
    (void)round;
    aut_blobs_remove (bench->server_blobs, &bench->hash);
    aut_artifact_client_t *client = new_client (bench);
    double start = seconds ();
    need (aut_artifact_put_blob (client, NULL, bench->client_blobs, &bench->hash), "upload");
    double taken = seconds () - start;
    aut_artifact_client_destroy (&client);
    return taken;
}

static double download_once (bench_t *bench, int round)
{
    (void)round;
    aut_blobs_remove (bench->client_blobs, &bench->hash);
    aut_artifact_client_t *client = new_client (bench);
    double start = seconds ();
    need (aut_artifact_get_blob (client, bench->client_blobs, &bench->hash), "download");
    double taken = seconds () - start;
    aut_artifact_client_destroy (&client);
    return taken;
}

/* ---- what bounds it ---------------------------------------------------------------------------
 */

static double hash_once (bench_t *bench, int round)
{
    (void)round;
    double start = seconds ();
    bench->hash = aut_hash_of (bench->bytes, bench->size);
    return seconds () - start;
}

static double write_once (bench_t *bench, int round)
{
    char *path = aut_sprintf ("%s/write-%d", bench->dir, round);
    double start = seconds ();
    int fd = open (path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    for (size_t at = 0; at < bench->size; at += AUT_CHUNK) {
        size_t size = bench->size - at < AUT_CHUNK ? bench->size - at : AUT_CHUNK;
        if (write (fd, bench->bytes + at, size) != (ssize_t)size)
            need (aut_fail_errno ("%s", path), "write");
    }
    fsync (fd);
    close (fd);
    double taken = seconds () - start;
    unlink (path);
    free (path);
    return taken;
}

static void open_stores (bench_t *bench)
{
    char *server = aut_path_join (bench->dir, "server", NULL);
    char *client = aut_path_join (bench->dir, "client", NULL);
    need (aut_blobs_open (&bench->server_blobs, server, 0), "store");
    need (aut_blobs_open (&bench->client_blobs, client, 0), "store");
    need (aut_blobs_put (bench->client_blobs, &bench->hash, bench->bytes, bench->size), "store");
    free (server);
    free (client);
}

static void run (bench_t *bench)
{
    figure_t hash = measure (bench, hash_once), disk = measure (bench, write_once);
    figure_t raw = measure (bench, raw_once);
    pthread_t thread;
    open_stores (bench);
    bind_router (bench);
    need (aut_artifact_server_new (&bench->server, bench->server_blobs, NULL, NULL, NULL),
          "service");
    pthread_create (&thread, NULL, serve, bench);
    figure_t up = measure (bench, upload_once), down = measure (bench, download_once);
    atomic_store (&bench->stop, true);
    pthread_join (thread, NULL);
    zsock_destroy (&bench->router);
    aut_artifact_server_destroy (&bench->server);
    aut_blobs_destroy (&bench->server_blobs);
    aut_blobs_destroy (&bench->client_blobs);
    printf ("one blob of %zu MiB, medians of %d, in pieces of %d KiB%s\n", bench->size >> 20,
            ROUNDS, AUT_CHUNK >> 10, bench->server_keys ? ", CURVE" : "");
    print ("raw ZeroMQ", raw, NULL);
    print ("upload", up, &raw);
    print ("download", down, &raw);
    print ("SHA-256", hash, NULL);
    print ("write and fsync", disk, NULL);
}

int main (int argc, char **argv)
{
    int64_t mib = 256;
    const char *parent = "/tmp";
    bool curve = false;
    const aut_opt_t options[] = {
        {"size", 0, AUT_OPT_INT, &mib, "MIB", "size of the blob (256)", NULL, 1, 4096},
        {"dir", 0, AUT_OPT_STRING, &parent, "DIR", "where the stores are made (/tmp)", "TMPDIR", 0,
         0},
        {"curve", 0, AUT_OPT_FLAG, &curve, NULL, "encrypt, as between machines", NULL, 0, 0},
        {0}};
    const aut_opt_info_t info = {.program = "bench_artifact",
                                 .usage = "[--size MIB] [--dir DIR] [--curve]",
                                 .about = "Measures the artifact service against raw ZeroMQ."};
    size_t operands = 0;
    aut_opt_result_t parsed = aut_options_parse (&info, options, argc, argv, NULL, &operands);
    if (parsed != AUT_OPT_GO)
        return parsed == AUT_OPT_EXIT_OK ? EXIT_SUCCESS : 2;
    aut_net_init ();
    bench_t bench = {.size = (size_t)mib << 20};
    bench.dir = aut_sprintf ("%s/bench-artifact-XXXXXX", parent);
    if (!mkdtemp (bench.dir))
        need (aut_fail_errno ("%s", bench.dir), "folder");
    bench.bytes = aut_calloc (1, bench.size);
    for (size_t i = 0; i < bench.size; i += 8)
        memcpy (bench.bytes + i, &(uint64_t){i * UINT64_C (0x9e3779b97f4a7c15)}, 8);
    if (curve) {
        need (aut_keypair_new (&bench.pair), "key");
        need (aut_keypair_new (&bench.curve.own), "key");
        memcpy (bench.curve.server_key, bench.pair.public_key, AUT_KEY_TEXT);
        bench.server_keys = &bench.pair;
    }
    run (&bench);
    free (bench.bytes);
    aut_dir_remove (bench.dir);
    free (bench.dir);
    return EXIT_SUCCESS;
}
