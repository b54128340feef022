/*  Tensors: the layers of networks, each against plain loops in double over pseudo-random numbers.
 */
#include "lib/core/error.h"
#include "node/engine/shim/aten.h"
#include "tests/engine/suites.h"
#include "tests/engine/support.h"

#include <math.h>
#include <string.h>

#define MOST 8192

/*  A tensor of numbers in [−1, 1), the same for the same seed, and the numbers as double. */
typedef struct {
    tensor_t *t;
    double v[MOST];
} sample_t;

static void draw (aten_t *c, sample_t *out, uint32_t seed, aut_dtype_t dtype, size_t rank,
                  const int64_t *dims)
{
    static float data[MOST];
    size_t count = 1;
    for (size_t i = 0; i < rank; i++)
        count *= (size_t)dims[i];
    ck_assert_uint_le (count, MOST);
    uint32_t state = seed * 2654435761u + 1;
    for (size_t i = 0; i < count; i++) {
        state = state * 1664525u + 1013904223u;
        data[i] = (float)(state >> 8) / (1 << 23) - 1;
    }
    out->t = aten_to (c, aten_from_host (c, data, AUT_DTYPE_F32, rank, dims), dtype);
    ck_assert_int_eq (aten_read (c, out->t, AUT_DTYPE_F64, out->v, sizeof (out->v)), 0);
}

static void expect (aten_t *c, tensor_t *t, const double *values, size_t count, double tolerance)
{
    static double out[MOST];
    ck_assert_msg (aten_status (c) == 0, "%s", aut_error_detail ());
    ck_assert_int_eq (aten_count (t), (int64_t)count);
    ck_assert_int_eq (aten_read (c, t, AUT_DTYPE_F64, out, sizeof (out)), 0);
    for (size_t i = 0; i < count; i++)
        ck_assert_msg (fabs (out[i] - values[i]) <= tolerance, "[%zu] is %.9g and not %.9g", i,
                       out[i], values[i]);
}

static sample_t x, y, z, w; /* large: not on the stack; each test is a process of its own */
static double wanted[MOST];

START_TEST (test_linear)
{
    aten_t *c = open_cpu (2);
    draw (c, &x, 1, AUT_DTYPE_F32, DIMS (2, 3, 5));
    draw (c, &w, 2, AUT_DTYPE_F32, DIMS (4, 5));
    draw (c, &y, 3, AUT_DTYPE_F32, DIMS (4));
    for (int bias = 0; bias < 2; bias++) {
        for (int r = 0; r < 6; r++)
            for (int o = 0; o < 4; o++) {
                wanted[r * 4 + o] = bias ? y.v[o] : 0;
                for (int i = 0; i < 5; i++)
                    wanted[r * 4 + o] += x.v[r * 5 + i] * w.v[o * 5 + i];
            }
        tensor_t *out = aten_linear (c, x.t, w.t, bias ? y.t : NULL);
        ck_assert (aten_has_dims (out, DIMS (2, 3, 4)));
        expect (c, out, wanted, 24, 1e-6);
    }
    ck_assert_ptr_null (aten_linear (c, x.t, NULL, y.t));
    ck_assert_int_eq (aten_status (c), 0);
    aten_destroy (&c);
}
END_TEST

/*  wanted[O][T][H][W] of one batch with zeros around; a 2-D one has one frame. */
static void convolve (const int64_t in[4], const int64_t kernel[3], int64_t channels,
                      const int64_t stride[3], const int64_t pad[3], int64_t out[3])
{
    for (int i = 0; i < 3; i++)
        out[i] = (in[i + 1] + 2 * pad[i] - kernel[i]) / stride[i] + 1;
    for (int64_t n = 0; n < channels * out[0] * out[1] * out[2]; n++) {
        int64_t at[3] = {n / out[2] / out[1] % out[0], n / out[2] % out[1], n % out[2]};
        int64_t o = n / out[2] / out[1] / out[0];
        int64_t size = kernel[0] * kernel[1] * kernel[2];
        wanted[n] = y.v[o];
        for (int64_t k = 0; k < in[0] * size; k++) {
            int64_t tap[3] = {k / kernel[2] / kernel[1] % kernel[0], k / kernel[2] % kernel[1],
                              k % kernel[2]};
            int64_t place = k / size;
            bool inside = true;
            for (int i = 0; i < 3; i++) {
                int64_t p = at[i] * stride[i] - pad[i] + tap[i];
                inside = inside && p >= 0 && p < in[i + 1];
                place = place * in[i + 1] + p;
            }
            if (inside)
                wanted[n] += x.v[place] * w.v[o * in[0] * size + k];
        }
    }
}

