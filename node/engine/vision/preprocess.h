/*  From an 8-bit RGB image to what the networks that see it take: the VAE, whose encoder makes the
 *  condition of image to video, and the CLIP vision tower of Wan 2.1 (Radford et al., "Learning
 *  Transferable Visual Models From Natural Language Supervision", arXiv 2103.00020).
 *
 *  Every number is the one that the published pipelines compute (diffusers' video processor and
 *  transformers' CLIP image processor on Pillow): the resize is theirs byte for byte, and the
 *  arithmetic after it is in their order and precision. As a channel has only 256 values, that
 *  arithmetic is done once per value and kept in a table.
 *
 *  The functions are pure: any thread.
 */
#ifndef AUT_ENGINE_VISION_PREPROCESS_H
#define AUT_ENGINE_VISION_PREPROCESS_H

#include "node/engine/vision/resample.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/*  The largest value of a length in preprocessor_config.json. */
#define AUT_CLIP_EDGE_MAX 4096u

/*  `out` (3, h, w) in [-1, 1], planar: `rgb` (h0, w0, 3) resized to exactly w by h (Lanczos; the
 *  aspect is the caller's matter), then x / 255 * 2 - 1. The caller frees it.
 *  Errors: as aut_resample_u8. */
int aut_vae_pixels (float **out, const uint8_t *rgb, uint32_t w0, uint32_t h0, uint32_t w,
                    uint32_t h);

/*  What preprocessor_config.json says. The steps run in this order. */
typedef struct {
    bool do_resize;
    uint32_t shortest_edge; /* pixels; 0: to width by height, whatever the aspect */
    uint32_t width, height;
    aut_resample_filter_t filter;
    bool do_center_crop; /* what an image lacks is filled with black */
    uint32_t crop_width, crop_height;
    bool do_rescale; /* x * rescale_factor */
    double rescale_factor;
    bool do_normalize; /* (x - mean) / std, by channel */
    double mean[3], std[3];
} aut_clip_preprocess_t;

/*  The values that stand when a config is silent: those of CLIP ViT (224 pixels, bicubic). */
void aut_clip_preprocess_init (aut_clip_preprocess_t *self);

/*  Reads a config, which is untrusted; keys that are absent keep their defaults, and keys that are
 *  not known are ignored. `what` names the file in errors.
 *  AUT_ERR_INVALID names a key whose value is null, of a wrong type or out of bounds,
 *  AUT_ERR_UNSUPPORTED one that asks for a step, a size or a processor that is not built. */
int aut_clip_preprocess_parse (aut_clip_preprocess_t *self, const json_t *config, const char *what);

/*  As parse, from a file of at most 64 KiB. */
int aut_clip_preprocess_load (aut_clip_preprocess_t *self, const char *path);

/*  `out` (3, *h, *w) planar: the steps of `self` on `rgb` (h0, w0, 3). Without a centre crop *w and
 *  *h depend on the image. The caller frees it. Errors: as aut_resample_u8; AUT_ERR_TOO_LARGE also
 *  for an image so narrow that the resize would pass its bounds. */
int aut_clip_pixels (float **out, uint32_t *w, uint32_t *h, const aut_clip_preprocess_t *self,
                     const uint8_t *rgb, uint32_t w0, uint32_t h0);

#endif
