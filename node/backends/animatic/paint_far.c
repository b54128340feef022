/*  Space, the deep, the bare stage, and the plain ground for shapes. */
#include "node/backends/animatic/paint.h"

#include <math.h>

static anm_px_t pixel (anm_rgb_t c, double a)
{
    return (anm_px_t){(float)(c.b * a), (float)(c.g * a), (float)(c.r * a), (float)a};
}

static anm_px_t nebula_at (const void *ctx, double x, double y)
{
    const anm_paint_t *p = ctx;
    double n = anm_fbm2 (p->seed, x * 1.4 + 0.5 * y, y * 1.8, 5),
           m = anm_fbm2 (p->seed + 40, x * 1.1, y * 1.3 - x * 0.4, 5);
    anm_rgb_t c = anm_rgb_mix (anm_rgb (0x04060f), anm_rgb (0x1c2a5a), anm_smooth (0.4, 0.8, n));
    c = anm_rgb_mix (c, anm_rgb (0x8a3f7c), 0.6 * anm_smooth (0.52, 0.85, m));
    c = anm_rgb_mix (c, anm_rgb (0x3fa0b0), 0.4 * anm_smooth (0.55, 0.85, n * m * 2.0));
    return pixel (anm_grade (&p->pal, c), 1);
}

void anm_paint_space (anm_paint_t *p)
{
    anm_layer_t *l = anm_stage_smooth (p->stage, 400, NULL, 0.22, nebula_at, p);
    if (l != NULL)
        l->clamp = true;
    cairo_t *cr = anm_open (p, 200);
    anm_rect_t r = p->stage->rect;
    for (uint64_t i = 0; i < 620; i++) {
        double k = pow (anm_random (p->seed, 3 * i), 5);
        anm_src (cr, anm_rgb_mix (anm_rgb (0xbfd4ff), anm_rgb (0xffe8c8), anm_random (i, 1)),
                 0.25 + 0.75 * k);
        anm_ellipse (cr, r.x0 + (r.x1 - r.x0) * anm_random (p->seed, 3 * i + 1),
                     r.y0 + (r.y1 - r.y0) * anm_random (p->seed, 3 * i + 2), 0.0009 + 0.002 * k,
                     0.0009 + 0.002 * k);
        cairo_fill (cr);
    }
    anm_close (p);
    /* a world below, its edge lit */
    double cx = -p->side * 0.35, cy = 1.42, R = 1.18;
    anm_rect_t box = anm_band (p, 12, cy - R - 0.06, 2, 0);
    cr = anm_stage_open (p->stage, 12, &box);
    anm_rgb_t sea = anm_grade (&p->pal, anm_rgb (0x2a5c8c)),
              air = anm_grade (&p->pal, anm_rgb (0x9fd4ff));
    for (int i = 8; i >= 1; i--) {
        anm_ellipse (cr, cx, cy, R + 0.005 * i, R + 0.005 * i);
        anm_src (cr, air, 0.045);
        cairo_fill (cr);
    }
    anm_ellipse (cr, cx, cy, R, R);
    cairo_clip (cr);
    cairo_pattern_t *g =
        cairo_pattern_create_radial (cx + p->side * 0.4, cy - 0.65, 0.1, cx, cy, R);
    anm_rgb_t deep = anm_rgb_scale (sea, 0.3);
    cairo_pattern_add_color_stop_rgb (g, 0, sea.r, sea.g, sea.b);
    cairo_pattern_add_color_stop_rgb (g, 0.75, anm_rgb_mix (sea, deep, 0.45).r,
                                      anm_rgb_mix (sea, deep, 0.45).g,
                                      anm_rgb_mix (sea, deep, 0.45).b);
    cairo_pattern_add_color_stop_rgb (g, 0.97, deep.r, deep.g, deep.b);
    cairo_pattern_add_color_stop_rgb (g, 1, air.r, air.g, air.b);
    cairo_set_source (cr, g);
    cairo_paint (cr);
    cairo_pattern_destroy (g);
    for (uint64_t i = 0; i < 60; i++) { /* weather on it */
        double x = cx + 2.0 * (anm_random (p->seed, 900 + 2 * i) - 0.5),
               y = cy - R + 0.5 * pow (anm_random (p->seed, 901 + 2 * i), 1.5) +
                   0.42 * (x - cx) * (x - cx);
        anm_ellipse (cr, x, y, 0.05 + 0.08 * anm_random (i, 4), 0.006 + 0.008 * anm_random (i, 5));
        anm_src (cr, anm_rgb (0xffffff), 0.12);
        cairo_fill (cr);
    }
    anm_close (p);
}

static anm_px_t deep_at (const void *ctx, double x, double y)
{
    const anm_paint_t *p = ctx;
    anm_rgb_t top = anm_grade (&p->pal, anm_rgb (0x4fb6bd)),
              low = anm_grade (&p->pal, anm_rgb (0x06223f));
    double t = anm_smooth (-0.75, 0.6, y),
           d = (x - p->sun_x) * (x - p->sun_x) * 1.2 + (y + 0.6) * (y + 0.6);
    return pixel (anm_rgb_mix (anm_rgb_mix (top, low, t), anm_rgb (0xd8fff4), 0.45 * exp (-3 * d)),
                  1);
}

