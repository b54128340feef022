/*  The autoencoders: both families against what diffusers computed, stage by stage; tiles against
 *  tiles that are decoded and blended one by one; memory over lengths; and what is refused.
 */
#include "lib/core/error.h"
#include "lib/core/file.h"
#include "lib/core/mem.h"
#include "node/engine/wan/vae.h"
#include "tests/core/support.h"
#include "tests/engine/suites.h"
#include "tests/engine/support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) ((int)(sizeof (array) / sizeof *(array)))
#define STAGE_TOLERANCE 5e-5
#define PIXEL_TOLERANCE 1e-3

/*  A golden, its autoencoder, and a video on its way in or out. */
typedef struct {
    aten_t *c;
    wan_vae_t *vae;
    aut_safetensors_t *golden;
    int64_t frames, height, width;
    float *pixels;  /* (3, frames, height, width) */
    int64_t seen;   /* frames that a source gave or a sink took */
    int64_t stages; /* that a tap has not yet seen */
    int64_t last;   /* a sink fails from this frame on; 0 = never */
} scene_t;

static void open_scene (scene_t *s, const char *folder, const char *file)
{
    wan_vae_options_t parts = {.dtype = AUT_DTYPE_F32, .encoder = true, .decoder = true};
    *s = (scene_t){.c = open_cpu (1), .golden = open_golden (folder, file)};
    char *model = aut_sprintf (GOLDENS "%s/model/vae", folder);
    ck_assert_msg (wan_vae_open (&s->vae, s->c, model, "vae", &parts) == 0, "%s",
                   aut_error_detail ());
    free (model);
}

static void close_scene (scene_t *s)
{
    free (s->pixels);
    aut_safetensors_destroy (&s->golden);
    wan_vae_close (&s->vae);
    ck_assert_ptr_null (s->vae);
    aten_destroy (&s->c);
}

static const aut_tensor_t *find (const scene_t *s, const char *name)
{
    return need_tensor (s->golden, name);
}

static tensor_t *given (const scene_t *s, const char *name)
{
    return tensor_of (s->c, find (s, name));
}

static void make_video (scene_t *s, int64_t frames, int64_t height, int64_t width)
{
    free (s->pixels);
    s->frames = frames;
    s->height = height;
    s->width = width;
    s->seen = 0;
    s->pixels = aut_calloc ((size_t)(3 * frames * height * width), sizeof *s->pixels);
}

/*  The pixels of a frame's channel. */
static float *plane (const scene_t *s, int64_t channel, int64_t frame)
{
    return s->pixels + (channel * s->frames + frame) * s->height * s->width;
}

static tensor_t *source (void *ctx, aten_t *c, int64_t first, int64_t count)
{
    scene_t *s = ctx;
    ck_assert_int_eq (first, s->seen);
    s->seen += count;
    ck_assert_int_le (s->seen, s->frames);
    const int64_t dims[] = {1, 3, s->frames, s->height, s->width};
    return aten_narrow (c, aten_borrow_host (c, s->pixels, AUT_DTYPE_F32, 5, dims), 2, first,
                        count);
}

static int sink (void *ctx, aten_t *c, int64_t first, tensor_t *frames)
{
    scene_t *s = ctx;
    int64_t count = aten_dim (frames, 2);
    ck_assert_int_eq (first, s->seen);
    ck_assert_int_le (first + count, s->frames);
    ck_assert (aten_has_dims (frames, DIMS (1, 3, count, s->height, s->width)));
    s->seen += count;
    if (s->last && s->seen > s->last)
        return aut_fail (AUT_ERR_CANCELLED, "enough");
    for (int64_t k = 0; k < 3; k++) {
        size_t size = (size_t)(count * s->height * s->width) * sizeof (float);
        tensor_t *channel = aten_narrow (c, frames, 1, k, 1);
        if (aten_read (c, channel, AUT_DTYPE_F32, plane (s, k, first), size))
            return aten_status (c);
    }
    return 0;
}

/*  The largest difference between a tensor and numbers. */
static double apart (const scene_t *s, tensor_t *t, const float *expected, size_t count)
{
    float *values = floats_of (s->c, t);
    ck_assert_uint_eq ((size_t)aten_count (t), count);
    double worst = 0;
    for (size_t i = 0; i < count; i++) {
        double d = fabs ((double)values[i] - (double)expected[i]);
        worst = d <= worst ? worst : d;
    }
    free (values);
    return worst;
}

