/*  The autoencoder as callers see it: opening, chunks of frames in and out, statistics of latents.
 *
 *  Weights of the CPU may lie in the mapped file, so the file stays open as long as the model.
 */
#include "node/engine/wan/vae.h"

#include "lib/core/error.h"
#include "lib/core/mem.h"
#include "node/engine/wan/vae_tiles.h"

#include <inttypes.h>
#include <stdlib.h>

#define SIDE_MAX 65536   /* pixels */
#define FRAMES_MAX 65536 /* of one call */
#define TILES_MAX 16384

struct wan_vae {
    aten_t *c;
    weights_t *weights;
    vae_config_t config;
    vae_coder_t encoder, decoder;
    aut_dtype_t dtype;
    int64_t tile, stride; /* 0: whole pictures; checked where they are used */
};

/* ---- opening --------------------------------------------------------------------------------- */

static int load (wan_vae_t *self, const wan_vae_options_t *options)
{
    vae_loader_t from = {.weights = self->weights, .c = self->c, .dtype = self->dtype};
    aten_scope_t s = aten_open (self->c);
    if (options->encoder)
        vae_encoder_load (&self->encoder, &self->config, &from);
    if (options->decoder)
        vae_decoder_load (&self->decoder, &self->config, &from);
    aten_close (self->c, s, NULL);
    return aten_status (self->c);
}

int wan_vae_read_config (wan_vae_config_t *out, const char *folder, const char *label)
{
    vae_config_t config;
    int rc = vae_config_read (&config, folder, label);
    *out = config.face;
    return rc;
}

int wan_vae_open (wan_vae_t **out, aten_t *c, const char *folder, const char *label,
                  const wan_vae_options_t *options)
{
    *out = NULL;
    if (options->dtype != AUT_DTYPE_F32 && options->dtype != AUT_DTYPE_BF16)
        return aut_fail (AUT_ERR_UNSUPPORTED, "%s: the autoencoder runs in F32 or BF16, not in %s",
                         label, aut_dtype_text (options->dtype));
    wan_vae_t *self = aut_calloc (1, sizeof *self);
    self->c = c;
    self->dtype = options->dtype;
    int rc = vae_config_read (&self->config, folder, label);
    if (rc == AUT_OK)
        rc = weights_open (&self->weights, folder, label);
    if (rc == AUT_OK)
        rc = load (self, options);
    if (rc == AUT_OK) {
        wan_vae_set_tile (self, options->tile, options->tile_stride);
        *out = self;
        return AUT_OK;
    }
    wan_vae_close (&self);
    return rc;
}

void wan_vae_close (wan_vae_t **self_p)
{
    wan_vae_t *self = *self_p;
    if (!self)
        return;
    vae_coder_drop (&self->encoder, self->c);
    vae_coder_drop (&self->decoder, self->c);
    weights_close (&self->weights);
    free (self);
    *self_p = NULL;
}

const wan_vae_config_t *wan_vae_config (const wan_vae_t *self)
{
    return &self->config.face;
}

void wan_vae_set_tile (wan_vae_t *self, int64_t tile, int64_t stride)
{
    int64_t unit = self->config.face.spatial;
    self->tile = tile;
    self->stride = stride;
    if (tile > 0 && stride == 0)
        self->stride = tile / 4 * 3 / unit * unit;
    if (tile > 0 && self->stride == 0)
        self->stride = unit;
}

/* ---- tiles ----------------------------------------------------------------------------------- */

/*  Whether pictures of height × width pixels go in tiles. Errors stick to the context. */
static bool is_tiled (wan_vae_t *self, int64_t height, int64_t width)
{
    int64_t unit = self->config.face.spatial;
    int64_t tile = self->tile, stride = self->stride;
    if (tile == 0)
        return false;
    if (tile < 0 || tile > SIDE_MAX || tile % unit || stride <= 0 || stride > tile || stride % unit)
        aten_fail (self->c, AUT_ERR_INVALID,
                   "%s: tiles of %" PRId64 " pixels, %" PRId64 " apart: both must be multiples of "
                   "%" PRId64 ", and tiles not further apart than they are large",
                   weights_label (self->weights), tile, stride, unit);
    else if ((height / stride + 1) * (width / stride + 1) > TILES_MAX)
        aten_fail (self->c, AUT_ERR_TOO_LARGE,
                   "%s: pictures of %" PRId64 " x %" PRId64
                   " would be more than %d tiles of %" PRId64 " pixels: take larger ones",
                   weights_label (self->weights), width, height, TILES_MAX, tile);
    return !aten_status (self->c) && (width > tile || height > tile);
}

/*  The encoder's tiles count its own input: with patches of 2 a tile of 256 covers 512 pixels, as
 *  in the reference. */
