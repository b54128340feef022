/*  libsentencepiece behind C: the pieces of a model file. Text is turned into ids by the engine's
 *  own text/unigram.h, which cuts as the models' own tokenizer does; the library does not always.
 *
 *  A processor is immutable after spm_open: any thread may use it. Every entry catches everything.
 */
#ifndef AUT_ENGINE_SHIM_SENTENCEPIECE_H
#define AUT_ENGINE_SHIM_SENTENCEPIECE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct spm spm_t;

/*  Reads a model ("tokenizer/spiece.model"). AUT_ERR_CORRUPT names the file if it is no model,
 *  AUT_ERR_TOO_LARGE above 64 MiB. Freed with spm_close. */
int spm_open (spm_t **out, const char *path);
void spm_close (spm_t **self_p);

/*  Pieces in the model; ids are 0 … count − 1. */
int32_t spm_count (const spm_t *self);
/*  The text of an id, borrowed; NULL if out of range. */
const char *spm_piece (const spm_t *self, int32_t id);
/*  The score (log probability) of an id's piece; 0 if out of range. */
double spm_score (const spm_t *self, int32_t id);
int32_t spm_unknown_id (const spm_t *self);

#ifdef __cplusplus
}
#endif

#endif
