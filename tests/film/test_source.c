/*  The reader: what is refused, where, and how far it reads on. */
#include "tests/film/support.h"

#include "lib/core/error.h"
#include "lib/core/mem.h"

#include <stdlib.h>
#include <string.h>

#define TEXT(text) text, sizeof (text) - 1

typedef struct {
    const char *text;
    size_t size;
    bool stops; /* no document is given */
    unsigned line, column;
    const char *path, *message;
} case_t;

static const case_t cases[] = {
    {TEXT (""), true, 1, 1, "$", "the file ends here"},
    {TEXT ("  \n"), true, 1, 3, "$", "the file ends here"},
    {TEXT ("{\"a\": 1,\n\"b\": [1,\n2"), true, 3, 2, "b", "a comma or ] is missing"},
    {TEXT ("{\"a\": 1,\n"), true, 1, 9, "$", "a key in double quotes"},
    {TEXT ("{\"a\": 1,\n\"b"), true, 2, 3, "$", "not closed"},
    {TEXT ("{\"a\": \"x\n\"}"), true, 1, 9, "a", "not closed on its line"},
    {TEXT ("{\"a\": tru}"), true, 1, 7, "a", "not a JSON value"},
    {TEXT ("{\"a\": NaN}"), true, 1, 7, "a", "NaN"},
    {TEXT ("{\"a\": -Infinity}"), true, 1, 7, "a", "not a JSON number"},
    {TEXT ("{\"a\": Infinity}"), true, 1, 7, "a", "Infinity"},
    {TEXT ("{\"a\": 01}"), true, 1, 7, "a", "not a JSON number"},
    {TEXT ("{\"a\": 1.}"), true, 1, 7, "a", "not a JSON number"},
    {TEXT ("{\"a\": 1e}"), true, 1, 7, "a", "not a JSON number"},
    {TEXT ("{\"a\": .5}"), true, 1, 7, "a", "not a JSON value"},
    {TEXT ("{\"a\": 0x1}"), true, 1, 8, "$", "a comma or }"},
    {TEXT ("{\"a\": 'x'}"), true, 1, 7, "a", "double quotes"},
    {TEXT ("{\"a\": 1} x"), true, 1, 10, "$", "after the end"},
    {TEXT ("{} {}"), true, 1, 4, "$", "after the end"},
    {TEXT ("{\"a\": 1,}"), true, 1, 8, "$", "a comma before a closing"},
    {TEXT ("[1,]"), true, 1, 3, "$", "a comma before a closing"},
    {TEXT ("[1 2]"), true, 1, 4, "$", "a comma or ] is missing"},
    {TEXT ("{\"a\" 1}"), true, 1, 6, "a", "a colon is missing"},
    {TEXT ("{a: 1}"), true, 1, 2, "$", "a key in double quotes"},
    {TEXT ("{\"a\": 1} // x"), true, 1, 10, "$", "after the end"},
    {TEXT ("{\"a\": /* */ 1}"), true, 1, 7, "a", "no comments"},
    {TEXT ("{\"a\": \0}"), true, 1, 7, "a", "NUL"},
    {TEXT ("\xff\xfe{\0}\0"), true, 1, 1, "$", "UTF-16"},
    {TEXT ("[}"), true, 1, 2, "[0]", "a value is missing"},
    {TEXT ("{\"a\":1,\n \"a\":2}"), false, 2, 2, "a", "twice"},
    {TEXT ("{\"a\":\"\\ud800\"}"), false, 1, 7, "a", "lone surrogate"},
    {TEXT ("{\"a\":\"\\udc00\\ud800\"}"), false, 1, 7, "a", "lone surrogate"},
    {TEXT ("{\"a\":\"x\\u0000\"}"), false, 1, 8, "a", "NUL"},
    {TEXT ("{\"a\":\"x\0\"}"), false, 1, 8, "a", "NUL"},
    {TEXT ("{\"a\":\"\\x41\"}"), false, 1, 7, "a", "no such escape"},
    {TEXT ("{\"a\":\"\\u12g4\"}"), false, 1, 7, "a", "four hexadecimal"},
    {TEXT ("{\"a\":\"\t\"}"), false, 1, 7, "a", "control character"},
    {TEXT ("{\"a\":\"\xc3\"}"), false, 1, 7, "a", "not UTF-8: byte 0xc3"},
    {TEXT ("{\"a\":\"\xc0\xaf\"}"), false, 1, 7, "a", "not UTF-8"},
    {TEXT ("{\"a\":\"\xed\xa0\x80\"}"), false, 1, 7, "a", "not UTF-8"},
    {TEXT ("{\"a\":\"\xf4\x90\x80\x80\"}"), false, 1, 7, "a", "not UTF-8"},
    {TEXT ("{\"\xe4\xb8\xad\":\"\xe4\xb8\xad\xe4\xb8\xad\", \"b\":\"\t\"}"), false, 1, 17, "b",
     "control character"},
    {TEXT ("\xef\xbb\xbf{\"b\":\"\t\"}"), false, 1, 7, "b", "control character"},
};

