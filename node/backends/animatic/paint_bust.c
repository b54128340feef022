/*  Head and shoulders, for medium and close shots. Units: the head is 1 high, the chin at 0, the
 *  crown at -1, and the face looks to +x.
 */
#include "node/backends/animatic/paint.h"

#include <math.h>

#define TURN 0.1 /* how far the features sit towards where the face looks */

typedef struct {
    const anm_paint_t *p;
    cairo_t *cr;
    const anm_figure_t *f;
    bool right; /* light from +x in the figure's own frame */
    anm_rgb_t lit, shade, line;
} bust_t;

static void head_path (cairo_t *cr)
{
    cairo_new_path (cr);
    cairo_move_to (cr, 0.02, -1.0);
    cairo_curve_to (cr, 0.3, -1.0, 0.42, -0.8, 0.4, -0.58);
    cairo_curve_to (cr, 0.395, -0.4, 0.37, -0.26, 0.31, -0.14);
    cairo_curve_to (cr, 0.26, -0.04, 0.19, 0.02, 0.1, 0.02);
    cairo_curve_to (cr, 0.0, 0.02, -0.1, -0.04, -0.19, -0.14);
    cairo_curve_to (cr, -0.3, -0.24, -0.36, -0.4, -0.37, -0.56);
    cairo_curve_to (cr, -0.4, -0.82, -0.26, -1.0, 0.02, -1.0);
    cairo_close_path (cr);
}

static void round_fill (const bust_t *b, anm_rgb_t own, double edge)
{
    cairo_path_t *path = cairo_copy_path (b->cr);
    double x0, y0, x1, y1;
    cairo_path_extents (b->cr, &x0, &y0, &x1, &y1);
    anm_rgb_t lit = anm_lit (&b->p->pal, own, 0), dark = anm_shaded (&b->p->pal, own, 0);
    anm_fill_across (b->cr, x0, b->right ? dark : lit, 1, x1, b->right ? lit : dark, 1);
    cairo_append_path (b->cr, path);
    cairo_save (b->cr);
    cairo_clip_preserve (b->cr);
    anm_rgb_t c = b->p->scene->interior && b->p->scene->time >= ANM_TIME_DUSK
                      ? b->p->pal.lamp
                      : anm_rgb_mix (b->p->pal.glow, b->p->pal.sky_low, 0.35);
    for (int i = 10; i >= 1; i--) { /* a rim that fades inwards */
        cairo_pattern_t *g = cairo_pattern_create_linear (x0, 0, x1, 0);
        cairo_pattern_add_color_stop_rgba (g, b->right ? 1 : 0, c.r, c.g, c.b, 0.1);
        cairo_pattern_add_color_stop_rgba (g, b->right ? 0.55 : 0.45, c.r, c.g, c.b, 0);
        cairo_set_source (b->cr, g);
        cairo_set_line_width (b->cr, 0.3 * edge * i);
        cairo_stroke_preserve (b->cr);
        cairo_pattern_destroy (g);
    }
    cairo_restore (b->cr);
    cairo_new_path (b->cr);
    cairo_path_destroy (path);
}

static void draw_shoulders (const bust_t *b)
{
    cairo_t *cr = b->cr;
    double w = b->f->build == ANM_BUILD_MAN ? 1.0 : 0.86;
    cairo_move_to (cr, -0.18, 0.16);
    cairo_curve_to (cr, -0.3, 0.3, -0.75 * w, 0.34, -0.98 * w, 0.56);
    cairo_curve_to (cr, -1.16 * w, 0.78, -1.2 * w, 1.4, -1.22 * w, 6);
    cairo_line_to (cr, 1.22 * w, 6);
    cairo_curve_to (cr, 1.2 * w, 1.4, 1.16 * w, 0.78, 1.0 * w, 0.58);
    cairo_curve_to (cr, 0.78 * w, 0.36, 0.38, 0.3, 0.24, 0.16);
    cairo_close_path (cr);
    round_fill (b, b->f->cloth, 0.045);
    anm_rgb_t fold = anm_shaded (&b->p->pal, anm_rgb_scale (b->f->cloth, 0.45), 0);
    anm_src (cr, fold, 0.55);
    cairo_set_line_width (cr, 0.03);
    for (int s = -1; s <= 1; s += 2) { /* where the arms begin */
        cairo_move_to (cr, s * 0.76 * w, 0.95);
        cairo_curve_to (cr, s * 0.82 * w, 1.3, s * 0.8 * w, 1.8, s * 0.78 * w, 6);
        cairo_stroke (cr);
    }
}

