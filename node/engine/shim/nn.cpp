/*  Tensors: the layers of neural networks. */
#include "node/engine/shim/internal.hpp"

#include <ATen/Context.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/jit_type.h>
#include <ATen/ops/aminmax.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/conv3d.h>
#include <ATen/ops/embedding.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/layer_norm.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/mkldnn_convolution.h>
#include <ATen/ops/scaled_dot_product_attention.h>
#include <ATen/ops/silu.h>

#include <algorithm>

using shim::maybe;
using shim::run;

namespace
{

/*  Products smaller than this (multiplications) stay with ATen's own choice of library. */
constexpr int64_t large_product = int64_t (1) << 28;

/*  oneDNN's linear layer with its activation. LibTorch has it as an operator without a C++
 *  function, and only where it was built with oneDNN. */
const std::optional<c10::OperatorHandle> &onednn_linear ()
{
    static const auto handle =
        c10::Dispatcher::singleton ().findSchema ({"mkldnn::_linear_pointwise", ""});
    return handle;
}

/*  On the CPU ATen gives fp32 products to MKL. oneDNN was 10 to 25 % faster on the large ones of an
 *  AMD processor with AVX-512, and it applies bias and activation while a result is in the cache.
 */
bool suits_onednn (const at::Tensor &x, const at::Tensor &w)
{
    return x.is_cpu () && x.scalar_type () == at::kFloat && w.scalar_type () == at::kFloat &&
           w.dim () == 2 && x.dim () >= 2 && x.size (-1) == w.size (1) && x.is_contiguous () &&
           w.is_contiguous () && x.numel () >= large_product / std::max<int64_t> (w.size (0), 1) &&
           at::globalContext ().userEnabledMkldnn () && onednn_linear ().has_value ();
}

at::Tensor run_onednn (const at::Tensor &x, const at::Tensor &w, const std::optional<at::Tensor> &b,
                       const char *activation, const char *algorithm)
{
    c10::impl::GenericList scalars (c10::OptionalType::create (c10::NumberType::get ()));
    torch::jit::Stack stack = {x, w, b, activation, scalars, algorithm};
    onednn_linear ()->callBoxed (stack);
    return stack.front ().toTensor ();
}

} // namespace

tensor_t *aten_linear (aten_t *c, tensor_t *x, tensor_t *w, tensor_t *b)
{
    return run (c, __func__, {x, w}, {b}, [&] {
        return suits_onednn (x->value, w->value)
                   ? run_onednn (x->value, w->value, maybe (b), "none", "")
                   : at::linear (x->value, w->value, maybe (b));
    });
}

tensor_t *aten_linear_gelu_tanh (aten_t *c, tensor_t *x, tensor_t *w, tensor_t *b)
{
    return run (c, __func__, {x, w}, {b}, [&] {
        if (suits_onednn (x->value, w->value))
            return run_onednn (x->value, w->value, maybe (b), "gelu", "tanh");
        at::Tensor y = at::linear (x->value, w->value, maybe (b));
        at::gelu_ (y, "tanh");
        return y;
    });
}

tensor_t *aten_conv2d (aten_t *c, tensor_t *x, tensor_t *w, tensor_t *b, const int64_t stride[2],
                       const int64_t padding[2])
{
    return run (c, __func__, {x, w}, {b}, [&] {
        return at::conv2d (x->value, w->value, maybe (b), at::IntArrayRef (stride, 2),
                           at::IntArrayRef (padding, 2));
    });
}

/*  A weight that aten_channels_last_3d has prepared is meant for oneDNN, which LibTorch leaves
 * aside for small inputs: what it takes then writes each value once per place of the kernel. Shapes
 *  that do not fit go the other way, where they are named. */
static bool is_for_onednn (const at::Tensor &x, const at::Tensor &w, at::IntArrayRef padding)
{
    bool fits = x.is_cpu () && at::globalContext ().userEnabledMkldnn () && at::hasMKLDNN () &&
                x.scalar_type () == at::kFloat && w.scalar_type () == at::kFloat && x.dim () == 5 &&
                w.dim () == 5 && x.numel () > 0 && x.size (1) == w.size (1) &&
                w.is_contiguous (at::MemoryFormat::ChannelsLast3d) && !w.is_contiguous ();
    for (int64_t i = 0; fits && i < 3; i++)
        fits = x.size (2 + i) + 2 * padding[(size_t)i] >= w.size (2 + i);
    return fits;
}

tensor_t *aten_conv3d (aten_t *c, tensor_t *x, tensor_t *w, tensor_t *b, const int64_t stride[3],
                       const int64_t padding[3])
{
    return run (c, __func__, {x, w}, {b}, [&] {
        at::IntArrayRef steps (stride, 3), zeros (padding, 3);
        if (is_for_onednn (x->value, w->value, zeros))
            return at::mkldnn_convolution (x->value, w->value, maybe (b), zeros, steps, {1, 1, 1},
                                           1);
        return at::conv3d (x->value, w->value, maybe (b), steps, zeros);
    });
}

tensor_t *aten_layer_norm (aten_t *c, tensor_t *x, tensor_t *weight, tensor_t *bias, double eps)
{
    return run (c, __func__, {x}, {weight, bias}, [&] {
        return at::layer_norm (x->value, {x->value.size (-1)}, maybe (weight), maybe (bias), eps);
    });
}

tensor_t *aten_attention (aten_t *c, tensor_t *q, tensor_t *k, tensor_t *v, tensor_t *mask,
                          double scale)
{
    return run (c, __func__, {q, k, v}, {mask}, [&] {
        return at::scaled_dot_product_attention (
            q->value, k->value, v->value, maybe (mask), /*dropout_p=*/0, /*is_causal=*/false,
            scale != 0 ? std::optional<double> (scale) : std::nullopt);
    });
}

tensor_t *aten_silu (aten_t *c, tensor_t *x)
{
    return run (c, __func__, {x}, [&] { return at::silu (x->value); });
}

tensor_t *aten_gelu (aten_t *c, tensor_t *x)
{
    return run (c, __func__, {x}, [&] { return at::gelu (x->value); });
}

tensor_t *aten_gelu_tanh (aten_t *c, tensor_t *x)
{
    return run (c, __func__, {x}, [&] { return at::gelu (x->value, "tanh"); });
}

/*  On CUDA an id outside the table would stop the device for good: so they are looked at first. */
tensor_t *aten_embedding (aten_t *c, tensor_t *table, tensor_t *ids)
{
    return run (c, __func__, {table, ids}, [&] {
        if (ids->value.numel () > 0) {
            auto [low, high] = at::aminmax (ids->value);
            int64_t least = low.item<int64_t> (), most = high.item<int64_t> ();
            TORCH_CHECK_VALUE (least >= 0 && most < table->value.size (0), "ids from ", least,
                               " to ", most, " in a table of ", table->value.size (0));
        }
        return at::embedding (table->value, ids->value);
    });
}
