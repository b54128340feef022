/*  Rooms, halls and stairs: one light that makes the space. */
#include "node/backends/animatic/paint.h"

#include <math.h>

typedef struct {
    anm_rgb_t wall, floor, dark;
    bool day; /* light comes in by the window */
} room_t;

static room_t room_colors (const anm_paint_t *p)
{
    static const unsigned walls[] = {0x7d8a84, 0x8c7a68, 0x6e7c8c, 0x8a6f66, 0x7f8464};
    anm_rgb_t own = anm_rgb (walls[p->seed % 5]), dusk = anm_rgb (0x6a6470);
    bool day = p->scene->time < ANM_TIME_DUSK;
    anm_rgb_t light = day                               ? anm_rgb (0xd8d2c4)
                      : p->scene->time == ANM_TIME_DUSK ? dusk
                                                        : anm_rgb (0x3e4660);
    room_t r = {.day = day};
    r.wall = anm_grade (&p->pal, anm_rgb_times (own, light));
    r.floor = anm_grade (&p->pal, anm_rgb_times (anm_rgb (0x7a5a42), light));
    r.dark = anm_rgb_scale (r.wall, 0.3);
    return r;
}

typedef struct {
    const anm_paint_t *p;
    anm_rgb_t base, edge, pool;
    double x, y, reach, strength;
} wall_t;

/*  A wall with a pool of light on it. */
static anm_px_t wall_at (const void *ctx, double x, double y)
{
    const wall_t *w = ctx;
    double dx = (x - w->x) / w->reach, dy = (y - w->y) / (0.8 * w->reach), d2 = dx * dx + dy * dy;
    double mottle = 0.05 * (anm_fbm2 (w->p->seed, x * 3, y * 3, 4) - 0.5);
    anm_rgb_t c = anm_rgb_mix (w->edge, w->base, exp (-0.55 * d2));
    c = anm_rgb_mix (c, w->pool, w->strength * exp (-2.0 * d2));
    return (anm_px_t){(float)(c.b + mottle * c.b), (float)(c.g + mottle * c.g),
                      (float)(c.r + mottle * c.r), 1};
}

static void paint_wall (anm_paint_t *p, const room_t *r, double depth, double x, double y,
                        double strength)
{
    wall_t w = {p,
                r->wall,
                r->dark,
                r->day ? anm_rgb_mix (r->wall, p->pal.sky_low, 0.75)
                       : anm_rgb_mix (r->wall, p->pal.lamp, 0.7),
                x,
                y,
                0.85,
                strength};
    anm_layer_t *l = anm_stage_smooth (p->stage, depth, NULL, 0.25, wall_at, &w);
    if (l != NULL)
        l->clamp = true;
}

/*  A window with its cross bars; what is outside is the sky's colours. */
static void paint_window (anm_paint_t *p, double depth, double x, double y, double w, double h)
{
    anm_rect_t box = {x - w * 0.75, y - h * 0.7, x + w * 0.75, y + h * 0.75};
    cairo_t *cr = anm_stage_open (p->stage, depth, &box);
    anm_rgb_t frame = anm_rgb_scale (anm_lit (&p->pal, anm_rgb (0x8a7a66), 0),
                                     p->scene->time < ANM_TIME_DUSK ? 0.8 : 0.45);
    cairo_rectangle (cr, x - w * 0.56, y - h * 0.55, w * 1.12, h * 1.1);
    anm_src (cr, frame, 1);
    cairo_fill (cr);
    cairo_rectangle (cr, x - w / 2, y - h / 2, w, h);
    cairo_save (cr);
    cairo_clip_preserve (cr);
    anm_fill_down (cr, y - h / 2, anm_rgb_mix (p->pal.sky_top, p->pal.sky_mid, 0.5), 1, y + h / 2,
                   p->pal.sky_low, 1);
    anm_src (cr, anm_rgb_mix (p->pal.sky_mid, p->pal.sky_top, 0.5), 0.8);
    for (int i = 0; i < 5; i++) {
        double k = anm_random (p->seed, 60 + (uint64_t)i);
        cairo_rectangle (cr, x - w / 2 + w * i / 5.0, y + h * (0.22 - 0.16 * k), w / 5.2, h);
        cairo_fill (cr);
    }
    cairo_restore (cr);
    anm_src (cr, frame, 1);
    cairo_rectangle (cr, x - w * 0.022, y - h / 2, w * 0.044, h);
    cairo_rectangle (cr, x - w / 2, y - h * 0.12, w, h * 0.03);
    cairo_rectangle (cr, x - w * 0.64, y + h * 0.54, w * 1.28, h * 0.05);
    cairo_fill (cr);
    anm_close (p);
    anm_glow (p, depth, x, y, h * 1.15, anm_rgb_mix (p->pal.sky_low, p->pal.glow, 0.4),
              p->scene->time < ANM_TIME_DUSK ? 0.5 : 0.26, 0);
}