static void draw_collar (const bust_t *b)
{
    cairo_t *cr = b->cr;
    anm_rgb_t inner = anm_rgb_mix (b->f->cloth, anm_rgb (0xe6dfd0), 0.62);
    if (b->f->wears & (ANM_WEARS_COAT | ANM_WEARS_HAT)) {
        cairo_move_to (cr, -0.17, 0.2);
        cairo_line_to (cr, 0.08, 0.98);
        cairo_line_to (cr, 0.27, 0.2);
        cairo_close_path (cr);
        round_fill (b, inner, 0.01);
        for (int s = -1; s <= 1; s += 2) {
            double x = 0.05;
            cairo_move_to (cr, x + s * 0.2, 0.08);
            cairo_curve_to (cr, x + s * 0.4, 0.16, x + s * 0.46, 0.32, x + s * 0.44, 0.44);
            cairo_line_to (cr, x + s * 0.3, 0.58);
            cairo_line_to (cr, x + 0.03, 1.06);
            cairo_curve_to (cr, x + s * 0.06, 0.7, x + s * 0.12, 0.36, x + s * 0.2, 0.08);
            cairo_close_path (cr);
            round_fill (b, anm_rgb_scale (b->f->cloth, s > 0 ? 0.88 : 0.78), 0.022);
        }
    } else {
        cairo_move_to (cr, -0.22, 0.17);
        cairo_curve_to (cr, -0.12, 0.46, 0.2, 0.46, 0.3, 0.17);
        cairo_curve_to (cr, 0.2, 0.36, -0.1, 0.36, -0.22, 0.17);
        round_fill (b, anm_rgb_scale (b->f->cloth, 0.72), 0.01);
    }
    if (b->f->wears & ANM_WEARS_SCARF) {
        cairo_move_to (cr, -0.34, 0.14);
        cairo_curve_to (cr, -0.2, -0.02, 0.3, -0.02, 0.42, 0.14);
        cairo_curve_to (cr, 0.5, 0.36, 0.3, 0.46, 0.04, 0.46);
        cairo_curve_to (cr, -0.24, 0.46, -0.44, 0.36, -0.34, 0.14);
        cairo_move_to (cr, -0.22, 0.36);
        cairo_curve_to (cr, -0.34, 0.8, -0.3, 1.2, -0.34, 1.5);
        cairo_line_to (cr, -0.02, 1.54);
        cairo_curve_to (cr, -0.02, 1.1, 0, 0.8, 0.04, 0.42);
        cairo_close_path (cr);
        round_fill (b, b->f->accent, 0.03);
    }
}

static void draw_neck (const bust_t *b)
{
    cairo_t *cr = b->cr;
    cairo_move_to (cr, -0.19, -0.25);
    cairo_curve_to (cr, -0.18, 0.05, -0.2, 0.16, -0.26, 0.24);
    cairo_curve_to (cr, -0.1, 0.42, 0.18, 0.42, 0.3, 0.24);
    cairo_curve_to (cr, 0.24, 0.14, 0.22, 0.05, 0.23, -0.25);
    cairo_close_path (cr);
    round_fill (b, anm_rgb_scale (b->f->skin, 0.86), 0.01);
    cairo_move_to (cr, -0.2, -0.16); /* the chin's shadow */
    cairo_curve_to (cr, -0.1, 0.06, 0.14, 0.14, 0.24, -0.04);
    cairo_curve_to (cr, 0.22, 0.22, -0.14, 0.2, -0.2, -0.16);
    anm_src (cr, b->shade, 0.55);
    cairo_fill (cr);
}

