/*  Stages: the models of an engine's folder, loaded when they are first needed and freed by the
 * rung of the memory ladder (see engine.h).
 */
#ifndef AUT_ENGINE_STAGES_H
#define AUT_ENGINE_STAGES_H

#include "node/engine/engine.h"
#include "node/engine/text/tokenizer.h"
#include "node/engine/text/umt5.h"
#include "node/engine/vision/clip.h"
#include "node/engine/wan/transformer.h"
#include "node/engine/wan/vae.h"

typedef struct {
    aten_t *c;
    folder_t *folder;
    aut_dtype_t dtype;
    engine_rung_t rung;
    /* loaded, or NULL */
    tokenizer_t *tokenizer;
    umt5_t *text;
    clip_t *clip;
    wan_transformer_t *experts[2];
    wan_vae_t *vae;
    bool vae_encodes; /* its encoder is loaded too */
    /* from the configs, always there */
    wan_vae_config_t vae_config;
    wan_transformer_config_t transformer_config;
} stages_t;

/*  Each gives the model, loading it if it must, after freeing what the rung does not keep. An error
 *  sticks to the context, and NULL comes back. */
umt5_t *stages_text (stages_t *self);
tokenizer_t *stages_tokenizer (stages_t *self);
clip_t *stages_clip (stages_t *self);
/*  Expert 0 (`transformer`) or 1 (`transformer_2`). */
wan_transformer_t *stages_expert (stages_t *self, size_t expert);
wan_vae_t *stages_vae (stages_t *self, bool encoder);

/*  Frees all models. */
void stages_free (stages_t *self);
/*  Takes a rung for what is loaded from here on. Models that were loaded under another one are
 *  freed: tiles, slices and where blocks lie are decided when a model is opened. */
void stages_set_rung (stages_t *self, engine_rung_t rung);
/*  Goes one rung down and applies it to what is loaded. False at the last rung. */
bool stages_step_down (stages_t *self);

#endif
