/*  What the tests of lib/film share. */
#ifndef AUT_TESTS_FILM_SUPPORT_H
#define AUT_TESTS_FILM_SUPPORT_H

#include "lib/film/plan.h"

#include <check.h>

/*  The manifests of the source tree, and no weights, whatever lies beside them: only an animatic
 * can be rendered. */
aut_registry_t *open_registry (void);

/*  A storyboard with `body` in place of %s: {"storyboard":"1","project":"p",BODY}; on the heap. */
char *wrap (const char *body);

/*  Reads a text that must be valid; prints its errors otherwise. */
aut_storyboard_t *read_good (const aut_registry_t *registry, const char *text);
/*  Plans a text that must be valid. */
aut_plan_t *plan_good (const aut_registry_t *registry, const char *text, aut_storyboard_t **film);
/*  The JSON of a text's plan, on the heap. */
char *plan_json (const aut_registry_t *registry, const char *text);

/*  tests/film/data/NAME, on the heap. */
char *read_data (const char *name);

/*  Runs a suite of one case per test function; the exit code of main. */
int run_suite (const char *name, const TTest *const *tests, size_t count);

#endif
