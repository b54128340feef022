/*  Adding a backend is one line here, one in probes.c and one library in CMakeLists.txt. */
#include "node/backends.h"

#include "lib/core/buffer.h"
#include "lib/core/error.h"
#include "node/backends/animatic.h"
#include "node/backends/lanczos.h"
#ifdef AUTEUR_ENGINE
#include "node/backends/upscaler.h"
#include "node/backends/wan.h"
#endif

#include <stdlib.h>
#include <string.h>

static const aut_backend_t *const backends[] = {
    &aut_backend_animatic,
    &aut_backend_lanczos,
#ifdef AUTEUR_ENGINE
    &aut_backend_wan,
    &aut_backend_upscaler,
#endif
    NULL,
};

const aut_backend_t *const *aut_backends (void)
{
    return backends;
}

static void say_unknown (const char *name)
{
#ifndef AUTEUR_ENGINE
    if (strcmp (name, "wan") == 0 || strcmp (name, "upscaler") == 0) {
        aut_fail (AUT_ERR_UNSUPPORTED,
                  "backend '%s' is not in this build, which was made without the engine "
                  "(-DAUTEUR_ENGINE=OFF)",
                  name);
        return;
    }
#endif
    aut_buffer_t list = {0};
    for (const aut_backend_t *const *b = backends; *b; b++)
        aut_buffer_format (&list, "%s'%s'", list.size ? ", " : "", (*b)->name);
    aut_fail (AUT_ERR_UNSUPPORTED, "no backend '%s' is compiled in (there is %s)", name, list.data);
    aut_buffer_clear (&list);
}

const aut_backend_t *aut_backend_find (const char *name)
{
    for (const aut_backend_t *const *b = backends; *b; b++)
        if (strcmp ((*b)->name, name) == 0)
            return *b;
    say_unknown (name);
    return NULL;
}