static void draw_eye (const bust_t *b, double x, double w)
{
    cairo_t *cr = b->cr;
    double y = -0.5, h = 0.05;
    cairo_move_to (cr, x - 1.15 * w, y - 0.005); /* the hollow it lies in */
    cairo_curve_to (cr, x - 0.6 * w, y - 2.2 * h, x + 0.6 * w, y - 2.2 * h, x + 1.2 * w,
                    y - 0.4 * h);
    cairo_curve_to (cr, x + 0.6 * w, y + 1.4 * h, x - 0.6 * w, y + 1.4 * h, x - 1.15 * w,
                    y - 0.005);
    anm_src (cr, b->shade, 0.24);
    cairo_fill (cr);
    cairo_move_to (cr, x - w, y + 0.012);
    cairo_curve_to (cr, x - 0.45 * w, y - h, x + 0.45 * w, y - h, x + w, y);
    cairo_curve_to (cr, x + 0.4 * w, y + 0.72 * h, x - 0.45 * w, y + 0.72 * h, x - w, y + 0.012);
    cairo_save (cr);
    cairo_clip (cr);
    anm_src (cr, anm_lit (&b->p->pal, anm_rgb (0xe4e0d8), 0), 0.92);
    cairo_paint (cr);
    double ix = x + 0.16 * w, r = 0.043;
    anm_ellipse (cr, ix, y - 0.004, r, r);
    anm_src (cr, anm_lit (&b->p->pal, anm_rgb (0x5a4632), 0), 1);
    cairo_fill (cr);
    anm_ellipse (cr, ix, y - 0.004, 0.5 * r, 0.5 * r);
    anm_src (cr, anm_rgb (0x0c0a0c), 1);
    cairo_fill (cr);
    cairo_rectangle (cr, x - w, y - h, 2 * w, 0.55 * h); /* the lid's shadow */
    anm_src (cr, b->line, 0.35);
    cairo_fill (cr);
    anm_ellipse (cr, ix + (b->right ? 0.016 : -0.016), y - 0.018, 0.009, 0.009);
    anm_src (cr, anm_rgb (0xffffff), 0.95);
    cairo_fill (cr);
    cairo_restore (cr);
    anm_src (cr, b->line, 0.9); /* lashes */
    cairo_set_line_width (cr, b->f->build == ANM_BUILD_WOMAN ? 0.02 : 0.014);
    cairo_move_to (cr, x - w, y + 0.012);
    cairo_curve_to (cr, x - 0.45 * w, y - h, x + 0.45 * w, y - h, x + w, y);
    cairo_stroke (cr);
}

static void draw_brow (const bust_t *b, double x, double w, double s)
{
    cairo_t *cr = b->cr;
    anm_rgb_t c = anm_rgb_mix (anm_shaded (&b->p->pal, b->f->hair, 0), b->line, 0.35);
    cairo_move_to (cr, x - s * 1.05 * w, -0.61);
    cairo_curve_to (cr, x - s * 0.3 * w, -0.665, x + s * 0.5 * w, -0.67, x + s * 1.25 * w, -0.615);
    cairo_curve_to (cr, x + s * 0.5 * w, -0.64, x - s * 0.3 * w, -0.625, x - s * 1.05 * w, -0.575);
    cairo_close_path (cr);
    anm_src (cr, c, 0.85);
    cairo_fill (cr);
}

static void draw_features (const bust_t *b)
{
    cairo_t *cr = b->cr;
    double c = TURN;
    draw_eye (b, c - 0.165, 0.088);
    draw_eye (b, c + 0.15, 0.078);
    draw_brow (b, c - 0.165, 0.09, -1);
    draw_brow (b, c + 0.15, 0.08, 1);
    /* the nose is its shadow side and its tip */
    double s = b->right ? -1 : 1;
    cairo_move_to (cr, c + 0.01 + s * 0.02, -0.52);
    cairo_curve_to (cr, c + 0.03 + s * 0.03, -0.4, c + 0.03 + s * 0.05, -0.32, c + 0.03 + s * 0.065,
                    -0.275);
    cairo_curve_to (cr, c + 0.05, -0.235, c + 0.03, -0.235, c + 0.03 - s * 0.03, -0.25);
    cairo_curve_to (cr, c + 0.035, -0.32, c + 0.02, -0.42, c + 0.01 + s * 0.02, -0.52);
    anm_src (cr, b->shade, 0.6);
    cairo_fill (cr);
    if (b->f->wears & ANM_WEARS_BEARD)
        return;
    anm_rgb_t lip = anm_rgb_mix (anm_rgb_mix (b->lit, b->shade, 0.35), anm_rgb (0xa8453f),
                                 b->f->build == ANM_BUILD_MAN ? 0.22 : 0.5);
    cairo_move_to (cr, c - 0.085, -0.145);
    cairo_curve_to (cr, c - 0.03, -0.175, c + 0.0, -0.168, c + 0.02, -0.16);
    cairo_curve_to (cr, c + 0.05, -0.172, c + 0.08, -0.165, c + 0.115, -0.148);
    cairo_curve_to (cr, c + 0.06, -0.095, c - 0.02, -0.09, c - 0.085, -0.145);
    anm_src (cr, lip, 0.85);
    cairo_fill (cr);
    anm_src (cr, b->line, 0.55);
    cairo_set_line_width (cr, 0.009);
    cairo_move_to (cr, c - 0.09, -0.144);
    cairo_curve_to (cr, c - 0.02, -0.138, c + 0.05, -0.142, c + 0.118, -0.147);
    cairo_stroke (cr);
}

