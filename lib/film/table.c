/*  Reads a document by tables. What a field's value must be is said in one place, `readers`, one
 *  function per kind of field.
 */
#include "lib/film/rule.h"

#include "lib/core/mem.h"
#include "lib/film/assets.h"

#include <stdlib.h>
#include <string.h>

#define SHOWN_VALUE 40 /* bytes of a wrong value that a message shows */
#define LONGEST_ID 63

typedef struct {
    const aut_source_t *source;
    aut_diags_t *diags;
    aut_arena_t *arena;
} context_t;

typedef void read_fn (const context_t *context, const aut_field_t *field, const aut_node_t *node,
                      void *out);

static void read_object (const context_t *context, const aut_table_t *table, const aut_node_t *node,
                         void *out);

static const char *kind_name (aut_node_kind_t kind)
{
    static const char *const names[] = {"null",     "true or false", "a number",
                                        "a string", "a list",        "an object"};
    return names[kind];
}

static bool expect (const context_t *context, const aut_node_t *node, aut_node_kind_t kind,
                    const char *wanted)
{
    if (node->kind == kind)
        return true;
    aut_source_error (context->source, context->diags, node, NULL, "must be %s, not %s", wanted,
                      kind_name (node->kind));
    return false;
}

/*  How many bytes of a value a message shows, cut between characters. */
static int shown (const aut_node_t *node)
{
    size_t size = node->size;
    if (size > SHOWN_VALUE)
        for (size = SHOWN_VALUE; ((unsigned char)node->text[size] & 0xc0) == 0x80; size--)
            ;
    return (int)size;
}

static bool is_alphanumeric (char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= '0' && byte <= '9');
}

/*  Not isalnum: that depends on the locale. */
static bool is_id (const char *text, bool project)
{
    size_t size = strlen (text);
    if (size == 0 || size > LONGEST_ID || !is_alphanumeric (text[0]))
        return false;
    for (size_t i = 0; i < size; i++) {
        bool upper = text[i] >= 'A' && text[i] <= 'Z';
        bool mark = text[i] == '-' || (!project && (text[i] == '.' || text[i] == '_'));
        if (!(mark || is_alphanumeric (text[i])) || (project && upper))
            return false;
    }
    return true;
}

static bool is_hash (const char *text)
{
    aut_hash_t hash;
    return strncmp (text, "sha256:", 7) == 0 && aut_hash_parse (&hash, text + 7) == 0;
}

/*  NULL when the text has the field's pattern, else what it must be. */
static const char *pattern_fault (aut_pattern_t pattern, const char *text)
{
    switch (pattern) {
    case AUT_PATTERN_TEXT:
        return text[strspn (text, " \t\r\n")] ? NULL : "must not be empty";
    case AUT_PATTERN_PROJECT:
        return is_id (text, true) ? NULL
                                  : "must be 1 to 63 of a-z, 0-9 and -, starting with a letter or "
                                    "digit";
    case AUT_PATTERN_ID:
        return is_id (text, false) ? NULL
                                   : "must be 1 to 63 of letters, digits, dot, underscore and "
                                     "hyphen, starting with a letter or digit";
    case AUT_PATTERN_PATH:
        return aut_asset_path_fault (text);
    case AUT_PATTERN_HASH:
        return is_hash (text) ? NULL : "must be sha256: and 64 lower-case hex digits";
    case AUT_PATTERN_NONE:
        break;
    }
    return NULL;
}

static bool check_string (const context_t *context, const aut_field_t *field,
                          const aut_node_t *node)
{
    if (!expect (context, node, AUT_NODE_STRING, "a string") || node->faulty)
        return false;
    if (field->limit && field->kind == AUT_FIELD_STRING && node->size > field->limit) {
        aut_source_error (context->source, context->diags, node, NULL,
                          "has %u bytes; at most %zu are allowed", node->size, field->limit);
        return false;
    }
    const char *fault = pattern_fault (field->pattern, node->text);
    if (fault)
        aut_source_error (context->source, context->diags, node, NULL, "%s", fault);
    return !fault;
}

static void read_string (const context_t *context, const aut_field_t *field, const aut_node_t *node,
                         void *out)
{
    if (check_string (context, field, node))
        *(const char **)out = node->text;
}

static void range_error (const context_t *context, const aut_field_t *field, const aut_node_t *node)
{
    const char *from = field->above_min ? "more than" : "at least";
    aut_source_error (context->source, context->diags, node, NULL,
                      "must be %s %lld and at most %lld, not %.*s", from, (long long)field->min,
                      (long long)field->max, shown (node), node->text);
}

