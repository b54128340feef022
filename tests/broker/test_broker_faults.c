/*  A broker whose store is slow, full or taken away: nothing may be promised before it is stored,
 *  nothing that was promised may be lost, and nobody may be taken for dead meanwhile. */
#include "tests/broker/harness.h"

#include "broker/store/store.h"
#include "lib/core/error.h"
#include "lib/core/mem.h"

#include <pthread.h>
#include <string.h>
#include <unistd.h>

/*  A store around the real one. */
typedef struct {
    aut_store_t store;
    aut_store_t *inner;
    pthread_mutex_t mutex;
    pthread_cond_t change;
    bool closed; /* commits wait */
    int waiting; /* commits that do */
    int fail;    /* commits give this code */
    int failed;  /* how many did */
} faulty_t;

static faulty_t faulty;

static void faulty_destroy (aut_store_t **self_p)
{
    aut_store_destroy (&faulty.inner);
    *self_p = NULL;
}

static uint64_t faulty_epoch (const aut_store_t *self)
{
    (void)self;
    return aut_store_epoch (faulty.inner);
}

static int faulty_next_ids (aut_store_t *self, uint64_t *job, uint64_t *task)
{
    (void)self;
    return aut_store_next_ids (faulty.inner, job, task);
}

static int faulty_commit (aut_store_t *self, const aut_store_mutation_t *batch, size_t count)
{
    (void)self;
    pthread_mutex_lock (&faulty.mutex);
    faulty.waiting++;
    pthread_cond_broadcast (&faulty.change);
    while (faulty.closed)
        pthread_cond_wait (&faulty.change, &faulty.mutex);
    faulty.waiting--;
    int fail = faulty.fail;
    faulty.failed += fail != 0;
    pthread_cond_broadcast (&faulty.change);
    pthread_mutex_unlock (&faulty.mutex);
    if (fail)
        return aut_fail (fail, "the disk is full, says the test");
    return aut_store_commit (faulty.inner, batch, count);
}

static int faulty_load (aut_store_t *self, uint64_t job, const aut_store_visitor_t *visitor)
{
    (void)self;
    return aut_store_load (faulty.inner, job, visitor);
}

static int faulty_body (aut_store_t *self, uint64_t task, aut_store_body_t *body, void **hold)
{
    (void)self;
    return aut_store_body (faulty.inner, task, body, hold);
}

static int faulty_result (aut_store_t *self, uint64_t task, aut_store_result_t *result)
{
    (void)self;
    return aut_store_result (faulty.inner, task, result);
}

static int faulty_cached (aut_store_t *self, const aut_hash_t *key, uint64_t *id,
                          aut_store_result_t *result)
{
    (void)self;
    return aut_store_cached (faulty.inner, key, id, result);
}

static int faulty_idempotent (aut_store_t *self, const char *key, uint64_t *job)
{
    (void)self;
    return aut_store_idempotent (faulty.inner, key, job);
}

static int faulty_job (aut_store_t *self, uint64_t id, aut_store_job_t *job)
{
    (void)self;
    return aut_store_job (faulty.inner, id, job);
}

static int faulty_items (aut_store_t *self, uint64_t job, uint64_t after, uint32_t limit,
                         aut_store_item_t *items, uint32_t *count)
{
    (void)self;
    return aut_store_items (faulty.inner, job, after, limit, items, count);
}

static int faulty_stats (aut_store_t *self, aut_store_stats_t *stats)
{
    (void)self;
    return aut_store_stats (faulty.inner, stats);
}

static int faulty_attempts (aut_store_t *self, uint64_t first, uint64_t end, bool all,
                            aut_store_attempt_fn *each, void *ctx)
{
    (void)self;
    return aut_store_attempts (faulty.inner, first, end, all, each, ctx);
}

static int faulty_shots (aut_store_t *self, uint64_t job, uint32_t after, uint32_t limit,
                         aut_store_shot_t *shots, uint32_t *count)
{
    (void)self;
    return aut_store_shots (faulty.inner, job, after, limit, shots, count);
}

static int faulty_story (aut_store_t *self, uint64_t job, uint32_t limit, aut_store_story_t *items,
                         uint32_t *count)
{
    (void)self;
    return aut_store_story (faulty.inner, job, limit, items, count);
}

static int faulty_events (aut_store_t *self, uint64_t after, aut_store_event_fn *each, void *ctx)
{
    (void)self;
    return aut_store_events (faulty.inner, after, each, ctx);
}

static int faulty_event_bound (aut_store_t *self, uint64_t *bound)
{
    (void)self;
    return aut_store_event_bound (faulty.inner, bound);
}

