/*  Counts what opens in a header: see weights_header.h. */
#include "node/engine/weights_header.h"

#include "lib/core/error.h"
#include "lib/core/mem.h"
#include "lib/core/safetensors.h"

#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#define CHUNK ((size_t)256 << 10)
/* A tensor has an object and two arrays. Brackets in names count, too; nobody has them. */
#define OPENED_MAX ((uint64_t)3 * AUT_SAFETENSORS_TENSORS_MAX + 8)

/*  How often '{' and '[' are in the `size` bytes after the size field, or fewer at an error. */
static uint64_t count_opened (int fd, uint64_t size)
{
    uint64_t opened = 0, done = 0;
    char *chunk = aut_calloc (CHUNK, 1);
    while (done < size) {
        size_t want = size - done < CHUNK ? (size_t)(size - done) : CHUNK;
        ssize_t got = pread (fd, chunk, want, (off_t)(sizeof size + done));
        if (got <= 0)
            break;
        for (ssize_t i = 0; i < got; i++)
            opened += chunk[i] == '{' || chunk[i] == '[';
        done += (uint64_t)got;
    }
    free (chunk);
    return opened;
}

int weights_header_size (uint64_t *out, const char *path)
{
    uint64_t size = 0;
    int rc = AUT_OK;
    *out = 0;
    int fd = open (path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return AUT_OK;
    if (pread (fd, &size, sizeof size, 0) == (ssize_t)sizeof size &&
        size <= AUT_SAFETENSORS_HEADER_MAX) {
        *out = size;
        if (count_opened (fd, size) > OPENED_MAX)
            rc = aut_fail (AUT_ERR_TOO_LARGE,
                           "the header has more than the %u tensors that are "
                           "read",
                           AUT_SAFETENSORS_TENSORS_MAX);
    }
    close (fd);
    return rc;
}
