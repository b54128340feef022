/*  People: whole figures for the wider sizes, head and shoulders for the closer ones.
 *
 *  Both are drawn as cut paper with one light: a lit and a shaded side, a rim where the light
 *  comes from, and just enough of a face to say which way it looks.
 */
#include "node/backends/animatic/paint.h"

#include <math.h>

#define INK 0x17161c

static bool lit_from_right (const anm_paint_t *p, cairo_t *cr)
{
    double ux = 1, uy = 0;
    cairo_user_to_device_distance (cr, &ux, &uy);
    return (p->sun_x > p->subject_x) == (ux > 0);
}

/*  A thin lit edge along the path's light side; keeps nothing of the path. */
static void rim (const anm_paint_t *p, cairo_t *cr, double width, double strength)
{
    double x0, y0, x1, y1;
    bool right = lit_from_right (p, cr);
    anm_rgb_t c = p->scene->interior && p->scene->time >= ANM_TIME_DUSK
                      ? p->pal.lamp
                      : anm_rgb_mix (p->pal.glow, p->pal.sky_low, 0.4);
    cairo_path_extents (cr, &x0, &y0, &x1, &y1);
    cairo_pattern_t *g = cairo_pattern_create_linear (x0, 0, x1, 0);
    cairo_pattern_add_color_stop_rgba (g, right ? 1 : 0, c.r, c.g, c.b, strength);
    cairo_pattern_add_color_stop_rgba (g, right ? 0.45 : 0.55, c.r, c.g, c.b, 0);
    cairo_save (cr);
    cairo_clip_preserve (cr);
    cairo_set_source (cr, g);
    cairo_set_line_width (cr, 2 * width);
    cairo_stroke (cr);
    cairo_restore (cr);
    cairo_pattern_destroy (g);
}

/*  Fills the path in the round, and gives it its rim. */
static void body (const anm_paint_t *p, cairo_t *cr, anm_rgb_t own, double edge)
{
    cairo_path_t *path = cairo_copy_path (cr);
    anm_fill_round (p, cr, own, 0);
    cairo_append_path (cr, path);
    rim (p, cr, edge, 0.75);
    cairo_path_destroy (path);
    cairo_new_path (cr);
}

static void limb (const anm_paint_t *p, cairo_t *cr, anm_rgb_t c, double x0, double y0, double xm,
                  double ym, double x1, double y1, double w0, double w1)
{
    double dx = x1 - x0, dy = y1 - y0, n = hypot (dx, dy), nx = -dy / n, ny = dx / n;
    double wm = 0.55 * w0 + 0.45 * w1;
    cairo_new_path (cr);
    cairo_move_to (cr, x0 + nx * w0, y0 + ny * w0);
    cairo_curve_to (cr, xm + nx * wm, ym + ny * wm, xm + nx * wm, ym + ny * wm, x1 + nx * w1,
                    y1 + ny * w1);
    cairo_line_to (cr, x1 - nx * w1, y1 - ny * w1);
    cairo_curve_to (cr, xm - nx * wm, ym - ny * wm, xm - nx * wm, ym - ny * wm, x0 - nx * w0,
                    y0 - ny * w0);
    cairo_close_path (cr);
    body (p, cr, c, 0.004);
}

static void draw_legs (const anm_paint_t *p, cairo_t *cr, const anm_figure_t *f, bool walks)
{
    anm_rgb_t cloth = anm_rgb_mix (anm_rgb_scale (f->cloth, 0.55), anm_rgb (INK), 0.35);
    anm_rgb_t shoe = anm_rgb (0x221d1c);
    double front = walks ? 0.115 : 0.045, back = walks ? -0.11 : -0.04;
    double lift = walks ? -0.018 : 0;
    limb (p, cr, anm_rgb_scale (cloth, 0.75), -0.025, -0.48, back * 0.3, -0.25, back, -0.015 + lift,
          0.042, 0.019);
    anm_ellipse (cr, back + 0.022, -0.012 + lift, 0.036, 0.014);
    anm_fill_round (p, cr, shoe, 0);
    limb (p, cr, cloth, 0.025, -0.48, front * 0.75 + 0.01, -0.26, front, -0.015, 0.045, 0.02);
    anm_ellipse (cr, front + 0.024, -0.012, 0.038, 0.014);
    anm_fill_round (p, cr, shoe, 0);
}

