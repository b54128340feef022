/*  Upscalers against their torch definition, tiles against the whole, memory, and files that are
 *  refused. Goldens: goldens/make_upscale.py.
 */
#include "lib/core/error.h"
#include "lib/core/file.h"
#include "lib/core/mem.h"
#include "lib/core/safetensors.h"
#include "node/engine/upscaler.h"
#include "node/engine/vision/resample.h"
#include "tests/core/support.h"
#include "tests/engine/suites.h"
#include "tests/engine/support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(a) (sizeof (a) / sizeof *(a))
#define FILES GOLDENS "upscale/"
#define TOLERANCE 1e-4
#define SEAM_DB 60 /* PSNR of tiled against whole */

static char *folder;

static void set_up (void)
{
    folder = make_folder ();
}

static void tear_down (void)
{
    remove_folder (&folder);
}

static upscaler_t *open_model (const char *path, uint64_t limit)
{
    upscaler_t *self = NULL;
    const upscaler_options_t options = {.model = path, .threads = 1, .memory_limit = limit};
    int rc = upscaler_open (&self, &options);
    ck_assert_msg (rc == 0, "%s", aut_error_detail ());
    return self;
}

/* ---- goldens --------------------------------------------------------------------------------- */

static const struct {
    const char *file, *golden, *architecture;
    int64_t scale, features, depth;
} models[] = {
    {"srvgg-x4.safetensors", "srvgg-x4", "SRVGGNetCompact", 4, 12, 3},
    {"srvgg-x2.safetensors", "srvgg-x2", "SRVGGNetCompact", 2, 7, 1},
    {"srvgg-x3.safetensors", "srvgg-x3", "SRVGGNetCompact", 3, 5, 0},
    {"rrdb-x4.safetensors", "rrdb-x4", "RRDBNet", 4, 8, 2},
    {"ncnn-srvgg-x4.param", "srvgg-x4", "SRVGGNetCompact", 4, 12, 3},
    {"ncnn-rrdb-x4.param", "rrdb-x4", "RRDBNet", 4, 8, 2},
};

static void check_golden (int i)
{
    aut_safetensors_t *golden = open_golden ("upscale", "golden-frames");
    const aut_tensor_t *in = need_tensor (golden, "input");
    const aut_tensor_t *want = need_tensor (golden, models[i].golden);
    char *path = aut_sprintf ("%s%s", FILES, models[i].file);
    upscaler_t *self = open_model (path, 0);
    const upscaler_facts_t *facts = upscaler_facts (self);
    ck_assert_str_eq (facts->architecture, models[i].architecture);
    ck_assert_int_eq (facts->scale, models[i].scale);
    ck_assert_int_eq (facts->features, models[i].features);
    ck_assert_int_eq (facts->depth, models[i].depth);
    ck_assert_int_eq ((int64_t)want->shape[1], (int64_t)in->shape[1] * facts->scale);
    float *out = aut_calloc (want->count, sizeof *out), worst = 0;
    ck_assert_msg (
        upscaler_frame (self, in->data, (int64_t)in->shape[1], (int64_t)in->shape[0], out) == 0,
        "%s", aut_error_detail ());
    for (uint64_t k = 0; k < want->count; k++)
        worst = fmaxf (worst, fabsf (out[k] - ((const float *)want->data)[k]));
    ck_assert_msg (worst <= TOLERANCE, "%s: differs by %g", models[i].file, worst);
    free (out);
    free (path);
    upscaler_close (&self);
    ck_assert_ptr_null (self);
    aut_safetensors_destroy (&golden);
}

START_TEST (frames_are_those_of_the_definition)
{
    each_case ((int)COUNT (models), check_golden);
}
END_TEST

/* ---- models made here ------------------------------------------------------------------------ */

#define TENSORS_MAX 800

/*  A model being written: fp32, each weight drawn from one stream. */
typedef struct {
    aut_tensor_t tensors[TENSORS_MAX];
    char names[TENSORS_MAX][96];
    size_t count;
    uint64_t state;
} made_t;

static float draw (uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (float)(*state >> 40) / (float)(1 << 24);
}