static const aut_store_ops_t faulty_ops = {
    .destroy = faulty_destroy,
    .epoch = faulty_epoch,
    .next_ids = faulty_next_ids,
    .commit = faulty_commit,
    .load = faulty_load,
    .body = faulty_body,
    .result = faulty_result,
    .cached = faulty_cached,
    .idempotent = faulty_idempotent,
    .job = faulty_job,
    .items = faulty_items,
    .stats = faulty_stats,
    .attempts = faulty_attempts,
    .shots = faulty_shots,
    .story = faulty_story,
    .events = faulty_events,
    .event_bound = faulty_event_bound,
};

static struct aut_store *wrap (void *ctx, struct aut_store *inner)
{
    (void)ctx;
    memset (&faulty, 0, sizeof faulty);
    pthread_mutex_init (&faulty.mutex, NULL);
    pthread_cond_init (&faulty.change, NULL);
    faulty.store.ops = &faulty_ops;
    faulty.inner = inner;
    return &faulty.store;
}

static void set_closed (bool closed)
{
    pthread_mutex_lock (&faulty.mutex);
    faulty.closed = closed;
    pthread_cond_broadcast (&faulty.change);
    pthread_mutex_unlock (&faulty.mutex);
}

static void set_failing (int code)
{
    pthread_mutex_lock (&faulty.mutex);
    faulty.fail = code;
    faulty.failed = 0;
    pthread_mutex_unlock (&faulty.mutex);
}

/*  Until a commit stands before the closed gate. */
static void await_commit (void)
{
    pthread_mutex_lock (&faulty.mutex);
    while (faulty.waiting == 0)
        pthread_cond_wait (&faulty.change, &faulty.mutex);
    pthread_mutex_unlock (&faulty.mutex);
}

static void await_failure (void)
{
    pthread_mutex_lock (&faulty.mutex);
    while (faulty.failed == 0)
        pthread_cond_wait (&faulty.change, &faulty.mutex);
    pthread_mutex_unlock (&faulty.mutex);
}

/* ---- the tests --------------------------------------------------------------------------------
 */

static char *dir;
static aut_broker_t *broker;
static aut_endpoints_t endpoints;
static aut_client_t *client;
static node_t *node;

static void begin (void)
{
    aut_broker_options_t options;
    aut_net_init ();
    aut_broker_options_init (&options);
    options.wrap_store = wrap;
    options.silent_ms = 800;
    options.lease_ms = 1000;
    dir = make_dir ();
    broker = start_broker (dir, &options, &endpoints);
    OK (aut_client_new (&client, &endpoints, NULL));
    node = new_node (&endpoints, "n", 1, 1);
    join (node);
}

static void end (void)
{
    set_closed (false);
    drop_node (&node);
    aut_client_destroy (&client);
    aut_broker_stop (&broker, 0);
    aut_endpoints_clear (&endpoints);
    drop_dir (dir);
}

static bool has_metric (const char *line)
{
    json_t *reply = query (client, "{\"get\":\"metrics\"}");
    bool found = strstr (json_string_value (json_object_get (reply, "text")), line) != NULL;
    json_decref (reply);
    return found;
}

/*  While the commit is not through, nobody hears of what it holds: not the client, not the node. A
 *  broker that sent first would fail here. */
START_TEST (nothing_is_said_before_the_commit)
{
    char *job = submit_film (client, "film", 2, 1);
    aut_token_t token = take_task (node);
    aut_received_t in;
    set_closed (true);
    say_done (node, &token, "clip", NULL);
    await_commit ();
    expect_silence (node, 300); /* no ACK, and no ASSIGN of the second shot */
    aut_store_result_t result;
    ck_assert_int_eq (aut_store_result (faulty.inner, token.task, &result), AUT_ERR_NOT_FOUND);
    set_closed (false);
    expect (node, AUT_MSG_ACK, &in);
    aut_received_clear (&in);
    OK (aut_store_result (faulty.inner, token.task, &result));
    expect (node, AUT_MSG_ASSIGN, &in);
    aut_received_clear (&in);
    free (job);
}
END_TEST

