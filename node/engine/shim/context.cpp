/*  Contexts, errors, scopes: everything of the shim that is not an operation. */
#include "node/engine/shim/internal.hpp"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <c10/core/impl/DeviceGuardImplInterface.h>
#include <torch/headeronly/version.h>

#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>

namespace
{

constexpr size_t detail_max = 600;
constexpr size_t scopes_max = 1000; /* deeper is a loop that forgets to close */

/*  The first line of a message, without the backtrace that LibTorch may put below it. */
std::string first_line (const char *text)
{
    std::string line (text, strcspn (text, "\n"));
    if (line.size () > detail_max) {
        line.resize (detail_max);
        while (!line.empty () && ((unsigned char)line.back () & 0xC0) == 0x80)
            line.pop_back ();
        line.resize (line.size () - ((unsigned char)line.back () >= 0xC0));
        line += "…";
    }
    return line;
}

void describe (std::string &out, shim::tensors_t tensors)
{
    for (const tensor_t *t : tensors) {
        if (!t || !t->value.defined ())
            continue;
        out += out.empty () ? " [" : ", ";
        out += aut_dtype_text (aten_dtype (t));
        out += " (";
        for (int64_t i = 0; i < t->value.dim (); i++)
            out += (i ? ", " : "") + std::to_string (t->value.size (i));
        out += ")";
    }
}

bool means_out_of_memory (const char *text)
{
    return strstr (text, "out of memory") || strstr (text, "ALLOC_FAILED") ||
           strstr (text, "can't allocate memory") || strstr (text, "not enough memory");
}

/*  The first error stays. A context without memory for the sentence still has the code. */
void set_error (aten_t *c, int code, const char *detail) noexcept
{
    if (c->error || !code)
        return;
    c->error = code;
    try {
        c->detail = detail;
    } catch (...) {
        c->detail.clear ();
    }
    aut_fail (code, "%s", detail);
}

int code_of_exception (const aten_t *c, std::string &text)
{
    int no_memory = c->device.is_cpu () ? AUT_ERR_DEVICE_MEMORY : AUT_ERR_NOMEM;
    try {
        throw;
    } catch (const c10::OutOfMemoryError &e) {
        text = first_line (e.what_without_backtrace ());
        return AUT_ERR_DEVICE_MEMORY;
    } catch (const std::bad_alloc &) {
        text = "out of memory on the host";
        return no_memory;
    } catch (const c10::Error &e) {
        text = first_line (e.what_without_backtrace ());
        if (means_out_of_memory (text.c_str ()))
            return AUT_ERR_DEVICE_MEMORY;
        if (dynamic_cast<const c10::NotImplementedError *> (&e))
            return AUT_ERR_UNSUPPORTED;
        if (dynamic_cast<const c10::ValueError *> (&e))
            return AUT_ERR_INVALID;
        return AUT_ERR_INTERNAL;
    } catch (const std::exception &e) {
        text = first_line (e.what ());
        return means_out_of_memory (text.c_str ()) ? AUT_ERR_DEVICE_MEMORY : AUT_ERR_INTERNAL;
    } catch (...) {
        text = "an exception of an unknown type";
        return AUT_ERR_INTERNAL;
    }
}

void put (aten_t *c, tensor_t *t, size_t owner)
{
    scope_t &scope = c->scopes[owner];
    scope.push_back (t);
    t->owner = owner;
    t->place = scope.size () - 1;
}

void take (aten_t *c, tensor_t *t)
{
    scope_t &scope = c->scopes[t->owner];
    scope[t->place] = scope.back ();
    scope[t->place]->place = t->place;
    scope.pop_back ();
}

void free_scope (scope_t &scope)
{
    for (tensor_t *t : scope)
        delete t;
    scope.clear ();
}

int parse_device (at::Device &out, const char *text)
{
    if (strcmp (text, "cpu") == 0) {
        out = at::kCPU;
        return 0;
    }
    if (strncmp (text, "cuda", 4) != 0)
        return -1;
    const char *rest = text + 4;
    if (*rest == 0) {
        out = at::Device (at::kCUDA, 0);
        return 0;
    }
    size_t digits = strspn (rest + 1, "0123456789");
    if (*rest != ':' || digits < 1 || digits > 2 || rest[1 + digits])
        return -1;
    out = at::Device (at::kCUDA, (c10::DeviceIndex)strtol (rest + 1, nullptr, 10));
    return 0;
}

/*  Switches of LibTorch that are process-wide. A kernel that cannot do a shape (flash attention
 *  beyond heads of 256) leaves it to the next in the order; math can do all. */
void choose_kernels (const aten_options_t *options)
{
    at::Context &context = at::globalContext ();
    context.setAllowTF32CuBLAS (options->tf32);
    context.setAllowTF32CuDNN (options->tf32);
    if (options->attention == ATEN_ATTENTION_AUTO)
        return;
    bool math = options->attention == ATEN_ATTENTION_MATH;
    context.setSDPUseCuDNN (options->attention == ATEN_ATTENTION_CUDNN);
    context.setSDPUseFlash (options->attention == ATEN_ATTENTION_FLASH);
    context.setSDPUseMemEfficient (!math);
    context.setSDPUseMath (true);
    auto chosen = options->attention == ATEN_ATTENTION_CUDNN ? at::SDPBackend::cudnn_attention
                  : options->attention == ATEN_ATTENTION_FLASH
                      ? at::SDPBackend::flash_attention
                      : at::SDPBackend::efficient_attention;
    if (!math)
        context.setSDPPriorityOrder ({(int64_t)chosen, (int64_t)at::SDPBackend::efficient_attention,
                                      (int64_t)at::SDPBackend::math});
}

void start_device (aten_t *c, const aten_options_t *options)
{
    shim::memory_install ();
    if (options->threads > 0)
        at::set_num_threads (options->threads);
    if (c->device.is_cpu ())
        return;
    choose_kernels (options);
    at::globalContext ().lazyInitDevice (c->device.type ());
    c->upload = c10::impl::getDeviceGuardImpl (c->device.type ())
                    ->getStreamFromGlobalPool (c->device, false);
}

} // namespace

