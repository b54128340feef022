/*  Case by ranges of Unicode that pair regularly; what is outside them has no case here, which only
 *  means that a cue of such letters is marked by @.
 */
#include "lib/film/letters.h"

#include <string.h>

/*  Capitals first…last are `by` below their small letters; by 0: they alternate with them, the
 *  capital at even places, or, with -1, at odd ones. */
typedef struct {
    unsigned first, last;
    int by;
} range_t;

static const range_t ranges[] = {
    {'A', 'Z', 32},      {0xC0, 0xD6, 32},   {0xD8, 0xDE, 32},   {0x100, 0x137, 0},
    {0x139, 0x148, -1},  {0x14A, 0x177, 0},  {0x179, 0x17E, -1}, {0x1CD, 0x1DC, -1},
    {0x1DE, 0x1EF, 0},   {0x1F8, 0x21F, 0},  {0x222, 0x233, 0},  {0x386, 0x386, 38},
    {0x388, 0x38A, 37},  {0x38C, 0x38C, 64}, {0x38E, 0x38F, 63}, {0x391, 0x3A1, 32},
    {0x3A3, 0x3AB, 32},  {0x400, 0x40F, 80}, {0x410, 0x42F, 32}, {0x460, 0x481, 0},
    {0x48A, 0x4BF, 0},   {0x4D0, 0x52F, 0},  {0x531, 0x556, 48}, {0x1E00, 0x1E95, 0},
    {0x1EA0, 0x1EFF, 0},
};

#define RANGES (sizeof ranges / sizeof *ranges)

static bool alternates (const range_t *range, unsigned code, bool upper)
{
    return range->by <= 0 && code >= range->first && code <= range->last &&
           (code % 2 == (range->by == 0 ? 0u : 1u)) == upper;
}

bool aut_letter_is_upper (unsigned code)
{
    for (size_t i = 0; i < RANGES; i++)
        if (alternates (&ranges[i], code, true) ||
            (ranges[i].by > 0 && code >= ranges[i].first && code <= ranges[i].last))
            return true;
    return code == 0x178 || code == 0x1E9E;
}

bool aut_letter_is_lower (unsigned code)
{
    for (size_t i = 0; i < RANGES; i++) {
        unsigned by = ranges[i].by > 0 ? (unsigned)ranges[i].by : 0;
        if (alternates (&ranges[i], code, false) ||
            (by && code >= ranges[i].first + by && code <= ranges[i].last + by))
            return true;
    }
    return code == 0xDF || code == 0xFF || code == 0x3C2;
}

unsigned aut_letter_lower (unsigned code)
{
    for (size_t i = 0; i < RANGES; i++) {
        if (alternates (&ranges[i], code, true))
            return code + 1;
        if (ranges[i].by > 0 && code >= ranges[i].first && code <= ranges[i].last)
            return code + (unsigned)ranges[i].by;
    }
    return code == 0x178 ? 0xFF : code == 0x1E9E ? 0xDF : code;
}

bool aut_letter_is_word (unsigned code)
{
    if (code < 0x80)
        return (code >= '0' && code <= '9') || (code >= 'A' && code <= 'Z') ||
               (code >= 'a' && code <= 'z');
    return code >= 0xAA && code != 0xAB && code != 0xBB && code != 0xBF && code != 0xD7 &&
           code != 0xF7 && !(code >= 0x2000 && code <= 0x2BFF) &&
           !(code >= 0x3000 && code <= 0x303F) && !(code >= 0xFE10 && code <= 0xFE4F) &&
           !(code >= 0xFF00 && code <= 0xFF0F) && !(code >= 0xFF1A && code <= 0xFF20);
}

bool aut_letter_is_wide (unsigned code)
{
    return (code >= 0xE00 && code <= 0xE7F) || (code >= 0x3040 && code <= 0x30FF) ||
           (code >= 0x3400 && code <= 0x9FFF) || (code >= 0xAC00 && code <= 0xD7A3) ||
           (code >= 0xF900 && code <= 0xFAFF) || (code >= 0x20000 && code <= 0x3FFFF);
}

