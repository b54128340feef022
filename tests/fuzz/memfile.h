/*  Bytes as a file with a path, for parsers that take one: in memory, gone with its descriptor. */
#ifndef AUT_TESTS_FUZZ_MEMFILE_H
#define AUT_TESTS_FUZZ_MEMFILE_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define MEMFILE_PATH 40

/*  The descriptor to close; its path is in `path`. */
static inline int memfile (char path[MEMFILE_PATH], const uint8_t *data, size_t size)
{
    int fd = memfd_create ("fuzz", MFD_CLOEXEC);
    if (fd < 0 || (size && pwrite (fd, data, size, 0) != (ssize_t)size))
        abort ();
    snprintf (path, MEMFILE_PATH, "/proc/self/fd/%d", fd);
    return fd;
}

#endif
