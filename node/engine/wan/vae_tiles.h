/*  Tiles: a picture too large for the memory goes through the autoencoder in overlapping squares,
 *  whose results are blended linearly where they overlap.
 *
 *  The squares, the order of blending and the weights are those of the reference. It takes a tile
 *  through the whole film before the next; here every chunk goes through all tiles, each with a
 *  state of its own, so that frames can be handed on as they are made: the same numbers. The price
 *  is memory for the states of all tiles, which on CUDA wait on the host.
 */
#ifndef AUT_ENGINE_WAN_VAE_TILES_H
#define AUT_ENGINE_WAN_VAE_TILES_H

#include "node/engine/wan/vae_coder.h"

/*  A stream of chunks through a half of the autoencoder, whole or in tiles. Lengths are of a side;
 *  `in` counts what the half takes (latents, or pixels in patches), `out` what it gives. */
typedef struct {
    aten_t *c;
    const vae_coder_t *coder;
    vae_code_t code;
    int64_t rows, columns;   /* of tiles */
    int64_t in, in_stride;   /* a tile, and the way from one to the next */
    int64_t out, out_stride; /* the same of the result */
    vae_state_t *state;      /* rows × columns */
    tensor_t **above;        /* of each column: the lower edge of the tile last made, kept */
} vae_stream_t;

/*  `in` and `in_stride` describe tiles; in = 0 is one tile of height × width (in `in` units). The
 *  half turns in_unit of its input's side into out_unit of its output's. */
typedef struct {
    int64_t height, width, in, in_stride;
    int64_t in_unit, out_unit;
} vae_tiling_t;

/*  Freed with vae_stream_clear. */
void vae_stream_init (vae_stream_t *stream, aten_t *c, const vae_coder_t *coder, vae_code_t code,
                      const vae_tiling_t *tiling);
void vae_stream_clear (vae_stream_t *stream);

/*  The next chunk: consumes x (1, C, t, height, width). Taps only where there is one tile. */
tensor_t *vae_stream_next (vae_stream_t *stream, tensor_t *x, tap_t *tap);

#endif
