/*  Where figures and things stand, how large the shot's size makes them, and how they move. */
#include "node/backends/animatic/paint.h"

#include <math.h>

/*  Which way along x something goes; 0 if it does not. */
static double heading (const anm_paint_t *p, anm_goes_t goes)
{
    switch (goes) {
    case ANM_GOES_LEFT:
        return -1;
    case ANM_GOES_RIGHT:
        return 1;
    case ANM_GOES_ACROSS:
        return p->stage->camera.move == ANM_MOVE_TRACKING ? p->stage->camera.direction : -p->side;
    default:
        return 0;
    }
}

static bool tracked (const anm_paint_t *p)
{
    return p->stage->camera.move == ANM_MOVE_TRACKING;
}

/*  The way of a subject at depth 1 over the shot. A tracking camera goes with it. */
static anm_motion_t way_of (const anm_paint_t *p, anm_goes_t goes, double reach, double x, double y)
{
    anm_motion_t m = {.pivot_x = x, .pivot_y = y};
    double dir = heading (p, goes);
    if (tracked (p))
        m.travel_x = p->stage->camera.amount * p->stage->camera.direction * 0.62;
    else
        m.travel_x = dir * reach;
    if (goes == ANM_GOES_UP)
        m.travel_y = -0.4 * reach;
    else if (goes == ANM_GOES_DOWN)
        m.travel_y = 0.4 * reach;
    else if (goes == ANM_GOES_NEARER)
        m.grow = 0.3;
    else if (goes == ANM_GOES_AWAY)
        m.grow = -0.3;
    return m;
}

/*  Half of the way lies before the resting place, so that the composition holds in the middle. */
static double start_shift (const anm_motion_t *m)
{
    return -0.5 * m->travel_x;
}

static void paint_lantern_light (anm_paint_t *p, double x, double y, double radius,
                                 const anm_motion_t *m)
{
    int before = p->stage->count;
    anm_glow (p, 0.99, x, y, radius, p->pal.lamp, 0.75, 0.1);
    if (p->stage->count > before) {
        anm_layer_t *l = p->stage->layers[before];
        double pulse = l->motion.pulse, hz = l->motion.pulse_hz;
        l->motion = *m;
        l->motion.pulse = pulse;
        l->motion.pulse_hz = hz;
    }
}

/*  --- whole figures --- */

static void paint_standing (anm_paint_t *p, const anm_figure_t *f, double x, double face)
{
    double h = p->figure_height, y = p->foot_y;
    bool afloat = p->scene->place == ANM_PLACE_SPACE || p->scene->place == ANM_PLACE_DEEP;
    if (afloat)
        y = -0.04 + 0.5 * h;
    double reach = p->scene->size == ANM_SIZE_EXTREME_WIDE ? 0.22
                   : p->scene->size == ANM_SIZE_WIDE       ? 0.42
                                                           : 0.34;
    bool walks = heading (p, f->goes) != 0 || f->goes >= ANM_GOES_UP || tracked (p);
    anm_motion_t m = way_of (p, f->goes, reach, x, y);
    if (m.travel_x != 0)
        face = m.travel_x > 0 ? 1 : -1;
    x += start_shift (&m);
    if (afloat) {
        m.bob_y = 0.02;
        m.bob_hz = 0.16;
    } else if (walks) {
        m.bob_y = 0.007 * h;
        m.bob_hz = 1.9;
    }
    anm_rect_t box = {x - 0.5 * h, y - 1.3 * h, x + 0.5 * h, y + 0.06 * h};
    cairo_t *cr = anm_stage_open (p->stage, 1, &box);
    anm_draw_figure (p, cr, f, x, y, h, face, walks || afloat);
    anm_layer_t *l = anm_close (p);
    if (l != NULL)
        l->motion = m;
    if (f->wears & ANM_HOLDS_LANTERN)
        paint_lantern_light (p, x + face * 0.2 * h, y - 0.53 * h, fmax (0.45 * h, 0.12), &m);
}

/*  --- head and shoulders --- */

static double head_height (anm_size_t size)
{
    return size == ANM_SIZE_MEDIUM ? 0.3 : size == ANM_SIZE_CLOSE ? 0.54 : 1.2;
}

