/*  Routes and connections: what is meant for one that has gone does not reach who has its route
 *  now. */
#include "lib/core/error.h"
#include "proto/net.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define OK(call) ck_assert_msg ((call) == 0, #call ": %s", aut_error_detail ())
#define PATIENCE_MS 60000

static zsock_t *router;

/*  A DEALER that names its route. */
static zsock_t *named (const char *route)
{
    zsock_t *sock = zsock_new (ZMQ_DEALER);
    zsock_set_identity (sock, route);
    zsock_set_linger (sock, 0);
    ck_assert_int_eq (zsock_connect (sock, "%s", zsock_endpoint (router)), 0);
    return sock;
}

/*  Who asked, as the ROUTER has it; false if nobody did in time. */
static bool take (aut_port_t port, int timeout_ms, aut_peer_t *from)
{
    bool envelope, got = false;
    char *text = NULL;
    aut_received_t in;
    if (!aut_net_wait (router, NULL, timeout_ms))
        return false;
    if (port == AUT_PORT_STATUS) {
        got = aut_net_recv_query (router, from, &envelope, &text) == 0;
        free (text);
        return got;
    }
    got = aut_net_recv (router, true, &in) == 0;
    *from = in.peer;
    aut_received_clear (&in);
    return got;
}

static void ask (aut_port_t port, zsock_t *sock)
{
    if (port == AUT_PORT_STATUS)
        zstr_send (sock, "{\"get\":\"status\"}");
    else
        aut_net_send (sock, &(aut_msg_t){.type = AUT_MSG_PING}, NULL, 0);
}

static int reply (aut_port_t port, const aut_peer_t *to)
{
    if (port == AUT_PORT_STATUS)
        return aut_net_send_reply (router, to, false, "{}", 2);
    return aut_net_send_to (router, to, &(aut_msg_t){.type = AUT_MSG_PONG}, NULL, 0);
}

static void answers_go_to_who_asked (aut_port_t port)
{
    aut_peer_t first, second;
    OK (aut_net_bind (&router, port, "tcp://127.0.0.1:*"));
    zsock_t *old = named ("a-route"), *new = NULL;
    ask (port, old);
    ck_assert (take (port, PATIENCE_MS, &first));
    OK (reply (port, &first));
    ck_assert (aut_net_wait (old, NULL, PATIENCE_MS));
    zsock_destroy (&old);
    /* ZeroMQ lets nobody have the route until it has seen the old connection's end. */
    for (int i = 0; i < PATIENCE_MS / 100; i++) {
        zsock_destroy (&new);
        new = named ("a-route");
        ask (port, new);
        if (take (port, 100, &second))
            break;
    }
    ck_assert (aut_peer_equal (&first, &second));
    ck_assert_int_eq (reply (port, &first), AUT_ERR_UNREACHABLE);
    ck_assert_msg (!aut_net_wait (new, NULL, 200), "an answer of somebody else came");
    OK (reply (port, &second));
    ck_assert (aut_net_wait (new, NULL, PATIENCE_MS));
    zsock_destroy (&new);
    zsock_destroy (&router);
}

START_TEST (a_message_goes_to_who_asked)
{
    answers_go_to_who_asked (AUT_PORT_CLIENT);
}
END_TEST

START_TEST (a_reply_goes_to_who_asked)
{
    answers_go_to_who_asked (AUT_PORT_STATUS);
}
END_TEST

START_TEST (addresses_of_this_machine_are_known)
{
    static const struct {
        uint8_t address[16];
        bool local;
    } cases[] = {
        {{[10] = 255, [11] = 255, [12] = 127, [15] = 1}, true},
        {{[10] = 255, [11] = 255, [12] = 127, [13] = 9, [15] = 1}, true},
        {{[15] = 1}, true},
        {{[10] = 255, [11] = 255, [12] = 10, [15] = 1}, false},
        {{[0] = 0xfe, [1] = 0x80, [15] = 1}, false},
        {{0}, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        aut_net_link_t link = {.known = 1};
        memcpy (link.address, cases[i].address, sizeof link.address);
        ck_assert_msg (aut_net_link_is_local (&link) == cases[i].local, "case %zu", i);
    }
}
END_TEST

int main (void)
{
    Suite *suite = suite_create ("net");
    TCase *tc = tcase_create ("routes");
    tcase_set_timeout (tc, 120);
    tcase_add_test (tc, a_message_goes_to_who_asked);
    tcase_add_test (tc, a_reply_goes_to_who_asked);
    tcase_add_test (tc, addresses_of_this_machine_are_known);
    suite_add_tcase (suite, tc);
    SRunner *runner = srunner_create (suite);
    srunner_run_all (runner, CK_NORMAL);
    int failed = srunner_ntests_failed (runner);
    srunner_free (runner);
    return failed ? 1 : 0;
}
