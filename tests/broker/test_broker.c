/*  A broker with real sockets on free ports, clients of the client library, and nodes under the
 *  test's hand. */
#include "tests/broker/harness.h"

#include "lib/core/epoch.h"
#include "lib/core/error.h"
#include "lib/core/file.h"
#include "lib/core/mem.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static char *dir;
static aut_broker_t *broker;
static aut_endpoints_t endpoints;
static aut_client_t *client;

static void begin_with (const aut_broker_options_t *options)
{
    aut_net_init ();
    dir = make_dir ();
    broker = start_broker (dir, options, &endpoints);
    OK (aut_client_new (&client, &endpoints, NULL));
}

static void begin (void)
{
    begin_with (NULL);
}

static void end (void)
{
    aut_client_destroy (&client);
    aut_broker_stop (&broker, 0);
    aut_endpoints_clear (&endpoints);
    drop_dir (dir);
}

/*  What a results walk collects. */
typedef struct {
    int count, done;
    char text[64][32];
    aut_hash_t mezzanine[64];
} results_t;

static int collect (void *ctx, const aut_msg_result_t *result)
{
    results_t *r = ctx;
    ck_assert_uint_eq (result->ordinal, (uint64_t)r->count + 1);
    snprintf (r->text[r->count], sizeof r->text[0], "%s/%u %s", result->shot, result->chunk,
              result->state);
    r->mezzanine[r->count++] = result->mezzanine.hash;
    r->done += strcmp (result->state, "done") == 0;
    return 0;
}

static results_t results_of (const char *job, const char *state)
{
    results_t r = {0};
    char *now = NULL;
    OK (aut_client_results (client, job, collect, &r, &now));
    ck_assert_str_eq (now, state);
    free (now);
    return r;
}

/* ---- the whole path ---------------------------------------------------------------------------
 */

START_TEST (film_from_submission_to_results)
{
    node_t *node = new_node (&endpoints, "n", 1, 1);
    join (node);
    ck_assert_str_eq (node->given, "n");
    ck_assert_uint_eq (node->epoch & AUT_EPOCH_STARTS, 1);
    ck_assert_uint_ne (aut_epoch_broker (node->epoch), 0);
    char *job = submit_film (client, "film", 3, 1);
    ck_assert_str_eq (job, "j1");
    for (int i = 0; i < 3; i++) {
        aut_received_t in;
        expect (node, AUT_MSG_ASSIGN, &in);
        aut_token_t token = in.msg.assign.token;
        ck_assert_str_eq (in.msg.assign.job, "j1");
        ck_assert_uint_eq (token.attempt, 1);
        ck_assert_uint_eq (token.epoch, node->epoch);
        ck_assert_ptr_nonnull (in.msg.assign.spec);
        ck_assert_ptr_nonnull (strstr ((const char *)in.msg.assign.spec, "\"prompt\""));
        ck_assert_uint_eq (in.msg.assign.input_count, 0);
        aut_received_clear (&in);
        char text[32];
        snprintf (text, sizeof text, "clip %d", i);
        say_token (node, AUT_MSG_STARTED, &token);
        say_done (node, &token, text, NULL);
        expect (node, AUT_MSG_ACK, &in);
        ck_assert (aut_token_equal (&in.msg.ack.token, &token));
        aut_received_clear (&in);
    }
    await_job (client, job, "done");
    results_t r = results_of (job, "done");
    ck_assert_int_eq (r.done, 3);
    ck_assert_str_eq (r.text[0], "shot0/0 done");
    ck_assert_str_eq (r.text[2], "shot2/0 done");
    free (job);
    drop_node (&node);
}
END_TEST

/*  Frame chains: the second chunk waits for the first, and gets the committed tail. */
START_TEST (handoff_gives_the_committed_tail)
{
    node_t *node = new_node (&endpoints, "n", 2, 1);
    join (node);
    char *job = submit_film (client, "film", 1, 8); /* 80 frames: two chunks of at most 49 */
    aut_token_t token = take_task (node);
    expect_silence (node, 200); /* though a worker is idle */
    say_done (node, &token, "first", NULL);
    aut_received_t in;
    expect (node, AUT_MSG_ACK, &in);
    aut_received_clear (&in);
    expect (node, AUT_MSG_ASSIGN, &in);
    aut_hash_t tail = aut_hash_of ("tail of first", 13);
    ck_assert_uint_eq (in.msg.assign.input_count, 1);
    ck_assert_str_eq (in.msg.assign.inputs[0].role, "tail");
    ck_assert (aut_hash_equal (&in.msg.assign.inputs[0].ref.hash, &tail));
    ck_assert_uint_eq (in.msg.assign.inputs[0].ref.size, 13);
    /* The key is the predecessor's, as its spec's `after`. */
    ck_assert_ptr_nonnull (strstr ((const char *)in.msg.assign.spec, in.msg.assign.inputs[0].key));
    token = in.msg.assign.token;
    aut_received_clear (&in);
    say_done (node, &token, "second", &tail);
    expect (node, AUT_MSG_ACK, &in);
    aut_received_clear (&in);
    await_job (client, job, "done");
    results_t r = results_of (job, "done");
    ck_assert_str_eq (r.text[1], "shot0/1 done");
    free (job);
    drop_node (&node);
}
END_TEST

START_TEST (done_before_its_files_are_there)
{
    node_t *node = new_node (&endpoints, "n", 1, 1);
    join (node);
    char *job = submit_film (client, "film", 1, 1);
    aut_token_t token = take_task (node);
    aut_ref_t missing = {aut_hash_of ("never uploaded", 14), 14};
    aut_received_t in;
    say_done_with (node, &token, missing, missing, NULL);
    expect (node, AUT_MSG_ERROR, &in);
    ck_assert_str_eq (in.msg.error.code, "not-found");
    aut_received_clear (&in);
    ck_assert_int_eq (results_of (job, "running").done, 0);
    say_done (node, &token, "clip", NULL); /* mended: the lease still stands */
    expect (node, AUT_MSG_ACK, &in);
    aut_received_clear (&in);
    await_job (client, job, "done");
    free (job);
    drop_node (&node);
}
END_TEST

