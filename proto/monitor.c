/*  See monitor.h. */
#include "proto/monitor.h"

#include "lib/core/error.h"
#include "lib/core/mem.h"

#include <stdlib.h>
#include <string.h>

void *aut_monitor_open (zsock_t *sock, int events)
{
    int linger = 0;
    /* ZeroMQ frees a name some time after its monitor has ended: each gets one of its own */
    char *address =
        aut_sprintf ("inproc://auteur-monitor-%p-%lld", (void *)sock, (long long)zclock_usecs ());
    void *monitor = zmq_socket (zsys_init (), ZMQ_PAIR);
    bool started = monitor && zmq_setsockopt (monitor, ZMQ_LINGER, &linger, sizeof linger) == 0 &&
                   zmq_socket_monitor (zsock_resolve (sock), address, events) == 0;
    if (!started || zmq_connect (monitor, address)) {
        aut_fail (AUT_ERR_IO, "cannot watch a socket: %s", zmq_strerror (zmq_errno ()));
        if (started)
            zmq_socket_monitor (zsock_resolve (sock), NULL, 0);
        if (monitor)
            zmq_close (monitor);
        monitor = NULL;
    }
    free (address);
    return monitor;
}

/*  Two frames: a number and a value, and an address. */
bool aut_monitor_read (void *monitor, unsigned *event, uint32_t *value)
{
    uint8_t head[6];
    char address[256];
    uint16_t number;
    if (zmq_recv (monitor, head, sizeof head, ZMQ_DONTWAIT) != (int)sizeof head)
        return false;
    zmq_recv (monitor, address, sizeof address, ZMQ_DONTWAIT);
    memcpy (&number, head, sizeof number);
    memcpy (value, head + sizeof number, sizeof *value);
    *event = number;
    return true;
}
