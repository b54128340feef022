/*  Pieces of JSON text; see the header for what canonical means. */
#include "lib/film/text.h"

#include <string.h>

/*  A plan of 100,000 shots is some tens of millions of pieces: where there is room, this is a copy
 *  without a call. */
static inline void put (aut_buffer_t *out, const char *text, size_t size)
{
    if (out->cap - out->size <= size) {
        aut_buffer_append (out, text, size);
        return;
    }
    memcpy (out->data + out->size, text, size);
    out->size += size;
    out->data[out->size] = 0;
}

void aut_put_text (aut_buffer_t *out, const char *text)
{
    put (out, text, strlen (text));
}

void aut_put_integer (aut_buffer_t *out, uint64_t value)
{
    char digits[20];
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value);
    put (out, digits + at, sizeof digits - at);
}

void aut_put_decimal (aut_buffer_t *out, aut_decimal_t value)
{
    char text[AUT_DECIMAL_TEXT];
    aut_put_text (out, aut_decimal_text (value, text));
}

static void put_escape (aut_buffer_t *out, unsigned char byte)
{
    static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt", hex[] = "0123456789ABCDEF";
    const char *found = byte ? strchr (from, byte) : NULL;
    if (found) {
        const char pair[2] = {'\\', to[found - from]};
        put (out, pair, sizeof pair);
    } else {
        const char code[6] = {'\\', 'u', '0', '0', hex[byte >> 4], hex[byte & 15]};
        put (out, code, sizeof code);
    }
}

void aut_put_string (aut_buffer_t *out, const char *text)
{
    put (out, "\"", 1);
    for (;;) {
        const char *from = text;
        while ((unsigned char)*text >= 0x20 && *text != '"' && *text != '\\')
            text++;
        put (out, from, (size_t)(text - from));
        if (!*text)
            break;
        put_escape (out, (unsigned char)*text++);
    }
    put (out, "\"", 1);
}

void aut_put_hash (aut_buffer_t *out, const aut_hash_t *hash)
{
    char hex[AUT_HASH_HEX];
    put (out, "\"", 1);
    put (out, aut_hash_hex (hash, hex), AUT_HASH_HEX - 1);
    put (out, "\"", 1);
}

void aut_put_key (aut_buffer_t *out, const char *key)
{
    put (out, "\"", 1);
    aut_put_text (out, key);
    put (out, "\":", 2);
}