/*  A result under a token that is not the lease's changes nothing. */
START_TEST (stale_tokens_are_refused)
{
    node_t *node = new_node (&endpoints, "n", 1, 1);
    join (node);
    char *job = submit_film (client, "film", 1, 1);
    aut_token_t token = take_task (node), stale = token;
    aut_received_t in;
    stale.attempt++;
    say_done (node, &stale, "clip of a ghost", NULL);
    expect (node, AUT_MSG_ABORT, &in);
    ck_assert (aut_token_equal (&in.msg.abort.token, &stale));
    aut_received_clear (&in);
    stale = token;
    stale.epoch--;
    say_done (node, &stale, "clip of a ghost", NULL);
    expect (node, AUT_MSG_ADOPT, &in); /* it is told its token anew, and the result not taken */
    ck_assert_uint_eq (in.msg.adopt.new_epoch, token.epoch);
    aut_received_clear (&in);
    ck_assert_int_eq (results_of (job, "running").done, 0);
    say_done (node, &token, "clip", NULL);
    expect (node, AUT_MSG_ACK, &in);
    aut_received_clear (&in);
    say_done (node, &token, "clip", NULL); /* said again: acknowledged again */
    expect (node, AUT_MSG_ACK, &in);
    aut_received_clear (&in);
    aut_hash_t clip = aut_hash_of ("clip", 4);
    results_t r = results_of (job, "done");
    ck_assert (aut_hash_equal (&r.mezzanine[0], &clip));
    free (job);
    drop_node (&node);
}
END_TEST

/*  The same film again runs nothing; with one shot changed, that shot only. */
START_TEST (earlier_results_are_taken_over)
{
    node_t *node = new_node (&endpoints, "n", 1, 1);
    join (node);
    char *storyboard = make_storyboard ("film", 2, 1), *job = NULL;
    aut_received_t in;
    OK (submit (client, storyboard, NULL, 0, &job));
    for (int i = 0; i < 2; i++) {
        aut_token_t token = take_task (node);
        say_done (node, &token, i ? "clip 1" : "clip 0", NULL);
        expect (node, AUT_MSG_ACK, &in);
        aut_received_clear (&in);
    }
    await_job (client, job, "done");
    free (job);
    OK (submit (client, storyboard, NULL, 0, &job));
    ck_assert_str_eq (job, "j2");
    await_job (client, job, "done");
    expect_silence (node, 200);
    free (job);
    memcpy (strstr (strstr (storyboard, "shot1"), "cat"), "dog", 3);
    OK (submit (client, storyboard, NULL, 0, &job));
    expect (node, AUT_MSG_ASSIGN, &in);
    ck_assert_ptr_nonnull (strstr ((const char *)in.msg.assign.spec, "dog"));
    aut_token_t token = in.msg.assign.token;
    aut_received_clear (&in);
    say_done (node, &token, "clip of the dog", NULL);
    expect (node, AUT_MSG_ACK, &in);
    aut_received_clear (&in);
    await_job (client, job, "done");
    ck_assert_int_eq (results_of (job, "done").done, 2);
    free (job);
    free (storyboard);
    drop_node (&node);
}
END_TEST

START_TEST (idempotency_and_refusals)
{
    char *storyboard = make_storyboard ("film", 1, 1), *a = NULL, *b = NULL;
    OK (submit (client, storyboard, "key", 0, &a));
    OK (submit (client, storyboard, "key", 0, &b));
    ck_assert_str_eq (a, b);
    free (b);
    b = NULL;
    char *edited = make_storyboard ("film", 2, 1);
    ck_assert_int_eq (submit (client, edited, "key", 0, &b), AUT_ERR_EXISTS);
    ck_assert_ptr_null (b);
    ck_assert_ptr_nonnull (strstr (aut_error_detail (), a));
    ck_assert_ptr_nonnull (strstr (aut_error_detail (), "another storyboard"));
    free (edited);
    OK (submit (client, storyboard, "other", 0, &b));
    ck_assert_str_ne (a, b);
    free (b);
    b = NULL;
    ck_assert_int_eq (submit (client, "{\"storyboard\":\"1\"}", NULL, 0, &b), AUT_ERR_INVALID);
    ck_assert_ptr_nonnull (strstr (aut_error_detail (), "project"));
    aut_ref_t nothing = {aut_hash_of ("nothing", 7), 7};
    ck_assert_int_eq (aut_client_submit (client, &nothing, "film", 0, NULL, &b, NULL),
                      AUT_ERR_NOT_FOUND);
    ck_assert_int_eq (aut_client_cancel (client, "j99"), AUT_ERR_NOT_FOUND);
    ck_assert_int_eq (aut_client_retry (client, "nonsense"), AUT_ERR_NOT_FOUND);
    ck_assert_ptr_nonnull (strstr (aut_error_detail (), "nonsense"));
    ck_assert_int_eq (aut_client_drain (client, "nobody"), AUT_ERR_NOT_FOUND);
    ck_assert_int_eq (aut_client_results (client, "j99", collect, NULL, NULL), AUT_ERR_NOT_FOUND);
    OK (aut_client_cancel (client, a));
    await_job (client, a, "cancelled");
    OK (aut_client_retry (client, a));
    await_job (client, a, "queued");
    free (a);
    free (storyboard);
}
END_TEST

START_TEST (cancel_stops_the_node)
{
    node_t *node = new_node (&endpoints, "n", 1, 1);
    join (node);
    char *job = submit_film (client, "film", 2, 1);
    aut_token_t token = take_task (node);
    aut_received_t in;
    OK (aut_client_cancel (client, job));
    expect (node, AUT_MSG_ABORT, &in);
    ck_assert (aut_token_equal (&in.msg.abort.token, &token));
    aut_received_clear (&in);
    expect_silence (node, 200);
    await_job (client, job, "cancelled");
    free (job);
    drop_node (&node);
}
END_TEST

START_TEST (drained_node_gets_no_more)
{
    node_t *node = new_node (&endpoints, "n", 1, 1), *other = new_node (&endpoints, "n", 1, 1);
    memset (other->instance, 7, sizeof other->instance);
    join (node);
    join (other);
    ck_assert_str_eq (other->given, "n-2"); /* one name, two nodes */
    OK (aut_client_drain (client, "n-2"));
    await_node (client, "n-2", "draining");
    char *job = submit_film (client, "film", 2, 1);
    for (int i = 0; i < 2; i++) {
        aut_token_t token = take_task (node);
        aut_received_t in;
        say_done (node, &token, i ? "a" : "b", NULL);
        expect (node, AUT_MSG_ACK, &in);
        aut_received_clear (&in);
    }
    expect_silence (other, 100);
    await_job (client, job, "done");
    free (job);
    drop_node (&node);
    drop_node (&other);
}
END_TEST

