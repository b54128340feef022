/*  What the pipelines share: the run of one clip, and the steps that all of them take.
 *
 *  A pipeline is one C file with one table. engine_generate drives it:
 *
 *      encode text → prepare (noise, condition) → for each σ: input → velocity → step → decode
 *
 *  All functions give aten_status () of the run's context or make tensors in its current scope; the
 *  first error sticks.
 */
#ifndef AUT_ENGINE_PIPELINE_H
#define AUT_ENGINE_PIPELINE_H

#include "node/engine/engine.h"
#include "node/engine/scheduler/scheduler.h"
#include "node/engine/stages.h"
#include "node/engine/wan/transformer.h"
#include "node/engine/wan/vae.h"

#define PIPELINE_TEXT_LENGTH 512 /* rows of text, padding included */

typedef struct pipeline pipeline_t;

/*  One clip on its way. Tensors in it are kept, and freed when the clip is done. */
typedef struct {
    const pipeline_t *pipeline;
    const engine_request_t *request;
    const engine_events_t *events;
    stages_t *stages; /* the models */
    aten_t *c;
    tap_t *tap;
    scheduler_t *scheduler;
    bool guided;
    int64_t latent_dims[5]; /* (1, C, T, h, w) of the noise */

    tensor_t *prompt, *negative; /* (1, 512, text_dim) */
    tensor_t *image;             /* (n, M, image_dim) CLIP rows, or NULL */
    tensor_t *condition;         /* what the pipeline made of the pictures, or NULL */
    tensor_t *mask;              /* TI2V: (1, 1, T, h, w), 0 where the condition stands */
    int64_t fixed_frames;        /* TI2V: latent frames that the condition gives */
    float *timesteps;            /* one, or one per token */
    size_t timestep_count;
    bool blind; /* a preview failed: no more of them */
} run_t;

struct pipeline {
    const char *name;
    /*  MUST. Fills what the model can make. */
    void (*facts) (const stages_t *stages, engine_facts_t *facts);
    /*  MUST. Makes condition, image, mask from the request's pictures; the text is encoded. */
    int (*prepare) (run_t *run);
    /*  MUST. Latents (1, C, T, h, w) → what the transformer is given at this step; sets
     *  run->timesteps for timestep `t`. */
    tensor_t *(*input) (run_t *run, tensor_t *latents, double t);
    /*  MAY. The last latents before the decode. */
    tensor_t *(*finish) (run_t *run, tensor_t *latents);
};

extern const pipeline_t pipeline_wan_t2v;
extern const pipeline_t pipeline_wan_i2v;
extern const pipeline_t pipeline_wan_ti2v;

/*  The pipeline of a model. */
const pipeline_t *pipeline_of (const folder_t *folder);

/*  Cleans, tokenises and encodes prompt and negative prompt. */
int pipeline_encode_text (run_t *run);

/*  A request's picture as the autoencoder sees it: (1, 3, 1, H, W) in [−1, 1], in the current
 * scope. `name` ("image") is for taps and errors. */
tensor_t *pipeline_picture (run_t *run, const engine_picture_t *picture, const char *name);
/*  Tail frames likewise: (1, 3, count, H, W). */
tensor_t *pipeline_tail (run_t *run, const float *tail, int64_t count);
/*  CLIP rows of one or two pictures, kept in run->image. */
int pipeline_encode_clip (run_t *run, const engine_picture_t *const *pictures, size_t count);

/*  One timestep for all tokens, or one per token: 0 for those of the first `fixed` latent frames.
 */
void pipeline_timestep (run_t *run, double t);
void pipeline_token_timesteps (run_t *run, double t, int64_t fixed, const int64_t patch[3]);

/*  Noise → latents without noise; kept by the caller. */
tensor_t *pipeline_denoise (run_t *run);
/*  After step i from `latents` by `velocity`: a picture for events->preview, if one is due. The
 *  context's status stays 0, and nothing else changes. */
void pipeline_preview (run_t *run, size_t i, tensor_t *latents, tensor_t *velocity);
/*  After an error: true if it was memory and there is a lower rung, which then holds: do it again.
 */
bool pipeline_step_down (run_t *run);
/*  Latents → frames, through events->frame. */
int pipeline_decode (run_t *run, tensor_t *latents);

/*  Does a stage, again one rung down as long as memory is what it lacks. */
int pipeline_stage (run_t *run, int (*stage) (run_t *run));

/*  Frees what the run holds. */
void pipeline_cleanup (run_t *run);

#endif
