/*  The order in which a blob reaches the disk, seen at the system calls: bytes, fsync of the file,
 *  rename, fsync of the folder; only then does a put say yes. The linker puts our functions between
 *  lib/core and the C library (--wrap).
 */
#include "lib/core/blob.h"
#include "lib/core/error.h"
#include "lib/core/file.h"
#include "lib/core/log.h"
#include "lib/core/mem.h"
#include "tests/core/support.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int __real_fsync (int fd);
int __real_rename (const char *from, const char *to);
ssize_t __real_write (int fd, const void *data, size_t size);
int __real_sync_file_range (int fd, off64_t from, off64_t size, unsigned flags);
int __wrap_fsync (int fd);
int __wrap_rename (const char *from, const char *to);
ssize_t __wrap_write (int fd, const void *data, size_t size);
int __wrap_sync_file_range (int fd, off64_t from, off64_t size, unsigned flags);

static char calls[64]; /* w(rite), p(ush out), f(sync file), r(ename), d(irectory sync) */
static char fail_call; /* the call that fails */
static int fail_errno;

static int note (char call)
{
    size_t len = strlen (calls);
    /* a large write comes in several calls */
    if (len + 1 < sizeof (calls) && !(call == 'w' && len > 0 && calls[len - 1] == 'w'))
        calls[len] = call;
    if (call != fail_call)
        return 0;
    errno = fail_errno;
    return -1;
}

int __wrap_fsync (int fd)
{
    struct stat st;
    char call = fstat (fd, &st) == 0 && S_ISDIR (st.st_mode) ? 'd' : 'f';
    return note (call) < 0 ? -1 : __real_fsync (fd);
}

int __wrap_rename (const char *from, const char *to)
{
    return note ('r') < 0 ? -1 : __real_rename (from, to);
}

ssize_t __wrap_write (int fd, const void *data, size_t size)
{
    if (fd <= STDERR_FILENO)
        return __real_write (fd, data, size);
    return note ('w') < 0 ? -1 : __real_write (fd, data, size);
}

static off64_t waited_to; /* the disk has what is before it */

int __wrap_sync_file_range (int fd, off64_t from, off64_t size, unsigned flags)
{
    if (flags & SYNC_FILE_RANGE_WAIT_AFTER && from == waited_to)
        waited_to += size;
    return note ('p') < 0 ? -1 : __real_sync_file_range (fd, from, size, flags);
}

static void watch (char failing, int number)
{
    memset (calls, 0, sizeof (calls));
    fail_call = failing;
    fail_errno = number;
}

static char *folder, *source;
static aut_blobs_t *blobs;
static aut_hash_t wanted;

static void setup (void)
{
    folder = make_folder ();
    source = aut_path_join (folder, "source", NULL);
    ck_assert_int_eq (aut_file_write (source, "abc", 3), 0);
    ck_assert_int_eq (aut_blobs_open (&blobs, folder, 0), 0);
    wanted = aut_hash_of ("abc", 3);
}

static void teardown (void)
{
    watch (0, 0);
    aut_blobs_destroy (&blobs);
    free (source);
    remove_folder (&folder);
}

static int by_put (void)
{
    aut_hash_t hash;
    return aut_blobs_put (blobs, &hash, "abc", 3);
}

static int by_put_file (void)
{
    aut_hash_t hash;
    uint64_t size;
    return aut_blobs_put_file (blobs, &hash, &size, source);
}

static int by_writer (void)
{
    aut_blob_writer_t *writer;
    int rc = aut_blob_writer_open (&writer, blobs, &wanted, 3);
    if (rc == 0 && aut_blob_writer_offset (writer) == 0)
        rc = aut_blob_writer_write (writer, "abc", 3);
    if (rc == 0)
        rc = aut_blob_writer_commit (writer);
    aut_blob_writer_destroy (&writer);
    return rc;
}

static int (*const ways[]) (void) = {by_put, by_put_file, by_writer};
#define WAYS (sizeof (ways) / sizeof (ways[0]))

START_TEST (bytes_before_the_name)
{
    watch (0, 0);
    ck_assert_int_eq (ways[_i](), 0);
    ck_assert_str_eq (calls, "wfrd");
    ck_assert (aut_blobs_has (blobs, &wanted, NULL));
}
END_TEST

