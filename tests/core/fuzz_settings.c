/*  Settings files: whatever the bytes are, no harm; what is read has names, and lines of the file.
 */
#include "lib/core/config.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    aut_config_t config;
    if (size > 64 << 10)
        return 0;
    int rc = aut_config_parse (&config, "file", (const char *)data, size);
    for (size_t i = 0; rc == 0 && i < config.count; i++)
        if (!config.entries[i].name || !config.entries[i].value || config.entries[i].line < 1 ||
            config.entries[i].line > (int)size + 1)
            abort ();
    aut_config_clear (&config);
    return 0;
}