/*  Coat, dress or jacket from the shoulders down to its hem. */
static void draw_torso (const anm_paint_t *p, cairo_t *cr, const anm_figure_t *f, bool walks)
{
    bool dress = f->wears & ANM_WEARS_DRESS, coat = f->wears & ANM_WEARS_COAT;
    double hem = dress ? -0.16 : coat ? -0.28 : -0.44, flare = dress ? 0.135 : coat ? 0.115 : 0.078;
    double sway = walks ? 0.02 : 0, wide = f->build == ANM_BUILD_MAN ? 0.118 : 0.1;
    double waist = f->build == ANM_BUILD_WOMAN ? 0.062 : 0.08;
    cairo_new_path (cr);
    cairo_move_to (cr, -0.03, -0.852);
    cairo_curve_to (cr, -0.09, -0.838, -wide, -0.83, -wide - 0.004, -0.77);
    cairo_curve_to (cr, -0.1, -0.7, -waist, -0.65, -waist, -0.6);
    cairo_curve_to (cr, -waist - 0.01, -0.5, -flare, hem - 0.14, -flare - sway, hem);
    cairo_curve_to (cr, -0.3 * flare, hem + 0.018, 0.4 * flare, hem + 0.014, flare - sway * 0.4,
                    hem - 0.008);
    cairo_curve_to (cr, flare, hem - 0.14, waist + 0.012, -0.5, waist, -0.6);
    cairo_curve_to (cr, waist + 0.004, -0.66, 0.1, -0.7, wide + 0.004, -0.77);
    cairo_curve_to (cr, wide, -0.83, 0.09, -0.838, 0.03, -0.852);
    cairo_close_path (cr);
    body (p, cr, f->cloth, 0.006);
    if (coat) { /* where it opens, and its collar */
        anm_src (cr, anm_shaded (&p->pal, anm_rgb_scale (f->cloth, 0.5), 0), 0.7);
        cairo_set_line_width (cr, 0.007);
        cairo_move_to (cr, 0.018, -0.84);
        cairo_curve_to (cr, 0.028, -0.7, 0.022, -0.5, 0.03, hem);
        cairo_stroke (cr);
    }
}

static void draw_lantern (const anm_paint_t *p, cairo_t *cr, double x, double y, double s)
{
    anm_src (cr, anm_lit (&p->pal, anm_rgb (0x6a5230), 0), 1);
    cairo_set_line_width (cr, 0.09 * s);
    cairo_arc (cr, x, y - 0.55 * s, 0.32 * s, 3.3, 6.1);
    cairo_stroke (cr);
    cairo_rectangle (cr, x - 0.34 * s, y - 0.6 * s, 0.68 * s, 0.16 * s);
    cairo_rectangle (cr, x - 0.36 * s, y + 0.5 * s, 0.72 * s, 0.18 * s);
    cairo_fill (cr);
    cairo_rectangle (cr, x - 0.27 * s, y - 0.44 * s, 0.54 * s, 0.94 * s);
    anm_src (cr, anm_rgb_mix (p->pal.lamp, (anm_rgb_t){1, 1, 1}, 0.55), 1);
    cairo_fill (cr);
    cairo_rectangle (cr, x - 0.02 * s, y - 0.44 * s, 0.04 * s, 0.94 * s);
    anm_src (cr, anm_rgb (0x5a4428), 0.7);
    cairo_fill (cr);
}

static void draw_umbrella (const anm_paint_t *p, cairo_t *cr, const anm_figure_t *f)
{
    anm_src (cr, anm_rgb (INK), 1);
    cairo_set_line_width (cr, 0.009);
    cairo_move_to (cr, 0.085, -0.5);
    cairo_line_to (cr, 0.06, -1.13);
    cairo_stroke (cr);
    cairo_move_to (cr, -0.22, -1.0);
    cairo_curve_to (cr, -0.2, -1.2, 0.3, -1.24, 0.36, -0.98);
    for (int i = 0; i < 4; i++) {
        double x = 0.36 - 0.145 * i;
        cairo_curve_to (cr, x - 0.03, -1.03, x - 0.11, -1.03, x - 0.145, -0.985 - 0.004 * i);
    }
    cairo_close_path (cr);
    body (p, cr, f->accent, 0.006);
}

