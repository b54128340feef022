/*  The transfer thread against a real artifact service: what arrives, what stays in a cache that is
 *  too small, and what cancelling does. */
#include "lib/core/clock.h"
#include "lib/core/error.h"
#include "lib/core/file.h"
#include "lib/core/log.h"
#include "lib/core/mem.h"
#include "node/transfer.h"
#include "proto/artifact_server.h"

#include <check.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ENDPOINT "inproc://test-transfer"
#define PATIENCE_MS 60000

/*  A broker's artifact service on a thread. */
typedef struct {
    pthread_t thread;
    aut_blobs_t *blobs;
    zsock_t *router;
    atomic_bool stop;
} service_t;

static char dir[] = "/tmp/auteur-transfer-XXXXXX";

static char *in_dir (const char *name)
{
    return aut_path_join (dir, name, NULL);
}

static void *serve (void *arg)
{
    service_t *self = arg;
    aut_artifact_server_t *server = NULL;
    aut_artifact_server_new (&server, self->blobs, NULL, NULL, NULL);
    while (!atomic_load (&self->stop))
        aut_artifact_server_step (server, self->router, NULL, 20, aut_clock_system ());
    aut_artifact_server_destroy (&server);
    zsock_destroy (&self->router);
    return NULL;
}

static void start_service (service_t *self, const char *endpoint)
{
    char *path = in_dir ("broker");
    *self = (service_t){0};
    atomic_init (&self->stop, false);
    ck_assert_int_eq (aut_blobs_open (&self->blobs, path, 0), 0);
    ck_assert_msg (aut_net_bind (&self->router, AUT_PORT_DATA, endpoint) == 0, "%s",
                   aut_error_detail ());
    ck_assert_int_eq (pthread_create (&self->thread, NULL, serve, self), 0);
    free (path);
}

static void stop_service (service_t *self)
{
    atomic_store (&self->stop, true);
    pthread_join (self->thread, NULL);
    aut_blobs_destroy (&self->blobs);
}

static aut_blobs_t *open_cache (uint64_t capacity)
{
    aut_blobs_t *cache = NULL;
    char *path = in_dir ("cache");
    ck_assert_int_eq (aut_blobs_open (&cache, path, capacity), 0);
    free (path);
    return cache;
}

/*  Work whose inputs are these blobs. */
static aut_work_t *make_work (uint64_t hold, const aut_ref_t *refs, size_t count)
{
    aut_msg_input_t inputs[8];
    for (size_t i = 0; i < count; i++)
        inputs[i] = (aut_msg_input_t){.role = "image", .key = "k", .ref = refs[i]};
    aut_msg_assign_t assign = {
        .spec = (const uint8_t *)"{}", .spec_size = 2, .inputs = inputs, .input_count = count};
    char name[32];
    snprintf (name, sizeof name, "work-%u", (unsigned)hold);
    char *path = in_dir (name);
    aut_work_t *work = aut_work_new (hold, &assign, path);
    free (path);
    return work;
}

static aut_work_t *wait_work (aut_transfer_t *transfer)
{
    struct pollfd item = {.fd = aut_transfer_fd (transfer), .events = POLLIN};
    ck_assert_int_eq (poll (&item, 1, PATIENCE_MS), 1);
    aut_work_t *work = aut_transfer_next (transfer);
    ck_assert_ptr_nonnull (work);
    return work;
}

static aut_ref_t put (aut_blobs_t *blobs, char fill, size_t size)
{
    aut_ref_t ref = {.size = size};
    char *data = aut_calloc (size, 1);
    memset (data, fill, size);
    ck_assert_int_eq (aut_blobs_put (blobs, &ref.hash, data, size), 0);
    free (data);
    return ref;
}

START_TEST (test_fetch_and_evict)
{
    service_t service;
    aut_net_init ();
    start_service (&service, ENDPOINT);
    aut_blobs_t *cache = open_cache (250000);
    aut_transfer_t *transfer = aut_transfer_new (ENDPOINT, cache);
    aut_ref_t refs[4];
    for (int i = 0; i < 4; i++)
        refs[i] = put (service.blobs, (char)('a' + i), 100000);

    aut_transfer_fetch (transfer, make_work (1, refs, 2));
    aut_work_t *first = wait_work (transfer);
    ck_assert_msg (first->code == 0, "%s", first->text);
    ck_assert_int_eq (first->done, AUT_SESSION_FETCHED);
    ck_assert (aut_file_exists (first->inputs[0].path));
    ck_assert (aut_file_exists (first->dir));

    /* Above the capacity while all are in use: none of them may go. */
    aut_transfer_fetch (transfer, make_work (2, refs + 2, 2));
    aut_work_t *second = wait_work (transfer);
    ck_assert_msg (second->code == 0, "%s", second->text);
    for (int i = 0; i < 4; i++)
        ck_assert (aut_blobs_has (cache, &refs[i].hash, NULL));

    /* Done with the first two: the next arrival pushes them out, and only as many as it must. */
    char *gone = aut_strdup (first->dir);
    aut_work_destroy (&first, cache);
    ck_assert (!aut_file_exists (gone));
    free (gone);
    put (cache, 'z', 1000);
    ck_assert (!aut_blobs_has (cache, &refs[0].hash, NULL));
    ck_assert (!aut_blobs_has (cache, &refs[1].hash, NULL));
    ck_assert (aut_blobs_has (cache, &refs[2].hash, NULL));
    ck_assert (aut_blobs_has (cache, &refs[3].hash, NULL));
    uint64_t count, bytes;
    aut_blobs_stats (cache, &count, &bytes);
    ck_assert_uint_le (bytes, 250000);

    aut_work_destroy (&second, cache);
    aut_transfer_destroy (&transfer);
    aut_blobs_destroy (&cache);
    stop_service (&service);
}
END_TEST

