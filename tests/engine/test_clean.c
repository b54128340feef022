/*  The prompt cleaning against the reference's results, at its limits, and on what it refuses.
 *
 *  clean_cases.json is a list of [text, cleaned] that clean_campaign.py made with the reference;
 *  goldens/tokens.json has the cleaned prompts of the tokenizer's goldens.
 */
#include "lib/core/error.h"
#include "lib/core/json.h"
#include "lib/core/mem.h"
#include "node/engine/text/clean.h"
#include "tests/engine/suites.h"
#include "tests/engine/support.h"

#include <stdlib.h>
#include <string.h>

#define CASES_MIN 300

static void check_clean (const char *text, const char *wanted)
{
    char *cleaned = NULL;
    ck_assert_int_eq (aut_clean_prompt (text, &cleaned), 0);
    ck_assert_msg (strcmp (cleaned, wanted) == 0, "\"%s\" became \"%s\", not \"%s\"", text, cleaned,
                   wanted);
    free (cleaned);
}

START_TEST (cleans_as_the_reference)
{
    json_t *cases = NULL, *row = NULL;
    size_t i = 0;
    ck_assert_int_eq (aut_json_load (&cases, AUTEUR_TEST_DATA "/engine/clean_cases.json", 1 << 20),
                      0);
    ck_assert_uint_ge (json_array_size (cases), CASES_MIN);
    json_array_foreach (cases, i, row)
    {
        ck_assert_uint_eq (json_array_size (row), 2);
        check_clean (json_string_value (json_array_get (row, 0)),
                     json_string_value (json_array_get (row, 1)));
    }
    json_decref (cases);
}
END_TEST

START_TEST (cleans_the_golden_prompts)
{
    json_t *tokens = NULL, *row = NULL;
    size_t i = 0;
    ck_assert_int_eq (
        aut_json_load (&tokens, AUTEUR_TEST_DATA "/engine/goldens/tokens.json", 8 << 20), 0);
    json_t *strings = json_object_get (tokens, "strings");
    ck_assert_uint_ge (json_array_size (strings), 1);
    json_array_foreach (strings, i, row)
    {
        const char *text = NULL, *cleaned = NULL;
        ck_assert_int_eq (aut_json_string (row, "text", &text), 0);
        ck_assert_int_eq (aut_json_string (row, "cleaned", &cleaned), 0);
        check_clean (text, cleaned);
    }
    json_decref (tokens);
}
END_TEST

/*  `count` times `unit`, then `end`; the caller frees. */
static char *repeated (const char *unit, size_t count, const char *end)
{
    size_t len = strlen (unit), tail = strlen (end);
    char *text = aut_calloc (count * len + tail + 1, 1);
    for (size_t i = 0; i < count; i++)
        memcpy (text + i * len, unit, len);
    memcpy (text + count * len, end, tail);
    return text;
}

static const struct {
    const char *text, *part; /* of the error */
} not_utf8[] = {
    {"fox \xFF", "byte 4 (0xff)"},         {"\xC3", "byte 0 (0xc3)"},
    {"a\xC0\x80", "byte 1 (0xc0)"},        /* U+0000 in two bytes */
    {"ab\xED\xA0\xBD", "byte 2 (0xed)"},   /* a surrogate */
    {"\xF4\x90\x80\x80", "byte 0 (0xf4)"}, /* past U+10FFFF */
    {"\xC3\xA9\xE2\x82", "byte 2 (0xe2)"}, /* cut */
};

static void one_refuses_what_is_not_utf8 (int i)
{
    char set[] = "set", *cleaned = set;
    ck_assert_int_eq (aut_clean_prompt (not_utf8[i].text, &cleaned), AUT_ERR_INVALID);
    ck_assert_ptr_null (cleaned);
    ck_assert_msg (strstr (aut_error_detail (), not_utf8[i].part) != NULL, "%s",
                   aut_error_detail ());
}

START_TEST (refuses_what_is_not_utf8)
{
    each_case (sizeof not_utf8 / sizeof *not_utf8, one_refuses_what_is_not_utf8);
}
END_TEST

START_TEST (refuses_more_than_the_limit)
{
    char *cleaned = NULL;
    char *text = repeated ("x", AUT_CLEAN_MAX, "");
    check_clean (text, text);
    free (text);
    text = repeated ("x", AUT_CLEAN_MAX, "y");
    ck_assert_int_eq (aut_clean_prompt (text, &cleaned), AUT_ERR_TOO_LARGE);
    ck_assert_ptr_null (cleaned);
    free (text);
}
END_TEST

START_TEST (refuses_endless_layers)
{
    char *cleaned = NULL;
    char *text = repeated ("amp;", 1000, "");
    char *layers = aut_sprintf ("&%slt;", text);
    check_clean (layers, "<");
    free (layers);
    free (text);
    text = repeated ("amp;", 100000, "");
    layers = aut_sprintf ("&%s", text);
    ck_assert_int_eq (aut_clean_prompt (layers, &cleaned), AUT_ERR_TOO_LARGE);
    ck_assert_ptr_null (cleaned);
    ck_assert_ptr_nonnull (strstr (aut_error_detail (), "layers"));
    free (layers);
    free (text);
}
END_TEST

/*  Text is fixed in parts of a million characters: "Ã©" is "é", but not across the border. */
START_TEST (fixes_in_parts)
{
    char *text = repeated ("x", 999998, "\xC3\x83\xC2\xA9");
    char *wanted = repeated ("x", 999998, "\xC3\xA9");
    check_clean (text, wanted);
    free (text);
    free (wanted);
    text = repeated ("x", 999999, "\xC3\x83\xC2\xA9");
    check_clean (text, text);
    free (text);
}
END_TEST

/*  A run of marks in the wrong order takes no longer than any other text of its length. */
START_TEST (orders_long_runs)
{
    char *text = repeated ("\xCC\x81\xCC\xA3", 200000, ""); /* U+0301 U+0323 */
    char *above = repeated ("\xCC\x81", 200000, "");
    char *wanted = repeated ("\xCC\xA3", 200000, above);
    check_clean (text, wanted);
    free (text);
    free (above);
    free (wanted);
}
END_TEST

/*  Where the reference raises an exception: numbers of more than 4300 digits. */
START_TEST (reads_long_numbers)
{
    char *digits = repeated ("0", 5000, "65;");
    char *text = aut_sprintf ("a &#%s &#9%s", digits, digits);
    check_clean (text, "a A \xEF\xBF\xBD");
    free (text);
    free (digits);
}
END_TEST

TCase *suite_clean (void)
{
    TCase *tests = tcase_create ("clean");
    tcase_add_test (tests, cleans_as_the_reference);
    tcase_add_test (tests, cleans_the_golden_prompts);
    tcase_add_test (tests, refuses_what_is_not_utf8);
    tcase_add_test (tests, refuses_more_than_the_limit);
    tcase_add_test (tests, refuses_endless_layers);
    tcase_add_test (tests, fixes_in_parts);
    tcase_add_test (tests, orders_long_runs);
    tcase_add_test (tests, reads_long_numbers);
    return tests;
}
