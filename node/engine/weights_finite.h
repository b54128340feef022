/*  Whether stored numbers are finite; apart so that the loops are compiled to be vectorised. */
#ifndef AUT_ENGINE_WEIGHTS_FINITE_H
#define AUT_ENGINE_WEIGHTS_FINITE_H

#include "lib/core/safetensors.h" /* aut_dtype_t */

#include <stdbool.h>
#include <stdint.h>

/*  Whether this type holds numbers that weights may have: floating point. */
bool weights_is_float (aut_dtype_t dtype);

/*  The place of the first of `count` elements at `data` (need not be aligned) that is infinite, not
 *  a number, or of F64 beyond the range of F32; `count` if there is none. `dtype` is one of those
 *  for which weights_is_float holds. */
uint64_t weights_find_bad (const void *data, aut_dtype_t dtype, uint64_t count);

#endif
