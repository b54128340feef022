/*  Tensors: operations that change a shape and no value. */
#include "node/engine/shim/internal.hpp"

#include <ATen/ops/cat.h>
#include <ATen/ops/clone.h>
#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/narrow.h>
#include <ATen/ops/permute.h>
#include <ATen/ops/reshape.h>
#include <ATen/ops/slice.h>
#include <ATen/ops/squeeze.h>
#include <ATen/ops/unsqueeze.h>

using shim::run;

tensor_t *aten_contiguous (aten_t *c, tensor_t *t)
{
    return run (c, __func__, {t}, [&] { return t->value.contiguous (); });
}

tensor_t *aten_clone (aten_t *c, tensor_t *t)
{
    return run (c, __func__, {t}, [&] { return at::clone (t->value); });
}

tensor_t *aten_reshape (aten_t *c, tensor_t *t, size_t rank, const int64_t *dims)
{
    return run (c, __func__, {t},
                [&] { return at::reshape (t->value, at::IntArrayRef (dims, rank)); });
}

tensor_t *aten_permute (aten_t *c, tensor_t *t, size_t rank, const int64_t *order)
{
    return run (c, __func__, {t},
                [&] { return at::permute (t->value, at::IntArrayRef (order, rank)); });
}

tensor_t *aten_unsqueeze (aten_t *c, tensor_t *t, int dim)
{
    return run (c, __func__, {t}, [&] { return at::unsqueeze (t->value, dim); });
}

tensor_t *aten_squeeze (aten_t *c, tensor_t *t, int dim)
{
    return run (c, __func__, {t}, [&] { return at::squeeze (t->value, dim); });
}

tensor_t *aten_expand (aten_t *c, tensor_t *t, size_t rank, const int64_t *dims)
{
    return run (c, __func__, {t}, [&] { return t->value.expand (at::IntArrayRef (dims, rank)); });
}

tensor_t *aten_narrow (aten_t *c, tensor_t *t, int dim, int64_t start, int64_t length)
{
    return run (c, __func__, {t}, [&] { return at::narrow (t->value, dim, start, length); });
}

tensor_t *aten_slice (aten_t *c, tensor_t *t, int dim, int64_t start, int64_t end, int64_t step)
{
    return run (c, __func__, {t}, [&] { return at::slice (t->value, dim, start, end, step); });
}

tensor_t *aten_cat (aten_t *c, int dim, size_t count, tensor_t *const *parts)
{
    for (size_t i = 0; i < count; i++)
        if (!parts[i])
            return nullptr;
    return run (c, __func__, {}, [&] {
        std::vector<at::Tensor> values;
        for (size_t i = 0; i < count; i++)
            values.push_back (parts[i]->value);
        return at::cat (values, dim);
    });
}

tensor_t *aten_pad (aten_t *c, tensor_t *t, size_t count, const int64_t *pads)
{
    return run (c, __func__, {t},
                [&] { return at::constant_pad_nd (t->value, at::IntArrayRef (pads, count), 0); });
}

void aten_copy_into (aten_t *c, tensor_t *target, tensor_t *source)
{
    shim::attempt (c, __func__, {target, source}, {}, [&] { target->value.copy_ (source->value); });
}

tensor_t *aten_channels_last_3d (aten_t *c, tensor_t *t)
{
    return run (c, __func__, {t},
                [&] { return t->value.contiguous (at::MemoryFormat::ChannelsLast3d); });
}
