/*  Artifacts over real sockets: whole transfers, and transfers whose connection or server dies. */
#include "lib/core/error.h"
#include "lib/core/file.h"
#include "lib/core/mem.h"
#include "proto/artifact.h"
#include "proto/artifact_server.h"
#include "tests/proto/proxy.h"

#include <check.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BIG ((20u << 20) + 12345)

/*  A data thread over its own store. */
typedef struct {
    zsock_t *router;
    aut_artifact_server_t *server;
    atomic_bool stop;
    atomic_ullong received;
    uint64_t stop_after; /* ends by itself after so many received bytes; 0 = never */
    pthread_t thread;
} service_t;

static char dir[] = "/tmp/aut-artifact-XXXXXX";
static char *server_dir, *client_dir;
static aut_blobs_t *server_blobs, *client_blobs;

static void setup (void)
{
    ck_assert_ptr_nonnull (mkdtemp (dir));
    server_dir = aut_path_join (dir, "server", NULL);
    client_dir = aut_path_join (dir, "client", NULL);
    ck_assert_int_eq (aut_blobs_open (&server_blobs, server_dir, 0), 0);
    ck_assert_int_eq (aut_blobs_open (&client_blobs, client_dir, 0), 0);
    aut_net_init ();
}

static void teardown (void)
{
    aut_blobs_destroy (&server_blobs);
    aut_blobs_destroy (&client_blobs);
    free (server_dir);
    free (client_dir);
    aut_dir_remove (dir);
}

static void *serve (void *arg)
{
    service_t *self = arg;
    while (!atomic_load (&self->stop)) {
        aut_artifact_stats_t stats;
        aut_artifact_server_step (self->server, self->router, NULL, 20, aut_clock_system ());
        aut_artifact_server_stats (self->server, &stats);
        atomic_store (&self->received, stats.received);
        if (self->stop_after && stats.received >= self->stop_after)
            break;
    }
    return NULL;
}

static service_t *service_new_limited (const char *endpoint, uint64_t stop_after,
                                       const aut_artifact_limits_t *limits)
{
    service_t *self = aut_calloc (1, sizeof *self);
    self->stop_after = stop_after;
    ck_assert_msg (aut_net_bind (&self->router, AUT_PORT_DATA, endpoint) == 0, "%s",
                   aut_error_detail ());
    ck_assert_int_eq (aut_artifact_server_new (&self->server, server_blobs, limits, NULL, NULL), 0);
    pthread_create (&self->thread, NULL, serve, self);
    return self;
}

static service_t *service_new (const char *endpoint, uint64_t stop_after)
{
    return service_new_limited (endpoint, stop_after, NULL);
}

/*  Ends the thread (`wait`: when it ends by itself) as a kill would: nothing is flushed. */
static void service_destroy (service_t **self_p, bool wait)
{
    service_t *self = *self_p;
    if (!wait)
        atomic_store (&self->stop, true);
    pthread_join (self->thread, NULL);
    zsock_set_linger (self->router, 0);
    zsock_destroy (&self->router);
    aut_artifact_server_destroy (&self->server);
    free (self);
    *self_p = NULL;
}

static uint16_t port_of (const service_t *service)
{
    return (uint16_t)strtol (strrchr (zsock_endpoint (service->router), ':') + 1, NULL, 10);
}

static char *pattern (size_t size, unsigned seed)
{
    char *data = aut_realloc (NULL, 1, size ? size : 1);
    for (size_t i = 0; i < size; i++) {
        seed = seed * 1664525 + 1013904223;
        data[i] = (char)(seed >> 24);
    }
    return data;
}

static aut_artifact_client_t *client_new (const char *endpoint)
{
    aut_artifact_client_t *client;
    ck_assert_int_eq (aut_artifact_client_new (&client, endpoint, NULL), 0);
    return client;
}

