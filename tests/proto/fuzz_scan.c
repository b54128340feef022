/*  The scan against msgpack-c: what it lets through, msgpack unpacks, and whole. */
#include "proto/scan.h"

#include <msgpack.h>
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    if (aut_scan (data, size) != 0)
        return 0;
    msgpack_unpacked unpacked;
    msgpack_unpacked_init (&unpacked);
    size_t offset = 0;
    if (msgpack_unpack_next (&unpacked, (const char *)data, size, &offset) !=
            MSGPACK_UNPACK_SUCCESS ||
        offset != size)
        abort ();
    msgpack_unpacked_destroy (&unpacked);
    return 0;
}
