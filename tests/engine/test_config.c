/*  Configs: what is read, what is refused and how it is named. */
#include "lib/core/error.h"
#include "lib/core/file.h"
#include "node/engine/config.h"
#include "tests/core/support.h"
#include "tests/engine/suites.h"
#include "tests/engine/support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static config_t *parse (const char *text)
{
    config_t *config = NULL;
    ck_assert_int_eq (config_parse (&config, text, strlen (text), "vae/config.json"), 0);
    ck_assert_ptr_nonnull (config);
    return config;
}

START_TEST (test_values)
{
    config_t *c = parse ("{\"a\":5,\"b\":5.0,\"c\":null,\"d\":0.25,\"e\":true,\"f\":\"x\","
                         "\"g\":{\"h\":{\"i\":7}},\"j\":[1,2.0,3],\"k\":[true,false],\"l\":[0.5,1],"
                         "\"m\":-9007199254740993}");
    int64_t ints[3] = {0};
    bool bools[2] = {false, true};
    double numbers[2] = {0};
    ck_assert_str_eq (config_label (c), "vae/config.json");
    ck_assert_int_eq (config_int (c, "a", 1, 0, 9), 5);
    ck_assert_int_eq (config_int (c, "b", 1, 5, 5), 5);
    ck_assert_int_eq (config_int (c, "c", 3, 0, 1), 3); /* the default is not checked */
    ck_assert_int_eq (config_int (c, "absent", 4, 0, 9), 4);
    ck_assert_int_eq (config_need_int (c, "a", 0, 9), 5);
    ck_assert_int_eq (config_int (c, "m", 0, INT64_MIN, INT64_MAX), -9007199254740993);
    ck_assert_double_eq (config_number (c, "d", 1, 0, 1), 0.25);
    ck_assert_double_eq (config_number (c, "a", 1, 0, 5), 5);
    ck_assert (config_bool (c, "e", false) && config_bool (c, "absent", true));
    ck_assert_str_eq (config_string (c, "f", "y"), "x");
    ck_assert_ptr_null (config_string (c, "c", NULL));
    ck_assert_int_eq (config_int (c, "g.h.i", 1, 0, 9), 7);
    ck_assert_int_eq (config_int (c, "a.h", 8, 0, 9), 8); /* no object on the way */
    ck_assert (config_has (c, "g.h") && !config_has (c, "g.x") && !config_has (c, "c"));
    ck_assert_uint_eq (config_ints (c, "j", ints, 3, 1, 3), 3);
    ck_assert (ints[0] == 1 && ints[1] == 2 && ints[2] == 3);
    ck_assert_uint_eq (config_bools (c, "k", bools, 2), 2);
    ck_assert (bools[0] && !bools[1]);
    ck_assert_uint_eq (config_numbers (c, "l", numbers, 2), 2);
    ck_assert (numbers[0] == 0.5 && numbers[1] == 1.0);
    ck_assert_uint_eq (config_ints (c, "absent", ints, 3, 0, 9), 0);
    ck_assert_int_eq (config_status (c), 0);
    config_close (&c);
    ck_assert_ptr_null (c);
    config_close (&c);
}
END_TEST

static void read_int (config_t *c)
{
    ck_assert_int_eq (config_int (c, "k", 3, 1, 9), 3);
}
static void read_need (config_t *c)
{
    ck_assert_int_eq (config_need_int (c, "k", 1, 9), 1);
}
static void read_number (config_t *c)
{
    ck_assert_double_eq (config_number (c, "k", 0.5, 0, 1), 0.5);
}
static void read_bool (config_t *c)
{
    ck_assert (config_bool (c, "k", true));
}
static void read_string (config_t *c)
{
    ck_assert_str_eq (config_string (c, "k", "y"), "y");
}
static void read_ints (config_t *c)
{
    int64_t out[3];
    ck_assert_uint_eq (config_ints (c, "k", out, 3, 1, 9), 0);
}
static void read_numbers (config_t *c)
{
    double out[2];
    ck_assert_uint_eq (config_numbers (c, "k", out, 2), 0);
}
static void read_bools (config_t *c)
{
    bool out[2];
    ck_assert_uint_eq (config_bools (c, "k", out, 2), 0);
}

static const struct {
    void (*read) (config_t *c);
    const char *json, *says;
} wrongs[] = {
    {read_int, "{\"k\":0}", "vae/config.json: k: 0 is not in 1 … 9"},
    {read_int, "{\"k\":10}", "k: 10 is not in 1 … 9"},
    {read_int, "{\"k\":5.5}", "k: 5.5 is not in 1 … 9"},
    {read_int, "{\"k\":1e300}", "is not in 1 … 9"},
    {read_int, "{\"k\":-1e300}", "is not in 1 … 9"},
    {read_int, "{\"k\":\"5\"}", "k: \"5\" is not a whole number in 1 … 9"},
    {read_int, "{\"k\":[5]}", "k: [5] is not a whole number"},
    {read_int, "{\"k\":true}", "k: true is not a whole number"},
    {read_need, "{}", "vae/config.json: k: is missing; it must be in 1 … 9"},
    {read_need, "{\"k\":null}", "k: is missing"},
    {read_need, "{\"k\":99}", "k: 99 is not in 1 … 9"},
    {read_number, "{\"k\":1.5}", "k: 1.5 is not in 0 … 1"},
    {read_number, "{\"k\":-1}", "k: -1 is not in 0 … 1"},
    {read_number, "{\"k\":{}}", "k: {} is not a number in 0 … 1"},
    {read_bool, "{\"k\":1}", "k: 1 is not true or false"},
    {read_bool, "{\"k\":\"true\"}", "is not true or false"},
    {read_string, "{\"k\":7}", "k: 7 is not a string"},
    {read_ints, "{\"k\":5}", "k: 5 is not an array"},
    {read_ints, "{\"k\":[1,2,3,4]}", "k: has 4 entries, more than 3"},
    {read_ints, "{\"k\":[1,0]}", "k[1]: 0 is not a whole number in 1 … 9"},
    {read_ints, "{\"k\":[1,null]}", "k[1]: null is not"},
    {read_numbers, "{\"k\":[1,\"a\"]}", "k[1]: \"a\" is not a number"},
    {read_numbers, "{\"k\":[1,2,3]}", "more than 2"},
    {read_bools, "{\"k\":[true,0]}", "k[1]: 0 is not true or false"},
    {read_bools, "{\"k\":{\"a\":1}}", "is not an array"},
};

