/*  lib/core/safetensors: what it writes it reads, and what breaks a rule is refused by name. */
#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/core/error.h"
#include "lib/core/file.h"
#include "lib/core/mem.h"
#include "lib/core/safetensors.h"

static char dir[] = "/tmp/aut-safetensors-XXXXXX";

/*  A file in memory from a header and `data` zero bytes; `claim` replaces the size field if > 0. */
static char *make (const char *header, size_t data, uint64_t claim, size_t *size)
{
    uint64_t n = strlen (header);
    char *bytes = aut_calloc (1, 8 + n + data + 1);
    if (claim == 0)
        claim = n;
    memcpy (bytes, &claim, 8);
    memcpy (bytes + 8, header, n);
    *size = 8 + n + data;
    return bytes;
}

static const struct {
    const char *header;
    size_t data;
    uint64_t claim;
    int code;
    const char *says;
} refused[] = {
    {"", 0, 0, AUT_ERR_CORRUPT, "header"},
    {"{}", 0, 3, AUT_ERR_CORRUPT, "header"},
    {"{}", 0, UINT64_MAX, AUT_ERR_TOO_LARGE, "at most"},
    {"{}", 0, (16u << 20) + 1, AUT_ERR_TOO_LARGE, "at most"},
    {" {}", 0, 0, AUT_ERR_CORRUPT, "header"},
    {"{}", 4, 0, AUT_ERR_CORRUPT, "after the last"},
    {"{\"a\":1}", 0, 0, AUT_ERR_CORRUPT, "expected dtype"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1]}}", 4, 0, AUT_ERR_CORRUPT, "expected dtype"},
    {"{\"a\":{\"dtype\":\"F31\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4, 0, AUT_ERR_UNSUPPORTED,
     "F31"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,4]}}", 4, 0, AUT_ERR_CORRUPT,
     "expected 8"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 3, 0, AUT_ERR_CORRUPT,
     "outside"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,0]}}", 4, 0, AUT_ERR_CORRUPT,
     "outside"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[-1],\"data_offsets\":[0,4]}}", 4, 0, AUT_ERR_CORRUPT,
     "count"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1.0],\"data_offsets\":[0,4]}}", 4, 0, AUT_ERR_CORRUPT,
     "count"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[4294967296,4294967296],\"data_offsets\":[0,0]}}", 0, 0,
     AUT_ERR_TOO_LARGE, "too large"},
    {"{\"a\":{\"dtype\":\"U8\",\"shape\":[1,1,1,1,1,1,1,1,1],\"data_offsets\":[0,1]}}", 1, 0,
     AUT_ERR_TOO_LARGE, "dimensions"},
    {"{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]},"
     "\"b\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[2,6]}}",
     6, 0, AUT_ERR_CORRUPT, "overlaps"},
    {"{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]},"
     "\"b\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]}}",
     4, 0, AUT_ERR_CORRUPT, "overlaps"},
    {"{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]},"
     "\"b\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[5,9]}}",
     9, 0, AUT_ERR_CORRUPT, "not used"},
    {"{\"a\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]},"
     "\"a\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}}",
     0, 0, AUT_ERR_INVALID, ""},
    {"{\"__metadata__\":{\"a\":1}}", 0, 0, AUT_ERR_CORRUPT, "__metadata__"},
    {"{\"a\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0],\"x\":1}}", 0, 0,
     AUT_ERR_CORRUPT, "expected dtype"},
};

START_TEST (refuses)
{
    size_t size;
    char *bytes = make (refused[_i].header, refused[_i].data, refused[_i].claim, &size);
    aut_safetensors_t *file = NULL;
    int rc = aut_safetensors_parse (&file, bytes, size, "x.safetensors");
    ck_assert_msg (rc < 0, "%s was taken", refused[_i].header);
    ck_assert_ptr_null (file);
    ck_assert_ptr_nonnull (strstr (aut_error_detail (), "x.safetensors"));
    ck_assert_msg (strstr (aut_error_detail (), refused[_i].says) != NULL, "%s: %s",
                   refused[_i].header, aut_error_detail ());
    if (refused[_i].says[0] != '\0')
        ck_assert_int_eq (rc, refused[_i].code);
    free (bytes);
}
END_TEST

START_TEST (accepts_scalars_empty_and_metadata)
{
    size_t size;
    char *bytes = make ("{\"__metadata__\":{\"format\":\"pt\"},"
                        "\"s\":{\"dtype\":\"U8\",\"shape\":[],\"data_offsets\":[0,1]},"
                        "\"e\":{\"dtype\":\"I64\",\"shape\":[0,3],\"data_offsets\":[1,1]}}   ",
                        1, 0, &size);
    aut_safetensors_t *file = NULL;
    ck_assert_int_eq (aut_safetensors_parse (&file, bytes, size, "x"), 0);
    ck_assert_uint_eq (aut_safetensors_count (file), 2);
    ck_assert_str_eq (aut_safetensors_metadata (file, "format"), "pt");
    ck_assert_ptr_null (aut_safetensors_metadata (file, "none"));
    ck_assert_uint_eq (aut_safetensors_find (file, "s")->count, 1);
    ck_assert_uint_eq (aut_safetensors_find (file, "e")->count, 0);
    ck_assert_ptr_null (aut_safetensors_find (file, "z"));
    aut_safetensors_destroy (&file);
    ck_assert_ptr_null (file);
    free (bytes);
}
END_TEST

