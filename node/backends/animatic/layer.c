#include "node/backends/animatic/layer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/core/error.h"
#include "lib/core/mem.h"

#define MARGIN 4       /* pixels around what is asked for, for the kernel's reach */
#define SIDE_MAX 16000 /* cairo's own limit is 32767 */

uint64_t anm_mix (uint64_t a, uint64_t b)
{
    uint64_t z = a + UINT64_C (0x9e3779b97f4a7c15) * (b + 1);
    z = (z ^ (z >> 30)) * UINT64_C (0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C (0x94d049bb133111eb);
    return z ^ (z >> 31);
}

double anm_random (uint64_t seed, uint64_t index)
{
    return (double)(anm_mix (seed, index) >> 11) * (1.0 / 9007199254740992.0);
}

static anm_layer_t *layer_new (anm_rect_t world, double density, double depth)
{
    /* on one grid, so that layers of one density can be laid over each other pixel by pixel */
    double x0 = floor (world.x0 * density) - MARGIN, y0 = floor (world.y0 * density) - MARGIN;
    double w = ceil (world.x1 * density) + MARGIN - x0, h = ceil (world.y1 * density) + MARGIN - y0;
    if (!(w >= 1 && h >= 1 && w <= SIDE_MAX && h <= SIDE_MAX)) {
        aut_fail (AUT_ERR_TOO_LARGE, "a layer of %.0f x %.0f pixels", w, h);
        return NULL;
    }
    anm_layer_t *self = aut_calloc (1, sizeof *self);
    self->width = (int)w;
    self->height = (int)h;
    self->density = density;
    self->depth = depth;
    self->opacity = 1.0;
    self->world.x0 = x0 / density;
    self->world.y0 = y0 / density;
    self->world.x1 = self->world.x0 + w / density;
    self->world.y1 = self->world.y0 + h / density;
    return self;
}

anm_layer_t *anm_layer_new (anm_rect_t world, double density, double depth)
{
    anm_layer_t *self = layer_new (world, density, depth);
    if (self == NULL)
        return NULL;
    self->surface = cairo_image_surface_create (CAIRO_FORMAT_ARGB32, self->width, self->height);
    self->first = aut_calloc (4 * (size_t)self->height, sizeof *self->first);
    self->last = self->first + self->height;
    self->solid = self->last + self->height;
    self->solid_end = self->solid + self->height;
    if (cairo_surface_status (self->surface) != CAIRO_STATUS_SUCCESS) {
        aut_fail (AUT_ERR_NOMEM, "no memory for a layer of %d x %d pixels", self->width,
                  self->height);
        anm_layer_destroy (&self);
    }
    return self;
}

anm_layer_t *anm_layer_new_smooth (anm_rect_t world, double density, double depth)
{
    anm_layer_t *self = layer_new (world, density, depth);
    if (self == NULL)
        return NULL;
    self->smooth =
        aut_try_alloc ((size_t)self->width * (size_t)self->height, 4 * sizeof *self->smooth);
    if (self->smooth == NULL)
        anm_layer_destroy (&self);
    return self;
}

void anm_layer_destroy (anm_layer_t **self_p)
{
    anm_layer_t *self = *self_p;
    if (self == NULL)
        return;
    if (self->surface != NULL)
        cairo_surface_destroy (self->surface);
    free (self->smooth);
    free (self->first);
    free (self);
    *self_p = NULL;
}

cairo_t *anm_layer_cairo (anm_layer_t *self)
{
    cairo_t *cr = cairo_create (self->surface);
    cairo_scale (cr, self->density, self->density);
    cairo_translate (cr, -self->world.x0, -self->world.y0);
    cairo_set_line_cap (cr, CAIRO_LINE_CAP_ROUND);
    cairo_set_line_join (cr, CAIRO_LINE_JOIN_ROUND);
    return cr;
}

void anm_layer_fill (anm_layer_t *self, anm_paint_fn paint, const void *ctx)
{
    for (int y = 0; y < self->height; y++) {
        float *row = self->smooth + (size_t)y * (size_t)self->width * 4;
        double wy = self->world.y0 + (y + 0.5) / self->density;
        for (int x = 0; x < self->width; x++) {
            anm_px_t px = paint (ctx, self->world.x0 + (x + 0.5) / self->density, wy);
            for (int c = 0; c < 4; c++)
                row[4 * x + c] = px[c];
        }
    }
}

/*  Chance per pixel, in a triangle about 0: two cheap draws from one hash. */
static double grain_at (uint64_t seed, int x, int y)
{
    uint64_t h = (uint64_t)(uint32_t)x * UINT64_C (0x9e3779b97f4a7c15) ^
                 (uint64_t)(uint32_t)y * UINT64_C (0xc2b2ae3d27d4eb4f) ^ seed;
    h ^= h >> 29;
    h *= UINT64_C (0xbf58476d1ce4e5b9);
    h ^= h >> 32;
    return (double)(h & 0xffff) / 65536.0 - (double)((h >> 16) & 0xffff) / 65536.0;
}

static uint32_t grained (uint32_t px, double by)
{
    uint32_t a = px >> 24, out = a << 24;
    by *= a / 255.0;
    for (unsigned shift = 0; shift < 24; shift += 8) {
        double v = floor ((double)((px >> shift) & 0xff) + by + 0.5);
        uint32_t c = v < 0 ? 0 : (uint32_t)v;
        out |= (c > a ? a : c) << shift;
    }
    return out;
}

/*  Notes which pixels of a row are not empty, and its longest opaque run. */
static void note_row (anm_layer_t *self, int y, const uint32_t *row)
{
    int first = self->width, last = -1, run = 0;
    self->solid[y] = self->solid_end[y] = 0;
    for (int x = 0; x < self->width; x++) {
        if (row[x] != 0) {
            first = first > x ? x : first;
            last = x;
        }
        run = row[x] >= UINT32_C (0xff000000) ? run + 1 : 0;
        if (run > self->solid_end[y] - self->solid[y]) {
            self->solid[y] = x + 1 - run;
            self->solid_end[y] = x + 1;
        }
    }
    self->first[y] = first;
    self->last[y] = last;
}

void anm_layer_finish (anm_layer_t *self, double grain, uint64_t seed)
{
    cairo_surface_flush (self->surface);
    uint8_t *data = cairo_image_surface_get_data (self->surface);
    int stride = cairo_image_surface_get_stride (self->surface);
    for (int y = 0; y < self->height; y++) {
        uint32_t *row = (uint32_t *)(void *)(data + (size_t)y * (size_t)stride);
        for (int x = 0; grain > 0 && x < self->width; x++)
            if (row[x] != 0)
                row[x] = grained (row[x], grain * grain_at (seed, x, y));
        note_row (self, y, row);
    }
    cairo_surface_mark_dirty (self->surface);
}

void anm_layer_lay_over (anm_layer_t *self, const anm_layer_t *other)
{
    cairo_t *cr = cairo_create (self->surface);
    double x = floor ((other->world.x0 - self->world.x0) * self->density + 0.5);
    double y = floor ((other->world.y0 - self->world.y0) * self->density + 0.5);
    cairo_set_source_surface (cr, other->surface, x, y);
    cairo_pattern_set_filter (cairo_get_source (cr), CAIRO_FILTER_NEAREST);
    cairo_paint (cr);
    cairo_destroy (cr);
}

/*  One pass of a box over `count` pixels that lie `step` bytes apart. */
static void box_pass (uint8_t *line, const uint8_t *copy, int count, size_t step, int radius)
{
    unsigned sum[4] = {0}, n = (unsigned)(2 * radius + 1);
    for (int i = -radius; i <= radius; i++)
        for (int c = 0; c < 4; c++)
            sum[c] += copy[4 * (i < 0 ? 0 : i >= count ? count - 1 : i) + c];
    for (int i = 0; i < count; i++) {
        int out = i - radius < 0 ? 0 : i - radius;
        int in = i + radius + 1 >= count ? count - 1 : i + radius + 1;
        for (int c = 0; c < 4; c++) {
            line[(size_t)i * step + (size_t)c] = (uint8_t)((sum[c] + n / 2) / n);
            sum[c] += copy[4 * in + c];
            sum[c] -= copy[4 * out + c];
        }
    }
}

void anm_layer_blur (anm_layer_t *self, int radius)
{
    cairo_surface_flush (self->surface);
    uint8_t *data = cairo_image_surface_get_data (self->surface);
    size_t stride = (size_t)cairo_image_surface_get_stride (self->surface);
    int most = self->width > self->height ? self->width : self->height;
    uint8_t *copy = aut_try_alloc ((size_t)most, 4);
    if (copy == NULL || radius < 1) {
        free (copy);
        return;
    }
    for (int pass = 0; pass < 3; pass++) {
        for (int y = 0; y < self->height; y++) {
            uint8_t *row = data + (size_t)y * stride;
            memcpy (copy, row, 4 * (size_t)self->width);
            box_pass (row, copy, self->width, 4, radius);
        }
        for (int x = 0; x < self->width; x++) {
            uint8_t *column = data + 4 * (size_t)x;
            for (int y = 0; y < self->height; y++)
                memcpy (copy + 4 * (size_t)y, column + (size_t)y * stride, 4);
            box_pass (column, copy, self->height, stride, radius);
        }
    }
    free (copy);
    cairo_surface_mark_dirty (self->surface);
}