static void add (made_t *made, const char *name, const char *end, size_t rank, uint64_t out,
                 uint64_t in, float low, float high)
{
    aut_tensor_t *tensor = &made->tensors[made->count];
    snprintf (made->names[made->count], sizeof *made->names, "%s.%s", name, end);
    *tensor = (aut_tensor_t){.name = made->names[made->count++],
                             .dtype = AUT_DTYPE_F32,
                             .rank = (uint32_t)rank,
                             .shape = {out, in, 3, 3}};
    uint64_t count = rank == 1 ? out : out * in * 9;
    float *data = aut_calloc (count, sizeof *data);
    for (uint64_t i = 0; i < count; i++)
        data[i] = low + (high - low) * draw (&made->state);
    tensor->data = data;
}

/*  A convolution that keeps the size of what it is given. */
static void add_conv (made_t *made, const char *name, uint64_t out, uint64_t in)
{
    float bound = sqrtf (6.0f / (float)(in * 9));
    add (made, name, "weight", 4, out, in, -bound, bound);
    add (made, name, "bias", 1, out, 0, -0.1f, 0.1f);
}

static char *write_model (made_t *made)
{
    char *path = aut_path_join (folder, "model.safetensors", NULL);
    int rc = aut_safetensors_write (path, made->tensors, made->count);
    ck_assert_msg (rc == 0, "%s", aut_error_detail ());
    for (size_t i = 0; i < made->count; i++)
        free ((void *)made->tensors[i].data);
    free (made);
    return path;
}

/*  SRVGGNetCompact × 2. */
static char *make_srvgg (uint64_t features, size_t convs)
{
    made_t *made = aut_calloc (1, sizeof *made);
    char name[64];
    for (size_t i = 0; i < convs + 2; i++) {
        snprintf (name, sizeof name, "body.%zu", 2 * i);
        add_conv (made, name, i == convs + 1 ? 12 : features, i == 0 ? 3 : features);
        snprintf (name, sizeof name, "body.%zu", 2 * i + 1);
        if (i < convs + 1)
            add (made, name, "weight", 1, features, 0, 0, 0.5f);
    }
    return write_model (made);
}

static char *make_rrdb (uint64_t features, uint64_t grow, size_t blocks)
{
    static const char *const others[] = {"conv_first", "conv_body", "conv_up1",
                                         "conv_up2",   "conv_hr",   "conv_last"};
    made_t *made = aut_calloc (1, sizeof *made);
    char name[64];
    for (size_t i = 0; i < blocks * 15; i++) {
        uint64_t k = i % 5;
        snprintf (name, sizeof name, "body.%zu.rdb%zu.conv%zu", i / 15, i / 5 % 3 + 1, i % 5 + 1);
        add_conv (made, name, k < 4 ? grow : features, features + k * grow);
    }
    for (size_t i = 0; i < COUNT (others); i++)
        add_conv (made, others[i], i == 5 ? 3 : features, i == 0 ? 3 : features);
    return write_model (made);
}

/*  Noise over waves: every frequency, so that a seam would show. */
static float *make_frame (int64_t width, int64_t height)
{
    float *frame = aut_calloc ((size_t)(width * height * 3), sizeof *frame);
    uint64_t state = 7;
    for (int64_t i = 0; i < width * height * 3; i++)
        frame[i] = 0.35f + 0.15f * sinf ((float)(i / 3 % width) / 5) + 0.3f * draw (&state);
    return frame;
}

/* ---- tiles ----------------------------------------------------------------------------------- */

static double psnr (const float *a, const float *b, int64_t count)
{
    double sum = 0, power = 0, mean = 0;
    for (int64_t i = 0; i < count; i++) {
        sum += ((double)a[i] - b[i]) * ((double)a[i] - b[i]);
        mean += a[i] / (double)count;
        power += (double)a[i] * a[i] / (double)count;
    }
    ck_assert_double_gt (power - mean * mean, 1e-4); /* a picture, not one colour */
    return 10 * log10 ((double)count / fmax (sum, 1e-30));
}

