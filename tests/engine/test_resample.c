/*  Images as the pipelines see them: byte for byte and bit for bit what Pillow, diffusers and
 *  transformers make of the same pictures (vision_cases.h, made by make_vision_cases.py, and the
 *  goldens), and what is refused.
 */
#include "lib/core/error.h"
#include "lib/core/hash.h"
#include "lib/core/json.h"
#include "lib/core/mem.h"
#include "lib/core/safetensors.h"
#include "node/engine/vision/preprocess.h"
#include "node/engine/vision/resample.h"
#include "tests/engine/suites.h"
#include "tests/engine/support.h"
#include "tests/engine/vision_cases.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) ((int)(sizeof (array) / sizeof *(array)))

/*  The picture of make_vision_cases.py: noise, which shows every wrong weight. */
static uint8_t *vision_picture (uint32_t w, uint32_t h)
{
    size_t size = (size_t)w * h * 3;
    uint8_t *rgb = aut_calloc (size, 1);
    uint32_t state = w * 65536 + h;
    for (size_t i = 0; i < size; i++) {
        state = state * 1664525 + 1013904223;
        rgb[i] = (uint8_t)(state >> 24);
    }
    return rgb;
}

static void check_hash (const void *data, size_t size, const char *expected)
{
    aut_hash_t hash = aut_hash_of (data, size);
    char hex[AUT_HASH_HEX];
    ck_assert_str_eq (aut_hash_hex (&hash, hex), expected);
}

static void one_resize_is_pillows (int i)
{
    uint32_t w0 = resample_cases[i].w0, h0 = resample_cases[i].h0;
    uint32_t w = resample_cases[i].w, h = resample_cases[i].h;
    uint8_t *rgb = vision_picture (w0, h0), *out;
    aut_resample_filter_t filter = (aut_resample_filter_t)resample_cases[i].filter;
    ck_assert_int_eq (aut_resample_u8 (&out, rgb, w0, h0, w, h, filter), 0);
    check_hash (out, (size_t)w * h * 3, resample_cases[i].hash);
    free (out);
    free (rgb);
}

START_TEST (resize_is_pillows)
{
    each_case (COUNT (resample_cases), one_resize_is_pillows);
}
END_TEST

/*  Worked out by hand: a triangle of half width 1, centred at 1/4, 3/4, 5/4 and 7/4 of two pixels,
 *  weighs them 1:0, 3:1, 1:3 and 0:1. */
START_TEST (bilinear_by_hand)
{
    static const uint8_t rgb[] = {0, 255, 100, 255, 0, 100};
    static const uint8_t expected[] = {0, 255, 100, 64, 191, 100, 191, 64, 100, 255, 0, 100};
    uint8_t *out;
    ck_assert_int_eq (aut_resample_u8 (&out, rgb, 2, 1, 4, 1, AUT_RESAMPLE_BILINEAR), 0);
    ck_assert_mem_eq (out, expected, sizeof expected);
    free (out);
}
END_TEST

static const struct {
    uint32_t w0, h0, w, h;
    int filter, rc;
    const char *detail;
} refused_sizes[] = {
    {0, 4, 4, 4, AUT_RESAMPLE_BICUBIC, AUT_ERR_INVALID, "0x4 to 4x4"},
    {4, 0, 4, 4, AUT_RESAMPLE_BICUBIC, AUT_ERR_INVALID, "4x0 to 4x4"},
    {4, 4, 0, 4, AUT_RESAMPLE_BICUBIC, AUT_ERR_INVALID, "4x4 to 0x4"},
    {4, 4, 4, 0, AUT_RESAMPLE_BICUBIC, AUT_ERR_INVALID, "4x4 to 4x0"},
    {4, 4, 32769, 1, AUT_RESAMPLE_BICUBIC, AUT_ERR_TOO_LARGE, "32769x1"},
    {4, 4, 1, 32769, AUT_RESAMPLE_BICUBIC, AUT_ERR_TOO_LARGE, "1x32769"},
    {UINT32_MAX, 4, 4, 4, AUT_RESAMPLE_BICUBIC, AUT_ERR_TOO_LARGE, "4294967295x4"},
    {4, UINT32_MAX, 4, 4, AUT_RESAMPLE_BICUBIC, AUT_ERR_TOO_LARGE, "4x4294967295"},
    {16384, 16385, 1, 1, AUT_RESAMPLE_BICUBIC, AUT_ERR_TOO_LARGE, "256 Mi"},
    {1, 1, 16384, 16385, AUT_RESAMPLE_BICUBIC, AUT_ERR_TOO_LARGE, "256 Mi"},
    {2, 16385, 16384, 2, AUT_RESAMPLE_BICUBIC, AUT_ERR_TOO_LARGE, "256 Mi"},
    {4, 4, 4, 4, 0, AUT_ERR_UNSUPPORTED, "filter 0"},
    {4, 4, 4, 4, 4, AUT_ERR_UNSUPPORTED, "filter 4"},
    {4, 4, 4, 4, -1, AUT_ERR_UNSUPPORTED, "filter -1"},
};

