#include "tests/broker_core/suites.h"

#include <stdlib.h>

int main (void)
{
    Suite *suite = suite_create ("broker-core");
    suite_add_tcase (suite, suite_jobs ());
    suite_add_tcase (suite, suite_schedule ());
    suite_add_tcase (suite, suite_lease ());
    suite_add_tcase (suite, suite_fail ());
    suite_add_tcase (suite, suite_node ());
    suite_add_tcase (suite, suite_restore ());
    suite_add_tcase (suite, suite_outlook ());
    suite_add_tcase (suite, suite_sim ());
    SRunner *runner = srunner_create (suite);
    srunner_run_all (runner, CK_NORMAL);
    int failed = srunner_ntests_failed (runner);
    srunner_free (runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
