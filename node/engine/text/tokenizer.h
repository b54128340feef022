/*  The tokenizer of a model folder: cleaned text to ids, as the T5 tokenizers of the published
 *  models do: Unigram pieces by libsentencepiece, special tokens written in the text ("</s>",
 *  "<extra_id_0>") taken as themselves, `</s>` at the end, truncated to a length.
 */
#ifndef AUT_ENGINE_TEXT_TOKENIZER_H
#define AUT_ENGINE_TEXT_TOKENIZER_H

#include <stddef.h>
#include <stdint.h>

typedef struct tokenizer tokenizer_t;

/*  Reads `folder`/spiece.model and the special tokens beside it. `label` ("tokenizer") begins error
 *  messages. AUT_ERR_NOT_FOUND names a missing file. Freed with tokenizer_close. */
int tokenizer_open (tokenizer_t **out, const char *folder, const char *label);
void tokenizer_close (tokenizer_t **self_p);

/*  At most `max` ids of cleaned text, the last of them `</s>`: `*ids` (freed with free), `*count`.
 */
int tokenizer_encode (const tokenizer_t *self, const char *text, size_t max, int32_t **ids,
                      size_t *count);
int32_t tokenizer_pad_id (const tokenizer_t *self);

#endif