START_TEST (test_convolution)
{
    aten_t *c = open_cpu (2);
    int64_t out[3];
    draw (c, &y, 3, AUT_DTYPE_F32, DIMS (5));

    draw (c, &x, 1, AUT_DTYPE_F32, DIMS (1, 3, 8, 9));
    draw (c, &w, 2, AUT_DTYPE_F32, DIMS (5, 3, 3, 2));
    convolve ((int64_t[]){3, 1, 8, 9}, (int64_t[]){1, 3, 2}, 5, (int64_t[]){1, 2, 1},
              (int64_t[]){0, 1, 0}, out);
    tensor_t *r = aten_conv2d (c, x.t, w.t, y.t, (int64_t[]){2, 1}, (int64_t[]){1, 0});
    ck_assert (aten_has_dims (r, DIMS (1, 5, out[1], out[2])));
    expect (c, r, wanted, (size_t)(5 * out[1] * out[2]), 1e-5);

    draw (c, &x, 4, AUT_DTYPE_F32, DIMS (1, 4, 5, 6, 7));
    draw (c, &w, 5, AUT_DTYPE_F32, DIMS (5, 4, 3, 3, 3));
    convolve ((int64_t[]){4, 5, 6, 7}, (int64_t[]){3, 3, 3}, 5, (int64_t[]){2, 1, 1},
              (int64_t[]){0, 1, 1}, out);
    const int64_t stride[3] = {2, 1, 1}, pad[3] = {0, 1, 1};
    r = aten_conv3d (c, x.t, w.t, y.t, stride, pad);
    ck_assert (aten_has_dims (r, DIMS (1, 5, out[0], out[1], out[2])));
    expect (c, r, wanted, (size_t)(5 * out[0] * out[1] * out[2]), 1e-5);
    r = aten_conv3d (c, aten_channels_last_3d (c, x.t), aten_channels_last_3d (c, w.t), y.t, stride,
                     pad);
    expect (c, r, wanted, (size_t)(5 * out[0] * out[1] * out[2]), 1e-5);
    r = aten_conv3d (c, x.t, w.t, NULL, stride, pad);
    r = aten_add (c, r, aten_reshape (c, y.t, DIMS (1, 5, 1, 1, 1)));
    expect (c, r, wanted, (size_t)(5 * out[0] * out[1] * out[2]), 1e-5);
    ck_assert_ptr_null (aten_conv3d (c, y.t, w.t, NULL, stride, pad));
    ck_assert_int_ne (aten_status (c), 0);
    aten_destroy (&c);
}
END_TEST

/*  Normalises the row at `from`: by its mean and deviation, or by its root mean square alone. */
static void normalise (const double *from, double *to, int width, bool centre, double eps)
{
    double mean = 0, squares = 0;
    for (int i = 0; i < width && centre; i++)
        mean += from[i] / width;
    for (int i = 0; i < width; i++)
        squares += (from[i] - mean) * (from[i] - mean) / width;
    for (int i = 0; i < width; i++)
        to[i] = (from[i] - mean) / sqrt (squares + eps);
}

