/*  Tensors: the part of ATen (LibTorch) that the engine uses, behind C.
 *
 *  A context (`aten_t`) is bound to one device and belongs to one thread. It holds
 *
 *    - the scopes. A tensor belongs to the innermost scope that was open when it was made and is
 *      freed when that scope closes; aten_close moves one result to the outer scope. What must live
 *      longer (weights, caches) is taken out with aten_keep and freed with aten_drop.
 *    - the error. The first one sticks: from then on every call does nothing and gives NULL (or 0),
 *      and a NULL tensor is a fine argument (it gives NULL). So a block is written without a check
 *      per line, and aten_status asks once at its end.
 *
 *  Nothing of C++ comes through: every entry catches everything. Inference mode is on for every
 *  call; there is no autograd. Tensors are dense and strided. Dimensions count from 0, negative
 * ones from the end. Element-wise operations broadcast and promote as PyTorch's do; a scalar
 * argument never changes the dtype of a floating-point tensor.
 *
 *  `DIMS (a, b, c)` stands for the two arguments `size_t rank, const int64_t *dims`.
 */
#ifndef AUT_ENGINE_SHIM_ATEN_H
#define AUT_ENGINE_SHIM_ATEN_H

#include "lib/core/safetensors.h" /* aut_dtype_t */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct aten aten_t;
typedef struct tensor tensor_t;
typedef size_t aten_scope_t;

#define DIMS(...)                                                                                  \
    sizeof ((int64_t[]){__VA_ARGS__}) / sizeof (int64_t), (const int64_t[])                        \
    {                                                                                              \
        __VA_ARGS__                                                                                \
    }

/* ---- contexts ---------------------------------------------------------------------------- */

/*  Which scaled-dot-product attention runs on CUDA; the CPU has one. */
typedef enum {
    ATEN_ATTENTION_AUTO, /* what LibTorch picks */
    ATEN_ATTENTION_CUDNN,
    ATEN_ATTENTION_FLASH,
    ATEN_ATTENTION_EFFICIENT,
    ATEN_ATTENTION_MATH,
} aten_attention_t;

typedef struct {
    const char *device; /* "cpu", "cuda" or "cuda:N" */
    int threads;        /* CPU threads of an operation; 0 = LibTorch's choice. Process-wide */
    bool tf32;          /* CUDA: allow TF32 in fp32 products; off for parity */
    aten_attention_t attention; /* CUDA */
    uint64_t memory_limit;      /* bytes of tensors on the device beyond which an allocation is an
                                 * AUT_ERR_DEVICE_MEMORY; 0 = what the device has. On the CPU it
                                 * counts LibTorch's own allocations (mapped weights are not) */
} aten_options_t;

/*  What a device's memory holds, in bytes. */
typedef struct {
    uint64_t allocated; /* by tensors now */
    uint64_t peak;      /* the most since aten_memory_reset */
    uint64_t available; /* still free on the device, within the limit; 0 = unknown */
    uint64_t total;     /* of the device; 0 = unknown */
} aten_memory_t;

/*  CUDA devices that can be used; 0 without CUDA. Never fails. */
int aten_cuda_count (void);

/*  Makes a context. AUT_ERR_INVALID for a device name that is none, AUT_ERR_UNSUPPORTED for one
 * that is not here (names what is). Freed with aten_destroy, tensors and all. */
int aten_new (aten_t **out, const aten_options_t *options);
void aten_destroy (aten_t **self_p);

/*  0, or the code of the first error; the sentence is then aut_error_detail () again.
 *  AUT_ERR_DEVICE_MEMORY says how much was wanted and how much was free. */
int aten_status (const aten_t *c);
/*  Forgets the error, to try another way. Scopes stay as they are. */
void aten_clear (aten_t *c);
/*  Records an error of the model's own, with aut_fail's detail; the first one stays. Gives NULL, so
 *  that a function can end with it. */
tensor_t *aten_fail (aten_t *c, int code, const char *format, ...)
    __attribute__ ((format (printf, 3, 4)));
/*  Records the error that another module has just reported through aut_fail. 0 does nothing. */
void aten_fail_code (aten_t *c, int code);

