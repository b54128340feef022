/*  A record: see record.h. */
#include "node/engine/tools/record.h"

#include "lib/core/error.h"
#include "lib/core/mem.h"
#include "lib/core/safetensors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RECORD_BYTES_MAX (16ull << 30)
#define MISSING_SHOWN 400

typedef struct {
    aut_tensor_t tensor; /* data: ours, allocated when the first of it comes */
    uint64_t filled;     /* bytes that have come */
} slot_t;

struct record {
    slot_t *slots;
    size_t count;
    tap_t tap;
    int status; /* the first error while listening */
};

static const struct {
    const char *name;
    aut_dtype_t dtype;
} types[] = {
    {"float32", AUT_DTYPE_F32},   {"float64", AUT_DTYPE_F64}, {"float16", AUT_DTYPE_F16},
    {"bfloat16", AUT_DTYPE_BF16}, {"int64", AUT_DTYPE_I64},   {"int32", AUT_DTYPE_I32},
    {"uint8", AUT_DTYPE_U8},      {"bool", AUT_DTYPE_BOOL},
};

static int read_dtype (aut_dtype_t *out, const json_t *entry)
{
    const char *name = NULL;
    int rc = aut_json_string (entry, "dtype", &name);
    for (size_t i = 0; rc == 0 && i < sizeof types / sizeof *types; i++)
        if (strcmp (types[i].name, name) == 0) {
            *out = types[i].dtype;
            return 0;
        }
    return rc ? rc : aut_fail (AUT_ERR_INVALID, "dtype: '%s' is not known", name);
}

static int read_shape (aut_tensor_t *t, const json_t *entry)
{
    const json_t *shape = json_object_get (entry, "shape");
    size_t rank = json_array_size (shape);
    if (!json_is_array (shape) || rank > AUT_TENSOR_RANK_MAX)
        return aut_fail (AUT_ERR_INVALID, "shape: expected an array of at most %d numbers",
                         AUT_TENSOR_RANK_MAX);
    t->rank = (uint32_t)rank;
    t->count = 1;
    for (size_t i = 0; i < rank; i++) {
        const json_t *dim = json_array_get (shape, i);
        json_int_t n = json_is_integer (dim) ? json_integer_value (dim) : -1;
        if (n < 0 || (n > 0 && t->count > RECORD_BYTES_MAX / (uint64_t)n))
            return aut_fail (AUT_ERR_INVALID, "shape[%zu]: expected a length that memory holds", i);
        t->shape[i] = (uint64_t)n;
        t->count *= (uint64_t)n;
    }
    t->size = t->count * aut_dtype_size (t->dtype);
    return 0;
}

static bool wanted (void *ctx, const char *name)
{
    return record_lists (ctx, name);
}

static void seen (void *ctx, const char *name, aten_t *c, tensor_t *t)
{
    record_t *self = ctx;
    int rc = record_add (self, name, c, t);
    if (rc && !self->status)
        self->status = rc;
    aten_fail_code (c, rc);
}

int record_open (record_t **out, const json_t *tensors, const char *what)
{
    *out = NULL;
    if (!json_is_object (tensors))
        return aut_fail (AUT_ERR_INVALID, "%s: tensors: expected an object", what);
    record_t *self = aut_calloc (1, sizeof *self);
    self->slots = aut_calloc (json_object_size (tensors) + 1, sizeof *self->slots);
    self->tap = (tap_t){.wanted = wanted, .seen = seen, .ctx = self};
    const char *name;
    json_t *entry;
    json_object_foreach ((json_t *)tensors, name, entry)
    {
        aut_tensor_t *t = &self->slots[self->count++].tensor;
        t->name = name;
        int rc = read_dtype (&t->dtype, entry);
        if (rc == 0)
            rc = read_shape (t, entry);
        if (rc) {
            record_close (&self);
            return aut_fail_in (rc, "%s: tensors: %s", what, name);
        }
    }
    *out = self;
    return 0;
}

void record_close (record_t **self_p)
{
    record_t *self = *self_p;
    *self_p = NULL;
    if (!self)
        return;
    for (size_t i = 0; i < self->count; i++)
        free ((void *)self->slots[i].tensor.data);
    free (self->slots);
    free (self);
}

static slot_t *find (const record_t *self, const char *name)
{
    for (size_t i = 0; i < self->count; i++)
        if (strcmp (self->slots[i].tensor.name, name) == 0)
            return &self->slots[i];
    return NULL;
}

bool record_lists (const record_t *self, const char *name)
{
    return find (self, name) != NULL;
}

bool record_lists_prefix (const record_t *self, const char *prefix)
{
    for (size_t i = 0; i < self->count; i++)
        if (strncmp (self->slots[i].tensor.name, prefix, strlen (prefix)) == 0)
            return true;
    return false;
}

tap_t *record_tap (record_t *self)
{
    return &self->tap;
}

