/*  What one peer may do to the others' transfers through the artifact service's logic: nothing that
 *  matters. Turns, places, partial files and memory are shared out among keys.
 */
#include "lib/core/error.h"
#include "lib/core/file.h"
#include "lib/core/mem.h"
#include "proto/artifact.h"
#include "proto/artifact_server.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MIB ((size_t)1 << 20)
#define ROUND (8 * MIB) /* what is read of partial files in a round, by all */
#define LARGE (40 * MIB)
#define OUT_MAX 4096

/*  What the server sent. */
typedef struct {
    aut_msg_t msgs[OUT_MAX];
    aut_peer_t to[OUT_MAX];
    aut_flight_t *flights[OUT_MAX]; /* bodies that are not taken yet */
    char text[AUT_TEXT_MAX + 1];    /* of the last ERROR */
    size_t count;
    bool hold; /* nobody takes bodies */
} wire_t;

static char dir[] = "/tmp/aut-artifact-XXXXXX";
static wire_t wire;
static aut_blobs_t *blobs;
static aut_artifact_server_t *server;
static const aut_artifact_limits_t limits = {
    .peer_transfers = 3, .transfers = 12, .account_queue = 4 * AUT_CHUNK, .queue = 6 * AUT_CHUNK};

static int collect (void *ctx, const aut_peer_t *peer, const aut_msg_t *msg, void *body,
                    size_t body_size, aut_flight_t *flight)
{
    wire_t *self = ctx;
    (void)body_size;
    free (body);
    if (!self->hold)
        aut_flight_land (flight);
    if (msg->type == AUT_MSG_PING)
        return 0;
    ck_assert_uint_lt (self->count, OUT_MAX);
    if (msg->type == AUT_MSG_ERROR)
        aut_msg_clip (self->text, sizeof self->text, msg->error.message);
    self->flights[self->count] = self->hold ? flight : NULL;
    self->to[self->count] = *peer;
    self->msgs[self->count++] = *msg;
    return 0;
}

static void start (void)
{
    ck_assert_int_eq (aut_artifact_server_new (&server, blobs, &limits, collect, &wire), 0);
}

static void restart (void)
{
    aut_artifact_server_destroy (&server);
    start ();
}

static void setup (void)
{
    ck_assert_ptr_nonnull (mkdtemp (dir));
    ck_assert_int_eq (aut_blobs_open (&blobs, dir, 0), 0);
    start ();
}

static void teardown (void)
{
    aut_artifact_server_destroy (&server);
    aut_blobs_destroy (&blobs);
    for (size_t i = 0; i < wire.count; i++)
        aut_flight_land (wire.flights[i]);
    aut_dir_remove (dir);
}

/*  A connection of somebody with a key; "" for nobody's. */
typedef struct {
    aut_peer_t peer;
    const char *user;
} who_t;

static who_t who (const char *user, unsigned connection)
{
    who_t self = {.user = user};
    self.peer.size = 5;
    memcpy (self.peer.bytes + 1, &connection, sizeof connection);
    return self;
}

static void say (const who_t *from, const aut_msg_t *msg, const void *body, size_t size,
                 int64_t now)
{
    aut_artifact_server_message (server, &from->peer, from->user, msg, body, size, now);
}

static void put (const who_t *from, uint64_t xfer, aut_hash_t hash, uint64_t size)
{
    say (from, &(aut_msg_t){.type = AUT_MSG_PUT, .put = {xfer, hash, size}}, NULL, 0, 0);
}

static void data (const who_t *from, uint64_t xfer, uint64_t offset, const char *bytes, size_t size)
{
    say (from, &(aut_msg_t){.type = AUT_MSG_DATA, .data = {.xfer = xfer, .offset = offset}}, bytes,
         size, 0);
}

static void close_transfer (const who_t *from, uint64_t xfer)
{
    say (from, &(aut_msg_t){.type = AUT_MSG_CLOSE, .close = {xfer}}, NULL, 0, 0);
}

