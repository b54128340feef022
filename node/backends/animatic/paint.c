/*  The order of painting, from the sky to the overlay, and the composition: where the horizon, the
 *  light and the subject are for this size of shot.
 */
#include "node/backends/animatic/paint.h"

#include <math.h>

static const struct {
    double horizon, figure, foot, amount, soft;
} sizes[] = {
    [ANM_SIZE_EXTREME_WIDE] = {0.04, 0.115, 0.235, 1.0, 0},
    [ANM_SIZE_WIDE] = {0.06, 0.31, 0.3, 1.0, 0},
    [ANM_SIZE_FULL] = {0.03, 0.7, 0.375, 0.9, 0},
    [ANM_SIZE_MEDIUM] = {0.02, 1.45, 0.9, 0.75, 0.005},
    [ANM_SIZE_CLOSE] = {0.04, 2.4, 1.1, 0.6, 0.011},
    [ANM_SIZE_EXTREME_CLOSE] = {0.04, 4.0, 1.3, 0.45, 0.018},
};

static void compose (anm_paint_t *p)
{
    const anm_scene_t *s = p->scene;
    static const double sun_y[ANM_TIME_COUNT] = {-0.3, -0.075, -0.12, -0.06, -0.29};
    p->side = anm_mix (p->seed, 2) & 1 ? 1 : -1;
    p->horizon = sizes[s->size].horizon;
    if (s->height > 0)
        p->horizon -= 0.26 * s->height + (s->height > 0.9 ? 0.3 : 0);
    else
        p->horizon -= 0.2 * s->height;
    p->figure_height = sizes[s->size].figure;
    p->foot_y = sizes[s->size].foot;
    p->eye = fmax (p->foot_y - p->horizon, 0.12);
    double third = p->stage->aspect / 6;
    p->subject_x = p->side * (s->size <= ANM_SIZE_FULL     ? third
                              : s->size == ANM_SIZE_MEDIUM ? 0.17
                              : s->size == ANM_SIZE_CLOSE  ? 0.12
                                                           : 0.06);
    if (p->stage->aspect < 1.2)
        p->subject_x *= 0.5;
    p->sun_x = -p->side * (0.26 + 0.16 * anm_random (p->seed, 3));
    p->sun_y = s->time == ANM_TIME_DAY || s->time == ANM_TIME_NIGHT ? sun_y[s->time]
                                                                    : p->horizon + sun_y[s->time];
    if (s->interior)
        p->sun_x = -p->side * 0.38;
    p->stage->soft = s->plain ? 0 : sizes[s->size].soft;
}

static void paint_place (anm_paint_t *p)
{
    switch (p->scene->place) {
    case ANM_PLACE_SEA:
    case ANM_PLACE_COAST:
    case ANM_PLACE_LAKE:
        anm_paint_water (p);
        break;
    case ANM_PLACE_FOREST:
        anm_paint_forest (p);
        break;
    case ANM_PLACE_CITY:
        anm_paint_city (p);
        break;
    case ANM_PLACE_STREET:
        anm_paint_street (p);
        break;
    case ANM_PLACE_SKY:
        anm_paint_cloud_sea (p);
        break;
    default:
        anm_paint_land (p);
        break;
    }
}

/*  Returns true if the place is one without a sky. */
static bool paint_enclosed (anm_paint_t *p)
{
    switch (p->scene->place) {
    case ANM_PLACE_ROOM:
        anm_paint_room (p);
        return true;
    case ANM_PLACE_HALL:
        anm_paint_hall (p);
        return true;
    case ANM_PLACE_STAIR:
        anm_paint_stair (p);
        return true;
    case ANM_PLACE_SPACE:
        anm_paint_space (p);
        return true;
    case ANM_PLACE_DEEP:
        anm_paint_deep (p);
        return true;
    case ANM_PLACE_STAGE:
        if (p->scene->plain)
            anm_paint_plain (p);
        else
            anm_paint_stage_back (p);
        return true;
    default:
        return false;
    }
}

static void paint_front (anm_paint_t *p)
{
    if (p->scene->size > ANM_SIZE_FULL)
        return;
    p->stage->near_soft = 0.0045;
    if (p->scene->place == ANM_PLACE_FOREST)
        anm_paint_forest_front (p);
    else
        anm_paint_land_front (p);
    if (p->scene->weather == ANM_WEATHER_FOG && !p->scene->interior)
        anm_paint_fog (p, 0.8, 0.3, 0.3, 0.5);
    p->stage->near_soft = 0;
}

/*  Darker corners, and a little more at the foot, where words will be. */
static anm_px_t vignette_at (const void *ctx, double x, double y)
{
    const anm_stage_t *stage = ctx;
    double dx = x / (0.5 * stage->aspect), dy = y / 0.5, d2 = dx * dx * 0.6 + dy * dy * 0.5;
    double a = 0.26 * anm_smooth (0.35, 1.25, d2) + 0.1 * anm_smooth (0.2, 0.5, y);
    return (anm_px_t){0, 0, 0, (float)a};
}

static void paint_vignette (anm_paint_t *p)
{
    double hw = p->stage->aspect / 2;
    anm_rect_t frame = {-hw, -0.5, hw, 0.5};
    anm_layer_t *l = anm_stage_smooth (p->stage, 0, &frame, 0.08, vignette_at, p->stage);
    if (l != NULL)
        l->clamp = true;
}

/*  The camera's own part of the scene: how much it moves, and which way it follows. */
static void set_camera (anm_paint_t *p)
{
    const anm_scene_t *s = p->scene;
    anm_camera_t *c = &p->stage->camera;
    anm_goes_t goes = s->figures > 0  ? s->figure[0].goes
                      : s->things > 0 ? s->thing[0].goes
                                      : ANM_GOES_NOWHERE;
    c->amount = sizes[s->size].amount;
    c->direction = goes == ANM_GOES_LEFT ? -1 : goes == ANM_GOES_RIGHT ? 1 : -p->side;
    c->roll = s->roll;
    c->seed = p->seed;
}

void anm_paint_scene (anm_stage_t *stage, const anm_scene_t *scene)
{
    anm_paint_t p = {.stage = stage, .scene = scene, .seed = scene->seed};
    stage->seed = scene->seed;
    stage->grain = scene->plain ? 0 : 1.0;
    compose (&p);
    set_camera (&p);
    anm_palette_make (&p.pal, scene);
    if (!paint_enclosed (&p)) {
        anm_paint_sky (&p);
        anm_paint_clouds (&p);
        if (scene->weather == ANM_WEATHER_FOG)
            anm_paint_fog (&p, 40, p.horizon - 0.02, 0.2, 0.9);
        paint_place (&p);
        if (scene->weather == ANM_WEATHER_FOG)
            anm_paint_fog (&p, 2.0, p.horizon + 0.12, 0.2, 0.75);
    }
    anm_paint_things (&p, true);
    bool by_water = scene->place == ANM_PLACE_SEA || scene->place == ANM_PLACE_COAST ||
                    scene->place == ANM_PLACE_LAKE;
    if (by_water && scene->figures > 0 && scene->size <= ANM_SIZE_FULL)
        anm_paint_shore (&p);
    anm_paint_things (&p, false);
    anm_paint_figures (&p);
    paint_front (&p);
    anm_paint_weather (&p);
    if (!scene->plain)
        paint_vignette (&p);
    anm_stage_flatten (stage);
}
