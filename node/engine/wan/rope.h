/*  Rotary positions of the Wan transformer (RoFormer, arXiv 2104.09864, on three axes): each head's
 *  channels are divided among time, height and width, and pairs of neighbours are turned by the
 *  token's place on their axis times a frequency.
 */
#ifndef AUT_ENGINE_WAN_ROPE_H
#define AUT_ENGINE_WAN_ROPE_H

#include "node/engine/shim/aten.h"

/*  Tables of one grid, kept for the next forward of the same size. */
typedef struct {
    int64_t grid[3]; /* tokens of time, height, width */
    tensor_t *cos;   /* (1, N, 1, head_dim) fp32, each value twice in a row; N = product of grid */
    tensor_t *sin;
} wan_rope_t;

/*  Channels of a head that turn with time, height and width: the latter two get 2·⌊head_dim / 6⌋
 *  each. They are even where `head_dim` is. */
void wan_rope_split (int64_t head_dim, int64_t split[3]);

/*  Sees that `self` holds the tables of `grid`, made in fp64 on the host and rounded once. Errors
 *  stick to the context; `self` is empty then. */
void wan_rope_prepare (wan_rope_t *self, aten_t *c, int64_t head_dim, const int64_t grid[3]);
void wan_rope_drop (wan_rope_t *self, aten_t *c);

#endif