bool aten_is_cuda (const aten_t *c);
void aten_memory (const aten_t *c, aten_memory_t *out);
/*  Starts a new peak. */
void aten_memory_reset (aten_t *c);
/*  Gives cached device memory back. */
void aten_trim (aten_t *c);
/*  Waits until the device has done all that was asked of it; errors of kernels appear here. */
void aten_sync (aten_t *c);

/* ---- scopes and lifetimes ----------------------------------------------------------------- */

aten_scope_t aten_open (aten_t *c);
/*  Frees what was made since, but `result` (may be NULL), which the outer scope then owns. Returns
 *  `result`, or NULL after an error. */
tensor_t *aten_close (aten_t *c, aten_scope_t scope, tensor_t *result);
/*  Takes a tensor out of its scope: it lives until aten_drop or the context's end. */
tensor_t *aten_keep (aten_t *c, tensor_t *t);
/*  Frees a tensor now, kept or not, and nulls the caller's pointer. */
void aten_drop (aten_t *c, tensor_t **t_p);
/*  As assigning `next` to a kept variable: drops the old tensor and keeps the new one. */
void aten_assign (aten_t *c, tensor_t **t_p, tensor_t *next);

/* ---- asking ------------------------------------------------------------------------------- */

size_t aten_rank (const tensor_t *t);
int64_t aten_dim (const tensor_t *t, int dim); /* 0 for NULL or out of range */
int64_t aten_count (const tensor_t *t);        /* elements */
aut_dtype_t aten_dtype (const tensor_t *t);
/*  The elements of a contiguous host tensor, or NULL. */
const void *aten_host_data (const tensor_t *t);
/*  Whether the tensor has exactly these dimensions; -1 matches any. */
bool aten_has_dims (const tensor_t *t, size_t rank, const int64_t *dims);

/* ---- making and moving --------------------------------------------------------------------- */

tensor_t *aten_empty (aten_t *c, aut_dtype_t dtype, size_t rank, const int64_t *dims);
tensor_t *aten_zeros (aten_t *c, aut_dtype_t dtype, size_t rank, const int64_t *dims);
tensor_t *aten_full (aten_t *c, double value, aut_dtype_t dtype, size_t rank, const int64_t *dims);
/*  Copies host elements to the device. */
tensor_t *aten_from_host (aten_t *c, const void *data, aut_dtype_t dtype, size_t rank,
                          const int64_t *dims);
/*  A host tensor over memory that the caller keeps alive and unchanged (mapped weights): no copy.
 *  `data` must be aligned for the type. */
tensor_t *aten_borrow_host (aten_t *c, const void *data, aut_dtype_t dtype, size_t rank,
                            const int64_t *dims);
/*  A host copy in page-locked memory where the device is CUDA, else the tensor itself. */
tensor_t *aten_pin (aten_t *c, tensor_t *host);
/*  Standard normal fp32 numbers from PyTorch's CPU generator seeded with `seed`, one draw, then
 * moved to the device: the stream of `torch.randn (dims, generator=torch.Generator ("cpu"))`. */
tensor_t *aten_randn (aten_t *c, uint64_t seed, size_t rank, const int64_t *dims);
/*  On the context's device; the tensor itself if it is there already. */
tensor_t *aten_to_device (aten_t *c, tensor_t *t);
tensor_t *aten_to_host (aten_t *c, tensor_t *t);
/*  In another element type; the tensor itself if it has it. */
tensor_t *aten_to (aten_t *c, tensor_t *t, aut_dtype_t dtype);
/*  Writes all elements, contiguous, as `dtype` into `out` of `size` bytes. Returns aten_status. */
int aten_read (aten_t *c, const tensor_t *t, aut_dtype_t dtype, void *out, size_t size);

/*  Uploads to the device beside the computation: issued now, on a second stream. The computation
 *  that uses the result must be preceded by one aten_upload_fence. On the CPU a plain copy. */
tensor_t *aten_upload (aten_t *c, tensor_t *host, aut_dtype_t dtype);
/*  Later operations wait for all uploads issued so far. */
void aten_upload_fence (aten_t *c);

/* ---- shape --------------------------------------------------------------------------------- */