START_TEST (test_norms)
{
    static const struct {
        aut_dtype_t dtype;
        double tolerance; /* of a value below 4: half a step of the type */
    } types[] = {{AUT_DTYPE_F32, 2e-6}, {AUT_DTYPE_BF16, 0.0079}, {AUT_DTYPE_F16, 0.001}};
    aten_t *c = open_cpu (2);
    draw (c, &y, 8, AUT_DTYPE_F32, DIMS (37));
    draw (c, &z, 9, AUT_DTYPE_F32, DIMS (37));
    for (size_t k = 0; k < 3; k++) {
        draw (c, &x, 7, types[k].dtype, DIMS (2, 3, 37));
        for (int r = 0; r < 6; r++)
            normalise (x.v + r * 37, wanted + r * 37, 37, false, 1e-5);
        expect (c, aten_rms_norm (c, x.t, NULL, 1e-5), wanted, 222, types[k].tolerance);
        for (int i = 0; i < 222; i++)
            wanted[i] *= y.v[i % 37];
        tensor_t *out = aten_rms_norm (c, x.t, y.t, 1e-5);
        ck_assert_int_eq (aten_dtype (out), types[k].dtype);
        expect (c, out, wanted, 222, types[k].tolerance);
    }
    draw (c, &x, 7, AUT_DTYPE_F32, DIMS (2, 3, 37));
    for (int r = 0; r < 6; r++)
        normalise (x.v + r * 37, wanted + r * 37, 37, true, 1e-6);
    expect (c, aten_layer_norm (c, x.t, NULL, NULL, 1e-6), wanted, 222, 2e-6);
    for (int i = 0; i < 222; i++)
        wanted[i] = wanted[i] * y.v[i % 37] + z.v[i % 37];
    expect (c, aten_layer_norm (c, x.t, y.t, z.t, 1e-6), wanted, 222, 2e-6);
    ck_assert_ptr_null (aten_rms_norm (c, x.t, x.t, 1e-5));
    ck_assert_int_ne (aten_status (c), 0);
    aten_destroy (&c);
}
END_TEST

/*  wanted (2, 3, 4, 8) from q = x, k = y, v = z (…, M = 5, 8) and an additive mask w (2, 1, 4, 5).
 */
static void attend (double scale, bool masked)
{
    for (int n = 0; n < 24; n++) {
        double p[5], sum = 0;
        for (int m = 0; m < 5; m++) {
            double dot = 0;
            for (int i = 0; i < 8; i++)
                dot += x.v[n * 8 + i] * y.v[(n / 4 * 5 + m) * 8 + i];
            p[m] = exp (dot * scale + (masked ? w.v[(n / 12 * 4 + n % 4) * 5 + m] : 0));
            sum += p[m];
        }
        for (int i = 0; i < 8; i++) {
            wanted[n * 8 + i] = 0;
            for (int m = 0; m < 5; m++)
                wanted[n * 8 + i] += p[m] / sum * z.v[(n / 4 * 5 + m) * 8 + i];
        }
    }
}

START_TEST (test_attention)
{
    aten_t *c = open_cpu (2);
    draw (c, &x, 1, AUT_DTYPE_F32, DIMS (2, 3, 4, 8));
    draw (c, &y, 2, AUT_DTYPE_F32, DIMS (2, 3, 5, 8));
    draw (c, &z, 3, AUT_DTYPE_F32, DIMS (2, 3, 5, 8));
    draw (c, &w, 4, AUT_DTYPE_F32, DIMS (2, 1, 4, 5));
    attend (1 / sqrt (8), false);
    tensor_t *out = aten_attention (c, x.t, y.t, z.t, NULL, 0);
    ck_assert (aten_has_dims (out, DIMS (2, 3, 4, 8)));
    expect (c, out, wanted, 192, 1e-6);
    attend (1, true);
    expect (c, aten_attention (c, x.t, y.t, z.t, w.t, 1), wanted, 192, 1e-6);
    attend (0.25, false);
    expect (c, aten_attention (c, x.t, y.t, z.t, NULL, 0.25), wanted, 192, 1e-6);
    aten_destroy (&c);
}
END_TEST

START_TEST (test_activations)
{
    aten_t *c = open_cpu (2);
    draw (c, &x, 5, AUT_DTYPE_F32, DIMS (4, 9));
    x.t = aten_mul_scalar (c, x.t, 4);
    for (int i = 0; i < 36; i++)
        x.v[i] *= 4;
    for (int i = 0; i < 36; i++)
        wanted[i] = x.v[i] / (1 + exp (-x.v[i]));
    expect (c, aten_silu (c, x.t), wanted, 36, 1e-6);
    for (int i = 0; i < 36; i++)
        wanted[i] = 0.5 * x.v[i] * (1 + erf (x.v[i] / sqrt (2)));
    expect (c, aten_gelu (c, x.t), wanted, 36, 1e-6);
    for (int i = 0; i < 36; i++)
        wanted[i] = 0.5 * x.v[i] *
                    (1 + tanh (sqrt (2 / acos (-1)) * (x.v[i] + 0.044715 * pow (x.v[i], 3))));
    expect (c, aten_gelu_tanh (c, x.t), wanted, 36, 1e-6);
    aten_destroy (&c);
}
END_TEST

