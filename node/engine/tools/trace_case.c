/*  auteur-trace --case: a case's request, its run, and the autoencoder's round trip. */
#include "node/engine/tools/record.h"
#include "node/engine/tools/trace.h"

#include "node/engine/wan/vae.h"

#include "lib/core/error.h"
#include "lib/core/file.h"
#include "lib/core/json.h"
#include "lib/core/mem.h"
#include "lib/core/safetensors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CASE_FILE_MAX (16u << 20)

typedef struct {
    const char *path;
    json_t *root;
    aut_safetensors_t *given; /* pictures and videos; NULL without any */
    record_t *record;
    engine_request_t request;
} case_t;

static int number (const json_t *root, const char *key, double *out)
{
    int rc = aut_json_number (root, key, out);
    return rc == AUT_ERR_NOT_FOUND ? 0 : rc;
}

static int text (const json_t *root, const char *key, const char **out)
{
    int rc = aut_json_string (root, key, out);
    return rc == AUT_ERR_NOT_FOUND ? 0 : rc;
}

static int whole (const json_t *root, const char *key, int64_t *out)
{
    return aut_json_int (root, key, out);
}

static int read_request (case_t *self)
{
    const json_t *root = self->root;
    engine_request_t *r = &self->request;
    int64_t steps = 0, seed = 0;
    int rc = aut_json_string (root, "prompt", &r->prompt);
    if (rc == 0)
        rc = whole (root, "width", &r->width);
    if (rc == 0)
        rc = whole (root, "height", &r->height);
    if (rc == 0)
        rc = whole (root, "frames", &r->frames);
    if (rc == 0)
        rc = whole (root, "steps", &steps);
    if (rc == 0)
        rc = whole (root, "seed", &seed);
    if (rc == 0)
        rc = number (root, "guidance", &r->guidance);
    if (rc == 0)
        rc = number (root, "guidance_2", &r->guidance_2);
    if (rc == 0)
        rc = number (root, "flow_shift", &r->flow_shift);
    if (rc == 0)
        rc = text (root, "negative", &r->negative);
    if (rc == 0 && (steps < 1 || r->width < 1 || r->height < 1 || r->frames < 1))
        rc = aut_fail (AUT_ERR_INVALID, "width, height, frames and steps must be at least 1");
    r->steps = (size_t)steps;
    r->seed = (uint64_t)seed;
    return rc;
}

/*  To what the model can make, as the reference pipelines do it: sizes down, frames to 1 + t·⌊n/t⌋
 *  (t frames a latent frame; 15 become 13, but 16 become 17). */
static void round_size (engine_request_t *r, const engine_facts_t *f)
{
    int64_t w = r->width / f->width_multiple * f->width_multiple;
    int64_t h = r->height / f->height_multiple * f->height_multiple;
    int64_t t = f->frames_multiple - f->frames_offset + 1, n = r->frames;
    if (n % t != 1)
        n = n / t * t + 1;
    if (w != r->width || h != r->height || n != r->frames)
        fprintf (stderr, "auteur-trace: %lldx%lld, %lld frames becomes %lldx%lld, %lld frames\n",
                 (long long)r->width, (long long)r->height, (long long)r->frames, (long long)w,
                 (long long)h, (long long)n);
    r->width = w;
    r->height = h;
    r->frames = n;
}

/*  Python writes the standard deviation of a single number as NaN, which JSON does not have: such
 *  words become empty strings, in place. */
static void quote_words (char *text)
{
    static const char *const words[] = {"NaN", "Infinity", "-Infinity"};
    bool quoted = false;
    for (char *at = text; *at; at++) {
        if (quoted && *at == '\\' && at[1])
            at++;
        else if (*at == '"')
            quoted = !quoted;
        for (size_t i = 0; !quoted && i < sizeof words / sizeof *words; i++)
            if (strncmp (at, words[i], strlen (words[i])) == 0) {
                memset (at, ' ', strlen (words[i]));
                memcpy (at, "\"\"", 2);
                at++;
            }
    }
}

static int load_case (case_t *self)
{
    char *text = NULL;
    size_t size = 0;
    int rc = aut_file_read (self->path, CASE_FILE_MAX, &text, &size);
    if (rc)
        return rc;
    quote_words (text);
    rc = aut_json_parse (&self->root, text, size, self->path);
    free (text);
    return rc;
}

/*  "golden.json" → golden.safetensors, opened if the case lists something given. */
static int open_given (case_t *self)
{
    bool any = false;
    const char *name;
    json_t *entry, *tensors = json_object_get (self->root, "tensors");
    json_object_foreach (tensors, name, entry)
    {
        size_t n = strlen (name);
        any = any || (n > 2 && strcmp (name + n - 2, "u8") == 0);
    }
    if (!any)
        return 0;
    const char *end = strrchr (self->path, '.'), *slash = strrchr (self->path, '/');
    size_t stem = end && (!slash || end > slash) ? (size_t)(end - self->path) : strlen (self->path);
    char *path = aut_sprintf ("%.*s.safetensors", (int)stem, self->path);
    int rc = aut_safetensors_open (&self->given, path);
    free (path);
    return rc;
}

/*  A given tensor of `rank` dimensions, the last 3: an 8-bit picture or video; recorded too. */
static int find_given (case_t *self, const char *name, uint32_t rank, const aut_tensor_t **out)
{
    *out = self->given ? aut_safetensors_find (self->given, name) : NULL;
    if (!*out)
        return aut_fail (AUT_ERR_NOT_FOUND, "%s: the safetensors file beside it has no %s",
                         self->path, name);
    if ((*out)->dtype != AUT_DTYPE_U8 || (*out)->rank != rank || (*out)->shape[rank - 1] != 3 ||
        (*out)->count == 0)
        return aut_fail (AUT_ERR_INVALID, "%s: expected U8 with %u dimensions, the last of them 3",
                         name, rank);
    return record_add_bytes (self->record, name, (*out)->data, 0, (size_t)(*out)->size);
}

