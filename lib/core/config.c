/*  See config.h. Everything is copied, so that the text may go. */
#include "lib/core/config.h"

#include "lib/core/error.h"
#include "lib/core/file.h"
#include "lib/core/json.h"
#include "lib/core/mem.h"

#include <stdlib.h>
#include <string.h>

#define FILE_MAX (64 << 10)
#define ENTRIES_MAX 256
#define BLANKS " \t\r"

const char *aut_config_keep (aut_config_t *self, const char *name, const char *value, size_t size,
                             int line)
{
    self->entries = aut_grow (self->entries, &self->cap, self->count + 1, sizeof *self->entries);
    aut_config_entry_t *entry = &self->entries[self->count++];
    *entry = (aut_config_entry_t){aut_strdup (name), aut_strndup (value, size), line};
    return entry->value;
}

void aut_config_clear (aut_config_t *self)
{
    for (size_t i = 0; i < self->count; i++) {
        free (self->entries[i].name);
        free (self->entries[i].value);
    }
    free (self->entries);
    free (self->path);
    *self = (aut_config_t){0};
}

static int wrong (const aut_config_t *self, int line, const char *what)
{
    return aut_fail (AUT_ERR_INVALID, "%s:%d: %s", self->path, line, what);
}

/* ---- name = value ---------------------------------------------------------------------------- */

/*  "…" at `text`, with \" and \\ in it; what comes after it may be a comment alone. NULL if it is
 *  not so; the caller frees. */
static char *quoted (const char *text)
{
    char *out = aut_calloc (strlen (text) + 1, 1), *end = out;
    const char *p = text + 1;
    for (; *p && *p != '"'; p++) {
        if (*p == '\\' && (p[1] == '"' || p[1] == '\\'))
            p++;
        *end++ = *p;
    }
    if (*p == '"') {
        p++;
        p += strspn (p, BLANKS);
        if (!*p || *p == '#')
            return out;
    }
    free (out);
    return NULL;
}

/*  The value without blanks around it and without a comment, which begins at a # after a blank. */
static char *plain (const char *text)
{
    size_t size = 0;
    while (text[size] && !(text[size] == '#' && (size == 0 || strchr (BLANKS, text[size - 1]))))
        size++;
    while (size && strchr (BLANKS, text[size - 1]))
        size--;
    return aut_strndup (text, size);
}

static int parse_line (aut_config_t *self, char *line, int number)
{
    char *name = line + strspn (line, BLANKS);
    if (!*name || *name == '#')
        return 0;
    char *equals = strchr (name, '=');
    size_t size = strcspn (name, BLANKS "=");
    if (!equals || size == 0 || name + size + strspn (name + size, BLANKS) != equals)
        return wrong (self, number, "a setting is written NAME = VALUE");
    const char *rest = equals + 1 + strspn (equals + 1, BLANKS);
    char *value = *rest == '"' ? quoted (rest) : plain (rest);
    if (!value)
        return wrong (self, number, "the value has no closing \", or something after it");
    name[size] = 0;
    bool full = self->count == ENTRIES_MAX;
    if (!full)
        aut_config_keep (self, name, value, strlen (value), number);
    free (value);
    return full ? wrong (self, number, "there are too many settings") : 0;
}

static int parse_lines (aut_config_t *self, const char *text)
{
    int rc = 0, number = 1;
    for (; !rc && *text; number++) {
        size_t size = strcspn (text, "\n");
        char *line = aut_strndup (text, size);
        rc = parse_line (self, line, number);
        free (line);
        text += size + (text[size] == '\n');
    }
    return rc;
}

/* ---- JSON ------------------------------------------------------------------------------------ */

/*  The text after the string that begins at `p`; the whole is known to be good JSON. */
static const char *after_string (const char *p)
{
    for (p++; *p && *p != '"'; p++)
        if (*p == '\\' && p[1])
            p++;
    return *p ? p + 1 : p;
}

/*  The line of the outermost object's key; that of the object for a name written with escapes. */
static int line_of (const char *text, const char *name)
{
    size_t size = strlen (name);
    int line = 1, depth = 0;
    for (const char *p = text; *p;) {
        if (*p == '"') {
            const char *end = after_string (p);
            const char *next = end + strspn (end, BLANKS "\n");
            if (depth == 1 && *next == ':' && (size_t)(end - p) == size + 2 &&
                memcmp (p + 1, name, size) == 0)
                return line;
            p = end; /* a string of JSON has no line breaks */
            continue;
        }
        line += *p == '\n';
        depth += (*p == '{' || *p == '[') - (*p == '}' || *p == ']');
        p++;
    }
    return 1;
}

static int keep_json (aut_config_t *self, const char *name, const json_t *value, int line)
{
    if (json_is_string (value)) {
        aut_config_keep (self, name, json_string_value (value), json_string_length (value), line);
        return 0;
    }
    if (!json_is_number (value) && !json_is_boolean (value))
        return aut_fail (AUT_ERR_INVALID, "%s:%d: \"%s\" has a value of the wrong kind", self->path,
                         line, name);
    char *text = json_dumps (value, JSON_ENCODE_ANY);
    if (!text)
        return aut_fail (AUT_ERR_NOMEM, "%s: out of memory", self->path);
    aut_config_keep (self, name, text, strlen (text), line);
    free (text);
    return 0;
}

static int parse_json (aut_config_t *self, const char *text, size_t size)
{
    json_t *object = NULL;
    const char *name;
    json_t *value;
    int rc = aut_json_parse (&object, text, size, self->path);
    if (!rc && json_object_size (object) > ENTRIES_MAX)
        rc = wrong (self, 1, "there are too many settings");
    if (!rc)
        json_object_foreach (object, name, value)
        {
            int line = line_of (text, name);
            size_t items = json_array_size (value); /* 0 for what is no array */
            if (!json_is_array (value))
                rc = keep_json (self, name, value, line);
            for (size_t i = 0; !rc && i < items && i < ENTRIES_MAX; i++)
                rc = keep_json (self, name, json_array_get (value, i), line);
            if (rc)
                break;
        }
    json_decref (object);
    return rc;
}

/* ---- both ------------------------------------------------------------------------------------ */

int aut_config_parse (aut_config_t *out, const char *path, const char *text, size_t size)
{
    *out = (aut_config_t){.path = aut_strdup (path)};
    if (strnlen (text, size) != size)
        return aut_fail (AUT_ERR_INVALID, "%s: it has a zero byte: is it text?", path);
    char *copy = aut_strndup (text, size);
    int rc = copy[strspn (copy, BLANKS "\n")] == '{' ? parse_json (out, copy, size)
                                                     : parse_lines (out, copy);
    free (copy);
    return rc;
}

int aut_config_load (aut_config_t *out, const char *path)
{
    char *text = NULL;
    size_t size = 0;
    *out = (aut_config_t){0};
    int rc = aut_file_read (path, FILE_MAX, &text, &size);
    if (!rc)
        rc = aut_config_parse (out, path, text, size);
    free (text);
    return rc;
}