static void paint_close (anm_paint_t *p, const anm_figure_t *f, double x, double face, double scale)
{
    double head = head_height (p->scene->size) * scale;
    if (f->build == ANM_BUILD_CHILD)
        head *= 0.85;
    double chin = p->scene->size == ANM_SIZE_MEDIUM  ? 0.02
                  : p->scene->size == ANM_SIZE_CLOSE ? 0.17
                                                     : 0.52;
    anm_motion_t m = way_of (p, f->goes, 0.16, x, chin);
    if (f->goes == ANM_GOES_NEARER || f->goes == ANM_GOES_AWAY)
        m.grow *= 0.5;
    if (m.travel_x != 0)
        face = m.travel_x > 0 ? 1 : -1;
    x += start_shift (&m);
    m.bob_y = m.travel_x != 0 ? 0.006 : 0.0022; /* steps, or breath */
    m.bob_hz = m.travel_x != 0 ? 1.8 : 0.27;
    anm_rect_t box = anm_band (p, 1, chin - 1.5 * head, 1.5, 0);
    box.x0 = x - 1.5 * head;
    box.x1 = x + 1.5 * head;
    box.y1 += 0.12;
    cairo_t *cr = anm_stage_open (p->stage, 1, &box);
    anm_draw_bust (p, cr, f, x, chin, head, face);
    if ((f->wears & ANM_HOLDS_LANTERN) && p->scene->size == ANM_SIZE_MEDIUM) {
        anm_thing_t lamp = {.kind = ANM_THING_LANTERN};
        anm_ellipse (cr, x + face * 0.9 * head, chin + 0.52 * head, 0.14 * head, 0.12 * head);
        anm_fill_round (p, cr, f->skin, 0);
        anm_draw_thing (p, cr, &lamp, x + face * 0.92 * head, chin + 1.5 * head, 1.0 * head, 1);
    }
    anm_layer_t *l = anm_close (p);
    if (l != NULL)
        l->motion = m;
    if (f->wears & ANM_HOLDS_LANTERN)
        paint_lantern_light (p, x + face * 0.95 * head, chin + 1.05 * head, 1.9 * head, &m);
}

void anm_paint_figures (anm_paint_t *p)
{
    const anm_scene_t *s = p->scene;
    bool close = s->size >= ANM_SIZE_MEDIUM;
    double gap = close ? 0.62 : fmax (0.42 * p->figure_height, 0.09);
    if (p->scene->size == ANM_SIZE_FULL)
        gap = 0.5;
    for (int i = s->figures - 1; i >= 0; i--) {
        const anm_figure_t *f = &s->figure[i];
        double x = p->subject_x, face = -p->side;
        if (s->figures == 2) { /* two who face each other */
            x = (i == 0 ? p->side : -p->side) * (close ? 0.36 : gap * 0.75);
            face = i == 0 ? -p->side : p->side;
        } else if (s->figures > 2) {
            x = p->side * gap * (0.5 * (s->figures - 1) - i);
            face = i % 2 ? 1 : -1;
        }
        if (close)
            paint_close (p, f, x, face, s->figures > 2 ? 0.72 : s->figures == 2 ? 0.9 : 1);
        else
            paint_standing (p, f, x, face);
    }
}

/*  --- things --- */

typedef struct {
    double x, y, size, depth, face;
    anm_motion_t motion;
} place_t;

static bool flies (anm_thing_kind_t k)
{
    return k == ANM_THING_BIRD || k == ANM_THING_PLANE || k == ANM_THING_BALLOON ||
           k == ANM_THING_PLANET || k == ANM_THING_ROCKET;
}

static bool floats (anm_thing_kind_t k)
{
    return k == ANM_THING_BOAT || k == ANM_THING_SHIP || k == ANM_THING_WHALE;
}

static bool is_large (anm_thing_kind_t k)
{
    return anm_thing_height (k) >= 1.6 || flies (k);
}

/*  Things that shine at night, and where: a share of their height. */
static double shines_at (anm_thing_kind_t k)
{
    switch (k) {
    case ANM_THING_LIGHTHOUSE:
        return 0.84;
    case ANM_THING_LANTERN:
        return 0.44;
    case ANM_THING_FIRE:
        return 0.4;
    case ANM_THING_CANDLE:
        return 0.84;
    case ANM_THING_LENS:
        return 0.56;
    default:
        return 0;
    }
}

