/*  What the tests of the engine share, beside tests/core/support.h. */
#ifndef AUT_TESTS_ENGINE_SUPPORT_H
#define AUT_TESTS_ENGINE_SUPPORT_H

#include "lib/core/safetensors.h"
#include "node/engine/shim/aten.h"

/*  The goldens' folders. */
#define GOLDENS AUTEUR_TEST_DATA "/engine/goldens/"

/*  A context on the CPU. */
aten_t *open_cpu (int threads);
/*  The tensors of the golden GOLDENS "FOLDER/FILE.safetensors"; freed by the caller. */
aut_safetensors_t *open_golden (const char *folder, const char *file);
/*  A golden's tensor, which must be there. */
const aut_tensor_t *need_tensor (const aut_safetensors_t *golden, const char *name);
/*  A golden's tensor in a context. */
tensor_t *tensor_of (aten_t *c, const aut_tensor_t *t);
/*  The elements of a tensor, which must be there, as fp32; freed by the caller. */
float *floats_of (aten_t *c, const tensor_t *t);

/*  Checks one case after another in the test's process; the number of one that fails is said. A
 *  loop test would give each a process, whose end costs LeakSanitizer more than most cases do. */
void each_case (int count, void (*check) (int i));
/*  The same where each case needs the fixture afresh. */
void each_case_anew (int count, void (*check) (int i), void (*set_up) (void),
                     void (*tear_down) (void));

#endif
