/*  Scripts: elements, and their texts without marks of emphasis. */
#include "lib/film/script_internal.h"

#include "lib/core/error.h"
#include "lib/core/mem.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

aut_script_t *aut_script_new (void)
{
    aut_script_t *self = aut_calloc (1, sizeof *self);
    self->arena = aut_arena_new ();
    return self;
}

void aut_script_destroy (aut_script_t **self_p)
{
    if (!self_p || !*self_p)
        return;
    aut_arena_destroy (&(*self_p)->arena);
    free ((*self_p)->titles);
    free ((*self_p)->elements);
    free (*self_p);
    *self_p = NULL;
}

aut_script_element_t *aut_script_add (aut_script_t *self, aut_script_kind_t kind, uint32_t line,
                                      const char *text, size_t size)
{
    self->elements = aut_grow (self->elements, &self->cap, self->count + 1, sizeof *self->elements);
    aut_script_element_t *element = &self->elements[self->count++];
    *element = (aut_script_element_t){
        .kind = kind, .line = line, .text = aut_script_plain (self->arena, text, size)};
    return element;
}

int aut_script_check_line (const aut_line_t *line, size_t most, const char *what)
{
    if (line->size <= most)
        return 0;
    return aut_fail (AUT_ERR_INVALID, "line %u: %s has %u bytes; at most %zu are allowed",
                     line->number, what, line->size, most);
}

void aut_trim (const char **text, size_t *size)
{
    while (*size && (**text == ' ' || **text == '\t' || **text == '\n')) {
        ++*text;
        --*size;
    }
    while (*size && strchr (" \t\n", (*text)[*size - 1]))
        --*size;
}

bool aut_is_slugline (const char *text, size_t size)
{
    static const char *const words[] = {"INT./EXT", "EXT./INT", "INT/EXT", "EXT/INT",
                                        "I/E",      "INT",      "EXT",     "EST"};
    aut_trim (&text, &size);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        size_t length = strlen (words[i]);
        if (size > length + 1 && strncasecmp (text, words[i], length) == 0 &&
            (text[length] == '.' || text[length] == ' '))
            return true;
    }
    return false;
}

/* ---- emphasis ---------------------------------------------------------------------------------
 */

/*  Marks that are open on this line: where they stand, or NONE. */
enum { STAR, STARS, UNDERSCORE, SLOTS };
#define NONE ((size_t)-1)

typedef struct {
    const char *text;
    size_t size;
    char *drop; /* 1: the byte is a mark */
    size_t open[SLOTS];
} marks_t;

static void drop (marks_t *self, size_t at, size_t count)
{
    memset (self->drop + at, 1, count);
}

/*  Ends a pair that is open, or opens one. */
static void put_mark (marks_t *self, int slot, size_t at, bool opens, bool closes)
{
    size_t count = slot == STARS ? 2 : 1;
    if (closes && self->open[slot] != NONE) {
        drop (self, self->open[slot], count);
        drop (self, at, count);
        self->open[slot] = NONE;
    } else if (opens) {
        self->open[slot] = at;
    }
}

static bool is_gap (const char *text, size_t size, size_t at)
{
    return at >= size || text[at] == ' ' || text[at] == '\t' || text[at] == '\n';
}

/*  The run of marks at `at`; returns its bytes. */
static size_t put_run (marks_t *self, size_t at)
{
    char mark = self->text[at];
    size_t count = 1;
    while (at + count < self->size && self->text[at + count] == mark)
        count++;
    bool opens = !is_gap (self->text, self->size, at + count);
    bool closes = at > 0 && !is_gap (self->text, self->size, at - 1);
    if (mark == '_' && count == 1)
        put_mark (self, UNDERSCORE, at, opens, closes);
    else if (mark == '*' && (count == 1 || count == 2))
        put_mark (self, count == 1 ? STAR : STARS, at, opens, closes);
    else if (mark == '*' && count == 3) {
        put_mark (self, STARS, at, opens, closes);
        put_mark (self, STAR, at + 2, opens, closes);
    }
    return count;
}

char *aut_script_plain (aut_arena_t *arena, const char *text, size_t size)
{
    aut_trim (&text, &size);
    if (!memchr (text, '*', size) && !memchr (text, '_', size) && !memchr (text, '\\', size))
        return aut_arena_text (arena, text, size);
    marks_t marks = {text, size, aut_calloc (size + 1, 1), {NONE, NONE, NONE}};
    for (size_t i = 0; i < size;) {
        if (text[i] == '\\' && i + 1 < size && (text[i + 1] == '*' || text[i + 1] == '_')) {
            drop (&marks, i, 1);
            i += 2;
        } else if (text[i] == '*' || text[i] == '_') {
            i += put_run (&marks, i);
        } else {
            for (int slot = 0; text[i] == '\n' && slot < SLOTS; slot++)
                marks.open[slot] = NONE;
            i++;
        }
    }
    char *out = aut_arena_text (arena, text, size);
    size_t kept = 0;
    for (size_t i = 0; i < size; i++)
        if (!marks.drop[i])
            out[kept++] = text[i];
    out[kept] = 0;
    free (marks.drop);
    return out;
}
