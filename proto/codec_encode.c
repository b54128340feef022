/*  Encoding: the same tables and bounds, so that nothing leaves that the other side would refuse.
 */
#include "lib/core/error.h"
#include "proto/codec_internal.h"
#include "proto/message.h"

#include <math.h>
#include <msgpack.h>
#include <string.h>

typedef struct {
    const char *message;
    msgpack_packer packer;
} walk_t;

static int encode_map (walk_t *walk, const aut_place_t *place, const aut_schema_t *schema,
                       const char *in);

static int buffer_write (void *buffer, const char *data, size_t size)
{
    aut_buffer_append (buffer, data, size);
    return 0;
}

/*  Reads of a member, by the table's offset. */
static uint64_t read_unsigned (const aut_field_t *field, const char *base)
{
    const void *at = base + field->offset;
    return field->kind == AUT_KIND_U32 ? *(const uint32_t *)at : *(const uint64_t *)at;
}

static const void *read_pointer (const aut_field_t *field, const char *base)
{
    return *(const void *const *)(const void *)(base + field->offset);
}

static size_t read_count (const aut_field_t *field, const char *base)
{
    return *(const size_t *)(const void *)(base + field->count);
}

/*  Whether an optional member has a value. */
static bool is_present (const aut_field_t *field, const char *base)
{
    const void *at = base + field->offset;
    switch (field->kind) {
    case AUT_KIND_U64:
    case AUT_KIND_U32:
        return read_unsigned (field, base) != 0;
    case AUT_KIND_I32:
        return *(const int32_t *)at != 0;
    case AUT_KIND_BOOL:
        return *(const bool *)at;
    case AUT_KIND_F64:
        return *(const double *)at != 0;
    case AUT_KIND_STR:
    case AUT_KIND_BIN:
        return read_pointer (field, base) != NULL;
    case AUT_KIND_HASH:
    case AUT_KIND_REF: /* the hash is a ref's first member */
        return !aut_hash_is_zero (at);
    case AUT_KIND_STRS:
    case AUT_KIND_HASHES:
    case AUT_KIND_MAPS:
        return read_count (field, base) != 0;
    default:
        return true;
    }
}

static void pack_text (walk_t *walk, const char *text, size_t size)
{
    msgpack_pack_str (&walk->packer, size);
    msgpack_pack_str_body (&walk->packer, text, size);
}

static void pack_bin (walk_t *walk, const void *data, size_t size)
{
    msgpack_pack_bin (&walk->packer, size);
    msgpack_pack_bin_body (&walk->packer, data, size);
}

static int encode_text (walk_t *walk, const aut_place_t *place, const char *text, size_t min,
                        size_t max)
{
    if (!text)
        return aut_place_fail (walk->message, place, "the value is missing");
    size_t size = strlen (text);
    int rc = aut_check_text (walk->message, place, text, size, min, max);
    if (rc == 0)
        pack_text (walk, text, size);
    return rc;
}

static int encode_hash (walk_t *walk, const aut_place_t *place, const aut_hash_t *hash)
{
    if (aut_hash_is_zero (hash))
        return aut_place_fail (walk->message, place, "a hash of zeros names nothing");
    pack_bin (walk, hash->bytes, sizeof hash->bytes);
    return 0;
}

static int encode_bin (walk_t *walk, const aut_place_t *place, const aut_field_t *field,
                       const char *base)
{
    const void *data = read_pointer (field, base);
    size_t size = read_count (field, base);
    if (!data || size < (size_t)field->min || size > field->max)
        return aut_place_fail (walk->message, place, "%zu bytes long, allowed are %lld … %llu",
                               size, (long long)field->min, (unsigned long long)field->max);
    pack_bin (walk, data, size);
    return 0;
}

static int encode_array (walk_t *walk, const aut_place_t *place, const aut_field_t *field,
                         const char *base)
{
    const char *array = read_pointer (field, base);
    size_t count = read_count (field, base);
    int rc = aut_check_count (walk->message, place, field, count);
    if (rc)
        return rc;
    msgpack_pack_array (&walk->packer, count);
    for (size_t i = 0; i < count && rc == 0; i++) {
        aut_place_t at = {place, NULL, i};
        if (field->kind == AUT_KIND_STRS)
            rc = encode_text (walk, &at, ((const char *const *)(const void *)array)[i], 0,
                              field->element);
        else if (field->kind == AUT_KIND_HASHES)
            rc = encode_hash (walk, &at, (const aut_hash_t *)(const void *)array + i);
        else
            rc = encode_map (walk, &at, field->of, array + i * field->of->size);
    }
    return rc;
}

