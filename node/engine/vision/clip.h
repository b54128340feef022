/*  The CLIP vision tower (arXiv 2103.00020) of Wan 2.1's image-to-video models: pictures to the
 *  hidden state before the last layer.
 */
#ifndef AUT_ENGINE_VISION_CLIP_H
#define AUT_ENGINE_VISION_CLIP_H

#include "node/engine/shim/aten.h"

typedef struct clip clip_t;

/*  Opens an image encoder's folder, in fp32. Errors as weights_open and config_status. Freed with
 *  clip_close, before its context. */
int clip_open (clip_t **out, aten_t *c, const char *folder, const char *label);
void clip_close (clip_t **self_p);
int64_t clip_width (const clip_t *self);
int64_t clip_image_size (const clip_t *self);

/*  pixels (n, 3, S, S) fp32, preprocessed → (n, 1 + patches, D): hidden_states[-2], no post norm.
 */
tensor_t *clip_encode (clip_t *self, tensor_t *pixels);

#endif
