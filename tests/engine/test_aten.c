/*  Tensors: scopes, errors, each operation against plain loops or numbers worked out by hand. */
#include "lib/core/error.h"
#include "node/engine/shim/aten.h"
#include "tests/engine/suites.h"

#include <stdio.h>

static aten_t *open_cpu (void)
{
    aten_options_t options = {.device = "cpu"};
    aten_t *c = NULL;
    ck_assert_int_eq (aten_new (&c, &options), 0);
    return c;
}

START_TEST (test_open)
{
    aten_t *c = open_cpu ();
    ck_assert_str_eq (aten_device (c), "cpu");
    aten_destroy (&c);
    ck_assert_ptr_null (c);
}
END_TEST

TCase *suite_aten (void)
{
    TCase *tc = tcase_create ("aten");
    tcase_add_test (tc, test_open);
    return tc;
}
