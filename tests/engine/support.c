#include "tests/engine/support.h"

#include "lib/core/error.h"
#include "lib/core/mem.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

aten_t *open_cpu (int threads)
{
    aten_options_t options = {.device = "cpu", .threads = threads};
    aten_t *c = NULL;
    ck_assert_msg (aten_new (&c, &options) == 0, "%s", aut_error_detail ());
    return c;
}

aut_safetensors_t *open_golden (const char *folder, const char *file)
{
    aut_safetensors_t *golden = NULL;
    char *path = aut_sprintf (GOLDENS "%s/%s.safetensors", folder, file);
    ck_assert_msg (aut_safetensors_open (&golden, path) == 0, "%s", aut_error_detail ());
    free (path);
    return golden;
}

const aut_tensor_t *need_tensor (const aut_safetensors_t *golden, const char *name)
{
    const aut_tensor_t *t = aut_safetensors_find (golden, name);
    ck_assert_msg (t != NULL, "no tensor %s", name);
    return t;
}

tensor_t *tensor_of (aten_t *c, const aut_tensor_t *t)
{
    ck_assert_ptr_nonnull (t);
    int64_t dims[AUT_TENSOR_RANK_MAX];
    for (uint32_t i = 0; i < t->rank; i++)
        dims[i] = (int64_t)t->shape[i];
    return aten_from_host (c, t->data, t->dtype, t->rank, dims);
}

float *floats_of (aten_t *c, const tensor_t *t)
{
    ck_assert_msg (t && aten_status (c) == 0, "%s", aut_error_detail ());
    size_t count = (size_t)aten_count (t);
    float *values = aut_calloc (count, sizeof *values);
    ck_assert_int_eq (aten_read (c, t, AUT_DTYPE_F32, values, count * sizeof *values), 0);
    return values;
}

/* ---- cases ------------------------------------------------------------------------------------
 */

static int s_case = -1; /* that is being checked; a check that fails ends the process */

static void say_case (void)
{
    if (s_case >= 0)
        fprintf (stderr, "the case that failed is number %d\n", s_case);
}

void each_case (int count, void (*check) (int i))
{
    atexit (say_case);
    for (s_case = 0; s_case < count; s_case++)
        check (s_case);
    s_case = -1;
}

void each_case_anew (int count, void (*check) (int i), void (*set_up) (void),
                     void (*tear_down) (void))
{
    atexit (say_case);
    for (s_case = 0; s_case < count; s_case++) {
        if (s_case > 0) {
            tear_down ();
            set_up ();
        }
        check (s_case);
    }
    s_case = -1;
}
