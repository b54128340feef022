/*  Bytes to lines: one pass that checks them, and takes notes and boneyards out. A search that
 * found no end is not made again before the place where it gave up, so that time is linear.
 */
#include "lib/film/script_internal.h"

#include "lib/core/buffer.h"
#include "lib/core/error.h"
#include "lib/core/mem.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
    aut_lines_t *out;
    aut_arena_t *arena;
    const char *data;
    size_t size, at;
    uint32_t line;       /* of `at` */
    uint32_t first_line; /* on which the line that is gathered began */
    aut_buffer_t text;   /* all lines so far, then the one that is gathered */
    size_t start;        /* of that one */
    bool marked;         /* something was taken out of it */
    size_t note_fault;   /* no note that begins before it ends */
    bool boneyard_fault;
} reader_t;

static int check_bytes (const char *data, size_t size)
{
    unsigned line = 1;
    for (size_t i = 0, step; i < size; i += step) {
        step = aut_utf8_next (data + i, size - i, NULL);
        if (step == 0)
            return aut_fail (AUT_ERR_INVALID,
                             "line %u is not UTF-8 text (byte 0x%02X): save it as UTF-8", line,
                             (unsigned)(unsigned char)data[i]);
        if (data[i] == 0)
            return aut_fail (AUT_ERR_INVALID, "line %u has a NUL byte: this is no text", line);
        line += data[i] == '\n' || (data[i] == '\r' && !(i + 1 < size && data[i + 1] == '\n'));
    }
    return 0;
}

/*  The bytes of the line break at `i`, or 0. */
static size_t break_size (const char *data, size_t size, size_t i)
{
    if (data[i] == '\n')
        return 1;
    if (data[i] != '\r')
        return 0;
    return i + 1 < size && data[i + 1] == '\n' ? 2 : 1;
}

static void end_line (reader_t *self)
{
    aut_lines_t *out = self->out;
    size_t size = self->text.size - self->start;
    bool empty = true;
    for (size_t i = self->start; i < self->text.size && empty; i++)
        empty = self->text.data[i] == ' ' || self->text.data[i] == '\t';
    if (!(self->marked && empty)) {
        out->items = aut_grow (out->items, &out->cap, out->count + 1, sizeof *out->items);
        /* the text still grows: places become pointers at the end */
        out->items[out->count++] = (aut_line_t){NULL, (uint32_t)size, self->first_line};
    } else {
        self->text.size = self->start;
    }
    self->start = self->text.size;
    self->marked = false;
    self->first_line = self->line;
}

/*  Moves past `end`, counting lines. */
static void skip_to (reader_t *self, size_t end)
{
    while (self->at < end) {
        size_t step = break_size (self->data, self->size, self->at);
        self->line += step > 0;
        self->at += step ? step : 1;
    }
    self->at = end;
    self->marked = true;
}

static bool skip_boneyard (reader_t *self)
{
    const char *from = self->data + self->at;
    if (self->boneyard_fault || self->size - self->at < 4 || memcmp (from, "/*", 2) != 0)
        return false;
    const char *end = memmem (from + 2, self->size - self->at - 2, "*/", 2);
    self->boneyard_fault = !end;
    if (!end)
        return false;
    skip_to (self, (size_t)(end + 2 - self->data));
    return true;
}

/*  Where the note that begins at `at` ends, or 0. A line without even a space in it ends none. */
static size_t note_end (reader_t *self)
{
    size_t i = self->at + 2;
    while (i < self->size) {
        size_t step = break_size (self->data, self->size, i);
        if (self->data[i] == ']' && i + 1 < self->size && self->data[i + 1] == ']')
            return i + 2;
        if (step && i + step < self->size && break_size (self->data, self->size, i + step))
            break;
        i += step ? step : 1;
    }
    self->note_fault = i;
    return 0;
}

static int skip_note (reader_t *self, bool *skipped)
{
    const char *from = self->data + self->at;
    *skipped = false;
    if (self->at < self->note_fault || self->size - self->at < 4 || memcmp (from, "[[", 2) != 0)
        return 0;
    size_t end = note_end (self);
    if (end == 0)
        return 0;
    size_t size = end - self->at - 4;
    if (size > AUT_SCRIPT_MAX_NOTE)
        return aut_fail (AUT_ERR_INVALID, "line %u: the note has more than %d bytes: divide it",
                         self->line, AUT_SCRIPT_MAX_NOTE);
    aut_lines_t *out = self->out;
    out->notes = aut_grow (out->notes, &out->note_cap, out->note_count + 1, sizeof *out->notes);
    out->notes[out->note_count++] =
        (aut_script_note_t){self->line, aut_script_plain (self->arena, from + 2, size)};
    skip_to (self, end);
    *skipped = true;
    return 0;
}

static int read_lines (reader_t *self, bool marks)
{
    while (self->at < self->size) {
        size_t step = break_size (self->data, self->size, self->at);
        bool skipped = false;
        if (step) {
            self->at += step;
            self->line++;
            end_line (self);
            continue;
        }
        int rc = marks ? skip_note (self, &skipped) : 0;
        if (rc)
            return rc;
        if (skipped || (marks && skip_boneyard (self)))
            continue;
        aut_buffer_append (&self->text, self->data + self->at++, 1);
    }
    if (self->text.size > self->start)
        end_line (self);
    return 0;
}

int aut_lines_read (aut_lines_t *out, aut_arena_t *arena, const char *data, size_t size, bool marks)
{
    *out = (aut_lines_t){0};
    if (size > AUT_SCRIPT_MAX_BYTES)
        return aut_fail (AUT_ERR_TOO_LARGE, "it has more than %u MiB: import it in parts",
                         AUT_SCRIPT_MAX_BYTES >> 20);
    if (size >= 3 && memcmp (data, "\xEF\xBB\xBF", 3) == 0) {
        data += 3;
        size -= 3;
    }
    int rc = check_bytes (data, size);
    if (rc)
        return rc;
    reader_t reader = {
        .out = out, .arena = arena, .data = data, .size = size, .line = 1, .first_line = 1};
    rc = read_lines (&reader, marks);
    out->text = aut_buffer_take (&reader.text, NULL);
    size_t at = 0;
    for (size_t i = 0; i < out->count; i++) {
        out->items[i].text = out->text + at;
        at += out->items[i].size;
    }
    return rc;
}

void aut_lines_clear (aut_lines_t *self)
{
    free (self->text);
    free (self->items);
    free (self->notes);
    *self = (aut_lines_t){0};
}
