#include "lib/core/log.h"

#include "lib/core/error.h"
#include "lib/core/json.h"
#include "tests/core/support.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

START_TEST (text_lines)
{
    capture_t capture;
    capture_begin (&capture, 2);
    aut_log_setup (AUT_LOG_INFO, AUT_LOG_TEXT);
    aut_log (AUT_LOG_DEBUG, "broker", "not shown");
    aut_log (AUT_LOG_WARN, "broker", "a \x1b[2Jtrick\nline %d", 2);
    aut_log_about (AUT_LOG_INFO, "node",
                   &(aut_log_about_t){.job = "j1", .task = 7, .attempt = 2, .node = "anna"}, "hi");
    char *text = capture_end (&capture);
    ck_assert_ptr_null (strstr (text, "not shown"));
    ck_assert_ptr_nonnull (strstr (text, " warn  broker: a \\x1b[2Jtrick\\nline 2\n"));
    ck_assert_ptr_nonnull (strstr (text, " info  node: hi job=j1 task=t7 attempt=2 node=anna\n"));
    ck_assert_int_eq (text[10], 'T');
    ck_assert_int_eq (text[23], 'Z');
    free (text);
}
END_TEST

START_TEST (json_lines)
{
    capture_t capture;
    capture_begin (&capture, 2);
    aut_log_setup (AUT_LOG_DEBUG, AUT_LOG_JSON);
    aut_log_about (AUT_LOG_ERROR, "node",
                   &(aut_log_about_t){.job = "j\"1", .task = 7, .attempt = 2}, "say \"%s\"\n",
                   "\xFF");
    char *text = capture_end (&capture);
    json_t *line;
    const char *message = NULL, *task = NULL;
    ck_assert_int_eq (aut_json_parse (&line, text, strlen (text), "log"), 0);
    ck_assert_int_eq (aut_json_string (line, "message", &message), 0);
    ck_assert_str_eq (message, "say \"\xEF\xBF\xBD\"\n");
    ck_assert_int_eq (aut_json_string (line, "task", &task), 0);
    ck_assert_str_eq (task, "t7");
    ck_assert_ptr_null (json_object_get (line, "node"));
    json_decref (line);
    free (text);
}
END_TEST

START_TEST (names)
{
    aut_log_level_t level;
    aut_log_format_t format;
    ck_assert_int_eq (aut_log_parse_level (&level, "warn"), 0);
    ck_assert_int_eq (level, AUT_LOG_WARN);
    ck_assert_int_eq (aut_log_parse_level (&level, "loud"), AUT_ERR_INVALID);
    ck_assert_int_eq (aut_log_parse_format (&format, "json"), 0);
    ck_assert_int_eq (format, AUT_LOG_JSON);
    ck_assert_int_eq (aut_log_parse_format (&format, "xml"), AUT_ERR_INVALID);
}
END_TEST

static void *log_many (void *arg)
{
    const char *name = arg;
    for (int i = 0; i < 200; i++)
        aut_log (AUT_LOG_INFO, name, "%s %d of a line that is long enough to be torn", name, i);
    return NULL;
}

START_TEST (lines_of_threads_are_whole)
{
    capture_t capture;
    pthread_t threads[4];
    static char writers[4][8] = {"one", "two", "three", "four"};
    capture_begin (&capture, 2);
    aut_log_setup (AUT_LOG_INFO, AUT_LOG_TEXT);
    for (int i = 0; i < 4; i++)
        pthread_create (&threads[i], NULL, log_many, writers[i]);
    for (int i = 0; i < 4; i++)
        pthread_join (threads[i], NULL);
    char *text = capture_end (&capture);
    int lines = 0;
    for (char *line = text, *end; (end = strchr (line, '\n')) != NULL; line = end + 1, lines++) {
        *end = 0;
        ck_assert_msg (strstr (line, " info  ") != NULL, "line %d: \"%s\"", lines, line);
        ck_assert_str_eq (end - 4, "torn");
    }
    ck_assert_int_eq (lines, 800);
    free (text);
}
END_TEST

int main (void)
{
    TCase *tests = tcase_create ("log");
    tcase_add_test (tests, text_lines);
    tcase_add_test (tests, json_lines);
    tcase_add_test (tests, names);
    tcase_add_test (tests, lines_of_threads_are_whole);
    return run_case (tests);
}
