/*  City skylines and streets. */
#include "node/backends/animatic/paint.h"

#include <math.h>

/*  Lit panes in a facade; by day they only glint. */
static void paint_panes (const anm_paint_t *p, cairo_t *cr, double x, double y, double w, double h,
                         double pane, double away, uint64_t seed)
{
    bool dark = p->scene->time >= ANM_TIME_DUSK;
    int columns = (int)(w / pane), rows = (int)(h / (pane * 1.5));
    if (columns < 1 || rows < 1)
        return;
    double dx = w / columns, dy = h / rows;
    for (int j = 0; j < rows; j++) {
        for (int i = 0; i < columns; i++) {
            double k = anm_random (seed, (uint64_t)(j * 64 + i));
            anm_rgb_t c = k < 0.3 ? p->pal.lamp : anm_rgb_mix (p->pal.lamp, p->pal.sky_low, 0.6);
            if (dark && k > 0.42)
                continue;
            if (!dark)
                c = anm_rgb_mix (p->pal.sky_mid, p->pal.sky_low, k);
            anm_src (cr, anm_rgb_mix (c, p->pal.haze, away * 0.6), dark ? 0.45 + 0.5 * k : 0.3);
            cairo_rectangle (cr, x + (i + 0.24) * dx, y + (j + 0.2) * dy, 0.52 * dx, 0.56 * dy);
            cairo_fill (cr);
        }
    }
}

static void paint_blocks (anm_paint_t *p, double depth, double high, double wide, double pane,
                          double away)
{
    uint64_t seed = anm_mix (p->seed, 1100 + (uint64_t)(depth * 10)), n = 0;
    double base = p->horizon + 0.05 + 0.1 / depth;
    cairo_t *cr = anm_open_band (p, depth, base - 1.8 * high, 2, 0);
    anm_rect_t r = p->stage->rect;
    anm_rgb_t own = anm_rgb (0x5d6878);
    anm_rgb_t lit = anm_lit (&p->pal, own, away), dark = anm_shaded (&p->pal, own, away);
    bool right = p->sun_x > 0;
    for (double x = floor (r.x0) - wide; x < r.x1 + wide; n++) {
        double w = wide * (0.55 + 0.9 * anm_random (seed, 4 * n)), k = anm_random (seed, 4 * n + 1);
        double mid = exp (-pow (x / 0.75, 2)), h = high * (0.3 + 0.75 * k * k + 0.45 * mid * k);
        cairo_rectangle (cr, x, base - h, w * 0.94, h + 1);
        anm_fill_across (cr, x, right ? dark : lit, 1, x + w, right ? lit : dark, 1);
        if (k > 0.72) { /* a stepped top and a mast */
            cairo_rectangle (cr, x + 0.2 * w, base - h * 1.08, w * 0.54, h * 0.1);
            cairo_rectangle (cr, x + 0.46 * w, base - h * 1.2, w * 0.03, h * 0.15);
            anm_src (cr, anm_rgb_mix (dark, lit, 0.4), 1);
            cairo_fill (cr);
        }
        paint_panes (p, cr, x + 0.05 * w, base - h + 0.01, w * 0.84, h + 0.1, pane, away,
                     anm_mix (seed, n));
        cairo_rectangle (cr, x, base - h * 0.5, w * 0.94, h * 0.5 + 0.02); /* mist in the streets */
        anm_fill_down (cr, base - h * 0.5, p->pal.haze, 0, base + 0.02, p->pal.haze, 0.55);
        x += w;
    }
    anm_close (p);
}

void anm_paint_city (anm_paint_t *p)
{
    paint_blocks (p, 40, 0.3, 0.08, 0.012, 0.62);
    paint_blocks (p, 18, 0.36, 0.12, 0.014, 0.36);
    paint_blocks (p, 8, 0.3, 0.17, 0.018, 0.12);
    if (p->scene->time >= ANM_TIME_DUSK)
        anm_glow (p, 12, -0.2, p->horizon + 0.1, 0.9, p->pal.lamp, 0.3, 0);
    /* a parapet to stand on */
    cairo_t *cr = anm_open_band (p, 1.25, anm_ground (p, 1.25) - 0.05, 2, 0);
    anm_rgb_t own = anm_rgb (0x4a4a50);
    double y = anm_ground (p, 1.25);
    cairo_rectangle (cr, -9, y, 18, 3);
    anm_fill_down (cr, y, anm_lit (&p->pal, own, 0), 1, y + 0.3,
                   anm_rgb_scale (anm_shaded (&p->pal, own, 0), 0.7), 1);
    cairo_rectangle (cr, -9, y - 0.03, 18, 0.045);
    anm_src (cr, anm_lit (&p->pal, anm_rgb (0x6a6868), 0), 1);
    cairo_fill (cr);
    anm_close (p);
}

