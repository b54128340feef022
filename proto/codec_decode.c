/*  Decoding: scan, unpack with msgpack-c, then walk the map by the table. */
#include "lib/core/error.h"
#include "proto/codec_internal.h"
#include "proto/message.h"
#include "proto/scan.h"

#include <math.h>
#include <msgpack.h>
#include <string.h>

typedef struct {
    const char *message;
    aut_msg_arena_t **arena;
} walk_t;

static int decode_map (walk_t *walk, const aut_place_t *place, const aut_schema_t *schema,
                       const msgpack_object *object, char *out);

static const char *type_name (const msgpack_object *object)
{
    switch (object->type) {
    case MSGPACK_OBJECT_NIL:
        return "nil";
    case MSGPACK_OBJECT_BOOLEAN:
        return "a boolean";
    case MSGPACK_OBJECT_POSITIVE_INTEGER:
        return "an integer";
    case MSGPACK_OBJECT_NEGATIVE_INTEGER:
        return "a negative integer";
    case MSGPACK_OBJECT_FLOAT32:
    case MSGPACK_OBJECT_FLOAT64:
        return "a float";
    case MSGPACK_OBJECT_STR:
        return "a string";
    case MSGPACK_OBJECT_BIN:
        return "binary";
    case MSGPACK_OBJECT_ARRAY:
        return "an array";
    case MSGPACK_OBJECT_MAP:
        return "a map";
    default:
        return "an extension";
    }
}

static int wrong_type (const walk_t *walk, const aut_place_t *place, const char *wanted,
                       const msgpack_object *object)
{
    return aut_place_fail (walk->message, place, "expected %s, found %s", wanted,
                           type_name (object));
}

static int decode_unsigned (walk_t *walk, const aut_place_t *place, const aut_field_t *field,
                            const msgpack_object *object, char *out)
{
    if (object->type != MSGPACK_OBJECT_POSITIVE_INTEGER)
        return wrong_type (walk, place, "an integer ≥ 0", object);
    uint64_t value = object->via.u64;
    int rc = aut_check_unsigned (walk->message, place, field, value);
    if (rc)
        return rc;
    if (field->kind == AUT_KIND_U32)
        *(uint32_t *)(void *)out = (uint32_t)value;
    else
        *(uint64_t *)(void *)out = value;
    return 0;
}

static int decode_signed (walk_t *walk, const aut_place_t *place, const aut_field_t *field,
                          const msgpack_object *object, char *out)
{
    int64_t value;
    if (object->type == MSGPACK_OBJECT_POSITIVE_INTEGER)
        value = object->via.u64 > INT64_MAX ? INT64_MAX : (int64_t)object->via.u64;
    else if (object->type == MSGPACK_OBJECT_NEGATIVE_INTEGER)
        value = object->via.i64;
    else
        return wrong_type (walk, place, "an integer", object);
    int rc = aut_check_signed (walk->message, place, field, value);
    if (rc)
        return rc;
    *(int32_t *)(void *)out = (int32_t)value;
    return 0;
}

static int decode_double (walk_t *walk, const aut_place_t *place, const msgpack_object *object,
                          char *out)
{
    if (object->type != MSGPACK_OBJECT_FLOAT64 && object->type != MSGPACK_OBJECT_FLOAT32)
        return wrong_type (walk, place, "a float", object);
    if (!isfinite (object->via.f64) || object->via.f64 < 0)
        return aut_place_fail (walk->message, place, "not a finite number ≥ 0");
    *(double *)(void *)out = object->via.f64;
    return 0;
}

/*  A string of `min` … `max` bytes, copied and terminated. */
static int decode_text (walk_t *walk, const aut_place_t *place, size_t min, size_t max,
                        const msgpack_object *object, const char **out)
{
    if (object->type != MSGPACK_OBJECT_STR)
        return wrong_type (walk, place, "a string", object);
    size_t size = object->via.str.size;
    int rc = aut_check_text (walk->message, place, object->via.str.ptr, size, min, max);
    if (rc)
        return rc;
    char *copy = aut_msg_arena_alloc (walk->arena, size + 1);
    if (!copy)
        return AUT_ERR_NOMEM;
    if (size)
        memcpy (copy, object->via.str.ptr, size);
    *out = copy;
    return 0;
}

