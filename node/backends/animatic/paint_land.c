/*  Water and open land: bands and ridges, each farther one paler, as air makes them. */
#include "node/backends/animatic/paint.h"

#include <math.h>

typedef struct {
    double depth;
    double rise, amplitude, waves; /* above the horizon or ground line; world units */
    int octaves;
    unsigned own; /* colour */
    double away;  /* into the haze */
} ridge_t;

/*  Sharp peaks: noise folded at its zero. */
static double peak (uint64_t seed, double x)
{
    double sum = 0, weight = 1;
    for (int i = 0; i < 6; i++) {
        double n = 1 - fabs (anm_noise (seed + (uint64_t)i, x));
        sum += weight * n * n;
        weight *= 0.46;
        x = x * 2.07 + 5.3;
    }
    return sum / 1.8;
}

static void peaks_path (const anm_paint_t *p, cairo_t *cr, double y, double height, double waves,
                        uint64_t seed, double dx)
{
    anm_rect_t r = p->stage->rect;
    const double step = 0.005;
    cairo_new_path (cr);
    for (double x = floor (r.x0 / step) * step - step; x < r.x1 + 2 * step; x += step)
        cairo_line_to (cr, x + dx, y - height * (peak (seed, x * waves) - 0.35));
    cairo_line_to (cr, r.x1 + 1, r.y1 + 1);
    cairo_line_to (cr, r.x0 - 1, r.y1 + 1);
    cairo_close_path (cr);
}

static void paint_peaks (anm_paint_t *p, double depth, double height, double waves, unsigned own,
                         double away, bool snowy)
{
    uint64_t seed = anm_mix (p->seed, (uint64_t)(depth * 7));
    cairo_t *cr = anm_open_band (p, depth, p->horizon - height * 1.4, 2, 0);
    anm_rgb_t lit = anm_lit (&p->pal, anm_rgb (own), away);
    anm_rgb_t dark = anm_shaded (&p->pal, anm_rgb (own), away * 0.9);
    double lean = p->sun_x > 0 ? 1 : -1;
    peaks_path (p, cr, p->horizon, height, waves, seed, 0);
    anm_fill_down (cr, p->horizon - height, dark, 1, p->horizon + 0.1,
                   anm_rgb_mix (dark, p->pal.haze, 0.35), 1);
    /* the lit flanks: the same ridge, lower and shifted to the light, kept inside the first */
    peaks_path (p, cr, p->horizon, height, waves, seed, 0);
    cairo_save (cr);
    cairo_clip (cr);
    for (int i = 0; i < 3; i++) {
        peaks_path (p, cr, p->horizon + 0.012 * (i + 1) * height / 0.3, height, waves, seed,
                    lean * 0.035 * (i + 1));
        anm_rgb_t c = snowy && i == 0 ? anm_lit (&p->pal, anm_rgb (0xf4f6f8), away * 0.8)
                                      : anm_rgb_mix (dark, lit, i == 1 ? 0.85 : 0.3);
        double top = p->horizon - height * (snowy && i == 0 ? 0.42 : 0.7);
        anm_fill_down (cr, top, c, snowy && i == 0 ? 0.95 : 0.75, p->horizon + 0.02,
                       anm_rgb_mix (c, p->pal.haze, 0.5), 0.0);
    }
    cairo_restore (cr);
    anm_close (p);
}

static void paint_ridge (anm_paint_t *p, const ridge_t *g, double base)
{
    uint64_t seed = anm_mix (p->seed, (uint64_t)(g->depth * 11));
    double top = base - g->rise - g->amplitude;
    cairo_t *cr = anm_open_band (p, g->depth, top - 0.02, 2, 0);
    anm_rgb_t own = anm_rgb (g->own);
    anm_rgb_t lit = anm_lit (&p->pal, own, g->away), dark = anm_shaded (&p->pal, own, g->away);
    anm_ridge (p, cr, base - g->rise, g->amplitude, g->waves, g->octaves, seed);
    anm_fill_down (cr, top, lit, 1, base + 0.05 + 0.32 / g->depth, anm_rgb_mix (dark, lit, 0.42),
                   1);
    anm_close (p);
}

