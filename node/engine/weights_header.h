/*  A look at a safetensors file's header before it is parsed: what is parsed takes many times the
 *  memory of its text, so what cannot be a header of weights is refused first.
 */
#ifndef AUT_ENGINE_WEIGHTS_HEADER_H
#define AUT_ENGINE_WEIGHTS_HEADER_H

#include <stdint.h>

/*  The bytes of the header of the file at `path`. AUT_ERR_TOO_LARGE if more objects and arrays are
 *  in it than in that of any file of weights. Everything else that is wrong with a file, even that
 *  there is none, is left to its reader to say: the size is then 0. */
int weights_header_size (uint64_t *out, const char *path);

#endif
