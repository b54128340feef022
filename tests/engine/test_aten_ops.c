/*  Tensors: shapes and arithmetic, each against numbers worked out by hand. */
#include "lib/core/error.h"
#include "node/engine/shim/aten.h"
#include "tests/engine/suites.h"
#include "tests/engine/support.h"

#include <math.h>

/*  0, 1, 2, … */
static tensor_t *count_up (aten_t *c, size_t rank, const int64_t *dims)
{
    float data[256];
    for (int i = 0; i < 256; i++)
        data[i] = (float)i;
    return aten_from_host (c, data, AUT_DTYPE_F32, rank, dims);
}

static tensor_t *floats (aten_t *c, size_t count, const float *values)
{
    return aten_from_host (c, values, AUT_DTYPE_F32, DIMS ((int64_t)count));
}

/*  That `t` has exactly these elements, to `tolerance`. */
static void expect (aten_t *c, tensor_t *t, size_t count, const float *values, float tolerance)
{
    float out[256];
    ck_assert_int_eq (aten_status (c), 0);
    ck_assert_ptr_nonnull (t);
    ck_assert_int_eq (aten_count (t), (int64_t)count);
    ck_assert_int_eq (aten_read (c, t, AUT_DTYPE_F32, out, sizeof (out)), 0);
    for (size_t i = 0; i < count; i++)
        ck_assert_msg (fabsf (out[i] - values[i]) <= tolerance, "[%zu] is %.9g and not %.9g", i,
                       (double)out[i], (double)values[i]);
}

#define LIST(...)                                                                                  \
    sizeof ((float[]){__VA_ARGS__}) / sizeof (float), (const float[])                              \
    {                                                                                              \
        __VA_ARGS__                                                                                \
    }
#define EXPECT(t, ...) expect (c, t, LIST (__VA_ARGS__), 0)
#define EXPECT_NEAR(t, ...) expect (c, t, LIST (__VA_ARGS__), 1e-6f)

START_TEST (test_make)
{
    aten_t *c = open_cpu (0);
    EXPECT (aten_zeros (c, AUT_DTYPE_F32, DIMS (3)), 0, 0, 0);
    EXPECT (aten_full (c, 2.5, AUT_DTYPE_BF16, DIMS (1, 2)), 2.5, 2.5);
    EXPECT (aten_full (c, 7, AUT_DTYPE_I64, DIMS (1)), 7);
    ck_assert (aten_has_dims (aten_empty (c, AUT_DTYPE_F16, DIMS (2, 0)), DIMS (2, 0)));
    aten_destroy (&c);
}
END_TEST

START_TEST (test_views)
{
    aten_t *c = open_cpu (0);
    tensor_t *t = count_up (c, DIMS (2, 3));
    ck_assert (aten_has_dims (aten_reshape (c, t, DIMS (3, -1)), DIMS (3, 2)));
    ck_assert (aten_has_dims (aten_unsqueeze (c, t, -1), DIMS (2, 3, 1)));
    ck_assert (aten_has_dims (aten_squeeze (c, aten_unsqueeze (c, t, 1), 1), DIMS (2, 3)));
    tensor_t *turned = aten_permute (c, t, DIMS (1, 0));
    ck_assert (aten_has_dims (turned, DIMS (3, 2)));
    EXPECT (turned, 0, 3, 1, 4, 2, 5);
    EXPECT (aten_reshape (c, turned, DIMS (6)), 0, 3, 1, 4, 2, 5);
    const float *data = aten_host_data (aten_contiguous (c, turned));
    ck_assert_float_eq (data[1], 3);
    EXPECT (aten_expand (c, aten_reshape (c, t, DIMS (2, 1, 3)), DIMS (-1, 2, 3)), 0, 1, 2, 0, 1, 2,
            3, 4, 5, 3, 4, 5);
    EXPECT (aten_narrow (c, t, 1, 1, 2), 1, 2, 4, 5);
    EXPECT (aten_slice (c, t, -1, 0, 3, 2), 0, 2, 3, 5);
    EXPECT (aten_slice (c, t, -1, 1, 3, 2), 1, 4);
    tensor_t *parts[] = {t, aten_narrow (c, t, 1, 0, 1)};
    EXPECT (aten_cat (c, 1, 2, parts), 0, 1, 2, 0, 3, 4, 5, 3);
    EXPECT (aten_pad (c, t, 4, (const int64_t[]){1, 0, 0, 1}), 0, 0, 1, 2, 0, 3, 4, 5, 0, 0, 0, 0);
    parts[1] = NULL;
    ck_assert_ptr_null (aten_cat (c, 1, 2, parts));
    ck_assert_int_eq (aten_status (c), 0);

    ck_assert_ptr_null (aten_narrow (c, t, 1, 2, 2));
    ck_assert_int_ne (aten_status (c), 0);
    aten_clear (c);
    ck_assert_ptr_null (aten_reshape (c, t, DIMS (4, 2)));
    ck_assert_int_ne (aten_status (c), 0);
    aten_clear (c);
    ck_assert_ptr_null (aten_permute (c, t, DIMS (0, 0)));
    ck_assert_int_ne (aten_status (c), 0);
    aten_destroy (&c);
}
END_TEST