static void check_everything (const char *endpoint)
{
    static const size_t sizes[] = {0, 1, AUT_CHUNK, AUT_CHUNK + 1, (9 << 20) + 3};
    service_t *service = service_new (endpoint, 0);
    aut_artifact_client_t *client = client_new (zsock_endpoint (service->router));
    char *path = aut_path_join (dir, "file", NULL), *back = aut_path_join (dir, "back", NULL);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        char *bytes = pattern (sizes[i], (unsigned)i), *got;
        size_t size;
        aut_ref_t ref, ref2;
        ck_assert_msg (aut_artifact_put_bytes (client, &ref, bytes, sizes[i]) == 0, "%s",
                       aut_error_detail ());
        ck_assert_uint_eq (ref.size, sizes[i]);
        ck_assert (aut_blobs_has (server_blobs, &ref.hash, NULL));
        ck_assert_int_eq (aut_artifact_get_bytes (client, &ref.hash, 10 << 20, &got, &size), 0);
        ck_assert_uint_eq (size, sizes[i]);
        ck_assert_mem_eq (got, bytes, size);
        free (got);
        ck_assert_int_eq (aut_artifact_get_file (client, back, &ref.hash), 0);
        ck_assert_int_eq (aut_hash_file (&ref2.hash, &ref2.size, back), 0);
        ck_assert (aut_hash_equal (&ref.hash, &ref2.hash));
        ck_assert_int_eq (aut_artifact_get_blob (client, client_blobs, &ref.hash), 0);
        ck_assert (aut_blobs_has (client_blobs, &ref.hash, NULL));

        ck_assert_int_eq (aut_blobs_remove (server_blobs, &ref.hash), 0);
        ck_assert_int_eq (aut_artifact_put_file (client, &ref2, back), 0);
        ck_assert (aut_hash_equal (&ref.hash, &ref2.hash));
        ck_assert_int_eq (aut_blobs_remove (server_blobs, &ref.hash), 0);
        ck_assert_int_eq (aut_artifact_put_blob (client, &ref2, client_blobs, &ref.hash), 0);
        ck_assert (aut_blobs_has (server_blobs, &ref.hash, NULL));
        free (bytes);
    }
    free (path);
    free (back);
    aut_artifact_client_destroy (&client);
    service_destroy (&service, false);
}

START_TEST (everything_over_tcp)
{
    check_everything ("tcp://127.0.0.1:*");
}
END_TEST

START_TEST (everything_inside_a_process)
{
    check_everything ("inproc://test-data");
}
END_TEST

START_TEST (final_errors)
{
    service_t *service = service_new ("tcp://127.0.0.1:*", 0);
    aut_artifact_client_t *client = client_new (zsock_endpoint (service->router));
    aut_hash_t hash = aut_hash_of ("nowhere", 7);
    char *data;
    size_t size;
    aut_ref_t ref;
    ck_assert_int_eq (aut_artifact_get_bytes (client, &hash, 10, &data, &size), AUT_ERR_NOT_FOUND);
    ck_assert_int_eq (aut_artifact_put_bytes (client, &ref, "0123456789", 10), 0);
    ck_assert_int_eq (aut_artifact_get_bytes (client, &ref.hash, 9, &data, &size),
                      AUT_ERR_TOO_LARGE);
    ck_assert_int_eq (aut_artifact_put_blob (client, NULL, client_blobs, &hash), AUT_ERR_NOT_FOUND);
    ck_assert_int_eq (aut_artifact_get_file (client, "/nonexistent/file", &ref.hash),
                      AUT_ERR_NOT_FOUND);
    ck_assert_int_eq (aut_artifact_get_bytes (client, &ref.hash, 10, &data, &size), 0);
    free (data);
    aut_artifact_client_destroy (&client);
    service_destroy (&service, false);
}
END_TEST

