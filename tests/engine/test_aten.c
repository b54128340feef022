/*  Tensors: contexts, errors, scopes, memory, and what makes and moves tensors. What computes is in
 *  test_aten_ops.c. */
#include "lib/core/error.h"
#include "node/engine/shim/aten.h"
#include "tests/engine/suites.h"

#include <math.h>
#include <string.h>

#define MIB (1u << 20)

static aten_t *open_with (uint64_t limit)
{
    aten_options_t options = {.device = "cpu", .memory_limit = limit};
    aten_t *c = NULL;
    ck_assert_int_eq (aten_new (&c, &options), 0);
    return c;
}

static uint64_t allocated (const aten_t *c)
{
    aten_memory_t memory;
    aten_memory (c, &memory);
    return memory.allocated;
}

static tensor_t *megabytes (aten_t *c, int64_t count)
{
    return aten_empty (c, AUT_DTYPE_U8, DIMS (count, MIB));
}

START_TEST (test_devices)
{
    static const struct {
        const char *device;
        int rc;
    } cases[] = {
        {"cpu", 0},
        {"", AUT_ERR_INVALID},
        {NULL, AUT_ERR_INVALID},
        {"gpu", AUT_ERR_INVALID},
        {"cpu:0", AUT_ERR_INVALID},
        {"cuda:", AUT_ERR_INVALID},
        {"cuda:x", AUT_ERR_INVALID},
        {"cuda:1x", AUT_ERR_INVALID},
        {"cuda:-1", AUT_ERR_INVALID},
        {"cuda:1000", AUT_ERR_INVALID},
        {"cuda:99", AUT_ERR_UNSUPPORTED},
    };
    for (size_t i = 0; i < sizeof (cases) / sizeof (cases[0]); i++) {
        aten_options_t options = {.device = cases[i].device, .threads = 1};
        aten_t *c = NULL;
        ck_assert_int_eq (aten_new (&c, &options), cases[i].rc);
        if (cases[i].rc == AUT_ERR_UNSUPPORTED)
            ck_assert_ptr_nonnull (strstr (aut_error_detail (), "finds cpu"));
        ck_assert_int_eq (c != NULL, cases[i].rc == 0);
        aten_destroy (&c);
        ck_assert_ptr_null (c);
    }
    aten_t *c = open_with (0);
    ck_assert (!aten_is_cuda (c));
    ck_assert_int_ge (aten_cuda_count (), 0);
    aten_sync (c);
    aten_trim (c);
    ck_assert_int_eq (aten_status (c), 0);
    aten_destroy (&c);
}
END_TEST

START_TEST (test_scopes)
{
    aten_t *c = open_with (0);
    uint64_t base = allocated (c);
    aten_scope_t outer = aten_open (c);
    tensor_t *mine = megabytes (c, 1);

    aten_scope_t inner = aten_open (c);
    megabytes (c, 2);
    tensor_t *result = megabytes (c, 3);
    ck_assert_uint_ge (allocated (c), base + 6 * MIB);
    ck_assert_ptr_eq (aten_close (c, inner, result), result);
    ck_assert_uint_lt (allocated (c), base + 4 * MIB + MIB / 2);
    ck_assert_int_eq (aten_dim (result, 0), 3);

    /* a view keeps what it looks at; a tensor of an outer scope stays where it is */
    inner = aten_open (c);
    tensor_t *view = aten_narrow (c, megabytes (c, 4), 0, 1, 2);
    ck_assert_ptr_eq (aten_close (c, inner, view), view);
    ck_assert_uint_ge (allocated (c), base + 8 * MIB);
    inner = aten_open (c);
    ck_assert_ptr_eq (aten_close (c, inner, mine), mine);
    ck_assert_int_eq (aten_dim (mine, 0), 1);

    /* scopes that an early return left open go with the one around them */
    inner = aten_open (c);
    aten_open (c);
    megabytes (c, 5);
    aten_open (c);
    result = megabytes (c, 1);
    ck_assert_ptr_eq (aten_close (c, inner, result), result);
    ck_assert_uint_lt (allocated (c), base + 9 * MIB + MIB / 2);

    ck_assert_ptr_null (aten_close (c, outer, NULL));
    ck_assert_uint_eq (allocated (c), base);
    ck_assert_int_eq (aten_status (c), 0);
    aten_close (c, outer, NULL);
    ck_assert_int_eq (aten_status (c), AUT_ERR_INTERNAL);
    aten_destroy (&c);
}
END_TEST

