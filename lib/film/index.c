/*  The tables of models/index.json and the rules that tables cannot say. */
#include "lib/film/index.h"

#include "lib/core/error.h"
#include "lib/core/hash.h"
#include "lib/core/mem.h"
#include "lib/film/table.h"

#include <stdlib.h>
#include <string.h>

#define MAX_ENTRIES 100000

static const char *const chakras[] = {"muladhara", "svadhisthana", "manipura",  "anahata",
                                      "vishuddha", "ajna",         "sahasrara", NULL};

typedef struct {
    const aut_node_t *node;
    const char *id, *commit, *url;
} dataset_t;

typedef struct {
    const aut_node_t *node;
    const char *repo, *commit, *command;
} training_t;

typedef struct {
    const aut_node_t *node;
    const char *filename, *sha256;
    aut_decimal_t size;
} artifact_t;

typedef struct {
    const aut_node_t *node;
    aut_decimal_t seed;
    const aut_node_t *environment;
} reproducibility_t;

typedef struct {
    const aut_node_t *node;
    const char *run, *timestamp, *creator;
    const aut_node_t *metrics;
    reproducibility_t reproducibility;
} provenance_t;

typedef struct {
    const aut_node_t *node;
    const aut_node_t *pattern, *dimensions;
} geometry_t;

typedef struct {
    const aut_node_t *node;
    const char *id, *version, *license;
    aut_list_t tags;
    dataset_t dataset;
    training_t training;
    artifact_t artifact;
    provenance_t provenance;
    int chakra;
    aut_decimal_t frequency;
    geometry_t geometry;
} entry_t;

typedef struct {
    const aut_node_t *node;
    const char *schema;
    const aut_node_t *stubs;
    aut_list_t models;
} index_t;

#define COUNT(array) (sizeof (array) / sizeof *(array))
#define TABLE(title, type, fields)                                                                 \
    {                                                                                              \
        title, sizeof (type), true, fields, COUNT (fields), NULL, 0                                \
    }
#define TEXT(type, member, key)                                                                    \
    {                                                                                              \
        key, AUT_FIELD_STRING, offsetof (type, member), .required = true,                          \
                                                        .pattern = AUT_PATTERN_TEXT                \
    }