static bool in_range (const aut_field_t *field, aut_decimal_t value)
{
    if (field->max <= field->min)
        return true;
    int low = aut_decimal_compare (value, aut_decimal_int (field->min));
    return (field->above_min ? low > 0 : low >= 0) &&
           aut_decimal_compare (value, aut_decimal_int (field->max)) <= 0;
}

static void read_number (const context_t *context, const aut_field_t *field, const aut_node_t *node,
                         void *out)
{
    bool whole = field->kind == AUT_FIELD_INTEGER;
    aut_decimal_t value;
    if (!expect (context, node, AUT_NODE_NUMBER, whole ? "a whole number" : "a number"))
        return;
    if (aut_node_decimal (node, &value)) {
        if (strchr (node->text, '.') || strstr (node->text, "e-") || strstr (node->text, "E-"))
            aut_source_error (context->source, context->diags, node, NULL,
                              "has too many digits: at most 18 are counted with");
        else
            range_error (context, field, node);
        return;
    }
    if (whole && !aut_decimal_is_integer (value))
        aut_source_error (context->source, context->diags, node, NULL,
                          "must be a whole number, not %.*s", shown (node), node->text);
    else if (!in_range (field, value))
        range_error (context, field, node);
    else if (field->even && value.units % 2)
        aut_source_error (context->source, context->diags, node, NULL, "must be even, not %.*s",
                          shown (node), node->text);
    else
        *(aut_decimal_t *)out = value;
}

static void read_bool (const context_t *context, const aut_field_t *field, const aut_node_t *node,
                       void *out)
{
    (void)field;
    if (expect (context, node, AUT_NODE_BOOL, "true or false"))
        *(int *)out = aut_node_bool (node);
}

static size_t count_names (const char *const *names)
{
    size_t count = 0;
    while (names[count])
        count++;
    return count;
}

static char *names_list (const char *const *names)
{
    aut_buffer_t out = {0};
    for (size_t i = 0; names[i]; i++) {
        aut_buffer_text (&out, i ? ", " : "");
        aut_buffer_text (&out, names[i]);
    }
    return aut_buffer_take (&out, NULL);
}

static void enum_error (const context_t *context, const char *const *names, const aut_node_t *node)
{
    size_t count = count_names (names);
    char *list = names_list (names);
    char *hint =
        aut_nearest_hint (node->text, names, count, sizeof *names, &context->diags->hint_budget);
    aut_source_error (context->source, context->diags, node, hint,
                      count == 1 ? "\"%.*s\" is not known here: it must be %s"
                                 : "\"%.*s\" is not one of %s",
                      shown (node), node->text, list);
    free (list);
}

/*  The index of a string among `names`; false after telling that it is none of them. */
static bool find_name (const context_t *context, const char *const *names, const aut_node_t *node,
                       int *out)
{
    for (int i = 0; names[i]; i++)
        if (strcmp (names[i], node->text) == 0) {
            *out = i;
            return true;
        }
    enum_error (context, names, node);
    return false;
}

static void read_enum (const context_t *context, const aut_field_t *field, const aut_node_t *node,
                       void *out)
{
    if (expect (context, node, AUT_NODE_STRING, "a string"))
        find_name (context, field->names, node, out);
}

static void read_struct (const context_t *context, const aut_field_t *field, const aut_node_t *node,
                         void *out)
{
    if (expect (context, node, AUT_NODE_OBJECT, "an object"))
        read_object (context, field->table, node, out);
}

static bool expect_list (const context_t *context, const aut_field_t *field, const aut_node_t *node)
{
    if (!expect (context, node, AUT_NODE_ARRAY, "a list"))
        return false;
    if (!field->limit || node->size <= field->limit)
        return true;
    aut_source_error (context->source, context->diags, node, NULL,
                      "has %u members; at most %zu are allowed", node->size, field->limit);
    return false;
}

static void init_struct (const aut_table_t *table, void *out);

static void read_list (const context_t *context, const aut_field_t *field, const aut_node_t *node,
                       void *out)
{
    aut_list_t *list = out;
    if (!expect_list (context, field, node))
        return;
    list->items = aut_arena_alloc (context->arena, node->size, field->table->size);
    for (const aut_node_t *item = node->first; item; item = item->next) {
        void *place = (char *)list->items + list->count * field->table->size;
        if (!expect (context, item, AUT_NODE_OBJECT, "an object"))
            continue;
        init_struct (field->table, place);
        read_object (context, field->table, item, place);
        list->count++;
    }
}

