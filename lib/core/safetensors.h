/*  Safetensors: a JSON header and raw little-endian tensors, used for tails and for weights.
 *
 *  The reader trusts nothing: the header's size (≤ 16 MiB), every type, shape, size and offset are
 *  checked before a view is given out, tensors may not overlap or leave holes, and together they
 *  end where the file ends. Files are mapped, so opening costs what the header costs. A reader is
 *  immutable after open: any thread may use it.
 */
#ifndef AUT_LIB_CORE_SAFETENSORS_H
#define AUT_LIB_CORE_SAFETENSORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AUT_TENSOR_RANK_MAX 8
#define AUT_SAFETENSORS_HEADER_MAX (16u << 20)
#define AUT_SAFETENSORS_TENSORS_MAX 100000u

/*  X (name, the format's text, bytes an element) */
#define AUT_DTYPES(X)                                                                              \
    X (BOOL, "BOOL", 1)                                                                            \
    X (U8, "U8", 1)                                                                                \
    X (I8, "I8", 1)                                                                                \
    X (F8_E4M3, "F8_E4M3", 1)                                                                      \
    X (F8_E5M2, "F8_E5M2", 1)                                                                      \
    X (I16, "I16", 2)                                                                              \
    X (U16, "U16", 2)                                                                              \
    X (F16, "F16", 2)                                                                              \
    X (BF16, "BF16", 2)                                                                            \
    X (I32, "I32", 4)                                                                              \
    X (U32, "U32", 4)                                                                              \
    X (F32, "F32", 4)                                                                              \
    X (I64, "I64", 8)                                                                              \
    X (U64, "U64", 8)                                                                              \
    X (F64, "F64", 8)

typedef enum {
#define AUT_DTYPE_ENUM(name, text, size) AUT_DTYPE_##name,
    AUT_DTYPES (AUT_DTYPE_ENUM)
#undef AUT_DTYPE_ENUM
        AUT_DTYPE_COUNT
} aut_dtype_t;

/*  One tensor. In a reader everything is borrowed from it. `data` is aligned for its type in files
 *  that this module wrote; in others it may not be (see aut_tensor_aligned): copy it then. */
typedef struct {
    const char *name;
    aut_dtype_t dtype;
    uint32_t rank; /* 0 is a scalar */
    uint64_t shape[AUT_TENSOR_RANK_MAX];
    const void *data;
    uint64_t count; /* elements; the writer computes it itself */
    uint64_t size;  /* bytes; the writer computes it itself */
} aut_tensor_t;

typedef struct aut_safetensors aut_safetensors_t;

/*  The format's text of a type ("F32"); "?" for a value out of range. */
const char *aut_dtype_text (aut_dtype_t dtype);
/*  Bytes an element; 0 for a value out of range. */
size_t aut_dtype_size (aut_dtype_t dtype);
/*  Whether `data` may be read through a pointer to its element type. */
bool aut_tensor_aligned (const aut_tensor_t *tensor);

/*  Maps a regular file. AUT_ERR_CORRUPT names the file and the rule that is broken,
 *  AUT_ERR_UNSUPPORTED an unknown type, AUT_ERR_TOO_LARGE a bound. The file must not be truncated
 *  while it is open (blobs never are). */
int aut_safetensors_open (aut_safetensors_t **out, const char *path);

/*  The same on bytes in memory, which the caller keeps until destroy; `what` names them in errors.
 */
int aut_safetensors_parse (aut_safetensors_t **out, const void *data, size_t size,
                           const char *what);

/*  Unmaps; every view is gone. Nulls the caller's pointer. */
void aut_safetensors_destroy (aut_safetensors_t **self_p);

/*  The number of tensors, and each of them in the order of their names. */
size_t aut_safetensors_count (const aut_safetensors_t *self);
const aut_tensor_t *aut_safetensors_at (const aut_safetensors_t *self, size_t index);

/*  The tensor of this name, or NULL. O(log n). */
const aut_tensor_t *aut_safetensors_find (const aut_safetensors_t *self, const char *name);

/*  A string of the header's `__metadata__`, or NULL. */
const char *aut_safetensors_metadata (const aut_safetensors_t *self, const char *key);

/*  Writes a file with these tensors: temp → fsync → rename → fsync folder. The same tensors give
 *  the same bytes. AUT_ERR_INVALID for a duplicate or bad name, type or rank. */
int aut_safetensors_write (const char *path, const aut_tensor_t *tensors, size_t count);

#endif
