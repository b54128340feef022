/*  The client library against a broker of the test's own, which can be told to be deaf, to die and
 * to come back. */
#include "lib/core/error.h"
#include "lib/core/file.h"
#include "lib/core/mem.h"
#include "proto/client.h"

#include <check.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/*  One thread with three sockets. Commands are written down in `broker`, which outlives a restart.
 */
typedef struct {
    atomic_uint submits, cancels, queries;
    atomic_bool deaf;    /* takes commands in and answers none */
    atomic_uint busy;    /* so many commands are answered with AGAIN */
    atomic_uint skip;    /* so many events are numbered and not published */
    atomic_uint publish; /* so many events wait to be made */
    atomic_bool forget;  /* events can not be asked for any more */
    atomic_ullong epoch, seq;
    atomic_ullong stored; /* not 0: keeps events of its predecessors, from after this number on */
    atomic_ullong elder;  /* events up to this number are the predecessor's */
    atomic_ullong page;   /* not 0: so many events in an answer at most */
    char idempotency[64]; /* of the first SUBMIT */
} broker_t;

typedef struct {
    broker_t *broker;
    zsock_t *sock[AUT_PORT_COUNT];
    atomic_bool stop;
    pthread_t thread;
} server_t;

static broker_t broker;

static void answer_results (const aut_msg_results_t *request, aut_msg_t *out,
                            aut_msg_result_t *items)
{
    uint64_t first = request->after + 1;
    size_t count = 0;
    for (uint64_t i = first; i <= 70 && count < request->limit; i++, count++)
        items[count] = (aut_msg_result_t){
            .ordinal = i, .shot = "s", .key = {{1}}, .state = "done", .attempt = 1};
    out->type = AUT_MSG_RESULTS_PAGE;
    out->results_page = (aut_msg_results_page_t){
        request->req, request->job, "done", first + count > 70 ? 0 : first + count - 1,
        items,        count};
}

static void on_command (server_t *self, aut_received_t *in)
{
    aut_msg_t out = {.type = AUT_MSG_OK, .ok = {in->msg.ok.req}};
    aut_msg_result_t items[AUT_PAGE_MAX];
    broker_t *b = self->broker;
    if (atomic_load (&b->deaf))
        return;
    if (atomic_load (&b->busy)) {
        atomic_fetch_sub (&b->busy, 1);
        aut_net_send_error_to (self->sock[AUT_PORT_CLIENT], &in->peer, in->msg.ok.req, 0,
                               aut_fail (AUT_ERR_AGAIN, "full"));
        return;
    }
    switch (in->msg.type) {
    case AUT_MSG_SUBMIT:
        if (atomic_fetch_add (&b->submits, 1) == 0)
            aut_msg_clip (b->idempotency, sizeof b->idempotency, in->msg.submit.idempotency);
        out.type = AUT_MSG_SUBMITTED;
        out.submitted =
            (aut_msg_submitted_t){in->msg.submit.req, "j1", atomic_load (&b->submits) > 1};
        break;
    case AUT_MSG_RESULTS:
        answer_results (&in->msg.results, &out, items);
        break;
    case AUT_MSG_CANCEL:
        atomic_fetch_add (&b->cancels, 1);
        if (strcmp (in->msg.cancel.job, "j1") != 0)
            out = (aut_msg_t){.type = AUT_MSG_ERROR,
                              .error = {in->msg.cancel.req, 0, "not-found", "job j9 is unknown"}};
        break;
    default:
        break;
    }
    aut_net_send_to (self->sock[AUT_PORT_CLIENT], &in->peer, &out, NULL, 0);
}

static char *make_event (uint64_t seq)
{
    unsigned long long epoch = atomic_load (&broker.epoch);
    return aut_sprintf ("{\"epoch\":%llu,\"seq\":%llu,\"type\":\"job\",\"job\":\"j1\"}",
                        seq <= atomic_load (&broker.elder) ? epoch - 1 : epoch,
                        (unsigned long long)seq);
}

