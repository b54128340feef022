/*  Layout: u64 little-endian header size, the header (JSON, padded with spaces), the tensors.
 *
 *  The index is built in two passes: first every entry is read and checked by itself (type, shape,
 *  product, size), then all of them together, sorted by offset, must tile the data exactly.
 *  Afterwards it is sorted by name for the search.
 */
#include "lib/core/safetensors.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/core/buffer.h"
#include "lib/core/error.h"
#include "lib/core/file.h"
#include "lib/core/json.h"
#include "lib/core/mem.h"

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "tensors are little-endian and are not converted"
#endif

#define NAME_MAX_BYTES 4096u

struct aut_safetensors {
    json_t *header; /* owns names and metadata */
    aut_tensor_t *tensors;
    size_t count;
    void *map; /* NULL when the caller owns the bytes */
    size_t map_size;
};

static const struct {
    const char *text;
    size_t size;
} dtypes[AUT_DTYPE_COUNT] = {
#define AUT_DTYPE_ROW(name, text, size) [AUT_DTYPE_##name] = {text, size},
    AUT_DTYPES (AUT_DTYPE_ROW)
#undef AUT_DTYPE_ROW
};

const char *aut_dtype_text (aut_dtype_t dtype)
{
    return (unsigned)dtype < AUT_DTYPE_COUNT ? dtypes[dtype].text : "?";
}

size_t aut_dtype_size (aut_dtype_t dtype)
{
    return (unsigned)dtype < AUT_DTYPE_COUNT ? dtypes[dtype].size : 0;
}

bool aut_tensor_aligned (const aut_tensor_t *tensor)
{
    size_t size = aut_dtype_size (tensor->dtype);
    return size != 0 && (uintptr_t)tensor->data % size == 0;
}

static int parse_dtype (aut_dtype_t *out, const char *text, const char *name)
{
    for (unsigned i = 0; i < AUT_DTYPE_COUNT; i++) {
        if (strcmp (dtypes[i].text, text) == 0) {
            *out = (aut_dtype_t)i;
            return AUT_OK;
        }
    }
    return aut_fail (AUT_ERR_UNSUPPORTED, "tensor %.200s: unknown type %.40s", name, text);
}

/*  Elements and bytes of a shape; refuses products beyond 2^62, so that no later sum overflows. */
static int measure (aut_tensor_t *tensor)
{
    const uint64_t limit = UINT64_C (1) << 62;
    uint64_t size = aut_dtype_size (tensor->dtype), count = 1;
    if (size == 0)
        return aut_fail (AUT_ERR_INVALID, "tensor %.200s: bad type", tensor->name);
    for (uint32_t i = 0; i < tensor->rank; i++) {
        uint64_t dim = tensor->shape[i];
        if (dim != 0 && count > limit / size / dim)
            return aut_fail (AUT_ERR_TOO_LARGE, "tensor %.200s: its shape is too large",
                             tensor->name);
        count *= dim;
    }
    tensor->count = count;
    tensor->size = count * size;
    return AUT_OK;
}

static int read_u64 (uint64_t *out, const json_t *value, const char *name, const char *what)
{
    if (!json_is_integer (value) || json_integer_value (value) < 0)
        return aut_fail (AUT_ERR_CORRUPT, "tensor %.200s: %s is not a count", name, what);
    *out = (uint64_t)json_integer_value (value);
    return AUT_OK;
}

static int read_shape (aut_tensor_t *tensor, const json_t *shape)
{
    if (!json_is_array (shape))
        return aut_fail (AUT_ERR_CORRUPT, "tensor %.200s: no shape", tensor->name);
    size_t rank = json_array_size (shape);
    if (rank > AUT_TENSOR_RANK_MAX)
        return aut_fail (AUT_ERR_TOO_LARGE, "tensor %.200s: more than %d dimensions", tensor->name,
                         AUT_TENSOR_RANK_MAX);
    tensor->rank = (uint32_t)rank;
    for (size_t i = 0; i < rank; i++) {
        int rc = read_u64 (&tensor->shape[i], json_array_get (shape, i), tensor->name, "its shape");
        if (rc != AUT_OK)
            return rc;
    }
    return measure (tensor);
}

