/*  Normalisation by a SentencePiece model's own table (nmt_nfkc: Unicode's NFKC, control characters
 *  dropped, white space made spaces), exactly as Hugging Face's `tokenizers` applies it, which is
 *  what prompts went through when the models were trained.
 */
#ifndef AUT_ENGINE_TEXT_CHARSMAP_H
#define AUT_ENGINE_TEXT_CHARSMAP_H

#include "lib/core/buffer.h"

#include <stddef.h>

typedef struct charsmap charsmap_t;

/*  Takes a copy of a model's `precompiled_charsmap`; `size` 0 maps nothing. `label` names the file.
 *  AUT_ERR_CORRUPT for one that breaks its format. Freed with charsmap_destroy. Immutable. */
int charsmap_new (charsmap_t **out, const void *data, size_t size, const char *label);
void charsmap_destroy (charsmap_t **self_p);

/*  Appends `size` bytes of valid UTF-8, normalised, to `out`. AUT_ERR_TOO_LARGE when `out` grows
 *  beyond 16 MiB, which no honest table makes of a prompt. */
int charsmap_apply (const charsmap_t *self, const char *text, size_t size, aut_buffer_t *out);

#endif