static void on_query (server_t *self, const aut_peer_t *peer, bool envelope, const char *text)
{
    aut_buffer_t out = {0};
    const char *after = strstr (text, "\"after\":");
    unsigned long long seq = atomic_load (&broker.seq);
    atomic_fetch_add (&broker.queries, 1);
    if (after && atomic_load (&broker.forget))
        aut_buffer_text (&out, "{\"error\":{\"code\":\"gone\",\"message\":\"too old\"}}");
    else if (after) {
        aut_buffer_text (&out, "{\"events\":[");
        unsigned long long from = strtoull (after + 8, NULL, 10),
                           kept = atomic_load (&broker.stored);
        if (kept > from)
            from = kept; /* what is missing was progress */
        unsigned long long page = atomic_load (&broker.page),
                           last = page && seq > from + page ? from + page : seq;
        for (unsigned long long i = from + 1; i <= last; i++) {
            char *event = make_event (i);
            aut_buffer_format (&out, "%s%s", i > from + 1 ? "," : "", event);
            free (event);
        }
        aut_buffer_text (&out, "],");
        if (kept)
            aut_buffer_format (&out, "\"next\":%llu,", last);
        aut_buffer_format (&out, "\"seq\":%llu,\"epoch\":%llu}", seq,
                           (unsigned long long)atomic_load (&broker.epoch));
    } else if (strstr (text, "status"))
        aut_buffer_format (&out, "{\"epoch\":%llu,\"seq\":%llu}",
                           (unsigned long long)atomic_load (&broker.epoch), seq);
    else
        aut_buffer_text (&out, "{\"error\":{\"code\":\"not-found\",\"message\":\"no such job\"}}");
    if (!atomic_load (&broker.deaf))
        aut_net_send_reply (self->sock[AUT_PORT_STATUS], peer, envelope, out.data, out.size);
    aut_buffer_clear (&out);
}

static void publish_some (server_t *self)
{
    while (atomic_load (&broker.publish)) {
        char *event = make_event (atomic_fetch_add (&broker.seq, 1) + 1);
        if (atomic_load (&broker.skip))
            atomic_fetch_sub (&broker.skip, 1);
        else
            aut_net_publish (self->sock[AUT_PORT_EVENTS], "job.j1", event, strlen (event));
        free (event);
        atomic_fetch_sub (&broker.publish, 1);
    }
}

static void *serve (void *arg)
{
    server_t *self = arg;
    zpoller_t *poller =
        zpoller_new (self->sock[AUT_PORT_CLIENT], self->sock[AUT_PORT_STATUS], NULL);
    while (!atomic_load (&self->stop)) {
        aut_received_t in;
        while (aut_net_recv (self->sock[AUT_PORT_CLIENT], true, &in) == 0) {
            on_command (self, &in);
            aut_received_clear (&in);
        }
        aut_received_clear (&in);
        aut_peer_t peer;
        bool envelope;
        char *text;
        while (aut_net_recv_query (self->sock[AUT_PORT_STATUS], &peer, &envelope, &text) == 0) {
            on_query (self, &peer, envelope, text);
            free (text);
        }
        publish_some (self);
        zpoller_wait (poller, 5);
    }
    zpoller_destroy (&poller);
    return NULL;
}

static server_t *server_new (const aut_endpoints_t *endpoints)
{
    static const aut_port_t used[] = {AUT_PORT_CLIENT, AUT_PORT_STATUS, AUT_PORT_EVENTS};
    server_t *self = aut_calloc (1, sizeof *self);
    self->broker = &broker;
    for (size_t i = 0; i < 3; i++) {
        const char *url = endpoints ? endpoints->url[used[i]] : "tcp://127.0.0.1:*";
        int rc = aut_net_bind (&self->sock[used[i]], used[i], url);
        for (int tries = 0; rc && tries < 500; tries++) {
            zclock_sleep (10);
            rc = aut_net_bind (&self->sock[used[i]], used[i], url);
        }
        ck_assert_msg (rc == 0, "%s", aut_error_detail ());
    }
    pthread_create (&self->thread, NULL, serve, self);
    return self;
}

static void server_destroy (server_t **self_p)
{
    server_t *self = *self_p;
    atomic_store (&self->stop, true);
    pthread_join (self->thread, NULL);
    for (size_t i = 0; i < AUT_PORT_COUNT; i++)
        if (self->sock[i]) {
            zsock_set_linger (self->sock[i], 0);
            zsock_destroy (&self->sock[i]);
        }
    free (self);
    *self_p = NULL;
}

