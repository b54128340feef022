/*  Weights: files and shards, types, shapes, numbers that are none, and what is refused. */
#include "lib/core/error.h"
#include "lib/core/file.h"
#include "lib/core/mem.h"
#include "node/engine/weights.h"
#include "node/engine/weights_finite.h"
#include "tests/core/support.h"
#include "tests/engine/suites.h"
#include "tests/engine/support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SINGLE "diffusion_pytorch_model.safetensors"
#define INDEX SINGLE ".index.json"

static char *s_dir; /* of the test, in its own process */

static void set_up (void)
{
    s_dir = make_folder ();
}

static void tear_down (void)
{
    remove_folder (&s_dir);
}

static void write_tensors (const char *name, const aut_tensor_t *tensors, size_t count)
{
    char *path = aut_path_join (s_dir, name, NULL);
    ck_assert_msg (aut_safetensors_write (path, tensors, count) == 0, "%s", aut_error_detail ());
    free (path);
}

static void write_text (const char *name, const char *text)
{
    char *path = aut_path_join (s_dir, name, NULL);
    ck_assert_int_eq (aut_file_write (path, text, strlen (text)), 0);
    free (path);
}

/*  A tensor of rank 1 or 2 (columns 0: 1). */
static aut_tensor_t tensor (const char *name, aut_dtype_t dtype, uint64_t rows, uint64_t columns,
                            const void *data)
{
    return (aut_tensor_t){.name = name,
                          .dtype = dtype,
                          .rank = columns ? 2 : 1,
                          .shape = {rows, columns},
                          .data = data};
}

static weights_t *open_weights (void)
{
    weights_t *w = NULL;
    ck_assert_msg (weights_open (&w, s_dir, "transformer") == 0, "%s", aut_error_detail ());
    return w;
}

static void check_refused (int code, const char *says)
{
    weights_t *w = NULL;
    int rc = weights_open (&w, s_dir, "transformer");
    ck_assert_msg (rc == code && strstr (aut_error_detail (), says), "%d: %s", rc,
                   aut_error_detail ());
    ck_assert_ptr_null (w);
}

/*  The context must hold this error; it is cleared. */
static void check_error (aten_t *c, int code, const char *says)
{
    int rc = aten_status (c);
    ck_assert_msg (rc == code && strstr (aut_error_detail (), says), "%d: %s", rc,
                   rc ? aut_error_detail () : "");
    aten_clear (c);
}

static const float s_numbers[6] = {0.0f, -1.5f, 2.0f, 0.25f, -448.0f, 0.015625f};

static void check_numbers (aten_t *c, const tensor_t *t, const float *expected, size_t count)
{
    float found[16];
    ck_assert_uint_le (count, 16);
    ck_assert_int_eq (aten_read (c, t, AUT_DTYPE_F32, found, count * sizeof (float)), 0);
    for (size_t i = 0; i < count; i++)
        ck_assert_float_eq (found[i], expected[i]);
}

/* ---- one file -------------------------------------------------------------------------------- */

START_TEST (test_single)
{
    aut_tensor_t tensors[] = {tensor ("blocks.0.w", AUT_DTYPE_F32, 2, 3, s_numbers),
                              tensor ("blocks.1.w", AUT_DTYPE_F32, 3, 0, s_numbers),
                              {.name = "scalar", .dtype = AUT_DTYPE_F32, .data = s_numbers}};
    write_tensors (SINGLE, tensors, 3);
    weights_t *w = open_weights ();
    aten_t *c = open_cpu (1);
    int64_t dims[AUT_TENSOR_RANK_MAX];
    ck_assert_str_eq (weights_label (w), "transformer");
    ck_assert_uint_eq (weights_count (w), 3);
    ck_assert_uint_eq (weights_size (w), 40);
    ck_assert (weights_has (w, "blocks.%d.w", 1) && !weights_has (w, "blocks.2.w"));
    ck_assert_uint_eq (weights_dims (w, "blocks.0.w", dims), 2);
    ck_assert (dims[0] == 2 && dims[1] == 3);
    ck_assert_uint_eq (weights_dims (w, "none", dims), 0);

    aten_memory_t memory;
    tensor_t *t = weights_load (w, c, AUT_DTYPE_F32, DIMS (2, 3), "blocks.%d.w", 0);
    ck_assert (aten_has_dims (t, DIMS (2, 3)) && aten_dtype (t) == AUT_DTYPE_F32);
    check_numbers (c, t, s_numbers, 6);
    aten_memory (c, &memory);
    ck_assert_uint_eq (memory.allocated, 0); /* it lies in the mapping */
    tensor_t *host = weights_load_host (w, c, AUT_DTYPE_BF16, DIMS (3), "blocks.1.w");
    ck_assert_int_eq (aten_dtype (host), AUT_DTYPE_BF16);
    check_numbers (c, host, s_numbers, 3);
    tensor_t *scalar = weights_load (w, c, AUT_DTYPE_F32, 0, NULL, "scalar");
    ck_assert_uint_eq (aten_rank (scalar), 0);
    check_numbers (c, scalar, s_numbers, 1);
    aten_drop (c, &t);
    aten_drop (c, &host);
    aten_drop (c, &scalar);
    aten_destroy (&c);
    weights_close (&w);
    ck_assert_ptr_null (w);
    weights_close (&w);
}
END_TEST

