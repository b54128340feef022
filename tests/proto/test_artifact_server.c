/*  The artifact service's logic, driven without a socket: credit, order, resume, limits,
 * corruption. */
#include "lib/core/error.h"
#include "lib/core/file.h"
#include "lib/core/mem.h"
#include "proto/artifact.h"
#include "proto/artifact_server.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define OUT_MAX 256

/*  What the server sent; `rc` is what sending answers from now on. */
typedef struct {
    aut_msg_t msgs[OUT_MAX];
    char *bodies[OUT_MAX];
    size_t sizes[OUT_MAX];
    aut_flight_t *flights[OUT_MAX]; /* while `hold` is set: bodies that ZeroMQ holds */
    size_t count, at;
    bool hold;
    char text[AUT_TEXT_MAX + 1]; /* of the last ERROR */
    int rc;
    const aut_peer_t *gone;
} wire_t;

static char dir[] = "/tmp/aut-artifact-XXXXXX";
static wire_t wire;
static aut_blobs_t *blobs;
static aut_artifact_server_t *server;
static const char *user = ""; /* whose messages the next ones are */
static const aut_peer_t peer_a = {.size = 5, .bytes = {0, 1, 2, 3, 4}};
static const aut_peer_t peer_b = {.size = 5, .bytes = {0, 9, 9, 9, 9}};

static int collect (void *ctx, const aut_peer_t *peer, const aut_msg_t *msg, void *body,
                    size_t body_size, aut_flight_t *flight)
{
    wire_t *self = ctx;
    if (self->gone && aut_peer_equal (peer, self->gone))
        return AUT_ERR_UNREACHABLE;
    if (self->rc)
        return self->rc;
    if (msg->type == AUT_MSG_PING)
        return 0;
    ck_assert_uint_lt (self->count, OUT_MAX);
    self->msgs[self->count] = *msg;
    if (msg->type == AUT_MSG_ERROR)
        aut_msg_clip (self->text, sizeof self->text, msg->error.message);
    self->bodies[self->count] = body;
    self->flights[self->count] = self->hold ? flight : NULL;
    if (!self->hold)
        aut_flight_land (flight);
    self->sizes[self->count++] = body_size;
    return 0;
}

static void setup (void)
{
    ck_assert_ptr_nonnull (mkdtemp (dir));
    ck_assert_int_eq (aut_blobs_open (&blobs, dir, 0), 0);
    const aut_artifact_limits_t limits = {.peer_transfers = 3,
                                          .transfers = 5,
                                          .account_queue = 4 * AUT_CHUNK,
                                          .queue = 6 * AUT_CHUNK};
    ck_assert_int_eq (aut_artifact_server_new (&server, blobs, &limits, collect, &wire), 0);
}

static void teardown (void)
{
    aut_artifact_server_destroy (&server);
    aut_blobs_destroy (&blobs);
    for (size_t i = 0; i < wire.count; i++) {
        aut_flight_land (wire.flights[i]);
        free (wire.bodies[i]);
    }
    aut_dir_remove (dir);
}

/*  The next message that the server sent, which must be of this type. */
static const aut_msg_t *expect (aut_msg_type_t type)
{
    ck_assert_msg (wire.at < wire.count, "nothing was sent, expected %s", aut_msg_name (type));
    const aut_msg_t *msg = &wire.msgs[wire.at++];
    ck_assert_msg (msg->type == type, "%s, expected %s: %s", aut_msg_name (msg->type),
                   aut_msg_name (type), msg->type == AUT_MSG_ERROR ? wire.text : "");
    return msg;
}

static void expect_error (int code)
{
    const aut_msg_t *msg = expect (AUT_MSG_ERROR);
    ck_assert_str_eq (msg->error.code, aut_error_text (code));
}

static void expect_nothing (void)
{
    ck_assert_msg (wire.at == wire.count, "%s", aut_msg_name (wire.msgs[wire.at].type));
}

static char *pattern (size_t size, unsigned seed)
{
    char *data = aut_realloc (NULL, 1, size ? size : 1);
    for (size_t i = 0; i < size; i++) {
        seed = seed * 1664525 + 1013904223;
        data[i] = (char)(seed >> 24);
    }
    return data;
}

