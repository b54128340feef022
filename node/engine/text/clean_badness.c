/*  Signs of mojibake: pairs and triples of characters that hardly occur in any language.
 *
 *  The rules are those of ftfy 6.3.1 (its badness heuristic, Apache License 2.0), as sequences of
 *  sets: a text is bad when one of them matches anywhere. A set is an "or" of classes, and of
 * single characters written out beside it.
 */
#include "node/engine/text/clean_internal.h"

#include <uchar.h>

#define ACCENTED (CLASS_LOWER_ACCENTED | CLASS_UPPER_ACCENTED)
#define LETTER (CLASS_LOWER | CLASS_UPPER)
#define STARTS CLASS_START_PUNCTUATION
#define ENDS CLASS_END_PUNCTUATION
#define SIGNS (ACCENTED | CLASS_BOX | STARTS | ENDS | CLASS_CURRENCY | CLASS_NUMERIC | CLASS_LAW)
#define ARABIC_TAIL                                                                                \
    {                                                                                              \
        CLASS_COMMON | CLASS_CURRENCY | CLASS_BAD | CLASS_NUMERIC | STARTS,                        \
            U"\u0178\u0160\u00AE\u00B0\u00B5\u00BB"                                                \
    }
#define BETWEEN (CLASS_C1 | CLASS_BAD | STARTS | ENDS | CLASS_CURRENCY)
#define ONLY(characters)                                                                           \
    {                                                                                              \
        0, characters                                                                              \
    }

typedef struct {
    uint32_t classes;
    const char32_t *characters; /* NULL: none */
} set_t;

#define RULE_MAX 7

static const set_t rules[][RULE_MAX] = {
    {{CLASS_C1, NULL}},
    {{SIGNS | CLASS_BAD, NULL}, {CLASS_BAD, NULL}},
    {{LETTER, NULL}, {CLASS_LOWER_COMMON | CLASS_UPPER_COMMON, NULL}, {CLASS_BAD, NULL}},
    {{CLASS_BAD, NULL}, {SIGNS, NULL}},
    {{CLASS_LOWER_ACCENTED | CLASS_LOWER_COMMON | CLASS_BOX | ENDS | CLASS_CURRENCY | CLASS_NUMERIC,
      NULL},
     {CLASS_UPPER_ACCENTED, NULL}},
    {{CLASS_BOX | ENDS | CLASS_CURRENCY | CLASS_NUMERIC, NULL}, {CLASS_LOWER_ACCENTED, NULL}},
    {{CLASS_LOWER_ACCENTED | CLASS_BOX | ENDS, NULL}, {CLASS_CURRENCY, NULL}},
    {{CLASS_SPACE, NULL}, {CLASS_UPPER_ACCENTED, NULL}, {CLASS_CURRENCY, NULL}},
    {{CLASS_UPPER_ACCENTED | CLASS_BOX, NULL}, {CLASS_NUMERIC | CLASS_LAW, NULL}},
    {{ACCENTED | CLASS_BOX | CLASS_CURRENCY | ENDS, NULL}, {STARTS, NULL}, {CLASS_NUMERIC, NULL}},
    {{ACCENTED | CLASS_CURRENCY | CLASS_NUMERIC | CLASS_BOX | CLASS_LAW, NULL},
     {ENDS, NULL},
     {STARTS, NULL}},
    {{CLASS_CURRENCY | CLASS_NUMERIC | CLASS_BOX, NULL}, {STARTS, NULL}},
    {{CLASS_LOWER, NULL}, {CLASS_UPPER_ACCENTED, NULL}, {STARTS | CLASS_CURRENCY, NULL}},
    {{CLASS_BOX, NULL}, {CLASS_KAOMOJI, NULL}},
    {{ACCENTED | CLASS_CURRENCY | CLASS_NUMERIC | STARTS | ENDS | CLASS_LAW, NULL},
     {CLASS_BOX, NULL}},
    {{CLASS_BOX, NULL}, {ENDS, NULL}},
    {{ACCENTED, NULL}, {STARTS | ENDS, NULL}, {CLASS_WORD, NULL}},
    /* Œ and œ before anything but a Latin letter; capitals before a degree sign */
    {ONLY (U"\u0152\u0153"), {CLASS_NOT_LETTER, NULL}},
    {{CLASS_UPPER_ACCENTED, NULL}, ONLY (U"\u00B0")},
    /* Windows-1252: two-byte sequences, × ², Arabic, South Asian alphabets */
    {ONLY (U"\u00C2\u00C3\u00CE\u00D0"),
     {STARTS | ENDS, U"\u20AC\u0153\u0160\u0161\u00A2\u00A3\u0178\u017E\u00A0\u00AD\u00AE\u00A9"
                     U"\u00B0\u00B7\u00BB\u2013\u2014\u00B4"}},
    {ONLY (U"\u00D7"), ONLY (U"\u00B2\u00B3")},
    {ONLY (U"\u00D8\u00D9"), ARABIC_TAIL, ONLY (U"\u00D8\u00D9"), ARABIC_TAIL},
    {ONLY (U"\u00E0"), ONLY (U"\u00B2\u00B5\u00B9\u00BC\u00BD\u00BE")},
    /* MacRoman: √, ≈, ‚Ä and ‚â or ‚ó begin the commonest sequences */
    {ONLY (U"\u221A"),
     ONLY (U"\u00B1\u2202\u2020\u2260\u00AE\u2122\u00B4\u2264\u2265\u00A5\u00B5\u00F8")},
    {ONLY (U"\u2248"), ONLY (U"\u00B0\u00A2")},
    {ONLY (U"\u201A"), ONLY (U"\u00C4"),
     ONLY (U"\u00EC\u00EE\u00EF\u00F2\u00F4\u00FA\u00F9\u00FB\u2020\u00B0\u00A2\u03C0")},
    {ONLY (U"\u201A"), ONLY (U"\u00E2\u00F3"), ONLY (U"\u00E0\u00E4\u00B0\u00EA")},
    /* Windows-1251: U+20xx, Latin-1 and Cyrillic, and that over Latin-1 over Windows-1252 */
    {ONLY (U"\u0432"), ONLY (U"\u0402")},
    {ONLY (U"\u0412\u0413\u0420\u0421"),
     {BETWEEN, U"\u00B0\u00B5"},
     ONLY (U"\u0412\u0413\u0420\u0421")},
    {ONLY (U"\u0413"),
     ONLY (U"\u045E"),
     ONLY (U"\u0412"),
     ONLY (U"\u0402"),
     ONLY (U"\u0412"),
     {CLASS_NOT_NEWLINE, NULL},
     {LETTER | CLASS_BLANK, NULL}},
    /* Windows-1252 again: à, á, a space that was A0, Â before the character that it encodes */
    {ONLY (U"\u00C3"), ONLY (U"\u00A0\u00A1")},
    {{CLASS_LOWER, NULL}, ONLY (U"\u00C2\u00C3"), {CLASS_BLANK, NULL}},
    {{CLASS_LOWER, NULL}, {CLASS_SPACE, NULL}, ONLY (U"\u00C2\u00C3"), {CLASS_BLANK, NULL}},
    {{CLASS_LOWER | CLASS_STOP | ENDS, NULL},
     ONLY (U"\u00C2"),
     {CLASS_BLANK | STARTS | ENDS, NULL}},
    /* Windows-1253: U+20xx, Latin-1 and Greek; Windows-1257: U+20xx */
    {ONLY (U"\u03B2"), ONLY (U"\u20AC"), ONLY (U"\u2122\u00A0\u0386\u00AD\u00AE\u00B0")},
    {ONLY (U"\u0392\u0393\u039E\u039F"), {BETWEEN, U"\u00B0"}, ONLY (U"\u0392\u0393\u039E\u039F")},
    {ONLY (U"\u0101"), ONLY (U"\u20AC")},
};

