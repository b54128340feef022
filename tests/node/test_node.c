/*  A whole node, real worker processes included, against a broker that is played by the test: every
 *  message is waited for, nothing is slept for. */
#include "lib/core/clock.h"
#include "lib/core/error.h"
#include "lib/core/file.h"
#include "lib/core/log.h"
#include "lib/core/mem.h"
#include "lib/film/registry.h"
#include "lib/film/task.h"
#include "lib/media/clip.h"
#include "node/node.h"
#include "proto/artifact_server.h"

#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define NODE_ENDPOINT "inproc://test-node"
#define DATA_ENDPOINT "inproc://test-data"
#define WORKER AUTEUR_BIN_DIR "/auteur-worker"
#define PATIENCE_MS 100000

typedef struct {
    pthread_t thread;
    aut_blobs_t *blobs;
    zsock_t *data, *router;
    atomic_bool stop;
    aut_peer_t peer; /* who sent the last message */
    aut_node_daemon_t *node;
} world_t;

static char dir[] = "/tmp/auteur-node-XXXXXX";

static void *serve (void *arg)
{
    world_t *self = arg;
    aut_artifact_server_t *server = NULL;
    aut_artifact_server_new (&server, self->blobs, NULL, NULL, NULL);
    while (!atomic_load (&self->stop))
        aut_artifact_server_step (server, self->data, NULL, 20, aut_clock_system ());
    aut_artifact_server_destroy (&server);
    zsock_destroy (&self->data);
    return NULL;
}

static int start_node (aut_node_daemon_t **node, const char *device)
{
    char *state = aut_path_join (dir, "node", NULL);
    aut_node_options_t options;
    aut_node_options_init (&options);
    options.node_endpoint = NODE_ENDPOINT;
    options.data_endpoint = DATA_ENDPOINT;
    options.state_dir = state;
    options.name = "test";
    options.devices = &device;
    options.device_count = 1;
    options.workers = 1;
    options.worker_program = WORKER;
    int rc = aut_node_start (node, &options);
    free (state);
    return rc;
}

static void open_world (world_t *self)
{
    char *path = aut_path_join (dir, "broker", NULL);
    *self = (world_t){0};
    atomic_init (&self->stop, false);
    aut_net_init ();
    ck_assert_int_eq (aut_blobs_open (&self->blobs, path, 0), 0);
    free (path);
    ck_assert_int_eq (aut_net_bind (&self->data, AUT_PORT_DATA, DATA_ENDPOINT), 0);
    ck_assert_int_eq (aut_net_bind (&self->router, AUT_PORT_NODE, NODE_ENDPOINT), 0);
    ck_assert_int_eq (pthread_create (&self->thread, NULL, serve, self), 0);
    ck_assert_msg (start_node (&self->node, "cpu") == 0, "%s", aut_error_detail ());
}

/*  Nothing may be left of the node: no process that is a child of this one. */
static void close_world (world_t *self)
{
    aut_node_stop (&self->node, 0);
    ck_assert_int_eq (waitpid (-1, NULL, WNOHANG), -1);
    ck_assert_int_eq (errno, ECHILD);
    atomic_store (&self->stop, true);
    pthread_join (self->thread, NULL);
    zsock_destroy (&self->router);
    aut_blobs_destroy (&self->blobs);
}

/*  The next message of this type; pings are answered, and progress is passed over. */
static void expect (world_t *self, aut_received_t *in, aut_msg_type_t type)
{
    int64_t until = aut_mono_ms (aut_clock_system ()) + PATIENCE_MS;
    for (;;) {
        ck_assert_msg (aut_mono_ms (aut_clock_system ()) < until, "no %s came",
                       aut_msg_name (type));
        aut_net_wait (self->router, NULL, 1000);
        *in = (aut_received_t){0};
        int rc = aut_net_recv (self->router, true, in);
        if (rc == 0 && in->msg.type == type) {
            self->peer = in->peer;
            return;
        }
        ck_assert_msg (rc == 0 || rc == AUT_ERR_AGAIN, "%s", aut_error_detail ());
        if (rc == 0 && in->msg.type == AUT_MSG_PING) {
            aut_msg_t pong = {.type = AUT_MSG_PONG};
            aut_net_send_to (self->router, &in->peer, &pong, NULL, 0);
        } else if (rc == 0) {
            ck_assert_msg (in->msg.type == AUT_MSG_PROGRESS, "%s came, not %s",
                           aut_msg_name (in->msg.type), aut_msg_name (type));
        }
        aut_received_clear (in);
    }
}

