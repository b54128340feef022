/*  Model files of any bytes: what of them can be read normalises and segments any text, and what
 *  comes out is in range.
 */
#include "lib/core/buffer.h"
#include "lib/core/error.h"
#include "node/engine/text/charsmap.h"
#include "node/engine/text/grapheme.h"
#include "node/engine/text/spiece.h"
#include "node/engine/text/unigram.h"

#include <stdlib.h>
#include <string.h>

#define TEXT_MAX 4096
#define PIECES_MAX 64

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static void must (bool holds)
{
    if (!holds)
        abort ();
}

static void normalize (const char *data, size_t size, const char *text, size_t length)
{
    spiece_t specs;
    charsmap_t *map = NULL;
    if (spiece_read (&specs, data, size, "spiece.model"))
        specs = (spiece_t){.charsmap = data, .charsmap_size = size};
    must (specs.charsmap_size <= size);
    if (charsmap_new (&map, specs.charsmap, specs.charsmap_size, "spiece.model") == 0) {
        aut_buffer_t out = {0};
        charsmap_apply (map, text, length, &out);
        aut_buffer_clear (&out);
    }
    charsmap_destroy (&map);
}

/*  The bytes, cut at each zero, are the pieces. */
static void segment (char *data, size_t size, const char *text, size_t length)
{
    unigram_piece_t pieces[PIECES_MAX];
    size_t count = 0;
    for (size_t at = 0; at < size && count < PIECES_MAX; at += strlen (data + at) + 1)
        pieces[count] = (unigram_piece_t){data + at, -(double)count}, count++;
    unigram_t *unigram = NULL;
    if (unigram_new (&unigram, pieces, count, (int32_t)count / 2, count % 2) == 0) {
        unigram_ids_t ids = {0};
        must (unigram_encode (unigram, text, length, &ids) == 0);
        must (length == 0 || ids.count > 0);
        for (size_t i = 0; i < ids.count; i++)
            must (ids.at[i] >= 0 && (size_t)ids.at[i] < count);
        free (ids.at);
    }
    unigram_destroy (&unigram);
}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    char *copy = calloc (size + 1, 1);
    if (!copy)
        return 0;
    if (size)
        memcpy (copy, data, size);
    size_t length = size / 2 < TEXT_MAX ? size / 2 : TEXT_MAX;
    const char *text = copy + size - length;
    for (size_t at = 0, step; at < length; at += step) {
        step = aut_grapheme_next (text + at, length - at);
        must (step > 0 && step <= length - at);
    }
    normalize (copy, size, text, length);
    segment (copy, size, text, length);
    free (copy);
    return 0;
}
