/*  Unicode normalisation form C (UAX #15): decompose, order the marks, compose.
 *
 *  The tables are of Unicode 14.0 (tools/text_tables.py); Hangul syllables are computed. While it
 *  works, a code point carries its combining class in its upper eight bits.
 */
#include "node/engine/text/clean_internal.h"

typedef struct {
    uint32_t code, first, second; /* one step; second is 0 for a singleton */
} decomposition_t;

typedef struct {
    uint32_t first, second, code; /* without what UAX #15 excludes */
} composition_t;

typedef struct {
    uint32_t start, end;
    uint8_t combining;
} mark_t;

#include "node/engine/text/clean_nfc.inc"

#define COUNT(table) (sizeof (table) / sizeof *(table))
#define FIRST_AFFECTED 0x300u /* text below it is in form C already */

enum { S_BASE = 0xAC00, L_BASE = 0x1100, V_BASE = 0x1161, T_BASE = 0x11A7 };
enum { L_COUNT = 19, V_COUNT = 21, T_COUNT = 28, S_COUNT = L_COUNT * V_COUNT * T_COUNT };

static uint32_t code_of (uint32_t packed)
{
    return packed & 0x1FFFFF;
}

static unsigned combining_of (uint32_t packed)
{
    return packed >> 24;
}

static uint32_t pack (uint32_t code)
{
    size_t low = 0, high = code < FIRST_AFFECTED ? 0 : COUNT (marks);
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (code > marks[middle].end)
            low = middle + 1;
        else
            high = middle;
    }
    if (code < FIRST_AFFECTED || low == COUNT (marks) || code < marks[low].start)
        return code;
    return code | (uint32_t)marks[low].combining << 24;
}

static const decomposition_t *find_decomposition (uint32_t code)
{
    size_t low = 0, high = COUNT (decompositions);
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (code > decompositions[middle].code)
            low = middle + 1;
        else
            high = middle;
    }
    bool found = low < COUNT (decompositions) && decompositions[low].code == code;
    return found ? &decompositions[low] : NULL;
}

static void put_hangul (aut_codes_t *out, uint32_t index)
{
    aut_codes_put (out, L_BASE + index / (V_COUNT * T_COUNT));
    aut_codes_put (out, V_BASE + index % (V_COUNT * T_COUNT) / T_COUNT);
    if (index % T_COUNT)
        aut_codes_put (out, T_BASE + index % T_COUNT);
}

/*  Only the first part of a decomposition can decompose again; the seconds wait in `tail`. The
 *  longest chain in Unicode is three steps. */
static void put_decomposed (aut_codes_t *out, uint32_t code)
{
    uint32_t tail[8];
    size_t waiting = 0;
    if (code >= S_BASE && code < S_BASE + S_COUNT) {
        put_hangul (out, code - S_BASE);
        return;
    }
    const decomposition_t *step = code < 0xC0 ? NULL : find_decomposition (code);
    while (step && waiting < sizeof tail / sizeof *tail) {
        if (step->second)
            tail[waiting++] = step->second;
        code = step->first;
        step = find_decomposition (code);
    }
    aut_codes_put (out, pack (code));
    while (waiting > 0)
        put_decomposed (out, tail[--waiting]);
}

/*  Sorts the marks [first, last) by combining class, keeping the order within a class: counting, so
 *  that long runs stay linear. */
static void order_run (uint32_t *code, size_t size, aut_codes_t *spare)
{
    size_t start[257] = {0};
    for (size_t i = 0; i < size; i++)
        start[combining_of (code[i]) + 1]++;
    for (size_t i = 1; i < 257; i++)
        start[i] += start[i - 1];
    aut_codes_set (spare, code, size);
    for (size_t i = 0; i < size; i++)
        code[start[combining_of (spare->code[i])]++] = spare->code[i];
}

static void order_marks (aut_codes_t *text)
{
    aut_codes_t spare = {0};
    for (size_t at = 0; at < text->size;) {
        size_t end = at;
        bool ordered = true;
        while (end < text->size && combining_of (text->code[end]) != 0) {
            ordered &= end == at || text->code[end - 1] >> 24 <= text->code[end] >> 24;
            end++;
        }
        if (!ordered)
            order_run (text->code + at, end - at, &spare);
        at = end + 1;
    }
    aut_codes_clear (&spare);
}

/*  The character that `first` and `second` make; 0 if none. */
static uint32_t compose_pair (uint32_t first, uint32_t second)
{
    if (first >= L_BASE && first < L_BASE + L_COUNT && second >= V_BASE &&
        second < V_BASE + V_COUNT)
        return S_BASE + ((first - L_BASE) * V_COUNT + (second - V_BASE)) * T_COUNT;
    if (first >= S_BASE && first < S_BASE + S_COUNT && (first - S_BASE) % T_COUNT == 0 &&
        second > T_BASE && second < T_BASE + T_COUNT)
        return first + (second - T_BASE);
    size_t low = 0, high = COUNT (compositions);
    while (low < high) {
        size_t middle = (low + high) / 2;
        const composition_t *pair = &compositions[middle];
        if (first > pair->first || (first == pair->first && second > pair->second))
            low = middle + 1;
        else
            high = middle;
    }
    if (low == COUNT (compositions) || compositions[low].first != first ||
        compositions[low].second != second)
        return 0;
    return compositions[low].code;
}

/*  In place: each character joins the last starter unless another of its class, or one that does
 * not combine, stands between them. */
static void compose (aut_codes_t *text)
{
    size_t kept = 0, starter = SIZE_MAX;
    for (size_t i = 0; i < text->size; i++) {
        uint32_t packed = text->code[i];
        bool free_way =
            starter != SIZE_MAX &&
            (kept == starter + 1 || combining_of (text->code[kept - 1]) < combining_of (packed));
        uint32_t joined =
            free_way ? compose_pair (code_of (text->code[starter]), code_of (packed)) : 0;
        if (joined) {
            text->code[starter] = joined;
            continue;
        }
        if (combining_of (packed) == 0)
            starter = kept;
        text->code[kept++] = packed;
    }
    text->size = kept;
}

void aut_clean_nfc (aut_codes_t *text)
{
    bool affected = false;
    for (size_t i = 0; i < text->size && !affected; i++)
        affected = text->code[i] >= FIRST_AFFECTED;
    if (!affected)
        return;
    aut_codes_t out = {0};
    for (size_t i = 0; i < text->size; i++)
        put_decomposed (&out, text->code[i]);
    order_marks (&out);
    compose (&out);
    for (size_t i = 0; i < out.size; i++)
        out.code[i] = code_of (out.code[i]);
    aut_codes_take (text, &out);
    aut_codes_clear (&out);
}
