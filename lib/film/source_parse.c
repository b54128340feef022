/*  The reader: recursive descent over bytes, at most AUT_SOURCE_MAX_DEPTH deep.
 *
 *  A fault of syntax sets `stopped` and every function returns; other faults are noted and reading
 *  goes on, so that a user sees them together with those of meaning.
 */
#include "lib/film/source_internal.h"

#include "lib/core/buffer.h"
#include "lib/core/error.h"
#include "lib/core/mem.h"

#include <stdlib.h>
#include <string.h>

#define MAX_VALUES 4000000u
#define DUPLICATE UINT32_MAX /* as a member's index */
#define FEW_KEYS 16          /* up to here duplicates are found by comparing every pair */

typedef struct {
    aut_source_t *source;
    aut_diags_t *diags;
    const char *text;
    uint32_t at, end;
    uint32_t depth;
    bool stopped;
    aut_buffer_t scratch; /* the string being unescaped */
    uint32_t values;
    size_t max_string;
} reader_t;

static void read_value (reader_t *self, aut_node_t *node);

static void fault (reader_t *self, uint32_t offset, const aut_node_t *node, const char *format, ...)
    __attribute__ ((format (printf, 4, 5)));

static void fault (reader_t *self, uint32_t offset, const aut_node_t *node, const char *format, ...)
{
    aut_note_t note = {.node = node, .offset = offset};
    va_list args;
    va_start (args, format);
    aut_source_note (self->source, self->diags, &note, format, args);
    va_end (args);
}

/*  Where a truncated text ends: on its last line, not on the empty one behind its last newline. */
static uint32_t end_offset (const reader_t *self)
{
    uint32_t end = self->end;
    if (end > self->source->start && self->text[end - 1] == '\n')
        end--;
    if (end > self->source->start && self->text[end - 1] == '\r')
        end--;
    return end;
}

static const char *describe (unsigned char byte)
{
    switch (byte) {
    case '\'':
        return "strings stand in double quotes, not single ones";
    case '/':
    case '#':
        return "JSON has no comments";
    case 0:
        return "a NUL byte";
    case 'N':
    case 'I':
    case '+':
        return "not a JSON value (NaN, Infinity and a leading + are none)";
    case ']':
    case '}':
        return "a value is missing here (a comma before a closing bracket?)";
    default:
        return byte >= 0x80 ? "a character outside a string that JSON does not know"
                            : "not a JSON value";
    }
}

static void stop (reader_t *self, const aut_node_t *node, const char *wanted)
{
    if (self->stopped)
        return;
    self->stopped = true;
    if (self->at >= self->end)
        fault (self, end_offset (self), node, "the file ends here, but %s", wanted);
    else if (self->text[self->at] == 0)
        fault (self, self->at, node, "a NUL byte: is this a text file?");
    else
        fault (self, self->at, node, "%s", wanted);
}

static void skip_space (reader_t *self)
{
    while (self->at < self->end) {
        char byte = self->text[self->at];
        if (byte != ' ' && byte != '\n' && byte != '\r' && byte != '\t')
            return;
        self->at++;
    }
}

static int hex_digits (const reader_t *self, uint32_t at)
{
    int value = 0;
    if (self->end - at < 4)
        return -1;
    for (uint32_t i = at; i < at + 4; i++) {
        char digit = self->text[i];
        int part = digit >= '0' && digit <= '9'   ? digit - '0'
                   : digit >= 'a' && digit <= 'f' ? digit - 'a' + 10
                   : digit >= 'A' && digit <= 'F' ? digit - 'A' + 10
                                                  : -1;
        if (part < 0)
            return -1;
        value = value << 4 | part;
    }
    return value;
}

static void add_point (aut_buffer_t *out, uint32_t point)
{
    unsigned char bytes[4];
    size_t size;
    if (point < 0x80) {
        bytes[0] = (unsigned char)point;
        size = 1;
    } else if (point < 0x800) {
        bytes[0] = (unsigned char)(0xc0 | point >> 6);
        bytes[1] = (unsigned char)(0x80 | (point & 0x3f));
        size = 2;
    } else if (point < 0x10000) {
        bytes[0] = (unsigned char)(0xe0 | point >> 12);
        bytes[1] = (unsigned char)(0x80 | (point >> 6 & 0x3f));
        bytes[2] = (unsigned char)(0x80 | (point & 0x3f));
        size = 3;
    } else {
        bytes[0] = (unsigned char)(0xf0 | point >> 18);
        bytes[1] = (unsigned char)(0x80 | (point >> 12 & 0x3f));
        bytes[2] = (unsigned char)(0x80 | (point >> 6 & 0x3f));
        bytes[3] = (unsigned char)(0x80 | (point & 0x3f));
        size = 4;
    }
    aut_buffer_append (out, bytes, size);
}

