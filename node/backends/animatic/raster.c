/*  Resampling and compositing, a row of the frame at a time.
 *
 *  Every view is a scale and a shift per axis, so the cubic kernel separates: a source row is
 *  filtered sideways once, kept in a ring while the frame's rows need it, and a frame's row is the
 *  weighted sum of the ring's rows. A kernel wider than a pixel (scaling down) takes more taps. The
 *  sums run in a fixed order in float, so that a frame is a function of layers and views alone.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/core/error.h"
#include "lib/core/mem.h"
#include "node/backends/animatic/layer.h"

#define TAPS_MAX 16
#define DITHER_SIDE 64

typedef struct {
    int from; /* first source pixel; may lie outside */
    float w[TAPS_MAX];
} tap_t;

/*  One layer's tables for the current frame. */
typedef struct {
    int taps_x, taps_y;
    tap_t *x;                 /* per frame column */
    int ring_size;            /* rows kept */
    anm_px_t *ring;           /* ring_size rows of the frame's width */
    int *ring_row;            /* which source row each holds; INT_MIN: none */
    int *ring_from, *ring_to; /* the columns in each that are not empty: [from, to) */
    size_t ring_bytes;
} table_t;

struct anm_raster {
    int width, height;
    anm_px_t *line;   /* the frame's row */
    anm_px_t *source; /* a source row in float */
    size_t source_cap;
    table_t *tables;
    int tables_cap;
    float dither[DITHER_SIDE * DITHER_SIDE];
};

anm_raster_t *anm_raster_new (int width, int height)
{
    anm_raster_t *self = aut_calloc (1, sizeof *self);
    self->width = width;
    self->height = height;
    self->line = aut_calloc ((size_t)width, sizeof *self->line);
    for (uint64_t i = 0; i < DITHER_SIDE * DITHER_SIDE; i++)
        self->dither[i] =
            (float)((anm_random (91, 2 * i) + anm_random (91, 2 * i + 1) - 1.0) / 255.0);
    return self;
}

void anm_raster_destroy (anm_raster_t **self_p)
{
    anm_raster_t *self = *self_p;
    if (self == NULL)
        return;
    for (int i = 0; i < self->tables_cap; i++) {
        free (self->tables[i].x);
        free (self->tables[i].ring);
        free (self->tables[i].ring_row);
        free (self->tables[i].ring_from);
        free (self->tables[i].ring_to);
    }
    free (self->tables);
    free (self->line);
    free (self->source);
    free (self);
    *self_p = NULL;
}

/*  Catmull-Rom: exact at the samples, so that a layer at rest keeps its sharpness. */
static double kernel (double x)
{
    x = fabs (x);
    if (x < 1.0)
        return (1.5 * x - 2.5) * x * x + 1.0;
    if (x < 2.0)
        return ((-0.5 * x + 2.5) * x - 4.0) * x + 2.0;
    return 0.0;
}

static int taps_for (double a)
{
    double wide = fabs (a) > 1.0 ? fabs (a) : 1.0;
    int taps = 2 * (int)ceil (2.0 * wide - 1e-9);
    return taps > TAPS_MAX ? TAPS_MAX : taps;
}

/*  The weights of `taps` source pixels about `center`; they sum to 1. */
static void make_tap (tap_t *tap, double center, double a, int taps)
{
    double wide = fabs (a) > 1.0 ? fabs (a) : 1.0, sum = 0.0, w[TAPS_MAX];
    if (wide > TAPS_MAX / 4.0)
        wide = TAPS_MAX / 4.0;
    double base = floor (center) - taps / 2 + 1;
    base = base < -1e8 ? -1e8 : base > 1e8 ? 1e8 : base;
    tap->from = (int)base;
    for (int k = 0; k < taps; k++)
        sum += w[k] = kernel ((base + k - center) / wide);
    for (int k = 0; k < taps; k++)
        tap->w[k] = (float)(w[k] / sum);
}

