/*  What `auteur top` shows, from snapshots, events and keys to lines of text. */
#include "client/top.h"

#include <check.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>

static aut_top_t *top;
static aut_screen_t screen;
static char *page;
static int64_t now = 1000;

static json_t *parse (const char *text)
{
    json_t *json = json_loads (text, 0, NULL);
    ck_assert_ptr_nonnull (json);
    return json;
}

static void take (void (*into) (aut_top_t *, const json_t *), const char *text)
{
    json_t *json = parse (text);
    into (top, json);
    json_decref (json);
}

static void take_status (const char *text)
{
    json_t *json = parse (text);
    aut_top_take_status (top, json, now);
    json_decref (json);
}

static const char status[] =
    "{\"version\":\"9.9\",\"epoch\":1048577,\"uptime_s\":3725,\"seq\":4,"
    "\"jobs\":{\"queued\":1,\"running\":1,\"done\":1},\"tasks\":{\"leased\":1,\"ready\":3},"
    "\"nodes\":{\"online\":2},\"workers\":{\"idle\":1,\"busy\":1}}";
static const char jobs[] =
    "{\"jobs\":["
    "{\"id\":\"j1\",\"project\":\"old "
    "harbour\",\"state\":\"done\",\"shots\":{\"total\":2,\"done\":2},"
    "\"progress\":1},"
    "{\"id\":\"j2\",\"project\":\"lantern\",\"state\":\"running\",\"shots\":{\"total\":4,\"done\":"
    "1},"
    "\"progress\":0.475,\"left_s\":192},"
    "{\"id\":\"j10\",\"project\":\"bees\",\"state\":\"queued\",\"shots\":{\"total\":9,\"done\":0},"
    "\"progress\":0,\"left_s\":null,\"wait\":\"no device with 24 GB\"}]}";
static const char nodes[] =
    "{\"nodes\":["
    "{\"name\":\"gpu-b\",\"state\":\"online\",\"seen_s\":1,\"workers\":["
    "{\"id\":0,\"device\":\"cuda:0\",\"state\":\"busy\",\"memory\":141000000000,\"model\":\"wan\","
    "\"task\":\"t5\"},"
    "{\"id\":1,\"device\":\"cuda:1\",\"state\":\"idle\",\"model\":\"\",\"task\":null}]},"
    "{\"name\":\"gpu-a\",\"state\":\"draining\",\"seen_s\":2,\"workers\":[]}]}";
static const char job[] =
    "{\"id\":\"j2\",\"project\":\"lantern\",\"state\":\"running\",\"priority\":5,\"progress\":0."
    "475,"
    "\"left_s\":192,\"shots\":["
    "{\"id\":\"one\",\"state\":\"done\",\"progress\":1,\"chunks\":[{\"index\":0,\"state\":\"done\","
    "\"node\":\"gpu-a\",\"device\":\"cpu\",\"attempt\":1,\"seconds\":12}]},"
    "{\"id\":\"two\",\"state\":\"running\",\"progress\":0.4,\"left_s\":65,\"chunks\":["
    "{\"index\":0,\"task\":\"t5\",\"state\":\"leased\",\"node\":\"gpu-b\",\"device\":\"cuda:0\","
    "\"attempt\":2,\"progress\":0.5,\"step\":12,\"steps\":30,\"error\":\"worker died\"},"
    "{\"index\":1,\"state\":\"blocked\",\"attempt\":0,\"wait\":\"waits for two chunk 1\"}]},"
    "{\"id\":\"three\",\"state\":\"queued\",\"progress\":0,\"wait\":\"no node with model wan\","
    "\"chunks\":[{\"index\":0,\"state\":\"ready\",\"attempt\":0}]},"
    "{\"id\":\"four\",\"state\":\"failed\",\"progress\":0,\"chunks\":[{\"index\":0,"
    "\"state\":\"failed\",\"attempt\":3,\"node\":\"gpu-b\",\"error\":\"the lens is missing\"}]}]}";

static const char *draw_at (int width, int height)
{
    free (page);
    aut_screen_reset (&screen, width, height);
    aut_top_draw (top, &screen, now, true);
    page = aut_screen_text (&screen);
    return page;
}

static const char *draw (void)
{
    return draw_at (80, 24);
}

static aut_top_deed_t press (int key)
{
    const char *name = NULL;
    return aut_top_key (top, key, &name);
}

static void type (const char *keys)
{
    while (*keys)
        press (*keys++);
}