/*  Binary of exactly `size` bytes into `out`. */
static int decode_fixed (walk_t *walk, const aut_place_t *place, size_t size,
                         const msgpack_object *object, void *out)
{
    if (object->type != MSGPACK_OBJECT_BIN)
        return wrong_type (walk, place, "binary", object);
    if (object->via.bin.size != size)
        return aut_place_fail (walk->message, place, "%u bytes long, it must be %zu",
                               object->via.bin.size, size);
    memcpy (out, object->via.bin.ptr, size);
    return 0;
}

static int decode_hash (walk_t *walk, const aut_place_t *place, const msgpack_object *object,
                        void *out)
{
    int rc = decode_fixed (walk, place, sizeof (aut_hash_t), object, out);
    if (rc == 0 && aut_hash_is_zero (out))
        return aut_place_fail (walk->message, place, "a hash of zeros names nothing");
    return rc;
}

static int decode_bin (walk_t *walk, const aut_place_t *place, const aut_field_t *field,
                       const msgpack_object *object, char *base)
{
    if (object->type != MSGPACK_OBJECT_BIN)
        return wrong_type (walk, place, "binary", object);
    size_t size = object->via.bin.size;
    if (size < (size_t)field->min || size > field->max)
        return aut_place_fail (walk->message, place, "%zu bytes long, allowed are %lld … %llu",
                               size, (long long)field->min, (unsigned long long)field->max);
    uint8_t *copy = aut_msg_arena_alloc (walk->arena, size + 1);
    if (!copy)
        return AUT_ERR_NOMEM;
    if (size)
        memcpy (copy, object->via.bin.ptr, size);
    *(const uint8_t **)(void *)(base + field->offset) = copy;
    *(size_t *)(void *)(base + field->count) = size;
    return 0;
}

/*  One element of an array field, `element` its place in the new array. */
static int decode_element (walk_t *walk, const aut_place_t *place, const aut_field_t *field,
                           const msgpack_object *object, char *element)
{
    switch (field->kind) {
    case AUT_KIND_STRS:
        return decode_text (walk, place, 0, field->element, object, (const char **)(void *)element);
    case AUT_KIND_HASHES:
        return decode_hash (walk, place, object, element);
    default:
        return decode_map (walk, place, field->of, object, element);
    }
}

static int decode_array (walk_t *walk, const aut_place_t *place, const aut_field_t *field,
                         const msgpack_object *object, char *base)
{
    if (object->type != MSGPACK_OBJECT_ARRAY)
        return wrong_type (walk, place, "an array", object);
    size_t count = object->via.array.size;
    int rc = aut_check_count (walk->message, place, field, count);
    if (rc || count == 0)
        return rc;
    size_t size = field->kind == AUT_KIND_STRS     ? sizeof (char *)
                  : field->kind == AUT_KIND_HASHES ? sizeof (aut_hash_t)
                                                   : field->of->size;
    char *array = aut_msg_arena_alloc (walk->arena, count * size);
    if (!array)
        return AUT_ERR_NOMEM;
    for (size_t i = 0; i < count; i++) {
        aut_place_t at = {place, NULL, i};
        rc = decode_element (walk, &at, field, &object->via.array.ptr[i], array + i * size);
        if (rc)
            return rc;
    }
    *(const void **)(void *)(base + field->offset) = array;
    *(size_t *)(void *)(base + field->count) = count;
    return 0;
}

static int decode_value (walk_t *walk, const aut_place_t *place, const aut_field_t *field,
                         const msgpack_object *object, char *base)
{
    char *out = base + field->offset;
    switch (field->kind) {
    case AUT_KIND_U64:
    case AUT_KIND_U32:
        return decode_unsigned (walk, place, field, object, out);
    case AUT_KIND_I32:
        return decode_signed (walk, place, field, object, out);
    case AUT_KIND_BOOL:
        if (object->type != MSGPACK_OBJECT_BOOLEAN)
            return wrong_type (walk, place, "a boolean", object);
        *(bool *)out = object->via.boolean;
        return 0;
    case AUT_KIND_F64:
        return decode_double (walk, place, object, out);
    case AUT_KIND_STR:
        return decode_text (walk, place, (size_t)field->min, field->max, object,
                            (const char **)(void *)out);
    case AUT_KIND_BIN:
        return decode_bin (walk, place, field, object, base);
    case AUT_KIND_FIXED:
        return decode_fixed (walk, place, field->max, object, out);
    case AUT_KIND_HASH:
        return decode_hash (walk, place, object, out);
    case AUT_KIND_REF:
        return decode_map (walk, place, &aut_schema_ref, object, out);
    case AUT_KIND_MAP:
        return decode_map (walk, place, field->of, object, out);
    case AUT_KIND_STRS:
    case AUT_KIND_HASHES:
    case AUT_KIND_MAPS:
        return decode_array (walk, place, field, object, base);
    }
    return aut_fail (AUT_ERR_INTERNAL, "codec: a field of no known kind");
}