/*  Where the server's free ports are; the caller clears. */
static aut_endpoints_t endpoints_of (const server_t *server)
{
    aut_endpoints_t out;
    ck_assert_int_eq (aut_endpoints_parse (&out, "127.0.0.1"), 0);
    for (size_t i = 0; i < AUT_PORT_COUNT; i++)
        if (server->sock[i]) {
            free (out.url[i]);
            out.url[i] = aut_strdup (zsock_endpoint (server->sock[i]));
        }
    return out;
}

static aut_client_t *client_of (const aut_endpoints_t *endpoints,
                                const aut_client_options_t *options)
{
    aut_client_t *client;
    ck_assert_int_eq (aut_client_new (&client, endpoints, options), 0);
    return client;
}

static const aut_ref_t some_ref = {{{1}}, 10};

static int count_result (void *ctx, const aut_msg_result_t *result)
{
    uint64_t *count = ctx;
    ck_assert_uint_eq (result->ordinal, ++*count);
    return 0;
}

START_TEST (commands)
{
    server_t *server = server_new (NULL);
    aut_endpoints_t endpoints = endpoints_of (server);
    aut_client_t *client = client_of (&endpoints, NULL);
    char *job, *state;
    bool existing = true;
    uint64_t count = 0;
    ck_assert_int_eq (aut_client_submit (client, &some_ref, "p", 0, NULL, &job, &existing), 0);
    ck_assert_str_eq (job, "j1");
    ck_assert (!existing);
    ck_assert_uint_eq (strlen (broker.idempotency), 32);
    ck_assert_int_eq (aut_client_results (client, "j1", count_result, &count, &state), 0);
    ck_assert_uint_eq (count, 70);
    ck_assert_str_eq (state, "done");
    ck_assert_int_eq (aut_client_cancel (client, "j1"), 0);
    ck_assert_int_eq (aut_client_cancel (client, "j9"), AUT_ERR_NOT_FOUND);
    ck_assert_str_eq (aut_error_detail (), "job j9 is unknown");
    ck_assert_int_eq (aut_client_cancel (client, ""), AUT_ERR_INVALID);
    atomic_store (&broker.busy, 2);
    ck_assert_int_eq (aut_client_retry (client, "j1"), 0);
    ck_assert_int_eq (aut_client_drain (client, "n"), 0);
    json_t *reply;
    ck_assert_int_eq (aut_client_query (client, "{\"get\":\"status\"}", &reply), 0);
    json_decref (reply);
    ck_assert_int_eq (aut_client_query (client, "{\"get\":\"job\"}", &reply), AUT_ERR_NOT_FOUND);
    free (job);
    free (state);
    aut_client_destroy (&client);
    aut_endpoints_clear (&endpoints);
    server_destroy (&server);
}
END_TEST

typedef struct {
    aut_client_t *client;
    char *job;
    bool existing;
    int rc;
} submit_t;

static void *submit_job (void *arg)
{
    submit_t *self = arg;
    self->rc =
        aut_client_submit (self->client, &some_ref, "p", 0, "key", &self->job, &self->existing);
    return NULL;
}

static void count_change (void *ctx, bool up)
{
    atomic_uint *changes = ctx;
    atomic_fetch_add (&changes[up], 1);
}

/*  The broker takes a SUBMIT in, dies before answering and comes back: it is asked again. */
START_TEST (restart_in_a_request)
{
    server_t *server = server_new (NULL);
    aut_endpoints_t endpoints = endpoints_of (server);
    atomic_uint changes[2] = {0, 0};
    const aut_client_options_t options = {.connection = count_change, .ctx = changes};
    submit_t job = {.client = client_of (&endpoints, &options)};
    ck_assert_int_eq (aut_client_cancel (job.client, "j1"), 0);
    atomic_store (&broker.deaf, true);
    pthread_t thread;
    pthread_create (&thread, NULL, submit_job, &job);
    while (atomic_load (&changes[0]) == 0)
        zclock_sleep (10);
    server_destroy (&server);
    atomic_store (&broker.deaf, false);
    server = server_new (&endpoints);
    pthread_join (thread, NULL);
    ck_assert_int_eq (job.rc, 0);
    ck_assert_str_eq (broker.idempotency, "key");
    ck_assert_uint_eq (atomic_load (&changes[0]), 1);
    ck_assert_uint_eq (atomic_load (&changes[1]), 1);
    free (job.job);
    aut_client_destroy (&job.client);
    aut_endpoints_clear (&endpoints);
    server_destroy (&server);
}
END_TEST

