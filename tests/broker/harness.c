#include "tests/broker/harness.h"

#include "lib/core/buffer.h"
#include "lib/core/error.h"
#include "lib/core/file.h"
#include "lib/core/json.h"
#include "lib/core/mem.h"

#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

char *make_dir (void)
{
    char *dir = aut_strdup ("/tmp/aut-broker-XXXXXX");
    ck_assert_ptr_nonnull (mkdtemp (dir));
    return dir;
}

void drop_dir (char *dir)
{
    OK (aut_dir_remove (dir));
    free (dir);
}

static char *endpoints_path (const char *dir)
{
    return aut_path_join (dir, "endpoints.json", NULL);
}

aut_broker_t *start_broker (const char *dir, const aut_broker_options_t *options,
                            aut_endpoints_t *endpoints)
{
    aut_broker_options_t o;
    aut_broker_t *broker = NULL;
    aut_broker_options_init (&o);
    if (options)
        o = *options;
    o.state_dir = dir;
    o.port = 0;
    OK (aut_broker_start (&broker, &o));
    if (o.transport == AUT_BROKER_INPROC) {
        aut_endpoints_inproc (endpoints, o.prefix);
        return broker;
    }
    char *path = endpoints_path (dir);
    OK (aut_endpoints_load (endpoints, path));
    free (path);
    return broker;
}

/* ---- the program ------------------------------------------------------------------------------
 */

