/*  The backend `wan` through the node's table, on the goldens' small models: what a chunk's spec
 *  becomes, against what the reference made of the same run. LibTorch starts threads, so it is
 *  called inside tests only, each of which is a process of its own. */
#include "lib/core/error.h"
#include "lib/core/file.h"
#include "lib/core/json.h"
#include "lib/core/mem.h"
#include "lib/core/safetensors.h"
#include "node/backends.h"
#include "node/probes.h"

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GOLDENS AUTEUR_TEST_DATA "/engine/goldens/"
#define PIXEL_TOLERANCE 1e-3

/*  A golden: how the reference was called, and what came out. */
typedef struct {
    json_t *json;
    aut_safetensors_t *tensors;
    char guidance[32];
    aut_task_spec_t spec;
} golden_t;

/*  A run of generate. */
typedef struct {
    float *rgb; /* (frames, H, W, 3) */
    uint32_t frames;
    size_t frame; /* floats of one */
    uint32_t steps;
    uint32_t stop_after; /* steps; 0 = never */
    bool watched;        /* previews are wanted after each step */
    uint32_t previews;
    double seen; /* a sum over the last of them */
} clip_t;

static const aut_device_t cpu = {.name = "cpu", .threads = 1};

static aut_model_ref_t model_of (const char *name, const aut_device_t *device, char path[512])
{
    snprintf (path, 512, GOLDENS "%s/model", name);
    return (aut_model_ref_t){.id = name, .revision = "", .weights = path, .device = device};
}

static void *load (const char *name, const aut_device_t *device)
{
    char path[512];
    void *state = NULL;
    const aut_backend_t *wan = aut_backend_find ("wan");
    ck_assert_msg (wan != NULL, "%s", aut_error_detail ());
    aut_model_ref_t model = model_of (name, device, path);
    ck_assert_msg (wan->load (&state, &model) == 0, "%s", aut_error_detail ());
    return state;
}

static void open_golden (golden_t *self, const char *name)
{
    char path[512];
    int64_t width = 0, height = 0, frames = 0, steps = 0, seed = 0;
    double guidance = 0;
    *self = (golden_t){0};
    snprintf (path, sizeof path, GOLDENS "%s.json", name);
    ck_assert_int_eq (aut_json_load (&self->json, path, 1 << 24), 0);
    snprintf (path, sizeof path, GOLDENS "%s.safetensors", name);
    ck_assert_int_eq (aut_safetensors_open (&self->tensors, path), 0);
    aut_task_spec_t *spec = &self->spec;
    aut_json_string (self->json, "prompt", &spec->prompt);
    aut_json_string (self->json, "negative", &spec->negative);
    aut_json_int (self->json, "width", &width);
    aut_json_int (self->json, "height", &height);
    aut_json_int (self->json, "frames", &frames);
    aut_json_int (self->json, "steps", &steps);
    aut_json_int (self->json, "seed", &seed);
    aut_json_number (self->json, "guidance", &guidance);
    snprintf (self->guidance, sizeof self->guidance, "%g", guidance);
    spec->guidance = self->guidance;
    spec->width = (uint32_t)width;
    spec->height = (uint32_t)height;
    spec->frames = spec->keep = spec->shot_frames = (uint32_t)frames;
    spec->steps = (uint32_t)steps;
    spec->seed = (uint64_t)seed;
    spec->rate = (aut_rational_t){16, 1};
}

static void close_golden (golden_t *self)
{
    json_decref (self->json);
    aut_safetensors_destroy (&self->tensors);
}

/*  The picture that a golden was given; the caller frees rgb. */
static aut_picture_t picture_of (const golden_t *golden, const char *name)
{
    const aut_tensor_t *t = aut_safetensors_find (golden->tensors, name);
    ck_assert (t && t->dtype == AUT_DTYPE_U8 && t->rank == 3);
    aut_picture_t picture = {.width = (uint32_t)t->shape[1], .height = (uint32_t)t->shape[0]};
    picture.rgb = aut_calloc (t->size, 1);
    memcpy (picture.rgb, t->data, t->size);
    return picture;
}

