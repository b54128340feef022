#include "node/backends/animatic/paint.h"

#include <math.h>

double anm_noise (uint64_t seed, double x)
{
    double f = floor (x), t = x - f;
    double a = anm_random (seed, (uint64_t)(int64_t)f);
    double b = anm_random (seed, (uint64_t)((int64_t)f + 1));
    t = t * t * (3 - 2 * t);
    return 2 * (a + (b - a) * t) - 1;
}

double anm_fbm (uint64_t seed, double x, int octaves)
{
    double sum = 0, weight = 1, total = 0;
    for (int i = 0; i < octaves; i++) {
        sum += weight * anm_noise (seed + (uint64_t)i, x);
        total += weight;
        weight *= 0.5;
        x = x * 2.03 + 7.1;
    }
    return sum / total;
}

static double cell (uint64_t seed, int64_t x, int64_t y)
{
    return anm_random (seed ^ ((uint64_t)x * UINT64_C (0x632be59bd9b4e019)), (uint64_t)y);
}

static double noise2 (uint64_t seed, double x, double y)
{
    double fx = floor (x), fy = floor (y), tx = x - fx, ty = y - fy;
    int64_t ix = (int64_t)fx, iy = (int64_t)fy;
    tx = tx * tx * (3 - 2 * tx);
    ty = ty * ty * (3 - 2 * ty);
    double a = cell (seed, ix, iy), b = cell (seed, ix + 1, iy);
    double c = cell (seed, ix, iy + 1), d = cell (seed, ix + 1, iy + 1);
    return (a + (b - a) * tx) * (1 - ty) + (c + (d - c) * tx) * ty;
}

double anm_fbm2 (uint64_t seed, double x, double y, int octaves)
{
    double sum = 0, weight = 1, total = 0;
    for (int i = 0; i < octaves; i++) {
        sum += weight * noise2 (seed + (uint64_t)i, x, y);
        total += weight;
        weight *= 0.5;
        x = x * 2.03 + 3.7;
        y = y * 2.03 + 9.2;
    }
    return sum / total;
}

double anm_smooth (double from, double to, double v)
{
    double t = (v - from) / (to - from);
    t = t < 0 ? 0 : t > 1 ? 1 : t;
    return t * t * (3 - 2 * t);
}

void anm_src (cairo_t *cr, anm_rgb_t c, double alpha)
{
    cairo_set_source_rgba (cr, c.r, c.g, c.b, alpha);
}

static void fill_gradient (cairo_t *cr, cairo_pattern_t *g, anm_rgb_t c0, double a0, anm_rgb_t c1,
                           double a1)
{
    cairo_pattern_add_color_stop_rgba (g, 0, c0.r, c0.g, c0.b, a0);
    cairo_pattern_add_color_stop_rgba (g, 1, c1.r, c1.g, c1.b, a1);
    cairo_set_source (cr, g);
    cairo_fill (cr);
    cairo_pattern_destroy (g);
}

void anm_fill_down (cairo_t *cr, double y0, anm_rgb_t c0, double a0, double y1, anm_rgb_t c1,
                    double a1)
{
    fill_gradient (cr, cairo_pattern_create_linear (0, y0, 0, y1), c0, a0, c1, a1);
}

void anm_fill_across (cairo_t *cr, double x0, anm_rgb_t c0, double a0, double x1, anm_rgb_t c1,
                      double a1)
{
    fill_gradient (cr, cairo_pattern_create_linear (x0, 0, x1, 0), c0, a0, c1, a1);
}

void anm_fill_round (const anm_paint_t *p, cairo_t *cr, anm_rgb_t own, double away)
{
    double x0, y0, x1, y1, ux = 1, uy = 0;
    cairo_path_extents (cr, &x0, &y0, &x1, &y1);
    cairo_user_to_device_distance (cr, &ux, &uy);
    bool right = (p->sun_x > p->subject_x) == (ux > 0);
    anm_rgb_t lit = anm_lit (&p->pal, own, away), dark = anm_shaded (&p->pal, own, away);
    double lo = x0 - 0.1 * (x1 - x0), hi = x1 + 0.1 * (x1 - x0);
    anm_fill_across (cr, lo, right ? dark : lit, 1, hi, right ? lit : dark, 1);
}

