/*  Sky, sun and moon, clouds, fog, and what falls from above. */
#include "node/backends/animatic/paint.h"

#include <math.h>

#define SKY_DEPTH 400.0

static anm_px_t pixel (anm_rgb_t c, double alpha)
{
    return (anm_px_t){(float)(c.b * alpha), (float)(c.g * alpha), (float)(c.r * alpha),
                      (float)alpha};
}

static anm_px_t sky_at (const void *ctx, double x, double y)
{
    const anm_paint_t *p = ctx;
    double t = (y + 0.62) / (p->horizon + 0.62);
    anm_rgb_t c = anm_rgb_mix (p->pal.sky_top, p->pal.sky_mid, anm_smooth (-0.1, 0.66, t));
    c = anm_rgb_mix (c, p->pal.sky_low, anm_smooth (0.42, 1.02, t));
    double dx = (x - p->sun_x) / 1.1, dy = (y - p->sun_y) / 0.62, d2 = dx * dx + dy * dy;
    return pixel (anm_rgb_mix (c, p->pal.glow, 0.62 * p->pal.glow_strength * exp (-3.2 * d2)), 1);
}

static void paint_stars (anm_paint_t *p)
{
    cairo_t *cr = anm_open_band (p, SKY_DEPTH, -2, p->horizon, 0);
    double clear = p->scene->weather == ANM_WEATHER_CLEAR ? 1 : 0.35;
    for (uint64_t i = 0; i < 420; i++) {
        double x = 2.6 * (anm_random (p->seed, 3 * i) - 0.5), u = anm_random (p->seed, 3 * i + 1);
        double y = p->horizon - 0.04 - (p->horizon + 0.75) * u, m = anm_random (p->seed, 3 * i + 2);
        double big = m * m * m;
        anm_src (cr, anm_rgb_mix (anm_rgb (0xcfdcff), anm_rgb (0xfff0d8), anm_random (i, 5)),
                 clear * (0.18 + 0.7 * big) * (0.3 + 0.7 * u));
        anm_ellipse (cr, x, y, 0.0009 + 0.0016 * big, 0.0009 + 0.0016 * big);
        cairo_fill (cr);
    }
    anm_layer_t *l = anm_close (p);
    if (l != NULL)
        l->motion = (anm_motion_t){.pulse = 0.15, .pulse_hz = 0.3};
}

static void paint_disc (anm_paint_t *p)
{
    bool night = p->scene->time == ANM_TIME_NIGHT;
    double r = night ? 0.05 : p->scene->time == ANM_TIME_DAY ? 0.04 : 0.062;
    if (p->pal.glow_strength < 0.2 || (night && !p->scene->moon))
        return;
    anm_glow (p, SKY_DEPTH, p->sun_x, p->sun_y, 0.5, p->pal.glow, 0.55 * p->pal.glow_strength, 0);
    anm_rect_t box = {p->sun_x - r * 1.2, p->sun_y - r * 1.2, p->sun_x + r * 1.2,
                      p->sun_y + r * 1.2};
    cairo_t *cr = anm_stage_open (p->stage, SKY_DEPTH, &box);
    anm_rgb_t c = anm_rgb_mix (p->pal.glow, (anm_rgb_t){1, 1, 1}, night ? 0.25 : 0.45);
    anm_ellipse (cr, p->sun_x, p->sun_y, r, r);
    anm_src (cr, c, p->pal.glow_strength > 0.4 ? 1 : 0.7);
    cairo_fill_preserve (cr);
    if (night) { /* the seas of the moon */
        cairo_clip (cr);
        anm_src (cr, p->pal.sky_low, 0.22);
        anm_ellipse (cr, p->sun_x - 0.3 * r, p->sun_y - 0.25 * r, 0.42 * r, 0.36 * r);
        cairo_fill (cr);
        anm_ellipse (cr, p->sun_x + 0.35 * r, p->sun_y + 0.3 * r, 0.3 * r, 0.24 * r);
        cairo_fill (cr);
    }
    anm_close (p);
}

void anm_paint_sky (anm_paint_t *p)
{
    anm_layer_t *l = anm_stage_smooth (p->stage, SKY_DEPTH, NULL, 0.25, sky_at, p);
    if (l != NULL)
        l->clamp = true;
    if (p->scene->stars && p->scene->weather != ANM_WEATHER_STORM)
        paint_stars (p);
    paint_disc (p);
}

typedef struct {
    const anm_paint_t *p;
    double cover, base, thick, stretch;
    anm_rgb_t lit, dark;
    uint64_t seed;
} cloud_t;

