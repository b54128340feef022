/*  The node's connection to its broker: where it is, with which keys, the socket, and whether the
 *  broker refuses us. Belongs to the node's loop thread once that runs. Internal to the node.
 */
#ifndef AUT_NODE_LINK_H
#define AUT_NODE_LINK_H

#include "node/node.h"
#include "proto/client.h"

typedef struct {
    char *node_endpoint, *data_endpoint; /* NULL: the file of endpoints is not there yet */
    char *endpoints_file, *keys;
    bool insecure;
    aut_curve_t curve; /* empty: without keys */
    zsock_t *sock;     /* NULL: not connected */
    aut_watch_t *watch;
    bool was_online;
    int64_t refused_ms, told_ms; /* since when the broker refuses; when that was last said */
    int fault;                   /* why the node ended by itself */
    char *fault_text;
} aut_node_link_t;

/*  Copies what it needs of the options. The keys are read now, so that what is missing is told at
 *  the start, if the broker's address is known. */
int aut_node_link_init (aut_node_link_t *self, const aut_node_options_t *options);
void aut_node_link_clear (aut_node_link_t *self);

/*  Looks the address and the keys up again and opens the socket anew. Logs what goes wrong. */
void aut_node_link_connect (aut_node_link_t *self);

/*  To be asked in every round: true if the node is to end, as it was never let in. One that was
 *  online once waits until it is allowed again. */
bool aut_node_link_check (aut_node_link_t *self, bool online, int64_t now_ms);

/*  Why it was to end: 0, or the code with its sentence in this thread's error. */
int aut_node_link_fault (const aut_node_link_t *self);

#endif
