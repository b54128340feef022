/*  Any bytes as a manifest: refused with a warning, or a model that plans without harm. */
#include "lib/film/shape.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static void check_model (const aut_model_t *model)
{
    uint32_t w, h;
    if (!model->video)
        return;
    aut_native_size (model, 1280, 720, &w, &h);
    if (w == 0 || h == 0)
        abort ();
    for (uint32_t frames = 1; frames < 2000; frames = frames * 3 + 1) {
        aut_division_t division = {.model = model, .left = frames};
        aut_division_chunk_t chunk;
        uint32_t kept = 0;
        while (aut_division_next (&division, &chunk)) {
            kept += chunk.keep;
            if (chunk.keep == 0 || chunk.drop + chunk.keep > chunk.frames ||
                chunk.frames > model->frames_max)
                abort ();
        }
        if (kept + division.left != frames)
            abort ();
    }
}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    aut_registry_t *registry = aut_registry_new ();
    int err = aut_registry_add (registry, "fuzz", (const char *)data, size, true);
    if (!err != (aut_registry_count (registry) == 1) ||
        !err != (aut_registry_warning_count (registry) == 0))
        abort ();
    if (!err)
        check_model (aut_registry_at (registry, 0));
    aut_registry_destroy (&registry);
    return 0;
}
