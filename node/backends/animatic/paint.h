/*  Painting a scene into the stage's layers. One function per kind of place, thing and overlay;
 *  paint.c puts them in order. Lengths are world units (the frame is 1 high, y down).
 */
#ifndef AUT_NODE_BACKENDS_ANIMATIC_PAINT_H
#define AUT_NODE_BACKENDS_ANIMATIC_PAINT_H

#include "node/backends/animatic/palette.h"
#include "node/backends/animatic/stage.h"

typedef struct {
    anm_stage_t *stage;
    const anm_scene_t *scene;
    anm_palette_t pal;
    double horizon;      /* y of it */
    double eye;          /* how far below the horizon the ground is at depth 1 */
    double sun_x, sun_y; /* sun or moon */
    double side;         /* +1: the subject stands right of the middle, -1: left */
    double subject_x;
    double figure_height; /* of a grown person at depth 1 */
    double foot_y;        /* where they stand */
    bool soft;            /* what is behind the subject is out of focus */
    uint64_t seed;
} anm_paint_t;

/*  Everything of the shot, from the sky to the overlay. The first error is in stage->error. */
void anm_paint_scene (anm_stage_t *stage, const anm_scene_t *scene);
/*  Only the overlay: guides and move arrows, fixed to the frame. */
void anm_paint_hud (anm_stage_t *stage, bool guides);

/*  --- brushes: brush.c --- */

double anm_noise (uint64_t seed, double x); /* smooth, in [-1, 1] */
double anm_fbm (uint64_t seed, double x, int octaves);
double anm_fbm2 (uint64_t seed, double x, double y, int octaves); /* in [0, 1] */
double anm_smooth (double from, double to, double v);             /* 0 … 1 */

void anm_src (cairo_t *cr, anm_rgb_t c, double alpha);
/*  Fills the current path with a gradient, from y0 down to y1 or x0 across to x1. */
void anm_fill_down (cairo_t *cr, double y0, anm_rgb_t c0, double a0, double y1, anm_rgb_t c1,
                    double a1);
void anm_fill_across (cairo_t *cr, double x0, anm_rgb_t c0, double a0, double x1, anm_rgb_t c1,
                      double a1);
/*  Fills the path as a round thing lit from `from` (+1: the right): lit to shaded across it. */
void anm_fill_round (const anm_paint_t *p, cairo_t *cr, anm_rgb_t own, double away);
void anm_ellipse (cairo_t *cr, double x, double y, double rx, double ry);
void anm_poly (cairo_t *cr, const double (*xy)[2], int count);
/*  A path along y + amplitude · noise over the open layer's width, closed below. */
void anm_ridge (const anm_paint_t *p, cairo_t *cr, double y, double amplitude, double waves,
                int octaves, uint64_t seed);
/*  A soft round light on its own screen layer. `pulse` makes it flicker. */
void anm_glow (anm_paint_t *p, double depth, double x, double y, double radius, anm_rgb_t color,
               double strength, double pulse);
/*  What the camera sees at `depth`, cut to y0 … y1 and grown sideways. */
anm_rect_t anm_band (const anm_paint_t *p, double depth, double y0, double y1, double grow);
cairo_t *anm_open (anm_paint_t *p, double depth);
cairo_t *anm_open_band (anm_paint_t *p, double depth, double y0, double y1, double grow);
anm_layer_t *anm_close (anm_paint_t *p);
/*  Distance below the horizon of the ground at `depth`. */
double anm_ground (const anm_paint_t *p, double depth);

/*  --- backgrounds --- */
void anm_paint_sky (anm_paint_t *p);
void anm_paint_clouds (anm_paint_t *p);
void anm_paint_cloud_sea (anm_paint_t *p);
void anm_paint_fog (anm_paint_t *p, double depth, double y, double height, double strength);
void anm_paint_weather (anm_paint_t *p);
void anm_paint_water (anm_paint_t *p);
void anm_paint_shore (anm_paint_t *p);
void anm_paint_land (anm_paint_t *p);
void anm_paint_land_front (anm_paint_t *p);
void anm_paint_forest (anm_paint_t *p);
void anm_paint_forest_front (anm_paint_t *p);
void anm_paint_city (anm_paint_t *p);
void anm_paint_street (anm_paint_t *p);
void anm_paint_room (anm_paint_t *p);
void anm_paint_hall (anm_paint_t *p);
void anm_paint_stair (anm_paint_t *p);
void anm_paint_space (anm_paint_t *p);
void anm_paint_deep (anm_paint_t *p);
void anm_paint_stage_back (anm_paint_t *p);
void anm_paint_plain (anm_paint_t *p);

/*  --- subjects --- */
void anm_paint_figures (anm_paint_t *p);
void anm_paint_things (anm_paint_t *p, bool behind);
/*  A standing or walking person, feet at (x, y), `height` high, looking along `face`. */
void anm_draw_figure (const anm_paint_t *p, cairo_t *cr, const anm_figure_t *f, double x, double y,
                      double height, double face, bool walks);
/*  Head and shoulders: chin at (x, y), the head `head` high. */
void anm_draw_bust (const anm_paint_t *p, cairo_t *cr, const anm_figure_t *f, double x, double y,
                    double head, double face);
/*  A thing in the box about (x, y) of its foot, `size` high. True if it is one that is drawn. */
bool anm_draw_thing (anm_paint_t *p, cairo_t *cr, const anm_thing_t *thing, double x, double y,
                     double size, double face);
/*  How high a thing is against a person, and how wide against its height. */
double anm_thing_height (anm_thing_kind_t kind);
double anm_thing_width (anm_thing_kind_t kind);

#endif
