/*  The blob store, mostly in the shapes that crashes, bad disks and full disks leave. */
#include "lib/core/blob.h"

#include "lib/core/error.h"
#include "lib/core/file.h"
#include "lib/core/log.h"
#include "lib/core/mem.h"
#include "tests/core/support.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
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
    ck_assert_ptr_null (blobs);
    remove_folder (&folder);
}

static void reopen (uint64_t capacity)
{
    aut_blobs_destroy (&blobs);
    ck_assert_int_eq (aut_blobs_open (&blobs, folder, capacity), 0);
}

static char *path_of (const aut_hash_t *hash)
{
    char hex[AUT_HASH_HEX];
    aut_hash_hex (hash, hex);
    return aut_sprintf ("%s/%.2s/%s", folder, hex, hex + 2);
}

static char *partial_of (const aut_hash_t *hash, size_t size)
{
    char hex[AUT_HASH_HEX];
    return aut_sprintf ("%s/partial/%s.%zu", folder, aut_hash_hex (hash, hex), size);
}

/*  A blob of `size` bytes that depend on `n`. */
static char *make_bytes (size_t size, unsigned n)
{
    char *data = aut_calloc (size + 1, 1);
    for (size_t i = 0; i < size; i++)
        data[i] = (char)(i * 31 + n * 7 + (i >> 8) * 13);
    return data;
}

static aut_hash_t put_bytes (size_t size, unsigned n)
{
    aut_hash_t hash;
    char *data = make_bytes (size, n);
    ck_assert_int_eq (aut_blobs_put (blobs, &hash, data, size), 0);
    free (data);
    return hash;
}

static void check_stats (uint64_t count, uint64_t bytes)
{
    uint64_t got_count = 0, got_bytes = 0;
    aut_blobs_stats (blobs, &got_count, &got_bytes);
    ck_assert_uint_eq (got_count, count);
    ck_assert_uint_eq (got_bytes, bytes);
}

START_TEST (puts_and_reads)
{
    aut_hash_t hash, again;
    uint64_t size = 0;
    char *data;
    size_t read_size;
    ck_assert_int_eq (aut_blobs_put (blobs, &hash, "abc", 3), 0);
    ck_assert_int_eq (aut_blobs_put (blobs, &again, "abc", 3), 0);
    ck_assert (aut_hash_equal (&hash, &again));
    check_stats (1, 3);
    ck_assert (aut_blobs_has (blobs, &hash, &size));
    ck_assert_uint_eq (size, 3);
    ck_assert_int_eq (aut_blobs_read (blobs, &hash, 3, &data, &read_size), 0);
    ck_assert_str_eq (data, "abc");
    free (data);
    ck_assert_int_eq (aut_blobs_read (blobs, &hash, 2, &data, &read_size), AUT_ERR_TOO_LARGE);

    int fd;
    char bytes[8] = "";
    ck_assert_int_eq (aut_blobs_open_read (blobs, &hash, &fd, &size), 0);
    ck_assert_int_eq (read (fd, bytes, 8), 3);
    ck_assert_str_eq (bytes, "abc");
    close (fd);

    char *path, *wanted = path_of (&hash);
    ck_assert_int_eq (aut_blobs_path (blobs, &hash, &path), 0);
    ck_assert_str_eq (path, wanted);
    aut_hash_t of_file;
    ck_assert_int_eq (aut_blobs_put_file (blobs, &of_file, &size, path), 0);
    ck_assert (aut_hash_equal (&of_file, &hash));
    free (path);
    free (wanted);

    ck_assert_int_eq (aut_blobs_remove (blobs, &hash), 0);
    ck_assert_int_eq (aut_blobs_remove (blobs, &hash), AUT_ERR_NOT_FOUND);
    ck_assert_int_eq (aut_blobs_open_read (blobs, &hash, &fd, &size), AUT_ERR_NOT_FOUND);
    ck_assert_int_eq (aut_blobs_read (blobs, &hash, 9, &data, &read_size), AUT_ERR_NOT_FOUND);
    check_stats (0, 0);
}
END_TEST

