#include "tests/engine/suites.h"

#include <stdlib.h>

int main (void)
{
    Suite *suite = suite_create ("engine");
    suite_add_tcase (suite, suite_aten ());
    suite_add_tcase (suite, suite_aten_fused ());
    suite_add_tcase (suite, suite_aten_nn ());
    suite_add_tcase (suite, suite_aten_ops ());
    suite_add_tcase (suite, suite_clean ());
    suite_add_tcase (suite, suite_clip ());
    suite_add_tcase (suite, suite_config ());
    suite_add_tcase (suite, suite_engine ());
    suite_add_tcase (suite, suite_folder ());
    suite_add_tcase (suite, suite_ncnn ());
    suite_add_tcase (suite, suite_resample ());
    suite_add_tcase (suite, suite_scheduler ());
    suite_add_tcase (suite, suite_transformer ());
    suite_add_tcase (suite, suite_transformer_parts ());
    suite_add_tcase (suite, suite_sentencepiece ());
    suite_add_tcase (suite, suite_tokenizer ());
    suite_add_tcase (suite, suite_umt5 ());
    suite_add_tcase (suite, suite_upscaler ());
    suite_add_tcase (suite, suite_vae ());
    suite_add_tcase (suite, suite_weights ());
    suite_add_tcase (suite, suite_weights_hash ());
    SRunner *runner = srunner_create (suite);
    srunner_run_all (runner, CK_NORMAL);
    int failed = srunner_ntests_failed (runner);
    srunner_free (runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
