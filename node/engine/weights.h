/*  Weights: the tensors of one component ("transformer"), from one safetensors file or from shards
 *  that an index names; mapped, checked against what the model expects, and put on the device.
 *
 *  Files are found in this order: `diffusion_pytorch_model.safetensors[.index.json]`,
 *  `model.safetensors[.index.json]`. An index may name only files beside it. Nothing is read before
 *  a tensor is asked for; opening checks every header.
 *
 *  Errors stick to the context that is given (see aten.h): a missing tensor or one of another shape
 *  is AUT_ERR_CORRUPT with file, tensor, "expected (a, b)" and what was found.
 */
#ifndef AUT_ENGINE_WEIGHTS_H
#define AUT_ENGINE_WEIGHTS_H

#include "node/engine/shim/aten.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct weights weights_t;

/*  Opens `folder` (".../model/transformer"); `label` is its name relative to the model's folder
 *  ("transformer"), which errors begin with; copied. AUT_ERR_NOT_FOUND names the missing file or
 *  shard. Freed with weights_close; tensors borrowed from its mapping must be gone by then. */
int weights_open (weights_t **out, const char *folder, const char *label);
/*  The same from one safetensors file of any name. */
int weights_open_file (weights_t **out, const char *path, const char *label);
/*  Over tensors that were read from another format, sorted by name, which with their data (in a
 *  mapped file) outlive the weights; `label` names the file in errors. */
void weights_adopt (weights_t **out, const aut_tensor_t *tensors, size_t count, const char *label);
void weights_close (weights_t **self_p);

const char *weights_label (const weights_t *self);
/*  Bytes of all tensors, as stored. */
uint64_t weights_size (const weights_t *self);
/*  The same once all of them are of type `dtype`. */
uint64_t weights_size_as (const weights_t *self, aut_dtype_t dtype);
size_t weights_count (const weights_t *self);
/*  How many have names that begin so. */
size_t weights_count_below (const weights_t *self, const char *prefix);
/*  Whether a tensor of this name exists: optional modules are built from what is there. */
bool weights_has (const weights_t *self, const char *format, ...)
    __attribute__ ((format (printf, 2, 3)));
/*  The dimensions of a tensor: returns its rank, 0 if there is none. */
size_t weights_dims (const weights_t *self, const char *name, int64_t dims[AUT_TENSOR_RANK_MAX]);

/*  The tensor `format…` with exactly `rank` and `dims`, as `dtype` on the context's device, kept
 *  (not in a scope): free it with aten_drop. On the CPU, where type and alignment allow, it lies in
 *  the mapping (no copy). Values are checked to be finite while they are first read: "not finite"
 *  names the tensor. NULL after an error. */
tensor_t *weights_load (weights_t *self, aten_t *c, aut_dtype_t dtype, size_t rank,
                        const int64_t *dims, const char *format, ...)
    __attribute__ ((format (printf, 6, 7)));

/*  The same, left on the host (pinned for CUDA), for blocks that are uploaded when they are needed.
 */
tensor_t *weights_load_host (weights_t *self, aten_t *c, aut_dtype_t dtype, size_t rank,
                             const int64_t *dims, const char *format, ...)
    __attribute__ ((format (printf, 6, 7)));

/*  Rows `ids[0 … count − 1]` of a (V, D) table, as (count, D) of `dtype` on the device, in the
 *  current scope, without loading the table, which is read once to see that it is finite. An id out
 *  of range is an error. */
tensor_t *weights_rows (weights_t *self, aten_t *c, aut_dtype_t dtype, const int32_t *ids,
                        size_t count, const char *name);

#endif