static void one_sizes_are_bounded (int i)
{
    static const uint8_t nothing[4 * 4 * 3];
    uint8_t *out = (uint8_t *)nothing;
    ck_assert_int_eq (aut_resample_u8 (&out, nothing, refused_sizes[i].w0, refused_sizes[i].h0,
                                       refused_sizes[i].w, refused_sizes[i].h,
                                       (aut_resample_filter_t)refused_sizes[i].filter),
                      refused_sizes[i].rc);
    ck_assert_ptr_null (out);
    ck_assert_ptr_nonnull (strstr (aut_error_detail (), refused_sizes[i].detail));
}

START_TEST (sizes_are_bounded)
{
    each_case (COUNT (refused_sizes), one_sizes_are_bounded);
}
END_TEST

static void one_vae_is_diffusers (int i)
{
    uint32_t w0 = vae_cases[i].w0, h0 = vae_cases[i].h0, w = vae_cases[i].w, h = vae_cases[i].h;
    uint8_t *rgb = vision_picture (w0, h0);
    float *out;
    ck_assert_int_eq (aut_vae_pixels (&out, rgb, w0, h0, w, h), 0);
    check_hash (out, (size_t)w * h * 3 * sizeof *out, vae_cases[i].hash);
    free (out);
    ck_assert_int_eq (aut_vae_pixels (&out, rgb, w0, h0, 0, h), AUT_ERR_INVALID);
    ck_assert_ptr_null (out);
    free (rgb);
}

START_TEST (vae_is_diffusers)
{
    each_case (COUNT (vae_cases), one_vae_is_diffusers);
}
END_TEST

static int parse (aut_clip_preprocess_t *self, const char *text)
{
    json_t *config;
    ck_assert_int_eq (aut_json_parse (&config, text, strlen (text), "text"), 0);
    int rc = aut_clip_preprocess_parse (self, config, "p.json");
    json_decref (config);
    return rc;
}

static void one_clip_is_transformers (int i)
{
    aut_clip_preprocess_t clip;
    ck_assert_int_eq (parse (&clip, clip_cases[i].config), 0);
    uint32_t w0 = clip_cases[i].w0, h0 = clip_cases[i].h0, w, h;
    uint8_t *rgb = vision_picture (w0, h0);
    float *out;
    ck_assert_int_eq (aut_clip_pixels (&out, &w, &h, &clip, rgb, w0, h0), 0);
    ck_assert_uint_eq (w, clip_cases[i].w);
    ck_assert_uint_eq (h, clip_cases[i].h);
    check_hash (out, (size_t)w * h * 3 * sizeof *out, clip_cases[i].hash);
    free (out);
    free (rgb);
}

START_TEST (clip_is_transformers)
{
    each_case (COUNT (clip_cases), one_clip_is_transformers);
}
END_TEST

START_TEST (clip_bounds_the_image)
{
    aut_clip_preprocess_t clip;
    aut_clip_preprocess_init (&clip);
    static const uint8_t pixels[300 * 3];
    float *out = (float *)&out;
    uint32_t w = 1, h = 1;
    ck_assert_int_eq (aut_clip_pixels (&out, &w, &h, &clip, pixels, 1, 0), AUT_ERR_INVALID);
    ck_assert_ptr_null (out);
    ck_assert_uint_eq (w + h, 0);
    ck_assert_int_eq (aut_clip_pixels (&out, &w, &h, &clip, pixels, 300, 2), AUT_ERR_TOO_LARGE);
    ck_assert_ptr_nonnull (strstr (aut_error_detail (), "300x2"));
    ck_assert_int_eq (aut_clip_pixels (&out, &w, &h, &clip, pixels, 2, UINT32_MAX),
                      AUT_ERR_TOO_LARGE);
    clip.shortest_edge = 1; /* 32768 is the largest length */
    clip.crop_width = clip.crop_height = 1;
    ck_assert_int_eq (aut_clip_pixels (&out, &w, &h, &clip, pixels, 1, 300), 0);
    free (out);
}
END_TEST