/*  Every floating-point type gives the same numbers in every type they fit in. */
START_TEST (test_types)
{
    static const uint16_t f16[] = {0, 0xBE00, 0x4000, 0x3400, 0xDF00, 0x2400};
    static const uint16_t bf16[] = {0, 0xBFC0, 0x4000, 0x3E80, 0xC3E0, 0x3C80};
    static const uint8_t e4m3[] = {0, 0xBC, 0x40, 0x28, 0xFE, 0x08};
    static const uint8_t e5m2[] = {0, 0xBE, 0x40, 0x34, 0xDF, 0x24};
    static const double f64[] = {0, -1.5, 2, 0.25, -448, 0.015625};
    aut_tensor_t tensors[] = {tensor ("F32", AUT_DTYPE_F32, 6, 0, s_numbers),
                              tensor ("F16", AUT_DTYPE_F16, 6, 0, f16),
                              tensor ("BF16", AUT_DTYPE_BF16, 6, 0, bf16),
                              tensor ("F8_E4M3", AUT_DTYPE_F8_E4M3, 6, 0, e4m3),
                              tensor ("F8_E5M2", AUT_DTYPE_F8_E5M2, 6, 0, e5m2),
                              tensor ("F64", AUT_DTYPE_F64, 6, 0, f64)};
    write_tensors (SINGLE, tensors, 6);
    weights_t *w = open_weights ();
    aten_t *c = open_cpu (1);
    for (size_t i = 0; i < 6; i++) {
        for (int wanted = 0; wanted < 2; wanted++) {
            tensor_t *t = weights_load (w, c, wanted ? AUT_DTYPE_BF16 : AUT_DTYPE_F32, DIMS (6),
                                        "%s", tensors[i].name);
            ck_assert_msg (t != NULL, "%s", aut_error_detail ());
            ck_assert_int_eq (aten_dtype (t), wanted ? AUT_DTYPE_BF16 : AUT_DTYPE_F32);
            check_numbers (c, t, s_numbers, 6);
            aten_drop (c, &t);
        }
    }
    aten_destroy (&c);
    weights_close (&w);
}
END_TEST

/*  A file of another program, in which nothing is aligned. */
START_TEST (test_not_aligned)
{
    static const char header[] = "{\"t\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[0,24]"
                                 "}}";
    char bytes[256], *path = aut_path_join (s_dir, SINGLE, NULL);
    uint64_t length = sizeof header - 1;
    while (length % 4 != 1) /* spaces after the header belong to it */
        length++;
    memset (bytes, ' ', sizeof bytes);
    memcpy (bytes, &length, 8);
    memcpy (bytes + 8, header, sizeof header - 1);
    memcpy (bytes + 8 + length, s_numbers, sizeof s_numbers);
    ck_assert_int_eq (aut_file_write (path, bytes, 8 + length + sizeof s_numbers), 0);
    free (path);
    weights_t *w = open_weights ();
    aten_t *c = open_cpu (1);
    tensor_t *same = weights_load (w, c, AUT_DTYPE_F32, DIMS (2, 3), "t");
    tensor_t *host = weights_load_host (w, c, AUT_DTYPE_F32, DIMS (2, 3), "t");
    tensor_t *other = weights_load (w, c, AUT_DTYPE_BF16, DIMS (2, 3), "t");
    tensor_t *rows = weights_rows (w, c, AUT_DTYPE_F32, (const int32_t[]){1}, 1, "t");
    weights_close (&w); /* none of them lies in the mapping */
    check_numbers (c, same, s_numbers, 6);
    check_numbers (c, host, s_numbers, 6);
    check_numbers (c, other, s_numbers, 6);
    check_numbers (c, rows, s_numbers + 3, 3);
    aten_destroy (&c);
}
END_TEST