unsigned aut_letter_at (const char *text, size_t size, size_t *step)
{
    unsigned code = 0;
    *step = aut_utf8_next (text, size, &code);
    if (*step == 0) {
        *step = 1;
        code = (unsigned char)*text;
    }
    return code;
}

bool aut_text_is_capitals (const char *text, size_t size)
{
    bool some = false;
    for (size_t i = 0, step; i < size; i += step) {
        unsigned code = aut_letter_at (text + i, size - i, &step);
        if (aut_letter_is_lower (code))
            return false;
        some = some || aut_letter_is_upper (code);
    }
    return some;
}

/*  Where the last letter begins, `size` > 0. */
static size_t last_letter (const char *text, size_t size)
{
    size_t at = size - 1;
    while (at > 0 && size - at < 4 && ((unsigned char)text[at] & 0xC0) == 0x80)
        at--;
    return at;
}

bool aut_text_ends_word (const char *text, size_t size)
{
    size_t step, at = size ? last_letter (text, size) : 0;
    if (size == 0)
        return false;
    unsigned code = aut_letter_at (text + at, size - at, &step);
    if (code < 0x80)
        return !strchr (".!?:;,\"')", (int)code);
    return aut_letter_is_word (code);
}

size_t aut_text_whole (const char *text, size_t size)
{
    size_t at = size ? last_letter (text, size) : 0;
    return size && aut_utf8_next (text + at, size - at, NULL) == 0 ? at : size;
}

void aut_letter_put (aut_buffer_t *out, unsigned code)
{
    char bytes[4];
    size_t size = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    static const unsigned char lead[] = {0, 0, 0xC0, 0xE0, 0xF0};
    for (size_t i = size - 1; i > 0; i--, code >>= 6)
        bytes[i] = (char)(0x80 | (code & 0x3F));
    bytes[0] = (char)(lead[size] | code);
    aut_buffer_append (out, bytes, size);
}

void aut_text_lower (aut_buffer_t *out, const char *text, size_t size)
{
    for (size_t i = 0, step; i < size; i += step)
        aut_letter_put (out, aut_letter_lower (aut_letter_at (text + i, size - i, &step)));
}

/*  Small words stay small within a name. */
static bool is_small_word (const char *text, size_t size)
{
    static const char *const words[] = {"A",   "AN",   "AND", "AT",   "BY",  "DE",
                                        "FOR", "FROM", "IN",  "NEAR", "OF",  "ON",
                                        "OR",  "THE",  "TO",  "UND",  "VON", "WITH"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strlen (words[i]) == size && memcmp (words[i], text, size) == 0)
            return true;
    return false;
}

static size_t word_size (const char *text, size_t size)
{
    size_t at = 0;
    for (size_t step; at < size; at += step) {
        unsigned code = aut_letter_at (text + at, size - at, &step);
        bool mark = code == '\'' || code == 0x2019;
        if (!aut_letter_is_word (code) && !(mark && at > 1)) /* O'Brien has two capitals */
            break;
    }
    return at;
}

void aut_text_name (aut_buffer_t *out, const char *text, size_t size)
{
    if (!aut_text_is_capitals (text, size)) {
        aut_buffer_append (out, text, size);
        return;
    }
    for (size_t i = 0, step; i < size;) {
        size_t word = word_size (text + i, size - i);
        aut_letter_at (text + i, size - i, &step);
        /* a letter with a dot after it is an initial or an abbreviation, as in U.S. */
        bool small =
            i > 0 && is_small_word (text + i, word) && !(i + word < size && text[i + word] == '.');
        aut_buffer_append (out, text + i, small ? 0 : step);
        if (word > 0)
            aut_text_lower (out, text + i + (small ? 0 : step), word - (small ? 0 : step));
        i += word ? word : step;
    }
}
