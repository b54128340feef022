/*  The safetensors reader on any bytes: it refuses them or gives views that lie inside them. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/core/safetensors.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    aut_safetensors_t *file = NULL;
    if (aut_safetensors_parse (&file, data, size, "input") != 0)
        return 0;
    uint64_t total = 0;
    for (size_t i = 0; i < aut_safetensors_count (file); i++) {
        const aut_tensor_t *t = aut_safetensors_at (file, i);
        const uint8_t *at = t->data;
        if (at < data || t->size > size || (size_t)(at - data) > size - t->size)
            abort ();
        if (aut_safetensors_find (file, t->name) != t)
            abort ();
        total += t->size;
    }
    if (total > size)
        abort ();
    aut_safetensors_destroy (&file);
    return 0;
}
