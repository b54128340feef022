/*  Exact numbers: reading, writing, frame counts. */
#include "tests/film/support.h"

#include "lib/core/error.h"

#include <string.h>

START_TEST (decimals)
{
    static const struct {
        const char *text, *wanted; /* NULL: refused */
    } cases[] = {
        {"0", "0"},
        {"-0", "0"},
        {"0.0", "0"},
        {"7", "7"},
        {"-12.50e1", "-125"},
        {"0.05", "0.05"},
        {"1.10", "1.1"},
        {"100", "100"},
        {"1e3", "1000"},
        {"1E+3", "1000"},
        {"120e-1", "12"},
        {"0.000000000000000001", "0.000000000000000001"},
        {"9223372036854775807", "9223372036854775807"},
        {"-9223372036854775807", "-9223372036854775807"},
        {"0e999999999999999999999", "0"},
        {"10000000000000000000000e-22", "1"},
        {"1.000000000000000000000000000000", "1"},
        {"9223372036854775808", NULL},
        {"1e19", NULL},
        {"1e999999999999999999999", NULL},
        {"1e-19", NULL},
        {"1e-999999999999999999999", NULL},
        {"123456789012345678901234567890", NULL},
        {"", NULL},
        {"-", NULL},
        {"01", NULL},
        {"1.", NULL},
        {".5", NULL},
        {"1e", NULL},
        {"1e+", NULL},
        {"+1", NULL},
        {"1 ", NULL},
        {"0x10", NULL},
        {"NaN", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        aut_decimal_t value;
        char text[AUT_DECIMAL_TEXT];
        int err = aut_decimal_parse (&value, cases[i].text, strlen (cases[i].text));
        ck_assert_msg (!err == !!cases[i].wanted, "%s: %d", cases[i].text, err);
        if (!err)
            ck_assert_str_eq (aut_decimal_text (value, text), cases[i].wanted);
    }
}
END_TEST

static aut_decimal_t decimal (const char *text)
{
    aut_decimal_t value;
    ck_assert_int_eq (aut_decimal_parse (&value, text, strlen (text)), 0);
    return value;
}

START_TEST (rates)
{
    static const struct {
        const char *fps;
        int64_t num, den;
    } cases[] = {{"24", 24, 1},          {"24.0", 24, 1},         {"23.976", 24000, 1001},
                 {"29.97", 30000, 1001}, {"29.970", 30000, 1001}, {"59.94", 60000, 1001},
                 {"23.98", 1199, 50},    {"12.5", 25, 2},         {"240", 240, 1},
                 {"0.999", 0, 1},        {"240.001", 0, 1},       {"23.97602397602398", 0, 1}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        aut_rational_t rate;
        int err = aut_rate_of (&rate, decimal (cases[i].fps));
        ck_assert_int_eq (err, cases[i].num ? 0 : AUT_ERR_INVALID);
        if (!err) {
            ck_assert_int_eq (rate.num, cases[i].num);
            ck_assert_int_eq (rate.den, cases[i].den);
        }
    }
}
END_TEST

START_TEST (frames)
{
    static const struct {
        const char *seconds;
        int64_t num, den, round, ceil;
        const char *back; /* the rounded count in seconds */
    } cases[] = {
        {"1.1", 10, 1, 11, 11, "1.1"},
        {"1.1", 30, 1, 33, 33, "1.1"},
        {"0.05", 10, 1, 1, 1, "0.1"}, /* exactly half a frame: up */
        {"0.049", 10, 1, 0, 1, "0"},
        {"4", 24000, 1001, 96, 96, "4.004"},
        {"5", 16, 1, 80, 80, "5"},
        {"1.001", 24000, 1001, 24, 24, "1.001"},
        {"3.5", 24, 1, 84, 84, "3.5"},
        {"0.02", 24, 1, 0, 1, "0"},
        {"0.020833333333333333", 24, 1, 0, 1, "0"}, /* just below half */
        {"0.020833333333333334", 24, 1, 1, 1, "0.041667"},
        {"600", 240, 1, 144000, 144000, "600"},
        {"600", 60000, 1001, 35964, 35965, "599.9994"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        aut_rational_t rate = {cases[i].num, cases[i].den};
        int64_t frames_round, frames_ceil;
        char text[AUT_DECIMAL_TEXT];
        ck_assert_int_eq (aut_frames_round (&frames_round, decimal (cases[i].seconds), rate), 0);
        ck_assert_int_eq (aut_frames_ceil (&frames_ceil, decimal (cases[i].seconds), rate), 0);
        ck_assert_msg (frames_round == cases[i].round, "%s: %lld", cases[i].seconds,
                       (long long)frames_round);
        ck_assert_msg (frames_ceil == cases[i].ceil, "%s: %lld", cases[i].seconds,
                       (long long)frames_ceil);
        ck_assert_str_eq (aut_decimal_text (aut_frames_seconds (frames_round, rate), text),
                          cases[i].back);
    }
    int64_t many;
    ck_assert_int_eq (
        aut_frames_round (&many, decimal ("9223372036854775807"), (aut_rational_t){240, 1}),
        AUT_ERR_TOO_LARGE);
    ck_assert_int_eq (aut_frames_round (&many, decimal ("-1"), (aut_rational_t){24, 1}),
                      AUT_ERR_INVALID);
}
END_TEST

START_TEST (comparing)
{
    ck_assert_int_eq (aut_decimal_compare (decimal ("1.10"), decimal ("1.1")), 0);
    ck_assert_int_lt (
        aut_decimal_compare (decimal ("-9223372036854775807"), decimal ("0.000000000000000001")),
        0);
    ck_assert_int_gt (aut_decimal_compare (decimal ("0.3"), decimal ("0.29999")), 0);
}
END_TEST

int main (void)
{
    const TTest *const tests[] = {decimals, rates, frames, comparing};
    return run_suite ("rational", tests, sizeof tests / sizeof *tests);
}