/*  Dunes: a lit face and a dark one that meet in a crest. */
static void paint_dune (anm_paint_t *p, double depth, double rise, double away, uint64_t n)
{
    uint64_t seed = anm_mix (p->seed, 300 + n);
    double base = anm_ground (p, depth), x0 = 0.9 * (anm_random (seed, 1) - 0.5);
    double lean = p->sun_x > 0 ? -1 : 1, wide = 0.9 + 0.7 * anm_random (seed, 2);
    cairo_t *cr = anm_open_band (p, depth, base - rise * 1.3, 2, 0);
    anm_rgb_t sand = anm_rgb (0xdcae74);
    anm_rgb_t lit = anm_lit (&p->pal, sand, away), dark = anm_shaded (&p->pal, sand, away);
    anm_ridge (p, cr, base - rise * 0.3, rise * 0.35, 1.1, 2, seed);
    anm_fill_down (cr, base - rise * 0.7, lit, 1, base + 0.4, anm_rgb_mix (lit, dark, 0.45), 1);
    for (int i = -1; i <= 1; i++) {
        double x = x0 + i * 1.5 * wide, h = rise * (0.8 + 0.4 * anm_random (seed, 5 + (uint64_t)i));
        cairo_move_to (cr, x - wide, base + 0.02);
        cairo_curve_to (cr, x - 0.5 * wide, base, x - 0.2 * wide, base - h, x, base - h);
        cairo_curve_to (cr, x + 0.2 * wide, base - h, x + 0.5 * wide, base, x + wide, base + 0.02);
        cairo_line_to (cr, x + wide, base + 0.9);
        cairo_line_to (cr, x - wide, base + 0.9);
        anm_fill_down (cr, base - h, lit, 1, base + 0.5, anm_rgb_mix (lit, dark, 0.5), 1);
        cairo_move_to (cr, x, base - h);
        cairo_curve_to (cr, x + lean * 0.16 * wide, base - h, x + lean * 0.45 * wide, base,
                        x + lean * wide, base + 0.02);
        cairo_curve_to (cr, x + lean * 0.5 * wide, base + 0.3, x - lean * 0.3 * wide, base + 0.14,
                        x - lean * 0.02 * wide, base + 0.4);
        cairo_curve_to (cr, x + lean * 0.16 * wide, base + 0.1, x - lean * 0.1 * wide,
                        base - 0.5 * h, x, base - h);
        anm_fill_down (cr, base - h, dark, 0.85, base + 0.35, dark, 0.1);
    }
    anm_close (p);
}

/*  Grass blades along the bottom, out of focus by being near. */
static void paint_blades (anm_paint_t *p, double depth, unsigned own, double high, int count)
{
    anm_rect_t r = anm_band (p, depth, 0.5 - high * 1.5, 2, 0.03);
    cairo_t *cr = anm_stage_open (p->stage, depth, &r);
    anm_rgb_t dark = anm_rgb_scale (anm_shaded (&p->pal, anm_rgb (own), 0), 0.75);
    for (int i = 0; i < count; i++) {
        double x = r.x0 + (r.x1 - r.x0) * (i + anm_random (p->seed + 31, (uint64_t)i)) / count;
        double k = anm_random (p->seed + 32, (uint64_t)i), h = high * (0.35 + 0.65 * k * k);
        double lean = 0.5 * h * (anm_random (p->seed + 33, (uint64_t)i) - 0.35);
        double w = 0.0045 + 0.004 * k;
        cairo_move_to (cr, x - w, r.y1 + 0.01);
        cairo_curve_to (cr, x - w, 0.5 - 0.4 * h, x + 0.3 * lean, 0.5 - 0.8 * h, x + lean, 0.5 - h);
        cairo_curve_to (cr, x + 0.4 * lean + w, 0.5 - 0.7 * h, x + w, 0.5 - 0.3 * h, x + w,
                        r.y1 + 0.01);
        cairo_close_path (cr);
        anm_src (cr, anm_rgb_mix (dark, anm_lit (&p->pal, anm_rgb (own), 0), 0.25 * k), 1);
        cairo_fill (cr);
    }
    anm_layer_t *l = anm_close (p);
    if (l != NULL)
        l->motion = (anm_motion_t){.bob_x = p->scene->wind ? 0.014 : 0.005, .bob_hz = 0.25};
}

