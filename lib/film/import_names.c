/*  Who and what a script names. Names are found in action by their words, longest first, with a
 *  capital where they begin: MIRA and Mira are she, "a mira" is not.
 */
#include "lib/film/import_internal.h"
#include "lib/film/letters.h"

#include "lib/core/mem.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <uthash.h>

#define NAME_WORDS 5
#define NAME_BYTES 100
#define DESCRIPTION_BYTES 300

/* ---- words ------------------------------------------------------------------------------------
 */

/*  The bytes of the word at `at`, 0 if none begins there: letters and digits, with hyphens and
 *  apostrophes between them; not with a 's after it. */
static size_t word_at (const char *text, size_t size, size_t at)
{
    size_t end = at;
    for (size_t i = at, step; i < size; i += step) {
        unsigned code = aut_letter_at (text + i, size - i, &step);
        if (aut_letter_is_word (code))
            end = i + step;
        else if (i == at || end != i || !(code == '-' || code == '\'' || code == 0x2019))
            break;
    }
    size_t quote = end >= at + 3 && (text[end - 1] == 's' || text[end - 1] == 'S') ? end - 1 : 0;
    if (quote && text[quote - 1] == '\'')
        end = quote - 1;
    else if (quote >= at + 3 && memcmp (text + quote - 3, "\xE2\x80\x99", 3) == 0)
        end = quote - 3;
    return end - at;
}

/*  What may stand between two words of a name. */
static size_t gap_at (const char *text, size_t size, size_t at)
{
    size_t end = at;
    if (end < size && text[end] == '.')
        end++;
    if (end < size && (text[end] == ' ' || text[end] == '\n'))
        return end + 1 - at;
    return 0;
}

static bool is_article (const char *word, size_t size)
{
    return (size == 3 && memcmp (word, "the", 3) == 0) ||
           (size == 2 && memcmp (word, "an", 2) == 0) || (size == 1 && word[0] == 'a');
}

char *aut_name_key (aut_arena_t *arena, const char *name, size_t size)
{
    aut_buffer_t key = {0};
    for (size_t at = 0, step; at < size; at += step) {
        size_t word = word_at (name, size, at);
        if (word == 0) {
            aut_letter_at (name + at, size - at, &step);
            continue;
        }
        size_t before = key.size;
        aut_buffer_text (&key, key.size ? " " : "");
        aut_text_lower (&key, name + at, word);
        if (before == 0 && is_article (key.data, key.size) && at + word < size)
            key.size = 0;
        step = word;
    }
    char *text = aut_arena_text (arena, key.data ? key.data : "", key.size);
    aut_buffer_clear (&key);
    return text;
}

/* ---- the book ---------------------------------------------------------------------------------
 */

void aut_book_add (aut_book_t *self, const char *key, const char *name, const char *description,
                   int type)
{
    self->items = aut_grow (self->items, &self->cap, self->count + 1, sizeof *self->items);
    self->items[self->count++] = (aut_thing_t){
        .key = key,
        .name = aut_arena_text (self->arena, name, strlen (name)),
        .description = aut_arena_text (self->arena, description, strlen (description)),
        .type = type,
        .order = self->next_order++};
}

static int compare_things (const void *left, const void *right)
{
    const aut_thing_t *a = left, *b = right;
    int order = strcmp (a->key, b->key);
    return order ? order : (a->order > b->order) - (a->order < b->order);
}

void aut_book_close (aut_book_t *self)
{
    size_t kept = 0;
    if (self->count)
        qsort (self->items, self->count, sizeof *self->items, compare_things);
    for (size_t i = 0; i < self->count; i++) {
        aut_thing_t *last = kept ? &self->items[kept - 1] : NULL, *item = &self->items[i];
        if (!last || strcmp (last->key, item->key) != 0) {
            self->items[kept++] = *item;
            continue;
        }
        if (!*last->description)
            last->description = item->description;
    }
    self->count = kept;
}

static int compare_key (const void *key, const void *item)
{
    return strcmp (key, ((const aut_thing_t *)item)->key);
}

const aut_thing_t *aut_book_find (const aut_book_t *self, const char *key)
{
    return self->count ? bsearch (key, self->items, self->count, sizeof *self->items, compare_key)
                       : NULL;
}

static int compare_order (const void *left, const void *right)
{
    const aut_thing_t *a = *(aut_thing_t *const *)left, *b = *(aut_thing_t *const *)right;
    return (a->order > b->order) - (a->order < b->order);
}

aut_thing_t **aut_book_ordered (const aut_book_t *self)
{
    aut_thing_t **list = aut_calloc (self->count + 1, sizeof *list);
    for (size_t i = 0; i < self->count; i++)
        list[i] = &self->items[i];
    if (self->count)
        qsort (list, self->count, sizeof *list, compare_order);
    return list;
}

/* ---- introductions ----------------------------------------------------------------------------
 */