static int read_picture (case_t *self, const char *name, engine_picture_t *picture)
{
    const aut_tensor_t *t = NULL;
    if (!record_lists (self->record, name))
        return 0;
    int rc = find_given (self, name, 3, &t);
    if (rc == 0)
        *picture = (engine_picture_t){
            .u8 = t->data, .height = (int64_t)t->shape[0], .width = (int64_t)t->shape[1]};
    return rc;
}

static int take_frame (void *ctx, int64_t index, const float *rgb)
{
    case_t *self = ctx;
    size_t size = (size_t)(self->request.width * self->request.height * 3) * sizeof *rgb;
    return record_add_bytes (self->record, "frames", rgb, (size_t)index * size, size);
}

/*  The decoder's output comes in pieces; everything else is whole. */
typedef struct {
    case_t *trace;
    int64_t at;
} pieces_t;

static bool piece_wanted (void *ctx, const char *name)
{
    pieces_t *self = ctx;
    return record_lists (self->trace->record, name);
}

static void piece_seen (void *ctx, const char *name, aten_t *c, tensor_t *t)
{
    pieces_t *self = ctx;
    int rc;
    if (strcmp (name, "vae.decode.output") == 0) {
        rc = record_add_piece (self->trace->record, name, c, t, 2, self->at);
        self->at += aten_dim (t, 2);
    } else {
        rc = record_add (self->trace->record, name, c, t);
    }
    aten_fail_code (c, rc);
}

static void notice (void *ctx, const char *text)
{
    (void)ctx;
    fprintf (stderr, "auteur-trace: %s\n", text);
}

static int run_pipeline (case_t *self, engine_t *engine)
{
    int rc = read_picture (self, "image.image.u8", &self->request.first);
    if (rc == 0)
        rc = read_picture (self, "image.last_image.u8", &self->request.last);
    if (rc)
        return rc;
    round_size (&self->request, engine_facts (engine));
    pieces_t pieces = {.trace = self};
    tap_t tap = {.wanted = piece_wanted, .seen = piece_seen, .ctx = &pieces};
    engine_events_t events = {.frame = take_frame, .notice = notice, .ctx = self, .tap = &tap};
    return engine_generate (engine, &self->request, &events, NULL);
}

/*  Given frames, as the encoder asks for them: x = u8 / 127.5 − 1. */
static tensor_t *given_frames (void *ctx, aten_t *c, int64_t first, int64_t count)
{
    const aut_tensor_t *video = ctx;
    int64_t h = (int64_t)video->shape[1], w = (int64_t)video->shape[2];
    const uint8_t *bytes = (const uint8_t *)video->data + first * h * w * 3;
    aten_scope_t s = aten_open (c);
    tensor_t *x = aten_from_host (c, bytes, AUT_DTYPE_U8, DIMS (1, count, h, w, 3));
    x = aten_to (c, x, AUT_DTYPE_F32);
    x = aten_add_scalar (c, aten_div_scalar (c, x, 127.5), -1.0);
    return aten_close (c, s, aten_contiguous (c, aten_permute (c, x, DIMS (0, 4, 1, 2, 3))));
}

static int take_decoded (void *ctx, aten_t *c, int64_t first, tensor_t *frames)
{
    case_t *self = ctx;
    return record_add_piece (self->record, "vae.roundtrip.decoded", c, frames, 2, first);
}

static int run_roundtrip (case_t *self, engine_t *engine)
{
    const aut_tensor_t *video = NULL;
    wan_vae_t *vae = NULL;
    int rc = find_given (self, "vae.roundtrip.video_u8", 4, &video);
    if (rc == 0)
        rc = engine_vae (engine, &vae);
    if (rc)
        return rc;
    aten_t *c = engine_aten (engine);
    tap_t *tap_all = record_tap (self->record);
    aten_scope_t s = aten_open (c);
    tensor_t *mean = wan_vae_encode (vae, (int64_t)video->shape[0], (int64_t)video->shape[1],
                                     (int64_t)video->shape[2], given_frames, (void *)video, NULL);
    tap (tap_all, c, mean, "vae.roundtrip.mean");
    size_t at = tap_enter (tap_all, "vae");
    rc = mean ? wan_vae_decode (vae, mean, take_decoded, self, tap_all) : aten_status (c);
    tap_leave (tap_all, at);
    aten_close (c, s, NULL);
    aten_clear (c);
    return rc;
}

static int open_case (case_t *self)
{
    int rc = load_case (self);
    if (rc)
        return rc;
    rc = record_open (&self->record, json_object_get (self->root, "tensors"), self->path);
    if (rc == 0)
        rc = open_given (self);
    if (rc)
        return rc;
    rc = read_request (self);
    return rc ? aut_fail_in (rc, "%s", self->path) : 0;
}

int trace_case (const engine_options_t *options, const char *case_path, const char *out_path)
{
    case_t self = {.path = case_path};
    engine_t *engine = NULL;
    int rc = open_case (&self);
    if (rc == 0)
        rc = engine_open (&engine, options);
    if (rc == 0)
        rc = run_pipeline (&self, engine);
    if (rc == 0 && record_lists_prefix (self.record, "vae.roundtrip."))
        rc = run_roundtrip (&self, engine);
    if (rc == 0)
        rc = record_write (self.record, out_path);
    engine_close (&engine);
    record_close (&self.record);
    aut_safetensors_destroy (&self.given);
    json_decref (self.root);
    return rc;
}