static void put (const aut_peer_t *peer, uint64_t xfer, aut_hash_t hash, uint64_t size, int64_t now)
{
    aut_msg_t msg = {.type = AUT_MSG_PUT, .put = {xfer, hash, size}};
    aut_artifact_server_message (server, peer, user, &msg, NULL, 0, now);
}

static void data (const aut_peer_t *peer, uint64_t xfer, uint64_t offset, const char *bytes,
                  size_t size)
{
    aut_msg_t msg = {.type = AUT_MSG_DATA, .data = {.xfer = xfer, .offset = offset}};
    aut_artifact_server_message (server, peer, user, &msg, bytes, size, 0);
}

static void get (uint64_t xfer, aut_hash_t hash, uint64_t offset, uint64_t credit)
{
    aut_msg_t msg = {.type = AUT_MSG_GET, .get = {xfer, hash, offset, credit}};
    aut_artifact_server_message (server, &peer_a, user, &msg, NULL, 0, 0);
}

START_TEST (upload)
{
    size_t size = (2 << 20) + 5;
    char *bytes = pattern (size, 1);
    aut_hash_t hash = aut_hash_of (bytes, size);
    put (&peer_a, 1, hash, size, 0);
    const aut_msg_t *go = expect (AUT_MSG_GO);
    ck_assert_uint_eq (go->go.offset, 0);
    ck_assert_uint_eq (go->go.credit, size); /* never more than the blob */
    for (size_t at = 0; at < size; at += 1 << 20)
        data (&peer_a, 1, at, bytes + at, size - at < 1 << 20 ? size - at : 1 << 20);
    ck_assert (aut_hash_equal (&expect (AUT_MSG_STORED)->stored.hash, &hash));
    expect_nothing ();
    put (&peer_b, 7, hash, size, 0); /* known: one round trip, after a look at what is there */
    aut_artifact_server_tick (server, 0);
    expect (AUT_MSG_STORED);
    put (&peer_a, 2, aut_hash_of ("", 0), 0, 0);
    expect (AUT_MSG_STORED);
    ck_assert (aut_blobs_has (blobs, &hash, NULL));
    free (bytes);
}
END_TEST

START_TEST (credit_comes_back_and_is_checked)
{
    size_t size = AUT_WINDOW + (4 << 20), piece = 1 << 20;
    char *bytes = pattern (size, 2);
    put (&peer_a, 1, aut_hash_of (bytes, size), size, 0);
    ck_assert_uint_eq (expect (AUT_MSG_GO)->go.credit, AUT_WINDOW);
    data (&peer_a, 1, 0, bytes, piece);
    ck_assert_uint_eq (expect (AUT_MSG_CREDIT)->credit.bytes, piece);
    /* the peer reads nothing, so the next CREDIT waits, and what it may send runs out */
    wire.rc = AUT_ERR_AGAIN;
    size_t at = piece;
    for (; at < AUT_WINDOW + 2 * piece; at += piece)
        data (&peer_a, 1, at, bytes + at, piece);
    wire.rc = 0;
    aut_artifact_server_tick (server, 0);
    expect (AUT_MSG_CREDIT);
    wire.at = wire.count;
    data (&peer_a, 1, at, bytes + at, piece);
    aut_artifact_stats_t stats;
    aut_artifact_server_stats (server, &stats);
    ck_assert_uint_le (stats.received, AUT_WINDOW + 3 * piece);
    free (bytes);
}
END_TEST

START_TEST (beyond_credit_is_refused)
{
    size_t size = 3 * AUT_WINDOW, piece = 1 << 20;
    char *bytes = pattern (size, 3);
    put (&peer_a, 1, aut_hash_of (bytes, size), size, 0);
    expect (AUT_MSG_GO);
    wire.rc = AUT_ERR_AGAIN;
    for (size_t at = 0; at < size; at += piece)
        data (&peer_a, 1, at, bytes + at, piece);
    aut_artifact_stats_t stats;
    aut_artifact_server_stats (server, &stats);
    ck_assert_uint_le (stats.received, AUT_WINDOW + (2 << 20));
    wire.rc = 0;
    aut_artifact_server_tick (server, 0);
    expect_error (AUT_ERR_INVALID);
    ck_assert_ptr_nonnull (strstr (wire.text, "credit"));
    expect_nothing ();
    free (bytes);
}
END_TEST

