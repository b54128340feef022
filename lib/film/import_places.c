/*  Scene headings, and the first walk: who speaks, who is introduced, where it plays. */
#include "lib/film/import_internal.h"
#include "lib/film/letters.h"
#include "lib/film/script_internal.h"

#include "lib/core/error.h"
#include "lib/core/mem.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

typedef struct {
    const char *text;
    size_t size;
} part_t;

/* ---- headings ---------------------------------------------------------------------------------
 */

/*  Takes INT., EXT. and the like off a heading. */
static part_t take_prefix (part_t part, bool *inside, bool *outside)
{
    *inside = *outside = false;
    if (!aut_is_slugline (part.text, part.size))
        return part;
    size_t at = 0;
    while (at < part.size && part.text[at] != ' ' &&
           !(part.text[at] == '.' && (at + 1 == part.size || part.text[at + 1] != '/'))) {
        const char *word = part.text + at;
        size_t left = part.size - at;
        *inside = *inside || (left >= 3 && strncasecmp (word, "INT", 3) == 0) ||
                  (left >= 3 && at == 0 && strncasecmp (word, "I/E", 3) == 0);
        *outside = *outside ||
                   (left >= 3 &&
                    (strncasecmp (word, "EXT", 3) == 0 || strncasecmp (word, "EST", 3) == 0)) ||
                   (left >= 3 && at == 0 && strncasecmp (word, "I/E", 3) == 0);
        at++;
    }
    while (at < part.size && (part.text[at] == '.' || part.text[at] == ' '))
        at++;
    return (part_t){part.text + at, part.size - at};
}

/*  The dash with spaces around it that begins the last part: where it is, or the size. */
static size_t last_dash (part_t part, size_t *dash)
{
    static const char *const dashes[] = {" - ", " \xE2\x80\x93 ", " \xE2\x80\x94 ", " -- "};
    for (size_t at = part.size; at-- > 0;)
        for (size_t i = 0; i < sizeof dashes / sizeof *dashes; i++) {
            *dash = strlen (dashes[i]);
            if (part.size - at >= *dash && memcmp (part.text + at, dashes[i], *dash) == 0)
                return at;
        }
    *dash = 0;
    return part.size;
}

/*  1 for a time of day, -1 for one that goes on (CONTINUOUS), 0 for none. */
static int time_kind (aut_arena_t *arena, part_t part)
{
    static const char *const times[] = {
        "day",    "night",    "dawn",   "dusk",    "morning",  "evening", "afternoon", "noon",
        "midday", "midnight", "sunset", "sunrise", "twilight", "hour",    "nacht",     "tag",
        "abend",  "morgen",   "mittag", "nuit",    "jour",     "soir",    "matin",     "aube",
        "noche",  "tarde",    "notte",  "giorno",  "sera"};
    static const char *const on[] = {"continuous", "continued", "later", "same", "moments", "soon"};
    if (part.size > AUT_SCRIPT_MAX_CUE)
        return 0;
    int kind = 0;
    char *key = aut_name_key (arena, part.text, part.size), *left = NULL;
    for (char *word = strtok_r (key, " ", &left); word; word = strtok_r (NULL, " ", &left)) {
        for (size_t i = 0; i < sizeof times / sizeof *times; i++)
            if (strcmp (word, times[i]) == 0)
                return 1;
        for (size_t i = 0; i < sizeof on / sizeof *on; i++)
            kind = strcmp (word, on[i]) == 0 ? -1 : kind;
    }
    return kind;
}

/*  "LATE AFTERNOON" → "Late afternoon". */
static const char *sentence_case (aut_arena_t *arena, part_t part)
{
    aut_buffer_t out = {0};
    size_t step = 0;
    if (aut_text_is_capitals (part.text, part.size)) {
        aut_letter_at (part.text, part.size, &step);
        aut_buffer_append (&out, part.text, step);
        aut_text_lower (&out, part.text + step, part.size - step);
    } else {
        aut_buffer_append (&out, part.text, part.size);
    }
    const char *text = aut_arena_text (arena, out.data ? out.data : "", out.size);
    aut_buffer_clear (&out);
    return text;
}

/*  A place's name: its parts joined by commas. */
static void put_name (aut_buffer_t *out, part_t part)
{
    size_t dash, at = last_dash (part, &dash);
    if (dash) {
        aut_text_name (out, part.text, at);
        aut_buffer_text (out, ", ");
        part = (part_t){part.text + at + dash, part.size - at - dash};
    }
    aut_text_name (out, part.text, part.size);
}