/*  One entry of the header against `size` bytes of data. */
static int read_entry (aut_tensor_t *tensor, const char *name, const json_t *entry,
                       const uint8_t *data, uint64_t size)
{
    const char *dtype = json_string_value (json_object_get (entry, "dtype"));
    const json_t *offsets = json_object_get (entry, "data_offsets");
    uint64_t begin = 0, end = 0;
    tensor->name = name;
    if (strlen (name) > NAME_MAX_BYTES)
        return aut_fail (AUT_ERR_TOO_LARGE, "a tensor's name has more than %u bytes",
                         NAME_MAX_BYTES);
    if (dtype == NULL || !json_is_array (offsets) || json_array_size (offsets) != 2 ||
        json_object_size (entry) != 3)
        return aut_fail (AUT_ERR_CORRUPT, "tensor %.200s: expected dtype, shape and data_offsets",
                         name);
    int rc = parse_dtype (&tensor->dtype, dtype, name);
    if (rc == AUT_OK)
        rc = read_shape (tensor, json_object_get (entry, "shape"));
    if (rc == AUT_OK)
        rc = read_u64 (&begin, json_array_get (offsets, 0), name, "its first offset");
    if (rc == AUT_OK)
        rc = read_u64 (&end, json_array_get (offsets, 1), name, "its last offset");
    if (rc != AUT_OK)
        return rc;
    if (begin > end || end > size)
        return aut_fail (AUT_ERR_CORRUPT, "tensor %.200s: lies outside the file", name);
    if (end - begin != tensor->size)
        return aut_fail (AUT_ERR_CORRUPT, "tensor %.200s: expected %llu bytes, found %llu", name,
                         (unsigned long long)tensor->size, (unsigned long long)(end - begin));
    tensor->data = data + begin;
    return AUT_OK;
}

static int by_place (const void *a, const void *b)
{
    const aut_tensor_t *x = a, *y = b;
    if (x->data != y->data)
        return (uintptr_t)x->data < (uintptr_t)y->data ? -1 : 1;
    return x->size < y->size ? -1 : x->size > y->size;
}

static int by_name (const void *a, const void *b)
{
    return strcmp (((const aut_tensor_t *)a)->name, ((const aut_tensor_t *)b)->name);
}

/*  Together the tensors must tile the data: no overlap, no hole, no rest. */
static int check_tiling (aut_safetensors_t *self, const uint8_t *data, uint64_t size)
{
    const uint8_t *at = data;
    qsort (self->tensors, self->count, sizeof *self->tensors, by_place);
    for (size_t i = 0; i < self->count; i++) {
        const aut_tensor_t *t = &self->tensors[i];
        if ((const uint8_t *)t->data != at)
            return aut_fail (AUT_ERR_CORRUPT, "tensor %.200s: %s", t->name,
                             (const uint8_t *)t->data < at ? "overlaps another"
                                                           : "bytes before it are not used");
        at += t->size;
    }
    if ((uint64_t)(at - data) != size)
        return aut_fail (AUT_ERR_CORRUPT, "%llu bytes after the last tensor",
                         (unsigned long long)(size - (uint64_t)(at - data)));
    qsort (self->tensors, self->count, sizeof *self->tensors, by_name);
    return AUT_OK;
}

static int check_metadata (const json_t *metadata)
{
    const char *key;
    json_t *value;
    if (!json_is_object (metadata))
        return aut_fail (AUT_ERR_CORRUPT, "__metadata__ is not an object");
    json_object_foreach ((json_t *)metadata, key, value)
    {
        if (!json_is_string (value))
            return aut_fail (AUT_ERR_CORRUPT, "__metadata__.%.200s is not a string", key);
    }
    return AUT_OK;
}

static int build_index (aut_safetensors_t *self, const uint8_t *data, uint64_t size)
{
    const char *key;
    json_t *value;
    size_t entries = json_object_size (self->header);
    if (entries > AUT_SAFETENSORS_TENSORS_MAX)
        return aut_fail (AUT_ERR_TOO_LARGE, "more than %u tensors", AUT_SAFETENSORS_TENSORS_MAX);
    self->tensors = aut_calloc (entries + 1, sizeof *self->tensors);
    json_object_foreach (self->header, key, value)
    {
        int rc = strcmp (key, "__metadata__") == 0
                     ? check_metadata (value)
                     : read_entry (&self->tensors[self->count++], key, value, data, size);
        if (rc != AUT_OK)
            return rc;
    }
    return check_tiling (self, data, size);
}

