/*  The steps of a diffusion transformer between its matrix products. On the CPU each is one pass
 *  over the data: rows go to threads, and within a row the loops are plain ones over floats in
 * lanes that the compiler turns into vector instructions. Elsewhere, and for other element types
 * than fp32 and bf16, they are composed of ATen's operations.
 */
#include "node/engine/shim/internal.hpp"

#include <ATen/Parallel.h>
#include <ATen/ops/addcmul.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/layer_norm.h>
#include <ATen/ops/rms_norm.h>
#include <ATen/ops/stack.h>

#include <algorithm>
#include <cmath>
#include <cstring>

using shim::run;
using shim::run_in;

namespace
{

constexpr int64_t lanes = 16;
constexpr int64_t grain = 32768; /* elements below which another thread does not pay */

/*  bf16 is the upper half of an fp32. */
struct bf16_t {
    uint16_t bits;
};

inline float widen (float x)
{
    return x;
}

inline float widen (bf16_t x)
{
    uint32_t bits = (uint32_t)x.bits << 16;
    float value;
    memcpy (&value, &bits, sizeof (value));
    return value;
}

inline void narrow (float x, float &out)
{
    out = x;
}

/*  To the nearest, ties to even; a NaN stays one. */
inline void narrow (float x, bf16_t &out)
{
    uint32_t bits;
    memcpy (&bits, &x, sizeof (bits));
    uint32_t rounded = (bits + 0x7FFFu + ((bits >> 16) & 1u)) >> 16;
    out.bits = (uint16_t)((bits & 0x7FFFFFFFu) > 0x7F800000u ? 0x7FC0u : rounded);
}

/*  The data of a tensor whose last dimension is dense, as rows (outer, row). A dimension of 1 is
 *  repeated: its step is 0. */
struct rows_t {
    const float *data;
    int64_t outer, row; /* steps in elements */

