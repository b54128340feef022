#include "node/backends/animatic/palette.h"

#include <math.h>

typedef struct {
    unsigned top, mid, low, glow, light, shade;
    double strength;
} hour_t;

/*  light and shade multiply a thing's own colour: 0x808080 leaves it half as bright. */
static const hour_t hours[ANM_TIME_COUNT] = {
    [ANM_TIME_DAY] = {0x3f7fb4, 0x8fc0da, 0xe6ede4, 0xfff4d6, 0xfff6e4, 0x8f9bb0, 0.55},
    [ANM_TIME_DAWN] = {0x4a5d8c, 0xc98ba0, 0xffd3a3, 0xffe2b8, 0xf3c9ac, 0x645a80, 0.85},
    [ANM_TIME_GOLDEN] = {0x5f8aa6, 0xdcb67c, 0xffe0a0, 0xffdf9a, 0xffe2b0, 0x94786c, 0.9},
    [ANM_TIME_DUSK] = {0x1c2a4e, 0x74486f, 0xf2935a, 0xffb36b, 0xd09a84, 0x40385c, 0.9},
    [ANM_TIME_NIGHT] = {0x060b1b, 0x11213f, 0x2c4a6b, 0xcfe0ff, 0x7d96c0, 0x222c4c, 0.45},
};

anm_rgb_t anm_rgb_mix (anm_rgb_t a, anm_rgb_t b, double k)
{
    float f = (float)(k < 0 ? 0 : k > 1 ? 1 : k);
    return (anm_rgb_t){a.r + (b.r - a.r) * f, a.g + (b.g - a.g) * f, a.b + (b.b - a.b) * f};
}

anm_rgb_t anm_rgb_times (anm_rgb_t a, anm_rgb_t b)
{
    return (anm_rgb_t){a.r * b.r, a.g * b.g, a.b * b.b};
}

static float unit (double v)
{
    return (float)(v < 0 ? 0 : v > 1 ? 1 : v);
}

anm_rgb_t anm_rgb_scale (anm_rgb_t a, double k)
{
    return (anm_rgb_t){unit (a.r * k), unit (a.g * k), unit (a.b * k)};
}

double anm_rgb_luma (anm_rgb_t c)
{
    return 0.2126 * c.r + 0.7152 * c.g + 0.0722 * c.b;
}

/*  The tint at the brightness of a colour, so that a tone shifts hue and not exposure. */
static anm_rgb_t tint_at (anm_rgb_t tint, double luma)
{
    double own = anm_rgb_luma (tint);
    if (own < 0.02)
        return tint;
    if (luma <= own)
        return anm_rgb_scale (tint, luma / own);
    return anm_rgb_mix (tint, (anm_rgb_t){1, 1, 1}, (luma - own) / (1 - own + 1e-6));
}

anm_rgb_t anm_grade (const anm_palette_t *pal, anm_rgb_t c)
{
    const anm_scene_t *s = pal->scene;
    double luma = anm_rgb_luma (c), grey = luma;
    anm_rgb_t g = {(float)grey, (float)grey, (float)grey};
    double k = s->saturation;
    c = (anm_rgb_t){unit (g.r + (c.r - g.r) * k), unit (g.g + (c.g - g.g) * k),
                    unit (g.b + (c.b - g.b) * k)};
    if (s->tints > 0) {
        anm_rgb_t low = s->tint[0], high = s->tint[s->tints - 1];
        if (anm_rgb_luma (low) > anm_rgb_luma (high)) {
            low = high;
            high = s->tint[0];
        }
        double t = luma < 0.2 ? 0 : luma > 0.75 ? 1 : (luma - 0.2) / 0.55;
        c = anm_rgb_mix (c, tint_at (anm_rgb_mix (low, high, t), luma), pal->tint_strength);
    }
    double con = s->contrast;
    return (anm_rgb_t){unit (0.42 + (c.r - 0.42) * con), unit (0.42 + (c.g - 0.42) * con),
                       unit (0.42 + (c.b - 0.42) * con)};
}

