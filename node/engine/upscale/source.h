/*  Where an upscaler's weights come from: a safetensors file, or a pair of ncnn's files, in the
 *  names of Real-ESRGAN's checkpoints either way.
 */
#ifndef AUT_ENGINE_UPSCALE_SOURCE_H
#define AUT_ENGINE_UPSCALE_SOURCE_H

#include "node/engine/weights.h"

typedef struct source source_t;

/*  Opens `model`: a .safetensors or .param file, or a folder with model.safetensors, with one
 *  .safetensors file of another name, or with one .param file. AUT_ERR_NOT_FOUND says what was
 *  looked for, AUT_ERR_INVALID which files one would have to choose from. Freed with source_close;
 *  tensors may lie in its files until then. */
int source_open (source_t **out, const char *model);
void source_close (source_t **self_p);

/*  Borrowed. */
weights_t *source_weights (source_t *self);

#endif
