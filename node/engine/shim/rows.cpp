/*  Row by row into given memory: what a convolution's window is filled with.
 *
 *  On the CPU a row is read twice (the second time from the cache) and written once, by loops that
 *  the compiler vectorises. Elsewhere, and for other types than fp32, ATen's operations do it.
 */
#include "node/engine/shim/internal.hpp"

#include <ATen/Parallel.h>
#include <ATen/ops/rms_norm.h>

#include <algorithm>
#include <cmath>

using shim::run_in;

namespace
{

constexpr int64_t lanes = 16;
constexpr int64_t grain = 32768; /* elements below which another thread does not pay */

float length_factor (const float *x, int64_t width, float eps)
{
    float part[lanes] = {};
    int64_t i = 0;
    for (; i + lanes <= width; i += lanes)
        for (int64_t l = 0; l < lanes; l++)
            part[l] += x[i + l] * x[i + l];
    double sum = 0;
    for (; i < width; i++)
        sum += x[i] * x[i];
    for (float p : part)
        sum += p;
    return 1.0f / std::sqrt ((float)(sum / (double)width) + eps);
}

void norm_rows (float *to, const float *from, const float *weight, int64_t count, int64_t width,
                float eps)
{
    int64_t some = std::max<int64_t> (1, grain / std::max<int64_t> (width, 1));
    at::parallel_for (0, count, some, [&] (int64_t begin, int64_t end) {
        for (int64_t r = begin; r < end; r++) {
            const float *__restrict x = from + r * width;
            float *__restrict y = to + r * width;
            float factor = length_factor (x, width, eps);
            for (int64_t i = 0; i < width; i++)
                y[i] = x[i] * factor * weight[i];
        }
    });
}

bool is_plain (const at::Tensor &t)
{
    return t.is_cpu () && t.scalar_type () == at::kFloat && t.is_contiguous ();
}

} // namespace

void aten_rms_norm_into (aten_t *c, tensor_t *target, tensor_t *x, tensor_t *weight, double eps)
{
    run_in (c, __func__, target, {x, weight}, [&] {
        const at::Tensor &v = x->value, &w = weight->value;
        at::Tensor &y = target->value;
        TORCH_CHECK (v.dim () >= 1 && y.sizes () == v.sizes () && w.dim () == 1 &&
                         w.size (0) == v.size (-1),
                     "the target must have x's dimensions, and the weight its last one");
        if (is_plain (v) && is_plain (y) && is_plain (w)) {
            norm_rows (y.mutable_data_ptr<float> (), v.const_data_ptr<float> (),
                       w.const_data_ptr<float> (), w.size (0) ? v.numel () / w.size (0) : 0,
                       w.size (0), (float)eps);
            return;
        }
        y.copy_ (at::rms_norm (v.to (at::kFloat), {w.size (0)}, w.to (at::kFloat), eps));
    });
}