    const float *at (int64_t o, int64_t r) const
    {
        return data + o * outer + r * row;
    }
};

bool is_fast (const at::Tensor &t)
{
    return t.is_cpu () && (t.scalar_type () == at::kFloat || t.scalar_type () == at::kBFloat16);
}

/*  (B or 1, N or 1, D) fp32 for x (B, N, D). */
bool is_modulation (const at::Tensor &m, const at::Tensor &x)
{
    return m.is_cpu () && m.scalar_type () == at::kFloat && m.dim () == 3 &&
           m.size (2) == x.size (2) && (m.size (0) == 1 || m.size (0) == x.size (0)) &&
           (m.size (1) == 1 || m.size (1) == x.size (1));
}

rows_t modulation (at::Tensor &m)
{
    if (m.size (2) > 1 && m.stride (2) != 1)
        m = m.contiguous ();
    return {m.const_data_ptr<float> (), m.size (0) > 1 ? m.stride (0) : 0,
            m.size (1) > 1 ? m.stride (1) : 0};
}

/*  Calls body (row) for every row of `width` elements, some rows to a thread. */
template <typename F> void for_rows (int64_t count, int64_t width, F &&body)
{
    at::parallel_for (0, count, std::max<int64_t> (1, grain / std::max<int64_t> (width, 1)),
                      [&] (int64_t begin, int64_t end) {
                          for (int64_t r = begin; r < end; r++)
                              body (r);
                      });
}

/*  Calls body (T *out, const T *x) with the element type of two contiguous tensors. */
template <typename F> void with_type (at::Tensor &out, const at::Tensor &x, F &&body)
{
    if (x.scalar_type () == at::kFloat)
        body (static_cast<float *> (out.mutable_data_ptr ()),
              static_cast<const float *> (x.const_data_ptr ()));
    else
        body (static_cast<bf16_t *> (out.mutable_data_ptr ()),
              static_cast<const bf16_t *> (x.const_data_ptr ()));
}

/*  Σ f (x[i]) in fp32, summed in lanes and then in double: rows are thousands long. */
template <typename T, typename F> float sum_of (const T *x, int64_t width, F &&f)
{
    float part[lanes] = {};
    int64_t i = 0;
    for (; i + lanes <= width; i += lanes)
        for (int64_t l = 0; l < lanes; l++)
            part[l] += f (widen (x[i + l]));
    double sum = 0;
    for (; i < width; i++)
        sum += f (widen (x[i]));
    for (float p : part)
        sum += p;
    return (float)sum;
}

template <typename T>
void norm_row (T *__restrict out, const T *__restrict x, const float *__restrict shift,
               const float *__restrict scale, int64_t width, float eps)
{
    float mean = sum_of (x, width, [] (float v) { return v; }) / (float)width;
    float squares = sum_of (x, width, [mean] (float v) { return (v - mean) * (v - mean); });
    float factor = 1.0f / std::sqrt (squares / (float)width + eps);
    for (int64_t i = 0; i < width; i++)
        narrow ((widen (x[i]) - mean) * factor * (1.0f + scale[i]) + shift[i], out[i]);
}

template <typename T>
void rms_row (T *__restrict out, const T *__restrict x, const float *__restrict weight,
              int64_t width, float eps)
{
    float squares = sum_of (x, width, [] (float v) { return v * v; });
    float factor = 1.0f / std::sqrt (squares / (float)width + eps);
    if (weight)
        for (int64_t i = 0; i < width; i++)
            narrow (widen (x[i]) * factor * weight[i], out[i]);
    else
        for (int64_t i = 0; i < width; i++)
            narrow (widen (x[i]) * factor, out[i]);
}

/*  As rms_row, then the turns of each head's pairs, in place; between the two a value has T's
 * precision. */
template <typename T>
void norm_rope_row (T *x, const float *__restrict weight, const float *__restrict cos,
                    const float *__restrict sin, int64_t heads, int64_t width, float eps)
{
    int64_t all = heads * width;
    float squares = sum_of (x, all, [] (float v) { return v * v; });
    float factor = 1.0f / std::sqrt (squares / (float)all + eps);
    for (int64_t h = 0; h < heads; h++, x += width, weight += width)
        for (int64_t i = 0; i + 1 < width; i += 2) {
            T first, second;
            narrow (widen (x[i]) * factor * weight[i], first);
            narrow (widen (x[i + 1]) * factor * weight[i + 1], second);
            float a = widen (first), b = widen (second);
            narrow (a * cos[i] - b * sin[i], x[i]);
            narrow (a * sin[i + 1] + b * cos[i + 1], x[i + 1]);
        }
}

void norm_rope_fast (at::Tensor &x, const at::Tensor &weight, const at::Tensor &cos,
                     const at::Tensor &sin, double eps)
{
    at::Tensor w = weight.to (at::kFloat).contiguous ();
    at::Tensor c = cos.contiguous (), s = sin.contiguous ();
    int64_t tokens = x.size (1), width = c.size (3), all = x.size (2);
    const auto *w_data = w.const_data_ptr<float> ();
    const auto *c_data = c.const_data_ptr<float> ();
    const auto *s_data = s.const_data_ptr<float> ();
    with_type (x, x, [&] (auto *data, const auto *) {
        for_rows (x.size (0) * tokens, all, [&] (int64_t r) {
            int64_t angle = (r % tokens) * width;
            norm_rope_row (data + r * all, w_data, c_data + angle, s_data + angle, all / width,
                           width, (float)eps);
        });
    });
}

at::Tensor rope_composed (const at::Tensor &x, const at::Tensor &cos, const at::Tensor &sin)
{
    at::Tensor wide = x.to (at::kFloat);
    at::Tensor pairs = wide.unflatten (-1, {-1, 2});
    at::Tensor turned =
        at::stack ({pairs.select (-1, 1).neg (), pairs.select (-1, 0)}, -1).flatten (-2);
    return at::addcmul (wide.mul (cos), turned, sin).to (x.scalar_type ());
}

at::Tensor norm_modulate_fast (const at::Tensor &given, at::Tensor shift, at::Tensor scale,
                               double eps)
{
    at::Tensor x = given.contiguous ();
    at::Tensor out = at::empty (x.sizes (), x.options ());
    int64_t tokens = x.size (1), width = x.size (2);
    rows_t add = modulation (shift), factor = modulation (scale);
    with_type (out, x, [&] (auto *to, const auto *from) {
        for_rows (x.size (0) * tokens, width, [&] (int64_t r) {
            int64_t b = r / tokens, n = r % tokens;
            norm_row (to + r * width, from + r * width, add.at (b, n), factor.at (b, n), width,
                      (float)eps);
        });
    });
    return out;
}

/*  In place; false if x's rows do not follow each other. */
bool gate_add_fast_ (at::Tensor &x, const at::Tensor &other, at::Tensor gate)
{
    if (!x.is_contiguous ())
        return false;
    at::Tensor y = other.contiguous ();
    int64_t tokens = x.size (1), width = x.size (2);
    rows_t factor = modulation (gate);
    with_type (x, y, [&] (auto *to, const auto *added) {
        for_rows (x.size (0) * tokens, width, [&] (int64_t r) {
            auto *row = to + r * width;
            const auto *by = added + r * width;
            const float *gates = factor.at (r / tokens, r % tokens);
            for (int64_t i = 0; i < width; i++)
                narrow (widen (row[i]) + widen (by[i]) * gates[i], row[i]);
        });
    });
    return true;
}

at::Tensor rms_norm_fast (const at::Tensor &given, const std::optional<at::Tensor> &weight,
                          double eps)
{
    at::Tensor x = given.contiguous ();
    at::Tensor out = at::empty (x.sizes (), x.options ());
    int64_t width = x.size (-1);
    at::Tensor wide = weight ? weight->to (at::kFloat).contiguous () : at::Tensor ();
    const float *factor = weight ? wide.const_data_ptr<float> () : nullptr;
    with_type (out, x, [&] (auto *to, const auto *from) {
        for_rows (width ? x.numel () / width : 0, width, [&] (int64_t r) {
            rms_row (to + r * width, from + r * width, factor, width, (float)eps);
        });
    });
    return out;
}

} // namespace