static unsigned char *room_of (slot_t *slot)
{
    if (!slot->tensor.data)
        slot->tensor.data = aut_calloc (slot->tensor.size ? slot->tensor.size : 1, 1);
    return (unsigned char *)slot->tensor.data;
}

static int fail_shape (const slot_t *slot, const tensor_t *t)
{
    char found[160] = "", expected[160] = "";
    for (size_t i = 0, n = 0; i < aten_rank (t) && n < sizeof found - 24; i++)
        n += (size_t)snprintf (found + n, sizeof found - n, "%s%lld", i ? ", " : "",
                               (long long)aten_dim (t, (int)i));
    for (size_t i = 0, n = 0; i < slot->tensor.rank && n < sizeof expected - 24; i++)
        n += (size_t)snprintf (expected + n, sizeof expected - n, "%s%llu", i ? ", " : "",
                               (unsigned long long)slot->tensor.shape[i]);
    return aut_fail (AUT_ERR_INVALID, "%s: expected (%s) as the case lists it, found (%s)",
                     slot->tensor.name, expected, found);
}

/*  The part of `t` that a slot lists: longer dimensions are cut; `dim` (any rank or more: none) may
 * be shorter, and begins at `at`. NULL after an error. */
static tensor_t *part_of (const slot_t *slot, aten_t *c, tensor_t *t, size_t dim, int64_t at)
{
    const aut_tensor_t *want = &slot->tensor;
    bool fits = aten_rank (t) == want->rank;
    for (size_t i = 0; fits && i < want->rank; i++) {
        int64_t length = (int64_t)want->shape[i], found = aten_dim (t, (int)i);
        fits = i == dim ? at + found <= length : found >= length;
        if (fits && i != dim && found > length)
            t = aten_narrow (c, t, (int)i, 0, length);
    }
    if (fits)
        return t;
    fail_shape (slot, t);
    return NULL;
}

int record_add_piece (record_t *self, const char *name, aten_t *c, tensor_t *t, size_t dim,
                      int64_t at)
{
    slot_t *slot = find (self, name);
    if (!slot || !t)
        return 0;
    const aut_tensor_t *want = &slot->tensor;
    aten_scope_t s = aten_open (c);
    tensor_t *part = part_of (slot, c, t, dim, at);
    int rc = part ? 0 : AUT_ERR_INVALID;
    if (part) {
        size_t outer = 1, inner = aut_dtype_size (want->dtype);
        for (size_t i = 0; i < want->rank; i++)
            *(i < dim ? &outer : &inner) *= i == dim ? 1 : want->shape[i];
        size_t run = inner * (size_t)aten_dim (part, (int)dim);
        unsigned char *piece = aut_calloc (outer * run + 1, 1), *to = room_of (slot);
        rc = aten_read (c, part, want->dtype, piece, outer * run);
        for (size_t i = 0; rc == 0 && i < outer; i++)
            memcpy (to + (i * want->shape[dim] + (size_t)at) * inner, piece + i * run, run);
        slot->filled += outer * run;
        free (piece);
    }
    aten_close (c, s, NULL);
    return rc;
}

int record_add (record_t *self, const char *name, aten_t *c, tensor_t *t)
{
    slot_t *slot = find (self, name);
    if (!slot || !t)
        return 0;
    aten_scope_t s = aten_open (c);
    tensor_t *part = part_of (slot, c, t, AUT_TENSOR_RANK_MAX, 0);
    int rc = part ? aten_read (c, part, slot->tensor.dtype, room_of (slot), slot->tensor.size)
                  : AUT_ERR_INVALID;
    slot->filled = slot->tensor.size;
    aten_close (c, s, NULL);
    return rc;
}

int record_add_bytes (record_t *self, const char *name, const void *data, size_t offset,
                      size_t size)
{
    slot_t *slot = find (self, name);
    if (!slot)
        return 0;
    if (offset > slot->tensor.size || size > slot->tensor.size - offset)
        return aut_fail (AUT_ERR_INVALID, "%s: more came than the case lists", name);
    memcpy (room_of (slot) + offset, data, size);
    slot->filled += size;
    return 0;
}

int record_write (const record_t *self, const char *path)
{
    if (self->status)
        return self->status;
    char missing[MISSING_SHOWN] = "";
    size_t used = 0, lacking = 0;
    aut_tensor_t *all = aut_calloc (self->count + 1, sizeof *all);
    for (size_t i = 0; i < self->count; i++) {
        const slot_t *slot = &self->slots[i];
        all[i] = slot->tensor;
        if (slot->filled >= slot->tensor.size && slot->tensor.data)
            continue;
        lacking++;
        if (used < sizeof missing - 1)
            used += (size_t)snprintf (missing + used, sizeof missing - used, "%s%s",
                                      used ? ", " : "", slot->tensor.name);
    }
    int rc = lacking ? aut_fail (AUT_ERR_NOT_FOUND,
                                 "%zu of %zu tensors were never computed for this model: %s",
                                 lacking, self->count, missing)
                     : aut_safetensors_write (path, all, self->count);
    free (all);
    return rc;
}
