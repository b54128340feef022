/*  Schedulers against the reference's numbers, and configs that are refused. */
#include "lib/core/error.h"
#include "lib/core/file.h"
#include "lib/core/json.h"
#include "lib/core/mem.h"
#include "lib/core/safetensors.h"
#include "node/engine/scheduler/scheduler.h"
#include "tests/core/support.h"
#include "tests/engine/suites.h"
#include "tests/engine/support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static aten_t *c;
static char *folder;

static void set_up (void)
{
    c = open_cpu (1);
    folder = make_folder ();
}

static void tear_down (void)
{
    aten_destroy (&c);
    remove_folder (&folder);
}

static void write_config (const json_t *config)
{
    char *path = aut_path_join (folder, "scheduler_config.json", NULL);
    char *text = json_dumps (config, 0);
    ck_assert_int_eq (aut_file_write (path, text, strlen (text)), 0);
    free (text);
    free (path);
}

/*  A config of the published kind, with `key` set to `value` (a new reference) if there is one. */
static json_t *unipc_config (const char *key, json_t *value)
{
    json_t *config =
        json_pack ("{s:s, s:s, s:b, s:f}", "_class_name", "UniPCMultistepScheduler",
                   "prediction_type", "flow_prediction", "use_flow_sigmas", 1, "flow_shift", 3.0);
    if (key)
        json_object_set_new (config, key, value);
    return config;
}

static scheduler_t *open_it (json_t *config, size_t steps, double shift)
{
    scheduler_t *s = NULL;
    write_config (config);
    json_decref (config);
    ck_assert_msg (scheduler_open (&s, c, folder, "scheduler", steps, shift) == 0, "%s",
                   aut_error_detail ());
    return s;
}

START_TEST (test_schedules)
{
    json_t *root = NULL;
    ck_assert_int_eq (aut_json_load (&root, GOLDENS "scheduler.json", 1 << 20), 0);
    size_t i, k;
    json_t *entry;
    json_array_foreach (json_object_get (root, "schedules"), i, entry)
    {
        const json_t *t = json_object_get (entry, "timesteps");
        const json_t *sigmas = json_object_get (entry, "sigmas");
        size_t steps = json_array_size (t);
        double shift = json_number_value (json_object_get (entry, "flow_shift"));
        scheduler_t *s = open_it (unipc_config (NULL, NULL), steps, shift);
        ck_assert (scheduler_is_integer (s));
        for (k = 0; k < steps; k++)
            ck_assert_double_eq (scheduler_timestep (s, k),
                                 json_number_value (json_array_get (t, k)));
        for (k = 0; k <= steps; k++)
            ck_assert_double_eq (scheduler_sigma (s, k),
                                 json_number_value (json_array_get (sigmas, k)));
        scheduler_close (&s);
    }
    ck_assert_uint_ge (i, 16);
    json_decref (root);
}
END_TEST

/*  The solver on given velocities: `steps` of 24 numbers each. */
static void check_solver (const aut_safetensors_t *file, const char *key, size_t steps)
{
    char name[96];
    snprintf (name, sizeof name, "%s.sample", key);
    const aut_tensor_t *sample = aut_safetensors_find (file, name);
    snprintf (name, sizeof name, "%s.model_outputs", key);
    const float *outputs = aut_safetensors_find (file, name)->data;
    snprintf (name, sizeof name, "%s.samples", key);
    const float *expected = aut_safetensors_find (file, name)->data;
    double shift = atof (strstr (key, "shift") + 5);
    size_t n = sample->count;

    scheduler_t *s = open_it (unipc_config (NULL, NULL), steps, shift);
    aten_scope_t scope = aten_open (c);
    tensor_t *x = aten_from_host (c, sample->data, AUT_DTYPE_F32, DIMS ((int64_t)n));
    float got[256];
    for (size_t i = 0; i < steps; i++) {
        tensor_t *v = aten_from_host (c, outputs + i * n, AUT_DTYPE_F32, DIMS ((int64_t)n));
        x = scheduler_step (s, i, v, x);
        ck_assert_int_eq (aten_read (c, x, AUT_DTYPE_F32, got, n * sizeof *got), 0);
        for (size_t k = 0; k < n; k++)
            ck_assert_msg (fabsf (got[k] - expected[i * n + k]) <= 5e-6f, "%s step %zu: %g, not %g",
                           key, i, got[k], expected[i * n + k]);
    }
    aten_close (c, scope, NULL);
    scheduler_close (&s);
}