static bool after_a_moment (void *ctx)
{
    return ++*(int *)ctx > 3;
}

START_TEST (nobody_there)
{
    aut_endpoints_t endpoints;
    ck_assert_int_eq (aut_endpoints_parse (&endpoints, "127.0.0.1:1"), 0);
    aut_client_options_t options = {.contact_ms = 300};
    aut_client_t *client = client_of (&endpoints, &options);
    json_t *reply;
    ck_assert_int_eq (aut_client_cancel (client, "j1"), AUT_ERR_UNREACHABLE);
    ck_assert_ptr_nonnull (strstr (aut_error_detail (), "tcp://127.0.0.1:1)"));
    ck_assert_int_eq (aut_client_query (client, "{}", &reply), AUT_ERR_UNREACHABLE);
    ck_assert_ptr_nonnull (strstr (aut_error_detail (), "tcp://127.0.0.1:4)"));
    aut_client_destroy (&client);
    int asked = 0;
    options = (aut_client_options_t){.cancelled = after_a_moment, .ctx = &asked};
    client = client_of (&endpoints, &options);
    ck_assert_int_eq (aut_client_cancel (client, "j1"), AUT_ERR_CANCELLED);
    aut_client_destroy (&client);
    aut_endpoints_clear (&endpoints);
}
END_TEST

/*  After the first contact a call waits for its own time-out only. */
START_TEST (timeout_after_contact)
{
    server_t *server = server_new (NULL);
    aut_endpoints_t endpoints = endpoints_of (server);
    const aut_client_options_t options = {.contact_ms = 5000, .timeout_ms = 400};
    aut_client_t *client = client_of (&endpoints, &options);
    json_t *reply;
    ck_assert_int_eq (aut_client_cancel (client, "j1"), 0);
    atomic_store (&broker.deaf, true);
    ck_assert_int_eq (aut_client_cancel (client, "j1"), AUT_ERR_TIMEOUT);
    ck_assert_int_eq (aut_client_query (client, "{\"get\":\"status\"}", &reply), AUT_ERR_TIMEOUT);
    atomic_store (&broker.deaf, false);
    ck_assert_int_eq (aut_client_query (client, "{\"get\":\"status\"}", &reply), 0);
    json_decref (reply);
    aut_client_destroy (&client);
    aut_endpoints_clear (&endpoints);
    server_destroy (&server);
}
END_TEST

/*  Takes events until `seq`, each exactly one further. */
static void take_until (aut_client_t *client, json_int_t first, json_int_t last)
{
    for (json_int_t seq = first; seq <= last; seq++) {
        json_t *event;
        int rc = aut_client_events_next (client, 10000, &event);
        ck_assert_msg (rc == 0, "event %d: %s", (int)seq, aut_error_detail ());
        ck_assert_int_eq (json_integer_value (json_object_get (event, "seq")), seq);
        json_decref (event);
    }
}

START_TEST (events_without_gaps)
{
    server_t *server = server_new (NULL);
    aut_endpoints_t endpoints = endpoints_of (server);
    aut_client_t *client = client_of (&endpoints, NULL);
    json_t *event;
    atomic_store (&broker.epoch, 3);
    atomic_store (&broker.seq, 10);
    ck_assert_int_eq (aut_client_events_start (client), 0);
    atomic_store (&broker.publish, 20); /* the subscription may be later than some of these */
    take_until (client, 11, 30);
    atomic_store (&broker.skip, 5); /* a hole in the middle */
    atomic_store (&broker.publish, 10);
    take_until (client, 31, 40);
    atomic_store (&broker.skip, 2); /* the last ones are lost: only asking finds them */
    atomic_store (&broker.publish, 2);
    take_until (client, 41, 42);
    ck_assert_int_eq (aut_client_events_next (client, 100, &event), AUT_ERR_TIMEOUT);

    atomic_store (&broker.forget, true);
    atomic_store (&broker.skip, 5);
    atomic_store (&broker.publish, 6);
    ck_assert_int_eq (aut_client_events_next (client, 10000, &event), AUT_ERR_STATE);
    atomic_store (&broker.forget, false);
    atomic_store (&broker.publish, 1);
    take_until (client, 49, 49);

    /* a new epoch counts anew: a restart, and brokers of higher and lower identity */
    const uint64_t epochs[] = {4, (UINT64_C (9) << 20) + 1, (UINT64_C (3) << 20) + 1};
    for (size_t i = 0; i < sizeof epochs / sizeof *epochs; i++) {
        server_destroy (&server);
        atomic_store (&broker.epoch, epochs[i]);
        atomic_store (&broker.seq, 100);
        server = server_new (&endpoints);
        int rc;
        do
            rc = aut_client_events_next (client, 1000, &event);
        while (rc == AUT_ERR_TIMEOUT);
        ck_assert_int_eq (rc, AUT_ERR_STATE);
        atomic_store (&broker.publish, 3);
        take_until (client, 101, 103);
    }
    aut_client_destroy (&client);
    aut_endpoints_clear (&endpoints);
    server_destroy (&server);
}
END_TEST

