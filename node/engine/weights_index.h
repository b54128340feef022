/*  The index of sharded weights ("diffusion_pytorch_model.safetensors.index.json"): which tensor is
 *  in which file. Only weights.c and the tests use it.
 *
 *  `weight_map` is an object of tensor names to file names; everything else in the file is ignored.
 *  A file name is the name of a safetensors file beside the index: it has no folder in it, so that
 *  an index cannot point outside.
 */
#ifndef AUT_ENGINE_WEIGHTS_INDEX_H
#define AUT_ENGINE_WEIGHTS_INDEX_H

#include <stddef.h>
#include <stdint.h>

/*  Of the file: what a parsed JSON takes is many times this. An index of a 28 GB model has 0.1 MiB.
 */
#define WEIGHTS_INDEX_MAX ((size_t)8 << 20)
#define WEIGHTS_SHARDS_MAX 1024u
#define WEIGHTS_TENSORS_MAX 200000u

typedef struct {
    const char *tensor;
    uint32_t shard;
} weights_index_entry_t;

typedef struct {
    char **shards; /* file names, each once, in the order of their first mention */
    size_t shard_count;
    weights_index_entry_t *entries; /* in the order of the file */
    size_t entry_count;
    void *owner; /* of the tensors' names */
} weights_index_t;

/*  Reads an index of `size` bytes; `what` names it in errors. AUT_ERR_INVALID for what is no index
 *  or has a bad file name, AUT_ERR_TOO_LARGE beyond a bound. Freed with weights_index_clear, which
 *  is fine on a failed one, too. */
int weights_index_parse (weights_index_t *out, const char *data, size_t size, const char *what);
void weights_index_clear (weights_index_t *self);

#endif
