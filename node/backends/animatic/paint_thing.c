/*  Things: each is drawn by one short function in its own unit box, foot at (0, 0), 1 high, y up
 *  being negative, so that paint_things can put it anywhere at any size.
 */
#include "node/backends/animatic/paint.h"

#include <math.h>

typedef struct {
    const anm_paint_t *p;
    cairo_t *cr;
    anm_rgb_t main, accent;
} brush_t;

static void in_round (const brush_t *b, anm_rgb_t own)
{
    anm_fill_round (b->p, b->cr, own, 0);
}

static void box (const brush_t *b, double x, double y, double w, double h, anm_rgb_t own)
{
    cairo_rectangle (b->cr, x, y, w, h);
    in_round (b, own);
}

static bool night (const brush_t *b)
{
    return b->p->scene->time >= ANM_TIME_DUSK;
}

static void pane (const brush_t *b, double x, double y, double w, double h)
{
    cairo_rectangle (b->cr, x, y, w, h);
    anm_src (b->cr,
             night (b) ? b->p->pal.lamp : anm_rgb_mix (b->p->pal.sky_mid, anm_rgb (0x26303c), 0.55),
             0.95);
    cairo_fill (b->cr);
}

static void draw_lighthouse (const brush_t *b)
{
    cairo_t *cr = b->cr;
    anm_rgb_t stone = anm_rgb (0x41444b);
    cairo_move_to (cr, -0.62, 0.1); /* its rock */
    static const double top[][2] = {{-0.5, -0.02}, {-0.38, -0.035}, {-0.27, -0.1}, {-0.14, -0.115},
                                    {0.12, -0.12}, {0.2, -0.1},     {0.31, -0.06}, {0.44, -0.045},
                                    {0.6, 0.02},   {0.72, 0.1}};
    for (size_t i = 0; i < sizeof top / sizeof top[0]; i++)
        cairo_line_to (cr, top[i][0], top[i][1]);
    cairo_close_path (cr);
    in_round (b, stone);
    const double tower[][2] = {{-0.095, -0.1}, {-0.062, -0.77}, {0.062, -0.77}, {0.095, -0.1}};
    anm_poly (cr, tower, 4);
    in_round (b, b->main);
    cairo_save (cr);
    anm_poly (cr, tower, 4);
    cairo_clip (cr);
    for (int i = 0; i < 2; i++) {
        box (b, -0.2, -0.62 + 0.25 * i, 0.4, 0.115, b->accent);
    }
    cairo_restore (cr);
    pane (b, -0.012, -0.69, 0.022, 0.035);
    pane (b, 0.004, -0.45, 0.022, 0.035);
    box (b, -0.09, -0.79, 0.18, 0.024, b->accent);
    cairo_rectangle (cr, -0.047, -0.885, 0.094, 0.095);
    anm_src (cr,
             night (b) ? anm_rgb_mix (b->p->pal.lamp, anm_rgb (0xffffff), 0.6)
                       : anm_rgb_mix (b->p->pal.sky_mid, anm_rgb (0xffffff), 0.4),
             1);
    cairo_fill (cr);
    anm_src (cr, anm_shaded (&b->p->pal, anm_rgb (0x303238), 0), 1);
    for (int i = 0; i < 4; i++)
        cairo_rectangle (cr, -0.049 + 0.032 * i, -0.885, 0.005, 0.095);
    cairo_fill (cr);
    cairo_move_to (cr, -0.062, -0.882);
    cairo_curve_to (cr, -0.05, -0.94, -0.02, -0.96, 0, -0.985);
    cairo_curve_to (cr, 0.02, -0.96, 0.05, -0.94, 0.062, -0.882);
    cairo_close_path (cr);
    in_round (b, b->accent);
    cairo_set_line_width (cr, 0.005);
    anm_src (cr, anm_shaded (&b->p->pal, anm_rgb (0x303238), 0), 1);
    cairo_move_to (cr, -0.11, -0.825);
    cairo_line_to (cr, 0.11, -0.825);
    cairo_stroke (cr);
    box (b, -0.34, -0.17, 0.17, 0.1, anm_rgb_scale (b->main, 0.9)); /* the keeper's house */
    cairo_move_to (cr, -0.36, -0.165);
    cairo_line_to (cr, -0.255, -0.235);
    cairo_line_to (cr, -0.15, -0.165);
    cairo_close_path (cr);
    in_round (b, b->accent);
    pane (b, -0.3, -0.135, 0.03, 0.035);
}

static void draw_tower (const brush_t *b)
{
    const double t[][2] = {{-0.11, 0.02}, {-0.085, -0.78}, {0.085, -0.78}, {0.11, 0.02}};
    anm_poly (b->cr, t, 4);
    in_round (b, b->main);
    box (b, -0.11, -0.82, 0.22, 0.06, b->main);
    const double roof[][2] = {{-0.12, -0.82}, {0, -1}, {0.12, -0.82}};
    anm_poly (b->cr, roof, 3);
    in_round (b, b->accent);
    for (int i = 0; i < 4; i++)
        pane (b, -0.015, -0.7 + 0.16 * i, 0.03, 0.055);
}