START_TEST (faults_have_places)
{
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const case_t *wanted = &cases[i];
        aut_source_t *source;
        aut_diags_t diags;
        aut_diags_init (&diags, "f");
        int err = aut_source_parse (&source, &diags, wanted->text, wanted->size);
        ck_assert_msg (err == AUT_ERR_INVALID && diags.count > 0, "case %zu: %s", i, wanted->text);
        const aut_diag_t *diag = &diags.items[0];
        ck_assert_msg (!source == wanted->stops, "case %zu: %s", i, wanted->text);
        ck_assert_msg (strstr (diag->message, wanted->message) != NULL, "case %zu: %s: %s", i,
                       wanted->text, diag->message);
        ck_assert_msg (diag->line == wanted->line && diag->column == wanted->column,
                       "case %zu: %s: %u:%u", i, wanted->text, diag->line, diag->column);
        ck_assert_str_eq (diag->path, wanted->path);
        aut_source_destroy (&source);
        aut_diags_clear (&diags);
    }
}
END_TEST

static int parse (const char *text, size_t size, aut_source_t **source, aut_diags_t *diags)
{
    aut_diags_init (diags, "f");
    return aut_source_parse (source, diags, text, size);
}

START_TEST (values)
{
    static const char text[] = "\xef\xbb\xbf{ \"a\" : [ true , false, null ],\r\n "
                               "\"b\\u0020\\n\":\"\\ud83d\\ude00\\/\\b\","
                               "\"c\":-1.50e0, \"d\":{} , \"e\":[]}\r\n ";
    aut_source_t *source;
    aut_diags_t diags;
    aut_decimal_t value;
    uint32_t line, column;
    ck_assert_int_eq (parse (text, sizeof text - 1, &source, &diags), 0);
    const aut_node_t *root = aut_source_root (source);
    ck_assert_uint_eq (root->size, 5);
    const aut_node_t *list = aut_node_get (root, "a");
    ck_assert_uint_eq (list->size, 3);
    ck_assert (aut_node_bool (list->first) && !aut_node_bool (list->first->next));
    ck_assert_int_eq (list->first->next->next->kind, AUT_NODE_NULL);
    const aut_node_t *string = aut_node_get (root, "b \n");
    ck_assert_str_eq (string->text, "\xf0\x9f\x98\x80/\b");
    ck_assert_int_eq (aut_node_decimal (aut_node_get (root, "c"), &value), 0);
    ck_assert_int_eq (value.units, -15);
    aut_source_place (source, root->offset, &line, &column);
    ck_assert (line == 1 && column == 1);
    aut_source_place (source, string->key_offset, &line, &column);
    ck_assert (line == 2 && column == 2);
    char *path = aut_node_path (list->first->next, NULL);
    ck_assert_str_eq (path, "a[1]");
    free (path);
    aut_source_destroy (&source);
    aut_diags_clear (&diags);
}
END_TEST

static char *nested (size_t depth)
{
    char *text = aut_calloc (2 * depth + 1, 1);
    memset (text, '[', depth);
    memset (text + depth, ']', depth);
    return text;
}

