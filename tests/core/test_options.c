/*  Command lines: what they set, and the messages that mistakes get. */
#include "lib/core/options.h"

#include "lib/core/error.h"
#include "lib/core/mem.h"
#include "tests/core/support.h"

#include <locale.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    bool json, quiet;
    const char *state;
    int64_t priority, any;
    double lease;
    aut_opt_list_t devices;
} values_t;

#define ARGS 12

typedef struct {
    values_t values;
    const char *operands[2];
    size_t count;
    aut_opt_result_t result;
    char *out, *err;
} parsed_t;

static const aut_opt_info_t info = {.program = "auteur render",
                                    .usage = "STORYBOARD [FILM]",
                                    .about = "Makes a film.",
                                    .min_operands = 1,
                                    .max_operands = 2};

static parsed_t parse (const char *const args[ARGS])
{
    parsed_t p = {.values = {.state = "default", .lease = 30}};
    const aut_opt_t table[] = {
        {"json", 'j', AUT_OPT_FLAG, &p.values.json, NULL, "Print JSON.", NULL, 0, 0},
        {"no-color", 0, AUT_OPT_FLAG, &p.values.quiet, NULL, "No colour.", "TEST_NO_COLOR", 0, 0},
        {"state", 's', AUT_OPT_STRING, &p.values.state, "DIR", "Where the state is.", "TEST_STATE",
         0, 0},
        {"priority", 'p', AUT_OPT_INT, &p.values.priority, "N", "How urgent.", "TEST_PRIORITY",
         -100, 100},
        {"any", 0, AUT_OPT_INT, &p.values.any, "N", "Any number.", NULL, 0, 0},
        {"lease", 0, AUT_OPT_NUMBER, &p.values.lease, "SECONDS", "How long.", NULL, 0, 1000},
        {"device", 'd', AUT_OPT_LIST, &p.values.devices, "NAME", "A device; again for more.", NULL,
         0, 0},
        {0},
    };
    int argc = 1;
    char *argv[ARGS + 2] = {aut_strdup ("render")};
    for (; args[argc - 1]; argc++)
        argv[argc] = (char *)(uintptr_t)args[argc - 1];
    capture_t out, err;
    capture_begin (&out, 1);
    capture_begin (&err, 2);
    p.result = aut_options_parse (&info, table, argc, argv, p.operands, &p.count);
    p.err = capture_end (&err);
    p.out = capture_end (&out);
    if (p.values.devices.count == 2)
        ck_assert_str_eq (p.values.devices.items[1], "cuda:1");
    size_t devices = p.values.devices.count;
    aut_options_clear (table);
    ck_assert_ptr_null (p.values.devices.items);
    p.values.devices.count = devices;
    free (argv[0]);
    return p;
}

static void done (parsed_t *p)
{
    free (p->out);
    free (p->err);
}

START_TEST (sets_values)
{
    parsed_t p = parse ((const char *const[ARGS]){"--json", "f.json", "--state=/x", "--priority",
                                                  "-5", "-dcpu", "--device", "cuda:1", "--lease",
                                                  "1.5", "out.mp4"});
    ck_assert_msg (p.result == AUT_OPT_GO, "%s", p.err);
    ck_assert (p.values.json && !p.values.quiet);
    ck_assert_str_eq (p.values.state, "/x");
    ck_assert_int_eq (p.values.priority, -5);
    ck_assert (p.values.lease == 1.5);
    ck_assert_uint_eq (p.values.devices.count, 2);
    ck_assert_uint_eq (p.count, 2);
    ck_assert_str_eq (p.operands[0], "f.json");
    ck_assert_str_eq (p.operands[1], "out.mp4");
    ck_assert_str_eq (p.err, "");
    done (&p);
}
END_TEST

START_TEST (keeps_defaults_and_ends_options)
{
    parsed_t p = parse ((const char *const[ARGS]){"--", "--json", "-"});
    ck_assert_int_eq (p.result, AUT_OPT_GO);
    ck_assert (!p.values.json);
    ck_assert_str_eq (p.values.state, "default");
    ck_assert (p.values.lease == 30);
    ck_assert_str_eq (p.operands[0], "--json");
    ck_assert_str_eq (p.operands[1], "-");
    done (&p);
}
END_TEST

START_TEST (reads_the_environment)
{
    setenv ("TEST_STATE", "/from/env", 1);
    setenv ("TEST_NO_COLOR", "", 1);
    parsed_t p = parse ((const char *const[ARGS]){"f"});
    ck_assert_str_eq (p.values.state, "/from/env");
    ck_assert (!p.values.quiet);
    done (&p);
    setenv ("TEST_NO_COLOR", "1", 1);
    p = parse ((const char *const[ARGS]){"f", "-s", "/given"});
    ck_assert_str_eq (p.values.state, "/given");
    ck_assert (p.values.quiet);
    done (&p);
    setenv ("TEST_PRIORITY", "high", 1);
    p = parse ((const char *const[ARGS]){"f"});
    ck_assert_int_eq (p.result, AUT_OPT_EXIT_USAGE);
    ck_assert_ptr_nonnull (strstr (p.err, "TEST_PRIORITY wants a whole number from -100 to 100"));
    done (&p);
}
END_TEST