static double pixels_apart (const scene_t *s, const float *expected)
{
    double worst = 0;
    for (int64_t i = 0; i < 3 * s->frames * s->height * s->width; i++) {
        double d = fabs ((double)s->pixels[i] - (double)expected[i]);
        worst = d <= worst ? worst : d;
    }
    return worst;
}

static void decode (scene_t *s, tensor_t *latents, tap_t *tap)
{
    const wan_vae_config_t *config = wan_vae_config (s->vae);
    make_video (s, 1 + config->temporal * (aten_dim (latents, 2) - 1),
                aten_dim (latents, 3) * config->spatial, aten_dim (latents, 4) * config->spatial);
    ck_assert_msg (wan_vae_decode (s->vae, latents, sink, s, tap) == 0, "%s", aut_error_detail ());
    ck_assert_int_eq (s->seen, s->frames);
}

/* ---- against the reference ------------------------------------------------------------------- */

static void see_stage (void *ctx, const char *name, aten_t *c, tensor_t *t)
{
    scene_t *s = ctx;
    ck_assert_ptr_eq (c, s->c);
    const aut_tensor_t *expected = aut_safetensors_find (s->golden, name);
    if (!expected)
        return;
    s->stages--;
    for (uint32_t i = 0; i < expected->rank; i++)
        ck_assert_msg (aten_dim (t, (int)i) == (int64_t)expected->shape[i], "%s: dimension %u",
                       name, i);
    double worst = apart (s, t, expected->data, expected->count);
    ck_assert_msg (worst <= STAGE_TOLERANCE, "%s: %g apart", name, worst);
}

static int64_t count_stages (const scene_t *s)
{
    int64_t count = 0;
    for (size_t i = 0; i < aut_safetensors_count (s->golden); i++)
        count += !strncmp (aut_safetensors_at (s->golden, i)->name, "vae.decoder.chunk.", 18);
    return count;
}

static const struct {
    const char *folder, *file;
    bool roundtrip, stages;
} goldens[] = {
    {"wan21-t2v", "golden", true, true},       {"wan21-i2v", "golden", true, false},
    {"wan22-ti2v", "golden-t2v", true, true},  {"wan22-ti2v", "golden-i2v", false, false},
    {"wan21-flf2v", "golden", true, false},    {"wan22-a14b-i2v", "golden", true, false},
    {"wan22-a14b-t2v", "golden", true, false},
};

/*  The bytes of `vae.roundtrip.video_u8` (F, H, W, 3) as the encoder takes them. */
static void make_roundtrip (scene_t *s)
{
    const aut_tensor_t *t = find (s, "vae.roundtrip.video_u8");
    const uint8_t *bytes = t->data;
    make_video (s, (int64_t)t->shape[0], (int64_t)t->shape[1], (int64_t)t->shape[2]);
    int64_t size = s->height * s->width;
    for (int64_t i = 0; i < s->frames * size * 3; i++)
        plane (s, i % 3, i / 3 / size)[i / 3 % size] = (float)bytes[i] / 127.5f - 1.0f;
}

static void one_roundtrip (int number)
{
    if (!goldens[number].roundtrip)
        return;
    scene_t s;
    open_scene (&s, goldens[number].folder, goldens[number].file);
    make_roundtrip (&s);
    tensor_t *mean = wan_vae_encode (s.vae, s.frames, s.height, s.width, source, &s, NULL);
    const aut_tensor_t *expected = find (&s, "vae.roundtrip.mean");
    for (uint32_t i = 0; i < expected->rank; i++)
        ck_assert_int_eq (aten_dim (mean, (int)i), (int64_t)expected->shape[i]);
    double worst = apart (&s, mean, expected->data, expected->count);
    ck_assert_msg (worst <= STAGE_TOLERANCE, "the mean is %g apart", worst);

    s.stages = count_stages (&s);
    ck_assert_int_eq (s.stages > 0, goldens[number].stages);
    tap_t tap = {.seen = see_stage, .ctx = &s};
    size_t length = tap_enter (&tap, "vae");
    decode (&s, given (&s, "vae.roundtrip.mean"), &tap);
    tap_leave (&tap, length);
    ck_assert_int_eq (s.stages, 0);
    worst = pixels_apart (&s, find (&s, "vae.roundtrip.decoded")->data);
    ck_assert_msg (worst <= PIXEL_TOLERANCE / 10, "pixels are %g apart", worst);
    close_scene (&s);
}