START_TEST (test_keep)
{
    aten_t *c = open_with (0);
    uint64_t base = allocated (c);
    aten_scope_t scope = aten_open (c);
    tensor_t *kept = aten_keep (c, megabytes (c, 1));
    ck_assert_ptr_eq (aten_keep (c, kept), kept);
    tensor_t *gone = megabytes (c, 1);
    tensor_t *between = megabytes (c, 2);
    megabytes (c, 3);
    aten_drop (c, &between);
    ck_assert_ptr_null (between);
    aten_drop (c, &between);
    aten_drop (c, &gone);
    aten_close (c, scope, NULL);
    ck_assert_int_eq (aten_dim (kept, 0), 1);

    scope = aten_open (c);
    tensor_t *cache = NULL;
    for (int64_t i = 1; i <= 3; i++)
        aten_assign (c, &cache, megabytes (c, i));
    aten_assign (c, &cache, cache);
    ck_assert_ptr_eq (aten_close (c, scope, kept), kept);
    ck_assert_int_eq (aten_dim (cache, 0), 3);
    ck_assert_uint_ge (allocated (c), base + 4 * MIB);
    ck_assert_uint_lt (allocated (c), base + 4 * MIB + MIB / 2);
    aten_drop (c, &cache);
    aten_drop (c, &kept);
    ck_assert_uint_eq (allocated (c), base);
    ck_assert_ptr_null (aten_keep (c, NULL));

    megabytes (c, 1); /* without a scope, and kept: the context's end frees both */
    aten_keep (c, megabytes (c, 1));
    aten_destroy (&c);
    c = open_with (0);
    ck_assert_uint_eq (allocated (c), base);
    aten_destroy (&c);
}
END_TEST

START_TEST (test_sticky)
{
    aten_t *c = open_with (0);
    aten_scope_t scope = aten_open (c);
    tensor_t *a = aten_zeros (c, AUT_DTYPE_F32, DIMS (2, 3));
    tensor_t *b = aten_zeros (c, AUT_DTYPE_BF16, DIMS (4, 5));
    ck_assert_ptr_null (aten_add (c, a, NULL));
    ck_assert_int_eq (aten_status (c), 0);
    ck_assert_ptr_null (aten_mul (c, a, b));
    aut_fail (AUT_ERR_IO, "something else meanwhile");
    ck_assert_int_eq (aten_status (c), AUT_ERR_INTERNAL);
    const char *detail = aut_error_detail ();
    ck_assert_ptr_eq (strstr (detail, "aten_mul: "), detail);
    ck_assert_ptr_nonnull (strstr (detail, "[F32 (2, 3), BF16 (4, 5)]"));
    ck_assert_ptr_null (strchr (detail, '\n'));

    /* nothing happens any more, and what the caller holds stays valid over a callee's scope */
    aten_scope_t inner = aten_open (c);
    ck_assert_ptr_null (aten_add (c, a, a));
    ck_assert_ptr_null (aten_add_ (c, a, a));
    ck_assert_ptr_null (aten_to (c, a, AUT_DTYPE_F32));
    ck_assert_ptr_null (aten_zeros (c, AUT_DTYPE_F32, DIMS (2)));
    ck_assert_ptr_null (aten_keep (c, a));
    ck_assert_ptr_null (aten_close (c, inner, a));
    ck_assert_int_eq (aten_dim (a, 1), 3);
    ck_assert (!aten_is_finite (c, a));
    float out[6];
    ck_assert_int_eq (aten_read (c, a, AUT_DTYPE_F32, out, sizeof (out)), AUT_ERR_INTERNAL);
    ck_assert_ptr_null (aten_fail (c, AUT_ERR_IO, "a second error"));
    aten_fail_code (c, AUT_ERR_IO);
    ck_assert_int_eq (aten_status (c), AUT_ERR_INTERNAL);

    aten_clear (c);
    ck_assert_int_eq (aten_status (c), 0);
    ck_assert_ptr_nonnull (aten_add (c, a, a));
    ck_assert_ptr_null (aten_fail (c, AUT_ERR_CORRUPT, "weight %d", 7));
    ck_assert_int_eq (aten_status (c), AUT_ERR_CORRUPT);
    ck_assert_str_eq (aut_error_detail (), "weight 7");
    aten_clear (c);
    aten_fail_code (c, 0);
    ck_assert_int_eq (aten_status (c), 0);
    aten_fail_code (c, aut_fail (AUT_ERR_NOT_FOUND, "no %s", "file"));
    ck_assert_int_eq (aten_status (c), AUT_ERR_NOT_FOUND);
    ck_assert_str_eq (aut_error_detail (), "no file");
    ck_assert_ptr_null (aten_close (c, scope, a));
    aten_destroy (&c);

    ck_assert_ptr_null (aten_add (NULL, NULL, NULL));
    ck_assert_int_ne (aten_status (NULL), 0);
}
END_TEST

