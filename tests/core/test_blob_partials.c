/*  Writes that were begun and not finished: read in steps, apart by owner and size, bounded. */
#include "lib/core/blob.h"

#include "lib/core/error.h"
#include "lib/core/log.h"
#include "lib/core/mem.h"
#include "tests/core/support.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static char *folder;
static aut_blobs_t *blobs;

static void setup (void)
{
    aut_log_setup (AUT_LOG_ERROR, AUT_LOG_TEXT);
    folder = make_folder ();
    ck_assert_int_eq (aut_blobs_open (&blobs, folder, 0), 0);
}

static void teardown (void)
{
    aut_blobs_destroy (&blobs);
    remove_folder (&folder);
}

static void reopen (uint64_t capacity)
{
    aut_blobs_destroy (&blobs);
    ck_assert_int_eq (aut_blobs_open (&blobs, folder, capacity), 0);
}

/*  A blob of `size` bytes that depend on `n`. */
static char *make_bytes (size_t size, unsigned n)
{
    char *data = aut_calloc (size + 1, 1);
    for (size_t i = 0; i < size; i++)
        data[i] = (char)(i * 31 + n * 7 + (i >> 8) * 13);
    return data;
}

/*  Leaves `size` of 1000 bytes of a blob that nobody has, named by `n`. */
static aut_hash_t leave (const char *owner, unsigned n, size_t size)
{
    aut_hash_t hash = aut_hash_of (&n, sizeof n);
    aut_blob_writer_t *writer;
    uint64_t budget = 1;
    char *data = make_bytes (1000, n);
    ck_assert_int_eq (aut_blob_writer_begin (&writer, blobs, &hash, 1000, owner), 0);
    ck_assert_int_eq (aut_blob_writer_prepare (writer, &budget), 0);
    ck_assert_int_eq (aut_blob_writer_write (writer, data, size), 0);
    aut_blob_writer_destroy (&writer);
    free (data);
    return hash;
}

static void check_partials (uint64_t count, uint64_t bytes)
{
    uint64_t got_count, got_bytes;
    aut_blobs_partial_stats (blobs, &got_count, &got_bytes);
    ck_assert_uint_eq (got_count, count);
    ck_assert_uint_eq (got_bytes, bytes);
}

/*  What is there is read as far as the caller wants at a time, and nothing is lost between. */
START_TEST (prepares_in_steps)
{
    size_t size = 3 << 20, first = 2 << 20;
    char *data = make_bytes (size, 21);
    aut_hash_t hash = aut_hash_of (data, size);
    aut_blob_writer_t *writer;
    ck_assert_int_eq (aut_blob_writer_open (&writer, blobs, &hash, size), 0);
    ck_assert_int_eq (aut_blob_writer_write (writer, data, first), 0);
    aut_blob_writer_destroy (&writer);

    for (int known = 0; known < 2; known++) { /* first a partial file, then the whole blob */
        int steps = 0, rc = AUT_ERR_AGAIN;
        ck_assert_int_eq (aut_blob_writer_begin (&writer, blobs, &hash, size, ""), 0);
        for (; rc == AUT_ERR_AGAIN; steps++) {
            uint64_t budget = 100000, before = aut_blob_writer_offset (writer);
            rc = aut_blob_writer_prepare (writer, &budget);
            ck_assert_uint_le (budget, 100000);
            if (rc == AUT_ERR_AGAIN)
                ck_assert_uint_eq (aut_blob_writer_offset (writer) - before, 100000);
        }
        ck_assert_int_eq (rc, 0);
        ck_assert_int_ge (steps, (int)((known ? size : first) / 100000));
        ck_assert_uint_eq (aut_blob_writer_offset (writer), known ? size : first);
        if (!known)
            ck_assert_int_eq (aut_blob_writer_write (writer, data + first, size - first), 0);
        ck_assert_int_eq (aut_blob_writer_commit (writer), 0);
        aut_blob_writer_destroy (&writer);
    }
    free (data);
}
END_TEST