START_TEST (bounds)
{
    aut_source_t *source;
    aut_diags_t diags;
    for (size_t depth = 64; depth <= 1000000; depth = depth == 64 ? 65 : 1000000 + (depth > 65)) {
        char *text = nested (depth);
        ck_assert_int_eq (parse (text, 2 * depth, &source, &diags),
                          depth <= 64 ? 0 : AUT_ERR_INVALID);
        if (depth > 64)
            ck_assert_uint_eq (diags.items[0].column, 65);
        aut_source_destroy (&source);
        aut_diags_clear (&diags);
        free (text);
    }
    for (size_t size = AUT_SOURCE_MAX_STRING; size <= AUT_SOURCE_MAX_STRING + 1; size++) {
        char *text = aut_calloc (size + 5, 1);
        memset (text, 'x', size + 4);
        memcpy (text, "[\"", 2);
        memcpy (text + size + 2, "\"]", 2);
        ck_assert_int_eq (parse (text, size + 4, &source, &diags),
                          size <= AUT_SOURCE_MAX_STRING ? 0 : AUT_ERR_INVALID);
        ck_assert_ptr_nonnull (source);
        aut_source_destroy (&source);
        aut_diags_clear (&diags);
        free (text);
    }
    char *large = aut_calloc (AUT_SOURCE_MAX_BYTES + 1, 1);
    memset (large, ' ', AUT_SOURCE_MAX_BYTES + 1);
    large[0] = '1';
    ck_assert_int_eq (parse (large, AUT_SOURCE_MAX_BYTES, &source, &diags), 0);
    aut_source_destroy (&source);
    aut_diags_clear (&diags);
    ck_assert_int_eq (parse (large, AUT_SOURCE_MAX_BYTES + 1, &source, &diags), AUT_ERR_INVALID);
    ck_assert_ptr_null (source);
    aut_diags_clear (&diags);
    free (large);
}
END_TEST

/*  Duplicates among many keys: found by sorting, the first one stays. */
START_TEST (many_duplicates)
{
    aut_buffer_t text = {0};
    aut_source_t *source;
    aut_diags_t diags;
    aut_buffer_text (&text, "{");
    for (int i = 0; i < 20000; i++)
        aut_buffer_format (&text, "%s\"k%d\":%d", i ? ",\n" : "", i % 19990, i);
    aut_buffer_text (&text, "}");
    ck_assert_int_eq (parse (text.data, text.size, &source, &diags), AUT_ERR_INVALID);
    ck_assert_uint_eq (diags.errors, 10);
    aut_diags_sort (&diags);
    ck_assert_uint_eq (diags.items[0].line, 19991);
    ck_assert_str_eq (diags.items[0].path, "k0");
    ck_assert_uint_eq (aut_source_root (source)->size, 19990);
    ck_assert_str_eq (aut_node_get (aut_source_root (source), "k0")->text, "0");
    aut_source_destroy (&source);
    aut_diags_clear (&diags);
    aut_buffer_clear (&text);
}
END_TEST

/*  Every prefix of a good document is told of on its last line. */
START_TEST (truncation)
{
    char *text = read_data ("lighthouse.json");
    size_t size = strlen (text);
    while (text[size - 1] == '\n')
        size--;
    for (size_t cut = 0; cut < size; cut++) {
        aut_source_t *source;
        aut_diags_t diags;
        unsigned line = 1;
        for (size_t i = 0; i + 1 < cut; i++)
            line += text[i] == '\n';
        ck_assert_int_eq (parse (text, cut, &source, &diags), AUT_ERR_INVALID);
        ck_assert_uint_eq (diags.count, 1);
        ck_assert_msg (diags.items[0].line == line, "cut at %zu: line %u, not %u", cut,
                       diags.items[0].line, line);
        aut_diags_clear (&diags);
    }
    free (text);
}
END_TEST

int main (void)
{
    const TTest *const tests[] = {faults_have_places, values, bounds, many_duplicates, truncation};
    return run_suite ("source", tests, sizeof tests / sizeof *tests);
}
