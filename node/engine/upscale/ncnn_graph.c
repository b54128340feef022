/*  Formulas of blobs: see ncnn_graph.h. */
#include "node/engine/upscale/ncnn_graph.h"

#include "lib/core/error.h"
#include "lib/core/mem.h"
#include "node/engine/upscale/names.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHANNELS_MAX 8192
#define SHARE 0.2
#define SLOPE 0.2

/*  What is known of a blob. */
typedef struct {
    uint64_t formula;
    int64_t channels;
    int64_t size; /* its sides, as multiples of the input's */
} blob_t;

typedef struct {
    ncnn_graph_t *out;
    const ncnn_param_t *param;
    const char *label;
    const ncnn_layer_t *layer; /* the one that is looked at */
    blob_t *blobs;
    size_t slopes, scale; /* PReLUs so far; of the pixel shuffle */
} reader_t;

/* ---- formulas -------------------------------------------------------------------------------- */

static uint64_t mix (uint64_t a, uint64_t b)
{
    uint64_t x = (a ^ (b + 0x9e3779b97f4a7c15u + (a << 6) + (a >> 2))) * 0xff51afd7ed558ccdu;
    return (x ^ (x >> 33)) * 0xc4ceb9fe1a85ec53u;
}

/*  A factor, so that 0.2 and 2.000000e-01 and (float) 0.2 are one. */
static uint64_t number (double value)
{
    return (uint64_t)llrint (fmin (fmax (value, -1e6), 1e6) * 1e5);
}

static uint64_t of_input (void)
{
    return mix (1, 0);
}

static uint64_t of_conv (size_t index, uint64_t x)
{
    return mix (mix (2, index), x);
}

static uint64_t of_slopes (size_t index, uint64_t x)
{
    return mix (mix (3, index), x);
}

static uint64_t of_relu (double slope, uint64_t x)
{
    return mix (mix (4, number (slope)), x);
}

static uint64_t of_shuffle (size_t factor, uint64_t x)
{
    return mix (mix (5, factor), x);
}

static uint64_t of_repeat (size_t factor, uint64_t x)
{
    return mix (mix (6, factor), x);
}

static uint64_t of_factor (double factor, uint64_t x)
{
    return number (factor) == number (1) ? x : mix (mix (7, number (factor)), x);
}

static uint64_t of_sum (uint64_t a, uint64_t b)
{
    return mix (mix (8, a < b ? a : b), a < b ? b : a);
}

static uint64_t of_join (uint64_t all, uint64_t x)
{
    return mix (mix (9, all), x);
}

/* ---- the architectures' formulas ------------------------------------------------------------- */

static uint64_t srvgg_formula (size_t convs, size_t scale)
{
    uint64_t x = of_input (), y = x;
    for (size_t i = 0; i < convs; i++) {
        y = of_conv (i, y);
        if (i + 1 < convs)
            y = of_slopes (i, y);
    }
    return of_sum (of_shuffle (scale, y), of_repeat (scale, x));
}

static uint64_t dense_formula (size_t at, uint64_t x)
{
    uint64_t all = of_join (0, x), y = 0;
    for (size_t i = 0; i < UPSCALE_RRDB_DENSE; i++) {
        y = of_conv (at + i, i == 0 ? x : all);
        if (i + 1 < UPSCALE_RRDB_DENSE)
            all = of_join (all, of_relu (SLOPE, y));
    }
    return of_sum (x, of_factor (SHARE, y));
}

static uint64_t rrdb_formula (size_t blocks)
{
    size_t tail = 1 + blocks * UPSCALE_RRDB_BLOCK;
    uint64_t first = of_conv (0, of_input ()), y = first;
    for (size_t at = 1; at < tail; at += UPSCALE_RRDB_BLOCK) {
        uint64_t x = y;
        for (size_t i = 0; i < UPSCALE_RRDB_BLOCK; i += UPSCALE_RRDB_DENSE)
            y = dense_formula (at + i, y);
        y = of_sum (x, of_factor (SHARE, y));
    }
    y = of_sum (first, of_conv (tail, y));
    y = of_relu (SLOPE, of_conv (tail + 1, of_repeat (2, y)));
    y = of_relu (SLOPE, of_conv (tail + 2, of_repeat (2, y)));
    y = of_relu (SLOPE, of_conv (tail + 3, y));
    return of_conv (tail + 4, y);
}

