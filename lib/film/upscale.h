/*  output.upscale: how large the film becomes, and which model enlarges a shot. Pure functions.
 *
 *  A learned upscaler enlarges by a whole factor; what is left to the size, up or down, and all of
 *  it without one, is Lanczos. So every upscaler reaches every size.
 */
#ifndef AUT_LIB_FILM_UPSCALE_H
#define AUT_LIB_FILM_UPSCALE_H

#include "lib/film/registry.h"
#include "lib/film/storyboard.h"

/*  The film's size fitted into that of `which` (an aut_upscale_t, or -1 for none), rounded to even
 *  sides. Never smaller than the film. */
void aut_upscale_size (int which, uint32_t width, uint32_t height, uint32_t *out_width,
                       uint32_t *out_height);

/*  The upscaler for frames that are wanted `times` as large: the
 *  learned one whose factor reaches that with the least to spare, else the largest; between equals
 *  the first on the search path, then by id. Frames that are drawn have nothing that a learned one
 *  could find: they get, as everything without one, the model with factor 1. NULL if there is none
 *  at all. */
const aut_model_t *aut_upscale_choose (const aut_registry_t *registry, aut_rational_t times,
                                       bool drawn);

#endif