void aut_heading_read (aut_heading_t *out, aut_arena_t *arena, const char *text)
{
    bool inside;
    size_t dash;
    part_t part = {text, strlen (text)};
    *out = (aut_heading_t){.slug = aut_is_slugline (text, part.size)};
    part = take_prefix (part, &inside, &out->outside);
    size_t at = last_dash (part, &dash);
    part_t last = dash ? (part_t){part.text + at + dash, part.size - at - dash} : part;
    int kind = dash || out->slug ? time_kind (arena, last) : 0;
    if (kind) {
        out->time = kind > 0 ? sentence_case (arena, last) : "";
        part.size = dash ? at : 0;
    }
    aut_trim (&part.text, &part.size);
    aut_buffer_t name = {0};
    put_name (&name, part);
    aut_buffer_text (&name, "");
    out->name = aut_arena_text (arena, name.data, name.size);
    const char *where = inside && out->outside ? ", interior and exterior"
                        : inside               ? ", interior"
                        : out->outside         ? ", exterior"
                                               : "";
    name.size = 0;
    aut_buffer_format (&name, "%s%s", out->name, where);
    out->description = aut_arena_text (arena, name.data, name.size);
    name.size = 0;
    aut_buffer_format (&name, "%d%d ", inside, out->outside);
    aut_text_lower (&name, out->name, strlen (out->name));
    out->key = aut_arena_text (arena, name.data, name.size);
    aut_buffer_clear (&name);
}

/* ---- the first walk ---------------------------------------------------------------------------
 */

static int full (const aut_script_element_t *element)
{
    return aut_fail (AUT_ERR_INVALID,
                     "line %u: there are more than %d names before it: import the text in parts",
                     element->line, AUT_IMPORT_MAX_NAMES);
}

/*  Names are counted with their repetitions, so the bound is applied to those that differ. */
static int bound (aut_book_t *book, const aut_script_element_t *element)
{
    if (book->count < 16 * AUT_IMPORT_MAX_NAMES)
        return 0;
    aut_book_close (book);
    return book->count > AUT_IMPORT_MAX_NAMES ? full (element) : 0;
}

static int read_names (aut_new_film_t *film, const aut_script_element_t *element)
{
    aut_heading_t heading;
    aut_buffer_t name = {0};
    size_t size = strlen (element->text);
    switch (element->kind) {
    case AUT_SCRIPT_CUE:
        aut_text_name (&name, element->text, size);
        const char *key = aut_name_key (film->arena, element->text, size);
        if (*key)
            aut_book_add (&film->people, key, name.data, "", AUT_INGREDIENT_CHARACTER);
        aut_buffer_clear (&name);
        return bound (&film->people, element);
    case AUT_SCRIPT_ACTION:
        aut_names_introduced (&film->people, element->text);
        return bound (&film->people, element);
    case AUT_SCRIPT_HEADING:
        aut_heading_read (&heading, film->arena, element->text);
        if (*heading.name && (heading.slug || film->options->slugs))
            aut_book_add (&film->places, heading.key, heading.name, heading.description,
                          AUT_INGREDIENT_LOCATION);
        return bound (&film->places, element);
    default:
        return 0;
    }
}

static void name_ids (aut_ids_t *ids, const aut_book_t *book, const char *otherwise)
{
    aut_thing_t **ordered = aut_book_ordered (book);
    for (size_t i = 0; i < book->count; i++) {
        char *slug = aut_import_slug (ordered[i]->name);
        char *longer = aut_import_slug (ordered[i]->description);
        bool taken = *longer && aut_ids_has (ids, slug); /* a house inside and outside */
        ordered[i]->id = aut_ids_new (ids, taken ? longer : *slug ? slug : otherwise);
        free (longer);
        free (slug);
    }
    free (ordered);
}

int aut_import_names (aut_new_film_t *film)
{
    const aut_script_t *script = film->script;
    int rc = 0;
    for (size_t i = 0; i < script->count && rc == 0; i++)
        rc = read_names (film, &script->elements[i]);
    aut_book_close (&film->people);
    aut_book_close (&film->places);
    if (rc == 0 &&
        (film->people.count > AUT_IMPORT_MAX_NAMES || film->places.count > AUT_IMPORT_MAX_NAMES))
        rc = full (&script->elements[script->count - 1]);
    if (rc)
        return rc;
    aut_ids_t ids = {.arena = film->arena};
    name_ids (&ids, &film->people, "character");
    name_ids (&ids, &film->places, "location");
    aut_ids_clear (&ids);
    return 0;
}
