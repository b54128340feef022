/*  Layers: pictures drawn once per shot, larger than the frame, and resampled for every frame.
 *
 *  World coordinates: the origin is the frame's centre while the camera rests, y points down, the
 *  frame is 1 high. A layer knows which rectangle of the world it covers and how many pixels it
 *  has per world unit; the camera decides where a frame's pixels fall in it.
 *
 *  All colours are float, display-referred, in [0, 1]. One thread.
 */
#ifndef AUT_NODE_BACKENDS_ANIMATIC_LAYER_H
#define AUT_NODE_BACKENDS_ANIMATIC_LAYER_H

#include <cairo.h>
#include <stdbool.h>
#include <stdint.h>

/*  Four floats that the compiler keeps in one register. Pixels are blue, green, red, alpha (as
 *  cairo has them in memory), premultiplied. */
typedef float anm_px_t __attribute__ ((vector_size (16)));

typedef struct {
    float r, g, b;
} anm_rgb_t;

typedef struct {
    double x0, y0, x1, y1;
} anm_rect_t;

typedef enum { ANM_OVER, ANM_SCREEN } anm_blend_t;

/*  How a layer moves by itself, in world units at its own depth and seconds. */
typedef struct {
    double vx, vy;             /* drift a second */
    double travel_x, travel_y; /* eased way over the whole shot */
    double bob_x, bob_y;       /* amplitude of a sine … */
    double bob_hz, bob_phase;  /* … and its frequency (Hz) and phase (turns) */
    double pulse, pulse_hz;    /* opacity swings by ± pulse */
    double sweep_hz;           /* width turns with cos, as a beam about its lamp does */
    double pivot_x;            /* the world x about which it turns */
    double grow;               /* scale gained over the shot, about (pivot_x, pivot_y) */
    double pivot_y;
    double wrap_x, wrap_y; /* a tile of this size, repeated; 0: none */
} anm_motion_t;

typedef struct {
    int width, height; /* pixels */
    anm_rect_t world;  /* what it covers */
    double density;    /* pixels per world unit */
    double depth;      /* distance: 1 is the subject's, 0 is fixed to the frame, large is far */
    double opacity;
    anm_blend_t blend;
    bool clamp; /* pixels beyond the edge repeat it; else they are empty */
    anm_motion_t motion;
    cairo_surface_t *surface; /* 8-bit layers */
    float *smooth;            /* float layers: rows of b, g, r, a */
    int *first, *last;        /* per row of an 8-bit layer: the pixels that are not empty, */
    int *solid, *solid_end;   /* and the longest run of opaque ones, [solid, solid_end) */
} anm_layer_t;

/*  Where a layer's pixels are for one frame: layer x = ax · frame x + bx, and so for y. */
typedef struct {
    double ax, bx, ay, by;
    double opacity;
} anm_view_t;

/*  An empty 8-bit layer over `world` (grown by a margin), to draw on with anm_layer_cairo. NULL
 *  with the error recorded when memory is short. */
anm_layer_t *anm_layer_new (anm_rect_t world, double density, double depth);
/*  The same with float pixels, for glows and gradients; fill it with anm_layer_fill. */
anm_layer_t *anm_layer_new_smooth (anm_rect_t world, double density, double depth);
void anm_layer_destroy (anm_layer_t **self_p);

/*  A context in world coordinates; the caller destroys it. */
cairo_t *anm_layer_cairo (anm_layer_t *self);

/*  Calls `paint` for each pixel's centre in world coordinates; it gives b, g, r, a premultiplied.
 */
typedef anm_px_t (*anm_paint_fn) (const void *ctx, double x, double y);
void anm_layer_fill (anm_layer_t *self, anm_paint_fn paint, const void *ctx);

/*  Blurs an 8-bit layer, about as a lens does what is `radius` pixels out of focus. */
void anm_layer_blur (anm_layer_t *self, int radius);

/*  Ends the drawing of an 8-bit layer: lays a fine grain over it (`grain` in 1/255, by `seed`) and
 *  notes which pixels are empty. Must be called once before it is rendered. */
void anm_layer_finish (anm_layer_t *self, double grain, uint64_t seed);

/*  Lays another 8-bit layer of the same density over this one, pixel by pixel. */
void anm_layer_lay_over (anm_layer_t *self, const anm_layer_t *other);

/*  What renders frames: tables and row caches that are kept between frames. */
typedef struct anm_raster anm_raster_t;
anm_raster_t *anm_raster_new (int width, int height);
void anm_raster_destroy (anm_raster_t **self_p);

/*  Composites `count` layers, from back to front, each by its view, into `rgb` (H, W, 3). 0 or
 *  AUT_ERR_NOMEM. */
int anm_raster_render (anm_raster_t *self, anm_layer_t *const *layers, const anm_view_t *views,
                       int count, float *rgb);

/*  A hash of integers: the only source of chance here. */
uint64_t anm_mix (uint64_t a, uint64_t b);
/*  In [0, 1), from a seed and an index. */
double anm_random (uint64_t seed, uint64_t index);

#endif
