/*  The upscaler that is always there: the worker brings every frame to its size by Lanczos
 * (lib/media), so a model with factor 1 has nothing left to do.
 */
#ifndef AUT_NODE_BACKENDS_LANCZOS_H
#define AUT_NODE_BACKENDS_LANCZOS_H

#include "node/backend.h"

/*  The table of this backend; static. */
extern const aut_backend_t aut_backend_lanczos;

#endif
