/*  The tables hold the arithmetic; the order of operations and where it narrows to float are those
 *  of the pipelines that the models were published with, so that results are equal to the last bit.
 */
#include "node/engine/vision/preprocess.h"

#include "lib/core/error.h"
#include "lib/core/json.h"
#include "lib/core/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define CONFIG_MAX (64u << 10)
/*  Bounds that keep every pixel finite and far from a float's limits. */
#define SCALE_MIN 1e-6
#define SCALE_MAX 1e3

/*  A channel's value as a float, for each of its 256 values. */
typedef float table_t[256];

/*  The part of an image that is taken; it may reach beyond it. */
typedef struct {
    int64_t x, y;
    uint32_t w, h;
} window_t;

/*  `out` (3, window.h, window.w): `rgb` (h, w, 3) seen through the window, black outside. */
static int to_planar (float **out, const uint8_t *rgb, uint32_t w, uint32_t h, window_t window,
                      const table_t tables[3])
{
    static const uint8_t black[3] = {0};
    size_t plane = (size_t)window.w * window.h;
    float *to = *out = aut_try_alloc (plane, 3 * sizeof **out);
    if (!to)
        return AUT_ERR_NOMEM;
    for (int64_t y = window.y; y < window.y + window.h; y++)
        for (int64_t x = window.x; x < window.x + window.w; x++, to++) {
            bool inside = y >= 0 && y < h && x >= 0 && x < w;
            const uint8_t *pixel = inside ? rgb + ((size_t)y * w + (size_t)x) * 3 : black;
            for (size_t c = 0; c < 3; c++)
                to[c * plane] = tables[c][pixel[c]];
        }
    return AUT_OK;
}

int aut_vae_pixels (float **out, const uint8_t *rgb, uint32_t w0, uint32_t h0, uint32_t w,
                    uint32_t h)
{
    *out = NULL;
    table_t tables[3];
    for (int i = 0; i < 256; i++) {
        float unit = (float)i / 255.0f;
        tables[0][i] = tables[1][i] = tables[2][i] = 2.0f * unit - 1.0f;
    }
    uint8_t *resized;
    int rc = aut_resample_u8 (&resized, rgb, w0, h0, w, h, AUT_RESAMPLE_LANCZOS);
    if (rc == AUT_OK)
        rc = to_planar (out, resized, w, h, (window_t){0, 0, w, h}, tables);
    free (resized);
    return rc;
}

void aut_clip_preprocess_init (aut_clip_preprocess_t *self)
{
    *self = (aut_clip_preprocess_t){
        .do_resize = true,
        .shortest_edge = 224,
        .filter = AUT_RESAMPLE_BICUBIC,
        .do_center_crop = true,
        .crop_width = 224,
        .crop_height = 224,
        .do_rescale = true,
        .rescale_factor = 1.0 / 255.0,
        .do_normalize = true,
        .mean = {0.48145466, 0.4578275, 0.40821073},
        .std = {0.26862954, 0.26130258, 0.27577711},
    };
}

static int read_bool (const json_t *config, const char *key, bool *out)
{
    int rc = aut_json_bool (config, key, out);
    return rc == AUT_ERR_NOT_FOUND ? AUT_OK : rc;
}

static int read_edge (const json_t *value, const char *key, uint32_t *out)
{
    json_int_t edge = json_is_integer (value) ? json_integer_value (value) : 0;
    if (edge < 1 || edge > AUT_CLIP_EDGE_MAX)
        return aut_fail (AUT_ERR_INVALID, "\"%s\": a length is not a whole number in 1 … %u", key,
                         AUT_CLIP_EDGE_MAX);
    *out = (uint32_t)edge;
    return AUT_OK;
}

/*  A size as the format has it: {"height", "width"}, {"shortest_edge"}, [height, width], or one
 *  number, which is a square if `square`. `shortest` is NULL where only height and width will do.
 */
static int read_size (const json_t *config, const char *key, bool square, uint32_t *shortest,
                      uint32_t *w, uint32_t *h)
{
    const json_t *size = json_object_get (config, key);
    if (!size)
        return AUT_OK;
    const json_t *height = json_object_get (size, "height"),
                 *width = json_object_get (size, "width");
    const json_t *edge = json_object_get (size, "shortest_edge");
    size_t keys = json_object_size (size); /* 0 for what is no object */
    if (json_is_array (size) && json_array_size (size) == 2) {
        height = json_array_get (size, 0);
        width = json_array_get (size, 1);
    } else if (json_is_integer (size) && square) {
        height = width = size;
    } else if (json_is_integer (size)) {
        edge = size;
    }
    if (shortest && edge && keys < 2)
        return read_edge (edge, key, shortest);
    if (!height || !width || keys > 2)
        return aut_fail (AUT_ERR_UNSUPPORTED, "\"%s\" must have \"height\" and \"width\"%s", key,
                         shortest ? ", or \"shortest_edge\" alone" : "");
    if (shortest)
        *shortest = 0;
    int rc = read_edge (height, key, h);
    return rc == AUT_OK ? read_edge (width, key, w) : rc;
}