START_TEST (test_rows)
{
    aut_tensor_t tensors[] = {tensor ("table", AUT_DTYPE_F32, 3, 2, s_numbers),
                              tensor ("line", AUT_DTYPE_F32, 6, 0, s_numbers)};
    static const float expected[] = {-448.0f, 0.015625f, 0.0f, -1.5f, -448.0f, 0.015625f};
    static const int32_t ids[] = {2, 0, 2}, high[] = {0, 3}, low[] = {-1};
    write_tensors ("model.safetensors", tensors, 2);
    weights_t *w = open_weights ();
    aten_t *c = open_cpu (1);
    tensor_t *t = weights_rows (w, c, AUT_DTYPE_BF16, ids, 3, "table");
    ck_assert (aten_has_dims (t, DIMS (3, 2)) && aten_dtype (t) == AUT_DTYPE_BF16);
    check_numbers (c, t, expected, 6);
    ck_assert (aten_has_dims (weights_rows (w, c, AUT_DTYPE_F32, ids, 0, "table"), DIMS (0, 2)));
    ck_assert_ptr_null (weights_rows (w, c, AUT_DTYPE_F32, high, 2, "table"));
    check_error (c, AUT_ERR_INVALID, "tensor table has no row 3, only 3");
    ck_assert_ptr_null (weights_rows (w, c, AUT_DTYPE_F32, low, 1, "table"));
    check_error (c, AUT_ERR_INVALID, "has no row -1");
    ck_assert_ptr_null (weights_rows (w, c, AUT_DTYPE_F32, ids, 1, "line"));
    check_error (c, AUT_ERR_CORRUPT, "tensor line: expected a table");
    ck_assert_ptr_null (weights_rows (w, c, AUT_DTYPE_F32, ids, 1, "none"));
    check_error (c, AUT_ERR_CORRUPT, "tensor none");
    aten_destroy (&c);
    weights_close (&w);
}
END_TEST

/* ---- what a model asks for and does not get ---------------------------------------------------
 */

START_TEST (test_wrong_tensor)
{
    static const int64_t whole[2] = {1, 2};
    aut_tensor_t tensors[] = {tensor ("w", AUT_DTYPE_F32, 2, 3, s_numbers),
                              tensor ("whole", AUT_DTYPE_I64, 2, 0, whole),
                              tensor ("q.weight", AUT_DTYPE_F8_E4M3, 2, 0, whole),
                              tensor ("q.scale_weight", AUT_DTYPE_F32, 1, 0, s_numbers)};
    write_tensors (SINGLE, tensors, 4);
    weights_t *w = open_weights ();
    aten_t *c = open_cpu (1);
    static const char file[] = "transformer/" SINGLE ": tensor ";
    ck_assert_ptr_null (weights_load (w, c, AUT_DTYPE_F32, DIMS (3, 2), "w"));
    check_error (c, AUT_ERR_CORRUPT, "w: expected (3, 2), found (2, 3)");
    ck_assert_ptr_null (weights_load (w, c, AUT_DTYPE_F32, DIMS (6), "w"));
    check_error (c, AUT_ERR_CORRUPT, "w: expected (6), found (2, 3)");
    ck_assert_ptr_null (weights_load (w, c, AUT_DTYPE_F32, DIMS (2, -1), "w"));
    check_error (c, AUT_ERR_CORRUPT, file);
    ck_assert_ptr_null (weights_load (w, c, AUT_DTYPE_F32, DIMS (4), "x.%s", "y"));
    check_error (c, AUT_ERR_CORRUPT, "transformer/" SINGLE ": tensor x.y is missing: expected (4)");
    ck_assert_ptr_null (weights_load (w, c, AUT_DTYPE_F32, DIMS (2), "whole"));
    check_error (c, AUT_ERR_UNSUPPORTED, "tensor whole is of type I64");
    ck_assert_ptr_null (weights_load_host (w, c, AUT_DTYPE_F32, DIMS (2), "q.weight"));
    check_error (c, AUT_ERR_UNSUPPORTED, "tensor q.weight is quantised to 8 bits with a scale");

    /* after an error nothing is done, and the error stays */
    aten_fail (c, AUT_ERR_CANCELLED, "first");
    ck_assert_ptr_null (weights_load (w, c, AUT_DTYPE_F32, DIMS (2, 3), "w"));
    ck_assert_ptr_null (weights_rows (w, c, AUT_DTYPE_F32, (const int32_t[]){0}, 1, "w"));
    check_error (c, AUT_ERR_CANCELLED, "first");
    ck_assert_ptr_null (weights_load (w, NULL, AUT_DTYPE_F32, DIMS (2, 3), "w"));
    aten_destroy (&c);
    weights_close (&w);
}
END_TEST

