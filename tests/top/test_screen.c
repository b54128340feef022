/*  The page of text: clipping by display width, and nothing that could drive a terminal. */
#include "client/top_screen.h"

#include <check.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static aut_screen_t screen;

static void setup (void)
{
    ck_assert_ptr_nonnull (setlocale (LC_CTYPE, "C.UTF-8"));
    aut_screen_reset (&screen, 40, 6);
}

static void teardown (void)
{
    aut_screen_clear (&screen);
}

/*  The first line of the page. */
static const char *line (void)
{
    static char out[1024];
    char *text = aut_screen_text (&screen);
    snprintf (out, sizeof out, "%.*s", (int)strcspn (text, "\n"), text);
    free (text);
    return out;
}

static const struct {
    const char *text;
    int width, used;
    const char *shown;
} clips[] = {{"short", 10, 5, "short"},
             {"just fits", 9, 9, "just fits"},
             {"does not fit", 8, 8, "does no…"},
             {"Zürich über Köln", 7, 7, "Zürich…"},
             {"港町の秋", 8, 8, "港町の秋"},
             {"港町の秋", 7, 7, "港町の…"},
             {"港町の秋", 6, 5, "港町…"}, /* half a character is none */
             {"港町の秋", 1, 1, "…"},
             {"e\xcc\x81te\xcc\x81", 3, 3, "e\xcc\x81te\xcc\x81"},
             {"a", 0, 0, ""},
             {"bad \xff\xfe bytes", 20, 18, "bad \\xff\\xfe bytes"},
             {"\x1b[31mred\x1b[0m", 40, 18, "\\x1b[31mred\\x1b[0m"},
             {"two\nlines\rand\ttabs", 40, 21, "two\\nlines\\rand\\ttabs"},
             {"\xc2\x9b"
              "31m",
              40, 9, "\\u009b31m"},
             {"a\xe2\x80\xaegnp", 40, 10, "a\\u202egnp"}};

START_TEST (clipped)
{
    int used = aut_screen_put (&screen, 0, 0, clips[_i].width, AUT_STYLE_PLAIN, clips[_i].text);
    ck_assert_str_eq (line (), clips[_i].shown);
    ck_assert_int_eq (used, clips[_i].used);
}
END_TEST

/*  At the right edge, and outside: nothing is written past the page. */
START_TEST (edges)
{
    ck_assert_int_eq (aut_screen_put (&screen, 0, 38, 10, AUT_STYLE_PLAIN, "秋秋"), 1);
    ck_assert_str_eq (line () + 38, "…");
    ck_assert_int_eq (aut_screen_put (&screen, 0, 39, 10, AUT_STYLE_PLAIN, "秋"), 1);
    ck_assert_int_eq (aut_screen_put (&screen, 0, 40, 10, AUT_STYLE_PLAIN, "x"), 0);
    ck_assert_int_eq (aut_screen_put (&screen, -1, 0, 10, AUT_STYLE_PLAIN, "x"), 0);
    ck_assert_int_eq (aut_screen_put (&screen, 6, 0, 10, AUT_STYLE_PLAIN, "x"), 0);
    ck_assert_int_eq (aut_screen_put (&screen, 0, -1, 10, AUT_STYLE_PLAIN, "x"), 0);
    aut_screen_select (&screen, 99);
    aut_screen_put_right (&screen, 1, 0, 40, AUT_STYLE_PLAIN, "end");
    ck_assert_str_eq (screen.cells[40 + 37].text, "e");
}
END_TEST

/*  A pile of marks stays within its cell. */
START_TEST (marks)
{
    char text[400] = "z";
    for (int i = 0; i < 60; i++)
        memcpy (text + 1 + 2 * i, "\xcc\x81", 3);
    ck_assert_int_eq (aut_screen_put (&screen, 0, 0, 40, AUT_STYLE_PLAIN, text), 1);
    ck_assert_uint_lt (strlen (screen.cells[0].text), sizeof screen.cells[0].text);
    ck_assert_str_eq (screen.cells[1].text, " ");
}
END_TEST

START_TEST (bars)
{
    static const struct {
        double part;
        const char *shown;
    } cases[] = {{0, "░░░░"}, {0.5, "██░░"}, {0.28125, "█▏░░"}, {1, "████"},
                 {7, "████"}, {-3, "░░░░"},  {0.0 / 1, "░░░░"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        aut_screen_reset (&screen, 40, 6);
        aut_screen_bar (&screen, 0, 0, 4, AUT_STYLE_GOOD, cases[i].part);
        ck_assert_str_eq (line (), cases[i].shown);
    }
}
END_TEST

/*  Where the locale is no UTF-8, a page of it is ASCII. */
START_TEST (plain_locale)
{
    setlocale (LC_CTYPE, "C");
    aut_screen_reset (&screen, 40, 6);
    ck_assert (screen.ascii);
    aut_screen_put (&screen, 0, 0, 8, AUT_STYLE_PLAIN, "Köln am Rhein");
    aut_screen_bar (&screen, 0, 10, 4, AUT_STYLE_GOOD, 0.5);
    ck_assert_str_eq (line (), "K?ln am~  ##..");
}
END_TEST

START_TEST (sizes)
{
    aut_screen_reset (&screen, 100000, -5);
    ck_assert_int_eq (screen.width, AUT_SCREEN_MAX_WIDTH);
    ck_assert_int_eq (screen.height, 6);
}
END_TEST

int main (void)
{
    Suite *suite = suite_create ("top_screen");
    TCase *tests = tcase_create ("screen");
    tcase_add_checked_fixture (tests, setup, teardown);
    tcase_add_loop_test (tests, clipped, 0, sizeof clips / sizeof clips[0]);
    tcase_add_test (tests, edges);
    tcase_add_test (tests, marks);
    tcase_add_test (tests, bars);
    tcase_add_test (tests, plain_locale);
    tcase_add_test (tests, sizes);
    suite_add_tcase (suite, tests);
    SRunner *runner = srunner_create (suite);
    srunner_run_all (runner, CK_NORMAL);
    int failed = srunner_ntests_failed (runner);
    srunner_free (runner);
    return failed ? 1 : 0;
}
