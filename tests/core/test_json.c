#include "lib/core/json.h"

#include "lib/core/error.h"
#include "lib/core/file.h"
#include "tests/core/support.h"

#include <locale.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *text;
    size_t size; /* 0 = strlen */
    const char *detail;
} refused[] = {
    {"", 0, "t.json:1:0:"},
    {"{", 0, "t.json:1:"},
    {"{\"a\":1,\n\"a\":2}", 0, "duplicate"},
    {"{\"a\":1} x", 0, "end of file expected"},
    {"{\"a\":1}{}", 0, "end of file expected"},
    {"[1,]", 0, "t.json:1:"},
    {"{\"a\":NaN}", 0, "t.json:1:"},
    {"{\"a\":Infinity}", 0, "t.json:1:"},
    {"{\"a\":1e999}", 0, "overflow"},
    {"{\"a\":99999999999999999999}", 0, "too big"},
    {"{\"a\":01}", 0, "t.json:1:"},
    {"{'a':1}", 0, "t.json:1:"},
    {"{\"a\":\"\\ud800\"}", 0, "t.json:1:"},
    {"{\"a\":\"\\u0000\"}", 0, "t.json:1:"},
    {"{\"a\":\"\xC3(\"}", 0, "t.json:1:"},
    {"{\"a\":\"\xED\xA0\x80\"}", 0, "t.json:1:"},
    {"{\"a\":\"x\ny\"}", 0, "t.json:"},
    {"[\"a\0b\"]", 7, "t.json:1:"},
    {"[1]\0", 4, "t.json:1:"},
    {"// no\n{}", 0, "t.json:1:"},
};

START_TEST (strictness)
{
    json_t *value = (json_t *)&value;
    size_t size = refused[_i].size ? refused[_i].size : strlen (refused[_i].text);
    ck_assert_int_eq (aut_json_parse (&value, refused[_i].text, size, "t.json"), AUT_ERR_INVALID);
    ck_assert_ptr_null (value);
    ck_assert_msg (strstr (aut_error_detail (), refused[_i].detail) != NULL, "%s",
                   aut_error_detail ());
}
END_TEST

START_TEST (depth_is_bounded)
{
    for (int depth = 63; depth <= 66; depth++) {
        char text[256];
        memset (text, '[', (size_t)depth);
        memset (text + depth, ']', (size_t)depth);
        json_t *value;
        int rc = aut_json_parse (&value, text, (size_t)depth * 2, "deep");
        ck_assert_int_eq (rc, depth <= 64 ? 0 : AUT_ERR_INVALID);
        json_decref (value);
    }
    /* brackets in strings are no depth */
    json_t *value;
    char text[300] = "[\"\\\"";
    memset (text + 4, '[', 200);
    memcpy (text + 204, "\"]", 3);
    ck_assert_int_eq (aut_json_parse (&value, text, strlen (text), "deep"), 0);
    json_decref (value);
}
END_TEST

START_TEST (typed_reads)
{
    static const char text[] = "{\"s\":\"x\",\"i\":-5,\"r\":2.5,\"t\":true,\"n\":null}";
    json_t *object;
    ck_assert_int_eq (aut_json_parse (&object, text, strlen (text), "t"), 0);
    const char *string = NULL;
    int64_t number = 0;
    double real = 0;
    bool flag = false;
    ck_assert_int_eq (aut_json_string (object, "s", &string), 0);
    ck_assert_str_eq (string, "x");
    ck_assert_int_eq (aut_json_int (object, "i", &number), 0);
    ck_assert_int_eq (number, -5);
    ck_assert_int_eq (aut_json_number (object, "i", &real), 0);
    ck_assert (real == -5.0);
    ck_assert_int_eq (aut_json_number (object, "r", &real), 0);
    ck_assert (real == 2.5);
    ck_assert_int_eq (aut_json_bool (object, "t", &flag), 0);
    ck_assert (flag);

    ck_assert_int_eq (aut_json_string (object, "n", &string), AUT_ERR_NOT_FOUND);
    ck_assert_int_eq (aut_json_int (object, "zz", &number), AUT_ERR_NOT_FOUND);
    ck_assert_str_eq (aut_error_detail (), "\"zz\" is missing");
    ck_assert_int_eq (aut_json_string (object, "i", &string), AUT_ERR_INVALID);
    ck_assert_int_eq (aut_json_int (object, "r", &number), AUT_ERR_INVALID);
    ck_assert_int_eq (aut_json_number (object, "s", &real), AUT_ERR_INVALID);
    ck_assert_int_eq (aut_json_bool (object, "i", &flag), AUT_ERR_INVALID);
    ck_assert_str_eq (aut_error_detail (), "\"i\" must be true or false");
    ck_assert_int_eq (aut_json_int (NULL, "i", &number), AUT_ERR_NOT_FOUND);
    ck_assert_str_eq (string, "x");
    ck_assert_int_eq (number, -5);
    json_decref (object);
}
END_TEST

START_TEST (canonical_form)
{
    static const char text[] =
        "{ \"b\" : [ 1, 2 ], \"a\" : { \"z\": \"\xC3\xA9/\\n\", \"Z\": 9007199254740993 } }";
    static const char *const locales[] = {"C", "C.UTF-8", "de_DE.UTF-8"};
    for (size_t i = 0; i < sizeof (locales) / sizeof (locales[0]); i++) {
        setlocale (LC_ALL, locales[i]); /* where it is installed */
        json_t *value;
        size_t size = 0;
        ck_assert_int_eq (aut_json_parse (&value, text, strlen (text), "t"), 0);
        char *canonical = aut_json_canonical (value, &size);
        ck_assert_str_eq (canonical,
                          "{\"a\":{\"Z\":9007199254740993,\"z\":\"\xC3\xA9/\\n\"},\"b\":[1,2]}");
        ck_assert_uint_eq (size, strlen (canonical));
        free (canonical);
        json_decref (value);
    }
}
END_TEST

START_TEST (load_from_a_file)
{
    char *folder = make_folder ();
    char *path = aut_path_join (folder, "a.json", NULL);
    json_t *value;
    ck_assert_int_eq (aut_json_load (&value, path, 100), AUT_ERR_NOT_FOUND);
    ck_assert_int_eq (aut_file_write (path, "[1, 2]", 6), 0);
    ck_assert_int_eq (aut_json_load (&value, path, 5), AUT_ERR_TOO_LARGE);
    ck_assert_int_eq (aut_json_load (&value, path, 6), 0);
    ck_assert_uint_eq (json_array_size (value), 2);
    json_decref (value);
    free (path);
    remove_folder (&folder);
}
END_TEST

int main (void)
{
    TCase *tests = tcase_create ("json");
    tcase_add_loop_test (tests, strictness, 0, sizeof (refused) / sizeof (refused[0]));
    tcase_add_test (tests, depth_is_bounded);
    tcase_add_test (tests, typed_reads);
    tcase_add_test (tests, canonical_form);
    tcase_add_test (tests, load_from_a_file);
    return run_case (tests);
}
