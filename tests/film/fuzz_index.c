/*  Any bytes as an index of models: checked without harm, and deployment is never laxer. */
#include "lib/film/index.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    aut_diags_t lax, strict;
    aut_buffer_t out = {0};
    aut_diags_init (&lax, "fuzz");
    aut_diags_init (&strict, "fuzz");
    int err = aut_index_check (&lax, (const char *)data, size, false);
    int deploy = aut_index_check (&strict, (const char *)data, size, true);
    if ((err && !deploy) || strict.errors != lax.errors + lax.warnings)
        abort ();
    aut_diags_json (&strict, &out);
    aut_buffer_clear (&out);
    aut_diags_clear (&lax);
    aut_diags_clear (&strict);
    return 0;
}
