/*  Tails: the last kept frames of a chunk as float, in a safetensors file with the one tensor
 *  `frames`, F32 (K, H, W, 3) in [0, 1]. They never pass through 8 bits or a codec: what the next
 *  chunk starts from is what the backend made. */
#ifndef AUT_NODE_WORKER_TAIL_H
#define AUT_NODE_WORKER_TAIL_H

#include <stddef.h>
#include <stdint.h>

/*  Frames in memory, (count, height, width, 3). */
typedef struct {
    float *rgb;
    uint32_t count, width, height;
} aut_tail_t;

/*  Reads the last `want` frames (fewer if there are fewer) at width × height: frames of another
 *  size are resampled in float. AUT_ERR_CORRUPT for a file that is no tail, a value that is not
 *  finite or lies outside [0, 1]. Free with aut_tail_clear. */
int aut_tail_read (aut_tail_t *out, const char *path, uint32_t want, uint32_t width,
                   uint32_t height);

/*  Writes durably. */
int aut_tail_write (const aut_tail_t *self, const char *path);

void aut_tail_clear (aut_tail_t *self);

#endif