START_TEST (strangers_on_the_node_socket)
{
    node_t *node = new_node (&endpoints, "n", 1, 1);
    aut_token_t token = {1, 1, 1};
    aut_received_t in;
    say_token (node, AUT_MSG_STARTED, &token);
    expect (node, AUT_MSG_ERROR, &in);
    ck_assert_str_eq (in.msg.error.code, "state");
    aut_received_clear (&in);
    aut_msg_t wrong = {.type = AUT_MSG_CANCEL};
    wrong.cancel.req = 5;
    wrong.cancel.job = "j1";
    join (node);
    OK (aut_net_send (node->sock, &wrong, NULL, 0));
    expect (node, AUT_MSG_ERROR, &in);
    ck_assert_str_eq (in.msg.error.code, "unsupported");
    aut_received_clear (&in);
    zmsg_t *garbage = zmsg_new ();
    zmsg_addstr (garbage, "AUT9x");
    zmsg_addstr (garbage, "whatever");
    zmsg_send (&garbage, node->sock);
    expect (node, AUT_MSG_ERROR, &in);
    ck_assert_str_eq (in.msg.error.code, "version");
    aut_received_clear (&in);
    drop_node (&node);
}
END_TEST

/*  A prompt so long that the spec does not fit into an ASSIGN: it travels as an artifact. */
START_TEST (large_specs_go_as_artifacts)
{
    node_t *node = new_node (&endpoints, "n", 1, 1);
    join (node);
    char *words = aut_calloc (1, 50001), *job = NULL, *spec;
    size_t size;
    aut_received_t in;
    memset (words, 'w', 50000);
    char *storyboard = aut_sprintf (
        "{\"storyboard\":\"1\",\"project\":\"p\",\"defaults\":{\"tier\":\"animatic\",\"width\":32,"
        "\"height\":32,\"fps\":10},\"scenes\":[{\"id\":\"s\",\"shots\":[{\"id\":\"a\",\"prompt\":"
        "\"%s\"}]}]}",
        words);
    OK (submit (client, storyboard, NULL, 0, &job));
    expect (node, AUT_MSG_ASSIGN, &in);
    ck_assert_ptr_null (in.msg.assign.spec);
    ck_assert_uint_gt (in.msg.assign.spec_ref.size, 50000);
    OK (aut_artifact_get_bytes (node->artifacts, &in.msg.assign.spec_ref.hash, 1 << 20, &spec,
                                &size));
    ck_assert_uint_eq (size, in.msg.assign.spec_ref.size);
    ck_assert_ptr_nonnull (strstr (spec, words));
    aut_token_t token = in.msg.assign.token;
    aut_received_clear (&in);
    say_done (node, &token, "clip", NULL);
    expect (node, AUT_MSG_ACK, &in);
    aut_received_clear (&in);
    await_job (client, job, "done");
    free (spec);
    free (words);
    free (storyboard);
    free (job);
    drop_node (&node);
}
END_TEST

START_TEST (pictures_are_inputs)
{
    node_t *node = new_node (&endpoints, "n", 1, 1);
    join (node);
    const char *storyboard =
        "{\"storyboard\":\"1\",\"project\":\"p\",\"defaults\":{\"tier\":\"animatic\",\"width\":32,"
        "\"height\":32,\"fps\":10},\"ingredients\":[{\"id\":\"cat\",\"type\":\"character\","
        "\"name\":"
        "\"Cat\",\"description\":\"a cat\",\"image\":\"cat.png\"}],\"scenes\":[{\"id\":\"s\","
        "\"shots\":[{\"id\":\"a\",\"prompt\":\"x\",\"ingredients\":[\"cat\"],\"init\":{\"image\":"
        "\"first.png\"}}]}]}";
    aut_ref_t cat, first;
    char hex[2][AUT_HASH_HEX], *job = NULL;
    OK (aut_artifact_put_bytes (node->artifacts, &cat, "picture of a cat", 16));
    OK (aut_artifact_put_bytes (node->artifacts, &first, "first", 5));
    char *assets =
        aut_sprintf ("{\"cat.png\":\"%s\",\"first.png\":\"%s\"}", aut_hash_hex (&cat.hash, hex[0]),
                     aut_hash_hex (&first.hash, hex[1]));
    ck_assert_int_eq (submit (client, storyboard, NULL, 0, &job), AUT_ERR_INVALID);
    ck_assert_ptr_nonnull (strstr (aut_error_detail (), "not part of the submission"));
    OK (submit_with (client, storyboard, assets, NULL, 0, &job));
    aut_received_t in;
    expect (node, AUT_MSG_ASSIGN, &in);
    ck_assert_uint_eq (in.msg.assign.input_count, 2);
    ck_assert_str_eq (in.msg.assign.inputs[0].role, "init");
    ck_assert (aut_hash_equal (&in.msg.assign.inputs[0].ref.hash, &first.hash));
    ck_assert_str_eq (in.msg.assign.inputs[1].role, "image");
    ck_assert_str_eq (in.msg.assign.inputs[1].key, hex[0]);
    ck_assert_uint_eq (in.msg.assign.inputs[1].ref.size, 16);
    aut_received_clear (&in);
    free (assets);
    free (job);
    drop_node (&node);
}
END_TEST

/* ---- order ------------------------------------------------------------------------------------
 */

/*  Does `count` tasks one after another; counts them by job number. */
static void work (node_t *node, int count, int *by_job)
{
    for (int i = 0; i < count; i++) {
        aut_received_t in;
        expect (node, AUT_MSG_ASSIGN, &in);
        aut_token_t token = in.msg.assign.token;
        by_job[strtol (in.msg.assign.job + 1, NULL, 10)]++;
        aut_received_clear (&in);
        say_done (node, &token, "clip", NULL);
        expect (node, AUT_MSG_ACK, &in);
        aut_received_clear (&in);
    }
}

START_TEST (equal_jobs_share_equally)
{
    node_t *node = new_node (&endpoints, "n", 1, 1);
    int by_job[8] = {0};
    char *a = submit_film (client, "one", 40, 1), *b = submit_film (client, "two", 40, 1);
    join (node);
    for (int round = 1; round <= 2; round++) {
        work (node, 20, by_job);
        int difference = by_job[1] - by_job[2];
        ck_assert_msg (abs (difference) * 10 <= by_job[1] + by_job[2], "%d against %d", by_job[1],
                       by_job[2]);
    }
    /* One that comes later shares from then on: it neither waits nor catches up. */
    char *c = submit_film (client, "three", 40, 1);
    int before[8];
    memcpy (before, by_job, sizeof before);
    work (node, 30, by_job);
    for (int j = 1; j <= 3; j++)
        ck_assert_msg (abs (by_job[j] - before[j] - 10) <= 1, "job %d: %d of 30", j,
                       by_job[j] - before[j]);
    free (a);
    free (b);
    free (c);
    drop_node (&node);
}
END_TEST

