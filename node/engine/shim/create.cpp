/*  Tensors: asking about them, making them, moving them between the host and the device. */
#include "node/engine/shim/internal.hpp"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/full.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/zeros.h>
#include <c10/core/Event.h>
#include <c10/core/StreamGuard.h>
#include <c10/core/impl/DeviceGuardImplInterface.h>

#include <algorithm>

using shim::run;

namespace
{

constexpr at::ScalarType s_types[AUT_DTYPE_COUNT] = {
    [AUT_DTYPE_BOOL] = at::kBool,
    [AUT_DTYPE_U8] = at::kByte,
    [AUT_DTYPE_I8] = at::kChar,
    [AUT_DTYPE_F8_E4M3] = at::kFloat8_e4m3fn,
    [AUT_DTYPE_F8_E5M2] = at::kFloat8_e5m2,
    [AUT_DTYPE_I16] = at::kShort,
    [AUT_DTYPE_U16] = at::kUInt16,
    [AUT_DTYPE_F16] = at::kHalf,
    [AUT_DTYPE_BF16] = at::kBFloat16,
    [AUT_DTYPE_I32] = at::kInt,
    [AUT_DTYPE_U32] = at::kUInt32,
    [AUT_DTYPE_F32] = at::kFloat,
    [AUT_DTYPE_I64] = at::kLong,
    [AUT_DTYPE_U64] = at::kUInt64,
    [AUT_DTYPE_F64] = at::kDouble,
};

at::TensorOptions on_device (const aten_t *c, aut_dtype_t dtype)
{
    return at::TensorOptions ().dtype (shim::scalar_type (dtype)).device (c->device);
}

at::TensorOptions on_host (aut_dtype_t dtype)
{
    return at::TensorOptions ().dtype (shim::scalar_type (dtype)).device (at::kCPU);
}

/*  A tensor over somebody else's memory; only read. */
at::Tensor over (const void *data, aut_dtype_t dtype, at::IntArrayRef dims)
{
    TORCH_CHECK_VALUE (data || c10::multiply_integers (dims) == 0, "no data");
    TORCH_CHECK_VALUE ((uintptr_t)data % aut_dtype_size (dtype) == 0,
                       "the data is not aligned for ", aut_dtype_text (dtype));
    return at::from_blob (const_cast<void *> (data), dims, on_host (dtype));
}

} // namespace

namespace shim
{

at::ScalarType scalar_type (aut_dtype_t dtype)
{
    TORCH_CHECK_VALUE (dtype >= 0 && dtype < AUT_DTYPE_COUNT, "element type ", (int)dtype,
                       " is none");
    return s_types[dtype];
}

aut_dtype_t dtype_of (at::ScalarType type)
{
    const auto *found = std::find (std::begin (s_types), std::end (s_types), type);
    return (aut_dtype_t)(found - s_types);
}

at::IntArrayRef dims_of (size_t rank, const int64_t *dims)
{
    TORCH_CHECK_VALUE (rank <= AUT_TENSOR_RANK_MAX, rank, " dimensions; the most is ",
                       AUT_TENSOR_RANK_MAX);
    int64_t bytes = 16; /* no element is larger */
    bool fits = true;
    for (size_t i = 0; i < rank; i++) {
        TORCH_CHECK_VALUE (dims[i] >= 0, "dimension ", i, " is ", dims[i]);
        fits = fits && !__builtin_mul_overflow (bytes, std::max<int64_t> (dims[i], 1), &bytes);
    }
    TORCH_CHECK_VALUE (fits, "the dimensions give more elements than memory can have");
    return {dims, rank};
}

} // namespace shim

size_t aten_rank (const tensor_t *t)
{
    return t ? (size_t)t->value.dim () : 0;
}

int64_t aten_dim (const tensor_t *t, int dim)
{
    int64_t rank = t ? t->value.dim () : 0;
    int64_t at = dim < 0 ? dim + rank : dim;
    return at >= 0 && at < rank ? t->value.size (at) : 0;
}

int64_t aten_count (const tensor_t *t)
{
    return t ? t->value.numel () : 0;
}

aut_dtype_t aten_dtype (const tensor_t *t)
{
    return t ? shim::dtype_of (t->value.scalar_type ()) : AUT_DTYPE_COUNT;
}

const void *aten_host_data (const tensor_t *t)
{
    return t && t->value.is_cpu () && t->value.is_contiguous () ? t->value.const_data_ptr ()
                                                                : nullptr;
}

bool aten_has_dims (const tensor_t *t, size_t rank, const int64_t *dims)
{
    if (!t || aten_rank (t) != rank)
        return false;
    for (size_t i = 0; i < rank; i++)
        if (dims[i] != -1 && dims[i] != t->value.size ((int64_t)i))
            return false;
    return true;
}

