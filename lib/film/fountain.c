/*  Fountain (fountain.io/syntax), line by line: what a line is follows from its own beginning and
 *  from whether the lines beside it are empty. Boneyards and notes are gone by then
 * (script_lines.c).
 *
 *  Where the syntax leaves room, this reader: takes a scene heading or cue only after an empty line
 *  or at the start, but needs none after a heading; knows the common transitions that do not end in
 *  TO: ("FADE IN:", "FADE OUT.", "DISSOLVE TO BLACK."); takes a title page only with a key that
 *  title pages have; and reads a cue of more than 100 bytes as action.
 */
#include "lib/film/letters.h"
#include "lib/film/script_internal.h"

#include "lib/core/error.h"
#include "lib/core/mem.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define MAX_TITLES 100

typedef struct {
    aut_script_t *script;
    aut_lines_t lines;
    size_t at;   /* of the line to read */
    size_t note; /* the next to be told of */
    bool after_gap;
} parser_t;

/*  A line without space at its ends; size 0 past the end. */
typedef struct {
    const char *text;
    size_t size;
} part_t;

static part_t part_at (const parser_t *self, size_t at)
{
    part_t part = {"", 0};
    if (at < self->lines.count) {
        part = (part_t){self->lines.items[at].text, self->lines.items[at].size};
        aut_trim (&part.text, &part.size);
    }
    return part;
}

static bool is_gap (const parser_t *self, size_t at)
{
    return part_at (self, at).size == 0;
}

static bool begins (part_t part, const char *word)
{
    size_t size = strlen (word);
    return part.size >= size && memcmp (part.text, word, size) == 0;
}

static bool ends (part_t part, const char *word)
{
    size_t size = strlen (word);
    return part.size >= size && memcmp (part.text + part.size - size, word, size) == 0;
}

/* ---- the kinds of lines -----------------------------------------------------------------------
 */

static bool is_page_break (part_t part)
{
    size_t count = 0;
    while (count < part.size && part.text[count] == '=')
        count++;
    return count >= 3 && count == part.size;
}

static bool is_synopsis (part_t part)
{
    return begins (part, "=") && !begins (part, "==");
}

static bool is_centred (part_t part)
{
    return part.size >= 2 && begins (part, ">") && ends (part, "<");
}

/*  Lines that end a paragraph of action without an empty line before them. */
static bool breaks_action (part_t part)
{
    return begins (part, "#") || begins (part, "~") || is_synopsis (part) || is_page_break (part) ||
           is_centred (part);
}

static bool is_forced_heading (part_t part)
{
    size_t step;
    return part.size >= 2 && part.text[0] == '.' &&
           aut_letter_is_word (aut_letter_at (part.text + 1, part.size - 1, &step));
}

static bool is_transition (const parser_t *self, part_t part)
{
    static const char *const known[] = {
        "FADE IN",        "FADE OUT",       "FADE TO",        "FADE UP",       "FADE FROM",
        "CUT TO",         "SMASH CUT",      "MATCH CUT",      "JUMP CUT",      "HARD CUT",
        "TIME CUT",       "QUICK CUT",      "DISSOLVE",       "CROSSFADE",     "CROSS FADE",
        "CROSS DISSOLVE", "LAP DISSOLVE",   "SLOW FADE",      "SLOW DISSOLVE", "WIPE TO",
        "WIPE LEFT",      "WIPE RIGHT",     "WIPE UP",        "WIPE DOWN",     "IRIS IN",
        "IRIS OUT",       "MATCH DISSOLVE", "RIPPLE DISSOLVE"};
    bool alone = is_gap (self, self->at + 1);
    if (part.size > AUT_SCRIPT_MAX_CUE || !aut_text_is_capitals (part.text, part.size))
        return false;
    if (alone && ends (part, "TO:"))
        return true;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (begins (part, known[i]) && (alone || ends (part, ":")))
            return true;
    return false;
}