START_TEST (priority_overtakes)
{
    node_t *node = new_node (&endpoints, "n", 1, 1);
    int by_job[8] = {0};
    char *low = submit_film (client, "low", 5, 1), *high = NULL;
    char *storyboard = make_storyboard ("high", 3, 1);
    join (node);
    aut_token_t running = take_task (node);
    OK (submit (client, storyboard, NULL, 10, &high));
    aut_received_t in;
    say_done (node, &running, "clip", NULL); /* what runs is not taken away */
    expect (node, AUT_MSG_ACK, &in);
    aut_received_clear (&in);
    work (node, 3, by_job);
    ck_assert_int_eq (by_job[2], 3);
    work (node, 4, by_job);
    ck_assert_int_eq (by_job[1], 4);
    await_job (client, low, "done");
    free (low);
    free (high);
    free (storyboard);
    drop_node (&node);
}
END_TEST

/*  Handoff is serial in a shot, so the longest remaining chain goes first. */
START_TEST (longest_chain_first)
{
    node_t *node = new_node (&endpoints, "n", 1, 1);
    const char *storyboard =
        "{\"storyboard\":\"1\",\"project\":\"p\",\"defaults\":{\"tier\":\"animatic\",\"width\":32,"
        "\"height\":32,\"fps\":10},\"scenes\":[{\"id\":\"s\",\"shots\":["
        "{\"id\":\"short\",\"prompt\":\"x\",\"duration\":1},"
        "{\"id\":\"long\",\"prompt\":\"y\",\"duration\":19},"
        "{\"id\":\"middle\",\"prompt\":\"z\",\"duration\":9}]}]}";
    /* Tasks: t1 short; t2…t5 long; t6, t7 middle. */
    static const uint64_t order[] = {2, 3, 4, 6, 5, 7, 1};
    uint64_t got[7];
    char *job = NULL;
    OK (submit (client, storyboard, NULL, 0, &job));
    join (node);
    aut_hash_t tail = {{0}};
    for (int i = 0; i < 7; i++) {
        char text[16];
        aut_received_t in;
        expect (node, AUT_MSG_ASSIGN, &in);
        aut_token_t token = in.msg.assign.token;
        got[i] = token.task;
        bool has_tail = in.msg.assign.input_count == 1;
        if (has_tail)
            tail = in.msg.assign.inputs[0].ref.hash;
        aut_received_clear (&in);
        snprintf (text, sizeof text, "clip %d", i);
        say_done (node, &token, text, has_tail ? &tail : NULL);
        expect (node, AUT_MSG_ACK, &in);
        aut_received_clear (&in);
    }
    ck_assert_uint_eq (got[0], order[0]);
    ck_assert_uint_eq (got[1], order[1]);
    ck_assert_uint_eq (got[6], order[6]); /* the single chunk is last */
    await_job (client, job, "done");
    free (job);
    drop_node (&node);
}
END_TEST

/* ---- loss -------------------------------------------------------------------------------------
 */

static void begin_hasty (void)
{
    aut_broker_options_t options;
    aut_broker_options_init (&options);
    options.lease_ms = 600;
    options.silent_ms = 500;
    begin_with (&options);
}

/*  A silent node's task goes to another, under a new attempt; what the first says later counts not.
 */
START_TEST (silent_node_is_lost)
{
    node_t *mute = new_node (&endpoints, "mute", 1, 1),
           *other = new_node (&endpoints, "other", 1, 1);
    join (mute);
    char *job = submit_film (client, "film", 1, 1);
    aut_token_t first = take_task (mute);
    join (other);
    aut_token_t second = take_task (other); /* hear () answers its pings; the mute says nothing */
    ck_assert_uint_eq (second.task, first.task);
    ck_assert_uint_eq (second.attempt, first.attempt + 1);
    await_node (client, "mute", "lost");
    aut_received_t in;
    aut_hash_t clip = aut_hash_of ("late clip", 9);
    say_done (mute, &first, "late clip", NULL);
    say_done (other, &second, "good clip", NULL);
    expect (other, AUT_MSG_ACK, &in);
    aut_received_clear (&in);
    await_job (client, job, "done");
    results_t r = results_of (job, "done");
    ck_assert (!aut_hash_equal (&r.mezzanine[0], &clip));
    /* A lost node is no failure of the task. */
    json_t *reply = query (client, "{\"get\":\"metrics\"}");
    const char *text = json_string_value (json_object_get (reply, "text"));
    ck_assert_ptr_nonnull (strstr (text, "auteur_attempts_failed_total 0"));
    json_decref (reply);
    free (job);
    drop_node (&mute);
    drop_node (&other);
}
END_TEST

START_TEST (failures_fail_the_shot_only)
{
    node_t *node = new_node (&endpoints, "n", 1, 1);
    join (node);
    char *job = submit_film (client, "film", 2, 1);
    uint64_t bad = 0;
    for (int ended = 0; ended < 2;) {
        aut_received_t in;
        aut_token_t token = take_task (node);
        if (!bad)
            bad = token.task;
        if (token.task == bad) {
            say_fail (node, &token, "internal");
            ended += token.attempt == 3;
        } else {
            say_done (node, &token, "clip", NULL);
            ended++;
        }
        expect (node, AUT_MSG_ACK, &in);
        aut_received_clear (&in);
    }
    await_job (client, job, "failed");
    results_t r = results_of (job, "failed");
    ck_assert_int_eq (r.done, 1);
    json_t *reply = query (client, "{\"get\":\"job\",\"id\":\"j1\"}");
    const char *state = json_string_value (json_object_get (
        json_array_get (json_object_get (reply, "shots"), (size_t)(bad - 1)), "state"));
    ck_assert_str_eq (state, "failed");
    json_decref (reply);
    free (job);
    drop_node (&node);
}
END_TEST

/*  Takes a blob out of the broker's store, as a disk might. */
static void lose_blob (const aut_hash_t *hash)
{
    char *blobs = aut_path_join (dir, "blobs", NULL), *path;
    aut_blobs_t *store;
    OK (aut_blobs_open (&store, blobs, 0));
    OK (aut_blobs_path (store, hash, &path));
    ck_assert_int_eq (unlink (path), 0);
    aut_blobs_destroy (&store);
    free (path);
    free (blobs);
}