static anm_px_t rays_at (const void *ctx, double x, double y)
{
    const anm_paint_t *p = ctx;
    double a = (x - p->sun_x) / (y + 1.15), n = anm_fbm2 (p->seed + 3, a * 9, 0.3, 3);
    return pixel (anm_rgb (0xc8fff0),
                  0.34 * anm_smooth (0.5, 0.85, n) * anm_smooth (0.45, -0.5, y));
}

void anm_paint_deep (anm_paint_t *p)
{
    anm_layer_t *l = anm_stage_smooth (p->stage, 200, NULL, 0.2, deep_at, p);
    if (l != NULL)
        l->clamp = true;
    anm_rect_t r = anm_band (p, 20, -2, 2, 0.06);
    l = anm_stage_smooth (p->stage, 20, &r, 0.3, rays_at, p);
    if (l != NULL) {
        l->blend = ANM_SCREEN;
        l->motion = (anm_motion_t){.bob_x = 0.05, .bob_hz = 0.07, .pulse = 0.25, .pulse_hz = 0.2};
    }
    static const struct {
        double depth, y, amp, waves;
        unsigned c;
    } beds[] = {{9, 0.2, 0.12, 1.6, 0x1f5a70},
                {4, 0.31, 0.1, 2.2, 0x123f58},
                {1.4, 0.42, 0.07, 1.5, 0x0a2a42}};
    for (size_t i = 0; i < 3; i++) {
        cairo_t *cr = anm_open_band (p, beds[i].depth, beds[i].y - 0.2, 2, 0);
        anm_rgb_t c = anm_grade (&p->pal, anm_rgb (beds[i].c));
        anm_ridge (p, cr, beds[i].y, beds[i].amp, beds[i].waves, 5, p->seed + i);
        anm_fill_down (cr, beds[i].y - beds[i].amp, c, 1, beds[i].y + 0.3, anm_rgb_scale (c, 0.5),
                       1);
        anm_close (p);
    }
    cairo_t *cr = anm_open_band (p, 1.6, -2, 2, 0.02);
    for (uint64_t i = 0; i < 70; i++) {
        double k = anm_random (p->seed, 70 + 3 * i),
               x = 2.2 * (anm_random (p->seed, 71 + 3 * i) - 0.5);
        anm_src (cr, anm_rgb (0xd8fff8), 0.25 + 0.3 * k);
        anm_ellipse (cr, x, 1.2 * (anm_random (p->seed, 72 + 3 * i) - 0.5),
                     0.001 + 0.004 * k * k * k, 0.001 + 0.004 * k * k * k);
        cairo_fill (cr);
    }
    l = anm_close (p);
    if (l != NULL)
        l->motion = (anm_motion_t){.bob_x = 0.01, .bob_y = 0.01, .bob_hz = 0.15};
}

typedef struct {
    const anm_paint_t *p;
    anm_rgb_t wall, pool, floor, dark;
} back_t;

/*  A backdrop that runs into the floor without a corner, in a pool of light. */
static anm_px_t back_at (const void *ctx, double x, double y)
{
    const back_t *b = ctx;
    double dx = (x - 0.45 * b->p->subject_x) / 0.95, dy = (y + 0.06) / 0.62, d2 = dx * dx + dy * dy;
    anm_rgb_t c =
        anm_rgb_mix (b->wall, b->floor, anm_smooth (b->p->horizon - 0.04, b->p->horizon + 0.16, y));
    c = anm_rgb_mix (c, b->pool, 0.6 * exp (-1.8 * d2));
    c = anm_rgb_mix (c, b->dark, 0.75 * anm_smooth (0.5, 3.4, d2));
    double n = 0.07 * (anm_fbm2 (b->p->seed, x * 2.2, y * 2.8, 5) - 0.5);
    return (anm_px_t){(float)(c.b + n * c.b), (float)(c.g + n * c.g), (float)(c.r + n * c.r), 1};
}

void anm_paint_stage_back (anm_paint_t *p)
{
    anm_rgb_t base = p->scene->has_ground ? p->scene->ground
                                          : anm_rgb_mix (p->pal.sky_mid, anm_rgb (0x6d6a72), 0.35);
    back_t b = {.p = p, .wall = anm_rgb_scale (base, 0.72)};
    b.pool = anm_rgb_mix (anm_rgb_mix (base, p->pal.sky_low, 0.55), p->pal.glow, 0.25);
    b.floor = anm_rgb_scale (base, 0.5);
    b.dark = anm_rgb_scale (anm_rgb_mix (base, p->pal.sky_top, 0.5), 0.3);
    anm_layer_t *l = anm_stage_smooth (p->stage, 6, NULL, 0.25, back_at, &b);
    if (l != NULL)
        l->clamp = true;
}

static anm_px_t plain_at (const void *ctx, double x, double y)
{
    const back_t *b = ctx;
    double d2 = x * x * 0.45 + y * y;
    return pixel (anm_rgb_mix (b->wall, b->dark, anm_smooth (0.1, 1.1, d2)), 1);
}

void anm_paint_plain (anm_paint_t *p)
{
    anm_rgb_t base = p->scene->has_ground ? p->scene->ground : anm_rgb (0xe9e4d8);
    back_t b = {.p = p, .wall = base, .dark = anm_rgb_scale (base, 0.86)};
    anm_layer_t *l = anm_stage_smooth (p->stage, 20, NULL, 0.1, plain_at, &b);
    if (l != NULL)
        l->clamp = true;
}
