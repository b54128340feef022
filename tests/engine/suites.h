/*  The test cases of test_engine, one per module. */
#ifndef AUT_TESTS_ENGINE_SUITES_H
#define AUT_TESTS_ENGINE_SUITES_H

#include <check.h>

TCase *suite_aten (void);
TCase *suite_aten_fused (void);
TCase *suite_aten_nn (void);
TCase *suite_aten_ops (void);
TCase *suite_clean (void);
TCase *suite_clip (void);
TCase *suite_config (void);
TCase *suite_engine (void);
TCase *suite_folder (void);
TCase *suite_ncnn (void);
TCase *suite_resample (void);
TCase *suite_scheduler (void);
TCase *suite_transformer (void);
TCase *suite_transformer_parts (void);
TCase *suite_sentencepiece (void);
TCase *suite_tokenizer (void);
TCase *suite_umt5 (void);
TCase *suite_upscaler (void);
TCase *suite_vae (void);
TCase *suite_weights (void);
TCase *suite_weights_hash (void);

#endif
