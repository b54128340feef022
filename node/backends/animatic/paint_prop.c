/*  Animals, props and plain shapes. */
#include <math.h>

#include "node/backends/animatic/thing.h"

void anm_draw_bird (const anm_brush_t *b)
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
    anm_thing_round (b, b->main);
}

void anm_draw_fish (const anm_brush_t *b)
{
    cairo_t *cr = b->cr;
    cairo_move_to (cr, 1.0, -0.5);
    cairo_curve_to (cr, 0.5, -1.05, -0.3, -0.95, -0.7, -0.55);
    cairo_line_to (cr, -1.15, -0.95);
    cairo_curve_to (cr, -1.0, -0.6, -1.0, -0.4, -1.15, -0.08);
    cairo_line_to (cr, -0.7, -0.45);
    cairo_curve_to (cr, -0.3, -0.05, 0.5, 0.0, 1.0, -0.5);
    anm_thing_round (b, b->main);
    anm_ellipse (cr, 0.62, -0.58, 0.05, 0.05);
    anm_src (cr, anm_rgb (0x101018), 1);
    cairo_fill (cr);
}

void anm_draw_whale (const anm_brush_t *b)
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
    anm_thing_round (b, b->main);
    cairo_move_to (cr, 0.5, -0.1);
    cairo_curve_to (cr, 0.3, 0.1, 0.1, 0.2, -0.15, 0.22);
    cairo_curve_to (cr, 0.0, 0.05, 0.1, -0.05, 0.2, -0.12);
    anm_thing_round (b, anm_rgb_scale (b->main, 0.7));
    anm_ellipse (cr, 0.92, -0.36, 0.03, 0.03);
    anm_src (cr, anm_rgb (0x0a0a10), 1);
    cairo_fill (cr);
}

/*  A four-legged animal, by its proportions. */
static void draw_beast (const anm_brush_t *b, double leg, double neck, double head, double tail,
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
        anm_thing_round (b, anm_rgb_scale (b->main, i < 2 ? 0.7 : 0.95));
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
    anm_thing_round (b, b->main);
    if (ears) {
        const double ear[][2] = {
            {hx - 0.1, hy + 0.02}, {hx - 0.06, hy - head * 0.75}, {hx + 0.06, hy - head * 0.15}};
        anm_poly (cr, ear, 3);
        anm_thing_round (b, anm_rgb_scale (b->main, 0.85));
    }
    cairo_set_line_width (cr, 0.07);
    anm_src (cr, anm_shaded (&b->p->pal, b->main, 0), 1);
    cairo_move_to (cr, -0.5, back + 0.1);
    cairo_curve_to (cr, -0.66, back + 0.1, -0.7, back - tail * 0.4, -0.74, back - tail);
    cairo_stroke (cr);
}

void anm_draw_robot (const anm_brush_t *b)
{
    cairo_t *cr = b->cr;
    for (int s = -1; s <= 1; s += 2) {
        anm_thing_box (b, s * 0.1 - 0.045, -0.36, 0.09, 0.36, anm_rgb_scale (b->main, 0.75));
        anm_thing_box (b, s * 0.1 - 0.07, -0.05, 0.15, 0.05, anm_rgb_scale (b->main, 0.6));
        anm_thing_box (b, s * 0.235 - 0.04, -0.7, 0.08, 0.34, anm_rgb_scale (b->main, 0.8));
    }
    anm_thing_box (b, -0.19, -0.74, 0.38, 0.4, b->main);
    anm_thing_box (b, -0.04, -0.79, 0.08, 0.06, anm_rgb_scale (b->main, 0.6));
    anm_thing_box (b, -0.14, -0.98, 0.28, 0.2, b->main);
    anm_src (cr, b->p->pal.lamp, 1);
    anm_ellipse (cr, 0.0, -0.88, 0.03, 0.03);
    anm_ellipse (cr, 0.09, -0.88, 0.03, 0.03);
    anm_ellipse (cr, 0, -0.6, 0.045, 0.045);
    cairo_fill (cr);
}

void anm_draw_lantern (const anm_brush_t *b)
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
    anm_thing_round (b, metal);
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
        anm_thing_box (b, -0.165 + 0.15 * i, -0.72, 0.03, 0.54, metal);
    anm_thing_box (b, -0.21, -0.19, 0.42, 0.06, metal);
    anm_thing_box (b, -0.18, -0.13, 0.36, 0.13, anm_rgb_scale (metal, 0.8));
}

void anm_draw_fire (const anm_brush_t *b)
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
    anm_thing_box (b, -0.5, -0.1, 1.0, 0.09, anm_rgb (0x3a2a20));
    anm_thing_box (b, -0.38, -0.17, 0.8, 0.08, anm_rgb (0x4a3426));
}

void anm_draw_candle (const anm_brush_t *b)
{
    anm_thing_box (b, -0.09, -0.66, 0.18, 0.66, anm_rgb (0xf0e4c8));
    cairo_move_to (b->cr, 0, -1);
    cairo_curve_to (b->cr, 0.09, -0.84, 0.07, -0.7, 0, -0.7);
    cairo_curve_to (b->cr, -0.07, -0.7, -0.09, -0.84, 0, -1);
    anm_src (b->cr, anm_rgb_mix (b->p->pal.lamp, anm_rgb (0xffffff), 0.5), 1);
    cairo_fill (b->cr);
}

