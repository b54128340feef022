#include "lib/film/schema.h"

#include "lib/core/mem.h"

#include <stdlib.h>
#include <string.h>

#define DRAFT "http://json-schema.org/draft-07/schema#"
/*  The end of the text. Not $, which some engines also match before a last line break. */
#define END "(?![\\s\\S])"

/*  As pattern_fault in table.c and aut_asset_path_fault have it. */
static const char *const patterns[] = {
    [AUT_PATTERN_NONE] = NULL,
    [AUT_PATTERN_TEXT] = "[^ \\t\\r\\n]",
    [AUT_PATTERN_PROJECT] = "^[a-z0-9][a-z0-9-]{0,62}" END,
    [AUT_PATTERN_ID] = "^[A-Za-z0-9][A-Za-z0-9._-]{0,62}" END,
    [AUT_PATTERN_PATH] = "^(?!/)(?!.*//)(?!.*/" END ")(?!(?:.*/)?\\.\\.(?:/|" END "))"
                         "[^\\\\\\x00-\\x1f\\x7f]{1,1024}" END,
    [AUT_PATTERN_HASH] = "^sha256:[0-9a-f]{64}" END,
};

static json_t *object_schema (const aut_table_t *table, json_t *definitions);

/*  "a transition" → "transition", "the film's end" → "the-film's-end"; the caller frees. */
static char *slug (const char *name)
{
    const char *start = strncmp (name, "a ", 2) == 0    ? name + 2
                        : strncmp (name, "an ", 3) == 0 ? name + 3
                                                        : name;
    char *out = aut_strdup (start);
    for (char *p = out; *p; p++)
        if (*p == ' ')
            *p = '-';
    return out;
}

/*  A reference to the table's schema, which is defined once. */
static json_t *refer (const aut_table_t *table, json_t *definitions)
{
    char *name = slug (table->name);
    if (!json_object_get (definitions, name)) {
        json_object_set_new (definitions, name, json_null ()); /* its place in the order */
        json_object_set_new (definitions, name, object_schema (table, definitions));
    }
    json_t *reference = json_pack ("{s:s+}", "$ref", "#/definitions/", name);
    free (name);
    return reference;
}

static json_t *name_list (const char *const *names)
{
    json_t *list = json_array ();
    for (size_t i = 0; names[i]; i++)
        json_array_append_new (list, json_string (names[i]));
    return list;
}

static json_t *string_schema (const aut_field_t *field)
{
    json_t *schema = json_pack ("{s:s}", "type", "string");
    if (patterns[field->pattern])
        json_object_set_new (schema, "pattern", json_string (patterns[field->pattern]));
    return schema;
}

static void put_number (const aut_field_t *field, json_t *schema)
{
    bool whole = field->kind == AUT_FIELD_INTEGER;
    json_object_set_new (schema, "type", json_string (whole ? "integer" : "number"));
    if (field->max > field->min) {
        json_object_set_new (schema, field->above_min ? "exclusiveMinimum" : "minimum",
                             json_integer (field->min));
        json_object_set_new (schema, "maximum", json_integer (field->max));
    }
    if (field->even)
        json_object_set_new (schema, "multipleOf", json_integer (2));
}

static void put_list (const aut_field_t *field, json_t *schema, json_t *items)
{
    json_object_set_new (schema, "type", json_string ("array"));
    if (field->limit)
        json_object_set_new (schema, "maxItems", json_integer ((json_int_t)field->limit));
    json_object_set_new (schema, "items", items);
}

