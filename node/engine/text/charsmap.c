/*  The table (sentencepiece, src/normalizer.cc): the size of a trie in 4 bytes, the trie, and the
 *  replacements, each ended by a zero, which the trie's leaves point into. The trie is a double
 *  array of darts-clone (https://github.com/s-yata/darts-clone): 32-bit units, and from a unit at
 *  `node` one goes on with `byte` to `node ^ offset ^ byte`, if the unit there has that label.
 *
 *  libsentencepiece replaces the longest match, anywhere. `tokenizers` looks at one grapheme
 *  cluster at a time: one of at most five bytes is replaced whole by what its *shortest* match
 *  gives (so a mark after "½" disappears), anything else character by character. The second is the
 *  one to follow; it is why libsentencepiece cannot be given raw text.
 */
#include "node/engine/text/charsmap.h"

#include "lib/core/error.h"
#include "lib/core/mem.h"
#include "node/engine/text/grapheme.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define OUTPUT_MAX (16u << 20)
#define CLUSTER_MAX 5 /* bytes of a cluster that is looked up whole */

struct charsmap {
    size_t unit_count;
    size_t text_size;
    char *texts; /* ends with a zero of our own */
    uint32_t units[];
};

int charsmap_new (charsmap_t **out, const void *data, size_t size, const char *label)
{
    *out = NULL;
    const unsigned char *bytes = data;
    size_t trie = 0;
    if (size) {
        if (size < 4)
            return aut_fail (AUT_ERR_CORRUPT, "%s: the normaliser's table is cut off", label);
        trie = (size_t)bytes[0] | (size_t)bytes[1] << 8 | (size_t)bytes[2] << 16 |
               (size_t)bytes[3] << 24;
        if (trie % 4 || trie > size - 4)
            return aut_fail (AUT_ERR_CORRUPT, "%s: the normaliser's trie has %zu bytes of %zu",
                             label, trie, size - 4);
    }
    size_t text_size = size ? size - 4 - trie : 0;
    charsmap_t *self = aut_try_alloc (1, sizeof *self + trie + text_size + 1);
    if (!self)
        return AUT_ERR_NOMEM;
    self->unit_count = trie / 4;
    self->text_size = text_size;
    self->texts = (char *)(self->units + self->unit_count);
    for (size_t i = 0; i < self->unit_count; i++) {
        const unsigned char *at = bytes + 4 + 4 * i;
        self->units[i] =
            (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
    }
    if (text_size)
        memcpy (self->texts, bytes + 4 + trie, text_size);
    *out = self;
    return 0;
}

void charsmap_destroy (charsmap_t **self_p)
{
    free (*self_p);
    *self_p = NULL;
}

static size_t offset_of (uint32_t unit)
{
    return (size_t)(unit >> 10) << ((unit & (1u << 9)) >> 6);
}

/*  What the shortest key that `text` begins with is replaced by, or NULL. */
static const char *lookup (const charsmap_t *self, const char *text, size_t size)
{
    if (self->unit_count == 0)
        return NULL;
    size_t node = offset_of (self->units[0]);
    for (size_t i = 0; i < size; i++) {
        node ^= (unsigned char)text[i];
        if (node >= self->unit_count)
            return NULL;
        uint32_t unit = self->units[node];
        if ((unit & (1u << 31 | 0xFF)) != (unsigned char)text[i])
            return NULL;
        node ^= offset_of (unit);
        if (unit & 1u << 8) {
            size_t at = node < self->unit_count ? self->units[node] & ~(1u << 31) : SIZE_MAX;
            return at < self->text_size ? self->texts + at : NULL;
        }
    }
    return NULL;
}

/*  A cluster that is no key is normalised character by character. */
static void apply_each (const charsmap_t *self, const char *text, size_t size, aut_buffer_t *out)
{
    for (size_t at = 0, step; at < size; at += step) {
        step = aut_utf8_next (text + at, size - at, NULL);
        step = step ? step : 1;
        const char *one = lookup (self, text + at, step);
        if (one)
            aut_buffer_text (out, one);
        else
            aut_buffer_append (out, text + at, step);
    }
}

int charsmap_apply (const charsmap_t *self, const char *text, size_t size, aut_buffer_t *out)
{
    for (size_t at = 0, length; at < size; at += length) {
        length = aut_grapheme_next (text + at, size - at);
        const char *whole = length <= CLUSTER_MAX ? lookup (self, text + at, length) : NULL;
        if (whole)
            aut_buffer_text (out, whole);
        else
            apply_each (self, text + at, length, out);
        if (out->size > OUTPUT_MAX)
            return aut_fail (AUT_ERR_TOO_LARGE, "the text grows beyond %u MiB when normalised",
                             OUTPUT_MAX >> 20);
    }
    return 0;
}