void anm_ellipse (cairo_t *cr, double x, double y, double rx, double ry)
{
    cairo_save (cr);
    cairo_translate (cr, x, y);
    cairo_scale (cr, rx, ry);
    cairo_new_sub_path (cr);
    cairo_arc (cr, 0, 0, 1, 0, 6.283185307179586);
    cairo_close_path (cr);
    cairo_restore (cr);
}

void anm_poly (cairo_t *cr, const double (*xy)[2], int count)
{
    for (int i = 0; i < count; i++)
        cairo_line_to (cr, xy[i][0], xy[i][1]);
    cairo_close_path (cr);
}

void anm_ridge (const anm_paint_t *p, cairo_t *cr, double y, double amplitude, double waves,
                int octaves, uint64_t seed)
{
    anm_rect_t r = p->stage->rect;
    const double step = 0.006;
    cairo_new_path (cr);
    for (double x = floor (r.x0 / step) * step - step; x < r.x1 + 2 * step; x += step)
        cairo_line_to (cr, x, y + amplitude * anm_fbm (seed, x * waves, octaves));
    cairo_line_to (cr, r.x1 + 1, r.y1 + 1);
    cairo_line_to (cr, r.x0 - 1, r.y1 + 1);
    cairo_close_path (cr);
}

typedef struct {
    double x, y, radius, strength;
    anm_rgb_t color;
} glow_t;

/*  A bright heart and a wide skirt, both ending at the radius without an edge. */
static anm_px_t glow_at (const void *ctx, double x, double y)
{
    const glow_t *g = ctx;
    double d2 = ((x - g->x) * (x - g->x) + (y - g->y) * (y - g->y)) / (g->radius * g->radius);
    double t = d2 < 1 ? 1 - d2 : 0;
    double k = g->strength * (0.35 * t * t + 0.65 * t * t * t * t * t * t * t * t);
    return (anm_px_t){(float)(g->color.b * k), (float)(g->color.g * k), (float)(g->color.r * k), 0};
}

void anm_glow (anm_paint_t *p, double depth, double x, double y, double radius, anm_rgb_t color,
               double strength, double pulse)
{
    glow_t g = {x, y, radius, strength, color};
    anm_rect_t r = {x - radius, y - radius, x + radius, y + radius};
    double detail = 22.0 / (radius * p->stage->height);
    anm_layer_t *l =
        anm_stage_smooth (p->stage, depth, &r, detail < 0.5 ? detail : 0.5, glow_at, &g);
    if (l == NULL)
        return;
    l->blend = ANM_SCREEN;
    l->motion.pulse = pulse;
    l->motion.pulse_hz = 1.7;
}

anm_rect_t anm_band (const anm_paint_t *p, double depth, double y0, double y1, double grow)
{
    anm_rect_t r = anm_stage_sees (p->stage, depth);
    r.x0 -= grow;
    r.x1 += grow;
    r.y0 = fmax (r.y0, y0);
    r.y1 = fmax (r.y0 + 0.01, fmin (r.y1, y1));
    return r;
}

cairo_t *anm_open_band (anm_paint_t *p, double depth, double y0, double y1, double grow)
{
    anm_rect_t r = anm_band (p, depth, y0, y1, grow);
    return anm_stage_open (p->stage, depth, &r);
}

cairo_t *anm_open (anm_paint_t *p, double depth)
{
    return anm_stage_open (p->stage, depth, NULL);
}

anm_layer_t *anm_close (anm_paint_t *p)
{
    return anm_stage_close (p->stage);
}

double anm_ground (const anm_paint_t *p, double depth)
{
    return p->horizon + p->eye / depth;
}