/*  \uXXXX with `at` on the X; a pair of surrogates is one character. */
static void read_unicode (reader_t *self, const aut_node_t *node)
{
    uint32_t start = self->at - 2;
    int point = hex_digits (self, self->at);
    if (point < 0) {
        fault (self, start, node, "\\u needs four hexadecimal digits");
        return;
    }
    self->at += 4;
    if (point >= 0xd800 && point < 0xdc00 && self->end - self->at >= 6 &&
        self->text[self->at] == '\\' && self->text[self->at + 1] == 'u') {
        int low = hex_digits (self, self->at + 2);
        if (low >= 0xdc00 && low < 0xe000) {
            self->at += 6;
            add_point (&self->scratch,
                       0x10000 + ((uint32_t)(point - 0xd800) << 10) + (uint32_t)(low - 0xdc00));
            return;
        }
    }
    if (point >= 0xd800 && point < 0xe000)
        fault (self, start, node, "a lone surrogate is no character");
    else if (point == 0)
        fault (self, start, node, "a NUL character is not allowed");
    else
        add_point (&self->scratch, (uint32_t)point);
}

static void read_escape (reader_t *self, const aut_node_t *node)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    self->at++;
    if (self->at >= self->end)
        return;
    char byte = self->text[self->at++];
    const char *found = byte ? strchr (from, byte) : NULL;
    if (byte == 'u')
        read_unicode (self, node);
    else if (found)
        aut_buffer_append (&self->scratch, &to[found - from], 1);
    else
        fault (self, self->at - 2, node, "JSON knows no such escape (a backslash is written \\\\)");
}

/*  Takes the plain bytes up to the next quote, backslash, control character or bad byte. */
static void read_plain (reader_t *self)
{
    uint32_t start = self->at;
    while (self->at < self->end) {
        unsigned char byte = (unsigned char)self->text[self->at];
        if (byte == '"' || byte == '\\' || byte < 0x20)
            break;
        size_t length =
            byte < 0x80 ? 1 : aut_utf8_next (self->text + self->at, self->end - self->at, NULL);
        if (length == 0)
            break;
        self->at += (uint32_t)length;
    }
    aut_buffer_append (&self->scratch, self->text + start, self->at - start);
}

/*  What stopped read_plain, other than a quote. False at the end of the string's line. */
static bool read_special (reader_t *self, const aut_node_t *node)
{
    unsigned char byte = (unsigned char)self->text[self->at];
    if (byte == '\\') {
        read_escape (self, node);
    } else if (byte == '\n' || byte == '\r') {
        return false;
    } else if (byte == 0) {
        fault (self, self->at++, node, "a NUL byte in a string");
    } else if (byte < 0x20) {
        fault (self, self->at++, node, "a control character in a string: write \\u%04x", byte);
    } else {
        fault (self, self->at, node, "not UTF-8: byte 0x%02x", byte);
        while (self->at < self->end && (unsigned char)self->text[self->at] >= 0x80 &&
               aut_utf8_next (self->text + self->at, self->end - self->at, NULL) == 0)
            self->at++;
    }
    return true;
}

/*  Reads the string at `at`, which is on its quote; NULL after a fault of syntax. */
static const char *read_string (reader_t *self, const aut_node_t *node, uint32_t *size)
{
    uint32_t start = self->at++;
    self->scratch.size = 0;
    for (;;) {
        read_plain (self);
        if (self->at >= self->end || self->text[self->at] == '"')
            break;
        if (!read_special (self, node)) {
            stop (self, node, "the string is not closed on its line");
            return NULL;
        }
    }
    if (self->at >= self->end) {
        stop (self, node, "a string is not closed");
        return NULL;
    }
    self->at++;
    if (self->scratch.size > self->max_string) {
        fault (self, start, node, "the string has %zu bytes; at most %zu are allowed",
               self->scratch.size, self->max_string);
        self->scratch.size = 0;
    }
    *size = (uint32_t)self->scratch.size;
    return aut_arena_text (self->source->arena, self->scratch.data, self->scratch.size);
}

