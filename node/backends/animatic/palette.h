/*  Colours: those of an hour and a weather, and how a style changes all of them. */
#ifndef AUT_NODE_BACKENDS_ANIMATIC_PALETTE_H
#define AUT_NODE_BACKENDS_ANIMATIC_PALETTE_H

#include "node/backends/animatic/scene.h"

typedef struct {
    anm_rgb_t sky_top, sky_mid, sky_low; /* graded */
    anm_rgb_t haze;                      /* what distance fades into, graded */
    anm_rgb_t glow;                      /* of sun or moon, graded */
    anm_rgb_t lamp;                      /* of lamps and lit windows, graded */
    anm_rgb_t light, shade;              /* what a lit and a shaded side are multiplied by */
    double glow_strength;
    double tint_strength;
    const anm_scene_t *scene;
} anm_palette_t;

void anm_palette_make (anm_palette_t *pal, const anm_scene_t *scene);

/*  `k` of b in a. */
anm_rgb_t anm_rgb_mix (anm_rgb_t a, anm_rgb_t b, double k);
anm_rgb_t anm_rgb_times (anm_rgb_t a, anm_rgb_t b);
anm_rgb_t anm_rgb_scale (anm_rgb_t a, double k);
double anm_rgb_luma (anm_rgb_t c);

/*  A colour as the style has it: saturation, contrast, split tones. */
anm_rgb_t anm_grade (const anm_palette_t *pal, anm_rgb_t c);
/*  A thing's own colour in this light, `away` (0 … 1) into the haze; lit and shaded sides. */
anm_rgb_t anm_lit (const anm_palette_t *pal, anm_rgb_t own, double away);
anm_rgb_t anm_shaded (const anm_palette_t *pal, anm_rgb_t own, double away);

#endif
