#include "tests/broker_core/suites.h"
TCase *suite_sim (void)
{
    return tcase_create ("sim");
}