/*  A name in capitals, perhaps with extensions in parentheses, perhaps with a ^ after it. */
static bool is_cue (const parser_t *self, part_t part)
{
    if (part.size > AUT_SCRIPT_MAX_CUE || is_gap (self, self->at + 1))
        return false;
    if (part.text[0] == '@')
        return part.size > 1;
    const char *open = memchr (part.text, '(', part.size);
    return aut_text_is_capitals (part.text, open ? (size_t)(open - part.text) : part.size);
}

/* ---- elements ---------------------------------------------------------------------------------
 */

static aut_script_element_t *add (parser_t *self, aut_script_kind_t kind, part_t part)
{
    return aut_script_add (self->script, kind, self->lines.items[self->at].number, part.text,
                           part.size);
}

/*  An element that is the whole line. */
static aut_script_element_t *put_line (parser_t *self, aut_script_kind_t kind, part_t part)
{
    aut_script_element_t *element = add (self, kind, part);
    self->at++;
    return element;
}

static part_t without_first (part_t part, size_t count)
{
    return (part_t){part.text + count, part.size - count};
}

/*  The notes that stand before the line to read. */
static void put_notes (parser_t *self, uint32_t line)
{
    for (; self->note < self->lines.note_count && self->lines.notes[self->note].line < line;
         self->note++) {
        const aut_script_note_t *note = &self->lines.notes[self->note];
        aut_script_add (self->script, AUT_SCRIPT_NOTE, note->line, "", 0)->text = note->text;
    }
}

/*  Takes the number off a heading's end: "INT. HUT #12-A#". */
static part_t take_number (part_t part, part_t *number)
{
    *number = (part_t){NULL, 0};
    if (!ends (part, "#"))
        return part;
    size_t at = part.size - 1;
    while (at > 0 && (aut_letter_is_word ((unsigned char)part.text[at - 1]) ||
                      strchr (".-_ ", part.text[at - 1])))
        at--;
    if (at == 0 || part.text[at - 1] != '#' || at == part.size - 1)
        return part;
    *number = (part_t){part.text + at, part.size - 1 - at};
    aut_trim (&number->text, &number->size);
    part.size = at - 1;
    return part;
}

static void put_heading (parser_t *self, part_t part, bool forced)
{
    part_t number;
    part = take_number (without_first (part, forced), &number);
    aut_script_element_t *element = add (self, AUT_SCRIPT_HEADING, part);
    element->forced = forced;
    if (number.size)
        element->number = aut_arena_text (self->script->arena, number.text, number.size);
    self->at++;
}

static void put_section (parser_t *self, part_t part)
{
    uint32_t depth = 0;
    while (depth < part.size && part.text[depth] == '#')
        depth++;
    add (self, AUT_SCRIPT_SECTION, without_first (part, depth))->depth = depth;
    self->at++;
}

static void put_action (parser_t *self)
{
    aut_buffer_t text = {0};
    size_t first = self->at;
    for (; !is_gap (self, self->at); self->at++) {
        part_t part = part_at (self, self->at);
        if (self->at > first && breaks_action (part))
            break;
        if (text.size)
            aut_buffer_text (&text, "\n");
        part = without_first (part, begins (part, "!"));
        aut_buffer_append (&text, part.text, part.size);
    }
    aut_script_add (self->script, AUT_SCRIPT_ACTION, self->lines.items[first].number,
                    text.data ? text.data : "", text.size);
    aut_buffer_clear (&text);
}

/*  The extensions "(V.O.) (CONT'D)" as "V.O., CONT'D"; the arena's, or NULL. */
static const char *read_extension (parser_t *self, part_t part)
{
    aut_buffer_t out = {0};
    for (size_t i = 0; i < part.size; i++) {
        const char *open = memchr (part.text + i, '(', part.size - i);
        const char *close =
            open ? memchr (open, ')', part.size - (size_t)(open - part.text)) : NULL;
        if (!close)
            break;
        aut_buffer_text (&out, out.size ? ", " : "");
        aut_buffer_append (&out, open + 1, (size_t)(close - open - 1));
        i = (size_t)(close - part.text);
    }
    const char *text = out.size ? aut_script_plain (self->script->arena, out.data, out.size) : NULL;
    aut_buffer_clear (&out);
    return text;
}