static void read_strings (const context_t *context, const aut_field_t *field,
                          const aut_node_t *node, void *out)
{
    aut_list_t *list = out;
    if (!expect_list (context, field, node))
        return;
    list->items = aut_arena_alloc (context->arena, node->size, sizeof (const char *));
    for (const aut_node_t *item = node->first; item; item = item->next)
        if (check_string (context, field, item))
            ((const char **)list->items)[list->count++] = item->text;
}

static void read_node (const context_t *context, const aut_field_t *field, const aut_node_t *node,
                       void *out)
{
    (void)context;
    (void)field;
    *(const aut_node_t **)out = node;
}

static void read_flags (const context_t *context, const aut_field_t *field, const aut_node_t *node,
                        void *out)
{
    aut_flags_t *flags = out;
    size_t count = count_names (field->names);
    flags->set = true;
    if (node->kind == AUT_NODE_BOOL) {
        flags->bits = aut_node_bool (node) ? (1u << count) - 1 : 0;
        return;
    }
    if (node->kind != AUT_NODE_ARRAY) {
        aut_source_error (context->source, context->diags, node, NULL,
                          "must be true, false or a list");
        return;
    }
    for (const aut_node_t *item = node->first; item; item = item->next) {
        int bit = 0;
        if (expect (context, item, AUT_NODE_STRING, "a string") &&
            find_name (context, field->names, item, &bit))
            flags->bits |= 1u << bit;
    }
}

static read_fn *const readers[] = {
    [AUT_FIELD_STRING] = read_string, [AUT_FIELD_INTEGER] = read_number,
    [AUT_FIELD_NUMBER] = read_number, [AUT_FIELD_BOOL] = read_bool,
    [AUT_FIELD_ENUM] = read_enum,     [AUT_FIELD_OBJECT] = read_struct,
    [AUT_FIELD_LIST] = read_list,     [AUT_FIELD_STRINGS] = read_strings,
    [AUT_FIELD_FLAGS] = read_flags,   [AUT_FIELD_NODE] = read_node,
};

/*  Everything absent: memory is zero already, but an absent enumeration or boolean is -1. */
static void init_struct (const aut_table_t *table, void *out)
{
    for (size_t i = 0; i < table->count; i++) {
        const aut_field_t *field = &table->fields[i];
        void *place = (char *)out + field->offset;
        if (field->kind == AUT_FIELD_BOOL || field->kind == AUT_FIELD_ENUM)
            *(int *)place = -1;
        else if (field->kind == AUT_FIELD_OBJECT)
            init_struct (field->table, place);
    }
}

static size_t find_field (const aut_table_t *table, const char *key)
{
    size_t i = 0;
    while (i < table->count && strcmp (table->fields[i].key, key) != 0)
        i++;
    return i;
}

static void read_object (const context_t *context, const aut_table_t *table, const aut_node_t *node,
                         void *out)
{
    uint64_t seen = 0;
    *(const aut_node_t **)out = node;
    for (const aut_node_t *member = node->first; member; member = member->next) {
        size_t i = find_field (table, member->key);
        if (i == table->count) {
            if (!table->open && strcmp (member->key, "x") != 0)
                aut_source_error_key (context->source, context->diags, member,
                                      aut_nearest_hint (member->key, table->fields, table->count,
                                                        sizeof *table->fields,
                                                        &context->diags->hint_budget),
                                      "unknown key in %s", table->name);
            continue;
        }
        const aut_field_t *field = &table->fields[i];
        seen |= UINT64_C (1) << i;
        if (field->nullable && member->kind == AUT_NODE_NULL)
            continue;
        readers[field->kind](context, field, member, (char *)out + field->offset);
    }
    for (size_t i = 0; i < table->count; i++)
        if (table->fields[i].required && !(seen >> i & 1))
            aut_source_error_member (context->source, context->diags, node, table->fields[i].key,
                                     NULL, "is required in %s", table->name);
    for (size_t i = 0; i < table->rule_count; i++)
        aut_rule_check (&table->rules[i], context->source, context->diags, node);
}

void aut_table_read (const aut_table_t *table, const aut_source_t *source, aut_diags_t *diags,
                     aut_arena_t *arena, const aut_node_t *node, void *out)
{
    context_t context = {source, diags, arena};
    memset (out, 0, table->size);
    init_struct (table, out);
    if (expect (&context, node, AUT_NODE_OBJECT, "an object"))
        read_object (&context, table, node, out);
}
