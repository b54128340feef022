/*  A broker with keys, message by message: what a connection that was let in may do, and what it
 * may not do any more once its key is revoked. */
#include "tests/broker/keyed.h"

#include "lib/core/error.h"
#include "lib/core/file.h"
#include "lib/core/mem.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static void setup_few (void)
{
    key_nodes = 2;
    keyed_setup ();
}

/*  Where most tests begin: node a has leased the task of anna's job. */
typedef struct {
    aut_client_t *anna;
    node_t *a, *b; /* b: keyed_node, if the test wants it */
    char *job;
    aut_token_t token;
} scene_t;

/*  `own_route`: a names its route. */
static scene_t open_scene (bool own_route)
{
    scene_t self = {.anna = new_client (ANNA), .a = keyed_node (NODE_A, "a")};
    if (own_route) {
        zsock_destroy (&self.a->sock);
        self.a->sock = routed (NODE_A);
    }
    join (self.a);
    self.job = submit_film (self.anna, "film", 1, 1);
    self.token = take_task (self.a);
    return self;
}

static void close_scene (scene_t *self)
{
    free (self->job);
    drop_node (&self->a);
    if (self->b)
        drop_node (&self->b);
    aut_client_destroy (&self->anna);
}

/* ---- nodes ----------------------------------------------------------------------------------- */

START_TEST (a_node_finishes_only_what_it_leased)
{
    scene_t scene = open_scene (false);
    aut_token_t token = scene.token;
    node_t *b = scene.b = keyed_node (NODE_B, "b");
    join (b);
    say_done (b, &token, "a forgery", NULL);
    expect_token (b, AUT_MSG_ABORT, &token);
    say_fail (b, &token, "internal");
    expect_token (b, AUT_MSG_ABORT, &token);
    say_token (b, AUT_MSG_RELEASE, &token);
    expect_token (b, AUT_MSG_ABORT, &token);
    /* nor does it get hold of it by claiming it */
    aut_msg_held_t held = {.task = token.task, .attempt = token.attempt, .epoch = token.epoch};
    aut_received_t in;
    say_hello (b, &held, 1);
    expect (b, AUT_MSG_WELCOME, &in);
    aut_received_clear (&in);
    expect_token (b, AUT_MSG_ABORT, &token);
    say_done (scene.a, &token, "the frames", NULL);
    expect_token (scene.a, AUT_MSG_ACK, &token);
    await_job (scene.anna, scene.job, "done");
    close_scene (&scene);
}
END_TEST

/*  What a node runs is told by name to those who may see the job. */
START_TEST (what_runs_is_its_owner_s)
{
    scene_t scene = open_scene (false);
    aut_client_t *ben = new_client (BEN), *otto = new_client (OTTO), *vera = new_client (VERA);
    aut_client_t *who[] = {scene.anna, otto, vera, ben};
    for (size_t i = 0; i < 4; i++) {
        const char *task, *job = NULL;
        json_t *nodes = query (who[i], "{\"get\":\"nodes\"}");
        OK (json_unpack (nodes, "{s:[{s:[{s:s, s?s}]}]}", "nodes", "workers", "task", &task, "job",
                         &job));
        ck_assert_str_eq (task, "t1");
        if (who[i] == ben)
            ck_assert_ptr_null (job);
        else
            ck_assert_str_eq (job, scene.job);
        json_decref (nodes);
    }
    close_scene (&scene);
    aut_client_destroy (&ben);
    aut_client_destroy (&otto);
    aut_client_destroy (&vera);
}
END_TEST

START_TEST (another_key_is_another_node)
{
    scene_t scene = open_scene (false);
    aut_client_t *otto = new_client (OTTO);
    /* the same name and the same instance, as a thief would have seen them */
    scene.b = keyed_node (NODE_B, "a");
    memcpy (scene.b->instance, scene.a->instance, sizeof scene.b->instance);
    join (scene.b);
    ck_assert_str_ne (scene.a->given, scene.b->given);
    json_t *nodes = query (otto, "{\"get\":\"nodes\"}");
    ck_assert_uint_eq (json_array_size (json_object_get (nodes, "nodes")), 2);
    json_decref (nodes);
    say_done (scene.a, &scene.token, "the frames", NULL);
    expect_token (scene.a, AUT_MSG_ACK, &scene.token);
    close_scene (&scene);
    aut_client_destroy (&otto);
}
END_TEST