/*  A ladder that gives a step up for a smaller one must find the context as it was. */
START_TEST (test_memory_limit)
{
    aten_t *c = open_with (8 * MIB);
    ck_assert_uint_eq (allocated (c), 0);
    aten_scope_t scope = aten_open (c);
    tensor_t *a = megabytes (c, 4);
    ck_assert_ptr_nonnull (a);
    ck_assert_ptr_null (megabytes (c, 6));
    ck_assert_int_eq (aten_status (c), AUT_ERR_DEVICE_MEMORY);
    ck_assert_ptr_nonnull (strstr (aut_error_detail (), "6.0 MiB wanted, 4.0 MiB free"));
    aten_clear (c);

    aten_memory_t memory;
    aten_memory (c, &memory);
    ck_assert_uint_eq (memory.available, 4 * MIB);
    ck_assert_uint_gt (memory.total, 64 * MIB);

    /* within an operation, too */
    ck_assert_ptr_null (aten_to (c, a, AUT_DTYPE_F32));
    ck_assert_int_eq (aten_status (c), AUT_ERR_DEVICE_MEMORY);
    aten_clear (c);
    tensor_t *b = megabytes (c, 2);
    aten_drop (c, &a);
    aten_memory (c, &memory);
    ck_assert_uint_eq (memory.allocated, 2 * MIB);
    ck_assert_uint_eq (memory.peak, 6 * MIB);
    aten_memory_reset (c);
    aten_memory (c, &memory);
    ck_assert_uint_eq (memory.peak, 2 * MIB);

    /* the limit is the context's own */
    aten_t *other = open_with (0);
    ck_assert_ptr_nonnull (megabytes (other, 16));
    ck_assert_ptr_null (megabytes (c, 1));
    aten_clear (c);
    aten_destroy (&other);
    ck_assert_ptr_nonnull (aten_close (c, scope, b));
    ck_assert_int_eq (aten_status (c), 0);
    aten_destroy (&c);
}
END_TEST

START_TEST (test_impossible_size)
{
    aten_t *c = open_with (0);
    static const int64_t cases[][3] = {
        {-1, 2, 3}, {INT64_MAX, 1, 1}, {INT64_C (1) << 31, INT64_C (1) << 31, INT64_C (1) << 31}};
    for (size_t i = 0; i < sizeof (cases) / sizeof (cases[0]); i++) {
        ck_assert_ptr_null (aten_empty (c, AUT_DTYPE_F32, 3, cases[i]));
        ck_assert_int_eq (aten_status (c), AUT_ERR_INVALID);
        aten_clear (c);
    }
    /* 2^58 bytes are a number that nobody has */
    ck_assert_ptr_null (aten_empty (c, AUT_DTYPE_F32, DIMS (INT64_C (1) << 28, 1 << 28)));
    ck_assert_int_eq (aten_status (c), AUT_ERR_DEVICE_MEMORY);
    aten_clear (c);
    int64_t many[9] = {1, 1, 1, 1, 1, 1, 1, 1, 1};
    ck_assert_ptr_null (aten_empty (c, AUT_DTYPE_F32, 9, many));
    ck_assert_int_eq (aten_status (c), AUT_ERR_INVALID);
    aten_clear (c);
    ck_assert_ptr_null (aten_empty (c, AUT_DTYPE_COUNT, DIMS (1)));
    ck_assert_int_eq (aten_status (c), AUT_ERR_INVALID);
    aten_destroy (&c);
}
END_TEST