/*  A blob that went bad on the client's disk is not stored by the service, and is told. */
START_TEST (rotten_source)
{
    service_t *service = service_new ("tcp://127.0.0.1:*", 0);
    aut_artifact_client_t *client = client_new (zsock_endpoint (service->router));
    char hex[AUT_HASH_HEX];
    aut_hash_t hash;
    ck_assert_int_eq (aut_blobs_put (client_blobs, &hash, "good", 4), 0);
    aut_hash_hex (&hash, hex);
    char *path = aut_sprintf ("%s/%.2s/%s", client_dir, hex, hex + 2);
    FILE *file = fopen (path, "w");
    fputs ("evil", file);
    fclose (file);
    ck_assert_int_eq (aut_artifact_put_blob (client, NULL, client_blobs, &hash), AUT_ERR_CORRUPT);
    ck_assert (!aut_blobs_has (server_blobs, &hash, NULL));
    free (path);
    aut_artifact_client_destroy (&client);
    service_destroy (&service, false);
}
END_TEST

typedef struct {
    aut_artifact_client_t *client;
    const char *bytes;
    aut_ref_t ref;
    int rc;
} job_t;

static void *upload_job (void *arg)
{
    job_t *job = arg;
    job->rc = aut_artifact_put_bytes (job->client, &job->ref, job->bytes, BIG);
    return NULL;
}

/*  Ends a service whose thread ends by itself, behind a proxy: as if its machine were gone, and its
 *  port were nobody else's meanwhile. */
static void service_kill (service_t **self_p, proxy_t *proxy)
{
    pthread_join ((*self_p)->thread, NULL);
    proxy_point (proxy, 0);
    zsock_set_linger ((*self_p)->router, 0);
    zsock_destroy (&(*self_p)->router);
    aut_artifact_server_destroy (&(*self_p)->server);
    free (*self_p);
    *self_p = NULL;
}

/*  The service dies in the middle of an upload and comes back: the upload goes on from there. */
START_TEST (server_restart_resumes)
{
    service_t *service = service_new ("tcp://127.0.0.1:*", BIG / 2);
    proxy_t *proxy = proxy_new (port_of (service), 0, 0);
    char *endpoint = aut_sprintf ("tcp://127.0.0.1:%u", proxy_port (proxy));
    job_t job = {.client = client_new (endpoint), .bytes = pattern (BIG, 1)};
    pthread_t thread;
    pthread_create (&thread, NULL, upload_job, &job);
    service_kill (&service, proxy);
    service = service_new ("tcp://127.0.0.1:*", 0);
    proxy_point (proxy, port_of (service));
    pthread_join (thread, NULL);
    ck_assert_int_eq (job.rc, 0);
    ck_assert_uint_le (atomic_load (&service->received), BIG / 2);
    ck_assert (aut_blobs_has (server_blobs, &job.ref.hash, NULL));
    free ((char *)job.bytes);
    free (endpoint);
    aut_artifact_client_destroy (&job.client);
    service_destroy (&service, false);
    proxy_destroy (&proxy);
}
END_TEST

/*  Where the service is, told by one thread and asked by the transfer's. */
typedef struct {
    pthread_mutex_t lock;
    char at[64], told[64];
    atomic_uint asked;
} place_t;

static void set_place (place_t *self, const char *endpoint)
{
    pthread_mutex_lock (&self->lock);
    snprintf (self->at, sizeof self->at, "%s", endpoint);
    pthread_mutex_unlock (&self->lock);
}

static const char *get_place (void *ctx)
{
    place_t *self = ctx;
    pthread_mutex_lock (&self->lock);
    snprintf (self->told, sizeof self->told, "%s", self->at);
    pthread_mutex_unlock (&self->lock);
    atomic_fetch_add (&self->asked, 1);
    return self->told;
}

/*  The service dies in the middle of an upload and comes back elsewhere: the upload goes on there.
 */
