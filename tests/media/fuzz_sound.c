/*  Any bytes as a sound, probed as a client does before it submits. */
#include "lib/media/picture.h"
#include "tests/fuzz/memfile.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    char path[MEMFILE_PATH], *why = NULL;
    int fd = memfile (path, data, size);
    int rc = aut_media_probe (path, AUT_MEDIA_AUDIO, &why);
    if ((rc == 0) != (why == NULL))
        abort ();
    free (why);
    close (fd);
    return 0;
}
