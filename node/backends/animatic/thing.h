/*  What the drawings of things share: each draws in its own unit box, foot at (0, 0), 1 high, y up
 *  being negative.
 */
#ifndef AUT_NODE_BACKENDS_ANIMATIC_THING_H
#define AUT_NODE_BACKENDS_ANIMATIC_THING_H

#include "node/backends/animatic/paint.h"

typedef struct {
    const anm_paint_t *p;
    cairo_t *cr;
    anm_rgb_t main, accent;
} anm_brush_t;

/*  Fills the path as a round, lit thing of this colour. */
void anm_thing_round (const anm_brush_t *b, anm_rgb_t own);
void anm_thing_box (const anm_brush_t *b, double x, double y, double w, double h, anm_rgb_t own);
/*  A window: lit at night. */
void anm_thing_pane (const anm_brush_t *b, double x, double y, double w, double h);

/*  --- paint_prop.c: animals and what hands can hold --- */
void anm_draw_bird (const anm_brush_t *b);
void anm_draw_fish (const anm_brush_t *b);
void anm_draw_whale (const anm_brush_t *b);
void anm_draw_robot (const anm_brush_t *b);
void anm_draw_lantern (const anm_brush_t *b);
void anm_draw_fire (const anm_brush_t *b);
void anm_draw_candle (const anm_brush_t *b);
void anm_draw_lens (const anm_brush_t *b);
void anm_draw_book (const anm_brush_t *b);
void anm_draw_cup (const anm_brush_t *b);
void anm_draw_flower (const anm_brush_t *b);
void anm_draw_door (const anm_brush_t *b);
void anm_draw_table (const anm_brush_t *b);
void anm_draw_bridge (const anm_brush_t *b);
void anm_draw_tent (const anm_brush_t *b);
void anm_draw_planet (const anm_brush_t *b);
void anm_draw_dog (const anm_brush_t *b);
void anm_draw_cat (const anm_brush_t *b);
void anm_draw_horse (const anm_brush_t *b);
void anm_draw_shape (const anm_brush_t *b, anm_thing_kind_t kind);

#endif
