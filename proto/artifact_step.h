/*  Between the artifact service's logic and its socket. Internal to proto/. */
#ifndef AUT_PROTO_ARTIFACT_STEP_H
#define AUT_PROTO_ARTIFACT_STEP_H

#include "proto/artifact_server.h"

/*  An aut_artifact_send_fn whose `ctx` is the ROUTER. */
int aut_artifact_socket_send (void *ctx, const aut_peer_t *peer, const aut_msg_t *msg, void *body,
                              size_t body_size, aut_flight_t *flight);

/*  The guard's word on a message: 0, or the code and sentence to refuse it with; `all`: the peer
 *  may do nothing at all. */
int aut_artifact_server_ask (const aut_artifact_server_t *self, const char *user,
                             const aut_msg_t *msg, bool *all);

/*  Tells the guard of a message that came, or (`good` false) of what is none. */
void aut_artifact_server_heard (const aut_artifact_server_t *self, int fd, bool good);

/*  From now on a server without a send callback of its own sends through `router`. */
void aut_artifact_server_use (aut_artifact_server_t *self, zsock_t *router);

#endif