START_TEST (a_revoked_node_gives_its_lease_back)
{
    scene_t scene = open_scene (false);
    node_t *b = scene.b = keyed_node (NODE_B, "b");
    aut_received_t in;
    join (b);
    int64_t begun = zclock_mono ();
    take_out (AUT_ALLOW_NODES, NODE_A);
    /* although `a` said nothing, and long before it counts as lost */
    aut_token_t next = take_task (b);
    ck_assert_int_lt (zclock_mono () - begun, 10000);
    ck_assert_uint_eq (next.task, scene.token.task);
    ck_assert_uint_ne (next.attempt, scene.token.attempt);
    say_token (scene.a, AUT_MSG_STARTED, &scene.token);
    expect (scene.a, AUT_MSG_ERROR, &in);
    ck_assert_str_eq (in.msg.error.code, "denied");
    aut_received_clear (&in);
    say_done (b, &next, "the frames", NULL);
    expect_token (b, AUT_MSG_ACK, &next);
    await_job (scene.anna, scene.job, "done");
    close_scene (&scene);
}
END_TEST

/*  HELLO on a new connection; what answers. */
static aut_msg_type_t hello_anew (node_t *node, int who)
{
    aut_received_t in;
    zsock_destroy (&node->sock);
    OK (aut_net_connect_curve (&node->sock, AUT_PORT_NODE, at.url[AUT_PORT_NODE], &curves[who]));
    say_hello (node, NULL, 0);
    ck_assert (hear (node, PATIENCE_MS, &in));
    aut_msg_type_t type = in.msg.type;
    if (type == AUT_MSG_ERROR)
        ck_assert_str_eq (in.msg.error.code, "again");
    aut_received_clear (&in);
    return type;
}

static void await_metric (const char *line);

/*  Of one key there are two at a time here. */
START_TEST (a_key_has_so_many_nodes)
{
    node_t *one = keyed_node (NODE_A, "one"), *two = keyed_node (NODE_A, "two");
    node_t *three = keyed_node (NODE_A, "three"), *other = keyed_node (NODE_B, "other");
    join (one);
    join (two);
    ck_assert_int_eq (hello_anew (three, NODE_A), AUT_MSG_ERROR);
    await_metric ("auteur_refused_total{reason=\"crowd\"} 1");
    join (other); /* another key has places of its own */
    /* who connects again takes its own place */
    ck_assert_int_eq (hello_anew (one, NODE_A), AUT_MSG_WELCOME);
    ck_assert_int_eq (hello_anew (one, NODE_A), AUT_MSG_WELCOME);
    ck_assert_int_eq (hello_anew (three, NODE_A), AUT_MSG_ERROR);
    say_token (two, AUT_MSG_BYE, &(aut_token_t){0});
    aut_msg_type_t type;
    for (int64_t end = zclock_mono () + PATIENCE_MS;
         (type = hello_anew (three, NODE_A)) == AUT_MSG_ERROR && zclock_mono () < end;)
        zclock_sleep (20);
    ck_assert_int_eq (type, AUT_MSG_WELCOME);
    drop_node (&one);
    drop_node (&two);
    drop_node (&three);
    drop_node (&other);
}
END_TEST

/* ---- clients --------------------------------------------------------------------------------- */