/*  A great lens: rings of glass round a light. */
void anm_draw_lens (const anm_brush_t *b)
{
    cairo_t *cr = b->cr;
    anm_rgb_t brass = anm_rgb (0xb08a48),
              glass = anm_rgb_mix (b->p->pal.sky_low, anm_rgb (0xcfeae4), 0.5);
    anm_thing_box (b, -0.34, -0.14, 0.68, 0.14, anm_rgb_scale (brass, 0.7));
    anm_ellipse (cr, 0, -0.56, 0.44, 0.44);
    anm_thing_round (b, brass);
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

void anm_draw_book (const anm_brush_t *b)
{
    const double left[][2] = {{0, -0.16}, {-0.62, -0.34}, {-0.7, -0.02}, {0, 0.06}};
    const double right[][2] = {{0, -0.16}, {0.62, -0.34}, {0.7, -0.02}, {0, 0.06}};
    anm_rgb_t paper = anm_rgb (0xefe6d0);
    anm_poly (b->cr, left, 4);
    anm_thing_round (b, paper);
    anm_poly (b->cr, right, 4);
    anm_thing_round (b, anm_rgb_scale (paper, 0.93));
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

void anm_draw_cup (const anm_brush_t *b)
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
    anm_thing_round (b, b->main);
    anm_ellipse (cr, 0, -0.78, 0.42, 0.09);
    anm_thing_round (b, anm_rgb (0x3a261c));
    cairo_set_line_width (cr, 0.03);
    anm_src (cr, anm_rgb (0xffffff), 0.2);
    cairo_move_to (cr, -0.08, -0.95);
    cairo_curve_to (cr, 0.06, -1.1, -0.14, -1.2, 0, -1.36);
    cairo_stroke (cr);
}

void anm_draw_flower (const anm_brush_t *b)
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
        anm_thing_round (b, b->main);
    }
    anm_ellipse (cr, 0, -0.78, 0.07, 0.07);
    anm_thing_round (b, anm_rgb (0xe8b83a));
}

void anm_draw_door (const anm_brush_t *b)
{
    anm_thing_box (b, -0.29, -1.0, 0.58, 1.0, anm_rgb_scale (b->main, 0.55));
    anm_thing_box (b, -0.24, -0.95, 0.48, 0.95, b->main);
    for (int j = 0; j < 2; j++)
        for (int i = 0; i < 2; i++)
            anm_thing_box (b, -0.19 + 0.21 * i, -0.86 + 0.44 * j, 0.17, 0.34,
                           anm_rgb_scale (b->main, 0.82));
    anm_ellipse (b->cr, 0.19, -0.45, 0.02, 0.02);
    anm_thing_round (b, anm_rgb (0xd8b45a));
}

void anm_draw_table (const anm_brush_t *b)
{
    anm_thing_box (b, -0.9, -0.82, 1.8, 0.1, b->main);
    anm_thing_box (b, -0.8, -0.72, 0.1, 0.72, anm_rgb_scale (b->main, 0.75));
    anm_thing_box (b, 0.7, -0.72, 0.1, 0.72, anm_rgb_scale (b->main, 0.75));
}

void anm_draw_bridge (const anm_brush_t *b)
{
    cairo_t *cr = b->cr;
    cairo_rectangle (cr, -2.6, -0.62, 5.2, 0.14);
    for (int i = 0; i < 5; i++)
        cairo_rectangle (cr, -2.5 + 1.2 * i, -0.62, 0.2, 0.66);
    anm_thing_round (b, b->main);
    cairo_set_line_width (cr, 0.05);
    anm_src (cr, anm_shaded (&b->p->pal, b->main, 0), 1);
    for (int i = 0; i < 4; i++) {
        cairo_move_to (cr, -2.4 + 1.2 * i, 0);
        cairo_curve_to (cr, -2.3 + 1.2 * i, -0.66, -1.4 + 1.2 * i, -0.66, -1.3 + 1.2 * i, 0);
        cairo_stroke (cr);
    }
}

void anm_draw_tent (const anm_brush_t *b)
{
    const double front[][2] = {{-0.75, 0}, {-0.1, -0.95}, {0.35, 0}};
    const double side[][2] = {{-0.1, -0.95}, {0.55, -0.82}, {0.95, 0}, {0.35, 0}};
    const double flap[][2] = {{-0.3, 0}, {-0.1, -0.72}, {0.1, 0}};
    anm_poly (b->cr, side, 4);
    anm_thing_round (b, anm_rgb_scale (b->main, 0.75));
    anm_poly (b->cr, front, 3);
    anm_thing_round (b, b->main);
    anm_poly (b->cr, flap, 3);
    anm_src (b->cr, b->p->scene->time >= ANM_TIME_DUSK ? b->p->pal.lamp : anm_rgb (0x241c18), 0.95);
    cairo_fill (b->cr);
}

void anm_draw_planet (const anm_brush_t *b)
{
    cairo_t *cr = b->cr;
    anm_ellipse (cr, 0, -0.5, 0.5, 0.5);
    cairo_save (cr);
    cairo_clip_preserve (cr);
    anm_thing_round (b, b->main);
    for (int i = 0; i < 6; i++) {
        anm_ellipse (cr, 0.05 * (i % 3), -0.9 + 0.15 * i, 0.6, 0.035 + 0.01 * (i % 2));
        anm_src (cr, b->accent, 0.25);
        cairo_fill (cr);
    }
    cairo_restore (cr);
}

void anm_draw_shape (const anm_brush_t *b, anm_thing_kind_t kind)
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

void anm_draw_dog (const anm_brush_t *b)
{
    draw_beast (b, 0.36, 0.16, 0.3, 0.2, true);
}

void anm_draw_cat (const anm_brush_t *b)
{
    draw_beast (b, 0.28, 0.14, 0.26, 0.4, true);
}

void anm_draw_horse (const anm_brush_t *b)
{
    draw_beast (b, 0.46, 0.34, 0.3, -0.24, true);
}