static void draw_house (const brush_t *b)
{
    box (b, -0.5, -0.55, 1.0, 0.58, b->main);
    box (b, 0.22, -0.98, 0.11, 0.3, anm_rgb_scale (b->main, 0.7));
    const double roof[][2] = {{-0.6, -0.53}, {-0.32, -0.92}, {0.32, -0.92}, {0.6, -0.53}};
    anm_poly (b->cr, roof, 4);
    in_round (b, b->accent);
    pane (b, -0.36, -0.38, 0.16, 0.17);
    pane (b, 0.2, -0.38, 0.16, 0.17);
    box (b, -0.08, -0.36, 0.16, 0.38, anm_rgb (0x4a3628));
}

static void draw_castle (const brush_t *b)
{
    box (b, -0.6, -0.45, 1.2, 0.48, b->main);
    for (int i = 0; i < 5; i++) {
        double x = -0.64 + 0.29 * i, h = i == 2 ? 0.82 : 0.55 + 0.06 * (i % 2);
        box (b, x, -h, 0.13, h + 0.03, b->main);
        const double roof[][2] = {{x - 0.02, -h}, {x + 0.065, -h - 0.18}, {x + 0.15, -h}};
        anm_poly (b->cr, roof, 3);
        in_round (b, b->accent);
        pane (b, x + 0.05, -h + 0.1, 0.03, 0.06);
    }
    anm_ellipse (b->cr, 0.0, -0.1, 0.08, 0.14);
    cairo_rectangle (b->cr, -0.08, -0.1, 0.16, 0.13);
    in_round (b, anm_rgb (0x241c18));
}

static void draw_tree (const brush_t *b)
{
    cairo_t *cr = b->cr;
    cairo_move_to (cr, -0.06, 0.02);
    cairo_curve_to (cr, -0.03, -0.2, -0.035, -0.35, -0.05, -0.55);
    cairo_line_to (cr, 0.06, -0.55);
    cairo_curve_to (cr, 0.035, -0.35, 0.03, -0.2, 0.07, 0.02);
    cairo_close_path (cr);
    in_round (b, anm_rgb (0x4f3d2e));
    for (uint64_t i = 0; i < 26; i++) {
        double a = 6.2832 * anm_random (7, 3 * i), r = 0.28 * sqrt (anm_random (7, 3 * i + 1));
        double x = 1.15 * r * cos (a), y = -0.66 + 0.95 * r * sin (a),
               s = 0.1 + 0.06 * anm_random (7, 3 * i + 2);
        anm_ellipse (cr, x, y, s, s * 0.9);
        anm_rgb_t c =
            anm_rgb_mix (anm_shaded (&b->p->pal, b->main, 0), anm_lit (&b->p->pal, b->main, 0),
                         0.35 + 0.9 * ((b->p->sun_x > 0 ? x : -x) - 0.6 * (y + 0.66)));
        anm_src (cr, c, 1);
        cairo_fill (cr);
    }
}

static void draw_boat (const brush_t *b)
{
    cairo_t *cr = b->cr;
    cairo_move_to (cr, 0.03, -0.98);
    cairo_curve_to (cr, 0.3, -0.7, 0.42, -0.4, 0.46, -0.2);
    cairo_line_to (cr, 0.03, -0.2);
    cairo_close_path (cr);
    in_round (b, anm_rgb (0xf0e8d6));
    cairo_move_to (cr, -0.03, -0.88);
    cairo_curve_to (cr, -0.16, -0.6, -0.3, -0.4, -0.36, -0.2);
    cairo_line_to (cr, -0.03, -0.2);
    cairo_close_path (cr);
    in_round (b, anm_rgb (0xd8cdb8));
    box (b, -0.012, -1.0, 0.024, 0.86, anm_rgb (0x4a3628));
    cairo_move_to (cr, -0.46, -0.15);
    cairo_curve_to (cr, -0.2, -0.12, 0.3, -0.12, 0.56, -0.19);
    cairo_curve_to (cr, 0.46, -0.02, 0.36, 0.03, 0.2, 0.03);
    cairo_line_to (cr, -0.3, 0.03);
    cairo_curve_to (cr, -0.4, 0.0, -0.44, -0.08, -0.46, -0.15);
    in_round (b, b->main);
}

static void draw_ship (const brush_t *b)
{
    cairo_t *cr = b->cr;
    box (b, -0.5, -0.62, 0.62, 0.3, anm_rgb (0xe4e0d6));
    box (b, -0.4, -0.78, 0.36, 0.18, anm_rgb (0xf0ece2));
    box (b, -0.24, -1.0, 0.13, 0.24, b->accent);
    box (b, 0.42, -0.9, 0.02, 0.6, anm_rgb (0x3a3430));
    for (int i = 0; i < 6; i++)
        pane (b, -0.45 + 0.095 * i, -0.52, 0.05, 0.06);
    cairo_move_to (cr, -0.95, -0.36);
    cairo_line_to (cr, 1.05, -0.4);
    cairo_curve_to (cr, 0.95, -0.15, 0.86, 0.0, 0.8, 0.04);
    cairo_line_to (cr, -0.85, 0.04);
    cairo_curve_to (cr, -0.92, -0.1, -0.95, -0.2, -0.95, -0.36);
    in_round (b, b->main);
    cairo_rectangle (cr, -0.9, -0.06, 1.76, 0.04);
    in_round (b, b->accent);
}

