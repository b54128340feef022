/*  What becomes of a chunk's frames: the leading ones that only repeat the tail are thrown away,
 * the kept ones go rounded half up into the mezzanine, the last kept ones as float into the tail,
 * one of them small into the preview. */
#ifndef AUT_NODE_WORKER_OUTPUT_H
#define AUT_NODE_WORKER_OUTPUT_H

#include "lib/core/hash.h"
#include "lib/film/task.h"

typedef struct aut_output aut_output_t;

/*  Names of the files below the task's folder. */
#define AUT_OUTPUT_MEZZANINE "mezzanine.mkv"
#define AUT_OUTPUT_TAIL "tail.safetensors"
#define AUT_OUTPUT_PREVIEW "preview.png"
#define AUT_OUTPUT_METADATA "metadata.json"

/*  Starts a chunk's output in `dir`; both are borrowed until destroy. */
int aut_output_new (aut_output_t **out, const aut_task_spec_t *spec, const char *dir);

/*  Takes frame `index` of spec->frames, in order: `rgb` is (H, W, 3). AUT_ERR_INVALID for one out
 * of order, AUT_ERR_CORRUPT for a value that is not finite; others are clamped to [0, 1]. */
int aut_output_frame (aut_output_t *self, uint32_t index, const float *rgb);

/*  The same for a frame in bytes, (H, W, 3), of a task that has no tail. */
int aut_output_bytes (aut_output_t *self, uint32_t index, const uint8_t *rgb);

/*  Writes what is left. AUT_ERR_INVALID if frames are missing. `frames_sha256` is that of the kept
 *  frames as rgb24. */
int aut_output_finish (aut_output_t *self, aut_hash_t *frames_sha256);

void aut_output_destroy (aut_output_t **self_p);

/*  A value in [0, 1] as a byte, rounded half up. */
uint8_t aut_quantise (float value);

#endif
