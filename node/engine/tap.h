/*  Taps: named tensors on their way through the models, for auteur-trace.
 *
 *  A model calls tap () where a value is worth seeing; without a listener that costs one
 * comparison. Names are relative: the caller of a model opens a prefix ("transformer.cond") and the
 * model says "block.00". A listener sees "transformer.cond.block.00".
 */
#ifndef AUT_ENGINE_TAP_H
#define AUT_ENGINE_TAP_H

#include "node/engine/shim/aten.h"

#include <stdbool.h>
#include <stddef.h>

#define TAP_NAME_MAX 256

/*  A listener. `seen` borrows the tensor for the call. `wanted` (may be NULL: everything) tells
 *  whether a name is worth computing. */
typedef struct {
    bool (*wanted) (void *ctx, const char *name);
    void (*seen) (void *ctx, const char *name, aten_t *c, tensor_t *t);
    void *ctx;
    char prefix[TAP_NAME_MAX]; /* "" or "transformer.cond." */
} tap_t;

/*  Whether anybody listens for this name; then a tensor that exists only to be seen may be made.
 *  `tap` may be NULL. */
bool tap_wants (const tap_t *tap, const char *format, ...) __attribute__ ((format (printf, 2, 3)));

/*  Shows `t` under prefix + name. Nothing happens without a listener, or if t is NULL. */
void tap (const tap_t *tap, aten_t *c, tensor_t *t, const char *format, ...)
    __attribute__ ((format (printf, 4, 5)));

/*  Opens a prefix ("transformer.cond"); returns the length to give to tap_leave. NULL is fine. */
size_t tap_enter (tap_t *tap, const char *format, ...) __attribute__ ((format (printf, 2, 3)));
void tap_leave (tap_t *tap, size_t length);

#endif
