/*  Watches over the connections of a broker's TCP sockets from beside, where ZeroMQ has no limit:
 *
 *  - it hands over a message when its last frame is there and limits single frames only, so that a
 *    message of endless frames grows in its memory: a connection that has sent too much without
 *    ending a message is cut;
 *  - it accepts connections until the process has no descriptors left: beyond a number, those that
 *    never said anything are cut, the oldest first;
 *  - it closes what does not speak its protocol without a word: that is counted.
 *
 *  What floods of refusals left untold in the log is told from here, too.
 *
 *  One thread of its own, which asks the kernel ten times a second how much each connection has
 *  received. Cutting is shutdown (2): ZeroMQ sees the end and tidies up. A peer that is cut by
 *  mistake connects again.
 */
#ifndef AUT_BROKER_DOOR_H
#define AUT_BROKER_DOOR_H

#include "broker/refusals.h"
#include "proto/net.h"

typedef struct aut_door aut_door_t;

/*  `refusals` is borrowed and must outlive the door. */
aut_door_t *aut_door_new (aut_refusals_t *refusals, const aut_clock_t *clock);

/*  Takes a bound TCP socket in, on the thread that owns it, before aut_door_start. With `monitor`
 *  its failed handshakes are counted; then zmq_socket_monitor (sock, NULL, 0) must come before the
 *  socket is closed. */
int aut_door_watch (aut_door_t *self, zsock_t *sock, aut_port_t port, bool monitor);

int aut_door_start (aut_door_t *self);

/*  A whole message, or a subscription, came through this descriptor (aut_received_t.fd): it is no
 *  silent one any more. Any thread; NULL is fine. */
void aut_door_heard (aut_door_t *self, int fd);

/*  After the sockets are closed. NULL is fine. */
void aut_door_stop (aut_door_t **self_p);

#endif