START_TEST (blobs_of_many_sizes)
{
    static const size_t sizes[] = {0, 1, 4096, 256 * 1024, 256 * 1024 + 1, 3 << 20};
    char *source = aut_path_join (folder, "source", NULL);
    for (size_t i = 0; i < sizeof (sizes) / sizeof (sizes[0]); i++) {
        char *data = make_bytes (sizes[i], (unsigned)i), *back;
        aut_hash_t hash;
        uint64_t size;
        size_t read_size;
        ck_assert_int_eq (aut_file_write (source, data, sizes[i]), 0);
        ck_assert_int_eq (aut_blobs_put_file (blobs, &hash, &size, source), 0);
        ck_assert_uint_eq (size, sizes[i]);
        ck_assert_int_eq (aut_blobs_read (blobs, &hash, 4 << 20, &back, &read_size), 0);
        ck_assert_uint_eq (read_size, sizes[i]);
        ck_assert_int_eq (memcmp (back, data, sizes[i]), 0);
        free (back);
        free (data);
    }
    free (source);
}
END_TEST

START_TEST (survives_a_reopen)
{
    aut_hash_t a = put_bytes (10, 1);
    put_bytes (20, 2);
    reopen (0);
    check_stats (2, 30);
    ck_assert (aut_blobs_has (blobs, &a, NULL));
}
END_TEST

/*  How a blob can be damaged on disk. */
static const struct {
    const char *name;
    long truncate_to, flip_at;
} damages[] = {
    {"flipped bit", -1, 500000}, {"cut", 12345, -1}, {"empty", 0, -1}, {"longer", 700000, -1}};

START_TEST (damage_is_never_returned)
{
    aut_hash_t hash = put_bytes (600000, 3);
    char *path = path_of (&hash), *data;
    size_t size;
    uint64_t bytes;
    int fd = open (path, O_RDWR);
    if (damages[_i].truncate_to >= 0)
        ck_assert_int_eq (ftruncate (fd, damages[_i].truncate_to), 0);
    if (damages[_i].flip_at >= 0) {
        char byte;
        ck_assert_int_eq (pread (fd, &byte, 1, damages[_i].flip_at), 1);
        byte ^= 4;
        ck_assert_int_eq (pwrite (fd, &byte, 1, damages[_i].flip_at), 1);
    }
    close (fd);

    if (_i % 2 == 0)
        ck_assert_int_eq (aut_blobs_open_read (blobs, &hash, &fd, &bytes), AUT_ERR_CORRUPT);
    else
        ck_assert_int_eq (aut_blobs_read (blobs, &hash, 1 << 20, &data, &size), AUT_ERR_CORRUPT);
    ck_assert (!aut_blobs_has (blobs, &hash, NULL));
    check_stats (0, 0);
    char hex[AUT_HASH_HEX];
    char *aside = aut_sprintf ("%s/corrupt/%s", folder, aut_hash_hex (&hash, hex));
    ck_assert (aut_file_exists (aside));
    ck_assert_int_eq (aut_blobs_open_read (blobs, &hash, &fd, &bytes), AUT_ERR_NOT_FOUND);

    put_bytes (600000, 3); /* heals */
    ck_assert_int_eq (aut_blobs_open_read (blobs, &hash, &fd, &bytes), 0);
    close (fd);
    free (aside);
    free (path);
}
END_TEST

START_TEST (a_put_replaces_a_damaged_blob)
{
    aut_hash_t hash = put_bytes (1000, 4);
    char *path = path_of (&hash), *data;
    size_t size;
    ck_assert_int_eq (truncate (path, 10), 0);
    put_bytes (1000, 4);
    ck_assert_int_eq (aut_blobs_read (blobs, &hash, 2000, &data, &size), 0);
    ck_assert_uint_eq (size, 1000);
    check_stats (1, 1000);
    free (data);
    free (path);
}
END_TEST