/*  Makes room for a layer's tables at this frame. */
static int prepare (anm_raster_t *self, table_t *t, const anm_layer_t *layer,
                    const anm_view_t *view)
{
    size_t width = (size_t)self->width;
    t->taps_x = taps_for (view->ax);
    t->taps_y = taps_for (view->ay);
    if (t->x == NULL) {
        t->ring_size = TAPS_MAX;
        t->x = aut_try_alloc (width, sizeof *t->x);
        t->ring = aut_try_alloc (width * TAPS_MAX, sizeof *t->ring);
        t->ring_row = aut_calloc (TAPS_MAX, sizeof *t->ring_row);
        t->ring_from = aut_calloc (TAPS_MAX, sizeof *t->ring_from);
        t->ring_to = aut_calloc (TAPS_MAX, sizeof *t->ring_to);
        if (t->x == NULL || t->ring == NULL)
            return AUT_ERR_NOMEM;
    }
    for (int x = 0; x < self->width; x++)
        make_tap (&t->x[x], view->ax * x + view->bx, view->ax, t->taps_x);
    for (int i = 0; i < t->ring_size; i++)
        t->ring_row[i] = INT32_MIN;
    size_t need = (size_t)layer->width + 2 * TAPS_MAX;
    if (need > self->source_cap) {
        free (self->source);
        self->source = aut_try_alloc (need, sizeof *self->source);
        self->source_cap = self->source == NULL ? 0 : need;
    }
    return self->source == NULL ? AUT_ERR_NOMEM : AUT_OK;
}

/*  Source pixels [from, to) of a row as floats, at their index in `out`. */
static void load_row (const anm_layer_t *layer, int row, int from, int to, anm_px_t *out)
{
    typedef uint8_t bytes_t __attribute__ ((vector_size (4)));
    const anm_px_t scale = {1 / 255.0f, 1 / 255.0f, 1 / 255.0f, 1 / 255.0f};
    if (layer->smooth != NULL) {
        memcpy (out + from, layer->smooth + ((size_t)row * (size_t)layer->width + (size_t)from) * 4,
                (size_t)(to - from) * sizeof *out);
        return;
    }
    const uint8_t *data = cairo_image_surface_get_data (layer->surface) +
                          (size_t)row * (size_t)cairo_image_surface_get_stride (layer->surface);
    for (int x = from; x < to; x++) {
        bytes_t b;
        memcpy (&b, data + 4 * (size_t)x, 4);
        out[x] = __builtin_convertvector(b, anm_px_t) * scale;
    }
}

/*  The first frame column whose kernel reaches at or beyond source pixel `px`, for a > 0. */
static int column_reaching (const table_t *t, int width, int px, int reach)
{
    int lo = 0, hi = width;
    while (lo < hi) {
        int mid = lo + (hi - lo) / 2;
        if (t->x[mid].from + reach > px)
            hi = mid;
        else
            lo = mid + 1;
    }
    return lo;
}

static anm_px_t sum_clamped (const anm_px_t *source, const tap_t *tap, int taps, int width,
                             bool clamp)
{
    anm_px_t sum = {0};
    for (int k = 0; k < taps; k++) {
        int at = tap->from + k;
        if (at < 0 || at >= width) {
            if (!clamp)
                continue;
            at = at < 0 ? 0 : width - 1;
        }
        sum += source[at] * tap->w[k];
    }
    return sum;
}

/*  Filters source row `row` sideways into ring slot `slot`. */
static void filter_row (anm_raster_t *self, table_t *t, const anm_layer_t *layer,
                        const anm_view_t *view, int row, int slot)
{
    anm_px_t *out = t->ring + (size_t)slot * (size_t)self->width;
    int first = 0, last = layer->width - 1, from = 0, to = self->width, taps = t->taps_x;
    t->ring_row[slot] = row;
    t->ring_from[slot] = t->ring_to[slot] = 0;
    if (row < 0 || row >= layer->height) {
        if (!layer->clamp)
            return;
        row = row < 0 ? 0 : layer->height - 1;
    }
    if (layer->first != NULL && !layer->clamp) {
        first = layer->first[row];
        last = layer->last[row];
    }
    if (first > last)
        return;
    load_row (layer, row, 0, layer->width, self->source);
    if (view->ax > 0 && !layer->clamp) {
        from = column_reaching (t, self->width, first, taps);
        to = column_reaching (t, self->width, last, 0);
    }
    t->ring_from[slot] = from;
    t->ring_to[slot] = to;
    for (int x = from; x < to; x++) {
        const tap_t *tap = &t->x[x];
        if (tap->from < 0 || tap->from + taps > layer->width) {
            out[x] = sum_clamped (self->source, tap, taps, layer->width, layer->clamp);
            continue;
        }
        const anm_px_t *in = self->source + tap->from;
        anm_px_t sum =
            in[0] * tap->w[0] + in[1] * tap->w[1] + in[2] * tap->w[2] + in[3] * tap->w[3];
        for (int k = 4; k < taps; k++)
            sum += in[k] * tap->w[k];
        out[x] = sum;
    }
}

