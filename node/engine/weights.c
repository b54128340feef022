/*  Weights: see weights.h.
 *
 *  A component has one list of tensors, sorted by name, whatever number of files they are in. The
 *  files stay mapped. A tensor that is converted or copied to a device is read through the mapping
 *  once and its pages are given back, so that loading a model does not count twice.
 */
#include "node/engine/weights.h"

#include "lib/core/buffer.h"
#include "lib/core/error.h"
#include "lib/core/file.h"
#include "lib/core/mem.h"
#include "node/engine/weights_finite.h"
#include "node/engine/weights_header.h"
#include "node/engine/weights_index.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define NAME_MAX_BYTES 512           /* of a tensor that a model asks for */
#define ROWS_MAX ((uint64_t)1 << 30) /* bytes that weights_rows gathers */

typedef struct {
    char *name; /* below the model's folder: "transformer/model.safetensors" */
    aut_safetensors_t *file;
} shard_t;

typedef struct {
    const aut_tensor_t *tensor;
    uint32_t shard;
    bool checked; /* all its numbers are finite */
} entry_t;

struct weights {
    char *label, *folder;
    char *source; /* the file that says which tensors there are, as in errors */
    shard_t *shards;
    size_t shard_count;
    entry_t *entries; /* by name */
    size_t count;
    uint64_t size, headers;
};

/* ---- opening --------------------------------------------------------------------------------- */

/*  Adds the bytes of a file's header to the sum, before the header is parsed. */
static int count_header (weights_t *self, const char *path, const char *name)
{
    uint64_t size;
    int rc = weights_header_size (&size, path);
    if (rc != AUT_OK)
        return aut_fail_in (rc, "%s", name);
    self->headers += size;
    if (self->headers > AUT_SAFETENSORS_HEADER_MAX)
        return aut_fail (AUT_ERR_TOO_LARGE, "the headers of its shards have more than %u bytes",
                         AUT_SAFETENSORS_HEADER_MAX);
    return AUT_OK;
}

static int open_shard (weights_t *self, shard_t *shard, const char *file_name)
{
    char *path = aut_path_join (self->folder, file_name, NULL);
    shard->name = aut_path_join (self->label, file_name, NULL);
    int rc = AUT_OK;
    if (!aut_file_exists (path))
        rc = aut_fail (AUT_ERR_NOT_FOUND, "%s is missing (looked for %s)", shard->name, path);
    if (rc == AUT_OK)
        rc = count_header (self, path, shard->name);
    if (rc == AUT_OK) {
        rc = aut_safetensors_open (&shard->file, path);
        if (rc != AUT_OK)
            rc = aut_fail_in (rc, "%s", shard->name);
    }
    free (path);
    return rc;
}

static int open_single (weights_t *self, const char *file_name)
{
    self->source = aut_path_join (self->label, file_name, NULL);
    self->shards = aut_calloc (1, sizeof *self->shards);
    self->shard_count = 1;
    int rc = open_shard (self, self->shards, file_name);
    if (rc != AUT_OK)
        return rc;
    self->count = aut_safetensors_count (self->shards->file);
    self->entries = aut_calloc (self->count + 1, sizeof *self->entries);
    for (size_t i = 0; i < self->count; i++)
        self->entries[i].tensor = aut_safetensors_at (self->shards->file, i);
    return AUT_OK;
}

static int by_name (const void *a, const void *b)
{
    const entry_t *x = a, *y = b;
    return strcmp (x->tensor->name, y->tensor->name);
}

static int open_index_shards (weights_t *self, const weights_index_t *index)
{
    self->shards = aut_calloc (index->shard_count + 1, sizeof *self->shards);
    size_t tensors = 0;
    for (size_t i = 0; i < index->shard_count; i++) {
        self->shard_count++;
        int rc = open_shard (self, &self->shards[i], index->shards[i]);
        if (rc != AUT_OK)
            return aut_fail_in (rc, "%s", self->source);
        tensors += aut_safetensors_count (self->shards[i].file);
        if (tensors > WEIGHTS_TENSORS_MAX)
            return aut_fail (AUT_ERR_TOO_LARGE, "%s: its shards have more than %u tensors",
                             self->source, WEIGHTS_TENSORS_MAX);
    }
    return AUT_OK;
}

