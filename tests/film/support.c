#include "tests/film/support.h"

#include "lib/core/error.h"
#include "lib/core/file.h"
#include "lib/core/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

aut_registry_t *open_registry (void)
{
    aut_registry_t *registry = aut_registry_new ();
    ck_assert_int_eq (aut_registry_add_dir (registry, AUTEUR_TEST_DATA "/../models"), 0);
    ck_assert_uint_eq (aut_registry_warning_count (registry), 0);
    aut_registry_forget_weights (registry);
    const char *drawn = aut_registry_find (registry, "auteur-animatic")->json;
    ck_assert_int_eq (aut_registry_add (registry, "drawn", drawn, strlen (drawn), true),
                      AUT_ERR_EXISTS);
    return registry;
}

char *wrap (const char *body)
{
    return aut_sprintf ("{\"storyboard\":\"1\",\"project\":\"p\",%s}", body);
}

aut_storyboard_t *read_good (const aut_registry_t *registry, const char *text)
{
    aut_diags_t diags;
    aut_storyboard_t *film;
    aut_buffer_t out = {0};
    aut_diags_init (&diags, "test.json");
    aut_storyboard_read (&film, &diags, text, strlen (text), registry, NULL);
    aut_diags_text (&diags, false, &out);
    if (!film)
        ck_abort_msg ("%s", out.data);
    aut_buffer_clear (&out);
    aut_diags_clear (&diags);
    return film;
}

aut_plan_t *plan_good (const aut_registry_t *registry, const char *text, aut_storyboard_t **film)
{
    aut_plan_t *plan;
    *film = read_good (registry, text);
    int err = aut_plan_new (&plan, *film, registry);
    ck_assert_msg (err == 0, "%s", aut_error_detail ());
    return plan;
}

char *plan_json (const aut_registry_t *registry, const char *text)
{
    aut_storyboard_t *film;
    aut_buffer_t out = {0};
    aut_plan_t *plan = plan_good (registry, text, &film);
    aut_plan_json (plan, &out);
    aut_plan_destroy (&plan);
    aut_storyboard_destroy (&film);
    return aut_buffer_take (&out, NULL);
}

char *read_data (const char *name)
{
    char *path = aut_sprintf ("%s/film/data/%s", AUTEUR_TEST_DATA, name), *data;
    size_t size;
    int err = aut_file_read (path, 64u << 20, &data, &size);
    ck_assert_msg (err == 0, "%s", aut_error_detail ());
    free (path);
    return data;
}

int run_suite (const char *name, const TTest *const *tests, size_t count)
{
    Suite *suite = suite_create (name);
    TCase *tcase = tcase_create (name);
    tcase_set_timeout (tcase, 120);
    for (size_t i = 0; i < count; i++)
        tcase_add_test (tcase, tests[i]);
    suite_add_tcase (suite, tcase);
    SRunner *runner = srunner_create (suite);
    srunner_run_all (runner, CK_ENV);
    int failed = srunner_ntests_failed (runner);
    srunner_free (runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