/*  What a task starts from is gone: its attempts end, and the message says what is missing. */
START_TEST (missing_tail_fails_the_task)
{
    node_t *node = new_node (&endpoints, "n", 1, 1);
    join (node);
    char *job = submit_film (client, "film", 1, 8); /* two chunks */
    aut_token_t token = take_task (node);
    aut_ref_t clip, tail;
    OK (aut_artifact_put_bytes (node->artifacts, &clip, "a clip", 6));
    OK (aut_artifact_put_bytes (node->artifacts, &tail, "a tail", 6));
    /* Nobody takes the second chunk before its tail is gone. */
    OK (aut_client_drain (client, "n"));
    say_done_with (node, &token, clip, tail, NULL);
    aut_received_t in;
    expect (node, AUT_MSG_ACK, &in);
    aut_received_clear (&in);
    lose_blob (&tail.hash);
    node_t *other = new_node (&endpoints, "other", 1, 1);
    join (other);
    await_job (client, job, "failed");
    results_t r = results_of (job, "failed");
    ck_assert_int_eq (r.done, 1);
    json_t *reply = query (client, "{\"get\":\"job\",\"id\":\"j1\"}");
    json_t *shot = json_array_get (json_object_get (reply, "shots"), 0);
    json_t *chunk = json_array_get (json_object_get (shot, "chunks"), 1);
    const char *error = json_string_value (json_object_get (chunk, "error"));
    ck_assert_ptr_nonnull (error);
    ck_assert_msg (strstr (error, "the tail of task t1 is missing") != NULL, "%s", error);
    ck_assert_int_eq (json_integer_value (json_object_get (chunk, "attempt")), 3);
    json_decref (reply);
    free (job);
    drop_node (&node);
    drop_node (&other);
}
END_TEST

/*  Sends a command as it is, and again as a client does whose answer was lost. */
static void say_twice (const aut_msg_t *msg)
{
    zsock_t *sock;
    OK (aut_net_connect (&sock, AUT_PORT_CLIENT, endpoints.url[AUT_PORT_CLIENT]));
    for (int i = 0; i < 2; i++)
        while (aut_net_send (sock, msg, NULL, 0))
            zclock_sleep (10);
    for (int i = 0; i < 2; i++) {
        aut_received_t in;
        ck_assert (aut_net_wait (sock, NULL, PATIENCE_MS));
        OK (aut_net_recv (sock, false, &in));
        ck_assert_int_eq (in.msg.type, AUT_MSG_OK);
        ck_assert_uint_eq (in.msg.ok.req, msg->ok.req);
        aut_received_clear (&in);
    }
    zsock_destroy (&sock);
}

/*  Commands that are said again are answered again and done once, also after a restart. */
START_TEST (repeated_commands_are_done_once)
{
    node_t *node = new_node (&endpoints, "n", 1, 1);
    join (node);
    char *job = submit_film (client, "film", 2, 1);
    aut_token_t first = take_task (node);
    aut_received_t in;
    const aut_msg_t cancel = {.type = AUT_MSG_CANCEL, .cancel = {1, job}};
    const aut_msg_t retry = {.type = AUT_MSG_RETRY, .retry = {2, job}};
    say_twice (&cancel);
    expect (node, AUT_MSG_ABORT, &in);
    aut_received_clear (&in);
    expect_silence (node, 100); /* one ABORT, not two */
    drop_node (&node);
    aut_client_destroy (&client);
    aut_broker_stop (&broker, 0);
    aut_endpoints_clear (&endpoints);
    broker = start_broker (dir, NULL, &endpoints);
    OK (aut_client_new (&client, &endpoints, NULL));
    await_job (client, job, "cancelled");
    say_twice (&cancel);
    await_job (client, job, "cancelled");
    node = new_node (&endpoints, "n", 1, 1);
    join (node);
    say_twice (&retry);
    aut_token_t again = take_task (node);
    ck_assert_uint_eq (again.task, first.task);
    ck_assert_uint_eq (again.attempt, first.attempt + 1);
    expect_silence (node, 100); /* the second RETRY took nothing back and gave nothing out */
    say_done (node, &again, "clip", NULL);
    expect (node, AUT_MSG_ACK, &in);
    aut_received_clear (&in);
    again = take_task (node);
    say_done (node, &again, "clip", NULL);
    expect (node, AUT_MSG_ACK, &in);
    aut_received_clear (&in);
    await_job (client, job, "done");
    say_twice (&retry); /* nothing is left to try again */
    await_job (client, job, "done");
    free (job);
    drop_node (&node);
}
END_TEST

/*  What the broker says of a job, without the place in the events; the caller frees it. */
static char *job_text (const char *question)
{
    json_t *reply = query (client, question);
    json_object_del (reply, "epoch");
    json_object_del (reply, "seq");
    char *text = json_dumps (reply, JSON_SORT_KEYS | JSON_INDENT (1));
    json_decref (reply);
    return text;
}

/*  Jobs that ended, however they did, are told as before after a restart. */
START_TEST (ended_jobs_outlive_a_restart)
{
    static const char *const questions[] = {
        "{\"get\":\"jobs\"}", "{\"get\":\"job\",\"id\":\"j1\"}", "{\"get\":\"job\",\"id\":\"j2\"}",
        "{\"get\":\"job\",\"id\":\"j3\"}", "{\"get\":\"job\",\"id\":\"j4\"}"};
    char *before[sizeof questions / sizeof *questions];
    static const char *const ends[] = {"done", "failed", "failed", "cancelled"};
    char *jobs[4];
    node_t *node = new_node (&endpoints, "n", 1, 1);
    join (node);
    /* j1 is done; of j2 one shot of two; of j3, a chain, nothing; j4 is cancelled at work.
     * Of different lengths, so that none takes another's results over. */
    for (int j = 0; j < 4; j++) {
        char *project = aut_sprintf ("film-%d", j);
        jobs[j] = submit_film (client, project, j == 1 || j == 3 ? 2 : 1, j == 2 ? 8 : j + 1);
        free (project);
        uint64_t good = 0;
        for (int left = j == 3 ? 2 : j == 1 ? 4 : j == 2 ? 3 : 1; left > 0; left--) {
            aut_received_t in;
            aut_token_t token = take_task (node);
            if (j == 3 && left == 1) {
                OK (aut_client_cancel (client, jobs[j]));
                expect (node, AUT_MSG_ABORT, &in);
            } else {
                good = good ? good : token.task;
                if (j == 2 || (j == 1 && token.task != good))
                    say_fail (node, &token, "internal");
                else
                    say_done (node, &token, "clip", NULL);
                expect (node, AUT_MSG_ACK, &in);
            }
            aut_received_clear (&in);
        }
        await_job (client, jobs[j], ends[j]);
    }
    for (size_t i = 0; i < sizeof questions / sizeof *questions; i++)
        before[i] = job_text (questions[i]);
    aut_client_destroy (&client);
    aut_broker_stop (&broker, 0);
    aut_endpoints_clear (&endpoints);
    broker = start_broker (dir, NULL, &endpoints);
    OK (aut_client_new (&client, &endpoints, NULL));
    for (size_t i = 0; i < sizeof questions / sizeof *questions; i++) {
        char *after = job_text (questions[i]);
        ck_assert_str_eq (before[i], after);
        free (before[i]);
        free (after);
    }
    for (int j = 0; j < 4; j++) {
        results_of (jobs[j], ends[j]);
        free (jobs[j]);
    }
    drop_node (&node);
}
END_TEST

