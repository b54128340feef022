/*  What the Wan transformer is made of: times, positions, and its own fused steps against the plain
 *  ones.
 */
#include "lib/core/error.h"
#include "lib/core/mem.h"
#include "node/engine/wan/rope.h"
#include "node/engine/wan/times.h"
#include "tests/engine/suites.h"
#include "tests/engine/support.h"

#include <math.h>
#include <stdlib.h>

#define COUNT(array) ((int)(sizeof (array) / sizeof *(array)))

/*  In runs and gathered, each token has the row of its own time. */
static void one_rows_of_times (int number)
{
    enum { TOKENS = 60 };
    float times[TOKENS];
    for (int i = 0; i < TOKENS; i++)
        times[i] = number == 0   ? 7
                   : number == 1 ? (i < 20 || i >= 50 ? 0 : 999)
                                 : (float)(i * 7 % 13);
    aten_t *c = open_cpu (2);
    wan_times_t made;
    ck_assert_int_eq (wan_times_make (&made, times, TOKENS, TOKENS), 0);
    ck_assert_int_eq (made.count, ((int[]){1, 2, 13})[number]);
    ck_assert_uint_eq (made.runs, ((size_t[]){1, 3, 0})[number]);
    tensor_t *table =
        aten_from_host (c, made.values, AUT_DTYPE_F32, DIMS (made.count, 1)); /* its own value */
    for (int64_t start = 0; start < TOKENS; start += 7) {
        int64_t length = TOKENS - start < 11 ? TOKENS - start : 11;
        float rows[TOKENS];
        tensor_t *t = wan_times_rows (&made, c, table, start, length);
        ck_assert_int_eq (aten_status (c), 0);
        ck_assert (aten_dim (t, 0) == 1 || aten_dim (t, 0) == length);
        ck_assert_int_eq (
            aten_read (c, t, AUT_DTYPE_F32, rows, (size_t)aten_dim (t, 0) * sizeof *rows), 0);
        for (int64_t i = 0; i < length; i++)
            ck_assert_float_eq (rows[aten_dim (t, 0) == 1 ? 0 : i], times[start + i]);
    }
    wan_times_free (&made);
    aten_destroy (&c);
}

START_TEST (rows_of_times)
{
    each_case (3, one_rows_of_times);
}
END_TEST

/* ---- positions --------------------------------------------------------------------------------
 */

START_TEST (rope_axes)
{
    static const int64_t cases[][4] = {{128, 44, 42, 42}, {44, 16, 14, 14}, {24, 8, 8, 8},
                                       {32, 12, 10, 10},  {4, 4, 0, 0},     {2, 2, 0, 0}};
    for (int i = 0; i < COUNT (cases); i++) {
        int64_t split[3];
        wan_rope_split (cases[i][0], split);
        ck_assert_mem_eq (split, cases[i] + 1, sizeof split);
    }
}
END_TEST

/*  The tables against their definition: pair i of a place is turned by place / 10000^(2i / axis).
 */
START_TEST (rope_tables)
{
    enum { T = 3, H = 4, W = 5, D = 44, N = T * H * W };
    static float cosines[N * D], sines[N * D];
    aten_t *c = open_cpu (2);
    wan_rope_t rope = {0};
    wan_rope_prepare (&rope, c, D, (int64_t[]){T, H, W});
    ck_assert_int_eq (aten_read (c, rope.cos, AUT_DTYPE_F32, cosines, sizeof cosines), 0);
    ck_assert_int_eq (aten_read (c, rope.sin, AUT_DTYPE_F32, sines, sizeof sines), 0);
    for (int n = 0; n < N; n++)
        for (int i = 0; i < D; i++) {
            int place = i < 16 ? n / (H * W) : i < 30 ? n / W % H : n % W;
            int axis = i < 16 ? 16 : 14, at = i < 16 ? i : (i - 16) % 14;
            double angle = place / pow (10000, (double)(at & ~1) / axis);
            ck_assert_float_eq (cosines[n * D + i], (float)cos (angle));
            ck_assert_float_eq (sines[n * D + i], (float)sin (angle));
        }
    tensor_t *kept = rope.cos;
    wan_rope_prepare (&rope, c, D, (int64_t[]){T, H, W});
    ck_assert_ptr_eq (rope.cos, kept); /* the same size again is not made again */
    wan_rope_prepare (&rope, c, D, (int64_t[]){T, W, H});
    ck_assert_int_eq (aten_read (c, rope.cos, AUT_DTYPE_F32, cosines, sizeof cosines), 0);
    ck_assert_float_eq (cosines[H * D + 16], (float)cos (1.0)); /* the second row begins at H now */
    wan_rope_drop (&rope, c);
    aten_destroy (&c);
}
END_TEST

