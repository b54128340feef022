/*  The list of diagnostics and its two forms, text and JSON. */
#include "lib/film/diag.h"

#include "lib/core/mem.h"

#include <stdlib.h>
#include <string.h>

/*  Cells of edit distance, about a nanosecond each. */
#define HINT_BUDGET 50000000u

void aut_diags_init (aut_diags_t *self, const char *file)
{
    memset (self, 0, sizeof *self);
    self->file = aut_strdup (file);
    self->hint_budget = HINT_BUDGET;
}

void aut_diags_clear (aut_diags_t *self)
{
    for (size_t i = 0; i < self->count; i++) {
        free (self->items[i].path);
        free (self->items[i].message);
        free (self->items[i].hint);
    }
    free (self->items);
    free (self->file);
    memset (self, 0, sizeof *self);
}

void aut_diags_add (aut_diags_t *self, bool warning, uint32_t offset, uint32_t line,
                    uint32_t column, char *path, char *message, char *hint)
{
    if (warning)
        self->warnings++;
    else
        self->errors++;
    if (self->count == AUT_DIAGS_MAX) {
        free (path);
        free (message);
        free (hint);
        return;
    }
    self->items = aut_grow (self->items, &self->cap, self->count + 1, sizeof *self->items);
    self->items[self->count++] = (aut_diag_t){.warning = warning,
                                              .line = line,
                                              .column = column,
                                              .offset = offset,
                                              .order = (uint32_t)self->count,
                                              .path = path,
                                              .message = message,
                                              .hint = hint};
}

static int compare (const void *left, const void *right)
{
    const aut_diag_t *a = left, *b = right;
    if (a->offset != b->offset)
        return a->offset < b->offset ? -1 : 1;
    return (a->order > b->order) - (a->order < b->order);
}

void aut_diags_sort (aut_diags_t *self)
{
    if (self->count)
        qsort (self->items, self->count, sizeof *self->items, compare);
}

void aut_diags_text (const aut_diags_t *self, bool warnings, aut_buffer_t *out)
{
    for (size_t i = 0; i < self->count; i++) {
        const aut_diag_t *diag = &self->items[i];
        if (diag->warning != warnings)
            continue;
        aut_buffer_printable (out, self->file);
        aut_buffer_format (out, ":%u:%u: ", diag->line, diag->column);
        aut_buffer_printable (out, diag->path);
        aut_buffer_text (out, warnings ? ": warning: " : ": ");
        aut_buffer_printable (out, diag->message);
        if (diag->hint) {
            aut_buffer_text (out, " (");
            aut_buffer_printable (out, diag->hint);
            aut_buffer_text (out, ")");
        }
        aut_buffer_text (out, "\n");
    }
    size_t all = self->errors + self->warnings;
    if (!warnings && all > self->count) {
        aut_buffer_printable (out, self->file);
        aut_buffer_format (out, ":1:1: $: %zu more errors are not shown\n", all - self->count);
    }
}

static void json_text (aut_buffer_t *out, const char *text)
{
    if (text)
        aut_buffer_json_string (out, text);
    else
        aut_buffer_text (out, "null");
}

void aut_diags_json (const aut_diags_t *self, aut_buffer_t *out)
{
    bool first = true;
    aut_buffer_format (out, "{\"valid\":%s,\"errors\":[", self->errors ? "false" : "true");
    for (size_t i = 0; i < self->count; i++) {
        const aut_diag_t *diag = &self->items[i];
        if (diag->warning)
            continue;
        aut_buffer_text (out, first ? "{\"file\":" : ",{\"file\":");
        first = false;
        json_text (out, self->file);
        aut_buffer_format (out, ",\"line\":%u,\"column\":%u,\"path\":", diag->line, diag->column);
        json_text (out, diag->path);
        aut_buffer_text (out, ",\"message\":");
        json_text (out, diag->message);
        aut_buffer_text (out, ",\"hint\":");
        json_text (out, diag->hint);
        aut_buffer_text (out, "}");
    }
    aut_buffer_text (out, "]}");
}
