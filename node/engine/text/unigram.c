/*  The best segmentation by dynamic programming over byte positions (Viterbi, IEEE Trans. IT 13,
 *  1967): for each position the best last piece that ends there.
 *
 *  libsentencepiece has the same search, but sums in fp32, and words in which pieces repeat have
 *  segmentations of equal score ("rimerime" is rim·eri·me or rim·e·rime): rounding decides there,
 *  and otherwise than in the tokenizers the models were trained with, which sum in fp64 and keep
 *  the first found. So the search is here.
 */
#include "node/engine/text/unigram.h"

#include "lib/core/buffer.h"
#include "lib/core/error.h"
#include "lib/core/mem.h"
#include "node/engine/text/prefixes.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define UNKNOWN_PENALTY 10.0 /* below the lowest score of all pieces */

struct unigram {
    prefixes_t *pieces;
    double *scores;
    double unknown_score;
    int32_t unknown;
    bool bytes;
    int32_t byte_ids[256]; /* -1: none */
};

/*  The best way to a position. */
typedef struct {
    double score;
    uint32_t start; /* of its last piece */
    int32_t id;     /* of its last piece; -1: no way yet */
} node_t;

/*  The id of a piece, or -1. */
static int32_t id_of (const unigram_t *self, const char *piece)
{
    const prefix_t *found = prefixes_find (self->pieces, piece, strlen (piece));
    return found ? found->value : -1;
}

static void find_bytes (unigram_t *self)
{
    for (int byte = 0; byte < 256; byte++) {
        char name[8];
        snprintf (name, sizeof name, "<0x%02X>", (unsigned)byte);
        self->byte_ids[byte] = id_of (self, name);
    }
}

static int fill (unigram_t *self, const unigram_piece_t *pieces, size_t count)
{
    prefix_t *strings = aut_try_alloc (count + 1, sizeof *strings);
    self->scores = aut_try_alloc (count + 1, sizeof *self->scores);
    int rc = strings && self->scores ? 0 : AUT_ERR_NOMEM;
    double lowest = INFINITY;
    for (size_t i = 0; rc == 0 && i < count; i++) {
        strings[i] = (prefix_t){pieces[i].text, strlen (pieces[i].text), (int32_t)i};
        self->scores[i] = pieces[i].score;
        if (!isfinite (pieces[i].score))
            rc = aut_fail (AUT_ERR_INVALID, "the score of piece %zu is not finite", i);
        lowest = pieces[i].score < lowest ? pieces[i].score : lowest;
    }
    self->unknown_score = lowest - UNKNOWN_PENALTY;
    if (rc == 0)
        rc = prefixes_new (&self->pieces, strings, count);
    free (strings);
    return rc;
}

int unigram_new (unigram_t **out, const unigram_piece_t *pieces, size_t count, int32_t unknown,
                 bool bytes)
{
    *out = NULL;
    if (count == 0 || count > INT32_MAX || unknown < 0 || (size_t)unknown >= count)
        return aut_fail (AUT_ERR_INVALID, "the unknown piece %d is not one of %zu", unknown, count);
    unigram_t *self = aut_calloc (1, sizeof *self);
    self->unknown = unknown;
    self->bytes = bytes;
    int rc = fill (self, pieces, count);
    if (rc)
        unigram_destroy (&self);
    else
        find_bytes (self);
    *out = self;
    return rc;
}

void unigram_destroy (unigram_t **self_p)
{
    unigram_t *self = *self_p;
    if (!self)
        return;
    prefixes_destroy (&self->pieces);
    free (self->scores);
    free (self);
    *self_p = NULL;
}

static void offer (node_t *node, double score, size_t start, int32_t id)
{
    if (node->id < 0 || score > node->score)
        *node = (node_t){score, (uint32_t)start, id};
}

/*  Fills nodes[0 … size]. A character that is no piece itself may be unknown. */
static void search (const unigram_t *self, const char *word, size_t size, node_t *nodes)
{
    for (size_t i = 0; i <= size; i++)
        nodes[i] = (node_t){0, 0, -1};
    for (size_t at = 0, step; at < size; at += step) {
        double score = nodes[at].score;
        step = aut_utf8_next (word + at, size - at, NULL);
        step = step ? step : 1;
        bool alone = false;
        prefix_search_t found = prefixes_search (self->pieces, word + at, size - at);
        for (const prefix_t *piece; (piece = prefixes_next (self->pieces, &found));) {
            offer (&nodes[at + piece->size], score + self->scores[piece->value], at, piece->value);
            alone = alone || piece->size == step;
        }
        if (!alone)
            offer (&nodes[at + step], score + self->unknown_score, at, self->unknown);
    }
}

static void append (unigram_ids_t *ids, int32_t id)
{
    ids->at = aut_grow (ids->at, &ids->cap, ids->count + 1, sizeof *ids->at);
    ids->at[ids->count++] = id;
}

/*  Unknown characters in a row are one unknown piece, or its bytes. */
static void append_unknown (const unigram_t *self, const char *text, size_t size,
                            unigram_ids_t *ids)
{
    const prefix_t *piece = prefixes_find (self->pieces, text, size);
    bool spell = self->bytes && !piece;
    for (size_t i = 0; i < size && spell; i++)
        spell = self->byte_ids[(unsigned char)text[i]] >= 0;
    if (!spell)
        append (ids, piece ? piece->value : self->unknown);
    for (size_t i = 0; i < size && spell; i++)
        append (ids, self->byte_ids[(unsigned char)text[i]]);
}

/*  Turns the way back from the end into the way forth: each node then holds where its successor
 *  ends. */
static void append_path (const unigram_t *self, const char *word, size_t size, node_t *nodes,
                         unigram_ids_t *ids)
{
    size_t next = 0;
    for (size_t end = size, start; end > 0; end = start) {
        start = nodes[end].start;
        nodes[end].start = (uint32_t)next;
        next = end;
    }
    nodes[0].start = (uint32_t)next;
    for (size_t at = 0; at < size;) {
        size_t end = nodes[at].start, start = at;
        int32_t id = nodes[end].id;
        while (id == self->unknown && end < size && nodes[nodes[end].start].id == id)
            end = nodes[end].start;
        if (id == self->unknown)
            append_unknown (self, word + start, end - start, ids);
        else
            append (ids, id);
        at = end;
    }
}

int unigram_encode (const unigram_t *self, const char *word, size_t size, unigram_ids_t *ids)
{
    if (size >= UINT32_MAX)
        return aut_fail (AUT_ERR_TOO_LARGE, "a word of %zu bytes", size);
    node_t *nodes = aut_try_alloc (size + 1, sizeof *nodes);
    if (!nodes)
        return AUT_ERR_NOMEM;
    search (self, word, size, nodes);
    append_path (self, word, size, nodes, ids);
    free (nodes);
    return 0;
}
