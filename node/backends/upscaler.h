/*  Learned upscalers as a backend: the engine's upscaler (node/engine/upscaler.h) on the weights of
 * a manifest with a factor above 1. */
#ifndef AUT_NODE_BACKENDS_UPSCALER_H
#define AUT_NODE_BACKENDS_UPSCALER_H

#include "node/backend.h"

/*  The table of this backend; static. */
extern const aut_backend_t aut_backend_upscaler;

#endif