static int on_frame (void *ctx, uint32_t index, const float *rgb)
{
    clip_t *clip = ctx;
    ck_assert_uint_eq (index, clip->frames);
    clip->rgb = aut_realloc (clip->rgb, (size_t)(index + 1) * clip->frame, sizeof *clip->rgb);
    memcpy (clip->rgb + index * clip->frame, rgb, clip->frame * sizeof *rgb);
    for (size_t i = 0; i < clip->frame; i++)
        ck_assert (rgb[i] >= 0 && rgb[i] <= 1);
    clip->frames++;
    return 0;
}

static int on_progress (void *ctx, uint32_t step, uint32_t steps)
{
    clip_t *clip = ctx;
    ck_assert_uint_eq (step, ++clip->steps);
    ck_assert_uint_le (step, steps);
    return 0;
}

static bool on_cancelled (void *ctx)
{
    const clip_t *clip = ctx;
    return clip->stop_after && clip->steps >= clip->stop_after;
}

static bool on_preview_due (void *ctx)
{
    const clip_t *clip = ctx;
    return clip->watched;
}

static void on_preview (void *ctx, uint32_t width, uint32_t height, const float *rgb)
{
    clip_t *clip = ctx;
    size_t count = (size_t)width * height * 3;
    double sum = 0;
    ck_assert_uint_eq (count, clip->frame);
    for (size_t i = 0; i < count; i++) {
        ck_assert (rgb[i] >= 0 && rgb[i] <= 1);
        sum += (double)rgb[i] * (double)(i + 1);
    }
    ck_assert (sum > 0 && sum != clip->seen); /* each is another one */
    clip->seen = sum;
    clip->previews++;
}

static int generate (void *state, const aut_generate_in_t *in, clip_t *clip)
{
    const aut_generate_out_t out = {.frame = on_frame,
                                    .progress = on_progress,
                                    .cancelled = on_cancelled,
                                    .preview_due = on_preview_due,
                                    .preview = on_preview,
                                    .ctx = clip};
    free (clip->rgb);
    *clip = (clip_t){.frame = (size_t)in->spec->width * in->spec->height * 3,
                     .stop_after = clip->stop_after,
                     .watched = clip->watched};
    return aut_backend_find ("wan")->generate (state, in, &out);
}

static void must_generate (void *state, const aut_generate_in_t *in, clip_t *clip)
{
    ck_assert_msg (generate (state, in, clip) == 0, "%s", aut_error_detail ());
    ck_assert_uint_eq (clip->frames, in->spec->frames);
    ck_assert_uint_eq (clip->steps, in->spec->steps);
}

static void unload (void *state)
{
    aut_backend_find ("wan")->unload (state);
}

static double distance (const float *a, const float *b, size_t count)
{
    double most = 0;
    for (size_t i = 0; i < count; i++)
        most = fmax (most, fabs ((double)a[i] - (double)b[i]));
    return most;
}

static void check_frames (const golden_t *golden, const clip_t *clip)
{
    const aut_tensor_t *t = aut_safetensors_find (golden->tensors, "frames");
    ck_assert (t && t->dtype == AUT_DTYPE_F32);
    ck_assert_uint_eq (t->count, clip->frames * clip->frame);
    float *wanted = aut_calloc (t->count, sizeof *wanted);
    memcpy (wanted, t->data, t->size);
    double most = distance (wanted, clip->rgb, t->count);
    ck_assert_msg (most <= PIXEL_TOLERANCE, "frames differ by %g", most);
    free (wanted);
}

