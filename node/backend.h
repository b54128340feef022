/*  What a backend is: the code that runs one kind of model, as a const table of functions.
 *
 *  A backend lives in a worker process, on its main thread; every function is called there, in the
 *  order probe, load, generate…, unload. Nothing in a backend knows of messages, files of the
 *  cluster or other tasks: it is handed decoded pictures and the float tail, and gives back float
 *  frames. A node also probes, on any thread, to learn which models it may offer; it does so
 * without loading the backends (node/probes.h).
 *
 *  Slots marked MUST are never NULL; MAY ones can be.
 */
#ifndef AUT_NODE_BACKEND_H
#define AUT_NODE_BACKEND_H

#include "lib/film/registry.h"
#include "lib/film/task.h"
#include "lib/media/picture.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*  Where a model runs. */
typedef struct {
    const char *name;      /* "cpu" or "cuda:0" */
    uint64_t memory_bytes; /* what the device has in all; 0 = unknown */
    uint64_t memory_limit; /* what a model may take of it (--vram-limit); 0 = all */
    uint32_t threads;      /* processors that it may keep busy; 0 = the backend's choice */
} aut_device_t;

/*  A model that is to be probed or loaded, borrowed for the call. */
typedef struct {
    const char *id;       /* "auteur-animatic" */
    const char *revision; /* may be "" */
    const char *dir;      /* the folder of the model's manifest; NULL if it has none */
    const char *weights;  /* the folder of its weights; NULL if they are not on this machine */
    unsigned precisions;  /* bits 1 << AUT_PRECISION_…; 0 = the backend's choice */
    const aut_device_t *device;
} aut_model_ref_t;

/*  The pictures and numbers of one chunk, borrowed for the call. All arrays are rows of pixels of
 *  three floats (red, green, blue) in [0, 1], not premultiplied, display-referred like the film. */
typedef struct {
    const aut_task_spec_t *spec; /* spec->width × spec->height, spec->frames frames are wanted */
    const float *tail;    /* (K, H, W, 3): the predecessor's last kept frames, or NULL. Both for a
                           * chunk that goes on (spec->has_after, K = spec->tail where there were as
                           * many) and for init.from previous (AUT_INIT_AFTER, K = 1); H and W are the
                           * spec's, the worker has scaled another shot's frame */
    uint32_t tail_frames; /* K; 0 without a tail */
    const aut_picture_t *init;   /* the picture of AUT_INIT_IMAGE, or NULL; at its own size */
    const aut_picture_t *last;   /* spec's last picture, or NULL; at its own size */
    const aut_picture_t *images; /* images[i] belongs to spec->cards[i]; rgb is NULL without one */
    size_t image_count;          /* = spec->card_count */
} aut_generate_in_t;

/*  Where the frames go. Each callback runs on the calling thread and must be called from the one
 *  that called generate. */
typedef struct {
    /*  MUST be set. Takes frame `index` (0 … spec->frames − 1, each once, in order, those that the
     *  worker will drop included): `rgb` is (H, W, 3), borrowed for the call. 0, or an error that
     *  generate passes up at once. Values outside [0, 1] are clamped, a NaN is an error. */
    int (*frame) (void *ctx, uint32_t index, const float *rgb);
    /*  MAY be NULL. Reports step `step` of `steps` done (sampler steps, or anything that counts
     *  up); cheap to call as often as one likes. 0, or an error that generate passes up. */
    int (*progress) (void *ctx, uint32_t step, uint32_t steps);
    /*  MAY be NULL. True once the task is not wanted any more: generate then gives
     *  AUT_ERR_CANCELLED. A backend asks at least between frames and between steps. */
    bool (*cancelled) (void *ctx);
    /*  MAY be NULL, both or none. Whether a picture of what is being made is wanted now; asked
     *  between steps. A backend that can make one then hands over what it has, (height, width, 3)
     *  as above, borrowed; the time between the two calls is what it cost. What it does for this
     *  MUST NOT change the frames, and fails in silence. Frames themselves need no such call. */
    bool (*preview_due) (void *ctx);
    void (*preview) (void *ctx, uint32_t width, uint32_t height, const float *rgb);
    void *ctx;
} aut_generate_out_t;

/*  How a chunk was made, for its metadata. Strings are borrowed from the state, never NULL, and ""
 * for what a backend does not know. */
typedef struct {
    const char *revision;  /* of the weights as they were found: a snapshot's commit */
    const char *weights;   /* SHA-256 over all the weights, 64 hex digits */
    const char *precision; /* "fp32", "bf16" */
    const char *memory;    /* how memory was saved: the engine's rung */
    uint64_t peak_bytes;   /* of the device's memory; 0 = not known */
    double text_seconds, denoise_seconds, decode_seconds;
} aut_generate_report_t;

typedef struct aut_backend {
    /*  MUST. What manifests call it ("animatic"). */
    const char *name;

    /*  MUST. Whether this model can run on this device here: 0, AUT_ERR_NOT_FOUND (weights
     *  missing), AUT_ERR_UNSUPPORTED (not on this device), AUT_ERR_DEVICE_MEMORY (too small), or
     *  another error; the detail says what to do. Cheap: reads no weights. Any thread. */
    int (*probe) (const aut_model_ref_t *model);

    /*  MUST. Makes the model ready; gives `*state`, owned by the backend until unload. Errors as
     *  probe's; on error `*state` is NULL and nothing is left behind. */
    int (*load) (void **state, const aut_model_ref_t *model);

    /*  MUST for a model that makes video, else NULL. Makes the frames of one chunk. 0 after exactly
     * spec->frames calls of out->frame; else AUT_ERR_CANCELLED, AUT_ERR_DEVICE_MEMORY (the task
     * goes to a bigger device), or another error with its detail. The state stays good for the next
     * chunk, whatever came out. */
    int (*generate) (void *state, const aut_generate_in_t *in, const aut_generate_out_t *out);

    /*  MUST for an upscaler with a factor above 1 (registry.h), else NULL. `*out` becomes a new
     *  picture, `frame` by the factor in both directions, the caller's to destroy. 0, or
     *  AUT_ERR_DEVICE_MEMORY, AUT_ERR_CANCELLED, another error with its detail; then `*out` is NULL
     *  and the state good for the next frame. `cancelled` may be NULL; a backend that takes
     *  seconds for a frame asks it between parts. */
    int (*upscale) (void *state, const aut_picture_t *frame, bool (*cancelled) (void *ctx),
                    void *ctx, aut_picture_t **out);

    /*  MUST. Frees what load gave; NULL is fine. */
    void (*unload) (void *state);

    /*  MAY. Frees what can be made again (caches, workspaces) when the worker has been idle or the
     *  device ran out of memory; the state stays loaded. */
    void (*trim) (void *state);

    /*  MAY. Tells how the chunk that generate made last was made; valid until the next call. */
    void (*report) (const void *state, aut_generate_report_t *out);
} aut_backend_t;

#endif
