/*  Tensors: what networks that enlarge pictures are made of. */
#include "node/engine/shim/internal.hpp"

#include <ATen/ops/leaky_relu.h>
#include <ATen/ops/pixel_shuffle.h>
#include <ATen/ops/prelu.h>
#include <ATen/ops/upsample_nearest2d.h>

using shim::run;
using shim::run_in;

tensor_t *aten_prelu (aten_t *c, tensor_t *x, tensor_t *slopes)
{
    return run (c, __func__, {x, slopes}, [&] { return at::prelu (x->value, slopes->value); });
}

tensor_t *aten_leaky_relu_ (aten_t *c, tensor_t *x, double slope)
{
    return run_in (c, __func__, x, {}, [&] { at::leaky_relu_ (x->value, slope); });
}

tensor_t *aten_pixel_shuffle (aten_t *c, tensor_t *x, int64_t factor)
{
    return run (c, __func__, {x}, [&] { return at::pixel_shuffle (x->value, factor); });
}

tensor_t *aten_repeat_pixels (aten_t *c, tensor_t *x, int64_t factor)
{
    return run (c, __func__, {x}, [&] {
        TORCH_CHECK_VALUE (x->value.dim () == 4 && factor > 0,
                           "pictures (B, C, H, W) are enlarged ", "by 1 or more");
        int64_t size[2] = {x->value.size (2) * factor, x->value.size (3) * factor};
        return at::upsample_nearest2d (x->value, at::IntArrayRef (size, 2));
    });
}