static void wheel (const brush_t *b, double x, double r)
{
    anm_ellipse (b->cr, x, -r, r, r);
    in_round (b, anm_rgb (0x1b1b1f));
    anm_ellipse (b->cr, x, -r, r * 0.5, r * 0.5);
    in_round (b, anm_rgb (0x8a8f96));
}

static void draw_car (const brush_t *b)
{
    cairo_t *cr = b->cr;
    cairo_move_to (cr, -1.25, -0.2);
    cairo_curve_to (cr, -1.3, -0.5, -1.2, -0.58, -0.9, -0.6);
    cairo_curve_to (cr, -0.7, -0.92, -0.5, -1.0, -0.1, -1.0);
    cairo_curve_to (cr, 0.3, -1.0, 0.42, -0.85, 0.6, -0.62);
    cairo_curve_to (cr, 1.0, -0.58, 1.28, -0.5, 1.3, -0.2);
    cairo_close_path (cr);
    in_round (b, b->main);
    cairo_move_to (cr, -0.76, -0.61);
    cairo_curve_to (cr, -0.6, -0.84, -0.45, -0.9, -0.16, -0.9);
    cairo_line_to (cr, -0.16, -0.61);
    cairo_close_path (cr);
    cairo_move_to (cr, -0.08, -0.9);
    cairo_curve_to (cr, 0.2, -0.9, 0.32, -0.8, 0.46, -0.61);
    cairo_line_to (cr, -0.08, -0.61);
    cairo_close_path (cr);
    in_round (b, anm_rgb (0x2c3a48));
    wheel (b, -0.78, 0.22);
    wheel (b, 0.8, 0.22);
    anm_ellipse (cr, 1.24, -0.42, 0.05, 0.06);
    anm_src (cr, b->p->pal.lamp, 1);
    cairo_fill (cr);
}

static void draw_train (const brush_t *b)
{
    for (int i = 0; i < 3; i++) {
        double x = -2.6 + 1.55 * i;
        box (b, x, -0.95, 1.45, 0.76, b->main);
        box (b, x, -0.5, 1.45, 0.05, b->accent);
        for (int j = 0; j < 5; j++)
            pane (b, x + 0.12 + 0.26 * j, -0.84, 0.18, 0.22);
        wheel (b, x + 0.3, 0.12);
        wheel (b, x + 1.15, 0.12);
    }
    cairo_move_to (b->cr, 1.9, -0.19);
    cairo_line_to (b->cr, 2.3, -0.19);
    cairo_curve_to (b->cr, 2.5, -0.4, 2.2, -0.95, 1.9, -0.95);
    cairo_close_path (b->cr);
    in_round (b, b->main);
    anm_ellipse (b->cr, 2.34, -0.38, 0.05, 0.06);
    anm_src (b->cr, b->p->pal.lamp, 1);
    cairo_fill (b->cr);
}

static void draw_plane (const brush_t *b)
{
    cairo_t *cr = b->cr;
    const double tail[][2] = {{-1.25, -0.5}, {-1.5, -1.0}, {-1.3, -1.0}, {-0.85, -0.55}};
    anm_poly (cr, tail, 4);
    in_round (b, b->accent);
    anm_ellipse (cr, 0, -0.45, 1.4, 0.17);
    in_round (b, b->main);
    const double wing[][2] = {{0.35, -0.42}, {-0.55, 0.0}, {-0.8, 0.0}, {-0.25, -0.42}};
    anm_poly (cr, wing, 4);
    in_round (b, anm_rgb_scale (b->main, 0.8));
    for (int i = 0; i < 9; i++)
        pane (b, -0.7 + 0.18 * i, -0.53, 0.07, 0.06);
}

static void draw_balloon (const brush_t *b)
{
    cairo_t *cr = b->cr;
    for (int i = 0; i < 3; i++) {
        double k = 1 - i / 3.0;
        cairo_move_to (cr, 0, -1);
        cairo_curve_to (cr, 0.5 * k, -1, 0.46 * k, -0.5, 0.1 * k, -0.27);
        cairo_line_to (cr, -0.1 * k, -0.27);
        cairo_curve_to (cr, -0.46 * k, -0.5, -0.5 * k, -1, 0, -1);
        in_round (b, i % 2 ? b->accent : b->main);
    }
    cairo_set_line_width (cr, 0.008);
    anm_src (cr, anm_rgb (0x4a3628), 1);
    for (int s = -1; s <= 1; s += 2) {
        cairo_move_to (cr, s * 0.09, -0.27);
        cairo_line_to (cr, s * 0.06, -0.13);
        cairo_stroke (cr);
    }
    box (b, -0.075, -0.13, 0.15, 0.12, anm_rgb (0x8a6242));
}

static void draw_rocket (const brush_t *b)
{
    cairo_t *cr = b->cr;
    const double fins[][2] = {{-0.1, -0.4}, {-0.24, -0.1}, {-0.1, -0.16},
                              {0.1, -0.16}, {0.24, -0.1},  {0.1, -0.4}};
    anm_poly (cr, fins, 6);
    in_round (b, b->accent);
    cairo_move_to (cr, 0, -1);
    cairo_curve_to (cr, 0.16, -0.8, 0.15, -0.4, 0.1, -0.16);
    cairo_line_to (cr, -0.1, -0.16);
    cairo_curve_to (cr, -0.15, -0.4, -0.16, -0.8, 0, -1);
    in_round (b, b->main);
    anm_ellipse (cr, 0, -0.66, 0.05, 0.05);
    in_round (b, anm_rgb (0x2c3a48));
    cairo_move_to (cr, -0.07, -0.16);
    cairo_curve_to (cr, -0.06, 0, -0.02, 0.05, 0, 0.12);
    cairo_curve_to (cr, 0.02, 0.05, 0.06, 0, 0.07, -0.16);
    anm_src (cr, b->p->pal.lamp, 0.95);
    cairo_fill (cr);
}

