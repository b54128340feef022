/*  What an ncnn graph computes, compared with what SRVGGNetCompact and RRDBNet compute.
 *
 *  Each blob gets a number for the formula that makes it (a 64-bit hash of the operation, its
 *  parameters and its inputs' numbers). The same is done for the architecture that the counts point
 *  at, and the last blob's number must be that one: then every join, slope and factor is right.
 */
#ifndef AUT_ENGINE_UPSCALE_NCNN_GRAPH_H
#define AUT_ENGINE_UPSCALE_NCNN_GRAPH_H

#include "node/engine/upscale/ncnn_param.h"

#include <stdbool.h>

/*  A layer with numbers in the .bin, in its order. */
typedef struct {
    bool slopes;     /* of a PReLU; else a convolution of 3 × 3 */
    int64_t in, out; /* channels; of slopes: `out` */
    size_t line;
} ncnn_part_t;

typedef struct {
    bool rrdb;     /* else SRVGGNetCompact */
    size_t blocks; /* RRDB */
    ncnn_part_t *parts;
    size_t count, convs;
} ncnn_graph_t;

/*  Fills in `out`, which ncnn_graph_clear frees, after an error too. AUT_ERR_CORRUPT for a layer
 *  that makes no sense (with its line), AUT_ERR_UNSUPPORTED for another network. */
int ncnn_graph_read (ncnn_graph_t *out, const ncnn_param_t *param, const char *label);
void ncnn_graph_clear (ncnn_graph_t *self);

#endif
