/*  The lists of who is allowed: text to entries and back. */
#include "proto/keys.h"

#include "lib/core/buffer.h"
#include "lib/core/error.h"
#include "lib/core/file.h"
#include "lib/core/mem.h"
#include "proto/keys_internal.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#define LINE_BYTES 512
#define BLANKS " \t\r"

static const struct {
    const char *file, *word, *about;
} kinds[AUT_ALLOW_KINDS] = {
    [AUT_ALLOW_NODES] = {"nodes.allow", "node", "nodes that may work for the broker here"},
    [AUT_ALLOW_CLIENTS] = {"clients.allow", "client", "clients that may submit to the broker here"},
    [AUT_ALLOW_VIEWERS] = {"viewers.allow", "viewer", "who may read status and events here"},
    [AUT_ALLOW_BROKERS] = {"brokers.allow", "broker", "the broker that this machine connects to"},
};

const char *aut_allow_file (aut_allow_kind_t kind)
{
    return kinds[kind].file;
}

const char *aut_allow_word (aut_allow_kind_t kind)
{
    return kinds[kind].word;
}

void aut_allow_list_clear (aut_allow_list_t *self)
{
    free (self->items);
    *self = (aut_allow_list_t){0};
}

aut_allowed_t *aut_allow_list_find (const aut_allow_list_t *self, const char *name_or_key)
{
    for (size_t i = 0; i < self->count; i++)
        if (strcmp (self->items[i].name, name_or_key) == 0 ||
            strcmp (self->items[i].key, name_or_key) == 0)
            return &self->items[i];
    return NULL;
}

void aut_allow_list_remove (aut_allow_list_t *self, aut_allowed_t *entry)
{
    size_t at = (size_t)(entry - self->items);
    self->count--;
    memmove (entry, entry + 1, (self->count - at) * sizeof *entry);
}

static int check_name (const char *name)
{
    size_t size = strlen (name);
    bool good = size > 0 && size < AUT_KEY_NAME && isalnum ((unsigned char)name[0]);
    for (size_t i = 0; good && i < size; i++)
        good = isalnum ((unsigned char)name[i]) || strchr ("._-", name[i]);
    if (good)
        return 0;
    return aut_fail (AUT_ERR_INVALID,
                     "\"%.80s\" is no name for a key: a letter or digit, then letters, digits, "
                     "'.', '_' or '-', %d at most",
                     name, AUT_KEY_NAME - 1);
}

int aut_allow_list_put (aut_allow_list_t *self, const aut_allowed_t *entry, bool *changed)
{
    aut_allowed_t clean = {.is_operator = entry->is_operator,
                           .max_jobs = entry->max_jobs,
                           .max_bytes = entry->max_bytes};
    int rc = check_name (entry->name);
    if (!rc)
        rc = aut_key_check (entry->key);
    if (rc)
        return rc;
    memcpy (clean.name, entry->name, strlen (entry->name) + 1);
    memcpy (clean.key, entry->key, strlen (entry->key) + 1);
    aut_allowed_t *named = aut_allow_list_find (self, clean.name);
    aut_allowed_t *same = aut_allow_list_find (self, clean.key);
    if (named && named != same)
        return aut_fail (AUT_ERR_EXISTS,
                         "the name %s is that of another key: revoke it first, or take another "
                         "name",
                         clean.name);
    *changed = !same || strcmp (same->name, clean.name) != 0 ||
               same->is_operator != clean.is_operator || same->max_jobs != clean.max_jobs ||
               same->max_bytes != clean.max_bytes;
    if (same) {
        *same = clean;
        return 0;
    }
    if (self->count >= AUT_ALLOW_MAX)
        return aut_fail (AUT_ERR_AGAIN, "the list is full: it has %d entries", AUT_ALLOW_MAX);
    self->items = aut_grow (self->items, &self->cap, self->count + 1, sizeof *self->items);
    self->items[self->count++] = clean;
    return 0;
}

/* ---- reading -------------------------------------------------------------------------------- */

static int parse_bound (uint64_t *out, const char *text, const char *option)
{
    char *end;
    if (!isdigit ((unsigned char)text[0]) || strlen (text) > 19)
        return aut_fail (AUT_ERR_INVALID, "%s takes a whole number", option);
    *out = strtoull (text, &end, 10);
    return *end ? aut_fail (AUT_ERR_INVALID, "%s takes a whole number", option) : 0;
}

static int parse_word (aut_allowed_t *entry, aut_allow_kind_t kind, const char *word)
{
    if (kind != AUT_ALLOW_CLIENTS)
        return aut_fail (AUT_ERR_INVALID, "\"%.40s\" after the key: only clients have more", word);
    if (strcmp (word, "operator") == 0)
        entry->is_operator = true;
    else if (strncmp (word, "max-jobs=", 9) == 0)
        return parse_bound (&entry->max_jobs, word + 9, "max-jobs");
    else if (strncmp (word, "max-bytes=", 10) == 0)
        return parse_bound (&entry->max_bytes, word + 10, "max-bytes");
    else
        return aut_fail (AUT_ERR_INVALID,
                         "\"%.40s\" is not known: operator, max-jobs=N or max-bytes=N", word);
    return 0;
}

/*  The next word of `*line`, cut out in place; NULL at the end. */
static char *next_word (char **line)
{
    char *word = *line + strspn (*line, BLANKS);
    if (!*word)
        return NULL;
    *line = word + strcspn (word, BLANKS);
    if (**line)
        *(*line)++ = 0;
    return word;
}

