/*  Decodes frame 0 (the first 5 bytes) and frame 1 (the rest). What is accepted must encode, and
 *  decode again to the same bytes; what is refused must give an answer that can be sent. */
#include "lib/core/error.h"
#include "proto/message.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    size_t head_size = size < AUT_HEAD_SIZE ? size : AUT_HEAD_SIZE;
    aut_msg_t msg, again;
    uint8_t head[AUT_HEAD_SIZE];
    aut_buffer_t first = {0}, second = {0};
    aut_msg_decode (&msg, data, head_size, data + head_size, size - head_size);
    if (msg.type) {
        int rc = aut_msg_encode (&msg, head, &first);
        if (rc == 0) {
            if (aut_msg_decode (&again, head, sizeof head, first.data, first.size) != 0)
                abort ();
            if (aut_msg_encode (&again, head, &second) != 0 || first.size != second.size ||
                memcmp (first.data, second.data, first.size) != 0)
                abort ();
            aut_msg_clear (&again);
        } else if (rc != AUT_ERR_TOO_LARGE) /* short floats grow when they are written */
            abort ();
    }
    aut_msg_clear (&msg);
    aut_buffer_clear (&first);
    aut_buffer_clear (&second);
    return 0;
}
