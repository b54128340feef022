/*  golden_compare GOLDEN.json GOLDEN.safetensors TRACE.safetensors: compares every tensor that a
 * case lists with what the engine computed, in the order of the computation, and names the first
 * that leaves its tolerance. Exit 0 if all agree.
 */
#include "lib/core/error.h"
#include "lib/core/json.h"
#include "lib/core/safetensors.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*  In the order of the computation: the first prefix that fits gives stage and tolerance (the
 *  largest absolute difference; 0 = equal). */
static const struct {
    const char *prefix;
    double tolerance;
} stages[] = {
    {"text.prompt.ids", 0},
    {"text.prompt.mask", 0},
    {"text.negative.ids", 0},
    {"text.negative.mask", 0},
    {"text.", 5e-5},
    {"image.image.u8", 0},
    {"image.last_image.u8", 0},
    {"image.clip.pixels", 5e-5},
    {"image.", 5e-5},
    {"scheduler.timesteps", 0},
    {"scheduler.sigmas", 1e-7},
    {"latents.initial", 0},
    {"condition.first_frame_mask", 0},
    {"condition", 1e-4},
    {"transformer.input.timestep", 0},
    {"transformer.input.", 1e-4},
    {"transformer.cond.patch_embedding", 5e-5},
    {"transformer.cond.rope.", 5e-5},
    {"transformer.cond.embed.", 5e-5},
    {"transformer.cond.block.", 5e-5},
    {"transformer.cond.output", 5e-5},
    {"transformer.", 5e-5},
    {"transformer_2.input.timestep", 0},
    {"transformer_2.input.", 1e-4},
    {"transformer_2.", 5e-5},
    {"latents.", 1e-4},
    {"vae.decode.input", 3e-4},
    {"vae.roundtrip.video_u8", 0},
    {"vae.roundtrip.mean", 5e-5},
    {"vae.decoder.", 5e-5},
    {"vae.roundtrip.decoded", 1e-3},
    {"vae.decode.output", 1e-3},
    {"frames", 1e-3},
};

#define STAGE_COUNT (sizeof stages / sizeof *stages)

static size_t stage_of (const char *name)
{
    for (size_t i = 0; i < STAGE_COUNT; i++)
        if (strncmp (name, stages[i].prefix, strlen (stages[i].prefix)) == 0)
            return i;
    return STAGE_COUNT;
}

static int by_stage (const void *a, const void *b)
{
    const char *left = *(const char *const *)a, *right = *(const char *const *)b;
    size_t x = stage_of (left), y = stage_of (right);
    return x != y ? (x > y) - (x < y) : strcmp (left, right);
}

static double value_at (const aut_tensor_t *t, size_t i)
{
    switch (t->dtype) {
    case AUT_DTYPE_F32:
        return ((const float *)t->data)[i];
    case AUT_DTYPE_F64:
        return ((const double *)t->data)[i];
    case AUT_DTYPE_I64:
        return (double)((const int64_t *)t->data)[i];
    case AUT_DTYPE_U8:
        return ((const uint8_t *)t->data)[i];
    default:
        return NAN; /* never equal: a golden has no other types */
    }
}

/*  The largest absolute difference; INFINITY if type or shape differ or a number is none. */
static double difference (const aut_tensor_t *a, const aut_tensor_t *b)
{
    if (a->dtype != b->dtype || a->rank != b->rank)
        return INFINITY;
    for (uint32_t i = 0; i < a->rank; i++)
        if (a->shape[i] != b->shape[i])
            return INFINITY;
    double most = 0;
    for (size_t i = 0; i < a->count; i++) {
        double d = fabs (value_at (a, i) - value_at (b, i));
        if (!(d <= most))
            most = isnan (d) ? INFINITY : d;
    }
    return most;
}

static bool check (const char *name, const aut_safetensors_t *golden,
                   const aut_safetensors_t *trace, bool first)
{
    const aut_tensor_t *want = aut_safetensors_find (golden, name);
    const aut_tensor_t *got = aut_safetensors_find (trace, name);
    size_t stage = stage_of (name);
    double tolerance = stage < STAGE_COUNT ? stages[stage].tolerance : 0;
    double d = want && got ? difference (want, got) : INFINITY;
    bool good = d <= tolerance;
    printf ("%-44s %.2e of %.0e%s\n", name, d, tolerance,
            good    ? ""
            : !got  ? "  MISSING"
            : first ? "  OFF: it starts here"
                    : "  OFF");
    return good;
}

int main (int argc, char **argv)
{
    if (argc != 4) {
        fprintf (stderr, "usage: golden_compare CASE.json GOLDEN.safetensors TRACE.safetensors\n");
        return 2;
    }
    json_t *root = NULL;
    aut_safetensors_t *golden = NULL, *trace = NULL;
    if (aut_json_load (&root, argv[1], 16 << 20) || aut_safetensors_open (&golden, argv[2]) ||
        aut_safetensors_open (&trace, argv[3])) {
        fprintf (stderr, "golden_compare: %s\n", aut_error_detail ());
        return 2;
    }
    json_t *tensors = json_object_get (root, "tensors"), *entry;
    size_t count = 0, off = 0;
    const char **names = calloc (json_object_size (tensors) + 1, sizeof *names), *name;
    if (!names)
        return 2;
    json_object_foreach (tensors, name, entry) names[count++] = name;
    qsort (names, count, sizeof *names, by_stage);
    for (size_t i = 0; i < count; i++)
        off += !check (names[i], golden, trace, off == 0);
    printf ("%zu of %zu tensors agree\n", count - off, count);
    free (names);
    aut_safetensors_destroy (&trace);
    aut_safetensors_destroy (&golden);
    json_decref (root);
    return off || !count;
}