/*  One strip of the dark side, from curve to curve, between two depths of shade. */
static void shade_strip (const bust_t *b, cairo_pattern_t *mesh, double from, double to, double a0,
                         double a1)
{
    double s = b->right ? -1 : 1;
    anm_rgb_t c = anm_rgb_scale (b->shade, 0.85);
    cairo_mesh_pattern_begin_patch (mesh);
    cairo_mesh_pattern_move_to (mesh, s * (from + 0.05), -1.1);
    cairo_mesh_pattern_line_to (mesh, s * (to + 0.05), -1.1);
    cairo_mesh_pattern_curve_to (mesh, s * (to - 0.1), -0.72, s * (to + 0.2), -0.36, s * to, 0.1);
    cairo_mesh_pattern_line_to (mesh, s * from, 0.1);
    cairo_mesh_pattern_curve_to (mesh, s * (from + 0.2), -0.36, s * (from - 0.1), -0.72,
                                 s * (from + 0.05), -1.1);
    for (unsigned i = 0; i < 4; i++)
        cairo_mesh_pattern_set_corner_color_rgba (mesh, i, c.r, c.g, c.b,
                                                  i == 0 || i == 3 ? a0 : a1);
    cairo_mesh_pattern_end_patch (mesh);
}

/*  The dark side of the face, with a soft edge that follows its form. */
static void draw_terminator (const bust_t *b)
{
    cairo_t *cr = b->cr;
    cairo_pattern_t *mesh = cairo_pattern_create_mesh ();
    shade_strip (b, mesh, 0.02, 0.26, 0, 0.5);
    shade_strip (b, mesh, 0.26, 0.7, 0.5, 0.62);
    cairo_save (cr);
    head_path (cr);
    cairo_clip (cr);
    cairo_set_source (cr, mesh);
    cairo_paint (cr);
    cairo_restore (cr);
    cairo_pattern_destroy (mesh);
}

static void draw_ear (const bust_t *b)
{
    anm_ellipse (b->cr, -0.33, -0.43, 0.065, 0.12);
    round_fill (b, anm_rgb_scale (b->f->skin, 0.9), 0.012);
    anm_ellipse (b->cr, -0.325, -0.43, 0.03, 0.07);
    anm_src (b->cr, b->shade, 0.35);
    cairo_fill (b->cr);
}

static void strands (const bust_t *b, double x0, double y0, double x1, double y1, int count)
{
    cairo_t *cr = b->cr;
    anm_src (cr, anm_shaded (&b->p->pal, anm_rgb_scale (b->f->hair, 0.6), 0), 0.3);
    cairo_set_line_width (cr, 0.01);
    for (int i = 0; i < count; i++) {
        double u = (i + 0.5) / count, x = x0 + (x1 - x0) * u;
        cairo_move_to (cr, 0.1 + (x - 0.1) * 0.55, y0);
        cairo_curve_to (cr, x, y0 + 0.3 * (y1 - y0), x, y0 + 0.6 * (y1 - y0),
                        0.1 + (x - 0.1) * 0.96, y1);
        cairo_stroke (cr);
    }
}

static void draw_hair_back (const bust_t *b)
{
    cairo_t *cr = b->cr;
    if (!(b->f->wears & ANM_WEARS_LONG_HAIR))
        return;
    cairo_move_to (cr, 0.1, -1.06);
    cairo_curve_to (cr, -0.5, -1.14, -0.6, -0.6, -0.54, -0.1);
    cairo_curve_to (cr, -0.52, 0.3, -0.66, 0.5, -0.56, 0.78);
    cairo_curve_to (cr, -0.2, 0.9, 0.3, 0.86, 0.52, 0.72);
    cairo_curve_to (cr, 0.56, 0.4, 0.46, 0.1, 0.5, -0.2);
    cairo_curve_to (cr, 0.58, -0.7, 0.5, -1.1, 0.1, -1.06);
    round_fill (b, anm_rgb_scale (b->f->hair, 0.8), 0.03);
}

