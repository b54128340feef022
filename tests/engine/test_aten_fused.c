/*  Tensors: the fused steps of a diffusion transformer, against plain loops in double: fp32 and
 * bf16, which have loops of their own, and fp16, which is composed of ATen's operations. Widths are
 * no multiples of a vector, and modulations are the strided pieces that models cut them into. */
#include "lib/core/error.h"
#include "node/engine/shim/aten.h"
#include "tests/engine/suites.h"
#include "tests/engine/support.h"

#include <math.h>

#define MOST 8192
#define B 2
#define N 3
#define D 44 /* two vectors of 16 and a rest */

static const struct {
    aut_dtype_t dtype;
    double tolerance; /* fp32: 1e-6 of values below 4; the others: half a step of the type there */
} s_types[] = {{AUT_DTYPE_F32, 2e-6}, {AUT_DTYPE_BF16, 0.0079}, {AUT_DTYPE_F16, 0.00099}};

typedef struct {
    tensor_t *t;
    double v[MOST];
} sample_t;

static sample_t x, y, m; /* each test is a process of its own */
static double wanted[MOST];

/*  Standard normal numbers in `dtype`, and as double what `dtype` made of them. */
static void draw (aten_t *c, sample_t *out, uint64_t seed, aut_dtype_t dtype, size_t rank,
                  const int64_t *dims)
{
    out->t = aten_to (c, aten_randn (c, seed, rank, dims), dtype);
    ck_assert_int_eq (aten_read (c, out->t, AUT_DTYPE_F64, out->v, sizeof (out->v)), 0);
}

static void expect (aten_t *c, tensor_t *t, aut_dtype_t dtype, size_t count, double tolerance)
{
    static double out[MOST];
    ck_assert_msg (aten_status (c) == 0, "%s", aut_error_detail ());
    ck_assert_int_eq (aten_dtype (t), dtype);
    ck_assert_int_eq (aten_count (t), (int64_t)count);
    ck_assert_int_eq (aten_read (c, t, AUT_DTYPE_F64, out, sizeof (out)), 0);
    for (size_t i = 0; i < count; i++) {
        double allowed = tolerance * fmax (1, fabs (wanted[i]) / 2);
        ck_assert_msg (fabs (out[i] - wanted[i]) <= allowed, "[%zu] is %.9g and not %.9g", i,
                       out[i], wanted[i]);
    }
}

/*  Layer norm of the rows of x → wanted. */
static void layer_norm (int rows, int width, double eps)
{
    for (int r = 0; r < rows; r++) {
        const double *row = x.v + r * width;
        double mean = 0, squares = 0;
        for (int i = 0; i < width; i++)
            mean += row[i] / width;
        for (int i = 0; i < width; i++)
            squares += (row[i] - mean) * (row[i] - mean) / width;
        for (int i = 0; i < width; i++)
            wanted[r * width + i] = (row[i] - mean) / sqrt (squares + eps);
    }
}

