/*  What a node offers: its workers, each with a device and the models that it can run. */
#ifndef AUT_NODE_OFFER_H
#define AUT_NODE_OFFER_H

#include "lib/film/registry.h"
#include "node/node.h"
#include "proto/message.h"

typedef struct {
    aut_msg_worker_t *workers;
    size_t count;
    uint32_t threads; /* what a worker on the cpu may use */
} aut_offer_t;

/*  From the options and the registry. AUT_ERR_NOT_FOUND for a device that is not here (naming those
 *  that are), AUT_ERR_INVALID for one that makes no sense or more workers than AUT_WORKERS_MAX, or
 *  when no worker could run any model. On success the caller clears it. */
int aut_offer_make (aut_offer_t *out, const aut_node_options_t *options,
                    const aut_registry_t *registry);
void aut_offer_clear (aut_offer_t *self);

#endif
