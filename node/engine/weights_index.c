/*  Reads an index: see weights_index.h. */
#include "node/engine/weights_index.h"

#include "lib/core/buffer.h"
#include "lib/core/error.h"
#include "lib/core/json.h"
#include "lib/core/mem.h"

#include <stdlib.h>
#include <string.h>

#define NAME_BYTES_MAX 255 /* of a file */

/*  An error about a name from the file, which may hold anything. */
static int refuse (int code, const char *what, const char *name, const char *rule)
{
    aut_buffer_t shown = {0};
    char *cut = aut_strndup (name, 120);
    aut_buffer_printable (&shown, cut);
    free (cut);
    char *text = aut_buffer_take (&shown, NULL);
    int rc = aut_fail (code, "%s: \"%s\" %s", what, text, rule);
    free (text);
    return rc;
}

static int check_file_name (const char *name, const char *what)
{
    static const char suffix[] = ".safetensors";
    size_t length = strlen (name), end = sizeof suffix - 1;
    if (length > NAME_BYTES_MAX || length <= end || strcmp (name + length - end, suffix) != 0)
        return refuse (AUT_ERR_INVALID, what, name, "is not the name of a .safetensors file");
    for (const char *c = name; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7F)
            return refuse (AUT_ERR_INVALID, what, name, "is not the name of a file");
    if (strpbrk (name, "/\\") || name[0] == '.')
        return refuse (AUT_ERR_INVALID, what, name,
                       "is not beside the index: a shard may not lie outside its folder");
    return AUT_OK;
}

/*  The shard's place in the list. A map names shards in runs: the last is looked at first. */
static int find_shard (weights_index_t *self, const char *name, const char *what, uint32_t *out)
{
    for (size_t i = self->shard_count; i-- > 0;) {
        if (strcmp (self->shards[i], name) == 0) {
            *out = (uint32_t)i;
            return AUT_OK;
        }
    }
    int rc = check_file_name (name, what);
    if (rc != AUT_OK)
        return rc;
    if (self->shard_count == WEIGHTS_SHARDS_MAX)
        return aut_fail (AUT_ERR_TOO_LARGE, "%s: names more than %u files", what,
                         WEIGHTS_SHARDS_MAX);
    *out = (uint32_t)self->shard_count;
    self->shards[self->shard_count++] = aut_strdup (name);
    return AUT_OK;
}

static int read_map (weights_index_t *self, json_t *map, const char *what)
{
    const char *tensor;
    json_t *value;
    if (!json_is_object (map) || json_object_size (map) == 0)
        return aut_fail (AUT_ERR_INVALID, "%s: there is no weight_map", what);
    if (json_object_size (map) > WEIGHTS_TENSORS_MAX)
        return aut_fail (AUT_ERR_TOO_LARGE, "%s: names more than %u tensors", what,
                         WEIGHTS_TENSORS_MAX);
    self->shards = aut_calloc (WEIGHTS_SHARDS_MAX, sizeof *self->shards);
    self->entries = aut_calloc (json_object_size (map), sizeof *self->entries);
    json_object_foreach (map, tensor, value)
    {
        weights_index_entry_t *entry = &self->entries[self->entry_count];
        if (!json_is_string (value))
            return refuse (AUT_ERR_INVALID, what, tensor, "is not mapped to a file's name");
        int rc = find_shard (self, json_string_value (value), what, &entry->shard);
        if (rc != AUT_OK)
            return rc;
        entry->tensor = tensor;
        self->entry_count++;
    }
    return AUT_OK;
}

int weights_index_parse (weights_index_t *out, const char *data, size_t size, const char *what)
{
    *out = (weights_index_t){0};
    if (size > WEIGHTS_INDEX_MAX)
        return aut_fail (AUT_ERR_TOO_LARGE, "%s: more than %zu bytes", what, WEIGHTS_INDEX_MAX);
    json_t *root = NULL;
    int rc = aut_json_parse (&root, data, size, what);
    if (rc != AUT_OK)
        return rc;
    out->owner = root;
    rc = read_map (out, json_object_get (root, "weight_map"), what);
    if (rc != AUT_OK)
        weights_index_clear (out);
    return rc;
}

void weights_index_clear (weights_index_t *self)
{
    for (size_t i = 0; i < self->shard_count; i++)
        free (self->shards[i]);
    free (self->shards);
    free (self->entries);
    json_decref (self->owner);
    *self = (weights_index_t){0};
}
