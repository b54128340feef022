/*  Tensors: element by element, and over one dimension. */
#include "node/engine/shim/internal.hpp"

#include <ATen/ops/add.h>
#include <ATen/ops/addcmul.h>
#include <ATen/ops/aminmax.h>
#include <ATen/ops/clamp.h>
#include <ATen/ops/cos.h>
#include <ATen/ops/div.h>
#include <ATen/ops/exp.h>
#include <ATen/ops/mean.h>
#include <ATen/ops/mul.h>
#include <ATen/ops/rsqrt.h>
#include <ATen/ops/silu.h>
#include <ATen/ops/sin.h>
#include <ATen/ops/sub.h>
#include <ATen/ops/tanh.h>

#include <cmath>

using shim::run;
using shim::run_in;

tensor_t *aten_add (aten_t *c, tensor_t *a, tensor_t *b)
{
    return run (c, __func__, {a, b}, [&] { return at::add (a->value, b->value); });
}

tensor_t *aten_sub (aten_t *c, tensor_t *a, tensor_t *b)
{
    return run (c, __func__, {a, b}, [&] { return at::sub (a->value, b->value); });
}

tensor_t *aten_mul (aten_t *c, tensor_t *a, tensor_t *b)
{
    return run (c, __func__, {a, b}, [&] { return at::mul (a->value, b->value); });
}

tensor_t *aten_div (aten_t *c, tensor_t *a, tensor_t *b)
{
    return run (c, __func__, {a, b}, [&] { return at::div (a->value, b->value); });
}

tensor_t *aten_add_scalar (aten_t *c, tensor_t *a, double s)
{
    return run (c, __func__, {a}, [&] { return at::add (a->value, s); });
}

tensor_t *aten_mul_scalar (aten_t *c, tensor_t *a, double s)
{
    return run (c, __func__, {a}, [&] { return at::mul (a->value, s); });
}

tensor_t *aten_div_scalar (aten_t *c, tensor_t *a, double s)
{
    return run (c, __func__, {a}, [&] { return at::div (a->value, s); });
}

tensor_t *aten_add_scaled (aten_t *c, tensor_t *a, tensor_t *b, double s)
{
    return run (c, __func__, {a, b}, [&] { return at::add (a->value, b->value, s); });
}

tensor_t *aten_addcmul (aten_t *c, tensor_t *a, tensor_t *b, tensor_t *d)
{
    return run (c, __func__, {a, b, d}, [&] { return at::addcmul (a->value, b->value, d->value); });
}

tensor_t *aten_add_ (aten_t *c, tensor_t *a, tensor_t *b)
{
    return run_in (c, __func__, a, {b}, [&] { a->value.add_ (b->value); });
}

tensor_t *aten_silu_ (aten_t *c, tensor_t *a)
{
    return run_in (c, __func__, a, {}, [&] { at::silu_ (a->value); });
}

tensor_t *aten_clamp (aten_t *c, tensor_t *a, double low, double high)
{
    return run (c, __func__, {a}, [&] { return at::clamp (a->value, low, high); });
}

tensor_t *aten_sin (aten_t *c, tensor_t *a)
{
    return run (c, __func__, {a}, [&] { return at::sin (a->value); });
}

tensor_t *aten_cos (aten_t *c, tensor_t *a)
{
    return run (c, __func__, {a}, [&] { return at::cos (a->value); });
}

tensor_t *aten_rsqrt (aten_t *c, tensor_t *a)
{
    return run (c, __func__, {a}, [&] { return at::rsqrt (a->value); });
}

tensor_t *aten_exp (aten_t *c, tensor_t *a)
{
    return run (c, __func__, {a}, [&] { return at::exp (a->value); });
}

tensor_t *aten_tanh (aten_t *c, tensor_t *a)
{
    return run (c, __func__, {a}, [&] { return at::tanh (a->value); });
}

tensor_t *aten_mean (aten_t *c, tensor_t *a, int dim, bool keep)
{
    return run (c, __func__, {a}, [&] { return at::mean (a->value, dim, keep); });
}

/*  In one pass without a tensor of that size: the least and the largest are NaN if any is. */
static bool is_finite (const at::Tensor &t)
{
    if (t.numel () == 0)
        return true;
    at::Tensor wide = t.element_size () > 1 && t.is_floating_point () ? t : t.to (at::kFloat);
    auto [low, high] = at::aminmax (wide);
    return std::isfinite (low.to (at::kDouble).item<double> ()) &&
           std::isfinite (high.to (at::kDouble).item<double> ());
}

bool aten_is_finite (aten_t *c, tensor_t *a)
{
    bool finite = false;
    shim::attempt (c, __func__, {a}, {}, [&] { finite = is_finite (a->value); });
    return finite;
}