START_TEST (server_elsewhere_resumes)
{
    service_t *service = service_new ("tcp://127.0.0.1:*", BIG / 2);
    proxy_t *proxy = proxy_new (port_of (service), 0, 0);
    place_t place = {.lock = PTHREAD_MUTEX_INITIALIZER};
    aut_artifact_options_t options = {.whereabouts = get_place, .ctx = &place};
    job_t job = {.bytes = pattern (BIG, 6)};
    char *old = aut_sprintf ("tcp://127.0.0.1:%u", proxy_port (proxy));
    set_place (&place, old);
    ck_assert_int_eq (aut_artifact_client_new (&job.client, old, &options), 0);
    pthread_t thread;
    pthread_create (&thread, NULL, upload_job, &job);
    service_kill (&service, proxy); /* it has half of the blob */
    service_t *next = service_new ("tcp://127.0.0.1:*", 0);
    ck_assert_str_ne (zsock_endpoint (next->router), old);
    set_place (&place, "no address"); /* half-written, say: it stays where it is */
    unsigned asked = atomic_load (&place.asked);
    while (atomic_load (&place.asked) < asked + 2)
        zclock_sleep (10);
    set_place (&place, zsock_endpoint (next->router));
    pthread_join (thread, NULL);
    ck_assert_int_eq (job.rc, 0);
    ck_assert_uint_le (atomic_load (&next->received), BIG / 2);
    ck_assert (aut_blobs_has (server_blobs, &job.ref.hash, NULL));
    free ((char *)job.bytes);
    free (old);
    aut_artifact_client_destroy (&job.client);
    service_destroy (&next, false);
    proxy_destroy (&proxy);
}
END_TEST

/*  Connections that break again and again, both ways: every one brings the transfer further. */
START_TEST (broken_connections_resume)
{
    service_t *service = service_new ("tcp://127.0.0.1:*", 0);
    proxy_t *proxy = proxy_new (port_of (service), 6 << 20, 5);
    char *endpoint = aut_sprintf ("tcp://127.0.0.1:%u", proxy_port (proxy));
    aut_artifact_client_t *client = client_new (endpoint);
    char *bytes = pattern (BIG, 2);
    aut_ref_t ref;
    ck_assert_int_eq (aut_artifact_put_bytes (client, &ref, bytes, BIG), 0);
    ck_assert_uint_ge (proxy_cuts (proxy), 3);
    ck_assert_int_eq (aut_artifact_get_blob (client, client_blobs, &ref.hash), 0);
    ck_assert_uint_eq (proxy_cuts (proxy), 5);
    free (bytes);
    free (endpoint);
    aut_artifact_client_destroy (&client);
    proxy_destroy (&proxy);
    service_destroy (&service, false);
}
END_TEST

/*  What an earlier process left of a download is gone on with. */
START_TEST (partial_download_is_used)
{
    service_t *service = service_new ("tcp://127.0.0.1:*", 0);
    aut_artifact_client_t *client = client_new (zsock_endpoint (service->router));
    char *bytes = pattern (BIG, 3);
    aut_hash_t hash;
    ck_assert_int_eq (aut_blobs_put (server_blobs, &hash, bytes, BIG), 0);
    aut_blob_writer_t *writer;
    ck_assert_int_eq (aut_blob_writer_open (&writer, client_blobs, &hash, BIG), 0);
    ck_assert_int_eq (aut_blob_writer_write (writer, bytes, BIG - 1000), 0);
    aut_blob_writer_destroy (&writer);
    ck_assert_int_eq (aut_artifact_get_blob (client, client_blobs, &hash), 0);
    atomic_store (&service->stop, true);
    pthread_join (service->thread, NULL);
    aut_artifact_stats_t stats;
    aut_artifact_server_stats (service->server, &stats);
    ck_assert_uint_le (stats.sent, 1000 + AUT_CHUNK);
    pthread_create (&service->thread, NULL, serve, service);
    free (bytes);
    aut_artifact_client_destroy (&client);
    service_destroy (&service, false);
}
END_TEST

typedef struct {
    const char *endpoint;
    unsigned seed;
    int rc;
} crowd_t;

/*  Uploads a blob of its own and one that all have, and reads both back. */
typedef struct {
    const char *endpoint;
    aut_hash_t hash;
    int rc;
} lost_t;

