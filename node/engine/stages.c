/*  Stages: loading and freeing of an engine's models. See stages.h. */
#include "node/engine/stages.h"

#include "lib/core/error.h"

#include <stdlib.h>

#define TILE 256             /* pixels, as the reference's tiling */
#define ATTENTION_SLICE 2048 /* query rows */

static void free_text (stages_t *self)
{
    umt5_close (&self->text);
    tokenizer_close (&self->tokenizer);
}

static void free_experts (stages_t *self, const wan_transformer_t *but)
{
    for (size_t i = 0; i < 2; i++)
        if (self->experts[i] != but)
            wan_transformer_close (&self->experts[i]);
}

static void free_vae (stages_t *self)
{
    wan_vae_close (&self->vae);
    self->vae_encodes = false;
}

static bool keeps (const stages_t *self)
{
    return self->rung == ENGINE_KEEP;
}

/*  Opens a component: its path, then `open_it`'s code, which sticks. */
#define OPEN(self, component, call)                                                                \
    do {                                                                                           \
        char *path = folder_path ((self)->folder, (component));                                    \
        const char *label = folder_label (component);                                              \
        int rc = aten_status ((self)->c);                                                          \
        if (rc == 0)                                                                               \
            aten_fail_code ((self)->c, call);                                                      \
        free (path);                                                                               \
    } while (0)

tokenizer_t *stages_tokenizer (stages_t *self)
{
    if (!self->tokenizer)
        OPEN (self, FOLDER_TOKENIZER, tokenizer_open (&self->tokenizer, path, label));
    return self->tokenizer;
}

umt5_t *stages_text (stages_t *self)
{
    if (self->text)
        return self->text;
    if (!keeps (self)) {
        free_experts (self, NULL);
        free_vae (self);
        clip_close (&self->clip);
    }
    umt5_options_t options = {.dtype = self->dtype, .stream = self->rung >= ENGINE_TILES};
    OPEN (self, FOLDER_TEXT_ENCODER, umt5_open (&self->text, self->c, path, label, &options));
    return self->text;
}

clip_t *stages_clip (stages_t *self)
{
    if (self->clip)
        return self->clip;
    if (!keeps (self)) {
        free_text (self);
        free_experts (self, NULL);
        free_vae (self);
    }
    OPEN (self, FOLDER_IMAGE_ENCODER, clip_open (&self->clip, self->c, path, label));
    return self->clip;
}

static wan_transformer_options_t transformer_options (const stages_t *self)
{
    return (wan_transformer_options_t){
        .dtype = self->dtype,
        .offload = self->rung >= ENGINE_OFFLOAD,
        .attention_slice = self->rung >= ENGINE_SLICES ? ATTENTION_SLICE : 0,
    };
}

wan_transformer_t *stages_expert (stages_t *self, size_t expert)
{
    wan_transformer_t **slot = &self->experts[expert];
    if (!keeps (self)) {
        free_text (self);
        clip_close (&self->clip);
        free_vae (self);
        free_experts (self, *slot);
    }
    if (*slot)
        return *slot;
    wan_transformer_options_t options = transformer_options (self);
    OPEN (self, expert ? FOLDER_TRANSFORMER_2 : FOLDER_TRANSFORMER,
          wan_transformer_open (slot, self->c, path, label, &options));
    return *slot;
}

wan_vae_t *stages_vae (stages_t *self, bool encoder)
{
    if (!keeps (self)) {
        free_text (self);
        clip_close (&self->clip);
        free_experts (self, NULL);
    }
    if (self->vae && (self->vae_encodes || !encoder))
        return self->vae;
    free_vae (self);
    wan_vae_options_t options = {
        .dtype = AUT_DTYPE_F32,
        .encoder = encoder,
        .decoder = true,
        .tile = self->rung >= ENGINE_TILES ? TILE : 0,
    };
    OPEN (self, FOLDER_VAE, wan_vae_open (&self->vae, self->c, path, label, &options));
    self->vae_encodes = self->vae && encoder;
    return self->vae;
}

void stages_free (stages_t *self)
{
    free_text (self);
    clip_close (&self->clip);
    free_experts (self, NULL);
    free_vae (self);
    aten_trim (self->c);
}

void stages_set_rung (stages_t *self, engine_rung_t rung)
{
    if (rung == self->rung)
        return;
    self->rung = rung;
    /* loaded again, under the new rung, by whoever needs it */
    stages_free (self);
}

bool stages_step_down (stages_t *self)
{
    if (self->rung + 1 >= ENGINE_RUNGS)
        return false;
    stages_set_rung (self, self->rung + 1);
    return true;
}
