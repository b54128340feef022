/*  Any bytes as the tail of the chunk before: refused, or frames that are finite and within [0, 1].
 */
#include "node/worker/tail.h"
#include "tests/fuzz/memfile.h"

#define WIDTH 16
#define HEIGHT 8

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    char path[MEMFILE_PATH];
    int fd = memfile (path, data, size);
    aut_tail_t tail = {0};
    if (aut_tail_read (&tail, path, 2, WIDTH, HEIGHT) == 0) {
        if (tail.count > 2 || tail.width != WIDTH || tail.height != HEIGHT)
            abort ();
        for (size_t i = 0; i < (size_t)tail.count * WIDTH * HEIGHT * 3; i++)
            if (!(tail.rgb[i] >= 0 && tail.rgb[i] <= 1))
                abort ();
    }
    aut_tail_clear (&tail);
    close (fd);
    return 0;
}