static void draw_bird (const brush_t *b)
{
    cairo_t *cr = b->cr;
    cairo_move_to (cr, -1.2, -0.95);
    cairo_curve_to (cr, -0.7, -1.02, -0.3, -0.8, -0.05, -0.5);
    cairo_curve_to (cr, 0.2, -0.85, 0.7, -1.05, 1.25, -0.8);
    cairo_curve_to (cr, 0.75, -0.82, 0.35, -0.6, 0.16, -0.32);
    cairo_curve_to (cr, 0.3, -0.34, 0.42, -0.4, 0.5, -0.36);
    cairo_curve_to (cr, 0.4, -0.2, 0.0, -0.12, -0.4, -0.2);
    cairo_curve_to (cr, -0.28, -0.28, -0.2, -0.32, -0.12, -0.36);
    cairo_curve_to (cr, -0.35, -0.65, -0.75, -0.85, -1.2, -0.95);
    in_round (b, b->main);
}

static void draw_fish (const brush_t *b)
{
    cairo_t *cr = b->cr;
    cairo_move_to (cr, 1.0, -0.5);
    cairo_curve_to (cr, 0.5, -1.05, -0.3, -0.95, -0.7, -0.55);
    cairo_line_to (cr, -1.15, -0.95);
    cairo_curve_to (cr, -1.0, -0.6, -1.0, -0.4, -1.15, -0.08);
    cairo_line_to (cr, -0.7, -0.45);
    cairo_curve_to (cr, -0.3, -0.05, 0.5, 0.0, 1.0, -0.5);
    in_round (b, b->main);
    anm_ellipse (cr, 0.62, -0.58, 0.05, 0.05);
    anm_src (cr, anm_rgb (0x101018), 1);
    cairo_fill (cr);
}

static void draw_whale (const brush_t *b)
{
    cairo_t *cr = b->cr;
    cairo_move_to (cr, 1.3, -0.4);
    cairo_curve_to (cr, 1.25, -0.95, 0.3, -1.05, -0.3, -0.75);
    cairo_curve_to (cr, -0.7, -0.55, -0.95, -0.5, -1.2, -0.6);
    cairo_curve_to (cr, -1.35, -0.85, -1.6, -0.9, -1.75, -0.85);
    cairo_curve_to (cr, -1.6, -0.7, -1.55, -0.6, -1.5, -0.5);
    cairo_curve_to (cr, -1.6, -0.4, -1.65, -0.3, -1.7, -0.15);
    cairo_curve_to (cr, -1.5, -0.15, -1.3, -0.25, -1.15, -0.4);
    cairo_curve_to (cr, -0.6, -0.2, 0.0, 0.0, 0.6, -0.02);
    cairo_curve_to (cr, 1.1, -0.05, 1.3, -0.2, 1.3, -0.4);
    in_round (b, b->main);
    cairo_move_to (cr, 0.5, -0.1);
    cairo_curve_to (cr, 0.3, 0.1, 0.1, 0.2, -0.15, 0.22);
    cairo_curve_to (cr, 0.0, 0.05, 0.1, -0.05, 0.2, -0.12);
    in_round (b, anm_rgb_scale (b->main, 0.7));
    anm_ellipse (cr, 0.92, -0.36, 0.03, 0.03);
    anm_src (cr, anm_rgb (0x0a0a10), 1);
    cairo_fill (cr);
}

/*  A four-legged animal, by its proportions. */
static void draw_beast (const brush_t *b, double leg, double neck, double head, double tail,
                        bool ears)
{
    cairo_t *cr = b->cr;
    double belly = -leg, back = belly - 0.32, hx = 0.52 + 0.5 * neck, hy = back - neck;
    for (int i = 0; i < 4; i++) {
        static const double at[] = {-0.42, 0.3, -0.3, 0.42};
        double w = 0.045, x = at[i];
        const double shape[][2] = {{x - w * 1.6, belly - 0.1},
                                   {x + w * 1.5, belly - 0.1},
                                   {x + w + (i % 2 ? 0.03 : -0.03), 0},
                                   {x - w * 0.6 + (i % 2 ? 0.03 : -0.03), 0}};
        anm_poly (cr, shape, 4);
        in_round (b, anm_rgb_scale (b->main, i < 2 ? 0.7 : 0.95));
    }
    cairo_move_to (cr, -0.5, back + 0.06);
    cairo_curve_to (cr, -0.3, back - 0.04, 0.1, back + 0.04, 0.34, back - 0.02);
    cairo_curve_to (cr, 0.45, back - 0.2 * neck, hx - 0.2, hy + 0.1, hx - 0.12, hy);
    cairo_curve_to (cr, hx, hy - head * 0.5, hx + head * 0.7, hy - 0.1 * head, hx + head,
                    hy + head * 0.42);
    cairo_curve_to (cr, hx + head * 0.9, hy + head * 0.7, hx + head * 0.4, hy + head * 0.6,
                    hx + 0.05, hy + head * 0.62);
    cairo_curve_to (cr, hx - 0.05, hy + 0.6 * neck + 0.1, 0.56, back + 0.2, 0.5, belly - 0.02);
    cairo_curve_to (cr, 0.3, belly + 0.05, -0.1, belly - 0.04, -0.4, belly - 0.02);
    cairo_curve_to (cr, -0.58, belly - 0.05, -0.58, back + 0.14, -0.5, back + 0.06);
    in_round (b, b->main);
    if (ears) {
        const double ear[][2] = {
            {hx - 0.1, hy + 0.02}, {hx - 0.06, hy - head * 0.75}, {hx + 0.06, hy - head * 0.15}};
        anm_poly (cr, ear, 3);
        in_round (b, anm_rgb_scale (b->main, 0.85));
    }
    cairo_set_line_width (cr, 0.07);
    anm_src (cr, anm_shaded (&b->p->pal, b->main, 0), 1);
    cairo_move_to (cr, -0.5, back + 0.1);
    cairo_curve_to (cr, -0.66, back + 0.1, -0.7, back - tail * 0.4, -0.74, back - tail);
    cairo_stroke (cr);
}

