/*  A worker stream: messages are taken until it breaks or more bytes are needed. */
#include "lib/core/error.h"
#include "proto/worker.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    aut_buffer_t out = {0};
    for (size_t at = 0, used; at < size; at += used) {
        aut_worker_msg_t msg;
        if (aut_worker_decode (&msg, data + at, size - at, &used) != 0)
            break;
        int rc = aut_worker_encode (&msg, &out);
        if (rc != 0 && rc != AUT_ERR_TOO_LARGE)
            abort ();
        aut_worker_msg_clear (&msg);
    }
    aut_buffer_clear (&out);
    return 0;
}
