/*  The engine: one model folder in, clips out. This is all that the node, auteur-generate,
 *  auteur-trace and the benches see of it.
 *
 *  An engine belongs to one thread. It loads what a stage needs when the stage begins, and keeps it
 *  for the next clip where memory allows: text encoder → transformer(s) → autoencoder. When the
 * device has not enough memory, or `memory_limit` says so, it goes down a ladder:
 *
 *    1. keep     everything stays loaded between stages and clips
 *    2. stages   each stage's model is freed before the next one loads
 *    3. tiles    the autoencoder works in tiles, the text encoder layer by layer
 *    4. slices   self-attention in slices of queries
 *    5. offload  the transformer's blocks stay on the host and are uploaded two at a time
 *
 *  Every rung gives the same frames, but tiles, which blend (as the reference's do). The rung that
 * was used is in the report. Out of memory on the way takes the next rung and repeats the step;
 * only below the last one a clip fails with AUT_ERR_DEVICE_MEMORY.
 */
#ifndef AUT_ENGINE_ENGINE_H
#define AUT_ENGINE_ENGINE_H

#include "node/engine/folder.h"
#include "node/engine/shim/aten.h"
#include "node/engine/tap.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct engine engine_t;

typedef enum {
    ENGINE_KEEP,
    ENGINE_STAGES,
    ENGINE_TILES,
    ENGINE_SLICES,
    ENGINE_OFFLOAD,
    ENGINE_RUNGS
} engine_rung_t;

typedef struct {
    const char *model;  /* a folder, or org/name in the Hugging Face cache */
    const char *device; /* "cpu" or "cuda:N" */
    aut_dtype_t dtype;  /* AUT_DTYPE_F32 or AUT_DTYPE_BF16, of text encoder and transformer; the
                         * autoencoder and CLIP run in fp32 */
    int threads;        /* on the CPU; 0 = LibTorch's choice */
    bool tf32;
    aten_attention_t attention;
    uint64_t memory_limit; /* bytes on the device; 0 = what is there */
    engine_rung_t rung; /* the highest rung that may be used: ENGINE_KEEP unless a test wants one */
} engine_options_t;

/*  What a model can make. */
typedef struct {
    bool text_only;   /* makes clips from text alone */
    bool first_frame; /* takes a first picture */
    bool last_frame;  /* takes a last picture too */
    int64_t tail_max; /* frames of a predecessor that it can continue from: 1 or more */
    int64_t width_multiple, height_multiple;
    int64_t frames_multiple; /* frames = frames_offset + k · this */
    int64_t frames_offset;   /* 1 for all published models: their patches are one frame deep */
} engine_facts_t;

/*  A picture of (height, width, 3): exactly one of the two is set. */
typedef struct {
    const uint8_t *u8; /* resized by the pipeline as the reference resizes it */
    const float *f32;  /* in [0, 1], of the clip's size already: a tail's frame */
    int64_t width, height;
} engine_picture_t;

/*  One clip. */
typedef struct {
    const char *prompt;
    const char *negative; /* NULL = "" */
    int64_t width, height, frames;
    size_t steps;
    double guidance;   /* classifier-free guidance is on above 1 */
    double guidance_2; /* of the second expert; 0 = `guidance` */
    double flow_shift; /* 0 = the folder's */
    uint64_t seed;
    engine_picture_t first, last; /* both NULL inside: none */
    const float *tail;   /* (K, height, width, 3) in [0, 1]: the frames to go on from, which
                          * the clip repeats; in place of `first` */
    int64_t tail_frames; /* K = 1 + k · frames_multiple ≤ tail_max; 0 = none */
} engine_request_t;

/*  What happens on the way; any may be NULL. All are called on the engine's thread. */
typedef struct {
    /*  Frame `index` in [0, 1] as (height, width, 3), borrowed. 0, or an error that ends the clip.
     */
    int (*frame) (void *ctx, int64_t index, const float *rgb);
    /*  Step `step` of `steps` is done. 0, or an error that ends the clip. */
    int (*progress) (void *ctx, size_t step, size_t steps);
    /*  True ends the clip with AUT_ERR_CANCELLED before the next step or frame. */
    bool (*cancelled) (void *ctx);
    /*  Both or none: whether a picture of what the clip is becoming is wanted after this step, and
     *  that picture, (height, width, 3) in [0, 1], borrowed. None comes if the device's memory is
     *  short. The frames are the same with it and without. */
    bool (*preview_due) (void *ctx);
    void (*preview) (void *ctx, int64_t width, int64_t height, const float *rgb);
    /*  Something worth a line in a log ("out of memory: …, going on in tiles"). */
    void (*notice) (void *ctx, const char *text);
    void *ctx;
    tap_t *tap;
} engine_events_t;

/*  How a clip was made. */
typedef struct {
    engine_rung_t rung;
    uint64_t peak_bytes; /* of the device's memory */
    double text_seconds, denoise_seconds, decode_seconds;
} engine_report_t;

/*  Opens a model: finds its folder and reads the configs; weights are loaded by the first clip.
 *  Errors as folder_open, aten_new. Freed with engine_close. */
int engine_open (engine_t **out, const engine_options_t *options);
void engine_close (engine_t **self_p);

const engine_facts_t *engine_facts (const engine_t *self);
const folder_t *engine_folder (const engine_t *self);
const char *engine_rung_name (engine_rung_t rung);

/*  Makes a clip. 0 after exactly `frames` calls of events->frame. AUT_ERR_INVALID says which part
 * of the request the model cannot do. The engine stays good for the next clip. */
int engine_generate (engine_t *self, const engine_request_t *request, const engine_events_t *events,
                     engine_report_t *report);

/*  Frees what is loaded; it comes back when it is needed. */
void engine_trim (engine_t *self);

/*  For tools: the context, and the autoencoder (encoder too), loaded. */
aten_t *engine_aten (engine_t *self);
struct wan_vae;
int engine_vae (engine_t *self, struct wan_vae **out);

#endif