static void draw_robot (const brush_t *b)
{
    cairo_t *cr = b->cr;
    for (int s = -1; s <= 1; s += 2) {
        box (b, s * 0.1 - 0.045, -0.36, 0.09, 0.36, anm_rgb_scale (b->main, 0.75));
        box (b, s * 0.1 - 0.07, -0.05, 0.15, 0.05, anm_rgb_scale (b->main, 0.6));
        box (b, s * 0.235 - 0.04, -0.7, 0.08, 0.34, anm_rgb_scale (b->main, 0.8));
    }
    box (b, -0.19, -0.74, 0.38, 0.4, b->main);
    box (b, -0.04, -0.79, 0.08, 0.06, anm_rgb_scale (b->main, 0.6));
    box (b, -0.14, -0.98, 0.28, 0.2, b->main);
    anm_src (cr, b->p->pal.lamp, 1);
    anm_ellipse (cr, 0.0, -0.88, 0.03, 0.03);
    anm_ellipse (cr, 0.09, -0.88, 0.03, 0.03);
    anm_ellipse (cr, 0, -0.6, 0.045, 0.045);
    cairo_fill (cr);
}

static void draw_lantern (const brush_t *b)
{
    cairo_t *cr = b->cr;
    anm_rgb_t metal = anm_rgb (0x8a6a3a);
    cairo_set_line_width (cr, 0.025);
    anm_src (cr, anm_lit (&b->p->pal, metal, 0), 1);
    cairo_arc (cr, 0, -0.8, 0.17, 3.2, 6.23);
    cairo_stroke (cr);
    cairo_move_to (cr, -0.19, -0.72);
    cairo_line_to (cr, -0.08, -0.84);
    cairo_line_to (cr, 0.08, -0.84);
    cairo_line_to (cr, 0.19, -0.72);
    cairo_close_path (cr);
    in_round (b, metal);
    cairo_rectangle (cr, -0.16, -0.72, 0.32, 0.54);
    cairo_pattern_t *g = cairo_pattern_create_radial (0, -0.42, 0.02, 0, -0.44, 0.34);
    anm_rgb_t hot = anm_rgb_mix (b->p->pal.lamp, anm_rgb (0xffffff), 0.7),
              warm = anm_rgb_scale (b->p->pal.lamp, 0.8);
    cairo_pattern_add_color_stop_rgb (g, 0, hot.r, hot.g, hot.b);
    cairo_pattern_add_color_stop_rgb (g, 1, warm.r, warm.g, warm.b);
    cairo_set_source (cr, g);
    cairo_fill (cr);
    cairo_pattern_destroy (g);
    for (int i = 0; i < 3; i++)
        box (b, -0.165 + 0.15 * i, -0.72, 0.03, 0.54, metal);
    box (b, -0.21, -0.19, 0.42, 0.06, metal);
    box (b, -0.18, -0.13, 0.36, 0.13, anm_rgb_scale (metal, 0.8));
}

static void draw_fire (const brush_t *b)
{
    cairo_t *cr = b->cr;
    static const unsigned hues[] = {0xd8451e, 0xf0822a, 0xffc24a, 0xfff0b0};
    for (int i = 0; i < 4; i++) {
        double k = 1 - 0.24 * i;
        cairo_move_to (cr, -0.34 * k, -0.04);
        cairo_curve_to (cr, -0.5 * k, -0.4 * k, -0.14 * k, -0.5 * k, -0.16 * k, -0.8 * k);
        cairo_curve_to (cr, 0.02 * k, -0.7 * k, 0.0, -0.9 * k, 0.08 * k, -1.0 * k);
        cairo_curve_to (cr, 0.1 * k, -0.7 * k, 0.34 * k, -0.6 * k, 0.28 * k, -0.3 * k);
        cairo_curve_to (cr, 0.42 * k, -0.3 * k, 0.4 * k, -0.1 * k, 0.32 * k, -0.04);
        cairo_close_path (cr);
        anm_src (cr, anm_grade (&b->p->pal, anm_rgb (hues[i])), 0.95);
        cairo_fill (cr);
    }
    box (b, -0.5, -0.1, 1.0, 0.09, anm_rgb (0x3a2a20));
    box (b, -0.38, -0.17, 0.8, 0.08, anm_rgb (0x4a3426));
}

