/*  Pictures for the autoencoder and for CLIP. */
#include "node/engine/pipeline/pipeline.h"
#include "node/engine/vision/preprocess.h"

#include "lib/core/error.h"
#include "lib/core/mem.h"

#include <math.h>
#include <stdlib.h>

/*  (H, W, 3) in [0, 1] → (1, 3, 1, H, W) in [−1, 1] */
static tensor_t *from_floats (aten_t *c, const float *rgb, int64_t frames, int64_t height,
                              int64_t width)
{
    aten_scope_t s = aten_open (c);
    tensor_t *x = aten_from_host (c, rgb, AUT_DTYPE_F32, DIMS (frames, height, width, 3));
    x = aten_add_scalar (c, aten_mul_scalar (c, x, 2.0), -1.0);
    x = aten_permute (c, x, DIMS (3, 0, 1, 2)); /* (3, F, H, W) */
    return aten_close (c, s, aten_unsqueeze (c, aten_contiguous (c, x), 0));
}

static tensor_t *from_bytes (run_t *run, const engine_picture_t *picture)
{
    aten_t *c = run->c;
    const engine_request_t *r = run->request;
    float *pixels = NULL;
    int rc = aut_vae_pixels (&pixels, picture->u8, (uint32_t)picture->width,
                             (uint32_t)picture->height, (uint32_t)r->width, (uint32_t)r->height);
    aten_fail_code (c, rc);
    tensor_t *x = NULL;
    if (rc == 0)
        x = aten_from_host (c, pixels, AUT_DTYPE_F32, DIMS (1, 3, 1, r->height, r->width));
    free (pixels);
    return x;
}

tensor_t *pipeline_picture (run_t *run, const engine_picture_t *picture, const char *name)
{
    aten_t *c = run->c;
    aten_scope_t s = aten_open (c);
    tensor_t *x = picture->f32
                      ? from_floats (c, picture->f32, 1, run->request->height, run->request->width)
                      : from_bytes (run, picture); /* (1, 3, 1, H, W) */
    if (tap_wants (run->tap, "image.%s.preprocessed", name))
        tap (run->tap, c, aten_squeeze (c, x, 2), "image.%s.preprocessed", name);
    return aten_close (c, s, x);
}

tensor_t *pipeline_tail (run_t *run, const float *tail, int64_t count)
{
    return from_floats (run->c, tail, count, run->request->height, run->request->width);
}

/*  CLIP reads 8 bits a channel. */
static uint8_t *to_bytes (const engine_picture_t *picture)
{
    size_t count = (size_t)(picture->width * picture->height * 3);
    uint8_t *bytes = aut_calloc (count, 1);
    for (size_t i = 0; i < count; i++) {
        float v = picture->f32[i] * 255.0f;
        bytes[i] = (uint8_t)(v >= 255.0f ? 255.0f : v > 0.0f ? v + 0.5f : 0.0f);
    }
    return bytes;
}

/*  One picture → (1, 3, S, S) */
static tensor_t *clip_pixels (run_t *run, const aut_clip_preprocess_t *how,
                              const engine_picture_t *picture)
{
    aten_t *c = run->c;
    uint8_t *converted = picture->u8 ? NULL : to_bytes (picture);
    float *pixels = NULL;
    uint32_t w = 0, h = 0;
    int rc = aut_clip_pixels (&pixels, &w, &h, how, converted ? converted : picture->u8,
                              (uint32_t)picture->width, (uint32_t)picture->height);
    aten_fail_code (c, rc);
    tensor_t *x = NULL;
    if (rc == 0)
        x = aten_from_host (c, pixels, AUT_DTYPE_F32, DIMS (1, 3, h, w));
    free (pixels);
    free (converted);
    return x;
}

static int read_processor (run_t *run, aut_clip_preprocess_t *how)
{
    char *folder = folder_path (run->stages->folder, FOLDER_IMAGE_PROCESSOR);
    char *path = aut_sprintf ("%s/preprocessor_config.json", folder);
    int rc = aut_clip_preprocess_load (how, path);
    free (path);
    free (folder);
    return rc;
}

int pipeline_encode_clip (run_t *run, const engine_picture_t *const *pictures, size_t count)
{
    aten_t *c = run->c;
    aut_clip_preprocess_t how;
    int rc = read_processor (run, &how);
    aten_fail_code (c, rc);
    clip_t *clip = rc || run->image ? NULL : stages_clip (run->stages);
    if (!clip)
        return aten_status (c);
    aten_scope_t s = aten_open (c);
    tensor_t *pixels[2] = {NULL, NULL};
    for (size_t i = 0; i < count && i < 2; i++)
        pixels[i] = clip_pixels (run, &how, pictures[i]);
    tensor_t *x = aten_cat (c, 0, count, pixels); /* (n, 3, S, S) */
    tap (run->tap, c, x, "image.clip.pixels");
    x = clip_encode (clip, x); /* (n, 1 + patches, D) */
    tap (run->tap, c, x, "image.clip.embeds");
    run->image = aten_keep (c, x);
    aten_close (c, s, NULL);
    return aten_status (c);
}