static const struct {
    const char *config;
    int rc;
    const char *detail;
} refused_configs[] = {
    {"[]", AUT_ERR_INVALID, "p.json: must be an object"},
    {"{\"do_resize\":1}", AUT_ERR_INVALID, "p.json: \"do_resize\""},
    {"{\"do_resize\":null}", AUT_ERR_INVALID, "\"do_resize\" is null"},
    {"{\"do_center_crop\":\"yes\"}", AUT_ERR_INVALID, "\"do_center_crop\""},
    {"{\"do_convert_rgb\":2}", AUT_ERR_INVALID, "\"do_convert_rgb\""},
    {"{\"do_pad\":true}", AUT_ERR_UNSUPPORTED, "\"do_pad\""},
    {"{\"use_square_size\":true}", AUT_ERR_UNSUPPORTED, "\"use_square_size\""},
    {"{\"size\":0}", AUT_ERR_INVALID, "\"size\""},
    {"{\"size\":-224}", AUT_ERR_INVALID, "\"size\""},
    {"{\"size\":4097}", AUT_ERR_INVALID, "\"size\""},
    {"{\"size\":224.5}", AUT_ERR_UNSUPPORTED, "\"size\""},
    {"{\"size\":true}", AUT_ERR_UNSUPPORTED, "\"size\""},
    {"{\"size\":{}}", AUT_ERR_UNSUPPORTED, "\"size\""},
    {"{\"size\":null}", AUT_ERR_INVALID, "\"size\" is null"},
    {"{\"size\":[224]}", AUT_ERR_UNSUPPORTED, "\"size\""},
    {"{\"size\":[224,\"a\"]}", AUT_ERR_INVALID, "\"size\""},
    {"{\"size\":{\"height\":224}}", AUT_ERR_UNSUPPORTED, "\"size\""},
    {"{\"size\":{\"height\":224,\"width\":9223372036854775807}}", AUT_ERR_INVALID, "\"size\""},
    {"{\"size\":{\"shortest_edge\":224.0}}", AUT_ERR_INVALID, "\"size\""},
    {"{\"size\":{\"longest_edge\":224}}", AUT_ERR_UNSUPPORTED, "\"size\""},
    {"{\"size\":{\"shortest_edge\":224,\"longest_edge\":448}}", AUT_ERR_UNSUPPORTED, "\"size\""},
    {"{\"size\":{\"shortest_edge\":1,\"height\":2,\"width\":3}}", AUT_ERR_UNSUPPORTED, "\"size\""},
    {"{\"crop_size\":{\"shortest_edge\":224}}", AUT_ERR_UNSUPPORTED, "\"crop_size\""},
    {"{\"crop_size\":{\"height\":0,\"width\":2}}", AUT_ERR_INVALID, "\"crop_size\""},
    {"{\"resample\":0}", AUT_ERR_UNSUPPORTED, "\"resample\""},
    {"{\"resample\":4}", AUT_ERR_UNSUPPORTED, "\"resample\""},
    {"{\"resample\":\"bicubic\"}", AUT_ERR_INVALID, "\"resample\""},
    {"{\"rescale_factor\":0}", AUT_ERR_INVALID, "\"rescale_factor\""},
    {"{\"rescale_factor\":1e300}", AUT_ERR_INVALID, "\"rescale_factor\""},
    {"{\"rescale_factor\":\"1\"}", AUT_ERR_INVALID, "\"rescale_factor\""},
    {"{\"image_mean\":[0.5,0.5]}", AUT_ERR_INVALID, "\"image_mean\""},
    {"{\"image_mean\":[0.5,0.5,0.5,0.5]}", AUT_ERR_INVALID, "\"image_mean\""},
    {"{\"image_mean\":[0.5,0.5,null]}", AUT_ERR_INVALID, "\"image_mean\""},
    {"{\"image_mean\":-1e9}", AUT_ERR_INVALID, "\"image_mean\""},
    {"{\"image_std\":[0.5,0,0.5]}", AUT_ERR_INVALID, "\"image_std\""},
    {"{\"image_std\":-1}", AUT_ERR_INVALID, "\"image_std\""},
    {"{\"image_processor_type\":\"ViTImageProcessor\"}", AUT_ERR_UNSUPPORTED,
     "\"image_processor_type\""},
    {"{\"image_processor_type\":3}", AUT_ERR_INVALID, "\"image_processor_type\""},
};