/* ---- layers ---------------------------------------------------------------------------------- */

__attribute__ ((format (printf, 2, 3))) static int wrong (const reader_t *r, const char *format,
                                                          ...)
{
    char text[160];
    va_list args;
    va_start (args, format);
    vsnprintf (text, sizeof text, format, args);
    va_end (args);
    return aut_fail (AUT_ERR_UNSUPPORTED, "%s: line %zu: %s: %s", r->label, r->layer->line,
                     ncnn_kind_text (r->layer->kind), text);
}

/*  A parameter, or what it is when the file does not say. */
static double value (const reader_t *r, unsigned id, double otherwise)
{
    return ncnn_value (r->layer, id, otherwise);
}

/*  Whether the parameters given are only `known` (bits), and no array but one of `array_of`. */
static bool only (const reader_t *r, uint32_t known, int array_of)
{
    const ncnn_layer_t *layer = r->layer;
    return (layer->given & ~known) == 0 &&
           (layer->array_count == 0 || (int)layer->array_of == array_of);
}

static const blob_t *input (const reader_t *r, size_t index)
{
    return &r->blobs[r->layer->in[index]];
}

static int give (reader_t *r, uint64_t formula, int64_t channels, int64_t size)
{
    if (channels < 1 || channels > CHANNELS_MAX)
        return wrong (r, "has %lld channels; 1 to %d can be", (long long)channels, CHANNELS_MAX);
    if (size > 16)
        return wrong (r, "enlarges beyond 16 times");
    r->blobs[r->layer->first_out] = (blob_t){formula, channels, size};
    return AUT_OK;
}

static ncnn_part_t *add_part (reader_t *r)
{
    ncnn_part_t *part = &r->out->parts[r->out->count++];
    part->line = r->layer->line;
    return part;
}

static int read_input (reader_t *r)
{
    if (!only (r, 0xf, -1))
        return wrong (r, "has parameters that are not known here");
    return give (r, of_input (), 3, 1);
}

static int read_split (reader_t *r)
{
    for (size_t i = 0; i < r->layer->out_count; i++)
        r->blobs[r->layer->first_out + i] = *input (r, 0);
    return AUT_OK;
}

/*  Parameters in ncnn's order: 0 channels, 1/11 kernel, 2/12 dilation, 3/13 stride, 4/14/15/16
 *  border, 5 bias, 6 numbers, 8 int8, 9 what follows, 10 (array) its slope. */
static int read_convolution (reader_t *r)
{
    const ncnn_layer_t *layer = r->layer;
    double out = value (r, 0, 0), border = value (r, 4, 0), after = value (r, 9, 0);
    bool same = true;
    for (unsigned i = 14; i <= 16; i++)
        same = same && value (r, i, border) == 1;
    for (unsigned i = 2; i <= 3; i++)
        same = same && value (r, i, 1) == 1 && value (r, i + 10, 1) == 1;
    same = same && border == 1 && value (r, 1, 0) == 3 && value (r, 11, 3) == 3;
    if (!same || !only (r, 0x1fb7f, 10) || value (r, 8, 0) != 0)
        return wrong (r, "is not one of 3 × 3 with stride and border 1, in floating point");
    if (value (r, 5, 0) != 1)
        return wrong (r, "has no bias (5=1)");
    if (!(out >= 1 && out <= CHANNELS_MAX) || floor (out) != out)
        return wrong (r, "0=%g are not 1 to %d channels", out, CHANNELS_MAX);
    if (value (r, 6, 0) != out * (double)input (r, 0)->channels * 9)
        return wrong (r, "6=%.0f numbers are not %lld × %.0f × 3 × 3", value (r, 6, 0),
                      (long long)input (r, 0)->channels, out);
    if ((after == 2) != (layer->array_count == 1) || (after != 0 && after != 2))
        return wrong (r, "9=%g is followed by something else than a leaky ReLU", after);
    ncnn_part_t *part = add_part (r);
    part->in = input (r, 0)->channels;
    part->out = (int64_t)out;
    uint64_t formula = of_conv (r->out->convs++, input (r, 0)->formula);
    if (after == 2)
        formula = of_relu (layer->array[0], formula);
    return give (r, formula, part->out, input (r, 0)->size);
}

