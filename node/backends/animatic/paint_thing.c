/*  Things: each is drawn by one short function in its own unit box, foot at (0, 0), 1 high, y up
 *  being negative, so that paint_things can put it anywhere at any size.
 */
#include "node/backends/animatic/thing.h"

#include <math.h>

void anm_thing_round (const anm_brush_t *b, anm_rgb_t own)
{
    anm_fill_round (b->p, b->cr, own, 0);
}

void anm_thing_box (const anm_brush_t *b, double x, double y, double w, double h, anm_rgb_t own)
{
    cairo_rectangle (b->cr, x, y, w, h);
    anm_thing_round (b, own);
}

static bool night (const anm_brush_t *b)
{
    return b->p->scene->time >= ANM_TIME_DUSK;
}

void anm_thing_pane (const anm_brush_t *b, double x, double y, double w, double h)
{
    cairo_rectangle (b->cr, x, y, w, h);
    anm_src (b->cr,
             night (b) ? b->p->pal.lamp : anm_rgb_mix (b->p->pal.sky_mid, anm_rgb (0x26303c), 0.55),
             0.95);
    cairo_fill (b->cr);
}

static void draw_lighthouse (const anm_brush_t *b)
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
    anm_thing_round (b, stone);
    if (b->p->scene->place == ANM_PLACE_COAST || b->p->scene->place == ANM_PLACE_SEA) {
        anm_ellipse (cr, 0.05, 0.1, 0.72, 0.007);
        anm_src (cr, anm_lit (&b->p->pal, anm_rgb (0xe8eef0), 0.2), 0.4);
        cairo_fill (cr);
    }
    const double tower[][2] = {{-0.095, -0.1}, {-0.062, -0.77}, {0.062, -0.77}, {0.095, -0.1}};
    anm_poly (cr, tower, 4);
    anm_thing_round (b, b->main);
    cairo_save (cr);
    anm_poly (cr, tower, 4);
    cairo_clip (cr);
    for (int i = 0; i < 2; i++) {
        anm_thing_box (b, -0.2, -0.62 + 0.25 * i, 0.4, 0.115, b->accent);
    }
    cairo_restore (cr);
    anm_thing_pane (b, -0.012, -0.69, 0.022, 0.035);
    anm_thing_pane (b, 0.004, -0.45, 0.022, 0.035);
    anm_thing_box (b, -0.09, -0.79, 0.18, 0.024, b->accent);
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
    anm_thing_round (b, b->accent);
    cairo_set_line_width (cr, 0.005);
    anm_src (cr, anm_shaded (&b->p->pal, anm_rgb (0x303238), 0), 1);
    cairo_move_to (cr, -0.11, -0.825);
    cairo_line_to (cr, 0.11, -0.825);
    cairo_stroke (cr);
    anm_thing_box (b, -0.34, -0.17, 0.17, 0.1,
                   anm_rgb_scale (b->main, 0.9)); /* the keeper's house */
    cairo_move_to (cr, -0.36, -0.165);
    cairo_line_to (cr, -0.255, -0.235);
    cairo_line_to (cr, -0.15, -0.165);
    cairo_close_path (cr);
    anm_thing_round (b, b->accent);
    anm_thing_pane (b, -0.3, -0.135, 0.03, 0.035);
}

static void draw_tower (const anm_brush_t *b)
{
    const double t[][2] = {{-0.11, 0.02}, {-0.085, -0.78}, {0.085, -0.78}, {0.11, 0.02}};
    anm_poly (b->cr, t, 4);
    anm_thing_round (b, b->main);
    anm_thing_box (b, -0.11, -0.82, 0.22, 0.06, b->main);
    const double roof[][2] = {{-0.12, -0.82}, {0, -1}, {0.12, -0.82}};
    anm_poly (b->cr, roof, 3);
    anm_thing_round (b, b->accent);
    for (int i = 0; i < 4; i++)
        anm_thing_pane (b, -0.015, -0.7 + 0.16 * i, 0.03, 0.055);
}

static void draw_house (const anm_brush_t *b)
{
    anm_thing_box (b, -0.5, -0.55, 1.0, 0.58, b->main);
    anm_thing_box (b, 0.22, -0.98, 0.11, 0.3, anm_rgb_scale (b->main, 0.7));
    const double roof[][2] = {{-0.6, -0.53}, {-0.32, -0.92}, {0.32, -0.92}, {0.6, -0.53}};
    anm_poly (b->cr, roof, 4);
    anm_thing_round (b, b->accent);
    anm_thing_pane (b, -0.36, -0.38, 0.16, 0.17);
    anm_thing_pane (b, 0.2, -0.38, 0.16, 0.17);
    anm_thing_box (b, -0.08, -0.36, 0.16, 0.38, anm_rgb (0x4a3628));
}