START_TEST (orphans_are_swept_and_partials_kept)
{
    char *orphan = aut_path_join (folder, "tmp", "99999-1", NULL);
    char *young = aut_path_join (folder, "tmp", "99999-2", NULL);
    aut_hash_t hash = aut_hash_of ("abcdef", 6);
    char *partial = partial_of (&hash, 6);
    struct timespec old[2] = {{time (NULL) - 3600, 0}, {time (NULL) - 3600, 0}};
    ck_assert_int_eq (aut_file_write (orphan, "x", 1), 0);
    ck_assert_int_eq (aut_file_write (young, "x", 1), 0);
    ck_assert_int_eq (aut_file_write (partial, "abc", 3), 0);
    ck_assert_int_eq (utimensat (AT_FDCWD, orphan, old, 0), 0);
    ck_assert_int_eq (utimensat (AT_FDCWD, partial, old, 0), 0);
    reopen (0);
    ck_assert (!aut_file_exists (orphan));
    ck_assert (aut_file_exists (young));
    ck_assert (aut_file_exists (partial));
    check_stats (0, 0);
    old[0].tv_sec = old[1].tv_sec = time (NULL) - 30 * 24 * 3600;
    ck_assert_int_eq (utimensat (AT_FDCWD, partial, old, 0), 0);
    reopen (0);
    ck_assert (!aut_file_exists (partial));
    free (partial);
    free (young);
    free (orphan);
}
END_TEST

/* ---- resumable writes -------------------------------------------------------------------------
 */

START_TEST (resumes_where_it_stopped)
{
    size_t size = 700000, first = 300001;
    char *data = make_bytes (size, 5), *back;
    aut_hash_t hash = aut_hash_of (data, size);
    aut_blob_writer_t *writer;
    ck_assert_int_eq (aut_blob_writer_open (&writer, blobs, &hash, size), 0);
    ck_assert_uint_eq (aut_blob_writer_offset (writer), 0);
    ck_assert_int_eq (aut_blob_writer_write (writer, data, first), 0);
    ck_assert_int_eq (aut_blob_writer_commit (writer), AUT_ERR_STATE);
    aut_blob_writer_destroy (&writer);
    ck_assert_ptr_null (writer);
    ck_assert (!aut_blobs_has (blobs, &hash, NULL));

    reopen (0);
    ck_assert_int_eq (aut_blob_writer_open (&writer, blobs, &hash, size), 0);
    ck_assert_uint_eq (aut_blob_writer_offset (writer), first);
    ck_assert_int_eq (aut_blob_writer_write (writer, data, size), AUT_ERR_INVALID);
    ck_assert_int_eq (aut_blob_writer_write (writer, data + first, size - first), 0);
    ck_assert_int_eq (aut_blob_writer_commit (writer), 0);
    ck_assert_int_eq (aut_blob_writer_commit (writer), 0);
    aut_blob_writer_destroy (&writer);

    size_t got;
    ck_assert_int_eq (aut_blobs_read (blobs, &hash, size, &back, &got), 0);
    ck_assert_int_eq (memcmp (back, data, size), 0);
    check_stats (1, size);
    char *partial = partial_of (&hash, size);
    ck_assert (!aut_file_exists (partial));

    /* what is there already needs no bytes */
    ck_assert_int_eq (aut_blob_writer_open (&writer, blobs, &hash, size), 0);
    ck_assert_uint_eq (aut_blob_writer_offset (writer), size);
    ck_assert_int_eq (aut_blob_writer_commit (writer), 0);
    aut_blob_writer_destroy (&writer);
    free (partial);
    free (back);
    free (data);
}
END_TEST

