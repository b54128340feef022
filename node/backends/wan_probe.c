/*  See wan_probe.h. On CUDA nothing is said of memory: the engine goes down its ladder as far as it
 *  must (node/engine/engine.h). */
#include "node/backends/wan_probe.h"

#include "lib/core/error.h"
#include "node/engine/folder.h"

#include <inttypes.h>
#include <string.h>

/*  LibTorch knows for sure, but is not loaded here. */
#ifdef AUTEUR_TORCH_CUDA
#define TORCH_HAS_CUDA true
#else
#define TORCH_HAS_CUDA false
#endif

static int check_memory (const folder_t *folder, const aut_model_ref_t *model)
{
    const aut_device_t *device = model->device;
    if (strcmp (device->name, "cpu") != 0 || !device->memory_bytes)
        return AUT_OK;
    for (int i = 0; i < FOLDER_COMPONENT_COUNT; i++) {
        uint64_t bytes = folder_size (folder, (folder_component_t)i);
        if (bytes > device->memory_bytes)
            return aut_fail (AUT_ERR_DEVICE_MEMORY,
                             "%s alone has %.1f GB of weights, this machine %.1f GB of memory",
                             folder_label ((folder_component_t)i), (double)bytes / 1e9,
                             (double)device->memory_bytes / 1e9);
    }
    return AUT_OK;
}

static int check_device (const char *device)
{
    if (strcmp (device, "cpu") != 0 && strncmp (device, "cuda:", 5) != 0)
        return aut_fail (AUT_ERR_UNSUPPORTED, "models run on cpu and cuda:N, not on %s", device);
    if (!TORCH_HAS_CUDA && strcmp (device, "cpu") != 0)
        return aut_fail (AUT_ERR_UNSUPPORTED,
                         "this build has a LibTorch for the cpu alone: build with one for CUDA "
                         "(-DAUTEUR_TORCH=FOLDER) to use %s",
                         device);
    return AUT_OK;
}

int aut_upscaler_probe (const aut_model_ref_t *model)
{
    int rc = check_device (model->device->name);
    if (rc == AUT_OK && !model->weights)
        rc = aut_fail (AUT_ERR_NOT_FOUND,
                       "its weights are not on this machine: put the files that its manifest names "
                       "beside it (%s)",
                       model->dir ? model->dir : "which came from elsewhere");
    return rc;
}

int aut_wan_probe (const aut_model_ref_t *model)
{
    int rc = check_device (model->device->name);
    if (rc < 0)
        return rc;
    if (!model->weights)
        return aut_fail (
            AUT_ERR_NOT_FOUND,
            "its weights are not on this machine: download what its manifest's source "
            "names into the Hugging Face cache, or put its diffusers folder beside the "
            "manifest (%s)",
            model->dir ? model->dir : "which came from elsewhere");
    folder_t *folder = NULL;
    rc = folder_open (&folder, model->weights);
    if (rc == AUT_OK)
        rc = check_memory (folder, model);
    folder_close (&folder);
    return rc;
}