START_TEST (wrong_offset_keeps_what_came)
{
    size_t size = 1000;
    char *bytes = pattern (size, 4);
    aut_hash_t hash = aut_hash_of (bytes, size);
    put (&peer_a, 1, hash, size, 0);
    expect (AUT_MSG_GO);
    data (&peer_a, 1, 0, bytes, 400);
    data (&peer_a, 1, 500, bytes + 500, 500);
    expect_error (AUT_ERR_STATE);
    aut_artifact_server_tick (server, 0);
    put (&peer_a, 2, hash, size, 0);
    ck_assert_uint_eq (expect (AUT_MSG_GO)->go.offset, 400);
    data (&peer_a, 2, 400, bytes + 400, 600);
    expect (AUT_MSG_STORED);
    free (bytes);
}
END_TEST

START_TEST (put_again_in_an_upload_goes_on)
{
    size_t size = 1000;
    char *bytes = pattern (size, 5);
    aut_hash_t hash = aut_hash_of (bytes, size);
    put (&peer_a, 1, hash, size, 0);
    expect (AUT_MSG_GO);
    data (&peer_a, 1, 0, bytes, 400);
    put (&peer_a, 1, hash, size, 0);
    ck_assert_uint_eq (expect (AUT_MSG_GO)->go.offset, 400);
    data (&peer_a, 1, 400, bytes + 400, 600);
    expect (AUT_MSG_STORED);
    free (bytes);
}
END_TEST

START_TEST (wrong_bytes_are_not_stored)
{
    size_t size = 1000;
    char *bytes = pattern (size, 6);
    aut_hash_t hash = aut_hash_of (bytes, size);
    put (&peer_a, 1, hash, size, 0);
    expect (AUT_MSG_GO);
    bytes[10] ^= 1;
    data (&peer_a, 1, 0, bytes, size);
    expect_error (AUT_ERR_CORRUPT);
    ck_assert (!aut_blobs_has (blobs, &hash, NULL));
    put (&peer_a, 2, hash, size, 0);
    ck_assert_uint_eq (expect (AUT_MSG_GO)->go.offset, 0);
    free (bytes);
}
END_TEST

START_TEST (data_without_put_and_strangers)
{
    data (&peer_a, 5, 0, "x", 1);
    expect_error (AUT_ERR_STATE);
    put (&peer_a, 1, aut_hash_of ("xy", 2), 2, 0);
    expect (AUT_MSG_GO);
    data (&peer_b, 1, 0, "x", 1); /* the number belongs to peer_a */
    expect_error (AUT_ERR_STATE);
    data (&peer_a, 1, 0, "", 0);
    expect_error (AUT_ERR_INVALID);
    aut_msg_t msg = {.type = AUT_MSG_CANCEL, .cancel = {1, "j1"}};
    aut_artifact_server_message (server, &peer_a, user, &msg, NULL, 0, 0);
    expect_error (AUT_ERR_UNSUPPORTED);
}
END_TEST

START_TEST (limits)
{
    for (uint64_t i = 1; i <= 3; i++) {
        put (&peer_a, i, aut_hash_of (&i, sizeof i), 100, 0);
        expect (AUT_MSG_GO);
    }
    put (&peer_a, 4, aut_hash_of ("4", 1), 100, 0);
    expect_error (AUT_ERR_AGAIN);
    for (uint64_t i = 4; i <= 5; i++) {
        put (&peer_b, i, aut_hash_of (&i, sizeof i), 100, 0);
        expect (AUT_MSG_GO);
    }
    put (&peer_b, 6, aut_hash_of ("6", 1), 100, 0);
    expect_error (AUT_ERR_AGAIN);
    aut_msg_t msg = {.type = AUT_MSG_CLOSE, .close = {4}};
    aut_artifact_server_message (server, &peer_b, user, &msg, NULL, 0, 0);
    put (&peer_b, 6, aut_hash_of ("6", 1), 100, 0);
    expect (AUT_MSG_GO);
    put (&peer_b, 7, aut_hash_of ("7", 1), UINT64_MAX, 0);
    expect_error (AUT_ERR_TOO_LARGE);
    aut_artifact_server_tick (server, 59000);
    aut_artifact_stats_t stats;
    aut_artifact_server_stats (server, &stats);
    ck_assert_uint_eq (stats.transfers, 5);
    aut_artifact_server_tick (server, 61000); /* nothing moved for a minute */
    aut_artifact_server_stats (server, &stats);
    ck_assert_uint_eq (stats.transfers, 0);
}
END_TEST

