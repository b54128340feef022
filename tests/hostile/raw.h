/*  TCP and ZMTP by hand, for what libzmq would never send. */
#ifndef AUT_TESTS_HOSTILE_RAW_H
#define AUT_TESTS_HOSTILE_RAW_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*  A connection to a port of this machine, or −1 if there is no room for it now. */
int raw_dial (uint16_t port);

/*  Sends what goes within a second; how much that was. */
size_t raw_send (int fd, const void *data, size_t size);

/*  Bytes read, 0 at the end, −1 if none came in time. */
ssize_t raw_read (int fd, void *data, size_t size, int timeout_ms);

/*  The handshake of ZMTP 3.1 with mechanism NULL, as a DEALER: 0, or −1 if the other end left. */
int raw_handshake (int fd);

/*  The port at the end of "tcp://…:PORT". */
uint16_t raw_port (const char *url);

#endif