START_TEST (test_dtypes)
{
    aten_t *c = open_with (0);
    static const uint64_t data[4];
    for (aut_dtype_t dtype = 0; dtype < AUT_DTYPE_COUNT; dtype++) {
        tensor_t *t = aten_borrow_host (c, data, dtype, DIMS (2, 2));
        ck_assert_int_eq (aten_dtype (t), dtype);
        ck_assert_ptr_eq (aten_host_data (t), data);
        ck_assert_ptr_nonnull (aten_from_host (c, data, dtype, DIMS (4)));
        ck_assert_int_eq (aten_dtype (aten_to (c, t, AUT_DTYPE_F32)), AUT_DTYPE_F32);
    }
    ck_assert_int_eq (aten_status (c), 0);
    ck_assert_int_eq (aten_dtype (NULL), AUT_DTYPE_COUNT);
    const char *odd = (const char *)data + 1;
    ck_assert_ptr_null (aten_borrow_host (c, odd, AUT_DTYPE_BF16, DIMS (2)));
    ck_assert_int_eq (aten_status (c), AUT_ERR_INVALID);
    aten_clear (c);
    ck_assert_ptr_nonnull (aten_borrow_host (c, odd, AUT_DTYPE_U8, DIMS (2)));
    ck_assert_ptr_null (aten_borrow_host (c, NULL, AUT_DTYPE_U8, DIMS (2)));
    ck_assert_int_eq (aten_status (c), AUT_ERR_INVALID);
    aten_destroy (&c);
}
END_TEST

START_TEST (test_host)
{
    aten_t *c = open_with (0);
    float data[6] = {1, 2, 3, 4, 5, 6};
    tensor_t *copy = aten_from_host (c, data, AUT_DTYPE_F32, DIMS (2, 3));
    tensor_t *borrowed = aten_borrow_host (c, data, AUT_DTYPE_F32, DIMS (2, 3));
    tensor_t *scalar = aten_from_host (c, data, AUT_DTYPE_F32, 0, NULL);
    data[5] = 60;
    ck_assert_float_eq (((const float *)aten_host_data (copy))[5], 6);
    ck_assert_float_eq (((const float *)aten_host_data (borrowed))[5], 60);
    ck_assert_uint_eq (aten_rank (scalar), 0);
    ck_assert_int_eq (aten_count (scalar), 1);
    ck_assert (aten_has_dims (copy, DIMS (2, 3)));
    ck_assert (aten_has_dims (copy, DIMS (-1, 3)));
    ck_assert (!aten_has_dims (copy, DIMS (2, 4)));
    ck_assert (!aten_has_dims (copy, DIMS (2, 3, 1)));
    ck_assert (!aten_has_dims (NULL, DIMS (2)));
    ck_assert_int_eq (aten_dim (copy, -1), 3);
    ck_assert_int_eq (aten_dim (copy, 2), 0);
    ck_assert_int_eq (aten_dim (copy, -3), 0);
    ck_assert_int_eq (aten_dim (NULL, 0), 0);
    tensor_t *turned = aten_permute (c, copy, DIMS (1, 0));
    ck_assert_ptr_null (aten_host_data (turned));

    ck_assert_ptr_eq (aten_to (c, copy, AUT_DTYPE_F32), copy);
    ck_assert_ptr_eq (aten_to_device (c, copy), copy);
    ck_assert_ptr_eq (aten_to_host (c, copy), copy);
    ck_assert_ptr_eq (aten_pin (c, copy), copy);
    tensor_t *up = aten_upload (c, borrowed, AUT_DTYPE_BF16);
    aten_upload_fence (c);
    ck_assert_int_eq (aten_dtype (up), AUT_DTYPE_BF16);
    data[0] = 9; /* an upload is a copy even where nothing is converted */
    tensor_t *same = aten_upload (c, borrowed, AUT_DTYPE_F32);
    data[0] = 10;
    ck_assert_float_eq (((const float *)aten_host_data (same))[0], 9);
    ck_assert_int_eq (aten_status (c), 0);
    aten_destroy (&c);
}
END_TEST