static void blend_span (anm_px_t *line, const anm_px_t *const rows[], const float *w, int taps,
                        int from, int to, anm_blend_t blend)
{
    const anm_px_t one = {1, 1, 1, 1};
    for (int x = from; x < to; x++) {
        anm_px_t sum = rows[0][x] * w[0];
        for (int k = 1; k < taps; k++)
            sum += rows[k][x] * w[k];
        if (blend == ANM_OVER)
            line[x] = sum + line[x] * (1.0f - sum[3]);
        else
            line[x] = line[x] + sum * (one - line[x]);
    }
}

/*  Lays one layer over the frame's row `y`. */
static void blend_layer (anm_raster_t *self, table_t *t, const anm_layer_t *layer,
                         const anm_view_t *view, int y)
{
    tap_t tap;
    const anm_px_t *rows[TAPS_MAX];
    float w[TAPS_MAX];
    int from = self->width, to = 0;
    make_tap (&tap, view->ay * y + view->by, view->ay, t->taps_y);
    if (!layer->clamp && (tap.from >= layer->height || tap.from + t->taps_y <= 0))
        return;
    for (int k = 0; k < t->taps_y; k++) {
        int row = tap.from + k;
        int slot = (int)((unsigned)(row + (1 << 28)) % (unsigned)t->ring_size);
        if (t->ring_row[slot] != row)
            filter_row (self, t, layer, view, row, slot);
        if (t->ring_from[slot] < t->ring_to[slot]) {
            from = t->ring_from[slot] < from ? t->ring_from[slot] : from;
            to = t->ring_to[slot] > to ? t->ring_to[slot] : to;
        }
    }
    if (from >= to)
        return;
    for (int k = 0; k < t->taps_y; k++) {
        int slot = (int)((unsigned)(tap.from + k + (1 << 28)) % (unsigned)t->ring_size);
        anm_px_t *row = t->ring + (size_t)slot * (size_t)self->width;
        int a = t->ring_from[slot], b = t->ring_to[slot];
        if (a >= b)
            a = b = from;
        if (a > from)
            memset (row + from, 0, (size_t)(a - from) * sizeof *row);
        if (b < to)
            memset (row + b, 0, (size_t)(to - b) * sizeof *row);
        t->ring_from[slot] = from < a ? from : a;
        t->ring_to[slot] = to > b ? to : b;
        rows[k] = row;
        w[k] = tap.w[k] * (float)view->opacity;
    }
    blend_span (self->line, rows, w, t->taps_y, from, to, layer->blend);
}

/*  The row as r, g, b in [0, 1], with a fixed half-step dither so that gradients do not band. */
static void store_row (const anm_raster_t *self, int y, float *rgb)
{
    const float *dither = self->dither + (size_t)(y % DITHER_SIDE) * DITHER_SIDE;
    for (int x = 0; x < self->width; x++) {
        float d = dither[x % DITHER_SIDE];
        for (int c = 0; c < 3; c++) {
            float v = self->line[x][2 - c] + d;
            rgb[3 * x + c] = v < 0.0f ? 0.0f : v > 1.0f ? 1.0f : v;
        }
    }
}

int anm_raster_render (anm_raster_t *self, anm_layer_t *const *layers, const anm_view_t *views,
                       int count, float *rgb)
{
    if (count > self->tables_cap) {
        self->tables = aut_realloc (self->tables, (size_t)count, sizeof *self->tables);
        memset (self->tables + self->tables_cap, 0,
                (size_t)(count - self->tables_cap) * sizeof *self->tables);
        self->tables_cap = count;
    }
    for (int i = 0; i < count; i++) {
        int rc = prepare (self, &self->tables[i], layers[i], &views[i]);
        if (rc != AUT_OK)
            return rc;
    }
    for (int y = 0; y < self->height; y++) {
        memset (self->line, 0, (size_t)self->width * sizeof *self->line);
        for (int i = 0; i < count; i++)
            if (views[i].opacity > 0.0)
                blend_layer (self, &self->tables[i], layers[i], &views[i], y);
        store_row (self, y, rgb + (size_t)y * (size_t)self->width * 3);
    }
    return AUT_OK;
}