static void draw_candle (const brush_t *b)
{
    box (b, -0.09, -0.66, 0.18, 0.66, anm_rgb (0xf0e4c8));
    cairo_move_to (b->cr, 0, -1);
    cairo_curve_to (b->cr, 0.09, -0.84, 0.07, -0.7, 0, -0.7);
    cairo_curve_to (b->cr, -0.07, -0.7, -0.09, -0.84, 0, -1);
    anm_src (b->cr, anm_rgb_mix (b->p->pal.lamp, anm_rgb (0xffffff), 0.5), 1);
    cairo_fill (b->cr);
}

/*  A great lens: rings of glass round a light. */
static void draw_lens (const brush_t *b)
{
    cairo_t *cr = b->cr;
    anm_rgb_t brass = anm_rgb (0xb08a48),
              glass = anm_rgb_mix (b->p->pal.sky_low, anm_rgb (0xcfeae4), 0.5);
    box (b, -0.34, -0.14, 0.68, 0.14, anm_rgb_scale (brass, 0.7));
    anm_ellipse (cr, 0, -0.56, 0.44, 0.44);
    in_round (b, brass);
    for (int i = 0; i < 5; i++) {
        double r = 0.4 - 0.075 * i;
        anm_ellipse (cr, 0, -0.56, r, r);
        anm_src (cr, anm_rgb_mix (anm_rgb_scale (glass, 0.45 + 0.1 * i), b->p->pal.lamp, 0.16 * i),
                 1);
        cairo_fill (cr);
        anm_ellipse (cr, 0, -0.56, r, r);
        cairo_set_line_width (cr, 0.012);
        anm_src (cr, anm_rgb (0xffffff), 0.4);
        cairo_stroke (cr);
    }
    anm_ellipse (cr, 0, -0.56, 0.05, 0.05);
    anm_src (cr, anm_rgb (0xfffbe8), 1);
    cairo_fill (cr);
}

static void draw_book (const brush_t *b)
{
    const double left[][2] = {{0, -0.16}, {-0.62, -0.34}, {-0.7, -0.02}, {0, 0.06}};
    const double right[][2] = {{0, -0.16}, {0.62, -0.34}, {0.7, -0.02}, {0, 0.06}};
    anm_rgb_t paper = anm_rgb (0xefe6d0);
    anm_poly (b->cr, left, 4);
    in_round (b, paper);
    anm_poly (b->cr, right, 4);
    in_round (b, anm_rgb_scale (paper, 0.93));
    cairo_set_line_width (b->cr, 0.012);
    anm_src (b->cr, anm_rgb (0x5a5048), 0.45);
    for (int i = 0; i < 5; i++)
        for (int s = -1; s <= 1; s += 2) {
            double y = -0.06 + 0.022 * i;
            cairo_move_to (b->cr, s * 0.08, y - 0.05);
            cairo_line_to (b->cr, s * 0.56, y - 0.2 + 0.03 * i);
            cairo_stroke (b->cr);
        }
}

static void draw_cup (const brush_t *b)
{
    cairo_t *cr = b->cr;
    cairo_set_line_width (cr, 0.08);
    anm_src (cr, anm_shaded (&b->p->pal, b->main, 0), 1);
    anm_ellipse (cr, 0.42, -0.42, 0.16, 0.18);
    cairo_stroke (cr);
    cairo_move_to (cr, -0.42, -0.78);
    cairo_curve_to (cr, -0.42, -0.2, -0.3, 0, -0.2, 0);
    cairo_line_to (cr, 0.2, 0);
    cairo_curve_to (cr, 0.3, 0, 0.42, -0.2, 0.42, -0.78);
    cairo_close_path (cr);
    in_round (b, b->main);
    anm_ellipse (cr, 0, -0.78, 0.42, 0.09);
    in_round (b, anm_rgb (0x3a261c));
    cairo_set_line_width (cr, 0.03);
    anm_src (cr, anm_rgb (0xffffff), 0.2);
    cairo_move_to (cr, -0.08, -0.95);
    cairo_curve_to (cr, 0.06, -1.1, -0.14, -1.2, 0, -1.36);
    cairo_stroke (cr);
}

static void draw_flower (const brush_t *b)
{
    cairo_t *cr = b->cr;
    cairo_set_line_width (cr, 0.035);
    anm_src (cr, anm_lit (&b->p->pal, anm_rgb (0x4a7a3c), 0), 1);
    cairo_move_to (cr, 0, 0);
    cairo_curve_to (cr, 0.05, -0.3, -0.04, -0.5, 0, -0.75);
    cairo_stroke (cr);
    for (int i = 0; i < 6; i++) {
        cairo_save (cr);
        cairo_translate (cr, 0, -0.78);
        cairo_rotate (cr, i * 1.0472);
        anm_ellipse (cr, 0, -0.13, 0.075, 0.13);
        cairo_restore (cr);
        in_round (b, b->main);
    }
    anm_ellipse (cr, 0, -0.78, 0.07, 0.07);
    in_round (b, anm_rgb (0xe8b83a));
}