/*  How many messages of this type went to `to`; the last of them in `last` (may be NULL). */
static size_t heard (const who_t *to, aut_msg_type_t type, aut_msg_t *last)
{
    size_t count = 0;
    for (size_t i = 0; i < wire.count; i++)
        if (wire.msgs[i].type == type && aut_peer_equal (&wire.to[i], &to->peer)) {
            count++;
            if (last)
                *last = wire.msgs[i];
        }
    return count;
}

static char *pattern (size_t size, unsigned seed)
{
    char *bytes = aut_realloc (NULL, 1, size);
    for (size_t i = 0; i < size; i++) {
        seed = seed * 1664525 + 1013904223;
        bytes[i] = (char)(seed >> 24);
    }
    return bytes;
}

static aut_hash_t name_of (unsigned n)
{
    return aut_hash_of (&n, sizeof n);
}

/*  Sends `bytes` from 0 up to `end` as an upload that has begun, with the credit that comes. */
static void send_up_to (const who_t *from, uint64_t xfer, const char *bytes, size_t end)
{
    for (size_t at = 0; at < end; at += MIB)
        data (from, xfer, at, bytes + at, end - at < MIB ? end - at : MIB);
}

/*  Leaves most of a large upload behind, in a service that ends; then another one begins. */
static char *leave_large (const who_t *from, aut_hash_t *hash)
{
    char *bytes = pattern (LARGE, 1);
    *hash = aut_hash_of (bytes, LARGE);
    put (from, 1, *hash, LARGE);
    ck_assert_uint_eq (heard (from, AUT_MSG_GO, NULL), 1);
    send_up_to (from, 1, bytes, LARGE - MIB);
    restart ();
    return bytes;
}

/*  Going on with a large upload has it read again. Others are served meanwhile, and no round reads
 *  more than its share, however many ask for it. */
START_TEST (reading_again_holds_nobody_up)
{
    who_t large = who ("", 1), other = who ("", 2);
    aut_msg_t go;
    aut_hash_t hash;
    char *bytes = leave_large (&large, &hash);
    put (&large, 2, hash, LARGE);
    ck_assert_uint_eq (heard (&large, AUT_MSG_GO, NULL), 1); /* the old one: not at once */
    size_t rounds = 0;
    for (; heard (&large, AUT_MSG_GO, &go) < 2; rounds++) {
        char small[100];
        memset (small, (int)rounds, sizeof small);
        put (&other, 10 + rounds, aut_hash_of (small, sizeof small), sizeof small);
        ck_assert_uint_eq (heard (&other, AUT_MSG_GO, NULL), rounds + 1);
        data (&other, 10 + rounds, 0, small, sizeof small);
        ck_assert_uint_eq (heard (&other, AUT_MSG_STORED, NULL), rounds + 1);
        int wait = aut_artifact_server_tick (server, 0);
        if (heard (&large, AUT_MSG_GO, &go) < 2)
            ck_assert_int_eq (wait, 0); /* there is more to do */
        ck_assert_uint_lt (rounds, 100);
    }
    ck_assert_uint_ge (rounds, (LARGE - MIB) / ROUND);
    ck_assert_uint_eq (go.go.offset, LARGE - MIB);
    data (&large, 2, LARGE - MIB, bytes + LARGE - MIB, MIB);
    ck_assert_uint_eq (heard (&large, AUT_MSG_STORED, NULL), 1);

    /* a blob that is there is read before it is called stored, in slices, too */
    put (&other, 500, hash, LARGE);
    size_t before = heard (&other, AUT_MSG_STORED, NULL);
    for (rounds = 0; heard (&other, AUT_MSG_STORED, NULL) == before; rounds++)
        aut_artifact_server_tick (server, 0);
    ck_assert_uint_ge (rounds, LARGE / ROUND);
    free (bytes);
}
END_TEST

/*  Who closes and asks anew because it takes long, or loses its connection, does not begin at 0:
 *  otherwise a client with a second's patience would never get through. */
