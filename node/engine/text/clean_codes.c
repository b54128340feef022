/*  Text as code points. */
#include "node/engine/text/clean_internal.h"

#include "lib/core/error.h"

#include <stdlib.h>
#include <string.h>

void aut_codes_append (aut_codes_t *self, const uint32_t *code, size_t size)
{
    if (size == 0)
        return;
    self->code = aut_grow (self->code, &self->cap, self->size + size, sizeof *self->code);
    memcpy (self->code + self->size, code, size * sizeof *code);
    self->size += size;
}

void aut_codes_set (aut_codes_t *self, const uint32_t *code, size_t size)
{
    self->size = 0;
    aut_codes_append (self, code, size);
}

void aut_codes_take (aut_codes_t *self, aut_codes_t *other)
{
    aut_codes_t old = *self;
    *self = *other;
    *other = old;
    other->size = 0;
}

bool aut_codes_equal (const aut_codes_t *a, const aut_codes_t *b)
{
    return a->size == b->size &&
           (a->size == 0 || memcmp (a->code, b->code, a->size * sizeof *a->code) == 0);
}

void aut_codes_clear (aut_codes_t *self)
{
    free (self->code);
    *self = (aut_codes_t){0};
}

int aut_codes_read (aut_codes_t *out, const char *text, size_t size)
{
    for (size_t at = 0; at < size;) {
        unsigned code = 0;
        size_t len = aut_utf8_next (text + at, size - at, &code);
        if (len == 0)
            return aut_fail (AUT_ERR_INVALID,
                             "prompt: byte %zu (0x%02x) is not UTF-8; save the text as UTF-8", at,
                             (unsigned char)text[at]);
        aut_codes_put (out, code);
        at += len;
    }
    return 0;
}

/*  One code point as UTF-8; returns its length. */
static size_t write_utf8 (char out[4], uint32_t code)
{
    static const unsigned char lead[] = {0, 0, 0xC0, 0xE0, 0xF0};
    size_t len = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    for (size_t i = len - 1; i > 0; i--) {
        out[i] = (char)(0x80 | (code & 0x3F));
        code >>= 6;
    }
    out[0] = (char)(lead[len] | code);
    return len;
}

char *aut_codes_text (const aut_codes_t *self)
{
    aut_buffer_t buffer = {0};
    for (size_t i = 0; i < self->size; i++) {
        char utf8[4];
        aut_buffer_append (&buffer, utf8, write_utf8 (utf8, self->code[i]));
    }
    return aut_buffer_take (&buffer, NULL);
}