START_TEST (wrong_bytes_are_not_kept)
{
    aut_hash_t hash = aut_hash_of ("abcdef", 6);
    aut_blob_writer_t *writer;
    ck_assert_int_eq (aut_blob_writer_open (&writer, blobs, &hash, 6), 0);
    ck_assert_int_eq (aut_blob_writer_write (writer, "abcdeX", 6), 0);
    ck_assert_int_eq (aut_blob_writer_commit (writer), AUT_ERR_CORRUPT);
    ck_assert_int_eq (aut_blob_writer_commit (writer), AUT_ERR_STATE);
    aut_blob_writer_destroy (&writer);
    ck_assert (!aut_blobs_has (blobs, &hash, NULL));
    ck_assert_int_eq (aut_blob_writer_open (&writer, blobs, &hash, 6), 0);
    ck_assert_uint_eq (aut_blob_writer_offset (writer), 0);
    aut_blob_writer_destroy (&writer);
}
END_TEST

START_TEST (a_partial_of_another_length_starts_anew)
{
    /* what a power cut can leave: more bytes than the blob has, or zeros */
    aut_hash_t hash = aut_hash_of ("abcdef", 6);
    char *partial = partial_of (&hash, 6);
    aut_blob_writer_t *writer;
    ck_assert_int_eq (aut_file_write (partial, "abcdefghi", 9), 0);
    ck_assert_int_eq (aut_blob_writer_open (&writer, blobs, &hash, 6), 0);
    ck_assert_uint_eq (aut_blob_writer_offset (writer), 0);
    ck_assert_int_eq (aut_blob_writer_write (writer, "abcdef", 6), 0);
    ck_assert_int_eq (aut_blob_writer_commit (writer), 0);
    aut_blob_writer_destroy (&writer);
    check_stats (1, 6);

    ck_assert_int_eq (aut_blobs_remove (blobs, &hash), 0);
    ck_assert_int_eq (aut_file_write (partial, "\0\0\0", 3), 0);
    ck_assert_int_eq (aut_blob_writer_open (&writer, blobs, &hash, 6), 0);
    ck_assert_uint_eq (aut_blob_writer_offset (writer), 3);
    ck_assert_int_eq (aut_blob_writer_write (writer, "def", 3), 0);
    ck_assert_int_eq (aut_blob_writer_commit (writer), AUT_ERR_CORRUPT);
    aut_blob_writer_destroy (&writer);
    ck_assert (!aut_file_exists (partial));
    free (partial);
}
END_TEST

START_TEST (two_writers_of_one_blob)
{
    aut_hash_t hash = aut_hash_of ("abcdef", 6);
    aut_blob_writer_t *one, *two;
    ck_assert_int_eq (aut_blob_writer_open (&one, blobs, &hash, 6), 0);
    ck_assert_int_eq (aut_blob_writer_write (one, "abc", 3), 0);
    ck_assert_int_eq (aut_blob_writer_open (&two, blobs, &hash, 6), 0);
    ck_assert_uint_eq (aut_blob_writer_offset (two), 0);
    ck_assert_int_eq (aut_blob_writer_write (two, "abcdef", 6), 0);
    ck_assert_int_eq (aut_blob_writer_commit (two), 0);
    ck_assert_int_eq (aut_blob_writer_write (one, "def", 3), 0);
    ck_assert_int_eq (aut_blob_writer_commit (one), 0);
    aut_blob_writer_destroy (&one);
    aut_blob_writer_destroy (&two);
    check_stats (1, 6);
}
END_TEST