static void draw_hair_front (const bust_t *b)
{
    cairo_t *cr = b->cr;
    if (b->f->wears & ANM_IS_BALD)
        return;
    if (b->f->wears & ANM_WEARS_LONG_HAIR) {
        cairo_move_to (cr, 0.16, -0.9);
        cairo_curve_to (cr, 0.02, -0.72, -0.2, -0.68, -0.28, -0.4);
        cairo_curve_to (cr, -0.34, -0.1, -0.3, 0.2, -0.38, 0.6);
        cairo_curve_to (cr, -0.62, 0.5, -0.56, 0.0, -0.5, -0.5);
        cairo_curve_to (cr, -0.46, -1.0, -0.1, -1.12, 0.12, -1.08);
        cairo_curve_to (cr, 0.4, -1.06, 0.52, -0.84, 0.47, -0.5);
        cairo_curve_to (cr, 0.43, -0.64, 0.34, -0.8, 0.16, -0.9);
        round_fill (b, b->f->hair, 0.03);
    } else {
        cairo_move_to (cr, 0.42, -0.62);
        cairo_curve_to (cr, 0.4, -0.74, 0.3, -0.82, 0.14, -0.8);
        cairo_curve_to (cr, -0.06, -0.84, -0.2, -0.76, -0.25, -0.62);
        cairo_curve_to (cr, -0.27, -0.56, -0.27, -0.5, -0.3, -0.46);
        cairo_curve_to (cr, -0.36, -0.4, -0.42, -0.42, -0.42, -0.56);
        cairo_curve_to (cr, -0.46, -0.94, -0.24, -1.09, 0.04, -1.08);
        cairo_curve_to (cr, 0.34, -1.08, 0.48, -0.88, 0.42, -0.62);
        cairo_path_t *hair = cairo_copy_path (cr);
        round_fill (b, b->f->hair, 0.026);
        anm_src (cr, anm_shaded (&b->p->pal, anm_rgb_scale (b->f->hair, 0.55), 0), 0.35);
        cairo_set_line_width (cr, 0.011);
        cairo_save (cr);
        cairo_append_path (cr, hair);
        cairo_clip (cr);
        for (int i = 0; i < 9; i++) { /* combed back from the brow */
            double x = 0.34 - 0.072 * i, y = -0.82 + 0.006 * (i - 3) * (i - 3);
            cairo_move_to (cr, x, y);
            cairo_curve_to (cr, x - 0.02, y - 0.1, x - 0.1, y - 0.19, x - 0.16 - 0.01 * i,
                            -1.03 + 0.012 * i);
            cairo_stroke (cr);
        }
        cairo_restore (cr);
        cairo_path_destroy (hair);
    }
}

static void draw_beard (const bust_t *b)
{
    cairo_t *cr = b->cr;
    if (!(b->f->wears & ANM_WEARS_BEARD))
        return;
    cairo_move_to (cr, -0.3, -0.42);
    cairo_curve_to (cr, -0.24, -0.26, -0.14, -0.24, TURN - 0.1, -0.215);
    cairo_curve_to (cr, TURN - 0.02, -0.235, TURN + 0.06, -0.235, TURN + 0.13, -0.215);
    cairo_curve_to (cr, 0.3, -0.24, 0.36, -0.3, 0.385, -0.44);
    cairo_curve_to (cr, 0.42, -0.1, 0.36, 0.2, 0.16, 0.32);
    cairo_curve_to (cr, 0.06, 0.36, -0.08, 0.28, -0.18, 0.1);
    cairo_curve_to (cr, -0.28, -0.06, -0.33, -0.2, -0.3, -0.42);
    round_fill (b, b->f->hair, 0.026);
    strands (b, -0.22, -0.16, 0.34, 0.24, 11);
    cairo_move_to (cr, TURN - 0.07, -0.135);
    cairo_curve_to (cr, TURN - 0.01, -0.16, TURN + 0.05, -0.16, TURN + 0.1, -0.137);
    cairo_curve_to (cr, TURN + 0.05, -0.11, TURN - 0.02, -0.11, TURN - 0.07, -0.135);
    anm_src (cr, anm_rgb_mix (b->shade, anm_rgb (0x5a2a26), 0.5), 0.8);
    cairo_fill (cr);
}