START_TEST (a_second_put_waits_for_the_disk_too)
{
    ck_assert_int_eq (by_put (), 0);
    watch (0, 0);
    ck_assert_int_eq (ways[_i](), 0);
    ck_assert_ptr_nonnull (strstr (calls, "fd"));
    ck_assert_ptr_null (strchr (calls, 'r'));
}
END_TEST

static const struct {
    char call;
    int number, code;
    bool there; /* whether the name may exist afterwards */
} faults[] = {
    {'w', ENOSPC, AUT_ERR_NO_SPACE, false}, {'w', EIO, AUT_ERR_IO, false},
    {'f', EIO, AUT_ERR_IO, false},          {'f', ENOSPC, AUT_ERR_NO_SPACE, false},
    {'r', EIO, AUT_ERR_IO, false},          {'d', EIO, AUT_ERR_IO, true},
};
#define FAULTS (sizeof (faults) / sizeof (faults[0]))

START_TEST (a_failed_call_is_no_success)
{
    size_t way = (size_t)_i % WAYS, fault = (size_t)_i / WAYS;
    watch (faults[fault].call, faults[fault].number);
    ck_assert_int_eq (ways[way](), faults[fault].code);
    watch (0, 0);
    ck_assert_int_eq (aut_blobs_has (blobs, &wanted, NULL), faults[fault].there);
    ck_assert_int_eq (ways[way](), 0); /* and the store goes on */
    char *data;
    size_t size;
    ck_assert_int_eq (aut_blobs_read (blobs, &wanted, 3, &data, &size), 0);
    free (data);
}
END_TEST

/*  What is left for the commit's fsync does not grow with the blob; an error on the way, of which
 *  that fsync would not tell, ends the write. */
START_TEST (a_long_write_is_on_the_disk_but_for_its_end)
{
    const size_t size = 80 << 20, piece = 1 << 20;
    char *data = aut_calloc (1, size);
    aut_hash_t hash = aut_hash_of (data, size);
    aut_blob_writer_t *writer;
    for (int failing = 0; failing < 2; failing++) {
        int rc = 0;
        size_t at = 0;
        watch (failing ? 'p' : 0, EIO);
        waited_to = 0;
        ck_assert_int_eq (aut_blob_writer_open (&writer, blobs, &hash, size), 0);
        for (; rc == 0 && at < size; at += piece) {
            memset (calls, 0, sizeof calls);
            rc = aut_blob_writer_write (writer, data + at, piece);
            ck_assert_int_le ((int64_t)at - waited_to, 48 << 20);
        }
        if (!failing) {
            ck_assert_int_eq (rc, 0);
            ck_assert_int_eq (aut_blob_writer_commit (writer), 0);
            ck_assert_int_eq (aut_blobs_remove (blobs, &hash), 0);
        } else {
            ck_assert_int_eq (rc, AUT_ERR_IO);
            ck_assert_int_eq (aut_blob_writer_write (writer, data, 1), AUT_ERR_STATE);
            ck_assert (!aut_blobs_has_partial (blobs, &hash, size, ""));
        }
        aut_blob_writer_destroy (&writer);
    }
    free (data);
}
END_TEST

START_TEST (files_reach_the_disk_in_order)
{
    char *copy = aut_path_join (folder, "copy", NULL);
    watch (0, 0);
    ck_assert_int_eq (aut_file_write (source, "new", 3), 0);
    ck_assert_str_eq (calls, "wfrd");
    watch (0, 0);
    ck_assert_int_eq (aut_file_copy (source, copy), 0);
    ck_assert_str_eq (calls + strlen (calls) - 3, "frd"); /* a reflink writes nothing */
    free (copy);
}
END_TEST

int main (void)
{
    aut_log_setup (AUT_LOG_ERROR, AUT_LOG_TEXT);
    TCase *tests = tcase_create ("order");
    tcase_add_checked_fixture (tests, setup, teardown);
    tcase_add_loop_test (tests, bytes_before_the_name, 0, WAYS);
    tcase_add_loop_test (tests, a_second_put_waits_for_the_disk_too, 0, WAYS);
    tcase_add_loop_test (tests, a_failed_call_is_no_success, 0, (int)(WAYS * FAULTS));
    tcase_add_test (tests, a_long_write_is_on_the_disk_but_for_its_end);
    tcase_add_test (tests, files_reach_the_disk_in_order);
    return run_case (tests);
}