START_TEST (test_roundtrip)
{
    each_case (COUNT (goldens), one_roundtrip);
}
END_TEST

static void one_decode (int i)
{
    scene_t s;
    open_scene (&s, goldens[i].folder, goldens[i].file);
    decode (&s, given (&s, "vae.decode.input"), NULL);
    double worst = pixels_apart (&s, find (&s, "vae.decode.output")->data);
    ck_assert_msg (worst <= PIXEL_TOLERANCE / 10, "pixels are %g apart", worst);
    close_scene (&s);
}

START_TEST (test_decode)
{
    each_case (COUNT (goldens), one_decode);
}
END_TEST

/*  The given image, then as many zeros as the video has frames: encoded and normalised it is the
 *  condition's latter part (or all of it, where the image alone is encoded). */
static void check_condition (const char *folder, const char *file, bool alone)
{
    scene_t s;
    open_scene (&s, folder, file);
    const aut_tensor_t *image = find (&s, "image.image.preprocessed");
    const aut_tensor_t *expected = find (&s, "condition");
    const wan_vae_config_t *config = wan_vae_config (s.vae);
    int64_t frames = 1 + config->temporal * ((int64_t)expected->shape[2] - 1);
    make_video (&s, alone ? 1 : frames, (int64_t)image->shape[2], (int64_t)image->shape[3]);
    int64_t size = s.height * s.width;
    for (int64_t k = 0; k < 3; k++)
        memcpy (plane (&s, k, 0), (const float *)image->data + k * size,
                (size_t)size * sizeof (float));
    tensor_t *mean = wan_vae_encode (s.vae, s.frames, s.height, s.width, source, &s, NULL);
    size_t count = (size_t)aten_count (mean);
    const float *rest = (const float *)expected->data + (expected->count - count);
    double worst = apart (&s, wan_vae_normalise (s.vae, mean), rest, count);
    ck_assert_msg (worst <= STAGE_TOLERANCE, "the condition is %g apart", worst);
    tensor_t *back = wan_vae_denormalise (s.vae, wan_vae_normalise (s.vae, mean));
    ck_assert_double_le (apart (&s, back, aten_host_data (aten_contiguous (s.c, mean)), count),
                         1e-5);
    close_scene (&s);
}

START_TEST (test_condition)
{
    check_condition ("wan21-i2v", "golden", false);
    check_condition ("wan22-a14b-i2v", "golden", false);
    check_condition ("wan22-ti2v", "golden-i2v", true);
}
END_TEST

/* ---- tiles ----------------------------------------------------------------------------------- */

/*  Blends tile `b` with what came before it along one axis: `a` ends where b's overlap ends. */
static void fade (scene_t *b, const scene_t *a, int64_t overlap, bool rows)
{
    int64_t of_a = rows ? a->height : a->width, of_b = rows ? b->height : b->width;
    int64_t length = overlap < of_a ? overlap : of_a;
    length = length < of_b ? length : of_b;
    for (int64_t k = 0; k < 3 * b->frames; k++)
        for (int64_t y = 0; y < (rows ? length : b->height); y++)
            for (int64_t x = 0; x < (rows ? b->width : length); x++) {
                double in = (double)(rows ? y : x) / (double)length;
                int64_t ay = rows ? a->height - length + y : y;
                int64_t ax = rows ? x : a->width - length + x;
                float *to = &b->pixels[(k * b->height + y) * b->width + x];
                float from = a->pixels[(k * a->height + ay) * a->width + ax];
                *to = (float)((double)from * (1 - in) + (double)*to * in);
            }
}

#define TILES 3 /* a side, in test_tiles */

/*  Every tile through all frames on its own, then blended: what streaming tiles must equal. Pixels
 *  beyond ±1 are cut before blending here and after it there: those are left out. */