static void one_configs_are_bounded (int i)
{
    aut_clip_preprocess_t clip;
    ck_assert_int_eq (parse (&clip, refused_configs[i].config), refused_configs[i].rc);
    ck_assert_ptr_nonnull (strstr (aut_error_detail (), "p.json: "));
    ck_assert_msg (strstr (aut_error_detail (), refused_configs[i].detail) != NULL, "%s",
                   aut_error_detail ());
}

START_TEST (configs_are_bounded)
{
    each_case (COUNT (refused_configs), one_configs_are_bounded);
}
END_TEST

/*  The pipelines' own tensors: NAME/golden.safetensors, whose images the README describes. */
static const struct {
    const char *name, *run, *image;
    int clip; /* which of the pictures for CLIP; -1: the pipeline has no CLIP */
} goldens[] = {
    {"wan21-i2v", "golden", "image", 0},        {"wan21-flf2v", "golden", "image", 0},
    {"wan21-flf2v", "golden", "last_image", 1}, {"wan22-ti2v", "golden-i2v", "image", -1},
    {"wan22-a14b-i2v", "golden", "image", -1},
};

static const aut_tensor_t *need (const aut_safetensors_t *file, const char *image, const char *what)
{
    char *name = aut_sprintf ("image.%s.%s", image, what);
    const aut_tensor_t *tensor = need_tensor (file, name);
    free (name);
    return tensor;
}

static void check_clip (const aut_safetensors_t *file, const aut_tensor_t *image, int which,
                        const char *name)
{
    const aut_tensor_t *pixels = need (file, "clip", "pixels");
    char *path = aut_sprintf (GOLDENS "%s/model/image_processor/preprocessor_config.json", name);
    aut_clip_preprocess_t clip;
    ck_assert_int_eq (aut_clip_preprocess_load (&clip, path), 0);
    float *out;
    uint32_t w, h;
    ck_assert_int_eq (aut_clip_pixels (&out, &w, &h, &clip, image->data, (uint32_t)image->shape[1],
                                       (uint32_t)image->shape[0]),
                      0);
    ck_assert_uint_eq (w, pixels->shape[3]);
    ck_assert_uint_eq (h, pixels->shape[2]);
    size_t size = (size_t)w * h * 3 * sizeof *out;
    ck_assert_uint_le ((size_t)(which + 1) * size, pixels->size);
    ck_assert_mem_eq (out, (const char *)pixels->data + (size_t)which * size, size);
    free (out);
    free (path);
}

static void one_goldens_are_equal (int i)
{
    aut_safetensors_t *file = open_golden (goldens[i].name, goldens[i].run);
    const aut_tensor_t *image = need (file, goldens[i].image, "u8");
    const aut_tensor_t *seen = need (file, goldens[i].image, "preprocessed");
    float *out;
    ck_assert_int_eq (aut_vae_pixels (&out, image->data, (uint32_t)image->shape[1],
                                      (uint32_t)image->shape[0], (uint32_t)seen->shape[3],
                                      (uint32_t)seen->shape[2]),
                      0);
    ck_assert_mem_eq (out, seen->data, seen->size);
    free (out);
    if (goldens[i].clip >= 0)
        check_clip (file, image, goldens[i].clip, goldens[i].name);
    aut_safetensors_destroy (&file);
}

START_TEST (goldens_are_equal)
{
    each_case (COUNT (goldens), one_goldens_are_equal);
}
END_TEST

START_TEST (load_names_the_file)
{
    aut_clip_preprocess_t clip;
    ck_assert_int_eq (aut_clip_preprocess_load (&clip, GOLDENS "none.json"), AUT_ERR_NOT_FOUND);
    ck_assert_ptr_nonnull (strstr (aut_error_detail (), "none.json"));
}
END_TEST

TCase *suite_resample (void)
{
    TCase *tc = tcase_create ("resample");
    tcase_add_test (tc, resize_is_pillows);
    tcase_add_test (tc, bilinear_by_hand);
    tcase_add_test (tc, sizes_are_bounded);
    tcase_add_test (tc, vae_is_diffusers);
    tcase_add_test (tc, clip_is_transformers);
    tcase_add_test (tc, clip_bounds_the_image);
    tcase_add_test (tc, configs_are_bounded);
    tcase_add_test (tc, goldens_are_equal);
    tcase_add_test (tc, load_names_the_file);
    return tc;
}