/*  Clumps of round trees along the ground at a depth, in the light. */
static void paint_copses (anm_paint_t *p, double depth, double size, int clumps, double away)
{
    uint64_t seed = anm_mix (p->seed, 2000 + (uint64_t)(depth * 10));
    double base = anm_ground (p, depth);
    cairo_t *cr = anm_open_band (p, depth, base - 2.5 * size, base + 0.1, 0);
    anm_rect_t r = p->stage->rect;
    anm_rgb_t own = anm_rgb (p->scene->time == ANM_TIME_GOLDEN ? 0x8a7a36 : 0x42683c);
    anm_rgb_t lit = anm_lit (&p->pal, own, away), dark = anm_shaded (&p->pal, own, away);
    double lean = p->sun_x > 0 ? 0.3 : -0.3;
    for (int i = 0; i < clumps; i++) {
        double x = r.x0 + (r.x1 - r.x0) * (i + 0.9 * anm_random (seed, 2 * (uint64_t)i)) / clumps;
        int trees = 2 + (int)(5 * anm_random (seed, 2 * (uint64_t)i + 1));
        if (fabs (x - p->subject_x) < 0.14 && depth < 4)
            continue;
        for (int j = 0; j < trees; j++) {
            uint64_t n = anm_mix (seed, (uint64_t)(i * 16 + j));
            double s = size * (0.45 + 0.6 * anm_random (n, 1));
            double tx = x + size * 1.3 * (anm_random (n, 2) - 0.5) * trees * 0.5;
            anm_ellipse (cr, tx, base - 0.62 * s, 0.6 * s, 0.72 * s);
            anm_fill_down (cr, base - 1.3 * s, anm_rgb_mix (dark, lit, 0.5), 1, base, dark, 1);
            anm_ellipse (cr, tx + lean * s * 0.6, base - 0.86 * s, 0.3 * s, 0.34 * s);
            anm_src (cr, lit, 0.4);
            cairo_fill (cr);
        }
        anm_ellipse (cr, x, base + 0.004, size * trees * 0.55, 0.09 * size); /* their shadow */
        anm_src (cr, dark, 0.5);
        cairo_fill (cr);
    }
    anm_close (p);
}

/*  Strokes of grass and flowers over the near ground, larger as they come nearer. */
static void paint_tufts (anm_paint_t *p, unsigned own, unsigned bloom)
{
    double y0 = anm_ground (p, 3.2), y1 = 0.56;
    cairo_t *cr = anm_open_band (p, 1.4, y0 - 0.03, 2, 0);
    anm_rect_t r = p->stage->rect;
    anm_rgb_t lit = anm_lit (&p->pal, anm_rgb (own), 0),
              dark = anm_shaded (&p->pal, anm_rgb (own), 0);
    anm_rgb_t flower = anm_lit (&p->pal, anm_rgb (bloom), 0.05);
    cairo_set_line_cap (cr, CAIRO_LINE_CAP_ROUND);
    for (uint64_t i = 0; i < 520; i++) {
        double v = sqrt ((double)i / 520), y = y0 + (y1 - y0) * v,
               k = anm_random (p->seed + 81, 3 * i);
        double x = r.x0 + (r.x1 - r.x0) * anm_random (p->seed + 81, 3 * i + 1),
               h = (0.006 + 0.03 * v) * (0.5 + k);
        double lean = 0.4 * h * (anm_random (p->seed + 81, 3 * i + 2) - 0.3);
        anm_src (cr, k > 0.55 ? lit : dark, 0.35 + 0.3 * k);
        cairo_set_line_width (cr, 0.0012 + 0.0022 * v);
        for (int j = -1; j <= 1; j++) {
            cairo_move_to (cr, x + j * 0.2 * h, y);
            cairo_line_to (cr, x + j * 0.45 * h + lean, y - h * (j == 0 ? 1 : 0.75));
        }
        cairo_stroke (cr);
        if (k > 0.8) {
            anm_ellipse (cr, x + lean, y - h, 0.1 * h + 0.001, 0.09 * h + 0.001);
            anm_src (cr, flower, 0.9);
            cairo_fill (cr);
        }
    }
    anm_close (p);
}

static void paint_conifers (anm_paint_t *p, double depth, double base, double high, int count,
                            double away);