tensor_t *aten_contiguous (aten_t *c, tensor_t *t);
tensor_t *aten_clone (aten_t *c, tensor_t *t);
/*  A view where strides allow, else a copy. One dimension may be -1. */
tensor_t *aten_reshape (aten_t *c, tensor_t *t, size_t rank, const int64_t *dims);
tensor_t *aten_permute (aten_t *c, tensor_t *t, size_t rank, const int64_t *order);
tensor_t *aten_unsqueeze (aten_t *c, tensor_t *t, int dim);
tensor_t *aten_squeeze (aten_t *c, tensor_t *t, int dim);
/*  A view with dimensions of 1 repeated; -1 keeps one. */
tensor_t *aten_expand (aten_t *c, tensor_t *t, size_t rank, const int64_t *dims);
/*  A view of `length` entries of `dim` from `start`. */
tensor_t *aten_narrow (aten_t *c, tensor_t *t, int dim, int64_t start, int64_t length);
/*  A view of the entries start, start + step, … < end of `dim`. */
tensor_t *aten_slice (aten_t *c, tensor_t *t, int dim, int64_t start, int64_t end, int64_t step);
tensor_t *aten_cat (aten_t *c, int dim, size_t count, tensor_t *const *parts);
/*  Zeros around: (before, after) pairs from the last dimension backwards, as torch's F.pad. */
tensor_t *aten_pad (aten_t *c, tensor_t *t, size_t count, const int64_t *pads);
/*  Copies `source` (broadcast, converted) into the view `target`. */
void aten_copy_into (aten_t *c, tensor_t *target, tensor_t *source);
/*  conv3d weights and inputs in channels-last-3d order (a copy); for CUDA. */
tensor_t *aten_channels_last_3d (aten_t *c, tensor_t *t);

/* ---- arithmetic ------------------------------------------------------------------------------ */

tensor_t *aten_add (aten_t *c, tensor_t *a, tensor_t *b);
tensor_t *aten_sub (aten_t *c, tensor_t *a, tensor_t *b);
tensor_t *aten_mul (aten_t *c, tensor_t *a, tensor_t *b);
tensor_t *aten_div (aten_t *c, tensor_t *a, tensor_t *b);
tensor_t *aten_add_scalar (aten_t *c, tensor_t *a, double s);
tensor_t *aten_mul_scalar (aten_t *c, tensor_t *a, double s);
tensor_t *aten_div_scalar (aten_t *c, tensor_t *a, double s);
/*  a + s·b */
tensor_t *aten_add_scaled (aten_t *c, tensor_t *a, tensor_t *b, double s);
/*  a + b·d */
tensor_t *aten_addcmul (aten_t *c, tensor_t *a, tensor_t *b, tensor_t *d);
/*  In place, of a tensor that nobody else needs as it was; they return `a`. */
tensor_t *aten_add_ (aten_t *c, tensor_t *a, tensor_t *b);
tensor_t *aten_silu_ (aten_t *c, tensor_t *a);
tensor_t *aten_clamp (aten_t *c, tensor_t *a, double low, double high);
tensor_t *aten_sin (aten_t *c, tensor_t *a);
tensor_t *aten_cos (aten_t *c, tensor_t *a);
tensor_t *aten_rsqrt (aten_t *c, tensor_t *a);
tensor_t *aten_exp (aten_t *c, tensor_t *a);
tensor_t *aten_tanh (aten_t *c, tensor_t *a);
/*  Over one dimension, which stays as 1 if `keep`. */
tensor_t *aten_mean (aten_t *c, tensor_t *a, int dim, bool keep);
/*  True if every element is finite; false after an error too (ask aten_status). Syncs. */
bool aten_is_finite (aten_t *c, tensor_t *a);

/* ---- neural networks ---------------------------------------------------------------------------
 */

/*  x·wᵀ + b: x (…, I), w (O, I), b (O) or NULL → (…, O) */
tensor_t *aten_linear (aten_t *c, tensor_t *x, tensor_t *w, tensor_t *b);
/*  aten_gelu_tanh of aten_linear, in as few passes as the device can. */
tensor_t *aten_linear_gelu_tanh (aten_t *c, tensor_t *x, tensor_t *w, tensor_t *b);
/*  x (B, C, H, W), w (O, C, kh, kw), b (O) or NULL; zero padding on both sides. */
tensor_t *aten_conv2d (aten_t *c, tensor_t *x, tensor_t *w, tensor_t *b, const int64_t stride[2],
                       const int64_t padding[2]);