static void open_encode (wan_vae_t *self, vae_stream_t *stream, int64_t height, int64_t width)
{
    int64_t patch = self->config.patch;
    vae_tiling_t tiling = {.height = height / patch, .width = width / patch, .out_unit = 1};
    tiling.in_unit = self->config.face.spatial / patch;
    if (is_tiled (self, height, width)) {
        tiling.in = self->tile;
        tiling.in_stride = self->stride;
    }
    vae_stream_init (stream, self->c, &self->encoder, vae_encode_chunk, &tiling);
}

static void open_decode (wan_vae_t *self, vae_stream_t *stream, int64_t height, int64_t width)
{
    int64_t unit = self->config.face.spatial;
    vae_tiling_t tiling = {.height = height, .width = width, .in_unit = 1};
    tiling.out_unit = unit / self->config.patch;
    if (is_tiled (self, height * unit, width * unit)) {
        tiling.in = self->tile / unit;
        tiling.in_stride = self->stride / unit;
    }
    vae_stream_init (stream, self->c, &self->decoder, vae_decode_chunk, &tiling);
}

/* ---- pictures and patches -------------------------------------------------------------------- */

/*  (1, 3, t, H, W) → (1, 3·p², t, H/p, W/p); of a patch's channels, the column is counted before
 *  the row. */
static tensor_t *to_patches (const wan_vae_t *self, tensor_t *x)
{
    aten_t *c = self->c;
    int64_t p = self->config.patch, frames = aten_dim (x, 2);
    int64_t h = aten_dim (x, 3) / p, w = aten_dim (x, 4) / p;
    if (p == 1)
        return x;
    x = aten_reshape (c, x, DIMS (3, frames, h, p, w, p));
    x = aten_permute (c, x, DIMS (0, 5, 3, 1, 2, 4));
    return aten_reshape (c, x, DIMS (1, 3 * p * p, frames, h, w));
}

static tensor_t *from_patches (const wan_vae_t *self, tensor_t *x)
{
    aten_t *c = self->c;
    int64_t p = self->config.patch, frames = aten_dim (x, 2);
    int64_t h = aten_dim (x, 3), w = aten_dim (x, 4);
    if (p == 1)
        return x;
    x = aten_reshape (c, x, DIMS (3, p, p, frames, h, w));
    x = aten_permute (c, x, DIMS (0, 3, 4, 2, 5, 1));
    return aten_reshape (c, x, DIMS (1, 3, frames, h * p, w * p));
}

/* ---- encode ---------------------------------------------------------------------------------- */

static bool check_encode (wan_vae_t *self, int64_t frames, int64_t height, int64_t width)
{
    const wan_vae_config_t *face = &self->config.face;
    const char *label = weights_label (self->weights);
    if (!self->encoder.loaded)
        aten_fail (self->c, AUT_ERR_STATE, "%s: opened without its encoder", label);
    else if (frames < 1 || frames > FRAMES_MAX || (frames - 1) % face->temporal)
        aten_fail (self->c, AUT_ERR_INVALID,
                   "%s: %" PRId64 " frames cannot be encoded: 1 + %" PRId64 "·k can", label, frames,
                   face->temporal);
    else if (height < 1 || width < 1 || height > SIDE_MAX || width > SIDE_MAX ||
             height % face->spatial || width % face->spatial)
        aten_fail (self->c, AUT_ERR_INVALID,
                   "%s: pictures of %" PRId64 " x %" PRId64
                   " cannot be encoded: sides are multiples of %" PRId64,
                   label, width, height, face->spatial);
    return !aten_status (self->c);
}

/*  Frames `first` … from the source, as the encoder takes them. */
static tensor_t *pull (wan_vae_t *self, wan_vae_source_t source, void *ctx, int64_t first,
                       const int64_t dims[5])
{
    aten_t *c = self->c;
    tensor_t *x = source (ctx, c, first, dims[2]);
    if (!x && !aten_status (c))
        return aten_fail (c, AUT_ERR_INTERNAL, "no frames from %" PRId64 " on to encode", first);
    if (x && !aten_has_dims (x, 5, dims))
        return aten_fail (c, AUT_ERR_INTERNAL,
                          "frames from %" PRId64 " on: not (1, 3, %" PRId64 ", %" PRId64
                          ", %" PRId64 ")",
                          first, dims[2], dims[3], dims[4]);
    return to_patches (self, aten_to (c, aten_to_device (c, x), self->dtype));
}