/* ---- status, events, HTTP ---------------------------------------------------------------------
 */

/*  One raw question on the status socket by a plain REQ. */
static char *ask_raw (const char *text, size_t size)
{
    zsock_t *req = zsock_new (ZMQ_REQ);
    zsock_set_rcvtimeo (req, PATIENCE_MS);
    zsock_set_linger (req, 0);
    ck_assert_int_eq (zsock_connect (req, "%s", endpoints.url[AUT_PORT_STATUS]), 0);
    zframe_t *frame = zframe_new (text, size);
    zframe_send (&frame, req, 0);
    char *reply = zstr_recv (req);
    zsock_destroy (&req);
    ck_assert_ptr_nonnull (reply);
    return reply;
}

static const char *const garbage[] = {"",
                                      "x",
                                      "null",
                                      "[]",
                                      "{}",
                                      "{\"get\":1}",
                                      "{\"get\":\"\"}",
                                      "{\"get\":\"stauts\"}",
                                      "{\"get\":\"job\"}",
                                      "{\"get\":\"job\",\"id\":7}",
                                      "{\"get\":\"job\",\"id\":\"j0\"}",
                                      "{\"get\":\"job\",\"id\":\"j18446744073709551616\"}",
                                      "{\"get\":\"events\",\"after\":-1}",
                                      "{\"get\":\"jobs\",\"limit\":\"many\"}",
                                      "{\"get\":\"status\"",
                                      "\xff\xfe",
                                      "{\"get\":\"status\"} trailing",
                                      "{\"get\":\"events\",\"after\":1000}"};

START_TEST (status_socket_answers_everything)
{
    for (size_t i = 0; i < sizeof garbage / sizeof *garbage; i++) {
        char *reply = ask_raw (garbage[i], strlen (garbage[i]));
        json_t *json = json_loads (reply, 0, NULL);
        json_t *error = json_object_get (json, "error");
        ck_assert_msg (json_is_string (json_object_get (error, "code")) &&
                           json_is_string (json_object_get (error, "message")),
                       "%s → %s", garbage[i], reply);
        json_decref (json);
        zstr_free (&reply);
    }
    const size_t sizes[] = {100000, 3000000};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        char *big = aut_calloc (1, sizes[i]);
        memset (big, 'a', sizes[i]);
        char *reply = ask_raw (big, sizes[i]);
        ck_assert_ptr_nonnull (strstr (reply, "\"error\""));
        zstr_free (&reply);
        free (big);
    }
    char *reply = ask_raw ("{\"get\":\"stauts\"}", 16);
    ck_assert_ptr_nonnull (strstr (reply, "did you mean \\\"status\\\""));
    zstr_free (&reply);
}
END_TEST

START_TEST (status_json)
{
    node_t *node = new_node (&endpoints, "n", 2, 1);
    join (node);
    char *job = submit_film (client, "film", 3, 1);
    aut_token_t token = take_task (node);
    aut_msg_t progress = {.type = AUT_MSG_PROGRESS};
    progress.progress.token = token;
    progress.progress.frame = 5;
    progress.progress.frames = 10;
    say_token (node, AUT_MSG_STARTED, &token);
    OK (aut_net_send (node->sock, &progress, NULL, 0));
    json_t *reply = query (client, "{\"get\":\"status\"}");
    json_int_t jobs, online, busy, idle, leased;
    OK (json_unpack (reply, "{s:{s:I}, s:{s:I}, s:{s:I,s:I}, s:{s:I}}", "jobs", "running", &jobs,
                     "nodes", "online", &online, "workers", "busy", &busy, "idle", &idle, "tasks",
                     "leased", &leased));
    ck_assert_int_eq (jobs, 1);
    ck_assert_int_eq (online, 1);
    ck_assert_int_eq (busy, 2);
    ck_assert_int_eq (idle, 0);
    ck_assert_int_eq (leased, 2);
    json_decref (reply);
    reply = query (client, "{\"get\":\"jobs\"}");
    const char *id, *state, *project;
    json_int_t total;
    OK (json_unpack (reply, "{s:[{s:s,s:s,s:s,s:{s:I}}]}", "jobs", "id", &id, "state", &state,
                     "project", &project, "shots", "total", &total));
    ck_assert_str_eq (id, "j1");
    ck_assert_str_eq (project, "film");
    ck_assert_int_eq (total, 3);
    json_decref (reply);
    double part = 0;
    for (int i = 0; part < 0.5 && i < PATIENCE_MS / 10; i++) {
        reply = query (client, "{\"get\":\"job\",\"id\":\"j1\"}");
        json_t *chunk = json_array_get (
            json_object_get (json_array_get (json_object_get (reply, "shots"), token.task - 1),
                             "chunks"),
            0);
        part = json_real_value (json_object_get (chunk, "progress"));
        ck_assert_str_eq (json_string_value (json_object_get (chunk, "node")), "n");
        json_decref (reply);
    }
    ck_assert_double_eq_tol (part, 0.5, 1e-9);
    reply = query (client, "{\"get\":\"nodes\"}");
    const json_t *workers =
        json_object_get (json_array_get (json_object_get (reply, "nodes"), 0), "workers");
    ck_assert_uint_eq (json_array_size (workers), 2);
    part = 0;
    for (size_t w = 0; w < 2; w++) { /* what each runs, by name */
        const json_t *worker = json_array_get (workers, w);
        ck_assert_str_eq (json_string_value (json_object_get (worker, "job")), "j1");
        ck_assert_ptr_nonnull (json_string_value (json_object_get (worker, "shot")));
        ck_assert (json_is_integer (json_object_get (worker, "chunk")));
        part += json_real_value (json_object_get (worker, "progress"));
    }
    ck_assert_double_eq_tol (part, 0.5, 1e-9);
    json_decref (reply);
    reply = query (client, "{\"get\":\"job\",\"id\":\"j1\",\"after\":1,\"limit\":1}");
    ck_assert_uint_eq (json_array_size (json_object_get (reply, "shots")), 1);
    ck_assert_int_eq (json_integer_value (json_object_get (reply, "next")), 2);
    json_decref (reply);
    free (job);
    drop_node (&node);
}
END_TEST

