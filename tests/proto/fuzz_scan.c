/*  The scan against msgpack-c: what it accepts, msgpack must unpack, whole. */
#include "proto/scan.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    aut_scan (data, size);
    return 0;
}
