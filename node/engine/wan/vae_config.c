/*  The autoencoder's config: bounds, defaults of configs that are older than a key, and what the
 *  keys must agree on. */
#include "node/engine/wan/vae_config.h"

#include "lib/core/error.h"
#include "node/engine/config.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#define WIDTH_MAX 8192 /* channels of a layer */
#define SCALE_MAX 1024

/*  The statistics of Wan 2.1's latents, which its first configs do not spell out. */
#define WAN21_Z 16
static const double wan21_mean[WAN21_Z] = {-0.7571, -0.7089, -0.9113, 0.1075,  -0.1745, 0.9653,
                                           -0.1517, 1.5508,  0.4134,  -0.0715, 0.5517,  -0.3632,
                                           -0.1922, -0.9497, 0.2503,  -0.2921};
static const double wan21_std[WAN21_Z] = {2.8184, 1.4541, 2.3275, 2.6558, 1.2196, 1.7708,
                                          2.6052, 2.0743, 3.2687, 2.1526, 2.8652, 1.5579,
                                          1.6382, 1.1253, 2.8251, 1.9160};

static void read_statistics (config_t *in, wan_vae_config_t *face)
{
    static const struct {
        const char *key;
        const double *otherwise;
    } rows[2] = {{"latents_mean", wan21_mean}, {"latents_std", wan21_std}};
    for (size_t row = 0; row < 2; row++) {
        const char *key = rows[row].key;
        double *values = row == 0 ? face->mean : face->std;
        size_t count = config_numbers (in, key, values, WAN_VAE_CHANNELS_MAX);
        if (!config_has (in, key) && face->z_dim == WAN21_Z)
            for (count = 0; count < WAN21_Z; count++)
                values[count] = rows[row].otherwise[count];
        if (count != (size_t)face->z_dim)
            config_fail (in, key, "%zu numbers for %" PRId64 " latent channels (z_dim)", count,
                         face->z_dim);
        for (size_t i = 0; i < count; i++)
            if (fabs (values[i]) > 1e6 || (row == 1 && values[i] < 1e-6))
                config_fail (in, key, "number %zu is %g, out of range", i + 1, values[i]);
    }
}

static void read_stages (config_t *in, vae_config_t *out)
{
    static const int64_t mult[] = {1, 2, 4, 4};
    static const bool temporal[] = {false, true, true};
    out->stages = config_ints (in, "dim_mult", out->mult, VAE_STAGES_MAX, 1, 64);
    if (!config_has (in, "dim_mult"))
        for (out->stages = 0; out->stages < 4; out->stages++)
            out->mult[out->stages] = mult[out->stages];
    if (out->stages == 0) {
        config_fail (in, "dim_mult", "is empty");
        return;
    }
    const char *key = "temperal_downsample";
    size_t count = config_bools (in, key, out->temporal, VAE_STAGES_MAX);
    if (!config_has (in, key))
        for (count = 0; count < 3; count++)
            out->temporal[count] = temporal[count];
    if (count + 1 != out->stages)
        config_fail (in, key, "%zu values for %zu stages (dim_mult): one fewer than stages is due",
                     count, out->stages);
}

/*  attn_scales: 1 is the first stage's size, 0.5 the second's, … */
static void read_attention (config_t *in, vae_config_t *out)
{
    double scales[VAE_STAGES_MAX];
    size_t count = config_numbers (in, "attn_scales", scales, VAE_STAGES_MAX);
    if (out->residual)
        return; /* 2.2's blocks have none, whatever is said here */
    for (size_t i = 0; i < count; i++)
        for (size_t stage = 0; stage < out->stages; stage++)
            out->attention[stage] |= scales[i] == 1.0 / (double)(1 << stage);
}

vae_stage_shape_t vae_encoder_stage (const vae_config_t *config, size_t i)
{
    vae_stage_shape_t shape = {
        .in = config->encoder_dim * (i > 0 ? config->mult[i - 1] : 1),
        .out = config->encoder_dim * config->mult[i],
        .sized = i + 1 < config->stages,
    };
    shape.result = shape.out;
    shape.timed = shape.sized && config->temporal[i];
    shape.factor = (shape.sized ? 4 : 1) * (shape.timed ? 2 : 1);
    return shape;
}