START_TEST (test_missing_input)
{
    service_t service;
    aut_net_init ();
    start_service (&service, ENDPOINT);
    aut_blobs_t *cache = open_cache (0);
    aut_transfer_t *transfer = aut_transfer_new (ENDPOINT, cache);
    aut_ref_t ref = {.hash = {{1}}, .size = 3};
    aut_transfer_fetch (transfer, make_work (1, &ref, 1));
    aut_work_t *work = wait_work (transfer);
    ck_assert_int_eq (work->done, AUT_SESSION_FETCH_FAILED);
    ck_assert_int_eq (work->code, AUT_ERR_NOT_FOUND);
    ck_assert_ptr_nonnull (work->text);
    aut_work_destroy (&work, cache);
    aut_transfer_destroy (&transfer);
    aut_blobs_destroy (&cache);
    stop_service (&service);
}
END_TEST

START_TEST (test_upload)
{
    service_t service;
    aut_net_init ();
    start_service (&service, ENDPOINT);
    aut_blobs_t *cache = open_cache (0);
    aut_transfer_t *transfer = aut_transfer_new (ENDPOINT, cache);
    aut_work_t *work = make_work (1, NULL, 0);
    ck_assert_int_eq (aut_dir_make (work->dir), 0);
    char *path = aut_path_join (work->dir, "m.mkv", NULL);
    ck_assert_int_eq (aut_file_write (path, "mezzanine", 9), 0);
    free (path);
    path = aut_path_join (work->dir, "m.json", NULL);
    ck_assert_int_eq (aut_file_write (path, "{}", 2), 0);
    free (path);
    aut_worker_result_t result = {.mezzanine = "../x", .metadata = "m.json"};
    ck_assert_int_eq (aut_work_take_result (work, &result), AUT_ERR_INVALID);
    result.mezzanine = "m.mkv";
    ck_assert_int_eq (aut_work_take_result (work, &result), 0);
    for (int round = 0; round < 2; round++) { /* said again: the same */
        aut_transfer_upload (transfer, work);
        work = wait_work (transfer);
        ck_assert_msg (work->code == 0, "%s", work->text);
        aut_result_refs_t refs;
        aut_work_refs (work, &refs);
        ck_assert (aut_blobs_has (service.blobs, &refs.mezzanine.hash, NULL));
        ck_assert (aut_blobs_has (service.blobs, &refs.metadata.hash, NULL));
        ck_assert (aut_blobs_has (cache, &refs.mezzanine.hash, NULL));
        ck_assert_uint_eq (refs.mezzanine.size, 9);
        ck_assert (!aut_ref_present (&refs.tail));
    }
    aut_work_destroy (&work, cache);
    aut_transfer_destroy (&transfer);
    aut_blobs_destroy (&cache);
    stop_service (&service);
}
END_TEST

/*  Nobody answers: the work comes back when the node stops wanting it, and when the node stops. */
START_TEST (test_cancel_and_move)
{
    service_t service;
    aut_net_init ();
    aut_blobs_t *cache = open_cache (0);
    aut_transfer_t *transfer = aut_transfer_new ("inproc://nobody", cache);
    aut_ref_t ref = {.hash = {{1}}, .size = 3};
    aut_work_t *work = make_work (1, &ref, 1);
    atomic_store (&work->cancelled, true);
    aut_transfer_fetch (transfer, work);
    work = wait_work (transfer);
    ck_assert_int_eq (work->code, AUT_ERR_CANCELLED);
    aut_work_destroy (&work, cache);

    /* The broker turns up elsewhere. */
    start_service (&service, ENDPOINT);
    ref = put (service.blobs, 'm', 10);
    aut_transfer_fetch (transfer, make_work (2, &ref, 1));
    aut_transfer_move (transfer, ENDPOINT, NULL);
    work = wait_work (transfer);
    if (work->code == AUT_ERR_CANCELLED) { /* it was under way to the old address */
        aut_transfer_fetch (transfer, work);
        work = wait_work (transfer);
    }
    ck_assert_msg (work->code == 0, "%s", work->text);
    aut_work_destroy (&work, cache);

    aut_transfer_move (transfer, "inproc://nobody", NULL);
    ref.hash.bytes[0] ^= 1; /* not in the cache */
    aut_transfer_fetch (transfer, make_work (3, &ref, 1));
    aut_transfer_stop (transfer);
    work = aut_transfer_next (transfer);
    ck_assert_ptr_nonnull (work);
    aut_work_destroy (&work, cache);
    aut_transfer_destroy (&transfer);
    aut_blobs_destroy (&cache);
    stop_service (&service);
}
END_TEST

static void make_dir (void)
{
    memset (dir + sizeof dir - 7, 'X', 6);
    ck_assert_ptr_nonnull (mkdtemp (dir));
}

static void remove_dir (void)
{
    aut_dir_remove (dir);
}

int main (void)
{
    aut_log_setup (AUT_LOG_ERROR, AUT_LOG_TEXT);
    Suite *suite = suite_create ("node transfer");
    TCase *tcase = tcase_create ("transfer");
    tcase_set_timeout (tcase, 120);
    tcase_add_checked_fixture (tcase, make_dir, remove_dir);
    tcase_add_test (tcase, test_fetch_and_evict);
    tcase_add_test (tcase, test_missing_input);
    tcase_add_test (tcase, test_upload);
    tcase_add_test (tcase, test_cancel_and_move);
    suite_add_tcase (suite, tcase);
    SRunner *runner = srunner_create (suite);
    srunner_run_all (runner, CK_NORMAL);
    int failed = srunner_ntests_failed (runner);
    srunner_free (runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