static const struct {
    aut_dtype_t dtype;
    uint64_t bits, fine; /* one that is not finite, and the largest that is */
} bads[] = {
    {AUT_DTYPE_F32, 0x7F800000, 0x7F7FFFFF},
    {AUT_DTYPE_F32, 0xFF800001, 0xFF7FFFFF},
    {AUT_DTYPE_F16, 0x7C00, 0x7BFF},
    {AUT_DTYPE_F16, 0xFE01, 0xFBFF},
    {AUT_DTYPE_BF16, 0x7F80, 0x7F7F},
    {AUT_DTYPE_BF16, 0xFFC0, 0xFF7F},
    {AUT_DTYPE_F8_E4M3, 0x7F, 0x7E},
    {AUT_DTYPE_F8_E4M3, 0xFF, 0xFE},
    {AUT_DTYPE_F8_E5M2, 0x7C, 0x7B},
    {AUT_DTYPE_F8_E5M2, 0xFD, 0xFB},
    {AUT_DTYPE_F64, UINT64_C (0x7FF0000000000000), UINT64_C (0x47EFFFFFE0000000)},
    {AUT_DTYPE_F64, UINT64_C (0xFFF8000000000000), UINT64_C (0xC7EFFFFFE0000000)},
    {AUT_DTYPE_F64, UINT64_C (0x47F0000000000000), UINT64_C (0x3FF0000000000000)}, /* 2^128 */
};

/*  Wherever it is, in a file of any alignment. */
static void one_find_bad (int number)
{
    enum { COUNT = 10000 };
    size_t size = aut_dtype_size (bads[number].dtype);
    uint8_t *bytes = aut_calloc (COUNT + 1, size), *data = bytes + (number % 2);
    static const size_t places[] = {0, 1, 4095, 4096, 8191, 8193, COUNT - 1};
    ck_assert (weights_is_float (bads[number].dtype) && !weights_is_float (AUT_DTYPE_I32));
    for (size_t i = 0; i < COUNT; i++)
        memcpy (data + i * size, &bads[number].fine, size);
    ck_assert_uint_eq (weights_find_bad (data, bads[number].dtype, COUNT), COUNT);
    for (size_t i = sizeof places / sizeof *places; i-- > 0;) {
        memcpy (data + places[i] * size, &bads[number].bits, size);
        ck_assert_uint_eq (weights_find_bad (data, bads[number].dtype, COUNT), places[i]);
        ck_assert_uint_eq (weights_find_bad (data, bads[number].dtype, places[i]), places[i]);
    }
    ck_assert_uint_eq (weights_find_bad (data, bads[number].dtype, 0), 0);
    free (bytes);
}

START_TEST (test_find_bad)
{
    each_case (sizeof bads / sizeof *bads, one_find_bad);
}
END_TEST

static void one_not_finite (int i)
{
    uint64_t data[4] = {0};
    size_t size = aut_dtype_size (bads[i].dtype);
    memcpy ((uint8_t *)data + 3 * size, &bads[i].bits, size);
    aut_tensor_t tensors[] = {tensor ("w", bads[i].dtype, 2, 2, data),
                              tensor ("fine", AUT_DTYPE_F32, 6, 0, s_numbers)};
    write_tensors (SINGLE, tensors, 2);
    weights_t *w = open_weights ();
    aten_t *c = open_cpu (1);
    for (int again = 0; again < 2; again++) {
        ck_assert_ptr_null (weights_load (w, c, AUT_DTYPE_F32, DIMS (2, 2), "w"));
        check_error (c, AUT_ERR_CORRUPT,
                     "transformer/" SINGLE ": tensor w is not finite: element 3");
    }
    /* also where the rows that are wanted are fine */
    ck_assert_ptr_null (weights_rows (w, c, AUT_DTYPE_F32, (const int32_t[]){0}, 1, "w"));
    check_error (c, AUT_ERR_CORRUPT, "tensor w is not finite: element 3");
    tensor_t *fine = weights_load (w, c, AUT_DTYPE_F32, DIMS (6), "fine");
    check_numbers (c, fine, s_numbers, 6);
    aten_destroy (&c);
    weights_close (&w);
}

