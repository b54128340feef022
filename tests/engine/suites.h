/*  The test cases of test_engine, one per module. */
#ifndef AUT_TESTS_ENGINE_SUITES_H
#define AUT_TESTS_ENGINE_SUITES_H

#include <check.h>

TCase *suite_aten (void);
TCase *suite_clean (void);
TCase *suite_resample (void);

#endif