START_TEST (killed_in_the_middle)
{
    size_t size = 1 << 20;
    char *data = make_bytes (size, 6);
    aut_hash_t hash = aut_hash_of (data, size);
    int ready[2];
    ck_assert_int_eq (pipe (ready), 0);
    pid_t pid = fork ();
    if (pid == 0) {
        aut_blob_writer_t *writer;
        if (aut_blob_writer_open (&writer, blobs, &hash, size) != 0 ||
            aut_blob_writer_write (writer, data, size / 2) != 0 || write (ready[1], "x", 1) != 1)
            _exit (1);
        pause ();
        _exit (1);
    }
    char byte;
    ck_assert_int_eq (read (ready[0], &byte, 1), 1);
    kill (pid, SIGKILL);
    waitpid (pid, NULL, 0);
    close (ready[0]);
    close (ready[1]);

    aut_blob_writer_t *writer;
    ck_assert (!aut_blobs_has (blobs, &hash, NULL));
    ck_assert_int_eq (aut_blob_writer_open (&writer, blobs, &hash, size), 0);
    ck_assert_uint_eq (aut_blob_writer_offset (writer), size / 2);
    ck_assert_int_eq (aut_blob_writer_write (writer, data + size / 2, size / 2), 0);
    ck_assert_int_eq (aut_blob_writer_commit (writer), 0);
    aut_blob_writer_destroy (&writer);
    free (data);
}
END_TEST

/* ---- full disks -------------------------------------------------------------------------------
 */

START_TEST (a_write_that_fails_leaves_nothing)
{
    size_t size = 1 << 20;
    char *data = make_bytes (size, 7);
    aut_hash_t hash = aut_hash_of (data, size), got;
    aut_blob_writer_t *writer;
    signal (SIGXFSZ, SIG_IGN);
    ck_assert_int_eq (aut_blob_writer_open (&writer, blobs, &hash, size), 0);
    ck_assert_int_eq (aut_blob_writer_write (writer, data, 1000), 0);
    setrlimit (RLIMIT_FSIZE, &(struct rlimit){300000, RLIM_INFINITY});
    ck_assert_int_ne (aut_blobs_put (blobs, &got, data, size), 0);
    ck_assert_int_ne (aut_blob_writer_write (writer, data + 1000, size - 1000), 0);
    setrlimit (RLIMIT_FSIZE, &(struct rlimit){RLIM_INFINITY, RLIM_INFINITY});
    ck_assert (!aut_blobs_has (blobs, &hash, NULL));
    check_stats (0, 0);

    /* the writer goes on from where it was when there is room again */
    ck_assert_uint_eq (aut_blob_writer_offset (writer), 1000);
    ck_assert_int_eq (aut_blob_writer_write (writer, data + 1000, size - 1000), 0);
    ck_assert_int_eq (aut_blob_writer_commit (writer), 0);
    aut_blob_writer_destroy (&writer);
    check_stats (1, size);
    char *tmp = aut_path_join (folder, "tmp", NULL);
    ck_assert_int_eq (rmdir (tmp), 0); /* empty */
    free (tmp);
    free (data);
}
END_TEST

START_TEST (a_full_disk_says_so)
{
    char *small = aut_path_join (folder, "small", NULL);
    ck_assert_int_eq (aut_dir_make (small), 0);
    if (mount ("tmpfs", small, "tmpfs", 0, "size=2m") != 0) {
        free (small); /* only root may mount */
        return;
    }
    aut_blobs_t *store;
    aut_hash_t hash;
    char *data = make_bytes (3 << 20, 8);
    int rc = aut_blobs_open (&store, small, 0);
    if (rc == 0) {
        rc = aut_blobs_put (store, &hash, data, 3 << 20);
        ck_assert (!aut_blobs_has (store, &hash, NULL));
        ck_assert_int_eq (aut_blobs_put (store, &hash, data, 1 << 19), 0);
        aut_blobs_destroy (&store);
    }
    umount2 (small, MNT_DETACH);
    ck_assert_int_eq (rc, AUT_ERR_NO_SPACE);
    free (data);
    free (small);
}
END_TEST

/* ---- eviction ---------------------------------------------------------------------------------
 */

