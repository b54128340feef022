/*  Plain text, Markdown's simplest habits included: paragraphs, headings, items of lists. */
#include "lib/film/letters.h"
#include "lib/film/script_internal.h"

#include "lib/core/buffer.h"
#include "lib/core/mem.h"

#include <string.h>

typedef struct {
    const char *text;
    size_t size;
} part_t;

static part_t part_at (const aut_lines_t *lines, size_t at)
{
    part_t part = {"", 0};
    if (at < lines->count) {
        part = (part_t){lines->items[at].text, lines->items[at].size};
        aut_trim (&part.text, &part.size);
    }
    return part;
}

/*  Whether a line is nothing but three or more of one mark. */
static bool is_rule (part_t part, char mark)
{
    size_t count = 0;
    while (count < part.size && part.text[count] == mark)
        count++;
    return count >= 3 && count == part.size;
}

static size_t hashes (part_t part)
{
    size_t count = 0;
    while (count < part.size && part.text[count] == '#')
        count++;
    return count > 0 && count < part.size && part.text[count] == ' ' ? count : 0;
}

/*  The bytes of a list's mark at a line's start: "- ", "* ", "12. "; or 0. */
static size_t item_mark (part_t part)
{
    size_t at = 0;
    if (part.size >= 2 && strchr ("-*+", part.text[0]) && part.text[1] == ' ')
        return 2;
    while (at < part.size && at < 4 && part.text[at] >= '0' && part.text[at] <= '9')
        at++;
    return at > 0 && at + 1 < part.size && strchr (".)", part.text[at]) && part.text[at + 1] == ' '
               ? at + 2
               : 0;
}

/*  The depth of the heading at a line, or 0, with its text and how many lines it takes. */
static uint32_t heading_at (const aut_lines_t *lines, size_t at, part_t *text, size_t *taken)
{
    part_t part = part_at (lines, at), next = part_at (lines, at + 1);
    size_t depth = hashes (part);
    bool first = at == 0 || part_at (lines, at - 1).size == 0, alone = first && next.size == 0;
    bool slug = aut_is_slugline (part.text, part.size);
    *text = part;
    *taken = 1;
    if (depth) {
        *text = (part_t){part.text + depth, part.size - depth};
        return (uint32_t)depth;
    }
    if (first && part.size && (is_rule (next, '=') || is_rule (next, '-')) &&
        !is_rule (part, '-')) {
        *taken = 2;
        return next.text[0] == '=' ? 1 : 2;
    }
    return alone && part.size <= AUT_SCRIPT_MAX_CUE &&
                   (slug || aut_text_is_capitals (part.text, part.size))
               ? 2
               : 0;
}

static size_t put_paragraph (aut_script_t *script, const aut_lines_t *lines, size_t at)
{
    aut_buffer_t text = {0};
    size_t first = at, taken;
    for (part_t part = part_at (lines, at), heading; part.size; part = part_at (lines, ++at)) {
        if (at > first && (item_mark (part) || heading_at (lines, at, &heading, &taken)))
            break;
        size_t mark = at == first ? item_mark (part) : 0;
        aut_buffer_text (&text, text.size ? "\n" : "");
        aut_buffer_append (&text, part.text + mark, part.size - mark);
    }
    aut_script_add (script, AUT_SCRIPT_ACTION, lines->items[first].number,
                    text.data ? text.data : "", text.size);
    aut_buffer_clear (&text);
    return at;
}

static int put_heading (aut_script_t *script, const aut_line_t *line, part_t text, uint32_t depth)
{
    int rc = aut_script_check_line (line, AUT_SCRIPT_MAX_LINE, "the heading");
    if (rc == 0)
        aut_script_add (script, AUT_SCRIPT_HEADING, line->number, text.text, text.size)->depth =
            depth;
    return rc;
}

/*  A first heading of level 1 with others after it names the whole. */
static void take_title (aut_script_t *script)
{
    size_t headings = 0;
    for (size_t i = 0; i < script->count; i++)
        headings += script->elements[i].kind == AUT_SCRIPT_HEADING;
    if (headings < 2 || script->elements[0].kind != AUT_SCRIPT_HEADING ||
        script->elements[0].depth != 1 || !*script->elements[0].text)
        return;
    script->titles = aut_grow (script->titles, &script->title_cap, 1, sizeof *script->titles);
    script->titles[0] =
        (aut_script_title_t){"Title", script->elements[0].text, script->elements[0].line};
    script->title_count = 1;
    script->count--;
    memmove (script->elements, script->elements + 1, script->count * sizeof *script->elements);
}

int aut_plain_read (aut_script_t **out, const char *data, size_t size)
{
    aut_script_t *script = aut_script_new ();
    aut_lines_t lines;
    int rc = aut_lines_read (&lines, script->arena, data, size, false);
    for (size_t at = 0, taken = 1; rc == 0 && at < lines.count; at += taken) {
        part_t part = part_at (&lines, at), text;
        uint32_t depth = heading_at (&lines, at, &text, &taken);
        if (part.size == 0 || is_rule (part, '-') || is_rule (part, '*') || is_rule (part, '_'))
            taken = 1;
        else if (depth)
            rc = put_heading (script, &lines.items[at], text, depth);
        else
            taken = put_paragraph (script, &lines, at) - at;
    }
    aut_lines_clear (&lines);
    if (rc == 0)
        take_title (script);
    else
        aut_script_destroy (&script);
    *out = script;
    return rc;
}