/*  The frame at once, and within `limit` bytes in tiles. */
static void check_tiles (const char *path, int64_t width, int64_t height, uint64_t limit)
{
    upscaler_report_t report;
    float *frame = make_frame (width, height);
    upscaler_t *self = open_model (path, (uint64_t)2 << 30);
    int64_t scale = upscaler_facts (self)->scale, count = width * height * scale * scale * 3;
    float *whole = aut_calloc ((size_t)count, sizeof *whole);
    float *tiled = aut_calloc ((size_t)count, sizeof *tiled);
    ck_assert_int_eq (upscaler_frame (self, frame, width, height, whole), 0);
    upscaler_report (self, &report);
    ck_assert_int_eq (report.columns * report.rows, 1);
    ck_assert_uint_gt (report.peak_bytes, limit); /* or the limit would limit nothing */
    upscaler_close (&self);

    self = open_model (path, limit);
    int rc = upscaler_frame (self, frame, width, height, tiled);
    ck_assert_msg (rc == 0, "%s", aut_error_detail ());
    upscaler_report (self, &report);
    ck_assert_int_gt (report.columns * report.rows, 3);
    ck_assert_uint_le (report.peak_bytes, limit);
    double db = psnr (whole, tiled, count);
    ck_assert_msg (db >= SEAM_DB, "%lld × %lld tiles: %.1f dB", (long long)report.columns,
                   (long long)report.rows, db);
    upscaler_close (&self);
    free (tiled);
    free (whole);
    free (frame);
}

START_TEST (seams_of_srvgg_are_invisible)
{
    char *path = make_srvgg (16, 8);
    check_tiles (path, 157, 101, (uint64_t)1200 << 10);
    free (path);
}
END_TEST

/*  Its pixels depend on more than a tile is shown: 351 pixels on each side. */
START_TEST (seams_of_a_deep_rrdb_are_invisible)
{
    char *path = make_rrdb (4, 2, 23);
    check_tiles (path, 203, 151, (uint64_t)9 << 20);
    free (path);
}
END_TEST

/* ---- frames ---------------------------------------------------------------------------------- */

/*  Bytes in, bytes out: the float frame, rounded; and twice the same. */
START_TEST (bytes_are_floats_rounded)
{
    upscaler_t *self = open_model (FILES "srvgg-x4.safetensors", 0);
    enum { W = 9, H = 5, IN = W * H * 3, OUT = IN * 16 };
    uint8_t in[IN], out[OUT], again[OUT];
    float floats[IN], want[OUT];
    uint64_t state = 3;
    for (size_t i = 0; i < IN; i++) {
        in[i] = (uint8_t)(255.99f * draw (&state));
        floats[i] = (float)in[i] / 255.0f;
    }
    ck_assert_int_eq (upscaler_frame_u8 (self, in, W, H, out), 0);
    ck_assert_int_eq (upscaler_frame_u8 (self, in, W, H, again), 0);
    ck_assert_mem_eq (out, again, sizeof out);
    ck_assert_int_eq (upscaler_frame (self, floats, W, H, want), 0);
    for (size_t i = 0; i < OUT; i++) {
        ck_assert (want[i] >= 0 && want[i] <= 1);
        ck_assert_int_eq (out[i], (uint8_t)(want[i] * 255.0f + 0.5f));
    }
    upscaler_close (&self);
}
END_TEST

START_TEST (frames_of_any_size_and_only_those)
{
    static const struct {
        int64_t width, height;
        int rc;
    } sizes[] = {{1, 1, 0},
                 {1, 37, 0},
                 {5, 2, 0},
                 {0, 4, AUT_ERR_INVALID},
                 {4, -1, AUT_ERR_INVALID},
                 {UPSCALER_SIDE_MAX / 4 + 1, 1, AUT_ERR_INVALID},
                 {INT64_MAX, INT64_MAX, AUT_ERR_INVALID}};
    upscaler_t *self = open_model (FILES "srvgg-x4.safetensors", 0);
    float in[120] = {0}, out[120 * 16];
    for (size_t i = 0; i < COUNT (sizes); i++)
        ck_assert_int_eq (upscaler_frame (self, in, sizes[i].width, sizes[i].height, out),
                          sizes[i].rc);
    in[5] = NAN;
    ck_assert_int_eq (upscaler_frame (self, in, 3, 3, out), AUT_ERR_INVALID);
    ck_assert_ptr_nonnull (strstr (aut_error_detail (), "(1, 0) is not finite"));
    in[5] = 0;
    ck_assert_int_eq (upscaler_frame (self, in, 3, 3, out), 0);
    upscaler_close (&self);
}
END_TEST