static int parse (aut_safetensors_t *self, const uint8_t *bytes, size_t size)
{
    uint64_t header = 0;
    if (size < sizeof header)
        return aut_fail (AUT_ERR_CORRUPT, "too short for a safetensors file");
    memcpy (&header, bytes, sizeof header);
    if (header > AUT_SAFETENSORS_HEADER_MAX)
        return aut_fail (AUT_ERR_TOO_LARGE, "a header of %llu bytes; at most %u are read",
                         (unsigned long long)header, AUT_SAFETENSORS_HEADER_MAX);
    if (header < 2 || header > size - sizeof header || bytes[sizeof header] != '{')
        return aut_fail (AUT_ERR_CORRUPT, "the header is not there or not whole");
    int rc = aut_json_parse (&self->header, (const char *)bytes + sizeof header, (size_t)header,
                             "header");
    if (rc != AUT_OK)
        return rc;
    if (!json_is_object (self->header))
        return aut_fail (AUT_ERR_CORRUPT, "the header is not an object");
    return build_index (self, bytes + sizeof header + header, size - sizeof header - header);
}

int aut_safetensors_parse (aut_safetensors_t **out, const void *data, size_t size, const char *what)
{
    aut_safetensors_t *self = aut_calloc (1, sizeof *self);
    *out = NULL;
    int rc = parse (self, data, size);
    if (rc != AUT_OK) {
        aut_safetensors_destroy (&self);
        return aut_fail_in (rc, "%s", what);
    }
    *out = self;
    return AUT_OK;
}

