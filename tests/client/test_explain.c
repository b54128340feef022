/*  The story of a job as text. */
#include "client/explain.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static char *text_of (const char *json)
{
    aut_buffer_t out = {0};
    json_error_t error;
    json_t *story = json_loads (json, 0, &error);
    ck_assert_msg (story != NULL, "%s", error.text);
    aut_explain_text (story, &out);
    json_decref (story);
    return aut_buffer_take (&out, NULL);
}

START_TEST (durations)
{
    static const struct {
        int64_t ms;
        const char *text;
    } cases[] = {{-5, "0.0 s"},           {0, "0.0 s"},
                 {430, "0.4 s"},          {9940, "9.9 s"},
                 {9950, "10 s"},          {99499, "99 s"},
                 {99500, "1 min 40 s"},   {749000, "12 min 29 s"},
                 {11040000, "3 h 4 min"}, {190800000, "2 d 5 h"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        aut_buffer_t out = {0};
        aut_explain_duration (cases[i].ms, &out);
        ck_assert_str_eq (out.data, cases[i].text);
        aut_buffer_clear (&out);
    }
}
END_TEST

/*  1700000000 is 2023-11-14 22:13:20 in UTC; chunk 2 begins after midnight. */
static const char *const film =
    "{\"id\":\"j7\",\"project\":\"bees\",\"state\":\"failed\",\"priority\":5,\"owner\":\"anna\","
    "\"submitted_ms\":1700000000000,\"ended_ms\":1700010000000,\"wait\":null,\"left_s\":null,"
    "\"story\":[{\"at_ms\":1700000000000,\"what\":\"submitted\"},"
    "{\"at_ms\":1700000002000,\"what\":\"running\"},{\"at_ms\":1700010000000,\"what\":\"failed\"}],"
    "\"shots\":[{\"id\":\"one\",\"scene\":\"s1\",\"frames\":49,\"state\":\"failed\",\"chunks\":["
    "{\"index\":0,\"state\":\"done\",\"cached\":null,\"wait\":null,\"error\":null,\"attempts\":["
    "{\"attempt\":1,\"node\":\"a\",\"device\":\"cuda:0\",\"assigned_ms\":1700000002000,"
    "\"ended_ms\":1700000010000,\"result\":\"failed\",\"code\":\"device-memory\",\"message\":"
    "\"the device has 24 GB and the chunk needs 31 GB; a smaller size or fewer frames would fit\","
    "\"seconds\":null},"
    "{\"attempt\":2,\"node\":\"b\",\"device\":\"cpu\",\"assigned_ms\":1700000016000,"
    "\"ended_ms\":1700000020000,\"result\":\"adopted\"},"
    "{\"attempt\":2,\"node\":\"b\",\"device\":\"cpu\",\"assigned_ms\":1700000016000,"
    "\"ended_ms\":1700000030000,\"result\":\"done\",\"seconds\":12.25}]},"
    "{\"index\":1,\"state\":\"failed\",\"cached\":null,\"error\":\"x\",\"attempts\":["
    "{\"attempt\":1,\"node\":\"evil\\u001b[2J\",\"device\":\"\",\"assigned_ms\":1700009990000,"
    "\"ended_ms\":1700010000000,\"result\":\"failed\",\"code\":\"internal\",\"message\":\"boom\"}]}"
    ","
    "{\"index\":2,\"state\":\"failed\",\"error\":\"boom\",\"attempts\":[]}]},"
    "{\"id\":\"two\",\"state\":\"running\",\"chunks\":[{\"index\":0,\"state\":\"done\",\"cached\":"
    "{\"job\":\"j3\",\"node\":\"a\"},\"attempts\":[]},"
    "{\"index\":1,\"state\":\"ready\",\"wait\":\"no node with model m\",\"attempts\":[]}]}]}";

static const char *const told =
    "Job j7  bees: failed\n"
    "    Tue 14 Nov 2023\n"
    "    22:13:20  submitted by anna, priority 5\n"
    "    22:13:22  running after 2.0 s\n"
    "    Wed 15 Nov 2023\n"
    "    01:00:00  failed after 2 h 46 min\n"
    "  2 of 5 chunks done, 1 of them taken over; 3 attempts: 1 done, 2 failed\n"
    "\n"
    "one  failed, scene s1, 49 frames\n"
    "  chunk 1  done\n"
    "    Tue 14 Nov 2023\n"
    "    22:13:22  #1 on a (cuda:0), which it waited for 2.0 s: failed after 8.0 s:\n"
    "              device-memory: the device has 24 GB and the chunk needs 31 GB; a\n"
    "              smaller size or fewer frames would fit\n"
    "    22:13:36  #2 on b (cpu), which it waited for 6.0 s: done in 12 s\n"
    "    22:13:40  #2 went on when the broker was back\n"
    "  chunk 2  failed\n"
    "    Wed 15 Nov 2023\n"
    "    00:59:50  #1 on evil\\x1b[2J, which it waited for 2 h 46 min: failed after 10\n"
    "              s: internal: boom\n"
    "  chunk 3  failed\n"
    "              never tried: the task that it starts from failed\n"
    "\n"
    "two  running\n"
    "  chunk 1  done\n"
    "              taken over: made before for j3 on a\n"
    "  chunk 2  ready: no node with model m\n";

START_TEST (a_story_is_told)
{
    setenv ("TZ", "UTC0", 1);
    char *text = text_of (film);
    for (size_t i = 0; told[i]; i++)
        ck_assert_msg (text[i] == told[i], "at %zu: %.60s", i, text + i);
    ck_assert_uint_eq (strlen (text), strlen (told));
    free (text);
}
END_TEST

/*  A broker that says odd things gets odd text, and no crash. */
START_TEST (oddities)
{
    static const char *const cases[] = {
        "{}",
        "[]",
        "{\"id\":5,\"shots\":{}}",
        "{\"shots\":[1,null,{\"chunks\":7}]}",
        "{\"left_s\":-3,\"story\":[{}],\"shots\":[{\"chunks\":[{\"attempts\":[{},[],"
        "{\"result\":\"adopted\"},{\"seconds\":\"x\",\"result\":\"done\"}]}]}]}",
        "{\"submitted_ms\":9223372036854775807,\"story\":[{\"at_ms\":-9223372036854775807}]}"};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        free (text_of (cases[i]));
}
END_TEST

int main (void)
{
    Suite *suite = suite_create ("explain");
    TCase *tc = tcase_create ("explain");
    tcase_add_test (tc, durations);
    tcase_add_test (tc, a_story_is_told);
    tcase_add_test (tc, oddities);
    suite_add_tcase (suite, tc);
    SRunner *runner = srunner_create (suite);
    srunner_run_all (runner, CK_NORMAL);
    int failed = srunner_ntests_failed (runner);
    srunner_free (runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