static int read_prelu (reader_t *r)
{
    const blob_t *in = input (r, 0);
    if (!only (r, 1, -1) || value (r, 0, 0) != (double)in->channels)
        return wrong (r, "0=%g slopes are not one for each of %lld channels", value (r, 0, 0),
                      (long long)in->channels);
    ncnn_part_t *part = add_part (r);
    part->slopes = true;
    part->out = in->channels;
    return give (r, of_slopes (r->slopes++, in->formula), in->channels, in->size);
}

static int read_relu (reader_t *r)
{
    if (!only (r, 1, -1))
        return wrong (r, "has parameters that are not known here");
    const blob_t *in = input (r, 0);
    return give (r, of_relu (value (r, 0, 0), in->formula), in->channels, in->size);
}

static int read_shuffle (reader_t *r)
{
    double factor = value (r, 0, 1);
    const blob_t *in = input (r, 0);
    if (!only (r, 3, -1) || value (r, 1, 0) != 0 || (factor != 2 && factor != 3 && factor != 4) ||
        in->channels % ((int64_t)factor * (int64_t)factor) != 0)
        return wrong (r, "0=%g does not divide %lld channels by 4, 9 or 16", factor,
                      (long long)in->channels);
    r->scale = (size_t)factor;
    return give (r, of_shuffle (r->scale, in->formula),
                 in->channels / ((int64_t)factor * (int64_t)factor), in->size * (int64_t)factor);
}

/*  0 how (1 = nearest), 1 and 2 the factors, 3 and 4 a size, 5 and 6 more ways to say it. */
static int read_interp (reader_t *r)
{
    double factor = value (r, 1, 1);
    const blob_t *in = input (r, 0);
    bool plain = only (r, 0x7f, -1);
    for (unsigned i = 3; i <= 6; i++)
        plain = plain && value (r, i, 0) == 0;
    if (!plain || value (r, 0, 0) != 1 || value (r, 2, 1) != factor ||
        (factor != 2 && factor != 3 && factor != 4))
        return wrong (r, "does not repeat pixels 2, 3 or 4 times (0=1 1=2 2=2)");
    return give (r, of_repeat ((size_t)factor, in->formula), in->channels,
                 in->size * (int64_t)factor);
}

static int sum (reader_t *r, double a, double b)
{
    const blob_t *x = input (r, 0), *y = input (r, 1);
    if (x->channels != y->channels || x->size != y->size)
        return wrong (r, "adds %lld channels to %lld, or pictures of two sizes",
                      (long long)x->channels, (long long)y->channels);
    return give (r, of_sum (of_factor (a, x->formula), of_factor (b, y->formula)), x->channels,
                 x->size);
}

/*  0 what (0 adds, 2 multiplies), 1 whether by a number, 2 the number. */
static int read_binary (reader_t *r)
{
    const blob_t *in = input (r, 0);
    bool scalar = r->layer->in_count == 1;
    if (!only (r, 7, -1) || (value (r, 1, 0) != 0) != scalar || value (r, 0, 0) != (scalar ? 2 : 0))
        return wrong (r, "neither adds two blobs nor multiplies one by a number");
    if (scalar)
        return give (r, of_factor (value (r, 2, 0), in->formula), in->channels, in->size);
    return sum (r, 1, 1);
}

/*  0 what (1 sums), array 1 the factors. */
static int read_eltwise (reader_t *r)
{
    const ncnn_layer_t *layer = r->layer;
    if (!only (r, 1, 1) || value (r, 0, 0) != 1 || layer->in_count != 2 ||
        (layer->array_count != 0 && layer->array_count != 2))
        return wrong (r, "does not sum two blobs");
    bool given = layer->array_count == 2;
    return sum (r, given ? layer->array[0] : 1, given ? layer->array[1] : 1);
}