/*  PING on a client socket until the answer is of this type; PONG or ERROR. */
static void await_answer (zsock_t *sock, aut_msg_type_t type)
{
    for (int64_t end = zclock_mono () + PATIENCE_MS; zclock_mono () < end;) {
        aut_received_t in;
        aut_net_send (sock, &(aut_msg_t){.type = AUT_MSG_PING}, NULL, 0);
        aut_net_wait (sock, NULL, 50);
        bool there = false;
        while (!there && aut_net_recv (sock, false, &in) == 0) {
            there = in.msg.type == type;
            aut_received_clear (&in);
        }
        if (there)
            return;
    }
    ck_abort_msg ("no %s came", aut_msg_name (type));
}

START_TEST (a_connection_outlives_its_key_in_vain)
{
    zsock_t *sock;
    OK (aut_net_connect_curve (&sock, AUT_PORT_CLIENT, at.url[AUT_PORT_CLIENT], &curves[ANNA]));
    await_answer (sock, AUT_MSG_PONG);
    take_out (AUT_ALLOW_CLIENTS, ANNA);
    await_answer (sock, AUT_MSG_ERROR);
    allow (AUT_ALLOW_CLIENTS, "anna", ANNA, false);
    await_answer (sock, AUT_MSG_PONG); /* the same connection */
    zsock_destroy (&sock);
}
END_TEST

START_TEST (questions_are_refused_after_revocation)
{
    aut_client_t *vera = new_client (VERA);
    json_decref (query (vera, "{\"get\":\"status\"}"));
    take_out (AUT_ALLOW_VIEWERS, VERA);
    int rc = 0;
    for (int i = 0; !rc && i < PATIENCE_MS / 20; i++) {
        json_t *reply = NULL;
        rc = aut_client_query (vera, "{\"get\":\"status\"}", &reply);
        json_decref (reply);
        zclock_sleep (20);
    }
    ck_assert_int_eq (rc, AUT_ERR_DENIED);
    aut_client_destroy (&vera);
}
END_TEST

START_TEST (files_are_refused_after_revocation)
{
    aut_client_t *anna = new_client (ANNA);
    aut_artifact_client_t *artifacts;
    aut_ref_t ref;
    char *data = NULL;
    size_t size;
    int rc = 0;
    OK (aut_client_artifacts (anna, &artifacts));
    OK (aut_artifact_put_bytes (artifacts, &ref, "a picture", 9));
    take_out (AUT_ALLOW_CLIENTS, ANNA);
    for (int64_t end = zclock_mono () + PATIENCE_MS; !rc && zclock_mono () < end;) {
        rc = aut_artifact_get_bytes (artifacts, &ref.hash, 100, &data, &size);
        free (data);
        data = NULL;
    }
    ck_assert_int_eq (rc, AUT_ERR_DENIED);
    ck_assert_int_eq (aut_artifact_put_bytes (artifacts, &ref, "another", 7), AUT_ERR_DENIED);
    aut_client_destroy (&anna);
}
END_TEST

/* ---- lists that cannot be read --------------------------------------------------------------- */

static void write_list (const char *file, const char *text)
{
    char *path = aut_path_join (keys, file, NULL);
    FILE *out = fopen (path, "w"); /* in place, as an editor does; the mode stays */
    ck_assert_ptr_nonnull (out);
    ck_assert_int_ge (fputs (text, out), 0);
    ck_assert_int_eq (fclose (out), 0);
    free (path);
}

static void await_metric (const char *line)
{
    aut_client_t *vera = new_client (VERA);
    bool there = false;
    for (int64_t end = zclock_mono () + PATIENCE_MS; !there && zclock_mono () < end;) {
        json_t *reply = query (vera, "{\"get\":\"metrics\"}");
        const char *text = json_string_value (json_object_get (reply, "text"));
        there = text && strstr (text, line);
        json_decref (reply);
    }
    ck_assert_msg (there, "no %s", line);
    aut_client_destroy (&vera);
}

START_TEST (a_slip_in_one_list_holds_no_revocation_up)
{
    zsock_t *sock;
    OK (aut_net_connect_curve (&sock, AUT_PORT_CLIENT, at.url[AUT_PORT_CLIENT], &curves[ANNA]));
    await_answer (sock, AUT_MSG_PONG);
    write_list ("viewers.allow", "this is no line of a list\n");
    await_metric ("auteur_key_lists_stale 1"); /* vera may still ask */
    take_out (AUT_ALLOW_CLIENTS, ANNA);
    await_answer (sock, AUT_MSG_ERROR);
    zsock_destroy (&sock);
}
END_TEST