/*  A broker that starts again goes on where it was: with what it stored, behind a jump. */
START_TEST (events_over_a_restart)
{
    server_t *server = server_new (NULL);
    aut_endpoints_t endpoints = endpoints_of (server);
    aut_client_t *client = client_of (&endpoints, NULL);
    json_t *event;
    atomic_store (&broker.epoch, 3);
    atomic_store (&broker.stored, 1);
    atomic_store (&broker.seq, 10);
    ck_assert_int_eq (aut_client_events_start (client), 0);
    atomic_store (&broker.publish, 5);
    take_until (client, 11, 15);
    server_destroy (&server);
    atomic_store (&broker.epoch, 4);
    atomic_store (&broker.stored, 998); /* and numbers 16 to 998 are nobody's any more */
    atomic_store (&broker.seq, 1000);
    server = server_new (&endpoints);
    take_until (client, 999, 1000);
    atomic_store (&broker.publish, 3);
    take_until (client, 1001, 1003);
    atomic_store (&broker.stored, 0);
    atomic_store (&broker.epoch, (UINT64_C (9) << 20) + 1); /* another one in its place */
    atomic_store (&broker.publish, 1);
    int rc;
    do
        rc = aut_client_events_next (client, 1000, &event);
    while (rc == AUT_ERR_TIMEOUT);
    ck_assert_int_eq (rc, AUT_ERR_STATE);
    aut_client_destroy (&client);
    aut_endpoints_clear (&endpoints);
    server_destroy (&server);
}
END_TEST

/*  Who missed more than one answer holds goes on through what its broker's predecessor stored. */
START_TEST (events_of_a_predecessor_in_pages)
{
    server_t *server = server_new (NULL);
    aut_endpoints_t endpoints = endpoints_of (server);
    aut_client_t *client = client_of (&endpoints, NULL);
    atomic_store (&broker.epoch, 3);
    atomic_store (&broker.stored, 1);
    atomic_store (&broker.seq, 10);
    ck_assert_int_eq (aut_client_events_start (client), 0);
    atomic_store (&broker.publish, 5);
    take_until (client, 11, 15);
    server_destroy (&server);
    atomic_store (&broker.epoch, 4);
    atomic_store (&broker.elder, 40);
    atomic_store (&broker.page, 10);
    atomic_store (&broker.seq, 60);
    server = server_new (&endpoints);
    take_until (client, 16, 60);
    aut_client_destroy (&client);
    aut_endpoints_clear (&endpoints);
    server_destroy (&server);
}
END_TEST

static const struct {
    const char *text;
    const char *client, *events; /* NULL: refused */
} addresses[] = {
    {"render-box", "tcp://render-box:7700", "tcp://render-box:7704"},
    {"tcp://10.0.0.1:9000", "tcp://10.0.0.1:9000", "tcp://10.0.0.1:9004"},
    {"[::1]:7700", "tcp://[::1]:7700", "tcp://[::1]:7704"},
    {"[::1]", "tcp://[::1]:7700", "tcp://[::1]:7704"},
    {"host:65531", "tcp://host:65531", "tcp://host:65535"},
    {"host:65532", NULL, NULL},
    {"host:0", NULL, NULL},
    {"host:", NULL, NULL},
    {"host:7700x", NULL, NULL},
    {"host:99999999999999999999", NULL, NULL},
    {":7700", NULL, NULL},
    {"", NULL, NULL},
    {"tcp://", NULL, NULL},
    {"http://host", NULL, NULL},
    {"ho st", NULL, NULL},
    {"a;b", NULL, NULL},
    {"::1", NULL, NULL},
    {"[::1", NULL, NULL},
    {"host\n", NULL, NULL},
};