/*  What ships: edges that were averaged away come back better than by Lanczos. */
START_TEST (the_shipped_one_is_better_than_lanczos)
{
    enum { W = 40, H = 30, S = 4, GAIN_DB = 1 };
    static float large[W * H * S * S * 3];
    static uint8_t small[W * H * 3], made[W * H * S * S * 3];
    upscaler_t *self = open_model (AUTEUR_TEST_DATA "/../models/image/models/auteur-upscale-x4", 0);
    ck_assert_int_eq (upscaler_facts (self)->scale, S);
    for (int i = 0; i < W * H * S * S * 3; i++) { /* a disc and a bar on a gradient */
        int x = i / 3 % (W * S), y = i / 3 / (W * S);
        bool disc = (x - 60) * (x - 60) + (y - 55) * (y - 55) < 1600, bar = abs (x - 2 * y) < 14;
        large[i] = disc ? 0.85f : bar ? 0.2f : 0.4f + 0.001f * (float)x;
    }
    for (int i = 0; i < W * H * 3; i++) {
        float sum = 0;
        for (int k = 0; k < S * S; k++)
            sum += large[((i / 3 / W * S + k / S) * W * S + i / 3 % W * S + k % S) * 3 + i % 3];
        small[i] = (uint8_t)(sum / (S * S) * 255 + 0.5f);
    }
    uint8_t *other = NULL;
    ck_assert_int_eq (upscaler_frame_u8 (self, small, W, H, made), 0);
    ck_assert_int_eq (aut_resample_u8 (&other, small, W, H, W * S, H * S, AUT_RESAMPLE_LANCZOS), 0);
    double ours = 0, theirs = 0;
    for (int i = 0; i < W * H * S * S * 3; i++) {
        ours += pow (made[i] / 255.0 - large[i], 2);
        theirs += pow (other[i] / 255.0 - large[i], 2);
    }
    double gain = 10 * log10 (theirs / ours);
    ck_assert_msg (gain >= GAIN_DB, "%.2f dB over lanczos", gain);
    free (other);
    upscaler_close (&self);
}
END_TEST

/* ---- refusals -------------------------------------------------------------------------------- */

static void check_refused (const char *path, uint64_t limit, int code, const char *says)
{
    upscaler_t *self = NULL;
    const upscaler_options_t options = {.model = path, .threads = 1, .memory_limit = limit};
    int rc = upscaler_open (&self, &options);
    ck_assert_msg (rc == code && strstr (aut_error_detail (), says), "%s: %d, %s", says, rc,
                   aut_error_detail ());
    ck_assert_ptr_null (self);
}

START_TEST (too_little_memory_is_said)
{
    check_refused (FILES "rrdb-x4.safetensors", (uint64_t)1 << 20, AUT_ERR_DEVICE_MEMORY,
                   "MiB for its smallest tile");
}
END_TEST

/*  A tensor of the small SRVGG, changed. */
static const struct {
    const char *name, *to;
    uint32_t rank;
    uint64_t shape[4];
    int code;
    const char *says;
} changes[] = {
    {"body.0.weight", "body.0.weight", 4, {6, 4, 3, 3}, AUT_ERR_CORRUPT, "expected (6, 3, 3, 3)"},
    {"body.1.weight", "body.1.weight", 1, {5}, AUT_ERR_CORRUPT, "expected (6), found (5)"},
    {"body.2.bias", "body.9.bias", 1, {6}, AUT_ERR_CORRUPT, "body.2.bias is missing"},
    {"body.4.weight", "body.4.weight", 4, {13, 6, 3, 3}, AUT_ERR_UNSUPPORTED, "makes 13 channels"},
    {"body.0.weight", "conv.weight", 4, {6, 3, 3, 3}, AUT_ERR_UNSUPPORTED, "no architecture"},
    {"body.0.weight", "model.0.weight", 4, {6, 3, 3, 3}, AUT_ERR_UNSUPPORTED, "first ESRGAN"},
    {"", "extra.weight", 1, {2}, AUT_ERR_UNSUPPORTED, "has 9 tensors"},
};