/*  Another size or another owner is another file: a lie touches nothing. */
START_TEST (nobody_spoils_what_another_began)
{
    aut_hash_t hash = aut_hash_of ("abcdef", 6);
    aut_blob_writer_t *writer;
    uint64_t budget = 100;
    ck_assert_int_eq (aut_blob_writer_open (&writer, blobs, &hash, 6), 0);
    ck_assert_int_eq (aut_blob_writer_write (writer, "abcd", 4), 0);
    aut_blob_writer_destroy (&writer);

    ck_assert_int_eq (aut_blob_writer_open (&writer, blobs, &hash, 2), 0); /* less than is there */
    ck_assert_uint_eq (aut_blob_writer_offset (writer), 0);
    aut_blob_writer_destroy (&writer);
    ck_assert_int_eq (aut_blob_writer_begin (&writer, blobs, &hash, 6, "0bad"), 0);
    ck_assert_int_eq (aut_blob_writer_prepare (writer, &budget), 0);
    ck_assert_uint_eq (aut_blob_writer_offset (writer), 0);
    ck_assert_int_eq (aut_blob_writer_write (writer, "XXXXX", 5), 0);
    aut_blob_writer_destroy (&writer);
    ck_assert (aut_blobs_has_partial (blobs, &hash, 6, "0bad"));
    ck_assert (!aut_blobs_has_partial (blobs, &hash, 6, "0"));

    ck_assert_int_eq (aut_blob_writer_open (&writer, blobs, &hash, 6), 0);
    ck_assert_uint_eq (aut_blob_writer_offset (writer), 4);
    ck_assert_int_eq (aut_blob_writer_write (writer, "ef", 2), 0);
    ck_assert_int_eq (aut_blob_writer_commit (writer), 0);
    aut_blob_writer_destroy (&writer);

    /* nor is anybody told that a blob has another size than it has */
    ck_assert_int_eq (aut_blob_writer_open (&writer, blobs, &hash, 7), AUT_ERR_INVALID);
    ck_assert_ptr_null (writer);
    ck_assert_int_eq (aut_blob_writer_begin (&writer, blobs, &hash, 6, "../x"), AUT_ERR_INVALID);
    ck_assert_int_eq (aut_blob_writer_begin (&writer, blobs, &hash, 6, "0123456789abcdef0"),
                      AUT_ERR_INVALID);
}
END_TEST

START_TEST (old_partials_go_while_running)
{
    char path[512], name[AUT_HASH_HEX + 32], hex[AUT_HASH_HEX];
    aut_hash_t old = leave ("", 1, 10), young = leave ("", 2, 10), busy = leave ("", 3, 10);
    aut_hash_t *const aged[] = {&old, &busy};
    for (size_t i = 0; i < 2; i++) {
        struct timespec when[2] = {{time (NULL) - 7200, 0}, {time (NULL) - 7200, 0}};
        snprintf (name, sizeof name, "%s.1000", aut_hash_hex (aged[i], hex));
        snprintf (path, sizeof path, "%s/partial/%s", folder, name);
        ck_assert_int_eq (utimensat (AT_FDCWD, path, when, 0), 0);
    }
    reopen (0); /* the times are read from the files */
    check_partials (3, 30);
    ck_assert (!aut_blobs_sweep_partials (blobs)); /* a week is not over */
    aut_blobs_bound_partials (blobs, &(aut_partial_bounds_t){.age_s = 3600});
    aut_blob_writer_t *writer, *other;
    ck_assert_int_eq (aut_blob_writer_open (&writer, blobs, &busy, 1000), 0);
    ck_assert (aut_blobs_sweep_partials (blobs));
    ck_assert (!aut_blobs_sweep_partials (blobs));
    ck_assert (!aut_blobs_has_partial (blobs, &old, 1000, ""));
    ck_assert (aut_blobs_has_partial (blobs, &young, 1000, ""));
    ck_assert (aut_blobs_has_partial (blobs, &busy, 1000, ""));
    check_partials (2, 20);
    ck_assert_int_eq (aut_blob_writer_open (&other, blobs, &busy, 1000), 0); /* a temp file */
    check_partials (3, 20);
    aut_blob_writer_destroy (&other);
    aut_blob_writer_destroy (&writer);
    check_partials (2, 20);
}
END_TEST