/*  The elements, freed by the caller. */
static double *values_of (aten_t *c, tensor_t *t)
{
    size_t count = (size_t)aten_count (t);
    double *values = aut_calloc (count, sizeof *values);
    ck_assert_msg (aten_read (c, t, AUT_DTYPE_F64, values, count * sizeof *values) == 0, "%s",
                   aut_error_detail ());
    return values;
}

/*  That a tensor's elements are numbers, some of them beyond 1, and within `tolerance` of the
 *  expected ones, which are freed. */
static void expect (aten_t *c, tensor_t *t, double *expected, double tolerance)
{
    double *values = values_of (c, t), most = 0;
    for (int64_t i = 0; i < aten_count (t); i++) {
        ck_assert_double_le (fabs (values[i] - expected[i]), tolerance);
        most = fmax (most, fabs (values[i]));
    }
    ck_assert_double_gt (most, 1);
    free (values);
    free (expected);
}

static const aut_dtype_t types[] = {AUT_DTYPE_F32, AUT_DTYPE_BF16, AUT_DTYPE_F16};

/*  In one step as in two, the second of them a plain loop. fp16 takes the composed way, which CUDA
 * takes too. */
static void one_norm_rope_is_norm_then_rope (int number)
{
    enum { B = 2, N = 5, H = 3, D = 44 };
    aten_t *c = open_cpu (2);
    wan_rope_t rope = {0};
    wan_rope_prepare (&rope, c, D, (int64_t[]){1, 1, N});
    tensor_t *x = aten_to (c, aten_randn (c, 1, DIMS (B, N, H * D)), types[number]);
    tensor_t *weight = aten_to (c, aten_randn (c, 2, DIMS (H * D)), types[number]);
    double *normal = values_of (c, aten_rms_norm (c, x, weight, 1e-6));
    double *cosines = values_of (c, rope.cos), *sines = values_of (c, rope.sin);
    for (int i = 0; i < B * N * H * D; i += 2) {
        int angle = i / (H * D) % N * D + i % D;
        double first = normal[i], second = normal[i + 1];
        normal[i] = first * cosines[angle] - second * sines[angle];
        normal[i + 1] = first * sines[angle] + second * cosines[angle];
    }
    tensor_t *one = aten_norm_rope_ (c, aten_clone (c, x), weight, rope.cos, rope.sin, 1e-6);
    ck_assert_int_eq (aten_dtype (one), types[number]);
    ck_assert (aten_has_dims (one, DIMS (B, N, H * D)));
    expect (c, one, normal, number == 0 ? 1e-6 : number == 1 ? 0.032 : 0.004);
    ck_assert_ptr_null (aten_norm_rope_ (c, aten_clone (c, x), weight, rope.cos,
                                         aten_narrow (c, rope.sin, 1, 1, 4), 1e-6));
    ck_assert_int_ne (aten_status (c), 0);
    aten_clear (c);
    free (sines);
    free (cosines);
    wan_rope_drop (&rope, c);
    aten_destroy (&c);
}

START_TEST (norm_rope_is_norm_then_rope)
{
    each_case (COUNT (types), one_norm_rope_is_norm_then_rope);
}
END_TEST

/*  Small, and large enough for the matrix product that is chosen for large ones. */
static void one_linear_gelu_is_linear_then_gelu (int i)
{
    int64_t rows = i % 2 ? 300 : 7, in = i % 2 ? 1024 : 160, out = i % 2 ? 1056 : 544;
    aut_dtype_t type = types[i / 2];
    aten_t *c = open_cpu (2);
    tensor_t *x = aten_to (c, aten_randn (c, 1, DIMS (1, rows, in)), type);
    tensor_t *w = aten_to (
        c, aten_mul_scalar (c, aten_randn (c, 2, DIMS (out, in)), 1 / sqrt ((double)in)), type);
    tensor_t *b = aten_to (c, aten_randn (c, 3, DIMS (out)), type);
    tensor_t *two = aten_gelu_tanh (c, aten_linear (c, x, w, b));
    tensor_t *one = aten_linear_gelu_tanh (c, x, w, b);
    ck_assert (aten_has_dims (one, DIMS (1, rows, out)));
    expect (c, one, values_of (c, two), type == AUT_DTYPE_F32 ? 5e-6 : 0.064);
    aten_destroy (&c);
}

START_TEST (linear_gelu_is_linear_then_gelu)
{
    each_case (4, one_linear_gelu_is_linear_then_gelu);
}
END_TEST

TCase *suite_transformer_parts (void)
{
    TCase *tc = tcase_create ("transformer_parts");
    tcase_add_test (tc, rows_of_times);
    tcase_add_test (tc, rope_axes);
    tcase_add_test (tc, rope_tables);
    tcase_add_test (tc, norm_rope_is_norm_then_rope);
    tcase_add_test (tc, linear_gelu_is_linear_then_gelu);
    return tc;
}