/*  Floats come back bit for bit, whatever order they were given in. */
START_TEST (round_trip)
{
    const float frame[2][3] = {{0.1f, 1.0f / 3.0f, 1.0f}, {0.0f, -0.0f, 0.999999f}};
    const uint8_t odd[3] = {1, 2, 3};
    const int64_t wide[1] = {INT64_MIN};
    aut_tensor_t t[] = {
        {.name = "odd", .dtype = AUT_DTYPE_U8, .rank = 1, .shape = {3}, .data = odd},
        {.name = "fr\"ames", .dtype = AUT_DTYPE_F32, .rank = 2, .shape = {2, 3}, .data = frame},
        {.name = "wide", .dtype = AUT_DTYPE_I64, .rank = 0, .data = wide},
    };
    char *a = aut_path_join (dir, "a.safetensors", NULL);
    char *b = aut_path_join (dir, "b.safetensors", NULL);
    ck_assert_int_eq (aut_safetensors_write (a, t, 3), 0);
    aut_tensor_t swap = t[0];
    t[0] = t[2];
    t[2] = swap;
    ck_assert_int_eq (aut_safetensors_write (b, t, 3), 0);

    aut_safetensors_t *file = NULL;
    ck_assert_int_eq (aut_safetensors_open (&file, a), 0);
    const aut_tensor_t *f = aut_safetensors_find (file, "fr\"ames");
    ck_assert_ptr_nonnull (f);
    ck_assert_int_eq (f->dtype, AUT_DTYPE_F32);
    ck_assert_uint_eq (f->rank, 2);
    ck_assert_uint_eq (f->size, sizeof frame);
    ck_assert_mem_eq (f->data, frame, sizeof frame);
    for (size_t i = 0; i < 3; i++)
        ck_assert (aut_tensor_aligned (aut_safetensors_at (file, i)));
    aut_safetensors_destroy (&file);

    char *x = NULL, *y = NULL;
    size_t nx = 0, ny = 0;
    ck_assert_int_eq (aut_file_read (a, 1 << 20, &x, &nx), 0);
    ck_assert_int_eq (aut_file_read (b, 1 << 20, &y, &ny), 0);
    ck_assert_uint_eq (nx, ny);
    ck_assert_mem_eq (x, y, nx);
    free (x);
    free (y);
    free (a);
    free (b);
}
END_TEST

START_TEST (writer_refuses)
{
    const uint8_t one[1] = {0};
    const aut_tensor_t good = {
        .name = "a", .dtype = AUT_DTYPE_U8, .rank = 1, .shape = {1}, .data = one};
    aut_tensor_t pair[2] = {good, good};
    char *path = aut_path_join (dir, "bad.safetensors", NULL);
    ck_assert_int_eq (aut_safetensors_write (path, pair, 2), AUT_ERR_INVALID);
    pair[0].name = "";
    ck_assert_int_eq (aut_safetensors_write (path, pair, 1), AUT_ERR_INVALID);
    pair[0] = good;
    pair[0].rank = 9;
    ck_assert_int_eq (aut_safetensors_write (path, pair, 1), AUT_ERR_INVALID);
    pair[0] = good;
    pair[0].data = NULL;
    ck_assert_int_eq (aut_safetensors_write (path, pair, 1), AUT_ERR_INVALID);
    ck_assert (!aut_file_exists (path));
    ck_assert_int_lt (aut_safetensors_write ("/nowhere/at/all", &good, 1), 0);
    free (path);
}
END_TEST

START_TEST (refuses_what_is_no_file)
{
    aut_safetensors_t *file = NULL;
    char *fifo = aut_path_join (dir, "fifo", NULL);
    ck_assert_int_eq (mkfifo (fifo, 0600), 0);
    ck_assert_int_eq (aut_safetensors_open (&file, fifo), AUT_ERR_INVALID);
    ck_assert_int_eq (aut_safetensors_open (&file, dir), AUT_ERR_INVALID);
    ck_assert_int_eq (aut_safetensors_open (&file, "/nowhere"), AUT_ERR_NOT_FOUND);
    free (fifo);
}
END_TEST

int main (void)
{
    if (mkdtemp (dir) == NULL)
        return EXIT_FAILURE;
    Suite *suite = suite_create ("safetensors");
    TCase *tc = tcase_create ("all");
    tcase_add_loop_test (tc, refuses, 0, sizeof refused / sizeof refused[0]);
    tcase_add_test (tc, accepts_scalars_empty_and_metadata);
    tcase_add_test (tc, round_trip);
    tcase_add_test (tc, writer_refuses);
    tcase_add_test (tc, refuses_what_is_no_file);
    suite_add_tcase (suite, tc);
    SRunner *runner = srunner_create (suite);
    srunner_run_all (runner, CK_NORMAL);
    int failed = srunner_ntests_failed (runner);
    srunner_free (runner);
    aut_dir_remove (dir);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