/*  A node that reconnects has a new name: it goes on where its old one stopped. */
START_TEST (reconnected_peer_takes_over)
{
    char *bytes = pattern (1000, 7);
    aut_hash_t hash = aut_hash_of (bytes, 1000);
    put (&peer_a, 1, hash, 1000, 0);
    expect (AUT_MSG_GO);
    data (&peer_a, 1, 0, bytes, 300);
    wire.gone = &peer_a;
    put (&peer_b, 1, hash, 1000, 100);
    ck_assert_uint_eq (expect (AUT_MSG_GO)->go.offset, 300);
    data (&peer_b, 1, 300, bytes + 300, 700);
    expect (AUT_MSG_STORED);
    free (bytes);
}
END_TEST

/*  Two nodes may upload the same blob at the same time. */
START_TEST (two_uploads_of_one_blob)
{
    char *bytes = pattern (1000, 8);
    aut_hash_t hash = aut_hash_of (bytes, 1000);
    put (&peer_a, 1, hash, 1000, 0);
    put (&peer_b, 1, hash, 1000, 0);
    expect (AUT_MSG_GO);
    ck_assert_uint_eq (expect (AUT_MSG_GO)->go.offset, 0);
    data (&peer_a, 1, 0, bytes, 1000);
    data (&peer_b, 1, 0, bytes, 1000);
    expect (AUT_MSG_STORED);
    expect (AUT_MSG_STORED);
    free (bytes);
}
END_TEST

static aut_hash_t store (const char *bytes, size_t size)
{
    aut_hash_t hash;
    ck_assert_int_eq (aut_blobs_put (blobs, &hash, bytes, size), 0);
    return hash;
}

/*  Takes one DATA and compares it; returns its size. */
static size_t expect_data (const char *bytes, uint64_t offset, bool last)
{
    size_t index = wire.at;
    const aut_msg_t *msg = expect (AUT_MSG_DATA);
    ck_assert_uint_eq (msg->data.offset, offset);
    ck_assert_int_eq (msg->data.last, last);
    ck_assert_mem_eq (wire.bodies[index], bytes + offset, wire.sizes[index]);
    return wire.sizes[index];
}

START_TEST (download)
{
    size_t size = AUT_CHUNK + 1100;
    char *bytes = pattern (size, 9);
    aut_hash_t hash = store (bytes, size);
    get (1, hash, 0, 1000);
    aut_artifact_server_tick (server, 0);
    ck_assert_uint_eq (expect_data (bytes, 0, false), 1000); /* no more than the credit */
    expect_nothing ();
    aut_artifact_server_tick (server, 0);
    expect_nothing ();
    aut_msg_t credit = {.type = AUT_MSG_CREDIT, .credit = {1, AUT_WINDOW}};
    aut_artifact_server_message (server, &peer_a, user, &credit, NULL, 0, 0);
    while (aut_artifact_server_tick (server, 0) == 0)
        ;
    ck_assert_uint_eq (expect_data (bytes, 1000, false), AUT_CHUNK);
    ck_assert_uint_eq (expect_data (bytes, 1000 + AUT_CHUNK, true), size - 1000 - AUT_CHUNK);
    get (2, hash, size - 5, AUT_WINDOW); /* resume */
    while (aut_artifact_server_tick (server, 0) == 0)
        ;
    ck_assert_uint_eq (expect_data (bytes, size - 5, true), 5);
    get (3, hash, size, AUT_WINDOW); /* all was there */
    while (aut_artifact_server_tick (server, 0) == 0)
        ;
    ck_assert_uint_eq (expect_data (bytes, size, true), 0);
    free (bytes);
}
END_TEST