static int check_range (double value, const char *key, double low, double high)
{
    if (value >= low && value <= high)
        return AUT_OK;
    return aut_fail (AUT_ERR_INVALID, "\"%s\": a value is not in %g … %g", key, low, high);
}

/*  One number for all channels, or one for each. */
static int read_channels (const json_t *config, const char *key, double low, double high,
                          double out[3])
{
    const json_t *value = json_object_get (config, key);
    if (!value)
        return AUT_OK;
    if (!json_is_number (value) && json_array_size (value) != 3)
        return aut_fail (AUT_ERR_INVALID, "\"%s\" must be a number or three", key);
    int rc = AUT_OK;
    for (size_t c = 0; c < 3 && rc == AUT_OK; c++) {
        const json_t *item = json_is_array (value) ? json_array_get (value, c) : value;
        out[c] = json_is_number (item) ? json_number_value (item) : NAN;
        rc = check_range (out[c], key, low, high);
    }
    return rc;
}

static int read_filter (const json_t *config, aut_resample_filter_t *out)
{
    int64_t filter = *out;
    int rc = aut_json_int (config, "resample", &filter);
    if (rc != AUT_OK && rc != AUT_ERR_NOT_FOUND)
        return rc;
    if (filter < AUT_RESAMPLE_LANCZOS || filter > AUT_RESAMPLE_BICUBIC)
        return aut_fail (AUT_ERR_UNSUPPORTED,
                         "\"resample\" must be 1 (Lanczos), 2 (bilinear) or 3 (bicubic)");
    *out = (aut_resample_filter_t)filter;
    return AUT_OK;
}

/*  null is not a key that is missing: it has no one meaning among the readers of this format. */
static int check_nulls (const json_t *config)
{
    static const char *const keys[] = {
        "do_resize",  "size",           "resample",     "do_center_crop", "crop_size",
        "do_rescale", "rescale_factor", "do_normalize", "image_mean",     "image_std"};
    for (size_t k = 0; k < sizeof keys / sizeof *keys; k++)
        if (json_is_null (json_object_get (config, keys[k])))
            return aut_fail (AUT_ERR_INVALID, "\"%s\" is null: give a value or leave it out",
                             keys[k]);
    return AUT_OK;
}

/*  Another processor has other defaults and steps. */
static int check_processor (const json_t *config)
{
    static const char *const keys[] = {"image_processor_type", "feature_extractor_type"};
    static const char *const known[] = {"CLIPImageProcessor", "CLIPImageProcessorFast",
                                        "CLIPImageProcessorPil", "CLIPFeatureExtractor"};
    for (size_t k = 0; k < sizeof keys / sizeof *keys; k++) {
        const char *type = NULL;
        int rc = aut_json_string (config, keys[k], &type);
        if (rc != AUT_OK && rc != AUT_ERR_NOT_FOUND)
            return rc;
        bool is_known = !type;
        for (size_t i = 0; type && i < sizeof known / sizeof *known; i++)
            is_known = is_known || strcmp (type, known[i]) == 0;
        if (!is_known)
            return aut_fail (AUT_ERR_UNSUPPORTED, "\"%s\" must be \"%s\"", keys[k], known[0]);
    }
    return AUT_OK;
}

static int read_switches (aut_clip_preprocess_t *self, const json_t *config, bool *square)
{
    const struct {
        const char *key;
        bool *out;
    } switches[] = {
        {"do_resize", &self->do_resize},   {"do_center_crop", &self->do_center_crop},
        {"do_rescale", &self->do_rescale}, {"do_normalize", &self->do_normalize},
        {"default_to_square", square},
    };
    for (size_t i = 0; i < sizeof switches / sizeof *switches; i++) {
        int rc = read_bool (config, switches[i].key, switches[i].out);
        if (rc != AUT_OK)
            return rc;
    }
    static const char *const unbuilt[] = {"do_pad", "use_square_size"};
    for (size_t i = 0; i < sizeof unbuilt / sizeof *unbuilt; i++) {
        bool is_on = false;
        int rc = read_bool (config, unbuilt[i], &is_on);
        if (rc != AUT_OK)
            return rc;
        if (is_on)
            return aut_fail (AUT_ERR_UNSUPPORTED, "\"%s\" must be false", unbuilt[i]);
    }
    bool unused; /* the images are RGB already */
    return read_bool (config, "do_convert_rgb", &unused);
}

