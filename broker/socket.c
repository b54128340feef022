/*  What the sockets' threads share. */
#include "broker/internal.h"

#include "lib/core/error.h"

#include <stdlib.h>
#include <string.h>

unsigned aut_socket_wait (zsock_t *sock, zsock_t *pipe, aut_mailbox_t *mailbox, int timeout_ms)
{
    zmq_pollitem_t items[3];
    int count = 0, sock_at = -1;
    memset (items, 0, sizeof items);
    items[count++] = (zmq_pollitem_t){.socket = zsock_resolve (pipe), .events = ZMQ_POLLIN};
    if (mailbox)
        items[count++] = (zmq_pollitem_t){.fd = aut_mailbox_fd (mailbox), .events = ZMQ_POLLIN};
    if (sock) {
        sock_at = count;
        items[count++] = (zmq_pollitem_t){.socket = zsock_resolve (sock), .events = ZMQ_POLLIN};
    }
    if (zmq_poll (items, count, timeout_ms) <= 0)
        return 0;
    unsigned bits = items[0].revents ? 2 : 0;
    if (mailbox && items[1].revents)
        bits |= 4;
    if (sock && items[sock_at].revents)
        bits |= 1;
    return bits;
}

void aut_socket_close (zsock_t **sock)
{
    if (*sock)
        zmq_socket_monitor (zsock_resolve (*sock), NULL, 0);
    zsock_destroy (sock);
}

int aut_job_parse (uint64_t *id, const char *text)
{
    size_t len = strlen (text);
    bool good = len >= 2 && len <= 20 && text[0] == 'j' && text[1] != '0' &&
                strspn (text + 1, "0123456789") == len - 1;
    if (!good)
        return aut_fail (AUT_ERR_NOT_FOUND, "there is no job %.64s", text);
    *id = strtoull (text + 1, NULL, 10);
    return 0;
}