START_TEST (test_solver)
{
    aut_safetensors_t *file = open_golden (".", "scheduler");
    static const int shifts[] = {1, 3, 5, 12}, steps[] = {4, 6, 20};
    for (size_t i = 0; i < 4; i++)
        for (size_t k = 0; k < 3; k++) {
            char key[64];
            snprintf (key, sizeof key, "unipc.shift%d.steps%d", shifts[i], steps[k]);
            check_solver (file, key, (size_t)steps[k]);
        }
    aut_safetensors_destroy (&file);
}
END_TEST

/*  A step after an error gives what it would have given without one. */
START_TEST (test_step_again)
{
    scheduler_t *s = open_it (unipc_config (NULL, NULL), 3, 0);
    float v[2] = {0.5f, -0.25f}, once[2], again[2];
    aten_scope_t scope = aten_open (c);
    tensor_t *x = aten_from_host (c, v, AUT_DTYPE_F32, DIMS (2));
    x = scheduler_step (s, 0, x, x);
    ck_assert_ptr_nonnull (x);
    aten_fail (c, AUT_ERR_DEVICE_MEMORY, "none left");
    ck_assert_ptr_null (scheduler_step (s, 1, x, x));
    aten_clear (c);
    tensor_t *y = scheduler_step (s, 1, x, x);
    aten_read (c, y, AUT_DTYPE_F32, again, sizeof again);
    scheduler_close (&s);

    s = open_it (unipc_config (NULL, NULL), 3, 0);
    x = aten_from_host (c, v, AUT_DTYPE_F32, DIMS (2));
    x = scheduler_step (s, 0, x, x);
    y = scheduler_step (s, 1, x, x);
    aten_read (c, y, AUT_DTYPE_F32, once, sizeof once);
    ck_assert_mem_eq (once, again, sizeof once);
    aten_close (c, scope, NULL);
    scheduler_close (&s);
}
END_TEST

/*  Order 3 keeps exact what order 3 must: with a constant x₀ every step lands on the flow's line.
 */
/*  The same when memory ends within the step: ballasts of many sizes are in the way of the
 *  first try. */
START_TEST (test_step_out_of_memory)
{
    enum { COUNT = 1 << 14, ROOMS = 24 };
    const uint64_t size = COUNT * sizeof (float);
    float *v = aut_calloc (COUNT, sizeof *v), *once = aut_calloc (COUNT, sizeof *once);
    float *again = aut_calloc (COUNT, sizeof *again);
    for (int i = 0; i < COUNT; i++)
        v[i] = (float)(i % 7) - 3.0f;
    aten_destroy (&c);
    aten_memory_t memory;
    c = open_cpu (1);
    aten_memory (c, &memory);
    aten_destroy (&c);
    aten_options_t options = {
        .device = "cpu", .threads = 1, .memory_limit = memory.allocated + 40 * size};
    ck_assert_int_eq (aten_new (&c, &options), 0);
    int failed = 0;
    for (int room = ROOMS; room >= 0; room--) {
        scheduler_t *s = open_it (unipc_config (NULL, NULL), 3, 0);
        aten_scope_t scope = aten_open (c);
        tensor_t *velocity = aten_from_host (c, v, AUT_DTYPE_F32, DIMS (COUNT));
        tensor_t *x = aten_full (c, 1.0, AUT_DTYPE_F32, DIMS (COUNT));
        for (size_t i = 0; i < 3; i++) {
            aten_memory (c, &memory);
            int64_t left = (int64_t)(options.memory_limit - memory.allocated);
            int64_t ballast = left - (int64_t)size * room / 2 - 4096;
            tensor_t *b = aten_zeros (c, AUT_DTYPE_U8, DIMS (ballast));
            ck_assert_ptr_nonnull (b);
            tensor_t *next = scheduler_step (s, i, velocity, x);
            aten_drop (c, &b);
            if (!next) {
                ck_assert_int_eq (aten_status (c), AUT_ERR_DEVICE_MEMORY);
                aten_clear (c);
                failed++;
                next = scheduler_step (s, i, velocity, x);
            }
            aten_drop (c, &x);
            x = next;
        }
        float *out = room == ROOMS ? once : again;
        ck_assert_int_eq (aten_read (c, x, AUT_DTYPE_F32, out, size), 0);
        ck_assert_msg (room == ROOMS || memcmp (once, again, size) == 0, "room %d", room);
        ck_assert_msg (room < ROOMS || failed == 0, "the first run is the one without errors");
        aten_close (c, scope, NULL);
        scheduler_close (&s);
    }
    ck_assert_int_gt (failed, 3);
    free (v);
    free (once);
    free (again);
}
END_TEST