static void expect_token (world_t *self, aut_msg_type_t type, aut_token_t token)
{
    aut_received_t in;
    expect (self, &in, type);
    ck_assert (aut_token_equal (&in.msg.started.token, &token));
    aut_received_clear (&in);
}

static void tell (world_t *self, const aut_msg_t *msg)
{
    ck_assert_msg (aut_net_send_to (self->router, &self->peer, msg, NULL, 0) == 0, "%s",
                   aut_error_detail ());
}

static void welcome (world_t *self, uint64_t epoch)
{
    aut_received_t in;
    expect (self, &in, AUT_MSG_HELLO);
    ck_assert_str_eq (in.msg.hello.name, "test");
    ck_assert_uint_eq (in.msg.hello.worker_count, 1);
    ck_assert_str_eq (in.msg.hello.workers[0].class_, "cpu");
    ck_assert_uint_ge (in.msg.hello.workers[0].model_count, 1);
    aut_received_clear (&in);
    aut_msg_t msg = {.type = AUT_MSG_WELCOME,
                     .welcome = {.node = 1,
                                 .name = "test",
                                 .epoch = epoch,
                                 .ping_ms = 500,
                                 .silent_ms = 15000,
                                 .lease_ms = 30000}};
    tell (self, &msg);
}

/*  Chunk `chunk` of a shot of two chunks; the second one gets the first one's tail. */
static char *spec_text (const char *prompt, uint32_t chunk, size_t *size)
{
    aut_registry_t *registry = NULL;
    ck_assert_int_eq (aut_registry_open (&registry, NULL), 0);
    const aut_model_t *model = aut_registry_find (registry, "auteur-animatic");
    ck_assert_ptr_nonnull (model);
    aut_task_spec_t spec = {.model = "auteur-animatic",
                            .revision = model->revision,
                            .prompt = prompt,
                            .negative = "",
                            .seed = 7 + chunk,
                            .width = 64,
                            .height = 48,
                            .rate = {24, 1},
                            .frames = chunk ? 5 : 4,
                            .drop = chunk ? 1 : 0,
                            .keep = 4,
                            .steps = 1,
                            .guidance = "1",
                            .shot_frames = 8,
                            .first_frame = chunk ? 4 : 0,
                            .chunk = chunk,
                            .has_camera = true,
                            .camera_size = -1,
                            .camera_move = -1,
                            .has_after = chunk > 0,
                            .after = {{9}},
                            .tail = chunk ? 1 : 0,
                            .tail_out = 1};
    aut_buffer_t text = {0};
    aut_task_spec_write (&spec, &text);
    aut_registry_destroy (&registry);
    return aut_buffer_take (&text, size);
}

static void assign (world_t *self, aut_token_t token, const char *prompt, const aut_ref_t *tail)
{
    size_t size;
    char *spec = spec_text (prompt, tail ? 1 : 0, &size);
    aut_msg_input_t input = {.role = "tail", .key = "k"};
    if (tail)
        input.ref = *tail;
    aut_msg_t msg = {.type = AUT_MSG_ASSIGN,
                     .assign = {.token = token,
                                .worker = 0,
                                .lease_ms = 30000,
                                .job = "j1",
                                .spec = (const uint8_t *)spec,
                                .spec_size = size,
                                .inputs = tail ? &input : NULL,
                                .input_count = tail ? 1 : 0}};
    tell (self, &msg);
    free (spec);
}

static void acknowledge (world_t *self, aut_token_t token)
{
    aut_msg_t msg = {.type = AUT_MSG_ACK, .ack = {.token = token}};
    tell (self, &msg);
}

static void check_clip (world_t *self, const aut_ref_t *ref)
{
    char *path = NULL;
    uint64_t frames = 0;
    aut_clip_format_t format;
    ck_assert_int_eq (aut_blobs_path (self->blobs, &ref->hash, &path), 0);
    ck_assert_int_eq (aut_clip_info (path, &format, &frames), 0);
    ck_assert_uint_eq (frames, 4);
    ck_assert_uint_eq (format.width, 64);
    free (path);
}

