/*  Any bytes as a mezzanine: refused, or frames of the format that it was opened with. */
#include "lib/media/clip.h"
#include "tests/fuzz/memfile.h"

#include <string.h>

#define FRAMES_MAX 4

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    char path[MEMFILE_PATH];
    int fd = memfile (path, data, size);
    aut_clip_reader_t *clip = NULL;
    if (aut_clip_reader_open (&clip, path, 1) == 0) {
        const aut_clip_format_t *format = aut_clip_reader_format (clip);
        size_t bytes = (size_t)format->width * format->height * 3;
        uint8_t *rgb = bytes <= (16u << 20) ? malloc (bytes ? bytes : 1) : NULL;
        for (int i = 0; rgb && i < FRAMES_MAX && aut_clip_reader_next (clip, rgb) == 0; i++)
            continue;
        free (rgb);
    }
    aut_clip_reader_destroy (&clip);
    close (fd);
    return 0;
}