START_TEST (parse_addresses)
{
    aut_endpoints_t e;
    int rc = aut_endpoints_parse (&e, addresses[_i].text);
    ck_assert_msg ((rc == 0) == (addresses[_i].client != NULL), "\"%s\": %d", addresses[_i].text,
                   rc);
    if (rc == 0) {
        ck_assert_str_eq (e.url[AUT_PORT_CLIENT], addresses[_i].client);
        ck_assert_str_eq (e.url[AUT_PORT_EVENTS], addresses[_i].events);
        aut_endpoints_clear (&e);
    } else
        ck_assert_int_eq (rc, AUT_ERR_INVALID);
}
END_TEST

START_TEST (endpoints_file)
{
    char dir[] = "/tmp/aut-endpoints-XXXXXX";
    ck_assert_ptr_nonnull (mkdtemp (dir));
    char *path = aut_path_join (dir, "endpoints.json", NULL);
    aut_endpoints_t a, b;
    ck_assert_int_eq (aut_endpoints_parse (&a, "host:7700"), 0);
    a.epoch = 7;
    char *text = aut_endpoints_json (&a, 123);
    ck_assert_str_eq (text, "{\"client\":\"tcp://host:7700\",\"node\":\"tcp://host:7701\","
                            "\"data\":\"tcp://host:7702\",\"status\":\"tcp://host:7703\","
                            "\"events\":\"tcp://host:7704\",\"http\":\"http://host:7780\","
                            "\"pid\":123,\"epoch\":7}\n");
    ck_assert_int_eq (aut_endpoints_load (&b, path), AUT_ERR_NOT_FOUND);
    ck_assert_int_eq (aut_file_write (path, text, strlen (text)), 0);
    ck_assert_int_eq (aut_endpoints_load (&b, path), 0);
    for (size_t i = 0; i < AUT_PORT_COUNT; i++)
        ck_assert_str_eq (a.url[i], b.url[i]);
    ck_assert_str_eq (b.http, "http://host:7780");
    ck_assert_uint_eq (b.epoch, 7);
    aut_endpoints_clear (&b);
    ck_assert_int_eq (aut_file_write (path, "{\"client\":1}", 12), 0);
    ck_assert_int_eq (aut_endpoints_load (&b, path), AUT_ERR_INVALID);
    free (text);
    free (path);
    aut_endpoints_clear (&a);
    aut_dir_remove (dir);
}
END_TEST

/*  CZMQ would take SIGINT and SIGTERM at its first socket. */
static const int signals[] = {SIGINT, SIGTERM};
static struct sigaction before[2];

START_TEST (signals_stay_ours)
{
    zsock_t *sock;
    ck_assert_int_eq (aut_net_bind (&sock, AUT_PORT_CLIENT, "inproc://signals"), 0);
    for (size_t i = 0; i < 2; i++) {
        struct sigaction after;
        ck_assert_int_eq (sigaction (signals[i], NULL, &after), 0);
        ck_assert (after.sa_handler == before[i].sa_handler);
    }
    zsock_destroy (&sock);
}
END_TEST

static void reset (void)
{
    memset (&broker, 0, sizeof broker);
    for (size_t i = 0; i < 2; i++)
        sigaction (signals[i], NULL, &before[i]);
    aut_net_init ();
}

int main (void)
{
    Suite *suite = suite_create ("client");
    TCase *tc = tcase_create ("library");
    tcase_set_timeout (tc, 60);
    tcase_add_checked_fixture (tc, reset, NULL);
    tcase_add_test (tc, commands);
    tcase_add_test (tc, restart_in_a_request);
    tcase_add_test (tc, nobody_there);
    tcase_add_test (tc, timeout_after_contact);
    tcase_add_test (tc, events_without_gaps);
    tcase_add_test (tc, events_over_a_restart);
    tcase_add_test (tc, events_of_a_predecessor_in_pages);
    tcase_add_loop_test (tc, parse_addresses, 0, (int)(sizeof addresses / sizeof *addresses));
    tcase_add_test (tc, endpoints_file);
    tcase_add_test (tc, signals_stay_ours);
    suite_add_tcase (suite, tc);
    SRunner *runner = srunner_create (suite);
    srunner_run_all (runner, CK_ENV);
    int failed = srunner_ntests_failed (runner);
    srunner_free (runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