/*  A line that is not blank. */
static int parse_line (aut_allowed_t *entry, aut_allow_kind_t kind, char *line)
{
    char *word = next_word (&line);
    memset (entry, 0, sizeof *entry);
    int rc = check_name (word);
    if (rc)
        return rc;
    memcpy (entry->name, word, strlen (word) + 1);
    word = next_word (&line);
    if (!word)
        return aut_fail (AUT_ERR_INVALID, "the key is missing: a line is NAME KEY");
    rc = aut_key_check (word);
    if (!rc)
        memcpy (entry->key, word, AUT_KEY_TEXT);
    while (!rc && (word = next_word (&line)))
        rc = parse_word (entry, kind, word);
    return rc;
}

/*  Names and keys that are there already: a list of thousands is not searched from the start for
 *  each line. */
typedef struct {
    char text[AUT_KEY_NAME];
    UT_hash_handle hh;
} seen_t;

static bool seen_before (seen_t **seen, const char *text)
{
    seen_t *known = NULL;
    HASH_FIND_STR (*seen, text, known);
    if (known)
        return true;
    known = aut_calloc (1, sizeof *known);
    memcpy (known->text, text, strlen (text) + 1);
    HASH_ADD_STR (*seen, text, known);
    return false;
}

static void free_seen (seen_t *seen)
{
    seen_t *one, *next;
    HASH_ITER (hh, seen, one, next)
    {
        HASH_DEL (seen, one);
        free (one);
    }
}

typedef struct {
    aut_allow_list_t *list;
    aut_allow_kind_t kind;
    seen_t *seen; /* names and keys: no text is both, a name has no 40 characters of Z85 by chance,
                     and if it has, refusing it is right */
} reader_t;

static int take_line (reader_t *reader, const char *text, size_t size)
{
    char line[LINE_BYTES];
    aut_allowed_t entry;
    if (size == 0 || text[0] == '#')
        return 0;
    if (size >= sizeof line)
        return aut_fail (AUT_ERR_INVALID, "the line is longer than %d bytes", LINE_BYTES - 1);
    if (memchr (text, 0, size))
        return aut_fail (AUT_ERR_INVALID, "the line has a NUL");
    memcpy (line, text, size);
    line[size] = 0;
    if (line[strspn (line, BLANKS)] == 0)
        return 0;
    int rc = parse_line (&entry, reader->kind, line);
    if (rc)
        return rc;
    if (seen_before (&reader->seen, entry.name) || seen_before (&reader->seen, entry.key))
        return aut_fail (AUT_ERR_INVALID, "the name %s or its key is in the list already",
                         entry.name);
    aut_allow_list_t *list = reader->list;
    if (list->count >= AUT_ALLOW_MAX)
        return aut_fail (AUT_ERR_INVALID, "more than %d entries", AUT_ALLOW_MAX);
    list->items = aut_grow (list->items, &list->cap, list->count + 1, sizeof *list->items);
    list->items[list->count++] = entry;
    return 0;
}

int aut_allow_list_parse (aut_allow_list_t *out, aut_allow_kind_t kind, const char *text,
                          size_t size, const char *what)
{
    reader_t reader = {.list = out, .kind = kind};
    int rc = 0;
    *out = (aut_allow_list_t){0};
    size_t number = 0;
    for (size_t at = 0, next; !rc && at < size; at = next) {
        const char *end = memchr (text + at, '\n', size - at);
        size_t len = end ? (size_t)(end - (text + at)) : size - at;
        next = at + len + 1;
        number++;
        rc = take_line (&reader, text + at, len);
    }
    if (!rc && kind == AUT_ALLOW_BROKERS && out->count > 1)
        rc = aut_fail (AUT_ERR_INVALID, "one broker at a time: leave one line");
    free_seen (reader.seen);
    if (rc) {
        aut_allow_list_clear (out);
        rc = aut_fail_in (rc, "%s:%zu", what, number);
    }
    return rc;
}

int aut_allow_list_load (aut_allow_list_t *out, const char *dir, aut_allow_kind_t kind)
{
    char *text = NULL;
    size_t size;
    *out = (aut_allow_list_t){0};
    int rc = aut_keys_check_dir (dir);
    if (!rc)
        rc = aut_keys_read (dir, kinds[kind].file, AUT_ALLOW_BYTES, &text, &size);
    else if (rc == AUT_ERR_NOT_FOUND)
        return rc;
    if (rc == AUT_ERR_NOT_FOUND)
        return 0;
    if (rc)
        return rc;
    char *path = aut_path_join (dir, kinds[kind].file, NULL);
    rc = aut_allow_list_parse (out, kind, text, size, path);
    free (path);
    free (text);
    return rc;
}

/* ---- writing -------------------------------------------------------------------------------- */

char *aut_allow_list_text (const aut_allow_list_t *self, aut_allow_kind_t kind)
{
    aut_buffer_t out = {0};
    aut_buffer_format (&out, "# %s, one a line: NAME KEY%s\n", kinds[kind].about,
                       kind == AUT_ALLOW_CLIENTS ? " [operator] [max-jobs=N] [max-bytes=N]" : "");
    for (size_t i = 0; i < self->count; i++) {
        const aut_allowed_t *entry = &self->items[i];
        aut_buffer_format (&out, "%s %s%s", entry->name, entry->key,
                           entry->is_operator ? " operator" : "");
        if (entry->max_jobs)
            aut_buffer_format (&out, " max-jobs=%" PRIu64, entry->max_jobs);
        if (entry->max_bytes)
            aut_buffer_format (&out, " max-bytes=%" PRIu64, entry->max_bytes);
        aut_buffer_text (&out, "\n");
    }
    return aut_buffer_take (&out, NULL);
}

int aut_allow_list_save (const aut_allow_list_t *self, const char *dir, aut_allow_kind_t kind)
{
    char *text = aut_allow_list_text (self, kind);
    int rc = aut_keys_write (dir, kinds[kind].file, text, true);
    free (text);
    return rc;
}