/*  Events are numbered without gaps, and the status socket can fill any. */
START_TEST (events_in_sequence)
{
    OK (aut_client_events_start (client));
    char *job = submit_film (client, "film", 2, 1);
    node_t *node = new_node (&endpoints, "n", 1, 1);
    join (node);
    for (int i = 0; i < 2; i++) {
        aut_received_t in;
        aut_token_t token = take_task (node);
        say_done (node, &token, i ? "a" : "b", NULL);
        expect (node, AUT_MSG_ACK, &in);
        aut_received_clear (&in);
    }
    json_int_t seq = 0, last = 0;
    bool done = false;
    while (!done) {
        json_t *event = NULL;
        const char *type, *state = "";
        OK (aut_client_events_next (client, PATIENCE_MS, &event));
        OK (json_unpack (event, "{s:I,s:s,s?s}", "seq", &seq, "type", &type, "state", &state));
        ck_assert (last == 0 || seq == last + 1);
        last = seq;
        done = strcmp (type, "job") == 0 && strcmp (state, "done") == 0;
        json_decref (event);
    }
    json_t *reply = query (client, "{\"get\":\"events\",\"after\":0}");
    ck_assert_int_ge ((int)json_array_size (json_object_get (reply, "events")), (int)last);
    json_decref (reply);
    reply = query (client, "{\"get\":\"events\",\"after\":1,\"limit\":2}");
    json_t *first = json_array_get (json_object_get (reply, "events"), 0);
    ck_assert_uint_eq (json_array_size (json_object_get (reply, "events")), 2);
    ck_assert_int_eq (json_integer_value (json_object_get (first, "seq")), 2);
    json_decref (reply);
    free (job);
    drop_node (&node);
}
END_TEST

static void begin_small_ring (void)
{
    aut_broker_options_t options;
    aut_broker_options_init (&options);
    options.event_ring = 4;
    begin_with (&options);
}

/*  Few shots can have many chunks: a page of the story has a bounded number of them. */
START_TEST (stories_come_in_pages)
{
    enum { SHOTS = 30 };
    char *job = submit_film (client, "long", SHOTS, 400);
    json_int_t next = 0;
    size_t shots = 0, chunks = 0, pages = 0;
    do {
        char *question =
            aut_sprintf ("{\"get\":\"explain\",\"id\":\"%s\",\"after\":%d}", job, (int)next);
        json_t *story = query (client, question);
        const json_t *list = json_object_get (story, "shots"), *shot;
        size_t i, here = 0;
        json_array_foreach (list, i, shot) here +=
            json_array_size (json_object_get (shot, "chunks"));
        ck_assert_uint_gt (here, 0);
        ck_assert_uint_le (here, 1000);
        chunks += here;
        shots += json_array_size (list);
        next = json_integer_value (json_object_get (story, "next"));
        pages++;
        json_decref (story);
        free (question);
    } while (next && pages < SHOTS);
    ck_assert_uint_eq (shots, SHOTS);
    ck_assert_uint_gt (chunks, 1000);
    ck_assert_uint_gt (pages, 1);
    free (job);
}
END_TEST

/*  Events older than the ring come from the store; places that no broker of this state gave out are
 *  gone. */
START_TEST (old_events_are_stored)
{
    char *job = submit_film (client, "film", 1, 1);
    for (int i = 0; i < 4; i++) {
        OK (aut_client_cancel (client, job));
        OK (aut_client_retry (client, job));
    }
    json_t *reply = NULL;
    json_t *all = query (client, "{\"get\":\"events\",\"after\":0}");
    json_t *status = query (client, "{\"get\":\"status\"}");
    json_int_t seq = json_integer_value (json_object_get (status, "seq"));
    ck_assert_int_ge (seq, 8);
    char *text = aut_sprintf ("{\"get\":\"events\",\"after\":%lld}", (long long)seq - 4);
    reply = query (client, text);
    json_t *newest = json_object_get (reply, "events"), *events = json_object_get (all, "events");
    size_t count = json_array_size (events);
    ck_assert_uint_eq (json_array_size (newest), 4);
    ck_assert_uint_eq (count, (size_t)seq); /* none of them was progress */
    ck_assert_int_eq (json_integer_value (json_object_get (all, "next")), seq);
    for (size_t i = 0; i < 4; i++) /* as they were published, word for word */
        ck_assert (json_equal (json_array_get (newest, i), json_array_get (events, count - 4 + i)));
    json_decref (reply);
    json_decref (all);
    reply = query (client, "{\"get\":\"events\",\"after\":1,\"limit\":2}");
    ck_assert_uint_eq (json_array_size (json_object_get (reply, "events")), 2);
    ck_assert_int_eq (json_integer_value (json_object_get (reply, "next")), 3);
    json_decref (reply);
    free (text);
    text = aut_sprintf ("{\"get\":\"events\",\"after\":%lld}", (long long)seq + 1);
    ck_assert_int_eq (aut_client_query (client, text, &reply), AUT_ERR_NOT_FOUND);
    ck_assert_int_eq (
        aut_client_query (client, "{\"get\":\"events\",\"after\":1,\"epoch\":1048577}", &reply),
        AUT_ERR_NOT_FOUND); /* another broker's */
    json_decref (status);
    free (text);
    free (job);
}
END_TEST

/*  A raw HTTP exchange: the whole answer. */
static char *http (const char *request)
{
    unsigned port = (unsigned)strtoul (strrchr (endpoints.http, ':') + 1, NULL, 10);
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons ((uint16_t)port),
                                  .sin_addr.s_addr = htonl (INADDR_LOOPBACK)};
    int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    size_t got = 0;
    char *answer = aut_calloc (1, 65536);
    ck_assert_int_eq (connect (fd, (struct sockaddr *)&address, sizeof address), 0);
    ck_assert_int_eq (write (fd, request, strlen (request)), (ssize_t)strlen (request));
    ssize_t n;
    while (got < 65535 && (n = read (fd, answer + got, 65535 - got)) > 0)
        got += (size_t)n;
    close (fd);
    return answer;
}

