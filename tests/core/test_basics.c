/*  Errors, memory and the clock. */
#include "lib/core/clock.h"
#include "lib/core/error.h"
#include "lib/core/mem.h"
#include "tests/core/support.h"

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

START_TEST (codes_and_texts_round_trip)
{
    static const int codes[] = {AUT_OK,
#define ROW(name, value, text) AUT_ERR_##name,
                                AUT_ERRORS (ROW)
#undef ROW
    };
    for (size_t i = 0; i < sizeof (codes) / sizeof (codes[0]); i++)
        ck_assert_int_eq (aut_error_code (aut_error_text (codes[i])), codes[i]);
    ck_assert_str_eq (aut_error_text (AUT_ERR_NOT_FOUND), "not-found");
    ck_assert_str_eq (aut_error_text (AUT_OK), "ok");
    ck_assert_str_eq (aut_error_text (12345), "internal");
    ck_assert_int_eq (aut_error_code ("no such text"), AUT_ERR_INTERNAL);
    ck_assert_int_eq (aut_error_code (NULL), AUT_ERR_INTERNAL);
}
END_TEST

START_TEST (detail_gains_context)
{
    ck_assert_int_eq (aut_fail (AUT_ERR_STATE, "shot %d", 7), AUT_ERR_STATE);
    ck_assert_str_eq (aut_error_detail (), "shot 7");
    ck_assert_int_eq (aut_fail_in (AUT_ERR_STATE, "job %s", "j1"), AUT_ERR_STATE);
    ck_assert_str_eq (aut_error_detail (), "job j1: shot 7");
    /* the sentence itself as an argument */
    aut_fail (AUT_ERR_STATE, "again: %s", aut_error_detail ());
    ck_assert_str_eq (aut_error_detail (), "again: job j1: shot 7");
}
END_TEST

START_TEST (errno_maps_to_codes)
{
    static const struct {
        int number, code;
    } cases[] = {
        {ENOSPC, AUT_ERR_NO_SPACE}, {EDQUOT, AUT_ERR_NO_SPACE}, {ENOENT, AUT_ERR_NOT_FOUND},
        {ENOMEM, AUT_ERR_NOMEM},    {EACCES, AUT_ERR_IO},       {EIO, AUT_ERR_IO},
    };
    for (size_t i = 0; i < sizeof (cases) / sizeof (cases[0]); i++) {
        errno = cases[i].number;
        ck_assert_int_eq (aut_fail_errno ("cannot open %s", "f"), cases[i].code);
        char *wanted = aut_sprintf ("cannot open f: %s", strerror (cases[i].number));
        ck_assert_str_eq (aut_error_detail (), wanted);
        ck_assert_int_eq (errno, cases[i].number);
        free (wanted);
    }
}
END_TEST

START_TEST (long_detail_is_cut_between_characters)
{
    char text[4001];
    for (size_t i = 0; i < 4000; i += 2)
        memcpy (text + i, "\xC3\xA9", 2);
    text[4000] = 0;
    for (int shift = 0; shift < 2; shift++) {
        aut_fail (AUT_ERR_INVALID, "%s%s", shift ? "x" : "", text);
        size_t len = strlen (aut_error_detail ());
        ck_assert_int_gt (len, 2000);
        ck_assert_int_eq ((unsigned char)aut_error_detail ()[len - 1], 0xA9);
    }
}
END_TEST

static void *fail_elsewhere (void *arg)
{
    (void)arg;
    const char *before = aut_error_detail ();
    void *was_empty = *before ? NULL : (void *)1;
    aut_fail (AUT_ERR_IO, "theirs");
    return was_empty;
}

START_TEST (detail_belongs_to_its_thread)
{
    pthread_t thread;
    void *was_empty = NULL;
    aut_fail (AUT_ERR_IO, "mine");
    ck_assert_int_eq (pthread_create (&thread, NULL, fail_elsewhere, NULL), 0);
    pthread_join (thread, &was_empty);
    ck_assert_ptr_nonnull (was_empty);
    ck_assert_str_eq (aut_error_detail (), "mine");
}
END_TEST

START_TEST (memory)
{
    char *nothing = aut_calloc (0, 8);
    ck_assert_ptr_nonnull (nothing);
    free (nothing);
    ck_assert_ptr_null (aut_strdup (NULL));
    char *cut = aut_strndup ("abcdef", 3);
    ck_assert_str_eq (cut, "abc");
    free (cut);
    char *whole = aut_strndup ("ab", 10);
    ck_assert_str_eq (whole, "ab");
    free (whole);

    size_t cap = 0;
    int *numbers = NULL;
    for (size_t i = 0; i < 1000; i++) {
        numbers = aut_grow (numbers, &cap, i + 1, sizeof (*numbers));
        ck_assert_int_ge (cap, i + 1);
        numbers[i] = (int)i;
    }
    ck_assert_int_eq (cap, 1024);
    for (int i = 0; i < 1000; i++)
        ck_assert_int_eq (numbers[i], i);
    free (numbers);
}
END_TEST

START_TEST (try_alloc_refuses_overflow)
{
    ck_assert_ptr_null (aut_try_alloc (SIZE_MAX / 2, 4));
    ck_assert_ptr_nonnull (strstr (aut_error_detail (), "not enough memory"));
    unsigned char *small = aut_try_alloc (3, 5);
    ck_assert_ptr_nonnull (small);
    ck_assert_int_eq (small[14], 0);
    free (small);
}
END_TEST

START_TEST (overflow_ends_the_process)
{
    aut_realloc (NULL, SIZE_MAX / 2, 4);
}
END_TEST

static int64_t fixed (void *ctx)
{
    return *(int64_t *)ctx;
}

START_TEST (clock_is_injected)
{
    int64_t now = 42;
    aut_clock_t clock = {.mono_ms = fixed, .wall_ms = fixed, .ctx = &now};
    ck_assert_int_eq (aut_mono_ms (&clock), 42);
    now = 43;
    ck_assert_int_eq (aut_wall_ms (&clock), 43);
    int64_t before = aut_mono_ms (aut_clock_system ());
    ck_assert_int_ge (aut_mono_ms (aut_clock_system ()), before);
    ck_assert_int_gt (aut_wall_ms (aut_clock_system ()), INT64_C (1700000000000));
}
END_TEST

int main (void)
{
    TCase *tests = tcase_create ("basics");
    tcase_add_test (tests, codes_and_texts_round_trip);
    tcase_add_test (tests, detail_gains_context);
    tcase_add_test (tests, errno_maps_to_codes);
    tcase_add_test (tests, long_detail_is_cut_between_characters);
    tcase_add_test (tests, detail_belongs_to_its_thread);
    tcase_add_test (tests, memory);
    tcase_add_test (tests, clock_is_injected);
    /* sanitizers end the process in their own way */
#if !defined __SANITIZE_ADDRESS__ && !defined __SANITIZE_THREAD__
    tcase_add_test (tests, try_alloc_refuses_overflow);
    tcase_add_test_raise_signal (tests, overflow_ends_the_process, 6);
#else
    (void)try_alloc_refuses_overflow;
    (void)overflow_ends_the_process;
#endif
    return run_case (tests);
}
