/*  Adding a backend is one line here, too. */
#include "node/probes.h"

#include "lib/core/error.h"
#ifdef AUTEUR_ENGINE
#include "node/backends/wan_probe.h"
#endif

#include <string.h>

/*  For a backend that needs neither weights nor a device. */
static int always (const aut_model_ref_t *model)
{
    (void)model;
    return AUT_OK;
}

static const struct {
    const char *backend;
    int (*probe) (const aut_model_ref_t *model);
} probes[] = {
    {"animatic", always},
    {"lanczos", always},
#ifdef AUTEUR_ENGINE
    {"wan", aut_wan_probe},
    {"upscaler", aut_upscaler_probe},
#endif
};

int aut_backend_probe (const char *backend, const aut_model_ref_t *model)
{
    for (size_t i = 0; i < sizeof probes / sizeof *probes; i++)
        if (strcmp (probes[i].backend, backend) == 0)
            return probes[i].probe (model);
#ifndef AUTEUR_ENGINE
    if (strcmp (backend, "wan") == 0 || strcmp (backend, "upscaler") == 0)
        return aut_fail (AUT_ERR_UNSUPPORTED,
                         "backend '%s' is not in this build, which was made without the engine "
                         "(-DAUTEUR_ENGINE=OFF)",
                         backend);
#endif
    return aut_fail (AUT_ERR_UNSUPPORTED, "no backend '%s' is in this build", backend);
}