static void read_number (reader_t *self, aut_node_t *node)
{
    uint32_t start = self->at;
    while (self->at < self->end && strchr ("+-.0123456789eE", self->text[self->at]) &&
           self->text[self->at])
        self->at++;
    node->kind = AUT_NODE_NUMBER;
    node->size = self->at - start;
    node->text = aut_arena_text (self->source->arena, self->text + start, node->size);
    aut_decimal_t value;
    if (aut_decimal_parse (&value, node->text, node->size) == AUT_ERR_INVALID) {
        self->at = start;
        stop (self, node, "not a JSON number (as in -12.5e3)");
    }
}

static void read_word (reader_t *self, aut_node_t *node)
{
    static const struct {
        const char *word;
        aut_node_kind_t kind;
    } words[] = {{"null", AUT_NODE_NULL}, {"true", AUT_NODE_BOOL}, {"false", AUT_NODE_BOOL}};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        size_t size = strlen (words[i].word);
        if (self->end - self->at >= size &&
            memcmp (self->text + self->at, words[i].word, size) == 0) {
            node->kind = words[i].kind;
            node->text = words[i].word;
            node->size = (uint32_t)size;
            self->at += (uint32_t)size;
            return;
        }
    }
    stop (self, node,
          self->at < self->end ? describe ((unsigned char)self->text[self->at])
                               : "a value is missing");
}

static void append (aut_node_t *parent, aut_node_t *child, aut_node_t **last)
{
    child->parent = parent;
    child->index = parent->size++;
    if (*last)
        (*last)->next = child;
    else
        parent->first = child;
    *last = child;
}

/*  After an element: true to go on with another one, false at the end or on a fault. */
static bool read_comma (reader_t *self, aut_node_t *node, char close)
{
    skip_space (self);
    if (self->stopped)
        return false;
    if (self->at < self->end && self->text[self->at] == ',') {
        uint32_t comma = self->at++;
        skip_space (self);
        if (self->at < self->end && self->text[self->at] == close) {
            self->at = comma;
            stop (self, node, "a comma before a closing bracket is not JSON");
            return false;
        }
        return true;
    }
    if (self->at < self->end && self->text[self->at] == close) {
        self->at++;
        return false;
    }
    stop (self, node, close == ']' ? "a comma or ] is missing" : "a comma or } is missing");
    return false;
}

static void read_array (reader_t *self, aut_node_t *node)
{
    aut_node_t *last = NULL;
    node->kind = AUT_NODE_ARRAY;
    self->at++;
    skip_space (self);
    if (self->at < self->end && self->text[self->at] == ']') {
        self->at++;
        return;
    }
    do {
        aut_node_t *child = aut_arena_alloc (self->source->arena, 1, sizeof *child);
        append (node, child, &last);
        skip_space (self);
        read_value (self, child);
    } while (!self->stopped && read_comma (self, node, ']'));
}

static int compare_keys (const void *left, const void *right)
{
    const aut_node_t *a = *(const aut_node_t *const *)left, *b = *(const aut_node_t *const *)right;
    int order = strcmp (a->key, b->key);
    return order ? order : (a->key_offset > b->key_offset) - (a->key_offset < b->key_offset);
}

/*  Marks every later one of equal keys; sorting bounds the cost for objects of any size. */
static size_t mark_duplicates (aut_node_t **nodes, size_t count)
{
    size_t found = 0;
    if (count > FEW_KEYS)
        qsort (nodes, count, sizeof *nodes, compare_keys);
    for (size_t i = 1; i < count; i++) {
        bool twice = false;
        for (size_t j = count > FEW_KEYS ? i - 1 : 0; j < i && !twice; j++)
            twice = strcmp (nodes[i]->key, nodes[j]->key) == 0;
        if (twice)
            nodes[i]->index = DUPLICATE;
        found += twice;
    }
    return found;
}

static void drop_duplicates (reader_t *self, aut_node_t *object)
{
    aut_node_t *few[FEW_KEYS], *previous = NULL;
    aut_node_t **nodes = object->size > FEW_KEYS ? aut_calloc (object->size, sizeof *nodes) : few;
    size_t count = 0;
    for (const aut_node_t *node = object->first; node; node = node->next)
        nodes[count++] = (aut_node_t *)node;
    size_t found = mark_duplicates (nodes, count);
    if (nodes != few)
        free (nodes);
    for (const aut_node_t *node = found ? object->first : NULL; node; node = node->next) {
        if (node->index != DUPLICATE) {
            previous = (aut_node_t *)node;
            continue;
        }
        fault (self, node->key_offset, node, "this key stands twice in its object: remove one");
        if (previous) /* always: the first of a pair stays, and stands before this one */
            previous->next = node->next;
        object->size--;
    }
}

