#include "node/backends/animatic/stage.h"

#include <math.h>
#include <string.h>

#include "lib/core/error.h"

#define DENSITY_MAX 1.4 /* of the frame's: what a close dolly may ask for */
#define PATH_STEPS 48   /* poses looked at to learn what the camera sees */

static const double tau = 6.283185307179586;

/*  Even speed in the middle, a quarter of the way to reach it and to stop. */
double anm_ease (double u)
{
    const double ramp = 0.28, speed = 1.0 / (1.0 - ramp);
    u = u < 0 ? 0 : u > 1 ? 1 : u;
    if (u < ramp)
        return speed * u * u / (2 * ramp);
    if (u > 1 - ramp)
        return 1 - speed * (1 - u) * (1 - u) / (2 * ramp);
    return speed * (u - ramp / 2);
}

/*  A hand's unrest: slow sway and small tremor, each a few sines that never meet. */
static double unrest (uint64_t seed, uint64_t axis, double seconds)
{
    static const double hz[] = {0.23, 0.61, 1.13, 2.3}, weight[] = {1.0, 0.62, 0.3, 0.09};
    double sum = 0;
    for (uint64_t i = 0; i < 4; i++)
        sum += weight[i] * sin (tau * (hz[i] * (1 + 0.13 * (double)axis) * seconds +
                                       anm_random (seed, 8 * axis + i)));
    return sum;
}

anm_pose_t anm_camera_pose (const anm_stage_t *stage, double frame)
{
    const anm_camera_t *c = &stage->camera;
    anm_pose_t p = {.zoom = 1};
    double u = stage->frames > 1 ? frame / (double)(stage->frames - 1) : 0, e = anm_ease (u);
    double seconds = frame / stage->fps, k = c->amount;
    switch (c->move) {
    case ANM_MOVE_STATIC:
        break;
    case ANM_MOVE_PAN_LEFT:
        p.pan_x = k * (0.22 - 0.34 * e);
        break;
    case ANM_MOVE_PAN_RIGHT:
        p.pan_x = k * (-0.22 + 0.34 * e);
        break;
    case ANM_MOVE_TILT_UP:
        p.pan_y = k * (0.17 - 0.25 * e);
        break;
    case ANM_MOVE_TILT_DOWN:
        p.pan_y = k * (-0.17 + 0.25 * e);
        break;
    case ANM_MOVE_DOLLY_IN:
        p.z = k * 0.24 * e;
        break;
    case ANM_MOVE_DOLLY_OUT:
        p.z = k * 0.24 * (1 - e);
        break;
    case ANM_MOVE_TRACKING:
        p.x = k * c->direction * 0.62 * (e - 0.5);
        break;
    case ANM_MOVE_ZOOM_IN:
        p.zoom = 1 + k * 0.34 * e;
        break;
    case ANM_MOVE_ZOOM_OUT:
        p.zoom = 1 + k * 0.34 * (1 - e);
        break;
    case ANM_MOVE_HANDHELD:
        p.pan_x = k * 0.0085 * unrest (c->seed, 0, seconds);
        p.pan_y = k * 0.0075 * unrest (c->seed, 1, seconds);
        p.x = k * 0.012 * unrest (c->seed, 2, seconds);
        p.zoom = 1.02 + 0.004 * k * unrest (c->seed, 3, seconds);
        break;
    }
    return p;
}

anm_pose_t anm_camera_relative (anm_pose_t pose, anm_pose_t rest)
{
    return (anm_pose_t){.x = pose.x - rest.x,
                        .y = pose.y - rest.y,
                        .z = pose.z - rest.z,
                        .pan_x = pose.pan_x - rest.pan_x,
                        .pan_y = pose.pan_y - rest.pan_y,
                        .zoom = pose.zoom / rest.zoom};
}

void anm_stage_init (anm_stage_t *stage, int width, int height, double fps, uint32_t frames)
{
    memset (stage, 0, sizeof *stage);
    stage->width = width;
    stage->height = height;
    stage->aspect = (double)width / height;
    stage->fps = fps;
    stage->frames = frames;
    stage->camera.amount = stage->camera.direction = 1;
}

