/*  A document's places: byte offset → line and column, node → path, and errors about nodes.
 *
 *  Columns count characters, and a whole document may stand on one line, so the number of
 *  characters before every 256th byte is kept: finding a column is then a constant cost.
 */
#include "lib/film/source_internal.h"

#include "lib/core/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define POINT_STEP 256u
#define SHOWN_KEY 64 /* bytes of a key that a path shows */

static bool starts_character (char byte)
{
    return ((unsigned char)byte & 0xc0) != 0x80;
}

void aut_source_index (aut_source_t *self)
{
    uint32_t lines = 1, at = 0, seen = 0;
    for (uint32_t i = 0; i < self->size; i++)
        lines += self->text[i] == '\n';
    uint32_t *starts = aut_arena_alloc (self->arena, lines, sizeof *starts);
    uint32_t *points = aut_arena_alloc (self->arena, self->size / POINT_STEP + 1, sizeof *points);
    for (uint32_t i = 0; i < self->size; i++) {
        if (i % POINT_STEP == 0)
            points[i / POINT_STEP] = seen;
        seen += starts_character (self->text[i]);
        if (self->text[i] == '\n')
            starts[++at] = i + 1;
    }
    if (self->size % POINT_STEP == 0)
        points[self->size / POINT_STEP] = seen;
    starts[0] = self->start;
    self->lines = starts;
    self->line_count = lines;
    self->points = points;
}

/*  Characters before an offset. */
static uint32_t characters (const aut_source_t *self, uint32_t offset)
{
    uint32_t count = self->points[offset / POINT_STEP];
    for (uint32_t i = offset / POINT_STEP * POINT_STEP; i < offset; i++)
        count += starts_character (self->text[i]);
    return count;
}

void aut_source_place (const aut_source_t *self, uint32_t offset, uint32_t *line, uint32_t *column)
{
    uint32_t low = 0, high = self->line_count;
    if (offset > self->size)
        offset = self->size;
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (self->lines[middle] <= offset)
            low = middle;
        else
            high = middle;
    }
    *line = low + 1;
    *column = offset < self->lines[low]
                  ? 1
                  : characters (self, offset) - characters (self, self->lines[low]) + 1;
}

void aut_source_destroy (aut_source_t **self_p)
{
    if (!self_p || !*self_p)
        return;
    aut_arena_t *arena = (*self_p)->arena; /* the struct itself lies in it */
    aut_arena_destroy (&arena);
    *self_p = NULL;
}

const aut_node_t *aut_source_root (const aut_source_t *self)
{
    return self->root;
}

const aut_node_t *aut_node_get (const aut_node_t *object, const char *key)
{
    if (!object || object->kind != AUT_NODE_OBJECT)
        return NULL;
    for (const aut_node_t *node = object->first; node; node = node->next)
        if (strcmp (node->key, key) == 0)
            return node;
    return NULL;
}

bool aut_node_bool (const aut_node_t *node)
{
    return node->kind == AUT_NODE_BOOL && node->text[0] == 't';
}

int aut_node_decimal (const aut_node_t *node, aut_decimal_t *out)
{
    return aut_decimal_parse (out, node->text, node->size);
}

static bool is_plain_key (const char *key)
{
    size_t size = strlen (key);
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_$-";
    return size > 0 && size <= SHOWN_KEY && strspn (key, plain) == size;
}

static void add_key (aut_buffer_t *out, const char *key)
{
    size_t size = strlen (key);
    if (is_plain_key (key)) {
        aut_buffer_text (out, out->size ? "." : "");
        aut_buffer_text (out, key);
        return;
    }
    if (size > SHOWN_KEY)
        for (size = SHOWN_KEY; !starts_character (key[size]); size--)
            ;
    aut_buffer_text (out, "[\"");
    aut_buffer_append (out, key, size);
    aut_buffer_text (out, key[size] ? "…\"]" : "\"]");
}

char *aut_node_path (const aut_node_t *node, const char *key)
{
    const aut_node_t *chain[AUT_SOURCE_MAX_DEPTH + 2];
    size_t depth = 0;
    aut_buffer_t out = {0};
    for (; node && node->parent; node = node->parent)
        chain[depth++] = node;
    while (depth--) {
        if (chain[depth]->key)
            add_key (&out, chain[depth]->key);
        else
            aut_buffer_format (&out, "[%u]", chain[depth]->index);
    }
    if (key)
        add_key (&out, key);
    if (out.size == 0)
        aut_buffer_text (&out, "$");
    return aut_buffer_take (&out, NULL);
}

void aut_source_note (const aut_source_t *self, aut_diags_t *diags, const aut_note_t *note,
                      const char *format, va_list args)
{
    uint32_t line, column;
    char *message = NULL;
    if (diags->count == AUT_DIAGS_MAX) { /* only counted from here on: spare the texts */
        aut_diags_add (diags, note->warning, note->offset, 0, 0, NULL, NULL, note->hint);
        return;
    }
    aut_source_place (self, note->offset, &line, &column);
    if (vasprintf (&message, format, args) < 0)
        message = aut_strdup ("is wrong");
    aut_diags_add (diags, note->warning, note->offset, line, column,
                   aut_node_path (note->node, note->key), message, note->hint);
}

void aut_source_error (const aut_source_t *self, aut_diags_t *diags, const aut_node_t *node,
                       char *hint, const char *format, ...)
{
    aut_note_t note = {.node = node, .offset = node->offset, .hint = hint};
    va_list args;
    va_start (args, format);
    aut_source_note (self, diags, &note, format, args);
    va_end (args);
}

void aut_source_warn (const aut_source_t *self, aut_diags_t *diags, const aut_node_t *node,
                      char *hint, const char *format, ...)
{
    aut_note_t note = {.node = node, .offset = node->offset, .hint = hint, .warning = true};
    va_list args;
    va_start (args, format);
    aut_source_note (self, diags, &note, format, args);
    va_end (args);
}

void aut_source_error_key (const aut_source_t *self, aut_diags_t *diags, const aut_node_t *node,
                           char *hint, const char *format, ...)
{
    uint32_t offset = node->key ? node->key_offset : node->offset;
    aut_note_t note = {.node = node, .offset = offset, .hint = hint};
    va_list args;
    va_start (args, format);
    aut_source_note (self, diags, &note, format, args);
    va_end (args);
}

static aut_note_t member_note (const aut_node_t *object, const char *key, char *hint, bool warning)
{
    const aut_node_t *node = aut_node_get (object, key);
    uint32_t offset = node ? node->offset : object->offset;
    return (aut_note_t){
        .node = object, .key = key, .offset = offset, .hint = hint, .warning = warning};
}

void aut_source_error_member (const aut_source_t *self, aut_diags_t *diags,
                              const aut_node_t *object, const char *key, char *hint,
                              const char *format, ...)
{
    aut_note_t note = member_note (object, key, hint, false);
    va_list args;
    va_start (args, format);
    aut_source_note (self, diags, &note, format, args);
    va_end (args);
}

void aut_source_warn_member (const aut_source_t *self, aut_diags_t *diags, const aut_node_t *object,
                             const char *key, char *hint, const char *format, ...)
{
    aut_note_t note = member_note (object, key, hint, true);
    va_list args;
    va_start (args, format);
    aut_source_note (self, diags, &note, format, args);
    va_end (args);
}
