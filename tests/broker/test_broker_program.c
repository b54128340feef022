/*  The program auteur-broker: its command line, its end, and what it knows after kill -9. */
#include "tests/broker/harness.h"

#include "lib/core/epoch.h"
#include "lib/core/error.h"
#include "lib/core/file.h"
#include "lib/core/mem.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

static const char program[] = AUTEUR_BIN_DIR "/auteur-broker";

static char *dir;
static aut_endpoints_t endpoints;
static aut_client_t *client;
static pid_t pid;

static void begin (void)
{
    aut_net_init ();
    dir = make_dir ();
    pid = spawn_broker (dir, NULL, &endpoints);
    OK (aut_client_new (&client, &endpoints, NULL));
}

static void kill_broker (int number)
{
    kill (pid, number);
    wait_program (pid);
}

static void start_again (void)
{
    aut_client_destroy (&client);
    aut_endpoints_clear (&endpoints);
    pid = spawn_broker (dir, NULL, &endpoints);
    OK (aut_client_new (&client, &endpoints, NULL));
}

static void end (void)
{
    kill_broker (SIGKILL);
    aut_client_destroy (&client);
    aut_endpoints_clear (&endpoints);
    drop_dir (dir);
}

/*  A running attempt is adopted under a new token, the result taken under that one only; what was
 *  acknowledged before the kill is still there. */
START_TEST (killed_broker_adopts_what_runs)
{
    node_t *node = new_node (&endpoints, "n", 2, 1);
    aut_received_t in;
    join (node);
    char *job = submit_film (client, "film", 2, 1);
    aut_token_t first = take_task (node), second = take_task (node);
    say_done (node, &first, "clip 1", NULL);
    expect (node, AUT_MSG_ACK, &in);
    aut_received_clear (&in);
    kill_broker (SIGKILL);
    start_again ();
    move_node (node, &endpoints);
    aut_msg_held_t held[] = {{second.task, second.attempt, second.epoch, false}};
    say_hello (node, held, 1);
    expect (node, AUT_MSG_WELCOME, &in);
    ck_assert_uint_eq (in.msg.welcome.epoch, second.epoch + 1);
    aut_received_clear (&in);
    expect (node, AUT_MSG_ADOPT, &in);
    ck_assert (aut_token_equal (&in.msg.adopt.token, &second));
    ck_assert_uint_eq (in.msg.adopt.new_epoch, second.epoch + 1);
    aut_received_clear (&in);
    second.epoch++;
    say_done (node, &second, "clip 2", NULL);
    expect (node, AUT_MSG_ACK, &in);
    aut_received_clear (&in);
    await_job (client, job, "done");
    free (job);
    drop_node (&node);
}
END_TEST

/*  The commit was through, the ACK was not heard: after the restart it is said at once. */
START_TEST (finished_result_is_acknowledged_again)
{
    node_t *node = new_node (&endpoints, "n", 1, 1);
    aut_received_t in;
    join (node);
    char *job = submit_film (client, "film", 1, 1);
    aut_token_t token = take_task (node);
    say_done (node, &token, "clip", NULL);
    await_job (client, job, "done");
    kill_broker (SIGKILL);
    start_again ();
    move_node (node, &endpoints);
    aut_msg_held_t held[] = {{token.task, token.attempt, token.epoch, true}};
    say_hello (node, held, 1);
    expect (node, AUT_MSG_WELCOME, &in);
    aut_received_clear (&in);
    expect (node, AUT_MSG_ACK, &in);
    ck_assert (aut_token_equal (&in.msg.ack.token, &token));
    aut_received_clear (&in);
    await_job (client, job, "done");
    free (job);
    drop_node (&node);
}
END_TEST

/*  A node that does not have what it was given: the task goes out again. One that has something
 *  nobody knows: it is told to stop. */
START_TEST (unclaimed_and_unknown_attempts)
{
    node_t *node = new_node (&endpoints, "n", 1, 1);
    aut_received_t in;
    join (node);
    char *job = submit_film (client, "film", 1, 1);
    aut_token_t token = take_task (node);
    kill_broker (SIGKILL);
    start_again ();
    move_node (node, &endpoints);
    aut_msg_held_t held[] = {{4711, 1, 1, false}};
    say_hello (node, held, 1);
    bool aborted = false, again = false;
    while (!aborted || !again) {
        ck_assert (hear (node, PATIENCE_MS, &in));
        if (in.msg.type == AUT_MSG_ABORT) {
            ck_assert_uint_eq (in.msg.abort.token.task, 4711);
            aborted = true;
        } else if (in.msg.type == AUT_MSG_ASSIGN) {
            ck_assert_uint_eq (in.msg.assign.token.task, token.task);
            ck_assert_uint_eq (in.msg.assign.token.attempt, token.attempt + 1);
            again = true;
        }
        aut_received_clear (&in);
    }
    free (job);
    drop_node (&node);
}
END_TEST

