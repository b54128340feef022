/*  The wan backend: the inference engine (node/engine/engine.h) behind the node's table. See
 *  node/backend.h for the functions and wan.c for how a chunk becomes a request.
 */
#ifndef AUT_NODE_BACKENDS_WAN_H
#define AUT_NODE_BACKENDS_WAN_H

#include "node/backend.h"

/*  The table of this backend; static. */
extern const aut_backend_t aut_backend_wan;

#endif