void anm_stage_clear (anm_stage_t *stage)
{
    if (stage->cr != NULL)
        cairo_destroy (stage->cr);
    for (int i = 0; i < stage->count; i++)
        anm_layer_destroy (&stage->layers[i]);
    stage->cr = NULL;
    stage->count = 0;
}

/*  Magnification of a plane at `depth`. Depth 0 is fixed to the frame. */
static double pose_scale (anm_pose_t pose, double depth)
{
    return depth <= 0 ? 1 : pose.zoom * depth / (depth - pose.z);
}

static double pose_x (anm_pose_t pose, double depth)
{
    return depth <= 0 ? 0 : pose.pan_x * (depth - pose.z) / depth + pose.x / depth;
}

static double pose_y (anm_pose_t pose, double depth)
{
    return depth <= 0 ? 0 : pose.pan_y * (depth - pose.z) / depth + pose.y / depth;
}

anm_rect_t anm_stage_sees (const anm_stage_t *stage, double depth)
{
    return anm_stage_sees_from (stage, depth, (anm_pose_t){.zoom = 1});
}

anm_rect_t anm_stage_sees_from (const anm_stage_t *stage, double depth, anm_pose_t rest)
{
    anm_rect_t r = {1e9, 1e9, -1e9, -1e9};
    for (int i = 0; i <= PATH_STEPS; i++) {
        double at = (double)(stage->frames - 1) * i / PATH_STEPS;
        anm_pose_t p = anm_camera_relative (anm_camera_pose (stage, at), rest);
        double s = pose_scale (p, depth), x = pose_x (p, depth), y = pose_y (p, depth);
        r.x0 = fmin (r.x0, x - stage->aspect / 2 / s);
        r.x1 = fmax (r.x1, x + stage->aspect / 2 / s);
        r.y0 = fmin (r.y0, y - 0.5 / s);
        r.y1 = fmax (r.y1, y + 0.5 / s);
    }
    if (stage->camera.move == ANM_MOVE_HANDHELD) /* the steps may miss a peak */
        r = (anm_rect_t){r.x0 - 0.01, r.y0 - 0.01, r.x1 + 0.01, r.y1 + 0.01};
    return r;
}

static double densest (const anm_stage_t *stage, double depth)
{
    double most = 1;
    for (int i = 0; i <= 4; i++) {
        anm_pose_t p = anm_camera_pose (stage, (double)(stage->frames - 1) * i / 4);
        most = fmax (most, pose_scale (p, depth));
    }
    return fmin (most, DENSITY_MAX);
}

/*  `r` grown so that a picture turned by the camera's roll still covers it. */
static anm_rect_t rolled (anm_rect_t r, double roll)
{
    double k = fabs (sin (roll)), w = r.x1 - r.x0, h = r.y1 - r.y0;
    return (anm_rect_t){r.x0 - k * h, r.y0 - k * w, r.x1 + k * h, r.y1 + k * w};
}

static void keep_layer (anm_stage_t *stage, anm_layer_t *layer)
{
    if (layer == NULL) {
        if (stage->error == AUT_OK)
            stage->error = AUT_ERR_NOMEM;
    } else {
        stage->layers[stage->count++] = layer;
    }
}

static bool out_of_focus (const anm_stage_t *stage, double depth)
{
    return stage->soft > 0 && depth > 1.25;
}