static int read_concat (reader_t *r)
{
    if (!only (r, 1, -1) || value (r, 0, 0) != 0)
        return wrong (r, "does not join channels (0=0)");
    uint64_t all = 0;
    int64_t channels = 0;
    for (size_t i = 0; i < r->layer->in_count; i++) {
        const blob_t *in = input (r, i);
        if (in->size != input (r, 0)->size)
            return wrong (r, "joins pictures of two sizes");
        all = of_join (all, in->formula);
        channels += in->channels;
    }
    return give (r, all, channels, input (r, 0)->size);
}

/* ---- the whole ------------------------------------------------------------------------------- */

/*  What reads each kind, and how many inputs and outputs it may have. */
static const struct {
    int (*read) (reader_t *r);
    size_t in_least, in_most, out_most;
} kinds[NCNN_KIND_COUNT] = {
    [NCNN_INPUT] = {read_input, 0, 0, 1},
    [NCNN_SPLIT] = {read_split, 1, 1, NCNN_JOINS_MAX},
    [NCNN_CONVOLUTION] = {read_convolution, 1, 1, 1},
    [NCNN_PRELU] = {read_prelu, 1, 1, 1},
    [NCNN_RELU] = {read_relu, 1, 1, 1},
    [NCNN_PIXEL_SHUFFLE] = {read_shuffle, 1, 1, 1},
    [NCNN_INTERP] = {read_interp, 1, 1, 1},
    [NCNN_BINARY_OP] = {read_binary, 1, 2, 1},
    [NCNN_ELTWISE] = {read_eltwise, 2, 2, 1},
    [NCNN_CONCAT] = {read_concat, 1, NCNN_JOINS_MAX, 1},
};

static int read_layer (reader_t *r)
{
    const ncnn_layer_t *layer = r->layer;
    if (layer->in_count < kinds[layer->kind].in_least ||
        layer->in_count > kinds[layer->kind].in_most || layer->out_count < 1 ||
        layer->out_count > kinds[layer->kind].out_most)
        return wrong (r, "has %zu inputs and %zu outputs", layer->in_count, layer->out_count);
    return kinds[layer->kind].read (r);
}

/*  Compares the last layer's formula with those of the architectures. */
static int recognise (reader_t *r)
{
    ncnn_graph_t *out = r->out;
    const blob_t *last = &r->blobs[r->layer->first_out];
    if (r->slopes > 0 && out->convs == r->slopes + 1 && out->convs <= UPSCALE_SRVGG_CONVS_MAX &&
        last->formula == srvgg_formula (out->convs, r->scale))
        return AUT_OK;
    size_t beside = 1 + UPSCALE_RRDB_TAIL;
    out->rrdb =
        r->slopes == 0 && out->convs > beside && (out->convs - beside) % UPSCALE_RRDB_BLOCK == 0;
    out->blocks = out->rrdb ? (out->convs - beside) / UPSCALE_RRDB_BLOCK : 0;
    if (out->rrdb && out->blocks <= UPSCALE_RRDB_BLOCKS_MAX &&
        last->formula == rrdb_formula (out->blocks))
        return AUT_OK;
    return aut_fail (AUT_ERR_UNSUPPORTED,
                     "%s: its %zu convolutions and %zu PReLUs are not joined as those of an "
                     "SRVGGNetCompact or an RRDBNet that enlarges 4 times",
                     r->label, out->convs, r->slopes);
}

int ncnn_graph_read (ncnn_graph_t *out, const ncnn_param_t *param, const char *label)
{
    *out = (ncnn_graph_t){.parts = aut_calloc (param->layer_count, sizeof *out->parts)};
    reader_t reader = {.out = out, .param = param, .label = label};
    reader.blobs = aut_calloc (param->blob_count, sizeof *reader.blobs);
    int rc = AUT_OK;
    for (size_t i = 0; i < param->layer_count && rc == AUT_OK; i++) {
        reader.layer = &param->layers[i];
        rc = read_layer (&reader);
    }
    if (rc == AUT_OK)
        rc = recognise (&reader);
    free (reader.blobs);
    return rc;
}

void ncnn_graph_clear (ncnn_graph_t *self)
{
    free (self->parts);
    *self = (ncnn_graph_t){0};
}