tensor_t *aten_norm_modulate (aten_t *c, tensor_t *x, tensor_t *shift, tensor_t *scale, double eps)
{
    return run (c, __func__, {x, shift, scale}, [&] {
        const at::Tensor &v = x->value;
        TORCH_CHECK (v.dim () == 3, "x must be (B, N, D)");
        if (is_fast (v) && is_modulation (shift->value, v) && is_modulation (scale->value, v))
            return norm_modulate_fast (v, shift->value, scale->value, eps);
        at::Tensor normal = at::layer_norm (v.to (at::kFloat), {v.size (2)}, {}, {}, eps);
        return at::addcmul (shift->value, normal, scale->value.add (1)).to (v.scalar_type ());
    });
}

tensor_t *aten_gate_add_ (aten_t *c, tensor_t *x, tensor_t *y, tensor_t *gate)
{
    return run_in (c, __func__, x, {y, gate}, [&] {
        at::Tensor &v = x->value;
        TORCH_CHECK (v.dim () == 3 && y->value.sizes () == v.sizes (),
                     "x and y must be (B, N, D), the same");
        if (is_fast (v) && y->value.scalar_type () == v.scalar_type () && y->value.is_cpu () &&
            is_modulation (gate->value, v) && gate_add_fast_ (v, y->value, gate->value))
            return;
        if (v.scalar_type () == at::kFloat)
            v.addcmul_ (y->value.to (at::kFloat), gate->value);
        else
            v.copy_ (at::addcmul (v.to (at::kFloat), y->value.to (at::kFloat), gate->value));
    });
}

tensor_t *aten_norm_rope_ (aten_t *c, tensor_t *x, tensor_t *weight, tensor_t *cos, tensor_t *sin,
                           double eps)
{
    return run_in (c, __func__, x, {weight, cos, sin}, [&] {
        at::Tensor &v = x->value;
        const at::Tensor &angles = cos->value, &w = weight->value;
        TORCH_CHECK (v.dim () == 3 && angles.dim () == 4 && angles.size (1) == v.size (1) &&
                         angles.size (3) > 0 && v.size (2) % angles.size (3) == 0 &&
                         angles.size (3) % 2 == 0 && w.dim () == 1 && w.size (0) == v.size (2) &&
                         angles.sizes () == sin->value.sizes () &&
                         angles.numel () == v.size (1) * angles.size (3) &&
                         angles.scalar_type () == at::kFloat &&
                         sin->value.scalar_type () == at::kFloat,
                     "x must be (B, N, H·D), the weight (H·D), cos and sin (1, N, 1, D) of fp32");
        if (is_fast (v) && v.is_contiguous () && w.is_cpu () && angles.is_cpu ()) {
            norm_rope_fast (v, w, angles, sin->value, eps);
            return;
        }
        at::Tensor normal = at::rms_norm (v.to (at::kFloat), {v.size (2)}, w.to (at::kFloat), eps)
                                .to (v.scalar_type ());
        v = rope_composed (normal.unflatten (2, {-1, angles.size (3)}), angles, sin->value)
                .flatten (2);
    });
}

tensor_t *aten_rms_norm (aten_t *c, tensor_t *x, tensor_t *weight, double eps)
{
    return run (c, __func__, {x}, {weight}, [&] {
        const at::Tensor &v = x->value;
        TORCH_CHECK (v.dim () >= 1 && (!weight || (weight->value.dim () == 1 &&
                                                   weight->value.size (0) == v.size (-1))),
                     "the weight must have x's last dimension");
        if (is_fast (v) && (!weight || weight->value.is_cpu ()))
            return rms_norm_fast (v, shim::maybe (weight), eps);
        std::optional<at::Tensor> wide;
        if (weight)
            wide = weight->value.to (at::kFloat);
        return at::rms_norm (v.to (at::kFloat), {v.size (-1)}, wide, eps).to (v.scalar_type ());
    });
}