static void paint_field (anm_paint_t *p)
{
    bool gold = p->scene->time == ANM_TIME_GOLDEN;
    const ridge_t far[] = {{30, 0.06, 0.06, 1.3, 4, 0x6f8a86, 0.72},
                           {14, 0.035, 0.045, 1.7, 3, 0x6d8d62, 0.5},
                           {7, 0.012, 0.04, 1.2, 3, gold ? 0xa89a50 : 0x6f9a55, 0.28}};
    const ridge_t near[] = {{3, 0.0, 0.022, 0.9, 2, gold ? 0xb49a4a : 0x6a9a4a, 0.12},
                            {1.4, 0.03, 0.022, 0.8, 2, gold ? 0xa8873c : 0x55863e, 0.0}};
    for (size_t i = 0; i < 3; i++)
        paint_ridge (p, &far[i], p->horizon + 0.02);
    paint_copses (p, 6, 0.03, 9, 0.3);
    paint_ridge (p, &near[0], anm_ground (p, near[0].depth) - 0.02);
    paint_copses (p, 2.8, 0.062, 4, 0.1);
    paint_ridge (p, &near[1], anm_ground (p, near[1].depth) - 0.02);
    paint_tufts (p, gold ? 0xb09a48 : 0x5f9446, gold ? 0xe8c860 : 0xe8e0c8);
}

static void paint_snow (anm_paint_t *p)
{
    const ridge_t near[] = {{7, 0.012, 0.03, 1.1, 3, 0xdfe8f0, 0.35},
                            {3, 0.0, 0.02, 0.9, 2, 0xe8eef4, 0.15},
                            {1.4, 0.03, 0.02, 0.8, 2, 0xf0f4f8, 0.0}};
    paint_peaks (p, 40, 0.2, 1.5, 0x8a9aac, 0.55, true);
    paint_ridge (p, &near[0], p->horizon + 0.03);
    paint_conifers (p, 6, anm_ground (p, 6) + 0.015, 0.09, 26, 0.35);
    for (size_t i = 1; i < 3; i++)
        paint_ridge (p, &near[i], anm_ground (p, near[i].depth) - 0.02);
}

static void paint_mountain (anm_paint_t *p)
{
    const ridge_t near[] = {{4, 0.02, 0.045, 1.4, 4, 0x5f7a58, 0.2},
                            {1.4, 0.03, 0.03, 1.1, 3, 0x596b48, 0.0}};
    paint_peaks (p, 60, 0.78, 1.0, 0x7c8ca4, 0.55, true);
    paint_peaks (p, 25, 0.36, 1.6, 0x66788a, 0.34, false);
    paint_ridge (p, &near[0], p->horizon + 0.04);
    paint_conifers (p, 3.4, anm_ground (p, 3.4) + 0.01, 0.06, 46, 0.18);
    paint_ridge (p, &near[1], anm_ground (p, 1.4) - 0.01);
    paint_tufts (p, 0x5f7f44, 0xd8d0e0);
}

static void paint_desert (anm_paint_t *p)
{
    const ridge_t far = {40, 0.02, 0.035, 1.8, 4, 0xb98a64, 0.6};
    paint_ridge (p, &far, p->horizon + 0.03);
    paint_dune (p, 10, 0.1, 0.35, 1);
    paint_dune (p, 3.4, 0.11, 0.14, 2);
    paint_dune (p, 1.3, 0.07, 0.0, 3);
}

void anm_paint_land (anm_paint_t *p)
{
    switch (p->scene->place) {
    case ANM_PLACE_DESERT:
        paint_desert (p);
        break;
    case ANM_PLACE_MOUNTAIN:
        paint_mountain (p);
        break;
    case ANM_PLACE_SNOW:
        paint_snow (p);
        break;
    default:
        paint_field (p);
        break;
    }
}

void anm_paint_land_front (anm_paint_t *p)
{
    if (p->scene->place == ANM_PLACE_FIELD)
        paint_blades (p, 0.7, p->scene->time == ANM_TIME_GOLDEN ? 0x9a8038 : 0x3d6a30, 0.13, 150);
}

/*  --- water --- */

typedef struct {
    double depth, away, wave;
    int glints;
} band_t;