static int encode_double (walk_t *walk, const aut_place_t *place, double value)
{
    if (!isfinite (value) || value < 0)
        return aut_place_fail (walk->message, place, "not a finite number ≥ 0");
    msgpack_pack_double (&walk->packer, value);
    return 0;
}

static int encode_signed (walk_t *walk, const aut_place_t *place, const aut_field_t *field,
                          int32_t value)
{
    int rc = aut_check_signed (walk->message, place, field, value);
    if (rc == 0)
        msgpack_pack_int32 (&walk->packer, value);
    return rc;
}

static int encode_value (walk_t *walk, const aut_place_t *place, const aut_field_t *field,
                         const char *base)
{
    const char *in = base + field->offset;
    int rc;
    switch (field->kind) {
    case AUT_KIND_U64:
    case AUT_KIND_U32:
        rc = aut_check_unsigned (walk->message, place, field, read_unsigned (field, base));
        if (rc == 0)
            msgpack_pack_uint64 (&walk->packer, read_unsigned (field, base));
        return rc;
    case AUT_KIND_I32:
        return encode_signed (walk, place, field, *(const int32_t *)(const void *)in);
    case AUT_KIND_BOOL:
        if (*(const bool *)in)
            msgpack_pack_true (&walk->packer);
        else
            msgpack_pack_false (&walk->packer);
        return 0;
    case AUT_KIND_F64:
        return encode_double (walk, place, *(const double *)(const void *)in);
    case AUT_KIND_STR:
        return encode_text (walk, place, read_pointer (field, base), (size_t)field->min,
                            field->max);
    case AUT_KIND_BIN:
        return encode_bin (walk, place, field, base);
    case AUT_KIND_FIXED:
        pack_bin (walk, in, field->max);
        return 0;
    case AUT_KIND_HASH:
        return encode_hash (walk, place, (const aut_hash_t *)(const void *)in);
    case AUT_KIND_REF:
        return encode_map (walk, place, &aut_schema_ref, in);
    case AUT_KIND_MAP:
        return encode_map (walk, place, field->of, in);
    case AUT_KIND_STRS:
    case AUT_KIND_HASHES:
    case AUT_KIND_MAPS:
        return encode_array (walk, place, field, base);
    }
    return aut_fail (AUT_ERR_INTERNAL, "codec: a field of no known kind");
}

static int encode_map (walk_t *walk, const aut_place_t *place, const aut_schema_t *schema,
                       const char *in)
{
    uint32_t present = 0;
    size_t count = 0;
    for (size_t i = 0; i < schema->field_count; i++)
        if (!schema->fields[i].optional || is_present (&schema->fields[i], in)) {
            present |= UINT32_C (1) << i;
            count++;
        }
    msgpack_pack_map (&walk->packer, count);
    for (size_t i = 0; i < schema->field_count; i++) {
        if (!(present & UINT32_C (1) << i))
            continue;
        const aut_field_t *field = &schema->fields[i];
        aut_place_t at = {place, field->key, AUT_NO_INDEX};
        pack_text (walk, field->key, strlen (field->key));
        int rc = encode_value (walk, &at, field, in);
        if (rc)
            return rc;
    }
    return 0;
}

int aut_codec_encode (const aut_schema_t *schema, const void *in, aut_buffer_t *map)
{
    size_t before = map->size;
    walk_t walk = {.message = schema->name};
    msgpack_packer_init (&walk.packer, map, buffer_write);
    int rc = encode_map (&walk, NULL, schema, in);
    if (rc == 0 && map->size - before > AUT_CONTROL_MAX)
        rc = aut_fail (AUT_ERR_TOO_LARGE, "%s: %zu bytes, at most %d are allowed", schema->name,
                       map->size - before, AUT_CONTROL_MAX);
    if (rc)
        map->size = before;
    return rc;
}