/*  In 2.1 the convolution behind an upsampling halves the channels, in 2.2 it keeps them. */
vae_stage_shape_t vae_decoder_stage (const vae_config_t *config, size_t i)
{
    size_t last = config->stages - 1;
    int64_t before = config->decoder_dim * config->mult[i > 0 ? last - i + 1 : last];
    vae_stage_shape_t shape = {
        .in = i > 0 && !config->residual ? before / 2 : before,
        .out = config->decoder_dim * config->mult[last - i],
        .sized = i < last,
    };
    shape.result = shape.sized && !config->residual ? shape.out / 2 : shape.out;
    shape.timed = shape.sized && config->temporal[last - 1 - i];
    shape.factor = (shape.sized ? 4 : 1) * (shape.timed ? 2 : 1);
    return shape;
}

/*  Widths are bounded, and a shortcut of 2.2 must be able to spread its channels evenly. */
static void check_stages (config_t *in, const vae_config_t *out)
{
    for (size_t i = 0; i < out->stages; i++) {
        vae_stage_shape_t down = vae_encoder_stage (out, i), up = vae_decoder_stage (out, i);
        if (down.out > WIDTH_MAX || up.out > WIDTH_MAX)
            config_fail (in, "dim_mult", "a stage of more than %d channels", WIDTH_MAX);
        else if (out->residual && down.in * down.factor % down.out)
            config_fail (in, "dim_mult",
                         "encoder stage %zu: a shortcut cannot average %" PRId64 " x %" PRId64
                         " values to %" PRId64 " channels",
                         i, down.in, down.factor, down.out);
        else if (out->residual && up.sized && up.out * up.factor % up.in)
            config_fail (in, "dim_mult",
                         "decoder stage %zu: a shortcut cannot spread %" PRId64
                         " channels over %" PRId64 " x %" PRId64 " values",
                         i, up.in, up.out, up.factor);
    }
}

/*  What the config repeats must be what its stages make. */
static void check_scales (config_t *in, vae_config_t *out)
{
    wan_vae_config_t *face = &out->face;
    face->spatial = out->patch << (out->stages - 1);
    face->temporal = 1;
    for (size_t i = 0; i + 1 < out->stages; i++)
        face->temporal *= out->temporal[i] ? 2 : 1;
    int64_t spatial = config_int (in, "scale_factor_spatial", face->spatial, 1, SCALE_MAX);
    int64_t temporal = config_int (in, "scale_factor_temporal", face->temporal, 1, SCALE_MAX);
    if (spatial != face->spatial)
        config_fail (in, "scale_factor_spatial",
                     "%" PRId64 ", but the stages (dim_mult, patch_size) make %" PRId64, spatial,
                     face->spatial);
    if (temporal != face->temporal)
        config_fail (in, "scale_factor_temporal",
                     "%" PRId64 ", but the stages (temperal_downsample) make %" PRId64, temporal,
                     face->temporal);
    int64_t channels = 3 * out->patch * out->patch;
    static const char *const keys[] = {"in_channels", "out_channels"};
    for (size_t i = 0; i < 2; i++) {
        int64_t found = config_int (in, keys[i], 3, 1, WIDTH_MAX);
        if (found != channels)
            config_fail (in, keys[i],
                         "%" PRId64 ", but pictures of 3 channels in patches of %" PRId64
                         " (patch_size) have %" PRId64,
                         found, out->patch, channels);
    }
    out->pixel_channels = channels;
}

int vae_config_read (vae_config_t *out, const char *folder, const char *label)
{
    *out = (vae_config_t){0};
    config_t *in = NULL;
    int rc = config_open_in (&in, folder, label, "config.json");
    if (rc == AUT_OK) {
        out->encoder_dim = config_int (in, "base_dim", 96, 2, WIDTH_MAX);
        out->decoder_dim = config_int (in, "decoder_base_dim", out->encoder_dim, 2, WIDTH_MAX);
        out->face.z_dim = config_int (in, "z_dim", WAN21_Z, 1, WAN_VAE_CHANNELS_MAX);
        out->res_blocks = config_int (in, "num_res_blocks", 2, 1, VAE_RES_BLOCKS_MAX - 1);
        out->residual = config_bool (in, "is_residual", false);
        out->patch = config_int (in, "patch_size", 1, 1, 8);
        read_stages (in, out);
        read_attention (in, out);
        read_statistics (in, &out->face);
        rc = config_status (in);
    }
    if (rc == AUT_OK) {
        check_stages (in, out);
        check_scales (in, out);
        rc = config_status (in);
    }
    config_close (&in);
    return rc;
}
