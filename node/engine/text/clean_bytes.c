/*  Bytes that should be UTF-8 once more: small repairs, and a lenient decoder.
 *
 *  The repairs look for sequences of byte classes; of several that match at one place the first in
 *  the table wins, and the search goes on behind it (ftfy 6.3.1, restore_byte_a0 and
 *  replace_lossy_sequences).
 */
#include "node/engine/text/clean_internal.h"

#include <string.h>

enum {
    SPACE = 1 << 0,        /* 20 */
    QUESTION = 1 << 1,     /* 3F */
    LOST = 1 << 2,         /* 1A: stood for U+FFFD */
    TAIL = 1 << 3,         /* 80 to BF */
    HIGH = 1 << 5,         /* A0 to AF: second byte of a high surrogate */
    LOW = 1 << 6,          /* B0 to BF: of a low one */
    LATIN_LEAD = 1 << 7,   /* C2, C3 */
    LEAD_2 = 1 << 8,       /* C2 to DF */
    BEFORE_A0 = 1 << 9,    /* C2 C3 C5 CE D0 D9: make a likely character with A0 */
    LEAD_3 = 1 << 10,      /* E0 to EF */
    EARLY_3 = 1 << 11,     /* E0 to E3 */
    SYMBOL_3 = 1 << 12,    /* E2, E3 */
    SURROGATE = 1 << 13,   /* ED */
    LEAD_4 = 1 << 14,      /* F0 to F4 */
    FIRST_4 = 1 << 15,     /* F0 */
    LIKELY_TAIL = 1 << 16, /* TAIL but 85 and A0 */
};

static unsigned lead_class (uint8_t byte)
{
    unsigned bits = 0;
    if (byte >= 0xC2 && byte <= 0xDF)
        bits |= LEAD_2 | (byte <= 0xC3 ? LATIN_LEAD : 0u);
    if (memchr ("\xC2\xC3\xC5\xCE\xD0\xD9", byte, 6))
        bits |= BEFORE_A0;
    if (byte >= 0xE0 && byte <= 0xEF)
        bits |= LEAD_3 | (byte <= 0xE3 ? EARLY_3 : 0u) |
                (byte == 0xE2 || byte == 0xE3 ? SYMBOL_3 : 0u) | (byte == 0xED ? SURROGATE : 0u);
    if (byte >= 0xF0 && byte <= 0xF4)
        bits |= LEAD_4 | (byte == 0xF0 ? FIRST_4 : 0u);
    return bits;
}

static unsigned byte_class (uint8_t byte)
{
    if (byte >= 0xC0)
        return lead_class (byte);
    if (byte >= 0x80)
        return TAIL | (byte == 0x85 || byte == 0xA0 ? 0u : LIKELY_TAIL) |
               (byte >= 0xB0   ? LOW
                : byte >= 0xA0 ? HIGH
                               : 0u);
    return byte == ' ' ? SPACE : byte == '?' ? QUESTION : byte == 0x1A ? LOST : 0;
}

#define RULE_MAX 6

/* sequences that would be a likely character with A0 in place of the space */
static const unsigned altered[][RULE_MAX] = {
    {BEFORE_A0, SPACE},           {SYMBOL_3, SPACE, LIKELY_TAIL}, {EARLY_3, LIKELY_TAIL, SPACE},
    {FIRST_4, SPACE, TAIL, TAIL}, {FIRST_4, TAIL, SPACE, TAIL},   {FIRST_4, TAIL, TAIL, SPACE},
};

/* sequences with bytes that were lost; "?" stands for at most one of them */
static const unsigned lossy[][RULE_MAX] = {
    {LEAD_2, LOST},
    {LATIN_LEAD, QUESTION},
    {SURROGATE, HIGH, LOST | QUESTION, SURROGATE, LOW, LOST | QUESTION | TAIL},
    {SURROGATE, HIGH, LOST | QUESTION | TAIL, SURROGATE, LOW, LOST | QUESTION},
    {LEAD_3, LOST | QUESTION, LOST | TAIL},
    {LEAD_3, LOST | TAIL, LOST | QUESTION},
    {LEAD_4, LOST | QUESTION, LOST | TAIL, LOST | TAIL},
    {LEAD_4, LOST | TAIL, LOST | QUESTION, LOST | TAIL},
    {LEAD_4, LOST | TAIL, LOST | TAIL, LOST | QUESTION},
    {LOST},
};

