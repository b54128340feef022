/*  A broker with keys in this process, and who may use it. */
#ifndef AUT_TESTS_BROKER_KEYED_H
#define AUT_TESTS_BROKER_KEYED_H

#include "tests/broker/harness.h"

enum { BROKER, NODE_A, NODE_B, ANNA, BEN, OTTO, VERA, PEOPLE };

/*  Of the running test: folders of state and keys, addresses, everybody's keys. */
extern char *dir, *keys;
extern aut_endpoints_t at;
extern aut_curve_t curves[PEOPLE];
/*  Set it before keyed_setup: how many nodes a key may have; 0 = as it comes. */
extern uint32_t key_nodes;

/*  Nodes a and b, the clients anna and ben, the operator otto, the viewer vera. */
void keyed_setup (void);
void keyed_teardown (void);

/*  Changes the broker's lists while it runs. */
void allow (aut_allow_kind_t kind, const char *name, int who, bool is_operator);
void take_out (aut_allow_kind_t kind, int who);

aut_client_t *new_client (int who);
node_t *keyed_node (int who, const char *name);
/*  A node's socket that names its route. */
zsock_t *routed (int who);

/*  The next message must be this one about this lease. */
void expect_token (node_t *node, aut_msg_type_t type, const aut_token_t *token);

#endif
