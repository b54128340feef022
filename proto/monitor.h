/*  What ZeroMQ tells of a socket's connections beside its messages: handshakes, disconnections.
 *
 *  A monitor is read on one thread, any. It must be read while it is open, as ZeroMQ's I/O thread
 *  waits for a reader that does not; and it ends before its reader is closed, by
 *  zmq_socket_monitor (sock, NULL, 0) on the socket's thread, or with the socket.
 */
#ifndef AUT_PROTO_MONITOR_H
#define AUT_PROTO_MONITOR_H

#include <czmq.h>

/*  Starts it for these ZMQ_EVENT_…: a PAIR, which the caller closes with zmq_close; NULL with
 *  AUT_ERR_IO recorded. On the socket's thread. */
void *aut_monitor_open (zsock_t *sock, int events);

/*  The next event and its value (a descriptor, an error, a status; see zmq_socket_monitor). False
 *  when there is none. */
bool aut_monitor_read (void *monitor, unsigned *event, uint32_t *value);

#endif