START_TEST (test_two_chunks)
{
    world_t world;
    aut_received_t in;
    aut_token_t first = {.task = 1, .attempt = 1, .epoch = 3};
    aut_token_t second = {.task = 2, .attempt = 1, .epoch = 3};
    open_world (&world);
    welcome (&world, 3);
    assign (&world, first, "a lantern in the fog", NULL);
    expect_token (&world, AUT_MSG_STARTED, first);
    expect (&world, &in, AUT_MSG_DONE);
    ck_assert (aut_token_equal (&in.msg.done.token, &first));
    ck_assert_str_eq (in.msg.done.device, "cpu");
    ck_assert_uint_gt (in.msg.done.peak_bytes, 0);
    ck_assert (aut_blobs_has (world.blobs, &in.msg.done.metadata.hash, NULL));
    ck_assert (aut_blobs_has (world.blobs, &in.msg.done.preview.hash, NULL));
    check_clip (&world, &in.msg.done.mezzanine);
    aut_ref_t tail = in.msg.done.tail;
    ck_assert (aut_blobs_has (world.blobs, &tail.hash, NULL));
    aut_received_clear (&in);
    acknowledge (&world, first);

    assign (&world, second, "a lantern in the fog", &tail);
    expect_token (&world, AUT_MSG_STARTED, second);
    expect (&world, &in, AUT_MSG_DONE);
    check_clip (&world, &in.msg.done.mezzanine);
    ck_assert_uint_eq (in.msg.done.used_count, 1);
    ck_assert (aut_hash_equal (&in.msg.done.used[0], &tail.hash));
    aut_received_clear (&in);
    acknowledge (&world, second);

    aut_node_drain (world.node);
    expect (&world, &in, AUT_MSG_BYE);
    aut_received_clear (&in);
    ck_assert (aut_node_wait (world.node, PATIENCE_MS));
    close_world (&world);
}
END_TEST

START_TEST (test_broker_restarts)
{
    world_t world;
    aut_received_t in;
    aut_token_t old = {.task = 1, .attempt = 1, .epoch = 3};
    aut_token_t adopted = {.task = 1, .attempt = 1, .epoch = 4};
    setenv ("AUTEUR_TEST_WORKER_FAULT", "slow:300:lantern", 1);
    open_world (&world);
    welcome (&world, 3);
    assign (&world, old, "a lantern in the fog", NULL);
    expect_token (&world, AUT_MSG_STARTED, old);
    /* A new broker at the same place knows nobody. */
    aut_msg_t unknown = {.type = AUT_MSG_ERROR,
                         .error = {.code = "state", .message = "say HELLO first"}};
    expect (&world, &in, AUT_MSG_PING);
    aut_received_clear (&in);
    tell (&world, &unknown);
    expect (&world, &in, AUT_MSG_HELLO);
    ck_assert_uint_eq (in.msg.hello.held_count, 1);
    ck_assert_uint_eq (in.msg.hello.held[0].task, 1);
    ck_assert_uint_eq (in.msg.hello.held[0].epoch, 3);
    aut_received_clear (&in);
    aut_msg_t msg = {.type = AUT_MSG_WELCOME,
                     .welcome = {.node = 1,
                                 .name = "test",
                                 .epoch = 4,
                                 .ping_ms = 500,
                                 .silent_ms = 15000,
                                 .lease_ms = 30000}};
    tell (&world, &msg);
    msg = (aut_msg_t){.type = AUT_MSG_ADOPT, .adopt = {.token = old, .new_epoch = 4}};
    tell (&world, &msg);
    do { /* STARTED comes again if it still runs */
        aut_net_wait (world.router, NULL, 1000);
        in = (aut_received_t){0};
        int rc = aut_net_recv (world.router, true, &in);
        ck_assert (rc == 0 || rc == AUT_ERR_AGAIN);
        if (rc == 0 && in.msg.type == AUT_MSG_DONE)
            break;
        aut_received_clear (&in);
    } while (true);
    ck_assert (aut_token_equal (&in.msg.done.token, &adopted));
    aut_received_clear (&in);
    acknowledge (&world, adopted);
    close_world (&world);
}
END_TEST

