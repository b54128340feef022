/*  What Real-ESRGAN's checkpoints call their tensors; the .weight and .bias are added. */
#ifndef AUT_ENGINE_UPSCALE_NAMES_H
#define AUT_ENGINE_UPSCALE_NAMES_H

#include <stddef.h>

#define UPSCALE_NAME_MAX 64
#define UPSCALE_SRVGG_CONVS_MAX 256
#define UPSCALE_RRDB_BLOCKS_MAX 64
#define UPSCALE_RRDB_DENSE 5  /* convolutions of a dense block, */
#define UPSCALE_RRDB_BLOCK 15 /* of a block of three of them, */
#define UPSCALE_RRDB_TAIL 5   /* and behind the last block */

/*  Layer `index` of an SRVGGNetCompact's body: even ones are convolutions, odd ones slopes. */
void upscale_srvgg_name (char name[UPSCALE_NAME_MAX], size_t index);
/*  Convolution `index` of an RRDBNet of `blocks` blocks, in the order of their use. */
void upscale_rrdb_name (char name[UPSCALE_NAME_MAX], size_t index, size_t blocks);

#endif
