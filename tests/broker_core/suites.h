#ifndef AUT_TESTS_BROKER_CORE_SUITES_H
#define AUT_TESTS_BROKER_CORE_SUITES_H

#include "tests/broker_core/scene.h"

#include <check.h>

TCase *suite_jobs (void);
TCase *suite_schedule (void);
TCase *suite_lease (void);
TCase *suite_fail (void);
TCase *suite_node (void);
TCase *suite_restore (void);
TCase *suite_outlook (void);
TCase *suite_sim (void);

#endif