static void draw_castle (const anm_brush_t *b)
{
    anm_thing_box (b, -0.6, -0.45, 1.2, 0.48, b->main);
    for (int i = 0; i < 5; i++) {
        double x = -0.64 + 0.29 * i, h = i == 2 ? 0.82 : 0.55 + 0.06 * (i % 2);
        anm_thing_box (b, x, -h, 0.13, h + 0.03, b->main);
        const double roof[][2] = {{x - 0.02, -h}, {x + 0.065, -h - 0.18}, {x + 0.15, -h}};
        anm_poly (b->cr, roof, 3);
        anm_thing_round (b, b->accent);
        anm_thing_pane (b, x + 0.05, -h + 0.1, 0.03, 0.06);
    }
    anm_ellipse (b->cr, 0.0, -0.1, 0.08, 0.14);
    cairo_rectangle (b->cr, -0.08, -0.1, 0.16, 0.13);
    anm_thing_round (b, anm_rgb (0x241c18));
}

static void draw_tree (const anm_brush_t *b)
{
    cairo_t *cr = b->cr;
    cairo_move_to (cr, -0.06, 0.02);
    cairo_curve_to (cr, -0.03, -0.2, -0.035, -0.35, -0.05, -0.55);
    cairo_line_to (cr, 0.06, -0.55);
    cairo_curve_to (cr, 0.035, -0.35, 0.03, -0.2, 0.07, 0.02);
    cairo_close_path (cr);
    anm_thing_round (b, anm_rgb (0x4f3d2e));
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

static void draw_boat (const anm_brush_t *b)
{
    cairo_t *cr = b->cr;
    cairo_move_to (cr, 0.03, -0.98);
    cairo_curve_to (cr, 0.3, -0.7, 0.42, -0.4, 0.46, -0.2);
    cairo_line_to (cr, 0.03, -0.2);
    cairo_close_path (cr);
    anm_thing_round (b, anm_rgb (0xf0e8d6));
    cairo_move_to (cr, -0.03, -0.88);
    cairo_curve_to (cr, -0.16, -0.6, -0.3, -0.4, -0.36, -0.2);
    cairo_line_to (cr, -0.03, -0.2);
    cairo_close_path (cr);
    anm_thing_round (b, anm_rgb (0xd8cdb8));
    anm_thing_box (b, -0.012, -1.0, 0.024, 0.86, anm_rgb (0x4a3628));
    cairo_move_to (cr, -0.46, -0.15);
    cairo_curve_to (cr, -0.2, -0.12, 0.3, -0.12, 0.56, -0.19);
    cairo_curve_to (cr, 0.46, -0.02, 0.36, 0.03, 0.2, 0.03);
    cairo_line_to (cr, -0.3, 0.03);
    cairo_curve_to (cr, -0.4, 0.0, -0.44, -0.08, -0.46, -0.15);
    anm_thing_round (b, b->main);
}

static void draw_ship (const anm_brush_t *b)
{
    cairo_t *cr = b->cr;
    anm_thing_box (b, -0.5, -0.62, 0.62, 0.3, anm_rgb (0xe4e0d6));
    anm_thing_box (b, -0.4, -0.78, 0.36, 0.18, anm_rgb (0xf0ece2));
    anm_thing_box (b, -0.24, -1.0, 0.13, 0.24, b->accent);
    anm_thing_box (b, 0.42, -0.9, 0.02, 0.6, anm_rgb (0x3a3430));
    for (int i = 0; i < 6; i++)
        anm_thing_pane (b, -0.45 + 0.095 * i, -0.52, 0.05, 0.06);
    cairo_move_to (cr, -0.95, -0.36);
    cairo_line_to (cr, 1.05, -0.4);
    cairo_curve_to (cr, 0.95, -0.15, 0.86, 0.0, 0.8, 0.04);
    cairo_line_to (cr, -0.85, 0.04);
    cairo_curve_to (cr, -0.92, -0.1, -0.95, -0.2, -0.95, -0.36);
    anm_thing_round (b, b->main);
    cairo_rectangle (cr, -0.9, -0.06, 1.76, 0.04);
    anm_thing_round (b, b->accent);
}

static void wheel (const anm_brush_t *b, double x, double r)
{
    anm_ellipse (b->cr, x, -r, r, r);
    anm_thing_round (b, anm_rgb (0x1b1b1f));
    anm_ellipse (b->cr, x, -r, r * 0.5, r * 0.5);
    anm_thing_round (b, anm_rgb (0x8a8f96));
}

static void draw_car (const anm_brush_t *b)
{
    cairo_t *cr = b->cr;
    cairo_move_to (cr, -1.25, -0.2);
    cairo_curve_to (cr, -1.3, -0.5, -1.2, -0.58, -0.9, -0.6);
    cairo_curve_to (cr, -0.7, -0.92, -0.5, -1.0, -0.1, -1.0);
    cairo_curve_to (cr, 0.3, -1.0, 0.42, -0.85, 0.6, -0.62);
    cairo_curve_to (cr, 1.0, -0.58, 1.28, -0.5, 1.3, -0.2);
    cairo_close_path (cr);
    anm_thing_round (b, b->main);
    cairo_move_to (cr, -0.76, -0.61);
    cairo_curve_to (cr, -0.6, -0.84, -0.45, -0.9, -0.16, -0.9);
    cairo_line_to (cr, -0.16, -0.61);
    cairo_close_path (cr);
    cairo_move_to (cr, -0.08, -0.9);
    cairo_curve_to (cr, 0.2, -0.9, 0.32, -0.8, 0.46, -0.61);
    cairo_line_to (cr, -0.08, -0.61);
    cairo_close_path (cr);
    anm_thing_round (b, anm_rgb (0x2c3a48));
    wheel (b, -0.78, 0.22);
    wheel (b, 0.8, 0.22);
    anm_ellipse (cr, 1.24, -0.42, 0.05, 0.06);
    anm_src (cr, b->p->pal.lamp, 1);
    cairo_fill (cr);
}

static void draw_train (const anm_brush_t *b)
{
    for (int i = 0; i < 3; i++) {
        double x = -2.6 + 1.55 * i;
        anm_thing_box (b, x, -0.95, 1.45, 0.76, b->main);
        anm_thing_box (b, x, -0.5, 1.45, 0.05, b->accent);
        for (int j = 0; j < 5; j++)
            anm_thing_pane (b, x + 0.12 + 0.26 * j, -0.84, 0.18, 0.22);
        wheel (b, x + 0.3, 0.12);
        wheel (b, x + 1.15, 0.12);
    }
    cairo_move_to (b->cr, 1.9, -0.19);
    cairo_line_to (b->cr, 2.3, -0.19);
    cairo_curve_to (b->cr, 2.5, -0.4, 2.2, -0.95, 1.9, -0.95);
    cairo_close_path (b->cr);
    anm_thing_round (b, b->main);
    anm_ellipse (b->cr, 2.34, -0.38, 0.05, 0.06);
    anm_src (b->cr, b->p->pal.lamp, 1);
    cairo_fill (b->cr);
}

static void draw_plane (const anm_brush_t *b)
{
    cairo_t *cr = b->cr;
    const double tail[][2] = {{-1.25, -0.5}, {-1.5, -1.0}, {-1.3, -1.0}, {-0.85, -0.55}};
    anm_poly (cr, tail, 4);
    anm_thing_round (b, b->accent);
    anm_ellipse (cr, 0, -0.45, 1.4, 0.17);
    anm_thing_round (b, b->main);
    const double wing[][2] = {{0.35, -0.42}, {-0.55, 0.0}, {-0.8, 0.0}, {-0.25, -0.42}};
    anm_poly (cr, wing, 4);
    anm_thing_round (b, anm_rgb_scale (b->main, 0.8));
    for (int i = 0; i < 9; i++)
        anm_thing_pane (b, -0.7 + 0.18 * i, -0.53, 0.07, 0.06);
}

static void draw_balloon (const anm_brush_t *b)
{
    cairo_t *cr = b->cr;
    for (int i = 0; i < 3; i++) {
        double k = 1 - i / 3.0;
        cairo_move_to (cr, 0, -1);
        cairo_curve_to (cr, 0.5 * k, -1, 0.46 * k, -0.5, 0.1 * k, -0.27);
        cairo_line_to (cr, -0.1 * k, -0.27);
        cairo_curve_to (cr, -0.46 * k, -0.5, -0.5 * k, -1, 0, -1);
        anm_thing_round (b, i % 2 ? b->accent : b->main);
    }
    cairo_set_line_width (cr, 0.008);
    anm_src (cr, anm_rgb (0x4a3628), 1);
    for (int s = -1; s <= 1; s += 2) {
        cairo_move_to (cr, s * 0.09, -0.27);
        cairo_line_to (cr, s * 0.06, -0.13);
        cairo_stroke (cr);
    }
    anm_thing_box (b, -0.075, -0.13, 0.15, 0.12, anm_rgb (0x8a6242));
}

static void draw_rocket (const anm_brush_t *b)
{
    cairo_t *cr = b->cr;
    const double fins[][2] = {{-0.1, -0.4}, {-0.24, -0.1}, {-0.1, -0.16},
                              {0.1, -0.16}, {0.24, -0.1},  {0.1, -0.4}};
    anm_poly (cr, fins, 6);
    anm_thing_round (b, b->accent);
    cairo_move_to (cr, 0, -1);
    cairo_curve_to (cr, 0.16, -0.8, 0.15, -0.4, 0.1, -0.16);
    cairo_line_to (cr, -0.1, -0.16);
    cairo_curve_to (cr, -0.15, -0.4, -0.16, -0.8, 0, -1);
    anm_thing_round (b, b->main);
    anm_ellipse (cr, 0, -0.66, 0.05, 0.05);
    anm_thing_round (b, anm_rgb (0x2c3a48));
    cairo_move_to (cr, -0.07, -0.16);
    cairo_curve_to (cr, -0.06, 0, -0.02, 0.05, 0, 0.12);
    cairo_curve_to (cr, 0.02, 0.05, 0.06, 0, 0.07, -0.16);
    anm_src (cr, b->p->pal.lamp, 0.95);
    cairo_fill (cr);
}

typedef struct {
    void (*draw) (const anm_brush_t *);
    double height, width; /* against a person's height; against its own */
    unsigned main, accent;
} kind_t;

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
    [ANM_THING_BIRD] = {anm_draw_bird, 0.3, 2.6, 0xe8e6e0, 0x8a8a8a},
    [ANM_THING_FISH] = {anm_draw_fish, 0.45, 2.4, 0xe08a3a, 0xf0e0c0},
    [ANM_THING_WHALE] = {anm_draw_whale, 1.6, 3.2, 0x3a5a74, 0xd0dce4},
    [ANM_THING_DOG] = {anm_draw_dog, 0.42, 1.9, 0x8a6242, 0x5a3a26},
    [ANM_THING_CAT] = {anm_draw_cat, 0.26, 2.0, 0x4a4648, 0x2a2628},
    [ANM_THING_HORSE] = {anm_draw_horse, 1.0, 1.8, 0x6a4630, 0x2a1c14},
    [ANM_THING_ROBOT] = {anm_draw_robot, 1.1, 0.7, 0x9aa6ae, 0xe08a3a},
    [ANM_THING_LANTERN] = {anm_draw_lantern, 0.3, 0.5, 0xc69c4a, 0x8a6a3a},
    [ANM_THING_FIRE] = {anm_draw_fire, 0.5, 1.1, 0xf0822a, 0xffc24a},
    [ANM_THING_CANDLE] = {anm_draw_candle, 0.28, 0.3, 0xf0e4c8, 0xffc24a},
    [ANM_THING_LENS] = {anm_draw_lens, 1.1, 1.0, 0xcfeae4, 0xb08a48},
    [ANM_THING_BOOK] = {anm_draw_book, 0.5, 1.5, 0xefe6d0, 0x8a4a34},
    [ANM_THING_CUP] = {anm_draw_cup, 0.2, 1.2, 0xe4ded2, 0xb53a32},
    [ANM_THING_FLOWER] = {anm_draw_flower, 0.4, 0.5, 0xd8455a, 0xe8b83a},
    [ANM_THING_DOOR] = {anm_draw_door, 1.25, 0.6, 0x6a4630, 0xd8b45a},
    [ANM_THING_TABLE] = {anm_draw_table, 0.46, 1.9, 0x7a5237, 0x5a3a26},
    [ANM_THING_BRIDGE] = {anm_draw_bridge, 2.0, 5.2, 0x7d766e, 0x5a544e},
    [ANM_THING_TENT] = {anm_draw_tent, 1.1, 1.8, 0xc8763a, 0x8a4a2a},
    [ANM_THING_PLANET] = {anm_draw_planet, 2.2, 1.0, 0xc88a5a, 0xf0d8b0},
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
    anm_brush_t b = {.p = p,
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
        anm_draw_shape (&b, thing->kind);
    else
        k->draw (&b);
    cairo_restore (cr);
    return true;
}