START_TEST (reading_again_goes_on_after_a_close)
{
    who_t large = who ("", 1);
    aut_hash_t hash;
    aut_msg_t go;
    char *bytes = leave_large (&large, &hash);
    size_t rounds = 0;
    for (; heard (&large, AUT_MSG_GO, &go) < 2; rounds++) {
        if (rounds)
            close_transfer (&large, rounds);
        large = rounds % 2 ? large : who ("", 1);
        put (&large, rounds + 1, hash, LARGE);
        aut_artifact_server_tick (server, 0);
        ck_assert_uint_lt (rounds, 20);
    }
    ck_assert_uint_eq (go.go.offset, LARGE - MIB);
    free (bytes);
}
END_TEST

/*  The partial file of one key is not touched by another that knows the hash: neither by a lie
 *  about the size, nor by wrong bytes, nor by waiting until the first is quiet. */
START_TEST (liars_spoil_no_partial)
{
    who_t honest = who ("honest", 1), liar = who ("liar", 2);
    aut_msg_t msg;
    char *bytes = pattern (4 * MIB, 2), *wrong = pattern (4 * MIB, 3);
    aut_hash_t hash = aut_hash_of (bytes, 4 * MIB);
    put (&honest, 1, hash, 4 * MIB);
    send_up_to (&honest, 1, bytes, 3 * MIB);
    for (int quiet = 0; quiet < 2; quiet++) { /* under way first, then left */
        for (unsigned i = 0; i < 2; i++) {
            aut_msg_t lie = {.type = AUT_MSG_PUT, .put = {10 + i, hash, i ? 4 * MIB : 1 * MIB}};
            say (&liar, &lie, NULL, 0, 5000);
            ck_assert_uint_eq (heard (&liar, AUT_MSG_GO, &msg), 1 + 2 * (size_t)quiet + i);
            if (!quiet)
                ck_assert_uint_eq (msg.go.offset, 0);
            data (&liar, 10 + i, msg.go.offset, wrong, MIB / 2);
            close_transfer (&liar, 10 + i);
        }
        if (!quiet) { /* it goes on as if nothing had been */
            data (&honest, 1, 3 * MIB, bytes + 3 * MIB, MIB / 2);
            ck_assert_uint_eq (heard (&honest, AUT_MSG_ERROR, NULL), 0);
            close_transfer (&honest, 1);
        }
    }
    put (&honest, 2, hash, 4 * MIB);
    ck_assert_uint_eq (heard (&honest, AUT_MSG_GO, &msg), 2);
    ck_assert_uint_eq (msg.go.offset, 3 * MIB + MIB / 2);
    data (&honest, 2, 3 * MIB + MIB / 2, bytes + 3 * MIB + MIB / 2, MIB / 2);
    ck_assert_uint_eq (heard (&honest, AUT_MSG_STORED, NULL), 1);
    put (&liar, 20, hash, MIB); /* and a wrong size is not confirmed */
    for (int i = 0; i < 3; i++)
        aut_artifact_server_tick (server, 0);
    ck_assert_uint_eq (heard (&liar, AUT_MSG_STORED, NULL), 0);
    ck_assert_ptr_nonnull (strstr (wire.text, "bytes, not"));
    free (bytes);
    free (wrong);
}
END_TEST

/*  Without keys the size alone tells partial files apart. */
START_TEST (another_size_is_another_partial)
{
    who_t honest = who ("", 1), liar = who ("", 2);
    aut_msg_t msg;
    char *bytes = pattern (3000, 2);
    aut_hash_t hash = aut_hash_of (bytes, 3000);
    put (&honest, 1, hash, 3000);
    data (&honest, 1, 0, bytes, 2000);
    restart ();                 /* nobody holds it open */
    put (&liar, 1, hash, 1000); /* less than is there */
    ck_assert_uint_eq (heard (&liar, AUT_MSG_GO, &msg), 1);
    ck_assert_uint_eq (msg.go.offset, 0);
    restart ();
    put (&honest, 2, hash, 3000);
    ck_assert_uint_eq (heard (&honest, AUT_MSG_GO, &msg), 2);
    ck_assert_uint_eq (msg.go.offset, 2000);
    free (bytes);
}
END_TEST

