/*  The ledger of uploads: what counts, for how long, and across a restart. */
#include "broker/ledger.h"

#include "lib/core/error.h"
#include "lib/core/file.h"
#include "proto/artifact_server.h"
#include "proto/keys.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char dir[] = "/tmp/aut-ledger-XXXXXX";
static aut_blobs_t *blobs;
static aut_ledger_t *ledger;
static aut_keypair_t pair, other;

static void setup (void)
{
    ck_assert_ptr_nonnull (mkdtemp (dir));
    ck_assert_int_eq (aut_blobs_open (&blobs, dir, 0), 0);
    ck_assert_int_eq (aut_ledger_open (&ledger, dir, blobs), 0);
    ck_assert_int_eq (aut_keypair_new (&pair), 0);
    ck_assert_int_eq (aut_keypair_new (&other), 0);
}

static void teardown (void)
{
    aut_ledger_close (&ledger);
    aut_blobs_destroy (&blobs);
    aut_dir_remove (dir);
}

static aut_hash_t name_of (unsigned n)
{
    return aut_hash_of (&n, sizeof n);
}

static int take (unsigned n, uint64_t size)
{
    aut_hash_t hash = name_of (n);
    return aut_ledger_take (ledger, pair.public_key, "somebody", &hash, size, 1000);
}

/*  Begins blob `n` for `key` and leaves it. */
static void begin (const char *key, unsigned n, uint64_t size)
{
    char owner[AUT_OWNER_SIZE];
    aut_hash_t hash = name_of (n);
    aut_blob_writer_t *writer;
    uint64_t budget = 1;
    aut_artifact_owner (owner, key);
    ck_assert_int_eq (aut_blob_writer_begin (&writer, blobs, &hash, size, owner), 0);
    ck_assert_int_eq (aut_blob_writer_prepare (writer, &budget), 0);
    ck_assert_int_eq (aut_blob_writer_write (writer, "x", 1), 0);
    aut_blob_writer_destroy (&writer);
}

/*  A restart does not give a client that begins and never ends its quota back. */
START_TEST (what_was_begun_counts_after_a_restart)
{
    ck_assert_int_eq (take (1, 400), 0);
    begin (pair.public_key, 1, 400);
    ck_assert_int_eq (take (2, 600), 0);
    begin (other.public_key, 2, 600); /* another's part is not this one's */
    ck_assert_uint_eq (aut_ledger_bytes (ledger, pair.public_key), 1000);
    for (int i = 0; i < 2; i++) {
        aut_ledger_close (&ledger);
        ck_assert_int_eq (aut_ledger_open (&ledger, dir, blobs), 0);
        ck_assert_uint_eq (aut_ledger_bytes (ledger, pair.public_key), 400);
    }
    ck_assert_int_eq (take (3, 601), AUT_ERR_NO_SPACE);
    ck_assert_int_eq (take (3, 600), 0);
}
END_TEST

/*  What was swept, or never came, makes room again when it is needed. */
START_TEST (what_is_given_up_makes_room)
{
    ck_assert_int_eq (take (1, 400), 0);
    begin (pair.public_key, 1, 400);
    ck_assert_int_eq (take (2, 600), 0);
    begin (pair.public_key, 2, 600);
    ck_assert_int_eq (take (3, 100), AUT_ERR_NO_SPACE);
    ck_assert_uint_eq (aut_ledger_bytes (ledger, pair.public_key), 1000);
    aut_blobs_bound_partials (blobs, &(aut_partial_bounds_t){.count = 1, .age_s = 1000});
    ck_assert (aut_blobs_sweep_partials (blobs)); /* one of them */
    ck_assert (!aut_blobs_sweep_partials (blobs));
    ck_assert_int_eq (take (3, 100), 0);
    uint64_t bytes = aut_ledger_bytes (ledger, pair.public_key);
    ck_assert (bytes == 500 || bytes == 700);
}
END_TEST

int main (void)
{
    Suite *suite = suite_create ("ledger");
    TCase *tc = tcase_create ("ledger");
    tcase_set_timeout (tc, 60);
    tcase_add_checked_fixture (tc, setup, teardown);
    tcase_add_test (tc, what_was_begun_counts_after_a_restart);
    tcase_add_test (tc, what_is_given_up_makes_room);
    suite_add_tcase (suite, tc);
    SRunner *runner = srunner_create (suite);
    srunner_run_all (runner, CK_ENV);
    int failed = srunner_ntests_failed (runner);
    srunner_free (runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