static void *upload_little (void *arg)
{
    lost_t *job = arg;
    aut_artifact_options_t options = {.contact_ms = 12000};
    aut_artifact_client_t *client;
    ck_assert_int_eq (aut_artifact_client_new (&client, job->endpoint, &options), 0);
    job->rc = aut_artifact_put_bytes (client, NULL, "little", 6);
    aut_artifact_client_destroy (&client);
    return NULL;
}

static aut_msg_t next_of_type (zsock_t *router, aut_msg_type_t type, aut_peer_t *peer)
{
    for (;;) {
        aut_received_t in;
        ck_assert (aut_net_wait (router, NULL, 10000)); /* less than a half-open link takes */
        int rc = aut_net_recv (router, true, &in);
        aut_msg_t msg = in.msg;
        *peer = in.peer;
        aut_received_clear (&in);
        if (rc == 0 && msg.type == type)
            return msg;
    }
}

/*  A PUT that nobody answers, as it or the answer was lost with a connection, is asked again soon
 *  and under another number, not only when the link counts as dead. */
START_TEST (lost_put_is_asked_again)
{
    zsock_t *router;
    aut_peer_t peer;
    pthread_t thread;
    ck_assert_int_eq (aut_net_bind (&router, AUT_PORT_DATA, "tcp://127.0.0.1:*"), 0);
    lost_t job = {.endpoint = zsock_endpoint (router), .hash = aut_hash_of ("little", 6)};
    pthread_create (&thread, NULL, upload_little, &job);
    aut_msg_t lost = next_of_type (router, AUT_MSG_PUT, &peer);
    aut_msg_t again = next_of_type (router, AUT_MSG_PUT, &peer);
    ck_assert_uint_ne (lost.put.xfer, again.put.xfer);
    aut_msg_t late = {.type = AUT_MSG_GO, .go = {lost.put.xfer, 0, 6}};
    aut_msg_t stored = {.type = AUT_MSG_STORED, .stored = {again.put.xfer, job.hash}};
    ck_assert_int_eq (aut_net_send_to (router, &peer, &late, NULL, 0), 0);
    ck_assert_int_eq (aut_net_send_to (router, &peer, &stored, NULL, 0), 0);
    pthread_join (thread, NULL);
    ck_assert_int_eq (job.rc, 0);
    zsock_destroy (&router);
}
END_TEST

static void *one_of_many (void *arg)
{
    crowd_t *self = arg;
    aut_artifact_client_t *client = client_new (self->endpoint);
    for (unsigned i = 0; i < 2 && self->rc == 0; i++) {
        size_t size = 3 << 20, got_size;
        char *bytes = pattern (size, i ? 0 : self->seed), *got = NULL;
        aut_ref_t ref;
        self->rc = aut_artifact_put_bytes (client, &ref, bytes, size);
        if (self->rc == 0)
            self->rc = aut_artifact_get_bytes (client, &ref.hash, size, &got, &got_size);
        if (self->rc == 0 && (got_size != size || memcmp (got, bytes, size) != 0))
            self->rc = AUT_ERR_CORRUPT;
        free (bytes);
        free (got);
    }
    aut_artifact_client_destroy (&client);
    return NULL;
}

/*  More clients than the service takes at once: everyone has their turn. */
START_TEST (more_clients_than_turns)
{
    const aut_artifact_limits_t limits = {.transfers = 2};
    service_t *service = service_new_limited ("tcp://127.0.0.1:*", 0, &limits);
    crowd_t crowd[8];
    pthread_t threads[8];
    for (unsigned i = 0; i < 8; i++) {
        crowd[i] = (crowd_t){zsock_endpoint (service->router), i + 1, 0};
        pthread_create (&threads[i], NULL, one_of_many, &crowd[i]);
    }
    for (unsigned i = 0; i < 8; i++) {
        pthread_join (threads[i], NULL);
        ck_assert_int_eq (crowd[i].rc, 0);
    }
    uint64_t count, bytes;
    aut_blobs_stats (server_blobs, &count, &bytes);
    ck_assert_uint_eq (count, 9);
    service_destroy (&service, false);
}
END_TEST