/*  Everything in the spec reaches the engine: the frames are the reference's. */
START_TEST (text)
{
    static const char *const names[][2] = {{"wan21-t2v", "wan21-t2v/golden"},
                                           {"wan22-ti2v", "wan22-ti2v/golden-t2v"}};
    golden_t golden;
    clip_t clip = {0};
    open_golden (&golden, names[_i][1]);
    void *state = load (names[_i][0], &cpu);
    aut_generate_in_t in = {.spec = &golden.spec};
    must_generate (state, &in, &clip);
    check_frames (&golden, &clip);
    aut_generate_report_t report;
    aut_backend_find ("wan")->report (state, &report);
    ck_assert_uint_eq (strlen (report.weights), 64);
    ck_assert_str_eq (report.precision, "fp32");
    ck_assert_str_eq (report.memory, "keep");
    ck_assert (report.peak_bytes > 0 && report.denoise_seconds > 0);
    unload (state);
    free (clip.rgb);
    close_golden (&golden);
}
END_TEST

/*  The same clip without previews, with them, and with them in a model that was just loaded. */
static void check_previews (const char *name, const aut_device_t *device,
                            const aut_generate_in_t *in, uint32_t wanted)
{
    clip_t plain = {0}, watched = {.watched = true};
    void *state = load (name, device);
    must_generate (state, in, &plain);
    ck_assert_uint_eq (plain.previews, 0);
    size_t size = plain.frames * plain.frame * sizeof *plain.rgb;
    for (int fresh = 0; fresh < 2; fresh++) {
        must_generate (state, in, &watched);
        ck_assert_uint_eq (watched.previews, wanted);
        ck_assert_mem_eq (plain.rgb, watched.rgb, size);
        unload (state);
        state = fresh == 0 ? load (name, device) : NULL;
    }
    free (plain.rgb);
    free (watched.rgb);
}

/*  A picture after every step but the last, and to the last bit the frames that come without; none
 *  where memory is short. */
START_TEST (previews)
{
    static const char *const names[][2] = {{"wan21-t2v", "wan21-t2v/golden"},
                                           {"wan21-i2v", "wan21-i2v/golden"},
                                           {"wan22-ti2v", "wan22-ti2v/golden-i2v"}};
    const aut_device_t small = {.name = "cpu", .threads = 1, .memory_limit = 16 << 20};
    golden_t golden;
    aut_picture_t init = {0};
    open_golden (&golden, names[_i][1]);
    aut_generate_in_t in = {.spec = &golden.spec};
    if (_i > 0) {
        init = picture_of (&golden, "image.image.u8");
        golden.spec.init = AUT_INIT_IMAGE;
        in.init = &init;
    }
    check_previews (names[_i][0], &cpu, &in, golden.spec.steps - 1);
    if (_i == 0)
        check_previews (names[_i][0], &small, &in, 0);
    free (init.rgb);
    close_golden (&golden);
}
END_TEST

/*  The same frames with little memory, in parts; with hardly any it is a case for a bigger device.
 */
START_TEST (limited)
{
    const aut_device_t small = {.name = "cpu", .threads = 1, .memory_limit = 16 << 20};
    const aut_device_t tiny = {.name = "cpu", .threads = 1, .memory_limit = 1 << 20};
    golden_t golden;
    clip_t clip = {0};
    open_golden (&golden, "wan21-t2v/golden");
    void *state = load ("wan21-t2v", &small);
    aut_generate_in_t in = {.spec = &golden.spec};
    must_generate (state, &in, &clip);
    aut_generate_report_t report;
    aut_backend_find ("wan")->report (state, &report);
    ck_assert_str_eq (report.memory, "offload");
    check_frames (&golden, &clip);
    unload (state);
    state = load ("wan21-t2v", &tiny);
    ck_assert_int_eq (generate (state, &in, &clip), AUT_ERR_DEVICE_MEMORY);
    unload (state);
    free (clip.rgb);
    close_golden (&golden);
}
END_TEST

