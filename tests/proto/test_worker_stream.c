/*  The worker stream: framing at every cut, both ends of a socketpair, and broken peers. */
#include "lib/core/error.h"
#include "lib/core/mem.h"
#include "tests/proto/samples.h"

#include <check.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

START_TEST (roundtrip_at_every_cut)
{
    aut_buffer_t stream = {0};
    size_t keys;
    for (size_t i = 0; i < sample_worker_count (); i++) {
        aut_worker_msg_t msg = sample_worker_message (i, &keys);
        size_t start = stream.size;
        ck_assert_msg (aut_worker_encode (&msg, &stream) == 0, "%s", aut_error_detail ());
        ck_assert_uint_eq ((uint8_t)stream.data[start + 9], 0x80 | keys);
        for (size_t cut = 0; cut < stream.size - start; cut++) {
            aut_worker_msg_t part;
            size_t used;
            char *exact = aut_realloc (NULL, 1, cut ? cut : 1);
            memcpy (exact, stream.data + start, cut);
            ck_assert_int_eq (aut_worker_decode (&part, exact, cut, &used), AUT_ERR_AGAIN);
            ck_assert_uint_eq (used, 0);
            free (exact);
        }
    }
    size_t at = 0, used;
    for (size_t i = 0; i < sample_worker_count (); i++, at += used) {
        aut_worker_msg_t msg;
        ck_assert_int_eq (aut_worker_decode (&msg, stream.data + at, stream.size - at, &used), 0);
        ck_assert_int_eq (msg.type, sample_worker_message (i, &keys).type);
        aut_buffer_t again = {0};
        ck_assert_int_eq (aut_worker_encode (&msg, &again), 0);
        ck_assert_uint_eq (again.size, used);
        ck_assert (again.data && stream.data && memcmp (again.data, stream.data + at, used) == 0);
        aut_buffer_clear (&again);
        aut_worker_msg_clear (&msg);
    }
    ck_assert_uint_eq (at, stream.size);
    aut_buffer_clear (&stream);
}
END_TEST

START_TEST (over_a_socketpair)
{
    int fds[2];
    ck_assert_int_eq (socketpair (AF_UNIX, SOCK_STREAM, 0, fds), 0);
    fcntl (fds[1], F_SETFL, O_NONBLOCK);
    aut_worker_stream_t stream = {0};
    aut_worker_msg_t got;
    ck_assert_int_eq (aut_worker_recv (fds[1], &stream, &got), AUT_ERR_AGAIN);
    size_t keys;
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < sample_worker_count (); i++) {
            aut_worker_msg_t msg = sample_worker_message (i, &keys);
            ck_assert_int_eq (aut_worker_send (fds[0], &msg), 0);
        }
        for (size_t i = 0; i < sample_worker_count (); i++) {
            ck_assert_int_eq (aut_worker_recv (fds[1], &stream, &got), 0);
            ck_assert_int_eq (got.type, sample_worker_message (i, &keys).type);
            aut_worker_msg_clear (&got);
        }
        ck_assert_int_eq (aut_worker_recv (fds[1], &stream, &got), AUT_ERR_AGAIN);
    }
    close (fds[0]);
    ck_assert_int_eq (aut_worker_recv (fds[1], &stream, &got), AUT_ERR_NOT_FOUND);
    aut_worker_msg_t quit = {.type = AUT_WORKER_QUIT};
    ck_assert_int_eq (aut_worker_send (fds[1], &quit), AUT_ERR_IO); /* and no SIGPIPE */
    aut_worker_stream_clear (&stream);
    close (fds[1]);
}
END_TEST

static const struct {
    const char *what;
    const char *bytes;
    size_t size;
    int code;
} broken[] = {
    {"length of 4 GB", "\xff\xff\xff\xff", 4, AUT_ERR_INVALID},
    {"length of 0", "\0\0\0\0", 4, AUT_ERR_INVALID},
    {"length below a head", "\0\0\0\4AUT1", 8, AUT_ERR_INVALID},
    {"just above the limit", "\0\1\0\6", 4, AUT_ERR_INVALID},
    {"other version", "\0\0\0\6AUT2\x66\x80", 10, AUT_ERR_VERSION},
    {"other protocol", "\0\0\0\6HTTP\x66\x80", 10, AUT_ERR_INVALID},
    {"unknown type", "\0\0\0\6AUT1\x7f\x80", 10, AUT_ERR_UNSUPPORTED},
    {"message of a socket", "\0\0\0\6AUT1\x03\x80", 10, AUT_ERR_UNSUPPORTED},
    {"huge array", "\0\0\0\12AUT1\x66\xdd\xff\xff\xff\xff", 14, AUT_ERR_INVALID},
    {"no map", "\0\0\0\5AUT1\x66", 9, AUT_ERR_INVALID},
};

START_TEST (broken_streams)
{
    aut_worker_msg_t msg;
    size_t used;
    char *exact = aut_realloc (NULL, 1, broken[_i].size);
    memcpy (exact, broken[_i].bytes, broken[_i].size);
    int rc = aut_worker_decode (&msg, exact, broken[_i].size, &used);
    ck_assert_msg (rc == broken[_i].code, "%s: %d", broken[_i].what, rc);
    ck_assert_uint_eq (used, 0);
    free (exact);
}
END_TEST

START_TEST (results_name_no_folder)
{
    static const char *const names[] = {"../clip.mkv", "/etc/passwd", "a/b", "..", "."};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        aut_worker_msg_t msg = {.type = AUT_WORKER_RESULT,
                                .result = {.id = 1, .mezzanine = names[i], .metadata = "m"}};
        aut_buffer_t out = {0};
        ck_assert_int_eq (aut_worker_encode (&msg, &out), AUT_ERR_INVALID);
        aut_buffer_clear (&out);
    }
}
END_TEST

int main (void)
{
    Suite *suite = suite_create ("worker stream");
    TCase *tc = tcase_create ("stream");
    tcase_set_timeout (tc, 60);
    tcase_add_test (tc, roundtrip_at_every_cut);
    tcase_add_test (tc, over_a_socketpair);
    tcase_add_loop_test (tc, broken_streams, 0, (int)(sizeof broken / sizeof *broken));
    tcase_add_test (tc, results_name_no_folder);
    suite_add_tcase (suite, tc);
    SRunner *runner = srunner_create (suite);
    srunner_run_all (runner, CK_ENV);
    int failed = srunner_ntests_failed (runner);
    srunner_free (runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
