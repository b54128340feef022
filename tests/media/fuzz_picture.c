/*  Any bytes as a picture, through FFmpeg's decoders as a worker uses them: refused, or of the size
 *  that it says, which is within bounds. */
#include "lib/media/picture.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    aut_picture_t *picture = NULL;
    int rc = aut_picture_decode (&picture, data, size, "fuzz");
    if ((rc == 0) != (picture != NULL))
        abort ();
    if (rc == 0 && (!picture->width || !picture->height ||
                    (uint64_t)picture->width * picture->height > AUT_PICTURE_MAX_PIXELS))
        abort ();
    aut_picture_destroy (&picture);
    return 0;
}
