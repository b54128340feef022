/*  The numbers of an ncnn model: see ncnn.h.
 *
 *  A .bin has no header and no names. For each layer with numbers, in the order of the .param:
 *
 *      convolution   u32 tag (0 or 0x0002C056: fp32, 0x01306B47: fp16), the weights
 * [out][in][3][3], padded to 4 bytes, then the bias [out], fp32 without a tag PReLU         the
 * slopes, fp32 without a tag
 */
#include "node/engine/upscale/ncnn.h"

#include "lib/core/error.h"
#include "lib/core/file.h"
#include "lib/core/mem.h"
#include "node/engine/upscale/names.h"
#include "node/engine/upscale/ncnn_graph.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define TAG_F16 0x01306B47u
#define TAG_F32 0u
#define TAG_F32_OTHER 0x0002C056u
#define BIN_MAX ((uint64_t)1 << 30)

struct ncnn {
    void *map; /* NULL if the bytes are the caller's */
    size_t map_size;
    aut_tensor_t *tensors;
    char (*names)[UPSCALE_NAME_MAX + 8];
    size_t count;
};

/*  A place in the .bin. */
typedef struct {
    const uint8_t *data;
    size_t size, at;
    const char *label;
} bin_t;

static int cut_off (const bin_t *bin, size_t line, uint64_t want)
{
    return aut_fail (AUT_ERR_CORRUPT,
                     "%s: the .bin ends at byte %zu, before the %" PRIu64
                     " bytes at %zu that line %zu of the .param calls for: they are not of one "
                     "model, or it is cut off",
                     bin->label, bin->size, want, bin->at, line);
}

/*  Takes `want` bytes. */
static int take (bin_t *bin, const void **out, uint64_t want, size_t line)
{
    if (want > bin->size - bin->at)
        return cut_off (bin, line, want);
    *out = bin->data + bin->at;
    bin->at += (size_t)want;
    return AUT_OK;
}

static aut_tensor_t *add (ncnn_t *self, const char *name, const char *end, aut_dtype_t dtype)
{
    aut_tensor_t *tensor = &self->tensors[self->count];
    snprintf (self->names[self->count], sizeof *self->names, "%s.%s", name, end);
    *tensor = (aut_tensor_t){.name = self->names[self->count], .dtype = dtype};
    self->count++;
    return tensor;
}

/*  One dimension of fp32, as biases and slopes are. */
static int read_row (ncnn_t *self, bin_t *bin, const ncnn_part_t *part, const char *name,
                     const char *end)
{
    aut_tensor_t *tensor = add (self, name, end, AUT_DTYPE_F32);
    tensor->rank = 1;
    tensor->shape[0] = tensor->count = (uint64_t)part->out;
    tensor->size = tensor->count * 4;
    return take (bin, &tensor->data, tensor->size, part->line);
}

static int read_conv (ncnn_t *self, bin_t *bin, const ncnn_part_t *part, const char *name)
{
    const void *data = NULL;
    uint32_t tag;
    int rc = take (bin, &data, sizeof tag, part->line);
    if (rc != AUT_OK)
        return rc;
    memcpy (&tag, data, sizeof tag);
    if (tag != TAG_F16 && tag != TAG_F32 && tag != TAG_F32_OTHER)
        return aut_fail (AUT_ERR_UNSUPPORTED,
                         "%s: the .bin has numbers of kind %08" PRIx32
                         " at byte %zu (for line %zu of the .param); fp32 and fp16 are read, "
                         "quantised ones are not",
                         bin->label, tag, bin->at - sizeof tag, part->line);
    aut_tensor_t *tensor =
        add (self, name, "weight", tag == TAG_F16 ? AUT_DTYPE_F16 : AUT_DTYPE_F32);
    tensor->rank = 4;
    tensor->shape[0] = (uint64_t)part->out;
    tensor->shape[1] = (uint64_t)part->in;
    tensor->shape[2] = tensor->shape[3] = 3;
    tensor->count = (uint64_t)part->out * (uint64_t)part->in * 9;
    tensor->size = tensor->count * (tag == TAG_F16 ? 2 : 4);
    rc = take (bin, &tensor->data, (tensor->size + 3) / 4 * 4, part->line);
    return rc == AUT_OK ? read_row (self, bin, part, name, "bias") : rc;
}

static int by_name (const void *a, const void *b)
{
    const aut_tensor_t *x = a, *y = b;
    return strcmp (x->name, y->name);
}