/*  One line of a speech. */
static void put_speech_line (parser_t *self, part_t part)
{
    bool aside = begins (part, "(") && ends (part, ")"), sung = begins (part, "~");
    if (aside)
        put_line (self, AUT_SCRIPT_PARENTHETICAL, (part_t){part.text + 1, part.size - 2});
    else if (sung)
        put_line (self, AUT_SCRIPT_LYRICS, without_first (part, 1))->spoken = true;
    else
        put_line (self, AUT_SCRIPT_DIALOGUE, part);
}

static void put_cue (parser_t *self, part_t part)
{
    part_t name = without_first (part, begins (part, "@"));
    bool dual = ends (name, "^");
    name.size -= dual;
    const char *paren = memchr (name.text, '(', name.size);
    part_t who = name;
    if (paren && paren > name.text)
        who.size = (size_t)(paren - name.text);
    aut_script_element_t *cue = add (self, AUT_SCRIPT_CUE, who);
    cue->dual = dual;
    cue->forced = part.text[0] == '@';
    cue->extension = paren ? read_extension (self, name) : NULL;
    self->at++;
    while (self->at < self->lines.count) {
        const aut_line_t *line = &self->lines.items[self->at];
        part_t next = part_at (self, self->at);
        if (next.size == 0 && !(line->size >= 2 && line->text[0] == ' ' && line->text[1] == ' '))
            break;
        if (is_page_break (next))
            break;
        if (next.size == 0)
            self->at++; /* two spaces: an empty line within the speech */
        else
            put_speech_line (self, next);
    }
}

static int read_line (parser_t *self)
{
    const aut_line_t *line = &self->lines.items[self->at];
    part_t part = part_at (self, self->at);
    bool after_gap = self->after_gap;
    if (part.size == 0) {
        self->after_gap = true;
        self->at++;
        return 0;
    }
    put_notes (self, line->number);
    bool heading =
        after_gap && (is_forced_heading (part) || aut_is_slugline (part.text, part.size));
    if (heading || breaks_action (part)) {
        int rc = aut_script_check_line (line, AUT_SCRIPT_MAX_LINE, "the heading, section or lyric");
        if (rc)
            return rc;
    }
    if (heading)
        put_heading (self, part, part.text[0] == '.');
    else if (is_page_break (part))
        put_line (self, AUT_SCRIPT_PAGE_BREAK, (part_t){"", 0});
    else if (begins (part, "#"))
        put_section (self, part);
    else if (is_synopsis (part))
        put_line (self, AUT_SCRIPT_SYNOPSIS, without_first (part, 1));
    else if (is_centred (part))
        put_line (self, AUT_SCRIPT_CENTRED, (part_t){part.text + 1, part.size - 2});
    else if (begins (part, ">") && part.size <= AUT_SCRIPT_MAX_CUE)
        put_line (self, AUT_SCRIPT_TRANSITION, without_first (part, 1))->forced = true;
    else if (begins (part, "~"))
        put_line (self, AUT_SCRIPT_LYRICS, without_first (part, 1));
    else if (after_gap && !begins (part, "!") && is_transition (self, part))
        put_line (self, AUT_SCRIPT_TRANSITION, part);
    else if (after_gap && !begins (part, "!") && is_cue (self, part))
        put_cue (self, part);
    else
        put_action (self);
    /* after what is no text an empty line is not asked for */
    aut_script_kind_t kind = self->script->elements[self->script->count - 1].kind;
    self->after_gap = kind == AUT_SCRIPT_HEADING || kind == AUT_SCRIPT_SECTION ||
                      kind == AUT_SCRIPT_SYNOPSIS || kind == AUT_SCRIPT_PAGE_BREAK;
    return 0;
}

/* ---- the title page ---------------------------------------------------------------------------
 */

static bool is_indented (const aut_line_t *line)
{
    return line->size && (line->text[0] == '\t' ||
                          (line->size >= 2 && line->text[0] == ' ' && line->text[1] == ' '));
}