pid_t spawn_program (const char *const *args, const char *log)
{
    posix_spawn_file_actions_t actions;
    pid_t pid;
    posix_spawn_file_actions_init (&actions);
    if (log)
        posix_spawn_file_actions_addopen (&actions, 2, log, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    ck_assert_int_eq (posix_spawn (&pid, args[0], &actions, NULL, (char *const *)args, environ), 0);
    posix_spawn_file_actions_destroy (&actions);
    return pid;
}

int wait_program (pid_t pid)
{
    int status;
    ck_assert_int_eq (waitpid (pid, &status, 0), pid);
    return WIFEXITED (status) ? WEXITSTATUS (status) : 128 + WTERMSIG (status);
}

/*  Whether the file is of this process: an earlier broker may have left one. */
static bool is_ready (const char *path, pid_t pid)
{
    json_t *json = NULL;
    if (aut_json_load (&json, path, 1 << 20))
        return false;
    bool ours = json_integer_value (json_object_get (json, "pid")) == pid;
    json_decref (json);
    return ours;
}

pid_t spawn_broker (const char *dir, const char *const *extra, aut_endpoints_t *endpoints)
{
    static const char program[] = AUTEUR_BIN_DIR "/auteur-broker";
    const char *args[32] = {program, "--state", dir, "--port", "0", NULL};
    for (size_t i = 5; extra && *extra; i++)
        args[i] = *extra++;
    char *path = endpoints_path (dir);
    pid_t pid = spawn_program (args, NULL);
    for (int i = 0; !is_ready (path, pid); i++) {
        ck_assert_msg (i < PATIENCE_MS / 10, "the broker does not get ready");
        ck_assert_msg (waitpid (pid, NULL, WNOHANG) == 0, "the broker ended");
        usleep (10000);
    }
    OK (aut_endpoints_load (endpoints, path));
    free (path);
    return pid;
}

/* ---- films ------------------------------------------------------------------------------------
 */

char *make_storyboard (const char *project, int shots, double seconds)
{
    aut_buffer_t out = {0};
    aut_buffer_format (
        &out,
        "{\"storyboard\":\"1\",\"project\":\"%s\",\"defaults\":{\"tier\":\"animatic\","
        "\"width\":32,\"height\":32,\"fps\":10,\"duration\":%g},\"scenes\":[{\"id\":"
        "\"s\",\"shots\":[",
        project, seconds);
    for (int i = 0; i < shots; i++)
        aut_buffer_format (&out, "%s{\"id\":\"shot%d\",\"prompt\":\"a cat of %s\"}", i ? "," : "",
                           i, project);
    aut_buffer_text (&out, "]}]}");
    return aut_buffer_take (&out, NULL);
}

int submit (aut_client_t *client, const char *storyboard, const char *key, int32_t priority,
            char **job)
{
    return submit_with (client, storyboard, "{}", key, priority, job);
}

int submit_with (aut_client_t *client, const char *storyboard, const char *assets, const char *key,
                 int32_t priority, char **job)
{
    aut_artifact_client_t *artifacts;
    aut_ref_t film, submission;
    char hex[AUT_HASH_HEX];
    int rc = aut_client_artifacts (client, &artifacts);
    if (!rc)
        rc = aut_artifact_put_bytes (artifacts, &film, storyboard, strlen (storyboard));
    if (rc)
        return rc;
    char *text = aut_sprintf ("{\"storyboard\":\"%s\",\"assets\":%s,\"allow_lower_tier\":false}",
                              aut_hash_hex (&film.hash, hex), assets);
    rc = aut_artifact_put_bytes (artifacts, &submission, text, strlen (text));
    if (!rc)
        rc = aut_client_submit (client, &submission, "film", priority, key, job, NULL);
    free (text);
    return rc;
}

char *submit_film (aut_client_t *client, const char *project, int shots, double seconds)
{
    char *job = NULL, *storyboard = make_storyboard (project, shots, seconds);
    OK (submit (client, storyboard, NULL, 0, &job));
    free (storyboard);
    return job;
}

/* ---- the node ---------------------------------------------------------------------------------
 */

node_t *new_node (const aut_endpoints_t *endpoints, const char *name, uint32_t workers,
                  uint32_t credit)
{
    node_t *node = aut_calloc (1, sizeof *node);
    snprintf (node->name, sizeof node->name, "%s", name);
    memcpy (node->instance, name, strlen (name) < 16 ? strlen (name) : 16);
    node->workers = workers;
    node->credit = credit;
    move_node (node, endpoints);
    return node;
}

void move_node (node_t *node, const aut_endpoints_t *endpoints)
{
    aut_artifact_client_destroy (&node->artifacts);
    zsock_destroy (&node->sock);
    aut_endpoints_clear (&node->endpoints);
    aut_endpoints_copy (&node->endpoints, endpoints);
    OK (aut_net_connect (&node->sock, AUT_PORT_NODE, endpoints->url[AUT_PORT_NODE]));
    OK (aut_artifact_client_new (&node->artifacts, endpoints->url[AUT_PORT_DATA], NULL));
}

void drop_node (node_t **node)
{
    aut_artifact_client_destroy (&(*node)->artifacts);
    zsock_destroy (&(*node)->sock);
    aut_endpoints_clear (&(*node)->endpoints);
    free (*node);
    *node = NULL;
}

/*  A new connection takes its time: a refused send is tried again. */
static void say (node_t *node, const aut_msg_t *msg)
{
    int rc;
    for (int i = 0; (rc = aut_net_send (node->sock, msg, NULL, 0)) == AUT_ERR_AGAIN; i++) {
        ck_assert_int_lt (i, PATIENCE_MS / 5);
        usleep (5000);
    }
    ck_assert_msg (rc == 0, "%s: %s", aut_msg_name (msg->type), aut_error_detail ());
}

void say_hello (node_t *node, const aut_msg_held_t *held, size_t count)
{
    static const char *const models[] = {"auteur-animatic"};
    aut_msg_worker_t workers[64] = {0};
    for (uint32_t i = 0; i < node->workers; i++)
        workers[i] = (aut_msg_worker_t){.id = i,
                                        .device = "cpu",
                                        .class_ = "cpu",
                                        .memory = 1 << 30,
                                        .models = models,
                                        .model_count = 1,
                                        .credit = node->credit};
    aut_msg_t msg = {.type = AUT_MSG_HELLO};
    msg.hello.name = node->name;
    memcpy (msg.hello.instance, node->instance, 16);
    msg.hello.version = "test";
    msg.hello.workers = workers;
    msg.hello.worker_count = node->workers;
    msg.hello.held = held;
    msg.hello.held_count = count;
    say (node, &msg);
}

void join (node_t *node)
{
    aut_received_t in;
    say_hello (node, NULL, 0);
    expect (node, AUT_MSG_WELCOME, &in);
    node->epoch = in.msg.welcome.epoch;
    snprintf (node->given, sizeof node->given, "%s", in.msg.welcome.name);
    aut_received_clear (&in);
}

bool hear (node_t *node, int timeout_ms, aut_received_t *in)
{
    int64_t end = zclock_mono () + timeout_ms;
    for (;;) {
        int64_t left = end - zclock_mono ();
        if (!aut_net_wait (node->sock, NULL, left > 0 ? (int)left : 0))
            return false;
        int rc = aut_net_recv (node->sock, false, in);
        if (rc == AUT_ERR_AGAIN) {
            aut_received_clear (in);
            continue;
        }
        ck_assert_msg (rc == 0, "%s", aut_error_detail ());
        if (in->msg.type == AUT_MSG_PING)
            say (node, &(aut_msg_t){.type = AUT_MSG_PONG});
        else if (in->msg.type != AUT_MSG_PONG)
            return true;
        aut_received_clear (in);
    }
}

void expect (node_t *node, aut_msg_type_t type, aut_received_t *in)
{
    ck_assert_msg (hear (node, PATIENCE_MS, in), "no %s came", aut_msg_name (type));
    ck_assert_msg (in->msg.type == type, "%s instead of %s: %s", aut_msg_name (in->msg.type),
                   aut_msg_name (type), in->msg.type == AUT_MSG_ERROR ? in->msg.error.message : "");
}

aut_token_t take_task (node_t *node)
{
    aut_received_t in;
    expect (node, AUT_MSG_ASSIGN, &in);
    aut_token_t token = in.msg.assign.token;
    aut_received_clear (&in);
    return token;
}

void expect_silence (node_t *node, int ms)
{
    aut_received_t in;
    bool any = hear (node, ms, &in);
    ck_assert_msg (!any, "%s came", aut_msg_name (in.msg.type));
}

void say_token (node_t *node, aut_msg_type_t type, const aut_token_t *token)
{
    aut_msg_t msg = {.type = type};
    msg.ack.token = *token; /* all of these messages are a token */
    say (node, &msg);
}

void say_fail (node_t *node, const aut_token_t *token, const char *code)
{
    aut_msg_t msg = {.type = AUT_MSG_FAIL};
    msg.fail.token = *token;
    msg.fail.code = code;
    msg.fail.message = "it broke";
    say (node, &msg);
}

void say_done_with (node_t *node, const aut_token_t *token, aut_ref_t mezzanine, aut_ref_t tail,
                    const aut_hash_t *used)
{
    aut_msg_t msg = {.type = AUT_MSG_DONE};
    msg.done.token = *token;
    msg.done.mezzanine = mezzanine;
    msg.done.metadata = mezzanine;
    msg.done.tail = tail;
    msg.done.used = used;
    msg.done.used_count = used ? 1 : 0;
    msg.done.seconds = 0.5;
    msg.done.peak_bytes = 1000;
    msg.done.device = "cpu";
    say (node, &msg);
}

void say_done (node_t *node, const aut_token_t *token, const char *text, const aut_hash_t *used)
{
    aut_ref_t clip, tail;
    char *tail_text = aut_sprintf ("tail of %s", text);
    OK (aut_artifact_put_bytes (node->artifacts, &clip, text, strlen (text)));
    OK (aut_artifact_put_bytes (node->artifacts, &tail, tail_text, strlen (tail_text)));
    say_done_with (node, token, clip, tail, used);
    free (tail_text);
}

/* ---- questions --------------------------------------------------------------------------------
 */

json_t *query (aut_client_t *client, const char *text)
{
    json_t *reply = NULL;
    OK (aut_client_query (client, text, &reply));
    return reply;
}

void await_job (aut_client_t *client, const char *job, const char *state)
{
    char *text = aut_sprintf ("{\"get\":\"job\",\"id\":\"%s\"}", job);
    for (int i = 0;; i++) {
        json_t *reply = query (client, text);
        const char *now = json_string_value (json_object_get (reply, "state"));
        ck_assert_ptr_nonnull (now);
        bool there = strcmp (now, state) == 0;
        ck_assert_msg (i < PATIENCE_MS / 10, "job %s is %s, not %s", job, now, state);
        json_decref (reply);
        if (there)
            break;
        usleep (10000);
    }
    free (text);
}

void await_node (aut_client_t *client, const char *name, const char *state)
{
    for (int i = 0;; i++) {
        json_t *reply = query (client, "{\"get\":\"nodes\"}"), *node;
        size_t at;
        bool there = false;
        json_array_foreach (json_object_get (reply, "nodes"), at, node)
        {
            const char *n = json_string_value (json_object_get (node, "name"));
            const char *s = json_string_value (json_object_get (node, "state"));
            there = there || (n && s && strcmp (n, name) == 0 && strcmp (s, state) == 0);
        }
        json_decref (reply);
        if (there)
            return;
        ck_assert_msg (i < PATIENCE_MS / 10, "node %s does not become %s", name, state);
        usleep (10000);
    }
}