static anm_px_t cloud_at (const void *ctx, double x, double y)
{
    const cloud_t *c = ctx;
    double sx = x * 1.5, sy = y * c->stretch;
    double warp = 0.35 * anm_fbm2 (c->seed + 9, sx * 0.8, sy * 0.8, 2);
    double n = anm_fbm2 (c->seed, sx + warp, sy + warp, 5);
    double mask = anm_smooth (c->base, c->base - 0.12, y) * anm_smooth (-0.9, -0.45, y);
    double a = mask * anm_smooth (c->cover, c->cover + 0.22, n);
    if (a <= 0)
        return (anm_px_t){0};
    double below = anm_fbm2 (c->seed, sx + warp, sy + warp + 0.16, 3);
    double lit = anm_smooth (-0.06, 0.16, n - below + 0.04);
    double d = hypot (x - c->p->sun_x, 1.6 * (y - c->p->sun_y));
    anm_rgb_t col = anm_rgb_mix (c->dark, c->lit, 0.25 + 0.75 * lit);
    col = anm_rgb_mix (col, c->p->pal.glow, 0.5 * c->p->pal.glow_strength * exp (-4 * d * d));
    return pixel (col, a * c->thick);
}

void anm_paint_clouds (anm_paint_t *p)
{
    static const double cover[ANM_WEATHER_COUNT] = {0.55, 0.4, 0.48, 0.38, 0.34, 0.4};
    anm_weather_t w = p->scene->weather;
    bool heavy = w == ANM_WEATHER_STORM || w == ANM_WEATHER_RAIN;
    cloud_t c = {.p = p, .cover = cover[w], .base = p->horizon - 0.02, .thick = 0.85};
    c.seed = p->seed + 77;
    c.stretch = w == ANM_WEATHER_CLEAR ? 5.0 : heavy ? 3.4 : 4.2;
    c.lit = anm_rgb_mix (anm_rgb_mix (p->pal.sky_low, p->pal.glow, 0.3), (anm_rgb_t){1, 1, 1},
                         p->scene->time == ANM_TIME_DAY ? 0.55 : 0.06);
    c.dark = anm_rgb_mix (p->pal.sky_mid, p->pal.sky_top, heavy ? 1.0 : 0.45);
    if (heavy) {
        c.dark = anm_rgb_scale (c.dark, 0.7);
        c.lit = anm_rgb_mix (p->pal.sky_mid, p->pal.sky_low, 0.4);
    }
    if (p->scene->time == ANM_TIME_NIGHT)
        c.lit = anm_rgb_mix (p->pal.sky_mid, p->pal.sky_low, 0.55);
    double drift = p->scene->wind ? 0.02 : 0.007, way = drift * p->stage->frames / p->stage->fps;
    anm_rect_t r = anm_band (p, 120, -2, p->horizon + 0.02, 0);
    r.x0 -= way;
    anm_layer_t *l = anm_stage_smooth (p->stage, 120, &r, 0.3, cloud_at, &c);
    if (l != NULL)
        l->motion.vx = drift;
}

/*  A sea of cloud seen from above: billows that end in mist. */
void anm_paint_cloud_sea (anm_paint_t *p)
{
    static const struct {
        double depth, y, amp;
    } banks[] = {{60, 0.1, 0.035}, {24, 0.17, 0.05}, {9, 0.27, 0.07}, {3.5, 0.39, 0.09}};
    for (uint64_t i = 0; i < 4; i++) {
        double k = (double)i / 3;
        anm_rgb_t top =
            anm_rgb_mix (anm_rgb_mix (p->pal.sky_low, p->pal.glow, 0.4), (anm_rgb_t){1, 1, 1},
                         p->scene->time == ANM_TIME_NIGHT ? 0 : 0.3);
        anm_rgb_t low = anm_rgb_mix (p->pal.sky_low, p->pal.sky_mid, 0.55 + 0.35 * k);
        cairo_t *cr = anm_open_band (p, banks[i].depth, banks[i].y - 2.2 * banks[i].amp, 2, 0);
        anm_rect_t r = p->stage->rect;
        double step = banks[i].amp * 0.55;
        cairo_rectangle (cr, r.x0, banks[i].y, r.x1 - r.x0, 3);
        for (double x = floor (r.x0 / step) * step; x < r.x1 + step; x += step) {
            int64_t n = (int64_t)floor (x / step + 0.5);
            double a = anm_random (p->seed + i, (uint64_t)n),
                   hill = 0.5 + 0.5 * anm_fbm (p->seed + 7 * i, x * 1.3, 3);
            double size = banks[i].amp * (0.45 + 0.5 * a);
            anm_ellipse (cr, x, banks[i].y - banks[i].amp * hill * 1.1, size, size * 0.8);
        }
        anm_fill_down (cr, banks[i].y - 1.6 * banks[i].amp, top, 0.96,
                       banks[i].y + 1.6 * banks[i].amp, low, 0.97);
        anm_layer_t *l = anm_close (p);
        if (l != NULL)
            l->motion = (anm_motion_t){.bob_x = 0.01 / sqrt (banks[i].depth), .bob_hz = 0.05};
        anm_paint_fog (p, banks[i].depth * 0.9, banks[i].y + 1.8 * banks[i].amp, 0.06, 0.5);
    }
}

typedef struct {
    anm_rgb_t color;
    double y, height, strength;
    uint64_t seed;
} fog_t;

static anm_px_t fog_at (const void *ctx, double x, double y)
{
    const fog_t *f = ctx;
    double d = (y - f->y) / f->height;
    double n = anm_fbm2 (f->seed, x * 1.3, y * 3.5, 4);
    return pixel (f->color, f->strength * exp (-d * d * 3) * anm_smooth (0.1, 0.75, n));
}