static void draw_arms (const anm_paint_t *p, cairo_t *cr, const anm_figure_t *f, bool walks,
                       bool near)
{
    anm_rgb_t sleeve = anm_rgb_scale (f->cloth, near ? 0.92 : 0.7);
    bool holds = near && (f->wears & ANM_HOLDS_LANTERN);
    bool up = near && (f->wears & ANM_HOLDS_UMBRELLA);
    double s = near ? 1 : -1, x0 = s * 0.092, hx = s * 0.112, hy = -0.44, ex = s * 0.135;
    double ey = -0.62;
    if (walks) {
        hx = near ? -0.075 : 0.135;
        ex = near ? 0.06 : 0.02;
        hy = -0.47;
        ey = -0.6;
    }
    if (holds) {
        hx = 0.2;
        hy = -0.62;
        ex = 0.13;
        ey = -0.62;
    }
    if (up) {
        hx = 0.085;
        hy = -0.6;
        ex = 0.15;
        ey = -0.6;
    }
    limb (p, cr, sleeve, x0, -0.79, ex, ey, hx, hy, 0.031, 0.019);
    anm_ellipse (cr, hx, hy + 0.014, 0.017, 0.021);
    anm_fill_round (p, cr, f->skin, 0);
    if (holds)
        draw_lantern (p, cr, hx + 0.004, hy + 0.085, 0.075);
}

/*  What is worn on and about a head at height y of half-axes rx, ry. */
static void draw_headgear (const anm_paint_t *p, cairo_t *cr, const anm_figure_t *f, double y,
                           double rx, double ry)
{
    if (f->wears & ANM_WEARS_SCARF) {
        anm_ellipse (cr, 0, y + 1.45 * ry, 0.058, 0.026);
        cairo_move_to (cr, -0.03, y + 1.4 * ry);
        cairo_curve_to (cr, -0.12, y + 1.5 * ry, -0.16, y + 1.2 * ry, -0.24, y + 1.7 * ry);
        cairo_line_to (cr, -0.21, y + 2.2 * ry);
        cairo_curve_to (cr, -0.14, y + 1.9 * ry, -0.1, y + 2.2 * ry, -0.02, y + 1.8 * ry);
        cairo_close_path (cr);
        body (p, cr, f->accent, 0.003);
    }
    if (f->wears & ANM_WEARS_HOOD) {
        cairo_move_to (cr, 0.03, y - 1.15 * ry);
        cairo_curve_to (cr, -0.09, y - 1.6 * ry, -0.12, y + 0.6 * ry, -0.1, y + 1.7 * ry);
        cairo_line_to (cr, 0.04, y + 1.6 * ry);
        cairo_curve_to (cr, -0.02, y + 0.8 * ry, -0.02, y - 0.4 * ry, 0.03, y - 1.15 * ry);
        cairo_close_path (cr);
        body (p, cr, f->cloth, 0.004);
    }
    if (f->wears & ANM_WEARS_HAT) {
        anm_ellipse (cr, 0.004, y - 0.62 * ry, 1.75 * rx, 0.2 * ry);
        body (p, cr, f->accent, 0.003);
        cairo_move_to (cr, -1.0 * rx, y - 0.65 * ry);
        cairo_curve_to (cr, -1.0 * rx, y - 1.75 * ry, 1.05 * rx, y - 1.75 * ry, 1.08 * rx,
                        y - 0.65 * ry);
        cairo_close_path (cr);
        body (p, cr, f->accent, 0.004);
    }
    bool suit = p->scene->place == ANM_PLACE_SPACE || p->scene->place == ANM_PLACE_DEEP;
    if ((f->wears & ANM_WEARS_HELMET) && !suit) {
        cairo_move_to (cr, -1.25 * rx, y - 0.15 * ry);
        cairo_curve_to (cr, -1.3 * rx, y - 1.6 * ry, 1.3 * rx, y - 1.6 * ry, 1.35 * rx,
                        y - 0.35 * ry);
        cairo_close_path (cr);
        body (p, cr, anm_rgb (0x5c6450), 0.004);
    } else if (f->wears & ANM_WEARS_HELMET) {
        anm_ellipse (cr, 0.0, y, rx * 1.7, ry * 1.45);
        body (p, cr, anm_rgb (0xe4e6e8), 0.006);
        anm_ellipse (cr, 0.022, y, rx * 1.1, ry * 0.95);
        anm_fill_round (p, cr, anm_rgb (0x2a3a52), 0);
    }
}