static bool shows (const char *text)
{
    return strstr (draw (), text) != NULL;
}

/*  The line of the page that has `text`; "" if none. */
static const char *line_with (const char *text)
{
    static char line[2048];
    const char *at = strstr (draw (), text);
    *line = 0;
    if (!at)
        return line;
    while (at > page && at[-1] != '\n')
        at--;
    snprintf (line, sizeof line, "%.*s", (int)strcspn (at, "\n"), at);
    return line;
}

/*  Whether `a` stands above `b`. */
static bool above (const char *a, const char *b)
{
    const char *x = strstr (draw (), a), *y = strstr (page, b);
    ck_assert_ptr_nonnull (x);
    ck_assert_ptr_nonnull (y);
    return x < y;
}

static void setup (void)
{
    ck_assert_ptr_nonnull (setlocale (LC_CTYPE, "C.UTF-8"));
    top = aut_top_new ("studio:7700");
    take_status (status);
    take (aut_top_take_jobs, jobs);
    take (aut_top_take_nodes, nodes);
}

static void teardown (void)
{
    aut_top_destroy (&top);
    aut_screen_clear (&screen);
    free (page);
    page = NULL;
}

START_TEST (overview)
{
    ck_assert (shows ("studio:7700   auteur-broker 9.9   up 1h 02m   epoch 00000001.1"));
    ck_assert (shows ("jobs 1 queued, 1 running, 1 done"));
    ck_assert_ptr_nonnull (strstr (line_with ("lantern"), " 1/4 "));
    ck_assert_ptr_nonnull (strstr (line_with ("lantern"), " 47%"));
    ck_assert_ptr_nonnull (strstr (line_with ("lantern"), "3m 12s"));
    ck_assert_ptr_nonnull (strstr (line_with ("bees"), "no device with 24 GB"));
    ck_assert_ptr_nonnull (strstr (line_with ("cuda:0"), "busy"));
    ck_assert (above ("gpu-a", "gpu-b"));
    ck_assert (above ("lantern", "bees")); /* running, queued, done */
    ck_assert (above ("bees", "old harbour"));
}
END_TEST

/*  24 lines of at most 80 columns, at any size, on any page. */
START_TEST (fits)
{
    static const int sizes[][2] = {{80, 24}, {140, 50}, {20, 6}, {500, 200}, {43, 9}, {110, 12}};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        for (int view = 0; view < 4; view++) {
            draw_at (sizes[i][0], sizes[i][1]);
            int lines = 0;
            for (const char *at = page; *at; at += strcspn (at, "\n") + 1, lines++) {
                char line[4096];
                snprintf (line, sizeof line, "%.*s", (int)strcspn (at, "\n"), at);
                ck_assert_int_le (aut_screen_width (line), sizes[i][0]);
            }
            ck_assert_int_eq (lines, sizes[i][1]);
            if (view == 0) {
                aut_top_open (top, "j2");
                take (aut_top_take_job, job);
            } else if (view == 1) {
                press (AUT_KEY_ESC);
                press (AUT_KEY_TAB);
                press (AUT_KEY_ENTER);
            } else {
                press (view == 2 ? '?' : AUT_KEY_ESC);
            }
        }
}
END_TEST

/*  What is wider has more columns. */
START_TEST (wide)
{
    ck_assert_ptr_null (strstr (draw (), "MEMORY"));
    draw_at (140, 50);
    ck_assert_ptr_nonnull (strstr (page, "MEMORY"));
    ck_assert_ptr_nonnull (strstr (page, "141 GB"));
    ck_assert_ptr_nonnull (strstr (page, "devices 1 idle, 1 busy"));
}
END_TEST

START_TEST (sorting)
{
    ck_assert (shows ("JOBS 3, by state"));
    press ('s');
    ck_assert (shows ("by newest"));
    ck_assert (above ("bees", "lantern"));
    ck_assert (above ("lantern", "old harbour"));
    press ('r');
    ck_assert (shows ("by newest reversed"));
    ck_assert (above ("old harbour", "lantern"));
    press ('r');
    press ('s');
    ck_assert (above ("bees", "lantern") && above ("lantern", "old harbour"));
    press ('s');
    ck_assert (above ("old harbour", "lantern") && above ("lantern", "bees"));
    press ('s');
    ck_assert (shows ("by time left") && above ("lantern", "bees"));
    press ('s');
    ck_assert (shows ("by state"));
}
END_TEST