START_TEST (evicts_by_last_use)
{
    reopen (3000);
    aut_hash_t a = put_bytes (1000, 1), b = put_bytes (1000, 2), c = put_bytes (1000, 3);
    int fd;
    ck_assert_int_eq (aut_blobs_open_read (blobs, &a, &fd, NULL), 0);
    aut_hash_t d = put_bytes (1000, 4);
    ck_assert (!aut_blobs_has (blobs, &b, NULL));
    ck_assert (aut_blobs_has (blobs, &a, NULL));
    check_stats (3, 3000);

    /* a reader keeps what it has open */
    put_bytes (3000, 5);
    ck_assert (!aut_blobs_has (blobs, &a, NULL));
    ck_assert (!aut_blobs_has (blobs, &c, NULL));
    ck_assert (!aut_blobs_has (blobs, &d, NULL));
    char *data = make_bytes (1000, 1), back[1000];
    ck_assert_int_eq (read (fd, back, 1000), 1000);
    ck_assert_int_eq (memcmp (data, back, 1000), 0);
    close (fd);
    free (data);

    /* the newest stays, even if it alone is too much */
    aut_hash_t large = put_bytes (5000, 6);
    ck_assert (aut_blobs_has (blobs, &large, NULL));
    check_stats (1, 5000);
}
END_TEST

START_TEST (last_use_survives_a_reopen)
{
    reopen (3000);
    aut_hash_t hashes[3];
    for (unsigned i = 0; i < 3; i++) {
        hashes[i] = put_bytes (1000, i);
        char *path = path_of (&hashes[i]);
        struct timespec when[2] = {{1000000 + i, 0}, {1000000 + i, 0}};
        ck_assert_int_eq (utimensat (AT_FDCWD, path, when, 0), 0);
        free (path);
    }
    char *data;
    size_t size;
    ck_assert_int_eq (aut_blobs_read (blobs, &hashes[0], 1000, &data, &size), 0);
    free (data);
    reopen (3000);
    put_bytes (1000, 9);
    ck_assert (aut_blobs_has (blobs, &hashes[0], NULL));
    ck_assert (!aut_blobs_has (blobs, &hashes[1], NULL));
    ck_assert (aut_blobs_has (blobs, &hashes[2], NULL));
}
END_TEST

START_TEST (pinned_blobs_stay)
{
    reopen (2000);
    char *data = make_bytes (1000, 1);
    aut_hash_t a = aut_hash_of (data, 1000);
    free (data);
    aut_blobs_pin (blobs, &a); /* before it is there */
    aut_blobs_pin (blobs, &a);
    put_bytes (1000, 1);
    for (unsigned i = 2; i < 6; i++)
        put_bytes (1000, i);
    ck_assert (aut_blobs_has (blobs, &a, NULL));
    check_stats (2, 2000);
    aut_blobs_unpin (blobs, &a);
    put_bytes (1000, 7);
    ck_assert (aut_blobs_has (blobs, &a, NULL));
    aut_blobs_unpin (blobs, &a);
    aut_blobs_unpin (blobs, &a); /* once too often is harmless */
    put_bytes (1000, 8);
    put_bytes (1000, 9);
    ck_assert (!aut_blobs_has (blobs, &a, NULL));
    check_stats (2, 2000);
}
END_TEST

/* ---- threads ----------------------------------------------------------------------------------
 */

#define THREADS 4

static void *hammer (void *arg)
{
    unsigned seed = (unsigned)(uintptr_t)arg;
    uintptr_t faults = 0;
    for (unsigned i = 0; i < 60; i++) {
        unsigned n = (i * 7 + seed * 3) % 12;
        size_t size = 2000 + n, got;
        char *data = make_bytes (size, n), *back = NULL;
        aut_hash_t hash;
        faults += aut_blobs_put (blobs, &hash, data, size) != 0;
        int rc = aut_blobs_read (blobs, &hash, size, &back, &got);
        /* another thread may have evicted it meanwhile; damage there must not be */
        if (rc == 0)
            faults += got != size || memcmp (back, data, size) != 0;
        else
            faults += rc != AUT_ERR_NOT_FOUND;
        free (back);
        free (data);
    }
    return (void *)faults;
}