START_TEST (submission_is_answered_after_its_commit)
{
    char *storyboard = make_storyboard ("film", 1, 1);
    aut_artifact_client_t *artifacts;
    aut_ref_t film, submission;
    char hex[AUT_HASH_HEX];
    OK (aut_client_artifacts (client, &artifacts));
    OK (aut_artifact_put_bytes (artifacts, &film, storyboard, strlen (storyboard)));
    char *text = aut_sprintf ("{\"storyboard\":\"%s\"}", aut_hash_hex (&film.hash, hex));
    OK (aut_artifact_put_bytes (artifacts, &submission, text, strlen (text)));
    zsock_t *sock;
    OK (aut_net_connect (&sock, AUT_PORT_CLIENT, endpoints.url[AUT_PORT_CLIENT]));
    set_closed (true);
    aut_msg_t msg = {.type = AUT_MSG_SUBMIT};
    msg.submit.req = 1;
    msg.submit.submission = submission;
    msg.submit.project = "film";
    int rc;
    while ((rc = aut_net_send (sock, &msg, NULL, 0)) == AUT_ERR_AGAIN)
        usleep (5000);
    OK (rc);
    await_commit ();
    ck_assert (!aut_net_wait (sock, NULL, 300));
    expect_silence (node, 1);
    set_closed (false);
    ck_assert (aut_net_wait (sock, NULL, PATIENCE_MS));
    aut_received_t in;
    OK (aut_net_recv (sock, false, &in));
    ck_assert_int_eq (in.msg.type, AUT_MSG_SUBMITTED);
    ck_assert_str_eq (in.msg.submitted.job, "j1");
    aut_received_clear (&in);
    take_task (node);
    zsock_destroy (&sock);
    free (text);
    free (storyboard);
}
END_TEST

/*  A commit that takes three times the silence limit: the node is pinged and answered all along,
 * and is not lost afterwards. */
START_TEST (heartbeats_survive_a_slow_commit)
{
    char *job = submit_film (client, "film", 2, 1);
    aut_token_t token = take_task (node);
    aut_received_t in;
    set_closed (true);
    say_done (node, &token, "clip", NULL);
    await_commit ();
    int64_t end_ms = zclock_mono () + 2400;
    int words = 0;
    while (zclock_mono () < end_ms) {
        OK (aut_net_send (node->sock, &(aut_msg_t){.type = AUT_MSG_PING}, NULL, 0));
        ck_assert (aut_net_wait (node->sock, NULL, 700)); /* within the silence limit */
        while (aut_net_recv (node->sock, false, &in) == 0) {
            ck_assert (in.msg.type == AUT_MSG_PONG || in.msg.type == AUT_MSG_PING);
            aut_received_clear (&in);
            words++;
        }
        aut_received_clear (&in);
        usleep (100000);
    }
    ck_assert_int_ge (words, 10);
    set_closed (false);
    expect (node, AUT_MSG_ACK, &in);
    aut_received_clear (&in);
    aut_token_t second = take_task (node);
    say_done (node, &second, "clip 2", NULL);
    expect (node, AUT_MSG_ACK, &in);
    aut_received_clear (&in);
    await_job (client, job, "done");
    ck_assert (has_metric ("auteur_nodes_lost_total 0"));
    ck_assert (has_metric ("auteur_leases_lost_total 0"));
    free (job);
}
END_TEST

/*  A node that was silent for too long, while nobody else could take its task, goes on with it: its
 *  lease was given up in the store too, and is stored anew. */
START_TEST (lost_node_takes_its_task_up_again)
{
    char *job = submit_film (client, "film", 1, 1);
    aut_token_t token = take_task (node);
    say_token (node, AUT_MSG_STARTED, &token);
    await_node (client, "n", "lost"); /* nobody answers its pings */
    aut_msg_held_t held = {token.task, token.attempt, token.epoch, false};
    aut_received_t in;
    say_hello (node, &held, 1);
    do {
        ck_assert (hear (node, PATIENCE_MS, &in));
        aut_msg_type_t type = in.msg.type;
        aut_received_clear (&in);
        ck_assert_int_ne (type, AUT_MSG_ABORT);
        if (type == AUT_MSG_WELCOME)
            break;
    } while (true);
    say_done (node, &token, "clip", NULL);
    expect (node, AUT_MSG_ACK, &in);
    aut_received_clear (&in);
    await_job (client, job, "done");
    ck_assert_int_eq (aut_broker_fault (broker), 0);
    ck_assert (has_metric ("auteur_leases_lost_total 1"));
    free (job);
}
END_TEST

/*  A job that cannot be stored is refused, and is nowhere afterwards; with room again the next one
 *  is taken, also under the same key. */
