#include "node/backends/lanczos.h"

#include "lib/core/error.h"

static int lanczos_probe (const aut_model_ref_t *model)
{
    (void)model;
    return AUT_OK;
}

static int lanczos_load (void **state, const aut_model_ref_t *model)
{
    (void)model;
    *state = NULL;
    return AUT_OK;
}

static void lanczos_unload (void *state)
{
    (void)state;
}

const aut_backend_t aut_backend_lanczos = {
    .name = "lanczos",
    .probe = lanczos_probe,
    .load = lanczos_load,
    .unload = lanczos_unload,
};