START_TEST (test_tiles)
{
    enum { tile = 4, stride = 3, height = 8, width = 7 }; // latents
    scene_t s, parts[TILES][TILES];
    open_scene (&s, "wan21-t2v", "golden");
    tensor_t *z = aten_randn (s.c, 5, DIMS (1, 16, 3, height, width));
    z = aten_mul_scalar (s.c, z, 0.02);
    for (int i = 0; i < TILES; i++)
        for (int j = 0; j < TILES; j++) {
            scene_t *part = &parts[i][j];
            *part = s;
            part->pixels = NULL;
            int h = height - i * stride, w = width - j * stride;
            tensor_t *some = aten_narrow (s.c, z, 3, i * stride, h < tile ? h : tile);
            decode (part, aten_narrow (s.c, some, 4, j * stride, w < tile ? w : tile), NULL);
            for (int64_t k = 0; k < 3 * part->frames * part->height * part->width; k++)
                if (fabsf (part->pixels[k]) >= 1)
                    part->pixels[k] = NAN;
            if (i > 0)
                fade (part, &parts[i - 1][j], (tile - stride) * 8, true);
            if (j > 0)
                fade (part, &parts[i][j - 1], (tile - stride) * 8, false);
        }
    wan_vae_set_tile (s.vae, tile * 8, 0);
    decode (&s, z, NULL);
    double worst = 0;
    int64_t compared = 0;
    for (int64_t k = 0; k < 3 * s.frames; k++)
        for (int64_t y = 0; y < s.height; y++)
            for (int64_t x = 0; x < s.width; x++) {
                int64_t i = y / (stride * 8), j = x / (stride * 8);
                const scene_t *part = &parts[i][j];
                int64_t at = (k * part->height + y - i * stride * 8) * part->width;
                float expected = part->pixels[at + x - j * stride * 8];
                if (isnan (expected))
                    continue;
                double d = fabs ((double)s.pixels[(k * s.height + y) * s.width + x] - expected);
                worst = d <= worst ? worst : d;
                compared++;
            }
    ck_assert_msg (worst <= 1e-5, "%g apart", worst);
    ck_assert_int_gt (compared, 3 * s.frames * s.height * s.width * 3 / 4);
    for (int i = 0; i < TILES * TILES; i++)
        free (parts[i / TILES][i % TILES].pixels);
    close_scene (&s);
}
END_TEST

/*  A picture within one tile is not touched by tiling. */
START_TEST (test_one_tile)
{
    scene_t s;
    open_scene (&s, "wan22-ti2v", "golden-t2v");
    wan_vae_set_tile (s.vae, 96, 0);
    decode (&s, given (&s, "vae.decode.input"), NULL);
    ck_assert_double_le (pixels_apart (&s, find (&s, "vae.decode.output")->data), 1e-4);
    close_scene (&s);
}
END_TEST

/* ---- memory ---------------------------------------------------------------------------------- */

static uint64_t peak_of (scene_t *s, int64_t frames, bool decoding)
{
    const wan_vae_config_t *config = wan_vae_config (s->vae);
    int64_t k = 1 + (frames - 1) / config->temporal;
    aten_scope_t scope = aten_open (s->c);
    tensor_t *z = aten_randn (s->c, 1, DIMS (1, config->z_dim, k, 3, 4));
    make_video (s, frames, 3 * config->spatial, 4 * config->spatial);
    aten_memory_t before, after, end;
    aten_memory_reset (s->c);
    aten_memory (s->c, &before);
    if (decoding)
        decode (s, z, NULL);
    else
        wan_vae_encode (s->vae, frames, s->height, s->width, source, s, NULL);
    aten_memory (s->c, &after);
    ck_assert_int_eq (aten_status (s->c), 0);
    aten_close (s->c, scope, NULL);
    aten_memory (s->c, &end);
    ck_assert_uint_lt (end.allocated, before.allocated); // the latents went, nothing came
    return after.peak - before.allocated;
}

START_TEST (test_memory)
{
    scene_t s;
    open_scene (&s, _i ? "wan22-ti2v" : "wan21-t2v", _i ? "golden-t2v" : "golden");
    int64_t z_dim = wan_vae_config (s.vae)->z_dim;
    for (int tiled = 0; tiled < 2; tiled++) {
        wan_vae_set_tile (s.vae, tiled ? 2 * wan_vae_config (s.vae)->spatial : 0, 0);
        for (int decoding = 0; decoding < 2; decoding++) {
            uint64_t few = peak_of (&s, 9, decoding), many = peak_of (&s, 17, decoding);
            uint64_t latents = 2 * (uint64_t)z_dim * 3 * 4 * sizeof (float); // encode's result
            uint64_t allowed = few + (decoding ? 0 : latents) + 4096;
            ck_assert_msg (many <= allowed, "%s: %llu bytes for 9 frames, %llu for 17",
                           decoding ? "decode" : "encode", (unsigned long long)few,
                           (unsigned long long)many);
        }
    }
    close_scene (&s);
}
END_TEST