/*  The beam that a window throws into the room. */
static void paint_shaft (anm_paint_t *p, double depth, double x, double y, double w, double h,
                         double lean)
{
    cairo_t *cr = anm_open (p, depth);
    anm_rgb_t c = anm_rgb_mix (p->pal.glow, p->pal.sky_low, 0.4);
    double drop = 0.75;
    cairo_pattern_t *g = cairo_pattern_create_linear (x, y - h / 2, x + lean * drop, y + drop);
    cairo_pattern_add_color_stop_rgba (g, 0, c.r, c.g, c.b, 0.34);
    cairo_pattern_add_color_stop_rgba (g, 1, c.r, c.g, c.b, 0);
    cairo_set_source (cr, g);
    for (int i = 0; i < 5; i++) { /* several, each narrower, so that its edges are soft */
        double s = w * (0.34 + 0.05 * i);
        const double beam[][2] = {{x - s, y - h * 0.5},
                                  {x + s, y - h * 0.5},
                                  {x + s * 1.7 + lean * drop * 1.2, y + drop},
                                  {x - s * 1.3 + lean * drop * 1.2, y + drop}};
        anm_poly (cr, beam, 4);
        cairo_save (cr);
        cairo_clip (cr);
        cairo_paint_with_alpha (cr, 0.24);
        cairo_restore (cr);
    }
    cairo_pattern_destroy (g);
    anm_layer_t *l = anm_close (p);
    if (l != NULL) {
        l->blend = ANM_SCREEN;
        l->motion = (anm_motion_t){.pulse = 0.12, .pulse_hz = 0.2};
    }
}

static void paint_floor (anm_paint_t *p, const room_t *r, double depth, double x, bool boards)
{
    double top = anm_ground (p, depth);
    cairo_t *cr = anm_open_band (p, 1.5, top - 0.02, 2, 0);
    cairo_rectangle (cr, -9, top, 18, 3);
    anm_fill_down (cr, top, r->floor, 1, 0.56, anm_rgb_scale (r->floor, 0.4), 1);
    cairo_set_line_width (cr, 0.0022);
    anm_src (cr, anm_rgb_scale (r->floor, 0.4), 0.5);
    for (int i = -16; boards && i <= 16; i++) {
        cairo_move_to (cr, i * 0.16 / depth, top);
        cairo_line_to (cr, i * 0.16 * 2.2, p->horizon + p->eye * 2.2);
        cairo_stroke (cr);
    }
    cairo_rectangle (cr, -9, top - 0.016, 18, 0.018);
    anm_src (cr, anm_rgb_scale (r->wall, 0.55), 1);
    cairo_fill (cr);
    anm_close (p);
    anm_glow (p, 1.5, x, top + 0.16, 0.55, r->day ? p->pal.sky_low : p->pal.lamp, 0.16, 0);
}