/*  Records that a tensor is not in the shard where the index puts it. */
static int not_in_shard (const weights_t *self, const weights_index_entry_t *entry)
{
    aut_buffer_t shown = {0};
    char *cut = aut_strndup (entry->tensor, 200);
    aut_buffer_printable (&shown, cut);
    free (cut);
    char *text = aut_buffer_take (&shown, NULL);
    int rc = aut_fail (AUT_ERR_CORRUPT, "%s: there is no tensor %s, which %s puts there",
                       self->shards[entry->shard].name, text, self->source);
    free (text);
    return rc;
}

static int map_tensors (weights_t *self, const weights_index_t *index)
{
    self->entries = aut_calloc (index->entry_count + 1, sizeof *self->entries);
    for (size_t i = 0; i < index->entry_count; i++) {
        const weights_index_entry_t *from = &index->entries[i];
        const aut_tensor_t *tensor =
            aut_safetensors_find (self->shards[from->shard].file, from->tensor);
        if (!tensor)
            return not_in_shard (self, from);
        self->entries[self->count++] = (entry_t){.tensor = tensor, .shard = from->shard};
    }
    qsort (self->entries, self->count, sizeof *self->entries, by_name);
    return AUT_OK;
}

static int open_index (weights_t *self, const char *file_name)
{
    char *path = aut_path_join (self->folder, file_name, NULL), *data = NULL;
    size_t size = 0;
    weights_index_t index = {0};
    self->source = aut_path_join (self->label, file_name, NULL);
    int rc = aut_file_read (path, WEIGHTS_INDEX_MAX, &data, &size);
    if (rc != AUT_OK)
        rc = aut_fail_in (rc, "%s", self->source);
    else
        rc = weights_index_parse (&index, data, size, self->source);
    if (rc == AUT_OK)
        rc = open_index_shards (self, &index);
    if (rc == AUT_OK)
        rc = map_tensors (self, &index);
    weights_index_clear (&index);
    free (data);
    free (path);
    return rc;
}

static bool is_there (const weights_t *self, const char *file_name)
{
    char *path = aut_path_join (self->folder, file_name, NULL);
    bool there = aut_file_exists (path);
    free (path);
    return there;
}

/*  A folder that has neither form. */
static int no_weights (const weights_t *self)
{
    if (is_there (self, "diffusion_pytorch_model.bin") || is_there (self, "pytorch_model.bin"))
        return aut_fail (AUT_ERR_UNSUPPORTED,
                         "%s: only pickled weights (.bin) are in %s, which can run code when they "
                         "are read; convert them to safetensors",
                         self->label, self->folder);
    return aut_fail (AUT_ERR_NOT_FOUND,
                     "%s/diffusion_pytorch_model.safetensors is missing, and so are "
                     "%s/model.safetensors and an .index.json of either (looked in %s)",
                     self->label, self->label, self->folder);
}

static int find_files (weights_t *self)
{
    static const char *const stems[] = {"diffusion_pytorch_model.safetensors", "model.safetensors"};
    for (size_t i = 0; i < sizeof stems / sizeof *stems; i++) {
        if (is_there (self, stems[i]))
            return open_single (self, stems[i]);
        char *index = aut_sprintf ("%s.index.json", stems[i]);
        bool there = is_there (self, index);
        int rc = there ? open_index (self, index) : AUT_OK;
        free (index);
        if (there)
            return rc;
    }
    return no_weights (self);
}

/*  Hands out what was opened, or frees it. */
static int finish (weights_t **out, weights_t *self, int rc)
{
    if (rc != AUT_OK) {
        weights_close (&self);
        return rc;
    }
    for (size_t i = 0; i < self->count; i++)
        self->size += self->entries[i].tensor->size;
    *out = self;
    return AUT_OK;
}

int weights_open (weights_t **out, const char *folder, const char *label)
{
    weights_t *self = aut_calloc (1, sizeof *self);
    *out = NULL;
    self->label = aut_strdup (label);
    self->folder = aut_strdup (folder);
    return finish (out, self, find_files (self));
}

int weights_open_file (weights_t **out, const char *path, const char *label)
{
    weights_t *self = aut_calloc (1, sizeof *self);
    const char *slash = strrchr (path, '/');
    *out = NULL;
    self->label = aut_strdup (label);
    self->folder = slash ? aut_strndup (path, (size_t)(slash - path) + 1) : aut_strdup (".");
    return finish (out, self, open_single (self, slash ? slash + 1 : path));
}

void weights_adopt (weights_t **out, const aut_tensor_t *tensors, size_t count, const char *label)
{
    weights_t *self = aut_calloc (1, sizeof *self);
    self->label = aut_strdup (label);
    self->folder = aut_strdup ("");
    self->source = aut_strdup (label);
    self->shards = aut_calloc (1, sizeof *self->shards);
    self->shards->name = aut_strdup (label);
    self->shard_count = 1;
    self->entries = aut_calloc (count + 1, sizeof *self->entries);
    for (self->count = 0; self->count < count; self->count++)
        self->entries[self->count].tensor = &tensors[self->count];
    finish (out, self, AUT_OK);
}