/*  The selection stays with its job while rows move, and passes from jobs to nodes. */
START_TEST (selection)
{
    ck_assert_int_eq (line_with ("lantern")[0], '>');
    press ('j');
    ck_assert_int_eq (line_with ("bees")[0], '>');
    ck_assert (shows ("j10: no device with 24 GB"));
    take (aut_top_take_event,
          "{\"type\":\"job\",\"job\":\"j10\",\"state\":\"cancelled\",\"epoch\":1,\"seq\":5}");
    ck_assert (above ("old harbour", "bees"));
    ck_assert_int_eq (line_with ("bees")[0], '>');
    press ('j');
    ck_assert_int_eq (line_with ("gpu-a")[0], '>');
    press ('k');
    ck_assert_int_eq (line_with ("bees")[0], '>');
    press ('g');
    ck_assert_int_eq (line_with ("lantern")[0], '>');
    press (AUT_KEY_TAB);
    ck_assert_int_eq (line_with ("gpu-a")[0], '>');
    press ('G');
    ck_assert_int_eq (line_with ("cuda:1")[0], '>');
}
END_TEST

START_TEST (job_page)
{
    ck_assert_ptr_null (aut_top_job (top));
    press (AUT_KEY_ENTER);
    ck_assert_str_eq (aut_top_job (top), "j2");
    ck_assert (shows ("asking ..."));
    take (aut_top_take_job, job);
    ck_assert (shows ("JOB j2  running  lantern  48%  left 3m 12s  priority 5") ||
               shows ("JOB j2  running  lantern  47%  left 3m 12s  priority 5"));
    ck_assert_ptr_nonnull (strstr (line_with ("  two "), "▶·"));
    ck_assert_ptr_nonnull (strstr (line_with ("  two "), "gpu-b cuda:0, step 12/30"));
    ck_assert_ptr_nonnull (strstr (line_with ("  two "), "1m 05s"));
    ck_assert_ptr_nonnull (strstr (line_with ("  three "), "no node with model wan"));
    ck_assert_ptr_nonnull (strstr (line_with ("  four "), "the lens is missing"));
    ck_assert (shows ("CHUNKS of shot one, 1"));
    press ('j');
    ck_assert (shows ("CHUNKS of shot two, 2"));
    ck_assert (shows ("tried again after: worker died"));
    ck_assert (shows ("try 2  gpu-b cuda:0  step 12/30  50%"));
    ck_assert (shows ("waits for two chunk 1"));
    press ('G');
    ck_assert (shows ("the lens is missing (chunk 1, try 3 on gpu-b)"));
    press (AUT_KEY_ESC);
    ck_assert_ptr_null (aut_top_job (top));
    ck_assert (shows ("NODES AND DEVICES"));
}
END_TEST

/*  Another job's answer that comes late is not shown as this one's. */
START_TEST (late_answer)
{
    aut_top_open (top, "j10");
    take (aut_top_take_job, job);
    ck_assert (shows ("asking ..."));
    ck_assert (!shows ("three"));
}
END_TEST

START_TEST (events)
{
    aut_top_open (top, "j2");
    take (aut_top_take_job, job);
    take (aut_top_take_event, "{\"type\":\"task\",\"task\":\"t5\",\"job\":\"j2\",\"shot\":\"two\","
                              "\"chunk\":0,\"state\":\"done\",\"attempt\":2,\"node\":\"gpu-b\"}");
    take (aut_top_take_event, "{\"type\":\"task\",\"task\":\"t6\",\"job\":\"j2\",\"shot\":\"two\","
                              "\"chunk\":1,\"state\":\"leased\",\"attempt\":1,\"node\":\"gpu-a\","
                              "\"step\":3,\"steps\":10}");
    ck_assert_ptr_nonnull (strstr (line_with ("  two "), "■▶"));
    ck_assert_ptr_nonnull (strstr (line_with ("  two "), "gpu-a, step 3/10"));
    take (aut_top_take_event, "{\"type\":\"task\",\"task\":\"t9\",\"job\":\"j2\",\"shot\":\"two\","
                              "\"chunk\":999999,\"state\":\"done\"}"); /* no such chunk */
    take (aut_top_take_event, "{\"type\":\"job\",\"job\":\"j2\",\"state\":\"failed\"}");
    ck_assert (shows ("JOB j2  failed"));
    press ('q');
    take (aut_top_take_event, "{\"type\":\"job\",\"job\":\"j77\",\"state\":\"queued\","
                              "\"project\":\"new one\",\"shots\":{\"total\":3,\"done\":0}}");
    ck_assert (shows ("new one"));
    take (aut_top_take_event, "{\"type\":\"node\",\"node\":\"gpu-b\",\"state\":\"lost\"}");
    ck_assert_ptr_nonnull (strstr (line_with ("gpu-b"), "lost"));
}
END_TEST