/* clang-format off */
static const aut_field_t dataset_fields[] = {
    TEXT (dataset_t, id, "id"), TEXT (dataset_t, commit, "commit"), TEXT (dataset_t, url, "url"),
};
static const aut_table_t dataset_table = TABLE ("dataset", dataset_t, dataset_fields);
static const aut_field_t training_fields[] = {
    TEXT (training_t, repo, "repo"), TEXT (training_t, commit, "commit"), TEXT (training_t, command, "command"),
};
static const aut_table_t training_table = TABLE ("training", training_t, training_fields);
static const aut_field_t artifact_fields[] = {
    TEXT (artifact_t, filename, "filename"), TEXT (artifact_t, sha256, "sha256"),
    {"sizeBytes", AUT_FIELD_INTEGER, offsetof (artifact_t, size), .required = true, .min = 0, .max = INT64_MAX},
};
static const aut_table_t artifact_table = TABLE ("artifact", artifact_t, artifact_fields);
static const aut_field_t reproducibility_fields[] = {
    {"seed", AUT_FIELD_INTEGER, offsetof (reproducibility_t, seed), .required = true},
    {"environment", AUT_FIELD_NODE, offsetof (reproducibility_t, environment), .required = false},
};
static const aut_table_t reproducibility_table = TABLE ("reproducibility", reproducibility_t, reproducibility_fields);
static const aut_field_t provenance_fields[] = {
    TEXT (provenance_t, run, "runId"),
    {"metrics", AUT_FIELD_NODE, offsetof (provenance_t, metrics), .required = true},
    {"timestamp", AUT_FIELD_STRING, offsetof (provenance_t, timestamp), .required = false},
    {"creator", AUT_FIELD_STRING, offsetof (provenance_t, creator), .required = false},
    {"reproducibility", AUT_FIELD_OBJECT, offsetof (provenance_t, reproducibility), .table = &reproducibility_table},
};
static const aut_table_t provenance_table = TABLE ("provenance", provenance_t, provenance_fields);
static const aut_field_t geometry_fields[] = {
    {"pattern", AUT_FIELD_NODE, offsetof (geometry_t, pattern), .required = true},
    {"dimensions", AUT_FIELD_NODE, offsetof (geometry_t, dimensions), .required = true},
};
static const aut_table_t geometry_table = TABLE ("geometry", geometry_t, geometry_fields);
static const aut_field_t entry_fields[] = {
    TEXT (entry_t, id, "id"), TEXT (entry_t, version, "version"), TEXT (entry_t, license, "license"),
    {"semanticTags", AUT_FIELD_STRINGS, offsetof (entry_t, tags), .required = true, .limit = 1000},
    {"dataset", AUT_FIELD_OBJECT, offsetof (entry_t, dataset), .required = true, .table = &dataset_table},
    {"training", AUT_FIELD_OBJECT, offsetof (entry_t, training), .required = true, .table = &training_table},
    {"artifact", AUT_FIELD_OBJECT, offsetof (entry_t, artifact), .required = true, .table = &artifact_table},
    {"provenance", AUT_FIELD_OBJECT, offsetof (entry_t, provenance), .required = true, .table = &provenance_table},
    {"chakra", AUT_FIELD_ENUM, offsetof (entry_t, chakra), .names = chakras},
    {"frequencyHz", AUT_FIELD_NUMBER, offsetof (entry_t, frequency), .min = 0, .max = 10000},
    {"geometry", AUT_FIELD_OBJECT, offsetof (entry_t, geometry), .table = &geometry_table},
};
static const aut_table_t entry_table = TABLE ("a model entry", entry_t, entry_fields);
static const aut_field_t index_fields[] = {
    {"$schema", AUT_FIELD_STRING, offsetof (index_t, schema), .required = false},
    {"STUBS_TO_REVISIT", AUT_FIELD_NODE, offsetof (index_t, stubs), .required = false},
    {"models", AUT_FIELD_LIST, offsetof (index_t, models), .required = true, .table = &entry_table, .limit = MAX_ENTRIES},
};
static const aut_table_t index_table = TABLE ("a model index", index_t, index_fields);
/* clang-format on */

typedef struct {
    const aut_source_t *source;
    aut_diags_t *diags;
    bool deploy;
} check_t;

static bool is_stub (const char *text)
{
    return text && strncmp (text, AUT_INDEX_STUB, strlen (AUT_INDEX_STUB)) == 0;
}

static bool is_lower_or_digit (char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9');
}

static bool is_entry_id (const char *id)
{
    size_t size = strlen (id);
    if (size < 3 || size > 64 || !is_lower_or_digit (id[0]) || !is_lower_or_digit (id[size - 1]))
        return false;
    for (size_t i = 0; i < size; i++)
        if (!is_lower_or_digit (id[i]) && id[i] != '-')
            return false;
    return true;
}

/*  <chakra>-<purpose>-v<version> */
static bool is_chakra_id (const char *id, const char *chakra)
{
    size_t size = strlen (chakra);
    if (strncmp (id, chakra, size) != 0 || id[size] != '-')
        return false;
    const char *purpose = id + size + 1, *version = NULL;
    for (const char *at = strstr (purpose, "-v"); at; at = strstr (at + 1, "-v"))
        version = at;
    return version && version > purpose && version[2] >= '0' && version[2] <= '9';
}

/*  A number of a version: no leading zero. */
static const char *skip_number (const char *at)
{
    const char *start = at;
    while (*at >= '0' && *at <= '9')
        at++;
    return at == start || (*start == '0' && at - start > 1) ? NULL : at;
}