static const aut_field_t *find_field (const aut_schema_t *schema, const msgpack_object_str *key)
{
    for (size_t i = 0; i < schema->field_count; i++)
        if (strlen (schema->fields[i].key) == key->size &&
            memcmp (schema->fields[i].key, key->ptr, key->size) == 0)
            return &schema->fields[i];
    return NULL;
}

static int decode_map (walk_t *walk, const aut_place_t *place, const aut_schema_t *schema,
                       const msgpack_object *object, char *out)
{
    if (object->type != MSGPACK_OBJECT_MAP)
        return wrong_type (walk, place, "a map", object);
    uint32_t seen = 0;
    for (uint32_t i = 0; i < object->via.map.size; i++) {
        const msgpack_object_kv *pair = &object->via.map.ptr[i];
        if (pair->key.type != MSGPACK_OBJECT_STR)
            return aut_place_fail (walk->message, place, "key %u is %s, keys are strings", i,
                                   type_name (&pair->key));
        const aut_field_t *field = find_field (schema, &pair->key.via.str);
        if (!field)
            continue;
        aut_place_t at = {place, field->key, AUT_NO_INDEX};
        uint32_t bit = UINT32_C (1) << (field - schema->fields);
        if (seen & bit)
            return aut_place_fail (walk->message, &at, "the key stands there twice");
        seen |= bit;
        int rc = decode_value (walk, &at, field, &pair->val, out);
        if (rc)
            return rc;
    }
    for (size_t i = 0; i < schema->field_count; i++)
        if (!schema->fields[i].optional && !(seen & UINT32_C (1) << i)) {
            aut_place_t at = {place, schema->fields[i].key, AUT_NO_INDEX};
            return aut_place_fail (walk->message, &at, "the key is missing");
        }
    return 0;
}

/*  Reads `req` and `xfer` of a message that may be refused for something else. */
static void peek_numbers (const msgpack_object *object, aut_peek_t *peek)
{
    if (object->type != MSGPACK_OBJECT_MAP)
        return;
    for (uint32_t i = 0; i < object->via.map.size; i++) {
        const msgpack_object_kv *pair = &object->via.map.ptr[i];
        if (pair->key.type != MSGPACK_OBJECT_STR ||
            pair->val.type != MSGPACK_OBJECT_POSITIVE_INTEGER)
            continue;
        const msgpack_object_str *key = &pair->key.via.str;
        if (key->size == 3 && memcmp (key->ptr, "req", 3) == 0)
            peek->req = pair->val.via.u64;
        else if (key->size == 4 && memcmp (key->ptr, "xfer", 4) == 0)
            peek->xfer = pair->val.via.u64;
    }
}

int aut_codec_decode (const aut_schema_t *schema, void *out, aut_msg_arena_t **arena,
                      const void *map, size_t size, aut_peek_t *peek)
{
    if (size > AUT_CONTROL_MAX)
        return aut_fail (AUT_ERR_TOO_LARGE, "%s: %zu bytes, at most %d are allowed", schema->name,
                         size, AUT_CONTROL_MAX);
    int rc = aut_scan (map, size);
    if (rc)
        return aut_fail_in (rc, "%s", schema->name);
    msgpack_unpacked unpacked;
    msgpack_unpacked_init (&unpacked);
    size_t offset = 0;
    if (msgpack_unpack_next (&unpacked, map, size, &offset) != MSGPACK_UNPACK_SUCCESS)
        rc = aut_fail (AUT_ERR_INVALID, "%s: not msgpack", schema->name);
    else {
        if (peek)
            peek_numbers (&unpacked.data, peek);
        walk_t walk = {schema->name, arena};
        rc = decode_map (&walk, NULL, schema, &unpacked.data, out);
    }
    msgpack_unpacked_destroy (&unpacked);
    return rc;
}
