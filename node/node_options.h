/*  A node's options beyond its start; the node alone includes it. */
#ifndef AUT_NODE_NODE_OPTIONS_H
#define AUT_NODE_NODE_OPTIONS_H

#include "node/node.h"

/*  Copies what looking for models again needs: `devices` and `models` are then our own; the other
 *  pointers are the caller's, and not for use later. */
void aut_node_options_keep (aut_node_options_t *self, const aut_node_options_t *options);

/*  Frees what was copied. */
void aut_node_options_clear (aut_node_options_t *self);

#endif