/*  x (B, C, T, H, W), w (O, C, kt, kh, kw), b (O) or NULL; zero padding on both sides. */
tensor_t *aten_conv3d (aten_t *c, tensor_t *x, tensor_t *w, tensor_t *b, const int64_t stride[3],
                       const int64_t padding[3]);
/*  x where it is positive, else x · slope: x (B, C, …), slopes (C) */
tensor_t *aten_prelu (aten_t *c, tensor_t *x, tensor_t *slopes);
/*  The same with one slope, in place; returns x. */
tensor_t *aten_leaky_relu_ (aten_t *c, tensor_t *x, double slope);
/*  (B, C·f², H, W) → (B, C, f·H, f·W) as torch's pixel_shuffle orders them. */
tensor_t *aten_pixel_shuffle (aten_t *c, tensor_t *x, int64_t factor);
/*  (B, C, H, W) → (B, C, f·H, f·W), each pixel f · f times. */
tensor_t *aten_repeat_pixels (aten_t *c, tensor_t *x, int64_t factor);
/*  Over the last dimension; weight and bias (D) or NULL. */
tensor_t *aten_layer_norm (aten_t *c, tensor_t *x, tensor_t *weight, tensor_t *bias, double eps);
/*  x / √(mean (x²) + eps) · weight over the last dimension, in fp32, then x's type. */
tensor_t *aten_rms_norm (aten_t *c, tensor_t *x, tensor_t *weight, double eps);
/*  The same, with a weight, written into `target`, which has x's dimensions. */
void aten_rms_norm_into (aten_t *c, tensor_t *target, tensor_t *x, tensor_t *weight, double eps);
/*  softmax (q·kᵀ·scale + mask)·v: q (B, H, N, D), k, v (B, H, M, D), mask broadcastable to
 *  (B, H, N, M) or NULL; scale 0 means 1/√D. → (B, H, N, D) */
tensor_t *aten_attention (aten_t *c, tensor_t *q, tensor_t *k, tensor_t *v, tensor_t *mask,
                          double scale);
tensor_t *aten_silu (aten_t *c, tensor_t *x);
tensor_t *aten_gelu (aten_t *c, tensor_t *x);      /* with erf */
tensor_t *aten_gelu_tanh (aten_t *c, tensor_t *x); /* the tanh approximation */
/*  Rows of `table` (V, D) for `ids` (…, int64) → (…, D). An id outside the table is an error. */
tensor_t *aten_embedding (aten_t *c, tensor_t *table, tensor_t *ids);

/*  Fused steps of the diffusion transformer, each one pass over the data on the CPU.
 *  (layer_norm (fp32 x, no affine)·(1 + scale) + shift) in x's type: x (B, N, D); shift, scale fp32
 *  (B, 1, D) or (B, N, D). adaLN of DiT (arXiv 2212.09748) */
tensor_t *aten_norm_modulate (aten_t *c, tensor_t *x, tensor_t *shift, tensor_t *scale, double eps);
/*  x + y·gate computed in fp32, into x, which may be a view: x, y (B, N, D); gate fp32 (B, 1, D) or
 *  (B, N, D). Returns x. */
tensor_t *aten_gate_add_ (aten_t *c, tensor_t *x, tensor_t *y, tensor_t *gate);
/*  aten_rms_norm of x (B, N, H·D) over all heads together, then the rotary embedding of each head's
 *  interleaved pairs, in fp32 (RoFormer, arXiv 2104.09864): weight (H·D); cos, sin (1, N, 1, D)
 *  fp32, each value twice in a row. x is used up (no view of it may be used after): returns x,
 *  which holds the result. */
tensor_t *aten_norm_rope_ (aten_t *c, tensor_t *x, tensor_t *weight, tensor_t *cos, tensor_t *sin,
                           double eps);

#ifdef __cplusplus
}
#endif

#endif