void weights_close (weights_t **self_p)
{
    weights_t *self = *self_p;
    if (!self)
        return;
    for (size_t i = 0; i < self->shard_count; i++) {
        aut_safetensors_destroy (&self->shards[i].file);
        free (self->shards[i].name);
    }
    free (self->shards);
    free (self->entries);
    free (self->source);
    free (self->folder);
    free (self->label);
    free (self);
    *self_p = NULL;
}

/* ---- asking ---------------------------------------------------------------------------------- */

const char *weights_label (const weights_t *self)
{
    return self->label;
}

uint64_t weights_size (const weights_t *self)
{
    return self->size;
}

uint64_t weights_size_as (const weights_t *self, aut_dtype_t dtype)
{
    uint64_t elements = 0;
    for (size_t i = 0; i < self->count; i++)
        elements += self->entries[i].tensor->count;
    return elements * aut_dtype_size (dtype);
}

size_t weights_count (const weights_t *self)
{
    return self->count;
}

size_t weights_count_below (const weights_t *self, const char *prefix)
{
    size_t count = 0, length = strlen (prefix);
    for (size_t i = 0; i < self->count; i++)
        count += strncmp (self->entries[i].tensor->name, prefix, length) == 0;
    return count;
}

static entry_t *find (const weights_t *self, const char *name)
{
    aut_tensor_t wanted = {.name = name};
    entry_t key = {.tensor = &wanted};
    if (self->count == 0)
        return NULL;
    return bsearch (&key, self->entries, self->count, sizeof key, by_name);
}

__attribute__ ((format (printf, 2, 0))) static bool make_name (char name[NAME_MAX_BYTES],
                                                               const char *format, va_list args)
{
    int length = vsnprintf (name, NAME_MAX_BYTES, format, args);
    return length >= 0 && length < NAME_MAX_BYTES;
}

bool weights_has (const weights_t *self, const char *format, ...)
{
    char name[NAME_MAX_BYTES];
    va_list args;
    va_start (args, format);
    bool made = make_name (name, format, args);
    va_end (args);
    return made && find (self, name) != NULL;
}

size_t weights_dims (const weights_t *self, const char *name, int64_t dims[AUT_TENSOR_RANK_MAX])
{
    const entry_t *entry = find (self, name);
    if (!entry)
        return 0;
    for (uint32_t i = 0; i < entry->tensor->rank; i++)
        dims[i] = (int64_t)entry->tensor->shape[i];
    return entry->tensor->rank;
}

/* ---- checks before a read -------------------------------------------------------------------- */

#define SHAPE_TEXT_MAX 192

/*  "(3, 4)" */
static char *shape_text (char text[SHAPE_TEXT_MAX], size_t rank, const int64_t *dims)
{
    size_t at = (size_t)snprintf (text, SHAPE_TEXT_MAX, "(");
    for (size_t i = 0; i < rank; i++)
        at += (size_t)snprintf (text + at, SHAPE_TEXT_MAX - at, "%s%" PRId64, i > 0 ? ", " : "",
                                dims[i]);
    snprintf (text + at, SHAPE_TEXT_MAX - at, ")");
    return text;
}

static const char *file_of (const weights_t *self, const entry_t *entry)
{
    return self->shards[entry->shard].name;
}

static bool has_shape (const aut_tensor_t *tensor, size_t rank, const int64_t *dims)
{
    bool same = tensor->rank == rank;
    for (size_t i = 0; i < rank && same; i++)
        same = dims[i] >= 0 && tensor->shape[i] == (uint64_t)dims[i];
    return same;
}

/*  Quantised files keep a factor beside a tensor of 8 bits, which is not applied here. */
static bool has_scale (const weights_t *self, const char *name)
{
    static const char *const ends[] = {"scale_weight", "weight_scale", "scale"};
    const char *dot = strrchr (name, '.');
    int stem = dot ? (int)(dot - name) + 1 : 0;
    bool found = find (self, "scaled_fp8") != NULL;
    for (size_t i = 0; i < sizeof ends / sizeof *ends && !found; i++)
        found = weights_has (self, "%.*s%s", stem, name, ends[i]);
    return found;
}