START_TEST (picture)
{
    static const char *const names[][2] = {{"wan21-i2v", "wan21-i2v/golden"},
                                           {"wan22-ti2v", "wan22-ti2v/golden-i2v"}};
    golden_t golden;
    clip_t clip = {0};
    open_golden (&golden, names[_i][1]);
    aut_picture_t init = picture_of (&golden, "image.image.u8");
    golden.spec.init = AUT_INIT_IMAGE;
    void *state = load (names[_i][0], &cpu);
    aut_generate_in_t in = {.spec = &golden.spec, .init = &init};
    must_generate (state, &in, &clip);
    check_frames (&golden, &clip);

    /* a wider picture with the same middle: what hangs over is cut off, nothing is squeezed */
    aut_picture_t wide = {.width = init.width * 2, .height = init.height};
    wide.rgb = aut_calloc ((size_t)wide.width * wide.height, 3);
    for (uint32_t y = 0; y < init.height; y++)
        memcpy (wide.rgb + ((size_t)y * wide.width + init.width / 2) * 3,
                init.rgb + (size_t)y * init.width * 3, (size_t)init.width * 3);
    in.init = &wide;
    must_generate (state, &in, &clip);
    check_frames (&golden, &clip);
    unload (state);
    free (clip.rgb);
    free (init.rgb);
    free (wide.rgb);
    close_golden (&golden);
}
END_TEST

/*  Frames (count, H, W, 3) whose values lie between the 256 steps. */
static float *draw_tail (const aut_task_spec_t *spec, uint32_t count)
{
    size_t size = (size_t)spec->width * spec->height * 3;
    float *tail = aut_calloc (size * count, sizeof *tail);
    for (size_t i = 0; i < size * count; i++)
        tail[i] = (float)((i * 7 + i / size * 31) % 250) / 255 + 0.25f / 255;
    return tail;
}

/*  A tail of one frame is what a picture of the same pixels is. */
START_TEST (tail_of_one)
{
    static const char *const names[][2] = {{"wan21-i2v", "wan21-i2v/golden"},
                                           {"wan22-ti2v", "wan22-ti2v/golden-i2v"}};
    golden_t golden;
    clip_t clip = {0};
    open_golden (&golden, names[_i][1]);
    aut_picture_t init = picture_of (&golden, "image.image.u8");
    golden.spec.has_after = true;
    golden.spec.tail = golden.spec.drop = 1;
    ck_assert_uint_eq (init.width, golden.spec.width);
    size_t size = (size_t)init.width * init.height * 3;
    float *tail = draw_tail (&golden.spec, 5); /* the last frame is the one that counts */
    for (size_t i = 0; i < size; i++)
        tail[4 * size + i] = (float)init.rgb[i] / 255;
    void *state = load (names[_i][0], &cpu);
    aut_generate_in_t in = {.spec = &golden.spec, .tail = tail, .tail_frames = 5};
    must_generate (state, &in, &clip);
    check_frames (&golden, &clip);
    unload (state);
    free (tail);
    free (clip.rgb);
    free (init.rgb);
    close_golden (&golden);
}
END_TEST

/*  Of five frames the first counts too, and a difference that 8 bits would lose is seen. */
START_TEST (tail_of_five)
{
    golden_t golden;
    clip_t one = {0}, five = {0}, other = {0};
    open_golden (&golden, "wan22-ti2v/golden-i2v");
    golden.spec.has_after = true;
    golden.spec.steps = 2;
    golden.spec.tail = golden.spec.drop = 5;
    size_t size = (size_t)golden.spec.width * golden.spec.height * 3;
    float *tail = draw_tail (&golden.spec, 5);
    void *state = load ("wan22-ti2v", &cpu);
    aut_generate_in_t in = {.spec = &golden.spec, .tail = tail, .tail_frames = 5};
    must_generate (state, &in, &five);
    must_generate (state, &in, &other);
    ck_assert (distance (five.rgb, other.rgb, five.frame * five.frames) == 0);
    for (size_t i = 0; i < size; i++) /* within the same step of 8 bits */
        tail[size * 2 + i] += 0.4f / 255;
    must_generate (state, &in, &other);
    ck_assert (distance (five.rgb, other.rgb, five.frame * five.frames) > 0);
    golden.spec.tail = golden.spec.drop = 1;
    must_generate (state, &in, &one);
    ck_assert (distance (five.rgb, one.rgb, five.frame * five.frames) > 1e-3);
    unload (state);
    free (tail);
    free (one.rgb);
    free (five.rgb);
    free (other.rgb);
    close_golden (&golden);
}
END_TEST