START_TEST (test_worker_dies)
{
    world_t world;
    aut_received_t in;
    aut_token_t bad = {.task = 1, .attempt = 1, .epoch = 3};
    aut_token_t good = {.task = 2, .attempt = 1, .epoch = 3};
    setenv ("AUTEUR_TEST_WORKER_FAULT", "die:lantern", 1);
    open_world (&world);
    welcome (&world, 3);
    assign (&world, bad, "a lantern in the fog", NULL);
    expect_token (&world, AUT_MSG_STARTED, bad);
    expect (&world, &in, AUT_MSG_FAIL);
    ck_assert (aut_token_equal (&in.msg.fail.token, &bad));
    ck_assert_str_eq (in.msg.fail.code, "internal");
    ck_assert_msg (strstr (in.msg.fail.message, "exit 70") != NULL, "%s", in.msg.fail.message);
    aut_received_clear (&in);
    acknowledge (&world, bad);
    assign (&world, good, "a boat", NULL);
    expect_token (&world, AUT_MSG_STARTED, good);
    expect_token (&world, AUT_MSG_DONE, good);
    close_world (&world);
}
END_TEST

START_TEST (test_abort_and_stop)
{
    world_t world;
    aut_token_t hangs = {.task = 1, .attempt = 1, .epoch = 3};
    aut_token_t next = {.task = 2, .attempt = 1, .epoch = 3};
    setenv ("AUTEUR_TEST_WORKER_FAULT", "slow:200:boat;slow:300:lantern;hang:lantern", 1);
    open_world (&world);
    welcome (&world, 3);
    assign (&world, hangs, "a lantern", NULL);
    expect_token (&world, AUT_MSG_STARTED, hangs);
    uint32_t frame = 0;
    while (frame < 2) { /* then it is about to hang */
        aut_received_t in;
        expect (&world, &in, AUT_MSG_PROGRESS);
        frame = in.msg.progress.frame;
        aut_received_clear (&in);
    }
    aut_msg_t msg = {.type = AUT_MSG_ABORT, .abort = {.token = hangs}};
    tell (&world, &msg);
    /* It does not hear; the next task waits until it was killed and a new worker is there. */
    assign (&world, next, "a boat", NULL);
    expect_token (&world, AUT_MSG_STARTED, next);
    /* Stopped in the middle: the lease comes back, and nothing is left (close_world looks). */
    aut_node_stop (&world.node, 0);
    expect_token (&world, AUT_MSG_RELEASE, next);
    aut_received_t in;
    expect (&world, &in, AUT_MSG_BYE);
    aut_received_clear (&in);
    close_world (&world);
}
END_TEST

START_TEST (test_refusals)
{
    aut_node_daemon_t *first = NULL, *second = NULL;
    aut_net_init ();
    ck_assert_int_eq (start_node (&first, "cpu"), 0);
    ck_assert_int_eq (start_node (&second, "cpu"), AUT_ERR_STATE);
    ck_assert_ptr_null (second);
    ck_assert (!aut_node_wait (first, 0));
    aut_node_stop (&first, 0);
    ck_assert_ptr_null (first);
    ck_assert_int_eq (start_node (&second, "gpu"), AUT_ERR_INVALID);
    ck_assert_int_eq (start_node (&second, "cuda:99"), AUT_ERR_NOT_FOUND);
    ck_assert_int_eq (start_node (&first, "cpu"), 0); /* the folder is free again */
    aut_node_stop (&first, 0);
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
    Suite *suite = suite_create ("node");
    TCase *tcase = tcase_create ("node");
    tcase_set_timeout (tcase, 120);
    tcase_add_checked_fixture (tcase, make_dir, remove_dir);
    tcase_add_test (tcase, test_two_chunks);
    tcase_add_test (tcase, test_broker_restarts);
    tcase_add_test (tcase, test_worker_dies);
    tcase_add_test (tcase, test_abort_and_stop);
    tcase_add_test (tcase, test_refusals);
    suite_add_tcase (suite, tcase);
    SRunner *runner = srunner_create (suite);
    srunner_run_all (runner, CK_NORMAL);
    int failed = srunner_ntests_failed (runner);
    srunner_free (runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