static bool check_type (const weights_t *self, aten_t *c, const entry_t *entry)
{
    const aut_tensor_t *t = entry->tensor;
    if (!weights_is_float (t->dtype)) {
        aten_fail (c, AUT_ERR_UNSUPPORTED,
                   "%s: tensor %s is of type %s; weights are floating-point numbers (F32, BF16, "
                   "F16, F64, F8_E4M3, F8_E5M2)",
                   file_of (self, entry), t->name, aut_dtype_text (t->dtype));
        return false;
    }
    if (aut_dtype_size (t->dtype) == 1 && has_scale (self, t->name)) {
        aten_fail (c, AUT_ERR_UNSUPPORTED,
                   "%s: tensor %s is quantised to 8 bits with a scale, which is not supported; use "
                   "the model in BF16",
                   file_of (self, entry), t->name);
        return false;
    }
    return true;
}

/*  The entry of a tensor of this name, shape and some floating-point type, or NULL with the
 *  context's error set. */
static entry_t *require (const weights_t *self, aten_t *c, size_t rank, const int64_t *dims,
                         const char *name)
{
    char expected[SHAPE_TEXT_MAX], found[SHAPE_TEXT_MAX];
    int64_t stored[AUT_TENSOR_RANK_MAX] = {0};
    entry_t *entry = find (self, name);
    if (rank > AUT_TENSOR_RANK_MAX) {
        aten_fail (c, AUT_ERR_INTERNAL, "tensor %s: asked for with %zu dimensions", name, rank);
        return NULL;
    }
    shape_text (expected, rank, dims);
    if (!entry) {
        aten_fail (c, AUT_ERR_CORRUPT, "%s: tensor %s is missing: expected %s", self->source, name,
                   expected);
        return NULL;
    }
    if (!has_shape (entry->tensor, rank, dims)) {
        size_t stored_rank = weights_dims (self, name, stored);
        aten_fail (c, AUT_ERR_CORRUPT, "%s: tensor %s: expected %s, found %s",
                   file_of (self, entry), name, expected, shape_text (found, stored_rank, stored));
        return NULL;
    }
    return check_type (self, c, entry) ? entry : NULL;
}

/* ---- reading --------------------------------------------------------------------------------- */

/*  Tells the kernel that the whole pages of a tensor are about to be read, or not needed soon. It
 *  is a hint: what it answers does not matter. */
static void advise (const aut_tensor_t *tensor, int advice)
{
    uintptr_t page = (uintptr_t)sysconf (_SC_PAGESIZE);
    uintptr_t begin = ((uintptr_t)tensor->data + page - 1) / page * page;
    uintptr_t end = ((uintptr_t)tensor->data + tensor->size) / page * page;
    int saved = errno;
    if (begin < end)
        madvise ((void *)begin, end - begin, advice);
    errno = saved;
}

/*  Sets the context's error if one of the tensor's numbers is not finite. They are looked at once.
 */
static bool check_finite (const weights_t *self, aten_t *c, entry_t *entry)
{
    const aut_tensor_t *t = entry->tensor;
    if (entry->checked)
        return true;
    advise (t, MADV_WILLNEED);
    uint64_t bad = weights_find_bad (t->data, t->dtype, t->count);
    entry->checked = bad == t->count;
    if (!entry->checked)
        aten_fail (c, AUT_ERR_CORRUPT,
                   "%s: tensor %s is not finite: element %" PRIu64
                   " is NaN, infinite or too large; the file is damaged",
                   file_of (self, entry), t->name, bad);
    return entry->checked;
}

/*  The tensor's bytes as a host tensor of the stored type: over the mapping where the alignment
 *  allows, else over an aligned copy in `*copy` (the caller frees it when the result is gone). */
static tensor_t *on_host (aten_t *c, const aut_tensor_t *t, const int64_t *dims, void **copy)
{
    const void *data = t->data;
    if (!aut_tensor_aligned (t)) {
        *copy = aut_try_alloc (t->size + 1, 1);
        if (!*copy) {
            aten_fail_code (c, AUT_ERR_NOMEM);
            return NULL;
        }
        memcpy (*copy, t->data, t->size);
        data = *copy;
    }
    return aten_borrow_host (c, data, t->dtype, t->rank, dims);
}

