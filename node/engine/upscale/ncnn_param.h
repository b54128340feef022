/*  The text of an ncnn .param, parsed into layers: bounded and strict. Knows the kinds of layers
 *  that networks which upscale are made of, and no others.
 */
#ifndef AUT_ENGINE_UPSCALE_NCNN_PARAM_H
#define AUT_ENGINE_UPSCALE_NCNN_PARAM_H

#include <stddef.h>
#include <stdint.h>

#define NCNN_TEXT_MAX ((size_t)1 << 20)
#define NCNN_LAYERS_MAX 8192
#define NCNN_BLOBS_MAX 16384
#define NCNN_JOINS_MAX 16  /* inputs or outputs of a layer */
#define NCNN_PARAMS_MAX 24 /* parameters' numbers are below this */
#define NCNN_ARRAY_MAX 8

/*  X (name, the file's text) */
#define NCNN_KINDS(X)                                                                              \
    X (INPUT, "Input")                                                                             \
    X (SPLIT, "Split")                                                                             \
    X (CONVOLUTION, "Convolution")                                                                 \
    X (PRELU, "PReLU")                                                                             \
    X (RELU, "ReLU")                                                                               \
    X (PIXEL_SHUFFLE, "PixelShuffle")                                                              \
    X (INTERP, "Interp")                                                                           \
    X (BINARY_OP, "BinaryOp")                                                                      \
    X (ELTWISE, "Eltwise")                                                                         \
    X (CONCAT, "Concat")

typedef enum {
#define NCNN_ENUM(name, text) NCNN_##name,
    NCNN_KINDS (NCNN_ENUM)
#undef NCNN_ENUM
        NCNN_KIND_COUNT
} ncnn_kind_t;

/*  A layer. Blobs are numbered in the order in which layers make them. */
typedef struct {
    ncnn_kind_t kind;
    size_t line; /* in the text, from 1 */
    size_t in_count, out_count;
    uint32_t in[NCNN_JOINS_MAX];
    uint32_t first_out; /* its outputs are first_out, first_out + 1, … */
    uint32_t given;     /* bit i: value[i] stands in the file */
    double value[NCNN_PARAMS_MAX];
    uint32_t array_of; /* the parameter that is an array (0 = parameter 0, so ask array_count) */
    size_t array_count;
    double array[NCNN_ARRAY_MAX];
} ncnn_layer_t;

typedef struct {
    ncnn_layer_t *layers;
    size_t layer_count, blob_count;
} ncnn_param_t;

/*  Parses `size` bytes. AUT_ERR_CORRUPT with `label` and the line for a rule that is broken,
 *  AUT_ERR_UNSUPPORTED for a layer of another kind, AUT_ERR_TOO_LARGE for a bound. Cleared with
 *  ncnn_param_clear, after an error too. */
int ncnn_param_parse (ncnn_param_t *out, const char *text, size_t size, const char *label);
void ncnn_param_clear (ncnn_param_t *self);

/*  Parameter `id` of a layer, or what it is when the file does not say. */
double ncnn_value (const ncnn_layer_t *layer, unsigned id, double otherwise);
const char *ncnn_kind_text (ncnn_kind_t kind);

#endif