static void one_wrong (int i)
{
    config_t *c = parse (wrongs[i].json);
    wrongs[i].read (c);
    (void)aut_fail (AUT_ERR_IO, "something else");
    ck_assert_int_eq (config_status (c), AUT_ERR_INVALID);
    ck_assert_msg (strstr (aut_error_detail (), wrongs[i].says) != NULL, "%s", aut_error_detail ());
    config_close (&c);
}

START_TEST (test_wrong)
{
    each_case (sizeof wrongs / sizeof *wrongs, one_wrong);
}
END_TEST

/*  The first error stays, a reader's own counts, and long or wild values are shown tamed. */
START_TEST (test_first_error)
{
    config_t *c = parse ("{\"a\":0,\"b\":\"x\"}");
    config_int (c, "a", 1, 1, 2);
    config_bool (c, "b", false);
    ck_assert_int_eq (config_fail (c, "c", "is bad"), AUT_ERR_INVALID);
    ck_assert_ptr_nonnull (strstr (aut_error_detail (), "a: 0 is not in 1 … 2"));
    config_close (&c);

    c = parse ("{\"a\":\"\\u001b[31m\\u00e4\\u00e4\\u00e4\\u00e4\\u00e4\\u00e4\\u00e4\\u00e4\\u00e4"
               "\\u00e4\\u00e4\\u00e4\\u00e4\\u00e4\\u00e4\\u00e4\\u00e4\\u00e4\\u00e4\\u00e4"
               "\\u00e4\\u00e4\\u00e4\\u00e4\\u00e4\\u00e4\\u00e4\\u00e4\\u00e4\\u00e4 end\"}");
    config_int (c, "a", 1, 1, 2);
    ck_assert_int_eq (config_status (c), AUT_ERR_INVALID);
    ck_assert_ptr_nonnull (strstr (aut_error_detail (), "ää…"));
    ck_assert_ptr_null (strchr (aut_error_detail (), '\x1b'));
    ck_assert_ptr_null (strstr (aut_error_detail (), "end"));
    config_close (&c);

    c = parse ("{}");
    ck_assert_int_eq (config_fail (c, "x", "%d is odd", 3), AUT_ERR_INVALID);
    ck_assert_str_eq (aut_error_detail (), "vae/config.json: x: 3 is odd");
    config_close (&c);
}
END_TEST

START_TEST (test_refused)
{
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"", "vae/config.json:"},
        {"[]", "vae/config.json: is not a JSON object"},
        {"{\"a\":1", "vae/config.json:1:"},
        {"{\"a\":1,\"a\":2}", "duplicate"},
        {"{\"a\":NaN}", "vae/config.json:1:"},
        {"{\"a\":1e999}", "vae/config.json:1:"},
        {"{\"a\":99999999999999999999}", "vae/config.json:1:"},
        {"{\"a\":\"\\u0000\"}", "vae/config.json:1:"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        config_t *c = NULL;
        int rc = config_parse (&c, cases[i].text, strlen (cases[i].text), "vae/config.json");
        ck_assert_int_eq (rc, AUT_ERR_INVALID);
        ck_assert_msg (strstr (aut_error_detail (), cases[i].says) != NULL, "%s",
                       aut_error_detail ());
        ck_assert_ptr_null (c);
    }
}
END_TEST

START_TEST (test_file)
{
    char *dir = make_folder (), *path = aut_path_join (dir, "config.json", NULL);
    config_t *c = NULL;
    ck_assert_int_eq (config_open (&c, path, "vae/config.json"), AUT_ERR_NOT_FOUND);
    ck_assert_ptr_nonnull (strstr (aut_error_detail (), "vae/config.json is missing"));
    ck_assert_int_eq (aut_file_write (path, "{\"a\":1}", 7), 0);
    ck_assert_int_eq (config_open (&c, path, "vae/config.json"), 0);
    ck_assert_int_eq (config_int (c, "a", 0, 0, 1), 1);
    config_close (&c);
    ck_assert_int_eq (config_open (&c, dir, "vae/config.json"), AUT_ERR_INVALID);
    ck_assert_ptr_nonnull (strstr (aut_error_detail (), "vae/config.json: "));

    size_t size = ((size_t)4 << 20) + 1;
    char *big = malloc (size);
    ck_assert_ptr_nonnull (big);
    memset (big, ' ', size);
    ck_assert_int_eq (aut_file_write (path, big, size), 0);
    ck_assert_int_eq (config_open (&c, path, "vae/config.json"), AUT_ERR_TOO_LARGE);
    free (big);
    free (path);
    remove_folder (&dir);
}
END_TEST

TCase *suite_config (void)
{
    TCase *tests = tcase_create ("config");
    tcase_add_test (tests, test_values);
    tcase_add_test (tests, test_wrong);
    tcase_add_test (tests, test_first_error);
    tcase_add_test (tests, test_refused);
    tcase_add_test (tests, test_file);
    return tests;
}