/*  The entry as `dtype`, kept, on the device or (page-locked) on the host. */
static tensor_t *read_entry (entry_t *entry, aten_t *c, aut_dtype_t dtype, const int64_t *dims,
                             bool to_device)
{
    const aut_tensor_t *t = entry->tensor;
    void *copy = NULL;
    aten_scope_t scope = aten_open (c);
    tensor_t *stored = on_host (c, t, dims, &copy);
    tensor_t *result = stored;
    if (to_device) /* first up, then converted: the device is quicker at it */
        result = aten_to (c, aten_to_device (c, result), dtype);
    else
        result = aten_pin (c, aten_to (c, result, dtype));
    if (copy && result == stored)
        result = aten_clone (c, result);
    result = aten_keep (c, result);
    bool borrowed = result == stored;
    aten_close (c, scope, NULL);
    free (copy);
    if (!borrowed)
        advise (t, MADV_DONTNEED);
    return result;
}

__attribute__ ((format (printf, 7, 0))) static tensor_t *load (weights_t *self, aten_t *c,
                                                               aut_dtype_t dtype, size_t rank,
                                                               const int64_t *dims, bool to_device,
                                                               const char *format, va_list args)
{
    char name[NAME_MAX_BYTES];
    if (!c || aten_status (c) != AUT_OK)
        return NULL;
    if (!make_name (name, format, args))
        return aten_fail (c, AUT_ERR_INTERNAL, "%s: a tensor's name is too long", self->label);
    entry_t *entry = require (self, c, rank, dims, name);
    if (!entry)
        return NULL;
    return check_finite (self, c, entry) ? read_entry (entry, c, dtype, dims, to_device) : NULL;
}

tensor_t *weights_load (weights_t *self, aten_t *c, aut_dtype_t dtype, size_t rank,
                        const int64_t *dims, const char *format, ...)
{
    va_list args;
    va_start (args, format);
    tensor_t *result = load (self, c, dtype, rank, dims, true, format, args);
    va_end (args);
    return result;
}

tensor_t *weights_load_host (weights_t *self, aten_t *c, aut_dtype_t dtype, size_t rank,
                             const int64_t *dims, const char *format, ...)
{
    va_list args;
    va_start (args, format);
    tensor_t *result = load (self, c, dtype, rank, dims, false, format, args);
    va_end (args);
    return result;
}

/* ---- rows of a table ------------------------------------------------------------------------- */

/*  Copies the rows into `out`. */
static bool gather (const weights_t *self, aten_t *c, const entry_t *entry, const int32_t *ids,
                    size_t count, uint8_t *out)
{
    const aut_tensor_t *t = entry->tensor;
    size_t bytes = (size_t)(t->shape[1] * aut_dtype_size (t->dtype));
    for (size_t i = 0; i < count; i++) {
        if (ids[i] < 0 || (uint64_t)ids[i] >= t->shape[0]) {
            aten_fail (c, AUT_ERR_INVALID, "%s: tensor %s has no row %" PRId32 ", only %" PRIu64,
                       file_of (self, entry), t->name, ids[i], t->shape[0]);
            return false;
        }
        memcpy (out + i * bytes, (const uint8_t *)t->data + (uint64_t)ids[i] * bytes, bytes);
    }
    return true;
}

tensor_t *weights_rows (weights_t *self, aten_t *c, aut_dtype_t dtype, const int32_t *ids,
                        size_t count, const char *name)
{
    if (!c || aten_status (c) != AUT_OK)
        return NULL;
    int64_t dims[AUT_TENSOR_RANK_MAX] = {0};
    size_t rank = weights_dims (self, name, dims);
    if (rank != 2)
        return aten_fail (c, AUT_ERR_CORRUPT,
                          "%s: tensor %s: expected a table, found %zu dimensions", self->source,
                          name, rank);
    entry_t *entry = require (self, c, rank, dims, name);
    if (!entry || !check_finite (self, c, entry))
        return NULL;
    uint64_t bytes = (uint64_t)dims[1] * aut_dtype_size (entry->tensor->dtype);
    if (bytes > ROWS_MAX || count > ROWS_MAX / (bytes + 1))
        return aten_fail (c, AUT_ERR_TOO_LARGE, "%s: tensor %s: %zu rows of %" PRIu64 " bytes",
                          file_of (self, entry), name, count, bytes);
    uint8_t *data = aut_try_alloc (count * bytes + 1, 1);
    if (!data) {
        aten_fail_code (c, AUT_ERR_NOMEM);
        return NULL;
    }
    aten_scope_t scope = aten_open (c);
    tensor_t *rows = NULL;
    if (gather (self, c, entry, ids, count, data))
        rows = aten_to (
            c, aten_from_host (c, data, entry->tensor->dtype, DIMS ((int64_t)count, dims[1])),
            dtype);
    advise (entry->tensor, MADV_DONTNEED);
    free (data);
    return aten_close (c, scope, rows);
}