static int read_bin (ncnn_t *self, bin_t *bin, const ncnn_graph_t *graph)
{
    self->tensors = aut_calloc (2 * graph->count + 1, sizeof *self->tensors);
    self->names = aut_calloc (2 * graph->count + 1, sizeof *self->names);
    size_t convs = 0;
    for (size_t i = 0; i < graph->count; i++) {
        const ncnn_part_t *part = &graph->parts[i];
        char name[UPSCALE_NAME_MAX];
        if (graph->rrdb)
            upscale_rrdb_name (name, convs, graph->blocks);
        else
            upscale_srvgg_name (name, i);
        int rc = part->slopes ? read_row (self, bin, part, name, "weight")
                              : read_conv (self, bin, part, name);
        if (rc != AUT_OK)
            return rc;
        convs += !part->slopes;
    }
    if (bin->at != bin->size)
        return aut_fail (AUT_ERR_CORRUPT,
                         "%s: the .bin has %zu bytes, and the layers call for %zu: they are not of "
                         "one model",
                         bin->label, bin->size, bin->at);
    qsort (self->tensors, self->count, sizeof *self->tensors, by_name);
    return AUT_OK;
}

/*  Fills in the tensors of `self`. */
static int parse (ncnn_t *self, const char *text, size_t size, bin_t *bin)
{
    ncnn_param_t param = {0};
    ncnn_graph_t graph = {0};
    int rc = ncnn_param_parse (&param, text, size, bin->label);
    if (rc == AUT_OK)
        rc = ncnn_graph_read (&graph, &param, bin->label);
    if (rc == AUT_OK)
        rc = read_bin (self, bin, &graph);
    ncnn_graph_clear (&graph);
    ncnn_param_clear (&param);
    return rc;
}

int ncnn_parse (ncnn_t **out, const char *text, size_t text_size, const void *data,
                size_t data_size, const char *label)
{
    ncnn_t *self = aut_calloc (1, sizeof *self);
    bin_t bin = {.data = data, .size = data_size, .label = label};
    int rc = parse (self, text, text_size, &bin);
    if (rc != AUT_OK)
        ncnn_close (&self);
    *out = self;
    return rc;
}

/*  Maps the .bin. */
static int map (ncnn_t *self, const char *path)
{
    struct stat status;
    int fd = open (path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return aut_fail_errno ("%s (the numbers to the .param beside it)", path);
    int rc = AUT_OK;
    if (fstat (fd, &status) != 0)
        rc = aut_fail_errno ("%s", path);
    else if (!S_ISREG (status.st_mode) || status.st_size < 1)
        rc = aut_fail (AUT_ERR_CORRUPT, "%s: is no file with numbers", path);
    else if ((uint64_t)status.st_size > BIN_MAX)
        rc = aut_fail (AUT_ERR_TOO_LARGE, "%s: has more than %" PRIu64 " MiB", path, BIN_MAX >> 20);
    if (rc == AUT_OK) {
        void *data = mmap (NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (data == MAP_FAILED) {
            rc = aut_fail_errno ("%s: cannot be mapped", path);
        } else {
            self->map = data;
            self->map_size = (size_t)status.st_size;
        }
    }
    close (fd);
    return rc;
}

int ncnn_open (ncnn_t **out, const char *path)
{
    ncnn_t *self = aut_calloc (1, sizeof *self);
    char *text = NULL, *bin_path = NULL;
    size_t size = 0, stem = strlen (path);
    const char *dot = strrchr (path, '.');
    if (dot)
        stem = (size_t)(dot - path);
    bin_path = aut_sprintf ("%.*s.bin", (int)stem, path);
    int rc = aut_file_read (path, NCNN_TEXT_MAX, &text, &size);
    if (rc == AUT_OK)
        rc = map (self, bin_path);
    if (rc == AUT_OK) {
        bin_t bin = {.data = self->map, .size = self->map_size, .label = path};
        rc = parse (self, text, size, &bin);
    }
    free (text);
    free (bin_path);
    if (rc != AUT_OK)
        ncnn_close (&self);
    *out = self;
    return rc;
}

void ncnn_close (ncnn_t **self_p)
{
    ncnn_t *self = *self_p;
    if (!self)
        return;
    if (self->map)
        munmap (self->map, self->map_size);
    free (self->tensors);
    free (self->names);
    free (self);
    *self_p = NULL;
}

const aut_tensor_t *ncnn_tensors (const ncnn_t *self)
{
    return self->tensors;
}

size_t ncnn_count (const ncnn_t *self)
{
    return self->count;
}
