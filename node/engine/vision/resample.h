/*  Resizing of 8-bit RGB images, byte for byte as Pillow's Image.resize does it.
 *
 *  The published video pipelines resize the image they are given with Pillow before any network
 *  sees it, so another resize, however good, gives other frames. The method is a separable
 *  convolution: each output pixel is a weighted mean of the input pixels under a filter that is
 *  centred on it and, when the image shrinks, widened by the same ratio (which is what keeps it
 *  from aliasing). Weights are fixed-point numbers with 22 bits of fraction, and each of the two
 *  passes, rows first, rounds to 8 bits.
 *
 *  Filters: K. Turkowski, "Filters for Common Resampling Tasks", Graphics Gems (1990): triangle
 *  and Lanczos with three lobes; R. Keys, "Cubic Convolution Interpolation for Digital Image
 *  Processing", IEEE Trans. ASSP 29 (1981), with a = -1/2. https://pillow.readthedocs.io,
 * Image.resize.
 */
#ifndef AUT_ENGINE_VISION_RESAMPLE_H
#define AUT_ENGINE_VISION_RESAMPLE_H

#include <stdint.h>

/*  The largest side, and the most pixels of the input, the output and the image between the two
 *  passes (output width by input height). */
#define AUT_RESAMPLE_SIDE_MAX 32768u
#define AUT_RESAMPLE_PIXELS_MAX (256u << 20)

/*  Pillow's numbers, which image processors' configs use. */
typedef enum {
    AUT_RESAMPLE_LANCZOS = 1,
    AUT_RESAMPLE_BILINEAR = 2,
    AUT_RESAMPLE_BICUBIC = 3,
} aut_resample_filter_t;

/*  `out` is `rgb` (h0, w0, 3), rows without gaps, resized to (h, w, 3); the caller frees it. A side
 *  that keeps its length is not filtered. Any thread.
 *  AUT_ERR_INVALID for an empty size, AUT_ERR_TOO_LARGE beyond the bounds above,
 *  AUT_ERR_UNSUPPORTED for another filter, AUT_ERR_NOMEM. */
int aut_resample_u8 (uint8_t **out, const uint8_t *rgb, uint32_t w0, uint32_t h0, uint32_t w,
                     uint32_t h, aut_resample_filter_t filter);

#endif