START_TEST (test_copies)
{
    aten_t *c = open_cpu (0);
    tensor_t *t = count_up (c, DIMS (2, 3));
    tensor_t *same = aten_clone (c, t);
    aten_copy_into (c, aten_narrow (c, t, 1, 0, 2),
                    aten_from_host (c, (int64_t[]){8, 9}, AUT_DTYPE_I64, DIMS (2)));
    EXPECT (t, 8, 9, 2, 8, 9, 5);
    EXPECT (same, 0, 1, 2, 3, 4, 5);
    tensor_t *volume = count_up (c, DIMS (1, 2, 1, 2, 3));
    tensor_t *last = aten_channels_last_3d (c, volume);
    ck_assert_ptr_null (aten_host_data (last));
    EXPECT (last, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11);
    aten_copy_into (c, t, volume);
    ck_assert_int_ne (aten_status (c), 0);
    aten_destroy (&c);
}
END_TEST

START_TEST (test_arithmetic)
{
    aten_t *c = open_cpu (0);
    tensor_t *a = floats (c, LIST (1, -2, 3));
    tensor_t *b = floats (c, LIST (4, 5, -6));
    EXPECT (aten_add (c, a, b), 5, 3, -3);
    EXPECT (aten_sub (c, a, b), -3, -7, 9);
    EXPECT (aten_mul (c, a, b), 4, -10, -18);
    EXPECT (aten_div (c, a, floats (c, LIST (2, 4, 8))), 0.5, -0.5, 0.375);
    EXPECT (aten_add_scalar (c, a, 0.5), 1.5, -1.5, 3.5);
    EXPECT (aten_mul_scalar (c, a, -2), -2, 4, -6);
    EXPECT (aten_div_scalar (c, a, 4), 0.25, -0.5, 0.75);
    EXPECT (aten_add_scaled (c, a, b, 0.5), 3, 0.5, 0);
    EXPECT (aten_addcmul (c, a, b, b), 17, 23, 39);
    EXPECT (aten_clamp (c, a, -1, 2), 1, -1, 2);
    EXPECT_NEAR (aten_sin (c, a), 0.841470985f, -0.909297427f, 0.141120008f);
    EXPECT_NEAR (aten_cos (c, a), 0.540302306f, -0.416146837f, -0.989992497f);
    EXPECT_NEAR (aten_rsqrt (c, floats (c, LIST (4, 2))), 0.5f, 0.707106781f);
    EXPECT_NEAR (aten_tanh (c, floats (c, LIST (0.5f, -2))), 0.46211716f, -0.96402758f);
    tensor_t *column = aten_reshape (c, a, DIMS (3, 1));
    EXPECT (aten_add (c, column, b), 5, 6, -5, 2, 3, -8, 7, 8, -3);
    aten_destroy (&c);
}
END_TEST