static place_t place_hero (const anm_paint_t *p, const anm_thing_t *t, int index)
{
    static const double large[] = {0.4, 0.58, 0.72, 1.0, 1.35, 1.9},
                        small[] = {0.12, 0.21, 0.44, 0.5, 0.72, 1.05};
    anm_size_t size = p->scene->size;
    place_t at = {.x = p->subject_x, .y = p->foot_y, .depth = 1, .face = -p->side};
    at.size = is_large (t->kind) ? large[size] : small[size];
    double wide = anm_thing_width (t->kind) * at.size,
           room = size >= ANM_SIZE_CLOSE ? 1.5 : 0.62 * p->stage->aspect;
    if (wide > room)
        at.size *= room / wide;
    if (size >= ANM_SIZE_MEDIUM) { /* the eye goes to its upper part */
        at.x *= 0.5;
        at.y = is_large (t->kind) ? -0.32 + at.size : 0.46 * at.size;
    } else if (!is_large (t->kind)) {
        at.y = fmax (p->foot_y, 0.1 + 0.5 * at.size);
        at.y = fmin (at.y, 0.36);
    }
    if (wide > 0.45)
        at.x *= 0.35;
    if (index > 0) { /* a second thing stands across and behind */
        at.x = -p->side * p->stage->aspect * (index == 1 ? 0.24 : 0.05);
        at.size *= fmin (0.85, fmax (0.3, anm_thing_height (t->kind) /
                                              anm_thing_height (p->scene->thing[0].kind)));
        at.depth = 1.2;
        at.y = size >= ANM_SIZE_MEDIUM ? at.y * 0.8 : anm_ground (p, 1.3);
    }
    return at;
}

static place_t place_beside (const anm_paint_t *p, const anm_thing_t *t, int index)
{
    bool large = is_large (t->kind), close = p->scene->size >= ANM_SIZE_MEDIUM;
    place_t at = {.depth = large ? 3 : 1.02, .face = -p->side};
    at.x = -p->side * p->stage->aspect * (large ? 0.2 : 0.1) - 0.2 * index * p->side;
    at.y = large ? anm_ground (p, 2.2) : p->foot_y + 0.01;
    at.size = anm_thing_height (t->kind) * p->figure_height * (large ? 0.8 : 1);
    at.size = fmin (fmax (at.size, 0.05), large ? 0.56 : 0.5);
    at.size = fmin (at.size, 1.1 / anm_thing_width (t->kind));
    if (close) {
        at.size = fmin (large ? 0.6 : 0.34, at.size);
        at.y = large ? 0.3 : 0.44;
        at.x = -p->side * p->stage->aspect * 0.27;
    }
    return at;
}

static place_t place_flying (const anm_paint_t *p, const anm_thing_t *t, bool hero)
{
    static const double tall[] = {0.05, 0.08, 0.14, 0.2, 0.3, 0.42};
    place_t at = {.x = hero ? p->subject_x * 0.6 : -p->side * 0.25,
                  .depth = hero ? 1.2 : 4,
                  .face = -p->side};
    at.size = tall[p->scene->size] * (t->kind == ANM_THING_BALLOON || t->kind == ANM_THING_PLANET ||
                                              t->kind == ANM_THING_ROCKET
                                          ? 3.4
                                          : 1);
    if (!hero)
        at.size *= 0.7;
    if (t->many > 1)
        at.size *= 0.6;
    at.y = (hero ? -0.04 : -0.16) + 0.35 * at.size;
    return at;
}

static place_t place_shape (const anm_paint_t *p, int index, int count)
{
    static const double tall[] = {0.16, 0.24, 0.34, 0.42, 0.54, 0.7};
    place_t at = {.size = tall[p->scene->size], .depth = 1, .face = 1};
    if (count > 2)
        at.size *= 0.75;
    at.x = (index - 0.5 * (count - 1)) * p->stage->aspect * 0.72 / count;
    at.y = -0.03 + 0.5 * at.size;
    return at;
}

static void paint_beam (anm_paint_t *p, const place_t *at, double x, double y);

