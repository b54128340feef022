/*  Backups, without a broker: what is linked, kept, left out and refused. That one of a running
 *  broker can be gone on with is in test_broker_program.c and tests/cluster/backup.sh.
 */
#include "broker/broker.h"
#include "broker/store/store.h"
#include "lib/core/blob.h"
#include "lib/core/error.h"
#include "lib/core/file.h"
#include "lib/core/mem.h"

#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define BLOBS 5

static char *dir, *state, *to;
static aut_hash_t hashes[BLOBS];

static void begin (void)
{
    char path[] = "/tmp/auteur-backup-XXXXXX";
    ck_assert_ptr_nonnull (mkdtemp (path));
    dir = aut_strdup (path);
    state = aut_path_join (dir, "state", NULL);
    to = aut_path_join (dir, "copy", NULL);
    aut_store_t *store;
    aut_blobs_t *blobs;
    char *folder = aut_path_join (state, "blobs", NULL);
    ck_assert_int_eq (aut_store_open_sqlite (&store, state), 0);
    aut_store_destroy (&store);
    ck_assert_int_eq (aut_blobs_open (&blobs, folder, 0), 0);
    for (int i = 0; i < BLOBS; i++)
        ck_assert_int_eq (aut_blobs_put (blobs, &hashes[i], &i, sizeof i), 0);
    aut_blobs_destroy (&blobs);
    free (folder);
}

static void end (void)
{
    ck_assert_int_eq (aut_dir_remove (dir), 0);
    free (dir);
    free (state);
    free (to);
}

/*  Where a state folder has blob `i`. */
static char *blob_path (const char *folder, int i)
{
    char hex[2 * sizeof (aut_hash_t) + 1], shard[3] = "";
    for (size_t k = 0; k < sizeof hashes[i].bytes; k++)
        snprintf (hex + 2 * k, 3, "%02x", hashes[i].bytes[k]);
    memcpy (shard, hex, 2);
    return aut_path_join (folder, "blobs", shard, hex + 2, NULL);
}

static void damage (const char *folder, int i)
{
    char *path = blob_path (folder, i);
    int fd = open (path, O_WRONLY | O_CLOEXEC);
    ck_assert_int_ge (fd, 0);
    ck_assert_int_eq (pwrite (fd, "!!", 2, 0), 2);
    close (fd);
    free (path);
}

static struct stat look (const char *folder, int i)
{
    struct stat info;
    char *path = blob_path (folder, i);
    ck_assert_int_eq (stat (path, &info), 0);
    free (path);
    return info;
}

static void count (void *ctx, const aut_broker_copied_t *copied)
{
    ck_assert_uint_eq (copied->found, BLOBS);
    ++*(int *)ctx;
}

START_TEST (copies_all)
{
    aut_broker_copied_t copied;
    int calls = 0;
    char *ledger = aut_path_join (state, "uploads", NULL),
         *its = aut_path_join (to, "uploads", NULL);
    char *slashed = aut_sprintf ("%s//", to), *partial = aut_sprintf ("%s.partial", to);
    ck_assert_int_eq (aut_file_write (ledger, "x", 1), 0);
    ck_assert_int_eq (aut_broker_backup (state, slashed, NULL, count, &calls, &copied), 0);
    ck_assert_int_eq (calls, BLOBS);
    ck_assert_uint_eq (copied.copied, BLOBS);
    ck_assert_uint_eq (copied.bytes, BLOBS * sizeof (int));
    ck_assert (aut_file_exists (its));
    ck_assert (!aut_file_exists (partial));
    ck_assert_uint_ne (look (to, 0).st_ino, look (state, 0).st_ino); /* never a link to the state */
    ck_assert_uint_eq (look (to, 0).st_nlink, 1);
    struct stat info;
    ck_assert_int_eq (stat (to, &info), 0);
    ck_assert_uint_eq (info.st_mode & 0777, 0700);
    aut_store_t *store;
    ck_assert_int_eq (aut_store_open_sqlite (&store, to), 0);
    aut_store_destroy (&store);
    free (ledger);
    free (its);
    free (slashed);
    free (partial);
}
END_TEST

