#include "lib/core/buffer.h"

#include "lib/core/mem.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*  Makes room for `more` bytes and the terminator. */
static void reserve (aut_buffer_t *self, size_t more)
{
    size_t need = self->size + more + 1;
    if (need <= more) /* overflow: let the allocator refuse it */
        need = SIZE_MAX;
    self->data = aut_grow (self->data, &self->cap, need, 1);
}

void aut_buffer_append (aut_buffer_t *self, const void *data, size_t size)
{
    reserve (self, size);
    if (size > 0)
        memcpy (self->data + self->size, data, size);
    self->size += size;
    self->data[self->size] = 0;
}

void aut_buffer_text (aut_buffer_t *self, const char *text)
{
    aut_buffer_append (self, text, strlen (text));
}

void aut_buffer_format (aut_buffer_t *self, const char *format, ...)
{
    char *text = NULL;
    va_list args;
    va_start (args, format);
    int n = vasprintf (&text, format, args);
    va_end (args);
    if (n < 0)
        text = NULL;
    if (n > 0)
        aut_buffer_append (self, text, (size_t)n);
    free (text);
}

size_t aut_utf8_next (const char *text, size_t size, unsigned *code)
{
    static const unsigned smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    const unsigned char *p = (const unsigned char *)text;
    if (size == 0)
        return 0;
    size_t len = p[0] < 0x80 ? 1 : p[0] < 0xC2 ? 0 : p[0] < 0xE0 ? 2 : p[0] < 0xF0 ? 3 : 4;
    if (len == 0 || p[0] > 0xF4 || len > size)
        return 0;
    unsigned value = len == 1 ? p[0] : p[0] & (0xFFu >> (len + 1));
    for (size_t i = 1; i < len; i++) {
        if ((p[i] & 0xC0) != 0x80)
            return 0;
        value = value << 6 | (p[i] & 0x3F);
    }
    if (value < smallest[len] || value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF))
        return 0;
    if (code)
        *code = value;
    return len;
}

/*  The two-character escape of `c` in JSON and C, or 0. */
static char short_escape (unsigned c)
{
    switch (c) {
    case '\n':
        return 'n';
    case '\r':
        return 'r';
    case '\t':
        return 't';
    default:
        return 0;
    }
}

void aut_buffer_json_string (aut_buffer_t *self, const char *text)
{
    size_t left = strlen (text);
    reserve (self, left + 2);
    aut_buffer_append (self, "\"", 1);
    while (left > 0) {
        unsigned code = 0;
        size_t len = aut_utf8_next (text, left, &code);
        if (len == 0) {
            aut_buffer_text (self, "\xEF\xBF\xBD"); /* U+FFFD: JSON text is always UTF-8 */
            len = 1;
        } else if (code == '"' || code == '\\') {
            aut_buffer_append (self, "\\", 1);
            aut_buffer_append (self, text, 1);
        } else if (code < 0x20 && short_escape (code)) {
            aut_buffer_format (self, "\\%c", short_escape (code));
        } else if (code < 0x20 || (code >= 0x7F && code < 0xA0)) {
            aut_buffer_format (self, "\\u%04x", code);
        } else {
            aut_buffer_append (self, text, len);
        }
        text += len;
        left -= len;
    }
    aut_buffer_append (self, "\"", 1);
}

/*  Characters that move or hide other text: bidirectional overrides and line separators. */
static int is_layout_control (unsigned code)
{
    return code == 0x2028 || code == 0x2029 || (code >= 0x202A && code <= 0x202E) ||
           (code >= 0x2066 && code <= 0x2069);
}

void aut_buffer_printable (aut_buffer_t *self, const char *text)
{
    size_t left = strlen (text);
    reserve (self, left);
    while (left > 0) {
        unsigned code = 0;
        size_t len = aut_utf8_next (text, left, &code);
        if (len == 0) {
            aut_buffer_format (self, "\\x%02x", (unsigned char)*text);
            len = 1;
        } else if (short_escape (code)) {
            aut_buffer_format (self, "\\%c", short_escape (code));
        } else if (code < 0x20 || code == 0x7F) {
            aut_buffer_format (self, "\\x%02x", code);
        } else if ((code >= 0x80 && code < 0xA0) || is_layout_control (code)) {
            aut_buffer_format (self, "\\u%04x", code);
        } else {
            aut_buffer_append (self, text, len);
        }
        text += len;
        left -= len;
    }
    self->data[self->size] = 0;
}

char *aut_buffer_take (aut_buffer_t *self, size_t *size)
{
    reserve (self, 0);
    self->data[self->size] = 0;
    char *data = self->data;
    if (size)
        *size = self->size;
    *self = (aut_buffer_t){0};
    return data;
}

void aut_buffer_clear (aut_buffer_t *self)
{
    free (self->data);
    *self = (aut_buffer_t){0};
}