cairo_t *anm_stage_open (anm_stage_t *stage, double depth, const anm_rect_t *rect)
{
    anm_rect_t sees = rect != NULL ? *rect : anm_stage_sees (stage, depth);
    anm_layer_t *layer = NULL;
    double density = stage->height * densest (stage, depth);
    if (out_of_focus (stage, depth)) /* what is blurred needs no detail */
        density *= 0.35;
    stage->rect = depth > 0 ? rolled (sees, stage->camera.roll) : sees;
    if (stage->count >= ANM_LAYERS_MAX)
        stage->error = aut_fail (AUT_ERR_INTERNAL, "too many layers");
    else
        layer = anm_layer_new (sees, density, depth);
    if (layer == NULL && stage->error == AUT_OK)
        stage->error = AUT_ERR_NOMEM;
    if (layer == NULL) { /* nothing shows, but the painter needs a context */
        cairo_surface_t *none = cairo_image_surface_create (CAIRO_FORMAT_ARGB32, 1, 1);
        stage->cr = cairo_create (none);
        cairo_surface_destroy (none);
        return stage->cr;
    }
    stage->layers[stage->count++] = layer;
    stage->cr = anm_layer_cairo (layer);
    if (depth > 0)
        cairo_rotate (stage->cr, stage->camera.roll);
    return stage->cr;
}

anm_layer_t *anm_stage_close (anm_stage_t *stage)
{
    if (stage->cr != NULL)
        cairo_destroy (stage->cr);
    stage->cr = NULL;
    if (stage->error != AUT_OK || stage->count == 0)
        return NULL;
    anm_layer_t *layer = stage->layers[stage->count - 1];
    if (out_of_focus (stage, layer->depth))
        anm_layer_blur (layer, (int)(stage->soft * layer->density + 0.5));
    else if (layer->depth > 0 && layer->depth < 0.9 && stage->near_soft > 0)
        anm_layer_blur (layer, (int)(stage->near_soft * layer->density + 0.5));
    anm_layer_finish (layer, layer->depth > 0 ? stage->grain : 0,
                      anm_mix (stage->seed, (uint64_t)stage->count));
    return layer;
}

anm_layer_t *anm_stage_smooth (anm_stage_t *stage, double depth, const anm_rect_t *rect,
                               double detail, anm_paint_fn paint, const void *ctx)
{
    anm_rect_t sees = rect != NULL ? *rect : anm_stage_sees (stage, depth);
    if (stage->error != AUT_OK)
        return NULL;
    if (stage->count >= ANM_LAYERS_MAX) {
        stage->error = aut_fail (AUT_ERR_INTERNAL, "too many layers");
        return NULL;
    }
    anm_layer_t *layer = anm_layer_new_smooth (sees, detail * stage->height, depth);
    keep_layer (stage, layer);
    if (layer != NULL)
        anm_layer_fill (layer, paint, ctx);
    return layer;
}

/*  How far a layer has moved by itself, and its opacity. */
static void own_motion (const anm_stage_t *stage, const anm_layer_t *layer, double frame,
                        double *dx, double *dy, double *opacity)
{
    const anm_motion_t *m = &layer->motion;
    double seconds = frame / stage->fps;
    double e = anm_ease (stage->frames > 1 ? frame / (double)(stage->frames - 1) : 0);
    double wave = sin (tau * (m->bob_hz * seconds + m->bob_phase));
    *dx = m->vx * seconds + m->travel_x * e + m->bob_x * wave;
    *dy = m->vy * seconds + m->travel_y * e +
          m->bob_y * (m->bob_x != 0 ? sin (2 * tau * (m->bob_hz * seconds + m->bob_phase)) : wave);
    if (m->wrap_x > 0)
        *dx -= m->wrap_x * floor (*dx / m->wrap_x);
    if (m->wrap_y > 0)
        *dy -= m->wrap_y * floor (*dy / m->wrap_y);
    *opacity = layer->opacity *
               (1 - m->pulse * (0.5 + 0.5 * sin (tau * (m->pulse_hz * seconds + m->bob_phase))));
}