/*  A worker names only its task: which shot that is comes from the jobs and events. */
START_TEST (node_page)
{
    ck_assert_ptr_nonnull (strstr (line_with ("cuda:0"), "t5"));
    take (aut_top_take_event, "{\"type\":\"task\",\"task\":\"t5\",\"job\":\"j2\",\"shot\":\"two\","
                              "\"chunk\":0,\"state\":\"leased\",\"frame\":1,\"frames\":4}");
    ck_assert_ptr_nonnull (strstr (line_with ("cuda:0"), "j2 two chunk 1"));
    press (AUT_KEY_TAB);
    press ('j');
    ck_assert (shows ("cuda:0 runs shot two chunk 1 of j2 (lantern)"));
    press (AUT_KEY_ENTER);
    ck_assert (shows ("NODE gpu-b  online"));
    ck_assert_ptr_nonnull (strstr (line_with ("cuda:0"), " 25%"));
    press (AUT_KEY_ENTER);
    ck_assert_str_eq (aut_top_job (top), "j2");
    press (AUT_KEY_ESC);
    ck_assert (shows ("NODE gpu-b  online"));
    take (aut_top_take_nodes, "{\"nodes\":[]}");
    ck_assert (shows ("is not there any more"));
    press (AUT_KEY_ENTER);
    press (AUT_KEY_ESC);
    ck_assert (shows ("No nodes: nothing can run."));
}
END_TEST

START_TEST (asks)
{
    const char *name = NULL;
    press ('c');
    ck_assert (shows ("Cancel job j2 (lantern)? Running chunks are stopped. y/n"));
    ck_assert_int_eq (press ('n'), AUT_TOP_NOTHING);
    ck_assert (shows ("Nothing was done."));
    press ('c');
    ck_assert_int_eq (press (AUT_KEY_ENTER), AUT_TOP_NOTHING); /* only y is yes */
    press ('c');
    /* the job it was asked about is meant, whatever moves meanwhile */
    take (aut_top_take_jobs, "{\"jobs\":[{\"id\":\"j3\",\"state\":\"running\"}]}");
    ck_assert_int_eq (aut_top_key (top, 'y', &name), AUT_TOP_CANCEL);
    ck_assert_str_eq (name, "j2");
    press ('d');
    ck_assert (shows ("Select a node first"));
    press (AUT_KEY_TAB);
    press ('d');
    ck_assert (shows ("Drain node gpu-a?"));
    ck_assert_int_eq (aut_top_key (top, 'y', &name), AUT_TOP_DRAIN);
    ck_assert_str_eq (name, "gpu-a");
    press ('c');
    ck_assert (shows ("Select a job first"));
    aut_top_connection (top, false, now);
    press ('d');
    ck_assert (shows ("Not now: the broker does not answer."));
    ck_assert_int_eq (press ('y'), AUT_TOP_NOTHING);
}
END_TEST

START_TEST (filters)
{
    type ("/BEE");
    ck_assert (shows ("Show only: BEE_"));
    ck_assert (shows ("JOBS 1 of 3, by state, only 'BEE'"));
    ck_assert (!shows ("lantern"));
    press (AUT_KEY_BACKSPACE);
    press (0xe9);
    press (AUT_KEY_BACKSPACE);
    press (AUT_KEY_ENTER);
    ck_assert (shows ("only 'BE'"));
    ck_assert_int_eq (line_with ("bees")[0], '>');
    press ('c'); /* keys are keys again */
    ck_assert (shows ("Cancel job j10"));
    press ('n');
    press (AUT_KEY_ESC);
    ck_assert (shows ("JOBS 3, by state"));
    type ("/24 gb");
    ck_assert (shows ("JOBS 1 of 3"));
    press (AUT_KEY_ESC);
    for (int i = 0; i < 300; i++)
        type (i ? "x" : "/");
    ck_assert (shows ("JOBS 0 of 3"));
    press (AUT_KEY_ENTER);
    press (AUT_KEY_ENTER); /* nothing is there to be opened */
    press ('c');
    ck_assert (shows ("Select a job first"));
}
END_TEST

