/*  The parts of the codec that both directions use: memory, frame 0, bounds, places, text. */
#include "proto/codec.h"

#include "lib/core/error.h"
#include "lib/core/mem.h"
#include "proto/codec_internal.h"
#include "proto/message.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARENA_BLOCK 1024

struct aut_msg_arena {
    aut_msg_arena_t *next;
    size_t used, cap;
    max_align_t data[];
};

void *aut_msg_arena_alloc (aut_msg_arena_t **arena, size_t size)
{
    size_t align = sizeof (max_align_t);
    size = (size + align - 1) / align * align;
    aut_msg_arena_t *block = *arena;
    if (!block || block->cap - block->used < size) {
        size_t cap = size > ARENA_BLOCK ? size : ARENA_BLOCK;
        block = aut_try_alloc (1, sizeof *block + cap);
        if (!block)
            return NULL;
        block->cap = cap;
        block->next = *arena;
        *arena = block;
    }
    void *data = (char *)block->data + block->used;
    block->used += size;
    return data;
}

void aut_msg_arena_destroy (aut_msg_arena_t **arena)
{
    while (*arena) {
        aut_msg_arena_t *next = (*arena)->next;
        free (*arena);
        *arena = next;
    }
}

/*  Puts byte `b` in a sentence: as it is if it can be printed, else '?'. */
static char printable (uint8_t b)
{
    return b >= 0x20 && b < 0x7f ? (char)b : '?';
}

int aut_codec_head (const void *head, size_t size, uint8_t *type)
{
    const uint8_t *bytes = head;
    if (size != AUT_HEAD_SIZE)
        return aut_fail (AUT_ERR_INVALID, "frame 0 has %zu bytes, it must have %d", size,
                         AUT_HEAD_SIZE);
    if (memcmp (bytes, "AUT", 3) != 0)
        return aut_fail (AUT_ERR_INVALID, "frame 0 does not begin with AUT1: not an auteur peer");
    if (bytes[3] != '1')
        return aut_fail (AUT_ERR_VERSION,
                         "this peer speaks AUT%c, we speak AUT1: install the same release on both",
                         printable (bytes[3]));
    *type = bytes[4];
    return 0;
}

void aut_codec_write_head (uint8_t *head, uint8_t type)
{
    memcpy (head, "AUT1", 4);
    head[4] = type;
}

bool aut_codec_utf8 (const char *text, size_t size)
{
    for (size_t at = 0; at < size;) {
        size_t length = aut_utf8_next (text + at, size - at, NULL);
        if (length == 0 || text[at] == 0)
            return false;
        at += length;
    }
    return true;
}

const char *aut_msg_clip (char *out, size_t size, const char *text)
{
    size_t length = strlen (text), used = 0;
    for (size_t at = 0; at < length;) {
        size_t good = aut_utf8_next (text + at, length - at, NULL);
        size_t take = good ? good : 1;
        if (used + take >= size)
            break;
        if (good)
            memcpy (out + used, text + at, good);
        else
            out[used] = '?';
        used += take;
        at += take;
    }
    out[used] = 0;
    return out;
}

/*  Writes the place from the outside in; returns the bytes used. */
static size_t write_place (char *text, size_t size, const aut_place_t *place)
{
    if (!place)
        return 0;
    size_t at = write_place (text, size, place->up);
    int n;
    if (place->key)
        n = snprintf (text + at, size - at, "%s%s", at ? "." : "", place->key);
    else
        n = snprintf (text + at, size - at, "[%zu]", place->index);
    return n < 0 || (size_t)n >= size - at ? size - 1 : at + (size_t)n;
}

int aut_place_fail (const char *message, const aut_place_t *place, const char *format, ...)
{
    char where[160] = "", what[320];
    write_place (where, sizeof where, place);
    va_list args;
    va_start (args, format);
    vsnprintf (what, sizeof what, format, args);
    va_end (args);
    return aut_fail (AUT_ERR_INVALID, "%s: %s%s%s", message, where, *where ? ": " : "", what);
}

int aut_check_unsigned (const char *message, const aut_place_t *place, const aut_field_t *field,
                        uint64_t value)
{
    uint64_t max = field->max ? field->max : field->kind == AUT_KIND_U32 ? UINT32_MAX : UINT64_MAX;
    if (value < (uint64_t)field->min || value > max)
        return aut_place_fail (message, place, "%llu is outside %lld … %llu",
                               (unsigned long long)value, (long long)field->min,
                               (unsigned long long)max);
    return 0;
}

int aut_check_signed (const char *message, const aut_place_t *place, const aut_field_t *field,
                      int64_t value)
{
    if (value < field->min || value > (int64_t)field->max)
        return aut_place_fail (message, place, "%lld is outside %lld … %lld", (long long)value,
                               (long long)field->min, (long long)field->max);
    return 0;
}

int aut_check_text (const char *message, const aut_place_t *place, const char *text, size_t size,
                    size_t min, size_t max)
{
    if (size < min || size > max)
        return aut_place_fail (message, place, "%zu bytes long, allowed are %zu … %zu", size, min,
                               max);
    if (!aut_codec_utf8 (text, size))
        return aut_place_fail (message, place, "not UTF-8 without NUL");
    return 0;
}

int aut_check_count (const char *message, const aut_place_t *place, const aut_field_t *field,
                     size_t count)
{
    if (count < (size_t)field->min || count > field->max)
        return aut_place_fail (message, place, "%zu elements, allowed are %lld … %llu", count,
                               (long long)field->min, (unsigned long long)field->max);
    return 0;
}

static const aut_field_t ref_fields[] = {
    AUT_F_ANY (HASH, aut_ref_t, hash),
    AUT_F_ANY (U64, aut_ref_t, size),
};

const aut_schema_t aut_schema_ref = AUT_SCHEMA ("ref", aut_ref_t, ref_fields);