/*  A client that begins uploads for ever under new names: its own oldest go, others' stay. */
START_TEST (uploads_without_end_are_bounded)
{
    who_t honest = who ("honest", 1);
    char *bytes = pattern (10000, 4);
    uint64_t count, size, most = 0;
    aut_blobs_bound_partials (
        blobs, &(aut_partial_bounds_t){
                   .count = 60, .owner_count = 40, .bytes = 1000000, .owner_bytes = 200000});
    put (&honest, 1, name_of (0), 20000);
    data (&honest, 1, 0, bytes, 5000);
    close_transfer (&honest, 1);
    for (unsigned i = 1; i <= 300; i++) {
        who_t endless = who ("endless", 100 + i); /* new connections, too */
        put (&endless, i, name_of (i), 20000);
        data (&endless, i, 0, bytes, i % 2 ? 10000 : 100);
        if (i % 30) /* some stay under way */
            close_transfer (&endless, i);
        aut_artifact_server_tick (server, i * 100);
        aut_blobs_partial_stats (blobs, &count, &size);
        ck_assert_uint_le (count, 41);
        ck_assert_uint_le (size, 205000);
        most = count > most ? count : most;
    }
    ck_assert_uint_gt (most, 35); /* of parked ones alone there are 32 */
    ck_assert_uint_ge (heard (&honest, AUT_MSG_GO, NULL), 1);
    restart (); /* what is kept in memory goes */
    aut_msg_t msg;
    put (&honest, 2, name_of (0), 20000);
    aut_artifact_server_tick (server, 0);
    ck_assert_uint_eq (heard (&honest, AUT_MSG_GO, &msg), 2);
    ck_assert_uint_eq (msg.go.offset, 5000);
    free (bytes);
}
END_TEST

/*  What was left goes while the service runs, a file a second, and never one under way. */
START_TEST (left_uploads_are_swept)
{
    who_t peer = who ("", 1);
    uint64_t count, size;
    for (unsigned i = 1; i <= 3; i++) {
        put (&peer, i, name_of (i), 1000);
        data (&peer, i, 0, "0123456789", 10);
    }
    aut_blobs_bound_partials (blobs, &(aut_partial_bounds_t){.age_s = -10});
    for (int64_t now = 0; now < 60000; now += 500)
        aut_artifact_server_tick (server, now);
    aut_blobs_partial_stats (blobs, &count, &size);
    ck_assert_uint_eq (count, 3);
    for (int64_t now = 61000; now <= 121000; now += 1000) /* dropped, then let go */
        aut_artifact_server_tick (server, now);
    int64_t now = 122000;
    for (uint64_t before = 3; before; now += 500) {
        aut_artifact_server_tick (server, now);
        aut_blobs_partial_stats (blobs, &count, &size);
        ck_assert_uint_ge (count + 1, before);
        before = count;
        ck_assert_int_lt (now, 200000);
    }
}
END_TEST

/*  A key that takes all places gives one up to a newcomer, who has fewer. */
START_TEST (places_are_shared_out)
{
    aut_artifact_stats_t stats;
    who_t honest = who ("honest", 1);
    for (unsigned i = 0; i < limits.transfers; i++) {
        who_t greedy = who ("greedy", 10 + i / 3);
        put (&greedy, i + 1, name_of (i), 1000);
        ck_assert_uint_eq (heard (&greedy, AUT_MSG_GO, NULL), i % 3 + 1);
    }
    who_t more = who ("greedy", 99);
    put (&more, 1, name_of (99), 1000);
    ck_assert_uint_eq (heard (&more, AUT_MSG_GO, NULL), 0);
    ck_assert_uint_eq (heard (&more, AUT_MSG_ERROR, NULL), 1);
    for (unsigned i = 0; i < 3; i++)
        put (&honest, 1 + i, name_of (1000 + i), 1000);
    ck_assert_uint_eq (heard (&honest, AUT_MSG_GO, NULL), 3);
    aut_artifact_server_stats (server, &stats);
    ck_assert_uint_eq (stats.transfers, limits.transfers);
    who_t late = who ("greedy", 10); /* whose oldest was displaced: 9 to 3 */
    ck_assert_uint_ge (heard (&late, AUT_MSG_ERROR, NULL), 1);
}
END_TEST