START_TEST (test_not_finite)
{
    each_case_anew (sizeof bads / sizeof *bads, one_not_finite, set_up, tear_down);
}
END_TEST

/* ---- shards ---------------------------------------------------------------------------------- */

#define SHARD(n) "diffusion_pytorch_model-0000" n "-of-00002.safetensors"

static void write_shards (void)
{
    aut_tensor_t one[] = {tensor ("z", AUT_DTYPE_F32, 2, 3, s_numbers)};
    aut_tensor_t two[] = {tensor ("a", AUT_DTYPE_F32, 3, 0, s_numbers + 3),
                          tensor ("unused", AUT_DTYPE_F32, 3, 0, s_numbers)};
    write_tensors (SHARD ("1"), one, 1);
    write_tensors (SHARD ("2"), two, 2);
    write_text (INDEX, "{\"metadata\":{\"total_size\":36},\"weight_map\":{"
                       "\"z\":\"" SHARD ("1") "\",\"a\":\"" SHARD ("2") "\"}}");
}

START_TEST (test_shards)
{
    write_shards ();
    weights_t *w = open_weights ();
    aten_t *c = open_cpu (1);
    ck_assert_uint_eq (weights_count (w), 2);
    ck_assert_uint_eq (weights_size (w), 36);
    ck_assert (!weights_has (w, "unused"));
    check_numbers (c, weights_load (w, c, AUT_DTYPE_F32, DIMS (3), "a"), s_numbers + 3, 3);
    check_numbers (c, weights_load (w, c, AUT_DTYPE_F32, DIMS (2, 3), "z"), s_numbers, 6);
    ck_assert_ptr_null (weights_load (w, c, AUT_DTYPE_F32, DIMS (2), "a"));
    check_error (c, AUT_ERR_CORRUPT,
                 "transformer/" SHARD ("2") ": tensor a: expected (2), found (3");
    ck_assert_ptr_null (weights_load (w, c, AUT_DTYPE_F32, DIMS (2), "b"));
    check_error (c, AUT_ERR_CORRUPT, "transformer/" INDEX ": tensor b is missing");
    aten_destroy (&c);
    weights_close (&w);
}
END_TEST

START_TEST (test_broken_shards)
{
    write_shards ();
    char *path = aut_path_join (s_dir, SHARD ("2"), NULL);
    write_text (INDEX, "{\"weight_map\":{\"z\":\"" SHARD ("1") "\",\"b\":\"" SHARD ("2") "\"}}");
    check_refused (AUT_ERR_CORRUPT, "transformer/" SHARD ("2") ": there is no tensor b, which "
                                                               "transformer/" INDEX " puts there");
    write_text (SHARD ("2"), "garbage");
    check_refused (AUT_ERR_CORRUPT, "transformer/" SHARD ("2") ": ");
    ck_assert_int_eq (aut_dir_remove (path), 0);
    check_refused (AUT_ERR_NOT_FOUND,
                   "transformer/" INDEX ": transformer/" SHARD ("2") " is missing (looked for ");
    free (path);
}
END_TEST

static const struct {
    const char *text;
    int code;
    const char *says;
} indexes[] = {
    {"", AUT_ERR_INVALID, "transformer/" INDEX ":"},
    {"[]", AUT_ERR_INVALID, "transformer/" INDEX ": there is no weight_map"},
    {"{}", AUT_ERR_INVALID, "there is no weight_map"},
    {"{\"weight_map\":{}}", AUT_ERR_INVALID, "there is no weight_map"},
    {"{\"weight_map\":[\"a\"]}", AUT_ERR_INVALID, "there is no weight_map"},
    {"{\"weight_map\":{\"a\":1}}", AUT_ERR_INVALID, "\"a\" is not mapped to a file's name"},
    {"{\"weight_map\":{\"a\":\"../x.safetensors\"}}", AUT_ERR_INVALID,
     "\"../x.safetensors\" is not beside the index: a shard may not lie outside its folder"},
    {"{\"weight_map\":{\"a\":\"/etc/x.safetensors\"}}", AUT_ERR_INVALID, "outside its folder"},
    {"{\"weight_map\":{\"a\":\"b/x.safetensors\"}}", AUT_ERR_INVALID, "outside its folder"},
    {"{\"weight_map\":{\"a\":\"..\"}}", AUT_ERR_INVALID, "is not the name of a .safetensors file"},
    {"{\"weight_map\":{\"a\":\"\"}}", AUT_ERR_INVALID, "is not the name of a .safetensors file"},
    {"{\"weight_map\":{\"a\":\".safetensors\"}}", AUT_ERR_INVALID, "is not the name of a"},
    {"{\"weight_map\":{\"a\":\"model.bin\"}}", AUT_ERR_INVALID, "is not the name of a .safe"},
    {"{\"weight_map\":{\"a\":\"\\u001b.safetensors\"}}", AUT_ERR_INVALID, "\\x1b"},
    {"{\"weight_map\":{\"a\":\"x.safetensors\",\"a\":\"y.safetensors\"}}", AUT_ERR_INVALID,
     "duplicate"},
    {"{\"weight_map\":{\"a\":\"x.safetensors\"}}", AUT_ERR_NOT_FOUND,
     "transformer/x.safetensors is missing"},
};