/* ---- what is refused ------------------------------------------------------------------------- */

static void expect_error (scene_t *s, int code, const char *text)
{
    ck_assert_msg (aten_status (s->c) == code && strstr (aut_error_detail (), text), "%s: %d, %s",
                   text, aten_status (s->c), aut_error_detail ());
    aten_clear (s->c);
}

static tensor_t *wrong_source (void *ctx, aten_t *c, int64_t first, int64_t count)
{
    (void)ctx;
    return first ? NULL : aten_zeros (c, AUT_DTYPE_F32, DIMS (1, 3, count, 32, 32));
}

START_TEST (test_refused)
{
    scene_t s;
    open_scene (&s, "wan21-t2v", "golden");
    make_video (&s, 5, 32, 32);
    ck_assert_ptr_null (wan_vae_encode (s.vae, 4, 32, 32, source, &s, NULL));
    expect_error (&s, AUT_ERR_INVALID, "4 frames cannot be encoded");
    ck_assert_ptr_null (wan_vae_encode (s.vae, 5, 32, 36, source, &s, NULL));
    expect_error (&s, AUT_ERR_INVALID, "36 x 32 cannot be encoded");
    ck_assert_ptr_null (wan_vae_encode (s.vae, 5, 32, 32, wrong_source, &s, NULL));
    expect_error (&s, AUT_ERR_INTERNAL, "no frames from 1 on");
    ck_assert_ptr_null (wan_vae_encode (s.vae, 5, 32, 40, wrong_source, &s, NULL));
    expect_error (&s, AUT_ERR_INTERNAL, "frames from 0 on");
    tensor_t *z = aten_zeros (s.c, AUT_DTYPE_F32, DIMS (1, 16, 3, 4, 4));
    tensor_t *other = aten_zeros (s.c, AUT_DTYPE_F32, DIMS (1, 48, 3, 4, 4));
    ck_assert_int_eq (wan_vae_decode (s.vae, other, sink, &s, NULL), AUT_ERR_INVALID);
    expect_error (&s, AUT_ERR_INVALID, "(1, 16, T, h, w)");
    static const int64_t tiles[][2] = {{12, 0}, {-8, 0}, {16, 12}, {16, 24}, {16, -8}};
    for (int i = 0; i < COUNT (tiles); i++) {
        wan_vae_set_tile (s.vae, tiles[i][0], tiles[i][1]);
        ck_assert_int_eq (wan_vae_decode (s.vae, z, sink, &s, NULL), AUT_ERR_INVALID);
        expect_error (&s, AUT_ERR_INVALID, "must be multiples of 8");
    }
    wan_vae_set_tile (s.vae, 0, 0);
    make_video (&s, 9, 32, 32);
    s.last = 5;
    ck_assert_int_eq (wan_vae_decode (s.vae, z, sink, &s, NULL), AUT_ERR_CANCELLED);
    expect_error (&s, AUT_ERR_CANCELLED, "enough");
    ck_assert_int_eq (s.seen, 9);
    s.last = 0;
    decode (&s, z, NULL); // and it works again
    close_scene (&s);
}
END_TEST

static int open_half (scene_t *s, aut_dtype_t dtype, bool encoder)
{
    wan_vae_options_t parts = {.dtype = dtype, .encoder = encoder, .decoder = !encoder};
    return wan_vae_open (&s->vae, s->c, GOLDENS "wan21-t2v/model/vae", "vae", &parts);
}

START_TEST (test_halves)
{
    scene_t s = {.c = open_cpu (1)};
    ck_assert_int_eq (open_half (&s, AUT_DTYPE_F32, true), 0);
    tensor_t *z = aten_zeros (s.c, AUT_DTYPE_F32, DIMS (1, 16, 1, 4, 4));
    ck_assert_int_eq (wan_vae_decode (s.vae, z, sink, &s, NULL), AUT_ERR_STATE);
    expect_error (&s, AUT_ERR_STATE, "without its decoder");
    wan_vae_close (&s.vae);
    ck_assert_int_eq (open_half (&s, AUT_DTYPE_F32, false), 0);
    decode (&s, z, NULL);
    ck_assert_ptr_null (wan_vae_encode (s.vae, 1, 32, 32, source, &s, NULL));
    expect_error (&s, AUT_ERR_STATE, "without its encoder");
    wan_vae_close (&s.vae);
    ck_assert_int_eq (open_half (&s, AUT_DTYPE_F16, true), AUT_ERR_UNSUPPORTED);
    close_scene (&s);
}
END_TEST