static void paint_glints (anm_paint_t *p, cairo_t *cr, const band_t *b, uint64_t seed)
{
    anm_rect_t r = p->stage->rect;
    double y0 = anm_ground (p, b->depth), y1 = anm_ground (p, b->depth * 0.42);
    anm_rgb_t bright = anm_rgb_mix (p->pal.sky_low, p->pal.glow, 0.55);
    for (int i = 0; i < b->glints; i++) {
        uint64_t n = 4 * (uint64_t)i;
        double v = anm_random (seed, n), y = y0 + (y1 - y0) * v + 0.002;
        double near = 1 / (b->depth * (1 - 0.58 * v)), k = anm_random (seed, n + 1);
        double x = r.x0 + (r.x1 - r.x0) * anm_random (seed, n + 2);
        double path = exp (-pow ((x - p->sun_x) / (0.12 + 0.16 * near), 2));
        double len = (0.012 + 0.03 * k) * (0.6 + 2.6 * near);
        double a = (0.07 + 0.62 * path * p->pal.glow_strength) * (0.4 + 0.6 * k);
        double h = 0.0011 + 0.0032 * near * (0.5 + k);
        if (anm_random (seed, n + 3) < 0.3) /* a trough */
            anm_src (cr, anm_rgb_scale (p->pal.sky_top, 0.55), 0.28 * (0.4 + 0.6 * k));
        else
            anm_src (cr, bright, a);
        cairo_move_to (cr, x - len, y);
        cairo_curve_to (cr, x - 0.3 * len, y - h, x + 0.3 * len, y - h, x + len, y);
        cairo_curve_to (cr, x + 0.3 * len, y + 0.35 * h, x - 0.3 * len, y + 0.35 * h, x - len, y);
        cairo_fill (cr);
    }
}

static void paint_crest (anm_paint_t *p, cairo_t *cr, double y, double amplitude, uint64_t seed)
{
    anm_rect_t r = p->stage->rect;
    anm_rgb_t foam = anm_lit (&p->pal, anm_rgb (0xf2f5f4), 0.1);
    for (double x = r.x0; x < r.x1; x += 0.006) {
        double n = anm_fbm (seed, x * 2.2, 3), k = anm_fbm (seed + 50, x * 5, 3);
        if (n > 0.02 || k < -0.1)
            continue;
        anm_src (cr, foam, 0.55 * anm_smooth (0.02, -0.3, n));
        anm_ellipse (cr, x, y + amplitude * n, 0.008 + 0.012 * (k + 0.2),
                     0.0022 + 0.004 * (k + 0.2));
        cairo_fill (cr);
    }
}

static void paint_band (anm_paint_t *p, const band_t *b, anm_rgb_t far, anm_rgb_t near, bool rough)
{
    uint64_t seed = anm_mix (p->seed, 500 + (uint64_t)(b->depth * 10));
    double y = anm_ground (p, b->depth), amp = b->wave * (rough ? 2.6 : 1);
    cairo_t *cr = anm_open_band (p, b->depth, y - amp - 0.005, 2, 0.08);
    anm_ridge (p, cr, y, amp, b->depth > 20 ? 0.01 : 2.2, 3, seed);
    anm_fill_down (cr, y - amp, anm_rgb_mix (near, far, b->away), 1, anm_ground (p, b->depth * 0.4),
                   anm_rgb_mix (near, far, b->away * 0.55), 1);
    if (rough && b->depth < 8)
        paint_crest (p, cr, y, amp, seed);
    paint_glints (p, cr, b, seed + 1);
    anm_layer_t *l = anm_close (p);
    if (l != NULL && b->depth < 20)
        l->motion = (anm_motion_t){.bob_x = 0.045 / b->depth,
                                   .bob_y = (rough ? 0.012 : 0.004) / sqrt (b->depth),
                                   .bob_hz = 0.16,
                                   .bob_phase = anm_random (seed, 9)};
}