/*  A lamp on a small table; its glow is the room's warmth. */
static void paint_table_lamp (anm_paint_t *p, double depth, double x, double size)
{
    double low = anm_ground (p, depth), top = low - size;
    anm_rect_t box = {x - size, top - 0.4 * size, x + size, low + 0.02};
    cairo_t *cr = anm_stage_open (p->stage, depth, &box);
    anm_rgb_t wood = anm_rgb_scale (anm_grade (&p->pal, anm_rgb (0x4a3628)), 0.7);
    anm_src (cr, wood, 1);
    cairo_rectangle (cr, x - 0.42 * size, low - 0.5 * size, 0.84 * size, 0.05 * size);
    cairo_rectangle (cr, x - 0.38 * size, low - 0.48 * size, 0.05 * size, 0.5 * size);
    cairo_rectangle (cr, x + 0.33 * size, low - 0.48 * size, 0.05 * size, 0.5 * size);
    cairo_rectangle (cr, x - 0.03 * size, low - 0.84 * size, 0.06 * size, 0.34 * size);
    cairo_fill (cr);
    anm_ellipse (cr, x, low - 0.53 * size, 0.12 * size, 0.04 * size);
    cairo_fill (cr);
    const double shade[][2] = {{x - 0.13 * size, top - 0.2 * size},
                               {x + 0.13 * size, top - 0.2 * size},
                               {x + 0.25 * size, top + 0.14 * size},
                               {x - 0.25 * size, top + 0.14 * size}};
    anm_poly (cr, shade, 4);
    anm_fill_down (cr, top - 0.2 * size, anm_rgb_scale (p->pal.lamp, 0.8), 1, top + 0.14 * size,
                   anm_rgb_mix (p->pal.lamp, (anm_rgb_t){1, 1, 1}, 0.5), 1);
    anm_close (p);
    anm_glow (p, depth, x, top, 3.0 * size, p->pal.lamp, 0.55, 0.06);
}

static void paint_picture (anm_paint_t *p, const room_t *r, double depth, double x, double y,
                           double w, double h)
{
    anm_rect_t box = {x - w, y - h, x + w, y + h};
    cairo_t *cr = anm_stage_open (p->stage, depth, &box);
    anm_src (cr, anm_rgb_scale (r->wall, 0.42), 1);
    cairo_rectangle (cr, x - w / 2, y - h / 2, w, h);
    cairo_fill (cr);
    cairo_rectangle (cr, x - w * 0.43, y - h * 0.42, w * 0.86, h * 0.84);
    anm_fill_down (cr, y - h / 2, anm_rgb_mix (r->wall, p->pal.sky_low, 0.35), 1, y + h / 2,
                   anm_rgb_scale (r->wall, 0.8), 1);
    anm_close (p);
}

/*  What makes a room lived in: curtains, a rug, an armchair in the shade. */
static void paint_furniture (anm_paint_t *p, const room_t *r, double x, double w, double h)
{
    static const unsigned cloths[] = {0x8a4a40, 0x4a6670, 0x6f6a48, 0x7a5a6a};
    anm_rgb_t cloth =
        anm_grade (&p->pal, anm_rgb_times (anm_rgb (cloths[p->seed % 4]),
                                           r->day ? anm_rgb (0xf0e8dc) : anm_rgb (0xa08878)));
    cairo_t *cr = anm_open (p, 3.05);
    for (int s = -1; s <= 1; s += 2) {
        double cx = x + s * w * 0.66;
        cairo_rectangle (cr, cx - 0.15 * w, -0.16 - h * 0.62, 0.3 * w, h * 1.4);
        anm_fill_across (cr, cx - 0.15 * w, anm_rgb_scale (cloth, 0.55), 1, cx + 0.15 * w, cloth,
                         1);
        cairo_set_line_width (cr, 0.004);
        anm_src (cr, anm_rgb_scale (cloth, 0.4), 0.5);
        for (int i = -1; i <= 1; i++) {
            cairo_move_to (cr, cx + i * 0.07 * w, -0.16 - h * 0.62);
            cairo_line_to (cr, cx + i * 0.08 * w, -0.16 + h * 0.78);
            cairo_stroke (cr);
        }
    }
    cairo_rectangle (cr, x - w * 0.9, -0.16 - h * 0.66, w * 1.8, 0.012);
    anm_src (cr, anm_rgb_scale (r->wall, 0.4), 1);
    cairo_fill (cr);
    anm_close (p);
    if (p->scene->size > ANM_SIZE_FULL)
        return;
    cr = anm_open_band (p, 1.5, anm_ground (p, 2.6), 2, 0);
    for (int i = 0; i < 3; i++) { /* the rug, in perspective */
        anm_ellipse (cr, 0.1 * x, anm_ground (p, 1.35), 0.62 - 0.07 * i, 0.085 - 0.012 * i);
        anm_src (cr,
                 i == 1 ? anm_rgb_scale (r->wall, 0.7) : anm_rgb_scale (cloth, i == 0 ? 0.5 : 0.62),
                 0.9);
        cairo_fill (cr);
    }
    anm_close (p);
    double ax = x * 1.95, low = anm_ground (p, 1.9), k = 0.3;
    cr = anm_open_band (p, 1.9, low - 0.5, low + 0.06, 0);
    anm_rgb_t chair = anm_rgb_scale (cloth, 0.6);
    cairo_move_to (cr, ax - 0.36 * k, low - 0.1 * k);
    cairo_curve_to (cr, ax - 0.44 * k, low - 1.15 * k, ax + 0.44 * k, low - 1.15 * k, ax + 0.36 * k,
                    low - 0.1 * k);
    cairo_close_path (cr);
    anm_fill_down (cr, low - k, chair, 1, low, anm_rgb_scale (chair, 0.6), 1);
    for (int s = -1; s <= 1; s += 2) {
        anm_ellipse (cr, ax + s * 0.42 * k, low - 0.42 * k, 0.13 * k, 0.13 * k);
        cairo_rectangle (cr, ax + s * 0.42 * k - 0.13 * k, low - 0.42 * k, 0.26 * k, 0.36 * k);
        anm_fill_down (cr, low - 0.5 * k, anm_rgb_scale (chair, 1.15), 1, low,
                       anm_rgb_scale (chair, 0.6), 1);
    }
    cairo_rectangle (cr, ax - 0.34 * k, low - 0.4 * k, 0.68 * k, 0.34 * k);
    anm_fill_down (cr, low - 0.4 * k, anm_rgb_scale (chair, 1.3), 1, low,
                   anm_rgb_scale (chair, 0.7), 1);
    anm_close (p);
}