/*  As a node does with a task's inputs: what is pinned and then put or found stays there. */
static void *hammer_pinned (void *arg)
{
    unsigned seed = (unsigned)(uintptr_t)arg;
    uintptr_t faults = 0;
    for (unsigned i = 0; i < 200; i++) {
        unsigned n = (i * 5 + seed * 3) % 7;
        char *data = make_bytes (2000 + n, n), *path = NULL;
        aut_hash_t hash = aut_hash_of (data, 2000 + n);
        aut_blobs_pin (blobs, &hash);
        faults += aut_blobs_put (blobs, &hash, data, 2000 + n) != 0;
        faults += aut_blobs_path (blobs, &hash, &path) != 0;
        faults += path == NULL || access (path, R_OK) != 0;
        aut_blobs_unpin (blobs, &hash);
        free (path);
        free (data);
    }
    return (void *)faults;
}

START_TEST (threads_pin_what_others_evict)
{
    pthread_t threads[THREADS];
    reopen (3000);
    for (uintptr_t i = 0; i < THREADS; i++)
        ck_assert_int_eq (pthread_create (&threads[i], NULL, hammer_pinned, (void *)i), 0);
    for (size_t i = 0; i < THREADS; i++) {
        void *faults = NULL;
        pthread_join (threads[i], &faults);
        ck_assert_ptr_null (faults);
    }
}
END_TEST

START_TEST (threads_share_a_handle)
{
    pthread_t threads[THREADS];
    reopen (12000);
    for (uintptr_t i = 0; i < THREADS; i++)
        ck_assert_int_eq (pthread_create (&threads[i], NULL, hammer, (void *)i), 0);
    for (size_t i = 0; i < THREADS; i++) {
        void *faults = NULL;
        pthread_join (threads[i], &faults);
        ck_assert_ptr_null (faults);
    }
    uint64_t bytes;
    aut_blobs_stats (blobs, NULL, &bytes);
    ck_assert_uint_le (bytes, 12000);
}
END_TEST

START_TEST (an_unusable_folder_is_told)
{
    aut_blobs_t *store = blobs;
    ck_assert_int_ne (aut_blobs_open (&store, "/proc/nowhere/blobs", 0), 0);
    ck_assert_ptr_null (store);
    ck_assert_ptr_nonnull (strstr (aut_error_detail (), "blob store: "));
}
END_TEST

int main (void)
{
    TCase *tests = tcase_create ("blob");
    tcase_add_checked_fixture (tests, setup, teardown);
    tcase_add_test (tests, puts_and_reads);
    tcase_add_test (tests, blobs_of_many_sizes);
    tcase_add_test (tests, survives_a_reopen);
    tcase_add_loop_test (tests, damage_is_never_returned, 0,
                         sizeof (damages) / sizeof (damages[0]));
    tcase_add_test (tests, a_put_replaces_a_damaged_blob);
    tcase_add_test (tests, orphans_are_swept_and_partials_kept);
    tcase_add_test (tests, resumes_where_it_stopped);
    tcase_add_test (tests, wrong_bytes_are_not_kept);
    tcase_add_test (tests, a_partial_of_another_length_starts_anew);
    tcase_add_test (tests, two_writers_of_one_blob);
    tcase_add_test (tests, killed_in_the_middle);
    tcase_add_test (tests, a_write_that_fails_leaves_nothing);
    tcase_add_test (tests, a_full_disk_says_so);
    tcase_add_test (tests, evicts_by_last_use);
    tcase_add_test (tests, last_use_survives_a_reopen);
    tcase_add_test (tests, pinned_blobs_stay);
    tcase_add_test (tests, threads_share_a_handle);
    tcase_add_test (tests, threads_pin_what_others_evict);
    tcase_add_test (tests, an_unusable_folder_is_told);
    return run_case (tests);
}
