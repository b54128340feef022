/*  Classes of characters, from tables that tools/text_tables.py makes.
 *
 *  The mojibake categories are those of ftfy (Apache License 2.0): a few hundred characters of the
 *  basic plane, in blocks of 64 that share their contents. Word characters and digits are
 * Unicode's, as Python's regular expressions see them.
 */
#include "node/engine/text/clean_internal.h"

typedef struct {
    uint32_t first, last;
} range_t;

#include "node/engine/text/clean_classes.inc"

static bool in_ranges (const range_t *ranges, size_t count, uint32_t code)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (code > ranges[middle].last)
            low = middle + 1;
        else
            high = middle;
    }
    return low < count && code >= ranges[low].first;
}

bool aut_is_word (uint32_t code)
{
    return in_ranges (word_ranges, sizeof word_ranges / sizeof *word_ranges, code);
}

bool aut_is_digit (uint32_t code)
{
    if (code < 0x80)
        return code >= '0' && code <= '9';
    return in_ranges (digit_ranges, sizeof digit_ranges / sizeof *digit_ranges, code);
}

bool aut_is_space (uint32_t code)
{
    return (code >= 0x09 && code <= 0x0D) || (code >= 0x1C && code <= 0x20) || code == 0x85 ||
           code == 0xA0 || code == 0x1680 || (code >= 0x2000 && code <= 0x200A) || code == 0x2028 ||
           code == 0x2029 || code == 0x202F || code == 0x205F || code == 0x3000;
}

static uint32_t ascii_class (uint32_t code)
{
    if (code >= 'a' && code <= 'z')
        return CLASS_LOWER;
    if (code >= 'A' && code <= 'Z')
        return CLASS_UPPER;
    if (code == ' ')
        return CLASS_NOT_LETTER | CLASS_BLANK;
    if (code == '.' || code == ',' || code == '?' || code == '!')
        return CLASS_NOT_LETTER | CLASS_STOP;
    return CLASS_NOT_LETTER;
}

uint32_t aut_class_of (uint32_t code)
{
    uint32_t bits = code == '\n' ? 0 : CLASS_NOT_NEWLINE;
    if (aut_is_space (code))
        bits |= CLASS_SPACE;
    bits |= code < 0x80 ? ascii_class (code) : CLASS_NOT_LETTER;
    if (code < 0x10000)
        bits |= class_kinds[class_blocks[class_pages[code / 64] * 64u + code % 64]];
    return bits;
}
