/*  The HTTP port, request by request: every page's status, type and headers, streams of events and
 *  their bounds, and that a picture is shown only as the preview of its task. */
#include "tests/broker/harness.h"

#include "broker/store/store.h"
#include "lib/core/buffer.h"
#include "lib/core/error.h"
#include "lib/core/mem.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ANSWER_MAX (1 << 20)
#define STREAMS 16 /* that are served at a time */

static const char png[] = "\x89PNG\r\n\x1a\nnot really a picture";

static char *dir;
static aut_broker_t *broker;
static aut_endpoints_t endpoints;
static aut_client_t *client;

static void begin (const aut_broker_options_t *options)
{
    dir = make_dir ();
    broker = start_broker (dir, options, &endpoints);
    OK (aut_client_new (&client, &endpoints, NULL));
}

static void end (void)
{
    aut_client_destroy (&client);
    aut_broker_stop (&broker, 0);
    aut_endpoints_clear (&endpoints);
    drop_dir (dir);
}

/* ---- requests -------------------------------------------------------------------------------- */

static int dial (in_addr_t to, bool small)
{
    unsigned port = (unsigned)strtoul (strrchr (endpoints.http, ':') + 1, NULL, 10);
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons ((uint16_t)port), .sin_addr.s_addr = to};
    int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), size = 4096;
    if (small)
        setsockopt (fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    ck_assert_int_eq (connect (fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

static void ask (int fd, const char *line, const char *headers)
{
    char *text = aut_sprintf ("%s HTTP/1.1\r\n%s\r\n", line, headers);
    ck_assert_int_eq (send (fd, text, strlen (text), MSG_NOSIGNAL), (ssize_t)strlen (text));
    free (text);
}

/*  Reads until the text has come, or the connection's end; false if it ended first. */
static bool read_until (int fd, char *answer, const char *text)
{
    size_t got = strlen (answer);
    while (!text || !strstr (answer, text)) {
        struct pollfd wait = {.fd = fd, .events = POLLIN};
        ck_assert_msg (poll (&wait, 1, PATIENCE_MS) == 1, "no \"%s\" in: %s", text ? text : "end",
                       answer);
        ssize_t n = recv (fd, answer + got, ANSWER_MAX - 1 - got, 0);
        if (n <= 0)
            return false;
        got += (size_t)n;
        answer[got] = 0;
    }
    return true;
}

static char *http_at (in_addr_t to, const char *line, const char *headers)
{
    char *all = aut_sprintf ("%sConnection: close\r\n", headers);
    char *answer = aut_calloc (1, ANSWER_MAX);
    int fd = dial (to, false);
    ask (fd, line, all);
    read_until (fd, answer, NULL);
    close (fd);
    free (all);
    return answer;
}

static char *http (const char *line, const char *headers)
{
    return http_at (htonl (INADDR_LOOPBACK), line, headers);
}

static void expect_status (const char *line, const char *headers, const char *status,
                           const char *part)
{
    char *answer = http (line, headers);
    ck_assert_msg (strncmp (answer + strlen ("HTTP/1.1 "), status, 3) == 0, "%s %s → %.400s", line,
                   headers, answer);
    ck_assert_msg (!part || strstr (answer, part), "%s: no \"%s\" in %.2000s", line, part, answer);
    free (answer);
}

/* ---- pages ----------------------------------------------------------------------------------- */

#define LOCAL "Host: 127.0.0.1\r\n"

START_TEST (every_page_has_its_status_and_headers)
{
    static const struct {
        const char *line, *status, *type;
    } table[] = {
        {"GET /", "200", "text/html; charset=utf-8"},
        {"GET /app.js", "200", "text/javascript; charset=utf-8"},
        {"GET /view.js", "200", "text/javascript; charset=utf-8"},
        {"GET /app.css", "200", "text/css; charset=utf-8"},
        {"GET /icon.svg", "200", "image/svg+xml; charset=utf-8"},
        {"GET /healthz", "200", "text/plain; charset=utf-8"},
        {"GET /readyz", "200", "text/plain; charset=utf-8"},
        {"GET /metrics", "200", "text/plain; version=0.0.4; charset=utf-8"},
        {"GET /status.json", "200", "application/json"},
        {"GET /jobs.json", "200", "application/json"},
        {"GET /jobs.json?after=3&limit=2", "200", "application/json"},
        {"GET /nodes.json", "200", "application/json"},
        {"GET /job.json?id=j1", "404", "application/json"},
        {"GET /job.json?id=j1%20", "400", "text/plain; charset=utf-8"},
        {"GET /job.json", "400", "text/plain; charset=utf-8"},
        {"GET /job.json?id=1", "400", "text/plain; charset=utf-8"},
        {"GET /job.json?id=j1&limit=1001", "400", "text/plain; charset=utf-8"},
        {"GET /job.json?id=j99999999999999999999", "400", "text/plain; charset=utf-8"},
        {"GET /jobs.json?after=-1", "400", "text/plain; charset=utf-8"},
        {"GET /jobs.json?limit=0", "400", "text/plain; charset=utf-8"},
        {"GET /events?after=x", "400", "text/plain; charset=utf-8"},
        {"GET /nothing", "404", "text/plain; charset=utf-8"},
        {"GET /app.js/", "404", "text/plain; charset=utf-8"},
        {"GET /../auteur.db", "404", "text/plain; charset=utf-8"},
        {"GET /%2e%2e/auteur.db", "404", "text/plain; charset=utf-8"},
        {"GET /preview/", "404", "text/plain; charset=utf-8"},
        {"POST /jobs.json", "405", "text/plain; charset=utf-8"},
        {"DELETE /job.json?id=j1", "405", "text/plain; charset=utf-8"},
    };
    static const char *const headers[] = {
        "\r\nContent-Security-Policy: default-src 'none'; script-src 'self'; ",
        "frame-ancestors 'none'\r\n",
        "\r\nX-Content-Type-Options: nosniff\r\n",
        "\r\nX-Frame-Options: DENY\r\n",
        "\r\nReferrer-Policy: no-referrer\r\n",
        "\r\nCross-Origin-Resource-Policy: same-origin\r\n",
        "\r\nCache-Control: no-store\r\n",
    };
    begin (NULL);
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        char *type = aut_sprintf ("\r\nContent-Type: %s\r\n", table[i].type);
        expect_status (table[i].line, LOCAL, table[i].status, type);
        for (size_t j = 0; j < sizeof headers / sizeof *headers; j++)
            expect_status (table[i].line, LOCAL, table[i].status, headers[j]);
        free (type);
    }
    char *answer = http ("HEAD /app.js", LOCAL);
    ck_assert_ptr_nonnull (strstr (answer, "\r\nContent-Length: "));
    ck_assert_str_eq (strstr (answer, "\r\n\r\n"), "\r\n\r\n");
    free (answer);
    end ();
}
END_TEST

/*  A page from elsewhere whose name leads to loopback must not read what is here. */
START_TEST (on_loopback_films_are_for_requests_to_loopback)
{
    static const char *const good[] = {"127.0.0.1", "127.0.0.1:7780", "localhost:1", "LOCALHOST",
                                       "[::1]:7780"};
    static const char *const bad[] = {
        "evil.example", "127.0.0.1.evil.example", "localhost.evil", "x", "10.0.0.1", ""};
    begin (NULL);
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        char *host = aut_sprintf ("Host: %s\r\n", good[i]);
        expect_status ("GET /jobs.json", host, "200", NULL);
        free (host);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char *host = aut_sprintf ("Host: %s\r\n", bad[i]);
        expect_status ("GET /jobs.json", host, "403", "localhost");
        expect_status ("GET /events", host, "403", NULL);
        expect_status ("GET /", host, "403", NULL);
        expect_status ("GET /healthz", host, "200", NULL);
        expect_status ("GET /metrics", host, "200", NULL);
        free (host);
    }
    end ();
}
END_TEST

/*  An address of this machine that is not loopback; 0 if it has none. */
static in_addr_t outer_address (void)
{
    struct ifaddrs *list, *at;
    in_addr_t found = 0;
    if (getifaddrs (&list))
        return 0;
    for (at = list; at && !found; at = at->ifa_next)
        if (at->ifa_addr && at->ifa_addr->sa_family == AF_INET) {
            in_addr_t address = ((struct sockaddr_in *)(void *)at->ifa_addr)->sin_addr.s_addr;
            if (ntohl (address) >> 24 != 127)
                found = address;
        }
    freeifaddrs (list);
    return found;
}

START_TEST (with_keys_films_are_for_this_machine)
{
    aut_broker_options_t options;
    aut_curve_t pair;
    in_addr_t outer = outer_address ();
    char *keys = make_dir ();
    OK (aut_keypair_new (&pair.own));
    OK (aut_keypair_save (&pair.own, keys));
    aut_broker_options_init (&options);
    options.keys_dir = keys;
    options.http_bind = "0.0.0.0";
    dir = make_dir ();
    broker = start_broker (dir, &options, &endpoints);
    expect_status ("GET /jobs.json", LOCAL, "200", NULL);
    /* the browser at a tunnel's end, lured by a page whose name leads there */
    expect_status ("GET /jobs.json", "Host: evil.example\r\n", "403", "localhost");
    if (outer) {
        char *answer = http_at (outer, "GET /jobs.json", "Host: broker\r\n");
        ck_assert_msg (strncmp (answer, "HTTP/1.1 403", 12) == 0, "%.200s", answer);
        free (answer);
        answer = http_at (outer, "GET /metrics", "Host: broker\r\n");
        ck_assert_msg (strncmp (answer, "HTTP/1.1 200", 12) == 0, "%.200s", answer);
        free (answer);
    } else {
        fprintf (stderr, "this machine has no address but loopback: one half is not tested\n");
    }
    aut_broker_stop (&broker, 0);
    aut_endpoints_clear (&endpoints);
    drop_dir (dir);
    drop_dir (keys);
}
END_TEST

/* ---- probes ---------------------------------------------------------------------------------- */

static const aut_store_ops_t *true_ops;
static aut_store_ops_t ops;
static int full, held, in_commit; /* atomic: commits fail; wait; one does */
static int64_t ahead_ms;          /* atomic: of the broker's clock */

static int odd_commit (aut_store_t *self, const aut_store_mutation_t *batch, size_t count)
{
    __atomic_store_n (&in_commit, 1, __ATOMIC_SEQ_CST);
    while (__atomic_load_n (&held, __ATOMIC_SEQ_CST))
        usleep (1000);
    __atomic_store_n (&in_commit, 0, __ATOMIC_SEQ_CST);
    if (__atomic_load_n (&full, __ATOMIC_SEQ_CST))
        return aut_fail (AUT_ERR_NO_SPACE, "the disk is full, says the test");
    return true_ops->commit (self, batch, count);
}

static aut_store_t *make_odd (void *ctx, aut_store_t *inner)
{
    (void)ctx;
    true_ops = inner->ops;
    ops = *inner->ops;
    ops.commit = odd_commit;
    inner->ops = &ops;
    return inner;
}

static int64_t odd_mono (void *ctx)
{
    (void)ctx;
    return aut_mono_ms (aut_clock_system ()) + __atomic_load_n (&ahead_ms, __ATOMIC_SEQ_CST);
}

static int64_t odd_wall (void *ctx)
{
    (void)ctx;
    return aut_wall_ms (aut_clock_system ());
}

static bool says (const char *line, const char *part)
{
    char *answer = http (line, LOCAL);
    bool there = strstr (answer, part) != NULL;
    free (answer);
    return there;
}

static void await (const char *line, const char *part)
{
    for (int i = 0; !says (line, part); i++) {
        ck_assert_msg (i < PATIENCE_MS / 10, "%s does not say %s", line, part);
        usleep (10000);
    }
}

/*  Ready: commits work. Healthy: the loop goes round or sits in a commit, however slow that is. */
START_TEST (probes_say_how_it_is)
{
    const aut_clock_t clock = {odd_mono, odd_wall, NULL};
    aut_broker_options_t options;
    aut_broker_options_init (&options);
    options.wrap_store = make_odd;
    options.clock = &clock;
    begin (&options);
    char *job = submit_film (client, "film", 1, 1);
    await ("GET /readyz", " 200 ");
    await ("GET /metrics", "\nauteur_ready 1\n");
    __atomic_store_n (&full, 1, __ATOMIC_SEQ_CST);
    node_t *node = new_node (&endpoints, "n", 1, 1);
    say_hello (node, NULL, 0);
    await ("GET /readyz", " 503 ");
    await ("GET /readyz", "the database cannot be written");
    await ("GET /metrics", "\nauteur_ready 0\n");
    await ("GET /healthz", " 200 ");
    __atomic_store_n (&held, 1, __ATOMIC_SEQ_CST);
    for (int i = 0; !__atomic_load_n (&in_commit, __ATOMIC_SEQ_CST); i++) {
        ck_assert_int_lt (i, PATIENCE_MS);
        usleep (1000);
    }
    __atomic_add_fetch (&ahead_ms, 60000, __ATOMIC_SEQ_CST);
    expect_status ("GET /healthz", LOCAL, "200", "ok");
    expect_status ("GET /metrics", LOCAL, "503", "busy writing");
    __atomic_store_n (&full, 0, __ATOMIC_SEQ_CST);
    __atomic_store_n (&held, 0, __ATOMIC_SEQ_CST);
    await ("GET /readyz", " 200 ");
    /* A loop that has not gone round for a minute is not well; it does so within a second. */
    bool seen = false;
    for (int i = 0; i < 100 && !seen; i++) {
        __atomic_add_fetch (&ahead_ms, 60000, __ATOMIC_SEQ_CST);
        seen = says ("GET /healthz", "the loop does not go round");
    }
    ck_assert (seen);
    await ("GET /healthz", " 200 ");
    drop_node (&node);
    free (job);
    end ();
}
END_TEST

/* ---- pictures -------------------------------------------------------------------------------- */

static aut_ref_t put (node_t *node, const void *data, size_t size)
{
    aut_ref_t ref;
    OK (aut_artifact_put_bytes (node->artifacts, &ref, data, size));
    return ref;
}

static void finish (node_t *node, const aut_token_t *token, aut_ref_t preview)
{
    aut_msg_t msg = {.type = AUT_MSG_DONE};
    msg.done.token = *token;
    msg.done.mezzanine = msg.done.metadata = put (node, "clip", 4);
    msg.done.tail = put (node, "tail", 4);
    msg.done.preview = preview;
    msg.done.device = "cpu";
    OK (aut_net_send (node->sock, &msg, NULL, 0));
}

static void expect_preview (const aut_hash_t *hash, uint64_t task, const char *status)
{
    char hex[AUT_HASH_HEX];
    char *line = aut_sprintf ("GET /preview/%s.png?task=t%llu", aut_hash_hex (hash, hex),
                              (unsigned long long)task);
    expect_status (line, LOCAL, status, NULL);
    free (line);
}

START_TEST (a_picture_is_shown_only_as_its_tasks_preview)
{
    aut_received_t in;
    begin (NULL);
    node_t *node = new_node (&endpoints, "n", 1, 1);
    join (node);
    char *job = submit_film (client, "film", 2, 1);
    aut_token_t first = take_task (node);
    aut_ref_t picture = put (node, png, sizeof png - 1), other = put (node, "no picture", 10);
    expect_preview (&picture.hash, first.task, "404");
    finish (node, &first, picture);
    expect (node, AUT_MSG_ACK, &in);
    aut_received_clear (&in);
    aut_token_t second = take_task (node);
    finish (node, &second, other);
    expect (node, AUT_MSG_ACK, &in);
    aut_received_clear (&in);
    await_job (client, job, "done");

    char hex[AUT_HASH_HEX];
    char *line = aut_sprintf ("GET /preview/%s.png?task=t%llu", aut_hash_hex (&picture.hash, hex),
                              (unsigned long long)first.task);
    expect_status (line, LOCAL, "200", "\r\nContent-Type: image/png\r\n");
    expect_status (line, LOCAL, "200",
                   "\r\nCache-Control: private, max-age=31536000, immutable\r\n");
    expect_status (line, "Host: evil.example\r\n", "403", NULL);
    expect_preview (&picture.hash, second.task, "404"); /* another task's */
    expect_preview (&other.hash, second.task, "404");   /* no picture */
    aut_ref_t clip = put (node, "clip", 4);
    expect_preview (&clip.hash, first.task, "404"); /* a blob, but no preview */
    *strchr (line, '?') = 0;
    expect_status (line, LOCAL, "400", "task must be like t12");
    free (line);
    free (job);
    drop_node (&node);
    end ();
}
END_TEST

/* ---- events ---------------------------------------------------------------------------------- */

static int open_stream (const char *line, const char *headers, char *answer, const char *until)
{
    int fd = dial (htonl (INADDR_LOOPBACK), false);
    ask (fd, line, headers);
    ck_assert_msg (read_until (fd, answer, until), "no %s in %s", until, answer);
    return fd;
}

START_TEST (events_come_live_and_go_on_where_they_were)
{
    char *answer = aut_calloc (1, ANSWER_MAX);
    begin (NULL);
    int fd = open_stream ("GET /events", LOCAL, answer, "event: hello\n");
    ck_assert_ptr_nonnull (strstr (answer, "\r\nContent-Type: text/event-stream\r\n"));
    ck_assert_ptr_nonnull (strstr (answer, "\r\nCache-Control: no-store\r\n"));
    char *job = submit_film (client, "film", 2, 1);
    char *news = aut_sprintf ("\"job\":\"%s\"", job);
    ck_assert (read_until (fd, answer, news));
    const char *id = strstr (strstr (answer, "\ndata: ") + 1, "\nid: ");
    unsigned long long seq = strtoull (id + 5, NULL, 10);
    close (fd);

    /* What it saw is not told again, what came since is. */
    char *headers = aut_sprintf (LOCAL "Last-Event-ID: %llu\r\n", seq);
    OK (aut_client_cancel (client, job));
    memset (answer, 0, ANSWER_MAX);
    fd = open_stream ("GET /events?after=999999", headers, answer, "\"state\":\"cancelled\"");
    char *seen = aut_sprintf ("\nid: %llu\ndata: {\"epoch\":%llu,\"seq\":%llu,\"type\"", seq,
                              (unsigned long long)endpoints.epoch, seq);
    char *next = aut_sprintf ("\nid: %llu\n", seq + 1);
    ck_assert_ptr_null (strstr (answer, seen));
    ck_assert_ptr_nonnull (strstr (answer, next));
    close (fd);
    free (next);
    free (seen);
    free (headers);
    free (news);
    free (job);
    free (answer);
    end ();
}
END_TEST

/*  A reader that slept through a restart gets all that was stored, though nothing new happens. */
START_TEST (a_restart_holds_nothing_back)
{
    enum { STORED = 450 }; /* more than a stream asks for at a time */
    aut_store_t *store;
    aut_buffer_t text = {0};
    char *answer = aut_calloc (1, ANSWER_MAX);
    dir = make_dir ();
    OK (aut_store_open_sqlite (&store, dir));
    for (int i = 1; i <= STORED; i++)
        aut_buffer_format (&text, "0 %d \"type\":\"node\",\"node\":\"n\",\"state\":\"lost\"\n", i);
    const aut_store_events_t events = {STORED, 1000, text.data, text.size};
    const aut_store_mutation_t m = {.kind = AUT_STORE_EVENTS, .events = &events};
    OK (aut_store_commit (store, &m, 1));
    aut_store_destroy (&store);
    aut_buffer_clear (&text);
    broker = start_broker (dir, NULL, &endpoints);
    int fd = dial (htonl (INADDR_LOOPBACK), false);
    ask (fd, "GET /events?after=0", LOCAL);
    ck_assert (read_until (fd, answer, "id: 450\n"));
    close (fd);
    free (answer);
    /* numbers that were set aside are no events */
    expect_status ("GET /metrics", LOCAL, "200", "\nauteur_events_published_total 0\n");
    aut_broker_stop (&broker, 0);
    aut_endpoints_clear (&endpoints);
    drop_dir (dir);
}
END_TEST

START_TEST (who_missed_too_much_is_told_so_and_goes_on)
{
    char *answer = aut_calloc (1, ANSWER_MAX);
    begin (NULL);
    int fd = open_stream ("GET /events?after=5000000", LOCAL, answer, "event: gone\n");
    char *job = submit_film (client, "film", 1, 1);
    char *news = aut_sprintf ("\"job\":\"%s\"", job);
    ck_assert (read_until (fd, answer, news));
    close (fd);
    free (news);
    free (job);
    free (answer);
    end ();
}
END_TEST

/*  A new stream, as soon as one of the others is gone. */
static int reopen_stream (char *answer)
{
    for (int i = 0;; i++) {
        int fd = dial (htonl (INADDR_LOOPBACK), false);
        memset (answer, 0, ANSWER_MAX);
        ask (fd, "GET /events", LOCAL);
        ck_assert (read_until (fd, answer, "\r\n\r\n"));
        if (strncmp (answer, "HTTP/1.1 200", 12) == 0)
            return fd;
        close (fd);
        ck_assert_msg (i < PATIENCE_MS / 100, "no stream becomes free");
        usleep (100000);
    }
}

START_TEST (streams_are_few_and_leave_room)
{
    int fds[STREAMS];
    char *answer = aut_calloc (1, ANSWER_MAX);
    begin (NULL);
    for (int i = 0; i < STREAMS; i++) {
        memset (answer, 0, ANSWER_MAX);
        fds[i] = open_stream ("GET /events", LOCAL, answer, "event: hello\n");
    }
    expect_status ("GET /events", LOCAL, "503", "\r\nRetry-After: 5\r\n");
    expect_status ("GET /healthz", LOCAL, "200", NULL);
    expect_status ("GET /jobs.json", LOCAL, "200", NULL);
    /* One that leaves makes room, once the broker has noticed. */
    close (fds[0]);
    fds[0] = reopen_stream (answer);
    /* And a broker that stops does not wait for them. */
    aut_client_destroy (&client);
    aut_broker_stop (&broker, 0);
    for (int i = 0; i < STREAMS; i++)
        close (fds[i]);
    aut_endpoints_clear (&endpoints);
    drop_dir (dir);
    free (answer);
}
END_TEST

/*  As many as are served, and none takes anything while there is more to say than the kernel holds:
 *  they are hung up on, and another one is served. */
START_TEST (readers_that_take_nothing_are_dropped)
{
    int fds[STREAMS];
    char *answer = aut_calloc (1, ANSWER_MAX);
    begin (NULL);
    for (int i = 0; i < STREAMS; i++) {
        fds[i] = dial (htonl (INADDR_LOOPBACK), true);
        ask (fds[i], "GET /events?after=0", LOCAL);
        memset (answer, 0, ANSWER_MAX);
        ck_assert (read_until (fds[i], answer, "event: hello\n")); /* it is one of them now */
    }
    expect_status ("GET /events", LOCAL, "503", NULL);
    node_t *node = new_node (&endpoints, "n", 1, 1);
    join (node);
    char *job = submit_film (client, "film", 1, 1);
    aut_token_t token = take_task (node);
    aut_msg_t msg = {.type = AUT_MSG_PROGRESS};
    msg.progress.token = token;
    msg.progress.frames = 3000;
    for (msg.progress.frame = 1; msg.progress.frame <= 3000; msg.progress.frame++)
        while (aut_net_send (node->sock, &msg, NULL, 0) == AUT_ERR_AGAIN)
            usleep (1000);
    close (reopen_stream (answer));
    for (int i = 0; i < STREAMS; i++)
        close (fds[i]);
    drop_node (&node);
    free (job);
    free (answer);
    end ();
}
END_TEST

int main (void)
{
    Suite *suite = suite_create ("http");
    TCase *tc = tcase_create ("http");
    tcase_set_timeout (tc, 120);
    tcase_add_test (tc, every_page_has_its_status_and_headers);
    tcase_add_test (tc, on_loopback_films_are_for_requests_to_loopback);
    tcase_add_test (tc, with_keys_films_are_for_this_machine);
    tcase_add_test (tc, probes_say_how_it_is);
    tcase_add_test (tc, a_picture_is_shown_only_as_its_tasks_preview);
    tcase_add_test (tc, events_come_live_and_go_on_where_they_were);
    tcase_add_test (tc, a_restart_holds_nothing_back);
    tcase_add_test (tc, who_missed_too_much_is_told_so_and_goes_on);
    tcase_add_test (tc, streams_are_few_and_leave_room);
    tcase_add_test (tc, readers_that_take_nothing_are_dropped);
    suite_add_tcase (suite, tc);
    SRunner *runner = srunner_create (suite);
    srunner_run_all (runner, CK_ENV);
    int failed = srunner_ntests_failed (runner);
    srunner_free (runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