/*  The mode of the folder does not show in the files, which stay as they are when it is mended. */
START_TEST (lists_count_once_the_folder_is_mended)
{
    zsock_t *sock;
    OK (aut_net_connect_curve (&sock, AUT_PORT_CLIENT, at.url[AUT_PORT_CLIENT], &curves[ANNA]));
    await_answer (sock, AUT_MSG_PONG);
    ck_assert_int_eq (chmod (keys, 0755), 0);
    write_list ("clients.allow", "# nobody\n");
    await_metric ("auteur_key_lists_stale 1");
    await_answer (sock, AUT_MSG_PONG); /* still in force */
    ck_assert_int_eq (chmod (keys, 0700), 0);
    await_answer (sock, AUT_MSG_ERROR);
    await_metric ("auteur_key_lists_stale 0");
    zsock_destroy (&sock);
}
END_TEST

/*  A peer may choose its route by itself, also one that another node had. */
START_TEST (a_route_is_its_key_s)
{
    scene_t scene = open_scene (true);
    node_t *b = scene.b = keyed_node (NODE_B, "b");
    aut_received_t in;
    zsock_destroy (&scene.a->sock); /* its session lives on for a while */
    aut_msg_t started = {.type = AUT_MSG_STARTED, .started = {.token = scene.token}};
    bool refused = false;
    /* While the old connection is not gone yet, ZeroMQ lets nobody have its route. */
    for (int i = 0; !refused && i < 60; i++) {
        zsock_destroy (&b->sock);
        b->sock = routed (NODE_B);
        aut_net_send (b->sock, &started, NULL, 0);
        while (!refused && aut_net_wait (b->sock, NULL, 500)) {
            refused = aut_net_recv (b->sock, false, &in) == 0 && in.msg.type == AUT_MSG_ERROR &&
                      strcmp (in.msg.error.code, "state") == 0;
            aut_received_clear (&in);
        }
    }
    ck_assert_msg (refused, "a node goes on as another one");
    join (b);
    close_scene (&scene);
}
END_TEST

/*  Another client's jobs are not there: neither in listings nor among events. */
START_TEST (events_of_others_are_left_out)
{
    aut_client_t *anna = new_client (ANNA), *ben = new_client (BEN), *otto = new_client (OTTO);
    char *job = submit_film (anna, "film-of-anna", 1, 1);
    json_t *mine = query (anna, "{\"get\":\"events\",\"after\":0}");
    json_t *his = query (ben, "{\"get\":\"events\",\"after\":0}");
    json_t *all = query (otto, "{\"get\":\"events\",\"after\":0}");
    char *text = json_dumps (mine, 0), *other = json_dumps (his, 0), *every = json_dumps (all, 0);
    ck_assert_ptr_nonnull (strstr (text, "film-of-anna"));
    ck_assert_ptr_nonnull (strstr (every, "film-of-anna"));
    ck_assert_ptr_null (strstr (other, "film-of-anna"));
    ck_assert_ptr_null (strstr (other, job));
    /* yet his place moves on to the last one */
    size_t count = json_array_size (json_object_get (his, "events"));
    ck_assert_uint_ge (count, 1);
    const json_t *last = json_array_get (json_object_get (his, "events"), count - 1);
    ck_assert_int_eq (json_integer_value (json_object_get (last, "seq")),
                      json_integer_value (json_object_get (his, "seq")));
    json_t *reply = NULL;
    char *question = aut_sprintf ("{\"get\":\"job\",\"id\":\"%s\"}", job);
    ck_assert_int_eq (aut_client_query (ben, question, &reply), AUT_ERR_NOT_FOUND);
    free (question);
    question = aut_sprintf ("{\"get\":\"explain\",\"id\":\"%s\"}", job);
    ck_assert_int_eq (aut_client_query (ben, question, &reply), AUT_ERR_NOT_FOUND);
    json_t *story = query (anna, question);
    ck_assert_str_eq (json_string_value (json_object_get (story, "owner")), "anna");
    json_decref (story);
    ck_assert_int_eq (aut_client_cancel (ben, job), AUT_ERR_NOT_FOUND);
    ck_assert_int_eq (aut_client_drain (ben, "a"), AUT_ERR_DENIED);
    OK (aut_client_cancel (otto, job));
    free (question);
    free (text);
    free (other);
    free (every);
    json_decref (mine);
    json_decref (his);
    json_decref (all);
    free (job);
    aut_client_destroy (&anna);
    aut_client_destroy (&ben);
    aut_client_destroy (&otto);
}
END_TEST

