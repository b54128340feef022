/*  aut_json_parse on anything: what it takes must have a canonical form that reads back the same.
 */
#include "lib/core/json.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    json_t *value;
    if (aut_json_parse (&value, (const char *)data, size, "fuzz") != 0)
        return 0;
    char *first = aut_json_canonical (value, NULL);
    json_decref (value);
    if (aut_json_parse (&value, first, strlen (first), "canonical") != 0)
        abort ();
    char *second = aut_json_canonical (value, NULL);
    if (strcmp (first, second) != 0)
        abort ();
    json_decref (value);
    free (first);
    free (second);
    return 0;
}
