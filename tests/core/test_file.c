#include "lib/core/file.h"

#include "lib/core/error.h"
#include "lib/core/mem.h"
#include "tests/core/support.h"

#include <dirent.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static char *folder;

static void setup (void)
{
    folder = make_folder ();
}

static void teardown (void)
{
    remove_folder (&folder);
}

static size_t entries (const char *path)
{
    size_t count = 0;
    DIR *dir = opendir (path);
    ck_assert_ptr_nonnull (dir);
    while (readdir (dir))
        count++;
    closedir (dir);
    return count - 2;
}

START_TEST (writes_and_reads)
{
    char *path = aut_path_join (folder, "a", NULL);
    char *data;
    size_t size;
    ck_assert_int_eq (aut_file_read (path, 10, &data, &size), AUT_ERR_NOT_FOUND);
    ck_assert_ptr_null (data);
    ck_assert_int_eq (aut_file_write (path, "old", 3), 0);
    ck_assert_int_eq (aut_file_write (path, "new one", 7), 0);
    ck_assert_int_eq (aut_file_read (path, 7, &data, &size), 0);
    ck_assert_str_eq (data, "new one");
    ck_assert_uint_eq (size, 7);
    free (data);
    ck_assert_int_eq (aut_file_read (path, 6, &data, &size), AUT_ERR_TOO_LARGE);
    ck_assert_int_eq (aut_file_read (folder, 6, &data, &size), AUT_ERR_INVALID);
    ck_assert_uint_eq (entries (folder), 1);
    ck_assert (aut_file_exists (path));

    char *copy = aut_path_join (folder, "b", NULL);
    ck_assert_int_eq (aut_file_copy (path, copy), 0);
    ck_assert_int_eq (aut_file_write (path, "changed", 7), 0);
    ck_assert_int_eq (aut_file_read (copy, 100, &data, &size), 0);
    ck_assert_str_eq (data, "new one");
    free (data);
    ck_assert_int_eq (aut_file_copy ("/nonexistent", copy), AUT_ERR_NOT_FOUND);
    free (copy);
    free (path);
}
END_TEST

START_TEST (a_pipe_is_refused_at_once)
{
    char *path = aut_path_join (folder, "pipe", NULL);
    char *data;
    size_t size;
    ck_assert_int_eq (mkfifo (path, 0600), 0);
    ck_assert_int_eq (aut_file_read (path, 10, &data, &size), AUT_ERR_INVALID);
    ck_assert_ptr_nonnull (strstr (aut_error_detail (), "not a regular file"));
    free (path);
}
END_TEST

START_TEST (a_failed_write_leaves_the_old_file)
{
    char *path = aut_path_join (folder, "a", NULL);
    char *large = aut_calloc (1, 1 << 20);
    char *data;
    size_t size;
    ck_assert_int_eq (aut_file_write (path, "old", 3), 0);
    signal (SIGXFSZ, SIG_IGN);
    ck_assert_int_eq (setrlimit (RLIMIT_FSIZE, &(struct rlimit){65536, RLIM_INFINITY}), 0);
    ck_assert_int_ne (aut_file_write (path, large, 1 << 20), 0);
    setrlimit (RLIMIT_FSIZE, &(struct rlimit){RLIM_INFINITY, RLIM_INFINITY});
    ck_assert_int_eq (aut_file_read (path, 10, &data, &size), 0);
    ck_assert_str_eq (data, "old");
    ck_assert_uint_eq (entries (folder), 1);
    free (data);
    free (large);
    free (path);
}
END_TEST

START_TEST (makes_and_removes_trees)
{
    char *deep = aut_path_join (folder, "a", "b//c", "d", NULL);
    ck_assert_int_eq (aut_dir_make (deep), 0);
    ck_assert_int_eq (aut_dir_make (deep), 0);
    char *file = aut_path_join (deep, "file", NULL);
    ck_assert_int_eq (aut_file_write (file, "x", 1), 0);
    ck_assert_int_ne (aut_dir_make (file), 0);
    ck_assert_int_eq (aut_dir_make (""), AUT_ERR_INVALID);
    ck_assert_int_eq (aut_dir_sync (deep), 0);

    /* links are removed, not followed */
    char *outside = aut_path_join (folder, "outside", NULL);
    char *kept = aut_path_join (outside, "kept", NULL);
    char *link = aut_path_join (deep, "link", NULL);
    ck_assert_int_eq (aut_dir_make_private (outside), 0);
    ck_assert_int_eq (aut_file_write (kept, "x", 1), 0);
    ck_assert_int_eq (symlink (outside, link), 0);
    struct stat st;
    ck_assert_int_eq (stat (outside, &st), 0);
    ck_assert_uint_eq (st.st_mode & 0777, 0700);

    char *top = aut_path_join (folder, "a", NULL);
    ck_assert_int_eq (aut_dir_remove (top), 0);
    ck_assert_int_eq (aut_dir_remove (top), 0);
    ck_assert (!aut_file_exists (top));
    ck_assert (aut_file_exists (kept));
    free (top);
    free (link);
    free (kept);
    free (outside);
    free (file);
    free (deep);
}
END_TEST

START_TEST (paths)
{
    static const struct {
        const char *first, *second, *joined;
    } cases[] = {{"a", "b", "a/b"}, {"a/", "b", "a/b"}, {"/", "b", "/b"}, {"", "b", "b"}};
    for (size_t i = 0; i < sizeof (cases) / sizeof (cases[0]); i++) {
        char *joined = aut_path_join (cases[i].first, cases[i].second, NULL);
        ck_assert_str_eq (joined, cases[i].joined);
        free (joined);
    }
    char *self = aut_path_self_dir ();
    ck_assert_str_eq (strrchr (self, '/'), "/tests");
    free (self);

    setenv ("XDG_STATE_HOME", "/xdg", 1);
    char *state = aut_path_state ("broker");
    ck_assert_str_eq (state, "/xdg/auteur/broker");
    free (state);
    setenv ("XDG_STATE_HOME", "relative", 1);
    setenv ("HOME", "/home/x", 1);
    state = aut_path_state ("broker");
    ck_assert_str_eq (state, "/home/x/.local/state/auteur/broker");
    free (state);
}
END_TEST

START_TEST (finds_programs)
{
    char *beside = aut_path_program ("test_core_file");
    ck_assert_ptr_nonnull (beside);
    free (beside);
    char *path = aut_sprintf ("/nonexistent:%s:/bin", folder);
    setenv ("PATH", path, 1);
    char *shell = aut_path_program ("sh");
    ck_assert_str_eq (shell, "/bin/sh");
    free (shell);
    ck_assert_ptr_null (aut_path_program ("auteur-no-such-program"));
    ck_assert_ptr_nonnull (strstr (aut_error_detail (), "auteur-no-such-program"));
    free (path);
}
END_TEST

int main (void)
{
    TCase *tests = tcase_create ("file");
    tcase_add_checked_fixture (tests, setup, teardown);
    tcase_add_test (tests, writes_and_reads);
    tcase_add_test (tests, a_pipe_is_refused_at_once);
    tcase_add_test (tests, a_failed_write_leaves_the_old_file);
    tcase_add_test (tests, makes_and_removes_trees);
    tcase_add_test (tests, paths);
    tcase_add_test (tests, finds_programs);
    return run_case (tests);
}
