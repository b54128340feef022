/*  Adding a backend is one line here and one library in CMakeLists.txt. */
#include "node/backends.h"

#include "lib/core/error.h"
#include "node/backends/animatic.h"

#include <string.h>

static const aut_backend_t *const backends[] = {
    &aut_backend_animatic,
    NULL,
};

const aut_backend_t *const *aut_backends (void)
{
    return backends;
}

const aut_backend_t *aut_backend_find (const char *name)
{
    for (const aut_backend_t *const *b = backends; *b; b++)
        if (strcmp ((*b)->name, name) == 0)
            return *b;
    aut_fail (AUT_ERR_UNSUPPORTED, "no backend '%s' is compiled in (there is '%s')", name,
              aut_backend_animatic.name);
    return NULL;
}
