/*  Unigram segmentation (Kudo, arXiv 1804.10959): a word is cut into those pieces of a vocabulary
 *  whose scores, log probabilities, have the largest sum.
 */
#ifndef AUT_ENGINE_TEXT_UNIGRAM_H
#define AUT_ENGINE_TEXT_UNIGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
    const char *text; /* borrowed: outlives the vocabulary */
    double score;
} unigram_piece_t;

/*  Growing ids; zero-initialise, free `at`. */
typedef struct {
    int32_t *at;
    size_t count, cap;
} unigram_ids_t;

typedef struct unigram unigram_t;

/*  A vocabulary in which a piece's id is its index. `unknown` is the id of what no piece covers.
 *  With `bytes`, that is spelled with the pieces "<0x00>" … "<0xFF>" where they are. Freed with
 *  unigram_destroy. Immutable: any thread may use it. AUT_ERR_INVALID, AUT_ERR_NOMEM. */
int unigram_new (unigram_t **out, const unigram_piece_t *pieces, size_t count, int32_t unknown,
                 bool bytes);
void unigram_destroy (unigram_t **self_p);

/*  Appends the ids of `size` bytes of valid UTF-8. */
int unigram_encode (const unigram_t *self, const char *word, size_t size, unigram_ids_t *ids);

#endif
