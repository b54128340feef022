/*  A cluster goes on as long as a rule joins two neighbours. Most rules look at the two alone; GB9c
 *  (Indic conjuncts), GB11 (emoji joined by ZWJ) and GB12 (flags) need to know what came before,
 *  which is kept in three flags.
 */
#include "node/engine/text/grapheme.h"

#include "lib/core/buffer.h"

#include <stdbool.h>
#include <stdint.h>

typedef enum {
    OTHER,
    CR,
    LF,
    CONTROL,
    ZWJ,
    LINKER, /* an Extend that joins Indic consonants */
    EXTEND,
    EXTEND_OTHER, /* an Extend that ends an Indic conjunct */
    SPACING,
    PREPEND,
    REGIONAL,
    HANGUL_L,
    HANGUL_V,
    HANGUL_T,
    HANGUL_LV,
    HANGUL_LVT,
    CONSONANT, /* Indic */
    PICTOGRAPH,
} class_t;

static const struct {
    uint32_t first, last;
    class_t class;
} ranges[] = {
#include "node/engine/text/grapheme_table.inc"
};

static class_t class_of (uint32_t code)
{
    if (code >= 0xAC00 && code <= 0xD7A3)
        return (code - 0xAC00) % 28 ? HANGUL_LVT : HANGUL_LV;
    size_t low = 0, high = sizeof ranges / sizeof *ranges;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (code > ranges[middle].last)
            low = middle + 1;
        else
            high = middle;
    }
    if (low < sizeof ranges / sizeof *ranges && code >= ranges[low].first)
        return ranges[low].class;
    return OTHER;
}

static bool is_extend (class_t class)
{
    return class == EXTEND || class == EXTEND_OTHER || class == LINKER;
}

/*  GB6 to GB8 */
static bool joins_hangul (class_t a, class_t b)
{
    if (a == HANGUL_L)
        return b == HANGUL_L || b == HANGUL_V || b == HANGUL_LV || b == HANGUL_LVT;
    if (a == HANGUL_LV || a == HANGUL_V)
        return b == HANGUL_V || b == HANGUL_T;
    return (a == HANGUL_LVT || a == HANGUL_T) && b == HANGUL_T;
}

typedef struct {
    bool pictograph; /* the last are a pictograph and Extends: GB11 */
    bool consonant;  /* the last are a consonant, Extends and linkers: GB9c */
    bool linked;     /* … among them a linker */
    bool odd;        /* the last are an odd number of regional indicators: GB12 */
} state_t;

static void advance (state_t *self, class_t class)
{
    self->pictograph = class == PICTOGRAPH || (self->pictograph && is_extend (class));
    bool mark = class == EXTEND || class == LINKER || class == ZWJ;
    self->linked = self->consonant && mark && (self->linked || class == LINKER);
    self->consonant = class == CONSONANT || (self->consonant && mark);
    self->odd = class == REGIONAL && !self->odd;
}

/*  Whether `b` belongs to the cluster that ends in `a`. `before_zwj`: a pictograph and Extends
 *  stand before `a`. */
static bool joins (class_t a, class_t b, const state_t *state, bool before_zwj)
{
    if (a == CR)
        return b == LF; /* GB3 */
    if (a == LF || a == CONTROL || b == CR || b == LF || b == CONTROL)
        return false; /* GB4, GB5 */
    if (is_extend (b) || b == ZWJ || b == SPACING || a == PREPEND)
        return true; /* GB9, GB9a, GB9b */
    if (joins_hangul (a, b))
        return true;
    if (b == CONSONANT && state->linked)
        return true; /* GB9c */
    if (a == ZWJ && b == PICTOGRAPH && before_zwj)
        return true;                                     /* GB11 */
    return a == REGIONAL && b == REGIONAL && state->odd; /* GB12, GB13 */
}

size_t aut_grapheme_next (const char *text, size_t size)
{
    unsigned code = 0;
    size_t length = aut_utf8_next (text, size, &code);
    if (length == 0)
        return 1; /* not UTF-8: the caller's fault, but no loop */
    class_t a = class_of (code);
    state_t state = {0};
    advance (&state, a);
    bool before_zwj = false;
    while (length < size) {
        size_t step = aut_utf8_next (text + length, size - length, &code);
        class_t b = step ? class_of (code) : CONTROL;
        if (!joins (a, b, &state, before_zwj))
            break;
        before_zwj = state.pictograph;
        advance (&state, b);
        a = b;
        length += step;
    }
    return length;
}