/*  The length of the first rule that matches at the start of `bytes`; 0 if none does. */
static size_t match (const unsigned (*rules)[RULE_MAX], size_t count, const uint8_t *bytes,
                     size_t size)
{
    for (size_t i = 0; i < count; i++) {
        size_t len = 0;
        while (len < RULE_MAX && len < size && (rules[i][len] & byte_class (bytes[len])))
            len++;
        if (len == RULE_MAX || rules[i][len] == 0)
            return len;
    }
    return 0;
}

/*  Whether the space after C3 was one more than the A0 that it swallowed: "à" stands alone, but
 *  begins Portuguese às, àquele, àquela, àquilo. */
static bool is_a_grave_word (const uint8_t *bytes, size_t size)
{
    static const char *const joined[] = {" ", "quele", "quela", "quilo", "s "};
    if (size < 2 || bytes[0] != 0xC3 || bytes[1] != ' ')
        return false;
    for (size_t i = 0; i < sizeof joined / sizeof *joined; i++) {
        size_t len = strlen (joined[i]);
        if (size - 2 >= len && memcmp (bytes + 2, joined[i], len) == 0)
            return false;
    }
    return true;
}

static void part_a_grave_words (aut_buffer_t *bytes)
{
    aut_buffer_t out = {0};
    for (size_t at = 0; at < bytes->size;) {
        if (is_a_grave_word ((const uint8_t *)bytes->data + at, bytes->size - at)) {
            aut_buffer_append (&out, "\xC3\xA0 ", 3);
            at += 2;
        } else {
            aut_buffer_append (&out, bytes->data + at, 1);
            at++;
        }
    }
    aut_buffer_clear (bytes);
    *bytes = out;
}

void aut_clean_restore_a0 (aut_buffer_t *bytes)
{
    if (!bytes->data || !memchr (bytes->data, ' ', bytes->size))
        return;
    part_a_grave_words (bytes);
    for (size_t at = 0; at < bytes->size;) {
        size_t len = match (altered, sizeof altered / sizeof *altered,
                            (const uint8_t *)bytes->data + at, bytes->size - at);
        for (size_t i = at; i < at + len; i++)
            if (bytes->data[i] == ' ')
                bytes->data[i] = '\xA0';
        at += len ? len : 1;
    }
}

void aut_clean_lossy (aut_buffer_t *bytes)
{
    aut_buffer_t out = {0};
    for (size_t at = 0; at < bytes->size;) {
        size_t len = match (lossy, sizeof lossy / sizeof *lossy, (const uint8_t *)bytes->data + at,
                            bytes->size - at);
        if (len)
            aut_buffer_text (&out, "\xEF\xBF\xBD");
        else
            aut_buffer_append (&out, bytes->data + at, 1);
        at += len ? len : 1;
    }
    aut_buffer_clear (bytes);
    *bytes = out;
}

/*  A sequence that is no UTF-8: Java's C0 80 for U+0000, or a character past U+FFFF as two
 *  surrogates of three bytes (CESU-8, Unicode TR #26). The reference takes a line feed at the very
 *  end for the last byte of either, since "$" in its patterns matches before one; so do we. */
static size_t decode_variant (const uint8_t *p, size_t left, unsigned *code)
{
    if (p[0] == 0xC0 && left >= 2 && (p[1] == 0x80 || (left == 2 && p[1] == '\n'))) {
        *code = 0;
        return 2;
    }
    if (p[0] == 0xED && left >= 6 && (byte_class (p[1]) & HIGH) && (byte_class (p[2]) & TAIL) &&
        p[3] == 0xED && (byte_class (p[4]) & LOW) &&
        ((byte_class (p[5]) & TAIL) || (left == 6 && p[5] == '\n'))) {
        *code = 0x10000u + ((p[1] & 0x0Fu) << 16) + ((p[2] & 0x3Fu) << 10) + ((p[4] & 0x0Fu) << 6) +
                (p[5] & 0x3Fu);
        return 6;
    }
    return 0;
}

bool aut_clean_decode (const aut_buffer_t *bytes, aut_codes_t *out)
{
    for (size_t at = 0; at < bytes->size;) {
        unsigned code = 0;
        size_t left = bytes->size - at;
        size_t len = aut_utf8_next (bytes->data + at, left, &code);
        if (len == 0)
            len = decode_variant ((const uint8_t *)bytes->data + at, left, &code);
        if (len == 0)
            return false;
        aut_codes_put (out, code);
        at += len;
    }
    return true;
}