static int note_clip (void *ctx, const aut_msg_result_t *result)
{
    *(aut_hash_t *)ctx = result->mezzanine.hash;
    return 0;
}

/*  The state folder is gone, and the broker in its place gives out another film's task under the
 *  same numbers. What the node still has of the first must not become a result of the second, not
 *  even when it is said between WELCOME and ABORT. */
START_TEST (wiped_broker_is_another_one)
{
    node_t *node = new_node (&endpoints, "n", 1, 1);
    aut_received_t in;
    join (node);
    free (submit_film (client, "old", 1, 1));
    aut_token_t old = take_task (node);
    kill_broker (SIGKILL);
    drop_dir (dir);
    dir = make_dir ();
    start_again ();
    char *job = submit_film (client, "new", 1, 1);
    move_node (node, &endpoints);
    aut_msg_held_t held[] = {{old.task, old.attempt, old.epoch, true}};
    say_hello (node, held, 1);
    say_done (node, &old, "clip of the old film", NULL);
    expect (node, AUT_MSG_WELCOME, &in);
    uint64_t epoch = in.msg.welcome.epoch;
    ck_assert (!aut_epoch_same_broker (epoch, old.epoch));
    aut_received_clear (&in);
    expect (node, AUT_MSG_ABORT, &in); /* to the HELLO */
    ck_assert (aut_token_equal (&in.msg.abort.token, &old));
    aut_received_clear (&in);
    aut_token_t token = take_task (node);
    ck_assert_uint_eq (token.task, old.task);
    ck_assert_uint_eq (token.attempt, old.attempt);
    ck_assert_uint_eq (token.epoch, epoch);
    expect (node, AUT_MSG_ABORT, &in); /* to the DONE */
    ck_assert (aut_token_equal (&in.msg.abort.token, &old));
    aut_received_clear (&in);
    await_job (client, job, "running");
    say_done (node, &token, "clip of the new film", NULL);
    expect (node, AUT_MSG_ACK, &in);
    aut_received_clear (&in);
    await_job (client, job, "done");
    aut_hash_t clip, right = aut_hash_of ("clip of the new film", 20);
    OK (aut_client_results (client, job, note_clip, &clip, NULL));
    ck_assert (aut_hash_equal (&clip, &right));
    free (job);
    drop_node (&node);
}
END_TEST

/*  Whatever was accepted is there after any number of kills. */
START_TEST (accepted_jobs_survive)
{
    for (int round = 0; round < 4; round++) {
        for (int i = 0; i < 3; i++) {
            char name[32];
            snprintf (name, sizeof name, "film%d-%d", round, i);
            char *job = submit_film (client, name, 2, 1);
            free (job);
        }
        kill_broker (SIGKILL);
        start_again ();
        json_t *reply = query (client, "{\"get\":\"jobs\"}");
        ck_assert_uint_eq (json_array_size (json_object_get (reply, "jobs")),
                           3 * ((size_t)round + 1));
        json_decref (reply);
    }
}
END_TEST

START_TEST (terminates_quickly)
{
    int64_t begin_ms = zclock_mono ();
    kill (pid, SIGTERM);
    ck_assert_int_eq (wait_program (pid), 0);
    ck_assert_int_lt (zclock_mono () - begin_ms, 5000);
    char *path = aut_path_join (dir, "endpoints.json", NULL);
    ck_assert (!aut_file_exists (path));
    free (path);
    start_again ();
    node_t *node = new_node (&endpoints, "n", 1, 1); /* also with a node and a running task */
    join (node);
    char *job = submit_film (client, "film", 1, 1);
    take_task (node);
    kill (pid, SIGINT);
    ck_assert_int_eq (wait_program (pid), 0);
    start_again ();
    free (job);
    drop_node (&node);
}
END_TEST

static int run (const char *log, const char *const *args)
{
    return wait_program (spawn_program (args, log));
}

static void expect_log (const char *log, const char *part)
{
    char *text;
    size_t size;
    OK (aut_file_read (log, 1 << 20, &text, &size));
    ck_assert_msg (strstr (text, part) != NULL, "\"%s\" is not in: %s", part, text);
    free (text);
}