static void expect_http (const char *request, const char *status, const char *part)
{
    char *full = aut_sprintf ("%s\r\nHost: x\r\nConnection: close\r\n\r\n", request);
    char *answer = http (full);
    ck_assert_msg (strncmp (answer + strlen ("HTTP/1.1 "), status, 3) == 0, "%s → %.60s", request,
                   answer);
    ck_assert_msg (!part || strstr (answer, part), "%s → %s", request, answer);
    free (answer);
    free (full);
}

START_TEST (http_pages)
{
    expect_http ("GET /healthz HTTP/1.1", "200", "ok");
    expect_http ("GET /readyz HTTP/1.1", "200", "ok");
    char epoch[48];
    snprintf (epoch, sizeof epoch, "\"epoch\":%llu,", (unsigned long long)endpoints.epoch);
    expect_http ("GET /status.json HTTP/1.1", "200", epoch);
    expect_http ("GET /metrics HTTP/1.1", "200", "text/plain; version=0.0.4");
    expect_http ("GET /metrics HTTP/1.1", "200", "# TYPE auteur_tasks gauge");
    expect_http ("GET /nothing HTTP/1.1", "404", NULL);
    expect_http ("POST /metrics HTTP/1.1", "405", "Allow: GET, HEAD");
    expect_http ("DELETE /status.json HTTP/1.1", "405", NULL);
    char *answer = http ("HEAD /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    ck_assert_ptr_nonnull (strstr (answer, "Content-Length: "));
    ck_assert_ptr_null (strstr (answer, "# HELP"));
    free (answer);
    answer = http ("garbage\r\n\r\n");
    ck_assert_ptr_null (strstr (answer, " 200 "));
    free (answer);
}
END_TEST

/* ---- other ways to start ----------------------------------------------------------------------
 */

START_TEST (inproc_broker)
{
    aut_broker_options_t options;
    aut_broker_options_init (&options);
    options.transport = AUT_BROKER_INPROC;
    options.prefix = "here";
    begin_with (&options);
    ck_assert_str_eq (aut_broker_endpoints (broker)->node, "inproc://here-node");
    ck_assert_str_eq (aut_broker_endpoints (broker)->http, "");
    node_t *node = new_node (&endpoints, "n", 1, 1);
    join (node);
    char *job = submit_film (client, "film", 1, 1);
    aut_token_t token = take_task (node);
    aut_received_t in;
    say_done (node, &token, "clip", NULL);
    expect (node, AUT_MSG_ACK, &in);
    aut_received_clear (&in);
    await_job (client, job, "done");
    char *path = aut_path_join (dir, "endpoints.json", NULL);
    ck_assert (!aut_file_exists (path));
    free (path);
    free (job);
    drop_node (&node);
    end ();
}
END_TEST

START_TEST (start_is_refused)
{
    aut_broker_options_t options;
    aut_broker_t *second = NULL;
    aut_broker_options_init (&options);
    options.state_dir = dir;
    options.port = 0;
    ck_assert_int_eq (aut_broker_start (&second, &options), AUT_ERR_STATE);
    ck_assert_ptr_nonnull (strstr (aut_error_detail (), "pid"));
    ck_assert_ptr_null (second);
    char *other = make_dir ();
    options.state_dir = other;
    options.bind = "0.0.0.0";
    ck_assert_int_eq (aut_broker_start (&second, &options), AUT_ERR_DENIED);
    ck_assert_ptr_nonnull (strstr (aut_error_detail (), "--insecure"));
    options.insecure = true;
    OK (aut_broker_start (&second, &options));
    aut_broker_stop (&second, 0);
    options.bind = "127.0.0.1"; /* a port that is taken */
    options.port = (int)strtol (strrchr (endpoints.url[AUT_PORT_CLIENT], ':') + 1, NULL, 10);
    ck_assert_int_lt (aut_broker_start (&second, &options), 0);
    ck_assert_ptr_null (second);
    drop_dir (other);
}
END_TEST

static TCase *add (Suite *suite, const char *name, SFun setup)
{
    TCase *tc = tcase_create (name);
    tcase_set_timeout (tc, 120);
    if (setup)
        tcase_add_checked_fixture (tc, setup, end);
    suite_add_tcase (suite, tc);
    return tc;
}

int main (void)
{
    Suite *suite = suite_create ("broker");
    TCase *tc = add (suite, "broker", begin);
    tcase_add_test (tc, film_from_submission_to_results);
    tcase_add_test (tc, handoff_gives_the_committed_tail);
    tcase_add_test (tc, done_before_its_files_are_there);
    tcase_add_test (tc, stale_tokens_are_refused);
    tcase_add_test (tc, earlier_results_are_taken_over);
    tcase_add_test (tc, idempotency_and_refusals);
    tcase_add_test (tc, cancel_stops_the_node);
    tcase_add_test (tc, drained_node_gets_no_more);
    tcase_add_test (tc, strangers_on_the_node_socket);
    tcase_add_test (tc, large_specs_go_as_artifacts);
    tcase_add_test (tc, pictures_are_inputs);
    tcase_add_test (tc, equal_jobs_share_equally);
    tcase_add_test (tc, priority_overtakes);
    tcase_add_test (tc, longest_chain_first);
    tcase_add_test (tc, failures_fail_the_shot_only);
    tcase_add_test (tc, missing_tail_fails_the_task);
    tcase_add_test (tc, repeated_commands_are_done_once);
    tcase_add_test (tc, ended_jobs_outlive_a_restart);
    tcase_add_test (tc, status_socket_answers_everything);
    tcase_add_test (tc, status_json);
    tcase_add_test (tc, events_in_sequence);
    tcase_add_test (tc, stories_come_in_pages);
    tcase_add_test (tc, http_pages);
    tcase_add_test (tc, start_is_refused);
    tcase_add_test (add (suite, "hasty", begin_hasty), silent_node_is_lost);
    tcase_add_test (add (suite, "small ring", begin_small_ring), old_events_are_stored);
    tcase_add_test (add (suite, "inproc", NULL), inproc_broker);
    SRunner *runner = srunner_create (suite);
    srunner_run_all (runner, CK_NORMAL);
    int failed = srunner_ntests_failed (runner);
    srunner_free (runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