/* ---- events ---------------------------------------------------------------------------------- */

static zsock_t *subscribe (int who)
{
    zsock_t *sock;
    OK (aut_net_connect_curve (&sock, AUT_PORT_EVENTS, at.url[AUT_PORT_EVENTS], &curves[who]));
    zsock_set_subscribe (sock, "");
    return sock;
}

/*  Drops what is there; true if there was anything. */
static bool hear_events (zsock_t *sock, int timeout_ms)
{
    bool any = false;
    while (aut_net_wait (sock, NULL, any ? 0 : timeout_ms)) {
        zmsg_t *msg = zmsg_recv (sock);
        zmsg_destroy (&msg);
        any = true;
    }
    return any;
}

/*  Makes events until the subscriber hears one. */
static void publish_until (zsock_t *heard_by, aut_client_t *anna)
{
    for (int i = 0; i < 200; i++) {
        free (submit_film (anna, "film", 1, 1));
        if (hear_events (heard_by, 100))
            return;
    }
    ck_abort_msg ("no event came");
}

START_TEST (subscriptions_end_with_the_key)
{
    aut_client_t *anna = new_client (ANNA);
    zsock_t *otto = subscribe (OTTO), *vera = subscribe (VERA), *plain = subscribe (ANNA);
    publish_until (otto, anna);
    publish_until (vera, anna);
    take_out (AUT_ALLOW_VIEWERS, VERA);
    /* Within a second all subscriptions are cut; otto is back by himself, and she is not. */
    bool heard = true;
    for (int i = 0; heard && i < 100; i++) {
        hear_events (otto, 0);
        hear_events (vera, 0);
        publish_until (otto, anna);
        heard = hear_events (vera, 100);
    }
    publish_until (otto, anna);
    ck_assert_msg (!hear_events (vera, 300), "a revoked viewer hears events");
    ck_assert_msg (!hear_events (plain, 0), "a plain client hears everybody's events");
    zsock_destroy (&otto);
    zsock_destroy (&vera);
    zsock_destroy (&plain);
    aut_client_destroy (&anna);
}
END_TEST

/*  Takes the port as soon as nobody has it. */
typedef struct {
    uint16_t port;
    int fd;   /* atomic: -1 = not yet */
    int stop; /* atomic */
} thief_t;

static void *steal (void *arg)
{
    thief_t *self = arg;
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons (self->port),
                                  .sin_addr.s_addr = htonl (INADDR_LOOPBACK)};
    while (!__atomic_load_n (&self->stop, __ATOMIC_ACQUIRE)) {
        int on = 1, fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        setsockopt (fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
        if (bind (fd, (struct sockaddr *)&address, sizeof address) == 0 && listen (fd, 64) == 0) {
            __atomic_store_n (&self->fd, fd, __ATOMIC_RELEASE);
            return NULL;
        }
        close (fd);
    }
    return NULL;
}

