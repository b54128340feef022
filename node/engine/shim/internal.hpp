/*  What the shim's C++ files share: the context, and the one door through which every call to
 *  LibTorch goes.
 *
 *  `attempt` checks that nothing has failed and that no needed tensor is NULL, sets inference mode,
 *  the device and the limit of memory for as long as the call lasts, and turns whatever is thrown
 *  into the context's error. No other code of the shim catches, and none throws outside of it.
 */
#ifndef AUT_ENGINE_SHIM_INTERNAL_HPP
#define AUT_ENGINE_SHIM_INTERNAL_HPP

#define AT_PER_OPERATOR_HEADERS
extern "C" {
#include "lib/core/error.h"
#include "lib/core/safetensors.h"
}
#include "node/engine/shim/aten.h"

#include <ATen/core/Tensor.h>
#include <c10/core/DeviceGuard.h>
#include <c10/core/InferenceMode.h>
#include <c10/core/Stream.h>

#include <initializer_list>
#include <optional>
#include <string>
#include <utility>
#include <vector>

/*  `owner` is the place in aten_t::scopes of the scope that frees it, 0 being what was kept. */
struct tensor {
    at::Tensor value;
    size_t owner = 0;
    size_t place = 0; /* in that scope */
};

using scope_t = std::vector<tensor_t *>;

struct aten {
    at::Device device = at::kCPU;
    uint64_t limit = 0;
    int error = 0;
    std::string detail;
    std::vector<scope_t> scopes; /* [0] what was kept, [1] the outermost, … */
    std::optional<c10::Stream> upload;
};

namespace shim
{

using tensors_t = std::initializer_list<const tensor_t *>;

/*  Enforces a CPU context's limit on this thread's allocations while it lives. 0 = no limit. */
class memory_limit_t
{
  public:
    explicit memory_limit_t (uint64_t bytes);
    ~memory_limit_t ();
    memory_limit_t (const memory_limit_t &) = delete;
    memory_limit_t &operator= (const memory_limit_t &) = delete;

  private:
    uint64_t m_before;
};

/*  Puts the counting allocator in the place of LibTorch's, once in a process. */
void memory_install ();
/*  Gives the freed blocks back to the system that the allocator holds. */
void memory_trim ();
/*  Throws c10::OutOfMemoryError if a CUDA context has more than its limit. */
void memory_check (const aten_t *c);

/*  Within a catch: turns the exception into the context's error. Never throws. */
void fail_from_exception (aten_t *c, const char *name, tensors_t needed, tensors_t optional);

/*  Gives a tensor to the innermost scope. */
tensor_t *adopt (aten_t *c, at::Tensor &&value);

at::ScalarType scalar_type (aut_dtype_t dtype);
aut_dtype_t dtype_of (at::ScalarType type);
/*  Throws if there are too many dimensions or a negative one, or more elements than fit a size. */
at::IntArrayRef dims_of (size_t rank, const int64_t *dims);

inline const at::Tensor &value (const tensor_t *t)
{
    return t->value;
}

inline std::optional<at::Tensor> maybe (const tensor_t *t)
{
    return t ? std::optional<at::Tensor> (t->value) : std::nullopt;
}

/*  True if `body` ran to its end. */
template <typename F>
bool attempt (aten_t *c, const char *name, tensors_t needed, tensors_t optional, F &&body) noexcept
{
    if (!c || c->error)
        return false;
    for (const tensor_t *t : needed)
        if (!t)
            return false;
    try {
        c10::InferenceMode inference;
        c10::OptionalDeviceGuard device;
        if (!c->device.is_cpu ())
            device.reset_device (c->device);
        memory_limit_t limit (c->device.is_cpu () ? c->limit : 0);
        body ();
        return true;
    } catch (...) {
        fail_from_exception (c, name, needed, optional);
        return false;
    }
}

/*  An operation: `body` gives an at::Tensor, which the innermost scope then owns. */
template <typename F>
tensor_t *run (aten_t *c, const char *name, tensors_t needed, tensors_t optional, F &&body) noexcept
{
    tensor_t *result = nullptr;
    attempt (c, name, needed, optional, [&] {
        at::Tensor made = body ();
        if (c->limit && !c->device.is_cpu ())
            memory_check (c);
        result = adopt (c, std::move (made));
    });
    return result;
}

template <typename F>
tensor_t *run (aten_t *c, const char *name, tensors_t needed, F &&body) noexcept
{
    return run (c, name, needed, {}, std::forward<F> (body));
}

/*  An operation in place: gives its first tensor. */
template <typename F>
tensor_t *run_in (aten_t *c, const char *name, tensor_t *target, tensors_t others,
                  F &&body) noexcept
{
    return attempt (c, name, {target}, {}, [] {}) && attempt (c, name, others, {target}, body)
               ? target
               : nullptr;
}

} // namespace shim

#endif