/*  A file that another process writes is not removed either, however old it looks. */
START_TEST (partials_of_other_processes_stay)
{
    aut_hash_t hash = leave ("", 1, 10);
    aut_blobs_t *theirs;
    aut_blob_writer_t *writer;
    ck_assert_int_eq (aut_blobs_open (&theirs, folder, 0), 0);
    ck_assert_int_eq (aut_blob_writer_open (&writer, theirs, &hash, 1000), 0);
    aut_blobs_bound_partials (blobs, &(aut_partial_bounds_t){.age_s = -10});
    ck_assert (!aut_blobs_sweep_partials (blobs));
    aut_blob_writer_destroy (&writer);
    ck_assert (aut_blobs_sweep_partials (blobs));
    aut_blobs_destroy (&theirs);
    ck_assert (!aut_blobs_has_partial (blobs, &hash, 1000, ""));
}
END_TEST

START_TEST (partials_are_bounded)
{
    aut_blobs_bound_partials (
        blobs,
        &(aut_partial_bounds_t){.count = 8, .owner_count = 4, .bytes = 5000, .owner_bytes = 3000});
    aut_hash_t honest = leave ("aa", 1000, 500);
    for (unsigned i = 0; i < 50; i++)
        leave ("bb", i, 100);
    check_partials (1 + 4, 500 + 400);
    for (unsigned i = 0; i < 50; i++)
        leave ("bb", i, 1000);
    check_partials (1 + 3, 500 + 3000);
    ck_assert (aut_blobs_has_partial (blobs, &honest, 1000, "aa"));

    /* what is being written does not go: there is no room for more */
    unsigned first = 2000, second = 2001;
    aut_hash_t a = aut_hash_of (&first, sizeof first), b = aut_hash_of (&second, sizeof second);
    aut_blob_writer_t *one, *two;
    uint64_t budget = 100;
    char *data = make_bytes (3000, 1);
    ck_assert_int_eq (aut_blob_writer_begin (&one, blobs, &a, 5000, "bb"), 0);
    ck_assert_int_eq (aut_blob_writer_begin (&two, blobs, &b, 5000, "bb"), 0);
    ck_assert_int_eq (aut_blob_writer_prepare (one, &budget), 0);
    ck_assert_int_eq (aut_blob_writer_prepare (two, &budget), 0);
    ck_assert_int_eq (aut_blob_writer_write (one, data, 2000), 0);
    check_partials (1 + 3, 500 + 3000);
    ck_assert_int_eq (aut_blob_writer_write (two, data, 1001), AUT_ERR_NO_SPACE);
    ck_assert_int_eq (aut_blob_writer_write (two, data, 1000), 0);
    check_partials (1 + 2, 500 + 3000);
    ck_assert_int_eq (aut_blob_writer_write (one, data, 1), AUT_ERR_NO_SPACE);
    aut_blob_writer_destroy (&two);
    ck_assert_int_eq (aut_blob_writer_write (one, data, 1), 0);
    aut_blob_writer_destroy (&one);
    check_partials (1 + 1, 500 + 2001);
    ck_assert (aut_blobs_has_partial (blobs, &honest, 1000, "aa"));
    reopen (0);
    check_partials (1 + 1, 500 + 2001);
    free (data);
}
END_TEST

int main (void)
{
    TCase *tests = tcase_create ("partials");
    tcase_add_checked_fixture (tests, setup, teardown);
    tcase_add_test (tests, prepares_in_steps);
    tcase_add_test (tests, nobody_spoils_what_another_began);
    tcase_add_test (tests, old_partials_go_while_running);
    tcase_add_test (tests, partials_of_other_processes_stay);
    tcase_add_test (tests, partials_are_bounded);
    return run_case (tests);
}