tensor_t *wan_vae_encode (wan_vae_t *self, int64_t frames, int64_t height, int64_t width,
                          wan_vae_source_t source, void *ctx, tap_t *tap)
{
    aten_t *c = self->c;
    const wan_vae_config_t *face = &self->config.face;
    if (!check_encode (self, frames, height, width))
        return NULL;
    aten_scope_t s = aten_open (c);
    tensor_t *mean = aten_empty (c, AUT_DTYPE_F32,
                                 DIMS (1, face->z_dim, 1 + (frames - 1) / face->temporal,
                                       height / face->spatial, width / face->spatial));
    vae_stream_t stream;
    open_encode (self, &stream, height, width);
    for (int64_t first = 0, k = 0; first < frames && !aten_status (c); k++) {
        int64_t count = first > 0 ? face->temporal : 1;
        aten_scope_t chunk = aten_open (c);
        tensor_t *x =
            pull (self, source, ctx, first, (const int64_t[]){1, 3, count, height, width});
        x = vae_stream_next (&stream, x, tap);
        aten_copy_into (c, aten_narrow (c, mean, 2, k, 1), x);
        aten_close (c, chunk, NULL);
        first += count;
    }
    vae_stream_clear (&stream);
    return aten_close (c, s, mean);
}

/* ---- decode ---------------------------------------------------------------------------------- */

static bool check_decode (wan_vae_t *self, tensor_t *latents)
{
    const wan_vae_config_t *face = &self->config.face;
    const char *label = weights_label (self->weights);
    int64_t side = SIDE_MAX / face->spatial;
    if (!self->decoder.loaded)
        aten_fail (self->c, AUT_ERR_STATE, "%s: opened without its decoder", label);
    else if (!aten_status (self->c) &&
             (!aten_has_dims (latents, 5, (const int64_t[]){1, face->z_dim, -1, -1, -1}) ||
              aten_count (latents) == 0 || aten_dim (latents, 2) > FRAMES_MAX ||
              aten_dim (latents, 3) > side || aten_dim (latents, 4) > side))
        aten_fail (self->c, AUT_ERR_INVALID,
                   "%s: latents to decode are (1, %" PRId64 ", T, h, w), h and w at most %" PRId64,
                   label, face->z_dim, side);
    return !aten_status (self->c);
}

/*  One latent frame to its frames; returns how many there were. */
static int64_t push (wan_vae_t *self, vae_stream_t *stream, tensor_t *latent, int64_t first,
                     wan_vae_sink_t sink, void *ctx, tap_t *tap)
{
    aten_t *c = self->c;
    aten_scope_t s = aten_open (c);
    tensor_t *x = aten_to (c, aten_to_device (c, latent), self->dtype);
    x = from_patches (self, vae_stream_next (stream, x, tap));
    x = aten_clamp (c, aten_to (c, x, AUT_DTYPE_F32), -1, 1);
    int64_t count = aten_dim (x, 2);
    if (x)
        aten_fail_code (c, sink (ctx, c, first, x));
    aten_close (c, s, NULL);
    return count;
}

int wan_vae_decode (wan_vae_t *self, tensor_t *latents, wan_vae_sink_t sink, void *ctx, tap_t *tap)
{
    aten_t *c = self->c;
    if (!check_decode (self, latents))
        return aten_status (c);
    aten_scope_t s = aten_open (c);
    vae_stream_t stream;
    open_decode (self, &stream, aten_dim (latents, 3), aten_dim (latents, 4));
    int64_t first = 0;
    for (int64_t k = 0; k < aten_dim (latents, 2) && !aten_status (c); k++)
        first += push (self, &stream, aten_narrow (c, latents, 2, k, 1), first, sink, ctx, tap);
    vae_stream_clear (&stream);
    aten_close (c, s, NULL);
    return aten_status (c);
}

/* ---- statistics ------------------------------------------------------------------------------ */

/*  A number per channel as (1, z, 1, 1, 1): means, or one over standard deviations. */
static tensor_t *per_channel (wan_vae_t *self, bool spread)
{
    const wan_vae_config_t *face = &self->config.face;
    float values[WAN_VAE_CHANNELS_MAX];
    for (int64_t i = 0; i < face->z_dim; i++)
        values[i] = spread ? 1.0f / (float)face->std[i] : (float)face->mean[i];
    return aten_from_host (self->c, values, AUT_DTYPE_F32, DIMS (1, face->z_dim, 1, 1, 1));
}

tensor_t *wan_vae_normalise (wan_vae_t *self, tensor_t *x)
{
    aten_t *c = self->c;
    aten_scope_t s = aten_open (c);
    x = aten_sub (c, x, per_channel (self, false));
    return aten_close (c, s, aten_mul (c, x, per_channel (self, true)));
}

tensor_t *wan_vae_denormalise (wan_vae_t *self, tensor_t *x)
{
    aten_t *c = self->c;
    aten_scope_t s = aten_open (c);
    x = aten_div (c, x, per_channel (self, true));
    return aten_close (c, s, aten_add (c, x, per_channel (self, false)));
}