START_TEST (test_read)
{
    aten_t *c = open_with (0);
    const float data[6] = {1, 2.5f, -3, 4, 1.00390625f, 65536};
    tensor_t *t = aten_from_host (c, data, AUT_DTYPE_F32, DIMS (2, 3));
    tensor_t *turned = aten_permute (c, t, DIMS (1, 0));
    double wide[6];
    ck_assert_int_eq (aten_read (c, turned, AUT_DTYPE_F64, wide, sizeof (wide)), 0);
    for (int i = 0; i < 6; i++)
        ck_assert_double_eq (wide[i], data[i % 2 * 3 + i / 2]);
    uint16_t half[6];
    ck_assert_int_eq (aten_read (c, t, AUT_DTYPE_BF16, half, sizeof (half)), 0);
    ck_assert_uint_eq (half[1], 0x4020);
    ck_assert_uint_eq (half[4], 0x3F80); /* 1 + 2^-8: a tie, to even */
    ck_assert_int_eq (aten_read (c, t, AUT_DTYPE_F16, half, sizeof (half)), 0);
    ck_assert_uint_eq (half[5], 0x7C00); /* infinite */
    int64_t whole[6];
    ck_assert_int_eq (aten_read (c, t, AUT_DTYPE_I64, whole, sizeof (whole)), 0);
    ck_assert_int_eq (whole[1], 2);
    tensor_t *none = aten_zeros (c, AUT_DTYPE_F32, DIMS (0, 3));
    ck_assert_int_eq (aten_read (c, none, AUT_DTYPE_F32, whole, 0), 0);

    ck_assert_int_eq (aten_read (c, t, AUT_DTYPE_F64, wide, sizeof (wide) - 1), AUT_ERR_INVALID);
    aten_clear (c);
    ck_assert_int_eq (aten_read (c, NULL, AUT_DTYPE_F64, wide, sizeof (wide)), AUT_ERR_INTERNAL);
    aten_destroy (&c);
}
END_TEST

/*  The numbers of torch.randn with torch.Generator ("cpu").manual_seed (seed), LibTorch 2.13.0.
 * From 16 numbers on another algorithm makes them. */
START_TEST (test_randn)
{
    static const float few[6] = {0.336690366f, 0.128809407f, 0.234462366f,
                                 0.23033303f,  -1.12285638f, -0.186328292f};
    static const float more[20] = {1.92691529f,   1.48728406f,   0.900717199f,  -2.10552096f,
                                   -0.758131146f, 1.07831764f,   0.800800562f,  1.68062055f,
                                   0.355859905f,  -0.686622977f, -0.493356347f, 0.241487786f,
                                   -0.23162432f,  0.041759491f,  -0.251575291f, 0.859858513f,
                                   -0.309726775f, -0.395710498f, 0.803409338f,  -0.621595383f};
    static const float last[4] = {1.21976304f, -0.392979473f, 1.0230751f, -0.373421133f};
    static const struct {
        int64_t at;
        float value;
    } latents[] = {{0, -0.820134521f},  {1, 0.395631164f},     {2, 0.898908496f},
                   {17, -0.324566633f}, {1000, -0.213382468f}, {3071, -0.900783479f}};
    aten_t *c = open_with (0);
    float out[3072];
    ck_assert_int_eq (aten_read (c, aten_randn (c, 42, DIMS (2, 3)), AUT_DTYPE_F32, out, 24), 0);
    for (int i = 0; i < 6; i++)
        ck_assert_float_eq_tol (out[i], few[i], 1e-6f);
    ck_assert_int_eq (aten_read (c, aten_randn (c, 42, DIMS (2, 10)), AUT_DTYPE_F32, out, 80), 0);
    for (int i = 0; i < 20; i++)
        ck_assert_float_eq_tol (out[i], more[i], 1e-6f);
    ck_assert_int_eq (aten_read (c, aten_randn (c, UINT64_MAX, DIMS (4)), AUT_DTYPE_F32, out, 16),
                      0);
    for (int i = 0; i < 4; i++)
        ck_assert_float_eq_tol (out[i], last[i], 1e-6f);
    tensor_t *t = aten_randn (c, 7, DIMS (1, 16, 3, 8, 8));
    ck_assert_int_eq (aten_read (c, t, AUT_DTYPE_F32, out, sizeof (out)), 0);
    for (size_t i = 0; i < sizeof (latents) / sizeof (latents[0]); i++)
        ck_assert_float_eq_tol (out[latents[i].at], latents[i].value, 1e-6f);
    double sum = 0;
    for (int i = 0; i < 3072; i++)
        sum += (double)out[i];
    ck_assert_double_eq_tol (sum, 19.483244726172416, 1e-4);
    aten_destroy (&c);
}
END_TEST

TCase *suite_aten (void)
{
    TCase *tc = tcase_create ("aten");
    tcase_add_test (tc, test_devices);
    tcase_add_test (tc, test_scopes);
    tcase_add_test (tc, test_keep);
    tcase_add_test (tc, test_sticky);
    tcase_add_test (tc, test_memory_limit);
    tcase_add_test (tc, test_impossible_size);
    tcase_add_test (tc, test_dtypes);
    tcase_add_test (tc, test_host);
    tcase_add_test (tc, test_read);
    tcase_add_test (tc, test_randn);
    return tc;
}
