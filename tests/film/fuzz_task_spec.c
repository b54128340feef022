/*  Any bytes as a task spec: refused, or exactly the bytes that writing it gives again. */
#include "lib/film/task.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    aut_task_spec_t spec;
    aut_buffer_t out = {0};
    aut_hash_t images[4];
    if (aut_task_spec_parse (&spec, (const char *)data, size) != 0)
        return spec.arena || spec.source ? (abort (), 0) : 0;
    aut_task_spec_write (&spec, &out);
    if (out.size != size || memcmp (out.data, data, size) != 0 ||
        (uint64_t)spec.drop + spec.keep > spec.frames)
        abort ();
    aut_task_spec_images (&spec, images, 4);
    aut_buffer_clear (&out);
    aut_task_spec_clear (&spec);
    return 0;
}