static void draw_headgear (const bust_t *b)
{
    cairo_t *cr = b->cr;
    if (b->f->wears & ANM_WEARS_HOOD) {
        cairo_set_fill_rule (cr, CAIRO_FILL_RULE_EVEN_ODD);
        cairo_move_to (cr, 0.06, -1.2);
        cairo_curve_to (cr, -0.6, -1.24, -0.66, -0.5, -0.56, 0.3);
        cairo_curve_to (cr, -0.3, 0.5, 0.4, 0.5, 0.58, 0.28);
        cairo_curve_to (cr, 0.66, -0.5, 0.6, -1.2, 0.06, -1.2);
        cairo_move_to (cr, 0.1, -0.96);
        cairo_curve_to (cr, 0.36, -0.94, 0.44, -0.5, 0.36, -0.1);
        cairo_curve_to (cr, 0.3, 0.1, -0.06, 0.1, -0.18, -0.1);
        cairo_curve_to (cr, -0.32, -0.5, -0.2, -0.94, 0.1, -0.96);
        round_fill (b, b->f->cloth, 0.035);
        cairo_set_fill_rule (cr, CAIRO_FILL_RULE_WINDING);
    }
    if (b->f->wears & ANM_WEARS_HAT) {
        cairo_move_to (cr, -0.44, -0.74);
        cairo_curve_to (cr, -0.5, -1.2, -0.16, -1.26, 0.04, -1.24);
        cairo_curve_to (cr, 0.3, -1.26, 0.5, -1.18, 0.46, -0.74);
        cairo_close_path (cr);
        round_fill (b, b->f->accent, 0.03);
        cairo_move_to (cr, -0.72, -0.7);
        cairo_curve_to (cr, -0.4, -0.86, 0.5, -0.86, 0.82, -0.68);
        cairo_curve_to (cr, 0.5, -0.66, -0.3, -0.64, -0.72, -0.7);
        round_fill (b, anm_rgb_scale (b->f->accent, 0.85), 0.025);
    }
    if ((b->f->wears & ANM_WEARS_HELMET) && b->p->scene->place != ANM_PLACE_SPACE &&
        b->p->scene->place != ANM_PLACE_DEEP) {
        cairo_move_to (cr, -0.5, -0.56);
        cairo_curve_to (cr, -0.52, -1.24, 0.52, -1.28, 0.54, -0.7);
        cairo_curve_to (cr, 0.3, -0.78, -0.2, -0.76, -0.5, -0.56);
        round_fill (b, anm_rgb (0x5c6450), 0.03);
    } else if (b->f->wears & ANM_WEARS_HELMET) {
        anm_ellipse (cr, 0.1, -0.46, 0.52, 0.55);
        anm_src (cr, anm_rgb (0x7fa8c8), 0.22);
        cairo_fill (cr);
        cairo_set_fill_rule (cr, CAIRO_FILL_RULE_EVEN_ODD);
        anm_ellipse (cr, 0.02, -0.48, 0.74, 0.76);
        anm_ellipse (cr, 0.1, -0.46, 0.52, 0.55);
        round_fill (b, anm_rgb (0xe6e8ea), 0.04);
        cairo_set_fill_rule (cr, CAIRO_FILL_RULE_WINDING);
        cairo_set_line_width (cr, 0.03);
        anm_src (cr, anm_rgb (0xffffff), 0.4);
        cairo_arc (cr, 0.1, -0.46, 0.46, 3.6, 4.6);
        cairo_stroke (cr);
    }
}

void anm_draw_bust (const anm_paint_t *p, cairo_t *cr, const anm_figure_t *f, double x, double y,
                    double head, double face)
{
    bust_t b = {.p = p, .cr = cr, .f = f};
    cairo_save (cr);
    cairo_translate (cr, x, y);
    cairo_scale (cr, head * face, head);
    b.right = (p->sun_x > p->subject_x) == (face > 0);
    b.lit = anm_lit (&p->pal, f->skin, 0);
    b.shade = anm_shaded (&p->pal, f->skin, 0);
    b.line = anm_rgb_scale (anm_rgb_mix (b.shade, anm_rgb (0x1c0f10), 0.6), 0.7);
    draw_hair_back (&b);
    draw_neck (&b);
    draw_shoulders (&b);
    draw_collar (&b);
    if (!(f->wears & (ANM_WEARS_LONG_HAIR | ANM_WEARS_HOOD)))
        draw_ear (&b);
    head_path (cr);
    round_fill (&b, f->skin, 0.03);
    draw_features (&b);
    draw_terminator (&b);
    draw_beard (&b);
    draw_hair_front (&b);
    draw_headgear (&b);
    cairo_restore (cr);
}