START_TEST (last_picture)
{
    golden_t golden;
    clip_t clip = {0};
    open_golden (&golden, "wan21-flf2v/golden");
    aut_picture_t init = picture_of (&golden, "image.image.u8");
    aut_picture_t last = picture_of (&golden, "image.last_image.u8");
    void *state = load ("wan21-flf2v", &cpu);
    /* the golden squeezes its last picture; ours has the shape already, so that it is not cut */
    aut_picture_t *shaped = NULL;
    ck_assert_int_eq (aut_picture_crop (&shaped, &last, golden.spec.width, golden.spec.height), 0);
    aut_generate_in_t in = {.spec = &golden.spec, .init = &init, .last = shaped};
    must_generate (state, &in, &clip);
    clip_t cut = {0};
    in.last = &last;
    must_generate (state, &in, &cut);
    ck_assert (distance (clip.rgb, cut.rgb, clip.frame * clip.frames) == 0);
    in.last = &init;
    must_generate (state, &in, &cut);
    ck_assert (distance (clip.rgb, cut.rgb, clip.frame * clip.frames) > 1e-3);
    unload (state);
    aut_picture_destroy (&shaped);
    free (clip.rgb);
    free (cut.rgb);
    free (init.rgb);
    free (last.rgb);
    close_golden (&golden);
}
END_TEST

START_TEST (cancelled)
{
    golden_t golden;
    clip_t clip = {.stop_after = 2};
    open_golden (&golden, "wan21-t2v/golden");
    void *state = load ("wan21-t2v", &cpu);
    aut_generate_in_t in = {.spec = &golden.spec};
    ck_assert_int_eq (generate (state, &in, &clip), AUT_ERR_CANCELLED);
    ck_assert_uint_eq (clip.steps, 2);
    ck_assert_uint_eq (clip.frames, 0);
    clip.stop_after = 0;
    aut_backend_find ("wan")->trim (state);
    must_generate (state, &in, &clip);
    check_frames (&golden, &clip);
    unload (state);
    free (clip.rgb);
    close_golden (&golden);
}
END_TEST

static void must_refuse (void *state, const aut_generate_in_t *in, const char *words)
{
    clip_t clip = {0};
    ck_assert_int_eq (generate (state, in, &clip), AUT_ERR_INVALID);
    ck_assert_msg (strstr (aut_error_detail (), words) != NULL, "not about '%s': %s", words,
                   aut_error_detail ());
    ck_assert_uint_eq (clip.frames, 0);
    free (clip.rgb);
}