/*  The tensors of a file with one changed, or added. */
static void change (const char *path, int i)
{
    aut_safetensors_t *file = NULL;
    ck_assert_int_eq (aut_safetensors_open (&file, path), 0);
    aut_tensor_t tensors[32];
    size_t count = aut_safetensors_count (file);
    static const float zeros[8192];
    aut_tensor_t other = {.name = changes[i].to, .rank = changes[i].rank, .data = zeros};
    other.dtype = AUT_DTYPE_F32;
    memcpy (other.shape, changes[i].shape, sizeof changes[i].shape);
    for (size_t k = 0; k < count; k++) {
        tensors[k] = *aut_safetensors_at (file, k);
        if (strcmp (tensors[k].name, changes[i].name) == 0)
            tensors[k] = other;
    }
    if (changes[i].name[0] == 0)
        tensors[count++] = other;
    char *made = aut_path_join (folder, "changed.safetensors", NULL);
    ck_assert_msg (aut_safetensors_write (made, tensors, count) == 0, "%s", aut_error_detail ());
    aut_safetensors_destroy (&file);
    check_refused (made, 0, changes[i].code, changes[i].says);
    free (made);
}

START_TEST (other_tensors_are_refused)
{
    char *path = make_srvgg (6, 1);
    for (int i = 0; i < (int)COUNT (changes); i++)
        change (path, i);
    free (path);
}
END_TEST

/*  What a folder holds decides what is opened. */
START_TEST (folders_say_which_file)
{
    char *model = make_srvgg (4, 0), *other = aut_path_join (folder, "b.safetensors", NULL);
    char *third = aut_path_join (folder, "c.safetensors", NULL);
    upscaler_t *self = open_model (folder, 0);
    upscaler_close (&self);
    ck_assert_int_eq (rename (model, other), 0);
    self = open_model (folder, 0);
    upscaler_close (&self);
    ck_assert_int_eq (aut_file_copy (other, third), 0);
    check_refused (folder, 0, AUT_ERR_INVALID, "b.safetensors and c.safetensors");
    ck_assert_int_eq (remove (other) | remove (third), 0);
    check_refused (folder, 0, AUT_ERR_NOT_FOUND, "neither a .safetensors file nor a .param");
    check_refused (other, 0, AUT_ERR_NOT_FOUND, "b.safetensors");
    char *param = aut_path_join (folder, "x.param", NULL);
    ck_assert_int_eq (aut_file_copy (FILES "ncnn-srvgg-x4.param", param), 0);
    check_refused (folder, 0, AUT_ERR_NOT_FOUND, "x.bin");
    char *pickled = aut_path_join (folder, "x.pth", NULL);
    ck_assert_int_eq (aut_file_write (pickled, "x", 1), 0);
    check_refused (pickled, 0, AUT_ERR_UNSUPPORTED, "convert");
    free (pickled);
    free (param);
    free (third);
    free (other);
    free (model);
}
END_TEST

TCase *suite_upscaler (void)
{
    TCase *tcase = tcase_create ("upscaler");
    tcase_add_checked_fixture (tcase, set_up, tear_down);
    tcase_set_timeout (tcase, 300);
    tcase_add_test (tcase, frames_are_those_of_the_definition);
    tcase_add_test (tcase, seams_of_srvgg_are_invisible);
    tcase_add_test (tcase, seams_of_a_deep_rrdb_are_invisible);
    tcase_add_test (tcase, bytes_are_floats_rounded);
    tcase_add_test (tcase, frames_of_any_size_and_only_those);
    tcase_add_test (tcase, the_shipped_one_is_better_than_lanczos);
    tcase_add_test (tcase, too_little_memory_is_said);
    tcase_add_test (tcase, other_tensors_are_refused);
    tcase_add_test (tcase, folders_say_which_file);
    return tcase;
}
