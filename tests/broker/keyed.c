/*  See keyed.h. */
#include "tests/broker/keyed.h"

#include "lib/core/error.h"

#include <stdio.h>
#include <string.h>

char *dir, *keys;
aut_endpoints_t at;
aut_curve_t curves[PEOPLE];
uint32_t key_nodes;
static aut_broker_t *broker;

void allow (aut_allow_kind_t kind, const char *name, int who, bool is_operator)
{
    aut_allow_list_t list;
    bool changed;
    aut_allowed_t entry = {.is_operator = is_operator};
    snprintf (entry.name, sizeof entry.name, "%s", name);
    memcpy (entry.key, curves[who].own.public_key, sizeof entry.key);
    OK (aut_allow_list_load (&list, keys, kind));
    OK (aut_allow_list_put (&list, &entry, &changed));
    OK (aut_allow_list_save (&list, keys, kind));
    aut_allow_list_clear (&list);
}

void take_out (aut_allow_kind_t kind, int who)
{
    aut_allow_list_t list;
    OK (aut_allow_list_load (&list, keys, kind));
    aut_allowed_t *entry = aut_allow_list_find (&list, curves[who].own.public_key);
    ck_assert_ptr_nonnull (entry);
    aut_allow_list_remove (&list, entry);
    OK (aut_allow_list_save (&list, keys, kind));
    aut_allow_list_clear (&list);
}

void keyed_setup (void)
{
    aut_broker_options_t options;
    dir = make_dir ();
    keys = make_dir ();
    for (int i = 0; i < PEOPLE; i++)
        OK (aut_keypair_new (&curves[i].own));
    OK (aut_keypair_save (&curves[BROKER].own, keys));
    for (int i = 0; i < PEOPLE; i++)
        memcpy (curves[i].server_key, curves[BROKER].own.public_key, AUT_KEY_TEXT);
    allow (AUT_ALLOW_NODES, "a", NODE_A, false);
    allow (AUT_ALLOW_NODES, "b", NODE_B, false);
    allow (AUT_ALLOW_CLIENTS, "anna", ANNA, false);
    allow (AUT_ALLOW_CLIENTS, "ben", BEN, false);
    allow (AUT_ALLOW_CLIENTS, "otto", OTTO, true);
    allow (AUT_ALLOW_VIEWERS, "vera", VERA, false);
    aut_broker_options_init (&options);
    options.keys_dir = keys;
    options.key_nodes = key_nodes;
    broker = start_broker (dir, &options, &at);
    ck_assert_str_eq (at.key, curves[BROKER].own.public_key);
}

void keyed_teardown (void)
{
    aut_broker_stop (&broker, 0);
    aut_endpoints_clear (&at);
    drop_dir (dir);
    drop_dir (keys);
}

aut_client_t *new_client (int who)
{
    aut_client_t *client;
    OK (aut_client_new (&client, &at, &(aut_client_options_t){.curve = &curves[who]}));
    return client;
}

node_t *keyed_node (int who, const char *name)
{
    node_t *node = new_node (&at, name, 1, 1);
    aut_artifact_client_destroy (&node->artifacts);
    zsock_destroy (&node->sock);
    OK (aut_net_connect_curve (&node->sock, AUT_PORT_NODE, at.url[AUT_PORT_NODE], &curves[who]));
    OK (aut_artifact_client_new (&node->artifacts, at.url[AUT_PORT_DATA],
                                 &(aut_artifact_options_t){.curve = &curves[who]}));
    return node;
}

void expect_token (node_t *node, aut_msg_type_t type, const aut_token_t *token)
{
    aut_received_t in;
    expect (node, type, &in);
    ck_assert_uint_eq (in.msg.ack.token.task, token->task);
    ck_assert_uint_eq (in.msg.ack.token.attempt, token->attempt);
    aut_received_clear (&in);
}

zsock_t *routed (int who)
{
    zsock_t *sock = zsock_new (ZMQ_DEALER);
    zsock_set_identity (sock, "a-route");
    zsock_set_linger (sock, 0);
    zsock_set_curve_serverkey (sock, curves[who].server_key);
    zsock_set_curve_publickey (sock, curves[who].own.public_key);
    zsock_set_curve_secretkey (sock, curves[who].own.secret_key);
    ck_assert_int_eq (zsock_connect (sock, "%s", at.url[AUT_PORT_NODE]), 0);
    return sock;
}