/*  What a model cannot do is said, and the state stays good. */
START_TEST (refused)
{
    golden_t golden, i2v;
    clip_t clip = {0};
    open_golden (&golden, "wan22-ti2v/golden-t2v");
    open_golden (&i2v, "wan21-i2v/golden");
    float *tail = draw_tail (&golden.spec, 5);
    aut_picture_t init = picture_of (&i2v, "image.image.u8");
    void *ti2v = load ("wan22-ti2v", &cpu);
    aut_task_spec_t spec = golden.spec;
    aut_generate_in_t in = {.spec = &spec};
    spec.width = 65;
    must_refuse (ti2v, &in, "width");
    spec = golden.spec;
    spec.frames = 12;
    must_refuse (ti2v, &in, "frames");
    spec = golden.spec;
    spec.guidance = "five";
    must_refuse (ti2v, &in, "guidance");
    spec = golden.spec;
    spec.has_after = true;
    must_refuse (ti2v, &in, "there is no tail");
    in.tail = tail;
    in.tail_frames = 5;
    spec.drop = 3;
    must_refuse (ti2v, &in, "manifest's tail");
    in.tail_frames = 1;
    spec.drop = 5;
    must_refuse (ti2v, &in, "manifest's tail");
    in = (aut_generate_in_t){.spec = &spec, .last = &init};
    spec = golden.spec;
    must_refuse (ti2v, &in, "last picture");
    in.last = NULL;
    must_generate (ti2v, &in, &clip);
    check_frames (&golden, &clip);
    unload (ti2v);

    void *text_only = load ("wan21-t2v", &cpu);
    in = (aut_generate_in_t){.spec = &spec, .init = &init};
    must_refuse (text_only, &in, "first picture");
    in = (aut_generate_in_t){.spec = &spec, .tail = tail, .tail_frames = 1};
    must_refuse (text_only, &in, "from text alone");
    unload (text_only);
    void *pictures = load ("wan21-i2v", &cpu);
    in = (aut_generate_in_t){.spec = &i2v.spec};
    must_refuse (pictures, &in, "needs a first picture");
    unload (pictures);
    free (tail);
    free (clip.rgb);
    free (init.rgb);
    close_golden (&golden);
    close_golden (&i2v);
}
END_TEST

/*  Asked without the backend, as a node does. */
START_TEST (probed)
{
    char path[512];
    aut_model_ref_t model = model_of ("wan22-ti2v", &cpu, path);
    ck_assert_msg (aut_backend_probe ("wan", &model) == 0, "%s", aut_error_detail ());
    ck_assert_int_eq (aut_backend_probe ("animatic", &model), 0);
    ck_assert_int_eq (aut_backend_probe ("flux", &model), AUT_ERR_UNSUPPORTED);
    const aut_device_t gpu = {.name = "cuda:0", .memory_bytes = 1};
    model.device = &gpu;
    int rc = aut_backend_probe ("wan", &model); /* the engine has a ladder to go down */
    ck_assert (rc == 0 || (rc == AUT_ERR_UNSUPPORTED &&
                           strstr (aut_error_detail (), "LibTorch for the cpu alone")));
    const aut_device_t small = {.name = "cpu", .memory_bytes = 1000};
    model.device = &small;
    ck_assert_int_eq (aut_backend_probe ("wan", &model), AUT_ERR_DEVICE_MEMORY);
    const aut_device_t other = {.name = "tpu:0"};
    model.device = &other;
    ck_assert_int_eq (aut_backend_probe ("wan", &model), AUT_ERR_UNSUPPORTED);
    model.device = &cpu;
    model.weights = NULL;
    ck_assert_int_eq (aut_backend_probe ("wan", &model), AUT_ERR_NOT_FOUND);
    model.weights = GOLDENS "wan22-ti2v";
    ck_assert_int_eq (aut_backend_probe ("wan", &model), AUT_ERR_NOT_FOUND);
    void *state = &model;
    ck_assert_int_eq (aut_backend_find ("wan")->load (&state, &model), AUT_ERR_NOT_FOUND);
    ck_assert_ptr_null (state);
    unload (NULL);
}
END_TEST

int main (void)
{
    Suite *suite = suite_create ("wan");
    TCase *tests = tcase_create ("wan");
    tcase_set_timeout (tests, 300);
    tcase_add_loop_test (tests, text, 0, 2);
    tcase_add_loop_test (tests, picture, 0, 2);
    tcase_add_loop_test (tests, tail_of_one, 0, 2);
    tcase_add_test (tests, tail_of_five);
    tcase_add_test (tests, last_picture);
    tcase_add_loop_test (tests, previews, 0, 3);
    tcase_add_test (tests, limited);
    tcase_add_test (tests, cancelled);
    tcase_add_test (tests, refused);
    tcase_add_test (tests, probed);
    suite_add_tcase (suite, tests);
    SRunner *runner = srunner_create (suite);
    srunner_run_all (runner, CK_ENV);
    int failed = srunner_ntests_failed (runner);
    srunner_free (runner);
    return failed != 0;
}