/*  One modulation for all tokens, cut from (B, 6, D) as a block does; then one for each token. */
START_TEST (test_norm_modulate)
{
    aten_t *c = open_cpu (2);
    for (size_t t = 0; t < 3; t++) {
        draw (c, &x, 1, s_types[t].dtype, DIMS (B, N, D));
        draw (c, &m, 2, AUT_DTYPE_F32, DIMS (B, 6, D));
        layer_norm (B * N, D, 1e-6);
        for (int i = 0; i < B * N * D; i++) {
            const double *of_batch = m.v + i / (N * D) * 6 * D + i % D;
            wanted[i] = wanted[i] * (1 + of_batch[4 * D]) + of_batch[3 * D];
        }
        tensor_t *shift = aten_narrow (c, m.t, 1, 3, 1), *scale = aten_narrow (c, m.t, 1, 4, 1);
        tensor_t *out = aten_norm_modulate (c, x.t, shift, scale, 1e-6);
        ck_assert (aten_has_dims (out, DIMS (B, N, D)));
        expect (c, out, s_types[t].dtype, B * N * D, s_types[t].tolerance);

        draw (c, &m, 3, AUT_DTYPE_F32, DIMS (B, N, 2, D));
        layer_norm (B * N, D, 1e-6);
        for (int i = 0; i < B * N * D; i++)
            wanted[i] =
                wanted[i] * (1 + m.v[(i / D * 2 + 1) * D + i % D]) + m.v[i / D * 2 * D + i % D];
        shift = aten_squeeze (c, aten_narrow (c, m.t, 2, 0, 1), 2);
        scale = aten_squeeze (c, aten_narrow (c, m.t, 2, 1, 1), 2);
        out = aten_norm_modulate (c, x.t, shift, scale, 1e-6);
        expect (c, out, s_types[t].dtype, B * N * D, s_types[t].tolerance);
    }
    ck_assert_ptr_null (aten_norm_modulate (c, x.t, y.t, NULL, 1e-6));
    ck_assert_int_eq (aten_status (c), 0);
    aten_destroy (&c);
}
END_TEST

/*  A row far from zero: its deviation must not drown in its mean. */
START_TEST (test_norm_offset)
{
    aten_t *c = open_cpu (1);
    tensor_t *far = aten_add_scalar (c, aten_randn (c, 5, DIMS (1, 1, 4096)), 100);
    ck_assert_int_eq (aten_read (c, far, AUT_DTYPE_F64, x.v, sizeof (x.v)), 0);
    layer_norm (1, 4096, 1e-6);
    tensor_t *zero = aten_zeros (c, AUT_DTYPE_F32, DIMS (1, 1, 4096));
    expect (c, aten_norm_modulate (c, far, zero, zero, 1e-6), AUT_DTYPE_F32, 4096, 2e-5);
    aten_destroy (&c);
}
END_TEST

START_TEST (test_gate_add)
{
    aten_t *c = open_cpu (2);
    for (size_t t = 0; t < 3; t++) {
        draw (c, &x, 1, s_types[t].dtype, DIMS (B, N, D));
        draw (c, &y, 2, s_types[t].dtype, DIMS (B, N, D));
        draw (c, &m, 3, AUT_DTYPE_F32, DIMS (B, 6, D));
        for (int i = 0; i < B * N * D; i++)
            wanted[i] = x.v[i] + y.v[i] * m.v[i / (N * D) * 6 * D + 5 * D + i % D];
        tensor_t *gate = aten_narrow (c, m.t, 1, 5, 1);
        /* also where y is not contiguous, and of another type, as behind a layer in fp32 */
        tensor_t *turned = aten_permute (
            c, aten_contiguous (c, aten_permute (c, y.t, DIMS (2, 1, 0))), DIMS (2, 1, 0));
        tensor_t *added[] = {y.t, turned, aten_to (c, y.t, AUT_DTYPE_F32)};
        for (size_t i = 0; i < 3; i++) {
            tensor_t *sum = aten_clone (c, x.t);
            ck_assert_ptr_eq (aten_gate_add_ (c, sum, added[i], gate), sum);
            expect (c, sum, s_types[t].dtype, B * N * D, s_types[t].tolerance);
        }
    }
    ck_assert_ptr_null (aten_gate_add_ (c, x.t, m.t, m.t));
    ck_assert_int_ne (aten_status (c), 0);
    aten_destroy (&c);
}
END_TEST

/*  Into some tokens of a tensor, which follow each other in a batch of one only: the tokens beside
 *  them stay as they are. */