static int read_config (aut_clip_preprocess_t *self, const json_t *config)
{
    bool square = false;
    if (!json_is_object (config))
        return aut_fail (AUT_ERR_INVALID, "must be an object");
    int rc = check_processor (config);
    if (rc == AUT_OK)
        rc = check_nulls (config);
    if (rc == AUT_OK)
        rc = read_switches (self, config, &square);
    if (rc == AUT_OK)
        rc = read_size (config, "size", square, &self->shortest_edge, &self->width, &self->height);
    if (rc == AUT_OK)
        rc = read_size (config, "crop_size", true, NULL, &self->crop_width, &self->crop_height);
    if (rc == AUT_OK)
        rc = read_filter (config, &self->filter);
    if (rc == AUT_OK)
        rc = read_channels (config, "image_mean", -SCALE_MAX, SCALE_MAX, self->mean);
    if (rc == AUT_OK)
        rc = read_channels (config, "image_std", SCALE_MIN, SCALE_MAX, self->std);
    if (rc != AUT_OK)
        return rc;
    rc = aut_json_number (config, "rescale_factor", &self->rescale_factor);
    if (rc != AUT_OK && rc != AUT_ERR_NOT_FOUND)
        return rc;
    return check_range (self->rescale_factor, "rescale_factor", SCALE_MIN, SCALE_MAX);
}

int aut_clip_preprocess_parse (aut_clip_preprocess_t *self, const json_t *config, const char *what)
{
    aut_clip_preprocess_init (self);
    int rc = read_config (self, config);
    return rc == AUT_OK ? AUT_OK : aut_fail_in (rc, "%s", what);
}

int aut_clip_preprocess_load (aut_clip_preprocess_t *self, const char *path)
{
    json_t *config = NULL;
    aut_clip_preprocess_init (self);
    int rc = aut_json_load (&config, path, CONFIG_MAX);
    if (rc == AUT_OK)
        rc = aut_clip_preprocess_parse (self, config, path);
    json_decref (config);
    return rc;
}

/*  The size after the resize: the shorter side becomes shortest_edge, and the longer follows,
 *  rounded down from a double. */
static int resized_size (const aut_clip_preprocess_t *self, uint32_t w0, uint32_t h0, uint32_t *w,
                         uint32_t *h)
{
    if (w0 == 0 || h0 == 0)
        return aut_fail (AUT_ERR_INVALID, "the image is %ux%u: a side is empty", w0, h0);
    if (!self->do_resize || self->shortest_edge == 0) {
        *w = self->do_resize ? self->width : w0;
        *h = self->do_resize ? self->height : h0;
        return AUT_OK;
    }
    uint32_t edge = self->shortest_edge, less = w0 <= h0 ? w0 : h0, more = w0 <= h0 ? h0 : w0;
    double longer = (double)((uint64_t)edge * more) / less;
    if (longer >= (double)AUT_RESAMPLE_SIDE_MAX + 1)
        return aut_fail (
            AUT_ERR_TOO_LARGE,
            "the image is %ux%u: resized to a shorter side of %u its longer one passes "
            "%u: give a less narrow image",
            w0, h0, edge, AUT_RESAMPLE_SIDE_MAX);
    *w = w0 <= h0 ? edge : (uint32_t)longer;
    *h = w0 <= h0 ? (uint32_t)longer : edge;
    return AUT_OK;
}

static void fill_tables (const aut_clip_preprocess_t *self, table_t tables[3])
{
    for (int c = 0; c < 3; c++)
        for (int i = 0; i < 256; i++) {
            float value = (float)i;
            if (self->do_rescale)
                value = (float)((double)i * self->rescale_factor);
            if (self->do_normalize)
                value = (value - (float)self->mean[c]) / (float)self->std[c];
            tables[c][i] = value;
        }
}

/*  Where a length of `part` starts in `whole` so that it is in the middle; below 0 if it is longer.
 *  Halves are rounded down, also below 0. */
static int64_t middle (uint32_t whole, uint32_t part)
{
    int64_t rest = (int64_t)whole - part;
    return (rest - (rest & 1)) / 2;
}

int aut_clip_pixels (float **out, uint32_t *w, uint32_t *h, const aut_clip_preprocess_t *self,
                     const uint8_t *rgb, uint32_t w0, uint32_t h0)
{
    *out = NULL;
    *w = *h = 0;
    uint32_t w1 = 0, h1 = 0;
    uint8_t *resized = NULL;
    int rc = resized_size (self, w0, h0, &w1, &h1);
    if (rc == AUT_OK)
        rc = aut_resample_u8 (&resized, rgb, w0, h0, w1, h1, self->filter);
    if (rc != AUT_OK)
        return rc;
    window_t window = {0, 0, w1, h1};
    if (self->do_center_crop)
        window = (window_t){middle (w1, self->crop_width), middle (h1, self->crop_height),
                            self->crop_width, self->crop_height};
    table_t tables[3];
    fill_tables (self, tables);
    rc = to_planar (out, resized, w1, h1, window, tables);
    free (resized);
    if (rc == AUT_OK) {
        *w = window.w;
        *h = window.h;
    }
    return rc;
}