/*  Weather takes colour and light out of an hour. */
static void weathered (anm_palette_t *pal, anm_weather_t weather, anm_time_t time)
{
    static const struct {
        unsigned veil;
        double sky, light, glow;
    } kinds[ANM_WEATHER_COUNT] = {
        [ANM_WEATHER_CLEAR] = {0, 0, 0, 1},
        [ANM_WEATHER_CLOUDY] = {0x9aa6ae, 0.55, 0.4, 0.5},
        [ANM_WEATHER_FOG] = {0xb9c2c4, 0.6, 0.35, 0.6},
        [ANM_WEATHER_RAIN] = {0x77858f, 0.62, 0.5, 0.3},
        [ANM_WEATHER_STORM] = {0x3d4a57, 0.72, 0.6, 0.25},
        [ANM_WEATHER_SNOW] = {0xbccbd6, 0.6, 0.3, 0.5},
    };
    static const double bright[ANM_TIME_COUNT] = {1, 0.85, 0.95, 0.52, 0.24};
    anm_rgb_t veil = anm_rgb_scale (anm_rgb (kinds[weather].veil), bright[time]);
    anm_rgb_t dull = anm_rgb_mix (anm_rgb_scale (veil, bright[time] < 0.5 ? 1.9 : 1.1),
                                  (anm_rgb_t){0.5f, 0.5f, 0.5f}, 0.2);
    double k = kinds[weather].sky;
    pal->sky_top = anm_rgb_mix (pal->sky_top, anm_rgb_scale (veil, 0.72), k);
    pal->sky_mid = anm_rgb_mix (pal->sky_mid, anm_rgb_scale (veil, 0.92), k);
    pal->sky_low = anm_rgb_mix (pal->sky_low, anm_rgb_scale (veil, 1.1), k * 0.9);
    pal->light = anm_rgb_mix (pal->light, dull, kinds[weather].light);
    pal->shade = anm_rgb_mix (pal->shade, anm_rgb_scale (dull, 0.6), kinds[weather].light * 0.6);
    pal->glow_strength *= kinds[weather].glow;
}

/*  Inside it is the room's light that falls on people, whatever the sky does. */
static void lamplit (anm_palette_t *pal, anm_time_t time)
{
    if (time == ANM_TIME_NIGHT) {
        pal->light = anm_rgb (0xe0aa78);
        pal->shade = anm_rgb (0x4a4055);
    } else if (time == ANM_TIME_DUSK) {
        pal->light = anm_rgb (0xecbc92);
        pal->shade = anm_rgb (0x5e5062);
    } else {
        pal->light = anm_rgb_mix (pal->light, anm_rgb (0xfff2de), 0.6);
        pal->shade = anm_rgb_mix (pal->shade, anm_rgb (0x8a8078), 0.6);
    }
}

void anm_palette_make (anm_palette_t *pal, const anm_scene_t *scene)
{
    const hour_t *h = &hours[scene->time];
    *pal = (anm_palette_t){.sky_top = anm_rgb (h->top),
                           .sky_mid = anm_rgb (h->mid),
                           .sky_low = anm_rgb (h->low),
                           .glow = anm_rgb (h->glow),
                           .light = anm_rgb (h->light),
                           .shade = anm_rgb (h->shade),
                           .glow_strength = h->strength,
                           .tint_strength = scene->saturation <= 0 ? 0 : 0.27,
                           .scene = scene};
    if (scene->has_sky) {
        anm_rgb_t c = scene->sky;
        double luma = anm_rgb_luma (pal->sky_mid);
        pal->sky_mid = anm_rgb_mix (pal->sky_mid, tint_at (c, luma), 0.75);
        pal->sky_low = anm_rgb_mix (pal->sky_low, tint_at (c, anm_rgb_luma (pal->sky_low)), 0.6);
        pal->sky_top = anm_rgb_mix (pal->sky_top, tint_at (c, anm_rgb_luma (pal->sky_top)), 0.5);
        pal->light = anm_rgb_mix (pal->light, tint_at (c, anm_rgb_luma (pal->light)), 0.35);
    }
    if (scene->interior)
        lamplit (pal, scene->time);
    else
        weathered (pal, scene->weather, scene->time);
    pal->sky_top = anm_grade (pal, pal->sky_top);
    pal->sky_mid = anm_grade (pal, pal->sky_mid);
    pal->sky_low = anm_grade (pal, pal->sky_low);
    pal->glow = anm_grade (pal, pal->glow);
    pal->haze = anm_rgb_mix (pal->sky_low, pal->sky_mid, 0.35);
    pal->lamp = anm_grade (pal, anm_rgb (0xffcf7d));
}

anm_rgb_t anm_lit (const anm_palette_t *pal, anm_rgb_t own, double away)
{
    return anm_rgb_mix (anm_grade (pal, anm_rgb_times (own, pal->light)), pal->haze, away);
}

anm_rgb_t anm_shaded (const anm_palette_t *pal, anm_rgb_t own, double away)
{
    return anm_rgb_mix (anm_grade (pal, anm_rgb_times (own, pal->shade)), pal->haze, away);
}