static void read_member (reader_t *self, aut_node_t *object, aut_node_t **last)
{
    uint32_t size;
    skip_space (self);
    if (self->at >= self->end || self->text[self->at] != '"') {
        stop (self, object, "a key in double quotes is missing here");
        return;
    }
    aut_node_t *node = aut_arena_alloc (self->source->arena, 1, sizeof *node);
    node->key_offset = self->at;
    node->key = read_string (self, object, &size);
    if (!node->key)
        return;
    append (object, node, last);
    skip_space (self);
    if (self->at >= self->end || self->text[self->at] != ':') {
        stop (self, node, "a colon is missing between key and value");
        return;
    }
    self->at++;
    skip_space (self);
    read_value (self, node);
}

static void read_object (reader_t *self, aut_node_t *node)
{
    aut_node_t *last = NULL;
    node->kind = AUT_NODE_OBJECT;
    self->at++;
    skip_space (self);
    if (self->at < self->end && self->text[self->at] == '}') {
        self->at++;
        return;
    }
    do
        read_member (self, node, &last);
    while (!self->stopped && read_comma (self, node, '}'));
    if (!self->stopped)
        drop_duplicates (self, node);
}

static void read_value (reader_t *self, aut_node_t *node)
{
    char byte = self->at < self->end ? self->text[self->at] : 0;
    node->offset = self->at;
    if (++self->values > MAX_VALUES) {
        stop (self, node, "more values than a storyboard can have");
        return;
    }
    if (byte == '"') {
        node->kind = AUT_NODE_STRING;
        size_t errors = self->diags->errors;
        node->text = read_string (self, node, &node->size);
        node->faulty = self->diags->errors > errors;
    } else if (byte == '{' || byte == '[') {
        if (self->depth == AUT_SOURCE_MAX_DEPTH) {
            stop (self, node, "nested more than 64 deep");
            return;
        }
        self->depth++;
        if (byte == '{')
            read_object (self, node);
        else
            read_array (self, node);
        self->depth--;
    } else if (byte == '-' || (byte >= '0' && byte <= '9')) {
        read_number (self, node);
    } else {
        read_word (self, node);
    }
}

static void read_document (reader_t *self)
{
    aut_node_t *root = aut_arena_alloc (self->source->arena, 1, sizeof *root);
    if (self->end >= 2 &&
        ((unsigned char)self->text[0] == 0xff || (unsigned char)self->text[0] == 0xfe)) {
        stop (self, root, "not UTF-8 (is it UTF-16?): save the file as UTF-8");
        return;
    }
    skip_space (self);
    read_value (self, root);
    skip_space (self);
    if (!self->stopped && self->at < self->end)
        stop (self, root, "text after the end of the document");
    self->source->root = root;
}

int aut_source_parse_long (aut_source_t **out, aut_diags_t *diags, const char *data, size_t size,
                           size_t max_string)
{
    size_t errors = diags->errors;
    *out = NULL;
    if (size > AUT_SOURCE_MAX_BYTES) {
        aut_diags_add (diags, false, 0, 1, 1, aut_strdup ("$"),
                       aut_sprintf ("the file has %zu bytes; at most 32 MiB are allowed", size),
                       NULL);
        return aut_fail (AUT_ERR_INVALID, "%s: larger than 32 MiB", diags->file);
    }
    aut_arena_t *arena = aut_arena_new ();
    aut_source_t *source = aut_arena_alloc (arena, 1, sizeof *source);
    source->arena = arena;
    source->text = aut_arena_text (arena, data, size);
    source->size = (uint32_t)size;
    if (size >= 3 && memcmp (data, "\xef\xbb\xbf", 3) == 0)
        source->start = 3;
    aut_source_index (source);
    reader_t reader = {.source = source,
                       .diags = diags,
                       .text = source->text,
                       .max_string = max_string,
                       .at = source->start,
                       .end = (uint32_t)size};
    aut_buffer_append (&reader.scratch, "", 0);
    read_document (&reader);
    aut_buffer_clear (&reader.scratch);
    if (reader.stopped)
        aut_source_destroy (&source);
    *out = source;
    if (diags->errors > errors)
        return aut_fail (AUT_ERR_INVALID, "%s: %zu errors", diags->file, diags->errors - errors);
    return 0;
}

int aut_source_parse (aut_source_t **out, aut_diags_t *diags, const char *data, size_t size)
{
    return aut_source_parse_long (out, diags, data, size, AUT_SOURCE_MAX_STRING);
}