START_TEST (test_in_place)
{
    aten_t *c = open_cpu (0);
    tensor_t *a = floats (c, LIST (1, -2, 3));
    tensor_t *b = floats (c, LIST (4, 5, -6));
    tensor_t *view = aten_narrow (c, a, 0, 1, 2);
    ck_assert_ptr_eq (aten_add_ (c, a, b), a);
    EXPECT (a, 5, 3, -3);
    EXPECT (view, 3, -3);
    tensor_t *s = floats (c, LIST (0, 1, -1));
    ck_assert_ptr_eq (aten_silu_ (c, s), s);
    EXPECT_NEAR (s, 0, 0.731058579f, -0.268941421f);
    ck_assert_ptr_null (aten_add_ (c, a, NULL));
    ck_assert_int_eq (aten_status (c), 0);
    ck_assert_ptr_null (aten_add_ (c, a, aten_zeros (c, AUT_DTYPE_F32, DIMS (2))));
    ck_assert_int_ne (aten_status (c), 0);
    aten_destroy (&c);
}
END_TEST

START_TEST (test_promotion)
{
    aten_t *c = open_cpu (0);
    tensor_t *single = floats (c, LIST (1, 2));
    tensor_t *half = aten_to (c, single, AUT_DTYPE_BF16);
    tensor_t *whole = aten_to (c, single, AUT_DTYPE_I64);
    ck_assert_int_eq (aten_dtype (aten_add (c, half, single)), AUT_DTYPE_F32);
    ck_assert_int_eq (aten_dtype (aten_mul (c, half, half)), AUT_DTYPE_BF16);
    ck_assert_int_eq (aten_dtype (aten_mul (c, half, whole)), AUT_DTYPE_BF16);
    ck_assert_int_eq (aten_dtype (aten_mul_scalar (c, half, 1e-3)), AUT_DTYPE_BF16);
    ck_assert_int_eq (aten_dtype (aten_add_scalar (c, single, 1e300)), AUT_DTYPE_F32);
    ck_assert_int_eq (aten_dtype (aten_div (c, whole, whole)), AUT_DTYPE_F32);
    ck_assert_int_eq (aten_dtype (aten_add_ (c, half, single)), AUT_DTYPE_BF16);
    EXPECT (half, 2, 4);
    aten_destroy (&c);
}
END_TEST

START_TEST (test_reductions)
{
    aten_t *c = open_cpu (0);
    tensor_t *t = floats (c, LIST (3, 4, 0, 0, -5, 12));
    tensor_t *m = aten_reshape (c, t, DIMS (3, 2));
    EXPECT (aten_mean (c, m, -1, false), 3.5, 0, 3.5);
    ck_assert (aten_has_dims (aten_mean (c, m, 1, true), DIMS (3, 1)));
    ck_assert (aten_has_dims (aten_mean (c, m, 1, false), DIMS (3)));
    ck_assert (aten_is_finite (c, t));
    ck_assert (aten_is_finite (c, aten_to (c, t, AUT_DTYPE_I64)));
    ck_assert (aten_is_finite (c, aten_to (c, t, AUT_DTYPE_F8_E4M3)));
    ck_assert (aten_is_finite (c, aten_zeros (c, AUT_DTYPE_F32, DIMS (0))));
    static const float bad[] = {NAN, INFINITY, -INFINITY};
    for (size_t i = 0; i < 3; i++) {
        tensor_t *broken = floats (c, LIST (1, 2, 0, 4));
        aten_copy_into (c, aten_narrow (c, broken, 0, 2, 1), floats (c, 1, &bad[i]));
        ck_assert (!aten_is_finite (c, broken));
        ck_assert (!aten_is_finite (c, aten_to (c, broken, AUT_DTYPE_BF16)));
    }
    ck_assert_int_eq (aten_status (c), 0);
    aten_destroy (&c);
}
END_TEST

TCase *suite_aten_ops (void)
{
    TCase *tc = tcase_create ("aten-ops");
    tcase_add_test (tc, test_make);
    tcase_add_test (tc, test_views);
    tcase_add_test (tc, test_copies);
    tcase_add_test (tc, test_arithmetic);
    tcase_add_test (tc, test_in_place);
    tcase_add_test (tc, test_promotion);
    tcase_add_test (tc, test_reductions);
    return tc;
}
