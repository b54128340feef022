/*  ncnn's model files: a .param (text: the layers and how they are joined) and a .bin (numbers in
 *  the order of the layers, without names). No LibTorch.
 *
 *  Both come from outside. The text is bounded and parsed strictly; the graph is then compared with
 *  that of SRVGGNetCompact or RRDBNet of the sizes that its convolutions have, value by value, so
 *  that what runs here is what ncnn would have run; and the .bin must have exactly the bytes that
 *  the layers call for. The tensors get the names of Real-ESRGAN's checkpoints.
 */
#ifndef AUT_ENGINE_UPSCALE_NCNN_H
#define AUT_ENGINE_UPSCALE_NCNN_H

#include "lib/core/safetensors.h" /* aut_tensor_t */

#include <stddef.h>

typedef struct ncnn ncnn_t;

/*  Opens `path` ("….param") and the .bin beside it, which is mapped and must not be truncated while
 *  it is open. AUT_ERR_NOT_FOUND for a missing file, AUT_ERR_CORRUPT for a file that breaks a rule
 *  (with its line), AUT_ERR_UNSUPPORTED for another network. Freed with ncnn_close. */
int ncnn_open (ncnn_t **out, const char *path);

/*  The same from memory; `bin` is borrowed until ncnn_close, `label` names the files in errors. */
int ncnn_parse (ncnn_t **out, const char *param, size_t param_size, const void *bin,
                size_t bin_size, const char *label);
void ncnn_close (ncnn_t **self_p);

/*  The tensors, sorted by name, borrowed. Their data may lie at any place that is a multiple of 4.
 */
const aut_tensor_t *ncnn_tensors (const ncnn_t *self);
size_t ncnn_count (const ncnn_t *self);

#endif