/*  Faceted rock with its top along a jagged line. */
static void paint_rocks (anm_paint_t *p, double depth, double x0, double x1, double base,
                         double height, double away)
{
    uint64_t seed = anm_mix (p->seed, 700 + (uint64_t)(depth * 10));
    anm_rgb_t own = anm_rgb (0x4a4c52);
    anm_rgb_t lit = anm_lit (&p->pal, own, away), dark = anm_shaded (&p->pal, own, away);
    cairo_t *cr = anm_open_band (p, depth, base - height * 1.3, 2, 0);
    for (int pass = 0; pass < 2; pass++) {
        cairo_move_to (cr, x0, base + 0.016);
        for (int i = 0; i <= 26; i++) {
            double u = i / 26.0, hill = pow (sin (3.14159265 * u), 0.7);
            double x = x0 + (x1 - x0) * (u + 0.02 * anm_noise (seed, i * 1.7));
            double y = base - height * hill * (0.72 + 0.28 * anm_noise (seed + 3, i * 0.9));
            cairo_line_to (cr, x + (pass ? 0.012 : 0), y + (pass ? 0.014 + 0.03 * u * height : 0));
        }
        cairo_line_to (cr, x1, base + 0.016);
        cairo_close_path (cr);
        anm_rgb_t c = pass ? dark : lit;
        anm_fill_down (cr, base - height, c, 1, base + 0.05, anm_rgb_scale (dark, 0.75), 1);
    }
    cairo_set_operator (cr, CAIRO_OPERATOR_ATOP);
    for (uint64_t i = 0; i < 26; i++) { /* facets */
        double u = anm_random (seed, 3 * i), v = anm_random (seed, 3 * i + 1);
        double hill = sin (3.14159265 * u),
               s = 0.02 + 0.06 * anm_random (seed, 3 * i + 2) * height / 0.2;
        double x = x0 + (x1 - x0) * u, y = base - height * hill * 0.8 * v + 0.04;
        cairo_move_to (cr, x, y);
        cairo_line_to (cr, x + s, y + 0.5 * s);
        cairo_line_to (cr, x + 0.3 * s, y + 1.6 * s);
        cairo_line_to (cr, x - 0.4 * s, y + 0.8 * s);
        cairo_close_path (cr);
        anm_src (cr, i % 2 ? lit : anm_rgb_scale (dark, 0.6), 0.22);
        cairo_fill (cr);
    }
    cairo_set_operator (cr, CAIRO_OPERATOR_OVER);
    anm_rgb_t foam = anm_lit (&p->pal, anm_rgb (0xe8eef0), 0.2); /* where the water meets it */
    anm_ellipse (cr, 0.5 * (x0 + x1), base + 0.017, 0.52 * fabs (x1 - x0), 0.0045);
    anm_src (cr, foam, 0.4);
    cairo_fill (cr);
    anm_close (p);
}

void anm_paint_water (anm_paint_t *p)
{
    bool lake = p->scene->place == ANM_PLACE_LAKE;
    bool rough = !lake && (p->scene->weather == ANM_WEATHER_STORM || p->scene->wind);
    anm_rgb_t own = anm_lit (&p->pal, anm_rgb (0x2e6478), 0);
    anm_rgb_t near = anm_rgb_mix (anm_rgb_scale (own, 0.7), p->pal.sky_top, 0.35);
    anm_rgb_t far = anm_rgb_mix (p->pal.sky_low, p->pal.sky_mid, 0.45);
    far = anm_rgb_mix (far, own, 0.35);
    const band_t bands[] = {{60, 0.85, 0, 26},
                            {16, 0.68, 0.0012, 60},
                            {6, 0.5, 0.0035, 90},
                            {2.6, 0.3, 0.008, 90},
                            {1.25, 0.1, 0.015, 70}};
    if (lake) {
        const ridge_t hill[] = {{40, 0.09, 0.07, 1.5, 4, 0x66828a, 0.62},
                                {22, 0.02, 0.05, 2.0, 5, 0x4c6a54, 0.4}};
        paint_ridge (p, &hill[0], p->horizon);
        paint_ridge (p, &hill[1], p->horizon);
    } else if (p->scene->place == ANM_PLACE_COAST) {
        const ridge_t head = {35, 0.0, 0.05, 0.9, 4, 0x5d6a72, 0.6};
        paint_ridge (p, &head, p->horizon + 0.012);
    }
    for (size_t i = 0; i < 5; i++) {
        paint_band (p, &bands[i], far, near, rough);
        if (i == 0)
            anm_paint_fog (p, 30, p->horizon, 0.035, 0.4);
        if (i == 3 && p->scene->place == ANM_PLACE_COAST)
            paint_rocks (p, 2.2, -p->side * 0.3, -p->side * 1.5, anm_ground (p, 2.2) + 0.02, 0.11,
                         0.12);
    }
}

