/*  The backends that are compiled in. */
#ifndef AUT_NODE_BACKENDS_H
#define AUT_NODE_BACKENDS_H

#include "node/backend.h"

/*  The table of backends, ended by NULL; static, any thread. */
const aut_backend_t *const *aut_backends (void);

/*  The backend of that name (a manifest's `backend`), or NULL with AUT_ERR_UNSUPPORTED's detail
 *  recorded, naming those there are. Any thread. */
const aut_backend_t *aut_backend_find (const char *name);

#endif