/*  Head of a whole figure: small, so shapes only. */
static void draw_head (const anm_paint_t *p, cairo_t *cr, const anm_figure_t *f)
{
    double y = -0.925, rx = 0.047, ry = 0.062;
    if (f->build == ANM_BUILD_CHILD) {
        rx *= 1.35;
        ry *= 1.3;
        y -= 0.018;
    }
    if (f->wears & ANM_WEARS_LONG_HAIR) {
        cairo_move_to (cr, 0.03, y - ry);
        cairo_curve_to (cr, -0.09, y - 1.4 * ry, -0.1, y + 0.4 * ry, -0.088, y + 2.2 * ry);
        cairo_curve_to (cr, -0.05, y + 2.6 * ry, 0.0, y + 2.1 * ry, 0.03, y + 1.4 * ry);
        cairo_close_path (cr);
        body (p, cr, f->hair, 0.004);
    }
    cairo_rectangle (cr, -0.022, y + 0.6 * ry, 0.042, 0.05);
    anm_src (cr, anm_shaded (&p->pal, f->skin, 0), 1);
    cairo_fill (cr);
    anm_ellipse (cr, 0.004, y, rx, ry);
    body (p, cr, f->skin, 0.004);
    cairo_move_to (cr, 0.046, y - 0.5 * ry); /* a hint of a nose, so that it looks somewhere */
    cairo_line_to (cr, 0.058, y + 0.12 * ry);
    cairo_line_to (cr, 0.042, y + 0.2 * ry);
    cairo_close_path (cr);
    anm_src (cr, anm_rgb_mix (anm_lit (&p->pal, f->skin, 0), anm_shaded (&p->pal, f->skin, 0), 0.5),
             1);
    cairo_fill (cr);
    if (!(f->wears & ANM_IS_BALD)) {
        cairo_move_to (cr, rx * 0.95, y - 0.45 * ry);
        cairo_curve_to (cr, rx * 0.5, y - 0.7 * ry, -0.1 * rx, y - 0.5 * ry, -0.35 * rx,
                        y + 0.25 * ry);
        cairo_curve_to (cr, -0.9 * rx, y + 0.5 * ry, -1.2 * rx, y + 0.2 * ry, -1.08 * rx,
                        y - 0.3 * ry);
        cairo_curve_to (cr, -rx, y - 1.3 * ry, rx, y - 1.4 * ry, rx * 1.02, y - 0.45 * ry);
        cairo_close_path (cr);
        body (p, cr, f->hair, 0.003);
    }
    if (f->wears & ANM_WEARS_BEARD) {
        cairo_move_to (cr, 1.0 * rx, y + 0.1 * ry);
        cairo_curve_to (cr, 1.25 * rx, y + 0.9 * ry, 0.7 * rx, y + 1.7 * ry, 0.2 * rx,
                        y + 1.65 * ry);
        cairo_curve_to (cr, -0.5 * rx, y + 1.3 * ry, -0.6 * rx, y + 0.6 * ry, -0.4 * rx,
                        y + 0.15 * ry);
        cairo_curve_to (cr, 0, y + 0.5 * ry, 0.5 * rx, y + 0.4 * ry, rx, y + 0.1 * ry);
        cairo_close_path (cr);
        body (p, cr, f->hair, 0.003);
    }
    draw_headgear (p, cr, f, y, rx, ry);
}

void anm_draw_figure (const anm_paint_t *p, cairo_t *cr, const anm_figure_t *f, double x, double y,
                      double height, double face, bool walks)
{
    double h = height * (f->build == ANM_BUILD_CHILD   ? 0.66
                         : f->build == ANM_BUILD_WOMAN ? 0.95
                                                       : 1);
    double lean = p->sun_x > p->subject_x ? -1 : 1;
    cairo_save (cr); /* its shadow on the ground, away from the light */
    cairo_translate (cr, x, y);
    cairo_scale (cr, h, h);
    bool afloat = p->scene->place == ANM_PLACE_SPACE || p->scene->place == ANM_PLACE_DEEP;
    for (int i = 0; i < 5 && !afloat; i++) {
        anm_ellipse (cr, lean * 0.11, 0.004, 0.24 - 0.035 * i, 0.022 - 0.003 * i);
        anm_src (cr, anm_rgb (0x080a12), 0.075);
        cairo_fill (cr);
    }
    cairo_scale (cr, face, 1);
    draw_arms (p, cr, f, walks, false);
    draw_legs (p, cr, f, walks);
    if (f->wears & ANM_WEARS_PACK) {
        anm_ellipse (cr, -0.11, -0.7, 0.06, 0.11);
        body (p, cr, f->accent, 0.005);
    }
    draw_torso (p, cr, f, walks);
    if (f->wears & ANM_HOLDS_UMBRELLA)
        draw_umbrella (p, cr, f);
    draw_head (p, cr, f);
    draw_arms (p, cr, f, walks, true);
    cairo_restore (cr);
}
