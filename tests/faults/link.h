/*  A TCP proxy with faults, between the cluster's processes and a broker.
 *
 *  Each process has listeners of its own ("owner" and port), so that a connection tells whose it
 *  is. Messages of the client, node and data ports are decoded and shown to a judge before they go
 *  on, which may let them pass, swallow them or cut the connection in their middle. Faults act on
 *  what an owner has open: reset, half-open, delay, throttle, darkness.
 *
 *  One thread, no call blocks; the caller polls.
 */
#ifndef TESTS_FAULTS_LINK_H
#define TESTS_FAULTS_LINK_H

#include "proto/net.h"

typedef struct links links_t;

typedef enum { LINK_UP, LINK_DOWN } link_dir_t; /* to the broker, from the broker */

typedef enum {
    LINK_PASS,
    LINK_SWALLOW, /* it vanishes, and the connection is reset */
    LINK_HALF     /* half of its bytes go on, then the connection is reset */
} link_verdict_t;

/*  Must not call back into the links. */
typedef link_verdict_t (*link_judge_fn) (void *ctx, unsigned owner, aut_port_t port, link_dir_t dir,
                                         const aut_msg_t *msg);

links_t *links_new (link_judge_fn judge, void *ctx);
void links_destroy (links_t **self_p);

/*  Listens on loopback for one owner and port; gives the port's number. 0 or AUT_ERR_IO. */
int links_listen (links_t *self, unsigned owner, aut_port_t port, uint16_t *number);

/*  Where connections of a port go from now on; 0 = nobody is there: they are refused. */
void links_target (links_t *self, aut_port_t port, uint16_t number);

/*  For zmq_poll: fills `items`, gives how many. After the poll links_pump takes the same items.
 *  To be called often: what is delayed or throttled moves on then. */
size_t links_items (links_t *self, zmq_pollitem_t *items, size_t max);
void links_pump (links_t *self, const zmq_pollitem_t *items, int64_t now);

/*  The faults. Each gives how many open connections of that owner and port it hit. */
unsigned links_reset (links_t *self, unsigned owner, aut_port_t port);
/*  The next message in either direction is cut in its middle. */
unsigned links_truncate (links_t *self, unsigned owner, aut_port_t port);
/*  What goes in these directions vanishes; at `until` the connection is reset. */
unsigned links_half_open (links_t *self, unsigned owner, aut_port_t port, bool up, bool down,
                          int64_t until);
/*  New connections, too, until then. */
unsigned links_delay (links_t *self, unsigned owner, aut_port_t port, int64_t ms, int64_t until);
unsigned links_throttle (links_t *self, unsigned owner, aut_port_t port, size_t bytes_per_s,
                         int64_t until);
/*  All connections of an owner, and new ones, are mute both ways until then, and are reset. */
unsigned links_dark (links_t *self, unsigned owner, int64_t until);

/*  Ends every fault; what was mute is reset. */
void links_heal (links_t *self);

#endif
