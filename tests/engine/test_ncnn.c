/*  ncnn's files: what breaks a rule is refused with its line, and what computes something else than
 *  the two architectures is, too. Numbers are compared in test_upscaler.c.
 */
#include "lib/core/error.h"
#include "lib/core/file.h"
#include "lib/core/mem.h"
#include "node/engine/upscale/ncnn.h"
#include "tests/core/support.h"
#include "tests/engine/suites.h"
#include "tests/engine/support.h"

#include <stdlib.h>
#include <string.h>

#define COUNT(a) (sizeof (a) / sizeof *(a))
#define FILES GOLDENS "upscale/"

/*  One golden model's files, with the first `find` of the text replaced. */
static const struct {
    bool rrdb;
    const char *find, *put;
    int code;
    const char *says;
} edits[] = {
    {false, "", "", 0, ""},
    {true, "", "", 0, ""},
    {true, "0=1 -23301=2,2.000000e-01,1.000000e+00", "0=1 -23301=2,0.2,1", 0, ""},
    {false, "7767517", "7767518", AUT_ERR_CORRUPT, "line 1: does not begin with 7767517"},
    {false, "14 15", "14 x", AUT_ERR_CORRUPT, "line 2: is not the numbers"},
    {false, "14 15", "15 15", AUT_ERR_CORRUPT, "cut off"},
    {false, "14 15", "13 15", AUT_ERR_CORRUPT, "more layers than the second line says"},
    {false, "14 15", "14 14", AUT_ERR_CORRUPT, "more blobs than the second line says"},
    {false, "14 15", "99999999 15", AUT_ERR_CORRUPT, "line 2"},
    {false, "PReLU ", "Sigmoid ", AUT_ERR_UNSUPPORTED, "line 6: \"Sigmoid\" is a layer"},
    {false, "PReLU ", "\x1b[2J ", AUT_ERR_UNSUPPORTED, "\"\\x1b[2J\""},
    {false, "1 1 b2 b3", "1 1 b9 b3", AUT_ERR_CORRUPT, "line 5: \"b9\" is used before"},
    {false, "1 1 b2 b3", "1 1 b2 b2", AUT_ERR_CORRUPT, "line 5: \"b2\" is made twice"},
    {false, "1 1 b2 b3", "1 17 b2 b3", AUT_ERR_CORRUPT, "line 5: a layer is KIND NAME"},
    {false, "1 1 b4 b5", "1 1 b3 b5", AUT_ERR_UNSUPPORTED, "are not joined as"},
    {false, "0=12 1=3", "0=12 0=3", AUT_ERR_CORRUPT, "stands there twice"},
    {false, "0=12 1=3", "0=12 1=nan", AUT_ERR_CORRUPT, "is no number"},
    {false, "0=12 1=3", "0=12 77=3", AUT_ERR_UNSUPPORTED, "\"77=3\" is a parameter"},
    {false, "0=12 1=3", "0=12 1=5", AUT_ERR_UNSUPPORTED, "is not one of 3 × 3"},
    {false, "0=12 1=3", "0=12 3=2 1=3", AUT_ERR_UNSUPPORTED, "is not one of 3 × 3"},
    {false, "0=12 1=3", "0=12 2=2 1=3", AUT_ERR_UNSUPPORTED, "is not one of 3 × 3"},
    {false, "0=12 1=3", "0=12 14=0 1=3", AUT_ERR_UNSUPPORTED, "is not one of 3 × 3"},
    {false, "0=12 1=3", "0=13 1=3", AUT_ERR_UNSUPPORTED, "6=324 numbers are not 3 × 13"},
    {false, "0=12 1=3", "0=1e9 1=3", AUT_ERR_UNSUPPORTED, "channels"},
    {false, "4=1 5=1", "4=1 5=0", AUT_ERR_UNSUPPORTED, "has no bias"},
    {false, "4=1 5=1", "4=0 5=1", AUT_ERR_UNSUPPORTED, "is not one of 3 × 3"},
    {false, "4=1 5=1", "9=1 4=1 5=1", AUT_ERR_UNSUPPORTED, "followed by something else"},
    {false, "0=4\n", "0=2\n", AUT_ERR_UNSUPPORTED, "adds 12 channels to 3"},
    {false, "0=1 1=4", "0=2 1=4", AUT_ERR_UNSUPPORTED, "does not repeat pixels"},
    {true, "2=2.000000e-01\n", "2=2.100000e-01\n", AUT_ERR_UNSUPPORTED, "are not joined as"},
    {true, "-23310=1,2.000000e-01", "-23310=1,1.000000e-01", AUT_ERR_UNSUPPORTED,
     "are not joined as"},
    {true, "-23310=1,2.000000e-01", "-23310=2,2.000000e-01", AUT_ERR_CORRUPT, "another length"},
    {true, "2 1 b9 b16 b17", "2 1 b16 b9 b17", AUT_ERR_UNSUPPORTED, "are not joined as"},
    {true, "0=1 -23301=2,2.000000e-01,1.0", "0=1 -23301=2,1.000000e-01,1.0", AUT_ERR_UNSUPPORTED,
     "are not joined as"},
    {true, "0=1 1=2.000000e+00 2=2", "0=1 1=2.000000e+00 2=3", AUT_ERR_UNSUPPORTED,
     "does not repeat pixels"},
};

