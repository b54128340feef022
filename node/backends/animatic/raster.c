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
    anm_px_t *ring;           /* TAPS_MAX rows of the frame's width */
    int *ring_row;            /* which source row each holds; INT_MIN: none */
    int *ring_from, *ring_to; /* the columns in each that are not empty: [from, to) */
    tap_t row;                /* of the frame's row that is being made */
    int seen[2], seen_end[2]; /* the columns in it that nothing in front hides */
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
            (float)((anm_random (91, 2 * i) + anm_random (91, 2 * i + 1) - 1.0) * 0.5 / 255.0);
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

/*  A smooth layer that is much coarser than the frame needs no more than lines between samples. */
static bool is_coarse (const anm_layer_t *layer, double a)
{
    return layer->smooth != NULL && fabs (a) < 0.5;
}

static int taps_for (const anm_layer_t *layer, double a)
{
    if (is_coarse (layer, a))
        return 2;
    double wide = fabs (a) > 1.0 ? fabs (a) : 1.0;
    int taps = 2 * (int)ceil (2.0 * wide - 1e-9);
    return taps > TAPS_MAX ? TAPS_MAX : taps;
}

/*  The weights of `taps` source pixels about `center`; they sum to 1. */
static void make_tap (tap_t *tap, double center, double a, int taps)
{
    double wide = fabs (a) > 1.0 ? fabs (a) : 1.0, sum = 0.0, w[TAPS_MAX];
    if (taps == 2) {
        double whole = floor (center), part = center - whole;
        tap->from = (int)(whole < -1e8 ? -1e8 : whole > 1e8 ? 1e8 : whole);
        tap->w[0] = (float)(1 - part);
        tap->w[1] = (float)part;
        return;
    }
    if (wide > TAPS_MAX / 4.0)
        wide = TAPS_MAX / 4.0;
    int half = taps / 2;
    double base = floor (center) - half + 1;
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
    t->taps_x = taps_for (layer, view->ax);
    t->taps_y = taps_for (layer, view->ay);
    if (t->x == NULL) {
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
    for (int i = 0; i < TAPS_MAX; i++)
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
        anm_px_t sum = in[0] * tap->w[0] + in[1] * tap->w[1];
        if (taps > 2)
            sum += in[2] * tap->w[2] + in[3] * tap->w[3];
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
        /* There are at least two taps, each with its row. */
        anm_px_t sum = rows[0][x] * w[0] + rows[1][x] * w[1]; /* NOLINT(clang-analyzer-*) */
        if (taps > 2)
            sum += rows[2][x] * w[2] + rows[3][x] * w[3];
        for (int k = 4; k < taps; k++)
            sum += rows[k][x] * w[k];
        if (blend == ANM_OVER)
            line[x] = sum + line[x] * (1.0f - sum[3]);
        else
            line[x] = line[x] + sum * (one - line[x]);
    }
}

/*  The frame columns that a layer hides wholly in this row; empty where there are none. */
static void hidden_by (const anm_raster_t *self, const table_t *t, const anm_layer_t *layer,
                       const anm_view_t *view, int *from, int *to)
{
    int solid = 0, end = layer->width;
    *from = *to = 0;
    if (layer->solid == NULL || layer->blend != ANM_OVER || view->ax <= 0 || view->opacity < 1.0)
        return;
    for (int k = 0; k < t->taps_y; k++) {
        int row = t->row.from + k;
        if (row < 0 || row >= layer->height)
            return;
        solid = layer->solid[row] > solid ? layer->solid[row] : solid;
        end = layer->solid_end[row] < end ? layer->solid_end[row] : end;
    }
    if (solid >= end)
        return;
    *from = column_reaching (t, self->width, solid - 1, 0);
    *to = column_reaching (t, self->width, end, t->taps_x);
}

/*  From front to back: which columns of each layer are seen in row `y`. One hidden interval is
 *  kept, the largest so far; that catches skies behind land and streets behind walls. */
static void find_seen (anm_raster_t *self, anm_layer_t *const *layers, const anm_view_t *views,
                       int count, int y)
{
    int hidden = 0, hidden_end = 0;
    for (int i = count - 1; i >= 0; i--) {
        table_t *t = &self->tables[i];
        int from, to;
        make_tap (&t->row, views[i].ay * y + views[i].by, views[i].ay, t->taps_y);
        t->seen[0] = 0;
        t->seen_end[0] = hidden < hidden_end ? hidden : self->width;
        t->seen[1] = hidden < hidden_end ? hidden_end : self->width;
        t->seen_end[1] = self->width;
        hidden_by (self, t, layers[i], &views[i], &from, &to);
        if (from >= to)
            continue;
        if (hidden < hidden_end && from <= hidden_end && to >= hidden) {
            hidden = from < hidden ? from : hidden;
            hidden_end = to > hidden_end ? to : hidden_end;
        } else if (to - from > hidden_end - hidden) {
            hidden = from;
            hidden_end = to;
        }
    }
}

/*  Makes the rows a layer's taps need; gives the columns where any of them has something. */
static void fill_ring (anm_raster_t *self, table_t *t, const anm_layer_t *layer,
                       const anm_view_t *view, int *from, int *to)
{
    *from = self->width;
    *to = 0;
    for (int k = 0; k < t->taps_y; k++) {
        int row = t->row.from + k;
        int slot = (int)((unsigned)(row + (1 << 28)) % TAPS_MAX);
        if (t->ring_row[slot] != row)
            filter_row (self, t, layer, view, row, slot);
        if (t->ring_from[slot] < t->ring_to[slot]) {
            *from = t->ring_from[slot] < *from ? t->ring_from[slot] : *from;
            *to = t->ring_to[slot] > *to ? t->ring_to[slot] : *to;
        }
    }
}

/*  Lays one layer over the frame's row. */
static void blend_layer (anm_raster_t *self, table_t *t, const anm_layer_t *layer,
                         const anm_view_t *view)
{
    const anm_px_t *rows[TAPS_MAX];
    float w[TAPS_MAX];
    int from, to;
    if (t->seen[0] >= t->seen_end[0] && t->seen[1] >= t->seen_end[1])
        return;
    if (!layer->clamp && (t->row.from >= layer->height || t->row.from + t->taps_y <= 0))
        return;
    fill_ring (self, t, layer, view, &from, &to);
    for (int k = 0; k < t->taps_y && from < to; k++) {
        int slot = (int)((unsigned)(t->row.from + k + (1 << 28)) % TAPS_MAX);
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
        w[k] = t->row.w[k] * (float)view->opacity;
    }
    for (int i = 0; i < 2; i++) {
        int a = t->seen[i] > from ? t->seen[i] : from;
        int b = t->seen_end[i] < to ? t->seen_end[i] : to;
        if (a < b)
            blend_span (self->line, rows, w, t->taps_y, a, b, layer->blend);
    }
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
        find_seen (self, layers, views, count, y);
        for (int i = 0; i < count; i++)
            if (views[i].opacity > 0.0)
                blend_layer (self, &self->tables[i], layers[i], &views[i]);
        store_row (self, y, rgb + (size_t)y * (size_t)self->width * 3);
    }
    return AUT_OK;
}
