/*  Handshakes of connecting sockets, for net.c. Internal to proto/. */
#ifndef AUT_PROTO_WATCH_H
#define AUT_PROTO_WATCH_H

#include "proto/net.h"

/*  Before the socket connects. Texts are copied; `curve` may be NULL. */
int aut_watch_new (aut_watch_t **out, zsock_t *sock, aut_port_t port, const char *endpoint,
                   const aut_curve_t *curve);

#endif