START_TEST (connection)
{
    aut_top_connection (top, false, now);
    now += 12000;
    ck_assert (shows ("no answer for 12s, trying"));
    ck_assert (shows ("lantern")); /* the last that is known stays */
    aut_top_connection (top, true, now);
    ck_assert (shows ("The broker is back."));
    take_status ("{\"version\":\"9.9\",\"epoch\":1048578,\"uptime_s\":1}");
    ck_assert (shows ("The broker was started anew: epoch 00000001.2 follows 00000001.1"));
    take_status ("{\"version\":\"9.9\",\"epoch\":9437185,\"uptime_s\":1}");
    ck_assert (shows ("Another broker is in its place"));
    now += 9000;
    ck_assert (!shows ("Another broker"));
}
END_TEST

/*  An older broker's answers lack the newer keys, and one that lies has them wrong. */
START_TEST (tolerant)
{
    take (aut_top_take_jobs,
          "{\"jobs\":[{\"id\":\"j1\",\"state\":\"running\",\"tasks\":{\"done\":1,"
          "\"ready\":3},\"shots\":{\"total\":4,\"done\":1}}]}");
    ck_assert_ptr_nonnull (strstr (line_with ("j1 "), " 25%"));
    take (aut_top_take_jobs, "{\"jobs\":[7,null,{\"id\":5},{\"id\":\"j1\",\"state\":[],\"left_s\":"
                             "\"soon\",\"progress\":1e300,\"shots\":3}]}");
    take (aut_top_take_nodes, "{\"nodes\":[{},{\"name\":\"\\u001b[2J\",\"workers\":{}}]}");
    ck_assert (shows ("j1"));
    ck_assert (shows ("\\x1b[2J"));
    ck_assert (!strchr (page, '\x1b'));
    take (aut_top_take_nodes, "[]");
    aut_top_open (top, "j1");
    take (aut_top_take_job, "{\"id\":\"j1\",\"shots\":[{},{\"chunks\":[{}, 5]}]}");
    ck_assert (shows ("SHOTS 2"));
}
END_TEST

START_TEST (quitting)
{
    ck_assert_int_eq (press (AUT_KEY_ESC), AUT_TOP_NOTHING);
    press ('?');
    ck_assert (shows ("cancel the job (asks first)"));
    ck_assert_int_eq (press ('q'), AUT_TOP_NOTHING);
    aut_top_open (top, "j2");
    ck_assert_int_eq (press ('q'), AUT_TOP_NOTHING);
    ck_assert_int_eq (press ('q'), AUT_TOP_QUIT);
}
END_TEST

/*  More rows than lines: the selected one is always among those shown. */
START_TEST (scrolling)
{
    json_t *many = json_array ();
    for (int i = 1; i <= 300; i++)
        json_array_append_new (many, json_pack ("{s:o, s:s, s:s}", "id", json_sprintf ("j%d", i),
                                                "state", "running", "project", "film"));
    json_t *reply = json_pack ("{s:o}", "jobs", many);
    aut_top_take_jobs (top, reply);
    json_decref (reply);
    ck_assert (shows ("more below"));
    for (int i = 0; i < 299; i++) {
        press (AUT_KEY_DOWN);
        draw ();
        ck_assert_ptr_nonnull (strstr (page, "\n> j"));
    }
    ck_assert (shows ("\n> j1 "));
    ck_assert (!shows ("more below"));
    press (AUT_KEY_PAGE_UP);
    ck_assert (shows ("\n> j11 "));
}
END_TEST

int main (void)
{
    Suite *suite = suite_create ("top");
    TCase *tests = tcase_create ("model");
    tcase_add_checked_fixture (tests, setup, teardown);
    tcase_add_test (tests, overview);
    tcase_add_test (tests, fits);
    tcase_add_test (tests, wide);
    tcase_add_test (tests, sorting);
    tcase_add_test (tests, selection);
    tcase_add_test (tests, job_page);
    tcase_add_test (tests, late_answer);
    tcase_add_test (tests, events);
    tcase_add_test (tests, node_page);
    tcase_add_test (tests, asks);
    tcase_add_test (tests, filters);
    tcase_add_test (tests, connection);
    tcase_add_test (tests, tolerant);
    tcase_add_test (tests, quitting);
    tcase_add_test (tests, scrolling);
    suite_add_tcase (suite, tests);
    SRunner *runner = srunner_create (suite);
    srunner_run_all (runner, CK_NORMAL);
    int failed = srunner_ntests_failed (runner);
    srunner_free (runner);
    return failed ? 1 : 0;
}