namespace shim
{

void fail_from_exception (aten_t *c, const char *name, tensors_t needed, tensors_t optional)
{
    int code = AUT_ERR_NOMEM;
    try {
        std::string text, shapes;
        code = code_of_exception (c, text);
        describe (shapes, needed);
        describe (shapes, optional);
        text = std::string (name) + ": " + text + shapes + (shapes.empty () ? "" : "]");
        set_error (c, code, text.c_str ());
    } catch (...) {
        set_error (c, code, name);
    }
}

tensor_t *adopt (aten_t *c, at::Tensor &&value)
{
    auto t = std::make_unique<tensor_t> ();
    t->value = std::move (value);
    put (c, t.get (), c->scopes.size () - 1);
    return t.release ();
}

} // namespace shim

int aten_cuda_count (void)
{
    try {
        return c10::impl::hasDeviceGuardImpl (at::kCUDA)
                   ? c10::impl::getDeviceGuardImpl (at::kCUDA)->deviceCount ()
                   : 0;
    } catch (...) {
        return 0;
    }
}

int aten_new (aten_t **out, const aten_options_t *options)
{
    *out = nullptr;
    at::Device device = at::kCPU;
    const char *name = options->device ? options->device : "";
    if (parse_device (device, name) != 0)
        return aut_fail (AUT_ERR_INVALID, "device \"%.40s\": not cpu, cuda or cuda:N", name);
    int count = aten_cuda_count ();
    if (device.is_cuda () && device.index () >= count)
        return aut_fail (AUT_ERR_UNSUPPORTED,
                         "device %s is not here: LibTorch %s finds cpu and %d CUDA device%s", name,
                         TORCH_VERSION, count, count == 1 ? "" : "s");
    aten_t *self = nullptr;
    try {
        self = new aten_t;
        self->device = device;
        self->limit = options->memory_limit;
        self->scopes.resize (2);
    } catch (...) {
        delete self;
        return aut_fail (AUT_ERR_NOMEM, "no memory for a tensor context");
    }
    shim::attempt (self, __func__, {}, {}, [&] { start_device (self, options); });
    int rc = aten_status (self);
    if (rc)
        aten_destroy (&self);
    *out = self;
    return rc;
}