/*  Has all subscriptions cut until the port of events is not the broker's any more. */
static int take_port_of_events (void)
{
    thief_t thief = {.fd = -1};
    const char *colon = strrchr (at.url[AUT_PORT_EVENTS], ':');
    thief.port = (uint16_t)strtoul (colon + 1, NULL, 10);
    for (int i = 0; i < 20 && thief.fd < 0; i++) {
        pthread_t thread;
        thief.stop = 0;
        ck_assert_int_eq (pthread_create (&thread, NULL, steal, &thief), 0);
        take_out (AUT_ALLOW_NODES, NODE_A);
        for (int64_t end = zclock_mono () + 2000;
             zclock_mono () < end && __atomic_load_n (&thief.fd, __ATOMIC_ACQUIRE) < 0;)
            zclock_sleep (10);
        __atomic_store_n (&thief.stop, 1, __ATOMIC_RELEASE);
        pthread_join (thread, NULL);
        allow (AUT_ALLOW_NODES, "a", NODE_A, false);
        zclock_sleep (300); /* so that the lists are seen with the key before it goes again */
    }
    ck_assert_msg (thief.fd >= 0, "the port is never free");
    return thief.fd;
}

static void await_in_file (const char *path, const char *what)
{
    bool there = false;
    for (int64_t end = zclock_mono () + PATIENCE_MS; !there && zclock_mono () < end;) {
        char *text = NULL;
        size_t size;
        OK (aut_file_read (path, 1 << 20, &text, &size));
        there = strstr (text, what);
        free (text);
        zclock_sleep (20);
    }
    ck_assert_msg (there, "no %s in the log", what);
}

START_TEST (events_come_back_with_their_port)
{
    aut_client_t *anna = new_client (ANNA);
    zsock_t *otto = subscribe (OTTO);
    publish_until (otto, anna);
    char *path = aut_path_join (dir, "log", NULL);
    int log = open (path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    ck_assert_int_eq (dup2 (log, STDERR_FILENO), STDERR_FILENO);
    close (log);
    int taken = take_port_of_events ();
    await_in_file (path, "events are not published");
    await_metric ("auteur_events_down 1");
    free (submit_film (anna, "film", 1, 1)); /* the broker works on without them */
    close (taken);
    await_in_file (path, "events are published again");
    await_metric ("auteur_events_down 0");
    publish_until (otto, anna);
    zsock_destroy (&otto);
    aut_client_destroy (&anna);
    free (path);
}
END_TEST

int main (void)
{
    Suite *suite = suite_create ("broker with keys");
    TCase *tc = tcase_create ("keys");
    tcase_set_timeout (tc, 120);
    tcase_add_checked_fixture (tc, keyed_setup, keyed_teardown);
    tcase_add_test (tc, a_node_finishes_only_what_it_leased);
    tcase_add_test (tc, what_runs_is_its_owner_s);
    tcase_add_test (tc, another_key_is_another_node);
    tcase_add_test (tc, a_revoked_node_gives_its_lease_back);
    tcase_add_test (tc, a_connection_outlives_its_key_in_vain);
    tcase_add_test (tc, questions_are_refused_after_revocation);
    tcase_add_test (tc, files_are_refused_after_revocation);
    tcase_add_test (tc, a_slip_in_one_list_holds_no_revocation_up);
    tcase_add_test (tc, lists_count_once_the_folder_is_mended);
    tcase_add_test (tc, a_route_is_its_key_s);
    tcase_add_test (tc, events_of_others_are_left_out);
    tcase_add_test (tc, subscriptions_end_with_the_key);
    tcase_add_test (tc, events_come_back_with_their_port);
    suite_add_tcase (suite, tc);
    tc = tcase_create ("few nodes of a key");
    tcase_set_timeout (tc, 120);
    tcase_add_checked_fixture (tc, setup_few, keyed_teardown);
    tcase_add_test (tc, a_key_has_so_many_nodes);
    suite_add_tcase (suite, tc);
    SRunner *runner = srunner_create (suite);
    srunner_run_all (runner, CK_NORMAL);
    int failed = srunner_ntests_failed (runner);
    srunner_free (runner);
    return failed ? 1 : 0;
}