START_TEST (second_broker_is_refused_by_name)
{
    char *log = aut_path_join (dir, "log", NULL), text[32];
    const char *args[] = {program, "--state", dir, "--port", "0", NULL};
    ck_assert_int_eq (run (log, args), 1);
    snprintf (text, sizeof text, "pid %ld", (long)pid);
    expect_log (log, text);
    json_t *reply = query (client, "{\"get\":\"status\"}"); /* the first one goes on */
    ck_assert_int_eq (json_integer_value (json_object_get (reply, "epoch")),
                      (json_int_t)endpoints.epoch);
    json_decref (reply);
    free (log);
}
END_TEST

START_TEST (backup_of_a_running_broker)
{
    char *job = submit_film (client, "film", 2, 1);
    char *copy = make_dir (), *log = aut_path_join (dir, "log", NULL);
    const char *args[] = {program, "--state", dir, "--backup", copy, NULL};
    ck_assert_int_eq (run (log, args), 0);
    ck_assert_int_eq (run (log, args), 2); /* not over what is there */
    expect_log (log, "not empty");
    kill_broker (SIGKILL);
    char *old = dir;
    dir = copy;
    start_again ();
    await_job (client, job, "queued");
    node_t *node = new_node (&endpoints, "n", 1, 1);
    join (node);
    aut_token_t token = take_task (node);
    ck_assert_uint_eq (token.task, 1);
    drop_node (&node);
    drop_dir (old);
    free (job);
    free (log);
}
END_TEST

START_TEST (command_line)
{
    char *log = aut_path_join (dir, "log", NULL), *config = aut_path_join (dir, "config", NULL);
    char *state = aut_path_join (dir, "other", NULL), *copy = aut_path_join (dir, "copy", NULL);
    setenv ("XDG_CONFIG_HOME", dir, 1); /* there are no keys */
    const struct {
        const char *args[6], *says;
        int code;
    } cases[] = {
        {{program, "--state", state, "--bind", "0.0.0.0", NULL}, "--insecure", 2},
        {{program, "--state", state, "--port", "70000", NULL}, "port", 2},
        {{program, "--stat", state, NULL}, "state", 2},
        {{program, "--state", state, "--lease", "0", NULL}, "lease", 2},
        {{program, "--state", "/proc/nowhere", NULL}, "/proc/nowhere", 1},
        {{program, "--config", "/nonexistent", NULL}, "/nonexistent", 2},
        {{program, "--config", config, NULL}, "did you mean \"port\"", 2},
        {{program, "--state", state, "--backup", copy, NULL}, "no database", 2},
        {{program, "--version", NULL}, NULL, 0},
        {{program, "--help", NULL}, NULL, 0},
    };
    OK (aut_file_write (config, "{\"prot\":1}", 10));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int code = run (log, cases[i].args);
        ck_assert_msg (code == cases[i].code, "case %zu: exit %d", i, code);
        if (cases[i].says)
            expect_log (log, cases[i].says);
    }
    const char *good = "{\"lease\":5,\"silent\":1.5,\"log-format\":\"json\",\"insecure\":false}";
    OK (aut_file_write (config, good, strlen (good)));
    aut_endpoints_t second = {0};
    const char *extra[] = {"--config", config, NULL};
    pid_t other = spawn_broker (state, extra, &second);
    node_t *node = new_node (&second, "n", 1, 1);
    aut_received_t in;
    say_hello (node, NULL, 0);
    expect (node, AUT_MSG_WELCOME, &in);
    ck_assert_uint_eq (in.msg.welcome.lease_ms, 5000);
    ck_assert_uint_eq (in.msg.welcome.silent_ms, 1500);
    aut_received_clear (&in);
    kill (other, SIGTERM);
    ck_assert_int_eq (wait_program (other), 0);
    drop_node (&node);
    aut_endpoints_clear (&second);
    free (log);
    free (config);
    free (state);
    free (copy);
}
END_TEST

int main (void)
{
    Suite *suite = suite_create ("broker program");
    TCase *tc = tcase_create ("program");
    tcase_set_timeout (tc, 120);
    tcase_add_checked_fixture (tc, begin, end);
    tcase_add_test (tc, killed_broker_adopts_what_runs);
    tcase_add_test (tc, finished_result_is_acknowledged_again);
    tcase_add_test (tc, unclaimed_and_unknown_attempts);
    tcase_add_test (tc, wiped_broker_is_another_one);
    tcase_add_test (tc, accepted_jobs_survive);
    tcase_add_test (tc, terminates_quickly);
    tcase_add_test (tc, second_broker_is_refused_by_name);
    tcase_add_test (tc, backup_of_a_running_broker);
    tcase_add_test (tc, command_line);
    suite_add_tcase (suite, tc);
    SRunner *runner = srunner_create (suite);
    srunner_run_all (runner, CK_NORMAL);
    int failed = srunner_ntests_failed (runner);
    srunner_free (runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
