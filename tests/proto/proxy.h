/*  A TCP proxy of the tests' own: forwards to a port of this machine and cuts each connection after
 *  so many bytes, so that a transfer meets broken connections at known places. */
#ifndef AUT_TESTS_PROTO_PROXY_H
#define AUT_TESTS_PROTO_PROXY_H

#include <stddef.h>
#include <stdint.h>

typedef struct proxy proxy_t;

/*  Listens on a free port of 127.0.0.1. Connections number 1 … `cuts` are closed after `bytes` in
 *  both directions together; later ones live on. */
proxy_t *proxy_new (uint16_t target_port, size_t bytes, unsigned cuts);
uint16_t proxy_port (const proxy_t *self);
/*  From now on it forwards there; 0: nowhere, connections are closed at once. Those that there are
 *  end. The port stays the proxy's, so that nobody else can answer on it. */
void proxy_point (proxy_t *self, uint16_t target_port);
/*  How many connections were cut so far. */
unsigned proxy_cuts (proxy_t *self);
void proxy_destroy (proxy_t **self_p);

#endif
