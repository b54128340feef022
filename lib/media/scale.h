/*  Internal to lib/media: swscale with the filters, matrices and ranges spelled out. */
#ifndef AUT_LIB_MEDIA_SCALE_H
#define AUT_LIB_MEDIA_SCALE_H

#include "lib/media/picture.h"

#include <libavutil/frame.h>
#include <stdint.h>

typedef struct {
    uint32_t x, y, width, height;
} aut_rect_t;

/*  Where a picture of one size goes in a frame of another: `source` of it is scaled onto `target`.
 */
typedef struct {
    aut_rect_t source, target;
} aut_fit_rects_t;

/*  `even` keeps the target on even positions and sizes, as 4:2:0 needs. */
aut_fit_rects_t aut_scale_fit (uint32_t width, uint32_t height, uint32_t to_width,
                               uint32_t to_height, aut_scale_t mode, int even);

/*  A decoded still of any format into a picture of the same size; transparency over black. */
int aut_scale_to_rgb (aut_picture_t *picture, const AVFrame *frame);

#endif