static void add_light (anm_paint_t *p, const anm_thing_t *t, const place_t *at, double x)
{
    double share = shines_at (t->kind), y = at->y - share * at->size;
    bool dark = p->scene->time >= ANM_TIME_DUSK || p->scene->interior;
    if (share <= 0 || (!dark && !(t->kind == ANM_THING_LIGHTHOUSE && p->scene->beam)))
        return;
    double radius = t->kind == ANM_THING_LIGHTHOUSE ? 0.55 * at->size : fmax (1.5 * at->size, 0.2);
    double strength = p->scene->size >= ANM_SIZE_MEDIUM ? 0.42 : 0.75;
    anm_glow (p, at->depth, x, y, radius, p->pal.lamp, strength,
              t->kind == ANM_THING_LIGHTHOUSE ? 0 : 0.12);
    if (t->kind == ANM_THING_LIGHTHOUSE)
        paint_beam (p, at, x, y);
}

static void paint_one (anm_paint_t *p, const anm_thing_t *t, place_t at, uint64_t seed)
{
    double reach = t->kind >= ANM_THING_CIRCLE ? 0.9
                   : flies (t->kind)           ? 0.5
                   : is_large (t->kind)        ? 0.25
                                               : 0.5;
    anm_goes_t goes = t->goes;
    if (goes == ANM_GOES_NOWHERE && (t->kind == ANM_THING_BIRD || t->kind == ANM_THING_PLANE))
        goes = ANM_GOES_ACROSS;
    bool fixed = shines_at (t->kind) > 0 || t->kind == ANM_THING_HOUSE ||
                 t->kind == ANM_THING_TOWER || t->kind == ANM_THING_CASTLE ||
                 t->kind == ANM_THING_TREE || t->kind == ANM_THING_TABLE ||
                 t->kind == ANM_THING_DOOR;
    anm_motion_t m = {0};
    if (!fixed)
        m = way_of (p, goes, reach, at.x, at.y - 0.5 * at.size);
    if (at.depth > 1.5 && tracked (p))
        m.travel_x = 0;
    double x = at.x + start_shift (&m), w = anm_thing_width (t->kind) * at.size * 0.75 + 0.02;
    if (m.travel_x != 0)
        at.face = m.travel_x > 0 ? 1 : -1;
    if (t->kind == ANM_THING_BIRD || t->kind == ANM_THING_BALLOON || floats (t->kind) ||
        p->scene->place == ANM_PLACE_DEEP) {
        m.bob_y = floats (t->kind) ? 0.006 : 0.012;
        m.bob_hz = 0.3 + 0.2 * anm_random (seed, 1);
        m.bob_phase = anm_random (seed, 2);
    }
    anm_rect_t box = {x - w, at.y - 1.42 * at.size, x + w, at.y + 0.25 * at.size};
    cairo_t *cr = anm_stage_open (p->stage, at.depth, &box);
    if (!flies (t->kind) && t->kind < ANM_THING_CIRCLE && !floats (t->kind) &&
        p->scene->place != ANM_PLACE_DEEP && p->scene->place != ANM_PLACE_SPACE) {
        for (int i = 0; i < 5; i++) { /* what it stands on is darker */
            anm_ellipse (cr, x, at.y, w * (0.72 - 0.1 * i), 0.025 * at.size * (1 - 0.12 * i));
            anm_src (cr, anm_rgb (0x080a12), 0.07);
            cairo_fill (cr);
        }
    }
    anm_draw_thing (p, cr, t, x, at.y, at.size, at.face);
    anm_layer_t *l = anm_close (p);
    if (l != NULL)
        l->motion = m;
    add_light (p, t, &at, x);
}

typedef struct {
    double x, y;
    anm_rgb_t c;
} beam_t;

static anm_px_t beam_at (const void *ctx, double x, double y)
{
    const beam_t *b = ctx;
    double dx = fabs (x - b->x), dy = y - b->y, wide = 0.012 + 0.085 * dx;
    double k = 0.6 * exp (-dy * dy / (wide * wide)) * anm_smooth (1.45, 0.1, dx) *
               anm_smooth (0, 0.05, dx);
    return (anm_px_t){(float)(b->c.b * k), (float)(b->c.g * k), (float)(b->c.r * k), 0};
}

/*  The beam of a lighthouse, turning: a flat wedge that narrows as it swings towards us. */
static void paint_beam (anm_paint_t *p, const place_t *at, double x, double y)
{
    beam_t b = {x, y, anm_rgb_mix (p->pal.lamp, (anm_rgb_t){1, 1, 1}, 0.5)};
    anm_rect_t box = {x - 1.5, y - 0.2, x + 1.5, y + 0.2};
    anm_layer_t *l = anm_stage_smooth (p->stage, at->depth, &box, 0.25, beam_at, &b);
    if (l == NULL)
        return;
    l->blend = ANM_SCREEN;
    l->motion = (anm_motion_t){.sweep_hz = 0.11, .pivot_x = x, .pivot_y = y, .bob_phase = 0.06};
}

