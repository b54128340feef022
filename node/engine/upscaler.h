/*  The upscaler: one learned model in, frames enlarged by its factor. This is all that the node and
 *  the tests see of it.
 *
 *  Two architectures are run, told apart by their tensors, which also say every size:
 *
 *    SRVGGNetCompact  × 2, 3 or 4, any number of features and convolutions
 *    RRDBNet          × 4, any number of blocks, features and growth (ESRGAN, arXiv 1809.00219)
 *
 *  Weights are a safetensors file with the names of Real-ESRGAN's checkpoints, or a pair of ncnn's
 *  .param and .bin. A frame of any size gives exactly `scale` times its width and height: nothing
 *  is stretched, padded or cut.
 *
 *  A frame that needs more memory than there is is done in tiles. Each sees as much of its
 *  surroundings as an output pixel depends on (at most UPSCALER_REACH_MAX input pixels on each
 *  side), so that no seam is seen. Tiles are decided by the frame's size and `memory_limit`, not by
 *  what happens to be free: equal frames give equal pixels. Where a device has less after all,
 *  tiles are halved, and the frame is begun anew.
 *
 *  An upscaler belongs to one thread.
 */
#ifndef AUT_ENGINE_UPSCALER_H
#define AUT_ENGINE_UPSCALER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define UPSCALER_REACH_MAX 32
#define UPSCALER_SIDE_MAX 16384 /* pixels of a side of what comes out */

typedef struct upscaler upscaler_t;

typedef struct {
    const char *model;  /* a folder with weights, or the .safetensors or .param file itself */
    const char *device; /* "cpu" or "cuda:N"; NULL = "cpu" */
    int threads;        /* on the CPU, process-wide; 0 = LibTorch's choice */
    bool tf32;
    uint64_t memory_limit; /* bytes, weights included; 0 = 1 GiB on the CPU, 4 GiB on CUDA */
} upscaler_options_t;

/*  What a model is. */
typedef struct {
    const char *architecture; /* "SRVGGNetCompact" or "RRDBNet" */
    int64_t scale;
    int64_t features;
    int64_t depth;         /* SRVGG: convolutions between the first and the last; RRDB: blocks */
    int64_t reach;         /* how many input pixels around a tile it is shown */
    uint64_t weight_bytes; /* in memory */
} upscaler_facts_t;

/*  How the last frame was made. */
typedef struct {
    int64_t columns, rows; /* tiles; 1 × 1 = the whole frame at once */
    uint64_t peak_bytes;   /* of LibTorch's tensors since the upscaler was opened */
} upscaler_report_t;

/*  Opens a model and loads its weights. AUT_ERR_NOT_FOUND: no weights there, and what was looked
 *  for; AUT_ERR_CORRUPT or AUT_ERR_INVALID: a file that breaks a rule, which is named;
 *  AUT_ERR_UNSUPPORTED: another architecture, or a device that is not here;
 *  AUT_ERR_DEVICE_MEMORY: `memory_limit` is less than the smallest tile needs, which is named.
 *  Freed with upscaler_close. */
int upscaler_open (upscaler_t **out, const upscaler_options_t *options);
void upscaler_close (upscaler_t **self_p);

const upscaler_facts_t *upscaler_facts (const upscaler_t *self);

/*  Enlarges a frame: rgb (height, width, 3) → out (scale·height, scale·width, 3), both the
 * caller's, without gaps between rows. AUT_ERR_INVALID for a size that is none or beyond
 *  UPSCALER_SIDE_MAX; AUT_ERR_DEVICE_MEMORY if the device has not enough for the smallest tile. The
 *  upscaler stays good for the next frame. */
int upscaler_frame_u8 (upscaler_t *self, const uint8_t *rgb, int64_t width, int64_t height,
                       uint8_t *out);
/*  The same in [0, 1]; what comes out is clamped to it. Not finite input is AUT_ERR_INVALID. */
int upscaler_frame (upscaler_t *self, const float *rgb, int64_t width, int64_t height, float *out);

void upscaler_report (const upscaler_t *self, upscaler_report_t *out);

#endif
