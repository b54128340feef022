/*  Model files of SentencePiece: the pieces of a golden's tokenizer, and files that are none. */
#include "lib/core/error.h"
#include "lib/core/file.h"
#include "node/engine/shim/sentencepiece.h"
#include "tests/engine/suites.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MODEL AUTEUR_TEST_DATA "/engine/goldens/wan21-t2v/model/tokenizer/spiece.model"

START_TEST (test_pieces)
{
    spm_t *spm = NULL;
    ck_assert_int_eq (spm_open (&spm, MODEL), 0);
    ck_assert_int_eq (spm_count (spm), 600);
    ck_assert_int_eq (spm_unknown_id (spm), 3);
    ck_assert_str_eq (spm_piece (spm, 1), "</s>");
    ck_assert_str_eq (spm_piece (spm, 68), "\xE2\x96\x81"
                                           "fo");
    ck_assert_str_eq (spm_piece (spm, 599), "c");
    ck_assert_double_eq_tol (spm_score (spm, 68), -6.1042704582214355, 1e-12);
    ck_assert_double_eq (spm_score (spm, 1), 0);
    ck_assert_ptr_null (spm_piece (spm, 600));
    ck_assert_ptr_null (spm_piece (spm, -1));
    ck_assert_double_eq (spm_score (spm, 600), 0);
    spm_close (&spm);
    ck_assert_ptr_null (spm);
    spm_close (&spm);
}
END_TEST

/*  Opens `size` bytes as a file; gives what spm_open gives. */
static int open_bytes (const char *path, const void *data, size_t size)
{
    spm_t *spm = NULL;
    ck_assert_int_eq (aut_file_write (path, data, size), 0);
    int rc = spm_open (&spm, path);
    ck_assert_int_eq (spm != NULL, rc == 0);
    spm_close (&spm);
    return rc;
}

START_TEST (test_broken)
{
    char dir[] = "/tmp/auteur-spm-XXXXXX", path[64];
    ck_assert_ptr_nonnull (mkdtemp (dir));
    snprintf (path, sizeof (path), "%s/spiece.model", dir);
    spm_t *spm = NULL;
    ck_assert_int_eq (spm_open (&spm, path), AUT_ERR_NOT_FOUND);
    ck_assert_ptr_null (spm);
    ck_assert_int_eq (open_bytes (path, "", 0), AUT_ERR_CORRUPT);
    ck_assert_int_eq (open_bytes (path, "{\"no\": \"model\"}", 15), AUT_ERR_CORRUPT);
    ck_assert_ptr_nonnull (strstr (aut_error_detail (), path));

    char *data = NULL;
    size_t size = 0;
    ck_assert_int_eq (aut_file_read (MODEL, 1 << 20, &data, &size), 0);
    ck_assert_int_eq (open_bytes (path, data, size), 0);
    ck_assert_int_eq (open_bytes (path, data, size - 1), AUT_ERR_CORRUPT);
    free (data);

    int fd = open (path, O_WRONLY | O_TRUNC);
    ck_assert_int_eq (ftruncate (fd, (64 << 20) + 1), 0);
    close (fd);
    ck_assert_int_eq (spm_open (&spm, path), AUT_ERR_TOO_LARGE);
    ck_assert_int_eq (aut_dir_remove (dir), 0);
}
END_TEST

TCase *suite_sentencepiece (void)
{
    TCase *tc = tcase_create ("sentencepiece");
    tcase_add_test (tc, test_pieces);
    tcase_add_test (tc, test_broken);
    return tc;
}