START_TEST (goes_on_where_it_was)
{
    aut_broker_copied_t copied;
    char *partial = aut_sprintf ("%s.partial", to),
         *database = aut_path_join (to, "auteur.db", NULL);
    /* What a run that was killed left: a whole blob, a damaged one, half a database. */
    ck_assert_int_eq (aut_broker_backup (state, partial, NULL, NULL, NULL, &copied), 0);
    damage (partial, 1);
    char *missing = blob_path (partial, 2), *half = aut_path_join (partial, "auteur.db", NULL);
    ck_assert_int_eq (unlink (missing), 0);
    ck_assert_int_eq (aut_file_write (half, "half", 4), 0);
    ck_assert_int_eq (aut_broker_backup (state, to, NULL, NULL, NULL, &copied), 0);
    ck_assert_uint_eq (copied.kept, BLOBS - 2);
    ck_assert_uint_eq (copied.copied, 2);
    struct stat info;
    ck_assert_int_eq (stat (database, &info), 0);
    ck_assert_int_gt (info.st_size, 4);
    free (missing);
    free (half);
    free (partial);
    free (database);
}
END_TEST

START_TEST (links_what_an_older_one_has)
{
    aut_broker_copied_t copied;
    char *next = aut_path_join (dir, "next", NULL), *nowhere = aut_path_join (dir, "none", NULL);
    ck_assert_int_eq (aut_broker_backup (state, to, NULL, NULL, NULL, &copied), 0);
    damage (to, 3); /* is noticed, and copied anew */
    ck_assert_int_eq (aut_broker_backup (state, next, to, NULL, NULL, &copied), 0);
    ck_assert_uint_eq (copied.linked, BLOBS - 1);
    ck_assert_uint_eq (copied.copied, 1);
    ck_assert_uint_eq (look (to, 0).st_ino, look (next, 0).st_ino);
    ck_assert_uint_ne (look (to, 3).st_ino, look (next, 3).st_ino);
    ck_assert_int_eq (aut_dir_remove (to), 0); /* the older one may go */
    ck_assert_uint_eq (look (next, 0).st_nlink, 1);
    ck_assert_int_eq (aut_broker_backup (state, to, nowhere, NULL, NULL, &copied),
                      AUT_ERR_NOT_FOUND);
    ck_assert (!aut_file_exists (to));
    free (next);
    free (nowhere);
}
END_TEST

START_TEST (leaves_damage_out)
{
    aut_broker_copied_t copied;
    damage (state, 4);
    ck_assert_int_eq (aut_broker_backup (state, to, NULL, NULL, NULL, &copied), 0);
    ck_assert_uint_eq (copied.damaged, 1);
    ck_assert_uint_eq (copied.copied, BLOBS - 1);
    char *path = blob_path (to, 4);
    ck_assert (!aut_file_exists (path));
    free (path);
}
END_TEST

START_TEST (refuses)
{
    aut_broker_copied_t copied;
    char *partial = aut_sprintf ("%s.partial", to), *empty = aut_path_join (dir, "empty", NULL);
    ck_assert_int_eq (aut_broker_backup (empty, to, NULL, NULL, NULL, &copied), AUT_ERR_NOT_FOUND);
    ck_assert (!aut_file_exists (partial) && !aut_file_exists (to));
    /* another one is being made */
    ck_assert_int_eq (aut_dir_make (partial), 0);
    int fd = open (partial, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    ck_assert_int_eq (flock (fd, LOCK_EX), 0);
    ck_assert_int_eq (aut_broker_backup (state, to, NULL, NULL, NULL, &copied), AUT_ERR_EXISTS);
    close (fd);
    ck_assert_int_eq (aut_dir_make (to), 0); /* an empty folder gives way */
    ck_assert_int_eq (aut_broker_backup (state, to, NULL, NULL, NULL, &copied), 0);
    ck_assert_int_eq (aut_broker_backup (state, to, NULL, NULL, NULL, &copied), AUT_ERR_EXISTS);
    ck_assert_ptr_nonnull (strstr (aut_error_detail (), "is not empty"));
    free (partial);
    free (empty);
}
END_TEST

int main (void)
{
    Suite *suite = suite_create ("backup");
    TCase *tc = tcase_create ("backup");
    tcase_set_timeout (tc, 120); /* every copy is synced */
    tcase_add_checked_fixture (tc, begin, end);
    tcase_add_test (tc, copies_all);
    tcase_add_test (tc, goes_on_where_it_was);
    tcase_add_test (tc, links_what_an_older_one_has);
    tcase_add_test (tc, leaves_damage_out);
    tcase_add_test (tc, refuses);
    suite_add_tcase (suite, tc);
    SRunner *runner = srunner_create (suite);
    srunner_run_all (runner, CK_NORMAL);
    int failed = srunner_ntests_failed (runner);
    srunner_free (runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