/*  A row of houses along one side, each nearer one larger: their fronts run to one point. */
static void paint_row (anm_paint_t *p, double side, double far, double near, double away)
{
    static const unsigned walls[] = {0x8c6a58, 0x7a7466, 0x6d7480, 0x96806a, 0x6a5a5c};
    double mid = sqrt (far * near), edge = side * 0.62;
    uint64_t seed = anm_mix (p->seed, (uint64_t)(1300 + far * 10 + side));
    double x0 = edge / far, x1 = edge / near, h0 = 1.0 / far, h1 = 1.0 / near;
    double top0 = p->horizon - h0 * (0.75 + 0.4 * anm_random (seed, 1)),
           top1 = p->horizon + (top0 - p->horizon) * far / near;
    double low0 = anm_ground (p, far), low1 = anm_ground (p, near);
    cairo_t *cr = anm_open (p, mid);
    anm_rgb_t own = anm_rgb (walls[seed % 5]);
    bool lit_side = (p->sun_x > 0) == (side < 0);
    anm_rgb_t c =
        lit_side ? anm_rgb_mix (anm_shaded (&p->pal, own, away), anm_lit (&p->pal, own, away), 0.8)
                 : anm_shaded (&p->pal, own, away);
    const double wall[][2] = {{x0, top0}, {x1, top1}, {x1, low1}, {x0, low0}};
    anm_poly (cr, wall, 4);
    anm_fill_across (cr, x0, anm_rgb_mix (c, p->pal.haze, 0.35), 1, x1, c, 1);
    const double eave[][2] = {
        {x0, top0}, {x1, top1}, {x1, top1 + 0.05 * h1}, {x0, top0 + 0.05 * h0}};
    anm_poly (cr, eave, 4);
    anm_src (cr, anm_rgb_scale (c, 0.7), 1);
    cairo_fill (cr);
    for (int j = 0; j < 4; j++) {
        for (int i = 0; i < 3; i++) {
            /* evenly spaced in depth, so closer together when far */
            double ua = (i + 0.25) / 3, ub = (i + 0.72) / 3, va = (j + 0.3) / 4.2,
                   vb = (j + 0.78) / 4.2;
            double da = 1 / (1 / far + (1 / near - 1 / far) * ua),
                   db = 1 / (1 / far + (1 / near - 1 / far) * ub);
            double ta = p->horizon + (top0 - p->horizon) * far / da,
                   tb = p->horizon + (top0 - p->horizon) * far / db;
            double la = anm_ground (p, da), lb = anm_ground (p, db),
                   k = anm_random (seed, (uint64_t)(j * 3 + i + 7));
            const double pane[][2] = {{edge / da, ta + (la - ta) * va},
                                      {edge / db, tb + (lb - tb) * va},
                                      {edge / db, tb + (lb - tb) * vb},
                                      {edge / da, ta + (la - ta) * vb}};
            bool on = p->scene->time >= ANM_TIME_DUSK && k < 0.45;
            anm_poly (cr, pane, 4);
            anm_src (cr,
                     on ? p->pal.lamp : anm_rgb_mix (anm_rgb_scale (c, 0.55), p->pal.sky_mid, 0.25),
                     on ? 0.9 : 0.8);
            cairo_fill (cr);
        }
    }
    anm_close (p);
}