static void draw_door (const brush_t *b)
{
    box (b, -0.29, -1.0, 0.58, 1.0, anm_rgb_scale (b->main, 0.55));
    box (b, -0.24, -0.95, 0.48, 0.95, b->main);
    for (int j = 0; j < 2; j++)
        for (int i = 0; i < 2; i++)
            box (b, -0.19 + 0.21 * i, -0.86 + 0.44 * j, 0.17, 0.34, anm_rgb_scale (b->main, 0.82));
    anm_ellipse (b->cr, 0.19, -0.45, 0.02, 0.02);
    in_round (b, anm_rgb (0xd8b45a));
}

static void draw_table (const brush_t *b)
{
    box (b, -0.9, -0.82, 1.8, 0.1, b->main);
    box (b, -0.8, -0.72, 0.1, 0.72, anm_rgb_scale (b->main, 0.75));
    box (b, 0.7, -0.72, 0.1, 0.72, anm_rgb_scale (b->main, 0.75));
}

static void draw_bridge (const brush_t *b)
{
    cairo_t *cr = b->cr;
    cairo_rectangle (cr, -2.6, -0.62, 5.2, 0.14);
    for (int i = 0; i < 5; i++)
        cairo_rectangle (cr, -2.5 + 1.2 * i, -0.62, 0.2, 0.66);
    in_round (b, b->main);
    cairo_set_line_width (cr, 0.05);
    anm_src (cr, anm_shaded (&b->p->pal, b->main, 0), 1);
    for (int i = 0; i < 4; i++) {
        cairo_move_to (cr, -2.4 + 1.2 * i, 0);
        cairo_curve_to (cr, -2.3 + 1.2 * i, -0.66, -1.4 + 1.2 * i, -0.66, -1.3 + 1.2 * i, 0);
        cairo_stroke (cr);
    }
}

static void draw_tent (const brush_t *b)
{
    const double front[][2] = {{-0.75, 0}, {-0.1, -0.95}, {0.35, 0}};
    const double side[][2] = {{-0.1, -0.95}, {0.55, -0.82}, {0.95, 0}, {0.35, 0}};
    const double flap[][2] = {{-0.3, 0}, {-0.1, -0.72}, {0.1, 0}};
    anm_poly (b->cr, side, 4);
    in_round (b, anm_rgb_scale (b->main, 0.75));
    anm_poly (b->cr, front, 3);
    in_round (b, b->main);
    anm_poly (b->cr, flap, 3);
    anm_src (b->cr, night (b) ? b->p->pal.lamp : anm_rgb (0x241c18), 0.95);
    cairo_fill (b->cr);
}

static void draw_planet (const brush_t *b)
{
    cairo_t *cr = b->cr;
    anm_ellipse (cr, 0, -0.5, 0.5, 0.5);
    cairo_save (cr);
    cairo_clip_preserve (cr);
    in_round (b, b->main);
    for (int i = 0; i < 6; i++) {
        anm_ellipse (cr, 0.05 * (i % 3), -0.9 + 0.15 * i, 0.6, 0.035 + 0.01 * (i % 2));
        anm_src (cr, b->accent, 0.25);
        cairo_fill (cr);
    }
    cairo_restore (cr);
}

static void draw_shape (const brush_t *b, anm_thing_kind_t kind)
{
    cairo_t *cr = b->cr;
    static const double triangle[][2] = {{-0.56, 0}, {0, -0.98}, {0.56, 0}};
    switch (kind) {
    case ANM_THING_SQUARE:
        cairo_rectangle (cr, -0.5, -1, 1, 1);
        break;
    case ANM_THING_TRIANGLE:
        anm_poly (cr, triangle, 3);
        break;
    case ANM_THING_STAR:
        for (int i = 0; i < 10; i++) {
            double r = i % 2 ? 0.22 : 0.53, a = 0.62831853 * i - 1.5707963;
            cairo_line_to (cr, r * cos (a), -0.5 + r * sin (a));
        }
        cairo_close_path (cr);
        break;
    case ANM_THING_RING:
        cairo_set_fill_rule (cr, CAIRO_FILL_RULE_EVEN_ODD);
        anm_ellipse (cr, 0, -0.5, 0.5, 0.5);
        anm_ellipse (cr, 0, -0.5, 0.34, 0.34);
        break;
    case ANM_THING_HEART:
        cairo_move_to (cr, 0, -0.04);
        cairo_curve_to (cr, -0.75, -0.5, -0.5, -1.1, 0, -0.74);
        cairo_curve_to (cr, 0.5, -1.1, 0.75, -0.5, 0, -0.04);
        break;
    case ANM_THING_BAR:
        cairo_rectangle (cr, -0.9, -0.58, 1.8, 0.16);
        break;
    default:
        anm_ellipse (cr, 0, -0.5, 0.5, 0.5);
        break;
    }
    anm_src (cr, b->main, 1); /* the very colour that was asked for */
    cairo_fill (cr);
}

typedef struct {
    void (*draw) (const brush_t *);
    double height, width; /* against a person's height; against its own */
    unsigned main, accent;
} kind_t;

static void draw_dog (const brush_t *b)
{
    draw_beast (b, 0.36, 0.16, 0.3, 0.2, true);
}

static void draw_cat (const brush_t *b)
{
    draw_beast (b, 0.28, 0.14, 0.26, 0.4, true);
}

static void draw_horse (const brush_t *b)
{
    draw_beast (b, 0.46, 0.34, 0.3, -0.24, true);
}