/*  A table seen closely is its top, along the foot of the frame. */
static void paint_table_top (anm_paint_t *p, const anm_thing_t *t)
{
    anm_rgb_t wood = t->coloured ? t->color : anm_rgb (0x7a5237);
    double y = 0.3;
    cairo_t *cr = anm_open_band (p, 1.1, y - 0.02, 2, 0);
    cairo_rectangle (cr, -9, y, 18, 3);
    anm_fill_down (cr, y, anm_lit (&p->pal, wood, 0), 1, 0.6,
                   anm_shaded (&p->pal, anm_rgb_scale (wood, 0.6), 0), 1);
    cairo_set_line_width (cr, 0.002);
    anm_src (cr, anm_shaded (&p->pal, anm_rgb_scale (wood, 0.5), 0), 0.4);
    for (uint64_t i = 0; i < 14; i++) { /* its grain */
        double gy = y + 0.012 + 0.018 * (double)i, gx = 2.4 * (anm_random (p->seed, i) - 0.5);
        cairo_move_to (cr, gx - 0.5, gy);
        cairo_curve_to (cr, gx - 0.2, gy + 0.004, gx + 0.2, gy - 0.004, gx + 0.5, gy + 0.002);
        cairo_stroke (cr);
    }
    cairo_rectangle (cr, -9, y - 0.004, 18, 0.008);
    anm_src (cr, anm_rgb_mix (anm_lit (&p->pal, wood, 0), p->pal.lamp, 0.3), 1);
    cairo_fill (cr);
    anm_close (p);
}

/*  "The lamp" of a lighthouse, or the lantern in a hand, is there already. */
static bool lamp_is_shown (const anm_scene_t *s)
{
    if (s->figures > 0 && (s->figure[0].wears & ANM_HOLDS_LANTERN))
        return true;
    if (s->place == ANM_PLACE_STREET)
        return true;
    for (int i = 0; i < s->things; i++)
        if (s->thing[i].kind == ANM_THING_LIGHTHOUSE)
            return true;
    return false;
}

void anm_paint_things (anm_paint_t *p, bool behind)
{
    const anm_scene_t *s = p->scene;
    int heroes = 0, beside = 0;
    for (int i = 0; i < s->things; i++) {
        const anm_thing_t *t = &s->thing[i];
        bool shape = t->kind >= ANM_THING_CIRCLE, back = is_large (t->kind) || shape;
        bool hero = s->figures == 0;
        if (t->kind == ANM_THING_LANTERN && lamp_is_shown (s))
            continue;
        place_t at = shape             ? place_shape (p, i, s->things)
                     : flies (t->kind) ? place_flying (p, t, hero && i == 0)
                     : hero ? place_hero (p, t, t->kind == ANM_THING_TABLE ? 1 : heroes++)
                            : place_beside (p, t, beside++);
        if (floats (t->kind) && s->size <= ANM_SIZE_FULL) {
            at.depth = fmax (at.depth, 1.7);
            at.y = anm_ground (p, at.depth);
        }
        if (t->kind == ANM_THING_TABLE && p->scene->size >= ANM_SIZE_MEDIUM) {
            if (behind)
                paint_table_top (p, t);
            continue;
        }
        if (back != behind)
            continue;
        for (int n = 0; n < t->many && n < 9; n++) {
            place_t one = at;
            uint64_t seed = anm_mix (p->seed, (uint64_t)(i * 16 + n));
            if (shape) {
                one.x += 1.2 * one.size * (n - 0.5 * (t->many - 1));
            } else if (t->many > 1) {
                one.x += (anm_random (seed, 3) - 0.5) * fmin (1.1, 0.22 * t->many);
                one.y += flies (t->kind) ? 0.3 * (anm_random (seed, 4) - 0.6)
                                         : 0.03 * anm_random (seed, 4);
                one.size *= 0.7 + 0.5 * anm_random (seed, 5);
            }
            paint_one (p, t, one, seed);
        }
    }
}