static void get (const who_t *from, uint64_t xfer, aut_hash_t hash)
{
    say (from, &(aut_msg_t){.type = AUT_MSG_GET, .get = {xfer, hash, 0, AUT_WINDOW}}, NULL, 0, 0);
}

/*  Who asks for downloads and reads nothing fills a bounded queue, with any number of connections,
 *  also after closing the transfers, and others get theirs. */
START_TEST (queues_are_bounded)
{
    char *bytes = pattern (3 * MIB, 5);
    aut_hash_t hash;
    aut_artifact_stats_t stats;
    ck_assert_int_eq (aut_blobs_put (blobs, &hash, bytes, 3 * MIB), 0);
    wire.hold = true;
    for (unsigned i = 0; i < 50; i++) {
        who_t deaf = who ("deaf", i);
        for (uint64_t xfer = 1; xfer <= 2; xfer++) {
            get (&deaf, xfer, hash);
            aut_artifact_server_tick (server, 0);
            close_transfer (&deaf, xfer);
            aut_artifact_server_stats (server, &stats);
            ck_assert_uint_le (stats.queued, limits.account_queue);
        }
    }
    ck_assert_uint_eq (stats.queued, limits.account_queue);
    who_t slow = who ("slow", 100), honest = who ("honest", 101);
    get (&slow, 1, hash);
    for (int i = 0; i < 5; i++)
        aut_artifact_server_tick (server, 0);
    aut_artifact_server_stats (server, &stats);
    ck_assert_uint_eq (stats.queued, limits.queue);
    wire.hold = false; /* one who reads gets all of it, piece by piece */
    get (&honest, 1, hash);
    aut_msg_t last = {0};
    for (int i = 0; i < 20 && !last.data.last; i++) {
        ck_assert_int_ge (aut_artifact_server_tick (server, 0), 0);
        heard (&honest, AUT_MSG_DATA, &last);
    }
    ck_assert (last.data.last);
    free (bytes);
}
END_TEST

/*  Turns go round among keys: one with many downloads does not slow one with few down. */
START_TEST (turns_are_shared_out)
{
    char *bytes = pattern (6 * MIB, 6);
    aut_hash_t hash;
    who_t honest = who ("honest", 1);
    ck_assert_int_eq (aut_blobs_put (blobs, &hash, bytes, 6 * MIB), 0);
    for (unsigned i = 0; i < 9; i++) {
        who_t greedy = who ("greedy", 10 + i / 3);
        get (&greedy, i + 1, hash);
    }
    get (&honest, 1, hash);
    aut_artifact_server_tick (server, 0); /* 16 pieces */
    ck_assert_uint_eq (heard (&honest, AUT_MSG_DATA, NULL), 8);
    free (bytes);
}
END_TEST

int main (void)
{
    Suite *suite = suite_create ("artifact hostile");
    TCase *tc = tcase_create ("logic");
    tcase_set_timeout (tc, 120);
    tcase_add_checked_fixture (tc, setup, teardown);
    tcase_add_test (tc, reading_again_holds_nobody_up);
    tcase_add_test (tc, reading_again_goes_on_after_a_close);
    tcase_add_test (tc, liars_spoil_no_partial);
    tcase_add_test (tc, another_size_is_another_partial);
    tcase_add_test (tc, uploads_without_end_are_bounded);
    tcase_add_test (tc, left_uploads_are_swept);
    tcase_add_test (tc, places_are_shared_out);
    tcase_add_test (tc, queues_are_bounded);
    tcase_add_test (tc, turns_are_shared_out);
    suite_add_tcase (suite, tc);
    SRunner *runner = srunner_create (suite);
    srunner_run_all (runner, CK_ENV);
    int failed = srunner_ntests_failed (runner);
    srunner_free (runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
