#include "lib/core/buffer.h"

#include "lib/core/mem.h"
#include "tests/core/support.h"

#include <stdlib.h>
#include <string.h>

START_TEST (appends_and_formats)
{
    aut_buffer_t buffer = {0};
    aut_buffer_append (&buffer, "a\0b", 3);
    aut_buffer_text (&buffer, "cd");
    aut_buffer_format (&buffer, "%05d", 42);
    ck_assert_int_eq (buffer.size, 10);
    ck_assert_mem_eq (buffer.data, "a\0bcd00042", 11);
    size_t size = 0;
    char *taken = aut_buffer_take (&buffer, &size);
    ck_assert_int_eq (size, 10);
    ck_assert_ptr_null (buffer.data);
    free (taken);
    taken = aut_buffer_take (&buffer, &size);
    ck_assert_str_eq (taken, "");
    ck_assert_int_eq (size, 0);
    free (taken);
}
END_TEST

START_TEST (grows_far)
{
    aut_buffer_t buffer = {0};
    for (int i = 0; i < 100000; i++)
        aut_buffer_format (&buffer, "%d,", i % 10);
    ck_assert_int_eq (buffer.size, 200000);
    ck_assert_int_eq (strlen (buffer.data), 200000);
    aut_buffer_clear (&buffer);
    ck_assert_ptr_null (buffer.data);
}
END_TEST

static const struct {
    const char *text, *json, *printable;
} strings[] = {
    {"", "\"\"", ""},
    {"plain", "\"plain\"", "plain"},
    {"a\"b\\c/d", "\"a\\\"b\\\\c/d\"", "a\"b\\c/d"},
    {"\n\r\t", "\"\\n\\r\\t\"", "\\n\\r\\t"},
    {"\x1b[31m", "\"\\u001b[31m\"", "\\x1b[31m"},
    {"\x7f", "\"\\u007f\"", "\\x7f"},
    {"\xC2\x85", "\"\\u0085\"", "\\u0085"},
    {"\xC3\xA9\xE6\x98\xA0\xF0\x9F\x8E\xAC", "\"\xC3\xA9\xE6\x98\xA0\xF0\x9F\x8E\xAC\"",
     "\xC3\xA9\xE6\x98\xA0\xF0\x9F\x8E\xAC"},
    {"a\xFFz", "\"a\xEF\xBF\xBDz\"", "a\\xffz"},
    {"\xE2\x80\xAE", "\"\xE2\x80\xAE\"", "\\u202e"},
    {"\xC3", "\"\xEF\xBF\xBD\"", "\\xc3"},
};

START_TEST (escapes)
{
    aut_buffer_t buffer = {0};
    aut_buffer_json_string (&buffer, strings[_i].text);
    ck_assert_str_eq (buffer.data, strings[_i].json);
    aut_buffer_clear (&buffer);
    aut_buffer_printable (&buffer, strings[_i].text);
    ck_assert_str_eq (buffer.data, strings[_i].printable);
    aut_buffer_clear (&buffer);
}
END_TEST

static const struct {
    const char *bytes;
    size_t size, len;
    unsigned code;
} characters[] = {
    {"a", 1, 1, 'a'},
    {"\0", 1, 1, 0},
    {"\xC2\x80", 2, 2, 0x80},
    {"\xC1\xBF", 2, 0, 0},          /* overlong */
    {"\xE0\x9F\xBF", 3, 0, 0},      /* overlong */
    {"\xE0\xA0\x80", 3, 3, 0x800},  /* the first of three bytes */
    {"\xED\x9F\xBF", 3, 3, 0xD7FF}, /* the last before the surrogates */
    {"\xED\xA0\x80", 3, 0, 0},      /* a surrogate */
    {"\xF0\x8F\xBF\xBF", 4, 0, 0},  /* overlong */
    {"\xF4\x8F\xBF\xBF", 4, 4, 0x10FFFF},
    {"\xF4\x90\x80\x80", 4, 0, 0}, /* past the end */
    {"\xF5\x80\x80\x80", 4, 0, 0},
    {"\x80", 1, 0, 0},
    {"\xE6\x98\xA0", 2, 0, 0}, /* cut */
    {"\xE6\x98z", 3, 0, 0},
    {"", 0, 0, 0},
};

START_TEST (utf8)
{
    unsigned code = 0;
    ck_assert_int_eq (aut_utf8_next (characters[_i].bytes, characters[_i].size, &code),
                      characters[_i].len);
    ck_assert_uint_eq (code, characters[_i].code);
}
END_TEST

int main (void)
{
    TCase *tests = tcase_create ("buffer");
    tcase_add_test (tests, appends_and_formats);
    tcase_add_test (tests, grows_far);
    tcase_add_loop_test (tests, escapes, 0, sizeof (strings) / sizeof (strings[0]));
    tcase_add_loop_test (tests, utf8, 0, sizeof (characters) / sizeof (characters[0]));
    return run_case (tests);
}