/*  A config with one value changed, beside the weights of the golden. */
typedef struct {
    const char *golden, *from, *to;
    int code;
    const char *said;
} change_t;

#define I AUT_ERR_INVALID
#define C AUT_ERR_CORRUPT
static const change_t changes[] = {
    {"wan21-t2v", "\"base_dim\": 4", "\"base_dim\": 0", I, "base_dim"},
    {"wan21-t2v", "\"base_dim\": 4", "\"base_dim\": 9000", I, "base_dim"},
    {"wan21-t2v", "\"base_dim\": 4", "\"base_dim\": 4000", I, "dim_mult: a stage of more"},
    {"wan21-t2v", "\"base_dim\": 4", "\"base_dim\": 6", C, "expected"},
    {"wan21-t2v", "\"decoder_base_dim\": null", "\"decoder_base_dim\": 8", C, "decoder.conv_in"},
    {"wan21-t2v", "\"z_dim\": 16", "\"z_dim\": 8", I, "latents_mean: 16 numbers for 8"},
    {"wan21-t2v", "\"z_dim\": 16", "\"z_dim\": 257", I, "z_dim"},
    {"wan21-t2v", "\"dim_mult\": [\n    1,", "\"dim_mult\": [\n    65,", I, "dim_mult"},
    {"wan21-t2v", "\"dim_mult\": [\n    1,", "\"dim_mult\": [\n    1, 2,", I,
     "temperal_downsample: 3 values for 5"},
    {"wan21-t2v", "\"dim_mult\": [\n    1,\n    2,\n    4,\n    4\n  ]", "\"dim_mult\": []", I,
     "dim_mult: is empty"},
    {"wan21-t2v", "\"temperal_downsample\": [\n    false", "\"temperal_downsample\": [\n    true",
     I, "scale_factor_temporal: 4, but the stages (temperal_downsample) make 8"},
    {"wan21-t2v", "    false,\n    true,\n    true", "    true,\n    true,\n    false", C,
     "time_conv"},
    {"wan21-t2v", "\"scale_factor_spatial\": 8", "\"scale_factor_spatial\": 16", I,
     "scale_factor_spatial: 16, but"},
    {"wan21-t2v", "\"num_res_blocks\": 2", "\"num_res_blocks\": 1", C, "encoder.down_blocks.1."},
    {"wan21-t2v", "\"num_res_blocks\": 2", "\"num_res_blocks\": 3", C, "encoder.down_blocks.2."},
    {"wan21-t2v", "\"num_res_blocks\": 2", "\"num_res_blocks\": 0", I, "num_res_blocks"},
    {"wan21-t2v", "\"is_residual\": false", "\"is_residual\": true", C, "encoder.down_blocks.0."},
    {"wan21-t2v", "\"attn_scales\": []", "\"attn_scales\": [0.5]", C, "encoder.down_blocks.4."},
    {"wan21-t2v", "\"in_channels\": 3", "\"in_channels\": 4", I, "in_channels: 4, but pictures"},
    {"wan21-t2v", "\"patch_size\": null", "\"patch_size\": 9", I, "patch_size"},
    {"wan21-t2v", "\"patch_size\": null", "\"patch_size\": 2", I, "scale_factor_spatial"},
    {"wan21-t2v", "2.8184", "0.0", I, "latents_std: number 1 is 0"},
    {"wan21-t2v", "-0.7571", "1e30", I, "latents_mean: number 1"},
    {"wan22-ti2v", "\"num_res_blocks\": 2", "\"num_res_blocks\": 1", C, "num_res_blocks"},
    {"wan22-ti2v", "\"dim_mult\": [\n    1,", "\"dim_mult\": [\n    3,", I,
     "encoder stage 0: a shortcut cannot average 4 x 4 values to 12"},
    {"wan22-ti2v", "\"is_residual\": true", "\"is_residual\": false", C, "encoder.down_blocks.0."},
    {"wan22-ti2v", "\"out_channels\": 12", "\"out_channels\": 3", I, "out_channels"},
    {"wan22-ti2v", "    false,\n    true,\n    true", "    true,\n    false,\n    true", C,
     "time_conv"},
};
#undef I
#undef C