/*  The description in parentheses at `at`, after at most a space: its inside, and where it ends. */
static size_t description_at (const char *text, size_t size, size_t at, const char **inside,
                              size_t *length)
{
    size_t open = at + (at < size && text[at] == ' ');
    if (open >= size || text[open] != '(')
        return 0;
    size_t most = size - open < DESCRIPTION_BYTES ? size - open : DESCRIPTION_BYTES;
    const char *close = memchr (text + open, ')', most);
    if (!close || close == text + open + 1)
        return 0;
    *inside = text + open + 1;
    *length = (size_t)(close - *inside);
    return memchr (*inside, '(', *length) ? 0 : (size_t)(close - text) + 1;
}

/*  V.O., O.S. and the like are no descriptions. */
static bool describes (const char *inside, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (inside[i] >= 'a' && inside[i] <= 'z')
            return true;
    return length > 0 && inside[0] >= '0' && inside[0] <= '9';
}

static void introduce (aut_book_t *book, const char *text, size_t from, size_t to,
                       const char *inside, size_t length)
{
    const char *key = aut_name_key (book->arena, text + from, to - from);
    aut_buffer_t name = {0}, description = {0};
    size_t skip = 0; /* an article before the name is no part of it */
    size_t first = word_at (text, to, from);
    aut_text_lower (&name, text + from, first);
    if (is_article (name.data, name.size) && from + first < to)
        skip = first + gap_at (text, to, from + first);
    name.size = 0;
    aut_text_name (&name, text + from + skip, to - from - skip);
    aut_names_scan (NULL, inside, length, &description, NULL);
    if (*key && describes (inside, length))
        aut_book_add (book, key, name.data ? name.data : "", description.data,
                      AUT_INGREDIENT_CHARACTER);
    aut_buffer_clear (&name);
    aut_buffer_clear (&description);
}

void aut_names_introduced (aut_book_t *book, const char *text)
{
    size_t size = strlen (text), from = 0, end = 0, words = 0, step;
    for (size_t at = 0; at < size; at += step) {
        size_t word = word_at (text, size, at), length = 0, after;
        const char *inside = NULL;
        aut_letter_at (text + at, size - at, &step);
        if (word == 0)
            continue;
        step = word;
        bool capitals = word <= NAME_BYTES && aut_text_is_capitals (text + at, word);
        if (!capitals || words == NAME_WORDS || end + gap_at (text, size, end) != at)
            words = 0;
        if (!capitals)
            continue;
        from = words == 0 ? at : from;
        words++;
        end = at + word;
        after = end - from > 1 ? description_at (text, size, end, &inside, &length) : 0;
        if (after == 0)
            continue;
        introduce (book, text, from, end, inside, length);
        step = after - at;
        words = 0;
    }
}

/* ---- names in action --------------------------------------------------------------------------
 */

/*  The thing whose name stands at `at`, the longest of several; `end` is where the name ends. */
static const aut_thing_t *find_at (const aut_book_t *book, const char *text, size_t size, size_t at,
                                   size_t *end)
{
    const aut_thing_t *found = NULL;
    aut_buffer_t key = {0};
    size_t step;
    if (!book || book->count == 0 ||
        aut_letter_is_lower (aut_letter_at (text + at, size - at, &step)))
        return NULL;
    for (size_t words = 0; words < NAME_WORDS; words++) {
        size_t word = word_at (text, size, at);
        if (word == 0 || word > NAME_BYTES)
            break;
        aut_buffer_text (&key, words ? " " : "");
        aut_text_lower (&key, text + at, word);
        const aut_thing_t *thing = key.size > 1 ? aut_book_find (book, key.data) : NULL;
        if (thing) {
            found = thing;
            *end = at + word;
        }
        size_t gap = gap_at (text, size, at + word);
        if (gap == 0)
            break;
        at += word + gap;
    }
    aut_buffer_clear (&key);
    return found;
}

void aut_mention (aut_mentions_t *self, const aut_thing_t *thing)
{
    for (size_t i = 0; i < self->count; i++)
        if (self->things[i] == thing)
            return;
    if (self->count < AUT_IMPORT_SHOT_THINGS)
        self->things[self->count++] = thing;
}

static bool is_pronoun (const char *word, size_t size)
{
    static const char *const words[] = {"he",  "she",  "him",     "her",
                                        "his", "hers", "himself", "herself"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strlen (words[i]) == size && strncasecmp (words[i], word, size) == 0)
            return true;
    return false;
}

typedef struct {
    const aut_book_t *book;
    const char *text;
    size_t size;
    aut_buffer_t *out;
    aut_mentions_t *mentions;
    bool space; /* one is to be written before what comes */
} scan_t;

static void emit (scan_t *self, const char *text, size_t size)
{
    if (!self->out || size == 0)
        return;
    if (self->space && self->out->size)
        aut_buffer_text (self->out, " ");
    self->space = false;
    aut_buffer_append (self->out, text, size);
}

/*  Whether what comes begins a sentence. */
static bool at_start (const scan_t *self)
{
    return !self->out || self->out->size == 0 ||
           strchr (".!?:", self->out->data[self->out->size - 1]);
}