START_TEST (test_orders)
{
    for (int order = 1; order <= 3; order++) {
        scheduler_t *s = open_it (unipc_config ("solver_order", json_integer (order)), 8, 0);
        aten_scope_t scope = aten_open (c);
        float noise = 1.5f, target = 0.25f, got = 0;
        float first = (float)scheduler_sigma (s, 0);
        float start = (1 - first) * target + first * noise;
        tensor_t *x = aten_from_host (c, &start, AUT_DTYPE_F32, DIMS (1));
        float v = noise - target;
        for (size_t i = 0; i < 8; i++) {
            x = scheduler_step (s, i, aten_from_host (c, &v, AUT_DTYPE_F32, DIMS (1)), x);
            ck_assert_int_eq (aten_read (c, x, AUT_DTYPE_F32, &got, sizeof got), 0);
            float sigma = (float)scheduler_sigma (s, i + 1);
            ck_assert_float_eq_tol (got, (1 - sigma) * target + sigma * noise, 2e-5f);
        }
        aten_close (c, scope, NULL);
        scheduler_close (&s);
    }
}
END_TEST

/*  FlowMatchEulerDiscreteScheduler (shift = 3, 1000 timesteps), 4 steps, as diffusers 0.42.1 gives
 *  them. */
START_TEST (test_euler)
{
    static const double sigmas[] = {1.0, 0.857692301273346, 0.602150559425354, 0.008928571827709675,
                                    0.0};
    scheduler_t *s = open_it (
        json_pack ("{s:s, s:f}", "_class_name", "FlowMatchEulerDiscreteScheduler", "shift", 3.0), 4,
        0);
    for (size_t i = 0; i <= 4; i++)
        ck_assert_double_eq_tol (scheduler_sigma (s, i), sigmas[i], 1e-7);
    ck_assert (!scheduler_is_integer (s));
    float x = 2, v = 0.5f, got = 0;
    tensor_t *t = aten_from_host (c, &x, AUT_DTYPE_F32, DIMS (1));
    t = scheduler_step (s, 1, aten_from_host (c, &v, AUT_DTYPE_F32, DIMS (1)), t);
    ck_assert_int_eq (aten_read (c, t, AUT_DTYPE_F32, &got, sizeof got), 0);
    ck_assert_float_eq_tol (got, 2 + 0.5f * (float)(sigmas[2] - sigmas[1]), 1e-6f);
    scheduler_close (&s);
}
END_TEST

START_TEST (test_refused)
{
    const struct {
        const char *key;
        json_t *value;
        const char *said;
    } cases[] = {
        {"_class_name", json_string ("DDIMScheduler"), "DDIMScheduler"},
        {"_class_name", json_integer (3), "_class_name"},
        {"prediction_type", json_string ("epsilon"), "prediction_type"},
        {"use_flow_sigmas", json_false (), "use_flow_sigmas"},
        {"use_karras_sigmas", json_true (), "use_karras_sigmas"},
        {"use_dynamic_shifting", json_true (), "use_dynamic_shifting"},
        {"solver_order", json_integer (0), "solver_order"},
        {"solver_order", json_integer (1000000000), "solver_order"},
        {"flow_shift", json_real (-1), "flow_shift"},
        {"flow_shift", json_string ("3"), "flow_shift"},
        {"num_train_timesteps", json_integer (0), "num_train_timesteps"},
        {"disable_corrector", json_pack ("[i]", -1), "disable_corrector"},
        {"final_sigmas_type", json_string ("sigma_min"), "final_sigmas_type"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        scheduler_t *s = NULL;
        json_t *config = unipc_config (cases[i].key, cases[i].value);
        write_config (config);
        json_decref (config);
        ck_assert_int_ne (scheduler_open (&s, c, folder, "scheduler", 4, 0), 0);
        ck_assert_ptr_null (s);
        ck_assert_msg (strstr (aut_error_detail (), cases[i].said) &&
                           strstr (aut_error_detail (), "scheduler/scheduler_config.json"),
                       "%s: %s", cases[i].said, aut_error_detail ());
    }
    scheduler_t *s = NULL;
    ck_assert_int_eq (scheduler_open (&s, c, folder, "scheduler", 0, 0), AUT_ERR_INVALID);
    ck_assert_int_eq (scheduler_open (&s, c, folder, "scheduler", 1001, 0), AUT_ERR_INVALID);
}
END_TEST

TCase *suite_scheduler (void)
{
    TCase *tc = tcase_create ("scheduler");
    tcase_add_checked_fixture (tc, set_up, tear_down);
    tcase_add_test (tc, test_schedules);
    tcase_add_test (tc, test_solver);
    tcase_add_test (tc, test_step_again);
    tcase_add_test (tc, test_step_out_of_memory);
    tcase_add_test (tc, test_orders);
    tcase_add_test (tc, test_euler);
    tcase_add_test (tc, test_refused);
    return tc;
}
