/*  Whether models could run here, asked without the backends themselves: the node and the client,
 * which starts one inside itself, shall not load LibTorch to find out.
 */
#ifndef AUT_NODE_PROBES_H
#define AUT_NODE_PROBES_H

#include "node/backend.h"

/*  What the `probe` of that backend (a manifest's `backend`) says of a model. AUT_ERR_UNSUPPORTED
 * for a backend that is not in this build, naming those that are. Any thread. */
int aut_backend_probe (const char *backend, const aut_model_ref_t *model);

#endif