static void one_configs (int number)
{
    const change_t *change = &changes[number];
    char *model = aut_sprintf (GOLDENS "%s/model/vae", change->golden);
    char *config = aut_sprintf ("%s/config.json", model), *text = NULL;
    size_t size = 0;
    ck_assert_int_eq (aut_file_read (config, 1 << 20, &text, &size), 0);
    const char *at = strstr (text, change->from);
    ck_assert_msg (at != NULL, "the golden's config has no %s", change->from);
    char *changed =
        aut_sprintf ("%.*s%s%s", (int)(at - text), text, change->to, at + strlen (change->from));
    char *folder = make_folder ();
    const char *weights = "diffusion_pytorch_model.safetensors";
    char *to = aut_sprintf ("%s/config.json", folder);
    char *from_weights = aut_sprintf ("%s/%s", model, weights);
    char *to_weights = aut_sprintf ("%s/%s", folder, weights);
    ck_assert_int_eq (aut_file_write (to, changed, strlen (changed)), 0);
    ck_assert_int_eq (aut_file_copy (from_weights, to_weights), 0);

    scene_t s = {.c = open_cpu (1)};
    wan_vae_options_t parts = {.dtype = AUT_DTYPE_F32, .encoder = true, .decoder = true};
    int rc = wan_vae_open (&s.vae, s.c, folder, "vae", &parts);
    ck_assert_msg (rc == change->code && strstr (aut_error_detail (), change->said), "%s: %d, %s",
                   change->said, rc, aut_error_detail ());
    ck_assert_msg (strncmp (aut_error_detail (), "vae", 3) == 0, "%s", aut_error_detail ());
    ck_assert_ptr_null (s.vae);
    aten_destroy (&s.c);
    char *const texts[] = {model, config, text, changed, to, from_weights, to_weights};
    for (int i = 0; i < COUNT (texts); i++)
        free (texts[i]);
    remove_folder (&folder);
}

START_TEST (test_configs)
{
    each_case (COUNT (changes), one_configs);
}
END_TEST

START_TEST (test_bf16)
{
    scene_t s;
    open_scene (&s, "wan21-t2v", "golden");
    wan_vae_close (&s.vae);
    wan_vae_options_t options = {.dtype = AUT_DTYPE_BF16, .encoder = true, .decoder = true};
    ck_assert_int_eq (wan_vae_open (&s.vae, s.c, GOLDENS "wan21-t2v/model/vae", "vae", &options),
                      0);
    make_roundtrip (&s);
    tensor_t *mean = wan_vae_encode (s.vae, s.frames, s.height, s.width, source, &s, NULL);
    ck_assert_int_eq (aten_dtype (mean), AUT_DTYPE_F32);
    const aut_tensor_t *expected = find (&s, "vae.roundtrip.mean");
    ck_assert_double_le (apart (&s, mean, expected->data, expected->count), 0.1);
    decode (&s, given (&s, "vae.roundtrip.mean"), NULL);
    const float *pixels = find (&s, "vae.roundtrip.decoded")->data;
    int64_t count = 3 * s.frames * s.height * s.width;
    double squares = 0;
    for (int64_t i = 0; i < count; i++)
        squares += pow ((double)s.pixels[i] - (double)pixels[i], 2);
    ck_assert_double_le (sqrt (squares / (double)count), 0.03);
    ck_assert_double_gt (sqrt (squares / (double)count), 1e-4);
    close_scene (&s);
}
END_TEST

TCase *suite_vae (void)
{
    TCase *tests = tcase_create ("vae");
    tcase_set_timeout (tests, 120);
    tcase_add_test (tests, test_roundtrip);
    tcase_add_test (tests, test_decode);
    tcase_add_test (tests, test_condition);
    tcase_add_test (tests, test_tiles);
    tcase_add_test (tests, test_one_tile);
    tcase_add_loop_test (tests, test_memory, 0, 2);
    tcase_add_test (tests, test_refused);
    tcase_add_test (tests, test_halves);
    tcase_add_test (tests, test_configs);
    tcase_add_test (tests, test_bf16);
    return tests;
}