void aten_destroy (aten_t **self_p)
{
    aten_t *self = *self_p;
    *self_p = nullptr;
    if (!self)
        return;
    for (scope_t &scope : self->scopes)
        free_scope (scope);
    delete self;
    shim::memory_trim ();
}

int aten_status (const aten_t *c)
{
    if (!c)
        return aut_fail (AUT_ERR_STATE, "no tensor context");
    return c->error ? aut_fail (c->error, "%s", c->detail.c_str ()) : 0;
}

void aten_clear (aten_t *c)
{
    if (!c)
        return;
    c->error = 0;
    c->detail.clear ();
}

tensor_t *aten_fail (aten_t *c, int code, const char *format, ...)
{
    char text[2 * detail_max];
    va_list args;
    va_start (args, format);
    vsnprintf (text, sizeof (text), format, args);
    va_end (args);
    if (c)
        set_error (c, code, text);
    return nullptr;
}

void aten_fail_code (aten_t *c, int code)
{
    if (!c || !code || c->error)
        return;
    char text[2 * detail_max]; /* the detail is this thread's own, and is about to be written */
    snprintf (text, sizeof (text), "%s", aut_error_detail ());
    set_error (c, code, text);
}

bool aten_is_cuda (const aten_t *c)
{
    return c && c->device.is_cuda ();
}

void aten_sync (aten_t *c)
{
    shim::attempt (c, __func__, {}, {}, [&] {
        if (!c->device.is_cpu ())
            c10::impl::getDeviceGuardImpl (c->device.type ())
                ->synchronizeDevice (c->device.index ());
    });
}

/*  Opens after an error too: the number must be one that the matching close may close. */
aten_scope_t aten_open (aten_t *c)
{
    if (!c)
        return 0;
    if (c->scopes.size () >= scopes_max) {
        aten_fail (c, AUT_ERR_INTERNAL, "aten_open: %zu scopes are open, so some are never closed",
                   scopes_max);
        return 0;
    }
    try {
        c->scopes.emplace_back ();
    } catch (...) {
        aten_fail (c, AUT_ERR_NOMEM, "aten_open: out of memory on the host");
        return 0;
    }
    return c->scopes.size () - 1;
}

tensor_t *aten_close (aten_t *c, aten_scope_t scope, tensor_t *result)
{
    if (!c)
        return nullptr;
    if (scope < 2 || scope >= c->scopes.size ())
        return c->error
                   ? nullptr
                   : aten_fail (c, AUT_ERR_INTERNAL, "aten_close: scope %zu is not open", scope);
    if (result && c->error)
        result = nullptr;
    bool moves = result && result->owner >= scope;
    if (moves)
        take (c, result);
    /* A scope inside that was left by an early return goes too. */
    while (c->scopes.size () > scope) {
        free_scope (c->scopes.back ());
        c->scopes.pop_back ();
    }
    if (moves && !shim::attempt (c, __func__, {}, {}, [&] { put (c, result, scope - 1); })) {
        delete result;
        result = nullptr;
    }
    return result;
}

tensor_t *aten_keep (aten_t *c, tensor_t *t)
{
    bool kept = shim::attempt (c, __func__, {t}, {}, [&] {
        if (t->owner == 0)
            return;
        c->scopes[0].reserve (c->scopes[0].size () + 1);
        take (c, t);
        put (c, t, 0);
    });
    return kept ? t : nullptr;
}

void aten_drop (aten_t *c, tensor_t **t_p)
{
    tensor_t *t = *t_p;
    *t_p = nullptr;
    if (!c || !t)
        return;
    take (c, t);
    delete t;
}

void aten_assign (aten_t *c, tensor_t **t_p, tensor_t *next)
{
    if (*t_p == next)
        return;
    aten_drop (c, t_p);
    *t_p = aten_keep (c, next);
}