void anm_paint_room (anm_paint_t *p)
{
    room_t r = room_colors (p);
    double s = -p->side, x = s * 0.38, close = p->scene->size >= ANM_SIZE_MEDIUM ? 1.35 : 1;
    paint_wall (p, &r, 3.2, x, -0.1, r.day ? 0.55 : 0.5);
    paint_window (p, 3.1, x, -0.16, 0.34 * close, 0.42 * close);
    paint_picture (p, &r, 3.1, -x * 1.15, -0.2, 0.17 * close, 0.22 * close);
    if (p->scene->size <= ANM_SIZE_FULL)
        paint_floor (p, &r, 3, x * 0.6, true);
    paint_furniture (p, &r, x, 0.34 * close, 0.42 * close);
    if (!r.day)
        paint_table_lamp (p, 2.2, -s * 0.66, 0.3 * close);
    else
        paint_shaft (p, 2.0, x, -0.16, 0.4, 0.44, -s * 0.55);
}

/*  A long hall: frames within frames towards a light. */
void anm_paint_hall (anm_paint_t *p)
{
    room_t r = room_colors (p);
    anm_rgb_t end = r.day ? anm_rgb_mix (p->pal.sky_low, (anm_rgb_t){1, 1, 1}, 0.3)
                          : anm_rgb_mix (p->pal.lamp, p->pal.sky_low, 0.3);
    double vy = p->horizon, a = p->stage->aspect;
    wall_t w = {p, anm_rgb_mix (r.wall, end, 0.5), r.dark, end, 0, vy - 0.02, 0.5, 0.9};
    anm_layer_t *l = anm_stage_smooth (p->stage, 14, NULL, 0.2, wall_at, &w);
    if (l != NULL)
        l->clamp = true;
    static const double depths[] = {10, 6.6, 4.4, 3, 2.05, 1.4, 0.98};
    for (size_t i = 0; i < sizeof depths / sizeof depths[0]; i++) {
        double d = depths[i], k = (double)i / 6.0, hw = 0.78 * a / 1.78 / d * 1.05, up = 0.62 / d,
               low = p->eye / d;
        cairo_t *cr = anm_open (p, d);
        anm_rect_t rect = p->stage->rect;
        anm_rgb_t c = anm_rgb_mix (anm_rgb_mix (r.wall, end, 0.45), anm_rgb_scale (r.dark, 0.8),
                                   anm_smooth (0, 1, k));
        cairo_set_fill_rule (cr, CAIRO_FILL_RULE_EVEN_ODD);
        cairo_rectangle (cr, rect.x0 - 1, rect.y0 - 1, rect.x1 - rect.x0 + 2,
                         rect.y1 - rect.y0 + 2);
        cairo_move_to (cr, -hw, vy + low);
        cairo_line_to (cr, -hw, vy - up * 0.45);
        cairo_curve_to (cr, -hw, vy - up * 1.05, -0.55 * hw, vy - up * 1.25, 0, vy - up * 1.25);
        cairo_curve_to (cr, 0.55 * hw, vy - up * 1.25, hw, vy - up * 1.05, hw, vy - up * 0.45);
        cairo_line_to (cr, hw, vy + low);
        cairo_close_path (cr);
        anm_fill_down (cr, vy - up * 1.3, anm_rgb_scale (c, 0.8), 1, vy + low, c, 1);
        anm_src (cr, anm_rgb_mix (c, end, 0.5), 0.5); /* the edge that catches the light */
        cairo_set_line_width (cr, 0.006 / d);
        cairo_move_to (cr, -hw, vy + low);
        cairo_line_to (cr, -hw, vy - up * 0.45);
        cairo_curve_to (cr, -hw, vy - up * 1.05, -0.55 * hw, vy - up * 1.25, 0, vy - up * 1.25);
        cairo_curve_to (cr, 0.55 * hw, vy - up * 1.25, hw, vy - up * 1.05, hw, vy - up * 0.45);
        cairo_line_to (cr, hw, vy + low);
        cairo_stroke (cr);
        cairo_rectangle (cr, -9, vy + low, 18, 3);
        anm_fill_down (cr, vy + low, anm_rgb_mix (r.floor, end, 0.4 * (1 - k)), 1,
                       vy + low * 1.8 + 0.05, anm_rgb_scale (r.floor, 0.5 - 0.2 * k), 1);
        anm_close (p);
    }
    anm_glow (p, 5, 0, vy - 0.02, 0.55, end, 0.5, 0.05);
}