void anm_paint_fog (anm_paint_t *p, double depth, double y, double height, double strength)
{
    fog_t f = {p->pal.haze, y, height, strength, anm_mix (p->seed, (uint64_t)(depth * 10))};
    double way = 0.012 * p->stage->frames / p->stage->fps;
    anm_rect_t r = anm_band (p, depth, y - height * 1.3, y + height * 1.3, way);
    anm_layer_t *l = anm_stage_smooth (p->stage, depth, &r, 0.14, fog_at, &f);
    if (l != NULL)
        l->motion.vx = 0.012;
}

/*  One tile of rain or snow, drawn so that it joins itself on all sides. */
static void fall (anm_paint_t *p, double depth, int count, double length, double width,
                  double alpha, double vx, double vy, bool snow)
{
    const double tile_x = 1.0, tile_y = 0.8;
    anm_rect_t r = anm_stage_sees (p->stage, depth);
    r.x1 += 0.01;
    r.x0 -= tile_x;
    r.y0 -= tile_y;
    cairo_t *cr = anm_stage_open (p->stage, depth, &r);
    anm_rgb_t c = anm_rgb_mix (p->pal.haze, (anm_rgb_t){1, 1, 1}, snow ? 0.75 : 0.5);
    uint64_t seed = anm_mix (p->seed, (uint64_t)(depth * 100));
    cairo_set_line_width (cr, width);
    for (double oy = floor (r.y0 / tile_y) * tile_y; oy < r.y1; oy += tile_y) {
        for (double ox = floor (r.x0 / tile_x) * tile_x; ox < r.x1; ox += tile_x) {
            for (int i = 0; i < count; i++) {
                double x = ox + tile_x * anm_random (seed, 3 * (uint64_t)i);
                double y = oy + tile_y * anm_random (seed, 3 * (uint64_t)i + 1);
                double k = 0.4 + 0.6 * anm_random (seed, 3 * (uint64_t)i + 2);
                anm_src (cr, c, alpha * k);
                if (snow) {
                    anm_ellipse (cr, x, y, width * k, width * k);
                    cairo_fill (cr);
                } else {
                    cairo_move_to (cr, x, y);
                    cairo_line_to (cr, x + length * k * vx / vy, y + length * k);
                    cairo_stroke (cr);
                }
            }
        }
    }
    anm_layer_t *l = anm_close (p);
    if (l != NULL)
        l->motion = (anm_motion_t){.vx = vx, .vy = vy, .wrap_x = tile_x, .wrap_y = tile_y};
}

typedef struct {
    double x, y;
    anm_rgb_t c;
} flash_t;

static anm_px_t flash_at (const void *ctx, double x, double y)
{
    const flash_t *f = ctx;
    double d2 = (x - f->x) * (x - f->x) + 2 * (y - f->y) * (y - f->y);
    return pixel (f->c, 0.5 * exp (-2.5 * d2));
}

static void paint_lightning (anm_paint_t *p)
{
    flash_t f = {-p->subject_x, -0.4, anm_rgb (0xcfdcff)};
    anm_layer_t *l = anm_stage_smooth (p->stage, 60, NULL, 0.06, flash_at, &f);
    if (l != NULL) {
        l->blend = ANM_SCREEN;
        l->motion = (anm_motion_t){.pulse = 1, .pulse_hz = 1.3};
    }
    cairo_t *cr = anm_open_band (p, 60, -1, p->horizon, 0);
    double x = f.x, y = -0.6;
    cairo_move_to (cr, x, y);
    for (uint64_t i = 0; y < p->horizon - 0.02; i++) {
        x += 0.12 * (anm_random (p->seed + 5, i) - 0.5);
        y += 0.05 + 0.05 * anm_random (p->seed + 6, i);
        cairo_line_to (cr, x, y);
    }
    anm_src (cr, anm_rgb (0xeef2ff), 0.9);
    cairo_set_line_width (cr, 0.004);
    cairo_stroke (cr);
    l = anm_close (p);
    if (l != NULL)
        l->motion = (anm_motion_t){.pulse = 1, .pulse_hz = 1.3};
}

void anm_paint_weather (anm_paint_t *p)
{
    anm_weather_t w = p->scene->weather;
    if (p->scene->interior || p->scene->plain)
        return;
    if (p->scene->lightning)
        paint_lightning (p);
    if (w == ANM_WEATHER_RAIN || w == ANM_WEATHER_STORM) {
        double slant = w == ANM_WEATHER_STORM ? 0.75 : 0.3;
        fall (p, 3, 130, 0.07, 0.0011, 0.26, slant, 2.1, false);
        fall (p, 0.7, 60, 0.15, 0.0018, 0.22, slant * 1.5, 3.3, false);
    } else if (w == ANM_WEATHER_SNOW) {
        fall (p, 4, 130, 0, 0.0026, 0.6, 0.03, 0.09, true);
        fall (p, 1.2, 50, 0, 0.0052, 0.65, 0.06, 0.16, true);
        fall (p, 0.6, 12, 0, 0.012, 0.4, 0.1, 0.26, true);
    }
}