static bool set_has (const set_t *set, uint32_t code, uint32_t classes)
{
    if (classes & set->classes)
        return true;
    for (const char32_t *c = set->characters; c && *c; c++)
        if (*c == code)
            return true;
    return (set->classes & CLASS_WORD) && aut_is_word (code);
}

static bool rule_matches (const set_t *rule, const aut_codes_t *text, size_t at, uint32_t classes)
{
    if (!set_has (rule, text->code[at], classes))
        return false;
    for (size_t i = 1; i < RULE_MAX && (rule[i].classes || rule[i].characters); i++) {
        if (at + i >= text->size)
            return false;
        uint32_t code = text->code[at + i];
        if (!set_has (&rule[i], code, aut_class_of (code)))
            return false;
    }
    return true;
}

/*  No rule begins with three ASCII characters. */
static bool is_plain (const aut_codes_t *text, size_t at)
{
    size_t end = at + 3 < text->size ? at + 3 : text->size;
    for (size_t i = at; i < end; i++)
        if (text->code[i] >= 0x80)
            return false;
    return true;
}

bool aut_clean_is_bad (const aut_codes_t *text)
{
    if (text->size >= 2 && (text->code[0] == 0xC2 || text->code[0] == 0xC3) && text->code[1] == ' ')
        return true;
    for (size_t at = 0; at < text->size; at++) {
        if (is_plain (text, at))
            continue;
        uint32_t classes = aut_class_of (text->code[at]);
        for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
            if (rule_matches (rules[i], text, at, classes))
                return true;
    }
    return false;
}

/*  The length of one would-be UTF-8 sequence at `at`: a lead and its continuations; or 0. */
static size_t utf8_like (const aut_codes_t *text, size_t at)
{
    static const uint32_t leads[] = {CLASS_UTF8_FIRST_OF_2, CLASS_UTF8_FIRST_OF_3,
                                     CLASS_UTF8_FIRST_OF_4};
    uint32_t lead = aut_class_of (text->code[at]);
    size_t more = 0;
    while (more < 3 && at + more + 1 < text->size &&
           (aut_class_of (text->code[at + more + 1]) & CLASS_UTF8_CONTINUATION))
        more++;
    for (size_t i = 0; i < 3; i++)
        if ((lead & leads[i]) && more >= i + 1)
            return i + 2;
    return 0;
}

size_t aut_clean_utf8_run (const aut_codes_t *text, size_t at)
{
    if (at > 0 && (aut_class_of (text->code[at - 1]) & CLASS_UTF8_CONTINUATION_STRICT))
        return 0;
    size_t end = at;
    while (end < text->size) {
        size_t len = utf8_like (text, end);
        if (len == 0)
            break;
        end += len;
    }
    return end - at;
}