START_TEST (test_embedding)
{
    aten_t *c = open_cpu (2);
    draw (c, &x, 5, AUT_DTYPE_F32, DIMS (4, 3));
    tensor_t *ids = aten_from_host (c, (int64_t[]){3, 0, 3}, AUT_DTYPE_I64, DIMS (1, 3));
    for (int i = 0; i < 9; i++)
        wanted[i] = x.v[(int[]){3, 0, 3}[i / 3] * 3 + i % 3];
    tensor_t *out = aten_embedding (c, x.t, ids);
    ck_assert (aten_has_dims (out, DIMS (1, 3, 3)));
    expect (c, out, wanted, 9, 0);
    static const int64_t bad[] = {4, -1, INT64_MAX};
    for (size_t i = 0; i < 3; i++) {
        ids = aten_from_host (c, &bad[i], AUT_DTYPE_I64, DIMS (1));
        ck_assert_ptr_null (aten_embedding (c, x.t, ids));
        ck_assert_int_eq (aten_status (c), AUT_ERR_INVALID);
        aten_clear (c);
    }
    aten_destroy (&c);
}
END_TEST

/*  What networks that enlarge pictures are made of. */
START_TEST (test_enlarging)
{
    aten_t *c = open_cpu (1);
    enum { F = 2, C = 2, H = 3, W = 2 };
    draw (c, &x, 21, AUT_DTYPE_F32, DIMS (1, C * F * F, H, W));
    draw (c, &y, 22, AUT_DTYPE_F32, DIMS (C * F * F));
    for (int i = 0; i < C * F * F * H * W; i++)
        wanted[i] = x.v[i] > 0 ? x.v[i] : x.v[i] * y.v[i / (H * W)];
    expect (c, aten_prelu (c, x.t, y.t), wanted, C * F * F * H * W, 1e-6);
    for (int ch = 0; ch < C; ch++)
        for (int i = 0; i < F * H; i++)
            for (int k = 0; k < F * W; k++)
                wanted[(ch * F * H + i) * F * W + k] =
                    x.v[((ch * F * F + i % F * F + k % F) * H + i / F) * W + k / F];
    expect (c, aten_pixel_shuffle (c, x.t, F), wanted, C * F * F * H * W, 0);
    for (int ch = 0; ch < C * F * F; ch++)
        for (int i = 0; i < 3 * H; i++)
            for (int k = 0; k < 3 * W; k++)
                wanted[(ch * 3 * H + i) * 3 * W + k] = x.v[(ch * H + i / 3) * W + k / 3];
    expect (c, aten_repeat_pixels (c, x.t, 3), wanted, C * F * F * H * W * 9, 0);
    tensor_t *bent = aten_clone (c, x.t);
    for (int i = 0; i < C * F * F * H * W; i++)
        wanted[i] = x.v[i] > 0 ? x.v[i] : x.v[i] * 0.2;
    ck_assert_ptr_eq (aten_leaky_relu_ (c, bent, 0.2), bent);
    expect (c, bent, wanted, C * F * F * H * W, 1e-6);
    ck_assert_ptr_null (aten_pixel_shuffle (c, x.t, 3)); /* 8 channels are not 9 · n */
    ck_assert_int_lt (aten_status (c), 0);
    aten_clear (c);
    ck_assert_ptr_null (aten_repeat_pixels (c, y.t, 2));
    ck_assert_int_eq (aten_status (c), AUT_ERR_INVALID);
    aten_destroy (&c);
}
END_TEST

TCase *suite_aten_nn (void)
{
    TCase *tc = tcase_create ("aten-nn");
    tcase_add_test (tc, test_linear);
    tcase_add_test (tc, test_convolution);
    tcase_add_test (tc, test_norms);
    tcase_add_test (tc, test_attention);
    tcase_add_test (tc, test_activations);
    tcase_add_test (tc, test_embedding);
    tcase_add_test (tc, test_enlarging);
    return tc;
}