/*  The bytes of the key before a colon, or 0. */
static size_t key_size (const aut_line_t *line)
{
    const char *colon = memchr (line->text, ':', line->size < 40 ? line->size : 40);
    if (!colon || is_indented (line) || aut_is_slugline (line->text, line->size))
        return 0;
    size_t size = (size_t)(colon - line->text);
    for (size_t i = 0; i < size; i++)
        if (line->text[i] != ' ' && !aut_letter_is_word ((unsigned char)line->text[i]))
            return 0;
    return size;
}

static bool is_known_key (const char *text, size_t size)
{
    static const char *const keys[] = {
        "Title",   "Credit",    "Author",   "Authors", "Source",  "Notes",  "Draft date", "Date",
        "Contact", "Copyright", "Revision", "Format",  "Episode", "Series", "Written by"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (strlen (keys[i]) == size && strncasecmp (keys[i], text, size) == 0)
            return true;
    return false;
}

static bool has_title_page (const parser_t *self)
{
    bool known = false;
    if (self->at >= self->lines.count || key_size (&self->lines.items[self->at]) == 0)
        return false;
    for (size_t i = self->at; !is_gap (self, i) && !known; i++)
        known = is_known_key (self->lines.items[i].text, key_size (&self->lines.items[i]));
    return known;
}

static void put_title (parser_t *self, const aut_line_t *key, size_t size,
                       const aut_buffer_t *value)
{
    aut_script_t *script = self->script;
    script->titles = aut_grow (script->titles, &script->title_cap, script->title_count + 1,
                               sizeof *script->titles);
    script->titles[script->title_count++] = (aut_script_title_t){
        aut_script_plain (script->arena, key->text, size),
        aut_script_plain (script->arena, value->data ? value->data : "", value->size), key->number};
}

static int read_titles (parser_t *self)
{
    aut_buffer_t value = {0};
    int rc = 0;
    while (rc == 0 && !is_gap (self, self->at)) {
        const aut_line_t *key = &self->lines.items[self->at];
        size_t size = key_size (key);
        aut_buffer_append (&value, key->text + size + 1, key->size - size - 1);
        for (self->at++; !is_gap (self, self->at); self->at++) {
            part_t part = part_at (self, self->at);
            if (key_size (&self->lines.items[self->at]))
                break;
            aut_buffer_text (&value, value.size ? "\n" : "");
            aut_buffer_append (&value, part.text, part.size);
        }
        if (value.size > AUT_SCRIPT_MAX_NOTE || self->script->title_count == MAX_TITLES)
            rc = aut_fail (AUT_ERR_INVALID,
                           "line %u: the title page has more than %d entries, or one of more than "
                           "%d bytes",
                           key->number, MAX_TITLES, AUT_SCRIPT_MAX_NOTE);
        else
            put_title (self, key, size, &value);
        aut_buffer_clear (&value);
    }
    return rc;
}

/* ---- entry ------------------------------------------------------------------------------------
 */

int aut_fountain_read (aut_script_t **out, const char *data, size_t size)
{
    parser_t parser = {.script = aut_script_new (), .after_gap = true};
    int rc = aut_lines_read (&parser.lines, parser.script->arena, data, size, true);
    *out = NULL;
    while (parser.at < parser.lines.count && is_gap (&parser, parser.at))
        parser.at++;
    if (rc == 0 && has_title_page (&parser))
        rc = read_titles (&parser);
    while (rc == 0 && parser.at < parser.lines.count)
        rc = read_line (&parser);
    if (rc == 0)
        put_notes (&parser, UINT32_MAX);
    aut_lines_clear (&parser.lines);
    if (rc)
        aut_script_destroy (&parser.script);
    *out = parser.script;
    return rc;
}

bool aut_fountain_looks_like (const char *data, size_t size)
{
    aut_script_t *script;
    if (aut_fountain_read (&script, data, size))
        return false;
    bool heading = false, cue = false;
    for (size_t i = 0; i < script->count; i++) {
        const aut_script_element_t *element = &script->elements[i];
        heading = heading || (element->kind == AUT_SCRIPT_HEADING && !element->forced);
        cue = cue || element->kind == AUT_SCRIPT_CUE;
    }
    bool found = script->title_count > 0 || (heading && cue);
    aut_script_destroy (&script);
    return found;
}