static const kind_t kinds[ANM_THING_COUNT] = {
    [ANM_THING_LIGHTHOUSE] = {draw_lighthouse, 5.2, 1.5, 0xf2eee4, 0xa8342c},
    [ANM_THING_TOWER] = {draw_tower, 4.2, 0.3, 0x8d8478, 0x6a3f34},
    [ANM_THING_HOUSE] = {draw_house, 2.4, 1.3, 0xd8c8ac, 0x8a4a38},
    [ANM_THING_CASTLE] = {draw_castle, 5.0, 1.5, 0x8f8a86, 0x4a5468},
    [ANM_THING_TREE] = {draw_tree, 3.4, 0.9, 0x5c8a48, 0x5c8a48},
    [ANM_THING_BOAT] = {draw_boat, 2.0, 1.2, 0x8a4a34, 0xb53a32},
    [ANM_THING_SHIP] = {draw_ship, 3.2, 2.2, 0x2c3e54, 0xb8402e},
    [ANM_THING_CAR] = {draw_car, 0.82, 2.7, 0xa83a30, 0x303038},
    [ANM_THING_TRAIN] = {draw_train, 1.7, 5.4, 0x2f5560, 0xd8b45a},
    [ANM_THING_PLANE] = {draw_plane, 1.0, 3.2, 0xe8e6e0, 0xb53a32},
    [ANM_THING_BALLOON] = {draw_balloon, 2.6, 0.9, 0xc8452f, 0xf0c860},
    [ANM_THING_ROCKET] = {draw_rocket, 3.4, 0.6, 0xe8e6e2, 0xc03a2c},
    [ANM_THING_BIRD] = {draw_bird, 0.3, 2.6, 0xe8e6e0, 0x8a8a8a},
    [ANM_THING_FISH] = {draw_fish, 0.45, 2.4, 0xe08a3a, 0xf0e0c0},
    [ANM_THING_WHALE] = {draw_whale, 1.6, 3.2, 0x3a5a74, 0xd0dce4},
    [ANM_THING_DOG] = {draw_dog, 0.42, 1.9, 0x8a6242, 0x5a3a26},
    [ANM_THING_CAT] = {draw_cat, 0.26, 2.0, 0x4a4648, 0x2a2628},
    [ANM_THING_HORSE] = {draw_horse, 1.0, 1.8, 0x6a4630, 0x2a1c14},
    [ANM_THING_ROBOT] = {draw_robot, 1.1, 0.7, 0x9aa6ae, 0xe08a3a},
    [ANM_THING_LANTERN] = {draw_lantern, 0.3, 0.5, 0xc69c4a, 0x8a6a3a},
    [ANM_THING_FIRE] = {draw_fire, 0.5, 1.1, 0xf0822a, 0xffc24a},
    [ANM_THING_CANDLE] = {draw_candle, 0.28, 0.3, 0xf0e4c8, 0xffc24a},
    [ANM_THING_LENS] = {draw_lens, 1.1, 1.0, 0xcfeae4, 0xb08a48},
    [ANM_THING_BOOK] = {draw_book, 0.5, 1.5, 0xefe6d0, 0x8a4a34},
    [ANM_THING_CUP] = {draw_cup, 0.2, 1.2, 0xe4ded2, 0xb53a32},
    [ANM_THING_FLOWER] = {draw_flower, 0.4, 0.5, 0xd8455a, 0xe8b83a},
    [ANM_THING_DOOR] = {draw_door, 1.25, 0.6, 0x6a4630, 0xd8b45a},
    [ANM_THING_TABLE] = {draw_table, 0.46, 1.9, 0x7a5237, 0x5a3a26},
    [ANM_THING_BRIDGE] = {draw_bridge, 2.0, 5.2, 0x7d766e, 0x5a544e},
    [ANM_THING_TENT] = {draw_tent, 1.1, 1.8, 0xc8763a, 0x8a4a2a},
    [ANM_THING_PLANET] = {draw_planet, 2.2, 1.0, 0xc88a5a, 0xf0d8b0},
};

double anm_thing_height (anm_thing_kind_t kind)
{
    return kind >= ANM_THING_CIRCLE ? 1.0 : kinds[kind].height;
}

double anm_thing_width (anm_thing_kind_t kind)
{
    return kind == ANM_THING_BAR ? 1.9 : kind >= ANM_THING_CIRCLE ? 1.2 : kinds[kind].width;
}

bool anm_draw_thing (anm_paint_t *p, cairo_t *cr, const anm_thing_t *thing, double x, double y,
                     double size, double face)
{
    bool shape = thing->kind >= ANM_THING_CIRCLE;
    const kind_t *k = &kinds[thing->kind];
    if (!shape && k->draw == NULL)
        return false;
    brush_t b = {.p = p,
                 .cr = cr,
                 .main = anm_rgb (shape ? 0xd84a3a : k->main),
                 .accent = anm_rgb (shape ? 0 : k->accent)};
    if (thing->coloured) {
        b.main = thing->color;
        b.accent =
            thing->accent.r + thing->accent.g + thing->accent.b > 0 ? thing->accent : b.accent;
    }
    cairo_save (cr);
    cairo_translate (cr, x, y);
    cairo_scale (cr, size * (face < 0 ? -1 : 1), size);
    if (shape)
        draw_shape (&b, thing->kind);
    else
        k->draw (&b);
    cairo_restore (cr);
    return true;
}
