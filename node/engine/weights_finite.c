/*  Looks for NaN and infinity in the bits: an exponent of all ones (IEEE 754; bfloat16 is the upper
 *  half of a float; the 8-bit types are those of arXiv 2209.05433, of which E4M3 has no infinity
 * and its only NaN has all bits set).
 *
 *  A block's worst pattern is found without branches, so that the compiler can use vectors; only a
 *  block that has one is searched.
 */
#include "node/engine/weights_finite.h"

#include <stddef.h>
#include <string.h>

#define BLOCK 4096 /* elements */

/*  Defines NAME (data, count): whether any element has (bits & MASK) ≥ LIMIT. */
#define ANY_BAD(NAME, TYPE, MASK, LIMIT)                                                           \
    static bool NAME (const uint8_t *data, size_t count)                                           \
    {                                                                                              \
        TYPE worst = 0;                                                                            \
        for (size_t i = 0; i < count; i++) {                                                       \
            TYPE bits;                                                                             \
            memcpy (&bits, data + i * sizeof bits, sizeof bits);                                   \
            bits = (TYPE)(bits & (MASK));                                                          \
            worst = bits > worst ? bits : worst;                                                   \
        }                                                                                          \
        return worst >= (LIMIT);                                                                   \
    }

ANY_BAD (bad_f64, uint64_t, UINT64_C (0x7FF0000000000000),
         UINT64_C (0x47F0000000000000)) /* 2^128 */
ANY_BAD (bad_f32, uint32_t, 0x7F800000u, 0x7F800000u)
ANY_BAD (bad_bf16, uint16_t, 0x7F80u, 0x7F80u)
ANY_BAD (bad_f16, uint16_t, 0x7C00u, 0x7C00u)
ANY_BAD (bad_e4m3, uint8_t, 0x7Fu, 0x7Fu)
ANY_BAD (bad_e5m2, uint8_t, 0x7Cu, 0x7Cu)

typedef bool (*any_bad_t) (const uint8_t *data, size_t count);

static any_bad_t checker (aut_dtype_t dtype)
{
    switch (dtype) {
    case AUT_DTYPE_F64:
        return bad_f64;
    case AUT_DTYPE_F32:
        return bad_f32;
    case AUT_DTYPE_BF16:
        return bad_bf16;
    case AUT_DTYPE_F16:
        return bad_f16;
    case AUT_DTYPE_F8_E4M3:
        return bad_e4m3;
    case AUT_DTYPE_F8_E5M2:
        return bad_e5m2;
    default:
        return NULL;
    }
}

bool weights_is_float (aut_dtype_t dtype)
{
    return checker (dtype) != NULL;
}

uint64_t weights_find_bad (const void *data, aut_dtype_t dtype, uint64_t count)
{
    any_bad_t any_bad = checker (dtype);
    size_t size = aut_dtype_size (dtype);
    const uint8_t *at = data;
    for (uint64_t done = 0; any_bad && done < count; done += BLOCK) {
        size_t n = count - done < BLOCK ? (size_t)(count - done) : BLOCK;
        if (any_bad (at + done * size, n))
            for (size_t i = 0; i < n; i++)
                if (any_bad (at + (done + i) * size, 1))
                    return done + i;
    }
    return count;
}