static void paint_lamp_post (anm_paint_t *p, double depth, double side)
{
    double x = side * 0.4 / depth, low = anm_ground (p, depth), h = 0.62 / depth, top = low - h;
    double w = 0.006 / depth;
    anm_rect_t box = {x - 0.12 / depth, top - 0.06 / depth, x + 0.12 / depth, low + 0.02};
    cairo_t *cr = anm_stage_open (p->stage, depth, &box);
    anm_src (cr, anm_rgb_scale (anm_shaded (&p->pal, anm_rgb (0x3a3c42), 0.15), 0.8), 1);
    cairo_rectangle (cr, x - w, top, 2 * w, h);
    cairo_fill (cr);
    cairo_set_line_width (cr, 1.6 * w);
    cairo_move_to (cr, x, top + 0.01 / depth);
    cairo_curve_to (cr, x, top - 0.03 / depth, x - side * 0.05 / depth, top - 0.03 / depth,
                    x - side * 0.06 / depth, top);
    cairo_stroke (cr);
    anm_src (cr, p->scene->time >= ANM_TIME_DUSK ? p->pal.lamp : anm_rgb (0xd8dcd8), 1);
    anm_ellipse (cr, x - side * 0.06 / depth, top + 0.012 / depth, 0.012 / depth, 0.016 / depth);
    cairo_fill (cr);
    anm_close (p);
    if (p->scene->time >= ANM_TIME_DUSK)
        anm_glow (p, depth, x - side * 0.06 / depth, top + 0.012 / depth, 0.3 / depth, p->pal.lamp,
                  0.75, 0);
}

void anm_paint_street (anm_paint_t *p)
{
    bool wet = p->scene->weather == ANM_WEATHER_RAIN || p->scene->weather == ANM_WEATHER_STORM;
    anm_rgb_t own = anm_rgb (wet ? 0x3c434c : 0x6a665f);
    anm_rgb_t near = anm_shaded (&p->pal, own, 0), far = anm_lit (&p->pal, own, 0.6);
    paint_blocks (p, 30, 0.2, 0.07, 0.012, 0.6);
    cairo_t *cr = anm_open_band (p, 30, p->horizon, 2, 0);
    cairo_rectangle (cr, -9, p->horizon, 18, 3);
    anm_fill_down (cr, p->horizon, far, 1, 0.5, near, 1);
    anm_close (p);
    cr = anm_open_band (p, 1.8, p->horizon, 2, 0);
    cairo_rectangle (cr, -9, p->horizon + 0.012, 18, 3);
    anm_fill_down (cr, p->horizon, far, 0.2, 0.55, near, 1);
    for (int side = -1; side <= 1; side += 2) { /* kerbs and pavements */
        const double walk[][2] = {{side * 0.02, p->horizon},
                                  {side * 4.0, p->horizon + 0.1 + p->eye * 4},
                                  {side * 9.0, p->horizon + p->eye * 4},
                                  {side * 0.04, p->horizon}};
        anm_poly (cr, walk, 4);
        anm_fill_down (cr, p->horizon, anm_lit (&p->pal, anm_rgb (0x8a8479), 0.4), 0.5, 0.5,
                       anm_shaded (&p->pal, anm_rgb (0x8a8479), 0), 0.9);
    }
    for (int i = 1; i < 9; i++) { /* the middle line */
        double a = 1.0 / (0.12 * i), b = 1.0 / (0.12 * i + 0.07);
        const double dash[][2] = {{-0.012 / a, anm_ground (p, a)},
                                  {0.012 / a, anm_ground (p, a)},
                                  {0.012 / b, anm_ground (p, b)},
                                  {-0.012 / b, anm_ground (p, b)}};
        anm_poly (cr, dash, 4);
        anm_src (cr, anm_lit (&p->pal, anm_rgb (0xd8cfb4), 0.2), 0.35);
        cairo_fill (cr);
    }
    anm_close (p);
    static const double cuts[] = {14, 7.5, 4.2, 2.4, 1.35, 0.72};
    for (size_t i = 0; i + 1 < sizeof cuts / sizeof cuts[0]; i++) {
        double away = 0.52 - 0.12 * (double)i;
        paint_row (p, -1, cuts[i], cuts[i + 1], away < 0 ? 0 : away);
        paint_row (p, 1, cuts[i], cuts[i + 1], away < 0 ? 0 : away);
        if (i == 1)
            anm_paint_fog (p, 6, p->horizon, 0.14, 0.5);
        if (i % 2 == 1)
            paint_lamp_post (p, cuts[i + 1] * 1.05, i % 4 == 1 ? 1 : -1);
    }
    if (wet || p->scene->time >= ANM_TIME_DUSK) /* light on wet stones */
        anm_glow (p, 2, 0, p->horizon + 0.16, 0.4, p->pal.lamp, wet ? 0.3 : 0.14, 0);
}