static bool is_semver (const char *version)
{
    static const char word[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-";
    const char *at = skip_number (version);
    for (int i = 0; i < 2 && at; i++)
        at = *at == '.' ? skip_number (at + 1) : NULL;
    for (int i = 0; i < 2 && at && *at; i++)
        if (*at == (i ? '+' : '-')) {
            size_t size = strspn (at + 1, word);
            at = size ? at + 1 + size : NULL;
        }
    return at && !*at;
}

static void error (check_t *self, const aut_node_t *object, const char *key, const char *message)
{
    aut_source_error_member (self->source, self->diags, object, key, NULL, "%s", message);
}

static void check_entry (check_t *self, const entry_t *entry)
{
    aut_hash_t hash;
    const char *sha256 = entry->artifact.sha256;
    if (entry->id && !is_stub (entry->id) && !is_entry_id (entry->id))
        error (self, entry->node, "id",
               "must be 3 to 64 of a-z, 0-9 and -, with a letter or digit at both ends");
    else if (entry->id && entry->chakra >= 0 && !is_chakra_id (entry->id, chakras[entry->chakra]))
        error (self, entry->node, "id", "must be CHAKRA-PURPOSE-vVERSION");
    if (entry->version && !is_stub (entry->version) && !is_semver (entry->version))
        error (self, entry->node, "version", "must be a version like 1.2.3");
    if (sha256 && !is_stub (sha256) && aut_hash_parse (&hash, sha256))
        error (self, entry->artifact.node, "sha256", "must be 64 lower-case hex digits");
    if (entry->provenance.metrics && entry->provenance.metrics->kind != AUT_NODE_OBJECT)
        error (self, entry->provenance.node, "metrics", "must be an object");
}

/*  Tells of every placeholder, wherever it stands; depth is bounded by the source. */
static void check_stubs (check_t *self, const aut_node_t *node)
{
    static const char text[] = "is a placeholder: to be replaced before deployment";
    if (node->kind == AUT_NODE_STRING && is_stub (node->text)) {
        if (self->deploy)
            aut_source_error (self->source, self->diags, node, NULL, "\"%.64s\" %s", node->text,
                              text);
        else
            aut_source_warn (self->source, self->diags, node, NULL, "\"%.64s\" %s", node->text,
                             text);
    }
    for (const aut_node_t *member = node->first; member; member = member->next)
        check_stubs (self, member);
}

static int compare (const void *left, const void *right)
{
    const entry_t *a = *(const entry_t *const *)left, *b = *(const entry_t *const *)right;
    int order = strcmp (a->id, b->id);
    return order ? order
                 : (a->node->offset > b->node->offset) - (a->node->offset < b->node->offset);
}

static void check_unique (check_t *self, const index_t *index)
{
    const entry_t *entries = index->models.items;
    const entry_t **sorted = aut_calloc (index->models.count + 1, sizeof *sorted);
    size_t count = 0;
    for (size_t i = 0; i < index->models.count; i++)
        if (entries[i].id && entries[i].version)
            sorted[count++] = &entries[i];
    if (count)
        qsort (sorted, count, sizeof *sorted, compare);
    for (size_t i = 1; i < count; i++)
        if (strcmp (sorted[i]->id, sorted[i - 1]->id) == 0 &&
            strcmp (sorted[i]->version, sorted[i - 1]->version) == 0)
            error (self, sorted[i]->node, "id", "this id and version stand twice in the index");
    free (sorted);
}

int aut_index_check (aut_diags_t *diags, const char *data, size_t size, bool deploy)
{
    size_t errors = diags->errors;
    aut_source_t *source;
    aut_arena_t *arena = aut_arena_new ();
    index_t index;
    aut_source_parse (&source, diags, data, size);
    if (source) {
        check_t check = {source, diags, deploy};
        aut_table_read (&index_table, source, diags, arena, aut_source_root (source), &index);
        for (size_t i = 0; i < index.models.count; i++)
            check_entry (&check, (const entry_t *)index.models.items + i);
        check_unique (&check, &index);
        if (index.node)
            check_stubs (&check, index.node);
    }
    aut_source_destroy (&source);
    aut_arena_destroy (&arena);
    aut_diags_sort (diags);
    if (diags->errors > errors)
        return aut_fail (AUT_ERR_INVALID, "%s: %zu errors", diags->file, diags->errors - errors);
    return 0;
}