static void put_value (const aut_field_t *field, json_t *schema, json_t *definitions)
{
    switch (field->kind) {
    case AUT_FIELD_STRING:
        json_object_update_new (schema, string_schema (field));
        if (field->limit)
            json_object_set_new (schema, "maxLength", json_integer ((json_int_t)field->limit));
        break;
    case AUT_FIELD_INTEGER:
    case AUT_FIELD_NUMBER:
        put_number (field, schema);
        break;
    case AUT_FIELD_BOOL:
        json_object_set_new (schema, "type", json_string ("boolean"));
        break;
    case AUT_FIELD_ENUM:
        json_object_set_new (schema, "enum", name_list (field->names));
        break;
    case AUT_FIELD_OBJECT: /* in allOf, as draft-07 hears nothing that stands beside a $ref */
        json_object_set_new (schema, "allOf", json_pack ("[o]", refer (field->table, definitions)));
        break;
    case AUT_FIELD_LIST:
        put_list (field, schema, refer (field->table, definitions));
        break;
    case AUT_FIELD_STRINGS:
        put_list (field, schema, string_schema (field));
        break;
    case AUT_FIELD_FLAGS:
        json_object_set_new (schema, "anyOf",
                             json_pack ("[{s:s},{s:s,s:{s:o}}]", "type", "boolean", "type", "array",
                                        "items", "enum", name_list (field->names)));
        break;
    case AUT_FIELD_NODE: /* looked at by hand */
        break;
    }
}

static json_t *field_schema (const aut_field_t *field, json_t *definitions)
{
    json_t *schema = json_object (), *value = schema;
    char *doc = field->doc && field->fallback
                    ? aut_sprintf ("%s Default: %s.", field->doc, field->fallback)
                    : aut_strdup (field->doc ? field->doc : "");
    if (*doc)
        json_object_set_new (schema, "description", json_string (doc));
    free (doc);
    if (field->nullable) {
        value = json_object ();
        json_object_set_new (schema, "anyOf", json_pack ("[{s:s},o]", "type", "null", value));
    }
    put_value (field, value, definitions);
    return schema;
}

static json_t *rule_schema (const aut_rule_t *rule)
{
    switch (rule->kind) {
    case AUT_RULE_ONE_OF:
        return json_pack ("{s:[{s:[s]},{s:[s]}]}", "oneOf", "required", rule->key, "required",
                          rule->other);
    case AUT_RULE_NOT_WITH:
        return json_pack ("{s:{s:[s,s]}}", "not", "required", rule->key, rule->other);
    case AUT_RULE_UNLESS:
        return json_pack ("{s:{s:{s:{s:s}},s:[s]},s:{s:{s:{s:i}}},s:{s:[s],s:{s:{s:i}}}}", "if",
                          "properties", rule->other, "const", rule->value, "required", rule->other,
                          "then", "properties", rule->key, "maximum", 0, "else", "required",
                          rule->key, "properties", rule->key, "exclusiveMinimum", 0);
    case AUT_RULE_SOME:
        return json_pack ("{s:{s:{s:{s:{s:{s:i}},s:[s]}}}}", "properties", rule->key, "contains",
                          "properties", rule->other, "minItems", 1, "required", rule->other);
    }
    return NULL;
}

static json_t *object_schema (const aut_table_t *table, json_t *definitions)
{
    json_t *schema = json_pack ("{s:s}", "type", "object");
    json_t *properties = json_object (), *required = json_array (), *rules = json_array ();
    for (size_t i = 0; i < table->count; i++) {
        const aut_field_t *field = &table->fields[i];
        json_object_set_new (properties, field->key, field_schema (field, definitions));
        if (field->required)
            json_array_append_new (required, json_string (field->key));
    }
    for (size_t i = 0; i < table->rule_count; i++)
        json_array_append_new (rules, rule_schema (&table->rules[i]));
    if (!table->open)
        json_object_set_new (properties, "x",
                             json_pack ("{s:s}", "description", "Free for other tools."));
    json_object_set_new (schema, "properties", properties);
    json_object_set_new (schema, "required", required);
    json_object_set_new (schema, "additionalProperties", json_boolean (table->open));
    if (json_array_size (rules))
        json_object_set (schema, "allOf", rules);
    json_decref (rules);
    return schema;
}

json_t *aut_schema_new (const aut_table_t *table, const char *title)
{
    json_t *definitions = json_object ();
    json_t *schema = json_pack ("{s:s,s:s}", "$schema", DRAFT, "title", title);
    json_object_update_new (schema, object_schema (table, definitions));
    json_object_set_new (schema, "definitions", definitions);
    return schema;
}
