/*  A network that enlarges pictures: one of the architectures of node/engine/upscaler.h, with its
 *  weights on the device.
 */
#ifndef AUT_ENGINE_UPSCALE_NET_H
#define AUT_ENGINE_UPSCALE_NET_H

#include "node/engine/shim/aten.h"
#include "node/engine/upscaler.h"
#include "node/engine/weights.h"

typedef struct net net_t;

/*  A convolution of 3 × 3 with its bias. */
typedef struct {
    tensor_t *weight, *bias;
} net_conv_t;

/*  What an architecture is. */
typedef struct {
    /*  MUST load the weights whose names begin with `prefix`, checking every shape, and fill in
     *  facts and pixel_bytes. Errors go to the context. */
    void (*load) (net_t *self, weights_t *weights, const char *prefix);
    /*  MUST enlarge x (1, 3, H, W); x stays as it is. */
    tensor_t *(*forward) (const net_t *self, tensor_t *x);
} net_ops_t;

struct net {
    const net_ops_t *ops;
    aten_t *c;
    upscaler_facts_t facts;
    uint64_t pixel_bytes; /* of tensors at once, for each input pixel */
    net_conv_t *convs;    /* in the order of their use */
    tensor_t **slopes;    /* SRVGG: of the PReLU after each convolution but the last */
    size_t conv_count, slope_count;
    int64_t grow; /* RRDB */
};

extern const net_ops_t net_srvgg;
extern const net_ops_t net_rrdb;

/*  Loads what `weights` are of: the architecture is told by the names. Tensors may lie in the
 *  mapping of `weights`, which must outlive the net. Freed with net_close. */
int net_open (net_t **out, aten_t *c, weights_t *weights);
void net_close (net_t **self_p);

/*  For architectures: makes room for so many convolutions and slopes, none of them loaded. */
void net_reserve (net_t *self, size_t convs, size_t slopes);
/*  Loads convolution `index`, of `in` to `out` channels, as `prefix` + `name` + ".weight", ".bias".
 */
void net_load_conv (net_t *self, weights_t *weights, size_t index, int64_t in, int64_t out,
                    const char *prefix, const char *name);
/*  Convolution `index` of x, with a border of zeros. Frees *x_p, if it is given. */
tensor_t *net_conv (const net_t *self, size_t index, tensor_t *x, tensor_t **x_p);

#endif
