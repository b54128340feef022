/*  A record: tensors by name, gathered from taps and written as one safetensors file. */
#ifndef AUT_ENGINE_TOOLS_RECORD_H
#define AUT_ENGINE_TOOLS_RECORD_H

#include "lib/core/json.h"
#include "node/engine/shim/aten.h"
#include "node/engine/tap.h"

typedef struct record record_t;

/*  What shall be recorded: `tensors` is {"name": {"shape": […], "dtype": "float32"}}, borrowed
 * until record_close. AUT_ERR_INVALID names an entry that is wrong (`what`: the file). */
int record_open (record_t **out, const json_t *tensors, const char *what);
void record_close (record_t **self_p);

/*  Whether a name is listed; whether one with this prefix is. */
bool record_lists (const record_t *self, const char *name);
bool record_lists_prefix (const record_t *self, const char *prefix);

/*  A listener that records what is listed. It lives as long as the record. */
tap_t *record_tap (record_t *self);

/*  Records `t` under a listed name, converted to its type. A tensor that is longer than listed in
 *  one dimension is cut there; one that comes in pieces (frames) is put together along `dim`, from
 *  entry `at` on. Anything else that differs from the listed shape is AUT_ERR_INVALID. */
int record_add (record_t *self, const char *name, aten_t *c, tensor_t *t);
int record_add_piece (record_t *self, const char *name, aten_t *c, tensor_t *t, size_t dim,
                      int64_t at);
/*  The same for elements on the host, of the listed type and `size` bytes from byte `offset`. */
int record_add_bytes (record_t *self, const char *name, const void *data, size_t offset,
                      size_t size);

/*  Writes all; AUT_ERR_NOT_FOUND names the listed tensors that never came. */
int record_write (const record_t *self, const char *path);

#endif