/*  A stair that winds up a round wall, lit from above. */
void anm_paint_stair (anm_paint_t *p)
{
    room_t r = room_colors (p);
    double s = p->side, x = -s * 0.35;
    paint_wall (p, &r, 5, x, -0.3, 0.7);
    static const struct {
        double depth, lift, rise, shade;
    } flights[] = {{3.4, -0.24, -0.34, 0.75}, {1.7, 0.1, 0.42, 0.55}};
    for (size_t i = 0; i < 2; i++) {
        cairo_t *cr = anm_open (p, flights[i].depth);
        anm_rgb_t c = anm_rgb_scale (r.wall, flights[i].shade),
                  lip = anm_rgb_mix (c, r.day ? p->pal.sky_low : p->pal.lamp, 0.35);
        int steps = 16;
        for (int j = 0; j < steps; j++) {
            double u = (double)j / steps, x0 = s * (-1.15 + 2.3 * u),
                   x1 = s * (-1.15 + 2.3 * (u + 1.0 / steps));
            double y = flights[i].lift + (0.5 - u) * flights[i].rise * 1.5,
                   thick = 0.12 + 0.05 * flights[i].shade;
            cairo_rectangle (cr, fmin (x0, x1), y, fabs (x1 - x0) + 0.002, i == 1 ? 2 : thick);
            anm_fill_down (cr, y, c, 1, y + 0.4, anm_rgb_scale (c, 0.45), 1);
            cairo_rectangle (cr, fmin (x0, x1), y, fabs (x1 - x0) + 0.002, 0.009);
            anm_src (cr, lip, 1);
            cairo_fill (cr);
            cairo_rectangle (cr, x1 - 0.004, y - 0.22, 0.006, 0.22); /* rail */
            anm_src (cr, anm_rgb_scale (c, 0.4), 1);
            if (j % 2 == 0)
                cairo_fill (cr);
            cairo_new_path (cr);
        }
        cairo_set_line_width (cr, 0.012);
        anm_src (cr, anm_rgb_scale (c, 0.4), 1);
        cairo_move_to (cr, -s * 1.15, flights[i].lift + 0.75 * flights[i].rise - 0.22);
        cairo_line_to (cr, s * 1.15, flights[i].lift - 0.75 * flights[i].rise - 0.22);
        cairo_stroke (cr);
        anm_close (p);
    }
    paint_window (p, 4.2, x, -0.26, 0.17, 0.26);
    paint_shaft (p, 2.6, x, -0.26, 0.2, 0.3, s * 0.6);
}