/*  What people stand on by the water: planks of a jetty, or the sand of a beach. */
void anm_paint_shore (anm_paint_t *p)
{
    bool sand = p->scene->place == ANM_PLACE_COAST;
    double y = p->foot_y - (p->scene->size == ANM_SIZE_FULL ? 0.06 : 0.035);
    cairo_t *cr = anm_open_band (p, 1.08, y - 0.03, 2, 0);
    anm_rgb_t own = anm_rgb (sand ? 0xb8a07a : 0x6f5a48);
    anm_rgb_t lit = anm_lit (&p->pal, own, 0.05), dark = anm_shaded (&p->pal, own, 0);
    if (sand) {
        anm_ridge (p, cr, y, 0.012, 1.1, 2, p->seed + 91);
        anm_fill_down (cr, y - 0.01, lit, 1, 0.56, dark, 1);
        anm_close (p);
        return;
    }
    cairo_rectangle (cr, -9, y, 18, 3);
    anm_fill_down (cr, y, lit, 1, 0.56, anm_rgb_scale (dark, 0.8), 1);
    cairo_set_line_width (cr, 0.0025);
    anm_src (cr, anm_rgb_scale (dark, 0.6), 0.55);
    for (int i = -24; i <= 24; i++) { /* planks run to the point of sight */
        cairo_move_to (cr, i * 0.09, y);
        cairo_line_to (cr, i * 0.09 * (0.62 - p->horizon) / (y - p->horizon), 0.62);
        cairo_stroke (cr);
    }
    cairo_rectangle (cr, -9, y - 0.006, 18, 0.016);
    anm_src (cr, anm_rgb_scale (dark, 0.55), 1);
    cairo_fill (cr);
    for (int i = -3; i <= 3; i++) { /* its posts */
        cairo_rectangle (cr, i * 0.42 + 0.1, y - 0.028, 0.02, 0.05);
        anm_fill_across (cr, i * 0.42 + 0.1, anm_rgb_scale (dark, 0.6), 1, i * 0.42 + 0.12, lit, 1);
    }
    anm_close (p);
}

/*  --- forest --- */

static void conifer (cairo_t *cr, double x, double base, double h, uint64_t seed)
{
    double w = h * (0.2 + 0.06 * anm_random (seed, 1));
    cairo_move_to (cr, x, base - h);
    for (int side = 1; side >= -1; side -= 2) {
        for (int i = 0; i < 9; i++) {
            int k = side > 0 ? i : 8 - i;
            double y = base - h + h * (k + 1) / 9.6, r = w * (0.12 + 0.88 * (k + 1) / 9.0);
            r *= 0.8 + 0.35 * anm_random (seed, (uint64_t)(10 + k + (side > 0 ? 0 : 20)));
            if (side > 0) {
                cairo_line_to (cr, x + r, y);
                cairo_line_to (cr, x + 0.45 * r, y - 0.012 * h);
            } else {
                cairo_line_to (cr, x - 0.45 * r, y - 0.012 * h);
                cairo_line_to (cr, x - r, y);
            }
        }
    }
    cairo_close_path (cr);
}

static void paint_conifers (anm_paint_t *p, double depth, double base, double high, int count,
                            double away)
{
    uint64_t seed = anm_mix (p->seed, 800 + (uint64_t)(depth * 10));
    cairo_t *cr = anm_open_band (p, depth, base - high * 1.4, 2, 0);
    anm_rect_t r = p->stage->rect;
    anm_rgb_t own = anm_rgb (0x2f5240);
    if (p->scene->weather == ANM_WEATHER_SNOW)
        own = anm_rgb (0x7c929c);
    anm_rgb_t lit = anm_lit (&p->pal, own, away), dark = anm_shaded (&p->pal, own, away);
    for (int i = 0; i < count; i++) {
        double x = r.x0 + (r.x1 - r.x0) * (i + anm_random (seed, 2 * (uint64_t)i)) / count;
        double h = high * (0.6 + 0.6 * anm_random (seed, 2 * (uint64_t)i + 1));
        conifer (cr, x, base + 0.02, h, anm_mix (seed, (uint64_t)i));
        anm_fill_down (cr, base - h, anm_rgb_mix (dark, lit, 0.55), 1, base, dark, 1);
    }
    anm_ridge (p, cr, base, 0.02, 1.3, 3, seed);
    anm_fill_down (cr, base - 0.02, anm_rgb_mix (dark, lit, 0.4), 1, base + 0.3,
                   anm_rgb_scale (dark, 0.8), 1);
    anm_close (p);
}

