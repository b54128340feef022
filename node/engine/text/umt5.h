/*  The UMT5 text encoder (T5, arXiv 1910.10683; UMT5: arXiv 2304.09151): token ids to the rows that
 *  the transformer attends to.
 */
#ifndef AUT_ENGINE_TEXT_UMT5_H
#define AUT_ENGINE_TEXT_UMT5_H

#include "node/engine/shim/aten.h"
#include "node/engine/tap.h"

typedef struct umt5 umt5_t;

typedef struct {
    aut_dtype_t dtype; /* AUT_DTYPE_F32 or AUT_DTYPE_BF16 */
    bool stream;       /* load each layer only while it runs */
} umt5_options_t;

/*  Opens a text encoder's folder. Errors as weights_open and config_status. Freed with umt5_close,
 *  before its context. */
int umt5_open (umt5_t **out, aten_t *c, const char *folder, const char *label,
               const umt5_options_t *options);
void umt5_close (umt5_t **self_p);
int64_t umt5_width (const umt5_t *self);

/*  ids[count] → (1, length, D): the encoder's last hidden state, zero beyond `count`. Errors stick
 * to the context. */
tensor_t *umt5_encode (umt5_t *self, const int32_t *ids, size_t count, size_t length);

#endif
