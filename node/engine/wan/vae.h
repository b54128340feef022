/*  The causal 3D autoencoders of Wan 2.1 and 2.2 (arXiv 2503.20314, §4.1): pictures to latents and
 *  back, one latent frame at a time, so that memory does not grow with the length.
 */
#ifndef AUT_ENGINE_WAN_VAE_H
#define AUT_ENGINE_WAN_VAE_H

#include "node/engine/shim/aten.h"
#include "node/engine/tap.h"

#define WAN_VAE_CHANNELS_MAX 256

typedef struct wan_vae wan_vae_t;

typedef struct {
    int64_t z_dim;
    int64_t spatial;  /* pixels of a latent's side: 8 or 16 */
    int64_t temporal; /* frames of a latent frame after the first: 4 */
    double mean[WAN_VAE_CHANNELS_MAX], std[WAN_VAE_CHANNELS_MAX];
} wan_vae_config_t;

typedef struct {
    aut_dtype_t dtype;     /* AUT_DTYPE_F32; AUT_DTYPE_BF16 is faster and differs */
    bool encoder, decoder; /* which halves are loaded */
    int64_t tile;          /* pixels of a tile's side, 0 = whole pictures (reference: 256) */
    int64_t tile_stride;   /* pixels from tile to tile; 0 = three quarters of the tile */
} wan_vae_options_t;

/*  Reads `folder`/config.json alone: what the model is, without its weights. Errors as
 *  config_status. */
int wan_vae_read_config (wan_vae_config_t *out, const char *folder, const char *label);

int wan_vae_open (wan_vae_t **out, aten_t *c, const char *folder, const char *label,
                  const wan_vae_options_t *options);
void wan_vae_close (wan_vae_t **self_p);
const wan_vae_config_t *wan_vae_config (const wan_vae_t *self);
/*  Other tiles for the calls that follow; 0 = whole pictures. */
void wan_vae_set_tile (wan_vae_t *self, int64_t tile, int64_t stride);

/*  Gives frames `first` … `first + count − 1` as (1, 3, count, H, W) in [-1, 1], made in the
 * current scope; NULL after an error in the context. */
typedef tensor_t *(*wan_vae_source_t) (void *ctx, aten_t *c, int64_t first, int64_t count);
/*  Takes decoded frames from `first` on: (1, 3, n, H, W), clamped to [-1, 1], borrowed. 0, or an
 * error code (aut_fail) that ends the decode. */
typedef int (*wan_vae_sink_t) (void *ctx, aten_t *c, int64_t first, tensor_t *frames);

/*  `frames` (1 + temporal·k) frames of height × width → the posterior's mean (1, z, 1 + k, h, w),
 * not normalised. */
tensor_t *wan_vae_encode (wan_vae_t *self, int64_t frames, int64_t height, int64_t width,
                          wan_vae_source_t source, void *ctx, tap_t *tap);

/*  Latents (1, z, T, h, w), as the decoder takes them (not normalised), to 1 + temporal·(T − 1)
 *  frames, handed on as they come. Taps below "decoder.chunk.K" (K: latent frame). Returns the
 *  context's status. */
int wan_vae_decode (wan_vae_t *self, tensor_t *latents, wan_vae_sink_t sink, void *ctx, tap_t *tap);

/*  (x − mean) / std, and its inverse; x (1, z, T, h, w). */
tensor_t *wan_vae_normalise (wan_vae_t *self, tensor_t *x);
tensor_t *wan_vae_denormalise (wan_vae_t *self, tensor_t *x);

#endif