typedef struct {
    char *text, *bin;
    size_t text_size, bin_size;
} pair_t;

static void read_pair (pair_t *pair, bool rrdb)
{
    const char *param = rrdb ? FILES "ncnn-rrdb-x4.param" : FILES "ncnn-srvgg-x4.param";
    const char *bin = rrdb ? FILES "ncnn-rrdb-x4.bin" : FILES "ncnn-srvgg-x4.bin";
    ck_assert_int_eq (aut_file_read (param, 1 << 20, &pair->text, &pair->text_size), 0);
    ck_assert_int_eq (aut_file_read (bin, 1 << 20, &pair->bin, &pair->bin_size), 0);
}

static void free_pair (pair_t *pair)
{
    free (pair->text);
    free (pair->bin);
}

static void check (const pair_t *pair, int code, const char *says)
{
    ncnn_t *ncnn = NULL;
    int rc = ncnn_parse (&ncnn, pair->text, pair->text_size, pair->bin, pair->bin_size, "x.param");
    ck_assert_msg (rc == code && (rc == 0 || strstr (aut_error_detail (), says)), "%s: %d, %s",
                   says, rc, rc ? aut_error_detail () : "");
    ncnn_close (&ncnn);
}

static void check_edit (int i)
{
    pair_t pair;
    read_pair (&pair, edits[i].rrdb);
    char *at = strstr (pair.text, edits[i].find);
    ck_assert_ptr_nonnull (at);
    char *text = aut_sprintf ("%.*s%s%s", (int)(at - pair.text), pair.text, edits[i].put,
                              at + strlen (edits[i].find));
    free (pair.text);
    pair.text = text;
    pair.text_size = strlen (text);
    check (&pair, edits[i].code, edits[i].says);
    free_pair (&pair);
}

START_TEST (other_graphs_are_refused)
{
    each_case ((int)COUNT (edits), check_edit);
}
END_TEST

START_TEST (numbers_that_do_not_fit_are_refused)
{
    pair_t pair;
    read_pair (&pair, false);
    for (size_t size = 0; size < pair.bin_size; size += 1 + size / 7) {
        pair_t cut = pair;
        cut.bin_size = size;
        check (&cut, AUT_ERR_CORRUPT, "cut off");
    }
    char *longer = aut_calloc (pair.bin_size + 4, 1);
    memcpy (longer, pair.bin, pair.bin_size);
    check (&(pair_t){pair.text, longer, pair.text_size, pair.bin_size + 4}, AUT_ERR_CORRUPT,
           "not of one model");
    memcpy (longer, "\x38\x4b\x0d\x00", 4); /* int8 */
    check (&(pair_t){pair.text, longer, pair.text_size, pair.bin_size}, AUT_ERR_UNSUPPORTED,
           "000d4b38");
    free (longer);
    free_pair (&pair);
}
END_TEST

TCase *suite_ncnn (void)
{
    TCase *tcase = tcase_create ("ncnn");
    tcase_set_timeout (tcase, 120);
    tcase_add_test (tcase, other_graphs_are_refused);
    tcase_add_test (tcase, numbers_that_do_not_fit_are_refused);
    return tcase;
}