static bool cancel_at_once (void *ctx)
{
    (void)ctx;
    return true;
}

static void cancel_later (void *ctx, uint64_t done, uint64_t size)
{
    atomic_bool *cancel = ctx;
    if (done > size / 4)
        atomic_store (cancel, true);
}

static bool is_cancelled (void *ctx)
{
    return atomic_load ((atomic_bool *)ctx);
}

START_TEST (limits_of_patience)
{
    aut_artifact_options_t options = {.contact_ms = 300};
    aut_artifact_client_t *client;
    ck_assert_int_eq (aut_artifact_client_new (&client, "tcp://127.0.0.1:1", &options), 0);
    ck_assert_int_eq (aut_artifact_put_bytes (client, NULL, "x", 1), AUT_ERR_UNREACHABLE);
    ck_assert_ptr_nonnull (strstr (aut_error_detail (), "127.0.0.1:1"));
    aut_artifact_client_destroy (&client);

    options = (aut_artifact_options_t){.cancelled = cancel_at_once};
    ck_assert_int_eq (aut_artifact_client_new (&client, "tcp://127.0.0.1:1", &options), 0);
    ck_assert_int_eq (aut_artifact_put_bytes (client, NULL, "x", 1), AUT_ERR_CANCELLED);
    aut_artifact_client_destroy (&client);
    ck_assert_int_eq (aut_artifact_client_new (&client, "nonsense", NULL), AUT_ERR_INVALID);

    service_t *service = service_new ("tcp://127.0.0.1:*", 1 << 20);
    options = (aut_artifact_options_t){.contact_ms = 5000, .patience_ms = 500};
    ck_assert_int_eq (aut_artifact_client_new (&client, zsock_endpoint (service->router), &options),
                      0);
    char *bytes = pattern (BIG, 4);
    ck_assert_int_eq (aut_artifact_put_bytes (client, NULL, bytes, BIG), AUT_ERR_TIMEOUT);
    aut_artifact_client_destroy (&client);
    service_destroy (&service, true);
    free (bytes);
}
END_TEST

START_TEST (cancel_in_the_middle)
{
    service_t *service = service_new ("tcp://127.0.0.1:*", 0);
    atomic_bool cancel = false;
    aut_artifact_options_t options = {
        .cancelled = is_cancelled, .progress = cancel_later, .ctx = &cancel};
    aut_artifact_client_t *client;
    ck_assert_int_eq (aut_artifact_client_new (&client, zsock_endpoint (service->router), &options),
                      0);
    char *bytes = pattern (BIG, 5);
    int rc = aut_artifact_put_bytes (client, NULL, bytes, BIG);
    ck_assert (rc == AUT_ERR_CANCELLED || rc == 0);
    atomic_store (&cancel, false);
    aut_artifact_client_destroy (&client);
    service_destroy (&service, false);
    free (bytes);
}
END_TEST

int main (void)
{
    Suite *suite = suite_create ("artifact");
    TCase *tc = tcase_create ("sockets");
    tcase_set_timeout (tc, 120);
    tcase_add_checked_fixture (tc, setup, teardown);
    tcase_add_test (tc, everything_over_tcp);
    tcase_add_test (tc, everything_inside_a_process);
    tcase_add_test (tc, final_errors);
    tcase_add_test (tc, rotten_source);
    tcase_add_test (tc, server_restart_resumes);
    tcase_add_test (tc, server_elsewhere_resumes);
    tcase_add_test (tc, broken_connections_resume);
    tcase_add_test (tc, partial_download_is_used);
    tcase_add_test (tc, lost_put_is_asked_again);
    tcase_add_test (tc, more_clients_than_turns);
    tcase_add_test (tc, limits_of_patience);
    tcase_add_test (tc, cancel_in_the_middle);
    suite_add_tcase (suite, tc);
    SRunner *runner = srunner_create (suite);
    srunner_run_all (runner, CK_ENV);
    int failed = srunner_ntests_failed (runner);
    srunner_free (runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