static void one_index (int i)
{
    write_text (INDEX, indexes[i].text);
    check_refused (indexes[i].code, indexes[i].says);
}

START_TEST (test_index)
{
    each_case_anew (sizeof indexes / sizeof *indexes, one_index, set_up, tear_down);
}
END_TEST

/*  More shards than any model has are refused before one is opened. */
START_TEST (test_many_shards)
{
    char *text = aut_strdup ("{\"weight_map\":{\"a\":\"a.safetensors\"");
    for (int i = 0; i < 1100; i++) {
        char *longer = aut_sprintf ("%s,\"t%d\":\"%d.safetensors\"", text, i, i);
        free (text);
        text = longer;
    }
    char *whole = aut_sprintf ("%s}}", text);
    write_text (INDEX, whole);
    check_refused (AUT_ERR_TOO_LARGE, "names more than 1024 files");
    free (whole);
    free (text);
}
END_TEST

/*  A header of 16 MiB full of empty objects would take a gigabyte once it is parsed. */
START_TEST (test_wild_headers)
{
    size_t length = (size_t)4 << 20;
    char *bytes = aut_calloc (length + 9, 1), *path = aut_path_join (s_dir, SINGLE, NULL);
    uint64_t size = length;
    memcpy (bytes, &size, 8);
    memcpy (bytes + 8, "{\"a\":[", 6);
    for (size_t i = 14; i + 5 < length + 8; i += 3)
        memcpy (bytes + i, "{},", 3);
    memcpy (bytes + length + 3, "{}]} ", 5);
    ck_assert_int_eq (aut_file_write (path, bytes, length + 8), 0);
    check_refused (AUT_ERR_TOO_LARGE, "transformer/" SINGLE ": the header has more than");
    size = UINT64_MAX;
    memcpy (bytes, &size, 8);
    ck_assert_int_eq (aut_file_write (path, bytes, length + 8), 0);
    check_refused (AUT_ERR_TOO_LARGE, "transformer/" SINGLE ": ");
    free (path);
    free (bytes);
}
END_TEST

START_TEST (test_nothing_there)
{
    check_refused (AUT_ERR_NOT_FOUND, "transformer/" SINGLE " is missing");
    check_refused (AUT_ERR_NOT_FOUND, "transformer/model.safetensors");
    write_text ("diffusion_pytorch_model.bin", "x");
    check_refused (AUT_ERR_UNSUPPORTED, "convert them to safetensors");
    write_text (SINGLE, "{}");
    check_refused (AUT_ERR_CORRUPT, "transformer/" SINGLE ": ");
}
END_TEST

TCase *suite_weights (void)
{
    TCase *tests = tcase_create ("weights");
    tcase_add_checked_fixture (tests, set_up, tear_down);
    tcase_add_test (tests, test_single);
    tcase_add_test (tests, test_types);
    tcase_add_test (tests, test_not_aligned);
    tcase_add_test (tests, test_rows);
    tcase_add_test (tests, test_wrong_tensor);
    tcase_add_test (tests, test_find_bad);
    tcase_add_test (tests, test_not_finite);
    tcase_add_test (tests, test_shards);
    tcase_add_test (tests, test_broken_shards);
    tcase_add_test (tests, test_index);
    tcase_add_test (tests, test_many_shards);
    tcase_add_test (tests, test_wild_headers);
    tcase_add_test (tests, test_nothing_there);
    return tests;
}
