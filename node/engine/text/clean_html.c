/*  HTML's character references, in the two ways that cleaning needs.
 *
 *  aut_clean_unescape reads them as a browser reads text (and as Python's html.unescape does): a
 * name needs its semicolon only where HTML says so, and of a longer name the longest known
 * beginning counts. aut_clean_entities is ftfy's form for text that may not be HTML at all: only
 * complete references with a semicolon, but also names of lower-case letters in upper case
 * ("&EACUTE;").
 */
#include "node/engine/text/clean_internal.h"

#include <string.h>

typedef struct {
    const char *name; /* without "&"; with ";" unless HTML takes it without */
    uint32_t text[3]; /* 0: none */
} entity_t;

#include "node/engine/text/clean_html.inc"

#define NAME_MAX_HTML 32 /* characters that Python takes for a name, before the semicolon */
#define NAME_MAX_FTFY 24 /* the same in ftfy */
#define NUMBER_LIMIT 0x110000u

static const entity_t *find_in (const entity_t *table, size_t count, const char *name, size_t len)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = strncmp (table[middle].name, name, len);
        if (order == 0 && table[middle].name[len] == 0)
            return &table[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

static const entity_t *find_html (const char *name, size_t len)
{
    return find_in (html_entities, sizeof html_entities / sizeof *html_entities, name, len);
}

static const entity_t *find_shouted (const char *name, size_t len)
{
    return find_in (shouted_entities, sizeof shouted_entities / sizeof *shouted_entities, name,
                    len);
}

static void put_entity (aut_codes_t *out, const entity_t *entity)
{
    for (size_t i = 0; i < 3 && entity->text[i]; i++)
        aut_codes_put (out, entity->text[i]);
}

/* ---- numbers -------------------------------------------------------------------------------- */

static int digit_value (uint32_t code, unsigned base)
{
    int value = code >= '0' && code <= '9'   ? (int)(code - '0')
                : code >= 'a' && code <= 'f' ? (int)(code - 'a') + 10
                : code >= 'A' && code <= 'F' ? (int)(code - 'A') + 10
                                             : 99;
    return value < (int)base ? value : -1;
}

/*  Reads "#38;", "#x26" … at `code`; returns its length, 0 if it is no number. */
static size_t read_number (const uint32_t *code, size_t size, uint32_t *number)
{
    if (size < 2 || code[0] != '#')
        return 0;
    bool hex = code[1] == 'x' || code[1] == 'X';
    size_t first = hex ? 2 : 1, at = first;
    *number = 0;
    for (; at < size; at++) {
        int digit = digit_value (code[at], hex ? 16 : 10);
        if (digit < 0)
            break;
        if (*number < NUMBER_LIMIT)
            *number = *number * (hex ? 16 : 10) + (uint32_t)digit;
    }
    if (at == first)
        return 0;
    return at < size && code[at] == ';' ? at + 1 : at;
}

/*  Code points that HTML calls noncharacters or controls; Python drops them. */
static bool is_dropped (uint32_t number)
{
    return (number >= 0x01 && number <= 0x08) || number == 0x0B ||
           (number >= 0x0E && number <= 0x1F) || number == 0x7F ||
           (number >= 0xFDD0 && number <= 0xFDEF) || (number & 0xFFFE) == 0xFFFE;
}

static void put_number (aut_codes_t *out, uint32_t number)
{
    if (number == 0 || number >= NUMBER_LIMIT || (number >= 0xD800 && number <= 0xDFFF))
        aut_codes_put (out, 0xFFFD);
    else if (!is_dropped (number))
        aut_codes_put (out, aut_windows_1252 (number));
}

/* ---- as a browser does ---------------------------------------------------------------------- */

static bool ends_name (uint32_t code)
{
    return code == '\t' || code == '\n' || code == '\f' || code == ' ' || code == '<' ||
           code == '&' || code == '#' || code == ';';
}

/*  Reads the name at `code` ("amp;", "notit") and puts what it means, with the rest of a longer
 * name behind it, or "&" and the name. Returns its length; 0 if there is no name. */
static size_t put_name (aut_codes_t *out, const uint32_t *code, size_t size)
{
    char name[NAME_MAX_HTML + 1];
    size_t len = 0;
    for (; len < NAME_MAX_HTML && len < size && !ends_name (code[len]); len++)
        name[len] = code[len] < 0x80 ? (char)code[len] : '\x7F'; /* 7F is in no known name */
    if (len == 0)
        return 0;
    if (len < size && code[len] == ';')
        name[len++] = ';';
    size_t known = len;
    const entity_t *entity = find_html (name, len);
    while (!entity && --known > 1)
        entity = find_html (name, known);
    if (entity) {
        put_entity (out, entity);
        aut_codes_append (out, code + known, len - known);
    } else {
        aut_codes_put (out, '&');
        aut_codes_append (out, code, len);
    }
    return len;
}

void aut_clean_unescape (aut_codes_t *text)
{
    aut_codes_t out = {0};
    for (size_t at = 0; at < text->size;) {
        const uint32_t *rest = text->code + at + 1;
        size_t left = text->size - at - 1, len = 0;
        uint32_t number = 0;
        if (text->code[at] == '&') {
            len = read_number (rest, left, &number);
            if (len)
                put_number (&out, number);
            else
                len = put_name (&out, rest, left);
        }
        if (len == 0)
            aut_codes_put (&out, text->code[at]);
        at += 1 + len;
    }
    aut_codes_take (text, &out);
    aut_codes_clear (&out);
}

/* ---- as ftfy does --------------------------------------------------------------------------- */

/*  The length of "name;", "#38;" … at `code`, whatever it means; 0 if it is not of that form. */
static size_t read_reference (const uint32_t *code, size_t size, char name[NAME_MAX_FTFY + 2])
{
    size_t at = size > 0 && code[0] == '#' ? 1 : 0, len = 0;
    for (; at < size && len <= NAME_MAX_FTFY; at++) {
        uint32_t c = code[at];
        bool alphanumeric = c < 0x80 && (digit_value (c, 10) >= 0 || (c >= 'a' && c <= 'z') ||
                                         (c >= 'A' && c <= 'Z'));
        if (!alphanumeric)
            break;
        name[len++] = (char)c;
    }
    if (len == 0 || len > NAME_MAX_FTFY || at == size || code[at] != ';')
        return 0;
    name[len] = ';';
    return at + 1;
}

/*  Puts what the reference of `len` characters at `code` means; false if it is left as it is. A
 *  number that stands for ";" is, because ftfy takes that for a half-read one. */
static bool put_reference (aut_codes_t *out, const uint32_t *code, size_t len, const char *name)
{
    if (code[0] == '#') {
        uint32_t number = 0;
        if (read_number (code, len, &number) != len || number == ';')
            return false;
        put_number (out, number);
        return true;
    }
    const entity_t *entity = find_html (name, len);
    if (!entity)
        entity = find_shouted (name, len);
    if (entity)
        put_entity (out, entity);
    return entity != NULL;
}

void aut_clean_entities (aut_codes_t *text)
{
    aut_codes_t out = {0};
    char name[NAME_MAX_FTFY + 2];
    for (size_t at = 0; at < text->size;) {
        const uint32_t *rest = text->code + at + 1;
        size_t len = 0;
        if (text->code[at] == '&')
            len = read_reference (rest, text->size - at - 1, name);
        if (len == 0) {
            aut_codes_put (&out, text->code[at++]);
            continue;
        }
        if (!put_reference (&out, rest, len, name))
            aut_codes_append (&out, text->code + at, 1 + len);
        at += 1 + len;
    }
    aut_codes_take (text, &out);
    aut_codes_clear (&out);
}