/*  Past the description of a thing that begins at `at`, if it is the one in the book. */
static size_t skip_description (const scan_t *self, const aut_thing_t *thing, size_t at)
{
    const char *inside;
    size_t length, after = description_at (self->text, self->size, at, &inside, &length);
    aut_buffer_t same = {0};
    if (after == 0)
        return at;
    aut_names_scan (NULL, inside, length, &same, NULL);
    if (!same.data || strcmp (same.data, thing->description) != 0)
        after = at;
    aut_buffer_clear (&same);
    return after;
}

/*  Writes the word or the name at `at`; returns where it ends. */
static size_t scan_word (scan_t *self, size_t at, size_t word)
{
    size_t end = at, next = at + word + gap_at (self->text, self->size, at + word);
    const aut_thing_t *thing = find_at (self->book, self->text, self->size, at, &end);
    if (thing) {
        bool capitals = end - at > 1 && aut_text_is_capitals (self->text + at, end - at);
        if (self->mentions)
            aut_mention (self->mentions, thing);
        if (!capitals) {
            emit (self, self->text + at, end - at);
            return end;
        }
        emit (self, thing->name, strlen (thing->name));
        return skip_description (self, thing, end);
    }
    char small[4] = {0};
    for (size_t i = 0; i < word && word < sizeof small; i++)
        small[i] = (char)aut_letter_lower ((unsigned char)self->text[at + i]);
    bool article = word < sizeof small && next > at + word && is_article (small, word) &&
                   aut_text_is_capitals (self->text + at, word);
    thing = article ? find_at (self->book, self->text, self->size, next, &end) : NULL;
    if (thing && aut_text_is_capitals (self->text + next, end - next)) {
        if (at_start (self))
            small[0] = (char)(small[0] - 32);
        emit (self, small, word);
    } else {
        emit (self, self->text + at, word);
    }
    if (self->mentions && is_pronoun (self->text + at, word))
        self->mentions->pronoun = true;
    return at + word;
}

void aut_names_scan (const aut_book_t *book, const char *text, size_t size, aut_buffer_t *out,
                     aut_mentions_t *mentions)
{
    scan_t scan = {book, text, size, out, mentions, false};
    if (out)
        aut_buffer_text (out, "");
    for (size_t at = 0; at < size;) {
        size_t word = word_at (text, size, at), step;
        unsigned code = aut_letter_at (text + at, size - at, &step);
        if (word) {
            at = scan_word (&scan, at, word);
            continue;
        }
        if (code <= 0x20 || code == 0x7F || code == 0xA0)
            scan.space = true;
        else
            emit (&scan, text + at, step);
        at += step;
    }
}

/* ---- ids --------------------------------------------------------------------------------------
 */

struct aut_id {
    const char *id;
    unsigned next; /* number to try for another one */
    UT_hash_handle hh;
};

static aut_id_t *find_id (const aut_ids_t *self, const char *id)
{
    aut_id_t *found;
    HASH_FIND_STR (self->ids, id, found);
    return found;
}

static const char *add_id (aut_ids_t *self, const char *id)
{
    aut_id_t *item = aut_calloc (1, sizeof *item);
    item->id = aut_arena_text (self->arena, id, strlen (id));
    item->next = 2;
    HASH_ADD_KEYPTR (hh, self->ids, item->id, strlen (item->id), item);
    return item->id;
}

const char *aut_ids_new (aut_ids_t *self, const char *base)
{
    aut_id_t *taken = find_id (self, base);
    if (!taken)
        return add_id (self, base);
    for (;;) {
        char *id = aut_sprintf ("%s-%u", base, taken->next++);
        const char *added = find_id (self, id) ? NULL : add_id (self, id);
        free (id);
        if (added)
            return added;
    }
}

bool aut_ids_has (const aut_ids_t *self, const char *id)
{
    return find_id (self, id);
}

void aut_ids_clear (aut_ids_t *self)
{
    aut_id_t *item, *next;
    HASH_ITER (hh, self->ids, item, next)
    {
        HASH_DEL (self->ids, item);
        free (item);
    }
}

char *aut_import_slug (const char *text)
{
    static const char plain[] = "aaaaaaaceeeeiiiidnooooo-ouuuuypsaaaaaaaceeeeiiiidnooooo-ouuuuypy";
    char out[49];
    size_t size = 0, all = strlen (text);
    for (size_t at = 0, step; at < all && size + 1 < sizeof out; at += step) {
        unsigned code = aut_letter_at (text + at, all - at, &step);
        char letter = code >= 0xC0 && code <= 0xFF ? plain[code - 0xC0] : '-';
        if (code < 0x80 && aut_letter_is_word (code))
            letter = (char)aut_letter_lower (code);
        else if (code == '\'' || code == 0x2019)
            continue;
        if (letter != '-' || (size && out[size - 1] != '-'))
            out[size++] = letter;
    }
    while (size && out[size - 1] == '-')
        size--;
    return aut_strndup (out, size);
}