START_TEST (test_gate_add_to_view)
{
    enum { ALL = 9, FIRST = 3 };
    aten_t *c = open_cpu (2);
    for (size_t t = 0; t < 3; t++)
        for (int batch = 1; batch <= B; batch++) {
            draw (c, &x, 1, s_types[t].dtype, DIMS (batch, ALL, D));
            draw (c, &y, 2, s_types[t].dtype, DIMS (batch, N, D));
            draw (c, &m, 3, AUT_DTYPE_F32, DIMS (batch, 6, D));
            for (int i = 0; i < batch * ALL * D; i++) {
                int b = i / (ALL * D), n = i / D % ALL - FIRST;
                wanted[i] = x.v[i];
                if (n >= 0 && n < N)
                    wanted[i] += y.v[(b * N + n) * D + i % D] * m.v[(b * 6 + 2) * D + i % D];
            }
            aten_gate_add_ (c, aten_narrow (c, x.t, 1, FIRST, N), y.t,
                            aten_narrow (c, m.t, 1, 2, 1));
            expect (c, x.t, s_types[t].dtype, (size_t)(batch * ALL * D), s_types[t].tolerance);
        }
    aten_destroy (&c);
}
END_TEST

/*  bf16 is rounded as ATen rounds it: to the nearest, ties to even, NaN and infinity as they are.
 */
START_TEST (test_rounding)
{
    aten_t *c = open_cpu (1);
    static float values[1 << 12];
    uint32_t state = 1;
    for (size_t i = 0; i < sizeof (values) / sizeof (values[0]); i++) {
        state = state * 1664525u + 1013904223u;
        /* many ties, and every exponent */
        uint32_t bits = i % 2 ? state : (state & 0xFFFF0000u) | 0x8000u;
        ((uint32_t *)(void *)values)[i] = bits;
    }
    tensor_t *v = aten_from_host (c, values, AUT_DTYPE_F32, DIMS (1, 1, 1 << 12));
    tensor_t *one = aten_full (c, 1, AUT_DTYPE_BF16, DIMS (1, 1, 1 << 12));
    tensor_t *zero = aten_zeros (c, AUT_DTYPE_BF16, DIMS (1, 1, 1 << 12));
    static uint16_t ours[1 << 12], theirs[1 << 12];
    ck_assert_int_eq (
        aten_read (c, aten_gate_add_ (c, zero, one, v), AUT_DTYPE_BF16, ours, sizeof (ours)), 0);
    ck_assert_int_eq (aten_read (c, v, AUT_DTYPE_BF16, theirs, sizeof (theirs)), 0);
    for (size_t i = 0; i < sizeof (values) / sizeof (values[0]); i++) {
        bool nan = (theirs[i] & 0x7FFF) > 0x7F80;
        if (nan || (theirs[i] & 0x7FFF) == 0)
            ck_assert_int_eq (nan, (ours[i] & 0x7FFF) > 0x7F80);
        else
            ck_assert_uint_eq (ours[i], theirs[i]);
    }
    aten_destroy (&c);
}
END_TEST

/*  Enough rows that they are shared out: the same numbers as by one thread. */
START_TEST (test_threads)
{
    const int64_t rows = 700, width = 300;
    static float first[700 * 300], second[700 * 300];
    float *results[] = {first, second};
    for (int threads = 1; threads <= 2; threads++) {
        aten_t *c = open_cpu (threads);
        tensor_t *v = aten_randn (c, 1, DIMS (1, rows, width));
        tensor_t *shift = aten_randn (c, 2, DIMS (1, 1, width));
        v = aten_gate_add_ (c, v, aten_norm_modulate (c, v, shift, shift, 1e-6), shift);
        v = aten_rms_norm (c, v, NULL, 1e-6);
        ck_assert_int_eq (aten_read (c, v, AUT_DTYPE_F32, results[threads - 1], sizeof (first)), 0);
        aten_destroy (&c);
    }
    ck_assert_mem_eq (first, second, sizeof (first));
}
END_TEST

TCase *suite_aten_fused (void)
{
    TCase *tc = tcase_create ("aten-fused");
    tcase_add_test (tc, test_norm_modulate);
    tcase_add_test (tc, test_norm_offset);
    tcase_add_test (tc, test_gate_add);
    tcase_add_test (tc, test_gate_add_to_view);
    tcase_add_test (tc, test_rounding);
    tcase_add_test (tc, test_threads);
    return tc;
}