START_TEST (download_refusals)
{
    aut_hash_t hash = store ("abc", 3), empty = store ("", 0);
    get (1, aut_hash_of ("unknown", 7), 0, 1);
    expect_error (AUT_ERR_NOT_FOUND);
    get (2, hash, 4, 1);
    expect_error (AUT_ERR_INVALID);
    get (3, empty, 0, 1);
    aut_artifact_server_tick (server, 0);
    ck_assert_uint_eq (expect_data ("", 0, true), 0);
    aut_msg_t credit = {.type = AUT_MSG_CREDIT, .credit = {99, 1}};
    aut_artifact_server_message (server, &peer_a, user, &credit, NULL, 0, 0);
    expect_error (AUT_ERR_STATE); /* so that a client learns of a restart */
}
END_TEST

START_TEST (full_socket_repeats_the_same_piece)
{
    char *bytes = pattern (1000, 10);
    aut_hash_t hash = store (bytes, 1000);
    get (1, hash, 0, 400);
    wire.rc = AUT_ERR_AGAIN;
    for (int i = 0; i < 3; i++)
        ck_assert_int_gt (aut_artifact_server_tick (server, 0), 0); /* no busy waiting */
    wire.rc = 0;
    aut_artifact_server_tick (server, 0);
    ck_assert_uint_eq (expect_data (bytes, 0, false), 400);
    expect_nothing ();
    wire.gone = &peer_a;
    aut_msg_t credit = {.type = AUT_MSG_CREDIT, .credit = {1, 400}};
    aut_artifact_server_message (server, &peer_a, user, &credit, NULL, 0, 0);
    aut_artifact_server_tick (server, 0);
    aut_artifact_server_tick (server, 0);
    aut_artifact_stats_t stats;
    aut_artifact_server_stats (server, &stats);
    ck_assert_uint_eq (stats.transfers, 0);
    free (bytes);
}
END_TEST

START_TEST (rotten_blob_is_not_finished)
{
    char hex[AUT_HASH_HEX], path[256], *bytes = pattern (AUT_CHUNK + 10, 11);
    aut_hash_t hash = store (bytes, AUT_CHUNK + 10);
    aut_hash_hex (&hash, hex);
    snprintf (path, sizeof path, "%s/%.2s/%s", dir, hex, hex + 2);
    FILE *file = fopen (path, "r+");
    ck_assert_ptr_nonnull (file);
    fputc (bytes[0] ^ 1, file);
    fclose (file);
    get (1, hash, 0, AUT_WINDOW);
    while (aut_artifact_server_tick (server, 0) == 0)
        ;
    ck_assert (!expect (AUT_MSG_DATA)->data.last);
    expect_error (AUT_ERR_CORRUPT);
    ck_assert (!aut_blobs_has (blobs, &hash, NULL)); /* moved aside */
    free (bytes);
}
END_TEST

int main (void)
{
    Suite *suite = suite_create ("artifact server");
    TCase *tc = tcase_create ("logic");
    tcase_set_timeout (tc, 60);
    tcase_add_checked_fixture (tc, setup, teardown);
    tcase_add_test (tc, upload);
    tcase_add_test (tc, credit_comes_back_and_is_checked);
    tcase_add_test (tc, beyond_credit_is_refused);
    tcase_add_test (tc, wrong_offset_keeps_what_came);
    tcase_add_test (tc, put_again_in_an_upload_goes_on);
    tcase_add_test (tc, wrong_bytes_are_not_stored);
    tcase_add_test (tc, data_without_put_and_strangers);
    tcase_add_test (tc, limits);
    tcase_add_test (tc, reconnected_peer_takes_over);
    tcase_add_test (tc, two_uploads_of_one_blob);
    tcase_add_test (tc, download);
    tcase_add_test (tc, download_refusals);
    tcase_add_test (tc, full_socket_repeats_the_same_piece);
    tcase_add_test (tc, rotten_blob_is_not_finished);
    suite_add_tcase (suite, tc);
    SRunner *runner = srunner_create (suite);
    srunner_run_all (runner, CK_ENV);
    int failed = srunner_ntests_failed (runner);
    srunner_free (runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