static const struct {
    const char *args[ARGS];
    const char *message;
} mistakes[] = {
    {{NULL}, "an argument is missing: auteur render STORYBOARD [FILM]"},
    {{"a", "b", "c"}, "unexpected argument \"c\""},
    {{"a", "--prioritty", "3"}, "unknown option --prioritty: did you mean --priority?"},
    {{"a", "--prio"}, "unknown option --prio: did you mean --priority?"},
    {{"a", "--xyzzy"}, "unknown option --xyzzy\n"},
    {{"a", "--hepl"}, "did you mean --help?"},
    {{"a", "-x"}, "unknown option -x"},
    {{"a", "--state"}, "--state needs a value: DIR"},
    {{"a", "-s"}, "-s needs a value: DIR"},
    {{"a", "--json=yes"}, "--json takes no value"},
    {{"a", "--priority", "101"}, "--priority wants a whole number from -100 to 100, not \"101\""},
    {{"a", "--priority", "1x"}, "not \"1x\""},
    {{"a", "--priority", ""}, "not \"\""},
    {{"a", "--priority", " 1"}, "not \" 1\""},
    {{"a", "--any", "99999999999999999999"}, "--any wants a whole number, not"},
    {{"a", "--lease", "fast"}, "--lease wants a number from 0 to 1000, not \"fast\""},
    {{"a", "--lease", "1e999"}, "--lease wants a number"},
    {{"a", "--lease", "nan"}, "--lease wants a number"},
    {{"a", "--lease", "1,5"}, "--lease wants a number"},
    {{"a", "--lease", "1e300"}, "--lease wants a number from 0 to 1000, not \"1e300\""},
    {{"a", "--lease", "-0.5"}, "--lease wants a number from 0 to 1000"},
    {{"a", "--e\x1b[31m"}, "--e\\x1b[31m"},
};

START_TEST (tells_mistakes)
{
    parsed_t p = parse (mistakes[_i].args);
    ck_assert_int_eq (p.result, AUT_OPT_EXIT_USAGE);
    ck_assert_msg (strstr (p.err, mistakes[_i].message) != NULL, "%s", p.err);
    ck_assert_ptr_nonnull (strstr (p.err, "auteur render: "));
    ck_assert_ptr_nonnull (strstr (p.err, "Try 'auteur render --help'.\n"));
    ck_assert_str_eq (p.out, "");
    done (&p);
}
END_TEST

START_TEST (help_and_version)
{
    parsed_t p = parse ((const char *const[ARGS]){"--help"});
    ck_assert_int_eq (p.result, AUT_OPT_EXIT_OK);
    ck_assert_ptr_nonnull (strstr (p.out, "Usage: auteur render STORYBOARD [FILM]\n"));
    ck_assert_ptr_nonnull (strstr (p.out, "Makes a film."));
    ck_assert_ptr_nonnull (strstr (p.out, "  -s, --state DIR"));
    ck_assert_ptr_nonnull (strstr (p.out, "[TEST_STATE]"));
    ck_assert_ptr_nonnull (strstr (p.out, "--version"));
    done (&p);
    p = parse ((const char *const[ARGS]){"--version"});
    ck_assert_int_eq (p.result, AUT_OPT_EXIT_OK);
    ck_assert_str_eq (p.out, "auteur " AUTEUR_VERSION "\n");
    done (&p);
}
END_TEST

START_TEST (nearest_name)
{
    static const char *const names[] = {"duration", "dialogue", "camera", "id", NULL};
    static const struct {
        const char *text, *near;
    } cases[] = {{"duraton", "duration"},
                 {"cammera", "camera"},
                 {"zzz", NULL},
                 {"di", NULL},
                 {"", NULL},
                 {"id", "id"},
                 {"Camera", "camera"}};
    for (size_t i = 0; i < sizeof (cases) / sizeof (cases[0]); i++)
        ck_assert_pstr_eq (aut_nearest (cases[i].text, names), cases[i].near);
    char longer[300];
    memset (longer, 'a', sizeof (longer) - 1);
    longer[sizeof (longer) - 1] = 0;
    ck_assert_ptr_null (aut_nearest (longer, names));
}
END_TEST

START_TEST (numbers_ignore_the_locale)
{
    setlocale (LC_ALL, "de_DE.UTF-8"); /* where it is installed */
    parsed_t p = parse ((const char *const[ARGS]){"f", "--lease", "2.25"});
    ck_assert (p.values.lease == 2.25);
    done (&p);
}
END_TEST

START_TEST (bytes)
{
    static const struct {
        const char *text;
        uint64_t wanted; /* 0: refused */
    } cases[] = {{"1", 1},
                 {"12G", UINT64_C (12) << 30},
                 {"12gb", UINT64_C (12) << 30},
                 {"4K", 4096},
                 {"3M", 3 << 20},
                 {"15T", UINT64_C (15) << 40},
                 {"", 0},
                 {"G", 0},
                 {"-1", 0},
                 {"1.5G", 0},
                 {"12X", 0},
                 {"12Gx", 0},
                 {" 12", 0},
                 {"16777216T", 0},
                 {"99999999999999999999", 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint64_t value = 0;
        int rc = aut_options_bytes (&value, "--size", cases[i].text);
        ck_assert_msg (value == cases[i].wanted, "%s", cases[i].text);
        ck_assert_int_eq (rc, cases[i].wanted ? 0 : AUT_ERR_INVALID);
    }
    ck_assert_ptr_nonnull (strstr (aut_error_detail (), "--size: '9999"));
}
END_TEST

int main (void)
{
    TCase *tests = tcase_create ("options");
    tcase_add_test (tests, sets_values);
    tcase_add_test (tests, keeps_defaults_and_ends_options);
    tcase_add_test (tests, reads_the_environment);
    tcase_add_loop_test (tests, tells_mistakes, 0, sizeof (mistakes) / sizeof (mistakes[0]));
    tcase_add_test (tests, help_and_version);
    tcase_add_test (tests, nearest_name);
    tcase_add_test (tests, bytes);
    tcase_add_test (tests, numbers_ignore_the_locale);
    return run_case (tests);
}