static void paint_trunks (anm_paint_t *p, double depth, int count, double wide, double away)
{
    uint64_t seed = anm_mix (p->seed, 900 + (uint64_t)(depth * 10));
    cairo_t *cr = anm_open (p, depth);
    anm_rect_t r = p->stage->rect;
    anm_rgb_t own = anm_rgb (0x4a4034);
    anm_rgb_t lit = anm_lit (&p->pal, own, away), dark = anm_shaded (&p->pal, own, away);
    bool right = p->sun_x > 0;
    double base = anm_ground (p, depth);
    for (int i = 0; i < count; i++) {
        double u = (i + 0.2 + 0.6 * anm_random (seed, 2 * (uint64_t)i)) / count;
        double x = r.x0 + (r.x1 - r.x0) * u,
               w = wide * (0.6 + 0.8 * anm_random (seed, 2 * (uint64_t)i + 1));
        double lean = 0.08 * anm_noise (seed, i * 3.3);
        if (depth < 2.5 && fabs (x - p->subject_x) < 0.24)
            continue;
        cairo_move_to (cr, x - w, base + 0.02);
        cairo_curve_to (cr, x - 0.55 * w, base - 0.1, x - 0.5 * w + lean * 0.3, -0.1,
                        x - 0.4 * w + lean, r.y0);
        cairo_line_to (cr, x + 0.4 * w + lean, r.y0);
        cairo_curve_to (cr, x + 0.5 * w + lean * 0.3, -0.1, x + 0.55 * w, base - 0.1, x + w,
                        base + 0.02);
        cairo_close_path (cr);
        anm_fill_across (cr, x - w, right ? dark : lit, 1, x + w, right ? lit : dark, 1);
    }
    anm_ridge (p, cr, base, 0.016, 1.7, 3, seed);
    anm_rgb_t soil = anm_rgb (0x4d5a34);
    anm_fill_down (cr, base - 0.02, anm_lit (&p->pal, soil, away), 1, base + 0.4,
                   anm_shaded (&p->pal, soil, away * 0.6), 1);
    anm_close (p);
}

void anm_paint_forest (anm_paint_t *p)
{
    if (p->scene->size <= ANM_SIZE_EXTREME_WIDE) {
        const ridge_t far = {40, 0.1, 0.08, 1.5, 4, 0x5f7f80, 0.66};
        paint_ridge (p, &far, p->horizon);
        paint_conifers (p, 16, p->horizon + 0.02, 0.09, 70, 0.55);
        anm_paint_fog (p, 12, p->horizon + 0.02, 0.09, 0.8);
        paint_conifers (p, 6, anm_ground (p, 6) + 0.03, 0.16, 40, 0.3);
        anm_paint_fog (p, 4.5, anm_ground (p, 5), 0.08, 0.55);
        paint_conifers (p, 2.6, anm_ground (p, 2.6) + 0.05, 0.24, 22, 0.1);
        return;
    }
    paint_conifers (p, 20, p->horizon + 0.03, 0.3, 34, 0.7);
    paint_trunks (p, 9, 26, 0.009, 0.58);
    anm_paint_fog (p, 7, p->horizon, 0.16, 0.75);
    paint_trunks (p, 4.2, 14, 0.019, 0.34);
    anm_paint_fog (p, 3, p->horizon + 0.05, 0.12, 0.5);
    paint_trunks (p, 1.8, 8, 0.04, 0.08);
}

/*  A dark frame of leaves and a trunk close to the lens. */
void anm_paint_forest_front (anm_paint_t *p)
{
    if (p->scene->size <= ANM_SIZE_EXTREME_WIDE) {
        paint_conifers (p, 0.75, 0.56, 0.36, 6, 0);
        return;
    }
    cairo_t *cr = anm_open_band (p, 0.62, -1, -0.18, 0.04);
    anm_rect_t r = p->stage->rect;
    anm_rgb_t dark = anm_rgb_scale (anm_shaded (&p->pal, anm_rgb (0x2c3a24), 0), 0.6);
    for (uint64_t i = 0; i < 240; i++) {
        double x = r.x0 + (r.x1 - r.x0) * anm_random (p->seed + 61, 3 * i);
        double edge = fabs (x) / (0.5 * p->stage->aspect), k = anm_random (p->seed + 61, 3 * i + 1);
        double y = r.y0 + (0.1 + 0.16 * edge * edge) * k,
               a = 3.1 * anm_random (p->seed + 61, 3 * i + 2);
        cairo_save (cr);
        cairo_translate (cr, x, y);
        cairo_rotate (cr, a);
        anm_ellipse (cr, 0, 0, 0.034, 0.011);
        cairo_restore (cr);
        anm_src (cr, dark, 0.92);
        cairo_fill (cr);
    }
    anm_layer_t *l = anm_close (p);
    if (l != NULL)
        l->motion = (anm_motion_t){.bob_x = 0.006, .bob_y = 0.002, .bob_hz = 0.2};
}