START_TEST (full_disk_refuses_submissions)
{
    char *storyboard = make_storyboard ("film", 3, 1), *job = NULL;
    set_failing (AUT_ERR_NO_SPACE);
    ck_assert_int_eq (submit (client, storyboard, "key", 0, &job), AUT_ERR_NO_SPACE);
    ck_assert_ptr_nonnull (strstr (aut_error_detail (), "disk is full"));
    expect_silence (node, 100);
    json_t *reply = query (client, "{\"get\":\"jobs\"}");
    ck_assert_uint_eq (json_array_size (json_object_get (reply, "jobs")), 0);
    json_decref (reply);
    set_failing (0);
    /* The number that it would have had names nothing, and does not come to life by a retry. */
    ck_assert_int_eq (aut_client_retry (client, "j1"), AUT_ERR_NOT_FOUND);
    ck_assert_int_eq (aut_client_cancel (client, "j1"), AUT_ERR_NOT_FOUND);
    OK (submit (client, storyboard, "key", 0, &job));
    for (int i = 0; i < 3; i++) {
        char text[16];
        aut_received_t in;
        aut_token_t token = take_task (node);
        snprintf (text, sizeof text, "clip %d", i);
        say_done (node, &token, text, NULL);
        expect (node, AUT_MSG_ACK, &in);
        aut_received_clear (&in);
    }
    await_job (client, job, "done");
    ck_assert_int_eq (aut_broker_fault (broker), 0);
    free (job);
    free (storyboard);
}
END_TEST

/*  A result that cannot be stored is not acknowledged and not lost: it is committed as soon as the
 *  disk lets it. Meanwhile new work is refused, and status says why. */
START_TEST (full_disk_keeps_results)
{
    char *job = submit_film (client, "film", 1, 1), *other = NULL;
    aut_token_t token = take_task (node);
    aut_received_t in;
    set_failing (AUT_ERR_NO_SPACE);
    say_done (node, &token, "clip", NULL);
    await_failure ();
    expect_silence (node, 300);
    char *storyboard = make_storyboard ("second", 1, 1);
    ck_assert_int_eq (submit (client, storyboard, NULL, 0, &other), AUT_ERR_NO_SPACE);
    ck_assert_int_eq (aut_client_cancel (client, job), AUT_ERR_NO_SPACE);
    ck_assert_ptr_nonnull (strstr (aut_error_detail (), dir));
    json_t *reply = query (client, "{\"get\":\"status\"}");
    const char *state = NULL;
    OK (json_unpack (reply, "{s:{s:s}}", "store", "state", &state));
    ck_assert_str_eq (state, "no-space");
    json_decref (reply);
    ck_assert (has_metric ("auteur_store_failing 1"));
    set_failing (0);
    expect (node, AUT_MSG_ACK, &in); /* it said it once */
    aut_received_clear (&in);
    await_job (client, job, "done");
    OK (submit (client, storyboard, NULL, 0, &other));
    ck_assert (has_metric ("auteur_store_failing 0"));
    free (storyboard);
    free (other);
    free (job);
}
END_TEST

/*  Somebody else took the store: the broker acknowledges nothing more and says so. */
START_TEST (fenced_broker_falls_silent)
{
    char *job = submit_film (client, "film", 1, 1);
    aut_token_t token = take_task (node);
    aut_store_t *usurper;
    OK (aut_store_open_sqlite (&usurper, dir));
    say_done (node, &token, "clip", NULL);
    for (int i = 0; aut_broker_fault (broker) == 0; i++) {
        ck_assert_int_lt (i, PATIENCE_MS / 10);
        usleep (10000);
    }
    ck_assert_int_eq (aut_broker_fault (broker), AUT_ERR_FENCED);
    expect_silence (node, 300);
    aut_store_result_t result;
    ck_assert_int_eq (aut_store_result (usurper, token.task, &result), AUT_ERR_NOT_FOUND);
    aut_store_destroy (&usurper);
    free (job);
}
END_TEST

int main (void)
{
    Suite *suite = suite_create ("broker faults");
    TCase *tc = tcase_create ("faults");
    tcase_set_timeout (tc, 120);
    tcase_add_checked_fixture (tc, begin, end);
    tcase_add_test (tc, nothing_is_said_before_the_commit);
    tcase_add_test (tc, submission_is_answered_after_its_commit);
    tcase_add_test (tc, heartbeats_survive_a_slow_commit);
    tcase_add_test (tc, lost_node_takes_its_task_up_again);
    tcase_add_test (tc, full_disk_refuses_submissions);
    tcase_add_test (tc, full_disk_keeps_results);
    tcase_add_test (tc, fenced_broker_falls_silent);
    suite_add_tcase (suite, tc);
    SRunner *runner = srunner_create (suite);
    srunner_run_all (runner, CK_NORMAL);
    int failed = srunner_ntests_failed (runner);
    srunner_free (runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
