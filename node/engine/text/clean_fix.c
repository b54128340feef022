/*  The small fixes: each replaces or removes single characters, or short sequences of them. */
#include "node/engine/text/clean_internal.h"

#include "node/engine/text/clean_width.inc"

#define FIRST_WIDE 0xFF01u
#define LAST_WIDE 0xFFEFu

void aut_clean_c1_controls (aut_codes_t *text)
{
    for (size_t i = 0; i < text->size; i++)
        text->code[i] = aut_windows_1252 (text->code[i]);
}

/* ---- ligatures ------------------------------------------------------------------------------ */

static const struct {
    uint32_t code;
    const char *text; /* ASCII, but for the marks below */
} ligatures[] = {
    {0x132, "IJ"},     {0x133, "ij"},  {0x149, "\xBCn"}, {0x1C4, "D\xBD"}, {0x1C5, "D\xBE"},
    {0x1C6, "d\xBE"},  {0x1C7, "LJ"},  {0x1C8, "Lj"},    {0x1C9, "lj"},    {0x1CA, "NJ"},
    {0x1CB, "Nj"},     {0x1CC, "nj"},  {0x1F1, "DZ"},    {0x1F2, "Dz"},    {0x1F3, "dz"},
    {0xFB00, "ff"},    {0xFB01, "fi"}, {0xFB02, "fl"},   {0xFB03, "ffi"},  {0xFB04, "ffl"},
    {0xFB05, "\xBFt"}, {0xFB06, "st"},
};

/*  The characters that the bytes BC to BF stand for in the table above: ʼ Ž ž ſ. */
static const uint32_t ligature_marks[] = {0x2BC, 0x17D, 0x17E, 0x17F};

static bool put_ligature (aut_codes_t *out, uint32_t code)
{
    if (code < 0x132 || code > 0xFB06 || (code > 0x1F3 && code < 0xFB00))
        return false;
    for (size_t i = 0; i < sizeof ligatures / sizeof *ligatures; i++) {
        if (ligatures[i].code != code)
            continue;
        for (const char *c = ligatures[i].text; *c; c++) {
            unsigned char byte = (unsigned char)*c;
            aut_codes_put (out, byte < 0x80 ? byte : ligature_marks[byte - 0xBC]);
        }
        return true;
    }
    return false;
}

void aut_clean_ligatures (aut_codes_t *text)
{
    aut_codes_t out = {0};
    for (size_t i = 0; i < text->size; i++)
        if (!put_ligature (&out, text->code[i]))
            aut_codes_put (&out, text->code[i]);
    aut_codes_take (text, &out);
    aut_codes_clear (&out);
}

/* ---- width, quotes, line breaks ------------------------------------------------------------- */

void aut_clean_width (aut_codes_t *text)
{
    aut_codes_t out = {0};
    for (size_t i = 0; i < text->size; i++) {
        uint32_t code = text->code[i];
        if (code == 0x3000) {
            aut_codes_put (&out, ' ');
        } else if (code >= FIRST_WIDE && code <= LAST_WIDE) {
            aut_codes_put (&out, widths[code - FIRST_WIDE][0]);
            if (widths[code - FIRST_WIDE][1])
                aut_codes_put (&out, widths[code - FIRST_WIDE][1]);
        } else {
            aut_codes_put (&out, code);
        }
    }
    aut_codes_take (text, &out);
    aut_codes_clear (&out);
}

void aut_clean_quotes (aut_codes_t *text)
{
    for (size_t i = 0; i < text->size; i++) {
        uint32_t code = text->code[i];
        if (code >= 0x201C && code <= 0x201F)
            text->code[i] = '"';
        else if (code == 0x2BC || (code >= 0x2018 && code <= 0x201B))
            text->code[i] = '\'';
    }
}

void aut_clean_line_breaks (aut_codes_t *text)
{
    size_t kept = 0;
    for (size_t i = 0; i < text->size; i++) {
        uint32_t code = text->code[i];
        if (code == '\r' && i + 1 < text->size && text->code[i + 1] == '\n')
            continue;
        bool breaks = code == '\r' || code == 0x2028 || code == 0x2029 || code == 0x85;
        text->code[kept++] = breaks ? '\n' : code;
    }
    text->size = kept;
}

/* ---- control sequences and characters ------------------------------------------------------- */

/*  The length of ESC [ digits and semicolons letter at `at` (ECMA-48's CSI); 0 if it is not one.
 *  Any decimal digit counts, as in Python's \d. */
static size_t escape_length (const aut_codes_t *text, size_t at)
{
    if (text->code[at] != 0x1B || at + 1 >= text->size || text->code[at + 1] != '[')
        return 0;
    size_t end = at + 2;
    while (end < text->size && (text->code[end] == ';' || aut_is_digit (text->code[end])))
        end++;
    if (end == text->size || !(aut_class_of (text->code[end]) & (CLASS_LOWER | CLASS_UPPER)))
        return 0;
    return end + 1 - at;
}

void aut_clean_terminal (aut_codes_t *text)
{
    size_t kept = 0;
    for (size_t at = 0; at < text->size;) {
        size_t len = escape_length (text, at);
        if (len == 0)
            text->code[kept++] = text->code[at];
        at += len ? len : 1;
    }
    text->size = kept;
}

/*  Controls that show nothing; white space, joiners and directional marks stay. */
static bool is_control (uint32_t code)
{
    return code < 0x09 || code == 0x0B || (code >= 0x0E && code <= 0x1F) || code == 0x7F ||
           (code >= 0x206A && code <= 0x206F) || code == 0xFEFF ||
           (code >= 0xFFF9 && code <= 0xFFFC);
}

void aut_clean_controls (aut_codes_t *text)
{
    size_t kept = 0;
    for (size_t i = 0; i < text->size; i++)
        if (!is_control (text->code[i]))
            text->code[kept++] = text->code[i];
    text->size = kept;
}