tensor_t *aten_empty (aten_t *c, aut_dtype_t dtype, size_t rank, const int64_t *dims)
{
    return run (c, __func__, {},
                [&] { return at::empty (shim::dims_of (rank, dims), on_device (c, dtype)); });
}

tensor_t *aten_zeros (aten_t *c, aut_dtype_t dtype, size_t rank, const int64_t *dims)
{
    return run (c, __func__, {},
                [&] { return at::zeros (shim::dims_of (rank, dims), on_device (c, dtype)); });
}

tensor_t *aten_full (aten_t *c, double value, aut_dtype_t dtype, size_t rank, const int64_t *dims)
{
    return run (c, __func__, {},
                [&] { return at::full (shim::dims_of (rank, dims), value, on_device (c, dtype)); });
}

tensor_t *aten_from_host (aten_t *c, const void *data, aut_dtype_t dtype, size_t rank,
                          const int64_t *dims)
{
    return run (c, __func__, {}, [&] {
        return over (data, dtype, shim::dims_of (rank, dims))
            .to (on_device (c, dtype), /*non_blocking=*/false, /*copy=*/true);
    });
}

tensor_t *aten_borrow_host (aten_t *c, const void *data, aut_dtype_t dtype, size_t rank,
                            const int64_t *dims)
{
    return run (c, __func__, {}, [&] { return over (data, dtype, shim::dims_of (rank, dims)); });
}

tensor_t *aten_pin (aten_t *c, tensor_t *host)
{
    if (c && c->device.is_cpu ())
        return c->error ? nullptr : host;
    return run (c, __func__, {host}, [&] { return host->value.contiguous ().pin_memory (); });
}

tensor_t *aten_randn (aten_t *c, uint64_t seed, size_t rank, const int64_t *dims)
{
    return run (c, __func__, {}, [&] {
        auto generator = at::make_generator<at::CPUGeneratorImpl> (seed);
        return at::randn (shim::dims_of (rank, dims), generator, on_host (AUT_DTYPE_F32))
            .to (c->device);
    });
}

tensor_t *aten_to_device (aten_t *c, tensor_t *t)
{
    if (c && !c->error && t && t->value.device () == c->device)
        return t;
    return run (c, __func__, {t}, [&] { return t->value.to (c->device); });
}

tensor_t *aten_to_host (aten_t *c, tensor_t *t)
{
    if (c && !c->error && t && t->value.is_cpu ())
        return t;
    return run (c, __func__, {t}, [&] { return t->value.to (at::kCPU); });
}

tensor_t *aten_to (aten_t *c, tensor_t *t, aut_dtype_t dtype)
{
    if (c && !c->error && t && aten_dtype (t) == dtype)
        return t;
    return run (c, __func__, {t}, [&] { return t->value.to (shim::scalar_type (dtype)); });
}

int aten_read (aten_t *c, const tensor_t *t, aut_dtype_t dtype, void *out, size_t size)
{
    if (!t)
        aten_fail (c, AUT_ERR_INTERNAL, "aten_read: no tensor");
    shim::attempt (c, __func__, {t}, {}, [&] {
        size_t needed = (size_t)t->value.numel () * aut_dtype_size (dtype);
        TORCH_CHECK_VALUE (size >= needed, needed, " bytes do not fit in ", size);
        if (needed > 0)
            over (out, dtype, t->value.sizes ()).copy_ (t->value);
    });
    return aten_status (c);
}

/*  The allocator may give the result's memory to the upload stream again only when the computation
 *  that used it is done: record_stream tells it. */
static at::Tensor upload (const aten_t *c, const at::Tensor &host, at::ScalarType type)
{
    c10::Stream compute = c10::impl::getDeviceGuardImpl (c->device.type ())->getStream (c->device);
    c10::StreamGuard guard (*c->upload);
    at::Tensor there = host.to (c->device, /*non_blocking=*/true).to (type);
    there.record_stream (compute);
    return there;
}

tensor_t *aten_upload (aten_t *c, tensor_t *host, aut_dtype_t dtype)
{
    return run (c, __func__, {host}, [&] {
        at::ScalarType type = shim::scalar_type (dtype);
        if (c->device.is_cpu ())
            return host->value.to (type, /*non_blocking=*/false, /*copy=*/true);
        return upload (c, host->value, type);
    });
}

void aten_upload_fence (aten_t *c)
{
    shim::attempt (c, __func__, {}, {}, [&] {
        if (c->device.is_cpu ())
            return;
        c10::Event event (c->device.type ());
        event.record (*c->upload);
        event.block (c10::impl::getDeviceGuardImpl (c->device.type ())->getStream (c->device));
    });
}
