/*  What libsentencepiece keeps to itself of a model file (`spiece.model`, a protobuf message of
 *  sentencepiece_model.proto): the normaliser's table and how it was trained.
 */
#ifndef AUT_ENGINE_TEXT_SPIECE_H
#define AUT_ENGINE_TEXT_SPIECE_H

#include <stdbool.h>
#include <stddef.h>

typedef struct {
    const char *charsmap; /* borrowed from the bytes; NULL if there is none */
    size_t charsmap_size;
    bool bytes;   /* unknown characters are spelled in bytes */
    bool unigram; /* and not BPE, words or characters */
} spiece_t;

/*  Reads `size` bytes. AUT_ERR_CORRUPT names `label` if they are no such message. */
int spiece_read (spiece_t *out, const char *data, size_t size, const char *label);

#endif