anm_view_t anm_stage_view_from (const anm_stage_t *stage, const anm_layer_t *layer, anm_pose_t pose,
                                double frame)
{
    const anm_motion_t *m = &layer->motion;
    double dx, dy, opacity, sx = 1, sy = 1;
    own_motion (stage, layer, frame, &dx, &dy, &opacity);
    double s = pose_scale (pose, layer->depth);
    /* frame pixel → world at the layer's depth: w = step · pixel + start */
    double step = 1.0 / (stage->height * s);
    double start_x = pose_x (pose, layer->depth) - (stage->width * 0.5 - 0.5) * step - dx;
    double start_y = pose_y (pose, layer->depth) - (stage->height * 0.5 - 0.5) * step - dy;
    if (m->grow != 0)
        sx = sy =
            1 + m->grow * anm_ease (frame / (double)(stage->frames > 1 ? stage->frames - 1 : 1));
    if (m->sweep_hz != 0) {
        double turn = cos (tau * (m->sweep_hz * frame / stage->fps + m->bob_phase));
        opacity *= 0.35 + 0.65 * fabs (turn);
        sx *= fabs (turn) < 0.2 ? (turn < 0 ? -0.2 : 0.2) : turn;
        opacity *= fabs (turn) < 0.2 ? fabs (turn) / 0.2 : 1;
    }
    anm_view_t v = {.opacity = opacity};
    v.ax = step / sx * layer->density;
    v.ay = step / sy * layer->density;
    v.bx = (m->pivot_x + (start_x - m->pivot_x) / sx - layer->world.x0) * layer->density - 0.5;
    v.by = (m->pivot_y + (start_y - m->pivot_y) / sy - layer->world.y0) * layer->density - 0.5;
    return v;
}

anm_view_t anm_stage_view (const anm_stage_t *stage, const anm_layer_t *layer, double frame)
{
    return anm_stage_view_from (stage, layer, anm_camera_pose (stage, frame), frame);
}

/*  Whether the camera keeps all planes alike: it neither travels nor comes nearer. */
static bool is_flat (const anm_stage_t *stage)
{
    anm_move_t m = stage->camera.move;
    return m != ANM_MOVE_DOLLY_IN && m != ANM_MOVE_DOLLY_OUT && m != ANM_MOVE_TRACKING &&
           m != ANM_MOVE_HANDHELD;
}

static bool rests (const anm_layer_t *l)
{
    const anm_motion_t *m = &l->motion;
    return l->surface != NULL && l->blend == ANM_OVER && l->opacity >= 1 && !l->clamp &&
           l->depth > 0 && m->vx == 0 && m->vy == 0 && m->travel_x == 0 && m->travel_y == 0 &&
           m->bob_hz == 0 && m->pulse == 0 && m->sweep_hz == 0 && m->grow == 0;
}

void anm_stage_flatten (anm_stage_t *stage)
{
    int kept = 0;
    if (!is_flat (stage) || stage->error != AUT_OK)
        return;
    for (int i = 0; i < stage->count; i++) {
        anm_layer_t *l = stage->layers[i], *under = kept > 0 ? stage->layers[kept - 1] : NULL;
        bool joins = under != NULL && rests (l) && rests (under) &&
                     fabs (l->density - under->density) < 1e-9;
        if (!joins) {
            stage->layers[kept++] = l;
            continue;
        }
        bool fits = l->world.x0 >= under->world.x0 - 1e-9 &&
                    l->world.y0 >= under->world.y0 - 1e-9 &&
                    l->world.x1 <= under->world.x1 + 1e-9 && l->world.y1 <= under->world.y1 + 1e-9;
        if (!fits) { /* a larger ground for both */
            anm_rect_t both = {
                fmin (l->world.x0, under->world.x0), fmin (l->world.y0, under->world.y0),
                fmax (l->world.x1, under->world.x1), fmax (l->world.y1, under->world.y1)};
            anm_layer_t *ground = anm_layer_new (both, l->density, l->depth);
            if (ground == NULL) {
                stage->layers[kept++] = l;
                continue;
            }
            anm_layer_lay_over (ground, under);
            anm_layer_destroy (&under);
            stage->layers[kept - 1] = under = ground;
        }
        anm_layer_lay_over (under, l);
        anm_layer_finish (under, 0, 0);
        anm_layer_destroy (&l);
    }
    stage->count = kept;
}