/*  Maps a whole regular file; a folder, pipe or device is refused without being read. */
static int map_file (void **map, size_t *size, const char *path)
{
    struct stat st;
    int rc = AUT_OK;
    int fd = open (path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return aut_fail_errno ("%s", path);
    if (fstat (fd, &st) != 0)
        rc = aut_fail_errno ("%s", path);
    else if (!S_ISREG (st.st_mode))
        rc = aut_fail (AUT_ERR_INVALID, "%s: not a regular file", path);
    else if (st.st_size < 8)
        rc = aut_fail (AUT_ERR_CORRUPT, "%s: too short for a safetensors file", path);
    if (rc == AUT_OK) {
        *size = (size_t)st.st_size;
        *map = mmap (NULL, *size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (*map == MAP_FAILED)
            rc = aut_fail_errno ("%s: cannot be mapped", path);
    }
    close (fd);
    return rc;
}

int aut_safetensors_open (aut_safetensors_t **out, const char *path)
{
    void *map = NULL;
    size_t size = 0;
    *out = NULL;
    int rc = map_file (&map, &size, path);
    if (rc != AUT_OK)
        return rc;
    aut_safetensors_t *self = NULL;
    rc = aut_safetensors_parse (&self, map, size, path);
    if (rc != AUT_OK || !self) {
        munmap (map, size);
        return rc;
    }
    self->map = map;
    self->map_size = size;
    *out = self;
    return AUT_OK;
}

void aut_safetensors_destroy (aut_safetensors_t **self_p)
{
    aut_safetensors_t *self = *self_p;
    if (self == NULL)
        return;
    free (self->tensors);
    json_decref (self->header);
    if (self->map != NULL)
        munmap (self->map, self->map_size);
    free (self);
    *self_p = NULL;
}

size_t aut_safetensors_count (const aut_safetensors_t *self)
{
    return self->count;
}

const aut_tensor_t *aut_safetensors_at (const aut_safetensors_t *self, size_t index)
{
    return index < self->count ? &self->tensors[index] : NULL;
}

const aut_tensor_t *aut_safetensors_find (const aut_safetensors_t *self, const char *name)
{
    aut_tensor_t key = {.name = name};
    if (self->count == 0)
        return NULL;
    return bsearch (&key, self->tensors, self->count, sizeof key, by_name);
}

const char *aut_safetensors_metadata (const aut_safetensors_t *self, const char *key)
{
    return json_string_value (
        json_object_get (json_object_get (self->header, "__metadata__"), key));
}

/*  Wide types first, then by name, so that every tensor is aligned and the bytes do not depend on
 *  the caller's order. */
static int by_width (const void *a, const void *b)
{
    const aut_tensor_t *x = a, *y = b;
    size_t wide_x = aut_dtype_size (x->dtype), wide_y = aut_dtype_size (y->dtype);
    if (wide_x != wide_y)
        return wide_x > wide_y ? -1 : 1;
    return strcmp (x->name, y->name);
}

static int check_writable (aut_tensor_t *sorted, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        aut_tensor_t *t = &sorted[i];
        if (t->name == NULL || t->name[0] == '\0' || strlen (t->name) > NAME_MAX_BYTES ||
            strcmp (t->name, "__metadata__") == 0)
            return aut_fail (AUT_ERR_INVALID, "tensor %zu has no usable name", i);
        if (t->rank > AUT_TENSOR_RANK_MAX)
            return aut_fail (AUT_ERR_INVALID, "tensor %.200s: rank %u", t->name, t->rank);
        int rc = measure (t);
        if (rc != AUT_OK)
            return rc;
        if (t->data == NULL && t->size > 0)
            return aut_fail (AUT_ERR_INVALID, "tensor %.200s has no data", t->name);
    }
    qsort (sorted, count, sizeof *sorted, by_name);
    for (size_t i = 1; i < count; i++)
        if (strcmp (sorted[i - 1].name, sorted[i].name) == 0)
            return aut_fail (AUT_ERR_INVALID, "two tensors are named %.200s", sorted[i].name);
    qsort (sorted, count, sizeof *sorted, by_width);
    return AUT_OK;
}

/*  The size field and the header, padded so that the data begins on 8 bytes. */
static void build_header (aut_buffer_t *out, const aut_tensor_t *sorted, size_t count)
{
    uint64_t offset = 0, header = 0;
    aut_buffer_append (out, &header, sizeof header);
    aut_buffer_text (out, "{");
    for (size_t i = 0; i < count; i++) {
        const aut_tensor_t *t = &sorted[i];
        if (i > 0)
            aut_buffer_text (out, ",");
        aut_buffer_json_string (out, t->name);
        aut_buffer_format (out, ":{\"dtype\":\"%s\",\"shape\":[", aut_dtype_text (t->dtype));
        for (uint32_t d = 0; d < t->rank; d++)
            aut_buffer_format (out, "%s%llu", d > 0 ? "," : "", (unsigned long long)t->shape[d]);
        aut_buffer_format (out, "],\"data_offsets\":[%llu,%llu]}", (unsigned long long)offset,
                           (unsigned long long)(offset + t->size));
        offset += t->size;
    }
    aut_buffer_text (out, "}");
    while (out->size % 8 != 0)
        aut_buffer_text (out, " ");
    header = out->size - sizeof header;
    memcpy (out->data, &header, sizeof header);
}

static int write_all (int fd, const void *data, uint64_t size, const char *path)
{
    const uint8_t *at = data;
    while (size > 0) {
        ssize_t n = write (fd, at, size > (1u << 30) ? (1u << 30) : (size_t)size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return aut_fail_errno ("%s: cannot be written", path);
        at += n;
        size -= (uint64_t)n;
    }
    return AUT_OK;
}

static int sync_parent (const char *path)
{
    const char *slash = strrchr (path, '/');
    char *dir = slash == NULL   ? aut_strdup (".")
                : slash == path ? aut_strdup ("/")
                                : aut_strndup (path, (size_t)(slash - path));
    int rc = aut_dir_sync (dir);
    free (dir);
    return rc;
}

static int write_file (const char *path, const aut_buffer_t *header, const aut_tensor_t *sorted,
                       size_t count)
{
    char *temp = aut_sprintf ("%s.XXXXXX", path);
    int fd = mkostemp (temp, O_CLOEXEC);
    int rc = fd < 0 ? aut_fail_errno ("%s: cannot be made", path)
                    : write_all (fd, header->data, header->size, path);
    for (size_t i = 0; i < count && rc == AUT_OK; i++)
        rc = write_all (fd, sorted[i].data, sorted[i].size, path);
    if (rc == AUT_OK && (fchmod (fd, 0644) != 0 || fsync (fd) != 0))
        rc = aut_fail_errno ("%s: cannot be written", path);
    if (fd >= 0 && close (fd) != 0 && rc == AUT_OK)
        rc = aut_fail_errno ("%s: cannot be written", path);
    if (rc == AUT_OK && rename (temp, path) != 0)
        rc = aut_fail_errno ("%s: cannot be renamed into place", path);
    if (rc == AUT_OK)
        rc = sync_parent (path);
    else if (fd >= 0)
        unlink (temp);
    free (temp);
    return rc;
}

int aut_safetensors_write (const char *path, const aut_tensor_t *tensors, size_t count)
{
    aut_buffer_t header = {0};
    if (count > AUT_SAFETENSORS_TENSORS_MAX)
        return aut_fail (AUT_ERR_TOO_LARGE, "%s: more than %u tensors", path,
                         AUT_SAFETENSORS_TENSORS_MAX);
    aut_tensor_t *sorted = aut_calloc (count + 1, sizeof *sorted);
    for (size_t i = 0; i < count; i++)
        sorted[i] = tensors[i];
    int rc = check_writable (sorted, count);
    if (rc == AUT_OK) {
        build_header (&header, sorted, count);
        rc = header.size > AUT_SAFETENSORS_HEADER_MAX
                 ? aut_fail (AUT_ERR_TOO_LARGE, "%s: the header is too large", path)
                 : write_file (path, &header, sorted, count);
    }
    aut_buffer_clear (&header);
    free (sorted);
    return rc;
}
