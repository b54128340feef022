#include "tests/core/support.h"

#include "lib/core/file.h"
#include "lib/core/mem.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

char *make_folder (void)
{
    const char *base = getenv ("TMPDIR");
    char *path = aut_sprintf ("%s/auteur-test-XXXXXX", base ? base : "/tmp");
    ck_assert_ptr_nonnull (mkdtemp (path));
    return path;
}

void remove_folder (char **path)
{
    ck_assert_int_eq (aut_dir_remove (*path), 0);
    free (*path);
    *path = NULL;
}

void capture_begin (capture_t *self, int fd)
{
    fflush (NULL);
    self->fd = fd;
    self->saved = dup (fd);
    self->file = memfd_create ("capture", MFD_CLOEXEC);
    ck_assert_int_ge (self->file, 0);
    ck_assert_int_ge (dup2 (self->file, fd), 0);
}

char *capture_end (capture_t *self)
{
    fflush (NULL);
    dup2 (self->saved, self->fd);
    close (self->saved);
    off_t size = lseek (self->file, 0, SEEK_END);
    char *text = aut_calloc ((size_t)size + 1, 1);
    ck_assert_int_eq (pread (self->file, text, (size_t)size, 0), size);
    close (self->file);
    return text;
}

int run_case (TCase *tests)
{
    Suite *suite = suite_create ("core");
    suite_add_tcase (suite, tests);
    SRunner *runner = srunner_create (suite);
    srunner_run_all (runner, CK_NORMAL);
    int failed = srunner_ntests_failed (runner);
    srunner_free (runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
